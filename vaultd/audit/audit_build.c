/* SPDX-License-Identifier: Apache-2.0 */
#include "audit_build.h"

#include <stdlib.h>
#include <string.h>

#include "audit_chain.h"
#include "audit_entry.h"
#include "audit_start.h"
#include "journal.h"

struct audit_build {
    char *folder;
    uint8_t vault_id[16];
    uint8_t root[AUDIT_DIGEST_BYTES];
    struct audit_start start;
    struct audit_chain chain;
    struct audit_checkpoint newest;
    struct journal *journal; /* from the first entry on */
};

enum status
audit_build_new(const char *folder, const uint8_t vault_id[static 16],
                struct audit_build **ret_build)
{
    struct audit_build *build = calloc(1, sizeof *build);

    if (build == NULL) {
        return STATUS_INTERNAL;
    }
    build->folder = strdup(folder);
    if (build->folder == NULL) {
        free(build);
        return STATUS_INTERNAL;
    }
    build->start.first = 1;
    memcpy(build->vault_id, vault_id, sizeof build->vault_id);
    audit_entry_root(vault_id, build->root);
    *ret_build = build;
    return STATUS_OK;
}

void
audit_build_free(struct audit_build **build)
{
    if (*build != NULL) {
        journal_close(&(*build)->journal);
        free((*build)->folder);
        free(*build);
        *build = NULL;
    }
}

enum status
audit_build_start(struct audit_build *build, struct bytes start)
{
    struct audit_chain *chain = &build->chain;

    if (build->journal != NULL || !audit_start_decode(start, &build->start) ||
        memcmp(build->start.vault_id, build->vault_id, sizeof build->vault_id) != 0) {
        chain->fault = "the file `start` is none of this vault's";
        return STATUS_CORRUPT;
    }
    chain->first = build->start.first;
    memcpy(chain->first_previous, build->start.previous, AUDIT_DIGEST_BYTES);
    return STATUS_OK;
}

static enum status
open_journal(struct audit_build *build)
{
    struct journal_options options = {
        .folder = build->folder, .first_position = build->start.first, .fresh = true};
    struct journal_report report;

    memcpy(options.id, build->vault_id, JOURNAL_ID_BYTES);
    return journal_open(&options, NULL, NULL, &report, &build->journal);
}

static enum status
extend(struct audit_build *build, struct bytes bytes)
{
    struct audit_chain *chain = &build->chain;
    struct audit_entry entry;
    uint64_t position = audit_chain_next(chain);
    enum status status = audit_chain_extend(chain, position, bytes, &entry);

    if (status == STATUS_OK && position == 1 &&
        memcmp(chain->root, build->root, AUDIT_DIGEST_BYTES) != 0) {
        chain->fault = "this is the log of another vault";
        status = STATUS_CORRUPT;
    }
    if (status == STATUS_OK && entry.has_checkpoint) {
        audit_checkpoint_of(build->vault_id, &entry, bytes, &build->newest);
    }
    return status;
}

enum status
audit_build_entry(struct audit_build *build, struct bytes entry)
{
    uint64_t position = 0;
    enum status status = extend(build, entry);

    if (status == STATUS_OK && build->journal == NULL) {
        status = open_journal(build);
    }
    return status == STATUS_OK ? journal_append(build->journal, &entry, 1, &position) : status;
}

static enum status
copy_start(struct audit_build *build, const char *folder)
{
    uint8_t file[AUDIT_START_FILE_BYTES];
    struct audit_start start;
    enum status status = audit_start_read(folder, &start);

    if (status != STATUS_OK || start.first <= 1) {
        return status;
    }
    audit_start_encode(&start, file);
    return audit_build_start(build, bytes_of(file, sizeof file));
}

static enum status
copy_entry(void *state, uint64_t position, struct bytes entry)
{
    struct audit_build *build = state;

    return audit_chain_skips(&build->chain, position) ? STATUS_OK : audit_build_entry(build, entry);
}

enum status
audit_build_copy(struct audit_build *build, const char *folder,
                 char ret_place[static AUDIT_PLACE_BYTES])
{
    struct journal_options options = {.folder = folder};
    struct journal_report report = {0};
    enum status status = copy_start(build, folder);

    memcpy(options.id, build->vault_id, JOURNAL_ID_BYTES);
    if (status == STATUS_OK) {
        options.first_position = build->start.first;
        status = journal_walk(&options, copy_entry, build, &report);
    }
    if (status == STATUS_OK && build->chain.sequence == 0) {
        status = STATUS_NOT_FOUND;
    }
    if (status == STATUS_CORRUPT) {
        audit_chain_place(&build->chain, &report, ret_place);
    }
    return status;
}

const char *
audit_build_fault(const struct audit_build *build)
{
    return build->chain.fault == NULL ? "damaged" : build->chain.fault;
}

void
audit_build_look(const struct audit_build *build, struct audit_built *ret_built)
{
    *ret_built = (struct audit_built){.first = build->start.first,
                                      .last = build->chain.sequence,
                                      .time_ms = build->chain.time_ms,
                                      .newest = build->newest};
    memcpy(ret_built->digest, build->chain.head, AUDIT_DIGEST_BYTES);
}

enum status
audit_build_end(struct audit_build *build)
{
    enum status status = STATUS_OK;

    if (build->journal != NULL) {
        status = journal_wait(build->journal, build->chain.sequence);
    }
    if (status == STATUS_OK && build->start.first > 1) {
        status = audit_start_write(build->folder, &build->start);
    }
    journal_close(&build->journal);
    return status;
}
