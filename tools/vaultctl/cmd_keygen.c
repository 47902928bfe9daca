/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum exit_code
cmd_keygen(const struct arguments *arguments)
{
    char public_key[CV_PUBLIC_TEXT_BYTES];

    if (arguments->output == NULL) {
        return fail(arguments, EXIT_USAGE, "say where: -o FILE");
    }
    switch (cv_identity_create(arguments->output, public_key)) {
    case CV_OK:
        break;
    case CV_CONFLICT:
        return fail(arguments, EXIT_REFUSED, "%s is there already; a key is never overwritten",
                    arguments->output);
    default:
        return fail(arguments, EXIT_REFUSED, "%s: %s", arguments->output, strerror(errno));
    }
    if (arguments->json) {
        print_json(json_pack("{s:o, s:s}", "identity", json_text(arguments->output), "public_key",
                             public_key));
    } else {
        puts(public_key);
    }
    return EXIT_OK;
}
