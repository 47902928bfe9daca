/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled by must_not_compile.sh: as it stands, and with each of these, which must be refused. */
#include "log.h"

void log_pointer(const char *text, const void *data, double ratio);

void
log_pointer(const char *text, const void *data, double ratio)
{
    (void)text;
    (void)data;
    (void)ratio;
#if defined(WITH_LITERAL)
    LOG(LOG_LEVEL_INFO, EVENT_STARTED, F("x", "text"));
#elif defined(WITH_TEXT)
    LOG(LOG_LEVEL_INFO, EVENT_STARTED, F("x", text));
#elif defined(WITH_POINTER)
    LOG(LOG_LEVEL_INFO, EVENT_STARTED, F("x", data));
#elif defined(WITH_LETTER)
    LOG(LOG_LEVEL_INFO, EVENT_STARTED, F("x", *text));
#elif defined(WITH_RATIO)
    LOG(LOG_LEVEL_INFO, EVENT_STARTED, F("x", ratio));
#elif defined(WITH_NAME)
    LOG(LOG_LEVEL_INFO, EVENT_STARTED, F(text, 1)); /* a name is a literal */
#elif defined(WITH_STATUS_NAME)
    LOG(LOG_LEVEL_INFO, EVENT_STARTED, F_STATUS(text, STATUS_OK));
#elif defined(WITH_PRINTF)
    printf("%s", text);
#elif defined(WITH_COPY)
    char copy[4];
    strcpy(copy, text);
#else
    LOG(LOG_LEVEL_INFO, EVENT_STARTED, F("x", 1), F("y", sizeof ratio));
#endif
}
