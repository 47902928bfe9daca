/* SPDX-License-Identifier: Apache-2.0 */
/* Owns SECURITY.md S26 with e2e/23: whoever could have put a socket there is not asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"
#include "place.h"

enum { SKIPPED = 77, VAULT_UID = 4711, OTHER_UID = 4712, UID_OVERFLOW = 65534, OPEN = 0755 };

/* TOP/middle/run, under /run, where no folder is everybody's as /tmp is. */
struct tree {
    char top[FOLDER_PATH_BYTES], middle[FOLDER_PATH_BYTES], run[FOLDER_PATH_BYTES];
};

static int
plant(void **state)
{
    static struct tree tree;

    (void)snprintf(tree.top, sizeof tree.top, "/run/cv_test.XXXXXX");
    assert_non_null(mkdtemp(tree.top));
    assert_int_equal(chmod(tree.top, OPEN), 0);
    folder_join(tree.top, "middle", tree.middle);
    folder_join(tree.middle, "run", tree.run);
    assert_int_equal(mkdir(tree.middle, OPEN), 0);
    assert_int_equal(mkdir(tree.run, OPEN), 0);
    *state = &tree;
    return 0;
}

static int
fell(void **state)
{
    folder_remove(((struct tree *)*state)->top);
    return 0;
}

static void
give(const char *folder, uid_t owner, mode_t mode)
{
    assert_int_equal(chown(folder, owner, owner), 0);
    assert_int_equal(chmod(folder, mode), 0);
}

static enum place_verdict
verdict_of(const char *path)
{
    struct place place;

    return place_look(path, &place);
}

static void
all_of_root_is_trusted(void **state)
{
    const struct tree *tree = *state;
    struct place place;

    assert_int_equal(place_look(tree->run, &place), PLACE_TRUSTED);
    assert_false(place.has_owner);
    assert_int_equal(place_look("/", &place), PLACE_TRUSTED);
}

static void
one_owner_is_whom_to_expect(void **state)
{
    const struct tree *tree = *state;
    struct place place;

    give(tree->run, VAULT_UID, OPEN);
    assert_int_equal(place_look(tree->run, &place), PLACE_TRUSTED);
    assert_true(place.has_owner);
    assert_int_equal(place.owner, VAULT_UID);
    give(tree->middle, VAULT_UID, OPEN);
    assert_int_equal(place_look(tree->run, &place), PLACE_TRUSTED);
    assert_int_equal(place.owner, VAULT_UID);
}

static void
a_second_owner_is_one_too_many(void **state)
{
    const struct tree *tree = *state;

    give(tree->run, VAULT_UID, OPEN);
    give(tree->middle, OTHER_UID, OPEN);
    assert_int_equal(verdict_of(tree->run), PLACE_FOREIGN);
    /* Not on the way there: his own folder is as good as any. */
    assert_int_equal(verdict_of(tree->middle), PLACE_TRUSTED);
}

static void
whoever_may_write_is_an_owner_too(void **state)
{
    const struct tree *tree = *state;

    give(tree->run, VAULT_UID, 0775);
    assert_int_equal(verdict_of(tree->run), PLACE_FOREIGN);
    give(tree->run, VAULT_UID, 0757);
    assert_int_equal(verdict_of(tree->run), PLACE_FOREIGN);
    give(tree->run, VAULT_UID, OPEN);
    give(tree->middle, 0, 01777);
    assert_int_equal(verdict_of(tree->run), PLACE_FOREIGN);
    give(tree->middle, 0, OPEN);
    assert_int_equal(verdict_of(tree->run), PLACE_TRUSTED);
}

static void
nobody_in_particular_is_no_owner(void **state)
{
    const struct tree *tree = *state;

    give(tree->run, UID_OVERFLOW, OPEN);
    assert_int_equal(verdict_of(tree->run), PLACE_FOREIGN);
}

static void
a_link_is_not_followed(void **state)
{
    const struct tree *tree = *state;
    char link[FOLDER_PATH_BYTES], below[FOLDER_PATH_BYTES];

    folder_join(tree->top, "link", link);
    assert_int_equal(symlink("middle", link), 0);
    folder_join(link, "run", below);
    assert_int_equal(verdict_of(link), PLACE_FOREIGN);
    assert_int_equal(verdict_of(below), PLACE_FOREIGN);
    assert_int_equal(unlink(link), 0);
}

static void
what_is_not_there_is_absent(void **state)
{
    const struct tree *tree = *state;
    char below[FOLDER_PATH_BYTES];

    folder_join(tree->run, "none", below);
    assert_int_equal(verdict_of(below), PLACE_ABSENT);
    folder_join(tree->run, "..", below);
    assert_int_equal(verdict_of(below), PLACE_FOREIGN);
    folder_join(tree->run, "file", below);
    folder_write(below, "x", 1);
    assert_int_equal(verdict_of(below), PLACE_FOREIGN);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_of_root_is_trusted, plant, fell),
        cmocka_unit_test_setup_teardown(one_owner_is_whom_to_expect, plant, fell),
        cmocka_unit_test_setup_teardown(a_second_owner_is_one_too_many, plant, fell),
        cmocka_unit_test_setup_teardown(whoever_may_write_is_an_owner_too, plant, fell),
        cmocka_unit_test_setup_teardown(nobody_in_particular_is_no_owner, plant, fell),
        cmocka_unit_test_setup_teardown(a_link_is_not_followed, plant, fell),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_absent, plant, fell),
    };

    if (geteuid() != 0) {
        (void)puts("skipped: only root can make folders that are another user's");
        return SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
