/* SPDX-License-Identifier: Apache-2.0 */
#include "listener.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "admission.h"
#include "connection.h"
#include "log.h"
#include "server_internal.h"

#define SCHEME "ipc://"

enum {
    SOCKET_PATH_BYTES_MAX = sizeof((struct sockaddr_un *)0)->sun_path - 1,
    URL_BYTES = sizeof SCHEME + SOCKET_PATH_BYTES_MAX,
    LISTENING_MODE = S_IRUSR | S_IWUSR, /* until group and mode are settled */
};

static enum status
system_call_failed(int line)
{
    LOG(LOG_LEVEL_ERROR, EVENT_SYSTEM_CALL_FAILED, F("errno", errno), F("line", line));
    return STATUS_UNAVAILABLE;
}

/* What a daemon that was killed left behind. The lock on the data directory says that it is gone.
 */
static enum status
remove_stale(const char *path)
{
    struct stat there;

    if (lstat(path, &there) != 0) {
        return errno == ENOENT ? STATUS_OK : system_call_failed(__LINE__);
    }
    if (!S_ISSOCK(there.st_mode)) {
        errno = EEXIST;
        return system_call_failed(__LINE__);
    }
    return unlink(path) == 0 ? STATUS_OK : system_call_failed(__LINE__);
}

/* nng sets LISTENING_MODE before it listens, so the socket is the daemon's alone until we are done.
 */
static enum status
settle_owner(const struct server_socket *socket)
{
    if (socket->group != (gid_t)-1 && lchown(socket->path, (uid_t)-1, socket->group) != 0) {
        return system_call_failed(__LINE__);
    }
    return chmod(socket->path, socket->mode) == 0 ? STATUS_OK : system_call_failed(__LINE__);
}

/* The stream is taken in or closed; false: enough of them, until server_tick has freed some. */
static bool
admit(struct listener *listener, nng_stream *stream)
{
    uint64_t uid = 0;
    bool go_on;
    int error = nng_stream_get_uint64(stream, NNG_OPT_IPC_PEER_UID, &uid);

    if (error != 0) {
        nng_stream_close(stream);
        nng_stream_free(stream);
        if (server_may_log(listener->server)) {
            LOG(LOG_LEVEL_ERROR, EVENT_NNG_FAILED, F("error", error), F("line", __LINE__));
        }
        return true;
    }
    go_on = admission_make_room(listener->server, (uint32_t)uid);
    connection_start(listener->server, stream, listener->socket, (uint32_t)uid);
    return go_on;
}

static void
accept_callback(void *argument)
{
    struct listener *listener = argument;
    int error = nng_aio_result(listener->accept_aio);
    bool go_on = false;

    if (error == 0) {
        go_on = admit(listener, nng_aio_get_output(listener->accept_aio, 0));
    } else if (error != NNG_ECLOSED && error != NNG_ECANCELED && server_may_log(listener->server)) {
        /* Out of descriptors, mostly: at once again would spin. */
        LOG(LOG_LEVEL_ERROR, EVENT_NNG_FAILED, F("error", error), F("line", __LINE__));
    }
    if (go_on && !listener->server->stopping) {
        nng_stream_listener_accept(listener->stream, listener->accept_aio);
    } else {
        listener->resting = true;
    }
}

static enum status
nng_failed(int error, int line)
{
    LOG(LOG_LEVEL_ERROR, EVENT_NNG_FAILED, F("error", error), F("line", line));
    return STATUS_UNAVAILABLE;
}

enum status
listener_start(struct listener *listener, const struct server_socket *socket)
{
    char url[URL_BYTES];
    enum status status;
    int error;

    if (strlen(socket->path) > SOCKET_PATH_BYTES_MAX || socket->path[0] == '\0') {
        return STATUS_INVALID;
    }
    (void)snprintf(url, sizeof url, SCHEME "%s", socket->path);
    status = remove_stale(socket->path);
    if (status != STATUS_OK) {
        return status;
    }
    error = nng_aio_alloc(&listener->accept_aio, accept_callback, listener);
    if (error != 0) {
        return nng_failed(error, __LINE__);
    }
    error = nng_stream_listener_alloc(&listener->stream, url);
    if (error != 0) {
        return nng_failed(error, __LINE__);
    }
    error = nng_stream_listener_set_int(listener->stream, NNG_OPT_IPC_PERMISSIONS, LISTENING_MODE);
    if (error != 0) {
        return nng_failed(error, __LINE__);
    }
    error = nng_stream_listener_listen(listener->stream);
    if (error != 0) {
        return nng_failed(error, __LINE__);
    }
    return settle_owner(socket);
}

void
listener_accept(struct listener *listener)
{
    listener->resting = false;
    nng_stream_listener_accept(listener->stream, listener->accept_aio);
}

void
listener_stop(struct listener *listener)
{
    if (listener->stream != NULL) {
        nng_stream_listener_close(listener->stream);
    }
    /* Waits for the callback; after it nobody uses the stream. */
    nng_aio_free(listener->accept_aio);
    nng_stream_listener_free(listener->stream);
    listener->accept_aio = NULL;
    listener->stream = NULL;
}
