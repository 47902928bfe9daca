/* SPDX-License-Identifier: Apache-2.0 */
/* store_faulty.h: the LMDB engine with calls that fail: the nth one since the last setting. */
#ifndef CONTACT_VAULT_STORE_FAULTY_H
#define CONTACT_VAULT_STORE_FAULTY_H

#include <stdint.h>

#include "store_backend.h"

/* How a commit fails; every other call just gives UNAVAILABLE. */
enum faulty_commit {
    FAULTY_ABORTED,      /* nothing written, and said so */
    FAULTY_UNKNOWN_LOST, /* nothing written, nobody knows */
    FAULTY_UNKNOWN_KEPT, /* written, nobody knows */
};

extern const struct store_backend store_faulty_backend;

/* Counting starts again; 0: none fails. `for_good`: all calls after it fail as well. */
void store_faulty_fail_at(uint64_t call, enum faulty_commit how, bool for_good);
/* Calls since then. */
uint64_t store_faulty_calls(void);

#endif
