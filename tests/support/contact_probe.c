/* SPDX-License-Identifier: Apache-2.0 */
#include "contact_probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "scratch.h"

struct probe
probe_contact(struct bytes text, enum contact_form form)
{
    struct scratch *scratch;
    struct contact contact = {0};
    struct contact_fault fault = {{0}};
    struct probe probe = {0};

    assert_int_equal(scratch_new(&scratch), STATUS_OK);
    probe.status = contact_parse(text, form, scratch, &contact, &fault);
    memcpy(probe.message, fault.text, sizeof probe.message);
    if (probe.status == STATUS_OK) {
        assert_in_range(contact.canonical.size, 1, CONTACT_BYTES_MAX);
        assert_in_range(contact.first_seen.size, 1, CONTACT_BYTES_MAX);
        memcpy(probe.canonical, contact.canonical.data, contact.canonical.size);
        memcpy(probe.first_seen, contact.first_seen.data, contact.first_seen.size);
        probe.kind = contact.kind;
        contact_mask(contact.kind, contact.canonical, scratch, probe.mask);
    }
    scratch_free(&scratch);
    return probe;
}

void
assert_taken(const char *text, enum contact_form form, const char *canonical,
             const char *first_seen)
{
    struct probe probe = probe_contact(bytes_of_text(text), form);

    if (probe.status != STATUS_OK) {
        fail_msg("%s: refused: %s", text, probe.message);
    }
    assert_string_equal(probe.canonical, canonical);
    assert_string_equal(probe.first_seen, first_seen);
    assert_int_equal(probe.kind, strchr(canonical, '@') ? CONTACT_EMAIL : CONTACT_PHONE);
}

void
assert_refused(const char *text, enum contact_form form, const char *message)
{
    struct probe probe = probe_contact(bytes_of_text(text), form);

    if (probe.status != STATUS_INVALID || strcmp(probe.message, message) != 0) {
        fail_msg("%s: status %d, \"%s\", expected \"%s\"", text, probe.status, probe.message,
                 message);
    }
}

void
assert_mask(const char *text, const char *mask)
{
    struct probe probe = probe_contact(bytes_of_text(text), FORM_INTERNATIONAL);

    if (probe.status != STATUS_OK) {
        fail_msg("%s: refused: %s", text, probe.message);
    }
    assert_string_equal(probe.mask, mask);
}
