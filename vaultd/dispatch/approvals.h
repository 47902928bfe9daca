/* SPDX-License-Identifier: Apache-2.0 */
/*
 * approvals.h: requests that wait for a second admin. In memory only: a restart or a seal withdraws
 * them (DESIGN.md, decision 69). What is read holds dispatch's gate shared, what changes it holds
 * it exclusively. Times are vault time.
 */
#ifndef CONTACT_VAULT_APPROVALS_H
#define CONTACT_VAULT_APPROVALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bounds.h"
#include "message.h"
#include "status.h"

struct audit_entry;
struct call;
struct dispatch;
struct principal;
struct secret;

enum {
    APPROVAL_REQUESTS_MAX = 64,
    APPROVAL_REQUEST_BYTES_MAX = 2048, /* an act on the rules is names and numbers */
    APPROVAL_LIFE_MS = 24 * 3600 * 1000,
};

/* One request. */
struct approval_request {
    uint64_t number; /* of the log's entry that tells of it */
    uint32_t requester;
    uint32_t uid; /* whom the kernel named */
    enum operation operation;
    uint64_t made_ms, expires_ms;
    struct secret *bytes; /* as it came, the connection's id zeroed: it may hold a root key */
    uint32_t about;       /* number of the principal it is about; 0: of none */
    bool has_key;         /* that principal's, or one that is in the request; else zeros */
    uint8_t public_key[PUBLIC_KEY_BYTES];
    bool brings_key; /* it is in the request */
    char subject[NAME_BYTES_MAX + 1];
    char text[MESSAGE_BYTES_MAX + 1]; /* what it does, for a person */
};

/* In order of their numbers. */
struct approval_requests {
    struct message_parser *parser;
    size_t count;
    struct approval_request requests[APPROVAL_REQUESTS_MAX];
};

MUST_USE enum status approvals_new(struct approval_requests **ret_approvals);
void approvals_free(struct approval_requests **approvals);
/* All, without a word: of a vault that is being sealed. */
void approvals_forget(struct approval_requests *approvals);

/*
 * approvals_file: the call's request waits from now on, on record, durably, before it returns
 * PENDING with call->number set: what a handler returns instead of doing it. `entry` tells of the
 * act; its phase and result are filled in. One that waits already keeps its number, and is not
 * entered again. TOO_LARGE: as many wait as can. UNAVAILABLE: the log cannot take it.
 */
enum status approvals_file(struct call *call, struct audit_entry *entry);

/* NULL: no such request. */
struct approval_request *approvals_find(struct approval_requests *approvals, uint64_t number);
/* Out of the list; its bytes are the caller's to free. */
void approvals_take(struct approval_requests *approvals, struct approval_request *request,
                    struct approval_request *ret_taken);

/* How many wait for her to decide; 0: she may not. */
size_t approvals_waiting_for(const struct dispatch *dispatch, const struct principal *principal);

/* Those that she made are withdrawn, on record. What follows a change of the rules does it, for who
 * was disabled or is admin no more. */
void approvals_withdraw_of(struct dispatch *dispatch, uint32_t principal);

/* Chores: are there requests that are too old? They are dropped, on record. */
bool approvals_have_expired(const struct dispatch *dispatch);
void approvals_expire(struct dispatch *dispatch);

/* approval_text.c: what it does, for a person who is to judge it. */
void approval_describe(const struct audit_entry *entry,
                       char ret_text[static MESSAGE_BYTES_MAX + 1]);

/* Somebody must look: a request waits. */
void notice_request(struct dispatch *dispatch, const struct approval_request *request);

/* ---- approval_rule.c ---- */

/*
 * Whether this call waits for a second admin: sets call->waits. CONFLICT: it would leave fewer
 * than two who could approve. DENIED: it waits, and only a person may ask for such. Decided anew
 * when it was approved.
 */
MUST_USE enum status approval_judge(struct call *call);
/* The principal that a request which may wait is about; NULL: it is about none. */
const struct principal *approval_subject(const struct call *call);

/* dispatch.c: a request that a second admin approved, of the principal that call->peer names. He
 * must still be permitted to. The gate is held exclusively. */
MUST_USE enum status call_run_approved(struct call *call, struct message_parser *parser,
                                       struct bytes request);

#endif
