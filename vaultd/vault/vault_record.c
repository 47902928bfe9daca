/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_internal.h"

#include <assert.h>

#include "log.h"

/*
 * Header: version, suite, kind, flags (0), epoch u32, namespace id u32, token.
 * Inner:  size of the canonical form, size of the form first seen (0: the same), the two, zeros up
 * to a multiple of RECORD_PAD_BYTES.
 */
enum { RECORD_VERSION = 1, RECORD_SUITE_XCHACHA = 1, INNER_SIZES = 2 };

enum { ASSOCIATED_BYTES = VAULT_ID_BYTES + ROW_KEY_BYTES + RECORD_HEADER_BYTES };

static void
header_write(const struct record_header *header, uint8_t *to)
{
    to[0] = RECORD_VERSION;
    to[1] = RECORD_SUITE_XCHACHA;
    to[2] = (uint8_t)header->kind;
    to[3] = 0;
    put_u32(to + 4, header->epoch);
    put_u32(to + 8, header->namespace_id);
    memcpy(to + 12, header->token.bytes, TOKEN_BYTES);
}

enum status
vault_record_header(struct bytes record, struct record_header *ret_header)
{
    const uint8_t *at = record.data;

    if (record.size < RECORD_HEADER_BYTES + RECORD_PAD_BYTES + KEYRING_BOX_EXTRA ||
        record.size > RECORD_BYTES_MAX || at[0] != RECORD_VERSION ||
        at[1] != RECORD_SUITE_XCHACHA || at[3] != 0 ||
        (at[2] != CONTACT_PHONE && at[2] != CONTACT_EMAIL)) {
        return STATUS_CORRUPT;
    }
    ret_header->kind = (enum contact_kind)at[2];
    ret_header->epoch = get_u32(at + 4);
    ret_header->namespace_id = get_u32(at + 8);
    memcpy(ret_header->token.bytes, at + 12, TOKEN_BYTES);
    return STATUS_OK;
}

static struct bytes
associated_data(const struct vault *vault, uint64_t row, const uint8_t *header,
                uint8_t to[static ASSOCIATED_BYTES])
{
    memcpy(to, vault->vault_id, VAULT_ID_BYTES);
    put_u64(to + VAULT_ID_BYTES, row);
    memcpy(to + VAULT_ID_BYTES + ROW_KEY_BYTES, header, RECORD_HEADER_BYTES);
    return bytes_of(to, ASSOCIATED_BYTES);
}

static struct key_name
data_key(const struct record_header *header)
{
    return (struct key_name){KEY_DATA, header->namespace_id, header->epoch};
}

static size_t
inner_write(const struct contact *contact, uint8_t *inner)
{
    bool same = bytes_equal(contact->canonical, contact->first_seen);
    size_t first_seen_size = same ? 0 : contact->first_seen.size;
    size_t used = INNER_SIZES + contact->canonical.size + first_seen_size;
    size_t padded = (used + RECORD_PAD_BYTES - 1) / RECORD_PAD_BYTES * RECORD_PAD_BYTES;

    assert(contact->canonical.size > 0 && contact->canonical.size <= CONTACT_BYTES_MAX);
    assert(contact->first_seen.size <= CONTACT_BYTES_MAX);
    inner[0] = (uint8_t)contact->canonical.size;
    inner[1] = (uint8_t)first_seen_size;
    memcpy(inner + INNER_SIZES, contact->canonical.data, contact->canonical.size);
    if (!same) {
        memcpy(inner + INNER_SIZES + contact->canonical.size, contact->first_seen.data,
               first_seen_size);
    }
    memset(inner + used, 0, padded - used);
    return padded;
}

enum status
vault_record_seal(const struct vault *vault, const struct record_draft *draft, uint8_t *inner,
                  uint8_t *record, size_t *ret_size)
{
    uint8_t associated[ASSOCIATED_BYTES];
    size_t inner_size = inner_write(draft->contact, inner);
    enum status status;

    header_write(&draft->header, record);
    status = keyring_encrypt_with(vault->keyring, data_key(&draft->header), draft->nonce,
                                  associated_data(vault, draft->row, record, associated),
                                  bytes_of(inner, inner_size), record + RECORD_HEADER_BYTES);
    if (status == STATUS_OK) {
        *ret_size = RECORD_HEADER_BYTES + inner_size + KEYRING_BOX_EXTRA;
    }
    return status;
}

static enum status
inner_read(const uint8_t *inner, size_t size, struct contact *ret_contact)
{
    size_t canonical_size = inner[0];
    size_t first_seen_size = inner[1];

    if (canonical_size == 0 || INNER_SIZES + canonical_size + first_seen_size > size) {
        return STATUS_CORRUPT;
    }
    ret_contact->canonical = bytes_of(inner + INNER_SIZES, canonical_size);
    ret_contact->first_seen = first_seen_size == 0
                                  ? ret_contact->canonical
                                  : bytes_of(inner + INNER_SIZES + canonical_size, first_seen_size);
    return STATUS_OK;
}

enum status
vault_record_open(const struct vault *vault, uint64_t row, struct bytes record, uint8_t *inner,
                  struct record_header *ret_header, struct contact *ret_contact)
{
    uint8_t associated[ASSOCIATED_BYTES];
    struct record_header header;
    struct bytes box;
    enum status status = vault_record_header(record, &header);

    if (status == STATUS_OK) {
        box = bytes_of(record.data + RECORD_HEADER_BYTES, record.size - RECORD_HEADER_BYTES);
        status = keyring_decrypt(vault->keyring, data_key(&header),
                                 associated_data(vault, row, record.data, associated), box, inner);
        /* A header that names a key we do not have is as wrong as one that does not verify. */
        status = status == STATUS_NOT_FOUND ? STATUS_CORRUPT : status;
    }
    if (status == STATUS_OK) {
        status = inner_read(inner, box.size - KEYRING_BOX_EXTRA, ret_contact);
    }
    if (status != STATUS_OK) {
        LOG(LOG_LEVEL_ERROR, EVENT_RECORD_CORRUPT, F("row", row), F_STATUS("status", status));
        return status;
    }
    ret_contact->kind = header.kind;
    *ret_header = header;
    return STATUS_OK;
}
