/* SPDX-License-Identifier: Apache-2.0 */
/* THE table of operations. An operation without a row here does not exist. */
#include "dispatch_internal.h"

enum {
    DATA = PEER_DATA,
    ADMIN = PEER_ADMIN,
    BOTH = PEER_DATA | PEER_ADMIN,
    MAY_SEE_CONTACT = MAY_REVEAL | MAY_DELIVER,
};

/* What each column means: struct operation_row. */
/* clang-format off */
static const struct operation_row rows[] = {
    /* operation            sockets strangers      sealed  inline  gate            any of these    audited  does it */
    {OP_STATUS,             BOTH,  STRANGERS_TOO, true,   false,  GATE_SHARED,    0,              false,   op_status},
    {OP_HELLO,              BOTH,  STRANGERS_TOO, false,  true,   GATE_SHARED,    0,              false,   op_hello},
    {OP_PROVE,              BOTH,  STRANGERS_TOO, false,  true,   GATE_SHARED,    0,              false,   op_prove},
    {OP_TOKENIZE,           DATA,  KNOWN_ONLY,    false,  false,  GATE_SHARED,    MAY_TOKENIZE,   false,   op_tokenize},
    {OP_LOOKUP,             DATA,  KNOWN_ONLY,    false,  false,  GATE_SHARED,    MAY_LOOKUP,     false,   op_lookup},
    {OP_MASK,               DATA,  KNOWN_ONLY,    false,  false,  GATE_SHARED,    MAY_MASK,       false,   op_mask},
    {OP_DETOKENIZE,         DATA,  KNOWN_ONLY,    false,  false,  GATE_SHARED,    MAY_SEE_CONTACT, true,    op_detokenize},
    {OP_UNSEAL,             ADMIN, KEEPERS_ONLY,  true,   false,  GATE_EXCLUSIVE, 0,              false,   op_unseal},
    {OP_SEAL,               ADMIN, KNOWN_ONLY,    false,  false,  GATE_EXCLUSIVE, MAY_ADMINISTER, true,    op_seal},
    {OP_NAMESPACE_CREATE,   ADMIN, KNOWN_ONLY,    false,  false,  GATE_EXCLUSIVE, MAY_ADMINISTER, true,    op_namespace_create},
    {OP_NAMESPACE_LIST,     ADMIN, KNOWN_ONLY,    false,  false,  GATE_SHARED,    MAY_ADMINISTER, true,    op_namespace_list},
    {OP_PRINCIPAL_ADD,      ADMIN, KNOWN_ONLY,    false,  false,  GATE_EXCLUSIVE, MAY_ADMINISTER, true,    op_principal_add},
    {OP_PRINCIPAL_LIST,     ADMIN, KNOWN_ONLY,    false,  false,  GATE_SHARED,    MAY_ADMINISTER, true,    op_principal_list},
    {OP_PRINCIPAL_SHOW,     ADMIN, KNOWN_ONLY,    false,  false,  GATE_SHARED,    MAY_ADMINISTER, true,    op_principal_show},
    {OP_PRINCIPAL_DISABLE,  ADMIN, KNOWN_ONLY,    false,  false,  GATE_EXCLUSIVE, MAY_ADMINISTER, true,    op_principal_disable},
    {OP_GRANT,              ADMIN, KNOWN_ONLY,    false,  false,  GATE_EXCLUSIVE, MAY_ADMINISTER, true,    op_grant},
    {OP_REVOKE,             ADMIN, KNOWN_ONLY,    false,  false,  GATE_EXCLUSIVE, MAY_ADMINISTER, true,    op_revoke},
    {OP_AUDIT_READ,         ADMIN, KNOWN_ONLY,    false,  false,  GATE_SHARED,    MAY_ADMINISTER, true,    op_audit_read},
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
