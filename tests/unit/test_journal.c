/* SPDX-License-Identifier: Apache-2.0 */
/* Owns SECURITY.md S12 "what was acknowledged survives", for the log. */
#include "journal.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "store_entries.h"
#include "store_folder.h"
#include "store_sync.h"

static void
keeps_entries_in_order(void **state)
{
    struct folder folder;
    struct journal *journal;

    (void)state;
    folder_make(&folder);
    journal = entries_open(&folder, 0);
    entries_append(journal, 1, 7);
    journal_close(&journal);
    assert_null(journal);
    journal = entries_open(&folder, 7);
    entries_append_singly(journal, 8, 1000); /* over several segments */
    journal_close(&journal);
    journal = entries_open(&folder, 1007);
    journal_close(&journal);
    journal = entries_open(&folder, 1007); /* a close without entries in between adds nothing */
    journal_close(&journal);
    folder_remove(&folder);
}

static void
makes_its_folder(void **state)
{
    struct folder parent;
    struct folder folder;
    struct journal *journal;

    (void)state;
    folder_make(&parent);
    folder_file(&parent, "audit", folder.path);
    journal = entries_open(&folder, 0);
    entries_append(journal, 1, 1);
    journal_close(&journal);
    journal = entries_open(&folder, 1);
    journal_close(&journal);
    folder_remove(&parent);
}

static void
reads_pages(void **state)
{
    struct folder folder;
    struct journal *journal;

    (void)state;
    folder_make(&folder);
    journal = entries_open(&folder, 0);
    entries_append_singly(journal, 1, 600);
    for (uint64_t from = 1; from <= 600; from += 37) {
        struct seen seen = {.count = 0};
        uint64_t expected = 600 - from + 1 < 50 ? 600 - from + 1 : 50;

        assert_int_equal(journal_read(journal, from, 50, entries_see, &seen), STATUS_OK);
        assert_false(seen.wrong);
        assert_int_equal(seen.first, from);
        assert_int_equal(seen.count, expected);
    }
    struct seen all = {.count = 0};
    assert_int_equal(journal_read(journal, 1, UINT64_MAX, entries_see, &all), STATUS_OK);
    assert_int_equal(all.count, 600);
    struct seen none = {.count = 0};
    assert_int_equal(journal_read(journal, 601, 10, entries_see, &none), STATUS_OK);
    assert_int_equal(none.count, 0);
    journal_close(&journal);
    folder_remove(&folder);
}

struct page {
    struct seen seen;
    size_t most;
};

static enum status
see_page(void *state, uint64_t position, struct bytes entry)
{
    struct page *page = state;

    return page->seen.count == page->most ? STATUS_NOT_FOUND
                                          : entries_see(&page->seen, position, entry);
}

static void
assert_page(struct journal *journal, uint64_t from, uint64_t limit, size_t most, size_t expected)
{
    struct page page = {.most = most};
    enum status status = journal_read(journal, from, limit, see_page, &page);

    assert_int_equal(status,
                     expected < limit && from + expected <= 600 ? STATUS_NOT_FOUND : STATUS_OK);
    assert_false(page.seen.wrong);
    assert_int_equal(page.seen.first, from);
    assert_int_equal(page.seen.count, expected);
}

/* As audit_read does: until a page is full, the same once more, and on; or back, or somewhere else.
 */
static void
reads_pages_twice(void **state)
{
    struct folder folder;
    struct journal *journal;

    (void)state;
    folder_make(&folder);
    journal = entries_open(&folder, 0);
    entries_append_singly(journal, 1, 600);
    for (uint64_t from = 1; from + 100 <= 600; from += 20) {
        assert_page(journal, from, 100, 20, 20);
        assert_page(journal, from, 20, 50, 20);
        if (from % 3 == 0) {
            assert_page(journal, from + 50, 30, 10, 10);
            assert_page(journal, from + 1, 40, 50, 40);
            assert_page(journal, from > 30 ? from - 30 : 1, 40, 50, 40);
        }
    }
    journal_close(&journal);
    folder_remove(&folder);
}

static void
reads_only_what_is_on_disk(void **state)
{
    struct folder folder;
    struct journal *journal;
    uint8_t entry[ENTRY_BYTES];
    struct bytes bytes = bytes_of(entry, sizeof entry);
    uint64_t position;
    struct seen seen = {.count = 0};

    (void)state;
    folder_make(&folder);
    journal = entries_open(&folder, 0);
    entries_append(journal, 1, 2);
    entries_fill(3, entry);
    assert_int_equal(journal_append(journal, &bytes, 1, &position), STATUS_OK);
    assert_int_equal(journal_read(journal, 1, 10, entries_see, &seen), STATUS_OK);
    assert_int_equal(seen.count, 2);
    journal_close(&journal);
    journal = entries_open(&folder, 3); /* the close flushed it */
    journal_close(&journal);
    folder_remove(&folder);
}

static void
refuses_too_large(void **state)
{
    static uint8_t large[JOURNAL_ENTRY_BYTES_MAX + 1];
    struct bytes entries[8] = {bytes_of(large, 1), bytes_of(large, sizeof large)};
    struct folder folder;
    struct journal *journal;
    struct journal_options options;
    struct journal_report report;
    uint64_t position = 0;

    (void)state;
    folder_make(&folder);
    journal = entries_open(&folder, 0);
    assert_int_equal(journal_append(journal, entries, 2, &position), STATUS_TOO_LARGE);
    entries[0] = bytes_of(large, JOURNAL_ENTRY_BYTES_MAX);
    for (int i = 1; i < 8; i++) {
        entries[i] = entries[0];
    }
    assert_int_equal(journal_append(journal, entries, 8, &position), STATUS_TOO_LARGE);
    assert_int_equal(journal_append(journal, entries, 6, &position), STATUS_OK); /* over two */
    assert_int_equal(position, 6);
    journal_close(&journal);
    options = entries_options(&folder);
    assert_int_equal(journal_walk(&options, NULL, NULL, &report), STATUS_OK);
    assert_int_equal(report.entries, 6);
    folder_remove(&folder);
}

struct writer {
    pthread_t thread;
    struct journal *journal;
    bool wrong;
};

enum { WRITERS = 64, APPENDS = 50 };

static void *
append_and_wait(void *argument)
{
    struct writer *writer = argument;
    uint8_t entry[ENTRY_BYTES] = {1};
    struct bytes bytes = bytes_of(entry, sizeof entry);

    for (int i = 0; i < APPENDS; i++) {
        uint64_t position = 0;

        writer->wrong |= journal_append(writer->journal, &bytes, 1, &position) != STATUS_OK;
        writer->wrong |= journal_wait(writer->journal, position) != STATUS_OK;
    }
    return NULL;
}

static void
shares_flushes(void **state)
{
    struct folder folder;
    struct journal *journal;
    static struct writer writers[WRITERS];
    struct journal_options options;
    struct journal_report report;

    (void)state;
    folder_make(&folder);
    journal = entries_open(&folder, 0);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.journal = journal};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, append_and_wait, &writers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
        assert_false(writers[i].wrong);
    }
    assert_in_range(journal_flushes(journal), 1, WRITERS * APPENDS / 4);
    journal_close(&journal);
    options = entries_options(&folder);
    assert_int_equal(journal_walk(&options, NULL, NULL, &report), STATUS_OK);
    assert_int_equal(report.entries, WRITERS * APPENDS);
    folder_remove(&folder);
}

static void
cuts_a_torn_tail_at_every_byte(void **state)
{
    static const uint8_t zeros[FRAME_BYTES];
    enum { ENTRIES = 5, LAST = HEADER_BYTES + (ENTRIES - 1) * FRAME_BYTES };

    (void)state;
    for (size_t kept = 0; kept < FRAME_BYTES; kept++) {
        struct folder folder;
        char path[FOLDER_PATH_BYTES];
        struct journal_options options;
        struct journal_report report;
        struct journal *journal = NULL;

        entries_copy_after(ENTRIES, &folder);
        folder_file(&folder, "00000001.seg", path);
        file_write_at(path, LAST + kept, zeros, FRAME_BYTES - kept);
        options = entries_options(&folder);
        for (int pass = 0; pass < 2; pass++) { /* a walk reports and changes nothing */
            assert_int_equal(journal_walk(&options, NULL, NULL, &report), STATUS_OK);
            assert_int_equal(report.entries, ENTRIES - 1);
            assert_int_equal(report.cut, kept > 1); /* the first byte of a frame is zero */
        }
        assert_int_equal(journal_open(&options, NULL, NULL, &report, &journal), STATUS_OK);
        assert_int_equal(report.entries, ENTRIES - 1);
        assert_int_equal(report.cut, kept > 1);
        assert_string_equal(report.place.text, kept > 1 ? "00000001.seg at byte 320" : "");
        entries_append_singly(journal, ENTRIES, 3);
        journal_close(&journal);
        journal = entries_open(&folder, ENTRIES + 2);
        journal_close(&journal);
        folder_remove(&folder);
    }
}

/* A power cut may keep the end of one write and lose its start. */
static void
cuts_a_torn_group(void **state)
{
    struct folder folder;
    struct folder copy;
    char path[FOLDER_PATH_BYTES];
    struct journal *journal;
    struct journal_options options;
    struct journal_report report;

    (void)state;
    folder_make(&folder);
    journal = entries_open(&folder, 0);
    entries_append(journal, 1, 3);
    entries_append(journal, 4, 4);
    folder_copy(&folder, &copy);
    folder_file(&copy, "00000001.seg", path);
    file_write_at(path, HEADER_BYTES + 4 * FRAME_BYTES + 30, "torn", 4);
    options = entries_options(&copy);
    assert_int_equal(journal_walk(&options, NULL, NULL, &report), STATUS_OK);
    assert_true(report.cut);
    assert_int_equal(report.entries, 4);
    /* What was whole behind the cut must not come back behind a new entry. */
    struct journal *cut = entries_open(&copy, 4);
    entries_append_singly(cut, 5, 1);
    assert_int_equal(journal_walk(&options, NULL, NULL, &report), STATUS_OK);
    assert_int_equal(report.entries, 5);
    assert_false(report.cut);
    journal_close(&cut);
    folder_remove(&copy);

    /* Once another group stands behind it, the same bytes were on disk before: damage. */
    entries_append(journal, 8, 1);
    folder_copy(&folder, &copy);
    folder_file(&copy, "00000001.seg", path);
    file_write_at(path, HEADER_BYTES + 4 * FRAME_BYTES + 30, "torn", 4);
    entries_expect_corrupt(&copy, "00000001.seg at byte 320");
    folder_remove(&copy);
    journal_close(&journal);

    /* A clean close proves the last group as well. */
    folder_file(&folder, "00000001.seg", path);
    file_write_at(path, HEADER_BYTES + 7 * FRAME_BYTES + 30, "torn", 4);
    entries_expect_corrupt(&folder, "00000001.seg at byte 512");
    folder_remove(&folder);
}

static void
finds_a_flipped_byte(void **state)
{
    enum { MIDDLE = HEADER_BYTES + 2 * FRAME_BYTES };
    struct folder folder;
    char path[FOLDER_PATH_BYTES];
    uint8_t *data;
    size_t size;

    (void)state;
    entries_copy_after(5, &folder);
    folder_file(&folder, "00000001.seg", path);
    data = file_load(path, &size);
    for (size_t at = MIDDLE; at < MIDDLE + FRAME_BYTES; at++) {
        uint8_t flipped = data[at] ^ 0x40;

        file_write_at(path, at, &flipped, 1);
        entries_expect_corrupt(&folder, "00000001.seg at byte 192");
        file_write_at(path, at, &data[at], 1);
    }
    for (size_t at = 0; at < HEADER_BYTES; at++) {
        uint8_t flipped = data[at] ^ 0x01;

        file_write_at(path, at, &flipped, 1);
        entries_expect_corrupt(&folder, "00000001.seg at byte 0");
        file_write_at(path, at, &data[at], 1);
    }
    free(data);
    folder_remove(&folder);
}

/* In a later segment, entries in front of it do not hide damage either. */
static void
finds_damage_in_any_segment(void **state)
{
    struct folder folder;
    struct folder copy;
    char path[FOLDER_PATH_BYTES];
    uint8_t bad = 0xee;

    (void)state;
    entries_copy_after(600, &folder); /* three segments and a spare */
    for (int number = 1; number <= 3; number++) {
        char name[32];
        char place[64];

        for (int part = 0; part < 2; part++) {
            size_t frame = part == 0 ? HEADER_BYTES : HEADER_BYTES + 5 * FRAME_BYTES;

            (void)snprintf(name, sizeof name, "%08d.seg", number);
            (void)snprintf(place, sizeof place, "%s at byte %zu", name, frame);
            folder_copy(&folder, &copy);
            folder_file(&copy, name, path);
            file_write_at(path, frame + 3, &bad, 1);
            entries_expect_corrupt(&copy, place);
            folder_remove(&copy);
        }
    }
    folder_remove(&folder);
}

static void
finds_missing_and_swapped_segments(void **state)
{
    struct folder folder;
    struct folder copy;
    char one[FOLDER_PATH_BYTES];
    char two[FOLDER_PATH_BYTES];
    char third[FOLDER_PATH_BYTES];

    (void)state;
    entries_copy_after(600, &folder);
    folder_copy(&folder, &copy);
    folder_file(&copy, "00000001.seg", one);
    folder_file(&copy, "00000002.seg", two);
    folder_file(&copy, "x", third);
    assert_int_equal(rename(two, third), 0);
    entries_expect_corrupt(&copy, "00000002.seg is missing");
    assert_int_equal(rename(one, two), 0);
    entries_expect_corrupt(&copy, "00000001.seg is missing");
    assert_int_equal(rename(third, one), 0); /* one and two have changed places */
    entries_expect_corrupt(&copy, "00000001.seg at byte 0");
    folder_remove(&copy);
    folder_remove(&folder);
}

/* The end of a segment is gone, cleanly: the next one's header says how many there were. */
static void
finds_missing_entries(void **state)
{
    static const uint8_t zeros[FRAME_BYTES];
    struct folder folder;
    char path[FOLDER_PATH_BYTES];
    size_t last = HEADER_BYTES + ((SEGMENT_BYTES - HEADER_BYTES) / FRAME_BYTES - 1) * FRAME_BYTES;
    char place[64];

    (void)state;
    entries_copy_after(600, &folder);
    folder_file(&folder, "00000001.seg", path);
    file_write_at(path, last, zeros, FRAME_BYTES);
    (void)snprintf(place, sizeof place, "00000001.seg at byte %zu", last);
    entries_expect_corrupt(&folder, place);
    folder_remove(&folder);
}

static void
refuses_a_foreign_journal(void **state)
{
    struct folder folder;
    struct journal_options options;
    char path[FOLDER_PATH_BYTES];
    uint8_t *before;
    uint8_t *after;
    size_t size;
    size_t size_after;

    (void)state;
    entries_copy_after(3, &folder);
    folder_file(&folder, "00000001.seg", path);
    before = file_load(path, &size);
    options = entries_options(&folder);
    options.id[0] ^= 1;
    entries_expect(&options, STATUS_CORRUPT, "00000001.seg at byte 0");
    after = file_load(path, &size_after);
    assert_int_equal(size, size_after);
    assert_memory_equal(before, after, size); /* and has not been touched */
    free(before);
    free(after);
    file_write_at(path, 11, "\x02", 1); /* version 2 */
    entries_expect_corrupt(&folder, "00000001.seg at byte 0");
    folder_remove(&folder);
}

/* Frames of another segment, byte by byte at the same offset, are no entries here. */
static void
recycled_entries_never_pass(void **state)
{
    struct folder folder;
    char path[FOLDER_PATH_BYTES];
    struct journal_options options;
    struct journal_report report;
    struct journal *journal = NULL;
    uint8_t *first;
    size_t size;
    uint64_t entries;

    (void)state;
    entries_copy_after(300, &folder);
    folder_file(&folder, "00000001.seg", path);
    first = file_load(path, &size);
    folder_file(&folder, "00000002.seg", path);
    entries = (size - HEADER_BYTES) / FRAME_BYTES;
    /* Behind the last entry of the second segment there is now an old, whole, foreign one. */
    size_t end = HEADER_BYTES + (300 - entries) * FRAME_BYTES;
    file_write_at(path, end, first + end, FRAME_BYTES);
    options = entries_options(&folder);
    assert_int_equal(journal_open(&options, NULL, NULL, &report, &journal), STATUS_OK);
    assert_int_equal(report.entries, 300);
    assert_true(report.cut);
    journal_close(&journal);
    free(first);
    folder_remove(&folder);
}

static void
cuts_a_torn_segment_header(void **state)
{
    struct folder folder;
    char path[FOLDER_PATH_BYTES];
    struct journal_options options;
    struct journal_report report;
    struct journal *journal = NULL;

    (void)state;
    entries_copy_after(10, &folder);
    folder_file(&folder, "00000002.seg", path); /* the spare, and the first bytes of a header */
    file_write_at(path, 0, "cvjour", 6);
    options = entries_options(&folder);
    assert_int_equal(journal_open(&options, NULL, NULL, &report, &journal), STATUS_OK);
    assert_true(report.cut);
    assert_string_equal(report.place.text, "00000002.seg at byte 0");
    entries_append_singly(journal, 11, 400);
    journal_close(&journal);
    journal = entries_open(&folder, 410);
    journal_close(&journal);
    folder_remove(&folder);
}

static void
walk_changes_nothing(void **state)
{
    struct folder folder;
    struct folder absent = {.path = "/nonexistent/journal"};
    char path[FOLDER_PATH_BYTES];
    struct journal_options options;
    struct journal_report report;
    struct seen seen = {.count = 0};
    uint8_t *before;
    uint8_t *after;
    size_t size;

    (void)state;
    entries_copy_after(4, &folder);
    folder_file(&folder, "00000001.seg", path);
    file_write_at(path, HEADER_BYTES + 3 * FRAME_BYTES + 50, "torn", 4);
    before = file_load(path, &size);
    options = entries_options(&folder);
    assert_int_equal(journal_walk(&options, entries_see, &seen, &report), STATUS_OK);
    assert_int_equal(seen.count, 3);
    assert_true(report.cut);
    assert_string_equal(report.place.text, "00000001.seg at byte 256");
    after = file_load(path, &size);
    assert_memory_equal(before, after, size);
    free(before);
    free(after);
    options.folder = absent.path;
    assert_int_equal(journal_walk(&options, entries_see, &seen, &report), STATUS_NOT_FOUND);
    folder_remove(&folder);
}

static enum status
stop_at_three(void *state, uint64_t position, struct bytes entry)
{
    (void)state;
    (void)entry;
    return position == 3 ? STATUS_DENIED : STATUS_OK;
}

static void
a_visitor_ends_the_walk(void **state)
{
    struct folder folder;
    struct journal_options options;
    struct journal_report report;
    struct journal *journal = NULL;

    (void)state;
    entries_copy_after(5, &folder);
    options = entries_options(&folder);
    assert_int_equal(journal_open(&options, stop_at_three, NULL, &report, &journal), STATUS_DENIED);
    assert_string_equal(report.place.text, "00000001.seg at byte 192");
    assert_null(journal);
    folder_remove(&folder);
}

static void
goes_on_after_a_full_disk(void **state)
{
    struct folder folder;
    struct journal_options options;
    struct journal_report report;
    struct journal *journal = NULL;
    struct rlimit limit;
    struct rlimit small;
    uint8_t entry[ENTRY_BYTES];
    struct bytes bytes = bytes_of(entry, sizeof entry);
    uint64_t position = 0;
    uint64_t taken = 0;
    enum status status = STATUS_OK;

    (void)state;
    entries_copy_after(1, &folder); /* a segment and two made ahead, of the small size */
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = limit;
    small.rlim_cur = 2 * SEGMENT_BYTES;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    options = entries_options(&folder);
    options.segment_bytes = 4 * SEGMENT_BYTES; /* no new one of this size can be made */
    assert_int_equal(journal_open(&options, NULL, NULL, &report, &journal), STATUS_OK);
    for (taken = 1; status == STATUS_OK && taken < 10000;) {
        entries_fill(taken + 1, entry);
        status = journal_append(journal, &bytes, 1, &position);
        taken += status == STATUS_OK;
        if (status == STATUS_OK) {
            assert_int_equal(journal_wait(journal, position), STATUS_OK);
        }
    }
    assert_int_equal(status, STATUS_UNAVAILABLE);
    assert_int_equal(taken, 2 * ((SEGMENT_BYTES - HEADER_BYTES) / FRAME_BYTES));
    assert_false(journal_failed(journal));
    assert_int_equal(journal_append(journal, &bytes, 1, &position), STATUS_UNAVAILABLE);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0); /* there is room again */
    entries_fill(taken + 1, entry);
    for (int tries = 0; status != STATUS_OK && tries < 500; tries++) { /* seen within seconds */
        (void)usleep(10000);
        status = journal_append(journal, &bytes, 1, &position);
    }
    assert_int_equal(status, STATUS_OK);
    entries_append_singly(journal, taken + 2, 999);
    journal_close(&journal);
    journal = entries_open(&folder, taken + 1000);
    journal_close(&journal);
    folder_remove(&folder);
}

static void
fails_for_good(void **state)
{
    struct folder folder;
    struct journal *journal;
    uint8_t entry[ENTRY_BYTES];
    struct bytes bytes = bytes_of(entry, sizeof entry);
    uint64_t position = 0;

    (void)state;
    folder_make(&folder);
    journal = entries_open(&folder, 0);
    entries_append_singly(journal, 1, 3);
    entries_fill(4, entry);
    assert_int_equal(journal_append(journal, &bytes, 1, &position), STATUS_OK);
    sync_fail_in(1);
    assert_int_equal(journal_wait(journal, position), STATUS_UNAVAILABLE);
    assert_true(journal_failed(journal));
    assert_int_equal(journal_wait(journal, position), STATUS_UNAVAILABLE); /* not at a second try */
    assert_int_equal(journal_append(journal, &bytes, 1, &position), STATUS_UNAVAILABLE);
    assert_int_equal(journal_wait(journal, 3), STATUS_OK); /* what was on disk before stays so */
    journal_close(&journal);
    folder_remove(&folder);
}

static void *
append_until_failed(void *argument)
{
    struct writer *writer = argument;
    uint8_t entry[ENTRY_BYTES] = {1};
    struct bytes bytes = bytes_of(entry, sizeof entry);
    uint64_t position = 0;

    while (journal_append(writer->journal, &bytes, 1, &position) == STATUS_OK &&
           journal_wait(writer->journal, position) == STATUS_OK) {
    }
    writer->wrong = !journal_failed(writer->journal);
    return NULL;
}

static void
a_failure_wakes_everybody(void **state)
{
    struct folder folder;
    struct journal *journal;
    static struct writer writers[WRITERS];

    (void)state;
    folder_make(&folder);
    journal = entries_open(&folder, 0);
    sync_fail_in(40);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.journal = journal};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, append_until_failed, &writers[i]),
                         0);
    }
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
        assert_false(writers[i].wrong);
    }
    journal_close(&journal);
    folder_remove(&folder);
}

/* ---- roles: this program again, in a process of its own ---- */

enum { ROLE_FLUSHED = 0, ROLE_NOT_FLUSHED = 10, ROLE_FAILED = 11, ROLE_WRONG = 12 };

static struct journal *
open_for_role(const char *path)
{
    struct journal_options options = entries_defaults;
    struct journal_report report;
    struct journal *journal = NULL;

    options.folder = path;
    if (journal_open(&options, NULL, NULL, &report, &journal) != STATUS_OK) {
        exit(ROLE_WRONG);
    }
    return journal;
}

/* Is there a flush between an append and the answer to its wait? */
static int
role_wait(const char *path)
{
    struct journal *journal = open_for_role(path);
    uint64_t before = sync_count();
    uint64_t position = 0;
    uint8_t entry[ENTRY_BYTES] = {1};
    struct bytes bytes = bytes_of(entry, sizeof entry);
    int code = ROLE_WRONG;

    if (journal_append(journal, &bytes, 1, &position) == STATUS_OK) {
        enum status status = journal_wait(journal, position);

        code = sync_count() > before ? ROLE_FLUSHED : ROLE_NOT_FLUSHED;
        if (status != STATUS_OK) {
            code = journal_failed(journal) ? ROLE_FAILED : ROLE_WRONG;
        }
    }
    journal_close(&journal);
    return code;
}

static void
a_wait_means_a_flush(void **state)
{
    struct folder folder;

    (void)state;
    folder_make(&folder);
    assert_int_equal(run_role("wait", folder.path, ""), ROLE_FLUSHED);
#ifdef CONTACT_VAULT_FAILPOINTS
    assert_int_equal(run_role("wait", folder.path, "journal_skip_flush"), ROLE_NOT_FLUSHED);
    assert_int_equal(run_role("wait", folder.path, "journal_flush_eio"), ROLE_FAILED);
#endif
    folder_remove(&folder);
}

/* Prints each position once it is acknowledged, until it is killed. */
static int
role_append(const char *path)
{
    struct journal *journal = open_for_role(path);
    uint8_t entry[ENTRY_BYTES];
    struct bytes bytes = bytes_of(entry, sizeof entry);
    uint64_t position = strtoull(getenv("JOURNAL_FROM"), NULL, 10);

    for (;;) {
        entries_fill(position + 1, entry);
        if (journal_append(journal, &bytes, 1, &position) != STATUS_OK ||
            journal_wait(journal, position) != STATUS_OK ||
            write(STDOUT_FILENO, &position, sizeof position) != (ssize_t)sizeof position) {
            return ROLE_WRONG;
        }
    }
}

/* Starts a writer, kills it after `acknowledged` answers, returns the last position it was told. */
static uint64_t
kill_a_writer(const char *path, uint64_t from, int acknowledged)
{
    int pipes[2];
    char text[32];
    uint64_t position = from;
    uint64_t read_position;
    pid_t child;

    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)from);
    assert_int_equal(pipe(pipes), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)dup2(pipes[1], STDOUT_FILENO);
        (void)close(pipes[0]);
        (void)close(pipes[1]);
        (void)setenv("JOURNAL_FROM", text, 1);
        (void)execl("/proc/self/exe", "role", "append", path, (char *)NULL);
        _exit(127);
    }
    (void)close(pipes[1]);
    for (int i = 0; read(pipes[0], &read_position, sizeof read_position) > 0; i++) {
        position = read_position;
        if (i == acknowledged) {
            assert_int_equal(kill(child, SIGKILL), 0);
        }
    }
    (void)close(pipes[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    return position;
}

static void
survives_kill(void **state)
{
    struct folder folder;
    struct journal_options options;
    uint64_t entries = 0;

    (void)state;
    folder_make(&folder);
    options = entries_options(&folder);
    for (int round = 0; round < 8; round++) {
        uint64_t acknowledged = kill_a_writer(folder.path, entries, 20 + round * 61);
        struct seen seen = {.count = 0};
        struct journal_report report;

        assert_int_equal(journal_walk(&options, entries_see, &seen, &report), STATUS_OK);
        assert_false(seen.wrong);
        assert_true(acknowledged > entries);
        assert_in_range(report.entries, acknowledged, acknowledged + 1);
        entries = report.entries;
    }
    folder_remove(&folder);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_entries_in_order),
        cmocka_unit_test(makes_its_folder),
        cmocka_unit_test(reads_pages),
        cmocka_unit_test(reads_pages_twice),
        cmocka_unit_test(reads_only_what_is_on_disk),
        cmocka_unit_test(refuses_too_large),
        cmocka_unit_test(shares_flushes),
        cmocka_unit_test(cuts_a_torn_tail_at_every_byte),
        cmocka_unit_test(cuts_a_torn_group),
        cmocka_unit_test(finds_a_flipped_byte),
        cmocka_unit_test(finds_damage_in_any_segment),
        cmocka_unit_test(finds_missing_and_swapped_segments),
        cmocka_unit_test(finds_missing_entries),
        cmocka_unit_test(refuses_a_foreign_journal),
        cmocka_unit_test(recycled_entries_never_pass),
        cmocka_unit_test(cuts_a_torn_segment_header),
        cmocka_unit_test(walk_changes_nothing),
        cmocka_unit_test(a_visitor_ends_the_walk),
        cmocka_unit_test(goes_on_after_a_full_disk),
        cmocka_unit_test(fails_for_good),
        cmocka_unit_test(a_failure_wakes_everybody),
        cmocka_unit_test(a_wait_means_a_flush),
        cmocka_unit_test(survives_kill),
    };

    if (argc == 3 && strcmp(argv[1], "wait") == 0) {
        return role_wait(argv[2]);
    }
    if (argc == 3 && strcmp(argv[1], "append") == 0) {
        return role_append(argv[2]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
