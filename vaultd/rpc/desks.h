/* SPDX-License-Identifier: Apache-2.0 */
/*
 * desks.h: a few workspaces that nng's threads share. What they do with one is short and never
 * waits, so a thread that finds none free waits its turn: a request must be offered where it
 * arrives, because only there may hello and prove write the connection's peer. Any thread.
 */
#ifndef CONTACT_VAULT_DESKS_H
#define CONTACT_VAULT_DESKS_H

#include "status.h"

struct desks;
struct workspace;

/* As many as nng has threads for callbacks, within reason. */
MUST_USE enum status desks_new(struct desks **ret_desks);
/* All must have been given back. */
void desks_free(struct desks **desks);

struct workspace *desks_take(struct desks *desks);
void desks_give(struct desks *desks, struct workspace *workspace);

#endif
