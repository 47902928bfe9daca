/* SPDX-License-Identifier: Apache-2.0 */
#include "retry.h"

#include <string.h>

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
