/* SPDX-License-Identifier: Apache-2.0 */
/* folder.h: a name that was made or changed is on disk when its folder is. */
#ifndef CONTACT_VAULT_FOLDER_H
#define CONTACT_VAULT_FOLDER_H

#include <stdbool.h>

/* The entries of the folder that this path is in. False: errno. */
bool folder_sync(const char *path_in_it);

#endif
