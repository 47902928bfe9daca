/* SPDX-License-Identifier: Apache-2.0 */
/* What a restore believes of rows: each record with the rows that lead to it, and no row too many.
 * Owns SECURITY.md S32 "each record opens and has its rows". */
#include "vault_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scratch.h"
#include "store_faulty.h"
#include "vault_alone.h"
#include "vault_internal.h"
#include "vault_rekey.h"

enum { CONTACTS = 20 };

static struct alone alone;
static struct vault_place places[CONTACTS];

static int
set_up(void **state)
{
    char text[32];

    (void)state;
    store_faulty_fail_at(0, FAULTY_ABORTED, false);
    alone_make(&alone, &store_lmdb_backend);
    for (int i = 0; i < CONTACTS; i++) {
        (void)snprintf(text, sizeof text, "lead%d@example.com", i);
        places[i] = alone_tokenize(&alone, text);
    }
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    alone_remove(&alone);
    return 0;
}

static struct vault_check
check(enum status expected)
{
    struct vault_check result = {0};

    scratch_wipe(alone.scratch);
    assert_int_equal(vault_check(alone.vault, alone.scratch, &result), expected);
    return result;
}

static void
expect_fault(const char *text)
{
    struct vault_check result = check(STATUS_CORRUPT);

    if (strstr(result.fault, text) == NULL) {
        fail_msg("'%s'", result.fault);
    }
}

struct removal {
    enum store_table table;
    struct bytes key;
};

static enum status
remove_step(struct store_txn *txn, void *state)
{
    const struct removal *removal = state;

    return store_delete_many(txn, removal->table, &removal->key, 1);
}

static void
remove_row(enum store_table table, struct bytes key)
{
    struct removal removal = {table, key};

    assert_int_equal(store_update(alone.store, remove_step, &removal), STATUS_OK);
}

static void
put_row_number(enum store_table table, struct bytes key, uint64_t row)
{
    uint8_t value[ROW_KEY_BYTES];

    alone_put(&alone, table, key, vault_row_key(row, value));
}

static struct bytes
token_of(int i)
{
    return bytes_of(places[i].token.bytes, TOKEN_BYTES);
}

static struct bytes
index_of(int i, uint8_t key[static INDEX_KEY_BYTES])
{
    assert_int_equal(alone_index_key(&alone, &places[i], key), INDEX_KEY_BYTES);
    return bytes_of(key, INDEX_KEY_BYTES);
}

/* ---- tests ---- */

static void
whole_rows_are_whole(void **state)
{
    struct vault_check result;

    (void)state;
    result = check(STATUS_OK);
    assert_int_equal(result.contacts, CONTACTS);
    assert_int_equal(result.doubles, 0);
    assert_int_equal(alone_erase(&alone, places[3]), STATUS_OK);
    assert_int_equal(check(STATUS_OK).contacts, CONTACTS - 1);
}

/* A record that does not open has an index row that nobody vouches for. */
static void
all_faults_are_counted_if_it_goes_on(void **state)
{
    uint8_t record[RECORD_BYTES_MAX];
    struct vault_check result = {.go_on = true};

    (void)state;
    for (int i = 0; i < 3; i++) {
        size_t size = alone_record(&alone, &places[i], record);

        record[i == 2 ? 0 : RECORD_HEADER_BYTES + 30] ^= 1;
        alone_put_record(&alone, &places[i], record, size);
    }
    scratch_wipe(alone.scratch);
    assert_int_equal(vault_check(alone.vault, alone.scratch, &result), STATUS_OK);
    assert_string_equal(result.fault, "a record does not open");
    assert_int_equal(result.row, places[0].row);
    assert_int_equal(result.contacts, CONTACTS - 1); /* the third is none */
    /* three records, their three index rows, a token too many, the count of contacts */
    assert_int_equal(result.faults, 8);
}

static void
a_record_that_does_not_open_is_found(void **state)
{
    uint8_t record[RECORD_BYTES_MAX];
    size_t size = alone_record(&alone, &places[5], record);
    struct vault_check result;

    (void)state;
    record[RECORD_HEADER_BYTES + 30] ^= 1;
    alone_put_record(&alone, &places[5], record, size);
    result = check(STATUS_CORRUPT);
    assert_string_equal(result.fault, "a record does not open");
    assert_int_equal(result.row, places[5].row);
    record[0] = 0;
    alone_put_record(&alone, &places[5], record, size);
    expect_fault("a record is none");
}

static void
token_rows_are_held_against_records(void **state)
{
    uint8_t stray[TOKEN_BYTES] = {1};

    (void)state;
    remove_row(STORE_TOKEN, token_of(7));
    expect_fault("a token does not lead to its record");
    put_row_number(STORE_TOKEN, token_of(7), places[8].row);
    expect_fault("a token does not lead to its record");
    put_row_number(STORE_TOKEN, token_of(7), places[7].row);
    (void)check(STATUS_OK);
    put_row_number(STORE_TOKEN, bytes_of(stray, sizeof stray), places[7].row);
    expect_fault("a token leads to no record");
}

static void
index_rows_are_held_against_records(void **state)
{
    uint8_t key[INDEX_KEY_BYTES], stray[INDEX_KEY_BYTES];

    (void)state;
    remove_row(STORE_INDEX, index_of(7, key));
    expect_fault("a contact is not found by its own index row");
    put_row_number(STORE_INDEX, bytes_of(key, sizeof key), places[8].row);
    expect_fault("a contact is not found by its own index row");
    put_row_number(STORE_INDEX, bytes_of(key, sizeof key), places[7].row);
    (void)check(STATUS_OK);
    memcpy(stray, key, sizeof stray);
    stray[INDEX_KEY_BYTES - 1] ^= 1;
    put_row_number(STORE_INDEX, bytes_of(stray, sizeof stray), places[7].row);
    expect_fault("an index row leads to no contact");
}

static void
a_second_record_of_a_contact_is_a_double(void **state)
{
    uint8_t key[INDEX_KEY_BYTES];
    struct vault_place second;
    struct vault_check result;

    (void)state;
    remove_row(STORE_INDEX, index_of(7, key));
    second = alone_tokenize(&alone, "lead7@example.com");
    assert_memory_not_equal(second.token.bytes, places[7].token.bytes, TOKEN_BYTES);
    result = check(STATUS_OK); /* the lost row still counts in the namespace's number */
    assert_int_equal(result.doubles, 1);
    assert_int_equal(result.contacts, CONTACTS + 1);
}

static enum status
miscount_step(struct store_txn *txn, void *state)
{
    const struct vault_count_change change = {KEY_DATA, 1, 1};

    (void)state;
    return vault_counts_change(txn, ALONE_NAMESPACE, &change, 1);
}

static void
counts_are_held_against_records(void **state)
{
    (void)state;
    assert_int_equal(store_update(alone.store, miscount_step, NULL), STATUS_OK);
    expect_fault("a namespace has not the number of contacts it says");
}

static void
an_instance_is_replaced_once(void **state)
{
    static const uint8_t after[INSTANCE_ID_BYTES] = "after";
    uint8_t before[INSTANCE_ID_BYTES];

    (void)state;
    memcpy(before, vault_instance_id(alone.vault), sizeof before);
    assert_int_equal(vault_replace_instance(alone.store, alone.keyring, before, after), STATUS_OK);
    assert_int_equal(vault_replace_instance(alone.store, alone.keyring, before, after),
                     STATUS_CORRUPT);
    alone_close(&alone);
    assert_int_equal(alone_open(&alone), STATUS_OK);
    assert_memory_equal(vault_instance_id(alone.vault), after, sizeof after);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(whole_rows_are_whole),
        TEST(a_record_that_does_not_open_is_found),
        TEST(all_faults_are_counted_if_it_goes_on),
        TEST(token_rows_are_held_against_records),
        TEST(index_rows_are_held_against_records),
        TEST(a_second_record_of_a_contact_is_a_double),
        TEST(counts_are_held_against_records),
        TEST(an_instance_is_replaced_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
