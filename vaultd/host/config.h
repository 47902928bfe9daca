/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h: `vaultd --config FILE`: every limit, path and default, read once at start and constant
 * from then on. One table (config_table.c) says which keys there are and what each may be; whatever
 * else the file holds is refused with file, line and what is allowed, and nothing starts. Used at
 * start, by one thread.
 */
#ifndef CONTACT_VAULT_CONFIG_H
#define CONTACT_VAULT_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bytes.h"
#include "status.h"

enum {
    CONFIG_PATH_BYTES = 1024, /* with the NUL */
    CONFIG_GROUP_BYTES = 64,
    CONFIG_KEYS_MAX = 64,
    CONFIG_FILE_BYTES_MAX = 65536,
    CONFIG_SENTENCE_BYTES = 2048,
    CONFIG_UIDS_MAX = 16,         /* as many as there may be shares */
    CONFIG_ARGUMENTS_BYTES = 201, /* of the notifier, with the NUL */
    CONFIG_ARGUMENTS_MAX = 16,
    CONFIG_PURPOSES_BYTES = 201, /* with the NUL; a refusal names them all, in a message's 256 */
};

/* A text that is empty, or a number that is 0, means what vaultd.conf.example says of it. */
struct config_socket {
    char path[CONFIG_PATH_BYTES]; /* empty: DIR/run/... */
    char group[CONFIG_GROUP_BYTES];
    uint32_t mode;
    gid_t gid; /* of the group, found by config_check; (gid_t)-1: none named */
};

struct config_limits {
    uint32_t connections, admin_connections, connections_per_uid;
    uint32_t strangers, strangers_per_uid, stranger_s;
    uint32_t outstanding, handshake_s, frame_s, write_s, idle_s;
    uint32_t workers, queue, memory_mib, drain_s;
};

struct config_budgets {
    uint32_t service_daily, service_hourly;
    uint32_t lookup_daily, lookup_hourly;
    uint32_t reveal_daily, reveal_hourly;
    uint32_t deliver_daily, deliver_hourly;
    uint32_t alarm_percent, alarm_lookup_misses;
};

struct config_uids {
    uint32_t count;
    uint32_t at[CONFIG_UIDS_MAX];
};

struct config {
    char data[CONFIG_PATH_BYTES];
    char key_file[CONFIG_PATH_BYTES];
    uint32_t map_gib; /* 0: the store's default */
    struct config_socket socket;
    struct config_socket admin_socket;
    struct config_limits limits;
    struct config_budgets budgets;
    struct config_uids unseal_uids;         /* may unseal, beside root and the user this runs as */
    char purposes[CONFIG_PURPOSES_BYTES];   /* of reveals: names apart by ", "; empty: no list */
    char notify_command[CONFIG_PATH_BYTES]; /* told of alarms; empty: nobody is */
    char notify_arguments[CONFIG_ARGUMENTS_BYTES]; /* apart by blanks */
    char checkpoint_folder[CONFIG_PATH_BYTES];
    uint32_t checkpoint_s;
    uint32_t retain_months;
    uint32_t rekey_rate;
    uint32_t data_key_max_days, data_key_max_records;
    uint32_t backup_rate;            /* MiB in a second */
    uint32_t log_level;              /* enum log_level */
    char file[CONFIG_PATH_BYTES];    /* where all this was read; empty: nowhere */
    uint32_t lines[CONFIG_KEYS_MAX]; /* of each row of the table; 0: not said there */
};

/* Hears of each fault, in one sentence for a person: "FILE:LINE: section.key: what is allowed". */
typedef void config_say(void *state, const char *sentence);

/* Everything as it is where nothing is said. */
void config_default(struct config *ret_config);

/*
 * config_read: the file's values over those in *config. INVALID: its faults were said, all of them.
 * NOT_FOUND, UNAVAILABLE: it cannot be read. DENIED: neither root's nor ours, or others may write
 * to it. TOO_LARGE: it is no configuration. Each was said.
 */
MUST_USE enum status config_read(const char *path, config_say *say, void *state,
                                 struct config *config);
/* The same of a text; `name` stands for the file in what is said. */
MUST_USE enum status config_parse(const char *name, struct bytes text, config_say *say, void *state,
                                  struct config *config);

/*
 * config_check: the values beside each other and beside this machine: folders, groups, the length
 * of a socket's path. Looks and touches nothing. Finds the gid of each group. INVALID: faults were
 * said.
 */
MUST_USE enum status config_check(struct config *config, config_say *say, void *state);

/* For tests: the table's rows by number: "section", "key", and the default as the file has it.
 * False: there are no more. */
struct config_row_text {
    const char *section, *key;
    char value[CONFIG_PATH_BYTES];
};
bool config_row(unsigned number, struct config_row_text *ret_row);

#endif
