/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Restores from outside: what a backup and a newer log make of a vault. Owns SECURITY.md S32 "what
 * was erased, disabled, revoked or frozen since is so again", "budgets start spent", "the log
 * vouches for its rules, and each record opens and has its rows"; S42 and S52, through a restore.
 */
#include "restore.h"

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
#include <unistd.h>

#include "audit_build.h"
#include "audit_entry.h"
#include "backup.h"
#include "backup_contents.h"
#include "backup_made.h"
#include "fixture.h"
#include "secret.h"
#include "slot.h"

enum {
    SERVICE_UID = 2001,
    PERSON_UID,
    OTHER_UID,
    LATER_UID,
    CLERK_UID,
    ANNA_UID,
    BERTA_UID,
    CARLA_UID,
    CONTACTS = 30,
    TICKS_MAX = 500,
    PATHS = FIXTURE_PATH_BYTES,
};

static struct fixture before, after;
static struct caller admin, service, person, clerk;
static char tokens[CONTACTS][64];
static struct secret *recipient;
static char contents[PATHS], keyring[PATHS], newer[PATHS];
static volatile sig_atomic_t stop;
static const char *checkpoints; /* kept elsewhere; NULL: nowhere */
static struct restore_report report;

/* ---- a vault, and what happens in it ---- */

static void
copy_folder(const char *from, const char *to)
{
    char command[4 * PATHS];

    (void)snprintf(command, sizeof command, "cp -r '%s' '%s'", from, to);
    assert_int_equal(system(command), 0);
}

static void
remove_folder(const char *path)
{
    char command[4 * PATHS];

    (void)snprintf(command, sizeof command, "rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
}

static void
hello(struct caller *caller, struct fixture *fixture, uint32_t uid)
{
    caller_make(caller, fixture, uid == FIXTURE_ADMIN_UID ? PEER_ADMIN : PEER_DATA, uid);
    assert_int_equal(caller_hello(caller), STATUS_OK);
}

static void
add(const char *name, enum principal_kind kind, uint32_t uid, enum role role)
{
    assert_int_equal(caller_principal_add(&admin, name, kind, uid), STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, name, role, "brand"), STATUS_OK);
}

static void
tokenize_all(void)
{
    char text[CONTACTS][32];
    const char *values[CONTACTS];

    for (int i = 0; i < CONTACTS; i++) {
        (void)snprintf(text[i], sizeof text[i], "lead%d@example.com", i);
        values[i] = text[i];
    }
    assert_int_equal(caller_values(&service, OP_TOKENIZE, values, CONTACTS, NULL, NULL), STATUS_OK);
    for (size_t i = 0; i < CONTACTS; i++) {
        struct bytes token = caller_item_text(&service, i, FIELD_TOKEN);

        assert_true(token.size < sizeof tokens[i]);
        memcpy(tokens[i], token.data, token.size);
        tokens[i][token.size] = '\0';
    }
}

static int
set_up(void **state)
{
    uint8_t public_key[BACKUP_KEY_BYTES];

    (void)state;
    fixture_make(&before);
    hello(&admin, &before, FIXTURE_ADMIN_UID);
    assert_int_equal(caller_namespace_create(&admin, "brand"), STATUS_OK);
    add("service", PRINCIPAL_SERVICE, SERVICE_UID, ROLE_SERVICE);
    add("deliverer", PRINCIPAL_SERVICE, PERSON_UID, ROLE_DELIVER);
    add("clerk", PRINCIPAL_PERSON, CLERK_UID, ROLE_PRIVACY);
    assert_int_equal(caller_principal_add(&admin, "second", PRINCIPAL_SERVICE, OTHER_UID),
                     STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, "second", ROLE_ADMIN, NULL), STATUS_OK);
    hello(&service, &before, SERVICE_UID);
    hello(&person, &before, PERSON_UID);
    hello(&clerk, &before, CLERK_UID);
    tokenize_all();
    recipient = made_key(1, public_key);
    fixture_path(&before, "backup", contents);
    fixture_path(&before, "backup.keyring", keyring);
    fixture_path(&before, "newer", newer);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    caller_remove(&clerk);
    caller_remove(&person);
    caller_remove(&service);
    caller_remove(&admin);
    secret_free(&recipient);
    if (after.folder[0] != '\0') {
        fixture_close(&after);
        remove_folder(after.folder);
    }
    after = (struct fixture){0};
    checkpoints = NULL;
    stop = 0;
    fixture_remove(&before);
    return 0;
}

/* ---- a backup of it ---- */

static void
take_part(const uint8_t *id, enum backup_part part, const char *path)
{
    static uint8_t piece[BACKUP_PIECE_BYTES_MAX];
    struct backup_piece taken = {0};
    FILE *file = fopen(path, "we");
    uint64_t from = 0;

    assert_non_null(file);
    while (!taken.last) {
        assert_int_equal(backup_take(before.backup, id, part, from, piece, &taken), STATUS_OK);
        assert_int_equal(fwrite(piece, 1, taken.size, file), taken.size);
        from += taken.size;
    }
    assert_int_equal(fclose(file), 0);
}

static void
back_up(const char *contents_path, const char *keyring_path)
{
    struct backup_head head = {.recipients = 1};
    struct backup_begun begun;
    struct secret *key = made_key(1, head.recipient[0]);

    secret_free(&key);
    assert_int_equal(backup_begin(before.backup, &head, &begun), STATUS_OK);
    take_part(begun.id, BACKUP_CONTENTS, contents_path);
    take_part(begun.id, BACKUP_KEYRING, keyring_path);
    assert_true(backup_end(before.backup, begun.id));
}

/* As every minute, and after each change of the rules. */
static void
sign_log(void)
{
    const struct audit_entry checkpoint = {
        .operation = AUDIT_ACT_CHECKPOINT, .phase = AUDIT_DONE, .has_checkpoint = true};
    struct audit_entry entry = checkpoint;

    assert_int_equal(audit_record(before.audit, &entry, 1, AUDIT_RESERVE_NONE), STATUS_OK);
}

/* The machine is gone; of its log there is a copy. */
static void
lose_machine(void)
{
    char audit[PATHS];

    fixture_path(&before, "audit", audit);
    copy_folder(audit, newer);
}

/* The same by somebody who may write to that copy and has no key: it goes on with what he wants.
 * An outcome that refers to nothing refers to the entry before it. */
static void
lose_machine_and_forge(struct audit_entry *forged, size_t count)
{
    char audit[PATHS], place[AUDIT_PLACE_BYTES];
    struct audit_build *build = NULL;
    struct audit_built built;
    uint8_t bytes[AUDIT_ENTRY_BYTES_MAX];

    fixture_path(&before, "audit", audit);
    assert_int_equal(mkdir(newer, 0700), 0);
    assert_int_equal(audit_build_new(newer, keyring_vault_id(before.keyring), &build), STATUS_OK);
    assert_int_equal(audit_build_copy(build, audit, place), STATUS_OK);
    for (size_t i = 0; i < count; i++) {
        struct audit_link link;

        audit_build_look(build, &built);
        link = (struct audit_link){.sequence = built.last + 1, .time_ms = built.time_ms};
        memcpy(link.previous, built.digest, sizeof link.previous);
        if (forged[i].phase == AUDIT_OUTCOME && forged[i].refers == 0) {
            forged[i].refers = built.last;
        }
        (void)audit_entry_encode(&forged[i], 0, bytes);
        audit_entry_put_link(&link, bytes);
        if (audit_build_entry(build, bytes_of(bytes, audit_entry_size(&forged[i], 0))) !=
            STATUS_OK) {
            fail_msg("%s", audit_build_fault(build));
        }
    }
    assert_int_equal(audit_build_end(build), STATUS_OK);
    audit_build_free(&build);
}

static void
write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* The newest one, as the second place has it. */
static void
keep_checkpoint(const char *path)
{
    char audit[PATHS], folder[PATHS], place[AUDIT_PLACE_BYTES];
    char line[AUDIT_CHECKPOINT_LINE_MAX + 1];
    struct audit_build *build = NULL;
    struct audit_built built;

    fixture_path(&before, "audit", audit);
    fixture_path(&before, "looked_at", folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(audit_build_new(folder, keyring_vault_id(before.keyring), &build), STATUS_OK);
    assert_int_equal(audit_build_copy(build, audit, place), STATUS_OK);
    audit_build_look(build, &built);
    line[audit_checkpoint_print(&built.newest, line)] = '\0';
    write_text(path, line);
    audit_build_free(&build);
}

/* An act that an admin's change of the rules leaves in the log: intent and outcome. */
static void
forge_act(struct audit_entry *ret_two, uint32_t operation, const char *subject, uint64_t amount)
{
    ret_two[0] = (struct audit_entry){.operation = operation,
                                      .phase = AUDIT_INTENT,
                                      .principal = bytes_of_text("admin"),
                                      .subject = bytes_of_text(subject),
                                      .amount = amount,
                                      .has_access_tag = true};
    ret_two[1] = ret_two[0];
    ret_two[1].phase = AUDIT_OUTCOME;
}

/* ---- a vault out of it ---- */

static bool accepts_damaged;

static enum status
restore(const char *log, bool accept)
{
    char store[PATHS], audit[PATHS], key[PATHS];
    struct restore_request request = {.contents = contents,
                                      .keyring = keyring,
                                      .recipient = recipient,
                                      .root = before.root,
                                      .newer_log = log,
                                      .checkpoints = checkpoints,
                                      .stop = &stop,
                                      .accept_lost = accept,
                                      .accept_damaged = accepts_damaged,
                                      .map_bytes = 1 << 28};

    after = before;
    (void)snprintf(after.folder, sizeof after.folder, "%.200s.after", before.folder);
    after.keyring = NULL;
    fixture_path(&after, "store", store);
    fixture_path(&after, "audit", audit);
    fixture_path(&after, "keyring", key);
    remove_folder(after.folder);
    assert_int_equal(mkdir(after.folder, 0700), 0);
    assert_int_equal(mkdir(store, 0700), 0);
    assert_int_equal(mkdir(audit, 0700), 0);
    request.store_folder = store;
    request.audit_folder = audit;
    request.keyring_path = key;
    return restore_build(&request, &report);
}

/* Restored, opened as at every start, and asked by the same people. */
static void
restore_and_open(const char *log)
{
    if (restore(log, log == NULL) != STATUS_OK) {
        fail_msg("%s: %s", report.fault_name, report.fault);
    }
    after.dispatch = NULL;
    after.defaults = before.defaults;
    if (fixture_open(&after) != STATUS_OK) {
        fail_msg("%s", after.fault);
    }
    caller_remove(&clerk);
    caller_remove(&person);
    caller_remove(&service);
    caller_remove(&admin);
    caller_make(&admin, &after, PEER_ADMIN, FIXTURE_ADMIN_UID);
    /* Who counts no more where there is an enrolled one. */
    assert_int_equal(caller_hello(&admin),
                     access_has_enrolled_admin(after.access) ? STATUS_UNAUTHENTICATED : STATUS_OK);
    hello(&service, &after, SERVICE_UID);
    caller_make(&person, &after, PEER_DATA, PERSON_UID);
    caller_make(&clerk, &after, PEER_DATA, CLERK_UID);
}

static void
expect_refused(const char *log, const char *name, const char *text)
{
    enum status status = restore(log, log == NULL);

    assert_int_not_equal(status, STATUS_OK);
    if (strcmp(report.fault_name, name) != 0 || strstr(report.fault, text) == NULL) {
        fail_msg("%s: %s", report.fault_name, report.fault);
    }
    remove_folder(after.folder);
    after.folder[0] = '\0';
}

static enum status
reveal(int i)
{
    const char *value = tokens[i];
    enum status status = caller_values(&person, OP_DETOKENIZE, &value, 1, NULL, "because");

    return status == STATUS_OK ? caller_item_status(&person, 0) : status;
}

static enum status
erase(int i)
{
    const char *value = tokens[i];
    enum status status = caller_values(&clerk, OP_ERASE, &value, 1, NULL, "gone");

    return status == STATUS_OK ? caller_item_status(&clerk, 0) : status;
}

/* ---- tests ---- */

static void
everything_of_before_is_there(void **state)
{
    (void)state;
    assert_int_equal(erase(3), STATUS_OK);
    back_up(contents, keyring);
    lose_machine();
    restore_and_open(newer);
    assert_int_equal(report.contacts, CONTACTS - 1);
    assert_int_equal(report.namespaces, 1);
    assert_int_equal(report.principals, 5);
    assert_int_equal(report.erased + report.disabled + report.revoked, 0);
    assert_int_equal(caller_hello(&person), STATUS_OK);
    for (int i = 0; i < CONTACTS; i++) {
        assert_int_equal(reveal(i), i == 3 ? STATUS_NOT_FOUND : STATUS_OK);
    }
    /* Another instance, which goes on as every vault does. */
    assert_memory_not_equal(vault_instance_id(after.vault), vault_instance_id(before.vault),
                            INSTANCE_ID_BYTES);
    caller_remove(&person);
    caller_make(&person, &after, PEER_DATA, PERSON_UID);
    fixture_close(&after);
    assert_int_equal(fixture_open(&after), STATUS_OK);
}

static void
what_was_taken_away_since_is_away(void **state)
{
    uint8_t public_key[BACKUP_KEY_BYTES];
    struct secret *lawyer = made_key(3, public_key);

    (void)state;
    secret_free(&lawyer);
    caller_begin(&admin, OP_RECIPIENT_ADD, 2);
    message_put_text(&admin.request, FIELD_NAME, "lawyer");
    message_put_bytes(&admin.request, FIELD_PUBLIC_KEY, bytes_of(public_key, sizeof public_key));
    assert_int_equal(caller_send(&admin), STATUS_OK);
    back_up(contents, keyring);
    assert_int_equal(erase(7), STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_REVOKE, "service", ROLE_SERVICE, "brand"), STATUS_OK);
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_DISABLE, "deliverer"), STATUS_OK);
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_DISABLE, "clerk"), STATUS_OK);
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_ENABLE, "clerk"), STATUS_OK);
    assert_int_equal(caller_freeze(&admin, true), STATUS_OK);
    assert_int_equal(caller_unfreeze(&admin), STATUS_OK);
    assert_int_equal(caller_freeze(&admin, false), STATUS_OK);
    assert_int_equal(caller_name(&admin, OP_RECIPIENT_REMOVE, "lawyer"), STATUS_OK);
    sign_log();
    lose_machine();
    restore_and_open(newer);
    assert_int_equal(report.erased, 1);
    assert_int_equal(report.revoked, 2); /* the grant, and the recipient */
    assert_int_equal(report.disabled, 1);
    assert_true(report.frozen);
    assert_int_equal(access_frozen(after.access), FREEZE_PEOPLE);
    assert_int_equal(caller_hello(&person), STATUS_UNAUTHENTICATED);
    assert_int_equal(caller_hello(&clerk), STATUS_OK);
    assert_int_equal(erase(7), STATUS_NOT_FOUND);
    assert_int_equal(erase(8), STATUS_OK);
}

/* For ever in the restored vault, too; and not where there would be no admin left. */
static void
who_was_offboarded_since_is_offboarded(void **state)
{
    (void)state;
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_OFFBOARD, "clerk"), STATUS_OK);
    back_up(contents, keyring);
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_OFFBOARD, "deliverer"), STATUS_OK);
    lose_machine();
    restore_and_open(newer);
    assert_int_equal(report.disabled, 1);
    assert_int_equal(report.admins_kept, 0);
    assert_int_equal(caller_hello(&person), STATUS_UNAUTHENTICATED);
    assert_int_equal(caller_hello(&clerk), STATUS_UNAUTHENTICATED);
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_ENABLE, "deliverer"), STATUS_CONFLICT);
    assert_true(access_by_name(after.access, bytes_of_text("deliverer"))->offboarded);
    assert_int_equal(access_by_name(after.access, bytes_of_text("deliverer"))->grant_count, 0);
}

/* What stands behind the newest checkpoint anybody can have written there: it takes away, and gives
 * nothing back. */
static void
a_forged_end_gives_nothing_back(void **state)
{
    struct audit_entry forged[4];

    (void)state;
    back_up(contents, keyring);
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_DISABLE, "deliverer"), STATUS_OK);
    assert_int_equal(caller_freeze(&admin, false), STATUS_OK);
    sign_log();
    forge_act(&forged[0], OP_PRINCIPAL_ENABLE, "deliverer", 0);
    forge_act(&forged[2], OP_UNFREEZE, "", 0);
    lose_machine_and_forge(forged, 4);
    restore_and_open(newer);
    assert_int_equal(report.disabled, 1);
    assert_true(report.frozen);
    assert_int_equal(caller_hello(&person), STATUS_UNAUTHENTICATED);
    assert_int_equal(access_frozen(after.access), FREEZE_PEOPLE);
}

/* Nor can it say of what was done that it was not. */
static void
a_forged_outcome_undoes_nothing(void **state)
{
    struct audit_entry forged = {.operation = OP_PRINCIPAL_DISABLE,
                                 .phase = AUDIT_OUTCOME,
                                 .result = STATUS_UNAVAILABLE,
                                 .principal = bytes_of_text("admin"),
                                 .subject = bytes_of_text("deliverer")};

    (void)state;
    back_up(contents, keyring);
    forged.refers = audit_last(before.audit) + 1;
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_DISABLE, "deliverer"), STATUS_OK);
    sign_log();
    lose_machine_and_forge(&forged, 1);
    restore_and_open(newer);
    assert_int_equal(report.disabled, 1);
    assert_int_equal(caller_hello(&person), STATUS_UNAUTHENTICATED);
}

static void
a_namespace_that_was_shredded_since_is_shredded(void **state)
{
    const struct namespace_row *row;

    (void)state;
    back_up(contents, keyring);
    assert_int_equal(caller_name(&admin, OP_NAMESPACE_SHRED, "brand"), STATUS_OK);
    lose_machine();
    restore_and_open(newer);
    assert_int_equal(report.shredded, 1);
    row = access_namespace(after.access, bytes_of_text("brand"));
    assert_true(row->shredded);
    assert_false(keyring_has(after.keyring, (struct key_name){KEY_DATA, row->id, 1}));
    assert_int_equal(caller_hello(&person), STATUS_OK);
    assert_int_not_equal(reveal(1), STATUS_OK);
}

/* Before anybody starts what was restored: a start would destroy them, and so would hide it. */
static void
keys_of_a_shredded_namespace_are_gone_from_the_restored_keyring(void **state)
{
    struct keyring *restored = NULL;
    char path[PATHS];

    (void)state;
    back_up(contents, keyring);
    assert_int_equal(caller_name(&admin, OP_NAMESPACE_SHRED, "brand"), STATUS_OK);
    lose_machine();
    assert_int_equal(restore(newer, false), STATUS_OK);
    fixture_path(&after, "keyring", path);
    assert_int_equal(keyring_open(path, &restored), STATUS_OK);
    assert_int_equal(keyring_unseal(restored, before.root), STATUS_OK);
    assert_false(keyring_has(restored, (struct key_name){KEY_DATA, 1, 1}));
    assert_false(keyring_has(restored, (struct key_name){KEY_INDEX, 1, 1}));
    keyring_close(&restored);
    remove_folder(after.folder);
    after.folder[0] = '\0';
}

/* The machine was lost between intent and outcome: somebody wanted it. */
static void
an_erasure_that_was_only_begun_is_done(void **state)
{
    struct audit_entry begun = {.operation = OP_ERASE,
                                .phase = AUDIT_INTENT,
                                .principal = bytes_of_text("clerk"),
                                .namespace_name = bytes_of_text("brand")};
    enum contact_kind kind;
    struct token token;

    (void)state;
    back_up(contents, keyring);
    assert_int_equal(token_parse(bytes_of_text(tokens[5]), &kind, &token), STATUS_OK);
    begun.token_kind = (uint8_t)kind;
    memcpy(begun.token, token.bytes, sizeof begun.token);
    lose_machine_and_forge(&begun, 1);
    restore_and_open(newer);
    assert_int_equal(report.erased, 1);
    assert_int_equal(caller_hello(&person), STATUS_OK);
    assert_int_equal(reveal(5), STATUS_NOT_FOUND);
    assert_int_equal(reveal(6), STATUS_OK);
}

static void
set_retention(uint64_t months)
{
    caller_begin(&admin, OP_NAMESPACE_SET, 2);
    message_put_text(&admin.request, FIELD_NAME, "brand");
    message_put_uint(&admin.request, FIELD_RETAIN_MONTHS, months);
    assert_int_equal(caller_send(&admin), STATUS_OK);
}

/* As it was last; what nobody signed would let contacts go too early. */
static void
retention_is_as_it_was_last(void **state)
{
    struct audit_entry forged[2];

    (void)state;
    set_retention(36);
    back_up(contents, keyring);
    set_retention(12);
    set_retention(24);
    sign_log();
    forge_act(forged, OP_NAMESPACE_SET, "", 1);
    forged[0].namespace_name = forged[1].namespace_name = bytes_of_text("brand");
    lose_machine_and_forge(forged, 2);
    restore_and_open(newer);
    assert_int_equal(access_namespace(after.access, bytes_of_text("brand"))->retain_months, 24);
}

static void
what_was_given_since_is_counted_and_not_given(void **state)
{
    const struct caller_terms less = {.daily = 5};
    const struct caller_terms import = {.lasts_s = 3600, .daily = 1000000};

    (void)state;
    back_up(contents, keyring);
    assert_int_equal(caller_namespace_create(&admin, "later"), STATUS_OK);
    add("latecomer", PRINCIPAL_SERVICE, LATER_UID, ROLE_SERVICE);
    assert_int_equal(caller_grant_on_terms(&admin, "service", ROLE_SERVICE, "brand", &import),
                     STATUS_OK);
    assert_int_equal(caller_grant_on_terms(&admin, "deliverer", ROLE_DELIVER, "brand", &less),
                     STATUS_OK);
    lose_machine();
    restore_and_open(newer);
    assert_int_equal(report.principals_lost, 1);
    assert_int_equal(report.namespaces_lost, 1);
    assert_int_equal(report.grants_lost, 3);
    /* The one that ends stood beside the backup's; the smaller one took the backup's place. */
    assert_int_equal(report.revoked, 1);
    assert_int_equal(caller_hello(&person), STATUS_OK);
    assert_int_equal(reveal(1), STATUS_DENIED);
    tokenize_all();
}

static void
the_last_admin_stays(void **state)
{
    (void)state;
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_DISABLE, "second"), STATUS_OK);
    back_up(contents, keyring);
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_ENABLE, "second"), STATUS_OK);
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_DISABLE, "admin"), STATUS_OK);
    lose_machine();
    restore_and_open(newer);
    assert_int_equal(report.admins_kept, 1);
    assert_int_equal(report.disabled, 0);
}

/* ---- two people ---- */

static struct caller anna;

static void
add_admin(struct caller *by, struct caller *ret_admin, const char *name, uint32_t uid)
{
    assert_int_equal(caller_principal_add(by, name, PRINCIPAL_PERSON, uid), STATUS_OK);
    assert_int_equal(caller_grant(by, OP_GRANT, name, ROLE_ADMIN, NULL), STATUS_OK);
    caller_make(ret_admin, &before, PEER_ADMIN, uid);
    assert_int_equal(caller_hello(ret_admin), STATUS_OK);
}

/* Two who count; "second" does not, being a service. */
static void
add_two_admins(struct caller *berta)
{
    add_admin(&admin, &anna, "anna", ANNA_UID);
    add_admin(&anna, berta, "berta", BERTA_UID);
}

static void
approve(struct caller *by, struct caller *of)
{
    assert_int_equal(caller_decide(by, OP_APPROVE, caller_request_number(of)), STATUS_OK);
}

static void
what_waited_was_not_done(void **state)
{
    struct caller berta;

    (void)state;
    add_two_admins(&berta);
    back_up(contents, keyring);
    assert_int_equal(caller_name(&anna, OP_NAMESPACE_SHRED, "brand"), STATUS_PENDING);
    assert_int_equal(caller_name(&anna, OP_PRINCIPAL_DISABLE, "second"), STATUS_PENDING);
    lose_machine();
    restore_and_open(newer);
    assert_int_equal(report.shredded, 0);
    assert_int_equal(report.disabled, 0);
    assert_false(report.approvals_off);
    /* And the rule came with the backup. */
    assert_true(access_approvals_in_force(after.access));
    assert_false(access_has_new_pair(after.access));
    caller_remove(&berta);
    caller_remove(&anna);
}

static void
what_was_approved_since_is_done_again(void **state)
{
    struct caller berta;
    struct caller_key key;

    (void)state;
    add_two_admins(&berta);
    (void)crypto_sign_keypair(key.public_key, key.secret_key);
    back_up(contents, keyring);
    assert_int_equal(caller_name(&anna, OP_PRINCIPAL_DISABLE, "second"), STATUS_PENDING);
    approve(&berta, &anna);
    /* The old key is the backup's: whoever has it shall not be let in. */
    caller_begin(&anna, OP_PRINCIPAL_SET_KEY, 2);
    message_put_text(&anna.request, FIELD_NAME, "deliverer");
    message_put_bytes(&anna.request, FIELD_PUBLIC_KEY, bytes_of(key.public_key, PUBLIC_KEY_BYTES));
    assert_int_equal(caller_send(&anna), STATUS_PENDING);
    approve(&berta, &anna);
    assert_int_equal(caller_approvals(&anna, APPROVALS_NEVER), STATUS_PENDING);
    approve(&berta, &anna);
    lose_machine();
    restore_and_open(newer);
    assert_int_equal(report.disabled, 2);
    assert_int_equal(caller_hello(&person), STATUS_UNAUTHENTICATED);
    /* Looser than it was is not done again. */
    assert_int_equal(access_approvals(after.access), APPROVALS_AUTO);
    caller_remove(&berta);
    caller_remove(&anna);
}

/* Her old key and phone are the backup's. */
static void
who_enrolled_anew_since_is_disabled(void **state)
{
    struct audit_entry enrolment = {.operation = OP_ENROL_CONFIRM,
                                    .phase = AUDIT_INTENT,
                                    .principal = bytes_of_text("clerk"),
                                    .has_access_tag = true};

    (void)state;
    back_up(contents, keyring);
    assert_int_equal(audit_record(before.audit, &enrolment, 1, AUDIT_RESERVE_NONE), STATUS_OK);
    lose_machine();
    restore_and_open(newer);
    assert_int_equal(report.disabled, 1);
    assert_true(access_by_name(after.access, bytes_of_text("clerk"))->disabled);
}

/* What let her in since is used up in what is restored, too. */
static void
what_let_in_since_lets_in_no_more(void **state)
{
    struct audit_entry login = {
        .operation = OP_LOGIN, .phase = AUDIT_INTENT, .principal = bytes_of_text("clerk")};
    const uint64_t step = 1ULL << 40;
    const struct principal *row;

    (void)state;
    back_up(contents, keyring);
    login.amount = step;
    assert_int_equal(audit_record(before.audit, &login, 1, AUDIT_RESERVE_NONE), STATUS_OK);
    login.subject = bytes_of_text("recovery");
    login.amount = RECOVERY_CODES;
    assert_int_equal(audit_record(before.audit, &login, 1, AUDIT_RESERVE_NONE), STATUS_OK);
    lose_machine();
    restore_and_open(newer);
    row = access_by_name(after.access, bytes_of_text("clerk"));
    assert_false(row->disabled);
    assert_int_equal(row->factor.used_step, step);
    assert_int_equal(access_recovery_left(row), RECOVERY_CODES - 1);
    assert_true(sodium_is_zero(row->factor.recovery[RECOVERY_CODES - 1], CODE_DIGEST_BYTES));
}

/* Whoever saw it used, and has her key, shall not be let in by it again. */
static void
a_recovery_code_that_was_used_since_is_used_up(void **state)
{
    struct person *her = people_find(&before, CLERK_UID);
    struct caller caller;
    const struct principal *restored;

    (void)state;
    caller_make(&caller, &before, PEER_DATA, CLERK_UID);
    assert_int_equal(people_log_in_with(&caller, her, her->recovery[0]), STATUS_OK);
    back_up(contents, keyring);
    assert_int_equal(people_log_in_with(&caller, her, her->recovery[5]), STATUS_OK);
    caller_remove(&caller);
    lose_machine();
    restore_and_open(newer);
    restored = access_by_name(after.access, bytes_of_text("clerk"));
    assert_int_equal(access_recovery_left(restored), RECOVERY_CODES - 2);
    assert_true(sodium_is_zero(restored->factor.recovery[5], sizeof restored->factor.recovery[5]));
    assert_false(restored->disabled);
}

static void
approvals_are_as_strict_as_they_were_last(void **state)
{
    struct caller berta;

    (void)state;
    assert_int_equal(caller_approvals(&admin, APPROVALS_NEVER), STATUS_OK);
    add_two_admins(&berta);
    back_up(contents, keyring);
    assert_int_equal(caller_approvals(&anna, APPROVALS_ALWAYS), STATUS_OK);
    lose_machine();
    restore_and_open(newer);
    assert_int_equal(access_approvals(after.access), APPROVALS_ALWAYS);
    caller_remove(&berta);
    caller_remove(&anna);
}

/* The third, who made that possible, is not there. */
static void
one_admin_who_is_left_is_not_locked_out(void **state)
{
    struct caller berta, carla;

    (void)state;
    add_two_admins(&berta);
    back_up(contents, keyring);
    assert_int_equal(caller_principal_add(&anna, "carla", PRINCIPAL_PERSON, CARLA_UID), STATUS_OK);
    assert_int_equal(caller_grant(&anna, OP_GRANT, "carla", ROLE_ADMIN, NULL), STATUS_PENDING);
    approve(&berta, &anna);
    caller_make(&carla, &before, PEER_ADMIN, CARLA_UID);
    assert_int_equal(caller_hello(&carla), STATUS_OK);
    assert_int_equal(caller_name(&anna, OP_PRINCIPAL_DISABLE, "berta"), STATUS_PENDING);
    approve(&carla, &anna);
    lose_machine();
    restore_and_open(newer);
    assert_int_equal(report.disabled, 1);
    assert_int_equal(access_approver_count(after.access), 1);
    assert_true(report.approvals_off);
    assert_false(access_approvals_in_force(after.access));
    caller_remove(&carla);
    caller_remove(&berta);
    caller_remove(&anna);
}

/* Of which the lost machine's log does not say what became. */
static void
what_was_under_way_when_the_machine_was_lost_is_done(void **state)
{
    struct audit_entry intents[] = {
        {.operation = OP_ERASE, .phase = AUDIT_INTENT, .principal = bytes_of_text("clerk")},
        {.operation = OP_PRINCIPAL_DISABLE,
         .phase = AUDIT_INTENT,
         .principal = bytes_of_text("admin"),
         .subject = bytes_of_text("deliverer"),
         .has_access_tag = true},
    };
    enum contact_kind kind;
    struct token token;

    (void)state;
    back_up(contents, keyring);
    assert_int_equal(token_parse(bytes_of_text(tokens[9]), &kind, &token), STATUS_OK);
    intents[0].token_kind = (uint8_t)kind;
    memcpy(intents[0].token, token.bytes, TOKEN_BYTES);
    assert_int_equal(audit_record(before.audit, intents, 2, AUDIT_RESERVE_NONE), STATUS_OK);
    lose_machine();
    restore_and_open(newer);
    assert_int_equal(report.erased, 1);
    assert_int_equal(report.disabled, 1);
    assert_int_equal(caller_hello(&clerk), STATUS_OK);
    assert_int_equal(erase(9), STATUS_NOT_FOUND);
    assert_int_equal(caller_hello(&person), STATUS_UNAUTHENTICATED);
    /* Each has its outcome now. */
    fixture_close(&after);
    assert_int_equal(fixture_open(&after), STATUS_OK);
}

static void
rotate(enum rotated_key purpose)
{
    caller_begin(&admin, OP_KEY_ROTATE, 2);
    message_put_uint(&admin.request, FIELD_PURPOSE, purpose);
    message_put_text(&admin.request, FIELD_NAMESPACE, "brand");
    assert_int_equal(caller_send(&admin), STATUS_OK);
}

/* Two keys of each purpose in the backup; the job goes on by itself, and ends. */
static void
a_rotation_that_was_under_way_goes_on(void **state)
{
    const struct key_name old[] = {{KEY_DATA, 1, 1}, {KEY_INDEX, 1, 1}};
    const char *value = "between@example.com";
    int ticks = 0;

    (void)state;
    rotate(ROTATED_DATA);
    rotate(ROTATED_INDEX);
    assert_int_equal(caller_values(&service, OP_TOKENIZE, &value, 1, NULL, NULL), STATUS_OK);
    back_up(contents, keyring);
    lose_machine();
    restore_and_open(newer);
    assert_int_equal(report.contacts, CONTACTS + 1);
    assert_true(keyring_has(after.keyring, old[0]) && keyring_has(after.keyring, old[1]));
    while ((keyring_has(after.keyring, old[0]) || keyring_has(after.keyring, old[1])) &&
           ticks++ < TICKS_MAX) {
        dispatch_tick(after.dispatch);
    }
    assert_true(ticks < TICKS_MAX);
    assert_int_equal(caller_hello(&person), STATUS_OK);
    assert_int_equal(reveal(1), STATUS_OK);
}

/* What the log says was revealed counts on; by people whom the vault does not know any more, too.
 */
static void
the_budget_goes_on(void **state)
{
    const struct caller_terms few = {.daily = 4};

    (void)state;
    assert_int_equal(caller_grant_on_terms(&admin, "deliverer", ROLE_DELIVER, "brand", &few),
                     STATUS_OK);
    assert_int_equal(reveal(0), STATUS_OK);
    back_up(contents, keyring);
    add("latecomer", PRINCIPAL_SERVICE, LATER_UID, ROLE_DELIVER);
    assert_int_equal(reveal(1), STATUS_OK);
    assert_int_equal(reveal(2), STATUS_OK);
    caller_remove(&person);
    hello(&person, &before, LATER_UID);
    assert_int_equal(reveal(3), STATUS_OK);
    lose_machine();
    restore_and_open(newer);
    assert_int_equal(caller_hello(&person), STATUS_OK);
    assert_int_equal(reveal(4), STATUS_OK);
    assert_int_equal(reveal(5), STATUS_QUOTA);
}

static void
without_the_log_every_budget_is_spent(void **state)
{
    const struct caller_terms more = {.daily = 2000000, .hourly = 2000000};
    const char *value = "new@example.com";

    (void)state;
    back_up(contents, keyring);
    assert_int_equal(restore(NULL, false), STATUS_CONFLICT);
    assert_string_equal(report.fault_name, "log_needed");
    restore_and_open(NULL);
    assert_int_equal(caller_hello(&person), STATUS_OK);
    assert_int_equal(reveal(1), STATUS_QUOTA);
    assert_int_equal(caller_values(&service, OP_TOKENIZE, &value, 1, NULL, NULL), STATUS_QUOTA);
    assert_int_equal(caller_grant_on_terms(&admin, "service", ROLE_SERVICE, "brand", &more),
                     STATUS_OK);
    assert_int_equal(caller_values(&service, OP_TOKENIZE, &value, 1, NULL, NULL), STATUS_OK);
}

static void
a_log_that_does_not_go_on_from_the_backup_is_refused(void **state)
{
    (void)state;
    lose_machine(); /* too early */
    assert_int_equal(erase(1), STATUS_OK);
    back_up(contents, keyring);
    expect_refused(newer, "log_does_not_extend", "does not go on from this backup");
}

/* The copy of the log ends early, for whatever reason: erased contacts would be back. */
static void
a_log_that_ends_too_early_is_found_by_a_checkpoint(void **state)
{
    char kept[PATHS];

    (void)state;
    back_up(contents, keyring);
    sign_log();
    fixture_path(&before, "kept", kept);
    checkpoints = kept;
    lose_machine(); /* too early */
    assert_int_equal(erase(1), STATUS_OK);
    sign_log();
    keep_checkpoint(kept);
    expect_refused(newer, "log_altered", "ends before it");
    remove_folder(newer);
    lose_machine();
    restore_and_open(newer);
    assert_int_equal(report.erased, 1);
    fixture_close(&after);
    remove_folder(after.folder);
    write_text(kept, "nothing\n");
    expect_refused(newer, "no_checkpoints", "no checkpoint of this vault");
    checkpoints = contents; /* as little */
    expect_refused(newer, "no_checkpoints", "no checkpoint of this vault");
}

static void
another_backups_keyring_is_refused(void **state)
{
    char other[PATHS];

    (void)state;
    fixture_path(&before, "other", other);
    back_up(other, keyring);
    back_up(contents, other);
    expect_refused(NULL, "other_keyring", "is another backup's");
}

static bool
read_stream(void *state, uint8_t *to, size_t size, size_t *ret_size)
{
    *ret_size = fread(to, 1, size, state);
    return true;
}

/* As somebody who can open it, and has not the audit key, would make it: one frame is left out. */
static void
pack_anew(const char *from, const char *to, enum backup_frame_type leave_out)
{
    static uint8_t piece[BACKUP_PIECE_BYTES_MAX];
    FILE *in = fopen(from, "re"), *out = fopen(to, "we");
    const struct backup_source source = {.read = read_stream, .state = in};
    struct backup_contents *read = NULL;
    struct backup_writer *writer = NULL;
    struct backup_packer *packer = NULL;
    struct backup_frame frame = {.type = BACKUP_FRAME_ROW};
    struct backup_manifest manifest;
    struct bytes preamble;
    bool left_out = false, last = false;
    size_t size;

    assert_int_equal(backup_contents_open(source, recipient, &read), BACKUP_SOUND);
    assert_int_equal(backup_writer_new(backup_contents_head(read), &writer), STATUS_OK);
    assert_int_equal(backup_packer_new(writer, &packer), STATUS_OK);
    preamble = backup_writer_preamble(writer);
    assert_int_equal(fwrite(preamble.data, 1, preamble.size, out), preamble.size);
    while (frame.type != BACKUP_FRAME_MANIFEST) {
        assert_int_equal(backup_contents_next(read, &frame), BACKUP_SOUND);
        if (frame.type != BACKUP_FRAME_MANIFEST &&
            (left_out || frame.type != leave_out || frame.table == STORE_META)) {
            backup_packer_put(packer, &frame);
        } else {
            left_out = true;
        }
        while (backup_writer_is_full(writer)) {
            size = backup_writer_take(writer, piece, &last);
            assert_int_equal(fwrite(piece, 1, size, out), size);
        }
    }
    manifest = *backup_contents_manifest(read);
    backup_packer_fill_manifest(packer, &manifest);
    backup_packer_put_manifest(packer, &manifest);
    while (!last) {
        size = backup_writer_take(writer, piece, &last);
        assert_int_equal(fwrite(piece, 1, size, out), size);
    }
    backup_packer_free(&packer);
    backup_writer_free(&writer);
    backup_contents_free(&read);
    (void)fclose(in);
    assert_int_equal(fclose(out), 0);
}

static void
contents_by_somebody_else_are_refused(void **state)
{
    char made[PATHS];

    (void)state;
    fixture_path(&before, "made", made);
    back_up(contents, keyring);
    pack_anew(contents, made, BACKUP_FRAME_ROW);
    assert_int_equal(rename(made, contents), 0);
    expect_refused(NULL, "not_signed", "was not signed by this vault");
}

enum { ROW_BYTES = 8 };

struct damaged {
    uint8_t key[ROW_BYTES];
    uint8_t value[STORE_VALUE_BYTES_MAX];
    size_t value_size;
};

static enum status
keep_last(void *state, struct bytes key, struct bytes value)
{
    struct damaged *damaged = state;

    assert_int_equal(key.size, ROW_BYTES);
    memcpy(damaged->key, key.data, key.size);
    memcpy(damaged->value, value.data, value.size);
    damaged->value_size = value.size;
    return STATUS_OK;
}

/* A byte of one record is other than what was written; the last record of all. */
static enum status
damage_step(struct store_txn *txn, void *state)
{
    const struct bytes all = {0};
    struct damaged *damaged = state;
    enum status status = store_scan(txn, STORE_RECORD, all, all, keep_last, damaged);

    damaged->value[damaged->value_size - 20] ^= 1;
    return status != STATUS_OK
               ? status
               : store_put(txn, STORE_RECORD, STORE_REPLACE, bytes_of(damaged->key, ROW_BYTES),
                           bytes_of(damaged->value, damaged->value_size));
}

/* One record in a million shall not cost all others. */
static void
what_was_damaged_before_is_said_and_may_be_accepted(void **state)
{
    struct damaged damaged = {0};
    int corrupt = 0;

    (void)state;
    assert_int_equal(store_update(before.store, damage_step, &damaged), STATUS_OK);
    back_up(contents, keyring);
    lose_machine();
    expect_refused(newer, "rows_wrong", "--accept-damaged");
    accepts_damaged = true;
    restore_and_open(newer);
    accepts_damaged = false;
    /* It, its index row, which leads to nothing that is known, and the count of such rows. */
    assert_int_equal(report.faults, 3);
    assert_int_equal(caller_hello(&person), STATUS_OK);
    for (int i = 0; i < CONTACTS; i++) {
        enum status status = reveal(i);

        corrupt += status == STATUS_CORRUPT;
        assert_true(status == STATUS_OK || status == STATUS_CORRUPT);
    }
    assert_int_equal(corrupt, 1);
}

/* ---- a database that somebody edited before the vault made a backup of it ---- */

struct edit {
    enum store_table table;
    uint8_t key[64];
    size_t key_size;
};

static enum status
note_key(void *state, struct bytes key, struct bytes value)
{
    struct edit *edit = state;

    (void)value;
    memcpy(edit->key, key.data, key.size);
    edit->key_size = key.size;
    return STATUS_OK;
}

static enum status
delete_step(struct store_txn *txn, void *state)
{
    struct edit *edit = state;
    enum status status =
        store_scan(txn, edit->table, (struct bytes){0}, (struct bytes){0}, note_key, edit);
    const struct bytes key = bytes_of(edit->key, edit->key_size);

    return status == STATUS_OK ? store_delete_many(txn, edit->table, &key, 1) : status;
}

static void
delete_a_row(enum store_table table)
{
    struct edit edit = {.table = table};

    assert_int_equal(store_update(before.store, delete_step, &edit), STATUS_OK);
    assert_true(edit.key_size > 0);
}

/* The vault signs what it finds; its log knows better. */
static void
rules_that_the_log_does_not_vouch_for_are_refused(void **state)
{
    (void)state;
    delete_a_row(STORE_ACCESS);
    back_up(contents, keyring);
    expect_refused(NULL, "rules_altered", "not those its log vouches for");
}

static void
rows_that_do_not_belong_together_are_refused(void **state)
{
    (void)state;
    delete_a_row(STORE_TOKEN);
    back_up(contents, keyring);
    expect_refused(NULL, "rows_wrong", "a token does not lead to its record");
}

static void
a_contact_without_its_index_row_is_refused(void **state)
{
    (void)state;
    delete_a_row(STORE_INDEX);
    back_up(contents, keyring);
    expect_refused(NULL, "rows_wrong", "not found by its own index row");
}

static void
a_store_that_has_seen_another_log_is_refused(void **state)
{
    const uint8_t digest[VAULT_LOG_DIGEST_BYTES] = {1};

    (void)state;
    sign_log();
    assert_int_equal(vault_note_log(before.vault, audit_last(before.audit), digest), STATUS_OK);
    back_up(contents, keyring);
    expect_refused(NULL, "rules_altered", "not those its log vouches for");
}

static void
it_ends_when_it_is_told_to(void **state)
{
    (void)state;
    back_up(contents, keyring);
    stop = SIGINT;
    expect_refused(NULL, "interrupted", "nothing is left");
}

static void
how_the_root_key_is_got_is_told_before(void **state)
{
    struct unseal_slot slot = {0};
    uint8_t public_key[BACKUP_KEY_BYTES];
    struct secret *stranger = made_key(2, public_key);

    (void)state;
    back_up(contents, keyring);
    assert_int_equal(restore_slot(keyring, recipient, &slot, &report), STATUS_OK);
    assert_int_equal(slot.provider, UNSEAL_KEYFILE);
    assert_int_equal(restore_slot(keyring, stranger, &slot, &report), STATUS_DENIED);
    assert_string_equal(report.fault_name, "wrong_key");
    assert_int_equal(restore_slot(contents, recipient, &slot, &report), STATUS_CORRUPT);
    assert_string_equal(report.fault_name, "wrong_part");
    secret_free(&stranger);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everything_of_before_is_there),
        TEST(what_was_taken_away_since_is_away),
        TEST(who_was_offboarded_since_is_offboarded),
        TEST(a_forged_end_gives_nothing_back),
        TEST(a_forged_outcome_undoes_nothing),
        TEST(a_namespace_that_was_shredded_since_is_shredded),
        TEST(keys_of_a_shredded_namespace_are_gone_from_the_restored_keyring),
        TEST(an_erasure_that_was_only_begun_is_done),
        TEST(retention_is_as_it_was_last),
        TEST(what_was_given_since_is_counted_and_not_given),
        TEST(the_last_admin_stays),
        TEST(what_was_under_way_when_the_machine_was_lost_is_done),
        TEST(what_waited_was_not_done),
        TEST(what_was_approved_since_is_done_again),
        TEST(who_enrolled_anew_since_is_disabled),
        TEST(what_let_in_since_lets_in_no_more),
        TEST(a_recovery_code_that_was_used_since_is_used_up),
        TEST(approvals_are_as_strict_as_they_were_last),
        TEST(one_admin_who_is_left_is_not_locked_out),
        TEST(a_rotation_that_was_under_way_goes_on),
        TEST(the_budget_goes_on),
        TEST(without_the_log_every_budget_is_spent),
        TEST(a_log_that_does_not_go_on_from_the_backup_is_refused),
        TEST(a_log_that_ends_too_early_is_found_by_a_checkpoint),
        TEST(another_backups_keyring_is_refused),
        TEST(contents_by_somebody_else_are_refused),
        TEST(what_was_damaged_before_is_said_and_may_be_accepted),
        TEST(rules_that_the_log_does_not_vouch_for_are_refused),
        TEST(rows_that_do_not_belong_together_are_refused),
        TEST(a_contact_without_its_index_row_is_refused),
        TEST(a_store_that_has_seen_another_log_is_refused),
        TEST(it_ends_when_it_is_told_to),
        TEST(how_the_root_key_is_got_is_told_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
