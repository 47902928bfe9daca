/* SPDX-License-Identifier: Apache-2.0 */
/* init, status, seal, unseal, freeze, unfreeze: the vault as a whole. */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "table.h"

enum { PATH_BYTES = 4096, EXEC_ARGUMENTS_MAX = 10, STATE_BYTES = 64 };

struct exec_arguments {
    const char *list[EXEC_ARGUMENTS_MAX];
    size_t count;
};

static void
add(struct exec_arguments *arguments, const char *option, const char *value)
{
    if (value == NULL) {
        return;
    }
    arguments->list[arguments->count++] = option;
    arguments->list[arguments->count++] = value;
}

enum exit_code
cmd_init(const struct arguments *arguments)
{
    struct exec_arguments exec = {.list = {"vaultd", "init"}, .count = 2};

    if (arguments->data == NULL) {
        return fail(arguments, EXIT_USAGE, "say where: --data DIR");
    }
    add(&exec, "--data", arguments->data);
    add(&exec, "--key-file", arguments->key_file);
    add(&exec, "--admin-uid", arguments->admin_uid);
    if (arguments->json) {
        exec.list[exec.count++] = "--json";
    }
    /* execv takes what it does not change as changeable. */
    return vaultd_execute(arguments, (char *const *)(uintptr_t)exec.list);
}

static void
print_state(const struct cv_reply *reply)
{
    printf("%s%s, version %s", reply->state,
           reply->frozen == CV_FREEZE_ALL ? " (deliveries too)" : "", reply->release);
    if (reply->has_totals) {
        printf(", %" PRIu64 " namespace%s, %" PRIu64 " contact%s", reply->namespaces_total,
               plural(reply->namespaces_total), reply->contacts_total,
               plural(reply->contacts_total));
    }
    putchar('\n');
}

static enum colour
colour_of(const char *state)
{
    return strcmp(state, "unsealed") == 0 ? COLOUR_GOOD : COLOUR_WARN;
}

/* For a person: a line each. */
static void
show_state(const struct cv_reply *reply)
{
    char state[STATE_BYTES], number[STATE_BYTES], key[CV_PUBLIC_TEXT_BYTES];
    struct table *table = table_new(NULL, 2);

    if (table != NULL) {
        (void)snprintf(state, sizeof state, "%s%s", reply->state,
                       reply->frozen == CV_FREEZE_ALL ? " (deliveries too)" : "");
        table_add(table, (const char *const[]){"state", state}, colour_of(reply->state));
        table_add(table, (const char *const[]){"version", reply->release}, COLOUR_NONE);
    }
    if (table != NULL && reply->has_totals) {
        (void)snprintf(number, sizeof number, "%" PRIu64, reply->namespaces_total);
        table_add(table, (const char *const[]){"namespaces", number}, COLOUR_NONE);
        (void)snprintf(number, sizeof number, "%" PRIu64, reply->contacts_total);
        table_add(table, (const char *const[]){"contacts", number}, COLOUR_NONE);
    }
    if (table != NULL && reply->audit_key != NULL) {
        cv_public_key_print(reply->audit_key, key);
        table_add(table, (const char *const[]){"audit key", key}, COLOUR_NONE);
    }
    print_table(&table);
}

static void
print_state_json(const struct cv_reply *reply)
{
    json_t *json = json_pack("{s:s, s:s}", "state", reply->state, "version", reply->release);

    if (reply->has_totals) {
        json_set_number(json, "namespaces", reply->namespaces_total);
        json_set_number(json, "contacts", reply->contacts_total);
        json_set_text(json, "frozen", cv_freeze_name(reply->frozen));
    }
    if (reply->audit_key != NULL) {
        char key[CV_PUBLIC_TEXT_BYTES]; /* as audit.pub has it */
        cv_public_key_print(reply->audit_key, key);
        json_set_text(json, "audit_key", key);
    }
    print_json(json);
}

enum exit_code
cmd_status(const struct arguments *arguments)
{
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    enum exit_code code = session_open(arguments, SOCKET_DATA, &client);

    if (code != EXIT_OK) {
        return code;
    }
    (void)cv_state(client, &reply);
    code = report(arguments, reply);
    if (code == EXIT_OK && (reply->state == NULL || reply->release == NULL)) {
        code = fail(arguments, EXIT_REFUSED, "the vault does not say its state");
    } else if (code == EXIT_OK && arguments->json) {
        print_state_json(reply);
    } else if (code == EXIT_OK && terminal_is(stdout)) {
        show_state(reply);
    } else if (code == EXIT_OK) {
        print_state(reply);
    }
    cv_reply_free(&reply);
    cv_close(&client);
    return code;
}

enum exit_code
cmd_seal(const struct arguments *arguments)
{
    return run_plain(arguments, cv_seal, "sealed");
}

/* By whoever may, in a hurry: on the socket that people have. */
enum exit_code
cmd_freeze(const struct arguments *arguments)
{
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    enum exit_code code = session_open(arguments, SOCKET_DATA, &client);

    if (code != EXIT_OK) {
        return code;
    }
    (void)cv_freeze(client, arguments->all, &reply);
    return finish(arguments, &client, &reply,
                  arguments->all ? "frozen: no reveal, and no delivery either"
                                 : "frozen: no reveal by people; deliveries go on");
}

enum exit_code
cmd_unfreeze(const struct arguments *arguments)
{
    return run_plain(arguments, cv_unfreeze, "unfrozen");
}

static enum exit_code
read_root_key(const struct arguments *arguments, const char *path,
              uint8_t ret_key[static CV_KEY_BYTES])
{
    uint8_t bytes[CV_KEY_BYTES + 1]; /* one more, to see a longer file */
    struct stat attributes;
    int file_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (file_fd < 0) {
        return fail(arguments, EXIT_USAGE, "%s: %s; name the root key with --key-file FILE", path,
                    strerror(errno));
    }
    bool safe = fstat(file_fd, &attributes) == 0 && (attributes.st_mode & (S_IRWXG | S_IRWXO)) == 0;
    ssize_t size = read(file_fd, bytes, sizeof bytes);
    close(file_fd);
    if (size == CV_KEY_BYTES) {
        memcpy(ret_key, bytes, CV_KEY_BYTES);
    }
    explicit_bzero(bytes, sizeof bytes);
    if (size != CV_KEY_BYTES) {
        return fail(arguments, EXIT_USAGE, "%s: not a root key, which is a file of %d bytes", path,
                    CV_KEY_BYTES);
    }
    if (!safe) {
        return fail(arguments, EXIT_USAGE, "%s: others may read this key; chmod 400 it", path);
    }
    return EXIT_OK;
}

/* Where init puts it: beside the folder, not in it. */
static bool
default_key_file(const struct arguments *arguments, char ret_path[static PATH_BYTES])
{
    if (arguments->data == NULL) {
        return false;
    }
    size_t size = strlen(arguments->data);
    while (size > 1 && arguments->data[size - 1] == '/') {
        size--;
    }
    int written = snprintf(ret_path, PATH_BYTES, "%.*s.key", (int)size, arguments->data);
    return written > 0 && written < PATH_BYTES;
}

enum exit_code
cmd_unseal(const struct arguments *arguments)
{
    char path[PATH_BYTES];
    uint8_t root_key[CV_KEY_BYTES] = {0};
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    const char *key_file = arguments->key_file;

    if (key_file == NULL && !default_key_file(arguments, path)) {
        return fail(arguments, EXIT_USAGE, "where is the root key? Give --key-file FILE");
    }
    enum exit_code code = read_root_key(arguments, key_file != NULL ? key_file : path, root_key);
    if (code == EXIT_OK) {
        code = session_open(arguments, SOCKET_ADMIN, &client);
    }
    if (code == EXIT_OK) {
        (void)cv_unseal(client, root_key, &reply);
        code = finish(arguments, &client, &reply, "unsealed");
    }
    explicit_bzero(root_key, sizeof root_key);
    return code;
}
