/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maintenance.h: the thread that calls dispatch_tick some ten times a second, and beside it one
 * that takes checkpoints to the second place. The first may wait for the disk for seconds, the
 * second for another machine, for ever; the main thread, which hears signals and closes
 * connections, must not.
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
/*
 * maintenance_stop: one whole round more of each, which finds the vault as it is now, then the
 * threads end. False: one has not within that time (a file system of another machine is gone, say),
 * and *maintenance is left as it is: the thread still uses it and the dispatch, so nothing below
 * may be taken down any more. NULL is fine.
 */
MUST_USE bool maintenance_stop(struct maintenance **maintenance, uint32_t patience_ms);

/* When the last tick ended, by the monotonic clock; and what the vault was then. Any thread. */
uint64_t maintenance_ticked_ms(const struct maintenance *maintenance);
bool maintenance_saw_sealed(const struct maintenance *maintenance);

#endif
