/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leaving.h: every contact that one principal ever asked to see, as rows of a file, and summed up.
 * Pure, but for the file. In memory: 48 bytes for each different contact, 8 for each reveal that
 * did not open.
 */
#ifndef CONTACT_VAULT_LEAVING_H
#define CONTACT_VAULT_LEAVING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "contact_set.h"
#include "contactvault.h"

struct leaving { /* all zeros, then `to` */
    FILE *to;
    uint64_t reveals;            /* shown: on record, and not known to have failed */
    uint64_t failed, refused;    /* granted and not opened; not granted */
    uint64_t first_ms, last_ms;  /* of the reveals; 0: none */
    struct contact_set contacts; /* of the reveals */
    uint64_t *unopened;          /* numbers of entries; in order once leaving_begin was called */
    size_t unopened_count, unopened_capacity;
    bool lost; /* for want of memory: not whole */
};

/*
 * The log is gone through twice: what becomes of a reveal stands behind it. First all entries to
 * leaving_note, in any order; then leaving_begin, which writes the line of heads; then all to
 * leaving_add, in the log's order. Entries of other operations than detokenize change nothing, and
 * neither do those that name no token.
 */
void leaving_note(struct leaving *leaving, const struct cv_audit_entry *entry);
void leaving_begin(struct leaving *leaving);
void leaving_add(struct leaving *leaving, const struct cv_audit_entry *entry);
void leaving_free(struct leaving *leaving);

#endif
