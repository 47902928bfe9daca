/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "main_internal.h"

/* What needs the vault's insides while no daemon runs is a subcommand; vaultctl calls it. */
static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} subcommands[] = {
    {"init", main_init},
    {"audit-verify", main_audit_verify},
    {"restore", main_restore},
};

int
main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof subcommands / sizeof subcommands[0]; i++) {
        if (strcmp(argv[1], subcommands[i].name) == 0) {
            return subcommands[i].run(argc - 1, argv + 1);
        }
    }
    return main_serve(argc, argv);
}
