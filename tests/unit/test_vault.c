/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: SECURITY.md S8 "rows flipped, copied, moved or swapped never give a wrong contact" and S10
 * "an older keyring put back is refused". Damage is done through the store, as somebody with a
 * database editor would do it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "fixture.h"
#include "scratch.h"

enum { CONTACTS = 4, ROW_MAX = 1024, MONTH_BYTES = 2 };

static struct fixture fixture;
static struct scratch *scratch;
static uint32_t namespace_id;
static const char *const texts[CONTACTS] = {"+393331234567", "+14155550100", "one@example.com",
                                            "Two@example.com"};
static struct vault_item items[CONTACTS];

static int
set_up(void **state)
{
    struct caller admin;

    (void)state;
    fixture_make(&fixture);
    caller_make(&admin, &fixture, PEER_ADMIN, FIXTURE_ADMIN_UID);
    assert_int_equal(caller_hello(&admin), STATUS_OK);
    assert_int_equal(caller_namespace_create(&admin, "brand"), STATUS_OK);
    caller_remove(&admin);
    namespace_id = access_namespace(fixture.access, bytes_of_text("brand"))->id;
    assert_int_equal(scratch_new(&scratch), STATUS_OK);
    for (size_t i = 0; i < CONTACTS; i++) {
        items[i] = (struct vault_item){.text = bytes_of_text(texts[i])};
    }
    assert_int_equal(
        vault_tokenize(fixture.vault, scratch, namespace_id, FORM_INTERNATIONAL, items, CONTACTS),
        STATUS_OK);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    scratch_free(&scratch);
    fixture_remove(&fixture);
    return 0;
}

struct row {
    enum store_table table;
    uint8_t key[STORE_KEY_BYTES_MAX];
    size_t key_size;
    uint8_t value[ROW_MAX];
    size_t value_size;
};

struct rows {
    enum store_table table;
    struct row rows[CONTACTS];
    size_t count;
};

static enum status
take_row(void *state, struct bytes key, struct bytes value)
{
    struct rows *rows = state;
    struct row *row = &rows->rows[rows->count++];

    row->table = rows->table;
    memcpy(row->key, key.data, key.size);
    row->key_size = key.size;
    memcpy(row->value, value.data, value.size);
    row->value_size = value.size;
    return STATUS_OK;
}

static enum status
read_rows(struct store_txn *txn, void *state)
{
    struct rows *rows = state;

    rows->count = 0;
    return store_scan(txn, rows->table, (struct bytes){0}, (struct bytes){0}, take_row, rows);
}

static enum status
write_row(struct store_txn *txn, void *state)
{
    const struct row *row = state;

    return store_put(txn, row->table, STORE_REPLACE, bytes_of(row->key, row->key_size),
                     bytes_of(row->value, row->value_size));
}

static void
put(struct row row)
{
    assert_int_equal(store_update(fixture.store, write_row, &row), STATUS_OK);
}

/* What a reveal of contact i gives; the receipt is made up, as only a test may. */
static enum status
reveal(size_t i, struct bytes *ret_contact)
{
    struct vault_place place = {.token = items[i].token, .kind = items[i].kind};
    struct audit_receipt receipt = {.sequence = 1};

    memcpy(receipt.token, place.token.bytes, TOKEN_BYTES);
    assert_int_equal(vault_locate(fixture.vault, &place, 1), STATUS_OK);
    if (place.status != STATUS_OK) {
        return place.status;
    }
    return vault_reveal(fixture.vault, scratch, &receipt, &place, ret_contact);
}

/* Every contact reveals as itself or not at all; says how many do not. */
static size_t
count_unreadable(void)
{
    size_t unreadable = 0;

    for (size_t i = 0; i < CONTACTS; i++) {
        struct bytes contact;

        if (reveal(i, &contact) == STATUS_OK) {
            assert_int_equal(contact.size, strlen(texts[i]));
            assert_memory_equal(contact.data, texts[i], contact.size);
        } else {
            unreadable++;
        }
    }
    scratch_wipe(scratch);
    return unreadable;
}

static void
test_every_flipped_bit_of_a_record_is_found(void **state)
{
    struct rows rows = {.table = STORE_RECORD};

    (void)state;
    assert_int_equal(store_view(fixture.store, read_rows, &rows), STATUS_OK);
    assert_int_equal(rows.count, CONTACTS);
    assert_int_equal(count_unreadable(), 0);
    for (size_t byte = 0; byte < rows.rows[1].value_size; byte++) {
        struct row damaged = rows.rows[1];

        damaged.value[byte] ^= (uint8_t)(1u << byte % 8);
        put(damaged);
        /* The month of last use is not vouched for, and says nothing of the contact. */
        assert_int_equal(count_unreadable(), byte < rows.rows[1].value_size - MONTH_BYTES);
    }
    put(rows.rows[1]);
    assert_int_equal(count_unreadable(), 0);
}

static void
test_records_that_changed_places_do_not_open(void **state)
{
    struct rows rows = {.table = STORE_RECORD};
    struct row first;
    struct row second;

    (void)state;
    assert_int_equal(store_view(fixture.store, read_rows, &rows), STATUS_OK);
    first = rows.rows[0];
    second = rows.rows[1];
    memcpy(first.value, rows.rows[1].value, ROW_MAX);
    memcpy(second.value, rows.rows[0].value, ROW_MAX);
    put(first);
    put(second);
    assert_int_equal(count_unreadable(), 2);
    put(rows.rows[0]);
    put(rows.rows[1]);
}

/* A record and its token's row moved together, all of it consistent: the row number is in what the
 * record was sealed with. */
static void
test_a_record_moved_with_its_token_does_not_open(void **state)
{
    struct rows records = {.table = STORE_RECORD};
    struct rows tokens = {.table = STORE_TOKEN};

    (void)state;
    assert_int_equal(store_view(fixture.store, read_rows, &records), STATUS_OK);
    assert_int_equal(store_view(fixture.store, read_rows, &tokens), STATUS_OK);
    for (size_t i = 0; i < CONTACTS; i++) {
        struct row record = records.rows[0];
        struct row token = tokens.rows[i];

        if (memcmp(token.value, record.key, record.key_size) != 0) {
            continue;
        }
        record.key[0] = 1;
        memcpy(token.value, record.key, record.key_size);
        put(record);
        put(token);
        assert_int_equal(count_unreadable(), 1);
        put(tokens.rows[i]);
        assert_int_equal(count_unreadable(), 0);
        return;
    }
    fail_msg("no token leads to the first record");
}

static void
test_a_token_pointed_elsewhere_reveals_nothing(void **state)
{
    struct rows rows = {.table = STORE_TOKEN};
    struct row bent;
    struct vault_place place = {.kind = CONTACT_PHONE};

    (void)state;
    assert_int_equal(store_view(fixture.store, read_rows, &rows), STATUS_OK);
    bent = rows.rows[0];
    memcpy(bent.value, rows.rows[1].value, ROW_MAX);
    put(bent);
    assert_int_equal(count_unreadable(), 1);
    /* Found before anybody is asked whether he may: no reveal is recorded as granted. */
    memcpy(place.token.bytes, bent.key, TOKEN_BYTES);
    assert_int_equal(vault_locate(fixture.vault, &place, 1), STATUS_OK);
    assert_int_equal(place.status, STATUS_CORRUPT);
    put(rows.rows[0]);
}

static void
test_an_index_pointed_elsewhere_is_not_believed(void **state)
{
    struct rows rows = {.table = STORE_INDEX};
    struct vault_item again[CONTACTS];
    size_t corrupt = 0;

    (void)state;
    assert_int_equal(store_view(fixture.store, read_rows, &rows), STATUS_OK);
    struct row bent = rows.rows[0];
    memcpy(bent.value, rows.rows[1].value, ROW_MAX);
    put(bent);
    for (size_t i = 0; i < CONTACTS; i++) {
        again[i] = (struct vault_item){.text = bytes_of_text(texts[i])};
    }
    assert_int_equal(
        vault_tokenize(fixture.vault, scratch, namespace_id, FORM_INTERNATIONAL, again, CONTACTS),
        STATUS_OK);
    for (size_t i = 0; i < CONTACTS; i++) {
        if (again[i].status == STATUS_OK) {
            assert_memory_equal(again[i].token.bytes, items[i].token.bytes, TOKEN_BYTES);
        } else {
            assert_int_equal(again[i].status, STATUS_CORRUPT);
            corrupt++;
        }
    }
    assert_int_equal(corrupt, 1);
    put(rows.rows[0]);
}

static void
test_counts_follow_the_contacts(void **state)
{
    uint64_t contacts = 0;

    (void)state;
    assert_int_equal(vault_count(fixture.vault, namespace_id, &contacts), STATUS_OK);
    assert_int_equal(contacts, CONTACTS);
}

static void
test_an_older_keyring_put_back_is_refused(void **state)
{
    char path[FIXTURE_PATH_BYTES];
    uint8_t old[16384];
    size_t size;
    FILE *file;

    (void)state;
    fixture_path(&fixture, "keyring", path);
    file = fopen(path, "rb");
    assert_non_null(file);
    size = fread(old, 1, sizeof old, file);
    (void)fclose(file);
    assert_int_equal(vault_namespace_create(fixture.vault, namespace_id + 1), STATUS_OK);
    fixture_close(&fixture);
    file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(ftruncate(fileno(file), 0), 0);
    assert_int_equal(fwrite(old, 1, size, file), size);
    (void)fclose(file);
    assert_int_equal(fixture_open(&fixture), STATUS_CORRUPT);
    assert_non_null(strstr(fixture.fault, "the keyring is an older copy put back"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_follow_the_contacts),
        cmocka_unit_test(test_every_flipped_bit_of_a_record_is_found),
        cmocka_unit_test(test_records_that_changed_places_do_not_open),
        cmocka_unit_test(test_a_record_moved_with_its_token_does_not_open),
        cmocka_unit_test(test_a_token_pointed_elsewhere_reveals_nothing),
        cmocka_unit_test(test_an_index_pointed_elsewhere_is_not_believed),
        cmocka_unit_test(test_an_older_keyring_put_back_is_refused),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
