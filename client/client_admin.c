/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that touch no contact: who you are, the vault's state, and an admin's acts. */
#include "client_internal.h"

#include <string.h>

#include "slot.h"

static enum cv_status
call_plain(struct cv_client *client, enum operation operation, struct cv_reply **ret_reply)
{
    struct request request = {.operation = operation};

    return client_call(client, &request, ret_reply);
}

static enum cv_status
call_by_name(struct cv_client *client, enum operation operation, const char *name,
             struct cv_reply **ret_reply)
{
    struct request request = {.operation = operation};

    request_add_text(&request, FIELD_NAME, name);
    return client_call(client, &request, ret_reply);
}

enum cv_status
cv_state(struct cv_client *client, struct cv_reply **ret_reply)
{
    return call_plain(client, OP_STATUS, ret_reply);
}

enum cv_status
cv_unseal(struct cv_client *client, const uint8_t root_key[CV_KEY_BYTES],
          struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_UNSEAL};

    request_add_bytes(&request, FIELD_ROOT_KEY, bytes_of(root_key, ROOT_KEY_BYTES));
    return client_call(client, &request, ret_reply);
}

enum cv_status
cv_unseal_info(struct cv_client *client, struct cv_reply **ret_reply)
{
    return call_plain(client, OP_UNSEAL_INFO, ret_reply);
}

enum cv_status
cv_unseal_share(struct cv_client *client, const uint8_t share[CV_SHARE_BYTES],
                struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_UNSEAL_SHARE};

    request_add_bytes(&request, FIELD_SHARE, bytes_of(share, UNSEAL_SHARE_BYTES));
    return client_call(client, &request, ret_reply);
}

enum cv_status
cv_seal(struct cv_client *client, struct cv_reply **ret_reply)
{
    return call_plain(client, OP_SEAL, ret_reply);
}

enum cv_status
cv_freeze(struct cv_client *client, bool deliveries_too, struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_FREEZE};

    request_add_flag(&request, FIELD_ALL, deliveries_too);
    return client_call(client, &request, ret_reply);
}

enum cv_status
cv_unfreeze(struct cv_client *client, struct cv_reply **ret_reply)
{
    return call_plain(client, OP_UNFREEZE, ret_reply);
}

enum cv_status
cv_namespace_create(struct cv_client *client, const char *name, struct cv_reply **ret_reply)
{
    return call_by_name(client, OP_NAMESPACE_CREATE, name, ret_reply);
}

enum cv_status
cv_namespace_list(struct cv_client *client, struct cv_reply **ret_reply)
{
    return call_plain(client, OP_NAMESPACE_LIST, ret_reply);
}

enum cv_status
cv_namespace_set(struct cv_client *client, const char *name, uint32_t retain_months,
                 struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_NAMESPACE_SET};

    request_add_text(&request, FIELD_NAME, name);
    request_add_uint(&request, FIELD_RETAIN_MONTHS, retain_months);
    return client_call(client, &request, ret_reply);
}

enum cv_status
cv_namespace_shred(struct cv_client *client, const char *name, struct cv_reply **ret_reply)
{
    return call_by_name(client, OP_NAMESPACE_SHRED, name, ret_reply);
}

enum cv_status
cv_key_rotate(struct cv_client *client, enum cv_key_purpose purpose, const char *namespace_name,
              bool all, struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_KEY_ROTATE};

    request_add_uint(&request, FIELD_PURPOSE, purpose);
    request_add_text(&request, FIELD_NAMESPACE, namespace_name);
    request_add_flag(&request, FIELD_ALL, all);
    return client_call(client, &request, ret_reply);
}

enum cv_status
cv_key_status(struct cv_client *client, uint64_t from, struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_KEY_STATUS};

    request_add_number(&request, FIELD_FROM, from);
    return client_call(client, &request, ret_reply);
}

enum cv_status
cv_compact(struct cv_client *client, uint64_t number, struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_COMPACT};

    request_add_number(&request, FIELD_NUMBER, number);
    return client_call(client, &request, ret_reply);
}

enum cv_status
cv_root_rotate(struct cv_client *client, const uint8_t root_key[CV_KEY_BYTES],
               const struct cv_unsealing *unsealing, struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_ROOT_ROTATE};
    struct unseal_slot slot = {
        .provider = (enum unseal_provider)unsealing->provider,
        .passes = unsealing->passes,
        .memory_kib = unsealing->memory_kib,
        .threshold = unsealing->threshold,
        .shares = unsealing->shares,
    };
    uint8_t bytes[UNSEAL_SLOT_BYTES_MAX];

    memcpy(slot.salt, unsealing->salt, sizeof slot.salt);
    memcpy(slot.set, unsealing->set, sizeof slot.set);
    request_add_bytes(&request, FIELD_ROOT_KEY, bytes_of(root_key, ROOT_KEY_BYTES));
    request_add_bytes(&request, FIELD_UNSEAL, bytes_of(bytes, slot_write(&slot, bytes)));
    return client_call(client, &request, ret_reply);
}

enum cv_status
cv_principal_add(struct cv_client *client, const struct cv_new_principal *principal,
                 struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_PRINCIPAL_ADD};

    request_add_text(&request, FIELD_NAME, principal->name);
    request_add_uint(&request, FIELD_KIND, principal->kind);
    if (principal->public_key != NULL) {
        request_add_bytes(&request, FIELD_PUBLIC_KEY,
                          bytes_of(principal->public_key, PUBLIC_KEY_BYTES));
    } else if (!principal->any_uid) {
        request_add_uint(&request, FIELD_UID, principal->uid);
    }
    request_add_flag(&request, FIELD_RELAYED, principal->relayed);
    return client_call(client, &request, ret_reply);
}

enum cv_status
cv_principal_invite(struct cv_client *client, const char *name, struct cv_reply **ret_reply)
{
    return call_by_name(client, OP_PRINCIPAL_INVITE, name, ret_reply);
}

enum cv_status
cv_principal_list(struct cv_client *client, uint64_t from, struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_PRINCIPAL_LIST};

    request_add_number(&request, FIELD_FROM, from);
    return client_call(client, &request, ret_reply);
}

enum cv_status
cv_principal_show(struct cv_client *client, const char *name, struct cv_reply **ret_reply)
{
    return call_by_name(client, OP_PRINCIPAL_SHOW, name, ret_reply);
}

enum cv_status
cv_principal_disable(struct cv_client *client, const char *name, struct cv_reply **ret_reply)
{
    return call_by_name(client, OP_PRINCIPAL_DISABLE, name, ret_reply);
}

enum cv_status
cv_principal_enable(struct cv_client *client, const char *name, struct cv_reply **ret_reply)
{
    return call_by_name(client, OP_PRINCIPAL_ENABLE, name, ret_reply);
}

enum cv_status
cv_grant(struct cv_client *client, const struct cv_grant_terms *terms, struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_GRANT};

    request_add_text(&request, FIELD_NAME, terms->name);
    request_add_uint(&request, FIELD_ROLE, terms->role);
    request_add_text(&request, FIELD_NAMESPACE, terms->namespace_name);
    request_add_number(&request, FIELD_LASTS_S, terms->lasts_s);
    request_add_number(&request, FIELD_UNTIL, terms->until_ms);
    request_add_number(&request, FIELD_DAILY, terms->daily);
    request_add_number(&request, FIELD_HOURLY, terms->hourly);
    return client_call(client, &request, ret_reply);
}

enum cv_status
cv_revoke(struct cv_client *client, const char *name, enum cv_role role, const char *namespace_name,
          struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_REVOKE};

    request_add_text(&request, FIELD_NAME, name);
    request_add_uint(&request, FIELD_ROLE, role);
    request_add_text(&request, FIELD_NAMESPACE, namespace_name);
    return client_call(client, &request, ret_reply);
}

enum cv_status
cv_audit_read(struct cv_client *client, const struct cv_audit_query *query,
              struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_AUDIT_READ};

    request_add_uint(&request, FIELD_FROM, query->from);
    request_add_number(&request, FIELD_LIMIT, query->limit);
    request_add_text(&request, FIELD_PRINCIPAL, query->principal);
    request_add_text(&request, FIELD_TOKEN, query->token);
    request_add_text(&request, FIELD_NAMESPACE, query->namespace_name);
    request_add_number(&request, FIELD_ACT, query->act);
    request_add_number(&request, FIELD_SINCE, query->since_ms);
    request_add_number(&request, FIELD_UNTIL, query->until_ms);
    return client_call(client, &request, ret_reply);
}
