/* SPDX-License-Identifier: Apache-2.0 */
#include "slot.h"

#include <string.h>

enum {
    KIND_BYTES = 1,
    PASSES_OFFSET = KIND_BYTES + UNSEAL_SALT_BYTES,
    MEMORY_OFFSET = PASSES_OFFSET + 4,
    PASSPHRASE_BYTES = MEMORY_OFFSET + 4,
    THRESHOLD_OFFSET = KIND_BYTES + UNSEAL_SET_BYTES,
    SHARES_OFFSET,
    SHARES_BYTES,
};
_Static_assert((int)PASSPHRASE_BYTES == (int)UNSEAL_SLOT_BYTES_MAX &&
                   (int)SHARES_BYTES <= (int)UNSEAL_SLOT_BYTES_MAX,
               "the longest slot");

size_t
slot_write(const struct unseal_slot *slot, uint8_t *to)
{
    to[0] = (uint8_t)slot->provider;
    switch (slot->provider) {
    case UNSEAL_PASSPHRASE:
        memcpy(to + KIND_BYTES, slot->salt, UNSEAL_SALT_BYTES);
        put_u32(to + PASSES_OFFSET, slot->passes);
        put_u32(to + MEMORY_OFFSET, slot->memory_kib);
        return PASSPHRASE_BYTES;
    case UNSEAL_SHARES:
        memcpy(to + KIND_BYTES, slot->set, UNSEAL_SET_BYTES);
        to[THRESHOLD_OFFSET] = slot->threshold;
        to[SHARES_OFFSET] = slot->shares;
        return SHARES_BYTES;
    case UNSEAL_KEYFILE:
        break;
    }
    return KIND_BYTES;
}

static bool
read_passphrase(struct bytes bytes, struct unseal_slot *slot)
{
    if (bytes.size != PASSPHRASE_BYTES) {
        return false;
    }
    memcpy(slot->salt, bytes.data + KIND_BYTES, UNSEAL_SALT_BYTES);
    slot->passes = get_u32(bytes.data + PASSES_OFFSET);
    slot->memory_kib = get_u32(bytes.data + MEMORY_OFFSET);
    return slot->passes >= UNSEAL_PASSES_MIN && slot->passes <= UNSEAL_PASSES_MAX &&
           slot->memory_kib >= UNSEAL_MEMORY_KIB_MIN && slot->memory_kib <= UNSEAL_MEMORY_KIB_MAX;
}

static bool
read_shares(struct bytes bytes, struct unseal_slot *slot)
{
    if (bytes.size != SHARES_BYTES) {
        return false;
    }
    memcpy(slot->set, bytes.data + KIND_BYTES, UNSEAL_SET_BYTES);
    slot->threshold = bytes.data[THRESHOLD_OFFSET];
    slot->shares = bytes.data[SHARES_OFFSET];
    return slot->threshold >= UNSEAL_THRESHOLD_MIN && slot->threshold <= slot->shares &&
           slot->shares <= UNSEAL_SHARES_MAX;
}

bool
slot_read(struct bytes bytes, struct unseal_slot *ret_slot)
{
    struct unseal_slot slot = {.provider = UNSEAL_KEYFILE};
    bool sound = false;

    if (bytes.size == 0) {
        return false;
    }
    switch (bytes.data[0]) {
    case UNSEAL_KEYFILE:
        sound = bytes.size == KIND_BYTES;
        break;
    case UNSEAL_PASSPHRASE:
        slot.provider = UNSEAL_PASSPHRASE;
        sound = read_passphrase(bytes, &slot);
        break;
    case UNSEAL_SHARES:
        slot.provider = UNSEAL_SHARES;
        sound = read_shares(bytes, &slot);
        break;
    default:
        break;
    }
    if (sound) {
        *ret_slot = slot;
    }
    return sound;
}
