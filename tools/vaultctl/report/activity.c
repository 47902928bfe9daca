/* SPDX-License-Identifier: Apache-2.0 */
#include "activity.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    SECOND_MS = 1000,
    DAY_S = 24 * 3600,
    PHASE_OUTCOME = 3,
    ROWS_FIRST = 8,
    SUNDAY = 0,
    SATURDAY = 6,
};

/* ---- arrays that grow ---- */

/* False: no memory; nothing was changed. */
static bool
has_room(void **items, size_t count, size_t *capacity, size_t size)
{
    size_t larger = *capacity == 0 ? ROWS_FIRST : 2 * *capacity;

    if (count < *capacity) {
        return true;
    }
    void *moved = realloc(*items, larger * size);
    if (moved == NULL) {
        return false;
    }
    *items = moved;
    *capacity = larger;
    return true;
}

/* ---- principals, by name ---- */

/* Where it stands, or would stand. */
static size_t
place_of(const struct activity *activity, const char *name, bool *ret_there)
{
    size_t low = 0, high = activity->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(activity->principals[middle]->name, name);
        if (order == 0) {
            *ret_there = true;
            return middle;
        }
        *(order < 0 ? &low : &high) = order < 0 ? middle + 1 : middle;
    }
    *ret_there = false;
    return low;
}

static struct activity_principal *
new_principal(const char *name)
{
    struct activity_principal *principal = calloc(1, sizeof *principal);

    if (principal != NULL) {
        principal->name = strdup(name);
    }
    if (principal != NULL && principal->name == NULL) {
        free(principal);
        return NULL;
    }
    return principal;
}

/* The one of this name, new if need be. NULL: no memory. */
static struct activity_principal *
need_principal(struct activity *activity, const char *name)
{
    bool there;
    size_t place = place_of(activity, name, &there);

    if (there) {
        return activity->principals[place];
    }
    void *items = activity->principals;
    if (!has_room(&items, activity->count, &activity->capacity, sizeof *activity->principals)) {
        return NULL;
    }
    activity->principals = items;
    struct activity_principal *principal = new_principal(name);
    if (principal == NULL) {
        return NULL;
    }
    struct activity_principal **at = activity->principals + place;
    memmove(at + 1, at, (activity->count - place) * sizeof(struct activity_principal *));
    *at = principal;
    activity->count++;
    return principal;
}

void
activity_know(struct activity *activity, const char *name, enum cv_principal_kind kind)
{
    struct activity_principal *principal = need_principal(activity, name);

    if (principal == NULL) {
        activity->lost = true;
        return;
    }
    principal->kind = kind;
}

enum cv_principal_kind
activity_kind(const struct activity *activity, const char *name)
{
    bool there;
    size_t place = place_of(activity, name, &there);

    return there ? activity->principals[place]->kind : (enum cv_principal_kind)0;
}

/* ---- days, as the clock on the wall has them ---- */

struct moment {
    uint32_t day; /* since 1970 in the calendar, plus 2: above 1 whatever the time zone */
    struct tm parts;
    bool is_night, is_weekend;
};

static struct moment
moment_of(uint64_t time_ms)
{
    struct moment moment = {0};
    time_t seconds = (time_t)(time_ms / SECOND_MS);

    (void)localtime_r(&seconds, &moment.parts);
    struct tm midnight = {.tm_year = moment.parts.tm_year,
                          .tm_mon = moment.parts.tm_mon,
                          .tm_mday = moment.parts.tm_mday};
    moment.day = (uint32_t)(timegm(&midnight) / DAY_S + 2);
    moment.is_night =
        moment.parts.tm_hour >= NIGHT_BEGINS_HOUR || moment.parts.tm_hour < NIGHT_ENDS_HOUR;
    moment.is_weekend = moment.parts.tm_wday == SATURDAY || moment.parts.tm_wday == SUNDAY;
    return moment;
}

static struct activity_day
new_day(const struct moment *moment)
{
    struct activity_day day = {.number = moment->day, .is_weekend = moment->is_weekend};

    (void)strftime(day.text, sizeof day.text, "%Y-%m-%d", &moment->parts);
    (void)strftime(day.zone, sizeof day.zone, "%Z", &moment->parts);
    return day;
}

/* The day's row, new if need be: nearly always the last one, or after it. NULL: no memory. */
static struct activity_day *
need_day(struct activity_principal *principal, const struct moment *moment)
{
    size_t place = principal->day_count;
    void *items = principal->days;

    while (place > 0 && principal->days[place - 1].number > moment->day) {
        place--;
    }
    if (place > 0 && principal->days[place - 1].number == moment->day) {
        return &principal->days[place - 1];
    }
    if (!has_room(&items, principal->day_count, &principal->day_capacity,
                  sizeof *principal->days)) {
        return NULL;
    }
    principal->days = items;
    struct activity_day *at = principal->days + place;
    memmove(at + 1, at, (principal->day_count - place) * sizeof *at);
    *at = new_day(moment);
    principal->day_count++;
    return at;
}

/* ---- adding up ---- */

static bool
add_reason(struct activity_day *day, const char *text)
{
    for (size_t i = 0; i < day->reason_count; i++) {
        if (strcmp(day->reasons[i].text, text) == 0) {
            day->reasons[i].count++;
            return true;
        }
    }
    if (day->reason_count == ACTIVITY_REASONS_MAX) {
        day->other_reasons++;
        return true;
    }
    struct reason_count *reason = &day->reasons[day->reason_count];
    reason->text = strdup(text);
    if (reason->text == NULL) {
        return false;
    }
    reason->count = 1;
    day->reason_count++;
    return true;
}

static void
count_reveal(struct counts *counts, const struct moment *moment, uint64_t time_ms)
{
    counts->reveals++;
    counts->night += moment->is_night ? 1 : 0;
    counts->weekend += moment->is_weekend ? 1 : 0;
    counts->first_ms = counts->first_ms == 0 ? time_ms : counts->first_ms;
    counts->last_ms = time_ms;
}

static bool
is_given(const char *text)
{
    return text != NULL && *text != 0;
}

static bool
add_reveal(struct activity_principal *principal, struct activity_day *day,
           const struct moment *moment, const struct cv_audit_entry *entry)
{
    struct contact_news news = {false, false};
    bool whole = entry->token != NULL &&
                 contact_set_add(&principal->contacts, entry->token, moment->day, &news);

    count_reveal(&day->counts, moment, entry->time_ms);
    count_reveal(&principal->total, moment, entry->time_ms);
    day->counts.contacts += news.on_day ? 1 : 0;
    principal->total.contacts += news.ever ? 1 : 0;
    /* One of a few, where the vault asks for it; else what somebody wrote. */
    const char *why = is_given(entry->purpose) ? entry->purpose : entry->reason;
    if (is_given(why)) {
        whole = add_reason(day, why) && whole;
    }
    return whole;
}

static bool
add_entry(struct activity *activity, const struct cv_audit_entry *entry)
{
    struct moment moment = moment_of(entry->time_ms);
    struct activity_principal *principal =
        need_principal(activity, entry->principal != NULL ? entry->principal : "");
    struct activity_day *day = principal != NULL ? need_day(principal, &moment) : NULL;

    if (day == NULL) {
        return false;
    }
    activity->has_reasons |= is_given(entry->purpose) || is_given(entry->reason);
    if (entry->phase == PHASE_OUTCOME) {
        /* There is one only where something had been granted and did not open then. */
        uint64_t failed = entry->result != CV_OK ? 1 : 0;
        day->counts.failed += failed;
        principal->total.failed += failed;
        return true;
    }
    if (entry->result != CV_OK) {
        day->counts.refused++;
        principal->total.refused++;
        return true;
    }
    return add_reveal(principal, day, &moment, entry);
}

void
activity_add(struct activity *activity, const struct cv_audit_entry *entry)
{
    const char *act = cv_act_name(entry->act);

    if (act != NULL && strcmp(act, "detokenize") == 0 && !add_entry(activity, entry)) {
        activity->lost = true;
    }
}

const struct activity_day *
activity_find(const struct activity *activity, const char *name, const char *day)
{
    bool there;
    size_t place = place_of(activity, name, &there);

    for (size_t i = 0; there && i < activity->principals[place]->day_count; i++) {
        if (strcmp(activity->principals[place]->days[i].text, day) == 0) {
            return &activity->principals[place]->days[i];
        }
    }
    return NULL;
}

/* ---- freeing ---- */

static void
free_principal(struct activity_principal *principal)
{
    for (size_t i = 0; i < principal->day_count; i++) {
        for (size_t k = 0; k < principal->days[i].reason_count; k++) {
            free(principal->days[i].reasons[k].text);
        }
    }
    free(principal->days);
    contact_set_free(&principal->contacts);
    free(principal->name);
    free(principal);
}

void
activity_free(struct activity *activity)
{
    for (size_t i = 0; i < activity->count; i++) {
        free_principal(activity->principals[i]);
    }
    free(activity->principals);
    *activity = (struct activity){0};
}
