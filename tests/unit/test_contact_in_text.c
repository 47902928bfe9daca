/* SPDX-License-Identifier: Apache-2.0 */
/* What may stand in a reason, and what looks like a contact there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "contact.h"

#define ADDRESS "an e-mail address"
#define NUMBER "a phone number"
#define TEN "ten digits in a row"

struct text {
    const char *text;
    const char *found; /* NULL: it may stand there */
};

static void
check_all(const struct text *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *found = contact_in_text(bytes_of_text(texts[i].text));

        if ((found == NULL) != (texts[i].found == NULL) ||
            (found != NULL && strcmp(found, texts[i].found) != 0)) {
            fail_msg("\"%s\": %s, not %s", texts[i].text, found == NULL ? "nothing" : found,
                     texts[i].found == NULL ? "nothing" : texts[i].found);
        }
    }
}

#define CHECK_ALL(texts) check_all(texts, sizeof(texts) / sizeof(texts)[0])

static void
what_people_write_as_a_reason(void **state)
{
    static const struct text texts[] = {
        {"", NULL},
        {"asked for a call back", NULL},
        {"ticket 4711", NULL},
        {"call back asked for in ticket 4711", NULL},
        {"request of 3 May", NULL},
        {"invoice 123456789", NULL},
        {"parcel 003456", NULL},
        {"room 12.004, floor 3", NULL},
        {"5 pcs @ 3.50EUR", NULL},
        {"5@3.50", NULL},
        {"meet @ 3pm. Then call", NULL},
        {"ask @anna", NULL},
        {"ask @anna.rossi", NULL},
        {"(@anna.rossi)", NULL},
        {"@anna.rossi asked", NULL},
        {"anna@shop said so", NULL},
        {"maria at example.com", NULL}, /* SECURITY S39: no proof against who hides one */
        {"see wiki.example.com/complaints", NULL},
        {"C++ 5.2 and +12 %, +39", NULL},
        {"+1 point, T+7, +123456", NULL},
        {"24/7, 100.000,00 EUR", NULL},
        {"phn_04hmasw9nf6yy0938ncgqxedabcd", NULL},
        {"\xe7\x94\xb5\xe8\xaf\x9d\xe5\x9b\x9e\xe8\xae\xbf", NULL},
    };

    (void)state;
    CHECK_ALL(texts);
}

static void
dates_and_tickets_are_no_numbers(void **state)
{
    static const struct text texts[] = {
        {"2026-11-30", NULL},
        {"2026-11-30 14:05", NULL},
        {"2026-11-30 14.05", NULL},
        {"30.11.2026 14.05", NULL},
        {"30/11/2026 and 1/12/2026", NULL},
        {"11/30/2026 1234", NULL},
        {"from 2026-11-30 2026-12-24", NULL},
        {"INC-20261130-12", NULL},
        {"20261130-12", NULL},
        {"INC-2026-001234", NULL},
        {"INC2026-001234", NULL},
        {"JIRA-123456789", NULL},
        {"INC0012345, CS001234567", NULL},
        {"complaint 12345678 of 2026-11-30", NULL},
        /* No day, no month, no year: no date. */
        {"2026-13-30 14.05", TEN},
        {"2026-11-32 14.05", TEN},
        {"2126-11-30 14.05", TEN},
        {"2026-11.30 14.05", TEN},
        {"2026 11 30 14 05", TEN},
        {"31.31.2026 14.05", TEN},
        {"20261330-12", TEN},
        {"INC-1826-001234", TEN},
        {"2026-001234", TEN},
        /* A date beside a number hides none of it. */
        {"2026-11-30 333 123 45 67", TEN},
        {"333 123 45 67 2026-11-30", TEN},
        {"2026113012", TEN},
        {"20261130123", TEN},
        {"INC-2026113012", TEN},
        /* Behind + or 00 a date is a number. */
        {"+20261130", NUMBER},
        {"+49 2026-11-30", NUMBER},
        {"0020261130", NUMBER},
    };

    (void)state;
    CHECK_ALL(texts);
}

static void
international_numbers(void **state)
{
    static const struct text texts[] = {
        {"+393331234567", NUMBER},
        {"call +39 333 123 4567 back", NUMBER},
        {"+39-333-1234567", NUMBER},
        {"+39.333.123.45.67", NUMBER},
        {"(+39) 333 1234567", NUMBER},
        {"+(39) 333/1234567", NUMBER},
        {"+ 39 333 1234567", NUMBER},
        {"tel.+393331234567", NUMBER},
        {"+1234567", NUMBER},
        {"+12 34 567", NUMBER},
        {"++1234567", NUMBER},
        {"+1 +1234567", NUMBER},
        {"0039 333 1234567", NUMBER},
        {"(0039)3331234567", NUMBER},
        {"tel.0039 333 1234567", NUMBER},
        {"001234567", NUMBER},
        {"00 12 34 567", NUMBER},
        {"INC-001234567", NUMBER},
        {"00123456", NULL},
        {"+123456", NULL},
    };

    (void)state;
    CHECK_ALL(texts);
}

static void
ten_digits_in_a_row(void **state)
{
    static const struct text texts[] = {
        {"3331234567", TEN},      {"333 123 45 67", TEN},       {"333-1234567", TEN},
        {"(333) 123-4567", TEN},  {"[333] 123.45.67", TEN},     {"333/1234567", TEN},
        {"0 333   1234567", TEN}, {"3 3 3 1 2 3 4 5 6 7", TEN}, {"wa393331234567", TEN},
        {"x3331234567x", TEN},    {"order 12345 - 67890", TEN}, {"333 123 456", NULL},
        {"333, 123 45 67", NULL}, {"333 or 123 45 67", NULL},
    };

    (void)state;
    CHECK_ALL(texts);
}

static void
addresses(void **state)
{
    static const struct text texts[] = {
        {"maria@example.com", ADDRESS},
        {"write to maria@example.com, please", ADDRESS},
        {"<maria@example.com>", ADDRESS},
        {"MARIA@EXAMPLE.COM", ADDRESS},
        {"maria.rossi+shop@mail.example.co.uk.", ADDRESS},
        {"_@example.com", ADDRESS},
        {"{x}@example.com", ADDRESS},
        {"\"maria rossi\"@example.com", ADDRESS},
        {"maria@ex-ample.it", ADDRESS},
        {"maria@3m.com", ADDRESS},
        {"maria@example.3m", ADDRESS},
        {"maria@xn--bcher-kva.example", ADDRESS},
        {"maria@b\xc3\xbc\x63her.de", ADDRESS},
        {"\xe7\x94\xa8\xe6\x88\xb7@\xe4\xbe\x8b\xe5\xad\x90.\xe5\xb9\xbf\xe5\x91\x8a", ADDRESS},
        {"\xe7\x94\xa8\xe6\x88\xb7@\xe4\xbe\x8b\xe5\xad\x90\xe3\x80\x82\xe5\xb9\xbf\xe5\x91\x8a",
         ADDRESS},
        {"maria @ example.com", ADDRESS},
        {"maria@ example.com", ADDRESS},
        {"a@b@example.com", ADDRESS},
        {"maria\xef\xbc\xa0"
         "example\xef\xbc\x8e"
         "com",
         ADDRESS},
        {"ma@10.0.0.1", NULL},
        {"ma@example.", NULL},
        {"ma@.com", NULL},
        {"ma@-", NULL},
        {"@", NULL},
        {"@@", NULL},
    };

    (void)state;
    CHECK_ALL(texts);
}

/* Digits of any script; marks that are not seen; whatever looks like a + or a dash. */
static void
in_any_script(void **state)
{
    static const struct text texts[] = {
        /* Arabic-Indic, extended, Devanagari, full-width, mathematical bold */
        {"\xd9\xa3\xd9\xa3\xd9\xa3\xd9\xa1\xd9\xa2\xd9\xa3\xd9\xa4\xd9\xa5\xd9\xa6\xd9\xa7", TEN},
        {"\xdb\xb3\xdb\xb3\xdb\xb3 \xdb\xb1\xdb\xb2\xdb\xb3 \xdb\xb4\xdb\xb5 \xdb\xb6\xdb\xb7",
         TEN},
        {"\xe0\xa5\xa9\xe0\xa5\xa9\xe0\xa5\xa9 1234567", TEN},
        {"\xef\xbc\x93\xef\xbc\x93\xef\xbc\x93\xef\xbc\x8d\xef\xbc\x91\xef\xbc\x92\xef\xbc\x93"
         "\xef\xbc\x94\xef\xbc\x95\xef\xbc\x96\xef\xbc\x97",
         TEN},
        {"\xef\xbc\x8b\xef\xbc\x93\xef\xbc\x99 333 1234", NUMBER},
        {"\xf0\x9d\x9f\x91\xf0\x9d\x9f\x91\xf0\x9d\x9f\x91 1234567", TEN},
        /* as an address book copies it, as a keyboard of symbols writes it */
        {"\xe2\x80\xaa+39\xc2\xa0"
         "333\xc2\xa0"
         "1234567\xe2\x80\xac",
         NUMBER},
        {"333\xe2\x80\x8b"
         "1234567",
         TEN},
        {"333\xe2\x80\x91"
         "123\xe2\x80\x93"
         "4567",
         TEN},
        {"333\xe2\x88\x92"
         "1234567",
         TEN},
        {"333\xc2\xb7"
         "1234567",
         TEN},
        {"\xef\xbc\x88"
         "333\xef\xbc\x89 1234567",
         TEN},
        {"3\xef\xb8\x8f\xe2\x83\xa3"
         "3\xef\xb8\x8f\xe2\x83\xa3"
         "31234567",
         TEN},
        {"mar\xc2\xad"
         "ia@exam\xe2\x80\x8bple.com",
         ADDRESS},
        /* and fewer */
        {"\xd9\xa3\xd9\xa3\xd9\xa3\xd9\xa1\xd9\xa2\xd9\xa3\xd9\xa4\xd9\xa5\xd9\xa6", NULL},
        {"\xd9\xa2\xd9\xa0\xd9\xa2\xd9\xa6-11-30 14.05", NULL},
        /* No UTF-8: the wire lets none in, and here it is a mark like another. */
        {"333\xff"
         "1234567",
         NULL},
        {"333 1234567\xc3", TEN},
    };

    (void)state;
    CHECK_ALL(texts);
}

/* Wherever it stands, and up to the last byte a reason may have. */
static void
anywhere_in_the_text(void **state)
{
    static const struct text contacts[] = {
        {"+39 333 1234", NUMBER}, {"333 123 45 67", TEN}, {"a@b.it", ADDRESS}};

    (void)state;
    for (size_t i = 0; i < sizeof contacts / sizeof contacts[0]; i++) {
        size_t size = strlen(contacts[i].text);

        for (size_t at = 0; at + size <= REASON_BYTES_MAX; at++) {
            char text[REASON_BYTES_MAX];

            memset(text, 'r', sizeof text);
            memset(text, ' ', at);
            memcpy(text + at, contacts[i].text, size);
            assert_string_equal(contact_in_text(bytes_of((uint8_t *)text, sizeof text)),
                                contacts[i].found);
            assert_null(contact_in_text(bytes_of((uint8_t *)text, at)));
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_people_write_as_a_reason),
        cmocka_unit_test(dates_and_tickets_are_no_numbers),
        cmocka_unit_test(international_numbers),
        cmocka_unit_test(ten_digits_in_a_row),
        cmocka_unit_test(addresses),
        cmocka_unit_test(in_any_script),
        cmocka_unit_test(anywhere_in_the_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
