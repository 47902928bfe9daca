/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire_load: a steady load on a vault from nng's asynchronous contexts, made just as echo_load
 * makes its own, so that the two compare vault and echo and not two ways to wait.
 *
 * wire_load URL IDENTITY known|new|mask|detokenize OUTSTANDING SECONDS BATCH CONTACTS
 *
 * One connection; the contacts are those of `vault_load ... fill`. Prints one line as echo_load
 * does.
 */
#include <sodium.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>

#include "bounds.h"
#include "bytes.h"
#include "hello.h"
#include "load.h"
#include "message.h"

enum { OUTSTANDING_MAX = 1024, SECONDS_MAX = 3600, RESEND_NEVER = -1 };

struct call {
    nng_ctx context;
    nng_aio *aio;
    struct message_parser *parser;
    uint32_t state; /* of load_roll */
    bool receiving;
    uint64_t began_us;
    uint8_t request[FRAME_BYTES_MAX / 4];
};

static struct {
    nng_socket socket;
    enum load_act act;
    unsigned batch, contacts;
    uint8_t connection[CONNECTION_ID_BYTES];
    char (*tokens)[LOAD_TOKEN_BYTES];
    atomic_bool ending;
} load;

static void
must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "wire_load: %s\n", what);
        exit(1);
    }
}

static void
must_nng(int error, const char *what)
{
    if (error != 0) {
        fprintf(stderr, "wire_load: %s: %s\n", what, nng_strerror(error));
        exit(1);
    }
}

/* The parsed reply, which must be OK, in every item too. */
static const struct message *
accept_reply(struct message_parser *parser, struct bytes bytes)
{
    const struct message *reply;
    const struct message_list *items;
    const char *fault;
    uint64_t status = STATUS_INTERNAL;

    must(message_parse(parser, bytes, &reply, &fault) == STATUS_OK, "a reply that is none");
    must(message_uint(reply, FIELD_STATUS, &status), "a reply without a status");
    if (status == STATUS_OK && message_list(reply, FIELD_ITEMS, &items)) {
        for (size_t i = 0; status == STATUS_OK && i < message_list_count(items); i++) {
            if (!message_uint(message_list_message(items, i), FIELD_STATUS, &status)) {
                status = STATUS_OK; /* absent: as it should be */
            }
        }
    }
    must(status == STATUS_OK, status_name((enum status)status));
    return reply;
}

/* ---- before the measurement: one call at a time ---- */

static nng_msg *
ask(const struct message_writer *writer)
{
    nng_msg *message;

    must(!writer->full, "a request too large");
    must_nng(nng_msg_alloc(&message, 0), "message");
    must_nng(nng_msg_append(message, writer->data, writer->size), "message");
    must_nng(nng_sendmsg(load.socket, message, 0), "send");
    must_nng(nng_recvmsg(load.socket, &message, 0), "receive");
    return message;
}

static struct bytes
body_of(nng_msg *message)
{
    return bytes_of(nng_msg_body(message), nng_msg_len(message));
}

static void
read_seed(const char *path, uint8_t seed[static crypto_sign_SEEDBYTES])
{
    char line[128] = "";
    FILE *file = fopen(path, "re");
    size_t size;

    must(file != NULL && fgets(line, sizeof line, file) != NULL &&
             fgets(line, sizeof line, file) != NULL &&
             sodium_base642bin(seed, crypto_sign_SEEDBYTES, line, strcspn(line, "\n"), NULL, &size,
                               NULL, sodium_base64_VARIANT_ORIGINAL) == 0,
         "no identity file");
    (void)fclose(file);
}

static void
copy(const struct message *from, enum field field, uint8_t *to, size_t size)
{
    struct bytes value;

    must(message_bytes(from, field, &value) && value.size == size, "a reply without its field");
    memcpy(to, value.data, size);
}

/* PROTOCOL.md, "Identity": by key. */
static void
say_hello(const char *identity, struct message_parser *parser)
{
    uint8_t seed[crypto_sign_SEEDBYTES], public_key[PUBLIC_KEY_BYTES];
    uint8_t secret_key[crypto_sign_SECRETKEYBYTES], client_nonce[NONCE_BYTES];
    uint8_t vault_nonce[NONCE_BYTES], instance[INSTANCE_ID_BYTES], signature[SIGNATURE_BYTES];
    uint8_t transcript[HELLO_TRANSCRIPT_BYTES], data[512];
    struct message_writer writer = {.data = data, .capacity = sizeof data};

    read_seed(identity, seed);
    must(crypto_sign_seed_keypair(public_key, secret_key, seed) == 0, "key");
    randombytes_buf(client_nonce, sizeof client_nonce);
    message_begin(&writer, 4);
    message_put_uint(&writer, FIELD_OPERATION, OP_HELLO);
    message_put_uint(&writer, FIELD_VERSION, PROTOCOL_VERSION);
    message_put_bytes(&writer, FIELD_PUBLIC_KEY, bytes_of(public_key, sizeof public_key));
    message_put_bytes(&writer, FIELD_NONCE, bytes_of(client_nonce, sizeof client_nonce));
    nng_msg *message = ask(&writer);
    const struct message *reply = accept_reply(parser, body_of(message));

    copy(reply, FIELD_INSTANCE, instance, sizeof instance);
    copy(reply, FIELD_NONCE, vault_nonce, sizeof vault_nonce);
    nng_msg_free(message);

    hello_transcript(&(struct hello){instance, public_key, client_nonce, vault_nonce, geteuid()},
                     transcript);
    must(crypto_sign_detached(signature, NULL, transcript, sizeof transcript, secret_key) == 0,
         "signature");
    writer.size = 0;
    message_begin(&writer, 3);
    message_put_uint(&writer, FIELD_OPERATION, OP_PROVE);
    message_put_bytes(&writer, FIELD_SIGNATURE, bytes_of(signature, sizeof signature));
    message_put_uint(&writer, FIELD_UID, geteuid());
    message = ask(&writer);
    copy(accept_reply(parser, body_of(message)), FIELD_CONNECTION, load.connection,
         sizeof load.connection);
    nng_msg_free(message);
}

static void
begin_request(struct message_writer *writer, enum operation operation, size_t count)
{
    message_begin(writer, operation == OP_DETOKENIZE ? 4 : 3);
    message_put_uint(writer, FIELD_OPERATION, operation);
    message_put_bytes(writer, FIELD_CONNECTION, bytes_of(load.connection, sizeof load.connection));
    if (operation == OP_DETOKENIZE) {
        message_put_text(writer, FIELD_REASON, "benchmark");
    }
    message_put_list(writer, FIELD_VALUES, count);
}

static void
fetch_tokens(struct call *call)
{
    for (unsigned from = 0; from < load.contacts; from += LOAD_FETCH_BATCH) {
        unsigned left = load.contacts - from;
        unsigned count = left < LOAD_FETCH_BATCH ? left : LOAD_FETCH_BATCH;
        struct message_writer writer = {.data = call->request, .capacity = sizeof call->request};
        const struct message_list *items;
        char text[LOAD_TEXT_BYTES];

        begin_request(&writer, OP_LOOKUP, count);
        for (unsigned i = 0; i < count; i++) {
            load_known_text(from + i, text);
            message_add_bytes(&writer, bytes_of_text(text));
        }
        nng_msg *message = ask(&writer);

        must(message_list(accept_reply(call->parser, body_of(message)), FIELD_ITEMS, &items),
             "a reply without items");
        for (unsigned i = 0; i < count; i++) {
            copy(message_list_message(items, i), FIELD_TOKEN, (uint8_t *)load.tokens[from + i],
                 TOKEN_TEXT_BYTES);
        }
        nng_msg_free(message);
    }
}

/* ---- the measurement ---- */

static struct bytes
choose(struct call *call, char text[static LOAD_TEXT_BYTES])
{
    unsigned contact = load_roll(&call->state) % load.contacts;

    if (load.act == LOAD_MASK || load.act == LOAD_DETOKENIZE) {
        return bytes_of_text(load.tokens[contact]);
    }
    if (load.act == LOAD_NEW) {
        load_new_text(text);
    } else {
        load_known_text(contact, text);
    }
    return bytes_of_text(text);
}

static void
begin(struct call *call)
{
    static const enum operation operations[LOAD_ACT_COUNT] = {OP_TOKENIZE, OP_TOKENIZE, OP_MASK,
                                                              OP_DETOKENIZE};
    struct message_writer writer = {.data = call->request, .capacity = sizeof call->request};
    char text[LOAD_TEXT_BYTES];
    nng_msg *message;

    begin_request(&writer, operations[load.act], load.batch);
    for (unsigned i = 0; i < load.batch; i++) {
        message_add_bytes(&writer, choose(call, text));
    }
    must(!writer.full, "a request too large");
    must_nng(nng_msg_alloc(&message, writer.size), "message");
    memcpy(nng_msg_body(message), writer.data, writer.size);
    call->receiving = false;
    call->began_us = load_now_us();
    nng_aio_set_msg(call->aio, message);
    nng_ctx_send(call->context, call->aio);
}

static void
step(void *argument)
{
    struct call *call = argument;

    if (atomic_load(&load.ending)) {
        return;
    }
    must_nng(nng_aio_result(call->aio), call->receiving ? "receive" : "send");
    if (!call->receiving) {
        call->receiving = true;
        nng_ctx_recv(call->context, call->aio);
        return;
    }
    nng_msg *message = nng_aio_get_msg(call->aio);

    load_note(load_now_us() - call->began_us);
    (void)accept_reply(call->parser, body_of(message));
    nng_msg_free(message);
    begin(call);
}

static struct call *
open_calls(unsigned count)
{
    struct call *calls = calloc(count, sizeof *calls);

    must(calls != NULL, "memory");
    for (unsigned i = 0; i < count; i++) {
        must(message_parser_new(&calls[i].parser) == STATUS_OK, "memory");
        must_nng(nng_aio_alloc(&calls[i].aio, step, &calls[i]), "aio");
        must_nng(nng_ctx_open(&calls[i].context, load.socket), "context");
        calls[i].state = 2463534242U + i;
    }
    return calls;
}

int
main(int count, char **arguments)
{
    if (count != 8 || (load.act = load_act_of(arguments[3])) == LOAD_ACT_COUNT) {
        fputs("usage: wire_load URL IDENTITY known|new|mask|detokenize OUTSTANDING SECONDS BATCH "
              "CONTACTS\n",
              stderr);
        return 2;
    }
    unsigned outstanding = load_number(arguments[4], OUTSTANDING_MAX);
    unsigned seconds = load_number(arguments[5], SECONDS_MAX);

    load.batch = load_number(arguments[6], LOAD_BATCH_MAX);
    load.contacts = load_number(arguments[7], UINT32_MAX / 2);
    load.tokens = calloc(load.contacts, sizeof *load.tokens);
    must(sodium_init() >= 0 && load.tokens != NULL, "memory");
    must_nng(nng_req0_open(&load.socket), "open");
    must_nng(nng_socket_set_ms(load.socket, NNG_OPT_REQ_RESENDTIME, RESEND_NEVER), "resend time");
    must_nng(nng_socket_set_size(load.socket, NNG_OPT_RECVMAXSZ, FRAME_BYTES_MAX), "limit");
    must_nng(nng_dial(load.socket, arguments[1], NULL, 0), "dial");

    struct call *calls = open_calls(outstanding);

    say_hello(arguments[2], calls[0].parser);
    if (load.act == LOAD_MASK || load.act == LOAD_DETOKENIZE) {
        fetch_tokens(&calls[0]);
    }
    for (unsigned i = 0; i < outstanding; i++) {
        begin(&calls[i]);
    }
    load_measure(outstanding, seconds);
    atomic_store(&load.ending, true);
    /* What is under way ends with the process: nng's threads may still be in a step. */
    return 0;
}
