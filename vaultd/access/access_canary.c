/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which contacts are canaries. The mark stands here and not in the contact's record, whose header
 * is clear on disk: among records, tokens and masks a canary is like any other.
 */
#include "access_change.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "access_internal.h"
#include "clock.h"

const struct canary *
access_canary_at(const struct access *access, size_t index)
{
    assert(index < access->canary_count);
    return &access->canaries[index]->canary;
}

size_t
access_canary_count(const struct access *access)
{
    return access->canary_count;
}

static int
compare_tokens(const void *a, const void *b)
{
    const struct canary_entry *const *left = a;
    const struct canary_entry *const *right = b;

    return memcmp((*left)->canary.token, (*right)->canary.token, TOKEN_BYTES);
}

void
access_sort_canaries(struct access *access)
{
    access->canaries_set = 0;
    for (size_t i = 0; i < access->canary_count; i++) {
        if (!access->canaries[i]->canary.removed) {
            access->canaries_by_token[access->canaries_set++] = access->canaries[i];
        }
    }
    qsort(access->canaries_by_token, access->canaries_set, sizeof(void *), compare_tokens);
}

bool
access_canaries_sound(const struct access *access)
{
    for (size_t i = 0; i < access->canary_count; i++) {
        if (access->canaries[i]->canary.namespace_id > access->namespace_count) {
            return false;
        }
    }
    for (size_t i = 1; i < access->canaries_set; i++) {
        if (compare_tokens(&access->canaries_by_token[i - 1], &access->canaries_by_token[i]) == 0) {
            return false;
        }
    }
    return true;
}

static const struct canary_entry *
find_canary(const struct access *access, const uint8_t token[static TOKEN_BYTES])
{
    struct canary_entry wanted;
    const struct canary_entry *key = &wanted;
    struct canary_entry *const *found;

    if (access->canaries_set == 0) {
        return NULL;
    }
    memcpy(wanted.canary.token, token, TOKEN_BYTES);
    found = bsearch(&key, access->canaries_by_token, access->canaries_set, sizeof(void *),
                    compare_tokens);
    return found == NULL ? NULL : *found;
}

const struct canary *
access_canary_of(const struct access *access, const uint8_t token[static TOKEN_BYTES])
{
    const struct canary_entry *found = find_canary(access, token);

    return found == NULL ? NULL : &found->canary;
}

/* Where it can stand: in the place of one that was removed, else behind all; 0: nowhere. */
static uint32_t
find_number(const struct access *access)
{
    for (size_t i = 0; i < access->canary_count; i++) {
        if (access->canaries[i]->canary.removed) {
            return (uint32_t)i + 1;
        }
    }
    return access->canary_count == ACCESS_CANARIES_MAX ? 0 : (uint32_t)access->canary_count + 1;
}

bool
access_canaries_full(const struct access *access)
{
    return find_number(access) == 0;
}

enum status
access_prepare_canary(struct access *access, const struct canary *spec,
                      struct access_change **ret_change, const char **ret_fault)
{
    struct access_entry entry = {0};

    if (find_canary(access, spec->token) != NULL) {
        return access_refuse(STATUS_CONFLICT, "this contact is a canary already", ret_fault);
    }
    if (find_number(access) == 0) {
        return access_refuse(STATUS_TOO_LARGE, "there are 256 canaries: remove one", ret_fault);
    }
    entry.canary = calloc(1, sizeof *entry.canary);
    if (entry.canary == NULL) {
        return access_refuse(STATUS_INTERNAL, "out of memory", ret_fault);
    }
    entry.canary->canary = *spec;
    entry.canary->canary.number = find_number(access);
    entry.canary->canary.removed = false;
    entry.canary->canary.created_ms = clock_wall_ms();
    return access_prepare(access, &entry, false, ret_change, ret_fault);
}

enum status
access_prepare_canary_removal(struct access *access, const uint8_t token[static TOKEN_BYTES],
                              struct access_change **ret_change, const char **ret_fault)
{
    const struct canary_entry *found = find_canary(access, token);
    struct access_entry entry = {0};

    if (found == NULL) {
        return access_refuse(STATUS_NOT_FOUND, "there is no such canary", ret_fault);
    }
    entry.canary = malloc(sizeof *entry.canary);
    if (entry.canary == NULL) {
        return access_refuse(STATUS_INTERNAL, "out of memory", ret_fault);
    }
    *entry.canary = *found;
    entry.canary->canary.removed = true;
    return access_prepare(access, &entry, false, ret_change, ret_fault);
}
