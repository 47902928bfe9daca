/* SPDX-License-Identifier: Apache-2.0 */
#include "main_root.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "secret.h"
#include "startup_text.h"
#include "unseal.h"

#define PASSPHRASE "passphrase:"

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

static bool
read_root(struct secret **ret_root)
{
    struct secret *root = NULL;

    if (secret_new(ROOT_KEY_BYTES, &root) != STATUS_OK) {
        startup_say("no memory for the root key");
        return false;
    }
    if (!read_whole(root)) {
        startup_say("stdin has no root key, which is 32 bytes; vaultctl init --unseal passphrase "
                    "gives it one");
        secret_free(&root);
        return false;
    }
    secret_freeze(root);
    *ret_root = root;
    return true;
}

bool
root_make(const struct unseal_slot *slot, const char *key_file, struct secret **ret_root)
{
    if (slot->provider == UNSEAL_PASSPHRASE) {
        return read_root(ret_root);
    }
    if (unseal_keyfile_create(key_file, ret_root) != STATUS_OK) {
        startup_say("the key file cannot be written");
        return false;
    }
    return true;
}
