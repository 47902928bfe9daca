/* SPDX-License-Identifier: Apache-2.0 */
/* How a reply begins, and what a refusal says. */
#include "dispatch_internal.h"

#include <assert.h>

#include "operations.h"
#include "scratch.h"

enum {
    REPLY_BYTES = 4096,  /* of a reply without items */
    ITEM_BYTES = 384,    /* the most an item may take: a message or a mask, a token, numbers */
    REFUSAL_BYTES = 512, /* a status and a text */
};

enum status
call_begin_reply(struct call *call, size_t fields, size_t items)
{
    size_t capacity = REPLY_BYTES + items * ITEM_BYTES;

    assert(items <= BATCH_ITEMS_MAX);
    call->reply = (struct message_writer){.data = scratch_alloc(call->scratch, capacity),
                                          .capacity = capacity};
    if (call->reply.data == NULL) {
        return call_refuse(call, STATUS_UNAVAILABLE,
                           "no memory for the reply; send a smaller batch, or fewer at once");
    }
    message_begin(&call->reply, fields);
    message_put_uint(&call->reply, FIELD_STATUS, STATUS_OK);
    return STATUS_OK;
}

enum status
call_refuse(struct call *call, enum status status, const char *fault)
{
    call->fault = fault;
    return status;
}

static const char *
usual_fault(enum status status)
{
    static const char *const faults[STATUS_COUNT] = {
        [STATUS_OK] = "",
        [STATUS_INVALID] = "the request is wrong",
        [STATUS_TOO_LARGE] = "too large",
        [STATUS_UNAUTHENTICATED] = "say hello on this connection first",
        [STATUS_DENIED] = "not permitted",
        [STATUS_QUOTA] = "the budget is used up",
        [STATUS_NOT_FOUND] = "not found",
        [STATUS_CONFLICT] = "in conflict with what is there",
        [STATUS_EXPIRED] = "the grant of yours that permitted this has ended",
        [STATUS_SEALED] = "the vault is sealed: vaultctl unseal",
        [STATUS_BUSY] = "too much at once; try again shortly",
        [STATUS_UNAVAILABLE] = "cannot be done now: the disk may be full, or memory short",
        [STATUS_CORRUPT] = "stored bytes do not verify; tell the vault's admin",
        [STATUS_INTERNAL] = "a fault of the vault; its log says more",
        [STATUS_NO_SESSION] = "no session, or it has ended: vaultctl login",
        [STATUS_PENDING] = "waits for a second admin's approval",
        [STATUS_FROZEN] = "reveals are frozen until an admin lifts it: vaultctl unfreeze",
    };

    return faults[status];
}

/* What comes with a status that is not OK. Zeros and NULL: not told. */
struct refusal {
    enum status status;
    const char *fault;
    uint32_t retry_after_s;
    uint64_t request; /* the number under which it waits */
};

static void
write_refusal(struct message_writer *writer, struct refusal refusal)
{
    message_begin(writer, 2U + (refusal.retry_after_s > 0) + (refusal.request > 0));
    message_put_uint(writer, FIELD_STATUS, refusal.status);
    message_put_text(writer, FIELD_MESSAGE,
                     refusal.fault != NULL ? refusal.fault : usual_fault(refusal.status));
    if (refusal.retry_after_s > 0) {
        message_put_uint(writer, FIELD_RETRY_AFTER_S, refusal.retry_after_s);
    }
    if (refusal.request > 0) {
        message_put_uint(writer, FIELD_REQUEST, refusal.request);
    }
}

struct bytes
dispatch_refusal(enum status status)
{
    static uint8_t replies[STATUS_COUNT][REFUSAL_BYTES];
    static size_t sizes[STATUS_COUNT];
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

    (void)pthread_mutex_lock(&lock);
    if (sizes[status] == 0) {
        struct message_writer writer = {.data = replies[status], .capacity = REFUSAL_BYTES};

        write_refusal(&writer, (struct refusal){.status = status});
        assert(!writer.full);
        sizes[status] = writer.size;
    }
    (void)pthread_mutex_unlock(&lock);
    return bytes_of(replies[status], sizes[status]);
}

struct bytes
call_refusal(struct call *call, enum status status)
{
    call->reply = (struct message_writer){.data = scratch_alloc(call->scratch, REFUSAL_BYTES),
                                          .capacity = REFUSAL_BYTES};
    if (call->reply.data == NULL) {
        return dispatch_refusal(status);
    }
    write_refusal(&call->reply, (struct refusal){.status = status,
                                                 .fault = call->fault,
                                                 .retry_after_s = call->retry_after_s,
                                                 .request = call->number});
    return bytes_of(call->reply.data, call->reply.size);
}
