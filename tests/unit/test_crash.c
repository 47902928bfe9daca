/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: SECURITY.md S7 "who can write to the database cannot make himself an admin" against an
 * older database put back and a forged entry; and: whatever call of the store fails in the middle
 * of an admin act, and however, the restart knows what became of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "store_faulty.h"

enum { CALLS_MAX = 40, DATABASE_BYTES_MAX = 32 << 20, MALLORY_UID = 4242 };

static void
admin_of(struct fixture *fixture, struct caller *admin)
{
    caller_make(admin, fixture, PEER_ADMIN, FIXTURE_ADMIN_UID);
    assert_int_equal(caller_hello(admin), STATUS_OK);
}

/* ---- every call fails once ---- */

/* True: the call was reached. */
static bool
disable_with_failure(uint64_t call, enum faulty_commit how)
{
    struct fixture fixture;
    struct caller admin;
    enum status status;
    const struct principal *mallory;
    bool reached;

    store_faulty_fail_at(0, how, false);
    fixture_make_over(&fixture, &store_faulty_backend);
    admin_of(&fixture, &admin);
    assert_int_equal(caller_principal_add(&admin, "mallory", PRINCIPAL_PERSON, MALLORY_UID),
                     STATUS_OK);
    store_faulty_fail_at(call, how, false);
    status = caller_name(&admin, OP_PRINCIPAL_DISABLE, "mallory");
    reached = store_faulty_calls() >= call;
    store_faulty_fail_at(0, how, false);
    /* One more, before the process has come to stop. */
    if (caller_principal_add(&admin, "late", PRINCIPAL_PERSON, MALLORY_UID + 1) == STATUS_OK) {
        assert_false(dispatch_must_stop(fixture.dispatch));
    }
    caller_remove(&admin);
    fixture_close(&fixture);

    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    mallory = access_by_uid(fixture.access, MALLORY_UID);
    assert_non_null(mallory);
    if (status == STATUS_OK) {
        assert_true(mallory->disabled);
    }
    /* And it goes on from there. */
    admin_of(&fixture, &admin);
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_DISABLE, "mallory"),
                     mallory->disabled ? STATUS_CONFLICT : STATUS_OK);
    caller_remove(&admin);
    fixture_close(&fixture);
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    fixture_remove(&fixture);
    return reached;
}

static void
test_the_restart_knows_what_became_of_a_change(void **state)
{
    const enum faulty_commit ways[] = {FAULTY_ABORTED, FAULTY_UNKNOWN_LOST, FAULTY_UNKNOWN_KEPT};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        uint64_t call = 1;

        while (call < CALLS_MAX && disable_with_failure(call, ways[i])) {
            call++;
        }
        assert_in_range(call, 2, CALLS_MAX - 1);
    }
}

/* ---- the keyring cannot be written, after its last change was not settled ---- */

/* True: the call was reached. */
static bool
create_with_failure_and_again(uint64_t call)
{
    struct fixture fixture;
    struct caller admin;
    char in_the_way[FIXTURE_PATH_BYTES];
    bool reached;

    store_faulty_fail_at(0, FAULTY_ABORTED, false);
    fixture_make_over(&fixture, &store_faulty_backend);
    admin_of(&fixture, &admin);
    store_faulty_fail_at(call, FAULTY_ABORTED, false);
    (void)!caller_namespace_create(&admin, "brand");
    reached = store_faulty_calls() >= call;
    store_faulty_fail_at(0, FAULTY_ABORTED, false);
    fixture_path(&fixture, "keyring.new", in_the_way);
    assert_int_equal(mkdir(in_the_way, 0700), 0);
    (void)!caller_namespace_create(&admin, "brand");
    (void)!caller_namespace_create(&admin, "rival");
    assert_int_equal(rmdir(in_the_way), 0);
    caller_remove(&admin);
    fixture_close(&fixture);

    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    admin_of(&fixture, &admin);
    (void)!caller_namespace_create(&admin, "brand");
    assert_int_equal(caller_namespace_create(&admin, "third"), STATUS_OK);
    caller_remove(&admin);
    fixture_remove(&fixture);
    return reached;
}

static void
test_keyring_and_store_agree_whatever_failed_between_them(void **state)
{
    uint64_t call = 1;

    (void)state;
    while (call < CALLS_MAX && create_with_failure_and_again(call)) {
        call++;
    }
    assert_in_range(call, 2, CALLS_MAX - 1);
}

/* ---- an older database put back ---- */

struct copy {
    uint8_t *data;
    size_t size;
};

static struct copy
read_database(const struct fixture *fixture)
{
    char path[FIXTURE_PATH_BYTES];
    struct copy copy = {.data = malloc(DATABASE_BYTES_MAX)};
    FILE *file;

    fixture_path(fixture, "store/data.mdb", path);
    file = fopen(path, "rb");
    assert_non_null(file);
    assert_non_null(copy.data);
    copy.size = fread(copy.data, 1, DATABASE_BYTES_MAX, file);
    assert_in_range(copy.size, 1, DATABASE_BYTES_MAX - 1);
    (void)fclose(file);
    return copy;
}

static void
write_database(const struct fixture *fixture, const struct copy *copy)
{
    char path[FIXTURE_PATH_BYTES];
    FILE *file;

    fixture_path(fixture, "store/data.mdb", path);
    file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(copy->data, 1, copy->size, file), copy->size);
    (void)fclose(file);
}

struct tags {
    uint8_t last[AUDIT_DIGEST_BYTES];
};

static enum status
take_tag(void *state, const struct audit_entry *entry)
{
    struct tags *tags = state;

    if (entry->has_access_tag && entry->phase == AUDIT_OUTCOME) {
        memcpy(tags->last, entry->access_tag, AUDIT_DIGEST_BYTES);
    }
    return STATUS_OK;
}

static uint64_t
no_changes(const void *store)
{
    (void)store;
    return 0;
}

/* What a writer of the log can do without a key: chain an entry of his own to the end. */
static void
forge(struct fixture *fixture, struct audit_entry entry)
{
    char path[FIXTURE_PATH_BYTES];
    char place[AUDIT_PLACE_BYTES];
    static const uint8_t instance[INSTANCE_ID_BYTES];
    struct audit_summary found;
    struct keyring *sealed = NULL;
    struct audit *audit = NULL;
    struct audit_options options = {
        .folder = path, .instance_id = instance, .store_changes = no_changes};

    fixture_path(fixture, "keyring", path);
    assert_int_equal(keyring_open(path, &sealed), STATUS_OK);
    fixture_path(fixture, "audit", path);
    options.vault_id = keyring_vault_id(sealed);
    options.keyring = sealed;
    assert_int_equal(audit_open(&options, &found, place, &audit), STATUS_OK);
    assert_int_equal(audit_append(audit, &entry, 1), STATUS_OK);
    assert_int_equal(audit_wait(audit, entry.sequence), STATUS_OK);
    audit_close(&audit);
    keyring_close(&sealed);
}

static enum status
touch_step(struct store_txn *txn, void *state)
{
    (void)state;
    return store_put(txn, STORE_META, STORE_REPLACE, bytes_of_text("touched"), bytes_of_text("1"));
}

static void
commit_often(struct fixture *fixture)
{
    char path[FIXTURE_PATH_BYTES];
    struct store *store = NULL;

    fixture_path(fixture, "store", path);
    assert_int_equal(
        store_open(&(struct store_options){.folder = path, .map_bytes = 1u << 30}, &store),
        STATUS_OK);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(store_update(store, touch_step, NULL), STATUS_OK);
    }
    store_close(&store);
}

static void
test_an_older_database_is_not_vouched_for(void **state)
{
    const enum audit_phase phases[] = {AUDIT_DONE, AUDIT_INTENT, AUDIT_OUTCOME};
    struct fixture fixture;
    struct caller admin;
    struct tags tags;
    struct copy while_admin;

    (void)state;
    fixture_make(&fixture);
    admin_of(&fixture, &admin);
    assert_int_equal(caller_principal_add(&admin, "mallory", PRINCIPAL_SERVICE, MALLORY_UID),
                     STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, "mallory", ROLE_ADMIN, NULL), STATUS_OK);
    assert_int_equal(audit_read(fixture.audit, 1, audit_last(fixture.audit), take_tag, &tags),
                     STATUS_OK);
    fixture_close(&fixture);
    while_admin = read_database(&fixture);
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    assert_int_equal(caller_hello(&admin), STATUS_OK);
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_DISABLE, "mallory"), STATUS_OK);
    caller_remove(&admin);
    fixture_close(&fixture);

    /* The count of its commits is below what the log says; a writer can raise it. */
    write_database(&fixture, &while_admin);
    assert_int_equal(fixture_open(&fixture), STATUS_CORRUPT);
    fixture_close(&fixture);
    commit_often(&fixture);
    assert_int_equal(fixture_open(&fixture), STATUS_CORRUPT);
    assert_non_null(strstr(fixture.fault, "not those the log recorded last"));
    fixture_close(&fixture);
    for (size_t i = 0; i < 3; i++) {
        struct audit_entry entry = {.operation = OP_GRANT,
                                    .phase = phases[i],
                                    .refers = phases[i] == AUDIT_OUTCOME ? 1 : 0,
                                    .has_access_tag = true};

        memcpy(entry.access_tag, tags.last, AUDIT_DIGEST_BYTES);
        forge(&fixture, entry);
        assert_int_equal(fixture_open(&fixture), STATUS_CORRUPT);
        assert_non_null(strstr(fixture.fault, "not those the log recorded last"));
        fixture_close(&fixture);
    }
    free(while_admin.data);
    fixture_remove(&fixture);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_restart_knows_what_became_of_a_change),
        cmocka_unit_test(test_keyring_and_store_agree_whatever_failed_between_them),
        cmocka_unit_test(test_an_older_database_is_not_vouched_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
