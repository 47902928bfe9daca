/* SPDX-License-Identifier: Apache-2.0 */
/* kind.h: the small vocabularies that the wire, the store and the code share. */
#ifndef CONTACT_VAULT_KIND_H
#define CONTACT_VAULT_KIND_H

/* What a contact is. Numbers are on the wire and on disk: never changed. */
enum contact_kind {
    CONTACT_PHONE = 1,
    CONTACT_EMAIL = 2,
};

/* How a phone number is written. Numbers are on the wire. */
enum contact_form {
    FORM_INTERNATIONAL = 0, /* + or 00, then the country code */
    FORM_WA_ID = 1,         /* bare international digits, as WhatsApp sends them */
};

/* What a principal is. */
enum principal_kind {
    PRINCIPAL_SERVICE = 1,
    PRINCIPAL_PERSON = 2,
};

/* Named sets of capabilities, granted to a principal. Numbers are on disk and in the audit log. */
enum role {
    ROLE_SERVICE = 1, /* tokenize, mask, lookup */
    ROLE_DELIVER = 2, /* reveal for delivery */
    ROLE_REVEAL = 3,  /* mask, lookup, reveal */
    ROLE_ADMIN = 4,   /* vault-wide: keys, namespaces, principals; never a contact */
    ROLE_PRIVACY = 5, /* lookup, mask, erase */
    ROLE_AUDIT = 6,   /* vault-wide: reads the log, reasons too */
};

enum { ROLE_COUNT = 7 };

/* Who is kept from revealing until an admin lifts it. Numbers are on the wire and on disk. */
enum freeze {
    FREEZE_NONE = 0,
    FREEZE_PEOPLE = 1,
    FREEZE_ALL = 2, /* deliveries too */
};

enum { FREEZE_COUNT = 3 };

/* Do acts that give rights away wait for a second admin? Numbers are on the wire and on disk. */
enum approvals {
    APPROVALS_AUTO = 0, /* from the second admin on, for good */
    APPROVALS_ALWAYS = 1,
    APPROVALS_NEVER = 2,
};

enum { APPROVALS_COUNT = 3 };

/* Keys that are replaced while the vault serves. Numbers are on the wire. */
enum rotated_key {
    ROTATED_DATA = 1,  /* seals a namespace's records */
    ROTATED_INDEX = 2, /* makes its blind index */
};

enum { ROTATED_COUNT = 3 };

/* How the root key is got. Numbers are on the wire and in the keyring's header. */
enum unseal_provider {
    UNSEAL_KEYFILE = 1,    /* 32 random bytes in a file, or a systemd credential */
    UNSEAL_PASSPHRASE = 2, /* Argon2id of it; the daemon never sees the passphrase */
    UNSEAL_SHARES = 3,     /* so many of so many people bring one each */
};

enum { UNSEAL_PROVIDERS = 4 };

#endif
