/* SPDX-License-Identifier: Apache-2.0 */
/*
 * poison.h: what no file of the daemon may call, because it can print a contact or overrun a
 * buffer. Forced into every file of a module; main*.c, which speaks to a person, does without.
 */
#ifndef CONTACT_VAULT_POISON_H
#define CONTACT_VAULT_POISON_H

/* Declared first, so that the system's own headers are not caught. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <wchar.h>

#undef printf
#undef fprintf
#undef vprintf
#undef vfprintf
#undef sprintf
#undef vsprintf
#undef syslog
#undef vsyslog
#undef puts
#undef fputs
#undef perror
#undef strcpy
#undef strcat
#undef stpcpy
#undef atoi
#undef atol
#undef gets
#undef dprintf
#pragma GCC poison printf fprintf vprintf vfprintf sprintf vsprintf syslog vsyslog puts fputs
#pragma GCC poison perror strcpy strcat stpcpy atoi atol gets dprintf

#endif
