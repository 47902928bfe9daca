/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that touch no contact: who you are, the vault's state, and an admin's acts. */
#include "client_internal.h"

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
cv_seal(struct cv_client *client, struct cv_reply **ret_reply)
{
    return call_plain(client, OP_SEAL, ret_reply);
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
cv_principal_add(struct cv_client *client, const struct cv_new_principal *principal,
                 struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_PRINCIPAL_ADD};

    request_add_text(&request, FIELD_NAME, principal->name);
    request_add_uint(&request, FIELD_KIND, principal->kind);
    if (principal->public_key != NULL) {
        request_add_bytes(&request, FIELD_PUBLIC_KEY,
                          bytes_of(principal->public_key, PUBLIC_KEY_BYTES));
    } else {
        request_add_uint(&request, FIELD_UID, principal->uid);
    }
    return client_call(client, &request, ret_reply);
}

enum cv_status
cv_principal_list(struct cv_client *client, struct cv_reply **ret_reply)
{
    return call_plain(client, OP_PRINCIPAL_LIST, ret_reply);
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

static enum cv_status
call_about_grant(struct cv_client *client, struct request *request, const char *name,
                 const char *namespace_name, struct cv_reply **ret_reply)
{
    request_add_text(request, FIELD_NAME, name);
    request_add_text(request, FIELD_NAMESPACE, namespace_name);
    return client_call(client, request, ret_reply);
}

enum cv_status
cv_grant(struct cv_client *client, const char *name, enum cv_role role, const char *namespace_name,
         struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_GRANT};

    request_add_uint(&request, FIELD_ROLE, role);
    return call_about_grant(client, &request, name, namespace_name, ret_reply);
}

enum cv_status
cv_revoke(struct cv_client *client, const char *name, enum cv_role role, const char *namespace_name,
          struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_REVOKE};

    request_add_uint(&request, FIELD_ROLE, role);
    return call_about_grant(client, &request, name, namespace_name, ret_reply);
}

enum cv_status
cv_audit_read(struct cv_client *client, uint64_t from, uint32_t limit, struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_AUDIT_READ};

    request_add_uint(&request, FIELD_FROM, from);
    if (limit != 0) {
        request_add_uint(&request, FIELD_LIMIT, limit);
    }
    return client_call(client, &request, ret_reply);
}
