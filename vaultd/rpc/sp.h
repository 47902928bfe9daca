/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sp.h: the REP side of nng's SP framing over a byte stream, pure: bytes in, a verdict out.
 *
 * Each side opens with a greeting of 8 bytes: 00 'S' 'P' 00, its protocol (REQ 0030, REP 0031), 00
 * 00. Then each message is: 01, its length in 8 bytes (big-endian), and so many bytes of body. The
 * body of a request begins with its id, 4 bytes with the highest bit set, which its reply repeats.
 * A request that came through a device has more ids before that one, highest bit clear: not taken
 * here.
 */
#ifndef CONTACT_VAULT_SP_H
#define CONTACT_VAULT_SP_H

#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "status.h"

enum {
    SP_GREETING_BYTES = 8,
    SP_REQUEST_ID_BYTES = 4,
    SP_HEADER_BYTES = 1 + 8 + SP_REQUEST_ID_BYTES, /* all that stands before the payload */
};

enum sp_verdict {
    SP_MORE,   /* right so far, and not all of it */
    SP_WHOLE,  /* all there and right */
    SP_BROKEN, /* wrong already, whatever follows */
};

struct sp_header {
    uint32_t request_id;
    size_t payload_bytes; /* what follows the header; at most FRAME_BYTES_MAX less the request id */
};

/* What the REP side sends first. */
extern const uint8_t sp_greeting[SP_GREETING_BYTES];

/* Is this, so far, the greeting of a REQ? Looks at no more than SP_GREETING_BYTES. */
MUST_USE enum sp_verdict sp_greeting_check(struct bytes received);

/*
 * sp_header_parse: the header at the start of `received`; *ret_header on SP_WHOLE. BROKEN as soon
 * as one byte shows it, so that no length over the limit is ever believed.
 */
MUST_USE enum sp_verdict sp_header_parse(struct bytes received, struct sp_header *ret_header);

void sp_header_write(const struct sp_header *header, uint8_t ret_bytes[static SP_HEADER_BYTES]);

#endif
