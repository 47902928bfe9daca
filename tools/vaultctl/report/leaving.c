/* SPDX-License-Identifier: Apache-2.0 */
#include "leaving.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cells.h"
#include "vaultctl.h"

enum { PHASE_OUTCOME = 3, ROWS_FIRST = 16, NUMBER_TEXT_BYTES = 24, ANY_DAY = 1 };

static const char *const heads[] = {"time",   "token",  "kind",   "namespace", "purpose",
                                    "ticket", "reason", "result", "status",    "seq"};
enum { CELLS = sizeof heads / sizeof *heads };

static bool
is_reveal(const struct cv_audit_entry *entry)
{
    const char *act = cv_act_name(entry->act);

    return act != NULL && strcmp(act, "detokenize") == 0 && entry->token != NULL;
}

/* ---- what did not open ---- */

static int
compare(const void *a, const void *b)
{
    const uint64_t *one = a, *other = b;

    return (*one > *other) - (*one < *other);
}

static bool
has_room(struct leaving *leaving)
{
    if (leaving->unopened_count < leaving->unopened_capacity) {
        return true;
    }
    size_t capacity = leaving->unopened_capacity == 0 ? ROWS_FIRST : 2 * leaving->unopened_capacity;
    uint64_t *grown = realloc(leaving->unopened, capacity * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    leaving->unopened = grown;
    leaving->unopened_capacity = capacity;
    return true;
}

void
leaving_note(struct leaving *leaving, const struct cv_audit_entry *entry)
{
    if (!is_reveal(entry) || entry->phase != PHASE_OUTCOME || entry->result == CV_OK) {
        return;
    }
    if (!has_room(leaving)) {
        leaving->lost = true;
        return;
    }
    leaving->unopened[leaving->unopened_count++] = entry->refers;
}

void
leaving_begin(struct leaving *leaving)
{
    if (leaving->unopened_count > 0) {
        qsort(leaving->unopened, leaving->unopened_count, sizeof *leaving->unopened, compare);
    }
    leaving->lost = !cells_print(leaving->to, heads, CELLS) || leaving->lost;
}

static bool
did_open(const struct leaving *leaving, uint64_t sequence)
{
    return leaving->unopened_count == 0 ||
           bsearch(&sequence, leaving->unopened, leaving->unopened_count, sizeof *leaving->unopened,
                   compare) == NULL;
}

/* ---- rows ---- */

/* The names are those of audit subject. */
static const char *
count(struct leaving *leaving, const struct cv_audit_entry *entry)
{
    struct contact_news news;

    if (entry->result != CV_OK) {
        leaving->refused++;
        return "refused";
    }
    if (!did_open(leaving, entry->sequence)) {
        leaving->failed++;
        return "failed";
    }
    leaving->reveals++;
    leaving->first_ms = leaving->first_ms == 0 ? entry->time_ms : leaving->first_ms;
    leaving->last_ms = entry->time_ms;
    leaving->lost =
        !contact_set_add(&leaving->contacts, entry->token, ANY_DAY, &news) || leaving->lost;
    return "revealed";
}

void
leaving_add(struct leaving *leaving, const struct cv_audit_entry *entry)
{
    char time[TIME_TEXT_BYTES], number[NUMBER_TEXT_BYTES];

    if (!is_reveal(entry) || entry->phase == PHASE_OUTCOME) {
        return;
    }
    time_print(entry->time_ms, time);
    (void)snprintf(number, sizeof number, "%" PRIu64, entry->sequence);
    const char *const cells[CELLS] = {
        time,
        entry->token,
        strncmp(entry->token, "phn_", 4) == 0 ? "phone" : "email",
        entry->namespace_name,
        entry->purpose,
        entry->ticket,
        entry->reason,
        count(leaving, entry),
        cv_status_name(entry->result),
        number,
    };
    leaving->lost = !cells_print(leaving->to, cells, CELLS) || leaving->lost;
}

void
leaving_free(struct leaving *leaving)
{
    contact_set_free(&leaving->contacts);
    free(leaving->unopened);
    *leaving = (struct leaving){0};
}
