/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup_look PRIVATE_KEY AUDIT_PUB FILE: what a backup holds, proved as far as it can be without the
 * root key; one JSON document. Exit 1, and the fault's name: it does not hold.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup_contents.h"
#include "backup_recipient.h"
#include "secret.h"

enum { TEXT_BYTES = 512, PATH_BYTES = 4096, PUBLIC_HEADER_BYTES = 23, BASE64_BYTES = 44 };

static _Noreturn void
give_up(const char *what)
{
    (void)fprintf(stderr, "%s\n", what);
    exit(1);
}

static bool
read_file(void *state, uint8_t *to, size_t size, size_t *ret_size)
{
    *ret_size = fread(to, 1, size, state);
    return ferror((FILE *)state) == 0;
}

static FILE *
open_file(const char *path)
{
    FILE *file = fopen(path, "re");

    if (file == NULL) {
        give_up(path);
    }
    return file;
}

static size_t
read_text(const char *path, char ret_text[static TEXT_BYTES])
{
    FILE *file = open_file(path);
    size_t size = fread(ret_text, 1, TEXT_BYTES - 1, file);

    ret_text[size] = '\0';
    (void)fclose(file);
    return size;
}

static struct secret *
read_key(const char *path)
{
    char text[TEXT_BYTES];
    uint8_t key[BACKUP_KEY_BYTES];
    struct secret *secret = NULL;
    size_t size = read_text(path, text);

    if (!backup_recipient_parse_private(bytes_of(text, size), key) ||
        secret_copy(key, sizeof key, &secret) != STATUS_OK) {
        give_up("private key");
    }
    return secret;
}

static enum backup_fault
look(struct backup_contents *contents)
{
    struct backup_frame frame = {0};
    enum backup_fault fault = BACKUP_SOUND;

    while (fault == BACKUP_SOUND && frame.type != BACKUP_FRAME_MANIFEST) {
        fault = backup_contents_next(contents, &frame);
    }
    return fault;
}

static void
must(enum backup_fault fault)
{
    if (fault != BACKUP_SOUND) {
        give_up(backup_fault_name(fault));
    }
}

static void
check_signature(const char *path, const struct backup_manifest *manifest)
{
    char text[TEXT_BYTES];
    uint8_t key[PUBLIC_KEY_BYTES];
    size_t size = 0;

    (void)read_text(path, text);
    if (sodium_base642bin(key, sizeof key, text + PUBLIC_HEADER_BYTES, BASE64_BYTES, NULL, &size,
                          NULL, sodium_base64_VARIANT_ORIGINAL) != 0 ||
        size != sizeof key) {
        give_up("audit.pub");
    }
    must(backup_manifest_holds(manifest, key) ? BACKUP_SOUND : BACKUP_NOT_SIGNED);
}

int
main(int argc, char **argv)
{
    struct backup_contents *contents = NULL;
    const struct backup_manifest *manifest;
    char path[PATH_BYTES];
    uint8_t *keyring = NULL;
    size_t size = 0;

    if (argc != 4 || sodium_init() < 0) {
        give_up("backup_look PRIVATE_KEY AUDIT_PUB FILE");
    }
    struct secret *key = read_key(argv[1]);
    FILE *file = open_file(argv[3]);
    must(backup_contents_open((struct backup_source){.read = read_file, .state = file}, key,
                              &contents));
    must(look(contents));
    manifest = backup_contents_manifest(contents);
    check_signature(argv[2], manifest);
    (void)snprintf(path, sizeof path, "%s.keyring", argv[3]);
    FILE *keyring_file = open_file(path);
    must(backup_keyring_read((struct backup_source){.read = read_file, .state = keyring_file}, key,
                             manifest, &keyring, &size));
    (void)printf("{\"records\": %" PRIu64 ", \"tokens\": %" PRIu64 ", \"entries\": %" PRIu64
                 ", \"recipients\": %zu, \"keyring_bytes\": %zu}\n",
                 manifest->rows[1], manifest->rows[2],
                 manifest->last_entry - manifest->first_entry + 1,
                 backup_contents_head(contents)->recipients, size);
    free(keyring);
    (void)fclose(keyring_file);
    (void)fclose(file);
    backup_contents_free(&contents);
    secret_free(&key);
    return 0;
}
