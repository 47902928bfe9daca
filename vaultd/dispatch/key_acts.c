/* SPDX-License-Identifier: Apache-2.0 */
/* Acts about keys, on record: intents, outcomes, and at the next start what became of them. */
#include "dispatch_internal.h"

#include <stdlib.h>

#include "failpoint.h"
#include "key_work.h"

struct bytes
dispatch_purpose_name(enum rotated_key purpose)
{
    return bytes_of_text(purpose == ROTATED_DATA ? "data" : "index");
}

enum status
dispatch_announce_keys(struct dispatch *dispatch, const struct audit_entry *as,
                       struct key_acts *acts)
{
    const struct access *access = dispatch->parts.access;

    for (size_t i = 0; i < acts->count; i++) {
        const struct namespace_row *row =
            access_namespace_by_id(access, acts->keys[i].namespace_id);

        acts->entries[i] = *as;
        acts->entries[i].phase = AUDIT_INTENT;
        acts->entries[i].namespace_name =
            row == NULL ? (struct bytes){0} : bytes_of_text(row->name);
        acts->entries[i].subject = dispatch_purpose_name(acts->keys[i].purpose);
        acts->entries[i].amount = acts->keys[i].number;
    }
    return audit_record(dispatch->parts.audit, acts->entries, acts->count, AUDIT_RESERVE_NONE);
}

/* An intent whose outcome the log cannot take stays open, and the next start settles it. */
enum status
dispatch_record_key_outcomes(struct dispatch *dispatch, struct key_acts *acts, enum status done)
{
    for (size_t i = 0; i < acts->count; i++) {
        acts->entries[i].phase = AUDIT_OUTCOME;
        acts->entries[i].refers = acts->entries[i].sequence;
        acts->entries[i].result = done;
    }
    return audit_record(dispatch->parts.audit, acts->entries, acts->count, AUDIT_RESERVE_STOP);
}

/* ---- what a crash cut in two ---- */

static bool
find_key(struct dispatch *dispatch, const struct audit_key_act *act, struct vault_key *ret_key)
{
    const struct namespace_row *row =
        access_namespace(dispatch->parts.access, bytes_of_text(act->namespace_name));

    if (row == NULL) {
        return false;
    }
    ret_key->purpose = bytes_equal(bytes_of_text(act->subject), dispatch_purpose_name(ROTATED_DATA))
                           ? ROTATED_DATA
                           : ROTATED_INDEX;
    ret_key->namespace_id = row->id;
    ret_key->number = (uint32_t)act->number;
    return true;
}

static struct audit_entry
settled(struct dispatch *dispatch, const struct audit_key_act *act)
{
    const struct vault *vault = dispatch->parts.vault;
    struct vault_key key;
    bool came_about;

    if (act->operation == OP_ROOT_ROTATE) {
        came_about = vault_keyring_generation(vault) >= act->number;
    } else if (act->operation == OP_COMPACT) {
        came_about = vault_compactions(vault) >= act->number;
    } else {
        came_about = find_key(dispatch, act, &key) &&
                     (act->operation == OP_KEY_ROTATE ? vault_made_key(vault, key)
                                                      : !vault_has_key(vault, key));
    }

    return (struct audit_entry){
        .operation = act->operation,
        .phase = AUDIT_OUTCOME,
        .refers = act->sequence,
        .result = came_about ? STATUS_OK : STATUS_UNAVAILABLE,
        .namespace_name = bytes_of_text(act->namespace_name),
        .subject = bytes_of_text(act->subject),
        .amount = act->number,
    };
}

enum status
dispatch_settle_key_acts(struct dispatch *dispatch)
{
    size_t count = 0;
    const struct audit_key_act *acts = audit_open_key_acts(dispatch->parts.audit, &count);
    struct audit_entry *entries = calloc(count + 1, sizeof *entries);
    enum status status = STATUS_OK;

    if (entries == NULL) {
        return STATUS_INTERNAL;
    }
    for (size_t i = 0; i < count; i++) {
        entries[i] = settled(dispatch, &acts[i]);
    }
    if (count > 0) {
        CRASH_POINT("key_acts_settling");
        status = audit_record(dispatch->parts.audit, entries, count, AUDIT_RESERVE_STOP);
        CRASH_POINT("key_acts_settled");
    }
    free(entries);
    return status;
}
