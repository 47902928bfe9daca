/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a hostile vault may answer, decoded by the client. The first byte chooses the operation that
 * was asked. Whatever comes out is read to its last byte, so that a sanitizer sees each.
 */
#include "client_internal.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const enum operation operations[] = {
    OP_TOKENIZE,
    OP_MASK,
    OP_DETOKENIZE,
    OP_NAMESPACE_LIST,
    OP_PRINCIPAL_LIST,
    OP_PRINCIPAL_SHOW,
    OP_AUDIT_READ,
    OP_STATUS,
    /* New ones take a place of their own, so that the corpus keeps its sense. */
    OP_ERASE,
    OP_DESCRIBE,
    OP_KEY_STATUS,
    OP_RECIPIENT_LIST,
    OP_BACKUP_BEGIN,
    OP_BACKUP_READ,
    OP_PENDING,
    OP_STATUS,
    OP_CANARY_LIST,
    OP_CANARY_ADD,
    OP_ENROL_BEGIN,
    OP_LOGIN,
    OP_WHOAMI,
    OP_PRINCIPAL_INVITE,
};

static size_t
measure(const char *text)
{
    return text != NULL ? strlen(text) : 0;
}

static size_t
measure_principal(const struct cv_principal *principal)
{
    size_t total = measure(principal->name) + principal->uid;

    for (size_t i = 0; i < CV_KEY_BYTES && principal->public_key != NULL; i++)
        total += principal->public_key[i];
    for (size_t i = 0; i < principal->grant_count; i++)
        total += measure(principal->grants[i].namespace_name) + principal->grants[i].role +
                 principal->grants[i].until_ms + principal->grants[i].used;
    return total;
}

static size_t
measure_reply(const struct cv_reply *reply)
{
    size_t total = measure(reply->message) + measure(reply->state) + measure(reply->release) +
                   measure(reply->token) + measure(reply->code) + measure(reply->principal);

    for (size_t i = 0; i < reply->code_count; i++)
        total += measure(reply->codes[i]);
    for (size_t i = 0; i < CV_SECRET_BYTES && reply->secret != NULL; i++)
        total += reply->secret[i];
    for (size_t i = 0; i < CV_CHALLENGE_BYTES && reply->challenge != NULL; i++)
        total += reply->challenge[i];

    for (size_t i = 0; i < CV_KEY_BYTES && reply->audit_key != NULL; i++)
        total += reply->audit_key[i];

    for (size_t i = 0; i < CV_BACKUP_BYTES && reply->backup != NULL; i++)
        total += reply->backup[i];
    for (size_t i = 0; i < reply->data_size; i++)
        total += reply->data[i];
    for (size_t i = 0; i < reply->count; i++) {
        if (reply->canaries != NULL)
            total += measure(reply->canaries[i].token) + reply->canaries[i].number +
                     measure(reply->canaries[i].namespace_name) + reply->canaries[i].gone;
        if (reply->recipients != NULL)
            total += measure(reply->recipients[i].name) + reply->recipients[i].public_key[31];
        if (reply->requests != NULL)
            total += measure(reply->requests[i].text) + measure(reply->requests[i].principal) +
                     measure(reply->requests[i].subject) + reply->requests[i].number;
        if (reply->items != NULL)
            total += measure(reply->items[i].message) + measure(reply->items[i].token) +
                     measure(reply->items[i].mask) + measure(reply->items[i].value) +
                     measure(reply->items[i].namespace_name) + measure(reply->items[i].country) +
                     reply->items[i].created_ms;
        if (reply->namespaces != NULL)
            total += measure(reply->namespaces[i].name) + reply->namespaces[i].contacts;
        if (reply->principals != NULL)
            total += measure_principal(&reply->principals[i]);
        if (reply->entries != NULL)
            total += measure(reply->entries[i].principal) + measure(reply->entries[i].token) +
                     measure(reply->entries[i].subject) + reply->entries[i].sequence +
                     measure(reply->entries[i].reason) + measure(reply->entries[i].purpose) +
                     measure(reply->entries[i].ticket) + reply->entries[i].amount;
    }
    return total;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const values[] = {"a", "\xff"};
    static struct message_parser *parser;
    struct request request = {0};

    if (size == 0)
        return 0;
    if (parser == NULL && message_parser_new(&parser) != STATUS_OK)
        return 0;
    request.operation = operations[data[0] % (sizeof operations / sizeof *operations)];
    if (request.operation <= OP_DESCRIBE && request.operation >= OP_TOKENIZE) {
        request.values = values;
        request.value_count = 1 + (data[0] >> 7);
    }
    struct cv_reply *reply = reply_decode(parser, &request, bytes_of(data + 1, size - 1));
    assert(reply != NULL && reply->message != NULL);
    volatile size_t measured = measure_reply(reply); /* any number; it only has to be read */
    (void)measured;
    cv_reply_free(&reply);
    return 0;
}
