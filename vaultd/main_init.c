/* SPDX-License-Identifier: Apache-2.0 */
/* vaultd init: make a vault, its key file and its first admin. */
#include <argp.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access.h"
#include "dispatch.h"
#include "failpoint.h"
#include "keyring.h"
#include "log.h"
#include "main_internal.h"
#include "secret.h"
#include "startup_text.h"
#include "store.h"
#include "unseal.h"
#include "vault.h"

#define FIRST_ADMIN "admin"

enum { INIT_PATH_BYTES = 1100 };

struct init_options {
    const char *data;
    const char *key_file;
    bool has_admin_uid;
    uint32_t admin_uid;
    uint64_t map_gib; /* 0: the store's default */
    char default_key_file[INIT_PATH_BYTES];
};

static bool
parse_uid(const char *text, uint32_t *ret_uid)
{
    char *end = NULL;
    unsigned long uid;

    errno = 0;
    uid = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || uid >= UINT32_MAX) {
        return false;
    }
    *ret_uid = (uint32_t)uid;
    return true;
}

/* Who ran sudo is the admin, not root. */
static uint32_t
default_admin_uid(void)
{
    const char *sudo_uid = getenv("SUDO_UID");
    uint32_t uid;

    return sudo_uid != NULL && parse_uid(sudo_uid, &uid) ? uid : (uint32_t)getuid();
}

static error_t
parse_option(int key, char *argument, struct argp_state *state)
{
    struct init_options *options = state->input;

    switch (key) {
    case 'd':
        options->data = argument;
        return 0;
    case 'k':
        options->key_file = argument;
        return 0;
    case 'u':
        options->has_admin_uid = true;
        if (!parse_uid(argument, &options->admin_uid)) {
            argp_error(state, "--admin-uid wants a number");
        }
        return 0;
    case MAIN_OPTION_MAP:
        if (!graph_parse_map(argument, &options->map_gib)) {
            argp_error(state, "--map-gib wants a number from 1 to 65536");
        }
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "init takes no argument but options");
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
    {"data", 'd', "DIR", 0, "the directory to make", 0},
    {"key-file", 'k', "FILE", 0,
     "where the root key goes, outside the directory (default: DIR.key beside it)", 0},
    {"admin-uid", 'u', "N", 0, "the first admin's Unix user id (default: who runs this)", 0},
    {"map-gib", MAIN_OPTION_MAP, "N", 0, MAIN_MAP_HELP, 0},
    {0},
};

static const struct argp argp = {
    .options = argp_options,
    .parser = parse_option,
    .doc = "Make a vault.\vExample: vaultd init --data /var/lib/contact-vault",
};

/* Beside the directory, whatever number of slashes its name ends with. */
static void
default_key_file(struct init_options *options)
{
    char *path = options->default_key_file;
    size_t size;

    (void)snprintf(path, sizeof options->default_key_file - sizeof ".key", "%s", options->data);
    size = strlen(path);
    while (size > 1 && path[size - 1] == '/') {
        size--;
    }
    memcpy(path + size, ".key", sizeof ".key");
    options->key_file = path;
}

/* Nothing is made before what can be known to stand in the way was looked at: first another vault,
 * which datadir_create will name, then a key file, which may be another vault's. */
static bool
key_file_is_free(const struct init_options *options, const struct graph *graph)
{
    struct stat found;

    if (lstat(graph->paths.data, &found) != 0 && lstat(options->key_file, &found) == 0) {
        startup_say("the key file exists already; it may be another vault's, so nothing was done");
        return false;
    }
    return true;
}

static enum status
fill(struct graph *graph, const struct secret *root)
{
    const struct store_options store_options = {.folder = graph->paths.store,
                                                .map_bytes = graph->map_bytes};
    uint8_t vault_id[VAULT_ID_BYTES];
    uint8_t instance_id[INSTANCE_ID_BYTES];
    struct keyring *keyring = NULL;
    struct store *store = NULL;
    enum status status;

    randombytes_buf(vault_id, sizeof vault_id);
    randombytes_buf(instance_id, sizeof instance_id);
    status = keyring_create(graph->paths.keyring, vault_id, root);
    if (status == STATUS_OK) {
        status = keyring_open(graph->paths.keyring, &keyring);
    }
    if (status == STATUS_OK) {
        status = store_open(&store_options, &store);
    }
    if (status == STATUS_OK) {
        status = vault_create(store, keyring, instance_id);
    }
    store_close(&store);
    keyring_close(&keyring);
    return status;
}

/* The vault is opened once as it will be at every start, and its first admin added in due form. */
static bool
add_first_admin(struct graph *graph, const struct secret *root, uint32_t uid)
{
    if (!graph_open(graph) || !graph_unseal(graph, root)) {
        return false;
    }
    if (FAILPOINT("init_before_admin")) {
        _exit(EXIT_REFUSED);
    }
    if (dispatch_add_first_admin(graph->dispatch, bytes_of_text(FIRST_ADMIN), uid) != STATUS_OK) {
        startup_say("the first admin cannot be added: is the user id 65534, or the disk full?");
        return false;
    }
    return dispatch_seal(graph->dispatch) == STATUS_OK;
}

static void
explain(const struct init_options *options)
{
    (void)printf("A vault was made in %s.\n"
                 "Its root key is in %s. Whoever holds that file and the directory\n"
                 "holds every contact; without the file nobody does. Keep a copy apart from both.\n"
                 "First admin: \"" FIRST_ADMIN "\", Unix user id %u.\n"
                 "Start it:    vaultd --data %s --key-file %s\n"
                 "or, sealed:  vaultd --data %s\n"
                 "and then:    vaultctl unseal --data %s --key-file %s\n",
                 options->data, options->key_file, options->admin_uid, options->data,
                 options->key_file, options->data, options->data, options->key_file);
}

static bool
make(const struct init_options *options, struct graph *graph, struct secret **ret_root)
{
    struct datadir_fault fault;

    if (datadir_locate(options->data, &graph->paths, &fault) != STATUS_OK) {
        startup_say(fault.text);
        return false;
    }
    if (!key_file_is_free(options, graph)) {
        return false;
    }
    if (datadir_create(&graph->paths, &fault) != STATUS_OK ||
        datadir_open(&graph->paths, &fault, &graph->datadir) != STATUS_OK) {
        startup_say(fault.text);
        return false;
    }
    if (unseal_keyfile_create(options->key_file, ret_root) != STATUS_OK) {
        startup_say("the key file cannot be written");
        return false;
    }
    if (fill(graph, *ret_root) != STATUS_OK) {
        startup_say("keyring and store cannot be written: is the disk full?");
        return false;
    }
    return add_first_admin(graph, *ret_root, options->admin_uid);
}

int
main_init(int argc, char **argv)
{
    struct init_options options = {0};
    struct graph graph = {0};
    struct secret *root = NULL;
    bool made = false;

    argp_err_exit_status = EXIT_USAGE;
    (void)argp_parse(&argp, argc, argv, 0, NULL, &options);
    log_set_level(LOG_LEVEL_WARNING);
    if (!options.has_admin_uid) {
        options.admin_uid = default_admin_uid();
    }
    if (options.admin_uid == ACCESS_UID_OVERFLOW) {
        /* What the kernel says of every user it cannot map. */
        return startup_fail(
            "user id 65534 is nobody's in particular; name the admin's: --admin-uid");
    }
    if (options.key_file == NULL) {
        default_key_file(&options);
    }
    graph.making = true;
    graph.map_bytes = options.map_gib << MAIN_GIB_SHIFT;
    if (graph_prepare_process()) {
        made = make(&options, &graph, &root);
    }
    secret_free(&root);
    graph_close(&graph);
    if (made) {
        explain(&options);
    }
    return made ? EXIT_OK : EXIT_REFUSED;
}
