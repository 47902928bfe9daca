/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls a running vaultd makes, and what becomes of all others:
 * - allowed: seen with strace in the daemon and its libraries, and their near relatives that a
 *   newer library may prefer (statx for fstat). Some only with certain arguments.
 * - deadly: no library of ours ever asks for these, an intruder does. The process is killed at
 * once.
 * - all others: ENOSYS, so that a library that tries a newer call falls back to the one it knows.
 *   clone3 is among them: its flags lie in memory, where a filter cannot look; glibc then takes
 *   clone, which is allowed for threads only.
 */
#include "sandbox_internal.h"

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/seccomp.h>
#include <seccomp.h>

#define NEW_NAMESPACES                                                                             \
    ((uint64_t)(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |      \
                CLONE_NEWPID | CLONE_NEWNET))
#define OF_A_THREAD ((uint64_t)(CLONE_VM | CLONE_THREAD))

static const int allowed[] = {
    /* files, kept to two folders by Landlock */
    SCMP_SYS(openat), SCMP_SYS(open), SCMP_SYS(close), SCMP_SYS(read), SCMP_SYS(write),
    SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(preadv),
    SCMP_SYS(pwritev), SCMP_SYS(lseek), SCMP_SYS(fsync), SCMP_SYS(fdatasync),
    SCMP_SYS(sync_file_range), SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(fadvise64),
    SCMP_SYS(flock), SCMP_SYS(fcntl), SCMP_SYS(dup), SCMP_SYS(fstat), SCMP_SYS(stat),
    SCMP_SYS(lstat), SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(statfs), SCMP_SYS(fstatfs),
    SCMP_SYS(getdents64), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
    SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(rename), SCMP_SYS(renameat),
    SCMP_SYS(renameat2), SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(mkdir), SCMP_SYS(mkdirat),
    SCMP_SYS(rmdir), SCMP_SYS(chmod), SCMP_SYS(fchmod), SCMP_SYS(fchmodat), SCMP_SYS(chown),
    SCMP_SYS(lchown), SCMP_SYS(fchown), SCMP_SYS(fchownat), SCMP_SYS(umask),
    /* memory */
    SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk), SCMP_SYS(msync),
    SCMP_SYS(mlock), SCMP_SYS(mlock2), SCMP_SYS(munlock),
    /* sockets that are there; which may be made stands below */
    SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(shutdown),
    SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
    SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg),
    /* waiting */
    SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(epoll_create1), SCMP_SYS(epoll_create),
    SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2),
    SCMP_SYS(eventfd2), SCMP_SYS(pipe2), SCMP_SYS(futex), SCMP_SYS(nanosleep),
    SCMP_SYS(clock_nanosleep), SCMP_SYS(restart_syscall), SCMP_SYS(sched_yield),
    /* time, randomness, and what a process may know of itself */
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time),
    SCMP_SYS(getrandom), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid),
    SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getrusage), SCMP_SYS(sysinfo), SCMP_SYS(uname),
    SCMP_SYS(sched_getaffinity),
    /* signals and threads */
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigtimedwait), SCMP_SYS(sigaltstack), SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
    SCMP_SYS(exit), SCMP_SYS(exit_group)};

static const int deadly[] = {
    /* another program, another process's memory */
    SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(pidfd_getfd), SCMP_SYS(kcmp),
    SCMP_SYS(personality),
    /* another view of the machine */
    SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(unshare),
    SCMP_SYS(setns), SCMP_SYS(open_tree), SCMP_SYS(move_mount), SCMP_SYS(fsopen),
    SCMP_SYS(fsconfig), SCMP_SYS(fsmount), SCMP_SYS(fspick), SCMP_SYS(mount_setattr),
    SCMP_SYS(open_by_handle_at),
    /* the kernel itself */
    SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load), SCMP_SYS(init_module), SCMP_SYS(finit_module),
    SCMP_SYS(delete_module), SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
    SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(keyctl), SCMP_SYS(iopl), SCMP_SYS(ioperm),
    SCMP_SYS(modify_ldt),
    /* what only an administrator does */
    SCMP_SYS(reboot), SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(acct), SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime), SCMP_SYS(adjtimex), SCMP_SYS(clock_adjtime), SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname), SCMP_SYS(quotactl)};

/* Conditions on the argument of that number. */
#define EQUAL(number, value)                                                                       \
    {                                                                                              \
        .arg = (number), .op = SCMP_CMP_EQ, .datum_a = (value)                                     \
    }
#define NOT_EQUAL(number, value)                                                                   \
    {                                                                                              \
        .arg = (number), .op = SCMP_CMP_NE, .datum_a = (value)                                     \
    }
#define MASKED(number, mask, value)                                                                \
    {                                                                                              \
        .arg = (number), .op = SCMP_CMP_MASKED_EQ, .datum_a = (mask), .datum_b = (value)           \
    }

/* A call with one condition on one of its arguments. */
struct conditional {
    int call;
    uint32_t action;
    struct scmp_arg_cmp when;
};

static int
add_all(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count)
{
    int failed = 0;

    for (size_t i = 0; i < count && failed == 0; i++) {
        failed = seccomp_rule_add(filter, action, calls[i], 0);
    }
    return failed;
}

static int
add_conditional(scmp_filter_ctx filter)
{
    const uint32_t foreign = SCMP_ACT_ERRNO(EAFNOSUPPORT);
    const uint32_t refuse = SCMP_ACT_ERRNO(EPERM);
    const struct conditional rules[] = {
        {SCMP_SYS(socket), SCMP_ACT_ALLOW, EQUAL(0, AF_UNIX)},
        {SCMP_SYS(socket), foreign, NOT_EQUAL(0, AF_UNIX)},
        {SCMP_SYS(socketpair), SCMP_ACT_ALLOW, EQUAL(0, AF_UNIX)},
        {SCMP_SYS(socketpair), foreign, NOT_EQUAL(0, AF_UNIX)},
        /* No memory becomes code. */
        {SCMP_SYS(mmap), SCMP_ACT_ALLOW, MASKED(2, PROT_EXEC, 0)},
        {SCMP_SYS(mmap), refuse, MASKED(2, PROT_EXEC, PROT_EXEC)},
        {SCMP_SYS(mprotect), SCMP_ACT_ALLOW, MASKED(2, PROT_EXEC, 0)},
        {SCMP_SYS(mprotect), refuse, MASKED(2, PROT_EXEC, PROT_EXEC)},
        /* Threads, not processes. */
        {SCMP_SYS(clone), SCMP_ACT_ALLOW, MASKED(0, OF_A_THREAD | NEW_NAMESPACES, OF_A_THREAD)},
        {SCMP_SYS(prctl), SCMP_ACT_ALLOW, EQUAL(0, PR_SET_NAME)},
        /* Ourselves: limits, and the signal with which abort ends. */
        {SCMP_SYS(prlimit64), SCMP_ACT_ALLOW, EQUAL(0, 0)},
        {SCMP_SYS(tgkill), SCMP_ACT_ALLOW, EQUAL(0, (scmp_datum_t)getpid())},
    };
    int failed = 0;

    for (size_t i = 0; i < sizeof rules / sizeof rules[0] && failed == 0; i++) {
        failed = seccomp_rule_add(filter, rules[i].action, rules[i].call, 1, rules[i].when);
    }
    return failed;
}

static bool
kernel_filters_calls(void)
{
    uint32_t action = SECCOMP_RET_KILL_PROCESS;

    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

int
sandbox_restrict_calls(bool *ret_restricted)
{
    scmp_filter_ctx filter = NULL;
    int failed;

    *ret_restricted = false;
    if (SANDBOX_SANITIZED || !kernel_filters_calls()) {
        return 0;
    }
    filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    if (filter == NULL) {
        return ENOMEM;
    }
    /* A binary search over the calls: every system call passes through here. */
    if ((failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2)) == 0 &&
        (failed = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS)) == 0 &&
        (failed = add_all(filter, SCMP_ACT_ALLOW, allowed, sizeof allowed / sizeof allowed[0])) ==
            0 &&
        (failed = add_all(filter, SCMP_ACT_KILL_PROCESS, deadly,
                          sizeof deadly / sizeof deadly[0])) == 0 &&
        (failed = add_conditional(filter)) == 0) {
        failed = seccomp_load(filter);
    }
    seccomp_release(filter);
    *ret_restricted = failed == 0;
    return -failed;
}
