/* SPDX-License-Identifier: Apache-2.0 */
/* vaultctl's two files of a backup get their names over nothing, where no links can be made, too.
 */
#include "backup_files.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#undef fail /* cmocka's; here it is vaultctl's */

enum { PATH_BYTES = 256, TEXT_BYTES = 16 };

static char folder[PATH_BYTES];
static int link_error; /* 0: links are made */

/* Stands before link, as -Wl,--wrap has it. */
int __real_link(const char *from, const char *to);
int __wrap_link(const char *from, const char *to);
int
__wrap_link(const char *from, const char *to)
{
    if (link_error != 0) {
        errno = link_error;
        return -1;
    }
    return __real_link(from, to);
}

/* output.c's, without words. */
enum exit_code
fail(const struct arguments *arguments, enum exit_code code, const char *format, ...)
{
    (void)arguments;
    (void)format;
    return code;
}

static const char *
in_folder(const char *name)
{
    static char path[2 * PATH_BYTES];

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void
expect_text(const char *name, const char *expected)
{
    char text[TEXT_BYTES] = "";
    FILE *file = fopen(in_folder(name), "re");

    assert_non_null(file);
    (void)!fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    assert_string_equal(text, expected);
}

static void
lay(const char *name, const char *text)
{
    FILE *file = fopen(in_folder(name), "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Up to where they get their names. */
static void
write_both(struct backup_files *files)
{
    assert_int_equal(backup_files_name(NULL, in_folder("b"), files), EXIT_OK);
    assert_int_equal(backup_files_open(files), EXIT_OK);
    for (int part = CV_BACKUP_CONTENTS; part <= CV_BACKUP_KEYRING; part++) {
        assert_int_equal(backup_files_write(files, (enum cv_backup_part)part,
                                            (const uint8_t *)"whole", strlen("whole")),
                         EXIT_OK);
    }
    assert_int_equal(backup_files_sync(files), EXIT_OK);
}

static int
count_files(void)
{
    static const char *const names[] = {"b", "b.keyring", "b.part", "b.keyring.part"};
    int count = 0;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        count += access(in_folder(names[i]), F_OK) == 0;
    }
    return count;
}

static void
remove_all(void)
{
    (void)unlink(in_folder("b"));
    (void)unlink(in_folder("b.keyring"));
}

static void
names_are_given_over_nothing(void **state)
{
    static const int errors[] = {0, EPERM, EOPNOTSUPP};
    static struct backup_files files;

    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        link_error = errors[i];
        write_both(&files);
        assert_int_equal(backup_files_finish(&files), EXIT_OK);
        expect_text("b", "whole");
        expect_text("b.keyring", "whole");
        assert_int_equal(count_files(), 2);
        remove_all();
        for (int second = 0; second < 2; second++) {
            write_both(&files);
            lay(second ? "b.keyring" : "b", "came");
            assert_int_equal(backup_files_finish(&files), EXIT_REFUSED);
            backup_files_discard(&files);
            expect_text(second ? "b.keyring" : "b", "came");
            assert_int_equal(count_files(), 1);
            remove_all();
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_are_given_over_nothing)};
    const char *temporary = getenv("TMPDIR");
    int failed;

    (void)snprintf(folder, sizeof folder, "%s/backup_files.XXXXXX",
                   temporary == NULL ? "/tmp" : temporary);
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)rmdir(folder);
    return failed;
}
