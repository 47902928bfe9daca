/* SPDX-License-Identifier: Apache-2.0 */
/* Is what was in the backup a vault? Asked as an unseal asks, and then of every single row. */
#include "restore_internal.h"

#include <sodium.h>
#include <string.h>

#include "scratch.h"
#include "vault_check.h"

static bool
vouches(const struct restoring *restoring, uint64_t sequence, const uint8_t *tag)
{
    uint8_t digest[ACCESS_DIGEST_BYTES], expected[ACCESS_DIGEST_BYTES];

    access_digest(restoring->access, digest);
    return access_tag(restoring->access, sequence, digest, expected) == STATUS_OK &&
           sodium_memcmp(expected, tag, sizeof expected) == 0;
}

/* The store's own word on the log. */
static enum status
check_note(struct restoring *restoring)
{
    uint8_t noted[VAULT_LOG_DIGEST_BYTES], digest[AUDIT_DIGEST_BYTES];
    uint64_t sequence = 0;
    enum status status = vault_noted_log(restoring->vault, &sequence, noted);

    if (status == STATUS_OK && sequence >= audit_first(restoring->audit)) {
        status = audit_digest_at(restoring->audit, sequence, digest);
        if (status == STATUS_OK && memcmp(noted, digest, sizeof digest) != 0) {
            status = STATUS_CORRUPT;
        }
    }
    if (status == STATUS_OK) {
        audit_noted(restoring->audit, sequence);
    }
    return status;
}

enum status
restore_check_rules(struct restoring *restoring)
{
    const struct audit_summary *found = &restoring->found;
    enum status status = access_load(restoring->access);
    bool vouched = status == STATUS_OK && found->has_access_tag &&
                   vouches(restoring, found->access_sequence, found->access_tag);

    /* The outcome of a change may have come behind the backup. */
    vouched = vouched || (status == STATUS_OK && found->intent_open &&
                          vouches(restoring, found->intent, found->intent_tag));
    if (status == STATUS_OK && vouched) {
        status = check_note(restoring);
    }
    if (status == STATUS_UNAVAILABLE || status == STATUS_INTERNAL) {
        return restore_refuse_disk(restoring, status);
    }
    if (status != STATUS_OK || !vouched) {
        return restore_refuse(restoring, STATUS_CORRUPT, "rules_altered",
                              "the principals, grants and namespaces in the backup are not those "
                              "its log vouches for: take another backup");
    }
    restoring->report->namespaces = access_namespace_count(restoring->access);
    restoring->report->principals = access_principal_count(restoring->access);
    return STATUS_OK;
}

enum status
restore_check_rows(struct restoring *restoring)
{
    struct vault_check check = {.go_on = true};
    enum status status = vault_check(restoring->vault, restoring->scratch, &check);

    scratch_wipe(restoring->scratch);
    restoring->report->contacts = check.contacts;
    restoring->report->faults = check.faults;
    if (status != STATUS_OK) {
        return restore_refuse_disk(restoring, status);
    }
    if (check.faults > 0 && !restoring->request->accept_damaged) {
        return restore_refuse(restoring, STATUS_CORRUPT, "rows_wrong",
                              "%s (record %llu, the first of %llu faults): the vault was damaged "
                              "when the backup was made: take an older one; or, to have it as it "
                              "was, with all that opens, --accept-damaged",
                              check.fault, (unsigned long long)check.row,
                              (unsigned long long)check.faults);
    }
    return STATUS_OK;
}
