/* SPDX-License-Identifier: Apache-2.0 */
/* hello.h: the bytes a client signs to prove its key (PROTOCOL.md, "Identity"; RFC 8032 Ed25519).
 */
#ifndef CONTACT_VAULT_HELLO_H
#define CONTACT_VAULT_HELLO_H

#include <stdint.h>

#include "bounds.h"

#define HELLO_CONTEXT "contact-vault hello 1"

enum {
    HELLO_CONTEXT_BYTES = sizeof HELLO_CONTEXT, /* with its NUL */
    HELLO_TRANSCRIPT_BYTES =
        HELLO_CONTEXT_BYTES + INSTANCE_ID_BYTES + PUBLIC_KEY_BYTES + NONCE_BYTES + NONCE_BYTES + 4,
};

struct hello {
    const uint8_t *instance_id;  /* INSTANCE_ID_BYTES */
    const uint8_t *public_key;   /* PUBLIC_KEY_BYTES: who it says it is */
    const uint8_t *client_nonce; /* NONCE_BYTES */
    const uint8_t *vault_nonce;  /* NONCE_BYTES */
    uint32_t uid;                /* the client's own effective uid, as the kernel will say it */
};

void hello_transcript(const struct hello *hello,
                      uint8_t ret_transcript[static HELLO_TRANSCRIPT_BYTES]);

#endif
