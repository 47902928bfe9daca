/* SPDX-License-Identifier: Apache-2.0 */
#include "retry.h"

#include <string.h>
#include <time.h>

enum {
    LOOK_MS = 300,
    FAILURES_MAX = 3, /* in a row, while it waits; each has waited its timeout already */
    NS_PER_MS = 1000000,
};

/* In the vault's words when a batch needs, or may have needed, more memory than it has. */
static const char short_of[] = "memory";

bool
retry_with_fewer(const struct cv_reply *reply)
{
    if (reply->status == CV_QUOTA) { /* one that will never hold so many says no time to wait */
        return reply->retry_after_s == 0;
    }
    return reply->status == CV_UNAVAILABLE && !reply->unreached &&
           strstr(reply->message, short_of) != NULL;
}

void
retry_rest(void)
{
    const struct timespec pause = {.tv_nsec = (long)LOOK_MS * NS_PER_MS};

    (void)nanosleep(&pause, NULL);
}

bool
retry_may_look_again(enum cv_status status, int *failures)
{
    if (status == CV_OK) {
        *failures = 0;
        return true;
    }
    return (status == CV_UNAVAILABLE || status == CV_BUSY) && ++*failures < FAILURES_MAX;
}
