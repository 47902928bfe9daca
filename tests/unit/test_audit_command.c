/* SPDX-License-Identifier: Apache-2.0 */
/* vaultd audit-verify, as a person and as a program meet it: what is said, and the exit code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "audit_fixture.h"
#include "main_internal.h"
#include "public_key_text.h"

enum { ARGUMENTS_MAX = 8 };

/* Its stdout, then its stderr, into one text; for the caller to free. */
static char *
run(const struct fixture *fixture, const char *const *arguments, int expected_code)
{
    char path[FOLDER_PATH_BYTES];
    int status = 0;
    size_t size = 0;
    uint8_t *said;
    char *text;
    pid_t child;

    folder_join(fixture->folder, "said", path);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char *argv[ARGUMENTS_MAX + 2] = {strdup("audit-verify")};
        int argc = 1;
        int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);

        if (dup2(file, STDOUT_FILENO) < 0 || dup2(file, STDERR_FILENO) < 0) {
            _exit(127);
        }
        for (; arguments[argc - 1] != NULL; argc++) {
            argv[argc] = strdup(arguments[argc - 1]);
        }
        status = main_audit_verify(argc, argv);
        (void)fflush(NULL);
        _exit(status);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    said = folder_read(path, &size);
    text = calloc(size + 1, 1);
    memcpy(text, said, size);
    free(said);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != expected_code) {
        fail_msg("status %d: %s", status, text);
    }
    return text;
}

static void
expect(const struct fixture *fixture, const char *const *arguments, int code, const char *expected)
{
    char *text = run(fixture, arguments, code);

    if (strstr(text, expected) == NULL) {
        fail_msg("'%s' does not say '%s'", text, expected);
    }
    free(text);
}

/* OPENED, two reveals, CLOSED, kept elsewhere; gives the paths of key and kept lines. */
static void
make_log(struct fixture *fixture, char ret_key[FOLDER_PATH_BYTES], char ret_kept[FOLDER_PATH_BYTES])
{
    char text[PUBLIC_KEY_TEXT_BYTES + 1];
    char month[8];
    time_t closed;

    fixture->options.checkpoint_folder = fixture->place2;
    fixture_reopen(fixture);
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_OPENED));
    (void)fixture_append(fixture, fixture_reveal("maria"));
    (void)fixture_append(fixture, fixture_reveal("maria"));
    (void)fixture_append(fixture, fixture_act(AUDIT_ACT_CLOSED));
    closed = (time_t)(audit_last_time_ms(fixture->audit) / 1000);
    audit_keep_checkpoint(fixture->audit, true);
    audit_close(&fixture->audit);
    (void)strftime(month, sizeof month, "%Y-%m", gmtime(&closed));
    (void)snprintf(text, sizeof text, "checkpoints-30313233-%s", month);
    folder_join(fixture->place2, text, ret_kept);
    public_key_print(fixture->public_key, text);
    text[strlen(text) + 1] = '\0';
    text[strlen(text)] = '\n';
    folder_join(fixture->folder, "audit.pub", ret_key);
    folder_write(ret_key, text, strlen(text));
}

static void
good_log_is_said_to_be_good(void **state)
{
    struct fixture *fixture = *state;
    char key[FOLDER_PATH_BYTES], kept[FOLDER_PATH_BYTES];
    const char *log = fixture->log;

    make_log(fixture, key, kept);
    expect(fixture,
           (const char *[]){"--json", "--public-key", key, "--checkpoint", kept, log, NULL},
           EXIT_OK,
           "{\"ok\":true,\"entries\":5,\"checkpoints\":2,\"anchored\":true,\"signed\":true,"
           "\"first\":1,\"unclean\":0,\"unsigned_tail\":0}\n");
    expect(fixture, (const char *[]){"--json", log, NULL}, EXIT_OK,
           "\"anchored\":false,\"signed\":false,");
    expect(fixture, (const char *[]){"--public-key", key, "--checkpoint", kept, log, NULL}, EXIT_OK,
           "ok: 5 entries from 1 on, each in its place; 2 checkpoints, 0 entries since the last\n"
           "anchored: 1 checkpoints kept elsewhere stand in this log\n");
    expect(fixture, (const char *[]){log, NULL}, EXIT_OK, "signatures not checked");
    expect(fixture, (const char *[]){log, NULL}, EXIT_OK, "not anchored: a tail cut off");
    expect(fixture, (const char *[]){"--checkpoint", kept, log, NULL}, EXIT_OK, "not anchored: 1 ");
}

static void
bad_log_is_said_to_be_bad_and_where(void **state)
{
    struct fixture *fixture = *state;
    char key[FOLDER_PATH_BYTES], kept[FOLDER_PATH_BYTES];
    const char *copy = fixture->copy;
    struct log *log;

    make_log(fixture, key, kept);
    log = fixture_read_log(fixture->log);
    fixture_forge(copy, log->entries, 3);
    expect(fixture, (const char *[]){"--public-key", key, copy, NULL}, EXIT_OK, "ok: 3 entries");
    expect(fixture,
           (const char *[]){"--json", "--public-key", key, "--checkpoint", kept, copy, NULL},
           EXIT_REFUSED,
           "{\"ok\":false,\"entries\":3,\"checkpoints\":1,\"anchored\":false,\"signed\":true,"
           "\"first\":1,\"unclean\":0,\"unsigned_tail\":1,\"fault\":\"the log: entry 4: the log "
           "ends before it, but a checkpoint kept elsewhere says 5\",\"entry\":4}\n");
    expect(fixture, (const char *[]){"--checkpoint", kept, copy, NULL}, EXIT_REFUSED,
           "FAILED: the log: entry 4: the log ends before it");
    folder_remove(copy);
    fixture_forge(copy, (struct bytes[]){log->entries[0], log->entries[1], log->entries[1]}, 3);
    expect(fixture, (const char *[]){"--json", copy, NULL}, EXIT_REFUSED, "\"entry\":3}");
    fixture_free_log(&log);
}

static void
what_cannot_be_verified_is_a_matter_of_usage(void **state)
{
    struct fixture *fixture = *state;
    char key[FOLDER_PATH_BYTES], kept[FOLDER_PATH_BYTES], other[FOLDER_PATH_BYTES];
    const char *log = fixture->log;

    make_log(fixture, key, kept);
    folder_join(fixture->folder, "other", other);
    expect(fixture, (const char *[]){other, NULL}, EXIT_USAGE, "no log there");
    expect(fixture, (const char *[]){NULL}, EXIT_USAGE, "FOLDER is needed");
    expect(fixture, (const char *[]){log, log, NULL}, EXIT_USAGE, "one FOLDER only");
    expect(fixture, (const char *[]){"--public-key", other, log, NULL}, EXIT_USAGE,
           "no public key in that file");
    expect(fixture, (const char *[]){"--checkpoint", other, log, NULL}, EXIT_USAGE,
           "no checkpoint file");
    folder_write(other, "contact-vault public 1 AAAA\n", 28);
    expect(fixture, (const char *[]){"--public-key", other, log, NULL}, EXIT_USAGE,
           "no public key in that file");
    expect(fixture, (const char *[]){"--checkpoint", other, log, NULL}, EXIT_USAGE,
           "holds no checkpoint of this vault");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(good_log_is_said_to_be_good),
        TEST(bad_log_is_said_to_be_bad_and_where),
        TEST(what_cannot_be_verified_is_a_matter_of_usage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
