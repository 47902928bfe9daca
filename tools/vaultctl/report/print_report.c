/* SPDX-License-Identifier: Apache-2.0 */
#include "print_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cells.h"
#include "escape.h"
#include "table.h"

enum {
    SECOND_MS = 1000,
    NUMBER_TEXT_BYTES = 24,
    MOMENT_TEXT_BYTES = 48,
    NAME_SHOWN_BYTES = 64 * ESCAPE_GROWTH_MAX + 1,
};

const char *
kind_word(enum cv_principal_kind kind)
{
    return kind == CV_PERSON || kind == CV_SERVICE ? cv_principal_kind_name(kind) : NULL;
}

static bool
was_active(const struct activity_principal *principal)
{
    return principal->day_count > 0;
}

/* "asked for a call back (10), fraud check (2), 3 others"; for the caller to free. NULL: no memory.
 */
static char *
reasons_text(const struct activity_day *day)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);

    if (to == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < day->reason_count; i++) {
        (void)fprintf(to, "%s%s (%" PRIu64 ")", i == 0 ? "" : ", ", day->reasons[i].text,
                      day->reasons[i].count);
    }
    if (day->other_reasons > 0) {
        (void)fprintf(to, ", %" PRIu64 " for others", day->other_reasons);
    }
    if (fclose(to) != 0) {
        free(text);
        text = NULL;
    }
    return text;
}

static void
number_text(uint64_t number, char ret_text[static NUMBER_TEXT_BYTES])
{
    (void)snprintf(ret_text, NUMBER_TEXT_BYTES, "%" PRIu64, number);
}

enum local_form { AS_MOMENT, AS_MOMENT_AND_ZONE, AS_HOUR };

/* On the clock on the wall. */
static void
local_text(uint64_t time_ms, enum local_form form, char ret_text[static MOMENT_TEXT_BYTES])
{
    time_t seconds = (time_t)(time_ms / SECOND_MS);
    struct tm parts = {0};

    (void)localtime_r(&seconds, &parts);
    switch (form) {
    case AS_MOMENT:
        (void)strftime(ret_text, MOMENT_TEXT_BYTES, "%Y-%m-%d %H:%M", &parts);
        break;
    case AS_MOMENT_AND_ZONE:
        (void)strftime(ret_text, MOMENT_TEXT_BYTES, "%Y-%m-%d %H:%M %Z (UTC%z)", &parts);
        break;
    case AS_HOUR:
        (void)strftime(ret_text, MOMENT_TEXT_BYTES, "%H:%M", &parts);
        break;
    }
}

/* ---- for a program ---- */

static void
set_counts(json_t *json, const struct counts *counts)
{
    char first[TIME_TEXT_BYTES] = "", last[TIME_TEXT_BYTES] = "";

    json_set_number(json, "reveals", counts->reveals);
    json_set_number(json, "failed", counts->failed);
    json_set_number(json, "refused", counts->refused);
    json_set_number(json, "contacts", counts->contacts);
    json_set_number(json, "night", counts->night);
    json_set_number(json, "weekend", counts->weekend);
    if (counts->reveals > 0) {
        time_print(counts->first_ms, first);
        time_print(counts->last_ms, last);
    }
    json_set_text(json, "first", first);
    json_set_text(json, "last", last);
}

static json_t *
day_json(const struct activity_day *day)
{
    json_t *json = json_pack("{s:s, s:s}", "day", day->text, "zone", day->zone);
    json_t *reasons = json_array();

    set_counts(json, &day->counts);
    for (size_t i = 0; i < day->reason_count; i++) {
        json_array_append_new(reasons, json_pack("{s:s, s:I}", "reason", day->reasons[i].text,
                                                 "reveals", (json_int_t)day->reasons[i].count));
    }
    if (json_array_size(reasons) > 0) {
        json_object_set(json, "reasons", reasons);
        json_set_number(json, "other_reasons", day->other_reasons);
    }
    json_decref(reasons);
    return json;
}

static json_t *
principal_json(const struct activity_principal *principal)
{
    json_t *json = json_pack("{s:s}", "principal", principal->name), *days = json_array();

    json_set_text(json, "kind", kind_word(principal->kind));
    set_counts(json, &principal->total);
    for (size_t i = 0; i < principal->day_count; i++) {
        json_array_append_new(days, day_json(&principal->days[i]));
    }
    json_object_set_new(json, "days", days);
    return json;
}

static void
set_time(json_t *json, const char *name, uint64_t time_ms)
{
    char text[TIME_TEXT_BYTES];

    time_print(time_ms, text);
    json_set_text(json, name, text);
}

static void
print_as_json(const struct activity *activity, const struct reach *reach)
{
    json_t *json = json_object(), *principals = json_array();

    set_time(json, "since", reach->since_ms);
    set_time(json, "until", reach->until_ms);
    json_set_number(json, "first_entry", reach->first);
    json_set_number(json, "last_entry", reach->last);
    set_time(json, "log_begins", reach->begins_ms);
    for (size_t i = 0; i < activity->count; i++) {
        if (was_active(activity->principals[i])) {
            json_array_append_new(principals, principal_json(activity->principals[i]));
        }
    }
    json_object_set_new(json, "principals", principals);
    print_json_safely(json);
}

/* ---- for a spreadsheet: a row for each principal and day ---- */

static bool
print_day_cells(const struct activity_principal *principal, const struct activity_day *day)
{
    const struct counts *counts = &day->counts;
    const uint64_t numbers[] = {counts->reveals, counts->contacts, counts->refused,
                                counts->failed,  counts->night,    counts->weekend};
    enum { NUMBERS = sizeof numbers / sizeof *numbers };
    char figures[NUMBERS][NUMBER_TEXT_BYTES], first[TIME_TEXT_BYTES] = "",
                                              last[TIME_TEXT_BYTES] = "";
    char *reasons = reasons_text(day);

    for (size_t i = 0; i < NUMBERS; i++) {
        number_text(numbers[i], figures[i]);
    }
    if (counts->reveals > 0) {
        time_print(counts->first_ms, first);
        time_print(counts->last_ms, last);
    }
    const char *cells[] = {principal->name, kind_word(principal->kind),
                           day->text,       day->zone,
                           figures[0],      figures[1],
                           figures[2],      figures[3],
                           figures[4],      figures[5],
                           first,           last,
                           reasons};
    bool fine = reasons != NULL && cells_print(stdout, cells, sizeof cells / sizeof *cells);
    free(reasons);
    return fine;
}

static bool
print_as_cells(const struct activity *activity)
{
    static const char *const heads[] = {"principal", "kind",    "day",    "zone",  "reveals",
                                        "contacts",  "refused", "failed", "night", "weekend",
                                        "first",     "last",    "reasons"};
    bool fine = cells_print(stdout, heads, sizeof heads / sizeof *heads);

    for (size_t i = 0; i < activity->count; i++) {
        const struct activity_principal *principal = activity->principals[i];
        for (size_t day = 0; fine && day < principal->day_count; day++) {
            fine = print_day_cells(principal, &principal->days[day]);
        }
    }
    return fine;
}

/* ---- for a person ---- */

static void
print_intro(const struct reach *reach)
{
    char since[MOMENT_TEXT_BYTES], until[MOMENT_TEXT_BYTES], begins[MOMENT_TEXT_BYTES];

    local_text(reach->since_ms, AS_MOMENT, since);
    local_text(reach->until_ms, AS_MOMENT_AND_ZONE, until);
    printf("Reveals from %s to %s.\n"
           "Days, hours, nights (22:00 to 06:00) and weekends are by this machine's clock.\n",
           since, until);
    if (reach->begins_ms > reach->since_ms) {
        local_text(reach->begins_ms, AS_MOMENT, begins);
        printf("%s begins at %s.\n", reach->begins > 1 ? "What is left of the log" : "The log",
               begins);
    }
}

/* "paola, person: 34 reveals of 30 contacts; 2 refused, 3 at night, 5 at weekends" */
static void
print_total(const struct activity_principal *principal)
{
    const struct counts *total = &principal->total;
    char name[NAME_SHOWN_BYTES];
    const char *kind = kind_word(principal->kind);

    text_show(*principal->name != 0 ? principal->name : "-", name, sizeof name);
    printf("\n%s%s, %s: %" PRIu64 " reveal%s of %" PRIu64 " contact%s%s\n",
           terminal_colour(stdout, COLOUR_HEAD), name, kind != NULL ? kind : "unknown",
           total->reveals, plural(total->reveals), total->contacts, plural(total->contacts),
           terminal_colour(stdout, COLOUR_NONE));
    printf("%" PRIu64 " refused, %" PRIu64 " at night, %" PRIu64 " on weekends", total->refused,
           total->night, total->weekend);
    if (total->failed > 0) {
        printf("; %" PRIu64 " failed (not shown)", total->failed);
    }
    putchar('\n');
}

static bool
add_day_row(struct table *table, const struct activity_day *day, bool is_person)
{
    const struct counts *counts = &day->counts;
    char label[MOMENT_TEXT_BYTES], hours[2 * MOMENT_TEXT_BYTES] = "-", first[MOMENT_TEXT_BYTES],
                                             last[MOMENT_TEXT_BYTES];
    char reveals[NUMBER_TEXT_BYTES], contacts[NUMBER_TEXT_BYTES], refused[NUMBER_TEXT_BYTES],
        night[NUMBER_TEXT_BYTES];
    char *reasons = reasons_text(day);

    if (reasons == NULL) {
        return false;
    }
    (void)snprintf(label, sizeof label, "%s%s", day->text, day->is_weekend ? " wkend" : "");
    if (counts->reveals > 0) {
        local_text(counts->first_ms, AS_HOUR, first);
        local_text(counts->last_ms, AS_HOUR, last);
        (void)snprintf(hours, sizeof hours, "%s-%s", first, last);
    }
    number_text(counts->reveals, reveals);
    number_text(counts->contacts, contacts);
    number_text(counts->refused, refused);
    number_text(counts->night, night);
    const char *cells[] = {label, reveals, contacts, refused, night, hours, reasons};
    /* A service delivers at any hour. */
    bool is_odd = counts->refused > 0 || (is_person && (counts->night > 0 || day->is_weekend));
    table_add(table, cells, is_odd ? COLOUR_WARN : COLOUR_NONE);
    free(reasons);
    return true;
}

static bool
print_days(const struct activity_principal *principal)
{
    static const char *const heads[] = {"DAY",   "REVEALS", "CONTACTS", "REFUSED",
                                        "NIGHT", "HOURS",   "WHY"};
    struct table *table = table_new(heads, sizeof heads / sizeof *heads);
    bool fine = table != NULL;

    for (size_t i = 0; fine && i < principal->day_count; i++) {
        fine = add_day_row(table, &principal->days[i], principal->kind != CV_SERVICE);
    }
    print_table(&table);
    return fine;
}

static bool
print_for_person(const struct activity *activity, const struct reach *reach)
{
    bool fine = true, any = false;

    print_intro(reach);
    for (size_t i = 0; fine && i < activity->count; i++) {
        if (was_active(activity->principals[i])) {
            any = true;
            print_total(activity->principals[i]);
            fine = print_days(activity->principals[i]);
        }
    }
    if (!any) {
        puts("None.");
    }
    return fine;
}

bool
print_report(const struct arguments *arguments, const struct activity *activity,
             const struct reach *reach)
{
    if (arguments->csv) {
        return print_as_cells(activity);
    }
    if (arguments->json) {
        print_as_json(activity, reach);
        return true;
    }
    return print_for_person(activity, reach);
}
