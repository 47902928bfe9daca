/* SPDX-License-Identifier: Apache-2.0 */
/*
 * totp.h: the codes of an authenticator: TOTP, RFC 6238, with SHA-1, steps of 30 s counted from
 * 1970 and six digits, which is what all of them speak. Pure. Any thread.
 */
#ifndef CONTACT_VAULT_TOTP_H
#define CONTACT_VAULT_TOTP_H

#include <stdbool.h>
#include <stdint.h>

#include "bounds.h"
#include "bytes.h"
#include "status.h"

enum {
    TOTP_DIGITS = 6,
    TOTP_STEP_MS = 30 * 1000,
    TOTP_DRIFT_STEPS = 1, /* a phone's clock may be off by so many, RFC 6238 section 5.2 */
};

/* Exactly six digits and nothing else. */
bool totp_is_code(struct bytes text);

/*
 * totp_check: which step, within TOTP_DRIFT_STEPS of the wall clock, the code is of. Every step is
 * compared, in constant time. DENIED: of none. CONFLICT: of one that is not after `used_step`: each
 * is good for one login, ever. INTERNAL: the library fails.
 */
MUST_USE enum status totp_check(const uint8_t secret[static TOTP_SECRET_BYTES], struct bytes code,
                                uint64_t wall_ms, uint64_t used_step, uint64_t *ret_step);

#endif
