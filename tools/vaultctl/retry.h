/* SPDX-License-Identifier: Apache-2.0 */
/* retry.h: which refused batches are worth another try in smaller pieces; and looking again and
 * again at what the vault does by itself. */
#ifndef CONTACT_VAULT_RETRY_H
#define CONTACT_VAULT_RETRY_H

#include <stdbool.h>

#include "contactvault.h"

/* It was executed for none of them, and it was our choice to ask for so many at once. */
bool retry_with_fewer(const struct cv_reply *reply);

/* A while between two looks. */
void retry_rest(void);
/* The vault may be restarted meanwhile: it goes on by itself, and so does who waits. `failures`:
 * in a row, 0 at first. */
bool retry_may_look_again(enum cv_status status, int *failures);

#endif
