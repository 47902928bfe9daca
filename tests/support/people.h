/* SPDX-License-Identifier: Apache-2.0 */
/*
 * people.h: persons of a test: each has her keys and her authenticator in this process, and goes
 * through the door that all go through: enrol_begin, enrol_confirm, login.
 */
#ifndef CONTACT_VAULT_PEOPLE_H
#define CONTACT_VAULT_PEOPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bounds.h"
#include "bytes.h"
#include "status.h"

struct caller;
struct fixture;

enum {
    PEOPLE_MAX = 80,
    PERSON_CODE_BYTES = 40,
};

struct person {
    uint32_t uid;
    char name[NAME_BYTES_MAX + 1];
    char code[PERSON_CODE_BYTES]; /* by which she enrols */
    uint8_t key[64];              /* Ed25519, secret half */
    uint8_t session_key[64];
    bool has_session; /* as far as she knows */
    uint8_t totp[TOTP_SECRET_BYTES];
    uint64_t step; /* the newest whose code she has given */
    char recovery[RECOVERY_CODES][PERSON_CODE_BYTES];
    size_t recovery_used;
};

/* NULL: no person of this test has that uid. */
struct person *people_find(struct fixture *fixture, uint32_t uid);
/* Remembered, with the code she was invited with. */
struct person *people_invite(struct fixture *fixture, const char *name, uint32_t uid,
                             struct bytes code);
/* With the code of the step before the present one. */
enum status people_enrol(struct fixture *fixture, struct person *person);
enum status people_enrol_begin(struct caller *caller, struct person *person,
                               uint8_t ret_instance[static INSTANCE_ID_BYTES],
                               uint8_t ret_nonce[static NONCE_BYTES]);

/* HELLO and PROVE with that secret key; the prover says to be of the caller's uid. */
enum status people_prove(struct caller *caller, const uint8_t key[static 64]);
/* One login, on a connection that is known already: of a fresh key, which becomes her session_key,
 * signed by that secret key. */
enum status people_ask_for_session(struct caller *caller, struct person *person,
                                   const uint8_t signer[static 64], const char *factor);
/* By her own key, then a session of a fresh key, with the factor given. */
enum status people_log_in_with(struct caller *caller, struct person *person, const char *factor);
/* The same with the next code that is good: of a step not used yet, else a recovery code. */
enum status people_log_in(struct caller *caller, struct person *person);
/* The six digits of that step, with their NUL. */
void people_code(const struct person *person, uint64_t step, char ret_code[static 7]);
uint64_t people_now_step(void);
/* Whose session is over logs in again, now and not when the log is being looked at. Of who is no
 * person: nothing. */
void people_present(struct caller *caller);
/* In her session, made anew where there is none that is live. */
enum status people_hello(struct caller *caller, struct person *person);

#endif
