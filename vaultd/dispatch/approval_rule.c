/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which requests wait for a second admin: those that give somebody rights, let data out, or take
 * the vault from those who watch over it. Never what only stops somebody (SECURITY.md, S46).
 */
#include "dispatch_internal.h"

#include "clock.h"
#include "operations.h"

/* Of this very request. */
typedef bool question(struct call *call);

static const struct principal *
subject_of(const struct call *call)
{
    return access_by_name(call->dispatch->parts.access, call_text(call, FIELD_NAME));
}

static bool
every_one(struct call *call)
{
    (void)call;
    return true;
}

/* Of an admin: else one alone would be rid of the other. Of one who is disabled, too: two did that
 * for a while, one alone shall not make it for good. The first admin, once disabled, stays so. */
static bool
stops_an_admin(struct call *call)
{
    const struct principal *subject = subject_of(call);

    if (subject == NULL || (subject->bootstrap && subject->disabled)) {
        return false;
    }
    for (size_t i = 0; i < subject->grant_count; i++) {
        const struct grant *grant = &subject->grants[i];

        if (grant->role == ROLE_ADMIN &&
            (grant->ends_ms == 0 || grant->ends_ms > clock_vault_ms())) {
            return true;
        }
    }
    return false;
}

static bool
takes_admin(struct call *call)
{
    uint64_t role = 0;

    return message_uint(call->request, FIELD_ROLE, &role) && role == ROLE_ADMIN &&
           stops_an_admin(call);
}

/* Who has no key yet has no grant yet. */
static bool
has_key(struct call *call)
{
    const struct principal *subject = subject_of(call);

    return subject != NULL && subject->has_key;
}

/* The role service lets nobody see a contact, within its budget. */
static bool
gives_much(struct call *call)
{
    struct access_grant_spec spec;

    return call_read_grant(call, &spec) == STATUS_OK &&
           (spec.role != ROLE_SERVICE || access_grant_raises(call->dispatch->parts.access, &spec));
}

/* `waits`: is it one of those? `names`: FIELD_NAME is a principal's. `stops`: it may take an
 * admin away. */
static const struct {
    enum operation operation;
    question *waits;
    bool names, stops;
} rules[] = {
    {OP_GRANT, gives_much, .names = true},
    {OP_REVOKE, takes_admin, .names = true, .stops = true},
    {OP_PRINCIPAL_ENABLE, every_one, .names = true},
    {OP_PRINCIPAL_DISABLE, stops_an_admin, .names = true, .stops = true},
    {OP_PRINCIPAL_OFFBOARD, stops_an_admin, .names = true, .stops = true},
    {OP_PRINCIPAL_SET_KEY, every_one, .names = true},
    {OP_PRINCIPAL_INVITE, has_key, .names = true},
    {OP_RECIPIENT_ADD, every_one, .names = false},
    {OP_ROOT_ROTATE, every_one, .names = false},
    {OP_UNFREEZE, every_one, .names = false},
    {OP_NAMESPACE_SHRED, every_one, .names = false},
    {OP_APPROVALS_SET, every_one, .names = false},
};

enum { RULE_COUNT = sizeof rules / sizeof rules[0] };

static enum status
judge(struct call *call, bool stops)
{
    const struct access *access = call->dispatch->parts.access;
    const struct principal *subject = stops ? subject_of(call) : NULL;

    /* Refused before anybody is asked to approve it, and again when it is to be done. */
    if (subject != NULL && access_needs_approver(access, subject)) {
        return call_refuse(call, STATUS_CONFLICT,
                           "without her nothing could be approved any more: make another admin "
                           "first");
    }
    if (!access_is_known_person(call->principal)) {
        return call_refuse_on_record(call, STATUS_DENIED,
                                     "this takes two persons, each known by a key of her own");
    }
    call->waits = !call->approved;
    return STATUS_OK;
}

enum status
approval_judge(struct call *call)
{
    call->waits = false;
    for (size_t i = 0; i < RULE_COUNT; i++) {
        if (rules[i].operation == call->row->operation &&
            access_approvals_in_force(call->dispatch->parts.access) && rules[i].waits(call)) {
            return judge(call, rules[i].stops);
        }
    }
    return STATUS_OK;
}

const struct principal *
approval_subject(const struct call *call)
{
    for (size_t i = 0; i < RULE_COUNT; i++) {
        if (rules[i].operation == call->row->operation) {
            return rules[i].names ? subject_of(call) : NULL;
        }
    }
    return NULL;
}
