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

enum { OUTPUT_BYTES = 512 * 1024, COMMAND_BYTES = 4096 };

static char out[OUTPUT_BYTES], err[OUTPUT_BYTES];

static void
read_back(const char *folder, const char *name, char ret_text[static OUTPUT_BYTES])
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t size = fread(ret_text, 1, OUTPUT_BYTES - 1, file);
    ret_text[size] = 0;
    fclose(file);
    (void)unlink(path);
}

/* A line of shell; $V is vaultctl, $D the fixture's folder. Fills out and err, gives the exit code.
 */
__attribute__((format(printf, 2, 3))) static int
shell(const struct fixture *fixture, const char *format, ...)
{
    char line[COMMAND_BYTES], command[COMMAND_BYTES + 512];
    va_list list;

    va_start(list, format);
    vsnprintf(line, sizeof line, format, list);
    va_end(list);
    snprintf(command, sizeof command,
             "V=%s D=%s; export CONTACT_VAULT_SOCKET=%s; { %s; } >$D/out 2>$D/err </dev/null",
             VAULTCTL, fixture->folder, fixture->path, line);
    int status = system(command);
    read_back(fixture->folder, "out", out);
    read_back(fixture->folder, "err", err);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void
assert_one_line(const char *text)
{
    const char *end = strchr(text, '\n');

    assert_non_null(end);
    assert_int_equal(end[1], 0);
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
        "$V init",
        "$V unseal",
        "$V unseal --key-file /nowhere",
        "$V audit verify",
        "$V status --timeout 0",
        "$V status --server-uid root",
        "env -u CONTACT_VAULT_SOCKET $V status",
        "$V status --socket tcp://127.0.0.1:1",
        "$V status --identity /nowhere",
    };

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        int code = shell(*state, "%s", lines[i]);
        if (code != 2 || *out != 0 || *err == 0)
            fail_msg("%s: exit code %d: %s%s", lines[i], code, out, err);
    }
}

static void
test_help(void **state)
{
    assert_int_equal(shell(*state, "$V --help"), 0);
    assert_non_null(strstr(out, "principal disable"));
    assert_int_equal(shell(*state, "$V grant --help"), 0);
    assert_non_null(strstr(out, "For example:\n  vaultctl grant inbox service -n milano"));
    assert_int_equal(shell(*state, "$V --version"), 0);
    assert_one_line(out);
}

static void
test_a_vault_that_is_not_there(void **state)
{
    assert_int_equal(shell(*state, "$V status --data $D/none"), 3);
    assert_one_line(err);
    assert_non_null(strstr(err, "/none/run/vault.sock"));
    assert_int_equal(shell(*state, "$V seal --data $D/none"), 3);
    assert_non_null(strstr(err, "/none/run/admin.sock"));
}

static void
test_the_folder_names_the_socket(void **state)
{
    assert_int_equal(shell(*state, "mkdir $D/run && ln -s $D/vault.sock $D/run/vault.sock && "
                                   "CONTACT_VAULT_SOCKET=/nowhere $V status --data $D"),
                     0);
    assert_string_equal(out, "unsealed, version 0.0-fake, 1 namespaces, 42 contacts\n");
    assert_int_equal(shell(*state, "rm -r $D/run"), 0);
}

static void
test_exit_codes_say_what_to_do(void **state)
{
    static const struct {
        const char *word;
        int code;
    } cases[] = {{"sealed", 4}, {"denied", 5}, {"forever", 5}, {"busy", 6}, {"drop", 6},
                 {"slow", 6},   {"raw:80", 1}, {"rubbish", 1}, {"one", 0}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int code = shell(*state, "$V tokenize --timeout 300 %s", cases[i].word);
        if (code != cases[i].code)
            fail_msg("%s: exit code %d", cases[i].word, code);
        assert_int_equal(*err == 0, code == 0);
    }
    assert_int_equal(shell(*state, "$V tokenize --json busy"), 6);
    assert_string_equal(
        out, "{\"error\":{\"code\":\"busy\",\"message\":\"busy\",\"retry_after_s\":3}}\n");
    assert_one_line(err);
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
    assert_int_equal(shell(*state, "seq 3331000000 3331004999 | $V tokenize --region IT"), 0);
    assert_non_null(strstr(out, "\t+393331004999\n"));
}

static void
test_state(void **state)
{
    assert_int_equal(shell(*state, "$V status --json"), 0);
    assert_string_equal(out, "{\"state\":\"unsealed\",\"version\":\"0.0-fake\",\"namespaces\":1,"
                             "\"contacts\":42}\n");
}

static void
test_admin_commands(void **state)
{
    assert_int_equal(shell(*state, "$V namespace create shop --json"), 0);
    assert_string_equal(out, "{\"ok\":true}\n");
    assert_int_equal(shell(*state, "$V namespace create denied"), 5);
    assert_one_line(err);
    assert_int_equal(shell(*state, "$V namespace list --json"), 0);
    assert_string_equal(
        out, "{\"name\":\"shop\",\"created\":\"2026-01-01T00:00:00.000Z\",\"contacts\":42}\n");
    assert_int_equal(shell(*state, "$V principal add inbox --uid 1001"), 0);
    assert_int_equal(shell(*state, "$V principal list --json"), 0);
    assert_non_null(strstr(
        out, "{\"name\":\"inbox\",\"kind\":\"service\",\"created\":\"2026-01-01T00:00:00.000Z\","
             "\"disabled\":false,\"uid\":1001,\"grants\":[{\"role\":\"service\",\"namespace\":"
             "\"shop\"},{\"role\":\"admin\"}]}\n"));
    assert_non_null(strstr(out, "\"public_key\":\"contact-vault public 1 AQID"));
    assert_int_equal(shell(*state, "$V principal show inbox"), 0);
    assert_non_null(strstr(out, "service in shop, admin\n"));
    assert_int_equal(shell(*state, "$V principal disable inbox"), 0);
    assert_int_equal(shell(*state, "$V grant inbox service -n shop"), 0);
    assert_int_equal(shell(*state, "CONTACT_VAULT_NAMESPACE=shop $V revoke inbox admin"), 0);
    assert_int_equal(shell(*state, "$V seal"), 0);
}

static void
test_keygen_and_principal_add(void **state)
{
    assert_int_equal(shell(*state, "$V keygen -o $D/key > $D/pub && "
                                   "$V principal add x --public-key $D/pub && "
                                   "$V principal add x --person --public-key - < $D/pub"),
                     0);
    assert_int_equal(shell(*state, "$V keygen -o $D/key"), 1);
    assert_non_null(strstr(err, "never overwritten"));
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
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_usage_errors),
        FIXTURE_TEST(test_help),
        FIXTURE_TEST(test_a_vault_that_is_not_there),
        FIXTURE_TEST(test_the_folder_names_the_socket),
        FIXTURE_TEST(test_exit_codes_say_what_to_do),
        FIXTURE_TEST(test_batches_keep_their_order),
        FIXTURE_TEST(test_lines_that_are_no_text),
        FIXTURE_TEST(test_the_other_contact_commands),
        FIXTURE_TEST(test_national_numbers),
        FIXTURE_TEST(test_state),
        FIXTURE_TEST(test_admin_commands),
        FIXTURE_TEST(test_keygen_and_principal_add),
        FIXTURE_TEST(test_unseal),
        FIXTURE_TEST(test_audit_tail),
    };

    (void)unsetenv("CONTACT_VAULT_IDENTITY");
    (void)unsetenv("CONTACT_VAULT_NAMESPACE");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
