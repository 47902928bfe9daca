/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contactvault.h: the client's side of Contact Vault; libcontactvault's only public header.
 *
 * One cv_client is one connection, shared by any number of threads, each of which may have a call
 * outstanding at the same time (up to CV_CALLS_MAX). A lost connection comes back by itself.
 *
 * Every call gives a cv_reply, whatever becomes of it (never NULL), and its status back as well.
 * The reply is the caller's; cv_reply_free wipes and frees all of it. What to do about a status is
 * said by cv_advice_of and cv_item_advice.
 *
 * fork: a process that has called cv_open must not go on to use this library in a child that does
 * not exec: its threads are not there. The child is told so: cv_open and every call are CV_INVALID,
 * cv_close forgets the copy of the key and leaves the parent's connection alone. A child forked
 * before the first cv_open opens a client of its own.
 */
#ifndef CONTACTVAULT_H
#define CONTACTVAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CV_API __attribute__((visibility("default")))
#define CV_MUST_USE __attribute__((warn_unused_result))

/*
 * What became of a call, or of one item of a batch. In (brackets) the advice: see cv_advice. With
 * outcome_unknown it is CV_LOOK, whatever the status.
 */
enum cv_status {
    CV_OK = 0,              /* (done) and on disk, where something changed */
    CV_INVALID = 1,         /* (refuse) the request is wrong and stays so */
    CV_TOO_LARGE = 2,       /* (refuse) over a limit; send less at once */
    CV_UNAUTHENTICATED = 3, /* (refuse) the vault does not know this uid or key; ask an admin */
    CV_DENIED = 4,          /* (refuse) known, but not permitted; ask an admin for a grant */
    CV_QUOTA = 5,           /* (hold) over a budget, nothing done: until retry_after_s have passed;
                             * (refuse) without them: it never fits, send fewer at once */
    CV_NOT_FOUND = 6,       /* (refuse) no such thing, or none that you may know of */
    CV_CONFLICT = 7,        /* (refuse) against what is there: a name in use, roles that exclude */
    CV_EXPIRED = 8,         /* (refuse) the grant that permitted it has ended; ask an admin */
    CV_SEALED = 9,          /* (hold) no root key: until an admin unseals */
    CV_BUSY = 10,           /* (retry) overloaded, not executed; calls repeat it by themselves */
    CV_UNAVAILABLE = 11,    /* (hold) not reached, or it cannot now: some seconds, then longer */
    CV_CORRUPT = 12,        /* (refuse) stored bytes do not verify: a person must look */
    CV_INTERNAL = 13,       /* (refuse) a fault, the vault's or this library's; out of memory */
    CV_FROZEN = 14,         /* (hold) reveals are stopped: until an admin lifts it */
    CV_NO_SESSION = 15,     /* (refuse) a person without a live session: log in */
    CV_PENDING = 16,        /* (refuse) not done: it waits for a second admin's approval */
};

/* What a program does about it. */
enum cv_advice {
    CV_DONE = 0,   /* nothing: it is done */
    CV_RETRY = 1,  /* the same again, soon: after retry_after_s, or a moment, longer each time */
    CV_HOLD = 2,   /* keep it, lose nothing; the same again after retry_after_s, or now and then */
    CV_REFUSE = 3, /* as it is it will not succeed: tell whoever gave it, do not repeat it */
    CV_LOOK = 4,   /* it may have been executed: find out (describe, lists, log), then decide */
};

enum {
    CV_BATCH_MAX = 4096,       /* values in one call */
    CV_CALLS_MAX = 1024,       /* blocking calls at once on one client, and as many started ones */
    CV_MESSAGE_BYTES = 320,    /* room for any message, with its NUL */
    CV_KEY_BYTES = 32,         /* a root key, an Ed25519 seed or public key, an X25519 key */
    CV_BACKUP_BYTES = 16,      /* a backup's id */
    CV_SALT_BYTES = 16,        /* of a passphrase's derivation */
    CV_SHARE_BYTES = 50,       /* a share of the root key */
    CV_SET_BYTES = 10,         /* names shares that were made together */
    CV_PUBLIC_TEXT_BYTES = 80, /* room for a public key as text, with its NUL */
    CV_SECRET_BYTES = 20,      /* of TOTP: RFC 6238, SHA-1, 30 s, six digits */
    CV_CHALLENGE_BYTES = 48,
    CV_RECOVERY_CODES = 8,    /* given at enrolment; each is good once */
    CV_AUDIT_PAGE_MAX = 256,  /* entries one cv_audit_read gives */
    CV_TOKEN_CHARACTERS = 31, /* phn_ or eml_ and 27 more */
    CV_GRANT_SECONDS_MAX = 10 * 366 * 24 * 3600,
    CV_RETAIN_MONTHS_MAX = 1200,
    CV_TIMEOUT_DEFAULT_MS = 10000,
};

enum cv_kind { CV_PHONE = 1, CV_EMAIL = 2 };
enum cv_form {
    CV_FORM_INTERNATIONAL = 0, /* + or 00, then the country code */
    CV_FORM_WA_ID = 1,         /* bare international digits, as WhatsApp sends them */
};
enum cv_principal_kind { CV_SERVICE = 1, CV_PERSON = 2 };
enum cv_role {
    CV_ROLE_SERVICE = 1, /* tokenize, mask, describe, lookup */
    CV_ROLE_DELIVER = 2, /* detokenize for delivery */
    CV_ROLE_REVEAL = 3,  /* mask, describe, lookup, detokenize */
    CV_ROLE_ADMIN = 4,   /* vault-wide: namespaces, principals, keys; never a contact */
    CV_ROLE_PRIVACY = 5, /* lookup, mask, describe, erase */
    CV_ROLE_AUDIT = 6,   /* vault-wide: the log with its reasons, and the lists */
};
enum cv_freeze { /* who is kept from revealing until an admin lifts it */
                 CV_FREEZE_NONE = 0,
                 CV_FREEZE_PEOPLE = 1,
                 CV_FREEZE_ALL = 2, /* deliveries too */
};

enum cv_approvals { /* when acts that give rights away wait for a second admin */
                    CV_APPROVALS_AUTO = 0, /* from the second admin on, for good */
                    CV_APPROVALS_ALWAYS = 1,
                    CV_APPROVALS_NEVER = 2,
};

enum cv_key_purpose {
    CV_KEY_DATA = 1,  /* seals contacts */
    CV_KEY_INDEX = 2, /* finds them */
};

enum cv_provider {
    CV_KEYFILE = 1,    /* a file of CV_KEY_BYTES random bytes, or a systemd credential */
    CV_PASSPHRASE = 2, /* Argon2id of a passphrase */
    CV_SHARES = 3,     /* so many shares of so many */
};

/* Lower-case names, as they stand in --json; NULL for a number that is none. Static. */
CV_API const char *cv_status_name(enum cv_status status);
CV_API const char *cv_kind_name(enum cv_kind kind);
CV_API const char *cv_principal_kind_name(enum cv_principal_kind kind);
CV_API const char *cv_role_name(enum cv_role role);
CV_API const char *cv_advice_name(enum cv_advice advice);
CV_API const char *cv_freeze_name(enum cv_freeze freeze);            /* "none", "people", "all" */
CV_API const char *cv_approvals_name(enum cv_approvals approvals);   /* "auto", ... */
CV_API const char *cv_key_purpose_name(enum cv_key_purpose purpose); /* "data", "index" */
CV_API const char *cv_provider_name(enum cv_provider provider);      /* "keyfile", "passphrase" */
CV_API const char *cv_act_name(uint32_t act);     /* an audit entry's: "detokenize", "opened" */
CV_API const char *cv_phase_name(uint32_t phase); /* "done", "intent", "outcome" */

/* ---- what a call gives back: read only; texts end in NUL, and are NULL where absent ---- */

struct cv_item { /* at the place of the value or token it answers */
    enum cv_status status;
    const char *message; /* what was wrong; never the contact */
    const char *token;
    enum cv_kind kind;
    const char *mask;
    const char *value;
    const char *namespace_name; /* the three: of cv_describe */
    const char *country;        /* a phone number's calling code, "+39" */
    uint64_t created_ms;        /* since 1970, as every _ms here; 0: not for your role */
    bool outcome_unknown;       /* of cv_erase: it may be gone */
    /* With CV_QUOTA, of cv_detokenize by a person: token, kind and mask are there, and in so many
     * seconds this item fits, with those before it. */
    uint32_t retry_after_s;
};

struct cv_namespace {
    const char *name;
    uint64_t created_ms;
    uint64_t contacts;
    uint32_t retain_months; /* contacts unused for so long are erased; 0: never */
    const char *state; /* "active"; "shredded": its contacts are unreadable, and so many wait to be
                          swept; "swept". NULL: not told */
};

struct cv_role_grant {
    enum cv_role role;
    const char *namespace_name; /* NULL: the whole vault */
    uint64_t until_ms;          /* its end; 0: none */
    uint32_t daily, hourly;     /* the budget in force; 0: none */
    uint64_t used;              /* of it, in the last 24 hours */
};

struct cv_principal {
    const char *name;
    enum cv_principal_kind kind;
    uint64_t created_ms;
    bool disabled;
    bool offboarded;           /* has left, for ever */
    bool relayed;              /* proves its key from behind another uid */
    const uint8_t *public_key; /* CV_KEY_BYTES, or NULL: known by its uid, or not enrolled yet */
    bool has_uid;
    uint32_t uid;  /* with a key, too: then it counts from there alone */
    bool enrolled; /* a person has brought her key and her second factor */
    const struct cv_role_grant *grants;
    size_t grant_count;
};

struct cv_audit_entry {
    uint64_t sequence;
    uint64_t time_ms;
    const char *principal;
    uint32_t act, phase; /* cv_act_name, cv_phase_name */
    enum cv_status result;
    enum cv_role role; /* of a grant or revoke; else 0 */
    const char *namespace_name, *token, *subject;
    uint64_t amount; /* how much it is about, where it is about a number */
    bool relayed;    /* the principal proved its key from behind another uid */
    /* By whoever gave them: escape what you show. Reason and ticket for the audit role only. */
    const char *reason, *purpose, *ticket;
    uint64_t refers; /* of an outcome: the entry it is of; else 0 */
};

struct cv_key {
    enum cv_key_purpose purpose;
    const char *namespace_name;
    uint32_t number;   /* counted from 1; each rotation makes the next */
    const char *state; /* "active", or "retired": not needed any more once all is moved */
    uint64_t contacts; /* under it */
    uint64_t created_ms;
    /* What was erased from its namespace before the first opens with no key that the vault has;
     * before the second, with none in any old page of its disk either, given the present root key
     * (PROTOCOL.md, "Horizon"). 0: nobody knows. */
    uint64_t keys_horizon_ms, disk_horizon_ms;
    uint64_t due_ms; /* when it is to be replaced for its age, or what is under it; 0: never */
};

/* How the root key is got. */
struct cv_unsealing {
    enum cv_provider provider;
    /* a passphrase: Argon2id 1.3 on one lane, CV_KEY_BYTES bytes of it */
    uint8_t salt[CV_SALT_BYTES];
    uint32_t passes, memory_kib; /* at least 3 passes and 256 MiB; at most 64 and 4 GiB */
    /* shares */
    uint8_t set[CV_SET_BYTES];
    uint8_t threshold, shares; /* so many are needed, of so many that were made */
};

/* Whom backups are sealed to. */
struct cv_recipient {
    const char *name;
    const uint8_t *public_key; /* CV_KEY_BYTES, X25519 */
    uint64_t created_ms;
};

/* What one admin asked for, and waits until another one approves it. */
struct cv_request {
    uint64_t number;
    const char *principal; /* who asked */
    uint32_t act;          /* for what: cv_act_name; in words: */
    const char *text;
    uint64_t created_ms, expires_ms;
    const char *subject; /* whom or what it is about; or NULL */
    /* CV_KEY_BYTES: one that it brings (a recipient's, of recipient_add), or that of whom it is
     * about; or NULL. */
    const uint8_t *public_key;
};

/* A contact that nobody has a reason to open. */
struct cv_canary {
    const char *token;
    uint32_t number; /* what the log calls it by */
    const char *namespace_name;
    uint64_t created_ms; /* as a canary */
    bool gone;           /* its contact was erased, or its namespace shredded: no trap any more */
};

struct cv_reply {
    enum cv_status status;
    const char *message; /* for a person; never NULL, never a contact */
    uint32_t retry_after_s;
    uint64_t request;     /* with CV_PENDING: the number under which it waits */
    bool outcome_unknown; /* with CV_UNAVAILABLE or CV_INTERNAL: it may have been executed */
    bool unreached;       /* with CV_UNAVAILABLE: no vault was there, and nothing was sent */

    size_t count; /* of the one array below that the call fills */
    const struct cv_item *items;
    const struct cv_namespace *namespaces;
    const struct cv_principal *principals;
    const struct cv_audit_entry *entries;
    const struct cv_key *keys;
    const struct cv_recipient *recipients;
    const struct cv_request *requests;
    const struct cv_canary *canaries;

    /* cv_audit_read, cv_principal_list, cv_key_status: from here next. cv_backup_read: likewise; 0:
     * that was the end of the file. */
    uint64_t next;
    const char *principal; /* cv_hello: who you are */
    const char *state;     /* cv_state: "sealed", "unsealed", "frozen"; cv_key_status: below */
    const char *release;   /* cv_state, cv_hello: the daemon's version */
    bool has_totals;       /* cv_state, for admins and auditors: those below */
    uint64_t namespaces_total, contacts_total;
    enum cv_freeze frozen;
    struct cv_unsealing unsealing; /* cv_unseal_info */
    /* cv_key_status: so much is moved, of so much; 0: nothing rotates. cv_compact: rows. Backups:
     * rows and entries. */
    uint64_t done, total;
    /* cv_pending, whose `total` is how many admins could approve. */
    enum cv_approvals approvals;
    bool approvals_active; /* those acts do wait now */
    uint32_t waiting;      /* so many requests wait for you to decide them */
    /* cv_compact: so many came about, ever. cv_canary_add: the new one's, and its token. */
    uint64_t number;
    const char *token;
    enum cv_status result; /* cv_compact: how the last one ended, if it failed */
    /* cv_key_status, for admins: the earliest disk_horizon_ms of all namespaces, shredded ones too
     * (UINT64_MAX: there is none); since when the root key is in use (0: not told, or unknown);
     * contacts of shredded namespaces that are not swept yet. */
    uint64_t disk_horizon_ms, root_since_ms, left;
    const uint8_t
        *audit_key;        /* CV_KEY_BYTES: what the log's checkpoints are signed with; or NULL */
    const uint8_t *backup; /* cv_backup_begin: CV_BACKUP_BYTES, its id */
    uint64_t time_ms;      /* the moment it is of */
    /* cv_compact: of the database file. cv_backup_begin: so many may be read in a second; 0:
     * without limit. */
    uint64_t bytes;
    const uint8_t *data; /* cv_backup_read: what the file has from there on */
    size_t data_size;

    /* ---- people ---- */
    const char *code; /* cv_principal_add, cv_principal_invite: what a person enrols with */
    /* cv_enrol_begin: CV_SECRET_BYTES of TOTP, CV_CHALLENGE_BYTES for cv_enrol_confirm, and
     * recovery codes, each good once in the place of a TOTP code. */
    const uint8_t *secret, *challenge;
    const char *const *codes;
    size_t code_count;
    /* cv_login, cv_whoami: the session ends when nothing is asked for so long, and after so long in
     * any case; 0: there is none. lasts_s also of a code: it is good for so long. */
    uint32_t idle_s, lasts_s;
    uint32_t codes_left; /* recovery codes that were not used yet */
};

/* Wipes, frees, nulls the caller's pointer. NULL is fine. */
CV_API void cv_reply_free(struct cv_reply **reply);

/* What to do about the call as a whole; and, where it is CV_OK, about one item. */
CV_API enum cv_advice cv_advice_of(const struct cv_reply *reply);
CV_API enum cv_advice cv_item_advice(const struct cv_item *item);

/* ---- a connection ---- */

struct cv_client;

struct cv_options {
    const char *socket;        /* a path, or ipc:// and a path */
    const char *identity_file; /* of cv_identity_create; NULL: known by the Unix uid, or by: */
    const struct cv_identity *identity; /* which is copied; before identity_file */
    uint32_t timeout_ms; /* of one call, connecting included; 0: CV_TIMEOUT_DEFAULT_MS */
    /* Whose server may hear a contact, besides root's and one's own. The check is made before a
     * byte of a request is sent, on every connection. */
    bool has_server_uid;
    uint32_t server_uid;
};

/*
 * cv_open: connects; who you are is said with the first call that needs it, and again whenever the
 * connection is another. CV_INVALID: options, or an identity file that is none or that others may
 * read. CV_UNAVAILABLE: nobody listens there, or a uid that is not trusted does. ret_message, which
 * may be NULL, says what was wrong and what to do.
 */
CV_API CV_MUST_USE enum cv_status cv_open(const struct cv_options *options,
                                          struct cv_client **ret_client,
                                          char ret_message[CV_MESSAGE_BYTES]);
/*
 * Ends what was started as cv_cancel does, and frees what nobody took. No other thread may be in a
 * call, and no callback may call it. NULL is fine.
 */
CV_API void cv_close(struct cv_client **client);

/*
 * ---- calls; any thread ----
 *
 * A call's timeout covers all of it: connecting, HELLO, what is repeated. Repeated by themselves
 * are, within it: what the vault surely did not execute, CV_BUSY among it, and what does no harm
 * twice (cv_state, cv_hello, lists, cv_tokenize, cv_lookup, cv_mask, cv_describe,
 * cv_unseal_info, cv_audit_read). Of the others, a connection lost at the wrong moment gives
 * CV_UNAVAILABLE with outcome_unknown. Names and texts are the caller's and are not kept.
 */

/* Who you are to this vault. Not needed: the first call that must, says HELLO by itself. */
CV_API enum cv_status cv_hello(struct cv_client *client, struct cv_reply **ret_reply);
/* Works for strangers and on a sealed vault, too. */
CV_API enum cv_status cv_state(struct cv_client *client, struct cv_reply **ret_reply);

/*
 * ---- people: a key and a second factor ----
 *
 * A person enrols once: with the code an admin gave her, a new key, and the TOTP secret that the
 * vault answers with. From then on she logs in: a call that proves her own key and a factor makes a
 * key of a while hers, and a client with that one (cv_options.identity) speaks for her until the
 * session ends.
 */
struct cv_enrolment {
    const char *code;                   /* as it was given, in any case, with blanks and dashes */
    const char *name;                   /* hers; NULL: whoever this uid belongs to */
    const struct cv_identity *identity; /* of cv_identity_new: hers from then on */
};

/* Nothing is changed by it. CV_UNAUTHENTICATED: the code is wrong, used or old, or not for this
 * uid.
 */
CV_API enum cv_status cv_enrol_begin(struct cv_client *client, const struct cv_enrolment *enrolment,
                                     struct cv_reply **ret_reply);
/* `begun` is that reply; factor: the first code, six digits. CV_DENIED: not the code of now. */
CV_API enum cv_status cv_enrol_confirm(struct cv_client *client,
                                       const struct cv_enrolment *enrolment,
                                       const struct cv_reply *begun, const char *factor,
                                       struct cv_reply **ret_reply);
/*
 * The client has her own key. factor: six digits, or a recovery code. `session` is new and hers
 * until the session ends; this client's connection is in the session, too. CV_DENIED: not this
 * factor; a code is good once. CV_QUOTA: too many wrong ones.
 */
CV_API enum cv_status cv_login(struct cv_client *client, const struct cv_identity *session,
                               const char *factor, struct cv_reply **ret_reply);
/* Ends the session this client is in, everywhere. */
CV_API enum cv_status cv_logout(struct cv_client *client, struct cv_reply **ret_reply);
/* Fills principals with one, who you are; and what is left of the session. */
CV_API enum cv_status cv_whoami(struct cv_client *client, struct cv_reply **ret_reply);

/* What a call about contacts or tokens asks. What an operation has no use for is not sent. */
struct cv_query {
    const char *const *values;  /* contacts, or tokens */
    size_t count;               /* 1 to CV_BATCH_MAX */
    const char *reason;         /* why, 1 to 200 bytes, no contact in it; recorded beforehand */
    const char *namespace_name; /* of contacts; NULL: the only one you have a grant for */
    enum cv_form form;          /* of contacts */
    uint32_t timeout_ms;        /* of this call, connecting and HELLO included; 0: the client's */
    const char *purpose; /* beside reason: one that the vault's configuration lists; or NULL */
    const char *ticket;  /* likewise: the case's own number, at most 64 bytes; or NULL */
};

/* CV_OK: items[i] answers values[i], each with its own status. So in all six. */
CV_API enum cv_status cv_tokenize(struct cv_client *client, const struct cv_query *query,
                                  struct cv_reply **ret_reply);
/* The same, but never makes a token: CV_NOT_FOUND for a contact that has none. */
CV_API enum cv_status cv_lookup(struct cv_client *client, const struct cv_query *query,
                                struct cv_reply **ret_reply);
/* Of tokens. */
CV_API enum cv_status cv_mask(struct cv_client *client, const struct cv_query *query,
                              struct cv_reply **ret_reply);
/* Of tokens: kind and mask, namespace, country; when it was made, for admins and auditors. */
CV_API enum cv_status cv_describe(struct cv_client *client, const struct cv_query *query,
                                  struct cv_reply **ret_reply);
/* Reveals tokens, for a reason: it is on record before it is answered. */
CV_API enum cv_status cv_detokenize(struct cv_client *client, const struct cv_query *query,
                                    struct cv_reply **ret_reply);
/*
 * For ever, for a reason. Of tokens and contacts alike; contacts are looked up first. items[i] has
 * the token that is no more; CV_NOT_FOUND where there was none.
 */
CV_API enum cv_status cv_erase(struct cv_client *client, const struct cv_query *query,
                               struct cv_reply **ret_reply);

/*
 * ---- the same without waiting: started now, finished later ----
 *
 * Any thread may start, and any may take what is finished. Up to 64 threads of the client's, made
 * when they are needed, carry out what was started; more than that waits its turn, and its timeout
 * counts meanwhile. Each started call is finished exactly once: by its callback, or by cv_finished.
 */
enum cv_operation {
    CV_TOKENIZE = 10,
    CV_LOOKUP = 11,
    CV_MASK = 12,
    CV_DETOKENIZE = 13,
    CV_ERASE = 14,
    CV_DESCRIBE = 15,
};

/*
 * On a thread of the client's. The reply is the callback's to free. It may start calls; while it
 * runs it keeps others waiting, and it must not call cv_cancel or cv_close.
 */
typedef void cv_callback(void *user_data, struct cv_reply *reply);

/*
 * cv_start: the query is copied, and the copy wiped when it is done. Without a callback the call is
 * taken by cv_finished. Not started, and nothing will come of it, unless CV_OK: CV_INVALID,
 * CV_TOO_LARGE: the operation, the number of values. CV_BUSY: CV_CALLS_MAX are started and not
 * finished, or finished and not taken. CV_UNAVAILABLE: after cv_cancel. CV_INTERNAL: no memory, or
 * no thread.
 */
CV_API CV_MUST_USE enum cv_status cv_start(struct cv_client *client, enum cv_operation operation,
                                           const struct cv_query *query, cv_callback *done,
                                           void *user_data);
/* The reply, the caller's, and user data of one call that is finished; NULL: none is. */
CV_API CV_MUST_USE struct cv_reply *cv_finished(struct cv_client *client, void **ret_user_data);
/*
 * Readable (poll, epoll) exactly while cv_finished has one to give. It is the client's: do not read
 * it, and do not close it. -1: there is none to be had; errno says why.
 */
CV_API int cv_finished_fd(struct cv_client *client);
/*
 * Ends every call of this client, now and later, with CV_UNAVAILABLE, blocking ones too (of what
 * was under way outcome_unknown may be said). When it returns, all that was started has been called
 * back or is there for cv_finished. What is left to do with the client is to take those, and
 * cv_close.
 */
CV_API void cv_cancel(struct cv_client *client);

/* Stops all reveals by people, and deliveries too if told so. CV_CONFLICT: so it is already. */
CV_API enum cv_status cv_freeze(struct cv_client *client, bool deliveries_too,
                                struct cv_reply **ret_reply);

/* ---- for admins, on the admin socket; lists and the log for auditors, too ---- */

CV_API enum cv_status cv_unseal(struct cv_client *client, const uint8_t root_key[CV_KEY_BYTES],
                                struct cv_reply **ret_reply);
/*
 * reply->unsealing: what the vault has to be given. As cv_unseal for root and the vault's own user,
 * sealed or not.
 */
CV_API enum cv_status cv_unseal_info(struct cv_client *client, struct cv_reply **ret_reply);
/*
 * A share of the root key; the last one that is needed unseals. reply->state: "sealed" or
 * "unsealed"; reply->done of reply->total are given. CV_INVALID, CV_CONFLICT: not a share of the
 * vault's, or given already. Shares that are not followed by another within five minutes are
 * forgotten.
 */
CV_API enum cv_status cv_unseal_share(struct cv_client *client, const uint8_t share[CV_SHARE_BYTES],
                                      struct cv_reply **ret_reply);
CV_API enum cv_status cv_seal(struct cv_client *client, struct cv_reply **ret_reply);
CV_API enum cv_status cv_unfreeze(struct cv_client *client, struct cv_reply **ret_reply);
CV_API enum cv_status cv_namespace_create(struct cv_client *client, const char *name,
                                          struct cv_reply **ret_reply);
/* All of them. */
CV_API enum cv_status cv_namespace_list(struct cv_client *client, struct cv_reply **ret_reply);

/* Contacts that nobody used for so many months are erased; 0: never. */
CV_API enum cv_status cv_namespace_set(struct cv_client *client, const char *name,
                                       uint32_t retain_months, struct cv_reply **ret_reply);

/*
 * A namespace's keys are destroyed before this returns, and nothing in it can be read any more; its
 * rows are removed by and by. There is no way back, and its name stays taken. CV_CONFLICT: it was
 * shredded already. CV_UNAVAILABLE: reply->message says whether nobody can use it any more although
 * its keys could not leave a full disk yet.
 */
CV_API enum cv_status cv_namespace_shred(struct cv_client *client, const char *name,
                                         struct cv_reply **ret_reply);

/*
 * A new key, in that namespace (NULL: the only one you have a grant for) or in all of yours: what
 * is new is under it when this returns, what is old is moved by and by; then the old key is
 * destroyed. No token changes. CV_CONFLICT: one rotates already. For privacy too, in its
 * namespaces, on either socket; so is the next.
 */
CV_API enum cv_status cv_key_rotate(struct cv_client *client, enum cv_key_purpose purpose,
                                    const char *namespace_name, bool all,
                                    struct cv_reply **ret_reply);
/*
 * A page: keys of namespaces from this number on (0: from the first). Ask again from reply->next,
 * until reply->count is 0. state: "idle", "running", or "stuck": an old key stays, since records do
 * not open.
 */
CV_API enum cv_status cv_key_status(struct cv_client *client, uint64_t from,
                                    struct cv_reply **ret_reply);

/*
 * The database file gives its free space back: its rows are copied, packed, into a new one, which
 * takes its place, while everything goes on. `number` 0: only looks. Else the compaction of that
 * number is begun, if it is the next one (reply->number + 1) and none is under way; asking again
 * does no harm. state: "idle", "running", or "waiting" for the last who still reads the old file.
 * CV_UNAVAILABLE: the disk has no room for the copy. For privacy too, on either socket.
 */
CV_API enum cv_status cv_compact(struct cv_client *client, uint64_t number,
                                 struct cv_reply **ret_reply);

/*
 * Another root key, got in that way from now on; the old one opens nothing any more but older
 * copies of the keyring. For admins. CV_UNAVAILABLE with outcome_unknown: keep both until one of
 * them unseals.
 */
CV_API enum cv_status cv_root_rotate(struct cv_client *client, const uint8_t root_key[CV_KEY_BYTES],
                                     const struct cv_unsealing *unsealing,
                                     struct cv_reply **ret_reply);

/*
 * ---- two people: for admins; the list for auditors, too ----
 *
 * While reply->approvals_active of cv_pending, what gives somebody rights, lets data out or takes
 * the vault from those who watch over it (PROTOCOL.md, "Two people") is CV_PENDING: it is not done,
 * and waits under reply->request for another admin.
 */

/* CV_CONFLICT: it is set so; or it would be in force, and there are no two who could approve. */
CV_API enum cv_status cv_approvals_set(struct cv_client *client, enum cv_approvals approvals,
                                       struct cv_reply **ret_reply);
/* reply->requests, and how the setting stands. */
CV_API enum cv_status cv_pending(struct cv_client *client, struct cv_reply **ret_reply);
/*
 * Does what was asked for, as the act of whoever asked; the reply is that of the act. CV_DENIED:
 * one's own, or not for you. CV_NOT_FOUND, CV_EXPIRED: it does not wait any more. Whatever the
 * answer to the act, it waits no longer.
 */
CV_API enum cv_status cv_approve(struct cv_client *client, uint64_t request,
                                 struct cv_reply **ret_reply);
/* Another's, or, to withdraw it, one's own. */
CV_API enum cv_status cv_deny(struct cv_client *client, uint64_t request,
                              struct cv_reply **ret_reply);

/* ---- canaries: for admins ---- */

/*
 * A contact of the admin's own that nobody has a reason to open; it is put into the namespace if it
 * is not there, and nobody is told which. namespace_name NULL: the only one there is. A person who
 * detokenizes it is disabled; for a service it is opened, and the operators are told. CV_CONFLICT:
 * it is one already. CV_TOO_LARGE: there are 256. CV_QUOTA: 64 were added today.
 */
CV_API enum cv_status cv_canary_add(struct cv_client *client, const char *value,
                                    const char *namespace_name, struct cv_reply **ret_reply);
CV_API enum cv_status cv_canary_list(struct cv_client *client, struct cv_reply **ret_reply);
CV_API enum cv_status cv_canary_remove(struct cv_client *client, const char *token,
                                       struct cv_reply **ret_reply);

/* Tells the operators, so that they see whether alarms arrive: what is configured is run, and the
 * vault's log says how it ended. CV_NOT_FOUND: nothing is. */
CV_API enum cv_status cv_notify_test(struct cv_client *client, struct cv_reply **ret_reply);

/* ---- backups: for admins; the list of recipients for auditors, too ---- */

/*
 * Whoever has the private half of the key opens backups that are made from then on, if he has the
 * root key as well. CV_INVALID: no X25519 key. CV_CONFLICT: the name or the key is there. A
 * recipient who was removed still opens what was sealed to him.
 */
CV_API enum cv_status cv_recipient_add(struct cv_client *client, const char *name,
                                       const uint8_t public_key[CV_KEY_BYTES],
                                       struct cv_reply **ret_reply);
CV_API enum cv_status cv_recipient_list(struct cv_client *client, struct cv_reply **ret_reply);
CV_API enum cv_status cv_recipient_remove(struct cv_client *client, const char *name,
                                          struct cv_reply **ret_reply);

/* Its two files. */
enum cv_backup_part { CV_BACKUP_CONTENTS = 1, CV_BACKUP_KEYRING = 2 };

/*
 * cv_backup_begin fixes the moment that the backup is of. Then each part is read from 0 on, and
 * again from reply->next, until that is 0; what was read last may be asked for again. cv_backup_end
 * ends it: `all` when both are on disk. CV_CONFLICT: there is no recipient, or somebody makes one
 * already. CV_NOT_FOUND: it is over; reply->message says why. Nobody reading for a minute ends it.
 */
CV_API enum cv_status cv_backup_begin(struct cv_client *client, struct cv_reply **ret_reply);
CV_API enum cv_status cv_backup_read(struct cv_client *client,
                                     const uint8_t backup[CV_BACKUP_BYTES],
                                     enum cv_backup_part part, uint64_t from,
                                     struct cv_reply **ret_reply);
CV_API enum cv_status cv_backup_end(struct cv_client *client, const uint8_t backup[CV_BACKUP_BYTES],
                                    bool all, struct cv_reply **ret_reply);

struct cv_new_principal {
    const char *name;
    enum cv_principal_kind kind;
    const uint8_t *public_key; /* CV_KEY_BYTES, or NULL: known by its uid */
    uint32_t uid;
    bool relayed; /* with a key: its signature counts from behind another uid, too */
    /* Of a person, who brings her own key when she enrols: from any uid, not from that one alone.
     * Then neither of the two above is sent. */
    bool any_uid;
};

/* Of a person reply->code, reply->lasts_s: what she enrols with, once, and for how long it is good.
 */
CV_API enum cv_status cv_principal_add(struct cv_client *client,
                                       const struct cv_new_principal *principal,
                                       struct cv_reply **ret_reply);
/* Another code for a person who is there: she enrols anew, with a new key. Reply as above. */
CV_API enum cv_status cv_principal_invite(struct cv_client *client, const char *name,
                                          struct cv_reply **ret_reply);
/* A page: principals from this number on (0: from the first). Ask again from reply->next, until
 * reply->count is 0. */
CV_API enum cv_status cv_principal_list(struct cv_client *client, uint64_t from,
                                        struct cv_reply **ret_reply);
/* Fills principals with one. */
CV_API enum cv_status cv_principal_show(struct cv_client *client, const char *name,
                                        struct cv_reply **ret_reply);
CV_API enum cv_status cv_principal_disable(struct cv_client *client, const char *name,
                                           struct cv_reply **ret_reply);
CV_API enum cv_status cv_principal_enable(struct cv_client *client, const char *name,
                                          struct cv_reply **ret_reply);
/* A key in place of a service's key or uid: its connections end, and its grants of deliver permit
 * nothing until they are given again. CV_INVALID: a person, who enrols anew instead. */
CV_API enum cv_status cv_principal_set_key(struct cv_client *client, const char *name,
                                           const uint8_t public_key[CV_KEY_BYTES],
                                           struct cv_reply **ret_reply);
/* For who leaves, for ever: disabled, its grants removed; its name and key stay taken, its uid is
 * free. CV_CONFLICT: done before, or the last admin. What it saw is in the log (cv_audit_read). */
CV_API enum cv_status cv_principal_offboard(struct cv_client *client, const char *name,
                                            struct cv_reply **ret_reply);

struct cv_grant_terms {
    const char *name; /* the principal's */
    enum cv_role role;
    const char *namespace_name; /* NULL: the whole vault, for the roles that are vault-wide */
    uint32_t lasts_s;           /* ends so many seconds from now, by the vault's clock; or */
    uint64_t until_ms;          /* ends then; both 0: no end */
    uint32_t daily, hourly;     /* its budget over 24 hours, over an hour; 0: the vault's default */
};

/* One grant without an end and one with may be held side by side; again replaces that one. */
CV_API enum cv_status cv_grant(struct cv_client *client, const struct cv_grant_terms *terms,
                               struct cv_reply **ret_reply);
/* Takes both. */
CV_API enum cv_status cv_revoke(struct cv_client *client, const char *name, enum cv_role role,
                                const char *namespace_name, struct cv_reply **ret_reply);

struct cv_audit_query { /* what is 0 or NULL does not matter */
    uint64_t from;      /* entries from this number on */
    uint32_t limit;     /* at most so many of them in one reply; 0: CV_AUDIT_PAGE_MAX */
    const char *principal, *token, *namespace_name;
    uint32_t act;                /* as in cv_audit_entry */
    uint64_t since_ms, until_ms; /* made at or after; made before */
};

/*
 * Entries from a bounded part of the log: fewer than there are, or none, with next moved on: ask
 * again from there. The end is where there are none and next is `from`.
 */
CV_API enum cv_status cv_audit_read(struct cv_client *client, const struct cv_audit_query *query,
                                    struct cv_reply **ret_reply);

/* ---- identities: an Ed25519 key in a file that only its owner may read ---- */

/*
 * cv_identity_create: a new key in a new file, mode 0600, on disk when it returns; ret_public is
 * the line to give an admin. CV_CONFLICT: there is such a file. CV_UNAVAILABLE: it cannot be
 * written; errno says why.
 */
CV_API CV_MUST_USE enum cv_status cv_identity_create(const char *path,
                                                     char ret_public[CV_PUBLIC_TEXT_BYTES]);

/* A key pair in locked memory. What others are given of it, it does not hold. */
struct cv_identity;
/* A new key, in memory alone. CV_INTERNAL: there is none; so in the next. */
CV_API CV_MUST_USE enum cv_status cv_identity_new(struct cv_identity **ret_identity);
/* The one that is all of the private half, and back. Who has it wipes it. */
CV_API CV_MUST_USE enum cv_status cv_identity_of_seed(const uint8_t seed[CV_KEY_BYTES],
                                                      struct cv_identity **ret_identity);
CV_API void cv_identity_seed(const struct cv_identity *identity, uint8_t ret_seed[CV_KEY_BYTES]);
CV_API void cv_identity_public(const struct cv_identity *identity, uint8_t ret_key[CV_KEY_BYTES]);
/*
 * Into a new file, as cv_identity_create, that opens by a passphrase alone: Argon2id over 256 MiB,
 * for half a second. CV_INVALID: an empty passphrase. CV_CONFLICT, CV_UNAVAILABLE: as there.
 * CV_INTERNAL: no memory.
 */
CV_API CV_MUST_USE enum cv_status cv_identity_save(const struct cv_identity *identity,
                                                   const char *path, const char *passphrase,
                                                   size_t passphrase_size);
/*
 * From either kind of file; `passphrase` may be NULL for one of cv_identity_create. CV_INVALID: no
 * identity file, or one that others may read, or no passphrase for one that wants it. CV_DENIED:
 * not this passphrase, or the file was altered. ret_message, which may be NULL, says so.
 */
CV_API CV_MUST_USE enum cv_status cv_identity_open(const char *path, const char *passphrase,
                                                   size_t passphrase_size,
                                                   struct cv_identity **ret_identity,
                                                   char ret_message[CV_MESSAGE_BYTES]);
/* Whose a file is, and whether a passphrase protects it; errors as above. */
CV_API CV_MUST_USE enum cv_status cv_identity_look(const char *path, bool *ret_protected,
                                                   uint8_t ret_key[CV_KEY_BYTES],
                                                   char ret_message[CV_MESSAGE_BYTES]);
/* Wipes, frees, nulls the caller's pointer. NULL is fine. */
CV_API void cv_identity_free(struct cv_identity **identity);

/* From that line, white space around it allowed. CV_INVALID: it is none. */
CV_API CV_MUST_USE enum cv_status cv_public_key_parse(const char *text,
                                                      uint8_t ret_key[CV_KEY_BYTES]);
/* The line for a key. */
CV_API void cv_public_key_print(const uint8_t key[CV_KEY_BYTES],
                                char ret_public[CV_PUBLIC_TEXT_BYTES]);

/* ---- recipients of backups: an X25519 key, of which the private half belongs offline ---- */

/* As cv_identity_create, for the private half; ret_key is the public one. */
CV_API CV_MUST_USE enum cv_status cv_recipient_create(const char *path,
                                                      uint8_t ret_key[CV_KEY_BYTES]);
/* The public half as a line that is no identity's, both ways. CV_INVALID: it is none. */
CV_API CV_MUST_USE enum cv_status cv_recipient_parse(const char *text,
                                                     uint8_t ret_key[CV_KEY_BYTES]);
CV_API void cv_recipient_print(const uint8_t key[CV_KEY_BYTES],
                               char ret_public[CV_PUBLIC_TEXT_BYTES]);

#ifdef __cplusplus
}
#endif

#endif
