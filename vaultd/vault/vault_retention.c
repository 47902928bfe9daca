/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_retention.h"

#include <time.h>

#include "clock.h"
#include "log.h"
#include "vault_internal.h"
#include "vault_uses.h"

enum {
    SECOND_MS = 1000,
    YEAR_MONTHS = 12,
    YEAR_2000 = 100,  /* as struct tm counts */
    STEP_USES = 1024, /* records changed by one step */
};

uint16_t
vault_month(uint64_t time_ms)
{
    time_t seconds = (time_t)(time_ms / SECOND_MS);
    struct tm parts = {0};
    long month;

    (void)gmtime_r(&seconds, &parts);
    month = ((long)parts.tm_year - YEAR_2000) * YEAR_MONTHS + parts.tm_mon;
    if (month < 0) {
        return 0;
    }
    return month > UINT16_MAX ? UINT16_MAX : (uint16_t)month;
}

/* ---- writing uses down ---- */

struct noting {
    uint64_t rows[STEP_USES];
    size_t count;
    size_t written; /* by this run of the step */
};

/* The record as it is now, with another month; one that is gone, or damaged, is left. */
static enum status
note_row(struct store_txn *txn, uint64_t row, uint16_t month, size_t *written)
{
    uint8_t key_bytes[ROW_KEY_BYTES];
    uint8_t changed[RECORD_BYTES_MAX];
    struct bytes key = vault_row_key(row, key_bytes);
    struct record_header header;
    struct bytes record;
    enum status status = store_get(txn, STORE_RECORD, key, &record);

    if (status != STATUS_OK) {
        return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    if (vault_record_header(record, &header) != STATUS_OK || header.used_month >= month) {
        return STATUS_OK;
    }
    memcpy(changed, record.data, record.size);
    vault_record_set_month(changed, record.size, month);
    (*written)++;
    return store_put(txn, STORE_RECORD, STORE_REPLACE, key, bytes_of(changed, record.size));
}

static enum status
note_step(struct store_txn *txn, void *state)
{
    struct noting *noting = state;
    uint16_t month = vault_month(clock_vault_ms());
    enum status status = STATUS_OK;

    noting->written = 0;
    for (size_t i = 0; status == STATUS_OK && i < noting->count; i++) {
        status = note_row(txn, noting->rows[i], month, &noting->written);
    }
    return status;
}

enum status
vault_note_used(struct vault *vault, size_t limit, size_t *ret_written)
{
    struct noting noting;
    enum status status = STATUS_OK;
    size_t written = 0;

    vault_uses_settle_begin(vault->uses);
    while (status == STATUS_OK && limit > 0) {
        noting.count = vault_uses_peek(vault->uses, noting.rows,
                                       limit < STEP_USES ? limit : (size_t)STEP_USES);
        if (noting.count == 0) {
            break;
        }
        status = store_update(vault->store, note_step, &noting);
        if (status == STATUS_OK) {
            vault_uses_remove(vault->uses, noting.rows, noting.count);
            written += noting.written;
            limit -= noting.count;
        }
    }
    vault_uses_settle_end(vault->uses);
    *ret_written = written;
    return status;
}

bool
vault_lost_uses(struct vault *vault)
{
    return vault_uses_lost(vault->uses);
}

/* ---- what was not used for too long ---- */

struct sweeping {
    const struct vault *vault;
    const struct vault_sweep *sweep;
    struct vault_place *places;
    size_t limit;
    size_t count;
    size_t looked_at;
    uint64_t next;
    bool ended; /* by the visitor, which has seen enough */
};

/* The month before which it must have been used last; 0: it is not due. */
static uint16_t
due_before(const struct sweeping *sweeping, uint64_t row, const struct record_header *header)
{
    const struct vault_sweep *sweep = sweeping->sweep;

    for (size_t i = 0; i < sweep->rule_count; i++) {
        if (sweep->rules[i].namespace_id == header->namespace_id) {
            uint16_t before = sweep->rules[i].before_month;
            bool due = header->used_month < before && !vault_uses_has(sweeping->vault->uses, row);

            return due ? before : 0;
        }
    }
    return 0;
}

/* The header is not vouched for: what is done with the place begins by opening the record. */
static enum status
visit_record(void *state, struct bytes key, struct bytes record)
{
    struct sweeping *sweeping = state;
    struct record_header header;
    uint16_t before;
    uint64_t row;

    if (sweeping->looked_at == sweeping->sweep->rows_max || sweeping->count == sweeping->limit) {
        sweeping->ended = true;
        return STATUS_BUSY;
    }
    sweeping->looked_at++;
    if (key.size != ROW_KEY_BYTES) {
        return STATUS_OK;
    }
    row = get_u64(key.data);
    sweeping->next = row + 1;
    if (vault_record_header(record, &header) != STATUS_OK) {
        LOG(LOG_LEVEL_ERROR, EVENT_RECORD_CORRUPT, F("row", row));
        return STATUS_OK;
    }
    before = due_before(sweeping, row, &header);
    if (before > 0) {
        sweeping->places[sweeping->count++] = (struct vault_place){
            .token = header.token,
            .kind = header.kind,
            .status = STATUS_OK,
            .namespace_id = header.namespace_id,
            .row = row,
            .unused_before = before,
        };
    }
    return STATUS_OK;
}

static enum status
sweep_step(struct store_txn *txn, void *state)
{
    struct sweeping *sweeping = state;
    uint8_t from[ROW_KEY_BYTES];

    sweeping->count = 0;
    sweeping->looked_at = 0;
    sweeping->next = sweeping->sweep->cursor;
    sweeping->ended = false;
    return store_scan(txn, STORE_RECORD, vault_row_key(sweeping->next, from), (struct bytes){0},
                      visit_record, sweeping);
}

enum status
vault_find_unused(struct vault *vault, struct vault_sweep *sweep, struct vault_place *ret_places,
                  size_t limit, size_t *ret_count, bool *ret_done)
{
    struct sweeping sweeping = {
        .vault = vault, .sweep = sweep, .places = ret_places, .limit = limit};
    enum status status;

    vault_uses_settle_begin(vault->uses);
    status = store_view(vault->store, sweep_step, &sweeping);
    vault_uses_settle_end(vault->uses);
    if (status != STATUS_OK && !sweeping.ended) {
        return status;
    }
    sweep->cursor = sweeping.next;
    *ret_count = sweeping.count;
    *ret_done = !sweeping.ended;
    return STATUS_OK;
}
