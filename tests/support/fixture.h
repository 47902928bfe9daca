/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.h: a whole vault in a temporary folder, in this process, with no socket: tests knock at
 * dispatch_handle, the door rpc uses. */
#ifndef CONTACT_VAULT_FIXTURE_H
#define CONTACT_VAULT_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access.h"
#include "audit.h"
#include "backup.h"
#include "budget.h"
#include "dispatch.h"
#include "keyring.h"
#include "message.h"
#include "people.h"
#include "secret.h"
#include "store.h"
#include "store_backend.h"
#include "vault.h"

enum {
    FIXTURE_PATH_BYTES = 256,
    FIXTURE_REQUEST_BYTES = 1 << 20,
    FIXTURE_ADMIN_UID = 1000,
    CALLER_SECRET_KEY_BYTES = 64,
};

struct fixture {
    char folder[FIXTURE_PATH_BYTES];
    const struct store_backend *backend; /* of the store; set by fixture_make to LMDB's */
    struct secret *root;
    struct keyring *keyring;
    struct store *store;
    struct vault *vault;
    struct audit *audit;
    struct access *access;
    struct budgets *budgets;
    struct backup *backup;
    struct dispatch *dispatch;
    char fault[256]; /* of the last opening that was refused */
    /* May be changed before fixture_open, for the next opening. */
    struct access_budgets defaults;
    bool keeps_checkpoints; /* in the folder "checkpoints" beside the vault */
    uint64_t segment_bytes; /* of the log; 0: its default */
    uint32_t audit_retain_months;
    uint32_t rekey_rate, data_key_max_days, data_key_max_records;
    uint64_t backup_rate;        /* bytes in a second */
    uint32_t daemon_uid;         /* may unseal, as root may */
    const uint32_t *unseal_uids; /* as they may; the test's own */
    size_t unseal_uid_count;
    const char *purposes; /* of reveals; NULL: there is no list */
    notice_teller *tell;  /* whom alarms go to; NULL: nobody */
    void *teller;
    uint32_t alarm_lookup_misses;
    struct person people[PEOPLE_MAX]; /* whom caller_principal_add enrolled */
    size_t people_count;
    bool people_stay_out; /* whose session is over is told so; else she logs in again by herself */
};

/* A new vault, unsealed, with the admin "admin" of uid FIXTURE_ADMIN_UID. */
void fixture_make(struct fixture *fixture);
/* The same over another engine. */
void fixture_make_over(struct fixture *fixture, const struct store_backend *backend);
/* Closes all and removes the folder. */
void fixture_remove(struct fixture *fixture);
/* As a crash would: nothing is sealed or said good-bye to. Then opened again, and unsealed. */
void fixture_close(struct fixture *fixture);
MUST_USE enum status fixture_open(struct fixture *fixture);
void fixture_path(const struct fixture *fixture, const char *name,
                  char ret_path[static FIXTURE_PATH_BYTES]);

/* One caller: a peer, a workspace and room for a request; one thread. */
struct caller {
    struct fixture *fixture;
    struct peer peer;
    struct workspace *workspace;
    struct message_parser *parser;
    struct message_writer request;
    uint8_t *request_bytes;
    const struct message *reply; /* of the last call; until the next */
    uint8_t *reply_bytes;
    size_t reply_size;
};

void caller_make(struct caller *caller, struct fixture *fixture, enum peer_socket socket,
                 uint32_t uid);
void caller_remove(struct caller *caller);
/* Starts a request of `fields` fields beside operation and connection id. */
void caller_begin(struct caller *caller, enum operation operation, size_t fields);
/* Sends it (first without waiting, then with), and gives the reply's own status. */
enum status caller_send(struct caller *caller);
enum status caller_send_bytes(struct caller *caller, struct bytes request);
/* By uid; where that is a person's whom caller_principal_add added: in her session. */
enum status caller_hello(struct caller *caller);
enum status caller_hello_by_uid(struct caller *caller);
/* Of the reply's item i: its status (OK where it has none). */
enum status caller_item_status(const struct caller *caller, size_t i);
struct bytes caller_item_text(const struct caller *caller, size_t i, enum field field);

/* Shorthands: a whole request each. */
enum status caller_values(struct caller *caller, enum operation operation,
                          const char *const *values, size_t count, const char *namespace_name,
                          const char *reason);
enum status caller_namespace_create(struct caller *caller, const char *name);
enum status caller_principal_add(struct caller *caller, const char *name, enum principal_kind kind,
                                 uint32_t uid);
/* Who is known by a key, not by a uid: made here. */
struct caller_key {
    uint8_t public_key[PUBLIC_KEY_BYTES];
    uint8_t secret_key[CALLER_SECRET_KEY_BYTES];
};
enum status caller_principal_add_by_key(struct caller *caller, const char *name,
                                        enum principal_kind kind, struct caller_key *ret_key);
/* Hello and proof. */
enum status caller_hello_by_key(struct caller *caller, const struct caller_key *key);
enum status caller_grant(struct caller *caller, enum operation operation, const char *name,
                         enum role role, const char *namespace_name);
enum status caller_name(struct caller *caller, enum operation operation, const char *name);
/* Zeros: not told. */
struct caller_terms {
    uint64_t lasts_s, until_ms, daily, hourly;
};
enum status caller_grant_on_terms(struct caller *caller, const char *name, enum role role,
                                  const char *namespace_name, const struct caller_terms *terms);
enum status caller_freeze(struct caller *caller, bool deliveries_too);
enum status caller_unfreeze(struct caller *caller);
enum status caller_approvals(struct caller *caller, enum approvals approvals);
/* OP_APPROVE or OP_DENY. */
enum status caller_decide(struct caller *caller, enum operation operation, uint64_t request);
/* Of a reply that is PENDING; else 0. */
uint64_t caller_request_number(const struct caller *caller);

#endif
