/* SPDX-License-Identifier: Apache-2.0 */
/* Canaries, and whether alarms arrive. */
#include "client_internal.h"

enum cv_status
cv_canary_add(struct cv_client *client, const char *value, const char *namespace_name,
              struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_CANARY_ADD};

    request_add_text(&request, FIELD_VALUE, value);
    if (namespace_name != NULL) {
        request_add_text(&request, FIELD_NAMESPACE, namespace_name);
    }
    return client_call(client, &request, ret_reply);
}

enum cv_status
cv_canary_list(struct cv_client *client, struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_CANARY_LIST};

    return client_call(client, &request, ret_reply);
}

enum cv_status
cv_canary_remove(struct cv_client *client, const char *token, struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_CANARY_REMOVE};

    request_add_text(&request, FIELD_TOKEN, token);
    return client_call(client, &request, ret_reply);
}

enum cv_status
cv_notify_test(struct cv_client *client, struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_NOTIFY_TEST};

    return client_call(client, &request, ret_reply);
}
