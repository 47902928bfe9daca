/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret.h: the only holder of keys: guarded, locked pages (sodium_malloc), read-only once filled,
 * zeroed when freed. Some four mappings each: one for a set of keys, never one per record.
 */
#ifndef CONTACT_VAULT_SECRET_H
#define CONTACT_VAULT_SECRET_H

#include <stddef.h>
#include <stdint.h>

#include "status.h"

struct secret;

/* Writable and zeroed. UNAVAILABLE: no more memory may be locked. */
MUST_USE enum status secret_new(size_t size, struct secret **ret_secret);
/* A copy of these bytes, frozen. */
MUST_USE enum status secret_copy(const uint8_t *bytes, size_t size, struct secret **ret_secret);
/* Zeroes; NULL is fine. */
void secret_free(struct secret **secret);

size_t secret_size(const struct secret *secret);
uint8_t *secret_write(struct secret *secret); /* until secret_freeze */
const uint8_t *secret_read(const struct secret *secret);

/* From here on a write is a fault that stops the process. */
void secret_freeze(struct secret *secret);

#endif
