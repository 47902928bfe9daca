/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slot.h: an unseal slot: how the root key is got. The same bytes stand in the keyring's header and
 * on the wire: kind (u8, enum unseal_provider), then its parameters:
 *
 *   key file     nothing
 *   passphrase   salt (16), passes (u32), memory in KiB (u32), of Argon2id 1.3 on one lane, 32
 *                bytes out
 *   shares       set (10), threshold (u8), how many were made (u8)
 *
 * No secret is in it. Bounds are kept by whoever reads: too weak a derivation is not believed, and
 * too costly a one is not begun.
 */
#ifndef CONTACT_VAULT_SLOT_H
#define CONTACT_VAULT_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bounds.h"
#include "bytes.h"
#include "kind.h"

struct unseal_slot {
    enum unseal_provider provider;
    /* a passphrase */
    uint8_t salt[UNSEAL_SALT_BYTES];
    uint32_t passes, memory_kib;
    /* shares */
    uint8_t set[UNSEAL_SET_BYTES];
    uint8_t threshold, shares;
};

/* Into room for UNSEAL_SLOT_BYTES_MAX; gives how many there are. */
size_t slot_write(const struct unseal_slot *slot, uint8_t *to);
/* False: no such kind, another size, or out of bounds. */
bool slot_read(struct bytes bytes, struct unseal_slot *ret_slot);

#endif
