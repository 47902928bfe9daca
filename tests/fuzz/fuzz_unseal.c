/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What unseals, from whoever gives it: an unseal slot (of a header or the wire), a share as bytes
 * (of the wire), the same with its check made right, shares as they are typed, a line each. The
 * first byte says which. What is taken is within its bounds, and is written again as it stood
 * there.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "share.h"
#include "slot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void
check_slot(struct bytes bytes)
{
    uint8_t again[UNSEAL_SLOT_BYTES_MAX];
    struct unseal_slot slot = {0};

    if (!slot_read(bytes, &slot)) {
        return;
    }
    must(bytes_equal(bytes_of(again, slot_write(&slot, again)), bytes));
    must(slot.provider == UNSEAL_KEYFILE || slot.provider == UNSEAL_PASSPHRASE ||
         slot.provider == UNSEAL_SHARES);
    if (slot.provider == UNSEAL_PASSPHRASE) {
        must(slot.passes >= 3 && slot.memory_kib >= 256 * 1024 && slot.passes <= 64 &&
             slot.memory_kib <= 4 * 1024 * 1024);
    }
    if (slot.provider == UNSEAL_SHARES) {
        must(slot.threshold >= 2 && slot.threshold <= slot.shares && slot.shares <= 16);
    }
}

static void
must_be_sound(const struct share *share)
{
    char text[SHARE_TEXT_BYTES];
    uint8_t bytes[SHARE_BYTES];
    struct share again;

    must(share->threshold >= SHARE_THRESHOLD_MIN && share->threshold <= share->total &&
         share->total <= SHARES_MAX && share->number >= 1 && share->number <= share->total);
    share_print(share, text);
    must(strlen(text) == SHARE_TEXT_BYTES - 1);
    must(share_parse(text, &again) == SHARE_FINE && memcmp(&again, share, sizeof again) == 0);
    share_write(share, bytes);
    must(share_read(bytes, sizeof bytes, &again) == SHARE_FINE &&
         memcmp(&again, share, sizeof again) == 0);
}

static void
check_bytes(const uint8_t *data, size_t size)
{
    struct share share;

    if (share_read(data, size, &share) == SHARE_FINE) {
        must(size == SHARE_BYTES);
        must_be_sound(&share);
    }
}

/* A CRC is no obstacle to whoever means it. */
static void
check_fields(const uint8_t *data, size_t size)
{
    uint8_t bytes[SHARE_BYTES];
    struct share share = {0};

    memcpy(&share, data, size < sizeof share ? size : sizeof share);
    share_write(&share, bytes);
    check_bytes(bytes, sizeof bytes);
}

/* As the vault takes them: each has to fit beside those before it; enough give a key. */
static void
check_typed(const char *text)
{
    struct share shares[SHARES_MAX];
    uint8_t key[SHARE_KEY_BYTES];
    size_t count = 0;

    while (*text != '\0' && count < SHARES_MAX) {
        size_t size = strcspn(text, "\n");
        char *line = strndup(text, size);

        must(line != NULL);
        if (share_parse(line, &shares[count]) == SHARE_FINE) {
            must_be_sound(&shares[count]);
            count += share_fits(shares, count, &shares[count]) == SHARE_FINE;
        }
        free(line);
        text += size + (text[size] == '\n');
        if (count > 0 && count == shares[0].threshold) {
            share_combine(shares, key);
            count = 0;
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text;

    if (size == 0) {
        return 0;
    }
    switch (data[0] % 4) {
    case 0:
        check_slot(bytes_of(data + 1, size - 1));
        break;
    case 1:
        check_bytes(data + 1, size - 1);
        break;
    case 2:
        check_fields(data + 1, size - 1);
        break;
    default:
        text = strndup((const char *)data + 1, size - 1);
        must(text != NULL);
        check_typed(text);
        free(text);
        break;
    }
    return 0;
}
