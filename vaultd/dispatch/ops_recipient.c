/* SPDX-License-Identifier: Apache-2.0 */
/* Whom backups are sealed to: added, removed, listed. */
#include "dispatch_internal.h"

#include "operations.h"

enum status
op_recipient_add(struct call *call)
{
    return call_change_key(call, access_prepare_recipient);
}

enum status
op_recipient_remove(struct call *call)
{
    return call_change_named(call, access_prepare_recipient_removal);
}

static size_t
count_recipients(const struct access *access)
{
    size_t count = 0;

    for (size_t i = 0; i < access_recipient_count(access); i++) {
        count += access_recipient_at(access, i)->removed ? 0 : 1;
    }
    return count;
}

enum status
op_recipient_list(struct call *call)
{
    const struct access *access = call->dispatch->parts.access;
    size_t count = count_recipients(access);
    enum status status = call_begin_reply(call, 2, count);

    if (status != STATUS_OK) {
        return status;
    }
    message_put_list(&call->reply, FIELD_ITEMS, count);
    for (size_t i = 0; i < access_recipient_count(access); i++) {
        const struct recipient *recipient = access_recipient_at(access, i);

        if (!recipient->removed) {
            message_begin(&call->reply, 3);
            message_put_text(&call->reply, FIELD_NAME, recipient->name);
            message_put_bytes(&call->reply, FIELD_PUBLIC_KEY,
                              bytes_of(recipient->public_key, PUBLIC_KEY_BYTES));
            message_put_uint(&call->reply, FIELD_CREATED, recipient->created_ms);
        }
    }
    return STATUS_OK;
}
