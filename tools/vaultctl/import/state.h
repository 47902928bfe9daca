/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.h: how far an import came, in a file beside its output. What it says is true of the disk:
 * the output is flushed up to out_offset before the state that says so is written.
 */
#ifndef CONTACT_VAULT_STATE_H
#define CONTACT_VAULT_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "rows.h"

struct state {
    /* What was imported, and how: another file, or other columns, must not go on from here. */
    uint64_t file_size, file_time_ns, options;
    /* Where to go on, in the file and in what was written. */
    uint64_t file_offset, file_line, out_offset, errors_offset;
    struct totals totals;
    uint64_t whole; /* 1: all is written; what is left is to give it its name */
};

/* A file of this user's that nobody has under another name. */
bool file_is_ours(int file_fd);

enum state_found { STATE_FOUND, STATE_NONE, STATE_BROKEN };
enum state_found state_read(const char *path, struct state *ret_state);
/* Durable when it returns true; false: errno says why, and the one before is still there. */
bool state_write(const char *path, const struct state *state);
/* A number for what the import was told, to tell other options by; no secret, no proof. */
uint64_t state_mix(uint64_t number, const char *text);

#endif
