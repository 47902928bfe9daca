/* SPDX-License-Identifier: Apache-2.0 */
/* Loading: every row opened, each by itself and all together against the rules. */
#include "access.h"

#include <stdlib.h>

#include "access_internal.h"
#include "access_row.h"
#include "log.h"
#include "store.h"

/* Memory for a row of this type; false: there is none. */
static bool
make_entry(uint8_t type, struct access_entry *ret_entry)
{
    if (type == ACCESS_ROW_NAMESPACE) {
        ret_entry->namespace_entry = calloc(1, sizeof *ret_entry->namespace_entry);
        return ret_entry->namespace_entry != NULL;
    }
    if (type == ACCESS_ROW_PRINCIPAL) {
        ret_entry->principal = calloc(1, sizeof *ret_entry->principal);
        return ret_entry->principal != NULL;
    }
    if (type == ACCESS_ROW_RECIPIENT) {
        ret_entry->recipient = calloc(1, sizeof *ret_entry->recipient);
        return ret_entry->recipient != NULL;
    }
    if (type == ACCESS_ROW_CANARY) {
        ret_entry->canary = calloc(1, sizeof *ret_entry->canary);
        return ret_entry->canary != NULL;
    }
    ret_entry->settings = calloc(1, sizeof *ret_entry->settings);
    return ret_entry->settings != NULL;
}

/* Numbers have no gaps, so this is the one that must come; 0: none may. Settings are one row, and
 * no key stands twice in the store. */
static uint32_t
number_due(const struct access *access, uint8_t type)
{
    size_t count;

    if (type == ACCESS_ROW_SETTINGS) {
        return ACCESS_SETTINGS_NUMBER;
    }
    if (type == ACCESS_ROW_RECIPIENT) {
        return access->recipient_count == ACCESS_RECIPIENTS_MAX
                   ? 0
                   : (uint32_t)access->recipient_count + 1;
    }
    if (type == ACCESS_ROW_CANARY) {
        return access->canary_count == ACCESS_CANARIES_MAX ? 0 : (uint32_t)access->canary_count + 1;
    }
    count = type == ACCESS_ROW_NAMESPACE ? access->namespace_count : access->principal_count;
    return count == ACCESS_ROWS_MAX ? 0 : (uint32_t)count + 1;
}

static bool
grants_known(const struct access *access, const struct principal *principal)
{
    for (size_t i = 0; i < principal->grant_count; i++) {
        if (principal->grants[i].namespace_id > access->namespace_count) {
            return false;
        }
    }
    return true;
}

/* Namespaces come before principals: 'n' is before 'p'. Canaries' are looked at at the end. */
static enum status
load_row(void *state, struct bytes key, struct bytes value)
{
    struct access *access = state;
    struct access_entry entry = {0};
    uint8_t type = 0;
    uint32_t number = 0;
    enum status status = access_row_read_key(key, &type, &number);

    if (status != STATUS_OK) {
        return status;
    }
    if (number == 0 || number != number_due(access, type)) {
        return STATUS_CORRUPT; /* a row is missing, or one too many */
    }
    status = make_entry(type, &entry) ? access_row_open(access->keyring, key, value, &entry)
                                      : STATUS_INTERNAL;
    if (status == STATUS_OK && entry.principal != NULL &&
        !grants_known(access, &entry.principal->principal)) {
        status = STATUS_CORRUPT;
    }
    if (status == STATUS_OK) {
        access_place(access, &entry);
    }
    access_entry_free(&entry);
    return status;
}

static enum status
load_all(struct store_txn *txn, void *state)
{
    struct access *access = state;

    access_unload(access);
    return store_scan(txn, STORE_ACCESS, (struct bytes){0}, (struct bytes){0}, load_row, access);
}

enum status
access_load(struct access *access)
{
    enum status status = store_view(access->store, load_all, access);

    if (status == STATUS_OK) {
        access_sort(access);
        status = access_all_different(access) ? STATUS_OK : STATUS_CORRUPT;
    }
    if (status != STATUS_OK) {
        LOG(LOG_LEVEL_ERROR, EVENT_ACCESS_REFUSED, F("namespaces", access->namespace_count),
            F("principals", access->principal_count), F_STATUS("status", status));
        access_unload(access);
    }
    return status;
}
