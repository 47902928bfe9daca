/* SPDX-License-Identifier: Apache-2.0 */
/* process.h: what the process gives up, and what it asks of the kernel, before the first key. */
#ifndef CONTACT_VAULT_PROCESS_H
#define CONTACT_VAULT_PROCESS_H

#include <stdbool.h>

#include "status.h"

/*
 * process_harden: no core dump, no debugger without CAP_SYS_PTRACE, no new privileges by exec, and
 * a umask that keeps what is made from all others (a socket is given its mode by chmod). After the
 * last change of uid (which makes a process dumpable again), before the first key.
 * UNAVAILABLE: the kernel said no; hold no keys.
 */
MUST_USE enum status process_harden(void);

/*
 * process_may_swap: there is swap, and our control group does not forbid it (MemorySwapMax=0).
 * Locked memory is never swapped; the kernel's and the libraries' copies may be. `root` is where
 * /proc and /sys are looked for: "" but in a test.
 */
bool process_may_swap(const char *root);

/* A warning in the log if it may. */
void process_warn_of_swap(void);

/* RLIMIT_NOFILE up to the hard limit: one connection is one descriptor. Best effort, logged. */
void process_raise_file_limit(void);

#endif
