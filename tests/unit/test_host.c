/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "datadir.h"
#include "folder.h"
#include "notify.h"
#include "process.h"
#include "signals.h"
#include "startup_text.h"

enum { SOME_OTHER_UID = 65533, LINES_BYTES = 8192, PATIENCE_MS = 5000, TOLD_BYTES = 128 };

/* A folder of the test's own, and a data directory that is to be in it. */
struct place {
    char folder[FOLDER_PATH_BYTES];
    struct datadir_paths paths;
    struct datadir_fault fault;
};

static int
place_setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    char root[FOLDER_PATH_BYTES];

    if (place == NULL) {
        return -1;
    }
    folder_make(place->folder);
    folder_join(place->folder, "vault", root);
    *state = place;
    return datadir_locate(root, &place->paths, &place->fault) == STATUS_OK ? 0 : -1;
}

static int
place_teardown(void **state)
{
    struct place *place = *state;

    folder_remove(place->folder);
    free(place);
    return 0;
}

static unsigned
mode_of(const char *path)
{
    struct stat info;

    assert_int_equal(lstat(path, &info), 0);
    return info.st_mode & 07777;
}

static void
assert_says(const struct place *place, const char *part)
{
    if (strstr(place->fault.text, part) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", place->fault.text, part);
    }
}

static void
create(struct place *place)
{
    assert_int_equal(datadir_create(&place->paths, &place->fault), STATUS_OK);
    assert_string_equal(place->fault.text, "");
}

/* Opening is refused with that status and those words, and leaves nothing behind. */
static void
assert_refused(struct place *place, enum status status, const char *part)
{
    struct datadir *datadir = NULL;

    assert_int_equal(datadir_open(&place->paths, &place->fault, &datadir), status);
    assert_null(datadir);
    assert_says(place, part);
}

static void
assert_opens(struct place *place)
{
    struct datadir *datadir = NULL;

    assert_int_equal(datadir_open(&place->paths, &place->fault, &datadir), STATUS_OK);
    assert_string_equal(place->fault.text, "");
    datadir_close(&datadir);
    assert_null(datadir);
    datadir_close(&datadir);
}

/* ---- locate ---- */

static void
locate_names_every_place(void **state)
{
    struct datadir_paths paths;
    struct datadir_fault fault;

    (void)state;
    assert_int_equal(datadir_locate("/srv/v", &paths, &fault), STATUS_OK);
    assert_string_equal(paths.root, "/srv/v");
    assert_string_equal(paths.data, "/srv/v/data");
    assert_string_equal(paths.run, "/srv/v/run");
    assert_string_equal(paths.store, "/srv/v/data/store");
    assert_string_equal(paths.keyring, "/srv/v/data/keyring");
    assert_string_equal(paths.audit, "/srv/v/data/audit");
    assert_string_equal(paths.vault_socket, "/srv/v/run/vault.sock");
    assert_string_equal(paths.admin_socket, "/srv/v/run/admin.sock");
}

static void
locate_refuses_names_it_cannot_hold(void **state)
{
    char root[DATADIR_PATH_BYTES + 1];
    struct datadir_paths paths;
    struct datadir_fault fault;
    const size_t fits = DATADIR_PATH_BYTES - 1 - strlen("/run/vault.sock");

    (void)state;
    memset(root, 'a', sizeof root);
    root[fits] = '\0';
    assert_int_equal(datadir_locate(root, &paths, &fault), STATUS_OK);
    root[fits] = 'a';
    root[fits + 1] = '\0';
    assert_int_equal(datadir_locate(root, &paths, &fault), STATUS_TOO_LARGE);
    assert_non_null(strstr(fault.text, "too long"));
    assert_int_equal(datadir_locate("", &paths, &fault), STATUS_INVALID);
    assert_non_null(strstr(fault.text, "empty"));
}

/* ---- create ---- */

static void
create_makes_the_layout(void **state)
{
    struct place *place = *state;
    char path[FOLDER_PATH_BYTES];
    uint8_t *text;
    size_t size = 0;

    create(place);
    assert_int_equal(mode_of(place->paths.root), 0711);
    assert_int_equal(mode_of(place->paths.data), 0700);
    assert_int_equal(mode_of(place->paths.store), 0700);
    assert_int_equal(mode_of(place->paths.audit), 0700);
    assert_int_equal(mode_of(place->paths.run), 0755);
    folder_join(place->paths.data, "version", path);
    assert_int_equal(mode_of(path), 0600);
    text = folder_read(path, &size);
    assert_int_equal(size, 21);
    assert_memory_equal(text, "contact-vault data 5\n", 21);
    free(text);
    assert_opens(place);
}

static void
create_takes_no_notice_of_the_umask(void **state)
{
    mode_t masks[] = {0777, 0};

    for (size_t i = 0; i < 2; i++) {
        mode_t before = umask(masks[i]);
        struct place *place = *state;
        struct datadir *datadir = NULL;
        enum status created = datadir_create(&place->paths, &place->fault);
        enum status opened = datadir_open(&place->paths, &place->fault, &datadir);

        datadir_close(&datadir);
        assert_int_equal(umask(before), masks[i]);
        assert_int_equal(created, STATUS_OK);
        assert_int_equal(opened, STATUS_OK);
        assert_opens(place);
        assert_int_equal(mode_of(place->paths.root), 0711);
        assert_int_equal(mode_of(place->paths.data), 0700);
        assert_int_equal(mode_of(place->paths.run), 0755);
        folder_remove(place->paths.root);
    }
}

static void
create_never_touches_a_vault(void **state)
{
    struct place *place = *state;

    create(place);
    assert_int_equal(datadir_create(&place->paths, &place->fault), STATUS_CONFLICT);
    assert_says(place, "holds a vault already");
}

static void
create_takes_an_empty_folder_only(void **state)
{
    struct place *place = *state;
    char path[FOLDER_PATH_BYTES];

    assert_int_equal(mkdir(place->paths.root, 0777), 0);
    folder_join(place->paths.root, "lost+found", path);
    assert_int_equal(mkdir(path, 0700), 0);
    folder_join(place->paths.root, "letter", path);
    folder_write(path, "dear", 4);
    assert_int_equal(datadir_create(&place->paths, &place->fault), STATUS_CONFLICT);
    assert_says(place, "not empty");
    assert_false(folder_has(place->paths.data));
    assert_int_equal(unlink(path), 0);
    create(place);
    assert_int_equal(mode_of(place->paths.root), 0711);
}

static void
create_needs_a_folder_to_stand_in(void **state)
{
    struct place *place = *state;
    char root[FOLDER_PATH_BYTES];

    folder_join(place->folder, "no/vault", root);
    assert_int_equal(datadir_locate(root, &place->paths, &place->fault), STATUS_OK);
    assert_int_equal(datadir_create(&place->paths, &place->fault), STATUS_NOT_FOUND);
    assert_says(place, "not there");
    folder_join(place->folder, "file", root);
    folder_write(root, "", 0);
    assert_int_equal(datadir_locate(root, &place->paths, &place->fault), STATUS_OK);
    assert_int_equal(datadir_create(&place->paths, &place->fault), STATUS_UNAVAILABLE);
    assert_says(place, "Not a directory");
}

static void
create_says_when_a_socket_path_is_too_long(void **state)
{
    struct place *place = *state;
    char root[FOLDER_PATH_BYTES];
    struct datadir *datadir = NULL;
    const size_t fits = DATADIR_SOCKET_BYTES_MAX - strlen("/run/vault.sock");
    size_t size = strlen(place->paths.root);

    memcpy(root, place->paths.root, size);
    memset(root + size, 'x', fits + 1 - size);
    root[fits + 1] = '\0';
    assert_int_equal(datadir_locate(root, &place->paths, &place->fault), STATUS_OK);
    assert_int_equal(datadir_create(&place->paths, &place->fault), STATUS_TOO_LARGE);
    assert_says(place, "has 108 bytes, and the path of a Unix socket at most 107");
    assert_false(folder_has(root));
    root[fits] = '\0';
    assert_int_equal(datadir_locate(root, &place->paths, &place->fault), STATUS_OK);
    create(place);
    /* A good one that was moved to a longer name. */
    size = strlen(root);
    root[size] = 'x';
    root[size + 1] = '\0';
    assert_int_equal(rename(place->paths.root, root), 0);
    assert_int_equal(datadir_locate(root, &place->paths, &place->fault), STATUS_OK);
    assert_int_equal(datadir_open(&place->paths, &place->fault, &datadir), STATUS_TOO_LARGE);
    assert_says(place, "108 bytes");
}

/* ---- open ---- */

static void
open_needs_a_vault(void **state)
{
    struct place *place = *state;
    char version[FOLDER_PATH_BYTES];

    assert_refused(place, STATUS_NOT_FOUND, "there is no folder");
    assert_int_equal(mkdir(place->paths.root, 0711), 0);
    assert_refused(place, STATUS_NOT_FOUND, "vaultctl init --data");
    assert_int_equal(rmdir(place->paths.root), 0);
    create(place);
    folder_join(place->paths.data, "version", version);
    assert_int_equal(unlink(version), 0);
    assert_refused(place, STATUS_NOT_FOUND, "holds no vault");
}

static void
open_names_both_versions(void **state)
{
    struct place *place = *state;
    char version[FOLDER_PATH_BYTES];

    create(place);
    folder_join(place->paths.data, "version", version);
    folder_write(version, "contact-vault data 27\n", 22);
    /* What the core wrote: never released, so nothing reads it any more. */
    folder_write(version, "contact-vault data 1\n", 21);
    assert_refused(place, STATUS_INVALID, "is of data version 1");
    folder_write(version, "contact-vault data 27\n", 22);
    /* The version comes before all else: a later one may have other modes. */
    assert_int_equal(chmod(place->paths.data, 0770), 0);
    assert_refused(place, STATUS_INVALID, "is of data version 27");
    assert_says(place, "works with version 5");
}

static void
open_refuses_a_version_file_that_is_none(void **state)
{
    static const char *const texts[] = {
        "",
        "contact-vault data 1",
        "contact-vault data \n",
        "contact-vault data 1\n\n",
        "contact-vault data -1\n",
        "contact-vault data 0x1\n",
        "contact-vault data 1234567890\n",
        "contact-vault data 1\ncontact-vault data 1\ncontact-vault data 1\ncontact-vault data 1\n",
        "another program's\n",
    };
    struct place *place = *state;
    char version[FOLDER_PATH_BYTES];

    create(place);
    folder_join(place->paths.data, "version", version);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        folder_write(version, texts[i], strlen(texts[i]));
        assert_refused(place, STATUS_CORRUPT, "not the version file of a vault");
    }
    folder_write(version, "contact-vault data 5\n\0", 22);
    assert_refused(place, STATUS_CORRUPT, "not the version file of a vault");
}

static void
open_is_not_held_up_by_a_fifo(void **state)
{
    struct place *place = *state;
    char version[FOLDER_PATH_BYTES];

    create(place);
    folder_join(place->paths.data, "version", version);
    assert_int_equal(unlink(version), 0);
    assert_int_equal(mkfifo(version, 0600), 0);
    assert_refused(place, STATUS_CORRUPT, "not the version file");
    assert_int_equal(unlink(version), 0);
    assert_int_equal(symlink("/etc/hostname", version), 0);
    assert_refused(place, STATUS_UNAVAILABLE, "version file");
}

static void
open_refuses_folders_others_may_write_to(void **state)
{
    struct place *place = *state;
    struct {
        const char *path;
        mode_t bad;
        mode_t good;
    } cases[] = {
        {place->paths.data, 0720, 0700}, {place->paths.data, 0702, 0700},
        {place->paths.root, 0731, 0711}, {place->paths.root, 0713, 0711},
        {place->paths.run, 0775, 0755},  {place->paths.run, 01777, 0755},
    };

    create(place);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(chmod(cases[i].path, cases[i].bad), 0);
        assert_refused(place, STATUS_DENIED, "group or others may write");
        assert_says(place, cases[i].path);
        assert_int_equal(chmod(cases[i].path, cases[i].good), 0);
        assert_opens(place);
    }
}

static void
open_refuses_what_belongs_to_another(void **state)
{
    struct place *place = *state;
    const char *folders[] = {place->paths.root, place->paths.data, place->paths.run};

    if (geteuid() != 0) {
        skip(); /* cannot give a folder away */
    }
    create(place);
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        assert_int_equal(chown(folders[i], SOME_OTHER_UID, (gid_t)-1), 0);
        assert_refused(place, STATUS_DENIED, "belongs to user id 65533, and this runs as 0");
        assert_int_equal(chown(folders[i], 0, (gid_t)-1), 0);
    }
    assert_opens(place);
}

static void
create_refuses_a_root_of_another(void **state)
{
    struct place *place = *state;

    if (geteuid() != 0) {
        skip();
    }
    assert_int_equal(mkdir(place->paths.root, 0755), 0);
    assert_int_equal(chown(place->paths.root, SOME_OTHER_UID, (gid_t)-1), 0);
    assert_int_equal(datadir_create(&place->paths, &place->fault), STATUS_DENIED);
    assert_says(place, "belongs to user id 65533");
}

/* As an ordinary user before a vault of root's: 0 if it is refused as it should be. */
static int
open_as_a_stranger(struct place *place)
{
    struct datadir *datadir = NULL;

    if (setresuid(SOME_OTHER_UID, SOME_OTHER_UID, SOME_OTHER_UID) != 0) {
        return 1;
    }
    if (datadir_open(&place->paths, &place->fault, &datadir) != STATUS_DENIED) {
        return 2;
    }
    return strstr(place->fault.text, "belongs to user id 0") != NULL ? 0 : 3;
}

static void
open_tells_a_stranger_whose_it_is(void **state)
{
    struct place *place = *state;
    int status = -1;
    pid_t pid;

    if (geteuid() != 0) {
        skip();
    }
    create(place);
    assert_int_equal(chmod(place->folder, 0755), 0);
    assert_int_equal(chmod(place->paths.root, 0755), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(open_as_a_stranger(place));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void
open_keeps_a_second_one_out(void **state)
{
    struct place *place = *state;
    struct datadir *first = NULL;

    create(place);
    assert_int_equal(datadir_open(&place->paths, &place->fault, &first), STATUS_OK);
    assert_refused(place, STATUS_CONFLICT, "another vaultd has the data directory");
    datadir_close(&first);
    assert_opens(place);
}

/* Whoever is killed lets go: the lock is the kernel's. */
static void
open_follows_a_killed_one(void **state)
{
    struct place *place = *state;
    struct datadir *first = NULL;
    int ends[2];
    char ready;
    pid_t pid;

    create(place);
    assert_int_equal(pipe(ends), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        /* A failing test must not leave this one behind. */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 &&
            datadir_open(&place->paths, &place->fault, &first) == STATUS_OK &&
            write(ends[1], "y", 1) == 1) {
            (void)pause();
        }
        _exit(1);
    }
    (void)close(ends[1]);
    assert_int_equal(read(ends[0], &ready, 1), 1);
    (void)close(ends[0]);
    assert_refused(place, STATUS_CONFLICT, "another vaultd");
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_opens(place);
}

static void
open_makes_a_missing_run_folder(void **state)
{
    struct place *place = *state;

    create(place);
    assert_int_equal(rmdir(place->paths.run), 0);
    assert_opens(place);
    assert_int_equal(mode_of(place->paths.run), 0755);
    assert_int_equal(rmdir(place->paths.run), 0);
    assert_int_equal(symlink("/tmp", place->paths.run), 0);
    assert_refused(place, STATUS_UNAVAILABLE, "run");
}

/* ---- process ---- */

/* How a child ends that may dump as much core as it likes, and aborts. */
static int
abort_in_child(const char *folder, bool hardened)
{
    const struct rlimit free_hand = {RLIM_INFINITY, RLIM_INFINITY};
    int status = -1;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        (void)signal(SIGABRT, SIG_DFL);
        if (chdir(folder) != 0) {
            _exit(1);
        }
        if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) {
            _exit(2);
        }
        (void)setrlimit(RLIMIT_CORE, &free_hand);
        if (hardened && process_harden() != STATUS_OK) {
            _exit(3);
        }
        abort();
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    return status;
}

static void
hardened_process_leaves_no_core(void **state)
{
    struct place *place = *state;

    if (!WCOREDUMP(abort_in_child(place->folder, false))) {
        skip(); /* nobody dumps core here: there is nothing to see */
    }
    assert_false(WCOREDUMP(abort_in_child(place->folder, true)));
}

static int
harden_and_look(void)
{
    struct rlimit core;

    (void)umask(0);
    if (process_harden() != STATUS_OK || getrlimit(RLIMIT_CORE, &core) != 0) {
        return 1;
    }
    if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) {
        return 2;
    }
    return core.rlim_cur == 0 && core.rlim_max == 0 && umask(0) == 077 ? 0 : 3;
}

static int
raise_and_look(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0) {
        return 1;
    }
    files.rlim_cur = 64;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0) {
        return 2;
    }
    process_raise_file_limit();
    return getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur == files.rlim_max ? 0 : 3;
}

static int
take_signals(void)
{
    if (signals_block() != STATUS_OK || signals_wait(1) != SIGNALS_NOTHING) {
        return 1;
    }
    if (raise(SIGTERM) != 0 || signals_wait(PATIENCE_MS) != SIGNALS_STOP) {
        return 2;
    }
    if (raise(SIGINT) != 0 || signals_wait(PATIENCE_MS) != SIGNALS_STOP) {
        return 3;
    }
    if (raise(SIGHUP) != 0 || signals_wait(PATIENCE_MS) != SIGNALS_RELOAD) {
        return 4;
    }
    return raise(SIGPIPE) == 0 && signals_wait(0) == SIGNALS_NOTHING ? 0 : 5;
}

static int
write_to_a_closed_pipe(void)
{
    int ends[2];

    if (signals_block() != STATUS_OK || pipe(ends) != 0 || close(ends[0]) != 0) {
        return 1;
    }
    return write(ends[1], "x", 1) < 0 && errno == EPIPE ? 0 : 2;
}

/* ---- notify ---- */

/* A service manager's end: a datagram socket by that path, or abstract by "@name". */
static int
manager_at(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(name);
    int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    assert_true(sock >= 0 && size < sizeof address.sun_path);
    memcpy(address.sun_path, name, size);
    if (name[0] == '@') {
        address.sun_path[0] = '\0';
    }
    size += offsetof(struct sockaddr_un, sun_path) + (name[0] == '/');
    assert_int_equal(bind(sock, (const struct sockaddr *)&address, (socklen_t)size), 0);
    return sock;
}

static void
assert_told(int manager, const char *wanted)
{
    char told[TOLD_BYTES] = "";
    ssize_t size = recv(manager, told, sizeof told - 1, 0);

    if (wanted == NULL) {
        assert_true(size < 0);
        return;
    }
    assert_true(size > 0);
    assert_string_equal(told, wanted);
}

static void
tell_a_manager_at(const char *name)
{
    int manager = manager_at(name);

    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    notify_open();
    notify_ready("sealed");
    assert_told(manager, "READY=1\nSTATUS=sealed");
    notify_status("unsealed");
    assert_told(manager, "STATUS=unsealed");
    notify_alive();
    assert_told(manager, "WATCHDOG=1");
    notify_stopping();
    assert_told(manager, "STOPPING=1\nSTATUS=stopping");
    assert_told(manager, NULL);
    notify_close();
    notify_alive();
    assert_told(manager, NULL);
    (void)close(manager);
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
}

static void
notify_tells_the_manager(void **state)
{
    struct place *place = *state;
    char path[FOLDER_PATH_BYTES];
    char abstract[TOLD_BYTES];

    folder_join(place->folder, "notify", path);
    tell_a_manager_at(path);
    (void)snprintf(abstract, sizeof abstract, "@cv_test.%u", (unsigned)getpid());
    tell_a_manager_at(abstract);
}

/* Nobody there, nobody who reads, nothing that could be a name: nothing happens, and at once. */
static void
notify_does_without_a_manager(void **state)
{
    static const char *const none[] = {"", "notify", "/nowhere/at/all"};
    struct place *place = *state;
    char path[FOLDER_PATH_BYTES];
    int manager;

    notify_open();
    notify_ready("sealed");
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_int_equal(setenv("NOTIFY_SOCKET", none[i], 1), 0);
        notify_open();
        notify_alive();
        assert_int_equal(notify_watchdog_ms(), 0);
    }
    folder_join(place->folder, "notify", path);
    manager = manager_at(path);
    assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);
    notify_open();
    for (size_t i = 0; i < 5000; i++) {
        notify_alive();
    }
    (void)close(manager);
    notify_alive();
    notify_close();
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
}

static void
assert_watchdog(const char *us, const char *pid, uint64_t wanted_ms)
{
    assert_int_equal(us != NULL ? setenv("WATCHDOG_USEC", us, 1) : unsetenv("WATCHDOG_USEC"), 0);
    assert_int_equal(pid != NULL ? setenv("WATCHDOG_PID", pid, 1) : unsetenv("WATCHDOG_PID"), 0);
    assert_int_equal(notify_watchdog_ms(), wanted_ms);
}

static void
notify_knows_whose_watchdog_it_is(void **state)
{
    struct place *place = *state;
    char path[FOLDER_PATH_BYTES];
    char pid[TOLD_BYTES];
    int manager;

    (void)snprintf(pid, sizeof pid, "%u", (unsigned)getpid());
    assert_watchdog("30000000", pid, 0); /* nobody to tell */
    folder_join(place->folder, "notify", path);
    manager = manager_at(path);
    assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);
    notify_open();
    assert_watchdog("30000000", pid, 30000);
    assert_watchdog("30000000", NULL, 30000);
    assert_watchdog("30000000", "1", 0);
    assert_watchdog("30000000", "x", 0);
    assert_watchdog(NULL, pid, 0);
    assert_watchdog("", pid, 0);
    assert_watchdog("-5000000", pid, 0);
    assert_watchdog("5s", pid, 0);
    assert_watchdog(NULL, NULL, 0);
    notify_close();
    (void)close(manager);
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
}

static void
process_and_signals_do_as_told(void **state)
{
    static int (*const bodies[])(void) = {harden_and_look, raise_and_look, take_signals,
                                          write_to_a_closed_pipe};

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        int status = -1;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
            _exit(bodies[i]());
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

/* A machine of files: the folders of `path` are made beneath the test's folder. */
static void
machine_write(const struct place *place, const char *path, const char *text)
{
    char whole[FOLDER_PATH_BYTES];

    folder_join(place->folder, path + 1, whole);
    for (char *at = whole + strlen(place->folder) + 1; (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        assert_true(mkdir(whole, 0700) == 0 || errno == EEXIST);
        *at = '/';
    }
    folder_write(whole, text, strlen(text));
}

static void
swap_counts_unless_the_group_forbids_it(void **state)
{
    static const char heading[] = "Filename\t\tType\t\tSize\t\tUsed\t\tPriority\n";
    static const char one_area[] = "Filename\t\tType\t\tSize\t\tUsed\t\tPriority\n"
                                   "/dev/sda2  partition\t1000\t0\t-2\n";
    struct place *place = *state;

    assert_false(process_may_swap(place->folder)); /* no /proc/swaps at all */
    machine_write(place, "/proc/swaps", heading);
    assert_false(process_may_swap(place->folder));
    machine_write(place, "/proc/swaps", one_area);
    assert_true(process_may_swap(place->folder)); /* no group */
    machine_write(place, "/proc/self/cgroup", "3:cpu:/\n0::/system.slice/vaultd.service\n");
    assert_true(process_may_swap(place->folder));
    machine_write(place, "/sys/fs/cgroup/system.slice/vaultd.service/memory.swap.max", "max\n");
    assert_true(process_may_swap(place->folder));
    machine_write(place, "/sys/fs/cgroup/system.slice/memory.swap.max", "0\n");
    assert_false(process_may_swap(place->folder)); /* the group above */
    machine_write(place, "/sys/fs/cgroup/system.slice/memory.swap.max", "max\n");
    machine_write(place, "/sys/fs/cgroup/system.slice/vaultd.service/memory.swap.max", "0\n");
    assert_false(process_may_swap(place->folder));
    machine_write(place, "/proc/self/cgroup", "0::/other.slice\n");
    assert_true(process_may_swap(place->folder)); /* a neighbour's limit is not ours */
}

/* ---- text at start ---- */

static int
say_into(const char *sentence, char ret_lines[static LINES_BYTES])
{
    int ends[2];
    int kept = dup(STDERR_FILENO);
    int code;
    ssize_t size;

    assert_true(kept >= 0);
    assert_int_equal(pipe(ends), 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    (void)close(ends[1]);
    code = startup_fail(sentence);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    (void)close(kept);
    size = read(ends[0], ret_lines, LINES_BYTES - 1);
    assert_true(size >= 0);
    ret_lines[size] = '\0';
    (void)close(ends[0]);
    return code;
}

static void
startup_text_is_one_line(void **state)
{
    char lines[LINES_BYTES];
    char sentence[STARTUP_SENTENCE_BYTES_MAX + 2];

    (void)state;
    assert_int_equal(say_into("cannot open /a\n<0>b\x1b[2J\x7f"
                              "\xc3\xa9",
                              lines),
                     EXIT_FAILURE);
    assert_string_equal(lines, "vaultd: cannot open /a?<0>b?[2J?\xc3\xa9\n");
    memset(sentence, 's', sizeof sentence);
    sentence[sizeof sentence - 1] = '\0';
    assert_int_equal(say_into(sentence, lines), EXIT_FAILURE);
    assert_int_equal(strlen(lines), strlen("vaultd: ") + STARTUP_SENTENCE_BYTES_MAX + 1);
}

#define PLACE_TEST(body) cmocka_unit_test_setup_teardown(body, place_setup, place_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(locate_names_every_place),
        cmocka_unit_test(locate_refuses_names_it_cannot_hold),
        PLACE_TEST(create_makes_the_layout),
        PLACE_TEST(create_takes_no_notice_of_the_umask),
        PLACE_TEST(create_never_touches_a_vault),
        PLACE_TEST(create_takes_an_empty_folder_only),
        PLACE_TEST(create_needs_a_folder_to_stand_in),
        PLACE_TEST(create_says_when_a_socket_path_is_too_long),
        PLACE_TEST(create_refuses_a_root_of_another),
        PLACE_TEST(open_needs_a_vault),
        PLACE_TEST(open_names_both_versions),
        PLACE_TEST(open_refuses_a_version_file_that_is_none),
        PLACE_TEST(open_is_not_held_up_by_a_fifo),
        PLACE_TEST(open_refuses_folders_others_may_write_to),
        PLACE_TEST(open_refuses_what_belongs_to_another),
        PLACE_TEST(open_tells_a_stranger_whose_it_is),
        PLACE_TEST(open_keeps_a_second_one_out),
        PLACE_TEST(open_follows_a_killed_one),
        PLACE_TEST(open_makes_a_missing_run_folder),
        PLACE_TEST(hardened_process_leaves_no_core),
        PLACE_TEST(notify_tells_the_manager),
        PLACE_TEST(notify_does_without_a_manager),
        PLACE_TEST(notify_knows_whose_watchdog_it_is),
        cmocka_unit_test(process_and_signals_do_as_told),
        PLACE_TEST(swap_counts_unless_the_group_forbids_it),
        cmocka_unit_test(startup_text_is_one_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
