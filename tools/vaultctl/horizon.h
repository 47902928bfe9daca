/* SPDX-License-Identifier: Apache-2.0 */
/* horizon.h: what was erased before when is out of reach of what, over the keys of key status. */
#ifndef CONTACT_VAULT_HORIZON_H
#define CONTACT_VAULT_HORIZON_H

#include <stdbool.h>
#include <stdint.h>

#include <contactvault.h>
#include <jansson.h>

/* 0: of nothing it is known. UINT64_MAX: there was no key yet. */
struct horizon {
    uint64_t keys_ms, disk_ms;
    uint64_t root_since_ms; /* 0: not told */
};

void horizon_start(struct horizon *horizon);
void horizon_add(struct horizon *horizon, const struct cv_key *key);
/* What an admin is told of the whole vault: of shredded namespaces, too. */
void horizon_add_whole(struct horizon *horizon, const struct cv_reply *reply);
/* In words, on stdout. */
void horizon_print(const struct horizon *horizon);
/* {"keys": ..., "disk": ..., "root_since": ...}; null: nobody knows. */
json_t *horizon_json(const struct horizon *horizon);

#endif
