/* SPDX-License-Identifier: Apache-2.0 */
/*
 * activity.h: who revealed how much on which day, added up from entries of the log. Pure, but for
 * the machine's time zone: days, nights and weekends are those of whoever asks.
 *
 * Memory: a row for each principal and day on which it did something, with at most
 * ACTIVITY_REASONS_MAX reasons; and for each principal a contact_set.
 */
#ifndef CONTACT_VAULT_ACTIVITY_H
#define CONTACT_VAULT_ACTIVITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "contact_set.h"
#include "contactvault.h"

enum {
    ACTIVITY_REASONS_MAX = 16, /* different ones of a day that are kept; others are counted */
    NIGHT_BEGINS_HOUR = 22,
    NIGHT_ENDS_HOUR = 6,
    DAY_TEXT_BYTES = 16,
    ZONE_TEXT_BYTES = 16,
};

struct counts {
    uint64_t reveals;           /* on record as granted, before anything was opened */
    uint64_t failed;            /* of these, such as did not open then */
    uint64_t refused;           /* entries: a request that is refused as a whole is one */
    uint64_t contacts;          /* different ones among the reveals */
    uint64_t night;             /* of the reveals, those from 22:00 until 06:00 */
    uint64_t weekend;           /* on a Saturday or Sunday */
    uint64_t first_ms, last_ms; /* of the reveals; 0: none */
};

struct reason_count {
    char *text;
    uint64_t count;
};

struct activity_day {
    uint32_t number;            /* in the calendar */
    char text[DAY_TEXT_BYTES];  /* "2026-11-28" */
    char zone[ZONE_TEXT_BYTES]; /* "CET", at its first entry */
    bool is_weekend;
    struct counts counts;
    struct reason_count reasons[ACTIVITY_REASONS_MAX]; /* in the order they were given first */
    size_t reason_count;
    uint64_t other_reasons; /* reveals for reasons that found no room among these */
};

struct activity_principal {
    char *name;
    enum cv_principal_kind kind; /* 0: not known any more */
    struct counts total;
    struct activity_day *days; /* in their order */
    size_t day_count, day_capacity;
    struct contact_set contacts;
};

struct activity {                           /* all zeros: nothing yet */
    struct activity_principal **principals; /* by name */
    size_t count, capacity;
    bool has_reasons; /* any was told */
    bool lost;        /* for want of memory: it is not whole */
};

/* That there is such a principal. */
void activity_know(struct activity *activity, const char *name, enum cv_principal_kind kind);
/* 0: nobody of this name is known. */
enum cv_principal_kind activity_kind(const struct activity *activity, const char *name);
/* Entries of other operations than detokenize change nothing. In the order of the log. */
void activity_add(struct activity *activity, const struct cv_audit_entry *entry);
/* Its row of the day, where there was something to count; else NULL. For tests. */
const struct activity_day *activity_find(const struct activity *activity, const char *name,
                                         const char *day);
void activity_free(struct activity *activity);

#endif
