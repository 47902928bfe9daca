/* SPDX-License-Identifier: Apache-2.0 */
/* The calls about contacts and tokens. */
#include "client_internal.h"

/* An empty batch is refused by client_call, also one that has no array. */
static const char *const no_values[1];

static void
set_values(struct request *request, const char *const *values, size_t count)
{
    request->values = values != NULL ? values : no_values;
    request->value_count = values != NULL ? count : 0;
}

static enum cv_status
call_with_query(struct cv_client *client, enum operation operation, const struct cv_query *query,
                struct cv_reply **ret_reply)
{
    struct request request = {.operation = operation};

    request_add_text(&request, FIELD_NAMESPACE, query->namespace_name);
    request_add_number(&request, FIELD_FORM, query->form);
    set_values(&request, query->values, query->count);
    return client_call(client, &request, ret_reply);
}

enum cv_status
cv_tokenize(struct cv_client *client, const struct cv_query *query, struct cv_reply **ret_reply)
{
    return call_with_query(client, OP_TOKENIZE, query, ret_reply);
}

enum cv_status
cv_lookup(struct cv_client *client, const struct cv_query *query, struct cv_reply **ret_reply)
{
    return call_with_query(client, OP_LOOKUP, query, ret_reply);
}

static enum cv_status
call_with_tokens(struct cv_client *client, struct request *request, const char *const *tokens,
                 size_t count, struct cv_reply **ret_reply)
{
    set_values(request, tokens, count);
    return client_call(client, request, ret_reply);
}

enum cv_status
cv_mask(struct cv_client *client, const char *const *tokens, size_t count,
        struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_MASK};

    return call_with_tokens(client, &request, tokens, count, ret_reply);
}

enum cv_status
cv_describe(struct cv_client *client, const char *const *tokens, size_t count,
            struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_DESCRIBE};

    return call_with_tokens(client, &request, tokens, count, ret_reply);
}

enum cv_status
cv_detokenize(struct cv_client *client, const char *const *tokens, size_t count, const char *reason,
              struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_DETOKENIZE};

    request_add_text(&request, FIELD_REASON, reason);
    return call_with_tokens(client, &request, tokens, count, ret_reply);
}

enum cv_status
cv_erase(struct cv_client *client, const struct cv_erasure *erasure, struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_ERASE};

    request_add_text(&request, FIELD_REASON, erasure->reason);
    request_add_text(&request, FIELD_NAMESPACE, erasure->namespace_name);
    request_add_number(&request, FIELD_FORM, erasure->form);
    set_values(&request, erasure->values, erasure->count);
    return client_call(client, &request, ret_reply);
}
