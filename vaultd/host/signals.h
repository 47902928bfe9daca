/* SPDX-License-Identifier: Apache-2.0 */
/* signals.h: signals wait until the main loop asks for them; none interrupts a thread. */
#ifndef CONTACT_VAULT_SIGNALS_H
#define CONTACT_VAULT_SIGNALS_H

#include <stdint.h>

#include "status.h"

enum signals_event {
    SIGNALS_NOTHING = 0, /* the time is over */
    SIGNALS_STOP = 1,    /* SIGTERM or SIGINT */
    SIGNALS_RELOAD = 2,  /* SIGHUP */
};

/* In the first thread, before any other is started: they inherit it. */
MUST_USE enum status signals_block(void);

/* Waits for at most timeout_ms; returns at once when a signal is waiting already. */
enum signals_event signals_wait(uint32_t timeout_ms);

#endif
