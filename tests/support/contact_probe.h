/* SPDX-License-Identifier: Apache-2.0 */
/* contact_probe.h: one text in, the exact outcome out, for the tests of contact/. */
#ifndef CONTACT_VAULT_CONTACT_PROBE_H
#define CONTACT_VAULT_CONTACT_PROBE_H

#include "contact.h"

/* What contact_parse said, copied out of the scratch. */
struct probe {
    enum status status;
    enum contact_kind kind;
    char canonical[CONTACT_BYTES_MAX + 1];
    char first_seen[CONTACT_BYTES_MAX + 1];
    char message[MESSAGE_BYTES_MAX];
    char mask[MASK_BYTES_MAX + 1]; /* of the canonical form */
};

struct probe probe_contact(struct bytes text, enum contact_form form);

/* Each fails the test with the text if the outcome is another. */
void assert_taken(const char *text, enum contact_form form, const char *canonical,
                  const char *first_seen);
void assert_refused(const char *text, enum contact_form form, const char *message);
void assert_mask(const char *text, const char *mask);

#endif
