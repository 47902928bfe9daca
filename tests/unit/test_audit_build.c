/* SPDX-License-Identifier: Apache-2.0 */
/* A log made of another one's entries is the same chain, whole or with its beginning removed; what
 * does not follow is not taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit_build.h"
#include "audit_entry.h"
#include "audit_fixture.h"
#include "audit_start.h"
#include "journal.h"

enum { ENTRIES = 200, BEGINS = 120 };

static struct log *
make_log(struct fixture *fixture)
{
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
    for (int i = 0; i < ENTRIES; i++) {
        (void)fixture_append(fixture, i % 50 == 49 ? fixture_act(AUDIT_ACT_CHECKPOINT)
                                                   : fixture_reveal("maria"));
    }
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_CLOSED));
    audit_close(&fixture->audit);
    return fixture_read_log(fixture->log);
}

static struct audit_build *
begin(struct fixture *fixture)
{
    struct audit_build *build = NULL;

    assert_int_equal(audit_build_new(fixture->copy, fixture_vault_id, &build), STATUS_OK);
    return build;
}

static void
add_all(struct audit_build *build, const struct log *log, size_t from)
{
    for (size_t i = from; i < log->count; i++) {
        if (audit_build_entry(build, log->entries[i]) != STATUS_OK) {
            fail_msg("entry %zu: %s", i + 1, audit_build_fault(build));
        }
    }
}

/* Opens as a log does, goes on where the other one ended, and is proved offline. */
static void
expect_the_same(struct fixture *fixture, const struct log *log, uint64_t first)
{
    struct audit_report report;
    uint8_t digest[AUDIT_DIGEST_BYTES], expected[AUDIT_DIGEST_BYTES];

    if (fixture_verify(fixture, fixture->copy, NULL, &report) != STATUS_OK) {
        fail_msg("%s", report.place);
    }
    assert_int_equal(report.first, first);
    assert_int_equal(report.entries, log->count - first + 1);
    assert_int_equal(fixture_open(fixture, fixture->copy), STATUS_OK);
    assert_true(fixture->summary.clean);
    assert_int_equal(audit_first(fixture->audit), first);
    assert_int_equal(audit_last(fixture->audit), log->count);
    assert_int_equal(audit_prove(fixture->audit, &fixture->noted, fixture->place), STATUS_OK);
    assert_int_equal(audit_digest_at(fixture->audit, log->count, digest), STATUS_OK);
    audit_entry_digest(log->entries[log->count - 1], expected);
    assert_memory_equal(digest, expected, sizeof digest);
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
    assert_int_equal(audit_last(fixture->audit), log->count + 1);
}

static void
a_whole_log_is_built_anew(void **state)
{
    struct fixture *fixture = *state;
    struct log *log = make_log(fixture);
    struct audit_build *build = begin(fixture);
    struct audit_built built;

    audit_build_look(build, &built);
    assert_int_equal(built.last, 0);
    assert_int_equal(built.newest.sequence, 0);
    add_all(build, log, 0);
    audit_build_look(build, &built);
    assert_int_equal(built.first, 1);
    assert_int_equal(built.last, log->count);
    assert_int_equal(built.newest.sequence, log->count);
    assert_int_equal(built.newest.changes, fixture->changes);
    assert_int_equal(audit_build_end(build), STATUS_OK);
    audit_build_free(&build);
    expect_the_same(fixture, log, 1);
    fixture_free_log(&log);
}

/* As retention signs it: what stands before is gone. */
static struct bytes
sign_start(struct fixture *fixture, const struct log *log,
           uint8_t file[static AUDIT_START_FILE_BYTES])
{
    struct audit_start start = {.first = BEGINS, .time_ms = 1};
    uint8_t message[AUDIT_START_MESSAGE_BYTES];

    memcpy(start.vault_id, fixture_vault_id, sizeof start.vault_id);
    memcpy(start.instance_id, fixture_instance_id, sizeof start.instance_id);
    audit_entry_digest(log->entries[BEGINS - 2], start.previous);
    audit_start_message(&start, message);
    assert_int_equal(
        keyring_audit_sign(fixture->keyring, bytes_of(message, sizeof message), start.signature),
        STATUS_OK);
    audit_start_encode(&start, file);
    return bytes_of(file, AUDIT_START_FILE_BYTES);
}

static void
a_log_that_begins_later_is_built_anew(void **state)
{
    struct fixture *fixture = *state;
    uint8_t file[AUDIT_START_FILE_BYTES];
    struct log *log = make_log(fixture);
    struct audit_build *build = begin(fixture);

    assert_int_equal(audit_build_start(build, sign_start(fixture, log, file)), STATUS_OK);
    add_all(build, log, BEGINS - 1);
    assert_int_equal(audit_build_end(build), STATUS_OK);
    audit_build_free(&build);
    expect_the_same(fixture, log, BEGINS);
    fixture_free_log(&log);
}

static void
expect_not_taken(struct audit_build *build, struct bytes entry, const char *why)
{
    assert_int_equal(audit_build_entry(build, entry), STATUS_CORRUPT);
    if (strstr(audit_build_fault(build), why) == NULL) {
        fail_msg("'%s'", audit_build_fault(build));
    }
}

static void
what_does_not_follow_is_not_taken(void **state)
{
    struct fixture *fixture = *state;
    struct log *log = make_log(fixture);
    struct audit_build *build = begin(fixture);
    uint8_t file[AUDIT_START_FILE_BYTES];

    expect_not_taken(build, log->entries[1], "its number is not its place");
    expect_not_taken(build, bytes_of("entry", 5), "too short");
    assert_int_equal(audit_build_entry(build, log->entries[0]), STATUS_OK);
    expect_not_taken(build, log->entries[2], "its number is not its place");
    expect_not_taken(build, log->entries[0], "its number is not its place");
    assert_int_equal(audit_build_start(build, sign_start(fixture, log, file)), STATUS_CORRUPT);
    fixture_entry(log, 3)[AUDIT_ENTRY_FIXED_BYTES] ^= 1; /* a principal's name */
    assert_int_equal(audit_build_entry(build, log->entries[1]), STATUS_OK);
    assert_int_equal(audit_build_entry(build, log->entries[2]), STATUS_OK);
    expect_not_taken(build, log->entries[3], "it does not carry the hash of the entry before");
    audit_build_free(&build);
    fixture_free_log(&log);
}

static void
another_vaults_log_is_not_taken(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t other[16] = "another vault";
    struct log *log = make_log(fixture);
    struct audit_build *build = NULL;
    uint8_t file[AUDIT_START_FILE_BYTES];

    assert_int_equal(audit_build_new(fixture->copy, other, &build), STATUS_OK);
    expect_not_taken(build, log->entries[0], "another vault");
    audit_build_free(&build);
    assert_int_equal(audit_build_new(fixture->copy, other, &build), STATUS_OK);
    assert_int_equal(audit_build_start(build, sign_start(fixture, log, file)), STATUS_CORRUPT);
    assert_int_equal(audit_build_start(build, bytes_of(file, 10)), STATUS_CORRUPT);
    audit_build_free(&build);
    fixture_free_log(&log);
}

static void
a_log_is_never_built_over_one(void **state)
{
    struct fixture *fixture = *state;
    struct log *log = make_log(fixture);
    struct audit_build *build = NULL;

    assert_int_equal(audit_build_new(fixture->log, fixture_vault_id, &build), STATUS_OK);
    assert_int_equal(audit_build_entry(build, log->entries[0]), STATUS_CONFLICT);
    audit_build_free(&build);
    fixture_free_log(&log);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_whole_log_is_built_anew),         TEST(a_log_that_begins_later_is_built_anew),
        TEST(what_does_not_follow_is_not_taken), TEST(another_vaults_log_is_not_taken),
        TEST(a_log_is_never_built_over_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
