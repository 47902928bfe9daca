/* SPDX-License-Identifier: Apache-2.0 */
/* echo_server URL [CONTEXTS]: the yardstick: nng's own REP socket, giving every request back. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>

enum { CONTEXTS_DEFAULT = 64, CONTEXTS_MAX = 1024 };

struct echo {
    nng_aio *aio;
    nng_ctx context;
    enum { RECEIVING, SENDING } state;
};

static void
must(int error, const char *what)
{
    if (error != 0) {
        (void)fprintf(stderr, "echo_server: %s: %s\n", what, nng_strerror(error));
        exit(1);
    }
}

static void
step(void *argument)
{
    struct echo *echo = argument;

    if (nng_aio_result(echo->aio) != 0) {
        return;
    }
    /* The message received stays with the aio and is the one that is sent. */
    echo->state = echo->state == RECEIVING ? SENDING : RECEIVING;
    if (echo->state == SENDING) {
        nng_ctx_send(echo->context, echo->aio);
    } else {
        nng_ctx_recv(echo->context, echo->aio);
    }
}

int
main(int argc, char **argv)
{
    static struct echo echoes[CONTEXTS_MAX];
    int contexts = argc > 2 ? (int)strtol(argv[2], NULL, 10) : CONTEXTS_DEFAULT;
    nng_socket socket;

    if (argc < 2 || contexts < 1 || contexts > CONTEXTS_MAX) {
        (void)fprintf(stderr, "usage: echo_server ipc:///path [contexts]\n");
        return 2;
    }
    must(nng_rep0_open(&socket), "open");
    for (int i = 0; i < contexts; i++) {
        must(nng_aio_alloc(&echoes[i].aio, step, &echoes[i]), "aio");
        must(nng_ctx_open(&echoes[i].context, socket), "context");
        nng_ctx_recv(echoes[i].context, echoes[i].aio);
    }
    must(nng_listen(socket, argv[1], NULL, 0), "listen");
    pause();
    return 0;
}
