/* SPDX-License-Identifier: Apache-2.0 */
/* Owns SECURITY.md S9 "a change to the log is found, and its place named", offline: with the
 * public key, and with checkpoints that were kept elsewhere. */
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

#include "audit_checkpoint.h"
#include "audit_entry.h"
#include "audit_fixture.h"
#include "journal.h"
#include "message.h"

enum { SMALL_SEGMENT = 1 /* the least there is: 16 KiB */, ENTRIES = 400 };

/* ---- help ---- */

/*
 * CREATED 1, OPENED 2, reveals, a checkpoint every hundred entries, CLOSED; in many segments. The
 * fixture's log is closed; the last checkpoint before CLOSED is at `last_kept`, and `kept` is a
 * file with lines of all of them but CLOSED.
 */
struct story {
    char kept[FOLDER_PATH_BYTES];
    uint64_t last_kept;
    uint64_t last;
    struct log *log;
};

static void
write_kept(const struct story *story, size_t count)
{
    FILE *file = fopen(story->kept, "we");
    char line[AUDIT_CHECKPOINT_LINE_MAX];

    assert_non_null(file);
    for (size_t i = 0; i < count; i++) {
        struct audit_checkpoint checkpoint;
        struct audit_entry entry;
        struct audit_link link;
        const char *fault;

        assert_int_equal(audit_entry_decode(story->log->entries[i], &entry, &link, &fault),
                         STATUS_OK);
        if (entry.has_checkpoint) {
            audit_checkpoint_of(fixture_vault_id, &entry, story->log->entries[i], &checkpoint);
            (void)audit_checkpoint_print(&checkpoint, line);
            assert_true(fputs(line, file) >= 0);
        }
    }
    assert_int_equal(fclose(file), 0);
}

static struct story
tell_story(struct fixture *fixture)
{
    struct story story = {.last_kept = 0};

    folder_join(fixture->folder, "kept", story.kept);
    audit_close(&fixture->audit);
    folder_remove(fixture->log);
    fixture->options.segment_bytes = SMALL_SEGMENT;
    assert_int_equal(fixture_open(fixture, fixture->log), STATUS_OK);
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
    for (int i = 0; i < ENTRIES; i++) {
        struct audit_entry entry =
            i % 100 == 50 ? fixture_act(AUDIT_ACT_CHECKPOINT) : fixture_reveal("maria");
        uint64_t sequence = fixture_append(fixture, entry);

        story.last_kept = i % 100 == 50 ? sequence : story.last_kept;
    }
    story.last = fixture_append(fixture, fixture_act(AUDIT_ACT_CLOSED));
    audit_close(&fixture->audit);
    story.log = fixture_read_log(fixture->log);
    write_kept(&story, story.log->count - 1);
    return story;
}

static void
expect_found(struct fixture *fixture, const char *kept, uint64_t first_bad, const char *text)
{
    struct audit_report report;

    assert_int_equal(fixture_verify(fixture, fixture->copy, kept, &report), STATUS_CORRUPT);
    assert_false(report.anchored);
    if (report.first_bad != first_bad || strstr(report.place, text) == NULL) {
        fail_msg("entry %llu, '%s'", (unsigned long long)report.first_bad, report.place);
    }
}

static void
expect_whole(struct fixture *fixture, const char *kept, bool anchored)
{
    struct audit_report report;

    if (fixture_verify(fixture, fixture->copy, kept, &report) != STATUS_OK) {
        fail_msg("'%s'", report.place);
    }
    assert_int_equal(report.anchored, anchored);
    assert_int_equal(report.first_bad, 0);
}

/* ---- a good log ---- */

static void
report_counts_what_there_is(void **state)
{
    struct fixture *fixture = *state;
    struct story story = tell_story(fixture);
    struct audit_check check = {.folder = fixture->log, .checkpoint_file = story.kept};
    struct audit_report report;

    assert_int_equal(fixture_verify(fixture, fixture->log, story.kept, &report), STATUS_OK);
    assert_int_equal(report.entries, story.last);
    assert_int_equal(report.first, 1);
    assert_int_equal(report.checkpoints, 6);
    assert_int_equal(report.kept, 5);
    assert_true(report.anchored);
    assert_int_equal(report.unclean, 0);
    assert_int_equal(report.unsigned_tail, 0);
    assert_string_equal(report.place, "");
    /* Without the key nothing anchors. */
    assert_int_equal(audit_verify(&check, &report), STATUS_OK);
    assert_int_equal(report.kept, 5);
    assert_false(report.anchored);
    assert_int_equal(report.checkpoints, 6);
    /* Without a kept checkpoint neither. */
    assert_int_equal(fixture_verify(fixture, fixture->log, NULL, &report), STATUS_OK);
    assert_false(report.anchored);
    assert_int_equal(report.kept, 0);
    fixture_free_log(&story.log);
}

static void
openings_without_closing_are_counted(void **state)
{
    struct fixture *fixture = *state;
    const uint32_t acts[] = {AUDIT_ACT_OPENED, AUDIT_ACT_CLOSED, AUDIT_ACT_OPENED, AUDIT_ACT_CUT,
                             AUDIT_ACT_OPENED, AUDIT_ACT_OPENED, AUDIT_ACT_CLOSED, AUDIT_ACT_OPENED,
                             AUDIT_ACT_BUDGET, AUDIT_ACT_BUDGET};
    struct audit_report report;

    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        (void)fixture_append(fixture, fixture_act(acts[i]));
    }
    audit_close(&fixture->audit);
    assert_int_equal(fixture_verify(fixture, fixture->log, NULL, &report), STATUS_OK);
    assert_int_equal(report.unclean, 2);
    assert_int_equal(report.unsigned_tail, 2);
    assert_int_equal(report.checkpoints, 7);
}

static void
log_of_a_running_vault_is_verified(void **state)
{
    struct fixture *fixture = *state;
    char kept[FOLDER_PATH_BYTES];
    struct audit_report report;

    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
    (void)fixture_append(fixture, fixture_reveal("maria"));
    assert_int_equal(fixture_verify(fixture, fixture->log, NULL, &report), STATUS_OK);
    assert_int_equal(report.entries, 3);
    folder_join(fixture->folder, "none", kept);
    assert_int_equal(fixture_verify(fixture, fixture->log, kept, &report), STATUS_NOT_FOUND);
    assert_int_equal(fixture_verify(fixture, kept, NULL, &report), STATUS_NOT_FOUND);
    assert_string_equal(report.place, "");
}

/* ---- attacks ---- */

/* An entry is edited, and every hash after it made right again. */
static void
edited_and_chained_again(void **state)
{
    struct fixture *fixture = *state;
    struct story story = tell_story(fixture);
    struct audit_report report;

    for (uint64_t number = 100; number <= 300; number += 100) {
        fixture_entry(story.log, number)[78] ^= 1; /* its token */
        fixture_rechain(story.log, number + 1);
        fixture_forge(fixture->copy, story.log->entries, story.log->count);
        /* The first checkpoint behind it does not hold: 153, 253, 353. */
        expect_found(fixture, NULL, number + 53, "its signature does not hold");
        expect_found(fixture, story.kept, number + 53, "its signature does not hold");
        folder_remove(fixture->copy);
        fixture_entry(story.log, number)[78] ^= 1;
        fixture_rechain(story.log, number + 1);
    }
    /* Behind the last checkpoint kept, only CLOSED's own signature tells. */
    fixture_entry(story.log, story.last - 1)[78] ^= 1;
    fixture_rechain(story.log, story.last);
    fixture_forge(fixture->copy, story.log->entries, story.log->count);
    expect_found(fixture, NULL, story.last, "its signature does not hold");
    /* Without the key: the kept line tells as far as it reaches. */
    struct audit_check check = {.folder = fixture->copy, .checkpoint_file = story.kept};
    assert_int_equal(audit_verify(&check, &report), STATUS_OK);
    folder_remove(fixture->copy);
    fixture_entry(story.log, 100)[78] ^= 1;
    fixture_rechain(story.log, 101);
    fixture_forge(fixture->copy, story.log->entries, story.log->count);
    assert_int_equal(audit_verify(&check, &report), STATUS_CORRUPT);
    assert_int_equal(report.first_bad, 153);
    assert_non_null(strstr(report.place, "it is not what line 3 of the checkpoints"));
    fixture_free_log(&story.log);
}

/* With a key of his own: every checkpoint signed anew. */
static void
signed_by_another(void **state)
{
    struct fixture *fixture = *state;
    struct story story = tell_story(fixture);
    uint8_t public_key[PUBLIC_KEY_BYTES], secret_key[crypto_sign_SECRETKEYBYTES];
    struct audit_report report;

    (void)crypto_sign_keypair(public_key, secret_key);
    for (uint64_t number = 2; number <= story.log->count; number++) {
        struct audit_entry entry;
        struct audit_link link;
        struct audit_checkpoint checkpoint;
        uint8_t message[AUDIT_CHECKPOINT_MESSAGE_BYTES], signature[SIGNATURE_BYTES];
        struct bytes bytes = story.log->entries[number - 1];
        const char *fault;

        audit_entry_digest(story.log->entries[number - 2], fixture_entry(story.log, number) + 24);
        assert_int_equal(audit_entry_decode(bytes, &entry, &link, &fault), STATUS_OK);
        if (entry.has_checkpoint) {
            audit_checkpoint_of(fixture_vault_id, &entry, bytes, &checkpoint);
            audit_checkpoint_message(&checkpoint, message);
            (void)crypto_sign_detached(signature, NULL, message, sizeof message, secret_key);
            audit_entry_put_signature(signature, fixture_entry(story.log, number));
        }
    }
    fixture_forge(fixture->copy, story.log->entries, story.log->count);
    struct audit_check his = {.folder = fixture->copy, .public_key = public_key};
    assert_int_equal(audit_verify(&his, &report), STATUS_OK); /* his forgery is a good one */
    expect_found(fixture, NULL, 2, "its signature does not hold");
    fixture_free_log(&story.log);
}

static void
tail_cut(void **state)
{
    struct fixture *fixture = *state;
    struct story story = tell_story(fixture);
    char text[96];

    /* To behind the last checkpoint kept: as if the vault had been killed there. */
    fixture_forge(fixture->copy, story.log->entries, story.last_kept + 1);
    expect_whole(fixture, story.kept, true);
    folder_remove(fixture->copy);
    /* Before it: nothing but the kept line tells. */
    fixture_forge(fixture->copy, story.log->entries, story.last_kept - 1);
    expect_whole(fixture, NULL, false);
    (void)snprintf(text, sizeof text,
                   "the log ends before it, but a checkpoint kept elsewhere says %llu",
                   (unsigned long long)story.last_kept);
    expect_found(fixture, story.kept, story.last_kept, text);
    folder_remove(fixture->copy);
    /* All of it. */
    assert_int_equal(mkdir(fixture->copy, 0700), 0);
    expect_found(fixture, story.kept, 1, "there is no entry");
    fixture_free_log(&story.log);
}

/* A newer log of the same length over the older one: what the kept line says is not there. */
static void
older_copy_grown_again(void **state)
{
    struct fixture *fixture = *state;
    struct story story = tell_story(fixture);

    fixture_forge(fixture->copy, story.log->entries, 100);
    fixture->options.segment_bytes = SMALL_SEGMENT;
    assert_int_equal(fixture_open(fixture, fixture->copy), STATUS_OK);
    for (int i = 0; i < ENTRIES + 100; i++) {
        (void)fixture_append(fixture, fixture_reveal("maria"));
    }
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_CHECKPOINT));
    audit_close(&fixture->audit);
    expect_whole(fixture, NULL, false);
    expect_found(fixture, story.kept, 153, "it is not what line 3 of the checkpoints");
    fixture_free_log(&story.log);
}

static void
swap_files(const char *folder, const char *a, const char *b)
{
    char path_a[FOLDER_PATH_BYTES], path_b[FOLDER_PATH_BYTES], other[FOLDER_PATH_BYTES];

    folder_join(folder, a, path_a);
    folder_join(folder, b, path_b);
    folder_join(folder, "other", other);
    assert_int_equal(rename(path_a, other), 0);
    assert_int_equal(rename(path_b, path_a), 0);
    assert_int_equal(rename(other, path_b), 0);
}

/* As the segment's header says: bytes 32 to 39. */
static uint64_t
first_position(const char *folder, const char *name)
{
    char path[FOLDER_PATH_BYTES];
    uint64_t position;
    uint8_t *data;
    size_t size = 0;

    folder_join(folder, name, path);
    data = folder_read(path, &size);
    position = get_u64(data + 32);
    free(data);
    return position;
}

/* Two segments of entries as a forger with the journal's checksums would swap them. */
static void
segments_swapped(void **state)
{
    struct fixture *fixture = *state;
    struct story story = tell_story(fixture);
    struct bytes *entries = story.log->entries;
    struct bytes *swapped = calloc(story.log->count, sizeof *swapped);
    uint64_t second;

    folder_copy(fixture->log, fixture->copy);
    second = first_position(fixture->copy, "00000002.seg");
    swap_files(fixture->copy, "00000002.seg", "00000003.seg");
    expect_found(fixture, NULL, second, "00000002.seg");
    assert_int_equal(fixture_open(fixture, fixture->copy), STATUS_CORRUPT);
    folder_remove(fixture->copy);

    memcpy(swapped, entries, story.log->count * sizeof *swapped);
    memcpy(swapped + 100, entries + 200, 100 * sizeof *swapped);
    memcpy(swapped + 200, entries + 100, 100 * sizeof *swapped);
    fixture_forge(fixture->copy, swapped, story.log->count);
    expect_found(fixture, NULL, 101, "its number is not its place");
    assert_int_equal(fixture_open(fixture, fixture->copy), STATUS_CORRUPT);
    assert_non_null(strstr(fixture->place, "entry 101: its number"));
    folder_remove(fixture->copy);

    /* Numbered and chained again, the first signature behind the swap tells. */
    memcpy(story.log->entries, swapped, story.log->count * sizeof *swapped);
    for (uint64_t number = 101; number <= 300; number++) {
        put_u64(fixture_entry(story.log, number) + 8, number);
        put_u64(fixture_entry(story.log, number) + 16, get_u64(entries[99].data + 16));
    }
    fixture_rechain(story.log, 101);
    fixture_forge(fixture->copy, story.log->entries, story.log->count);
    expect_found(fixture, NULL, 153, "its signature does not hold");
    assert_int_equal(fixture_open(fixture, fixture->copy), STATUS_OK);
    assert_int_equal(audit_prove(fixture->audit, &fixture->noted, fixture->place), STATUS_CORRUPT);
    assert_non_null(strstr(fixture->place, "entry 403: its signature does not hold"));
    free(swapped);
    fixture_free_log(&story.log);
}

/* Every checkpoint is taken out, and the rest chained again. */
static void
checkpoints_removed(void **state)
{
    struct fixture *fixture = *state;
    enum { MANY = AUDIT_UNSIGNED_MAX + 1 };
    struct audit_entry *batch = calloc(MANY, sizeof *batch);
    struct audit_report report;

    /* A sealed vault signs nothing: the easy way to such a log. */
    keyring_seal(fixture->keyring);
    for (int i = 0; i < MANY; i++) {
        batch[i] = fixture_act(AUDIT_ACT_CUT);
    }
    for (int i = 0; i < MANY - 3; i += 1000) {
        int count = MANY - 3 - i < 1000 ? MANY - 3 - i : 1000;

        assert_int_equal(audit_append(fixture->audit, batch, (size_t)count), STATUS_OK);
    }
    (void)fixture_append(fixture, batch[0]);
    assert_int_equal(audit_last(fixture->audit), AUDIT_UNSIGNED_MAX);
    assert_int_equal(fixture_verify(fixture, fixture->log, NULL, &report), STATUS_OK);
    assert_int_equal(report.unsigned_tail, AUDIT_UNSIGNED_MAX);
    (void)fixture_append(fixture, batch[0]);
    audit_close(&fixture->audit);
    assert_int_equal(fixture_verify(fixture, fixture->log, NULL, &report), STATUS_CORRUPT);
    assert_int_equal(report.first_bad, AUDIT_UNSIGNED_MAX + 1);
    assert_non_null(strstr(report.place, "never without a checkpoint"));
    free(batch);
}

/* ---- the kept file ---- */

static void
append_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "ae");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void
kept_lines_are_read_strictly(void **state)
{
    struct fixture *fixture = *state;
    struct story story = tell_story(fixture);
    struct audit_checkpoint forged = {.act = AUDIT_ACT_CLOSED, .sequence = 3, .time_ms = 1};
    char line[AUDIT_CHECKPOINT_LINE_MAX];
    struct audit_report report;

    /* What is no line, another vault's line, and a line without its newline at the end. */
    (void)audit_checkpoint_print(&forged, line);
    append_text(story.kept, line);
    append_text(story.kept, "\n\ncontact-vault-checkpoint 1 \nhello\n");
    for (int i = 0; i < 100; i++) {
        append_text(story.kept,
                    "a line that is very, very long and never ends, never ends, never ");
    }
    append_text(story.kept, "\n");
    assert_int_equal(fixture_verify(fixture, fixture->log, story.kept, &report), STATUS_OK);
    assert_int_equal(report.kept, 5);

    /* A line of this vault that it has not signed. */
    memcpy(forged.vault_id, fixture_vault_id, sizeof forged.vault_id);
    memcpy(forged.instance_id, fixture_instance_id, sizeof forged.instance_id);
    (void)audit_checkpoint_print(&forged, line);
    line[strlen(line) - 1] = '\0';
    append_text(story.kept, line);
    assert_int_equal(fixture_verify(fixture, fixture->log, story.kept, &report), STATUS_CORRUPT);
    assert_string_equal(report.place,
                        "line 12 of the checkpoints kept elsewhere: its signature does not hold");
    /* Nobody checks signatures: then it is not what stands at entry 3. */
    struct audit_check check = {.folder = fixture->log, .checkpoint_file = story.kept};
    assert_int_equal(audit_verify(&check, &report), STATUS_CORRUPT);
    assert_int_equal(report.first_bad, 3);

    folder_write(story.kept, "nothing\n", 8);
    assert_int_equal(fixture_verify(fixture, fixture->log, story.kept, &report), STATUS_INVALID);
    folder_write(story.kept, "", 0);
    assert_int_equal(fixture_verify(fixture, fixture->log, story.kept, &report), STATUS_INVALID);
    fixture_free_log(&story.log);
}

static void
kept_lines_may_come_in_any_order_and_twice(void **state)
{
    struct fixture *fixture = *state;
    struct story story = tell_story(fixture);
    struct audit_report report;
    size_t size = 0;
    uint8_t *text = folder_read(story.kept, &size);
    uint8_t *turned = malloc(2 * size);
    size_t line = size, at = 0;

    while (line > 0) {
        size_t begin = line - 1;

        while (begin > 0 && text[begin - 1] != '\n') {
            begin--;
        }
        for (int twice = 0; twice < 2; twice++) {
            memcpy(turned + at, text + begin, line - begin);
            at += line - begin;
        }
        line = begin;
    }
    folder_write(story.kept, turned, at);
    assert_int_equal(fixture_verify(fixture, fixture->log, story.kept, &report), STATUS_OK);
    assert_int_equal(report.kept, 10);
    free(turned);
    free(text);
    fixture_free_log(&story.log);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(report_counts_what_there_is),
        TEST(openings_without_closing_are_counted),
        TEST(log_of_a_running_vault_is_verified),
        TEST(edited_and_chained_again),
        TEST(signed_by_another),
        TEST(tail_cut),
        TEST(older_copy_grown_again),
        TEST(segments_swapped),
        TEST(checkpoints_removed),
        TEST(kept_lines_are_read_strictly),
        TEST(kept_lines_may_come_in_any_order_and_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
