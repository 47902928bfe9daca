/* SPDX-License-Identifier: Apache-2.0 */
/* Who may hold what: the rules about roles, names and identities. Pure. */
#include "access_internal.h"

#include <sodium.h>
#include <string.h>

/* One row a role. `vault_wide`: takes no namespace. `bound`: void under another key or uid.
 * `budget`: its grants may carry figures. */
static const struct {
    const char *name;
    unsigned capabilities;
    bool vault_wide, bound, budget;
    bool services, persons; /* who may hold it */
} roles[ROLE_COUNT] = {
    [ROLE_SERVICE] = {"service", MAY_TOKENIZE | MAY_MASK | MAY_LOOKUP, .budget = true,
                      .services = true},
    [ROLE_DELIVER] = {"deliver", MAY_DELIVER, .bound = true, .budget = true, .services = true},
    [ROLE_REVEAL] = {"reveal", MAY_MASK | MAY_LOOKUP | MAY_REVEAL, .bound = true, .budget = true,
                     .persons = true},
    [ROLE_ADMIN] = {"admin", MAY_ADMINISTER, .vault_wide = true, .services = true, .persons = true},
    [ROLE_PRIVACY] = {"privacy", MAY_MASK | MAY_LOOKUP | MAY_ERASE, .services = true,
                      .persons = true},
    [ROLE_AUDIT] = {"audit", MAY_AUDIT, .vault_wide = true, .services = true, .persons = true},
};

const char *
access_role_name(enum role role)
{
    return role > 0 && (unsigned)role < ROLE_COUNT ? roles[role].name : "unknown";
}

unsigned
access_role_capabilities(enum role role)
{
    return roles[role].capabilities;
}

bool
access_role_is_vault_wide(enum role role)
{
    return roles[role].vault_wide;
}

bool
access_role_is_bound(enum role role)
{
    return roles[role].bound;
}

const char *
access_role_kind_fault(enum role role, enum principal_kind kind)
{
    if (kind == PRINCIPAL_SERVICE && !roles[role].services) {
        return "reveal is for persons; a service that sends messages gets deliver";
    }
    if (kind == PRINCIPAL_PERSON && !roles[role].persons) {
        return role == ROLE_DELIVER ? "deliver is for services; a person gets reveal"
                                    : "the role service is for services, not for persons";
    }
    return NULL;
}

static bool
opens_contacts(enum role role)
{
    return (roles[role].capabilities & (MAY_REVEAL | MAY_DELIVER)) != 0;
}

const char *
access_role_exclusion(enum role one, enum role other)
{
    if ((one == ROLE_ADMIN && opens_contacts(other)) ||
        (other == ROLE_ADMIN && opens_contacts(one))) {
        return "no principal may hold admin together with reveal or deliver: use a second one";
    }
    return NULL;
}

const char *
access_role_figures_fault(enum role role, uint32_t daily, uint32_t hourly)
{
    if (!roles[role].budget && (daily != 0 || hourly != 0)) {
        return "this role has no budget of its own: give no daily and no hourly figure";
    }
    if (daily != 0 && hourly > daily) {
        return "more in an hour than in a day: the hourly figure is at most the daily one";
    }
    return NULL;
}

bool
access_grant_same_sort(const struct grant *one, const struct grant *other)
{
    return one->role == other->role && one->namespace_id == other->namespace_id &&
           (one->ends_ms == 0) == (other->ends_ms == 0);
}

static bool
is_letter_or_digit(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool
access_name_valid(struct bytes name)
{
    if (name.size == 0 || name.size > NAME_BYTES_MAX || !is_letter_or_digit(name.data[0])) {
        return false;
    }
    for (size_t i = 1; i < name.size; i++) {
        uint8_t c = name.data[i];

        if (!is_letter_or_digit(c) && c != '.' && c != '_' && c != '-') {
            return false;
        }
    }
    return true;
}

bool
access_uid_valid(uint32_t uid)
{
    return uid != ACCESS_UID_OVERFLOW && uid != UINT32_MAX;
}

static void
digest_identity(const char *what, struct bytes identity,
                uint8_t ret_identity[static ACCESS_DIGEST_BYTES])
{
    crypto_generichash_state state;

    (void)crypto_generichash_init(&state, NULL, 0, ACCESS_DIGEST_BYTES);
    (void)crypto_generichash_update(&state, (const uint8_t *)what, strlen(what));
    (void)crypto_generichash_update(&state, identity.data, identity.size);
    (void)crypto_generichash_final(&state, ret_identity, ACCESS_DIGEST_BYTES);
}

void
access_identity_of_uid(uint32_t uid, uint8_t ret_identity[static ACCESS_DIGEST_BYTES])
{
    uint8_t number[4];

    put_u32(number, uid);
    digest_identity("uid", bytes_of(number, sizeof number), ret_identity);
}

void
access_identity_of_number(uint32_t number, uint8_t ret_identity[static ACCESS_DIGEST_BYTES])
{
    uint8_t bytes[4];

    put_u32(bytes, number);
    digest_identity("invited", bytes_of(bytes, sizeof bytes), ret_identity);
}

void
access_identity_of_key(const uint8_t public_key[static PUBLIC_KEY_BYTES],
                       uint8_t ret_identity[static ACCESS_DIGEST_BYTES])
{
    digest_identity("key", bytes_of(public_key, PUBLIC_KEY_BYTES), ret_identity);
}
