/* SPDX-License-Identifier: Apache-2.0 */
/* Owns SECURITY.md S13 "... and do not keep honest callers from their answers". */
/* What somebody whom dispatch does not know may cost, and that he keeps nobody else out. */
#include "rpc_fixture.h"

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
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
#include <unistd.h>

#include <cmocka.h>

#include "raw_client.h"

enum { CLIENTS = 2000, FRAME = RAW_HEADER_BYTES + 1, CLOSED_MS = 1 };

static void
allow_descriptors(void)
{
    const struct rlimit files = {.rlim_cur = (rlim_t)2 * CLIENTS + 100,
                                 .rlim_max = (rlim_t)2 * CLIENTS + 100};

    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
}

/*
 * What locked_new has handed out in this process, in KiB: the mappings that a fork would not copy.
 * Not VmLck, for sanitizers make nothing of mlock.
 */
static unsigned long
locked_kib(void)
{
    FILE *file = fopen("/proc/self/smaps", "r");
    unsigned long sum = 0, size = 0;
    char line[512];

    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "Size:", 5) == 0) {
            size = strtoul(line + 5, NULL, 10);
        }
        if (strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " dc") != NULL) {
            sum += size;
        }
    }
    (void)fclose(file);
    return sum;
}

static unsigned
count_open(const int *clients, unsigned count)
{
    unsigned open = 0;

    for (unsigned i = 0; i < count; i++) {
        open += clients[i] >= 0 && !raw_closes_within(clients[i], CLOSED_MS);
    }
    return open;
}

static void
stranger_has_one_request_at_a_time(void **state)
{
    enum { REQUESTS = 10 };
    struct fixture *fixture = fixture_new((struct server_limits){.workers = 4});
    int fd = raw_greeted(fixture->data_path);

    (void)state;
    for (uint32_t i = 0; i < REQUESTS; i++) {
        assert_true(raw_request(fd, i, "g", 1));
    }
    assert_true(raw_request(fd, REQUESTS, "e", 1));
    assert_true(becomes(&fixture->dispatch.at_gate, 1));
    sleep_ms(WHILE_MS);
    assert_int_equal(fixture->dispatch.worker_count, 1);
    assert_int_equal(fixture->dispatch.inline_count, 0);
    dispatch_echo_open_gate(&fixture->dispatch);
    for (uint32_t i = 0; i < REQUESTS; i++) {
        expect_reply(fd, i, "g", 1); /* in order, for there was never more than one */
    }
    expect_reply(fd, REQUESTS, "e", 1);
    close(fd);
    fixture_free(fixture);
}

static void
login_in_a_pipeline_makes_room_for_what_follows(void **state)
{
    enum { REQUESTS = 3 };
    struct fixture *fixture = fixture_new((struct server_limits){.workers = 4});
    int fd = raw_greeted(fixture->data_path);

    (void)state;
    assert_true(raw_request(fd, REQUESTS, "k", 1));
    for (uint32_t i = 0; i < REQUESTS; i++) {
        assert_true(raw_request(fd, i, "g", 1));
    }
    expect_reply(fd, REQUESTS, "k", 1);
    assert_true(becomes(&fixture->dispatch.at_gate, REQUESTS));
    dispatch_echo_open_gate(&fixture->dispatch);
    for (uint32_t i = 0; i < REQUESTS; i++) {
        struct raw_reply reply;

        assert_true(raw_reply(fd, &reply));
        free(reply.payload);
    }
    close(fd);
    fixture_free(fixture);
}

/* So many requests that the kernel takes no more of them, and not one reply read. */
static unsigned
flood(int fd, char kind)
{
    uint8_t frames[FRAME * 64];
    unsigned sent = 0;

    for (uint32_t i = 0; i < 64; i++) {
        *put_frame(frames + (size_t)i * FRAME, i, 1) = (uint8_t)kind;
    }
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    while (send(fd, frames, sizeof frames, MSG_NOSIGNAL) == (ssize_t)sizeof frames) {
        sent++;
    }
    return sent;
}

static void
crowd_that_never_reads_holds_two_pages_each(void **state)
{
    enum { CROWD = 200 };
    struct fixture *fixture = fixture_new((struct server_limits){.workers = 2,
                                                                 .strangers_max = CROWD + 1,
                                                                 .strangers_per_uid_max = CROWD + 1,
                                                                 .stranger_ms = 4 * SOON_MS});
    int clients[CROWD], known = known_client(fixture->data_path);
    unsigned long before = locked_kib();

    (void)state;
    for (unsigned i = 0; i < CROWD; i++) {
        clients[i] = raw_greeted(fixture->data_path);
        assert_true(clients[i] >= 0);
        expect_echo(clients[i], 1, "e");
        expect_echo(clients[i], 2, "e");
        assert_true(flood(clients[i], ECHO_INLINE) > 0);
    }
    sleep_ms(WHILE_MS);
    assert_in_range(locked_kib() - before, CROWD * 4, CROWD * 8 + 64);
    expect_echo(known, 1, "w meanwhile");
    expect_honest_client_is_served(fixture->data_path);
    close_clients(clients, CROWD);
    /* Given back with the connection, not when it is freed. */
    fixture->pausing = true;
    for (unsigned ms = 0; ms < SOON_MS && locked_kib() > before + 64; ms += WHILE_MS) {
        sleep_ms(WHILE_MS);
    }
    assert_in_range(locked_kib(), 0, before + 64);
    fixture->pausing = false;
    close(known);
    fixture_free(fixture);
}

/* More of them than their memory suffices for, in one burst: the known have theirs. */
static void
strangers_memory_is_not_that_of_the_known(void **state)
{
    enum { STRANGERS = 4, LARGE = 8 * 1024 };
    struct fixture *fixture =
        fixture_new((struct server_limits){.workers = 1, .strangers_max = STRANGERS});
    uint8_t large[5] = {ECHO_LARGE};
    int known = known_client(fixture->data_path), clients[STRANGERS];
    struct raw_reply reply;

    (void)state;
    put_u32(large + 1, LARGE * STRANGERS);
    for (unsigned i = 0; i < STRANGERS; i++) {
        clients[i] = raw_greeted(fixture->data_path);
        /* A reply as large as all that strangers may hold together. */
        assert_true(raw_request(clients[i], 1, large, sizeof large));
        assert_true(raw_closes_within(clients[i], SOON_MS));
    }
    assert_true(raw_request(known, 1, large, sizeof large));
    assert_true(raw_reply(known, &reply));
    assert_int_equal(reply.size, LARGE * STRANGERS);
    free(reply.payload);
    /* Nor is anything of theirs missing: who has become known took his share along. */
    for (unsigned i = 0; i < 4 * STRANGERS; i++) {
        close(known_client(fixture->data_path));
    }
    close_clients(clients, STRANGERS);
    close(known);
    fixture_free(fixture);
}

static void
stranger_is_closed_in_time_and_the_known_may_rest(void **state)
{
    struct fixture *fixture =
        fixture_new((struct server_limits){.workers = 2, .stranger_ms = 2 * WHILE_MS});
    int known = known_client(fixture->data_path), resting = raw_greeted(fixture->data_path);
    int asking = raw_greeted(fixture->data_path), waiting = raw_greeted(fixture->admin_path);
    unsigned asked = 0;

    (void)state;
    assert_true(raw_request(waiting, 1, "g", 1));
    assert_false(raw_closes_within(resting, WHILE_MS)); /* not before its time */
    while (asked < SOON_MS / 10 && raw_request(asking, asked, "e", 1)) {
        sleep_ms(10);
        asked++;
    }
    assert_true(asked < SOON_MS / 10); /* asking is no way to stay */
    assert_true(raw_closes_within(resting, SOON_MS));
    /* Who is owed an answer is not late; then he is. */
    assert_false(raw_closes_within(waiting, WHILE_MS));
    dispatch_echo_open_gate(&fixture->dispatch);
    expect_reply(waiting, 1, "g", 1);
    assert_true(raw_closes_within(waiting, SOON_MS));
    expect_echo(known, 1, "w rested");
    close(known);
    close(resting);
    close(asking);
    close(waiting);
    fixture_free(fixture);
}

static void
oldest_stranger_of_a_uid_gives_way(void **state)
{
    enum { CAP = 4, MORE = 3 };
    struct fixture *fixture =
        fixture_new((struct server_limits){.workers = 1, .strangers_per_uid_max = CAP});
    int known = known_client(fixture->data_path), clients[CAP + MORE];

    (void)state;
    for (unsigned i = 0; i < CAP + MORE; i++) {
        clients[i] = raw_greeted(i % 2 == 0 ? fixture->data_path : fixture->admin_path);
        assert_true(clients[i] >= 0);
    }
    for (unsigned i = 0; i < MORE; i++) {
        assert_true(raw_closes_within(clients[i], SOON_MS));
    }
    assert_int_equal(count_served(clients + MORE, CAP), CAP);
    expect_echo(known, 1, "e"); /* older than all of them, and no stranger */
    close_clients(clients, CAP + MORE);
    close(known);
    fixture_free(fixture);
}

/* Connects as somebody else, says so on the pipe, and waits until that is closed. */
static pid_t
rest_as(uid_t uid, const char *path, unsigned count, const int say[2], const int wait[2])
{
    pid_t child = fork();
    char byte = '.';

    if (child != 0) {
        return child;
    }
    close(wait[1]);
    if (setgroups(0, NULL) != 0 || setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0) {
        _exit(1);
    }
    int clients[16];

    for (unsigned i = 0; i < count; i++) {
        clients[i] = raw_greeted(path);
    }
    if (write(say[1], &byte, 1) != 1 || read(wait[0], &byte, 1) != 0) {
        _exit(2);
    }
    _exit(10 + (int)count_open(clients, count));
}

static void
uid_with_the_most_strangers_gives_way(void **state)
{
    enum { CAP = 8, OTHERS = 2, SOMEBODY = 65533 };
    struct fixture *fixture;
    int clients[CAP], say[2], wait[2], status;
    pid_t child;
    char byte;

    (void)state;
    if (geteuid() != 0) {
        skip(); /* nobody else to be */
    }
    fixture = fixture_new((struct server_limits){.workers = 1, .strangers_max = CAP});
    assert_int_equal(chmod(fixture->folder, 0711), 0);
    assert_int_equal(pipe(say), 0);
    assert_int_equal(pipe(wait), 0);
    child = rest_as(SOMEBODY, fixture->data_path, OTHERS, say, wait);
    assert_int_equal(read(say[0], &byte, 1), 1);
    for (unsigned i = 0; i < CAP; i++) {
        clients[i] = raw_greeted(fixture->data_path);
        assert_true(clients[i] >= 0);
    }
    assert_true(raw_closes_within(clients[0], SOON_MS));
    assert_true(raw_closes_within(clients[1], SOON_MS));
    assert_int_equal(count_served(clients, CAP), CAP - OTHERS);
    close(wait[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 10 + OTHERS); /* though theirs were the oldest */
    close(say[0]);
    close(say[1]);
    close(wait[0]);
    close_clients(clients, CAP);
    fixture_free(fixture);
}

static void
two_thousand_idle_and_half_sent_keep_nobody_out(void **state)
{
    enum { HALF_SENT = 200 };
    struct fixture *fixture = fixture_new((struct server_limits){.workers = 2});
    int *clients = calloc(CLIENTS, sizeof *clients);
    int admin = known_client(fixture->admin_path), half_sent[HALF_SENT];
    unsigned long before = locked_kib();

    (void)state;
    allow_descriptors();
    assert_non_null(clients);
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = raw_greeted(fixture->data_path);
        assert_true(clients[i] >= 0); /* each was let in, at some other's cost */
    }
    close(known_client(fixture->data_path));
    close(known_client(fixture->admin_path));
    for (unsigned i = 0; i < HALF_SENT; i++) {
        uint8_t frame[FRAME];

        half_sent[i] = raw_greeted(fixture->data_path);
        (void)put_frame(frame, i, 1);
        assert_true(raw_send(half_sent[i], frame, RAW_HEADER_BYTES));
    }
    close(known_client(fixture->data_path));
    close(known_client(fixture->admin_path));
    expect_echo(admin, 1, "w all the while");
    unsigned open = UINT_MAX;

    /* Who made room is told so when the tick comes round, however busy the machine is. */
    for (unsigned ms = 0; ms < SOON_MS && open > 32; ms += WHILE_MS) {
        sleep_ms(WHILE_MS);
        open = count_open(clients, CLIENTS) + count_open(half_sent, HALF_SENT);
    }
    assert_in_range(open, 1, 32);
    assert_in_range(locked_kib() - before, 0, 1024);
    close_clients(clients, CLIENTS);
    close_clients(half_sent, HALF_SENT);
    close(admin);
    free(clients);
    fixture_free(fixture);
}

static void
admin_socket_has_a_cap_of_its_own(void **state)
{
    enum { CAP = 3 };
    struct fixture *fixture =
        fixture_new((struct server_limits){.workers = 1, .admin_connections_max = CAP});
    int clients[CAP], late;

    (void)state;
    for (unsigned i = 0; i < CAP; i++) {
        clients[i] = known_client(fixture->admin_path);
    }
    late = raw_greeted(fixture->admin_path);
    expect_echo(late, 1, "e"); /* a stranger takes no such place */
    assert_true(raw_request(late, 2, "k", 1));
    assert_true(raw_closes_within(late, SOON_MS));
    close(late);
    close(known_client(fixture->data_path));
    assert_int_equal(count_served(clients, CAP), CAP);
    close(clients[0]);
    sleep_ms(WHILE_MS);
    clients[0] = known_client(fixture->admin_path);
    close_clients(clients, CAP);
    fixture_free(fixture);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stranger_has_one_request_at_a_time),
        cmocka_unit_test(login_in_a_pipeline_makes_room_for_what_follows),
        cmocka_unit_test(crowd_that_never_reads_holds_two_pages_each),
        cmocka_unit_test(strangers_memory_is_not_that_of_the_known),
        cmocka_unit_test(stranger_is_closed_in_time_and_the_known_may_rest),
        cmocka_unit_test(oldest_stranger_of_a_uid_gives_way),
        cmocka_unit_test(uid_with_the_most_strangers_gives_way),
        cmocka_unit_test(two_thousand_idle_and_half_sent_keep_nobody_out),
        cmocka_unit_test(admin_socket_has_a_cap_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
