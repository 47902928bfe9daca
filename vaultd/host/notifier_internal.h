/* SPDX-License-Identifier: Apache-2.0 */
/* notifier_internal.h: the helper's side of the notifier. */
#ifndef CONTACT_VAULT_NOTIFIER_INTERNAL_H
#define CONTACT_VAULT_NOTIFIER_INTERNAL_H

#include "notifier.h"

/* The forked process: reads lines from `queue` until its other end is closed, and runs the command
 * for each. `patience_ms` is settled. */
_Noreturn void notifier_helper(const struct notifier_options *options, int queue);

#endif
