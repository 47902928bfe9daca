/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiled by must_not_compile.sh, once for each WITH_...: refused as it stands, and taken with
 * AS_NUMBER, where the same line hands over a number in place of the other thing.
 */
#include "bytes.h"
#include "log.h"

#ifdef AS_NUMBER
#define INSTEAD(refused, number) number
#else
#define INSTEAD(refused, number) refused
#endif
#define SAY(refused, number) LOG(LOG_LEVEL_INFO, EVENT_STARTED, F("x", INSTEAD(refused, number)))

struct contact;

struct things {
    const char *text;
    char *writable;
    const void *data;
    struct bytes view;
    uint8_t token[16];
    const struct contact *contact;
    double ratio;
};

void log_things(const struct things *things);

void
log_things(const struct things *things)
{
    (void)things;
#if defined(WITH_LITERAL)
    SAY("text", sizeof "text");
#elif defined(WITH_TEXT)
    SAY(things->text, strlen(things->text));
#elif defined(WITH_WRITABLE_TEXT)
    SAY(things->writable, strlen(things->writable));
#elif defined(WITH_POINTER)
    SAY(things->data, things->data != NULL);
#elif defined(WITH_BYTES)
    SAY(things->view, things->view.size);
#elif defined(WITH_BYTES_DATA)
    SAY(things->view.data, things->view.size);
#elif defined(WITH_ARRAY)
    SAY(things->token, sizeof things->token);
#elif defined(WITH_CONTACT)
    SAY(things->contact, things->contact != NULL);
#elif defined(WITH_LETTER)
    SAY(*things->text, (int)*things->text);
#elif defined(WITH_RATIO)
    SAY(things->ratio, (int)things->ratio);
#elif defined(WITH_NAME)
    LOG(LOG_LEVEL_INFO, EVENT_STARTED, F(INSTEAD(things->text, "x"), 1)); /* a name is a literal */
#elif defined(WITH_STATUS_NAME)
    LOG(LOG_LEVEL_INFO, EVENT_STARTED, F_STATUS(INSTEAD(things->text, "x"), STATUS_OK));
#elif defined(AS_NUMBER)
    (void)memcpy((char[4]){0}, things->token, 4); /* what is allowed in place of the poisoned */
#elif defined(WITH_PRINTF)
    printf("x");
#elif defined(WITH_COPY)
    strcpy((char[4]){0}, things->text);
#else
#error "which of them?"
#endif
}
