/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox.h: from here on the process reaches its own folders and Unix sockets, and nothing else.
 * It cannot be left again. sandbox_linux.c says what it may read, sandbox_calls.c which calls it
 * may make, and why.
 */
#ifndef CONTACT_VAULT_SANDBOX_H
#define CONTACT_VAULT_SANDBOX_H

#include <stdbool.h>

#include "status.h"

enum { SANDBOX_SOCKET_FOLDERS_MAX = 2 };

struct sandbox_plan {
    const char *data; /* folder: read, write, make, rename, delete beneath it */
    const char *run;  /* folder: make sockets, and remove what is there */
    /* Folders of sockets outside `run`: the same. NULL: none. */
    const char *sockets[SANDBOX_SOCKET_FOLDERS_MAX];
    const char *checkpoints; /* folder: read, write, make files, and take none away; NULL: none */
    bool required;           /* refuse to go on where the kernel lacks a part of it */
};

/*
 * sandbox_enter: both parts bind the calling thread and the threads it starts later, so this is
 * called while there is one thread only: before the store is opened and before the first nng call
 * (CONFLICT else). Needs process_harden first. Logs what is in force.
 * UNAVAILABLE: plan->required, and the kernel has no Landlock or no seccomp. INTERNAL: half-way in;
 * the process must stop.
 */
MUST_USE enum status sandbox_enter(const struct sandbox_plan *plan);

#endif
