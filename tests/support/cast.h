/* SPDX-License-Identifier: Apache-2.0 */
/* cast.h: a vault with a principal for each role and others who should get nothing, all of them
 * connected to both sockets; and a well-formed request of every operation. */
#ifndef CONTACT_VAULT_CAST_H
#define CONTACT_VAULT_CAST_H

#include "fixture.h"
#include "log_reader.h"

enum who {
    SERVICE,
    DELIVER,
    REVEAL,
    PRIVACY,
    ADMIN,
    AUDIT,
    NO_GRANT,
    DISABLED, /* may reveal; was disabled while its connections were open */
    STRANGER,
    ROOT,   /* a stranger too, but of uid 0 */
    DAEMON, /* a stranger too, but of the daemon's own uid */
    WHO_COUNT,
};

enum { ROLES_END = NO_GRANT }; /* those before it hold one role each */

enum on_socket { ON_DATA, ON_ADMIN, SOCKETS };

struct cast {
    struct fixture fixture;
    struct caller hand;  /* the first admin: makes it so that a request can succeed */
    struct caller maker; /* a service, not of the cast: makes tokens */
    struct log_reader log;
    struct caller callers[SOCKETS][WHO_COUNT];
    char kept[TOKEN_TEXT_BYTES + 1];   /* a phone's token */
    char token[TOKEN_TEXT_BYTES + 1];  /* the one the next request is about */
    char canary[TOKEN_TEXT_BYTES + 1]; /* one that was added last; or empty */
    char subject[NAME_BYTES_MAX + 1];  /* the principal or namespace it names; or empty */
    char leaver[NAME_BYTES_MAX + 1];   /* who is to be offboarded next; or empty */
    enum freeze freeze;                /* what it is to be frozen before each request */
    unsigned serial;
};

/* Grants of the cast end after lasts_s, 0: never. `defaults` of budgets: NULL: ample ones. */
void cast_make(struct cast *cast, uint64_t lasts_s, const struct access_budgets *defaults);
/* Before it is looked at what the log says: a person whose session is over logs in again. */
void cast_present(struct cast *cast, enum on_socket socket, enum who who);
void cast_remove(struct cast *cast);

/* Name of the principal, NULL of a stranger; for a person who reads it. */
const char *cast_name(enum who who);
const char *cast_title(enum who who);

/* So that the operation would succeed, if it were permitted. Not while sealed. */
void cast_arrange(struct cast *cast, enum operation operation);
/* Writes the request, and does not send it. */
void cast_begin(struct cast *cast, enum on_socket socket, enum who who, enum operation operation);
/* One request; hello and prove on a connection of their own. */
enum status cast_ask(struct cast *cast, enum on_socket socket, enum who who,
                     enum operation operation);
/* Does the reply hold a contact of this vault; a reason somebody gave? */
bool cast_told_contact(const struct cast *cast, enum on_socket socket, enum who who);
bool cast_told_reason(const struct cast *cast, enum on_socket socket, enum who who);

#endif
