/* SPDX-License-Identifier: Apache-2.0 */
/* input.h: values from the command line, a pipe or a person. */
#ifndef CONTACT_VAULT_INPUT_H
#define CONTACT_VAULT_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vaultctl.h"

enum {
    BATCH_VALUES = 1024,
    VALUE_LINE_BYTES = 520, /* a little over the longest value, so that a longer one is seen */
};

struct batch {
    size_t count;
    const char *values[BATCH_VALUES];
    const char *faults[BATCH_VALUES]; /* found on this side; NULL: none */
    char lines[BATCH_VALUES][VALUE_LINE_BYTES];
};

struct input {
    const struct arguments *arguments;
    size_t next; /* of arguments->values */
    bool from_stdin;
    bool is_prompted;
    const char *prompt;
    uint64_t values_read;
    uint64_t bytes_total; /* of a file on stdin; else 0 */
    uint64_t bytes_read;
};

void input_init(struct input *input, const struct arguments *arguments, const char *prompt);
/* False: there are no more. */
bool input_read(struct input *input, struct batch *batch);
void batch_wipe(struct batch *batch);
/* Asks whoever sits at the terminal for one line. False: there was none. */
bool input_ask(const char *prompt, char ret_line[static VALUE_LINE_BYTES]);
/* To whoever sits at a terminal: that a contact among the arguments stays where it was typed. */
void input_warn_of_history(const struct input *input);
/* Meant as a token: begins as one and has no @. */
bool looks_like_token(const char *value);

/* ---- region.c: national numbers, by a helper program behind a pipe ---- */

struct region;
enum exit_code region_open(const struct arguments *arguments, struct region **ret_region);
/* In place. False: the helper is gone. */
bool region_convert(struct region *region, struct batch *batch);
void region_close(struct region **region);

#endif
