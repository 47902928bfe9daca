/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dispatch_internal.h: what the files of dispatch/ share: the state behind the gate, one call on
 * its way through, and the shape of the table of operations.
 */
#ifndef CONTACT_VAULT_DISPATCH_INTERNAL_H
#define CONTACT_VAULT_DISPATCH_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "access.h"
#include "audit.h"
#include "dispatch.h"
#include "message.h"
#include "throttle.h"
#include "vault.h"

struct scratch;

/*
 * The gate. Invariants:
 * 1. Whoever reads keys, access state or `sealed` holds it shared; whoever changes one,
 * exclusively.
 * 2. A reveal holds it shared from the check of its grant until its reply is written. So a disable,
 *    revoke or seal, which holds it exclusively, finds none half way, and none starts meanwhile.
 * 3. It is the first lock taken; below it lie only those inside store, audit and journal.
 * 4. It prefers writers: callers cannot starve an admin.
 */
struct dispatch {
    struct dispatch_parts parts;
    pthread_rwlock_t gate;
    struct audit_summary found; /* settled and forgotten at the first unseal */
    bool has_access_digest;
    uint8_t access_digest[ACCESS_DIGEST_BYTES]; /* what the audit says the access state is */
    struct audit_entry owed; /* an outcome the log could not take; refers 0: none. No views in it */
    bool sealed;
    uint64_t unseal_tried_ms; /* monotonic; 0: never */
    uint64_t key_tried_ms;    /* dispatch_tick's own: monotonic; 0: never in vain */
    uint64_t log_flushed;     /* dispatch_tick's own */
    struct throttle refusals; /* entries about refusals, by principal */
    struct throttle proofs;   /* proofs that did not hold, by uid */
};

struct workspace {
    struct scratch *scratch;
    struct message_parser *parser;
};

struct operation_row;

/* One request on its way down; its handler's view of the world. */
struct call {
    struct dispatch *dispatch;
    struct peer *peer;
    struct scratch *scratch;
    const struct message *request;
    const struct operation_row *row;
    const struct principal *principal; /* NULL for a stranger */
    enum dispatch_mode mode;
    bool would_wait;   /* set by a handler in NO_WAIT mode that found it must wait */
    const char *fault; /* why not; static, or in scratch */
    uint32_t retry_after_s;
    struct message_writer reply;
};

enum gate_use {
    GATE_SHARED,
    GATE_EXCLUSIVE,
};

enum stranger_rule {
    KNOWN_ONLY, /* says its connection id, and is a principal that is not disabled */
    STRANGERS_TOO,
    KEEPERS_ONLY, /* root and the daemon's own uid, by their uid alone */
};

/*
 * One row an operation; one without a row does not exist. `capabilities`: any of them, somewhere;
 * the handler asks again for the very namespace.
 */
struct operation_row {
    enum operation operation;
    unsigned sockets; /* enum peer_socket, or-ed */
    enum stranger_rule strangers;
    bool while_sealed;
    bool inline_only; /* changes the peer: answered where it arrives, never handed on */
    enum gate_use gate;
    unsigned capabilities;
    bool audit_refusal; /* a refusal is worth an entry */
    enum status (*handler)(struct call *call);
};

/* NULL: no such operation. */
const struct operation_row *operations_find(enum operation operation);

/* ---- the handlers; each writes its reply on OK, else sets call->fault ---- */

enum status op_status(struct call *call);
enum status op_hello(struct call *call);
enum status op_prove(struct call *call);
enum status op_tokenize(struct call *call);
enum status op_lookup(struct call *call);
enum status op_mask(struct call *call);
enum status op_detokenize(struct call *call);
enum status op_unseal(struct call *call);
enum status op_seal(struct call *call);
enum status op_namespace_create(struct call *call);
enum status op_namespace_list(struct call *call);
enum status op_principal_add(struct call *call);
enum status op_principal_list(struct call *call);
enum status op_principal_show(struct call *call);
enum status op_principal_disable(struct call *call);
enum status op_grant(struct call *call);
enum status op_revoke(struct call *call);
enum status op_audit_read(struct call *call);

/* ---- for handlers ---- */

/* Room for a reply with this many items, in scratch; then status OK is written as its first field
 * of `fields`. UNAVAILABLE: no scratch left. */
MUST_USE enum status call_begin_reply(struct call *call, size_t fields, size_t items);
/* Sets the fault and gives the status back: `return call_refuse(call, STATUS_INVALID, "...")`. */
enum status call_refuse(struct call *call, enum status status, const char *fault);

/*
 * May this many refusals of the caller's be entered? Else QUOTA with its fault set: what is refused
 * is entered, so what cannot be entered any more is not even looked at.
 */
MUST_USE enum status call_may_refuse(struct call *call, uint32_t count);

/* An audit entry about this call with who asks filled in; views into the call's own memory. */
struct audit_entry call_audit_entry(const struct call *call, enum audit_phase phase,
                                    enum status result);

/* ---- open.c ---- */

/* The caller holds the gate exclusively. */
MUST_USE enum status dispatch_unseal_locked(struct dispatch *dispatch, const struct secret *root,
                                            char ret_fault[static DISPATCH_FAULT_BYTES]);
MUST_USE enum status dispatch_seal_locked(struct dispatch *dispatch, struct audit_entry *closed);

/*
 * Intent, change, outcome; the caller holds the gate exclusively. Takes the change. `entry` says
 * who and about what; `namespace_id` other than 0: that namespace's keys are made in between.
 */
MUST_USE enum status dispatch_change_access(struct dispatch *dispatch, struct audit_entry entry,
                                            struct access_change **change, uint32_t namespace_id,
                                            const char **ret_fault);

#endif
