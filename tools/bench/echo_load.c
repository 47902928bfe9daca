/* SPDX-License-Identifier: Apache-2.0 */
/*
 * echo_load URL OUTSTANDING SECONDS [KIND [SOCKETS]]: requests of 64 bytes from nng's own REQ
 * socket, OUTSTANDING of them unanswered at any time, spread over SOCKETS connections. KIND is the
 * first byte of each (see tests/support/dispatch_echo.h); each connection logs in first, because
 * rpc takes one request at a time from strangers. Prints one line: rate, median, 99th percentile.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>

enum {
    REQUEST_BYTES = 64,
    OUTSTANDING_MAX = 4096,
    SOCKETS_MAX = 64,
    BUCKETS = 100000, /* of a microsecond */
    WARM_UP_S = 1,
};

struct call {
    nng_aio *aio;
    uint64_t began_us;
    nng_ctx context;
    bool receiving;
};

enum { LOGIN = 'k' }; /* dispatch's double: this peer is known; any other echo: a request */

static int kind = 'e';
static atomic_bool counting;
static atomic_bool ending;
static atomic_uint buckets[BUCKETS];

static uint64_t
now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void
must(int error, const char *what)
{
    if (error != 0) {
        (void)fprintf(stderr, "echo_load: %s: %s\n", what, nng_strerror(error));
        exit(1);
    }
}

static void
log_in(nng_socket socket)
{
    uint8_t login[REQUEST_BYTES] = {LOGIN};
    size_t size = sizeof login;

    must(nng_send(socket, login, size, 0), "login");
    must(nng_recv(socket, login, &size, 0), "login");
}

static void
begin(struct call *call)
{
    nng_msg *message;

    must(nng_msg_alloc(&message, REQUEST_BYTES), "message");
    memset(nng_msg_body(message), kind, REQUEST_BYTES);
    call->receiving = false;
    call->began_us = now_us();
    nng_aio_set_msg(call->aio, message);
    nng_ctx_send(call->context, call->aio);
}

static void
step(void *argument)
{
    struct call *call = argument;
    uint64_t took_us;

    if (ending) {
        return;
    }
    must(nng_aio_result(call->aio), call->receiving ? "receive" : "send");
    if (!call->receiving) {
        call->receiving = true;
        nng_ctx_recv(call->context, call->aio);
        return;
    }
    nng_msg_free(nng_aio_get_msg(call->aio));
    if (counting) {
        took_us = now_us() - call->began_us;
        buckets[took_us < BUCKETS ? took_us : BUCKETS - 1]++;
    }
    begin(call);
}

static unsigned
percentile_us(uint64_t total, double share)
{
    uint64_t wanted = (uint64_t)((double)total * share), seen = 0;
    unsigned us = 0;

    while (us < BUCKETS - 1 && (seen += buckets[us]) < wanted) {
        us++;
    }
    return us;
}

static void
sleep_s(long s)
{
    const struct timespec span = {.tv_sec = s};

    (void)nanosleep(&span, NULL);
}

int
main(int argc, char **argv)
{
    static struct call calls[OUTSTANDING_MAX];
    nng_socket sockets[SOCKETS_MAX];
    int outstanding = argc > 3 ? (int)strtol(argv[2], NULL, 10) : 0;
    long seconds = argc > 3 ? strtol(argv[3], NULL, 10) : 0;
    int socket_count = argc > 5 ? (int)strtol(argv[5], NULL, 10) : 1;
    uint64_t total = 0;

    if (outstanding < 1 || outstanding > OUTSTANDING_MAX || seconds < 1 || socket_count < 1 ||
        socket_count > SOCKETS_MAX) {
        (void)fprintf(stderr,
                      "usage: echo_load ipc:///path outstanding seconds [kind [sockets]]\n");
        return 2;
    }
    kind = argc > 4 ? argv[4][0] : kind;
    for (int i = 0; i < socket_count; i++) {
        must(nng_req0_open(&sockets[i]), "open");
        must(nng_dial(sockets[i], argv[1], NULL, 0), "dial");
        log_in(sockets[i]);
    }
    for (int i = 0; i < outstanding; i++) {
        must(nng_aio_alloc(&calls[i].aio, step, &calls[i]), "aio");
        must(nng_ctx_open(&calls[i].context, sockets[i % socket_count]), "context");
        begin(&calls[i]);
    }
    sleep_s(WARM_UP_S);
    counting = true;
    sleep_s(seconds);
    counting = false;
    for (unsigned us = 0; us < BUCKETS; us++) {
        total += buckets[us];
    }
    (void)printf("%d outstanding: %.0f a second, median %u us, p99 %u us\n", outstanding,
                 (double)total / (double)seconds, percentile_us(total, 0.5),
                 percentile_us(total, 0.99));
    ending = true;
    return 0;
}
