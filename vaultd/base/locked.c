/* SPDX-License-Identifier: Apache-2.0 */
#include "locked.h"

#include <sodium.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static size_t
round_to_pages(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return (size + page - 1) / page * page;
}

void *
locked_new(size_t size)
{
    size_t whole = round_to_pages(size);
    void *data = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (data == MAP_FAILED) {
        return NULL;
    }
    if (mlock(data, whole) != 0) {
        (void)munmap(data, whole);
        return NULL;
    }
    (void)madvise(data, whole, MADV_DONTDUMP);
    (void)madvise(data, whole, MADV_DONTFORK);
    return data;
}

void
locked_free(void *data, size_t size)
{
    if (data != NULL) {
        sodium_memzero(data, size);
        (void)munmap(data, round_to_pages(size));
    }
}

enum status
locked_probe(size_t size)
{
    struct rlimit limit;
    void *data;

    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_MEMLOCK, &limit);
    }
    data = locked_new(size);
    if (data == NULL) {
        return STATUS_UNAVAILABLE;
    }
    locked_free(data, size);
    return STATUS_OK;
}
