/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit entry, version 2. Numbers in network order; entry N is the journal's entry N.
 *
 *   offset  size  what
 *   0       1     version, 2
 *   1       1     phase: 1 done, 2 intent, 3 outcome
 *   2       4     operation (enum operation; from 200 on the vault's own acts), not 0
 *   6       1     result (enum status)
 *   7       1     flags: bit 0: an access tag follows; bit 1: relayed; bit 2: a checkpoint follows;
 *                 the others are 0
 *   8       8     sequence, from 1
 *   16      8     time, ms since 1970; never less than that of the entry before
 *   24      32    SHA-256 of the whole entry before; of the first entry: SHA-256 of
 *                 "contact-vault audit 1" and the vault_id
 *   56      8     refers: of an outcome, the sequence of its intent; else 0
 *   64      8     amount: how much the act is about; of a checkpoint, how far the store was known
 *                 to have noted the log; else 0
 *   72      4     uid of the peer
 *   76      1     role of a grant or revoke, else 0
 *   77      1     kind of the token: 1 phone, 2 e-mail, 0 no token
 *   78      16    token; zeros where there is none
 *   94      1     size of the principal's name, 0 to 64
 *   95      1     size of the namespace's name, 0 to 64
 *   96      1     size of the subject's name, 0 to 64
 *   97      2     size of the sealed reason: 0, or 41 to 339
 *   99      --    access tag (32, if flagged), checkpoint (88, if flagged), principal, namespace,
 *                 subject, sealed reason
 *
 * A checkpoint is instance_id (16), the store's changes (8) and a signature (64) over what
 * audit_checkpoint.h says. The acts opened, closed, checkpoint and restored have one, and nothing
 * else has.
 *
 * Names are printable ASCII without blanks. The first entry, and no other, is the act "created".
 * The reason, as audit_reason.c packs it, is nonce (24), ciphertext and tag (16), sealed under the reason key of the year that
 * the time falls in (UTC), with vault_id, sequence (u64), uid (u32), kind and token, and the three
 * names, each behind its size (u8), as associated data.
 */
#include "audit_entry.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

enum {
    VERSION = 2,
    FLAG_ACCESS_TAG = 1,
    FLAG_RELAYED = 2,
    FLAG_CHECKPOINT = 4,
    FLAGS_KNOWN = FLAG_ACCESS_TAG | FLAG_RELAYED | FLAG_CHECKPOINT,

    PHASE_OFFSET = 1,
    OPERATION_OFFSET = 2,
    RESULT_OFFSET = 6,
    FLAGS_OFFSET = 7,
    SEQUENCE_OFFSET = 8,
    TIME_OFFSET = 16,
    PREVIOUS_OFFSET = 24,
    REFERS_OFFSET = 56,
    AMOUNT_OFFSET = 64,
    UID_OFFSET = 72,
    ROLE_OFFSET = 76,
    TOKEN_KIND_OFFSET = 77,
    TOKEN_OFFSET = 78,
    PRINCIPAL_SIZE_OFFSET = 94,
    NAMESPACE_SIZE_OFFSET = 95,
    SUBJECT_SIZE_OFFSET = 96,
    REASON_SIZE_OFFSET = 97,
    SIGNATURE_IN_CHECKPOINT = INSTANCE_ID_BYTES + 8,
};
_Static_assert(REASON_SIZE_OFFSET + 2 == AUDIT_ENTRY_FIXED_BYTES, "the entry as published");
_Static_assert(AUDIT_DIGEST_BYTES == crypto_hash_sha256_BYTES, "");

static const uint8_t root_context[] = "contact-vault audit 1"; /* without its NUL */

/* ---- rules ---- */

static bool
name_well_formed(struct bytes name)
{
    if (name.size > NAME_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] <= ' ' || name.data[i] > '~') {
            return false;
        }
    }
    return true;
}

static bool
act_is_signed(uint32_t operation)
{
    return operation == AUDIT_ACT_OPENED || operation == AUDIT_ACT_CLOSED ||
           operation == AUDIT_ACT_CHECKPOINT || operation == AUDIT_ACT_RESTORED;
}

const char *
audit_entry_fault(const struct audit_entry *entry)
{
    if (entry->operation == 0) {
        return "it names no operation";
    }
    if (entry->phase < AUDIT_DONE || entry->phase > AUDIT_OUTCOME) {
        return "its phase is unknown";
    }
    if ((unsigned)entry->result >= STATUS_COUNT) {
        return "its result is unknown";
    }
    if ((entry->refers != 0) != (entry->phase == AUDIT_OUTCOME)) {
        return "an outcome names its intent, and nothing else does";
    }
    if (entry->has_checkpoint != act_is_signed(entry->operation)) {
        return "opened, closed, checkpoint and restored are signed, and nothing else is";
    }
    if (entry->operation == AUDIT_ACT_RESTORED &&
        (!entry->has_access_tag || entry->principal.size > 0 || entry->result != STATUS_OK)) {
        return "a restore vouches for the rules, and is nobody's act";
    }
    if (entry->has_checkpoint && entry->phase != AUDIT_DONE) {
        return "a checkpoint is one entry";
    }
    if (entry->role >= ROLE_COUNT) {
        return "its role is unknown";
    }
    if (entry->token_kind > CONTACT_EMAIL ||
        (entry->token_kind == 0 && !sodium_is_zero(entry->token, TOKEN_BYTES))) {
        return "its token is of no known kind";
    }
    if (!name_well_formed(entry->principal) || !name_well_formed(entry->namespace_name) ||
        !name_well_formed(entry->subject)) {
        return "a name in it is none";
    }
    return NULL;
}

/* ---- writing ---- */

static size_t
sections_size(bool has_access_tag, bool has_checkpoint)
{
    return (has_access_tag ? AUDIT_DIGEST_BYTES : 0U) +
           (has_checkpoint ? AUDIT_ENTRY_CHECKPOINT_BYTES : 0U);
}

size_t
audit_entry_size(const struct audit_entry *entry, size_t reason_bytes)
{
    return AUDIT_ENTRY_FIXED_BYTES + sections_size(entry->has_access_tag, entry->has_checkpoint) +
           entry->principal.size + entry->namespace_name.size + entry->subject.size + reason_bytes;
}

static uint8_t *
put_bytes(uint8_t *to, struct bytes bytes)
{
    if (bytes.size > 0) {
        memcpy(to, bytes.data, bytes.size);
    }
    return to + bytes.size;
}

static uint8_t
flags_of(const struct audit_entry *entry)
{
    return (uint8_t)((entry->has_access_tag ? FLAG_ACCESS_TAG : 0) |
                     (entry->relayed ? FLAG_RELAYED : 0) |
                     (entry->has_checkpoint ? FLAG_CHECKPOINT : 0));
}

static uint8_t *
put_checkpoint(uint8_t *to, const struct audit_entry *entry)
{
    to = put_bytes(to, bytes_of(entry->instance_id, INSTANCE_ID_BYTES));
    put_u64(to, entry->changes);
    return put_bytes(to + 8, bytes_of(entry->signature, SIGNATURE_BYTES));
}

uint8_t *
audit_entry_encode(const struct audit_entry *entry, size_t reason_bytes, uint8_t *to)
{
    uint8_t *at = to + AUDIT_ENTRY_FIXED_BYTES;

    to[0] = VERSION;
    to[PHASE_OFFSET] = (uint8_t)entry->phase;
    put_u32(to + OPERATION_OFFSET, entry->operation);
    to[RESULT_OFFSET] = (uint8_t)entry->result;
    to[FLAGS_OFFSET] = flags_of(entry);
    put_u64(to + REFERS_OFFSET, entry->refers);
    put_u64(to + AMOUNT_OFFSET, entry->amount);
    put_u32(to + UID_OFFSET, entry->uid);
    to[ROLE_OFFSET] = entry->role;
    to[TOKEN_KIND_OFFSET] = entry->token_kind;
    memcpy(to + TOKEN_OFFSET, entry->token, TOKEN_BYTES);
    to[PRINCIPAL_SIZE_OFFSET] = (uint8_t)entry->principal.size;
    to[NAMESPACE_SIZE_OFFSET] = (uint8_t)entry->namespace_name.size;
    to[SUBJECT_SIZE_OFFSET] = (uint8_t)entry->subject.size;
    put_u16(to + REASON_SIZE_OFFSET, (uint16_t)reason_bytes);
    if (entry->has_access_tag) {
        at = put_bytes(at, bytes_of(entry->access_tag, AUDIT_DIGEST_BYTES));
    }
    if (entry->has_checkpoint) {
        at = put_checkpoint(at, entry);
    }
    at = put_bytes(at, entry->principal);
    at = put_bytes(at, entry->namespace_name);
    return put_bytes(at, entry->subject);
}

void
audit_entry_put_link(const struct audit_link *link, uint8_t *entry)
{
    put_u64(entry + SEQUENCE_OFFSET, link->sequence);
    put_u64(entry + TIME_OFFSET, link->time_ms);
    memcpy(entry + PREVIOUS_OFFSET, link->previous, AUDIT_DIGEST_BYTES);
}

static size_t
checkpoint_offset(const uint8_t *entry)
{
    return AUDIT_ENTRY_FIXED_BYTES +
           sections_size((entry[FLAGS_OFFSET] & FLAG_ACCESS_TAG) != 0, false);
}

void
audit_entry_put_counts(uint64_t changes, uint64_t noted, uint8_t *entry)
{
    put_u64(entry + AMOUNT_OFFSET, noted);
    put_u64(entry + checkpoint_offset(entry) + INSTANCE_ID_BYTES, changes);
}

void
audit_entry_put_signature(const uint8_t signature[static SIGNATURE_BYTES], uint8_t *entry)
{
    memcpy(entry + checkpoint_offset(entry) + SIGNATURE_IN_CHECKPOINT, signature, SIGNATURE_BYTES);
}

static uint8_t *
put_name(uint8_t *to, struct bytes name)
{
    *to = (uint8_t)name.size;
    return put_bytes(to + 1, name);
}

size_t
audit_entry_reason_context(const uint8_t vault_id[static 16], const struct audit_entry *entry,
                           uint64_t sequence, uint8_t ret_context[static AUDIT_REASON_CONTEXT_MAX])
{
    uint8_t *at = put_bytes(ret_context, bytes_of(vault_id, 16));

    put_u64(at, sequence);
    put_u32(at + 8, entry->uid);
    at[12] = entry->token_kind;
    at = put_bytes(at + 13, bytes_of(entry->token, TOKEN_BYTES));
    at = put_name(at, entry->principal);
    at = put_name(at, entry->namespace_name);
    at = put_name(at, entry->subject);
    return (size_t)(at - ret_context);
}

/* ---- reading ---- */

static void
decode_fixed(const uint8_t *from, struct audit_entry *entry, struct audit_link *link)
{
    *link = (struct audit_link){.sequence = get_u64(from + SEQUENCE_OFFSET),
                                .time_ms = get_u64(from + TIME_OFFSET)};
    memcpy(link->previous, from + PREVIOUS_OFFSET, AUDIT_DIGEST_BYTES);
    *entry = (struct audit_entry){
        .sequence = link->sequence,
        .time_ms = link->time_ms,
        .operation = get_u32(from + OPERATION_OFFSET),
        .phase = (enum audit_phase)from[PHASE_OFFSET],
        .result = (enum status)from[RESULT_OFFSET],
        .refers = get_u64(from + REFERS_OFFSET),
        .amount = get_u64(from + AMOUNT_OFFSET),
        .uid = get_u32(from + UID_OFFSET),
        .role = from[ROLE_OFFSET],
        .token_kind = from[TOKEN_KIND_OFFSET],
        .has_access_tag = (from[FLAGS_OFFSET] & FLAG_ACCESS_TAG) != 0,
        .relayed = (from[FLAGS_OFFSET] & FLAG_RELAYED) != 0,
        .has_checkpoint = (from[FLAGS_OFFSET] & FLAG_CHECKPOINT) != 0,
    };
    memcpy(entry->token, from + TOKEN_OFFSET, TOKEN_BYTES);
}

static struct bytes
take(const uint8_t **at, size_t size)
{
    struct bytes taken = bytes_of(*at, size);

    *at += size;
    return taken;
}

static void
take_checkpoint(const uint8_t **at, struct audit_entry *entry)
{
    memcpy(entry->instance_id, take(at, INSTANCE_ID_BYTES).data, INSTANCE_ID_BYTES);
    entry->changes = get_u64(take(at, 8).data);
    memcpy(entry->signature, take(at, SIGNATURE_BYTES).data, SIGNATURE_BYTES);
}

static bool
reason_size_known(size_t size)
{
    return size == 0 ||
           (size > AUDIT_REASON_EXTRA && size <= AUDIT_REASON_BYTES_MAX + AUDIT_REASON_EXTRA);
}

static const char *
decode(struct bytes bytes, struct audit_entry *entry, struct audit_link *link)
{
    const uint8_t *from = bytes.data;
    const uint8_t *at = from + AUDIT_ENTRY_FIXED_BYTES;
    size_t reason_bytes, size;

    if (bytes.size < AUDIT_ENTRY_FIXED_BYTES) {
        return "it is too short to be an entry";
    }
    if (from[0] != VERSION || (from[FLAGS_OFFSET] & ~FLAGS_KNOWN) != 0) {
        return "its version is unknown";
    }
    decode_fixed(from, entry, link);
    reason_bytes = get_u16(from + REASON_SIZE_OFFSET);
    size = AUDIT_ENTRY_FIXED_BYTES + sections_size(entry->has_access_tag, entry->has_checkpoint) +
           from[PRINCIPAL_SIZE_OFFSET] + from[NAMESPACE_SIZE_OFFSET] + from[SUBJECT_SIZE_OFFSET] +
           reason_bytes;
    if (!reason_size_known(reason_bytes) || size != bytes.size) {
        return "its parts do not add up to its size";
    }
    if (entry->has_access_tag) {
        memcpy(entry->access_tag, take(&at, AUDIT_DIGEST_BYTES).data, AUDIT_DIGEST_BYTES);
    }
    if (entry->has_checkpoint) {
        take_checkpoint(&at, entry);
    }
    entry->principal = take(&at, from[PRINCIPAL_SIZE_OFFSET]);
    entry->namespace_name = take(&at, from[NAMESPACE_SIZE_OFFSET]);
    entry->subject = take(&at, from[SUBJECT_SIZE_OFFSET]);
    entry->reason = take(&at, reason_bytes);
    return audit_entry_fault(entry);
}

enum status
audit_entry_decode(struct bytes bytes, struct audit_entry *ret_entry, struct audit_link *ret_link,
                   const char **ret_fault)
{
    struct audit_entry entry;
    struct audit_link link;
    const char *fault = decode(bytes, &entry, &link);

    if (fault != NULL) {
        *ret_fault = fault;
        return STATUS_CORRUPT;
    }
    *ret_entry = entry;
    *ret_link = link;
    return STATUS_OK;
}

/* ---- hashes ---- */

void
audit_entry_root(const uint8_t vault_id[static 16], uint8_t ret_digest[static AUDIT_DIGEST_BYTES])
{
    crypto_hash_sha256_state state;

    (void)crypto_hash_sha256_init(&state);
    (void)crypto_hash_sha256_update(&state, root_context, sizeof root_context - 1);
    (void)crypto_hash_sha256_update(&state, vault_id, 16);
    (void)crypto_hash_sha256_final(&state, ret_digest);
}

void
audit_entry_digest(struct bytes entry, uint8_t ret_digest[static AUDIT_DIGEST_BYTES])
{
    (void)crypto_hash_sha256(ret_digest, entry.data, entry.size);
}

void
audit_entry_unsigned_digest(struct bytes entry, uint8_t ret_digest[static AUDIT_DIGEST_BYTES])
{
    static const uint8_t zeros[SIGNATURE_BYTES];
    size_t signature = checkpoint_offset(entry.data) + SIGNATURE_IN_CHECKPOINT;
    size_t after = signature + SIGNATURE_BYTES;
    crypto_hash_sha256_state state;

    (void)crypto_hash_sha256_init(&state);
    (void)crypto_hash_sha256_update(&state, entry.data, signature);
    (void)crypto_hash_sha256_update(&state, zeros, sizeof zeros);
    (void)crypto_hash_sha256_update(&state, entry.data + after, entry.size - after);
    (void)crypto_hash_sha256_final(&state, ret_digest);
}
