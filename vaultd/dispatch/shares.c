/* SPDX-License-Identifier: Apache-2.0 */
/* Shares of the root key, one by one, until there are enough of them. */
#include "share.h"

#include "clock.h"
#include "dispatch_internal.h"
#include "secret.h"
#include "slot.h"

enum { FORGOTTEN_MS = 5 * 60 * 1000 };
_Static_assert((int)SHARE_BYTES == (int)UNSEAL_SHARE_BYTES &&
                   (int)SHARES_MAX == (int)UNSEAL_SHARES_MAX &&
                   (int)SHARE_SET_BYTES == (int)UNSEAL_SET_BYTES &&
                   (int)SHARE_KEY_BYTES == (int)ROOT_KEY_BYTES,
               "shares are what the wire and the keyring say");

void
dispatch_forget_shares(struct dispatch *dispatch)
{
    secret_free(&dispatch->shares);
    dispatch->share_count = 0;
}

static bool
are_old(const struct dispatch *dispatch)
{
    return dispatch->share_count > 0 &&
           clock_monotonic_ms() - dispatch->share_given_ms >= FORGOTTEN_MS;
}

void
dispatch_forget_old_shares(struct dispatch *dispatch)
{
    bool old;

    gate_enter(&dispatch->gate);
    old = are_old(dispatch);
    gate_leave(&dispatch->gate);
    if (!old) {
        return;
    }
    gate_enter_alone(&dispatch->gate);
    if (are_old(dispatch)) {
        dispatch_forget_shares(dispatch);
    }
    gate_leave(&dispatch->gate);
}

/* Of this vault's present set? */
static enum share_fault
compare_with_slot(const struct dispatch *dispatch, const struct share *share)
{
    struct unseal_slot slot;

    vault_slot(dispatch->parts.vault, &slot);
    return slot.provider == UNSEAL_SHARES && memcmp(slot.set, share->set, SHARE_SET_BYTES) == 0 &&
                   slot.threshold == share->threshold && slot.shares == share->total
               ? SHARE_FINE
               : SHARE_OF_OTHERS;
}

static enum status
combine(struct dispatch *dispatch, struct secret **ret_root)
{
    struct secret *root = NULL;
    enum status status = secret_new(ROOT_KEY_BYTES, &root);

    if (status == STATUS_OK) {
        share_combine((const struct share *)secret_read(dispatch->shares), secret_write(root));
        secret_freeze(root);
        *ret_root = root;
    }
    dispatch_forget_shares(dispatch);
    return status;
}

enum status
dispatch_take_share(struct dispatch *dispatch, struct bytes bytes, struct secret **ret_root,
                    const char **ret_fault)
{
    struct share *held;
    enum share_fault fault;

    if (dispatch->shares == NULL &&
        secret_new(SHARES_MAX * sizeof *held, &dispatch->shares) != STATUS_OK) {
        *ret_fault = "no memory";
        return STATUS_UNAVAILABLE;
    }
    held = (struct share *)secret_write(dispatch->shares);
    fault = share_read(bytes.data, bytes.size, &held[dispatch->share_count]);
    if (fault == SHARE_FINE) {
        fault = compare_with_slot(dispatch, &held[dispatch->share_count]);
    }
    if (fault == SHARE_FINE) {
        fault = share_fits(held, dispatch->share_count, &held[dispatch->share_count]);
    }
    if (fault != SHARE_FINE) {
        *ret_fault = share_fault_text(fault);
        return fault == SHARE_TWICE ? STATUS_CONFLICT : STATUS_INVALID;
    }
    dispatch->share_given_ms = clock_monotonic_ms();
    dispatch->share_count++;
    return dispatch->share_count == held[0].threshold ? combine(dispatch, ret_root) : STATUS_OK;
}
