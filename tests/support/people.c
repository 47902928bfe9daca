/* SPDX-License-Identifier: Apache-2.0 */
#include "people.h"

#include <assert.h>
#include <liboath/oath.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "fixture.h"
#include "hello.h"
#include "person.h"
#include "totp.h"

/* ---- who there is ---- */

struct person *
people_find(struct fixture *fixture, uint32_t uid)
{
    for (size_t i = 0; i < fixture->people_count; i++) {
        if (fixture->people[i].uid == uid) {
            return &fixture->people[i];
        }
    }
    return NULL;
}

struct person *
people_invite(struct fixture *fixture, const char *name, uint32_t uid, struct bytes code)
{
    struct person *person = people_find(fixture, uid);

    if (person == NULL) {
        assert(fixture->people_count < PEOPLE_MAX);
        person = &fixture->people[fixture->people_count++];
        *person = (struct person){.uid = uid};
        (void)snprintf(person->name, sizeof person->name, "%s", name);
    }
    assert(code.size < sizeof person->code);
    memcpy(person->code, code.data, code.size);
    person->code[code.size] = '\0';
    return person;
}

/* ---- codes ---- */

uint64_t
people_now_step(void)
{
    return clock_wall_ms() / TOTP_STEP_MS;
}

void
people_code(const struct person *person, uint64_t step, char ret_code[static 7])
{
    int failed = oath_hotp_generate((const char *)person->totp, TOTP_SECRET_BYTES, step,
                                    TOTP_DIGITS, false, OATH_HOTP_DYNAMIC_TRUNCATION, ret_code);

    assert(failed == OATH_OK);
}

/* ---- enrolling ---- */

static void
take_bytes(const struct caller *caller, enum field field, uint8_t *to, size_t size)
{
    struct bytes found = {0};
    bool present = message_bytes(caller->reply, field, &found);

    assert(present && found.size == size);
    memcpy(to, found.data, size);
}

static void
take_recovery(const struct caller *caller, struct person *person)
{
    const struct message_list *codes = NULL;
    bool present = message_list(caller->reply, FIELD_CODES, &codes);

    assert(present && message_list_count(codes) == RECOVERY_CODES);
    person->recovery_used = 0;
    for (size_t i = 0; i < RECOVERY_CODES; i++) {
        struct bytes code = message_list_bytes(codes, i);

        assert(code.size < PERSON_CODE_BYTES);
        memcpy(person->recovery[i], code.data, code.size);
        person->recovery[i][code.size] = '\0';
    }
}

enum status
people_enrol_begin(struct caller *caller, struct person *person,
                   uint8_t ret_instance[static INSTANCE_ID_BYTES],
                   uint8_t ret_nonce[static NONCE_BYTES])
{
    uint8_t public_key[PUBLIC_KEY_BYTES];
    enum status status;

    (void)crypto_sign_keypair(public_key, person->key);
    caller_begin(caller, OP_ENROL_BEGIN, 3);
    message_put_text(&caller->request, FIELD_CODE, person->code);
    message_put_text(&caller->request, FIELD_NAME, person->name);
    message_put_bytes(&caller->request, FIELD_PUBLIC_KEY, bytes_of(public_key, sizeof public_key));
    status = caller_send(caller);
    if (status == STATUS_OK) {
        take_bytes(caller, FIELD_INSTANCE, ret_instance, INSTANCE_ID_BYTES);
        take_bytes(caller, FIELD_NONCE, ret_nonce, NONCE_BYTES);
        take_bytes(caller, FIELD_SECRET, person->totp, TOTP_SECRET_BYTES);
        take_recovery(caller, person);
    }
    return status;
}

static enum status
confirm(struct caller *caller, struct person *person, const uint8_t *instance, const uint8_t *nonce)
{
    uint8_t transcript[ENROL_TRANSCRIPT_BYTES_MAX];
    uint8_t signature[SIGNATURE_BYTES];
    char digits[TOTP_DIGITS + 1];
    const uint8_t *public_key = person->key + crypto_sign_SEEDBYTES;
    const struct enrolment enrolment = {
        .instance_id = instance,
        .nonce = nonce,
        .public_key = public_key,
        .uid = caller->peer.uid,
        .name = bytes_of_text(person->name),
    };
    size_t size = enrol_transcript(&enrolment, transcript);

    (void)crypto_sign_detached(signature, NULL, transcript, size, person->key);
    person->step = people_now_step() - 1;
    people_code(person, person->step, digits);
    caller_begin(caller, OP_ENROL_CONFIRM, 6);
    message_put_text(&caller->request, FIELD_CODE, person->code);
    message_put_text(&caller->request, FIELD_NAME, person->name);
    message_put_text(&caller->request, FIELD_FACTOR, digits);
    message_put_bytes(&caller->request, FIELD_PUBLIC_KEY, bytes_of(public_key, PUBLIC_KEY_BYTES));
    message_put_bytes(&caller->request, FIELD_SIGNATURE, bytes_of(signature, sizeof signature));
    message_put_uint(&caller->request, FIELD_UID, caller->peer.uid);
    return caller_send(caller);
}

enum status
people_enrol(struct fixture *fixture, struct person *person)
{
    struct caller caller;
    uint8_t instance[INSTANCE_ID_BYTES];
    uint8_t nonce[NONCE_BYTES];
    enum status status;

    caller_make(&caller, fixture, PEER_DATA, person->uid);
    status = people_enrol_begin(&caller, person, instance, nonce);
    if (status == STATUS_OK) {
        status = confirm(&caller, person, instance, nonce);
    }
    caller_remove(&caller);
    person->has_session = false;
    return status;
}

/* ---- coming in ---- */

enum status
people_prove(struct caller *caller, const uint8_t key[static 64])
{
    const uint8_t *public_key = key + crypto_sign_SEEDBYTES;
    const uint8_t client_nonce[NONCE_BYTES] = {3};
    uint8_t instance[INSTANCE_ID_BYTES];
    uint8_t vault_nonce[NONCE_BYTES];
    uint8_t transcript[HELLO_TRANSCRIPT_BYTES];
    uint8_t signature[SIGNATURE_BYTES];
    enum status status;

    caller_begin(caller, OP_HELLO, 3);
    message_put_uint(&caller->request, FIELD_VERSION, PROTOCOL_VERSION);
    message_put_bytes(&caller->request, FIELD_NONCE, bytes_of(client_nonce, NONCE_BYTES));
    message_put_bytes(&caller->request, FIELD_PUBLIC_KEY, bytes_of(public_key, PUBLIC_KEY_BYTES));
    status = caller_send(caller);
    if (status != STATUS_OK) {
        return status;
    }
    take_bytes(caller, FIELD_INSTANCE, instance, sizeof instance);
    take_bytes(caller, FIELD_NONCE, vault_nonce, sizeof vault_nonce);
    const struct hello hello = {
        .instance_id = instance,
        .public_key = public_key,
        .client_nonce = client_nonce,
        .vault_nonce = vault_nonce,
        .uid = caller->peer.uid,
    };
    hello_transcript(&hello, transcript);
    (void)crypto_sign_detached(signature, NULL, transcript, sizeof transcript, key);
    caller_begin(caller, OP_PROVE, 2);
    message_put_bytes(&caller->request, FIELD_SIGNATURE, bytes_of(signature, sizeof signature));
    message_put_uint(&caller->request, FIELD_UID, caller->peer.uid);
    return caller_send(caller);
}

enum status
people_ask_for_session(struct caller *caller, struct person *person,
                       const uint8_t signer[static 64], const char *factor)
{
    uint8_t public_key[PUBLIC_KEY_BYTES];
    uint8_t transcript[SESSION_TRANSCRIPT_BYTES];
    uint8_t signature[SIGNATURE_BYTES];
    const struct session_certificate certificate = {
        .instance_id = vault_instance_id(caller->fixture->vault),
        .connection = caller->peer.connection,
        .session_key = public_key,
    };

    (void)crypto_sign_keypair(public_key, person->session_key);
    session_transcript(&certificate, transcript);
    (void)crypto_sign_detached(signature, NULL, transcript, sizeof transcript, signer);
    caller_begin(caller, OP_LOGIN, 3);
    message_put_bytes(&caller->request, FIELD_PUBLIC_KEY, bytes_of(public_key, sizeof public_key));
    message_put_bytes(&caller->request, FIELD_SIGNATURE, bytes_of(signature, sizeof signature));
    message_put_text(&caller->request, FIELD_FACTOR, factor);
    return caller_send(caller);
}

enum status
people_log_in_with(struct caller *caller, struct person *person, const char *factor)
{
    enum status status = people_prove(caller, person->key);

    if (status == STATUS_OK) {
        status = people_ask_for_session(caller, person, person->key, factor);
    }
    person->has_session = status == STATUS_OK;
    return status;
}

enum status
people_log_in(struct caller *caller, struct person *person)
{
    uint64_t now = people_now_step();
    char digits[TOTP_DIGITS + 1];
    uint64_t next = person->step + 1 < now - 1 ? now - 1 : person->step + 1;

    if (next <= now + 1) {
        person->step = next;
        people_code(person, next, digits);
        return people_log_in_with(caller, person, digits);
    }
    assert(person->recovery_used < RECOVERY_CODES);
    return people_log_in_with(caller, person, person->recovery[person->recovery_used++]);
}

enum status
people_hello(struct caller *caller, struct person *person)
{
    enum status status = STATUS_UNAUTHENTICATED;

    if (person->has_session) {
        status = people_prove(caller, person->session_key);
    }
    return status == STATUS_UNAUTHENTICATED ? people_log_in(caller, person) : status;
}

void
people_present(struct caller *caller)
{
    struct person *person = people_find(caller->fixture, caller->peer.uid);
    uint64_t idle_s;

    if (person == NULL ||
        access_by_name(caller->fixture->access, bytes_of_text(person->name))->disabled) {
        return;
    }
    caller_begin(caller, OP_WHOAMI, 0);
    if (caller_send(caller) != STATUS_OK || !message_uint(caller->reply, FIELD_IDLE_S, &idle_s)) {
        (void)!people_hello(caller, person);
    }
}
