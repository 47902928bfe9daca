/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault_horizon.h: what was erased before when can be read from what. Any thread.
 *
 * A contact that is gone from the rows was sealed, and indexed, under keys made before it went;
 * what is left of it (free pages, old files) opens with those alone. So it is out of reach of every
 * set of keys that were all made afterwards. Times are those that keys are dated by
 * (keyring_created), which are never later than the log's; what an entry of the log dates before a
 * horizon was erased before it.
 */
#ifndef CONTACT_VAULT_VAULT_HORIZON_H
#define CONTACT_VAULT_VAULT_HORIZON_H

#include <stdint.h>

struct vault;

/* ms since 1970. 0: of nothing can it be said. VAULT_HORIZON_ALL: of everything. */
#define VAULT_HORIZON_ALL UINT64_MAX
struct vault_horizon {
    /* Erased before: opens with no key that the keyring has. */
    uint64_t keys_ms;
    /* Erased before: opens with no key in any keyring file, however old, that the present root key
     * opens. Never later than keys_ms. */
    uint64_t pages_ms;
};
/* Of one namespace, shredded or not. Unsealed. */
struct vault_horizon vault_horizon_of(const struct vault *vault, uint32_t namespace_id);
/* Since when the present root key is in use; 0: nobody knows. */
uint64_t vault_root_since(const struct vault *vault);

#endif
