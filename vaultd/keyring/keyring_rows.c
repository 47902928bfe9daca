/* SPDX-License-Identifier: Apache-2.0 */
#include "keyring_rows.h"

#include <assert.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "bytes.h"
#include "clock.h"
#include "keyring_file.h"
#include "secret.h"

static void
put_name(uint8_t *to, struct key_name name)
{
    to[0] = (uint8_t)name.purpose;
    put_u32(to + 1, name.namespace_id);
    put_u32(to + 5, name.number);
}

/* How many of the first `count` rows stand before the name; *ret_found: the next one is it. */
static size_t
lower_bound(const uint8_t *rows, size_t count, const uint8_t name[static KEYRING_NAME_BYTES],
            bool *ret_found)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (memcmp(rows + middle * KEYRING_ROW_BYTES, name, KEYRING_NAME_BYTES) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *ret_found =
        low < count && memcmp(rows + low * KEYRING_ROW_BYTES, name, KEYRING_NAME_BYTES) == 0;
    return low;
}

/* By neither of the two clocks alone is a key dated too late. */
static uint64_t
date_now_ms(void)
{
    uint64_t wall_ms = clock_wall_ms();
    uint64_t vault_ms = clock_vault_ms();

    return wall_ms < vault_ms ? wall_ms : vault_ms;
}

static bool
is_date(enum key_purpose purpose)
{
    return purpose == KEY_DATE_ROOT || purpose == KEY_DATE_GONE;
}

/* A new random key, moved in where it belongs among the `count` rows there are. */
static enum status
insert_key(uint8_t *rows, size_t count, struct key_name name, uint64_t created_ms)
{
    uint8_t key_name[KEYRING_NAME_BYTES];
    uint8_t *row;
    size_t index;
    bool found;

    put_name(key_name, name);
    index = lower_bound(rows, count, key_name, &found);
    if (found) {
        return STATUS_CONFLICT;
    }
    row = rows + index * KEYRING_ROW_BYTES;
    memmove(row + KEYRING_ROW_BYTES, row, (count - index) * KEYRING_ROW_BYTES);
    memcpy(row, key_name, KEYRING_NAME_BYTES);
    row[KEYRING_STATE_OFFSET] = KEYRING_STATE_ACTIVE;
    put_u64(row + KEYRING_CREATED_OFFSET, created_ms);
    if (is_date(name.purpose)) {
        memset(row + KEYRING_KEY_OFFSET, 0, KEYRING_KEY_BYTES);
    } else {
        randombytes_buf(row + KEYRING_KEY_OFFSET, KEYRING_KEY_BYTES);
    }
    return STATUS_OK;
}

enum status
keyring_rows_extend(const struct secret *old, const struct key_name *names, size_t count,
                    struct secret **ret_keys)
{
    size_t have = old == NULL ? 0 : secret_size(old) / KEYRING_ROW_BYTES;
    uint64_t now_ms = date_now_ms();
    struct secret *keys = NULL;
    enum status status;

    if (count > KEYRING_KEYS_MAX - have) {
        return STATUS_TOO_LARGE;
    }
    status = secret_new((have + count) * KEYRING_ROW_BYTES, &keys);
    if (status == STATUS_OK && old != NULL) {
        memcpy(secret_write(keys), secret_read(old), secret_size(old));
    }
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        status = insert_key(secret_write(keys), have + i, names[i], now_ms);
    }
    if (status != STATUS_OK) {
        secret_free(&keys);
        return status;
    }
    secret_freeze(keys);
    *ret_keys = keys;
    return STATUS_OK;
}

static enum status
remove_key(uint8_t *rows, size_t count, struct key_name name, uint64_t *ret_created_ms)
{
    uint8_t key_name[KEYRING_NAME_BYTES];
    uint8_t *row;
    size_t index;
    bool found;

    put_name(key_name, name);
    index = lower_bound(rows, count, key_name, &found);
    if (!found) {
        return STATUS_NOT_FOUND;
    }
    row = rows + index * KEYRING_ROW_BYTES;
    *ret_created_ms = get_u64(row + KEYRING_CREATED_OFFSET);
    memmove(row, row + KEYRING_ROW_BYTES, (count - index - 1) * KEYRING_ROW_BYTES);
    return STATUS_OK;
}

/* A key of these is gone: older files under the present root key hold it still. There is room for
 * one row more. *count: how many there are. */
static enum status
note_gone(uint8_t *rows, size_t *count, struct key_name name, uint64_t created_ms)
{
    const struct key_name date = {KEY_DATE_GONE, name.namespace_id, 1};
    uint8_t date_name[KEYRING_NAME_BYTES];
    uint8_t *created;
    size_t index;
    bool found;

    if (name.purpose != KEY_DATA && name.purpose != KEY_INDEX) {
        return STATUS_OK;
    }
    /* One dated by a clock that was wrong says nothing. */
    created_ms = created_ms > date_now_ms() ? 0 : created_ms;
    put_name(date_name, date);
    index = lower_bound(rows, *count, date_name, &found);
    if (!found) {
        return insert_key(rows, (*count)++, date, created_ms);
    }
    created = rows + index * KEYRING_ROW_BYTES + KEYRING_CREATED_OFFSET;
    if (created_ms < get_u64(created)) {
        put_u64(created, created_ms);
    }
    return STATUS_OK;
}

/* A frozen arena of the first `count` rows. */
static enum status
freeze_rows(struct secret *rows, size_t count, struct secret **ret_keys)
{
    struct secret *keys = NULL;
    enum status status = secret_new(count * KEYRING_ROW_BYTES, &keys);

    if (status == STATUS_OK) {
        memcpy(secret_write(keys), secret_read(rows), secret_size(keys));
        secret_freeze(keys);
        *ret_keys = keys;
    }
    return status;
}

enum status
keyring_rows_reduce(const struct secret *old, const struct key_name *names, size_t count,
                    struct secret **ret_keys)
{
    size_t left = secret_size(old) / KEYRING_ROW_BYTES;
    uint64_t created_ms = 0;
    struct secret *all = NULL;
    enum status status = secret_new(secret_size(old), &all);

    if (status == STATUS_OK) {
        memcpy(secret_write(all), secret_read(old), secret_size(old));
    }
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        status = remove_key(secret_write(all), left, names[i], &created_ms);
        left -= status == STATUS_OK ? 1 : 0;
        if (status == STATUS_OK) {
            status = note_gone(secret_write(all), &left, names[i], created_ms);
        }
    }
    if (status == STATUS_OK) {
        assert(left > 0); /* a keyring of no keys is none */
        status = freeze_rows(all, left, ret_keys);
    }
    secret_free(&all);
    return status;
}

enum status
keyring_rows_under_new_root(const struct secret *old, struct secret **ret_keys)
{
    size_t count = secret_size(old) / KEYRING_ROW_BYTES;
    size_t kept = 0;
    struct secret *all = NULL;
    enum status status = secret_new(secret_size(old) + KEYRING_ROW_BYTES, &all);

    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        const uint8_t *row = secret_read(old) + i * KEYRING_ROW_BYTES;

        if (!is_date((enum key_purpose)row[0])) {
            memcpy(secret_write(all) + kept++ * KEYRING_ROW_BYTES, row, KEYRING_ROW_BYTES);
        }
    }
    if (status == STATUS_OK) {
        status = insert_key(secret_write(all), kept++, (struct key_name){KEY_DATE_ROOT, 0, 1},
                            date_now_ms());
    }
    if (status == STATUS_OK) {
        status = freeze_rows(all, kept, ret_keys);
    }
    secret_free(&all);
    return status;
}

bool
keyring_rows_find(const struct secret *keys, struct key_name name, size_t *ret_index)
{
    uint8_t key_name[KEYRING_NAME_BYTES];
    bool found;

    put_name(key_name, name);
    *ret_index =
        lower_bound(secret_read(keys), secret_size(keys) / KEYRING_ROW_BYTES, key_name, &found);
    return found;
}
