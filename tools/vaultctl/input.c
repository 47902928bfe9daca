/* SPDX-License-Identifier: Apache-2.0 */
#include "input.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "terminal.h"

enum { NOT_UTF8 = 0xff };

/* What is left of the file on stdin; 0 where that is none. */
static uint64_t
bytes_on_stdin(void)
{
    struct stat attributes;
    off_t at = lseek(STDIN_FILENO, 0, SEEK_CUR);

    if (fstat(STDIN_FILENO, &attributes) != 0 || !S_ISREG(attributes.st_mode) || at < 0 ||
        at > attributes.st_size) {
        return 0;
    }
    return (uint64_t)(attributes.st_size - at);
}

void
input_init(struct input *input, const struct arguments *arguments, const char *prompt)
{
    bool dash = arguments->value_count == 1 && strcmp(arguments->values[0], "-") == 0;

    *input = (struct input){
        .arguments = arguments,
        .from_stdin = dash || arguments->value_count == 0,
        .prompt = prompt,
    };
    input->is_prompted = input->from_stdin && terminal_can_ask();
    input->bytes_total = input->from_stdin ? bytes_on_stdin() : 0;
}

/* False: the end, and nothing before it. What does not fit is left out, but for the first byte. */
static bool
read_line(char line[static VALUE_LINE_BYTES], uint64_t *bytes_read)
{
    size_t size = 0;
    int byte = getc_unlocked(stdin);

    if (byte == EOF) {
        return false;
    }
    for (; byte != EOF && byte != '\n'; byte = getc_unlocked(stdin), ++*bytes_read) {
        /* A NUL would end the text early and make another contact of it: what is no text is
         * refused. */
        if (size < VALUE_LINE_BYTES - 1) {
            line[size++] = (char)(byte == 0 ? NOT_UTF8 : byte);
        }
    }
    ++*bytes_read;
    if (size > 0 && line[size - 1] == '\r') {
        size--;
    }
    line[size] = 0;
    return true;
}

static bool
is_done(const struct input *input, const char *line)
{
    return input->is_prompted && *line == 0; /* an empty line ends what a person types */
}

static void
read_stdin(struct input *input, struct batch *batch)
{
    size_t most = input->is_prompted ? 1 : BATCH_VALUES;

    while (batch->count < most) {
        char *line = batch->lines[batch->count];
        if (input->is_prompted) {
            (void)fputs(input->prompt, stderr);
        }
        if (!read_line(line, &input->bytes_read) || is_done(input, line)) {
            return;
        }
        batch->values[batch->count++] = line;
    }
}

bool
input_read(struct input *input, struct batch *batch)
{
    const struct arguments *arguments = input->arguments;

    batch->count = 0;
    memset(batch->faults, 0, sizeof batch->faults);
    if (input->from_stdin) {
        read_stdin(input, batch);
    } else {
        while (batch->count < BATCH_VALUES && input->next < arguments->value_count) {
            batch->values[batch->count++] = arguments->values[input->next++];
        }
    }
    input->values_read += batch->count;
    return batch->count > 0;
}

bool
input_ask(const char *prompt, char ret_line[static VALUE_LINE_BYTES])
{
    uint64_t bytes_read = 0;

    (void)fputs(prompt, stderr);
    return read_line(ret_line, &bytes_read) && *ret_line != 0;
}

void
batch_wipe(struct batch *batch)
{
    explicit_bzero(batch, sizeof *batch);
}

void
input_warn_of_history(const struct input *input)
{
    const struct arguments *arguments = input->arguments;
    bool has_contact = false;

    for (size_t i = 0; !input->from_stdin && i < arguments->value_count; i++) {
        has_contact = has_contact || !looks_like_token(arguments->values[i]);
    }
    if (has_contact && terminal_is(stderr)) {
        note(arguments,
             "note: a contact on the command line stays in the shell's history and shows in ps; "
             "give none and you are asked for it, or give it on stdin");
    }
}

bool
looks_like_token(const char *value)
{
    bool has_prefix = strncmp(value, "phn_", 4) == 0 || strncmp(value, "eml_", 4) == 0;

    return has_prefix && strchr(value, '@') == NULL;
}
