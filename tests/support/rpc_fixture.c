/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <nng/protocol/reqrep0/req.h>

#include "raw_client.h"

void
sleep_ms(unsigned ms)
{
    struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000L};

    (void)nanosleep(&span, NULL);
}

static void *
tick(void *argument)
{
    struct fixture *fixture = argument;

    while (fixture->ticking) {
        if (!fixture->pausing) {
            server_tick(fixture->server);
        }
        sleep_ms(TICK_MS);
    }
    return NULL;
}

struct server_options
options_of(struct fixture *fixture, struct server_socket sockets[static 2],
           struct server_limits limits)
{
    sockets[0] = (struct server_socket){
        .socket = PEER_DATA, .path = fixture->data_path, .mode = 0666, .group = (gid_t)-1};
    sockets[1] = (struct server_socket){
        .socket = PEER_ADMIN, .path = fixture->admin_path, .mode = 0660, .group = (gid_t)-1};
    return (struct server_options){
        .dispatch = &fixture->dispatch, .sockets = sockets, .socket_count = 2, .limits = limits};
}

struct fixture *
fixture_new(struct server_limits limits)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct server_socket sockets[2];
    struct server_options options;

    assert_non_null(fixture);
    (void)snprintf(fixture->folder, sizeof fixture->folder, "/tmp/test_rpc.XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    (void)snprintf(fixture->data_path, PATH_BYTES, "%s/vault.sock", fixture->folder);
    (void)snprintf(fixture->admin_path, PATH_BYTES, "%s/admin.sock", fixture->folder);
    dispatch_echo_init(&fixture->dispatch);
    options = options_of(fixture, sockets, limits);
    assert_int_equal(server_start(&options, &fixture->server), STATUS_OK);
    fixture->ticking = true;
    assert_int_equal(pthread_create(&fixture->ticker, NULL, tick, fixture), 0);
    return fixture;
}

void
fixture_stop(struct fixture *fixture, uint32_t drain_ms)
{
    fixture->ticking = false;
    assert_int_equal(pthread_join(fixture->ticker, NULL), 0);
    server_stop(&fixture->server, drain_ms);
    assert_null(fixture->server);
}

void
fixture_free(struct fixture *fixture)
{
    if (fixture->server != NULL) {
        dispatch_echo_open_gate(&fixture->dispatch);
        fixture_stop(fixture, 1000);
    }
    dispatch_echo_fini(&fixture->dispatch);
    assert_int_equal(rmdir(fixture->folder), 0); /* no socket was left behind */
    free(fixture);
}

bool
becomes(atomic_uint *counter, unsigned value)
{
    for (unsigned ms = 0; ms < SOON_MS; ms++) {
        if (*counter == value) {
            return true;
        }
        sleep_ms(1);
    }
    return false;
}

void
expect_reply(int fd, uint32_t id, const void *payload, size_t size)
{
    struct raw_reply reply;

    assert_true(raw_reply(fd, &reply));
    assert_int_equal(reply.request_id, id);
    assert_int_equal(reply.size, size);
    assert_memory_equal(reply.payload, payload, size);
    free(reply.payload);
}

void
expect_refusal(int fd, uint32_t id, enum status status)
{
    const uint8_t refusal[] = {ECHO_REFUSED, (uint8_t)status};

    expect_reply(fd, id, refusal, sizeof refusal);
}

uint8_t *
put_frame(uint8_t *frame, uint32_t id, size_t payload_bytes)
{
    frame[0] = 1;
    put_u64(frame + 1, 4 + payload_bytes);
    put_u32(frame + 9, UINT32_C(0x80000000) | id);
    return frame + RAW_HEADER_BYTES;
}

void
expect_echo(int fd, uint32_t id, const char *text)
{
    assert_true(raw_request(fd, id, text, strlen(text)));
    expect_reply(fd, id, text, strlen(text));
}

unsigned
count_served(const int *clients, unsigned count)
{
    unsigned served = 0;

    for (unsigned i = 0; i < count; i++) {
        struct raw_reply reply;

        if (clients[i] >= 0 && raw_request(clients[i], i, "e", 1) &&
            raw_reply(clients[i], &reply)) {
            free(reply.payload);
            served++;
        }
    }
    return served;
}

void
close_clients(const int *clients, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (clients[i] >= 0) {
            close(clients[i]);
        }
    }
}

void
expect_honest_client_is_served(const char *path)
{
    int fd = raw_greeted(path);

    assert_true(fd >= 0);
    expect_echo(fd, 1, "e honest");
    expect_echo(fd, 2, "w honest");
    close(fd);
}

int
known_client(const char *path)
{
    int fd = raw_greeted(path);

    assert_true(fd >= 0);
    expect_echo(fd, 0, "k");
    return fd;
}

nng_socket
connect_nng(const char *path)
{
    char url[PATH_BYTES + sizeof "ipc://"];
    nng_socket socket;

    (void)snprintf(url, sizeof url, "ipc://%s", path);
    assert_int_equal(nng_req0_open(&socket), 0);
    assert_int_equal(nng_dial(socket, url, NULL, 0), 0);
    return socket;
}

bool
call_once(nng_ctx context, nng_aio *aio, const uint8_t *request, size_t size)
{
    nng_msg *message;
    bool same;

    if (nng_msg_alloc(&message, 0) != 0 || nng_msg_append(message, request, size) != 0) {
        return false;
    }
    nng_aio_set_msg(aio, message);
    nng_ctx_send(context, aio);
    nng_aio_wait(aio);
    if (nng_aio_result(aio) != 0) {
        return false;
    }
    nng_ctx_recv(context, aio);
    nng_aio_wait(aio);
    if (nng_aio_result(aio) != 0) {
        return false;
    }
    message = nng_aio_get_msg(aio);
    same = nng_msg_len(message) == size && memcmp(nng_msg_body(message), request, size) == 0;
    nng_msg_free(message);
    return same;
}

void *
call(void *argument)
{
    struct caller *caller = argument;
    nng_ctx context;
    nng_aio *aio;

    if (nng_ctx_open(&context, caller->socket) != 0 || nng_aio_alloc(&aio, NULL, NULL) != 0) {
        caller->wrong = caller->rounds;
        return NULL;
    }
    for (unsigned i = 0; i < caller->rounds; i++) {
        uint8_t request[64] = {i % 2 == 0 ? ECHO_INLINE : ECHO_WORKER};

        put_u32(request + 4, caller->number);
        put_u32(request + 8, i);
        caller->wrong += !call_once(context, aio, request, sizeof request);
    }
    nng_aio_free(aio);
    nng_ctx_close(context);
    return NULL;
}
