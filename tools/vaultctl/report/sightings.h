/* SPDX-License-Identifier: Apache-2.0 */
/* sightings.h: every time that somebody was shown one contact, or was not. Pure. In memory: a row
 * and its texts for each time. */
#ifndef CONTACT_VAULT_SIGHTINGS_H
#define CONTACT_VAULT_SIGHTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "activity.h"
#include "contactvault.h"

enum outcome {
    OUTCOME_SHOWN,   /* on record, and nothing is known to have gone wrong then */
    OUTCOME_FAILED,  /* granted and on record, but it did not open */
    OUTCOME_REFUSED, /* by `status` */
};

struct sighting {
    uint64_t sequence, time_ms;
    char *principal, *namespace_name, *reason, *purpose, *ticket; /* empty where there is none */
    enum cv_principal_kind kind;                                  /* 0: not known any more */
    bool relayed;
    enum outcome outcome;
    enum cv_status status;
};

struct sightings {          /* all zeros: none yet */
    struct sighting *items; /* in the log's order */
    size_t count, capacity;
    bool lost; /* for want of memory: not whole */
};

/* How many of each. */
struct sighting_counts {
    uint64_t people, reveals;      /* persons, and times */
    uint64_t services, deliveries; /* the same of services */
    uint64_t others, unknown;      /* of principals that are not known any more */
    uint64_t failed, refused;
};

/* Entries of other operations than detokenize change nothing. In the order of the log. */
void sightings_add(struct sightings *sightings, const struct activity *known,
                   const struct cv_audit_entry *entry);
struct sighting_counts sightings_count(const struct sightings *sightings);
void sightings_free(struct sightings *sightings);

#endif
