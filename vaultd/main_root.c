/* SPDX-License-Identifier: Apache-2.0 */
#include "main_root.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "secret.h"
#include "share.h"
#include "startup_text.h"
#include "unseal.h"

#define PASSPHRASE "passphrase:"
#define SHARES "shares:"

/* K/N; a set of its own. */
static bool
parse_shares(const char *text, struct unseal_slot *slot)
{
    unsigned threshold = 0, shares = 0;
    char end;

    if (sscanf(text, SHARES "%2u/%2u%c", &threshold, &shares, &end) != 2 || sodium_init() < 0) {
        return false;
    }
    *slot = (struct unseal_slot){
        .provider = UNSEAL_SHARES, .threshold = (uint8_t)threshold, .shares = (uint8_t)shares};
    randombytes_buf(slot->set, sizeof slot->set);
    return threshold >= UNSEAL_THRESHOLD_MIN && threshold <= shares && shares <= UNSEAL_SHARES_MAX;
}

void
root_split(const struct unseal_slot *slot, const struct secret *root, struct share *ret_shares)
{
    uint8_t random[(SHARES_MAX - 1) * SHARE_KEY_BYTES];

    randombytes_buf(random, sizeof random);
    share_split(secret_read(root), slot->set, slot->threshold, slot->shares, random, ret_shares);
    sodium_memzero(random, sizeof random);
}

bool
root_parse(const char *text, struct unseal_slot *ret_slot)
{
    const char *hex = text + strlen(PASSPHRASE);
    uint8_t bytes[UNSEAL_SLOT_BYTES_MAX];
    size_t size = 0;

    if (strcmp(text, "keyfile") == 0) {
        *ret_slot = (struct unseal_slot){.provider = UNSEAL_KEYFILE};
        return true;
    }
    if (strncmp(text, SHARES, strlen(SHARES)) == 0) {
        return parse_shares(text, ret_slot);
    }
    return strncmp(text, PASSPHRASE, strlen(PASSPHRASE)) == 0 &&
           sodium_hex2bin(bytes, sizeof bytes, hex, strlen(hex), NULL, &size, NULL) == 0 &&
           slot_read(bytes_of(bytes, size), ret_slot) && ret_slot->provider == UNSEAL_PASSPHRASE;
}

/* Straight into guarded memory. */
static bool
read_whole(struct secret *root)
{
    uint8_t more;
    size_t done = 0;

    while (done < ROOT_KEY_BYTES) {
        ssize_t got = read(STDIN_FILENO, secret_write(root) + done, ROOT_KEY_BYTES - done);

        if (got == 0 || (got < 0 && errno != EINTR)) {
            return false;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return read(STDIN_FILENO, &more, 1) == 0;
}

bool
root_read_stdin(struct secret **ret_root)
{
    struct secret *root = NULL;

    if (secret_new(ROOT_KEY_BYTES, &root) != STATUS_OK) {
        startup_say("no memory for the root key");
        return false;
    }
    if (!read_whole(root)) {
        startup_say("stdin has no root key, which is 32 bytes; vaultctl gives it one");
        secret_free(&root);
        return false;
    }
    secret_freeze(root);
    *ret_root = root;
    return true;
}

static bool
make_nowhere(struct secret **ret_root)
{
    struct secret *root = NULL;

    if (secret_new(ROOT_KEY_BYTES, &root) != STATUS_OK) {
        startup_say("no memory for the root key");
        return false;
    }
    randombytes_buf(secret_write(root), ROOT_KEY_BYTES);
    secret_freeze(root);
    *ret_root = root;
    return true;
}

bool
root_make(const struct unseal_slot *slot, const char *key_file, struct secret **ret_root)
{
    if (slot->provider == UNSEAL_PASSPHRASE) {
        return root_read_stdin(ret_root);
    }
    if (slot->provider == UNSEAL_SHARES) {
        return make_nowhere(ret_root);
    }
    if (unseal_keyfile_create(key_file, ret_root) != STATUS_OK) {
        startup_say("the key file cannot be written");
        return false;
    }
    return true;
}
