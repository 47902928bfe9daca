/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of a shredded namespace go, in steps that the store's reserve carries. */
#include <assert.h>
#include <string.h>

#include "failpoint.h"
#include "vault_internal.h"
#include "vault_rekey_internal.h"
#include "vault_shred.h"

enum sweep_stage {
    SWEEP_INDEX, /* its rows stand together */
    SWEEP_TOKENS,
    SWEEP_RECORDS,
    SWEEP_OVER,
};

enum {
    LOOKED_AT_MAX = 2048, /* token rows or records, by one step */
    ROWS_OF_CONTACT = 3,
    ROWS_MAX = ROWS_OF_CONTACT * VAULT_SWEEP_AT_ONCE,
    KEY_BYTES_MAX = STORE_KEY_BYTES_MAX,
};
_Static_assert((int)ROWS_MAX < (int)STORE_RESERVED_ROWS,
               "what the reserve carries, and the counts");
_Static_assert(sizeof((struct vault_swept_namespace *)0)->token == TOKEN_BYTES,
               "a token row's key");

struct found_row {
    uint8_t key[KEY_BYTES_MAX];
    size_t key_size;
    uint32_t number; /* generation of an index row, epoch of a record */
};

struct sweeping {
    const struct vault_swept_namespace *sweep;
    struct store_txn *txn;
    struct found_row rows[ROWS_MAX];
    size_t count, limit, looked_at;
    bool more; /* the look ended early */
    uint64_t next;
    uint8_t token[TOKEN_BYTES];
};

static void
collect(struct sweeping *sweeping, struct bytes key, uint32_t number)
{
    struct found_row *row = &sweeping->rows[sweeping->count++];

    assert(key.size <= sizeof row->key);
    memcpy(row->key, key.data, key.size);
    row->key_size = key.size;
    row->number = number;
}

static bool
has_seen_enough(struct sweeping *sweeping)
{
    sweeping->more = sweeping->count == sweeping->limit || sweeping->looked_at == LOOKED_AT_MAX;
    sweeping->looked_at++;
    return sweeping->more;
}

/* ---- what there is ---- */

static enum status
visit_index(void *state, struct bytes key, struct bytes value)
{
    struct sweeping *sweeping = state;

    (void)value;
    if (has_seen_enough(sweeping)) {
        return STATUS_BUSY;
    }
    if (key.size <= KEY_BYTES_MAX) { /* no longer one is the vault's */
        collect(sweeping, key, key.size < 8 ? 0 : get_u32(key.data + 4));
    }
    return STATUS_OK;
}

static bool
is_of(const struct sweeping *sweeping, struct bytes record, struct record_header *ret_header)
{
    return vault_record_header(record, ret_header) == STATUS_OK &&
           ret_header->namespace_id == sweeping->sweep->namespace_id;
}

/* By the record it leads to, not by the token that the record names: an altered row goes, too. */
static enum status
visit_token(void *state, struct bytes key, struct bytes value)
{
    struct sweeping *sweeping = state;
    struct record_header header;
    struct bytes record;
    enum status status;

    if (has_seen_enough(sweeping)) {
        return STATUS_BUSY;
    }
    if (key.size != TOKEN_BYTES || value.size != ROW_KEY_BYTES) {
        return STATUS_OK;
    }
    memcpy(sweeping->token, key.data, TOKEN_BYTES); /* looked at once more: it does no harm */
    status = store_get(sweeping->txn, STORE_RECORD, value, &record);
    if (status == STATUS_OK && is_of(sweeping, record, &header)) {
        collect(sweeping, key, 0);
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status
visit_record(void *state, struct bytes key, struct bytes record)
{
    struct sweeping *sweeping = state;
    struct record_header header;

    if (has_seen_enough(sweeping)) {
        return STATUS_BUSY;
    }
    if (key.size != ROW_KEY_BYTES) {
        return STATUS_OK;
    }
    sweeping->next = get_u64(key.data) + 1;
    if (is_of(sweeping, record, &header)) {
        collect(sweeping, key, header.epoch);
    }
    return STATUS_OK;
}

static enum status
scan_stage(struct sweeping *sweeping, struct store_txn *txn)
{
    const struct vault_swept_namespace *sweep = sweeping->sweep;
    uint8_t from[8];
    uint8_t to[8];

    put_u32(from, sweep->namespace_id);
    put_u32(to, sweep->namespace_id + 1);
    switch (sweep->stage) {
    case SWEEP_INDEX:
        return store_scan(txn, STORE_INDEX, bytes_of(from, 4), bytes_of(to, 4), visit_index,
                          sweeping);
    case SWEEP_TOKENS:
        return store_scan(txn, STORE_TOKEN, bytes_of(sweep->token, TOKEN_BYTES), (struct bytes){0},
                          visit_token, sweeping);
    default:
        return store_scan(txn, STORE_RECORD, vault_row_key(sweep->next, from), (struct bytes){0},
                          visit_record, sweeping);
    }
}

static enum status
look_step(struct store_txn *txn, void *state)
{
    struct sweeping *sweeping = state;
    enum status status;

    sweeping->txn = txn;
    sweeping->count = sweeping->looked_at = 0;
    sweeping->more = false;
    sweeping->next = sweeping->sweep->next;
    memcpy(sweeping->token, sweeping->sweep->token, TOKEN_BYTES);
    status = scan_stage(sweeping, txn);
    return status == STATUS_BUSY && sweeping->more ? STATUS_OK : status;
}

/* ---- what goes ---- */

static enum store_table
table_of(unsigned stage)
{
    return stage == SWEEP_INDEX ? STORE_INDEX
                                : (stage == SWEEP_TOKENS ? STORE_TOKEN : STORE_RECORD);
}

/* The counts keep step with the rows, so that they say how much is left. */
static enum status
discount(const struct sweeping *sweeping, struct store_txn *txn)
{
    enum key_purpose purpose = sweeping->sweep->stage == SWEEP_INDEX ? KEY_INDEX : KEY_DATA;
    uint32_t namespace_id = sweeping->sweep->namespace_id;
    enum status status = STATUS_OK;
    size_t i = 0;

    while (status == STATUS_OK && i < sweeping->count) {
        struct vault_count_change gone = {purpose, sweeping->rows[i].number, 0};

        while (i < sweeping->count && sweeping->rows[i].number == gone.number) {
            gone.by--;
            i++;
        }
        status = vault_counts_change(txn, namespace_id, &gone, 1);
    }
    /* Somebody altered the counts: what they say keeps no row from going. */
    return status == STATUS_CORRUPT ? STATUS_OK : status;
}

/* Nobody else writes rows of this namespace any more: what the look found is there. */
static enum status
delete_step(struct store_txn *txn, void *state)
{
    const struct sweeping *sweeping = state;
    enum status status = STATUS_OK;

    for (size_t i = 0; status == STATUS_OK && i < sweeping->count; i++) {
        struct bytes key = bytes_of(sweeping->rows[i].key, sweeping->rows[i].key_size);

        status = store_delete_many(txn, table_of(sweeping->sweep->stage), &key, 1);
    }
    if (status == STATUS_OK && sweeping->sweep->stage != SWEEP_TOKENS) {
        status = discount(sweeping, txn);
    }
    return status;
}

static void
go_on(struct vault_swept_namespace *sweep, const struct sweeping *sweeping)
{
    sweep->next = sweeping->next;
    memcpy(sweep->token, sweeping->token, TOKEN_BYTES);
    if (!sweeping->more) {
        sweep->stage++;
    }
}

enum status
vault_sweep_step(struct vault *vault, struct vault_swept_namespace *sweep, size_t limit,
                 size_t *ret_rows, bool *ret_done)
{
    struct sweeping sweeping = {.sweep = sweep, .limit = limit * ROWS_OF_CONTACT};
    enum status status;

    assert(limit > 0 && limit <= VAULT_SWEEP_AT_ONCE && sweep->stage < SWEEP_OVER);
    status = store_view(vault->store, look_step, &sweeping);
    if (status == STATUS_OK && sweeping.count > 0) {
        status = store_update_reserved(vault->store, delete_step, &sweeping);
        if (sweep->stage == SWEEP_INDEX) {
            CRASH_POINT("sweep_index");
        }
        if (sweep->stage == SWEEP_TOKENS) {
            CRASH_POINT("sweep_tokens");
        }
        if (sweep->stage == SWEEP_RECORDS) {
            CRASH_POINT("sweep_records");
        }
    }
    if (status != STATUS_OK) {
        return status;
    }
    go_on(sweep, &sweeping);
    *ret_rows = sweeping.count;
    *ret_done = sweep->stage == SWEEP_OVER;
    if (*ret_done) {
        CRASH_POINT("sweep_over");
    }
    return STATUS_OK;
}

static enum status
end_step(struct store_txn *txn, void *state)
{
    const uint32_t *namespace_id = state;

    return vault_namespace_forget(txn, *namespace_id);
}

enum status
vault_sweep_end(struct vault *vault, uint32_t namespace_id)
{
    CRASH_POINT("sweep_entered");
    return store_update_reserved(vault->store, end_step, &namespace_id);
}

/* ---- how much is left ---- */

struct left {
    uint32_t namespace_id;
    uint64_t contacts;
    bool swept;
};

static enum status
left_step(struct store_txn *txn, void *state)
{
    struct left *left = state;
    struct vault_counts counts = {0};
    struct vault_epoch epoch;
    enum status status = vault_epoch_read(txn, left->namespace_id, &epoch);

    left->contacts = 0;
    left->swept = status == STATUS_NOT_FOUND;
    if (left->swept) {
        return STATUS_OK;
    }
    /* An altered row says nothing, and there is one: it is not swept. */
    status = status == STATUS_CORRUPT ? STATUS_OK : status;
    if (status == STATUS_OK) {
        status = vault_counts_read(txn, left->namespace_id, &counts);
        status = status == STATUS_CORRUPT ? STATUS_OK : status;
    }
    if (status == STATUS_OK) {
        left->contacts = vault_counts_of(&counts, KEY_DATA, 0);
    }
    return status;
}

enum status
vault_sweep_left(struct vault *vault, uint32_t namespace_id, uint64_t *ret_contacts,
                 bool *ret_swept)
{
    struct left left = {.namespace_id = namespace_id};
    enum status status = store_view(vault->store, left_step, &left);

    if (status == STATUS_OK) {
        *ret_contacts = left.contacts;
        *ret_swept = left.swept;
    }
    return status;
}
