/* SPDX-License-Identifier: Apache-2.0 */
#include "sp.h"

#include <string.h>

#include "bounds.h"

enum {
    MESSAGE_TYPE = 1, /* the only one there is over ipc */
    LENGTH_AT = 1,
    REQUEST_ID_AT = LENGTH_AT + 8,
};

#define REQUEST_ID_BIT UINT32_C(0x80000000)

const uint8_t sp_greeting[SP_GREETING_BYTES] = {0, 'S', 'P', 0, 0x00, 0x31, 0, 0};

static const uint8_t request_greeting[SP_GREETING_BYTES] = {0, 'S', 'P', 0, 0x00, 0x30, 0, 0};

enum sp_verdict
sp_greeting_check(struct bytes received)
{
    size_t size = received.size < SP_GREETING_BYTES ? received.size : SP_GREETING_BYTES;

    if (size > 0 && memcmp(received.data, request_greeting, size) != 0) {
        return SP_BROKEN;
    }
    return size < SP_GREETING_BYTES ? SP_MORE : SP_WHOLE;
}

enum sp_verdict
sp_header_parse(struct bytes received, struct sp_header *ret_header)
{
    uint64_t length = 0;

    if (received.size > 0 && received.data[0] != MESSAGE_TYPE) {
        return SP_BROKEN;
    }
    if (received.size >= REQUEST_ID_AT) {
        length = get_u64(received.data + LENGTH_AT);
        if (length < SP_REQUEST_ID_BYTES || length > FRAME_BYTES_MAX) {
            return SP_BROKEN;
        }
    }
    if (received.size > REQUEST_ID_AT &&
        ((uint32_t)received.data[REQUEST_ID_AT] << 24 & REQUEST_ID_BIT) == 0) {
        return SP_BROKEN;
    }
    if (received.size < SP_HEADER_BYTES) {
        return SP_MORE;
    }
    ret_header->request_id = get_u32(received.data + REQUEST_ID_AT);
    ret_header->payload_bytes = (size_t)length - SP_REQUEST_ID_BYTES;
    return SP_WHOLE;
}

void
sp_header_write(const struct sp_header *header, uint8_t ret_bytes[static SP_HEADER_BYTES])
{
    ret_bytes[0] = MESSAGE_TYPE;
    put_u64(ret_bytes + LENGTH_AT, (uint64_t)header->payload_bytes + SP_REQUEST_ID_BYTES);
    put_u32(ret_bytes + REQUEST_ID_AT, header->request_id);
}
