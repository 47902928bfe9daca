/* SPDX-License-Identifier: Apache-2.0 */
/* Owns SECURITY.md S1 "a receipt is made for what is on disk" and S9 "a change to the log is found,
 * and its place named". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit.h"
#include "audit_chain.h"
#include "audit_entry.h"
#include "audit_fixture.h"
#include "clock.h"
#include "journal.h"
#include "keyring.h"
#include "message.h"
#include "vectors.h"

enum { THREADS = 16, APPENDS = 100 };

/* Five entries, closed in good order. */
static struct log *
small_log(struct fixture *fixture)
{
    struct audit_entry entries[] = {
        fixture_act(AUDIT_ACT_OPENED),
        fixture_reveal("maria"),
        fixture_reveal("sender"),
        fixture_act(AUDIT_ACT_CLOSED),
    };

    assert_int_equal(audit_append(fixture->audit, entries, 4), STATUS_OK);
    audit_close(&fixture->audit);
    return fixture_read_log(fixture->log);
}

/* By the chain alone: whoever has no key finds it too. */
static void
expect_fault(const char *folder, uint64_t first_bad, const char *text)
{
    struct audit_check check = {.folder = folder};
    struct audit_report report;
    char number[48];

    assert_int_equal(audit_verify(&check, &report), STATUS_CORRUPT);
    assert_int_equal(report.first_bad, first_bad);
    assert_int_equal(report.entries, first_bad - 1);
    (void)snprintf(number, sizeof number, "entry %llu: ", (unsigned long long)first_bad);
    if (strstr(report.place, text) == NULL || strstr(report.place, number) == NULL) {
        fail_msg("'%s' names neither '%s' nor '%s'", report.place, number, text);
    }
}

/* Forged from these entries, the log is refused by verification and by the daemon alike. */
static void
expect_forgery_found(struct fixture *fixture, const struct bytes *entries, size_t count,
                     uint64_t first_bad, const char *text)
{
    fixture_forge(fixture->copy, entries, count);
    expect_fault(fixture->copy, first_bad, text);
    assert_int_equal(fixture_open(fixture, fixture->copy), STATUS_CORRUPT);
    assert_null(fixture->audit);
    assert_non_null(strstr(fixture->place, text));
    folder_remove(fixture->copy);
}

/* ---- tests ---- */

static void
first_open_records_the_creation_once(void **state)
{
    struct fixture *fixture = *state;
    struct audit_report report;

    for (int i = 0; i < 3; i++) {
        assert_int_equal(fixture->summary.entries, 1);
        assert_false(fixture->summary.has_access_tag);
        assert_false(fixture->summary.intent_open);
        assert_int_equal(fixture->summary.clean, i == 0); /* CREATED is not CLOSED */
        assert_int_equal(audit_last(fixture->audit), 1);
        audit_close(&fixture->audit);
        assert_int_equal(fixture_verify(fixture, fixture->log, NULL, &report), STATUS_OK);
        assert_int_equal(report.entries, 1);
        assert_int_equal(report.first_bad, 0);
        assert_string_equal(report.place, "");
        assert_int_equal(fixture_open(fixture, fixture->log), STATUS_OK);
    }
}

static enum status
expect_same(void *state, const struct audit_entry *entry)
{
    const struct audit_entry *expected = state;

    assert_int_equal(entry->sequence, expected->sequence);
    assert_int_equal(entry->time_ms, expected->time_ms);
    assert_int_equal(entry->operation, expected->operation);
    assert_int_equal(entry->phase, expected->phase);
    assert_int_equal(entry->result, expected->result);
    assert_int_equal(entry->refers, expected->refers);
    assert_int_equal(entry->uid, expected->uid);
    assert_true(bytes_equal(entry->principal, expected->principal));
    assert_true(bytes_equal(entry->namespace_name, expected->namespace_name));
    assert_true(bytes_equal(entry->subject, expected->subject));
    assert_int_equal(entry->role, expected->role);
    assert_int_equal(entry->token_kind, expected->token_kind);
    assert_memory_equal(entry->token, expected->token, TOKEN_BYTES);
    assert_int_equal(entry->relayed, expected->relayed);
    assert_int_equal(entry->amount, expected->amount);
    assert_int_equal(entry->has_checkpoint, expected->has_checkpoint);
    assert_int_equal(entry->has_access_tag, expected->has_access_tag);
    assert_memory_equal(entry->access_tag, expected->access_tag, AUDIT_DIGEST_BYTES);
    assert_int_equal(entry->reason.size,
                     expected->reason.size == 0 ? 0 : expected->reason.size + 40);
    return STATUS_OK;
}

static void
what_is_appended_is_read_again(void **state)
{
    struct fixture *fixture = *state;
    uint64_t before_ms = clock_vault_ms();
    struct audit_entry entry = fixture_reveal("maria");

    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
    entry.phase = AUDIT_OUTCOME;
    entry.refers = 1;
    entry.result = STATUS_CONFLICT;
    entry.subject = bytes_of_text("somebody");
    entry.role = ROLE_AUDIT;
    entry.relayed = true;
    entry.amount = UINT64_MAX - 1;
    entry.has_access_tag = true;
    memset(entry.access_tag, 0xd1, sizeof entry.access_tag);
    assert_int_equal(audit_append(fixture->audit, &entry, 1), STATUS_OK);
    assert_int_equal(entry.sequence, 3);
    assert_int_equal(audit_last(fixture->audit), 3);
    assert_in_range(entry.time_ms, before_ms, clock_vault_ms());
    assert_int_equal(audit_wait(fixture->audit, 3), STATUS_OK);
    assert_int_equal(audit_read(fixture->audit, 3, 1, expect_same, &entry), STATUS_OK);

    audit_close(&fixture->audit);
    assert_int_equal(fixture_open(fixture, fixture->log), STATUS_OK);
    assert_int_equal(audit_read(fixture->audit, 3, 1, expect_same, &entry), STATUS_OK);
}

/* ---- reasons ---- */

static void
expect_unpacked(struct bytes packed, struct audit_reason expected)
{
    struct audit_reason reason;
    uint8_t again[AUDIT_REASON_BYTES_MAX];

    assert_int_equal(audit_reason_unpack(packed, &reason), STATUS_OK);
    assert_true(bytes_equal(reason.text, expected.text));
    assert_true(bytes_equal(reason.purpose, expected.purpose));
    assert_true(bytes_equal(reason.ticket, expected.ticket));
    assert_int_equal(audit_reason_pack(&reason, again), packed.size);
    assert_memory_equal(again, packed.data, packed.size);
}

#define BYTES(literal)                                                                             \
    {                                                                                              \
        (const uint8_t *)(literal), sizeof(literal) - 1                                            \
    }

/* By hand, from the format's text in DESIGN.md. */
static void
reason_is_a_text_or_three_parts(void **state)
{
    static const struct {
        struct bytes packed;
        struct audit_reason parts; /* text, purpose, ticket */
    } rows[] = {
        {BYTES("call back"), {BYTES("call back"), BYTES(""), BYTES("")}},
        {BYTES("\x01\x08\x05"
               "callback"
               "INC-7"
               "asked twice"),
         {BYTES("asked twice"), BYTES("callback"), BYTES("INC-7")}},
        {BYTES("\x01\x05\0legal\xc3\xa9"), {BYTES("\xc3\xa9"), BYTES("legal"), BYTES("")}},
        {BYTES("\x01\0\x05INC-7x"), {BYTES("x"), BYTES(""), BYTES("INC-7")}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        expect_unpacked(rows[i].packed, rows[i].parts);
    }
}

static void
bad_reason_is_corrupt(void **state)
{
    uint8_t long_text[REASON_BYTES_MAX + 1], long_parts[5 + REASON_BYTES_MAX] = {1, 1};
    uint8_t long_purpose[100] = {1, PURPOSE_BYTES_MAX + 1};
    uint8_t long_ticket[100] = {1, 0, TICKET_BYTES_MAX + 1};
    const struct bytes bad[] = {
        BYTES("\x02\x01\x01pt"), /* another version */
        BYTES("\0"),             /* none */
        BYTES("\x01\x01"),       /* cut */
        BYTES("\x01\x02\x01pt"), /* cut in a ticket */
        BYTES("\x01\0\0reason"), /* neither, so the text alone would do */
        bytes_of(long_text, sizeof long_text),
        bytes_of(long_parts, sizeof long_parts),
        bytes_of(long_purpose, sizeof long_purpose),
        bytes_of(long_ticket, sizeof long_ticket),
    };
    struct fixture *fixture = *state;

    memset(long_text, 'r', sizeof long_text);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct audit_reason reason;
        struct audit_entry entry = fixture_reveal("maria");

        entry.reason = bad[i];
        assert_int_equal(audit_reason_unpack(bad[i], &reason), STATUS_CORRUPT);
        assert_int_equal(audit_append(fixture->audit, &entry, 1), STATUS_INVALID);
    }
}

static enum status
expect_parts(void *state, const struct audit_entry *entry)
{
    const struct fixture *fixture = state;
    uint8_t room[AUDIT_REASON_BYTES_MAX];
    struct audit_reason reason;

    assert_int_equal(audit_open_reason(fixture->audit, entry, room, &reason), STATUS_OK);
    assert_true(bytes_equal(reason.text, bytes_of_text("asked twice")));
    assert_true(bytes_equal(reason.purpose, bytes_of_text("callback")));
    assert_true(bytes_equal(reason.ticket, bytes_of_text("INC-7")));
    return STATUS_OK;
}

static void
purpose_and_ticket_are_sealed_with_the_text(void **state)
{
    struct fixture *fixture = *state;
    struct audit_entry entry = fixture_reveal("maria");

    entry.reason = bytes_of_text("\x01\x08\x05"
                                 "callback"
                                 "INC-7"
                                 "asked twice");
    assert_int_equal(audit_append(fixture->audit, &entry, 1), STATUS_OK);
    assert_int_equal(audit_wait(fixture->audit, entry.sequence), STATUS_OK);
    assert_int_equal(audit_read(fixture->audit, entry.sequence, 1, expect_parts, fixture),
                     STATUS_OK);
}

static enum status
open_reason(void *state, const struct audit_entry *entry)
{
    const struct fixture *fixture = state;
    uint8_t associated[AUDIT_REASON_CONTEXT_MAX], plain[AUDIT_REASON_BYTES_MAX];
    struct audit_reason reason;
    size_t size = audit_entry_reason_context(fixture_vault_id, entry, entry->sequence, associated);
    struct key_name key = {KEY_REASON, 0, clock_year(clock_vault_ms())};

    assert_int_equal(
        keyring_decrypt(fixture->keyring, key, bytes_of(associated, size), entry->reason, plain),
        STATUS_OK);
    assert_memory_equal(plain, "ticket 4711", 11);
    assert_non_null(memmem(associated, size, entry->token, TOKEN_BYTES));
    assert_non_null(memmem(associated, size, "maria", 5));
    memset(plain, 0, sizeof plain);
    assert_int_equal(audit_open_reason(fixture->audit, entry, plain, &reason), STATUS_OK);
    assert_true(bytes_equal(reason.text, bytes_of_text("ticket 4711")));
    assert_int_equal(reason.purpose.size + reason.ticket.size, 0);
    /* Beside another entry's place, token or names it does not open. */
    for (size_t at = 0; at < size; at++) {
        associated[at] ^= 1;
        assert_int_equal(keyring_decrypt(fixture->keyring, key, bytes_of(associated, size),
                                         entry->reason, plain),
                         STATUS_CORRUPT);
        associated[at] ^= 1;
    }
    return STATUS_OK;
}

static void
reason_is_sealed_for_its_entry(void **state)
{
    struct fixture *fixture = *state;
    struct audit_entry entries[] = {fixture_reveal("maria"), fixture_reveal("maria")};
    struct log *log;

    assert_int_equal(audit_append(fixture->audit, entries, 2), STATUS_OK);
    assert_int_equal(audit_wait(fixture->audit, 3), STATUS_OK);
    assert_int_equal(audit_read(fixture->audit, 2, 2, open_reason, fixture), STATUS_OK);
    audit_close(&fixture->audit);
    log = fixture_read_log(fixture->log);
    for (size_t i = 0; i < log->count; i++) {
        assert_null(memmem(log->entries[i].data, log->entries[i].size, "4711", 4));
    }
    /* Nonce, ciphertext of 11 bytes and tag end the entry: a nonce is never used twice. */
    assert_memory_not_equal(log->entries[1].data + log->entries[1].size - 51,
                            log->entries[2].data + log->entries[2].size - 51, 24);
    fixture_free_log(&log);
}

static void
nothing_is_taken_without_the_years_key(void **state)
{
    struct fixture *fixture = *state;
    struct audit_entry entries[] = {fixture_act(AUDIT_ACT_OPENED), fixture_reveal("maria")};

    keyring_seal(fixture->keyring);
    assert_int_equal(audit_append(fixture->audit, entries, 2), STATUS_UNAVAILABLE);
    assert_int_equal(audit_last(fixture->audit), 1);
    assert_int_equal(keyring_unseal(fixture->keyring, fixture->root), STATUS_OK);
    assert_int_equal(audit_append(fixture->audit, entries, 2), STATUS_OK);
    assert_int_equal(entries[0].sequence, 2);
    assert_int_equal(entries[1].sequence, 3);
}

static void
entry_that_could_not_be_read_again_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char long_name[NAME_BYTES_MAX + 2] = {0}, long_reason[REASON_BYTES_MAX + 2] = {0};
    uint8_t packed[AUDIT_REASON_BYTES_MAX];
    struct audit_reason reason = {bytes_of(long_reason, REASON_BYTES_MAX),
                                  bytes_of(long_reason, PURPOSE_BYTES_MAX),
                                  bytes_of(long_reason, TICKET_BYTES_MAX)};
    struct audit_entry cases[15];

    memset(long_name, 'n', NAME_BYTES_MAX + 1);
    memset(long_reason, 'r', REASON_BYTES_MAX + 1);
    for (size_t i = 0; i < 15; i++) {
        cases[i] = fixture_reveal("maria");
    }
    cases[0].operation = 0;
    cases[1].phase = (enum audit_phase)4;
    cases[2].result = (enum status)STATUS_COUNT;
    cases[3].refers = 1;
    cases[4].phase = AUDIT_OUTCOME;
    cases[5].role = ROLE_COUNT;
    cases[6].token_kind = 3;
    cases[7].token_kind = 0;
    cases[8].subject = bytes_of_text(long_name);
    cases[9].reason = bytes_of_text(long_reason);
    cases[10].has_checkpoint = true;
    cases[11].operation = AUDIT_ACT_OPENED; /* and not signed */
    cases[12].operation = AUDIT_ACT_CLOSED;
    cases[13].operation = AUDIT_ACT_CHECKPOINT;
    cases[14] = fixture_act(AUDIT_ACT_CLOSED);
    cases[14].phase = AUDIT_INTENT;
    for (size_t i = 0; i < 15; i++) {
        assert_int_equal(audit_append(fixture->audit, &cases[i], 1), STATUS_INVALID);
    }
    cases[0] = fixture_reveal("mar\nia");
    assert_int_equal(audit_append(fixture->audit, cases, 1), STATUS_INVALID);
    cases[0] = fixture_reveal("m\xc3\xa1ria");
    assert_int_equal(audit_append(fixture->audit, cases, 1), STATUS_INVALID);
    assert_int_equal(audit_last(fixture->audit), 1);

    cases[0] = fixture_act(AUDIT_ACT_CLOSED); /* the largest there is */
    long_name[NAME_BYTES_MAX] = long_reason[REASON_BYTES_MAX] = '\0';
    cases[0].principal = cases[0].namespace_name = cases[0].subject = bytes_of_text(long_name);
    cases[0].reason = bytes_of(packed, audit_reason_pack(&reason, packed));
    assert_int_equal(cases[0].reason.size, AUDIT_REASON_BYTES_MAX);
    cases[0].has_access_tag = true;
    assert_int_equal(audit_append(fixture->audit, cases, 1), STATUS_OK);
    assert_int_equal(audit_wait(fixture->audit, 2), STATUS_OK);
    assert_int_equal(audit_read(fixture->audit, 2, 1, expect_same, &cases[0]), STATUS_OK);
}

static void
reveals_on_disk_get_receipts(void **state)
{
    struct fixture *fixture = *state;
    struct audit_entry entries[] = {fixture_reveal("maria"), fixture_reveal("maria")};
    struct audit_receipt receipts[2];
    uint64_t flushes = audit_flushes(fixture->audit);

    entries[1].token[0] = 'x';
    assert_int_equal(audit_record_reveals(fixture->audit, entries, 2, receipts), STATUS_OK);
    assert_true(audit_flushes(fixture->audit) > flushes);
    assert_int_equal(receipts[0].sequence, 2);
    assert_int_equal(receipts[1].sequence, 3);
    assert_memory_equal(receipts[0].token, fixture_token, TOKEN_BYTES);
    assert_memory_equal(receipts[1].token, entries[1].token, TOKEN_BYTES);

    memset(receipts, 0, sizeof receipts);
    keyring_seal(fixture->keyring);
    assert_int_equal(audit_record_reveals(fixture->audit, entries, 2, receipts),
                     STATUS_UNAVAILABLE);
    assert_int_equal(receipts[0].sequence, 0);
}

/* What the summary says after these entries, which follow CREATED and OPENED as entries 3, 4, ...
 */
static struct audit_summary
summary_after(struct fixture *fixture, struct audit_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        memset(entries[i].access_tag, (int)i + 3, AUDIT_DIGEST_BYTES);
    }
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
    assert_int_equal(audit_append(fixture->audit, entries, count), STATUS_OK);
    audit_close(&fixture->audit);
    assert_int_equal(fixture_open(fixture, fixture->log), STATUS_OK);
    return fixture->summary;
}

#define INTENT                                                                                     \
    {                                                                                              \
        .operation = OP_GRANT, .phase = AUDIT_INTENT, .has_access_tag = true                       \
    }
#define OUTCOME(intent, status, digest)                                                            \
    {                                                                                              \
        .operation = OP_GRANT, .phase = AUDIT_OUTCOME, .refers = (intent), .result = (status),     \
        .has_access_tag = (digest)                                                                 \
    }

static void
settled_change_gives_the_digest(void **state)
{
    struct audit_entry entries[] = {INTENT, OUTCOME(3, STATUS_OK, true)};
    struct audit_summary summary = summary_after(*state, entries, 2);

    assert_int_equal(summary.entries, 4);
    assert_true(summary.has_access_tag);
    assert_int_equal(summary.access_tag[0], 4);
    assert_false(summary.intent_open);
    assert_false(summary.clean);
}

static void
failed_change_leaves_the_digest(void **state)
{
    struct audit_entry entries[] = {INTENT, OUTCOME(3, STATUS_OK, true), INTENT,
                                    OUTCOME(5, STATUS_UNAVAILABLE, true)};
    struct audit_summary summary = summary_after(*state, entries, 4);

    assert_true(summary.has_access_tag);
    assert_int_equal(summary.access_tag[0], 4);
    assert_false(summary.intent_open);
}

static void
unsettled_change_is_open(void **state)
{
    struct audit_entry entries[] = {INTENT, OUTCOME(3, STATUS_OK, true), INTENT,
                                    OUTCOME(3, STATUS_OK, true), fixture_act(AUDIT_ACT_CLOSED)};
    struct audit_summary summary = summary_after(*state, entries, 5);

    assert_true(summary.intent_open); /* entry 6 settles another one */
    assert_int_equal(summary.intent, 5);
    assert_int_equal(summary.intent_operation, OP_GRANT);
    assert_int_equal(summary.intent_tag[0], 5);
    assert_true(summary.clean);
}

/* ---- sealed is sealed ---- */

static struct audit_entry
outcome_of(uint64_t intent, const char *principal)
{
    return (struct audit_entry){.operation = OP_ERASE,
                                .phase = AUDIT_OUTCOME,
                                .refers = intent,
                                .token_kind = CONTACT_EMAIL,
                                .principal = bytes_of_text(principal)};
}

/* A log that ends in such a state, then `entry`: refused in both places, or opened. */
static void
expect_standing(struct fixture *fixture, struct audit_entry entry, bool may)
{
    struct audit_report report;
    uint64_t sequence = fixture_append(fixture, entry);
    char number[32];

    (void)snprintf(number, sizeof number, "entry %u:", (unsigned)sequence);
    audit_close(&fixture->audit);
    assert_int_equal(fixture_open(fixture, fixture->log), may ? STATUS_OK : STATUS_CORRUPT);
    assert_int_equal(fixture_verify(fixture, fixture->log, NULL, &report),
                     may ? STATUS_OK : STATUS_CORRUPT);
    if (!may) {
        assert_non_null(strstr(fixture->place, number));
        assert_non_null(strstr(fixture->place, "the vault was sealed then"));
        assert_int_equal(report.first_bad, sequence);
        assert_non_null(strstr(report.place, "the vault was sealed then"));
    }
}

static void
nothing_is_added_behind_closed(void **state)
{
    struct fixture *fixture = *state;
    struct audit_entry forged[] = {
        fixture_reveal("maria"),           fixture_act(AUDIT_ACT_BUDGET),
        fixture_act(AUDIT_ACT_CLOCK_BACK), fixture_act(AUDIT_ACT_RETAINED),
        fixture_act(AUDIT_ACT_CLOSED),     outcome_of(1, "maria"),
    };

    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
        (void)fixture_append(fixture, fixture_act(AUDIT_ACT_CLOSED));
        audit_close(&fixture->audit);
        folder_copy(fixture->log, fixture->copy);
        assert_int_equal(fixture_open(fixture, fixture->log), STATUS_OK);
        expect_standing(fixture, forged[i], false);
        folder_remove(fixture->log);
        assert_int_equal(rename(fixture->copy, fixture->log), 0);
        assert_int_equal(fixture_open(fixture, fixture->log), STATUS_OK);
    }
}

static void
nothing_is_added_before_the_first_opening(void **state)
{
    expect_standing(*state, fixture_reveal("maria"), false);
}

static void
what_a_sealed_vault_writes_may_stand(void **state)
{
    struct fixture *fixture = *state;

    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_CLOSED));
    expect_standing(fixture, fixture_act(AUDIT_ACT_CUT), true);
    assert_true(fixture->summary.clean);
    expect_standing(fixture, outcome_of(1, ""), true);
    expect_standing(fixture, fixture_act(AUDIT_ACT_CHECKPOINT), true);
    assert_true(fixture->summary.clean);
    expect_standing(fixture, fixture_act(AUDIT_ACT_OPENED), true);
    assert_false(fixture->summary.clean);
    /* After a crash there is no CLOSED, and what was done before it stands. */
    expect_standing(fixture, fixture_reveal("maria"), true);
    expect_standing(fixture, fixture_act(AUDIT_ACT_CUT), true);
    assert_false(fixture->summary.clean);
    expect_standing(fixture, fixture_act(AUDIT_ACT_OPENED), true);
}

static void
time_never_goes_back(void **state)
{
    struct fixture *fixture = *state;
    struct audit_entry created = {.operation = AUDIT_ACT_CREATED, .phase = AUDIT_DONE};
    struct audit_entry entry = fixture_act(AUDIT_ACT_OPENED);
    struct audit_link link = {.sequence = 1, .time_ms = clock_vault_ms() + 1000000};
    uint8_t bytes[AUDIT_ENTRY_BYTES_MAX];
    struct bytes forged = bytes_of(bytes, audit_entry_size(&created, 0));

    audit_close(&fixture->audit);
    audit_entry_root(fixture_vault_id, link.previous);
    (void)audit_entry_encode(&created, 0, bytes);
    audit_entry_put_link(&link, bytes);
    fixture_forge(fixture->copy, &forged, 1);
    assert_int_equal(fixture_open(fixture, fixture->copy), STATUS_OK);
    assert_int_equal(audit_append(fixture->audit, &entry, 1), STATUS_OK);
    assert_int_equal(entry.time_ms, link.time_ms);
    assert_true(clock_vault_ms() < link.time_ms); /* which is nobody's word */
}

static void
log_of_another_vault_is_refused(void **state)
{
    struct fixture *fixture = *state;
    uint8_t other[VAULT_ID_BYTES] = "another vault's";
    struct log *log = small_log(fixture);
    uint8_t *first = (uint8_t *)(uintptr_t)log->entries[0].data;

    fixture->options.vault_id = other;
    assert_int_equal(fixture_open(fixture, fixture->log), STATUS_CORRUPT);
    assert_null(fixture->audit);
    fixture->options.vault_id = fixture_vault_id;

    /* Not even with this vault's id on the files. */
    audit_entry_root(other, first + 24);
    fixture_forge(fixture->copy, log->entries, 1);
    assert_int_equal(fixture_open(fixture, fixture->copy), STATUS_CORRUPT);
    assert_non_null(strstr(fixture->place, "another vault"));
    expect_fault(fixture->copy, 1, "not the vault's");
    fixture_free_log(&log);
}

/* The first entry that the chain refuses; 0: none. */
static uint64_t
first_refused(const struct log *log)
{
    struct audit_chain chain = {0};
    struct audit_entry entry;

    for (size_t i = 0; i < log->count; i++) {
        if (audit_chain_extend(&chain, i + 1, log->entries[i], &entry) != STATUS_OK) {
            assert_non_null(chain.fault);
            return i + 1;
        }
    }
    return 0;
}

/* Every byte of every entry that has a successor; a few of them through files too. */
static void
altered_entries_are_found_and_named(void **state)
{
    struct fixture *fixture = *state;
    struct log *log = small_log(fixture);

    assert_int_equal(first_refused(log), 0);
    for (size_t i = 0; i + 1 < log->count; i++) {
        for (size_t at = 0; at < log->entries[i].size; at++) {
            uint8_t *byte = (uint8_t *)(uintptr_t)log->entries[i].data + at;
            uint64_t refused;

            *byte ^= 0x20;
            refused = first_refused(log);
            assert_in_range(refused, i + 1, i + 2);
            if (at % 40 == 5) {
                /* Through files, whose log it is, is known: then the root is one thing more. */
                refused = i == 0 && at >= 24 && at < 56 ? 1 : refused;
                expect_forgery_found(fixture, log->entries, log->count, refused, ".seg at byte ");
            }
            *byte ^= 0x20;
        }
    }
    fixture_free_log(&log);
}

static void
moved_and_missing_entries_are_found_and_named(void **state)
{
    struct fixture *fixture = *state;
    struct log *log = small_log(fixture);
    struct bytes *e = log->entries;
    struct bytes swapped[] = {e[0], e[1], e[3], e[2], e[4]};
    struct bytes deleted[] = {e[0], e[1], e[3], e[4]};
    struct bytes doubled[] = {e[0], e[1], e[2], e[2], e[3]};
    struct bytes headless[] = {e[1], e[2], e[3], e[4]};

    expect_forgery_found(fixture, swapped, 5, 3, "its number is not its place");
    expect_forgery_found(fixture, deleted, 4, 3, "its number is not its place");
    expect_forgery_found(fixture, doubled, 5, 4, "its number is not its place");
    expect_forgery_found(fixture, headless, 4, 1, "its number is not its place");

    /* Numbered anew, the hashes tell. */
    put_u64((uint8_t *)(uintptr_t)e[3].data + 8, 3);
    expect_forgery_found(fixture, deleted, 3, 3, "does not carry the hash");
    put_u64((uint8_t *)(uintptr_t)e[1].data + 8, 1);
    expect_forgery_found(fixture, headless, 1, 1, "is its creation");
    fixture_free_log(&log);
}

static void
entries_with_a_right_hash_can_still_be_wrong(void **state)
{
    struct fixture *fixture = *state;
    struct log *log = small_log(fixture);
    uint8_t *last = fixture_entry(log, 4);

    last[16] = 0; /* time */
    last[17] = last[18] = last[19] = 0;
    expect_forgery_found(fixture, log->entries, 4, 4, "its time is before");
    memcpy(last + 16, log->entries[2].data + 16, 8);
    last[1] = AUDIT_OUTCOME;
    put_u64(last + 56, 4);
    expect_forgery_found(fixture, log->entries, 4, 4, "not before it");
    put_u32(last + 2, AUDIT_ACT_CREATED);
    expect_forgery_found(fixture, log->entries, 4, 4, "is its creation");
    fixture_free_log(&log);
}

/* The one file of a small log, cut to what is used and a little of the zeros after it. */
static uint8_t *
read_segment(const char *folder, char ret_path[static FOLDER_PATH_BYTES], size_t *ret_size)
{
    DIR *entries = opendir(folder);
    struct dirent *entry;
    uint8_t *best = NULL;

    assert_non_null(entries);
    *ret_size = 0;
    while ((entry = readdir(entries)) != NULL) {
        char path[FOLDER_PATH_BYTES];
        struct stat about;
        size_t size;
        uint8_t *data;

        folder_join(folder, entry->d_name, path);
        assert_int_equal(stat(path, &about), 0);
        if (!S_ISREG(about.st_mode)) {
            continue;
        }
        data = folder_read(path, &size);
        while (size > 0 && data[size - 1] == 0) {
            size--;
        }
        if (size > *ret_size) {
            free(best);
            best = data;
            *ret_size = size;
            memcpy(ret_path, path, FOLDER_PATH_BYTES);
        } else {
            free(data);
        }
    }
    (void)closedir(entries);
    assert_non_null(best);
    return best;
}

static void
every_changed_byte_of_the_file_is_found(void **state)
{
    struct fixture *fixture = *state;
    struct log *log = small_log(fixture);
    char path[FOLDER_PATH_BYTES];
    struct audit_report report;
    size_t size;
    uint8_t *file;

    folder_copy(fixture->log, fixture->copy);
    file = read_segment(fixture->copy, path, &size);
    size = (size + 64) / 8 * 8;
    folder_write(path, file, size);
    assert_int_equal(fixture_verify(fixture, fixture->copy, NULL, &report), STATUS_OK);
    assert_int_equal(report.entries, 5);
    for (size_t at = 0; at < size; at++) {
        file[at] ^= 0x08;
        folder_write(path, file, size);
        if (fixture_verify(fixture, fixture->copy, NULL, &report) != STATUS_CORRUPT) {
            fail_msg("byte %zu of %zu", at, size);
        }
        assert_true(report.first_bad >= 1 && report.first_bad <= 6);
        assert_true(strlen(report.place) > 20);
        file[at] ^= 0x08;
    }
    free(file);
    fixture_free_log(&log);
}

static void
torn_tail_is_told_offline_and_recorded_at_start(void **state)
{
    struct fixture *fixture = *state;
    struct log *log = small_log(fixture);
    char path[FOLDER_PATH_BYTES];
    struct audit_report report;
    size_t size;
    uint8_t *file;

    folder_copy(fixture->log, fixture->copy);
    file = read_segment(fixture->copy, path, &size);
    for (size_t i = 0; i < 100; i++) {
        file[size - 1 - i] = 0; /* the mark of the good end, and the end of entry 5 */
    }
    folder_write(path, file, size);
    expect_fault(fixture->copy, 5, "torn or altered");
    assert_int_equal(fixture_open(fixture, fixture->copy), STATUS_OK);
    assert_int_equal(fixture->summary.entries, 5); /* four, and the cut */
    assert_false(fixture->summary.clean);
    audit_close(&fixture->audit);
    assert_int_equal(fixture_verify(fixture, fixture->copy, NULL, &report), STATUS_OK);
    assert_int_equal(report.entries, 5);
    fixture_free_log(&log);
    log = fixture_read_log(fixture->copy);
    assert_int_equal(get_u32(log->entries[4].data + 2), AUDIT_ACT_CUT);
    fixture_free_log(&log);
    free(file);
}

static void
verifying_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct log *log = small_log(fixture);
    char path[FOLDER_PATH_BYTES];
    struct audit_report report;
    struct stat before, after;
    struct stat folder_before, folder_after;
    size_t size;
    uint8_t *file = read_segment(fixture->log, path, &size);

    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(stat(fixture->log, &folder_before), 0);
    assert_int_equal(fixture_verify(fixture, fixture->log, NULL, &report), STATUS_OK);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(stat(fixture->log, &folder_after), 0);
    assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof before.st_mtim);
    assert_memory_equal(&folder_before.st_mtim, &folder_after.st_mtim, sizeof before.st_mtim);

    assert_int_equal(fixture_verify(fixture, fixture->copy, NULL, &report), STATUS_NOT_FOUND);
    assert_false(folder_has(fixture->copy));
    assert_int_equal(mkdir(fixture->copy, 0700), 0);
    expect_fault(fixture->copy, 1, "there is no entry");
    free(file);
    fixture_free_log(&log);
}

struct appender {
    struct audit *audit;
    uint64_t last;
    bool ordered;
};

static void *
append_many(void *state)
{
    struct appender *appender = state;

    appender->ordered = true;
    for (int i = 0; i < APPENDS; i++) {
        struct audit_entry entries[] = {fixture_reveal("maria"), fixture_reveal("maria")};
        struct audit_receipt receipts[2];
        size_t count = 1 + (size_t)i % 2;

        if (audit_record_reveals(appender->audit, entries, count, receipts) != STATUS_OK ||
            entries[0].sequence <= appender->last ||
            (count == 2 && entries[1].sequence != entries[0].sequence + 1)) {
            appender->ordered = false;
        }
        appender->last = entries[count - 1].sequence;
    }
    return NULL;
}

static void
many_threads_make_one_chain_without_gaps(void **state)
{
    struct fixture *fixture = *state;
    struct appender appenders[THREADS] = {0};
    pthread_t threads[THREADS];
    struct audit_report report;
    uint64_t flushes;

    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
    for (int i = 0; i < THREADS; i++) {
        appenders[i].audit = fixture->audit;
        assert_int_equal(pthread_create(&threads[i], NULL, append_many, &appenders[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(appenders[i].ordered);
    }
    /* Two checkpoints came in between by themselves. */
    assert_int_equal(audit_last(fixture->audit), 2 + THREADS * APPENDS * 3 / 2 + 2);
    flushes = audit_flushes(fixture->audit);
    assert_true(flushes < THREADS * APPENDS / 2); /* callers share them */
    audit_close(&fixture->audit);
    assert_int_equal(fixture_verify(fixture, fixture->log, NULL, &report), STATUS_OK);
    assert_int_equal(report.entries, 2 + THREADS * APPENDS * 3 / 2 + 2);
    assert_int_equal(report.checkpoints, 3);
}

static void
acts_have_names(void **state)
{
    (void)state;
    assert_string_equal(audit_act_name(OP_DETOKENIZE), "detokenize");
    assert_string_equal(audit_act_name(AUDIT_ACT_CREATED), "created");
    assert_string_equal(audit_act_name(AUDIT_ACT_CUT), "cut");
    assert_string_equal(audit_act_name(AUDIT_ACT_CHECKPOINT), "checkpoint");
    assert_string_equal(audit_act_name(AUDIT_ACT_CLOCK_FORWARD), "clock_forward");
    assert_string_equal(audit_act_name(AUDIT_ACT_RETAINED), "retained");
    assert_string_equal(audit_act_name(AUDIT_ACT_BUDGET_EXTRA), "budget_extra");
    assert_string_equal(audit_act_name(AUDIT_ACT_KEY_DESTROYED), "key_destroyed");
    assert_string_equal(audit_act_name(AUDIT_ACT_RESTORED), "restored");
    assert_string_equal(audit_act_name(AUDIT_ACT_SWEPT), "swept");
    assert_string_equal(audit_act_name(AUDIT_ACT_BACKUP_ENDED), "backup_ended");
    assert_string_equal(audit_act_name(AUDIT_ACT_CANARY), "canary");
    assert_string_equal(audit_act_name(AUDIT_ACT_CANARY + 1), "unknown");
    assert_string_equal(audit_act_name(0), "unknown");
    assert_string_equal(audit_act_name(UINT32_MAX), "unknown");
}

/* Fields: fixture_vault_id, then entries of one chain. Made by tests/vectors/make_keys.py. */
static enum status
run_vector(void *state, const struct vector *vector)
{
    struct audit_chain chain = {0};
    struct audit_entry entry;
    uint8_t root[AUDIT_DIGEST_BYTES];

    (void)state;
    for (size_t i = 1; i < vector->count; i++) {
        if (audit_chain_extend(&chain, i, vector->fields[i], &entry) != STATUS_OK) {
            return STATUS_CORRUPT;
        }
        chain.sealed = false; /* where an entry may stand is another test's */
    }
    audit_entry_root(vector->fields[0].data, root);
    return memcmp(root, chain.root, sizeof root) == 0 ? STATUS_OK : STATUS_CORRUPT;
}

static void
vectors_give_what_they_say(void **state)
{
    assert_int_equal(vectors_run(TESTS_DIR "/vectors/audit.txt", run_vector, *state), 28);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(first_open_records_the_creation_once),
        TEST(what_is_appended_is_read_again),
        TEST(reason_is_sealed_for_its_entry),
        TEST(reason_is_a_text_or_three_parts),
        TEST(bad_reason_is_corrupt),
        TEST(purpose_and_ticket_are_sealed_with_the_text),
        TEST(nothing_is_taken_without_the_years_key),
        TEST(entry_that_could_not_be_read_again_is_refused),
        TEST(reveals_on_disk_get_receipts),
        TEST(settled_change_gives_the_digest),
        TEST(failed_change_leaves_the_digest),
        TEST(unsettled_change_is_open),
        TEST(nothing_is_added_behind_closed),
        TEST(nothing_is_added_before_the_first_opening),
        TEST(what_a_sealed_vault_writes_may_stand),
        TEST(time_never_goes_back),
        TEST(log_of_another_vault_is_refused),
        TEST(altered_entries_are_found_and_named),
        TEST(moved_and_missing_entries_are_found_and_named),
        TEST(entries_with_a_right_hash_can_still_be_wrong),
        TEST(every_changed_byte_of_the_file_is_found),
        TEST(torn_tail_is_told_offline_and_recorded_at_start),
        TEST(verifying_changes_nothing),
        TEST(many_threads_make_one_chain_without_gaps),
        TEST(acts_have_names),
        TEST(vectors_give_what_they_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
