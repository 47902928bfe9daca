/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_check.h"

#include <stdio.h>
#include <stdlib.h>

#include "scratch.h"
#include "vault_internal.h"

enum { GENERATIONS = 2, NAMESPACES_FIRST = 16 };

/* What was found of a namespace. */
struct checked_namespace {
    uint32_t id;
    bool has_keys;
    struct vault_epoch epoch;
    uint64_t index_rows; /* that records vouch for, less those that were met */
    uint64_t doubles;
    struct vault_counts found;
};

struct checking {
    const struct vault *vault;
    struct store_txn *txn;
    struct vault_check *check;
    uint8_t *inner;
    uint8_t *other; /* of a second record */
    struct checked_namespace *namespaces;
    size_t count, capacity;
    uint64_t rows;
    uint64_t row; /* record being looked at; 0: none */
};

/* OK: it is counted, and that is all. */
static enum status
at_fault(struct checking *checking, const char *fault)
{
    struct vault_check *check = checking->check;

    if (check->faults++ == 0) {
        check->row = checking->row;
        (void)snprintf(check->fault, VAULT_FAULT_BYTES, "%s", fault);
    }
    return check->go_on ? STATUS_OK : STATUS_CORRUPT;
}

/* ---- namespaces ---- */

static bool
has_keys(const struct vault *vault, uint32_t namespace_id)
{
    size_t index = keyring_index_of(vault->keyring, (struct key_name){KEY_DATA, namespace_id, 0});
    struct key_name name;
    uint64_t created_ms;

    return keyring_at(vault->keyring, index, &name, &created_ms) && name.purpose == KEY_DATA &&
           name.namespace_id == namespace_id;
}

static enum status
add_namespace(struct checking *checking, uint32_t id)
{
    struct checked_namespace *added;

    if (checking->count == checking->capacity) {
        size_t capacity = checking->capacity == 0 ? NAMESPACES_FIRST : 2 * checking->capacity;
        struct checked_namespace *grown = realloc(checking->namespaces, capacity * sizeof *grown);

        if (grown == NULL) {
            return STATUS_INTERNAL;
        }
        checking->namespaces = grown;
        checking->capacity = capacity;
    }
    added = &checking->namespaces[checking->count];
    *added = (struct checked_namespace){.id = id, .has_keys = has_keys(checking->vault, id)};
    if (vault_epoch_read(checking->txn, id, &added->epoch) != STATUS_OK &&
        at_fault(checking, "there are records of a namespace that there is not") != STATUS_OK) {
        return STATUS_CORRUPT;
    }
    checking->count++;
    return STATUS_OK;
}

/* There are few, and records of one stand together. */
static enum status
find_namespace(struct checking *checking, uint32_t id, struct checked_namespace **ret_namespace)
{
    enum status status = STATUS_OK;
    size_t i = 0;

    while (i < checking->count && checking->namespaces[i].id != id) {
        i++;
    }
    if (i == checking->count) {
        status = add_namespace(checking, id);
    }
    *ret_namespace = &checking->namespaces[i];
    return status;
}

static bool
count_row(struct checked_namespace *namespace_, enum key_purpose purpose, uint32_t number)
{
    struct vault_counts *found = &namespace_->found;
    size_t at = 0;

    while (at < found->count &&
           (found->lines[at].purpose != purpose || found->lines[at].number != number)) {
        at++;
    }
    if (at == VAULT_COUNTS_MAX) {
        return false;
    }
    if (at == found->count) {
        found->lines[found->count++] =
            (struct vault_count_line){.purpose = purpose, .number = number};
    }
    found->lines[at].rows++;
    return true;
}

/* ---- one record ---- */

/* A contact whose index row was lost once has two records: the row leads to the later one. */
static bool
is_double(struct checking *checking, const struct record_opened *opened, struct bytes row_key)
{
    struct record_opened second;
    struct bytes record;

    return row_key.size == ROW_KEY_BYTES &&
           store_get(checking->txn, STORE_RECORD, row_key, &record) == STATUS_OK &&
           vault_record_open(checking->vault, get_u64(row_key.data), record, checking->other,
                             &second) == STATUS_OK &&
           second.header.namespace_id == opened->header.namespace_id &&
           second.contact.kind == opened->contact.kind &&
           bytes_equal(second.contact.canonical, opened->contact.canonical);
}

static enum status
check_index(struct checking *checking, struct checked_namespace *namespace_, struct bytes row,
            const struct record_opened *opened)
{
    const uint32_t generations[GENERATIONS] = {namespace_->epoch.index,
                                               namespace_->epoch.index_other};
    uint8_t key[INDEX_KEY_BYTES];
    struct bytes found;

    /* Of the other one, some are there: it is being filled, or removed. */
    for (int i = 0; i < GENERATIONS && generations[i] != 0; i++) {
        enum status status =
            vault_index_key(checking->vault, namespace_->id, generations[i], &opened->contact, key);

        if (status == STATUS_OK) {
            status = store_get(checking->txn, STORE_INDEX, bytes_of(key, sizeof key), &found);
        }
        if (status == STATUS_NOT_FOUND && i > 0) {
            continue;
        }
        if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
            return status;
        }
        if (status == STATUS_OK && bytes_equal(found, row)) {
            namespace_->index_rows++;
            if (!count_row(namespace_, KEY_INDEX, generations[i])) {
                return at_fault(checking, "a namespace has more keys than there can be");
            }
        } else if (status == STATUS_OK && is_double(checking, opened, found)) {
            checking->check->doubles += i == 0;
            namespace_->doubles++;
        } else {
            return at_fault(checking, "a contact is not found by its own index row");
        }
    }
    return STATUS_OK;
}

static enum status
check_token(struct checking *checking, const struct record_header *header, struct bytes row)
{
    struct bytes found;
    enum status status =
        store_get(checking->txn, STORE_TOKEN, bytes_of(header->token.bytes, TOKEN_BYTES), &found);

    if (status == STATUS_NOT_FOUND || (status == STATUS_OK && !bytes_equal(found, row))) {
        return at_fault(checking, "a token does not lead to its record");
    }
    return status;
}

static enum status
check_record(void *state, struct bytes key, struct bytes record)
{
    struct checking *checking = state;
    struct checked_namespace *namespace_ = NULL;
    struct record_header header;
    struct record_opened opened;
    enum status status = STATUS_OK;

    checking->row = key.size == ROW_KEY_BYTES ? get_u64(key.data) : 0;
    if (checking->row == 0 || vault_record_header(record, &header) != STATUS_OK) {
        return at_fault(checking, "a record is none");
    }
    status = find_namespace(checking, header.namespace_id, &namespace_);
    if (status == STATUS_OK) {
        status = check_token(checking, &header, key);
    }
    if (status == STATUS_OK && !count_row(namespace_, KEY_DATA, header.epoch)) {
        status = at_fault(checking, "a namespace has more keys than there can be");
    }
    checking->check->contacts++;
    if (status != STATUS_OK || !namespace_->has_keys) {
        checking->check->unopened += status == STATUS_OK;
        return status;
    }
    status = vault_record_open(checking->vault, checking->row, record, checking->inner, &opened);
    if (status == STATUS_CORRUPT) {
        return at_fault(checking, "a record does not open");
    }
    return status == STATUS_OK ? check_index(checking, namespace_, key, &opened) : status;
}

/* ---- no row too many ---- */

static enum status
count_token(void *state, struct bytes key, struct bytes value)
{
    struct checking *checking = state;

    (void)key;
    (void)value;
    checking->rows++;
    return STATUS_OK;
}

/* Of a namespace without keys nobody can tell. */
static enum status
take_index_row(void *state, struct bytes key, struct bytes value)
{
    struct checking *checking = state;
    struct checked_namespace *namespace_ = NULL;
    enum status status = STATUS_OK;

    (void)value;
    if (key.size == INDEX_KEY_BYTES) {
        status = find_namespace(checking, get_u32(key.data), &namespace_);
    }
    if (status != STATUS_OK || (namespace_ != NULL && !namespace_->has_keys)) {
        return status;
    }
    if (namespace_ == NULL || namespace_->index_rows == 0) {
        return at_fault(checking, "an index row leads to no contact");
    }
    namespace_->index_rows--;
    return STATUS_OK;
}

/* Of the index, a row that was lost once is counted still. */
static bool
count_fits(const struct checked_namespace *namespace_, const struct vault_counts *counts,
           enum key_purpose purpose, uint32_t number)
{
    uint64_t said = vault_counts_of(counts, purpose, number);
    uint64_t found = vault_counts_of(&namespace_->found, purpose, number);

    return said == found ||
           (purpose == KEY_INDEX && said > found && said - found <= namespace_->doubles);
}

static enum status
check_counts(struct checking *checking, const struct checked_namespace *namespace_)
{
    struct vault_counts counts;
    enum status status = vault_counts_read(checking->txn, namespace_->id, &counts);
    bool fits = true;

    for (size_t i = 0; status == STATUS_OK && i < counts.count; i++) {
        fits &= count_fits(namespace_, &counts, counts.lines[i].purpose, counts.lines[i].number);
    }
    if (status != STATUS_OK || !namespace_->has_keys) {
        return status;
    }
    fits = fits && count_fits(namespace_, &counts, KEY_DATA, 0) &&
           count_fits(namespace_, &counts, KEY_INDEX, 0);
    return fits ? STATUS_OK
                : at_fault(checking, "a namespace has not the number of contacts it says");
}

static enum status
check_step(struct store_txn *txn, void *state)
{
    const struct bytes all = {0};
    struct checking *checking = state;
    enum status status;

    checking->txn = txn;
    status = store_scan(txn, STORE_RECORD, all, all, check_record, checking);
    if (status != STATUS_OK) {
        return status;
    }
    checking->row = 0;
    status = store_scan(txn, STORE_TOKEN, all, all, count_token, checking);
    if (status == STATUS_OK && checking->rows != checking->check->contacts) {
        status = at_fault(checking, "a token leads to no record");
    }
    if (status == STATUS_OK) {
        status = store_scan(txn, STORE_INDEX, all, all, take_index_row, checking);
    }
    for (size_t i = 0; status == STATUS_OK && i < checking->count; i++) {
        status = check_counts(checking, &checking->namespaces[i]);
    }
    return status;
}

enum status
vault_check(struct vault *vault, struct scratch *scratch, struct vault_check *check)
{
    struct checking checking = {.vault = vault, .check = check};
    enum status status;

    *check = (struct vault_check){.go_on = check->go_on};
    checking.inner = scratch_alloc(scratch, RECORD_INNER_MAX);
    checking.other = scratch_alloc(scratch, RECORD_INNER_MAX);
    if (checking.inner == NULL || checking.other == NULL) {
        return STATUS_UNAVAILABLE;
    }
    status = store_view(vault->store, check_step, &checking);
    free(checking.namespaces);
    return status;
}
