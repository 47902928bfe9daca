/* SPDX-License-Identifier: Apache-2.0 */
/* vault_record.h: one record: sealed and opened (DESIGN.md, "Records"). Any thread. */
#ifndef CONTACT_VAULT_VAULT_RECORD_H
#define CONTACT_VAULT_VAULT_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "contact.h"
#include "keyring.h"
#include "status.h"
#include "token.h"

struct vault;

enum {
    ROW_KEY_BYTES = 8,
    RECORD_HEADER_BYTES = 28,
    RECORD_PAD_BYTES = 32,
    RECORD_INNER_HEAD_BYTES = 5,
    RECORD_INNER_MAX = (RECORD_INNER_HEAD_BYTES + 2 * CONTACT_BYTES_MAX + RECORD_PAD_BYTES - 1) /
                       RECORD_PAD_BYTES * RECORD_PAD_BYTES,
    RECORD_MONTH_BYTES = 2,
    RECORD_BYTES_MAX =
        RECORD_HEADER_BYTES + RECORD_INNER_MAX + KEYRING_BOX_EXTRA + RECORD_MONTH_BYTES,
    RECORD_NONCE_BYTES = 24,
};

/* What stands in a record in clear. All but the month is bound as associated data. */
struct record_header {
    enum contact_kind kind;
    uint32_t epoch;
    uint32_t namespace_id;
    struct token token;
    uint16_t used_month; /* of the last use written down; vault_retention.h */
};

/* CORRUPT: not a record of a version we know. Nothing is vouched for until the record opens. */
MUST_USE enum status vault_record_header(struct bytes record, struct record_header *ret_header);

/* A record to be. */
struct record_draft {
    uint64_t row;
    uint64_t created_ms; /* vault time; kept to the second */
    struct record_header header;
    const struct contact *contact;
    const uint8_t *nonce; /* RECORD_NONCE_BYTES, never used before */
};

/* `record` takes RECORD_BYTES_MAX; `inner` RECORD_INNER_MAX of scratch, which holds plaintext. */
MUST_USE enum status vault_record_seal(const struct vault *vault, const struct record_draft *draft,
                                       uint8_t *inner, uint8_t *record, size_t *ret_size);

/* A record that opened. */
struct record_opened {
    struct record_header header;
    struct contact contact; /* its views lie in the `inner` that was given */
    uint64_t created_ms;
};

/* `inner`: RECORD_INNER_MAX of scratch. CORRUPT is logged with the row. */
MUST_USE enum status vault_record_open(const struct vault *vault, uint64_t row, struct bytes record,
                                       uint8_t *inner, struct record_opened *ret_opened);

/* The month is outside the sealing and can be changed without a key; `record` is a whole one. */
void vault_record_set_month(uint8_t *record, size_t size, uint16_t month);

#endif
