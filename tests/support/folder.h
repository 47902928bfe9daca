/* SPDX-License-Identifier: Apache-2.0 */
/* folder.h: a folder of a test's own in TMPDIR, and whole files in it. Faults end the test. */
#ifndef CONTACT_VAULT_TEST_FOLDER_H
#define CONTACT_VAULT_TEST_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FOLDER_PATH_BYTES = 256 };

/* "cv_test.XXXXXX" in TMPDIR, or in /tmp; made new. */
void folder_make(char ret_path[static FOLDER_PATH_BYTES]);
/* With the files and folders in it. */
void folder_remove(const char *path);
void folder_copy(const char *from, const char *to);

/* `name` within `folder`. */
void folder_join(const char *folder, const char *name, char ret_path[static FOLDER_PATH_BYTES]);
/* For the caller to free. */
uint8_t *folder_read(const char *path, size_t *ret_size);
void folder_write(const char *path, const void *data, size_t size);
bool folder_has(const char *path);

#endif
