/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules.h: an access state over a store and a keyring of a test's own, and changes of it in one
 * call. The tests that use it are linked with --wrap for clock_vault_ms and store_update_reserved:
 * vault time is `rules_now_ms`, and both count how often they were asked.
 */
#ifndef CONTACT_VAULT_TEST_RULES_H
#define CONTACT_VAULT_TEST_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "access.h"
#include "access_change.h"
#include "folder.h"
#include "keyring.h"
#include "status.h"

struct rules {
    char folder[FOLDER_PATH_BYTES];
    struct secret *root;
    struct keyring *keyring;
    struct store *store;
    struct access *access;
    const char *fault; /* of the last change refused */
};

extern const uint8_t rules_vault_id[VAULT_ID_BYTES];
extern const struct access_budgets rules_defaults;
extern uint64_t rules_now_ms;
extern unsigned rules_clock_reads;
extern unsigned rules_reserved_updates;

/* An empty state; cmocka's set-up and tear-down. */
int rules_set_up(void **state);
int rules_tear_down(void **state);
/* Two namespaces, "shop" and "bank"; "boss" is admin, "inbox" a service, "maria" a person with a
 * key, the last two with grants in "shop". */
void rules_populate(struct rules *rules);
/* The state loaded anew, under other defaults. */
void rules_reopen(struct rules *rules, const struct access_budgets *defaults);
void rules_make_key(uint8_t ret_key[static PUBLIC_KEY_BYTES]);

/* Each prepares and commits, or sets rules->fault. The digest foretold must be the one that comes
 * about; a refusal must leave it. */
enum status rules_add_namespace(struct rules *rules, const char *name);
enum status rules_retain(struct rules *rules, const char *name, uint16_t months);
enum status rules_add(struct rules *rules, const struct access_principal_spec *spec);
enum status rules_add_by_uid(struct rules *rules, const char *name, enum principal_kind kind,
                             uint32_t uid);
enum status rules_add_by_key(struct rules *rules, const char *name, enum principal_kind kind,
                             const uint8_t *key);
/* Of a person who is invited. */
enum status rules_enrol(struct rules *rules, const char *name, const uint8_t *key);
enum status rules_disable(struct rules *rules, const char *name);
enum status rules_enable(struct rules *rules, const char *name);
enum status rules_freeze(struct rules *rules, enum freeze freeze);
enum status rules_change_grant(struct rules *rules, const struct access_grant_spec *spec);
enum status rules_grant(struct rules *rules, const char *principal, enum role role,
                        const char *namespace);
enum status rules_revoke(struct rules *rules, const char *principal, enum role role,
                         const char *namespace);

const struct principal *rules_by_name(const struct rules *rules, const char *name);

#endif
