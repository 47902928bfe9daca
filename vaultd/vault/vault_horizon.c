/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_horizon.h"

#include "clock.h"
#include "vault_internal.h"

uint64_t
vault_root_since(const struct vault *vault)
{
    uint64_t since_ms = 0;

    return keyring_created(vault->keyring, (struct key_name){KEY_DATE_ROOT, 0, 1}, &since_ms)
               ? since_ms
               : 0;
}

static uint64_t
now_ms(void)
{
    uint64_t wall_ms = clock_wall_ms();
    uint64_t vault_ms = clock_vault_ms();

    return wall_ms < vault_ms ? wall_ms : vault_ms;
}

/*
 * The date of the oldest of a namespace's keys of that purpose; VAULT_HORIZON_ALL: there is none. 0
 * where a clock was wrong when one was made: a date is yet to come, or is later than that of a key
 * made after it.
 */
static uint64_t
oldest_of(const struct vault *vault, enum key_purpose purpose, uint32_t namespace_id)
{
    struct key_name name = {purpose, namespace_id, 0};
    size_t index = keyring_index_of(vault->keyring, name);
    uint64_t oldest_ms = VAULT_HORIZON_ALL;
    uint64_t before_ms = 0;
    uint64_t created_ms;

    while (keyring_at(vault->keyring, index++, &name, &created_ms) && name.purpose == purpose &&
           name.namespace_id == namespace_id) {
        if (created_ms > now_ms() || created_ms < before_ms) {
            return 0;
        }
        oldest_ms = oldest_ms == VAULT_HORIZON_ALL ? created_ms : oldest_ms;
        before_ms = created_ms;
    }
    return oldest_ms;
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

struct vault_horizon
vault_horizon_of(const struct vault *vault, uint32_t namespace_id)
{
    struct vault_horizon horizon = {
        .keys_ms = earlier(oldest_of(vault, KEY_DATA, namespace_id),
                           oldest_of(vault, KEY_INDEX, namespace_id)),
    };

    if (vault_root_since(vault) != 0) {
        horizon.pages_ms = earlier(horizon.keys_ms, oldest_of(vault, KEY_DATE_GONE, namespace_id));
    }
    return horizon;
}
