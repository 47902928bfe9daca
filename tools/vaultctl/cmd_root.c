/* SPDX-License-Identifier: Apache-2.0 */
/* key rotate root: another root key, and where it comes from from now on. */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"
#include "passphrase.h"
#include "shares.h"

/* On disk before the vault hears of it: else a crash could leave a vault that nothing opens. */
static enum exit_code
make_key_file(const struct arguments *arguments, uint8_t ret_key[static CV_KEY_BYTES])
{
    const char *path = arguments->key_file;
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);

    if (file < 0) {
        return fail(arguments, EXIT_USAGE, "%s: %s; the new root key wants a new file", path,
                    strerror(errno));
    }
    randombytes_buf(ret_key, CV_KEY_BYTES);
    bool written = write(file, ret_key, CV_KEY_BYTES) == CV_KEY_BYTES && fsync(file) == 0;
    if (close(file) != 0 || !written || !folder_sync(path)) {
        (void)unlink(path);
        return fail(arguments, EXIT_REFUSED, "%s: cannot be written; nothing was done", path);
    }
    return EXIT_OK;
}

static enum exit_code
make_key(const struct arguments *arguments, struct cv_unsealing *ret_how,
         uint8_t ret_key[static CV_KEY_BYTES])
{
    enum cv_provider provider;

    if (arguments->unseal == NULL) {
        return fail(arguments, EXIT_USAGE,
                    "say how the vault is unsealed from now on: --unseal keyfile, passphrase or "
                    "shares");
    }
    enum exit_code code = provider_parse(arguments, &provider);
    if (code != EXIT_OK) {
        return code;
    }
    switch (provider) {
    case CV_PASSPHRASE:
        passphrase_choose(ret_how);
        return passphrase_new_key(arguments, ret_how, ret_key);
    case CV_SHARES:
        code = shares_parse(arguments, ret_how);
        return code == EXIT_OK ? shares_make(arguments, ret_how, ret_key) : code;
    case CV_KEYFILE:
        break;
    }
    if (arguments->key_file == NULL) {
        return fail(arguments, EXIT_USAGE, "where to put the new root key? Give --key-file FILE");
    }
    *ret_how = (struct cv_unsealing){.provider = CV_KEYFILE};
    return make_key_file(arguments, ret_key);
}

enum exit_code
root_rotate(const struct arguments *arguments)
{
    uint8_t key[CV_KEY_BYTES] = {0};
    struct cv_unsealing how = {0};
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;

    if (arguments->all || arguments->namespace_given || arguments->wait || arguments->detach) {
        return fail(arguments, EXIT_USAGE,
                    "the root key is the whole vault's, and rotates at once");
    }
    enum exit_code code = session_open(arguments, SOCKET_ADMIN, &client);
    if (code != EXIT_OK) {
        return code;
    }
    code = make_key(arguments, &how, key);
    if (code == EXIT_OK) {
        (void)cv_root_rotate(client, key, &how, &reply);
        /* Kept where it is in force, or may come into force. */
        if (reply->status != CV_OK && reply->status != CV_PENDING && !reply->outcome_unknown &&
            how.provider == CV_KEYFILE) {
            (void)unlink(arguments->key_file);
        }
        if (reply->status == CV_PENDING) {
            note(arguments,
                 "the old root key unseals until then. Keep the new one: once this is approved, it "
                 "alone does");
        }
        code =
            finish(arguments, &client, &reply,
                   "rotated: only the new root key unseals the vault now. Give it to the service's "
                   "start.\nBackups made before, and old pages of the disk, open with the old "
                   "one alone: make a\nbackup now, and destroy the old one when you want none of "
                   "those any more.");
    }
    cv_close(&client);
    explicit_bzero(key, sizeof key);
    return code;
}
