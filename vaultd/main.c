/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "main_internal.h"

/* What needs the vault's insides while no daemon runs is a subcommand; vaultctl calls it. */
static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} subcommands[] = {
    {"init", main_init},
    {"audit-verify", main_audit_verify},
};

enum { MAP_GIB_MAX = 65536 };

bool
main_parse_map(const char *text, uint64_t *ret_gib)
{
    char *end = NULL;
    unsigned long gib;

    errno = 0;
    gib = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || gib == 0 || gib > MAP_GIB_MAX) {
        return false;
    }
    *ret_gib = gib;
    return true;
}

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
