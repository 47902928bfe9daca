/* SPDX-License-Identifier: Apache-2.0 */
#include "client_internal.h"

#include <assert.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client_table.h"
#include "slot.h"
#include "utf8.h"

/* A reply, its rows and its texts are one allocation, so that one wipe reaches all of it. */
struct block {
    size_t size;
    struct cv_reply reply;
    max_align_t rows[];
};

/* Given out where a block cannot be had; never freed, never written. */
static struct cv_reply out_of_memory = {
    .status = CV_INTERNAL,
    .message = "out of memory",
    .outcome_unknown = true,
};

static const char MALFORMED[] = "the vault's answer does not follow the protocol";

/* ---- copying a message into the block ---- */

/* Rows grow from the left, texts from the right; between them they never need more than is there.
 */
struct decoder {
    const struct request *request;
    uint8_t *row;  /* where the next row goes */
    uint8_t *text; /* one past where the next text goes */
};

static bool
copy_text(struct decoder *decoder, struct bytes value, const char **ret_text)
{
    if (value.size != 0 && memchr(value.data, 0, value.size) != NULL) {
        return false; /* a text of ours ends at its NUL: half of one would be another */
    }
    decoder->text -= value.size + 1;
    if (value.size != 0) {
        memcpy(decoder->text, value.data, value.size);
    }
    decoder->text[value.size] = 0;
    *ret_text = (const char *)decoder->text;
    return true;
}

static bool
copy_key(struct decoder *decoder, struct bytes value, const uint8_t **ret_key)
{
    if (value.size != CV_KEY_BYTES) {
        return false;
    }
    decoder->text -= CV_KEY_BYTES;
    memcpy(decoder->text, value.data, CV_KEY_BYTES);
    *ret_key = decoder->text;
    return true;
}

/* False: there, but not as it should be. An absent one is left as it is. */
static bool
copy_number(const struct column *column, const struct message *message, void *member,
            bool *ret_present)
{
    uint64_t number = 0;

    *ret_present = message_uint(message, column->field, &number);
    if (!*ret_present) {
        return true;
    }
    if (column->type == COLUMN_UINT64) {
        memcpy(member, &number, sizeof number);
        return true;
    }
    uint32_t narrow = (uint32_t)number;
    memcpy(member, &narrow, sizeof narrow);
    return number <= UINT32_MAX;
}

static bool
copy_bytes(struct decoder *decoder, const struct column *column, const struct message *message,
           void *member, bool *ret_present)
{
    struct bytes value;

    *ret_present = message_bytes(message, column->field, &value);
    if (!*ret_present) {
        return true;
    }
    if (column->type == COLUMN_TEXT) {
        return copy_text(decoder, value, member);
    }
    return copy_key(decoder, value, member);
}

static bool
copy_row(struct decoder *decoder, const struct table *table, const struct message *message,
         void *row)
{
    for (size_t i = 0; i < table->column_count; i++) {
        const struct column *column = &table->columns[i];
        void *member = (uint8_t *)row + column->offset;
        bool present, sound = true;

        if (column->type == COLUMN_BOOL) {
            present = message_bool(message, column->field, member);
        } else if (column->type == COLUMN_TEXT || column->type == COLUMN_KEY) {
            sound = copy_bytes(decoder, column, message, member, &present);
        } else {
            sound = copy_number(column, message, member, &present);
        }
        if (!sound || (column->required && !present)) {
            return false;
        }
    }
    return true;
}

static size_t
count_of(const struct message *message, enum field field, const struct message_list **ret_list)
{
    return message_list(message, field, ret_list) ? message_list_count(*ret_list) : 0;
}

static void *
take_rows(struct decoder *decoder, const struct table *table, size_t count)
{
    void *rows = decoder->row;

    decoder->row += table->row_size * count;
    assert(decoder->row <= decoder->text);
    return rows;
}

static bool
copy_grants(struct decoder *decoder, const struct message *message, struct cv_principal *principal)
{
    const struct message_list *list = NULL;
    size_t count = count_of(message, FIELD_GRANTS, &list);
    uint8_t *grants = take_rows(decoder, &client_table_grants, count);

    principal->grants = (const struct cv_role_grant *)(void *)grants;
    principal->grant_count = count;
    for (size_t i = 0; i < count; i++) {
        if (!copy_row(decoder, &client_table_grants, message_list_message(list, i),
                      grants + i * sizeof(struct cv_role_grant))) {
            return false;
        }
    }
    return true;
}

static bool
complete_principal(struct decoder *decoder, const struct message *message,
                   struct cv_principal *principal)
{
    uint64_t uid;

    principal->has_uid = message_uint(message, FIELD_UID, &uid);
    return copy_grants(decoder, message, principal);
}

static bool
copy_rows(struct decoder *decoder, const struct table *table, const struct message_list *list,
          size_t count, uint8_t *rows)
{
    for (size_t i = 0; i < count; i++) {
        const struct message *message = message_list_message(list, i);
        void *row = rows + i * table->row_size;

        if (!copy_row(decoder, table, message, row)) {
            return false;
        }
        if (table == &client_table_principals && !complete_principal(decoder, message, row)) {
            return false;
        }
    }
    return true;
}

/* ---- what the rows must be ---- */

const char *
value_fault(const char *value, enum cv_status *ret_status)
{
    *ret_status = CV_INVALID;
    if (value == NULL) {
        return "no value";
    }
    size_t size = strlen(value);
    if (!utf8_valid(bytes_of(value, size))) {
        return "not UTF-8 text";
    }
    *ret_status = CV_TOO_LARGE;
    return size > VALUE_BYTES_MAX ? "too long for a contact or a token" : NULL;
}

static bool
is_answered(enum operation operation, const struct cv_item *item)
{
    if (item->status != CV_OK) {
        return true;
    }
    bool has_kind = item->kind == CV_PHONE || item->kind == CV_EMAIL;
    switch (operation) {
    case OP_DETOKENIZE:
        return item->value != NULL;
    case OP_ERASE:
        return item->token != NULL && has_kind;
    case OP_DESCRIBE:
        return item->token != NULL && item->mask != NULL && has_kind &&
               item->namespace_name != NULL;
    default:
        return item->token != NULL && item->mask != NULL && has_kind;
    }
}

/* One item for each value, in its place; those that were not sent get the reason. */
static bool
settle_items(const struct request *request, struct cv_item *items, size_t count)
{
    if (count != request->value_count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        enum cv_status status;
        const char *fault = value_fault(request->values[i], &status);
        if (fault != NULL) {
            items[i] = (struct cv_item){.status = status, .message = fault};
        } else if (!is_answered(request->operation, &items[i])) {
            return false;
        } else if (items[i].message == NULL) {
            items[i].message = "";
        }
    }
    return true;
}

static bool
is_fault(enum cv_status status)
{
    return status == CV_UNAVAILABLE || status == CV_INTERNAL;
}

/* A fault of the vault's says of a change neither that it was made nor that it was not. */
static void
mark_unknown(const struct request *request, struct cv_reply *reply, struct cv_item *items)
{
    if (!may_have_changed(request->operation)) {
        return;
    }
    reply->outcome_unknown = is_fault(reply->status);
    for (size_t i = 0; items != NULL && i < reply->count; i++) {
        items[i].outcome_unknown = is_fault(items[i].status);
    }
}

static bool
place_rows(struct cv_reply *reply, const struct request *request, void *rows, size_t count)
{
    reply->count = count;
    switch (request->operation) {
    case OP_NAMESPACE_LIST:
        reply->namespaces = rows;
        return true;
    case OP_PRINCIPAL_SHOW:
    case OP_WHOAMI:
        reply->principals = rows;
        return count == 1;
    case OP_PRINCIPAL_LIST:
        reply->principals = rows;
        return reply->next > 0; /* or who asks for all would take a page for them */
    case OP_KEY_STATUS:
        reply->keys = rows;
        return reply->next > 0 && reply->state != NULL;
    case OP_RECIPIENT_LIST:
        reply->recipients = rows;
        return true;
    case OP_PENDING:
        reply->requests = rows;
        return true;
    case OP_CANARY_LIST:
        reply->canaries = rows;
        return true;
    case OP_AUDIT_READ:
        reply->entries = rows;
        return true;
    default:
        reply->items = rows;
        if (!settle_items(request, rows, count)) {
            return false;
        }
        mark_unknown(request, reply, rows);
        return true;
    }
}

static bool
copy_unsealing(const struct message *message, struct cv_unsealing *ret_unsealing)
{
    struct unseal_slot slot;
    struct bytes bytes;

    if (!message_bytes(message, FIELD_UNSEAL, &bytes) || !slot_read(bytes, &slot)) {
        return false;
    }
    ret_unsealing->provider = (enum cv_provider)slot.provider;
    memcpy(ret_unsealing->salt, slot.salt, CV_SALT_BYTES);
    ret_unsealing->passes = slot.passes;
    ret_unsealing->memory_kib = slot.memory_kib;
    memcpy(ret_unsealing->set, slot.set, CV_SET_BYTES);
    ret_unsealing->threshold = slot.threshold;
    ret_unsealing->shares = slot.shares;
    return true;
}

static const uint8_t *
copy_data(struct decoder *decoder, struct bytes value)
{
    decoder->text -= value.size;
    memcpy(decoder->text, value.data, value.size);
    return decoder->text;
}

static bool
copy_codes(struct decoder *decoder, const struct message *message, struct cv_reply *reply)
{
    static const struct table pointers = {.row_size = sizeof(const char *)};
    const struct message_list *list = NULL;
    size_t count = count_of(message, FIELD_CODES, &list);
    const char **codes = take_rows(decoder, &pointers, count);

    for (size_t i = 0; i < count; i++) {
        if (!copy_text(decoder, message_list_bytes(list, i), &codes[i])) {
            return false;
        }
    }
    reply->codes = codes;
    reply->code_count = count;
    return count > 0;
}

/* The challenge is what the vault has signed back: instance and nonce, one behind the other. */
static bool
copy_enrolment(struct decoder *decoder, const struct message *message, struct cv_reply *reply)
{
    struct bytes instance, nonce, secret;

    if (!message_bytes(message, FIELD_INSTANCE, &instance) ||
        !message_bytes(message, FIELD_NONCE, &nonce) ||
        !message_bytes(message, FIELD_SECRET, &secret)) {
        return false;
    }
    reply->secret = copy_data(decoder, secret);
    (void)copy_data(decoder, nonce);
    reply->challenge = copy_data(decoder, instance);
    return reply->principal != NULL && copy_codes(decoder, message, reply);
}

/* What the reply to this operation must have besides rows, and a table cannot say. */
static bool
copy_particulars(struct decoder *decoder, const struct message *message, struct cv_reply *reply)
{
    struct bytes bytes;

    switch (decoder->request->operation) {
    case OP_UNSEAL_INFO:
        return copy_unsealing(message, &reply->unsealing);
    case OP_BACKUP_BEGIN:
        if (!message_bytes(message, FIELD_BACKUP, &bytes)) {
            return false;
        }
        reply->backup = copy_data(decoder, bytes);
        return true;
    case OP_CANARY_ADD:
        return reply->token != NULL && reply->number > 0;
    case OP_BACKUP_READ:
        if (!message_bytes(message, FIELD_DATA, &bytes)) {
            return false;
        }
        reply->data = copy_data(decoder, bytes);
        reply->data_size = bytes.size;
        return true;
    case OP_ENROL_BEGIN:
        return copy_enrolment(decoder, message, reply);
    case OP_LOGIN:
        return reply->lasts_s != 0 && reply->principal != NULL;
    default:
        return true;
    }
}

static bool
fill(struct decoder *decoder, const struct message *message, struct cv_reply *reply)
{
    const struct table *table = client_table(decoder->request->operation);
    const struct message_list *list = NULL;
    uint64_t number;

    if (!copy_row(decoder, &client_table_reply, message, reply)) {
        return false;
    }
    if (reply->message == NULL) {
        reply->message = "";
    }
    reply->has_totals = message_uint(message, FIELD_NAMESPACES, &number);
    mark_unknown(decoder->request, reply, NULL);
    if (reply->status == CV_OK && !copy_particulars(decoder, message, reply)) {
        return false;
    }
    if (reply->status != CV_OK || table == NULL) {
        return true;
    }
    size_t count = count_of(message, FIELD_ITEMS, &list);
    uint8_t *rows = take_rows(decoder, table, count);
    return copy_rows(decoder, table, list, count, rows) &&
           place_rows(reply, decoder->request, rows, count);
}

/* ---- blocks ---- */

static struct cv_reply *
block_new(size_t size)
{
    struct block *block = calloc(1, sizeof *block + size);

    if (block == NULL) {
        return &out_of_memory;
    }
    block->size = sizeof *block + size;
    return &block->reply;
}

static struct block *
block_of(struct cv_reply *reply)
{
    return (struct block *)(void *)((uint8_t *)reply - offsetof(struct block, reply));
}

void
cv_reply_free(struct cv_reply **reply)
{
    if (*reply != NULL && *reply != &out_of_memory) {
        struct block *block = block_of(*reply);
        sodium_memzero(block, block->size);
        free(block);
    }
    *reply = NULL;
}

struct cv_reply *
reply_of_failure(const struct failure *failure)
{
    size_t size = strlen(failure->message) + 1;
    struct cv_reply *reply = block_new(size);

    if (reply == &out_of_memory) {
        return reply;
    }
    reply->status = failure->status;
    reply->retry_after_s = failure->retry_after_s;
    reply->outcome_unknown = failure->outcome_unknown;
    reply->unreached = failure->unreached;
    reply->message = memcpy(block_of(reply)->rows, failure->message, size);
    return reply;
}

struct cv_reply *
reply_of_hello(const char *principal, const char *release)
{
    size_t principal_size = strlen(principal) + 1, release_size = strlen(release) + 1;
    struct cv_reply *reply = block_new(principal_size + release_size);

    if (reply == &out_of_memory) {
        return reply;
    }
    char *texts = (char *)block_of(reply)->rows;
    reply->message = "";
    reply->principal = memcpy(texts, principal, principal_size);
    reply->release = memcpy(texts + principal_size, release, release_size);
    return reply;
}

/* Room for every row a message of so many bytes can hold. */
static size_t
rows_size(const struct message *message, const struct table *table)
{
    const struct message_list *list = NULL, *grants = NULL;
    size_t count = count_of(message, FIELD_ITEMS, &list);
    size_t size = table == NULL ? 0 : count * table->row_size;

    size += sizeof(const char *) * count_of(message, FIELD_CODES, &grants);
    for (size_t i = 0; table == &client_table_principals && i < count; i++) {
        size += sizeof(struct cv_role_grant) *
                count_of(message_list_message(list, i), FIELD_GRANTS, &grants);
    }
    return size;
}

static struct cv_reply *
malformed(const struct request *request)
{
    /* It was answered, so it was executed or not: which, cannot be told. */
    struct failure failure = {.outcome_unknown = !is_harmless(request->operation)};

    failure_set(&failure, CV_INTERNAL, "%s", MALFORMED);
    return reply_of_failure(&failure);
}

struct cv_reply *
reply_decode(struct message_parser *parser, const struct request *request, struct bytes answer)
{
    const struct message *message;
    const char *fault;

    enum status status = message_parse(parser, answer, &message, &fault);
    if (status == STATUS_INTERNAL) {
        return &out_of_memory;
    }
    if (status != STATUS_OK) {
        return malformed(request);
    }
    /* A text takes at least a byte before its own in the message: there is room for its NUL. */
    size_t size = rows_size(message, client_table(request->operation)) + answer.size;
    struct cv_reply *reply = block_new(size);
    if (reply == &out_of_memory) {
        return reply;
    }
    struct decoder decoder = {
        .request = request,
        .row = (uint8_t *)block_of(reply)->rows,
        .text = (uint8_t *)block_of(reply)->rows + size,
    };
    if (!fill(&decoder, message, reply)) {
        cv_reply_free(&reply);
        return malformed(request);
    }
    return reply;
}

enum cv_status
failure_set(struct failure *failure, enum cv_status status, const char *format, ...)
{
    va_list arguments;

    failure->status = status;
    va_start(arguments, format);
    (void)vsnprintf(failure->message, sizeof failure->message, format, arguments);
    va_end(arguments);
    return status;
}
