/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "folder.h"
#include "keyring.h"
#include "keyring_file.h"
#include "secret.h"
#include "slot.h"
#include "vectors.h"

static const uint8_t vault_id[VAULT_ID_BYTES] = "0123456789abcde";
static const struct key_name access_key = {KEY_ACCESS, 0, 1};
static const struct key_name data_key = {KEY_DATA, 7, 1};

struct fixture {
    char folder[FOLDER_PATH_BYTES];
    char path[FOLDER_PATH_BYTES];
    struct secret *root;
    struct secret *other_root;
};

static struct secret *
new_root(uint8_t fill)
{
    struct secret *root = NULL;

    assert_int_equal(secret_new(ROOT_KEY_BYTES, &root), STATUS_OK);
    memset(secret_write(root), fill, ROOT_KEY_BYTES);
    secret_freeze(root);
    return root;
}

static int
set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_true(sodium_init() >= 0);
    folder_make(fixture->folder);
    folder_join(fixture->folder, "keyring", fixture->path);
    fixture->root = new_root(0x11);
    fixture->other_root = new_root(0x22);
    assert_int_equal(keyring_create(fixture->path, vault_id, fixture->root, NULL), STATUS_OK);
    *state = fixture;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *fixture = *state;

    folder_remove(fixture->folder);
    secret_free(&fixture->root);
    secret_free(&fixture->other_root);
    free(fixture);
    return 0;
}

static struct keyring *
open_unsealed(const struct fixture *fixture)
{
    struct keyring *keyring = NULL;

    assert_int_equal(keyring_open(fixture->path, &keyring), STATUS_OK);
    assert_int_equal(keyring_unseal(keyring, fixture->root), STATUS_OK);
    return keyring;
}

/* What opening and unsealing the file at `path` comes to. */
static enum status
try_open(const char *path, const struct secret *root)
{
    struct keyring *keyring = NULL;
    enum status status = keyring_open(path, &keyring);

    if (status == STATUS_OK) {
        status = keyring_unseal(keyring, root);
        assert_int_equal(keyring_is_unsealed(keyring), status == STATUS_OK);
    }
    keyring_close(&keyring);
    return status;
}

static void
new_file_has_its_first_keys(void **state)
{
    const struct fixture *fixture = *state;
    struct keyring *keyring = NULL;
    struct stat about;

    assert_int_equal(stat(fixture->path, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
    assert_int_equal(keyring_open(fixture->path, &keyring), STATUS_OK);
    assert_memory_equal(keyring_vault_id(keyring), vault_id, VAULT_ID_BYTES);
    assert_int_equal(keyring_generation(keyring), 1);
    assert_false(keyring_is_unsealed(keyring));
    assert_false(keyring_has(keyring, access_key));

    assert_int_equal(keyring_unseal(keyring, fixture->root), STATUS_OK);
    assert_true(keyring_has(keyring, access_key));
    assert_true(keyring_has(keyring, (struct key_name){KEY_AUDIT, 0, 1}));
    assert_false(keyring_has(keyring, (struct key_name){KEY_ACCESS, 0, 2}));
    assert_false(keyring_has(keyring, (struct key_name){KEY_ACCESS, 1, 1}));
    assert_int_equal(keyring_unseal(keyring, fixture->root), STATUS_CONFLICT);

    keyring_seal(keyring);
    assert_false(keyring_has(keyring, access_key));
    assert_int_equal(keyring_unseal(keyring, fixture->root), STATUS_OK);
    keyring_close(&keyring);
    assert_null(keyring);
}

static void
create_never_writes_over_a_file(void **state)
{
    const struct fixture *fixture = *state;
    size_t before_size, after_size;
    uint8_t *before = folder_read(fixture->path, &before_size);
    uint8_t *after;

    assert_int_equal(keyring_create(fixture->path, vault_id, fixture->other_root, NULL),
                     STATUS_CONFLICT);
    after = folder_read(fixture->path, &after_size);
    assert_int_equal(before_size, after_size);
    assert_memory_equal(before, after, before_size);
    free(before);
    free(after);
}

static void
create_says_when_it_cannot_write(void **state)
{
    const struct fixture *fixture = *state;
    char path[FOLDER_PATH_BYTES];

    folder_join(fixture->folder, "absent/keyring", path);
    assert_int_equal(keyring_create(path, vault_id, fixture->root, NULL), STATUS_UNAVAILABLE);
}

static void
wrong_root_key_is_denied(void **state)
{
    const struct fixture *fixture = *state;

    assert_int_equal(try_open(fixture->path, fixture->other_root), STATUS_DENIED);
    assert_int_equal(try_open(fixture->path, fixture->root), STATUS_OK);
}

static void
what_is_no_keyring_is_refused(void **state)
{
    const struct fixture *fixture = *state;
    char path[FOLDER_PATH_BYTES];

    folder_join(fixture->folder, "absent", path);
    assert_int_equal(try_open(path, fixture->root), STATUS_NOT_FOUND);
    assert_int_equal(try_open(fixture->folder, fixture->root), STATUS_CORRUPT);
    folder_write(path, "", 0);
    assert_int_equal(try_open(path, fixture->root), STATUS_CORRUPT);
    folder_write(path, "CVKEYRNG", 8);
    assert_int_equal(try_open(path, fixture->root), STATUS_CORRUPT);
}

/* Every byte, with every one of its bits: damage is CORRUPT, never a wrong key and never accepted.
 */
static void
every_flipped_bit_is_found(void **state)
{
    const struct fixture *fixture = *state;
    char path[FOLDER_PATH_BYTES];
    size_t size;
    uint8_t *file = folder_read(fixture->path, &size);

    folder_join(fixture->folder, "tampered", path);
    for (size_t bit = 0; bit < size * 8; bit++) {
        file[bit / 8] ^= (uint8_t)(1U << bit % 8);
        folder_write(path, file, size);
        assert_int_equal(try_open(path, fixture->root), STATUS_CORRUPT);
        file[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    free(file);
}

static void
every_other_length_is_found(void **state)
{
    const struct fixture *fixture = *state;
    char path[FOLDER_PATH_BYTES];
    size_t size;
    uint8_t *file = folder_read(fixture->path, &size); /* one byte longer than it says */

    folder_join(fixture->folder, "tampered", path);
    for (size_t length = 0; length <= size + 1; length++) {
        file[size] = 0;
        folder_write(path, file, length);
        assert_int_equal(try_open(path, fixture->root),
                         length == size ? STATUS_OK : STATUS_CORRUPT);
    }
    free(file);
}

static void
altered_header_with_a_new_check_is_denied(void **state)
{
    const struct fixture *fixture = *state;
    struct keyring_header header;
    char path[FOLDER_PATH_BYTES];
    size_t size, check_at;
    uint8_t *file = folder_read(fixture->path, &size);

    assert_int_equal(keyring_file_parse(bytes_of(file, size), &header), STATUS_OK);
    check_at = header.size + KEYRING_NONCE_BYTES + KEYRING_KEY_BYTES;
    file[KEYRING_HEADER_FIXED_BYTES - 2]++; /* generation 2 */
    (void)crypto_generichash(file + check_at, KEYRING_CHECK_BYTES, file, check_at, NULL, 0);
    folder_join(fixture->folder, "tampered", path);
    folder_write(path, file, size);
    assert_int_equal(try_open(path, fixture->root), STATUS_DENIED);
    free(file);
}

static void
added_keys_are_durable(void **state)
{
    const struct fixture *fixture = *state;
    struct keyring *keyring = open_unsealed(fixture);
    struct key_name names[] = {
        {KEY_REASON, 0, 2031}, {KEY_DATA, 7, 1}, {KEY_INDEX, 7, 1}, {KEY_DATA, 3, 2}};
    uint8_t first[KEYRING_BOX_EXTRA + 4], second[KEYRING_BOX_EXTRA + 4], plain[4];

    assert_int_equal(
        keyring_encrypt(keyring, access_key, (struct bytes){0}, bytes_of_text("abcd"), first),
        STATUS_OK);
    assert_int_equal(keyring_add_keys(keyring, names, 4), STATUS_OK);
    assert_int_equal(keyring_generation(keyring), 2);
    assert_int_equal(
        keyring_encrypt(keyring, data_key, (struct bytes){0}, bytes_of_text("efgh"), second),
        STATUS_OK);
    keyring_close(&keyring);

    keyring = open_unsealed(fixture);
    assert_int_equal(keyring_generation(keyring), 2);
    for (size_t i = 0; i < 4; i++) {
        assert_true(keyring_has(keyring, names[i]));
    }
    assert_int_equal(keyring_decrypt(keyring, access_key, (struct bytes){0},
                                     bytes_of(first, sizeof first), plain),
                     STATUS_OK);
    assert_memory_equal(plain, "abcd", 4);
    assert_int_equal(keyring_decrypt(keyring, data_key, (struct bytes){0},
                                     bytes_of(second, sizeof second), plain),
                     STATUS_OK);
    assert_memory_equal(plain, "efgh", 4);
    keyring_close(&keyring);
}

static void
adding_a_key_twice_changes_nothing(void **state)
{
    const struct fixture *fixture = *state;
    struct keyring *keyring = open_unsealed(fixture);
    struct key_name there[] = {{KEY_DATA, 7, 1}, {KEY_ACCESS, 0, 1}};
    struct key_name twice[] = {{KEY_DATA, 7, 1}, {KEY_DATA, 7, 1}};

    assert_int_equal(keyring_add_keys(keyring, there, 2), STATUS_CONFLICT);
    assert_int_equal(keyring_add_keys(keyring, twice, 2), STATUS_CONFLICT);
    assert_int_equal(keyring_generation(keyring), 1);
    assert_false(keyring_has(keyring, data_key));
    keyring_seal(keyring);
    assert_int_equal(keyring_add_keys(keyring, there, 1), STATUS_SEALED);
    keyring_close(&keyring);
    assert_int_equal(try_open(fixture->path, fixture->root), STATUS_OK);
}

static void
removed_keys_are_gone(void **state)
{
    const struct fixture *fixture = *state;
    struct keyring *keyring = open_unsealed(fixture);
    struct key_name names[] = {
        {KEY_REASON, 0, 2029}, {KEY_REASON, 0, 2030}, {KEY_REASON, 0, 2031}, {KEY_DATA, 7, 1}};
    struct key_name removed[] = {{KEY_REASON, 0, 2030}, {KEY_DATA, 7, 1}};
    uint8_t box[KEYRING_BOX_EXTRA + 4], plain[4];

    assert_int_equal(keyring_add_keys(keyring, names, 4), STATUS_OK);
    assert_int_equal(
        keyring_encrypt(keyring, names[2], (struct bytes){0}, bytes_of_text("abcd"), box),
        STATUS_OK);
    assert_int_equal(keyring_remove_keys(keyring, removed, 2), STATUS_OK);
    for (int pass = 0; pass < 2; pass++) {
        assert_int_equal(keyring_generation(keyring), 3);
        assert_true(keyring_has(keyring, access_key));
        assert_true(keyring_has(keyring, names[0]));
        assert_false(keyring_has(keyring, names[1]));
        assert_false(keyring_has(keyring, names[3]));
        assert_int_equal(
            keyring_decrypt(keyring, names[2], (struct bytes){0}, bytes_of(box, sizeof box), plain),
            STATUS_OK);
        assert_memory_equal(plain, "abcd", 4);
        keyring_close(&keyring); /* and durably so */
        keyring = open_unsealed(fixture);
    }
    /* Made again under the same name, it is another key. */
    assert_int_equal(
        keyring_encrypt(keyring, names[0], (struct bytes){0}, bytes_of_text("efgh"), box),
        STATUS_OK);
    assert_int_equal(keyring_remove_keys(keyring, &names[0], 1), STATUS_OK);
    assert_int_equal(keyring_add_keys(keyring, &names[0], 1), STATUS_OK);
    assert_int_equal(
        keyring_decrypt(keyring, names[0], (struct bytes){0}, bytes_of(box, sizeof box), plain),
        STATUS_CORRUPT);
    keyring_close(&keyring);
}

static void
removing_what_is_not_there_changes_nothing(void **state)
{
    const struct fixture *fixture = *state;
    struct keyring *keyring = open_unsealed(fixture);
    struct key_name absent[] = {{KEY_DATA, 7, 1}, {KEY_DATA, 8, 1}};
    struct key_name twice[] = {{KEY_DATA, 7, 1}, {KEY_DATA, 7, 1}};
    char blocker[FOLDER_PATH_BYTES];

    assert_int_equal(keyring_add_keys(keyring, &data_key, 1), STATUS_OK);
    assert_int_equal(keyring_remove_keys(keyring, absent, 2), STATUS_NOT_FOUND);
    assert_int_equal(keyring_remove_keys(keyring, twice, 2), STATUS_NOT_FOUND);
    folder_join(fixture->folder, "keyring.new", blocker);
    assert_int_equal(mkdir(blocker, 0700), 0); /* no temporary file can be made here */
    assert_int_equal(keyring_remove_keys(keyring, &data_key, 1), STATUS_UNAVAILABLE);
    assert_int_equal(rmdir(blocker), 0);
    assert_int_equal(keyring_generation(keyring), 2);
    assert_true(keyring_has(keyring, data_key));
    keyring_seal(keyring);
    assert_int_equal(keyring_remove_keys(keyring, &data_key, 1), STATUS_SEALED);
    keyring_close(&keyring);
    keyring = open_unsealed(fixture);
    assert_int_equal(keyring_generation(keyring), 2);
    assert_true(keyring_has(keyring, data_key));
    keyring_close(&keyring);
}

static void
failed_write_leaves_all_as_it_was(void **state)
{
    const struct fixture *fixture = *state;
    struct keyring *keyring = open_unsealed(fixture);
    char blocker[FOLDER_PATH_BYTES];

    folder_join(fixture->folder, "keyring.new", blocker);
    assert_int_equal(mkdir(blocker, 0700), 0); /* no temporary file can be made here */
    assert_int_equal(keyring_add_keys(keyring, &data_key, 1), STATUS_UNAVAILABLE);
    assert_false(keyring_has(keyring, data_key));
    assert_int_equal(keyring_generation(keyring), 1);
    assert_int_equal(rmdir(blocker), 0);
    assert_int_equal(keyring_add_keys(keyring, &data_key, 1), STATUS_OK);
    keyring_close(&keyring);
}

/* It may open with a root key that never came into force. */
static void
what_a_crash_left_half_done_goes_with_the_next_unseal(void **state)
{
    const struct fixture *fixture = *state;
    struct keyring *keyring = NULL;
    char left[FOLDER_PATH_BYTES];

    folder_join(fixture->folder, "keyring.new", left);
    folder_write(left, "half of it", 10);
    assert_int_equal(keyring_open(fixture->path, &keyring), STATUS_OK);
    assert_int_equal(keyring_unseal(keyring, fixture->other_root), STATUS_DENIED);
    assert_int_equal(access(left, F_OK), 0); /* nobody has shown a key yet */
    assert_int_equal(keyring_unseal(keyring, fixture->root), STATUS_OK);
    assert_int_not_equal(access(left, F_OK), 0);
    keyring_close(&keyring);
}

static void
older_copy_opens_but_shows_its_generation(void **state)
{
    const struct fixture *fixture = *state;
    struct keyring *keyring = open_unsealed(fixture);
    size_t size;
    uint8_t *older = folder_read(fixture->path, &size);

    assert_int_equal(keyring_add_keys(keyring, &data_key, 1), STATUS_OK);
    keyring_seal(keyring);
    folder_write(fixture->path, older, size);
    /* Swapped while it was open: refused. Opened afresh: the store's generation tells (vault_open).
     */
    assert_int_equal(keyring_unseal(keyring, fixture->root), STATUS_CORRUPT);
    keyring_close(&keyring);
    keyring = open_unsealed(fixture);
    assert_int_equal(keyring_generation(keyring), 1);
    keyring_close(&keyring);
    free(older);
}

typedef enum status change_keys(struct keyring *keyring, const struct key_name *names,
                                size_t count);

static const struct unseal_slot keyfile_slot = {.provider = UNSEAL_KEYFILE};

/* In a process of its own: adds or removes a key, or replaces the root key, and dies on the way
 * where a failpoint says so. */
static int
change_key_and_exit(const char *path, const char *how)
{
    change_keys *change = strcmp(how, "add") == 0 ? keyring_add_keys : keyring_remove_keys;
    struct secret *root = sodium_init() < 0 ? NULL : new_root(0x11);
    struct keyring *keyring = NULL;
    struct secret *other = new_root(0x22);
    bool changed = keyring_open(path, &keyring) == STATUS_OK &&
                   keyring_unseal(keyring, root) == STATUS_OK &&
                   (strcmp(how, "root") == 0 ? keyring_replace_root(keyring, other, &keyfile_slot)
                                             : change(keyring, &data_key, 1)) == STATUS_OK;

    secret_free(&other);

    keyring_close(&keyring);
    secret_free(&root);
    return changed ? 1 : 2;
}

/* Failpoints are read once in a process, so the child is a fresh one. */
static void
run_with(const struct fixture *fixture, const char *how, const char *failpoint, int code)
{
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        (void)setenv("CONTACT_VAULT_FAILPOINTS", failpoint, 1);
        (void)execl("/proc/self/exe", "test_keyring", fixture->path, how, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), code);
}

static void
crash_at(const struct fixture *fixture, const char *how, const char *failpoint)
{
    run_with(fixture, how, failpoint, 86);
}

static const struct unseal_slot passphrase_slot = {
    .provider = UNSEAL_PASSPHRASE, .salt = {4, 2}, .passes = 3, .memory_kib = 262144};

static void
expect_slot(const struct keyring *keyring, enum unseal_provider provider)
{
    struct unseal_slot slot;

    keyring_slot(keyring, &slot);
    assert_int_equal(slot.provider, provider);
}

static void
another_root_key_opens_the_same_keys(void **state)
{
    const struct fixture *fixture = *state;
    struct keyring *keyring = open_unsealed(fixture);
    uint8_t before[KEYRING_TAG_KEYED_BYTES], after[KEYRING_TAG_KEYED_BYTES];
    struct unseal_slot slot;

    assert_int_equal(keyring_tag(keyring, bytes_of_text("x"), before), STATUS_OK);
    expect_slot(keyring, UNSEAL_KEYFILE);
    assert_int_equal(keyring_replace_root(keyring, fixture->other_root, &passphrase_slot),
                     STATUS_OK);
    assert_int_equal(keyring_generation(keyring), 2);
    /* In force here, too: what is written next is under it. */
    assert_int_equal(keyring_add_keys(keyring, &data_key, 1), STATUS_OK);
    keyring_seal(keyring);
    assert_int_equal(keyring_unseal(keyring, fixture->root), STATUS_DENIED);
    assert_int_equal(keyring_replace_root(keyring, fixture->root, &passphrase_slot), STATUS_SEALED);
    keyring_close(&keyring);

    assert_int_equal(try_open(fixture->path, fixture->root), STATUS_DENIED);
    assert_int_equal(keyring_open(fixture->path, &keyring), STATUS_OK);
    keyring_slot(keyring, &slot);
    assert_memory_equal(&slot, &passphrase_slot, sizeof slot);
    assert_int_equal(keyring_unseal(keyring, fixture->other_root), STATUS_OK);
    assert_int_equal(keyring_generation(keyring), 3);
    assert_true(keyring_has(keyring, data_key));
    assert_int_equal(keyring_tag(keyring, bytes_of_text("x"), after), STATUS_OK);
    assert_memory_equal(before, after, sizeof after);
    keyring_close(&keyring);
}

static void
crash_leaves_one_root_key_or_the_other(void **state)
{
#ifdef CONTACT_VAULT_FAILPOINTS
    const struct fixture *fixture = *state;
    const struct {
        const char *failpoint;
        bool done;
    } cases[] = {{"keyring_after_tmp", false},
                 {"keyring_before_rename", false},
                 {"keyring_after_rename", true}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        crash_at(fixture, "root", cases[i].failpoint);
        assert_int_equal(try_open(fixture->path, fixture->root),
                         cases[i].done ? STATUS_DENIED : STATUS_OK);
        assert_int_equal(try_open(fixture->path, fixture->other_root),
                         cases[i].done ? STATUS_OK : STATUS_DENIED);
    }
#else
    (void)state;
    skip();
#endif
}

/* What is read back and is not what was to be written replaces nothing. */
static void
no_unread_file_replaces_the_old_one(void **state)
{
#ifdef CONTACT_VAULT_FAILPOINTS
    const struct fixture *fixture = *state;

    run_with(fixture, "root", "keyring_read_back", 2);
    assert_int_equal(try_open(fixture->path, fixture->root), STATUS_OK);
    assert_int_equal(try_open(fixture->path, fixture->other_root), STATUS_DENIED);
#else
    (void)state;
    skip();
#endif
}

static void
crash_leaves_old_or_new(void **state)
{
#ifdef CONTACT_VAULT_FAILPOINTS
    const struct fixture *fixture = *state;
    const struct key_name later = {KEY_DATA, 8, 1};
    const struct {
        const char *failpoint;
        uint64_t generation;
    } cases[] = {
        {"keyring_after_tmp", 1}, {"keyring_before_rename", 1}, {"keyring_after_rename", 2}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct keyring *keyring;

        crash_at(fixture, "add", cases[i].failpoint);
        keyring = open_unsealed(fixture);
        assert_int_equal(keyring_generation(keyring), cases[i].generation);
        assert_int_equal(keyring_has(keyring, data_key), cases[i].generation == 2);
        keyring_close(&keyring);
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct keyring *keyring;

        crash_at(fixture, "remove", cases[i].failpoint);
        keyring = open_unsealed(fixture);
        assert_int_equal(keyring_generation(keyring), cases[i].generation + 1);
        assert_int_equal(keyring_has(keyring, data_key), cases[i].generation == 1);
        assert_true(keyring_has(keyring, access_key));
        keyring_close(&keyring);
    }
    /* What a crash left behind is in nobody's way. */
    struct keyring *keyring = open_unsealed(fixture);
    assert_int_equal(keyring_add_keys(keyring, &later, 1), STATUS_OK);
    assert_int_equal(keyring_generation(keyring), 4);
    keyring_close(&keyring);
#else
    (void)state;
    (void)crash_at;
    skip();
#endif
}

static void
box_opens_only_as_it_was_sealed(void **state)
{
    const struct fixture *fixture = *state;
    struct keyring *keyring = open_unsealed(fixture);
    struct bytes associated = bytes_of_text("row 1");
    struct bytes plain = bytes_of_text("content");
    uint8_t box[7 + KEYRING_BOX_EXTRA], again[7 + KEYRING_BOX_EXTRA], opened[7];

    assert_int_equal(keyring_encrypt(keyring, access_key, associated, plain, box), STATUS_OK);
    assert_int_equal(keyring_encrypt(keyring, access_key, associated, plain, again), STATUS_OK);
    assert_memory_not_equal(box, again, 24); /* a nonce is never used twice */
    assert_int_equal(
        keyring_decrypt(keyring, access_key, associated, bytes_of(box, sizeof box), opened),
        STATUS_OK);
    assert_memory_equal(opened, "content", 7);

    assert_int_equal(keyring_decrypt(keyring, access_key, bytes_of_text("row 2"),
                                     bytes_of(box, sizeof box), opened),
                     STATUS_CORRUPT);
    for (size_t i = 0; i < sizeof box; i++) {
        box[i] ^= 1;
        assert_int_equal(
            keyring_decrypt(keyring, access_key, associated, bytes_of(box, sizeof box), opened),
            STATUS_CORRUPT);
        box[i] ^= 1;
        assert_int_equal(keyring_decrypt(keyring, access_key, associated, bytes_of(box, i), opened),
                         STATUS_CORRUPT);
    }
    assert_int_equal(
        keyring_decrypt(keyring, data_key, associated, bytes_of(box, sizeof box), opened),
        STATUS_NOT_FOUND);
    assert_int_equal(keyring_encrypt(keyring, data_key, associated, plain, box), STATUS_NOT_FOUND);
    keyring_seal(keyring);
    assert_int_equal(keyring_encrypt(keyring, access_key, associated, plain, box), STATUS_SEALED);
    assert_int_equal(
        keyring_decrypt(keyring, access_key, associated, bytes_of(box, sizeof box), opened),
        STATUS_SEALED);
    keyring_close(&keyring);
}

static void
empty_plaintext_is_sealed_too(void **state)
{
    const struct fixture *fixture = *state;
    struct keyring *keyring = open_unsealed(fixture);
    uint8_t nonce[24] = {9}, box[KEYRING_BOX_EXTRA], none[1];

    assert_int_equal(
        keyring_encrypt_with(keyring, access_key, nonce, (struct bytes){0}, (struct bytes){0}, box),
        STATUS_OK);
    assert_memory_equal(box, nonce, sizeof nonce);
    assert_int_equal(
        keyring_decrypt(keyring, access_key, (struct bytes){0}, bytes_of(box, sizeof box), none),
        STATUS_OK);
    keyring_close(&keyring);
}

static void
blind_index_depends_on_all_it_is_given(void **state)
{
    const struct fixture *fixture = *state;
    struct keyring *keyring = open_unsealed(fixture);
    struct key_name names[] = {{KEY_INDEX, 1, 1}, {KEY_INDEX, 1, 2}, {KEY_INDEX, 2, 1}};
    struct bytes contact = bytes_of_text("+393331234567");
    uint8_t base[BLIND_INDEX_BYTES], other[BLIND_INDEX_BYTES];

    assert_int_equal(keyring_add_keys(keyring, names, 3), STATUS_OK);
#define INDEX(id, generation, version, kind, text, ret)                                            \
    assert_int_equal(keyring_blind_index(keyring, ((struct key_name){KEY_INDEX, id, generation}),  \
                                         version, kind, text, ret),                                \
                     STATUS_OK)
    INDEX(1, 1, 1, CONTACT_PHONE, contact, base);
    INDEX(1, 1, 1, CONTACT_PHONE, contact, other);
    assert_memory_equal(base, other, sizeof base);
    INDEX(2, 1, 1, CONTACT_PHONE, contact, other);
    assert_memory_not_equal(base, other, sizeof base);
    INDEX(1, 2, 1, CONTACT_PHONE, contact, other);
    assert_memory_not_equal(base, other, sizeof base);
    INDEX(1, 1, 2, CONTACT_PHONE, contact, other);
    assert_memory_not_equal(base, other, sizeof base);
    INDEX(1, 1, 1, CONTACT_EMAIL, contact, other);
    assert_memory_not_equal(base, other, sizeof base);
    INDEX(1, 1, 1, CONTACT_PHONE, bytes_of_text("+393331234568"), other);
    assert_memory_not_equal(base, other, sizeof base);
#undef INDEX
    assert_int_equal(keyring_blind_index(keyring, ((struct key_name){KEY_INDEX, 3, 1}), 1,
                                         CONTACT_PHONE, contact, other),
                     STATUS_NOT_FOUND);
    keyring_close(&keyring);
}

static void
audit_key_signs(void **state)
{
    const struct fixture *fixture = *state;
    struct keyring *keyring = open_unsealed(fixture);
    uint8_t public_key[PUBLIC_KEY_BYTES], signature[SIGNATURE_BYTES];

    assert_int_equal(keyring_audit_public_key(keyring, public_key), STATUS_OK);
    assert_int_equal(keyring_audit_sign(keyring, bytes_of_text("head"), signature), STATUS_OK);
    assert_int_equal(crypto_sign_verify_detached(signature, (const uint8_t *)"head", 4, public_key),
                     0);
    assert_int_not_equal(
        crypto_sign_verify_detached(signature, (const uint8_t *)"heaD", 4, public_key), 0);
    keyring_seal(keyring);
    assert_int_equal(keyring_audit_public_key(keyring, public_key), STATUS_SEALED);
    assert_int_equal(keyring_audit_sign(keyring, bytes_of_text("head"), signature), STATUS_SEALED);
    keyring_close(&keyring);
}

/* Made by another program from the format's text alone: tests/vectors/make_keys.py. */
static enum status
run_vector(void *state, const struct vector *vector)
{
    const struct fixture *fixture = state;
    struct secret *root = new_root(0);
    struct keyring *keyring = NULL;
    char path[FOLDER_PATH_BYTES];
    uint8_t index[BLIND_INDEX_BYTES];
    enum status status;

    secret_free(&root);
    assert_int_equal(vector->count, 3); /* root key, file, blind index */
    assert_int_equal(vector->fields[0].size, ROOT_KEY_BYTES);
    assert_int_equal(secret_new(ROOT_KEY_BYTES, &root), STATUS_OK);
    memcpy(secret_write(root), vector->fields[0].data, ROOT_KEY_BYTES);
    folder_join(fixture->folder, "vector", path);
    folder_write(path, vector->fields[1].data, vector->fields[1].size);

    status = keyring_open(path, &keyring);
    if (status == STATUS_OK) {
        status = keyring_unseal(keyring, root);
    }
    if (status == STATUS_OK) {
        assert_int_equal(keyring_blind_index(keyring, ((struct key_name){KEY_INDEX, 7, 1}), 1,
                                             CONTACT_PHONE, bytes_of_text("+393331234567"), index),
                         STATUS_OK);
        assert_int_equal(vector->fields[2].size, sizeof index);
        assert_memory_equal(index, vector->fields[2].data, sizeof index);
    }
    keyring_close(&keyring);
    secret_free(&root);
    return status;
}

static void
vectors_give_what_they_say(void **state)
{
    assert_int_equal(vectors_run(TESTS_DIR "/vectors/keyring.txt", run_vector, *state), 40);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(new_file_has_its_first_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(create_never_writes_over_a_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(create_says_when_it_cannot_write, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_root_key_is_denied, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_keyring_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_flipped_bit_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_other_length_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(altered_header_with_a_new_check_is_denied, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(added_keys_are_durable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(adding_a_key_twice_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(removed_keys_are_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(removing_what_is_not_there_changes_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(failed_write_leaves_all_as_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_crash_left_half_done_goes_with_the_next_unseal,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(older_copy_opens_but_shows_its_generation, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(another_root_key_opens_the_same_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(crash_leaves_one_root_key_or_the_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_unread_file_replaces_the_old_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(crash_leaves_old_or_new, set_up, tear_down),
        cmocka_unit_test_setup_teardown(box_opens_only_as_it_was_sealed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(empty_plaintext_is_sealed_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(blind_index_depends_on_all_it_is_given, set_up, tear_down),
        cmocka_unit_test_setup_teardown(audit_key_signs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(vectors_give_what_they_say, set_up, tear_down),
    };

    if (argc == 3) {
        return change_key_and_exit(argv[1], argv[2]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
