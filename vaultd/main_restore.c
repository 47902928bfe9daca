/* SPDX-License-Identifier: Apache-2.0 */
/* vaultd restore: a vault out of a backup, or, with --verify, only whether it would be one. */
#include <argp.h>
#include <inttypes.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backup_recipient.h"
#include "config.h"
#include "datadir_building.h"
#include "keyring_disk.h"
#include "log.h"
#include "main_internal.h"
#include "main_root.h"
#include "public_key_text.h"
#include "restore.h"
#include "secret.h"
#include "slot.h"
#include "startup_text.h"
#include "unseal.h"

#define PUBLIC_FILE "audit.pub"
#define TMP_DEFAULT "/var/tmp"

enum {
    OPTION_AUDIT = 0x200,
    OPTION_CHECKPOINT,
    OPTION_ACCEPT,
    OPTION_DAMAGED,
    OPTION_STDIN,
    OPTION_SLOT,
    OPTION_VERIFY,
    OPTION_TMP,
    PATH_BYTES = 1100,
    SECOND_MS = 1000,
    TIME_BYTES = 32,
    GIB_SHIFT = 30,
};

struct options {
    struct main_options shared;
    const char *file;
    char keyring[PATH_BYTES];
    const char *recipient_file;
    const char *audit;
    const char *checkpoints;
    const char *tmp;
    bool accept_lost, accept_damaged, root_on_stdin, slot, verify, json;
};

static volatile sig_atomic_t caught;

static void
catch_signal(int number)
{
    caught = number;
}

/* What was built is taken away before the process goes. */
static void
catch_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    const struct sigaction catches = {.sa_handler = catch_signal, .sa_flags = SA_RESTART};

    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        (void)sigaction(signals[i], &catches, NULL);
    }
}

/* ---- options ---- */

static void
check_options(const struct options *options, struct argp_state *state)
{
    if (options->file == NULL || options->recipient_file == NULL) {
        argp_error(state, "FILE and --recipient PRIVATEKEYFILE are needed");
    }
    if (options->slot) {
        return;
    }
    if ((options->shared.data != NULL) == options->verify) {
        argp_error(state, "where to? Give --data DIR, or --verify");
    }
    if ((options->shared.key_file != NULL) == options->root_on_stdin) {
        argp_error(state, "give the root key: --key-file FILE, or --root-stdin");
    }
    if (options->audit != NULL && options->accept_lost) {
        argp_error(state, "--audit, --accept-lost-erasures: only one of them");
    }
    if (options->checkpoints != NULL && options->audit == NULL) {
        argp_error(state, "--checkpoint is for the log that --audit names");
    }
}

static error_t
parse_option(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->shared;
        return 0;
    case 'r':
        options->recipient_file = argument;
        return 0;
    case OPTION_AUDIT:
        options->audit = argument;
        return 0;
    case OPTION_CHECKPOINT:
        options->checkpoints = argument;
        return 0;
    case OPTION_ACCEPT:
        options->accept_lost = true;
        return 0;
    case OPTION_DAMAGED:
        options->accept_damaged = true;
        return 0;
    case OPTION_STDIN:
        options->root_on_stdin = true;
        return 0;
    case OPTION_SLOT:
        options->slot = true;
        return 0;
    case OPTION_VERIFY:
        options->verify = true;
        return 0;
    case OPTION_TMP:
        options->tmp = argument;
        return 0;
    case 'j':
        options->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (options->file != NULL) {
            argp_error(state, "one FILE only");
        }
        options->file = argument;
        return 0;
    case ARGP_KEY_END:
        check_options(options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option argp_options[] = {
    {"recipient", 'r', "FILE", 0, "the private key of one of the backup's recipients", 0},
    {"audit", OPTION_AUDIT, "FOLDER", 0, "the newest copy there is of the vault's audit log", 0},
    {"checkpoint", OPTION_CHECKPOINT, "FILE", 0,
     "checkpoints of the vault kept elsewhere: that log must have them", 0},
    {"accept-lost-erasures", OPTION_ACCEPT, NULL, 0,
     "no copy of the log: what was erased since the backup may be back", 0},
    {"accept-damaged", OPTION_DAMAGED, NULL, 0,
     "records that were damaged in the vault stay so; all others are there", 0},
    {"root-stdin", OPTION_STDIN, NULL, 0, "the root key's 32 bytes are read from stdin", 0},
    {"slot", OPTION_SLOT, NULL, 0, "only say, in hex digits, how the root key is got", 0},
    {"verify", OPTION_VERIFY, NULL, 0, "a restore that leaves nothing behind", 0},
    {"tmp", OPTION_TMP, "DIR", 0, "where --verify works (untold: " TMP_DEFAULT ")", 0},
    {"json", 'j', NULL, 0, "one JSON document", 0},
    {0},
};
static const struct argp_child argp_children[] = {{&main_options_argp, 0, NULL, 0}, {0}};

static const struct argp argp = {
    .options = argp_options,
    .parser = parse_option,
    .args_doc = "FILE",
    .children = argp_children,
    .doc = "Restore a vault from FILE and FILE.keyring, into a new directory.\v"
           "Example: vaultd restore backup --data /var/lib/contact-vault --recipient safe.key "
           "--key-file root.key --audit /mnt/log",
};

/* ---- what is said ---- */

/* For people, or as all JSON of vaultctl's has it. */
static void
format_time(uint64_t time_ms, bool json, char ret_text[static TIME_BYTES])
{
    time_t seconds = (time_t)(time_ms / SECOND_MS);
    struct tm parts = {0};
    size_t size =
        strftime(ret_text, TIME_BYTES, json ? "%Y-%m-%dT%H:%M:%S" : "%Y-%m-%d %H:%M:%S UTC",
                 gmtime_r(&seconds, &parts));

    if (json) {
        (void)snprintf(ret_text + size, TIME_BYTES - size, ".%03uZ",
                       (unsigned)(time_ms % SECOND_MS));
    }
}

/* A sentence may have a path in it, which need not be UTF-8. */
static void
print_escaped(const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        (void)putchar(c < ' ' || c > '~' || c == '"' || c == '\\' ? '?' : c);
    }
}

static int
refuse(const struct options *options, const struct restore_report *report)
{
    if (!options->json) {
        return startup_fail(report->fault);
    }
    (void)printf("{\"ok\":false,\"fault\":\"%s\",\"message\":\"", report->fault_name);
    print_escaped(report->fault);
    (void)printf("\"}\n");
    return EXIT_REFUSED;
}

/* ---- keys ---- */

/* Of a file that the command line names. */
static bool
refuse_key(const struct options *options, const char *name, const char *path, const char *what)
{
    struct restore_report report = {.fault_name = name};

    (void)snprintf(report.fault, sizeof report.fault, "%.200s: %s", path, what);
    (void)refuse(options, &report);
    return false;
}

static bool
read_recipient(const struct options *options, struct secret **ret_key)
{
    const char *path = options->recipient_file;
    struct secret *key = NULL;
    uint8_t *file = NULL;
    size_t size = 0;
    bool read = keyring_disk_read(path, BACKUP_PRIVATE_FILE_BYTES, &file, &size) == STATUS_OK &&
                secret_new(BACKUP_KEY_BYTES, &key) == STATUS_OK &&
                backup_recipient_parse_private(bytes_of(file, size), secret_write(key));

    if (file != NULL) {
        explicit_bzero(file, size);
        free(file);
    }
    if (!read) {
        secret_free(&key);
        return refuse_key(options, "no_recipient_key", path,
                          "no private key of a recipient, as vaultctl recipient new makes it: give "
                          "--recipient FILE");
    }
    secret_freeze(key);
    *ret_key = key;
    return true;
}

static bool
read_root(const struct options *options, struct secret **ret_root)
{
    if (options->root_on_stdin) {
        return root_read_stdin(ret_root);
    }
    if (unseal_keyfile_read(options->shared.key_file, ret_root) == STATUS_OK) {
        return true;
    }
    return refuse_key(options, "no_root_key", options->shared.key_file,
                      "no root key, which is a file of 32 bytes that only its owner may read: give "
                      "--key-file FILE");
}

/* ---- what is said in the end ---- */

static void
print_json(const struct options *options, const struct restore_report *report,
           const char *public_key)
{
    char time[TIME_BYTES];

    format_time(report->time_ms, true, time);
    (void)printf("{\"ok\":true,\"restored\":%s,\"time\":\"%s\",\"contacts\":%" PRIu64
                 ",\"namespaces\":%" PRIu64 ",\"principals\":%" PRIu64 ",\"entries\":%" PRIu64
                 ",\"audit_key\":\"%s\",\"log\":\"%s\",\"new_entries\":%" PRIu64
                 ",\"erased\":%" PRIu64 ",\"shredded\":%" PRIu64 ",\"disabled\":%" PRIu64
                 ",\"revoked\":%" PRIu64 ",\"frozen\":%s,\"principals_lost\":%" PRIu64
                 ",\"grants_lost\":%" PRIu64 ",\"namespaces_lost\":%" PRIu64
                 ",\"admins_kept\":%" PRIu64 ",\"approvals_off\":%s,\"faults\":%" PRIu64 "}\n",
                 options->verify ? "false" : "true", time, report->contacts, report->namespaces,
                 report->principals, report->entries, public_key,
                 report->log_is_newer ? "newer" : "backup", report->new_entries, report->erased,
                 report->shredded, report->disabled, report->revoked,
                 report->frozen ? "true" : "false", report->principals_lost, report->grants_lost,
                 report->namespaces_lost, report->admins_kept,
                 report->approvals_off ? "true" : "false", report->faults);
}

static void
print_since(const struct restore_report *report)
{
    if (!report->log_is_newer) {
        (void)printf(
            "The log since the backup is lost: what was erased, disabled or revoked since is\n"
            "not known, and every budget starts spent.\n");
        return;
    }
    (void)printf("The log goes on for %" PRIu64
                 " entries. Done again by it: contacts erased %" PRIu64
                 ", namespaces\nshredded %" PRIu64 ", principals disabled %" PRIu64
                 ", grants revoked %" PRIu64 "%s.\n",
                 report->new_entries, report->erased, report->shredded, report->disabled,
                 report->revoked, report->frozen ? ", reveals frozen" : "");
    (void)printf("Made since and not there, for an admin to make again (vaultctl audit tail shows "
                 "them):\nprincipals %" PRIu64 ", grants %" PRIu64 ", namespaces %" PRIu64 ".\n",
                 report->principals_lost, report->grants_lost, report->namespaces_lost);
    if (report->erased > 0) {
        (void)printf("Keys that were destroyed since the backup came back with it: rotate data and "
                     "index key of\neach namespace where something was erased (vaultctl key "
                     "rotate).\n");
    }
    if (report->admins_kept > 0) {
        (void)printf("Still admin although disabled or revoked since, because there is no other: "
                     "%" PRIu64 ". Make another one, and disable that one.\n",
                     report->admins_kept);
    }
    if (report->approvals_off) {
        (void)printf("Fewer than two admins are left who could approve anything, so nothing waits "
                     "for approval\nuntil there is a second one: make one first.\n");
    }
}

static void
print_text(const struct options *options, const struct restore_report *report)
{
    char time[TIME_BYTES];

    format_time(report->time_ms, false, time);
    (void)printf("%s, of %s: contacts %" PRIu64 ", namespaces %" PRIu64 ", principals %" PRIu64
                 ", entries of\nthe log %" PRIu64 ". Each was opened and checked.\n",
                 options->verify ? "The backup is good" : "The vault is restored", time,
                 report->contacts, report->namespaces, report->principals, report->entries);
    if (report->faults > 0) {
        (void)printf("But for %" PRIu64
                     " faults, which the vault had when the backup was made: what "
                     "does not open\nis answered as corrupt.\n",
                     report->faults);
    }
    if (!options->verify || report->log_is_newer) {
        print_since(report);
    }
    if (!options->verify) {
        (void)printf("It is another instance: sessions are void, tokens are the same. Start it:\n"
                     "vaultd --data %s\n",
                     options->shared.data);
    }
}

/* ---- doing it ---- */

static enum status
fail_at_directory(const struct datadir_fault *fault, enum status status,
                  struct restore_report *report)
{
    report->fault_name = status == STATUS_CONFLICT ? "not_empty" : "unavailable";
    (void)snprintf(report->fault, sizeof report->fault, "%.500s", fault->text);
    return status;
}

static enum status
build(const struct options *options, const struct restore_request *request,
      struct restore_report *report, char *public_key)
{
    struct restore_request located = *request;
    struct datadir_building *building = NULL;
    struct datadir_paths paths;
    struct datadir_fault fault;
    char line[PUBLIC_KEY_TEXT_BYTES + 1];
    enum status status = datadir_building_begin(options->shared.data, &paths, &fault, &building);

    if (status != STATUS_OK) {
        return fail_at_directory(&fault, status, report);
    }
    located.store_folder = paths.store;
    located.audit_folder = paths.audit;
    located.keyring_path = paths.keyring;
    status = restore_build(&located, report);
    if (status == STATUS_OK) {
        public_key_print(report->public_key, public_key);
        (void)snprintf(line, sizeof line, "%s\n", public_key);
    }
    if (status == STATUS_OK && !options->verify) {
        status = datadir_building_write(building, PUBLIC_FILE, line, &fault);
        if (status == STATUS_OK) {
            status = datadir_building_commit(building, &fault);
        }
        status = status == STATUS_OK ? status : fail_at_directory(&fault, status, report);
    }
    datadir_building_end(&building);
    return status;
}

/* In a folder that is gone afterwards. */
static enum status
verify(struct options *options, const struct restore_request *request,
       struct restore_report *report, char *public_key)
{
    char folder[PATH_BYTES];
    enum status status;
    int size = snprintf(folder, sizeof folder, "%s/contact-vault-verify-XXXXXX",
                        options->tmp == NULL ? TMP_DEFAULT : options->tmp);

    if (size < 0 || size >= (int)sizeof folder || mkdtemp(folder) == NULL) {
        report->fault_name = "unavailable";
        (void)snprintf(report->fault, sizeof report->fault,
                       "no folder can be made to work in: name another one with --tmp");
        return STATUS_UNAVAILABLE;
    }
    options->shared.data = folder;
    status = build(options, request, report, public_key);
    (void)rmdir(folder);
    options->shared.data = NULL;
    return status;
}

static int
say_slot(const struct options *options, const struct secret *recipient)
{
    uint8_t bytes[UNSEAL_SLOT_BYTES_MAX];
    char hex[2 * sizeof bytes + 1];
    struct restore_report report;
    struct unseal_slot slot;

    if (restore_slot(options->keyring, recipient, &slot, &report) != STATUS_OK) {
        return refuse(options, &report);
    }
    (void)printf("%s\n", sodium_bin2hex(hex, sizeof hex, bytes, slot_write(&slot, bytes)));
    return EXIT_OK;
}

static int
restore(struct options *options, const struct secret *recipient, const struct secret *root)
{
    const struct restore_request request = {
        .contents = options->file,
        .keyring = options->keyring,
        .recipient = recipient,
        .root = root,
        .newer_log = options->audit,
        .checkpoints = options->checkpoints,
        .accept_lost = options->accept_lost || options->verify,
        .accept_damaged = options->accept_damaged,
        .map_bytes = (uint64_t)options->shared.map_gib << GIB_SHIFT,
        .stop = &caught,
    };
    char public_key[PUBLIC_KEY_TEXT_BYTES] = "";
    struct restore_report report = {0};
    enum status status;

    catch_signals();
    status = options->verify ? verify(options, &request, &report, public_key)
                             : build(options, &request, &report, public_key);

    if (status != STATUS_OK) {
        return refuse(options, &report);
    }
    if (options->json) {
        print_json(options, &report, public_key);
    } else {
        print_text(options, &report);
    }
    return fflush(stdout) == 0 ? EXIT_OK : EXIT_REFUSED;
}

int
main_restore(int argc, char **argv)
{
    struct options options = {0};
    struct secret *recipient = NULL;
    struct secret *root = NULL;
    int code = EXIT_REFUSED;
    int size;

    argp_err_exit_status = EXIT_USAGE;
    (void)argp_parse(&argp, argc, argv, 0, NULL, &options);
    log_set_level(LOG_LEVEL_ERROR);
    size = snprintf(options.keyring, sizeof options.keyring, "%s.keyring", options.file);
    if (size < 0 || size >= (int)sizeof options.keyring) {
        return startup_fail("the backup's name is too long");
    }
    if (graph_prepare_process() && read_recipient(&options, &recipient)) {
        if (options.slot) {
            code = say_slot(&options, recipient);
        } else if (read_root(&options, &root)) {
            code = restore(&options, recipient, root);
        }
    }
    secret_free(&root);
    secret_free(&recipient);
    return code;
}
