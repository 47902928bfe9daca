/* SPDX-License-Identifier: Apache-2.0 */
#include "audit.h"

#include <string.h>
#include <time.h>

#include "audit_chain.h"
#include "audit_entry.h"
#include "journal.h"

/* A daemon may be writing into the folder: a tail seen half written moves on; a torn one stays. */
enum { TRIES = 5, PAUSE_NS = 50 * 1000 * 1000 };

struct verifying {
    struct audit_chain chain;
    struct journal_report report;
};

static enum status
visit_entry(void *state, uint64_t position, struct bytes bytes)
{
    struct verifying *verifying = state;
    struct audit_entry entry;

    return audit_chain_extend(&verifying->chain, position, bytes, &entry);
}

static enum status
walk(const char *folder, struct verifying *verifying)
{
    struct journal_options options = {.folder = folder}; /* the id is the first segment's */

    *verifying = (struct verifying){0};
    return journal_walk(&options, visit_entry, verifying, &verifying->report);
}

static enum status
walk_until_still(const char *folder, struct verifying *verifying)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    uint64_t before = UINT64_MAX;
    enum status status = walk(folder, verifying);

    for (int i = 1; i < TRIES && status == STATUS_OK && verifying->report.cut &&
                    verifying->chain.sequence != before;
         i++) {
        before = verifying->chain.sequence;
        (void)nanosleep(&pause, NULL);
        status = walk(folder, verifying);
    }
    return status;
}

/* What only the whole walk can tell. */
static enum status
check_whole(struct verifying *verifying)
{
    struct audit_chain *chain = &verifying->chain;
    uint8_t root[AUDIT_DIGEST_BYTES];

    audit_entry_root(verifying->report.id, root);
    if (chain->sequence == 0 && !verifying->report.cut) {
        chain->fault = "there is no entry";
    } else if (chain->sequence > 0 && memcmp(root, chain->root, sizeof root) != 0) {
        chain->sequence = 0;
        chain->fault = "this is not the vault's that the files name";
    } else if (verifying->report.cut) {
        chain->fault = "torn or altered; a torn end is cut and recorded at the vault's next start";
    }
    return chain->fault == NULL ? STATUS_OK : STATUS_CORRUPT;
}

enum status
audit_verify(const char *folder, struct audit_report *ret_report)
{
    struct verifying verifying;
    enum status status = walk_until_still(folder, &verifying);

    if (status == STATUS_OK) {
        status = check_whole(&verifying);
    }
    *ret_report = (struct audit_report){.entries = verifying.chain.sequence};
    if (status == STATUS_CORRUPT) {
        ret_report->first_bad = verifying.chain.sequence + 1;
        audit_chain_place(&verifying.chain, &verifying.report, ret_report->place);
    }
    return status;
}
