/* SPDX-License-Identifier: Apache-2.0 */
/* vaultd init: make a vault, its key file and its first admin. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access.h"
#include "config.h"
#include "dispatch.h"
#include "failpoint.h"
#include "keyring.h"
#include "log.h"
#include "main_internal.h"
#include "main_root.h"
#include "public_key_text.h"
#include "secret.h"
#include "share.h"
#include "startup_text.h"
#include "store.h"
#include "vault.h"

#define FIRST_ADMIN "admin"
#define PUBLIC_FILE "audit.pub"

enum { INIT_PATH_BYTES = 1100, PUBLIC_FILE_MODE = 0644 };

struct init_options {
    struct main_options shared;
    bool json;
    bool has_admin_uid;
    uint32_t admin_uid;
    struct unseal_slot slot;
    struct share shares[SHARES_MAX]; /* wiped when they are printed */
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
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->shared;
        options->slot.provider = UNSEAL_KEYFILE;
        return 0;
    case 'u':
        options->has_admin_uid = true;
        if (!parse_uid(argument, &options->admin_uid)) {
            argp_error(state, "--admin-uid wants a number");
        }
        return 0;
    case 's':
        if (!root_parse(argument, &options->slot)) {
            argp_error(state, "--unseal wants keyfile, shares:K/N (2/2 to 16/16), or "
                              "passphrase:HEX as vaultctl init makes it");
        }
        return 0;
    case 'j':
        options->json = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "init takes no argument but options");
        return 0;
    case ARGP_KEY_END:
        if (options->shared.data == NULL) {
            argp_error(state, "--data DIR is needed");
        }
        if (options->slot.provider != UNSEAL_KEYFILE && options->shared.key_file != NULL) {
            argp_error(state, "--key-file, --unseal: only one of them");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option argp_options[] = {
    {"admin-uid", 'u', "N", 0, "the first admin's Unix user id (default: who runs this)", 0},
    {"unseal", 's', "HOW", 0,
     "keyfile (untold), shares:K/N, or passphrase:HEX, whose root key is read from stdin", 0},
    {"json", 'j', NULL, 0, "one JSON document", 0},
    {0},
};
static const struct argp_child argp_children[] = {{&main_options_argp, 0, NULL, 0}, {0}};

static const struct argp argp = {
    .options = argp_options,
    .children = argp_children,
    .parser = parse_option,
    .doc = "Make a vault.\v"
           "The root key goes to --key-file, untold to DIR.key beside the directory.\n"
           "Example: vaultd init --data /var/lib/contact-vault",
};

/* Beside the directory, whatever number of slashes its name ends with. */
static void
default_key_file(struct init_options *options)
{
    char *path = options->default_key_file;
    size_t size;

    (void)snprintf(path, sizeof options->default_key_file - sizeof ".key", "%s",
                   options->shared.data);
    size = strlen(path);
    while (size > 1 && path[size - 1] == '/') {
        size--;
    }
    memcpy(path + size, ".key", sizeof ".key");
    options->shared.key_file = path;
}

/* Nothing is made before what can be known to stand in the way was looked at: first another vault,
 * which datadir_create will name, then a key file, which may be another vault's. */
static bool
key_file_is_free(const struct init_options *options, const struct graph *graph)
{
    struct stat found;

    if (lstat(graph->paths.data, &found) != 0 && lstat(options->shared.key_file, &found) == 0) {
        startup_say("the key file exists already; it may be another vault's, so nothing was done");
        return false;
    }
    return true;
}

static enum status
fill(struct graph *graph, const struct secret *root, const struct unseal_slot *slot)
{
    const struct store_options store_options = graph_store_options(graph);
    uint8_t vault_id[VAULT_ID_BYTES];
    uint8_t instance_id[INSTANCE_ID_BYTES];
    struct keyring *keyring = NULL;
    struct store *store = NULL;
    enum status status;

    randombytes_buf(vault_id, sizeof vault_id);
    randombytes_buf(instance_id, sizeof instance_id);
    status = keyring_create(graph->paths.keyring, vault_id, root, slot);
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

static bool
write_file(const char *folder, const char *name, const char *text)
{
    int root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int file = root < 0 ? -1
                        : openat(root, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                                 S_IRUSR | S_IWUSR);
    bool written = file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text) &&
                   fchmod(file, PUBLIC_FILE_MODE) == 0 && fsync(file) == 0 && fsync(root) == 0;

    if (file >= 0) {
        (void)close(file);
    }
    if (root >= 0) {
        (void)close(root);
    }
    return written;
}

/* What proves the log's checkpoints, for whoever keeps it: in the open, and no secret. */
static bool
write_public_key(const struct graph *graph, char ret_text[static PUBLIC_KEY_TEXT_BYTES])
{
    char line[PUBLIC_KEY_TEXT_BYTES + 1];
    uint8_t key[PUBLIC_KEY_BYTES];

    if (keyring_audit_public_key(graph->keyring, key) != STATUS_OK) {
        return false;
    }
    public_key_print(key, ret_text);
    (void)snprintf(line, sizeof line, "%s\n", ret_text);
    return write_file(graph->paths.root, PUBLIC_FILE, line);
}

/* The vault is opened once as it will be at every start, and its first admin added in due form. */
static bool
add_first_admin(struct graph *graph, const struct secret *root, uint32_t uid,
                char ret_public[static PUBLIC_KEY_TEXT_BYTES])
{
    if (!graph_open(graph) || !graph_unseal(graph, root)) {
        return false;
    }
    if (!write_public_key(graph, ret_public)) {
        startup_say("the log's public key cannot be written: is the disk full?");
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
explain_keyfile(const char *data, const char *key_file)
{
    (void)printf("Its root key is in %s. Whoever holds that file and the directory\n"
                 "holds every contact; without the file nobody does. Keep a copy apart from both.\n"
                 "Start it:    vaultd --data %s --key-file %s\n"
                 "or, sealed:  vaultd --data %s\n"
                 "and then:    vaultctl unseal --data %s --key-file %s\n",
                 key_file, data, key_file, data, data, key_file);
}

static void
explain_passphrase(const char *data)
{
    (void)printf(
        "Its root key is made of the passphrase, and stands nowhere. Whoever knows that and\n"
        "holds the directory holds every contact; if it is forgotten, nobody ever does.\n"
        "Start it:    vaultd --data %s\n"
        "and then:    vaultctl unseal --data %s\n",
        data, data);
}

/* The only time they are shown. */
static void
explain_shares(const struct init_options *options, const char *data)
{
    char text[SHARE_TEXT_BYTES];

    (void)printf(
        "Its root key stands nowhere: it is in %u shares, and any %u of them unseal. Each goes to\n"
        "somebody else, on paper; they are not shown again. With fewer left nobody ever does.\n",
        options->slot.shares, options->slot.threshold);
    for (unsigned i = 0; i < options->slot.shares; i++) {
        share_print(&options->shares[i], text);
        (void)printf("share %u of %u:\n  %s\n", i + 1, options->slot.shares, text);
    }
    explicit_bzero(text, sizeof text);
    (void)printf("Start it:    vaultd --data %s\n"
                 "and then:    vaultctl unseal --data %s\n",
                 data, data);
}

static void
explain(const struct init_options *options, const char *public_key)
{
    const char *data = options->shared.data;

    (void)printf("A vault was made in %s.\n"
                 "First admin: \"" FIRST_ADMIN "\", Unix user id %u.\n",
                 data, options->admin_uid);
    if (options->slot.provider == UNSEAL_PASSPHRASE) {
        explain_passphrase(data);
    } else if (options->slot.provider == UNSEAL_SHARES) {
        explain_shares(options, data);
    } else {
        explain_keyfile(data, options->shared.key_file);
    }
    (void)printf("The log is signed. Keep this line elsewhere (it is in %s/" PUBLIC_FILE
                 " too);\nwith it and a checkpoint kept elsewhere the log can be proved:\n"
                 "%s\n",
                 data, public_key);
}

/* No path is in it: whoever asked knows them, and their names need not be UTF-8. */
static void
print_json(const struct init_options *options, const char *public_key)
{
    (void)printf("{\"ok\":true,\"admin\":\"" FIRST_ADMIN "\",\"admin_uid\":%u,\"audit_key\":\"%s\"",
                 options->admin_uid, public_key);
    for (unsigned i = 0; i < options->slot.shares; i++) {
        char text[SHARE_TEXT_BYTES];

        share_print(&options->shares[i], text);
        (void)printf("%s\"%s\"", i == 0 ? ",\"shares\":[" : ",", text);
        explicit_bzero(text, sizeof text);
    }
    (void)printf("%s}\n", options->slot.shares > 0 ? "]" : "");
}

static bool
make(const struct init_options *options, struct graph *graph, struct secret **ret_root,
     char ret_public[static PUBLIC_KEY_TEXT_BYTES])
{
    struct datadir_fault fault;

    if (datadir_locate(graph->config->data, &graph->paths, &fault) != STATUS_OK) {
        startup_say(fault.text);
        return false;
    }
    if (options->slot.provider == UNSEAL_KEYFILE && !key_file_is_free(options, graph)) {
        return false;
    }
    if (datadir_create(&graph->paths, &fault) != STATUS_OK ||
        datadir_open(&graph->paths, &fault, &graph->datadir) != STATUS_OK) {
        startup_say(fault.text);
        return false;
    }
    if (!root_make(&options->slot, graph->config->key_file, ret_root)) {
        return false;
    }
    if (fill(graph, *ret_root, &options->slot) != STATUS_OK) {
        startup_say("keyring and store cannot be written: is the disk full?");
        return false;
    }
    return add_first_admin(graph, *ret_root, options->admin_uid, ret_public);
}

int
main_init(int argc, char **argv)
{
    struct init_options options = {0};
    struct config config;
    struct graph graph = {.config = &config, .making = true};
    char public_key[PUBLIC_KEY_TEXT_BYTES] = "";
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
    if (options.slot.provider == UNSEAL_KEYFILE && options.shared.key_file == NULL) {
        default_key_file(&options);
    }
    config_default(&config);
    if (main_options_apply(&options.shared, &config) && graph_prepare_process()) {
        made = make(&options, &graph, &root, public_key);
    }
    if (made && options.slot.provider == UNSEAL_SHARES) {
        root_split(&options.slot, root, options.shares);
    }
    secret_free(&root);
    graph_close(&graph);
    if (made && options.json) {
        print_json(&options, public_key);
    } else if (made) {
        explain(&options, public_key);
    }
    explicit_bzero(options.shares, sizeof options.shares);
    if (made && fflush(stdout) != 0) {
        made =
            startup_fail(
                "what was to be shown could not be: remove what was made, and run it again") == 0;
    }
    return made ? EXIT_OK : EXIT_REFUSED;
}
