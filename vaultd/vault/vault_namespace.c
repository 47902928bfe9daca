/* SPDX-License-Identifier: Apache-2.0 */
/* What the store knows of a namespace: the epochs it writes under, and how much there is of what
 * (DESIGN.md, "Meta rows"). */
#include "vault_internal.h"

enum {
    NAMESPACE_KEY_BYTES = 6 + 4, /* "epoch/" or "count/", then the namespace's id */
    EPOCH_ROW_BYTES = 12,
    FIRST_NUMBER = 1, /* of epochs and generations */
    COUNT_VERSION = 1,
    COUNT_LINE_BYTES = 1 + 4 + 8,
    COUNT_ROW_BYTES_MAX = 1 + VAULT_COUNTS_MAX * COUNT_LINE_BYTES,
};

static struct bytes
namespace_key(const char *prefix, uint32_t namespace_id, uint8_t to[static NAMESPACE_KEY_BYTES])
{
    memcpy(to, prefix, NAMESPACE_KEY_BYTES - 4);
    put_u32(to + NAMESPACE_KEY_BYTES - 4, namespace_id);
    return bytes_of(to, NAMESPACE_KEY_BYTES);
}

/* ---- epochs ---- */

enum status
vault_epoch_read(struct store_txn *txn, uint32_t namespace_id, struct vault_epoch *ret_epoch)
{
    uint8_t key[NAMESPACE_KEY_BYTES];
    struct bytes row;
    enum status status =
        store_get(txn, STORE_META, namespace_key("epoch/", namespace_id, key), &row);

    if (status == STATUS_OK && row.size != EPOCH_ROW_BYTES) {
        status = STATUS_CORRUPT;
    }
    if (status == STATUS_OK) {
        *ret_epoch = (struct vault_epoch){.data = get_u32(row.data),
                                          .index = get_u32(row.data + 4),
                                          .index_other = get_u32(row.data + 8)};
    }
    return status;
}

enum status
vault_epoch_write(struct store_txn *txn, uint32_t namespace_id, const struct vault_epoch *epoch)
{
    uint8_t key[NAMESPACE_KEY_BYTES];
    uint8_t row[EPOCH_ROW_BYTES];

    put_u32(row, epoch->data);
    put_u32(row + 4, epoch->index);
    put_u32(row + 8, epoch->index_other);
    return store_put(txn, STORE_META, STORE_REPLACE, namespace_key("epoch/", namespace_id, key),
                     bytes_of(row, sizeof row));
}

/* ---- counts ---- */

static enum status
parse_counts(struct bytes row, struct vault_counts *ret_counts)
{
    if (row.size < 1 || row.size > COUNT_ROW_BYTES_MAX || row.data[0] != COUNT_VERSION ||
        (row.size - 1) % COUNT_LINE_BYTES != 0) {
        return STATUS_CORRUPT;
    }
    ret_counts->count = (row.size - 1) / COUNT_LINE_BYTES;
    for (size_t i = 0; i < ret_counts->count; i++) {
        const uint8_t *at = row.data + 1 + i * COUNT_LINE_BYTES;

        ret_counts->lines[i] = (struct vault_count_line){
            .purpose = (enum key_purpose)at[0], .number = get_u32(at + 1), .rows = get_u64(at + 5)};
    }
    return STATUS_OK;
}

enum status
vault_counts_read(struct store_txn *txn, uint32_t namespace_id, struct vault_counts *ret_counts)
{
    uint8_t key[NAMESPACE_KEY_BYTES];
    struct bytes row;
    enum status status =
        store_get(txn, STORE_META, namespace_key("count/", namespace_id, key), &row);

    if (status == STATUS_NOT_FOUND) {
        ret_counts->count = 0;
        return STATUS_OK;
    }
    return status == STATUS_OK ? parse_counts(row, ret_counts) : status;
}

static enum status
write_counts(struct store_txn *txn, uint32_t namespace_id, const struct vault_counts *counts)
{
    uint8_t key[NAMESPACE_KEY_BYTES];
    uint8_t row[COUNT_ROW_BYTES_MAX];
    uint8_t *at = row;

    *at++ = COUNT_VERSION;
    for (size_t i = 0; i < counts->count; i++, at += COUNT_LINE_BYTES) {
        at[0] = (uint8_t)counts->lines[i].purpose;
        put_u32(at + 1, counts->lines[i].number);
        put_u64(at + 5, counts->lines[i].rows);
    }
    return store_put(txn, STORE_META, STORE_REPLACE, namespace_key("count/", namespace_id, key),
                     bytes_of(row, (size_t)(at - row)));
}

static bool
comes_before(const struct vault_count_line *line, enum key_purpose purpose, uint32_t number)
{
    return line->purpose < purpose || (line->purpose == purpose && line->number < number);
}

/* The line of that key, made if need be; NULL: there is no more room. */
static struct vault_count_line *
line_of(struct vault_counts *counts, enum key_purpose purpose, uint32_t number)
{
    size_t at = 0;

    while (at < counts->count && comes_before(&counts->lines[at], purpose, number)) {
        at++;
    }
    if (at < counts->count && counts->lines[at].purpose == purpose &&
        counts->lines[at].number == number) {
        return &counts->lines[at];
    }
    if (counts->count == VAULT_COUNTS_MAX) {
        return NULL;
    }
    memmove(&counts->lines[at + 1], &counts->lines[at],
            (counts->count - at) * sizeof counts->lines[0]);
    counts->count++;
    counts->lines[at] = (struct vault_count_line){.purpose = purpose, .number = number};
    return &counts->lines[at];
}

static void
drop_empty(struct vault_counts *counts)
{
    size_t kept = 0;

    for (size_t i = 0; i < counts->count; i++) {
        if (counts->lines[i].rows > 0) {
            counts->lines[kept++] = counts->lines[i];
        }
    }
    counts->count = kept;
}

enum status
vault_counts_change(struct store_txn *txn, uint32_t namespace_id,
                    const struct vault_count_change *changes, size_t count)
{
    struct vault_counts counts;
    enum status status = vault_counts_read(txn, namespace_id, &counts);

    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        struct vault_count_line *line = line_of(&counts, changes[i].purpose, changes[i].number);
        int64_t by = changes[i].by;

        if (line == NULL) {
            return STATUS_CORRUPT;
        }
        /* Somebody may have altered the row: a wrong count shall not keep a contact from going. */
        line->rows = by < 0 && line->rows < -(uint64_t)by ? 0 : line->rows + (uint64_t)by;
        drop_empty(&counts);
    }
    return status == STATUS_OK ? write_counts(txn, namespace_id, &counts) : status;
}

uint64_t
vault_counts_of(const struct vault_counts *counts, enum key_purpose purpose, uint32_t number)
{
    uint64_t rows = 0;

    for (size_t i = 0; i < counts->count; i++) {
        const struct vault_count_line *line = &counts->lines[i];

        if (line->purpose == purpose && (number == 0 || line->number == number)) {
            rows += line->rows;
        }
    }
    return rows;
}

enum status
vault_namespace_forget(struct store_txn *txn, uint32_t namespace_id)
{
    uint8_t epoch[NAMESPACE_KEY_BYTES];
    uint8_t count[NAMESPACE_KEY_BYTES];
    const struct bytes keys[] = {namespace_key("epoch/", namespace_id, epoch),
                                 namespace_key("count/", namespace_id, count)};

    return store_delete_many(txn, STORE_META, keys, sizeof keys / sizeof keys[0]);
}

struct count_state {
    uint32_t namespace_id;
    struct vault_counts counts;
};

static enum status
count_step(struct store_txn *txn, void *state)
{
    struct count_state *wanted = state;

    return vault_counts_read(txn, wanted->namespace_id, &wanted->counts);
}

enum status
vault_count(struct vault *vault, uint32_t namespace_id, uint64_t *ret_contacts)
{
    struct count_state state = {.namespace_id = namespace_id};
    enum status status = store_view(vault->store, count_step, &state);

    if (status == STATUS_OK) {
        *ret_contacts = vault_counts_of(&state.counts, KEY_DATA, 0);
    }
    return status;
}

/* ---- making one ---- */

static enum status
namespace_step(struct store_txn *txn, void *state)
{
    const uint32_t *namespace_id = state;
    const struct vault_epoch epoch = {.data = FIRST_NUMBER, .index = FIRST_NUMBER};
    struct vault_epoch found;
    enum status status = vault_epoch_read(txn, *namespace_id, &found);

    if (status != STATUS_NOT_FOUND) {
        return status;
    }
    status = vault_epoch_write(txn, *namespace_id, &epoch);
    return status == STATUS_OK ? vault_counts_change(txn, *namespace_id, NULL, 0) : status;
}

enum status
vault_namespace_create(struct vault *vault, uint32_t namespace_id)
{
    const struct key_name names[] = {
        {KEY_DATA, namespace_id, FIRST_NUMBER},
        {KEY_INDEX, namespace_id, FIRST_NUMBER},
    };
    enum status status = STATUS_OK;

    if (!keyring_has(vault->keyring, names[0])) {
        status = vault_keys_add(vault, names, sizeof names / sizeof names[0]);
    }
    if (status == STATUS_OK) {
        status = store_update(vault->store, namespace_step, &namespace_id);
    }
    return status;
}
