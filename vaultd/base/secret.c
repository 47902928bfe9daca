/* SPDX-License-Identifier: Apache-2.0 */
#include "secret.h"

#include <assert.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct secret {
    uint8_t *data;
    size_t size;
    bool frozen;
};

enum status
secret_new(size_t size, struct secret **ret_secret)
{
    struct secret *secret = calloc(1, sizeof *secret);

    if (secret == NULL) {
        return STATUS_INTERNAL;
    }
    secret->data = sodium_malloc(size);
    /* sodium_malloc goes on when its mlock fails; ask again, so that we know. */
    if (secret->data == NULL || sodium_mlock(secret->data, size) != 0) {
        sodium_free(secret->data);
        free(secret);
        return STATUS_UNAVAILABLE;
    }
    sodium_memzero(secret->data, size);
    secret->size = size;
    *ret_secret = secret;
    return STATUS_OK;
}

void
secret_free(struct secret **secret)
{
    if (*secret != NULL) {
        sodium_free((*secret)->data);
        free(*secret);
        *secret = NULL;
    }
}

size_t
secret_size(const struct secret *secret)
{
    return secret->size;
}

uint8_t *
secret_write(struct secret *secret)
{
    assert(!secret->frozen);
    return secret->data;
}

const uint8_t *
secret_read(const struct secret *secret)
{
    return secret->data;
}

void
secret_freeze(struct secret *secret)
{
    int failed = sodium_mprotect_readonly(secret->data);

    assert(failed == 0);
    secret->frozen = true;
}

enum status
secret_copy(const uint8_t *bytes, size_t size, struct secret **ret_secret)
{
    struct secret *copy = NULL;
    enum status status = secret_new(size, &copy);

    if (status == STATUS_OK) {
        memcpy(secret_write(copy), bytes, size);
        secret_freeze(copy);
        *ret_secret = copy;
    }
    return status;
}
