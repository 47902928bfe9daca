/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backups from outside: what is in one, what it holds up meanwhile, and how it ends. Owns
 * SECURITY.md S31 "sealed to its recipients", "no key is destroyed meanwhile".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit_entry.h"
#include "audit_start.h"
#include "backup_contents.h"
#include "backup_made.h"
#include "fixture.h"
#include "keyring_file.h"
#include "log_reader.h"
#include "secret.h"
#include "still_clock.h"
#include "store_snapshot.h"

enum {
    AUDITOR_UID = 2001,
    SERVICE_UID,
    PERSON_UID,
    CONTACTS = 1500, /* several chunks of rows */
    ENTRIES = 64,
    TICKS_MAX = 200,
    TICK_MS = 100,
    FILE_BYTES_MAX = 24 << 20,
};

static struct fixture fixture;
static struct caller admin, service;
static struct log_reader log_reader;
static struct log_entry entries[ENTRIES];
static uint8_t backup_id[BACKUP_ID_BYTES];
static uint64_t total, rate;

static void
connect_all(void)
{
    caller_make(&admin, &fixture, PEER_ADMIN, FIXTURE_ADMIN_UID);
    assert_int_equal(caller_hello(&admin), STATUS_OK);
}

static void
connect_others(void)
{
    caller_make(&service, &fixture, PEER_DATA, SERVICE_UID);
    assert_int_equal(caller_hello(&service), STATUS_OK);
    log_reader_make(&log_reader, &fixture, AUDITOR_UID);
    log_reader_skip(&log_reader);
}

static void
disconnect_all(void)
{
    log_reader_remove(&log_reader);
    caller_remove(&service);
    caller_remove(&admin);
}

/* As a crash, and a start after it. */
static void
restart(void)
{
    disconnect_all();
    fixture_close(&fixture);
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    connect_all();
    connect_others();
}

static enum status
add_recipient(const char *name, uint8_t number)
{
    uint8_t public_key[BACKUP_KEY_BYTES];
    struct secret *key = made_key(number, public_key);

    secret_free(&key);
    caller_begin(&admin, OP_RECIPIENT_ADD, 2);
    message_put_text(&admin.request, FIELD_NAME, name);
    message_put_bytes(&admin.request, FIELD_PUBLIC_KEY, bytes_of(public_key, sizeof public_key));
    return caller_send(&admin);
}

static void
make_contacts(const char *domain, size_t count)
{
    static char texts[CONTACTS][48];
    const char *values[CONTACTS];

    for (size_t i = 0; i < count; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "c%zu@%s", i, domain);
        values[i] = texts[i];
    }
    assert_int_equal(caller_values(&service, OP_TOKENIZE, values, count, NULL, NULL), STATUS_OK);
}

static int
set_up(void **state)
{
    (void)state;
    fixture_make(&fixture);
    connect_all();
    assert_int_equal(caller_namespace_create(&admin, "brand"), STATUS_OK);
    assert_int_equal(caller_principal_add(&admin, "service", PRINCIPAL_SERVICE, SERVICE_UID),
                     STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, "service", ROLE_SERVICE, "brand"), STATUS_OK);
    assert_int_equal(caller_principal_add(&admin, "auditor", PRINCIPAL_PERSON, AUDITOR_UID),
                     STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, "auditor", ROLE_AUDIT, NULL), STATUS_OK);
    connect_others();
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    disconnect_all();
    fixture_remove(&fixture);
    return 0;
}

/* ---- taking one ---- */

static enum status
begin(void)
{
    struct bytes id;
    enum status status;

    caller_begin(&admin, OP_BACKUP_BEGIN, 0);
    status = caller_send(&admin);
    if (status == STATUS_OK) {
        assert_true(message_bytes(admin.reply, FIELD_BACKUP, &id));
        memcpy(backup_id, id.data, sizeof backup_id);
        assert_true(message_uint(admin.reply, FIELD_TOTAL, &total));
        assert_true(message_uint(admin.reply, FIELD_BYTES, &rate));
    }
    return status;
}

static enum status
read_at(enum backup_part part, uint64_t from)
{
    caller_begin(&admin, OP_BACKUP_READ, 3);
    message_put_bytes(&admin.request, FIELD_BACKUP, bytes_of(backup_id, sizeof backup_id));
    message_put_uint(&admin.request, FIELD_KIND, part);
    message_put_uint(&admin.request, FIELD_FROM, from);
    return caller_send(&admin);
}

static enum status
end(bool all)
{
    caller_begin(&admin, OP_BACKUP_END, all ? 2 : 1);
    message_put_bytes(&admin.request, FIELD_BACKUP, bytes_of(backup_id, sizeof backup_id));
    if (all) {
        message_put_bool(&admin.request, FIELD_ALL, true);
    }
    return caller_send(&admin);
}

static struct bytes
reply_data(void)
{
    struct bytes data = {0};

    assert_true(message_bytes(admin.reply, FIELD_DATA, &data));
    return data;
}

/* All of a part, for the caller to free. Each piece is asked for twice. */
static struct made_file
read_part(enum backup_part part)
{
    struct made_file file = {.data = malloc(FILE_BYTES_MAX)};
    uint64_t next = 0;
    bool more = true;

    assert_non_null(file.data);
    while (more) {
        struct bytes data;

        assert_int_equal(read_at(part, file.size), STATUS_OK);
        data = reply_data();
        assert_true(file.size + data.size <= FILE_BYTES_MAX);
        memcpy(file.data + file.size, data.data, data.size);
        assert_int_equal(read_at(part, file.size), STATUS_OK);
        data = reply_data();
        assert_memory_equal(file.data + file.size, data.data, data.size);
        file.size += data.size;
        more = message_uint(admin.reply, FIELD_NEXT, &next);
        assert_true(!more || next == file.size);
    }
    return file;
}

/* ---- what is in it ---- */

struct seen {
    uint64_t rows[STORE_TABLES];
    uint64_t entries; /* number of the last */
    uint64_t starts;
    struct store_snapshot *snapshot; /* of that moment */
    uint8_t key[STORE_KEY_BYTES_MAX];
    size_t key_size;
};

/* The row behind the last one seen. */
static enum status
compare_row(void *state, struct bytes key, struct bytes value)
{
    const struct backup_frame *frame = state;

    assert_true(bytes_equal(frame->key, key));
    assert_true(bytes_equal(frame->bytes, value));
    return STATUS_BUSY;
}

static void
see_frame(struct seen *seen, struct backup_frame *frame)
{
    struct audit_entry entry;
    struct audit_link link;
    const char *fault = NULL;

    if (frame->type == BACKUP_FRAME_ROW) {
        seen->key_size = seen->rows[frame->table]++ == 0 ? 0 : seen->key_size;
        assert_int_equal(store_snapshot_scan(seen->snapshot, (enum store_table)frame->table,
                                             bytes_of(seen->key, seen->key_size), compare_row,
                                             frame),
                         STATUS_BUSY);
        seen->key_size = frame->key.size;
        memcpy(seen->key, frame->key.data, frame->key.size);
    } else if (frame->type == BACKUP_FRAME_START) {
        struct audit_start start;

        seen->starts++;
        assert_true(audit_start_decode(frame->bytes, &start));
        assert_int_equal(start.first, seen->entries + 1);
    } else if (frame->type == BACKUP_FRAME_ENTRY) {
        seen->entries++;
        assert_int_equal(audit_entry_decode(frame->bytes, &entry, &link, &fault), STATUS_OK);
        assert_int_equal(entry.sequence, seen->entries);
    }
}

static void
see_all(struct bytes file, const struct secret *key, struct seen *seen,
        struct backup_manifest *ret_manifest)
{
    struct backup_contents *contents = NULL;
    struct backup_frame frame = {0};
    uint8_t public_key[PUBLIC_KEY_BYTES];

    assert_int_equal(backup_contents_open(made_source(&file), key, &contents), BACKUP_SOUND);
    while (frame.type != BACKUP_FRAME_MANIFEST) {
        assert_int_equal(backup_contents_next(contents, &frame), BACKUP_SOUND);
        see_frame(seen, &frame);
    }
    *ret_manifest = *backup_contents_manifest(contents);
    assert_int_equal(keyring_audit_public_key(fixture.keyring, public_key), STATUS_OK);
    assert_true(backup_manifest_holds(ret_manifest, public_key));
    backup_contents_free(&contents);
}

static void
check_keyring(struct bytes part, const struct secret *key, const struct backup_manifest *manifest)
{
    struct keyring_header header;
    struct secret *keys = NULL;
    uint8_t *file = NULL;
    size_t size = 0;

    assert_int_equal(backup_keyring_read(made_source(&part), key, manifest, &file, &size),
                     BACKUP_SOUND);
    assert_int_equal(keyring_file_parse(bytes_of(file, size), &header), STATUS_OK);
    assert_int_equal(keyring_header_generation(&header), manifest->keyring_generation);
    assert_int_equal(keyring_file_unseal(bytes_of(file, size), &header, fixture.root, &keys),
                     STATUS_OK);
    secret_free(&keys);
    free(file);
}

/* Several chunks; and what is written meanwhile is not in it. */
static void
a_backup_is_the_vault_of_one_moment(void **state)
{
    struct store_snapshot *before = NULL;
    struct made_file contents, keyring;
    struct seen seen = {0};
    struct backup_manifest manifest;
    uint8_t public_key[BACKUP_KEY_BYTES];
    struct secret *keys[] = {made_key(1, public_key), made_key(2, public_key)};

    (void)state;
    make_contacts("example.com", CONTACTS);
    assert_int_equal(add_recipient("safe", 1), STATUS_OK);
    assert_int_equal(add_recipient("lawyer", 2), STATUS_OK);
    assert_int_equal(store_snapshot_open(fixture.store, &before), STATUS_OK);
    seen.snapshot = before;
    assert_int_equal(begin(), STATUS_OK);
    assert_int_equal(rate, 0);
    make_contacts("example.org", 100);

    contents = read_part(BACKUP_CONTENTS);
    keyring = read_part(BACKUP_KEYRING);
    assert_int_equal(end(true), STATUS_OK);
    assert_true(contents.size > 4 * (size_t)BACKUP_PIECE_BYTES_MAX);
    see_all(bytes_of(contents.data, contents.size), keys[0], &seen, &manifest);
    for (int table = 0; table < STORE_TABLES; table++) {
        assert_int_equal(seen.rows[table], store_snapshot_rows(before, (enum store_table)table));
    }
    assert_int_equal(seen.rows[STORE_RECORD], CONTACTS);
    assert_int_equal(manifest.changes, store_snapshot_changes(before));
    assert_int_equal(manifest.next_row, store_snapshot_next_row(before));
    assert_int_equal(manifest.last_entry, seen.entries);
    assert_int_equal(total, seen.entries + seen.rows[0] + seen.rows[1] + seen.rows[2] +
                                seen.rows[3] + seen.rows[4]);
    check_keyring(bytes_of(keyring.data, keyring.size), keys[1], &manifest);
    store_snapshot_close(&before);
    secret_free(&keys[0]);
    secret_free(&keys[1]);
    free(contents.data);
    free(keyring.data);
}

/* A file that somebody edited may have rows that no backup takes. */
static void
plant(const char *folder, size_t key_bytes, size_t value_bytes)
{
    static const uint8_t bytes[2 * STORE_VALUE_BYTES_MAX] = {0xff};
    const struct store_options options = {.folder = folder};
    const struct store_row row = {.table = STORE_TOKEN,
                                  .key = bytes_of(bytes, key_bytes),
                                  .value = bytes_of(bytes, value_bytes)};
    struct store_engine *engine = NULL;
    struct store_engine_txn *txn = NULL;

    assert_int_equal(store_lmdb_backend.open(&options, &engine), STATUS_OK);
    assert_int_equal(store_lmdb_backend.begin(engine, true, &txn), STATUS_OK);
    assert_int_equal(store_lmdb_backend.apply(txn, &row, 1), STATUS_OK);
    assert_int_equal(store_lmdb_backend.commit(txn, false), STATUS_OK);
    store_lmdb_backend.close(engine);
}

static void
a_row_of_no_size_of_ours_ends_it(void **state)
{
    static const struct {
        size_t key_bytes, value_bytes;
    } planted[] = {{16, STORE_VALUE_BYTES_MAX + 1}, {STORE_KEY_BYTES_MAX + 1, 8}};
    char folder[FIXTURE_PATH_BYTES];

    (void)state;
    assert_int_equal(add_recipient("safe", 1), STATUS_OK);
    fixture_path(&fixture, "store", folder);
    for (size_t i = 0; i < sizeof planted / sizeof planted[0]; i++) {
        disconnect_all();
        fixture_close(&fixture);
        plant(folder, planted[i].key_bytes, planted[i].value_bytes);
        assert_int_equal(fixture_open(&fixture), STATUS_OK);
        connect_all();
        connect_others();
        assert_int_equal(begin(), STATUS_OK);
        assert_int_equal(read_at(BACKUP_CONTENTS, 0), STATUS_OK);
        assert_int_equal(read_at(BACKUP_CONTENTS, reply_data().size), STATUS_CORRUPT);
        assert_int_equal(end(false), STATUS_NOT_FOUND);
    }
}

/* ---- recipients ---- */

static void
nothing_is_sealed_to_nobody(void **state)
{
    struct bytes message;

    (void)state;
    assert_int_equal(begin(), STATUS_CONFLICT);
    assert_true(message_bytes(admin.reply, FIELD_MESSAGE, &message));
    assert_non_null(memmem(message.data, message.size, "vaultctl recipient new", 22));
    assert_int_equal(log_reader_since(&log_reader, entries, ENTRIES), 0);
}

static void
recipients_come_and_go(void **state)
{
    const struct message_list *items = NULL;
    struct made_file file;

    (void)state;
    assert_int_equal(add_recipient("safe", 1), STATUS_OK);
    assert_int_equal(add_recipient("safe", 2), STATUS_CONFLICT);
    assert_int_equal(add_recipient("other", 1), STATUS_CONFLICT);
    assert_int_equal(add_recipient("Safe!", 2), STATUS_INVALID);
    assert_int_equal(add_recipient("lawyer", 2), STATUS_OK);
    assert_int_equal(caller_name(&admin, OP_RECIPIENT_REMOVE, "nobody"), STATUS_NOT_FOUND);
    assert_int_equal(caller_name(&admin, OP_RECIPIENT_REMOVE, "safe"), STATUS_OK);
    assert_int_equal(caller_name(&admin, OP_RECIPIENT_REMOVE, "safe"), STATUS_NOT_FOUND);

    restart(); /* the log vouches for all of it */
    caller_begin(&admin, OP_RECIPIENT_LIST, 0);
    assert_int_equal(caller_send(&admin), STATUS_OK);
    assert_true(message_list(admin.reply, FIELD_ITEMS, &items));
    assert_int_equal(message_list_count(items), 1);
    assert_true(bytes_equal(caller_item_text(&admin, 0, FIELD_NAME), bytes_of_text("lawyer")));

    assert_int_equal(begin(), STATUS_OK);
    file = read_part(BACKUP_CONTENTS);
    for (uint8_t number = 1; number <= 2; number++) {
        struct bytes rest = bytes_of(file.data, file.size);
        uint8_t public_key[BACKUP_KEY_BYTES];
        struct secret *key = made_key(number, public_key);
        struct backup_reader *reader = NULL;

        assert_int_equal(backup_reader_open(made_source(&rest), key, &reader),
                         number == 1 ? BACKUP_WRONG_KEY : BACKUP_SOUND);
        backup_reader_free(&reader);
        secret_free(&key);
    }
    free(file.data);
}

/* Sixteen at once, for ever: a row of one that was removed is another's. */
static void
there_are_sixteen_recipients(void **state)
{
    char name[8];

    (void)state;
    for (uint8_t i = 0; i < 16; i++) {
        (void)snprintf(name, sizeof name, "r%d", i);
        assert_int_equal(add_recipient(name, i), STATUS_OK);
    }
    assert_int_equal(add_recipient("r16", 16), STATUS_TOO_LARGE);
    assert_int_equal(caller_name(&admin, OP_RECIPIENT_REMOVE, "r3"), STATUS_OK);
    assert_int_equal(add_recipient("r16", 16), STATUS_OK);
    restart();
    assert_int_equal(add_recipient("r17", 17), STATUS_TOO_LARGE);
    assert_int_equal(begin(), STATUS_OK);
}

static void
a_key_must_be_one(void **state)
{
    static const uint8_t zeros[BACKUP_KEY_BYTES];

    (void)state;
    caller_begin(&admin, OP_RECIPIENT_ADD, 2);
    message_put_text(&admin.request, FIELD_NAME, "safe");
    message_put_bytes(&admin.request, FIELD_PUBLIC_KEY, bytes_of(zeros, sizeof zeros));
    assert_int_equal(caller_send(&admin), STATUS_INVALID);
}

/* ---- how it goes on ---- */

static void
one_at_a_time_and_piece_by_piece(void **state)
{
    uint8_t id[BACKUP_ID_BYTES];
    size_t first;

    (void)state;
    make_contacts("example.com", CONTACTS);
    assert_int_equal(add_recipient("safe", 1), STATUS_OK);
    assert_int_equal(begin(), STATUS_OK);
    memcpy(id, backup_id, sizeof id);
    assert_int_equal(begin(), STATUS_CONFLICT);
    assert_memory_equal(id, backup_id, sizeof id);

    assert_int_equal(read_at(BACKUP_CONTENTS, 1), STATUS_INVALID);
    assert_int_equal(read_at(BACKUP_CONTENTS, 0), STATUS_OK);
    first = reply_data().size;
    assert_int_equal(read_at(BACKUP_CONTENTS, first - 1), STATUS_INVALID);
    assert_int_equal(read_at(BACKUP_CONTENTS, first), STATUS_OK);
    assert_int_equal(read_at(BACKUP_CONTENTS, 0), STATUS_INVALID); /* gone */
    assert_int_equal(end(true), STATUS_CONFLICT);

    backup_id[0] ^= 1;
    assert_int_equal(read_at(BACKUP_CONTENTS, first), STATUS_NOT_FOUND);
    assert_int_equal(end(false), STATUS_NOT_FOUND);
    backup_id[0] ^= 1;
    assert_int_equal(end(false), STATUS_OK);
    assert_int_equal(end(false), STATUS_NOT_FOUND);
    assert_int_equal(begin(), STATUS_OK);
    assert_memory_not_equal(id, backup_id, sizeof id);
}

static void
read_everything(void)
{
    struct made_file file = read_part(BACKUP_CONTENTS);

    free(file.data);
    file = read_part(BACKUP_KEYRING);
    free(file.data);
}

/* The last entry there is now: what became of a backup. */
static const struct log_entry *
last_entry(void)
{
    size_t count = log_reader_since(&log_reader, entries, ENTRIES);

    assert_true(count > 0);
    return &entries[count - 1];
}

static void
beginning_and_end_are_on_record(void **state)
{
    const struct log_entry *entry;
    uint64_t begun;

    (void)state;
    assert_int_equal(add_recipient("safe", 1), STATUS_OK);
    log_reader_skip(&log_reader);
    assert_int_equal(begin(), STATUS_OK);
    entry = last_entry();
    assert_int_equal(entry->act, OP_BACKUP_BEGIN);
    assert_string_equal(entry->principal, "admin");
    begun = entry->sequence;
    read_everything();
    assert_int_equal(end(true), STATUS_OK);
    entry = last_entry();
    assert_int_equal(entry->act, AUDIT_ACT_BACKUP_ENDED);
    assert_int_equal(entry->result, STATUS_OK);
    assert_int_equal(entry->amount, begun);

    assert_int_equal(begin(), STATUS_OK);
    read_everything();
    assert_int_equal(end(false), STATUS_OK); /* his disk was full, say */
    entry = last_entry();
    assert_int_equal(entry->act, AUDIT_ACT_BACKUP_ENDED);
    assert_int_equal(entry->result, STATUS_UNAVAILABLE);
    assert_string_equal(entry->subject, "given-up");
}

/* ---- what ends it, and what it holds up ---- */

static void
expect_ended(const char *reason)
{
    struct bytes message;

    assert_int_equal(read_at(BACKUP_CONTENTS, 0), STATUS_NOT_FOUND);
    assert_true(message_bytes(admin.reply, FIELD_MESSAGE, &message));
    assert_true(bytes_equal(message, bytes_of_text(reason)));
}

/* It holds what is destroyed, with the keys. */
static void
shredding_ends_it(void **state)
{
    size_t count;
    bool told = false;

    (void)state;
    assert_int_equal(add_recipient("safe", 1), STATUS_OK);
    assert_int_equal(begin(), STATUS_OK);
    log_reader_skip(&log_reader);
    assert_int_equal(caller_name(&admin, OP_NAMESPACE_SHRED, "brand"), STATUS_OK);
    expect_ended("the backup failed: shredded");
    count = log_reader_since(&log_reader, entries, ENTRIES);
    for (size_t i = 0; i < count; i++) {
        told |= entries[i].act == AUDIT_ACT_BACKUP_ENDED &&
                entries[i].result == STATUS_UNAVAILABLE &&
                strcmp(entries[i].subject, "shredded") == 0;
    }
    assert_true(told);
}

static void
sealing_ends_it(void **state)
{
    const struct log_entry *entry;

    (void)state;
    assert_int_equal(add_recipient("safe", 1), STATUS_OK);
    assert_int_equal(begin(), STATUS_OK);
    log_reader_skip(&log_reader);
    assert_int_equal(dispatch_seal(fixture.dispatch), STATUS_OK);
    assert_int_equal(read_at(BACKUP_CONTENTS, 0), STATUS_SEALED);
    assert_int_equal(dispatch_unseal(fixture.dispatch, fixture.root, fixture.fault), STATUS_OK);
    expect_ended("the backup failed: sealed");
    assert_true(log_reader_since(&log_reader, entries, ENTRIES) > 0);
    entry = &entries[0];
    assert_int_equal(entry->act, AUDIT_ACT_BACKUP_ENDED);
    assert_int_equal(entry->result, STATUS_UNAVAILABLE);
    assert_string_equal(entry->subject, "sealed");
    assert_int_equal(begin(), STATUS_OK);
}

static void
one_that_nobody_takes_is_forgotten(void **state)
{
    (void)state;
    assert_int_equal(add_recipient("safe", 1), STATUS_OK);
    assert_int_equal(begin(), STATUS_OK);
    still_clock_pass_ms(59 * 1000);
    dispatch_tick(fixture.dispatch);
    assert_int_equal(read_at(BACKUP_CONTENTS, 0), STATUS_OK);
    still_clock_pass_ms(59 * 1000);
    dispatch_tick(fixture.dispatch);
    assert_int_equal(read_at(BACKUP_CONTENTS, 0), STATUS_OK);
    log_reader_skip(&log_reader);
    still_clock_pass_ms(61 * 1000);
    dispatch_tick(fixture.dispatch);
    expect_ended("the backup failed: forgotten");
    assert_int_equal(last_entry()->act, AUDIT_ACT_BACKUP_ENDED);
}

static bool
has_old_key(void)
{
    return keyring_has(fixture.keyring, (struct key_name){KEY_DATA, 1, 1});
}

static void
tick_until_destroyed(void)
{
    for (int i = 0; i < TICKS_MAX && has_old_key(); i++) {
        still_clock_pass_ms(TICK_MS);
        dispatch_tick(fixture.dispatch);
    }
}

static void
no_key_is_destroyed_meanwhile(void **state)
{
    (void)state;
    make_contacts("example.com", 100);
    assert_int_equal(add_recipient("safe", 1), STATUS_OK);
    assert_int_equal(begin(), STATUS_OK);
    caller_begin(&admin, OP_KEY_ROTATE, 2);
    message_put_uint(&admin.request, FIELD_PURPOSE, ROTATED_DATA);
    message_put_text(&admin.request, FIELD_NAMESPACE, "brand");
    assert_int_equal(caller_send(&admin), STATUS_OK);
    tick_until_destroyed();
    assert_true(has_old_key());
    assert_int_equal(end(false), STATUS_OK);
    tick_until_destroyed();
    assert_false(has_old_key());
}

/* Whoever was killed while he took one is not waited for. */
static void
one_that_is_not_taken_gives_way(void **state)
{
    size_t count;

    (void)state;
    assert_int_equal(add_recipient("safe", 1), STATUS_OK);
    assert_int_equal(begin(), STATUS_OK);
    log_reader_skip(&log_reader);
    still_clock_pass_ms(9999);
    assert_int_equal(begin(), STATUS_CONFLICT);
    still_clock_pass_ms(1);
    assert_int_equal(begin(), STATUS_OK);
    count = log_reader_since(&log_reader, entries, ENTRIES);
    assert_int_equal(count, 2);
    assert_int_equal(entries[0].act, AUDIT_ACT_BACKUP_ENDED);
    assert_string_equal(entries[0].subject, "displaced");
    assert_int_equal(entries[1].act, OP_BACKUP_BEGIN);
    read_everything();
    assert_int_equal(end(true), STATUS_OK);
}

#define REASON                                                                                     \
    "a long reason, so that entries are large: two hundred bytes of it fill eight MiB sooner, "    \
    "and that is all that it is for; nobody will ever read it, but whoever opens this file now"

/* Entries enough for several segments of the log, of which the first is full. */
static void
fill_log(void)
{
    static char tokens[CONTACTS][TOKEN_TEXT_BYTES + 1];
    const char *values[CONTACTS];
    struct caller person;

    make_contacts("example.com", CONTACTS);
    for (size_t i = 0; i < CONTACTS; i++) {
        struct bytes token = caller_item_text(&service, i, FIELD_TOKEN);

        memcpy(tokens[i], token.data, token.size);
        values[i] = tokens[i];
    }
    assert_int_equal(caller_principal_add(&admin, "person", PRINCIPAL_PERSON, PERSON_UID),
                     STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, "person", ROLE_REVEAL, "brand"), STATUS_OK);
    caller_make(&person, &fixture, PEER_DATA, PERSON_UID);
    assert_int_equal(caller_hello(&person), STATUS_OK);
    for (int i = 0; i < 24; i++) {
        assert_int_equal(caller_values(&person, OP_DETOKENIZE, values, CONTACTS, NULL, REASON),
                         STATUS_OK);
    }
    caller_remove(&person);
}

static void
no_entry_is_removed_meanwhile(void **state)
{
    enum { MONTHS = 13, MONTH_MS = 31 * 24 * 3600 * 1000u };
    uint8_t public_key[BACKUP_KEY_BYTES];
    struct secret *key = made_key(1, public_key);
    struct backup_manifest manifest;
    struct seen seen = {0};
    struct made_file file;

    (void)state;
    fixture.audit_retain_months = MONTHS;
    restart();
    fill_log();
    assert_int_equal(add_recipient("safe", 1), STATUS_OK);
    dispatch_tick(fixture.dispatch);
    for (int i = 0; i <= MONTHS; i++) {
        still_clock_pass_ms(MONTH_MS);
    }
    assert_int_equal(begin(), STATUS_OK);
    dispatch_tick(fixture.dispatch);
    assert_int_equal(audit_first(fixture.audit), 1);
    file = read_part(BACKUP_CONTENTS);
    free(file.data);
    assert_int_equal(end(false), STATUS_OK);
    dispatch_tick(fixture.dispatch);
    assert_true(audit_first(fixture.audit) > 1);

    /* And one of a log that begins later says where. */
    seen.entries = audit_first(fixture.audit) - 1;
    assert_int_equal(store_snapshot_open(fixture.store, &seen.snapshot), STATUS_OK);
    assert_int_equal(begin(), STATUS_OK);
    file = read_part(BACKUP_CONTENTS);
    see_all(bytes_of(file.data, file.size), key, &seen, &manifest);
    assert_int_equal(seen.starts, 1);
    assert_int_equal(manifest.first_entry, audit_first(fixture.audit));
    store_snapshot_close(&seen.snapshot);
    secret_free(&key);
    free(file.data);
}

/* A read whose bytes are there is not slowed down; who runs ahead is told to wait. */
static void
it_is_not_taken_faster_than_may_be(void **state)
{
    enum { RATE = 64 * 1024 };
    uint64_t from = 0;
    enum status status = STATUS_OK;

    (void)state;
    disconnect_all();
    fixture_close(&fixture);
    fixture.backup_rate = RATE;
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    connect_all();
    connect_others();
    make_contacts("example.com", CONTACTS);
    assert_int_equal(add_recipient("safe", 1), STATUS_OK);
    assert_int_equal(begin(), STATUS_OK);
    assert_int_equal(rate, RATE);
    while (status == STATUS_OK) {
        status = read_at(BACKUP_CONTENTS, from);
        from += status == STATUS_OK ? reply_data().size : 0;
    }
    assert_int_equal(status, STATUS_BUSY);
    assert_in_range(from, 2 * RATE, 2 * RATE + BACKUP_PIECE_BYTES_MAX); /* two seconds ahead */
    assert_int_equal(read_at(BACKUP_CONTENTS, from), STATUS_BUSY);
    still_clock_pass_ms(2000);
    assert_int_equal(read_at(BACKUP_CONTENTS, from), STATUS_OK);
}

/* As after kill -9: no snapshot is left behind, and the log shows a beginning without an end. */
static void
a_crash_leaves_nothing(void **state)
{
    (void)state;
    assert_int_equal(add_recipient("safe", 1), STATUS_OK);
    assert_int_equal(begin(), STATUS_OK);
    assert_int_equal(read_at(BACKUP_CONTENTS, 0), STATUS_OK);
    restart();
    assert_int_equal(read_at(BACKUP_CONTENTS, 0), STATUS_NOT_FOUND);
    assert_int_equal(begin(), STATUS_OK);
    read_everything();
    assert_int_equal(end(true), STATUS_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_backup_is_the_vault_of_one_moment),
        TEST(a_row_of_no_size_of_ours_ends_it),
        TEST(nothing_is_sealed_to_nobody),
        TEST(recipients_come_and_go),
        TEST(there_are_sixteen_recipients),
        TEST(a_key_must_be_one),
        TEST(one_at_a_time_and_piece_by_piece),
        TEST(beginning_and_end_are_on_record),
        TEST(sealing_ends_it),
        TEST(shredding_ends_it),
        TEST(one_that_nobody_takes_is_forgotten),
        TEST(no_key_is_destroyed_meanwhile),
        TEST(one_that_is_not_taken_gives_way),
        TEST(no_entry_is_removed_meanwhile),
        TEST(it_is_not_taken_faster_than_may_be),
        TEST(a_crash_leaves_nothing),
    };

    return cmocka_run_group_tests_name("backup", tests, NULL, NULL);
}
