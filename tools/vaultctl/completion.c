/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of commands and options as bash has them, then completion.bash, which goes by them. */
#include "commands.h"

#include <stdio.h>

enum { ACTS_END = 256 };

/* The build makes it of completion.bash. */
static const char *const logic[] = {
#include "completion_logic.h"
};

static void
print_commands(const struct command *commands, size_t count)
{
    fputs("_vaultctl_commands='", stdout);
    for (size_t i = 0; i < count; i++) {
        printf("%s%s", i == 0 ? "" : "\n", commands[i].name);
    }
    fputs("'\n", stdout);
}

/* What `grant` and `audit tail --operation` take. */
static void
print_vocabularies(void)
{
    fputs("_vaultctl_roles='", stdout);
    for (enum cv_role role = CV_ROLE_SERVICE; cv_role_name(role) != NULL; role++) {
        printf("%s%s", role == CV_ROLE_SERVICE ? "" : " ", cv_role_name(role));
    }
    fputs("'\n_vaultctl_providers='keyfile passphrase shares", stdout);
    fputs("'\n_vaultctl_operations='", stdout);
    const char *between = "";
    for (uint32_t act = 1; act < ACTS_END; act++) {
        if (cv_act_name(act) != NULL) {
            printf("%s%s", between, cv_act_name(act));
            between = " ";
        }
    }
    fputs("'\n", stdout);
}

static bool
is_letter(int key)
{
    return (key >= 'a' && key <= 'z') || (key >= 'A' && key <= 'Z');
}

/* "-n=NS --namespace=NS --json": the name of a value stands behind the option that takes one. */
static void
print_options(const struct argp_option *options)
{
    const char *between = "";

    for (; options->name != NULL; options++) {
        const char *equals = options->arg != NULL ? "=" : "";
        const char *value = options->arg != NULL ? options->arg : "";

        if (is_letter(options->key)) {
            printf("%s-%c%s%s", between, options->key, equals, value);
            between = " ";
        }
        printf("%s--%s%s%s", between, options->name, equals, value);
        between = " ";
    }
}

static void
print_command_table(const struct command *commands, size_t count)
{
    fputs("_vaultctl_common='", stdout);
    print_options(common_options);
    fputs("'\n# Sets arguments and options of the command named. False: there is none.\n"
          "_vaultctl_table() {\n    case $1 in\n",
          stdout);
    for (size_t i = 0; i < count; i++) {
        printf("    '%s') arguments='%s' options='", commands[i].name, commands[i].arguments);
        print_options(commands[i].options);
        fputs("' ;;\n", stdout);
    }
    fputs("    *) return 1 ;;\n    esac\n    options+=\" $_vaultctl_common\"\n}\n", stdout);
}

void
completion_print(const struct command *commands, size_t count)
{
    fputs("# SPDX-License-Identifier: Apache-2.0\n"
          "# bash completion for vaultctl, as vaultctl --completion prints it.\n",
          stdout);
    print_commands(commands, count);
    print_vocabularies();
    print_command_table(commands, count);
    for (size_t i = 0; i < sizeof logic / sizeof logic[0]; i++) {
        fputs(logic[i], stdout);
    }
}
