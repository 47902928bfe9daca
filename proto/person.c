/* SPDX-License-Identifier: Apache-2.0 */
#include "person.h"

#include <assert.h>
#include <string.h>

size_t
enrol_transcript(const struct enrolment *enrolment,
                 uint8_t ret_transcript[static ENROL_TRANSCRIPT_BYTES_MAX])
{
    uint8_t *at = ret_transcript;

    assert(enrolment->name.size <= NAME_BYTES_MAX);
    at = (uint8_t *)mempcpy(at, ENROL_CONTEXT, ENROL_CONTEXT_BYTES);
    at = (uint8_t *)mempcpy(at, enrolment->instance_id, INSTANCE_ID_BYTES);
    at = (uint8_t *)mempcpy(at, enrolment->nonce, NONCE_BYTES);
    at = (uint8_t *)mempcpy(at, enrolment->public_key, PUBLIC_KEY_BYTES);
    put_u32(at, enrolment->uid);
    at += 4;
    *at++ = (uint8_t)enrolment->name.size;
    at = (uint8_t *)mempcpy(at, enrolment->name.data, enrolment->name.size);
    return (size_t)(at - ret_transcript);
}

void
session_transcript(const struct session_certificate *certificate,
                   uint8_t ret_transcript[static SESSION_TRANSCRIPT_BYTES])
{
    uint8_t *at = ret_transcript;

    at = (uint8_t *)mempcpy(at, SESSION_CONTEXT, SESSION_CONTEXT_BYTES);
    at = (uint8_t *)mempcpy(at, certificate->instance_id, INSTANCE_ID_BYTES);
    at = (uint8_t *)mempcpy(at, certificate->connection, CONNECTION_ID_BYTES);
    (void)memcpy(at, certificate->session_key, PUBLIC_KEY_BYTES);
}
