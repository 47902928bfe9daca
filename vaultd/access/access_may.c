/* SPDX-License-Identifier: Apache-2.0 */
/* What the grants a principal holds let it do now, and how much of it. */
#include "access.h"

#include <string.h>

#include "access_change.h"
#include "access_internal.h"
#include "clock.h"

enum {
    MAY_FIND = MAY_TOKENIZE | MAY_LOOKUP, /* one budget: each tells which contacts there are */
    MAY_OPEN = MAY_REVEAL | MAY_DELIVER,
};

/* The clock is read only where there is an end. */
static bool
grant_has_ended(const struct grant *grant)
{
    return grant->ends_ms != 0 && clock_vault_ms() >= grant->ends_ms;
}

static bool
is_shredded(const struct access *access, uint32_t namespace_id)
{
    const struct namespace_row *row = access_namespace_by_id(access, namespace_id);

    return row != NULL && row->shredded;
}

bool
access_grant_is_over(const struct access *access, const struct grant *grant)
{
    return grant_has_ended(grant) || is_shredded(access, grant->namespace_id);
}

/* Apart from place and end. */
static bool
grant_carries(const struct grant *grant, unsigned capabilities, const uint8_t *identity)
{
    return (access_role_capabilities(grant->role) & capabilities) != 0 &&
           (!access_role_is_bound(grant->role) ||
            memcmp(grant->bound_to, identity, ACCESS_DIGEST_BYTES) == 0);
}

const uint8_t *
access_identity(const struct access *access, const struct principal *principal)
{
    return access->principals[principal->number - 1]->identity;
}

/* What its grants must be bound to; NULL: none of them counts. */
static const uint8_t *
identity_of(const struct access *access, const struct principal *principal)
{
    if (principal->disabled || principal->number == 0 ||
        principal->number > access->principal_count) {
        return NULL;
    }
    return access->principals[principal->number - 1]->identity;
}

/* The next grant from `index` on that carries a capability there and has not ended, or NULL. */
static const struct grant *
next_in_force(const struct access *access, const struct principal *principal, unsigned capabilities,
              uint32_t namespace_id, size_t *index)
{
    const uint8_t *identity = identity_of(access, principal);

    while (identity != NULL && *index < principal->grant_count) {
        const struct grant *grant = &principal->grants[(*index)++];

        if (grant->namespace_id == namespace_id && grant_carries(grant, capabilities, identity) &&
            !access_grant_is_over(access, grant)) {
            return grant;
        }
    }
    return NULL;
}

const struct namespace_row *
access_only_namespace(const struct access *access, const struct principal *principal)
{
    uint32_t only = 0;

    for (size_t i = 0; i < principal->grant_count; i++) {
        uint32_t id = principal->grants[i].namespace_id;

        if (id == 0 || access_grant_is_over(access, &principal->grants[i])) {
            continue;
        }
        if (only != 0 && id != only) {
            return NULL;
        }
        only = id;
    }
    return access_namespace_by_id(access, only);
}

bool
access_may(const struct access *access, const struct principal *principal, unsigned capabilities,
           uint32_t namespace_id)
{
    size_t index = 0;

    return next_in_force(access, principal, capabilities, namespace_id, &index) != NULL;
}

bool
access_has_ended(const struct access *access, const struct principal *principal,
                 unsigned capabilities)
{
    const uint8_t *identity = identity_of(access, principal);

    for (size_t i = 0; identity != NULL && i < principal->grant_count; i++) {
        if (grant_carries(&principal->grants[i], capabilities, identity) &&
            grant_has_ended(&principal->grants[i]) &&
            !is_shredded(access, principal->grants[i].namespace_id)) {
            return true;
        }
    }
    return false;
}

/* ---- how much ---- */

/* 0 is without limit, so more than any. */
static uint32_t
larger_limit(uint32_t a, uint32_t b)
{
    if (a == 0 || b == 0) {
        return 0;
    }
    return a > b ? a : b;
}

static bool
is_of_sort(const struct grant *grant, enum grant_sort sort)
{
    return sort == GRANTS_ALL || (grant->ends_ms != 0) == (sort == GRANTS_ENDING);
}

bool
access_limits(const struct access *access, const struct principal *principal,
              struct limits_asked asked, struct budget_limits *ret_limits)
{
    bool for_finding = (asked.capabilities & MAY_FIND) != 0;
    unsigned wanted = for_finding ? MAY_FIND : asked.capabilities & MAY_OPEN;
    const struct grant *grant;
    size_t index = 0;
    bool found = false;

    /* A grant may end between two looks: who holds none gets next to nothing, never everything. */
    *ret_limits = (struct budget_limits){.daily = 1, .hourly = 1};
    while ((grant = next_in_force(access, principal, wanted, asked.namespace_id, &index)) != NULL) {
        /* The figures of a reveal grant are about reveals. */
        struct budget_limits other = for_finding && grant->role != ROLE_SERVICE
                                         ? access->defaults.lookup
                                         : access_grant_limits(access, grant);

        if (is_of_sort(grant, asked.sort)) {
            ret_limits->daily = larger_limit(ret_limits->daily, other.daily);
            ret_limits->hourly = larger_limit(ret_limits->hourly, other.hourly);
            found = true;
        }
    }
    return found;
}

/* With a daily figure of its own, an hourly one that is not told keeps its proportion to it. */
static uint32_t
hourly_untold(const struct grant *grant, struct budget_limits defaults)
{
    uint64_t hourly;

    if (grant->daily == 0 || defaults.daily == 0 || defaults.hourly == 0) {
        return defaults.hourly;
    }
    hourly = (uint64_t)grant->daily * defaults.hourly / defaults.daily;
    return hourly > 0 ? (uint32_t)hourly : 1;
}

struct budget_limits
access_grant_limits(const struct access *access, const struct grant *grant)
{
    struct budget_limits limits = {0};

    switch (grant->role) {
    case ROLE_SERVICE:
        limits = access->defaults.service;
        break;
    case ROLE_DELIVER:
        limits = access->defaults.deliver;
        break;
    case ROLE_REVEAL:
        limits = access->defaults.reveal;
        break;
    case ROLE_ADMIN:
    case ROLE_PRIVACY:
    case ROLE_AUDIT:
        break; /* without a budget, and so without figures */
    }
    return (struct budget_limits){
        .daily = grant->daily != 0 ? grant->daily : limits.daily,
        .hourly = grant->hourly != 0 ? grant->hourly : hourly_untold(grant, limits),
    };
}

/* ---- more than that? ---- */

static bool
is_above(uint32_t limit, uint32_t other)
{
    return limit != other && larger_limit(limit, other) == limit;
}

static bool
permits_more(const struct access *access, const struct grant *grant, const struct grant *than)
{
    struct budget_limits limits = access_grant_limits(access, grant);
    struct budget_limits others = access_grant_limits(access, than);

    return is_above(limits.daily, others.daily) || is_above(limits.hourly, others.hourly) ||
           grant->ends_ms > than->ends_ms;
}

bool
access_grant_raises(const struct access *access, const struct access_grant_spec *spec)
{
    const struct principal *principal = access_by_name(access, spec->principal);
    const struct namespace_row *row = access_namespace(access, spec->namespace_name);
    const struct grant wanted = {.role = spec->role,
                                 .namespace_id = row == NULL ? 0 : row->id,
                                 .ends_ms = spec->ends_ms,
                                 .daily = spec->daily,
                                 .hourly = spec->hourly};
    const struct grant untold = {.role = spec->role, .ends_ms = spec->ends_ms};
    bool holds_other = false;

    for (size_t i = 0; principal != NULL && i < principal->grant_count; i++) {
        const struct grant *held = &principal->grants[i];

        if (held->role != wanted.role || held->namespace_id != wanted.namespace_id ||
            access_grant_is_over(access, held)) {
            continue;
        }
        if (access_grant_same_sort(held, &wanted)) {
            return permits_more(access, &wanted, held);
        }
        holds_other = true;
    }
    return holds_other || permits_more(access, &wanted, &untold);
}
