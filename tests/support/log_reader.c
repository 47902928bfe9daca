/* SPDX-License-Identifier: Apache-2.0 */
#include "log_reader.h"

#include <assert.h>
#include <string.h>

void
log_reader_make(struct log_reader *reader, struct fixture *fixture, uint32_t uid)
{
    enum status status;

    caller_make(&reader->caller, fixture, PEER_ADMIN, uid);
    status = caller_hello(&reader->caller);
    assert(status == STATUS_OK);
    log_reader_skip(reader);
}

void
log_reader_remove(struct log_reader *reader)
{
    caller_remove(&reader->caller);
}

void
log_reader_skip(struct log_reader *reader)
{
    reader->next = audit_last(reader->caller.fixture->audit) + 1;
}

static void
copy_text(const struct message *item, enum field field, char *to)
{
    struct bytes text = {0};

    if (message_bytes(item, field, &text)) {
        memcpy(to, text.data, text.size);
    }
}

static struct log_entry
read_entry(const struct message *item)
{
    struct log_entry entry = {0};
    bool whole = message_uint(item, FIELD_SEQUENCE, &entry.sequence) &&
                 message_uint(item, FIELD_ACT, &entry.act) &&
                 message_uint(item, FIELD_PHASE, &entry.phase) &&
                 message_uint(item, FIELD_RESULT, &entry.result);

    assert(whole);
    (void)!message_uint(item, FIELD_ROLE, &entry.role);
    (void)!message_uint(item, FIELD_AMOUNT, &entry.amount);
    (void)!message_bool(item, FIELD_RELAYED, &entry.relayed);
    copy_text(item, FIELD_PRINCIPAL, entry.principal);
    copy_text(item, FIELD_NAMESPACE, entry.namespace_name);
    copy_text(item, FIELD_SUBJECT, entry.subject);
    copy_text(item, FIELD_TOKEN, entry.token);
    copy_text(item, FIELD_REASON, entry.reason);
    copy_text(item, FIELD_REASON_PURPOSE, entry.purpose);
    copy_text(item, FIELD_TICKET, entry.ticket);
    return entry;
}

/* One page; false: there was nothing more. */
static bool
read_page(struct log_reader *reader, struct log_entry *ret_entries, size_t most, size_t *count)
{
    struct caller *caller = &reader->caller;
    const struct message_list *items = NULL;
    enum status status;
    bool whole;

    caller_begin(caller, OP_AUDIT_READ, 1);
    message_put_uint(&caller->request, FIELD_FROM, reader->next);
    status = caller_send(caller);
    assert(status == STATUS_OK);
    whole = message_list(caller->reply, FIELD_ITEMS, &items) &&
            message_uint(caller->reply, FIELD_NEXT, &reader->next);
    assert(whole);
    for (size_t i = 0; i < message_list_count(items); i++) {
        struct log_entry entry = read_entry(message_list_message(items, i));

        if (entry.act != AUDIT_ACT_CHECKPOINT) {
            assert(*count < most);
            ret_entries[(*count)++] = entry;
        }
    }
    return message_list_count(items) > 0;
}

size_t
log_reader_since(struct log_reader *reader, struct log_entry *ret_entries, size_t most)
{
    size_t count = 0;

    while (read_page(reader, ret_entries, most, &count)) {
    }
    return count;
}
