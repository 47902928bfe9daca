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

#include "access.h"
#include "access_change.h"
#include "access_row.h"
#include "clock.h"
#include "keyring.h"
#include "rules.h"
#include "store.h"

/* ---- tests ---- */

static void
empty_state_has_nobody(void **state)
{
    struct rules *rules = *state;
    uint8_t key[PUBLIC_KEY_BYTES] = {1};

    assert_int_equal(access_principal_count(rules->access), 0);
    assert_int_equal(access_namespace_count(rules->access), 0);
    assert_null(access_by_uid(rules->access, 0));
    assert_null(access_by_uid(rules->access, ACCESS_UID_OVERFLOW));
    assert_null(access_by_key(rules->access, key));
    assert_null(rules_by_name(rules, "boss"));
    assert_null(access_by_number(rules->access, 0));
    assert_null(access_by_number(rules->access, 1));
    assert_null(access_namespace_by_id(rules->access, 0));
    assert_null(access_namespace_by_id(rules->access, 1));
}

static void
state_is_the_same_after_loading(void **state)
{
    struct rules *rules = *state;
    uint8_t before[ACCESS_DIGEST_BYTES], after[ACCESS_DIGEST_BYTES];
    uint8_t key[PUBLIC_KEY_BYTES];
    const struct principal *maria;
    uint64_t created_ms;

    rules_populate(rules);
    assert_int_equal(rules_disable(rules, "inbox"), STATUS_OK);
    memcpy(key, rules_by_name(rules, "maria")->public_key, sizeof key);
    created_ms = rules_by_name(rules, "maria")->created_ms;
    assert_in_range(created_ms, clock_wall_ms() - 60000, clock_wall_ms());
    access_digest(rules->access, before);
    access_unload(rules->access);
    assert_null(rules_by_name(rules, "maria"));
    assert_int_equal(access_load(rules->access), STATUS_OK);
    access_digest(rules->access, after);
    assert_memory_equal(before, after, sizeof before);

    assert_int_equal(access_principal_count(rules->access), 3);
    assert_int_equal(access_namespace_count(rules->access), 2);
    assert_string_equal(access_principal_at(rules->access, 0)->name, "boss");
    assert_string_equal(access_principal_at(rules->access, 2)->name, "maria");
    assert_string_equal(access_namespace_at(rules->access, 1)->name, "bank");
    assert_int_equal(access_namespace(rules->access, bytes_of_text("shop"))->id, 1);
    assert_string_equal(access_namespace_by_id(rules->access, 2)->name, "bank");
    assert_null(access_namespace(rules->access, bytes_of_text("Shop")));

    maria = access_by_key(rules->access, key);
    assert_ptr_equal(maria, rules_by_name(rules, "maria"));
    assert_ptr_equal(maria, access_by_number(rules->access, maria->number));
    assert_int_equal(maria->kind, PRINCIPAL_PERSON);
    assert_int_equal(maria->created_ms, created_ms);
    assert_false(maria->has_uid);
    assert_int_equal(maria->grant_count, 1);
    assert_int_equal(maria->grants[0].role, ROLE_REVEAL);
    assert_int_equal(maria->grants[0].namespace_id, 1);
    assert_string_equal(access_by_uid(rules->access, 1000)->name, "boss");
    assert_true(access_by_uid(rules->access, 1001)->disabled);
    assert_null(access_by_uid(rules->access, 1002));
}

static void
names_follow_the_rule(void **state)
{
    struct rules *rules = *state;
    char longest[NAME_BYTES_MAX + 2] = {0};
    const char *const bad[] = {"",    ".a",        "-a",  "_a",  "A",     "aB",   "a b",
                               "a\n", "m\xc3\xa1", "a/b", "a:b", "a\x7f", longest};

    memset(longest, 'a', NAME_BYTES_MAX + 1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(rules_add_namespace(rules, bad[i]), STATUS_INVALID);
        assert_int_equal(rules_add_by_uid(rules, bad[i], PRINCIPAL_PERSON, 7), STATUS_INVALID);
    }
    longest[NAME_BYTES_MAX] = '\0';
    assert_int_equal(rules_add_namespace(rules, longest), STATUS_OK);
    assert_int_equal(rules_add_by_uid(rules, longest, PRINCIPAL_PERSON, 7), STATUS_OK);
    assert_int_equal(rules_add_namespace(rules, "0.a_b-c"), STATUS_OK);
    assert_int_equal(rules_add_namespace(rules, "0.a_b-c"), STATUS_CONFLICT);
    assert_int_equal(rules_add_by_uid(rules, longest, PRINCIPAL_PERSON, 8), STATUS_CONFLICT);
}

static void
one_identity_belongs_to_one_principal(void **state)
{
    struct rules *rules = *state;
    uint8_t key[PUBLIC_KEY_BYTES], other_key[PUBLIC_KEY_BYTES], no_key[PUBLIC_KEY_BYTES] = {0};
    uint32_t uid = 9;
    struct access_principal_spec both = {
        .name = bytes_of_text("both"), .kind = PRINCIPAL_SERVICE, .uid = &uid, .public_key = key};
    struct access_principal_spec neither = {.name = bytes_of_text("neither"),
                                            .kind = PRINCIPAL_SERVICE};
    struct access_change *change = NULL;

    rules_make_key(key);
    rules_make_key(other_key);
    assert_int_equal(rules_add_by_uid(rules, "a", PRINCIPAL_SERVICE, 0),
                     STATUS_OK); /* root may be one */
    assert_int_equal(rules_add_by_uid(rules, "b", PRINCIPAL_SERVICE, 0), STATUS_CONFLICT);
    assert_int_equal(rules_add_by_key(rules, "b", PRINCIPAL_SERVICE, key), STATUS_OK);
    assert_int_equal(rules_add_by_key(rules, "c", PRINCIPAL_SERVICE, key), STATUS_CONFLICT);
    assert_int_equal(rules_disable(rules, "a"), STATUS_OK);
    assert_int_equal(rules_disable(rules, "b"), STATUS_OK);
    assert_int_equal(rules_add_by_uid(rules, "c", PRINCIPAL_SERVICE, 0), STATUS_CONFLICT);
    assert_int_equal(rules_add_by_key(rules, "c", PRINCIPAL_SERVICE, key), STATUS_CONFLICT);
    assert_int_equal(rules_add_by_key(rules, "c", PRINCIPAL_SERVICE, other_key), STATUS_OK);

    assert_int_equal(rules_add_by_uid(rules, "d", PRINCIPAL_SERVICE, 65534), STATUS_INVALID);
    assert_int_equal(rules_add_by_uid(rules, "d", PRINCIPAL_SERVICE, UINT32_MAX), STATUS_INVALID);
    assert_int_equal(rules_add_by_key(rules, "d", PRINCIPAL_SERVICE, no_key), STATUS_INVALID);
    assert_int_equal(rules_add_by_uid(rules, "d", (enum principal_kind)3, 10), STATUS_INVALID);
    assert_int_equal(access_prepare_principal(rules->access, &both, &change, &rules->fault),
                     STATUS_INVALID);
    assert_int_equal(access_prepare_principal(rules->access, &neither, &change, &rules->fault),
                     STATUS_INVALID);
}

static void
admin_excludes_reveal_and_deliver(void **state)
{
    struct rules *rules = *state;

    rules_populate(rules);
    assert_int_equal(rules_add_by_uid(rules, "sender", PRINCIPAL_SERVICE, 1003), STATUS_OK);
    assert_int_equal(rules_grant(rules, "sender", ROLE_DELIVER, "shop"), STATUS_OK);

    assert_int_equal(rules_grant(rules, "boss", ROLE_REVEAL, "shop"), STATUS_CONFLICT);
    assert_non_null(strstr(rules->fault, "admin together with reveal or deliver"));
    assert_int_equal(rules_grant(rules, "maria", ROLE_ADMIN, NULL), STATUS_CONFLICT);
    assert_non_null(strstr(rules->fault, "admin together with reveal or deliver"));
    assert_int_equal(rules_grant(rules, "sender", ROLE_ADMIN, NULL), STATUS_CONFLICT);
    assert_int_equal(rules_grant(rules, "inbox", ROLE_ADMIN, NULL), STATUS_OK);
    assert_int_equal(rules_grant(rules, "inbox", ROLE_DELIVER, "shop"), STATUS_CONFLICT);
    assert_non_null(strstr(rules->fault, "admin together with reveal or deliver"));

    /* The other roles go with each. */
    assert_int_equal(rules_grant(rules, "boss", ROLE_AUDIT, NULL), STATUS_OK);
    assert_int_equal(rules_grant(rules, "boss", ROLE_PRIVACY, "shop"), STATUS_OK);
    assert_int_equal(rules_grant(rules, "maria", ROLE_AUDIT, NULL), STATUS_OK);
    assert_int_equal(rules_grant(rules, "maria", ROLE_PRIVACY, "shop"), STATUS_OK);
    assert_int_equal(rules_grant(rules, "sender", ROLE_PRIVACY, "shop"), STATUS_OK);

    /* What a disabled principal holds counts too; what it no longer holds does not. */
    assert_int_equal(rules_disable(rules, "maria"), STATUS_OK);
    assert_int_equal(rules_grant(rules, "maria", ROLE_ADMIN, NULL), STATUS_CONFLICT);
    assert_int_equal(rules_revoke(rules, "maria", ROLE_REVEAL, "shop"), STATUS_OK);
    assert_int_equal(rules_grant(rules, "maria", ROLE_ADMIN, NULL), STATUS_OK);
}

static void
roles_fit_their_kind_and_place(void **state)
{
    struct rules *rules = *state;

    rules_populate(rules);
    assert_int_equal(rules_grant(rules, "inbox", ROLE_REVEAL, "bank"), STATUS_INVALID);
    assert_non_null(strstr(rules->fault, "reveal is for persons"));
    assert_int_equal(rules_grant(rules, "maria", ROLE_DELIVER, "bank"), STATUS_INVALID);
    assert_non_null(strstr(rules->fault, "deliver is for services"));
    assert_int_equal(rules_grant(rules, "maria", ROLE_SERVICE, "bank"), STATUS_INVALID);
    assert_non_null(strstr(rules->fault, "not for persons"));
    assert_int_equal(rules_grant(rules, "inbox", ROLE_ADMIN, "shop"), STATUS_INVALID);
    assert_non_null(strstr(rules->fault, "vault-wide"));
    assert_int_equal(rules_grant(rules, "inbox", ROLE_AUDIT, "shop"), STATUS_INVALID);
    assert_int_equal(rules_grant(rules, "inbox", ROLE_PRIVACY, NULL), STATUS_INVALID);
    assert_int_equal(rules_grant(rules, "inbox", ROLE_SERVICE, NULL), STATUS_INVALID);
    assert_int_equal(rules_grant(rules, "inbox", (enum role)0, "shop"), STATUS_INVALID);
    assert_int_equal(rules_grant(rules, "inbox", (enum role)ROLE_COUNT, "shop"), STATUS_INVALID);
    assert_int_equal(rules_grant(rules, "inbox", ROLE_SERVICE, "absent"), STATUS_NOT_FOUND);
    assert_int_equal(rules_grant(rules, "absent", ROLE_SERVICE, "shop"), STATUS_NOT_FOUND);
    assert_int_equal(rules_grant(rules, "inbox", ROLE_SERVICE, "shop"), STATUS_CONFLICT);
    assert_int_equal(rules_revoke(rules, "inbox", ROLE_SERVICE, "bank"), STATUS_NOT_FOUND);
    assert_int_equal(rules_revoke(rules, "inbox", ROLE_DELIVER, "shop"), STATUS_NOT_FOUND);
    assert_int_equal(rules_revoke(rules, "inbox", ROLE_SERVICE, "shop"), STATUS_OK);
    assert_int_equal(rules_revoke(rules, "inbox", ROLE_SERVICE, "shop"), STATUS_NOT_FOUND);
    assert_int_equal(rules_disable(rules, "absent"), STATUS_NOT_FOUND);
    assert_int_equal(rules_disable(rules, "inbox"), STATUS_OK);
    assert_int_equal(rules_disable(rules, "inbox"), STATUS_CONFLICT);
}

/* Out of everything by one change, and for ever; her uid is free, her name and key are not. */
static void
offboarded_is_for_ever(void **state)
{
    struct rules *rules = *state;
    uint8_t key[PUBLIC_KEY_BYTES];
    uint8_t before[ACCESS_DIGEST_BYTES];
    uint8_t after[ACCESS_DIGEST_BYTES];
    const struct principal *gone;

    rules_populate(rules);
    rules_make_key(key);
    assert_int_equal(rules_add_by_key(rules, "crm", PRINCIPAL_SERVICE, key), STATUS_OK);
    assert_int_equal(rules_grant(rules, "crm", ROLE_DELIVER, "shop"), STATUS_OK);
    assert_int_equal(rules_offboard(rules, "nobody"), STATUS_NOT_FOUND);
    rules_reserved_updates = 0;
    assert_int_equal(rules_offboard(rules, "inbox"), STATUS_OK);
    assert_int_equal(rules_offboard(rules, "crm"), STATUS_OK);
    assert_int_equal(rules_reserved_updates, 2); /* on a full disk, too */
    for (int i = 0; i < 2; i++) {
        gone = rules_by_name(rules, "inbox");
        assert_true(gone->offboarded && gone->disabled && gone->grant_count == 0);
        assert_null(access_by_uid(rules->access, 1001));
        gone = access_by_key(rules->access, key);
        assert_ptr_equal(gone, rules_by_name(rules, "crm"));
        assert_true(gone->offboarded && gone->disabled && gone->grant_count == 0);
        assert_false(access_may(rules->access, gone, MAY_DELIVER, 1));
        access_digest(rules->access, i == 0 ? before : after);
        access_unload(rules->access);
        assert_int_equal(access_load(rules->access), STATUS_OK);
    }
    assert_memory_equal(before, after, sizeof before);
    assert_int_equal(rules_offboard(rules, "inbox"), STATUS_CONFLICT);
    assert_int_equal(rules_disable(rules, "inbox"), STATUS_CONFLICT);
    assert_int_equal(rules_enable(rules, "inbox"), STATUS_CONFLICT);
    assert_int_equal(rules_grant(rules, "inbox", ROLE_SERVICE, "shop"), STATUS_CONFLICT);
    assert_int_equal(rules_grant(rules, "crm", ROLE_AUDIT, NULL), STATUS_CONFLICT);
    assert_int_equal(rules_revoke(rules, "inbox", ROLE_SERVICE, "shop"), STATUS_NOT_FOUND);
    assert_int_equal(rules_add_by_uid(rules, "inbox", PRINCIPAL_SERVICE, 1077), STATUS_CONFLICT);
    assert_int_equal(rules_add_by_key(rules, "crm2", PRINCIPAL_SERVICE, key), STATUS_CONFLICT);
    /* Whoever has her uid next is somebody else. */
    assert_int_equal(rules_add_by_uid(rules, "next", PRINCIPAL_SERVICE, 1001), STATUS_OK);
    assert_string_equal(access_by_uid(rules->access, 1001)->name, "next");
    assert_int_equal(rules_offboard(rules, "next"), STATUS_OK);
    assert_int_equal(rules_add_by_uid(rules, "third", PRINCIPAL_SERVICE, 1001), STATUS_OK);
    access_unload(rules->access);
    assert_int_equal(access_load(rules->access), STATUS_OK);
    assert_string_equal(access_by_uid(rules->access, 1001)->name, "third");
}

static void
who_is_disabled_can_be_offboarded_and_the_last_admin_not(void **state)
{
    struct rules *rules = *state;

    rules_populate(rules);
    assert_int_equal(rules_offboard(rules, "boss"), STATUS_CONFLICT);
    assert_false(rules_by_name(rules, "boss")->offboarded);
    assert_int_equal(rules_disable(rules, "maria"), STATUS_OK);
    assert_int_equal(rules_offboard(rules, "maria"), STATUS_OK);
    assert_true(rules_by_name(rules, "maria")->offboarded);
    assert_int_equal(rules_by_name(rules, "maria")->grant_count, 0);
}

static void
last_admin_stays(void **state)
{
    struct rules *rules = *state;

    rules_populate(rules);
    assert_int_equal(rules_disable(rules, "boss"), STATUS_CONFLICT);
    assert_int_equal(rules_revoke(rules, "boss", ROLE_ADMIN, NULL), STATUS_CONFLICT);
    assert_int_equal(rules_add_by_uid(rules, "second", PRINCIPAL_PERSON, 1004), STATUS_OK);
    assert_int_equal(rules_grant(rules, "second", ROLE_ADMIN, NULL), STATUS_OK);
    assert_int_equal(rules_disable(rules, "boss"), STATUS_OK);
    /* A disabled one is none; what it holds may go. */
    assert_int_equal(rules_revoke(rules, "second", ROLE_ADMIN, NULL), STATUS_CONFLICT);
    assert_int_equal(rules_disable(rules, "second"), STATUS_CONFLICT);
    assert_int_equal(rules_revoke(rules, "boss", ROLE_ADMIN, NULL), STATUS_OK);
}

enum { CAPABILITIES = 8 };

/* By hand, from PRODUCT's table of roles. Each word: y where it may, in the order tokenize, lookup,
 * mask, deliver, reveal, administer, erase, audit. */
static const struct {
    const char *principal;
    const char *here; /* in the namespace of the grant */
    const char *vault_wide;
} expected_of[] = {
    {"inbox", "yyy.....", "........"},   {"sender", "...y....", "........"},
    {"maria", ".yy.y...", "........"},   {"boss", "........", ".....y.."},
    {"dpo", ".yy...y.", "........"},     {"cleaner", ".yy...y.", "........"},
    {"auditor", "........", ".......y"}, {"siem", "........", ".......y"},
    {"nobody", "........", "........"},
};

static void
every_role_may_what_it_says_and_no_more(void **state)
{
    struct rules *rules = *state;
    static const struct {
        const char *name;
        enum principal_kind kind;
        enum role role;
        const char *namespace;
    } more[] = {
        {"sender", PRINCIPAL_SERVICE, ROLE_DELIVER, "shop"},
        {"dpo", PRINCIPAL_PERSON, ROLE_PRIVACY, "shop"},
        {"cleaner", PRINCIPAL_SERVICE, ROLE_PRIVACY, "shop"},
        {"auditor", PRINCIPAL_PERSON, ROLE_AUDIT, NULL},
        {"siem", PRINCIPAL_SERVICE, ROLE_AUDIT, NULL},
    };

    rules_populate(rules);
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        assert_int_equal(rules_add_by_uid(rules, more[i].name, more[i].kind, 2000 + (uint32_t)i),
                         STATUS_OK);
        assert_int_equal(rules_grant(rules, more[i].name, more[i].role, more[i].namespace),
                         STATUS_OK);
    }
    assert_int_equal(rules_add_by_uid(rules, "nobody", PRINCIPAL_SERVICE, 1005), STATUS_OK);
    for (size_t i = 0; i < sizeof expected_of / sizeof *expected_of; i++) {
        const struct principal *principal = rules_by_name(rules, expected_of[i].principal);

        for (unsigned bit = 0; bit < CAPABILITIES; bit++) {
            unsigned capability = 1U << bit;

            assert_int_equal(access_may(rules->access, principal, capability, 1),
                             expected_of[i].here[bit] == 'y');
            assert_false(access_may(rules->access, principal, capability, 2));
            assert_int_equal(access_may(rules->access, principal, capability, 0),
                             expected_of[i].vault_wide[bit] == 'y');
            assert_false(access_has_ended(rules->access, principal, capability));
        }
        assert_false(access_may(rules->access, principal, 0, 1));
    }
    assert_true(
        access_may(rules->access, rules_by_name(rules, "sender"), MAY_REVEAL | MAY_DELIVER, 1));
    assert_int_equal(rules_clock_reads, 0); /* no grant has an end */
}

static void
disabled_and_revoked_may_nothing(void **state)
{
    struct rules *rules = *state;

    rules_populate(rules);
    assert_true(access_may(rules->access, rules_by_name(rules, "inbox"), MAY_TOKENIZE, 1));
    assert_int_equal(rules_disable(rules, "inbox"), STATUS_OK);
    assert_false(access_may(rules->access, rules_by_name(rules, "inbox"), MAY_TOKENIZE, 1));
    assert_int_equal(rules_revoke(rules, "maria", ROLE_REVEAL, "shop"), STATUS_OK);
    assert_false(access_may(rules->access, rules_by_name(rules, "maria"), MAY_REVEAL, 1));
}

static void
binding_to_another_identity_voids_reveal_and_deliver(void **state)
{
    struct rules *rules = *state;
    struct principal maria, inbox;

    rules_populate(rules);
    maria = *rules_by_name(rules, "maria");
    assert_true(access_may(rules->access, &maria, MAY_REVEAL, 1));
    maria.grants[0].bound_to[0] ^= 1;
    assert_false(access_may(rules->access, &maria, MAY_REVEAL, 1));
    assert_false(access_may(rules->access, &maria, MAY_MASK, 1));
    inbox = *rules_by_name(rules, "inbox"); /* the role service is not bound */
    inbox.grants[0].bound_to[0] ^= 1;
    assert_true(access_may(rules->access, &inbox, MAY_TOKENIZE, 1));
}

static void
only_namespace_is_the_one_with_grants(void **state)
{
    struct rules *rules = *state;
    const struct principal *inbox;

    rules_populate(rules);
    assert_null(access_only_namespace(rules->access, rules_by_name(rules, "boss")));
    inbox = rules_by_name(rules, "inbox");
    assert_string_equal(access_only_namespace(rules->access, inbox)->name, "shop");
    assert_int_equal(rules_grant(rules, "inbox", ROLE_DELIVER, "shop"), STATUS_OK);
    inbox = rules_by_name(rules, "inbox");
    assert_string_equal(access_only_namespace(rules->access, inbox)->name, "shop");
    assert_int_equal(rules_grant(rules, "inbox", ROLE_SERVICE, "bank"), STATUS_OK);
    inbox = rules_by_name(rules, "inbox");
    assert_null(access_only_namespace(rules->access, inbox));
}

static void
grants_have_a_limit(void **state)
{
    struct rules *rules = *state;
    char name[16];

    assert_int_equal(rules_add_by_uid(rules, "inbox", PRINCIPAL_SERVICE, 5), STATUS_OK);
    for (int i = 0; i <= ACCESS_GRANTS_MAX; i++) {
        (void)snprintf(name, sizeof name, "ns%d", i);
        assert_int_equal(rules_add_namespace(rules, name), STATUS_OK);
        assert_int_equal(rules_grant(rules, "inbox", ROLE_SERVICE, name),
                         i < ACCESS_GRANTS_MAX ? STATUS_OK : STATUS_TOO_LARGE);
    }
    assert_int_equal(access_load(rules->access), STATUS_OK);
    assert_int_equal(rules_by_name(rules, "inbox")->grant_count, ACCESS_GRANTS_MAX);
    assert_int_equal(rules_revoke(rules, "inbox", ROLE_SERVICE, "ns0"), STATUS_OK);
    assert_false(access_may(rules->access, rules_by_name(rules, "inbox"), MAY_MASK, 1));
    assert_true(access_may(rules->access, rules_by_name(rules, "inbox"), MAY_MASK, 2));
}

static void
change_not_committed_changes_nothing(void **state)
{
    struct rules *rules = *state;
    struct access_change *change = NULL;
    uint8_t before[ACCESS_DIGEST_BYTES], after[ACCESS_DIGEST_BYTES];

    rules_populate(rules);
    access_digest(rules->access, before);
    assert_int_equal(
        access_prepare_namespace(rules->access, bytes_of_text("third"), &change, &rules->fault),
        STATUS_OK);
    assert_int_equal(access_change_id(change), 3);
    access_change_free(&change);
    assert_null(change);
    access_digest(rules->access, after);
    assert_memory_equal(before, after, sizeof before);
    assert_null(access_namespace(rules->access, bytes_of_text("third")));
}

static void
failed_commit_changes_nothing(void **state)
{
    struct rules *rules = *state;
    struct access *stale = NULL;

    assert_int_equal(access_new(rules->store, rules->keyring, &rules_defaults, &stale), STATUS_OK);
    assert_int_equal(access_load(stale), STATUS_OK);
    rules_populate(rules);
    /* It does not know that the row is there; the store does. */
    struct access *known = rules->access;
    rules->access = stale;
    assert_int_equal(rules_add_namespace(rules, "third"), STATUS_CONFLICT);
    assert_int_equal(access_namespace_count(stale), 0);
    assert_int_equal(rules_add_by_uid(rules, "other", PRINCIPAL_SERVICE, 77), STATUS_CONFLICT);
    assert_int_equal(access_principal_count(stale), 0);
    rules->access = known;
    access_free(&stale);
}

static void
sealed_vault_changes_and_loads_nothing(void **state)
{
    struct rules *rules = *state;

    rules_populate(rules);
    keyring_seal(rules->keyring);
    assert_int_equal(rules_add_namespace(rules, "third"), STATUS_SEALED);
    assert_int_equal(rules_disable(rules, "maria"), STATUS_SEALED);
    assert_int_equal(access_load(rules->access), STATUS_SEALED);
    assert_int_equal(access_principal_count(rules->access), 0);
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
write_out(struct rules *rules, const struct row *row)
{
    struct row copy = *row;

    assert_int_equal(store_update(rules->store, write_row, &copy), STATUS_OK);
}

static void
expect_load(struct rules *rules, const struct row *row, enum status expected)
{
    write_out(rules, row);
    assert_int_equal(access_load(rules->access), expected);
    if (expected != STATUS_OK) {
        assert_int_equal(access_principal_count(rules->access), 0);
        assert_int_equal(access_namespace_count(rules->access), 0);
    }
}

static struct rows *
read_rows(struct rules *rules)
{
    struct rows *rows = calloc(1, sizeof *rows);

    assert_int_equal(store_view(rules->store, collect_rows, rows), STATUS_OK);
    return rows;
}

/* Rows 0 and 1 are namespaces, 2 to 4 principals. */
static void
every_changed_byte_of_a_row_is_found(void **state)
{
    struct rules *rules = *state;
    struct rows *rows;

    rules_populate(rules);
    assert_int_equal(rules_freeze(rules, FREEZE_PEOPLE), STATUS_OK);
    rows = read_rows(rules);
    assert_int_equal(rows->count, 6);
    for (size_t i = 0; i < rows->count; i++) {
        struct row *row = &rows->rows[i];

        for (size_t at = 0; at < row->size; at++) {
            uint8_t flip = (uint8_t)(1U << at % 8);

            row->value[at] ^= flip;
            expect_load(rules, row, STATUS_CORRUPT);
            row->value[at] ^= flip;
        }
        row->size--;
        expect_load(rules, row, STATUS_CORRUPT);
        row->size += 2;
        expect_load(rules, row, STATUS_CORRUPT);
        row->size--;
        expect_load(rules, row, STATUS_OK);
    }
    free(rows);
}

/* The row taken out from under its key and put under one that differs in a bit. */
static void
every_changed_byte_of_a_key_is_found(void **state)
{
    struct rules *rules = *state;
    struct rows *rows;

    rules_populate(rules);
    assert_int_equal(rules_freeze(rules, FREEZE_PEOPLE), STATUS_OK);
    rows = read_rows(rules);
    for (size_t i = 0; i < rows->count; i++) {
        for (size_t bit = 0; bit < rows->rows[i].key_size * 8; bit++) {
            struct row moved = rows->rows[i];
            struct row gone = rows->rows[i];

            gone.size = 0;
            write_out(rules, &gone);
            moved.key[bit / 8] ^= (uint8_t)(1U << bit % 8);
            expect_load(rules, &moved, STATUS_CORRUPT);
            moved.size = 0;
            write_out(rules, &moved);
            for (size_t all = 0; all < rows->count; all++) {
                write_out(rules, &rows->rows[all]); /* it may have stood on another */
            }
        }
    }
    assert_int_equal(access_load(rules->access), STATUS_OK);
    free(rows);
}

static void
moved_missing_and_foreign_rows_are_found(void **state)
{
    struct rules *rules = *state;
    struct rows *rows;
    struct row row;

    rules_populate(rules);
    assert_int_equal(rules_freeze(rules, FREEZE_ALL), STATUS_OK);
    rows = read_rows(rules);

    row = rows->rows[1]; /* a namespace under the next number */
    put_u32(row.key + 1, 3);
    expect_load(rules, &row, STATUS_CORRUPT);
    row.size = 0;
    expect_load(rules, &row, STATUS_OK);

    row = rows->rows[3]; /* a principal in the place of another */
    memcpy(row.key, rows->rows[2].key, row.key_size);
    expect_load(rules, &row, STATUS_CORRUPT);
    expect_load(rules, &rows->rows[2], STATUS_OK);

    row = rows->rows[2]; /* taken out */
    row.size = 0;
    expect_load(rules, &row, STATUS_CORRUPT);
    expect_load(rules, &rows->rows[2], STATUS_OK);

    row = rows->rows[5]; /* settings twice, and under another number */
    put_u32(row.key + 1, 2);
    expect_load(rules, &row, STATUS_CORRUPT);
    write_out(rules, &(struct row){.key = {'s', 0, 0, 0, 1}, .key_size = 5});
    expect_load(rules, &row, STATUS_CORRUPT);
    row.size = 0;
    expect_load(rules, &row, STATUS_OK);

    row = rows->rows[0]; /* of another type, and of another length */
    row.key[0] = 'q';
    expect_load(rules, &row, STATUS_CORRUPT);
    row.size = 0;
    expect_load(rules, &row, STATUS_OK);
    row = rows->rows[0];
    row.key_size = 4;
    expect_load(rules, &row, STATUS_CORRUPT);
    row.size = 0;
    expect_load(rules, &row, STATUS_OK);
    free(rows);
}

static void
older_row_put_back_changes_the_digest(void **state)
{
    struct rules *rules = *state;
    uint8_t now[ACCESS_DIGEST_BYTES], then[ACCESS_DIGEST_BYTES];
    struct rows *rows;

    rules_populate(rules);
    rows = read_rows(rules);
    assert_int_equal(rules_revoke(rules, "maria", ROLE_REVEAL, "shop"), STATUS_OK);
    access_digest(rules->access, now);
    expect_load(rules, &rows->rows[4], STATUS_OK); /* it opens: the digest is the defence */
    access_digest(rules->access, then);
    assert_memory_not_equal(now, then, sizeof now);
    free(rows);
}

static void
settings_taken_out_change_the_digest(void **state)
{
    struct rules *rules = *state;
    uint8_t frozen[ACCESS_DIGEST_BYTES], found[ACCESS_DIGEST_BYTES];
    struct row row = {.key = {'s', 0, 0, 0, 1}, .key_size = 5};

    rules_populate(rules);
    assert_int_equal(rules_freeze(rules, FREEZE_ALL), STATUS_OK);
    access_digest(rules->access, frozen);
    expect_load(rules, &row, STATUS_OK); /* never set, as far as the rows tell */
    assert_int_equal(access_frozen(rules->access), FREEZE_NONE);
    access_digest(rules->access, found);
    assert_memory_not_equal(frozen, found, sizeof found);
}

/* Rows sealed with the right key that no program of ours would write. */
static void
seal_row(struct rules *rules, struct access_entry entry, struct row *ret_row)
{
    struct access_row sealed;

    assert_int_equal(access_row_seal(rules->keyring, &entry, &sealed), STATUS_OK);
    *ret_row = (struct row){.key_size = ACCESS_ROW_KEY_BYTES, .size = sealed.size};
    memcpy(ret_row->key, sealed.key, sizeof sealed.key);
    memcpy(ret_row->value, sealed.value, sealed.size);
}

static void
expect_sealed(struct rules *rules, const struct principal_entry *entry, enum status expected)
{
    struct principal_entry copy = *entry;
    struct row row;

    seal_row(rules, (struct access_entry){.principal = &copy}, &row);
    expect_load(rules, &row, expected);
    row.size = 0;
    expect_load(rules, &row, STATUS_OK);
}

static const struct principal_entry new_service = {
    .principal = {.number = 4,
                  .kind = PRINCIPAL_SERVICE,
                  .has_uid = true,
                  .uid = 4000,
                  .name = "new",
                  .grant_count = 1,
                  .grants = {{.role = ROLE_SERVICE, .namespace_id = 1}}}};

static void
sealed_rows_against_a_rule_are_found(void **state)
{
    struct rules *rules = *state;
    enum { BAD = 12 };
    struct principal_entry bad[BAD];

    rules_populate(rules);
    expect_sealed(rules, &new_service, STATUS_OK);
    for (size_t i = 0; i < BAD; i++) {
        bad[i] = new_service;
    }
    bad[0].principal.uid = 1000;                  /* the boss's */
    (void)strcpy(bad[1].principal.name, "inbox"); /* a name in use */
    (void)strcpy(bad[2].principal.name, "New");   /* no name */
    bad[3].principal.uid = ACCESS_UID_OVERFLOW;
    bad[4].principal.public_key[0] = 1; /* uid and key */
    bad[5].principal.kind = (enum principal_kind)3;
    bad[6].principal.grants[0].namespace_id = 3; /* no such namespace */
    bad[7].principal.grants[0].role = (enum role)ROLE_COUNT;
    bad[8].principal.grants[0].role = ROLE_ADMIN;   /* in a namespace */
    bad[9].principal.grants[0].role = ROLE_DELIVER; /* not bound */
    bad[10].principal.grants[0].bound_to[0] = 1;    /* bound, though it cannot be */
    bad[11].principal.relayed = true;               /* without a key */
    for (size_t i = 0; i < BAD; i++) {
        expect_sealed(rules, &bad[i], STATUS_CORRUPT);
    }
}

static const struct principal_entry new_person = {
    .principal = {.number = 4,
                  .kind = PRINCIPAL_PERSON,
                  .has_key = true,
                  .public_key = {7},
                  .factor = {.totp = {1}, .recovery = {{1}}},
                  .name = "new"}};

static void
sealed_persons_against_a_rule_are_found(void **state)
{
    struct rules *rules = *state;
    enum { BAD = 12 };
    struct principal_entry bad[BAD];
    struct principal_entry invited = new_person;

    rules_populate(rules);
    expect_sealed(rules, &new_person, STATUS_OK);
    invited.principal.invited = true;
    invited.principal.code[0] = 1;
    invited.principal.invited_until_ms = 1;
    expect_sealed(rules, &invited, STATUS_OK); /* again */
    invited.principal.has_key = false;
    memset(invited.principal.public_key, 0, PUBLIC_KEY_BYTES);
    invited.principal.factor = (struct factor){0};
    expect_sealed(rules, &invited, STATUS_OK); /* for the first time */
    for (size_t i = 0; i < BAD; i++) {
        bad[i] = i < BAD / 2 ? new_person : invited;
    }
    memset(bad[0].principal.factor.totp, 0, FACTOR_BOX_BYTES); /* a key without a factor */
    bad[1].principal.uid = 5;                                  /* without the flag */
    bad[2].principal.has_uid = true;                           /* the boss's */
    bad[2].principal.uid = 1000;
    bad[3].principal.bootstrap = true;   /* with a key */
    bad[4].principal.code[0] = 1;        /* of no invitation */
    bad[5].principal.invited = true;     /* without a code */
    bad[6].principal.factor.totp[0] = 1; /* a factor without a key */
    bad[7].principal.factor.recovery[0][0] = 1;
    bad[8].principal.invited_until_ms = 0; /* without an end */
    bad[9].principal.relayed = true;       /* and known by a uid */
    bad[9].principal.has_uid = true;
    bad[9].principal.uid = 77;
    bad[10].principal.invited = false; /* neither invited nor enrolled */
    bad[10].principal.code[0] = 0;
    bad[10].principal.invited_until_ms = 0;
    bad[11].principal.kind = PRINCIPAL_SERVICE; /* which is never invited */
    for (size_t i = 0; i < BAD; i++) {
        expect_sealed(rules, &bad[i], STATUS_CORRUPT);
    }
}

static const struct grant reveal_bound = {.role = ROLE_REVEAL, .namespace_id = 1, .bound_to = {1}};
static const struct grant deliver_bound = {
    .role = ROLE_DELIVER, .namespace_id = 1, .bound_to = {1}};

static void
sealed_grants_against_a_rule_are_found(void **state)
{
    struct rules *rules = *state;
    static const struct grant service = {.role = ROLE_SERVICE, .namespace_id = 1};
    static const struct grant admin = {.role = ROLE_ADMIN};
    struct grant ends = service, later = service, elsewhere = service;
    struct principal_entry entry = new_service;

    rules_populate(rules);
    ends.ends_ms = 1; /* over long ago, which is no fault */
    ends.daily = 9;
    ends.hourly = 9;
    later.ends_ms = 2;
    elsewhere.namespace_id = 2;
    const struct {
        struct grant one, other;
        enum principal_kind kind;
        enum status status;
    } pairs[] = {
        {service, ends, PRINCIPAL_SERVICE, STATUS_OK},
        {service, elsewhere, PRINCIPAL_SERVICE, STATUS_OK},
        {service, deliver_bound, PRINCIPAL_SERVICE, STATUS_OK},
        {service, admin, PRINCIPAL_SERVICE, STATUS_OK},
        {service, service, PRINCIPAL_SERVICE, STATUS_CORRUPT},
        {ends, later, PRINCIPAL_SERVICE, STATUS_CORRUPT},
        {deliver_bound, admin, PRINCIPAL_SERVICE, STATUS_CORRUPT},
        {admin, deliver_bound, PRINCIPAL_SERVICE, STATUS_CORRUPT},
        {admin, reveal_bound, PRINCIPAL_PERSON, STATUS_CORRUPT},
        {reveal_bound, admin, PRINCIPAL_PERSON, STATUS_CORRUPT},
        {service, reveal_bound, PRINCIPAL_SERVICE, STATUS_CORRUPT},
        {reveal_bound, service, PRINCIPAL_PERSON, STATUS_CORRUPT},
        {reveal_bound, deliver_bound, PRINCIPAL_PERSON, STATUS_CORRUPT},
    };
    entry.principal.grant_count = 2;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        entry.principal.kind = pairs[i].kind;
        entry.principal.bootstrap = pairs[i].kind == PRINCIPAL_PERSON;
        entry.principal.grants[0] = pairs[i].one;
        entry.principal.grants[1] = pairs[i].other;
        expect_sealed(rules, &entry, pairs[i].status);
    }
}

static void
sealed_figures_against_a_rule_are_found(void **state)
{
    struct rules *rules = *state;
    static const struct {
        struct grant grant;
        enum status status;
    } alone[] = {
        {{.role = ROLE_SERVICE, .namespace_id = 1, .daily = 5, .hourly = 5}, STATUS_OK},
        {{.role = ROLE_SERVICE, .namespace_id = 1, .hourly = 5}, STATUS_OK},
        {{.role = ROLE_SERVICE, .namespace_id = 1, .daily = 5, .hourly = 6}, STATUS_CORRUPT},
        {{.role = ROLE_PRIVACY, .namespace_id = 1}, STATUS_OK},
        {{.role = ROLE_PRIVACY, .namespace_id = 1, .daily = 5}, STATUS_CORRUPT},
        {{.role = ROLE_PRIVACY}, STATUS_CORRUPT},
        {{.role = ROLE_AUDIT}, STATUS_OK},
        {{.role = ROLE_AUDIT, .hourly = 5}, STATUS_CORRUPT},
        {{.role = ROLE_AUDIT, .namespace_id = 1}, STATUS_CORRUPT},
        {{.role = ROLE_ADMIN, .daily = 5}, STATUS_CORRUPT},
    };
    struct principal_entry entry = new_service;

    rules_populate(rules);
    for (size_t i = 0; i < sizeof alone / sizeof *alone; i++) {
        entry.principal.grants[0] = alone[i].grant;
        expect_sealed(rules, &entry, alone[i].status);
    }
}

static void
sealed_settings_and_namespaces_against_a_rule_are_found(void **state)
{
    struct rules *rules = *state;
    struct settings_entry settings = {.freeze = (enum freeze)FREEZE_COUNT};
    struct namespace_entry namespace_entry = {.row = {.id = 3, .name = "third"}};
    struct row row;

    rules_populate(rules);
    seal_row(rules, (struct access_entry){.settings = &settings}, &row);
    expect_load(rules, &row, STATUS_CORRUPT);
    settings.freeze = FREEZE_ALL;
    seal_row(rules, (struct access_entry){.settings = &settings}, &row);
    expect_load(rules, &row, STATUS_OK);
    assert_int_equal(access_frozen(rules->access), FREEZE_ALL);
    namespace_entry.row.retain_months = RETAIN_MONTHS_MAX + 1;
    seal_row(rules, (struct access_entry){.namespace_entry = &namespace_entry}, &row);
    expect_load(rules, &row, STATUS_CORRUPT);
    namespace_entry.row.retain_months = RETAIN_MONTHS_MAX;
    seal_row(rules, (struct access_entry){.namespace_entry = &namespace_entry}, &row);
    expect_load(rules, &row, STATUS_OK);
}

/* ---- canaries ---- */

/* The digest foretold is the one that comes about, and what is loaded. */
static void
commit_canary(struct rules *rules, struct access_change **change)
{
    uint8_t foretold[ACCESS_DIGEST_BYTES], found[ACCESS_DIGEST_BYTES];

    memcpy(foretold, access_change_digest(*change), sizeof foretold);
    assert_int_equal(access_commit(rules->access, change), STATUS_OK);
    access_digest(rules->access, found);
    assert_memory_equal(found, foretold, sizeof found);
    assert_int_equal(access_load(rules->access), STATUS_OK);
    access_digest(rules->access, found);
    assert_memory_equal(found, foretold, sizeof found);
}

static struct canary
canary_of(uint8_t first)
{
    return (struct canary){.namespace_id = 1, .kind = CONTACT_PHONE, .token = {first, 7}};
}

static enum status
add_canary(struct rules *rules, uint8_t first)
{
    const struct canary spec = canary_of(first);
    struct access_change *change = NULL;
    enum status status = access_prepare_canary(rules->access, &spec, &change, &rules->fault);

    if (status == STATUS_OK) {
        commit_canary(rules, &change);
    }
    return status;
}

static enum status
remove_canary(struct rules *rules, uint8_t first)
{
    const struct canary spec = canary_of(first);
    struct access_change *change = NULL;
    enum status status =
        access_prepare_canary_removal(rules->access, spec.token, &change, &rules->fault);

    if (status == STATUS_OK) {
        commit_canary(rules, &change);
    }
    return status;
}

static bool
is_canary(struct rules *rules, uint8_t first)
{
    return access_canary_of(rules->access, canary_of(first).token) != NULL;
}

static void
canaries_are_found_by_their_tokens(void **state)
{
    struct rules *rules = *state;

    rules_populate(rules);
    assert_false(is_canary(rules, 0));
    assert_int_equal(remove_canary(rules, 1), STATUS_NOT_FOUND);
    for (unsigned i = 0; i < ACCESS_CANARIES_MAX; i++) {
        assert_false(access_canaries_full(rules->access));
        assert_int_equal(add_canary(rules, (uint8_t)(i * 167)), STATUS_OK); /* in no order */
    }
    assert_true(access_canaries_full(rules->access));
    assert_int_equal(add_canary(rules, 5), STATUS_CONFLICT);
    for (unsigned i = 0; i < ACCESS_CANARIES_MAX; i++) {
        assert_true(is_canary(rules, (uint8_t)i));
    }
    assert_int_equal(access_canary_of(rules->access, canary_of(167).token)->number, 2);
    assert_int_equal(remove_canary(rules, 167), STATUS_OK);
    assert_false(is_canary(rules, 167));
    assert_true(is_canary(rules, 166));
    assert_true(is_canary(rules, 168));
    assert_int_equal(remove_canary(rules, 167), STATUS_NOT_FOUND);
    assert_int_equal(access_canary_count(rules->access), ACCESS_CANARIES_MAX);
    assert_int_equal(add_canary(rules, 167), STATUS_OK);
    assert_int_equal(access_canary_of(rules->access, canary_of(167).token)->number, 2);
    assert_true(access_canaries_full(rules->access));
}

/* Nobody takes one away, or puts an older row back, without the log knowing. */
static void
canaries_taken_out_change_the_digest(void **state)
{
    struct rules *rules = *state;
    uint8_t none[ACCESS_DIGEST_BYTES], set[ACCESS_DIGEST_BYTES], found[ACCESS_DIGEST_BYTES];
    struct rows *rows;
    struct row row = {.key = {'c', 0, 0, 0, 1}, .key_size = 5};

    rules_populate(rules);
    access_digest(rules->access, none);
    assert_int_equal(add_canary(rules, 9), STATUS_OK);
    access_digest(rules->access, set);
    assert_memory_not_equal(none, set, sizeof set);
    rows = read_rows(rules);
    assert_int_equal(rows->rows[0].key[0], 'c');
    assert_int_equal(remove_canary(rules, 9), STATUS_OK);
    expect_load(rules, &rows->rows[0], STATUS_OK);
    access_digest(rules->access, found);
    assert_memory_equal(found, set, sizeof set);
    expect_load(rules, &row, STATUS_OK);
    access_digest(rules->access, found);
    assert_memory_equal(found, none, sizeof none);
    free(rows);
}

static void
sealed_canaries_against_a_rule_are_found(void **state)
{
    struct rules *rules = *state;
    struct canary_entry entry = {.canary = canary_of(1)};
    struct row row;

    rules_populate(rules);
    assert_int_equal(add_canary(rules, 9), STATUS_OK);
    entry.canary.number = 2;
    seal_row(rules, (struct access_entry){.canary = &entry}, &row);
    expect_load(rules, &row, STATUS_OK);
    assert_true(is_canary(rules, 1));
    assert_int_equal(row.size, 2 + 34 + KEYRING_BOX_EXTRA);
    entry.canary.namespace_id = 3; /* there are two */
    seal_row(rules, (struct access_entry){.canary = &entry}, &row);
    expect_load(rules, &row, STATUS_CORRUPT);
    entry.canary.namespace_id = 0;
    seal_row(rules, (struct access_entry){.canary = &entry}, &row);
    expect_load(rules, &row, STATUS_CORRUPT);
    entry.canary = canary_of(1);
    entry.canary.number = 2;
    entry.canary.kind = (enum contact_kind)3;
    seal_row(rules, (struct access_entry){.canary = &entry}, &row);
    expect_load(rules, &row, STATUS_CORRUPT);
    entry.canary = canary_of(9); /* the same twice */
    entry.canary.number = 2;
    seal_row(rules, (struct access_entry){.canary = &entry}, &row);
    expect_load(rules, &row, STATUS_CORRUPT);
    entry.canary.removed = true;
    seal_row(rules, (struct access_entry){.canary = &entry}, &row);
    expect_load(rules, &row, STATUS_OK);
    entry.canary.number = 4; /* one is missing before it */
    seal_row(rules, (struct access_entry){.canary = &entry}, &row);
    expect_load(rules, &row, STATUS_CORRUPT);
}

/* A binding to another key: void until it is granted again, which binds it to the key of now. */
static void
granting_again_binds_anew(void **state)
{
    struct rules *rules = *state;
    struct principal_entry entry = {0};
    struct row row;

    rules_populate(rules);
    entry.principal = *rules_by_name(rules, "maria");
    entry.principal.grants[0].bound_to[0] ^= 1;
    seal_row(rules, (struct access_entry){.principal = &entry}, &row);
    expect_load(rules, &row, STATUS_OK);
    assert_false(access_may(rules->access, rules_by_name(rules, "maria"), MAY_REVEAL, 1));
    assert_int_equal(rules_grant(rules, "maria", ROLE_REVEAL, "shop"), STATUS_OK);
    assert_int_equal(rules_by_name(rules, "maria")->grant_count, 1);
    assert_true(access_may(rules->access, rules_by_name(rules, "maria"), MAY_REVEAL, 1));
    assert_int_equal(rules_grant(rules, "maria", ROLE_REVEAL, "shop"), STATUS_CONFLICT);
}

/* A namespace's row written and sealed byte by byte, as DESIGN.md has it. */
struct by_hand {
    uint8_t version;
    uint32_t number;        /* inside the box */
    uint32_t sealed_number; /* in the associated data */
    uint8_t flags;
};

static void
expect_by_hand(struct rules *rules, const struct by_hand *by_hand, enum status expected)
{
    const struct key_name access_key = {KEY_ACCESS, 0, 1};
    struct row row = {.key = {'n'}, .key_size = 5, .value = {by_hand->version, 1}};
    uint8_t associated[VAULT_ID_BYTES + 7] = {0};
    uint8_t plain[] = {0, 0,   0,   0,   0,  0, 0, 0, 0, 0, 0, 9, 0, 24, by_hand->flags,
                       4, 'h', 'a', 'n', 'd'};

    put_u32(row.key + 1, 3);
    put_u32(plain, by_hand->number);
    memcpy(associated, rules_vault_id, VAULT_ID_BYTES);
    associated[VAULT_ID_BYTES] = by_hand->sealed_number == 0 ? 0 : 'n';
    put_u32(associated + VAULT_ID_BYTES + 1, by_hand->sealed_number);
    memcpy(associated + VAULT_ID_BYTES + 5, row.value, 2);
    assert_int_equal(keyring_encrypt(rules->keyring, access_key,
                                     bytes_of(associated, sizeof associated),
                                     bytes_of(plain, sizeof plain), row.value + 2),
                     STATUS_OK);
    row.size = 2 + sizeof plain + KEYRING_BOX_EXTRA;
    expect_load(rules, &row, expected);
    if (expected == STATUS_OK) {
        const struct namespace_row *hand = access_namespace(rules->access, bytes_of_text("hand"));

        assert_int_equal(hand->created_ms, 9);
        assert_int_equal(hand->retain_months, 24);
        assert_int_equal(hand->shredded, by_hand->flags == 1);
    }
    row.size = 0;
    expect_load(rules, &row, STATUS_OK);
}

static void
row_is_what_the_format_says(void **state)
{
    struct rules *rules = *state;

    rules_populate(rules);
    expect_by_hand(rules, &(struct by_hand){4, 3, 3, 0}, STATUS_OK);
    expect_by_hand(rules, &(struct by_hand){3, 3, 3, 0}, STATUS_CORRUPT); /* older */
    expect_by_hand(rules, &(struct by_hand){5, 3, 3, 0}, STATUS_CORRUPT);
    expect_by_hand(rules, &(struct by_hand){4, 2, 3, 0}, STATUS_CORRUPT);
    expect_by_hand(rules, &(struct by_hand){4, 3, 2, 0}, STATUS_CORRUPT);
    expect_by_hand(rules, &(struct by_hand){4, 3, 0, 0}, STATUS_CORRUPT);
    expect_by_hand(rules, &(struct by_hand){4, 3, 3, .flags = 1}, STATUS_OK);
    expect_by_hand(rules, &(struct by_hand){4, 3, 3, .flags = 2}, STATUS_CORRUPT);
}

static void
principal_sealed_with_another_number_is_found(void **state)
{
    struct rules *rules = *state;
    const struct key_name access_key = {KEY_ACCESS, 0, 1};
    struct rows *rows;
    struct row row;
    uint8_t associated[VAULT_ID_BYTES + 7], plain[256];
    struct bytes box;

    rules_populate(rules);
    rows = read_rows(rules);
    row = rows->rows[3];
    memcpy(associated, rules_vault_id, VAULT_ID_BYTES);
    memcpy(associated + VAULT_ID_BYTES, row.key, 5);
    memcpy(associated + VAULT_ID_BYTES + 5, row.value, 2);
    box = bytes_of(row.value + 2, row.size - 2);
    assert_true(box.size - KEYRING_BOX_EXTRA <= sizeof plain);
    assert_int_equal(keyring_decrypt(rules->keyring, access_key,
                                     bytes_of(associated, sizeof associated), box, plain),
                     STATUS_OK);
    put_u32(plain, 3); /* its key says 2 */
    assert_int_equal(keyring_encrypt(rules->keyring, access_key,
                                     bytes_of(associated, sizeof associated),
                                     bytes_of(plain, box.size - KEYRING_BOX_EXTRA), row.value + 2),
                     STATUS_OK);
    expect_load(rules, &row, STATUS_CORRUPT);
    free(rows);
}

/* The flags of a principal's row, and the count of grants behind them, as nobody of ours writes
 * them: offboarded is disabled, and holds nothing. */
static void
offboarded_is_disabled_and_without_grants(void **state)
{
    enum { FLAGS_AT = 5, DISABLED = 1, OFFBOARDED = 32, UNKNOWN = 64 };
    static const struct {
        size_t row; /* 3: inbox, who has a grant; 5: one who has none */
        uint8_t more;
        enum status expected;
    } rows_by_hand[] = {
        {3, DISABLED, STATUS_OK},        {5, DISABLED | OFFBOARDED, STATUS_OK},
        {5, OFFBOARDED, STATUS_CORRUPT}, {3, DISABLED | OFFBOARDED, STATUS_CORRUPT},
        {5, UNKNOWN, STATUS_CORRUPT},
    };
    struct rules *rules = *state;
    const struct key_name access_key = {KEY_ACCESS, 0, 1};
    struct rows *rows;
    uint8_t associated[VAULT_ID_BYTES + 7], plain[512];

    rules_populate(rules);
    assert_int_equal(rules_add_by_uid(rules, "idle", PRINCIPAL_SERVICE, 1055), STATUS_OK);
    rows = read_rows(rules);
    for (size_t i = 0; i < sizeof rows_by_hand / sizeof *rows_by_hand; i++) {
        struct row row = rows->rows[rows_by_hand[i].row];
        struct bytes box = bytes_of(row.value + 2, row.size - 2);
        size_t size = box.size - KEYRING_BOX_EXTRA;

        memcpy(associated, rules_vault_id, VAULT_ID_BYTES);
        memcpy(associated + VAULT_ID_BYTES, row.key, 5);
        memcpy(associated + VAULT_ID_BYTES + 5, row.value, 2);
        assert_true(size <= sizeof plain);
        assert_int_equal(keyring_decrypt(rules->keyring, access_key,
                                         bytes_of(associated, sizeof associated), box, plain),
                         STATUS_OK);
        plain[FLAGS_AT] |= rows_by_hand[i].more;
        assert_int_equal(keyring_encrypt(rules->keyring, access_key,
                                         bytes_of(associated, sizeof associated),
                                         bytes_of(plain, size), row.value + 2),
                         STATUS_OK);
        expect_load(rules, &row, rows_by_hand[i].expected);
        expect_load(rules, &rows->rows[rows_by_hand[i].row], STATUS_OK);
    }
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
    assert_string_equal(access_role_name(ROLE_PRIVACY), "privacy");
    assert_string_equal(access_role_name(ROLE_AUDIT), "audit");
    assert_string_equal(access_role_name((enum role)0), "unknown");
    assert_string_equal(access_role_name((enum role)ROLE_COUNT), "unknown");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rules_set_up, rules_tear_down)

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
        TEST(disabled_and_revoked_may_nothing),
        TEST(binding_to_another_identity_voids_reveal_and_deliver),
        TEST(only_namespace_is_the_one_with_grants),
        TEST(grants_have_a_limit),
        TEST(change_not_committed_changes_nothing),
        TEST(failed_commit_changes_nothing),
        TEST(sealed_vault_changes_and_loads_nothing),
        TEST(every_changed_byte_of_a_row_is_found),
        TEST(every_changed_byte_of_a_key_is_found),
        TEST(moved_missing_and_foreign_rows_are_found),
        TEST(older_row_put_back_changes_the_digest),
        TEST(settings_taken_out_change_the_digest),
        TEST(sealed_rows_against_a_rule_are_found),
        TEST(sealed_persons_against_a_rule_are_found),
        TEST(sealed_grants_against_a_rule_are_found),
        TEST(sealed_figures_against_a_rule_are_found),
        TEST(sealed_settings_and_namespaces_against_a_rule_are_found),
        TEST(canaries_are_found_by_their_tokens),
        TEST(canaries_taken_out_change_the_digest),
        TEST(sealed_canaries_against_a_rule_are_found),
        TEST(granting_again_binds_anew),
        TEST(row_is_what_the_format_says),
        TEST(principal_sealed_with_another_number_is_found),
        TEST(roles_have_names),
        TEST(offboarded_is_for_ever),
        TEST(who_is_disabled_can_be_offboarded_and_the_last_admin_not),
        TEST(offboarded_is_disabled_and_without_grants),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
