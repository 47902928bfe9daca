/* SPDX-License-Identifier: Apache-2.0 */
/* Owns SECURITY.md S13 "hostile bytes crash nothing". */
/* rpc over real sockets: honest clients, nng's own among them, and frames that are wrong. */
#include "rpc_fixture.h"

#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "raw_client.h"

static void
many_contexts_of_nng_get_their_own_answers(void **state)
{
    enum { CALLERS = 32, ROUNDS = 200 };
    struct fixture *fixture = fixture_new((struct server_limits){.workers = 8});
    nng_socket sockets[2] = {connect_nng(fixture->data_path), connect_nng(fixture->admin_path)};
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
    nng_socket socket = connect_nng(fixture->data_path);
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
    int fd = known_client(fixture->data_path);

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
    int fd = known_client(fixture->data_path);

    (void)state;
    assert_non_null(frames);
    for (uint32_t i = 0; i < REQUESTS; i++) {
        memset(put_frame(frames + (size_t)i * FRAME, i, 3), ECHO_INLINE, 3);
    }
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        size_t all = (size_t)REQUESTS * FRAME;

        for (size_t at = 0; at < all; at += cuts[i]) {
            assert_true(raw_send(fd, frames + at, all - at < cuts[i] ? all - at : cuts[i]));
        }
        for (uint32_t j = 0; j < REQUESTS; j++) {
            expect_reply(fd, j, "eee", 3);
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
        uint64_t length;
        uint32_t id;
        uint8_t type;
    } headers[] = {
        {8, 0x80000001, 0},
        {8, 0x80000001, 2},
        {0, 0x80000001, 1},
        {1, 0x80000001, 1},
        {2, 0x80000001, 1},
        {3, 0x80000001, 1},
        {UINT64_C(1) << 63, 0x80000001, 1},
        {UINT64_MAX, 0x80000001, 1},
        {FRAME_BYTES_MAX + UINT64_C(1), 0x80000001, 1},
        {8, 0x00000001, 1},
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
