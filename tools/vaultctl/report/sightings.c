/* SPDX-License-Identifier: Apache-2.0 */
#include "sightings.h"

#include <stdlib.h>
#include <string.h>

enum { PHASE_OUTCOME = 3, ROWS_FIRST = 16 };

static void
free_sighting(struct sighting *sighting)
{
    free(sighting->principal);
    free(sighting->namespace_name);
    free(sighting->reason);
    free(sighting->purpose);
    free(sighting->ticket);
}

static bool
has_room(struct sightings *sightings)
{
    size_t capacity = sightings->capacity == 0 ? ROWS_FIRST : 2 * sightings->capacity;

    if (sightings->count < sightings->capacity) {
        return true;
    }
    struct sighting *items = realloc(sightings->items, capacity * sizeof *items);
    if (items == NULL) {
        return false;
    }
    sightings->items = items;
    sightings->capacity = capacity;
    return true;
}

static char *
copy(const char *text)
{
    return strdup(text != NULL ? text : "");
}

static bool
append(struct sightings *sightings, const struct activity *known,
       const struct cv_audit_entry *entry, enum outcome outcome)
{
    struct sighting sighting = {
        .sequence = entry->sequence,
        .time_ms = entry->time_ms,
        .principal = copy(entry->principal),
        .namespace_name = copy(entry->namespace_name),
        .reason = copy(entry->reason),
        .purpose = copy(entry->purpose),
        .ticket = copy(entry->ticket),
        .relayed = entry->relayed,
        .outcome = outcome,
        .status = entry->result,
    };

    if (sighting.principal == NULL || sighting.namespace_name == NULL || sighting.reason == NULL ||
        sighting.purpose == NULL || sighting.ticket == NULL || !has_room(sightings)) {
        free_sighting(&sighting);
        return false;
    }
    sighting.kind = activity_kind(known, sighting.principal);
    sightings->items[sightings->count++] = sighting;
    return true;
}

/* The row made of the entry of this number. NULL: none. */
static struct sighting *
find(struct sightings *sightings, uint64_t sequence)
{
    size_t low = 0, high = sightings->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sightings->items[middle].sequence == sequence) {
            return &sightings->items[middle];
        }
        *(sightings->items[middle].sequence < sequence ? &low : &high) =
            sightings->items[middle].sequence < sequence ? middle + 1 : middle;
    }
    return NULL;
}

/* What had been granted did not open. Where that entry is gone, this one alone tells of it. */
static bool
note_failure(struct sightings *sightings, const struct activity *known,
             const struct cv_audit_entry *entry)
{
    struct sighting *granted = find(sightings, entry->refers);

    if (granted == NULL) {
        return append(sightings, known, entry, OUTCOME_FAILED);
    }
    granted->outcome = OUTCOME_FAILED;
    granted->status = entry->result;
    return true;
}

void
sightings_add(struct sightings *sightings, const struct activity *known,
              const struct cv_audit_entry *entry)
{
    const char *act = cv_act_name(entry->act);
    bool whole = true;

    if (act == NULL || strcmp(act, "detokenize") != 0) {
        return;
    }
    if (entry->phase != PHASE_OUTCOME) {
        whole = append(sightings, known, entry,
                       entry->result == CV_OK ? OUTCOME_SHOWN : OUTCOME_REFUSED);
    } else if (entry->result != CV_OK) {
        whole = note_failure(sightings, known, entry);
    }
    sightings->lost = sightings->lost || !whole;
}

/* Was it shown to the same principal earlier? */
static bool
is_repeated(const struct sightings *sightings, size_t number)
{
    const struct sighting *this = &sightings->items[number];

    for (size_t i = 0; i < number; i++) {
        const struct sighting *earlier = &sightings->items[i];
        if (earlier->outcome == OUTCOME_SHOWN && strcmp(earlier->principal, this->principal) == 0) {
            return true;
        }
    }
    return false;
}

struct sighting_counts
sightings_count(const struct sightings *sightings)
{
    struct sighting_counts counts = {0};

    for (size_t i = 0; i < sightings->count; i++) {
        const struct sighting *sighting = &sightings->items[i];
        if (sighting->outcome != OUTCOME_SHOWN) {
            ++*(sighting->outcome == OUTCOME_FAILED ? &counts.failed : &counts.refused);
            continue;
        }
        uint64_t new = is_repeated(sightings, i) ? 0 : 1;
        switch (sighting->kind) {
        case CV_PERSON:
            counts.people += new;
            counts.reveals++;
            break;
        case CV_SERVICE:
            counts.services += new;
            counts.deliveries++;
            break;
        default:
            counts.others += new;
            counts.unknown++;
        }
    }
    return counts;
}

void
sightings_free(struct sightings *sightings)
{
    for (size_t i = 0; i < sightings->count; i++) {
        free_sighting(&sightings->items[i]);
    }
    free(sightings->items);
    *sightings = (struct sightings){0};
}
