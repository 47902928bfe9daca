/* SPDX-License-Identifier: Apache-2.0 */
/*
 * startup_text.h: the one door for text to stderr: paths and faults, at start, before there is any
 * contact in the process. For main.c and host/ alone (tests/check/layers.sh looks); everything
 * later goes through log.h, which takes no text.
 */
#ifndef CONTACT_VAULT_STARTUP_TEXT_H
#define CONTACT_VAULT_STARTUP_TEXT_H

enum { STARTUP_SENTENCE_BYTES_MAX = 2048 }; /* what is longer is cut */

/* One line: "vaultd: sentence". Control characters become '?'. */
void startup_say(const char *sentence);

/* Says it, and gives the exit code of a start that failed: `return startup_fail(fault.text);` */
int startup_fail(const char *sentence);

#endif
