/* SPDX-License-Identifier: Apache-2.0 */
#include "audit_verify.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "audit_anchor.h"
#include "audit_chain.h"
#include "audit_checkpoint.h"
#include "audit_entry.h"
#include "audit_start.h"
#include "journal.h"

/* A daemon may be writing into the folder: a tail seen half written moves on; a torn one stays. */
enum { TRIES = 5, PAUSE_NS = 50 * 1000 * 1000 };

struct verifying {
    const struct audit_check *check;
    uint8_t vault_id[JOURNAL_ID_BYTES]; /* as the files name it */
    struct audit_anchors anchors;
    struct audit_start start;
    struct audit_chain chain;
    struct audit_instances instances;
    struct journal_report report;
    struct audit_report *found;
    bool open;           /* the last thing said of the vault is OPENED */
    bool unproved_start; /* all else is well, but where the log begins is anybody's word */
    char fault[AUDIT_PLACE_BYTES / 2];
};

/* ---- one entry ---- */

static void
count_entry(struct verifying *verifying, const struct audit_entry *entry)
{
    struct audit_report *found = verifying->found;

    found->unsigned_tail = entry->has_checkpoint ? 0 : found->unsigned_tail + 1;
    found->checkpoints += entry->has_checkpoint;
    if (entry->operation == AUDIT_ACT_OPENED) {
        found->unclean += verifying->open;
        verifying->open = true;
    } else if (entry->operation == AUDIT_ACT_CLOSED || entry->operation == AUDIT_ACT_RESTORED) {
        verifying->open = false;
    }
}

static const char *
check_checkpoint(struct verifying *verifying, const struct audit_entry *entry, struct bytes bytes)
{
    const uint8_t *public_key = verifying->check->public_key;
    struct audit_checkpoint checkpoint;
    bool is_one = entry->has_checkpoint;
    long kept;

    if (is_one) {
        audit_checkpoint_of(verifying->vault_id, entry, bytes, &checkpoint);
    }
    if (is_one && public_key != NULL && !audit_checkpoint_holds(&checkpoint, public_key)) {
        return "its signature does not hold: it or an entry before it was altered, or this is "
               "another vault's public key";
    }
    kept = audit_anchors_pass(&verifying->anchors, entry->sequence, is_one ? &checkpoint : NULL,
                              &verifying->instances);
    if (kept < 0) {
        (void)snprintf(verifying->fault, sizeof verifying->fault,
                       "it is not what line %" PRIu64 " of the checkpoints kept elsewhere says",
                       verifying->anchors.list[verifying->anchors.next].line);
        return verifying->fault;
    }
    verifying->found->kept += (uint64_t)kept;
    return NULL;
}

static const char *
check_entry(struct verifying *verifying, const struct audit_entry *entry, struct bytes bytes)
{
    uint8_t root[AUDIT_DIGEST_BYTES];

    audit_entry_root(verifying->vault_id, root);
    if (entry->sequence == 1 && memcmp(root, verifying->chain.root, sizeof root) != 0) {
        return "this is not the vault's that the files name";
    }
    if (!entry->has_checkpoint && verifying->found->unsigned_tail >= AUDIT_UNSIGNED_MAX) {
        return "so many entries in a row are never without a checkpoint: some were removed";
    }
    return check_checkpoint(verifying, entry, bytes);
}

static enum status
visit_entry(void *state, uint64_t position, struct bytes bytes)
{
    struct verifying *verifying = state;
    struct audit_chain before = verifying->chain;
    struct audit_entry entry;

    if (audit_chain_skips(&verifying->chain, position)) {
        return STATUS_OK;
    }
    if (audit_chain_extend(&verifying->chain, position, bytes, &entry) != STATUS_OK) {
        return STATUS_CORRUPT;
    }
    audit_instances_pass(&verifying->instances, &entry);
    before.fault = check_entry(verifying, &entry, bytes);
    if (before.fault != NULL) {
        verifying->chain = before; /* this entry is not good after all */
        return STATUS_CORRUPT;
    }
    count_entry(verifying, &entry);
    return STATUS_OK;
}

/* ---- the whole chain ---- */

static enum status
read_start(struct verifying *verifying)
{
    const uint8_t *public_key = verifying->check->public_key;
    struct audit_start *start = &verifying->start;
    enum status status = audit_start_read(verifying->check->folder, start);

    if (status == STATUS_OK && start->first > 1 && public_key != NULL &&
        !audit_start_holds(start, public_key)) {
        status = STATUS_CORRUPT;
    }
    if (status == STATUS_CORRUPT) {
        verifying->chain.fault = "the file `start` beside the log is none, or not signed by the "
                                 "vault: older entries were removed by somebody else";
    }
    return status;
}

static enum status
walk(struct verifying *verifying)
{
    struct journal_options options = {.folder = verifying->check->folder};
    enum status status;

    *verifying->found = (struct audit_report){.entries = 0};
    verifying->open = false;
    verifying->chain = (struct audit_chain){0};
    verifying->instances = (struct audit_instances){0};
    status = read_start(verifying);
    if (status != STATUS_OK) {
        return status;
    }
    verifying->chain.first = options.first_position = verifying->start.first;
    memcpy(verifying->chain.first_previous, verifying->start.previous, AUDIT_DIGEST_BYTES);
    audit_anchors_rewind(&verifying->anchors, verifying->start.first);
    return journal_walk(&options, visit_entry, verifying, &verifying->report);
}

/* Has the daemon moved the chain's beginning while it was walked? */
static bool
start_moved(const struct verifying *verifying)
{
    struct audit_start now;

    return audit_start_read(verifying->check->folder, &now) == STATUS_OK &&
           now.first != verifying->start.first;
}

static enum status
walk_until_still(struct verifying *verifying)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    uint64_t before = UINT64_MAX;
    enum status status = walk(verifying);

    for (int i = 1; i < TRIES; i++) {
        bool growing =
            status == STATUS_OK && verifying->report.cut && verifying->chain.sequence != before;

        if (!growing && !(status == STATUS_CORRUPT && start_moved(verifying))) {
            break;
        }
        before = verifying->chain.sequence;
        (void)nanosleep(&pause, NULL);
        status = walk(verifying);
    }
    return status;
}

/* What only the whole walk can tell. */
static enum status
check_whole(struct verifying *verifying)
{
    struct audit_chain *chain = &verifying->chain;
    struct audit_anchors *anchors = &verifying->anchors;

    if (verifying->report.cut) {
        chain->fault = "torn or altered; a torn end is cut and recorded at the vault's next start";
    } else if (chain->sequence == 0) {
        chain->fault = "there is no entry (the log's folder is DIR/data/audit)";
    } else if (verifying->start.first > 1 &&
               memcmp(verifying->start.vault_id, verifying->vault_id, JOURNAL_ID_BYTES) != 0) {
        chain->fault = "the file `start` beside the log is another vault's";
    } else if (!audit_anchors_end(anchors, &verifying->instances)) {
        (void)snprintf(verifying->fault, sizeof verifying->fault,
                       "the log ends before it, but a checkpoint kept elsewhere says %" PRIu64,
                       anchors->list[anchors->count - 1].sequence);
        chain->fault = verifying->fault;
    } else if (anchors->lost_ms > 0 &&
               !audit_instances_lost(&verifying->instances, anchors->lost_ms)) {
        (void)snprintf(verifying->fault, sizeof verifying->fault,
                       "line %" PRIu64 " of the checkpoints kept elsewhere is another copy's, in "
                       "use later: this is older",
                       anchors->lost_line);
        chain->fault = verifying->fault;
    } else if (verifying->start.first > 1 && verifying->check->public_key == NULL) {
        verifying->unproved_start = true;
        return STATUS_CORRUPT;
    }
    return chain->fault == NULL ? STATUS_OK : STATUS_CORRUPT;
}

/* ---- the two files ---- */

enum { STOPPED = STATUS_CONFLICT };

static enum status
stop_at_once(void *state, uint64_t position, struct bytes bytes)
{
    (void)state;
    (void)position;
    (void)bytes;
    return (enum status)STOPPED;
}

/* Whose log it is; what is wrong with it is told by the walk. */
static enum status
find_vault(struct verifying *verifying)
{
    struct journal_options options = {.folder = verifying->check->folder,
                                      .first_position = UINT64_MAX};
    struct journal_report report = {0};
    enum status status = journal_walk(&options, stop_at_once, NULL, &report);

    memcpy(verifying->vault_id, report.id, sizeof report.id);
    return status == (enum status)STOPPED || status == STATUS_CORRUPT ? STATUS_OK : status;
}

/* Read before the log, which may be growing: a line is never ahead of it then. */
static enum status
load_anchors(struct verifying *verifying)
{
    struct audit_report *report = verifying->found;
    uint64_t line = 0;
    enum status status;

    if (verifying->check->checkpoint_file == NULL ||
        sodium_is_zero(verifying->vault_id, sizeof verifying->vault_id)) {
        return STATUS_OK; /* none is given, or there is no log: the walk says so */
    }
    status = audit_anchors_load(verifying->check->checkpoint_file, verifying->vault_id,
                                verifying->check->public_key, &verifying->anchors, &line);
    if (status == STATUS_CORRUPT) {
        (void)snprintf(report->place, sizeof report->place,
                       "line %" PRIu64 " of the checkpoints kept elsewhere: its signature does not "
                       "hold",
                       line);
    }
    return status;
}

static void
report_on(const struct verifying *verifying, enum status status)
{
    struct audit_report *report = verifying->found;
    const struct audit_chain *chain = &verifying->chain;

    report->first = chain->first <= 1 ? 1 : chain->first;
    report->restored = verifying->instances.restored;
    report->entries = chain->sequence == 0 ? 0 : chain->sequence - report->first + 1;
    report->anchored =
        status == STATUS_OK && report->kept > 0 && verifying->check->public_key != NULL;
    if (status == STATUS_CORRUPT && verifying->unproved_start) {
        report->first_bad = report->first;
        (void)snprintf(report->place, sizeof report->place,
                       "begins at entry %" PRIu64 ": only the public key can prove that, give "
                       "--public-key",
                       report->first);
    } else if (status == STATUS_CORRUPT) {
        report->first_bad = audit_chain_next(chain);
        audit_chain_place(chain, &verifying->report, report->place);
    }
}

enum status
audit_verify(const struct audit_check *check, struct audit_report *ret_report)
{
    struct verifying verifying = {.check = check, .found = ret_report};
    enum status status;

    *ret_report = (struct audit_report){.entries = 0};
    status = find_vault(&verifying);
    if (status == STATUS_OK) {
        status = load_anchors(&verifying);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = walk_until_still(&verifying);
    if (status == STATUS_OK) {
        status = check_whole(&verifying);
    }
    report_on(&verifying, status);
    audit_anchors_free(&verifying.anchors);
    return status;
}
