/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record as bytes: every bit of it but the month's is vouched for, another version is refused,
 * the sizes are those DESIGN.md promises; and what describe says of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "clock.h"
#include "folder.h"
#include "secret.h"
#include "vault_alone.h"
#include "vault_internal.h"
#include "vectors.h"

enum {
    RECORD_MAX = 1024,
    MONTH_BYTES = 2,
    FIXED_BYTES = 28 + 40 + MONTH_BYTES, /* header, nonce and tag, month */
    PAD_BYTES = 32,
    ONE_PAD_TEXT = 27, /* letters that fit into one */
    TWO_PADS_TEXT = 59,
};

static struct alone alone;

static int
set_up(void **state)
{
    (void)state;
    alone_make(&alone, &store_lmdb_backend);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    alone_remove(&alone);
    return 0;
}

static size_t
size_of(const char *text)
{
    uint8_t record[RECORD_MAX];
    struct vault_place place = alone_tokenize(&alone, text);

    return alone_record(&alone, &place, record);
}

static void
test_sizes(void **state)
{
    char text[CONTACT_BYTES_MAX + 1];

    (void)state;
    assert_int_equal(size_of("+393331234567"), FIXED_BYTES + PAD_BYTES);
    assert_int_equal(size_of("one@example.com"), FIXED_BYTES + PAD_BYTES);
    /* Two forms each: the ninth digit of Brazil, the 1 of Mexico, upper case. */
    assert_int_equal(size_of("+5511961234567"), FIXED_BYTES + PAD_BYTES);
    assert_int_equal(size_of("+5212221234567"), FIXED_BYTES + PAD_BYTES);
    assert_int_equal(size_of("Two@example.com"), FIXED_BYTES + 2 * PAD_BYTES);
    for (size_t size = 18; size <= 2 * PAD_BYTES; size++) {
        (void)snprintf(text, sizeof text, "%.*s@example.com", (int)(size - strlen("@example.com")),
                       "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz0123456789");
        assert_int_equal(strlen(text), size);
        assert_int_equal(size_of(text), FIXED_BYTES + PAD_BYTES * (1 + (size > ONE_PAD_TEXT) +
                                                                   (size > TWO_PADS_TEXT)));
    }
}

/* What was sealed comes back, in the form first seen. */
static void
test_first_seen(void **state)
{
    static const char *const texts[] = {
        "+393331234567",  "+5521961234567",          "+522221234568",
        "+5212221234569", "Maria.Rossi@example.com", "m@example.org",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct vault_place place = alone_tokenize(&alone, texts[i]);
        char text[CONTACT_BYTES_MAX + 1];

        assert_int_equal(alone_reveal(&alone, &place, text), STATUS_OK);
        assert_string_equal(text, texts[i]);
    }
    scratch_wipe(alone.scratch);
}

static void
test_every_bit_is_vouched_for_but_the_month(void **state)
{
    uint8_t record[RECORD_MAX];
    struct vault_place place = alone_tokenize(&alone, "+393331234567");
    size_t size = alone_record(&alone, &place, record);
    char text[CONTACT_BYTES_MAX + 1];

    (void)state;
    for (size_t bit = 0; bit < size * 8; bit++) {
        record[bit / 8] ^= (uint8_t)(1u << bit % 8);
        alone_put_record(&alone, &place, record, size);
        assert_int_equal(alone_reveal(&alone, &place, text),
                         bit / 8 < size - MONTH_BYTES ? STATUS_CORRUPT : STATUS_OK);
        record[bit / 8] ^= (uint8_t)(1u << bit % 8);
        scratch_wipe(alone.scratch);
    }
    alone_put_record(&alone, &place, record, size);
}

static void
test_other_versions_and_sizes_are_refused(void **state)
{
    uint8_t record[RECORD_MAX] = {0};
    struct vault_place place = alone_tokenize(&alone, "+393331234567");
    struct vault_place found = place;
    size_t size = alone_record(&alone, &place, record);

    (void)state;
    for (unsigned version = 0; version < 256; version++) {
        record[0] = (uint8_t)version;
        alone_put_record(&alone, &place, record, size);
        assert_int_equal(alone_locate(&alone, &found), version == 2 ? STATUS_OK : STATUS_CORRUPT);
    }
    record[0] = 2;
    for (size_t at = 1; at < 4; at++) { /* suite, kind, flags */
        record[at] ^= 4;
        alone_put_record(&alone, &place, record, size);
        assert_int_equal(alone_locate(&alone, &found), STATUS_CORRUPT);
        record[at] ^= 4;
    }
    for (size_t cut = 0; cut <= size + 2 * PAD_BYTES; cut++) {
        bool whole = cut >= FIXED_BYTES + PAD_BYTES && (cut - FIXED_BYTES) % PAD_BYTES == 0;

        alone_put_record(&alone, &place, record, cut);
        assert_int_equal(alone_locate(&alone, &found), whole ? STATUS_OK : STATUS_CORRUPT);
        /* Whether it is this record shows only when it is opened. */
        assert_int_equal(alone_erase(&alone, place), cut == size ? STATUS_OK : STATUS_CORRUPT);
        if (cut == size) {
            place = alone_tokenize(&alone, "+393331234567");
            found = place;
            (void)alone_record(&alone, &place, record);
        }
    }
    alone_put_record(&alone, &place, record, size);
}

/* ---- describe ---- */

static void
describe(struct vault_place *places, size_t count, struct vault_description *ret_descriptions)
{
    const char *masks[8];

    assert_int_equal(vault_describe(alone.vault, alone.scratch, places, count, ret_descriptions),
                     STATUS_OK);
    assert_int_equal(vault_mask(alone.vault, alone.scratch, places, count, masks), STATUS_OK);
    for (size_t i = 0; i < count; i++) {
        if (places[i].status == STATUS_OK) {
            assert_string_equal(ret_descriptions[i].mask, masks[i]);
        } else {
            assert_null(ret_descriptions[i].mask);
            assert_null(ret_descriptions[i].country);
            assert_int_equal(ret_descriptions[i].created_ms, 0);
            assert_null(masks[i]);
        }
    }
}

static void
test_describe(void **state)
{
    uint64_t before_ms = clock_vault_ms() / 1000 * 1000;
    struct vault_place places[] = {
        alone_tokenize(&alone, "+12015550123"),
        alone_tokenize(&alone, "+5511961234000"),
        alone_tokenize(&alone, "described@example.com"),
        alone_tokenize(&alone, "+35312345678"),
    };
    struct vault_description found[4];

    (void)state;
    places[3].status = STATUS_DENIED;
    describe(places, 4, found);
    assert_string_equal(found[0].country, "+1");
    assert_string_equal(found[1].country, "+55");
    assert_null(found[2].country);
    assert_int_equal(places[3].status, STATUS_DENIED);
    for (size_t i = 0; i < 3; i++) {
        assert_in_range(found[i].created_ms, before_ms, clock_vault_ms());
    }
    scratch_wipe(alone.scratch);
}

static void
test_describe_says_what_does_not_open(void **state)
{
    uint8_t record[RECORD_MAX];
    struct vault_place places[] = {
        alone_tokenize(&alone, "damaged@example.com"),
        alone_tokenize(&alone, "gone@example.com"),
        alone_tokenize(&alone, "whole@example.com"),
    };
    struct vault_description found[3];
    size_t size = alone_record(&alone, &places[0], record);

    (void)state;
    record[size - MONTH_BYTES - 1] ^= 1;
    alone_put_record(&alone, &places[0], record, size);
    assert_int_equal(alone_erase(&alone, places[1]), STATUS_OK);
    describe(places, 3, found);
    assert_int_equal(places[0].status, STATUS_CORRUPT);
    assert_int_equal(places[1].status, STATUS_NOT_FOUND);
    assert_int_equal(places[2].status, STATUS_OK);
    record[size - MONTH_BYTES - 1] ^= 1;
    alone_put_record(&alone, &places[0], record, size);
    scratch_wipe(alone.scratch);
}

/* The last: as vault_rows.c reads DESIGN.md. */
static void
test_rows_are_as_the_document_says(void **state)
{
    (void)state;
    assert_in_range(alone_count(&alone), 40, 80);
}

/* ---- golden bytes, of another program's: tests/vectors/make_records.py ---- */

/* As much of a vault as a record needs. */
static struct vault vector_vault;

static void
open_vector_keyring(const struct vector *vector)
{
    struct secret *root = NULL;
    char path[FOLDER_PATH_BYTES];

    assert_int_equal(vector->count, 2);
    folder_join(alone.folder, "vector-keyring", path);
    folder_write(path, vector->fields[1].data, vector->fields[1].size);
    assert_int_equal(secret_copy(vector->fields[0].data, ROOT_KEY_BYTES, &root), STATUS_OK);
    assert_int_equal(keyring_open(path, &vector_vault.keyring), STATUS_OK);
    assert_int_equal(keyring_unseal(vector_vault.keyring, root), STATUS_OK);
    secret_free(&root);
}

/* Sealed again with its own nonce, the same bytes come of it. */
static void
expect_sealed_so(const struct record_opened *opened, uint64_t row, struct bytes record)
{
    const struct record_draft draft = {
        .row = row,
        .created_ms = opened->created_ms,
        .header = opened->header,
        .contact = &opened->contact,
        .nonce = record.data + RECORD_HEADER_BYTES,
    };
    uint8_t inner[RECORD_INNER_MAX], again[RECORD_BYTES_MAX];
    size_t size = 0;

    assert_int_equal(vault_record_seal(&vector_vault, &draft, inner, again, &size), STATUS_OK);
    assert_true(bytes_equal(bytes_of(again, size), record));
}

static enum status
run_record(void *state, const struct vector *vector)
{
    const struct bytes *fields = vector->fields;
    uint8_t inner[RECORD_INNER_MAX];
    struct record_opened opened;
    enum status status;

    (void)state;
    if (strcmp(vector->name, "keyring") == 0) {
        open_vector_keyring(vector);
        return STATUS_OK;
    }
    assert_int_equal(vector->count, 6); /* vault_id, row, record, both forms, created */
    memcpy(vector_vault.vault_id, fields[0].data, VAULT_ID_BYTES);
    status = vault_record_open(&vector_vault, get_u64(fields[1].data), fields[2], inner, &opened);
    if (status == STATUS_OK) {
        assert_true(bytes_equal(opened.contact.canonical, fields[3]));
        assert_true(bytes_equal(opened.contact.first_seen, fields[4]));
        assert_int_equal(opened.created_ms, (get_u32(fields[5].data) + (uint64_t)946684800) * 1000);
        expect_sealed_so(&opened, get_u64(fields[1].data), fields[2]);
    }
    return status;
}

static void
test_golden_records(void **state)
{
    (void)state;
    assert_int_equal(vectors_run(TESTS_DIR "/vectors/records.txt", run_record, NULL), 41);
    keyring_close(&vector_vault.keyring);
}

static enum status
run_generation(void *state, const struct vector *vector)
{
    const struct vault_generation generation = {.settled = get_u64(vector->fields[0].data),
                                                .pending = get_u64(vector->fields[1].data)};

    (void)state;
    assert_int_equal(vector->count, 3);
    return vault_generation_fits(&generation, get_u64(vector->fields[2].data)) ? STATUS_OK
                                                                               : STATUS_CORRUPT;
}

static void
test_golden_generations(void **state)
{
    (void)state;
    assert_int_equal(vectors_run(TESTS_DIR "/vectors/generations.txt", run_generation, NULL), 9);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_records),
        cmocka_unit_test(test_golden_generations),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_first_seen),
        cmocka_unit_test(test_every_bit_is_vouched_for_but_the_month),
        cmocka_unit_test(test_other_versions_and_sizes_are_refused),
        cmocka_unit_test(test_describe),
        cmocka_unit_test(test_describe_says_what_does_not_open),
        cmocka_unit_test(test_rows_are_as_the_document_says),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
