/* SPDX-License-Identifier: Apache-2.0 */
#include "problems.h"

#include <inttypes.h>

enum { SAID_MAX = 10, FIELD_BYTES = 2048 };

static void
list(const struct problems *problems, uint64_t line, const char *column, const char *code,
     const char *message)
{
    char name[FIELD_BYTES], text[FIELD_BYTES];

    (void)fprintf(problems->errors, "%" PRIu64 ",%s,%s,%s\n", line,
                  csv_quote(column, name, sizeof name) ? name : "", code,
                  csv_quote(message, text, sizeof text) ? text : "");
}

/* The first few; a thousand of them are no reading for a person. */
static void
say(struct problems *problems, uint64_t line, const char *column, const char *message)
{
    if (++problems->said > SAID_MAX) {
        return;
    }
    note(problems->arguments, "line %" PRIu64 "%s%s: %s; %s%s", line, *column != 0 ? ", " : "",
         column, message, *column != 0 ? "the cell is emptied" : "the row is left out",
         problems->said == SAID_MAX ? " (no more is said; --errors FILE would have them all)" : "");
}

void
problems_take(void *problems, uint64_t line, const struct column *column, const char *code,
              const char *message)
{
    struct problems *taking = problems;
    char name[FIELD_BYTES] = "";

    if (column != NULL) {
        (void)snprintf(name, sizeof name, "%.*s", (int)column->size, column->name);
    }
    if (taking->errors != NULL) {
        list(taking, line, name, code, message);
    } else {
        say(taking, line, name, message);
    }
}
