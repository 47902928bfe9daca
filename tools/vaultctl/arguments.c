/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off: one row an option */
const struct argp_option common_options[] = {
    {"data", OPTION_DATA, "DIR", 0,
     "The vault's folder; its sockets are in DIR/run (untold: the service's)", 2},
    {"socket", OPTION_SOCKET, "URL", 0,
     "The socket, as a path or ipc://PATH ($CONTACT_VAULT_SOCKET)", 2},
    {"server-uid", OPTION_SERVER_UID, "N", 0,
     "The vault's uid, if not root's, yours or the owner's of its folder", 2},
    {"identity", OPTION_IDENTITY, "FILE", 0,
     "Your key, made by enrol or keygen ($CONTACT_VAULT_IDENTITY)", 2},
    {"timeout", OPTION_TIMEOUT, "MS", 0, "For each answer (10000 untold)", 2},
    {"json", OPTION_JSON, NULL, 0, "One JSON document, or one for each line", 2},
    {"help", '?', NULL, 0, "This text", -1},
    {"usage", OPTION_USAGE, NULL, 0, "The options alone", -1},
    {0},
};
/* clang-format on */

enum { OPTIONS_MAX = 20, DOC_BYTES = 1024, NAME_BYTES = 64, REFUSAL_BYTES = 1024 };

struct parse {
    const struct command *command;
    const struct argp *argp;
    struct arguments *arguments;
    bool json; /* seen in advance: what comes before --json may be wrong, too */
    char name[NAME_BYTES];
};

/* One line; the fix is at its end. */
__attribute__((format(printf, 2, 3), noreturn)) static void
refuse(const struct parse *parse, const char *format, ...)
{
    char text[REFUSAL_BYTES];
    va_list list;

    va_start(list, format);
    int size = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (size > 0 && (size_t)size < sizeof text) {
        (void)snprintf(text + size, sizeof text - (size_t)size, "; see %s --help", parse->name);
    }
    (void)usage_error(parse->command->name, parse->json, text);
    exit(EXIT_USAGE);
}

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
    case OPTION_SHARE_FILE:
        return &arguments->share_file;
    case OPTION_SHARES:
        return &arguments->shares;
    case OPTION_THRESHOLD:
        return &arguments->threshold;
    case OPTION_UNSEAL:
        return &arguments->unseal;
    case OPTION_PASSPHRASE_FILE:
        return &arguments->passphrase_file;
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
    case OPTION_PURPOSE:
        return &arguments->purpose;
    case OPTION_TICKET:
        return &arguments->ticket;
    case OPTION_FROM:
        return &arguments->from;
    case OPTION_PRINCIPAL:
        return &arguments->principal;
    case OPTION_TOKEN:
        return &arguments->token;
    case OPTION_OPERATION:
        return &arguments->operation;
    case OPTION_SINCE:
        return &arguments->since;
    case OPTION_UNTIL:
        return &arguments->until;
    case OPTION_LASTS:
        return &arguments->lasts;
    case OPTION_DAILY:
        return &arguments->daily;
    case OPTION_HOURLY:
        return &arguments->hourly;
    case OPTION_RETAIN:
        return &arguments->retain;
    case OPTION_CHECKPOINT:
        return &arguments->checkpoint;
    case OPTION_RATE:
        return &arguments->rate;
    case OPTION_RECIPIENT:
        return &arguments->recipient;
    case OPTION_AUDIT_FOLDER:
        return &arguments->audit_folder;
    case OPTION_TMP:
        return &arguments->tmp;
    case OPTION_ERRORS:
        return &arguments->errors;
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
    case OPTION_RELAYED:
        return &arguments->relayed;
    case OPTION_ALL:
        return &arguments->all;
    case OPTION_WAIT:
        return &arguments->wait;
    case OPTION_DETACH:
        return &arguments->detach;
    case OPTION_NOW:
        return &arguments->now;
    case OPTION_YES:
        return &arguments->yes;
    case OPTION_RESUME:
        return &arguments->resume;
    case OPTION_CSV:
        return &arguments->csv;
    case OPTION_ACCEPT_LOST:
        return &arguments->accept_lost;
    case OPTION_ACCEPT_DAMAGED:
        return &arguments->accept_damaged;
    case OPTION_VERIFY:
        return &arguments->verify;
    case 'f':
        return &arguments->follow;
    default:
        return NULL;
    }
}

/* What the option named in `word` (up to its =) is, if it is one alone. */
static const struct argp_option *
find_option(const struct parse *parse, const char *word)
{
    const struct argp_option *found = NULL;
    size_t size = strcspn(word, "=");

    for (const struct argp_option *option = parse->argp->options; option->name != NULL; option++) {
        if (strncmp(option->name, word, size) != 0) {
            continue;
        }
        if (found != NULL) {
            return NULL;
        }
        found = option;
    }
    return found;
}

/* argp and getopt are silent: of what they say, half would be a second line. */
__attribute__((noreturn)) static void
refuse_option(const struct parse *parse, const struct argp_state *state)
{
    const char *word = state->next > 0 ? state->argv[state->next - 1] : "";

    if (strncmp(word, "--", 2) != 0) {
        refuse(parse, "no such option, or its value is missing");
    }
    const struct argp_option *option = find_option(parse, word + 2);
    int size = (int)strcspn(word, "=");
    if (option == NULL) {
        refuse(parse, "%.*s: no such option, or it may mean several", size, word);
    }
    if (option->arg != NULL) {
        refuse(parse, "%.*s: its value is missing", size, word);
    }
    refuse(parse, "%.*s: takes no value", size, word);
}

static void
take_values(const struct parse *parse, struct argp_state *state)
{
    size_t count = (size_t)(state->argc - state->next);

    if (count < parse->command->values_min) {
        refuse(parse, "too few arguments");
    }
    if (count > parse->command->values_max) {
        refuse(parse, "too many arguments");
    }
    parse->arguments->values = state->argv + state->next;
    parse->arguments->value_count = count;
    state->next = state->argc;
}

static void
print_help(struct parse *parse, unsigned flags)
{
    argp_help(parse->argp, stdout, flags, parse->name);
    if (flags == ARGP_HELP_USAGE) {
        putchar('\n');
    }
    exit(fflush(stdout) == 0 ? EXIT_OK : EXIT_REFUSED);
}

/* The one option that may be given several times. */
static void
take_column(const struct parse *parse, const char *name)
{
    struct arguments *arguments = parse->arguments;

    if (arguments->column_count == IMPORT_COLUMNS_MAX) {
        refuse(parse, "--column: at most %d of them", IMPORT_COLUMNS_MAX);
    }
    arguments->columns[arguments->column_count++] = name;
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
    switch (key) {
    case OPTION_COLUMN:
        take_column(parse, argument);
        return 0;
    case '?':
        print_help(parse, ARGP_HELP_STD_HELP & ~(unsigned)ARGP_HELP_EXIT_OK);
        return 0;
    case OPTION_USAGE:
        print_help(parse, ARGP_HELP_USAGE);
        return 0;
    case ARGP_KEY_ARGS:
    case ARGP_KEY_NO_ARGS:
        take_values(parse, state);
        return 0;
    case ARGP_KEY_ERROR:
        refuse_option(parse, state);
    default:
        return ARGP_ERR_UNKNOWN;
    }
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

bool
arguments_want_json(int argc, char *const *argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            return true;
        }
    }
    return false;
}

void
arguments_parse(const struct command *command, int argc, char **argv,
                struct arguments *ret_arguments)
{
    char doc[DOC_BYTES];
    struct argp_option options[OPTIONS_MAX + 1] = {0};
    struct argp argp = {
        .options = options,
        .parser = take_option,
        .args_doc = command->arguments,
        .doc = doc,
    };
    struct parse parse = {
        .command = command,
        .argp = &argp,
        .arguments = ret_arguments,
        .json = arguments_want_json(argc, argv),
    };

    *ret_arguments = (struct arguments){
        .command = command->name,
        .identity = environment("CONTACT_VAULT_IDENTITY"),
        .namespace_name = environment("CONTACT_VAULT_NAMESPACE"),
    };
    join_options(command->options, options);
    bool asks = command->help[strlen(command->help) - 1] == '?';
    (void)snprintf(doc, sizeof doc, "%s%s\vFor example:\n  %s\n\n" EXIT_CODES_HELP, command->help,
                   asks ? "" : ".", command->example);
    (void)snprintf(parse.name, sizeof parse.name, "vaultctl %s", command->name);
    argv[0] = parse.name;
    if (argp_parse(&argp, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP, NULL, &parse) != 0) {
        refuse(&parse, "out of memory");
    }
    /* What was said on the command line wins; --data before the environment's socket. */
    if (ret_arguments->socket == NULL && ret_arguments->data == NULL) {
        ret_arguments->socket = environment("CONTACT_VAULT_SOCKET");
    }
}
