/* SPDX-License-Identifier: Apache-2.0 */
#include "client_internal.h"

#include <sodium.h>
#include <string.h>

#include "hello.h"

enum { HELLO_ATTEMPTS_MAX = 3 }; /* while connections break under it */

/* Both HELLO's answers, in one: which fields are there depends on how it was said. */
struct welcome {
    char principal[NAME_BYTES_MAX + 1];
    char release[NAME_BYTES_MAX + 1];
    uint8_t connection[CONNECTION_ID_BYTES];
    uint8_t instance_id[INSTANCE_ID_BYTES];
    uint8_t nonce[NONCE_BYTES];
};

static bool
read_exactly(const struct message *message, enum field field, uint8_t *to, size_t size)
{
    struct bytes value;

    if (!message_bytes(message, field, &value) || value.size != size) {
        return false;
    }
    memcpy(to, value.data, size);
    return true;
}

/* Names have NAME_BYTES_MAX bytes at most: the message was parsed. */
static void
copy_text(const char *text, char ret_text[static NAME_BYTES_MAX + 1])
{
    if (text != NULL) {
        memcpy(ret_text, text, strlen(text) + 1);
    }
}

/* The answer to HELLO by key is a challenge; to HELLO by uid and to PROVE, a connection id. */
static enum cv_status
read_welcome(struct slot *slot, const struct request *request, nng_msg *answer, bool challenge,
             struct welcome *ret_welcome, struct failure *failure)
{
    const struct message *message;
    const char *fault;
    bool whole;
    struct bytes bytes = bytes_of(nng_msg_body(answer), nng_msg_len(answer));
    struct cv_reply *reply = reply_decode(slot->parser, request, bytes);

    enum cv_status status = reply->status;
    if (status != CV_OK) {
        failure_set(failure, status, "%s", reply->message);
        failure->retry_after_s = reply->retry_after_s;
    }
    copy_text(reply->principal, ret_welcome->principal);
    copy_text(reply->release, ret_welcome->release);
    cv_reply_free(&reply);
    if (status != CV_OK) {
        return status;
    }
    if (message_parse(slot->parser, bytes, &message, &fault) != STATUS_OK) {
        return failure_set(failure, CV_INTERNAL, "out of memory");
    }
    if (challenge) {
        whole =
            read_exactly(message, FIELD_INSTANCE, ret_welcome->instance_id, INSTANCE_ID_BYTES) &&
            read_exactly(message, FIELD_NONCE, ret_welcome->nonce, NONCE_BYTES);
    } else {
        whole =
            read_exactly(message, FIELD_CONNECTION, ret_welcome->connection, CONNECTION_ID_BYTES);
    }
    if (!whole) {
        return failure_set(failure, CV_INTERNAL,
                           "the vault's answer to HELLO does not follow the protocol");
    }
    return CV_OK;
}

static enum cv_status
ask(struct cv_client *client, struct slot *slot, const struct request *request,
    uint64_t deadline_ms, struct welcome *ret_welcome, struct failure *failure)
{
    nng_msg *message = NULL, *answer = NULL;
    bool challenge = request->operation == OP_HELLO && client->identity != NULL;
    enum cv_status status = request_encode(request, NULL, &message, failure);

    if (status != CV_OK) {
        return status;
    }
    if (exchange_run(client, slot, &message, deadline_ms, &answer) != EXCHANGE_ANSWERED) {
        return failure_set(failure, CV_UNAVAILABLE,
                           "the vault at %s does not answer HELLO; nothing else was sent",
                           client->path);
    }
    status = read_welcome(slot, request, answer, challenge, ret_welcome, failure);
    message_wipe(&answer);
    return status;
}

static const uint8_t *
public_half(const struct cv_client *client)
{
    return client->identity->secret_key + crypto_sign_SEEDBYTES;
}

static enum cv_status
prove(struct cv_client *client, struct slot *slot, const uint8_t *client_nonce,
      uint64_t deadline_ms, struct welcome *welcome, struct failure *failure)
{
    uint8_t transcript[HELLO_TRANSCRIPT_BYTES];
    uint8_t signature[SIGNATURE_BYTES];
    struct request request = {.operation = OP_PROVE};
    struct hello hello = {
        .instance_id = welcome->instance_id,
        .public_key = public_half(client),
        .client_nonce = client_nonce,
        .vault_nonce = welcome->nonce,
        .uid = client->own_uid,
    };

    hello_transcript(&hello, transcript);
    crypto_sign_detached(signature, NULL, transcript, sizeof transcript,
                         client->identity->secret_key);
    request_add_bytes(&request, FIELD_SIGNATURE, bytes_of(signature, sizeof signature));
    request_add_uint(&request, FIELD_UID, client->own_uid);
    return ask(client, slot, &request, deadline_ms, welcome, failure);
}

static enum cv_status
say_hello(struct cv_client *client, struct slot *slot, uint64_t deadline_ms,
          struct welcome *ret_welcome, struct failure *failure)
{
    uint8_t nonce[NONCE_BYTES];
    struct request request = {.operation = OP_HELLO};

    randombytes_buf(nonce, sizeof nonce);
    request_add_uint(&request, FIELD_VERSION, PROTOCOL_VERSION);
    if (client->identity != NULL) {
        request_add_bytes(&request, FIELD_PUBLIC_KEY,
                          bytes_of(public_half(client), PUBLIC_KEY_BYTES));
    }
    request_add_bytes(&request, FIELD_NONCE, bytes_of(nonce, sizeof nonce));
    enum cv_status status = ask(client, slot, &request, deadline_ms, ret_welcome, failure);
    if (status != CV_OK || client->identity == NULL) {
        return status;
    }
    return prove(client, slot, nonce, deadline_ms, ret_welcome, failure);
}

/* A connection that breaks on the way is no answer: HELLO is said again on the next. */
static enum cv_status
say_hello_persistently(struct cv_client *client, struct slot *slot, uint64_t deadline_ms,
                       struct session *ret_session)
{
    struct welcome welcome = {0};
    enum cv_status status = CV_UNAVAILABLE;

    for (int i = 0; i < HELLO_ATTEMPTS_MAX; i++) {
        ret_session->generation = link_generation(client);
        status = say_hello(client, slot, deadline_ms, &welcome, &ret_session->failure);
        bool moved = ret_session->generation != link_generation(client);
        if (status == CV_OK || (status != CV_UNAVAILABLE && !moved) ||
            client_now_ms() >= deadline_ms) {
            break;
        }
        if (link_wait(client, deadline_ms, false, &ret_session->failure) != CV_OK) {
            break;
        }
    }
    ret_session->known = status == CV_OK;
    memcpy(ret_session->connection, welcome.connection, CONNECTION_ID_BYTES);
    memcpy(ret_session->instance_id, welcome.instance_id, INSTANCE_ID_BYTES);
    copy_text(welcome.principal, ret_session->principal);
    copy_text(welcome.release, ret_session->release);
    return status;
}

/* With the lock held. False at the deadline. */
static bool
wait_for_other(struct cv_client *client, uint64_t deadline_ms)
{
    uint64_t attempts = client->session.attempts;

    while (client->session.busy && client->session.attempts == attempts && !client->cancelled &&
           client_wait(client, &client->changed, deadline_ms)) {
    }
    return client->session.attempts != attempts;
}

static bool
is_current(const struct cv_client *client)
{
    return client->session.known && client->session.generation == client->generation;
}

/* With the lock held; lets go of it while HELLO is said. */
static void
lead(struct cv_client *client, struct slot *slot, uint64_t deadline_ms)
{
    struct session *session = &client->session;
    struct session next = {.attempts = session->attempts + 1};

    session->busy = true;
    pthread_mutex_unlock(&client->lock);
    (void)say_hello_persistently(client, slot, deadline_ms, &next);
    pthread_mutex_lock(&client->lock);
    *session = next;
    pthread_cond_broadcast(&client->changed);
}

/*
 * With the lock held. Whoever said it for all may have had less time than we have: then it is our
 * turn. False: no time left.
 */
static bool
settle(struct cv_client *client, struct slot *slot, uint64_t deadline_ms)
{
    while (!is_current(client)) {
        if (!client->session.busy) {
            lead(client, slot, deadline_ms);
            return true;
        }
        if (!wait_for_other(client, deadline_ms)) {
            return false;
        }
        if (client->session.known || client->session.failure.status != CV_UNAVAILABLE) {
            return true;
        }
    }
    return true;
}

enum cv_status
session_ensure(struct cv_client *client, struct slot *slot, uint64_t deadline_ms,
               struct ticket *ret_ticket, struct failure *failure)
{
    enum cv_status status = CV_OK;

    pthread_mutex_lock(&client->lock);
    if (!settle(client, slot, deadline_ms)) {
        status = failure_set(failure, CV_UNAVAILABLE,
                             "the vault at %s does not answer HELLO; nothing else was sent",
                             client->path);
    } else if (!client->session.known) {
        *failure = client->session.failure;
        status = failure->status;
    }
    ret_ticket->attempt = client->session.attempts;
    ret_ticket->generation = client->session.generation;
    memcpy(ret_ticket->connection, client->session.connection, CONNECTION_ID_BYTES);
    memcpy(ret_ticket->instance_id, client->session.instance_id, INSTANCE_ID_BYTES);
    pthread_mutex_unlock(&client->lock);
    return status;
}

void
session_forget(struct cv_client *client, const struct ticket *ticket)
{
    pthread_mutex_lock(&client->lock);
    if (client->session.attempts == ticket->attempt) {
        client->session.known = false;
    }
    pthread_mutex_unlock(&client->lock);
}

struct cv_reply *
session_reply(struct cv_client *client)
{
    char principal[NAME_BYTES_MAX + 1], release[NAME_BYTES_MAX + 1];

    pthread_mutex_lock(&client->lock);
    memcpy(principal, client->session.principal, sizeof principal);
    memcpy(release, client->session.release, sizeof release);
    pthread_mutex_unlock(&client->lock);
    return reply_of_hello(principal, release);
}
