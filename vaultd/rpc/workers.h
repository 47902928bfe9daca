/* SPDX-License-Identifier: Apache-2.0 */
/* workers.h: a fixed pool of threads that may wait for the disk, behind one bounded queue of jobs.
 */
#ifndef CONTACT_VAULT_WORKERS_H
#define CONTACT_VAULT_WORKERS_H

#include <stdint.h>

#include "status.h"

struct job;
struct workers;
struct workspace;

struct workers_options {
    uint32_t threads;
    uint32_t queue_max;
    void (*run)(struct job *job, struct workspace *workspace); /* on a worker; owns the job */
    void (*drop)(
        struct job *job); /* for what is in the queue when the workers stop; owns the job */
};

/* UNAVAILABLE: threads or their locked workspaces cannot be had. */
MUST_USE enum status workers_start(const struct workers_options *options,
                                   struct workers **ret_workers);

/* Any thread. Takes ownership of the job on OK; BUSY: the queue is full. */
MUST_USE enum status workers_submit(struct workers *workers, struct job *job);

/* Drops what waits, lets what runs come to its end, joins the threads; a submit is BUSY from then
 * on. */
void workers_stop(struct workers *workers);
/* Stops first. No submit may be under way. */
void workers_free(struct workers **workers);

#endif
