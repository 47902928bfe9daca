/* SPDX-License-Identifier: Apache-2.0 */
#include "dispatch_echo.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REPLY_BYTES_MAX = 32 * 1024 * 1024, DISK_NS = 150 * 1000 };

struct workspace {
    atomic_bool in_use; /* from dispatch_handle to workspace_wipe */
    uint8_t *reply;
    size_t capacity;
};

void
dispatch_peer_init(struct peer *peer, enum peer_socket socket, uint32_t uid)
{
    *peer = (struct peer){.socket = socket, .uid = uid};
}

enum status
workspace_new(struct workspace **ret_workspace)
{
    *ret_workspace = calloc(1, sizeof **ret_workspace);
    return *ret_workspace == NULL ? STATUS_INTERNAL : STATUS_OK;
}

void
workspace_free(struct workspace **workspace)
{
    if (*workspace != NULL) {
        assert(!(*workspace)->in_use);
        free((*workspace)->reply);
        free(*workspace);
        *workspace = NULL;
    }
}

void
workspace_wipe(struct workspace *workspace)
{
    atomic_store(&workspace->in_use, false);
}

static uint8_t *
reply_room(struct workspace *workspace, size_t size)
{
    assert(size <= REPLY_BYTES_MAX);
    if (workspace->capacity < size) {
        free(workspace->reply);
        workspace->reply = malloc(size);
        workspace->capacity = size;
        assert(workspace->reply != NULL);
    }
    return workspace->reply;
}

static struct bytes
echo(struct workspace *workspace, struct bytes request)
{
    uint8_t *reply = reply_room(workspace, request.size + 1);

    if (request.size > 0) {
        memcpy(reply, request.data, request.size);
    }
    return bytes_of(reply, request.size);
}

static struct bytes
answer(struct peer *peer, struct workspace *workspace, struct bytes request)
{
    uint8_t *reply;
    size_t size;

    switch (request.size == 0 ? 0 : request.data[0]) {
    case ECHO_LARGE:
        assert(request.size >= 5);
        size = get_u32(request.data + 1);
        reply = reply_room(workspace, size);
        memset(reply, ECHO_LARGE, size);
        return bytes_of(reply, size);
    case ECHO_PEER:
        reply = reply_room(workspace, 6);
        reply[0] = (uint8_t)peer->socket;
        reply[1] = (uint8_t)peer->state;
        put_u32(reply + 2, peer->uid);
        return bytes_of(reply, 6);
    case ECHO_ORDER:
        /* Not atomic on purpose: ThreadSanitizer sees it if two threads are ever here for one peer.
         */
        reply = reply_room(workspace, 4);
        put_u32(reply, peer->principal++);
        return bytes_of(reply, 4);
    case ECHO_LOGIN:
        peer->state = PEER_KNOWN;
        break;
    default:
        break;
    }
    return echo(workspace, request);
}

static void
wait_at_gate(struct dispatch *dispatch)
{
    (void)pthread_mutex_lock(&dispatch->lock);
    dispatch->at_gate++;
    while (!dispatch->gate_open) {
        (void)pthread_cond_wait(&dispatch->gate_opened, &dispatch->lock);
    }
    dispatch->at_gate--;
    (void)pthread_mutex_unlock(&dispatch->lock);
}

static bool
must_wait(uint8_t kind)
{
    return kind == ECHO_WORKER || kind == ECHO_GATE || kind == ECHO_SLEEP;
}

enum dispatch_outcome
dispatch_handle(struct dispatch *dispatch, struct peer *peer, struct workspace *workspace,
                struct bytes request, enum dispatch_mode mode, struct bytes *ret_reply)
{
    uint8_t kind = request.size == 0 ? 0 : request.data[0];
    bool was_in_use = atomic_exchange(&workspace->in_use, true);

    assert(!was_in_use);
    if (mode == DISPATCH_NO_WAIT) {
        if (must_wait(kind)) {
            return DISPATCH_WOULD_WAIT;
        }
        dispatch->inline_count++;
    } else {
        assert(must_wait(kind));
        dispatch->worker_count++;
        if (kind == ECHO_GATE) {
            wait_at_gate(dispatch);
        }
        if (kind == ECHO_SLEEP) {
            (void)nanosleep(&(struct timespec){.tv_nsec = DISK_NS}, NULL);
        }
    }
    *ret_reply = answer(peer, workspace, request);
    return DISPATCH_ANSWERED;
}

struct bytes
dispatch_refusal(enum status status)
{
    static const uint8_t refusals[STATUS_COUNT][2] = {
        [STATUS_UNAUTHENTICATED] = {ECHO_REFUSED, STATUS_UNAUTHENTICATED},
        [STATUS_BUSY] = {ECHO_REFUSED, STATUS_BUSY},
    };

    assert(refusals[status][0] == ECHO_REFUSED);
    return bytes_of(refusals[status], sizeof refusals[status]);
}

void
dispatch_echo_init(struct dispatch *dispatch)
{
    memset(dispatch, 0, sizeof *dispatch);
    (void)pthread_mutex_init(&dispatch->lock, NULL);
    (void)pthread_cond_init(&dispatch->gate_opened, NULL);
}

void
dispatch_echo_fini(struct dispatch *dispatch)
{
    (void)pthread_cond_destroy(&dispatch->gate_opened);
    (void)pthread_mutex_destroy(&dispatch->lock);
}

void
dispatch_echo_open_gate(struct dispatch *dispatch)
{
    (void)pthread_mutex_lock(&dispatch->lock);
    dispatch->gate_open = true;
    (void)pthread_cond_broadcast(&dispatch->gate_opened);
    (void)pthread_mutex_unlock(&dispatch->lock);
}
