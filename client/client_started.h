/* SPDX-License-Identifier: Apache-2.0 */
/* client_started.h: a started call, from cv_start until it was called back or taken; its queue. */
#ifndef CONTACT_VAULT_CLIENT_STARTED_H
#define CONTACT_VAULT_CLIENT_STARTED_H

#include "client_internal.h"

/* One allocation with all it copies, so that one wipe reaches all of it. */
struct started {
    TAILQ_ENTRY(started) place;
    enum operation operation;
    cv_callback *done; /* NULL: it is taken by cv_finished */
    void *user_data;
    struct cv_reply *reply;
    uint64_t deadline_ms;
    struct cv_query query; /* points into what follows */
    size_t copied_bytes;
    const char *values[];
};

/* With a copy of the query; NULL: no memory. */
struct started *started_new(const struct cv_query *query);
/* With its reply, if it still has one; wiped. */
void started_free(struct started **started);

/* All with the client's lock held. */
void started_queue(struct runners *runners, struct started *started);
void started_unqueue(struct runners *runners, struct started *started);
/* The one that must be answered first, or NULL. */
struct started *started_earliest(const struct runners *runners);

#endif
