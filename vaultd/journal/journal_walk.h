/* SPDX-License-Identifier: Apache-2.0 */
/* journal_walk.h: reading a whole journal from its first segment and finding where it ends. */
#ifndef CONTACT_VAULT_JOURNAL_WALK_H
#define CONTACT_VAULT_JOURNAL_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "journal.h"
#include "journal_firsts.h"
#include "status.h"

/* Where a journal ends. All zero: there is none yet. */
struct journal_end {
    uint32_t segment; /* the last one with a header */
    uint32_t offset;  /* behind its last whole frame */
    uint64_t next_position;
    struct journal_firsts firsts; /* of the segments up to `segment`; the caller frees it */
    bool marked;                  /* the last frame is a mark: nothing to prove */
    bool torn;                    /* bytes of a broken write stand at torn_offset of torn_segment */
    uint32_t torn_segment;
    uint32_t torn_offset;
};

/* Reads only. Statuses and report as journal_open. *ret_end is set whatever the status. */
MUST_USE enum status journal_walk_folder(int folder, const struct journal_options *options,
                                         journal_visit *visit, void *state,
                                         struct journal_report *ret_report,
                                         struct journal_end *ret_end);

#endif
