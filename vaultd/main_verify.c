/* SPDX-License-Identifier: Apache-2.0 */
/* vaultd audit-verify: prove a log, or a copy of one, without a daemon; with the public key, its
 * signatures too. */
#include <argp.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit_verify.h"
#include "main_internal.h"
#include "public_key_text.h"
#include "startup_text.h"

struct verify_options {
    const char *folder;
    const char *public_key_file;
    const char *checkpoint_file;
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
    case 'k':
        options->public_key_file = argument;
        return 0;
    case 'c':
        options->checkpoint_file = argument;
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
    {"public-key", 'k', "FILE", 0, "the vault's public key: its signatures are checked", 0},
    {"checkpoint", 'c', "FILE", 0,
     "checkpoints kept elsewhere: each of this vault must stand in the log", 0},
    {"json", 'j', NULL, 0, "one JSON document", 0},
    {0},
};

static const struct argp argp = {
    .options = argp_options,
    .parser = parse_option,
    .args_doc = "FOLDER",
    .doc = "Prove an audit log: every entry, its place in the chain, that none is missing before "
           "the last, and, with the public key, that the vault has signed it.\vExample: vaultd "
           "audit-verify --public-key audit.pub --checkpoint checkpoints-01234567-2026-11 "
           "/var/lib/contact-vault/data/audit",
};

/* ---- the public key ---- */

/* The line that init has written, and nothing else in the file. */
static bool
read_public_key(const char *path, uint8_t ret_key[static PUBLIC_KEY_BYTES])
{
    char text[2 * PUBLIC_KEY_TEXT_BYTES] = {0};
    FILE *file = fopen(path, "re");
    size_t size = 0;

    if (file != NULL) {
        size = fread(text, 1, sizeof text - 1, file);
        (void)fclose(file);
    }
    return size > 0 && size < sizeof text - 1 && strlen(text) == size &&
           public_key_parse(text, ret_key);
}

/* ---- what is said ---- */

/* The place is made of file names and numbers; nothing in it wants escaping. */
static void
print_json(const struct audit_report *report, bool is_signed, bool ok)
{
    (void)printf("{\"ok\":%s,\"entries\":%" PRIu64 ",\"checkpoints\":%" PRIu64 ",\"anchored\":%s"
                 ",\"signed\":%s,\"first\":%" PRIu64 ",\"unclean\":%" PRIu64
                 ",\"unsigned_tail\":%" PRIu64,
                 ok ? "true" : "false", report->entries, report->checkpoints,
                 report->anchored ? "true" : "false", is_signed ? "true" : "false", report->first,
                 report->unclean, report->unsigned_tail);
    if (!ok) {
        (void)printf(",\"fault\":\"%s\",\"entry\":%" PRIu64, report->place, report->first_bad);
    }
    (void)puts("}");
}

static void
print_text(const struct verify_options *options, const struct audit_report *report)
{
    (void)printf("ok: %" PRIu64 " entries from %" PRIu64 " on, each in its place; %" PRIu64
                 " checkpoints, %" PRIu64 " entries since the last",
                 report->entries, report->first, report->checkpoints, report->unsigned_tail);
    if (report->unclean > 0) {
        (void)printf("; opened %" PRIu64 " times without having been closed", report->unclean);
    }
    if (report->restored > 0) {
        (void)printf("; of another instance since it was restored, entry %" PRIu64,
                     report->restored);
    }
    (void)puts("");
    if (options->public_key_file == NULL) {
        (void)puts("signatures not checked: whoever can write the files can make such a log; give "
                   "--public-key FILE (audit.pub, made by init)");
    }
    if (options->checkpoint_file == NULL) {
        (void)puts("not anchored: a tail cut off, or a whole older log, cannot be seen; give "
                   "--checkpoint FILE, kept in another place");
    } else {
        (void)printf("%s: %" PRIu64 " checkpoints kept elsewhere stand in this log\n",
                     report->anchored ? "anchored" : "not anchored", report->kept);
    }
}

static void
print_result(const struct verify_options *options, const struct audit_report *report, bool ok)
{
    if (options->json) {
        print_json(report, options->public_key_file != NULL, ok);
    } else if (ok) {
        print_text(options, report);
    } else {
        (void)printf("FAILED: %s\n", report->place);
    }
}

static int
cannot(enum status status, const struct verify_options *options)
{
    if (status == STATUS_INVALID || status == STATUS_TOO_LARGE) {
        (void)startup_fail("the checkpoint file holds no checkpoint of this vault, or too many");
    } else if (options->checkpoint_file != NULL) {
        (void)startup_fail("no log there, or no checkpoint file, or one cannot be read; a vault's "
                           "log is DIR/data/audit");
    } else {
        (void)startup_fail("no log there, or it cannot be read; a vault's is DIR/data/audit");
    }
    return EXIT_USAGE;
}

int
main_audit_verify(int argc, char **argv)
{
    uint8_t public_key[PUBLIC_KEY_BYTES];
    struct verify_options options = {0};
    struct audit_report report = {0};
    struct audit_check check;
    enum status status;

    argp_err_exit_status = EXIT_USAGE;
    (void)argp_parse(&argp, argc, argv, 0, NULL, &options);
    if (sodium_init() < 0) {
        return startup_fail("libsodium cannot be initialised");
    }
    check =
        (struct audit_check){.folder = options.folder, .checkpoint_file = options.checkpoint_file};
    if (options.public_key_file != NULL) {
        if (!read_public_key(options.public_key_file, public_key)) {
            (void)startup_fail("no public key in that file: one line, \"contact-vault public 1 "
                               "...\", as init has written it");
            return EXIT_USAGE;
        }
        check.public_key = public_key;
    }
    status = audit_verify(&check, &report);
    if (status != STATUS_OK && report.place[0] == '\0') {
        return cannot(status, &options);
    }
    print_result(&options, &report, status == STATUS_OK);
    return status == STATUS_OK ? EXIT_OK : EXIT_REFUSED;
}
