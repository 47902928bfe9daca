/* SPDX-License-Identifier: Apache-2.0 */
#include "desks.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "dispatch.h"
#include "log.h"

enum { DESKS_MAX = 16, DESKS_PER_CORE = 2 }; /* nng 1.5.2 runs two task threads a core */

/* Invariant: free_desks[0] to free_desks[count - 1] are free; `lock` guards both. */
struct desks {
    pthread_mutex_t lock;
    pthread_cond_t given;
    unsigned count;
    struct workspace *free_desks[DESKS_MAX];
};

enum status
desks_new(struct desks **ret_desks)
{
    struct desks *desks = calloc(1, sizeof *desks);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned wanted = DESKS_MAX;
    enum status status = STATUS_OK;

    if (desks == NULL) {
        return STATUS_INTERNAL;
    }
    if (cores > 0 && cores < DESKS_MAX / DESKS_PER_CORE) {
        wanted = (unsigned)cores * DESKS_PER_CORE;
    }
    (void)pthread_mutex_init(&desks->lock, NULL);
    (void)pthread_cond_init(&desks->given, NULL);
    while (status == STATUS_OK && desks->count < wanted) {
        status = workspace_new(&desks->free_desks[desks->count]);
        desks->count += status == STATUS_OK;
    }
    if (status != STATUS_OK) {
        LOG(LOG_LEVEL_ERROR, EVENT_MEMORY_SHORT, F_STATUS("status", status), F("line", __LINE__));
        desks_free(&desks);
        return STATUS_UNAVAILABLE;
    }
    *ret_desks = desks;
    return STATUS_OK;
}

void
desks_free(struct desks **desks)
{
    if (*desks != NULL) {
        for (unsigned i = 0; i < (*desks)->count; i++) {
            workspace_free(&(*desks)->free_desks[i]);
        }
        (void)pthread_cond_destroy(&(*desks)->given);
        (void)pthread_mutex_destroy(&(*desks)->lock);
        free(*desks);
        *desks = NULL;
    }
}

struct workspace *
desks_take(struct desks *desks)
{
    struct workspace *workspace;

    (void)pthread_mutex_lock(&desks->lock);
    while (desks->count == 0) {
        (void)pthread_cond_wait(&desks->given, &desks->lock);
    }
    workspace = desks->free_desks[--desks->count];
    (void)pthread_mutex_unlock(&desks->lock);
    return workspace;
}

void
desks_give(struct desks *desks, struct workspace *workspace)
{
    (void)pthread_mutex_lock(&desks->lock);
    desks->free_desks[desks->count++] = workspace;
    (void)pthread_mutex_unlock(&desks->lock);
    (void)pthread_cond_signal(&desks->given);
}
