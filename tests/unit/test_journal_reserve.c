/* SPDX-License-Identifier: Apache-2.0 */
/* On a full disk: what may go on has a segment in reserve, all else is told to wait. */
#include "journal.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "store_disk.h"
#include "store_entries.h"
#include "store_folder.h"
#include "store_sync.h"

enum { BACK_MS = 5000, BATCH = 10 }; /* back within seconds */

typedef enum status append_call(struct journal *journal, const struct bytes *entries, size_t count,
                                uint64_t *ret_position);

static int
tear_down(void **state)
{
    (void)state;
    space_full(false);
    return 0;
}

/* Up to a segment of entries in one call, the first at position `from`; on disk if it was taken. */
static enum status
append_batch(struct journal *journal, append_call *call, uint64_t from, size_t count)
{
    uint8_t data[SEGMENT_ENTRIES][ENTRY_BYTES];
    struct bytes entries[SEGMENT_ENTRIES];
    uint64_t position = 0;
    enum status status;

    for (size_t i = 0; i < count; i++) {
        entries_fill(from + i, data[i]);
        entries[i] = bytes_of(data[i], ENTRY_BYTES);
    }
    status = call(journal, entries, count, &position);
    if (status == STATUS_OK) {
        assert_int_equal(position, from + count - 1);
        assert_int_equal(journal_wait(journal, position), STATUS_OK);
    }
    return status;
}

/* All that there is. */
static enum status
append_reserved(struct journal *journal, const struct bytes *entries, size_t count,
                uint64_t *ret_position)
{
    return journal_append_reserved(journal, entries, count, 0, ret_position);
}

/* A large wish: a quarter of a segment is the most that is left. */
static enum status
append_leaving(struct journal *journal, const struct bytes *entries, size_t count,
               uint64_t *ret_position)
{
    return journal_append_reserved(journal, entries, count, UINT32_MAX, ret_position);
}

/* One by one until it is refused; returns the last that was taken. */
static uint64_t
append_until_full(struct journal *journal, append_call *call, uint64_t last)
{
    enum status status = STATUS_OK;

    while (status == STATUS_OK) {
        status = append_batch(journal, call, last + 1, 1);
        last += status == STATUS_OK;
    }
    assert_int_equal(status, STATUS_UNAVAILABLE);
    assert_false(journal_failed(journal));
    return last;
}

static void
await_reserve(struct journal *journal)
{
    bool there = false;

    for (int ms = 0; ms < BACK_MS && !there; ms += 10) {
        there = journal_keep_reserve(journal);
        (void)usleep(10000);
    }
    assert_true(there);
}

static void
only_the_reserved_may_take_the_last(void **state)
{
    struct folder folder;
    struct journal *journal;
    uint64_t last;

    (void)state;
    folder_make(&folder);
    journal = entries_open(&folder, 0);
    assert_true(journal_keep_reserve(journal));
    space_full(true);
    last = append_until_full(journal, journal_append, 0);
    assert_int_equal(last, 2 * SEGMENT_ENTRIES); /* the first segment and the next */
    assert_true(journal_keep_reserve(journal));
    /* What is refused is not half taken, nor does it cost what may go on. */
    assert_int_equal(append_batch(journal, journal_append, last + 1, BATCH), STATUS_UNAVAILABLE);
    assert_int_equal(append_batch(journal, append_reserved, last + 1, BATCH), STATUS_OK);
    last += BATCH;
    /* The segment begun has room, and it is not for everybody. */
    assert_false(journal_keep_reserve(journal));
    assert_int_equal(append_batch(journal, journal_append, last + 1, 1), STATUS_UNAVAILABLE);
    last = append_until_full(journal, append_reserved, last);
    assert_int_equal(last, 3 * SEGMENT_ENTRIES);
    assert_false(journal_keep_reserve(journal));
    journal_close(&journal);
    space_full(false);
    journal = entries_open(&folder, last);
    entries_append_singly(journal, last + 1, 1);
    journal_close(&journal);
    folder_remove(&folder);
}

static void
who_must_leaves_a_part_of_the_last(void **state)
{
    enum { LEFT = SEGMENT_ENTRIES / 4 };
    struct folder folder;
    struct journal *journal;
    uint64_t last;

    (void)state;
    folder_make(&folder);
    journal = entries_open(&folder, 0);
    space_full(true);
    last = append_until_full(journal, append_leaving, 0);
    assert_in_range(last, 3 * SEGMENT_ENTRIES - LEFT - 2, 3 * SEGMENT_ENTRIES - LEFT);
    /* A batch that would end in it is refused whole, one that leaves it is not asked. */
    assert_int_equal(append_batch(journal, append_leaving, last + 1, BATCH), STATUS_UNAVAILABLE);
    last = append_until_full(journal, append_reserved, last);
    assert_int_equal(last, 3 * SEGMENT_ENTRIES);
    journal_close(&journal);
    journal = entries_open(&folder, last);
    journal_close(&journal);
    folder_remove(&folder);
}

/* The same where a batch begins in the segment before the last. */
static void
who_must_leaves_it_when_he_goes_over_into_it(void **state)
{
    enum { MANY = SEGMENT_ENTRIES };
    struct folder folder;
    struct journal *journal;
    uint64_t last = 2 * SEGMENT_ENTRIES - 1;

    (void)state;
    folder_make(&folder);
    journal = entries_open(&folder, 0);
    space_full(true);
    entries_append_singly(journal, 1, last);
    assert_int_equal(append_batch(journal, append_leaving, last + 1, MANY), STATUS_UNAVAILABLE);
    assert_int_equal(append_batch(journal, append_reserved, last + 1, MANY), STATUS_OK);
    journal_close(&journal);
    journal = entries_open(&folder, last + MANY);
    journal_close(&journal);
    folder_remove(&folder);
}

static void
a_batch_goes_over_into_the_reserve(void **state)
{
    struct folder folder;
    struct journal *journal;
    uint64_t last = 2 * SEGMENT_ENTRIES - BATCH / 2;

    (void)state;
    folder_make(&folder);
    journal = entries_open(&folder, 0);
    space_full(true);
    entries_append_singly(journal, 1, last);
    assert_int_equal(append_batch(journal, journal_append, last + 1, BATCH), STATUS_UNAVAILABLE);
    assert_int_equal(append_batch(journal, append_reserved, last + 1, BATCH), STATUS_OK);
    journal_close(&journal);
    journal = entries_open(&folder, last + BATCH);
    journal_close(&journal);
    folder_remove(&folder);
}

static void
comes_back_by_itself(void **state)
{
    struct folder folder;
    struct journal *journal;
    uint64_t last;
    enum status status = STATUS_UNAVAILABLE;

    (void)state;
    folder_make(&folder);
    journal = entries_open(&folder, 0);
    space_full(true);
    last = append_until_full(journal, append_reserved, 0);
    space_full(false);
    /* Nobody calls journal_keep_reserve here. */
    for (int ms = 0; ms < BACK_MS && status != STATUS_OK; ms += 10) {
        status = append_batch(journal, journal_append, last + 1, 1);
        (void)usleep(10000);
    }
    assert_int_equal(status, STATUS_OK);
    entries_append_singly(journal, last + 2, 2 * SEGMENT_ENTRIES);
    await_reserve(journal);
    last += 1 + 2 * SEGMENT_ENTRIES;
    /* A whole reserve again, not only half of it. */
    space_full(true);
    assert_true(append_until_full(journal, journal_append, last) >= last + SEGMENT_ENTRIES);
    journal_close(&journal);
    folder_remove(&folder);
}

static void
keeping_it_makes_it_again(void **state)
{
    struct folder folder;
    struct journal *journal;
    uint64_t last;

    (void)state;
    folder_make(&folder);
    journal = entries_open(&folder, 0);
    space_full(true);
    last = append_until_full(journal, append_reserved, 0);
    assert_false(journal_keep_reserve(journal));
    space_full(false);
    await_reserve(journal);
    space_full(true);
    assert_true(append_until_full(journal, append_reserved, last) >= last + SEGMENT_ENTRIES);
    journal_close(&journal);
    folder_remove(&folder);
}

/* Whoever asks ten times a second, or appends as fast as he can, writes no segment each time. */
static void
a_full_disk_is_rarely_asked(void **state)
{
    struct folder folder;
    struct journal *journal;
    uint64_t last;
    uint64_t asked;

    (void)state;
    folder_make(&folder);
    journal = entries_open(&folder, 0);
    asked = space_asked();
    for (int i = 0; i < 1000; i++) {
        assert_true(journal_keep_reserve(journal));
    }
    assert_int_equal(space_asked(), asked);
    space_full(true);
    last = append_until_full(journal, append_reserved, 0);
    asked = space_asked();
    for (int i = 0; i < 1000; i++) {
        assert_false(journal_keep_reserve(journal));
        assert_int_equal(append_batch(journal, journal_append, last + 1, 1), STATUS_UNAVAILABLE);
    }
    assert_in_range(space_asked() - asked, 0, 2);
    journal_close(&journal);
    folder_remove(&folder);
}

static bool
has_file(const struct folder *folder, const char *name)
{
    char path[FOLDER_PATH_BYTES];

    folder_file(folder, name, path);
    return access(path, F_OK) == 0;
}

/* What a crash leaves while segments are made or taken: 0, 1 or 2 of them, and half of one. */
static void
opens_whatever_a_crash_left_ahead(void **state)
{
    (void)state;
    for (int there = 0; there <= 2; there++) {
        for (int full = 0; full <= 1; full++) {
            struct folder folder;
            struct journal *journal;
            char path[FOLDER_PATH_BYTES];
            char name[JOURNAL_PLACE_BYTES];

            entries_copy_after(5, &folder);
            for (int number = there + 2; number <= 3; number++) {
                (void)snprintf(name, sizeof name, "%08d.seg", number);
                folder_file(&folder, name, path);
                assert_int_equal(unlink(path), 0);
            }
            (void)snprintf(name, sizeof name, "%08d.tmp", there + 2);
            folder_file(&folder, name, path);
            file_write_at(path, 0, "half of a segment", 17);
            space_full(full != 0);
            journal = entries_open(&folder, 5);
            assert_false(has_file(&folder, name));
            assert_int_equal(journal_keep_reserve(journal), full == 0 || there > 0);
            assert_int_equal(append_batch(journal, journal_append, 6, 1),
                             full == 0 || there > 0 ? STATUS_OK : STATUS_UNAVAILABLE);
            if (full != 0 && there == 0) {
                assert_int_equal(append_batch(journal, append_reserved, 6, 1), STATUS_OK);
            }
            journal_close(&journal);
            space_full(false);
            journal = entries_open(&folder, 6);
            journal_close(&journal);
            folder_remove(&folder);
        }
    }
}

/* A copy may have cut a file of zeros short. */
static void
makes_short_segments_again(void **state)
{
    struct folder folder;
    struct journal *journal;
    char path[FOLDER_PATH_BYTES];

    (void)state;
    entries_copy_after(5, &folder);
    folder_file(&folder, "00000002.seg", path);
    assert_int_equal(truncate(path, 0), 0);
    folder_file(&folder, "00000003.seg", path);
    assert_int_equal(truncate(path, 100), 0);
    journal = entries_open(&folder, 5);
    for (int number = 2; number <= 3; number++) {
        struct stat about;

        folder_file(&folder, number == 2 ? "00000002.seg" : "00000003.seg", path);
        assert_int_equal(stat(path, &about), 0);
        assert_int_equal(about.st_size, SEGMENT_BYTES);
    }
    entries_append_singly(journal, 6, 3 * SEGMENT_ENTRIES);
    journal_close(&journal);
    journal = entries_open(&folder, 5 + 3 * SEGMENT_ENTRIES);
    journal_close(&journal);
    folder_remove(&folder);
}

/* Segments ahead are of a smaller size than now, and the disk will not give larger ones. */
static void
a_small_reserve_is_still_one(void **state)
{
    struct folder folder;
    struct journal_options options;
    struct journal_report report;
    struct journal *journal = NULL;
    static uint8_t large[JOURNAL_ENTRY_BYTES_MAX];
    struct bytes entries[8];
    uint64_t position = 0;

    (void)state;
    entries_copy_after(5, &folder);
    options = entries_options(&folder);
    options.segment_bytes = 4 * SEGMENT_BYTES;
    space_full(true);
    assert_int_equal(journal_open(&options, NULL, NULL, &report, &journal), STATUS_OK);
    for (int i = 0; i < 8; i++) {
        entries[i] = bytes_of(large, sizeof large);
    }
    assert_int_equal(append_reserved(journal, entries, 8, &position), STATUS_UNAVAILABLE);
    assert_true(journal_keep_reserve(journal));
    assert_int_equal(append_batch(journal, journal_append, 6, BATCH), STATUS_OK);
    assert_int_equal(append_until_full(journal, append_reserved, 5 + BATCH), 3 * SEGMENT_ENTRIES);
    journal_close(&journal);
    folder_remove(&folder);
}

static void *
keep_reserve(void *journal)
{
    (void)journal_keep_reserve(journal);
    return NULL;
}

/* While the second segment ahead is being made, the first is taken. */
static void
one_is_taken_while_one_is_made(void **state)
{
    struct folder folder;
    struct journal *journal;
    pthread_t thread;
    uint64_t last = 0;

    (void)state;
    folder_make(&folder);
    journal = entries_open(&folder, 0);
    space_full(true);
    last = append_until_full(journal, journal_append, last); /* one is left */
    (void)usleep(2100000);                                   /* until a disk is asked again */
    space_full(false);
    space_pause_next();
    assert_int_equal(pthread_create(&thread, NULL, keep_reserve, journal), 0);
    space_await_call();
    assert_int_equal(append_batch(journal, append_reserved, last + 1, BATCH), STATUS_OK);
    space_go_on();
    assert_int_equal(pthread_join(thread, NULL), 0);
    last += BATCH;
    entries_append_singly(journal, last + 1, 2 * SEGMENT_ENTRIES);
    last += 2 * SEGMENT_ENTRIES;
    journal_close(&journal);
    journal = entries_open(&folder, last);
    journal_close(&journal);
    folder_remove(&folder);
}

/* ---- many at once, while the disk fills and empties ---- */

struct writer {
    pthread_t thread;
    struct journal *journal;
    append_call *call;
    _Atomic bool *stop;
    uint64_t taken;
    bool wrong;
};

static void *
append_on(void *argument)
{
    struct writer *writer = argument;
    uint8_t entry[ENTRY_BYTES] = {1};
    struct bytes entries[3] = {bytes_of(entry, sizeof entry), bytes_of(entry, 1),
                               bytes_of(entry, sizeof entry)};

    while (!atomic_load(writer->stop)) {
        uint64_t position = 0;
        enum status status = writer->call(writer->journal, entries, 3, &position);

        writer->wrong |= status != STATUS_OK && status != STATUS_UNAVAILABLE;
        if (status == STATUS_OK) {
            writer->wrong |= journal_wait(writer->journal, position) != STATUS_OK;
            writer->taken += 3;
        }
    }
    return NULL;
}

static void
many_at_once(void **state)
{
    enum { WRITERS = 8, ROUNDS = 20 };
    struct folder folder;
    struct journal *journal;
    struct writer writers[WRITERS];
    struct journal_options options;
    struct journal_report report;
    _Atomic bool stop = false;
    uint64_t taken = 0;

    (void)state;
    folder_make(&folder);
    options = entries_options(&folder);
    journal = entries_open(&folder, 0);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){
            .journal = journal,
            .call = i % 2 == 0 ? journal_append : append_reserved,
            .stop = &stop,
        };
        assert_int_equal(pthread_create(&writers[i].thread, NULL, append_on, &writers[i]), 0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        space_full(i % 2 == 0);
        (void)usleep(20000);
        (void)journal_keep_reserve(journal);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
        assert_false(writers[i].wrong);
        taken += writers[i].taken;
    }
    assert_false(journal_failed(journal));
    journal_close(&journal);
    assert_int_equal(journal_walk(&options, NULL, NULL, &report), STATUS_OK);
    assert_int_equal(report.entries, taken);
    folder_remove(&folder);
}

/* ---- a disk that is really full ---- */

enum { SKIPPED = 77, DISK_BYTES = 1024 * 1024 };

static struct folder disk;

static void
on_a_disk_of_its_own(void **state)
{
    struct folder folder;
    struct journal *journal;
    uint64_t last;

    (void)state;
    folder_file(&disk, "audit", folder.path);
    journal = entries_open(&folder, 0);
    disk_fill(disk.path);
    last = append_until_full(journal, journal_append, 0);
    assert_int_equal(last, 2 * SEGMENT_ENTRIES);
    last = append_until_full(journal, append_reserved, last);
    assert_int_equal(last, 3 * SEGMENT_ENTRIES);
    disk_empty(disk.path);
    await_reserve(journal);
    entries_append_singly(journal, last + 1, SEGMENT_ENTRIES);
    /* Removing is what makes room when nothing else does. */
    disk_fill(disk.path);
    last = append_until_full(journal, append_reserved, last + SEGMENT_ENTRIES);
    assert_int_equal(journal_remove_before(journal, last), STATUS_OK);
    entries_append_singly(journal, last + 1, 1);
    assert_true(journal_keep_reserve(journal));
    journal_close(&journal);
}

static int
role_disk(const char *path)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(on_a_disk_of_its_own)};

    (void)snprintf(disk.path, sizeof disk.path, "%s", path);
    return disk_mount(path, DISK_BYTES) ? cmocka_run_group_tests(tests, NULL, NULL) : SKIPPED;
}

static void
on_a_really_full_disk(void **state)
{
    struct folder folder;
    int code;

    (void)state;
    folder_make(&folder);
    code = run_role("disk", folder.path, "");
    folder_remove(&folder);
    if (code == SKIPPED) {
        skip();
    }
    assert_int_equal(code, 0);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(only_the_reserved_may_take_the_last, tear_down),
        cmocka_unit_test_teardown(who_must_leaves_a_part_of_the_last, tear_down),
        cmocka_unit_test_teardown(who_must_leaves_it_when_he_goes_over_into_it, tear_down),
        cmocka_unit_test_teardown(a_batch_goes_over_into_the_reserve, tear_down),
        cmocka_unit_test_teardown(comes_back_by_itself, tear_down),
        cmocka_unit_test_teardown(keeping_it_makes_it_again, tear_down),
        cmocka_unit_test_teardown(a_full_disk_is_rarely_asked, tear_down),
        cmocka_unit_test_teardown(opens_whatever_a_crash_left_ahead, tear_down),
        cmocka_unit_test_teardown(makes_short_segments_again, tear_down),
        cmocka_unit_test_teardown(a_small_reserve_is_still_one, tear_down),
        cmocka_unit_test_teardown(one_is_taken_while_one_is_made, tear_down),
        cmocka_unit_test_teardown(many_at_once, tear_down),
        cmocka_unit_test(on_a_really_full_disk),
    };

    if (argc == 3 && strcmp(argv[1], "disk") == 0) {
        return role_disk(argv[2]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
