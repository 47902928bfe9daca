/* SPDX-License-Identifier: Apache-2.0 */
/* Owns SECURITY.md S13 "... and allocate nothing beyond their cap". */
/* What rpc does with peers that are late, slow or too many requests at once. */
#include "rpc_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "raw_client.h"

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
    int honest = raw_greeted(fixture->data_path), slow = known_client(fixture->data_path);
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
    int fd = known_client(fixture->data_path);
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
    /* The login, two buffers of 64 KiB and a reply, and what the kernel holds. */
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
    int fd = known_client(fixture->data_path);
    unsigned answered = 0;

    (void)state;
    for (uint32_t i = 0; i < REQUESTS; i++) {
        assert_true(raw_request(fd, i, "g", 1));
    }
    assert_true(becomes(&fixture->dispatch.at_gate, OUTSTANDING));
    assert_true(raw_request(fd, REQUESTS, "e", 1));
    sleep_ms(WHILE_MS);
    assert_int_equal(fixture->dispatch.worker_count, OUTSTANDING);
    assert_int_equal(fixture->dispatch.inline_count, 1); /* the login */
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
 * With room for one, as every stranger has it, and workers kept awake by other connections, jobs
 * end at the very moment at which their connection is about to pause for them.
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
        clients[i] =
            i % 2 == 0 ? known_client(fixture->data_path) : raw_greeted(fixture->data_path);
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
    int fd = known_client(fixture->data_path);

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
        fixture_new((struct server_limits){.workers = 1, .memory_bytes_max = (size_t)512 * 1024});
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
        fixture_new((struct server_limits){.workers = 1, .memory_bytes_max = (size_t)PAGES * PAGE});
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
