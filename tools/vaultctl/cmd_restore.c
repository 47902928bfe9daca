/* SPDX-License-Identifier: Apache-2.0 */
/* restore, backup --verify: by vaultd, which is given the root key. How that is got stands in the
 * backup, and vaultd is asked first. */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "passphrase.h"
#include "shares.h"

enum {
    LIST_MAX = 24,
    SLOT_BYTES_MAX = 64,
    SLOT_TEXT_BYTES = 2 * SLOT_BYTES_MAX + 2,
    PASSPHRASE_SLOT_BYTES = 1 + CV_SALT_BYTES + 4 + 4,
    SHARES_SLOT_BYTES = 1 + CV_SET_BYTES + 1 + 1,
    PATH_BYTES = 4096,
};

struct words {
    const char *list[LIST_MAX];
    size_t count;
};

static void
add(struct words *words, const char *option, const char *value)
{
    if (value != NULL) {
        words->list[words->count++] = option;
        words->list[words->count++] = value;
    }
}

/* execv takes what it does not change as changeable. */
static char *const *
argv_of(const struct words *words)
{
    return (char *const *)(uintptr_t)words->list;
}

/* ---- how the root key is got ---- */

static bool
read_hex(const char *text, size_t digits, uint8_t *to)
{
    for (size_t i = 0; i < digits; i++) {
        const char *at = memchr("0123456789abcdef", text[i], 16);
        uint8_t value = 0;

        if (at == NULL) {
            return false;
        }
        value = (uint8_t)(strchr("0123456789abcdef", text[i]) - "0123456789abcdef");
        to[i / 2] = (uint8_t)(i % 2 == 0 ? value << 4 : to[i / 2] | value);
    }
    return true;
}

static uint32_t
number_at(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* A slot as the keyring has it (proto/slot.h). */
static bool
parse_slot(const char *text, struct cv_unsealing *ret_how)
{
    uint8_t slot[SLOT_BYTES_MAX] = {0};
    size_t digits = strcspn(text, "\n");
    size_t size = digits / 2;

    if (digits < 2 || digits % 2 != 0 || size > sizeof slot || !read_hex(text, digits, slot)) {
        return false;
    }
    *ret_how = (struct cv_unsealing){.provider = (enum cv_provider)slot[0]};
    if (slot[0] == CV_PASSPHRASE && size == PASSPHRASE_SLOT_BYTES) {
        memcpy(ret_how->salt, slot + 1, CV_SALT_BYTES);
        ret_how->passes = number_at(slot + 1 + CV_SALT_BYTES);
        ret_how->memory_kib = number_at(slot + 5 + CV_SALT_BYTES);
        return true;
    }
    if (slot[0] == CV_SHARES && size == SHARES_SLOT_BYTES) {
        memcpy(ret_how->set, slot + 1, CV_SET_BYTES);
        ret_how->threshold = slot[1 + CV_SET_BYTES];
        ret_how->shares = slot[2 + CV_SET_BYTES];
        return true;
    }
    return slot[0] == CV_KEYFILE && size == 1;
}

/* In the child; does not come back. */
static void
become_vaultd(const struct arguments *arguments, const struct words *words, int out)
{
    if (dup2(out, STDOUT_FILENO) >= 0) {
        (void)vaultd_execute(arguments, argv_of(words));
    }
    _exit(EXIT_REFUSED);
}

/* What it says on stdout, up to `size`; gives its exit code. */
static enum exit_code
ask_vaultd(const struct arguments *arguments, const struct words *words, char *to, size_t size)
{
    size_t done = 0;
    int ends[2];
    int status = 0;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
        return fail(arguments, EXIT_REFUSED, "cannot start vaultd: %s", strerror(errno));
    }
    if (pid == 0) {
        become_vaultd(arguments, words, ends[1]);
    }
    (void)close(ends[1]);
    while (done < size - 1) {
        ssize_t got = read(ends[0], to + done, size - 1 - done);

        if (got <= 0 && !(got < 0 && errno == EINTR)) {
            break;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    to[done] = '\0';
    (void)close(ends[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? (enum exit_code)WEXITSTATUS(status) : EXIT_REFUSED;
}

static enum exit_code
ask_slot(const struct arguments *arguments, struct cv_unsealing *ret_how)
{
    struct words words = {.list = {"vaultd", "restore", arguments->values[0], "--slot"},
                          .count = 4};
    char text[PATH_BYTES];

    add(&words, "--recipient", arguments->recipient);
    if (arguments->json) {
        words.list[words.count++] = "--json";
    }
    enum exit_code code = ask_vaultd(arguments, &words, text, sizeof text);
    if (code != EXIT_OK) {
        (void)fputs(text, stdout); /* as JSON, if it was asked for; in words it is said already */
        return code;
    }
    return parse_slot(text, ret_how)
               ? EXIT_OK
               : fail(arguments, EXIT_REFUSED, "vaultd and vaultctl are of two versions");
}

/* ---- the root key ---- */

static enum exit_code
give_key(const struct arguments *arguments, const struct cv_unsealing *how)
{
    uint8_t key[CV_KEY_BYTES] = {0};
    enum exit_code code = how->provider == CV_SHARES ? shares_gather(arguments, how, key)
                                                     : passphrase_key(arguments, how, key);

    if (code == EXIT_OK && !give_on_stdin(key, sizeof key)) {
        code = fail(arguments, EXIT_REFUSED, "cannot start vaultd: %s", strerror(errno));
    }
    explicit_bzero(key, sizeof key);
    return code;
}

/* Where init puts it: beside the folder. Of a lost machine it is mostly elsewhere. */
static const char *
default_key_file(const struct arguments *arguments, char path[static PATH_BYTES])
{
    size_t size = arguments->data == NULL ? 0 : strlen(arguments->data);
    struct stat found;

    while (size > 1 && arguments->data[size - 1] == '/') {
        size--;
    }
    int written =
        size == 0 ? 0 : snprintf(path, PATH_BYTES, "%.*s.key", (int)size, arguments->data);
    return written > 0 && written < PATH_BYTES && stat(path, &found) == 0 ? path : NULL;
}

static enum exit_code
add_root(const struct arguments *arguments, struct words *words, char path[static PATH_BYTES])
{
    struct cv_unsealing how = {.provider = CV_KEYFILE};
    const char *key_file = arguments->key_file;
    enum exit_code code = key_file == NULL ? ask_slot(arguments, &how) : EXIT_OK;

    if (code != EXIT_OK) {
        return code;
    }
    if (how.provider != CV_KEYFILE) {
        words->list[words->count++] = "--root-stdin";
        return give_key(arguments, &how);
    }
    key_file = key_file == NULL ? default_key_file(arguments, path) : key_file;
    if (key_file == NULL) {
        return fail(arguments, EXIT_USAGE,
                    "the root key of the time of the backup is a key file: where is it? Give "
                    "--key-file FILE");
    }
    add(words, "--key-file", key_file);
    return EXIT_OK;
}

/* ---- the commands ---- */

static enum exit_code
execute(const struct arguments *arguments, struct words *words)
{
    char path[PATH_BYTES];

    if (arguments->recipient == NULL) {
        return fail(
            arguments, EXIT_USAGE,
            "it is sealed to its recipients: give --recipient FILE, the private key of one");
    }
    if ((arguments->key_file != NULL) + (arguments->passphrase_file != NULL) +
            (arguments->share_file != NULL) >
        1) {
        return fail(arguments, EXIT_USAGE,
                    "--key-file, --passphrase-file, --share-file: only one of them");
    }
    add(words, "--recipient", arguments->recipient);
    if (arguments->json) {
        words->list[words->count++] = "--json";
    }
    enum exit_code code = add_root(arguments, words, path);
    return code == EXIT_OK ? vaultd_execute(arguments, argv_of(words)) : code;
}

enum exit_code
cmd_restore(const struct arguments *arguments)
{
    struct words words = {.list = {"vaultd", "restore", arguments->values[0]}, .count = 3};

    if (arguments->data == NULL) {
        return fail(arguments, EXIT_USAGE, "say where to: --data DIR, which is new or empty");
    }
    if (arguments->audit_folder != NULL && arguments->accept_lost) {
        return fail(arguments, EXIT_USAGE, "--audit, --accept-lost-erasures: only one of them");
    }
    add(&words, "--data", arguments->data);
    add(&words, "--audit", arguments->audit_folder);
    add(&words, "--checkpoint", arguments->checkpoint);
    if (arguments->accept_lost) {
        words.list[words.count++] = "--accept-lost-erasures";
    }
    if (arguments->accept_damaged) {
        words.list[words.count++] = "--accept-damaged";
    }
    return execute(arguments, &words);
}

enum exit_code
backup_verify(const struct arguments *arguments)
{
    struct words words = {.list = {"vaultd", "restore", arguments->values[0], "--verify"},
                          .count = 4};

    add(&words, "--tmp", arguments->tmp);
    return execute(arguments, &words);
}
