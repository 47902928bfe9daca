/* SPDX-License-Identifier: Apache-2.0 */
/* vaultctl as a script meets it, against a fake vault: exit codes, --json's names, order, errors.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "client_fixture.h"
#include "message.h"
#include "place.h"
#include "shell.h"

static size_t
count_lines(const char *text)
{
    size_t count = 0;

    for (; *text != 0; text++)
        count += *text == '\n';
    return count;
}

static void
test_usage_errors(void **state)
{
    static const char *const lines[] = {
        "$V",
        "$V nonsense",
        "$V principal",
        "$V tokenize --nonsense",
        "$V namespace create",
        "$V namespace create one two",
        "$V detokenize " FAKE_TOKEN,
        "$V detokenize --reason '' " FAKE_TOKEN,
        "$V tokenize --wa-id --region IT 1",
        "$V tokenize --region italy 1",
        "$V tokenize --region QQ 1",
        "$V principal add x",
        "$V principal add x --uid 1 --public-key -",
        "$V principal add x --uid 1x",
        "$V principal add x --uid 4294967296",
        "$V principal add x --public-key /nowhere",
        "$V grant inbox owner",
        "$V grant inbox service",
        "$V keygen",
        "$V backup",
        "$V backup ''",
        "$V backup $D/b --rate fast",
        "$V backup $D/b --rate 100001",
        "$V canary",
        "$V canary remove",
        "$V canary add a b",
        "$V notify",
        "$V recipient new safe",
        "$V recipient add safe",
        "$V recipient add safe --public-key /nowhere",
        "$V init",
        "$V unseal",
        "$V unseal --key-file /nowhere",
        "$V unseal --key-file $D/k --passphrase-file $D/k",
        "$V compact now",
        "$V compact --wait --detach",
        "$V key rotate root",
        "$V key rotate root --unseal keyfile",
        "$V key rotate root --unseal keyfile --key-file $D",
        "$V key rotate root --unseal stone --key-file $D/k",
        "$V key rotate root --unseal passphrase --key-file $D/k",
        "$V key rotate root --unseal passphrase",
        "$V key rotate root --unseal keyfile --key-file $D/k --all",
        "$V key rotate data --unseal keyfile",
        "$V init --data $D/v --unseal stone",
        "$V init --data $D/v --unseal passphrase",
        "$V init --data $D/v --unseal passphrase --key-file $D/k",
        "$V init --data $D/v --passphrase-file $D/k",
        "echo too short | $V init --data $D/v --unseal passphrase --passphrase-file -",
        "$V audit verify --data $D $D",
        "$V status --timeout 0",
        "$V status --server-uid root",
        "$V status --socket tcp://127.0.0.1:1",
        "$V status --identity /nowhere",
        "$V tokenize --data",
        "$V tokenize --json=1 x",
        "$V tokenize -x",
        "$V erase " FAKE_TOKEN,
        "$V erase --reason '' " FAKE_TOKEN,
        "$V erase --reason x --wa-id --region IT 1",
        "$V principal add x --uid 1 --relayed",
        "$V grant inbox service -n shop --for 8",
        "$V grant inbox service -n shop --for 8mo",
        "$V grant inbox service -n shop --for 11y",
        "$V grant inbox service -n shop --for 8h --until 2030-01-01",
        "$V grant inbox service -n shop --until tomorrow",
        "$V grant inbox service -n shop --daily 0",
        "$V grant inbox service -n shop --daily many",
        "$V grant inbox service -n shop --hourly 4294967296",
        "$V grant inbox privacy",
        "$V namespace set shop",
        "$V namespace set shop --retain 24",
        "$V namespace set shop --retain 101y",
        "$V namespace set",
        "$V principal enable",
        "$V principal offboard inbox",
        "$V principal offboard --report $D/r",
        "$V unfreeze --all",
        "$V audit tail --token phn_1",
        "$V audit tail --operation nonsense",
        "$V audit tail --since yesterday",
        "$V audit tail --until 2026-02-30",
        "$V audit tail -l 1000001",
        "$V audit verify --public-key x",
    };

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        int code = shell(*state, "%s", lines[i]);
        if (code != 2 || *out != 0 || *err == 0)
            fail_msg("%s: exit code %d: %s%s", lines[i], code, out, err);
        if (strchr(err, '\n') != err + strlen(err) - 1)
            fail_msg("%s: more than a line: %s", lines[i], err);
    }
}

static void
test_usage_errors_name_what_is_wrong(void **state)
{
    static const char *const cases[][2] = {
        {"tokenize --nonsense=3 x", "--nonsense: no such option"},
        {"tokenize --timeout", "--timeout: its value is missing"},
        {"tokenize --json=3", "--json: takes no value"},
        {"tokenize -x", "no such option, or its value is missing"},
        {"grant a", "too few arguments"},
        {"grant a b c", "too many arguments"},
        {"grant a emperor", "they are service, deliver, reveal, admin, privacy, audit\n"},
        {"grant a service -n x --for ever", "8h, 30m, 2d, 3w"},
        {"namespace set x --retain x", "24mo, 2y or never"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(shell(*state, "$V %s", cases[i][0]), 2);
        assert_one_line(err);
        if (strstr(err, cases[i][1]) == NULL)
            fail_msg("%s: %s", cases[i][0], err);
    }
}

/* With --json whatever goes wrong is one JSON document too, wherever the word stands. */
static void
test_usage_errors_as_json(void **state)
{
    static const char *const cases[][2] = {
        {"--json", "no such command; vaultctl --help lists the commands"},
        {"principal --json", "no such command; there are: add, invite, list, show, disable, "
                             "enable, set-key, offboard"},
        {"tokenize --nonsense --json x",
         "--nonsense: no such option, or it may mean several; see vaultctl tokenize --help"},
        {"grant a --json", "too few arguments; see vaultctl grant --help"},
        {"erase --json x", "say why: --reason TEXT (it stands in the audit log)"},
        {"keygen --json", "say where: -o FILE"},
        {"status --json --timeout 0", "--timeout takes milliseconds"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char wanted[256];
        assert_int_equal(shell(*state, "$V %s", cases[i][0]), 2);
        snprintf(wanted, sizeof wanted, "{\"error\":{\"code\":\"invalid\",\"message\":\"%s\"}}\n",
                 cases[i][1]);
        assert_string_equal(out, wanted);
        assert_one_line(err);
    }
    /* Behind -- it is a value. */
    assert_int_equal(shell(*state, "$V namespace create a -- --json"), 2);
    assert_string_equal(out, "");
}

/* JSON is UTF-8, and a path need not be: it is shown, and never takes the whole document away. */
static void
test_a_path_that_is_no_text_as_json(void **state)
{
    assert_int_equal(shell(*state, "$V status --json --socket \"$(printf '/nowhere/\\377')\""), 3);
    assert_non_null(strstr(out, "{\"error\":{\"code\":\"unavailable\""));
    assert_non_null(strstr(out, "at /nowhere/\\\\xff: "));
    assert_int_equal(shell(*state, "$V keygen --json -o $D/\"$(printf 'k\\377')\""), 0);
    assert_non_null(strstr(out, "/k\\\\xff\",\"public_key\":\""));
    assert_int_equal(shell(*state, "rm $D/\"$(printf 'k\\377')\""), 0);
}

/* An error is one line, whatever stands in a name it repeats. */
static void
test_errors_are_one_line_of_text(void **state)
{
    assert_int_equal(shell(*state, "$V unseal --key-file $D/\"$(printf 'a\\nb\\033[2Jc')\""), 2);
    assert_one_line(err);
    assert_non_null(strstr(err, "/a\\x0ab\\x1b[2Jc: No such file"));
}

static void
test_help(void **state)
{
    assert_int_equal(shell(*state, "$V --help"), 0);
    assert_non_null(strstr(out, "principal disable"));
    assert_non_null(strstr(out, "7 waiting for approval"));
    assert_int_equal(shell(*state, "$V principal disable --help"), 0);
    assert_non_null(strstr(out, "7 waiting for approval"));
    assert_non_null(strstr(out, "on open connections neither"));
    assert_int_equal(shell(*state, "$V principal disable -?"), 0);
    assert_string_equal(err, "");
    assert_int_equal(shell(*state, "$V audit tail --usage"), 0);
    assert_non_null(strstr(out, "--operation=OPERATION"));
    assert_int_equal(shell(*state, "$V status --help"), 0);
    assert_non_null(strstr(out, "unsealed?\n"));
    assert_int_equal(shell(*state, "$V grant --help"), 0);
    assert_non_null(
        strstr(out, "For example:\n  vaultctl grant paola reveal -n milano --for 8h --daily 50\n"));
    assert_int_equal(shell(*state, "$V --version"), 0);
    assert_one_line(out);
}

static void
test_half_a_command_names_the_rest(void **state)
{
    static const char *const lines[][2] = {
        {"principal",
         "vaultctl principal: which one?; there are: add, invite, list, show, disable, "
         "enable, set-key, offboard\n"},
        {"principal ad", "vaultctl principal: no such command; there are: add, invite, list, show, "
                         "disable, enable, set-key, offboard\n"},
        {"audit", "vaultctl audit: which one?; there are: tail, report, subject, verify\n"},
        {"namespace --data x",
         "vaultctl namespace: no such command; there are: create, list, set, shred\n"},
        {"principa", "vaultctl: no such command; vaultctl --help lists the commands\n"},
        {"principals", "vaultctl: no such command; vaultctl --help lists the commands\n"},
        {"", "vaultctl: no command; vaultctl --help lists the commands\n"},
    };

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_int_equal(shell(*state, "$V %s", lines[i][0]), 2);
        assert_string_equal(err, lines[i][1]);
        assert_string_equal(out, "");
    }
}

static void
test_a_vault_that_is_not_there(void **state)
{
    assert_int_equal(shell(*state, "$V status --data $D/none"), 3);
    assert_one_line(err);
    assert_non_null(strstr(err, "/none/run/vault.sock"));
    assert_int_equal(shell(*state, "$V status --json --data $D/none"), 3);
    assert_memory_equal(out, "{\"error\":{\"code\":\"unavailable\",\"message\":\"cannot reach", 54);
    assert_one_line(out);
    assert_int_equal(shell(*state, "$V seal --data $D/none"), 3);
    assert_non_null(strstr(err, "/none/run/admin.sock"));
}

/* With one installed, e2e/23 looks. */
static void
test_untold_and_none_installed(void **state)
{
    if (access(PLACE_RUN, F_OK) == 0) {
        skip();
    }
    assert_int_equal(shell(*state, "env -u CONTACT_VAULT_SOCKET $V status"), 3);
    assert_one_line(err);
    assert_non_null(strstr(err, PLACE_RUN));
    assert_non_null(strstr(err, "--data DIR"));
    assert_int_equal(shell(*state, "env -u CONTACT_VAULT_SOCKET $V seal --json"), 3);
    assert_memory_equal(out, "{\"error\":{\"code\":\"unavailable\",\"message\":\"which vault?", 54);
    assert_one_line(out);
}

static void
test_the_folder_names_the_socket(void **state)
{
    assert_int_equal(shell(*state, "mkdir $D/run && ln -s $D/vault.sock $D/run/vault.sock && "
                                   "CONTACT_VAULT_SOCKET=/nowhere $V status --data $D"),
                     0);
    assert_string_equal(out, "unsealed, version 0.0-fake, 1 namespace, 42 contacts\n");
    assert_int_equal(shell(*state, "rm -r $D/run"), 0);
}

static void
test_exit_codes_say_what_to_do(void **state)
{
    static const struct {
        const char *word;
        int code;
    } cases[] = {{"sealed", 4}, {"denied", 5}, {"forever", 5}, {"busy", 6}, {"drop", 6},
                 {"slow", 6},   {"raw:80", 1}, {"rubbish", 1}, {"one", 0},  {"quota", 6},
                 {"over", 6},   {"frozen", 5}, {"expired", 5}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int code = shell(*state, "$V tokenize --timeout 300 %s", cases[i].word);
        if (code != cases[i].code)
            fail_msg("%s: exit code %d", cases[i].word, code);
        assert_int_equal(*err == 0, code == 0);
    }
    assert_int_equal(shell(*state, "$V tokenize --json busy"), 6);
    assert_string_equal(
        out, "{\"error\":{\"code\":\"busy\",\"message\":\"busy\",\"retry_after_s\":30}}\n");
    assert_one_line(err);
}

static void
test_a_budget_used_up_says_when(void **state)
{
    assert_int_equal(shell(*state, "$V tokenize quota"), 6);
    assert_string_equal(err, "vaultctl tokenize: quota: quota; try again in 24 h 0 min\n");
    assert_int_equal(shell(*state, "$V tokenize --json quota"), 6);
    assert_string_equal(
        out, "{\"error\":{\"code\":\"quota\",\"message\":\"quota\",\"retry_after_s\":86399}}\n");
    assert_int_equal(shell(*state, "{ seq 1024; echo quota; } | $V tokenize"), 6);
    assert_non_null(strstr(err, "go on with value 1025\n"));
    assert_int_equal(shell(*state, "$V tokenize over"), 6);
    assert_non_null(strstr(err, "give fewer values at once, or ask an admin for: vaultctl grant "
                                "--daily\n"));
}

static void
test_batches_keep_their_order(void **state)
{
    assert_int_equal(shell(*state, "$V tokenize --json one rubbish two"), 1);
    assert_string_equal(out,
                        "{\"token\":\"" FAKE_TOKEN "\",\"kind\":\"phone\",\"mask\":\"one\"}\n"
                        "{\"error\":{\"code\":\"invalid\",\"message\":\"invalid\"}}\n"
                        "{\"token\":\"" FAKE_TOKEN "\",\"kind\":\"phone\",\"mask\":\"two\"}\n");
    assert_int_equal(shell(*state, "$V tokenize one rubbish two"), 1);
    assert_string_equal(out, FAKE_TOKEN "\tone\n\n" FAKE_TOKEN "\ttwo\n");
    assert_string_equal(err, "vaultctl tokenize: value 2: invalid: invalid\n");
    assert_int_equal(shell(*state, "seq 5000 | $V tokenize -"), 0);
    const char *at = out;
    for (int i = 1; i <= 5000; i++) {
        char line[64];
        int size = snprintf(line, sizeof line, FAKE_TOKEN "\t%d\n", i);
        assert_memory_equal(at, line, (size_t)size);
        at += size;
    }
    assert_int_equal(*at, 0);
}

static void
assert_ends(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);

    if (size < end_size || strcmp(text + size - end_size, end) != 0)
        fail_msg("\"%s\" does not end in \"%s\"", text, end);
}

static void
test_a_batch_that_stops_says_where(void **state)
{
    static const char *const where = "values 1 to 1024 are done; go on with value 1025\n";

    assert_int_equal(shell(*state, "{ seq 1024; echo sealed; } | $V tokenize"), 4);
    assert_int_equal(count_lines(out), 1024);
    assert_int_equal(count_lines(err), 2);
    assert_ends(err, where);
    assert_int_equal(shell(*state, "$V tokenize sealed"), 4);
    assert_one_line(err);
    assert_int_equal(shell(*state, "{ seq 1024; echo drop; } | $V tokenize"), 6);
    assert_ends(err, where);
    assert_int_equal(shell(*state, "{ seq 1024; echo die; } | $V tokenize --timeout 1500"), 3);
    assert_int_equal(count_lines(out), 1024);
    assert_ends(err, where);
}

static void
test_a_batch_too_large_is_halved(void **state)
{
    const struct fixture *fixture = *state;

    assert_int_equal(shell(fixture, "{ echo +few; seq 2 1500; } | $V tokenize"), 0);
    assert_int_equal(count_lines(out), 1500);
    assert_string_equal(err, "");
    assert_ends(out, FAKE_TOKEN "\t1500\n");
    assert_non_null(strstr(out, FAKE_TOKEN "\t64\n" FAKE_TOKEN "\t65\n"));
    /* 1024, 512, 256, 128 are refused; then by 64, and there is no going back up. */
    assert_int_equal(atomic_load(&fixture->fake.counts->requests), 4 + 16 + 8);
    assert_int_equal(shell(fixture, "{ echo +over; seq 2 150; } | $V tokenize"), 0);
    assert_int_equal(count_lines(out), 150);
    assert_int_equal(shell(fixture, "{ echo +few; seq 3331000002 3331000299; echo abc; "
                                    "seq 3331000301 3331000400; } | $V tokenize --region it"),
                     1);
    assert_string_equal(err, "vaultctl tokenize: value 300: invalid: no phone number of the region "
                             "given\n");
    assert_int_equal(count_lines(out), 400);
    assert_non_null(strstr(out, "\t+393331000299\n\n" FAKE_TOKEN "\t+393331000301\n"));
}

/* Shell words that make the fake vault refuse with these words of the real one. */
static const char *
refusal(enum status status, const char *message)
{
    static char word[512];
    uint8_t bytes[200];
    struct message_writer writer = {.data = bytes, .capacity = sizeof bytes};

    message_begin(&writer, 2);
    message_put_uint(&writer, FIELD_STATUS, status);
    message_put_text(&writer, FIELD_MESSAGE, message);
    size_t size = (size_t)snprintf(word, sizeof word, "raw:");
    for (size_t i = 0; i < writer.size; i++)
        size += (size_t)snprintf(word + size, sizeof word - size, "%02x", bytes[i]);
    return word;
}

static void
test_only_short_memory_is_halved(void **state)
{
    const struct fixture *fixture = *state;
    const char *refused =
        refusal(STATUS_UNAVAILABLE, "cannot be done now: the disk may be full, or memory short");

    assert_int_equal(shell(fixture, "$V tokenize %s 2 3 4", refused), 6);
    assert_int_equal(atomic_load(&fixture->fake.counts->requests), 3); /* of 4, 2, 1 */
    assert_one_line(err);
    refused = refusal(STATUS_UNAVAILABLE, "the log cannot be written, so nothing is revealed");
    assert_int_equal(shell(fixture, "$V tokenize %s 2 3 4", refused), 6);
    assert_int_equal(atomic_load(&fixture->fake.counts->requests), 3 + 1);
}

static void
test_advice_fits_the_cause(void **state)
{
    static const struct {
        enum status status;
        const char *message, *advice;
    } cases[] = {
        {STATUS_DENIED, "no grant of yours permits this",
         "; an admin can help with: vaultctl grant"},
        {STATUS_DENIED,
         "only root, the daemon's own user and those that its configuration names in unseal.uids "
         "may do this",
         ""},
        {STATUS_DENIED, "not this vault's root key, or the keyring's header was altered",
         "; give the right passphrase or shares, or name the right file with --key-file"},
        {STATUS_DENIED, "this principal is disabled",
         "; an admin can help with: vaultctl principal enable"},
        {STATUS_EXPIRED, "it has ended",
         "; an admin can help with: vaultctl grant --for or --until"},
        {STATUS_UNAUTHENTICATED, "this principal is disabled",
         "; an admin can help with: vaultctl principal enable"},
        {STATUS_FROZEN, "stopped until an admin lifts it: vaultctl unfreeze", ""},
        {STATUS_FROZEN, "reveals are stopped", "; an admin can lift it with: vaultctl unfreeze"},
        {STATUS_UNAUTHENTICATED, "nobody; give --identity, or have an admin add it", ""},
        {STATUS_UNAUTHENTICATED, "this key is unknown",
         "; give --identity FILE, or ask an admin for: vaultctl principal add"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[512];
        assert_int_equal(
            shell(*state, "$V tokenize %s", refusal(cases[i].status, cases[i].message)), 5);
        snprintf(line, sizeof line, "%s%s\n", cases[i].message, cases[i].advice);
        const char *at = strstr(err, ": ");
        assert_non_null(at);
        at = strstr(at + 2, ": ");
        assert_non_null(at);
        assert_string_equal(at + 2, line);
    }
}

static void
test_lines_that_are_no_text(void **state)
{
    assert_int_equal(shell(*state, "printf 'one\\r\\n\\nt\\0wo\\n\\377\\nlast' | "
                                   "$V tokenize --json"),
                     1);
    assert_string_equal(out,
                        "{\"token\":\"" FAKE_TOKEN "\",\"kind\":\"phone\",\"mask\":\"one\"}\n"
                        "{\"error\":{\"code\":\"invalid\",\"message\":\"invalid\"}}\n"
                        "{\"error\":{\"code\":\"invalid\",\"message\":\"not UTF-8 text\"}}\n"
                        "{\"error\":{\"code\":\"invalid\",\"message\":\"not UTF-8 text\"}}\n"
                        "{\"token\":\"" FAKE_TOKEN "\",\"kind\":\"phone\",\"mask\":\"last\"}\n");
    assert_int_equal(shell(*state, "{ head -c 100000 /dev/zero | tr '\\0' 1; echo; echo one; } | "
                                   "$V tokenize --json"),
                     1);
    assert_non_null(strstr(out, "{\"error\":{\"code\":\"too_large\""));
    assert_non_null(strstr(out, "\"mask\":\"one\"}\n"));
}

static void
test_the_other_contact_commands(void **state)
{
    assert_int_equal(shell(*state, "$V mask --json " FAKE_TOKEN), 0);
    assert_string_equal(out, "{\"token\":\"" FAKE_TOKEN
                             "\",\"kind\":\"phone\",\"mask\":\"" FAKE_MASK "\"}\n");
    assert_int_equal(shell(*state, "$V mask " FAKE_TOKEN), 0);
    assert_string_equal(out, FAKE_MASK "\n");
    assert_int_equal(shell(*state, "$V lookup -n shop x"), 0);
    assert_string_equal(out, FAKE_TOKEN "\t" FAKE_MASK "\n");
    assert_int_equal(shell(*state, "$V detokenize --json --reason 'a test' " FAKE_TOKEN), 0);
    assert_string_equal(out, "{\"token\":\"" FAKE_TOKEN "\",\"value\":\"" FAKE_VALUE "\"}\n");
    assert_int_equal(shell(*state, "echo " FAKE_TOKEN " | $V detokenize --reason 'a test'"), 0);
    assert_string_equal(out, FAKE_VALUE "\n");
    assert_int_equal(shell(*state, "$V detokenize --reason drop " FAKE_TOKEN), 6);
    assert_non_null(strstr(err, "it is not known whether it was executed"));
}

#define BIT(name) FIELD_BIT(FIELD_##name)

static void
test_describe(void **state)
{
    assert_int_equal(shell(*state, "$V describe --json " FAKE_TOKEN), 0);
    assert_string_equal(out,
                        "{\"token\":\"" FAKE_TOKEN "\",\"kind\":\"phone\",\"mask\":\"" FAKE_MASK
                        "\",\"namespace\":\"shop\",\"country\":\"+39\","
                        "\"created\":\"2026-01-01T00:00:00.000Z\"}\n");
    assert_int_equal(shell(*state, "$V describe rubbish " FAKE_TOKEN), 1);
    assert_string_equal(out, "\n" FAKE_MASK "\tphone\tshop\t+39\t2026-01-01T00:00:00.000Z\n");
}

static void
test_erase(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(shell(fixture, "$V erase --json --reason 'by letter' " FAKE_TOKEN), 0);
    assert_string_equal(out, "{\"token\":\"" FAKE_TOKEN "\",\"kind\":\"phone\"}\n");
    assert_sent(fixture, OP_ERASE, BIT(VALUES) | BIT(REASON));
    assert_sent_text(fixture, FIELD_REASON, "by letter");
    assert_int_equal(shell(fixture, "printf '" FAKE_TOKEN "\n333 123 4567\nm@example.com\n' | "
                                    "$V erase --reason x -n shop --region IT -"),
                     0);
    assert_string_equal(out,
                        FAKE_TOKEN "\terased\n" FAKE_TOKEN "\terased\n" FAKE_TOKEN "\terased\n");
    assert_sent_text(fixture, FIELD_NAMESPACE, "shop");
    assert_sent_value(fixture, 0, FAKE_TOKEN);
    assert_sent_value(fixture, 1, "+393331234567");
    assert_sent_value(fixture, 2, "m@example.com");
    assert_int_equal(shell(fixture, "$V erase --reason x --wa-id 393331234567"), 0);
    assert_sent(fixture, OP_ERASE, BIT(VALUES) | BIT(REASON) | BIT(FORM));
    assert_int_equal(shell(fixture, "$V erase --reason drop " FAKE_TOKEN), 6);
    assert_non_null(strstr(err, "it is not known whether it was executed"));
}

static void
test_freeze(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(shell(fixture, "$V freeze"), 0);
    assert_string_equal(out, "frozen: no reveal by people; deliveries go on\n");
    assert_sent(fixture, OP_FREEZE, 0);
    assert_int_equal(shell(fixture, "$V freeze --all --json"), 0);
    assert_string_equal(out, "{\"ok\":true}\n");
    assert_sent(fixture, OP_FREEZE, BIT(ALL));
    assert_int_equal(shell(fixture, "$V unfreeze"), 0);
    assert_sent(fixture, OP_UNFREEZE, 0);
    fixture->fake.options.frozen = true;
    fake_kill(&fixture->fake);
    fake_restart(&fixture->fake);
    assert_int_equal(shell(fixture, "$V status"), 0);
    assert_string_equal(out,
                        "frozen (deliveries too), version 0.0-fake, 1 namespace, 42 contacts\n");
}

static void
test_grants_have_terms(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(shell(fixture, "$V grant a reveal -n shop --for 8h --daily 50 --hourly 10"),
                     0);
    assert_string_equal(out, "granted for 8h\n");
    assert_sent(fixture, OP_GRANT,
                BIT(NAME) | BIT(ROLE) | BIT(NAMESPACE) | BIT(LASTS_S) | BIT(DAILY) | BIT(HOURLY));
    assert_sent_uint(fixture, FIELD_LASTS_S, 8 * 3600);
    assert_sent_uint(fixture, FIELD_DAILY, 50);
    assert_sent_uint(fixture, FIELD_HOURLY, 10);
    assert_int_equal(
        shell(fixture, "export TZ=CET-1; $V grant a privacy -n shop --until 2026-12-31"), 0);
    assert_string_equal(out, "granted until 2026-12-30T23:00:00.000Z\n");
    assert_sent(fixture, OP_GRANT, BIT(NAME) | BIT(ROLE) | BIT(NAMESPACE) | BIT(UNTIL));
    assert_sent_uint(fixture, FIELD_UNTIL, 1798671600000);
    assert_int_equal(shell(fixture, "CONTACT_VAULT_NAMESPACE=shop $V grant a audit"), 0);
    assert_string_equal(out, "granted\n");
    assert_sent(fixture, OP_GRANT, BIT(NAME) | BIT(ROLE));
    assert_sent_uint(fixture, FIELD_ROLE, 6);
    assert_int_equal(shell(fixture, "$V namespace set shop --retain 2y"), 0);
    assert_string_equal(out, "contacts unused for 24 months are erased\n");
    assert_sent_uint(fixture, FIELD_RETAIN_MONTHS, 24);
    assert_int_equal(shell(fixture, "$V namespace set shop --retain never"), 0);
    assert_sent_uint(fixture, FIELD_RETAIN_MONTHS, 0);
    assert_int_equal(shell(fixture, "$V principal enable inbox"), 0);
    assert_sent(fixture, OP_PRINCIPAL_ENABLE, BIT(NAME));
}

static void
test_national_numbers(void **state)
{
    assert_int_equal(shell(*state,
                           "printf '333 123 4567\\n+44 20 7946 0018\\nm@example.com\\nabc\\n' | "
                           "$V tokenize --region IT --json"),
                     1);
    assert_non_null(strstr(out, "\"mask\":\"+393331234567\"}\n"));
    assert_non_null(strstr(out, "\"mask\":\"+44 20 7946 0018\"}\n"));
    assert_non_null(strstr(out, "\"mask\":\"m@example.com\"}\n"));
    assert_non_null(strstr(out, "{\"error\":{\"code\":\"invalid\",\"message\":"
                                "\"no phone number of the region given\"}}\n"));
    assert_int_equal(shell(*state, "$V tokenize --region it '333 123 4567'"), 0);
    assert_string_equal(out, FAKE_TOKEN "\t+393331234567\n");
    assert_int_equal(shell(*state, "seq 3331000000 3331004999 | $V tokenize --region IT"), 0);
    assert_non_null(strstr(out, "\t+393331004999\n"));
}

static void
test_state(void **state)
{
    assert_int_equal(shell(*state, "$V status --json"), 0);
    assert_string_equal(
        out, "{\"state\":\"unsealed\",\"version\":\"0.0-fake\",\"namespaces\":1,"
             "\"contacts\":42,\"frozen\":\"none\",\"audit_key\":\"contact-vault public 1 "
             "q80AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}\n");
}

static void
test_admin_commands(void **state)
{
    assert_int_equal(shell(*state, "$V namespace create shop --json"), 0);
    assert_string_equal(out, "{\"ok\":true}\n");
    assert_int_equal(shell(*state, "$V namespace create denied"), 5);
    assert_one_line(err);
    assert_int_equal(shell(*state, "$V namespace list --json"), 0);
    assert_string_equal(out, "{\"name\":\"shop\",\"state\":\"active\",\"created\":\"2026-01-01T00:"
                             "00:00.000Z\",\"contacts\":42,"
                             "\"retain_months\":24}\n");
    assert_int_equal(shell(*state, "$V namespace list"), 0);
    assert_string_equal(out, "shop\t2026-01-01T00:00:00.000Z\t42 contacts\tcontacts unused for 24 "
                             "months are erased\n");
    assert_int_equal(shell(*state, "$V namespace shred shop"), 2); /* nobody is asked */
    assert_non_null(strstr(err, "say --yes"));
    assert_int_equal(shell(*state, "$V namespace shred shop --yes --json"), 0);
    assert_string_equal(out, "{\"ok\":true}\n");
    assert_int_equal(shell(*state, "$V key status --json"), 0);
    assert_non_null(strstr(out, "\"due\":\"2026-01-01T00:00:00.003Z\""));
    assert_non_null(strstr(out, "\"due\":null"));
    assert_non_null(strstr(out, "\"sweep\":{\"left\":7},\"horizon\":{\"keys\":"
                                "\"2026-01-01T00:00:00.001Z\",\"disk\":"
                                "\"2026-01-01T00:00:00.001Z\",\"root_since\":"
                                "\"2026-01-01T00:00:00.000Z\"}"));
    assert_int_equal(shell(*state, "$V key status -n shop --json"), 0);
    assert_non_null(strstr(out, "\"namespace\":\"shop\",\"epoch\":2"));
    assert_non_null(strstr(out, "\"disk\":\"2026-01-01T00:00:00.002Z\"")); /* not the whole's */
    assert_int_equal(shell(*state, "$V key status -n another"), 1);
    assert_string_equal(out, "");
    assert_non_null(strstr(err, "no keys of that namespace"));
    assert_int_equal(shell(*state, "$V key status"), 0);
    assert_non_null(strstr(out, "sweeping: 7 contacts of shredded namespaces left\n"));
    assert_non_null(strstr(out,
                           "erased before 2026-01-01 00:00:00: opens with no key that the vault "
                           "has (later: key rotate data, key rotate index)\n"));
    assert_int_equal(shell(*state, "$V principal add inbox --uid 1001"), 0);
    assert_int_equal(shell(*state, "$V principal list --json"), 0);
    assert_non_null(strstr(
        out, "{\"name\":\"inbox\",\"kind\":\"service\",\"created\":\"2026-01-01T00:00:00.000Z\","
             "\"disabled\":false,\"relayed\":false,\"uid\":1001,\"grants\":[{\"role\":\"service\","
             "\"namespace\":\"shop\",\"until\":\"2026-01-01T00:00:00.001Z\",\"daily\":100000,"
             "\"hourly\":5000,\"used\":1234},{\"role\":\"admin\"}]}\n"));
    assert_non_null(strstr(out, "\"disabled\":true,\"relayed\":true,"));
    assert_non_null(strstr(out, "\"public_key\":\"contact-vault public 1 AQID"));
    assert_int_equal(shell(*state, "$V principal show inbox"), 0);
    assert_non_null(strstr(out, "service in shop until 2026-01-01T00:00:00.001Z (1234 of 100000 in "
                                "24 h, 5000 an hour), admin\n"));
    assert_int_equal(shell(*state, "$V principal list"), 0);
    assert_memory_equal(out, "inbox\tservice\t", 14);
    assert_non_null(strstr(out, "admin\nmaria\tperson, disabled, relayed\t"));
    assert_one_line(strchr(out, '\n') + 1);
    assert_int_equal(shell(*state, "$V principal disable inbox"), 0);
    assert_int_equal(shell(*state, "$V grant inbox service -n shop"), 0);
    assert_int_equal(shell(*state, "CONTACT_VAULT_NAMESPACE=shop $V revoke inbox admin"), 0);
    assert_int_equal(shell(*state, "$V seal"), 0);
}

static void
test_a_list_that_does_not_go_on_is_not_the_end(void **state)
{
    struct fixture *fixture = *state;

    fixture->fake.options.stuck = true;
    fake_kill(&fixture->fake);
    fake_restart(&fixture->fake);
    assert_int_equal(shell(fixture, "$V principal list --json"), 1);
    assert_int_equal(count_lines(out), 2);
    assert_non_null(
        strstr(out, "\n{\"error\":{\"code\":\"internal\",\"message\":\"the vault's list"));
    assert_one_line(err);
    assert_non_null(strstr(err, "some may be missing"));
}

static void
test_backup(void **state)
{
    assert_int_equal(shell(*state, "$V backup $D/b --json"), 0);
    assert_non_null(strstr(out, "\"rows\":42"));
    assert_non_null(strstr(out, "\"backup\":\"b0000000000000000000000000000000\""));
    assert_non_null(strstr(out, "\"bytes\":9"));
    assert_int_equal(shell(*state, "cat $D/b $D/b.keyring && ls $D/*.part; true"), 0);
    assert_string_equal(out, "firstlastfirstlast");
    assert_non_null(strstr(err, "No such file"));

    assert_int_equal(shell(*state, "$V backup $D/b"), 1);
    assert_non_null(strstr(err, "/b is there already; nothing is overwritten"));
    /* One of the two is enough. */
    assert_int_equal(shell(*state, "rm $D/b && $V backup $D/b"), 1);
    assert_non_null(strstr(err, "/b.keyring is there already; nothing is overwritten"));
    assert_int_equal(shell(*state, "ls $D/b"), 2);
    assert_int_equal(shell(*state, "rm -f $D/b*; $V backup $D/nowhere/b"), 1);
    assert_non_null(strstr(err, "No such file or directory; there is no backup"));
    /* What a killed one left is no obstacle. */
    assert_int_equal(shell(*state, "echo old > $D/b.part; $V backup $D/b && cat $D/b"), 0);
    assert_non_null(strstr(out, "firstlast"));
    assert_int_equal(shell(*state, "rm -f $D/b*"), 0);
    /* What another one is writing stays; that it wrote none of is taken away. */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            shell(*state, "exec 9> $D/b%s.part; flock 9; $V backup $D/b", i == 0 ? "" : ".keyring"),
            1);
        assert_non_null(strstr(err, "another backup is writing it; there is no backup"));
        assert_int_equal(shell(*state, "ls $D/b*"), 0);
        assert_int_equal(count_lines(out), 1);
        assert_int_equal(shell(*state, "rm $D/b*"), 0);
    }
    /* A name that leads to another file goes; the file stays. */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(shell(*state, "echo mine > $D/m; ln %s $D/m $D/b.part; $V backup $D/b",
                               i == 0 ? "" : "-s"),
                         0);
        assert_int_equal(shell(*state, "cat $D/m $D/b && rm $D/b* $D/m"), 0);
        assert_string_equal(out, "mine\nfirstlast");
    }
}

static void
test_recipients(void **state)
{
    assert_int_equal(shell(*state, "$V recipient new safe -o $D/safe.key > $D/safe.pub"), 0);
    assert_non_null(strstr(err, "belongs offline"));
    assert_int_equal(shell(*state, "$V recipient new safe -o $D/safe.key"), 1);
    assert_non_null(strstr(err, "never overwritten"));
    assert_int_equal(shell(*state, "$V recipient add safe --public-key $D/safe.pub"), 0);
    assert_int_equal(shell(*state, "$V recipient add safe --public-key - < $D/safe.pub"), 0);
    assert_int_equal(shell(*state, "$V recipient add safe --public-key $D/safe.key"), 2);
    assert_int_equal(shell(*state, "$V recipient list --json"), 0);
    assert_non_null(strstr(out, "\"name\":\"safe\""));
    assert_non_null(strstr(out, "contact-vault recipient public 1 BwAA"));
    assert_int_equal(shell(*state, "$V recipient remove safe"), 0);
    assert_non_null(strstr(out, "still opens"));
    assert_int_equal(shell(*state, "rm -f $D/safe.key $D/safe.pub"), 0);
}

static void
test_canaries(void **state)
{
    assert_int_equal(shell(*state, "echo +442079460958 | $V canary add -n milano"), 0);
    assert_string_equal(out, FAKE_TOKEN "\n");
    assert_int_equal(shell(*state, "$V canary add --json +442079460958"), 0);
    assert_string_equal(out, "{\"token\":\"" FAKE_TOKEN "\",\"number\":3}\n");
    assert_int_equal(shell(*state, "$V canary add"), 2); /* nothing on stdin */
    assert_int_equal(shell(*state, "printf 'a@b.example\\nc@d.example\\n' | $V canary add -"), 2);
    assert_non_null(strstr(err, "one contact at a time"));
    assert_int_equal(shell(*state, "$V canary list --json"), 0);
    assert_string_equal(out, "{\"token\":\"" FAKE_TOKEN "\",\"number\":3,\"namespace\":\"milano\","
                             "\"created\":\"2026-01-01T00:00:00.000Z\",\"gone\":true}\n");
    assert_int_equal(shell(*state, "$V canary list"), 0);
    assert_string_equal(out, FAKE_TOKEN "\t3\tmilano\t2026-01-01T00:00:00.000Z\tgone\n");
    assert_int_equal(shell(*state, "$V canary remove " FAKE_TOKEN), 0);
    assert_non_null(strstr(out, "no trap"));
    assert_int_equal(shell(*state, "$V notify test"), 0);
    assert_non_null(strstr(out, "handed on"));
}

static void
test_keygen_and_principal_add(void **state)
{
    assert_int_equal(shell(*state, "$V keygen -o $D/key > $D/pub && "
                                   "$V principal add x --public-key $D/pub && "
                                   "$V principal add x --relayed --public-key - "
                                   "< $D/pub"),
                     0);
    assert_sent(*state, OP_PRINCIPAL_ADD, BIT(NAME) | BIT(KIND) | BIT(PUBLIC_KEY) | BIT(RELAYED));
    assert_int_equal(shell(*state, "$V keygen -o $D/key"), 1);
    assert_non_null(strstr(err, "never overwritten"));
    assert_int_equal(shell(*state, "$V status --identity $D/nowhere"), 2);
    assert_non_null(strstr(err, "; vaultctl keygen makes one\n"));
    /* Where root's clone is open to another user: not below a home of mode 0700. */
    if (geteuid() == 0 &&
        shell(*state, "setpriv --reuid 65534 --clear-groups sh -c 'test -x \"$V\"'") == 0) {
        assert_int_equal(shell(*state, "chmod 755 $D && setpriv --reuid 65534 --clear-groups "
                                       "$V status --identity $D/key"),
                         2);
        assert_non_null(strstr(err, "Permission denied; make it yours: chown it"));
        assert_null(strstr(err, "keygen"));
    }
    assert_int_equal(shell(*state, "rm $D/key $D/pub"), 0);
}

static void
test_unseal(void **state)
{
    assert_int_equal(shell(*state, "head -c 32 /dev/urandom > $D/k && chmod 400 $D/k && "
                                   "$V unseal --key-file $D/k"),
                     0);
    assert_int_equal(shell(*state, "chmod 440 $D/k && $V unseal --key-file $D/k"), 2);
    assert_int_equal(shell(*state, "rm -f $D/k; head -c 33 /dev/urandom > $D/k && chmod 400 $D/k "
                                   "&& $V unseal --key-file $D/k"),
                     2);
    assert_int_equal(shell(*state, "rm -f $D/k"), 0);
}

static void
test_another_root_key(void **state)
{
    assert_int_equal(shell(*state, "$V key rotate root --unseal keyfile --key-file $D/new"), 0);
    assert_non_null(strstr(out, "rotated: only the new root key"));
    assert_int_equal(shell(*state, "stat -c '%%s %%a' $D/new"), 0);
    assert_string_equal(out, "32 400\n");
    /* Never over another, which may be the one in force. */
    assert_int_equal(shell(*state, "$V key rotate root --unseal keyfile --key-file $D/new"), 2);
    assert_int_equal(shell(*state, "stat -c '%%s %%a' $D/new && rm -f $D/new"), 0);
}

/* What is not in force yet, and may be tomorrow, is kept. */
static void
test_what_waits_for_a_second_admin(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(shell(*state, "$V principal enable pending"), 7);
    assert_string_equal(out, "");
    assert_string_equal(err, "vaultctl principal enable: pending: not done yet: waits for a second "
                             "admin: vaultctl approve 4711\n");
    assert_int_equal(shell(*state, "$V principal enable pending --json"), 7);
    assert_non_null(strstr(out, "\"code\":\"pending\""));
    assert_non_null(strstr(out, "\"request\":4711"));
    assert_int_equal(shell(*state, "$V recipient new pending -o $D/safe.key"), 7);
    assert_non_null(strstr(err, "is kept"));
    assert_int_equal(shell(*state, "rm $D/safe.key"), 0);
    fixture->fake.options.root_waits = true;
    fake_restart(&fixture->fake);
    assert_int_equal(shell(*state, "$V key rotate root --unseal keyfile --key-file $D/new"), 7);
    assert_non_null(strstr(err, "Keep the new one"));
    assert_int_equal(shell(*state, "rm $D/new"), 0);
}

static void
test_approvals(void **state)
{
    assert_int_equal(shell(*state, "$V approvals"), 0);
    assert_string_equal(out, "always: in force; 3 admins could approve\n");
    assert_int_equal(shell(*state, "$V approvals --json"), 0);
    assert_string_equal(out, "{\"approvals\":\"always\",\"active\":true,\"admins\":3}\n");
    assert_int_equal(shell(*state, "$V approvals never"), 0);
    assert_string_equal(out, "set\n");
    assert_sent(*state, OP_APPROVALS_SET, BIT(APPROVALS));
    assert_int_equal(shell(*state, "$V approvals sometimes"), 2);
    assert_int_equal(shell(*state, "$V pending"), 0);
    assert_string_equal(
        out, "4711\tanna\t2026-01-02T00:00:00.000Z\tgrant reveal to maria in shop\t"
             "contact-vault public 1 BwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
             "4712\tanna\t2026-01-02T00:00:00.000Z\tseal backups to safe, too\t"
             "contact-vault recipient public 1 BwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
    assert_int_equal(shell(*state, "$V pending --json"), 0);
    assert_non_null(strstr(out, "\"operation\":\"recipient_add\""));
    assert_int_equal(shell(*state, "$V approve 4711"), 0);
    assert_sent(*state, OP_APPROVE, BIT(REQUEST));
    assert_string_equal(out, "approved, and done\n");
    assert_int_equal(shell(*state, "$V deny 4711"), 0);
    assert_sent(*state, OP_DENY, BIT(REQUEST));
    assert_int_equal(shell(*state, "$V approve 0"), 2);
    assert_int_equal(shell(*state, "$V deny all"), 2);
    assert_int_equal(shell(*state, "$V keygen -o $D/inbox.key > $D/inbox.pub"), 0);
    assert_int_equal(shell(*state, "$V principal set-key inbox --public-key $D/inbox.pub"), 0);
    assert_sent(*state, OP_PRINCIPAL_SET_KEY, BIT(NAME) | BIT(PUBLIC_KEY));
    assert_int_equal(shell(*state, "$V principal set-key inbox"), 2);
    assert_int_equal(shell(*state, "rm $D/inbox.key $D/inbox.pub"), 0);
}

static void
test_compact(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(shell(*state, "$V compact --wait"), 0);
    assert_string_equal(out, "compacted: 400 bytes given back, the database file has 600\n");
    assert_int_equal(shell(*state, "$V compact --json"), 0);
    assert_non_null(strstr(out, "\"state\":\"running\""));
    fixture->fake.options.compact_fails = true;
    fake_restart(&fixture->fake);
    assert_int_equal(shell(*state, "$V compact --wait"), 6);
    assert_non_null(strstr(err, "nothing has changed"));
    assert_int_equal(shell(*state, "$V compact --wait --json"), 6);
    assert_non_null(strstr(out, "{\"error\":"));
    assert_one_line(out);
    fixture->fake.options.compact_fails = false;
    fake_restart(&fixture->fake);
}

static void
test_audit_tail(void **state)
{
    assert_int_equal(shell(*state, "$V audit tail --json -l 4"), 0);
    assert_non_null(strstr(
        out, "{\"seq\":2,\"time\":\"2026-01-01T00:00:00.002Z\",\"principal\":\"inbox\","
             "\"operation\":\"detokenize\",\"phase\":\"done\",\"namespace\":\"shop\",\"token\":"
             "\"" FAKE_TOKEN "\",\"status\":\"denied\"}\n"));
    assert_null(strstr(out, "\"seq\":1,"));
    assert_non_null(strstr(out, "\"seq\":5,"));
    assert_int_equal(shell(*state, "$V audit tail --from 5"), 0);
    assert_string_equal(out, "5  2026-01-01T00:00:00.005Z  inbox  detokenize  in shop  " FAKE_TOKEN
                             "  ok\n");
    assert_int_equal(shell(*state, "$V audit tail"), 0);
    assert_non_null(strstr(out, "created"));
    assert_int_equal(shell(*state, "$V audit tail -l 0"), 0);
    assert_string_equal(out, "");
    assert_int_equal(shell(*state, "$V audit tail -l 1 --from 2"), 0);
    assert_int_equal(count_lines(out), 1);
    assert_non_null(strstr(out, "5  "));
    assert_int_equal(shell(*state, "$V audit tail -l 4 --from 4"), 0);
    assert_int_equal(count_lines(out), 2);
    assert_int_equal(shell(*state, "$V audit tail --from 3"), 0);
    assert_int_equal(count_lines(out), 3);
    assert_non_null(strstr(out, "budget  in shop  " FAKE_TOKEN "  amount 100  ok\n"));
}

/* A reason is written by others: nothing in it may steer the reader's terminal. */
static void
test_reasons_are_escaped(void **state)
{
    assert_int_equal(shell(*state, "$V audit tail --principal maria"), 0);
    assert_string_equal(
        out,
        "4  2026-01-01T00:00:00.004Z  maria (relayed)  detokenize  in shop  " FAKE_TOKEN "  ok  "
        "purpose callback  ticket INC-\\x1b[7  \"\\\"call\\\" \\x1b[2Jback\\x0a\\u{202e}\\\\\"\n");
    assert_int_equal(shell(*state, "$V audit tail --principal maria --json"), 0);
    assert_non_null(strstr(out, "\"principal\":\"maria\",\"relayed\":true,"));
    assert_non_null(strstr(out, "\"purpose\":\"callback\",\"ticket\":\"INC-\\u001B[7\","));
    assert_non_null(strstr(out, "\"reason\":\"\\\"call\\\" \\u001B[2Jback\\n\u202e\\\\\"}\n"));
    /* For a terminal, pure ASCII. */
    if (shell(*state, "command -v script") == 0) {
        assert_int_equal(shell(*state, "script -qec \"$V audit tail --principal maria --json\" "
                                       "/dev/null"),
                         0);
        assert_non_null(strstr(out, "back\\n\\u202E\\\\\"}"));
    }
}

static void
test_audit_filters(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(shell(fixture, "$V audit tail --principal inbox"), 0);
    assert_int_equal(count_lines(out), 4); /* though the fake looks at two a call */
    assert_int_equal(shell(fixture, "$V audit tail --principal inbox -l 3"), 0);
    assert_int_equal(count_lines(out), 3);
    assert_memory_equal(out, "2  ", 3);
    assert_int_equal(shell(fixture, "$V audit tail --principal inbox --from 3 -l 10"), 0);
    assert_int_equal(count_lines(out), 2);
    assert_int_equal(shell(fixture, "$V audit tail --principal nobody"), 0);
    assert_string_equal(out, "");
    assert_int_equal(shell(fixture, "$V audit tail --principal nobody -l 5"), 0);
    assert_string_equal(out, "");
    assert_int_equal(shell(fixture, "$V audit tail --token " FAKE_TOKEN " -n shop --operation "
                                    "clock_forward --since 2026-01-01T00:00Z --until "
                                    "2026-12-31T23:59:59.999Z --principal maria --from 4"),
                     0);
    assert_int_equal(count_lines(out), 1);
    assert_sent(fixture, OP_AUDIT_READ,
                BIT(FROM) | BIT(PRINCIPAL) | BIT(TOKEN) | BIT(NAMESPACE) | BIT(ACT) | BIT(SINCE) |
                    BIT(UNTIL));
    assert_sent_text(fixture, FIELD_TOKEN, FAKE_TOKEN);
    assert_sent_uint(fixture, FIELD_ACT, 206);
    assert_sent_uint(fixture, FIELD_SINCE, 1767225600000);
    assert_sent_uint(fixture, FIELD_UNTIL, 1798761599999);
    /* The environment's namespace is for contacts. */
    assert_int_equal(shell(fixture, "CONTACT_VAULT_NAMESPACE=shop $V audit tail --principal maria"),
                     0);
    assert_sent(fixture, OP_AUDIT_READ, BIT(FROM) | BIT(PRINCIPAL));
}

/* Though the fake looks at two entries a call. */
static void
test_audit_report(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(shell(fixture, "TZ=UTC0 $V audit report --csv --since 2026-01-01T00:00Z"), 0);
    assert_int_equal(count_lines(out), 3);
    assert_non_null(
        strstr(out, "\r\ninbox,service,2026-01-01,UTC,1,1,1,0,1,0,2026-01-01T00:00:00.005Z,"));
    assert_non_null(strstr(out,
                           "\r\nmaria,person,2026-01-01,UTC,1,1,0,0,1,0,"
                           "2026-01-01T00:00:00.004Z,2026-01-01T00:00:00.004Z,callback (1)\r\n"));
    assert_int_equal(shell(fixture, "$V audit report --principal maria -n shop --since 30d "
                                    "--until 2026-12-31Z --json"),
                     0);
    assert_sent(fixture, OP_AUDIT_READ,
                BIT(FROM) | BIT(PRINCIPAL) | BIT(NAMESPACE) | BIT(ACT) | BIT(UNTIL));
    assert_sent_uint(fixture, FIELD_ACT, OP_DETOKENIZE);
    assert_int_equal(count_lines(out), 1);
}

static void
test_audit_subject(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(shell(fixture, "$V audit subject --csv " FAKE_TOKEN), 0);
    assert_sent(fixture, OP_AUDIT_READ, BIT(FROM) | BIT(TOKEN) | BIT(ACT));
    assert_sent_text(fixture, FIELD_TOKEN, FAKE_TOKEN);
    assert_int_equal(count_lines(out), 4);
    assert_non_null(strstr(out, ",4,2026-01-01T00:00:00.004Z,maria,person,true,revealed,ok,shop,"));
    assert_non_null(strstr(out, ",2,2026-01-01T00:00:00.002Z,inbox,service,,refused,denied,shop,"));
    /* One socket is not enough for a contact, and it is not repeated. */
    assert_int_equal(shell(fixture, "$V audit subject +393331234567"), 2);
    assert_one_line(err);
    assert_non_null(strstr(err, "give --data DIR for --socket"));
    assert_null(strstr(err, "333"));
    assert_int_equal(shell(fixture, "$V audit subject --json --csv " FAKE_TOKEN), 2);
    assert_int_equal(shell(fixture, "$V audit subject phn_short"), 1);
    assert_non_null(strstr(err, "value 1: invalid: a token has 31 characters"));
    assert_int_equal(shell(fixture, "yes " FAKE_TOKEN " | head -n 1025 | $V audit subject -"), 2);
    assert_non_null(strstr(err, "at most 1024 at once"));
}

/* One over the budget of reveals; then that one and another that is refused; then it and one that
 * is revealed. */
#define HELD                                                                                       \
    "860d01200521a17822cd2d0024bf70686e5f303134643270663264627371717a787135746b317635386367673125" \
    "a16d"
#define REFUSED_ITEM "82200621a16e"
#define REVEALED_ITEM                                                                              \
    "830d0124bf70686e5f303134643270663264627371717a787135746b317635386367673126a176"

/* S51 */
static void
test_a_mask_and_a_time_over_the_budget(void **state)
{
    assert_int_equal(shell(*state, "$V detokenize --reason raw:8220002391" HELD " t"), 6);
    assert_string_equal(out, "\n"); /* nobody takes it for the contact */
    assert_string_equal(err, "vaultctl detokenize: value 1: quota: x; try again in 3 h 12 min; its "
                             "mask: m\n");
    assert_int_equal(shell(*state, "$V detokenize --json --reason raw:8220002391" HELD " t"), 6);
    assert_string_equal(out,
                        "{\"error\":{\"code\":\"quota\",\"message\":\"x\",\"retry_after_s\":11520},"
                        "\"token\":\"phn_014d2pf2dbsqqzxq5tk1v58cgg1\",\"kind\":\"phone\","
                        "\"mask\":\"m\"}\n");
    assert_int_equal(
        shell(*state, "$V detokenize --reason raw:8220002392" HELD REVEALED_ITEM " t u"), 6);
    assert_string_equal(out, "\nv\n");
    assert_int_equal(
        shell(*state, "$V detokenize --reason raw:8220002392" HELD REFUSED_ITEM " t u"), 1);
    assert_string_equal(out, "\n\n");
}

static void
test_offboarding(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(shell(fixture, "$V principal offboard maria --report $D/r"), 0);
    assert_memory_equal(out, "maria is offboarded: no session, no grant, for ever\n", 52);
    assert_int_equal(shell(fixture, "head -n 1 $D/r; stat -c %%a $D/r"), 0);
    assert_string_equal(out, "time,token,kind,namespace,purpose,ticket,reason,result,status,seq\r\n"
                             "600\n");
    /* Never over a file that is there. */
    unsigned executed = fixture->fake.counts->executed;
    assert_int_equal(shell(fixture, "$V principal offboard maria --report $D/r"), 1);
    assert_non_null(strstr(err, "there already: name a new file; nothing was done"));
    assert_int_equal(shell(fixture, "$V principal offboard maria --report $D/none/r --json"), 1);
    assert_non_null(strstr(out, "nothing was done"));
    assert_int_equal(fixture->fake.counts->executed, executed);
    /* Refused: there is no report, and the exit code says why. */
    assert_int_equal(shell(fixture, "$V principal offboard denied --report $D/s"), 5);
    assert_int_equal(shell(fixture, "$V principal offboard drop --report $D/s"), 6);
    assert_non_null(strstr(err, "not known whether it was executed"));
    assert_int_equal(shell(fixture, "test ! -e $D/s"), 0);
    assert_int_equal(shell(fixture, "$V principal offboard maria --json --report $D/s"), 0);
    assert_non_null(strstr(out, "{\"ok\":true,\"name\":\"maria\",\"offboarded\":true,"
                                "\"already\":false,\"reveals\":"));
    assert_int_equal(shell(fixture, "rm $D/r $D/s"), 0);
}

static void
test_audit_follow(void **state)
{
    assert_int_equal(shell(*state, "$V audit tail -f -l 2 >$D/followed & sleep 0.7; "
                                   "$V principal disable inbox && $V principal enable inbox; "
                                   "sleep 2; kill $!; wait $!; cat $D/followed; rm $D/followed"),
                     0);
    assert_memory_equal(out, "disabled\nenabled", 16);
    assert_non_null(strstr(out, "again\n4  2026"));
    assert_non_null(strstr(out, "\n6  2026"));
    assert_non_null(strstr(out, "\n7  2026"));
    assert_int_equal(count_lines(out), 2 + 4);
    /* A vault that goes away ends it. */
    assert_int_equal(shell(*state, "$V audit tail -f --timeout 500 >/dev/null & sleep 0.5; "
                                   "$V tokenize --timeout 500 die 2>/dev/null; wait $!"),
                     3);
}

/* What vaultd is told, by a vaultd that tells it again. */
static void
test_audit_verify(void **state)
{
    assert_int_equal(shell(*state,
                           "mkdir -p $D/bin $D/sbin && cp $V $D/bin/vaultctl && "
                           "printf '#!/bin/sh\\necho \"$@\"\\nexit 1\\n' >$D/sbin/vaultd && "
                           "chmod +x $D/sbin/vaultd"),
                     0);
    assert_int_equal(shell(*state, "$D/bin/vaultctl audit verify --data $D"), 1);
    assert_non_null(strstr(out, "/data/audit\n"));
    assert_null(strstr(out, "--"));
    assert_string_equal(err, "");
    assert_int_equal(shell(*state, "touch $D/audit.pub && $D/bin/vaultctl audit verify --data $D "
                                   "--checkpoint $D/kept --json"),
                     1);
    assert_non_null(strstr(out, "/data/audit --public-key "));
    assert_non_null(strstr(out, "/audit.pub --checkpoint "));
    assert_non_null(strstr(out, "/kept --json\n"));
    assert_one_line(err);
    assert_non_null(strstr(err, "better give --public-key with a copy kept elsewhere"));
    assert_int_equal(shell(*state, "$D/bin/vaultctl audit verify --public-key /k /log"), 1);
    assert_string_equal(out, "audit-verify /log --public-key /k\n");
    assert_string_equal(err, "");
    assert_int_equal(shell(*state, "rm -r $D/bin $D/sbin $D/audit.pub"), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_usage_errors),
        FIXTURE_TEST(test_usage_errors_name_what_is_wrong),
        FIXTURE_TEST(test_usage_errors_as_json),
        FIXTURE_TEST(test_a_path_that_is_no_text_as_json),
        FIXTURE_TEST(test_errors_are_one_line_of_text),
        FIXTURE_TEST(test_help),
        FIXTURE_TEST(test_half_a_command_names_the_rest),
        FIXTURE_TEST(test_a_vault_that_is_not_there),
        FIXTURE_TEST(test_untold_and_none_installed),
        FIXTURE_TEST(test_the_folder_names_the_socket),
        FIXTURE_TEST(test_exit_codes_say_what_to_do),
        FIXTURE_TEST(test_a_budget_used_up_says_when),
        FIXTURE_TEST(test_batches_keep_their_order),
        FIXTURE_TEST(test_a_batch_that_stops_says_where),
        FIXTURE_TEST(test_a_batch_too_large_is_halved),
        FIXTURE_TEST(test_only_short_memory_is_halved),
        FIXTURE_TEST(test_advice_fits_the_cause),
        FIXTURE_TEST(test_lines_that_are_no_text),
        FIXTURE_TEST(test_the_other_contact_commands),
        FIXTURE_TEST(test_describe),
        FIXTURE_TEST(test_erase),
        FIXTURE_TEST(test_freeze),
        FIXTURE_TEST(test_grants_have_terms),
        FIXTURE_TEST(test_national_numbers),
        FIXTURE_TEST(test_state),
        FIXTURE_TEST(test_admin_commands),
        FIXTURE_TEST(test_a_list_that_does_not_go_on_is_not_the_end),
        FIXTURE_TEST(test_backup),
        FIXTURE_TEST(test_recipients),
        FIXTURE_TEST(test_canaries),
        FIXTURE_TEST(test_keygen_and_principal_add),
        FIXTURE_TEST(test_unseal),
        FIXTURE_TEST(test_another_root_key),
        FIXTURE_TEST(test_what_waits_for_a_second_admin),
        FIXTURE_TEST(test_approvals),
        FIXTURE_TEST(test_compact),
        FIXTURE_TEST(test_audit_tail),
        FIXTURE_TEST(test_reasons_are_escaped),
        FIXTURE_TEST(test_audit_filters),
        FIXTURE_TEST(test_audit_report),
        FIXTURE_TEST(test_audit_subject),
        FIXTURE_TEST(test_a_mask_and_a_time_over_the_budget),
        FIXTURE_TEST(test_offboarding),
        FIXTURE_TEST(test_audit_follow),
        FIXTURE_TEST(test_audit_verify),
    };

    (void)unsetenv("CONTACT_VAULT_IDENTITY");
    (void)unsetenv("CONTACT_VAULT_NAMESPACE");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
