/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the boxes of access rows hold, version 4. Numbers in network order.
 *
 * Namespace: number u32, created u64 (ms since 1970), retain u16 (months; 0: for ever), flags u8
 *         (1: shredded), size of name u8, name
 * Principal: number u32, kind u8 (1 service, 2 person), flags u8 (1: disabled; 2: has a uid; 4:
 *         relayed; 8: the bootstrap; 16: invited; 32: offboarded, and so disabled and without
 *         grants), uid u32 (0: none), public key 32 (zeros: none),
 *         created u64, size of name u8, name; of a person: digest of the code 32, and until when
 *         u64 (ms of vault time; zeros: not invited), TOTP secret, sealed, 60, newest step used
 * u64, digests of recovery codes 8 x 16 (zeros: used; all zeros: not enrolled); number of grants
 * u8, and for each: role u8, namespace u32 (0: vault-wide), binding 32 (zeros where the role has
 * none), ends u64 (ms of vault time; 0: no end), daily u32, hourly u32 (0: the default) Recipient:
 * number u32, flags u8 (1: removed), public key 32, created u64, size of name u8, name Canary:
 * number u32, flags u8 (1: removed), namespace u32, kind u8 (1 phone, 2 e-mail), token 16, created
 * u64. All are of one size. Settings: number u32 (1), freeze u8 (0 nobody, 1 people, 2 all),
 * approvals u8 (0 auto, 1 always, 2 never), flags u8 (1: there once were two admins who count)
 *
 * A binding is BLAKE2b-256 of "key" and the public key, or of "uid" and the uid (u32).
 */
#include "access_row.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

enum {
    FLAG_DISABLED = 1,
    FLAG_HAS_UID = 2,
    FLAG_RELAYED = 4,
    FLAG_BOOTSTRAP = 8,
    FLAG_INVITED = 16,
    FLAG_OFFBOARDED = 32,
    FLAGS_KNOWN = FLAG_DISABLED | FLAG_HAS_UID | FLAG_RELAYED | FLAG_BOOTSTRAP | FLAG_INVITED |
                  FLAG_OFFBOARDED,
    FLAG_SHREDDED = 1, /* of a namespace */

    FLAG_REMOVED = 1, /* of a recipient or canary */
    FLAG_HAD_TWO = 1, /* of the settings */
};

/* ---- writing ---- */

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
write_u16(struct cursor *to, uint16_t value)
{
    put_u16(to->at, value);
    to->at += 2;
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

static void
encode_namespace(struct cursor *to, const struct namespace_row *row)
{
    write_u32(to, row->id);
    write_u64(to, row->created_ms);
    write_u16(to, row->retain_months);
    write_u8(to, row->shredded ? FLAG_SHREDDED : 0);
    write_name(to, row->name);
}

static void
encode_grant(struct cursor *to, const struct grant *grant)
{
    write_u8(to, (uint8_t)grant->role);
    write_u32(to, grant->namespace_id);
    write_bytes(to, grant->bound_to, ACCESS_DIGEST_BYTES);
    write_u64(to, grant->ends_ms);
    write_u32(to, grant->daily);
    write_u32(to, grant->hourly);
}

static uint8_t
flags_of(const struct principal *principal)
{
    return (uint8_t)((principal->disabled ? FLAG_DISABLED : 0) |
                     (principal->has_uid ? FLAG_HAS_UID : 0) |
                     (principal->relayed ? FLAG_RELAYED : 0) |
                     (principal->bootstrap ? FLAG_BOOTSTRAP : 0) |
                     (principal->invited ? FLAG_INVITED : 0) |
                     (principal->offboarded ? FLAG_OFFBOARDED : 0));
}

static void
encode_person(struct cursor *to, const struct principal *principal)
{
    write_bytes(to, principal->code, ACCESS_DIGEST_BYTES);
    write_u64(to, principal->invited_until_ms);
    write_bytes(to, principal->factor.totp, FACTOR_BOX_BYTES);
    write_u64(to, principal->factor.used_step);
    write_bytes(to, principal->factor.recovery, sizeof principal->factor.recovery);
}

static void
encode_principal(struct cursor *to, const struct principal *principal)
{
    write_u32(to, principal->number);
    write_u8(to, (uint8_t)principal->kind);
    write_u8(to, flags_of(principal));
    write_u32(to, principal->uid);
    write_bytes(to, principal->public_key, PUBLIC_KEY_BYTES);
    write_u64(to, principal->created_ms);
    write_name(to, principal->name);
    if (principal->kind == PRINCIPAL_PERSON) {
        encode_person(to, principal);
    }
    write_u8(to, (uint8_t)principal->grant_count);
    for (size_t i = 0; i < principal->grant_count; i++) {
        encode_grant(to, &principal->grants[i]);
    }
}

static void
encode_recipient(struct cursor *to, const struct recipient *recipient)
{
    write_u32(to, recipient->number);
    write_u8(to, recipient->removed ? FLAG_REMOVED : 0);
    write_bytes(to, recipient->public_key, PUBLIC_KEY_BYTES);
    write_u64(to, recipient->created_ms);
    write_name(to, recipient->name);
}

static void
encode_settings(struct cursor *to, const struct settings_entry *settings)
{
    write_u32(to, ACCESS_SETTINGS_NUMBER);
    write_u8(to, (uint8_t)settings->freeze);
    write_u8(to, (uint8_t)settings->approvals);
    write_u8(to, settings->had_two ? FLAG_HAD_TWO : 0);
}

static void
encode_canary(struct cursor *to, const struct canary *canary)
{
    write_u32(to, canary->number);
    write_u8(to, canary->removed ? FLAG_REMOVED : 0);
    write_u32(to, canary->namespace_id);
    write_u8(to, (uint8_t)canary->kind);
    write_bytes(to, canary->token, TOKEN_BYTES);
    write_u64(to, canary->created_ms);
}

size_t
access_plain_encode(const struct access_entry *entry,
                    uint8_t ret_plain[static ACCESS_PLAIN_BYTES_MAX])
{
    struct cursor to = {ret_plain};

    if (entry->namespace_entry != NULL) {
        encode_namespace(&to, &entry->namespace_entry->row);
    } else if (entry->principal != NULL) {
        encode_principal(&to, &entry->principal->principal);
    } else if (entry->recipient != NULL) {
        encode_recipient(&to, &entry->recipient->recipient);
    } else if (entry->canary != NULL) {
        encode_canary(&to, &entry->canary->canary);
    } else {
        encode_settings(&to, entry->settings);
    }
    return (size_t)(to.at - ret_plain);
}

/* ---- reading ---- */

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

static uint16_t
read_u16(struct reader *from)
{
    uint8_t value[2];

    read_bytes(from, value, sizeof value);
    return get_u16(value);
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

static bool
decode_namespace(struct reader *from, struct namespace_row *ret_row)
{
    uint8_t flags;

    ret_row->id = read_u32(from);
    ret_row->created_ms = read_u64(from);
    ret_row->retain_months = read_u16(from);
    flags = read_u8(from);
    ret_row->shredded = flags == FLAG_SHREDDED;
    return read_name(from, ret_row->name) && ret_row->retain_months <= RETAIN_MONTHS_MAX &&
           (flags & ~FLAG_SHREDDED) == 0;
}

static bool
decode_grant(struct reader *from, struct grant *ret_grant)
{
    uint8_t role = read_u8(from);

    ret_grant->role = (enum role)role;
    ret_grant->namespace_id = read_u32(from);
    read_bytes(from, ret_grant->bound_to, ACCESS_DIGEST_BYTES);
    ret_grant->ends_ms = read_u64(from);
    ret_grant->daily = read_u32(from);
    ret_grant->hourly = read_u32(from);
    return role != 0 && role < ROLE_COUNT &&
           access_role_is_vault_wide(ret_grant->role) == (ret_grant->namespace_id == 0) &&
           access_role_is_bound(ret_grant->role) !=
               (sodium_is_zero(ret_grant->bound_to, ACCESS_DIGEST_BYTES) == 1) &&
           access_role_figures_fault(ret_grant->role, ret_grant->daily, ret_grant->hourly) == NULL;
}

/* What access_prepare_grant would have refused, it never wrote. */
static bool
fits_the_others(const struct principal *principal, const struct grant *grant)
{
    if (access_role_kind_fault(grant->role, principal->kind) != NULL) {
        return false;
    }
    for (size_t i = 0; i < principal->grant_count; i++) {
        if (access_role_exclusion(grant->role, principal->grants[i].role) != NULL ||
            access_grant_same_sort(grant, &principal->grants[i])) {
            return false;
        }
    }
    return true;
}

static bool
decode_flags(uint8_t flags, struct principal *ret_principal)
{
    ret_principal->disabled = (flags & FLAG_DISABLED) != 0;
    ret_principal->has_uid = (flags & FLAG_HAS_UID) != 0;
    ret_principal->relayed = (flags & FLAG_RELAYED) != 0;
    ret_principal->bootstrap = (flags & FLAG_BOOTSTRAP) != 0;
    ret_principal->invited = (flags & FLAG_INVITED) != 0;
    ret_principal->offboarded = (flags & FLAG_OFFBOARDED) != 0;
    return (flags & ~FLAGS_KNOWN) == 0 && (ret_principal->disabled || !ret_principal->offboarded);
}

static void
decode_person(struct reader *from, struct principal *ret_principal)
{
    read_bytes(from, ret_principal->code, ACCESS_DIGEST_BYTES);
    ret_principal->invited_until_ms = read_u64(from);
    read_bytes(from, ret_principal->factor.totp, FACTOR_BOX_BYTES);
    ret_principal->factor.used_step = read_u64(from);
    read_bytes(from, ret_principal->factor.recovery, sizeof ret_principal->factor.recovery);
}

/* All but the grants. */
static bool
decode_head(struct reader *from, struct principal *ret_principal)
{
    uint8_t kind;
    bool flags_known;

    ret_principal->number = read_u32(from);
    kind = read_u8(from);
    ret_principal->kind = (enum principal_kind)kind;
    flags_known = decode_flags(read_u8(from), ret_principal);
    ret_principal->uid = read_u32(from);
    read_bytes(from, ret_principal->public_key, PUBLIC_KEY_BYTES);
    ret_principal->has_key = sodium_is_zero(ret_principal->public_key, PUBLIC_KEY_BYTES) != 1;
    ret_principal->created_ms = read_u64(from);
    if (!read_name(from, ret_principal->name)) {
        return false;
    }
    if (kind == PRINCIPAL_PERSON) {
        decode_person(from, ret_principal);
    }
    return (kind == PRINCIPAL_SERVICE || kind == PRINCIPAL_PERSON) && flags_known &&
           access_person_fault(ret_principal) == NULL;
}

static bool
decode_principal(struct reader *from, struct principal *ret_principal)
{
    uint8_t grants;

    if (!decode_head(from, ret_principal)) {
        return false;
    }
    grants = read_u8(from);
    if (grants > (ret_principal->offboarded ? 0 : ACCESS_GRANTS_MAX)) {
        return false;
    }
    for (size_t i = 0; i < grants; i++) {
        struct grant *grant = &ret_principal->grants[i];

        if (!decode_grant(from, grant) || !fits_the_others(ret_principal, grant)) {
            return false;
        }
        ret_principal->grant_count++;
    }
    return true;
}

static bool
decode_recipient(struct reader *from, struct recipient *ret_recipient)
{
    uint8_t flags;

    ret_recipient->number = read_u32(from);
    flags = read_u8(from);
    ret_recipient->removed = (flags & FLAG_REMOVED) != 0;
    read_bytes(from, ret_recipient->public_key, PUBLIC_KEY_BYTES);
    ret_recipient->created_ms = read_u64(from);
    return read_name(from, ret_recipient->name) && (flags & ~FLAG_REMOVED) == 0;
}

static bool
decode_canary(struct reader *from, struct canary *ret_canary)
{
    uint8_t flags, kind;

    ret_canary->number = read_u32(from);
    flags = read_u8(from);
    ret_canary->removed = (flags & FLAG_REMOVED) != 0;
    ret_canary->namespace_id = read_u32(from);
    kind = read_u8(from);
    ret_canary->kind = (enum contact_kind)kind;
    read_bytes(from, ret_canary->token, TOKEN_BYTES);
    ret_canary->created_ms = read_u64(from);
    return (flags & ~FLAG_REMOVED) == 0 && ret_canary->namespace_id != 0 &&
           (kind == CONTACT_PHONE || kind == CONTACT_EMAIL);
}

static bool
decode_settings(struct reader *from, struct settings_entry *ret_settings)
{
    uint32_t number = read_u32(from);
    uint8_t freeze = read_u8(from);
    uint8_t approvals = read_u8(from);
    uint8_t flags = read_u8(from);

    ret_settings->freeze = (enum freeze)freeze;
    ret_settings->approvals = (enum approvals)approvals;
    ret_settings->had_two = flags == FLAG_HAD_TWO;
    return number == ACCESS_SETTINGS_NUMBER && freeze < FREEZE_COUNT &&
           approvals < APPROVALS_COUNT && (flags & ~FLAG_HAD_TWO) == 0;
}

bool
access_plain_decode(struct bytes plain, struct access_entry *entry)
{
    struct reader from = {.at = plain.data, .left = plain.size};
    bool well_formed;

    if (entry->namespace_entry != NULL) {
        well_formed = decode_namespace(&from, &entry->namespace_entry->row);
    } else if (entry->principal != NULL) {
        well_formed = decode_principal(&from, &entry->principal->principal);
        access_identify(entry->principal);
    } else if (entry->recipient != NULL) {
        well_formed = decode_recipient(&from, &entry->recipient->recipient);
    } else if (entry->canary != NULL) {
        well_formed = decode_canary(&from, &entry->canary->canary);
    } else {
        well_formed = decode_settings(&from, entry->settings);
    }
    return well_formed && !from.short_of && from.left == 0;
}
