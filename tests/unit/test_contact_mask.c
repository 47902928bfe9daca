/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent may see of a contact. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "contact_probe.h"
#include "scratch.h"

static void
phones_show_code_and_two_digits(void **state)
{
    (void)state;
    assert_mask("+39 312 345 6767", "+39 ••• ••• ••67");
    assert_mask("+44 20 7946 0958", "+44 ••• ••• ••58");
    assert_mask("+1 202 555 0100", "+1 ••• ••• ••00");
    assert_mask("+353 1 234 5678", "+353 ••• ••• ••78");
    /* Every length has the same shape. */
    assert_mask("+49 30 1234", "+49 ••• ••• ••34");
    assert_mask("+49 1512 3456789", "+49 ••• ••• ••89");
}

static void
small_plans_show_no_digits(void **state)
{
    (void)state;
    assert_mask("+290 22158", "+290 ••• ••• ••••"); /* Saint Helena */
    assert_mask("+683 7012", "+683 ••• ••• ••••");  /* Niue */
    assert_mask("+354 410 1234", "+354 ••• ••• ••••");
    /* Just above a hundred thousand for each ending. */
    assert_mask("+689 40 412345", "+689 ••• ••• ••45");
}

static void
folded_numbers_share_a_mask(void **state)
{
    (void)state;
    assert_mask("+55 11 6123 4567", "+55 ••• ••• ••67");
    assert_mask("+55 11 96123 4567", "+55 ••• ••• ••67");
    assert_mask("+52 1 222 123 4567", "+52 ••• ••• ••67");
    assert_mask("+52 222 123 4567", "+52 ••• ••• ••67");
}

static void
addresses_show_two_letters_and_the_suffix(void **state)
{
    (void)state;
    assert_mask("maria@gardens.com", "m•••@g•••.com");
    assert_mask("Maria@GARDENS.com", "m•••@g•••.com");
    assert_mask("m@g.com", "m•••@g•••.com");
    assert_mask("maria@mail.gardens.co.uk", "m•••@m•••.co.uk");
    assert_mask("maria@gardens.github.io", "m•••@g•••.github.io");
    assert_mask("+1@9.example", "+•••@9•••.example");
}

static void
suffixes_under_no_rule(void **state)
{
    (void)state;
    assert_mask("maria@shop.gardens.test", "m•••@s•••.test");
    /* The domain is a public suffix itself. */
    assert_mask("maria@co.uk", "m•••@c•••.uk");
    assert_mask("maria@github.io", "m•••@g•••.io");
    /* A wildcard rule, and its exception. */
    assert_mask("maria@gardens.anything.ck", "m•••@g•••.anything.ck");
    assert_mask("maria@www.ck", "m•••@w•••.ck");
}

static void
international_names_are_shown_as_read(void **state)
{
    (void)state;
    assert_mask("maria@bücher.example", "m•••@b•••.example");
    assert_mask("maria@öl.example", "m•••@ö•••.example");
    assert_mask("maria@xn--tda.example", "m•••@ü•••.example");
    assert_mask("élan@example.com", "é•••@e•••.com");
    assert_mask("maria@garden.公司.cn", "m•••@g•••.公司.cn");
    assert_mask("почта@сад.рф", "п•••@с•••.рф");
    assert_mask("𐍈@example.com", "𐍈•••@e•••.com");
}

static void
a_long_suffix_still_fits(void **state)
{
    char text[300], mask[MASK_BYTES_MAX + 1], label[64];
    (void)state;

    memset(label, 'a', 63);
    label[63] = '\0';
    (void)snprintf(text, sizeof text, "maria@example.%s", label);
    (void)snprintf(mask, sizeof mask, "m•••@e•••.%s", label);
    assert_mask(text, mask);

    /* Forty-five times one Chinese character: 135 bytes as read, shown in A-label form. */
    size_t at = (size_t)snprintf(text, sizeof text, "maria@example.");
    for (int i = 0; i < 45; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at, "公");
    }
    struct probe probe = probe_contact(bytes_of_text(text), FORM_INTERNATIONAL);
    assert_int_equal(probe.status, STATUS_OK);
    (void)snprintf(mask, sizeof mask, "m•••@e•••.%s", strrchr(probe.canonical, '.') + 1);
    assert_non_null(strstr(mask, ".xn--"));
    assert_string_equal(probe.mask, mask);
}

static void
no_room_shows_nothing(void **state)
{
    struct scratch *scratch;
    char mask[MASK_BYTES_MAX + 1];
    (void)state;

    assert_int_equal(scratch_new(&scratch), STATUS_OK);
    while (scratch_alloc(scratch, SCRATCH_FIRST_BYTES) != NULL) {
    }
    while (scratch_alloc(scratch, 1) != NULL) {
    }
    contact_mask(CONTACT_EMAIL, bytes_of_text("maria@example.com"), scratch, mask);
    assert_string_equal(mask, "•••@•••");
    contact_mask(CONTACT_PHONE, bytes_of_text("+442079460958"), scratch, mask);
    assert_string_equal(mask, "+44 ••• ••• ••58");

    struct contact contact;
    struct contact_fault fault;
    assert_int_equal(contact_parse(bytes_of_text("maria@example.com"), FORM_INTERNATIONAL, scratch,
                                   &contact, &fault),
                     STATUS_INTERNAL);
    assert_int_equal(contact_parse(bytes_of_text("+442079460958"), FORM_INTERNATIONAL, scratch,
                                   &contact, &fault),
                     STATUS_INTERNAL);
    scratch_free(&scratch);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(phones_show_code_and_two_digits),
        cmocka_unit_test(small_plans_show_no_digits),
        cmocka_unit_test(folded_numbers_share_a_mask),
        cmocka_unit_test(addresses_show_two_letters_and_the_suffix),
        cmocka_unit_test(suffixes_under_no_rule),
        cmocka_unit_test(international_names_are_shown_as_read),
        cmocka_unit_test(a_long_suffix_still_fits),
        cmocka_unit_test(no_room_shows_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
