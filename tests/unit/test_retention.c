/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: SECURITY.md S24 "what nobody uses is erased, and nothing else".
 * Months of last use: when they are written, and what a sweep takes for unused. Vault time only
 * goes forth, so each test takes it on from where the last one left it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "clock.h"
#include "store_faulty.h"
#include "vault_alone.h"
#include "vault_internal.h"
#include "vault_retention.h"
#include "vault_uses.h"

enum { RECORD_MAX = 1024, PLACES_MAX = 64, CALLS_MAX = 60, ALL = 4096 };
static const uint64_t day_ms = 24 * 3600 * 1000;

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

static uint16_t
this_month(void)
{
    return vault_month(clock_vault_ms());
}

static void
go_on_by(unsigned months)
{
    uint16_t wanted = (uint16_t)(this_month() + months);

    while (this_month() < wanted) {
        clock_vault_start(clock_vault_ms() + day_ms);
    }
}

static uint16_t
month_of(const struct vault_place *place)
{
    uint8_t record[RECORD_MAX];
    size_t size = alone_record(&alone, place, record);

    return get_u16(record + size - 2);
}

static size_t
note_used(size_t limit)
{
    size_t written = 0;

    assert_int_equal(vault_note_used(alone.vault, limit, &written), STATUS_OK);
    return written;
}

/* ---- months ---- */

static void
test_months(void **state)
{
    (void)state;
    assert_int_equal(vault_month(0), 0);
    assert_int_equal(vault_month(946684799999), 0);    /* 1999-12-31T23:59:59.999Z */
    assert_int_equal(vault_month(946684800000), 0);    /* 2000-01-01 */
    assert_int_equal(vault_month(949363199999), 0);    /* 2000-01-31T23:59:59.999Z */
    assert_int_equal(vault_month(949363200000), 1);    /* 2000-02-01 */
    assert_int_equal(vault_month(951782400000), 1);    /* 2000-02-29 */
    assert_int_equal(vault_month(951868800000), 2);    /* 2000-03-01 */
    assert_int_equal(vault_month(1704067199999), 287); /* 2023-12-31T23:59:59.999Z */
    assert_int_equal(vault_month(1704067200000), 288); /* 2024-01-01 */
    assert_int_equal(vault_month(UINT64_MAX), UINT16_MAX);
}

/* ---- noting uses ---- */

static void
test_a_use_is_written_once_a_month(void **state)
{
    struct vault_place looked_up = alone_tokenize(&alone, "looked-up@example.com");
    struct vault_place tokenized = alone_tokenize(&alone, "tokenized@example.com");
    struct vault_place revealed = alone_tokenize(&alone, "revealed@example.com");
    struct vault_place masked = alone_tokenize(&alone, "masked@example.com");
    uint16_t made = this_month();
    char text[CONTACT_BYTES_MAX + 1];
    const char *mask;
    uint64_t row;

    (void)state;
    assert_int_equal(alone_lookup(&alone, "looked-up@example.com"), STATUS_OK);
    assert_int_equal(alone_reveal(&alone, &revealed, text), STATUS_OK);
    assert_int_equal(vault_uses_peek(alone.vault->uses, &row, 1), 0);
    assert_int_equal(note_used(ALL), 0);
    go_on_by(1);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(alone_lookup(&alone, "looked-up@example.com"), STATUS_OK);
        (void)alone_tokenize(&alone, "tokenized@example.com");
        assert_int_equal(alone_reveal(&alone, &revealed, text), STATUS_OK);
        assert_int_equal(vault_mask(alone.vault, alone.scratch, &masked, 1, &mask), STATUS_OK);
    }
    assert_int_equal(month_of(&looked_up), made);
    assert_int_equal(note_used(ALL), 3);
    assert_int_equal(note_used(ALL), 0);
    assert_int_equal(month_of(&looked_up), made + 1);
    assert_int_equal(month_of(&tokenized), made + 1);
    assert_int_equal(month_of(&revealed), made + 1);
    assert_int_equal(month_of(&masked), made);
    assert_int_equal(alone_lookup(&alone, "looked-up@example.com"), STATUS_OK);
    assert_int_equal(note_used(ALL), 0);
    assert_int_equal(alone_reveal(&alone, &revealed, text), STATUS_OK);
    assert_string_equal(text, "revealed@example.com");
    assert_int_equal(alone_count(&alone), 4);
}

static void
test_only_the_month_changes(void **state)
{
    struct vault_place place = alone_tokenize(&alone, "+393331234567");
    uint8_t before[RECORD_MAX];
    uint8_t after[RECORD_MAX];
    size_t size = alone_record(&alone, &place, before);

    (void)state;
    go_on_by(1);
    assert_int_equal(alone_lookup(&alone, "+393331234567"), STATUS_OK);
    assert_int_equal(note_used(ALL), 1);
    assert_int_equal(alone_record(&alone, &place, after), size);
    assert_memory_equal(before, after, size - 2);
    assert_int_equal(get_u16(after + size - 2), get_u16(before + size - 2) + 1);
}

static void
test_a_limit_leaves_the_rest_for_the_next(void **state)
{
    char text[32];

    (void)state;
    for (unsigned pass = 0; pass < 2; pass++) {
        go_on_by(pass);
        for (unsigned i = 0; i < 10; i++) {
            (void)snprintf(text, sizeof text, "u%u@example.com", i);
            (void)alone_tokenize(&alone, text);
        }
    }
    assert_int_equal(note_used(0), 0);
    assert_int_equal(note_used(4), 4);
    assert_int_equal(note_used(4), 4);
    assert_int_equal(note_used(4), 2);
    assert_int_equal(note_used(4), 0);
}

static void
test_what_is_written_already_is_not_written_again(void **state)
{
    struct vault_place place = alone_tokenize(&alone, "+393331234567");
    uint8_t record[RECORD_MAX];
    size_t size = alone_record(&alone, &place, record);
    uint64_t changes;

    (void)state;
    go_on_by(1);
    assert_int_equal(alone_lookup(&alone, "+393331234567"), STATUS_OK);
    put_u16(record + size - 2, this_month());
    alone_put_record(&alone, &place, record, size);
    changes = store_changes(alone.store);
    assert_int_equal(note_used(ALL), 0);
    assert_int_equal(store_changes(alone.store), changes);
}

/* What went meanwhile does not come back by a note of its use; what is damaged stays as it is. */
static void
test_a_note_revives_nothing(void **state)
{
    struct vault_place gone = alone_tokenize(&alone, "gone@example.com");
    struct vault_place damaged = alone_tokenize(&alone, "damaged@example.com");
    uint8_t record[RECORD_MAX];
    uint8_t after[RECORD_MAX];
    size_t size = alone_record(&alone, &damaged, record);

    (void)state;
    go_on_by(1);
    assert_int_equal(alone_lookup(&alone, "gone@example.com"), STATUS_OK);
    assert_int_equal(alone_lookup(&alone, "damaged@example.com"), STATUS_OK);
    assert_int_equal(alone_erase(&alone, gone), STATUS_OK);
    record[0] = 1;
    alone_put_record(&alone, &damaged, record, size);
    assert_int_equal(note_used(ALL), 0);
    assert_int_equal(alone_record(&alone, &damaged, after), size);
    assert_memory_equal(after, record, size);
    record[0] = 2;
    alone_put_record(&alone, &damaged, record, size);
    assert_int_equal(alone_count(&alone), 1);
}

static void
test_what_could_not_be_written_is_written_later(void **state)
{
    struct vault_place place = alone_tokenize(&alone, "+393331234567");
    uint16_t made = this_month();
    size_t written = 0;
    uint64_t call = 1;

    (void)state;
    go_on_by(1);
    assert_int_equal(alone_lookup(&alone, "+393331234567"), STATUS_OK);
    for (bool reached = true; reached && call < CALLS_MAX; call += reached) {
        enum status status;

        store_faulty_fail_at(call, FAULTY_ABORTED, false);
        status = vault_note_used(alone.vault, ALL, &written);
        reached = store_faulty_calls() >= call;
        assert_int_equal(status, reached ? STATUS_UNAVAILABLE : STATUS_OK);
        store_faulty_fail_at(0, FAULTY_ABORTED, false);
        assert_int_equal(month_of(&place), reached ? made : made + 1);
    }
    assert_in_range(call, 4, CALLS_MAX - 1);
    assert_int_equal(written, 1);
}

/* ---- the set ---- */

static void
test_uses_are_a_bounded_set(void **state)
{
    struct vault_uses *uses = vault_uses_new();
    uint64_t *rows = calloc(2 * VAULT_USES_MAX, sizeof *rows);
    size_t count;
    size_t taken = 0;

    (void)state;
    assert_non_null(uses);
    assert_non_null(rows);
    assert_int_equal(vault_uses_peek(uses, rows, VAULT_USES_MAX), 0);
    for (unsigned pass = 0; pass < 2; pass++) {
        for (uint64_t row = 1; row <= VAULT_USES_MAX / 2; row++) {
            vault_uses_add(uses, row);
        }
    }
    /* Half full, nothing is dropped. */
    assert_int_equal(vault_uses_peek(uses, rows, 2 * VAULT_USES_MAX), VAULT_USES_MAX / 2);
    assert_false(vault_uses_lost(uses));
    for (uint64_t row = 1; row <= 4 * VAULT_USES_MAX; row++) {
        vault_uses_add(uses, row);
    }
    assert_true(vault_uses_lost(uses));
    assert_false(vault_uses_lost(uses));
    count = vault_uses_peek(uses, rows, 2 * VAULT_USES_MAX);
    assert_in_range(count, VAULT_USES_MAX / 2, VAULT_USES_MAX);
    for (size_t i = 0; i < count; i++) {
        assert_true(vault_uses_has(uses, rows[i]));
    }
    /* In turns, each once. */
    for (size_t turn; (turn = vault_uses_peek(uses, rows, 1000)) > 0; taken += turn) {
        vault_uses_remove(uses, rows, turn);
        for (size_t i = 0; i < turn; i++) {
            assert_false(vault_uses_has(uses, rows[i]));
        }
    }
    assert_int_equal(taken, count);
    vault_uses_add(uses, 7);
    assert_true(vault_uses_has(uses, 7));
    vault_uses_free(&uses);
    assert_null(uses);
    free(rows);
}

/* ---- sweeps ---- */

struct swept {
    struct vault_place places[PLACES_MAX];
    size_t count;
    size_t steps;
};

static struct swept
sweep(const struct vault_retention *rules, size_t rule_count, size_t rows_max, size_t limit)
{
    struct vault_sweep sweep = {.rows_max = rows_max, .rules = rules, .rule_count = rule_count};
    struct swept swept = {.count = 0};
    bool done = false;

    while (!done) {
        struct vault_place places[PLACES_MAX];
        size_t count = PLACES_MAX + 1;

        assert_int_equal(vault_find_unused(alone.vault, &sweep, places, limit, &count, &done),
                         STATUS_OK);
        assert_in_range(count, 0, limit);
        assert_in_range(swept.count + count, 0, PLACES_MAX);
        memcpy(swept.places + swept.count, places, count * sizeof *places);
        swept.count += count;
        assert_in_range(++swept.steps, 1, PLACES_MAX);
    }
    return swept;
}

/* Ten in one namespace, ten in the other, in turns. */
static void
make_twenty(void)
{
    char text[32];

    for (unsigned i = 0; i < 10; i++) {
        struct vault_item item;

        (void)snprintf(text, sizeof text, "s%u@example.com", i);
        item = (struct vault_item){.text = bytes_of_text(text)};
        (void)alone_tokenize(&alone, text);
        assert_int_equal(vault_tokenize(alone.vault, alone.scratch, ALONE_OTHER_NAMESPACE,
                                        FORM_INTERNATIONAL, &item, 1),
                         STATUS_OK);
        assert_int_equal(item.status, STATUS_OK);
    }
}

static void
test_a_sweep_is_made_of_bounded_steps(void **state)
{
    struct vault_retention rule = {.namespace_id = ALONE_NAMESPACE};
    struct swept swept;

    (void)state;
    make_twenty();
    rule.before_month = this_month();
    assert_int_equal(sweep(&rule, 1, ALL, PLACES_MAX).count, 0); /* not before: in */
    go_on_by(1);
    rule.before_month = this_month();
    swept = sweep(&rule, 1, ALL, PLACES_MAX);
    assert_int_equal(swept.count, 10);
    assert_int_equal(swept.steps, 1);
    for (size_t i = 0; i < swept.count; i++) {
        assert_int_equal(swept.places[i].namespace_id, ALONE_NAMESPACE);
        assert_int_equal(swept.places[i].kind, CONTACT_EMAIL);
        assert_int_equal(swept.places[i].status, STATUS_OK);
        assert_false(swept.places[i].skip);
        assert_true(i == 0 || swept.places[i].row > swept.places[i - 1].row);
    }
    swept = sweep(&rule, 1, 3, PLACES_MAX);
    assert_int_equal(swept.count, 10);
    assert_int_equal(swept.steps, 7);
    swept = sweep(&rule, 1, ALL, 3);
    assert_int_equal(swept.count, 10);
    assert_int_equal(swept.steps, 4);
    assert_int_equal(sweep(&rule, 0, ALL, PLACES_MAX).count, 0);

    assert_int_equal(vault_erase(alone.vault, alone.scratch, swept.places, swept.count), STATUS_OK);
    for (size_t i = 0; i < swept.count; i++) {
        assert_int_equal(swept.places[i].status, STATUS_OK);
    }
    assert_int_equal(alone_count(&alone), 10);
    assert_int_equal(sweep(&rule, 1, ALL, PLACES_MAX).count, 0);
}

static void
test_each_namespace_has_its_own_rule(void **state)
{
    struct vault_retention rules[] = {{.namespace_id = ALONE_OTHER_NAMESPACE},
                                      {.namespace_id = ALONE_NAMESPACE}};
    struct swept swept;

    (void)state;
    make_twenty();
    rules[0].before_month = this_month();
    go_on_by(2);
    rules[1].before_month = this_month();
    swept = sweep(rules, 2, ALL, PLACES_MAX);
    assert_int_equal(swept.count, 10);
    for (size_t i = 0; i < swept.count; i++) {
        assert_int_equal(swept.places[i].namespace_id, ALONE_NAMESPACE);
    }
    rules[0].before_month++;
    assert_int_equal(sweep(rules, 2, ALL, PLACES_MAX).count, 20);
}

/* Known in memory, and then on disk: at no time does a sweep find it. */
static void
test_what_was_used_is_not_due(void **state)
{
    struct vault_retention rule = {.namespace_id = ALONE_NAMESPACE};
    struct swept swept;

    (void)state;
    (void)alone_tokenize(&alone, "used@example.com");
    (void)alone_tokenize(&alone, "unused@example.com");
    go_on_by(1);
    rule.before_month = this_month();
    assert_int_equal(sweep(&rule, 1, ALL, PLACES_MAX).count, 2);
    assert_int_equal(alone_lookup(&alone, "used@example.com"), STATUS_OK);
    assert_int_equal(sweep(&rule, 1, ALL, PLACES_MAX).count, 1);
    assert_int_equal(note_used(ALL), 1);
    swept = sweep(&rule, 1, ALL, PLACES_MAX);
    assert_int_equal(swept.count, 1);
    assert_int_equal(alone_erase(&alone, swept.places[0]), STATUS_OK);
    assert_int_equal(alone_lookup(&alone, "used@example.com"), STATUS_OK);
    assert_int_equal(alone_lookup(&alone, "unused@example.com"), STATUS_NOT_FOUND);
}

/* A sweep believes headers; what it finds is erased only if the opened record agrees. */
static void
test_an_altered_header_gets_nothing_erased(void **state)
{
    static const size_t altered[] = {2, 11, 12}; /* kind, namespace, token */
    struct vault_retention rules[] = {{.namespace_id = ALONE_NAMESPACE},
                                      {.namespace_id = ALONE_OTHER_NAMESPACE}};
    struct vault_place place = alone_tokenize(&alone, "bent@example.com");
    uint8_t record[RECORD_MAX];
    size_t size = alone_record(&alone, &place, record);

    (void)state;
    (void)alone_tokenize(&alone, "bystander@example.com");
    go_on_by(1);
    rules[0].before_month = rules[1].before_month = this_month();
    for (size_t i = 0; i < 3; i++) {
        struct swept swept;

        record[altered[i]] ^= 3;
        alone_put_record(&alone, &place, record, size);
        swept = sweep(rules, 2, ALL, PLACES_MAX);
        assert_int_equal(swept.count, 2);
        assert_int_equal(alone_erase(&alone, swept.places[0]), STATUS_CORRUPT);
        record[altered[i]] ^= 3;
    }
    record[0] = 1;
    alone_put_record(&alone, &place, record, size);
    assert_int_equal(sweep(rules, 2, ALL, PLACES_MAX).count, 1);
    record[0] = 2;
    alone_put_record(&alone, &place, record, size);
    assert_int_equal(alone_count(&alone), 2);
}

static void
test_a_sweep_that_fails_says_so(void **state)
{
    struct vault_retention rule = {.namespace_id = ALONE_NAMESPACE};
    uint64_t call = 1;

    (void)state;
    make_twenty();
    go_on_by(1);
    rule.before_month = this_month();
    for (bool reached = true; reached && call < CALLS_MAX; call += reached) {
        struct vault_sweep sweep_of = {.rows_max = ALL, .rules = &rule, .rule_count = 1};
        struct vault_place places[PLACES_MAX];
        size_t count;
        bool done;
        enum status status;

        store_faulty_fail_at(call, FAULTY_ABORTED, false);
        status = vault_find_unused(alone.vault, &sweep_of, places, PLACES_MAX, &count, &done);
        reached = store_faulty_calls() >= call;
        assert_int_equal(status, reached ? STATUS_UNAVAILABLE : STATUS_OK);
        assert_true(!reached || sweep_of.cursor == 0);
    }
    store_faulty_fail_at(0, FAULTY_ABORTED, false);
    assert_in_range(call, 4, CALLS_MAX - 1);
}

/* ---- at the same time ---- */

enum { RACE_ROUNDS = 30, FILLERS = 2000 };

struct noter {
    pthread_t thread;
    enum status status;
    atomic_bool done;
};

static void *
run_noter(void *argument)
{
    struct noter *noter = argument;
    size_t written = 0;

    noter->status = vault_note_used(alone.vault, ALL, &written);
    atomic_store(&noter->done, true);
    return NULL;
}

/* So that a sweep takes its time before it comes to the last contact. */
static void
make_fillers(void)
{
    static struct vault_item items[FILLERS];
    static char texts[FILLERS][32];

    for (size_t i = 0; i < FILLERS; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "f%zu@example.com", i);
        items[i] = (struct vault_item){.text = bytes_of_text(texts[i])};
    }
    assert_int_equal(vault_tokenize(alone.vault, alone.scratch, ALONE_OTHER_NAMESPACE,
                                    FORM_INTERNATIONAL, items, FILLERS),
                     STATUS_OK);
    scratch_wipe(alone.scratch);
}

/* It was used before; a sweep that began before the note was on disk, and comes to the contact when
 * the note has left the memory, must not take it for unused. */
static void
test_a_use_that_is_being_written_is_not_overlooked(void **state)
{
    struct vault_retention rule = {.namespace_id = ALONE_NAMESPACE};
    uint8_t record[RECORD_MAX];
    struct vault_place place;
    size_t size;

    (void)state;
    make_fillers();
    place = alone_tokenize(&alone, "+393331234567");
    size = alone_record(&alone, &place, record);
    go_on_by(1);
    rule.before_month = this_month();
    for (unsigned i = 0; i < RACE_ROUNDS; i++) {
        struct noter noter = {.status = STATUS_INTERNAL};

        alone_put_record(&alone, &place, record, size);
        assert_int_equal(alone_lookup(&alone, "+393331234567"), STATUS_OK);
        assert_int_equal(pthread_create(&noter.thread, NULL, run_noter, &noter), 0);
        while (!atomic_load(&noter.done)) {
            assert_int_equal(sweep(&rule, 1, ALL, PLACES_MAX).count, 0);
        }
        assert_int_equal(pthread_join(noter.thread, NULL), 0);
        assert_int_equal(noter.status, STATUS_OK);
        assert_int_equal(month_of(&place), this_month());
        scratch_wipe(alone.scratch);
    }
}

/* Everything that touches a contact, on the same ones: for the thread sanitizer, and the rows. */
static void *
run_user(void *argument)
{
    struct noter *user = argument;
    struct scratch *scratch = NULL;

    user->status = scratch_new(&scratch);
    for (unsigned i = 0; user->status == STATUS_OK && i < RACE_ROUNDS; i++) {
        struct vault_item item = {.text = bytes_of_text("s3@example.com")};
        struct vault_place place = {.kind = CONTACT_EMAIL};

        user->status =
            vault_tokenize(alone.vault, scratch, ALONE_NAMESPACE, FORM_INTERNATIONAL, &item, 1);
        place.token = item.token;
        if (user->status == STATUS_OK && i % 3 == 0) {
            user->status = vault_locate(alone.vault, &place, 1);
        }
        if (user->status == STATUS_OK && i % 3 == 0) {
            user->status = vault_erase(alone.vault, scratch, &place, 1);
        }
        scratch_wipe(scratch);
    }
    scratch_free(&scratch);
    return NULL;
}

static void
test_users_notes_and_sweeps_at_the_same_time(void **state)
{
    struct vault_retention rule = {.namespace_id = ALONE_NAMESPACE};
    struct noter users[2] = {{.status = STATUS_INTERNAL}, {.status = STATUS_INTERNAL}};

    (void)state;
    make_twenty();
    go_on_by(1);
    rule.before_month = this_month();
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&users[i].thread, NULL, run_user, &users[i]), 0);
    }
    for (unsigned i = 0; i < RACE_ROUNDS; i++) {
        struct swept swept = sweep(&rule, 1, ALL, PLACES_MAX);

        (void)note_used(ALL);
        assert_int_equal(vault_erase(alone.vault, alone.scratch, swept.places, swept.count),
                         STATUS_OK);
        scratch_wipe(alone.scratch);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(users[i].thread, NULL), 0);
        assert_int_equal(users[i].status, STATUS_OK);
    }
    assert_in_range(alone_count(&alone), 10, 11);
}

#define WITH_VAULT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_months),
        cmocka_unit_test(test_uses_are_a_bounded_set),
        WITH_VAULT(test_a_use_is_written_once_a_month),
        WITH_VAULT(test_only_the_month_changes),
        WITH_VAULT(test_a_limit_leaves_the_rest_for_the_next),
        WITH_VAULT(test_what_is_written_already_is_not_written_again),
        WITH_VAULT(test_a_note_revives_nothing),
        WITH_VAULT(test_what_could_not_be_written_is_written_later),
        WITH_VAULT(test_a_sweep_is_made_of_bounded_steps),
        WITH_VAULT(test_each_namespace_has_its_own_rule),
        WITH_VAULT(test_what_was_used_is_not_due),
        WITH_VAULT(test_an_altered_header_gets_nothing_erased),
        WITH_VAULT(test_a_sweep_that_fails_says_so),
        WITH_VAULT(test_a_use_that_is_being_written_is_not_overlooked),
        WITH_VAULT(test_users_notes_and_sweeps_at_the_same_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
