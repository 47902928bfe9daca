/* SPDX-License-Identifier: Apache-2.0 */
/* main_internal.h: what vaultd's three faces share: serve, init, audit-verify. */
#ifndef CONTACT_VAULT_MAIN_INTERNAL_H
#define CONTACT_VAULT_MAIN_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "datadir.h"
#include "status.h"

struct access;
struct audit;
struct dispatch;
struct keyring;
struct secret;
struct store;
struct vault;

enum { EXIT_OK = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

/* The whole building below rpc, opened from the ground up; closed in reverse. */
struct graph {
    struct datadir_paths paths;
    bool making; /* by init: there is no admin yet */
    uint64_t map_bytes; /* of the store; 0: its default */
    struct datadir *datadir;
    struct keyring *keyring;
    struct store *store;
    struct vault *vault;
    struct audit *audit;
    struct access *access;
    struct dispatch *dispatch;
};

/* Process-wide: signals, limits, no dumps, memory that can be locked. False: said why. */
bool graph_prepare_process(void);
/* Everything above the data directory, which is open already. False: said why. */
bool graph_open(struct graph *graph);
void graph_close(struct graph *graph);
/* Opens the vault with the root key. False: said why. */
bool graph_unseal(struct graph *graph, const struct secret *root);

/* --map-gib: an option of whatever opens the store. */
enum { MAIN_OPTION_MAP = 0x100, MAIN_GIB_SHIFT = 30 };
#define MAIN_MAP_HELP                                                                              \
    "address space for the database in GiB (default 1024, taken as needed, not at once)"
bool graph_parse_map(const char *text, uint64_t *ret_gib);

int main_serve(int argc, char **argv);
int main_init(int argc, char **argv);
int main_audit_verify(int argc, char **argv);

#endif
