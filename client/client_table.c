/* SPDX-License-Identifier: Apache-2.0 */
#include "client_table.h"

#include <stdint.h>

#include "contactvault.h"

_Static_assert(sizeof(enum cv_status) == sizeof(uint32_t), "COLUMN_UINT32 fills enums, too");

#define COLUMN(row, member, name, kind, must)                                                      \
    {                                                                                              \
        .field = FIELD_##name, .type = COLUMN_##kind, .required = (must),                          \
        .offset = offsetof(struct row, member)                                                     \
    }
#define TABLE(list, row)                                                                           \
    {                                                                                              \
        .columns = (list), .column_count = sizeof(list) / sizeof *(list),                          \
        .row_size = sizeof(struct row)                                                             \
    }

static const struct column item_columns[] = {
    COLUMN(cv_item, status, STATUS, UINT32, false),
    COLUMN(cv_item, message, MESSAGE, TEXT, false),
    COLUMN(cv_item, token, TOKEN, TEXT, false),
    COLUMN(cv_item, kind, KIND, UINT32, false),
    COLUMN(cv_item, mask, MASK, TEXT, false),
    COLUMN(cv_item, value, VALUE, TEXT, false),
    COLUMN(cv_item, namespace_name, NAMESPACE, TEXT, false),
    COLUMN(cv_item, country, COUNTRY, TEXT, false),
    COLUMN(cv_item, created_ms, CREATED, UINT64, false),
    COLUMN(cv_item, retry_after_s, RETRY_AFTER_S, UINT32, false),
};
static const struct column namespace_columns[] = {
    COLUMN(cv_namespace, name, NAME, TEXT, true),
    COLUMN(cv_namespace, created_ms, CREATED, UINT64, true),
    COLUMN(cv_namespace, contacts, CONTACTS, UINT64, true),
    COLUMN(cv_namespace, retain_months, RETAIN_MONTHS, UINT32, false),
    COLUMN(cv_namespace, state, STATE, TEXT, false),
};
static const struct column grant_columns[] = {
    COLUMN(cv_role_grant, role, ROLE, UINT32, true),
    COLUMN(cv_role_grant, namespace_name, NAMESPACE, TEXT, false),
    COLUMN(cv_role_grant, until_ms, UNTIL, UINT64, false),
    COLUMN(cv_role_grant, daily, DAILY, UINT32, false),
    COLUMN(cv_role_grant, hourly, HOURLY, UINT32, false),
    COLUMN(cv_role_grant, used, USED, UINT64, false),
};
static const struct column principal_columns[] = {
    COLUMN(cv_principal, name, NAME, TEXT, true),
    COLUMN(cv_principal, kind, KIND, UINT32, true),
    COLUMN(cv_principal, created_ms, CREATED, UINT64, true),
    COLUMN(cv_principal, disabled, DISABLED, BOOL, false),
    COLUMN(cv_principal, relayed, RELAYED, BOOL, false),
    COLUMN(cv_principal, offboarded, OFFBOARDED, BOOL, false),
    COLUMN(cv_principal, public_key, PUBLIC_KEY, KEY, false),
    COLUMN(cv_principal, uid, UID, UINT32, false),
    COLUMN(cv_principal, enrolled, ENROLLED, BOOL, false),
};
static const struct column entry_columns[] = {
    COLUMN(cv_audit_entry, sequence, SEQUENCE, UINT64, true),
    COLUMN(cv_audit_entry, time_ms, TIME, UINT64, true),
    COLUMN(cv_audit_entry, principal, PRINCIPAL, TEXT, false),
    COLUMN(cv_audit_entry, act, ACT, UINT32, true),
    COLUMN(cv_audit_entry, phase, PHASE, UINT32, true),
    COLUMN(cv_audit_entry, result, RESULT, UINT32, true),
    COLUMN(cv_audit_entry, role, ROLE, UINT32, false),
    COLUMN(cv_audit_entry, namespace_name, NAMESPACE, TEXT, false),
    COLUMN(cv_audit_entry, token, TOKEN, TEXT, false),
    COLUMN(cv_audit_entry, subject, SUBJECT, TEXT, false),
    COLUMN(cv_audit_entry, amount, AMOUNT, UINT64, false),
    COLUMN(cv_audit_entry, relayed, RELAYED, BOOL, false),
    COLUMN(cv_audit_entry, reason, REASON, TEXT, false),
    COLUMN(cv_audit_entry, refers, REFERS, UINT64, false),
    COLUMN(cv_audit_entry, purpose, REASON_PURPOSE, TEXT, false),
    COLUMN(cv_audit_entry, ticket, TICKET, TEXT, false),
};
static const struct column key_columns[] = {
    COLUMN(cv_key, purpose, PURPOSE, UINT32, true),
    COLUMN(cv_key, namespace_name, NAMESPACE, TEXT, true),
    COLUMN(cv_key, number, NUMBER, UINT32, true),
    COLUMN(cv_key, state, STATE, TEXT, true),
    COLUMN(cv_key, contacts, CONTACTS, UINT64, true),
    COLUMN(cv_key, created_ms, CREATED, UINT64, true),
    COLUMN(cv_key, keys_horizon_ms, UNTIL, UINT64, false),
    COLUMN(cv_key, disk_horizon_ms, HORIZON, UINT64, false),
    COLUMN(cv_key, due_ms, DUE, UINT64, false),
};
static const struct column recipient_columns[] = {
    COLUMN(cv_recipient, name, NAME, TEXT, true),
    COLUMN(cv_recipient, public_key, PUBLIC_KEY, KEY, true),
    COLUMN(cv_recipient, created_ms, CREATED, UINT64, true),
};
static const struct column request_columns[] = {
    COLUMN(cv_request, number, REQUEST, UINT64, true),
    COLUMN(cv_request, principal, PRINCIPAL, TEXT, true),
    COLUMN(cv_request, act, ACT, UINT32, true),
    COLUMN(cv_request, text, MESSAGE, TEXT, true),
    COLUMN(cv_request, created_ms, CREATED, UINT64, true),
    COLUMN(cv_request, expires_ms, EXPIRES, UINT64, true),
    COLUMN(cv_request, subject, SUBJECT, TEXT, false),
    COLUMN(cv_request, public_key, PUBLIC_KEY, KEY, false),
};

static const struct column canary_columns[] = {
    COLUMN(cv_canary, token, TOKEN, TEXT, true),
    COLUMN(cv_canary, number, NUMBER, UINT32, true),
    COLUMN(cv_canary, namespace_name, NAMESPACE, TEXT, true),
    COLUMN(cv_canary, created_ms, CREATED, UINT64, true),
    COLUMN(cv_canary, gone, GONE, BOOL, false),
};
static const struct column reply_columns[] = {
    COLUMN(cv_reply, status, STATUS, UINT32, true),
    COLUMN(cv_reply, message, MESSAGE, TEXT, false),
    COLUMN(cv_reply, retry_after_s, RETRY_AFTER_S, UINT32, false),
    COLUMN(cv_reply, next, NEXT, UINT64, false),
    COLUMN(cv_reply, principal, PRINCIPAL, TEXT, false),
    COLUMN(cv_reply, state, STATE, TEXT, false),
    COLUMN(cv_reply, release, RELEASE, TEXT, false),
    COLUMN(cv_reply, namespaces_total, NAMESPACES, UINT64, false),
    COLUMN(cv_reply, contacts_total, CONTACTS, UINT64, false),
    COLUMN(cv_reply, frozen, FROZEN, UINT32, false),
    COLUMN(cv_reply, done, DONE, UINT64, false),
    COLUMN(cv_reply, total, TOTAL, UINT64, false),
    COLUMN(cv_reply, disk_horizon_ms, HORIZON, UINT64, false),
    COLUMN(cv_reply, root_since_ms, CREATED, UINT64, false),
    COLUMN(cv_reply, left, LEFT, UINT64, false),
    COLUMN(cv_reply, number, NUMBER, UINT64, false),
    COLUMN(cv_reply, token, TOKEN, TEXT, false),
    COLUMN(cv_reply, bytes, BYTES, UINT64, false),
    COLUMN(cv_reply, result, RESULT, UINT32, false),
    COLUMN(cv_reply, audit_key, PUBLIC_KEY, KEY, false),
    COLUMN(cv_reply, time_ms, TIME, UINT64, false),
    COLUMN(cv_reply, code, CODE, TEXT, false),
    COLUMN(cv_reply, idle_s, IDLE_S, UINT32, false),
    COLUMN(cv_reply, lasts_s, LASTS_S, UINT32, false),
    COLUMN(cv_reply, codes_left, CODES_LEFT, UINT32, false),
    COLUMN(cv_reply, request, REQUEST, UINT64, false),
    COLUMN(cv_reply, approvals, APPROVALS, UINT32, false),
    COLUMN(cv_reply, approvals_active, ACTIVE, BOOL, false),
    COLUMN(cv_reply, waiting, WAITING, UINT32, false),
};

static const struct table items_table = TABLE(item_columns, cv_item);
static const struct table namespaces_table = TABLE(namespace_columns, cv_namespace);
const struct table client_table_grants = TABLE(grant_columns, cv_role_grant);
const struct table client_table_principals = TABLE(principal_columns, cv_principal);
static const struct table keys_table = TABLE(key_columns, cv_key);
static const struct table recipients_table = TABLE(recipient_columns, cv_recipient);
static const struct table requests_table = TABLE(request_columns, cv_request);
static const struct table canaries_table = TABLE(canary_columns, cv_canary);
static const struct table entries_table = TABLE(entry_columns, cv_audit_entry);
const struct table client_table_reply = TABLE(reply_columns, cv_reply);

const struct table *
client_table(enum operation operation)
{
    switch (operation) {
    case OP_TOKENIZE:
    case OP_LOOKUP:
    case OP_MASK:
    case OP_DETOKENIZE:
    case OP_ERASE:
    case OP_DESCRIBE:
        return &items_table;
    case OP_NAMESPACE_LIST:
        return &namespaces_table;
    case OP_PRINCIPAL_LIST:
    case OP_PRINCIPAL_SHOW:
    case OP_WHOAMI:
        return &client_table_principals;
    case OP_KEY_STATUS:
        return &keys_table;
    case OP_RECIPIENT_LIST:
        return &recipients_table;
    case OP_PENDING:
        return &requests_table;
    case OP_CANARY_LIST:
        return &canaries_table;
    case OP_AUDIT_READ:
        return &entries_table;
    default:
        return NULL;
    }
}
