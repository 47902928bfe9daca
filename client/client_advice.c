/* SPDX-License-Identifier: Apache-2.0 */
/* PROTOCOL.md's "what to do", as a value that a program can switch on. */
#include "client_internal.h"

/* `returns`: there is a time at which it fits. */
static enum cv_advice
advice_on(enum cv_status status, bool outcome_unknown, bool returns)
{
    if (outcome_unknown) {
        return CV_LOOK;
    }
    switch (status) {
    case CV_OK:
        return CV_DONE;
    case CV_BUSY:
        return CV_RETRY;
    case CV_SEALED:
    case CV_FROZEN:
    case CV_UNAVAILABLE:
        return CV_HOLD;
    case CV_QUOTA:
        return returns ? CV_HOLD : CV_REFUSE;
    case CV_INVALID:
    case CV_TOO_LARGE:
    case CV_UNAUTHENTICATED:
    case CV_DENIED:
    case CV_NOT_FOUND:
    case CV_CONFLICT:
    case CV_EXPIRED:
    case CV_CORRUPT:
    case CV_INTERNAL:
    case CV_NO_SESSION:
    case CV_PENDING:
        break;
    }
    return CV_REFUSE;
}

enum cv_advice
cv_advice_of(const struct cv_reply *reply)
{
    return advice_on(reply->status, reply->outcome_unknown, reply->retry_after_s != 0);
}

/* Budgets are for the whole of a batch: an item never says QUOTA. */
enum cv_advice
cv_item_advice(const struct cv_item *item)
{
    return advice_on(item->status, item->outcome_unknown, false);
}
