/* SPDX-License-Identifier: Apache-2.0 */
/* store_folder.h: a temporary folder of a test, and files in it. Every failure ends the test
 * program. */
#ifndef CONTACT_VAULT_STORE_FOLDER_H
#define CONTACT_VAULT_STORE_FOLDER_H

#include <stddef.h>
#include <stdint.h>

enum { FOLDER_PATH_BYTES = 256 };

struct folder {
    char path[FOLDER_PATH_BYTES];
};

void folder_make(struct folder *folder);
/* With all that is in it. */
void folder_remove(const struct folder *folder);
/* Into a new folder; the files of one level only. */
void folder_copy(const struct folder *from, struct folder *to);
/* The folder's path, "/" and the name. */
void folder_file(const struct folder *folder, const char *name,
                 char ret_path[static FOLDER_PATH_BYTES]);

/* The whole file, to be freed. */
uint8_t *file_load(const char *path, size_t *ret_size);
void file_write_at(const char *path, size_t offset, const void *data, size_t size);

/*
 * Runs this very program again as `program role path` with the failpoints given ("" for none), and
 * returns its exit code, or -1 if a signal ended it. Failpoints are read once in a process' life.
 */
int run_role(const char *role, const char *path, const char *failpoints);

#endif
