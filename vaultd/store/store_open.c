/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing: is it a store, of this version, and where do its numbers go on? */
#include <stdlib.h>

#include "log.h"
#include "store_internal.h"

enum {
    FORMAT_VERSION = 1,
    ROW_KEY_BYTES = 8,
};

static const uint8_t format[] = {'c', 'v', 's', 't', 'o', 'r', 'e', FORMAT_VERSION};

static enum status
refuse(int line)
{
    LOG(LOG_LEVEL_ERROR, EVENT_STORE_FAILED, F_STATUS("status", STATUS_CORRUPT), F("line", line));
    return STATUS_CORRUPT;
}

/* Without a format row it is new, and then it has no row at all. */
static enum status
check_is_empty(struct store *store, struct store_engine_txn *engine)
{
    for (int table = 0; table < STORE_TABLES; table++) {
        struct bytes key;
        enum status status = store->backend->last_key(engine, (enum store_table)table, &key);

        if (status != STATUS_NOT_FOUND) {
            return status == STATUS_OK ? refuse(__LINE__) : status;
        }
    }
    return STATUS_OK;
}

/* Row numbers go on behind the last one given, even if its row has been deleted since. */
static enum status
read_changes(struct store *store, struct store_engine_txn *engine, struct bytes changes)
{
    struct bytes last;
    enum status status = store->backend->last_key(engine, STORE_RECORD, &last);

    store->next_row = 1;
    if (status == STATUS_OK && last.size == ROW_KEY_BYTES) {
        store->next_row = get_u64(last.data) + 1;
    }
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        return status;
    }
    if (changes.data == NULL) {
        return STATUS_OK;
    }
    if (changes.size != STORE_CHANGES_BYTES) {
        return refuse(__LINE__);
    }
    atomic_store(&store->changes, get_u64(changes.data));
    if (get_u64(changes.data + sizeof(uint64_t)) > store->next_row) {
        store->next_row = get_u64(changes.data + sizeof(uint64_t));
    }
    return STATUS_OK;
}

static enum status
read_compacted(struct store *store, struct bytes compacted)
{
    if (compacted.data != NULL && compacted.size != STORE_COMPACTED_BYTES) {
        return refuse(__LINE__);
    }
    if (compacted.data != NULL) {
        atomic_store(&store->compaction.made, get_u64(compacted.data));
    }
    return STATUS_OK;
}

static enum status
read_meta(struct store *store, bool *ret_is_new)
{
    const struct bytes keys[] = {bytes_of_text(STORE_FORMAT_KEY), bytes_of_text(STORE_CHANGES_KEY),
                                 bytes_of_text(STORE_COMPACTED_KEY)};
    struct bytes values[3] = {{.data = NULL}};
    struct store_engine_txn *engine = NULL;
    enum status status = store->backend->begin(store->engine, false, &engine);

    if (status != STATUS_OK) {
        return status;
    }
    status = store->backend->get_many(engine, STORE_META, keys, 3, values);
    *ret_is_new = values[0].data == NULL;
    if (status == STATUS_OK && *ret_is_new) {
        status = check_is_empty(store, engine);
    } else if (status == STATUS_OK && !bytes_equal(values[0], bytes_of(format, sizeof format))) {
        status = refuse(__LINE__);
    }
    if (status == STATUS_OK) {
        status = read_changes(store, engine, values[1]);
    }
    if (status == STATUS_OK) {
        status = read_compacted(store, values[2]);
    }
    store->backend->end(engine);
    return status;
}

static enum status
write_format(struct store *store)
{
    struct store_row row = {.table = STORE_META,
                            .key = bytes_of_text(STORE_FORMAT_KEY),
                            .value = bytes_of(format, sizeof format)};
    struct store_engine_txn *engine = NULL;
    enum status status = store->backend->begin(store->engine, true, &engine);

    if (status != STATUS_OK) {
        return status;
    }
    status = store->backend->apply(engine, &row, 1);
    if (status != STATUS_OK) {
        store->backend->end(engine);
        return status;
    }
    return store->backend->commit(engine, false) == STATUS_OK ? STATUS_OK : STATUS_UNAVAILABLE;
}

enum status
store_open_with(const struct store_backend *backend, const struct store_options *options,
                struct store **ret_store)
{
    struct store *store = calloc(1, sizeof *store);
    bool is_new = false;
    enum status status;

    if (store == NULL) {
        return STATUS_INTERNAL;
    }
    store->backend = backend;
    store->queue_end = &store->queue;
    (void)pthread_mutex_init(&store->lock, NULL);
    (void)pthread_mutex_init(&store->compaction.lock, NULL);
    store->writes = store_writes_new();
    status = store->writes == NULL ? STATUS_INTERNAL : backend->open(options, &store->engine);
    if (status == STATUS_OK) {
        status = read_meta(store, &is_new);
    }
    if (status == STATUS_OK && is_new) {
        status = write_format(store);
    }
    if (status == STATUS_OK) {
        *ret_store = store;
        store = NULL;
    }
    store_close(&store);
    return status;
}

enum status
store_open(const struct store_options *options, struct store **ret_store)
{
    return store_open_with(&store_lmdb_backend, options, ret_store);
}

void
store_close(struct store **store)
{
    if (*store != NULL) {
        store_compact_abandon(*store);
        (*store)->backend->close((*store)->engine);
        store_writes_free(&(*store)->writes);
        (void)pthread_mutex_destroy(&(*store)->compaction.lock);
        (void)pthread_mutex_destroy(&(*store)->lock);
        free(*store);
        *store = NULL;
    }
}
