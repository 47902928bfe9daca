/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_keyring: a keyring file is whatever the disk gives back. The first byte of the input says
 * whether the check is made anew, so that the fuzzer gets past it. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "keyring_file.h"
#include "secret.h"
#include "slot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where the header would end, by what its slots say of their sizes; 0: past the file. */
static size_t
header_size(const uint8_t *file, size_t size)
{
    size_t at = KEYRING_HEADER_FIXED_BYTES;

    for (unsigned slots = size >= at ? file[at - 1] : 0; slots > 0; slots--) {
        if (size < at + 3) {
            return 0;
        }
        at += 3 + (size_t)get_u16(file + at + 1);
    }
    return at;
}

static void
make_check_anew(uint8_t *file, size_t size)
{
    size_t header = header_size(file, size);
    size_t at = header + KEYRING_NONCE_BYTES + KEYRING_KEY_BYTES;

    if (header > 0 && size >= at + KEYRING_CHECK_BYTES) {
        (void)crypto_generichash(file + at, KEYRING_CHECK_BYTES, file, at, NULL, 0);
    }
}

/* What was read of the slots, and what is written of them, is the same. */
static void
check_slot(const struct keyring_header *header)
{
    struct keyring_header changed = *header;
    struct unseal_slot slot, again;

    memset(&slot, 0, sizeof slot);
    memset(&again, 0, sizeof again);
    keyring_header_slot(header, &slot);
    keyring_header_set_slot(&changed, &slot);
    keyring_header_slot(&changed, &again);
    if (memcmp(&slot, &again, sizeof slot) != 0 || changed.size > header->size) {
        abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct secret *root;
    struct keyring_header header;
    struct secret *keys = NULL;
    uint8_t *file;

    if (root == NULL && (sodium_init() < 0 || secret_new(ROOT_KEY_BYTES, &root) != STATUS_OK)) {
        abort();
    }
    if (size < 2) {
        return 0;
    }
    file = malloc(size - 1);
    if (file == NULL) {
        return 0;
    }
    memcpy(file, data + 1, size - 1);
    if ((data[0] & 1) != 0) {
        make_check_anew(file, size - 1);
    }
    if (keyring_file_parse(bytes_of(file, size - 1), &header) == STATUS_OK) {
        check_slot(&header);
        if (keyring_file_unseal(bytes_of(file, size - 1), &header, root, &keys) == STATUS_OK) {
            abort(); /* nobody sealed this under a root key of zeros */
        }
    }
    free(file);
    return 0;
}
