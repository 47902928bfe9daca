/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault_alone.h: a vault in a temporary folder on keyring and store, without dispatch above it.
 * What goes wrong in here, where nothing is said of it, ends the test program.
 */
#ifndef CONTACT_VAULT_TEST_VAULT_ALONE_H
#define CONTACT_VAULT_TEST_VAULT_ALONE_H

#include <stddef.h>
#include <stdint.h>

#include "folder.h"
#include "keyring.h"
#include "scratch.h"
#include "secret.h"
#include "store.h"
#include "store_backend.h"
#include "vault.h"

enum { ALONE_NAMESPACE = 1, ALONE_OTHER_NAMESPACE = 2 };

struct alone {
    char folder[FOLDER_PATH_BYTES];
    const struct store_backend *backend;
    struct secret *root;
    struct keyring *keyring;
    struct store *store;
    struct vault *vault;
    struct scratch *scratch; /* of one thread; wiped when the test likes */
    char fault[VAULT_FAULT_BYTES];
};

/* A new vault with two namespaces, unsealed. */
void alone_make(struct alone *alone, const struct store_backend *backend);
void alone_remove(struct alone *alone);
/* As a crash would; then opened again, and unsealed. */
void alone_close(struct alone *alone);
MUST_USE enum status alone_open(struct alone *alone);

/* One contact in ALONE_NAMESPACE, and where its token leads; fails the test if it has none. */
struct vault_place alone_tokenize(struct alone *alone, const char *text);
MUST_USE enum status alone_lookup(struct alone *alone, const char *text);
/* Where a token leads now. */
MUST_USE enum status alone_locate(struct alone *alone, struct vault_place *place);
/* Erases one place; its status, or that of all. */
MUST_USE enum status alone_erase(struct alone *alone, struct vault_place place);
/* The contact as a string of at most CONTACT_BYTES_MAX + 1; the receipt is made up. */
MUST_USE enum status alone_reveal(struct alone *alone, const struct vault_place *place,
                                  char *ret_text);
/* Contacts there are, if all rows are whole; else the test fails. */
uint64_t alone_count(struct alone *alone);

/* A row as somebody with a database editor would change it; `value.data` NULL: deletes it. */
void alone_put(struct alone *alone, enum store_table table, struct bytes key, struct bytes value);
/* The record of a place, its size. */
size_t alone_record(struct alone *alone, const struct vault_place *place, uint8_t *ret_record);
void alone_put_record(struct alone *alone, const struct vault_place *place, const uint8_t *record,
                      size_t size);
/* The one index row that leads to this place: its key, and its size. */
size_t alone_index_key(struct alone *alone, const struct vault_place *place, uint8_t *ret_key);

#endif
