/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bounds.h"

/* DESIGN.md, "Records", "Token rows and blind index", "Meta rows". */
enum {
    COUNTS_MAX = 256,
    RECORD_VERSION = 2,
    HEADER_BYTES = 28,
    MONTH_BYTES = 2,
    PAD_BYTES = 32,
    INNER_HEAD_BYTES = 5,
    INNER_MAX = 1024,
    ROW_BYTES = 8,
    INDEX_BYTES = 4 + 4 + 1 + BLIND_INDEX_BYTES,
    CANONICAL_VERSION = 1,
    PREFIX_BYTES = 6, /* of "epoch/" and "count/" */
    EPOCH_ROW_BYTES = 12,
    COUNT_LINE_BYTES = 1 + 4 + 8,
};

/* Of records under a data key, of rows under an index key. */
struct key_count {
    struct key_name name;
    uint64_t rows;
};

struct look {
    const struct keyring *keyring;
    struct store_txn *txn;
    char *fault;
    uint64_t records;
    uint64_t leading;  /* rows of the table that is scanned */
    uint64_t expected; /* contacts, by the count rows */
    struct key_count counts[COUNTS_MAX];
    size_t count;
};

static enum status
wrong(struct look *look, const char *what, struct bytes key)
{
    (void)snprintf(look->fault, VAULT_ROWS_FAULT_BYTES, "%s (a key of %zu bytes, ending %02x)",
                   what, key.size, key.size > 0 ? key.data[key.size - 1] : 0);
    return STATUS_CORRUPT;
}

static bool
same_key(struct key_name a, struct key_name b)
{
    return a.purpose == b.purpose && a.namespace_id == b.namespace_id && a.number == b.number;
}

static struct key_count *
count_of(struct look *look, struct key_name name)
{
    for (size_t i = 0; i < look->count; i++) {
        if (same_key(look->counts[i].name, name)) {
            return &look->counts[i];
        }
    }
    if (look->count == COUNTS_MAX) {
        return NULL;
    }
    look->counts[look->count].name = name;
    return &look->counts[look->count++];
}

static bool
leads_to(struct look *look, enum store_table table, struct bytes key, struct bytes row)
{
    struct bytes found;

    return store_get(look->txn, table, key, &found) == STATUS_OK && bytes_equal(found, row);
}

static bool
meta_of(struct look *look, const char *prefix, uint32_t namespace_id, struct bytes *ret_value)
{
    uint8_t key[PREFIX_BYTES + 4];

    memcpy(key, prefix, PREFIX_BYTES);
    put_u32(key + PREFIX_BYTES, namespace_id);
    return store_get(look->txn, STORE_META, bytes_of(key, sizeof key), ret_value) == STATUS_OK;
}

/* The record's plaintext; its canonical form. */
static bool
opens(struct look *look, struct bytes key, struct bytes record, uint8_t *inner,
      struct bytes *ret_canonical)
{
    uint8_t associated[VAULT_ID_BYTES + ROW_BYTES + HEADER_BYTES];
    struct key_name name = {KEY_DATA, get_u32(record.data + 8), get_u32(record.data + 4)};
    struct bytes box =
        bytes_of(record.data + HEADER_BYTES, record.size - HEADER_BYTES - MONTH_BYTES);

    memcpy(associated, keyring_vault_id(look->keyring), VAULT_ID_BYTES);
    memcpy(associated + VAULT_ID_BYTES, key.data, ROW_BYTES);
    memcpy(associated + VAULT_ID_BYTES + ROW_BYTES, record.data, HEADER_BYTES);
    *ret_canonical = bytes_of(inner + INNER_HEAD_BYTES, 0);
    if (keyring_decrypt(look->keyring, name, bytes_of(associated, sizeof associated), box, inner) !=
        STATUS_OK) {
        return false;
    }
    ret_canonical->size = inner[0];
    return true;
}

static bool
is_indexed(struct look *look, struct bytes row, enum contact_kind kind, uint32_t namespace_id,
           struct bytes canonical)
{
    uint8_t key[INDEX_BYTES];
    struct bytes epoch;
    struct key_name name = {KEY_INDEX, namespace_id, 0};

    if (!meta_of(look, "epoch/", namespace_id, &epoch) || epoch.size != EPOCH_ROW_BYTES) {
        return false;
    }
    name.number = get_u32(epoch.data + 4);
    put_u32(key, namespace_id);
    put_u32(key + 4, name.number);
    key[8] = (uint8_t)kind;
    return keyring_blind_index(look->keyring, name, CANONICAL_VERSION, kind, canonical, key + 9) ==
               STATUS_OK &&
           leads_to(look, STORE_INDEX, bytes_of(key, sizeof key), row);
}

static enum status
visit_record(void *state, struct bytes key, struct bytes record)
{
    struct look *look = state;
    uint8_t inner[INNER_MAX];
    struct bytes canonical;
    struct key_count *count;
    size_t sealed = record.size - HEADER_BYTES - KEYRING_BOX_EXTRA - MONTH_BYTES;

    if (key.size != ROW_BYTES || record.size < HEADER_BYTES + KEYRING_BOX_EXTRA + MONTH_BYTES ||
        sealed % PAD_BYTES != 0 || sealed > INNER_MAX || record.data[0] != RECORD_VERSION) {
        return wrong(look, "no record of this version", key);
    }
    if (!opens(look, key, record, inner, &canonical)) {
        return wrong(look, "a record that does not open", key);
    }
    if (!leads_to(look, STORE_TOKEN, bytes_of(record.data + 12, TOKEN_BYTES), key)) {
        return wrong(look, "a record without its token row", key);
    }
    if (!is_indexed(look, key, (enum contact_kind)record.data[2], get_u32(record.data + 8),
                    canonical)) {
        return wrong(look, "a record without its index row", key);
    }
    count = count_of(
        look, (struct key_name){KEY_DATA, get_u32(record.data + 8), get_u32(record.data + 4)});
    if (count == NULL) {
        return wrong(look, "too many keys", key);
    }
    count->rows++;
    look->records++;
    return STATUS_OK;
}

static enum status
visit_leading(void *state, struct bytes key, struct bytes row)
{
    struct look *look = state;
    struct bytes record;

    look->leading++;
    return store_get(look->txn, STORE_RECORD, row, &record) == STATUS_OK
               ? STATUS_OK
               : wrong(look, "a row that leads to no record", key);
}

/* Of the generation in force there is one row a contact; of the other one, while the key rotates,
 * one at the most. */
static enum status
visit_index(void *state, struct bytes key, struct bytes row)
{
    struct look *look = state;
    struct bytes epoch;
    struct key_count *count;
    struct key_name name = {KEY_INDEX, get_u32(key.data), get_u32(key.data + 4)};
    enum status status;

    if (key.size != INDEX_BYTES || !meta_of(look, "epoch/", name.namespace_id, &epoch) ||
        epoch.size != EPOCH_ROW_BYTES) {
        return wrong(look, "an index row of no namespace", key);
    }
    count = count_of(look, name);
    if (count == NULL ||
        (name.number != get_u32(epoch.data + 4) && name.number != get_u32(epoch.data + 8))) {
        return wrong(look, "an index row of no generation", key);
    }
    count->rows++;
    status = visit_leading(state, key, row);
    look->leading -= name.number != get_u32(epoch.data + 4);
    return status;
}

static enum status
visit_count(void *state, struct bytes key, struct bytes value)
{
    struct look *look = state;

    if (key.size != PREFIX_BYTES + 4 || value.size < 1 || value.data[0] != 1 ||
        (value.size - 1) % COUNT_LINE_BYTES != 0) {
        return wrong(look, "no count row", key);
    }
    for (const uint8_t *at = value.data + 1; at < bytes_end(value); at += COUNT_LINE_BYTES) {
        struct key_name name = {at[0], get_u32(key.data + PREFIX_BYTES), get_u32(at + 1)};
        struct key_count *count = count_of(look, name);

        /* Of index rows one may have been lost, in a test, and its count with it. */
        if (count == NULL || count->rows > get_u64(at + 5) ||
            (name.purpose == KEY_DATA && count->rows != get_u64(at + 5))) {
            return wrong(look, "a count that is not that of the rows", key);
        }
        look->expected += name.purpose == KEY_DATA ? count->rows : 0;
    }
    return STATUS_OK;
}

/* Every record has its own row in the table; as many rows as records: there are no others. */
static enum status
check_leading(struct look *look, enum store_table table, store_visit *visit, const char *fault)
{
    enum status status;

    look->leading = 0;
    status = store_scan(look->txn, table, (struct bytes){0}, (struct bytes){0}, visit, look);
    return status == STATUS_OK && look->leading != look->records
               ? wrong(look, fault, (struct bytes){0})
               : status;
}

static enum status
look_step(struct store_txn *txn, void *state)
{
    struct look *look = state;
    enum status status;

    look->txn = txn;
    status =
        store_scan(txn, STORE_RECORD, (struct bytes){0}, (struct bytes){0}, visit_record, look);
    if (status == STATUS_OK) {
        status = check_leading(look, STORE_TOKEN, visit_leading, "more token rows than records");
    }
    if (status == STATUS_OK) {
        status = check_leading(look, STORE_INDEX, visit_index, "more index rows than records");
    }
    if (status == STATUS_OK) {
        status = store_scan(txn, STORE_META, bytes_of_text("count/"), bytes_of_text("count0"),
                            visit_count, look);
    }
    if (status == STATUS_OK && look->expected != look->records) {
        status = wrong(look, "a namespace without a count", (struct bytes){0});
    }
    return status;
}

bool
vault_rows_are_whole(struct store *store, const struct keyring *keyring,
                     char ret_fault[static VAULT_ROWS_FAULT_BYTES], uint64_t *ret_contacts)
{
    struct look look = {.keyring = keyring, .fault = ret_fault};

    (void)snprintf(ret_fault, VAULT_ROWS_FAULT_BYTES, "the store cannot be read");
    if (store_view(store, look_step, &look) != STATUS_OK) {
        return false;
    }
    *ret_contacts = look.records;
    return true;
}

uint64_t
vault_rows_count(struct store *store, const struct keyring *keyring)
{
    char fault[VAULT_ROWS_FAULT_BYTES];
    uint64_t contacts = 0;

    if (!vault_rows_are_whole(store, keyring, fault, &contacts)) {
        fail_msg("%s", fault);
    }
    return contacts;
}
