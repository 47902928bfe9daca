/* SPDX-License-Identifier: Apache-2.0 */
#include "terms.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "contactvault.h"

enum {
    MS = 1000,
    MINUTE_S = 60,
    HOUR_S = 60 * MINUTE_S,
    DAY_S = 24 * HOUR_S,
    WEEK_S = 7 * DAY_S,
    YEAR_MONTHS = 12,
    TM_YEAR_ZERO = 1900,
    FIRST_YEAR = 1970,
};

/* A unit's name and how much of the smallest it is. */
struct unit {
    const char *name;
    uint64_t amount;
};

/* Decimal digits, then one of the units and nothing more. */
static bool
amount_parse(const char *text, const struct unit *units, uint64_t max, uint64_t *ret_amount)
{
    uint64_t number = 0;
    size_t digits = strspn(text, "0123456789");

    for (size_t i = 0; i < digits; i++) {
        if (number > max) {
            return false;
        }
        number = number * 10 + (uint64_t)(text[i] - '0');
    }
    for (; units->name != NULL; units++) {
        if (strcmp(text + digits, units->name) == 0) {
            break;
        }
    }
    if (number == 0 || units->name == NULL || number > max / units->amount) {
        return false;
    }
    *ret_amount = number * units->amount;
    return true;
}

bool
duration_parse(const char *text, uint64_t max_s, uint64_t *ret_s)
{
    static const struct unit units[] = {
        {"s", 1}, {"m", MINUTE_S}, {"h", HOUR_S}, {"d", DAY_S}, {"w", WEEK_S}, {NULL, 0},
    };

    return amount_parse(text, units, max_s, ret_s);
}

bool
retention_parse(const char *text, uint32_t *ret_months)
{
    static const struct unit units[] = {{"mo", 1}, {"y", YEAR_MONTHS}, {NULL, 0}};
    uint64_t months = 0;

    if (strcmp(text, "never") != 0 && !amount_parse(text, units, CV_RETAIN_MONTHS_MAX, &months)) {
        return false;
    }
    *ret_months = (uint32_t)months;
    return true;
}

/* Exactly `count` digits; moves *text behind them. */
static bool
take_number(const char **text, size_t count, int *ret_number)
{
    int number = 0;

    for (size_t i = 0; i < count; i++) {
        if ((*text)[i] < '0' || (*text)[i] > '9') {
            return false;
        }
        number = number * 10 + ((*text)[i] - '0');
    }
    *text += count;
    *ret_number = number;
    return true;
}

static bool
take_letter(const char **text, char letter)
{
    if (**text != letter) {
        return false;
    }
    (*text)++;
    return true;
}

static bool
take_day(const char **text, struct tm *parts)
{
    if (!take_number(text, 4, &parts->tm_year) || !take_letter(text, '-') ||
        !take_number(text, 2, &parts->tm_mon) || !take_letter(text, '-') ||
        !take_number(text, 2, &parts->tm_mday) || parts->tm_year < FIRST_YEAR) {
        return false;
    }
    parts->tm_year -= TM_YEAR_ZERO;
    parts->tm_mon -= 1;
    return true;
}

static bool
take_time(const char **text, struct tm *parts, int *ret_ms)
{
    if (!take_number(text, 2, &parts->tm_hour) || !take_letter(text, ':') ||
        !take_number(text, 2, &parts->tm_min)) {
        return false;
    }
    if (!take_letter(text, ':')) {
        return true;
    }
    return take_number(text, 2, &parts->tm_sec) &&
           (!take_letter(text, '.') || take_number(text, 3, ret_ms));
}

/* timegm carries what is too much into the next unit: 30 February is changed by it. */
static bool
is_in_calendar(const struct tm *parts)
{
    struct tm carried = *parts;

    return timegm(&carried) >= 0 && carried.tm_year == parts->tm_year &&
           carried.tm_mon == parts->tm_mon && carried.tm_mday == parts->tm_mday &&
           carried.tm_hour == parts->tm_hour && carried.tm_min == parts->tm_min &&
           carried.tm_sec == parts->tm_sec;
}

bool
moment_parse(const char *text, uint64_t *ret_ms)
{
    struct tm parts = {.tm_isdst = -1};
    int ms = 0;

    if (!take_day(&text, &parts) || (take_letter(&text, 'T') && !take_time(&text, &parts, &ms)) ||
        !is_in_calendar(&parts)) {
        return false;
    }
    bool is_utc = take_letter(&text, 'Z');
    time_t seconds = is_utc ? timegm(&parts) : mktime(&parts);
    if (*text != 0 || seconds < 0) {
        return false;
    }
    *ret_ms = (uint64_t)seconds * MS + (uint64_t)ms;
    return true;
}

bool
moment_or_age_parse(const char *text, uint64_t now_ms, uint64_t *ret_ms)
{
    uint64_t age_s;

    if (!duration_parse(text, now_ms / MS, &age_s)) {
        return moment_parse(text, ret_ms);
    }
    *ret_ms = now_ms - age_s * MS;
    return true;
}

void
wait_print(uint64_t wait_s, char ret_text[static WAIT_TEXT_BYTES])
{
    uint64_t minutes = (wait_s + MINUTE_S - 1) / MINUTE_S;

    if (wait_s < 2 * MINUTE_S) {
        (void)snprintf(ret_text, WAIT_TEXT_BYTES, "%" PRIu64 " s", wait_s);
    } else if (minutes < 2 * MINUTE_S) {
        (void)snprintf(ret_text, WAIT_TEXT_BYTES, "%" PRIu64 " min", minutes);
    } else {
        (void)snprintf(ret_text, WAIT_TEXT_BYTES, "%" PRIu64 " h %" PRIu64 " min",
                       minutes / MINUTE_S, minutes % MINUTE_S);
    }
}
