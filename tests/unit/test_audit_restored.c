/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns SECURITY.md S33 "the log goes on over a restore": another instance begins with a signed
 * RESTORED and with nothing else, and the second place's lines of the instance before neither keep
 * the restored vault from starting nor make an older copy pass.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit_checkpoint.h"
#include "audit_entry.h"
#include "audit_fixture.h"
#include "clock.h"
#include "message.h"

enum { HOUR_MS = 3600 * 1000 };

static const uint8_t second_id[INSTANCE_ID_BYTES] = "second instanc";
static const uint8_t third_id[INSTANCE_ID_BYTES] = "third instance";

/* ---- help ---- */

static void
begin(struct fixture *fixture)
{
    fixture->options.checkpoint_folder = fixture->place2;
    fixture_reopen(fixture);
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
}

/* Reveals, and a checkpoint that is kept elsewhere too; gives its number. */
static uint64_t
work(struct fixture *fixture, int reveals)
{
    uint64_t sequence;

    for (int i = 0; i < reveals; i++) {
        (void)fixture_append(fixture, fixture_reveal("maria"));
    }
    sequence = fixture_append(fixture, fixture_act(AUDIT_ACT_CHECKPOINT));
    audit_keep_checkpoint(fixture->audit, true);
    return sequence;
}

/* The log as it is becomes fixture->copy: what a backup has of it. */
static void
back_up(struct fixture *fixture)
{
    audit_close(&fixture->audit);
    folder_copy(fixture->log, fixture->copy);
    assert_int_equal(fixture_open(fixture, fixture->log), STATUS_OK);
}

static void
swap_in_copy(struct fixture *fixture)
{
    audit_close(&fixture->audit);
    folder_remove(fixture->log);
    folder_copy(fixture->copy, fixture->log);
}

static void
expect_proved(struct fixture *fixture)
{
    if (audit_prove(fixture->audit, &fixture->noted, fixture->place) != STATUS_OK) {
        fail_msg("%s", fixture->place);
    }
}

/* What a restore does with a log: RESTORED by that instance, and a start. Gives RESTORED's number.
 */
static uint64_t
restore(struct fixture *fixture, const uint8_t *instance_id)
{
    uint64_t sequence;

    audit_close(&fixture->audit);
    fixture->options.instance_id = instance_id;
    fixture->options.restoring = true;
    fixture->options.checkpoint_folder = NULL;
    assert_int_equal(fixture_open(fixture, fixture->log), STATUS_OK);
    expect_proved(fixture);
    sequence = fixture_append(fixture, fixture_act(AUDIT_ACT_RESTORED));
    fixture->options.restoring = false;
    fixture->options.checkpoint_folder = fixture->place2;
    fixture_reopen(fixture);
    return sequence;
}

static void
expect_refused(struct fixture *fixture, const char *text)
{
    memset(fixture->place, 0, sizeof fixture->place);
    assert_int_equal(audit_prove(fixture->audit, &fixture->noted, fixture->place), STATUS_CORRUPT);
    if (strstr(fixture->place, text) == NULL) {
        fail_msg("'%s'", fixture->place);
    }
}

/* A line of that instance, signed by the vault's own key, in a file of its own. */
static void
plant(struct fixture *fixture, const uint8_t *instance_id, uint64_t sequence, uint64_t time_ms)
{
    struct audit_checkpoint line = {
        .act = AUDIT_ACT_CHECKPOINT, .sequence = sequence, .time_ms = time_ms, .changes = 1};
    uint8_t message[AUDIT_CHECKPOINT_MESSAGE_BYTES];
    char text[AUDIT_CHECKPOINT_LINE_MAX], path[FOLDER_PATH_BYTES];

    memcpy(line.vault_id, fixture_vault_id, sizeof line.vault_id);
    memcpy(line.instance_id, instance_id, INSTANCE_ID_BYTES);
    audit_checkpoint_message(&line, message);
    assert_int_equal(
        keyring_audit_sign(fixture->keyring, bytes_of(message, sizeof message), line.signature),
        STATUS_OK);
    folder_join(fixture->place2, "checkpoints-30313233-2001-01", path);
    folder_write(path, text, audit_checkpoint_print(&line, text));
}

/* All files of the second place as one, for audit-verify. */
static void
gather_kept(struct fixture *fixture, char ret_path[static FOLDER_PATH_BYTES])
{
    char command[3 * FOLDER_PATH_BYTES];

    folder_join(fixture->folder, "kept", ret_path);
    (void)snprintf(command, sizeof command, "cat '%s'/checkpoints-* > '%s'", fixture->place2,
                   ret_path);
    assert_int_equal(system(command), 0);
}

static void
expect_verified(struct fixture *fixture, uint64_t restored)
{
    char kept[FOLDER_PATH_BYTES];
    struct audit_report report;

    gather_kept(fixture, kept);
    if (fixture_verify(fixture, fixture->log, kept, &report) != STATUS_OK) {
        fail_msg("'%s'", report.place);
    }
    assert_true(report.anchored);
    assert_int_equal(report.restored, restored);
}

static void
expect_not_verified(struct fixture *fixture, const char *text)
{
    char kept[FOLDER_PATH_BYTES];
    struct audit_report report;

    gather_kept(fixture, kept);
    assert_int_equal(fixture_verify(fixture, fixture->log, kept, &report), STATUS_CORRUPT);
    if (strstr(report.place, text) == NULL) {
        fail_msg("'%s'", report.place);
    }
}

/* ---- the chain ---- */

static void
a_restored_log_goes_on(void **state)
{
    struct fixture *fixture = *state;
    uint64_t restored;

    begin(fixture);
    (void)work(fixture, 3);
    restored = restore(fixture, second_id);
    assert_int_equal(fixture->summary.restored, restored);
    assert_true(fixture->summary.clean);
    assert_true(fixture->summary.has_access_tag);
    assert_int_equal(fixture->summary.access_sequence, restored);
    expect_proved(fixture);
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
    (void)work(fixture, 3);
    fixture_reopen(fixture);
    expect_proved(fixture);
    expect_verified(fixture, restored);
}

/* Nothing is signed by the new instance before RESTORED, however much is appended. */
static void
no_checkpoint_comes_before_restored(void **state)
{
    struct fixture *fixture = *state;
    struct audit_report report;

    begin(fixture);
    audit_close(&fixture->audit);
    fixture->options.instance_id = second_id;
    fixture->options.restoring = true;
    assert_int_equal(fixture_open(fixture, fixture->log), STATUS_OK);
    for (int i = 0; i < AUDIT_CHECKPOINT_ENTRIES + 5; i++) {
        struct audit_entry entry = fixture_reveal("maria");

        assert_int_equal(audit_append(fixture->audit, &entry, 1), STATUS_OK);
    }
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_RESTORED));
    fixture->options.restoring = false;
    fixture_reopen(fixture);
    expect_proved(fixture);
    assert_int_equal(fixture_verify(fixture, fixture->log, NULL, &report), STATUS_OK);
}

/* A log in which `act` stands where another instance begins. */
static void
expect_no_chain(struct fixture *fixture, const struct audit_entry *entries, size_t count,
                const char *text)
{
    struct audit_report report;

    audit_close(&fixture->audit);
    fixture->options.instance_id = second_id;
    fixture->options.restoring = true;
    assert_int_equal(fixture_open(fixture, fixture->log), STATUS_OK);
    for (size_t i = 0; i < count; i++) {
        (void)fixture_append(fixture, entries[i]);
    }
    audit_close(&fixture->audit);
    assert_int_equal(fixture_verify(fixture, fixture->log, NULL, &report), STATUS_CORRUPT);
    assert_non_null(strstr(report.place, text));
    assert_int_equal(fixture_open(fixture, fixture->log), STATUS_CORRUPT);
    assert_non_null(strstr(fixture->place, text));
}

static void
another_instance_without_restored_is_no_chain(void **state)
{
    const struct audit_entry entry = fixture_act(AUDIT_ACT_CHECKPOINT);

    begin(*state);
    expect_no_chain(*state, &entry, 1, "no restore stands before it");
}

static void
what_stands_behind_restored_is_what_a_sealed_vault_writes(void **state)
{
    const struct audit_entry entries[] = {fixture_act(AUDIT_ACT_RESTORED), fixture_reveal("maria")};

    begin(*state);
    expect_no_chain(*state, entries, 2, "nothing that a sealed vault writes");
}

static void
restored_by_the_same_instance_is_no_chain(void **state)
{
    struct fixture *fixture = *state;
    struct audit_report report;

    begin(fixture);
    fixture->options.restoring = true;
    fixture_reopen(fixture);
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_RESTORED));
    audit_close(&fixture->audit);
    assert_int_equal(fixture_verify(fixture, fixture->log, NULL, &report), STATUS_CORRUPT);
    assert_non_null(strstr(report.place, "begins another instance"));
    assert_int_equal(fixture_open(fixture, fixture->log), STATUS_CORRUPT);
}

static void
restored_vouches_for_the_rules(void **state)
{
    struct fixture *fixture = *state;
    struct audit_entry bare = fixture_act(AUDIT_ACT_RESTORED);
    struct audit_entry by_somebody = fixture_act(AUDIT_ACT_RESTORED);

    begin(fixture);
    bare.has_access_tag = false;
    assert_int_equal(audit_append(fixture->audit, &bare, 1), STATUS_INVALID);
    by_somebody.principal = bytes_of_text("maria");
    assert_int_equal(audit_append(fixture->audit, &by_somebody, 1), STATUS_INVALID);
}

/* Who has the files, and not the key. */
static void
a_forged_restored_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct audit_report report;
    struct log *log;
    uint64_t restored;

    begin(fixture);
    restored = restore(fixture, second_id);
    audit_close(&fixture->audit);
    log = fixture_read_log(fixture->log);
    fixture_entry(log, restored)[AUDIT_ENTRY_FIXED_BYTES] ^= 1; /* the tag it vouches with */
    fixture_forge(fixture->copy, log->entries, log->count);
    fixture_free_log(&log);
    assert_int_equal(fixture_verify(fixture, fixture->copy, NULL, &report), STATUS_CORRUPT);
    assert_int_equal(report.first_bad, restored);
    assert_int_equal(fixture_open(fixture, fixture->copy), STATUS_OK);
    expect_refused(fixture, "its signature does not hold");
}

/* ---- the second place ---- */

static void
lines_of_the_lost_tail_are_accepted(void **state)
{
    struct fixture *fixture = *state;
    uint64_t restored;

    begin(fixture);
    (void)work(fixture, 3);
    back_up(fixture);
    (void)work(fixture, 20); /* lost */
    swap_in_copy(fixture);
    assert_int_equal(fixture_open(fixture, fixture->log), STATUS_OK);
    restored = restore(fixture, second_id);
    expect_proved(fixture);
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
    (void)work(fixture, 2);
    fixture_reopen(fixture);
    expect_proved(fixture);
    expect_verified(fixture, restored);
}

static void
lines_before_restored_must_stand(void **state)
{
    struct fixture *fixture = *state;
    uint64_t kept;

    begin(fixture);
    back_up(fixture);
    kept = work(fixture, 0);
    swap_in_copy(fixture);
    assert_int_equal(fixture_open(fixture, fixture->log), STATUS_OK);
    (void)fixture_append(fixture, fixture_reveal("maria")); /* instead of what was kept */
    (void)fixture_append(fixture, fixture_reveal("maria"));
    assert_true(restore(fixture, second_id) > kept);
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
    (void)work(fixture, 2);
    fixture_reopen(fixture);
    expect_refused(fixture, "differs");
    expect_not_verified(fixture, "is not what line");
}

/* The new instance's lines stand, and yet an old one does not: it is not hidden by them. */
static void
the_whole_directory_before_the_restore_is_refused(void **state)
{
    struct fixture *fixture = *state;

    begin(fixture);
    (void)work(fixture, 3);
    back_up(fixture);
    (void)restore(fixture, second_id);
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
    (void)work(fixture, 2);
    swap_in_copy(fixture);
    fixture->options.instance_id = fixture_instance_id;
    assert_int_equal(fixture_open(fixture, fixture->log), STATUS_OK);
    expect_refused(fixture, "another copy of this vault, which was in use later");
    expect_not_verified(fixture, "another copy's");
}

static void
the_restored_directory_of_an_hour_ago_is_refused(void **state)
{
    struct fixture *fixture = *state;

    begin(fixture);
    (void)work(fixture, 3);
    (void)restore(fixture, second_id);
    back_up(fixture);
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
    (void)work(fixture, 2);
    swap_in_copy(fixture);
    assert_int_equal(fixture_open(fixture, fixture->log), STATUS_OK);
    expect_refused(fixture, "a checkpoint kept elsewhere says");
    expect_not_verified(fixture, "the log ends before it");
}

/* A drill's copy, put in the place of the vault that was never lost. */
static void
a_copy_restored_while_the_vault_went_on_is_refused(void **state)
{
    struct fixture *fixture = *state;
    uint64_t later = clock_wall_ms() + HOUR_MS;
    uint64_t restored;

    begin(fixture);
    (void)work(fixture, 3);
    restored = restore(fixture, second_id);
    plant(fixture, fixture_instance_id, restored + 5, later);
    expect_refused(fixture, "after this one was restored");
    expect_not_verified(fixture, "another copy's");
    plant(fixture, fixture_instance_id, restored + 5, clock_wall_ms());
    expect_proved(fixture);
}

/* Restored twice from one backup: the first restore's lines are of a log that was lost, too. */
static void
lines_of_a_restore_that_was_lost_are_accepted(void **state)
{
    struct fixture *fixture = *state;
    uint64_t now = clock_wall_ms();

    begin(fixture);
    (void)work(fixture, 3);
    plant(fixture, second_id, 50, now);
    (void)restore(fixture, third_id);
    expect_proved(fixture);
    plant(fixture, second_id, 50, now + HOUR_MS);
    expect_refused(fixture, "after this one was restored");
}

/* The line counts by its own instance and number, wherever the chain has got to since. */
static void
an_earlier_instances_line_far_behind_is_owed(void **state)
{
    struct fixture *fixture = *state;

    begin(fixture);
    (void)work(fixture, 3);
    (void)restore(fixture, second_id);
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
    (void)restore(fixture, third_id);
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
    (void)work(fixture, 3);
    fixture_reopen(fixture);
    expect_proved(fixture);
    plant(fixture, fixture_instance_id, 5, 1); /* a reveal stands there */
    expect_proved(fixture);                    /* hidden by a later line of its own that stands */
    plant(fixture, second_id, 8, 1);
    expect_refused(fixture, "differs");
}

static void
without_a_restore_no_other_instance_is_accepted(void **state)
{
    struct fixture *fixture = *state;

    begin(fixture);
    plant(fixture, second_id, 1, 1);
    expect_refused(fixture, "which was in use later");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_restored_log_goes_on),
        TEST(no_checkpoint_comes_before_restored),
        TEST(another_instance_without_restored_is_no_chain),
        TEST(what_stands_behind_restored_is_what_a_sealed_vault_writes),
        TEST(restored_by_the_same_instance_is_no_chain),
        TEST(restored_vouches_for_the_rules),
        TEST(a_forged_restored_is_refused),
        TEST(lines_of_the_lost_tail_are_accepted),
        TEST(lines_before_restored_must_stand),
        TEST(the_whole_directory_before_the_restore_is_refused),
        TEST(the_restored_directory_of_an_hour_ago_is_refused),
        TEST(a_copy_restored_while_the_vault_went_on_is_refused),
        TEST(lines_of_a_restore_that_was_lost_are_accepted),
        TEST(an_earlier_instances_line_far_behind_is_owed),
        TEST(without_a_restore_no_other_instance_is_accepted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
