/* SPDX-License-Identifier: Apache-2.0 */
/* The second place, whatever others write into it and however slow it is; and the log's reserve,
 * which erasing does not use up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "audit_checkpoint.h"
#include "audit_fixture.h"
#include "log.h"
#include "message.h"
#include "store_sync.h"

enum {
    SCRIBBLE_BYTES = 9 * 1000 * 1000,
    SCRIBBLED_LINES = 300 * 1000,
    FORGED_LINES = 2000,
    BLOCK_BYTES = 256 * 1024, /* as the place is read */
    NEWEST = 7,               /* of the log that was put away */
};

/* ---- what stands between ---- */

static const char *last_field;
static unsigned none_kept;
static _Atomic bool hangs; /* the second place */
static _Atomic bool hanging;

void __wrap_log_write(enum log_level level, enum log_event event, const struct log_field *fields,
                      unsigned count);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

void
__wrap_log_write(enum log_level level, enum log_event event, const struct log_field *fields,
                 unsigned count)
{
    if (event == EVENT_SECOND_PLACE_EMPTY) {
        assert_int_equal(level, LOG_LEVEL_WARNING);
        none_kept++;
        return;
    }
    if (event != EVENT_CHECKPOINT_FAILED || count == 0) {
        return;
    }
    last_field = fields[0].name;
}

static void
pause_ms(long ms)
{
    const struct timespec pause = {.tv_nsec = ms * 1000 * 1000};

    (void)nanosleep(&pause, NULL);
}

int
__wrap_fdatasync(int fd)
{
    char link[64], path[FOLDER_PATH_BYTES] = "";

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (hangs && readlink(link, path, sizeof path - 1) > 0 && strstr(path, "/checkpoints-")) {
        atomic_store(&hanging, true);
        while (hangs) {
            pause_ms(1);
        }
    }
    return __real_fdatasync(fd);
}

/* ---- help ---- */

static void
month_path(const struct fixture *fixture, const char *month, char ret_path[FOLDER_PATH_BYTES])
{
    char name[64];

    (void)snprintf(name, sizeof name, "checkpoints-30313233-%s", month);
    folder_join(fixture->place2, name, ret_path);
}

static FILE *
open_month(const struct fixture *fixture, const char *month, const char *mode)
{
    char path[FOLDER_PATH_BYTES];
    FILE *file;

    month_path(fixture, month, path);
    file = fopen(path, mode);
    assert_non_null(file);
    return file;
}

/* A log of NEWEST entries, of which the second place has the last in the file of that month; then
 * another log in its stead, which ends at entry 2. */
static void
put_older_back(struct fixture *fixture, const char *month)
{
    char path[FOLDER_PATH_BYTES], command[2 * FOLDER_PATH_BYTES + 32];

    fixture->options.checkpoint_folder = fixture->place2;
    fixture_reopen(fixture);
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
    audit_close(&fixture->audit);
    folder_copy(fixture->log, fixture->copy);
    assert_int_equal(fixture_open(fixture, fixture->log), STATUS_OK);
    for (uint64_t i = 3; i <= NEWEST; i++) {
        (void)fixture_append(fixture, fixture_act(AUDIT_ACT_CHECKPOINT));
    }
    audit_keep_checkpoint(fixture->audit, true);
    month_path(fixture, month, path);
    (void)snprintf(command, sizeof command, "mv '%s'/checkpoints-* '%s'", fixture->place2, path);
    assert_int_equal(system(command), 0);
    audit_close(&fixture->audit);
    assert_int_equal(fixture_open(fixture, fixture->copy), STATUS_OK);
}

static void
expect_found(struct fixture *fixture)
{
    memset(fixture->place, 0, sizeof fixture->place);
    assert_int_equal(audit_prove(fixture->audit, &fixture->noted, fixture->place), STATUS_CORRUPT);
    assert_non_null(
        strstr(fixture->place, "the log ends at entry 2, but a checkpoint kept elsewhere says 7"));
}

static void
expect_proved(struct fixture *fixture)
{
    if (audit_prove(fixture->audit, &fixture->noted, fixture->place) != STATUS_OK) {
        fail_msg("%s", fixture->place);
    }
}

/* ---- reading ---- */

static void
files_of_the_future_hide_nothing(void **state)
{
    struct fixture *fixture = *state;

    put_older_back(fixture, "2025-11");
    (void)fclose(open_month(fixture, "9999-98", "w"));
    (void)fclose(open_month(fixture, "9999-12", "w"));
    for (int year = 9000; year < 9300; year++) {
        char month[16];

        (void)snprintf(month, sizeof month, "%d-01", year);
        (void)fclose(open_month(fixture, month, "w"));
    }
    expect_found(fixture);
}

static void
scribble_behind_the_newest_hides_nothing(void **state)
{
    static char block[64 * 1024];
    struct fixture *fixture = *state;
    FILE *file;

    put_older_back(fixture, "2025-11");
    file = open_month(fixture, "2025-11", "a");
    for (int i = 0; i < SCRIBBLED_LINES; i++) {
        (void)fputs("y\n", file);
    }
    (void)fclose(file);
    expect_found(fixture);
    file = open_month(fixture, "2025-11", "a");
    memset(block, 'y', sizeof block);
    for (size_t i = 0; i < SCRIBBLE_BYTES; i += sizeof block) {
        (void)fwrite(block, sizeof block, 1, file); /* one line longer than any block */
    }
    (void)fclose(file);
    expect_found(fixture);
}

/* Wherever in a block the line lies. */
static void
line_across_two_blocks_is_found(void **state)
{
    struct fixture *fixture = *state;
    char path[FOLDER_PATH_BYTES];
    uint8_t *line;
    size_t size = 0;

    put_older_back(fixture, "2025-11");
    month_path(fixture, "2025-11", path);
    line = folder_read(path, &size);
    for (size_t behind = BLOCK_BYTES - size - 3; behind < BLOCK_BYTES + 3; behind += 7) {
        FILE *file = open_month(fixture, "2025-11", "w");

        (void)fputs("before\n", file);
        assert_int_equal(fwrite(line, 1, size, file), size);
        for (size_t i = 0; i < behind; i++) {
            (void)fputc(i % 100 == 99 ? '\n' : 'x', file);
        }
        (void)fclose(file);
        expect_found(fixture);
    }
    free(line);
}

static void
forged_lines_hide_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct audit_checkpoint forged = {.act = AUDIT_ACT_CLOSED, .time_ms = 1};
    char line[AUDIT_CHECKPOINT_LINE_MAX];
    FILE *file;

    put_older_back(fixture, "2025-11");
    memcpy(forged.vault_id, fixture_vault_id, sizeof forged.vault_id);
    memcpy(forged.instance_id, fixture_instance_id, sizeof forged.instance_id);
    file = open_month(fixture, "9999-01", "w");
    for (uint64_t i = 0; i < FORGED_LINES; i++) {
        forged.sequence = i % 2 == 0 ? UINT64_MAX - i : 8 + i;
        (void)audit_checkpoint_print(&forged, line);
        (void)fputs(line, file);
    }
    (void)fclose(file);
    expect_found(fixture);
    assert_string_equal(last_field, "not_ours");
}

/* No file takes more than its share. */
static void
huge_file_hides_nothing_and_is_told(void **state)
{
    struct fixture *fixture = *state;
    char path[FOLDER_PATH_BYTES];

    put_older_back(fixture, "2025-11");
    (void)fclose(open_month(fixture, "9999-01", "w"));
    month_path(fixture, "9999-01", path);
    assert_int_equal(truncate(path, (off_t)6 << 30), 0);
    expect_found(fixture);
    assert_string_equal(last_field, "left_out");
}

static void
empty_place_is_told_once(void **state)
{
    struct fixture *fixture = *state;

    none_kept = 0;
    fixture->options.checkpoint_folder = fixture->place2;
    fixture_reopen(fixture);
    expect_proved(fixture);
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
    expect_proved(fixture);
    assert_int_equal(none_kept, 0); /* nothing was to be there */
    fixture_reopen(fixture);
    expect_proved(fixture);
    expect_proved(fixture);
    assert_int_equal(none_kept, 1);
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_CLOSED));
    audit_keep_checkpoint(fixture->audit, true);
    fixture_reopen(fixture);
    expect_proved(fixture);
    assert_int_equal(none_kept, 1);
}

/* ---- a place that hangs ---- */

static void *
keep(void *audit)
{
    audit_keep_checkpoint(audit, false);
    return NULL;
}

static void
place_that_hangs_holds_up_nobody(void **state)
{
    struct fixture *fixture = *state;
    uint8_t digest[AUDIT_DIGEST_BYTES];
    uint64_t sequence = 0;
    pthread_t thread;

    fixture->options.checkpoint_folder = fixture->place2;
    fixture_reopen(fixture);
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
    atomic_store(&hanging, false);
    atomic_store(&hangs, true);
    assert_int_equal(pthread_create(&thread, NULL, keep, fixture->audit), 0);
    while (!hanging) {
        pause_ms(1);
    }
    (void)alarm(20); /* else this would wait for ever */
    (void)fixture_append(fixture, fixture_reveal("maria"));
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_CHECKPOINT));
    assert_true(audit_tick(fixture->audit, &sequence, digest));
    assert_int_equal(sequence, 4);
    audit_hasten_checkpoint(fixture->audit);
    assert_int_equal(audit_digest_at(fixture->audit, 3, digest), STATUS_OK);
    expect_proved(fixture);
    (void)alarm(0);
    atomic_store(&hangs, false);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* ---- the reserve ---- */

static struct audit_entry
erase(void)
{
    struct audit_entry entry = fixture_reveal("maria");

    entry.operation = OP_ERASE;
    entry.phase = AUDIT_INTENT;
    return entry;
}

static void
erasing_leaves_room_to_stop_it(void **state)
{
    struct fixture *fixture = *state;
    struct audit_entry entry;
    enum status status = STATUS_OK;
    int stops = 0;

    fixture->options.segment_bytes = 1; /* the least; a quarter of it is left */
    fixture_reopen(fixture);
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
    space_full(true);
    while (status == STATUS_OK) {
        entry = erase();
        status = audit_append_reserved(fixture->audit, &entry, 1, AUDIT_RESERVE_ERASE);
    }
    assert_int_equal(status, STATUS_UNAVAILABLE);
    entry = fixture_reveal("maria");
    assert_int_equal(audit_append(fixture->audit, &entry, 1), STATUS_UNAVAILABLE);
    do {
        entry = fixture_act(OP_FREEZE);
        status = audit_append_reserved(fixture->audit, &entry, 1, AUDIT_RESERVE_STOP);
        stops += status == STATUS_OK;
    } while (status == STATUS_OK);
    assert_int_equal(status, STATUS_UNAVAILABLE);
    assert_true(stops >= 20);
    space_full(false);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_of_the_future_hide_nothing),    TEST(scribble_behind_the_newest_hides_nothing),
        TEST(line_across_two_blocks_is_found),     TEST(forged_lines_hide_nothing),
        TEST(huge_file_hides_nothing_and_is_told), TEST(empty_place_is_told_once),
        TEST(place_that_hangs_holds_up_nobody),    TEST(erasing_leaves_room_to_stop_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
