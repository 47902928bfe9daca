/* SPDX-License-Identifier: Apache-2.0 */
/* vaultctl enrol, login, logout, whoami without a terminal, against a fake vault: what is asked,
 * what is kept where, and as whom a command goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "shell.h"

/* Without a terminal everything comes by stdin, a line each, and the passphrase by a file. */
#define PASSPHRASE "(umask 077; echo correct horse battery > $D/pw); "
#define ENROL                                                                                      \
    PASSPHRASE "printf '%%s\n' " FAKE_CODE " " FAKE_FACTOR " | $V enrol --passphrase-file $D/pw"
#define LOGIN "echo " FAKE_FACTOR " | $V login --passphrase-file $D/pw"

#define PERSON_TEST(function)                                                                      \
    cmocka_unit_test_setup_teardown(function, fixture_setup, person_teardown)

static int
person_teardown(void **state)
{
    (void)shell(*state, "rm -rf $D/contact-vault $D/pw $D/key*");
    return fixture_teardown(state);
}

static void
assert_begins(const char *text, const char *beginning)
{
    if (strncmp(text, beginning, strlen(beginning)) != 0)
        fail_msg("\"%s\" does not begin with \"%s\"", text, beginning);
}

static void
assert_ends(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);

    if (size < end_size || strcmp(text + size - end_size, end) != 0)
        fail_msg("\"%s\" does not end in \"%s\"", text, end);
}

static void
test_enrolling(void **state)
{
    assert_int_equal(shell(*state, ENROL " maria --json"), 0);
    assert_begins(
        out,
        "{\"principal\":\"maria\",\"uri\":\"otpauth://totp/Contact%20Vault:maria?"
        "secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Contact%20Vault&algorithm=SHA1&digits=6"
        "&period=30\",\"secret\":\"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\",\"recovery_codes\":["
        "\"rrrr-rrrr-rrr1\",\"rrrr-rrrr-rrr2\",\"rrrr-rrrr-rrr3\",\"rrrr-rrrr-rrr4\","
        "\"rrrr-rrrr-rrr5\",\"rrrr-rrrr-rrr6\",\"rrrr-rrrr-rrr7\",\"rrrr-rrrr-rrr8\"]}\n"
        "{\"ok\":true,\"principal\":\"maria\",\"identity\":\"");
}

/* A name of its own until the vault has taken it; then the file is there, whole, hers alone. */
static void
test_the_key_file_of_an_enrolment(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(shell(fixture,
                           PASSPHRASE "printf '%%s\n' wrong 1 | $V enrol "
                                      "--passphrase-file $D/pw; echo $?; ls $D/contact-vault"),
                     0);
    assert_string_equal(out, "5\n");
    assert_non_null(strstr(err, "unauthenticated"));
    assert_int_equal(shell(fixture,
                           "printf '%%s\n' " FAKE_CODE " 111111 222222 333333 | "
                           "$V enrol --passphrase-file $D/pw; echo $?; ls $D/contact-vault"),
                     0);
    assert_ends(out, "\n5\n");
    assert_non_null(strstr(err, FAKE_WRONG));
    assert_int_equal(shell(fixture, "printf '%%s\n' " FAKE_CODE " 111111 '123 456' | "
                                    "$V enrol --passphrase-file $D/pw >$D/pw.shown; echo $?; "
                                    "stat -c '%%a %%h' $D/contact-vault/* $D/contact-vault"),
                     0);
    assert_string_equal(out, "0\n600 1\n700 2\n");
    assert_int_equal(
        shell(fixture, "rm $D/pw.shown; ls $D/contact-vault; head -n 1 $D/contact-vault/*"), 0);
    assert_string_equal(out, "identity\ncontact-vault identity 2\n");
    assert_int_equal(shell(fixture, ENROL), 1);
    assert_non_null(strstr(err, "is there already; a key is never overwritten"));
    assert_int_equal(shell(fixture, "touch $D/key.new; " ENROL " --identity $D/key"), 1);
    assert_non_null(strstr(err, "left of an enrolment that was cut short"));
}

/* The answer to the last message is lost: only a login tells whether the key counts. */
static void
test_a_confirmation_nobody_heard_of(void **state)
{
    struct fixture *fixture = *state;

    fake_kill(&fixture->fake);
    fixture->fake.options.loses_confirmation = true;
    fake_restart(&fixture->fake);
    assert_int_equal(shell(fixture, ENROL), 6);
    assert_non_null(strstr(err, "nobody knows: it is kept in"));
    assert_int_equal(shell(fixture, LOGIN), 0);
}

static void
test_a_session_from_login_to_logout(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(shell(fixture, ENROL), 0);
    assert_non_null(
        strstr(out, "secret\tGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\nrecovery\trrrr-rrrr-rrr1\n"));
    assert_non_null(strstr(out, "enrolled as maria; your key is in "));
    assert_int_equal(shell(fixture, "$V tokenize one"), 5);
    assert_ends(err, "has no session with this vault, or it is over; vaultctl login begins one\n");
    assert_int_equal(shell(fixture, "$V tokenize --json one"), 5);
    assert_begins(out, "{\"error\":{\"code\":\"no_session\",\"message\":\"");
    assert_int_equal(shell(fixture, "echo 000000 | $V login --passphrase-file $D/pw"), 5);
    assert_non_null(strstr(err, "denied: " FAKE_WRONG "\n"));
    assert_int_equal(shell(fixture, "echo locked | $V login --passphrase-file $D/pw"), 6);
    assert_non_null(strstr(err, "try again in 24 h 0 min"));
    assert_int_equal(shell(fixture, "echo wrong one > $D/pw; " LOGIN), 5);
    assert_non_null(strstr(err, "not the passphrase of this identity"));
    assert_int_equal(shell(fixture, PASSPHRASE LOGIN), 0);
    assert_string_equal(
        out,
        "logged in as maria: for 8 h 0 min at the most, and until nothing is asked for 15 min\n");
    assert_int_equal(
        shell(fixture, "$V tokenize one && $V tokenize --socket ipc://$D/vault.sock two"), 0);
    assert_int_equal(shell(fixture, "$V whoami"), 0);
    assert_string_equal(out, "maria\tperson\tsession for 8 h 0 min at the most, 15 min idle\t"
                             "reveal in shop (12 of 50 in 24 h)\n");
    assert_int_equal(shell(fixture, "$V logout"), 0);
    assert_string_equal(out, "logged out\n");
    assert_int_equal(shell(fixture, "$V tokenize one"), 5);
    assert_int_equal(shell(fixture, "$V logout"), 5);
    assert_ends(err, "no_session: there is no session to end\n");
    assert_int_equal(
        shell(fixture, "echo " FAKE_RECOVERY " | $V login --passphrase-file $D/pw --json"), 0);
    assert_string_equal(
        out, "{\"principal\":\"maria\",\"idle_s\":900,\"lasts_s\":28800,\"codes_left\":7,"
             "\"waiting\":2}\n");
    assert_non_null(strstr(err, "7 recovery codes left\n"));
    assert_ends(err, "2 requests wait for your approval: vaultctl pending\n");
}

static void
test_a_session_that_the_vault_has_forgotten(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(
        shell(fixture, ENROL " >$D/pw.x; " LOGIN "; rm $D/pw.x; ls $D/contact-vault | wc -l"), 0);
    assert_ends(out, "\n2\n");
    fake_kill(&fixture->fake);
    fake_restart(&fixture->fake);
    assert_int_equal(shell(fixture, "$V tokenize one"), 5);
    assert_int_equal(shell(fixture, "ls $D/contact-vault"), 0);
    assert_string_equal(out, "identity\n");
    /* For another vault there is none, either. */
    assert_int_equal(shell(fixture, LOGIN), 0);
    assert_int_equal(shell(fixture, "mkdir $D/key; ln -s $D/vault.sock $D/key; "
                                    "$V tokenize --socket $D/key/vault.sock one"),
                     5);
    assert_non_null(strstr(err, "no_session"));
}

/* Who has a session, a key or a uid that will do is not asked; what must not ask does not. */
static void
test_as_whom(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(shell(fixture, "$V tokenize one && $V whoami"), 0); /* a uid that will do */
    assert_ends(out, "\ntester\tservice\t\treveal in shop (12 of 50 in 24 h)\n");
    assert_int_equal(shell(fixture, ENROL), 0);
    /* The identity lies in its place; the uid is not known any more. */
    assert_int_equal(shell(fixture, "$V status && $V unseal --key-file /nowhere"), 2);
    assert_int_equal(shell(fixture, "$V freeze"), 2);
    assert_non_null(strstr(err, "nobody is there to be asked for the passphrase"));
    fake_kill(&fixture->fake);
    fixture->fake.options.knows_uid = true;
    fake_restart(&fixture->fake);
    assert_int_equal(shell(fixture, "$V freeze"), 0);
    assert_int_equal(shell(fixture, "$V whoami"), 0);
    assert_begins(out, "maria\tperson\tno session\t");
    assert_int_equal(shell(fixture, "$V tokenize one"), 5);
    assert_non_null(strstr(err, "no_session: "));
    /* A key without a passphrase is used as it is, whatever else there is. */
    assert_int_equal(shell(fixture, "$V keygen -o $D/key1; $V tokenize --identity $D/key1 one"), 5);
    assert_non_null(strstr(err, "unauthenticated"));
    assert_int_equal(shell(fixture, "$V login --identity $D/nothing"), 2);
    assert_int_equal(shell(fixture, "XDG_CONFIG_HOME=/nowhere $V login"), 2);
    assert_non_null(strstr(err, "who are you?"));
}

static void
test_adding_a_person(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(shell(fixture, "$V principal add maria --person"), 0);
    assert_string_equal(out, "added; enrolment code:\n" FAKE_CODE "\n");
    assert_non_null(strstr(err, "give maria the code yourself: it works once, for 24 h 0 min"));
    assert_int_equal(shell(fixture, "$V principal invite maria --json"), 0);
    assert_string_equal(out, "{\"ok\":true,\"code\":\"" FAKE_CODE "\",\"expires_s\":86400}\n");
    assert_int_equal(shell(fixture, "$V principal add inbox --uid 1001 --json"), 0);
    assert_string_equal(out, "{\"ok\":true}\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PERSON_TEST(test_enrolling),
        PERSON_TEST(test_the_key_file_of_an_enrolment),
        PERSON_TEST(test_a_confirmation_nobody_heard_of),
        PERSON_TEST(test_a_session_from_login_to_logout),
        PERSON_TEST(test_a_session_that_the_vault_has_forgotten),
        PERSON_TEST(test_as_whom),
        PERSON_TEST(test_adding_a_person),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
