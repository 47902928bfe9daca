/* SPDX-License-Identifier: Apache-2.0 */
/* Owns SECURITY.md S3 "admin excludes reveal and deliver" and S7 "who can write to the database
 * cannot make himself an admin". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "access.h"
#include "access_row.h"
#include "clock.h"
#include "folder.h"
#include "keyring.h"
#include "secret.h"
#include "store.h"

static const uint8_t vault_id[VAULT_ID_BYTES] = "0123456789abcde";

struct fixture {
    char folder[FOLDER_PATH_BYTES];
    struct secret *root;
    struct keyring *keyring;
    struct store *store;
    struct access *access;
    const char *fault; /* of the last change refused */
};

static int
set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    char path[FOLDER_PATH_BYTES];
    struct store_options options = {.folder = path, .map_bytes = 1 << 26};

    assert_true(sodium_init() >= 0);
    folder_make(fixture->folder);
    folder_join(fixture->folder, "keyring", path);
    assert_int_equal(secret_new(ROOT_KEY_BYTES, &fixture->root), STATUS_OK);
    assert_int_equal(keyring_create(path, vault_id, fixture->root), STATUS_OK);
    assert_int_equal(keyring_open(path, &fixture->keyring), STATUS_OK);
    assert_int_equal(keyring_unseal(fixture->keyring, fixture->root), STATUS_OK);
    folder_join(fixture->folder, "store", path);
    (void)mkdir(path, 0700);
    assert_int_equal(store_open(&options, &fixture->store), STATUS_OK);
    assert_int_equal(access_new(fixture->store, fixture->keyring, &fixture->access), STATUS_OK);
    assert_int_equal(access_load(fixture->access), STATUS_OK);
    *state = fixture;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *fixture = *state;

    access_free(&fixture->access);
    store_close(&fixture->store);
    keyring_close(&fixture->keyring);
    secret_free(&fixture->root);
    folder_remove(fixture->folder);
    free(fixture);
    return 0;
}

/* ---- changes in one call; the digest foretold must be the one that comes about ---- */

static enum status
commit(struct fixture *fixture, enum status prepared, struct access_change **change)
{
    uint8_t foretold[ACCESS_DIGEST_BYTES], found[ACCESS_DIGEST_BYTES];
    enum status status;

    if (prepared != STATUS_OK) {
        assert_null(*change);
        assert_non_null(fixture->fault);
        return prepared;
    }
    memcpy(foretold, access_change_digest(*change), sizeof foretold);
    access_digest(fixture->access, found);
    assert_memory_not_equal(foretold, found, sizeof found);
    status = access_commit(fixture->access, change);
    assert_null(*change);
    access_digest(fixture->access, found);
    if (status == STATUS_OK) {
        assert_memory_equal(foretold, found, sizeof found);
    } else {
        assert_memory_not_equal(foretold, found, sizeof found);
    }
    return status;
}

static enum status
add_namespace(struct fixture *fixture, const char *name)
{
    struct access_change *change = NULL;

    fixture->fault = NULL;
    return commit(
        fixture,
        access_prepare_namespace(fixture->access, bytes_of_text(name), &change, &fixture->fault),
        &change);
}

static enum status
add_by_uid(struct fixture *fixture, const char *name, enum principal_kind kind, uint32_t uid)
{
    struct access_principal_spec spec = {.name = bytes_of_text(name), .kind = kind, .uid = &uid};
    struct access_change *change = NULL;

    fixture->fault = NULL;
    return commit(fixture,
                  access_prepare_principal(fixture->access, &spec, &change, &fixture->fault),
                  &change);
}

static enum status
add_by_key(struct fixture *fixture, const char *name, enum principal_kind kind, const uint8_t *key)
{
    struct access_principal_spec spec = {
        .name = bytes_of_text(name), .kind = kind, .public_key = key};
    struct access_change *change = NULL;

    fixture->fault = NULL;
    return commit(fixture,
                  access_prepare_principal(fixture->access, &spec, &change, &fixture->fault),
                  &change);
}

static enum status
disable(struct fixture *fixture, const char *name)
{
    struct access_change *change = NULL;

    fixture->fault = NULL;
    return commit(
        fixture,
        access_prepare_disable(fixture->access, bytes_of_text(name), &change, &fixture->fault),
        &change);
}

static enum status
change_grant(struct fixture *fixture, const char *principal, enum role role, const char *namespace,
             bool revoke)
{
    struct access_grant_spec spec = {
        .principal = bytes_of_text(principal),
        .role = role,
        .namespace_name = namespace == NULL ? (struct bytes){0} : bytes_of_text(namespace),
        .revoke = revoke,
    };
    struct access_change *change = NULL;

    fixture->fault = NULL;
    return commit(fixture, access_prepare_grant(fixture->access, &spec, &change, &fixture->fault),
                  &change);
}

static enum status
grant(struct fixture *fixture, const char *principal, enum role role, const char *namespace)
{
    return change_grant(fixture, principal, role, namespace, false);
}

static enum status
revoke(struct fixture *fixture, const char *principal, enum role role, const char *namespace)
{
    return change_grant(fixture, principal, role, namespace, true);
}

static const struct principal *
by_name(const struct fixture *fixture, const char *name)
{
    return access_by_name(fixture->access, bytes_of_text(name));
}

static void
make_key(uint8_t ret_key[static PUBLIC_KEY_BYTES])
{
    uint8_t secret_key[crypto_sign_SECRETKEYBYTES];

    (void)crypto_sign_keypair(ret_key, secret_key);
}

/* Two namespaces; "boss" is admin, "inbox" a service, "maria" a person with a key. */
static void
populate(struct fixture *fixture)
{
    uint8_t key[PUBLIC_KEY_BYTES];

    make_key(key);
    assert_int_equal(add_namespace(fixture, "shop"), STATUS_OK);
    assert_int_equal(add_namespace(fixture, "bank"), STATUS_OK);
    assert_int_equal(add_by_uid(fixture, "boss", PRINCIPAL_PERSON, 1000), STATUS_OK);
    assert_int_equal(add_by_uid(fixture, "inbox", PRINCIPAL_SERVICE, 1001), STATUS_OK);
    assert_int_equal(add_by_key(fixture, "maria", PRINCIPAL_PERSON, key), STATUS_OK);
    assert_int_equal(grant(fixture, "boss", ROLE_ADMIN, NULL), STATUS_OK);
    assert_int_equal(grant(fixture, "inbox", ROLE_SERVICE, "shop"), STATUS_OK);
    assert_int_equal(grant(fixture, "maria", ROLE_REVEAL, "shop"), STATUS_OK);
}

/* ---- tests ---- */

static void
empty_state_has_nobody(void **state)
{
    struct fixture *fixture = *state;
    uint8_t key[PUBLIC_KEY_BYTES] = {1};

    assert_int_equal(access_principal_count(fixture->access), 0);
    assert_int_equal(access_namespace_count(fixture->access), 0);
    assert_null(access_by_uid(fixture->access, 0));
    assert_null(access_by_uid(fixture->access, ACCESS_UID_OVERFLOW));
    assert_null(access_by_key(fixture->access, key));
    assert_null(by_name(fixture, "boss"));
    assert_null(access_by_number(fixture->access, 0));
    assert_null(access_by_number(fixture->access, 1));
    assert_null(access_namespace_by_id(fixture->access, 0));
    assert_null(access_namespace_by_id(fixture->access, 1));
}

static void
state_is_the_same_after_loading(void **state)
{
    struct fixture *fixture = *state;
    uint8_t before[ACCESS_DIGEST_BYTES], after[ACCESS_DIGEST_BYTES];
    uint8_t key[PUBLIC_KEY_BYTES];
    const struct principal *maria;
    uint64_t created_ms;

    populate(fixture);
    assert_int_equal(disable(fixture, "inbox"), STATUS_OK);
    memcpy(key, by_name(fixture, "maria")->public_key, sizeof key);
    created_ms = by_name(fixture, "maria")->created_ms;
    assert_in_range(created_ms, clock_wall_ms() - 60000, clock_wall_ms());
    access_digest(fixture->access, before);
    access_unload(fixture->access);
    assert_null(by_name(fixture, "maria"));
    assert_int_equal(access_load(fixture->access), STATUS_OK);
    access_digest(fixture->access, after);
    assert_memory_equal(before, after, sizeof before);

    assert_int_equal(access_principal_count(fixture->access), 3);
    assert_int_equal(access_namespace_count(fixture->access), 2);
    assert_string_equal(access_principal_at(fixture->access, 0)->name, "boss");
    assert_string_equal(access_principal_at(fixture->access, 2)->name, "maria");
    assert_string_equal(access_namespace_at(fixture->access, 1)->name, "bank");
    assert_int_equal(access_namespace(fixture->access, bytes_of_text("shop"))->id, 1);
    assert_string_equal(access_namespace_by_id(fixture->access, 2)->name, "bank");
    assert_null(access_namespace(fixture->access, bytes_of_text("Shop")));

    maria = access_by_key(fixture->access, key);
    assert_ptr_equal(maria, by_name(fixture, "maria"));
    assert_ptr_equal(maria, access_by_number(fixture->access, maria->number));
    assert_int_equal(maria->kind, PRINCIPAL_PERSON);
    assert_int_equal(maria->created_ms, created_ms);
    assert_false(maria->has_uid);
    assert_int_equal(maria->grant_count, 1);
    assert_int_equal(maria->grants[0].role, ROLE_REVEAL);
    assert_int_equal(maria->grants[0].namespace_id, 1);
    assert_string_equal(access_by_uid(fixture->access, 1000)->name, "boss");
    assert_true(access_by_uid(fixture->access, 1001)->disabled);
    assert_null(access_by_uid(fixture->access, 1002));
}

static void
names_follow_the_rule(void **state)
{
    struct fixture *fixture = *state;
    char longest[NAME_BYTES_MAX + 2] = {0};
    const char *const bad[] = {"",    ".a",        "-a",  "_a",  "A",     "aB",   "a b",
                               "a\n", "m\xc3\xa1", "a/b", "a:b", "a\x7f", longest};

    memset(longest, 'a', NAME_BYTES_MAX + 1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(add_namespace(fixture, bad[i]), STATUS_INVALID);
        assert_int_equal(add_by_uid(fixture, bad[i], PRINCIPAL_PERSON, 7), STATUS_INVALID);
    }
    longest[NAME_BYTES_MAX] = '\0';
    assert_int_equal(add_namespace(fixture, longest), STATUS_OK);
    assert_int_equal(add_by_uid(fixture, longest, PRINCIPAL_PERSON, 7), STATUS_OK);
    assert_int_equal(add_namespace(fixture, "0.a_b-c"), STATUS_OK);
    assert_int_equal(add_namespace(fixture, "0.a_b-c"), STATUS_CONFLICT);
    assert_int_equal(add_by_uid(fixture, longest, PRINCIPAL_PERSON, 8), STATUS_CONFLICT);
}

static void
one_identity_belongs_to_one_principal(void **state)
{
    struct fixture *fixture = *state;
    uint8_t key[PUBLIC_KEY_BYTES], other_key[PUBLIC_KEY_BYTES], no_key[PUBLIC_KEY_BYTES] = {0};
    uint32_t uid = 9;
    struct access_principal_spec both = {
        .name = bytes_of_text("both"), .kind = PRINCIPAL_SERVICE, .uid = &uid, .public_key = key};
    struct access_principal_spec neither = {.name = bytes_of_text("neither"),
                                            .kind = PRINCIPAL_SERVICE};
    struct access_change *change = NULL;

    make_key(key);
    make_key(other_key);
    assert_int_equal(add_by_uid(fixture, "a", PRINCIPAL_SERVICE, 0),
                     STATUS_OK); /* root may be one */
    assert_int_equal(add_by_uid(fixture, "b", PRINCIPAL_SERVICE, 0), STATUS_CONFLICT);
    assert_int_equal(add_by_key(fixture, "b", PRINCIPAL_SERVICE, key), STATUS_OK);
    assert_int_equal(add_by_key(fixture, "c", PRINCIPAL_SERVICE, key), STATUS_CONFLICT);
    assert_int_equal(disable(fixture, "a"), STATUS_OK);
    assert_int_equal(disable(fixture, "b"), STATUS_OK);
    assert_int_equal(add_by_uid(fixture, "c", PRINCIPAL_SERVICE, 0), STATUS_CONFLICT);
    assert_int_equal(add_by_key(fixture, "c", PRINCIPAL_SERVICE, key), STATUS_CONFLICT);
    assert_int_equal(add_by_key(fixture, "c", PRINCIPAL_SERVICE, other_key), STATUS_OK);

    assert_int_equal(add_by_uid(fixture, "d", PRINCIPAL_SERVICE, 65534), STATUS_INVALID);
    assert_int_equal(add_by_uid(fixture, "d", PRINCIPAL_SERVICE, UINT32_MAX), STATUS_INVALID);
    assert_int_equal(add_by_key(fixture, "d", PRINCIPAL_SERVICE, no_key), STATUS_INVALID);
    assert_int_equal(add_by_uid(fixture, "d", (enum principal_kind)3, 10), STATUS_INVALID);
    assert_int_equal(access_prepare_principal(fixture->access, &both, &change, &fixture->fault),
                     STATUS_INVALID);
    assert_int_equal(access_prepare_principal(fixture->access, &neither, &change, &fixture->fault),
                     STATUS_INVALID);
}

static void
admin_excludes_reveal_and_deliver(void **state)
{
    struct fixture *fixture = *state;

    populate(fixture);
    assert_int_equal(add_by_uid(fixture, "sender", PRINCIPAL_SERVICE, 1003), STATUS_OK);
    assert_int_equal(grant(fixture, "sender", ROLE_DELIVER, "shop"), STATUS_OK);

    assert_int_equal(grant(fixture, "boss", ROLE_REVEAL, "shop"), STATUS_CONFLICT);
    assert_non_null(strstr(fixture->fault, "admin together with reveal or deliver"));
    assert_int_equal(grant(fixture, "maria", ROLE_ADMIN, NULL), STATUS_CONFLICT);
    assert_non_null(strstr(fixture->fault, "admin together with reveal or deliver"));
    assert_int_equal(grant(fixture, "sender", ROLE_ADMIN, NULL), STATUS_CONFLICT);
    assert_int_equal(grant(fixture, "inbox", ROLE_ADMIN, NULL), STATUS_OK);
    assert_int_equal(grant(fixture, "inbox", ROLE_DELIVER, "shop"), STATUS_CONFLICT);
    assert_non_null(strstr(fixture->fault, "admin together with reveal or deliver"));

    /* What a disabled principal holds counts too; what it no longer holds does not. */
    assert_int_equal(disable(fixture, "maria"), STATUS_OK);
    assert_int_equal(grant(fixture, "maria", ROLE_ADMIN, NULL), STATUS_CONFLICT);
    assert_int_equal(revoke(fixture, "maria", ROLE_REVEAL, "shop"), STATUS_OK);
    assert_int_equal(grant(fixture, "maria", ROLE_ADMIN, NULL), STATUS_OK);
}

static void
roles_fit_their_kind_and_place(void **state)
{
    struct fixture *fixture = *state;

    populate(fixture);
    assert_int_equal(grant(fixture, "inbox", ROLE_REVEAL, "bank"), STATUS_INVALID);
    assert_non_null(strstr(fixture->fault, "reveal is for persons"));
    assert_int_equal(grant(fixture, "maria", ROLE_DELIVER, "bank"), STATUS_INVALID);
    assert_non_null(strstr(fixture->fault, "deliver is for services"));
    assert_int_equal(grant(fixture, "maria", ROLE_SERVICE, "bank"), STATUS_INVALID);
    assert_non_null(strstr(fixture->fault, "not for persons"));
    assert_int_equal(grant(fixture, "inbox", ROLE_ADMIN, "shop"), STATUS_INVALID);
    assert_non_null(strstr(fixture->fault, "vault-wide"));
    assert_int_equal(grant(fixture, "inbox", ROLE_SERVICE, NULL), STATUS_INVALID);
    assert_int_equal(grant(fixture, "inbox", (enum role)0, "shop"), STATUS_INVALID);
    assert_int_equal(grant(fixture, "inbox", (enum role)ROLE_COUNT, "shop"), STATUS_INVALID);
    assert_int_equal(grant(fixture, "inbox", ROLE_SERVICE, "absent"), STATUS_NOT_FOUND);
    assert_int_equal(grant(fixture, "absent", ROLE_SERVICE, "shop"), STATUS_NOT_FOUND);
    assert_int_equal(grant(fixture, "inbox", ROLE_SERVICE, "shop"), STATUS_CONFLICT);
    assert_int_equal(revoke(fixture, "inbox", ROLE_SERVICE, "bank"), STATUS_NOT_FOUND);
    assert_int_equal(revoke(fixture, "inbox", ROLE_DELIVER, "shop"), STATUS_NOT_FOUND);
    assert_int_equal(revoke(fixture, "inbox", ROLE_SERVICE, "shop"), STATUS_OK);
    assert_int_equal(revoke(fixture, "inbox", ROLE_SERVICE, "shop"), STATUS_NOT_FOUND);
    assert_int_equal(disable(fixture, "absent"), STATUS_NOT_FOUND);
    assert_int_equal(disable(fixture, "inbox"), STATUS_OK);
    assert_int_equal(disable(fixture, "inbox"), STATUS_CONFLICT);
}

static void
last_admin_stays(void **state)
{
    struct fixture *fixture = *state;

    populate(fixture);
    assert_int_equal(disable(fixture, "boss"), STATUS_CONFLICT);
    assert_int_equal(revoke(fixture, "boss", ROLE_ADMIN, NULL), STATUS_CONFLICT);
    assert_int_equal(add_by_uid(fixture, "second", PRINCIPAL_PERSON, 1004), STATUS_OK);
    assert_int_equal(grant(fixture, "second", ROLE_ADMIN, NULL), STATUS_OK);
    assert_int_equal(disable(fixture, "boss"), STATUS_OK);
    /* A disabled one is none; what it holds may go. */
    assert_int_equal(revoke(fixture, "second", ROLE_ADMIN, NULL), STATUS_CONFLICT);
    assert_int_equal(disable(fixture, "second"), STATUS_CONFLICT);
    assert_int_equal(revoke(fixture, "boss", ROLE_ADMIN, NULL), STATUS_OK);
}

/* By hand, from PRODUCT's table of roles. Columns: in the namespace of the grant, in another one,
 * vault-wide. */
static void
every_role_may_what_it_says_and_no_more(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *principal;
        unsigned capability;
        bool here, elsewhere, vault_wide;
    } expected[] = {
        {"inbox", MAY_TOKENIZE, true, false, false},
        {"inbox", MAY_LOOKUP, true, false, false},
        {"inbox", MAY_MASK, true, false, false},
        {"inbox", MAY_DELIVER, false, false, false},
        {"inbox", MAY_REVEAL, false, false, false},
        {"inbox", MAY_ADMINISTER, false, false, false},
        {"sender", MAY_TOKENIZE, false, false, false},
        {"sender", MAY_LOOKUP, false, false, false},
        {"sender", MAY_MASK, false, false, false},
        {"sender", MAY_DELIVER, true, false, false},
        {"sender", MAY_REVEAL, false, false, false},
        {"sender", MAY_ADMINISTER, false, false, false},
        {"maria", MAY_TOKENIZE, false, false, false},
        {"maria", MAY_LOOKUP, true, false, false},
        {"maria", MAY_MASK, true, false, false},
        {"maria", MAY_DELIVER, false, false, false},
        {"maria", MAY_REVEAL, true, false, false},
        {"maria", MAY_ADMINISTER, false, false, false},
        {"boss", MAY_TOKENIZE, false, false, false},
        {"boss", MAY_LOOKUP, false, false, false},
        {"boss", MAY_MASK, false, false, false},
        {"boss", MAY_DELIVER, false, false, false},
        {"boss", MAY_REVEAL, false, false, false},
        {"boss", MAY_ADMINISTER, false, false, true},
        {"nobody", MAY_TOKENIZE, false, false, false},
        {"nobody", MAY_LOOKUP, false, false, false},
        {"nobody", MAY_MASK, false, false, false},
        {"nobody", MAY_DELIVER, false, false, false},
        {"nobody", MAY_REVEAL, false, false, false},
        {"nobody", MAY_ADMINISTER, false, false, false},
    };

    populate(fixture);
    assert_int_equal(add_by_uid(fixture, "sender", PRINCIPAL_SERVICE, 1003), STATUS_OK);
    assert_int_equal(grant(fixture, "sender", ROLE_DELIVER, "shop"), STATUS_OK);
    assert_int_equal(add_by_uid(fixture, "nobody", PRINCIPAL_SERVICE, 1005), STATUS_OK);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        const struct principal *principal = by_name(fixture, expected[i].principal);
        unsigned capability = expected[i].capability;

        assert_int_equal(access_may(fixture->access, principal, capability, 1), expected[i].here);
        assert_int_equal(access_may(fixture->access, principal, capability, 2),
                         expected[i].elsewhere);
        assert_int_equal(access_may(fixture->access, principal, capability, 0),
                         expected[i].vault_wide);
    }
    assert_true(
        access_may(fixture->access, by_name(fixture, "sender"), MAY_REVEAL | MAY_DELIVER, 1));
    assert_int_equal(disable(fixture, "sender"), STATUS_OK);
    assert_false(access_may(fixture->access, by_name(fixture, "sender"), MAY_DELIVER, 1));
    assert_int_equal(disable(fixture, "inbox"), STATUS_OK);
    assert_false(access_may(fixture->access, by_name(fixture, "inbox"), MAY_TOKENIZE, 1));
    assert_int_equal(revoke(fixture, "maria", ROLE_REVEAL, "shop"), STATUS_OK);
    assert_false(access_may(fixture->access, by_name(fixture, "maria"), MAY_REVEAL, 1));
}

static void
binding_to_another_identity_voids_reveal_and_deliver(void **state)
{
    struct fixture *fixture = *state;
    struct principal maria, inbox;

    populate(fixture);
    maria = *by_name(fixture, "maria");
    assert_true(access_may(fixture->access, &maria, MAY_REVEAL, 1));
    maria.grants[0].bound_to[0] ^= 1;
    assert_false(access_may(fixture->access, &maria, MAY_REVEAL, 1));
    assert_false(access_may(fixture->access, &maria, MAY_MASK, 1));
    inbox = *by_name(fixture, "inbox"); /* the role service is not bound */
    inbox.grants[0].bound_to[0] ^= 1;
    assert_true(access_may(fixture->access, &inbox, MAY_TOKENIZE, 1));
}

static void
only_namespace_is_the_one_with_grants(void **state)
{
    struct fixture *fixture = *state;
    const struct principal *inbox;

    populate(fixture);
    assert_null(access_only_namespace(fixture->access, by_name(fixture, "boss")));
    inbox = by_name(fixture, "inbox");
    assert_string_equal(access_only_namespace(fixture->access, inbox)->name, "shop");
    assert_int_equal(grant(fixture, "inbox", ROLE_DELIVER, "shop"), STATUS_OK);
    inbox = by_name(fixture, "inbox");
    assert_string_equal(access_only_namespace(fixture->access, inbox)->name, "shop");
    assert_int_equal(grant(fixture, "inbox", ROLE_SERVICE, "bank"), STATUS_OK);
    inbox = by_name(fixture, "inbox");
    assert_null(access_only_namespace(fixture->access, inbox));
}

static void
grants_have_a_limit(void **state)
{
    struct fixture *fixture = *state;
    char name[16];

    assert_int_equal(add_by_uid(fixture, "inbox", PRINCIPAL_SERVICE, 5), STATUS_OK);
    for (int i = 0; i <= ACCESS_GRANTS_MAX; i++) {
        (void)snprintf(name, sizeof name, "ns%d", i);
        assert_int_equal(add_namespace(fixture, name), STATUS_OK);
        assert_int_equal(grant(fixture, "inbox", ROLE_SERVICE, name),
                         i < ACCESS_GRANTS_MAX ? STATUS_OK : STATUS_TOO_LARGE);
    }
    assert_int_equal(access_load(fixture->access), STATUS_OK);
    assert_int_equal(by_name(fixture, "inbox")->grant_count, ACCESS_GRANTS_MAX);
    assert_int_equal(revoke(fixture, "inbox", ROLE_SERVICE, "ns0"), STATUS_OK);
    assert_false(access_may(fixture->access, by_name(fixture, "inbox"), MAY_MASK, 1));
    assert_true(access_may(fixture->access, by_name(fixture, "inbox"), MAY_MASK, 2));
}

static void
change_not_committed_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct access_change *change = NULL;
    uint8_t before[ACCESS_DIGEST_BYTES], after[ACCESS_DIGEST_BYTES];

    populate(fixture);
    access_digest(fixture->access, before);
    assert_int_equal(
        access_prepare_namespace(fixture->access, bytes_of_text("third"), &change, &fixture->fault),
        STATUS_OK);
    assert_int_equal(access_change_id(change), 3);
    access_change_free(&change);
    assert_null(change);
    access_digest(fixture->access, after);
    assert_memory_equal(before, after, sizeof before);
    assert_null(access_namespace(fixture->access, bytes_of_text("third")));
}

static void
failed_commit_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct access *stale = NULL;

    assert_int_equal(access_new(fixture->store, fixture->keyring, &stale), STATUS_OK);
    assert_int_equal(access_load(stale), STATUS_OK);
    populate(fixture);
    /* It does not know that the row is there; the store does. */
    struct access *known = fixture->access;
    fixture->access = stale;
    assert_int_equal(add_namespace(fixture, "third"), STATUS_CONFLICT);
    assert_int_equal(access_namespace_count(stale), 0);
    assert_int_equal(add_by_uid(fixture, "other", PRINCIPAL_SERVICE, 77), STATUS_CONFLICT);
    assert_int_equal(access_principal_count(stale), 0);
    fixture->access = known;
    access_free(&stale);
}

static void
sealed_vault_changes_and_loads_nothing(void **state)
{
    struct fixture *fixture = *state;

    populate(fixture);
    keyring_seal(fixture->keyring);
    assert_int_equal(add_namespace(fixture, "third"), STATUS_SEALED);
    assert_int_equal(disable(fixture, "maria"), STATUS_SEALED);
    assert_int_equal(access_load(fixture->access), STATUS_SEALED);
    assert_int_equal(access_principal_count(fixture->access), 0);
}

/* ---- rows as whoever can write to the database leaves them ---- */

enum { ROWS_MAX = 16 };

struct row {
    uint8_t key[STORE_KEY_BYTES_MAX];
    size_t key_size;
    uint8_t value[STORE_VALUE_BYTES_MAX];
    size_t size;
};

struct rows {
    struct row rows[ROWS_MAX];
    size_t count;
};

static enum status
collect_row(void *state, struct bytes key, struct bytes value)
{
    struct rows *rows = state;
    struct row *row = &rows->rows[rows->count++];

    assert_true(rows->count <= ROWS_MAX);
    memcpy(row->key, key.data, key.size);
    memcpy(row->value, value.data, value.size);
    row->key_size = key.size;
    row->size = value.size;
    return STATUS_OK;
}

static enum status
collect_rows(struct store_txn *txn, void *state)
{
    struct rows *rows = state;

    rows->count = 0;
    return store_scan(txn, STORE_ACCESS, (struct bytes){0}, (struct bytes){0}, collect_row, rows);
}

static enum status
write_row(struct store_txn *txn, void *state)
{
    const struct row *row = state;
    struct bytes key = bytes_of(row->key, row->key_size);

    return row->size == 0
               ? store_delete_many(txn, STORE_ACCESS, &key, 1)
               : store_put(txn, STORE_ACCESS, STORE_REPLACE, key, bytes_of(row->value, row->size));
}

static void
expect_load(struct fixture *fixture, const struct row *row, enum status expected)
{
    struct row copy = *row;

    assert_int_equal(store_update(fixture->store, write_row, &copy), STATUS_OK);
    assert_int_equal(access_load(fixture->access), expected);
    if (expected != STATUS_OK) {
        assert_int_equal(access_principal_count(fixture->access), 0);
        assert_int_equal(access_namespace_count(fixture->access), 0);
    }
}

static struct rows *
read_rows(struct fixture *fixture)
{
    struct rows *rows = calloc(1, sizeof *rows);

    assert_int_equal(store_view(fixture->store, collect_rows, rows), STATUS_OK);
    return rows;
}

/* Rows 0 and 1 are namespaces, 2 to 4 principals. */
static void
every_changed_byte_of_a_row_is_found(void **state)
{
    struct fixture *fixture = *state;
    struct rows *rows;

    populate(fixture);
    rows = read_rows(fixture);
    assert_int_equal(rows->count, 5);
    for (size_t i = 0; i < rows->count; i += 4) { /* a namespace, and a principal with a grant */
        struct row *row = &rows->rows[i];

        for (size_t at = 0; at < row->size; at++) {
            row->value[at] ^= 0x04;
            expect_load(fixture, row, STATUS_CORRUPT);
            row->value[at] ^= 0x04;
        }
        row->size--;
        expect_load(fixture, row, STATUS_CORRUPT);
        row->size++;
        expect_load(fixture, row, STATUS_OK);
    }
    free(rows);
}

static void
moved_missing_and_foreign_rows_are_found(void **state)
{
    struct fixture *fixture = *state;
    struct rows *rows;
    struct row row;

    populate(fixture);
    rows = read_rows(fixture);

    row = rows->rows[1]; /* a namespace under the next number */
    put_u32(row.key + 1, 3);
    expect_load(fixture, &row, STATUS_CORRUPT);
    row.size = 0;
    expect_load(fixture, &row, STATUS_OK);

    row = rows->rows[3]; /* a principal in the place of another */
    memcpy(row.key, rows->rows[2].key, row.key_size);
    expect_load(fixture, &row, STATUS_CORRUPT);
    expect_load(fixture, &rows->rows[2], STATUS_OK);

    row = rows->rows[2]; /* taken out */
    row.size = 0;
    expect_load(fixture, &row, STATUS_CORRUPT);
    expect_load(fixture, &rows->rows[2], STATUS_OK);

    row = rows->rows[0]; /* of another type, and of another length */
    row.key[0] = 'q';
    expect_load(fixture, &row, STATUS_CORRUPT);
    row.size = 0;
    expect_load(fixture, &row, STATUS_OK);
    row = rows->rows[0];
    row.key_size = 4;
    expect_load(fixture, &row, STATUS_CORRUPT);
    row.size = 0;
    expect_load(fixture, &row, STATUS_OK);
    free(rows);
}

static void
older_row_put_back_changes_the_digest(void **state)
{
    struct fixture *fixture = *state;
    uint8_t now[ACCESS_DIGEST_BYTES], then[ACCESS_DIGEST_BYTES];
    struct rows *rows;

    populate(fixture);
    rows = read_rows(fixture);
    assert_int_equal(revoke(fixture, "maria", ROLE_REVEAL, "shop"), STATUS_OK);
    access_digest(fixture->access, now);
    expect_load(fixture, &rows->rows[4], STATUS_OK); /* it opens: the digest is the defence */
    access_digest(fixture->access, then);
    assert_memory_not_equal(now, then, sizeof now);
    free(rows);
}

/* Rows sealed with the right key that no program of ours would write. */
static void
expect_entry_refused(struct fixture *fixture, const struct principal_entry *entry)
{
    struct principal_entry copy = *entry;
    struct access_row sealed;
    struct row row = {.key_size = ACCESS_ROW_KEY_BYTES};

    assert_int_equal(access_row_seal_principal(fixture->keyring, &copy, &sealed), STATUS_OK);
    memcpy(row.key, sealed.key, sizeof sealed.key);
    memcpy(row.value, sealed.value, sealed.size);
    row.size = sealed.size;
    expect_load(fixture, &row, STATUS_CORRUPT);
    row.size = 0;
    expect_load(fixture, &row, STATUS_OK);
}

static void
sealed_rows_against_a_rule_are_found(void **state)
{
    struct fixture *fixture = *state;
    struct principal_entry good = {
        .principal = {.number = 4,
                      .kind = PRINCIPAL_SERVICE,
                      .has_uid = true,
                      .uid = 4000,
                      .name = "new",
                      .grant_count = 1,
                      .grants = {{.role = ROLE_SERVICE, .namespace_id = 1}}}};
    struct principal_entry bad[11];

    populate(fixture);
    for (size_t i = 0; i < 11; i++) {
        bad[i] = good;
    }
    bad[0].principal.uid = 1000;                  /* the boss's */
    (void)strcpy(bad[1].principal.name, "inbox"); /* a name in use */
    (void)strcpy(bad[2].principal.name, "New");   /* no name */
    bad[3].principal.uid = ACCESS_UID_OVERFLOW;
    bad[4].principal.public_key[0] = 1; /* uid and key */
    bad[5].principal.kind = (enum principal_kind)3;
    bad[6].principal.grants[0].namespace_id = 3; /* no such namespace */
    bad[7].principal.grants[0].role = (enum role)9;
    bad[8].principal.grants[0].role = ROLE_ADMIN;   /* in a namespace */
    bad[9].principal.grants[0].role = ROLE_DELIVER; /* not bound */
    bad[10].principal.grants[0].bound_to[0] = 1;    /* bound, though it cannot be */
    for (size_t i = 0; i < 11; i++) {
        expect_entry_refused(fixture, &bad[i]);
    }
}

/* A namespace's row written and sealed byte by byte, as DESIGN.md has it. */
struct by_hand {
    uint8_t version;
    uint32_t number;        /* inside the box */
    uint32_t sealed_number; /* in the associated data */
};

static void
expect_by_hand(struct fixture *fixture, const struct by_hand *by_hand, enum status expected)
{
    const struct key_name access_key = {KEY_ACCESS, 0, 1};
    struct row row = {.key = {'n'}, .key_size = 5, .value = {by_hand->version, 1}};
    uint8_t associated[VAULT_ID_BYTES + 7] = {0};
    uint8_t plain[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 4, 'h', 'a', 'n', 'd'};

    put_u32(row.key + 1, 3);
    put_u32(plain, by_hand->number);
    memcpy(associated, vault_id, VAULT_ID_BYTES);
    associated[VAULT_ID_BYTES] = by_hand->sealed_number == 0 ? 0 : 'n';
    put_u32(associated + VAULT_ID_BYTES + 1, by_hand->sealed_number);
    memcpy(associated + VAULT_ID_BYTES + 5, row.value, 2);
    assert_int_equal(keyring_encrypt(fixture->keyring, access_key,
                                     bytes_of(associated, sizeof associated),
                                     bytes_of(plain, sizeof plain), row.value + 2),
                     STATUS_OK);
    row.size = 2 + sizeof plain + KEYRING_BOX_EXTRA;
    expect_load(fixture, &row, expected);
    if (expected == STATUS_OK) {
        assert_int_equal(access_namespace(fixture->access, bytes_of_text("hand"))->created_ms, 9);
    }
    row.size = 0;
    expect_load(fixture, &row, STATUS_OK);
}

static void
row_is_what_the_format_says(void **state)
{
    struct fixture *fixture = *state;

    populate(fixture);
    expect_by_hand(fixture, &(struct by_hand){1, 3, 3}, STATUS_OK);
    expect_by_hand(fixture, &(struct by_hand){2, 3, 3}, STATUS_CORRUPT);
    expect_by_hand(fixture, &(struct by_hand){1, 2, 3}, STATUS_CORRUPT);
    expect_by_hand(fixture, &(struct by_hand){1, 3, 2}, STATUS_CORRUPT);
    expect_by_hand(fixture, &(struct by_hand){1, 3, 0}, STATUS_CORRUPT);
}

static void
principal_sealed_with_another_number_is_found(void **state)
{
    struct fixture *fixture = *state;
    const struct key_name access_key = {KEY_ACCESS, 0, 1};
    struct rows *rows;
    struct row row;
    uint8_t associated[VAULT_ID_BYTES + 7], plain[256];
    struct bytes box;

    populate(fixture);
    rows = read_rows(fixture);
    row = rows->rows[3];
    memcpy(associated, vault_id, VAULT_ID_BYTES);
    memcpy(associated + VAULT_ID_BYTES, row.key, 5);
    memcpy(associated + VAULT_ID_BYTES + 5, row.value, 2);
    box = bytes_of(row.value + 2, row.size - 2);
    assert_true(box.size - KEYRING_BOX_EXTRA <= sizeof plain);
    assert_int_equal(keyring_decrypt(fixture->keyring, access_key,
                                     bytes_of(associated, sizeof associated), box, plain),
                     STATUS_OK);
    put_u32(plain, 3); /* its key says 2 */
    assert_int_equal(keyring_encrypt(fixture->keyring, access_key,
                                     bytes_of(associated, sizeof associated),
                                     bytes_of(plain, box.size - KEYRING_BOX_EXTRA), row.value + 2),
                     STATUS_OK);
    expect_load(fixture, &row, STATUS_CORRUPT);
    free(rows);
}

static void
roles_have_names(void **state)
{
    (void)state;
    assert_string_equal(access_role_name(ROLE_SERVICE), "service");
    assert_string_equal(access_role_name(ROLE_DELIVER), "deliver");
    assert_string_equal(access_role_name(ROLE_REVEAL), "reveal");
    assert_string_equal(access_role_name(ROLE_ADMIN), "admin");
    assert_string_equal(access_role_name((enum role)0), "unknown");
    assert_string_equal(access_role_name((enum role)ROLE_COUNT), "unknown");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(empty_state_has_nobody),
        TEST(state_is_the_same_after_loading),
        TEST(names_follow_the_rule),
        TEST(one_identity_belongs_to_one_principal),
        TEST(admin_excludes_reveal_and_deliver),
        TEST(roles_fit_their_kind_and_place),
        TEST(last_admin_stays),
        TEST(every_role_may_what_it_says_and_no_more),
        TEST(binding_to_another_identity_voids_reveal_and_deliver),
        TEST(only_namespace_is_the_one_with_grants),
        TEST(grants_have_a_limit),
        TEST(change_not_committed_changes_nothing),
        TEST(failed_commit_changes_nothing),
        TEST(sealed_vault_changes_and_loads_nothing),
        TEST(every_changed_byte_of_a_row_is_found),
        TEST(moved_missing_and_foreign_rows_are_found),
        TEST(older_row_put_back_changes_the_digest),
        TEST(sealed_rows_against_a_rule_are_found),
        TEST(row_is_what_the_format_says),
        TEST(principal_sealed_with_another_number_is_found),
        TEST(roles_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
