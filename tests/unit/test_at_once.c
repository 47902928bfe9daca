/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Callers, backups, compactions, rotations, shreds, seals and the maintenance thread, all at once:
 * each is answered as it should be, tokens stay what they were, and what is left unseals. Worth
 * most under ThreadSanitizer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup_file.h"
#include "fixture.h"

enum {
    SERVICE_UID = 2001,
    CONTACTS = 400,
    TEXT_BYTES = 40,
    MS = 1000,
    LASTS_S = 10,
    TICKS = 300,
};

static struct fixture fixture;
static atomic_bool stopping;
static atomic_uint seals, served, backups, shreds, rotations;
static char texts[CONTACTS][TEXT_BYTES];
static char tokens[CONTACTS][TOKEN_TEXT_BYTES + 1];

/* Threads other than the test's own do not come back from a failed assertion. */
static void
must(bool holds, const char *what, int status)
{
    if (!holds) {
        (void)fprintf(stderr, "%s: status %d\n", what, status);
        abort();
    }
}

/* What may be answered while others seal, shred, rotate and take backups of their own. */
static bool
is_fine(const char *what, enum status status)
{
    must(status == STATUS_OK || status == STATUS_SEALED || status == STATUS_BUSY ||
             status == STATUS_CONFLICT || status == STATUS_NOT_FOUND || status == STATUS_DENIED,
         what, (int)status);
    return status == STATUS_OK;
}

static void
connect_as(struct caller *caller, enum peer_socket socket, uint32_t uid)
{
    caller_make(caller, &fixture, socket, uid);
    while (caller_hello(caller) != STATUS_OK) {
        (void)usleep(MS); /* sealed */
    }
}

/* ---- each a thread ---- */

static void *
tick_on(void *none)
{
    while (!atomic_load(&stopping)) {
        dispatch_tick(fixture.dispatch);
        (void)usleep(2 * MS);
    }
    return none;
}

static void *
seal_on(void *none)
{
    char fault[DISPATCH_FAULT_BYTES] = "";
    enum status status;

    while (!atomic_load(&stopping)) {
        (void)usleep(700 * MS);
        status = dispatch_seal(fixture.dispatch);
        must(status == STATUS_OK, "seal", (int)status);
        (void)usleep(5 * MS);
        status = dispatch_unseal(fixture.dispatch, fixture.root, fault);
        must(status == STATUS_OK, fault, (int)status);
        atomic_fetch_add(&seals, 1);
    }
    return none;
}

/* One that is known, and one that may be new. */
static void *
tokenize_on(void *none)
{
    struct caller service;
    unsigned seed = 7;

    connect_as(&service, PEER_DATA, SERVICE_UID);
    while (!atomic_load(&stopping)) {
        size_t i = (size_t)rand_r(&seed) % CONTACTS;
        const char *known[] = {texts[i]};
        char text[TEXT_BYTES];
        const char *fresh[] = {text};

        if (is_fine("tokenize", caller_values(&service, OP_TOKENIZE, known, 1, "keep", NULL))) {
            must(bytes_equal(caller_item_text(&service, 0, FIELD_TOKEN), bytes_of_text(tokens[i])),
                 "another token", 0);
            atomic_fetch_add(&served, 1);
        }
        (void)snprintf(text, sizeof text, "n%d@example.net", rand_r(&seed));
        (void)is_fine("tokenize", caller_values(&service, OP_TOKENIZE, fresh, 1, "keep", NULL));
    }
    caller_remove(&service);
    return none;
}

static bool
read_part(struct caller *admin, const uint8_t *id, enum backup_part part)
{
    uint64_t from = 0;
    bool fine = true;
    bool more = true;

    while (fine && more) {
        caller_begin(admin, OP_BACKUP_READ, 3);
        message_put_bytes(&admin->request, FIELD_BACKUP, bytes_of(id, BACKUP_ID_BYTES));
        message_put_uint(&admin->request, FIELD_KIND, part);
        message_put_uint(&admin->request, FIELD_FROM, from);
        fine = is_fine("backup_read", caller_send(admin));
        more = fine && message_uint(admin->reply, FIELD_NEXT, &from);
    }
    return fine;
}

static void
back_up(struct caller *admin)
{
    uint8_t id[BACKUP_ID_BYTES] = {0};
    struct bytes text = {0};
    bool all;

    caller_begin(admin, OP_BACKUP_BEGIN, 0);
    if (!is_fine("backup_begin", caller_send(admin))) {
        return;
    }
    must(message_bytes(admin->reply, FIELD_BACKUP, &text), "no id", 0);
    memcpy(id, text.data, sizeof id);
    all = read_part(admin, id, BACKUP_CONTENTS) && read_part(admin, id, BACKUP_KEYRING);
    caller_begin(admin, OP_BACKUP_END, all ? 2 : 1);
    message_put_bytes(&admin->request, FIELD_BACKUP, bytes_of(id, sizeof id));
    if (all) {
        message_put_bool(&admin->request, FIELD_ALL, true);
    }
    if (is_fine("backup_end", caller_send(admin)) && all) {
        atomic_fetch_add(&backups, 1);
    }
}

static void *
back_up_on(void *none)
{
    struct caller admin;

    connect_as(&admin, PEER_ADMIN, FIXTURE_ADMIN_UID);
    while (!atomic_load(&stopping)) {
        back_up(&admin);
        (void)usleep(10 * MS);
    }
    caller_remove(&admin);
    return none;
}

static void *
compact_on(void *none)
{
    struct caller admin;

    connect_as(&admin, PEER_ADMIN, FIXTURE_ADMIN_UID);
    while (!atomic_load(&stopping)) {
        uint64_t made = 0;

        caller_begin(&admin, OP_COMPACT, 0);
        if (is_fine("compact", caller_send(&admin))) {
            (void)!message_uint(admin.reply, FIELD_NUMBER, &made);
            caller_begin(&admin, OP_COMPACT, 1);
            message_put_uint(&admin.request, FIELD_NUMBER, made + 1);
            (void)is_fine("compact", caller_send(&admin));
        }
        (void)usleep(3 * MS);
    }
    caller_remove(&admin);
    return none;
}

static void
make_and_shred(struct caller *admin, struct caller *service, unsigned number)
{
    const char *values[] = {"once@example.org"};
    char name[TEXT_BYTES];

    (void)snprintf(name, sizeof name, "n%u", number);
    (void)is_fine("create", caller_namespace_create(admin, name));
    (void)is_fine("grant", caller_grant(admin, OP_GRANT, "service", ROLE_SERVICE, name));
    (void)is_fine("tokenize", caller_values(service, OP_TOKENIZE, values, 1, name, NULL));
    if (is_fine("shred", caller_name(admin, OP_NAMESPACE_SHRED, name))) {
        atomic_fetch_add(&shreds, 1);
    }
}

static void *
administer_on(void *none)
{
    struct caller admin;
    struct caller service;

    connect_as(&admin, PEER_ADMIN, FIXTURE_ADMIN_UID);
    connect_as(&service, PEER_DATA, SERVICE_UID);
    for (unsigned number = 0; !atomic_load(&stopping); number++) {
        make_and_shred(&admin, &service, number);
        caller_begin(&admin, OP_KEY_ROTATE, 2);
        message_put_uint(&admin.request, FIELD_PURPOSE,
                         number % 2 == 0 ? ROTATED_DATA : ROTATED_INDEX);
        message_put_text(&admin.request, FIELD_NAMESPACE, "keep");
        if (is_fine("key_rotate", caller_send(&admin))) {
            atomic_fetch_add(&rotations, 1);
        }
        caller_begin(&admin, OP_KEY_STATUS, 0);
        (void)is_fine("key_status", caller_send(&admin));
        (void)usleep(80 * MS);
    }
    caller_remove(&service);
    caller_remove(&admin);
    return none;
}

/* ---- the test ---- */

static void
make_vault(void)
{
    const char *values[CONTACTS];
    const uint8_t public_key[PUBLIC_KEY_BYTES] = {9}; /* X25519's base point is one */
    struct caller admin;
    struct caller service;

    fixture_make(&fixture);
    connect_as(&admin, PEER_ADMIN, FIXTURE_ADMIN_UID);
    assert_int_equal(caller_namespace_create(&admin, "keep"), STATUS_OK);
    assert_int_equal(caller_principal_add(&admin, "service", PRINCIPAL_SERVICE, SERVICE_UID),
                     STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, "service", ROLE_SERVICE, "keep"), STATUS_OK);
    caller_begin(&admin, OP_RECIPIENT_ADD, 2);
    message_put_text(&admin.request, FIELD_NAME, "safe");
    message_put_bytes(&admin.request, FIELD_PUBLIC_KEY, bytes_of(public_key, sizeof public_key));
    assert_int_equal(caller_send(&admin), STATUS_OK);
    connect_as(&service, PEER_DATA, SERVICE_UID);
    for (size_t i = 0; i < CONTACTS; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "c%zu@example.com", i);
        values[i] = texts[i];
    }
    assert_int_equal(caller_values(&service, OP_TOKENIZE, values, CONTACTS, "keep", NULL),
                     STATUS_OK);
    for (size_t i = 0; i < CONTACTS; i++) {
        memcpy(tokens[i], caller_item_text(&service, i, FIELD_TOKEN).data, TOKEN_TEXT_BYTES);
    }
    caller_remove(&service);
    caller_remove(&admin);
}

/* The log vouches for the rules, the store for the log, and every contact is found again. */
static void
check_what_is_left(void)
{
    struct caller service;

    fixture_close(&fixture);
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    for (int i = 0; i < TICKS; i++) {
        dispatch_tick(fixture.dispatch);
    }
    connect_as(&service, PEER_DATA, SERVICE_UID);
    for (size_t i = 0; i < CONTACTS; i++) {
        const char *values[] = {texts[i]};

        assert_int_equal(caller_values(&service, OP_LOOKUP, values, 1, "keep", NULL), STATUS_OK);
        assert_true(
            bytes_equal(caller_item_text(&service, 0, FIELD_TOKEN), bytes_of_text(tokens[i])));
    }
    caller_remove(&service);
    fixture_close(&fixture);
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
}

static void
all_at_once(void **state)
{
    void *(*const runs[])(void *) = {tick_on,    seal_on,    tokenize_on,  tokenize_on,
                                     back_up_on, compact_on, administer_on};
    enum { RUNS = sizeof runs / sizeof *runs };
    pthread_t threads[RUNS];

    (void)state;
    make_vault();
    for (int i = 0; i < RUNS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, runs[i], NULL), 0);
    }
    (void)sleep(LASTS_S);
    atomic_store(&stopping, true);
    for (int i = 0; i < RUNS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    assert_true(atomic_load(&seals) > 0 && atomic_load(&served) > 0);
    assert_true(atomic_load(&backups) > 0 && atomic_load(&shreds) > 0);
    assert_true(atomic_load(&rotations) > 0 && vault_compactions(fixture.vault) > 0);
    check_what_is_left();
    fixture_remove(&fixture);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_at_once)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
