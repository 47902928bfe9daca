/* SPDX-License-Identifier: Apache-2.0 */
/* Data and index keys: rotating them, and how far that is. */
#include "dispatch_internal.h"

#include "key_work.h"
#include "operations.h"
#include "scratch.h"
#include "vault_horizon.h"

enum {
    KEYS_OF_NAMESPACE_MAX = 2 * VAULT_KEYS_MAX,
    PAGE_KEYS = 512,
};

#define NO_NAMESPACE "no such namespace, or no grant of yours permits this there"

/* Admins in every namespace, privacy in its own. */
static bool
may_keys_of(const struct call *call, uint32_t namespace_id)
{
    const struct access *access = call->dispatch->parts.access;

    return access_may(access, call->principal, MAY_ADMINISTER, 0) ||
           access_may(access, call->principal, MAY_ERASE, namespace_id);
}

/* ---- rotating ---- */

/* Every namespace of the caller's, in scratch. */
static enum status
take_all(struct call *call, uint32_t **ret_ids, size_t *ret_count)
{
    const struct access *access = call->dispatch->parts.access;
    size_t count = access_namespace_count(access);
    uint32_t *ids = scratch_alloc(call->scratch, (count + 1) * sizeof *ids);

    if (ids == NULL) {
        return call_refuse(call, STATUS_UNAVAILABLE, "no memory");
    }
    *ret_count = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t id = access_namespace_at(access, i)->id;

        if (!access_namespace_at(access, i)->shredded && may_keys_of(call, id)) {
            ids[(*ret_count)++] = id;
        }
    }
    *ret_ids = ids;
    return *ret_count > 0 ? STATUS_OK
                          : call_refuse(call, STATUS_NOT_FOUND, "there is no namespace");
}

static enum status
take_one(struct call *call, struct bytes name, uint32_t **ret_ids, size_t *ret_count)
{
    const struct access *access = call->dispatch->parts.access;
    const struct namespace_row *row = name.size > 0
                                          ? access_namespace(access, name)
                                          : access_only_namespace(access, call->principal);
    uint32_t *ids = scratch_alloc(call->scratch, sizeof *ids);

    if (ids == NULL) {
        return call_refuse(call, STATUS_UNAVAILABLE, "no memory");
    }
    if (row == NULL && name.size == 0) {
        return call_refuse(call, STATUS_INVALID, "namespace: say which (-n NAME), or all (--all)");
    }
    if (row == NULL || row->shredded || !may_keys_of(call, row->id)) {
        return call_refuse_on_record(call, STATUS_DENIED, NO_NAMESPACE);
    }
    *ids = row->id;
    *ret_ids = ids;
    *ret_count = 1;
    return STATUS_OK;
}

enum status
op_key_rotate(struct call *call)
{
    const struct audit_entry as = call_audit_entry(call, AUDIT_INTENT, STATUS_OK);
    struct bytes name = call_text(call, FIELD_NAMESPACE);
    uint32_t *ids = NULL;
    uint64_t purpose = 0;
    size_t count = 0;
    bool all = false;
    enum status status;

    (void)!message_uint(call->request, FIELD_PURPOSE, &purpose); /* required */
    (void)!message_bool(call->request, FIELD_ALL, &all);
    if (all && name.size > 0) {
        return call_refuse(call, STATUS_INVALID, "namespace, all: only one of them");
    }
    status = all ? take_all(call, &ids, &count) : take_one(call, name, &ids, &count);
    if (status == STATUS_OK) {
        status = dispatch_rotate(call->dispatch, &as, (enum rotated_key)purpose, ids, count, all,
                                 &call->fault);
    }
    return status == STATUS_OK ? call_begin_reply(call, 1, 0) : status;
}

/* ---- how far ---- */

struct page {
    struct vault_key_state *keys; /* PAGE_KEYS */
    size_t count;
    bool rotates;
    struct vault_rekey_progress progress;
    uint64_t next; /* namespace */
};

static enum status
fill_page(struct call *call, struct page *page)
{
    const struct dispatch_parts *parts = &call->dispatch->parts;
    enum status status = STATUS_OK;

    /* Namespaces are numbered from 1, without gaps. */
    while (status == STATUS_OK && page->next <= access_namespace_count(parts->access) &&
           page->count + KEYS_OF_NAMESPACE_MAX <= PAGE_KEYS) {
        const struct namespace_row *row = access_namespace_at(parts->access, page->next++ - 1);
        uint32_t id = row->id;
        size_t count = 0;

        if (!row->shredded && may_keys_of(call, id)) {
            status =
                vault_keys_of(parts->vault, id, page->keys + page->count, &count, &page->progress);
        }
        for (size_t i = 0; i < count; i++) {
            page->rotates |= !page->keys[page->count + i].active;
        }
        page->count += count;
    }
    return status;
}

static const char *
state_of(const struct rekeying *rekeying, const struct page *page)
{
    if (!page->rotates) {
        return "idle";
    }
    return atomic_load(&rekeying->idle) && atomic_load(&rekeying->stuck) > 0 ? "stuck" : "running";
}

static void
write_key(struct call *call, const struct vault_key_state *key)
{
    const struct dispatch_parts *parts = &call->dispatch->parts;
    const struct namespace_row *row = access_namespace_by_id(parts->access, key->key.namespace_id);
    const struct vault_horizon horizon = vault_horizon_of(parts->vault, row->id);
    uint64_t due_ms = dispatch_key_due_ms(call->dispatch, key);

    message_begin(&call->reply, 7U + (horizon.keys_ms > 0) + (due_ms > 0));
    message_put_uint(&call->reply, FIELD_PURPOSE, key->key.purpose);
    message_put_text(&call->reply, FIELD_NAMESPACE, row->name);
    message_put_uint(&call->reply, FIELD_NUMBER, key->key.number);
    message_put_text(&call->reply, FIELD_STATE, key->active ? "active" : "retired");
    message_put_uint(&call->reply, FIELD_CONTACTS, key->records);
    message_put_uint(&call->reply, FIELD_CREATED, key->created_ms);
    if (horizon.keys_ms > 0) {
        message_put_uint(&call->reply, FIELD_UNTIL, horizon.keys_ms);
    }
    message_put_uint(&call->reply, FIELD_HORIZON, horizon.pages_ms);
    if (due_ms > 0) {
        message_put_uint(&call->reply, FIELD_DUE, due_ms);
    }
}

/* What only admins are told: of the whole vault. */
struct whole {
    uint64_t horizon_ms; /* of old pages, shredded namespaces too */
    uint64_t left;       /* contacts of shredded namespaces, to be swept */
};

static enum status
look_at_whole(struct call *call, struct whole *ret_whole)
{
    const struct dispatch_parts *parts = &call->dispatch->parts;
    enum status status = STATUS_OK;

    *ret_whole = (struct whole){.horizon_ms = VAULT_HORIZON_ALL};
    for (size_t i = 0; status == STATUS_OK && i < access_namespace_count(parts->access); i++) {
        const struct namespace_row *row = access_namespace_at(parts->access, i);
        uint64_t pages_ms = vault_horizon_of(parts->vault, row->id).pages_ms;
        uint64_t contacts = 0;
        bool swept = true;

        if (pages_ms < ret_whole->horizon_ms) {
            ret_whole->horizon_ms = pages_ms;
        }
        if (row->shredded) {
            status = vault_sweep_left(parts->vault, row->id, &contacts, &swept);
            ret_whole->left += swept ? 0 : contacts;
        }
    }
    return status;
}

static void
write_whole(struct call *call, const struct whole *whole)
{
    message_put_uint(&call->reply, FIELD_HORIZON, whole->horizon_ms);
    message_put_uint(&call->reply, FIELD_CREATED, vault_root_since(call->dispatch->parts.vault));
    message_put_uint(&call->reply, FIELD_LEFT, whole->left);
}

enum status
op_key_status(struct call *call)
{
    const struct access *access = call->dispatch->parts.access;
    bool tells_whole = access_may(access, call->principal, MAY_ADMINISTER, 0);
    struct page page = {.next = 1};
    struct whole whole = {0};
    enum status status;

    call->would_wait = call->mode == DISPATCH_NO_WAIT;
    if (call->would_wait) {
        return STATUS_BUSY;
    }
    page.keys = scratch_alloc(call->scratch, PAGE_KEYS * sizeof *page.keys);
    if (page.keys == NULL) {
        return call_refuse(call, STATUS_UNAVAILABLE, "no memory");
    }
    (void)!message_uint(call->request, FIELD_FROM, &page.next);
    page.next = page.next == 0 ? 1 : page.next;
    status = fill_page(call, &page);
    if (status == STATUS_OK && tells_whole) {
        status = look_at_whole(call, &whole);
    }
    if (status == STATUS_OK) {
        status =
            call_begin_reply(call, 4U + (page.rotates ? 2 : 0) + (tells_whole ? 3 : 0), page.count);
    }
    if (status != STATUS_OK) {
        return status;
    }
    message_put_text(&call->reply, FIELD_STATE, state_of(&call->dispatch->chores.rekeying, &page));
    if (page.rotates) {
        message_put_uint(&call->reply, FIELD_DONE, page.progress.done);
        message_put_uint(&call->reply, FIELD_TOTAL, page.progress.total);
    }
    if (tells_whole) {
        write_whole(call, &whole);
    }
    message_put_uint(&call->reply, FIELD_NEXT, page.next);
    message_put_list(&call->reply, FIELD_ITEMS, page.count);
    for (size_t i = 0; i < page.count; i++) {
        write_key(call, &page.keys[i]);
    }
    return STATUS_OK;
}
