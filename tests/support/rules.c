/* SPDX-License-Identifier: Apache-2.0 */
#include "rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "clock.h"
#include "secret.h"
#include "store.h"

const uint8_t rules_vault_id[VAULT_ID_BYTES] = "0123456789abcde";
const struct access_budgets rules_defaults = {
    .service = {.daily = 100000},
    .lookup = {.daily = 5000, .hourly = 500},
    .reveal = {.daily = 20, .hourly = 10},
    .deliver = {.daily = 50000, .hourly = 2000},
};
uint64_t rules_now_ms;
unsigned rules_clock_reads;
unsigned rules_reserved_updates;

uint64_t __wrap_clock_vault_ms(void);
__attribute__((weak)) enum status __real_store_update_reserved(struct store *store,
                                                               store_step *step, void *state);
enum status __wrap_store_update_reserved(struct store *store, store_step *step, void *state);

uint64_t
__wrap_clock_vault_ms(void)
{
    rules_clock_reads++;
    return rules_now_ms;
}

enum status
__wrap_store_update_reserved(struct store *store, store_step *step, void *state)
{
    rules_reserved_updates++;
    return __real_store_update_reserved == NULL ? store_update(store, step, state)
                                                : __real_store_update_reserved(store, step, state);
}

int
rules_set_up(void **state)
{
    struct rules *rules = calloc(1, sizeof *rules);
    char path[FOLDER_PATH_BYTES];
    struct store_options options = {.folder = path, .map_bytes = 1 << 26};

    assert_true(sodium_init() >= 0);
    rules_now_ms = clock_wall_ms();
    rules_reserved_updates = 0;
    folder_make(rules->folder);
    folder_join(rules->folder, "keyring", path);
    assert_int_equal(secret_new(ROOT_KEY_BYTES, &rules->root), STATUS_OK);
    assert_int_equal(keyring_create(path, rules_vault_id, rules->root, NULL), STATUS_OK);
    assert_int_equal(keyring_open(path, &rules->keyring), STATUS_OK);
    assert_int_equal(keyring_unseal(rules->keyring, rules->root), STATUS_OK);
    folder_join(rules->folder, "store", path);
    (void)mkdir(path, 0700);
    assert_int_equal(store_open(&options, &rules->store), STATUS_OK);
    rules_reopen(rules, &rules_defaults);
    rules_clock_reads = 0; /* the keyring dates its keys */
    *state = rules;
    return 0;
}

int
rules_tear_down(void **state)
{
    struct rules *rules = *state;

    access_free(&rules->access);
    store_close(&rules->store);
    keyring_close(&rules->keyring);
    secret_free(&rules->root);
    folder_remove(rules->folder);
    free(rules);
    return 0;
}

void
rules_reopen(struct rules *rules, const struct access_budgets *defaults)
{
    struct access_budgets copy = *defaults;

    access_free(&rules->access);
    assert_int_equal(access_new(rules->store, rules->keyring, &copy, &rules->access), STATUS_OK);
    memset(&copy, 0xff, sizeof copy); /* it has its own */
    assert_int_equal(access_load(rules->access), STATUS_OK);
}

void
rules_make_key(uint8_t ret_key[static PUBLIC_KEY_BYTES])
{
    uint8_t secret_key[crypto_sign_SECRETKEYBYTES];

    (void)crypto_sign_keypair(ret_key, secret_key);
}

void
rules_populate(struct rules *rules)
{
    uint8_t key[PUBLIC_KEY_BYTES];

    rules_make_key(key);
    assert_int_equal(rules_add_namespace(rules, "shop"), STATUS_OK);
    assert_int_equal(rules_add_namespace(rules, "bank"), STATUS_OK);
    assert_int_equal(rules_add_by_uid(rules, "boss", PRINCIPAL_PERSON, 1000), STATUS_OK);
    assert_int_equal(rules_add_by_uid(rules, "inbox", PRINCIPAL_SERVICE, 1001), STATUS_OK);
    assert_int_equal(rules_add_by_key(rules, "maria", PRINCIPAL_PERSON, key), STATUS_OK);
    assert_int_equal(rules_grant(rules, "boss", ROLE_ADMIN, NULL), STATUS_OK);
    assert_int_equal(rules_grant(rules, "inbox", ROLE_SERVICE, "shop"), STATUS_OK);
    assert_int_equal(rules_grant(rules, "maria", ROLE_REVEAL, "shop"), STATUS_OK);
}

/* ---- changes ---- */

static enum status
commit(struct rules *rules, enum status prepared, struct access_change **change)
{
    uint8_t foretold[ACCESS_DIGEST_BYTES], found[ACCESS_DIGEST_BYTES];
    enum status status;

    if (prepared != STATUS_OK) {
        assert_null(*change);
        assert_non_null(rules->fault);
        return prepared;
    }
    memcpy(foretold, access_change_digest(*change), sizeof foretold);
    access_digest(rules->access, found);
    assert_memory_not_equal(foretold, found, sizeof found);
    status = access_commit(rules->access, change);
    assert_null(*change);
    access_digest(rules->access, found);
    if (status == STATUS_OK) {
        assert_memory_equal(foretold, found, sizeof found);
    } else {
        assert_memory_not_equal(foretold, found, sizeof found);
    }
    return status;
}

enum status
rules_add_namespace(struct rules *rules, const char *name)
{
    struct access_change *change = NULL;

    rules->fault = NULL;
    return commit(
        rules, access_prepare_namespace(rules->access, bytes_of_text(name), &change, &rules->fault),
        &change);
}

enum status
rules_retain(struct rules *rules, const char *name, uint16_t months)
{
    struct access_change *change = NULL;

    rules->fault = NULL;
    return commit(rules,
                  access_prepare_retention(rules->access, bytes_of_text(name), months, &change,
                                           &rules->fault),
                  &change);
}

enum status
rules_add(struct rules *rules, const struct access_principal_spec *spec)
{
    struct access_change *change = NULL;

    rules->fault = NULL;
    return commit(rules, access_prepare_principal(rules->access, spec, &change, &rules->fault),
                  &change);
}

enum status
rules_add_by_uid(struct rules *rules, const char *name, enum principal_kind kind, uint32_t uid)
{
    return rules_add(rules, &(struct access_principal_spec){
                                .name = bytes_of_text(name), .kind = kind, .uid = &uid});
}

enum status
rules_enrol(struct rules *rules, const char *name, const uint8_t *key)
{
    static const uint8_t totp[TOTP_SECRET_BYTES] = {1};
    static const uint8_t recovery[RECOVERY_CODES][RECOVERY_BYTES] = {{1}, {2}, {3}};
    const struct access_enrolment enrolment = {
        .public_key = key, .totp = totp, .recovery = recovery};
    struct access_change *change = NULL;

    rules->fault = NULL;
    return commit(rules,
                  access_prepare_enrolment(rules->access, bytes_of_text(name), &enrolment, &change,
                                           &rules->fault),
                  &change);
}

/* A person is invited first. */
static enum status
add_person(struct rules *rules, const char *name, const uint8_t *key)
{
    static const uint8_t code[CODE_BYTES] = {7};
    const struct access_invitation invitation = {code, rules_now_ms + 1000};
    enum status status =
        rules_add(rules, &(struct access_principal_spec){.name = bytes_of_text(name),
                                                         .kind = PRINCIPAL_PERSON,
                                                         .invitation = &invitation});

    return status == STATUS_OK ? rules_enrol(rules, name, key) : status;
}

enum status
rules_add_by_key(struct rules *rules, const char *name, enum principal_kind kind,
                 const uint8_t *key)
{
    if (kind == PRINCIPAL_PERSON) {
        return add_person(rules, name, key);
    }
    return rules_add(rules, &(struct access_principal_spec){
                                .name = bytes_of_text(name), .kind = kind, .public_key = key});
}

enum status
rules_disable(struct rules *rules, const char *name)
{
    struct access_change *change = NULL;

    rules->fault = NULL;
    return commit(
        rules, access_prepare_disable(rules->access, bytes_of_text(name), &change, &rules->fault),
        &change);
}

enum status
rules_enable(struct rules *rules, const char *name)
{
    struct access_change *change = NULL;

    rules->fault = NULL;
    return commit(rules,
                  access_prepare_enable(rules->access, bytes_of_text(name), &change, &rules->fault),
                  &change);
}

enum status
rules_freeze(struct rules *rules, enum freeze freeze)
{
    struct access_change *change = NULL;

    rules->fault = NULL;
    return commit(rules, access_prepare_freeze(rules->access, freeze, &change, &rules->fault),
                  &change);
}

enum status
rules_change_grant(struct rules *rules, const struct access_grant_spec *spec)
{
    struct access_change *change = NULL;

    rules->fault = NULL;
    return commit(rules, access_prepare_grant(rules->access, spec, &change, &rules->fault),
                  &change);
}

static enum status
grant_or_revoke(struct rules *rules, const char *principal, enum role role, const char *namespace,
                bool revoke)
{
    return rules_change_grant(
        rules,
        &(struct access_grant_spec){
            .principal = bytes_of_text(principal),
            .role = role,
            .namespace_name = namespace == NULL ? (struct bytes){0} : bytes_of_text(namespace),
            .revoke = revoke,
        });
}

enum status
rules_grant(struct rules *rules, const char *principal, enum role role, const char *namespace)
{
    return grant_or_revoke(rules, principal, role, namespace, false);
}

enum status
rules_revoke(struct rules *rules, const char *principal, enum role role, const char *namespace)
{
    return grant_or_revoke(rules, principal, role, namespace, true);
}

const struct principal *
rules_by_name(const struct rules *rules, const char *name)
{
    return access_by_name(rules->access, bytes_of_text(name));
}
