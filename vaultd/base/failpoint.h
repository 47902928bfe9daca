/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failpoint.h: places where a test makes the daemon fail, named in the environment variable
 * CONTACT_VAULT_FAILPOINTS, separated by commas; `name=N` fires at the Nth pass only.
 * Compiled out of a release: FAILPOINT is then the constant false.
 */
#ifndef CONTACT_VAULT_FAILPOINT_H
#define CONTACT_VAULT_FAILPOINT_H

#ifdef CONTACT_VAULT_FAILPOINTS
#include <stdbool.h>
/* Any thread. The name is a literal. */
bool failpoint_fires(const char *name);
/* If it fires, the process is gone as by kill -9; its exit code is FAILPOINT_CRASHED. */
enum { FAILPOINT_CRASHED = 86 };
void failpoint_crash(const char *name);
#define FAILPOINT(name) failpoint_fires(name)
#define CRASH_POINT(name) failpoint_crash(name)
#else
#define FAILPOINT(name) (0)
#define CRASH_POINT(name) ((void)0)
#endif

#endif
