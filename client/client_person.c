/* SPDX-License-Identifier: Apache-2.0 */
/* The calls by which a person enrols, logs in and out, and asks who she is (PROTOCOL.md, "People").
 */
#include "client_internal.h"

#include <sodium.h>
#include <string.h>

#include "person.h"

_Static_assert((int)CV_SECRET_BYTES == (int)TOTP_SECRET_BYTES &&
                   (int)CV_CHALLENGE_BYTES == INSTANCE_ID_BYTES + NONCE_BYTES,
               "as on the wire");

/* What is wrong on this side gives a reply, too. */
static enum cv_status
refuse(const char *why, struct cv_reply **ret_reply)
{
    struct failure failure = {0};

    failure_set(&failure, CV_INVALID, "%s", why);
    *ret_reply = reply_of_failure(&failure);
    return CV_INVALID;
}

static void
add_enrolment(struct request *request, const struct cv_enrolment *enrolment,
              uint8_t key[static CV_KEY_BYTES])
{
    cv_identity_public(enrolment->identity, key);
    request_add_text(request, FIELD_CODE, enrolment->code);
    request_add_bytes(request, FIELD_PUBLIC_KEY, bytes_of(key, CV_KEY_BYTES));
    request_add_text(request, FIELD_NAME, enrolment->name);
}

enum cv_status
cv_enrol_begin(struct cv_client *client, const struct cv_enrolment *enrolment,
               struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_ENROL_BEGIN};
    uint8_t key[CV_KEY_BYTES];

    add_enrolment(&request, enrolment, key);
    return client_call(client, &request, ret_reply);
}

enum cv_status
cv_enrol_confirm(struct cv_client *client, const struct cv_enrolment *enrolment,
                 const struct cv_reply *begun, const char *factor, struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_ENROL_CONFIRM};
    uint8_t key[CV_KEY_BYTES], transcript[ENROL_TRANSCRIPT_BYTES_MAX], signature[SIGNATURE_BYTES];

    if (begun->challenge == NULL || begun->principal == NULL ||
        strlen(begun->principal) > NAME_BYTES_MAX) {
        return refuse("that is no reply of cv_enrol_begin", ret_reply);
    }
    add_enrolment(&request, enrolment, key);
    struct enrolment signed_over = {
        .instance_id = begun->challenge,
        .nonce = begun->challenge + INSTANCE_ID_BYTES,
        .public_key = key,
        .uid = client->own_uid,
        .name = bytes_of_text(begun->principal),
    };
    size_t size = enrol_transcript(&signed_over, transcript);
    crypto_sign_detached(signature, NULL, transcript, size, enrolment->identity->secret_key);
    request_add_text(&request, FIELD_FACTOR, factor);
    request_add_uint(&request, FIELD_UID, client->own_uid);
    request_add_bytes(&request, FIELD_SIGNATURE, bytes_of(signature, sizeof signature));
    return client_call(client, &request, ret_reply);
}

/* Over the connection it is made on: on another it is another. */
static void
sign_login(const struct cv_client *client, const struct ticket *ticket, struct request *request,
           uint8_t *room)
{
    uint8_t transcript[SESSION_TRANSCRIPT_BYTES];
    struct session_certificate certificate = {
        .instance_id = ticket->instance_id,
        .connection = ticket->connection,
        .session_key = request->parameters[0].bytes.data,
    };

    session_transcript(&certificate, transcript);
    crypto_sign_detached(room, NULL, transcript, sizeof transcript, client->identity->secret_key);
    request_add_bytes(request, FIELD_SIGNATURE, bytes_of(room, SIGNATURE_BYTES));
}

enum cv_status
cv_login(struct cv_client *client, const struct cv_identity *session, const char *factor,
         struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_LOGIN, .sign = sign_login};
    uint8_t key[CV_KEY_BYTES];

    if (client->identity == NULL) {
        return refuse("a login is signed by the person's own key: this client has none", ret_reply);
    }
    cv_identity_public(session, key);
    request_add_bytes(&request, FIELD_PUBLIC_KEY, bytes_of(key, sizeof key));
    request_add_text(&request, FIELD_FACTOR, factor);
    return client_call(client, &request, ret_reply);
}

enum cv_status
cv_logout(struct cv_client *client, struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_LOGOUT};

    return client_call(client, &request, ret_reply);
}

enum cv_status
cv_whoami(struct cv_client *client, struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_WHOAMI};

    return client_call(client, &request, ret_reply);
}
