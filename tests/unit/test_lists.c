/* SPDX-License-Identifier: Apache-2.0 */
/* As many namespaces and principals as there may be, each as large as it may be: they are listed
 * completely. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "access_change.h"
#include "clock.h"
#include "fixture.h"

enum {
    LARGE_COUNT = 12,             /* principals with all the grants they may have */
    LATE = 1,                     /* principals added while the pages are read */
    REPLY_BYTES_MAX = 256 * 1024, /* "well under" a frame */
    HOUR_MS = 3600 * 1000,
    BEHIND_ALL = ACCESS_ROWS_MAX + 1,
};

static struct fixture fixture;
static struct caller admin;

/* As long as a name may be; they differ where they begin, so that they are quickly told apart. */
static void
name_of(unsigned number, char ret_name[static NAME_BYTES_MAX + 1])
{
    int size = snprintf(ret_name, NAME_BYTES_MAX + 1, "%06u", number);

    memset(ret_name + size, 'x', (size_t)(NAME_BYTES_MAX - size));
    ret_name[NAME_BYTES_MAX] = '\0';
}

/* Straight into the state: the log is none of this test's concern, and takes its time. */
static void
commit(enum status prepared, struct access_change *change)
{
    assert_int_equal(prepared, STATUS_OK);
    assert_int_equal(access_commit(fixture.access, &change), STATUS_OK);
}

static void
add_namespace(unsigned number)
{
    char name[NAME_BYTES_MAX + 1];
    struct access_change *change = NULL;
    const char *fault = NULL;

    name_of(number, name);
    enum status status =
        access_prepare_namespace(fixture.access, bytes_of_text(name), &change, &fault);
    commit(status, change);
}

static void
add_principal(unsigned number)
{
    char name[NAME_BYTES_MAX + 1];
    uint8_t seed[crypto_sign_SEEDBYTES] = {0};
    uint8_t public_key[PUBLIC_KEY_BYTES];
    uint8_t secret_key[crypto_sign_SECRETKEYBYTES];
    struct access_change *change = NULL;
    const char *fault = NULL;

    name_of(number, name);
    memcpy(seed, &number, sizeof number);
    assert_int_equal(crypto_sign_seed_keypair(public_key, secret_key, seed), 0);
    struct access_principal_spec spec = {.name = bytes_of_text(name),
                                         .kind = PRINCIPAL_SERVICE,
                                         .public_key = public_key,
                                         .relayed = true};
    enum status status = access_prepare_principal(fixture.access, &spec, &change, &fault);
    commit(status, change);
}

/* With everything a grant can have. */
static void
add_grant(unsigned principal, unsigned namespace)
{
    char name[NAME_BYTES_MAX + 1];
    char where[NAME_BYTES_MAX + 1];
    struct access_change *change = NULL;
    const char *fault = NULL;

    name_of(principal, name);
    name_of(namespace, where);
    struct access_grant_spec spec = {.principal = bytes_of_text(name),
                                     .role = ROLE_SERVICE,
                                     .namespace_name = bytes_of_text(where),
                                     .ends_ms = clock_vault_ms() + HOUR_MS,
                                     .daily = UINT32_MAX,
                                     .hourly = UINT32_MAX};
    enum status status = access_prepare_grant(fixture.access, &spec, &change, &fault);
    commit(status, change);
}

/* Number 1 is the admin; the next ones are large. All but the late one. Grants come first: each
 * change takes as long as there are rows. */
static int
set_up(void **state)
{
    (void)state;
    fixture_make(&fixture);
    caller_make(&admin, &fixture, PEER_ADMIN, FIXTURE_ADMIN_UID);
    assert_int_equal(caller_hello(&admin), STATUS_OK);
    for (unsigned number = 1; number <= ACCESS_GRANTS_MAX; number++) {
        add_namespace(number);
    }
    for (unsigned number = 2; number < 2 + LARGE_COUNT; number++) {
        add_principal(number);
        for (unsigned namespace = 1; namespace <= ACCESS_GRANTS_MAX; namespace ++) {
            add_grant(number, namespace);
        }
    }
    for (unsigned number = ACCESS_GRANTS_MAX + 1; number <= ACCESS_ROWS_MAX; number++) {
        add_namespace(number);
    }
    for (unsigned number = 2 + LARGE_COUNT; number <= ACCESS_ROWS_MAX - LATE; number++) {
        add_principal(number);
    }
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    caller_remove(&admin);
    fixture_remove(&fixture);
    return 0;
}

static size_t
item_count(void)
{
    const struct message_list *items = NULL;

    assert_true(message_list(admin.reply, FIELD_ITEMS, &items));
    return message_list_count(items);
}

static void
assert_item_is(size_t i, unsigned number)
{
    char name[NAME_BYTES_MAX + 1];

    name_of(number, name);
    assert_true(bytes_equal(caller_item_text(&admin, i, FIELD_NAME),
                            number == 1 ? bytes_of_text("admin") : bytes_of_text(name)));
}

static void
test_all_namespaces_are_in_one_reply(void **state)
{
    char name[NAME_BYTES_MAX + 1];

    (void)state;
    caller_begin(&admin, OP_NAMESPACE_LIST, 0);
    assert_int_equal(caller_send(&admin), STATUS_OK);
    assert_int_equal(item_count(), ACCESS_ROWS_MAX);
    for (unsigned i = 0; i < ACCESS_ROWS_MAX; i++) {
        name_of(i + 1, name);
        assert_true(bytes_equal(caller_item_text(&admin, i, FIELD_NAME), bytes_of_text(name)));
    }
    assert_in_range(admin.reply_size, ACCESS_ROWS_MAX * NAME_BYTES_MAX, FRAME_BYTES_MAX / 2);
}

/* Gives `next`. */
static uint64_t
ask_for_page(uint64_t from)
{
    uint64_t next = 0;

    caller_begin(&admin, OP_PRINCIPAL_LIST, 1);
    message_put_uint(&admin.request, FIELD_FROM, from);
    assert_int_equal(caller_send(&admin), STATUS_OK);
    assert_true(message_uint(admin.reply, FIELD_NEXT, &next));
    assert_in_range(admin.reply_size, 1, REPLY_BYTES_MAX);
    return next;
}

/* What an item holds besides its name is looked at in test_terms.c and test_matrix.c. */
static size_t
grants_of_item(size_t i)
{
    const struct message_list *items = NULL;
    const struct message_list *grants = NULL;

    assert_true(message_list(admin.reply, FIELD_ITEMS, &items));
    return message_list(message_list_message(items, i), FIELD_GRANTS, &grants)
               ? message_list_count(grants)
               : 0;
}

static void
test_the_largest_principals_fill_pages(void **state)
{
    unsigned number = 2;

    (void)state;
    while (number < 2 + LARGE_COUNT) {
        uint64_t next = ask_for_page(number);

        assert_int_equal(item_count(), next - number);
        assert_in_range(next, number + 1, BEHIND_ALL);
        for (size_t i = 0; number < next; i++, number++) {
            assert_item_is(i, number);
            assert_int_equal(grants_of_item(i), number < 2 + LARGE_COUNT ? ACCESS_GRANTS_MAX : 0);
        }
    }
    /* Ten of them are what a page plans for; were each page to hold one alone, it would be long. */
    assert_int_equal(ask_for_page(2), 12);
}

static void
test_a_page_begins_where_it_is_asked_to(void **state)
{
    (void)state;
    caller_begin(&admin, OP_PRINCIPAL_LIST, 0);
    assert_int_equal(caller_send(&admin), STATUS_OK);
    assert_item_is(0, 1);
    uint64_t next = ask_for_page(0);
    assert_item_is(0, 1);
    assert_int_equal(ask_for_page(1), next);
    assert_item_is(0, 1);
    (void)ask_for_page(3000);
    assert_item_is(0, 3000);
    assert_int_equal(ask_for_page(BEHIND_ALL - LATE - 1), BEHIND_ALL - LATE);
    assert_int_equal(item_count(), 1);
    assert_int_equal(ask_for_page(BEHIND_ALL - LATE), BEHIND_ALL - LATE);
    assert_int_equal(item_count(), 0);
    assert_true(ask_for_page(UINT64_MAX) == UINT64_MAX);
    assert_int_equal(item_count(), 0);
}

/* Last: now there are as many as there may be. */
static void
test_every_principal_is_listed_once_while_one_is_added(void **state)
{
    unsigned pages = 0;
    unsigned expected = 1;

    (void)state;
    for (uint64_t from = 1, next;; from = next) {
        next = ask_for_page(from);
        if (item_count() == 0) {
            assert_int_equal(next, from);
            break;
        }
        for (size_t i = 0; i < item_count(); i++, expected++) {
            assert_item_is(i, expected);
        }
        assert_int_equal(next, expected);
        if (++pages == 2) {
            add_principal(ACCESS_ROWS_MAX);
        }
    }
    assert_int_equal(expected, BEHIND_ALL);
    assert_in_range(pages, 8, 16);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_namespaces_are_in_one_reply),
        cmocka_unit_test(test_the_largest_principals_fill_pages),
        cmocka_unit_test(test_a_page_begins_where_it_is_asked_to),
        cmocka_unit_test(test_every_principal_is_listed_once_while_one_is_added),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
