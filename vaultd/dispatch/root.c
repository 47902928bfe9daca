/* SPDX-License-Identifier: Apache-2.0 */
/* Another root key, on record: intent, change, outcome. */
#include "dispatch_internal.h"

#include "failpoint.h"
#include "key_work.h"
#include "slot.h"

static const char *const provider_names[UNSEAL_PROVIDERS] = {
    [UNSEAL_KEYFILE] = "keyfile",
    [UNSEAL_PASSPHRASE] = "passphrase",
    [UNSEAL_SHARES] = "shares",
};

enum status
dispatch_prepare_root(const struct dispatch *dispatch, const struct secret *root,
                      const struct unseal_slot *slot, struct audit_entry *entry,
                      const char **ret_fault)
{
    /* It opens every file of before: nothing would be out of its reach, whatever key status says.
     */
    if (vault_is_root(dispatch->parts.vault, root)) {
        *ret_fault = "this is the present root key: make a new one";
        return STATUS_CONFLICT;
    }
    entry->subject = bytes_of_text(provider_names[slot->provider]);
    return STATUS_OK;
}

enum status
dispatch_rotate_root(struct dispatch *dispatch, const struct audit_entry *as,
                     const struct secret *root, const struct unseal_slot *slot,
                     const char **ret_fault)
{
    struct vault *vault = dispatch->parts.vault;
    struct audit_entry entry = *as;
    enum status status = dispatch_prepare_root(dispatch, root, slot, &entry, ret_fault);
    enum status done;

    if (status != STATUS_OK) {
        return status;
    }
    entry.phase = AUDIT_INTENT;
    /* By this the next start finds out whether it came about. */
    entry.amount = vault_keyring_generation(vault) + 1;
    status = audit_record(dispatch->parts.audit, &entry, 1, AUDIT_RESERVE_NONE);
    if (status != STATUS_OK) {
        *ret_fault = "the log cannot be written, so nothing is done";
        return status;
    }
    CRASH_POINT("root_intended");
    done = vault_replace_root(vault, root, slot);
    CRASH_POINT("root_settled");
    if (vault_failed(vault)) {
        *ret_fault =
            "not known whether it was done: the vault stops; keep the old root key and the "
            "new one until one of them unseals it";
        return STATUS_UNAVAILABLE;
    }
    entry.phase = AUDIT_OUTCOME;
    entry.refers = entry.sequence;
    entry.result = done;
    status = audit_record(dispatch->parts.audit, &entry, 1, AUDIT_RESERVE_STOP);
    CRASH_POINT("root_recorded");
    if (done != STATUS_OK) {
        *ret_fault = "the keyring cannot be written, so the old root key stays: is the disk full?";
        return done;
    }
    if (status != STATUS_OK) {
        *ret_fault = "done, and in force, but the log could not take the outcome yet";
        return STATUS_UNAVAILABLE; /* whoever asked keeps the new key */
    }
    return STATUS_OK;
}
