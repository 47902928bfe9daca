/* SPDX-License-Identifier: Apache-2.0 */
/* audit_log.h: the vault's log, read page by page in constant memory. */
#ifndef CONTACT_VAULT_AUDIT_LOG_H
#define CONTACT_VAULT_AUDIT_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "vaultctl.h"

/* One reading of it. `client` is an open session on the admin socket. */
struct audit_log {
    const struct arguments *arguments;
    struct cv_client *client;
    struct cv_audit_query query; /* what is wanted; its `from` moves */
    uint64_t last;               /* the number of the last entry that is looked at */
};

/* The number of the operation or act of this name; 0: there is none. */
uint32_t audit_log_act(const char *name);

/* --since and --until into the query, ages against the time now. Says what is wrong. */
enum exit_code audit_log_take_times(const struct arguments *arguments,
                                    struct cv_audit_query *query);

/* The next page; moves query.from, and forgets query.since_ms once that is behind. *ret_reply may
 * be looked at on EXIT_OK and is freed by the caller anyway. *ret_moved false: that was the end. */
enum exit_code audit_log_page(struct audit_log *log, struct cv_reply **ret_reply, bool *ret_moved);

/* `last`: the newest entry there is, in some forty questions however long the log is. */
enum exit_code audit_log_find_last(struct audit_log *log);

/*
 * The first entry made at or after since_ms (0: of all), whatever else the query wants. Number 0:
 * there is none.
 */
enum exit_code audit_log_first(const struct audit_log *log, uint64_t since_ms,
                               uint64_t *ret_sequence, uint64_t *ret_time_ms);

typedef void audit_log_visit(void *state, const struct cv_audit_entry *entry);

/* Visits what the query wants from its `from` to `last`; not what comes while we read. has_bar: how
 * far it is, for whoever waits at a terminal. */
enum exit_code audit_log_walk(struct audit_log *log, bool has_bar, audit_log_visit *visit,
                              void *state);

#endif
