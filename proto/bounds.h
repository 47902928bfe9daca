/* SPDX-License-Identifier: Apache-2.0 */
/* bounds.h: every maximum the two sides of the wire must agree on. Sizes in bytes, times in ms. */
#ifndef CONTACT_VAULT_BOUNDS_H
#define CONTACT_VAULT_BOUNDS_H

enum {
    PROTOCOL_VERSION = 1,

    FRAME_BYTES_MAX = 2 * 1024 * 1024, /* one SP message: request id and body */
    BATCH_ITEMS_MAX = 4096,            /* contacts or tokens in one request */
    CONTACT_BYTES_MAX = 254,           /* RFC 5321 4.5.3.1.3: a path less its angle brackets */
    VALUE_BYTES_MAX = 512,             /* a contact as written by a person, before it is parsed */
    MASK_BYTES_MAX = 128,
    TOKEN_BYTES = 16,      /* random */
    TOKEN_TEXT_BYTES = 31, /* phn_ or eml_, 26 letters, check character; no NUL */
    NAME_BYTES_MAX = 64,   /* a namespace or a principal */
    REASON_BYTES_MAX = 200,
    PURPOSE_BYTES_MAX = 32, /* one of the configured purposes of a reveal */
    TICKET_BYTES_MAX = 64,
    MESSAGE_BYTES_MAX = 256, /* the error text of a reply */
    CONNECTION_ID_BYTES = 16,
    INSTANCE_ID_BYTES = 16,
    NONCE_BYTES = 32,      /* HELLO: either side's */
    PUBLIC_KEY_BYTES = 32, /* Ed25519, RFC 8032 */
    SIGNATURE_BYTES = 64,
    ROOT_KEY_BYTES = 32,
    CODE_BYTES_MAX = 64,    /* by which a person enrols, as she types it */
    FACTOR_BYTES_MAX = 32,  /* six digits, or a recovery code as she types it */
    TOTP_SECRET_BYTES = 20, /* RFC 6238, RFC 4226 section 4: as long as SHA-1's output */
    RECOVERY_CODES = 8,
    UNSEAL_SALT_BYTES = 16, /* Argon2id, RFC 9106 */
    UNSEAL_PASSES_MIN = 3,
    UNSEAL_PASSES_MAX = 64,
    UNSEAL_MEMORY_KIB_MIN = 256 * 1024,
    UNSEAL_MEMORY_KIB_MAX = 4 * 1024 * 1024,
    UNSEAL_SET_BYTES = 10, /* of shares: share/share.h */
    UNSEAL_THRESHOLD_MIN = 2,
    UNSEAL_SHARES_MAX = 16,
    UNSEAL_SHARE_BYTES = 50,
    UNSEAL_SLOT_BYTES_MAX = 25, /* slot.h */
    BACKUP_ID_BYTES = 16,
    BACKUP_DATA_BYTES_MAX = 64 * 1024 + 21,   /* of one of its files, in one reply */
    AUDIT_PAGE_MAX = 256,                     /* entries in one audit_read reply */
    LIST_ITEMS_MAX = 4096,                    /* principals, namespaces, grants in one reply */
    GRANT_SECONDS_MAX = 10 * 366 * 24 * 3600, /* what has no end shall say so */
    RETAIN_MONTHS_MAX = 1200,

    MESSAGE_DEPTH_MAX = 5,       /* message > items > item > grants > grant */
    MESSAGE_FIELDS_MAX = 24,     /* keys in one map */
    MESSAGE_ENTRIES_MAX = 65536, /* list entries in one message, all its lists together */
};

#endif
