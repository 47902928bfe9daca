/* SPDX-License-Identifier: Apache-2.0 */
#include "store_space.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    AHEAD_BYTES = 4 * 1024 * 1024,   /* asked for at once, when there is that much */
    RESERVE_BYTES = 8 * 1024 * 1024, /* carries STORE_RESERVED_ROWS; store_lmdb_room.c */
    SMALL_BYTES = 1024 * 1024,       /* for what is no contact and not reserved */
    SHARE = 8,                       /* of a small map: each not more than an eighth */
    STAT_BLOCK_BYTES = 512,
};

/* A file may have holes (LMDB skips pages, a copy drops zeros): then none of its blocks are
 * believed, and the first to ask fills them. */
void
store_space_init(struct store_space *space, int fd, uint64_t limit)
{
    struct stat about;

    *space = (struct store_space){.fd = fd, .limit = limit};
    if (fstat(fd, &about) == 0 && about.st_blocks >= about.st_size / STAT_BLOCK_BYTES) {
        space->have = (uint64_t)about.st_size;
    }
}

static bool
extend(struct store_space *space, uint64_t to)
{
    int result;

    if (to > space->limit) {
        return false;
    }
    if (to <= space->have) {
        return true;
    }
    do {
        result = fallocate(space->fd, 0, (off_t)space->have, (off_t)(to - space->have));
    } while (result != 0 && errno == EINTR);
    if (result != 0) {
        space->is_blind = errno == EOPNOTSUPP || errno == ENOSYS;
        return space->is_blind;
    }
    space->have = to;
    return true;
}

static uint64_t
at_most_a_share(const struct store_space *space, uint64_t bytes)
{
    uint64_t share = space->limit / SHARE;

    return share < bytes ? share : bytes;
}

static uint64_t
left_by(const struct store_space *space, enum store_writer writer)
{
    uint64_t left = 0;

    if (writer != STORE_WRITES_RESERVED) {
        left = at_most_a_share(space, RESERVE_BYTES);
    }
    if (writer == STORE_WRITES_CONTACTS) {
        left += at_most_a_share(space, SMALL_BYTES);
    }
    return left;
}

bool
store_space_ensure(struct store_space *space, uint64_t used, uint64_t need,
                   enum store_writer writer)
{
    uint64_t wanted = used + need + left_by(space, writer);

    if (space->is_blind) {
        return wanted <= space->limit;
    }
    return wanted <= space->have || extend(space, wanted + AHEAD_BYTES) || extend(space, wanted);
}

bool
store_space_keep(struct store_space *space, uint64_t used)
{
    uint64_t wanted = used + left_by(space, STORE_WRITES_CONTACTS);

    return !space->is_blind && (wanted <= space->have || extend(space, wanted)) && !space->is_blind;
}

uint64_t
store_space_left(const struct store_space *space)
{
    return left_by(space, STORE_WRITES_CONTACTS);
}

void
store_space_trim(struct store_space *space, uint64_t used)
{
    uint64_t end = used + left_by(space, STORE_WRITES_CONTACTS);

    if (!space->is_blind && space->have > end && ftruncate(space->fd, (off_t)end) == 0) {
        space->have = end;
    }
}

uint64_t
store_space_size(const struct store_space *space)
{
    struct stat about;

    return fstat(space->fd, &about) == 0 ? (uint64_t)about.st_size : 0;
}
