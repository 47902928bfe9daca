/* SPDX-License-Identifier: Apache-2.0 */
/* A backup's two files: what was put in comes out, and whatever was done to them is told by name.
 * Owns, with test_backup.c, SECURITY.md S31. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "backup_contents.h"
#include "backup_file.h"
#include "backup_made.h"
#include "backup_recipient.h"
#include "secret.h"
#include "vectors.h"

enum { KEYRING_BYTES = 300 }; /* of which the manifest has the digest: backup_made.c */

static int
set_up(void **state)
{
    (void)state;
    return sodium_init() < 0 ? -1 : 0;
}

static enum backup_fault
read_contents(struct bytes file, uint8_t key_number)
{
    uint8_t public_key[BACKUP_KEY_BYTES];
    struct secret *key = made_key(key_number, public_key);
    struct backup_manifest manifest;
    enum backup_fault fault = made_read_contents(file, key, &manifest);

    secret_free(&key);
    return fault;
}

static struct made_file
new_contents(uint8_t number, size_t recipients, size_t rows, made_change *change)
{
    struct backup_head head;

    made_head(number, BACKUP_CONTENTS, recipients, &head);
    return made_contents(&head, rows, change);
}

static void
every_recipient_opens_it_and_nobody_else(void **state)
{
    struct made_file file = new_contents(1, 16, 3, NULL);
    struct bytes rest = bytes_of(file.data, file.size);
    struct backup_head head;

    (void)state;
    for (uint8_t i = 0; i < 16; i++) {
        assert_int_equal(read_contents(bytes_of(file.data, file.size), i), BACKUP_SOUND);
    }
    assert_int_equal(read_contents(bytes_of(file.data, file.size), 16), BACKUP_WRONG_KEY);
    assert_int_equal(backup_head_read(made_source(&rest), &head), BACKUP_SOUND);
    assert_int_equal(head.recipients, 16);
    assert_int_equal(head.time_ms, 1700000000001);
    free(file.data);
}

static void
check_row(const struct backup_frame *frame, size_t at, size_t rows)
{
    assert_int_equal(frame->type, BACKUP_FRAME_ROW);
    assert_int_equal(frame->table, at / rows);
    assert_int_equal(frame->key.size, 4);
    assert_int_equal(get_u32(frame->key.data), at % rows);
    assert_int_equal(frame->bytes.size, 100);
    assert_int_equal(frame->bytes.data[99], (uint8_t)(at % rows));
}

static void
expect_text(struct backup_contents *contents, enum backup_frame_type type, const char *text)
{
    struct backup_frame frame;

    assert_int_equal(backup_contents_next(contents, &frame), BACKUP_SOUND);
    assert_int_equal(frame.type, type);
    assert_true(bytes_equal(frame.bytes, bytes_of_text(text)));
}

/* Many chunks: frames lie across their borders. */
static void
frames_come_back_as_they_were(void **state)
{
    enum { ROWS = 2000 };
    struct made_file file = new_contents(1, 2, ROWS, NULL);
    struct bytes rest = bytes_of(file.data, file.size);
    uint8_t public_key[BACKUP_KEY_BYTES];
    struct secret *key = made_key(1, public_key);
    struct backup_contents *contents = NULL;
    struct backup_frame frame;

    (void)state;
    assert_int_equal(backup_contents_open(made_source(&rest), key, &contents), BACKUP_SOUND);
    for (size_t i = 0; i < (size_t)2 * ROWS; i++) {
        assert_int_equal(backup_contents_next(contents, &frame), BACKUP_SOUND);
        check_row(&frame, i, ROWS);
    }
    expect_text(contents, BACKUP_FRAME_START, "cvastart");
    expect_text(contents, BACKUP_FRAME_ENTRY, "entry five");
    expect_text(contents, BACKUP_FRAME_ENTRY, "entry six");
    assert_int_equal(backup_contents_next(contents, &frame), BACKUP_SOUND);
    assert_int_equal(frame.type, BACKUP_FRAME_MANIFEST);
    assert_int_equal(backup_contents_manifest(contents)->rows[1], ROWS);
    assert_int_equal(backup_contents_manifest(contents)->rows[2], 0);
    assert_int_equal(backup_contents_manifest(contents)->next_row, 8);
    backup_contents_free(&contents);
    secret_free(&key);
    free(file.data);
}

/* Which words are right for a bit altered at `at`. */
static bool
is_right_for(const struct made_file *file, size_t at, enum backup_fault fault)
{
    if (at < 8) {
        return fault == BACKUP_NOT_ONE;
    }
    if (at < 10) {
        return fault == BACKUP_OTHER_VERSION;
    }
    if (at < file->preamble) {
        /* More recipients than there are: the file is too short for them. */
        return fault == BACKUP_HEADER_ALTERED || (at == 11 && fault == BACKUP_TRUNCATED);
    }
    /* A size: too large for a chunk, or for the file, or too small for what follows. */
    return fault == BACKUP_CHUNK_ALTERED || (at < file->preamble + 4 && fault == BACKUP_TRUNCATED);
}

static void
every_bit_counts(void **state)
{
    struct made_file file = new_contents(1, 1, 2, NULL);

    (void)state;
    for (size_t bit = 0; bit < file.size * 8; bit++) {
        enum backup_fault fault;

        file.data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        fault = read_contents(bytes_of(file.data, file.size), 0);
        file.data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        if (!is_right_for(&file, bit / 8, fault)) {
            fail_msg("bit %zu of byte %zu: %s", bit % 8, bit / 8, backup_fault_name(fault));
        }
    }
    assert_int_equal(read_contents(bytes_of(file.data, file.size), 0), BACKUP_SOUND);
    free(file.data);
}

static void
every_byte_is_missed(void **state)
{
    struct made_file file = new_contents(1, 1, 2, NULL);

    (void)state;
    for (size_t size = 0; size < file.size; size++) {
        uint8_t *cut = malloc(size == 0 ? 1 : size);

        assert_non_null(cut);
        memcpy(cut, file.data, size);
        assert_int_equal(read_contents(bytes_of(cut, size), 0),
                         size < 8 ? BACKUP_NOT_ONE : BACKUP_TRUNCATED);
        free(cut);
    }
    free(file.data);
}

/* Where chunk `number` begins: all but the last are whole. */
static uint8_t *
chunk(const struct made_file *file, size_t number)
{
    return file->data + file->preamble + number * BACKUP_PIECE_BYTES_MAX;
}

static void
chunks_have_their_place(void **state)
{
    static uint8_t kept[BACKUP_PIECE_BYTES_MAX];
    struct made_file file = new_contents(1, 1, 2000, NULL);
    struct made_file other = new_contents(1, 1, 2000, NULL);
    struct bytes all = bytes_of(file.data, file.size);

    (void)state;
    assert_true(file.size > file.preamble + 4 * (size_t)BACKUP_PIECE_BYTES_MAX);
    memcpy(kept, chunk(&file, 0), sizeof kept);

    memcpy(chunk(&file, 0), chunk(&file, 1), sizeof kept);
    memcpy(chunk(&file, 1), kept, sizeof kept);
    assert_int_equal(read_contents(all, 0), BACKUP_CHUNK_ALTERED); /* swapped */

    memcpy(chunk(&file, 1), chunk(&file, 0), sizeof kept);
    memcpy(chunk(&file, 0), kept, sizeof kept);
    assert_int_equal(read_contents(all, 0), BACKUP_SOUND);
    memcpy(chunk(&file, 1), kept, sizeof kept);
    assert_int_equal(read_contents(all, 0), BACKUP_CHUNK_ALTERED); /* twice */

    /* The same backup made once more: the same plaintext, another file key. */
    memcpy(chunk(&file, 1), chunk(&other, 1), sizeof kept);
    assert_int_equal(read_contents(all, 0), BACKUP_CHUNK_ALTERED);
    free(file.data);
    free(other.data);
}

static void
whole_chunks_may_be_missing(void **state)
{
    struct made_file file = new_contents(1, 1, 2000, NULL);
    size_t size = (size_t)(chunk(&file, 2) - file.data);

    (void)state;
    assert_int_equal(read_contents(bytes_of(file.data, size), 0), BACKUP_TRUNCATED);
    memmove(chunk(&file, 1), chunk(&file, 2), file.size - size);
    assert_int_equal(read_contents(bytes_of(file.data, file.size - BACKUP_PIECE_BYTES_MAX), 0),
                     BACKUP_CHUNK_ALTERED);
    free(file.data);
}

static void
nothing_stands_behind_it(void **state)
{
    struct made_file file = new_contents(1, 1, 2, NULL);
    uint8_t *longer = calloc(1, file.size + 1);

    (void)state;
    assert_non_null(longer);
    memcpy(longer, file.data, file.size);
    assert_int_equal(read_contents(bytes_of(longer, file.size + 1), 0), BACKUP_TRAILING);
    free(longer);
    free(file.data);
}

/* The check is made anew by whoever alters on purpose: the file's key still knows. */
static void
make_check_anew(struct made_file *file)
{
    (void)crypto_generichash(file->data + file->preamble - 16, 16, file->data, file->preamble - 16,
                             NULL, 0);
}

static void
a_header_cannot_be_exchanged(void **state)
{
    struct made_file file = new_contents(1, 2, 2, NULL);
    struct made_file other = new_contents(2, 2, 2, NULL);
    struct bytes all = bytes_of(file.data, file.size);
    size_t second = BACKUP_HEAD_FIXED_BYTES + BACKUP_STANZA_BYTES;

    (void)state;
    file.data[67] ^= 1; /* the time */
    assert_int_equal(read_contents(all, 0), BACKUP_HEADER_ALTERED);
    make_check_anew(&file);
    assert_int_equal(read_contents(all, 0), BACKUP_HEADER_ALTERED);
    file.data[67] ^= 1;

    file.data[second] ^= 1; /* somebody else's name */
    make_check_anew(&file);
    assert_int_equal(read_contents(all, 0), BACKUP_HEADER_ALTERED);
    assert_int_equal(read_contents(all, 1), BACKUP_WRONG_KEY);
    file.data[second] ^= 1;

    file.data[10] = BACKUP_KEYRING;
    make_check_anew(&file);
    assert_int_equal(read_contents(all, 0), BACKUP_HEADER_ALTERED);
    file.data[10] = BACKUP_CONTENTS;
    make_check_anew(&file);
    assert_int_equal(read_contents(all, 0), BACKUP_SOUND);

    memcpy(file.data, other.data, file.preamble);
    assert_int_equal(read_contents(all, 0), BACKUP_CHUNK_ALTERED);
    free(file.data);
    free(other.data);
}

/* ---- what the manifest says ---- */

static void
one_row_more(struct backup_manifest *manifest)
{
    manifest->rows[1]++;
}

static void
one_entry_more(struct backup_manifest *manifest)
{
    manifest->last_entry++;
}

static void
no_first_entry(struct backup_manifest *manifest)
{
    manifest->first_entry = 0;
    manifest->last_entry = 1;
}

static void
other_head(struct backup_manifest *manifest)
{
    manifest->last_digest[0] ^= 1;
}

static void
other_contents(struct backup_manifest *manifest)
{
    manifest->contents_digest[31] ^= 1;
}

static void
other_id(struct backup_manifest *manifest)
{
    manifest->backup_id[0] ^= 1;
}

static void
other_vault(struct backup_manifest *manifest)
{
    manifest->vault_id[0] ^= 1;
}

static void
other_instance(struct backup_manifest *manifest)
{
    manifest->instance_id[0] ^= 1;
}

static void
other_time(struct backup_manifest *manifest)
{
    manifest->time_ms++;
}

static void
other_generation(struct backup_manifest *manifest)
{
    manifest->keyring_generation++;
}

static void
other_signature(struct backup_manifest *manifest)
{
    manifest->signature[0] ^= 1;
}

static void
the_manifest_is_held_to_what_was_there(void **state)
{
    static const struct {
        made_change *change;
        enum backup_fault fault;
    } cases[] = {
        {one_row_more, BACKUP_MANIFEST_WRONG},   {one_entry_more, BACKUP_MANIFEST_WRONG},
        {no_first_entry, BACKUP_MANIFEST_WRONG}, {other_head, BACKUP_MANIFEST_WRONG},
        {other_contents, BACKUP_MANIFEST_WRONG}, {other_id, BACKUP_MANIFEST_WRONG},
        {other_vault, BACKUP_MANIFEST_WRONG},    {other_instance, BACKUP_MANIFEST_WRONG},
        {other_time, BACKUP_MANIFEST_WRONG},     {other_generation, BACKUP_NOT_SIGNED},
        {other_signature, BACKUP_NOT_SIGNED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct made_file file = new_contents(1, 1, 2, cases[i].change);
        enum backup_fault fault = read_contents(bytes_of(file.data, file.size), 0);

        if (fault != cases[i].fault) {
            fail_msg("case %zu: %s", i, backup_fault_name(fault));
        }
        free(file.data);
    }
}

/* ---- the keyring's part ---- */

static enum backup_fault
read_keyring(uint8_t number, enum backup_part part, size_t size, uint64_t later_ms)
{
    struct made_file contents = new_contents(1, 1, 2, NULL);
    uint8_t public_key[BACKUP_KEY_BYTES];
    struct secret *key = made_key(0, public_key);
    struct backup_manifest manifest;
    struct backup_head head;
    struct made_file keyring;
    struct bytes rest;
    uint8_t *file = NULL;
    size_t file_size = 0;
    enum backup_fault fault;

    assert_int_equal(made_read_contents(bytes_of(contents.data, contents.size), key, &manifest),
                     BACKUP_SOUND);
    made_head(number, part, 1, &head);
    head.time_ms += later_ms;
    keyring = made_keyring(&head, size);
    rest = bytes_of(keyring.data, keyring.size);
    fault = backup_keyring_read(made_source(&rest), key, &manifest, &file, &file_size);
    if (fault == BACKUP_SOUND) {
        assert_int_equal(file_size, size);
        assert_int_equal(file[size - 1], (uint8_t)(size - 1));
    }
    free(file);
    free(keyring.data);
    free(contents.data);
    secret_free(&key);
    return fault;
}

static void
a_keyring_belongs_to_its_contents(void **state)
{
    (void)state;
    assert_int_equal(read_keyring(1, BACKUP_KEYRING, KEYRING_BYTES, 0), BACKUP_SOUND);
    assert_int_equal(read_keyring(2, BACKUP_KEYRING, KEYRING_BYTES, 0), BACKUP_OTHER_KEYRING);
    assert_int_equal(read_keyring(1, BACKUP_KEYRING, KEYRING_BYTES, 1), BACKUP_OTHER_KEYRING);
    assert_int_equal(read_keyring(1, BACKUP_KEYRING, KEYRING_BYTES + 1, 0), BACKUP_OTHER_KEYRING);
    assert_int_equal(read_keyring(1, BACKUP_CONTENTS, KEYRING_BYTES, 0), BACKUP_WRONG_PART);
    assert_int_equal(read_keyring(1, BACKUP_KEYRING, 4 * 1024 * 1024 + 1, 0), BACKUP_FRAME_WRONG);
}

/* A whole chunk can be the last one. */
static void
a_whole_chunk_can_be_the_last(void **state)
{
    struct backup_head head;
    uint8_t public_key[BACKUP_KEY_BYTES];
    struct secret *key = made_key(0, public_key);
    struct made_file file;
    struct bytes rest;
    struct bytes plain;
    struct backup_reader *reader = NULL;
    bool last = false;

    (void)state;
    made_head(1, BACKUP_KEYRING, 1, &head);
    file = made_keyring(&head, 2 * (size_t)BACKUP_CHUNK_BYTES);
    assert_int_equal(file.size, file.preamble + 2 * (size_t)BACKUP_PIECE_BYTES_MAX);
    rest = bytes_of(file.data, file.size);
    assert_int_equal(backup_reader_open(made_source(&rest), key, &reader), BACKUP_SOUND);
    assert_int_equal(backup_reader_next(reader, &plain, &last), BACKUP_SOUND);
    assert_false(last);
    assert_int_equal(backup_reader_next(reader, &plain, &last), BACKUP_SOUND);
    assert_true(last);
    assert_int_equal(plain.size, BACKUP_CHUNK_BYTES);
    backup_reader_free(&reader);
    secret_free(&key);
    free(file.data);
}

static void
contents_are_not_a_keyring(void **state)
{
    struct backup_head head;
    struct made_file file;

    (void)state;
    made_head(1, BACKUP_KEYRING, 1, &head);
    file = made_keyring(&head, KEYRING_BYTES);
    assert_int_equal(read_contents(bytes_of(file.data, file.size), 0), BACKUP_WRONG_PART);
    free(file.data);
}

/* What no honest vault registers: a point that every secret leads to the same value with. */
static void
nothing_is_sealed_to_a_point_of_low_order(void **state)
{
    struct backup_head head;
    struct backup_writer *writer = NULL;

    (void)state;
    made_head(1, BACKUP_CONTENTS, 1, &head);
    memset(head.recipient[0], 0, BACKUP_KEY_BYTES);
    assert_int_equal(backup_writer_new(&head, &writer), STATUS_INVALID);
    assert_null(writer);
}

/* ---- made by another program, from the format's text alone ---- */

static enum backup_fault
read_both(const struct vector *vector, const struct secret *key)
{
    struct bytes contents_file = vector->fields[2];
    struct bytes keyring_file = vector->fields[3];
    struct backup_contents *contents = NULL;
    struct backup_frame frame = {0};
    uint8_t *keyring = NULL;
    size_t size = 0;
    enum backup_fault fault = backup_contents_open(made_source(&contents_file), key, &contents);

    while (fault == BACKUP_SOUND && frame.type != BACKUP_FRAME_MANIFEST) {
        fault = backup_contents_next(contents, &frame);
    }
    if (fault == BACKUP_SOUND &&
        !backup_manifest_holds(backup_contents_manifest(contents), vector->fields[1].data)) {
        fault = BACKUP_NOT_SIGNED;
    }
    if (fault == BACKUP_SOUND) {
        fault = backup_keyring_read(made_source(&keyring_file), key,
                                    backup_contents_manifest(contents), &keyring, &size);
    }
    if (fault == BACKUP_SOUND) {
        assert_int_equal(size, KEYRING_BYTES);
        assert_int_equal(keyring[KEYRING_BYTES - 1], (uint8_t)(KEYRING_BYTES - 1));
    }
    free(keyring);
    backup_contents_free(&contents);
    return fault;
}

static const char *
run_vector(void *state, const struct vector *vector)
{
    struct secret *key = NULL;
    enum backup_fault fault;

    (void)state;
    assert_int_equal(secret_copy(vector->fields[0].data, vector->fields[0].size, &key), STATUS_OK);
    fault = read_both(vector, key);
    secret_free(&key);
    return backup_fault_name(fault);
}

static void
vectors_are_told_apart(void **state)
{
    assert_int_equal(vectors_run_named(TESTS_DIR "/vectors/backups.txt", run_vector, *state), 53);
}

static bool
fail_to_read(void *state, uint8_t *to, size_t size, size_t *ret_size)
{
    (void)state;
    (void)to;
    (void)size;
    (void)ret_size;
    return false;
}

static void
a_disk_that_says_no_is_not_a_damaged_backup(void **state)
{
    struct backup_source source = {.read = fail_to_read};
    struct backup_head head;

    (void)state;
    assert_int_equal(backup_head_read(source, &head), BACKUP_UNREADABLE);
}

static void
keys_have_their_own_text(void **state)
{
    char text[BACKUP_RECIPIENT_TEXT_BYTES + 2] = "";
    uint8_t key[BACKUP_KEY_BYTES];
    uint8_t public_key[BACKUP_KEY_BYTES];
    struct secret *secret = made_key(3, public_key);
    const char *file = "contact-vault recipient private 1\n"
                       "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=\n";

    (void)state;
    backup_recipient_print(public_key, text);
    assert_memory_equal(text, "contact-vault recipient public 1 ", 33);
    assert_true(backup_recipient_parse(text, key));
    assert_memory_equal(key, public_key, sizeof key);
    assert_true(backup_recipient_parse(strcat(text, "\n"), key));
    assert_false(backup_recipient_parse(strcat(text, "x"), key));
    /* An identity is no recipient. */
    assert_false(backup_recipient_parse(
        "contact-vault public 1 QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=", key));

    assert_true(backup_recipient_parse_private(bytes_of_text(file), key));
    assert_int_equal(key[31], 'A');
    assert_false(backup_recipient_parse_private(bytes_of(file, strlen(file) - 1), key));
    assert_int_equal(key[31], 0);
    assert_false(backup_recipient_parse_private(
        bytes_of_text("contact-vault identity 1\n"
                      "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=\n"),
        key));
    secret_free(&secret);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_recipient_opens_it_and_nobody_else),
        cmocka_unit_test(frames_come_back_as_they_were),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(every_byte_is_missed),
        cmocka_unit_test(chunks_have_their_place),
        cmocka_unit_test(whole_chunks_may_be_missing),
        cmocka_unit_test(nothing_stands_behind_it),
        cmocka_unit_test(a_header_cannot_be_exchanged),
        cmocka_unit_test(the_manifest_is_held_to_what_was_there),
        cmocka_unit_test(a_keyring_belongs_to_its_contents),
        cmocka_unit_test(a_whole_chunk_can_be_the_last),
        cmocka_unit_test(contents_are_not_a_keyring),
        cmocka_unit_test(vectors_are_told_apart),
        cmocka_unit_test(nothing_is_sealed_to_a_point_of_low_order),
        cmocka_unit_test(a_disk_that_says_no_is_not_a_damaged_backup),
        cmocka_unit_test(keys_have_their_own_text),
    };

    return cmocka_run_group_tests_name("backup_file", tests, set_up, NULL);
}
