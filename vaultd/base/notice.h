/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notice.h: what the operators are told at once, beside the log: names and numbers. There is no
 * field for a contact or a token, so none can be passed on.
 */
#ifndef CONTACT_VAULT_NOTICE_H
#define CONTACT_VAULT_NOTICE_H

#include <stdint.h>

#include "bytes.h"

enum notice_event {
    NOTICE_CANARY,        /* somebody opened a canary, or tried; number: the canary's */
    NOTICE_SUSPENDED,     /* and is disabled for it; number: the canary's */
    NOTICE_BUDGET,        /* a share of a day's budget is spent; number: percent */
    NOTICE_LOOKUP_MISSES, /* so many lookups within an hour found nothing; number: how many */
    NOTICE_REQUEST,       /* waits for a second admin; number: the request's */
    NOTICE_TEST,          /* somebody wants to know whether this arrives */
    NOTICE_EVENT_COUNT,
};

struct notice {
    enum notice_event event;
    struct bytes principal;      /* name; or absent */
    struct bytes namespace_name; /* or absent */
    uint64_t time_ms;            /* since 1970 */
    uint64_t number;
};

/* Never waits. Any thread. */
typedef void notice_teller(void *state, const struct notice *notice);

#endif
