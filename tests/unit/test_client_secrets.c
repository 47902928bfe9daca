/* SPDX-License-Identifier: Apache-2.0 */
/* Identity files, HELLO by key, and what is left in memory of a contact. */
#include "contactvault.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "client_fixture.h"

static void
write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void
test_an_identity_is_made_once_for_its_owner_alone(void **state)
{
    struct fixture *fixture = *state;
    char text[CV_PUBLIC_TEXT_BYTES], again[CV_PUBLIC_TEXT_BYTES];
    uint8_t key[CV_KEY_BYTES];
    struct stat attributes;

    assert_int_equal(cv_identity_create(fixture->file, text), CV_OK);
    assert_int_equal(stat(fixture->file, &attributes), 0);
    assert_int_equal(attributes.st_mode & 07777, 0600);
    assert_int_equal(attributes.st_size, strlen("contact-vault identity 1\n") + 44 + 1);
    assert_memory_equal(text, "contact-vault public 1 ", 23);
    assert_int_equal(cv_public_key_parse(text, key), CV_OK);
    cv_public_key_print(key, again);
    assert_string_equal(text, again);
    assert_int_equal(cv_identity_create(fixture->file, again), CV_CONFLICT);
    assert_int_equal(cv_identity_create("/nowhere/key", again), CV_UNAVAILABLE);
}

static void
test_public_keys_are_read_strictly(void **state)
{
    static const char *const bad[] = {
        "",
        "contact-vault public 1",
        "contact-vault public 2 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "contact-vault public 1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "contact-vault public 1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
        "contact-vault public 1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= x",
        "contact-vault public 1 !AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    };
    uint8_t key[CV_KEY_BYTES];
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(cv_public_key_parse(bad[i], key), CV_INVALID);
    assert_int_equal(
        cv_public_key_parse(
            "  contact-vault public 1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n", key),
        CV_OK);
}

static void
assert_refused(struct fixture *fixture, const char *part)
{
    struct cv_options options = {.socket = fixture->path, .identity_file = fixture->file};
    struct cv_client *client = NULL;
    char message[CV_MESSAGE_BYTES] = "";

    assert_int_equal(cv_open(&options, &client, message), CV_INVALID);
    assert_non_null(strstr(message, part));
    assert_null(client);
}

static void
test_identity_files_that_will_not_do(void **state)
{
    static const char good[] =
        "contact-vault identity 1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    struct fixture *fixture = *state;
    char text[sizeof good + 1];

    assert_refused(fixture, "No such file");
    write_file(fixture->file, good, 0640);
    assert_refused(fixture, "others may read this identity");
    write_file(fixture->file, good, 0604);
    assert_refused(fixture, "others may read this identity");
    write_file(fixture->file, "", 0600);
    assert_refused(fixture, "not an identity file");
    snprintf(text, sizeof text, "%sx", good);
    write_file(fixture->file, text, 0600);
    assert_refused(fixture, "not an identity file");
    snprintf(text, sizeof text, "%s", good);
    text[0] = 'C';
    write_file(fixture->file, text, 0600);
    assert_refused(fixture, "not an identity file");
    assert_int_equal(unlink(fixture->file), 0);
    assert_int_equal(mkdir(fixture->file, 0700), 0);
    assert_refused(fixture, "not a file");
    assert_int_equal(rmdir(fixture->file), 0);
}

static void
test_hello_by_key(void **state)
{
    struct fixture *fixture = *state;
    static uint8_t key[CV_KEY_BYTES];
    char text[CV_PUBLIC_TEXT_BYTES];
    struct cv_options options = {.identity_file = fixture->file};
    struct cv_reply *reply;

    assert_int_equal(cv_identity_create(fixture->file, text), CV_OK);
    assert_int_equal(cv_public_key_parse(text, key), CV_OK);
    fixture->fake.options.public_key = key;
    fake_kill(&fixture->fake);
    fake_restart(&fixture->fake);
    assert_int_equal(fixture_reopen(fixture, &options), CV_OK);
    assert_int_equal(tokenize_one(fixture->client, "one", &reply), CV_OK);
    cv_reply_free(&reply);
    assert_int_equal(tokenize_one(fixture->client, "forget", &reply), CV_OK);
    cv_reply_free(&reply);
    assert_int_equal(fixture->fake.counts->hellos, 2);

    /* Another key than the one it is known by: the fake checks the signature against its own. */
    key[0] ^= 1;
    fake_kill(&fixture->fake);
    fake_restart(&fixture->fake);
    assert_int_equal(tokenize_one(fixture->client, "one", &reply), CV_UNAUTHENTICATED);
    cv_reply_free(&reply);
}

/* ---- what is left in memory ---- */

enum { NEEDLE_BYTES = sizeof FAKE_VALUE - 1, REGION_BYTES_MAX = 64 * 1024 * 1024 };

/* Never whole in this process but where the library puts it. */
static const char veiled[] = "\x2a\x32\x38\x32\x32\x32\x30\x33\x32\x35\x34\x37\x36";

static bool
is_needle(const char *at)
{
    for (size_t i = 0; i < NEEDLE_BYTES; i++) {
        if ((at[i] ^ 1) != veiled[i])
            return false;
    }
    return true;
}

static unsigned
count_in_region(int memory_fd, uint64_t from, uint64_t to)
{
    static char *bytes;
    unsigned count = 0;

    if (to - from > REGION_BYTES_MAX)
        return 0;
    if (bytes == NULL)
        bytes = malloc(REGION_BYTES_MAX);
    ssize_t size = pread(memory_fd, bytes, to - from, (off_t)from);
    /* Its own copies of other places do not count. */
    if ((uintptr_t)bytes >= from && (uintptr_t)bytes < to)
        size = 0;
    for (ssize_t i = 0; i + NEEDLE_BYTES <= size; i++)
        count += is_needle(bytes + i) ? 1 : 0;
    if (size > 0)
        explicit_bzero(bytes, (size_t)size);
    return count;
}

static unsigned
count_in_memory(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    int memory_fd = open("/proc/self/mem", O_RDONLY);
    char line[512], rights[8];
    unsigned long from, to;
    unsigned count = 0;

    assert_non_null(maps);
    assert_true(memory_fd >= 0);
    while (fgets(line, sizeof line, maps) != NULL) {
        if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) == 3 && rights[1] == 'w')
            count += count_in_region(memory_fd, from, to);
    }
    fclose(maps);
    close(memory_fd);
    return count;
}

static void
test_a_freed_reply_leaves_no_contact(void **state)
{
    struct fixture *fixture = *state;
    static const char *const tokens[] = {FAKE_TOKEN, FAKE_TOKEN, FAKE_TOKEN};
    struct cv_query query = {.values = tokens, .count = 3, .reason = "a test"};
    struct cv_reply *reply;

    assert_int_equal(count_in_memory(), 0);
    assert_int_equal(cv_detokenize(fixture->client, &query, &reply), CV_OK);
    assert_true(is_needle(reply->items[2].value));
    assert_int_equal(count_in_memory(), 3); /* the search finds what is there; nng's copy is gone */
    cv_reply_free(&reply);
    assert_int_equal(count_in_memory(), 0);
}

/* The value is too long to be sent, so that only the copy that cv_start makes can hold it. */
static void
test_a_finished_call_leaves_no_value(void **state)
{
    struct fixture *fixture = *state;
    char text[600];
    const char *value = text;
    struct cv_query query = {.values = &value, .count = 1, .reason = "slow", .timeout_ms = 600000};
    struct cv_reply *reply;
    void *user_data;

    memset(text, '1', sizeof text - 1);
    text[sizeof text - 1] = 0;
    for (size_t i = 0; i < NEEDLE_BYTES; i++)
        text[i] = (char)(veiled[i] ^ 1);
    assert_int_equal(cv_start(fixture->client, CV_DETOKENIZE, &query, NULL, NULL), CV_OK);
    explicit_bzero(text, sizeof text);
    assert_int_equal(count_in_memory(), 1);
    cv_cancel(fixture->client);
    assert_int_equal(count_in_memory(), 0);
    reply = cv_finished(fixture->client, &user_data);
    assert_non_null(reply);
    cv_reply_free(&reply);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_an_identity_is_made_once_for_its_owner_alone),
        cmocka_unit_test(test_public_keys_are_read_strictly),
        FIXTURE_TEST(test_identity_files_that_will_not_do),
        FIXTURE_TEST(test_hello_by_key),
        FIXTURE_TEST(test_a_freed_reply_leaves_no_contact),
        FIXTURE_TEST(test_a_finished_call_leaves_no_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
