/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dispatch_internal.h: what the files of dispatch/ share: the state behind the gate, and one call
 * on its way through. The table of operations: operations.h.
 */
#ifndef CONTACT_VAULT_DISPATCH_INTERNAL_H
#define CONTACT_VAULT_DISPATCH_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "access.h"
#include "access_change.h"
#include "approvals.h"
#include "audit.h"
#include "backup.h"
#include "budget.h"
#include "dispatch.h"
#include "logins.h"
#include "message.h"
#include "session.h"
#include "throttle.h"
#include "vault.h"
#include "vault_rekey.h"
#include "vault_shred.h"

struct scratch;

/* Outcomes of erasures that the log could not take: written before the next erase, or by the tick.
 */
struct owed_erasures {
    struct audit_entry *entries; /* without views */
    atomic_size_t count;
};

enum { ROTATIONS_AT_ONCE = 16 /* begun by themselves, in one hold of the gate */ };

/* The replacing of keys. The maintenance thread's own, with the gate held shared, and of whoever
 * rotates, with the gate held alone; what is atomic is read by others. Times are monotonic, in ms.
 */
struct rekeying {
    struct vault_rekey *job;
    atomic_bool idle;                  /* there is nothing to do until somebody rotates */
    atomic_uint stuck;                 /* rotations that cannot be ended */
    struct vault_rekey_event destroys; /* key_count > 0: keys that may go */
    uint64_t retry_ms;                 /* after a failure: not before */
    unsigned failures;                 /* to make or destroy keys, in a row */
    uint64_t refilled_ms;              /* 0: never */
    uint64_t credit;                   /* thousandths of a contact that may be moved now */
    uint64_t looked_ms;                /* for keys that are too old; 0: never */
    uint64_t stuck_since_ms;
    uint32_t due[ROTATIONS_AT_ONCE]; /* namespaces whose data key is */
    size_t due_count;
};

/* Shredded namespaces. The maintenance thread's own, and with the gate held alone of whoever
 * shreds. */
struct shredding {
    bool keys_wait;                     /* some could not leave the keyring's file yet */
    bool nothing_left;                  /* to be swept, until the next shred */
    struct vault_swept_namespace sweep; /* namespace_id 0: the next one is to be found */
    uint32_t entered;  /* whose end is in the log, but not yet in the store; 0: none */
    uint64_t retry_ms; /* monotonic; after a failure: not before */
};

/* The compaction under way. `lock` is held by whoever begins it or takes steps of it; it comes
 * after the gate, and before the locks of store and audit. */
struct compacting {
    pthread_mutex_t lock;
    uint64_t intent; /* its entry; 0: none is under way */
    uint64_t number;
    bool ended; /* with this result, which the log could not take yet: */
    enum status result;
    uint64_t bytes;  /* of the file, before */
    atomic_int last; /* how the last one ended, since the start: a status */
};

/* What the maintenance thread alone remembers between two ticks. Times are monotonic, in ms. */
struct chores {
    struct scratch *scratch;
    uint64_t key_tried_ms; /* 0: never in vain */
    uint64_t log_flushed;
    uint64_t log_noted_ms;
    int64_t clock_drift_ms; /* of the wall clock from vault time, as the log knows it */
    uint64_t used_written_ms;
    uint64_t sweep_began_ms; /* 0: never */
    bool sweeping;
    uint64_t sweep_cursor;
    uint64_t retain_looked_ms; /* 0: never */
    bool has_news;             /* of a checkpoint that the store has not noted yet */
    uint64_t news;
    uint8_t news_digest[AUDIT_DIGEST_BYTES];
    bool leap_judged;
    uint64_t hold_until_ms; /* nothing is destroyed by its age before */
    bool key_missing;
    bool entries_too_old;
    bool keys_wait;  /* to be destroyed, or made */
    bool rules_wait; /* requests that are too old, or what follows a change */
    struct rekeying rekeying;
    struct shredding shredding;
};

/*
 * The gate. Invariants:
 * 1. Whoever reads keys, access state or `sealed` holds it shared; whoever changes one,
 * exclusively.
 * 2. A reveal holds it shared from the check of its grant until its reply is written. So a disable,
 *    revoke or seal, which holds it exclusively, finds none half way, and none starts meanwhile.
 * 3. It is the first lock taken; below it lie `erasing`, and those inside budgets, store, audit and
 *    journal.
 * 4. It prefers writers: callers cannot starve an admin.
 */
struct gate {
    pthread_rwlock_t lock;
    atomic_uint wanted; /* by so many, alone */
};

struct enrolments;

struct dispatch {
    struct dispatch_parts parts;
    struct gate gate;
    struct sessions *sessions;
    struct logins *logins;         /* whose second factor was wrong, as the log says */
    struct enrolments *enrolments; /* begun, and not confirmed yet */
    struct audit_summary found;    /* settled and forgotten at the first unseal */
    bool has_access_digest;
    uint8_t access_digest[ACCESS_DIGEST_BYTES]; /* what the audit says the access state is */
    struct audit_entry owed; /* an outcome the log could not take; refers 0: none. No views in it */
    bool follow_owed;        /* what must follow a change could not be done yet */
    struct approval_requests *approvals;
    bool sealed;
    bool settled;             /* erasures that a crash cut in two */
    bool replayed;            /* what the log says was spent */
    uint64_t unseal_tried_ms; /* monotonic; 0: never */
    struct secret *shares;    /* SHARES_MAX of struct share, or NULL: none was given */
    size_t share_count;
    uint64_t share_given_ms;  /* the last one; monotonic */
    struct throttle refusals; /* entries about refusals, by principal */
    struct throttle proofs;   /* proofs that did not hold, by uid */
    pthread_mutex_t erasing;  /* one erase at a time; guards the outcomes it owes */
    struct owed_erasures owed_erasures;
    struct compacting compacting;
    struct chores chores;
    bool was_sealed;                     /* dispatch_keep_elsewhere's own */
    _Atomic(const char *) backup_failed; /* why the last one failed; NULL: it did not */
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
    struct bytes request_bytes;
    const struct message *request;
    const struct operation_row *row;
    const struct principal *principal; /* NULL for a stranger */
    uint64_t session;                  /* of a person; 0: none that is live */
    enum dispatch_mode mode;
    bool would_wait;   /* set by a handler in NO_WAIT mode that found it must wait */
    const char *fault; /* why not; static, or in scratch */
    uint32_t retry_after_s;
    bool waits;           /* for a second admin: the handler files it instead of doing it */
    bool approved;        /* by a second admin, so it does not wait again */
    uint64_t number;      /* of the request that waits, once it was filed; else 0 */
    uint32_t suspend_for; /* a canary's number: the caller is disabled before the answer; 0: no */
    const struct namespace_row *namespace_row; /* once known: whose it is that a refusal is about */
    struct message_writer reply;
};

/* ---- for handlers ---- */

#define DISABLED_FAULT "this principal is disabled"
#define NO_MEMORY "no memory for this batch; send a smaller one, or fewer at once"

/* Room for a reply with this many items, in scratch; then status OK is written as its first field
 * of `fields`. UNAVAILABLE: no scratch left. */
MUST_USE enum status call_begin_reply(struct call *call, size_t fields, size_t items);
/* Sets the fault and gives the status back: `return call_refuse(call, STATUS_INVALID, "...")`. */
enum status call_refuse(struct call *call, enum status status, const char *fault);
/* The reply that says so, with the fault, or the usual one; of the status alone where scratch is
 * used up. */
struct bytes call_refusal(struct call *call, enum status status);

/*
 * May this many refusals of the caller's be entered? Else QUOTA with its fault set: what is refused
 * is entered, so what cannot be entered any more is not even looked at.
 */
MUST_USE enum status call_may_refuse(struct call *call, uint32_t count);

/* An entry about this call with that status, not waited for; only where the log may be waited for.
 * QUOTA, with its fault: too much of the caller's was refused already. */
MUST_USE enum status call_record_refusal(struct call *call, enum status result);

/*
 * Refuses on record: an entry about this call with that status, not waited for. In NO_WAIT mode
 * would_wait is set instead: the log may have to wait for the disk. Gives the status back, or QUOTA
 * if too much of the caller's was refused already.
 */
enum status call_refuse_on_record(struct call *call, enum status status, const char *fault);

/* An audit entry about this call with who asks filled in; views into the call's own memory. */
struct audit_entry call_audit_entry(const struct call *call, enum audit_phase phase,
                                    enum status result);

/* A str or bin field that message_check_request has vouched for. */
struct bytes call_text(const struct call *call, enum field field);
/* The request's values, or NULL after `would_wait` was set because there are too many for here. */
const struct message_list *call_values(struct call *call);
/* The namespace the request is about, in which the caller holds one of the row's capabilities. One
 * that is not there and one without a grant of the caller's give the same answer. */
MUST_USE enum status call_find_namespace(struct call *call, uint32_t *ret_id);
/* Parsed, located and judged: each place's status says what becomes of it. */
MUST_USE enum status call_find_places(struct call *call, const struct message_list *values,
                                      struct vault_place **ret_places);
/* The same for places whose token is known; what was skipped keeps its status. */
MUST_USE enum status call_judge_places(struct call *call, struct vault_place *places, size_t count);
/* What the caller learns of a token he may not use. */
const char *call_place_fault(enum status status);
/* An item that failed; the first two fields, token and kind, of one of `fields` that did not. */
void call_put_item_fault(struct call *call, enum status status, const char *fault);
void call_begin_item(struct call *call, enum contact_kind kind, const struct token *token,
                     size_t fields);
/* An entry about one token. */
struct audit_entry call_place_entry(const struct call *call, const struct vault_place *place,
                                    enum audit_phase phase, enum status result);
/* Entries for the tokens that are not the caller's to use; malformed ones are typing errors.
 * `entries` has room for all. */
MUST_USE enum status call_record_refused(struct call *call, const struct vault_place *places,
                                         size_t count, struct bytes reason,
                                         struct audit_entry *entries);

/* ops_admin.c: what a request for a grant asks for; its views are the request's. */
MUST_USE enum status call_read_grant(struct call *call, struct access_grant_spec *ret_spec);

/* ---- reason.c ---- */

/* Text, purpose and ticket as they go to the log (audit_reason.h), in scratch; or INVALID. */
MUST_USE enum status call_reason(struct call *call, struct bytes *ret_packed);

/* ---- gate.c ---- */

void gate_init(struct gate *gate);
void gate_fini(struct gate *gate);
void gate_enter(struct gate *gate);
bool gate_try_enter(struct gate *gate);
void gate_enter_alone(struct gate *gate);
/* Somebody waits to be alone: who has a long work in hand stops where he can. */
bool gate_is_wanted(const struct gate *gate);
void gate_leave(struct gate *gate);

/* ---- erase.c ---- */

/* One erase at a time. False: somebody else is erasing; nobody waits, for he would hold the gate.
 */
MUST_USE bool dispatch_erase_begin(struct dispatch *dispatch);
void dispatch_erase_end(struct dispatch *dispatch);
/*
 * Announces, erases and records every place whose status is OK, in steps; each place's status says
 * what became of it; BUSY: not tried, because somebody wanted the gate. `as` says who and why, for
 * all. Between begin and end. UNAVAILABLE, with a fault, when the log or the store could
 * not take it, or when nobody knows.
 */
MUST_USE enum status dispatch_erase(struct dispatch *dispatch, struct scratch *scratch,
                                    const struct audit_entry *as, struct vault_place *places,
                                    size_t count, const char **ret_fault);
/* What a crash cut in two: looks, and writes the outcomes. */
MUST_USE enum status dispatch_settle_erasures(struct dispatch *dispatch);
/* Writes what is owed, if the log takes it. */
void dispatch_pay_erasures(struct dispatch *dispatch);

/* ---- backup.c ---- */

/* Is one being made? Then no key is destroyed, and no entry of the log removed. */
bool dispatch_has_backup(const struct dispatch *dispatch);
/* Ends it, if there is one, on record: it failed, and `reason` says why: a static word without
 * blanks, "shredded". The gate is held. */
void dispatch_backup_abort(struct dispatch *dispatch, const char *reason);
/* Chores: one that nobody takes any more. */
void dispatch_forget_backup(struct dispatch *dispatch);

/* ---- chores.c ---- */

/* By the earlier of the two clocks, so that neither alone makes things old. */
uint64_t dispatch_age_time_ms(void);

/* ops_list.c: one item, as the lists have it. */
void call_write_principal(struct call *call, const struct principal *principal);
/* How many items call_begin_reply shall plan for it. */
size_t call_principal_items(const struct principal *principal);

/* ---- record.c: the log, durably; the caller holds the gate ---- */

MUST_USE enum status dispatch_record(struct dispatch *dispatch, struct audit_entry *entry);
/* The same, for an entry that vouches for the access state having this digest; the gate is held
 * exclusively, so nobody else appends and the entry's number is known beforehand. */
MUST_USE enum status dispatch_record_vouching(struct dispatch *dispatch, struct audit_entry *entry,
                                              const uint8_t digest[static ACCESS_DIGEST_BYTES]);
/* The store learns how far the log has come. */
void dispatch_note_log(struct dispatch *dispatch, uint64_t sequence,
                       const uint8_t digest[static AUDIT_DIGEST_BYTES]);

/* ---- keys.c: the year's key for reasons ---- */

bool dispatch_lacks_reason_key(struct dispatch *dispatch);
/* The keys that the log's time will ask for within a day. */
MUST_USE enum status dispatch_create_reason_keys(struct dispatch *dispatch);

/* ---- unseal.c, change.c ---- */

/*
 * shares.c: a share more; the gate is held exclusively. *ret_complete: `root` is what they give,
 * and they are forgotten. INVALID, CONFLICT, with a fault: why this one is not taken.
 */
MUST_USE enum status dispatch_take_share(struct dispatch *dispatch, struct bytes bytes,
                                         struct secret **ret_root, const char **ret_fault);
void dispatch_forget_shares(struct dispatch *dispatch);
/* Chores: a set that nobody completes is forgotten. */
void dispatch_forget_old_shares(struct dispatch *dispatch);

/* The caller holds the gate exclusively. */
MUST_USE enum status dispatch_unseal_locked(struct dispatch *dispatch, const struct secret *root,
                                            char ret_fault[static DISPATCH_FAULT_BYTES]);
MUST_USE enum status dispatch_seal_locked(struct dispatch *dispatch, struct audit_entry *closed);

/*
 * Intent, change, outcome; the caller holds the gate exclusively. Takes the change. `entry` says
 * who and about what; `namespace_id`: of a namespace that is made or shredded, else 0; its keys are
 * made before the change, or destroyed after it.
 */
MUST_USE enum status dispatch_change_access(struct dispatch *dispatch, struct audit_entry entry,
                                            struct access_change **change, uint32_t namespace_id,
                                            const char **ret_fault);
/* The same without what follows it: follow.c alone. */
MUST_USE enum status dispatch_change_once(struct dispatch *dispatch, struct audit_entry entry,
                                          struct access_change **change, uint32_t namespace_id,
                                          const char **ret_fault);
/* Likewise, as the vault's own act: disabled. `canary`: the number of the one it is for, or 0. */
MUST_USE enum status dispatch_disable_once(struct dispatch *dispatch,
                                           const struct principal *principal, uint32_t canary,
                                           const char **ret_fault);
/* ops_admin.c: that, if it was prepared, and the reply: what every operation on the rules ends
 * with.
 */
MUST_USE enum status call_change_access(struct call *call, enum status prepared,
                                        struct access_change **change, struct audit_entry entry);
/* ops_admin.c: of whom or what FIELD_NAME names, which the log has as its subject; and of his key,
 * FIELD_PUBLIC_KEY. */
typedef enum status prepare_named(struct access *access, struct bytes name,
                                  struct access_change **ret_change, const char **ret_fault);
typedef enum status prepare_key(struct access *access, struct bytes name, const uint8_t *public_key,
                                struct access_change **ret_change, const char **ret_fault);
MUST_USE enum status call_change_named(struct call *call, prepare_named *prepare);
MUST_USE enum status call_change_key(struct call *call, prepare_key *prepare);
/* follow.c: what a change of the rules brings with it, as the vault's own acts. The gate is held
 * exclusively. What fails is logged, and tried again by the next change, tick or unseal. */
void dispatch_follow(struct dispatch *dispatch);
/* An outcome for an intent: OK vouches for the digest; another changes nothing. */
MUST_USE enum status dispatch_record_outcome(struct dispatch *dispatch, struct audit_entry *outcome,
                                             const uint8_t digest[static ACCESS_DIGEST_BYTES]);

#endif
