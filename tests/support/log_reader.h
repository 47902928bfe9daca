/* SPDX-License-Identifier: Apache-2.0 */
/* log_reader.h: what came into the log since the last look, as the audit role reads it over the
 * wire. */
#ifndef CONTACT_VAULT_LOG_READER_H
#define CONTACT_VAULT_LOG_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fixture.h"

struct log_entry {
    uint64_t sequence, act, phase, result, role, amount;
    bool relayed;
    char principal[NAME_BYTES_MAX + 1];
    char namespace_name[NAME_BYTES_MAX + 1];
    char subject[NAME_BYTES_MAX + 1];
    char token[TOKEN_TEXT_BYTES + 1];
    char reason[REASON_BYTES_MAX + 1];
    char purpose[PURPOSE_BYTES_MAX + 1];
    char ticket[TICKET_BYTES_MAX + 1];
};

struct log_reader {
    struct caller caller;
    uint64_t next;
};

/* `uid` belongs to a principal with the role audit. */
void log_reader_make(struct log_reader *reader, struct fixture *fixture, uint32_t uid);
void log_reader_remove(struct log_reader *reader);
/* From here on. */
void log_reader_skip(struct log_reader *reader);
/* The entries since the last look, `most` of them at the most; the vault's checkpoints left out. */
size_t log_reader_since(struct log_reader *reader, struct log_entry *ret_entries, size_t most);

#endif
