/* SPDX-License-Identifier: Apache-2.0 */
#include "server.h"

#include <stdlib.h>
#include <time.h>

#include "clock.h"
#include "connection.h"
#include "desks.h"
#include "jobs.h"
#include "log.h"
#include "receive.h"
#include "server_internal.h"
#include "workers.h"

enum { LOG_EVERY_MS = 1000, STOP_STEP_MS = 2 };

static const struct server_limits defaults = {
    .connections_max = 1024,
    .admin_connections_max = 64,
    .connections_per_uid_max = 256,
    .strangers_max = 256,
    .strangers_per_uid_max = 32,
    .stranger_ms = 30000,
    .outstanding_max = 64,
    .handshake_ms = 5000,
    .frame_ms = 10000,
    .write_ms = 10000,
    .workers = 64,
    .queue_max = 4096,
    .memory_bytes_max = (size_t)64 * 1024 * 1024,
};

static void
fill_in(uint32_t *value, uint32_t when_zero)
{
    if (*value == 0) {
        *value = when_zero;
    }
}

static struct server_limits
limits_with_defaults(struct server_limits limits)
{
    fill_in(&limits.connections_max, defaults.connections_max);
    fill_in(&limits.admin_connections_max, defaults.admin_connections_max);
    fill_in(&limits.connections_per_uid_max, defaults.connections_per_uid_max);
    fill_in(&limits.strangers_max, defaults.strangers_max);
    fill_in(&limits.strangers_per_uid_max, defaults.strangers_per_uid_max);
    fill_in(&limits.stranger_ms, defaults.stranger_ms);
    fill_in(&limits.outstanding_max, defaults.outstanding_max);
    fill_in(&limits.handshake_ms, defaults.handshake_ms);
    fill_in(&limits.frame_ms, defaults.frame_ms);
    fill_in(&limits.write_ms, defaults.write_ms);
    fill_in(&limits.workers, defaults.workers);
    fill_in(&limits.queue_max, defaults.queue_max);
    if (limits.memory_bytes_max == 0) {
        limits.memory_bytes_max = defaults.memory_bytes_max;
    }
    return limits;
}

bool
server_may_log(struct server *server)
{
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t last_ms = server->logged_at;

    return (last_ms == 0 || now_ms - last_ms >= LOG_EVERY_MS) &&
           atomic_compare_exchange_strong(&server->logged_at, &last_ms, now_ms);
}

static struct server *
server_new(const struct server_options *options)
{
    struct server *server =
        calloc(1, sizeof *server + options->socket_count * sizeof server->listeners[0]);

    if (server != NULL) {
        server->dispatch = options->dispatch;
        server->limits = limits_with_defaults(options->limits);
        server->memory.max = server->limits.memory_bytes_max;
        server->strangers.max = (size_t)server->limits.strangers_max * STRANGER_BYTES;
        server->strangers.within = &server->memory;
        server->listener_count = options->socket_count;
        (void)pthread_mutex_init(&server->lock, NULL);
    }
    return server;
}

static void
server_free(struct server *server)
{
    workers_free(&server->workers);
    desks_free(&server->desks);
    jobs_free(&server->jobs);
    (void)pthread_mutex_destroy(&server->lock);
    free(server);
}

static enum status
start_listeners(struct server *server, const struct server_options *options)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; i < server->listener_count && status == STATUS_OK; i++) {
        server->listeners[i].server = server;
        server->listeners[i].socket = options->sockets[i].socket;
        status = listener_start(&server->listeners[i], &options->sockets[i]);
    }
    return status;
}

enum status
server_start(const struct server_options *options, struct server **ret_server)
{
    struct server *server = server_new(options);
    enum status status;

    if (server == NULL) {
        return STATUS_INTERNAL;
    }
    struct workers_options pool = {
        .threads = server->limits.workers,
        .queue_max = server->limits.queue_max,
        .run = receive_run,
        .drop = receive_drop,
    };
    status = jobs_new(&server->memory, &server->jobs);
    if (status == STATUS_OK) {
        status = desks_new(&server->desks);
    }
    if (status == STATUS_OK) {
        status = workers_start(&pool, &server->workers);
    }
    if (status == STATUS_OK) {
        status = start_listeners(server, options);
    }
    if (status != STATUS_OK) {
        server_stop(&server, 0);
        return status;
    }
    /* All of them listen, so that nobody is served by half a daemon. */
    for (size_t i = 0; i < server->listener_count; i++) {
        listener_accept(&server->listeners[i]);
    }
    LOG(LOG_LEVEL_INFO, EVENT_LISTENING, F("sockets", server->listener_count));
    *ret_server = server;
    return STATUS_OK;
}

void
server_tick(struct server *server)
{
    struct connection *at_rest = NULL;
    uint64_t now_ms = clock_monotonic_ms();

    (void)pthread_mutex_lock(&server->lock);
    for (struct connection **at = &server->connections; *at != NULL;) {
        struct connection *connection = *at;

        if (connection_tick(connection, now_ms)) {
            *at = connection->next;
            connection->next = at_rest;
            at_rest = connection;
        } else {
            at = &connection->next;
        }
    }
    (void)pthread_mutex_unlock(&server->lock);

    while (at_rest != NULL) {
        struct connection *connection = at_rest;

        at_rest = connection->next;
        connection_free(connection);
    }
    for (size_t i = 0; i < server->listener_count && !server->stopping; i++) {
        if (server->listeners[i].resting) {
            listener_accept(&server->listeners[i]);
        }
    }
}

static void
rest_a_little(void)
{
    struct timespec step = {.tv_nsec = STOP_STEP_MS * 1000000L};

    (void)nanosleep(&step, NULL);
}

bool
server_drain(struct server *server)
{
    bool all = true;

    if (!server->stopping) {
        server->stopping = true;
        for (size_t i = 0; i < server->listener_count; i++) {
            listener_stop(&server->listeners[i]);
        }
    }
    (void)pthread_mutex_lock(&server->lock);
    for (struct connection *at = server->connections; at != NULL; at = at->next) {
        all = connection_drain(at) && all;
    }
    (void)pthread_mutex_unlock(&server->lock);
    return all;
}

static bool
close_all(struct server *server)
{
    bool any;

    (void)pthread_mutex_lock(&server->lock);
    for (struct connection *at = server->connections; at != NULL; at = at->next) {
        connection_close(at, CLOSE_STOPPING);
    }
    any = server->connections != NULL;
    (void)pthread_mutex_unlock(&server->lock);
    return any;
}

void
server_stop(struct server **server, uint32_t drain_ms)
{
    struct server *ending = *server;
    uint64_t deadline_ms = clock_monotonic_ms() + drain_ms;

    if (ending == NULL) {
        return;
    }
    while (!server_drain(ending) && clock_monotonic_ms() < deadline_ms) {
        server_tick(ending);
        rest_a_little();
    }
    if (ending->workers != NULL) {
        workers_stop(ending->workers);
    }
    while (close_all(ending)) {
        server_tick(ending);
        rest_a_little();
    }
    server_free(ending);
    *server = NULL;
}
