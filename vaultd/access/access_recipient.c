/* SPDX-License-Identifier: Apache-2.0 */
/* Whom backups are sealed to. */
#include "access_change.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "access_internal.h"
#include "clock.h"

_Static_assert((int)PUBLIC_KEY_BYTES == (int)crypto_scalarmult_BYTES, "X25519");

const struct recipient *
access_recipient_at(const struct access *access, size_t index)
{
    assert(index < access->recipient_count);
    return &access->recipients[index]->recipient;
}

size_t
access_recipient_count(const struct access *access)
{
    return access->recipient_count;
}

static bool
are_alike(const struct recipient *one, const struct recipient *other)
{
    return !one->removed && !other->removed &&
           (strcmp(one->name, other->name) == 0 ||
            memcmp(one->public_key, other->public_key, PUBLIC_KEY_BYTES) == 0);
}

bool
access_recipients_different(const struct access *access)
{
    for (size_t i = 0; i < access->recipient_count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (are_alike(&access->recipients[i]->recipient, &access->recipients[j]->recipient)) {
                return false;
            }
        }
    }
    return true;
}

/* Where it can stand: in the place of one that was removed, else behind all; 0: nowhere. */
static uint32_t
find_number(const struct access *access)
{
    for (size_t i = 0; i < access->recipient_count; i++) {
        if (access->recipients[i]->recipient.removed) {
            return (uint32_t)i + 1;
        }
    }
    return access->recipient_count == ACCESS_RECIPIENTS_MAX ? 0
                                                            : (uint32_t)access->recipient_count + 1;
}

/* Nothing can be sealed to a point of low order: whatever the secret, all would share one key. */
static bool
is_key(const uint8_t *public_key)
{
    static const uint8_t any_secret[crypto_scalarmult_SCALARBYTES] = {1};
    uint8_t shared[crypto_scalarmult_BYTES];

    return crypto_scalarmult(shared, any_secret, public_key) == 0;
}

static const char *
find_fault(const struct access *access, const struct recipient *recipient)
{
    for (size_t i = 0; i < access->recipient_count; i++) {
        if (are_alike(recipient, &access->recipients[i]->recipient)) {
            return strcmp(recipient->name, access->recipients[i]->recipient.name) == 0
                       ? "there is a recipient of this name"
                       : "this key is a recipient already";
        }
    }
    return NULL;
}

enum status
access_prepare_recipient(struct access *access, struct bytes name, const uint8_t *public_key,
                         struct access_change **ret_change, const char **ret_fault)
{
    struct recipient recipient = {.number = find_number(access), .created_ms = clock_wall_ms()};
    struct access_entry entry = {0};
    const char *fault;

    if (!access_name_valid(name)) {
        return access_refuse(
            STATUS_INVALID,
            "a recipient's name is 1 to 64 of a-z 0-9 . _ -, the first a letter or digit",
            ret_fault);
    }
    if (!is_key(public_key)) {
        return access_refuse(STATUS_INVALID, "this is no X25519 public key", ret_fault);
    }
    if (recipient.number == 0) {
        return access_refuse(STATUS_TOO_LARGE, "there are 16 recipients: remove one", ret_fault);
    }
    memcpy(recipient.name, name.data, name.size);
    memcpy(recipient.public_key, public_key, PUBLIC_KEY_BYTES);
    fault = find_fault(access, &recipient);
    if (fault != NULL) {
        return access_refuse(STATUS_CONFLICT, fault, ret_fault);
    }
    entry.recipient = calloc(1, sizeof *entry.recipient);
    if (entry.recipient == NULL) {
        return access_refuse(STATUS_INTERNAL, "out of memory", ret_fault);
    }
    entry.recipient->recipient = recipient;
    return access_prepare(access, &entry, false, ret_change, ret_fault);
}

static const struct recipient_entry *
find_recipient(const struct access *access, struct bytes name)
{
    for (size_t i = 0; i < access->recipient_count; i++) {
        const struct recipient *recipient = &access->recipients[i]->recipient;

        if (!recipient->removed && bytes_equal(bytes_of_text(recipient->name), name)) {
            return access->recipients[i];
        }
    }
    return NULL;
}

enum status
access_prepare_recipient_removal(struct access *access, struct bytes name,
                                 struct access_change **ret_change, const char **ret_fault)
{
    const struct recipient_entry *found = find_recipient(access, name);
    struct access_entry entry = {0};

    if (found == NULL) {
        return access_refuse(STATUS_NOT_FOUND, "there is no such recipient", ret_fault);
    }
    entry.recipient = malloc(sizeof *entry.recipient);
    if (entry.recipient == NULL) {
        return access_refuse(STATUS_INTERNAL, "out of memory", ret_fault);
    }
    *entry.recipient = *found;
    entry.recipient->recipient.removed = true;
    return access_prepare(access, &entry, true, ret_change, ret_fault);
}
