/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notifier.h: tells the operators: a command with a fixed list of arguments, run once for each
 * event with one line of JSON on its standard input (vaultd.conf(5), "[notify]"). The sandbox lets
 * the daemon start nothing, so a helper is forked first of all, before the data directory is opened
 * and before there is a thread or a key. It has one end of a pipe and standard error, runs one
 * command at a time, and ends when the other end is closed, however the daemon ends.
 */
#ifndef CONTACT_VAULT_NOTIFIER_H
#define CONTACT_VAULT_NOTIFIER_H

#include <stdint.h>

#include "notice.h"
#include "status.h"

struct notifier;

enum {
    NOTIFIER_ARGUMENTS_MAX = 16,
    NOTIFIER_ARGUMENTS_BYTES = 1024, /* all of them, with blanks between and the NUL */
    NOTIFIER_LINE_BYTES = 512,       /* an event as JSON, with its newline */
    NOTIFIER_QUEUE_BYTES = 16384,    /* events that wait for the command: some hundred */
};

struct notifier_options {
    const char *command;   /* a path; what may stand there, trusted_file_fault has said */
    const char *arguments; /* apart by blanks; there is no quoting, for there is no shell */
    uint32_t patience_ms;  /* for one command, and for all that is left when the daemon ends; then
                              it is killed with what it has started. 0: ten seconds */
};

/* Forks: there is one thread, and nothing secret in memory. UNAVAILABLE: logged. */
MUST_USE enum status notifier_start(const struct notifier_options *options,
                                    struct notifier **ret_notifier);
/* Waits for nobody: what was told still goes out. NULL is fine. */
void notifier_stop(struct notifier **notifier);

/* A notice_teller; `state` is the notifier. What finds the queue full is counted, and the next
 * event says how many were lost before it; the process log says so at once. */
void notifier_tell(void *state, const struct notice *notice);

#endif
