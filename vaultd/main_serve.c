/* SPDX-License-Identifier: Apache-2.0 */
/* vaultd --data DIR: start, serve, stop (DESIGN.md, "Start and stop"). */
#include <argp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dispatch.h"
#include "log.h"
#include "main_internal.h"
#include "sandbox.h"
#include "secret.h"
#include "server.h"
#include "signals.h"
#include "startup_text.h"
#include "unseal.h"

#define CREDENTIAL "contact-vault-root-key"

enum {
    TICK_MS = 100,
    DRAIN_MS = 5000,
    VAULT_SOCKET_MODE = 0666, /* identity decides; strangers get nothing but status */
    ADMIN_SOCKET_MODE = 0660,
    KEY_PATH_BYTES = 1024,
};

struct serve_options {
    const char *data;
    const char *key_file;
    uint64_t map_gib; /* 0: the store's default */
};

/* argp, in libc, looks for it by name. */
__attribute__((visibility("default"))) const char *argp_program_version =
    "vaultd " CONTACT_VAULT_RELEASE;

static error_t
parse_option(int key, char *argument, struct argp_state *state)
{
    struct serve_options *options = state->input;

    switch (key) {
    case 'd':
        options->data = argument;
        return 0;
    case 'k':
        options->key_file = argument;
        return 0;
    case MAIN_OPTION_MAP:
        if (!graph_parse_map(argument, &options->map_gib)) {
            argp_error(state, "--map-gib wants a number from 1 to 65536");
        }
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "unknown argument; subcommands are init and audit-verify");
        return 0;
    case ARGP_KEY_END:
        if (options->data == NULL) {
            argp_error(state, "--data DIR is needed");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option argp_options[] = {
    {"data", 'd', "DIR", 0, "the vault's directory, made by vaultctl init", 0},
    {"key-file", 'k', "FILE", 0,
     "unseal with this key file; else with the systemd credential " CREDENTIAL
     ", else start sealed",
     0},
    {"map-gib", MAIN_OPTION_MAP, "N", 0, MAIN_MAP_HELP, 0},
    {0},
};

static const struct argp argp = {
    .options = argp_options,
    .parser = parse_option,
    .doc = "The one place where real phone numbers and e-mail addresses exist.\v"
           "Example: vaultd --data /var/lib/contact-vault --key-file /etc/contact-vault.key\n"
           "Subcommands: vaultd init, vaultd audit-verify (see their --help).",
};

/* The key file named, or the credential systemd hands over; neither: start sealed. */
static bool
read_root_key(const struct serve_options *options, struct secret **ret_root)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    char path[KEY_PATH_BYTES];
    enum status status;

    if (options->key_file != NULL) {
        (void)snprintf(path, sizeof path, "%s", options->key_file);
    } else if (folder != NULL) {
        (void)snprintf(path, sizeof path, "%s/" CREDENTIAL, folder);
    } else {
        return true;
    }
    status = options->key_file != NULL ? unseal_keyfile_read(path, ret_root)
                                       : unseal_credential_read(path, ret_root);
    if (status == STATUS_NOT_FOUND && options->key_file == NULL) {
        return true;
    }
    if (status != STATUS_OK) {
        startup_say(path);
        startup_say(status == STATUS_NOT_FOUND ? "the key file does not exist"
                    : status == STATUS_UNAVAILABLE
                        ? "the key file cannot be read; the line above says why"
                        : "the key file is refused: 32 bytes are needed, readable by its owner "
                          "alone (chmod 0400)");
        return false;
    }
    return true;
}

static bool
start_server(struct graph *graph, struct server **ret_server)
{
    const struct server_socket sockets[] = {
        {PEER_DATA, graph->paths.vault_socket, VAULT_SOCKET_MODE, (gid_t)-1},
        {PEER_ADMIN, graph->paths.admin_socket, ADMIN_SOCKET_MODE, (gid_t)-1},
    };
    const struct server_options options = {
        .dispatch = graph->dispatch,
        .sockets = sockets,
        .socket_count = sizeof sockets / sizeof sockets[0],
    };

    if (server_start(&options, ret_server) != STATUS_OK) {
        startup_say("cannot listen; the line above says why");
        return false;
    }
    return true;
}

static int
serve(struct graph *graph)
{
    struct server *server = NULL;
    bool failed;

    if (!start_server(graph, &server)) {
        return EXIT_REFUSED;
    }
    LOG(LOG_LEVEL_NOTICE, EVENT_STARTED, F("pid", getpid()));
    while (!dispatch_must_stop(graph->dispatch) && signals_wait(TICK_MS) != SIGNALS_STOP) {
        server_tick(server);
        dispatch_tick(graph->dispatch);
    }
    failed = dispatch_must_stop(graph->dispatch);
    LOG(LOG_LEVEL_NOTICE, EVENT_STOPPING, F("disk_unknown", failed));
    server_stop(&server, DRAIN_MS);
    if (dispatch_seal(graph->dispatch) != STATUS_OK) {
        failed = true;
    }
    return failed ? EXIT_REFUSED : EXIT_OK;
}

static int
start(const struct serve_options *options, struct graph *graph)
{
    struct secret *root = NULL;
    int code = EXIT_REFUSED;

    if (!graph_prepare_process() || !read_root_key(options, &root)) {
        goto out;
    }
    const struct sandbox_plan plan = {.data = graph->paths.data, .run = graph->paths.run};
    if (sandbox_enter(&plan) != STATUS_OK) {
        startup_say("the sandbox cannot be entered; the line above says why");
        goto out;
    }
    if (!graph_open(graph) || (root != NULL && !graph_unseal(graph, root))) {
        goto out;
    }
    secret_free(&root);
    code = serve(graph);
out:
    secret_free(&root);
    return code;
}

int
main_serve(int argc, char **argv)
{
    struct serve_options options = {0};
    struct graph graph = {0};
    struct datadir_fault fault;
    int code;

    argp_err_exit_status = EXIT_USAGE;
    (void)argp_parse(&argp, argc, argv, 0, NULL, &options);
    graph.map_bytes = options.map_gib << MAIN_GIB_SHIFT;
    if (datadir_locate(options.data, &graph.paths, &fault) != STATUS_OK ||
        datadir_open(&graph.paths, &fault, &graph.datadir) != STATUS_OK) {
        return startup_fail(fault.text);
    }
    code = start(&options, &graph);
    graph_close(&graph);
    LOG(LOG_LEVEL_NOTICE, EVENT_STOPPED, F("code", code));
    return code;
}
