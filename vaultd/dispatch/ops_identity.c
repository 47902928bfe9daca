/* SPDX-License-Identifier: Apache-2.0 */
/* status, hello, prove: what a stranger may ask (PROTOCOL.md, "Identity"). */
#include "dispatch_internal.h"

#include <sodium.h>

#include "clock.h"
#include "hello.h"
#include "operations.h"
#include "people_rules.h"

/* ---- status ---- */

/* Shredded ones left out. */
static enum status
count_contacts(struct call *call, uint64_t *ret_namespaces, uint64_t *ret_contacts)
{
    const struct dispatch_parts *parts = &call->dispatch->parts;
    uint64_t total = 0;

    *ret_namespaces = 0;

    for (size_t i = 0; i < access_namespace_count(parts->access); i++) {
        const struct namespace_row *row = access_namespace_at(parts->access, i);
        uint64_t contacts = 0;
        enum status status =
            row->shredded ? STATUS_OK : vault_count(parts->vault, row->id, &contacts);

        *ret_namespaces += row->shredded ? 0 : 1;
        if (status != STATUS_OK) {
            return status;
        }
        total += contacts;
    }
    *ret_contacts = total;
    return STATUS_OK;
}

static const char *
state_of(const struct dispatch *dispatch)
{
    if (dispatch->sealed) {
        return "sealed";
    }
    return access_frozen(dispatch->parts.access) == FREEZE_NONE ? "unsealed" : "frozen";
}

enum status
op_status(struct call *call)
{
    const struct access *access = call->dispatch->parts.access;
    bool tell_more = call->principal != NULL && call_is_present(call) &&
                     access_may(access, call->principal, MAY_ADMINISTER | MAY_AUDIT, 0);
    uint8_t public_key[PUBLIC_KEY_BYTES];
    uint64_t namespaces = 0;
    uint64_t contacts = 0;
    enum status status = STATUS_OK;

    if (tell_more) {
        status = count_contacts(call, &namespaces, &contacts);
    }
    if (tell_more && status == STATUS_OK) {
        status = vault_audit_public_key(call->dispatch->parts.vault, public_key);
    }
    if (status == STATUS_OK) {
        status = call_begin_reply(call, tell_more ? 8 : 4, 0);
    }
    if (status != STATUS_OK) {
        return status;
    }
    message_put_text(&call->reply, FIELD_STATE, state_of(call->dispatch));
    message_put_text(&call->reply, FIELD_RELEASE, CONTACT_VAULT_RELEASE);
    message_put_uint(&call->reply, FIELD_VERSION, PROTOCOL_VERSION);
    if (tell_more) {
        message_put_uint(&call->reply, FIELD_NAMESPACES, namespaces);
        message_put_uint(&call->reply, FIELD_CONTACTS, contacts);
        message_put_uint(&call->reply, FIELD_FROZEN, access_frozen(access));
        message_put_bytes(&call->reply, FIELD_PUBLIC_KEY, bytes_of(public_key, PUBLIC_KEY_BYTES));
    }
    return STATUS_OK;
}

/* ---- hello and prove ---- */

static enum status
welcome(struct call *call, const struct principal *principal, uint64_t session)
{
    struct peer *peer = call->peer;
    enum status status = call_begin_reply(call, 5, 0);

    if (status != STATUS_OK) {
        return status;
    }
    /* A new id each time: what was sent under an earlier identity is not executed under this one.
     */
    randombytes_buf(peer->connection, sizeof peer->connection);
    peer->state = PEER_KNOWN;
    peer->principal = principal->number;
    peer->session = session;
    memcpy(peer->identity, access_identity(call->dispatch->parts.access, principal),
           ACCESS_DIGEST_BYTES);
    message_put_bytes(&call->reply, FIELD_CONNECTION,
                      bytes_of(peer->connection, sizeof peer->connection));
    message_put_text(&call->reply, FIELD_PRINCIPAL, principal->name);
    message_put_uint(&call->reply, FIELD_VERSION, PROTOCOL_VERSION);
    message_put_text(&call->reply, FIELD_RELEASE, CONTACT_VAULT_RELEASE);
    return STATUS_OK;
}

/* Somebody we know, and have turned out: on record. */
static enum status
refuse_disabled(struct call *call, const struct principal *principal)
{
    call->principal = principal;
    return call_refuse_on_record(call, STATUS_UNAUTHENTICATED, "this principal is disabled");
}

static enum status
hello_by_uid(struct call *call)
{
    const struct principal *principal =
        access_by_uid(call->dispatch->parts.access, call->peer->uid);

    if (principal != NULL && principal->disabled) {
        return refuse_disabled(call, principal);
    }
    if (principal == NULL) {
        return call_refuse(call, STATUS_UNAUTHENTICATED,
                           "your Unix user id belongs to no active principal; give --identity, or "
                           "have an admin add it");
    }
    call->peer->by_own_key = false;
    return call_judge_person(call, principal) == STATUS_OK ? welcome(call, principal, 0)
                                                           : STATUS_UNAUTHENTICATED;
}

/* A key nobody has gets its challenge too: who asks learns nothing before he has proved it. */
static enum status
hello_by_key(struct call *call, struct bytes public_key, struct bytes nonce)
{
    struct peer *peer = call->peer;
    enum status status = call_begin_reply(call, 3, 0);

    if (status != STATUS_OK) {
        return status;
    }
    memcpy(peer->public_key, public_key.data, PUBLIC_KEY_BYTES);
    memcpy(peer->client_nonce, nonce.data, NONCE_BYTES);
    randombytes_buf(peer->vault_nonce, NONCE_BYTES);
    peer->state = PEER_CHALLENGED;
    message_put_bytes(&call->reply, FIELD_INSTANCE,
                      bytes_of(vault_instance_id(call->dispatch->parts.vault), INSTANCE_ID_BYTES));
    message_put_bytes(&call->reply, FIELD_NONCE, bytes_of(peer->vault_nonce, NONCE_BYTES));
    return STATUS_OK;
}

enum status
op_hello(struct call *call)
{
    struct bytes public_key;
    struct bytes nonce;
    uint64_t version = 0;

    call->peer->state = PEER_STRANGER;
    if (!message_uint(call->request, FIELD_VERSION, &version) || version != PROTOCOL_VERSION) {
        return call_refuse(call, STATUS_INVALID, "version: this vault speaks protocol 1");
    }
    if (!message_bytes(call->request, FIELD_NONCE, &nonce) || nonce.size != NONCE_BYTES) {
        return call_refuse(call, STATUS_INVALID, "nonce: 32 bytes are needed");
    }
    if (!message_bytes(call->request, FIELD_PUBLIC_KEY, &public_key)) {
        return hello_by_uid(call);
    }
    if (public_key.size != PUBLIC_KEY_BYTES) {
        return call_refuse(call, STATUS_INVALID, "public_key: 32 bytes are needed");
    }
    return hello_by_key(call, public_key, nonce);
}

/*
 * The signature covers the uid the client believes to have: a socket that passes a challenge on to
 * another client presents that client's signature with its own uid, and fails here. Only for a
 * principal marked relayed the two may differ.
 */
static bool
proof_holds(const struct call *call, const struct principal *principal, struct bytes signature,
            uint64_t uid)
{
    const struct peer *peer = call->peer;
    uint8_t transcript[HELLO_TRANSCRIPT_BYTES];
    const struct hello hello = {
        .instance_id = vault_instance_id(call->dispatch->parts.vault),
        .public_key = peer->public_key,
        .client_nonce = peer->client_nonce,
        .vault_nonce = peer->vault_nonce,
        .uid = (uint32_t)uid,
    };

    if ((uid != peer->uid && !principal->relayed) || uid > UINT32_MAX ||
        signature.size != SIGNATURE_BYTES) {
        return false;
    }
    hello_transcript(&hello, transcript);
    return crypto_sign_verify_detached(signature.data, transcript, sizeof transcript,
                                       peer->public_key) == 0;
}

/* Whose key it is: a principal's own, or that of a person's session, which that uid may prove. */
static const struct principal *
find_prover(const struct call *call, uint64_t *ret_session)
{
    const struct access *access = call->dispatch->parts.access;
    const struct principal *principal = access_by_key(access, call->peer->public_key);
    uint32_t number = 0;

    *ret_session = 0;
    if (principal != NULL) {
        return principal;
    }
    *ret_session = sessions_by_key(call->dispatch->sessions, call->peer->public_key,
                                   call->peer->uid, clock_boot_ms(), &number);
    return *ret_session == 0 ? NULL : access_by_number(access, number);
}

enum status
op_prove(struct call *call)
{
    const struct principal *principal;
    struct bytes signature = {0};
    uint64_t uid = UINT64_MAX;
    uint64_t session = 0;
    bool challenged = call->peer->state == PEER_CHALLENGED;

    /* One try a challenge. */
    call->peer->state = PEER_STRANGER;
    if (!message_bytes(call->request, FIELD_SIGNATURE, &signature) ||
        !message_uint(call->request, FIELD_UID, &uid)) {
        return STATUS_INVALID;
    }
    principal = find_prover(call, &session);
    if (!throttle_take(&call->dispatch->proofs, call->peer->uid, 0)) {
        call->retry_after_s = 1;
        return call_refuse(call, STATUS_BUSY, "too many proofs of this user id did not hold");
    }
    if (!challenged || principal == NULL || !proof_holds(call, principal, signature, uid)) {
        (void)throttle_take(&call->dispatch->proofs, call->peer->uid, 1);
        return call_refuse(call, STATUS_UNAUTHENTICATED,
                           "this key belongs to no active principal and to no live session, or the "
                           "proof does not hold");
    }
    if (principal->disabled) {
        return refuse_disabled(call, principal);
    }
    call->peer->by_own_key = session == 0;
    return call_judge_person(call, principal) == STATUS_OK ? welcome(call, principal, session)
                                                           : STATUS_UNAUTHENTICATED;
}
