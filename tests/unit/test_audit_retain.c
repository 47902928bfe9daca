/* SPDX-License-Identifier: Apache-2.0 */
/* Owns SECURITY.md S9 "older entries are removed only by the vault": where the chain begins is
 * signed, and a kill between any two steps leaves a log that opens. Finding entries by time, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit_entry.h"
#include "audit_fixture.h"
#include "audit_start.h"
#include "clock.h"
#include "journal.h"
#include "message.h"
#include "secret.h"
#include "store_sync.h"

enum {
    SMALL_SEGMENT = 1, /* the least there is: 16 KiB */
    OLD = 600,
    MINUTE_MS = 60 * 1000,
    HOUR_MS = 60 * MINUTE_MS,
    DAY_MS = 24 * HOUR_MS,
    CRASHED = 86,
};

/* ---- help ---- */

/* Entry `number` of the old log was made then: an entry an hour, the newest 100 days ago. */
static uint64_t newest_ms;
static uint64_t between_ms = HOUR_MS;

static uint64_t
old_time_ms(uint64_t number)
{
    if (newest_ms == 0) {
        newest_ms = clock_vault_ms() - 100ULL * DAY_MS;
    }
    return newest_ms - (OLD - number) * between_ms;
}

/* The fixture's log becomes one of old entries in many segments. */
static void
make_forgotten_log(struct fixture *fixture)
{
    static uint8_t bytes[OLD][AUDIT_ENTRY_FIXED_BYTES + 5];
    struct bytes entries[OLD];
    struct audit_link link = {.sequence = 0};

    audit_close(&fixture->audit);
    folder_remove(fixture->log);
    audit_entry_root(fixture_vault_id, link.previous);
    for (size_t i = 0; i < OLD; i++) {
        struct audit_entry entry = fixture_act(i == 0 ? AUDIT_ACT_CREATED : AUDIT_ACT_CUT);

        entry.subject = bytes_of_text("inbox");
        link.sequence++;
        link.time_ms = old_time_ms(link.sequence);
        (void)audit_entry_encode(&entry, 0, bytes[i]);
        audit_entry_put_link(&link, bytes[i]);
        entries[i] = bytes_of(bytes[i], sizeof bytes[i]);
        audit_entry_digest(entries[i], link.previous);
    }
    fixture_forge(fixture->log, entries, OLD);
    fixture->options.segment_bytes = SMALL_SEGMENT;
    fixture_reopen(fixture);
}

/* And is opened and signed today. */
static void
make_old_log(struct fixture *fixture)
{
    make_forgotten_log(fixture);
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
}

static enum status
retain(struct fixture *fixture, uint64_t before_ms, uint64_t *ret_removed)
{
    struct audit_entry entry = {.has_access_tag = true, .uid = 17};

    memset(entry.access_tag, 0xac, sizeof entry.access_tag);
    return audit_retain(fixture->audit, before_ms, &entry, ret_removed);
}

static enum status
take_entry(void *state, const struct audit_entry *entry)
{
    *(struct audit_entry *)state = *entry;
    return STATUS_OK;
}

static struct audit_entry
read_one(struct fixture *fixture, uint64_t sequence)
{
    struct audit_entry entry = {0};

    assert_int_equal(audit_read(fixture->audit, sequence, 1, take_entry, &entry), STATUS_OK);
    return entry;
}

static void
expect_verified(const struct fixture *fixture, uint64_t first)
{
    struct audit_report report;

    if (fixture_verify(fixture, fixture->log, NULL, &report) != STATUS_OK) {
        fail_msg("%s", report.place);
    }
    assert_int_equal(report.first, first);
    assert_int_equal(report.entries, audit_last(fixture->audit) - first + 1);
}

static void
expect_proved(struct fixture *fixture)
{
    if (audit_prove(fixture->audit, &fixture->noted, fixture->place) != STATUS_OK) {
        fail_msg("%s", fixture->place);
    }
}

static void
segment_path(const struct fixture *fixture, const char *name, char ret_path[FOLDER_PATH_BYTES])
{
    folder_join(fixture->log, name, ret_path);
}

static bool
has_file(const struct fixture *fixture, const char *name)
{
    char path[FOLDER_PATH_BYTES];

    segment_path(fixture, name, path);
    return folder_has(path);
}

/* ---- finding by time ---- */

static void
entries_are_found_by_time(void **state)
{
    struct fixture *fixture = *state;
    uint64_t found = 0;

    make_old_log(fixture);
    for (uint64_t number = 1; number <= OLD; number++) {
        assert_int_equal(audit_find_time(fixture->audit, old_time_ms(number), &found), STATUS_OK);
        assert_int_equal(found, number);
        assert_int_equal(audit_find_time(fixture->audit, old_time_ms(number) - 1, &found),
                         STATUS_OK);
        assert_int_equal(found, number);
        assert_int_equal(audit_find_time(fixture->audit, old_time_ms(number) + 1, &found),
                         STATUS_OK);
        assert_int_equal(found, number + 1);
    }
    assert_int_equal(audit_find_time(fixture->audit, 0, &found), STATUS_OK);
    assert_int_equal(found, 1);
    assert_int_equal(audit_find_time(fixture->audit, UINT64_MAX, &found), STATUS_OK);
    assert_int_equal(found, OLD + 2);
    /* Those of one millisecond: the first of them; one that is not on disk yet is found too. */
    for (int i = 0; i < 3; i++) {
        struct audit_entry entry = fixture_act(AUDIT_ACT_BUDGET);

        assert_int_equal(audit_append(fixture->audit, &entry, 1), STATUS_OK);
    }
    assert_int_equal(audit_find_time(fixture->audit, audit_last_time_ms(fixture->audit), &found),
                     STATUS_OK);
    assert_int_equal(read_one(fixture, found).time_ms, audit_last_time_ms(fixture->audit));
    assert_true(read_one(fixture, found - 1).time_ms < audit_last_time_ms(fixture->audit));
}

static void
digest_of_any_entry_is_known(void **state)
{
    struct fixture *fixture = *state;
    uint8_t digest[AUDIT_DIGEST_BYTES], expected[AUDIT_DIGEST_BYTES];
    struct audit_entry entry = fixture_act(AUDIT_ACT_BUDGET);
    struct log *log;

    make_old_log(fixture);
    log = fixture_read_log(fixture->log);
    for (uint64_t number = 1; number <= log->count; number += 37) {
        assert_int_equal(audit_digest_at(fixture->audit, number, digest), STATUS_OK);
        audit_entry_digest(log->entries[number - 1], expected);
        assert_memory_equal(digest, expected, sizeof digest);
    }
    assert_int_equal(audit_digest_at(fixture->audit, 0, digest), STATUS_NOT_FOUND);
    assert_int_equal(audit_digest_at(fixture->audit, log->count + 1, digest), STATUS_NOT_FOUND);
    assert_int_equal(audit_append(fixture->audit, &entry, 1), STATUS_OK); /* not waited for */
    assert_int_equal(audit_digest_at(fixture->audit, log->count + 1, digest), STATUS_OK);
    fixture_free_log(&log);
}

/* ---- retention ---- */

static void
older_segments_go_and_the_rest_is_whole(void **state)
{
    struct fixture *fixture = *state;
    uint64_t removed = 0, first, again;
    uint8_t digest[AUDIT_DIGEST_BYTES];
    struct audit_entry retained;

    make_old_log(fixture);
    assert_int_equal(audit_first(fixture->audit), 1);
    assert_true(audit_retain_due(fixture->audit, old_time_ms(300)));
    assert_int_equal(retain(fixture, old_time_ms(300), &removed), STATUS_OK);
    first = audit_first(fixture->audit);
    assert_int_equal(removed, first - 1);
    assert_in_range(first, 150, 300); /* whole segments only, and none with entry 300 */
    retained = read_one(fixture, audit_last(fixture->audit));
    assert_int_equal(retained.operation, AUDIT_ACT_RETAINED);
    assert_int_equal(retained.phase, AUDIT_DONE);
    assert_int_equal(retained.amount, first);
    assert_int_equal(retained.uid, 17);
    assert_false(has_file(fixture, "00000001.seg"));
    assert_true(has_file(fixture, "start"));
    expect_proved(fixture);
    expect_verified(fixture, first);
    assert_int_equal(audit_digest_at(fixture->audit, first - 1, digest), STATUS_NOT_FOUND);
    assert_int_equal(read_one(fixture, 1).sequence, first); /* reading begins with what there is */
    assert_int_equal(audit_find_time(fixture->audit, 0, &again), STATUS_OK);
    assert_int_equal(again, first);

    /* Nothing more to do. */
    assert_false(audit_retain_due(fixture->audit, old_time_ms(300)));
    assert_int_equal(retain(fixture, old_time_ms(300), &removed), STATUS_OK);
    assert_int_equal(removed, 0);
    assert_int_equal(audit_last(fixture->audit), retained.sequence);

    /* It opens again, goes on, and begins still later. */
    fixture_reopen(fixture);
    assert_int_equal(audit_first(fixture->audit), first);
    assert_int_equal(fixture->summary.entries, retained.sequence);
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
    expect_proved(fixture);
    assert_int_equal(retain(fixture, old_time_ms(500), &removed), STATUS_OK);
    assert_true(audit_first(fixture->audit) > first);
    assert_int_equal(removed, audit_first(fixture->audit) - first);
    expect_verified(fixture, audit_first(fixture->audit));
    fixture_reopen(fixture);
    expect_proved(fixture);
    expect_verified(fixture, audit_first(fixture->audit));
}

static void
without_the_key_nobody_knows_where_it_begins(void **state)
{
    struct fixture *fixture = *state;
    struct audit_check check = {.folder = fixture->log};
    struct audit_report report;
    uint64_t removed = 0;
    char expected[AUDIT_PLACE_BYTES];

    make_old_log(fixture);
    assert_int_equal(audit_verify(&check, &report), STATUS_OK);
    assert_int_equal(retain(fixture, UINT64_MAX, &removed), STATUS_OK);
    assert_true(removed > 0);
    assert_int_equal(audit_verify(&check, &report), STATUS_CORRUPT);
    (void)snprintf(expected, sizeof expected,
                   "begins at entry %u: only the public key can prove that, give --public-key",
                   (unsigned)(1 + removed));
    assert_string_equal(report.place, expected);
    assert_int_equal(report.first_bad, 1 + removed);
    check.public_key = fixture->public_key;
    assert_int_equal(audit_verify(&check, &report), STATUS_OK);
}

/* The entry that vouched for the access state may be gone: this one does. */
static void
retained_entry_vouches_for_the_access_state(void **state)
{
    struct fixture *fixture = *state;
    uint64_t removed = 0, last;

    make_old_log(fixture);
    assert_int_equal(retain(fixture, old_time_ms(400), &removed), STATUS_OK);
    last = audit_last(fixture->audit);
    fixture_reopen(fixture);
    assert_true(fixture->summary.has_access_tag);
    assert_int_equal(fixture->summary.access_sequence, last);
    assert_int_equal(fixture->summary.access_tag[0], 0xac);
    assert_false(fixture->summary.intent_open);
}

static void
the_last_day_and_the_segment_in_use_stay(void **state)
{
    struct fixture *fixture = *state;
    uint64_t removed = 0, found = 0, first;

    make_old_log(fixture);
    for (int i = 0; i < 400; i++) {
        (void)fixture_append(fixture, fixture_reveal("maria"));
    }
    assert_int_equal(audit_find_time(fixture->audit, clock_vault_ms() - DAY_MS, &found), STATUS_OK);
    assert_int_equal(found, OLD + 1);
    assert_int_equal(retain(fixture, UINT64_MAX, &removed), STATUS_OK);
    first = audit_first(fixture->audit);
    assert_in_range(first, OLD / 2, OLD + 1);
    assert_int_equal(read_one(fixture, OLD + 1).operation, AUDIT_ACT_OPENED);
    expect_verified(fixture, first);
    assert_false(audit_retain_due(fixture->audit, UINT64_MAX));
}

/* However little is to be kept, what budgets are counted from is. */
static void
the_last_fifty_hours_stay(void **state)
{
    struct fixture *fixture = *state;
    uint64_t removed = 0, found = 0;

    newest_ms = clock_vault_ms();
    between_ms = 10ULL * MINUTE_MS;
    make_old_log(fixture);
    assert_int_equal(retain(fixture, UINT64_MAX, &removed), STATUS_OK);
    assert_int_equal(audit_find_time(fixture->audit, newest_ms - 50ULL * HOUR_MS, &found),
                     STATUS_OK);
    newest_ms = 0;
    between_ms = HOUR_MS;
    assert_true(removed > 0);
    assert_in_range(found, OLD - 50 * 6 - 1, OLD - 50 * 6 + 1);
    assert_true(audit_first(fixture->audit) <= found);
}

static void
full_disk_is_no_hindrance(void **state)
{
    struct fixture *fixture = *state;
    uint64_t removed = 0;
    struct audit_entry entry;
    enum status status = STATUS_OK;

    make_old_log(fixture);
    space_full(true);
    while (status == STATUS_OK) {
        entry = fixture_reveal("maria");
        status = audit_append(fixture->audit, &entry, 1);
    }
    assert_int_equal(status, STATUS_UNAVAILABLE);
    assert_int_equal(audit_wait(fixture->audit, audit_last(fixture->audit)), STATUS_OK);
    status = retain(fixture, UINT64_MAX, &removed);
    space_full(false);
    assert_int_equal(status, STATUS_OK);
    assert_true(removed > 0);
}

/* Even where all of it is old: the segment being written stays. */
static void
log_that_is_old_to_its_end_keeps_its_end(void **state)
{
    struct fixture *fixture = *state;
    uint64_t removed = 0, first;

    make_forgotten_log(fixture);
    assert_int_equal(retain(fixture, UINT64_MAX, &removed), STATUS_OK);
    first = audit_first(fixture->audit);
    assert_in_range(first, OLD / 2, OLD);
    assert_int_equal(removed, first - 1);
    expect_proved(fixture);
    expect_verified(fixture, first);
    fixture_reopen(fixture);
}

static void
short_log_has_nothing_to_remove(void **state)
{
    struct fixture *fixture = *state;
    uint64_t removed = 9;

    assert_false(audit_retain_due(fixture->audit, UINT64_MAX));
    assert_int_equal(retain(fixture, UINT64_MAX, &removed), STATUS_OK);
    assert_int_equal(removed, 0);
    assert_int_equal(audit_last(fixture->audit), 1);
    assert_false(has_file(fixture, "start"));
}

static void
sealed_vault_removes_nothing(void **state)
{
    struct fixture *fixture = *state;
    uint64_t removed = 9;

    make_old_log(fixture);
    uint64_t last = audit_last(fixture->audit);
    keyring_seal(fixture->keyring);
    assert_int_equal(retain(fixture, old_time_ms(300), &removed), STATUS_SEALED);
    assert_int_equal(removed, 0);
    assert_int_equal(audit_first(fixture->audit), 1);
    assert_int_equal(audit_last(fixture->audit), last);
    fixture_reopen(fixture);
    assert_int_equal(audit_first(fixture->audit), 1);
    assert_true(has_file(fixture, "00000001.seg"));
}

/* ---- attacks ---- */

static void
expect_refused_everywhere(struct fixture *fixture, const char *text)
{
    struct audit_report report;
    enum status status;

    assert_int_equal(fixture_verify(fixture, fixture->log, NULL, &report), STATUS_CORRUPT);
    memset(fixture->place, 0, sizeof fixture->place);
    status = fixture_open(fixture, fixture->log);
    if (status == STATUS_OK) {
        status = audit_prove(fixture->audit, &fixture->noted, fixture->place);
        audit_close(&fixture->audit);
    }
    assert_int_equal(status, STATUS_CORRUPT);
    if (strstr(fixture->place, text) == NULL || report.place[0] == '\0') {
        fail_msg("'%s' does not say '%s'; offline: '%s'", fixture->place, text, report.place);
    }
}

static void
write_start(const struct fixture *fixture, const struct audit_start *start)
{
    assert_int_equal(audit_start_write(fixture->log, start), STATUS_OK);
}

static void
beginning_that_the_vault_has_not_signed_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct audit_start start, good;
    char path[FOLDER_PATH_BYTES];
    uint64_t removed = 0;
    struct log *log;

    make_old_log(fixture);
    log = fixture_read_log(fixture->log);
    audit_close(&fixture->audit);
    /* He removes old entries himself, and writes where the log begins. */
    start = (struct audit_start){.first = 300, .time_ms = 5};
    memcpy(start.vault_id, fixture_vault_id, sizeof start.vault_id);
    memcpy(start.instance_id, fixture_instance_id, sizeof start.instance_id);
    audit_entry_digest(log->entries[298], start.previous);
    write_start(fixture, &start);
    expect_refused_everywhere(fixture, "start: its signature is not this vault's");
    segment_path(fixture, "start", path);
    folder_write(path, "cvastart", 8);
    expect_refused_everywhere(fixture, "`start` beside the log is none of this vault's");
    assert_int_equal(unlink(path), 0);
    /* He only removes a segment. */
    assert_int_equal(fixture_open(fixture, fixture->log), STATUS_OK);
    assert_int_equal(retain(fixture, old_time_ms(300), &removed), STATUS_OK);
    audit_close(&fixture->audit);
    assert_int_equal(audit_start_read(fixture->log, &good), STATUS_OK);
    assert_int_equal(unlink(path), 0);
    expect_refused_everywhere(fixture, "");
    /* Another vault's, another number, another hash: none is what was signed. */
    start = good;
    start.vault_id[0] ^= 1;
    write_start(fixture, &start);
    expect_refused_everywhere(fixture, "none of this vault's");
    start = good;
    start.first++;
    write_start(fixture, &start);
    expect_refused_everywhere(fixture, "the log begins with");
    start = good;
    start.previous[5] ^= 1;
    write_start(fixture, &start);
    expect_refused_everywhere(fixture, "the log begins with");
    start = good;
    start.time_ms++;
    write_start(fixture, &start);
    expect_refused_everywhere(fixture, "start: its signature");
    write_start(fixture, &good);
    assert_int_equal(fixture_open(fixture, fixture->log), STATUS_OK);
    expect_proved(fixture);
    fixture_free_log(&log);
}

static void
log_cut_to_before_its_beginning_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char start_path[FOLDER_PATH_BYTES], copied[FOLDER_PATH_BYTES];
    struct audit_report report;
    uint64_t removed = 0;
    struct log *log;
    uint8_t *start;
    size_t size = 0;

    make_old_log(fixture);
    log = fixture_read_log(fixture->log);
    assert_int_equal(retain(fixture, old_time_ms(300), &removed), STATUS_OK);
    audit_close(&fixture->audit);
    segment_path(fixture, "start", start_path);
    start = folder_read(start_path, &size);
    fixture_forge(fixture->copy, log->entries, 50);
    folder_join(fixture->copy, "start", copied);
    folder_write(copied, start, size);
    assert_int_equal(fixture_open(fixture, fixture->copy), STATUS_CORRUPT);
    assert_int_equal(fixture_verify(fixture, fixture->copy, NULL, &report), STATUS_CORRUPT);
    free(start);
    fixture_free_log(&log);
}

/* ---- kill -9 between any two steps ---- */

static int
retain_in_child(const char *folder)
{
    static struct fixture fixture;
    char path[FOLDER_PATH_BYTES];
    uint64_t removed = 0;
    struct key_name reason = {KEY_REASON, 0, clock_year(clock_vault_ms())};

    if (sodium_init() < 0 || secret_new(ROOT_KEY_BYTES, &fixture.root) != STATUS_OK) {
        return 1;
    }
    folder_join(folder, "audit", fixture.log);
    folder_join(folder, "keyring", path);
    if (keyring_open(path, &fixture.keyring) != STATUS_OK ||
        keyring_unseal(fixture.keyring, fixture.root) != STATUS_OK ||
        !keyring_has(fixture.keyring, reason)) {
        return 2;
    }
    fixture.options = (struct audit_options){.vault_id = fixture_vault_id,
                                             .instance_id = fixture_instance_id,
                                             .keyring = fixture.keyring,
                                             .segment_bytes = SMALL_SEGMENT};
    if (fixture_open(&fixture, fixture.log) != STATUS_OK) {
        return 3;
    }
    return retain(&fixture, old_time_ms(300), &removed) == STATUS_OK ? 0 : 4;
}

/* Failpoints are read once in a process, so the child is a fresh one. */
static void
crash_at(const struct fixture *fixture, const char *failpoint)
{
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        (void)setenv("CONTACT_VAULT_FAILPOINTS", failpoint, 1);
        (void)execl("/proc/self/exe", "test_audit_retain", fixture->folder, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), CRASHED);
}

static void
crash_and_go_on(struct fixture *fixture, const char *failpoint, bool moved)
{
    uint64_t removed = 0, first;

    make_old_log(fixture);
    audit_close(&fixture->audit);
    crash_at(fixture, failpoint);
    assert_int_equal(fixture_open(fixture, fixture->log), STATUS_OK);
    expect_proved(fixture);
    first = audit_first(fixture->audit);
    assert_true((first > 1) == moved);
    expect_verified(fixture, first);
    assert_int_equal(read_one(fixture, 1).sequence, first);
    assert_true(fixture->summary.has_access_tag); /* the entry came first */
    /* Asked again, it is finished. */
    if (strcmp(failpoint, "audit_retain_removed") != 0) {
        assert_true(audit_retain_due(fixture->audit, old_time_ms(300)));
    }
    assert_int_equal(retain(fixture, old_time_ms(300), &removed), STATUS_OK);
    assert_true((removed > 0) == !moved);
    assert_in_range(audit_first(fixture->audit), 150, 300);
    assert_false(has_file(fixture, "00000001.seg"));
    assert_false(audit_retain_due(fixture->audit, old_time_ms(300)));
    expect_proved(fixture);
    expect_verified(fixture, audit_first(fixture->audit));
    fixture_reopen(fixture);
    expect_proved(fixture);
}

static void
crash_between_any_two_steps_leaves_a_log_that_opens(void **state)
{
#ifdef CONTACT_VAULT_FAILPOINTS
    crash_and_go_on(*state, "audit_retain_recorded", false);
    crash_and_go_on(*state, "keyring_after_tmp", false);
    crash_and_go_on(*state, "keyring_before_rename", false);
    crash_and_go_on(*state, "keyring_after_rename", true);
    crash_and_go_on(*state, "audit_retain_started", true);
    crash_and_go_on(*state, "audit_retain_removed", true);
#else
    (void)state;
    (void)crash_and_go_on;
    skip();
#endif
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(entries_are_found_by_time),
        TEST(digest_of_any_entry_is_known),
        TEST(older_segments_go_and_the_rest_is_whole),
        TEST(without_the_key_nobody_knows_where_it_begins),
        TEST(retained_entry_vouches_for_the_access_state),
        TEST(the_last_day_and_the_segment_in_use_stay),
        TEST(the_last_fifty_hours_stay),
        TEST(full_disk_is_no_hindrance),
        TEST(log_that_is_old_to_its_end_keeps_its_end),
        TEST(short_log_has_nothing_to_remove),
        TEST(sealed_vault_removes_nothing),
        TEST(beginning_that_the_vault_has_not_signed_is_refused),
        TEST(log_cut_to_before_its_beginning_is_refused),
        TEST(crash_between_any_two_steps_leaves_a_log_that_opens),
    };

    if (argc == 2) {
        return retain_in_child(argv[1]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
