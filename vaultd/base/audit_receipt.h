/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_receipt.h: the proof that a reveal stands on disk in the audit. audit_record_reveals alone
 * makes one (a test looks); vault_reveal opens nothing without. So "recorded before opened" is a
 * type, not a habit.
 */
#ifndef CONTACT_VAULT_AUDIT_RECEIPT_H
#define CONTACT_VAULT_AUDIT_RECEIPT_H

#include <stdint.h>

#include "bounds.h"

struct audit_receipt {
    uint64_t sequence; /* of the entry; never 0 in a true receipt */
    uint8_t token[TOKEN_BYTES];
};

#endif
