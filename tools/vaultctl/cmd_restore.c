/* SPDX-License-Identifier: Apache-2.0 */
/* restore, backup --verify: by vaultd, which is given the root key. How that is got stands in the
 * backup, and vaultd is asked first. */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "passphrase.h"
#include "shares.h"

enum {
    SLOT_BYTES_MAX = 64,
    PASSPHRASE_SLOT_BYTES = 1 + CV_SALT_BYTES + 4 + 4,
    SHARES_SLOT_BYTES = 1 + CV_SET_BYTES + 1 + 1,
    PATH_BYTES = 4096,
};

/* ---- how the root key is got ---- */

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
    size_t size = 0;

    if (sodium_hex2bin(slot, sizeof slot, text, strcspn(text, "\n"), NULL, &size, NULL) != 0 ||
        size == 0) {
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
become_vaultd(const struct arguments *arguments, const struct vaultd_line *line, int out)
{
    if (dup2(out, STDOUT_FILENO) >= 0) {
        (void)vaultd_execute(arguments, line);
    }
    _exit(EXIT_REFUSED);
}

/* What it says on stdout, up to `size`; gives its exit code. */
static enum exit_code
ask_vaultd(const struct arguments *arguments, const struct vaultd_line *line, char *to, size_t size)
{
    size_t done = 0;
    int ends[2];
    int status = 0;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
        return fail(arguments, EXIT_REFUSED, "cannot start vaultd: %s", strerror(errno));
    }
    if (pid == 0) {
        become_vaultd(arguments, line, ends[1]);
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

static void
add_shared(const struct arguments *arguments, struct vaultd_line *line)
{
    vaultd_line_option(line, "--recipient", arguments->recipient);
    if (arguments->json) {
        vaultd_line_add(line, "--json");
    }
}

static enum exit_code
ask_slot(const struct arguments *arguments, struct cv_unsealing *ret_how)
{
    struct vaultd_line line = vaultd_line_of("restore");
    char text[PATH_BYTES];

    vaultd_line_add(&line, arguments->values[0]);
    vaultd_line_add(&line, "--slot");
    add_shared(arguments, &line);
    enum exit_code code = ask_vaultd(arguments, &line, text, sizeof text);
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
add_root(const struct arguments *arguments, struct vaultd_line *line, char path[static PATH_BYTES])
{
    struct cv_unsealing how = {.provider = CV_KEYFILE};
    const char *key_file = arguments->key_file;
    enum exit_code code = key_file == NULL ? ask_slot(arguments, &how) : EXIT_OK;

    if (code != EXIT_OK) {
        return code;
    }
    if (how.provider != CV_KEYFILE) {
        vaultd_line_add(line, "--root-stdin");
        return give_key(arguments, &how);
    }
    key_file = key_file == NULL ? default_key_file(arguments, path) : key_file;
    if (key_file == NULL) {
        return fail(arguments, EXIT_USAGE,
                    "the root key of the time of the backup is a key file: where is it? Give "
                    "--key-file FILE");
    }
    vaultd_line_option(line, "--key-file", key_file);
    return EXIT_OK;
}

/* ---- the commands ---- */

static enum exit_code
execute(const struct arguments *arguments, struct vaultd_line *line)
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
    add_shared(arguments, line);
    enum exit_code code = add_root(arguments, line, path);
    return code == EXIT_OK ? vaultd_execute(arguments, line) : code;
}

enum exit_code
cmd_restore(const struct arguments *arguments)
{
    struct vaultd_line line = vaultd_line_of("restore");

    if (arguments->data == NULL) {
        return fail(arguments, EXIT_USAGE, "say where to: --data DIR, which is new or empty");
    }
    if (arguments->audit_folder != NULL && arguments->accept_lost) {
        return fail(arguments, EXIT_USAGE, "--audit, --accept-lost-erasures: only one of them");
    }
    vaultd_line_add(&line, arguments->values[0]);
    vaultd_line_option(&line, "--data", arguments->data);
    vaultd_line_option(&line, "--audit", arguments->audit_folder);
    vaultd_line_option(&line, "--checkpoint", arguments->checkpoint);
    if (arguments->accept_lost) {
        vaultd_line_add(&line, "--accept-lost-erasures");
    }
    if (arguments->accept_damaged) {
        vaultd_line_add(&line, "--accept-damaged");
    }
    return execute(arguments, &line);
}

enum exit_code
backup_verify(const struct arguments *arguments)
{
    struct vaultd_line line = vaultd_line_of("restore");

    vaultd_line_add(&line, arguments->values[0]);
    vaultd_line_add(&line, "--verify");
    vaultd_line_option(&line, "--tmp", arguments->tmp);
    return execute(arguments, &line);
}
