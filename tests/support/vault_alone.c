/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_alone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <sodium.h>

#include "vault_rows.h"

enum { ROW_BYTES = 8, MAP_BYTES = 1 << 30 };

static void
must(enum status status)
{
    if (status != STATUS_OK) {
        (void)fprintf(stderr, "vault_alone: %s\n", status_name(status));
        abort();
    }
}

/* ---- making, opening ---- */

static enum status
open_store(const struct alone *alone, struct store **ret_store)
{
    char path[FOLDER_PATH_BYTES];

    folder_join(alone->folder, "store", path);
    (void)mkdir(path, 0700);
    return store_open_with(
        alone->backend, &(struct store_options){.folder = path, .map_bytes = MAP_BYTES}, ret_store);
}

enum status
alone_open(struct alone *alone)
{
    char path[FOLDER_PATH_BYTES];
    enum status status;

    folder_join(alone->folder, "keyring", path);
    status = keyring_open(path, &alone->keyring);
    if (status == STATUS_OK) {
        status = open_store(alone, &alone->store);
    }
    if (status == STATUS_OK) {
        status = vault_open(alone->store, alone->keyring, alone->fault, &alone->vault);
    }
    return status == STATUS_OK ? vault_unseal(alone->vault, alone->root) : status;
}

void
alone_close(struct alone *alone)
{
    vault_close(&alone->vault);
    store_close(&alone->store);
    keyring_close(&alone->keyring);
}

void
alone_make(struct alone *alone, const struct store_backend *backend)
{
    char path[FOLDER_PATH_BYTES];
    uint8_t id[VAULT_ID_BYTES];

    *alone = (struct alone){.backend = backend};
    must(sodium_init() < 0 ? STATUS_INTERNAL : STATUS_OK);
    folder_make(alone->folder);
    must(secret_new(ROOT_KEY_BYTES, &alone->root));
    randombytes_buf(secret_write(alone->root), ROOT_KEY_BYTES);
    secret_freeze(alone->root);
    randombytes_buf(id, sizeof id);
    folder_join(alone->folder, "keyring", path);
    must(keyring_create(path, id, alone->root, NULL));
    must(keyring_open(path, &alone->keyring));
    must(open_store(alone, &alone->store));
    must(vault_create(alone->store, alone->keyring, id));
    alone_close(alone);
    must(alone_open(alone));
    must(vault_namespace_create(alone->vault, ALONE_NAMESPACE));
    must(vault_namespace_create(alone->vault, ALONE_OTHER_NAMESPACE));
    must(scratch_new(&alone->scratch));
}

void
alone_remove(struct alone *alone)
{
    scratch_free(&alone->scratch);
    alone_close(alone);
    secret_free(&alone->root);
    folder_remove(alone->folder);
}

/* ---- one contact ---- */

struct vault_place
alone_tokenize(struct alone *alone, const char *text)
{
    struct vault_item item = {.text = bytes_of_text(text)};
    struct vault_place place = {.status = STATUS_INTERNAL};

    assert_int_equal(
        vault_tokenize(alone->vault, alone->scratch, ALONE_NAMESPACE, FORM_INTERNATIONAL, &item, 1),
        STATUS_OK);
    assert_int_equal(item.status, STATUS_OK);
    place.token = item.token;
    place.kind = item.kind;
    assert_int_equal(alone_locate(alone, &place), STATUS_OK);
    return place;
}

enum status
alone_lookup(struct alone *alone, const char *text)
{
    struct vault_item item = {.text = bytes_of_text(text)};

    assert_int_equal(
        vault_lookup(alone->vault, alone->scratch, ALONE_NAMESPACE, FORM_INTERNATIONAL, &item, 1),
        STATUS_OK);
    return item.status;
}

enum status
alone_locate(struct alone *alone, struct vault_place *place)
{
    assert_int_equal(vault_locate(alone->vault, place, 1), STATUS_OK);
    return place->status;
}

enum status
alone_erase(struct alone *alone, struct vault_place place)
{
    enum status status = vault_erase(alone->vault, alone->scratch, &place, 1);

    return status == STATUS_OK ? place.status : status;
}

enum status
alone_reveal(struct alone *alone, const struct vault_place *place, char *ret_text)
{
    struct audit_receipt receipt = {.sequence = 1};
    struct bytes contact;
    enum status status;

    memcpy(receipt.token, place->token.bytes, TOKEN_BYTES);
    status = vault_reveal(alone->vault, alone->scratch, &receipt, place, &contact);
    if (status == STATUS_OK) {
        memcpy(ret_text, contact.data, contact.size);
        ret_text[contact.size] = '\0';
    }
    return status;
}

uint64_t
alone_count(struct alone *alone)
{
    return vault_rows_count(alone->store, alone->keyring);
}

/* ---- rows ---- */

struct row {
    enum store_table table;
    struct bytes key;
    struct bytes value;
};

static enum status
put_step(struct store_txn *txn, void *state)
{
    const struct row *row = state;

    return row->value.data == NULL
               ? store_delete_many(txn, row->table, &row->key, 1)
               : store_put(txn, row->table, STORE_REPLACE, row->key, row->value);
}

void
alone_put(struct alone *alone, enum store_table table, struct bytes key, struct bytes value)
{
    struct row row = {table, key, value};

    must(store_update(alone->store, put_step, &row));
}

struct record {
    uint8_t key[ROW_BYTES];
    uint8_t *to;
    size_t size;
};

static enum status
record_step(struct store_txn *txn, void *state)
{
    struct record *record = state;
    struct bytes found;
    enum status status =
        store_get(txn, STORE_RECORD, bytes_of(record->key, sizeof record->key), &found);

    if (status == STATUS_OK) {
        memcpy(record->to, found.data, found.size);
        record->size = found.size;
    }
    return status;
}

size_t
alone_record(struct alone *alone, const struct vault_place *place, uint8_t *ret_record)
{
    struct record record = {.to = ret_record};

    put_u64(record.key, place->row);
    must(store_view(alone->store, record_step, &record));
    return record.size;
}

void
alone_put_record(struct alone *alone, const struct vault_place *place, const uint8_t *record,
                 size_t size)
{
    uint8_t key[ROW_BYTES];

    put_u64(key, place->row);
    alone_put(alone, STORE_RECORD, bytes_of(key, sizeof key), bytes_of(record, size));
}

struct index_search {
    uint64_t row;
    uint8_t *to;
    size_t size;
};

static enum status
visit_index(void *state, struct bytes key, struct bytes value)
{
    struct index_search *search = state;

    if (value.size == ROW_BYTES && get_u64(value.data) == search->row) {
        memcpy(search->to, key.data, key.size);
        search->size = key.size;
    }
    return STATUS_OK;
}

static enum status
index_step(struct store_txn *txn, void *state)
{
    return store_scan(txn, STORE_INDEX, (struct bytes){0}, (struct bytes){0}, visit_index, state);
}

size_t
alone_index_key(struct alone *alone, const struct vault_place *place, uint8_t *ret_key)
{
    struct index_search search = {.row = place->row, .to = ret_key};

    must(store_view(alone->store, index_step, &search));
    return search.size;
}
