/* SPDX-License-Identifier: Apache-2.0 */
/* retry.h: which refused batches are worth another try in smaller pieces. */
#ifndef CONTACT_VAULT_RETRY_H
#define CONTACT_VAULT_RETRY_H

#include <stdbool.h>

#include "contactvault.h"

/* It was executed for none of them, and it was our choice to ask for so many at once. */
bool retry_with_fewer(const struct cv_reply *reply);

#endif
