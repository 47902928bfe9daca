/* SPDX-License-Identifier: Apache-2.0 */
#include "hello.h"

#include <string.h>

#include "bytes.h"

void
hello_transcript(const struct hello *hello, uint8_t ret_transcript[static HELLO_TRANSCRIPT_BYTES])
{
    uint8_t *at = ret_transcript;

    at = (uint8_t *)mempcpy(at, HELLO_CONTEXT, HELLO_CONTEXT_BYTES);
    at = (uint8_t *)mempcpy(at, hello->instance_id, INSTANCE_ID_BYTES);
    at = (uint8_t *)mempcpy(at, hello->public_key, PUBLIC_KEY_BYTES);
    at = (uint8_t *)mempcpy(at, hello->client_nonce, NONCE_BYTES);
    at = (uint8_t *)mempcpy(at, hello->vault_nonce, NONCE_BYTES);
    put_u32(at, hello->uid);
}
