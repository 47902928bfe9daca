/* SPDX-License-Identifier: Apache-2.0 */
/* What counts as an e-mail address, its canonical form, and what is said where it is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "contact_probe.h"

#define UE "\xc3\xbc"      /* ü */
#define UE_BIG "\xc3\x9c"  /* Ü */
#define E_ACUTE "\xc3\xa9" /* é */
#define ACUTE "\xcc\x81"   /* combining */

static void
taken(const char *text, const char *canonical, const char *first_seen)
{
    assert_taken(text, FORM_INTERNATIONAL, canonical, first_seen);
}

static void
refused(const char *text, const char *message)
{
    assert_refused(text, FORM_INTERNATIONAL, message);
}

static void
letter_case_is_folded(void **state)
{
    (void)state;
    taken("maria@example.com", "maria@example.com", "maria@example.com");
    taken("Maria@EXAMPLE.com", "maria@example.com", "Maria@example.com");
    taken("  MARIA@example.COM\r\n", "maria@example.com", "MARIA@example.com");
    assert_taken("Maria@example.com", FORM_WA_ID, "maria@example.com", "Maria@example.com");
}

static void
only_ascii_case_before_the_at(void **state)
{
    (void)state;
    taken("J" UE_BIG "RGEN@example.com", "j" UE_BIG "rgen@example.com",
          "J" UE_BIG "RGEN@example.com");
    taken("j" UE "rgen@example.com", "j" UE "rgen@example.com", "j" UE "rgen@example.com");
}

static void
dots_and_tags_are_kept_apart(void **state)
{
    (void)state;
    taken("ma.ria+shop@example.com", "ma.ria+shop@example.com", "ma.ria+shop@example.com");
    taken("!#$%&'*+-/=?^_`{|}~@example.com", "!#$%&'*+-/=?^_`{|}~@example.com",
          "!#$%&'*+-/=?^_`{|}~@example.com");
    taken("_@example.com", "_@example.com", "_@example.com");
}

static void
nfc_before_the_at(void **state)
{
    (void)state;
    taken("Ren" E_ACUTE "@example.com", "ren" E_ACUTE "@example.com", "Ren" E_ACUTE "@example.com");
    taken("Rene" ACUTE "@example.com", "ren" E_ACUTE "@example.com", "Ren" E_ACUTE "@example.com");
    /* NFC, not NFKC: a ligature stays one. */
    taken("\xef\xac\x81n@example.com", "\xef\xac\x81n@example.com", "\xef\xac\x81n@example.com");
    /* NFC makes ASCII of some: KELVIN SIGN is K, GREEK QUESTION MARK is a semicolon. */
    taken("\xe2\x84\xaa@example.com", "k@example.com", "K@example.com");
    refused("a\xcd\xbe@example.com", "a character before the @ that no address has, or a space");
}

static void
more_than_an_address(void **state)
{
    static const char name[] = "write the address alone, without name and < >";
    (void)state;
    refused("Maria <maria@example.com>", name);
    refused("<maria@example.com>", name);
    refused("mailto:maria@example.com", "leave out mailto:");
    refused("MAILTO:maria@example.com", "leave out mailto:");
    refused("maria@example.com, jo@example.com", "write one address");
    refused("maria@example.com;jo@example.com", "write one address");
    refused("maria@jo@example.com", "an address has one @");
    refused("maria@@example.com", "an address has one @");
    refused("\"maria lopez\"@example.com", "quoted addresses are not taken");
    refused("\"maria@home\"@example.com", "quoted addresses are not taken");
    refused("\"Maria\" <maria@example.com>", "quoted addresses are not taken");
}

static void
before_the_at(void **state)
{
    static const char character[] = "a character before the @ that no address has, or a space";
    static const char dots[] = "a dot before the @ needs something on both sides";
    (void)state;
    refused("@example.com", "nothing stands before the @");
    refused(".maria@example.com", dots);
    refused("maria.@example.com", dots);
    refused("ma..ria@example.com", dots);
    refused(".@example.com", dots);
    refused("maria lopez@example.com", character);
    refused("maria @example.com", character);
    refused("maria(home)@example.com", character);
    refused("maria:lopez@example.com", character);
    refused("maria\\@example.com", character);
    refused("[maria]@example.com", character);
    refused("maria\x7f@example.com", character);
    refused("maria\tlopez@example.com", character);
    refused("maria\xc2\xa0@example.com", character);     /* no-break space */
    refused("maria\xc2\x85@example.com", character);     /* next line */
    refused("maria\xe2\x80\xae@example.com", character); /* right-to-left override */
    refused("maria\xe2\x80\x8b@example.com", character); /* zero-width space */
    refused("maria\xef\xb8\x8f@example.com", character); /* variation selector */
    refused("maria\xe3\x85\xa4@example.com", character); /* Hangul filler */
    refused("maria\xee\x80\x80@example.com", character); /* private use */
    refused("maria\xcd\xb8@example.com", character);     /* U+0378, not assigned */
    refused("maria\xef\xbf\xbf@example.com", character); /* not a character */
    refused(ACUTE "maria@example.com", "an accent before the @ without its letter");
    refused("ma." ACUTE "ria@example.com", "an accent before the @ without its letter");
    refused("mar\xff@example.com", "not UTF-8");
    refused("mar\xed\xa0\x80@example.com", "not UTF-8"); /* a surrogate */
    refused("mar\xc0\xae@example.com", "not UTF-8");     /* an overlong dot */
}

static void
a_nul_byte_is_no_end(void **state)
{
    (void)state;
    struct probe probe = probe_contact(bytes_of("ma\0ria@example.com", 18), FORM_INTERNATIONAL);

    assert_int_equal(probe.status, STATUS_INVALID);
    assert_string_equal(probe.message, "a character before the @ that no address has, or a space");
    probe = probe_contact(bytes_of("maria@exam\0ple.com", 18), FORM_INTERNATIONAL);
    assert_int_equal(probe.status, STATUS_INVALID);
    assert_string_equal(probe.message, "a space or an invisible character in the domain");
}

static void
after_the_at(void **state)
{
    static const char characters[] = "a domain has only letters, digits, hyphens and dots";
    static const char dots[] = "a dot in the domain needs something on both sides";
    (void)state;
    refused("maria@", "nothing stands after the @");
    refused("@", "nothing stands before the @");
    refused("maria@localhost", "a domain has a dot, as in example.com");
    refused("maria@example.com.", "leave out the dot at the end");
    refused("maria@.example.com", dots);
    refused("maria@example..com", dots);
    refused("maria@[192.0.2.1]", "write a domain name: address literals are not taken");
    refused("maria@[IPv6:2001:db8::1]", "write a domain name: address literals are not taken");
    refused("maria@192.0.2.1", "a domain ends with a name, not a number");
    refused("maria@exam_ple.com", characters);
    refused("maria@exam!ple.com", characters);
    refused("maria@example.com/x", characters);
    refused("maria@example com", "a space or an invisible character in the domain");
    refused("maria@-example.com", "no part of a domain begins or ends with a hyphen");
    refused("maria@example-.com", "no part of a domain begins or ends with a hyphen");
    refused("maria@ab--cd.com", "no part of a domain has hyphens in places 3 and 4");
    taken("maria@a-b.c1.example", "maria@a-b.c1.example", "maria@a-b.c1.example");
    taken("maria@1.example", "maria@1.example", "maria@1.example");
}

static void
international_domains(void **state)
{
    static const char address[] = "maria@xn--bcher-kva.example";
    static const char no_name[] = "not an international domain name (IDNA 2008)";
    (void)state;
    taken("maria@b" UE "cher.example", address, address);
    taken("maria@B" UE_BIG "CHER.EXAMPLE", address, address);
    taken("maria@bu\xcc\x88"
          "cher.example",
          address, address); /* u and a diaeresis */
    taken("maria@xn--bcher-kva.example", address, address);
    taken("maria@XN--BCHER-KVA.Example", address, address);
    taken("maria@b" UE "cher\xe3\x80\x82"
          "example",
          address, address); /* ideographic full stop */
    /* Sharp s is a letter of its own in IDNA 2008. */
    taken("maria@stra\xc3\x9f"
          "e.example",
          "maria@xn--strae-oqa.example", "maria@xn--strae-oqa.example");
    refused("maria@STRA\xe1\xba\x9e"
            "E.example",
            "write the domain's sharp s in lower case");
    refused("maria@\xe2\x98\x83.example", no_name); /* a snowman */
    refused("maria@a\xe2\x89\xa0"
            "b.example",
            no_name); /* UTS 46 takes a not-equal sign */
    refused("maria@\xd7\x90_\xd7\x90.example", no_name);
    refused("maria@b" UE "_cher.example", no_name);
    refused("maria@xn--n3h.example", no_name); /* the same in disguise */
    refused("maria@xn--zzzzzzzz9999.example", no_name);
    refused("maria@xn--abc.example", no_name);
    refused("maria@\xcd\xb8.example", "a space or an invisible character in the domain");
    refused("maria@b" UE "\xc2\xad"
            "cher.example",
            "a space or an invisible character in the domain"); /* soft hyphen */
    refused("maria@a\xe2\x80\x8d"
            "b.example",
            no_name); /* a joiner out of its place */
    refused("maria@\xd7\x90"
            "a.example",
            "the domain mixes writing directions (RFC 5893)");
    refused("maria@" UE "-.example", no_name);
    refused("maria@" UE ".example.", "leave out the dot at the end");
    refused("maria@" UE ".example\xe3\x80\x82",
            "a dot in the domain needs something on both sides");
    refused("maria@" UE "..example", "a dot in the domain needs something on both sides");
    refused("maria@" UE, "a domain has a dot, as in example.com");
    /* libidn2 2.3.3 would drop the underscore and make it the address of somebody else. */
    refused("maria@a_b.b" UE "cher.example", "a domain has only letters, digits, hyphens and dots");
    refused("maria@a\xef\xbc\xbf"
            "b.b" UE "cher.example",
            "a domain has only letters, digits, hyphens and dots"); /* full-width underscore */
}

/* ---- lengths ---- */

static const char *
repeat(char *to, const char *part, size_t count)
{
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        memcpy(to + at, part, strlen(part));
        at += strlen(part);
    }
    to[at] = '\0';
    return to;
}

static void
lengths_before_the_at(void **state)
{
    char part[512], text[600];
    (void)state;

    (void)snprintf(text, sizeof text, "%s@example.com", repeat(part, "a", 64));
    taken(text, text, text);
    (void)snprintf(text, sizeof text, "%s@example.com", repeat(part, "a", 65));
    refused(text, "more than 64 bytes before the @");
    (void)snprintf(text, sizeof text, "%s@example.com", repeat(part, E_ACUTE, 32));
    taken(text, text, text);
    (void)snprintf(text, sizeof text, "%s@example.com", repeat(part, E_ACUTE, 33));
    refused(text, "more than 64 bytes before the @");
    /* U+0344 is twice as long in NFC, U+1D160 three times. */
    (void)snprintf(text, sizeof text, "a%s@example.com", repeat(part, "\xcd\x84", 31));
    refused(text, "more than 64 bytes before the @");
    (void)snprintf(text, sizeof text, "%s@example.com", repeat(part, "\xf0\x9d\x85\xa0", 16));
    refused(text, "more than 64 bytes before the @");
}

static void
lengths_after_the_at(void **state)
{
    char label[64], text[600];
    (void)state;

    (void)snprintf(text, sizeof text, "maria@%s.example", repeat(label, "a", 63));
    taken(text, text, text);
    (void)snprintf(text, sizeof text, "maria@%sa.example", label);
    refused(text, "more than 63 bytes between two dots of the domain");

    (void)snprintf(text, sizeof text, "a@%s.%s.%s.%.52s.example", label, label, label, label);
    assert_int_equal(strlen(text), CONTACT_BYTES_MAX);
    taken(text, text, text);
    (void)snprintf(text, sizeof text, "aa@%s.%s.%s.%.52s.example", label, label, label, label);
    refused(text, "an address has at most 254 bytes");
    /* Fits as it is written, but not in A-label form. */
    (void)snprintf(text, sizeof text, "aa@%.60s" UE ".example", label);
    refused(text, "the domain's IDNA form is too long");
    (void)snprintf(text, sizeof text, "aa@%s.%s.%s.%.44s" UE ".example", label, label, label,
                   label);
    refused(text, "an address has at most 254 bytes, in IDNA form too");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letter_case_is_folded),
        cmocka_unit_test(only_ascii_case_before_the_at),
        cmocka_unit_test(dots_and_tags_are_kept_apart),
        cmocka_unit_test(nfc_before_the_at),
        cmocka_unit_test(more_than_an_address),
        cmocka_unit_test(before_the_at),
        cmocka_unit_test(a_nul_byte_is_no_end),
        cmocka_unit_test(after_the_at),
        cmocka_unit_test(international_domains),
        cmocka_unit_test(lengths_before_the_at),
        cmocka_unit_test(lengths_after_the_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
