/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dispatch.h: bytes in, bytes out: decode, who are you, may you, record it, do it, encode. The one
 * table of operations lives behind it. Knows no socket: tests and fuzzers use the same door as rpc.
 */
#ifndef CONTACT_VAULT_DISPATCH_H
#define CONTACT_VAULT_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bounds.h"
#include "bytes.h"
#include "notice.h"
#include "status.h"

struct access;
struct audit;
struct audit_summary;
struct backup;
struct budgets;
struct dispatch;
struct secret;
struct vault;

/*
 * What dispatch stands on; all of it belongs to the caller and outlives the dispatch. `daemon_uid`,
 * `unseal_uids` and root may unseal; 65534 never, whoever names it.
 */
struct dispatch_parts {
    struct vault *vault;
    struct access *access;
    struct audit *audit;
    struct budgets *budgets;
    struct backup *backup;
    const struct audit_summary *found; /* what opening the chain learned; copied */
    uint32_t daemon_uid;
    const uint32_t *unseal_uids;
    size_t unseal_uid_count;
    const char *purposes; /* of reveals, names apart by ", ": a person names one; NULL, "": none */
    uint32_t audit_retain_months;  /* older entries of the log are removed; 0: never */
    uint32_t rekey_rate;           /* contacts moved to a new key in a second; 0: without limit */
    uint32_t data_key_max_days;    /* older data keys are rotated; 0: never */
    uint32_t data_key_max_records; /* as are those with more records, once a day; 0: never */
    bool making;                   /* by init: a vault without an admin may be opened */
    notice_teller *tell; /* whom the operators' alarms go to, with `teller`; NULL: to nobody */
    void *teller;
    uint32_t alarm_lookup_misses; /* within an hour; 0: no alarm */
};

enum { DISPATCH_FAULT_BYTES = 256 };

/* Starts sealed. */
MUST_USE enum status dispatch_new(const struct dispatch_parts *parts,
                                  struct dispatch **ret_dispatch);
void dispatch_free(struct dispatch **dispatch);

/*
 * dispatch_unseal: opens keyring, vault and access state, settles what a crash cut in two, and
 * writes OPENED into the audit. On any failure the vault is sealed again and ret_fault says why,
 * for a person. DENIED: not this vault's root key. CORRUPT: something was altered or put back.
 */
MUST_USE enum status dispatch_unseal(struct dispatch *dispatch, const struct secret *root,
                                     char ret_fault[static DISPATCH_FAULT_BYTES]);
/* Waits for what is admitted, writes CLOSED into the audit, forgets every key. */
MUST_USE enum status dispatch_seal(struct dispatch *dispatch);

/*
 * dispatch_add_first_admin: for `init`, on an unsealed vault without principals: recorded as the
 * vault's own act.
 */
MUST_USE enum status dispatch_add_first_admin(struct dispatch *dispatch, struct bytes name,
                                              uint32_t uid);

/*
 * dispatch_shred: a namespace is shredded as the vault's own act: for restore, which does again
 * what the log tells of since the backup (entries of OP_NAMESPACE_SHRED with phase outcome and
 * result OK). Of an unsealed vault; needs no thread but the caller's. OK as well if it was done
 * already; NOT_FOUND: no such namespace. UNAVAILABLE: its keys, or all of it, are still there.
 */
MUST_USE enum status dispatch_shred(struct dispatch *dispatch, struct bytes name);

/*
 * dispatch_tick: housekeeping: the log's flushes, checkpoints and keys, months of last use, what is
 * past its retention, and the rotation of keys. May wait for the disk; one maintenance thread calls
 * it some ten times a second.
 */
void dispatch_tick(struct dispatch *dispatch);

/* For the service manager to show. May wait for an admin's act. */
bool dispatch_is_sealed(struct dispatch *dispatch);

/* Takes the newest checkpoint to the second place. May hang with it, holding nothing: one thread
 * that does nothing else. */
void dispatch_keep_elsewhere(struct dispatch *dispatch);

/* What is on disk is unknown: stop the process, the restart decides. */
bool dispatch_must_stop(const struct dispatch *dispatch);

/* Which listener a connection came in by. An operation not on that socket does not exist there. */
enum peer_socket {
    PEER_DATA = 1,
    PEER_ADMIN = 2,
};

/* How far a connection has come in saying who it is. */
enum peer_state {
    PEER_STRANGER = 0,
    PEER_CHALLENGED = 1, /* a key was named and a nonce sent */
    PEER_KNOWN = 2,
};

/*
 * The far end of one connection; rpc keeps it, dispatch alone writes it. Only hello and prove
 * write, and those are always answered where they arrive, one after another for one connection; a
 * request that is handed to another thread travels with a copy.
 */
struct peer {
    enum peer_socket socket;
    uint32_t uid; /* as the kernel says it */
    enum peer_state state;
    uint32_t principal;   /* number, when known */
    uint64_t session;     /* whose key it proved; 0: none */
    bool by_own_key;      /* it proved the principal's own key */
    uint8_t identity[32]; /* likewise: what it was known by then, as access_identity has it */
    uint8_t connection[CONNECTION_ID_BYTES];
    uint8_t public_key[PUBLIC_KEY_BYTES];
    uint8_t client_nonce[NONCE_BYTES];
    uint8_t vault_nonce[NONCE_BYTES];
};

/* A new connection: a stranger; the one that is welcomed gets a connection id. */
void dispatch_peer_init(struct peer *peer, enum peer_socket socket, uint32_t uid);

/* What one thread needs to answer one request at a time: scratch memory and a parser. */
struct workspace;
MUST_USE enum status workspace_new(struct workspace **ret_workspace);
void workspace_free(struct workspace **workspace);
/* After the reply was copied out: every byte of request and reply in it is zeroed. */
void workspace_wipe(struct workspace *workspace);

enum dispatch_mode {
    DISPATCH_NO_WAIT, /* on a thread that moves bytes: answer only what needs no disk and no lock */
    DISPATCH_MAY_WAIT, /* on a worker */
};

enum dispatch_outcome {
    DISPATCH_ANSWERED,
    DISPATCH_WOULD_WAIT, /* nothing was done; ask again with DISPATCH_MAY_WAIT */
};

/*
 * dispatch_handle: whatever the request's bytes are, ANSWERED gives a reply, which lies in the
 * workspace until its wipe. Any number of threads, each with its own workspace.
 */
enum dispatch_outcome dispatch_handle(struct dispatch *dispatch, struct peer *peer,
                                      struct workspace *workspace, struct bytes request,
                                      enum dispatch_mode mode, struct bytes *ret_reply);

/* A whole reply with this status and nothing else, for what rpc must refuse itself (BUSY). Static.
 */
struct bytes dispatch_refusal(enum status status);

#endif
