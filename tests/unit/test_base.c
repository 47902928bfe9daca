/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "clock.h"
#include "failpoint.h"
#include "locked.h"
#include "log.h"
#include "scratch.h"
#include "secret.h"

/* The sanitizers' runtimes make mlock a call that does nothing. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { MLOCK_WORKS = 0 };
#else
enum { MLOCK_WORKS = 1 };
#endif

enum { PAGE = 4096, LINES_BYTES = 2048 };

static bool
all_zero(const void *data, size_t size)
{
    return sodium_is_zero(data, size) == 1;
}

/* ---- in a child, where a test changes limits, environment or dies ---- */

typedef int child_body(void);

/* The child's wait status. */
static int
run_child(child_body *body)
{
    int status = -1;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(body());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void
assert_child_passes(child_body *body)
{
    int status = run_child(body);

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* As an ordinary user without a right to lock: root may lock as much as there is. */
static bool
forbid_locking(void)
{
    const struct rlimit none = {0};

    return (geteuid() != 0 || setresuid(65534, 65534, 65534) == 0) &&
           setrlimit(RLIMIT_MEMLOCK, &none) == 0;
}

/* ---- locked ---- */

/* The kilobytes locked in the mapping at `data`, from /proc/self/smaps. */
static long
locked_kib(const void *data)
{
    FILE *file = fopen("/proc/self/smaps", "re");
    char line[256];
    unsigned long from = 0;
    unsigned long to = 0;
    long locked = -1;
    bool inside = false;

    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
            inside = (uintptr_t)data >= from && (uintptr_t)data < to;
        } else if (inside && strncmp(line, "Locked:", 7) == 0) {
            locked = strtol(line + 7, NULL, 10);
        }
    }
    (void)fclose(file);
    return locked;
}

static void
locked_pages_are_zero_and_locked(void **state)
{
    const size_t size = 3 * PAGE - 1;
    uint8_t *data = locked_new(size);

    (void)state;
    assert_non_null(data);
    assert_true(all_zero(data, size));
    memset(data, 0xa5, size);
    if (MLOCK_WORKS) {
        assert_int_equal(locked_kib(data), 3 * PAGE / 1024);
    }
    locked_free(data, size);
    locked_free(NULL, size);
}

static void
locked_pages_are_not_inherited(void **state)
{
    uint8_t *data = locked_new(PAGE);
    int status = -1;
    pid_t pid;

    (void)state;
    assert_non_null(data);
    data[0] = 1;
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        unsigned char resident;

        /* mincore tells without touching: ENOMEM where nothing is mapped. */
        _exit(mincore(data, PAGE, &resident) == 0 ? 1 : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    locked_free(data, PAGE);
}

static int
nothing_can_be_locked(void)
{
    struct scratch *scratch = NULL;
    struct secret *secret = NULL;

    if (!forbid_locking()) {
        return 1;
    }
    if (locked_new(PAGE) != NULL) {
        return 2;
    }
    if (locked_probe(PAGE) != STATUS_UNAVAILABLE) {
        return 3;
    }
    if (scratch_new(&scratch) != STATUS_UNAVAILABLE || scratch != NULL) {
        return 4;
    }
    return secret_new(32, &secret) == STATUS_UNAVAILABLE && secret == NULL ? 0 : 5;
}

static void
memory_that_cannot_be_locked_is_not_given(void **state)
{
    (void)state;
    if (!MLOCK_WORKS) {
        skip();
    }
    assert_child_passes(nothing_can_be_locked);
}

static int
probe_raises_the_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0) {
        return 1;
    }
    limit.rlim_cur = 0;
    if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0 || locked_probe(PAGE) != STATUS_OK ||
        getrlimit(RLIMIT_MEMLOCK, &limit) != 0) {
        return 2;
    }
    return limit.rlim_cur == limit.rlim_max ? 0 : 3;
}

static void
probe_takes_what_it_may(void **state)
{
    (void)state;
    assert_child_passes(probe_raises_the_limit);
}

/* ---- scratch ---- */

static void
scratch_gives_zeroed_aligned_memory(void **state)
{
    struct scratch *scratch = NULL;
    uint8_t *before = NULL;

    (void)state;
    assert_int_equal(scratch_new(&scratch), STATUS_OK);
    for (size_t size = 0; size < 100; size++) {
        uint8_t *data = scratch_alloc(scratch, size);

        assert_non_null(data);
        assert_int_equal((uintptr_t)data % alignof(max_align_t), 0);
        assert_true(all_zero(data, size));
        assert_ptr_not_equal(data, before);
        memset(data, 0xff, size);
        before = data;
    }
    scratch_free(&scratch);
    assert_null(scratch);
    scratch_free(&scratch);
}

static void
scratch_wipe_leaves_zeros(void **state)
{
    struct scratch *scratch = NULL;
    uint8_t *first;
    uint8_t *again;

    (void)state;
    assert_int_equal(scratch_new(&scratch), STATUS_OK);
    first = scratch_alloc(scratch, SCRATCH_FIRST_BYTES);
    assert_non_null(first);
    memset(first, 0xee, SCRATCH_FIRST_BYTES);
    scratch_wipe(scratch);
    /* The first pages stay mapped, so that one may look. */
    assert_true(all_zero(first, SCRATCH_FIRST_BYTES));
    again = scratch_alloc(scratch, 1);
    assert_ptr_equal(again, first);
    scratch_free(&scratch);
}

static void
scratch_grows_up_to_its_limit(void **state)
{
    const size_t piece = (size_t)1024 * 1024;
    struct scratch *scratch = NULL;
    size_t pieces = 0;
    uint8_t *data;

    (void)state;
    if (locked_probe(SCRATCH_BYTES_MAX + piece) != STATUS_OK) {
        skip(); /* an ordinary user may lock 8 MiB only */
    }
    assert_int_equal(scratch_new(&scratch), STATUS_OK);
    for (int round = 0; round < 2; round++) {
        for (pieces = 0; (data = scratch_alloc(scratch, piece)) != NULL; pieces++) {
            assert_true(all_zero(data, piece));
            memset(data, 0xdd, piece);
        }
        /* The first pages and the chunks' headers are within the limit too. */
        assert_int_equal(pieces, SCRATCH_BYTES_MAX / piece - 1);
        assert_non_null(scratch_alloc(scratch, 16));
        scratch_wipe(scratch);
    }
    assert_null(scratch_alloc(scratch, SCRATCH_BYTES_MAX));
    assert_null(scratch_alloc(scratch, SIZE_MAX));
    scratch_free(&scratch);
}

static void
scratch_pieces_do_not_overlap(void **state)
{
    enum { PIECES = 200, SIZE = 3000 };
    struct scratch *scratch = NULL;
    uint8_t *piece[PIECES];

    (void)state;
    assert_int_equal(scratch_new(&scratch), STATUS_OK);
    for (int i = 0; i < PIECES; i++) {
        piece[i] = scratch_alloc(scratch, SIZE);
        assert_non_null(piece[i]);
        memset(piece[i], i + 1, SIZE);
    }
    for (int i = 0; i < PIECES; i++) {
        assert_int_equal(piece[i][0], i + 1);
        assert_int_equal(piece[i][SIZE - 1], i + 1);
    }
    scratch_free(&scratch);
}

/* ---- secret ---- */

static void
secret_holds_what_is_written(void **state)
{
    struct secret *secret = NULL;

    (void)state;
    assert_int_equal(secret_new(32, &secret), STATUS_OK);
    assert_int_equal(secret_size(secret), 32);
    assert_true(all_zero(secret_read(secret), 32));
    memset(secret_write(secret), 0x42, 32);
    secret_freeze(secret);
    assert_int_equal(secret_read(secret)[31], 0x42);
    secret_free(&secret);
    assert_null(secret);
    secret_free(&secret);
}

static struct secret *frozen;

static int
write_to_a_frozen_one(void)
{
    (void)signal(SIGSEGV, SIG_DFL); /* a sanitizer has its own idea */
    *(volatile uint8_t *)(uintptr_t)secret_read(frozen) = 1;
    return 0;
}

static int
write_beyond_its_end(void)
{
    (void)signal(SIGSEGV, SIG_DFL);
    ((volatile uint8_t *)(uintptr_t)secret_read(frozen))[secret_size(frozen)] = 1;
    return 0;
}

static void
secret_faults_when_touched_wrongly(void **state)
{
    int status;

    (void)state;
    assert_int_equal(secret_new(32, &frozen), STATUS_OK);
    status = run_child(write_beyond_its_end);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSEGV);
    secret_freeze(frozen);
    status = run_child(write_to_a_frozen_one);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSEGV);
    secret_free(&frozen);
}

static void
secret_is_locked(void **state)
{
    struct secret *secret = NULL;

    (void)state;
    if (!MLOCK_WORKS) {
        skip();
    }
    assert_int_equal(secret_new(32, &secret), STATUS_OK);
    assert_true(locked_kib(secret_read(secret)) > 0);
    secret_free(&secret);
}

/* ---- log ---- */

/* What `body` writes to stderr. */
static void
capture(void (*body)(void), char ret_lines[static LINES_BYTES])
{
    int ends[2];
    int kept = dup(STDERR_FILENO);
    ssize_t size;

    assert_true(kept >= 0);
    assert_int_equal(pipe(ends), 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    (void)close(ends[1]);
    body();
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    (void)close(kept);
    size = read(ends[0], ret_lines, LINES_BYTES - 1);
    assert_true(size >= 0);
    ret_lines[size] = '\0';
    (void)close(ends[0]);
}

static void
log_every_type(void)
{
    unsigned char byte = 255;
    unsigned short port = 65535;
    bool on = true; /* the literal is an int to C17 */
    bool off = false;

    LOG(LOG_LEVEL_ERROR, EVENT_STORE_FULL, F("error", -28), F("low", INT64_MIN),
        F("high", UINT64_MAX), F("byte", byte), F("port", port), F("on", on), F("off", off),
        F_STATUS("status", STATUS_NOT_FOUND));
}

/* "2026-11-24T08:01:02.345Z error " and no more: what stands there is now. */
static const char *
behind_the_time(const char *line, const char *level)
{
    struct tm parts = {0};
    const char *rest = strptime(line, "%Y-%m-%dT%H:%M:%S", &parts);
    time_t age;
    char *end;

    assert_non_null(rest);
    age = time(NULL) - timegm(&parts);
    assert_true(age >= 0 && age < 60);
    assert_int_equal(rest[0], '.');
    (void)strtoul(rest + 1, &end, 10);
    assert_ptr_equal(end, rest + 4);
    assert_int_equal(strncmp(end, "Z ", 2), 0);
    assert_int_equal(strncmp(end + 2, level, strlen(level)), 0);
    return end + 2 + strlen(level);
}

static void
log_writes_each_type(void **state)
{
    char lines[LINES_BYTES];

    (void)state;
    capture(log_every_type, lines);
    assert_string_equal(behind_the_time(lines, "error"),
                        " vaultd: store_full error=-28 low=-9223372036854775808 "
                        "high=18446744073709551615 byte=255 port=65535 on=yes off=no "
                        "status=not_found\n");
}

static void
log_too_much(void)
{
    struct log_field fields[64];

    for (size_t i = 0; i < 64; i++) {
        fields[i] = F("quite_a_long_name", UINT64_MAX);
    }
    log_write(LOG_LEVEL_INFO, EVENT_STARTED, fields, 64);
}

static void
log_line_is_cut_at_its_limit(void **state)
{
    char lines[LINES_BYTES];

    (void)state;
    capture(log_too_much, lines);
    assert_int_equal(strlen(lines), 512);
    assert_ptr_equal(strchr(lines, '\n'), lines + 511);
}

static enum log_event event;

static void
log_one_event(void)
{
    LOG(LOG_LEVEL_NOTICE, event, F("n", 1));
}

static void
log_names_every_event(void **state)
{
    char lines[LINES_BYTES];

    (void)state;
    for (int i = 0; i < LOG_EVENT_COUNT; i++) {
        event = (enum log_event)i;
        capture(log_one_event, lines);
        const char *rest = behind_the_time(lines, "notice");

        assert_int_equal(strncmp(rest, " vaultd: ", 9), 0);
        assert_true(rest[9] >= 'a' && rest[9] <= 'z');
    }
}

/* stderr is a pipe here, and $JOURNAL_STREAM says that the journal is just that pipe; or another.
 */
static unsigned other_stream;

static void
log_as_if_to_the_journal(void)
{
    char stream[64];
    struct stat info;

    if (fstat(STDERR_FILENO, &info) == 0) {
        (void)snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)info.st_dev,
                       (unsigned long long)info.st_ino + other_stream);
        (void)setenv("JOURNAL_STREAM", stream, 1);
        LOG(LOG_LEVEL_WARNING, EVENT_STARTED, F("n", 1));
        (void)unsetenv("JOURNAL_STREAM");
    }
}

static void
log_gives_the_journal_a_priority(void **state)
{
    char lines[LINES_BYTES];

    (void)state;
    other_stream = 0;
    capture(log_as_if_to_the_journal, lines);
    assert_string_equal(lines, "<4>vaultd: started n=1\n");
    other_stream = 1;
    capture(log_as_if_to_the_journal, lines);
    assert_string_equal(behind_the_time(lines, "warning"), " vaultd: started n=1\n");
}

static void
log_every_level(void)
{
    LOG(LOG_LEVEL_ERROR, EVENT_STARTED, F("n", 3));
    LOG(LOG_LEVEL_WARNING, EVENT_STARTED, F("n", 4));
    LOG(LOG_LEVEL_NOTICE, EVENT_STARTED, F("n", 5));
    LOG(LOG_LEVEL_INFO, EVENT_STARTED, F("n", 6));
}

static void
log_drops_what_is_less_urgent(void **state)
{
    char lines[LINES_BYTES];

    (void)state;
    for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_INFO; level++) {
        log_set_level((enum log_level)level);
        capture(log_every_level, lines);
        log_set_level(LOG_LEVEL_INFO);
        assert_int_equal(strstr(lines, "n=3") != NULL, 1);
        assert_int_equal(strstr(lines, "n=4") != NULL, level >= LOG_LEVEL_WARNING);
        assert_int_equal(strstr(lines, "n=5") != NULL, level >= LOG_LEVEL_NOTICE);
        assert_int_equal(strstr(lines, "n=6") != NULL, level >= LOG_LEVEL_INFO);
    }
}

static void
log_to_a_closed_stderr(void)
{
    (void)close(STDERR_FILENO);
    LOG(LOG_LEVEL_NOTICE, EVENT_STARTED, F("n", 1));
}

static void
log_survives_a_closed_stderr(void **state)
{
    char lines[LINES_BYTES];

    (void)state;
    capture(log_to_a_closed_stderr, lines);
    assert_string_equal(lines, "");
}

/* ---- failpoint ---- */

#ifdef CONTACT_VAULT_FAILPOINTS
static int
fire(void)
{
    if (setenv("CONTACT_VAULT_FAILPOINTS", "always,third=3,twice=1,twice=3", 1) != 0) {
        return 1;
    }
    for (int pass = 1; pass <= 4; pass++) {
        if (!FAILPOINT("always") || FAILPOINT("third") != (pass == 3) ||
            FAILPOINT("twice") != (pass == 1 || pass == 3) || FAILPOINT("alway") ||
            FAILPOINT("always,third") || FAILPOINT("other")) {
            return pass + 1;
        }
    }
    return 0;
}

static int
fire_without_environment(void)
{
    return unsetenv("CONTACT_VAULT_FAILPOINTS") == 0 && !FAILPOINT("always") ? 0 : 1;
}

static void
failpoints_fire_as_told(void **state)
{
    (void)state;
    assert_child_passes(fire);
    assert_child_passes(fire_without_environment);
}
#else
static void
failpoints_fire_as_told(void **state)
{
    (void)state;
    assert_int_equal(setenv("CONTACT_VAULT_FAILPOINTS", "always", 1), 0);
    assert_false(FAILPOINT("always"));
}
#endif

/* ---- clock ---- */

static void
clock_tells_the_time(void **state)
{
    const uint64_t year_2024 = UINT64_C(1704067200000);
    const struct timespec nap = {.tv_nsec = 20000000};
    uint64_t start = clock_monotonic_ms();

    (void)state;
    assert_true(clock_wall_ms() > year_2024);
    assert_true(clock_wall_ms() / 1000 - (uint64_t)time(NULL) + 1 <= 2);
    (void)nanosleep(&nap, NULL);
    assert_true(clock_monotonic_ms() - start >= 19);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(locked_pages_are_zero_and_locked),
        cmocka_unit_test(locked_pages_are_not_inherited),
        cmocka_unit_test(memory_that_cannot_be_locked_is_not_given),
        cmocka_unit_test(probe_takes_what_it_may),
        cmocka_unit_test(scratch_gives_zeroed_aligned_memory),
        cmocka_unit_test(scratch_wipe_leaves_zeros),
        cmocka_unit_test(scratch_grows_up_to_its_limit),
        cmocka_unit_test(scratch_pieces_do_not_overlap),
        cmocka_unit_test(secret_holds_what_is_written),
        cmocka_unit_test(secret_faults_when_touched_wrongly),
        cmocka_unit_test(secret_is_locked),
        cmocka_unit_test(log_writes_each_type),
        cmocka_unit_test(log_line_is_cut_at_its_limit),
        cmocka_unit_test(log_names_every_event),
        cmocka_unit_test(log_gives_the_journal_a_priority),
        cmocka_unit_test(log_drops_what_is_less_urgent),
        cmocka_unit_test(log_survives_a_closed_stderr),
        cmocka_unit_test(failpoints_fire_as_told),
        cmocka_unit_test(clock_tells_the_time),
    };

    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
