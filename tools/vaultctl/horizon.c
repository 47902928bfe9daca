/* SPDX-License-Identifier: Apache-2.0 */
#include "horizon.h"

#include <stdio.h>

#include "vaultctl.h"

void
horizon_start(struct horizon *horizon)
{
    *horizon = (struct horizon){.keys_ms = UINT64_MAX, .disk_ms = UINT64_MAX};
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void
horizon_add(struct horizon *horizon, const struct cv_key *key)
{
    horizon->keys_ms = earlier(horizon->keys_ms, key->keys_horizon_ms);
    horizon->disk_ms = earlier(horizon->disk_ms, key->disk_horizon_ms);
}

void
horizon_add_whole(struct horizon *horizon, const struct cv_reply *reply)
{
    horizon->disk_ms = earlier(horizon->disk_ms, reply->disk_horizon_ms);
}

/* False: there is nothing to be said of it. */
static bool
print_one(uint64_t time_ms, const char *what)
{
    char text[TIME_TEXT_BYTES];

    if (time_ms == 0 || time_ms == UINT64_MAX) {
        return false;
    }
    time_print_short(time_ms, text);
    printf("erased before %s: %s\n", text, what);
    return true;
}

void
horizon_print(const struct horizon *horizon)
{
    char since[TIME_TEXT_BYTES];

    if (horizon->keys_ms == UINT64_MAX && horizon->disk_ms == UINT64_MAX) {
        return;
    }
    if (!print_one(horizon->keys_ms, "opens with no key that the vault has (later: key rotate "
                                     "data, key rotate index)")) {
        (void)puts("erased: a clock was wrong when a key was made, so nobody knows what opens with "
                   "it: key rotate data, key rotate index");
    }
    if (!print_one(horizon->disk_ms, "nor with any old page of this disk and the present root key "
                                     "(later: then key rotate root)")) {
        (void)puts("of old pages of this disk nothing can be said until the root key is replaced");
    }
    if (horizon->root_since_ms > 0) {
        time_print_short(horizon->root_since_ms, since);
        printf("root key: in use since %s; backups open with the root key of their time\n", since);
    }
}

static json_t *
time_json(uint64_t time_ms)
{
    char text[TIME_TEXT_BYTES];

    if (time_ms == 0 || time_ms == UINT64_MAX) {
        return json_null();
    }
    time_print(time_ms, text);
    return json_string(text);
}

json_t *
horizon_json(const struct horizon *horizon)
{
    return json_pack("{s:o, s:o, s:o}", "keys", time_json(horizon->keys_ms), "disk",
                     time_json(horizon->disk_ms), "root_since", time_json(horizon->root_since_ms));
}
