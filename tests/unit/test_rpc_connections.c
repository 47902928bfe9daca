/* SPDX-License-Identifier: Apache-2.0 */
/* Owns SECURITY.md S13 "... nor do connections that come and go". */
/* Who is let in, and how a server starts and stops. */
#include "rpc_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "raw_client.h"

enum { STORM = 300 };

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
        socket = connect_nng(paths[i]);
        struct caller caller = {.socket = socket, .rounds = 10};
        call(&caller);
        assert_int_equal(caller.wrong, 0);
        nng_close(socket);
    }
    fixture_free(fixture);
}

/* -1: turned away. */
static int
login(const char *path)
{
    int fd = raw_greeted(path);
    struct raw_reply reply;

    if (fd >= 0 && raw_request(fd, 0, "k", 1) && raw_reply(fd, &reply)) {
        free(reply.payload);
        return fd;
    }
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

static void
total_cap_holds_against_two_thousand(void **state)
{
    enum { CLIENTS = 2000, CAP = 100 };
    struct fixture *fixture = fixture_new((struct server_limits){
        .workers = 2, .connections_max = CAP, .connections_per_uid_max = CLIENTS});
    const struct rlimit files = {.rlim_cur = (rlim_t)2 * CLIENTS, .rlim_max = (rlim_t)2 * CLIENTS};
    int *clients = calloc(CLIENTS, sizeof *clients), admin;

    (void)state;
    assert_non_null(clients);
    (void)setrlimit(RLIMIT_NOFILE, &files);
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = login(fixture->data_path);
    }
    assert_int_equal(count_served(clients, CLIENTS), CAP);
    /* The admin socket's places are its own. */
    admin = login(fixture->admin_path);
    assert_true(admin >= 0);
    close(admin);
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
        clients[i] = login(i % 2 == 0 ? fixture->data_path : fixture->admin_path);
    }
    assert_int_equal(count_served(clients, CLIENTS), CAP);
    /* A place is free again as soon as one has left. */
    close(clients[0]);
    clients[0] = -1;
    sleep_ms(WHILE_MS);
    clients[CLIENTS - 1] = known_client(fixture->data_path);
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
        clients[i] = login(fixture->data_path);
    }
    assert_int_equal(count_served(clients, CAP), CAP);
    assert_int_equal(login(fixture->data_path), -1);
    close_clients(clients, CAP);
    sleep_ms(WHILE_MS / 3);
    close(known_client(fixture->data_path));
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
    int fd = known_client(fixture->data_path);
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
            clients[i] = i % 3 == 0 ? raw_connect(fixture->data_path) : login(fixture->admin_path);
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
    (void)fclose(file);
    assert_int_equal(server_start(&options, &server), STATUS_UNAVAILABLE);
    assert_int_equal(unlink(fixture->admin_path), 0);
    fixture_free(fixture);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
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
