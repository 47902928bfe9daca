/* SPDX-License-Identifier: Apache-2.0 */
/* Builds the house from the ground up and takes it down again. */
#include "main_internal.h"

#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

#include "access.h"
#include "audit.h"
#include "backup.h"
#include "budget.h"
#include "config.h"
#include "dispatch.h"
#include "keyring.h"
#include "locked.h"
#include "notifier.h"
#include "process.h"
#include "signals.h"
#include "startup_text.h"
#include "store.h"
#include "vault.h"

enum {
    LOCKED_BYTES_NEEDED = 5 * 1024 * 1024, /* workers' scratch, connections' buffers, keys */
    SENTENCE_BYTES = 2048,
    GIB_SHIFT = 30,
    MIB_SHIFT = 20,
};

static bool
say(const char *what, const char *why)
{
    char sentence[SENTENCE_BYTES];

    (void)snprintf(sentence, sizeof sentence, "%s: %s", what, why);
    startup_say(sentence);
    return false;
}

bool
graph_prepare_process(void)
{
    if (sodium_init() < 0) {
        return say("libsodium", "cannot be initialised");
    }
    if (signals_block() != STATUS_OK || process_harden() != STATUS_OK) {
        return say("the process", "cannot be made undumpable");
    }
    process_raise_file_limit();
    process_warn_of_swap();
    if (locked_probe(LOCKED_BYTES_NEEDED) != STATUS_OK) {
        return say("memory",
                   "5 MiB cannot be locked, so keys and contacts could be swapped to disk; "
                   "raise RLIMIT_MEMLOCK (ulimit -l, or LimitMEMLOCK= in the unit)");
    }
    return true;
}

/* Without a store there never was a vault; with one, a missing keyring is a loss. */
static const char *
keyring_fault(const struct graph *graph, enum status status)
{
    if (status == STATUS_CORRUPT) {
        return "not a keyring of this version, or damaged: put the newest copy back";
    }
    if (status != STATUS_NOT_FOUND) {
        return "cannot be read; the line above says why";
    }
    return access(graph->paths.store, F_OK) == 0
               ? "the keyring is missing: put the newest copy of it back, and delete nothing"
               : "init was cut short: remove the data directory and its key file, and run it again";
}

struct store_options
graph_store_options(const struct graph *graph)
{
    return (struct store_options){
        .folder = graph->paths.store,
        .map_bytes = (uint64_t)graph->config->map_gib << GIB_SHIFT,
    };
}

static bool
open_vault(struct graph *graph)
{
    const struct store_options options = graph_store_options(graph);
    char fault[VAULT_FAULT_BYTES] = "";
    enum status status = keyring_open(graph->paths.keyring, &graph->keyring);

    if (status != STATUS_OK) {
        return say(graph->paths.keyring, keyring_fault(graph, status));
    }
    status = store_open(&options, &graph->store);
    if (status != STATUS_OK) {
        return say(graph->paths.store, status == STATUS_CORRUPT
                                           ? "not a store of this version, or damaged"
                                           : "cannot be opened; the line above says why");
    }
    status = vault_open(graph->store, graph->keyring, fault, &graph->vault);
    return status == STATUS_OK ? true : say("refusing to start", fault);
}

static uint64_t
changes_of_store(const void *store)
{
    return store_changes(store);
}

static bool
open_audit(struct graph *graph, struct audit_summary *ret_found)
{
    const char *checkpoints = graph->config->checkpoint_folder;
    const struct audit_options options = {
        .folder = graph->paths.audit,
        .vault_id = keyring_vault_id(graph->keyring),
        .instance_id = vault_instance_id(graph->vault),
        .keyring = graph->keyring,
        .store_changes = changes_of_store,
        .store = graph->store,
        .checkpoint_folder = checkpoints[0] != '\0' ? checkpoints : NULL,
        .checkpoint_s = graph->config->checkpoint_s,
    };
    char place[AUDIT_PLACE_BYTES] = "";

    if (audit_open(&options, ret_found, place, &graph->audit) != STATUS_OK) {
        return say("refusing to start: the audit log",
                   place[0] != '\0' ? place : "cannot be read or written; the line above says why");
    }
    return true;
}

static bool
open_access(struct graph *graph)
{
    const struct config_budgets *budgets = &graph->config->budgets;
    const struct access_budgets defaults = {
        .service = {budgets->service_daily, budgets->service_hourly},
        .lookup = {budgets->lookup_daily, budgets->lookup_hourly},
        .reveal = {budgets->reveal_daily, budgets->reveal_hourly},
        .deliver = {budgets->deliver_daily, budgets->deliver_hourly},
    };

    if (access_new(graph->store, graph->keyring, &defaults, &graph->access) != STATUS_OK ||
        budgets_new(&graph->budgets) != STATUS_OK) {
        return say("memory", "none left");
    }
    budgets_set_alarm(graph->budgets, budgets->alarm_percent);
    return true;
}

static bool
open_backup(struct graph *graph)
{
    const struct backup_parts parts = {
        .store = graph->store,
        .keyring = graph->keyring,
        .audit = graph->audit,
        .instance_id = vault_instance_id(graph->vault),
        .rate = (uint64_t)graph->config->backup_rate << MIB_SHIFT,
    };

    return backup_new(&parts, &graph->backup) == STATUS_OK ? true : say("memory", "none left");
}

static bool
open_above(struct graph *graph)
{
    struct audit_summary found;

    if (!open_audit(graph, &found) || !open_access(graph) || !open_backup(graph)) {
        return false;
    }
    const struct dispatch_parts parts = {
        .vault = graph->vault,
        .access = graph->access,
        .audit = graph->audit,
        .budgets = graph->budgets,
        .backup = graph->backup,
        .found = &found,
        .daemon_uid = (uint32_t)geteuid(),
        .unseal_uids = graph->config->unseal_uids.at,
        .unseal_uid_count = graph->config->unseal_uids.count,
        .purposes = graph->config->purposes,
        .audit_retain_months = graph->config->retain_months,
        .rekey_rate = graph->config->rekey_rate,
        .data_key_max_days = graph->config->data_key_max_days,
        .data_key_max_records = graph->config->data_key_max_records,
        .making = graph->making,
        .tell = graph->notifier != NULL ? notifier_tell : NULL,
        .teller = graph->notifier,
        .alarm_lookup_misses = graph->config->budgets.alarm_lookup_misses,
    };

    return dispatch_new(&parts, &graph->dispatch) == STATUS_OK ? true : say("memory", "none left");
}

bool
graph_open(struct graph *graph)
{
    return open_vault(graph) && open_above(graph);
}

void
graph_close(struct graph *graph)
{
    dispatch_free(&graph->dispatch);
    backup_free(&graph->backup);
    budgets_free(&graph->budgets);
    access_free(&graph->access);
    audit_close(&graph->audit);
    vault_close(&graph->vault);
    store_close(&graph->store);
    keyring_close(&graph->keyring);
    datadir_close(&graph->datadir);
}

bool
graph_unseal(struct graph *graph, const struct secret *root)
{
    char fault[DISPATCH_FAULT_BYTES] = "";

    if (dispatch_unseal(graph->dispatch, root, fault) != STATUS_OK) {
        return say("refusing to unseal", fault);
    }
    return true;
}
