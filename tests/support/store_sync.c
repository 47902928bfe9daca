/* SPDX-License-Identifier: Apache-2.0 */
#include "store_sync.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic uint64_t calls;
static _Atomic uint64_t fails_at;
static _Atomic int fails_with = EIO;
static _Atomic uint64_t asked;
static _Atomic bool is_full;
static _Atomic bool pauses;
static sem_t called;
static sem_t goes_on;

uint64_t
sync_count(void)
{
    return atomic_load(&calls);
}

void
sync_fail_in(uint64_t in)
{
    atomic_store(&fails_at, in == 0 ? 0 : atomic_load(&calls) + in);
}

void
sync_fail_with(int error)
{
    atomic_store(&fails_with, error);
}

static bool
fails(void)
{
    return atomic_fetch_add(&calls, 1) + 1 == atomic_load(&fails_at);
}

/* The linker binds the libraries' calls to this one too. */
__attribute__((visibility("default"))) int
fdatasync(int fd)
{
    if (fails()) {
        errno = atomic_load(&fails_with);
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

void
space_full(bool full)
{
    atomic_store(&is_full, full);
}

uint64_t
space_asked(void)
{
    return atomic_load(&asked);
}

void
space_pause_next(void)
{
    (void)sem_init(&called, 0, 0);
    (void)sem_init(&goes_on, 0, 0);
    atomic_store(&pauses, true);
}

void
space_await_call(void)
{
    (void)sem_wait(&called);
}

void
space_go_on(void)
{
    (void)sem_post(&goes_on);
}

__attribute__((visibility("default"))) int
fallocate(int fd, int mode, off_t offset, off_t size)
{
    atomic_fetch_add(&asked, 1);
    if (atomic_exchange(&pauses, false)) {
        (void)sem_post(&called);
        (void)sem_wait(&goes_on);
    }
    if (atomic_load(&is_full)) {
        errno = ENOSPC;
        return -1;
    }
    return (int)syscall(SYS_fallocate, fd, mode, offset, size);
}
