/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_fixture.h: a server with dispatch's double behind it, and what clients of it expect. */
#ifndef CONTACT_VAULT_RPC_FIXTURE_H
#define CONTACT_VAULT_RPC_FIXTURE_H

#include <nng/nng.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "dispatch_echo.h"
#include "server.h"

enum {
    PATH_BYTES = 96,
    TICK_MS = 10,
    SOON_MS = 5000, /* what must happen, happens within this; what must not is given less */
    WHILE_MS = 300,
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

void sleep_ms(unsigned ms);
/* Its own two sockets, for starting a server once more. */
struct server_options options_of(struct fixture *fixture, struct server_socket sockets[static 2],
                                 struct server_limits limits);
struct fixture *fixture_new(struct server_limits limits);
/* Stops ticker and server; fixture_free does that too where it was not done. */
void fixture_stop(struct fixture *fixture, uint32_t drain_ms);
void fixture_free(struct fixture *fixture);
/* Waits for it; false: it did not in SOON_MS. */
bool becomes(atomic_uint *counter, unsigned value);
void expect_reply(int fd, uint32_t id, const void *payload, size_t size);
void expect_refusal(int fd, uint32_t id, enum status status);
/* Returns where the payload goes. */
uint8_t *put_frame(uint8_t *frame, uint32_t id, size_t payload_bytes);
void expect_echo(int fd, uint32_t id, const char *text);
/* Asks each for an echo; a place in the array that is -1 is passed over. */
unsigned count_served(const int *clients, unsigned count);
void close_clients(const int *clients, unsigned count);
void expect_honest_client_is_served(const char *path);
/* Greeted, and logged in. */
int known_client(const char *path);
/* nng's own REQ socket, dialled. */
nng_socket connect_nng(const char *path);
/* True: the same bytes came back. */
bool call_once(nng_ctx context, nng_aio *aio, const uint8_t *request, size_t size);

struct caller {
    nng_socket socket;
    pthread_t thread;
    unsigned number, rounds, wrong;
};

/* A thread's: so many rounds in a context of its own; counts what came back wrong. */
void *call(void *argument);

#endif
