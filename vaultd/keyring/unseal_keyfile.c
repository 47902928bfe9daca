/* SPDX-License-Identifier: Apache-2.0 */
#include "unseal.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bounds.h"
#include "bytes.h"
#include "keyring_disk.h"
#include "log.h"
#include "secret.h"

static enum status
system_call_failed(int line)
{
    LOG(LOG_LEVEL_ERROR, EVENT_SYSTEM_CALL_FAILED, F("errno", errno), F("line", line));
    return STATUS_UNAVAILABLE;
}

static enum status
write_durably(const char *path, int file, const struct secret *root)
{
    enum status status =
        keyring_disk_write_all(file, bytes_of(secret_read(root), secret_size(root)));

    if (status == STATUS_OK && fsync(file) != 0) {
        status = system_call_failed(__LINE__);
    }
    return status == STATUS_OK ? keyring_disk_sync_folder(path) : status;
}

enum status
unseal_keyfile_create(const char *path, struct secret **ret_root)
{
    struct secret *root = NULL;
    enum status status;
    int file;

    if (sodium_init() < 0) {
        return STATUS_INTERNAL;
    }
    status = secret_new(ROOT_KEY_BYTES, &root);
    if (status != STATUS_OK) {
        return status;
    }
    randombytes_buf(secret_write(root), ROOT_KEY_BYTES);
    secret_freeze(root);

    file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
    if (file < 0) {
        status = errno == EEXIST ? STATUS_CONFLICT : system_call_failed(__LINE__);
        goto out;
    }
    status = write_durably(path, file, root);
    (void)close(file);
    if (status != STATUS_OK) {
        (void)unlink(path); /* half a root key serves nobody */
        goto out;
    }
    *ret_root = root;
    root = NULL;

out:
    secret_free(&root);
    return status;
}

/* Straight into guarded memory: no copy of the root key is left in a buffer. */
static enum status
read_key(int file, mode_t forbidden, struct secret *root)
{
    struct stat about;
    size_t done = 0;

    if (fstat(file, &about) != 0) {
        return system_call_failed(__LINE__);
    }
    if (!S_ISREG(about.st_mode) || about.st_size != ROOT_KEY_BYTES ||
        (about.st_mode & forbidden) != 0) {
        return STATUS_INVALID;
    }
    while (done < ROOT_KEY_BYTES) {
        ssize_t got = read(file, secret_write(root) + done, ROOT_KEY_BYTES - done);

        if (got == 0) {
            return STATUS_INVALID;
        }
        if (got < 0 && errno != EINTR) {
            return system_call_failed(__LINE__);
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return STATUS_OK;
}

static enum status
read_file(const char *path, mode_t forbidden, struct secret **ret_root)
{
    struct secret *root = NULL;
    enum status status;
    int file;

    if (sodium_init() < 0) {
        return STATUS_INTERNAL;
    }
    file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe in its place must not hang us */
    if (file < 0) {
        return errno == ENOENT ? STATUS_NOT_FOUND : system_call_failed(__LINE__);
    }
    status = secret_new(ROOT_KEY_BYTES, &root);
    if (status == STATUS_OK) {
        status = read_key(file, forbidden, root);
    }
    (void)close(file);
    if (status != STATUS_OK) {
        secret_free(&root);
        return status;
    }
    secret_freeze(root);
    *ret_root = root;
    return STATUS_OK;
}

enum status
unseal_keyfile_read(const char *path, struct secret **ret_root)
{
    return read_file(path, S_IRWXG | S_IRWXO, ret_root);
}

enum status
unseal_credential_read(const char *path, struct secret **ret_root)
{
    return read_file(path, S_IWGRP | S_IXGRP | S_IRWXO, ret_root);
}
