/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.h: what the service manager is told: ready, stopping, a status in a few words, still alive
 * (sd_notify(3), "Standalone Implementations": datagrams to $NOTIFY_SOCKET). Without a manager all
 * of this does nothing. By one thread.
 */
#ifndef CONTACT_VAULT_NOTIFY_H
#define CONTACT_VAULT_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* Connects. Before the sandbox, which lets nobody connect to an abstract socket. */
void notify_open(void);
void notify_close(void);

/* `status` is a literal: there is nothing of a caller in it. */
void notify_ready(const char *status);
void notify_status(const char *status);
void notify_stopping(void);

/* How often the manager wants to hear notify_alive at the least; 0: never. */
uint64_t notify_watchdog_ms(void);
void notify_alive(void);

#endif
