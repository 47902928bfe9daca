/* SPDX-License-Identifier: Apache-2.0 */
/* Owns SECURITY.md S9 "what was cut or put back is found at start": checkpoints, signed and kept in
 * a second place, and what the opening learns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audit_checkpoint.h"
#include "audit_entry.h"
#include "audit_fixture.h"
#include "clock.h"
#include "message.h"
#include "vectors.h"

enum { HOUR_MS = 3600 * 1000, BATCH = 4096 };

/* ---- help ---- */

static void
use_second_place(struct fixture *fixture)
{
    fixture->options.checkpoint_folder = fixture->place2;
    fixture_reopen(fixture);
}

/* OPENED, which every unsealed log has, then so many reveals, durably. */
static void
open_and_fill(struct fixture *fixture, int reveals)
{
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
    for (int i = 0; i < reveals; i++) {
        (void)fixture_append(fixture, fixture_reveal("maria"));
    }
}

static bool
tick(struct fixture *fixture, uint64_t *ret_sequence)
{
    uint8_t digest[AUDIT_DIGEST_BYTES], expected[AUDIT_DIGEST_BYTES];
    bool told = audit_tick(fixture->audit, ret_sequence, digest);

    if (told) {
        assert_int_equal(audit_digest_at(fixture->audit, *ret_sequence, expected), STATUS_OK);
        assert_memory_equal(digest, expected, sizeof digest);
    }
    return told;
}

/* The one file of the second place, as text; for the caller to free. */
static char *
kept_text(const struct fixture *fixture, char ret_path[static FOLDER_PATH_BYTES])
{
    DIR *entries = opendir(fixture->place2);
    const struct dirent *entry;
    char *text = NULL;
    size_t size = 0;
    uint8_t *data;

    assert_non_null(entries);
    while ((entry = readdir(entries)) != NULL) {
        if (entry->d_name[0] != '.') {
            assert_null(text);
            folder_join(fixture->place2, entry->d_name, ret_path);
            data = folder_read(ret_path, &size);
            text = calloc(size + 1, 1);
            memcpy(text, data, size);
            free(data);
        }
    }
    (void)closedir(entries);
    return text;
}

static size_t
count_lines(const struct fixture *fixture)
{
    char path[FOLDER_PATH_BYTES];
    char *text = kept_text(fixture, path);
    size_t lines = 0;

    for (const char *at = text; at != NULL && *at != '\0'; at++) {
        lines += *at == '\n';
    }
    free(text);
    return lines;
}

static void
add_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "ae");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void
expect_proved(struct fixture *fixture)
{
    if (audit_prove(fixture->audit, &fixture->noted, fixture->place) != STATUS_OK) {
        fail_msg("%s", fixture->place);
    }
}

static void
expect_not_proved(struct fixture *fixture, const char *text)
{
    memset(fixture->place, 0, sizeof fixture->place);
    assert_int_equal(audit_prove(fixture->audit, &fixture->noted, fixture->place), STATUS_CORRUPT);
    if (strstr(fixture->place, text) == NULL) {
        fail_msg("'%s' does not say '%s'", fixture->place, text);
    }
}

static enum status
take_entry(void *state, const struct audit_entry *entry)
{
    struct audit_entry *to = state;

    *to = *entry; /* its views are gone when the visit ends */
    return STATUS_OK;
}

static struct audit_entry
read_one(struct fixture *fixture, uint64_t sequence)
{
    struct audit_entry entry = {0};

    assert_int_equal(audit_read(fixture->audit, sequence, 1, take_entry, &entry), STATUS_OK);
    assert_int_equal(entry.sequence, sequence);
    return entry;
}

/* ---- the format ---- */

/* Fields: vault_id, public key, line, entry. Made by tests/vectors/make_keys.py. */
static enum status
run_vector(void *state, const struct vector *vector)
{
    struct audit_checkpoint line, checkpoint;
    char again[AUDIT_CHECKPOINT_LINE_MAX];
    struct audit_entry entry;
    struct audit_link link;
    const char *fault;
    enum status status;

    (void)state;
    if (!audit_checkpoint_parse(vector->fields[2], &line)) {
        return STATUS_INVALID;
    }
    assert_true(audit_checkpoint_holds(&line, vector->fields[1].data) ==
                (strstr(vector->name, "-by-another") == NULL));
    status = audit_entry_decode(vector->fields[3], &entry, &link, &fault);
    if (status != STATUS_OK) {
        return status;
    }
    audit_checkpoint_of(vector->fields[0].data, &entry, vector->fields[3], &checkpoint);
    if (!audit_checkpoint_holds(&checkpoint, vector->fields[1].data)) {
        assert_true(strstr(vector->name, "-by-another") != NULL ||
                    !audit_checkpoint_same(&checkpoint, &line));
        return STATUS_DENIED;
    }
    assert_true(audit_checkpoint_same(&checkpoint, &line));
    assert_int_equal(audit_checkpoint_print(&checkpoint, again), vector->fields[2].size + 1);
    assert_memory_equal(again, vector->fields[2].data, vector->fields[2].size);
    return STATUS_OK;
}

static void
vectors_give_what_they_say(void **state)
{
    assert_int_equal(vectors_run(TESTS_DIR "/vectors/audit_checkpoint.txt", run_vector, *state),
                     30);
}

/* Whatever byte of a signed entry is changed: it cannot be read, or its signature does not hold. */
static void
signature_covers_every_byte(void **state)
{
    struct fixture *fixture = *state;
    struct audit_entry closed = fixture_act(AUDIT_ACT_CLOSED), entry;
    struct audit_checkpoint checkpoint;
    struct audit_link link;
    const char *fault;
    struct log *log;

    closed.principal = bytes_of_text("admin");
    closed.relayed = true;
    closed.has_access_tag = true;
    closed.reason = bytes_of_text("holidays");
    (void)fixture_append(fixture, closed);
    audit_close(&fixture->audit);
    log = fixture_read_log(fixture->log);
    for (size_t at = 0; at <= log->entries[1].size; at++) {
        bool whole = at == log->entries[1].size;

        for (unsigned bit = 1; bit < 256; bit <<= 1) {
            fixture_entry(log, 2)[whole ? 0 : at] ^= (uint8_t)(whole ? 0 : bit);
            if (audit_entry_decode(log->entries[1], &entry, &link, &fault) == STATUS_OK) {
                audit_checkpoint_of(fixture_vault_id, &entry, log->entries[1], &checkpoint);
                assert_true(audit_checkpoint_holds(&checkpoint, fixture->public_key) == whole);
            }
            fixture_entry(log, 2)[whole ? 0 : at] ^= (uint8_t)(whole ? 0 : bit);
        }
    }
    fixture_free_log(&log);
}

/* ---- in the chain ---- */

static void
checkpoint_says_what_was_so_when_it_was_taken(void **state)
{
    struct fixture *fixture = *state;
    struct audit_entry opened = fixture_act(AUDIT_ACT_OPENED), entry;
    struct audit_report report;

    memset(opened.signature, 0xee, sizeof opened.signature); /* whatever the caller left there */
    opened.changes = 99;
    fixture->changes = 1234567890123;
    (void)fixture_append(fixture, opened);
    entry = read_one(fixture, 2);
    assert_true(entry.has_checkpoint);
    assert_int_equal(entry.changes, 1234567890123);
    assert_memory_equal(entry.instance_id, fixture_instance_id, INSTANCE_ID_BYTES);
    expect_proved(fixture);
    assert_int_equal(fixture_verify(fixture, fixture->log, NULL, &report), STATUS_OK);
    assert_int_equal(report.checkpoints, 1);
}

static void
sealed_vault_signs_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct audit_entry entries[] = {fixture_act(AUDIT_ACT_CUT), fixture_act(AUDIT_ACT_OPENED)};
    uint64_t sequence = 0;

    keyring_seal(fixture->keyring);
    assert_int_equal(audit_append(fixture->audit, entries, 2), STATUS_UNAVAILABLE);
    assert_false(tick(fixture, &sequence));
    assert_int_equal(audit_last(fixture->audit), 1);
    assert_int_equal(audit_prove(fixture->audit, &fixture->noted, fixture->place), STATUS_SEALED);
    for (int i = 0; i < AUDIT_CHECKPOINT_ENTRIES + 10; i++) {
        assert_int_equal(audit_append(fixture->audit, entries, 1), STATUS_OK);
    }
    assert_int_equal(audit_last(fixture->audit), 1 + AUDIT_CHECKPOINT_ENTRIES + 10);
    /* Open again, the next append makes up for it. */
    assert_int_equal(keyring_unseal(fixture->keyring, fixture->root), STATUS_OK);
    assert_int_equal(audit_append(fixture->audit, entries, 1), STATUS_OK);
    assert_int_equal(audit_last(fixture->audit), 1 + AUDIT_CHECKPOINT_ENTRIES + 12);
}

static void
thousand_entries_bring_a_checkpoint(void **state)
{
    struct fixture *fixture = *state;
    struct audit_entry *batch = calloc(BATCH, sizeof *batch);
    uint64_t opened = fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
    uint64_t last;

    for (int i = 0; i < BATCH; i++) {
        batch[i] = fixture_reveal("maria");
    }
    assert_int_equal(audit_append(fixture->audit, batch, AUDIT_CHECKPOINT_ENTRIES - 1), STATUS_OK);
    assert_int_equal(audit_last(fixture->audit), opened + AUDIT_CHECKPOINT_ENTRIES - 1);
    /* The thousandth: it comes behind the caller's entry, whose number is the predicted one. */
    last = audit_last(fixture->audit);
    assert_int_equal(audit_append(fixture->audit, batch, 1), STATUS_OK);
    assert_int_equal(batch[0].sequence, last + 1);
    assert_int_equal(audit_last(fixture->audit), last + 2);
    assert_int_equal(audit_wait(fixture->audit, last + 2), STATUS_OK);
    assert_int_equal(read_one(fixture, last + 2).operation, AUDIT_ACT_CHECKPOINT);
    /* A batch that is larger has one, behind it; and counting begins anew. */
    last = audit_last(fixture->audit);
    assert_int_equal(audit_append(fixture->audit, batch, BATCH), STATUS_OK);
    assert_int_equal(batch[BATCH - 1].sequence, last + BATCH);
    assert_int_equal(audit_last(fixture->audit), last + BATCH + 1);
    assert_int_equal(audit_append(fixture->audit, batch, AUDIT_CHECKPOINT_ENTRIES - 1), STATUS_OK);
    last = audit_last(fixture->audit);
    assert_int_equal(last, opened + 1000 + 1 + BATCH + 1 + 999);
    /* It does after a restart too, and when the entries come out of the reserve. */
    fixture_reopen(fixture);
    assert_int_equal(audit_append_reserved(fixture->audit, batch, 1, AUDIT_RESERVE_STOP),
                     STATUS_OK);
    assert_int_equal(audit_last(fixture->audit), last + 2);
    expect_proved(fixture);
    free(batch);
}

static void
tick_brings_one_when_time_has_passed_even_if_idle(void **state)
{
    struct fixture *fixture = *state;
    const struct timespec pause = {.tv_sec = 1, .tv_nsec = 100 * 1000 * 1000};
    uint64_t sequence = 0;

    fixture->options.checkpoint_s = 1;
    fixture_reopen(fixture);
    open_and_fill(fixture, 1);
    assert_true(tick(fixture, &sequence)); /* OPENED is one */
    assert_int_equal(sequence, 2);
    assert_false(tick(fixture, &sequence)); /* told already, and none is due */
    assert_int_equal(audit_last(fixture->audit), 3);
    for (uint64_t expected = 4; expected <= 5; expected++) {
        (void)nanosleep(&pause, NULL);
        assert_true(tick(fixture, &sequence));
        assert_int_equal(sequence, expected);
        assert_int_equal(read_one(fixture, expected).operation, AUDIT_ACT_CHECKPOINT);
    }
    assert_false(tick(fixture, &sequence));
    keyring_seal(fixture->keyring);
    (void)nanosleep(&pause, NULL);
    assert_false(tick(fixture, &sequence));
    assert_int_equal(audit_last(fixture->audit), 5);
}

/* ---- the second place ---- */

static void
newest_checkpoint_is_written_to_the_second_place(void **state)
{
    struct fixture *fixture = *state;
    char path[FOLDER_PATH_BYTES], month[8], expected[64];
    struct audit_checkpoint kept;
    struct audit_report report;
    struct stat about;
    uint64_t sequence = 0;
    time_t now;
    char *text;

    use_second_place(fixture);
    open_and_fill(fixture, 3);
    sequence = 0;
    assert_true(tick(fixture, &sequence));
    assert_int_equal(count_lines(fixture), 0); /* the tick has nothing to do with that place */
    audit_keep_checkpoint(fixture->audit, false);
    text = kept_text(fixture, path);
    assert_non_null(text);
    now = (time_t)(clock_vault_ms() / 1000);
    (void)strftime(month, sizeof month, "%Y-%m", gmtime(&now));
    (void)snprintf(expected, sizeof expected, "/checkpoints-30313233-%s", month);
    assert_non_null(strstr(path, expected));
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0137, 0);
    free(text);
    /* CLOSED goes there at once. */
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_CLOSED));
    audit_keep_checkpoint(fixture->audit, true);
    audit_keep_checkpoint(fixture->audit, true); /* once is enough */
    assert_int_equal(count_lines(fixture), 2);
    text = kept_text(fixture, path);
    text[strlen(text) - 1] = '\0';
    assert_true(audit_checkpoint_parse(bytes_of_text(strrchr(text, '\n') + 1), &kept));
    assert_int_equal(kept.sequence, audit_last(fixture->audit));
    assert_int_equal(kept.act, AUDIT_ACT_CLOSED);
    assert_true(audit_checkpoint_holds(&kept, fixture->public_key));
    expect_proved(fixture);
    audit_close(&fixture->audit);
    assert_int_equal(fixture_verify(fixture, fixture->log, path, &report), STATUS_OK);
    assert_true(report.anchored);
    free(text);
    /* What a log has that was only opened is not written anew: it may be anybody's. */
    assert_int_equal(fixture_open(fixture, fixture->log), STATUS_OK);
    audit_keep_checkpoint(fixture->audit, true);
    assert_int_equal(count_lines(fixture), 2);
}

static void
second_place_gets_a_line_a_second_at_most(void **state)
{
    struct fixture *fixture = *state;
    const struct timespec pause = {.tv_sec = 1, .tv_nsec = 100 * 1000 * 1000};
    uint64_t sequence = 0;

    use_second_place(fixture);
    for (int i = 0; i < 3; i++) {
        (void)fixture_append(fixture, fixture_act(AUDIT_ACT_CHECKPOINT));
        assert_true(tick(fixture, &sequence));
        audit_keep_checkpoint(fixture->audit, false);
    }
    assert_int_equal(count_lines(fixture), 1);
    (void)nanosleep(&pause, NULL);
    assert_false(tick(fixture, &sequence));
    audit_keep_checkpoint(fixture->audit, false);
    assert_int_equal(count_lines(fixture), 2); /* the newest of the two that were left */
    expect_proved(fixture);
}

static void
second_place_that_is_away_stops_nothing(void **state)
{
    struct fixture *fixture = *state;
    char away[FOLDER_PATH_BYTES];
    uint64_t sequence = 0;

    folder_join(fixture->folder, "away", away);
    fixture->options.checkpoint_folder = away;
    fixture_reopen(fixture);
    open_and_fill(fixture, 1);
    assert_true(tick(fixture, &sequence));
    audit_keep_checkpoint(fixture->audit, true);
    expect_proved(fixture);
    assert_false(folder_has(away));
    /* It comes back: what was missed is written. */
    assert_int_equal(rename(fixture->place2, away), 0);
    audit_keep_checkpoint(fixture->audit, true);
    assert_int_equal(rename(away, fixture->place2), 0);
    assert_int_equal(count_lines(fixture), 1);
}

static void
torn_line_does_not_swallow_the_next(void **state)
{
    struct fixture *fixture = *state;
    char path[FOLDER_PATH_BYTES];
    struct audit_report report;

    use_second_place(fixture);
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
    audit_keep_checkpoint(fixture->audit, true);
    free(kept_text(fixture, path));
    assert_int_equal(truncate(path, 200), 0);
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_CLOSED));
    audit_keep_checkpoint(fixture->audit, true);
    assert_int_equal(count_lines(fixture), 2);
    expect_proved(fixture);
    audit_close(&fixture->audit);
    assert_int_equal(fixture_verify(fixture, fixture->log, path, &report), STATUS_OK);
    assert_int_equal(report.kept, 1);
}

/* ---- what is found at the next unseal ---- */

static void
older_log_put_back_is_found_by_the_second_place(void **state)
{
    struct fixture *fixture = *state;

    use_second_place(fixture);
    open_and_fill(fixture, 2);
    audit_keep_checkpoint(fixture->audit, true);
    audit_close(&fixture->audit);
    folder_copy(fixture->log, fixture->copy); /* yesterday's */
    assert_int_equal(fixture_open(fixture, fixture->log), STATUS_OK);
    (void)fixture_append(fixture, fixture_reveal("thief"));
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_CHECKPOINT));
    audit_keep_checkpoint(fixture->audit, true);
    audit_close(&fixture->audit);

    assert_int_equal(fixture_open(fixture, fixture->copy), STATUS_OK);
    expect_not_proved(fixture, "the log ends at entry 4, but a checkpoint kept elsewhere says 6");
    /* Grown past that number since, it differs. */
    for (int i = 0; i < 5; i++) {
        (void)fixture_append(fixture, fixture_act(AUDIT_ACT_CHECKPOINT));
    }
    expect_not_proved(fixture, "differs at entry 6");
    audit_close(&fixture->audit);
    /* Without a second place, nothing tells. */
    fixture->options.checkpoint_folder = NULL;
    assert_int_equal(fixture_open(fixture, fixture->copy), STATUS_OK);
    expect_proved(fixture);
}

static void
cut_tail_is_found_by_the_second_place(void **state)
{
    struct fixture *fixture = *state;
    struct log *log;

    use_second_place(fixture);
    open_and_fill(fixture, 3);
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_CLOSED));
    audit_keep_checkpoint(fixture->audit, true);
    audit_close(&fixture->audit);
    log = fixture_read_log(fixture->log);
    fixture_forge(fixture->copy, log->entries, 5);
    assert_int_equal(fixture_open(fixture, fixture->copy), STATUS_OK);
    expect_not_proved(fixture, "the log ends at entry 5, but a checkpoint kept elsewhere says 6");
    fixture_free_log(&log);
}

static void
edited_entry_is_found_though_the_chain_was_computed_again(void **state)
{
    struct fixture *fixture = *state;
    struct audit_report report;
    struct log *log;

    open_and_fill(fixture, 3);
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_CLOSED));
    audit_close(&fixture->audit);
    log = fixture_read_log(fixture->log);
    memcpy(fixture_entry(log, 4) + 78, "another contact!", TOKEN_BYTES);
    fixture_rechain(log, 5);
    fixture_forge(fixture->copy, log->entries, log->count);
    /* The chain itself is whole again: only the signature tells. */
    assert_int_equal(audit_verify(&(struct audit_check){.folder = fixture->copy}, &report),
                     STATUS_OK);
    assert_int_equal(fixture_open(fixture, fixture->copy), STATUS_OK);
    expect_not_proved(fixture, "entry 6: its signature does not hold");
    fixture_free_log(&log);
}

static void
older_database_is_found(void **state)
{
    struct fixture *fixture = *state;

    fixture->changes = 500;
    open_and_fill(fixture, 1);
    expect_proved(fixture);
    fixture->changes = 499;
    expect_not_proved(fixture, "the database is older than the log says (change 499, entry 2 says "
                               "500)");
    fixture->changes = 501;
    expect_proved(fixture);
}

static void
scribbles_in_the_second_place_are_passed_over(void **state)
{
    struct fixture *fixture = *state;
    char path[FOLDER_PATH_BYTES], line[AUDIT_CHECKPOINT_LINE_MAX], other_path[FOLDER_PATH_BYTES];
    struct audit_checkpoint forged = {.act = AUDIT_ACT_CLOSED, .sequence = 1000, .time_ms = 1};

    use_second_place(fixture);
    open_and_fill(fixture, 1);
    audit_keep_checkpoint(fixture->audit, true);
    free(kept_text(fixture, path));
    memcpy(forged.vault_id, fixture_vault_id, sizeof forged.vault_id);
    memcpy(forged.instance_id, fixture_instance_id, sizeof forged.instance_id);
    (void)audit_checkpoint_print(&forged, line);
    add_text(path, line); /* not signed */
    add_text(path, "contact-vault-checkpoint 1 of nobody\n\n\xff\xfe");
    expect_proved(fixture);
    /* A later month's file, all scribbled; the newest is in the one before. */
    folder_join(fixture->place2, "checkpoints-30313233-9999-12", other_path);
    add_text(other_path, line);
    /* Names that are not ours, and what is no file. */
    folder_join(fixture->place2, "checkpoints-30313233-9999-1x", other_path);
    add_text(other_path, line);
    expect_proved(fixture);
    folder_join(fixture->place2, "checkpoints-30313233-9998-01", other_path);
    assert_int_equal(mkfifo(other_path, 0600), 0);
    expect_proved(fixture);
}

/* The newest is found among more than is looked at line by line, in the newest two files. */
static void
newest_line_is_found_behind_many(void **state)
{
    struct fixture *fixture = *state;
    char path[FOLDER_PATH_BYTES], older[FOLDER_PATH_BYTES];
    uint64_t sequence = 0;

    use_second_place(fixture);
    open_and_fill(fixture, 1);
    for (int i = 0; i < 20; i++) {
        (void)fixture_append(fixture, fixture_act(AUDIT_ACT_CHECKPOINT));
        audit_keep_checkpoint(fixture->audit, true);
    }
    free(kept_text(fixture, path));
    folder_join(fixture->place2, "checkpoints-30313233-2001-01", older);
    assert_int_equal(rename(path, older), 0);         /* as if the month had just begun */
    for (unsigned year = 1900; year < 2000; year++) { /* in whatever order the folder lists them */
        char text[FOLDER_PATH_BYTES];

        (void)snprintf(text, sizeof text, "checkpoints-30313233-%u-12", year);
        folder_join(fixture->place2, text, older);
        add_text(older, "nothing\n");
    }
    audit_close(&fixture->audit);
    folder_remove(fixture->log);
    assert_int_equal(fixture_open(fixture, fixture->log), STATUS_OK);
    (void)tick(fixture, &sequence);
    expect_not_proved(fixture, "a checkpoint kept elsewhere says 23");
}

/* ---- what the opening learns ---- */

static struct audit_entry
erase(enum audit_phase phase, uint64_t refers, char mark)
{
    struct audit_entry entry = fixture_reveal("maria");

    entry.operation = OP_ERASE;
    entry.phase = phase;
    entry.refers = refers;
    entry.token_kind = CONTACT_EMAIL;
    entry.token[0] = (uint8_t)mark;
    return entry;
}

static void
erasures_without_outcome_are_found(void **state)
{
    struct fixture *fixture = *state;
    const struct audit_erasure *erasures;
    size_t count = 9;

    assert_int_equal((audit_open_erasures(fixture->audit, &count), count), 0);
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
    for (int round = 0; round < 200; round++) { /* settled ones do not pile up */
        uint64_t intent = fixture_append(fixture, erase(AUDIT_INTENT, 0, 'z'));

        (void)fixture_append(fixture, erase(AUDIT_OUTCOME, intent, 'z'));
    }
    uint64_t a = fixture_append(fixture, erase(AUDIT_INTENT, 0, 'a'));
    uint64_t b = fixture_append(fixture, erase(AUDIT_INTENT, 0, 'b'));
    uint64_t c = fixture_append(fixture, erase(AUDIT_INTENT, 0, 'c'));
    (void)fixture_append(fixture, erase(AUDIT_OUTCOME, b, 'b'));
    fixture_reopen(fixture);
    erasures = audit_open_erasures(fixture->audit, &count);
    assert_int_equal(count, 2);
    assert_int_equal(erasures[0].sequence, a);
    assert_int_equal(erasures[0].kind, CONTACT_EMAIL);
    assert_int_equal(erasures[0].token[0], 'a');
    assert_memory_equal(erasures[0].token + 1, fixture_token + 1, TOKEN_BYTES - 1);
    assert_int_equal(erasures[1].sequence, c);
    assert_int_equal(erasures[1].token[0], 'c');
    (void)fixture_append(fixture, erase(AUDIT_OUTCOME, a, 'a'));
    (void)fixture_append(fixture, erase(AUDIT_OUTCOME, c, 'c'));
    fixture_reopen(fixture);
    assert_int_equal((audit_open_erasures(fixture->audit, &count), count), 0);
}

/* A full number of them is held; one more is none of ours. */
static void
more_open_erasures_than_there_can_be_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct audit_entry *batch = calloc(BATCH, sizeof *batch);
    size_t count = 0;

    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
    for (int round = 0; round < AUDIT_OPEN_ERASURES_MAX / BATCH; round++) {
        for (int i = 0; i < BATCH; i++) {
            batch[i] = erase(AUDIT_INTENT, 0, 'a');
            batch[i].reason = (struct bytes){0};
        }
        assert_int_equal(audit_append(fixture->audit, batch, BATCH), STATUS_OK);
    }
    fixture_reopen(fixture);
    assert_int_equal((audit_open_erasures(fixture->audit, &count), count), AUDIT_OPEN_ERASURES_MAX);
    (void)fixture_append(fixture, erase(AUDIT_INTENT, 0, 'b'));
    audit_close(&fixture->audit);
    assert_int_equal(fixture_open(fixture, fixture->log), STATUS_CORRUPT);
    assert_non_null(strstr(fixture->place, "more erasures"));
    free(batch);
}

/* A log with an entry of each of these times. */
static void
forge_times(struct fixture *fixture, const uint64_t *times_ms, size_t count)
{
    uint8_t(*bytes)[AUDIT_ENTRY_FIXED_BYTES] = calloc(count, sizeof *bytes);
    struct bytes *entries = calloc(count, sizeof *entries);
    struct audit_link link = {.sequence = 1};

    audit_entry_root(fixture_vault_id, link.previous);
    for (size_t i = 0; i < count; i++) {
        struct audit_entry entry = fixture_act(i == 0 ? AUDIT_ACT_CREATED : AUDIT_ACT_CUT);

        link.sequence = i + 1;
        link.time_ms = times_ms[i];
        (void)audit_entry_encode(&entry, 0, bytes[i]);
        audit_entry_put_link(&link, bytes[i]);
        entries[i] = bytes_of(bytes[i], sizeof bytes[i]);
        audit_entry_digest(entries[i], link.previous);
    }
    fixture_forge(fixture->copy, entries, count);
    free(entries);
    free(bytes);
}

static void
expect_day(struct fixture *fixture, const uint64_t *times_ms, size_t count, uint64_t expected)
{
    audit_close(&fixture->audit);
    forge_times(fixture, times_ms, count);
    assert_int_equal(fixture_open(fixture, fixture->copy), STATUS_OK);
    assert_int_equal(fixture->summary.recent_begins, expected);
    assert_int_equal(fixture->summary.time_ms, times_ms[count - 1]);
    folder_remove(fixture->copy);
}

static void
two_days_before_the_last_entry_are_known(void **state)
{
    struct fixture *fixture = *state;
    const uint64_t base = 1700000000ULL * 1000 / HOUR_MS * HOUR_MS, h = HOUR_MS;
    const uint64_t one[] = {base};
    const uint64_t a[] = {base, base + h, base + 2 * h - 1, base + 50 * h};
    const uint64_t b[] = {base, base + h, base + 2 * h - 1, base + 2 * h, base + 50 * h + h - 1};
    const uint64_t c[] = {base, base + 500 * h};
    const uint64_t d[] = {base, base + 49 * h, base + 98 * h, base + 98 * h, base + 108 * h};

    assert_int_equal(fixture->summary.recent_begins, 1);
    assert_int_equal(fixture->summary.time_ms, 0);
    expect_day(fixture, one, 1, 1);
    expect_day(fixture, a, 4, 4); /* 2 h less a millisecond: the hour is two whole days before */
    expect_day(fixture, b, 5, 4);
    expect_day(fixture, c, 2, 2);
    expect_day(fixture, d, 5, 3);
}

/* ---- what nobody has signed ---- */

/* The log as `fixture->copy`, with a CUT of that time behind its last entry, and opened. */
static void
open_with_tail(struct fixture *fixture, uint64_t time_ms)
{
    struct log *log = fixture_read_log(fixture->log);
    struct audit_entry cut = fixture_act(AUDIT_ACT_CUT);
    struct audit_link link = {.sequence = log->count + 1, .time_ms = time_ms};
    uint8_t bytes[AUDIT_ENTRY_FIXED_BYTES];

    audit_entry_digest(log->entries[log->count - 1], link.previous);
    (void)audit_entry_encode(&cut, 0, bytes);
    audit_entry_put_link(&link, bytes);
    log->entries[log->count] = bytes_of(bytes, sizeof bytes);
    fixture_forge(fixture->copy, log->entries, log->count + 1);
    fixture_free_log(&log);
    assert_int_equal(fixture_open(fixture, fixture->copy), STATUS_OK);
}

static void
close_and_seal(struct fixture *fixture)
{
    open_and_fill(fixture, 1);
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_CLOSED));
    audit_close(&fixture->audit);
}

static void
tail_from_the_future_moves_no_clock(void **state)
{
    struct fixture *fixture = *state;
    uint64_t ahead_ms = clock_vault_ms() + 26ULL * HOUR_MS;

    close_and_seal(fixture);
    open_with_tail(fixture, ahead_ms);
    assert_true(clock_vault_ms() < ahead_ms - HOUR_MS);
    expect_not_proved(fixture, "entry 5: the log's last entries are from the future");
    assert_true(clock_vault_ms() < ahead_ms - HOUR_MS);
}

/* Up to a checkpoint's period and ten minutes a tail may be ahead of both. */
static void
tail_that_is_a_little_ahead_is_believed(void **state)
{
    struct fixture *fixture = *state;
    uint64_t ahead_ms = clock_wall_ms() + 9 * 60 * 1000;

    close_and_seal(fixture);
    open_with_tail(fixture, ahead_ms);
    assert_true(clock_vault_ms() < ahead_ms - 60 * 1000);
    expect_proved(fixture);
    assert_true(clock_vault_ms() >= ahead_ms); /* it never goes back */
    assert_true(clock_vault_ms() < ahead_ms + HOUR_MS);
}

/* After long without a checkpoint, the wall clock speaks for what was written last. */
static void
late_tail_that_the_wall_clock_knows_is_believed(void **state)
{
    struct fixture *fixture = *state;
    uint64_t times_ms[] = {clock_wall_ms() - 500ULL * HOUR_MS, clock_wall_ms()};

    audit_close(&fixture->audit);
    forge_times(fixture, times_ms, 2);
    assert_int_equal(fixture_open(fixture, fixture->copy), STATUS_OK);
    expect_proved(fixture);
}

static void
another_instance_than_the_logs_is_refused(void **state)
{
    struct fixture *fixture = *state;
    uint8_t other[INSTANCE_ID_BYTES];

    memcpy(other, fixture_instance_id, sizeof other);
    other[INSTANCE_ID_BYTES - 1] ^= 1;
    close_and_seal(fixture);
    fixture->options.instance_id = other;
    assert_int_equal(fixture_open(fixture, fixture->log), STATUS_OK);
    expect_not_proved(fixture, "the database's instance is not the one that signed the log");
    fixture->options.instance_id = fixture_instance_id;
}

/* ---- the note ---- */

static void
checkpoint_says_how_far_the_store_was(void **state)
{
    struct fixture *fixture = *state;
    struct audit_entry entry = fixture_act(AUDIT_ACT_CHECKPOINT);

    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
    fixture->noted = 99;
    expect_proved(fixture);
    assert_int_equal(fixture->noted, 0);
    audit_noted(fixture->audit, 2);
    audit_noted(fixture->audit, 1); /* never back */
    expect_proved(fixture);
    assert_int_equal(fixture->noted, 0); /* not signed yet */
    entry.amount = 77;
    (void)fixture_append(fixture, entry);
    expect_proved(fixture);
    assert_int_equal(fixture->noted, 2);
    fixture_reopen(fixture);
    expect_proved(fixture);
    assert_int_equal(fixture->noted, 2);
    /* And stays, though nobody has said so to this process. */
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_CHECKPOINT));
    fixture_reopen(fixture);
    expect_proved(fixture);
    assert_int_equal(fixture->noted, 2);
}

static void
hastened_checkpoint_comes_once_a_second(void **state)
{
    struct fixture *fixture = *state;
    const struct timespec pause = {.tv_sec = 1, .tv_nsec = 100 * 1000 * 1000};
    uint64_t sequence = 0;

    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
    assert_true(tick(fixture, &sequence));
    assert_int_equal(sequence, 2);
    audit_hasten_checkpoint(fixture->audit);
    assert_false(tick(fixture, &sequence)); /* one was made a moment ago */
    (void)nanosleep(&pause, NULL);
    assert_true(tick(fixture, &sequence));
    assert_int_equal(sequence, 3);
    (void)nanosleep(&pause, NULL);
    assert_false(tick(fixture, &sequence)); /* nobody has asked again */
    audit_hasten_checkpoint(fixture->audit);
    assert_true(tick(fixture, &sequence));
    assert_int_equal(sequence, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(vectors_give_what_they_say),
        TEST(signature_covers_every_byte),
        TEST(checkpoint_says_what_was_so_when_it_was_taken),
        TEST(sealed_vault_signs_nothing),
        TEST(thousand_entries_bring_a_checkpoint),
        TEST(tick_brings_one_when_time_has_passed_even_if_idle),
        TEST(newest_checkpoint_is_written_to_the_second_place),
        TEST(second_place_gets_a_line_a_second_at_most),
        TEST(second_place_that_is_away_stops_nothing),
        TEST(torn_line_does_not_swallow_the_next),
        TEST(older_log_put_back_is_found_by_the_second_place),
        TEST(cut_tail_is_found_by_the_second_place),
        TEST(edited_entry_is_found_though_the_chain_was_computed_again),
        TEST(older_database_is_found),
        TEST(scribbles_in_the_second_place_are_passed_over),
        TEST(newest_line_is_found_behind_many),
        TEST(erasures_without_outcome_are_found),
        TEST(more_open_erasures_than_there_can_be_are_refused),
        TEST(two_days_before_the_last_entry_are_known),
        TEST(tail_from_the_future_moves_no_clock),
        TEST(tail_that_is_a_little_ahead_is_believed),
        TEST(late_tail_that_the_wall_clock_knows_is_believed),
        TEST(another_instance_than_the_logs_is_refused),
        TEST(checkpoint_says_how_far_the_store_was),
        TEST(hastened_checkpoint_comes_once_a_second),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
