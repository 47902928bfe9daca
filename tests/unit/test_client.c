/* SPDX-License-Identifier: Apache-2.0 */
/* The public calls of libcontactvault against a fake vault: what is asked, answered and refused. */
#include "contactvault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "client_fixture.h"
#include "kind.h"

#define BIT(name) FIELD_BIT(FIELD_##name)

static void
test_open_says_what_is_wrong(void **state)
{
    static const struct {
        const char *socket, *message;
        enum cv_status status;
    } cases[] = {
        {NULL, "no socket was named", CV_INVALID},
        {"", "no socket was named", CV_INVALID},
        {"tcp://127.0.0.1:1", "only a Unix socket", CV_INVALID},
        {"/nowhere/vault.sock", "cannot reach the vault at /nowhere/vault.sock", CV_UNAVAILABLE},
        {"ipc:///nowhere/vault.sock", "is vaultd running?", CV_UNAVAILABLE},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cv_options options = {.socket = cases[i].socket, .timeout_ms = 2000};
        struct cv_client *client = NULL;
        char message[CV_MESSAGE_BYTES] = "";
        assert_int_equal(cv_open(&options, &client, message), cases[i].status);
        assert_null(client);
        assert_non_null(strstr(message, cases[i].message));
    }
}

static void
test_a_path_too_long_is_named_so(void **state)
{
    char path[200];
    char message[CV_MESSAGE_BYTES];
    struct cv_client *client = NULL;
    struct cv_options options = {.socket = path};
    (void)state;

    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = 0;
    assert_int_equal(cv_open(&options, &client, message), CV_INVALID);
    assert_non_null(strstr(message, "199 bytes long and may be 107"));
    path[107] = 0;
    assert_int_equal(cv_open(&options, &client, NULL), CV_UNAVAILABLE);
}

static void
test_a_socket_left_behind_is_unreachable(void **state)
{
    struct fixture *fixture = *state;
    struct cv_client *client = NULL;
    char message[CV_MESSAGE_BYTES];
    uint64_t start_ms = now_ms();

    fake_kill(&fixture->fake);
    struct cv_options options = {.socket = fixture->path};
    assert_int_equal(cv_open(&options, &client, message), CV_UNAVAILABLE);
    assert_non_null(strstr(message, "Connection refused"));
    assert_true(now_ms() - start_ms < 2000); /* not the whole timeout */
}

static void
test_tokenize(void **state)
{
    struct fixture *fixture = *state;
    static const char *const values[] = {"one", "rubbish", "two"};
    struct cv_query query = {.values = values, .count = 3, .namespace_name = "shop"};
    struct cv_reply *reply;

    assert_int_equal(cv_tokenize(fixture->client, &query, &reply), CV_OK);
    assert_int_equal(reply->count, 3);
    assert_string_equal(reply->items[0].token, FAKE_TOKEN);
    assert_int_equal(reply->items[0].kind, CV_PHONE);
    assert_string_equal(reply->items[0].mask, "one");
    assert_null(reply->items[0].value);
    assert_int_equal(reply->items[1].status, CV_INVALID);
    assert_string_equal(reply->items[1].message, "invalid");
    assert_null(reply->items[1].token);
    assert_string_equal(reply->items[2].mask, "two");
    assert_string_equal(reply->items[2].message, "");
    cv_reply_free(&reply);
    assert_null(reply);
    cv_reply_free(&reply);
    assert_int_equal(fixture->fake.counts->hellos, 1);
}

/* One that the vault's parser would refuse the whole message for costs its neighbours nothing. */
static void
test_a_value_that_is_no_text_fails_alone(void **state)
{
    struct fixture *fixture = *state;
    char long_value[600];
    const char *values[] = {"one", "\xff\xfe", long_value, "", "two"};
    struct cv_query query = {.values = values, .count = 5};
    struct cv_reply *reply;

    memset(long_value, '1', sizeof long_value - 1);
    long_value[sizeof long_value - 1] = 0;
    assert_int_equal(cv_tokenize(fixture->client, &query, &reply), CV_OK);
    assert_int_equal(reply->count, 5);
    assert_int_equal(reply->items[0].status, CV_OK);
    assert_int_equal(reply->items[1].status, CV_INVALID);
    assert_string_equal(reply->items[1].message, "not UTF-8 text");
    assert_int_equal(reply->items[2].status, CV_TOO_LARGE);
    assert_int_equal(reply->items[3].status, CV_INVALID);
    assert_string_equal(reply->items[4].mask, "two");
    cv_reply_free(&reply);
}

static void
test_batches_have_bounds(void **state)
{
    struct fixture *fixture = *state;
    static const char *values[CV_BATCH_MAX + 1];
    char value[513];
    struct cv_query query = {.values = values, .count = 0};
    struct cv_reply *reply;

    for (size_t i = 0; i <= CV_BATCH_MAX; i++)
        values[i] = "one";
    assert_int_equal(cv_tokenize(fixture->client, &query, &reply), CV_INVALID);
    cv_reply_free(&reply);
    query.count = CV_BATCH_MAX + 1;
    assert_int_equal(cv_tokenize(fixture->client, &query, &reply), CV_TOO_LARGE);
    cv_reply_free(&reply);
    query.values = NULL;
    assert_int_equal(cv_tokenize(fixture->client, &query, &reply), CV_INVALID);
    cv_reply_free(&reply);
    query.values = values;
    query.count = CV_BATCH_MAX;
    assert_int_equal(cv_tokenize(fixture->client, &query, &reply), CV_OK);
    assert_int_equal(reply->count, CV_BATCH_MAX);
    assert_string_equal(reply->items[CV_BATCH_MAX - 1].mask, "one");
    cv_reply_free(&reply);

    memset(value, '1', 512);
    value[512] = 0;
    for (size_t i = 0; i < CV_BATCH_MAX; i++)
        values[i] = value;
    assert_int_equal(cv_tokenize(fixture->client, &query, &reply), CV_TOO_LARGE);
    assert_non_null(strstr(reply->message, "send fewer values"));
    cv_reply_free(&reply);
}

static void
test_mask_lookup_detokenize(void **state)
{
    struct fixture *fixture = *state;
    static const char *const tokens[] = {FAKE_TOKEN, FAKE_TOKEN};
    struct cv_query query = {.values = tokens, .count = 2, .form = CV_FORM_WA_ID};
    struct cv_reply *reply;

    assert_int_equal(cv_mask(fixture->client, &query, &reply), CV_OK);
    assert_sent(fixture, OP_MASK, BIT(VALUES));
    assert_int_equal(reply->count, 2);
    assert_string_equal(reply->items[1].mask, FAKE_MASK);
    cv_reply_free(&reply);
    assert_int_equal(cv_lookup(fixture->client, &query, &reply), CV_OK);
    assert_string_equal(reply->items[0].token, FAKE_TOKEN);
    assert_sent(fixture, OP_LOOKUP, BIT(VALUES) | BIT(FORM));
    cv_reply_free(&reply);
    query.reason = "a test";
    query.namespace_name = "shop"; /* of use to tokenize alone: not sent here */
    assert_int_equal(cv_detokenize(fixture->client, &query, &reply), CV_OK);
    assert_sent(fixture, OP_DETOKENIZE, BIT(VALUES) | BIT(REASON));
    assert_string_equal(reply->items[0].value, FAKE_VALUE);
    assert_string_equal(reply->items[1].value, FAKE_VALUE);
    cv_reply_free(&reply);
    query.purpose = "callback";
    query.ticket = "INC-7";
    assert_int_equal(cv_detokenize(fixture->client, &query, &reply), CV_OK);
    assert_sent(fixture, OP_DETOKENIZE,
                BIT(VALUES) | BIT(REASON) | BIT(REASON_PURPOSE) | BIT(TICKET));
    assert_sent_text(fixture, FIELD_REASON_PURPOSE, "callback");
    assert_sent_text(fixture, FIELD_TICKET, "INC-7");
    cv_reply_free(&reply);
    query.reason = NULL;
    query.purpose = NULL;
    query.ticket = NULL;
    assert_int_equal(cv_detokenize(fixture->client, &query, &reply), CV_INVALID);
    cv_reply_free(&reply);
}

static void
test_refusals_come_through(void **state)
{
    struct fixture *fixture = *state;
    struct cv_reply *reply;

    assert_int_equal(tokenize_one(fixture->client, "busy", &reply), CV_BUSY);
    assert_int_equal(reply->retry_after_s, 30);
    assert_int_equal(reply->count, 0);
    assert_null(reply->items);
    cv_reply_free(&reply);
    assert_int_equal(tokenize_one(fixture->client, "sealed", &reply), CV_SEALED);
    assert_string_equal(reply->message, "sealed");
    cv_reply_free(&reply);
    assert_int_equal(tokenize_one(fixture->client, "denied", &reply), CV_DENIED);
    cv_reply_free(&reply);
    assert_int_equal(tokenize_one(fixture->client, "quota", &reply), CV_QUOTA);
    assert_int_equal(reply->retry_after_s, 86399);
    cv_reply_free(&reply);
    assert_int_equal(tokenize_one(fixture->client, "frozen", &reply), CV_FROZEN);
    cv_reply_free(&reply);
    assert_int_equal(tokenize_one(fixture->client, "expired", &reply), CV_EXPIRED);
    cv_reply_free(&reply);
}

static void
test_hello_and_state(void **state)
{
    struct fixture *fixture = *state;
    struct cv_reply *reply;

    assert_int_equal(cv_hello(fixture->client, &reply), CV_OK);
    assert_string_equal(reply->principal, "tester");
    assert_string_equal(reply->release, "0.0-fake");
    cv_reply_free(&reply);
    assert_int_equal(cv_state(fixture->client, &reply), CV_OK);
    assert_string_equal(reply->state, "unsealed");
    assert_true(reply->has_totals);
    assert_int_equal(reply->contacts_total, 42);
    cv_reply_free(&reply);
    assert_int_equal(fixture->fake.counts->hellos, 1);
}

static void
test_a_stranger_gets_the_state_alone(void **state)
{
    struct fixture *fixture = *state;
    struct cv_reply *reply;

    fixture->fake.options.principal = "nobody";
    fake_kill(&fixture->fake);
    fake_restart(&fixture->fake);
    assert_int_equal(cv_hello(fixture->client, &reply), CV_UNAUTHENTICATED);
    cv_reply_free(&reply);
    assert_int_equal(tokenize_one(fixture->client, "one", &reply), CV_UNAUTHENTICATED);
    cv_reply_free(&reply);
    assert_int_equal(cv_state(fixture->client, &reply), CV_OK);
    assert_string_equal(reply->state, "unsealed");
    assert_false(reply->has_totals);
    cv_reply_free(&reply);
    assert_int_equal(fixture->fake.counts->requests, 0);
}

static void
test_a_sealed_vault_can_be_asked_and_unsealed(void **state)
{
    struct fixture *fixture = *state;
    uint8_t root_key[CV_KEY_BYTES] = {7};
    struct cv_reply *reply;

    fixture->fake.options.sealed = true;
    fake_kill(&fixture->fake);
    fake_restart(&fixture->fake);
    assert_int_equal(tokenize_one(fixture->client, "one", &reply), CV_SEALED);
    cv_reply_free(&reply);
    assert_int_equal(cv_state(fixture->client, &reply), CV_OK);
    assert_string_equal(reply->state, "sealed");
    cv_reply_free(&reply);
    assert_int_equal(cv_unseal_info(fixture->client, &reply), CV_OK);
    assert_int_equal(reply->unsealing.provider, CV_KEYFILE);
    cv_reply_free(&reply);
    assert_int_equal(cv_unseal(fixture->client, root_key, &reply), CV_OK);
    cv_reply_free(&reply);
    assert_int_equal(fixture->fake.counts->executed, 1);
}

static void
test_how_a_passphrase_becomes_a_key_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct cv_reply *reply;

    fixture->fake.options.passphrase = true;
    fake_kill(&fixture->fake);
    fake_restart(&fixture->fake);
    assert_int_equal(cv_unseal_info(fixture->client, &reply), CV_OK);
    assert_int_equal(reply->unsealing.provider, CV_PASSPHRASE);
    assert_memory_equal(reply->unsealing.salt, ((uint8_t[CV_SALT_BYTES]){1, 2, 3}), CV_SALT_BYTES);
    assert_int_equal(reply->unsealing.passes, 3);
    assert_int_equal(reply->unsealing.memory_kib, 256 * 1024);
    cv_reply_free(&reply);
    assert_int_equal(cv_unseal_share(fixture->client, (uint8_t[CV_SHARE_BYTES]){1}, &reply), CV_OK);
    assert_string_equal(reply->state, "sealed");
    assert_int_equal(reply->done, 2);
    assert_int_equal(reply->total, 3);
    cv_reply_free(&reply);
    assert_string_equal(cv_provider_name(CV_PASSPHRASE), "passphrase");
    assert_null(cv_provider_name((enum cv_provider)0));
}

static void
test_backups(void **state)
{
    struct fixture *fixture = *state;
    const uint8_t id[CV_BACKUP_BYTES] = {0xb0};
    struct cv_reply *reply;

    assert_int_equal(cv_backup_begin(fixture->client, &reply), CV_OK);
    assert_sent(fixture, OP_BACKUP_BEGIN, 0);
    assert_memory_equal(reply->backup, id, sizeof id);
    assert_int_equal(reply->time_ms, 1767225600000);
    assert_int_equal(reply->total, 42);
    assert_int_equal(reply->bytes, 1 << 20);
    cv_reply_free(&reply);

    assert_int_equal(cv_backup_read(fixture->client, id, CV_BACKUP_CONTENTS, 0, &reply), CV_OK);
    assert_sent(fixture, OP_BACKUP_READ, BIT(BACKUP) | BIT(KIND) | BIT(FROM));
    assert_sent_uint(fixture, FIELD_FROM, 0);
    assert_int_equal(reply->data_size, 5);
    assert_memory_equal(reply->data, "first", 5);
    assert_int_equal(reply->next, 5);
    cv_reply_free(&reply);
    assert_int_equal(cv_backup_read(fixture->client, id, CV_BACKUP_KEYRING, 5, &reply), CV_OK);
    assert_sent_uint(fixture, FIELD_KIND, CV_BACKUP_KEYRING);
    assert_memory_equal(reply->data, "last", 4);
    assert_int_equal(reply->next, 0);
    cv_reply_free(&reply);

    assert_int_equal(cv_recipient_list(fixture->client, &reply), CV_OK);
    assert_int_equal(reply->count, 1);
    assert_string_equal(reply->recipients[0].name, "safe");
    assert_int_equal(reply->recipients[0].public_key[0], 7);
    assert_int_equal(reply->recipients[0].created_ms, 1767225600000);
    cv_reply_free(&reply);

    assert_int_equal(cv_canary_list(fixture->client, &reply), CV_OK);
    assert_sent(fixture, OP_CANARY_LIST, 0);
    assert_int_equal(reply->count, 1);
    assert_string_equal(reply->canaries[0].token, FAKE_TOKEN);
    assert_int_equal(reply->canaries[0].number, 3);
    assert_string_equal(reply->canaries[0].namespace_name, "milano");
    assert_int_equal(reply->canaries[0].created_ms, 1767225600000);
    assert_true(reply->canaries[0].gone);
    cv_reply_free(&reply);
}

static void
test_recipient_files(void **state)
{
    char path[] = "/tmp/contact-vault-recipient-XXXXXX";
    char text[CV_PUBLIC_TEXT_BYTES];
    uint8_t key[CV_KEY_BYTES], read[CV_KEY_BYTES];
    struct stat about;

    (void)state;
    assert_non_null(mkdtemp(path));
    char *file = NULL;
    assert_true(asprintf(&file, "%s/safe.key", path) > 0);
    assert_int_equal(cv_recipient_create(file, key), CV_OK);
    assert_int_equal(cv_recipient_create(file, read), CV_CONFLICT);
    assert_int_equal(stat(file, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
    cv_recipient_print(key, text);
    assert_int_equal(cv_recipient_parse(text, read), CV_OK);
    assert_memory_equal(read, key, sizeof key);
    /* Neither is taken for the other. */
    assert_int_equal(cv_public_key_parse(text, read), CV_INVALID);
    cv_public_key_print(key, text);
    assert_int_equal(cv_recipient_parse(text, read), CV_INVALID);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(path), 0);
    free(file);
}

static void
test_lists(void **state)
{
    struct fixture *fixture = *state;
    struct cv_reply *reply;

    assert_int_equal(cv_namespace_list(fixture->client, &reply), CV_OK);
    assert_int_equal(reply->count, 1);
    assert_string_equal(reply->namespaces[0].name, "shop");
    assert_int_equal(reply->namespaces[0].created_ms, 1767225600000);
    assert_int_equal(reply->namespaces[0].contacts, 42);
    assert_int_equal(reply->namespaces[0].retain_months, 24);
    assert_string_equal(reply->namespaces[0].state, "active");
    cv_reply_free(&reply);

    assert_int_equal(cv_key_status(fixture->client, 0, &reply), CV_OK);
    assert_sent(fixture, OP_KEY_STATUS, 0);
    assert_int_equal(reply->count, 2);
    assert_int_equal(reply->keys[1].purpose, CV_KEY_DATA);
    assert_string_equal(reply->keys[1].namespace_name, "shop");
    assert_int_equal(reply->keys[1].number, 2);
    assert_string_equal(reply->keys[0].state, "retired");
    assert_int_equal(reply->keys[1].contacts, 30);
    assert_int_equal(reply->keys[1].created_ms, 1767225600000);
    assert_int_equal(reply->keys[1].keys_horizon_ms, 1767225600001);
    assert_int_equal(reply->keys[1].disk_horizon_ms, 1767225600002);
    assert_int_equal(reply->keys[1].due_ms, 1767225600003);
    assert_int_equal(reply->keys[0].due_ms, 0);
    assert_int_equal(reply->disk_horizon_ms, 1767225600001);
    assert_int_equal(reply->root_since_ms, 1767225600000);
    assert_int_equal(reply->left, 7);
    assert_string_equal(reply->state, "running");
    assert_int_equal(reply->done, 30);
    assert_int_equal(reply->total, 42);
    assert_int_equal(reply->next, 2);
    cv_reply_free(&reply);
    assert_int_equal(cv_key_status(fixture->client, 2, &reply), CV_OK);
    assert_sent(fixture, OP_KEY_STATUS, BIT(FROM));
    assert_int_equal(reply->count, 0);
    cv_reply_free(&reply);

    assert_int_equal(cv_principal_list(fixture->client, 0, &reply), CV_OK);
    assert_sent(fixture, OP_PRINCIPAL_LIST, 0);
    assert_int_equal(reply->count, 1);
    assert_int_equal(reply->next, 2);
    assert_string_equal(reply->principals[0].name, "inbox");
    assert_int_equal(reply->principals[0].uid, 1001);
    assert_null(reply->principals[0].public_key);
    assert_int_equal(reply->principals[0].grant_count, 2);
    assert_int_equal(reply->principals[0].grants[0].role, CV_ROLE_SERVICE);
    assert_string_equal(reply->principals[0].grants[0].namespace_name, "shop");
    assert_int_equal(reply->principals[0].grants[0].until_ms, 1767225600001);
    assert_int_equal(reply->principals[0].grants[0].daily, 100000);
    assert_int_equal(reply->principals[0].grants[0].hourly, 5000);
    assert_int_equal(reply->principals[0].grants[0].used, 1234);
    assert_false(reply->principals[0].relayed);
    assert_int_equal(reply->principals[0].grants[1].role, CV_ROLE_ADMIN);
    assert_int_equal(reply->principals[0].grants[1].until_ms, 0);
    assert_int_equal(reply->principals[0].grants[1].daily, 0);
    assert_null(reply->principals[0].grants[1].namespace_name);
    cv_reply_free(&reply);

    assert_int_equal(cv_principal_list(fixture->client, 2, &reply), CV_OK);
    assert_sent(fixture, OP_PRINCIPAL_LIST, BIT(FROM));
    assert_sent_uint(fixture, FIELD_FROM, 2);
    assert_int_equal(reply->count, 1);
    assert_int_equal(reply->next, 3);
    assert_string_equal(reply->principals[0].name, "maria");
    assert_true(reply->principals[0].relayed);
    assert_true(reply->principals[0].disabled);
    assert_int_equal(reply->principals[0].kind, CV_PERSON);
    assert_int_equal(reply->principals[0].public_key[2], 3);
    assert_int_equal(reply->principals[0].grant_count, 0);
    cv_reply_free(&reply);

    assert_int_equal(cv_principal_list(fixture->client, 3, &reply), CV_OK);
    assert_int_equal(reply->count, 0);
    assert_int_equal(reply->next, 3);
    cv_reply_free(&reply);

    assert_int_equal(cv_principal_show(fixture->client, "inbox", &reply), CV_OK);
    assert_int_equal(reply->count, 1);
    cv_reply_free(&reply);
}

static void
test_audit_read(void **state)
{
    struct fixture *fixture = *state;
    struct cv_audit_query query = {.from = 1, .limit = 2};
    struct cv_reply *reply;

    assert_int_equal(cv_audit_read(fixture->client, &query, &reply), CV_OK);
    assert_sent(fixture, OP_AUDIT_READ, BIT(FROM) | BIT(LIMIT));
    assert_int_equal(reply->count, 2);
    assert_int_equal(reply->next, 3);
    assert_int_equal(reply->entries[0].sequence, 1);
    assert_string_equal(cv_act_name(reply->entries[0].act), "created");
    assert_string_equal(cv_act_name(reply->entries[1].act), "detokenize");
    assert_string_equal(cv_phase_name(reply->entries[1].phase), "done");
    assert_int_equal(reply->entries[1].result, CV_DENIED);
    assert_string_equal(reply->entries[1].principal, "inbox");
    assert_string_equal(reply->entries[1].token, FAKE_TOKEN);
    assert_null(reply->entries[1].subject);
    assert_null(reply->entries[1].reason);
    assert_false(reply->entries[1].relayed);
    cv_reply_free(&reply);
}

static void
test_audit_read_of_some(void **state)
{
    struct fixture *fixture = *state;
    struct cv_audit_query query = {
        .from = 3,
        .principal = "maria",
        .token = FAKE_TOKEN,
        .namespace_name = "shop",
        .act = 205,
        .since_ms = 7,
        .until_ms = 9,
    };
    struct cv_reply *reply;

    assert_int_equal(cv_audit_read(fixture->client, &query, &reply), CV_OK);
    assert_sent(fixture, OP_AUDIT_READ,
                BIT(FROM) | BIT(PRINCIPAL) | BIT(TOKEN) | BIT(NAMESPACE) | BIT(ACT) | BIT(SINCE) |
                    BIT(UNTIL));
    assert_sent_uint(fixture, FIELD_FROM, 3);
    assert_sent_text(fixture, FIELD_PRINCIPAL, "maria");
    assert_sent_text(fixture, FIELD_TOKEN, FAKE_TOKEN);
    assert_sent_text(fixture, FIELD_NAMESPACE, "shop");
    assert_sent_uint(fixture, FIELD_ACT, 205);
    assert_sent_uint(fixture, FIELD_SINCE, 7);
    assert_sent_uint(fixture, FIELD_UNTIL, 9);
    assert_int_equal(reply->count, 1);
    assert_int_equal(reply->entries[0].sequence, 4);
    assert_true(reply->entries[0].relayed);
    assert_string_equal(reply->entries[0].reason, FAKE_REASON);
    assert_string_equal(reply->entries[0].purpose, "callback");
    assert_string_equal(reply->entries[0].ticket, FAKE_TICKET);
    assert_int_equal(reply->next, 5);
    cv_reply_free(&reply);

    query.from = 1;
    assert_int_equal(cv_audit_read(fixture->client, &query, &reply), CV_OK);
    assert_int_equal(reply->count, 0); /* of the first two, none; but it goes on */
    assert_int_equal(reply->next, 3);
    cv_reply_free(&reply);

    query = (struct cv_audit_query){.from = 3};
    assert_int_equal(cv_audit_read(fixture->client, &query, &reply), CV_OK);
    assert_string_equal(cv_act_name(reply->entries[0].act), "budget");
    assert_int_equal(reply->entries[0].amount, 100);
    cv_reply_free(&reply);
}

static void
test_describe(void **state)
{
    struct fixture *fixture = *state;
    static const char *const tokens[] = {FAKE_TOKEN, "rubbish"};
    struct cv_query query = {.values = tokens, .count = 2, .reason = "not asked for"};
    struct cv_reply *reply;

    assert_int_equal(cv_describe(fixture->client, &query, &reply), CV_OK);
    assert_sent(fixture, OP_DESCRIBE, BIT(VALUES));
    assert_sent_value(fixture, 0, FAKE_TOKEN);
    assert_int_equal(reply->count, 2);
    assert_string_equal(reply->items[0].token, FAKE_TOKEN);
    assert_string_equal(reply->items[0].mask, FAKE_MASK);
    assert_string_equal(reply->items[0].namespace_name, "shop");
    assert_string_equal(reply->items[0].country, "+39");
    assert_int_equal(reply->items[0].created_ms, 1767225600000);
    assert_null(reply->items[0].value);
    assert_int_equal(reply->items[1].status, CV_INVALID);
    cv_reply_free(&reply);
}

static void
test_erase(void **state)
{
    struct fixture *fixture = *state;
    static const char *const values[] = {FAKE_TOKEN, "393331234567"};
    struct cv_query query = {.values = values, .count = 2, .reason = "asked for it"};
    struct cv_reply *reply;

    assert_int_equal(cv_erase(fixture->client, &query, &reply), CV_OK);
    assert_sent(fixture, OP_ERASE, BIT(VALUES) | BIT(REASON));
    assert_sent_text(fixture, FIELD_REASON, "asked for it");
    assert_int_equal(reply->count, 2);
    assert_string_equal(reply->items[1].token, FAKE_TOKEN);
    assert_int_equal(reply->items[1].kind, CV_PHONE);
    assert_null(reply->items[1].mask);
    cv_reply_free(&reply);

    query.namespace_name = "shop";
    query.form = CV_FORM_WA_ID;
    assert_int_equal(cv_erase(fixture->client, &query, &reply), CV_OK);
    assert_sent(fixture, OP_ERASE, BIT(VALUES) | BIT(REASON) | BIT(NAMESPACE) | BIT(FORM));
    assert_sent_value(fixture, 1, "393331234567");
    assert_sent_uint(fixture, FIELD_FORM, FORM_WA_ID);
    cv_reply_free(&reply);

    query.reason = NULL;
    assert_int_equal(cv_erase(fixture->client, &query, &reply), CV_INVALID);
    cv_reply_free(&reply);
    query.count = 0;
    assert_int_equal(cv_erase(fixture->client, &query, &reply), CV_INVALID);
    cv_reply_free(&reply);
}

/* A connection that breaks under it: an erase, a freeze, a grant is sent once and told as unknown;
 * a describe is asked for again. */
static void
test_only_the_harmless_is_repeated(void **state)
{
    struct fixture *fixture = *state;
    struct cv_client *client = fixture->client;
    static const char *const word[] = {"drop"};
    struct cv_query query = {.values = word, .count = 1, .reason = "drop"};
    struct cv_grant_terms terms = {.name = "drop", .role = CV_ROLE_AUDIT};
    struct cv_reply *reply;

#define ONCE(call)                                                                                 \
    do {                                                                                           \
        unsigned before = fixture->fake.counts->requests;                                          \
        assert_int_equal((call), CV_UNAVAILABLE);                                                  \
        assert_true(reply->outcome_unknown);                                                       \
        assert_int_equal(fixture->fake.counts->requests, before + 1);                              \
        cv_reply_free(&reply);                                                                     \
    } while (0)
    ONCE(cv_erase(client, &query, &reply));
    ONCE(cv_grant(client, &terms, &reply));
    ONCE(cv_principal_enable(client, "drop", &reply));
    ONCE(cv_principal_offboard(client, "drop", &reply));
    ONCE(cv_namespace_set(client, "drop", 1, &reply));
    ONCE(cv_namespace_shred(client, "drop", &reply));
#undef ONCE
    unsigned before = fixture->fake.counts->requests;
    assert_int_equal(cv_describe(client, &query, &reply), CV_UNAVAILABLE);
    assert_false(reply->outcome_unknown);
    assert_true(fixture->fake.counts->requests > before + 1);
    cv_reply_free(&reply);
}

/* What waits for a second admin, and what is said of an act that does. */
static void
test_two_people(void **state)
{
    struct fixture *fixture = *state;
    struct cv_client *client = fixture->client;
    struct cv_reply *reply;

    assert_int_equal(cv_principal_enable(client, "pending", &reply), CV_PENDING);
    assert_int_equal(reply->request, 4711);
    assert_false(reply->outcome_unknown);
    assert_int_equal(cv_advice_of(reply), CV_REFUSE);
    cv_reply_free(&reply);
    assert_int_equal(cv_pending(client, &reply), CV_OK);
    assert_sent(fixture, OP_PENDING, 0);
    assert_int_equal(reply->approvals, CV_APPROVALS_ALWAYS);
    assert_true(reply->approvals_active);
    assert_int_equal(reply->total, 3);
    assert_int_equal(reply->waiting, 1);
    assert_int_equal(reply->count, 2);
    assert_int_equal(reply->requests[1].number, 4712);
    assert_string_equal(reply->requests[1].principal, "anna");
    assert_string_equal(cv_act_name(reply->requests[1].act), "recipient_add");
    assert_string_equal(reply->requests[1].text, "seal backups to safe, too");
    assert_string_equal(reply->requests[1].subject, "safe");
    assert_int_equal(reply->requests[1].public_key[0], 7);
    assert_int_equal(reply->requests[1].created_ms, 1767225600000);
    assert_int_equal(reply->requests[1].expires_ms, 1767312000000);
    cv_reply_free(&reply);
}

#define ACT(call)                                                                                  \
    assert_int_equal((call), CV_OK);                                                               \
    cv_reply_free(&reply)

static void
test_admin_acts(void **state)
{
    struct fixture *fixture = *state;
    struct cv_client *client = fixture->client;
    uint8_t key[CV_KEY_BYTES] = {1};
    struct cv_new_principal by_uid = {.name = "a", .kind = CV_SERVICE, .uid = 5};
    struct cv_new_principal by_key = {
        .name = "b", .kind = CV_PERSON, .public_key = key, .relayed = true};
    const struct cv_unsealing unsealing = {
        .provider = CV_PASSPHRASE, .passes = 3, .memory_kib = 262144};
    struct cv_reply *reply;

    ACT(cv_namespace_create(client, "shop", &reply));
    ACT(cv_namespace_set(client, "shop", 24, &reply));
    assert_sent(fixture, OP_NAMESPACE_SET, BIT(NAME) | BIT(RETAIN_MONTHS));
    assert_sent_uint(fixture, FIELD_RETAIN_MONTHS, 24);
    ACT(cv_namespace_set(client, "shop", 0, &reply));
    assert_sent_uint(fixture, FIELD_RETAIN_MONTHS, 0);
    ACT(cv_namespace_shred(client, "shop", &reply));
    assert_sent(fixture, OP_NAMESPACE_SHRED, BIT(NAME));
    ACT(cv_key_rotate(client, CV_KEY_INDEX, "shop", false, &reply));
    assert_sent(fixture, OP_KEY_ROTATE, BIT(PURPOSE) | BIT(NAMESPACE));
    assert_sent_uint(fixture, FIELD_PURPOSE, CV_KEY_INDEX);
    ACT(cv_key_rotate(client, CV_KEY_DATA, NULL, true, &reply));
    assert_sent(fixture, OP_KEY_ROTATE, BIT(PURPOSE) | BIT(ALL));
    ACT(cv_compact(client, 4, &reply));
    assert_sent(fixture, OP_COMPACT, BIT(NUMBER));
    assert_sent_uint(fixture, FIELD_NUMBER, 4);
    ACT(cv_root_rotate(client, key, &unsealing, &reply));
    assert_sent(fixture, OP_ROOT_ROTATE, BIT(ROOT_KEY) | BIT(UNSEAL));
    ACT(cv_principal_add(client, &by_uid, &reply));
    assert_sent(fixture, OP_PRINCIPAL_ADD, BIT(NAME) | BIT(KIND) | BIT(UID));
    ACT(cv_principal_add(client, &by_key, &reply));
    assert_sent(fixture, OP_PRINCIPAL_ADD, BIT(NAME) | BIT(KIND) | BIT(PUBLIC_KEY) | BIT(RELAYED));
    ACT(cv_principal_disable(client, "a", &reply));
    ACT(cv_principal_enable(client, "a", &reply));
    assert_sent(fixture, OP_PRINCIPAL_ENABLE, BIT(NAME));
    ACT(cv_principal_offboard(client, "a", &reply));
    assert_sent(fixture, OP_PRINCIPAL_OFFBOARD, BIT(NAME));
    ACT(cv_revoke(client, "a", CV_ROLE_ADMIN, NULL, &reply));
    assert_sent(fixture, OP_REVOKE, BIT(NAME) | BIT(ROLE));
    ACT(cv_recipient_add(client, "safe", key, &reply));
    assert_sent(fixture, OP_RECIPIENT_ADD, BIT(NAME) | BIT(PUBLIC_KEY));
    ACT(cv_recipient_remove(client, "safe", &reply));
    assert_sent(fixture, OP_RECIPIENT_REMOVE, BIT(NAME));
    assert_int_equal(cv_canary_add(client, "+442079460958", "shop", &reply), CV_OK);
    assert_string_equal(reply->token, FAKE_TOKEN);
    assert_int_equal(reply->number, 3);
    cv_reply_free(&reply);
    assert_sent(fixture, OP_CANARY_ADD, BIT(VALUE) | BIT(NAMESPACE));
    assert_int_equal(cv_canary_add(client, "+442079460958", NULL, &reply), CV_OK);
    cv_reply_free(&reply);
    assert_sent(fixture, OP_CANARY_ADD, BIT(VALUE));
    ACT(cv_canary_remove(client, FAKE_TOKEN, &reply));
    assert_sent(fixture, OP_CANARY_REMOVE, BIT(TOKEN));
    ACT(cv_notify_test(client, &reply));
    assert_sent(fixture, OP_NOTIFY_TEST, 0);
    ACT(cv_backup_end(client, key, true, &reply));
    assert_sent(fixture, OP_BACKUP_END, BIT(BACKUP) | BIT(ALL));
    ACT(cv_backup_end(client, key, false, &reply));
    assert_sent(fixture, OP_BACKUP_END, BIT(BACKUP));
    ACT(cv_principal_set_key(client, "a", key, &reply));
    assert_sent(fixture, OP_PRINCIPAL_SET_KEY, BIT(NAME) | BIT(PUBLIC_KEY));
    ACT(cv_approvals_set(client, CV_APPROVALS_AUTO, &reply));
    assert_sent(fixture, OP_APPROVALS_SET, BIT(APPROVALS));
    assert_sent_uint(fixture, FIELD_APPROVALS, 0);
    ACT(cv_approve(client, 4711, &reply));
    assert_sent(fixture, OP_APPROVE, BIT(REQUEST));
    assert_sent_uint(fixture, FIELD_REQUEST, 4711);
    ACT(cv_deny(client, 4712, &reply));
    assert_sent(fixture, OP_DENY, BIT(REQUEST));
    ACT(cv_seal(client, &reply));
    assert_int_equal(fixture->fake.counts->executed, 27);
}

static void
test_grants_have_terms(void **state)
{
    struct fixture *fixture = *state;
    struct cv_client *client = fixture->client;
    struct cv_grant_terms terms = {.name = "a", .role = CV_ROLE_SERVICE, .namespace_name = "shop"};
    struct cv_reply *reply;

    ACT(cv_grant(client, &terms, &reply));
    assert_sent(fixture, OP_GRANT, BIT(NAME) | BIT(ROLE) | BIT(NAMESPACE));
    terms.lasts_s = 60;
    terms.daily = 50;
    terms.hourly = 10;
    ACT(cv_grant(client, &terms, &reply));
    assert_sent(fixture, OP_GRANT,
                BIT(NAME) | BIT(ROLE) | BIT(NAMESPACE) | BIT(LASTS_S) | BIT(DAILY) | BIT(HOURLY));
    assert_sent_uint(fixture, FIELD_LASTS_S, 60);
    assert_sent_uint(fixture, FIELD_DAILY, 50);
    assert_sent_uint(fixture, FIELD_HOURLY, 10);
    terms = (struct cv_grant_terms){.name = "b", .role = CV_ROLE_AUDIT, .until_ms = 1798761600000};
    ACT(cv_grant(client, &terms, &reply));
    assert_sent(fixture, OP_GRANT, BIT(NAME) | BIT(ROLE) | BIT(UNTIL));
    assert_sent_uint(fixture, FIELD_UNTIL, 1798761600000);
    assert_sent_uint(fixture, FIELD_ROLE, ROLE_AUDIT);
}

static void
test_freeze(void **state)
{
    struct fixture *fixture = *state;
    struct cv_client *client = fixture->client;
    struct cv_reply *reply;
    bool all = false;

    ACT(cv_freeze(client, false, &reply));
    assert_sent(fixture, OP_FREEZE, 0);
    ACT(cv_freeze(client, true, &reply));
    assert_sent(fixture, OP_FREEZE, BIT(ALL));
    assert_true(message_bool(last_request(fixture), FIELD_ALL, &all));
    assert_true(all);
    ACT(cv_unfreeze(client, &reply));
    assert_sent(fixture, OP_UNFREEZE, 0);
}
#undef ACT

static void
test_a_frozen_vault_says_so(void **state)
{
    struct fixture *fixture = *state;
    struct cv_reply *reply;

    assert_int_equal(cv_state(fixture->client, &reply), CV_OK);
    assert_int_equal(reply->frozen, CV_FREEZE_NONE);
    cv_reply_free(&reply);
    fixture->fake.options.frozen = true;
    fake_kill(&fixture->fake);
    fake_restart(&fixture->fake);
    assert_int_equal(cv_state(fixture->client, &reply), CV_OK);
    assert_string_equal(reply->state, "frozen");
    assert_true(reply->has_totals);
    assert_int_equal(reply->frozen, CV_FREEZE_ALL);
    assert_int_equal(reply->audit_key[1], 0xcd);
    cv_reply_free(&reply);
}

static void
test_names(void **state)
{
    (void)state;

    assert_string_equal(cv_status_name(CV_NOT_FOUND), "not_found");
    assert_string_equal(cv_status_name(CV_FROZEN), "frozen");
    assert_null(cv_status_name((enum cv_status)17));
    assert_string_equal(cv_kind_name(CV_EMAIL), "email");
    assert_null(cv_kind_name((enum cv_kind)3));
    assert_string_equal(cv_role_name(CV_ROLE_DELIVER), "deliver");
    assert_string_equal(cv_role_name(CV_ROLE_PRIVACY), "privacy");
    assert_string_equal(cv_role_name(CV_ROLE_AUDIT), "audit");
    assert_null(cv_role_name((enum cv_role)0));
    assert_null(cv_role_name((enum cv_role)7));
    assert_string_equal(cv_freeze_name(CV_FREEZE_NONE), "none");
    assert_string_equal(cv_freeze_name(CV_FREEZE_ALL), "all");
    assert_null(cv_freeze_name((enum cv_freeze)3));
    assert_string_equal(cv_approvals_name(CV_APPROVALS_NEVER), "never");
    assert_null(cv_approvals_name((enum cv_approvals)3));
    assert_string_equal(cv_key_purpose_name(CV_KEY_INDEX), "index");
    assert_null(cv_key_purpose_name((enum cv_key_purpose)3));
    assert_string_equal(cv_act_name(203), "cut");
    assert_string_equal(cv_act_name(204), "checkpoint");
    assert_string_equal(cv_act_name(208), "retained");
    assert_string_equal(cv_act_name(209), "budget_extra");
    assert_string_equal(cv_act_name(210), "key_destroyed");
    assert_string_equal(cv_act_name(212), "swept");
    assert_string_equal(cv_act_name(213), "backup_ended");
    assert_string_equal(cv_act_name(214), "canary");
    assert_null(cv_act_name(215));
    assert_string_equal(cv_act_name(14), "erase");
    assert_null(cv_act_name(0));
    assert_null(cv_phase_name(4));
}

/* Each is an answer to tokenize of one value. Status INTERNAL, no crash, and the client goes on. */
static void
test_malformed_answers(void **state)
{
    struct fixture *fixture = *state;
    static const char *const answers[] = {
        "80",                     /* no status */
        "81",                     /* cut short */
        "90",                     /* not a map */
        "c0",                     /* nil */
        "8120",                   /* a field without its value */
        "812000ff",               /* trailing byte */
        "812020",                 /* a status that is none */
        "8120a130",               /* a status that is text */
        "82200020 00",            /* the same field twice: spaces are skipped by the hex reader */
        "811f7f",                 /* a field that does not exist */
        "812000",                 /* no items */
        "8220002390",             /* no item for one value */
        "822000239280 80",        /* two items for one value */
        "822000239180",           /* an item that says nothing */
        "82200023 9181 2000",     /* an item that is well and has no token */
        "822000239100",           /* an item that is a number */
        "8220002300",             /* items that are a number */
        "82200121a3610062",       /* a message with a NUL in it */
        "82200121a2c328",         /* a message that is not UTF-8 */
        "82200121dbffffffff",     /* a message of four gigabytes */
        "82200023ddffffffff",     /* four thousand million items */
        "8220002391912390",       /* a list where an item must be */
        "82200023918124a3616263", /* a token of three letters */
        "df00ffffff",             /* a map of sixteen million */
    };

    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        char value[128] = "raw:";
        struct cv_reply *reply;
        char *to = value + 4;
        for (const char *from = answers[i]; *from != 0; from++) {
            if (*from != ' ')
                *to++ = *from;
        }
        enum cv_status status = tokenize_one(fixture->client, value, &reply);
        if (status != CV_INTERNAL)
            fail_msg("answer %s: %s", answers[i], cv_status_name(status));
        assert_non_null(strstr(reply->message, "does not follow the protocol"));
        cv_reply_free(&reply);
    }
    struct cv_reply *reply;
    assert_int_equal(tokenize_one(fixture->client, "one", &reply), CV_OK);
    cv_reply_free(&reply);
    assert_int_equal(fixture->fake.counts->connections, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_says_what_is_wrong),
        cmocka_unit_test(test_a_path_too_long_is_named_so),
        cmocka_unit_test(test_names),
        FIXTURE_TEST(test_a_socket_left_behind_is_unreachable),
        FIXTURE_TEST(test_tokenize),
        FIXTURE_TEST(test_a_value_that_is_no_text_fails_alone),
        FIXTURE_TEST(test_batches_have_bounds),
        FIXTURE_TEST(test_mask_lookup_detokenize),
        FIXTURE_TEST(test_refusals_come_through),
        FIXTURE_TEST(test_hello_and_state),
        FIXTURE_TEST(test_a_stranger_gets_the_state_alone),
        FIXTURE_TEST(test_a_sealed_vault_can_be_asked_and_unsealed),
        FIXTURE_TEST(test_how_a_passphrase_becomes_a_key_is_told),
        FIXTURE_TEST(test_lists),
        FIXTURE_TEST(test_backups),
        cmocka_unit_test(test_recipient_files),
        FIXTURE_TEST(test_audit_read),
        FIXTURE_TEST(test_audit_read_of_some),
        FIXTURE_TEST(test_describe),
        FIXTURE_TEST(test_erase),
        FIXTURE_TEST(test_only_the_harmless_is_repeated),
        FIXTURE_TEST(test_admin_acts),
        FIXTURE_TEST(test_two_people),
        FIXTURE_TEST(test_grants_have_terms),
        FIXTURE_TEST(test_freeze),
        FIXTURE_TEST(test_a_frozen_vault_says_so),
        FIXTURE_TEST(test_malformed_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
