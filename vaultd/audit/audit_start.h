/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_start.h: where the chain begins once older entries were removed: the file `start` in the
 * log's folder, signed by the vault. Without it the chain begins with entry 1.
 *
 * The file, numbers in network order: "cvastart", version (u32, 1), vault_id (16), instance_id
 * (16), sequence of the first entry kept (u64), time (u64), SHA-256 of the entry before it (32),
 * signature (64) over "contact-vault start 1" and the bytes from vault_id to that hash.
 */
#ifndef CONTACT_VAULT_AUDIT_START_H
#define CONTACT_VAULT_AUDIT_START_H

#include <stdbool.h>
#include <stdint.h>

#include "audit.h"
#include "bytes.h"
#include "status.h"

enum {
    AUDIT_START_BODY_BYTES = 16 + INSTANCE_ID_BYTES + 8 + 8 + AUDIT_DIGEST_BYTES,
    AUDIT_START_MESSAGE_BYTES = 21 + AUDIT_START_BODY_BYTES,
    AUDIT_START_FILE_BYTES = 8 + 4 + AUDIT_START_BODY_BYTES + SIGNATURE_BYTES,
};

struct audit_start {
    uint64_t first; /* 1: the chain is whole, and all else is zero */
    uint8_t vault_id[16];
    uint8_t instance_id[INSTANCE_ID_BYTES];
    uint64_t time_ms;
    uint8_t previous[AUDIT_DIGEST_BYTES];
    uint8_t signature[SIGNATURE_BYTES];
};

void audit_start_message(const struct audit_start *start,
                         uint8_t ret_message[static AUDIT_START_MESSAGE_BYTES]);
/* Is the signature of this key? Of a chain that is whole: yes. */
bool audit_start_holds(const struct audit_start *start,
                       const uint8_t public_key[static PUBLIC_KEY_BYTES]);

void audit_start_encode(const struct audit_start *start,
                        uint8_t ret_file[static AUDIT_START_FILE_BYTES]);
/* Strict. False: it is none. */
bool audit_start_decode(struct bytes file, struct audit_start *ret_start);

/* From the log's folder. No such file: a chain that is whole. CORRUPT: it is none. */
MUST_USE enum status audit_start_read(const char *folder, struct audit_start *ret_start);
/* Of an open log: as its folder has it. False: the chain is whole, and there is no such file. Not
 * while audit_retain runs. */
bool audit_start_of(const struct audit *audit, struct audit_start *ret_start);

/* Durable on return. Whatever the failure: the old one or the new one is there. */
MUST_USE enum status audit_start_write(const char *folder, const struct audit_start *start);

#endif
