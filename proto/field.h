/* SPDX-License-Identifier: Apache-2.0 */
/*
 * field.h: what each field of message.h is: its type, its limits and what is said when a rule is
 * broken. The table behind it is PROTOCOL.md's; the scan, the writer and the tests read it.
 */
#ifndef CONTACT_VAULT_FIELD_H
#define CONTACT_VAULT_FIELD_H

#include <stdbool.h>
#include <stdint.h>

#include "message.h"

enum field_type {
    FIELD_TYPE_NONE = 0, /* no such field */
    FIELD_TYPE_UINT,
    FIELD_TYPE_BOOL,
    FIELD_TYPE_STR,
    FIELD_TYPE_BIN,
    FIELD_TYPE_TEXTS, /* list of str */
    FIELD_TYPE_MAPS,  /* list of maps */
};

/* Which rule was broken; indexes field_rule.faults. */
enum field_fault {
    FIELD_FAULT_TYPE,
    FIELD_FAULT_RANGE, /* a number, or a size too small */
    FIELD_FAULT_LIMIT, /* a size or a count too large: TOO_LARGE, not INVALID */
    FIELD_FAULT_UTF8,
    FIELD_FAULT_TWICE,
    FIELD_FAULT_PLACE, /* a list deeper or higher than where it may stand */
    FIELD_FAULT_MISSING,
    FIELD_FAULT_SURPLUS,
    FIELD_FAULT_COUNT,
};

struct field_rule {
    const char *name;
    enum field_type type;
    unsigned level;    /* of a list: how many lists it stands within */
    uint64_t min, max; /* uint: the number; str, bin: bytes; lists: entries */
    const char *faults[FIELD_FAULT_COUNT];
};

/* NULL for a number that names no field. Any thread. */
const struct field_rule *field_rule(uint64_t field);

#endif
