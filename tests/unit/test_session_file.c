/* SPDX-License-Identifier: Apache-2.0 */
/* Owns SECURITY.md S45 with unit/identity_file and e2e/42: a session's file is its owner's alone,
 * and what is not counts for nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"
#include "session_file.h"

enum { OTHER_UID = 4712, HOUR_S = 3600 };

static const struct session_key maria = {.seed = {1, 2, 3}, .person = {4, 5, 6}};

struct bench {
    char folder[FOLDER_PATH_BYTES], socket[FOLDER_PATH_BYTES], sessions[FOLDER_PATH_BYTES];
    char path[SESSION_PATH_BYTES];
};

static int
plant(void **state)
{
    static struct bench bench;

    folder_make(bench.folder);
    folder_join(bench.folder, "vault.sock", bench.socket);
    folder_join(bench.folder, "contact-vault", bench.sessions);
    assert_int_equal(setenv("XDG_RUNTIME_DIR", bench.folder, 1), 0);
    assert_true(session_path(bench.socket, maria.person, bench.path));
    *state = &bench;
    return 0;
}

static int
fell(void **state)
{
    folder_remove(((struct bench *)*state)->folder);
    return 0;
}

static bool
is_read(const struct bench *bench)
{
    struct session_key key = {0};

    return session_read(bench->path, &key) && memcmp(key.seed, maria.seed, CV_KEY_BYTES) == 0 &&
           memcmp(key.person, maria.person, CV_KEY_BYTES) == 0;
}

static void
what_was_written_is_read(void **state)
{
    const struct bench *bench = *state;
    struct stat attributes;

    assert_false(is_read(bench));
    assert_true(session_write(bench->path, &maria, HOUR_S));
    assert_true(is_read(bench));
    assert_int_equal(stat(bench->path, &attributes), 0);
    assert_int_equal(attributes.st_mode & 07777, 0600);
    assert_int_equal(stat(bench->sessions, &attributes), 0);
    assert_int_equal(attributes.st_mode & 07777, 0700);
    assert_true(session_write(bench->path, &maria, HOUR_S)); /* over the one before */
    assert_true(is_read(bench));
    session_remove(bench->path);
    assert_false(is_read(bench));
    assert_false(folder_has(bench->path));
}

static void
it_is_of_one_vault_and_one_person(void **state)
{
    const struct bench *bench = *state;
    uint8_t other[CV_KEY_BYTES] = {9};
    char path[SESSION_PATH_BYTES], name[FOLDER_PATH_BYTES + 32], inner[FOLDER_PATH_BYTES];

    (void)snprintf(name, sizeof name, "ipc://%s/./admin.sock", bench->folder);
    assert_true(session_path(name, maria.person, path));
    assert_string_equal(path, bench->path); /* the vault's other socket, by another name */
    assert_true(session_path(bench->socket, other, path));
    assert_string_not_equal(path, bench->path);
    folder_join(bench->folder, "inner", inner);
    assert_int_equal(mkdir(inner, 0700), 0);
    folder_join(inner, "vault.sock", name);
    assert_true(session_path(name, maria.person, path));
    assert_string_not_equal(path, bench->path);
}

static void
one_that_is_over_is_none(void **state)
{
    const struct bench *bench = *state;

    assert_true(session_write(bench->path, &maria, 0));
    assert_false(is_read(bench));
}

static void
a_file_that_is_not_the_callers_alone(void **state)
{
    const struct bench *bench = *state;
    char aside[SESSION_PATH_BYTES];

    assert_true(session_write(bench->path, &maria, HOUR_S));
    for (mode_t bit = 1; bit <= S_IRWXG; bit <<= 1) {
        assert_int_equal(chmod(bench->path, 0600 | bit), 0);
        assert_false(is_read(bench));
    }
    assert_int_equal(chmod(bench->path, 0600), 0);
    assert_true(is_read(bench));
    (void)snprintf(aside, sizeof aside, "%s/aside", bench->folder);
    assert_int_equal(rename(bench->path, aside), 0);
    assert_int_equal(symlink(aside, bench->path), 0);
    assert_false(is_read(bench));
    assert_int_equal(unlink(bench->path), 0);
    assert_int_equal(mkfifo(bench->path, 0600), 0); /* nor does it wait for somebody who writes */
    assert_false(is_read(bench));
    if (geteuid() == 0) {
        assert_int_equal(unlink(bench->path), 0);
        assert_int_equal(rename(aside, bench->path), 0);
        assert_true(is_read(bench));
        assert_int_equal(chown(bench->path, OTHER_UID, 0), 0);
        assert_false(is_read(bench));
    }
}

static void
a_folder_that_is_not_the_callers_alone(void **state)
{
    const struct bench *bench = *state;
    char aside[FOLDER_PATH_BYTES];

    assert_true(session_write(bench->path, &maria, HOUR_S));
    for (mode_t bit = 1; bit <= S_IRWXG; bit <<= 1) {
        assert_int_equal(chmod(bench->sessions, 0700 | bit), 0);
        assert_false(is_read(bench));
        assert_false(session_write(bench->path, &maria, HOUR_S));
        assert_int_equal(errno, EPERM);
    }
    assert_int_equal(chmod(bench->sessions, 0700), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(bench->sessions, OTHER_UID, 0), 0);
        assert_false(is_read(bench));
        assert_false(session_write(bench->path, &maria, HOUR_S));
        assert_int_equal(chown(bench->sessions, 0, 0), 0);
    }
    assert_true(is_read(bench));
    folder_join(bench->folder, "aside", aside);
    assert_int_equal(rename(bench->sessions, aside), 0);
    assert_int_equal(symlink(aside, bench->sessions), 0);
    assert_false(is_read(bench));
    assert_false(session_write(bench->path, &maria, HOUR_S));
    assert_int_equal(unlink(bench->sessions), 0);
}

/* A name planted where the new file is written first is taken away, not followed. */
static void
a_link_in_the_way_of_a_new_file(void **state)
{
    const struct bench *bench = *state;
    char victim[FOLDER_PATH_BYTES], fresh[SESSION_PATH_BYTES + 8];

    assert_true(session_write(bench->path, &maria, HOUR_S));
    folder_join(bench->folder, "victim", victim);
    folder_write(victim, "mine", 4);
    (void)snprintf(fresh, sizeof fresh, "%s.new", bench->path);
    assert_int_equal(symlink(victim, fresh), 0);
    assert_true(session_write(bench->path, &maria, HOUR_S));
    size_t size = 0;
    uint8_t *left = folder_read(victim, &size);
    assert_int_equal(size, 4);
    assert_memory_equal(left, "mine", 4);
    free(left);
    assert_true(is_read(bench));
}

/* No byte may be another, and none may be missing or too much, in what makes it a session. */
static void
an_altered_file(void **state)
{
    const struct bench *bench = *state;
    size_t size = 0;

    assert_true(session_write(bench->path, &maria, HOUR_S));
    uint8_t *text = folder_read(bench->path, &size);
    assert_non_null(text);
    for (size_t i = 0; i < size; i++) {
        uint8_t before = text[i];
        text[i] = '!';
        folder_write(bench->path, text, size);
        assert_int_equal(chmod(bench->path, 0600), 0);
        assert_false(is_read(bench));
        text[i] = before;
    }
    for (size_t i = 0; i < size; i++) {
        folder_write(bench->path, text, i);
        assert_false(is_read(bench));
    }
    folder_write(bench->path, text, size);
    assert_true(is_read(bench));
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_written_is_read, plant, fell),
        cmocka_unit_test_setup_teardown(it_is_of_one_vault_and_one_person, plant, fell),
        cmocka_unit_test_setup_teardown(one_that_is_over_is_none, plant, fell),
        cmocka_unit_test_setup_teardown(a_file_that_is_not_the_callers_alone, plant, fell),
        cmocka_unit_test_setup_teardown(a_folder_that_is_not_the_callers_alone, plant, fell),
        cmocka_unit_test_setup_teardown(a_link_in_the_way_of_a_new_file, plant, fell),
        cmocka_unit_test_setup_teardown(an_altered_file, plant, fell),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
