/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the vault keeps for the log: how far it had come, in a row that only the vault can have
 * written, and the keys of its reasons, which end by year.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store_faulty.h"
#include "vault_alone.h"

enum { CALLS_MAX = 60 };

static struct alone alone;

static int
set_up(void **state)
{
    (void)state;
    store_faulty_fail_at(0, FAULTY_ABORTED, false);
    alone_make(&alone, &store_faulty_backend);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    store_faulty_fail_at(0, FAULTY_ABORTED, false);
    (void)alone_count(&alone);
    alone_remove(&alone);
    return 0;
}

/* ---- how far the log had come ---- */

static void
expect_noted(uint64_t sequence, uint8_t digest_byte)
{
    uint8_t wanted[VAULT_LOG_DIGEST_BYTES];
    uint8_t digest[VAULT_LOG_DIGEST_BYTES];
    uint64_t found = 0;

    memset(wanted, digest_byte, sizeof wanted);
    assert_int_equal(vault_noted_log(alone.vault, &found, digest), STATUS_OK);
    assert_int_equal(found, sequence);
    assert_memory_equal(digest, wanted, sizeof wanted);
}

static enum status
note_log(uint64_t sequence, uint8_t digest_byte)
{
    uint8_t digest[VAULT_LOG_DIGEST_BYTES];

    memset(digest, digest_byte, sizeof digest);
    return vault_note_log(alone.vault, sequence, digest);
}

static void
test_the_log_is_noted_and_never_goes_back(void **state)
{
    uint8_t digest[VAULT_LOG_DIGEST_BYTES];
    uint64_t sequence;

    (void)state;
    assert_int_equal(vault_noted_log(alone.vault, &sequence, digest), STATUS_NOT_FOUND);
    assert_int_equal(note_log(7, 0xa7), STATUS_OK);
    expect_noted(7, 0xa7);
    assert_int_equal(note_log(6, 0xa6), STATUS_OK);
    assert_int_equal(note_log(7, 0xb7), STATUS_OK);
    expect_noted(7, 0xa7);
    assert_int_equal(note_log(UINT64_C(1) << 40, 0xa8), STATUS_OK);
    alone_close(&alone);
    assert_int_equal(alone_open(&alone), STATUS_OK);
    expect_noted(UINT64_C(1) << 40, 0xa8);
    vault_seal(alone.vault);
    assert_int_equal(vault_noted_log(alone.vault, &sequence, digest), STATUS_SEALED);
    assert_int_equal(note_log(UINT64_C(1) << 41, 0xa9), STATUS_SEALED);
    assert_int_equal(vault_unseal(alone.vault, alone.root), STATUS_OK);
    expect_noted(UINT64_C(1) << 40, 0xa8);
}

struct log_row {
    uint8_t bytes[128];
    size_t size;
};

static enum status
read_log_row(struct store_txn *txn, void *state)
{
    struct log_row *row = state;
    struct bytes found;
    enum status status = store_get(txn, STORE_META, bytes_of_text("log"), &found);

    if (status == STATUS_OK) {
        assert_in_range(found.size, 1, sizeof row->bytes - 1);
        memcpy(row->bytes, found.data, found.size);
        row->size = found.size;
    }
    return status;
}

static void
test_an_altered_note_of_the_log_is_corrupt(void **state)
{
    struct bytes key = bytes_of_text("log");
    uint8_t digest[VAULT_LOG_DIGEST_BYTES];
    struct log_row row;
    uint64_t sequence;

    (void)state;
    assert_int_equal(note_log(7, 0xa7), STATUS_OK);
    assert_int_equal(store_view(alone.store, read_log_row, &row), STATUS_OK);
    assert_int_equal(row.size, 8 + 32 + 32);
    for (size_t i = 0; i < row.size; i++) {
        row.bytes[i] ^= 1;
        alone_put(&alone, STORE_META, key, bytes_of(row.bytes, row.size));
        assert_int_equal(vault_noted_log(alone.vault, &sequence, digest), STATUS_CORRUPT);
        /* Nor is it written over: the next start shall see it. */
        assert_int_equal(note_log(8, 0xa8), STATUS_CORRUPT);
        row.bytes[i] ^= 1;
    }
    alone_put(&alone, STORE_META, key, bytes_of(row.bytes, row.size - 1));
    assert_int_equal(vault_noted_log(alone.vault, &sequence, digest), STATUS_CORRUPT);
    alone_put(&alone, STORE_META, key, bytes_of(row.bytes, row.size + 1));
    assert_int_equal(vault_noted_log(alone.vault, &sequence, digest), STATUS_CORRUPT);
    alone_put(&alone, STORE_META, key, bytes_of(row.bytes, row.size));
    expect_noted(7, 0xa7);
}

/* Another vault's note, put here, is not this one's. */
static void
test_a_note_of_another_vault_is_corrupt(void **state)
{
    uint8_t digest[VAULT_LOG_DIGEST_BYTES];
    struct log_row row;
    uint64_t sequence;

    (void)state;
    assert_int_equal(note_log(7, 0xa7), STATUS_OK);
    assert_int_equal(store_view(alone.store, read_log_row, &row), STATUS_OK);
    assert_int_equal(tear_down(NULL), 0);
    assert_int_equal(set_up(NULL), 0);
    alone_put(&alone, STORE_META, bytes_of_text("log"), bytes_of(row.bytes, row.size));
    assert_int_equal(vault_noted_log(alone.vault, &sequence, digest), STATUS_CORRUPT);
}

/* ---- keys of reasons ---- */

static void
expect_reason_keys(uint32_t first, uint32_t last)
{
    for (uint32_t year = 1970; year < 2100; year++) {
        assert_int_equal(vault_has_reason_key(alone.vault, year), year >= first && year <= last);
    }
}

static void
test_keys_of_reasons_are_destroyed_by_year(void **state)
{
    uint64_t generation;

    (void)state;
    assert_int_equal(vault_reason_keys_destroy(alone.vault, 2100), STATUS_OK);
    for (uint32_t year = 1970; year <= 2050; year++) {
        assert_int_equal(vault_reason_key_create(alone.vault, year), STATUS_OK);
    }
    assert_int_equal(vault_reason_keys_destroy(alone.vault, 2047), STATUS_OK);
    expect_reason_keys(2048, 2050);
    generation = keyring_generation(alone.keyring);
    assert_int_equal(vault_reason_keys_destroy(alone.vault, 2047), STATUS_OK);
    assert_int_equal(keyring_generation(alone.keyring), generation);
    alone_close(&alone);
    assert_int_equal(alone_open(&alone), STATUS_OK);
    expect_reason_keys(2048, 2050);
    vault_seal(alone.vault);
    assert_int_equal(vault_reason_keys_destroy(alone.vault, 2048), STATUS_SEALED);
    assert_int_equal(vault_unseal(alone.vault, alone.root), STATUS_OK);
    expect_reason_keys(2048, 2050);
    assert_int_equal(vault_reason_keys_destroy(alone.vault, UINT32_MAX), STATUS_OK);
    expect_reason_keys(1, 0);
    (void)alone_tokenize(&alone, "+393331234567"); /* the other keys are all there */
}

static enum status
check_settled(struct store_txn *txn, void *state)
{
    struct bytes value;

    (void)state;
    assert_int_equal(store_get(txn, STORE_META, bytes_of_text("keyring"), &value), STATUS_OK);
    assert_int_equal(get_u64(value.data), keyring_generation(alone.keyring));
    assert_int_equal(store_get(txn, STORE_META, bytes_of_text("keyring_pending"), &value),
                     STATUS_OK);
    assert_int_equal(get_u64(value.data), 0);
    return STATUS_OK;
}

/* Whatever call of the store fails between the two files, they agree at the next start. */
static void
test_keyring_and_store_agree_whatever_fails(void **state)
{
    static const enum faulty_commit ways[] = {FAULTY_ABORTED, FAULTY_UNKNOWN_LOST,
                                              FAULTY_UNKNOWN_KEPT};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        uint64_t call = 1;

        for (bool reached = true; reached && call < CALLS_MAX; call += reached) {
            enum status status;

            assert_int_equal(vault_reason_key_create(alone.vault, 2030), STATUS_OK);
            store_faulty_fail_at(call, ways[i], false);
            status = vault_reason_keys_destroy(alone.vault, 2030);
            reached = store_faulty_calls() >= call;
            store_faulty_fail_at(0, ways[i], false);
            assert_int_equal(status, reached ? STATUS_UNAVAILABLE : STATUS_OK);
            alone_close(&alone);
            assert_int_equal(alone_open(&alone), STATUS_OK);
            /* Nothing is left pending, or the keyring before would be taken too. */
            assert_int_equal(store_view(alone.store, check_settled, NULL), STATUS_OK);
            assert_int_equal(vault_reason_keys_destroy(alone.vault, 2030), STATUS_OK);
            assert_false(vault_has_reason_key(alone.vault, 2030));
        }
        assert_in_range(call, 7, CALLS_MAX - 1);
    }
}

#define WITH_VAULT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_VAULT(test_the_log_is_noted_and_never_goes_back),
        WITH_VAULT(test_an_altered_note_of_the_log_is_corrupt),
        WITH_VAULT(test_a_note_of_another_vault_is_corrupt),
        WITH_VAULT(test_keys_of_reasons_are_destroyed_by_year),
        WITH_VAULT(test_keyring_and_store_agree_whatever_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
