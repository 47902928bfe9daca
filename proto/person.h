/* SPDX-License-Identifier: Apache-2.0 */
/*
 * person.h: the bytes a person's keys sign when she enrols and when she logs in (PROTOCOL.md,
 * "People"; RFC 8032 Ed25519). As in hello.h each context ends with its NUL.
 */
#ifndef CONTACT_VAULT_PERSON_H
#define CONTACT_VAULT_PERSON_H

#include <stddef.h>
#include <stdint.h>

#include "bounds.h"
#include "bytes.h"

#define ENROL_CONTEXT "contact-vault enrol 1"
#define SESSION_CONTEXT "contact-vault session 1"

enum {
    ENROL_CONTEXT_BYTES = sizeof ENROL_CONTEXT,
    ENROL_TRANSCRIPT_BYTES_MAX = ENROL_CONTEXT_BYTES + INSTANCE_ID_BYTES + NONCE_BYTES +
                                 PUBLIC_KEY_BYTES + 4 + 1 + NAME_BYTES_MAX,
    SESSION_CONTEXT_BYTES = sizeof SESSION_CONTEXT,
    SESSION_TRANSCRIPT_BYTES =
        SESSION_CONTEXT_BYTES + INSTANCE_ID_BYTES + CONNECTION_ID_BYTES + PUBLIC_KEY_BYTES,
};

/* That this key is to be hers, signed by it. */
struct enrolment {
    const uint8_t *instance_id; /* INSTANCE_ID_BYTES */
    const uint8_t *nonce;       /* NONCE_BYTES: the vault's */
    const uint8_t *public_key;  /* PUBLIC_KEY_BYTES */
    uint32_t uid;               /* the client's own effective uid, as the kernel will say it */
    struct bytes name;          /* of the principal; NAME_BYTES_MAX at the most */
};

/* Gives the size. */
size_t enrol_transcript(const struct enrolment *enrolment,
                        uint8_t ret_transcript[static ENROL_TRANSCRIPT_BYTES_MAX]);

/* That a key made for a while may speak for her, signed by her own. */
struct session_certificate {
    const uint8_t *instance_id; /* INSTANCE_ID_BYTES */
    const uint8_t *connection;  /* CONNECTION_ID_BYTES: on which she has proved her own key */
    const uint8_t *session_key; /* PUBLIC_KEY_BYTES */
};

void session_transcript(const struct session_certificate *certificate,
                        uint8_t ret_transcript[static SESSION_TRANSCRIPT_BYTES]);

#endif
