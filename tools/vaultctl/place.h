/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place.h: where the vault is that runs as a service on this machine, and who may be the one that
 * answers there, when nobody named either.
 */
#ifndef CONTACT_VAULT_PLACE_H
#define CONTACT_VAULT_PLACE_H

#include <stdbool.h>
#include <stdint.h>

/* As contact-vault.service and its vaultd.conf have it. */
#define PLACE_RUN "/run/contact-vault"
#define PLACE_DATA "/var/lib/contact-vault"

enum place_verdict {
    PLACE_TRUSTED,
    PLACE_ABSENT,  /* a folder of that path is not there */
    PLACE_FOREIGN, /* somebody else could have put a socket there */
};

struct place {
    bool has_owner; /* false: all of it is root's */
    uint32_t owner;
};

/*
 * place_look: trusted is a path of which every folder, from / on, belongs to root or to one single
 * other user, and nobody else may write to any. Only those two can put a socket there: the vault's
 * server runs as one of them. A link on the way is refused.
 */
enum place_verdict place_look(const char *path, struct place *ret_place);

#endif
