/* SPDX-License-Identifier: Apache-2.0 */
/* The golden bytes of tests/vectors/, both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "golden.h"
#include "hello.h"
#include "message.h"

static uint8_t buffer[GOLDEN_BYTES_MAX];

static bool
is_request(const struct golden *golden)
{
    return strcmp(golden_text(golden, "direction"), "request") == 0;
}

/* What the daemon does with a request's bytes and the client with a reply's. */
static enum status
read_message(const struct golden *golden, struct message_parser *parser,
             const struct message **ret_message, const char **ret_fault)
{
    struct bytes bytes = golden_hex(golden, "hex", buffer);
    enum operation operation;
    enum status status = message_parse(parser, bytes, ret_message, ret_fault);

    if (status == STATUS_OK && is_request(golden)) {
        status = message_check_request(*ret_message, &operation, ret_fault);
    }
    return status;
}

static void
check_decode(const struct golden *golden)
{
    struct message_parser *parser = NULL;
    const struct message *message = NULL;
    const char *fault = NULL;

    assert_int_equal(message_parser_new(&parser), STATUS_OK);
    if (read_message(golden, parser, &message, &fault) != STATUS_OK) {
        fail_msg("%s: refused: %s", golden->name, fault);
    }
    golden_check(golden, message);
    message_parser_free(&parser);
}

static void
check_encode(const struct golden *golden)
{
    static uint8_t written[GOLDEN_BYTES_MAX];
    struct message_writer writer = {.data = written, .capacity = sizeof written};
    const char *key = golden_find(golden, "canonical") != NULL ? "canonical" : "hex";
    struct bytes wanted = golden_hex(golden, key, buffer);

    golden_write(golden, &writer);
    assert_false(writer.full);
    if (!bytes_equal(bytes_of(written, writer.size), wanted)) {
        fail_msg("%s: written otherwise", golden->name);
    }
}

static void
check_refused(const struct golden *golden)
{
    struct message_parser *parser = NULL;
    const struct message *message = NULL;
    const char *fault = "none";

    assert_int_equal(message_parser_new(&parser), STATUS_OK);
    enum status status = read_message(golden, parser, &message, &fault);
    if (status != golden_status(golden) || strcmp(fault, golden_text(golden, "fault")) != 0) {
        fail_msg("%s: %s, \"%s\"", golden->name, status_name(status), fault);
    }
    message_parser_free(&parser);
}

static void
check_hello(const struct golden *golden)
{
    static uint8_t parts[5][GOLDEN_BYTES_MAX], signature_buffer[GOLDEN_BYTES_MAX];
    uint8_t transcript[HELLO_TRANSCRIPT_BYTES], signature[SIGNATURE_BYTES];
    uint8_t public_key[PUBLIC_KEY_BYTES], secret_key[crypto_sign_SECRETKEYBYTES];
    const struct hello hello = {
        .instance_id = golden_hex(golden, "instance_id", parts[0]).data,
        .public_key = golden_hex(golden, "public_key", parts[1]).data,
        .client_nonce = golden_hex(golden, "client_nonce", parts[2]).data,
        .vault_nonce = golden_hex(golden, "vault_nonce", parts[3]).data,
        .uid = (uint32_t)golden_number(golden, "uid"),
    };
    struct bytes seed = golden_hex(golden, "seed", parts[4]);
    struct bytes wanted = golden_hex(golden, "transcript", buffer);

    hello_transcript(&hello, transcript);
    assert_int_equal(wanted.size, sizeof transcript);
    assert_memory_equal(transcript, wanted.data, sizeof transcript);

    assert_int_equal(crypto_sign_seed_keypair(public_key, secret_key, seed.data), 0);
    assert_memory_equal(public_key, hello.public_key, sizeof public_key);
    crypto_sign_detached(signature, NULL, transcript, sizeof transcript, secret_key);
    wanted = golden_hex(golden, "signature", signature_buffer);
    assert_int_equal(wanted.size, sizeof signature);
    assert_memory_equal(signature, wanted.data, sizeof signature);
}

/* A count below is there so that an emptied file cannot pass. */
static void
test_good_messages_are_read(void **state)
{
    (void)state;
    assert_true(golden_each("messages.txt", check_decode) >= 64);
}

static void
test_good_messages_are_written(void **state)
{
    (void)state;
    assert_true(golden_each("messages.txt", check_encode) >= 61);
}

static void
test_bad_messages_are_refused(void **state)
{
    (void)state;
    assert_true(golden_each("bad_messages.txt", check_refused) >= 93);
}

static void
test_hello_transcripts(void **state)
{
    (void)state;
    assert_true(golden_each("hello.txt", check_hello) >= 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_messages_are_read),
        cmocka_unit_test(test_good_messages_are_written),
        cmocka_unit_test(test_bad_messages_are_refused),
        cmocka_unit_test(test_hello_transcripts),
    };

    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
