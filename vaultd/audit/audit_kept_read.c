/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the second place: whole, because whoever may write there may hide a line among others. */
#include "audit_kept.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

enum {
    MONTHS_IN_YEAR = 12,
    /* Every name that a file can have, so that none is hidden by others. */
    MONTHS = 10000 * MONTHS_IN_YEAR,
    MONTH_TEXT_BYTES = 7,
    BLOCK_BYTES = 256 * 1024,
    SIGNATURES_MAX = 1000 * 1000,
};
static const uint64_t file_bytes_max = (uint64_t)1 << 30; /* a line a second for a month */
static const uint64_t all_bytes_max = (uint64_t)4 << 30;

/* A block with the beginning of what stood behind it. */
struct search {
    const struct audit_kept_owner *owner;
    struct audit_kept_found *found;
    bool any;                   /* of the owner's */
    uint64_t bytes;             /* read */
    uint64_t signatures;        /* looked at */
    uint64_t rejected;          /* lines */
    uint64_t unreadable;        /* files */
    uint64_t left_out;          /* files not read whole, lines not looked at */
    uint8_t months[MONTHS / 8]; /* a bit for each file there is */
    uint8_t buffer[BLOCK_BYTES + AUDIT_CHECKPOINT_LINE_MAX];
};

/* ---- a line ---- */

/* Which of what is looked for this line could be, or NULL: it cannot, or one as new was found. */
static struct audit_checkpoint *
place_of_line(struct search *search, struct bytes line, uint64_t sequence,
              struct audit_checkpoint *parsed)
{
    const struct audit_instances *instances = search->owner->instances;
    uint8_t instance_id[INSTANCE_ID_BYTES];
    const struct audit_instance *instance;
    struct audit_checkpoint *owed = NULL;

    if (!audit_checkpoint_peek_instance(line, instance_id)) {
        return NULL;
    }
    instance = audit_instances_find(instances, instance_id, sizeof instance_id);
    if (instance != NULL && sequence < instance->below) {
        owed = &search->found->owed[instance - instances->list];
        return sequence > owed->sequence && audit_checkpoint_parse(line, parsed) ? owed : NULL;
    }
    if (!audit_checkpoint_parse(line, parsed) ||
        (search->found->lost.sequence > 0 && parsed->time_ms <= search->found->lost.time_ms)) {
        return NULL;
    }
    return &search->found->lost;
}

static void
look_at_line(struct search *search, struct bytes line)
{
    const struct audit_kept_owner *owner = search->owner;
    struct audit_checkpoint parsed;
    struct audit_checkpoint *place = NULL;
    uint64_t sequence;

    if (audit_checkpoint_peek(line, &sequence)) {
        place = place_of_line(search, line, sequence, &parsed);
    }
    if (place == NULL || memcmp(parsed.vault_id, owner->vault_id, sizeof parsed.vault_id) != 0) {
        return;
    }
    if (search->signatures == SIGNATURES_MAX) {
        search->left_out++;
        return;
    }
    search->signatures++;
    if (audit_checkpoint_holds(&parsed, owner->public_key)) {
        *place = parsed;
        search->any = true;
    } else {
        search->rejected++;
    }
}

/* From the end backwards: the newest stands last, and then no other signature need be looked at.
 * Gives the size of what stands before the first newline. */
static size_t
look_at_lines(struct search *search, struct bytes text)
{
    const uint8_t *newline;

    while (text.size > 0 && (newline = memrchr(text.data, '\n', text.size)) != NULL) {
        size_t begin = (size_t)(newline - text.data) + 1;

        look_at_line(search, bytes_of(text.data + begin, text.size - begin));
        text.size = begin - 1;
    }
    return text.size;
}

/* ---- a file ---- */

static bool
read_at(int file, uint8_t *to, size_t size, off_t from)
{
    size_t done = 0;

    while (done < size) {
        ssize_t got = pread(file, to + done, size - done, from + (off_t)done);

        if (got <= 0 && !(got < 0 && errno == EINTR)) {
            return false; /* an error, or it was made shorter */
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return true;
}

/* From `end` back to `begin`, in blocks; what a block's first line lacks is in the next. */
static bool
search_range(struct search *search, int file, off_t begin, off_t end)
{
    uint8_t rest[AUDIT_CHECKPOINT_LINE_MAX]; /* of a line that begins in the block before */
    size_t rest_bytes = 0;
    bool too_long = false; /* it is no line of ours, whatever it begins with */

    while (end > begin) {
        size_t size = end - begin < BLOCK_BYTES ? (size_t)(end - begin) : BLOCK_BYTES;
        struct bytes text = bytes_of(search->buffer, size + rest_bytes);
        const uint8_t *newline;

        end -= (off_t)size;
        if (!read_at(file, search->buffer, size, end)) {
            return false;
        }
        memcpy(search->buffer + size, rest, rest_bytes);
        newline = too_long ? memrchr(search->buffer, '\n', size) : NULL;
        if (newline != NULL) {
            text.size = (size_t)(newline - search->buffer);
            too_long = false;
        }
        text.size = too_long ? 0 : look_at_lines(search, text);
        too_long = too_long || text.size > sizeof rest;
        rest_bytes = too_long ? 0 : text.size;
        memcpy(rest, search->buffer, rest_bytes);
    }
    look_at_line(search, bytes_of(rest, rest_bytes));
    return true;
}

static void
search_file(struct search *search, int folder, const char *name)
{
    struct stat about;
    uint64_t size, wanted;
    int file = audit_kept_open(folder, name, O_RDONLY, &about);

    if (file < 0) {
        search->unreadable++;
        return;
    }
    size = (uint64_t)about.st_size;
    wanted = size < file_bytes_max ? size : file_bytes_max;
    if (wanted > all_bytes_max - search->bytes) {
        wanted = all_bytes_max - search->bytes;
    }
    search->bytes += wanted;
    search->left_out += wanted < size;
    if (!search_range(search, file, (off_t)(size - wanted), (off_t)size)) {
        search->unreadable++;
    }
    (void)close(file);
}

/* ---- the folder ---- */

/* "2026-11" as a number; MONTHS: it is no month. */
static uint32_t
month_of(const char *text)
{
    uint32_t digits = 0;

    for (size_t i = 0; i < MONTH_TEXT_BYTES; i++) {
        bool right = i == 4 ? text[i] == '-' : text[i] >= '0' && text[i] <= '9';

        if (!right) {
            return MONTHS;
        }
        digits = i == 4 ? digits : digits * 10 + (uint32_t)(text[i] - '0');
    }
    if (text[MONTH_TEXT_BYTES] != '\0' || digits % 100 < 1 || digits % 100 > MONTHS_IN_YEAR) {
        return MONTHS;
    }
    return digits / 100 * MONTHS_IN_YEAR + digits % 100 - 1;
}

static enum status
list_months(int folder, const char *prefix, uint8_t *months)
{
    int own = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = own < 0 ? NULL : fdopendir(own);
    const struct dirent *entry;

    if (listing == NULL) {
        if (own >= 0) {
            (void)close(own);
        }
        return STATUS_UNAVAILABLE;
    }
    while ((entry = readdir(listing)) != NULL) {
        uint32_t month = strncmp(entry->d_name, prefix, strlen(prefix)) == 0
                             ? month_of(entry->d_name + strlen(prefix))
                             : MONTHS;

        if (month < MONTHS) {
            months[month / 8] |= (uint8_t)(1 << month % 8);
        }
    }
    (void)closedir(listing);
    return STATUS_OK;
}

/* What cannot be read is passed over, and said: another file may have it. */
static enum status
search_folder(int folder, struct search *search)
{
    char prefix[AUDIT_KEPT_NAME_BYTES], name[AUDIT_KEPT_NAME_BYTES];
    enum status status;

    audit_kept_prefix(search->owner->vault_id, prefix);
    status = list_months(folder, prefix, search->months);
    for (unsigned month = MONTHS; status == STATUS_OK && month-- > 0;) {
        if ((search->months[month / 8] >> month % 8 & 1) != 0) {
            audit_kept_name(prefix, month / MONTHS_IN_YEAR, month % MONTHS_IN_YEAR + 1, name);
            search_file(search, folder, name);
        }
    }
    return status;
}

static void
tell(const struct search *search, enum status status, int error)
{
    if (status != STATUS_OK) {
        LOG(LOG_LEVEL_WARNING, EVENT_CHECKPOINT_FAILED, F("errno", error),
            F("reading", (bool)true));
    }
    if (search->rejected > 0 || search->unreadable > 0) {
        LOG(LOG_LEVEL_WARNING, EVENT_CHECKPOINT_FAILED, F("not_ours", search->rejected),
            F("unreadable", search->unreadable));
    }
    if (search->left_out > 0) {
        LOG(LOG_LEVEL_ERROR, EVENT_CHECKPOINT_FAILED, F("left_out", search->left_out));
    }
}

enum status
audit_kept_search(const char *path, const struct audit_kept_owner *owner,
                  struct audit_kept_found *ret_found)
{
    struct search *search = calloc(1, sizeof *search);
    enum status status = STATUS_UNAVAILABLE;
    int folder;

    if (search == NULL) {
        return STATUS_UNAVAILABLE;
    }
    memset(ret_found, 0, sizeof *ret_found);
    search->owner = owner;
    search->found = ret_found;
    folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        status = search_folder(folder, search);
    }
    tell(search, status, errno);
    if (folder >= 0) {
        (void)close(folder);
    }
    if (search->any) {
        status = STATUS_OK;
    } else if (status == STATUS_OK) {
        status = STATUS_NOT_FOUND;
    }
    free(search);
    return status;
}
