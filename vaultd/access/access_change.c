/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of the access state: checked and sealed first, committed after the audit holds them.
 * Those of namespaces and settings stand here, those of principals in files of their own. */
#include "access_change.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "access_internal.h"
#include "access_row.h"
#include "clock.h"
#include "store.h"

/* A row as it will be, in clear and sealed. */
struct access_change {
    struct access_entry entry;
    struct access_row row;
    enum store_put_mode mode;
    bool reserved; /* goes on when the disk is full */
    uint8_t digest[ACCESS_DIGEST_BYTES];
};

enum status
access_refuse(enum status status, const char *fault, const char **ret_fault)
{
    *ret_fault = fault;
    return status;
}

void
access_change_free(struct access_change **change)
{
    if (*change == NULL) {
        return;
    }
    access_entry_free(&(*change)->entry);
    free(*change);
    *change = NULL;
}

static bool
is_there(const struct access *access, const struct access_entry *entry)
{
    if (entry->namespace_entry != NULL) {
        return entry->namespace_entry->row.id <= access->namespace_count;
    }
    if (entry->principal != NULL) {
        return entry->principal->principal.number <= access->principal_count;
    }
    if (entry->recipient != NULL) {
        return entry->recipient->recipient.number <= access->recipient_count;
    }
    if (entry->canary != NULL) {
        return entry->canary->canary.number <= access->canary_count;
    }
    return access->settings != NULL;
}

enum status
access_prepare(struct access *access, struct access_entry *entry, bool reserved,
               struct access_change **ret_change, const char **ret_fault)
{
    struct access_change *change = calloc(1, sizeof *change);
    enum status status = STATUS_INTERNAL;

    if (change != NULL) {
        change->entry = *entry;
        *entry = (struct access_entry){0};
        change->mode = is_there(access, &change->entry) ? STORE_REPLACE : STORE_INSERT;
        change->reserved = reserved;
        status = access_row_seal(access->keyring, &change->entry, &change->row);
    }
    if (status == STATUS_OK) {
        access_digest_with(access, &change->entry, change->digest);
        *ret_change = change;
        change = NULL;
    } else { /* not for anything in the request */
        *ret_fault = status == STATUS_SEALED ? "the vault is sealed" : "out of memory";
    }
    access_change_free(&change);
    access_entry_free(entry);
    return status;
}

/* ---- namespaces ---- */

enum status
access_prepare_namespace(struct access *access, struct bytes name,
                         struct access_change **ret_change, const char **ret_fault)
{
    static const char bad_name[] =
        "a namespace's name is 1 to 64 of a-z 0-9 . _ -, the first a letter or digit";
    const struct namespace_row *taken = access_namespace(access, name);
    struct access_entry entry = {0};
    struct namespace_row *row;

    if (!access_name_valid(name)) {
        return access_refuse(STATUS_INVALID, bad_name, ret_fault);
    }
    if (taken != NULL) {
        return access_refuse(STATUS_CONFLICT,
                             taken->shredded
                                 ? "a namespace of this name was shredded: take another name, for "
                                   "the log knows a namespace by its name"
                                 : "there is a namespace of this name",
                             ret_fault);
    }
    if (access->namespace_count == ACCESS_ROWS_MAX) {
        return access_refuse(STATUS_TOO_LARGE, "there are as many namespaces as there can be",
                             ret_fault);
    }
    entry.namespace_entry = calloc(1, sizeof *entry.namespace_entry);
    if (entry.namespace_entry == NULL) {
        return access_refuse(STATUS_INTERNAL, "out of memory", ret_fault);
    }
    row = &entry.namespace_entry->row;
    row->id = (uint32_t)access->namespace_count + 1;
    row->created_ms = clock_wall_ms();
    memcpy(row->name, name.data, name.size);
    return access_prepare(access, &entry, false, ret_change, ret_fault);
}

/* A namespace to be changed, and a copy of it. */
static enum status
copy_namespace(const struct access *access, struct bytes name, struct access_entry *ret_entry,
               const char **ret_fault)
{
    const struct namespace_row *row = access_namespace(access, name);

    if (row == NULL) {
        return access_refuse(STATUS_NOT_FOUND, "there is no such namespace", ret_fault);
    }
    if (row->shredded) {
        return access_refuse(STATUS_CONFLICT, "this namespace was shredded", ret_fault);
    }
    ret_entry->namespace_entry = malloc(sizeof *ret_entry->namespace_entry);
    if (ret_entry->namespace_entry == NULL) {
        return access_refuse(STATUS_INTERNAL, "out of memory", ret_fault);
    }
    *ret_entry->namespace_entry = *access->namespaces[row->id - 1];
    return STATUS_OK;
}

enum status
access_prepare_retention(struct access *access, struct bytes name, uint16_t retain_months,
                         struct access_change **ret_change, const char **ret_fault)
{
    struct access_entry entry = {0};
    enum status status = copy_namespace(access, name, &entry, ret_fault);

    if (status == STATUS_OK && retain_months > RETAIN_MONTHS_MAX) {
        status = access_refuse(STATUS_TOO_LARGE, "a hundred years at most; 0: for ever", ret_fault);
    }
    if (status == STATUS_OK && entry.namespace_entry->row.retain_months == retain_months) {
        status =
            access_refuse(STATUS_CONFLICT, "this namespace retains for so long already", ret_fault);
    }
    if (status != STATUS_OK) {
        access_entry_free(&entry);
        return status;
    }
    entry.namespace_entry->row.retain_months = retain_months;
    return access_prepare(access, &entry, false, ret_change, ret_fault);
}

enum status
access_prepare_shred(struct access *access, struct bytes name, struct access_change **ret_change,
                     const char **ret_fault)
{
    struct access_entry entry = {0};
    enum status status = copy_namespace(access, name, &entry, ret_fault);

    if (status != STATUS_OK) {
        return status;
    }
    entry.namespace_entry->row.shredded = true;
    return access_prepare(access, &entry, true, ret_change, ret_fault);
}

/* ---- settings ---- */

enum status
access_prepare_freeze(struct access *access, enum freeze freeze, struct access_change **ret_change,
                      const char **ret_fault)
{
    struct access_entry entry = {0};

    if ((unsigned)freeze >= FREEZE_COUNT) {
        return access_refuse(STATUS_INVALID, "there is no such freeze", ret_fault);
    }
    if (freeze == access_frozen(access)) {
        return access_refuse(STATUS_CONFLICT,
                             freeze == FREEZE_NONE ? "the vault is not frozen"
                                                   : "the vault is frozen like this already",
                             ret_fault);
    }
    entry.settings = access_copy_settings(access);
    if (entry.settings == NULL) {
        return access_refuse(STATUS_INTERNAL, "out of memory", ret_fault);
    }
    entry.settings->freeze = freeze;
    return access_prepare(access, &entry, freeze != FREEZE_NONE, ret_change, ret_fault);
}

/* ---- committing ---- */

const uint8_t *
access_change_digest(const struct access_change *change)
{
    return change->digest;
}

uint32_t
access_change_id(const struct access_change *change)
{
    if (change->entry.canary != NULL) {
        return change->entry.canary->canary.number;
    }
    assert(change->entry.namespace_entry != NULL);
    return change->entry.namespace_entry->row.id;
}

static enum status
put_row(struct store_txn *txn, void *state)
{
    const struct access_change *change = state;

    return store_put(txn, STORE_ACCESS, change->mode,
                     bytes_of(change->row.key, sizeof change->row.key),
                     bytes_of(change->row.value, change->row.size));
}

enum status
access_commit(struct access *access, struct access_change **change)
{
    enum status status = (*change)->reserved
                             ? store_update_reserved(access->store, put_row, *change)
                             : store_update(access->store, put_row, *change);

    if (status == STATUS_OK) {
        access_place(access, &(*change)->entry);
        access_sort(access);
    }
    access_change_free(change);
    return status;
}
