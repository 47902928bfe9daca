/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: SECURITY.md S17 "an older state put back is found", S19 "an erase cut in two". Whole
 * folders or single parts of an earlier day are put back behind the vault's back; what an erase or
 * a change left half done when the process died is settled at the next start.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fixture.h"
#include "store_faulty.h"

enum { COMMAND_BYTES = 1024, SERVICE_UID = 2001, PRIVACY_UID = 2002, CALLS_MAX = 60 };

static struct fixture fixture;
static struct caller admin, service, privacy;

static void
run(const char *command)
{
    assert_int_equal(system(command), 0);
}

/* Parts of the vault's folder; "checkpoints" is the second place, and is not a part. */
static const char *const parts[] = {"keyring", "store", "audit"};

static void
copy_part(const char *from, const char *to)
{
    char command[COMMAND_BYTES];

    (void)snprintf(command, sizeof command, "cp -a '%s/%s' '%s/%s'", fixture.folder, from,
                   fixture.folder, to);
    run(command);
}

static void
keep_yesterday(void)
{
    char path[FIXTURE_PATH_BYTES];

    fixture_path(&fixture, "yesterday", path);
    assert_int_equal(mkdir(path, 0700), 0);
    for (size_t i = 0; i < 3; i++) {
        copy_part(parts[i], "yesterday/");
    }
}

static void
put_back(const char *name)
{
    char command[COMMAND_BYTES];
    char from[FIXTURE_PATH_BYTES];

    (void)snprintf(command, sizeof command, "rm -rf '%s/%s'", fixture.folder, name);
    run(command);
    (void)snprintf(from, sizeof from, "yesterday/%s", name);
    copy_part(from, ".");
}

static void
connect_all(void)
{
    assert_int_equal(caller_hello(&admin), STATUS_OK);
    assert_int_equal(caller_hello(&service), STATUS_OK);
    assert_int_equal(caller_hello(&privacy), STATUS_OK);
}

static void
make(bool keeps_checkpoints, const struct store_backend *backend)
{
    fixture_make_over(&fixture, backend);
    fixture.keeps_checkpoints = keeps_checkpoints;
    fixture_close(&fixture);
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    caller_make(&admin, &fixture, PEER_ADMIN, FIXTURE_ADMIN_UID);
    caller_make(&service, &fixture, PEER_DATA, SERVICE_UID);
    caller_make(&privacy, &fixture, PEER_DATA, PRIVACY_UID);
    assert_int_equal(caller_hello(&admin), STATUS_OK);
    assert_int_equal(caller_namespace_create(&admin, "brand"), STATUS_OK);
    assert_int_equal(caller_principal_add(&admin, "service", PRINCIPAL_SERVICE, SERVICE_UID),
                     STATUS_OK);
    assert_int_equal(caller_principal_add(&admin, "privacy", PRINCIPAL_PERSON, PRIVACY_UID),
                     STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, "service", ROLE_SERVICE, "brand"), STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, "privacy", ROLE_PRIVACY, "brand"), STATUS_OK);
    connect_all();
}

static void
drop(void)
{
    caller_remove(&admin);
    caller_remove(&service);
    caller_remove(&privacy);
    fixture_remove(&fixture);
}

static void
tokenize(const char *value)
{
    assert_int_equal(caller_values(&service, OP_TOKENIZE, &value, 1, NULL, NULL), STATUS_OK);
    assert_int_equal(caller_item_status(&service, 0), STATUS_OK);
}

/* A day's work: contacts, and no change of any rule, so that only the log's own marks can tell. */
static void
make_two_days(bool keeps_checkpoints)
{
    make(keeps_checkpoints, &store_lmdb_backend);
    tokenize("a@example.com");
    assert_int_equal(dispatch_seal(fixture.dispatch), STATUS_OK);
    dispatch_keep_elsewhere(fixture.dispatch);
    fixture_close(&fixture);
    keep_yesterday();
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    connect_all();
    tokenize("b@example.com");
    assert_int_equal(dispatch_seal(fixture.dispatch), STATUS_OK);
    dispatch_keep_elsewhere(fixture.dispatch);
    fixture_close(&fixture);
}

/* ---- put back ---- */

static void
test_s17_the_whole_of_yesterday_is_found_by_the_second_place(void **state)
{
    (void)state;
    make_two_days(true);
    for (size_t i = 0; i < 3; i++) {
        put_back(parts[i]);
    }
    assert_int_equal(fixture_open(&fixture), STATUS_CORRUPT);
    assert_non_null(strstr(fixture.fault, "checkpoint"));
    drop();
}

/* Said in SECURITY.md: with nothing kept elsewhere, nobody can tell. */
static void
test_without_a_second_place_the_whole_of_yesterday_is_not_found(void **state)
{
    (void)state;
    make_two_days(false);
    for (size_t i = 0; i < 3; i++) {
        put_back(parts[i]);
    }
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    drop();
}

static void
test_s17_yesterdays_database_is_refused_at_start(void **state)
{
    (void)state;
    make_two_days(false);
    put_back("store");
    assert_int_equal(fixture_open(&fixture), STATUS_CORRUPT);
    assert_non_null(strstr(fixture.fault, "older"));
    drop();
}

static void
test_s17_yesterdays_log_is_refused_at_start(void **state)
{
    (void)state;
    make_two_days(false);
    put_back("audit");
    assert_int_equal(fixture_open(&fixture), STATUS_CORRUPT);
    assert_non_null(strstr(fixture.fault, "log"));
    drop();
}

static void
test_the_vault_itself_opens_again(void **state)
{
    (void)state;
    make_two_days(true);
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    connect_all();
    tokenize("c@example.com");
    /* As after a crash: no CLOSED. */
    fixture_close(&fixture);
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    drop();
}

/* ---- an erase cut in two ---- */

struct outcomes {
    unsigned intents, ok, not_done;
};

static enum status
count_outcome(void *state, const struct audit_entry *entry)
{
    struct outcomes *outcomes = state;

    if (entry->operation == OP_ERASE) {
        outcomes->intents += entry->phase == AUDIT_INTENT;
        outcomes->ok += entry->phase == AUDIT_OUTCOME && entry->result == STATUS_OK;
        outcomes->not_done += entry->phase == AUDIT_OUTCOME && entry->result != STATUS_OK;
    }
    return STATUS_OK;
}

static struct outcomes
outcomes_in_log(void)
{
    struct outcomes outcomes = {0};

    assert_int_equal(
        audit_read(fixture.audit, 1, audit_last(fixture.audit), count_outcome, &outcomes),
        STATUS_OK);
    return outcomes;
}

/* The nth call of the store goes wrong; true if that left the vault not knowing. */
static bool
cut_erase_at(uint64_t call, enum faulty_commit how)
{
    const char *value = "a@example.com";

    store_faulty_fail_at(0, FAULTY_ABORTED, false);
    make(false, &store_faulty_backend);
    tokenize(value);
    store_faulty_fail_at(call, how, false);
    (void)caller_values(&privacy, OP_ERASE, &value, 1, NULL, "asked");
    store_faulty_fail_at(0, FAULTY_ABORTED, false);
    return dispatch_must_stop(fixture.dispatch);
}

static void
check_settled(bool gone)
{
    const char *value = "a@example.com";
    struct outcomes outcomes = outcomes_in_log();

    assert_int_equal(outcomes.intents, 1);
    assert_int_equal(outcomes.ok + outcomes.not_done, 0);
    fixture_close(&fixture);
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    outcomes = outcomes_in_log();
    assert_int_equal(outcomes.intents, 1);
    assert_int_equal(outcomes.ok, gone ? 1 : 0);
    assert_int_equal(outcomes.not_done, gone ? 0 : 1);
    connect_all();
    assert_int_equal(caller_values(&service, OP_LOOKUP, &value, 1, NULL, NULL), STATUS_OK);
    assert_int_equal(caller_item_status(&service, 0), gone ? STATUS_NOT_FOUND : STATUS_OK);
    /* Settled once. */
    fixture_close(&fixture);
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    outcomes = outcomes_in_log();
    assert_int_equal(outcomes.ok + outcomes.not_done, 1);
}

/* The store's commit of the erase ends unknown; on disk it was kept, or lost. */
static void
erase_cut_in_two(enum faulty_commit how, bool gone)
{
    uint64_t call = 1;

    while (!cut_erase_at(call, how)) {
        drop();
        call++;
        assert_in_range(call, 1, CALLS_MAX);
    }
    check_settled(gone);
    drop();
}

static void
test_s19_an_erase_cut_in_two_is_settled_by_looking(void **state)
{
    (void)state;
    erase_cut_in_two(FAULTY_UNKNOWN_KEPT, true);
    erase_cut_in_two(FAULTY_UNKNOWN_LOST, false);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_s17_the_whole_of_yesterday_is_found_by_the_second_place),
        cmocka_unit_test(test_without_a_second_place_the_whole_of_yesterday_is_not_found),
        cmocka_unit_test(test_s17_yesterdays_database_is_refused_at_start),
        cmocka_unit_test(test_s17_yesterdays_log_is_refused_at_start),
        cmocka_unit_test(test_the_vault_itself_opens_again),
        cmocka_unit_test(test_s19_an_erase_cut_in_two_is_settled_by_looking),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
