/* SPDX-License-Identifier: Apache-2.0 */
/* main_internal.h: what vaultd's four faces share: serve, init, audit-verify, restore. */
#ifndef CONTACT_VAULT_MAIN_INTERNAL_H
#define CONTACT_VAULT_MAIN_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "datadir.h"
#include "status.h"

struct access;
struct argp;
struct audit;
struct budgets;
struct config;
struct dispatch;
struct keyring;
struct notifier;
struct secret;
struct store;
struct vault;

enum { EXIT_OK = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

/* The whole building below rpc, opened from the ground up; closed in reverse. */
struct graph {
    const struct config *config; /* outlives it */
    struct datadir_paths paths;
    bool making;               /* by init: there is no admin yet */
    struct notifier *notifier; /* NULL: nobody is told; the caller's */
    struct datadir *datadir;
    struct keyring *keyring;
    struct store *store;
    struct vault *vault;
    struct audit *audit;
    struct access *access;
    struct budgets *budgets;
    struct backup *backup;
    struct dispatch *dispatch;
};

/* Process-wide: signals, limits, no dumps, memory that can be locked. False: said why. */
bool graph_prepare_process(void);
/* Everything above the data directory, which is open already. False: said why. */
bool graph_open(struct graph *graph);
void graph_close(struct graph *graph);
/* Opens the vault with the root key. False: said why. */
bool graph_unseal(struct graph *graph, const struct secret *root);
/* What the store is opened with, by init too. */
struct store_options graph_store_options(const struct graph *graph);

/* --data, --key-file, --map-gib: a child of each face's own argp; its input is this. */
struct main_options {
    const char *data;
    const char *key_file;
    uint32_t map_gib; /* 0: not said */
};
extern const struct argp main_options_argp;
/* Over what the configuration says. False: said why. */
bool main_options_apply(const struct main_options *options, struct config *config);

int main_serve(int argc, char **argv);
int main_init(int argc, char **argv);
int main_audit_verify(int argc, char **argv);
int main_restore(int argc, char **argv);

#endif
