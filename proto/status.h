/* SPDX-License-Identifier: Apache-2.0 */
/* status.h: the one error enum of the whole system; it crosses the wire (PROTOCOL.md, "Status"). */
#ifndef CONTACT_VAULT_STATUS_H
#define CONTACT_VAULT_STATUS_H

/* The result of a function so marked must be looked at. */
#define MUST_USE __attribute__((warn_unused_result))

/* Numbers are on the wire and in the audit log: never reused, never changed. */
enum status {
    STATUS_OK = 0,
    STATUS_INVALID = 1,         /* the request is wrong, and will be wrong again */
    STATUS_TOO_LARGE = 2,       /* over a limit of bounds.h */
    STATUS_UNAUTHENTICATED = 3, /* say HELLO (again) on this connection; surely not executed */
    STATUS_DENIED = 4,          /* known, but not permitted */
    STATUS_QUOTA = 5,           /* a budget is used up; retry_after_s says until when */
    STATUS_NOT_FOUND = 6,       /* no such thing, or none that you may know of */
    STATUS_CONFLICT = 7,     /* against what is there: a name in use, roles that exclude another */
    STATUS_EXPIRED = 8,      /* the grant that permitted it has ended */
    STATUS_SEALED = 9,       /* no root key in memory: only status and unseal exist */
    STATUS_BUSY = 10,        /* overloaded; not executed; try again shortly */
    STATUS_UNAVAILABLE = 11, /* cannot now: disk full, peer gone; see the message */
    STATUS_CORRUPT = 12,     /* stored bytes do not verify; a person must look */
    STATUS_INTERNAL = 13,    /* a fault of ours, or out of memory */
    STATUS_FROZEN = 14,      /* reveals are stopped until an admin lifts it: hold */
    STATUS_NO_SESSION = 15,  /* a person's connection without a live session: log in */
    STATUS_PENDING = 16,     /* not done: waits for a second admin's approval */
};

enum { STATUS_COUNT = 17 };

/* Lower-case name as it stands in --json and the documents; "unknown" for a number not listed. */
const char *status_name(enum status status);

#endif
