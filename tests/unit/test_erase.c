/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: SECURITY.md S19 "erased is erased".
 * vault_erase: all three rows of a contact go in one step, or none; whatever was altered, fails in
 * the middle or happens at the same time. vault_rows.h looks at the tables after each test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <unistd.h>

#include "store_faulty.h"
#include "vault_alone.h"
#include "vault_rows.h"

enum {
    RECORD_MAX = 1024,
    INDEX_MAX = 64,
    ROW_BYTES = 8,
    CALLS_MAX = 60,
    SETTLE_US = 200 * 1000,
};

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

/* ---- what it promises ---- */

static void
test_erased_is_gone_and_comes_back_as_another(void **state)
{
    struct vault_place place = alone_tokenize(&alone, "+393331234567");
    struct vault_place other = alone_tokenize(&alone, "other@example.com");
    struct vault_place again;
    char text[CONTACT_BYTES_MAX + 1];

    (void)state;
    assert_int_equal(alone_erase(&alone, place), STATUS_OK);
    assert_int_equal(alone_count(&alone), 1);
    assert_int_equal(alone_lookup(&alone, "+393331234567"), STATUS_NOT_FOUND);
    assert_int_equal(alone_reveal(&alone, &place, text), STATUS_NOT_FOUND);
    again = place;
    assert_int_equal(alone_locate(&alone, &again), STATUS_NOT_FOUND);
    assert_int_equal(alone_erase(&alone, place), STATUS_NOT_FOUND);
    assert_int_equal(alone_reveal(&alone, &other, text), STATUS_OK);
    assert_string_equal(text, "other@example.com");

    again = alone_tokenize(&alone, "+393331234567");
    assert_memory_not_equal(again.token.bytes, place.token.bytes, TOKEN_BYTES);
    assert_int_not_equal(again.row, place.row);
    assert_int_equal(alone_erase(&alone, place), STATUS_NOT_FOUND);
    assert_int_equal(alone_count(&alone), 2);
}

/* The same contact in another namespace is another one. */
static void
test_other_namespaces_keep_theirs(void **state)
{
    struct vault_item item = {.text = bytes_of_text("+393331234567")};
    struct vault_place place = alone_tokenize(&alone, "+393331234567");
    uint64_t contacts = 0;

    (void)state;
    assert_int_equal(vault_tokenize(alone.vault, alone.scratch, ALONE_OTHER_NAMESPACE,
                                    FORM_INTERNATIONAL, &item, 1),
                     STATUS_OK);
    assert_int_equal(alone_erase(&alone, place), STATUS_OK);
    assert_int_equal(alone_count(&alone), 1);
    assert_int_equal(vault_count(alone.vault, ALONE_NAMESPACE, &contacts), STATUS_OK);
    assert_int_equal(contacts, 0);
    assert_int_equal(vault_count(alone.vault, ALONE_OTHER_NAMESPACE, &contacts), STATUS_OK);
    assert_int_equal(contacts, 1);
}

static void
test_each_place_has_its_status(void **state)
{
    enum { PLACES = 7 };
    struct vault_place places[PLACES] = {
        alone_tokenize(&alone, "a@example.com"), alone_tokenize(&alone, "b@example.com"),
        alone_tokenize(&alone, "c@example.com"), alone_tokenize(&alone, "d@example.com"),
        alone_tokenize(&alone, "e@example.com"),
    };

    (void)state;
    places[1].skip = true;
    places[2].status = STATUS_DENIED;
    places[3].namespace_id = ALONE_OTHER_NAMESPACE;
    places[5] = places[0]; /* twice in one batch */
    places[6] = places[4];
    places[6].token.bytes[0] ^= 1;
    assert_int_equal(vault_erase(alone.vault, alone.scratch, places, PLACES), STATUS_OK);
    assert_int_equal(places[0].status, STATUS_OK);
    assert_int_equal(places[1].status, STATUS_OK);
    assert_int_equal(places[2].status, STATUS_DENIED);
    assert_int_equal(places[3].status, STATUS_CORRUPT);
    assert_int_equal(places[4].status, STATUS_OK);
    assert_int_equal(places[5].status, STATUS_NOT_FOUND);
    assert_int_equal(places[6].status, STATUS_NOT_FOUND);
    assert_int_equal(alone_count(&alone), 3);
    assert_int_equal(alone_lookup(&alone, "b@example.com"), STATUS_OK);
    assert_int_equal(alone_lookup(&alone, "c@example.com"), STATUS_OK);
    assert_int_equal(alone_lookup(&alone, "d@example.com"), STATUS_OK);
}

static void
test_a_wrong_place_erases_nothing(void **state)
{
    struct vault_place place = alone_tokenize(&alone, "a@example.com");
    struct vault_place other = alone_tokenize(&alone, "b@example.com");
    struct vault_place bent[] = {place, place, place, place, place};

    (void)state;
    bent[0].row = other.row;
    bent[1].token = other.token;
    bent[2].kind = CONTACT_PHONE;
    bent[3].namespace_id = ALONE_OTHER_NAMESPACE;
    bent[4].token.bytes[0] ^= 1;
    for (size_t i = 0; i < sizeof bent / sizeof *bent; i++) {
        assert_int_equal(alone_erase(&alone, bent[i]), STATUS_CORRUPT);
        assert_int_equal(alone_count(&alone), 2);
    }
}

static void
test_a_batch_is_one_step(void **state)
{
    static struct vault_item items[BATCH_ITEMS_MAX];
    static struct vault_place places[BATCH_ITEMS_MAX + 1];
    static char texts[BATCH_ITEMS_MAX][32];
    uint64_t changes;

    (void)state;
    for (size_t i = 0; i < BATCH_ITEMS_MAX; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "n%zu@example.com", i);
        items[i] = (struct vault_item){.text = bytes_of_text(texts[i])};
    }
    assert_int_equal(vault_tokenize(alone.vault, alone.scratch, ALONE_NAMESPACE, FORM_INTERNATIONAL,
                                    items, BATCH_ITEMS_MAX),
                     STATUS_OK);
    for (size_t i = 0; i < BATCH_ITEMS_MAX; i++) {
        places[i] = (struct vault_place){.token = items[i].token, .kind = items[i].kind};
    }
    assert_int_equal(vault_locate(alone.vault, places, BATCH_ITEMS_MAX), STATUS_OK);
    assert_int_equal(alone_count(&alone), BATCH_ITEMS_MAX);
    assert_int_equal(vault_erase(alone.vault, alone.scratch, places, BATCH_ITEMS_MAX + 1),
                     STATUS_TOO_LARGE);
    assert_int_equal(alone_count(&alone), BATCH_ITEMS_MAX);
    changes = store_changes(alone.store);
    assert_int_equal(vault_erase(alone.vault, alone.scratch, places, BATCH_ITEMS_MAX), STATUS_OK);
    assert_int_equal(store_changes(alone.store), changes + 1);
    for (size_t i = 0; i < BATCH_ITEMS_MAX; i++) {
        assert_int_equal(places[i].status, STATUS_OK);
    }
    assert_int_equal(alone_count(&alone), 0);
}

static void
test_sealed(void **state)
{
    struct vault_place place = alone_tokenize(&alone, "a@example.com");

    (void)state;
    vault_seal(alone.vault);
    assert_int_equal(vault_erase(alone.vault, alone.scratch, &place, 1), STATUS_SEALED);
    assert_int_equal(place.status, STATUS_OK);
    assert_int_equal(vault_unseal(alone.vault, alone.root), STATUS_OK);
    assert_int_equal(alone_count(&alone), 1);
}

/* ---- altered rows ---- */

static void
test_a_damaged_record_stays_and_costs_no_neighbour(void **state)
{
    uint8_t record[RECORD_MAX];
    struct vault_place places[] = {alone_tokenize(&alone, "a@example.com"),
                                   alone_tokenize(&alone, "b@example.com")};
    size_t size = alone_record(&alone, &places[0], record);

    (void)state;
    record[size - 3] ^= 1;
    alone_put_record(&alone, &places[0], record, size);
    assert_int_equal(vault_erase(alone.vault, alone.scratch, places, 2), STATUS_OK);
    assert_int_equal(places[0].status, STATUS_CORRUPT);
    assert_int_equal(places[1].status, STATUS_OK);
    record[size - 3] ^= 1;
    alone_put_record(&alone, &places[0], record, size);
    assert_int_equal(alone_count(&alone), 1);
}

/* An index row that leads to another contact's record is not this one's to delete. */
static void
test_a_bent_index_row_keeps_both(void **state)
{
    uint8_t key[INDEX_MAX];
    uint8_t row[ROW_BYTES];
    struct vault_place place = alone_tokenize(&alone, "a@example.com");
    struct vault_place other = alone_tokenize(&alone, "b@example.com");
    size_t size = alone_index_key(&alone, &place, key);

    (void)state;
    put_u64(row, other.row);
    alone_put(&alone, STORE_INDEX, bytes_of(key, size), bytes_of(row, sizeof row));
    assert_int_equal(alone_erase(&alone, place), STATUS_CORRUPT);
    put_u64(row, place.row);
    alone_put(&alone, STORE_INDEX, bytes_of(key, size), bytes_of(row, sizeof row));
    assert_int_equal(alone_count(&alone), 2);
}

static void
test_a_bent_token_row_keeps_both(void **state)
{
    uint8_t row[ROW_BYTES];
    struct vault_place place = alone_tokenize(&alone, "a@example.com");
    struct vault_place other = alone_tokenize(&alone, "b@example.com");
    struct bytes token = bytes_of(place.token.bytes, TOKEN_BYTES);

    (void)state;
    put_u64(row, other.row);
    alone_put(&alone, STORE_TOKEN, token, bytes_of(row, sizeof row));
    assert_int_equal(alone_erase(&alone, place), STATUS_CORRUPT);
    put_u64(row, place.row);
    alone_put(&alone, STORE_TOKEN, token, bytes_of(row, sizeof row));
    assert_int_equal(alone_count(&alone), 2);
}

/* The index row lost, the contact was made a second time: erasing the first record alone would let
 * the contact live on. Erasing the second is right, and then the first goes too. */
static void
test_a_second_record_of_the_contact_is_not_overlooked(void **state)
{
    uint8_t key[INDEX_MAX];
    struct vault_place first = alone_tokenize(&alone, "a@example.com");
    size_t size = alone_index_key(&alone, &first, key);
    struct vault_place second;

    (void)state;
    alone_put(&alone, STORE_INDEX, bytes_of(key, size), (struct bytes){0});
    second = alone_tokenize(&alone, "a@example.com");
    assert_int_not_equal(first.row, second.row);
    assert_int_equal(alone_erase(&alone, first), STATUS_CORRUPT);
    assert_int_equal(alone_erase(&alone, second), STATUS_OK);
    assert_int_equal(alone_erase(&alone, first), STATUS_OK);
    assert_int_equal(alone_count(&alone), 0);
}

static void
test_what_is_missing_keeps_nothing_alive(void **state)
{
    struct vault_place place = alone_tokenize(&alone, "a@example.com");
    struct bytes token = bytes_of(place.token.bytes, TOKEN_BYTES);

    (void)state;
    alone_put(&alone, STORE_TOKEN, token, (struct bytes){0});
    assert_int_equal(alone_erase(&alone, place), STATUS_OK);
    assert_int_equal(alone_count(&alone), 0);
}

static void
test_a_wrong_count_keeps_nothing_alive(void **state)
{
    static const uint8_t key[] = {'c', 'o', 'u', 'n', 't', '/', 0, 0, 0, ALONE_NAMESPACE};
    static const uint8_t none[] = {1}; /* a version, and no line */
    struct vault_place place = alone_tokenize(&alone, "a@example.com");
    uint64_t contacts = 1;

    (void)state;
    alone_put(&alone, STORE_META, bytes_of(key, sizeof key), bytes_of(none, sizeof none));
    assert_int_equal(alone_erase(&alone, place), STATUS_OK);
    assert_int_equal(vault_count(alone.vault, ALONE_NAMESPACE, &contacts), STATUS_OK);
    assert_int_equal(contacts, 0);
}

/* ---- calls that fail ---- */

/* True: the call was reached. */
static bool
erase_with_failure(uint64_t call, enum faulty_commit how)
{
    struct vault_place places[] = {alone_tokenize(&alone, "a@example.com"),
                                   alone_tokenize(&alone, "b@example.com")};
    enum status status;
    uint64_t left;
    bool reached;

    store_faulty_fail_at(call, how, false);
    status = vault_erase(alone.vault, alone.scratch, places, 2);
    reached = store_faulty_calls() >= call;
    store_faulty_fail_at(0, how, false);
    scratch_wipe(alone.scratch);
    alone_close(&alone);
    assert_int_equal(alone_open(&alone), STATUS_OK);

    left = alone_count(&alone);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(places[i].status, STATUS_OK); /* gone, or as the caller gave it */
    }
    if (status == STATUS_OK) {
        assert_int_equal(left, 0);
    } else {
        assert_int_equal(status, STATUS_UNAVAILABLE);
        assert_true(left == 2 || (left == 0 && how == FAULTY_UNKNOWN_KEPT));
    }
    return reached;
}

static void
test_nothing_is_half_erased(void **state)
{
    static const enum faulty_commit ways[] = {FAULTY_ABORTED, FAULTY_UNKNOWN_LOST,
                                              FAULTY_UNKNOWN_KEPT};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        uint64_t call = 1;

        while (call < CALLS_MAX && erase_with_failure(call, ways[i])) {
            call++;
        }
        assert_in_range(call, 10, CALLS_MAX - 1);
    }
}

/* ---- the step may run twice ---- */

/* A neighbour in the same commit, which takes the record away in its first run only. */
struct neighbour {
    uint8_t key[ROW_BYTES];
    unsigned runs;
    sem_t begun;
    sem_t go_on;
    enum status status;
};

static enum status
neighbour_step(struct store_txn *txn, void *state)
{
    struct neighbour *neighbour = state;
    struct bytes key = bytes_of(neighbour->key, sizeof neighbour->key);

    if (neighbour->runs++ > 0) {
        return STATUS_OK;
    }
    (void)sem_post(&neighbour->begun);
    while (sem_wait(&neighbour->go_on) != 0) {
    }
    return store_delete_many(txn, STORE_RECORD, &key, 1);
}

static void *
run_neighbour(void *argument)
{
    struct neighbour *neighbour = argument;

    neighbour->status = store_update(alone.store, neighbour_step, neighbour);
    return NULL;
}

struct eraser {
    struct vault_place place;
    enum status status;
};

static void *
run_eraser(void *argument)
{
    struct eraser *eraser = argument;

    eraser->status = vault_erase(alone.vault, alone.scratch, &eraser->place, 1);
    return NULL;
}

static void
test_the_second_run_decides(void **state)
{
    struct eraser eraser = {.place = alone_tokenize(&alone, "a@example.com")};
    struct neighbour neighbour = {.runs = 0};
    pthread_t threads[2];

    (void)state;
    put_u64(neighbour.key, eraser.place.row);
    (void)sem_init(&neighbour.begun, 0, 0);
    (void)sem_init(&neighbour.go_on, 0, 0);
    assert_int_equal(pthread_create(&threads[0], NULL, run_neighbour, &neighbour), 0);
    while (sem_wait(&neighbour.begun) != 0) {
    }
    assert_int_equal(pthread_create(&threads[1], NULL, run_eraser, &eraser), 0);
    (void)usleep(SETTLE_US); /* it waits in the queue behind the neighbour */
    /* The neighbour's row, the eraser's look at the record, the commit's own row, the commit. */
    store_faulty_fail_at(4, FAULTY_ABORTED, false);
    (void)sem_post(&neighbour.go_on);
    assert_int_equal(pthread_join(threads[0], NULL), 0);
    assert_int_equal(pthread_join(threads[1], NULL), 0);
    store_faulty_fail_at(0, FAULTY_ABORTED, false);
    assert_int_equal(neighbour.runs, 2); /* so there were two in that commit */
    assert_int_equal(neighbour.status, STATUS_OK);
    assert_int_equal(eraser.status, STATUS_OK);
    assert_int_equal(eraser.place.status, STATUS_OK);
    assert_int_equal(alone_count(&alone), 0);
}

/* ---- at the same time ---- */

enum { RACE_ERASED = 100 }; /* times the contact went: then all stop */

static _Atomic unsigned race_erased;

struct racer {
    pthread_t thread;
    struct scratch *scratch;
    enum status unexpected;
};

static void
expect(struct racer *racer, enum status status, bool allowed)
{
    if (!allowed) {
        racer->unexpected = status == STATUS_OK ? STATUS_INTERNAL : status;
        atomic_store(&race_erased, RACE_ERASED);
    }
}

static void *
race_tokenize(void *argument)
{
    struct racer *racer = argument;

    while (atomic_load(&race_erased) < RACE_ERASED) {
        struct vault_item item = {.text = bytes_of_text("+393331234567")};
        enum status status = vault_tokenize(alone.vault, racer->scratch, ALONE_NAMESPACE,
                                            FORM_INTERNATIONAL, &item, 1);

        expect(racer, status, status == STATUS_OK);
        expect(racer, item.status, item.status == STATUS_OK);
        scratch_wipe(racer->scratch);
    }
    return NULL;
}

/* By value, as a person asks for it: look up, locate, erase. */
static void *
race_erase(void *argument)
{
    struct racer *racer = argument;

    while (atomic_load(&race_erased) < RACE_ERASED) {
        struct vault_item item = {.text = bytes_of_text("+393331234567")};
        struct vault_place place = {.kind = CONTACT_PHONE};
        enum status status = vault_lookup(alone.vault, racer->scratch, ALONE_NAMESPACE,
                                          FORM_INTERNATIONAL, &item, 1);

        expect(racer, status, status == STATUS_OK);
        expect(racer, item.status, item.status == STATUS_OK || item.status == STATUS_NOT_FOUND);
        if (item.status == STATUS_OK) {
            place.token = item.token;
            status = vault_locate(alone.vault, &place, 1);
            expect(racer, status, status == STATUS_OK);
        }
        if (item.status == STATUS_OK && place.status == STATUS_OK) {
            status = vault_erase(alone.vault, racer->scratch, &place, 1);
            expect(racer, status, status == STATUS_OK);
            expect(racer, place.status,
                   place.status == STATUS_OK || place.status == STATUS_NOT_FOUND);
            atomic_fetch_add(&race_erased, place.status == STATUS_OK);
        }
        scratch_wipe(racer->scratch);
    }
    return NULL;
}

/* Looks at the tables in between, too: every state there ever was is whole. */
static void *
race_look(void *argument)
{
    struct racer *racer = argument;

    while (atomic_load(&race_erased) < RACE_ERASED) {
        char fault[VAULT_ROWS_FAULT_BYTES];
        uint64_t contacts = 0;
        bool whole = vault_rows_are_whole(alone.store, alone.keyring, fault, &contacts);

        expect(racer, STATUS_CORRUPT, whole);
        expect(racer, STATUS_CONFLICT, contacts <= 1);
    }
    return NULL;
}

static void
test_erase_and_tokenize_at_the_same_time(void **state)
{
    void *(*const runs[])(void *) = {race_tokenize, race_tokenize, race_erase, race_erase,
                                     race_look};
    enum { RACERS = sizeof runs / sizeof *runs };
    struct racer racers[RACERS] = {{0}};

    (void)state;
    atomic_store(&race_erased, 0);
    for (size_t i = 0; i < RACERS; i++) {
        assert_int_equal(scratch_new(&racers[i].scratch), STATUS_OK);
        assert_int_equal(pthread_create(&racers[i].thread, NULL, runs[i], &racers[i]), 0);
    }
    for (size_t i = 0; i < RACERS; i++) {
        assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
        scratch_free(&racers[i].scratch);
    }
    for (size_t i = 0; i < RACERS; i++) {
        assert_int_equal(racers[i].unexpected, STATUS_OK);
    }
    assert_in_range(alone_count(&alone), 0, 1);
}

#define WITH_VAULT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_VAULT(test_erased_is_gone_and_comes_back_as_another),
        WITH_VAULT(test_other_namespaces_keep_theirs),
        WITH_VAULT(test_each_place_has_its_status),
        WITH_VAULT(test_a_wrong_place_erases_nothing),
        WITH_VAULT(test_a_batch_is_one_step),
        WITH_VAULT(test_sealed),
        WITH_VAULT(test_a_damaged_record_stays_and_costs_no_neighbour),
        WITH_VAULT(test_a_bent_index_row_keeps_both),
        WITH_VAULT(test_a_bent_token_row_keeps_both),
        WITH_VAULT(test_a_second_record_of_the_contact_is_not_overlooked),
        WITH_VAULT(test_what_is_missing_keeps_nothing_alive),
        WITH_VAULT(test_a_wrong_count_keeps_nothing_alive),
        WITH_VAULT(test_nothing_is_half_erased),
        WITH_VAULT(test_the_second_run_decides),
        WITH_VAULT(test_erase_and_tokenize_at_the_same_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
