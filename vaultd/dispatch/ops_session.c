/* SPDX-License-Identifier: Apache-2.0 */
/* login, logout, whoami (PROTOCOL.md, "People"). A login is on record and on disk before its
 * session exists, and so is a code that was wrong before it is said to be. */
#include "dispatch_internal.h"

#include <sodium.h>

#include "clock.h"
#include "code.h"
#include "failpoint.h"
#include "log.h"
#include "operations.h"
#include "people_rules.h"
#include "person.h"
#include "totp.h"

#define NO_LOG "the log cannot take this login, so there is none"

/* ---- whether there is any use in trying ---- */

enum status
login_judge(struct call *call)
{
    struct dispatch *dispatch = call->dispatch;
    uint32_t locked_s;

    if (!access_is_enrolled(call->principal) || !call->peer->by_own_key) {
        return call_refuse(call, STATUS_INVALID,
                           "login: for a person, on a connection that has proved her own key");
    }
    if (!throttle_take(&dispatch->proofs, call->peer->uid, 0)) {
        call->retry_after_s = 1;
        return call_refuse(call, STATUS_BUSY, "too many proofs of this user id did not hold");
    }
    locked_s = logins_locked_s(dispatch->logins, call->principal->number, clock_vault_ms());
    if (locked_s > 0) {
        enum status status = call_refuse_on_record(
            call, STATUS_QUOTA, "too many codes were wrong: locked for a quarter of an hour");

        call->retry_after_s = call->would_wait ? 0 : locked_s;
        return status;
    }
    return STATUS_OK;
}

/* ---- what comes of it ---- */

enum { SESSION_FIELDS = 3 };

/* How long it goes on, and how she gets in without her phone. */
static void
put_session(struct call *call)
{
    uint32_t idle_s = 0;
    uint32_t lasts_s = 0;

    (void)sessions_left(call->dispatch->sessions, call->session, clock_boot_ms(), &idle_s,
                        &lasts_s);
    message_put_uint(&call->reply, FIELD_IDLE_S, idle_s);
    message_put_uint(&call->reply, FIELD_LASTS_S, lasts_s > 0 ? lasts_s : 1);
    message_put_uint(&call->reply, FIELD_CODES_LEFT, access_recovery_left(call->principal));
}

static void
put_waiting(struct call *call, size_t waiting)
{
    if (waiting > 0) {
        message_put_uint(&call->reply, FIELD_WAITING, waiting);
    }
}

static enum status
reply_with_session(struct call *call)
{
    size_t waiting = approvals_waiting_for(call->dispatch, call->principal);
    enum status status = call_begin_reply(call, 2U + SESSION_FIELDS + (waiting > 0), 0);

    if (status == STATUS_OK) {
        message_put_text(&call->reply, FIELD_PRINCIPAL, call->principal->name);
        put_session(call);
        put_waiting(call, waiting);
    }
    return status;
}

/* The factor was good, and that is on disk. */
static enum status
begin_session(struct call *call)
{
    const struct session_spec spec = {
        .principal = call->principal->number,
        .uid = call->peer->uid,
        .relayed = call->principal->relayed,
        .key = call_text(call, FIELD_PUBLIC_KEY).data,
        .connection = call->peer->connection,
    };
    enum status status;

    CRASH_POINT("login_recorded");
    status = sessions_open(call->dispatch->sessions, &spec, clock_boot_ms(), &call->session);
    if (status != STATUS_OK) {
        return call_refuse(call, status,
                           status == STATUS_BUSY
                               ? "there are as many sessions as there can be"
                               : "this session's key is in use: make a fresh one");
    }
    return reply_with_session(call);
}

/* Counted, and on disk, before she learns it: who kills the vault does not get his tries back. */
static enum status
refuse_factor(struct call *call, const char *fault)
{
    struct dispatch *dispatch = call->dispatch;
    struct audit_entry entry = call_audit_entry(call, AUDIT_DONE, STATUS_DENIED);
    enum status status = audit_record(dispatch->parts.audit, &entry, 1, AUDIT_RESERVE_ERASE);
    bool locks;

    CRASH_POINT("login_refused");
    locks = logins_note_failure(dispatch->logins, call->principal->number, clock_vault_ms());

    if (locks) {
        struct audit_entry locked = call_audit_entry(call, AUDIT_DONE, STATUS_QUOTA);

        LOG(LOG_LEVEL_WARNING, EVENT_LOGIN_LOCKED, F("principal", call->principal->number));
        (void)!audit_append(dispatch->parts.audit, &locked, 1);
        fault = "the code is wrong; too many were: locked for a quarter of an hour";
    }
    return status == STATUS_OK ? call_refuse(call, STATUS_DENIED, fault)
                               : call_refuse(call, STATUS_UNAVAILABLE, NO_LOG);
}

/* It was good: from now on it is used up, and she is in. */
static enum status
log_in(struct call *call, const struct factor_used *used)
{
    struct access *access = call->dispatch->parts.access;
    struct access_change *change = NULL;
    struct audit_entry entry = call_audit_entry(call, AUDIT_INTENT, STATUS_OK);
    uint32_t number = call->principal->number;
    enum status status;

    CRASH_POINT("login_checked");
    if (used->by_recovery) {
        entry.subject = bytes_of_text("recovery");
        entry.amount = used->index + 1; /* by this a restore uses it up again */
    } else {
        entry.amount = used->step;
    }
    status = access_prepare_login(access, bytes_of_text(call->principal->name), used, &change,
                                  &call->fault);
    if (status == STATUS_OK) {
        status = dispatch_change_access(call->dispatch, entry, &change, 0, &call->fault);
        call->principal = access_by_number(access, number); /* the rows have moved */
    }
    return status == STATUS_OK ? begin_session(call) : status;
}

static enum status
check_totp(const struct call *call, uint64_t *ret_step)
{
    uint8_t secret[TOTP_SECRET_BYTES];
    enum status status = access_open_totp(call->dispatch->parts.access, call->principal, secret);

    if (status == STATUS_OK) {
        status = totp_check(secret, call_text(call, FIELD_FACTOR), clock_wall_ms(),
                            call->principal->factor.used_step, ret_step);
    }
    sodium_memzero(secret, sizeof secret);
    return status;
}

static enum status
log_in_by_totp(struct call *call)
{
    struct factor_used used = {0};
    enum status status = check_totp(call, &used.step);

    if (status == STATUS_DENIED) {
        return refuse_factor(call, "the code is wrong: is the clock of your phone right?");
    }
    if (status == STATUS_CONFLICT) {
        return refuse_factor(call, "this code was used: wait for the next one");
    }
    return status == STATUS_OK ? log_in(call, &used) : status;
}

static enum status
log_in_by_recovery(struct call *call, const uint8_t *code)
{
    struct factor_used used = {.by_recovery = true};

    return access_find_recovery(call->dispatch->parts.access, call->principal, code, &used.index)
               ? log_in(call, &used)
               : refuse_factor(call, "no recovery code of yours, or used already");
}

/* ---- the operations ---- */

/* That the session's key is of her making: signed by the key this connection has proved. */
static bool
certificate_holds(const struct call *call)
{
    uint8_t transcript[SESSION_TRANSCRIPT_BYTES];
    const struct session_certificate certificate = {
        .instance_id = vault_instance_id(call->dispatch->parts.vault),
        .connection = call->peer->connection,
        .session_key = call_text(call, FIELD_PUBLIC_KEY).data,
    };

    session_transcript(&certificate, transcript);
    return crypto_sign_verify_detached(call_text(call, FIELD_SIGNATURE).data, transcript,
                                       sizeof transcript, call->principal->public_key) == 0;
}

enum status
op_login(struct call *call)
{
    struct bytes factor = call_text(call, FIELD_FACTOR);
    uint8_t code[RECOVERY_BYTES];
    enum status status;

    /* No failure of the second factor: it is not even looked at. */
    if (!certificate_holds(call)) {
        (void)throttle_take(&call->dispatch->proofs, call->peer->uid, 1);
        return call_refuse(call, STATUS_INVALID, "the session's key is not signed by yours");
    }
    if (totp_is_code(factor)) {
        return log_in_by_totp(call);
    }
    if (!code_parse(factor, RECOVERY_BYTES, code)) {
        (void)throttle_take(&call->dispatch->proofs, call->peer->uid, 1);
        return call_refuse(call, STATUS_INVALID,
                           "factor: six digits, or a recovery code of sixteen letters");
    }
    status = log_in_by_recovery(call, code);
    sodium_memzero(code, sizeof code);
    return status;
}

enum status
op_logout(struct call *call)
{
    struct audit_entry entry = call_audit_entry(call, AUDIT_DONE, STATUS_OK);

    call->would_wait = call->mode == DISPATCH_NO_WAIT; /* the log may have to wait for the disk */
    if (call->would_wait) {
        return STATUS_BUSY;
    }
    if (call->session == 0) {
        return call_refuse(call, STATUS_INVALID, "logout: only persons have sessions");
    }
    sessions_end(call->dispatch->sessions, call->session);
    (void)!audit_append(call->dispatch->parts.audit, &entry, 1);
    return call_begin_reply(call, 1, 0);
}

enum status
op_whoami(struct call *call)
{
    bool in_session = call->session != 0;
    size_t waiting = in_session ? approvals_waiting_for(call->dispatch, call->principal) : 0;
    enum status status =
        call_begin_reply(call, 2U + (in_session ? SESSION_FIELDS : 0U) + (waiting > 0),
                         call_principal_items(call->principal));

    if (status != STATUS_OK) {
        return status;
    }
    message_put_list(&call->reply, FIELD_ITEMS, 1);
    call_write_principal(call, call->principal);
    if (in_session) {
        put_session(call);
    }
    put_waiting(call, waiting);
    return STATUS_OK;
}
