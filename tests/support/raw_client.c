/* SPDX-License-Identifier: Apache-2.0 */
#include "raw_client.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "bytes.h"

enum { RECEIVE_S = 10 };

#define ID_BIT UINT32_C(0x80000000)

static struct sockaddr_un
address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(path);

    memcpy(address.sun_path, path, size < sizeof address.sun_path ? size : 0);
    return address;
}

int
raw_connect_with(int fd, const char *path)
{
    const struct timeval limit = {.tv_sec = RECEIVE_S};
    const struct sockaddr_un address = address_of(path);

    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return connect(fd, (const struct sockaddr *)&address, sizeof address);
}

int
raw_connect(const char *path)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && raw_connect_with(fd, path) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

int
raw_bound(const char *path)
{
    const struct sockaddr_un address = address_of(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

int
raw_greeted(const char *path)
{
    static const uint8_t ours[RAW_GREETING_BYTES] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    static const uint8_t theirs[RAW_GREETING_BYTES] = {0, 'S', 'P', 0, 0, 0x31, 0, 0};
    uint8_t got[RAW_GREETING_BYTES];
    int fd = raw_connect(path);

    if (fd >= 0 && raw_send(fd, ours, sizeof ours) && raw_receive(fd, got, sizeof got) &&
        memcmp(got, theirs, sizeof got) == 0) {
        return fd;
    }
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

bool
raw_send(int fd, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    while (size > 0) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);

        if (sent <= 0) {
            return false;
        }
        at += sent;
        size -= (size_t)sent;
    }
    return true;
}

bool
raw_receive(int fd, void *bytes, size_t size)
{
    uint8_t *at = bytes;

    while (size > 0) {
        ssize_t got = recv(fd, at, size, 0);

        if (got <= 0) {
            return false;
        }
        at += got;
        size -= (size_t)got;
    }
    return true;
}

bool
raw_request(int fd, uint32_t id, const void *payload, size_t size)
{
    uint8_t header[RAW_HEADER_BYTES] = {1};

    put_u64(header + 1, size + 4);
    put_u32(header + 9, id | ID_BIT);
    return raw_send(fd, header, sizeof header) && raw_send(fd, payload, size);
}

bool
raw_reply(int fd, struct raw_reply *ret_reply)
{
    uint8_t header[RAW_HEADER_BYTES];
    uint64_t length;

    if (!raw_receive(fd, header, sizeof header)) {
        return false;
    }
    length = get_u64(header + 1);
    if (header[0] != 1 || length < 4 || (get_u32(header + 9) & ID_BIT) == 0) {
        return false;
    }
    ret_reply->request_id = get_u32(header + 9) & ~ID_BIT;
    ret_reply->size = (size_t)length - 4;
    ret_reply->payload = malloc(ret_reply->size + 1);
    if (ret_reply->payload == NULL) {
        return false;
    }
    if (!raw_receive(fd, ret_reply->payload, ret_reply->size)) {
        free(ret_reply->payload);
        return false;
    }
    return true;
}

static uint64_t
now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool
raw_closes_within(int fd, unsigned ms)
{
    uint64_t deadline = now_ms() + ms;
    uint8_t ignored[4096];

    for (;;) {
        uint64_t now = now_ms();
        struct pollfd poller = {.fd = fd, .events = POLLIN};

        if (now >= deadline || poll(&poller, 1, (int)(deadline - now)) <= 0) {
            return false;
        }
        if (recv(fd, ignored, sizeof ignored, MSG_DONTWAIT) <= 0) {
            return true;
        }
    }
}
