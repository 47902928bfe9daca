/* SPDX-License-Identifier: Apache-2.0 */
#include "failpoint.h"

#ifdef CONTACT_VAULT_FAILPOINTS

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { POINTS_MAX = 16, NAME_BYTES = 48 };

struct point {
    char name[NAME_BYTES];
    unsigned long at; /* 0: every pass */
    unsigned long passes;
};

static struct point points[POINTS_MAX];
static size_t point_count;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void
read_environment(void)
{
    const char *at = getenv("CONTACT_VAULT_FAILPOINTS");

    while (at != NULL && *at != '\0' && point_count < POINTS_MAX) {
        struct point *point = &points[point_count++];
        size_t size = strcspn(at, ",");
        size_t name = strcspn(at, "=,");

        if (name >= NAME_BYTES) {
            name = NAME_BYTES - 1;
        }
        memcpy(point->name, at, name);
        if (at[name] == '=') {
            point->at = strtoul(at + name + 1, NULL, 10);
        }
        at += size + (at[size] == ',');
    }
}

bool
failpoint_fires(const char *name)
{
    bool fires = false;

    (void)pthread_once(&once, read_environment);
    for (size_t i = 0; i < point_count; i++) {
        if (strcmp(points[i].name, name) == 0) {
            (void)pthread_mutex_lock(&lock);
            points[i].passes++;
            /* A name may be listed twice: the Nth pass and a later one. */
            fires |= points[i].at == 0 || points[i].passes == points[i].at;
            (void)pthread_mutex_unlock(&lock);
        }
    }
    return fires;
}

void
failpoint_crash(const char *name)
{
    if (failpoint_fires(name)) {
        _exit(FAILPOINT_CRASHED);
    }
}

#else
/* ISO C wants a file to hold something. */
extern int failpoint_none;
int failpoint_none;
#endif
