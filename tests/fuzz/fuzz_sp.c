/* SPDX-License-Identifier: Apache-2.0 */
/* Owns SECURITY.md S13 "hostile bytes crash nothing". */
/*
 * Any bytes as the stream of one connection: walks greeting and frames as rpc does and checks what
 * the framing promises: a verdict never changes its mind as more bytes come, and no length is over
 * the limit.
 */
#include <stdlib.h>

#include "bounds.h"
#include "sp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static enum sp_verdict
header_at_every_cut(struct bytes stream, struct sp_header *ret_header)
{
    enum sp_verdict before = SP_MORE;

    for (size_t size = 0; size <= stream.size && size <= SP_HEADER_BYTES; size++) {
        enum sp_verdict now = sp_header_parse(bytes_of(stream.data, size), ret_header);

        must(before == SP_MORE || now == before);
        must(now != SP_WHOLE || size == SP_HEADER_BYTES);
        before = now;
    }
    return before;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes stream = bytes_of(data, size);
    uint8_t again[SP_HEADER_BYTES];
    struct sp_header header;

    must(sp_greeting_check(stream) != SP_WHOLE || size >= SP_GREETING_BYTES);
    while (header_at_every_cut(stream, &header) == SP_WHOLE) {
        must(header.payload_bytes <= FRAME_BYTES_MAX - SP_REQUEST_ID_BYTES);
        sp_header_write(&header, again);
        must(bytes_equal(bytes_of(again, sizeof again), bytes_of(stream.data, sizeof again)));
        if (stream.size - SP_HEADER_BYTES < header.payload_bytes) {
            break;
        }
        stream.data += SP_HEADER_BYTES + header.payload_bytes;
        stream.size -= SP_HEADER_BYTES + header.payload_bytes;
    }
    return 0;
}
