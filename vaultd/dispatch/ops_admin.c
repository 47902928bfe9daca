/* SPDX-License-Identifier: Apache-2.0 */
/* What admins do: freeze, namespaces, principals, grants. No operation here returns a contact. */
#include "dispatch_internal.h"

#include <sodium.h>
#include <stdio.h>
#include <time.h>

#include "clock.h"
#include "code.h"
#include "log.h"
#include "operations.h"
#include "scratch.h"
#include "secret.h"

enum { SECOND_MS = 1000 };

/* ---- changes ---- */

/* A role that excludes another: who tried to give it is on record. What cannot
 * be entered any more is refused all the same. */
static void
record_conflict(struct call *call, struct audit_entry entry)
{
    const char *fault = call->fault;

    entry.phase = AUDIT_DONE;
    entry.result = STATUS_CONFLICT;
    if (call_may_refuse(call, 1) == STATUS_OK) {
        (void)!audit_append(call->dispatch->parts.audit, &entry, 1);
    }
    call->retry_after_s = 0;
    call->fault = fault;
}

enum status
call_change_access(struct call *call, enum status prepared, struct access_change **access_change,
                   struct audit_entry entry)
{
    enum status status = prepared;

    if (status == STATUS_OK && call->waits) {
        access_change_free(access_change);
        return approvals_file(call, &entry);
    }
    if (status == STATUS_OK) {
        bool has_keys = call->row->operation == OP_NAMESPACE_CREATE ||
                        call->row->operation == OP_NAMESPACE_SHRED;
        uint32_t id = has_keys ? access_change_id(*access_change) : 0;

        status = dispatch_change_access(call->dispatch, entry, access_change, id, &call->fault);
        /* The rows may have moved. */
        call->principal = NULL;
    } else if (prepared == STATUS_CONFLICT && call->row->operation == OP_GRANT) {
        record_conflict(call, entry);
    }
    return status == STATUS_OK ? call_begin_reply(call, 1, 0) : status;
}

enum status
call_change_named(struct call *call, prepare_named *prepare)
{
    struct access_change *access_change = NULL;
    struct audit_entry entry = call_audit_entry(call, AUDIT_INTENT, STATUS_OK);

    entry.subject = call_text(call, FIELD_NAME);
    return call_change_access(
        call, prepare(call->dispatch->parts.access, entry.subject, &access_change, &call->fault),
        &access_change, entry);
}

enum status
call_change_key(struct call *call, prepare_key *prepare)
{
    struct access_change *access_change = NULL;
    struct audit_entry entry = call_audit_entry(call, AUDIT_INTENT, STATUS_OK);

    entry.subject = call_text(call, FIELD_NAME);
    return call_change_access(call,
                              prepare(call->dispatch->parts.access, entry.subject,
                                      call_text(call, FIELD_PUBLIC_KEY).data, &access_change,
                                      &call->fault),
                              &access_change, entry);
}

enum status
op_namespace_create(struct call *call)
{
    struct access_change *access_change = NULL;
    struct audit_entry entry = call_audit_entry(call, AUDIT_INTENT, STATUS_OK);

    entry.namespace_name = call_text(call, FIELD_NAME);
    return call_change_access(call,
                              access_prepare_namespace(call->dispatch->parts.access,
                                                       entry.namespace_name, &access_change,
                                                       &call->fault),
                              &access_change, entry);
}

enum status
op_namespace_set(struct call *call)
{
    struct access_change *access_change = NULL;
    struct audit_entry entry = call_audit_entry(call, AUDIT_INTENT, STATUS_OK);
    uint64_t months = 0;

    if (!message_uint(call->request, FIELD_RETAIN_MONTHS, &months) || months > RETAIN_MONTHS_MAX) {
        return call_refuse(call, STATUS_INVALID, "retain_months: 0 to 1200");
    }
    entry.namespace_name = call_text(call, FIELD_NAME);
    entry.amount = months;
    return call_change_access(call,
                              access_prepare_retention(call->dispatch->parts.access,
                                                       entry.namespace_name, (uint16_t)months,
                                                       &access_change, &call->fault),
                              &access_change, entry);
}

enum status
op_namespace_shred(struct call *call)
{
    struct access_change *access_change = NULL;
    struct audit_entry entry = call_audit_entry(call, AUDIT_INTENT, STATUS_OK);
    enum status status;

    entry.namespace_name = call_text(call, FIELD_NAME);
    status = access_prepare_shred(call->dispatch->parts.access, entry.namespace_name,
                                  &access_change, &call->fault);
    status = call_change_access(call, status, &access_change, entry);
    if (status == STATUS_OK && call->dispatch->chores.shredding.keys_wait) {
        return call_refuse(call, STATUS_UNAVAILABLE,
                           "nobody can use it from now on, but its keys could not leave the "
                           "keyring: is the disk full? The vault tries again every second");
    }
    return status;
}

static enum status
change_freeze(struct call *call, enum freeze freeze)
{
    struct access_change *access_change = NULL;
    struct audit_entry entry = call_audit_entry(call, AUDIT_INTENT, STATUS_OK);
    enum status status;

    entry.amount = freeze;
    status =
        access_prepare_freeze(call->dispatch->parts.access, freeze, &access_change, &call->fault);
    status = call_change_access(call, status, &access_change, entry);
    if (status == STATUS_OK) {
        LOG(LOG_LEVEL_NOTICE, freeze == FREEZE_NONE ? EVENT_THAWED : EVENT_FROZEN,
            F("deliveries", freeze == FREEZE_ALL));
    }
    return status;
}

enum status
op_freeze(struct call *call)
{
    bool all = false;
    enum freeze now = access_frozen(call->dispatch->parts.access);

    (void)!message_bool(call->request, FIELD_ALL, &all);
    /* Who freezes people while all is frozen shall not thereby let deliveries go. */
    if (!all && now == FREEZE_ALL) {
        return call_refuse(call, STATUS_CONFLICT, "frozen already, deliveries too");
    }
    return change_freeze(call, all ? FREEZE_ALL : FREEZE_PEOPLE);
}

enum status
op_unfreeze(struct call *call)
{
    return change_freeze(call, FREEZE_NONE);
}

/* ---- principals ---- */

enum { INVITATION_S = 24 * 3600 };

/* A new code, of which the vault keeps a digest. */
static struct access_invitation
make_invitation(uint8_t ret_code[static CODE_BYTES])
{
    randombytes_buf(ret_code, CODE_BYTES);
    return (struct access_invitation){
        .code = ret_code, .until_ms = clock_vault_ms() + (uint64_t)INVITATION_S * SECOND_MS};
}

/* The one time it is told; then it is wiped. */
static enum status
reply_with_code(struct call *call, enum status status, uint8_t code[static CODE_BYTES])
{
    char text[CODE_TEXT_BYTES];

    if (status == STATUS_OK) {
        status = call_begin_reply(call, 3, 0);
    }
    if (status == STATUS_OK) {
        code_print(code, CODE_BYTES, text);
        message_put_text(&call->reply, FIELD_CODE, text);
        message_put_uint(&call->reply, FIELD_LASTS_S, INVITATION_S);
    }
    sodium_memzero(code, CODE_BYTES);
    sodium_memzero(text, sizeof text);
    return status;
}

static enum status
read_identity(struct call *call, struct access_principal_spec *spec, uint32_t *room)
{
    struct bytes public_key = call_text(call, FIELD_PUBLIC_KEY);
    uint64_t kind = 0;
    uint64_t uid = 0;

    if (!message_uint(call->request, FIELD_KIND, &kind) ||
        (kind != PRINCIPAL_SERVICE && kind != PRINCIPAL_PERSON)) {
        return call_refuse(call, STATUS_INVALID, "kind: 1 (service) or 2 (person)");
    }
    spec->kind = (enum principal_kind)kind;
    if (message_uint(call->request, FIELD_UID, &uid)) {
        *room = (uint32_t)uid; /* the field table limits it to 32 bits */
        spec->uid = room;
    }
    spec->public_key = public_key.data;
    (void)!message_bool(call->request, FIELD_RELAYED, &spec->relayed);
    return STATUS_OK;
}

enum status
op_principal_add(struct call *call)
{
    struct access_change *access_change = NULL;
    struct audit_entry entry = call_audit_entry(call, AUDIT_INTENT, STATUS_OK);
    struct access_principal_spec spec = {.name = call_text(call, FIELD_NAME)};
    uint8_t code[CODE_BYTES];
    struct access_invitation invitation;
    uint32_t uid;
    enum status status = read_identity(call, &spec, &uid);

    if (status != STATUS_OK) {
        return status;
    }
    if (spec.kind == PRINCIPAL_PERSON) {
        invitation = make_invitation(code);
        spec.invitation = &invitation;
    }
    entry.subject = spec.name;
    status = call_change_access(
        call,
        access_prepare_principal(call->dispatch->parts.access, &spec, &access_change, &call->fault),
        &access_change, entry);
    return spec.invitation == NULL ? status : reply_with_code(call, status, code);
}

enum status
op_principal_invite(struct call *call)
{
    struct access_change *access_change = NULL;
    struct audit_entry entry = call_audit_entry(call, AUDIT_INTENT, STATUS_OK);
    uint8_t code[CODE_BYTES];
    struct access_invitation invitation = make_invitation(code);
    enum status status;

    entry.subject = call_text(call, FIELD_NAME);
    status =
        call_change_access(call,
                           access_prepare_invitation(call->dispatch->parts.access, entry.subject,
                                                     &invitation, &access_change, &call->fault),
                           &access_change, entry);
    return reply_with_code(call, status, code);
}

enum status
op_principal_disable(struct call *call)
{
    return call_change_named(call, access_prepare_disable);
}

enum status
op_principal_enable(struct call *call)
{
    return call_change_named(call, access_prepare_enable);
}

/* A service's. A person makes her own key: she enrols anew. */
enum status
op_principal_set_key(struct call *call)
{
    return call_change_key(call, access_prepare_key);
}

/*
 * Under the exclusive gate no reveal of hers is half way, and after this change none is admitted:
 * so what stands in the log is all she ever saw. Her sessions end, and what she asked for is
 * withdrawn, by what follows every change of the rules (follow.c).
 */
enum status
op_principal_offboard(struct call *call)
{
    return call_change_named(call, access_prepare_offboard);
}

/* When a grant ends, and how much it permits. */
static enum status
read_terms(struct call *call, struct access_grant_spec *spec)
{
    uint64_t lasts_s = 0;
    uint64_t daily = 0;
    uint64_t hourly = 0;

    if (message_uint(call->request, FIELD_LASTS_S, &lasts_s) &&
        message_uint(call->request, FIELD_UNTIL, &spec->ends_ms)) {
        return call_refuse(call, STATUS_INVALID, "lasts_s, until: only one of them");
    }
    if (lasts_s > 0) {
        spec->ends_ms = clock_vault_ms() + lasts_s * SECOND_MS;
    }
    (void)!message_uint(call->request, FIELD_UNTIL, &spec->ends_ms);
    (void)!message_uint(call->request, FIELD_DAILY, &daily);
    (void)!message_uint(call->request, FIELD_HOURLY, &hourly);
    spec->daily = (uint32_t)daily; /* the field table limits both to 32 bits */
    spec->hourly = (uint32_t)hourly;
    return STATUS_OK;
}

/* Who is to approve it reads how long it lasts: by when it ends is settled when it is approved. */
static void
describe_end(const struct call *call, uint64_t ends_ms, char *ret_end, size_t size)
{
    time_t ends = (time_t)(ends_ms / SECOND_MS);
    struct tm parts = {0};
    uint64_t lasts_s = 0;

    if (ends_ms == 0) {
        (void)snprintf(ret_end, size, "no end");
    } else if (call->waits && message_uint(call->request, FIELD_LASTS_S, &lasts_s)) {
        (void)snprintf(ret_end, size, "for %llu s from the approval on",
                       (unsigned long long)lasts_s);
    } else {
        (void)strftime(ret_end, size, "ends %Y-%m-%dT%H:%M:%SZ", gmtime_r(&ends, &parts));
    }
}

/* The terms in words, for whoever reads the log: they stand where a person's reason would. Absent:
 * no end, and the defaults. */
static struct bytes
describe_terms(struct call *call, const struct access_grant_spec *spec)
{
    enum { TERMS_BYTES = 112, END_BYTES = 48 };
    char *text = scratch_alloc(call->scratch, TERMS_BYTES);
    char end[END_BYTES];

    if (text == NULL || spec->revoke ||
        (spec->ends_ms == 0 && spec->daily == 0 && spec->hourly == 0)) {
        return (struct bytes){0};
    }
    describe_end(call, spec->ends_ms, end, sizeof end);
    (void)snprintf(text, TERMS_BYTES, "%s; a day %u, an hour %u (0: the default)", end, spec->daily,
                   spec->hourly);
    return bytes_of_text(text);
}

enum status
call_read_grant(struct call *call, struct access_grant_spec *ret_spec)
{
    uint64_t role = 0;

    *ret_spec = (struct access_grant_spec){.principal = call_text(call, FIELD_NAME),
                                           .namespace_name = call_text(call, FIELD_NAMESPACE)};
    if (!message_uint(call->request, FIELD_ROLE, &role) || role == 0 || role >= ROLE_COUNT) {
        return call_refuse(call, STATUS_INVALID,
                           "role: service, deliver, reveal, admin, privacy or audit");
    }
    ret_spec->role = (enum role)role;
    return read_terms(call, ret_spec);
}

static enum status
change_grant(struct call *call, bool revoke)
{
    struct access_change *access_change = NULL;
    struct audit_entry entry = call_audit_entry(call, AUDIT_INTENT, STATUS_OK);
    struct access_grant_spec spec;

    if (call_read_grant(call, &spec) != STATUS_OK) {
        return STATUS_INVALID;
    }
    spec.revoke = revoke;
    entry.amount = spec.daily;
    entry.reason = describe_terms(call, &spec);
    entry.subject = spec.principal;
    entry.namespace_name = spec.namespace_name;
    entry.role = (uint8_t)spec.role;
    return call_change_access(
        call,
        access_prepare_grant(call->dispatch->parts.access, &spec, &access_change, &call->fault),
        &access_change, entry);
}

enum status
op_grant(struct call *call)
{
    return change_grant(call, false);
}

enum status
op_revoke(struct call *call)
{
    return change_grant(call, true);
}
