/* SPDX-License-Identifier: Apache-2.0 */
/* stage.h: one cast at a time, and short words for what the matrix's finer tests do with it. What
 * goes wrong in a step fails the test. */
#ifndef CONTACT_VAULT_STAGE_H
#define CONTACT_VAULT_STAGE_H

#include "cast.h"

enum { SECOND_MS = 1000, HOUR_S = 3600, DAY_S = 24 * HOUR_S, STAGE_ENTRIES = 256 };

extern struct stage {
    struct cast cast;
    struct log_entry entries[STAGE_ENTRIES]; /* what stage_read_log found */
} stage;

int stage_set_up(void **state);
int stage_tear_down(void **state);
void stage_pass_s(uint64_t seconds);

/* One of the cast, on the data socket. */
struct caller *stage_member(enum who who);
/* Somebody else, likewise. */
void stage_connect(struct caller *caller, uint32_t uid);

/* What the admin does. */
void stage_add(const char *name, enum principal_kind kind, uint32_t uid);
void stage_grant(const char *name, enum role role, const char *where, struct caller_terms terms);
void stage_revoke(const char *name, enum role role, const char *where);
/* "half" and "rival", in which the maker makes tokens too. */
void stage_add_namespaces(void);
void stage_token_in(const char *where, const char *value,
                    char ret_token[static TOKEN_TEXT_BYTES + 1]);

/* One value: the reply's status, or else the item's. */
enum status stage_ask(struct caller *caller, enum operation operation, const char *value,
                      const char *where);
/* The text of the refusal that was the answer. */
void stage_message(const struct caller *caller, char ret_text[static MESSAGE_BYTES_MAX + 1]);

size_t stage_read_log(void);
/* One entry since the last look, which says so. */
void stage_expect_refusal(enum operation operation, enum status status, const char *name);

/* A table's letter: O ok, D denied, M not found, C conflict, I invalid. */
enum status stage_status(char letter);

#endif
