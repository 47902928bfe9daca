/* SPDX-License-Identifier: Apache-2.0 */
#include "status.h"

static const char *const names[STATUS_COUNT] = {
    [STATUS_OK] = "ok",
    [STATUS_INVALID] = "invalid",
    [STATUS_TOO_LARGE] = "too_large",
    [STATUS_UNAUTHENTICATED] = "unauthenticated",
    [STATUS_DENIED] = "denied",
    [STATUS_QUOTA] = "quota",
    [STATUS_NOT_FOUND] = "not_found",
    [STATUS_CONFLICT] = "conflict",
    [STATUS_EXPIRED] = "expired",
    [STATUS_SEALED] = "sealed",
    [STATUS_BUSY] = "busy",
    [STATUS_UNAVAILABLE] = "unavailable",
    [STATUS_CORRUPT] = "corrupt",
    [STATUS_INTERNAL] = "internal",
    [STATUS_FROZEN] = "frozen",
    [STATUS_NO_SESSION] = "no_session",
    [STATUS_PENDING] = "pending",
};

const char *
status_name(enum status status)
{
    return (unsigned)status < STATUS_COUNT ? names[status] : "unknown";
}
