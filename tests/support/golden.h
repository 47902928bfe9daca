/* SPDX-License-Identifier: Apache-2.0 */
/*
 * golden.h: reads messages.txt, bad_messages.txt, hello.txt and tokens.txt of tests/vectors/, for
 * the daemon's tests and the client's alike. What is not as it should be fails the test that is
 * running, with the record's name.
 */
#ifndef CONTACT_VAULT_GOLDEN_H
#define CONTACT_VAULT_GOLDEN_H

#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "status.h"

struct message;
struct message_writer;

enum {
    GOLDEN_KEYS_MAX = 12,
    GOLDEN_LINES_MAX = 64,
    GOLDEN_BYTES_MAX = 128 * 1024, /* of what a hex value stands for */
};

/* One record: `key: value` lines, then content lines of a message. Lives until the callback ends.
 */
struct golden {
    const char *name;
    struct {
        const char *key, *value;
    } keys[GOLDEN_KEYS_MAX];
    size_t key_count;
    const char *lines[GOLDEN_LINES_MAX];
    size_t line_count;
};

/* Calls `check` for every record of tests/vectors/FILE, in order; returns how many there were. */
size_t golden_each(const char *file, void (*check)(const struct golden *golden));

/* NULL where there is no such key. */
const char *golden_find(const struct golden *golden, const char *key);
/* Fails the test where there is none. */
const char *golden_text(const struct golden *golden, const char *key);
uint64_t golden_number(const struct golden *golden, const char *key);
/* Into the caller's GOLDEN_BYTES_MAX; (..)*N repeats what the brackets hold. */
struct bytes golden_hex(const struct golden *golden, const char *key, uint8_t *buffer);
/* The one that "status" names. */
enum status golden_status(const struct golden *golden);

/* Writes the message that the content lines say. */
void golden_write(const struct golden *golden, struct message_writer *writer);
/* Fails the test unless the message holds what the content lines say, and nothing else. */
void golden_check(const struct golden *golden, const struct message *message);

#endif
