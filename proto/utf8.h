/* SPDX-License-Identifier: Apache-2.0 */
/* utf8.h: is this UTF-8, as RFC 3629 has it? Pure; any thread. */
#ifndef CONTACT_VAULT_UTF8_H
#define CONTACT_VAULT_UTF8_H

#include <stdbool.h>

#include "bytes.h"

/* Shortest forms only, no surrogates, nothing above U+10FFFF. Empty text is valid. */
bool utf8_valid(struct bytes text);

#endif
