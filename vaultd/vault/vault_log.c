/* SPDX-License-Identifier: Apache-2.0 */
/* What the store knows of the log: the row `log` (DESIGN.md, "Meta rows"). */
#include "vault_internal.h"

#include <sodium.h>

#define ROW_LOG "log"
#define TAG_CONTEXT "contact-vault log 1"

enum {
    TAG_CONTEXT_BYTES = sizeof TAG_CONTEXT - 1,
    NOTED_BYTES = 8 + VAULT_LOG_DIGEST_BYTES, /* what the tag vouches for */
    ROW_LOG_BYTES = NOTED_BYTES + KEYRING_TAG_KEYED_BYTES,
};

struct noted {
    const struct vault *vault;
    uint8_t row[ROW_LOG_BYTES]; /* to be written, or as read */
};

static enum status
make_tag(const struct vault *vault, const uint8_t *noted, uint8_t *ret_tag)
{
    uint8_t message[TAG_CONTEXT_BYTES + VAULT_ID_BYTES + NOTED_BYTES];

    memcpy(message, TAG_CONTEXT, TAG_CONTEXT_BYTES);
    memcpy(message + TAG_CONTEXT_BYTES, vault->vault_id, VAULT_ID_BYTES);
    memcpy(message + TAG_CONTEXT_BYTES + VAULT_ID_BYTES, noted, NOTED_BYTES);
    return keyring_tag(vault->keyring, bytes_of(message, sizeof message), ret_tag);
}

/* The row as it stands, if its tag holds. */
static enum status
read_row(const struct vault *vault, struct store_txn *txn, uint8_t *ret_row)
{
    uint8_t tag[KEYRING_TAG_KEYED_BYTES];
    struct bytes row;
    enum status status = store_get(txn, STORE_META, bytes_of_text(ROW_LOG), &row);

    if (status == STATUS_OK && row.size != ROW_LOG_BYTES) {
        status = STATUS_CORRUPT;
    }
    if (status == STATUS_OK) {
        status = make_tag(vault, row.data, tag);
    }
    if (status == STATUS_OK && sodium_memcmp(tag, row.data + NOTED_BYTES, sizeof tag) != 0) {
        status = STATUS_CORRUPT;
    }
    if (status == STATUS_OK) {
        memcpy(ret_row, row.data, ROW_LOG_BYTES);
    }
    return status;
}

/* Two callers may come in either order: what is known of the log never becomes less. */
static enum status
note_step(struct store_txn *txn, void *state)
{
    const struct noted *noted = state;
    uint8_t before[ROW_LOG_BYTES];
    enum status status = read_row(noted->vault, txn, before);

    if (status == STATUS_OK && get_u64(before) >= get_u64(noted->row)) {
        return STATUS_OK;
    }
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        return status;
    }
    return store_put(txn, STORE_META, STORE_REPLACE, bytes_of_text(ROW_LOG),
                     bytes_of(noted->row, sizeof noted->row));
}

enum status
vault_note_log(struct vault *vault, uint64_t sequence,
               const uint8_t digest[static VAULT_LOG_DIGEST_BYTES])
{
    struct noted noted = {.vault = vault};
    enum status status;

    put_u64(noted.row, sequence);
    memcpy(noted.row + 8, digest, VAULT_LOG_DIGEST_BYTES);
    status = make_tag(vault, noted.row, noted.row + NOTED_BYTES);
    return status == STATUS_OK ? store_update(vault->store, note_step, &noted) : status;
}

static enum status
noted_step(struct store_txn *txn, void *state)
{
    struct noted *noted = state;

    return read_row(noted->vault, txn, noted->row);
}

enum status
vault_noted_log(struct vault *vault, uint64_t *ret_sequence,
                uint8_t ret_digest[static VAULT_LOG_DIGEST_BYTES])
{
    struct noted noted = {.vault = vault};
    enum status status = store_view(vault->store, noted_step, &noted);

    if (status == STATUS_OK) {
        *ret_sequence = get_u64(noted.row);
        memcpy(ret_digest, noted.row + 8, VAULT_LOG_DIGEST_BYTES);
    }
    return status;
}
