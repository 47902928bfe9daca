/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access rows, version 1. Numbers in network order.
 *
 * Key:    type u8 ('n' namespace, 'p' principal), number u32, from 1 without gaps
 * Value:  version u8 (1), suite u8 (1: XChaCha20-Poly1305), box
 * Box:    nonce 24, ciphertext, tag 16; sealed under the access key, with associated data
 *         vault_id, the row's key, version, suite
 *
 * Inside a namespace's box:
 *         number u32, created u64 (ms since 1970), size of name u8, name
 * Inside a principal's box:
 *         number u32, kind u8 (1 service, 2 person), flags u8 (1: disabled; 2: by uid, else by
 * key), uid u32 (0 if by key), public key 32 (zeros if by uid), created u64, size of name u8, name,
 *         number of grants u8, and for each: role u8, namespace u32 (0: vault-wide), binding 32
 *         (zeros where the role has none)
 *
 * A binding is BLAKE2b-256 of "key" and the public key, or of "uid" and the uid (u32).
 * A row's hash is BLAKE2b-256 of key size u8, key, value size u32, value; the state's digest is
 * BLAKE2b-256 of "contact-vault access 1" and the hashes of all rows in the order of their keys.
 */
#include "access_row.h"

#include <sodium.h>
#include <string.h>

#include "keyring.h"

enum {
    VERSION = 1,
    SUITE = 1,
    VALUE_HEADER_BYTES = 2,
    ASSOCIATED_BYTES = VAULT_ID_BYTES + ACCESS_ROW_KEY_BYTES + VALUE_HEADER_BYTES,

    FLAG_DISABLED = 1,
    FLAG_BY_UID = 2,

    NAMESPACE_FIXED_BYTES = 4 + 8 + 1,
    PRINCIPAL_FIXED_BYTES = 4 + 1 + 1 + 4 + PUBLIC_KEY_BYTES + 8 + 1,
    GRANT_BYTES = 1 + 4 + ACCESS_DIGEST_BYTES,
    PLAIN_BYTES_MAX = PRINCIPAL_FIXED_BYTES + NAME_BYTES_MAX + 1 + ACCESS_GRANTS_MAX * GRANT_BYTES,
};
_Static_assert(VALUE_HEADER_BYTES + PLAIN_BYTES_MAX + KEYRING_BOX_EXTRA <=
                   ACCESS_ROW_VALUE_BYTES_MAX,
               "the largest row fits");

static const struct key_name access_key = {.purpose = KEY_ACCESS, .number = 1};

/* ---- the plain row, written and read in one direction ---- */

struct cursor {
    uint8_t *at;
};

static void
write_bytes(struct cursor *to, const void *data, size_t size)
{
    memcpy(to->at, data, size);
    to->at += size;
}

static void
write_u8(struct cursor *to, uint8_t value)
{
    *to->at++ = value;
}

static void
write_u32(struct cursor *to, uint32_t value)
{
    put_u32(to->at, value);
    to->at += 4;
}

static void
write_u64(struct cursor *to, uint64_t value)
{
    put_u64(to->at, value);
    to->at += 8;
}

static void
write_name(struct cursor *to, const char *name)
{
    write_u8(to, (uint8_t)strlen(name));
    write_bytes(to, name, strlen(name));
}

/* What is left to read; `short_of` stays set once something was not there. */
struct reader {
    const uint8_t *at;
    size_t left;
    bool short_of;
};

static void
read_bytes(struct reader *from, void *to, size_t size)
{
    if (from->left < size) {
        from->short_of = true;
        from->left = 0;
        memset(to, 0, size);
        return;
    }
    memcpy(to, from->at, size);
    from->at += size;
    from->left -= size;
}

static uint8_t
read_u8(struct reader *from)
{
    uint8_t value;

    read_bytes(from, &value, 1);
    return value;
}

static uint32_t
read_u32(struct reader *from)
{
    uint8_t value[4];

    read_bytes(from, value, sizeof value);
    return get_u32(value);
}

static uint64_t
read_u64(struct reader *from)
{
    uint8_t value[8];

    read_bytes(from, value, sizeof value);
    return get_u64(value);
}

static bool
read_name(struct reader *from, char to[static NAME_BYTES_MAX + 1])
{
    size_t size = read_u8(from);

    if (size > NAME_BYTES_MAX) {
        return false;
    }
    read_bytes(from, to, size);
    to[size] = '\0';
    return access_name_valid(bytes_of(to, size));
}

/* ---- sealing ---- */

static void
make_associated(const struct keyring *keyring, const uint8_t *key, const uint8_t *value,
                uint8_t ret_associated[static ASSOCIATED_BYTES])
{
    struct cursor to = {ret_associated};

    write_bytes(&to, keyring_vault_id(keyring), VAULT_ID_BYTES);
    write_bytes(&to, key, ACCESS_ROW_KEY_BYTES);
    write_bytes(&to, value, VALUE_HEADER_BYTES);
}

static void
hash_row(struct bytes key, struct bytes value, uint8_t ret_hash[static ACCESS_DIGEST_BYTES])
{
    uint8_t key_size = (uint8_t)key.size;
    uint8_t value_size[4];
    crypto_generichash_state state;

    put_u32(value_size, (uint32_t)value.size);
    (void)crypto_generichash_init(&state, NULL, 0, ACCESS_DIGEST_BYTES);
    (void)crypto_generichash_update(&state, &key_size, 1);
    (void)crypto_generichash_update(&state, key.data, key.size);
    (void)crypto_generichash_update(&state, value_size, sizeof value_size);
    (void)crypto_generichash_update(&state, value.data, value.size);
    (void)crypto_generichash_final(&state, ret_hash, ACCESS_DIGEST_BYTES);
}

static enum status
seal(const struct keyring *keyring, uint8_t type, uint32_t number, struct bytes plain,
     struct access_row *ret_row)
{
    uint8_t associated[ASSOCIATED_BYTES];

    ret_row->key[0] = type;
    put_u32(ret_row->key + 1, number);
    ret_row->value[0] = VERSION;
    ret_row->value[1] = SUITE;
    ret_row->size = VALUE_HEADER_BYTES + plain.size + KEYRING_BOX_EXTRA;
    make_associated(keyring, ret_row->key, ret_row->value, associated);
    return keyring_encrypt(keyring, access_key, bytes_of(associated, sizeof associated), plain,
                           ret_row->value + VALUE_HEADER_BYTES);
}

static void
hash_sealed(const struct access_row *row, uint8_t ret_hash[static ACCESS_DIGEST_BYTES])
{
    hash_row(bytes_of(row->key, sizeof row->key), bytes_of(row->value, row->size), ret_hash);
}

static size_t
encode_principal(const struct principal *principal, uint8_t ret_plain[static PLAIN_BYTES_MAX])
{
    struct cursor to = {ret_plain};

    write_u32(&to, principal->number);
    write_u8(&to, (uint8_t)principal->kind);
    write_u8(&to, (uint8_t)((principal->disabled ? FLAG_DISABLED : 0) |
                            (principal->has_uid ? FLAG_BY_UID : 0)));
    write_u32(&to, principal->uid);
    write_bytes(&to, principal->public_key, PUBLIC_KEY_BYTES);
    write_u64(&to, principal->created_ms);
    write_name(&to, principal->name);
    write_u8(&to, (uint8_t)principal->grant_count);
    for (size_t i = 0; i < principal->grant_count; i++) {
        write_u8(&to, (uint8_t)principal->grants[i].role);
        write_u32(&to, principal->grants[i].namespace_id);
        write_bytes(&to, principal->grants[i].bound_to, ACCESS_DIGEST_BYTES);
    }
    return (size_t)(to.at - ret_plain);
}

enum status
access_row_seal_principal(const struct keyring *keyring, struct principal_entry *entry,
                          struct access_row *ret_row)
{
    uint8_t plain[PLAIN_BYTES_MAX];
    size_t size = encode_principal(&entry->principal, plain);
    enum status status = seal(keyring, ACCESS_ROW_PRINCIPAL, entry->principal.number,
                              bytes_of(plain, size), ret_row);

    if (status == STATUS_OK) {
        hash_sealed(ret_row, entry->hash);
    }
    return status;
}

enum status
access_row_seal_namespace(const struct keyring *keyring, struct namespace_entry *entry,
                          struct access_row *ret_row)
{
    uint8_t plain[NAMESPACE_FIXED_BYTES + NAME_BYTES_MAX];
    struct cursor to = {plain};
    enum status status;

    write_u32(&to, entry->row.id);
    write_u64(&to, entry->row.created_ms);
    write_name(&to, entry->row.name);
    status = seal(keyring, ACCESS_ROW_NAMESPACE, entry->row.id,
                  bytes_of(plain, (size_t)(to.at - plain)), ret_row);
    if (status == STATUS_OK) {
        hash_sealed(ret_row, entry->hash);
    }
    return status;
}

/* ---- opening ---- */

enum status
access_row_read_key(struct bytes key, uint8_t *ret_type, uint32_t *ret_number)
{
    if (key.size != ACCESS_ROW_KEY_BYTES ||
        (key.data[0] != ACCESS_ROW_NAMESPACE && key.data[0] != ACCESS_ROW_PRINCIPAL)) {
        return STATUS_CORRUPT;
    }
    *ret_type = key.data[0];
    *ret_number = get_u32(key.data + 1);
    return STATUS_OK;
}

static enum status
open_box(const struct keyring *keyring, struct bytes key, struct bytes value,
         uint8_t ret_plain[static PLAIN_BYTES_MAX], struct reader *ret_reader)
{
    uint8_t associated[ASSOCIATED_BYTES];
    struct bytes box;
    enum status status;

    if (value.size < VALUE_HEADER_BYTES + KEYRING_BOX_EXTRA ||
        value.size > VALUE_HEADER_BYTES + KEYRING_BOX_EXTRA + PLAIN_BYTES_MAX ||
        value.data[0] != VERSION || value.data[1] != SUITE) {
        return STATUS_CORRUPT;
    }
    make_associated(keyring, key.data, value.data, associated);
    box = bytes_of(value.data + VALUE_HEADER_BYTES, value.size - VALUE_HEADER_BYTES);
    status = keyring_decrypt(keyring, access_key, bytes_of(associated, sizeof associated), box,
                             ret_plain);
    *ret_reader = (struct reader){.at = ret_plain, .left = box.size - KEYRING_BOX_EXTRA};
    return status;
}

static bool
decode_grant(struct reader *from, struct grant *ret_grant)
{
    uint8_t role = read_u8(from);

    ret_grant->role = (enum role)role;
    ret_grant->namespace_id = read_u32(from);
    read_bytes(from, ret_grant->bound_to, ACCESS_DIGEST_BYTES);
    return role != 0 && role < ROLE_COUNT &&
           access_role_is_vault_wide(ret_grant->role) == (ret_grant->namespace_id == 0) &&
           access_role_is_bound(ret_grant->role) !=
               (sodium_is_zero(ret_grant->bound_to, ACCESS_DIGEST_BYTES) == 1);
}

/* Exactly one of uid and key, the other all zeros. */
static bool
identity_well_formed(const struct principal *principal)
{
    bool no_key = sodium_is_zero(principal->public_key, PUBLIC_KEY_BYTES) == 1;

    return principal->has_uid ? no_key && access_uid_valid(principal->uid)
                              : !no_key && principal->uid == 0;
}

static bool
decode_principal(struct reader *from, struct principal *ret_principal)
{
    uint8_t kind, flags, grants;

    ret_principal->number = read_u32(from);
    kind = read_u8(from);
    flags = read_u8(from);
    ret_principal->kind = (enum principal_kind)kind;
    ret_principal->disabled = (flags & FLAG_DISABLED) != 0;
    ret_principal->has_uid = (flags & FLAG_BY_UID) != 0;
    ret_principal->uid = read_u32(from);
    read_bytes(from, ret_principal->public_key, PUBLIC_KEY_BYTES);
    ret_principal->created_ms = read_u64(from);
    if (!read_name(from, ret_principal->name)) {
        return false;
    }
    grants = read_u8(from);
    if ((kind != PRINCIPAL_SERVICE && kind != PRINCIPAL_PERSON) ||
        (flags & ~(FLAG_DISABLED | FLAG_BY_UID)) != 0 || grants > ACCESS_GRANTS_MAX ||
        !identity_well_formed(ret_principal)) {
        return false;
    }
    for (ret_principal->grant_count = 0; ret_principal->grant_count < grants;
         ret_principal->grant_count++) {
        if (!decode_grant(from, &ret_principal->grants[ret_principal->grant_count])) {
            return false;
        }
    }
    return !from->short_of && from->left == 0;
}

enum status
access_row_open_principal(const struct keyring *keyring, struct bytes key, struct bytes value,
                          struct principal_entry *ret_entry)
{
    uint8_t plain[PLAIN_BYTES_MAX];
    struct principal *principal = &ret_entry->principal;
    struct reader from;
    enum status status = open_box(keyring, key, value, plain, &from);

    if (status != STATUS_OK) {
        return status;
    }
    if (!decode_principal(&from, principal) || principal->number != get_u32(key.data + 1)) {
        return STATUS_CORRUPT;
    }
    if (principal->has_uid) {
        access_identity_of_uid(principal->uid, ret_entry->identity);
    } else {
        access_identity_of_key(principal->public_key, ret_entry->identity);
    }
    hash_row(key, value, ret_entry->hash);
    return STATUS_OK;
}

enum status
access_row_open_namespace(const struct keyring *keyring, struct bytes key, struct bytes value,
                          struct namespace_entry *ret_entry)
{
    uint8_t plain[PLAIN_BYTES_MAX];
    struct namespace_row *row = &ret_entry->row;
    struct reader from;
    enum status status = open_box(keyring, key, value, plain, &from);

    if (status != STATUS_OK) {
        return status;
    }
    row->id = read_u32(&from);
    row->created_ms = read_u64(&from);
    if (!read_name(&from, row->name) || from.short_of || from.left != 0 ||
        row->id != get_u32(key.data + 1)) {
        return STATUS_CORRUPT;
    }
    hash_row(key, value, ret_entry->hash);
    return STATUS_OK;
}
