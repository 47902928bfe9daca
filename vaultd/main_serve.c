/* SPDX-License-Identifier: Apache-2.0 */
/* vaultd --data DIR, or --config FILE: start, serve, stop (DESIGN.md, "Start and stop"). */
#include <argp.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "config.h"
#include "dispatch.h"
#include "log.h"
#include "main_internal.h"
#include "maintenance.h"
#include "notifier.h"
#include "notify.h"
#include "sandbox.h"
#include "secret.h"
#include "server.h"
#include "signals.h"
#include "startup_text.h"
#include "unseal.h"

#define CREDENTIAL "contact-vault-root-key"

enum {
    TICK_MS = 100,
    DRAIN_STEP_MS = 10,
    MAINTENANCE_PATIENCE_MS = 5000,
    MS_PER_S = 1000,
    KEY_PATH_BYTES = 1024,
    MIB_SHIFT = 20,
    OPTION_CONFIG = 'c',
    OPTION_CHECK = 0x101,
};

struct serve_options {
    struct main_options shared;
    const char *config; /* NULL: everything at its default */
    bool check_only;
};

/* argp, in libc, looks for it by name. */
__attribute__((visibility("default"))) const char *argp_program_version =
    "vaultd " CONTACT_VAULT_RELEASE;

static error_t
parse_option(int key, char *argument, struct argp_state *state)
{
    struct serve_options *options = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->shared;
        return 0;
    case OPTION_CONFIG:
        options->config = argument;
        return 0;
    case OPTION_CHECK:
        options->check_only = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "unknown argument; subcommands are init and audit-verify");
        return 0;
    case ARGP_KEY_END:
        if (options->shared.data == NULL && options->config == NULL) {
            argp_error(state, "--data DIR is needed, or --config FILE");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option argp_options[] = {
    {"config", OPTION_CONFIG, "FILE", 0, "limits, sockets, budgets (see vaultd.conf.example)", 0},
    {"check-config", OPTION_CHECK, NULL, 0, "say \"ok\", or what is wrong with it, and no more", 0},
    {0},
};
static const struct argp_child argp_children[] = {{&main_options_argp, 0, NULL, 0}, {0}};

static const struct argp argp = {
    .options = argp_options,
    .children = argp_children,
    .parser = parse_option,
    .doc = "The one place where real phone numbers and e-mail addresses exist.\v"
           "Options go before what the configuration says. Untold, the root key is the systemd "
           "credential " CREDENTIAL "; without that, vaultd starts sealed.\n"
           "Example: vaultd --data /var/lib/contact-vault --key-file /etc/contact-vault.key\n"
           "Subcommands: vaultd init, vaultd audit-verify (see their --help).",
};

static void
say_fault(void *state, const char *sentence)
{
    (void)state;
    startup_say(sentence);
}

/* Defaults, then the file, then the command line; then all of it beside the machine. */
static bool
settle_config(const struct serve_options *options, struct config *config)
{
    enum status status = STATUS_OK;

    config_default(config);
    if (options->config != NULL) {
        status = config_read(options->config, say_fault, NULL, config);
    }
    /* Of a file with faults the rest is looked at too, so that all of them are said at once. */
    if ((status != STATUS_OK && status != STATUS_INVALID) ||
        !main_options_apply(&options->shared, config)) {
        return false;
    }
    return config_check(config, say_fault, NULL) == STATUS_OK && status == STATUS_OK;
}

static const char *
key_fault(enum status status)
{
    switch (status) {
    case STATUS_NOT_FOUND:
        return "the key file does not exist";
    case STATUS_UNAVAILABLE:
        return "the key file cannot be read; the line above says why";
    default:
        return "the key file is refused: 32 bytes are needed, readable by its owner alone (chmod "
               "0400)";
    }
}

static bool
start_sealed(void)
{
    startup_say("no root key was handed over: the vault is sealed until vaultctl unseal");
    return true;
}

/* The key file named, or the credential systemd hands over; neither: start sealed, and say so. */
static bool
read_root_key(const struct config *config, struct secret **ret_root)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    const bool is_named = config->key_file[0] != '\0';
    char path[KEY_PATH_BYTES];
    enum status status;

    if (!is_named && folder == NULL) {
        return start_sealed();
    }
    if (is_named) {
        (void)snprintf(path, sizeof path, "%s", config->key_file);
        status = unseal_keyfile_read(path, ret_root);
    } else {
        (void)snprintf(path, sizeof path, "%s/" CREDENTIAL, folder);
        status = unseal_credential_read(path, ret_root);
    }
    if (!is_named && status == STATUS_NOT_FOUND) {
        return start_sealed();
    }
    if (status != STATUS_OK) {
        startup_say(path);
        startup_say(key_fault(status));
        return false;
    }
    return true;
}

static struct server_limits
limits_of(const struct config_limits *limits)
{
    return (struct server_limits){
        .connections_max = limits->connections,
        .admin_connections_max = limits->admin_connections,
        .connections_per_uid_max = limits->connections_per_uid,
        .strangers_max = limits->strangers,
        .strangers_per_uid_max = limits->strangers_per_uid,
        .stranger_ms = limits->stranger_s * MS_PER_S,
        .outstanding_max = limits->outstanding,
        .handshake_ms = limits->handshake_s * MS_PER_S,
        .frame_ms = limits->frame_s * MS_PER_S,
        .write_ms = limits->write_s * MS_PER_S,
        .idle_ms = limits->idle_s * MS_PER_S,
        .workers = limits->workers,
        .queue_max = limits->queue,
        .memory_bytes_max = (size_t)limits->memory_mib << MIB_SHIFT,
    };
}

static bool
start_server(const struct graph *graph, struct server **ret_server)
{
    const struct config *config = graph->config;
    const struct server_socket sockets[] = {
        {PEER_DATA, graph->paths.vault_socket, config->socket.mode, config->socket.gid},
        {PEER_ADMIN, graph->paths.admin_socket, config->admin_socket.mode,
         config->admin_socket.gid},
    };
    const struct server_options options = {
        .dispatch = graph->dispatch,
        .sockets = sockets,
        .socket_count = sizeof sockets / sizeof sockets[0],
        .limits = limits_of(&config->limits),
    };

    if (server_start(&options, ret_server) != STATUS_OK) {
        startup_say("cannot listen; the line above says why");
        return false;
    }
    return true;
}

/* What the service manager was told last, and when. */
struct report {
    bool sealed;
    uint64_t alive_ms;
};

static const char *
status_text(bool sealed)
{
    return sealed ? "sealed" : "unsealed";
}

/* Alive is who gets round both loops: this one, and that of the maintenance thread. */
static void
report(struct report *report, const struct maintenance *maintenance)
{
    const uint64_t often_ms = notify_watchdog_ms() / 2;
    const uint64_t now_ms = clock_monotonic_ms();
    const bool sealed = maintenance_saw_sealed(maintenance);

    if (sealed != report->sealed) {
        notify_status(status_text(sealed));
        report->sealed = sealed;
    }
    if (often_ms > 0 && now_ms - report->alive_ms >= often_ms &&
        now_ms - maintenance_ticked_ms(maintenance) < often_ms) {
        notify_alive();
        report->alive_ms = now_ms;
    }
}

static void
drain(struct server **server, uint32_t patience_ms)
{
    const uint64_t deadline_ms = clock_monotonic_ms() + patience_ms;
    bool hurry = false;

    while (!server_drain(*server)) {
        if (hurry || clock_monotonic_ms() >= deadline_ms) {
            LOG(LOG_LEVEL_WARNING, EVENT_DRAIN_CUT, F("told_to", hurry));
            break;
        }
        server_tick(*server);
        hurry = signals_wait(DRAIN_STEP_MS) == SIGNALS_STOP;
    }
    server_stop(server, 0);
}

static void
loop(struct graph *graph, struct server *server, const struct maintenance *maintenance)
{
    struct report told = {.sealed = maintenance_saw_sealed(maintenance)};
    enum signals_event event = SIGNALS_NOTHING;

    LOG(LOG_LEVEL_NOTICE, EVENT_STARTED, F("pid", getpid()));
    notify_ready(status_text(told.sealed));
    while (!dispatch_must_stop(graph->dispatch) && event != SIGNALS_STOP) {
        event = signals_wait(TICK_MS);
        if (event == SIGNALS_RELOAD) {
            LOG(LOG_LEVEL_NOTICE, EVENT_RELOAD_IGNORED, F("pid", getpid()));
        }
        server_tick(server);
        report(&told, maintenance);
    }
}

/* The maintenance thread still uses the house: it is left standing, and falls with the process. */
static _Noreturn void
leave(int code)
{
    LOG(LOG_LEVEL_WARNING, EVENT_MAINTENANCE_HANGS, F("patience_ms", MAINTENANCE_PATIENCE_MS));
    LOG(LOG_LEVEL_NOTICE, EVENT_STOPPED, F("code", code));
    _exit(code);
}

static int
serve(struct graph *graph)
{
    struct maintenance *maintenance = NULL;
    struct server *server = NULL;
    bool failed;
    int code;

    if (!start_server(graph, &server)) {
        return EXIT_REFUSED;
    }
    if (maintenance_start(graph->dispatch, &maintenance) != STATUS_OK) {
        server_stop(&server, 0);
        return startup_fail("the maintenance thread cannot be started");
    }
    loop(graph, server, maintenance);
    failed = dispatch_must_stop(graph->dispatch);
    LOG(LOG_LEVEL_NOTICE, EVENT_STOPPING, F("disk_unknown", failed));
    notify_stopping();
    drain(&server, graph->config->limits.drain_s * MS_PER_S);
    /* First: what hangs in the second place must not keep the log open, nor the keys in memory. */
    if (dispatch_seal(graph->dispatch) != STATUS_OK) {
        failed = true;
    }
    code = failed ? EXIT_REFUSED : EXIT_OK;
    if (!maintenance_stop(&maintenance, MAINTENANCE_PATIENCE_MS)) {
        leave(code);
    }
    return code;
}

/* NULL: the socket stands in DIR/run, which is allowed anyway. */
static const char *
folder_of(const struct config_socket *socket, char ret_folder[static CONFIG_PATH_BYTES])
{
    if (socket->path[0] == '\0') {
        return NULL;
    }
    memcpy(ret_folder, socket->path, sizeof socket->path);
    return dirname(ret_folder);
}

static bool
enter_sandbox(const struct graph *graph)
{
    const struct config *config = graph->config;
    char folder[CONFIG_PATH_BYTES];
    char admin_folder[CONFIG_PATH_BYTES];
    const struct sandbox_plan plan = {
        .data = graph->paths.data,
        .run = graph->paths.run,
        .sockets = {folder_of(&config->socket, folder),
                    folder_of(&config->admin_socket, admin_folder)},
        .checkpoints = config->checkpoint_folder[0] != '\0' ? config->checkpoint_folder : NULL,
    };

    if (sandbox_enter(&plan) != STATUS_OK) {
        startup_say("the sandbox cannot be entered; the line above says why");
        return false;
    }
    return true;
}

static int
start(struct graph *graph)
{
    struct secret *root = NULL;
    int code = EXIT_REFUSED;

    if (!graph_prepare_process() || !read_root_key(graph->config, &root)) {
        goto out;
    }
    notify_open();
    if (!enter_sandbox(graph) || !graph_open(graph) ||
        (root != NULL && !graph_unseal(graph, root))) {
        goto out;
    }
    secret_free(&root);
    code = serve(graph);
out:
    secret_free(&root);
    return code;
}

static bool
open_directory(struct graph *graph)
{
    const struct config *config = graph->config;
    struct datadir_paths *paths = &graph->paths;
    struct datadir_fault fault;

    if (datadir_locate(config->data, paths, &fault) != STATUS_OK) {
        startup_say(fault.text);
        return false;
    }
    if (config->socket.path[0] != '\0') {
        memcpy(paths->vault_socket, config->socket.path, sizeof paths->vault_socket);
    }
    if (config->admin_socket.path[0] != '\0') {
        memcpy(paths->admin_socket, config->admin_socket.path, sizeof paths->admin_socket);
    }
    if (datadir_open(paths, &fault, &graph->datadir) != STATUS_OK) {
        startup_say(fault.text);
        return false;
    }
    return true;
}

/* Before there is anything that it should not have: a lock, a key, a thread. */
static bool
start_notifier(struct graph *graph)
{
    const struct notifier_options options = {.command = graph->config->notify_command,
                                             .arguments = graph->config->notify_arguments};

    if (options.command[0] == '\0') {
        return true;
    }
    if (notifier_start(&options, &graph->notifier) != STATUS_OK) {
        startup_say("the notifier cannot be started; the line above says why");
        return false;
    }
    return true;
}

int
main_serve(int argc, char **argv)
{
    struct serve_options options = {0};
    struct config config;
    struct graph graph = {.config = &config};
    int code = EXIT_REFUSED;

    argp_err_exit_status = EXIT_USAGE;
    (void)argp_parse(&argp, argc, argv, 0, NULL, &options);
    if (!settle_config(&options, &config)) {
        return EXIT_REFUSED;
    }
    if (options.check_only) {
        (void)puts("ok");
        return EXIT_OK;
    }
    log_set_level((enum log_level)config.log_level);
    if (start_notifier(&graph) && open_directory(&graph)) {
        code = start(&graph);
    }
    graph_close(&graph);
    LOG(LOG_LEVEL_NOTICE, EVENT_STOPPED, F("code", code));
    notifier_stop(&graph.notifier);
    notify_close();
    return code;
}

_Static_assert((int)CONFIG_PATH_BYTES == (int)DATADIR_PATH_BYTES, "a configured path fits");
_Static_assert((int)CONFIG_ARGUMENTS_BYTES <= (int)NOTIFIER_ARGUMENTS_BYTES &&
                   (int)CONFIG_ARGUMENTS_MAX == (int)NOTIFIER_ARGUMENTS_MAX,
               "configured arguments fit");
