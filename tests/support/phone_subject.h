/* SPDX-License-Identifier: Apache-2.0 */
/* phone_subject.h: contact_parse behind a door that C++ can open (contact.h is C only). */
#ifndef CONTACT_VAULT_PHONE_SUBJECT_H
#define CONTACT_VAULT_PHONE_SUBJECT_H

#ifdef __cplusplus
extern "C" {
#endif

enum { SUBJECT_TEXT_BYTES = 32 };

/* 1: accepted; 0: refused. Ends the program on any other status. */
int phone_subject_parse(const char *text, int wa_id, char ret_canonical[SUBJECT_TEXT_BYTES],
                        char ret_first_seen[SUBJECT_TEXT_BYTES]);

/* Nanoseconds that contact_parse takes, the scratch's wipe included. */
double phone_subject_ns(const char *const *texts, unsigned count);

#ifdef __cplusplus
}
#endif

#endif
