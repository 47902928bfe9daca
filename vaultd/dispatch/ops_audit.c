/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the log: page by page, by who, what, where and when. */
#include "dispatch_internal.h"

#include "operations.h"
#include "scratch.h"

/* How many entries one request looks at, whether or not they are wanted. */
enum { SCAN_ENTRIES = 16384 };

/* What is wanted. Absent texts and zeros: anything. */
struct filter {
    struct bytes principal;
    struct bytes namespace_name;
    bool has_token;
    enum contact_kind kind;
    struct token token;
    uint64_t act;
    uint64_t until_ms;
};

/* Two walks over the same entries: one counts, for the count stands before the entries in the
 * reply; one writes. */
struct page {
    struct call *call;
    struct filter filter;
    bool
        tell_reasons; /* whole; else their purposes alone, which are words of the configuration's */
    bool writing;
    uint64_t limit;
    uint64_t count;
    uint64_t next; /* behind the last entry looked at */
};

static enum status
read_filter(struct call *call, struct filter *filter)
{
    struct bytes token = call_text(call, FIELD_TOKEN);

    filter->principal = call_text(call, FIELD_PRINCIPAL);
    filter->namespace_name = call_text(call, FIELD_NAMESPACE);
    (void)!message_uint(call->request, FIELD_ACT, &filter->act);
    (void)!message_uint(call->request, FIELD_UNTIL, &filter->until_ms);
    filter->has_token = token.size > 0;
    if (filter->has_token && token_parse(token, &filter->kind, &filter->token) != STATUS_OK) {
        return call_refuse(call, STATUS_INVALID, call_place_fault(STATUS_INVALID));
    }
    return STATUS_OK;
}

/* A principal is meant whether it did a thing or a thing was done to it. */
static bool
is_wanted(const struct filter *filter, const struct audit_entry *entry)
{
    if (filter->principal.size > 0 && !bytes_equal(filter->principal, entry->principal) &&
        !bytes_equal(filter->principal, entry->subject)) {
        return false;
    }
    if (filter->namespace_name.size > 0 &&
        !bytes_equal(filter->namespace_name, entry->namespace_name)) {
        return false;
    }
    if (filter->has_token && (entry->token_kind != filter->kind ||
                              memcmp(entry->token, filter->token.bytes, TOKEN_BYTES) != 0)) {
        return false;
    }
    return filter->act == 0 || filter->act == entry->operation;
}

static void
put_if_present(struct message_writer *writer, enum field field, struct bytes text)
{
    if (text.size > 0) {
        message_put_bytes(writer, field, text);
    }
}

static void
put_token(struct message_writer *writer, const struct audit_entry *entry)
{
    struct token token;
    char text[TOKEN_TEXT_BYTES + 1];

    if (entry->token_kind != 0) {
        memcpy(token.bytes, entry->token, TOKEN_BYTES);
        token_format((enum contact_kind)entry->token_kind, &token, text);
        message_put_text(writer, FIELD_TOKEN, text);
    }
}

static void
write_fields(struct message_writer *writer, const struct audit_entry *entry,
             const struct audit_reason *reason)
{
    size_t fields = 5U + (entry->principal.size > 0) + (entry->namespace_name.size > 0) +
                    (entry->subject.size > 0) + (entry->token_kind != 0) + (entry->role != 0) +
                    (entry->amount != 0) + (entry->refers != 0) + entry->relayed +
                    (reason->text.size > 0) + (reason->purpose.size > 0) +
                    (reason->ticket.size > 0);

    message_begin(writer, fields);
    message_put_uint(writer, FIELD_SEQUENCE, entry->sequence);
    message_put_uint(writer, FIELD_TIME, entry->time_ms);
    message_put_uint(writer, FIELD_ACT, entry->operation);
    message_put_uint(writer, FIELD_PHASE, entry->phase);
    message_put_uint(writer, FIELD_RESULT, entry->result);
    put_if_present(writer, FIELD_PRINCIPAL, entry->principal);
    put_if_present(writer, FIELD_NAMESPACE, entry->namespace_name);
    put_if_present(writer, FIELD_SUBJECT, entry->subject);
    put_if_present(writer, FIELD_REASON, reason->text);
    put_if_present(writer, FIELD_TICKET, reason->ticket);
    put_if_present(writer, FIELD_REASON_PURPOSE, reason->purpose);
    put_token(writer, entry);
    if (entry->role != 0) {
        message_put_uint(writer, FIELD_ROLE, entry->role);
    }
    if (entry->amount != 0) {
        message_put_uint(writer, FIELD_AMOUNT, entry->amount);
    }
    if (entry->refers != 0) {
        message_put_uint(writer, FIELD_REFERS, entry->refers);
    }
    if (entry->relayed) {
        message_put_bool(writer, FIELD_RELAYED, true);
    }
}

static void
write_entry(const struct page *page, const struct audit_entry *entry)
{
    uint8_t room[AUDIT_REASON_BYTES_MAX];
    struct audit_reason reason = {0};

    if (audit_open_reason(page->call->dispatch->parts.audit, entry, room, &reason) != STATUS_OK) {
        reason = (struct audit_reason){0};
    }
    if (!page->tell_reasons) {
        reason.text = reason.ticket = (struct bytes){0};
    }
    write_fields(&page->call->reply, entry, &reason);
}

/* NOT_FOUND ends the walk: the page is full, or the time wanted is over. */
static enum status
visit(void *state, const struct audit_entry *entry)
{
    struct page *page = state;

    if (page->count == page->limit ||
        (page->filter.until_ms > 0 && entry->time_ms >= page->filter.until_ms)) {
        return STATUS_NOT_FOUND;
    }
    page->next = entry->sequence + 1;
    if (!is_wanted(&page->filter, entry)) {
        return STATUS_OK;
    }
    page->count++;
    if (page->writing) {
        write_entry(page, entry);
    }
    return STATUS_OK;
}

static enum status
walk(struct page *page, uint64_t from, uint64_t count)
{
    enum status status = STATUS_OK;

    page->count = 0;
    page->next = from;
    if (count > 0) {
        status = audit_read(page->call->dispatch->parts.audit, from, count, visit, page);
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* Where to begin: at the entry asked for, the time asked for, and what there still is. */
static enum status
find_start(const struct call *call, uint64_t *ret_from)
{
    struct audit *audit = call->dispatch->parts.audit;
    uint64_t from = 0;
    uint64_t since_ms = 0;
    uint64_t first = audit_first(audit);
    enum status status = STATUS_OK;

    (void)!message_uint(call->request, FIELD_FROM, &from);
    if (message_uint(call->request, FIELD_SINCE, &since_ms)) {
        status = audit_find_time(audit, since_ms, &first);
    }
    *ret_from = from < first ? first : from;
    return status;
}

static enum status
write_page(struct page *page, uint64_t from, uint64_t last)
{
    uint64_t there = from > last ? 0 : last - from + 1;
    uint64_t found;
    enum status status = walk(page, from, there > SCAN_ENTRIES ? SCAN_ENTRIES : there);

    found = page->count;
    if (status == STATUS_OK) {
        /* An entry with a reason takes up to two items' room. */
        status = call_begin_reply(page->call, 3, 2 * found);
    }
    if (status == STATUS_OK) {
        message_put_list(&page->call->reply, FIELD_ITEMS, found);
        page->writing = true;
        status = found == 0 ? STATUS_OK : walk(page, from, page->next - from);
    }
    if (status == STATUS_OK && page->count != found) {
        return STATUS_INTERNAL;
    }
    message_put_uint(&page->call->reply, FIELD_NEXT, page->next);
    return status;
}

enum status
op_audit_read(struct call *call)
{
    struct audit *audit = call->dispatch->parts.audit;
    struct page page = {.call = call, .limit = AUDIT_PAGE_MAX};
    uint64_t from = 0;
    uint64_t last;
    enum status status;

    call->would_wait = call->mode == DISPATCH_NO_WAIT;
    if (call->would_wait) {
        return STATUS_BUSY;
    }
    page.tell_reasons = access_may(call->dispatch->parts.access, call->principal, MAY_AUDIT, 0);
    (void)!message_uint(call->request, FIELD_LIMIT, &page.limit);
    status = read_filter(call, &page.filter);
    /* Refusals are not waited for when they are written; who reads the log wants them too. */
    last = audit_last(audit);
    if (status == STATUS_OK) {
        status = audit_wait(audit, last);
    }
    if (status == STATUS_OK) {
        status = find_start(call, &from);
    }
    return status == STATUS_OK ? write_page(&page, from, last) : status;
}
