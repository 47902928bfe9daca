/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A namespace is shredded, by steps called by hand: its keys are gone from file and memory at once,
 * its rows by and by, another namespace keeps all of its own; through kills between any two steps,
 * twice in a row, through calls that fail, and over rows that somebody altered. And horizons: what
 * was erased when is out of reach of which keys. Owns: SECURITY.md S34 "the keys of a shredded
 * namespace have left the keyring", S35 "a horizon is never later than is true".
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

#include "slot.h"
#include "still_clock.h"
#include "store_faulty.h"
#include "vault_alone.h"
#include "vault_horizon.h"
#include "vault_rekey.h"
#include "vault_shred.h"

enum {
    CONTACTS = 8,
    STEP = 2, /* contacts at once */
    STEPS_MAX = 400,
    RECORD_MAX = 1024,
    CRASHED = 86,
    NAMESPACE_OFFSET = 8,
    TEXT_BYTES = 40,
    DAY_MS = 24 * 3600 * 1000,
};

static struct alone alone;
static char texts[CONTACTS][TEXT_BYTES];
static struct vault_place gone[CONTACTS], kept[CONTACTS];

static struct vault_place
tokenize_in(uint32_t namespace_id, const char *text)
{
    struct vault_item item = {.text = bytes_of_text(text)};
    struct vault_place place = {.status = STATUS_INTERNAL};

    assert_int_equal(
        vault_tokenize(alone.vault, alone.scratch, namespace_id, FORM_INTERNATIONAL, &item, 1),
        STATUS_OK);
    assert_int_equal(item.status, STATUS_OK);
    place.token = item.token;
    place.kind = item.kind;
    assert_int_equal(alone_locate(&alone, &place), STATUS_OK);
    return place;
}

static void
make_over(const struct store_backend *backend)
{
    alone_make(&alone, backend);
    for (size_t i = 0; i < CONTACTS; i++) {
        (void)snprintf(texts[i], sizeof texts[i],
                       i % 2 == 0 ? "c%zu@example.com" : "+3933312345%02zu", i);
        gone[i] = tokenize_in(ALONE_NAMESPACE, texts[i]);
        kept[i] = tokenize_in(ALONE_OTHER_NAMESPACE, texts[i]);
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
    alone_remove(&alone);
    return 0;
}

static void
restart(void)
{
    alone_close(&alone);
    assert_int_equal(alone_open(&alone), STATUS_OK);
}

/* ---- what there is ---- */

struct rows {
    size_t records, index, tokens; /* of the shredded namespace; of all, the tokens */
    bool knows;                    /* that there was one */
};

static enum status
count_record(void *state, struct bytes key, struct bytes value)
{
    struct rows *rows = state;

    (void)key;
    rows->records += get_u32(value.data + NAMESPACE_OFFSET) == ALONE_NAMESPACE;
    return STATUS_OK;
}

static enum status
count_index(void *state, struct bytes key, struct bytes value)
{
    struct rows *rows = state;

    (void)value;
    rows->index += get_u32(key.data) == ALONE_NAMESPACE;
    return STATUS_OK;
}

static enum status
count_token(void *state, struct bytes key, struct bytes value)
{
    struct rows *rows = state;

    (void)key;
    (void)value;
    rows->tokens++;
    return STATUS_OK;
}

static enum status
count_meta(void *state, struct bytes key, struct bytes value)
{
    static const uint8_t id[] = {0, 0, 0, ALONE_NAMESPACE};
    struct rows *rows = state;

    (void)value;
    rows->knows |= key.size > 4 && memcmp(key.data + key.size - 4, id, sizeof id) == 0 &&
                   memchr(key.data, '/', key.size) != NULL;
    return STATUS_OK;
}

static enum status
rows_step(struct store_txn *txn, void *state)
{
    const struct bytes all = {0};
    enum status status = store_scan(txn, STORE_RECORD, all, all, count_record, state);

    status =
        status == STATUS_OK ? store_scan(txn, STORE_INDEX, all, all, count_index, state) : status;
    status =
        status == STATUS_OK ? store_scan(txn, STORE_TOKEN, all, all, count_token, state) : status;
    return status == STATUS_OK ? store_scan(txn, STORE_META, all, all, count_meta, state) : status;
}

static struct rows
rows_now(void)
{
    struct rows rows = {0};

    assert_int_equal(store_view(alone.store, rows_step, &rows), STATUS_OK);
    return rows;
}

/* The other namespace is as it was. */
static void
expect_kept(void)
{
    for (size_t i = 0; i < CONTACTS; i++) {
        char text[CONTACT_BYTES_MAX + 1];

        assert_memory_equal(tokenize_in(ALONE_OTHER_NAMESPACE, texts[i]).token.bytes,
                            kept[i].token.bytes, TOKEN_BYTES);
        assert_int_equal(alone_reveal(&alone, &kept[i], text), STATUS_OK);
        assert_string_equal(text, texts[i]);
        scratch_wipe(alone.scratch);
    }
}

static bool
has_keys(uint32_t namespace_id)
{
    for (uint32_t number = 1; number < 4; number++) {
        if (keyring_has(alone.keyring, (struct key_name){KEY_DATA, namespace_id, number}) ||
            keyring_has(alone.keyring, (struct key_name){KEY_INDEX, namespace_id, number})) {
            return true;
        }
    }
    return false;
}

/* ---- the sweep ---- */

static bool
is_swept(uint64_t *ret_left)
{
    bool swept = false;

    assert_int_equal(vault_sweep_left(alone.vault, ALONE_NAMESPACE, ret_left, &swept), STATUS_OK);
    return swept;
}

/* As dispatch does, in steps of so many contacts; how many. */
static int
sweep_all(size_t limit)
{
    struct vault_swept_namespace sweep = {.namespace_id = ALONE_NAMESPACE};
    uint64_t left;
    bool done = false;
    int steps = 0;

    if (is_swept(&left)) {
        return 0;
    }
    while (!done) {
        size_t rows = 0;

        assert_int_equal(vault_sweep_step(alone.vault, &sweep, limit, &rows, &done), STATUS_OK);
        assert_in_range(rows, 0, 3 * limit);
        assert_in_range(++steps, 1, STEPS_MAX);
    }
    assert_int_equal(vault_sweep_end(alone.vault, ALONE_NAMESPACE), STATUS_OK);
    assert_true(is_swept(&left));
    return steps;
}

static void
expect_swept(void)
{
    struct rows rows = rows_now();

    assert_int_equal(rows.records, 0);
    assert_int_equal(rows.index, 0);
    assert_int_equal(rows.tokens, CONTACTS);
    assert_false(rows.knows);
    assert_int_equal(alone_count(&alone), CONTACTS); /* and all of them are whole */
    expect_kept();
}

static void
test_s34_keys_are_gone_at_once_and_rows_by_and_by(void **state)
{
    char text[CONTACT_BYTES_MAX + 1];
    uint64_t left = 0;

    (void)state;
    assert_true(has_keys(ALONE_NAMESPACE));
    assert_int_equal(vault_shred_keys(alone.vault, ALONE_NAMESPACE), STATUS_OK);
    assert_false(has_keys(ALONE_NAMESPACE));
    assert_true(has_keys(ALONE_OTHER_NAMESPACE));
    /* Nothing is swept yet, and nothing opens. */
    assert_int_equal(rows_now().records, CONTACTS);
    for (size_t i = 0; i < CONTACTS; i++) {
        assert_int_not_equal(alone_reveal(&alone, &gone[i], text), STATUS_OK);
    }
    assert_int_not_equal(vault_erase(alone.vault, alone.scratch, gone, 1) == STATUS_OK &&
                             gone[0].status == STATUS_OK,
                         true);
    restart(); /* from the file, not from memory */
    assert_false(has_keys(ALONE_NAMESPACE));
    for (size_t i = 0; i < CONTACTS; i++) {
        assert_int_not_equal(alone_reveal(&alone, &gone[i], text), STATUS_OK);
    }
    expect_kept();
    assert_false(is_swept(&left));
    assert_int_equal(left, CONTACTS);
    assert_in_range(sweep_all(STEP), 5, STEPS_MAX);
    expect_swept();
    restart();
    expect_swept();
    assert_int_equal(vault_shred_keys(alone.vault, ALONE_NAMESPACE), STATUS_OK); /* once more */
}

/* The key of a namespace that rotates is two keys. */
static void
test_a_rotation_under_way_goes_with_it(void **state)
{
    struct vault_rekey *job = NULL;
    struct vault_rekey_event event = {.what = REKEY_WORKED};
    struct vault_key keys[VAULT_SHRED_KEYS_MAX];

    (void)state;
    assert_int_equal(vault_rekey_new(&job), STATUS_OK);
    for (int purpose = ROTATED_DATA; purpose <= ROTATED_INDEX; purpose++) {
        assert_int_equal(
            vault_rotation_plan(alone.vault, (enum rotated_key)purpose, ALONE_NAMESPACE, &keys[0]),
            STATUS_OK);
        assert_int_equal(vault_rotate(alone.vault, keys, 1), STATUS_OK);
    }
    vault_rekey_wake(job);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(vault_rekey_step(alone.vault, job, alone.scratch, STEP, &event),
                         STATUS_OK);
    }
    assert_int_equal(vault_shred_keys_left(alone.vault, ALONE_NAMESPACE, keys), 4);
    assert_int_equal(vault_shred_keys(alone.vault, ALONE_NAMESPACE), STATUS_OK);
    assert_false(has_keys(ALONE_NAMESPACE));
    vault_rekey_wake(job);
    assert_int_equal(vault_rekey_step(alone.vault, job, alone.scratch, STEP, &event), STATUS_OK);
    assert_int_equal(event.what, REKEY_NOTHING);
    (void)sweep_all(STEP);
    expect_swept();
    vault_rekey_free(&job);
}

/* ---- rows that somebody altered ---- */

static void
test_a_token_row_that_was_altered_goes_as_well(void **state)
{
    uint8_t made_up[TOKEN_BYTES] = {7};
    uint8_t row[8];

    (void)state;
    put_u64(row, gone[3].row);
    alone_put(&alone, STORE_TOKEN, bytes_of(made_up, sizeof made_up), bytes_of(row, sizeof row));
    assert_int_equal(vault_shred_keys(alone.vault, ALONE_NAMESPACE), STATUS_OK);
    (void)sweep_all(STEP);
    expect_swept();
}

/* One that leads nowhere may be any namespace's: nobody can tell, and it is left. So is one of a
 * size that no row of ours has. */
static void
test_rows_that_are_nobodys_are_left(void **state)
{
    uint8_t made_up[TOKEN_BYTES] = {7};
    uint8_t odd[9] = {1};
    uint8_t row[8];

    (void)state;
    put_u64(row, 1 << 20);
    alone_put(&alone, STORE_TOKEN, bytes_of(made_up, sizeof made_up), bytes_of(row, sizeof row));
    alone_put(&alone, STORE_TOKEN, bytes_of(odd, 5), bytes_of(odd, sizeof odd));
    assert_int_equal(vault_shred_keys(alone.vault, ALONE_NAMESPACE), STATUS_OK);
    (void)sweep_all(STEP);
    assert_int_equal(rows_now().tokens, CONTACTS + 2);
    assert_int_equal(rows_now().records, 0);
    expect_kept();
}

/* Its header says another namespace: it stays, and opens under no key. */
static void
test_a_record_that_names_another_namespace_never_opens(void **state)
{
    uint8_t record[RECORD_MAX];
    size_t size = alone_record(&alone, &gone[2], record);
    char text[CONTACT_BYTES_MAX + 1];
    uint64_t left = 0;

    (void)state;
    put_u32(record + NAMESPACE_OFFSET, ALONE_OTHER_NAMESPACE);
    alone_put_record(&alone, &gone[2], record, size);
    assert_int_equal(vault_shred_keys(alone.vault, ALONE_NAMESPACE), STATUS_OK);
    (void)sweep_all(STEP);
    assert_int_equal(rows_now().records, 0);
    assert_int_equal(rows_now().tokens, CONTACTS + 1);
    gone[2].namespace_id = ALONE_OTHER_NAMESPACE;
    assert_int_equal(alone_reveal(&alone, &gone[2], text), STATUS_CORRUPT);
    assert_true(is_swept(&left));
}

static void
test_altered_counts_keep_no_row(void **state)
{
    static const uint8_t key[] = {'c', 'o', 'u', 'n', 't', '/', 0, 0, 0, ALONE_NAMESPACE};
    static const uint8_t bad[] = {9, 9, 9};

    (void)state;
    alone_put(&alone, STORE_META, bytes_of(key, sizeof key), bytes_of(bad, sizeof bad));
    assert_int_equal(vault_shred_keys(alone.vault, ALONE_NAMESPACE), STATUS_OK);
    (void)sweep_all(STEP);
    expect_swept();
}

/* ---- calls that fail, a full store among them ---- */

static void
test_calls_that_fail(void **state)
{
    bool failed = true;

    (void)state;
    for (uint64_t call = 1; failed && call < 400; call += call < 12 ? 1 : 9) {
        struct vault_swept_namespace sweep = {.namespace_id = ALONE_NAMESPACE};
        bool done = false;

        alone_remove(&alone);
        make_over(&store_faulty_backend);
        failed = false;
        store_faulty_fail_at(call, FAULTY_ABORTED, false);
        while (has_keys(ALONE_NAMESPACE)) {
            failed |= vault_shred_keys(alone.vault, ALONE_NAMESPACE) != STATUS_OK;
            assert_false(vault_failed(alone.vault));
        }
        for (int i = 0; !done && i < STEPS_MAX; i++) {
            size_t rows;
            enum status status = vault_sweep_step(alone.vault, &sweep, STEP, &rows, &done);

            failed |= status != STATUS_OK;
        }
        assert_true(done);
        while (vault_sweep_end(alone.vault, ALONE_NAMESPACE) != STATUS_OK) {
            failed = true;
        }
        failed |= store_faulty_calls() >= call;
        store_faulty_fail_at(0, FAULTY_ABORTED, false);
        restart();
        assert_false(has_keys(ALONE_NAMESPACE));
        expect_swept();
    }
    assert_false(failed); /* the last call there is was tried */
}

/* ---- kills ---- */

/* The child: shreds and sweeps until it is killed, or done. */
static int
run_until_killed(const char *folder)
{
    char path[FOLDER_PATH_BYTES];
    uint8_t *root;
    size_t size;

    alone = (struct alone){.backend = &store_lmdb_backend};
    (void)snprintf(alone.folder, sizeof alone.folder, "%s", folder);
    folder_join(folder, "root", path);
    root = folder_read(path, &size);
    if (sodium_init() < 0 || secret_new(ROOT_KEY_BYTES, &alone.root) != STATUS_OK) {
        return 2;
    }
    memcpy(secret_write(alone.root), root, size);
    free(root);
    secret_freeze(alone.root);
    if (alone_open(&alone) != STATUS_OK ||
        vault_shred_keys(alone.vault, ALONE_NAMESPACE) != STATUS_OK) {
        return 3;
    }
    (void)sweep_all(1);
    return 0;
}

static int
run_child(const char *failpoint)
{
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        (void)setenv("CONTACT_VAULT_FAILPOINTS", failpoint, 1);
        (void)setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
        (void)execl("/proc/self/exe", "test_shred", alone.folder, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status)) {
        fail_msg("%s: signal %d", failpoint, WTERMSIG(status));
    }
    return WEXITSTATUS(status);
}

struct kill {
    const char *first, *second; /* the second while it goes on after the first */
    bool has_keys;              /* after the first */
};

static void
test_kills_between_any_two_steps_and_again(void **state)
{
#ifdef CONTACT_VAULT_FAILPOINTS
    static const struct kill kills[] = {
        {"shred_keys_leave", "keyring_after_tmp", true},
        {"keyring_before_rename", "keyring_after_rename", true},
        {"keyring_after_rename", "shred_keys_leave", false},
        {"shred_keys_left", "sweep_index", false},
        {"sweep_index=2", "sweep_tokens", false},
        {"sweep_tokens=2", "sweep_records", false},
        {"sweep_records=2", "sweep_tokens", false},
        {"sweep_over", "sweep_over", false},
        {"sweep_entered", "sweep_entered", false},
    };
    char path[FOLDER_PATH_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof kills / sizeof kills[0]; i++) {
        int second;

        alone_remove(&alone);
        make_over(&store_lmdb_backend);
        folder_join(alone.folder, "root", path);
        folder_write(path, secret_read(alone.root), ROOT_KEY_BYTES);
        alone_close(&alone);
        assert_int_equal(run_child(kills[i].first), CRASHED);
        assert_int_equal(alone_open(&alone), STATUS_OK);
        assert_int_equal(has_keys(ALONE_NAMESPACE), kills[i].has_keys);
        expect_kept();
        alone_close(&alone);
        /* What it was killed at may be over already. */
        second = run_child(kills[i].second);
        assert_true(second == CRASHED || second == 0);
        assert_int_equal(run_child(""), 0);
        assert_int_equal(alone_open(&alone), STATUS_OK);
        assert_false(has_keys(ALONE_NAMESPACE));
        expect_swept();
    }
#else
    (void)state;
    (void)run_child;
    skip();
#endif
}

/* ---- horizons ---- */

static struct vault_horizon
horizon(void)
{
    return vault_horizon_of(alone.vault, ALONE_NAMESPACE);
}

static void
rotate_to_the_end(enum rotated_key purpose)
{
    struct vault_rekey *job = NULL;
    struct vault_rekey_event event = {.what = REKEY_WORKED};
    struct vault_key key;

    assert_int_equal(vault_rekey_new(&job), STATUS_OK);
    assert_int_equal(vault_rotation_plan(alone.vault, purpose, ALONE_NAMESPACE, &key), STATUS_OK);
    assert_int_equal(vault_rotate(alone.vault, &key, 1), STATUS_OK);
    vault_rekey_wake(job);
    while (event.what != REKEY_NOTHING) {
        assert_int_equal(
            vault_rekey_step(alone.vault, job, alone.scratch, VAULT_REKEY_AT_ONCE, &event),
            STATUS_OK);
        scratch_wipe(alone.scratch);
        if (event.what == REKEY_DESTROYS) {
            assert_int_equal(vault_rekey_destroy(alone.vault, job), STATUS_OK);
        }
    }
    vault_rekey_free(&job);
}

static void
replace_root(void)
{
    const struct unseal_slot slot = {.provider = UNSEAL_KEYFILE};
    struct secret *root = NULL;

    assert_int_equal(secret_new(ROOT_KEY_BYTES, &root), STATUS_OK);
    randombytes_buf(secret_write(root), ROOT_KEY_BYTES);
    secret_freeze(root);
    assert_int_equal(vault_replace_root(alone.vault, root, &slot), STATUS_OK);
    secret_free(&alone.root);
    alone.root = root;
}

static void
test_s35_horizons_move_with_the_keys_they_are_about(void **state)
{
    uint64_t made = still_clock_now_ms();
    uint64_t data, index, root;

    (void)state;
    assert_int_equal(horizon().keys_ms, made);
    assert_int_equal(horizon().pages_ms, made);
    assert_int_equal(vault_root_since(alone.vault), made);

    still_clock_pass_ms(DAY_MS);
    data = still_clock_now_ms();
    rotate_to_the_end(ROTATED_DATA);
    assert_int_equal(horizon().keys_ms, made); /* the index key is as old as it was */
    still_clock_pass_ms(DAY_MS);
    index = still_clock_now_ms();
    rotate_to_the_end(ROTATED_INDEX);
    assert_int_equal(horizon().keys_ms, data);
    assert_int_equal(horizon().pages_ms, made); /* an old file has the first keys */
    restart();
    assert_int_equal(horizon().pages_ms, made);

    still_clock_pass_ms(DAY_MS);
    root = still_clock_now_ms();
    replace_root();
    assert_int_equal(vault_root_since(alone.vault), root);
    assert_int_equal(horizon().keys_ms, data);
    assert_int_equal(horizon().pages_ms, data); /* what it opens never had them */
    restart();
    assert_int_equal(horizon().pages_ms, data);

    still_clock_pass_ms(DAY_MS);
    rotate_to_the_end(ROTATED_DATA);
    assert_int_equal(horizon().keys_ms, index);
    assert_int_equal(horizon().pages_ms, data); /* the file of the new root key's first hour */
    assert_int_equal(vault_horizon_of(alone.vault, ALONE_OTHER_NAMESPACE).keys_ms, made);
}

/* Of several keys that are gone: the younger one's going does not make the older one's forgotten.
 */
static void
test_s35_the_oldest_key_that_is_gone_counts(void **state)
{
    uint64_t made = still_clock_now_ms();

    (void)state;
    for (int i = 0; i < 2; i++) {
        still_clock_pass_ms(DAY_MS);
        rotate_to_the_end(ROTATED_DATA);
        rotate_to_the_end(ROTATED_INDEX);
        assert_int_equal(horizon().pages_ms, made);
    }
    restart();
    assert_int_equal(horizon().pages_ms, made);
}

static void
test_s35_a_rotation_that_is_not_over_moves_nothing(void **state)
{
    uint64_t made = still_clock_now_ms();
    struct vault_key keys[2];

    (void)state;
    still_clock_pass_ms(DAY_MS);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(vault_rotation_plan(alone.vault, i == 0 ? ROTATED_DATA : ROTATED_INDEX,
                                             ALONE_NAMESPACE, &keys[i]),
                         STATUS_OK);
    }
    assert_int_equal(vault_rotate(alone.vault, keys, 2), STATUS_OK);
    assert_int_equal(horizon().keys_ms, made);
}

static void
test_s35_of_a_shredded_namespace_old_files_tell_until_the_root_key_changes(void **state)
{
    uint64_t made = still_clock_now_ms();

    (void)state;
    still_clock_pass_ms(DAY_MS);
    assert_int_equal(vault_shred_keys(alone.vault, ALONE_NAMESPACE), STATUS_OK);
    assert_true(horizon().keys_ms == VAULT_HORIZON_ALL);
    assert_int_equal(horizon().pages_ms, made);
    restart();
    assert_int_equal(horizon().pages_ms, made);
    replace_root();
    assert_true(horizon().pages_ms == VAULT_HORIZON_ALL);
    restart();
    assert_true(horizon().pages_ms == VAULT_HORIZON_ALL);
}

/* Its keys were made with a clock that is ahead of now: nothing is claimed. */
static void
test_s35_a_date_to_come_is_believed_by_nobody(void **state)
{
    (void)state;
    assert_int_not_equal(horizon().keys_ms, 0);
    still_clock_pass_ms((uint64_t)-DAY_MS);
    assert_int_equal(horizon().keys_ms, 0);
    assert_int_equal(horizon().pages_ms, 0);
    /* A younger key with an earlier date does not make the older one's true. */
    rotate_to_the_end(ROTATED_DATA);
    assert_int_equal(horizon().keys_ms, 0); /* the index key's */
    rotate_to_the_end(ROTATED_INDEX);
    assert_int_equal(horizon().keys_ms, still_clock_now_ms());
    assert_int_equal(horizon().pages_ms, 0); /* of what is in old files nobody knows */
    still_clock_pass_ms(2 * (uint64_t)DAY_MS);
    assert_int_equal(horizon().pages_ms, 0);
}

#define WITH_VAULT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        WITH_VAULT(test_s34_keys_are_gone_at_once_and_rows_by_and_by),
        WITH_VAULT(test_a_rotation_under_way_goes_with_it),
        WITH_VAULT(test_a_token_row_that_was_altered_goes_as_well),
        WITH_VAULT(test_rows_that_are_nobodys_are_left),
        WITH_VAULT(test_a_record_that_names_another_namespace_never_opens),
        WITH_VAULT(test_altered_counts_keep_no_row),
        WITH_VAULT(test_calls_that_fail),
        WITH_VAULT(test_kills_between_any_two_steps_and_again),
        WITH_VAULT(test_s35_horizons_move_with_the_keys_they_are_about),
        WITH_VAULT(test_s35_the_oldest_key_that_is_gone_counts),
        WITH_VAULT(test_s35_a_rotation_that_is_not_over_moves_nothing),
        WITH_VAULT(test_s35_of_a_shredded_namespace_old_files_tell_until_the_root_key_changes),
        WITH_VAULT(test_s35_a_date_to_come_is_believed_by_nobody),
    };

    if (argc == 2) {
        return run_until_killed(argv[1]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
