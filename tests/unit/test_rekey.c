/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The job that replaces keys, by steps called by hand: no token changes, no lookup misses, nothing
 * is left under an old key when it is destroyed; through restarts, kills between any two steps,
 * calls that fail, and records that do not open. Owns: SECURITY.md S27 "what was erased before a
 * rotation opens with no key the vault has after it".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "store_faulty.h"
#include "vault_alone.h"
#include "vault_rekey.h"

enum {
    CONTACTS = 12,
    STEP = 3, /* contacts at once */
    STEPS_MAX = 500,
    RECORD_MAX = 1024,
    CRASHED = 86,
    EPOCH_OFFSET = 4,
    NAMESPACE_OFFSET = 8,
    TEXT_BYTES = 40,
};

static struct alone alone;
static struct vault_rekey *job;
static char texts[CONTACTS][TEXT_BYTES];
static struct vault_place places[CONTACTS];
static uint64_t missed; /* that the job said are gone */

static void
make_over(const struct store_backend *backend)
{
    missed = 0;
    alone_make(&alone, backend);
    assert_int_equal(vault_rekey_new(&job), STATUS_OK);
    for (size_t i = 0; i < CONTACTS; i++) {
        (void)snprintf(texts[i], sizeof texts[i],
                       i % 2 == 0 ? "c%zu@example.com" : "+3933312345%02zu", i);
        places[i] = alone_tokenize(&alone, texts[i]);
    }
}

static int
set_up(void **state)
{
    (void)state;
    make_over(&store_lmdb_backend);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    vault_rekey_free(&job);
    alone_remove(&alone);
    return 0;
}

/* As a crash, and a start after it. */
static void
restart(void)
{
    vault_rekey_free(&job);
    alone_close(&alone);
    assert_int_equal(alone_open(&alone), STATUS_OK);
    assert_int_equal(vault_rekey_new(&job), STATUS_OK);
}

static struct vault_key
key_of(enum rotated_key purpose, uint32_t number)
{
    return (struct vault_key){purpose, ALONE_NAMESPACE, number};
}

static enum status
rotate(enum rotated_key purpose, uint32_t namespace_id)
{
    struct vault_key key;
    enum status status = vault_rotation_plan(alone.vault, purpose, namespace_id, &key);

    if (status == STATUS_OK) {
        status = vault_rotate(alone.vault, &key, 1);
    }
    if (status == STATUS_OK) {
        vault_rekey_wake(job);
    }
    return status;
}

/* One step, and what it asks for. */
static enum vault_rekey_what
step(void)
{
    struct vault_rekey_event event;

    assert_int_equal(vault_rekey_step(alone.vault, job, alone.scratch, STEP, &event), STATUS_OK);
    scratch_wipe(alone.scratch);
    if (event.what == REKEY_DESTROYS) {
        assert_in_range(event.key_count, 1, VAULT_KEYS_MAX);
        assert_int_equal(vault_rekey_destroy(alone.vault, job), STATUS_OK);
    }
    if (event.what == REKEY_MISSING) {
        missed += event.rows;
        assert_int_equal(vault_rekey_recount(alone.vault, job), STATUS_OK);
    }
    return event.what;
}

static enum vault_rekey_what
last_word(enum vault_rekey_what what, enum vault_rekey_what so_far)
{
    return what == REKEY_ENDED || what == REKEY_STUCK ? what : so_far;
}

/* Until there is nothing to do; how the last rotation ended. */
static enum vault_rekey_what
finish(void)
{
    enum vault_rekey_what how = REKEY_NOTHING;

    for (int i = 0; i < STEPS_MAX; i++) {
        enum vault_rekey_what what = step();

        if (what == REKEY_NOTHING) {
            return how;
        }
        how = last_word(what, how);
    }
    fail_msg("the job does not end");
    return how;
}

/* Every contact has its token, by lookup and by tokenize, and the token its contact. */
static void
expect_all(void)
{
    for (size_t i = 0; i < CONTACTS; i++) {
        char text[CONTACT_BYTES_MAX + 1];
        struct vault_place found = alone_tokenize(&alone, texts[i]);

        assert_int_equal(alone_lookup(&alone, texts[i]), STATUS_OK);
        assert_memory_equal(found.token.bytes, places[i].token.bytes, TOKEN_BYTES);
        assert_int_equal(alone_reveal(&alone, &places[i], text), STATUS_OK);
        assert_string_equal(text, texts[i]);
        scratch_wipe(alone.scratch);
    }
    (void)alone_count(&alone);
}

static struct vault_key_state
state_of(struct vault_key key, struct vault_rekey_progress *ret_progress)
{
    struct vault_key_state states[2 * VAULT_KEYS_MAX];
    size_t count = 0;

    *ret_progress = (struct vault_rekey_progress){0};
    assert_int_equal(vault_keys_of(alone.vault, key.namespace_id, states, &count, ret_progress),
                     STATUS_OK);
    for (size_t i = 0; i < count; i++) {
        if (states[i].key.purpose == key.purpose && states[i].key.number == key.number) {
            return states[i];
        }
    }
    return (struct vault_key_state){0};
}

static uint64_t
records_under(enum rotated_key purpose, uint32_t number)
{
    struct vault_rekey_progress progress;

    return state_of(key_of(purpose, number), &progress).records;
}

/* The rotation to that number is over, and nothing of the one before is left. */
static void
expect_rotated(enum rotated_key purpose, uint32_t number)
{
    struct vault_rekey_progress progress;
    struct vault_key_state now = state_of(key_of(purpose, number), &progress);

    assert_true(now.active);
    assert_int_equal(now.records, CONTACTS);
    assert_int_equal(progress.total, 0);
    for (uint32_t old = 1; old < number; old++) {
        assert_false(vault_has_key(alone.vault, key_of(purpose, old)));
    }
    expect_all();
}

/* ---- the whole way ---- */

static void
test_a_data_key_rotates_and_no_token_changes(void **state)
{
    struct vault_rekey_progress progress;
    uint64_t moved = 0;

    (void)state;
    assert_int_equal(rotate(ROTATED_DATA, ALONE_NAMESPACE), STATUS_OK);
    assert_true(vault_has_key(alone.vault, key_of(ROTATED_DATA, 2)));
    assert_false(state_of(key_of(ROTATED_DATA, 1), &progress).active);
    assert_int_equal(progress.total, CONTACTS);
    assert_int_equal(progress.done, 0);
    for (enum vault_rekey_what what = step(); what != REKEY_ENDED; what = step()) {
        uint64_t now = records_under(ROTATED_DATA, 2);

        assert_true(now >= moved && now - moved <= STEP);
        moved = now;
        assert_int_equal(now + records_under(ROTATED_DATA, 1), CONTACTS);
        assert_int_not_equal(what, REKEY_STUCK);
        expect_all();
    }
    assert_int_equal(step(), REKEY_NOTHING);
    expect_rotated(ROTATED_DATA, 2);
    restart();
    expect_rotated(ROTATED_DATA, 2);
}

static void
test_what_is_new_is_sealed_under_the_new_key_at_once(void **state)
{
    uint8_t record[RECORD_MAX];
    struct vault_place made;

    (void)state;
    assert_int_equal(rotate(ROTATED_DATA, ALONE_NAMESPACE), STATUS_OK);
    made = alone_tokenize(&alone, "new@example.com");
    (void)alone_record(&alone, &made, record);
    assert_int_equal(get_u32(record + EPOCH_OFFSET), 2);
    (void)alone_record(&alone, &places[0], record);
    assert_int_equal(get_u32(record + EPOCH_OFFSET), 1);
}

static void
test_an_index_key_rotates_and_no_lookup_misses(void **state)
{
    (void)state;
    assert_int_equal(rotate(ROTATED_INDEX, ALONE_NAMESPACE), STATUS_OK);
    for (enum vault_rekey_what what = step(); what != REKEY_ENDED; what = step()) {
        assert_int_not_equal(what, REKEY_STUCK);
        expect_all();
    }
    assert_int_equal(step(), REKEY_NOTHING);
    expect_rotated(ROTATED_INDEX, 2);
    restart();
    expect_rotated(ROTATED_INDEX, 2);
}

/* At every point of an index rotation a contact is made, found again, and erased. */
static void
test_contacts_come_and_go_while_an_index_key_rotates(void **state)
{
    char early[TEXT_BYTES] = "early@example.com";
    struct vault_place place = alone_tokenize(&alone, early);
    int steps = 0;

    (void)state;
    assert_int_equal(rotate(ROTATED_INDEX, ALONE_NAMESPACE), STATUS_OK);
    for (enum vault_rekey_what what = REKEY_NOTHING; what != REKEY_ENDED; what = step()) {
        char text[TEXT_BYTES];
        struct vault_place made;

        assert_int_not_equal(what, REKEY_STUCK);
        (void)snprintf(text, sizeof text, "step%d@example.com", steps++);
        made = alone_tokenize(&alone, text);
        assert_memory_equal(alone_tokenize(&alone, text).token.bytes, made.token.bytes,
                            TOKEN_BYTES);
        /* Made one step ago, under whatever was in force then. */
        assert_int_equal(alone_erase(&alone, place), STATUS_OK);
        assert_int_equal(alone_lookup(&alone, early), STATUS_NOT_FOUND);
        memcpy(early, text, sizeof early);
        place = made;
        assert_int_equal(alone_count(&alone), CONTACTS + 1);
    }
    assert_in_range(steps, 8, STEPS_MAX);
    assert_int_equal(alone_lookup(&alone, early), STATUS_OK);
    assert_int_equal(alone_erase(&alone, place), STATUS_OK);
    assert_int_equal(finish(), REKEY_NOTHING);
    expect_rotated(ROTATED_INDEX, 2);
}

/* More come in between any two steps than a step moves: the job ends all the same. */
static void
ends_under_load(enum rotated_key purpose)
{
    int steps = 0;

    assert_int_equal(rotate(purpose, ALONE_NAMESPACE), STATUS_OK);
    for (enum vault_rekey_what what = REKEY_NOTHING; what != REKEY_ENDED; what = step()) {
        for (int i = 0; i < 2 * STEP; i++) {
            char text[TEXT_BYTES];

            (void)snprintf(text, sizeof text, "%d-%d-%d@example.com", (int)purpose, steps, i);
            (void)alone_tokenize(&alone, text);
        }
        assert_in_range(++steps, 1, STEPS_MAX);
    }
    assert_false(vault_has_key(alone.vault, key_of(purpose, 1)));
    expect_all();
}

static void
test_who_writes_faster_than_the_job_does_not_hold_it_up(void **state)
{
    (void)state;
    ends_under_load(ROTATED_DATA);
}

static void
test_nor_that_of_an_index_key(void **state)
{
    (void)state;
    ends_under_load(ROTATED_INDEX);
}

static void
test_s27_what_was_erased_opens_with_no_key_there_is(void **state)
{
    uint8_t record[RECORD_MAX];
    uint8_t row[8];
    size_t size = alone_record(&alone, &places[0], record);
    struct vault_place back = places[0];
    char text[CONTACT_BYTES_MAX + 1];

    (void)state;
    assert_int_equal(alone_erase(&alone, places[0]), STATUS_OK);
    /* As long as the key is there, whoever has the bytes and the keyring has the contact. */
    put_u64(row, places[0].row);
    alone_put_record(&alone, &places[0], record, size);
    alone_put(&alone, STORE_TOKEN, bytes_of(places[0].token.bytes, TOKEN_BYTES),
              bytes_of(row, sizeof row));
    assert_int_equal(alone_reveal(&alone, &back, text), STATUS_OK);
    alone_put(&alone, STORE_RECORD, bytes_of(row, sizeof row), (struct bytes){0});
    alone_put(&alone, STORE_TOKEN, bytes_of(places[0].token.bytes, TOKEN_BYTES), (struct bytes){0});

    assert_int_equal(rotate(ROTATED_DATA, ALONE_NAMESPACE), STATUS_OK);
    assert_int_equal(rotate(ROTATED_INDEX, ALONE_NAMESPACE), STATUS_OK);
    assert_int_equal(finish(), REKEY_ENDED);
    assert_false(vault_has_key(alone.vault, key_of(ROTATED_DATA, 1)));
    assert_false(vault_has_key(alone.vault, key_of(ROTATED_INDEX, 1)));
    restart(); /* from the file, not from memory */
    alone_put_record(&alone, &places[0], record, size);
    alone_put(&alone, STORE_TOKEN, bytes_of(places[0].token.bytes, TOKEN_BYTES),
              bytes_of(row, sizeof row));
    assert_int_equal(alone_reveal(&alone, &back, text), STATUS_CORRUPT);
    put_u32(record + EPOCH_OFFSET, 2);
    alone_put_record(&alone, &places[0], record, size);
    assert_int_equal(alone_reveal(&alone, &back, text), STATUS_CORRUPT);
}

static void
test_one_namespace_rotates_and_the_other_does_not(void **state)
{
    (void)state;
    assert_int_equal(rotate(ROTATED_DATA, ALONE_NAMESPACE), STATUS_OK);
    assert_int_equal(finish(), REKEY_ENDED);
    assert_true(
        vault_has_key(alone.vault, (struct vault_key){ROTATED_DATA, ALONE_OTHER_NAMESPACE, 1}));
    assert_false(
        vault_has_key(alone.vault, (struct vault_key){ROTATED_DATA, ALONE_OTHER_NAMESPACE, 2}));
    /* One without contacts rotates as well. */
    assert_int_equal(rotate(ROTATED_INDEX, ALONE_OTHER_NAMESPACE), STATUS_OK);
    assert_int_equal(rotate(ROTATED_DATA, ALONE_OTHER_NAMESPACE), STATUS_OK);
    assert_int_equal(finish(), REKEY_ENDED);
    assert_true(
        vault_has_key(alone.vault, (struct vault_key){ROTATED_INDEX, ALONE_OTHER_NAMESPACE, 2}));
    assert_false(
        vault_has_key(alone.vault, (struct vault_key){ROTATED_INDEX, ALONE_OTHER_NAMESPACE, 1}));
    expect_rotated(ROTATED_DATA, 2);
}

static void
test_a_second_rotation_overtakes_the_first(void **state)
{
    (void)state;
    assert_int_equal(rotate(ROTATED_DATA, 77), STATUS_NOT_FOUND);
    assert_int_equal(rotate(ROTATED_DATA, ALONE_NAMESPACE), STATUS_OK);
    for (int i = 0; i < 3; i++) { /* begun, marked, moved */
        (void)step();
    }
    assert_in_range(records_under(ROTATED_DATA, 2), 1, CONTACTS - 1);
    assert_int_equal(rotate(ROTATED_DATA, ALONE_NAMESPACE), STATUS_OK);
    assert_int_equal(finish(), REKEY_ENDED);
    expect_rotated(ROTATED_DATA, 3);

    assert_int_equal(rotate(ROTATED_INDEX, ALONE_NAMESPACE), STATUS_OK);
    assert_int_equal(rotate(ROTATED_INDEX, ALONE_NAMESPACE), STATUS_CONFLICT);
    (void)step();
    assert_int_equal(rotate(ROTATED_INDEX, ALONE_NAMESPACE), STATUS_CONFLICT);
    assert_int_equal(finish(), REKEY_ENDED);
    expect_rotated(ROTATED_INDEX, 2);
    assert_int_equal(rotate(ROTATED_INDEX, ALONE_NAMESPACE), STATUS_OK);
    assert_int_equal(finish(), REKEY_ENDED);
    expect_rotated(ROTATED_INDEX, 3);
}

/* ---- what does not open ---- */

static void
flip_bit(struct vault_place *place, size_t offset)
{
    uint8_t record[RECORD_MAX];
    size_t size = alone_record(&alone, place, record);

    record[offset] ^= 1;
    alone_put_record(&alone, place, record, size);
}

static void
expect_stuck_until_mended(enum rotated_key purpose, size_t offset)
{
    flip_bit(&places[5], offset);
    assert_int_equal(rotate(purpose, ALONE_NAMESPACE), STATUS_OK);
    assert_int_equal(rotate(ROTATED_DATA, ALONE_OTHER_NAMESPACE), STATUS_OK);
    assert_int_equal(rotate(ROTATED_INDEX, ALONE_OTHER_NAMESPACE), STATUS_OK);
    (void)finish();
    /* The old key stays; who has nothing to do with it has gone on. */
    assert_true(vault_has_key(alone.vault, key_of(purpose, 1)));
    assert_false(
        vault_has_key(alone.vault, (struct vault_key){ROTATED_DATA, ALONE_OTHER_NAMESPACE, 1}));
    assert_false(
        vault_has_key(alone.vault, (struct vault_key){ROTATED_INDEX, ALONE_OTHER_NAMESPACE, 1}));
    for (size_t i = 0; i < CONTACTS; i++) {
        assert_int_equal(alone_lookup(&alone, texts[i]), i == 5 ? STATUS_CORRUPT : STATUS_OK);
    }
    assert_int_equal(step(), REKEY_NOTHING);
    restart();
    assert_int_equal(finish(), REKEY_STUCK);
    assert_true(vault_has_key(alone.vault, key_of(purpose, 1)));

    flip_bit(&places[5], offset);
    vault_rekey_wake(job);
    assert_int_equal(finish(), REKEY_ENDED);
    expect_rotated(purpose, 2);
}

static void
test_a_record_that_does_not_open_keeps_the_data_key(void **state)
{
    uint8_t record[RECORD_MAX];

    (void)state;
    expect_stuck_until_mended(ROTATED_DATA, alone_record(&alone, &places[5], record) - 3);
}

static void
test_a_record_that_does_not_open_keeps_the_index_key(void **state)
{
    uint8_t record[RECORD_MAX];

    (void)state;
    expect_stuck_until_mended(ROTATED_INDEX, alone_record(&alone, &places[5], record) - 3);
}

/* Neither of these is seen by who looks for the namespace's records: the counts miss them. */
static void
test_a_record_that_names_another_namespace_keeps_both_keys(void **state)
{
    (void)state;
    expect_stuck_until_mended(ROTATED_DATA, NAMESPACE_OFFSET + 3);
    assert_int_equal(rotate(ROTATED_INDEX, ALONE_NAMESPACE), STATUS_OK);
    flip_bit(&places[7], NAMESPACE_OFFSET + 3);
    assert_int_equal(finish(), REKEY_STUCK);
    assert_true(vault_has_key(alone.vault, key_of(ROTATED_INDEX, 1)));
    flip_bit(&places[7], NAMESPACE_OFFSET + 3);
    vault_rekey_wake(job);
    assert_int_equal(finish(), REKEY_ENDED);
    expect_rotated(ROTATED_INDEX, 2);
}

static void
test_a_header_that_cannot_be_read_keeps_both_keys(void **state)
{
    (void)state;
    expect_stuck_until_mended(ROTATED_DATA, 0);
}

/* Keys between the one that is stuck and the new one go. */
static void
test_an_altered_row_of_epochs_is_told_and_others_go_on(void **state)
{
    uint8_t key[sizeof "epoch/" - 1 + 4] = "epoch/";
    const uint8_t altered = 1;
    enum vault_rekey_what what = REKEY_WORKED;
    bool stuck = false;

    (void)state;
    put_u32(key + sizeof "epoch/" - 1, ALONE_NAMESPACE);
    assert_int_equal(rotate(ROTATED_DATA, ALONE_NAMESPACE), STATUS_OK);
    assert_int_equal(rotate(ROTATED_DATA, ALONE_OTHER_NAMESPACE), STATUS_OK);
    alone_put(&alone, STORE_META, bytes_of(key, sizeof key), bytes_of(&altered, sizeof altered));
    for (int i = 0; i < STEPS_MAX && what != REKEY_NOTHING; i++) {
        what = step();
        stuck |= what == REKEY_STUCK;
    }
    assert_true(stuck);
    assert_int_equal(what, REKEY_NOTHING);
    assert_true(vault_has_key(alone.vault, key_of(ROTATED_DATA, 1)));
    assert_false(
        vault_has_key(alone.vault, (struct vault_key){ROTATED_DATA, ALONE_OTHER_NAMESPACE, 1}));
}

static void
test_only_the_key_that_is_needed_stays(void **state)
{
    uint8_t record[RECORD_MAX];
    size_t last = alone_record(&alone, &places[5], record) - 3;

    (void)state;
    flip_bit(&places[5], last);
    for (uint32_t number = 2; number < 4; number++) {
        assert_int_equal(rotate(ROTATED_DATA, ALONE_NAMESPACE), STATUS_OK);
        assert_int_equal(finish(), REKEY_STUCK);
        assert_true(vault_has_key(alone.vault, key_of(ROTATED_DATA, number)));
    }
    assert_true(vault_has_key(alone.vault, key_of(ROTATED_DATA, 1)));
    assert_false(vault_has_key(alone.vault, key_of(ROTATED_DATA, 2)));
}

static void
test_more_keys_than_there_may_be_are_refused(void **state)
{
    (void)state;
    for (int i = 1; i < VAULT_KEYS_MAX; i++) {
        assert_int_equal(rotate(ROTATED_DATA, ALONE_NAMESPACE), STATUS_OK);
        (void)alone_tokenize(&alone, "again@example.com");
    }
    assert_int_equal(rotate(ROTATED_DATA, ALONE_NAMESPACE), STATUS_CONFLICT);
    assert_int_equal(finish(), REKEY_ENDED);
    assert_int_equal(rotate(ROTATED_DATA, ALONE_NAMESPACE), STATUS_OK);
}

/* A contact whose index row was lost was given a second token: both stay as they are. */
static void
test_a_second_record_of_a_contact_follows(void **state)
{
    uint8_t key[STORE_KEY_BYTES_MAX];
    size_t size = alone_index_key(&alone, &places[3], key);
    struct vault_place first = places[3];
    char text[CONTACT_BYTES_MAX + 1];

    (void)state;
    alone_put(&alone, STORE_INDEX, bytes_of(key, size), (struct bytes){0});
    places[3] = alone_tokenize(&alone, texts[3]);
    assert_memory_not_equal(first.token.bytes, places[3].token.bytes, TOKEN_BYTES);
    assert_int_equal(rotate(ROTATED_DATA, ALONE_NAMESPACE), STATUS_OK);
    assert_int_equal(finish(), REKEY_ENDED);
    assert_int_equal(alone_reveal(&alone, &first, text), STATUS_OK);
    /* The count of the old index has one row that is no more. */
    assert_int_equal(rotate(ROTATED_INDEX, ALONE_NAMESPACE), STATUS_OK);
    assert_int_equal(finish(), REKEY_ENDED);
    assert_int_equal(missed, 1);
    for (size_t i = 0; i < CONTACTS; i++) {
        assert_memory_equal(alone_tokenize(&alone, texts[i]).token.bytes, places[i].token.bytes,
                            TOKEN_BYTES);
    }
}

/* Somebody put the row of its first record back: the second one, which comes later, is not to take
 * its place under the new key. */
static void
test_a_second_record_does_not_become_the_first(void **state)
{
    static const uint8_t count_key[] = {'c', 'o', 'u', 'n', 't', '/', 0, 0, 0, ALONE_NAMESPACE};
    uint8_t counts[1 + 2 * (1 + 4 + 8)] = {1};
    uint8_t key[STORE_KEY_BYTES_MAX];
    uint8_t row[8];
    size_t size = alone_index_key(&alone, &places[3], key);

    (void)state;
    alone_put(&alone, STORE_INDEX, bytes_of(key, size), (struct bytes){0});
    (void)alone_tokenize(&alone, texts[3]);
    put_u64(row, places[3].row);
    alone_put(&alone, STORE_INDEX, bytes_of(key, size), bytes_of(row, sizeof row));
    counts[1] = ROTATED_DATA;
    put_u32(counts + 2, 1);
    put_u64(counts + 6, CONTACTS + 1);
    counts[14] = ROTATED_INDEX;
    put_u32(counts + 15, 1);
    put_u64(counts + 19, CONTACTS);
    alone_put(&alone, STORE_META, bytes_of(count_key, sizeof count_key),
              bytes_of(counts, sizeof counts));

    assert_int_equal(rotate(ROTATED_INDEX, ALONE_NAMESPACE), STATUS_OK);
    assert_int_equal(finish(), REKEY_ENDED);
    for (size_t i = 0; i < CONTACTS; i++) {
        assert_memory_equal(alone_tokenize(&alone, texts[i]).token.bytes, places[i].token.bytes,
                            TOKEN_BYTES);
    }
}

static enum status
take_new_row(void *state, struct bytes key, struct bytes value)
{
    (void)value;
    if (get_u32(key.data + 4) == 2) {
        memcpy(state, key.data, key.size);
    }
    return STATUS_OK;
}

static enum status
find_new_row_step(struct store_txn *txn, void *state)
{
    return store_scan(txn, STORE_INDEX, (struct bytes){0}, (struct bytes){0}, take_new_row, state);
}

/* The counts do not know of it: the look at every record does. */
static void
test_a_new_row_that_was_lost_is_missed(void **state)
{
    enum { KEY_BYTES = 25 };
    uint8_t key[KEY_BYTES] = {0};

    (void)state;
    assert_int_equal(rotate(ROTATED_INDEX, ALONE_NAMESPACE), STATUS_OK);
    while (records_under(ROTATED_INDEX, 2) < CONTACTS) {
        (void)step();
    }
    assert_int_equal(store_view(alone.store, find_new_row_step, key), STATUS_OK);
    assert_int_equal(get_u32(key + 4), 2);
    alone_put(&alone, STORE_INDEX, bytes_of(key, sizeof key), (struct bytes){0});
    assert_int_equal(finish(), REKEY_STUCK);
    assert_true(vault_has_key(alone.vault, key_of(ROTATED_INDEX, 1)));
    for (size_t i = 0; i < CONTACTS; i++) {
        assert_int_equal(alone_lookup(&alone, texts[i]), STATUS_OK);
    }
    vault_rekey_wake(job); /* it is made again */
    assert_int_equal(finish(), REKEY_ENDED);
    assert_int_equal(alone_count(&alone), CONTACTS);
}

/* ---- records that are gone ---- */

static void
lose_record(size_t at)
{
    uint8_t row[8];

    put_u64(row, places[at].row);
    alone_put(&alone, STORE_RECORD, bytes_of(row, sizeof row), (struct bytes){0});
}

static void
put_record_back(size_t at, const uint8_t *record, size_t size)
{
    alone_put_record(&alone, &places[at], record, size);
}

/* All others move; it is said how many are gone, and then the old key goes. */
static void
test_records_that_are_gone_keep_no_key(void **state)
{
    (void)state;
    for (int purpose = ROTATED_DATA; purpose <= ROTATED_INDEX; purpose++) {
        enum rotated_key rotated = (enum rotated_key)purpose;

        missed = 0;
        lose_record(rotated == ROTATED_DATA ? 4 : 9);
        assert_int_equal(rotate(rotated, ALONE_NAMESPACE), STATUS_OK);
        assert_int_equal(finish(), REKEY_ENDED);
        /* An index row was lost with the record before; the rotation of data said so of the record.
         */
        assert_int_equal(missed, rotated == ROTATED_DATA ? 1 : 2);
        assert_false(vault_has_key(alone.vault, key_of(rotated, 1)));
        assert_true(vault_has_key(alone.vault, key_of(rotated, 2)));
    }
    assert_int_equal(records_under(ROTATED_INDEX, 2), CONTACTS - 2);
    for (size_t i = 0; i < CONTACTS; i++) {
        if (i != 4 && i != 9) {
            assert_int_equal(alone_lookup(&alone, texts[i]), STATUS_OK);
        }
    }
}

/* While one record does not open, whosever, what is missing may be it: nothing is forgotten. */
static void
keeps_all(enum rotated_key purpose, size_t lost, size_t altered, size_t bit)
{
    uint32_t old = purpose == ROTATED_DATA ? 1 : 1;

    missed = 0;
    lose_record(lost);
    flip_bit(&places[altered], bit);
    assert_int_equal(rotate(purpose, ALONE_NAMESPACE), STATUS_OK);
    assert_int_equal(finish(), REKEY_STUCK);
    assert_int_equal(missed, 0);
    assert_true(vault_has_key(alone.vault, key_of(purpose, old)));
    flip_bit(&places[altered], bit);
    vault_rekey_wake(job);
    assert_int_equal(finish(), REKEY_ENDED);
    assert_int_equal(missed, 1);
    assert_false(vault_has_key(alone.vault, key_of(purpose, old)));
}

static void
test_nothing_is_forgotten_while_a_record_does_not_open(void **state)
{
    (void)state;
    keeps_all(ROTATED_DATA, 4, 7, 0); /* not even its header */
}

static void
test_nor_while_one_names_another_namespace(void **state)
{
    (void)state;
    keeps_all(ROTATED_DATA, 4, 7, NAMESPACE_OFFSET + 3);
}

static void
test_nor_while_one_names_the_new_key(void **state)
{
    (void)state;
    keeps_all(ROTATED_DATA, 4, 7, EPOCH_OFFSET + 3);
}

static void
test_nor_of_an_index(void **state)
{
    (void)state;
    keeps_all(ROTATED_INDEX, 4, 7, NAMESPACE_OFFSET + 3);
}

/* Somebody takes a record out of sight while the job looks, and puts it back before it is done. */
static void
test_a_record_that_comes_back_keeps_its_key(void **state)
{
    uint8_t record[RECORD_MAX];
    char text[CONTACT_BYTES_MAX + 1];
    enum vault_rekey_what how;
    bool stuck = false;
    uint32_t number = 1;
    int later = 0;

    (void)state;
    /* Later and later, until every record was looked at: what comes back after that is too late. */
    while (missed == 0) {
        size_t size = alone_record(&alone, &places[2], record);

        lose_record(2);
        assert_int_equal(rotate(ROTATED_DATA, ALONE_NAMESPACE), STATUS_OK);
        while (records_under(ROTATED_DATA, number + 1) < CONTACTS - 1) {
            (void)step();
        }
        for (int i = 0; i < later; i++) {
            (void)step();
        }
        put_record_back(2, record, size);
        how = finish();
        stuck |= how == REKEY_STUCK;
        if (missed == 0) {
            assert_int_equal(alone_reveal(&alone, &places[2], text), STATUS_OK);
            vault_rekey_wake(job);
            (void)finish();
            expect_all();
            expect_rotated(ROTATED_DATA, ++number);
        }
        later++;
    }
    assert_true(stuck);
    assert_in_range(later, 3, STEPS_MAX);
}

/* ---- stops of every kind ---- */

static void
restart_after_each_step(enum rotated_key purpose)
{
    int steps = 0;

    assert_int_equal(rotate(purpose, ALONE_NAMESPACE), STATUS_OK);
    for (int whole = 1; whole < STEPS_MAX; whole++) {
        enum vault_rekey_what how = REKEY_NOTHING;

        /* One step further than the last time, before the next restart. */
        for (int i = 0; i < whole; i++, steps++) {
            enum vault_rekey_what what = step();

            how = last_word(what, how);
            if (what == REKEY_NOTHING) {
                expect_rotated(purpose, 2);
                assert_in_range(steps, 10, STEPS_MAX);
                return;
            }
        }
        restart();
        expect_all();
    }
    fail_msg("the job does not end");
}

static void
test_restarts_in_between(void **state)
{
    (void)state;
    restart_after_each_step(ROTATED_DATA);
    restart_after_each_step(ROTATED_INDEX);
}

/* The cursor saves work: what was moved before a restart is not looked at again by the move. */
static void
test_a_restart_goes_on_where_it_was(void **state)
{
    struct vault_rekey_event event;

    (void)state;
    assert_int_equal(rotate(ROTATED_INDEX, ALONE_NAMESPACE), STATUS_OK);
    assert_int_equal(step(), REKEY_BEGUN);
    for (int i = 0; i < 1 + CONTACTS / STEP; i++) {
        assert_int_equal(step(), REKEY_WORKED);
    }
    restart();
    assert_int_equal(step(), REKEY_BEGUN);
    assert_int_equal(step(), REKEY_WORKED); /* how far records go */
    assert_int_equal(vault_rekey_step(alone.vault, job, alone.scratch, STEP, &event), STATUS_OK);
    assert_int_equal(event.what, REKEY_WORKED);
    assert_int_equal(event.rows, 0); /* the move is over; looked at from the first, it were STEP */
    assert_int_equal(finish(), REKEY_ENDED);
}

/* Any one call of the store fails: the step says so, and the next one does it. */
static void
fail_each_call(enum rotated_key purpose)
{
    uint32_t number = 1;

    for (uint64_t call = 1; call < 400; call += 7) {
        struct vault_rekey_event event = {.what = REKEY_WORKED};
        bool failed = false;

        assert_int_equal(rotate(purpose, ALONE_NAMESPACE), STATUS_OK);
        number++;
        store_faulty_fail_at(call, FAULTY_ABORTED, false);
        for (int i = 0; i < STEPS_MAX && event.what != REKEY_NOTHING; i++) {
            enum status status = vault_rekey_step(alone.vault, job, alone.scratch, STEP, &event);

            failed |= status != STATUS_OK;
            event.what = status != STATUS_OK ? REKEY_WORKED : event.what;
            if (event.what == REKEY_DESTROYS) {
                failed |= vault_rekey_destroy(alone.vault, job) != STATUS_OK;
            }
            scratch_wipe(alone.scratch);
        }
        store_faulty_fail_at(0, FAULTY_ABORTED, false);
        assert_int_equal(event.what, REKEY_NOTHING);
        expect_rotated(purpose, number);
        if (!failed && call > 200) {
            return;
        }
    }
}

static void
test_calls_that_fail(void **state)
{
    (void)state;
    vault_rekey_free(&job);
    alone_remove(&alone);
    make_over(&store_faulty_backend);
    fail_each_call(ROTATED_DATA);
    fail_each_call(ROTATED_INDEX);
}

/* ---- kills ---- */

/* The child: rotates, or goes on with what rotates, until it is killed, or done. */
static int
run_until_killed(const char *folder, const char *purpose)
{
    char path[FOLDER_PATH_BYTES];
    uint8_t *root;
    size_t size;

    alone = (struct alone){.backend = &store_lmdb_backend};
    (void)snprintf(alone.folder, sizeof alone.folder, "%s", folder);
    folder_join(folder, "root", path);
    root = folder_read(path, &size);
    if (sodium_init() < 0 || secret_new(ROOT_KEY_BYTES, &alone.root) != STATUS_OK ||
        scratch_new(&alone.scratch) != STATUS_OK) {
        return 2;
    }
    memcpy(secret_write(alone.root), root, size);
    free(root);
    secret_freeze(alone.root);
    if (alone_open(&alone) != STATUS_OK || vault_rekey_new(&job) != STATUS_OK) {
        return 3;
    }
    if (strcmp(purpose, "on") == 0) {
        vault_rekey_wake(job);
        return finish() == REKEY_ENDED ? 0 : 5;
    }
    if (rotate(strcmp(purpose, "data") == 0 ? ROTATED_DATA : ROTATED_INDEX, ALONE_NAMESPACE) !=
        STATUS_OK) {
        return 4;
    }
    return finish() == REKEY_ENDED ? 0 : 5;
}

static void
crash_at(const char *failpoint, const char *purpose)
{
    char path[FOLDER_PATH_BYTES];
    int status = 0;
    pid_t child;

    folder_join(alone.folder, "root", path);
    folder_write(path, secret_read(alone.root), ROOT_KEY_BYTES);
    alone_close(&alone);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)setenv("CONTACT_VAULT_FAILPOINTS", failpoint, 1);
        (void)setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
        (void)execl("/proc/self/exe", "test_rekey", alone.folder, purpose, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status)) {
        fail_msg("%s %s: signal %d", failpoint, purpose, WTERMSIG(status));
    }
    assert_int_equal(WEXITSTATUS(status), CRASHED);
    assert_int_equal(alone_open(&alone), STATUS_OK);
    vault_rekey_wake(job);
}

struct kill {
    const char *failpoint;
    const char *purpose;
    bool begun;        /* the new key outlived the kill */
    const char *again; /* and then, on the way back; NULL: there is nothing to go on with */
};

static void
test_kills_between_any_two_steps(void **state)
{
#ifdef CONTACT_VAULT_FAILPOINTS
    static const struct kill kills[] = {
        {"keyring_after_tmp", "data", false, NULL},
        {"keyring_before_rename", "index", false, NULL},
        {"keyring_after_rename", "data", true, "rekey_moved"},
        {"rekey_key_added", "data", true, "rekey_verified"},
        {"rekey_key_added", "index", true, "rekey_switched"},
        {"rekey_flipped", "data", true, "keyring_after_tmp"},
        {"rekey_flipped", "index", true, "rekey_moved=2"},
        {"rekey_moved=1", "data", true, "rekey_moved=1"},
        {"rekey_moved=3", "index", true, "rekey_swept=2"},
        {"rekey_verified", "data", true, "keyring_after_rename"},
        {"rekey_verified", "index", true, "rekey_verified"},
        {"rekey_switched", "index", true, "rekey_swept=1"},
        {"rekey_swept=2", "index", true, "keyring_before_rename"},
        {"keyring_before_rename=2", "data", true, "rekey_key_removed"},
        {"keyring_before_rename=2", "index", true, "keyring_before_rename"},
        {"keyring_after_rename=2", "index", true, NULL},
        {"rekey_key_removed", "data", true, NULL},
        {"rekey_key_removed", "index", true, NULL},
    };
    uint32_t numbers[ROTATED_COUNT] = {0, 1, 1};

    (void)state;
    for (size_t i = 0; i < sizeof kills / sizeof kills[0]; i++) {
        enum rotated_key purpose =
            strcmp(kills[i].purpose, "data") == 0 ? ROTATED_DATA : ROTATED_INDEX;

        crash_at(kills[i].failpoint, kills[i].purpose);
        expect_all();
        if (kills[i].again != NULL) {
            crash_at(kills[i].again, "on");
            expect_all();
        }
        numbers[purpose] += kills[i].begun;
        (void)finish();
        expect_rotated(purpose, numbers[purpose]);
    }
#else
    (void)state;
    (void)crash_at;
    skip();
#endif
}

#define WITH_VAULT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        WITH_VAULT(test_a_data_key_rotates_and_no_token_changes),
        WITH_VAULT(test_what_is_new_is_sealed_under_the_new_key_at_once),
        WITH_VAULT(test_an_index_key_rotates_and_no_lookup_misses),
        WITH_VAULT(test_contacts_come_and_go_while_an_index_key_rotates),
        WITH_VAULT(test_who_writes_faster_than_the_job_does_not_hold_it_up),
        WITH_VAULT(test_nor_that_of_an_index_key),
        WITH_VAULT(test_s27_what_was_erased_opens_with_no_key_there_is),
        WITH_VAULT(test_one_namespace_rotates_and_the_other_does_not),
        WITH_VAULT(test_a_second_rotation_overtakes_the_first),
        WITH_VAULT(test_a_record_that_does_not_open_keeps_the_data_key),
        WITH_VAULT(test_a_record_that_does_not_open_keeps_the_index_key),
        WITH_VAULT(test_a_record_that_names_another_namespace_keeps_both_keys),
        WITH_VAULT(test_a_header_that_cannot_be_read_keeps_both_keys),
        WITH_VAULT(test_an_altered_row_of_epochs_is_told_and_others_go_on),
        WITH_VAULT(test_only_the_key_that_is_needed_stays),
        WITH_VAULT(test_more_keys_than_there_may_be_are_refused),
        WITH_VAULT(test_a_second_record_of_a_contact_follows),
        WITH_VAULT(test_a_second_record_does_not_become_the_first),
        WITH_VAULT(test_a_new_row_that_was_lost_is_missed),
        WITH_VAULT(test_records_that_are_gone_keep_no_key),
        WITH_VAULT(test_nothing_is_forgotten_while_a_record_does_not_open),
        WITH_VAULT(test_nor_while_one_names_another_namespace),
        WITH_VAULT(test_nor_while_one_names_the_new_key),
        WITH_VAULT(test_nor_of_an_index),
        WITH_VAULT(test_a_record_that_comes_back_keeps_its_key),
        WITH_VAULT(test_restarts_in_between),
        WITH_VAULT(test_a_restart_goes_on_where_it_was),
        WITH_VAULT(test_calls_that_fail),
        WITH_VAULT(test_kills_between_any_two_steps),
    };

    if (argc == 3) {
        return run_until_killed(argv[1], argv[2]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
