/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_journal: bytes of a good journal of three segments are changed as the input says. Whatever
 * was changed, a walk and an open agree, and give the entries that were written or fewer, never
 * others.
 *
 * Input: changes of {segment 1, offset 2, size 1, bytes}; a byte 0xff before them: the first
 * segment has been removed as too old.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal.h"
#include "store_folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ENTRIES = 500, SEGMENTS = 4, CHANGE_BYTES = 4, TRIMMED = 0xff };

static const char *const names[SEGMENTS] = {"00000001.seg", "00000002.seg", "00000003.seg",
                                            "00000004.seg"};
static struct folder good;
static struct folder changed;
static uint8_t *segments[SEGMENTS];
static size_t sizes[SEGMENTS];
static uint64_t second; /* position that the second segment begins with */

static void
must(int holds)
{
    if (!holds) {
        abort();
    }
}

static struct journal_options
options_for(const struct folder *folder)
{
    return (struct journal_options){
        .folder = folder->path, .id = "journal to fuzz", .segment_bytes = 16 * 1024};
}

static enum status
check(void *state, uint64_t position, struct bytes entry)
{
    uint64_t *seen = state;

    must(position == *seen + 1 && entry.size == 8 + position % 150);
    must(get_u64(entry.data) == position);
    for (size_t i = 8; i < entry.size; i++) {
        must(entry.data[i] == (uint8_t)position);
    }
    *seen = position;
    return STATUS_OK;
}

static void
remove_folders(void)
{
    folder_remove(&good);
    folder_remove(&changed);
    for (int i = 0; i < SEGMENTS; i++) {
        free(segments[i]);
    }
}

static void
make_good(void)
{
    struct journal_options options;
    struct journal_report report;
    struct journal *journal = NULL;
    uint64_t position = 0;

    folder_make(&good);
    folder_make(&changed);
    options = options_for(&good);
    must(journal_open(&options, NULL, NULL, &report, &journal) == STATUS_OK);
    while (position < ENTRIES) {
        uint8_t entry[8 + 150];
        struct bytes bytes = bytes_of(entry, 8 + (position + 1) % 150);

        memset(entry, (int)(position + 1), sizeof entry);
        put_u64(entry, position + 1);
        must(journal_append(journal, &bytes, 1, &position) == STATUS_OK);
        must(position % 7 != 0 || journal_wait(journal, position) == STATUS_OK);
        must(second > 1 || journal_segment_start(journal, position, &second) == STATUS_OK);
    }
    journal_close(&journal);
    for (int i = 0; i < SEGMENTS; i++) {
        char path[FOLDER_PATH_BYTES];

        folder_file(&good, names[i], path);
        segments[i] = file_load(path, &sizes[i]);
    }
    (void)atexit(remove_folders);
}

static void
write_changed(const uint8_t *data, size_t size, bool trimmed)
{
    char path[FOLDER_PATH_BYTES];

    for (int i = 0; i < SEGMENTS; i++) {
        folder_file(&changed, names[i], path);
        file_write_at(path, 0, segments[i], sizes[i]);
    }
    while (size >= CHANGE_BYTES) {
        size_t segment = data[0] % SEGMENTS;
        size_t offset = get_u16(data + 1) % sizes[segment];
        size_t count = data[3] < size - CHANGE_BYTES ? data[3] : size - CHANGE_BYTES;

        count = count < sizes[segment] - offset ? count : sizes[segment] - offset;
        folder_file(&changed, names[segment], path);
        file_write_at(path, offset, data + CHANGE_BYTES, count);
        data += CHANGE_BYTES + count;
        size -= CHANGE_BYTES + count;
    }
    folder_file(&changed, names[0], path);
    must(!trimmed || unlink(path) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct journal_options options;
    struct journal_report walked;
    struct journal_report opened;
    struct journal *journal = NULL;
    bool trimmed = size > 0 && data[0] == TRIMMED;
    uint64_t seen[2] = {0, 0};
    uint64_t first;
    enum status status;

    if (segments[0] == NULL) {
        make_good();
    }
    write_changed(trimmed ? data + 1 : data, trimmed ? size - 1 : size, trimmed);
    options = options_for(&changed);
    options.first_position = trimmed ? second : 0;
    first = trimmed ? second : 1;
    seen[0] = first - 1;
    seen[1] = first - 1;
    status = journal_walk(&options, check, &seen[0], &walked);
    must(status == STATUS_OK || status == STATUS_CORRUPT);
    must(seen[0] <= ENTRIES && walked.entries == seen[0] + 1 - first);
    must(status == STATUS_OK || (walked.place.text[0] != '\0' && !walked.cut));
    must(journal_open(&options, check, &seen[1], &opened, &journal) == status);
    must(seen[0] == seen[1] && walked.cut == opened.cut);
    must(strcmp(walked.place.text, opened.place.text) == 0);
    journal_close(&journal);
    if (status == STATUS_OK) {
        must(journal_walk(&options, NULL, NULL, &walked) == STATUS_OK);
        must(!walked.cut && walked.entries == seen[0] + 1 - first);
    }
    return 0;
}
