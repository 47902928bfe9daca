/* SPDX-License-Identifier: Apache-2.0 */
/* vaultd audit-verify: prove a log, or a copy of one, without a daemon and without a key. */
#include <argp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit.h"
#include "main_internal.h"
#include "startup_text.h"

struct verify_options {
    const char *folder;
    bool json;
};

static error_t
parse_option(int key, char *argument, struct argp_state *state)
{
    struct verify_options *options = state->input;

    switch (key) {
    case 'j':
        options->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (options->folder != NULL) {
            argp_error(state, "one FOLDER only");
        }
        options->folder = argument;
        return 0;
    case ARGP_KEY_END:
        if (options->folder == NULL) {
            argp_error(state, "FOLDER is needed: the log's, or a copy's");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option argp_options[] = {
    {"json", 'j', NULL, 0, "one JSON document", 0},
    {0},
};

static const struct argp argp = {
    .options = argp_options,
    .parser = parse_option,
    .args_doc = "FOLDER",
    .doc = "Prove an audit log: every entry, its place in the chain, and that none is missing "
           "before the last.\vExample: vaultd audit-verify /var/lib/contact-vault/data/audit",
};

static void
print_result(const struct verify_options *options, const struct audit_report *report, bool ok)
{
    if (options->json) {
        /* No checkpoint was compared with, so nothing anchors the end of the chain. The place is
         * made of file names and numbers; nothing in it wants escaping. */
        (void)printf("{\"ok\":%s,\"entries\":%llu,\"checkpoints\":0,\"anchored\":false",
                     ok ? "true" : "false", (unsigned long long)report->entries);
        if (!ok) {
            (void)printf(",\"fault\":\"%s\"", report->place);
        }
        (void)puts("}");
    } else if (ok) {
        (void)printf(
            "ok: %llu entries, each in its place; not anchored: compare the count with one "
            "you keep elsewhere\n",
            (unsigned long long)report->entries);
    } else {
        (void)printf("FAILED: %s\n", report->place);
    }
}

int
main_audit_verify(int argc, char **argv)
{
    struct verify_options options = {0};
    struct audit_report report = {0};
    bool ok;

    argp_err_exit_status = EXIT_USAGE;
    (void)argp_parse(&argp, argc, argv, 0, NULL, &options);
    if (sodium_init() < 0) {
        return startup_fail("libsodium cannot be initialised");
    }
    ok = audit_verify(options.folder, &report) == STATUS_OK;
    if (!ok && report.place[0] == '\0') {
        (void)startup_fail("no log there, or it cannot be read; a vault's is DIR/data/audit");
        return EXIT_USAGE;
    }
    print_result(&options, &report, ok);
    return ok ? EXIT_OK : EXIT_REFUSED;
}
