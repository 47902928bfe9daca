/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restore.h: a vault made of a backup, as another instance: everything is verified, and what was
 * erased, disabled, revoked and frozen since is so again (DESIGN.md, "Restore"). What is built is
 * no vault yet: whoever asked gives it its name when all is done.
 *
 * One thread, one restore at a time in a process.
 */
#ifndef CONTACT_VAULT_RESTORE_H
#define CONTACT_VAULT_RESTORE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "bounds.h"
#include "status.h"

struct secret;
struct unseal_slot;

enum { RESTORE_FAULT_BYTES = 512 };

struct restore_request {
    const char *contents; /* the backup's two files */
    const char *keyring;
    const struct secret *recipient; /* X25519 private key of one of its recipients */
    const struct secret *root;      /* that its keyring is sealed under */
    const char *newer_log;   /* folder of the vault's log as it went on after the backup; NULL */
    const char *checkpoints; /* file of such as were kept elsewhere: newer_log has them; NULL */
    bool accept_lost;        /* it went on, and how is not known */
    bool accept_damaged;     /* rows that are wrong stay as they are */
    /* Where it is built: a folder of its own for the store and for the log, both empty, and a file
     * that is not there. */
    const char *store_folder;
    const char *audit_folder;
    const char *keyring_path;
    uint64_t map_bytes; /* of the store; 0: its default */
    /* Not 0: somebody wants it to end; looked at while rows are read and between steps. NULL. */
    const volatile sig_atomic_t *stop;
};

struct restore_report {
    /* what is in the backup */
    uint64_t time_ms;
    uint64_t contacts, namespaces, principals;
    uint64_t entries; /* of its log */
    uint64_t faults;  /* rows that do not open, or fit each other, as they were in the vault */
    uint8_t public_key[PUBLIC_KEY_BYTES];
    /* what became of it since */
    bool log_is_newer;
    uint64_t new_entries;
    uint64_t erased, shredded, disabled, revoked;
    bool frozen;
    uint64_t principals_lost, grants_lost, namespaces_lost; /* made since: to be made again */
    uint64_t admins_kept; /* disabled since, but without them there would be no admin */
    bool approvals_off; /* fewer than two admins are left who could approve: until there are two */
    /* what went wrong: a word for programs, a sentence for people */
    const char *fault_name;
    char fault[RESTORE_FAULT_BYTES];
};

/* How the backup's root key is got: asked before `root` is. */
MUST_USE enum status restore_slot(const char *keyring, const struct secret *recipient,
                                  struct unseal_slot *ret_slot, struct restore_report *ret_report);

/*
 * Any status but OK: the report says what is wrong and what to do, and what was built is to be
 * thrown away. CORRUPT: something is not what it should be. DENIED: not the recipient's, or not
 * the root key. CONFLICT: neither newer_log nor accept_lost. UNAVAILABLE: the disk said no, or it
 * was to end.
 */
MUST_USE enum status restore_build(const struct restore_request *request,
                                   struct restore_report *ret_report);

#endif
