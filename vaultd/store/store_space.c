/* SPDX-License-Identifier: Apache-2.0 */
#include "store_space.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

enum {
    AHEAD_BYTES = 4 * 1024 * 1024, /* asked for at once, when there is that much */
    RESERVE_BYTES = 1024 * 1024,
    RESERVE_SHARE = 8, /* of a small map: not more than an eighth */
};

void
store_space_init(struct store_space *space, int fd, uint64_t limit)
{
    struct stat about;

    *space = (struct store_space){.fd = fd, .limit = limit};
    if (fstat(fd, &about) == 0) {
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

bool
store_space_ensure(struct store_space *space, uint64_t used, uint64_t need, bool grows)
{
    uint64_t share = space->limit / RESERVE_SHARE;
    uint64_t reserve = share < RESERVE_BYTES ? share : RESERVE_BYTES;
    uint64_t wanted = used + need + (grows ? reserve : 0);

    if (space->is_blind) {
        return used + need <= space->limit;
    }
    return wanted <= space->have || extend(space, wanted + AHEAD_BYTES) || extend(space, wanted);
}
