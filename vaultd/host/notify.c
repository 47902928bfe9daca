/* SPDX-License-Identifier: Apache-2.0 */
/* libsystemd does the same with a compressor and a bus in tow, in the process that holds the keys.
 */
#include "notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"

enum { MESSAGE_BYTES = 256, US_PER_MS = 1000, DECIMAL = 10 };

static int manager = -1;

/* "/path", or "@name" for an abstract one. 0: neither, or too long. */
static socklen_t
address_of(const char *name, struct sockaddr_un *ret_address)
{
    size_t size = strlen(name);

    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if ((name[0] != '/' && name[0] != '@') || size >= sizeof ret_address->sun_path) {
        return 0;
    }
    memcpy(ret_address->sun_path, name, size);
    if (name[0] == '@') {
        ret_address->sun_path[0] = '\0';
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    }
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + 1);
}

void
notify_open(void)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;
    socklen_t size;

    if (name == NULL || manager >= 0) {
        return;
    }
    size = address_of(name, &address);
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (size == 0 || manager < 0 ||
        connect(manager, (const struct sockaddr *)&address, size) != 0) {
        LOG(LOG_LEVEL_WARNING, EVENT_NOTIFY_FAILED, F("errno", size == 0 ? EINVAL : errno));
        notify_close();
    }
}

void
notify_close(void)
{
    if (manager >= 0) {
        (void)close(manager);
        manager = -1;
    }
}

/* A manager that does not read must not hold us up: what does not fit is not sent. */
static void
tell(const char *message)
{
    if (manager >= 0 && send(manager, message, strlen(message), MSG_NOSIGNAL) < 0) {
        LOG(LOG_LEVEL_WARNING, EVENT_NOTIFY_FAILED, F("errno", errno));
    }
}

static void
tell_with_status(const char *message, const char *status)
{
    char whole[MESSAGE_BYTES];

    (void)snprintf(whole, sizeof whole, "%sSTATUS=%s", message, status);
    tell(whole);
}

void
notify_ready(const char *status)
{
    tell_with_status("READY=1\n", status);
}

void
notify_status(const char *status)
{
    tell_with_status("", status);
}

void
notify_stopping(void)
{
    tell_with_status("STOPPING=1\n", "stopping");
}

static bool
parse(const char *text, uint64_t *ret_number)
{
    char *end = NULL;

    if (text == NULL || text[0] < '0' || text[0] > '9') {
        return false;
    }
    errno = 0;
    *ret_number = strtoull(text, &end, DECIMAL);
    return errno == 0 && *end == '\0';
}

uint64_t
notify_watchdog_ms(void)
{
    const char *whose = getenv("WATCHDOG_PID");
    uint64_t pid;
    uint64_t us;

    if (manager < 0 || !parse(getenv("WATCHDOG_USEC"), &us)) {
        return 0;
    }
    if (whose != NULL && (!parse(whose, &pid) || pid != (uint64_t)getpid())) {
        return 0;
    }
    return us / US_PER_MS;
}

void
notify_alive(void)
{
    tell("WATCHDOG=1");
}
