/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_server PATH: rpc with dispatch's double behind it, to be held against echo_server. */
#include <stdio.h>
#include <time.h>

#include "dispatch_echo.h"
#include "server.h"

enum { TICK_MS = 100 };

int
main(int argc, char **argv)
{
    static struct dispatch dispatch;
    struct server_socket socket = {.socket = PEER_DATA, .mode = 0600, .group = (gid_t)-1};
    struct server_options options = {.dispatch = &dispatch, .sockets = &socket, .socket_count = 1};
    const struct timespec span = {.tv_nsec = TICK_MS * 1000000L};
    struct server *server;

    if (argc != 2) {
        (void)fprintf(stderr, "usage: rpc_server /path\n");
        return 2;
    }
    socket.path = argv[1];
    dispatch_echo_init(&dispatch);
    if (server_start(&options, &server) != STATUS_OK) {
        return 1;
    }
    for (;;) {
        server_tick(server);
        (void)nanosleep(&span, NULL);
    }
}
