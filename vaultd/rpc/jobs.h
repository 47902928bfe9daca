/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jobs.h: requests handed to another thread, each a copy in locked memory. Small ones live in slots
 * of one size, carved from chunks that are kept; a large one brings its own buffer. Any thread.
 */
#ifndef CONTACT_VAULT_JOBS_H
#define CONTACT_VAULT_JOBS_H

#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "dispatch.h"
#include "status.h"

struct connection;
struct jobs;
struct rpc_memory;

struct job {
    struct job *next; /* in the queue, or among the free slots */
    struct connection *connection;
    struct peer peer; /* a copy, as it was when the request arrived */
    uint32_t request_id;
    uint8_t *request;
    size_t request_bytes;
    size_t owned_bytes;        /* not 0: `request` is a buffer of its own, of so many bytes... */
    struct rpc_memory *memory; /* ...of this */
};

MUST_USE enum status jobs_new(struct rpc_memory *memory, struct jobs **ret_jobs);
/* Every job must have been given back. */
void jobs_free(struct jobs **jobs);

/* With a copy of the request, of `memory` where it is long; NULL: no locked memory. */
struct job *jobs_take(struct jobs *jobs, struct rpc_memory *memory, struct bytes request);
/* As jobs_take, but takes ownership of *request, a buffer of `memory`, unless it returns NULL. */
struct job *jobs_take_owned(struct jobs *jobs, struct rpc_memory *memory, uint8_t **request,
                            size_t size);
/* Wipes the job's bytes. */
void jobs_give(struct jobs *jobs, struct job *job);

#endif
