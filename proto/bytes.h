/* SPDX-License-Identifier: Apache-2.0 */
/* bytes.h: bytes and their size, together; and numbers in network order. */
#ifndef CONTACT_VAULT_BYTES_H
#define CONTACT_VAULT_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A view: never owns, never writes. Absent is {NULL, 0}. */
struct bytes {
    const uint8_t *data;
    size_t size;
};

static inline struct bytes
bytes_of(const void *data, size_t size)
{
    return (struct bytes){.data = data, .size = size};
}

static inline struct bytes
bytes_of_text(const char *text)
{
    return bytes_of(text, strlen(text));
}

/* One past the last byte. C17 leaves even NULL + 0 undefined. */
static inline const uint8_t *
bytes_end(struct bytes bytes)
{
    return bytes.size > 0 ? bytes.data + bytes.size : bytes.data;
}

/* Not constant in time: for names and other public things. */
static inline bool
bytes_equal(struct bytes a, struct bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline void
put_u16(uint8_t *to, uint16_t value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static inline void
put_u32(uint8_t *to, uint32_t value)
{
    put_u16(to, (uint16_t)(value >> 16));
    put_u16(to + 2, (uint16_t)value);
}

static inline void
put_u64(uint8_t *to, uint64_t value)
{
    put_u32(to, (uint32_t)(value >> 32));
    put_u32(to + 4, (uint32_t)value);
}

static inline uint16_t
get_u16(const uint8_t *from)
{
    return (uint16_t)((from[0] << 8) | from[1]);
}

static inline uint32_t
get_u32(const uint8_t *from)
{
    return ((uint32_t)get_u16(from) << 16) | get_u16(from + 2);
}

static inline uint64_t
get_u64(const uint8_t *from)
{
    return ((uint64_t)get_u32(from) << 32) | get_u32(from + 4);
}

#endif
