/* SPDX-License-Identifier: Apache-2.0 */
/* audit_fixture.h: an open audit log with an unsealed keyring in a folder of its own; and logs made
 * by hand, as whoever can write the files would make them. Faults end the test. */
#ifndef CONTACT_VAULT_TEST_AUDIT_FIXTURE_H
#define CONTACT_VAULT_TEST_AUDIT_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit.h"
#include "audit_verify.h"
#include "bytes.h"
#include "folder.h"
#include "keyring.h"

enum { LOG_ENTRIES_MAX = 4096 };

extern const uint8_t fixture_vault_id[VAULT_ID_BYTES];
extern const uint8_t fixture_instance_id[INSTANCE_ID_BYTES];
extern const uint8_t fixture_token[TOKEN_BYTES];

struct fixture {
    char folder[FOLDER_PATH_BYTES];
    char log[FOLDER_PATH_BYTES];    /* the audit's folder */
    char copy[FOLDER_PATH_BYTES];   /* where a test puts what it altered */
    char place2[FOLDER_PATH_BYTES]; /* the second place of checkpoints; made, and used if asked for
                                     */
    struct secret *root;
    struct keyring *keyring;
    uint8_t public_key[PUBLIC_KEY_BYTES];
    uint64_t changes; /* of the store */
    struct audit_options options;
    struct audit *audit;
    struct audit_summary summary;
    char place[AUDIT_PLACE_BYTES];
    uint64_t noted; /* by the newest checkpoint, as audit_prove found it */
};

/* Opened: entry 1 is CREATED. */
int fixture_set_up(void **state);
int fixture_tear_down(void **state);
/* From that folder, into fixture->audit. */
enum status fixture_open(struct fixture *fixture, const char *folder);
void fixture_reopen(struct fixture *fixture);

struct audit_entry fixture_reveal(const char *principal);
struct audit_entry
fixture_act(uint32_t act); /* OPENED, CLOSED, CHECKPOINT, RESTORED: to be signed */
/* Appended, and on disk; gives its number. */
uint64_t fixture_append(struct fixture *fixture, struct audit_entry entry);

/* Offline, of `folder`. */
enum status fixture_verify(const struct fixture *fixture, const char *folder, const char *kept,
                           struct audit_report *ret_report);

/* ---- entries as they lie in the file ---- */

struct log {
    struct bytes entries[LOG_ENTRIES_MAX];
    size_t count;
};

struct log *fixture_read_log(const char *folder);
void fixture_free_log(struct log **log);
/* Writable bytes of entry `number`. */
uint8_t *fixture_entry(struct log *log, uint64_t number);
/* As whoever can write the files would: the journal's own checksums are right. */
void fixture_forge(const char *folder, const struct bytes *entries, size_t count);
/* From entry `number` on, each carries the hash of the one before it again. */
void fixture_rechain(struct log *log, uint64_t number);

#endif
