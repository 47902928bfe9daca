/* SPDX-License-Identifier: Apache-2.0 */
/* backup_made.h: a small backup in memory, made and read by the daemon's own code. */
#ifndef CONTACT_VAULT_TEST_BACKUP_MADE_H
#define CONTACT_VAULT_TEST_BACKUP_MADE_H

#include <stddef.h>
#include <stdint.h>

#include "backup_contents.h"
#include "backup_file.h"
#include "bytes.h"

struct secret;

struct made_file {
    uint8_t *data;
    size_t size;
    size_t preamble; /* how many bytes stand before the first chunk */
};

/* Memory as a source; `state` is a struct bytes that shrinks from the front. */
struct backup_source made_source(struct bytes *rest);

/* X25519 pair number `number`, the same each time; the private half frozen, for the caller. */
struct secret *made_key(uint8_t number, uint8_t ret_public[static BACKUP_KEY_BYTES]);
/* Ids and times of backup number `number`, to the first `recipients` keys. */
void made_head(uint8_t number, enum backup_part part, size_t recipients,
               struct backup_head *ret_head);
/* The audit key pair that signs. */
void made_audit_key(uint8_t ret_public[static 32], uint8_t ret_private[static 64]);

/* So many bytes of a keyring's part, for the caller to free. */
struct made_file made_keyring(const struct backup_head *head, size_t size);
/* Rows, entries, and a manifest after `change` had its way with it, if there is one. */
typedef void made_change(struct backup_manifest *manifest);
struct made_file made_contents(const struct backup_head *head, size_t rows, made_change *change);

/* What reading all of it comes to, signature included. */
enum backup_fault made_read_contents(struct bytes file, const struct secret *key,
                                     struct backup_manifest *ret_manifest);

#endif
