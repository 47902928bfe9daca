/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "rpc_memory.h"

enum {
    SLOT_BYTES = 512, /* a job, and the request of one contact behind it */
    CHUNK_BYTES = 16 * 1024,
    SLOT_REQUEST_BYTES = SLOT_BYTES - sizeof(struct job),
};

static_assert(SLOT_BYTES % _Alignof(struct job) == 0, "slots lie side by side");

/* The first slot of a chunk links it to the others. */
struct chunk {
    struct chunk *next;
};

/* Invariant: every slot of every chunk but its first is either in `free_slots`, zero but for its
 * link, or with exactly one holder. `lock` guards both lists. */
struct jobs {
    struct rpc_memory *memory;
    pthread_mutex_t lock;
    struct job *free_slots;
    struct chunk *chunks;
};

enum status
jobs_new(struct rpc_memory *memory, struct jobs **ret_jobs)
{
    struct jobs *jobs = calloc(1, sizeof *jobs);

    if (jobs == NULL) {
        return STATUS_INTERNAL;
    }
    jobs->memory = memory;
    (void)pthread_mutex_init(&jobs->lock, NULL);
    *ret_jobs = jobs;
    return STATUS_OK;
}

void
jobs_free(struct jobs **jobs)
{
    if (*jobs == NULL) {
        return;
    }
    while ((*jobs)->chunks != NULL) {
        struct chunk *chunk = (*jobs)->chunks;

        (*jobs)->chunks = chunk->next;
        rpc_memory_free((*jobs)->memory, chunk, CHUNK_BYTES);
    }
    (void)pthread_mutex_destroy(&(*jobs)->lock);
    free(*jobs);
    *jobs = NULL;
}

/* Under the lock. */
static void
add_chunk(struct jobs *jobs)
{
    uint8_t *bytes = rpc_memory_new(jobs->memory, CHUNK_BYTES);
    struct chunk *chunk = (struct chunk *)(void *)bytes;

    if (bytes == NULL) {
        return;
    }
    chunk->next = jobs->chunks;
    jobs->chunks = chunk;
    for (size_t at = SLOT_BYTES; at < CHUNK_BYTES; at += SLOT_BYTES) {
        struct job *slot = (struct job *)(void *)(bytes + at);

        slot->next = jobs->free_slots;
        jobs->free_slots = slot;
    }
}

static struct job *
take_slot(struct jobs *jobs)
{
    struct job *job;

    (void)pthread_mutex_lock(&jobs->lock);
    if (jobs->free_slots == NULL) {
        add_chunk(jobs);
    }
    job = jobs->free_slots;
    if (job != NULL) {
        jobs->free_slots = job->next;
        job->next = NULL;
    }
    (void)pthread_mutex_unlock(&jobs->lock);
    return job;
}

struct job *
jobs_take(struct jobs *jobs, struct rpc_memory *memory, struct bytes request)
{
    uint8_t *copy;
    struct job *job;

    if (request.size > SLOT_REQUEST_BYTES) {
        copy = rpc_memory_new(memory, request.size);
        if (copy == NULL) {
            return NULL;
        }
        memcpy(copy, request.data, request.size);
        job = jobs_take_owned(jobs, memory, &copy, request.size);
        rpc_memory_free(memory, copy, request.size);
        return job;
    }
    job = take_slot(jobs);
    if (job != NULL) {
        job->request = (uint8_t *)(job + 1);
        job->request_bytes = request.size;
        if (request.size > 0) {
            memcpy(job->request, request.data, request.size);
        }
    }
    return job;
}

struct job *
jobs_take_owned(struct jobs *jobs, struct rpc_memory *memory, uint8_t **request, size_t size)
{
    struct job *job = take_slot(jobs);

    if (job != NULL) {
        job->request = *request;
        job->request_bytes = size;
        job->owned_bytes = size;
        job->memory = memory;
        *request = NULL;
    }
    return job;
}

void
jobs_give(struct jobs *jobs, struct job *job)
{
    if (job->owned_bytes > 0) {
        rpc_memory_free(job->memory, job->request, job->owned_bytes);
    }
    explicit_bzero(job, SLOT_BYTES);
    (void)pthread_mutex_lock(&jobs->lock);
    job->next = jobs->free_slots;
    jobs->free_slots = job;
    (void)pthread_mutex_unlock(&jobs->lock);
}
