/* SPDX-License-Identifier: Apache-2.0 */
#include "vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each field in memory of its own, exactly as long, so that a read past its end is seen. */
static struct bytes
parse_field(const char *text)
{
    size_t capacity = strlen(text) / 2;
    uint8_t *data = malloc(capacity == 0 ? 1 : capacity);
    size_t size = 0;

    assert_non_null(data);
    if (strcmp(text, "-") != 0) {
        assert_int_equal(sodium_hex2bin(data, capacity, text, strlen(text), NULL, &size, NULL), 0);
        assert_int_equal(size, capacity);
    }
    return bytes_of(data, size);
}

static void
run_line(char *line, vectors_name_one *run, void *state)
{
    struct vector vector = {0};
    const char *expected;
    const char *found;
    char *rest = NULL;

    vector.name = strtok_r(line, " \n", &rest);
    expected = strtok_r(NULL, " \n", &rest);
    assert_non_null(expected);
    for (const char *at; (at = strtok_r(NULL, " \n", &rest)) != NULL; vector.count++) {
        assert_true(vector.count < VECTOR_FIELDS_MAX);
        vector.fields[vector.count] = parse_field(at);
    }
    found = run(state, &vector);
    if (strcmp(found, expected) != 0) {
        fail_msg("vector %s: %s, not %s", vector.name, found, expected);
    }
    for (size_t i = 0; i < vector.count; i++) {
        free((void *)(uintptr_t)vector.fields[i].data);
    }
}

size_t
vectors_run_named(const char *path, vectors_name_one *run, void *state)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t capacity = 0;
    size_t count = 0;

    assert_non_null(file);
    while (getline(&line, &capacity, file) > 0) {
        if (line[0] != '#' && line[0] != '\n') {
            run_line(line, run, state);
            count++;
        }
    }
    free(line);
    (void)fclose(file);
    return count;
}

struct by_status {
    vectors_run_one *run;
    void *state;
};

static const char *
name_status(void *state, const struct vector *vector)
{
    const struct by_status *by_status = state;

    return status_name(by_status->run(by_status->state, vector));
}

size_t
vectors_run(const char *path, vectors_run_one *run, void *state)
{
    struct by_status by_status = {.run = run, .state = state};

    return vectors_run_named(path, name_status, &by_status);
}
