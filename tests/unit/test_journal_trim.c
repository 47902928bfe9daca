/* SPDX-License-Identifier: Apache-2.0 */
/* Old segments are removed whole, in order; a journal that begins later opens only if it is told.
 */
#include "journal.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "store_entries.h"
#include "store_folder.h"
#include "store_sync.h"

/* Segments begin at these positions when entries are appended one by one. */
enum {
    SECOND = SEGMENT_ENTRIES + 1,
    THIRD = 2 * SEGMENT_ENTRIES + 1,
    FOURTH = 3 * SEGMENT_ENTRIES + 1,
    ENTRIES = FOURTH + 9,
};

static bool
has_segment(const struct folder *folder, const char *name)
{
    char path[FOLDER_PATH_BYTES];

    folder_file(folder, name, path);
    return access(path, F_OK) == 0;
}

static void
remove_segment(const struct folder *folder, const char *name)
{
    char path[FOLDER_PATH_BYTES];

    folder_file(folder, name, path);
    assert_int_equal(unlink(path), 0);
}

static void
expect_start(struct journal *journal, uint64_t position, uint64_t start)
{
    uint64_t found = 0;

    assert_int_equal(journal_segment_start(journal, position, &found), STATUS_OK);
    assert_int_equal(found, start);
}

static enum status
read_count(struct journal *journal, uint64_t from, uint64_t limit, uint64_t count)
{
    struct seen seen = {.count = 0};
    enum status status = journal_read(journal, from, limit, entries_see, &seen);

    assert_false(seen.wrong);
    assert_int_equal(seen.count, count);
    assert_true(count == 0 || seen.first == from);
    return status;
}

static void
removes_whole_segments(void **state)
{
    struct folder folder;
    struct journal *journal;
    uint64_t start = 0;

    (void)state;
    folder_make(&folder);
    journal = entries_open(&folder, 0);
    assert_int_equal(journal_first_position(journal), 1);
    assert_int_equal(journal_segment_start(journal, 1, &start), STATUS_NOT_FOUND);
    entries_append_singly(journal, 1, ENTRIES);
    assert_int_equal(journal_segment_start(journal, 0, &start), STATUS_NOT_FOUND);
    assert_int_equal(journal_segment_start(journal, ENTRIES + 1, &start), STATUS_NOT_FOUND);
    expect_start(journal, 1, 1);
    expect_start(journal, SECOND - 1, 1);
    expect_start(journal, SECOND, SECOND);
    expect_start(journal, ENTRIES, FOURTH);

    /* One entry that is wanted keeps its segment. */
    assert_int_equal(journal_remove_before(journal, 0), STATUS_OK);
    assert_int_equal(journal_remove_before(journal, SECOND - 1), STATUS_OK);
    assert_int_equal(journal_first_position(journal), 1);
    assert_true(has_segment(&folder, "00000001.seg"));
    assert_int_equal(journal_remove_before(journal, THIRD - 1), STATUS_OK);
    assert_int_equal(journal_first_position(journal), SECOND);
    assert_false(has_segment(&folder, "00000001.seg"));
    assert_true(has_segment(&folder, "00000002.seg"));

    assert_int_equal(read_count(journal, 0, 10, 0), STATUS_NOT_FOUND);
    assert_int_equal(read_count(journal, 1, 10, 0), STATUS_NOT_FOUND);
    assert_int_equal(read_count(journal, SECOND - 1, 10, 0), STATUS_NOT_FOUND);
    assert_int_equal(read_count(journal, SECOND, 10, 10), STATUS_OK);
    assert_int_equal(read_count(journal, SECOND, UINT64_MAX, ENTRIES - SECOND + 1), STATUS_OK);
    assert_int_equal(read_count(journal, ENTRIES + 1, 10, 0), STATUS_OK);
    assert_int_equal(journal_segment_start(journal, SECOND - 1, &start), STATUS_NOT_FOUND);
    expect_start(journal, THIRD, THIRD);

    /* Never the one that is written to. */
    assert_int_equal(journal_remove_before(journal, UINT64_MAX), STATUS_OK);
    assert_int_equal(journal_first_position(journal), FOURTH);
    entries_append_singly(journal, ENTRIES + 1, 2 * SEGMENT_ENTRIES);
    assert_int_equal(
        read_count(journal, FOURTH, UINT64_MAX, ENTRIES - FOURTH + 1 + 2 * SEGMENT_ENTRIES),
        STATUS_OK);
    expect_start(journal, FOURTH + SEGMENT_ENTRIES, FOURTH + SEGMENT_ENTRIES);
    journal_close(&journal);
    folder_remove(&folder);
}

/* Three segments and the one behind them, of which the first two are gone. */
static void
make_trimmed(struct folder *folder)
{
    struct journal *journal;

    folder_make(folder);
    journal = entries_open(folder, 0);
    entries_append_singly(journal, 1, ENTRIES);
    assert_int_equal(journal_remove_before(journal, THIRD), STATUS_OK);
    journal_close(&journal);
}

static struct journal *
open_from(const struct folder *folder, uint64_t first_position, uint64_t first, uint64_t last)
{
    struct journal_options options = entries_options(folder);
    struct journal_report report;
    struct journal *journal = NULL;

    options.first_position = first_position;
    for (int pass = 0; pass < 2; pass++) {
        struct seen seen = {.count = 0};

        assert_int_equal(pass == 0 ? journal_walk(&options, entries_see, &seen, &report)
                                   : journal_open(&options, entries_see, &seen, &report, &journal),
                         STATUS_OK);
        assert_false(seen.wrong);
        assert_int_equal(seen.first, first);
        assert_int_equal(seen.last, last);
        assert_int_equal(report.first_position, first);
        assert_int_equal(report.entries, last - first + 1);
    }
    return journal;
}

static void
opens_what_begins_later_only_if_told(void **state)
{
    const uint64_t told[] = {THIRD, THIRD + 1, FOURTH, ENTRIES};
    struct folder folder;
    struct journal_options options;
    struct journal_report report;
    struct journal *journal;

    (void)state;
    make_trimmed(&folder);
    entries_expect_corrupt(&folder, "00000002.seg is missing"); /* nobody said so */
    options = entries_options(&folder);
    options.first_position = 1;
    entries_expect(&options, STATUS_CORRUPT, "00000002.seg is missing");
    options.first_position = THIRD - 1; /* this entry must be there, and is not */
    entries_expect(&options, STATUS_CORRUPT, "00000002.seg is missing");
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        journal = open_from(&folder, told[i], THIRD, ENTRIES);
        assert_int_equal(journal_first_position(journal), THIRD);
        assert_int_equal(read_count(journal, THIRD - 1, 10, 0), STATUS_NOT_FOUND);
        assert_int_equal(read_count(journal, THIRD, 10, 10), STATUS_OK);
        journal_close(&journal);
    }
    /* Its id is known from the first segment there is. */
    memset(options.id, 0, sizeof options.id);
    options.first_position = THIRD;
    assert_int_equal(journal_walk(&options, NULL, NULL, &report), STATUS_OK);
    assert_memory_equal(report.id, entries_defaults.id, JOURNAL_ID_BYTES);

    journal = open_from(&folder, THIRD, THIRD, ENTRIES);
    entries_append_singly(journal, ENTRIES + 1, 2 * SEGMENT_ENTRIES);
    assert_int_equal(journal_remove_before(journal, FOURTH), STATUS_OK);
    journal_close(&journal);
    journal = open_from(&folder, FOURTH, FOURTH, ENTRIES + 2 * SEGMENT_ENTRIES);
    journal_close(&journal);
    folder_remove(&folder);
}

/* Older segments than we are told of are fine: the removal was cut short, or has yet to come. */
static void
older_segments_may_still_be_there(void **state)
{
    struct folder folder;
    struct journal *journal;

    (void)state;
    entries_copy_after(ENTRIES, &folder);
    journal = open_from(&folder, THIRD, 1, ENTRIES);
    journal_close(&journal);
    remove_segment(&folder, "00000001.seg");
    journal = open_from(&folder, THIRD, SECOND, ENTRIES);
    assert_int_equal(journal_remove_before(journal, THIRD), STATUS_OK);
    journal_close(&journal);
    journal = open_from(&folder, THIRD, THIRD, ENTRIES);
    journal_close(&journal);
    folder_remove(&folder);
}

static void
finds_what_is_missing_or_damaged(void **state)
{
    struct folder folder;
    struct folder copy;
    struct folder empty;
    struct journal_options options;
    char path[FOLDER_PATH_BYTES];
    uint8_t bad = 0xee;

    (void)state;
    entries_copy_after(ENTRIES, &folder);
    remove_segment(&folder, "00000001.seg");
    folder_copy(&folder, &copy);
    options = entries_options(&copy);
    options.first_position = FOURTH;
    remove_segment(&copy, "00000003.seg"); /* a gap in the middle, though nobody asks for it */
    entries_expect(&options, STATUS_CORRUPT, "00000003.seg is missing");
    folder_remove(&copy);

    folder_copy(&folder, &copy);
    folder_file(&copy, "00000002.seg", path);
    file_write_at(path, 20, &bad, 1); /* the id, so the checksum */
    entries_expect(&options, STATUS_CORRUPT, "00000002.seg at byte 0");
    folder_remove(&copy);

    folder_copy(&folder, &copy);
    folder_file(&copy, "00000002.seg", path);
    file_write_at(path, HEADER_BYTES + 3, &bad, 1);
    entries_expect(&options, STATUS_CORRUPT, "00000002.seg at byte 64");
    folder_remove(&copy);

    /* All but what was made ahead; and nothing at all. */
    folder_copy(&folder, &copy);
    remove_segment(&copy, "00000002.seg");
    remove_segment(&copy, "00000003.seg");
    remove_segment(&copy, "00000004.seg");
    entries_expect(&options, STATUS_CORRUPT, "00000005.seg at byte 0");
    folder_remove(&copy);
    folder_make(&empty);
    options.folder = empty.path;
    entries_expect(&options, STATUS_CORRUPT, "00000001.seg is missing");
    folder_remove(&empty);
    folder_remove(&folder);
}

/* The segment behind must be on disk first: a journal cannot begin with zeros. */
static void
what_is_not_on_disk_keeps_what_is_before_it(void **state)
{
    struct folder folder;
    struct folder copy;
    struct journal *journal;
    uint8_t entry[ENTRY_BYTES];
    struct bytes bytes = bytes_of(entry, sizeof entry);
    uint64_t position = 0;

    (void)state;
    folder_make(&folder);
    journal = entries_open(&folder, 0);
    entries_append_singly(journal, 1, SECOND - 1);
    entries_fill(SECOND, entry);
    assert_int_equal(journal_append(journal, &bytes, 1, &position), STATUS_OK);
    assert_int_equal(position, SECOND);
    assert_int_equal(journal_remove_before(journal, SECOND), STATUS_OK);
    assert_int_equal(journal_first_position(journal), 1);
    folder_copy(&folder, &copy); /* a crash now */
    assert_int_equal(journal_wait(journal, position), STATUS_OK);
    assert_int_equal(journal_remove_before(journal, SECOND), STATUS_OK);
    assert_int_equal(journal_first_position(journal), SECOND);
    journal_close(&journal);
    folder_remove(&folder);
    journal = entries_open(&copy, SECOND - 1);
    journal_close(&journal);
    folder_remove(&copy);
}

/* Nobody waits for the next look at a disk that was full. */
static void
space_is_used_at_once(void **state)
{
    struct folder folder;
    struct journal *journal;
    uint8_t entry[ENTRY_BYTES];
    struct bytes bytes = bytes_of(entry, sizeof entry);
    uint64_t position = 0;

    (void)state;
    folder_make(&folder);
    journal = entries_open(&folder, 0);
    space_full(true);
    entries_append_singly(journal, 1, THIRD - 1);
    entries_fill(THIRD, entry);
    assert_int_equal(journal_append(journal, &bytes, 1, &position), STATUS_UNAVAILABLE);
    space_full(false); /* what the removal gives back */
    assert_int_equal(journal_append(journal, &bytes, 1, &position), STATUS_UNAVAILABLE);
    assert_int_equal(journal_remove_before(journal, SECOND), STATUS_OK);
    entries_append_singly(journal, THIRD, 1);
    journal_close(&journal);
    folder_remove(&folder);
}

struct remover {
    struct journal *journal;
    struct seen seen;
};

static enum status
see_and_remove(void *state, uint64_t position, struct bytes entry)
{
    struct remover *remover = state;

    if (position == 5 && journal_remove_before(remover->journal, FOURTH) != STATUS_OK) {
        return STATUS_INTERNAL;
    }
    return entries_see(&remover->seen, position, entry);
}

/* What a reader has begun he reads to its end; what is behind is gone. */
static void
a_segment_goes_under_its_reader(void **state)
{
    struct folder folder;
    struct remover remover = {.seen = {.count = 0}};

    (void)state;
    folder_make(&folder);
    remover.journal = entries_open(&folder, 0);
    entries_append_singly(remover.journal, 1, ENTRIES);
    assert_int_equal(journal_read(remover.journal, 1, UINT64_MAX, see_and_remove, &remover),
                     STATUS_NOT_FOUND);
    assert_false(remover.seen.wrong);
    assert_int_equal(remover.seen.count, SECOND - 1);
    assert_int_equal(read_count(remover.journal, FOURTH, 10, 10), STATUS_OK);
    journal_close(&remover.journal);
    folder_remove(&folder);
}

/* A file that somebody else took away is not "removed as too old". */
static void
a_file_taken_away_is_no_removal(void **state)
{
    struct folder folder;
    struct journal *journal;

    (void)state;
    folder_make(&folder);
    journal = entries_open(&folder, 0);
    entries_append_singly(journal, 1, ENTRIES);
    remove_segment(&folder, "00000002.seg");
    assert_int_equal(read_count(journal, 1, 10, 10), STATUS_OK);
    assert_int_equal(read_count(journal, SECOND, 10, 0), STATUS_UNAVAILABLE);
    assert_int_equal(read_count(journal, THIRD, 10, 10), STATUS_OK);
    assert_int_equal(journal_remove_before(journal, FOURTH), STATUS_OK);
    assert_int_equal(read_count(journal, SECOND, 10, 0), STATUS_NOT_FOUND);
    journal_close(&journal);
    journal = open_from(&folder, FOURTH, FOURTH, ENTRIES);
    journal_close(&journal);
    folder_remove(&folder);
}

/* ---- crashes ---- */

enum { ROLE_OK = 0, ROLE_WRONG = 12 };

static int
role_trim(const char *path)
{
    struct journal_options options = entries_defaults;
    struct journal_report report;
    struct journal *journal = NULL;
    enum status status;

    options.folder = path;
    options.first_position = FOURTH;
    if (journal_open(&options, NULL, NULL, &report, &journal) != STATUS_OK) {
        return ROLE_WRONG;
    }
    status = journal_remove_before(journal, FOURTH);
    journal_close(&journal);
    return status == STATUS_OK ? ROLE_OK : ROLE_WRONG;
}

static void
a_crash_leaves_no_gap(void **state)
{
#ifdef CONTACT_VAULT_FAILPOINTS
    const char *const failpoints[] = {"journal_remove_kill=1", "journal_remove_kill=2",
                                      "journal_remove_kill=3"};
    const uint64_t firsts[] = {SECOND, THIRD, FOURTH};

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct folder folder;
        struct journal *journal;

        entries_copy_after(ENTRIES, &folder);
        assert_int_equal(run_role("trim", folder.path, failpoints[i]), -1);
        journal = open_from(&folder, FOURTH, firsts[i], ENTRIES);
        journal_close(&journal);
        assert_int_equal(run_role("trim", folder.path, ""), ROLE_OK); /* it goes on */
        journal = open_from(&folder, FOURTH, FOURTH, ENTRIES);
        journal_close(&journal);
        folder_remove(&folder);
    }
#else
    (void)state;
    (void)run_role;
    skip();
#endif
}

/* ---- reading, removing and appending at once ---- */

enum { READERS = 4, APPENDS = 6000, KEPT = 300 };

struct crowd {
    struct journal *journal;
    _Atomic bool stop;
    _Atomic uint64_t appended;
};

struct reader {
    pthread_t thread;
    struct crowd *crowd;
    uint64_t found;
    uint64_t gone;
    bool wrong;
};

/* From where it begins, from before that, and from the middle. */
static void *
read_on(void *argument)
{
    struct reader *reader = argument;
    struct journal *journal = reader->crowd->journal;

    for (uint64_t round = 0; !atomic_load(&reader->crowd->stop); round++) {
        uint64_t first = journal_first_position(journal);
        uint64_t from = round % 3 == 0 ? first : round % 3 == 1 ? first / 2 + 1 : first + 100;
        struct seen seen = {.count = 0};
        uint64_t start = 0;
        enum status status = journal_read(journal, from, 200, entries_see, &seen);
        enum status found = journal_segment_start(journal, from, &start);

        reader->wrong |= status != STATUS_OK && status != STATUS_NOT_FOUND;
        reader->wrong |= seen.wrong || (seen.count > 0 && seen.first != from);
        reader->wrong |= found != STATUS_OK && found != STATUS_NOT_FOUND;
        reader->wrong |= found == STATUS_OK && start > from;
        reader->found += seen.count;
        reader->gone += status == STATUS_NOT_FOUND;
    }
    return NULL;
}

static void *
remove_on(void *argument)
{
    struct crowd *crowd = argument;

    while (!atomic_load(&crowd->stop)) {
        uint64_t appended = atomic_load(&crowd->appended);

        if (appended > KEPT &&
            journal_remove_before(crowd->journal, appended - KEPT) != STATUS_OK) {
            abort();
        }
        (void)journal_keep_reserve(crowd->journal);
    }
    return NULL;
}

static void
reads_while_segments_go(void **state)
{
    struct folder folder;
    struct crowd crowd = {.stop = false};
    struct reader readers[READERS];
    pthread_t removers[2];
    uint64_t first;
    uint64_t gone = 0;

    (void)state;
    folder_make(&folder);
    crowd.journal = entries_open(&folder, 0);
    for (int i = 0; i < READERS; i++) {
        readers[i] = (struct reader){.crowd = &crowd};
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&removers[i], NULL, remove_on, &crowd), 0);
    }
    for (uint64_t i = 1; i <= APPENDS; i += 3) {
        entries_append(crowd.journal, i, 3);
        atomic_store(&crowd.appended, i + 2);
    }
    atomic_store(&crowd.stop, true);
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
        assert_false(readers[i].wrong);
        assert_true(readers[i].found > 0);
        gone += readers[i].gone;
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(removers[i], NULL), 0);
    }
    assert_true(gone > 0);
    assert_int_equal(journal_remove_before(crowd.journal, APPENDS - KEPT), STATUS_OK);
    first = journal_first_position(crowd.journal);
    assert_in_range(first, APPENDS - KEPT - SEGMENT_ENTRIES, APPENDS - KEPT);
    assert_false(journal_failed(crowd.journal));
    journal_close(&crowd.journal);
    crowd.journal = open_from(&folder, APPENDS, first, APPENDS);
    journal_close(&crowd.journal);
    folder_remove(&folder);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(removes_whole_segments),
        cmocka_unit_test(opens_what_begins_later_only_if_told),
        cmocka_unit_test(older_segments_may_still_be_there),
        cmocka_unit_test(finds_what_is_missing_or_damaged),
        cmocka_unit_test(what_is_not_on_disk_keeps_what_is_before_it),
        cmocka_unit_test(space_is_used_at_once),
        cmocka_unit_test(a_segment_goes_under_its_reader),
        cmocka_unit_test(a_file_taken_away_is_no_removal),
        cmocka_unit_test(a_crash_leaves_no_gap),
        cmocka_unit_test(reads_while_segments_go),
    };

    if (argc == 3 && strcmp(argv[1], "trim") == 0) {
        return role_trim(argv[2]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
