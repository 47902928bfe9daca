/* SPDX-License-Identifier: Apache-2.0 */
/* restore_internal.h: a restore under way, as its own files see it. */
#ifndef CONTACT_VAULT_RESTORE_INTERNAL_H
#define CONTACT_VAULT_RESTORE_INTERNAL_H

#include <stdio.h>

#include "access.h"
#include "audit.h"
#include "audit_build.h"
#include "backup_contents.h"
#include "keyring.h"
#include "restore.h"
#include "store.h"
#include "vault.h"

struct scratch;

/* Opened from the ground up, closed in reverse. */
struct restoring {
    const struct restore_request *request;
    struct restore_report *report;
    uint8_t instance_id[INSTANCE_ID_BYTES]; /* the new one */
    struct backup_manifest manifest;
    struct store *store;
    struct audit_build *build;
    struct audit_built built; /* the log that is there */
    struct keyring *keyring;
    struct vault *vault;
    struct audit *audit;
    struct audit_summary found;
    struct access *access;
    struct scratch *scratch;
};

/* restore_files.c: sets the report's fault; gives the status back. `name` is static. */
enum status restore_refuse(struct restoring *restoring, enum status status, const char *name,
                           const char *format, ...) __attribute__((format(__printf__, 4, 5)));
/* The same of a backup's file. */
enum status restore_refuse_file(struct restoring *restoring, enum backup_fault fault,
                                const char *path);
/* A failure of the disk, or of memory. */
enum status restore_refuse_disk(struct restoring *restoring, enum status status);

/* Of the backup, to be read. Closed whatever came of opening it. */
enum backup_fault restore_open_file(const char *path, struct backup_source *ret_source);
void restore_close_file(struct backup_source *source);

/* restore_rows.c: frames that are rows, into the store, in large pieces. */
struct restore_rows;
MUST_USE enum status restore_rows_new(struct store *store, struct restore_rows **ret_rows);
void restore_rows_free(struct restore_rows **rows);
MUST_USE enum status restore_rows_put(struct restore_rows *rows, const struct backup_frame *row);
MUST_USE enum status restore_rows_end(struct restore_rows *rows);

/* restore_log.c: the log that was built: is it all signed, and are the checkpoints of that file
 * (NULL: none) in it? */
MUST_USE enum status restore_check_log(struct restoring *restoring, const char *checkpoints);
/* Opened, proved; the rules in the store are those it vouches for, or, of a newer one, it holds the
 * backup's last entry. */
MUST_USE enum status restore_open_log(struct restoring *restoring);
/* The newer log takes the place of the backup's. */
MUST_USE enum status restore_take_newer_log(struct restoring *restoring);

/* restore_check.c: with the backup's own log. */
MUST_USE enum status restore_check_rules(struct restoring *restoring);
MUST_USE enum status restore_check_rows(struct restoring *restoring);

/* restore_replay.c: what the newer log says behind the backup's last entry. */
MUST_USE enum status restore_replay(struct restoring *restoring);

/* ---- restore_again.c: the acts it met ---- */

enum { GRANT_STANDING = 1, /* without an end */ GRANT_ENDING = 2 };

/* A change of the rules, as its intent told of it. */
struct restore_act {
    uint64_t sequence;
    uint32_t operation;
    uint64_t amount;
    uint8_t role;
    uint8_t sort;   /* of a grant: GRANT_STANDING, GRANT_ENDING, or both if it cannot be told */
    bool confirmed; /* by an outcome */
    bool refuted;   /* likewise; by one that is signed */
    bool proved;    /* confirmed by one that is signed */
    char namespace_name[NAME_BYTES_MAX + 1];
    char subject[NAME_BYTES_MAX + 1];
};

/* What takes something away is done; what gives is counted. `end`: behind the last of the acts that
 * came after it, one of which may have undone it. */
MUST_USE enum status restore_do_again(struct restoring *restoring, const struct restore_act *act,
                                      const struct restore_act *end);
/* Once all are. */
MUST_USE enum status restore_end_deadlock(struct restoring *restoring);

/* ---- restore_logins.c: what let persons in since the backup ---- */

struct login_uses;
/* Freed with free(); NULL: out of memory. */
struct login_uses *restore_logins_new(void);
/* An entry of OP_LOGIN. */
void restore_meet_login(const struct restoring *restoring, struct login_uses *uses,
                        const struct audit_entry *entry);
/* Once the rules are as they will be. */
MUST_USE enum status restore_use_up(struct restoring *restoring, const struct login_uses *uses);

#endif
