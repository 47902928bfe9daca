/* SPDX-License-Identifier: Apache-2.0 */
/* THE table of operations. An operation without a row here does not exist. */
#include "dispatch_internal.h"

#include "operations.h"

enum {
    DATA = PEER_DATA,
    ADMIN = PEER_ADMIN,
    BOTH = PEER_DATA | PEER_ADMIN,
    MAY_SEE_CONTACT = MAY_REVEAL | MAY_DELIVER,
    MAY_SEE_MASK = MAY_MASK | MAY_ADMINISTER | MAY_AUDIT,
    MAY_SEE_RULES = MAY_ADMINISTER | MAY_AUDIT,
    MAY_STOP_REVEALS = MAY_ADMINISTER | MAY_AUDIT | MAY_ERASE,
    MAY_ROTATE = MAY_ADMINISTER | MAY_ERASE,
};

/* What each column means: struct operation_row. */
/* clang-format off */
static const struct operation_row rows[] = {
    /* operation             sockets  strangers      sealed  inline  gate            reveals  any of these      does it */
    {OP_STATUS,            BOTH,    STRANGERS_TOO, true,   false,  GATE_SHARED,    false,   0,                op_status},
    {OP_HELLO,             BOTH,    STRANGERS_TOO, false,  true,   GATE_SHARED,    false,   0,                op_hello},
    {OP_PROVE,             BOTH,    STRANGERS_TOO, false,  true,   GATE_SHARED,    false,   0,                op_prove},
    {OP_ENROL_BEGIN,       BOTH,    STRANGERS_TOO, false,  false,  GATE_SHARED,    false,   0,                op_enrol_begin},
    {OP_ENROL_CONFIRM,     BOTH,    STRANGERS_TOO, false,  false,  GATE_EXCLUSIVE, false,   0,                op_enrol_confirm},
    {OP_LOGIN,             BOTH,    KEY_IS_ENOUGH, false,  false,  GATE_EXCLUSIVE, false,   0,                op_login},
    {OP_LOGOUT,            BOTH,    KNOWN_ONLY,    false,  false,  GATE_SHARED,    false,   0,                op_logout},
    {OP_WHOAMI,            BOTH,    KEY_IS_ENOUGH, false,  false,  GATE_SHARED,    false,   0,                op_whoami},
    {OP_TOKENIZE,          DATA,    KNOWN_ONLY,    false,  false,  GATE_SHARED,    false,   MAY_TOKENIZE,     op_tokenize},
    {OP_LOOKUP,            DATA,    KNOWN_ONLY,    false,  false,  GATE_SHARED,    false,   MAY_LOOKUP,       op_lookup},
    {OP_MASK,              DATA,    KNOWN_ONLY,    false,  false,  GATE_SHARED,    false,   MAY_MASK,         op_mask},
    {OP_DESCRIBE,          BOTH,    KNOWN_ONLY,    false,  false,  GATE_SHARED,    false,   MAY_SEE_MASK,     op_describe},
    {OP_DETOKENIZE,        DATA,    KNOWN_ONLY,    false,  false,  GATE_SHARED,    true,    MAY_SEE_CONTACT,  op_detokenize},
    {OP_ERASE,             DATA,    KNOWN_ONLY,    false,  false,  GATE_SHARED,    false,   MAY_ERASE,        op_erase},
    {OP_UNSEAL,            ADMIN,   KEEPERS_ONLY,  true,   false,  GATE_EXCLUSIVE, false,   0,                op_unseal},
    {OP_UNSEAL_INFO,       ADMIN,   KEEPERS_ONLY,  true,   false,  GATE_SHARED,    false,   0,                op_unseal_info},
    {OP_UNSEAL_SHARE,      ADMIN,   KEEPERS_ONLY,  true,   false,  GATE_EXCLUSIVE, false,   0,                op_unseal_share},
    {OP_SEAL,              ADMIN,   KNOWN_ONLY,    false,  false,  GATE_EXCLUSIVE, false,   MAY_ADMINISTER,   op_seal},
    {OP_FREEZE,            BOTH,    KEY_IS_ENOUGH, false,  false,  GATE_EXCLUSIVE, false,   MAY_STOP_REVEALS, op_freeze},
    {OP_UNFREEZE,          ADMIN,   KNOWN_ONLY,    false,  false,  GATE_EXCLUSIVE, false,   MAY_ADMINISTER,   op_unfreeze},
    {OP_BACKUP_BEGIN,      ADMIN,   KNOWN_ONLY,    false,  false,  GATE_EXCLUSIVE, false,   MAY_ADMINISTER,   op_backup_begin},
    {OP_BACKUP_READ,       ADMIN,   KNOWN_ONLY,    false,  false,  GATE_SHARED,    false,   MAY_ADMINISTER,   op_backup_read},
    {OP_BACKUP_END,        ADMIN,   KNOWN_ONLY,    false,  false,  GATE_SHARED,    false,   MAY_ADMINISTER,   op_backup_end},
    {OP_COMPACT,           BOTH,    KNOWN_ONLY,    false,  false,  GATE_SHARED,    false,   MAY_ROTATE,       op_compact},
    {OP_NAMESPACE_CREATE,  ADMIN,   KNOWN_ONLY,    false,  false,  GATE_EXCLUSIVE, false,   MAY_ADMINISTER,   op_namespace_create},
    {OP_NAMESPACE_LIST,    ADMIN,   KNOWN_ONLY,    false,  false,  GATE_SHARED,    false,   MAY_SEE_RULES,    op_namespace_list},
    {OP_NAMESPACE_SET,     ADMIN,   KNOWN_ONLY,    false,  false,  GATE_EXCLUSIVE, false,   MAY_ADMINISTER,   op_namespace_set},
    {OP_NAMESPACE_SHRED,   ADMIN,   KNOWN_ONLY,    false,  false,  GATE_EXCLUSIVE, false,   MAY_ADMINISTER,   op_namespace_shred},
    {OP_KEY_ROTATE,        BOTH,    KNOWN_ONLY,    false,  false,  GATE_EXCLUSIVE, false,   MAY_ROTATE,       op_key_rotate},
    {OP_KEY_STATUS,        BOTH,    KNOWN_ONLY,    false,  false,  GATE_SHARED,    false,   MAY_ROTATE,       op_key_status},
    {OP_ROOT_ROTATE,       ADMIN,   KNOWN_ONLY,    false,  false,  GATE_EXCLUSIVE, false,   MAY_ADMINISTER,   op_root_rotate},
    {OP_PRINCIPAL_ADD,     ADMIN,   KNOWN_ONLY,    false,  false,  GATE_EXCLUSIVE, false,   MAY_ADMINISTER,   op_principal_add},
    {OP_PRINCIPAL_INVITE,  ADMIN,   KNOWN_ONLY,    false,  false,  GATE_EXCLUSIVE, false,   MAY_ADMINISTER,   op_principal_invite},
    {OP_PRINCIPAL_LIST,    ADMIN,   KNOWN_ONLY,    false,  false,  GATE_SHARED,    false,   MAY_SEE_RULES,    op_principal_list},
    {OP_PRINCIPAL_SHOW,    ADMIN,   KNOWN_ONLY,    false,  false,  GATE_SHARED,    false,   MAY_SEE_RULES,    op_principal_show},
    {OP_PRINCIPAL_DISABLE, ADMIN,   KNOWN_ONLY,    false,  false,  GATE_EXCLUSIVE, false,   MAY_ADMINISTER,   op_principal_disable},
    {OP_PRINCIPAL_ENABLE,  ADMIN,   KNOWN_ONLY,    false,  false,  GATE_EXCLUSIVE, false,   MAY_ADMINISTER,   op_principal_enable},
    {OP_PRINCIPAL_OFFBOARD, ADMIN,  KNOWN_ONLY,    false,  false,  GATE_EXCLUSIVE, false,   MAY_ADMINISTER,   op_principal_offboard},
    {OP_GRANT,             ADMIN,   KNOWN_ONLY,    false,  false,  GATE_EXCLUSIVE, false,   MAY_ADMINISTER,   op_grant},
    {OP_REVOKE,            ADMIN,   KNOWN_ONLY,    false,  false,  GATE_EXCLUSIVE, false,   MAY_ADMINISTER,   op_revoke},
    {OP_PRINCIPAL_SET_KEY, ADMIN,   KNOWN_ONLY,    false,  false,  GATE_EXCLUSIVE, false,   MAY_ADMINISTER,   op_principal_set_key},
    {OP_APPROVALS_SET,     ADMIN,   KNOWN_ONLY,    false,  false,  GATE_EXCLUSIVE, false,   MAY_ADMINISTER,   op_approvals_set},
    {OP_PENDING,           ADMIN,   KNOWN_ONLY,    false,  false,  GATE_SHARED,    false,   MAY_SEE_RULES,    op_pending},
    {OP_APPROVE,           ADMIN,   KNOWN_ONLY,    false,  false,  GATE_EXCLUSIVE, false,   MAY_ADMINISTER,   op_approve},
    {OP_DENY,              ADMIN,   KNOWN_ONLY,    false,  false,  GATE_EXCLUSIVE, false,   MAY_ADMINISTER,   op_deny},
    {OP_RECIPIENT_ADD,     ADMIN,   KNOWN_ONLY,    false,  false,  GATE_EXCLUSIVE, false,   MAY_ADMINISTER,   op_recipient_add},
    {OP_RECIPIENT_LIST,    ADMIN,   KNOWN_ONLY,    false,  false,  GATE_SHARED,    false,   MAY_SEE_RULES,    op_recipient_list},
    {OP_RECIPIENT_REMOVE,  ADMIN,   KNOWN_ONLY,    false,  false,  GATE_EXCLUSIVE, false,   MAY_ADMINISTER,   op_recipient_remove},
    {OP_CANARY_ADD,        ADMIN,   KNOWN_ONLY,    false,  false,  GATE_EXCLUSIVE, false,   MAY_ADMINISTER,   op_canary_add},
    {OP_CANARY_LIST,       ADMIN,   KNOWN_ONLY,    false,  false,  GATE_SHARED,    false,   MAY_ADMINISTER,   op_canary_list},
    {OP_CANARY_REMOVE,     ADMIN,   KNOWN_ONLY,    false,  false,  GATE_EXCLUSIVE, false,   MAY_ADMINISTER,   op_canary_remove},
    {OP_NOTIFY_TEST,       ADMIN,   KNOWN_ONLY,    false,  false,  GATE_SHARED,    false,   MAY_ADMINISTER,   op_notify_test},
    {OP_AUDIT_READ,        ADMIN,   KNOWN_ONLY,    false,  false,  GATE_SHARED,    false,   MAY_SEE_RULES,    op_audit_read},
};
/* clang-format on */

const struct operation_row *
operations_find(enum operation operation)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].operation == operation) {
            return &rows[i];
        }
    }
    return NULL;
}
