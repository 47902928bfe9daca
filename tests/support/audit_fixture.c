/* SPDX-License-Identifier: Apache-2.0 */
#include "audit_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "audit_entry.h"
#include "clock.h"
#include "journal.h"
#include "message.h"
#include "secret.h"

enum { PREVIOUS_OFFSET = 24 };

const uint8_t fixture_vault_id[VAULT_ID_BYTES] = "0123456789abcde";
const uint8_t fixture_instance_id[INSTANCE_ID_BYTES] = "instance number";
const uint8_t fixture_token[TOKEN_BYTES] = "a token's bytes";

static uint64_t
store_changes(const void *store)
{
    return *(const uint64_t *)store;
}

enum status
fixture_open(struct fixture *fixture, const char *folder)
{
    memset(fixture->place, 0, sizeof fixture->place);
    fixture->options.folder = folder;
    return audit_open(&fixture->options, &fixture->summary, fixture->place, &fixture->audit);
}

void
fixture_reopen(struct fixture *fixture)
{
    audit_close(&fixture->audit);
    if (fixture_open(fixture, fixture->log) != STATUS_OK) {
        fail_msg("%s", fixture->place);
    }
}

int
fixture_set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct key_name reason = {KEY_REASON, 0, clock_year(clock_vault_ms())};
    char path[FOLDER_PATH_BYTES];

    assert_true(sodium_init() >= 0);
    folder_make(fixture->folder);
    folder_join(fixture->folder, "audit", fixture->log);
    folder_join(fixture->folder, "copy", fixture->copy);
    folder_join(fixture->folder, "elsewhere", fixture->place2);
    folder_join(fixture->folder, "keyring", path);
    assert_int_equal(mkdir(fixture->place2, 0700), 0);
    assert_int_equal(secret_new(ROOT_KEY_BYTES, &fixture->root), STATUS_OK);
    assert_int_equal(keyring_create(path, fixture_vault_id, fixture->root, NULL), STATUS_OK);
    assert_int_equal(keyring_open(path, &fixture->keyring), STATUS_OK);
    assert_int_equal(keyring_unseal(fixture->keyring, fixture->root), STATUS_OK);
    assert_int_equal(keyring_add_keys(fixture->keyring, &reason, 1), STATUS_OK);
    assert_int_equal(keyring_audit_public_key(fixture->keyring, fixture->public_key), STATUS_OK);
    fixture->changes = 7;
    fixture->options = (struct audit_options){.vault_id = fixture_vault_id,
                                              .instance_id = fixture_instance_id,
                                              .keyring = fixture->keyring,
                                              .store_changes = store_changes,
                                              .store = &fixture->changes};
    assert_int_equal(fixture_open(fixture, fixture->log), STATUS_OK);
    *state = fixture;
    return 0;
}

int
fixture_tear_down(void **state)
{
    struct fixture *fixture = *state;

    audit_close(&fixture->audit);
    keyring_close(&fixture->keyring);
    secret_free(&fixture->root);
    folder_remove(fixture->folder);
    free(fixture);
    return 0;
}

struct audit_entry
fixture_reveal(const char *principal)
{
    struct audit_entry entry = {
        .operation = OP_DETOKENIZE,
        .phase = AUDIT_DONE,
        .uid = 1001,
        .principal = bytes_of_text(principal),
        .namespace_name = bytes_of_text("shop"),
        .token_kind = CONTACT_PHONE,
        .reason = bytes_of_text("ticket 4711"),
    };

    memcpy(entry.token, fixture_token, sizeof fixture_token);
    return entry;
}

struct audit_entry
fixture_act(uint32_t act)
{
    return (struct audit_entry){.operation = act,
                                .phase = AUDIT_DONE,
                                .has_checkpoint =
                                    act == AUDIT_ACT_OPENED || act == AUDIT_ACT_CLOSED ||
                                    act == AUDIT_ACT_CHECKPOINT || act == AUDIT_ACT_RESTORED,
                                .has_access_tag = act == AUDIT_ACT_RESTORED};
}

uint64_t
fixture_append(struct fixture *fixture, struct audit_entry entry)
{
    assert_int_equal(audit_append(fixture->audit, &entry, 1), STATUS_OK);
    assert_int_equal(audit_wait(fixture->audit, entry.sequence), STATUS_OK);
    return entry.sequence;
}

enum status
fixture_verify(const struct fixture *fixture, const char *folder, const char *kept,
               struct audit_report *ret_report)
{
    struct audit_check check = {
        .folder = folder, .public_key = fixture->public_key, .checkpoint_file = kept};

    return audit_verify(&check, ret_report);
}

/* ---- entries as they lie in the file ---- */

static enum status
collect(void *state, uint64_t position, struct bytes entry)
{
    struct log *log = state;
    uint8_t *copy = malloc(entry.size);

    assert_int_equal(position, log->count + 1);
    assert_true(log->count < LOG_ENTRIES_MAX);
    memcpy(copy, entry.data, entry.size);
    log->entries[log->count++] = bytes_of(copy, entry.size);
    return STATUS_OK;
}

struct log *
fixture_read_log(const char *folder)
{
    struct journal_options options = {.folder = folder};
    struct journal_report report;
    struct log *log = calloc(1, sizeof *log);

    memcpy(options.id, fixture_vault_id, sizeof fixture_vault_id);
    assert_int_equal(journal_walk(&options, collect, log, &report), STATUS_OK);
    return log;
}

void
fixture_free_log(struct log **log)
{
    for (size_t i = 0; i < (*log)->count; i++) {
        free((void *)(uintptr_t)(*log)->entries[i].data);
    }
    free(*log);
    *log = NULL;
}

uint8_t *
fixture_entry(struct log *log, uint64_t number)
{
    return (uint8_t *)(uintptr_t)log->entries[number - 1].data;
}

void
fixture_forge(const char *folder, const struct bytes *entries, size_t count)
{
    struct journal_options options = {.folder = folder, .segment_bytes = 1}; /* the least */
    struct journal_report report;
    struct journal *journal = NULL;
    uint64_t position = 0;

    memcpy(options.id, fixture_vault_id, sizeof fixture_vault_id);
    assert_int_equal(journal_open(&options, NULL, NULL, &report, &journal), STATUS_OK);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(journal_append(journal, &entries[i], 1, &position), STATUS_OK);
    }
    if (count > 0) {
        assert_int_equal(journal_wait(journal, position), STATUS_OK);
    }
    journal_close(&journal);
}

void
fixture_rechain(struct log *log, uint64_t number)
{
    for (uint64_t i = number; i <= log->count; i++) {
        if (i > 1) {
            audit_entry_digest(log->entries[i - 2], fixture_entry(log, i) + PREVIOUS_OFFSET);
        }
    }
}
