/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "terms.h"

enum { FREED_BYTE = 0x5a };

#ifndef CONTACT_VAULT_RELEASE
#error "the build says which release this is"
#endif

/* One row an option, one block a command. */
/* clang-format off */

/* Those of several commands. */
#define NAMESPACE_ROW \
    {"namespace", 'n', "NS", 0, "The namespace, if you have several ($CONTACT_VAULT_NAMESPACE)", 1}
#define REASON_ROWS \
    {"reason", OPTION_REASON, "TEXT", 0, \
     "Why; stands in the audit log (at most 200 bytes, no contact)", 1}, \
    {"purpose", OPTION_PURPOSE, "NAME", 0, \
     "What for: one of those that the vault lists, where it does", 1}, \
    {"ticket", OPTION_TICKET, "NUMBER", 0, "The case it is about (at most 64 bytes)", 1}
#define PHONE_ROWS \
    {"wa-id", OPTION_WA_ID, NULL, 0, \
     "Phone numbers are bare international digits, as WhatsApp has them", 1}, \
    {"region", OPTION_REGION, "CC", 0, \
     "Phone numbers without country code are of this country: IT, US, ...", 1}

#define ROOT_ROWS \
    {"recipient", OPTION_RECIPIENT, "FILE", 0, "The private key of one of the backup's recipients", 1}, \
    {"key-file", OPTION_KEY_FILE, "FILE", 0, "The root key of the time of the backup", 1}, \
    {"passphrase-file", OPTION_PASSPHRASE_FILE, "FILE", 0, "The passphrase of that time; -: on stdin", 1}, \
    {"share-file", OPTION_SHARE_FILE, "FILE", 0, "Shares of that time, a line each; -: on stdin", 1}

static const struct argp_option init_options[] = {
    {"unseal", OPTION_UNSEAL, "HOW", 0, "How it is unsealed: keyfile (untold), passphrase or shares", 1},
    {"shares", OPTION_SHARES, "N", 0, "So many shares are made", 1},
    {"threshold", OPTION_THRESHOLD, "K", 0, "So many of them unseal", 1},
    {"passphrase-file", OPTION_PASSPHRASE_FILE, "FILE", 0, "The passphrase; -: on stdin", 1},
    {"key-file", OPTION_KEY_FILE, "FILE", 0, "Where to put the root key (DIR.key untold)", 1},
    {"admin-uid", OPTION_ADMIN_UID, "N", 0, "The first admin's Unix uid (yours untold)", 1},
    {0},
};
static const struct argp_option unseal_options[] = {
    {"share-file", OPTION_SHARE_FILE, "FILE", 0, "Shares, a line each; -: on stdin", 1},
    {"passphrase-file", OPTION_PASSPHRASE_FILE, "FILE", 0, "The passphrase; -: on stdin", 1},
    {"key-file", OPTION_KEY_FILE, "FILE", 0, "The root key (DIR.key untold)", 1},
    {0},
};
static const struct argp_option person_options[] = {
    {"passphrase-file", OPTION_PASSPHRASE_FILE, "FILE", 0, "The passphrase of your key; -: on stdin", 1},
    {0},
};
static const struct argp_option keygen_options[] = {
    {"output", 'o', "FILE", 0, "The new identity file; only you can read it", 1},
    {0},
};
static const struct argp_option namespace_options[] = {
    NAMESPACE_ROW,
    {0},
};
static const struct argp_option principal_options[] = {
    {"uid", OPTION_UID, "N", 0, "Known by this Unix uid; a person may enrol from it alone", 1},
    {"public-key", OPTION_PUBLIC_KEY, "FILE", 0, "Known by the key keygen printed; -: on stdin", 1},
    {"person", OPTION_PERSON, NULL, 0, "A person, who enrols with the code this prints", 1},
    {"relayed", OPTION_RELAYED, NULL, 0,
     "Its key counts from behind another uid, too: containers, forwarded sockets", 1},
    {0},
};
static const struct argp_option offboard_options[] = {
    {"report", OPTION_REPORT, "FILE", 0,
     "The new file for all that it ever revealed: CSV, only you can read it", 1},
    {0},
};
static const struct argp_option grant_options[] = {
    {"namespace", 'n', "NS", 0, "The namespace ($CONTACT_VAULT_NAMESPACE); admin and audit have none", 1},
    {"for", OPTION_LASTS, "TIME", 0, "It ends after so long: " DURATION_FORM, 1},
    {"until", OPTION_UNTIL, "DATE", 0, "It ends at: " MOMENT_FORM, 1},
    {"daily", OPTION_DAILY, "N", 0, "Its budget over any 24 hours (the vault's own untold)", 1},
    {"hourly", OPTION_HOURLY, "N", 0, "Its budget over any hour (in proportion untold)", 1},
    {0},
};
static const struct argp_option set_options[] = {
    {"retain", OPTION_RETAIN, "TIME", 0,
     "Contacts that nobody used for so long are erased: " RETENTION_FORM, 1},
    {0},
};
static const struct argp_option shred_options[] = {
    {"yes", OPTION_YES, NULL, 0, "Do not ask for the name once more: for scripts", 1},
    {0},
};
static const struct argp_option rotate_options[] = {
    {"unseal", OPTION_UNSEAL, "HOW", 0, "Of root: how it is unsealed from now on: keyfile, passphrase or shares", 1},
    {"shares", OPTION_SHARES, "N", 0, "Of root: so many shares are made", 1},
    {"threshold", OPTION_THRESHOLD, "K", 0, "Of root: so many of them unseal", 1},
    {"key-file", OPTION_KEY_FILE, "FILE", 0, "Of root: where to put the new root key", 1},
    {"passphrase-file", OPTION_PASSPHRASE_FILE, "FILE", 0, "Of root: the new passphrase; -: on stdin", 1},
    {"namespace", 'n', "NS", 0, "The namespace; not needed where you have only one", 1},
    {"all", OPTION_ALL, NULL, 0, "In every namespace of yours", 1},
    {"wait", OPTION_WAIT, NULL, 0, "Until the old key is destroyed (untold: at a terminal)", 1},
    {"detach", OPTION_DETACH, NULL, 0, "The vault goes on by itself (untold: elsewhere)", 1},
    {0},
};
static const struct argp_option status_options[] = {
    {"namespace", 'n', "NS", 0, "Only this namespace's keys, and its horizon", 1},
    {0},
};
static const struct argp_option compact_options[] = {
    {"wait", OPTION_WAIT, NULL, 0, "Until the space is given back (untold: at a terminal)", 1},
    {"detach", OPTION_DETACH, NULL, 0, "The vault goes on by itself (untold: elsewhere)", 1},
    {0},
};
static const struct argp_option pair_options[] = {
    {"output", 'o', "FILE", 0, "The new file for the private half; only you can read it", 1},
    {0},
};
static const struct argp_option recipient_options[] = {
    {"public-key", OPTION_PUBLIC_KEY, "FILE", 0, "The key that recipient new printed; -: on stdin", 1},
    {0},
};
static const struct argp_option key_options[] = {
    {"public-key", OPTION_PUBLIC_KEY, "FILE", 0, "The key that keygen printed; -: on stdin", 1},
    {0},
};

static const struct argp_option canary_options[] = {
    {"namespace", 'n', "NS", 0, "The namespace; not needed where there is only one", 1},
    {0},
};
static const struct argp_option backup_options[] = {
    {"rate", OPTION_RATE, "N", 0, "So many MiB a second at the most (untold: as the vault permits)", 1},
    {"verify", OPTION_VERIFY, NULL, 0, "Make none: is FILE good? A restore that leaves nothing behind", 1},
    {"tmp", OPTION_TMP, "DIR", 0, "With --verify: where there is room for it (untold: /var/tmp)", 1},
    ROOT_ROWS,
    {0},
};
static const struct argp_option restore_options[] = {
    {"audit", OPTION_AUDIT_FOLDER, "FOLDER", 0, "The newest copy there is of the lost vault's audit log", 1},
    {"checkpoint", OPTION_CHECKPOINT, "FILE", 0, "Checkpoints kept elsewhere: that log must have them", 1},
    {"accept-lost-erasures", OPTION_ACCEPT_LOST, NULL, 0, "No copy of the log: what was erased since may be back", 1},
    {"accept-damaged", OPTION_ACCEPT_DAMAGED, NULL, 0, "Records that were damaged in the vault stay so", 1},
    ROOT_ROWS,
    {0},
};
static const struct argp_option freeze_options[] = {
    {"all", OPTION_ALL, NULL, 0, "Deliveries too, not only reveals by people", 1},
    {0},
};
static const struct argp_option erase_options[] = {
    REASON_ROWS,
    {"namespace", 'n', "NS", 0, "The namespace of contacts ($CONTACT_VAULT_NAMESPACE)", 1},
    PHONE_ROWS,
    {"now", OPTION_NOW, NULL, 0,
     "And replace the namespace's keys, and compact: what was erased then opens with no key that "
     "the vault has, and is not in its database any more", 1},
    {"detach", OPTION_DETACH, NULL, 0, "With --now: the vault goes on by itself", 1},
    {0},
};
static const struct argp_option contact_options[] = {
    NAMESPACE_ROW,
    PHONE_ROWS,
    {0},
};
static const struct argp_option detokenize_options[] = {
    REASON_ROWS,
    {0},
};
static const struct argp_option import_options[] = {
    {"column", OPTION_COLUMN, "NAME[=phone|email]", 0,
     "A column that holds contacts; for each of them once", 1},
    {"output", 'o', "OUT", 0, "Where to write; only you can read it", 1},
    {"errors", OPTION_ERRORS, "FILE", 0,
     "Line, column and fault of each cell that was emptied and each row that was left out", 1},
    {"resume", OPTION_RESUME, NULL, 0, "Go on with an import that was interrupted", 1},
    NAMESPACE_ROW,
    PHONE_ROWS,
    {0},
};
static const struct argp_option tail_options[] = {
    {"lines", 'l', "N", 0, "The last N entries (20 untold; with --from or a filter, all)", 1},
    {"from", OPTION_FROM, "N", 0, "Everything from entry N on", 1},
    {"follow", 'f', NULL, 0, "Then wait for more, until interrupted", 1},
    {"principal", OPTION_PRINCIPAL, "NAME", 0, "Only what this one did, or was done to it", 1},
    {"token", OPTION_TOKEN, "TOKEN", 0, "Only what was done with this token", 1},
    {"namespace", 'n', "NS", 0, "Only what was done in this namespace", 1},
    {"operation", OPTION_OPERATION, "OPERATION", 0, "Only this: detokenize, erase, grant, ...", 1},
    {"since", OPTION_SINCE, "DATE", 0, "Only from then on: 90d ago, or " MOMENT_FORM, 1},
    {"until", OPTION_UNTIL, "DATE", 0, "Only before", 1},
    {0},
};
static const struct argp_option report_options[] = {
    {"since", OPTION_SINCE, "DATE", 0, "From then on: 90d ago (30d untold), or " MOMENT_FORM, 1},
    {"until", OPTION_UNTIL, "DATE", 0, "Only before", 1},
    {"principal", OPTION_PRINCIPAL, "NAME", 0, "Of this one only", 1},
    {"namespace", 'n', "NS", 0, "Of contacts in this namespace only", 1},
    {"csv", OPTION_CSV, NULL, 0, "For a spreadsheet: a row for each principal and day", 1},
    {0},
};
static const struct argp_option subject_options[] = {
    {"csv", OPTION_CSV, NULL, 0, "For a spreadsheet: a row for each time", 1},
    {"namespace", 'n', "NS", 0, "The namespace of contacts ($CONTACT_VAULT_NAMESPACE)", 1},
    PHONE_ROWS,
    {0},
};
static const struct argp_option verify_options[] = {
    {"public-key", OPTION_PUBLIC_KEY, "FILE", 0,
     "What the log is signed with (DIR/audit.pub untold, if it is there)", 1},
    {"checkpoint", OPTION_CHECKPOINT, "FILE", 0,
     "Checkpoints kept elsewhere: nothing before them can be missing", 1},
    {0},
};
static const struct argp_option no_options[] = {{0}};

static const struct command commands[] = {
    {"init", "", "Make a vault: its folder, its root key, its first admin",
     "vaultctl init --data /var/lib/contact-vault --key-file /etc/contact-vault/root.key",
     init_options, 0, 0, cmd_init},
    {"status", "", "Is the vault there, and unsealed?",
     "vaultctl status --data /var/lib/contact-vault", no_options, 0, 0, cmd_status},
    {"seal", "", "Forget the root key: from now on there are only status and unseal",
     "vaultctl seal --data /var/lib/contact-vault", no_options, 0, 0, cmd_seal},
    {"unseal", "", "Give the vault its root key",
     "vaultctl unseal --data /var/lib/contact-vault --key-file /etc/contact-vault/root.key",
     unseal_options, 0, 0, cmd_unseal},
    {"freeze", "", "No reveal by people until an admin lifts it",
     "vaultctl freeze --all --data /var/lib/contact-vault", freeze_options, 0, 0, cmd_freeze},
    {"unfreeze", "", "Reveals go on", "vaultctl unfreeze --data /var/lib/contact-vault",
     no_options, 0, 0, cmd_unfreeze},
    {"enrol", "[NAME]", "Become who an admin added: your key is made here, your phone's codes begin",
     "vaultctl enrol maria --data /var/lib/contact-vault", person_options, 0, 1, cmd_enrol},
    {"login", "", "Begin a session of yours, with your key and a code of your phone",
     "vaultctl login --data /var/lib/contact-vault", person_options, 0, 0, cmd_login},
    {"logout", "", "End it", "vaultctl logout --data /var/lib/contact-vault", no_options, 0, 0,
     cmd_logout},
    {"whoami", "", "Who you are to the vault, and how long your session lasts",
     "vaultctl whoami --data /var/lib/contact-vault --json", no_options, 0, 0, cmd_whoami},
    {"keygen", "", "Make an Ed25519 identity, where it will be used; prints the public half",
     "vaultctl keygen -o inbox.key > inbox.pub", keygen_options, 0, 0, cmd_keygen},
    {"namespace create", "NAME", "Make a namespace, for a tenant or a brand",
     "vaultctl namespace create milano --data /var/lib/contact-vault", no_options, 1, 1,
     cmd_namespace_create},
    {"namespace list", "", "The namespaces there are",
     "vaultctl namespace list --data /var/lib/contact-vault --json", no_options, 0, 0,
     cmd_namespace_list},
    {"namespace set", "NAME", "Say how long contacts that nobody uses are kept",
     "vaultctl namespace set milano --retain 24mo --data /var/lib/contact-vault", set_options, 1, 1,
     cmd_namespace_set},
    {"namespace shred", "NAME", "Destroy a namespace: nothing in it can be read ever again",
     "vaultctl namespace shred milano --data /var/lib/contact-vault", shred_options, 1, 1,
     cmd_namespace_shred},
    {"key rotate", "data|index|root",
     "Replace the key that seals contacts (data), finds them (index), or unseals the vault (root)",
     "vaultctl key rotate data -n milano --wait", rotate_options, 1, 1, cmd_key_rotate},
    {"key status", "", "The keys there are, and how far rotations have come",
     "vaultctl key status -n milano", status_options, 0, 0, cmd_key_status},
    {"compact", "", "Give the database file's free space back, while everything goes on",
     "vaultctl compact --wait --data /var/lib/contact-vault", compact_options, 0, 0, cmd_compact},
    {"recipient new", "NAME", "Make a key that backups are sealed to; the private half belongs offline",
     "vaultctl recipient new safe -o /media/stick/safe.key", pair_options, 1, 1, cmd_recipient_new},
    {"recipient add", "NAME", "Seal backups to a key that was made elsewhere, too",
     "vaultctl recipient add lawyer --public-key lawyer.pub", recipient_options, 1, 1,
     cmd_recipient_add},
    {"recipient list", "", "Whom backups are sealed to", "vaultctl recipient list --json", no_options,
     0, 0, cmd_recipient_list},
    {"recipient remove", "NAME", "Seal no more backups to this one",
     "vaultctl recipient remove lawyer", no_options, 1, 1, cmd_recipient_remove},
    {"canary add", "[VALUE|-]", "Make a contact of yours a trap: a person who opens it is disabled",
     "vaultctl canary add -n milano", canary_options, 0, 1, cmd_canary_add},
    {"canary list", "", "The traps there are", "vaultctl canary list --json", no_options, 0, 0,
     cmd_canary_list},
    {"canary remove", "TOKEN", "Make it a contact like any other",
     "vaultctl canary remove phn_...", no_options, 1, 1, cmd_canary_remove},
    {"notify test", "", "Tell the operators, to see whether alarms arrive", "vaultctl notify test",
     no_options, 0, 0, cmd_notify_test},
    {"backup", "FILE", "All of the vault, sealed to its recipients, into FILE and FILE.keyring",
     "vaultctl backup /srv/backup/vault-2026-12-01 --rate 20", backup_options, 1, 1, cmd_backup},
    {"restore", "FILE", "Make a vault of FILE and FILE.keyring, in a directory that is new or empty",
     "vaultctl restore vault-2026-12-01 --data /var/lib/contact-vault --recipient safe.key --key-file root.key --audit /mnt/log",
     restore_options, 1, 1, cmd_restore},
    {"principal add", "NAME", "Make a principal: who calls, known by a uid or by a key",
     "vaultctl principal add inbox --public-key inbox.pub --data /var/lib/contact-vault",
     principal_options, 1, 1, cmd_principal_add},
    {"principal invite", "NAME", "Another enrolment code, for a person who lost her key or her phone",
     "vaultctl principal invite maria --data /var/lib/contact-vault", no_options, 1, 1,
     cmd_principal_invite},
    {"principal list", "", "The principals there are, with their grants",
     "vaultctl principal list --data /var/lib/contact-vault", no_options, 0, 0, cmd_principal_list},
    {"principal show", "NAME", "One principal, with its grants",
     "vaultctl principal show inbox --data /var/lib/contact-vault", no_options, 1, 1,
     cmd_principal_show},
    {"principal disable", "NAME", "It may do nothing more, on open connections neither",
     "vaultctl principal disable inbox --data /var/lib/contact-vault", no_options, 1, 1,
     cmd_principal_disable},
    {"principal enable", "NAME", "It may do again what its grants say",
     "vaultctl principal enable inbox --data /var/lib/contact-vault", no_options, 1, 1,
     cmd_principal_enable},
    {"principal set-key", "NAME", "Put a key in place of a service's key or uid",
     "vaultctl principal set-key inbox --public-key inbox.pub", key_options, 1, 1,
     cmd_principal_set_key},
    {"principal offboard", "NAME", "Somebody leaves, for ever: out of everything at once; a report of all it saw",
     "vaultctl principal offboard maria --report maria.csv", offboard_options, 1, 1,
     cmd_principal_offboard},
    {"grant", "NAME ROLE",
     "Give a principal a role: service, deliver, reveal, privacy, admin or audit",
     "vaultctl grant paola reveal -n milano --for 8h --daily 50",
     grant_options, 2, 2, cmd_grant},
    {"revoke", "NAME ROLE", "Take a role away, with an end and without",
     "vaultctl revoke inbox service -n milano --data /var/lib/contact-vault", namespace_options, 2,
     2, cmd_revoke},
    {"approvals", "[auto|always|never]",
     "Do acts that give rights away wait for a second admin? Shown, or set",
     "vaultctl approvals --data /var/lib/contact-vault", no_options, 0, 1, cmd_approvals},
    {"pending", "", "What waits for a second admin", "vaultctl pending", no_options, 0, 0,
     cmd_pending},
    {"approve", "NUMBER", "Let be done what another admin asked for", "vaultctl approve 4711",
     no_options, 1, 1, cmd_approve},
    {"deny", "NUMBER", "Let it not be done; or take back what you asked for", "vaultctl deny 4711",
     no_options, 1, 1, cmd_deny},
    {"tokenize", "[VALUE...|-]", "Contacts to tokens, made where there are none",
     "vaultctl tokenize -n milano --json - < numbers.txt", contact_options, 0, VALUES_ANY,
     cmd_tokenize},
    {"lookup", "[VALUE...|-]", "Contacts to tokens, never made",
     "vaultctl lookup -n milano --region IT - < numbers.txt", contact_options, 0, VALUES_ANY,
     cmd_lookup},
    {"mask", "[TOKEN...|-]", "Tokens to what an agent may see", "vaultctl mask phn_...", no_options,
     0, VALUES_ANY, cmd_mask},
    {"describe", "[TOKEN...|-]", "What there is to know of tokens without a reveal",
     "vaultctl describe --json phn_...", no_options, 0, VALUES_ANY, cmd_describe},
    {"detokenize", "[TOKEN...|-]", "Reveal contacts; recorded before it is answered",
     "vaultctl detokenize --reason 'customer asked for a call back' phn_...", detokenize_options, 0,
     VALUES_ANY, cmd_detokenize},
    {"erase", "[TOKEN|VALUE...|-]", "Erase contacts for ever, by token or by value",
     "vaultctl erase --reason 'asked by letter of 3 May' phn_...", erase_options, 0, VALUES_ANY,
     cmd_erase},
    {"import", "FILE.csv", "Replace the contacts in a CSV file by tokens",
     "vaultctl import leads.csv --column phone --column email -n milano -o safe.csv",
     import_options, 1, 1, cmd_import},
    {"audit tail", "", "Who did what",
     "vaultctl audit tail --principal paola --since 90d",
     tail_options, 0, 0, cmd_audit_tail},
    {"audit report", "", "Who revealed how much, when and why, by the day",
     "vaultctl audit report --since 30d --principal paola", report_options, 0, 0,
     cmd_audit_report},
    {"audit subject", "[TOKEN|VALUE...|-]", "Who ever saw this contact, when and why",
     "vaultctl audit subject phn_...", subject_options, 0, VALUES_ANY, cmd_audit_subject},
    {"audit verify", "[FOLDER]",
     "Prove the audit log (DIR/data/audit, or a copy of it), without a daemon and without a secret",
     "vaultctl audit verify --data DIR --public-key audit.pub --checkpoint kept",
     verify_options, 0, 1, cmd_audit_verify},
};

/* clang-format on */

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0], REFUSAL_BYTES = 512 };

static void
print_help(FILE *to)
{
    (void)fputs("Usage: vaultctl COMMAND [OPTION...]\n\nCommands:\n", to);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        (void)fprintf(to, "  %-19s %s\n", commands[i].name, commands[i].help);
    (void)fputs(
        "\nvaultctl COMMAND --help says more, with an example; vaultctl(1) says all.\n"
        "bash completes the line after: . <(vaultctl --completion)\n"
        "Where: --data DIR, --socket URL or $CONTACT_VAULT_SOCKET. Who: --identity FILE or\n"
        "$CONTACT_VAULT_IDENTITY, else your Unix uid. Namespace: -n NS or\n"
        "$CONTACT_VAULT_NAMESPACE. Colours end with $NO_COLOR.\n"
        "\n" EXIT_CODES_HELP,
        to);
}

/* One or two words of the command line. *ret_words: how many. */
static const struct command *
find_command(int argc, char **argv, int *ret_words)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const char *name = commands[i].name;
        const char *space = strchr(name, ' ');
        size_t size = space == NULL ? strlen(name) : (size_t)(space - name);

        if (argc < 2 || strlen(argv[1]) != size || memcmp(argv[1], name, size) != 0)
            continue;
        *ret_words = space == NULL ? 1 : 2;
        if (space == NULL || (argc > 2 && strcmp(argv[2], space + 1) == 0))
            return &commands[i];
    }
    return NULL;
}

static size_t
first_word(const char *name)
{
    return strcspn(name, " ");
}

/* "add, list, show": the second words there are for this first one. */
static void
list_second_words(const char *first, size_t size, char ret_text[static REFUSAL_BYTES])
{
    size_t used = 0;

    *ret_text = 0;
    for (size_t i = 0; i < COMMAND_COUNT && used < REFUSAL_BYTES; i++) {
        const char *name = commands[i].name;
        if (first_word(name) != size || name[size] == 0 || memcmp(name, first, size) != 0)
            continue;
        used += (size_t)snprintf(ret_text + used, REFUSAL_BYTES - used, "%s%s",
                                 used == 0 ? "" : ", ", name + size + 1);
    }
}

/* "principal" alone, or with a second word that is none of its own: says which there are. */
static enum exit_code
refuse_command(int argc, char **argv)
{
    char words[REFUSAL_BYTES], text[2 * REFUSAL_BYTES];
    bool json = arguments_want_json(argc, argv);

    if (argc < 2)
        return usage_error("", json, "no command; vaultctl --help lists the commands");
    list_second_words(argv[1], strlen(argv[1]), words);
    if (*words == 0)
        return usage_error("", json, "no such command; vaultctl --help lists the commands");
    (void)snprintf(text, sizeof text, "%s; there are: %s",
                   argc > 2 ? "no such command" : "which one?", words);
    return usage_error(argv[1], json, text);
}

/* Contacts and keys pass through here: no core dump, no debugger of another process. */
static void
harden(void)
{
    struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
    /* What is freed is overwritten: nng frees requests as they are, with the contacts in them. */
    (void)mallopt(M_PERTURB, FREED_BYTE);
#ifndef __SANITIZE_ADDRESS__ /* LeakSanitizer looks on as a debugger does */
    (void)prctl(PR_SET_DUMPABLE, 0);
#endif
}

static bool
is_one_of(const char *word, const char *one, const char *other)
{
    return strcmp(word, one) == 0 || strcmp(word, other) == 0;
}

int
main(int argc, char **argv)
{
    struct arguments arguments;
    int words = 0;

    harden();
    if (argc > 1 && is_one_of(argv[1], "--help", "help")) {
        print_help(stdout);
        return EXIT_OK;
    }
    if (argc > 1 && is_one_of(argv[1], "--version", "version")) {
        puts("vaultctl " CONTACT_VAULT_RELEASE);
        return EXIT_OK;
    }
    if (argc > 1 && strcmp(argv[1], "--completion") == 0) {
        completion_print(commands, COMMAND_COUNT);
        return fflush(stdout) == 0 ? EXIT_OK : EXIT_REFUSED;
    }
    const struct command *command = find_command(argc, argv, &words);
    if (command == NULL)
        return (int)refuse_command(argc, argv);
    output_setup();
    arguments_parse(command, argc - words, argv + words, &arguments);
    enum exit_code code = command->run(&arguments);
    if (!output_finish() && code == EXIT_OK)
        code = fail(&arguments, EXIT_REFUSED, "the output could not be written");
    return (int)code;
}
