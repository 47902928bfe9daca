/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nng_req: a client of the vault that is nothing but nng's REQ socket and msgpack; nothing of this
 * project is in its include path. Written from proto/PROTOCOL.md.
 *
 * nng_req URL NAMESPACE [--resend]: HELLO by uid; then each line from stdin is a contact: prints
 * its token, and the mask of that token. --resend leaves nng's resend time as it comes. Exit 1: the
 * vault said no. 3: not known whether it was executed.
 */
#include <msgpack.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPERATION, CONNECTION, NAMESPACE, VALUES, VERSION = 6, NONCE = 8 };
enum { STATUS = 32, MESSAGE, ITEMS = 35, TOKEN, MASK, PRINCIPAL = 42 };
enum { HELLO = 2, TOKENIZE = 10, GIVE_MASK = 12 };
enum { ID_BYTES = 16, NONCE_BYTES = 32, REPLY_BYTES_MAX = 2 * 1024 * 1024, PATIENCE_MS = 30000 };

static void
stop(int code, const char *what, const char *why)
{
    fprintf(stderr, "nng_req: %s: %s\n", what, why);
    exit(code);
}

static void
must(int error, const char *what)
{
    if (error != 0) {
        stop(2, what, nng_strerror(error));
    }
}

/* A socket is a file that anybody may have put there. */
static void
check_peer(nng_pipe pipe, nng_pipe_ev event, void *argument)
{
    const uint64_t *vault_uid = argument;
    uint64_t uid = UINT64_MAX;

    (void)event;
    if (nng_pipe_get_uint64(pipe, NNG_OPT_IPC_PEER_UID, &uid) != 0 ||
        (uid != *vault_uid && uid != 0)) {
        (void)nng_pipe_close(pipe);
    }
}

/* ---- what is sent ---- */

static void
put_bin(msgpack_packer *packer, uint64_t field, const void *data, size_t size)
{
    msgpack_pack_uint64(packer, field);
    msgpack_pack_bin(packer, size);
    msgpack_pack_bin_body(packer, data, size);
}

static void
put_uint(msgpack_packer *packer, uint64_t field, uint64_t number)
{
    msgpack_pack_uint64(packer, field);
    msgpack_pack_uint64(packer, number);
}

static void
put_text(msgpack_packer *packer, const char *text, size_t size)
{
    msgpack_pack_str(packer, size);
    msgpack_pack_str_body(packer, text, size);
}

static void
put_call(msgpack_packer *packer, uint64_t operation, const uint8_t *id, msgpack_object_str value)
{
    put_uint(packer, OPERATION, operation);
    put_bin(packer, CONNECTION, id, ID_BYTES);
    msgpack_pack_uint64(packer, VALUES);
    msgpack_pack_array(packer, 1);
    put_text(packer, value.ptr, value.size);
}

/* ---- what comes back ---- */

static const msgpack_object *
find(const msgpack_object *map, uint64_t field)
{
    for (uint32_t i = 0; map->type == MSGPACK_OBJECT_MAP && i < map->via.map.size; i++) {
        const msgpack_object_kv *entry = &map->via.map.ptr[i];

        if (entry->key.type == MSGPACK_OBJECT_POSITIVE_INTEGER && entry->key.via.u64 == field) {
            return &entry->val;
        }
    }
    return NULL;
}

static msgpack_object_str
text_of(const msgpack_object *map, uint64_t field)
{
    const msgpack_object *text = find(map, field);

    if (text == NULL || text->type != MSGPACK_OBJECT_STR) {
        stop(2, "the reply", "a text is missing");
    }
    return text->via.str;
}

/* A reply, or an item of one, that is not ok ends it; an item without a status succeeded. */
static void
must_be_ok(const msgpack_object *map)
{
    const msgpack_object *status = find(map, STATUS);

    if (status != NULL && status->via.u64 != 0) {
        msgpack_object_str message = text_of(map, MESSAGE);

        fprintf(stderr, "nng_req: status %d: %.*s\n", (int)status->via.u64, (int)message.size,
                message.ptr);
        exit(1);
    }
}

/* What was unpacked points into the data. */
struct reply {
    char *data;
    size_t size;
    msgpack_unpacked unpacked;
};

static const msgpack_object *
ask(nng_socket socket, const msgpack_sbuffer *request, struct reply *ret_reply)
{
    int error = nng_send(socket, request->data, request->size, 0);

    if (error == 0) {
        printf("asked\n");
        error = nng_recv(socket, &ret_reply->data, &ret_reply->size, NNG_FLAG_ALLOC);
    }
    if (error != 0) {
        stop(3, "not known whether it was executed", nng_strerror(error));
    }
    msgpack_unpacked_init(&ret_reply->unpacked);
    if (msgpack_unpack_next(&ret_reply->unpacked, ret_reply->data, ret_reply->size, NULL) !=
        MSGPACK_UNPACK_SUCCESS) {
        stop(2, "the reply", "no MessagePack");
    }
    must_be_ok(&ret_reply->unpacked.data);
    return &ret_reply->unpacked.data;
}

static void
reply_free(struct reply *reply)
{
    msgpack_unpacked_destroy(&reply->unpacked);
    nng_free(reply->data, reply->size);
}

/* ---- the exchange ---- */

static void
hello(nng_socket socket, uint8_t ret_id[ID_BYTES])
{
    uint8_t nonce[NONCE_BYTES];
    FILE *random = fopen("/dev/urandom", "rb");
    msgpack_sbuffer request;
    msgpack_packer packer;
    struct reply reply = {0};

    if (random == NULL || fread(nonce, sizeof nonce, 1, random) != 1) {
        stop(2, "/dev/urandom", "cannot be read");
    }
    fclose(random);
    msgpack_sbuffer_init(&request);
    msgpack_packer_init(&packer, &request, msgpack_sbuffer_write);
    msgpack_pack_map(&packer, 3);
    put_uint(&packer, OPERATION, HELLO);
    put_uint(&packer, VERSION, 1);
    put_bin(&packer, NONCE, nonce, sizeof nonce);
    const msgpack_object *welcome = ask(socket, &request, &reply);
    const msgpack_object *id = find(welcome, CONNECTION);
    if (id == NULL || id->type != MSGPACK_OBJECT_BIN || id->via.bin.size != ID_BYTES) {
        stop(2, "the reply", "no connection");
    }
    memcpy(ret_id, id->via.bin.ptr, ID_BYTES);
    msgpack_object_str name = text_of(welcome, PRINCIPAL);
    printf("known as %.*s\n", (int)name.size, name.ptr);
    reply_free(&reply);
    msgpack_sbuffer_destroy(&request);
}

static const msgpack_object *
only_item(const msgpack_object *reply)
{
    const msgpack_object *items = find(reply, ITEMS);

    if (items == NULL || items->type != MSGPACK_OBJECT_ARRAY || items->via.array.size != 1) {
        stop(2, "the reply", "not one item");
    }
    must_be_ok(&items->via.array.ptr[0]);
    return &items->via.array.ptr[0];
}

static void
tokenize_and_mask(nng_socket socket, const uint8_t *id, const char *namespace, const char *contact)
{
    msgpack_object_str value = {.ptr = contact, .size = (uint32_t)strlen(contact)};
    msgpack_sbuffer request;
    msgpack_packer packer;
    struct reply made = {0}, masked = {0};

    msgpack_sbuffer_init(&request);
    msgpack_packer_init(&packer, &request, msgpack_sbuffer_write);
    msgpack_pack_map(&packer, 4);
    put_call(&packer, TOKENIZE, id, value);
    msgpack_pack_uint64(&packer, NAMESPACE);
    put_text(&packer, namespace, strlen(namespace));
    value = text_of(only_item(ask(socket, &request, &made)), TOKEN);
    msgpack_sbuffer_clear(&request);
    msgpack_pack_map(&packer, 3);
    put_call(&packer, GIVE_MASK, id, value);
    msgpack_object_str mask = text_of(only_item(ask(socket, &request, &masked)), MASK);
    printf("%.*s %.*s\n", (int)value.size, value.ptr, (int)mask.size, mask.ptr);
    reply_free(&masked);
    reply_free(&made);
    msgpack_sbuffer_destroy(&request);
}

int
main(int argc, char **argv)
{
    bool resend = argc == 5 && strcmp(argv[4], "--resend") == 0;
    uint8_t id[ID_BYTES];
    char line[256];
    nng_socket socket;

    if (argc != 4 && !resend) {
        stop(2, "usage", "nng_req URL UID NAMESPACE [--resend]");
    }
    uint64_t vault_uid = strtoull(argv[2], NULL, 10);
    must(nng_req0_open(&socket), "open");
    if (!resend) {
        must(nng_socket_set_ms(socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE), "resend");
    }
    must(nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, REPLY_BYTES_MAX), "maximum size");
    must(nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, PATIENCE_MS), "timeout");
    must(nng_pipe_notify(socket, NNG_PIPE_EV_ADD_PRE, check_peer, &vault_uid), "notify");
    must(nng_dial(socket, argv[1], NULL, 0), "dial");
    setvbuf(stdout, NULL, _IOLBF, 0);
    hello(socket, id);
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = 0;
        tokenize_and_mask(socket, id, argv[3], line);
    }
    must(nng_close(socket), "close");
    return 0;
}
