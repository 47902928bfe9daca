/* SPDX-License-Identifier: Apache-2.0 */
/* enrol_begin, enrol_confirm: a person makes herself known by a key and a second factor
 * (PROTOCOL.md, "People"). No admin ever holds either. */
#include "dispatch_internal.h"

#include <sodium.h>

#include "clock.h"
#include "code.h"
#include "enrolments.h"
#include "person.h"
#include "scratch.h"
#include "totp.h"

#define NOT_INVITED                                                                                \
    "no invitation is open with this code for you: it may be mistyped, used, older than a day, "   \
    "or "                                                                                          \
    "for another user id or name"

/* ---- whose code it is ---- */

static const struct principal *
find_claimed(const struct call *call)
{
    const struct access *access = call->dispatch->parts.access;
    struct bytes name = call_text(call, FIELD_NAME);

    return name.size > 0 ? access_by_name(access, name) : access_by_uid(access, call->peer->uid);
}

/* The same answer whatever is wrong: who tries learns nothing. */
static const struct principal *
find_invited(const struct call *call)
{
    const struct access *access = call->dispatch->parts.access;
    const struct principal *principal = find_claimed(call);
    uint8_t code[CODE_BYTES];
    bool is_hers = principal != NULL && !principal->disabled &&
                   (!principal->has_uid || principal->uid == call->peer->uid) &&
                   code_parse(call_text(call, FIELD_CODE), CODE_BYTES, code) &&
                   access_code_is_hers(access, principal, code);

    sodium_memzero(code, sizeof code);
    return is_hers ? principal : NULL;
}

/* Who says it is Maria and is not is an entry about her; a name that is nobody's is none. */
static enum status
refuse_uninvited(struct call *call)
{
    struct audit_entry entry = call_audit_entry(call, AUDIT_DONE, STATUS_UNAUTHENTICATED);
    const struct principal *claimed = find_claimed(call);

    call->would_wait = call->mode == DISPATCH_NO_WAIT; /* the log may have to wait for the disk */
    if (call->would_wait) {
        return STATUS_BUSY;
    }
    (void)throttle_take(&call->dispatch->proofs, call->peer->uid, 1);
    if (claimed != NULL) {
        entry.subject = bytes_of_text(claimed->name);
        (void)!audit_append(call->dispatch->parts.audit, &entry, 1);
    }
    return call_refuse(call, STATUS_UNAUTHENTICATED, NOT_INVITED);
}

static enum status
judge_code(struct call *call, const struct principal **ret_principal)
{
    if (!throttle_take(&call->dispatch->proofs, call->peer->uid, 0)) {
        call->retry_after_s = 1;
        return call_refuse(call, STATUS_BUSY,
                           "too many codes and proofs of this user id were "
                           "wrong");
    }
    *ret_principal = find_invited(call);
    return *ret_principal != NULL ? STATUS_OK : refuse_uninvited(call);
}

/* ---- begin ---- */

static void
write_codes(struct call *call, const struct enrolment_secret *secret)
{
    char text[CODE_TEXT_BYTES];

    message_put_list(&call->reply, FIELD_CODES, RECOVERY_CODES);
    for (size_t i = 0; i < RECOVERY_CODES; i++) {
        code_print(secret->recovery[i], RECOVERY_BYTES, text);
        message_add_bytes(&call->reply, bytes_of_text(text));
    }
    sodium_memzero(text, sizeof text);
}

enum status
op_enrol_begin(struct call *call)
{
    const struct principal *principal = NULL;
    struct bytes public_key = call_text(call, FIELD_PUBLIC_KEY);
    uint8_t nonce[NONCE_BYTES];
    struct enrolment_secret secret;
    enum status status = judge_code(call, &principal);

    if (status == STATUS_OK && access_by_key(call->dispatch->parts.access, public_key.data)) {
        status = call_refuse(call, STATUS_CONFLICT, "this key belongs to somebody already");
    }
    if (status == STATUS_OK) {
        status = call_begin_reply(call, 6, 0);
    }
    if (status == STATUS_OK) {
        status = enrolments_begin(call->dispatch->enrolments, principal->number, public_key.data,
                                  clock_monotonic_ms(), nonce, &secret);
    }
    if (status != STATUS_OK) {
        return status;
    }
    message_put_bytes(&call->reply, FIELD_INSTANCE,
                      bytes_of(vault_instance_id(call->dispatch->parts.vault), INSTANCE_ID_BYTES));
    message_put_bytes(&call->reply, FIELD_NONCE, bytes_of(nonce, sizeof nonce));
    message_put_text(&call->reply, FIELD_PRINCIPAL, principal->name);
    message_put_bytes(&call->reply, FIELD_SECRET, bytes_of(secret.totp, sizeof secret.totp));
    write_codes(call, &secret);
    sodium_memzero(&secret, sizeof secret);
    return STATUS_OK;
}

/* ---- confirm ---- */

/* Under the shared gate first: nobody can hold up the others by asking for the exclusive one. */
enum status
enrol_judge(struct call *call)
{
    const struct principal *principal = NULL;
    struct bytes public_key = call_text(call, FIELD_PUBLIC_KEY);
    uint8_t nonce[NONCE_BYTES];
    struct enrolment_secret secret;
    enum status status = judge_code(call, &principal);

    if (status == STATUS_OK &&
        !enrolments_find(call->dispatch->enrolments, principal->number, public_key.data,
                         clock_monotonic_ms(), nonce, &secret)) {
        status = call_refuse(call, STATUS_CONFLICT,
                             "no enrolment of this key is under way: begin anew (vaultctl enrol)");
    }
    sodium_memzero(&secret, sizeof secret);
    return status;
}

/* She has the key, at this very vault, as the user she says she is. */
static bool
signature_holds(const struct call *call, const struct principal *principal, const uint8_t *nonce)
{
    struct bytes signature = call_text(call, FIELD_SIGNATURE);
    struct bytes public_key = call_text(call, FIELD_PUBLIC_KEY);
    uint8_t transcript[ENROL_TRANSCRIPT_BYTES_MAX];
    uint64_t uid = UINT64_MAX;

    if (!message_uint(call->request, FIELD_UID, &uid) ||
        (uid != call->peer->uid && !principal->relayed)) {
        return false;
    }
    const struct enrolment enrolment = {
        .instance_id = vault_instance_id(call->dispatch->parts.vault),
        .nonce = nonce,
        .public_key = public_key.data,
        .uid = (uint32_t)uid,
        .name = bytes_of_text(principal->name),
    };
    size_t size = enrol_transcript(&enrolment, transcript);

    return crypto_sign_verify_detached(signature.data, transcript, size, public_key.data) == 0;
}

/* Her authenticator shows what the vault expects, so the secret arrived. */
static enum status
check_first_code(struct call *call, const struct principal *principal,
                 const struct enrolment_secret *secret, uint64_t *ret_step)
{
    struct bytes factor = call_text(call, FIELD_FACTOR);
    enum status status;

    if (!totp_is_code(factor)) {
        return call_refuse(call, STATUS_INVALID, "factor: six digits");
    }
    /* Of a new secret: none of its steps was used. */
    status = totp_check(secret->totp, factor, clock_wall_ms(), 0, ret_step);
    if (status == STATUS_OK || status == STATUS_INTERNAL) {
        return status;
    }
    return call_refuse(call, STATUS_DENIED,
                       enrolments_miss(call->dispatch->enrolments, principal->number)
                           ? "the code is wrong, and was the last try: begin anew (vaultctl enrol)"
                           : "the code is wrong: is the clock of your phone right?");
}

/* Of hers by the key she had before: who has that has nothing open any more. It may be in force
 * although the log could not take the outcome. */
static void
end_earlier(struct call *call, uint32_t number)
{
    struct dispatch *dispatch = call->dispatch;
    const struct principal *principal = access_by_number(dispatch->parts.access, number);

    if (access_is_enrolled(principal) &&
        memcmp(principal->public_key, call_text(call, FIELD_PUBLIC_KEY).data, PUBLIC_KEY_BYTES) ==
            0) {
        enrolments_end(dispatch->enrolments, number);
        sessions_end_of(dispatch->sessions, number);
        approvals_withdraw_of(dispatch, number);
    }
}

static enum status
enrol(struct call *call, const struct principal *principal, const struct enrolment_secret *secret,
      uint64_t step)
{
    struct dispatch *dispatch = call->dispatch;
    struct access_change *change = NULL;
    struct audit_entry entry = call_audit_entry(call, AUDIT_INTENT, STATUS_OK);
    const struct access_enrolment enrolment = {
        .public_key = call_text(call, FIELD_PUBLIC_KEY).data,
        .totp = secret->totp,
        .recovery = secret->recovery,
        .used_step = step,
    };
    struct bytes name = bytes_of_text(principal->name);
    uint32_t number = principal->number;
    enum status status;

    entry.principal = name;
    entry.relayed = principal->relayed;
    entry.amount = step;
    status =
        access_prepare_enrolment(dispatch->parts.access, name, &enrolment, &change, &call->fault);
    if (status == STATUS_OK) {
        status = dispatch_change_access(dispatch, entry, &change, 0, &call->fault);
        end_earlier(call, number);
    }
    if (status == STATUS_OK) {
        status = call_begin_reply(call, 2, 0);
    }
    if (status == STATUS_OK) {
        principal = access_by_number(dispatch->parts.access, number);
        message_put_text(&call->reply, FIELD_PRINCIPAL, principal->name);
    }
    return status;
}

enum status
op_enrol_confirm(struct call *call)
{
    const struct principal *principal = find_invited(call);
    struct bytes public_key = call_text(call, FIELD_PUBLIC_KEY);
    struct enrolment_secret secret;
    uint8_t nonce[NONCE_BYTES];
    uint64_t step = 0;
    enum status status;

    /* The gate was not left since the judge found both; but its time may be up. */
    if (principal == NULL ||
        !enrolments_find(call->dispatch->enrolments, principal->number, public_key.data,
                         clock_monotonic_ms(), nonce, &secret)) {
        return call_refuse(call, STATUS_UNAUTHENTICATED, NOT_INVITED);
    }
    if (!signature_holds(call, principal, nonce)) {
        status =
            call_refuse(call, STATUS_UNAUTHENTICATED, "the proof of the new key does not hold");
    } else {
        status = check_first_code(call, principal, &secret, &step);
    }
    if (status == STATUS_OK) {
        status = enrol(call, principal, &secret, step);
    }
    sodium_memzero(&secret, sizeof secret);
    return status;
}
