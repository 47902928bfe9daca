/* SPDX-License-Identifier: Apache-2.0 */
/* rpc over real sockets, with honest clients (nng's own) and others, against a double of dispatch.
 */
#include "server.h"

#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>

#include "dispatch_echo.h"
#include "raw_client.h"

enum {
    PATH_BYTES = 96,
    TICK_MS = 10,
    SOON_MS = 5000, /* what must happen, happens within this; what must not is given less */
    WHILE_MS = 300,
    STORM = 300,
};

/* A server on both sockets in a folder of its own, and the thread that ticks it. */
struct fixture {
    char folder[PATH_BYTES / 2];
    char data_path[PATH_BYTES], admin_path[PATH_BYTES];
    struct dispatch dispatch;
    struct server *server;
    pthread_t ticker;
    atomic_bool ticking, pausing;
};

static void
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

static struct server_options
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

static struct fixture *
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

static void
fixture_stop(struct fixture *fixture, uint32_t drain_ms)
{
    fixture->ticking = false;
    assert_int_equal(pthread_join(fixture->ticker, NULL), 0);
    server_stop(&fixture->server, drain_ms);
    assert_null(fixture->server);
}

static void
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

static bool
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

static void
expect_reply(int fd, uint32_t id, const void *payload, size_t size)
{
    struct raw_reply reply;

    assert_true(raw_reply(fd, &reply));
    assert_int_equal(reply.request_id, id);
    assert_int_equal(reply.size, size);
    assert_memory_equal(reply.payload, payload, size);
    free(reply.payload);
}

static void
expect_refusal(int fd, uint32_t id, enum status status)
{
    const uint8_t refusal[] = {ECHO_REFUSED, (uint8_t)status};

    expect_reply(fd, id, refusal, sizeof refusal);
}

/* Returns where the payload goes. */
static uint8_t *
put_frame(uint8_t *frame, uint32_t id, size_t payload_bytes)
{
    frame[0] = 1;
    put_u64(frame + 1, 4 + payload_bytes);
    put_u32(frame + 9, UINT32_C(0x80000000) | id);
    return frame + RAW_HEADER_BYTES;
}

static void
expect_echo(int fd, uint32_t id, const char *text)
{
    assert_true(raw_request(fd, id, text, strlen(text)));
    expect_reply(fd, id, text, strlen(text));
}

static unsigned
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

static void
close_clients(const int *clients, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (clients[i] >= 0) {
            close(clients[i]);
        }
    }
}

static void
expect_honest_client_is_served(const char *path)
{
    int fd = raw_greeted(path);

    assert_true(fd >= 0);
    expect_echo(fd, 1, "e honest");
    expect_echo(fd, 2, "w honest");
    close(fd);
}

static int
known_client(const char *path)
{
    int fd = raw_greeted(path);

    assert_true(fd >= 0);
    expect_echo(fd, 0, "k");
    return fd;
}

/* ---- with nng's own client ---- */

static nng_socket
nng_client(const char *path)
{
    char url[PATH_BYTES + sizeof "ipc://"];
    nng_socket socket;

    (void)snprintf(url, sizeof url, "ipc://%s", path);
    assert_int_equal(nng_req0_open(&socket), 0);
    assert_int_equal(nng_dial(socket, url, NULL, 0), 0);
    return socket;
}

struct caller {
    nng_socket socket;
    pthread_t thread;
    unsigned number, rounds, wrong;
};

static bool
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

static void *
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

static void
many_contexts_of_nng_get_their_own_answers(void **state)
{
    enum { CALLERS = 32, ROUNDS = 200 };
    struct fixture *fixture = fixture_new((struct server_limits){.workers = 8});
    nng_socket sockets[2] = {nng_client(fixture->data_path), nng_client(fixture->admin_path)};
    struct caller callers[CALLERS];

    (void)state;
    for (unsigned i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){.socket = sockets[i % 2], .number = i, .rounds = ROUNDS};
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call, &callers[i]), 0);
    }
    for (unsigned i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(callers[i].thread, NULL), 0);
        assert_int_equal(callers[i].wrong, 0);
    }
    assert_int_equal(fixture->dispatch.inline_count, CALLERS * ROUNDS / 2);
    assert_int_equal(fixture->dispatch.worker_count, CALLERS * ROUNDS / 2);
    nng_close(sockets[0]);
    nng_close(sockets[1]);
    fixture_free(fixture);
}

static void
large_requests_and_replies_of_nng_pass(void **state)
{
    static const size_t sizes[] = {1, 4083, 4084, 4096, 65536, FRAME_BYTES_MAX - 4};
    struct fixture *fixture = fixture_new((struct server_limits){0});
    nng_socket socket = nng_client(fixture->data_path);
    uint8_t *request = malloc(FRAME_BYTES_MAX);
    uint8_t login = ECHO_LOGIN;
    nng_ctx context;
    nng_aio *aio;

    (void)state;
    assert_non_null(request);
    assert_int_equal(nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, 0), 0);
    assert_int_equal(nng_ctx_open(&context, socket), 0);
    assert_int_equal(nng_aio_alloc(&aio, NULL, NULL), 0);
    assert_true(call_once(context, aio, &login, 1));
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t at = 0; at < sizes[i]; at++) {
            request[at] = (uint8_t)(at * 7 + i);
        }
        request[0] = ECHO_INLINE;
        assert_true(call_once(context, aio, request, sizes[i]));
        request[0] = ECHO_WORKER;
        assert_true(call_once(context, aio, request, sizes[i]));
    }
    free(request);
    nng_aio_free(aio);
    nng_ctx_close(context);
    nng_close(socket);
    fixture_free(fixture);
}

/* ---- what dispatch is told ---- */

static void
peer_has_its_socket_and_uid(void **state)
{
    struct fixture *fixture = fixture_new((struct server_limits){.workers = 1});
    int data = raw_greeted(fixture->data_path), admin = raw_greeted(fixture->admin_path);
    uint8_t expected[6] = {PEER_DATA, PEER_STRANGER};

    (void)state;
    put_u32(expected + 2, (uint32_t)geteuid());
    assert_true(raw_request(data, 1, "p", 1));
    expect_reply(data, 1, expected, sizeof expected);
    expect_echo(admin, 2, "k");
    expected[0] = PEER_ADMIN;
    expected[1] = PEER_KNOWN;
    assert_true(raw_request(admin, 3, "p", 1));
    expect_reply(admin, 3, expected, sizeof expected);
    close(data);
    close(admin);
    fixture_free(fixture);
}

/* In a child that is somebody else; 0: dispatch was told its uid. */
static int
ask_as(uid_t uid, const char *path)
{
    struct raw_reply reply = {0};
    int fd;

    if (setgroups(0, NULL) != 0 || setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0) {
        return 2;
    }
    fd = raw_greeted(path);
    if (fd < 0 || !raw_request(fd, 1, "p", 1) || !raw_reply(fd, &reply) || reply.size != 6) {
        return 3;
    }
    return get_u32(reply.payload + 2) == uid ? 0 : 1;
}

static void
uid_is_what_the_kernel_says(void **state)
{
    enum { SOMEBODY = 65533 };
    struct fixture *fixture;
    int status = 0;
    pid_t child;

    (void)state;
    if (geteuid() != 0) {
        skip(); /* nobody else to be; peer_has_its_socket_and_uid has shown our own */
    }
    fixture = fixture_new((struct server_limits){.workers = 1});
    assert_int_equal(chmod(fixture->folder, 0711), 0);
    child = fork();
    if (child == 0) {
        _exit(ask_as(SOMEBODY, fixture->data_path));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    /* The admin socket is not for strangers: not even connected. */
    child = fork();
    if (child == 0) {
        _exit(ask_as(SOMEBODY, fixture->admin_path));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 3);
    fixture_free(fixture);
}

static void
requests_of_one_connection_are_offered_in_order(void **state)
{
    enum { REQUESTS = 5000, MEANWHILE = 7 };
    struct fixture *fixture =
        fixture_new((struct server_limits){.workers = 4, .outstanding_max = 4});
    int fd = raw_greeted(fixture->data_path);

    (void)state;
    /* Some go to workers, so that these take the receive path over when there is no room. */
    for (uint32_t i = 0; i < REQUESTS; i += MEANWHILE) {
        uint8_t seen[MEANWHILE] = {0};

        for (uint32_t j = 0; j < MEANWHILE; j++) {
            assert_true(raw_request(fd, j, j % 2 == 0 ? "w" : "o", 1));
        }
        for (uint32_t j = 0; j < MEANWHILE; j++) {
            struct raw_reply reply;

            assert_true(raw_reply(fd, &reply));
            assert_true(reply.request_id < MEANWHILE && !seen[reply.request_id]);
            seen[reply.request_id] = 1;
            if (reply.request_id % 2 == 1) {
                assert_int_equal(get_u32(reply.payload),
                                 i / MEANWHILE * (MEANWHILE / 2) + reply.request_id / 2);
            }
            free(reply.payload);
        }
    }
    close(fd);
    fixture_free(fixture);
}

static void
requests_pipelined_in_any_cut_are_all_answered(void **state)
{
    enum { REQUESTS = 2000, FRAME = RAW_HEADER_BYTES + 3 };
    static const size_t cuts[] = {1, 7, FRAME, 4096, 5000};
    struct fixture *fixture = fixture_new((struct server_limits){.workers = 2});
    uint8_t *frames = calloc(REQUESTS, FRAME);
    int fd = raw_greeted(fixture->data_path);

    (void)state;
    assert_non_null(frames);
    for (uint32_t i = 0; i < REQUESTS; i++) {
        memcpy(put_frame(frames + (size_t)i * FRAME, i, 3), "e..", 3);
    }
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        size_t all = (size_t)REQUESTS * FRAME;

        for (size_t at = 0; at < all; at += cuts[i]) {
            assert_true(raw_send(fd, frames + at, all - at < cuts[i] ? all - at : cuts[i]));
        }
        for (uint32_t j = 0; j < REQUESTS; j++) {
            expect_reply(fd, j, "e..", 3);
        }
    }
    free(frames);
    close(fd);
    fixture_free(fixture);
}

/* ---- frames that are wrong ---- */

static void
wrong_greetings_are_closed(void **state)
{
    static const uint8_t greetings[][RAW_GREETING_BYTES] = {
        {1, 'S', 'P', 0, 0, 0x30, 0, 0}, {0, 'S', 'Q', 0, 0, 0x30, 0, 0},
        {0, 'S', 'P', 1, 0, 0x30, 0, 0}, {0, 'S', 'P', 0, 0, 0x31, 0, 0},
        {0, 'S', 'P', 0, 0, 0x30, 0, 1}, {'G', 'E', 'T', ' ', '/', ' ', 'H', 'T'},
    };
    struct fixture *fixture = fixture_new((struct server_limits){.workers = 1});

    (void)state;
    for (size_t i = 0; i < sizeof greetings / sizeof greetings[0]; i++) {
        int fd = raw_connect(fixture->data_path);

        assert_true(fd >= 0);
        assert_true(raw_send(fd, greetings[i], sizeof greetings[i]));
        assert_true(raw_closes_within(fd, SOON_MS / 2));
        close(fd);
    }
    assert_int_equal(fixture->dispatch.inline_count, 0);
    expect_honest_client_is_served(fixture->data_path);
    fixture_free(fixture);
}

static void
wrong_headers_are_closed(void **state)
{
    static const struct {
        uint8_t type;
        uint64_t length;
        uint32_t id;
    } headers[] = {
        {0, 8, 0x80000001},
        {2, 8, 0x80000001},
        {1, 0, 0x80000001},
        {1, 1, 0x80000001},
        {1, 2, 0x80000001},
        {1, 3, 0x80000001},
        {1, UINT64_C(1) << 63, 0x80000001},
        {1, UINT64_MAX, 0x80000001},
        {1, FRAME_BYTES_MAX + UINT64_C(1), 0x80000001},
        {1, 8, 0x00000001},
    };
    struct fixture *fixture = fixture_new((struct server_limits){.workers = 1});

    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        uint8_t header[RAW_HEADER_BYTES] = {headers[i].type};
        int fd = known_client(fixture->data_path);

        put_u64(header + 1, headers[i].length);
        put_u32(header + 9, headers[i].id);
        assert_true(raw_send(fd, header, sizeof header));
        assert_true(raw_closes_within(fd, SOON_MS / 2));
        close(fd);
    }
    assert_int_equal(fixture->dispatch.inline_count, sizeof headers / sizeof headers[0]);
    expect_honest_client_is_served(fixture->data_path);
    fixture_free(fixture);
}

static void
peers_that_leave_at_any_byte_do_no_harm(void **state)
{
    static const uint8_t stream[] = {0, 'S', 'P', 0, 0, 0x30, 0, 0,    1,   0,   0,   0,
                                     0, 0,   0,   0, 8, 0x80, 0, 0x01, 'w', '.', '.', '.'};
    struct fixture *fixture = fixture_new((struct server_limits){.workers = 2});

    (void)state;
    for (size_t size = 0; size <= sizeof stream; size++) {
        int fd = raw_connect(fixture->data_path);

        assert_true(fd >= 0);
        assert_true(raw_send(fd, stream, size));
        close(fd);
    }
    expect_honest_client_is_served(fixture->data_path);
    fixture_free(fixture);
}

/* ---- deadlines ---- */

static void
silent_and_half_sent_are_closed_in_time_while_others_go_on(void **state)
{
    struct fixture *fixture = fixture_new(
        (struct server_limits){.workers = 2, .handshake_ms = WHILE_MS, .frame_ms = WHILE_MS});
    int honest = raw_greeted(fixture->data_path);
    int silent = raw_connect(fixture->data_path);
    int half_greeted = raw_connect(fixture->data_path);
    int half_header = raw_greeted(fixture->data_path);
    int half_short = raw_greeted(fixture->data_path);
    int half_long = known_client(fixture->data_path);
    uint8_t header[RAW_HEADER_BYTES] = {1};

    (void)state;
    assert_true(raw_send(half_greeted, "\0SP", 3));
    assert_true(raw_send(half_header, "\1", 1));
    put_u64(header + 1, 100);
    put_u32(header + 9, 0x80000001);
    assert_true(raw_send(half_short, header, sizeof header));
    put_u64(header + 1, FRAME_BYTES_MAX);
    assert_true(raw_send(half_long, header, sizeof header));

    assert_false(raw_closes_within(half_long, WHILE_MS / 3)); /* not before its time */
    expect_echo(honest, 1, "e meanwhile");
    assert_true(raw_closes_within(silent, SOON_MS));
    assert_true(raw_closes_within(half_greeted, SOON_MS));
    assert_true(raw_closes_within(half_header, SOON_MS));
    assert_true(raw_closes_within(half_short, SOON_MS));
    assert_true(raw_closes_within(half_long, SOON_MS));
    /* An idle connection is not a late one. */
    expect_echo(honest, 2, "w afterwards");

    close(honest);
    close(silent);
    close(half_greeted);
    close(half_header);
    close(half_short);
    close(half_long);
    fixture_free(fixture);
}

static void
dripping_bytes_do_not_extend_a_deadline(void **state)
{
    struct fixture *fixture =
        fixture_new((struct server_limits){.workers = 1, .frame_ms = WHILE_MS});
    int fd = raw_greeted(fixture->data_path);
    uint8_t header[RAW_HEADER_BYTES] = {1};
    unsigned sent = 0;

    (void)state;
    put_u64(header + 1, 1000);
    put_u32(header + 9, 0x80000001);
    assert_true(raw_send(fd, header, sizeof header));
    while (sent < 900 && raw_send(fd, "x", 1)) {
        sleep_ms(10);
        sent++;
    }
    assert_true(sent < 200);
    close(fd);
    fixture_free(fixture);
}

static void
idle_connections_are_closed_when_told(void **state)
{
    struct fixture *fixture =
        fixture_new((struct server_limits){.workers = 1, .idle_ms = WHILE_MS});
    int idle = raw_greeted(fixture->data_path), busy = raw_greeted(fixture->data_path);

    (void)state;
    expect_echo(idle, 1, "e");
    assert_true(raw_request(busy, 1, "g", 1));
    assert_true(raw_closes_within(idle, SOON_MS));
    dispatch_echo_open_gate(&fixture->dispatch);
    expect_reply(busy, 1, "g", 1); /* waiting for an answer is not idling */
    close(idle);
    close(busy);
    fixture_free(fixture);
}

static void
who_does_not_read_is_closed_in_time(void **state)
{
    struct fixture *fixture =
        fixture_new((struct server_limits){.workers = 2, .write_ms = WHILE_MS});
    int honest = raw_greeted(fixture->data_path), slow = raw_greeted(fixture->data_path);
    uint8_t large[5] = {ECHO_LARGE};

    (void)state;
    put_u32(large + 1, 4 * 1024 * 1024);
    assert_true(raw_request(slow, 1, large, sizeof large));
    expect_echo(honest, 1, "e");
    sleep_ms(4 * WHILE_MS);
    assert_true(raw_closes_within(slow, SOON_MS));
    expect_echo(honest, 2, "w");
    close(honest);
    close(slow);
    fixture_free(fixture);
}

/* ---- bounds ---- */

static void
replies_unread_stop_the_reading(void **state)
{
    enum { REPLY = 16 * 1024, REQUESTS = 3000, FRAME = RAW_HEADER_BYTES + 5 };
    struct fixture *fixture = fixture_new((struct server_limits){.workers = 1});
    int fd = raw_greeted(fixture->data_path);
    uint8_t *frames = calloc(REQUESTS, FRAME);
    unsigned before;

    (void)state;
    assert_non_null(frames);
    for (uint32_t i = 0; i < REQUESTS; i++) {
        uint8_t *frame = put_frame(frames + (size_t)i * FRAME, i, 5);

        frame[0] = ECHO_LARGE;
        put_u32(frame + 1, REPLY);
    }
    /* In one piece, which the kernel holds whole: the client itself must not be held up. */
    assert_true(raw_send(fd, frames, (size_t)REQUESTS * FRAME));
    free(frames);
    do {
        before = fixture->dispatch.inline_count;
        sleep_ms(WHILE_MS / 3);
    } while (fixture->dispatch.inline_count != before);
    /* Two buffers of 64 KiB and a reply, and what the kernel holds. */
    assert_in_range(before, 4, 64);
    for (uint32_t i = 0; i < REQUESTS; i++) {
        struct raw_reply reply;

        assert_true(raw_reply(fd, &reply));
        assert_int_equal(reply.request_id, i);
        assert_int_equal(reply.size, REPLY);
        free(reply.payload);
    }
    close(fd);
    fixture_free(fixture);
}

static void
outstanding_cap_stops_the_reading(void **state)
{
    enum { OUTSTANDING = 3, REQUESTS = 20 };
    struct fixture *fixture =
        fixture_new((struct server_limits){.workers = 8, .outstanding_max = OUTSTANDING});
    int fd = raw_greeted(fixture->data_path);
    unsigned answered = 0;

    (void)state;
    for (uint32_t i = 0; i < REQUESTS; i++) {
        assert_true(raw_request(fd, i, "g", 1));
    }
    assert_true(becomes(&fixture->dispatch.at_gate, OUTSTANDING));
    assert_true(raw_request(fd, REQUESTS, "e", 1));
    sleep_ms(WHILE_MS);
    assert_int_equal(fixture->dispatch.worker_count, OUTSTANDING);
    assert_int_equal(fixture->dispatch.inline_count, 0);
    dispatch_echo_open_gate(&fixture->dispatch);
    while (answered <= REQUESTS) {
        struct raw_reply reply;

        assert_true(raw_reply(fd, &reply));
        free(reply.payload);
        answered++;
    }
    assert_int_equal(fixture->dispatch.worker_count, REQUESTS);
    close(fd);
    fixture_free(fixture);
}

/*
 * With room for one, and workers kept awake by other connections, jobs end at the very moment at
 * which their connection is about to pause for them.
 */
static void
room_made_at_any_moment_is_seen(void **state)
{
    enum { CLIENTS = 6, ROUNDS = 60, REQUESTS = 100, FRAME = RAW_HEADER_BYTES + 1 };
    struct fixture *fixture =
        fixture_new((struct server_limits){.workers = 3, .outstanding_max = 1});
    uint8_t frames[REQUESTS * FRAME];
    int clients[CLIENTS];

    (void)state;
    for (uint32_t i = 0; i < REQUESTS; i++) {
        *put_frame(frames + (size_t)i * FRAME, i, 1) = ECHO_WORKER;
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = raw_greeted(fixture->data_path);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < CLIENTS; i++) {
            assert_true(raw_send(clients[i], frames, sizeof frames));
        }
        for (uint32_t i = 0; i < CLIENTS * REQUESTS; i++) {
            expect_reply(clients[i / REQUESTS], i % REQUESTS, "w", 1);
        }
    }
    close_clients(clients, CLIENTS);
    fixture_free(fixture);
}

static void
full_queue_answers_busy_and_inline_goes_on(void **state)
{
    enum { WORKERS = 2, QUEUE = 3, REQUESTS = 10 };
    struct fixture *fixture =
        fixture_new((struct server_limits){.workers = WORKERS, .queue_max = QUEUE});
    int fd = raw_greeted(fixture->data_path);

    (void)state;
    for (uint32_t i = 0; i < WORKERS; i++) {
        assert_true(raw_request(fd, i, "g", 1));
    }
    assert_true(becomes(&fixture->dispatch.at_gate, WORKERS));
    for (uint32_t i = WORKERS; i < REQUESTS; i++) {
        assert_true(raw_request(fd, i, "g", 1));
    }
    for (uint32_t i = WORKERS + QUEUE; i < REQUESTS; i++) {
        expect_refusal(fd, i, STATUS_BUSY);
    }
    expect_echo(fd, 99, "e");
    dispatch_echo_open_gate(&fixture->dispatch);
    for (uint32_t i = 0; i < WORKERS + QUEUE; i++) {
        struct raw_reply reply;

        assert_true(raw_reply(fd, &reply));
        assert_true(reply.request_id < WORKERS + QUEUE);
        assert_memory_equal(reply.payload, "g", 1);
        free(reply.payload);
    }
    assert_int_equal(fixture->dispatch.worker_count, WORKERS + QUEUE);
    close(fd);
    fixture_free(fixture);
}

static void
long_frames_of_strangers_are_read_past(void **state)
{
    enum { LONG = 1024 * 1024 };
    struct fixture *fixture =
        fixture_new((struct server_limits){.workers = 1, .memory_bytes_max = 512 * 1024});
    uint8_t *request = calloc(1, LONG);
    int fd = raw_greeted(fixture->data_path);

    (void)state;
    assert_non_null(request);
    request[0] = ECHO_INLINE;
    assert_true(raw_request(fd, 1, request, LONG));
    expect_refusal(fd, 1, STATUS_UNAUTHENTICATED);
    expect_echo(fd, 2, "k");
    assert_int_equal(fixture->dispatch.inline_count, 1);
    /* Known, but there is no memory for so much. */
    assert_true(raw_request(fd, 3, request, LONG));
    expect_refusal(fd, 3, STATUS_BUSY);
    assert_true(raw_request(fd, 4, request, LONG / 8));
    expect_reply(fd, 4, request, LONG / 8);
    free(request);
    close(fd);
    fixture_free(fixture);
}

static void
memory_used_up_closes_or_refuses_and_comes_back(void **state)
{
    enum { PAGES = 8, CLIENTS = 20, PAGE = 4096 };
    struct fixture *fixture =
        fixture_new((struct server_limits){.workers = 1, .memory_bytes_max = PAGES * PAGE});
    int clients[CLIENTS];
    unsigned open = 0;

    (void)state;
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = raw_greeted(fixture->data_path);
        assert_true(clients[i] >= 0);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct raw_reply reply;

        if (raw_request(clients[i], i, "e", 1) && raw_reply(clients[i], &reply)) {
            free(reply.payload);
            open++;
        }
    }
    assert_in_range(open, 0, PAGES - 1);
    for (unsigned i = 0; i < CLIENTS; i++) {
        close(clients[i]);
    }
    sleep_ms(WHILE_MS);
    clients[0] = raw_greeted(fixture->data_path);
    expect_echo(clients[0], 1, "e again");
    close(clients[0]);
    fixture_free(fixture);
}

/* ---- connections ---- */

static void
storm_of_connect_and_close_leaves_an_honest_client_served(void **state)
{
    struct fixture *fixture = fixture_new((struct server_limits){.workers = 2});
    const char *paths[2] = {fixture->data_path, fixture->admin_path};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        nng_socket socket;

        for (unsigned j = 0; j < STORM; j++) {
            int fd = raw_connect(paths[i]);

            assert_true(fd >= 0);
            close(fd);
        }
        expect_honest_client_is_served(paths[i]);
        socket = nng_client(paths[i]);
        struct caller caller = {.socket = socket, .rounds = 10};
        call(&caller);
        assert_int_equal(caller.wrong, 0);
        nng_close(socket);
    }
    fixture_free(fixture);
}

static void
total_cap_holds_against_two_thousand(void **state)
{
    enum { CLIENTS = 2000, CAP = 100 };
    struct fixture *fixture = fixture_new((struct server_limits){
        .workers = 2, .connections_max = CAP, .connections_per_uid_max = CLIENTS});
    const struct rlimit files = {.rlim_cur = 2 * CLIENTS, .rlim_max = 2 * CLIENTS};
    int *clients = calloc(CLIENTS, sizeof *clients);

    (void)state;
    assert_non_null(clients);
    (void)setrlimit(RLIMIT_NOFILE, &files);
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = raw_greeted(fixture->data_path);
    }
    assert_int_equal(count_served(clients, CLIENTS), CAP);
    close_clients(clients, CLIENTS);
    sleep_ms(WHILE_MS);
    expect_honest_client_is_served(fixture->data_path);
    free(clients);
    fixture_free(fixture);
}

static void
cap_per_uid_holds_over_both_sockets(void **state)
{
    enum { CLIENTS = 10, CAP = 4 };
    struct fixture *fixture =
        fixture_new((struct server_limits){.workers = 1, .connections_per_uid_max = CAP});
    int clients[CLIENTS];

    (void)state;
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = raw_greeted(i % 2 == 0 ? fixture->data_path : fixture->admin_path);
    }
    assert_int_equal(count_served(clients, CLIENTS), CAP);
    /* A place is free again as soon as one has left. */
    close(clients[0]);
    clients[0] = -1;
    sleep_ms(WHILE_MS);
    clients[CLIENTS - 1] = raw_greeted(fixture->data_path);
    assert_true(clients[CLIENTS - 1] >= 0);
    expect_echo(clients[CLIENTS - 1], 1, "e");
    close_clients(clients, CLIENTS);
    fixture_free(fixture);
}

static void
place_is_free_before_it_is_freed(void **state)
{
    enum { CAP = 3 };
    struct fixture *fixture =
        fixture_new((struct server_limits){.workers = 1, .connections_per_uid_max = CAP});
    int clients[CAP];

    (void)state;
    fixture->pausing = true;
    sleep_ms(2 * TICK_MS);
    for (unsigned i = 0; i < CAP; i++) {
        clients[i] = raw_greeted(fixture->data_path);
    }
    assert_int_equal(count_served(clients, CAP), CAP);
    close_clients(clients, CAP);
    sleep_ms(WHILE_MS / 3);
    expect_honest_client_is_served(fixture->data_path);
    fixture->pausing = false;
    fixture_free(fixture);
}

static void
out_of_descriptors_neither_stops_nor_spins(void **state)
{
    struct fixture *fixture = fixture_new((struct server_limits){.workers = 1});
    int waiting = raw_connect(fixture->data_path), holes[64], last;
    struct rlimit before, none;
    struct timespec cpu_before, cpu_after;
    unsigned count = 0;
    uint8_t greeting[RAW_GREETING_BYTES];

    (void)state;
    assert_true(raw_receive(waiting, greeting, sizeof greeting));
    close(waiting);
    sleep_ms(WHILE_MS);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    /* The client's own socket is made first; then not one more descriptor can be had. */
    last = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(last >= 0);
    none = before;
    none.rlim_cur = (rlim_t)last + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    while (count < 64 && (holes[count] = dup(last)) >= 0) {
        count++;
    }
    assert_int_equal(raw_connect_with(last, fixture->data_path), 0);
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu_before), 0);
    assert_false(raw_closes_within(last, WHILE_MS));
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu_after), 0);
    assert_true(cpu_after.tv_sec * 1000 + cpu_after.tv_nsec / 1000000 -
                    (cpu_before.tv_sec * 1000 + cpu_before.tv_nsec / 1000000) <
                WHILE_MS / 2);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    /* Accepted after all, once there is a descriptor. */
    assert_true(raw_receive(last, greeting, sizeof greeting));
    close(last);
    while (count > 0) {
        close(holes[--count]);
    }
    expect_honest_client_is_served(fixture->data_path);
    fixture_free(fixture);
}

/* ---- start and stop ---- */

static void *
open_gate_later(void *argument)
{
    sleep_ms(WHILE_MS);
    dispatch_echo_open_gate(argument);
    return NULL;
}

/* As a daemon that was killed leaves it: bound, and nobody listens. */
static void
leave_stale_socket(const char *path)
{
    int fd = raw_bound(path);

    assert_true(fd >= 0);
    close(fd);
}

static void
stop_lets_what_is_in_flight_be_answered(void **state)
{
    enum { REQUESTS = 3 }; /* one runs, the others are in the queue */
    struct fixture *fixture = fixture_new((struct server_limits){.workers = 1});
    int fd = raw_greeted(fixture->data_path);
    pthread_t opener;

    (void)state;
    for (uint32_t i = 0; i < REQUESTS; i++) {
        assert_true(raw_request(fd, i, "g", 1));
    }
    assert_true(becomes(&fixture->dispatch.at_gate, 1));
    expect_echo(fd, REQUESTS, "e"); /* so all three have been read */
    assert_int_equal(pthread_create(&opener, NULL, open_gate_later, &fixture->dispatch), 0);
    fixture_stop(fixture, SOON_MS);
    assert_int_equal(pthread_join(opener, NULL), 0);
    for (uint32_t i = 0; i < REQUESTS; i++) {
        struct raw_reply reply;

        assert_true(raw_reply(fd, &reply));
        free(reply.payload);
    }
    assert_true(raw_closes_within(fd, SOON_MS));
    close(fd);
    fixture_free(fixture);
}

static void
stop_in_the_middle_of_everything_ends_cleanly(void **state)
{
    enum { CLIENTS = 12, REQUESTS = 40 };

    (void)state;
    for (unsigned round = 0; round < 20; round++) {
        struct fixture *fixture =
            fixture_new((struct server_limits){.workers = 3, .outstanding_max = 8});
        int clients[CLIENTS];

        for (unsigned i = 0; i < CLIENTS; i++) {
            clients[i] =
                i % 3 == 0 ? raw_connect(fixture->data_path) : raw_greeted(fixture->admin_path);
            for (uint32_t j = 0; i % 3 == 1 && j < REQUESTS; j++) {
                assert_true(raw_request(clients[i], j, j % 2 == 0 ? "w" : "e", 1));
            }
        }
        sleep_ms(round % 4);
        fixture_stop(fixture, round % 2 == 0 ? 0 : 100);
        for (unsigned i = 0; i < CLIENTS; i++) {
            assert_true(raw_closes_within(clients[i], SOON_MS));
            close(clients[i]);
        }
        fixture_free(fixture);
    }
}

static void
stale_socket_is_replaced_and_modes_are_as_told(void **state)
{
    struct fixture *fixture = fixture_new((struct server_limits){.workers = 1});
    struct server_socket sockets[2];
    struct server_options options;
    struct stat data, admin;

    (void)state;
    assert_int_equal(lstat(fixture->data_path, &data), 0);
    assert_int_equal(lstat(fixture->admin_path, &admin), 0);
    assert_true(S_ISSOCK(data.st_mode));
    assert_int_equal(data.st_mode & 07777, 0666);
    assert_int_equal(admin.st_mode & 07777, 0660);
    fixture_stop(fixture, 0);
    assert_int_equal(lstat(fixture->data_path, &data), -1);

    leave_stale_socket(fixture->data_path);
    options = options_of(fixture, sockets, (struct server_limits){.workers = 1});
    sockets[1].group = getegid();
    assert_int_equal(server_start(&options, &fixture->server), STATUS_OK);
    expect_honest_client_is_served(fixture->data_path);
    server_stop(&fixture->server, 0);
    fixture_free(fixture);
}

static void
what_cannot_be_bound_is_refused(void **state)
{
    struct fixture *fixture = fixture_new((struct server_limits){.workers = 1});
    struct server_socket sockets[2];
    struct server_options options;
    struct server *server = NULL;
    char long_path[109];
    FILE *file;

    (void)state;
    fixture_stop(fixture, 0);
    options = options_of(fixture, sockets, (struct server_limits){.workers = 1});
    memset(long_path, 'x', sizeof long_path - 1);
    memcpy(long_path, "/tmp/", 5);
    long_path[sizeof long_path - 1] = '\0';
    sockets[1].path = long_path;
    assert_int_equal(server_start(&options, &server), STATUS_INVALID);
    assert_null(server);
    long_path[sizeof long_path - 2] = '\0'; /* 107 bytes */
    assert_int_equal(server_start(&options, &server), STATUS_OK);
    server_stop(&server, 0);

    sockets[1].path = "/nowhere/at/all.sock";
    assert_int_equal(server_start(&options, &server), STATUS_UNAVAILABLE);
    sockets[1].path = fixture->admin_path;
    file = fopen(fixture->admin_path, "w"); /* somebody's file: not ours to remove */
    assert_non_null(file);
    fclose(file);
    assert_int_equal(server_start(&options, &server), STATUS_UNAVAILABLE);
    assert_int_equal(unlink(fixture->admin_path), 0);
    fixture_free(fixture);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_contexts_of_nng_get_their_own_answers),
        cmocka_unit_test(large_requests_and_replies_of_nng_pass),
        cmocka_unit_test(peer_has_its_socket_and_uid),
        cmocka_unit_test(uid_is_what_the_kernel_says),
        cmocka_unit_test(requests_of_one_connection_are_offered_in_order),
        cmocka_unit_test(requests_pipelined_in_any_cut_are_all_answered),
        cmocka_unit_test(wrong_greetings_are_closed),
        cmocka_unit_test(wrong_headers_are_closed),
        cmocka_unit_test(peers_that_leave_at_any_byte_do_no_harm),
        cmocka_unit_test(silent_and_half_sent_are_closed_in_time_while_others_go_on),
        cmocka_unit_test(dripping_bytes_do_not_extend_a_deadline),
        cmocka_unit_test(idle_connections_are_closed_when_told),
        cmocka_unit_test(who_does_not_read_is_closed_in_time),
        cmocka_unit_test(replies_unread_stop_the_reading),
        cmocka_unit_test(outstanding_cap_stops_the_reading),
        cmocka_unit_test(room_made_at_any_moment_is_seen),
        cmocka_unit_test(full_queue_answers_busy_and_inline_goes_on),
        cmocka_unit_test(long_frames_of_strangers_are_read_past),
        cmocka_unit_test(memory_used_up_closes_or_refuses_and_comes_back),
        cmocka_unit_test(storm_of_connect_and_close_leaves_an_honest_client_served),
        cmocka_unit_test(total_cap_holds_against_two_thousand),
        cmocka_unit_test(cap_per_uid_holds_over_both_sockets),
        cmocka_unit_test(place_is_free_before_it_is_freed),
        cmocka_unit_test(out_of_descriptors_neither_stops_nor_spins),
        cmocka_unit_test(stop_lets_what_is_in_flight_be_answered),
        cmocka_unit_test(stop_in_the_middle_of_everything_ends_cleanly),
        cmocka_unit_test(stale_socket_is_replaced_and_modes_are_as_told),
        cmocka_unit_test(what_cannot_be_bound_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
