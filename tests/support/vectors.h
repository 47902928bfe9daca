/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vectors.h: files of golden bytes. A line is: name, what it must come to, then fields in hex
 * ("-" for none), apart by blanks; `#` begins a comment line.
 */
#ifndef CONTACT_VAULT_TEST_VECTORS_H
#define CONTACT_VAULT_TEST_VECTORS_H

#include <stddef.h>

#include "bytes.h"
#include "status.h"

enum { VECTOR_FIELDS_MAX = 8 };

struct vector {
    const char *name;
    struct bytes fields[VECTOR_FIELDS_MAX];
    size_t count;
};

typedef enum status vectors_run_one(void *state, const struct vector *vector);

/* Fails the test at the first vector whose status differs; gives how many there were. */
size_t vectors_run(const char *path, vectors_run_one *run, void *state);

/* The same where it is no status that tells them apart; a static word. */
typedef const char *vectors_name_one(void *state, const struct vector *vector);
size_t vectors_run_named(const char *path, vectors_name_one *run, void *state);

#endif
