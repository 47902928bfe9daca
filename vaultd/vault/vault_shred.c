/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a shredded namespace; its rows are vault_sweep.c's. */
#include "vault_shred.h"

#include "failpoint.h"
#include "vault_internal.h"
#include "vault_rekey_internal.h"

static size_t
list_keys(const struct vault *vault, enum rotated_key purpose, uint32_t namespace_id,
          struct vault_key *ret_keys)
{
    struct key_name name = {(enum key_purpose)purpose, namespace_id, 0};
    size_t index = keyring_index_of(vault->keyring, name);
    size_t count = 0;
    uint64_t created_ms;

    while (count < VAULT_SHRED_KEYS_MAX / 2 &&
           keyring_at(vault->keyring, index++, &name, &created_ms) &&
           (int)name.purpose == (int)purpose && name.namespace_id == namespace_id) {
        ret_keys[count++] = (struct vault_key){purpose, namespace_id, name.number};
    }
    return count;
}

size_t
vault_shred_keys_left(const struct vault *vault, uint32_t namespace_id, struct vault_key *ret_keys)
{
    size_t count = list_keys(vault, ROTATED_DATA, namespace_id, ret_keys);

    return count + list_keys(vault, ROTATED_INDEX, namespace_id, ret_keys + count);
}

static enum status
remove_all(struct vault *vault, const struct vault_key *keys, size_t count)
{
    struct key_name names[VAULT_SHRED_KEYS_MAX];
    enum status status;

    for (size_t i = 0; i < count; i++) {
        names[i] = (struct key_name){(enum key_purpose)keys[i].purpose, keys[i].namespace_id,
                                     keys[i].number};
    }
    status = vault_keys_remove(vault, names, count);
    /* The file is without them: what the store could not take is settled by the next change. */
    return status != STATUS_OK && !vault_failed(vault) && !keyring_has(vault->keyring, names[0])
               ? STATUS_OK
               : status;
}

enum status
vault_shred_keys(struct vault *vault, uint32_t namespace_id)
{
    struct vault_key keys[VAULT_SHRED_KEYS_MAX];
    enum status status = STATUS_OK;
    size_t count;

    if (!keyring_is_unsealed(vault->keyring)) {
        return STATUS_SEALED;
    }
    CRASH_POINT("shred_keys_leave");
    while (status == STATUS_OK && (count = vault_shred_keys_left(vault, namespace_id, keys)) > 0) {
        status = remove_all(vault, keys, count);
    }
    CRASH_POINT("shred_keys_left");
    return status;
}
