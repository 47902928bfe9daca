/* SPDX-License-Identifier: Apache-2.0 */
/* progress.h: a bar on stderr, for whoever waits at a terminal for more than two seconds. */
#ifndef CONTACT_VAULT_PROGRESS_H
#define CONTACT_VAULT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *things; /* "values": what is counted */
    uint64_t total;     /* of the measure; 0: not known */
    uint64_t measured, count;
    uint64_t
        began_at; /* the measure at the start: what an earlier run did is not this one's rate */
    uint64_t count_at;
    int64_t started_ms, drawn_ms;
    bool wanted, drawn;
    int columns; /* of the line drawn last */
};

/* Of a clock that only goes forward. */
int64_t progress_now_ms(void);

/* Not drawn unless `wanted` and stderr is a terminal. */
void progress_start(struct progress *progress, const char *things, uint64_t total, bool wanted);
/* So much of the measure (bytes, say), so many things. Draws a few times a second at most. */
void progress_show(struct progress *progress, uint64_t measured, uint64_t count);
/* The last state stays, if any was drawn. */
void progress_end(struct progress *progress);
/* Takes the line away, so that a message has one of its own; the next progress_show draws anew. */
void progress_hide(void);

enum { PROGRESS_LINE_BYTES = 320 };
/* What is drawn, no wider than `columns`: text for tests, and for one's eyes. */
void progress_print(const struct progress *progress, int64_t now_ms, int columns,
                    char ret_line[static PROGRESS_LINE_BYTES]);

#endif
