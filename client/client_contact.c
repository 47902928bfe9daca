/* SPDX-License-Identifier: Apache-2.0 */
/* The calls about contacts and tokens. */
#include "client_internal.h"

/* An empty batch is refused by client_call, also one that has no array. */
static const char *const no_values[1];

static bool
takes_contacts(enum operation operation)
{
    return operation == OP_TOKENIZE || operation == OP_LOOKUP || operation == OP_ERASE;
}

static bool
takes_reason(enum operation operation)
{
    return operation == OP_DETOKENIZE || operation == OP_ERASE;
}

void
request_of_query(enum operation operation, const struct cv_query *query, uint64_t deadline_ms,
                 struct request *ret_request)
{
    *ret_request = (struct request){
        .operation = operation,
        .values = query->values != NULL ? query->values : no_values,
        .value_count = query->values != NULL ? query->count : 0,
        .deadline_ms = deadline_ms,
    };
    if (takes_reason(operation)) {
        request_add_text(ret_request, FIELD_REASON, query->reason);
        request_add_text(ret_request, FIELD_TICKET, query->ticket);
        request_add_text(ret_request, FIELD_REASON_PURPOSE, query->purpose);
    }
    if (takes_contacts(operation)) {
        request_add_text(ret_request, FIELD_NAMESPACE, query->namespace_name);
        request_add_number(ret_request, FIELD_FORM, query->form);
    }
}

static enum cv_status
call_with_query(struct cv_client *client, enum operation operation, const struct cv_query *query,
                struct cv_reply **ret_reply)
{
    struct request request;

    request_of_query(operation, query, client_deadline(client, query->timeout_ms), &request);
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

enum cv_status
cv_mask(struct cv_client *client, const struct cv_query *query, struct cv_reply **ret_reply)
{
    return call_with_query(client, OP_MASK, query, ret_reply);
}

enum cv_status
cv_describe(struct cv_client *client, const struct cv_query *query, struct cv_reply **ret_reply)
{
    return call_with_query(client, OP_DESCRIBE, query, ret_reply);
}

enum cv_status
cv_detokenize(struct cv_client *client, const struct cv_query *query, struct cv_reply **ret_reply)
{
    return call_with_query(client, OP_DETOKENIZE, query, ret_reply);
}

enum cv_status
cv_erase(struct cv_client *client, const struct cv_query *query, struct cv_reply **ret_reply)
{
    return call_with_query(client, OP_ERASE, query, ret_reply);
}
