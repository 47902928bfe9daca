/* SPDX-License-Identifier: Apache-2.0 */
#include "vaultctl.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off: one row an option */
static const struct argp_option common_options[] = {
    {"data", OPTION_DATA, "DIR", 0, "The vault's folder; its sockets are in DIR/run", 2},
    {"socket", OPTION_SOCKET, "URL", 0,
     "The socket, as a path or ipc://PATH ($CONTACT_VAULT_SOCKET)", 2},
    {"server-uid", OPTION_SERVER_UID, "N", 0,
     "The vault's uid, if not root's, yours or the owner's of DIR", 2},
    {"identity", OPTION_IDENTITY, "FILE", 0, "Your key, made by keygen ($CONTACT_VAULT_IDENTITY)",
     2},
    {"timeout", OPTION_TIMEOUT, "MS", 0, "For each answer (10000 untold)", 2},
    {"json", OPTION_JSON, NULL, 0, "One JSON document, or one for each line", 2},
    {0},
};
/* clang-format on */

enum { OPTIONS_MAX = 16 };

struct parse {
    const struct command *command;
    struct arguments *arguments;
};

static const char **
text_member(struct arguments *arguments, int key)
{
    switch (key) {
    case OPTION_DATA:
        return &arguments->data;
    case OPTION_SOCKET:
        return &arguments->socket;
    case OPTION_IDENTITY:
        return &arguments->identity;
    case OPTION_SERVER_UID:
        return &arguments->server_uid;
    case OPTION_TIMEOUT:
        return &arguments->timeout_ms;
    case OPTION_KEY_FILE:
        return &arguments->key_file;
    case OPTION_ADMIN_UID:
        return &arguments->admin_uid;
    case OPTION_UID:
        return &arguments->uid;
    case OPTION_PUBLIC_KEY:
        return &arguments->public_key;
    case OPTION_REGION:
        return &arguments->region;
    case OPTION_REASON:
        return &arguments->reason;
    case OPTION_FROM:
        return &arguments->from;
    case 'n':
        return &arguments->namespace_name;
    case 'o':
        return &arguments->output;
    case 'l':
        return &arguments->lines;
    default:
        return NULL;
    }
}

static bool *
flag_member(struct arguments *arguments, int key)
{
    switch (key) {
    case OPTION_JSON:
        return &arguments->json;
    case OPTION_PERSON:
        return &arguments->person;
    case OPTION_WA_ID:
        return &arguments->wa_id;
    default:
        return NULL;
    }
}

static error_t
take_option(int key, char *argument, struct argp_state *state)
{
    struct parse *parse = state->input;
    const char **text = text_member(parse->arguments, key);
    bool *flag = flag_member(parse->arguments, key);

    if (text != NULL) {
        *text = argument;
        parse->arguments->namespace_given |= key == 'n';
        return 0;
    }
    if (flag != NULL) {
        *flag = true;
        return 0;
    }
    if (key != ARGP_KEY_ARGS && key != ARGP_KEY_NO_ARGS) {
        return ARGP_ERR_UNKNOWN;
    }
    size_t count = (size_t)(state->argc - state->next);
    if (count < parse->command->values_min || count > parse->command->values_max) {
        argp_error(state, "%s arguments",
                   count < parse->command->values_min ? "too few" : "too many");
    }
    parse->arguments->values = state->argv + state->next;
    parse->arguments->value_count = count;
    state->next = state->argc;
    return 0;
}

static void
join_options(const struct argp_option *own, struct argp_option ret_options[static OPTIONS_MAX + 1])
{
    size_t count = 0;

    for (; own->name != NULL; own++) {
        ret_options[count++] = *own;
    }
    for (const struct argp_option *common = common_options; common->name != NULL; common++) {
        ret_options[count++] = *common;
    }
    assert(count <= OPTIONS_MAX);
}

static const char *
environment(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && *value != 0 ? value : NULL;
}

void
arguments_parse(const struct command *command, int argc, char **argv,
                struct arguments *ret_arguments)
{
    char doc[512], name[64];
    struct argp_option options[OPTIONS_MAX + 1] = {0};
    struct parse parse = {.command = command, .arguments = ret_arguments};
    struct argp argp = {
        .options = options,
        .parser = take_option,
        .args_doc = command->arguments,
        .doc = doc,
    };

    *ret_arguments = (struct arguments){
        .command = command->name,
        .identity = environment("CONTACT_VAULT_IDENTITY"),
        .namespace_name = environment("CONTACT_VAULT_NAMESPACE"),
    };
    join_options(command->options, options);
    bool asks = command->help[strlen(command->help) - 1] == '?';
    (void)snprintf(doc, sizeof doc, "%s%s\vFor example:\n  %s", command->help, asks ? "" : ".",
                   command->example);
    (void)snprintf(name, sizeof name, "vaultctl %s", command->name);
    argv[0] = name;
    argp_err_exit_status = EXIT_USAGE;
    if (argp_parse(&argp, argc, argv, 0, NULL, &parse) != 0) {
        exit(EXIT_USAGE);
    }
    /* What was said on the command line wins; --data before the environment's socket. */
    if (ret_arguments->socket == NULL && ret_arguments->data == NULL) {
        ret_arguments->socket = environment("CONTACT_VAULT_SOCKET");
    }
}
