/* SPDX-License-Identifier: Apache-2.0 */
#include "print_subject.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cells.h"
#include "escape.h"
#include "table.h"

enum {
    NUMBER_TEXT_BYTES = 24,
    WHAT_TEXT_BYTES = 64,
    WHY_TEXT_BYTES = 512,
    NAME_SHOWN_BYTES = 64 * ESCAPE_GROWTH_MAX + 1
};

/* What became of it: the names are for programs, too. */
static const char *
outcome_name(const struct sighting *sighting)
{
    switch (sighting->outcome) {
    case OUTCOME_FAILED:
        return "failed";
    case OUTCOME_REFUSED:
        return "refused";
    default:
        return sighting->kind == CV_SERVICE ? "delivered" : "revealed";
    }
}

static const char *
namespace_of(const struct sightings *sightings)
{
    for (size_t i = 0; i < sightings->count; i++) {
        if (*sightings->items[i].namespace_name != 0) {
            return sightings->items[i].namespace_name;
        }
    }
    return NULL;
}

/* ---- for a program ---- */

static json_t *
sighting_json(const struct sighting *sighting)
{
    char time[TIME_TEXT_BYTES];

    time_print(sighting->time_ms, time);
    json_t *json = json_pack("{s:I, s:s}", "seq", (json_int_t)sighting->sequence, "time", time);
    json_set_text(json, "principal", sighting->principal);
    json_set_text(json, "kind", kind_word(sighting->kind));
    if (sighting->relayed) {
        json_object_set_new(json, "relayed", json_true());
    }
    json_set_text(json, "outcome", outcome_name(sighting));
    json_set_text(json, "status", cv_status_name(sighting->status));
    json_set_text(json, "purpose", sighting->purpose);
    json_set_text(json, "ticket", sighting->ticket);
    json_set_text(json, "reason", sighting->reason);
    return json;
}

static void
print_as_json(const char *token, const struct sightings *sightings, const struct reach *reach)
{
    struct sighting_counts counts = sightings_count(sightings);
    char begins[TIME_TEXT_BYTES];
    json_t *json = json_pack("{s:s}", "token", token), *entries = json_array();

    json_set_text(json, "namespace", namespace_of(sightings));
    json_set_number(json, "people", counts.people);
    json_set_number(json, "reveals", counts.reveals);
    json_set_number(json, "services", counts.services);
    json_set_number(json, "deliveries", counts.deliveries);
    json_set_number(json, "unknown", counts.unknown);
    json_set_number(json, "failed", counts.failed);
    json_set_number(json, "refused", counts.refused);
    for (size_t i = 0; i < sightings->count; i++) {
        json_array_append_new(entries, sighting_json(&sightings->items[i]));
    }
    json_object_set_new(json, "entries", entries);
    json_set_number(json, "last_entry", reach->last);
    time_print(reach->begins_ms, begins);
    json_set_text(json, "log_begins", begins);
    print_json_safely(json);
}

/* ---- for a spreadsheet ---- */

static const char *const cell_heads[] = {"token",     "seq",     "time",    "principal",
                                         "kind",      "relayed", "outcome", "status",
                                         "namespace", "purpose", "ticket",  "reason"};
enum { CELLS = sizeof cell_heads / sizeof *cell_heads };

static bool
print_as_cells(const char *token, const struct sightings *sightings)
{
    bool fine = true;

    for (size_t i = 0; fine && i < sightings->count; i++) {
        const struct sighting *sighting = &sightings->items[i];
        char time[TIME_TEXT_BYTES], number[NUMBER_TEXT_BYTES];

        time_print(sighting->time_ms, time);
        (void)snprintf(number, sizeof number, "%" PRIu64, sighting->sequence);
        const char *cells[] = {token,
                               number,
                               time,
                               sighting->principal,
                               kind_word(sighting->kind),
                               sighting->relayed ? "true" : "",
                               outcome_name(sighting),
                               cv_status_name(sighting->status),
                               sighting->namespace_name,
                               sighting->purpose,
                               sighting->ticket,
                               sighting->reason};
        fine = cells_print(stdout, cells, CELLS);
    }
    return fine;
}

/* ---- for a person ---- */

static void
print_part(uint64_t who, const char *whose, uint64_t times, const char *what)
{
    if (times > 0) {
        printf("%" PRIu64 " %s%s: %" PRIu64 " %s; ", who, whose, plural(who), times, what);
    }
}

/* "shown to 2 persons (3 reveals) and 1 service (5 deliveries); 1 refused" */
static void
print_total(const char *token, const struct sightings *sightings)
{
    struct sighting_counts counts = sightings_count(sightings);
    char name[NAME_SHOWN_BYTES];
    const char *in = namespace_of(sightings);

    text_show(in != NULL ? in : "", name, sizeof name);
    printf("\n%s%s%s%s%s\n", terminal_colour(stdout, COLOUR_HEAD), token, in != NULL ? ", in " : "",
           name, terminal_colour(stdout, COLOUR_NONE));
    print_part(counts.people, "person", counts.reveals, counts.reveals == 1 ? "reveal" : "reveals");
    print_part(counts.services, "service", counts.deliveries,
               counts.deliveries == 1 ? "delivery" : "deliveries");
    print_part(counts.others, "unknown principal", counts.unknown,
               counts.unknown == 1 ? "reveal" : "reveals");
    if (counts.reveals + counts.deliveries + counts.unknown == 0) {
        printf("shown to nobody; ");
    }
    printf("%" PRIu64 " failed, %" PRIu64 " refused\n", counts.failed, counts.refused);
}

static void
add_row(struct table *table, const struct sighting *sighting)
{
    char time[TIME_TEXT_BYTES], what[WHAT_TEXT_BYTES], who[NAME_SHOWN_BYTES];
    bool shown = sighting->outcome == OUTCOME_SHOWN;
    const char *status = cv_status_name(sighting->status);

    time_print_short(sighting->time_ms, time);
    (void)snprintf(who, sizeof who, "%s%s", *sighting->principal != 0 ? sighting->principal : "-",
                   sighting->relayed ? " (relayed)" : "");
    (void)snprintf(what, sizeof what, shown ? "%s" : "%s: %s", outcome_name(sighting),
                   status != NULL ? status : "");
    const char *kind = kind_word(sighting->kind);
    char why[WHY_TEXT_BYTES];
    (void)snprintf(why, sizeof why, "%s%s%s%s%s", sighting->purpose,
                   *sighting->purpose != 0 ? ": " : "", sighting->reason,
                   *sighting->ticket != 0 ? ", " : "", sighting->ticket);
    const char *cells[] = {time, who, kind != NULL ? kind : "-", what, why};
    table_add(table, cells, shown ? COLOUR_NONE : COLOUR_WARN);
}

static bool
print_for_person(const char *token, const struct sightings *sightings)
{
    static const char *const heads[] = {"TIME (UTC)", "WHO", "KIND", "WHAT", "WHY"};

    print_total(token, sightings);
    if (sightings->count == 0) {
        return true;
    }
    struct table *table = table_new(heads, sizeof heads / sizeof *heads);
    for (size_t i = 0; table != NULL && i < sightings->count; i++) {
        add_row(table, &sightings->items[i]);
    }
    bool fine = table != NULL;
    print_table(&table);
    return fine;
}

bool
print_subject_head(const struct arguments *arguments, const struct reach *reach)
{
    char begins[TIME_TEXT_BYTES];

    if (arguments->csv) {
        return cells_print(stdout, cell_heads, CELLS);
    }
    if (!arguments->json) {
        time_print_short(reach->begins_ms, begins);
        printf("The log goes back to %s (UTC)%s.\n", begins,
               reach->begins > 1 ? ": what is older was removed" : ", when the vault was made");
    }
    return true;
}

bool
print_subject(const struct arguments *arguments, const char *token,
              const struct sightings *sightings, const struct reach *reach)
{
    if (arguments->csv) {
        return print_as_cells(token, sightings);
    }
    if (arguments->json) {
        print_as_json(token, sightings, reach);
        return true;
    }
    return print_for_person(token, sightings);
}
