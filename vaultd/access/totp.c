/* SPDX-License-Identifier: Apache-2.0 */
#include "totp.h"

#include <assert.h>
#include <liboath/oath.h>
#include <sodium.h>

bool
totp_is_code(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
    }
    return text.size == TOTP_DIGITS;
}

/* TOTP is HOTP (RFC 4226) of the step's number. */
static enum status
make_code(const uint8_t *secret, uint64_t step, char ret_code[static TOTP_DIGITS + 1])
{
    int failed = oath_hotp_generate((const char *)secret, TOTP_SECRET_BYTES, step, TOTP_DIGITS,
                                    false, OATH_HOTP_DYNAMIC_TRUNCATION, ret_code);

    return failed == OATH_OK ? STATUS_OK : STATUS_INTERNAL;
}

enum status
totp_check(const uint8_t secret[static TOTP_SECRET_BYTES], struct bytes code, uint64_t wall_ms,
           uint64_t used_step, uint64_t *ret_step)
{
    uint64_t now = wall_ms / TOTP_STEP_MS;
    uint64_t first = now < TOTP_DRIFT_STEPS ? 0 : now - TOTP_DRIFT_STEPS;
    enum status found = STATUS_DENIED;

    assert(totp_is_code(code));
    for (uint64_t step = first; step <= now + TOTP_DRIFT_STEPS; step++) {
        char expected[TOTP_DIGITS + 1];
        enum status status = make_code(secret, step, expected);

        if (status != STATUS_OK) {
            return status;
        }
        /* Two steps may share a code by chance: the one that is good for something counts. */
        if (sodium_memcmp(expected, code.data, TOTP_DIGITS) == 0 && found != STATUS_OK) {
            found = step > used_step ? STATUS_OK : STATUS_CONFLICT;
            *ret_step = step;
        }
        sodium_memzero(expected, sizeof expected);
    }
    return found;
}
