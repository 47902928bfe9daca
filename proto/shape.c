/* SPDX-License-Identifier: Apache-2.0 */
/* Which fields each operation takes: PROTOCOL.md, "Operations", as a table. */
#include "message.h"

#include <stddef.h>

#include "field.h"

#define BIT(name) FIELD_BIT(FIELD_##name)

/* Each has FIELD_OPERATION besides. */
struct shape {
    const char *name;
    unsigned __int128 required, optional;
};

/* One row an operation. */
/* clang-format off */
static const struct shape shapes[OPERATION_LIMIT] = {
    [OP_STATUS] = {"status", 0, BIT(CONNECTION)},
    [OP_HELLO] = {"hello", BIT(VERSION) | BIT(NONCE), BIT(PUBLIC_KEY)},
    [OP_PROVE] = {"prove", BIT(SIGNATURE) | BIT(UID), 0},
    [OP_ENROL_BEGIN] = {"enrol_begin", BIT(CODE) | BIT(PUBLIC_KEY), BIT(NAME)},
    [OP_ENROL_CONFIRM] = {"enrol_confirm",
                          BIT(CODE) | BIT(PUBLIC_KEY) | BIT(SIGNATURE) | BIT(UID) | BIT(FACTOR),
                          BIT(NAME)},
    [OP_LOGIN] = {"login", BIT(CONNECTION) | BIT(PUBLIC_KEY) | BIT(SIGNATURE) | BIT(FACTOR), 0},
    [OP_LOGOUT] = {"logout", BIT(CONNECTION), 0},
    [OP_WHOAMI] = {"whoami", BIT(CONNECTION), 0},
    [OP_TOKENIZE] = {"tokenize", BIT(CONNECTION) | BIT(VALUES), BIT(NAMESPACE) | BIT(FORM)},
    [OP_LOOKUP] = {"lookup", BIT(CONNECTION) | BIT(VALUES), BIT(NAMESPACE) | BIT(FORM)},
    [OP_MASK] = {"mask", BIT(CONNECTION) | BIT(VALUES), 0},
    [OP_DETOKENIZE] = {"detokenize", BIT(CONNECTION) | BIT(VALUES) | BIT(REASON),
                       BIT(TICKET) | BIT(REASON_PURPOSE)},
    [OP_ERASE] = {"erase", BIT(CONNECTION) | BIT(VALUES) | BIT(REASON),
                  BIT(NAMESPACE) | BIT(FORM) | BIT(TICKET) | BIT(REASON_PURPOSE)},
    [OP_DESCRIBE] = {"describe", BIT(CONNECTION) | BIT(VALUES), 0},
    [OP_UNSEAL] = {"unseal", BIT(ROOT_KEY), 0},
    [OP_SEAL] = {"seal", BIT(CONNECTION), 0},
    [OP_FREEZE] = {"freeze", BIT(CONNECTION), BIT(ALL)},
    [OP_UNFREEZE] = {"unfreeze", BIT(CONNECTION), 0},
    [OP_UNSEAL_INFO] = {"unseal_info", 0, 0},
    [OP_UNSEAL_SHARE] = {"unseal_share", BIT(SHARE), 0},
    [OP_BACKUP_BEGIN] = {"backup_begin", BIT(CONNECTION), 0},
    [OP_BACKUP_READ] = {"backup_read", BIT(CONNECTION) | BIT(BACKUP) | BIT(KIND) | BIT(FROM), 0},
    [OP_BACKUP_END] = {"backup_end", BIT(CONNECTION) | BIT(BACKUP), BIT(ALL)},
    [OP_COMPACT] = {"compact", BIT(CONNECTION), BIT(NUMBER)},
    [OP_NAMESPACE_CREATE] = {"namespace_create", BIT(CONNECTION) | BIT(NAME), 0},
    [OP_NAMESPACE_LIST] = {"namespace_list", BIT(CONNECTION), 0},
    [OP_NAMESPACE_SET] = {"namespace_set", BIT(CONNECTION) | BIT(NAME) | BIT(RETAIN_MONTHS), 0},
    [OP_NAMESPACE_SHRED] = {"namespace_shred", BIT(CONNECTION) | BIT(NAME), 0},
    [OP_KEY_ROTATE] = {"key_rotate", BIT(CONNECTION) | BIT(PURPOSE), BIT(NAMESPACE) | BIT(ALL)},
    [OP_KEY_STATUS] = {"key_status", BIT(CONNECTION), BIT(FROM)},
    [OP_ROOT_ROTATE] = {"root_rotate", BIT(CONNECTION) | BIT(ROOT_KEY) | BIT(UNSEAL), 0},
    [OP_PRINCIPAL_ADD] = {"principal_add", BIT(CONNECTION) | BIT(NAME) | BIT(KIND),
                          BIT(RELAYED) | BIT(UID) | BIT(PUBLIC_KEY)},
    [OP_PRINCIPAL_INVITE] = {"principal_invite", BIT(CONNECTION) | BIT(NAME), 0},
    [OP_PRINCIPAL_LIST] = {"principal_list", BIT(CONNECTION), BIT(FROM)},
    [OP_PRINCIPAL_SHOW] = {"principal_show", BIT(CONNECTION) | BIT(NAME), 0},
    [OP_PRINCIPAL_DISABLE] = {"principal_disable", BIT(CONNECTION) | BIT(NAME), 0},
    [OP_PRINCIPAL_ENABLE] = {"principal_enable", BIT(CONNECTION) | BIT(NAME), 0},
    [OP_GRANT] = {"grant", BIT(CONNECTION) | BIT(NAME) | BIT(ROLE),
                  BIT(NAMESPACE) | BIT(LASTS_S) | BIT(UNTIL) | BIT(DAILY) | BIT(HOURLY)},
    [OP_REVOKE] = {"revoke", BIT(CONNECTION) | BIT(NAME) | BIT(ROLE), BIT(NAMESPACE)},
    [OP_PRINCIPAL_SET_KEY] = {"principal_set_key", BIT(CONNECTION) | BIT(NAME) | BIT(PUBLIC_KEY), 0},
    [OP_APPROVALS_SET] = {"approvals_set", BIT(CONNECTION) | BIT(APPROVALS), 0},
    [OP_PENDING] = {"pending", BIT(CONNECTION), 0},
    [OP_APPROVE] = {"approve", BIT(CONNECTION) | BIT(REQUEST), 0},
    [OP_DENY] = {"deny", BIT(CONNECTION) | BIT(REQUEST), 0},
    [OP_RECIPIENT_ADD] = {"recipient_add", BIT(CONNECTION) | BIT(NAME) | BIT(PUBLIC_KEY), 0},
    [OP_RECIPIENT_LIST] = {"recipient_list", BIT(CONNECTION), 0},
    [OP_RECIPIENT_REMOVE] = {"recipient_remove", BIT(CONNECTION) | BIT(NAME), 0},
    [OP_CANARY_ADD] = {"canary_add", BIT(CONNECTION) | BIT(VALUE), BIT(NAMESPACE)},
    [OP_CANARY_LIST] = {"canary_list", BIT(CONNECTION), 0},
    [OP_CANARY_REMOVE] = {"canary_remove", BIT(CONNECTION) | BIT(TOKEN), 0},
    [OP_NOTIFY_TEST] = {"notify_test", BIT(CONNECTION), 0},
    [OP_AUDIT_READ] = {"audit_read", BIT(CONNECTION) | BIT(FROM),
                       BIT(LIMIT) | BIT(PRINCIPAL) | BIT(TOKEN) | BIT(NAMESPACE) | BIT(ACT) |
                           BIT(SINCE) | BIT(UNTIL)},
    [OP_PRINCIPAL_OFFBOARD] = {"principal_offboard", BIT(CONNECTION) | BIT(NAME), 0},
};
/* clang-format on */

static const struct shape *
find_shape(uint64_t operation)
{
    if (operation >= OPERATION_LIMIT || shapes[operation].name == NULL) {
        return NULL;
    }
    return &shapes[operation];
}

const char *
operation_name(enum operation operation)
{
    const struct shape *shape = find_shape(operation);

    return shape != NULL ? shape->name : NULL;
}

static const char *
fault_of_first(unsigned __int128 fields, enum field_fault fault)
{
    uint64_t field = 0;

    while ((fields & FIELD_BIT(field)) == 0) {
        field++;
    }
    return field_rule(field)->faults[fault];
}

/* NULL: the fields are those of the shape. */
static const char *
find_fault(const struct shape *shape, unsigned __int128 fields)
{
    unsigned __int128 required = shape->required | BIT(OPERATION);
    unsigned __int128 missing = required & ~fields;
    unsigned __int128 surplus = fields & ~(required | shape->optional);

    if (missing != 0) {
        return fault_of_first(missing, FIELD_FAULT_MISSING);
    }
    return surplus != 0 ? fault_of_first(surplus, FIELD_FAULT_SURPLUS) : NULL;
}

enum status
message_check_request(const struct message *request, enum operation *ret_operation,
                      const char **ret_fault)
{
    uint64_t operation;

    if (!message_uint(request, FIELD_OPERATION, &operation)) {
        *ret_fault = field_rule(FIELD_OPERATION)->faults[FIELD_FAULT_MISSING];
        return STATUS_INVALID;
    }
    const struct shape *shape = find_shape(operation);
    if (shape == NULL) {
        *ret_fault = "operation: unknown";
        return STATUS_INVALID;
    }
    const char *fault = find_fault(shape, message_fields(request).bits);
    if (fault != NULL) {
        *ret_fault = fault;
        return STATUS_INVALID;
    }
    *ret_operation = (enum operation)operation;
    return STATUS_OK;
}
