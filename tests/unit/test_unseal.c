/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bounds.h"
#include "folder.h"
#include "secret.h"
#include "unseal.h"

struct fixture {
    char folder[FOLDER_PATH_BYTES];
    char path[FOLDER_PATH_BYTES];
};

static int
set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_true(sodium_init() >= 0);
    folder_make(fixture->folder);
    folder_join(fixture->folder, "root.key", fixture->path);
    *state = fixture;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *fixture = *state;

    folder_remove(fixture->folder);
    free(fixture);
    return 0;
}

static enum status
try_read(const char *path)
{
    struct secret *root = NULL;
    enum status status = unseal_keyfile_read(path, &root);

    assert_int_equal(root != NULL, status == STATUS_OK);
    secret_free(&root);
    return status;
}

static void
what_is_made_is_read_again(void **state)
{
    const struct fixture *fixture = *state;
    struct secret *made = NULL, *read = NULL, *other = NULL;
    char other_path[FOLDER_PATH_BYTES];
    struct stat about;

    assert_int_equal(unseal_keyfile_create(fixture->path, &made), STATUS_OK);
    assert_int_equal(stat(fixture->path, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0400);
    assert_int_equal(unseal_keyfile_read(fixture->path, &read), STATUS_OK);
    assert_int_equal(secret_size(read), ROOT_KEY_BYTES);
    assert_memory_equal(secret_read(made), secret_read(read), ROOT_KEY_BYTES);

    folder_join(fixture->folder, "other.key", other_path);
    assert_int_equal(unseal_keyfile_create(other_path, &other), STATUS_OK);
    assert_memory_not_equal(secret_read(made), secret_read(other), ROOT_KEY_BYTES);
    secret_free(&made);
    secret_free(&read);
    secret_free(&other);
}

static void
an_old_file_is_never_written_over(void **state)
{
    const struct fixture *fixture = *state;
    struct secret *root = NULL;
    uint8_t *after;
    size_t size;

    folder_write(fixture->path, "precious", 8);
    assert_int_equal(unseal_keyfile_create(fixture->path, &root), STATUS_CONFLICT);
    assert_null(root);
    after = folder_read(fixture->path, &size);
    assert_int_equal(size, 8);
    assert_memory_equal(after, "precious", 8);
    free(after);
}

static void
file_that_others_may_read_is_refused(void **state)
{
    const struct fixture *fixture = *state;
    const mode_t refused[] = {0440, 0404, 0420, 0402, 0410, 0401, 0644};
    uint8_t key[ROOT_KEY_BYTES] = {1};

    folder_write(fixture->path, key, sizeof key);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        assert_int_equal(chmod(fixture->path, refused[i]), 0);
        assert_int_equal(try_read(fixture->path), STATUS_INVALID);
    }
    assert_int_equal(chmod(fixture->path, 0600), 0);
    assert_int_equal(try_read(fixture->path), STATUS_OK);
}

/* systemd's access list for User= shows as the group's right to read; nothing more may show. */
static void
credential_may_show_the_right_to_read_of_an_access_list(void **state)
{
    const struct fixture *fixture = *state;
    const mode_t refused[] = {0420, 0410, 0404, 0402, 0401, 0644};
    uint8_t key[ROOT_KEY_BYTES] = {1};
    struct secret *root = NULL;

    folder_write(fixture->path, key, sizeof key);
    assert_int_equal(chmod(fixture->path, 0440), 0);
    assert_int_equal(unseal_credential_read(fixture->path, &root), STATUS_OK);
    assert_memory_equal(secret_read(root), key, sizeof key);
    secret_free(&root);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        assert_int_equal(chmod(fixture->path, refused[i]), 0);
        assert_int_equal(unseal_credential_read(fixture->path, &root), STATUS_INVALID);
    }
}

static void
file_of_another_size_or_kind_is_refused(void **state)
{
    const struct fixture *fixture = *state;
    uint8_t key[ROOT_KEY_BYTES + 1] = {1};

    assert_int_equal(try_read(fixture->path), STATUS_NOT_FOUND);
    folder_write(fixture->path, key, sizeof key);
    assert_int_equal(chmod(fixture->path, 0400), 0);
    assert_int_equal(try_read(fixture->path), STATUS_INVALID);
    assert_int_equal(chmod(fixture->path, 0600), 0);
    folder_write(fixture->path, key, ROOT_KEY_BYTES - 1);
    assert_int_equal(try_read(fixture->path), STATUS_INVALID);
    assert_int_equal(unlink(fixture->path), 0);
    assert_int_equal(mkfifo(fixture->path, 0400), 0);
    assert_int_equal(try_read(fixture->path), STATUS_INVALID);
    assert_int_equal(try_read(fixture->folder), STATUS_INVALID);
}

static void
folder_that_is_not_there_is_said(void **state)
{
    const struct fixture *fixture = *state;
    struct secret *root = NULL;
    char path[FOLDER_PATH_BYTES];

    folder_join(fixture->folder, "absent/root.key", path);
    assert_int_equal(unseal_keyfile_create(path, &root), STATUS_UNAVAILABLE);
    assert_null(root);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_made_is_read_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_old_file_is_never_written_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(file_that_others_may_read_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(credential_may_show_the_right_to_read_of_an_access_list,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(file_of_another_size_or_kind_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(folder_that_is_not_there_is_said, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
