/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan.h: the door for bytes from a stranger. One walk, no recursion, no allocation: what passes is
 * a message as PROTOCOL.md, "Messages", defines it, and its cost to build is bounded.
 */
#ifndef CONTACT_VAULT_SCAN_H
#define CONTACT_VAULT_SCAN_H

#include "bytes.h"
#include "status.h"

/*
 * scan_message: OK, or INVALID or TOO_LARGE with *ret_fault a static text that names the rule
 * broken. Any thread.
 */
MUST_USE enum status scan_message(struct bytes bytes, const char **ret_fault);

#endif
