/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault.h: the domain: tokenize, lookup, mask, describe, reveal, erase; the only module that sees
 * plaintext contacts and stored records together. Formats: DESIGN.md, "Records" and "Blind index".
 *
 * Threads: open, close, unseal, seal and namespace_create by one thread while no other is in here
 * (dispatch's gate); all else by any number at once.
 */
#ifndef CONTACT_VAULT_VAULT_H
#define CONTACT_VAULT_VAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit_receipt.h"
#include "bounds.h"
#include "bytes.h"
#include "kind.h"
#include "status.h"
#include "token.h"

struct contact;
struct keyring;
struct scratch;
struct secret;
struct store;
struct unseal_slot;
struct vault;

enum { VAULT_FAULT_BYTES = 256 };

/* Writes the rows of a new vault into an empty store. */
MUST_USE enum status vault_create(struct store *store, const struct keyring *keyring,
                                  const uint8_t instance_id[static INSTANCE_ID_BYTES]);

/*
 * vault_open: compares keyring and store, which need not be unsealed. CORRUPT: one of them is an
 * older copy put back, or they are of two vaults; ret_fault says which, for a person.
 */
MUST_USE enum status vault_open(struct store *store, struct keyring *keyring,
                                char ret_fault[static VAULT_FAULT_BYTES], struct vault **ret_vault);
void vault_close(struct vault **vault);
const uint8_t *vault_instance_id(const struct vault *vault); /* INSTANCE_ID_BYTES */

/*
 * vault_unseal: opens the keyring and settles a change of it that a crash cut in two. DENIED: not
 * this vault's root key. CORRUPT: the keyring was altered.
 */
MUST_USE enum status vault_unseal(struct vault *vault, const struct secret *root);
/* How the root key is got; sealed, too. */
void vault_slot(const struct vault *vault, struct unseal_slot *ret_slot);
/* Is it the present root key? Unsealed. */
bool vault_is_root(const struct vault *vault, const struct secret *root);
/*
 * Another root key, got as the slot says: the keyring is sealed under it, and opens with no other.
 * UNAVAILABLE: it is as it was, unless vault_failed.
 */
MUST_USE enum status vault_replace_root(struct vault *vault, const struct secret *root,
                                        const struct unseal_slot *slot);
/* Raised by every change of the keyring. */
uint64_t vault_keyring_generation(const struct vault *vault);
/* Every key leaves the memory. */
void vault_seal(struct vault *vault);
/* What is on disk is unknown: the process must stop. */
bool vault_failed(const struct vault *vault);

/* Keys and epoch rows for a namespace; a second call for the same id finds them and is OK. */
MUST_USE enum status vault_namespace_create(struct vault *vault, uint32_t namespace_id);
bool vault_has_reason_key(const struct vault *vault, uint32_t year);
/* The year's key for reasons, made if absent. */
MUST_USE enum status vault_reason_key_create(struct vault *vault, uint32_t year);

/* One text in, one token out. Texts given out lie in the scratch. */
struct vault_item {
    struct bytes text;       /* in: a contact as a person writes it */
    enum status status;      /* out: OK, INVALID and TOO_LARGE (no contact), NOT_FOUND, CORRUPT */
    const char *message;     /* out: why not; never repeats the contact */
    enum contact_kind kind;  /* out */
    struct token token;      /* out */
    const char *mask;        /* out */
    struct contact *contact; /* vault's own */
};

/* Never makes a token, never waits for the disk: NOT_FOUND in an item that has none.
 * A status other than OK: for none (here and below). */
MUST_USE enum status vault_lookup(struct vault *vault, struct scratch *scratch,
                                  uint32_t namespace_id, enum contact_form form,
                                  struct vault_item *items, size_t count);
/* Tokens for all that are contacts, made where there are none; durable on return. */
MUST_USE enum status vault_tokenize(struct vault *vault, struct scratch *scratch,
                                    uint32_t namespace_id, enum contact_form form,
                                    struct vault_item *items, size_t count);

/* What looks like a contact in a text that goes to the log, for a person ("a phone number"); NULL:
 * nothing does. Tokens do not. At most REASON_BYTES_MAX; contact_in_text says how it is told. */
const char *vault_contact_in_text(struct bytes text);

/* Where a token leads; nothing is opened. */
struct vault_place {
    struct token token;     /* in */
    bool skip;              /* in: leave this one, its status too */
    enum contact_kind kind; /* in: as the token's text says */
    enum status status;     /* out: OK or NOT_FOUND */
    uint32_t namespace_id;  /* out */
    uint64_t row;           /* out */
    /* in, of vault_erase: only if last used before that month; else CONFLICT. 0: whenever. */
    uint16_t unused_before;
};
MUST_USE enum status vault_locate(struct vault *vault, struct vault_place *places, size_t count);

/* For places found: ret_masks[i] points to a NUL-terminated text in scratch, or is NULL where
 * places[i].status is not OK (CORRUPT is set there when a record does not open). */
MUST_USE enum status vault_mask(struct vault *vault, struct scratch *scratch,
                                struct vault_place *places, size_t count, const char **ret_masks);

struct vault_description {
    const char *mask;    /* in scratch; NULL where places[i].status is not OK */
    const char *country; /* a phone number's calling code, "+39"; NULL: an address, or unknown */
    uint64_t created_ms; /* vault time, to the second */
};
/* As vault_mask, and more. */
MUST_USE enum status vault_describe(struct vault *vault, struct scratch *scratch,
                                    struct vault_place *places, size_t count,
                                    struct vault_description *ret_descriptions);

/*
 * vault_erase: record, token row and index row of every place that is OK, gone and durable on
 * return, on a full disk too. Each place's status: OK, NOT_FOUND (gone meanwhile), CORRUPT (the
 * record does not open, is not the place's, or a row that should lead to it leads to another:
 * nothing of it was erased). TOO_LARGE: over BATCH_ITEMS_MAX. UNAVAILABLE: nothing was erased; on a
 * full disk that may happen to more than VAULT_ERASED_CERTAINLY places.
 */
enum { VAULT_ERASED_CERTAINLY = 40 };
MUST_USE enum status vault_erase(struct vault *vault, struct scratch *scratch,
                                 struct vault_place *places, size_t count);
/* Keeps the store's reserve for that; see store_keep_reserve. */
bool vault_keep_reserve(struct vault *vault);

/* ---- compaction, sealed or not: store_compact_begin, store_compact_step, store_compact_look ----
 */

struct vault_compaction {
    bool copying; /* or, done with that, */
    bool waiting; /* for the last who reads the old file */
    uint64_t made, done, total, bytes;
    uint32_t held_us;
};

MUST_USE enum status vault_compact_begin(struct vault *vault, uint64_t *ret_lacks);
MUST_USE enum status vault_compact_step(struct vault *vault, bool *ret_ended);
struct vault_compaction vault_compact_look(const struct vault *vault);
/* How often, ever. */
uint64_t vault_compactions(const struct vault *vault);

/* The contact in the form first seen, in scratch. Opens nothing without its receipt. NOT_FOUND:
 * erased meanwhile. */
MUST_USE enum status vault_reveal(struct vault *vault, struct scratch *scratch,
                                  const struct audit_receipt *receipt,
                                  const struct vault_place *place, struct bytes *ret_contact);

/* ---- what the store knows of the log, so that an older log put back is found ---- */

enum { VAULT_LOG_DIGEST_BYTES = 32 };
/* The log has this entry, durably. Tagged under the tag key. What is known of the log never becomes
 * less: an earlier entry changes nothing. CORRUPT: the row was altered; it is left as it is. */
MUST_USE enum status vault_note_log(struct vault *vault, uint64_t sequence,
                                    const uint8_t digest[static VAULT_LOG_DIGEST_BYTES]);
/* NOT_FOUND: none was noted yet. CORRUPT: the row was altered. */
MUST_USE enum status vault_noted_log(struct vault *vault, uint64_t *ret_sequence,
                                     uint8_t ret_digest[static VAULT_LOG_DIGEST_BYTES]);

/* The public half of the key that signs the log's checkpoints. SEALED. */
MUST_USE enum status vault_audit_public_key(const struct vault *vault,
                                            uint8_t ret_key[static PUBLIC_KEY_BYTES]);
/* The keys of reasons of that year and before are destroyed. */
MUST_USE enum status vault_reason_keys_destroy(struct vault *vault, uint32_t year);

MUST_USE enum status vault_count(struct vault *vault, uint32_t namespace_id,
                                 uint64_t *ret_contacts);

#endif
