/* SPDX-License-Identifier: Apache-2.0 */
#include "client_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

uint64_t
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int
fixture_setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    const char *temporary = getenv("TMPDIR");

    if (fixture == NULL)
        return -1;
    snprintf(fixture->folder, sizeof fixture->folder, "%.40s/cv-client-XXXXXX",
             temporary != NULL ? temporary : "/tmp");
    /* 0755: a fake that runs as another uid makes its socket in there before it changes. */
    if (mkdtemp(fixture->folder) == NULL || chmod(fixture->folder, 0755) != 0)
        return -1;
    snprintf(fixture->path, sizeof fixture->path, "%s/vault.sock", fixture->folder);
    snprintf(fixture->file, sizeof fixture->file, "%s/file", fixture->folder);
    fake_start(&fixture->fake, &(struct fake_options){.path = fixture->path});
    *state = fixture;
    return fixture_reopen(fixture, &(struct cv_options){.timeout_ms = FIXTURE_TIMEOUT_MS}) == CV_OK
               ? 0
               : -1;
}

int
fixture_teardown(void **state)
{
    struct fixture *fixture = *state;

    cv_close(&fixture->client);
    fake_stop(&fixture->fake);
    message_parser_free(&fixture->parser);
    (void)unlink(fixture->file);
    (void)rmdir(fixture->folder);
    free(fixture);
    return 0;
}

enum cv_status
fixture_reopen(struct fixture *fixture, const struct cv_options *options)
{
    struct cv_options complete = *options;

    complete.socket = fixture->path;
    cv_close(&fixture->client);
    return cv_open(&complete, &fixture->client, NULL);
}

enum cv_status
tokenize_one(struct cv_client *client, const char *value, struct cv_reply **reply)
{
    struct cv_query query = {.values = &value, .count = 1};

    return cv_tokenize(client, &query, reply);
}

const struct message *
last_request(struct fixture *fixture)
{
    const struct fake_counts *counts = fixture->fake.counts;
    const struct message *message = NULL;
    const char *fault;

    assert_true(counts->request_size > 0);
    if (fixture->parser == NULL)
        assert_int_equal(message_parser_new(&fixture->parser), STATUS_OK);
    assert_int_equal(message_parse(fixture->parser, bytes_of(counts->request, counts->request_size),
                                   &message, &fault),
                     STATUS_OK);
    return message;
}

void
assert_sent(struct fixture *fixture, enum operation operation, unsigned __int128 fields)
{
    const unsigned __int128 always = FIELD_BIT(FIELD_OPERATION) | FIELD_BIT(FIELD_CONNECTION);
    const struct message *message = last_request(fixture);
    uint64_t sent;

    assert_true(message_uint(message, FIELD_OPERATION, &sent));
    assert_int_equal(sent, operation);
    assert_true(message_fields(message).bits == (always | fields));
}

void
assert_sent_uint(struct fixture *fixture, enum field field, uint64_t number)
{
    uint64_t sent;

    assert_true(message_uint(last_request(fixture), field, &sent));
    assert_int_equal(sent, number);
}

static void
assert_bytes(struct bytes bytes, const char *text)
{
    assert_int_equal(bytes.size, strlen(text));
    assert_memory_equal(bytes.data, text, bytes.size);
}

void
assert_sent_text(struct fixture *fixture, enum field field, const char *text)
{
    struct bytes sent;

    assert_true(message_bytes(last_request(fixture), field, &sent));
    assert_bytes(sent, text);
}

void
assert_sent_value(struct fixture *fixture, size_t index, const char *text)
{
    const struct message_list *values;

    assert_true(message_list(last_request(fixture), FIELD_VALUES, &values));
    assert_true(index < message_list_count(values));
    assert_bytes(message_list_bytes(values, index), text);
}
