/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault_uses.h: which records were used in a month that is not yet written down in them; a bounded
 * set of row numbers in memory. Any thread.
 */
#ifndef CONTACT_VAULT_VAULT_USES_H
#define CONTACT_VAULT_VAULT_USES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VAULT_USES_MAX = 65536 };

struct vault_uses;

/* NULL when memory is short. */
struct vault_uses *vault_uses_new(void);
void vault_uses_free(struct vault_uses **uses);

/* Row numbers begin at 1. When there is no room it is dropped: the next use comes here again. */
void vault_uses_add(struct vault_uses *uses, uint64_t row);
/* Was any dropped since the last time this was asked? */
bool vault_uses_lost(struct vault_uses *uses);
bool vault_uses_has(struct vault_uses *uses, uint64_t row);
/* Some of them, at most `limit`; they stay. */
size_t vault_uses_peek(struct vault_uses *uses, uint64_t *ret_rows, size_t limit);
void vault_uses_remove(struct vault_uses *uses, const uint64_t *rows, size_t count);

/*
 * Held over writing uses down and removing them, and over a sweep: what a sweep's snapshot does not
 * show yet is in the set, and stays there until the sweep has looked. Taken before the store.
 */
void vault_uses_settle_begin(struct vault_uses *uses);
void vault_uses_settle_end(struct vault_uses *uses);

#endif
