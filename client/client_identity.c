/* SPDX-License-Identifier: Apache-2.0 */
#include "client_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The file: a line that says what it is, then the seed in base64, each ended by a newline. 0600.
 * The public half is one line: PUBLIC_HEADER and the key in base64.
 */
static const char FILE_HEADER[] = "contact-vault identity 1\n";
static const char PUBLIC_HEADER[] = "contact-vault public 1 ";

enum {
    BASE64_BYTES = 45,                                  /* of 32 bytes, with padding and NUL */
    FILE_BYTES = sizeof FILE_HEADER - 1 + BASE64_BYTES, /* the NUL's place holds the newline */
    KIB_OF_MIB = 1024,
};

_Static_assert(BASE64_BYTES == sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_ORIGINAL),
               "base64 of 32 bytes");
_Static_assert((int)FILE_BYTES == (int)IDENTITY_PLAIN_BYTES, "the whole file");
_Static_assert(sizeof((struct cv_identity *)0)->secret_key == crypto_sign_SECRETKEYBYTES,
               "Ed25519");
_Static_assert(sizeof PUBLIC_HEADER - 1 + BASE64_BYTES <= CV_PUBLIC_TEXT_BYTES,
               "the public line fits");
_Static_assert((int)crypto_sign_SEEDBYTES == (int)CV_KEY_BYTES &&
                   (int)crypto_sign_PUBLICKEYBYTES == (int)CV_KEY_BYTES,
               "Ed25519");

static bool
decode_key(const char *text, size_t size, uint8_t ret_key[static CV_KEY_BYTES])
{
    size_t decoded;

    return sodium_base642bin(ret_key, CV_KEY_BYTES, text, size, NULL, &decoded, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           decoded == CV_KEY_BYTES;
}

void
key_line_print(const char *header, const uint8_t key[CV_KEY_BYTES],
               char ret_line[CV_PUBLIC_TEXT_BYTES])
{
    char *at = stpcpy(ret_line, header);

    sodium_bin2base64(at, BASE64_BYTES, key, CV_KEY_BYTES, sodium_base64_VARIANT_ORIGINAL);
}

enum cv_status
key_line_parse(const char *header, const char *text, uint8_t ret_key[CV_KEY_BYTES])
{
    static const char SPACE[] = " \t\r\n";
    const char *at = text + strspn(text, SPACE);

    if (strncmp(at, header, strlen(header)) != 0) {
        return CV_INVALID;
    }
    at += strlen(header);
    size_t size = strcspn(at, SPACE);
    if (at[size + strspn(at + size, SPACE)] != 0) {
        return CV_INVALID;
    }
    return decode_key(at, size, ret_key) ? CV_OK : CV_INVALID;
}

void
cv_public_key_print(const uint8_t key[CV_KEY_BYTES], char ret_public[CV_PUBLIC_TEXT_BYTES])
{
    key_line_print(PUBLIC_HEADER, key, ret_public);
}

enum cv_status
cv_public_key_parse(const char *text, uint8_t ret_key[CV_KEY_BYTES])
{
    return key_line_parse(PUBLIC_HEADER, text, ret_key);
}

static bool
write_all(int file_fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(file_fd, data, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return false;
        }
        data += written;
        size -= (size_t)written;
    }
    return true;
}

/* The name itself is on disk only when its folder is. */
static bool
sync_folder_of(const char *path)
{
    char *copy = strdup(path); /* dirname writes into it */
    int folder_fd = copy == NULL ? -1 : open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    free(copy);
    if (folder_fd < 0) {
        return false;
    }
    bool synced = fsync(folder_fd) == 0;
    close(folder_fd);
    return synced;
}

enum cv_status
key_file_write(const char *path, const char *text, size_t size)
{
    int file_fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);

    if (file_fd < 0) {
        return errno == EEXIST ? CV_CONFLICT : CV_UNAVAILABLE;
    }
    bool written = write_all(file_fd, text, size) && fsync(file_fd) == 0;
    int error = errno;
    if (close(file_fd) != 0 && written) {
        written = false;
        error = errno;
    }
    if (written && sync_folder_of(path)) {
        return CV_OK;
    }
    if (!written) {
        (void)unlink(path);
    }
    errno = error;
    return CV_UNAVAILABLE;
}

enum cv_status
cv_identity_create(const char *path, char ret_public[CV_PUBLIC_TEXT_BYTES])
{
    uint8_t seed[crypto_sign_SEEDBYTES], public_key[CV_KEY_BYTES];
    uint8_t secret_key[crypto_sign_SECRETKEYBYTES];
    char text[FILE_BYTES];

    if (sodium_init() < 0) {
        return CV_INTERNAL;
    }
    randombytes_buf(seed, sizeof seed);
    crypto_sign_seed_keypair(public_key, secret_key, seed);
    char *at = stpcpy(text, FILE_HEADER);
    sodium_bin2base64(at, BASE64_BYTES, seed, sizeof seed, sodium_base64_VARIANT_ORIGINAL);
    text[sizeof text - 1] = '\n';
    enum cv_status status = key_file_write(path, text, sizeof text);
    cv_public_key_print(public_key, ret_public);
    sodium_memzero(seed, sizeof seed);
    sodium_memzero(secret_key, sizeof secret_key);
    sodium_memzero(text, sizeof text);
    return status;
}

static enum cv_status
check_file(int file_fd, const char *path, struct failure *failure)
{
    struct stat attributes;

    if (fstat(file_fd, &attributes) != 0 || !S_ISREG(attributes.st_mode)) {
        return failure_set(failure, CV_INVALID, "%.100s: not a file", path);
    }
    if (attributes.st_uid != geteuid() && attributes.st_uid != 0) {
        return failure_set(failure, CV_INVALID,
                           "%.100s: belongs to uid %u; make it yours: chown it to your user", path,
                           (unsigned)attributes.st_uid);
    }
    if ((attributes.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return failure_set(failure, CV_INVALID,
                           "%.100s: others may read this identity; chmod 600 it, or better make a "
                           "new one",
                           path);
    }
    return CV_OK;
}

bool
identity_parse(const char *text, size_t size, struct identity_file *ret_file)
{
    uint8_t secret_key[crypto_sign_SECRETKEYBYTES];

    if (size != FILE_BYTES || memcmp(text, FILE_HEADER, sizeof FILE_HEADER - 1) != 0 ||
        text[size - 1] != '\n' ||
        !decode_key(text + sizeof FILE_HEADER - 1, BASE64_BYTES - 1, ret_file->seed)) {
        return protected_parse(text, size, ret_file);
    }
    crypto_sign_seed_keypair(ret_file->public_key, secret_key, ret_file->seed);
    sodium_memzero(secret_key, sizeof secret_key);
    return true;
}

static const char *
advice_on(int error)
{
    switch (error) {
    case ENOENT:
        return "; vaultctl keygen makes one";
    case EACCES:
        return "; make it yours: chown it to your user, chmod 600 it, and let that user into its "
               "folder";
    default:
        return "";
    }
}

static enum cv_status
read_file(const char *path, struct identity_file *ret_file, struct failure *failure)
{
    char text[IDENTITY_FILE_BYTES_MAX + 1]; /* one more, to see a longer file */
    char reason[128];
    int file_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (file_fd < 0) {
        int error = errno;
        return failure_set(failure, CV_INVALID, "%.100s: %s%s", path,
                           strerror_r(error, reason, sizeof reason), advice_on(error));
    }
    enum cv_status status = check_file(file_fd, path, failure);
    if (status == CV_OK) {
        ssize_t size = read(file_fd, text, sizeof text);
        if (size < 0 || !identity_parse(text, (size_t)size, ret_file)) {
            status = failure_set(failure, CV_INVALID, "%.100s: not an identity file", path);
        }
    }
    close(file_fd);
    sodium_memzero(text, sizeof text);
    return status;
}

/* Its seed, if the passphrase is the right one. */
static enum cv_status
unlock(const char *path, struct identity_file *file, const char *passphrase, size_t size,
       struct failure *failure)
{
    uint8_t key[CV_KEY_BYTES];

    if (!file->is_protected) {
        return CV_OK;
    }
    if (passphrase == NULL) {
        return failure_set(failure, CV_INVALID, "%.100s: a passphrase protects this identity",
                           path);
    }
    if (!protected_derive(file, passphrase, size, key)) {
        return failure_set(failure, CV_INTERNAL,
                           "no memory: the passphrase's derivation takes %u MiB for a moment",
                           file->memory_kib / KIB_OF_MIB);
    }
    bool opened = protected_unbox(file, key, file->seed);
    sodium_memzero(key, sizeof key);
    return opened ? CV_OK
                  : failure_set(failure, CV_DENIED,
                                "%.100s: not the passphrase of this identity, or the file was "
                                "altered",
                                path);
}

/* ---- identities in memory ---- */

static struct cv_identity *
identity_alloc(void)
{
    return sodium_init() < 0 ? NULL : sodium_malloc(sizeof(struct cv_identity));
}

struct cv_identity *
identity_copy(const struct cv_identity *identity)
{
    struct cv_identity *copy = identity_alloc();

    if (copy != NULL) {
        *copy = *identity;
        (void)sodium_mprotect_readonly(copy);
    }
    return copy;
}

enum cv_status
cv_identity_of_seed(const uint8_t seed[CV_KEY_BYTES], struct cv_identity **ret_identity)
{
    uint8_t public_key[CV_KEY_BYTES];
    struct cv_identity *identity = identity_alloc();

    if (identity == NULL) {
        return CV_INTERNAL;
    }
    crypto_sign_seed_keypair(public_key, identity->secret_key, seed);
    (void)sodium_mprotect_readonly(identity);
    *ret_identity = identity;
    return CV_OK;
}

enum cv_status
cv_identity_new(struct cv_identity **ret_identity)
{
    uint8_t seed[CV_KEY_BYTES];

    if (sodium_init() < 0) {
        return CV_INTERNAL;
    }
    randombytes_buf(seed, sizeof seed);
    enum cv_status status = cv_identity_of_seed(seed, ret_identity);
    sodium_memzero(seed, sizeof seed);
    return status;
}

void
cv_identity_seed(const struct cv_identity *identity, uint8_t ret_seed[CV_KEY_BYTES])
{
    memcpy(ret_seed, identity->secret_key, CV_KEY_BYTES);
}

void
cv_identity_public(const struct cv_identity *identity, uint8_t ret_key[CV_KEY_BYTES])
{
    memcpy(ret_key, identity->secret_key + crypto_sign_SEEDBYTES, CV_KEY_BYTES);
}

void
cv_identity_free(struct cv_identity **identity)
{
    sodium_free(*identity); /* wipes it; NULL is fine */
    *identity = NULL;
}

static enum cv_status
tell(enum cv_status status, const struct failure *failure, char ret_message[CV_MESSAGE_BYTES])
{
    if (status != CV_OK && ret_message != NULL) {
        memcpy(ret_message, failure->message, CV_MESSAGE_BYTES);
    }
    return status;
}

enum cv_status
cv_identity_open(const char *path, const char *passphrase, size_t passphrase_size,
                 struct cv_identity **ret_identity, char ret_message[CV_MESSAGE_BYTES])
{
    struct failure failure = {.message = "out of memory"};
    struct identity_file file = {0};
    enum cv_status status = sodium_init() < 0 ? CV_INTERNAL : read_file(path, &file, &failure);

    if (status == CV_OK) {
        status = unlock(path, &file, passphrase, passphrase_size, &failure);
    }
    if (status == CV_OK) {
        status = cv_identity_of_seed(file.seed, ret_identity);
    }
    sodium_memzero(&file, sizeof file);
    return tell(status, &failure, ret_message);
}

enum cv_status
cv_identity_look(const char *path, bool *ret_protected, uint8_t ret_key[CV_KEY_BYTES],
                 char ret_message[CV_MESSAGE_BYTES])
{
    struct failure failure = {.message = "out of memory"};
    struct identity_file file = {0};
    enum cv_status status = sodium_init() < 0 ? CV_INTERNAL : read_file(path, &file, &failure);

    if (status == CV_OK) {
        *ret_protected = file.is_protected;
        memcpy(ret_key, file.public_key, CV_KEY_BYTES);
    }
    sodium_memzero(&file, sizeof file);
    return tell(status, &failure, ret_message);
}
