/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dispatch_internal.h: what the files of dispatch/ share: the state behind the gate, one call on
 * its way through, and the shape of the table of operations.
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

enum gate_use {
    GATE_SHARED,
    GATE_EXCLUSIVE,
};

enum stranger_rule {
    KNOWN_ONLY,    /* says its connection id, is a principal that is not disabled; a person: in a
                      session */
    KEY_IS_ENOUGH, /* the same, but a person needs no session */
    STRANGERS_TOO,
    KEEPERS_ONLY, /* root, the daemon's own uid and those the configuration names, by uid alone */
};

/*
 * One row an operation; one without a row does not exist. `capabilities`: any of them, somewhere;
 * the handler asks again for the very namespace. A refusal of somebody known is always an entry.
 */
struct operation_row {
    enum operation operation;
    unsigned sockets; /* enum peer_socket, or-ed */
    enum stranger_rule strangers;
    bool while_sealed;
    bool inline_only; /* changes the peer: answered where it arrives, never handed on */
    enum gate_use gate;
    bool reveals; /* a freeze stops it */
    unsigned capabilities;
    enum status (*handler)(struct call *call);
};

/* NULL: no such operation. */
const struct operation_row *operations_find(enum operation operation);

/* ---- the handlers; each writes its reply on OK, else sets call->fault ---- */

enum status op_status(struct call *call);
enum status op_hello(struct call *call);
enum status op_prove(struct call *call);
enum status op_enrol_begin(struct call *call);
enum status op_enrol_confirm(struct call *call);
enum status op_login(struct call *call);
enum status op_logout(struct call *call);
enum status op_whoami(struct call *call);
enum status op_tokenize(struct call *call);
enum status op_lookup(struct call *call);
enum status op_mask(struct call *call);
enum status op_describe(struct call *call);
enum status op_detokenize(struct call *call);
enum status op_erase(struct call *call);
enum status op_unseal(struct call *call);
enum status op_unseal_info(struct call *call);
enum status op_unseal_share(struct call *call);
enum status op_root_rotate(struct call *call);
enum status op_seal(struct call *call);
enum status op_freeze(struct call *call);
enum status op_unfreeze(struct call *call);
enum status op_namespace_create(struct call *call);
enum status op_namespace_list(struct call *call);
enum status op_namespace_set(struct call *call);
enum status op_namespace_shred(struct call *call);
enum status op_compact(struct call *call);
enum status op_key_rotate(struct call *call);
enum status op_key_status(struct call *call);
enum status op_principal_add(struct call *call);
enum status op_principal_invite(struct call *call);
enum status op_principal_list(struct call *call);
enum status op_principal_show(struct call *call);
enum status op_principal_disable(struct call *call);
enum status op_principal_enable(struct call *call);
enum status op_principal_offboard(struct call *call);
enum status op_grant(struct call *call);
enum status op_revoke(struct call *call);
enum status op_audit_read(struct call *call);
enum status op_recipient_add(struct call *call);
enum status op_recipient_list(struct call *call);
enum status op_recipient_remove(struct call *call);
enum status op_principal_set_key(struct call *call);
enum status op_approvals_set(struct call *call);
enum status op_pending(struct call *call);
enum status op_approve(struct call *call);
enum status op_deny(struct call *call);
enum status op_canary_add(struct call *call);
enum status op_canary_list(struct call *call);
enum status op_canary_remove(struct call *call);
enum status op_notify_test(struct call *call);
enum status op_backup_begin(struct call *call);
enum status op_backup_read(struct call *call);
enum status op_backup_end(struct call *call);

/* ---- for handlers ---- */

#define DISABLED_FAULT "this principal is disabled"
#define NO_MEMORY "no memory for this batch; send a smaller one, or fewer at once"

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

/* dispatch.c: a request that a second admin approved, of the principal that call->peer names. He
 * must still be permitted to. The gate is held exclusively. */
MUST_USE enum status call_run_approved(struct call *call, struct message_parser *parser,
                                       struct bytes request);

/* ---- approval_rule.c ---- */

/*
 * Whether this call waits for a second admin: sets call->waits. CONFLICT: it would leave fewer
 * than two who could approve. DENIED: it waits, and only a person may ask for such. Decided anew
 * when it was approved.
 */
MUST_USE enum status approval_judge(struct call *call);
/* The principal that a request which may wait is about; NULL: it is about none. */
const struct principal *approval_subject(const struct call *call);

/* ops_admin.c: what a request for a grant asks for; its views are the request's. */
MUST_USE enum status call_read_grant(struct call *call, struct access_grant_spec *ret_spec);

/* ---- reason.c ---- */

/* Text, purpose and ticket as they go to the log (audit_reason.h), in scratch; or INVALID. */
MUST_USE enum status call_reason(struct call *call, struct bytes *ret_packed);

/* ---- notice.c ---- */

/* The operators are told, if anybody is; never waits. Both names may be absent. */
void dispatch_notice(struct dispatch *dispatch, enum notice_event event, struct bytes principal,
                     struct bytes namespace_name, uint64_t number);
/* The alarms of the budgets come here. The gate is held, by whoever spent. */
void dispatch_tell_alarm(void *dispatch, struct budget_key key, uint64_t number);
/* Values of the caller's that were looked for in that namespace and are not there. */
void call_count_misses(struct call *call, uint32_t namespace_id, const struct vault_item *items,
                       size_t count);

/* ---- canary.c ---- */

/*
 * Before anything is opened, of a person before anything is spent, of a service after it: are
 * canaries among the places that are OK? Each is entered and the operators are told. OK: none, or a
 * service asks, which goes on. DENIED: a person asked;
 * all places are refused, on record, and suspend_for is set. `entries` has room for all places.
 */
MUST_USE enum status call_watch_canaries(struct call *call, struct vault_place *places,
                                         size_t count, struct bytes reason,
                                         struct audit_entry *entries);
/* Without the gate: disables the caller, durably, unless he is already, and gives the answer. */
MUST_USE enum status call_suspend(struct call *call);

/* ---- gate.c ---- */

void gate_init(struct gate *gate);
void gate_fini(struct gate *gate);
void gate_enter(struct gate *gate);
bool gate_try_enter(struct gate *gate);
void gate_enter_alone(struct gate *gate);
/* Somebody waits to be alone: who has a long work in hand stops where he can. */
bool gate_is_wanted(const struct gate *gate);
void gate_leave(struct gate *gate);

/* ---- spend.c: budgets ---- */

/* Tokenize and lookup: `count` values in that namespace. *ret_draw is for spend_undo_lookups, where
 * nothing was told to the caller. */
MUST_USE enum status spend_lookups(struct call *call, uint32_t namespace_id, size_t count,
                                   struct budget_draw *ret_draw);
void spend_undo_lookups(struct call *call, const struct budget_draw *draw);
/* Is there any use in looking? Nothing is spent. */
bool spend_has_room(const struct call *call, uint32_t namespace_id, size_t count);
/* Reveals of one request: how many were paid for, and of a person how many do not fit. */
struct spent_reveals {
    struct budget_limits limits;
    uint32_t taken, held;
    uint64_t taken_ms;
    const char *fault; /* of those held */
};
/*
 * All places whose status is OK. For a service they fit as a whole, or QUOTA. A person is refused
 * one by one: the first that fit are paid for, the others' status becomes QUOTA, and that there
 * were such is on record. *ret_spent is for the two below.
 */
MUST_USE enum status spend_reveals(struct call *call, struct vault_place *places, size_t count,
                                   struct spent_reveals *ret_spent);
void spend_undo_reveals(struct call *call, const struct spent_reveals *spent);
/* When the first `amount` of those held fit. */
uint32_t spend_reveals_fit_after_s(const struct call *call, const struct spent_reveals *spent,
                                   uint32_t amount);
/* spend_lost.c: a restore without the log that the vault wrote last: who knows what was spent? All
 * that there is, at that time. */
MUST_USE enum status spend_all(struct dispatch *dispatch, uint64_t time_ms);
/* What the log says was spent lately; may be tried again. */
MUST_USE enum status spend_replay(struct dispatch *dispatch);

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

/* ---- rekey.c: keys that rotate ---- */

/*
 * A new key of that purpose in each of these namespaces, or, if `where_possible`, in those in which
 * none rotates that must not: intents, keys, outcomes; then the maintenance thread goes on. `as`
 * says who. The gate is held exclusively. CONFLICT: there is one that must not, or no other.
 */
MUST_USE enum status dispatch_rotate(struct dispatch *dispatch, const struct audit_entry *as,
                                     enum rotated_key purpose, const uint32_t *namespace_ids,
                                     size_t count, bool where_possible, const char **ret_fault);
/* CONFLICT: it is the present one. Else the entry says what is to be. */
MUST_USE enum status dispatch_prepare_root(const struct dispatch *dispatch,
                                           const struct secret *root,
                                           const struct unseal_slot *slot,
                                           struct audit_entry *entry, const char **ret_fault);
/* Another root key: intent, change, outcome. The gate is held exclusively. */
MUST_USE enum status dispatch_rotate_root(struct dispatch *dispatch, const struct audit_entry *as,
                                          const struct secret *root, const struct unseal_slot *slot,
                                          const char **ret_fault);
/* Keys have come or gone, or somebody may have mended what was stuck: the job looks at everything
 * anew. */
void dispatch_wake_rekeying(struct rekeying *rekeying);
/* Chores: some steps of the job; data keys that are too old; then, with the gate held exclusively,
 * what the two found. */
void dispatch_rekey(struct dispatch *dispatch);
void dispatch_look_for_old_keys(struct dispatch *dispatch);
/* When a key is to be replaced for its age, or for the records under it; 0: never. ms since 1970.
 */
uint64_t dispatch_key_due_ms(const struct dispatch *dispatch, const struct vault_key_state *key);
bool dispatch_has_key_work(const struct dispatch *dispatch);
void dispatch_do_key_work(struct dispatch *dispatch);

/* How many contacts may be rewritten or swept now: a second's worth at the most; and what was. */
size_t dispatch_take_room(struct dispatch *dispatch);
void dispatch_pay_room(struct dispatch *dispatch, uint64_t contacts);

/* ---- key_acts.c: keys made and destroyed, on record ---- */

/* Keys about to be made or destroyed, and an entry for each: intents, then outcomes. */
struct key_acts {
    struct vault_key *keys;
    struct audit_entry *entries;
    size_t count;
};
MUST_USE enum status dispatch_announce_keys(struct dispatch *dispatch, const struct audit_entry *as,
                                            struct key_acts *acts);
MUST_USE enum status dispatch_record_key_outcomes(struct dispatch *dispatch, struct key_acts *acts,
                                                  enum status done);
/* What a crash cut in two, of compactions too: looks, and writes the outcomes. */
MUST_USE enum status dispatch_settle_key_acts(struct dispatch *dispatch);
/* As the log has it. */
struct bytes dispatch_purpose_name(enum rotated_key purpose);

/* ---- shred.c: namespaces that are shredded ---- */

/* The namespace is marked as shredded in the access state, durably: its keys leave the keyring, and
 * the sweep is woken. How many are still in the file: those the maintenance thread tries again. The
 * gate is held exclusively. */
size_t dispatch_shred_keys(struct dispatch *dispatch, uint32_t namespace_id);
/* Of all that are marked, whatever cut it short; the gate is held exclusively. The first while the
 * shred's own intent is open; the second enters each key. */
MUST_USE enum status dispatch_finish_shreds(struct dispatch *dispatch);
MUST_USE enum status dispatch_destroy_shredded(struct dispatch *dispatch);
/* Chores: some steps of the sweep; are there keys that wait? */
void dispatch_sweep_shredded(struct dispatch *dispatch);
bool dispatch_has_shred_work(const struct dispatch *dispatch);
void dispatch_do_shred_work(struct dispatch *dispatch);
/* ---- compact.c: the database file gives its free space back ---- */

/*
 * Begins the compaction of that number, unless it was made before or is under way: intent, then
 * the maintenance thread goes on. `as` says who. UNAVAILABLE, with a fault in scratch or static:
 * there is no room on the disk, or the log cannot be written. CONFLICT: not the next number.
 */
MUST_USE enum status dispatch_compact(struct dispatch *dispatch, struct scratch *scratch,
                                      const struct audit_entry *as, uint64_t number,
                                      const char **ret_fault);
/* Chores: some steps of it, without the gate; its outcome with the gate held. */
void dispatch_compact_step(struct dispatch *dispatch);
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

/* ---- people.c: enrolment, sessions, second factors ---- */

/* Of an operation that wants the gate alone, and that anybody can ask for: is there any use in
 * running it? Asked under either gate; changes nothing. */
enum status call_judge(struct call *call);
enum status enrol_judge(struct call *call);
enum status login_judge(struct call *call);
/* Does she who proved that key, or whose uid it is, count here at all, and what does she have yet
 * to do? OK, or UNAUTHENTICATED with a fault. Of services: OK. */
enum status call_judge_person(struct call *call, const struct principal *principal);
/* A person's session; NO_SESSION if she has none and the row wants one. */
enum status call_find_session(struct call *call);
/* Is it somebody who may be told what strangers are not: a service, or a person in a session? */
bool call_is_present(const struct call *call);
/* What the log's entry says of second factors that were wrong. */
void people_replay(struct dispatch *dispatch, const struct audit_entry *entry);

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
/* ops_admin.c: that, if it was prepared, and the reply: what every operation on the rules ends
 * with.
 */
MUST_USE enum status call_change_access(struct call *call, enum status prepared,
                                        struct access_change **change, struct audit_entry entry);
/* The same without what follows it: follow.c alone. */
MUST_USE enum status dispatch_change_once(struct dispatch *dispatch, struct audit_entry entry,
                                          struct access_change **change, uint32_t namespace_id,
                                          const char **ret_fault);
/* follow.c: what a change of the rules brings with it, as the vault's own acts. The gate is held
 * exclusively. What fails is logged, and tried again by the next change, tick or unseal. */
void dispatch_follow(struct dispatch *dispatch);
/* An outcome for an intent: OK vouches for the digest; another changes nothing. */
MUST_USE enum status dispatch_record_outcome(struct dispatch *dispatch, struct audit_entry *outcome,
                                             const uint8_t digest[static ACCESS_DIGEST_BYTES]);

#endif
