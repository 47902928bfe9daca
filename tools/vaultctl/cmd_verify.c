/* SPDX-License-Identifier: Apache-2.0 */
/* audit verify: by vaultd, which needs no daemon and no key of the vault for it. */
#include "commands.h"

#include <stdio.h>
#include <unistd.h>

#include "place.h"

enum { PATH_BYTES = 4096 };

static bool
join_path(const char *folder, const char *name, char ret_path[static PATH_BYTES])
{
    int size = snprintf(ret_path, PATH_BYTES, "%s%s", folder, name);

    return size > 0 && size < PATH_BYTES;
}

/* The vault's own copy of the public half proves that nobody who cannot write there has changed
 * the log; who can, may have changed both. */
static const char *
choose_public_key(const struct arguments *arguments, const char *data, char path[static PATH_BYTES])
{
    if (arguments->public_key != NULL || data == NULL) {
        return arguments->public_key;
    }
    if (!join_path(data, "/audit.pub", path) || access(path, R_OK) != 0) {
        return NULL;
    }
    note(arguments,
         "note: the public key is the one in %s; better give --public-key with a copy kept "
         "elsewhere",
         path);
    return path;
}

enum exit_code
cmd_audit_verify(const struct arguments *arguments)
{
    char folder[PATH_BYTES], key_path[PATH_BYTES];
    struct vaultd_line line = vaultd_line_of("audit-verify");
    bool has_folder = arguments->value_count == 1;
    const char *data = arguments->data;

    if (!has_folder && data == NULL && access(PLACE_DATA, F_OK) == 0) {
        data = PLACE_DATA;
    }
    if (has_folder == (data != NULL)) {
        return fail(arguments, EXIT_USAGE, "which log? Give --data DIR, or the audit folder");
    }
    if (!join_path(has_folder ? arguments->values[0] : data, has_folder ? "" : "/data/audit",
                   folder)) {
        return fail(arguments, EXIT_USAGE, "the folder's name is too long, or empty");
    }
    vaultd_line_add(&line, folder);
    vaultd_line_option(&line, "--public-key", choose_public_key(arguments, data, key_path));
    vaultd_line_option(&line, "--checkpoint", arguments->checkpoint);
    if (arguments->json) {
        vaultd_line_add(&line, "--json");
    }
    return vaultd_execute(arguments, &line);
}
