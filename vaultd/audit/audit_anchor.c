/* SPDX-License-Identifier: Apache-2.0 */
#include "audit_anchor.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

enum { FIRST_CAPACITY = 1024 };

static void
digest_line(const char *line, size_t size, uint8_t ret_digest[static AUDIT_DIGEST_BYTES])
{
    (void)crypto_hash_sha256(ret_digest, (const uint8_t *)line, size);
}

static enum status
add(struct audit_anchors *anchors, struct audit_anchor anchor)
{
    if (anchors->count == AUDIT_ANCHORS_MAX) {
        return STATUS_TOO_LARGE;
    }
    if (anchors->count == anchors->capacity) {
        size_t capacity = anchors->capacity == 0 ? FIRST_CAPACITY : 2 * anchors->capacity;
        struct audit_anchor *list = realloc(anchors->list, capacity * sizeof *list);

        if (list == NULL) {
            return STATUS_INTERNAL;
        }
        anchors->list = list;
        anchors->capacity = capacity;
    }
    anchors->list[anchors->count++] = anchor;
    return STATUS_OK;
}

/* One line without its newline; *ret_whole: it fitted, else the rest of it was passed over.
 * False: there is none. */
static bool
next_line(FILE *file, char line[static AUDIT_CHECKPOINT_LINE_MAX], size_t *ret_size,
          bool *ret_whole)
{
    size_t size = 0;
    bool any = false;
    int c;

    *ret_whole = true;
    while ((c = getc_unlocked(file)) != EOF && c != '\n') {
        any = true;
        *ret_whole = size < AUDIT_CHECKPOINT_LINE_MAX;
        if (*ret_whole) {
            line[size++] = (char)c;
        }
    }
    *ret_size = size;
    return any || c == '\n';
}

/* What is read, and what a line must be to count. */
struct loading {
    FILE *file;
    const uint8_t *vault_id;
    const uint8_t *public_key;
    uint64_t line;
};

static enum status
load_lines(struct loading *loading, struct audit_anchors *anchors)
{
    char line[AUDIT_CHECKPOINT_LINE_MAX];
    struct audit_checkpoint found;
    enum status status = STATUS_OK;
    bool whole = false;
    size_t size = 0;

    while (status == STATUS_OK && next_line(loading->file, line, &size, &whole)) {
        struct audit_anchor anchor = {.line = ++loading->line};

        if (!whole || !audit_checkpoint_parse(bytes_of(line, size), &found) ||
            memcmp(found.vault_id, loading->vault_id, sizeof found.vault_id) != 0) {
            continue;
        }
        if (loading->public_key != NULL && !audit_checkpoint_holds(&found, loading->public_key)) {
            return STATUS_CORRUPT;
        }
        anchor.sequence = found.sequence;
        anchor.time_ms = found.time_ms;
        memcpy(anchor.instance, found.instance_id, sizeof anchor.instance);
        digest_line(line, size, anchor.digest);
        status = add(anchors, anchor);
    }
    if (status == STATUS_OK && ferror(loading->file) != 0) {
        LOG(LOG_LEVEL_ERROR, EVENT_SYSTEM_CALL_FAILED, F("errno", errno), F("line", __LINE__));
        status = STATUS_UNAVAILABLE;
    }
    return status;
}

static int
compare(const void *a, const void *b)
{
    uint64_t left = ((const struct audit_anchor *)a)->sequence;
    uint64_t right = ((const struct audit_anchor *)b)->sequence;

    return (left > right) - (left < right);
}

enum status
audit_anchors_load(const char *path, const uint8_t vault_id[static 16], const uint8_t *public_key,
                   struct audit_anchors *ret_anchors, uint64_t *ret_line)
{
    struct loading loading = {.vault_id = vault_id, .public_key = public_key};
    struct audit_anchors anchors = {0};
    enum status status;

    loading.file = fopen(path, "re");
    if (loading.file == NULL) {
        return errno == ENOENT ? STATUS_NOT_FOUND : STATUS_UNAVAILABLE;
    }
    status = load_lines(&loading, &anchors);
    (void)fclose(loading.file);
    if (status == STATUS_OK && anchors.count == 0) {
        status = STATUS_INVALID;
    }
    if (status != STATUS_OK) {
        *ret_line = loading.line;
        audit_anchors_free(&anchors);
        return status;
    }
    qsort(anchors.list, anchors.count, sizeof *anchors.list, compare);
    *ret_anchors = anchors;
    return STATUS_OK;
}

void
audit_anchors_free(struct audit_anchors *anchors)
{
    free(anchors->list);
    *anchors = (struct audit_anchors){0};
}

void
audit_anchors_rewind(struct audit_anchors *anchors, uint64_t first)
{
    anchors->next = 0;
    anchors->lost_ms = anchors->lost_line = 0;
    while (anchors->next < anchors->count && anchors->list[anchors->next].sequence < first) {
        anchors->next++;
    }
}

static bool
is_borne_out(const struct audit_anchor *anchor, const struct audit_checkpoint *checkpoint)
{
    char line[AUDIT_CHECKPOINT_LINE_MAX];
    uint8_t digest[AUDIT_DIGEST_BYTES];

    if (checkpoint == NULL) {
        return false;
    }
    digest_line(line, audit_checkpoint_print(checkpoint, line) - 1, digest);
    return memcmp(digest, anchor->digest, sizeof digest) == 0;
}

/* False: its instance wrote that part of the chain, so it should stand there. */
static bool
pass_over(struct audit_anchors *anchors, const struct audit_instances *instances)
{
    const struct audit_anchor *anchor = &anchors->list[anchors->next];
    const struct audit_instance *instance =
        audit_instances_find(instances, anchor->instance, sizeof anchor->instance);

    if (instance != NULL && anchor->sequence < instance->below) {
        return false;
    }
    if (anchor->time_ms >= anchors->lost_ms) {
        anchors->lost_ms = anchor->time_ms;
        anchors->lost_line = anchor->line;
    }
    anchors->next++;
    return true;
}

long
audit_anchors_pass(struct audit_anchors *anchors, uint64_t sequence,
                   const struct audit_checkpoint *checkpoint,
                   const struct audit_instances *instances)
{
    long passed = 0;

    while (anchors->next < anchors->count && anchors->list[anchors->next].sequence == sequence) {
        if (is_borne_out(&anchors->list[anchors->next], checkpoint)) {
            anchors->next++;
            passed++;
        } else if (!pass_over(anchors, instances)) {
            return -1;
        }
    }
    return passed;
}

bool
audit_anchors_end(struct audit_anchors *anchors, const struct audit_instances *instances)
{
    while (anchors->next < anchors->count) {
        if (!pass_over(anchors, instances)) {
            return false;
        }
    }
    return true;
}
