/* SPDX-License-Identifier: Apache-2.0 */
#include "store_entries.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

const struct journal_options entries_defaults = {.id = "journal of tests",
                                                 .segment_bytes = SEGMENT_BYTES};

struct journal_options
entries_options(const struct folder *folder)
{
    struct journal_options options = entries_defaults;

    options.folder = folder->path;
    return options;
}

void
entries_fill(uint64_t position, uint8_t ret_entry[static ENTRY_BYTES])
{
    memset(ret_entry, 0xa5, ENTRY_BYTES);
    put_u64(ret_entry, position);
    ret_entry[ENTRY_BYTES - 1] = 0x77;
}

enum status
entries_see(void *state, uint64_t position, struct bytes entry)
{
    uint8_t expected[ENTRY_BYTES];
    struct seen *seen = state;

    entries_fill(position, expected);
    seen->wrong |= !bytes_equal(entry, bytes_of(expected, sizeof expected));
    seen->wrong |= seen->count > 0 && position != seen->last + 1;
    seen->first = seen->count == 0 ? position : seen->first;
    seen->last = position;
    seen->count++;
    return STATUS_OK;
}

struct journal *
entries_open(const struct folder *folder, uint64_t entries)
{
    struct journal_options options = entries_options(folder);
    struct journal_report report;
    struct journal *journal = NULL;
    struct seen seen = {.count = 0};

    assert_int_equal(journal_open(&options, entries_see, &seen, &report, &journal), STATUS_OK);
    assert_false(seen.wrong);
    assert_int_equal(seen.count, entries);
    assert_int_equal(report.entries, entries);
    return journal;
}

void
entries_append(struct journal *journal, uint64_t from, uint64_t count)
{
    uint64_t position = 0;

    for (uint64_t i = 0; i < count; i++) {
        uint8_t entry[ENTRY_BYTES];
        struct bytes bytes = bytes_of(entry, sizeof entry);

        entries_fill(from + i, entry);
        assert_int_equal(journal_append(journal, &bytes, 1, &position), STATUS_OK);
        assert_int_equal(position, from + i);
    }
    assert_int_equal(journal_wait(journal, position), STATUS_OK);
}

/* Each a group of its own. */
void
entries_append_singly(struct journal *journal, uint64_t from, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        entries_append(journal, from + i, 1);
    }
}

void
entries_expect(const struct journal_options *options, enum status status, const char *place)
{
    struct journal_report report;
    struct journal *journal = NULL;

    assert_int_equal(journal_walk(options, NULL, NULL, &report), status);
    assert_string_equal(report.place.text, place);
    assert_int_equal(journal_open(options, NULL, NULL, &report, &journal), status);
    assert_string_equal(report.place.text, place);
    assert_null(journal);
}

void
entries_expect_corrupt(const struct folder *folder, const char *place)
{
    struct journal_options options = entries_options(folder);

    entries_expect(&options, STATUS_CORRUPT, place);
}

void
entries_copy_after(uint64_t entries, struct folder *ret_copy)
{
    struct folder folder;
    struct journal *journal;

    folder_make(&folder);
    journal = entries_open(&folder, 0);
    entries_append_singly(journal, 1, entries);
    folder_copy(&folder, ret_copy);
    journal_close(&journal);
    folder_remove(&folder);
}
