/* SPDX-License-Identifier: Apache-2.0 */
/* operations.h: the table of operations, and what does each of them. */
#ifndef CONTACT_VAULT_DISPATCH_OPERATIONS_H
#define CONTACT_VAULT_DISPATCH_OPERATIONS_H

#include <stdbool.h>

#include "message.h"
#include "status.h"

struct call;

enum gate_use {
    GATE_SHARED,
    GATE_EXCLUSIVE,
};

enum stranger_rule {
    KNOWN_ONLY,    /* says its connection id, is a principal that is not disabled; a person: in a
                      session */
    KEY_IS_ENOUGH, /* the same, but a person needs no session */
    STRANGERS_TOO,
    KEEPERS_ONLY, /* root, the daemon's own uid and those the configuration names, by uid alone */
};

/*
 * One row an operation; one without a row does not exist. `capabilities`: any of them, somewhere;
 * the handler asks again for the very namespace. A refusal of somebody known is always an entry.
 */
struct operation_row {
    enum operation operation;
    unsigned sockets; /* enum peer_socket, or-ed */
    enum stranger_rule strangers;
    bool while_sealed;
    bool inline_only; /* changes the peer: answered where it arrives, never handed on */
    enum gate_use gate;
    bool reveals; /* a freeze stops it */
    unsigned capabilities;
    enum status (*handler)(struct call *call);
};

/* NULL: no such operation. */
const struct operation_row *operations_find(enum operation operation);

/* ---- the handlers; each writes its reply on OK, else sets call->fault ---- */

enum status op_status(struct call *call);
enum status op_hello(struct call *call);
enum status op_prove(struct call *call);
enum status op_enrol_begin(struct call *call);
enum status op_enrol_confirm(struct call *call);
enum status op_login(struct call *call);
enum status op_logout(struct call *call);
enum status op_whoami(struct call *call);
enum status op_tokenize(struct call *call);
enum status op_lookup(struct call *call);
enum status op_mask(struct call *call);
enum status op_describe(struct call *call);
enum status op_detokenize(struct call *call);
enum status op_erase(struct call *call);
enum status op_unseal(struct call *call);
enum status op_unseal_info(struct call *call);
enum status op_unseal_share(struct call *call);
enum status op_root_rotate(struct call *call);
enum status op_seal(struct call *call);
enum status op_freeze(struct call *call);
enum status op_unfreeze(struct call *call);
enum status op_namespace_create(struct call *call);
enum status op_namespace_list(struct call *call);
enum status op_namespace_set(struct call *call);
enum status op_namespace_shred(struct call *call);
enum status op_compact(struct call *call);
enum status op_key_rotate(struct call *call);
enum status op_key_status(struct call *call);
enum status op_principal_add(struct call *call);
enum status op_principal_invite(struct call *call);
enum status op_principal_list(struct call *call);
enum status op_principal_show(struct call *call);
enum status op_principal_disable(struct call *call);
enum status op_principal_enable(struct call *call);
enum status op_principal_offboard(struct call *call);
enum status op_grant(struct call *call);
enum status op_revoke(struct call *call);
enum status op_audit_read(struct call *call);
enum status op_recipient_add(struct call *call);
enum status op_recipient_list(struct call *call);
enum status op_recipient_remove(struct call *call);
enum status op_principal_set_key(struct call *call);
enum status op_approvals_set(struct call *call);
enum status op_pending(struct call *call);
enum status op_approve(struct call *call);
enum status op_deny(struct call *call);
enum status op_canary_add(struct call *call);
enum status op_canary_list(struct call *call);
enum status op_canary_remove(struct call *call);
enum status op_notify_test(struct call *call);
enum status op_backup_begin(struct call *call);
enum status op_backup_read(struct call *call);
enum status op_backup_end(struct call *call);

#endif
