/* SPDX-License-Identifier: Apache-2.0 */
/* What two admins do together. */
#include "client_internal.h"

enum cv_status
cv_approvals_set(struct cv_client *client, enum cv_approvals approvals, struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_APPROVALS_SET};

    request_add_uint(&request, FIELD_APPROVALS, (uint64_t)approvals);
    return client_call(client, &request, ret_reply);
}

enum cv_status
cv_pending(struct cv_client *client, struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_PENDING};

    return client_call(client, &request, ret_reply);
}

static enum cv_status
decide(struct cv_client *client, enum operation operation, uint64_t number,
       struct cv_reply **ret_reply)
{
    struct request request = {.operation = operation};

    request_add_uint(&request, FIELD_REQUEST, number);
    return client_call(client, &request, ret_reply);
}

enum cv_status
cv_approve(struct cv_client *client, uint64_t request, struct cv_reply **ret_reply)
{
    return decide(client, OP_APPROVE, request, ret_reply);
}

enum cv_status
cv_deny(struct cv_client *client, uint64_t request, struct cv_reply **ret_reply)
{
    return decide(client, OP_DENY, request, ret_reply);
}

enum cv_status
cv_principal_set_key(struct cv_client *client, const char *name,
                     const uint8_t public_key[CV_KEY_BYTES], struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_PRINCIPAL_SET_KEY};

    request_add_text(&request, FIELD_NAME, name);
    request_add_bytes(&request, FIELD_PUBLIC_KEY, bytes_of(public_key, PUBLIC_KEY_BYTES));
    return client_call(client, &request, ret_reply);
}
