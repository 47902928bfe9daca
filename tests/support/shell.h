/* SPDX-License-Identifier: Apache-2.0 */
/* shell.h: vaultctl as a script calls it, against the fixture's fake vault. */
#ifndef CONTACT_VAULT_SHELL_H
#define CONTACT_VAULT_SHELL_H

#include "client_fixture.h"

enum { OUTPUT_BYTES = 512 * 1024 };

/* What the last line of shell wrote. */
extern char out[OUTPUT_BYTES], err[OUTPUT_BYTES];

/*
 * A line of shell; $V is vaultctl, $D the fixture's folder, where identities and sessions lie, too.
 * stdin is empty. Fills out and err, gives the exit code.
 */
__attribute__((format(printf, 2, 3))) int shell(const struct fixture *fixture, const char *format,
                                                ...);
void assert_one_line(const char *text);

#endif
