/* SPDX-License-Identifier: Apache-2.0 */
/* init, unseal: where the root key comes from. */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "passphrase.h"
#include "shares.h"

enum { PATH_BYTES = 4096, SLOT_OPTION_BYTES = 80, SALT_TEXT_BYTES = 2 * CV_SALT_BYTES + 1 };

enum exit_code
provider_parse(const struct arguments *arguments, enum cv_provider *ret_provider)
{
    *ret_provider = CV_KEYFILE;
    if (arguments->unseal != NULL && strcmp(arguments->unseal, "passphrase") == 0) {
        *ret_provider = CV_PASSPHRASE;
    } else if (arguments->unseal != NULL && strcmp(arguments->unseal, "shares") == 0) {
        *ret_provider = CV_SHARES;
    } else if (arguments->unseal != NULL && strcmp(arguments->unseal, "keyfile") != 0) {
        return fail(arguments, EXIT_USAGE, "--unseal takes keyfile, passphrase or shares");
    }
    if (*ret_provider != CV_SHARES && (arguments->shares != NULL || arguments->threshold != NULL)) {
        return fail(arguments, EXIT_USAGE, "--shares, --threshold go with --unseal shares");
    }
    if (*ret_provider != CV_KEYFILE && arguments->key_file != NULL) {
        return fail(arguments, EXIT_USAGE, "--key-file goes with --unseal keyfile");
    }
    if (*ret_provider != CV_PASSPHRASE && arguments->passphrase_file != NULL) {
        return fail(arguments, EXIT_USAGE, "--passphrase-file goes with --unseal passphrase");
    }
    return EXIT_OK;
}

/* The key goes to vaultd by its stdin, and how it was made by an option. */
static enum exit_code
prepare_passphrase(const struct arguments *arguments, char ret_option[static SLOT_OPTION_BYTES])
{
    uint8_t key[CV_KEY_BYTES] = {0};
    char salt[SALT_TEXT_BYTES];
    struct cv_unsealing how;

    passphrase_choose(&how);
    enum exit_code code = passphrase_new_key(arguments, &how, key);
    if (code == EXIT_OK && !give_on_stdin(key, sizeof key)) {
        code = fail(arguments, EXIT_REFUSED, "cannot start vaultd: %s", strerror(errno));
    }
    explicit_bzero(key, sizeof key);
    (void)snprintf(ret_option, SLOT_OPTION_BYTES, "passphrase:%02x%s%08x%08x", CV_PASSPHRASE,
                   sodium_bin2hex(salt, sizeof salt, how.salt, sizeof how.salt), how.passes,
                   how.memory_kib);
    return code;
}

enum exit_code
cmd_init(const struct arguments *arguments)
{
    struct vaultd_line line = vaultd_line_of("init");
    char option[SLOT_OPTION_BYTES] = "";
    enum cv_provider provider;

    if (arguments->data == NULL) {
        return fail(arguments, EXIT_USAGE, "say where: --data DIR");
    }
    enum exit_code code = provider_parse(arguments, &provider);
    if (code == EXIT_OK && provider == CV_PASSPHRASE) {
        code = prepare_passphrase(arguments, option);
        vaultd_line_option(&line, "--unseal", option);
    }
    if (code == EXIT_OK && provider == CV_SHARES) {
        struct cv_unsealing how = {0};

        code = shares_parse(arguments, &how);
        (void)snprintf(option, sizeof option, "shares:%u/%u", how.threshold, how.shares);
        vaultd_line_option(&line, "--unseal", option);
    }
    if (code != EXIT_OK) {
        return code;
    }
    vaultd_line_option(&line, "--data", arguments->data);
    vaultd_line_option(&line, "--key-file", arguments->key_file);
    vaultd_line_option(&line, "--admin-uid", arguments->admin_uid);
    if (arguments->json) {
        vaultd_line_add(&line, "--json");
    }
    return vaultd_execute(arguments, &line);
}

static enum exit_code
read_root_key(const struct arguments *arguments, const char *path,
              uint8_t ret_key[static CV_KEY_BYTES])
{
    uint8_t bytes[CV_KEY_BYTES + 1]; /* one more, to see a longer file */
    struct stat attributes;
    int file_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (file_fd < 0) {
        return fail(arguments, EXIT_USAGE, "%s: %s; name the root key with --key-file FILE", path,
                    strerror(errno));
    }
    bool safe = fstat(file_fd, &attributes) == 0 && (attributes.st_mode & (S_IRWXG | S_IRWXO)) == 0;
    ssize_t size = read(file_fd, bytes, sizeof bytes);
    close(file_fd);
    if (size == CV_KEY_BYTES) {
        memcpy(ret_key, bytes, CV_KEY_BYTES);
    }
    explicit_bzero(bytes, sizeof bytes);
    if (size != CV_KEY_BYTES) {
        return fail(arguments, EXIT_USAGE, "%s: not a root key, which is a file of %d bytes", path,
                    CV_KEY_BYTES);
    }
    if (!safe) {
        return fail(arguments, EXIT_USAGE, "%s: others may read this key; chmod 400 it", path);
    }
    return EXIT_OK;
}

/* Where init puts it: beside the folder, not in it. */
static bool
default_key_file(const struct arguments *arguments, char ret_path[static PATH_BYTES])
{
    if (arguments->data == NULL) {
        return false;
    }
    size_t size = strlen(arguments->data);
    while (size > 1 && arguments->data[size - 1] == '/') {
        size--;
    }
    int written = snprintf(ret_path, PATH_BYTES, "%.*s.key", (int)size, arguments->data);
    return written > 0 && written < PATH_BYTES;
}

static enum exit_code
key_from_file(const struct arguments *arguments, uint8_t ret_key[static CV_KEY_BYTES])
{
    char path[PATH_BYTES];

    if (arguments->key_file != NULL) {
        return read_root_key(arguments, arguments->key_file, ret_key);
    }
    if (!default_key_file(arguments, path)) {
        return fail(arguments, EXIT_USAGE, "where is the root key? Give --key-file FILE");
    }
    return read_root_key(arguments, path, ret_key);
}

/* The vault says how its key is got; who names a file has said so himself. */
static enum exit_code
ask_provider(const struct arguments *arguments, struct cv_client *client,
             struct cv_unsealing *ret_how)
{
    struct cv_reply *reply = NULL;

    *ret_how = (struct cv_unsealing){.provider = CV_KEYFILE};
    if (arguments->key_file != NULL) {
        return EXIT_OK;
    }
    (void)cv_unseal_info(client, &reply);
    enum exit_code code = report(arguments, reply);
    *ret_how = reply->unsealing;
    cv_reply_free(&reply);
    return code;
}

static enum exit_code
unseal(const struct arguments *arguments, struct cv_client **client)
{
    uint8_t key[CV_KEY_BYTES] = {0};
    struct cv_unsealing how;
    struct cv_reply *reply = NULL;
    enum exit_code code = ask_provider(arguments, *client, &how);

    if (code == EXIT_OK && how.provider == CV_SHARES) {
        return shares_bring(arguments, *client);
    }
    if (code == EXIT_OK) {
        code = how.provider == CV_PASSPHRASE ? passphrase_key(arguments, &how, key)
                                             : key_from_file(arguments, key);
    }
    if (code == EXIT_OK) {
        (void)cv_unseal(*client, key, &reply);
        code = finish(arguments, client, &reply, "unsealed");
    }
    explicit_bzero(key, sizeof key);
    return code;
}

enum exit_code
cmd_unseal(const struct arguments *arguments)
{
    struct cv_client *client = NULL;

    if ((arguments->key_file != NULL) + (arguments->passphrase_file != NULL) +
            (arguments->share_file != NULL) >
        1) {
        return fail(arguments, EXIT_USAGE,
                    "--key-file, --passphrase-file, --share-file: only one of them");
    }
    enum exit_code code = session_open_unasked(arguments, SOCKET_ADMIN, &client);
    if (code == EXIT_OK) {
        code = unseal(arguments, &client);
    }
    cv_close(&client);
    return code;
}
