/* SPDX-License-Identifier: Apache-2.0 */
/* Value to token: lookup, which only reads, and tokenize, which makes what is not there. */
#include "vault_internal.h"

#include <sodium.h>

#include "clock.h"
#include "failpoint.h"
#include "scratch.h"
#include "vault_retention.h"
#include "vault_uses.h"

enum { RANDOM_BYTES = TOKEN_BYTES + RECORD_NONCE_BYTES, RETRIES_MAX = 3 };

/* One request's way through the steps. Reset by each step: generation, indexes, found, missing. */
struct search {
    const struct vault *vault;
    uint32_t namespace_id;
    struct vault_item *items;
    size_t count;
    uint8_t *indexes;    /* count x INDEX_KEY_BYTES, made for `generation` */
    uint32_t generation; /* 0: not made yet */
    uint8_t *random;     /* missing x RANDOM_BYTES */
    uint8_t *inner;      /* RECORD_INNER_MAX */
    uint64_t now_ms;     /* one time for the whole request */
    uint16_t month;
    struct vault_epoch epoch;
    size_t missing;    /* what the view did not find */
    uint64_t next_row; /* the next of those allocated by this run of the step */
    const uint8_t *next_random;
    uint64_t made;
};

/* ---- texts to contacts ---- */

static void *
copy_text(struct scratch *scratch, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = scratch_alloc(scratch, size);

    return copy == NULL ? NULL : memcpy(copy, text, size);
}

static enum status
read_item(struct scratch *scratch, enum contact_form form, struct vault_item *item)
{
    struct contact_fault fault = {{0}};
    char mask[MASK_BYTES_MAX + 1];

    item->contact = scratch_alloc(scratch, sizeof *item->contact);
    if (item->contact == NULL) {
        return STATUS_UNAVAILABLE;
    }
    item->status = contact_parse(item->text, form, scratch, item->contact, &fault);
    if (item->status == STATUS_INTERNAL) {
        return STATUS_UNAVAILABLE;
    }
    if (item->status != STATUS_OK) {
        item->contact = NULL;
        item->message = copy_text(scratch, fault.text);
        return item->message == NULL ? STATUS_UNAVAILABLE : STATUS_OK;
    }
    item->kind = item->contact->kind;
    item->status = STATUS_NOT_FOUND;
    item->message = "no token for this contact";
    contact_mask(item->kind, item->contact->canonical, scratch, mask);
    item->mask = copy_text(scratch, mask);
    return item->mask == NULL ? STATUS_UNAVAILABLE : STATUS_OK;
}

static enum status
search_init(struct search *search, struct scratch *scratch, enum contact_form form)
{
    search->now_ms = clock_vault_ms();
    search->month = vault_month(search->now_ms);
    for (size_t i = 0; i < search->count; i++) {
        enum status status = read_item(scratch, form, &search->items[i]);

        if (status != STATUS_OK) {
            return status;
        }
    }
    search->indexes = scratch_alloc(scratch, search->count * INDEX_KEY_BYTES);
    search->inner = scratch_alloc(scratch, RECORD_INNER_MAX);
    return search->indexes == NULL || search->inner == NULL ? STATUS_UNAVAILABLE : STATUS_OK;
}

/* ---- finding ---- */

static bool
is_wanted(const struct vault_item *item)
{
    return item->contact != NULL && item->status == STATUS_NOT_FOUND;
}

static struct bytes
index_key(const struct search *search, size_t i)
{
    return bytes_of(search->indexes + i * INDEX_KEY_BYTES, INDEX_KEY_BYTES);
}

/* The blind index of every contact under the generation in force in this transaction. */
static enum status
make_indexes(struct search *search)
{
    if (search->generation == search->epoch.index) {
        return STATUS_OK;
    }
    for (size_t i = 0; i < search->count; i++) {
        const struct contact *contact = search->items[i].contact;
        enum status status;

        if (contact == NULL) {
            continue;
        }
        status = vault_index_key(search->vault, search->namespace_id, search->epoch.index, contact,
                                 search->indexes + i * INDEX_KEY_BYTES);
        if (status != STATUS_OK) {
            return status;
        }
    }
    search->generation = search->epoch.index;
    return STATUS_OK;
}

/* A hit in the index is believed only when the record it leads to opens and holds this contact. */
static enum status
confirm(struct search *search, struct store_txn *txn, struct bytes row_key, struct vault_item *item)
{
    struct record_opened opened;
    struct bytes record;
    uint64_t row;
    enum status status;

    if (row_key.size != ROW_KEY_BYTES) {
        return STATUS_CORRUPT;
    }
    row = get_u64(row_key.data);
    status = store_get(txn, STORE_RECORD, row_key, &record);
    if (status != STATUS_OK) {
        return status == STATUS_NOT_FOUND ? STATUS_CORRUPT : status;
    }
    status = vault_record_open(search->vault, row, record, search->inner, &opened);
    if (status != STATUS_OK) {
        return status;
    }
    if (opened.header.namespace_id != search->namespace_id ||
        opened.contact.kind != item->contact->kind ||
        !bytes_equal(opened.contact.canonical, item->contact->canonical)) {
        return STATUS_CORRUPT;
    }
    if (opened.header.used_month < search->month) {
        vault_uses_add(search->vault->uses, row);
    }
    item->token = opened.header.token;
    return STATUS_OK;
}

/* Where a contact stands under the other generation, while an index key rotates. */
static enum status
other_index_key(const struct search *search, size_t i, uint8_t to[static INDEX_KEY_BYTES])
{
    return vault_index_key(search->vault, search->namespace_id, search->epoch.index_other,
                           search->items[i].contact, to);
}

/* Under the generation in force, and, so that a contact never gets two tokens whatever became of
 * its rows, under the other one. */
static enum status
get_row_key(const struct search *search, struct store_txn *txn, size_t i, struct bytes *ret_row_key)
{
    uint8_t other[INDEX_KEY_BYTES];
    enum status status = store_get(txn, STORE_INDEX, index_key(search, i), ret_row_key);

    if (status != STATUS_NOT_FOUND || search->epoch.index_other == 0) {
        return status;
    }
    status = other_index_key(search, i, other);
    return status == STATUS_OK
               ? store_get(txn, STORE_INDEX, bytes_of(other, sizeof other), ret_row_key)
               : status;
}

/* OK: the item is settled, one way or the other, if its contact is in the index. */
static enum status
find_item(struct search *search, struct store_txn *txn, size_t i)
{
    struct vault_item *item = &search->items[i];
    struct bytes row_key;
    enum status status = get_row_key(search, txn, i, &row_key);

    if (status == STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        status = confirm(search, txn, row_key, item);
    }
    if (status == STATUS_CORRUPT) {
        item->message = "the stored record does not verify; tell the vault's admin";
    }
    if (status == STATUS_OK || status == STATUS_CORRUPT) {
        item->status = status;
        return STATUS_OK;
    }
    return status;
}

static void
reset_items(struct search *search)
{
    for (size_t i = 0; i < search->count; i++) {
        if (search->items[i].contact != NULL) {
            search->items[i].status = STATUS_NOT_FOUND;
        }
    }
}

static enum status
find_step(struct store_txn *txn, void *state)
{
    struct search *search = state;
    enum status status;

    reset_items(search);
    search->missing = 0;
    status = vault_epoch_read(txn, search->namespace_id, &search->epoch);
    if (status == STATUS_OK) {
        status = make_indexes(search);
    }
    for (size_t i = 0; status == STATUS_OK && i < search->count; i++) {
        if (is_wanted(&search->items[i])) {
            status = find_item(search, txn, i);
            search->missing += is_wanted(&search->items[i]);
        }
    }
    return status;
}

enum status
vault_lookup(struct vault *vault, struct scratch *scratch, uint32_t namespace_id,
             enum contact_form form, struct vault_item *items, size_t count)
{
    struct search search = {
        .vault = vault, .namespace_id = namespace_id, .items = items, .count = count};
    enum status status = search_init(&search, scratch, form);

    return status == STATUS_OK ? store_view(vault->store, find_step, &search) : status;
}

/* ---- making ---- */

/* Is a newer generation being filled? */
static bool
fills_other(const struct search *search)
{
    return search->epoch.index_other > search->epoch.index;
}

static enum status
insert_other(const struct search *search, struct store_txn *txn, size_t i, struct bytes row)
{
    uint8_t other[INDEX_KEY_BYTES];
    enum status status = other_index_key(search, i, other);

    return status == STATUS_OK
               ? store_put(txn, STORE_INDEX, STORE_INSERT, bytes_of(other, sizeof other), row)
               : status;
}

static enum status
insert_rows(const struct search *search, struct store_txn *txn, size_t i, uint64_t row,
            struct bytes record)
{
    const struct vault_item *item = &search->items[i];
    uint8_t row_key[ROW_KEY_BYTES];
    struct bytes row_bytes = vault_row_key(row, row_key);
    enum status status;

    status = store_put(txn, STORE_TOKEN, STORE_INSERT, bytes_of(item->token.bytes, TOKEN_BYTES),
                       row_bytes);
    if (status == STATUS_OK) {
        status = store_put(txn, STORE_RECORD, STORE_INSERT, row_bytes, record);
    }
    if (status == STATUS_OK) {
        status = store_put(txn, STORE_INDEX, STORE_INSERT, index_key(search, i), row_bytes);
    }
    return status == STATUS_OK && fills_other(search) ? insert_other(search, txn, i, row_bytes)
                                                      : status;
}

static enum status
count_made(const struct search *search, struct store_txn *txn)
{
    const struct vault_count_change changes[] = {
        {KEY_DATA, search->epoch.data, (int64_t)search->made},
        {KEY_INDEX, search->epoch.index, (int64_t)search->made},
        {KEY_INDEX, search->epoch.index_other, (int64_t)search->made},
    };

    return vault_counts_change(txn, search->namespace_id, changes, fills_other(search) ? 3 : 2);
}

static enum status
make_item(struct search *search, struct store_txn *txn, size_t i)
{
    uint8_t record[RECORD_BYTES_MAX]; /* sealed bytes only */
    struct vault_item *item = &search->items[i];
    struct record_draft draft = {.row = search->next_row++,
                                 .created_ms = search->now_ms,
                                 .header = {.kind = item->kind,
                                            .epoch = search->epoch.data,
                                            .namespace_id = search->namespace_id,
                                            .used_month = search->month},
                                 .contact = item->contact,
                                 .nonce = search->next_random + TOKEN_BYTES};
    size_t record_size;
    enum status status;

    memcpy(draft.header.token.bytes, search->next_random, TOKEN_BYTES);
    search->next_random += RANDOM_BYTES;
    item->token = draft.header.token;
    status = vault_record_seal(search->vault, &draft, search->inner, record, &record_size);
    if (status == STATUS_OK) {
        status = insert_rows(search, txn, i, draft.row, bytes_of(record, record_size));
    }
    if (status == STATUS_OK) {
        item->status = STATUS_OK;
        search->made++;
    }
    return status;
}

/*
 * Looks once more for what the view did not find: meanwhile another caller may have made it, and so
 * may an earlier item of this very batch. The randomness is drawn anew by each run, so that no run
 * ever seals two things under one nonce.
 */
static enum status
make_step(struct store_txn *txn, void *state)
{
    struct search *search = state;
    size_t most = search->missing;
    enum status status;

    reset_items(search);
    search->made = 0;
    search->next_random = search->random;
    randombytes_buf(search->random, most * RANDOM_BYTES);
    status = vault_epoch_read(txn, search->namespace_id, &search->epoch);
    if (status == STATUS_OK) {
        status = make_indexes(search);
    }
    if (status == STATUS_OK) {
        status = store_allocate(txn, most, &search->next_row);
    }
    for (size_t i = 0; status == STATUS_OK && i < search->count; i++) {
        if (is_wanted(&search->items[i])) {
            status = find_item(search, txn, i);
        }
        if (status == STATUS_OK && is_wanted(&search->items[i])) {
            status = make_item(search, txn, i);
        }
    }
    if (status == STATUS_OK && search->made > 0) {
        status = count_made(search, txn);
    }
    return FAILPOINT("vault_tokenize_conflict") ? STATUS_CONFLICT : status;
}

/* What the view settled is not looked at again. */
static void
keep_missing(struct search *search)
{
    for (size_t i = 0; i < search->count; i++) {
        if (search->items[i].status != STATUS_NOT_FOUND) {
            search->items[i].contact = NULL;
        }
    }
}

enum status
vault_tokenize(struct vault *vault, struct scratch *scratch, uint32_t namespace_id,
               enum contact_form form, struct vault_item *items, size_t count)
{
    struct search search = {
        .vault = vault, .namespace_id = namespace_id, .items = items, .count = count};
    enum status status = search_init(&search, scratch, form);

    if (status == STATUS_OK) {
        status = store_view(vault->store, find_step, &search);
    }
    if (status != STATUS_OK || search.missing == 0) {
        return status;
    }
    keep_missing(&search);
    search.random = scratch_alloc(scratch, search.missing * RANDOM_BYTES);
    if (search.random == NULL) {
        return STATUS_UNAVAILABLE;
    }
    /* CONFLICT: one of the new tokens was drawn before, once in 2^64 vaults; draw again. */
    for (unsigned i = 0; i < RETRIES_MAX; i++) {
        status = store_update(vault->store, make_step, &search);
        if (status != STATUS_CONFLICT) {
            return status;
        }
    }
    return STATUS_INTERNAL;
}

const char *
vault_contact_in_text(struct bytes text)
{
    uint8_t rest[REASON_BYTES_MAX];
    enum contact_kind kind;
    struct token token;

    if (text.size > 0) {
        memcpy(rest, text.data, text.size);
    }
    for (size_t at = 0; at + TOKEN_TEXT_BYTES <= text.size; at++) {
        if (token_parse(bytes_of(text.data + at, TOKEN_TEXT_BYTES), &kind, &token) == STATUS_OK) {
            memset(rest + at, 'x', TOKEN_TEXT_BYTES); /* in which ten digits may stand in a row */
        }
    }
    return contact_in_text(bytes_of(rest, text.size));
}
