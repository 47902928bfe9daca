/* SPDX-License-Identifier: Apache-2.0 */
/* close_reason.h: why rpc closed a connection. */
#ifndef CONTACT_VAULT_CLOSE_REASON_H
#define CONTACT_VAULT_CLOSE_REASON_H

/* The number is in the log. */
enum close_reason {
    CLOSE_BY_PEER = 0,
    CLOSE_MALFORMED = 1,
    CLOSE_HANDSHAKE_LATE = 2,
    CLOSE_FRAME_LATE = 3,
    CLOSE_WRITE_LATE = 4,
    CLOSE_IDLE = 5,
    CLOSE_REPLIES_UNREAD = 6, /* more of them than OUTBOX_BYTES_MAX */
    CLOSE_NO_MEMORY = 7,
    CLOSE_STOPPING = 8,
    CLOSE_STRANGER_LATE = 9, /* not known in time */
    CLOSE_MADE_ROOM = 10,    /* a stranger, for another */
    CLOSE_TOO_MANY = 11,     /* known, and one more than there may be */
};

#endif
