/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Built without sanitizers, whatever the rest is built with: under one there is no seccomp. Each
 * test enters the sandbox in a child, which says by its exit code which of its tries went wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/landlock.h>
#include <lmdb.h>
#include <nng/nng.h>
#include <nng/supplemental/util/platform.h>
#include <seccomp.h>
#include <sodium.h>

#include "folder.h"
#include "notify.h"
#include "process.h"
#include "sandbox.h"
#include "signals.h"

enum { TEXT_BYTES = 4, PATIENCE_MS = 5000, NO_SUCH_CALL = 4095, LANDLOCK_TELLS_TRUNCATE = 3 };

static char folder[FOLDER_PATH_BYTES];
static char data[FOLDER_PATH_BYTES];
static char run[FOLDER_PATH_BYTES];

static int
folders_setup(void **state)
{
    (void)state;
    folder_make(folder);
    folder_join(folder, "data", data);
    folder_join(folder, "run", run);
    return mkdir(data, 0700) == 0 && mkdir(run, 0755) == 0 ? 0 : -1;
}

static int
folders_teardown(void **state)
{
    (void)state;
    folder_remove(folder);
    return 0;
}

static bool
enter(void)
{
    const struct sandbox_plan plan = {.data = data, .run = run, .required = true};

    return process_harden() == STATUS_OK && sandbox_enter(&plan) == STATUS_OK;
}

typedef int child_body(void);

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

    if (WIFSIGNALED(status)) {
        fail_msg("killed by signal %d", WTERMSIG(status));
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* A child passes each of these in order, or leaves with the line's number. */
#define TRY(held)                                                                                  \
    do {                                                                                           \
        if (!(held)) {                                                                             \
            (void)dprintf(STDERR_FILENO, "line %d: %s (errno %d)\n", __LINE__, #held, errno);      \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

static bool
refused(long result, int error)
{
    return result < 0 && errno == error;
}

static int
open_below(const char *where, const char *name, int flags)
{
    char path[FOLDER_PATH_BYTES];

    folder_join(where, name, path);
    return open(path, flags | O_CLOEXEC, 0600);
}

/* ---- files ---- */

static int
work_in_the_data_folder(void)
{
    char from[FOLDER_PATH_BYTES];
    char to[FOLDER_PATH_BYTES];
    char sub[FOLDER_PATH_BYTES];
    struct stat info;
    int file;

    folder_join(data, "from", from);
    folder_join(data, "sub", sub);
    folder_join(sub, "to", to);
    TRY(enter());
    TRY((file = open(from, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) >= 0);
    TRY(fallocate(file, 0, 0, 8192) == 0 || errno == EOPNOTSUPP);
    TRY(ftruncate(file, 8192) == 0);
    TRY(pwrite(file, "text", TEXT_BYTES, 100) == TEXT_BYTES);
    TRY(fdatasync(file) == 0 && fsync(file) == 0);
    TRY(mmap(NULL, 8192, PROT_READ, MAP_SHARED, file, 0) != MAP_FAILED);
    TRY(close(file) == 0);
    TRY(open(from, O_WRONLY | O_TRUNC | O_CLOEXEC) >= 0);
    TRY(mkdir(sub, 0700) == 0);
    TRY(rename(from, to) == 0);
    TRY(stat(to, &info) == 0);
    TRY(unlink(to) == 0);
    TRY(rmdir(sub) == 0);
    TRY((file = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0);
    TRY(fsync(file) == 0);
    return 0;
}

static int
reach_beyond(void)
{
    char inside[FOLDER_PATH_BYTES];
    char outside[FOLDER_PATH_BYTES];

    folder_join(data, "inside", inside);
    folder_join(folder, "outside", outside);
    folder_write(inside, "i", 1);
    folder_write(outside, "o", 1);
    TRY(enter());
    TRY(refused(open("/etc/passwd", O_RDONLY | O_CLOEXEC), EACCES));
    TRY(refused(open("/etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC), EACCES));
    TRY(refused(open("/proc/self/mem", O_RDWR | O_CLOEXEC), EACCES));
    TRY(refused(open("/proc/self/maps", O_RDONLY | O_CLOEXEC), EACCES));
    TRY(refused(open(outside, O_RDONLY | O_CLOEXEC), EACCES));
    TRY(refused(open(outside, O_WRONLY | O_CLOEXEC), EACCES));
    TRY(refused(open_below(folder, "new", O_WRONLY | O_CREAT), EACCES));
    TRY(refused(open_below(data, "../new", O_WRONLY | O_CREAT), EACCES));
    TRY(refused(mkdir("/tmp/cv_test.beyond", 0700), EACCES));
    TRY(refused(unlink(outside), EACCES));
    TRY(refused(rename(inside, outside), EACCES) || errno == EXDEV);
    TRY(refused(rename(outside, inside), EACCES) || errno == EXDEV);
    return 0;
}

/* What cannot be an ordinary file: a link could point out, a device leads to the kernel. */
static int
make_special_files(void)
{
    char path[FOLDER_PATH_BYTES];

    folder_join(data, "special", path);
    TRY(enter());
    TRY(symlink("/etc", path) < 0);
    TRY(link("/etc/hostname", path) < 0);
    TRY(mknod(path, S_IFIFO | 0600, 0) < 0);
    TRY(mknod(path, S_IFCHR | 0600, 0x105) < 0);
    return 0;
}

static struct sockaddr_un
address_in(const char *where)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int size = snprintf(address.sun_path, sizeof address.sun_path, "%s/s.sock", where);

    assert_true(size > 0 && (size_t)size < sizeof address.sun_path);
    return address;
}

static int
bind_in(const char *where)
{
    struct sockaddr_un address = address_in(where);
    int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (sock < 0) {
        return -1;
    }
    return bind(sock, (const struct sockaddr *)&address, sizeof address) == 0 ? sock : -1;
}

static int
listen_in_the_run_folder_only(void)
{
    char path[FOLDER_PATH_BYTES];
    int sock;

    folder_join(run, "s.sock", path);
    TRY(enter());
    TRY(refused(bind_in(data), EACCES));
    TRY(refused(bind_in(folder), EACCES));
    TRY((sock = bind_in(run)) >= 0);
    TRY(chmod(path, 0666) == 0);
    TRY(chown(path, (uid_t)-1, getegid()) == 0);
    TRY(listen(sock, 16) == 0);
    TRY(unlink(path) == 0);
    return 0;
}

/* Sockets come and go there, and nothing else does: what lies there is not even read. */
static int
keep_to_sockets_in(const char *where)
{
    char path[FOLDER_PATH_BYTES];
    int sock;

    folder_join(where, "s.sock", path);
    TRY((sock = bind_in(where)) >= 0);
    TRY(chmod(path, 0666) == 0 && listen(sock, 16) == 0);
    TRY(unlink(path) == 0);
    TRY(refused(open_below(where, "there", O_RDONLY), EACCES));
    TRY(refused(open_below(where, "there", O_WRONLY), EACCES));
    TRY(refused(open_below(where, "new", O_WRONLY | O_CREAT), EACCES));
    TRY(refused(open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC), EACCES));
    folder_join(where, "sub", path);
    TRY(refused(mkdir(path, 0700), EACCES));
    return 0;
}

static int abi; /* asked before there is a sandbox, which lets nobody ask */

/* As audit_kept.c goes about it: new files and more lines, read again; nothing that was there goes.
 */
static int
only_add_in(const char *where)
{
    char path[FOLDER_PATH_BYTES];
    char to[FOLDER_PATH_BYTES];
    char text[TEXT_BYTES];
    int file, listing;

    folder_join(where, "there", path);
    folder_join(where, "to", to);
    TRY((listing = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0);
    TRY((file = openat(listing, "new", O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640)) >= 0);
    TRY(write(file, "text", TEXT_BYTES) == TEXT_BYTES);
    TRY(fdatasync(file) == 0 && fsync(listing) == 0);
    TRY((file = openat(listing, "there", O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640)) >= 0);
    TRY(write(file, "text", TEXT_BYTES) == TEXT_BYTES);
    TRY(pread(file, text, TEXT_BYTES, 0) == TEXT_BYTES && memcmp(text, "kept", TEXT_BYTES) == 0);
    TRY(refused(unlink(path), EACCES));
    TRY(refused(rename(path, to), EACCES));
    if (abi >= LANDLOCK_TELLS_TRUNCATE) {
        TRY(refused(openat(listing, "there", O_WRONLY | O_TRUNC | O_CLOEXEC), EACCES));
        TRY(refused(ftruncate(file, 0), EACCES));
    }
    TRY(refused(truncate(path, 0), ENOSYS));
    TRY(refused(mkdir(to, 0700), EACCES));
    TRY(refused(bind_in(where), EACCES));
    return 0;
}

/* Folders that only the configuration names. */
static char other_run[FOLDER_PATH_BYTES];
static char kept[FOLDER_PATH_BYTES];

static bool
enter_with_configured_folders(void)
{
    struct sandbox_plan plan = {.data = data, .run = run, .required = true};

    plan.sockets[1] = other_run;
    plan.checkpoints = kept;
    return process_harden() == STATUS_OK && sandbox_enter(&plan) == STATUS_OK;
}

static int
work_in_socket_folders(void)
{
    TRY(enter_with_configured_folders());
    TRY(keep_to_sockets_in(run) == 0);
    TRY(keep_to_sockets_in(other_run) == 0);
    return 0;
}

static int
work_in_the_checkpoint_folder(void)
{
    TRY(enter_with_configured_folders());
    TRY(only_add_in(kept) == 0);
    TRY(refused(open_below(folder, "new", O_WRONLY | O_CREAT), EACCES));
    return 0;
}

static void
configured_folders_are_confined(void **state)
{
    const char *const folders[] = {run, other_run, kept};
    char there[FOLDER_PATH_BYTES];
    uint8_t *text;
    size_t size;

    (void)state;
    folder_join(folder, "other_run", other_run);
    folder_join(folder, "kept", kept);
    assert_int_equal(mkdir(other_run, 0755), 0);
    assert_int_equal(mkdir(kept, 0700), 0);
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        folder_join(folders[i], "there", there);
        folder_write(there, "kept", TEXT_BYTES);
    }
    assert_child_passes(work_in_socket_folders);
    assert_child_passes(work_in_the_checkpoint_folder);
    text = folder_read(there, &size); /* that of the last folder */
    assert_int_equal(size, 2 * TEXT_BYTES);
    assert_memory_equal(text, "kepttext", size);
    free(text);
}

/* The service manager is told from within, wherever its socket is: it was connected before. */
static int
tell_from_within(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    size_t size = strlen(name);
    char told[64] = "";

    memcpy(address.sun_path, name, size);
    address.sun_path[0] = name[0] == '@' ? '\0' : name[0];
    size += offsetof(struct sockaddr_un, sun_path) + (name[0] == '/');
    TRY(bind(manager, (const struct sockaddr *)&address, (socklen_t)size) == 0);
    TRY(setenv("NOTIFY_SOCKET", name, 1) == 0);
    notify_open();
    TRY(enter());
    notify_ready("sealed");
    TRY(recv(manager, told, sizeof told - 1, 0) > 0);
    TRY(strcmp(told, "READY=1\nSTATUS=sealed") == 0);
    return 0;
}

static int
tell_a_path(void)
{
    char path[FOLDER_PATH_BYTES];

    folder_join(folder, "notify", path);
    return tell_from_within(path);
}

static int
tell_an_abstract_one(void)
{
    char name[64];

    (void)snprintf(name, sizeof name, "@cv_test.%u", (unsigned)getpid());
    return tell_from_within(name);
}

static void
the_manager_is_told_from_within(void **state)
{
    (void)state;
    assert_child_passes(tell_a_path);
    assert_child_passes(tell_an_abstract_one);
}

static void
files_are_confined(void **state)
{
    (void)state;
    assert_child_passes(work_in_the_data_folder);
    assert_child_passes(reach_beyond);
    assert_child_passes(make_special_files);
    assert_child_passes(listen_in_the_run_folder_only);
}

/* ---- system calls ---- */

static int
ask_for_what_is_refused(void)
{
    struct rlimit limit;

    TRY(enter());
    TRY(refused(socket(AF_INET, SOCK_STREAM, 0), EAFNOSUPPORT));
    TRY(refused(socket(AF_INET6, SOCK_DGRAM, 0), EAFNOSUPPORT));
    TRY(refused(socket(AF_NETLINK, SOCK_RAW, 0), EAFNOSUPPORT));
    TRY(refused(socketpair(AF_TIPC, SOCK_STREAM, 0, (int[2]){0}), EAFNOSUPPORT));
    TRY(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED &&
        errno == EPERM);
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TRY(page != MAP_FAILED);
    TRY(refused(mprotect(page, 4096, PROT_READ | PROT_EXEC), EPERM));
    TRY(mprotect(page, 4096, PROT_READ) == 0);
    TRY(refused(fork(), ENOSYS));
    TRY(refused(syscall(SYS_clone, SIGCHLD | CLONE_NEWUSER, NULL, NULL, NULL, 0), ENOSYS));
    TRY(refused(syscall(SYS_clone, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_NEWUSER, NULL,
                        NULL, NULL, 0),
                ENOSYS));
    TRY(refused(syscall(SYS_clone3, NULL, 0), ENOSYS));
    TRY(refused(kill(1, 0), ENOSYS));
    TRY(refused(syscall(SYS_tgkill, 1, 1, 0), ENOSYS));
    TRY(refused(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), ENOSYS));
    TRY(refused(prlimit(1, RLIMIT_NOFILE, NULL, &limit), ENOSYS));
    TRY(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    TRY(refused(connect(0, NULL, 0), ENOSYS));
    TRY(refused(chdir("/"), ENOSYS));
    TRY(refused(syscall(SYS_memfd_create, "x", 0), ENOSYS));
    TRY(refused(setuid(0), ENOSYS));
    TRY(refused(syscall(NO_SUCH_CALL), ENOSYS));
    return 0;
}

static long deadly_call;

static int
ask_for_what_is_deadly(void)
{
    if (!enter()) {
        return 1;
    }
    (void)syscall(deadly_call, 0, 0, 0, 0, 0, 0);
    return 0;
}

static void
calls_are_refused_or_deadly(void **state)
{
    static const long deadly[] = {
        SYS_execve,
        SYS_execveat,
        SYS_fork,
        SYS_vfork,
        SYS_ptrace,
        SYS_mount,
        SYS_unshare,
        SYS_setns,
        SYS_kexec_load,
        SYS_init_module,
        SYS_bpf,
        SYS_userfaultfd,
        SYS_io_uring_setup,
        SYS_keyctl,
        SYS_process_vm_readv,
        SYS_perf_event_open,
        SYS_chroot,
        SYS_pidfd_getfd,
        SYS_reboot,
        SYS_open_by_handle_at,
    };

    (void)state;
    assert_child_passes(ask_for_what_is_refused);
    for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++) {
        int status;

        deadly_call = deadly[i];
        status = run_child(ask_for_what_is_deadly);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS) {
            fail_msg("system call %ld did not kill: status %x", deadly_call, (unsigned)status);
        }
    }
}

static int
abort_within(void)
{
    if (!enter()) {
        return 1;
    }
    (void)signal(SIGABRT, SIG_DFL);
    abort();
}

static void
abort_still_ends_it(void **state)
{
    int status = run_child(abort_within);

    (void)state;
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

/* ---- threads ---- */

static void *
try_in_thread(void *result)
{
    *(bool *)result = refused(open("/etc/passwd", O_RDONLY | O_CLOEXEC), EACCES) &&
                      refused(socket(AF_INET, SOCK_STREAM, 0), EAFNOSUPPORT);
    return NULL;
}

static int
start_a_thread(void)
{
    bool confined = false;
    pthread_t thread;

    TRY(enter());
    TRY(pthread_create(&thread, NULL, try_in_thread, &confined) == 0);
    TRY(pthread_join(thread, NULL) == 0);
    TRY(confined);
    return 0;
}

static void *
wait_for_ever(void *unused)
{
    (void)pause();
    return unused;
}

static int
enter_with_two_threads(void)
{
    const struct sandbox_plan plan = {.data = data, .run = run};
    pthread_t thread;

    TRY(pthread_create(&thread, NULL, wait_for_ever, NULL) == 0);
    TRY(process_harden() == STATUS_OK);
    TRY(sandbox_enter(&plan) == STATUS_CONFLICT);
    TRY(open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0); /* nothing is in force */
    return 0;
}

static void
threads_inherit_it(void **state)
{
    (void)state;
    assert_child_passes(start_a_thread);
    assert_child_passes(enter_with_two_threads);
}

/* ---- kernels that lack a part ---- */

/* As on a kernel without it: that system call does not exist. */
static bool
take_away(int call)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    bool taken = filter != NULL && seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), call, 0) == 0 &&
                 seccomp_load(filter) == 0;

    seccomp_release(filter);
    return taken;
}

static int
enter_without_landlock(void)
{
    struct sandbox_plan plan = {.data = data, .run = run, .required = true};

    TRY(process_harden() == STATUS_OK);
    TRY(take_away(SCMP_SYS(landlock_create_ruleset)));
    TRY(sandbox_enter(&plan) == STATUS_UNAVAILABLE);
    return 0;
}

static int
go_on_without_landlock(void)
{
    struct sandbox_plan plan = {.data = data, .run = run};

    TRY(process_harden() == STATUS_OK);
    TRY(take_away(SCMP_SYS(landlock_create_ruleset)));
    TRY(sandbox_enter(&plan) == STATUS_OK);
    TRY(open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0);
    TRY(refused(socket(AF_INET, SOCK_STREAM, 0), EAFNOSUPPORT)); /* the other half is there */
    return 0;
}

static int
go_on_without_seccomp(void)
{
    struct sandbox_plan plan = {.data = data, .run = run};

    TRY(process_harden() == STATUS_OK);
    TRY(take_away(SCMP_SYS(seccomp)));
    TRY(sandbox_enter(&plan) == STATUS_OK);
    TRY(refused(open("/etc/passwd", O_RDONLY | O_CLOEXEC), EACCES));
    return 0;
}

static int
enter_with_a_missing_folder(void)
{
    struct sandbox_plan plan = {.data = "/nonexistent", .run = run};

    TRY(process_harden() == STATUS_OK);
    TRY(sandbox_enter(&plan) == STATUS_INTERNAL);
    return 0;
}

static void
lacking_kernels_are_told_apart(void **state)
{
    (void)state;
    assert_child_passes(enter_without_landlock);
    assert_child_passes(go_on_without_landlock);
    assert_child_passes(go_on_without_seccomp);
    assert_child_passes(enter_with_a_missing_folder);
}

/* ---- the libraries a vaultd stands on ---- */

static int
use_sodium(void)
{
    uint8_t *key;

    TRY(enter());
    TRY(sodium_init() >= 0);
    TRY((key = sodium_malloc(32)) != NULL);
    randombytes_buf(key, 32);
    TRY(sodium_mprotect_readonly(key) == 0);
    sodium_free(key);
    return 0;
}

static int
use_lmdb(void)
{
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi table;
    char text[] = "text";
    MDB_val value = {.mv_size = sizeof text, .mv_data = text};
    MDB_val found;

    TRY(enter());
    TRY(mdb_env_create(&env) == 0);
    TRY(mdb_env_set_mapsize(env, 1UL << 40) == 0);
    TRY(mdb_env_set_maxdbs(env, 4) == 0);
    TRY(mdb_env_open(env, data, MDB_NOTLS, 0600) == 0);
    TRY(mdb_txn_begin(env, NULL, 0, &txn) == 0);
    TRY(mdb_dbi_open(txn, "table", MDB_CREATE, &table) == 0);
    for (uint64_t i = 0; i < 10000; i++) {
        MDB_val key = {.mv_size = sizeof i, .mv_data = &i};

        TRY(mdb_put(txn, table, &key, &value, 0) == 0);
    }
    TRY(mdb_txn_commit(txn) == 0);
    TRY(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0);
    uint64_t wanted = 77;
    MDB_val key = {.mv_size = sizeof wanted, .mv_data = &wanted};
    TRY(mdb_get(txn, table, &key, &found) == 0);
    mdb_txn_abort(txn);
    mdb_env_close(env);
    return 0;
}

/* Sends back what comes on the first connection: one receive, one send. */
static int
echo_with_nng(void)
{
    char url[FOLDER_PATH_BYTES + sizeof "ipc:///s.sock"];
    nng_stream_listener *listener = NULL;
    nng_aio *aio = NULL;
    nng_stream *stream;
    char text[TEXT_BYTES];
    nng_iov part = {.iov_buf = text, .iov_len = sizeof text};

    (void)snprintf(url, sizeof url, "ipc://%s/s.sock", run);
    TRY(signals_block() == STATUS_OK);
    TRY(enter());
    TRY(nng_stream_listener_alloc(&listener, url) == 0);
    TRY(nng_stream_listener_listen(listener) == 0);
    TRY(nng_aio_alloc(&aio, NULL, NULL) == 0);
    nng_stream_listener_accept(listener, aio);
    nng_aio_wait(aio);
    TRY(nng_aio_result(aio) == 0);
    stream = nng_aio_get_output(aio, 0);
    TRY(nng_aio_set_iov(aio, 1, &part) == 0);
    nng_stream_recv(stream, aio);
    nng_aio_wait(aio);
    TRY(nng_aio_result(aio) == 0 && nng_aio_count(aio) == sizeof text);
    nng_stream_send(stream, aio);
    nng_aio_wait(aio);
    TRY(nng_aio_result(aio) == 0);
    TRY(raise(SIGTERM) == 0 && signals_wait(PATIENCE_MS) == SIGNALS_STOP);
    nng_stream_close(stream);
    nng_stream_free(stream);
    nng_aio_free(aio);
    nng_stream_listener_close(listener);
    nng_stream_listener_free(listener);
    nng_fini();
    return 0;
}

static int
connect_patiently(const char *where)
{
    const struct timespec nap = {.tv_nsec = 10000000};
    struct sockaddr_un address = address_in(where);
    int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(sock >= 0);
    for (int tries = 0; tries < PATIENCE_MS / 10; tries++) {
        if (connect(sock, (const struct sockaddr *)&address, sizeof address) == 0) {
            return sock;
        }
        (void)nanosleep(&nap, NULL);
    }
    (void)close(sock);
    return -1;
}

static void
nng_echoes_within(void **state)
{
    const struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    char text[TEXT_BYTES] = {0};
    int status = -1;
    pid_t pid = fork();
    int sock;

    (void)state;
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(echo_with_nng());
    }
    sock = connect_patiently(run);
    if (sock >= 0 && setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
        write(sock, "ping", TEXT_BYTES) == TEXT_BYTES) {
        (void)recv(sock, text, TEXT_BYTES, MSG_WAITALL);
    }
    if (memcmp(text, "ping", TEXT_BYTES) != 0) {
        (void)kill(pid, SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_memory_equal(text, "ping", TEXT_BYTES);
    (void)close(sock);
}

static void
libraries_work_within(void **state)
{
    (void)state;
    assert_child_passes(use_sodium);
    assert_child_passes(use_lmdb);
}

#define FOLDERS_TEST(body) cmocka_unit_test_setup_teardown(body, folders_setup, folders_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDERS_TEST(files_are_confined),
        FOLDERS_TEST(the_manager_is_told_from_within),
        FOLDERS_TEST(calls_are_refused_or_deadly),
        FOLDERS_TEST(abort_still_ends_it),
        FOLDERS_TEST(threads_inherit_it),
        FOLDERS_TEST(lacking_kernels_are_told_apart),
        FOLDERS_TEST(libraries_work_within),
        FOLDERS_TEST(nng_echoes_within),
        FOLDERS_TEST(configured_folders_are_confined),
    };

    abi =
        (int)syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1) {
        (void)fprintf(stderr, "this kernel has no Landlock: nothing is tested here\n");
        return 77; /* ctest: skipped */
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
