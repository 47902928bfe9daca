/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyring_rows.h: the keys in clear, rows as keyring_file.h has them: found, and made anew with
 * some more or some less. Each result is a new frozen arena of the caller's; the old one stays as
 * it is. INTERNAL: memory short.
 */
#ifndef CONTACT_VAULT_KEYRING_ROWS_H
#define CONTACT_VAULT_KEYRING_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "keyring.h"
#include "status.h"

struct secret;

/* The old rows, if there are any, and new random keys. CONFLICT, TOO_LARGE. */
MUST_USE enum status keyring_rows_extend(const struct secret *old, const struct key_name *names,
                                         size_t count, struct secret **ret_keys);
/* Without those named, and with KEY_DATE_GONE for data and index keys. NOT_FOUND. */
MUST_USE enum status keyring_rows_reduce(const struct secret *old, const struct key_name *names,
                                         size_t count, struct secret **ret_keys);
/* The same keys; of the dates only KEY_DATE_ROOT, which is now. */
MUST_USE enum status keyring_rows_under_new_root(const struct secret *old,
                                                 struct secret **ret_keys);
/* False: it is not there; it would stand at *ret_index. */
bool keyring_rows_find(const struct secret *keys, struct key_name name, size_t *ret_index);

#endif
