/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: SECURITY.md S1 "if the log cannot be written, nothing is revealed": each flush of the log
 * in turn fails with EIO, in a process of its own, and a reveal that meets it gives no contact.
 * Needs failpoints; without them it is skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "folder.h"

enum { FLUSHES_MAX = 80, REVEALED = 10, REFUSED = 11, NOT_REACHED = 12, LEAKED = 13 };

static const char contact[] = "unlogged@example.com";

/* What became of the reveal when the nth flush failed; as an exit code, for it runs in a child. */
static int
reveal_with_failure(void)
{
    static struct fixture fixture;
    static struct caller admin, service, person;
    const char *values[] = {contact};
    char token[TOKEN_TEXT_BYTES + 1] = {0};
    const char *tokens[] = {token};
    enum status status;

    fixture_make(&fixture);
    caller_make(&admin, &fixture, PEER_ADMIN, FIXTURE_ADMIN_UID);
    caller_make(&service, &fixture, PEER_DATA, 2001);
    caller_make(&person, &fixture, PEER_DATA, 2002);
    if (caller_hello(&admin) != STATUS_OK ||
        caller_namespace_create(&admin, "brand") != STATUS_OK ||
        caller_principal_add(&admin, "service", PRINCIPAL_SERVICE, 2001) != STATUS_OK ||
        caller_principal_add(&admin, "person", PRINCIPAL_PERSON, 2002) != STATUS_OK ||
        caller_grant(&admin, OP_GRANT, "service", ROLE_SERVICE, "brand") != STATUS_OK ||
        caller_grant(&admin, OP_GRANT, "person", ROLE_REVEAL, "brand") != STATUS_OK ||
        caller_hello(&service) != STATUS_OK || caller_hello(&person) != STATUS_OK ||
        caller_values(&service, OP_TOKENIZE, values, 1, NULL, NULL) != STATUS_OK) {
        return NOT_REACHED;
    }
    memcpy(token, caller_item_text(&service, 0, FIELD_TOKEN).data, TOKEN_TEXT_BYTES);
    status = caller_values(&person, OP_DETOKENIZE, tokens, 1, NULL, "why");
    if (status == STATUS_OK) {
        return REVEALED;
    }
    if (status != STATUS_UNAVAILABLE || !dispatch_must_stop(fixture.dispatch) ||
        memmem(person.reply_bytes, 512, contact, strlen(contact)) != NULL) {
        return LEAKED;
    }
    return REFUSED;
}

/* fixture_make aborts when a flush fails before the vault is there: not reached either. */
static int
in_a_child(unsigned nth, char *const program)
{
    char points[64];
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        char *const argv[] = {program, NULL};

        (void)snprintf(points, sizeof points, "journal_flush_eio=%u", nth);
        (void)setenv("CONTACT_VAULT_FAILPOINTS", points, 1);
        (void)setenv("UNLOGGED_CHILD", "1", 1);
        (void)execv("/proc/self/exe", argv);
        _exit(LEAKED);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : NOT_REACHED;
}

static void
test_no_reveal_without_its_entry(void **state)
{
    char program[] = "test_unlogged";
    char folder[FOLDER_PATH_BYTES]; /* the children end without removing theirs */
    unsigned refused = 0;
    unsigned nth = 1;
    int code = NOT_REACHED;

    (void)state;
    folder_make(folder);
    assert_int_equal(setenv("TMPDIR", folder, 1), 0);
    while (nth < FLUSHES_MAX && code != REVEALED) {
        code = in_a_child(nth++, program);
        assert_int_not_equal(code, LEAKED);
        refused += code == REFUSED;
    }
    folder_remove(folder);
    assert_int_equal(code, REVEALED); /* no flush was left to fail */
    assert_int_equal(refused, 1);     /* the reveal's own */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_reveal_without_its_entry),
    };

#ifndef CONTACT_VAULT_FAILPOINTS
    return 77;
#endif
    if (getenv("UNLOGGED_CHILD") != NULL) {
        _exit(reveal_with_failure()); /* what is left of the vault is the parent's to remove */
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
