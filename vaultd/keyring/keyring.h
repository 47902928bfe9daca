/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyring.h: every key of the vault in one sealed file, and the cryptography done with them.
 * Callers name a key; they never hold one. Formats: DESIGN.md, "The keyring file".
 *
 * Threads: what changes the keyring (unseal, seal, add_keys) is called by one thread while no other
 * is in here; dispatch's gate sees to that. All else may be called by any number at once.
 *
 * XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03, RFC 8439), BLAKE2b (RFC 7693),
 * Ed25519 (RFC 8032).
 */
#ifndef CONTACT_VAULT_KEYRING_H
#define CONTACT_VAULT_KEYRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bounds.h"
#include "bytes.h"
#include "kind.h"
#include "status.h"

struct keyring;
struct secret;
struct unseal_slot;

enum {
    VAULT_ID_BYTES = 16,
    KEYRING_KEYS_MAX = 65536,
    KEYRING_BOX_EXTRA = 40, /* nonce 24, tag 16 */
    BLIND_INDEX_BYTES = 16,
    KEYRING_TAG_KEYED_BYTES = 32,
};

/* Numbers are on disk. */
enum key_purpose {
    KEY_DATA = 1,   /* number: epoch */
    KEY_INDEX = 2,  /* number: generation */
    KEY_ACCESS = 3, /* namespace_id 0, number 1 */
    KEY_REASON = 4, /* namespace_id 0, number: year */
    KEY_AUDIT = 5,  /* namespace_id 0, number 1; the seed of an Ed25519 key pair */
    KEY_TAG = 6,    /* namespace_id 0, number 1 */
    /* No keys, but dates that nobody shall alter; namespace_id 0, number 1: since when the present
     * root key is in use; */
    KEY_DATE_ROOT = 7,
    /* number 1: when the oldest data or index key of that namespace was made that older files under
     * the present root key hold and this one does not. */
    KEY_DATE_GONE = 8,
};

struct key_name {
    enum key_purpose purpose;
    uint32_t namespace_id;
    uint32_t number;
};

/*
 * keyring_create: makes a new file, never over an old one (CONFLICT), with an access key and an
 * audit key, generation 1, sealed under `root` (ROOT_KEY_BYTES), which is got as `slot` says; NULL:
 * from a key file.
 */
MUST_USE enum status keyring_create(const char *path, const uint8_t vault_id[static VAULT_ID_BYTES],
                                    const struct secret *root, const struct unseal_slot *slot);

/* Reads the header only: sealed. NOT_FOUND: no such file. CORRUPT: not a keyring, another version,
 * or damaged. */
MUST_USE enum status keyring_open(const char *path, struct keyring **ret_keyring);
void keyring_close(struct keyring **keyring);

const uint8_t *keyring_vault_id(const struct keyring *keyring); /* VAULT_ID_BYTES */
/* Raised by every change of the file. As the header says; vouched for only once unsealed. */
uint64_t keyring_generation(const struct keyring *keyring);
/* How the root key is got. As the header says, like the generation. */
void keyring_slot(const struct keyring *keyring, struct unseal_slot *ret_slot);

/*
 * DENIED: not this vault's root key, or the file's header was altered on purpose (nobody can tell
 * which without the right key). CORRUPT: the file is damaged, or no longer the one that was opened.
 * CONFLICT: unsealed already. The keyring keeps its own copy of `root`. A new file that a crash
 * kept from its place is removed.
 */
MUST_USE enum status keyring_unseal(struct keyring *keyring, const struct secret *root);
/* Every key leaves the memory. */
void keyring_seal(struct keyring *keyring);
bool keyring_is_unsealed(const struct keyring *keyring);

bool keyring_has(const struct keyring *keyring, struct key_name name);
/* When it was made: by the earlier of wall clock and vault time, so that neither alone dates a key
 * too late. False: there is no such key, or sealed. */
bool keyring_created(const struct keyring *keyring, struct key_name name, uint64_t *ret_created_ms);
/* One of the keys, in ascending order of purpose, namespace and number; when it was made. False:
 * there are no more, or sealed. */
bool keyring_at(const struct keyring *keyring, size_t index, struct key_name *ret_name,
                uint64_t *ret_created_ms);
/* The index of the first key of that name or behind it. */
size_t keyring_index_of(const struct keyring *keyring, struct key_name name);
/*
 * keyring_add_keys: makes new random keys and writes the file as generation + 1 (temporary file,
 * fsync, rename, fsync of the folder), then uses them. A failure leaves file and memory as they
 * were, or, after the rename, INTERNAL: the process must stop. CONFLICT: there is such a key.
 * UNAVAILABLE: disk or memory short. TOO_LARGE: over KEYRING_KEYS_MAX.
 */
MUST_USE enum status keyring_add_keys(struct keyring *keyring, const struct key_name *names,
                                      size_t count);

/*
 * Destroys keys: the file is written without them as generation + 1, then they leave the memory.
 * Statuses as above. NOT_FOUND: one of them is not there (or named twice); then all stay. Never the
 * last one. Of data and index keys the KEY_DATE_GONE of their namespaces is kept.
 */
MUST_USE enum status keyring_remove_keys(struct keyring *keyring, const struct key_name *names,
                                         size_t count);

/* Is it the root key that opened it? False while sealed. */
bool keyring_is_root(const struct keyring *keyring, const struct secret *root);

/*
 * keyring_replace_root: the same keys, sealed under another root key that is got as `slot` says, as
 * generation + 1. The new file is read back and opened with `root` before it replaces the old one,
 * which from then on nothing here can open. KEY_DATE_ROOT is now, and every KEY_DATE_GONE is
 * dropped. Statuses as of keyring_add_keys.
 */
MUST_USE enum status keyring_replace_root(struct keyring *keyring, const struct secret *root,
                                          const struct unseal_slot *slot);

/* The file as it is, sealed, for the caller to free. CORRUPT: it is not the one that was opened, or
 * written last. SEALED. */
MUST_USE enum status keyring_copy(const struct keyring *keyring, uint8_t **ret_file,
                                  size_t *ret_size);

/*
 * keyring_encrypt: ret_box (plain.size + KEYRING_BOX_EXTRA bytes) becomes nonce, ciphertext, tag.
 * Every call takes a fresh random nonce. SEALED or NOT_FOUND: there is no such key.
 */
MUST_USE enum status keyring_encrypt(const struct keyring *keyring, struct key_name name,
                                     struct bytes associated, struct bytes plain, uint8_t *ret_box);
/* As above with a nonce of the caller's, drawn with others in one call (24 random bytes). */
MUST_USE enum status keyring_encrypt_with(const struct keyring *keyring, struct key_name name,
                                          const uint8_t nonce[static 24], struct bytes associated,
                                          struct bytes plain, uint8_t *ret_box);
/* ret_plain takes box.size - KEYRING_BOX_EXTRA bytes. CORRUPT: not what was sealed. */
MUST_USE enum status keyring_decrypt(const struct keyring *keyring, struct key_name name,
                                     struct bytes associated, struct bytes box, uint8_t *ret_plain);

/* Where a contact is found: keyed BLAKE2b-128 under a KEY_INDEX; `version` is
 * CONTACT_CANONICAL_VERSION. */
MUST_USE enum status keyring_blind_index(const struct keyring *keyring, struct key_name name,
                                         uint8_t version, enum contact_kind kind,
                                         struct bytes canonical,
                                         uint8_t ret_index[static BLIND_INDEX_BYTES]);

/* keyring_tag: BLAKE2b-256 of the message keyed by the tag key: what only the vault can have said.
 */
MUST_USE enum status keyring_tag(const struct keyring *keyring, struct bytes message,
                                 uint8_t ret_tag[static KEYRING_TAG_KEYED_BYTES]);

/* The audit key's public half, and signatures under it. */
MUST_USE enum status keyring_audit_public_key(const struct keyring *keyring,
                                              uint8_t ret_key[static PUBLIC_KEY_BYTES]);
MUST_USE enum status keyring_audit_sign(const struct keyring *keyring, struct bytes message,
                                        uint8_t ret_signature[static SIGNATURE_BYTES]);

#endif
