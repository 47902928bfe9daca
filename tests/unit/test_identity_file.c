/* SPDX-License-Identifier: Apache-2.0 */
/* Owns SECURITY.md S45 with unit/session_file and e2e/42: a person's key file opens by her
 * passphrase alone, and not at all once a byte of it is another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client_internal.h"
#include "folder.h"

static const char PASSPHRASE[] = "correct horse battery";
enum { PASSPHRASE_BYTES = sizeof PASSPHRASE - 1, BODY_AT = 25 + 68, BODY_BYTES = 96 };

struct bench {
    char folder[FOLDER_PATH_BYTES], path[FOLDER_PATH_BYTES];
    struct cv_identity *identity;
    uint8_t public_key[CV_KEY_BYTES];
};

static struct bench bench;
static char whole[IDENTITY_PROTECTED_BYTES]; /* as it was written, for each test anew */

/* The derivation takes its time: once for all. */
static int
write_once(void **state)
{
    size_t size = 0;

    (void)state;
    folder_make(bench.folder);
    folder_join(bench.folder, "key", bench.path);
    assert_int_equal(cv_identity_new(&bench.identity), CV_OK);
    cv_identity_public(bench.identity, bench.public_key);
    assert_int_equal(cv_identity_save(bench.identity, bench.path, PASSPHRASE, PASSPHRASE_BYTES),
                     CV_OK);
    uint8_t *text = folder_read(bench.path, &size);
    assert_int_equal(size, sizeof whole);
    memcpy(whole, text, size);
    free(text);
    return 0;
}

static int
plant(void **state)
{
    folder_write(bench.path, whole, sizeof whole);
    assert_int_equal(chmod(bench.path, 0600), 0);
    *state = &bench;
    return 0;
}

static int
clear_away(void **state)
{
    (void)state;
    cv_identity_free(&bench.identity);
    folder_remove(bench.folder);
    return 0;
}

static enum cv_status
open_with(const struct bench *mine, const char *passphrase, char *ret_message)
{
    struct cv_identity *identity = NULL;
    size_t size = passphrase != NULL ? strlen(passphrase) : 0;
    enum cv_status status = cv_identity_open(mine->path, passphrase, size, &identity, ret_message);

    if (status == CV_OK) {
        assert_memory_equal(identity, mine->identity, sizeof *identity);
    }
    cv_identity_free(&identity);
    return status;
}

static void
it_opens_by_its_passphrase_alone(void **state)
{
    const struct bench *mine = *state;
    char message[CV_MESSAGE_BYTES];
    uint8_t key[CV_KEY_BYTES];
    bool is_protected = false;

    assert_int_equal(open_with(mine, PASSPHRASE, message), CV_OK);
    assert_int_equal(open_with(mine, "correct horse batterz", message), CV_DENIED);
    assert_non_null(strstr(message, "not the passphrase of this identity"));
    assert_int_equal(open_with(mine, NULL, message), CV_INVALID);
    assert_non_null(strstr(message, "a passphrase protects"));
    assert_int_equal(cv_identity_look(mine->path, &is_protected, key, message), CV_OK);
    assert_true(is_protected);
    assert_memory_equal(key, mine->public_key, sizeof key);
}

static void
it_is_never_overwritten_and_never_without_a_passphrase(void **state)
{
    const struct bench *mine = *state;
    char other[FOLDER_PATH_BYTES];

    assert_int_equal(cv_identity_save(mine->identity, mine->path, PASSPHRASE, PASSPHRASE_BYTES),
                     CV_CONFLICT);
    folder_join(mine->folder, "other", other);
    assert_int_equal(cv_identity_save(mine->identity, other, "", 0), CV_INVALID);
    assert_false(folder_has(other));
    assert_int_equal(chmod(mine->path, 0640), 0);
    assert_int_equal(open_with(mine, PASSPHRASE, NULL), CV_INVALID);
}

/* Neither the seed nor anything of it stands in the file. */
static void
the_seed_is_not_in_it(void **state)
{
    const struct bench *mine = *state;
    char base64[64], hex[80];
    uint8_t seed[CV_KEY_BYTES];
    size_t size = 0;
    uint8_t *text = folder_read(mine->path, &size);

    cv_identity_seed(mine->identity, seed);
    sodium_bin2base64(base64, sizeof base64, seed, sizeof seed, sodium_base64_VARIANT_ORIGINAL);
    sodium_bin2hex(hex, sizeof hex, seed, sizeof seed);
    assert_null(memmem(text, size, seed, 8));
    assert_null(memmem(text, size, base64, 8));
    assert_null(memmem(text, size, hex, 8));
    free(text);
}

/* With the key that the right passphrase gave: what is tried is the file, not the derivation. */
static bool
opens(const char *text, size_t size, const uint8_t *key)
{
    struct identity_file file = {0};
    uint8_t seed[CV_KEY_BYTES];

    return identity_parse(text, size, &file) && file.is_protected &&
           protected_unbox(&file, key, seed);
}

static void
an_altered_bit_anywhere(void **state)
{
    (void)state;
    struct identity_file file = {0};
    uint8_t key[CV_KEY_BYTES];
    char text[IDENTITY_PROTECTED_BYTES + 1];
    size_t size = sizeof whole;

    memcpy(text, whole, size);
    assert_true(identity_parse(text, size, &file));
    assert_true(protected_derive(&file, PASSPHRASE, PASSPHRASE_BYTES, key));
    assert_true(opens(text, size, key));
    for (size_t i = 0; i < size; i++) {
        char before = text[i];
        for (int bit = 1; bit < 256; bit <<= 1) {
            text[i] = (char)(before ^ bit);
            if (opens(text, size, key)) {
                fail_msg("byte %zu as %d is taken", i, text[i]);
            }
        }
        text[i] = before;
    }
    for (size_t cut = 0; cut < size; cut++) {
        assert_false(opens(text, cut, key));
    }
    text[size] = '\n';
    assert_false(opens(text, size + 1, key));
}

/* The costs stand first in the body: passes, then KiB. */
static void
set_costs(const struct bench *mine, uint32_t passes, uint32_t memory_kib)
{
    uint8_t body[BODY_BYTES];
    size_t size = 0, decoded = 0;
    char *text = (char *)folder_read(mine->path, &size);

    assert_int_equal(sodium_base642bin(body, sizeof body, text + BODY_AT, size - BODY_AT - 1, NULL,
                                       &decoded, NULL, sodium_base64_VARIANT_ORIGINAL),
                     0);
    put_u32(body, passes);
    put_u32(body + 4, memory_kib);
    char last = text[size - 1];
    text = realloc(text, size + 1);
    sodium_bin2base64(text + BODY_AT, size - BODY_AT, body, sizeof body,
                      sodium_base64_VARIANT_ORIGINAL);
    text[size - 1] = last;
    folder_write(mine->path, text, size);
    free(text);
}

/* A file that somebody planted must not make us allocate, or calculate, without end. */
static void
absurd_costs_are_refused_before_any_work(void **state)
{
    static const uint32_t costs[][2] = {
        {0, 256 * 1024}, {2, 256 * 1024}, {65, 256 * 1024},         {UINT32_MAX, 256 * 1024},
        {3, 0},          {3, 1},          {3, 256 * 1024 - 1},      {3, 4 * 1024 * 1024 + 1},
        {3, UINT32_MAX}, {0, 0},          {UINT32_MAX, UINT32_MAX},
    };
    const struct bench *mine = *state;
    char message[CV_MESSAGE_BYTES];
    struct rusage before, after;

    (void)getrusage(RUSAGE_SELF, &before);
    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++) {
        set_costs(mine, costs[i][0], costs[i][1]);
        assert_int_equal(open_with(mine, PASSPHRASE, message), CV_INVALID);
        assert_non_null(strstr(message, "not an identity file"));
    }
    (void)getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_maxrss - before.ru_maxrss < 64 * 1024);
    /* Within bounds, and not those it was made with: what it says is sealed, too. */
    set_costs(mine, 4, 256 * 1024);
    assert_int_equal(open_with(mine, PASSPHRASE, message), CV_DENIED);
    set_costs(mine, 3, 256 * 1024);
    assert_int_equal(open_with(mine, PASSPHRASE, message), CV_OK);
}

static void
a_key_in_memory_and_back(void **state)
{
    const struct bench *mine = *state;
    struct cv_identity *again = NULL;
    uint8_t seed[CV_KEY_BYTES], key[CV_KEY_BYTES];

    cv_identity_seed(mine->identity, seed);
    assert_int_equal(cv_identity_of_seed(seed, &again), CV_OK);
    cv_identity_public(again, key);
    assert_memory_equal(key, mine->public_key, sizeof key);
    cv_identity_free(&again);
    assert_null(again);
    cv_identity_free(&again);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(absurd_costs_are_refused_before_any_work, plant, NULL),
        cmocka_unit_test_setup_teardown(it_opens_by_its_passphrase_alone, plant, NULL),
        cmocka_unit_test_setup_teardown(it_is_never_overwritten_and_never_without_a_passphrase,
                                        plant, NULL),
        cmocka_unit_test_setup_teardown(the_seed_is_not_in_it, plant, NULL),
        cmocka_unit_test_setup_teardown(an_altered_bit_anywhere, plant, NULL),
        cmocka_unit_test_setup_teardown(a_key_in_memory_and_back, plant, NULL),
    };

    return cmocka_run_group_tests(tests, write_once, clear_away);
}
