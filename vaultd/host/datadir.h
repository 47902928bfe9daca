/* SPDX-License-Identifier: Apache-2.0 */
/*
 * datadir.h: the layout of `--data DIR`, its modes, its version and the lock that keeps a second
 * daemon, an init or a restore out. Used at start, by one thread.
 *
 *     DIR                 0711  strangers pass through to the sockets
 *     DIR/data            0700  store/ keyring audit/ and version, lock
 *     DIR/run             0755  vault.sock admin.sock
 */
#ifndef CONTACT_VAULT_DATADIR_H
#define CONTACT_VAULT_DATADIR_H

#include "status.h"

struct datadir;

enum {
    DATADIR_PATH_BYTES = 1024,      /* with the NUL */
    DATADIR_SOCKET_BYTES_MAX = 107, /* unix(7): sun_path less its NUL */
    DATADIR_FAULT_BYTES = 1536,     /* a path, and the sentence around it */
};

/* What is wrong and how to mend it, in one sentence for a person; empty on OK. */
struct datadir_fault {
    char text[DATADIR_FAULT_BYTES];
};

/* Where everything is. Only text: nothing of it need exist. */
struct datadir_paths {
    char root[DATADIR_PATH_BYTES];
    char data[DATADIR_PATH_BYTES];
    char run[DATADIR_PATH_BYTES];
    char store[DATADIR_PATH_BYTES];   /* a folder */
    char keyring[DATADIR_PATH_BYTES]; /* a file */
    char audit[DATADIR_PATH_BYTES];   /* a folder */
    char vault_socket[DATADIR_PATH_BYTES];
    char admin_socket[DATADIR_PATH_BYTES];
};

/* INVALID: `root` is empty. TOO_LARGE: a path would be longer than DATADIR_PATH_BYTES. */
MUST_USE enum status datadir_locate(const char *root, struct datadir_paths *ret_paths,
                                    struct datadir_fault *ret_fault);

/*
 * datadir_create: makes all folders, and the version file last; on disk when it returns, with the
 * modes above whatever the umask. The root may be there already, if it is ours and empty.
 * CONFLICT: it holds a vault, or anything else. TOO_LARGE: a socket's path would be too long.
 * NOT_FOUND: the folder it shall stand in. DENIED: not ours. UNAVAILABLE: the disk said no.
 */
MUST_USE enum status datadir_create(const struct datadir_paths *paths,
                                    struct datadir_fault *ret_fault);

/*
 * datadir_open: checks the version before all else, then owner and modes, then takes the lock.
 * NOT_FOUND: no vault there. INVALID: of another version. CORRUPT: the version file is none.
 * DENIED: not ours, or others may write there. CONFLICT: another process has it. TOO_LARGE: a
 * socket's path is too long. UNAVAILABLE: the disk said no.
 */
MUST_USE enum status datadir_open(const struct datadir_paths *paths,
                                  struct datadir_fault *ret_fault, struct datadir **ret_datadir);

/* Lets go of the lock. NULL is fine. */
void datadir_close(struct datadir **datadir);

#endif
