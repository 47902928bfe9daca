/* SPDX-License-Identifier: Apache-2.0 */
#include "audit_checkpoint.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "audit_entry.h"

static const uint8_t message_domain[] = "contact-vault checkpoint 1"; /* without its NUL */
static const char line_domain[] = "contact-vault-checkpoint 1";

enum { MESSAGE_DOMAIN_BYTES = sizeof message_domain - 1, DECIMAL_DIGITS_MAX = 20 };

_Static_assert(MESSAGE_DOMAIN_BYTES == 26, "as published");
_Static_assert((int)SIGNATURE_BYTES == (int)crypto_sign_BYTES &&
                   (int)PUBLIC_KEY_BYTES == (int)crypto_sign_PUBLICKEYBYTES,
               "Ed25519");

void
audit_checkpoint_of(const uint8_t vault_id[static 16], const struct audit_entry *entry,
                    struct bytes bytes, struct audit_checkpoint *ret_checkpoint)
{
    *ret_checkpoint = (struct audit_checkpoint){
        .act = entry->operation,
        .sequence = entry->sequence,
        .time_ms = entry->time_ms,
        .changes = entry->changes,
    };
    memcpy(ret_checkpoint->vault_id, vault_id, sizeof ret_checkpoint->vault_id);
    memcpy(ret_checkpoint->instance_id, entry->instance_id, INSTANCE_ID_BYTES);
    memcpy(ret_checkpoint->signature, entry->signature, SIGNATURE_BYTES);
    audit_entry_unsigned_digest(bytes, ret_checkpoint->digest);
}

/* ---- what is signed ---- */

static uint8_t *
put(uint8_t *to, const uint8_t *from, size_t size)
{
    memcpy(to, from, size);
    return to + size;
}

void
audit_checkpoint_message(const struct audit_checkpoint *checkpoint,
                         uint8_t ret_message[static AUDIT_CHECKPOINT_MESSAGE_BYTES])
{
    uint8_t *at = put(ret_message, message_domain, MESSAGE_DOMAIN_BYTES);

    at = put(at, checkpoint->vault_id, sizeof checkpoint->vault_id);
    at = put(at, checkpoint->instance_id, sizeof checkpoint->instance_id);
    put_u32(at, checkpoint->act);
    put_u64(at + 4, checkpoint->sequence);
    put_u64(at + 12, checkpoint->time_ms);
    at = put(at + 20, checkpoint->digest, sizeof checkpoint->digest);
    put_u64(at, checkpoint->changes);
}

bool
audit_checkpoint_holds(const struct audit_checkpoint *checkpoint,
                       const uint8_t public_key[static PUBLIC_KEY_BYTES])
{
    uint8_t message[AUDIT_CHECKPOINT_MESSAGE_BYTES];

    audit_checkpoint_message(checkpoint, message);
    return crypto_sign_verify_detached(checkpoint->signature, message, sizeof message,
                                       public_key) == 0;
}

bool
audit_checkpoint_same(const struct audit_checkpoint *a, const struct audit_checkpoint *b)
{
    uint8_t message_a[AUDIT_CHECKPOINT_MESSAGE_BYTES], message_b[AUDIT_CHECKPOINT_MESSAGE_BYTES];

    audit_checkpoint_message(a, message_a);
    audit_checkpoint_message(b, message_b);
    return memcmp(message_a, message_b, sizeof message_a) == 0 &&
           memcmp(a->signature, b->signature, SIGNATURE_BYTES) == 0;
}

/* ---- the line ---- */

size_t
audit_checkpoint_print(const struct audit_checkpoint *checkpoint,
                       char ret_line[static AUDIT_CHECKPOINT_LINE_MAX])
{
    char vault[2 * sizeof checkpoint->vault_id + 1];
    char instance[2 * sizeof checkpoint->instance_id + 1];
    char digest[2 * sizeof checkpoint->digest + 1];
    char signature[2 * sizeof checkpoint->signature + 1];
    int size;

    (void)sodium_bin2hex(vault, sizeof vault, checkpoint->vault_id, sizeof checkpoint->vault_id);
    (void)sodium_bin2hex(instance, sizeof instance, checkpoint->instance_id,
                         sizeof checkpoint->instance_id);
    (void)sodium_bin2hex(digest, sizeof digest, checkpoint->digest, sizeof checkpoint->digest);
    (void)sodium_bin2hex(signature, sizeof signature, checkpoint->signature,
                         sizeof checkpoint->signature);
    size = snprintf(ret_line, AUDIT_CHECKPOINT_LINE_MAX,
                    "%s %s %s %" PRIu32 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %s %s\n", line_domain,
                    vault, instance, checkpoint->act, checkpoint->sequence, checkpoint->time_ms,
                    checkpoint->changes, digest, signature);
    return (size_t)size;
}

/* What is left of a line to be read. */
struct reading {
    struct bytes rest;
    bool bad;
};

/* The next word, behind one blank. */
static struct bytes
next_word(struct reading *reading)
{
    const uint8_t *end;
    struct bytes word;

    if (reading->rest.size == 0 || reading->rest.data[0] != ' ') {
        reading->bad = true;
        return (struct bytes){0};
    }
    word = bytes_of(reading->rest.data + 1, reading->rest.size - 1);
    end = word.size == 0 ? NULL : memchr(word.data, ' ', word.size);
    word.size = end == NULL ? word.size : (size_t)(end - word.data);
    reading->rest =
        bytes_of(reading->rest.data + 1 + word.size, reading->rest.size - 1 - word.size);
    return word;
}

static void
read_hex(struct reading *reading, uint8_t *to, size_t size)
{
    struct bytes word = next_word(reading);
    size_t decoded = 0;

    if (word.size != 2 * size ||
        sodium_hex2bin(to, size, (const char *)word.data, word.size, NULL, &decoded, NULL) != 0) {
        reading->bad = true;
    }
}

static uint64_t
read_number(struct reading *reading)
{
    struct bytes word = next_word(reading);
    uint64_t number = 0;

    reading->bad |= word.size == 0 || word.size > DECIMAL_DIGITS_MAX;
    for (size_t i = 0; i < word.size && !reading->bad; i++) {
        unsigned digit = (unsigned)word.data[i] - '0';

        reading->bad = digit > 9;
        number = number * 10 + digit; /* what wraps is not written the same again */
    }
    return number;
}

bool
audit_checkpoint_peek(struct bytes line, uint64_t *ret_sequence)
{
    /* Where the act begins: behind the domain, vault_id and instance_id. */
    const size_t act = sizeof line_domain - 1 + 2 * (1 + 2 * (size_t)INSTANCE_ID_BYTES);
    struct reading reading = {.bad = false};

    if (line.size <= act || memcmp(line.data, line_domain, sizeof line_domain - 1) != 0) {
        return false;
    }
    reading.rest = bytes_of(line.data + act, line.size - act);
    (void)read_number(&reading);
    *ret_sequence = read_number(&reading);
    return !reading.bad;
}

bool
audit_checkpoint_peek_instance(struct bytes line, uint8_t ret_instance_id[static INSTANCE_ID_BYTES])
{
    /* Behind the domain and vault_id. */
    const size_t at = sizeof line_domain - 1 + 1 + 2 * (size_t)INSTANCE_ID_BYTES;
    struct reading reading = {.bad = line.size <= at};

    if (!reading.bad) {
        reading.rest = bytes_of(line.data + at, line.size - at);
        read_hex(&reading, ret_instance_id, INSTANCE_ID_BYTES);
    }
    return !reading.bad;
}

/* Read with little care, then written again: what is not the same bytes was no such line. */
bool
audit_checkpoint_parse(struct bytes line, struct audit_checkpoint *ret_checkpoint)
{
    char again[AUDIT_CHECKPOINT_LINE_MAX];
    struct audit_checkpoint checkpoint;
    struct reading reading = {.bad = false};
    size_t domain = sizeof line_domain - 1;

    if (line.size <= domain || line.size >= sizeof again ||
        memcmp(line.data, line_domain, domain) != 0) {
        return false;
    }
    reading.rest = bytes_of(line.data + domain, line.size - domain);
    read_hex(&reading, checkpoint.vault_id, sizeof checkpoint.vault_id);
    read_hex(&reading, checkpoint.instance_id, sizeof checkpoint.instance_id);
    checkpoint.act = (uint32_t)read_number(&reading);
    checkpoint.sequence = read_number(&reading);
    checkpoint.time_ms = read_number(&reading);
    checkpoint.changes = read_number(&reading);
    read_hex(&reading, checkpoint.digest, sizeof checkpoint.digest);
    read_hex(&reading, checkpoint.signature, sizeof checkpoint.signature);
    if (reading.bad || checkpoint.sequence == 0 ||
        audit_checkpoint_print(&checkpoint, again) != line.size + 1 ||
        memcmp(again, line.data, line.size) != 0) {
        return false;
    }
    *ret_checkpoint = checkpoint;
    return true;
}
