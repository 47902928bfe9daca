/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup_files.h: a backup's two files, FILE and FILE.keyring. They come into being whole, by a
 * link; until then there are FILE.part and FILE.keyring.part. Never over a file that is there.
 */
#ifndef CONTACT_VAULT_BACKUP_FILES_H
#define CONTACT_VAULT_BACKUP_FILES_H

#include <stdint.h>

#include "vaultctl.h"

enum { BACKUP_FILES = 2, BACKUP_PATH_BYTES = 4096 };

struct backup_file {
    char path[BACKUP_PATH_BYTES], part[BACKUP_PATH_BYTES];
    int part_fd; /* -1: not open */
    int lock_fd; /* the same, until the end: holds the lock; -1: not open */
    uint64_t size;
};

struct backup_files {
    const struct arguments *arguments;
    struct backup_file files[BACKUP_FILES]; /* enum cv_backup_part, less 1 */
};

/* Names them; nothing is made yet. Otherwise, as with all that follow, it was said why. */
enum exit_code backup_files_name(const struct arguments *arguments, const char *path,
                                 struct backup_files *ret_files);
/* Makes the .part files, for the caller's eyes alone; what an earlier run left of them goes, what
 * another one is writing does not. */
enum exit_code backup_files_open(struct backup_files *files);
enum exit_code backup_files_write(struct backup_files *files, enum cv_backup_part part,
                                  const uint8_t *data, size_t size);
/* All that was written is on disk. */
enum exit_code backup_files_sync(struct backup_files *files);
/* They get their names, on disk when it returns EXIT_OK; else none of them has. */
enum exit_code backup_files_finish(struct backup_files *files);
/* Takes away what was made, if it has not its name yet. */
void backup_files_discard(struct backup_files *files);

#endif
