/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enrolments.h: enrolments that were begun: the second factor that was shown to a person, once,
 * until she confirms with a first code that she has it. At most one for each person, for fifteen
 * minutes and five tries. Monotonic times, in ms. Any number of threads.
 */
#ifndef CONTACT_VAULT_ENROLMENTS_H
#define CONTACT_VAULT_ENROLMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "bounds.h"
#include "code.h"
#include "status.h"

struct enrolments;

/* For the caller to wipe. */
struct enrolment_secret {
    uint8_t totp[TOTP_SECRET_BYTES];
    uint8_t recovery[RECOVERY_CODES][RECOVERY_BYTES];
};

MUST_USE enum status enrolments_new(struct enrolments **ret_enrolments);
void enrolments_free(struct enrolments **enrolments);
void enrolments_forget_all(struct enrolments *enrolments);

/* A new secret for this key of hers, in place of an earlier one. UNAVAILABLE: no locked memory. */
MUST_USE enum status enrolments_begin(struct enrolments *enrolments, uint32_t principal,
                                      const uint8_t public_key[static PUBLIC_KEY_BYTES],
                                      uint64_t now_ms, uint8_t ret_nonce[static NONCE_BYTES],
                                      struct enrolment_secret *ret_secret);
/* False: none was begun for that key, or too long ago. */
bool enrolments_find(struct enrolments *enrolments, uint32_t principal,
                     const uint8_t public_key[static PUBLIC_KEY_BYTES], uint64_t now_ms,
                     uint8_t ret_nonce[static NONCE_BYTES], struct enrolment_secret *ret_secret);
/* The code typed was wrong. True: that was the last try; it must be begun again. */
bool enrolments_miss(struct enrolments *enrolments, uint32_t principal);
void enrolments_end(struct enrolments *enrolments, uint32_t principal);

#endif
