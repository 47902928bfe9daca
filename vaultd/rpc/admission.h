/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admission.h: how many connections there may be. A stranger costs little and gives way to another;
 * who is known keeps his place, and one over a cap is turned away. So strangers, however many uids
 * they have, keep nobody out, and the data sockets' crowd keeps no admin out.
 */
#ifndef CONTACT_VAULT_ADMISSION_H
#define CONTACT_VAULT_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include "status.h"

struct connection;
struct server;

/*
 * Before a new connection of this uid is taken in. At strangers_per_uid_max closes the oldest
 * stranger of that uid, at strangers_max the oldest of the uid that has most of them. False: once
 * this one is in, accept no more until server_tick has freed some.
 */
MUST_USE bool admission_make_room(struct server *server, uint32_t uid);

/*
 * By the owner of the receive path, when dispatch knows the peer: counts the connection as known
 * from now on. False: that would be one too many, and it was closed.
 */
MUST_USE bool admission_of_known(struct connection *connection);

#endif
