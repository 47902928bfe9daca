/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maintenance.h: the thread that calls dispatch_tick some ten times a second. It may wait for the
 * disk for seconds; the main thread, which hears signals and closes connections, must not.
 */
#ifndef CONTACT_VAULT_MAINTENANCE_H
#define CONTACT_VAULT_MAINTENANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "status.h"

struct dispatch;
struct maintenance;

/* After the sandbox, which it inherits. INTERNAL: no thread, no memory. */
MUST_USE enum status maintenance_start(struct dispatch *dispatch,
                                       struct maintenance **ret_maintenance);
/* Waits for the tick under way. NULL is fine. */
void maintenance_stop(struct maintenance **maintenance);

/* When the last tick ended, by the monotonic clock; and what the vault was then. Any thread. */
uint64_t maintenance_ticked_ms(const struct maintenance *maintenance);
bool maintenance_saw_sealed(const struct maintenance *maintenance);

#endif
