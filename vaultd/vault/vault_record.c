/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_internal.h"

#include <assert.h>

#include "log.h"

/*
 * Header: version, suite, kind, flags (0), epoch u32, namespace id u32, token.
 * Inner:  size of the canonical form u8, created u32 (seconds since 2000), the canonical form, the
 * form first seen (nothing: the same), zeros up to a multiple of RECORD_PAD_BYTES. No contact holds
 * a zero, so the form first seen needs no size, and both forms of a number whose plan has two (a
 * Brazilian mobile) still fit into RECORD_PAD_BYTES.
 * Behind the tag: month of last use u16.
 */
enum { RECORD_VERSION = 2, RECORD_SUITE_XCHACHA = 1 };

enum { ASSOCIATED_BYTES = VAULT_ID_BYTES + ROW_KEY_BYTES + RECORD_HEADER_BYTES };

enum {
    RECORD_FIXED_BYTES = RECORD_HEADER_BYTES + KEYRING_BOX_EXTRA + RECORD_MONTH_BYTES,
    SECOND_MS = 1000,
    YEAR_2000_S = 946684800, /* 2000-01-01T00:00:00Z, since 1970 */
};

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

    if (record.size < RECORD_FIXED_BYTES + RECORD_PAD_BYTES || record.size > RECORD_BYTES_MAX ||
        (record.size - RECORD_FIXED_BYTES) % RECORD_PAD_BYTES != 0 || at[0] != RECORD_VERSION ||
        at[1] != RECORD_SUITE_XCHACHA || at[3] != 0 ||
        (at[2] != CONTACT_PHONE && at[2] != CONTACT_EMAIL)) {
        return STATUS_CORRUPT;
    }
    ret_header->kind = (enum contact_kind)at[2];
    ret_header->epoch = get_u32(at + 4);
    ret_header->namespace_id = get_u32(at + 8);
    memcpy(ret_header->token.bytes, at + 12, TOKEN_BYTES);
    ret_header->used_month = get_u16(at + record.size - RECORD_MONTH_BYTES);
    return STATUS_OK;
}

void
vault_record_set_month(uint8_t *record, size_t size, uint16_t month)
{
    put_u16(record + size - RECORD_MONTH_BYTES, month);
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

/* Before 2000 (a clock that was never set) is the first second, after 2136 the last. */
static uint32_t
seconds_of(uint64_t time_ms)
{
    uint64_t seconds = time_ms / SECOND_MS;

    if (seconds <= YEAR_2000_S) {
        return 0;
    }
    return seconds - YEAR_2000_S > UINT32_MAX ? UINT32_MAX : (uint32_t)(seconds - YEAR_2000_S);
}

static size_t
inner_write(const struct record_draft *draft, uint8_t *inner)
{
    struct bytes canonical = draft->contact->canonical;
    struct bytes first_seen = draft->contact->first_seen;
    uint8_t *at = inner + RECORD_INNER_HEAD_BYTES;
    size_t used;
    size_t padded;

    assert(canonical.size > 0 && canonical.size <= CONTACT_BYTES_MAX);
    assert(first_seen.size > 0 && first_seen.size <= CONTACT_BYTES_MAX);
    assert(memchr(canonical.data, 0, canonical.size) == NULL);
    assert(memchr(first_seen.data, 0, first_seen.size) == NULL);
    inner[0] = (uint8_t)canonical.size;
    put_u32(inner + 1, seconds_of(draft->created_ms));
    at = (uint8_t *)mempcpy(at, canonical.data, canonical.size);
    if (!bytes_equal(canonical, first_seen)) {
        at = (uint8_t *)mempcpy(at, first_seen.data, first_seen.size);
    }
    used = (size_t)(at - inner);
    padded = (used + RECORD_PAD_BYTES - 1) / RECORD_PAD_BYTES * RECORD_PAD_BYTES;
    memset(at, 0, padded - used);
    return padded;
}

enum status
vault_record_seal(const struct vault *vault, const struct record_draft *draft, uint8_t *inner,
                  uint8_t *record, size_t *ret_size)
{
    uint8_t associated[ASSOCIATED_BYTES];
    size_t inner_size = inner_write(draft, inner);
    size_t size = RECORD_FIXED_BYTES + inner_size;
    enum status status;

    header_write(&draft->header, record);
    status = keyring_encrypt_with(vault->keyring, data_key(&draft->header), draft->nonce,
                                  associated_data(vault, draft->row, record, associated),
                                  bytes_of(inner, inner_size), record + RECORD_HEADER_BYTES);
    if (status == STATUS_OK) {
        vault_record_set_month(record, size, draft->header.used_month);
        *ret_size = size;
    }
    return status;
}

static enum status
inner_read(const uint8_t *inner, size_t size, struct record_opened *ret_opened)
{
    const uint8_t *texts = inner + RECORD_INNER_HEAD_BYTES;
    size_t canonical_size = inner[0];
    struct contact *contact = &ret_opened->contact;

    while (size > 0 && inner[size - 1] == 0) {
        size--;
    }
    if (canonical_size == 0 || RECORD_INNER_HEAD_BYTES + canonical_size > size) {
        return STATUS_CORRUPT;
    }
    contact->canonical = bytes_of(texts, canonical_size);
    contact->first_seen =
        bytes_of(texts + canonical_size, size - RECORD_INNER_HEAD_BYTES - canonical_size);
    if (contact->first_seen.size == 0) {
        contact->first_seen = contact->canonical;
    }
    ret_opened->created_ms = ((uint64_t)get_u32(inner + 1) + YEAR_2000_S) * SECOND_MS;
    return STATUS_OK;
}

enum status
vault_record_open(const struct vault *vault, uint64_t row, struct bytes record, uint8_t *inner,
                  struct record_opened *ret_opened)
{
    uint8_t associated[ASSOCIATED_BYTES];
    struct record_opened opened;
    struct bytes box;
    enum status status = vault_record_header(record, &opened.header);

    if (status == STATUS_OK) {
        box = bytes_of(record.data + RECORD_HEADER_BYTES,
                       record.size - RECORD_HEADER_BYTES - RECORD_MONTH_BYTES);
        status = keyring_decrypt(vault->keyring, data_key(&opened.header),
                                 associated_data(vault, row, record.data, associated), box, inner);
        /* A header that names a key we do not have is as wrong as one that does not verify. */
        status = status == STATUS_NOT_FOUND ? STATUS_CORRUPT : status;
    }
    if (status == STATUS_OK) {
        status = inner_read(inner, box.size - KEYRING_BOX_EXTRA, &opened);
    }
    if (status != STATUS_OK) {
        LOG(LOG_LEVEL_ERROR, EVENT_RECORD_CORRUPT, F("row", row), F_STATUS("status", status));
        return status;
    }
    opened.contact.kind = opened.header.kind;
    *ret_opened = opened;
    return STATUS_OK;
}
