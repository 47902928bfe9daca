/* SPDX-License-Identifier: Apache-2.0 */
/* client_fixture.h: a fake vault in a folder of its own, and a client connected to it. */
#ifndef CONTACT_VAULT_CLIENT_FIXTURE_H
#define CONTACT_VAULT_CLIENT_FIXTURE_H

#include <stdint.h>

#include "contactvault.h"
#include "fake_vault.h"
#include "message.h"

enum { FIXTURE_TIMEOUT_MS = 5000 };

struct fixture {
    char folder[64], path[96], file[96];
    struct fake fake;
    struct cv_client *client;
    struct message_parser *parser; /* of last_request */
};

#define FIXTURE_TEST(function)                                                                     \
    cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int fixture_setup(void **state);
int fixture_teardown(void **state);

/* The fixture's client is closed and opened anew. */
enum cv_status fixture_reopen(struct fixture *fixture, const struct cv_options *options);

enum cv_status tokenize_one(struct cv_client *client, const char *value, struct cv_reply **reply);
uint64_t now_ms(void);

/* What the fake was asked last; HELLOs not counted. Fails the test where that was nothing. */
const struct message *last_request(struct fixture *fixture);
/* Its operation, and exactly these fields besides that and the connection: bits. */
void assert_sent(struct fixture *fixture, enum operation operation, unsigned __int128 fields);
void assert_sent_uint(struct fixture *fixture, enum field field, uint64_t number);
void assert_sent_text(struct fixture *fixture, enum field field, const char *text);
/* values[index] of it. */
void assert_sent_value(struct fixture *fixture, size_t index, const char *text);

#endif
