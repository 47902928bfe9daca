/* SPDX-License-Identifier: Apache-2.0 */
#include "session_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "vaultctl.h"

static const char HEADER[] = "contact-vault session 1\n";
static const char IPC_SCHEME[] = "ipc://";

enum {
    HEADER_BYTES = sizeof HEADER - 1,
    KEY_TEXT_BYTES = 44, /* base64 of 32 bytes */
    TIME_DIGITS_MAX = 20,
    FILE_BYTES_MAX = HEADER_BYTES + 2 * (KEY_TEXT_BYTES + 1) + TIME_DIGITS_MAX + 1,
    MS = 1000, /* in a second */
    NAME_HASH_BYTES = 16,
    NAME_TEXT_BYTES = 2 * NAME_HASH_BYTES + 1,
    OWNER_ALONE = S_IRWXG | S_IRWXO,
};

/* ---- where ---- */

static bool
find_folder(char ret_path[static SESSION_PATH_BYTES])
{
    const char *told = getenv("XDG_RUNTIME_DIR");
    unsigned uid = (unsigned)geteuid();
    struct stat attributes;
    int size;

    if (told != NULL && *told == '/') {
        size = snprintf(ret_path, SESSION_PATH_BYTES, "%s/contact-vault", told);
        return size > 0 && size < SESSION_PATH_BYTES;
    }
    (void)snprintf(ret_path, SESSION_PATH_BYTES, "/run/user/%u", uid);
    if (stat(ret_path, &attributes) == 0 && S_ISDIR(attributes.st_mode)) {
        (void)snprintf(ret_path, SESSION_PATH_BYTES, "/run/user/%u/contact-vault", uid);
    } else {
        (void)snprintf(ret_path, SESSION_PATH_BYTES, "/tmp/contact-vault-%u", uid);
    }
    return true;
}

/* Both sockets of a vault, by whatever name they are given, have one. */
static void
name_vault(const char *socket, char ret_folder[static PATH_MAX])
{
    size_t scheme = sizeof IPC_SCHEME - 1;
    const char *path = strncmp(socket, IPC_SCHEME, scheme) == 0 ? socket + scheme : socket;
    char *copy = strdup(path); /* dirname writes into it */
    const char *folder = copy != NULL ? dirname(copy) : "";

    if (realpath(folder, ret_folder) == NULL) {
        (void)snprintf(ret_folder, PATH_MAX, "%s", folder);
    }
    free(copy);
}

bool
session_path(const char *socket, const uint8_t person[static CV_KEY_BYTES],
             char ret_path[static SESSION_PATH_BYTES])
{
    char vault[PATH_MAX], name[NAME_TEXT_BYTES];
    uint8_t hash[NAME_HASH_BYTES];
    crypto_generichash_state state;

    name_vault(socket, vault);
    (void)crypto_generichash_init(&state, person, CV_KEY_BYTES, sizeof hash);
    (void)crypto_generichash_update(&state, (const uint8_t *)vault, strlen(vault));
    (void)crypto_generichash_final(&state, hash, sizeof hash);
    sodium_bin2hex(name, sizeof name, hash, sizeof hash);
    if (!find_folder(ret_path)) {
        return false;
    }
    size_t size = strlen(ret_path);
    int added = snprintf(ret_path + size, SESSION_PATH_BYTES - size, "/%s", name);
    return added > 0 && (size_t)added < SESSION_PATH_BYTES - size;
}

/* The folder a path lies in, if it is the caller's alone; -1 and errno. */
static int
open_folder(const char *path)
{
    char copy[SESSION_PATH_BYTES];
    struct stat attributes;

    (void)snprintf(copy, sizeof copy, "%s", path);
    int folder = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0) {
        return -1;
    }
    if (fstat(folder, &attributes) != 0 || attributes.st_uid != geteuid() ||
        (attributes.st_mode & OWNER_ALONE) != 0) {
        close(folder);
        errno = EPERM;
        return -1;
    }
    return folder;
}

static const char *
name_in(const char *path)
{
    return strrchr(path, '/') + 1;
}

/* ---- what ---- */

static bool
take_key(const char **at, uint8_t ret_key[static CV_KEY_BYTES])
{
    size_t size = 0;
    const char *line = *at;

    *at += KEY_TEXT_BYTES + 1;
    return line[KEY_TEXT_BYTES] == '\n' &&
           sodium_base642bin(ret_key, CV_KEY_BYTES, line, KEY_TEXT_BYTES, NULL, &size, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           size == CV_KEY_BYTES;
}

/* `text` ends in NUL. */
static bool
parse(char *text, size_t size, struct session_key *ret_key)
{
    const char *at = text + HEADER_BYTES;

    if (size <= HEADER_BYTES + 2 * (KEY_TEXT_BYTES + 1) || size > FILE_BYTES_MAX ||
        memcmp(text, HEADER, HEADER_BYTES) != 0 || text[size - 1] != '\n') {
        return false;
    }
    text[size - 1] = 0;
    return take_key(&at, ret_key->seed) && take_key(&at, ret_key->person) &&
           number_parse(at, UINT64_MAX, &ret_key->ends_ms);
}

static uint64_t
wall_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * MS + (uint64_t)now.tv_nsec / ((uint64_t)MS * MS);
}

bool
session_read(const char *path, struct session_key *ret_key)
{
    char text[FILE_BYTES_MAX + 2] = "";
    struct stat attributes;
    ssize_t size = -1;
    int folder = open_folder(path);
    int file = folder < 0 ? -1
                          : openat(folder, name_in(path),
                                   O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (file >= 0 && fstat(file, &attributes) == 0 && S_ISREG(attributes.st_mode) &&
        attributes.st_uid == geteuid() && (attributes.st_mode & OWNER_ALONE) == 0) {
        size = read(file, text, sizeof text - 1);
    }
    if (file >= 0) {
        close(file);
    }
    if (folder >= 0) {
        close(folder);
    }
    bool found = size > 0 && parse(text, (size_t)size, ret_key) && ret_key->ends_ms > wall_ms();
    sodium_memzero(text, sizeof text);
    return found;
}

static void
print(const struct session_key *key, uint64_t ends_ms, char ret_text[static FILE_BYTES_MAX + 1])
{
    char *at = stpcpy(ret_text, HEADER);

    sodium_bin2base64(at, KEY_TEXT_BYTES + 1, key->seed, CV_KEY_BYTES,
                      sodium_base64_VARIANT_ORIGINAL);
    at = stpcpy(at + KEY_TEXT_BYTES, "\n");
    sodium_bin2base64(at, KEY_TEXT_BYTES + 1, key->person, CV_KEY_BYTES,
                      sodium_base64_VARIANT_ORIGINAL);
    (void)snprintf(at + KEY_TEXT_BYTES, TIME_DIGITS_MAX + 3, "\n%" PRIu64 "\n", ends_ms);
}

static bool
write_file(int folder, const char *name, const char *text, size_t size)
{
    int file = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                      S_IRUSR | S_IWUSR);

    if (file < 0) {
        return false;
    }
    bool written = write(file, text, size) == (ssize_t)size;
    return close(file) == 0 && written;
}

/* Not flushed: after the machine stood still there is no session anyway. */
bool
session_write(const char *path, const struct session_key *key, uint32_t lasts_s)
{
    char copy[SESSION_PATH_BYTES], text[FILE_BYTES_MAX + 1] = "", name[NAME_TEXT_BYTES + 8];

    (void)snprintf(copy, sizeof copy, "%s", path);
    if (mkdir(dirname(copy), S_IRWXU) != 0 && errno != EEXIST) {
        return false;
    }
    int folder = open_folder(path);
    if (folder < 0) {
        return false;
    }
    (void)snprintf(name, sizeof name, "%s.new", name_in(path));
    (void)unlinkat(folder, name, 0);
    print(key, wall_ms() + (uint64_t)lasts_s * MS, text);
    bool written = write_file(folder, name, text, strlen(text)) &&
                   renameat(folder, name, folder, name_in(path)) == 0;
    int error = errno;
    sodium_memzero(text, sizeof text);
    if (!written) {
        (void)unlinkat(folder, name, 0);
    }
    close(folder);
    errno = error;
    return written;
}

void
session_remove(const char *path)
{
    int folder = open_folder(path);

    if (folder >= 0) {
        (void)unlinkat(folder, name_in(path), 0);
        close(folder);
    }
}
