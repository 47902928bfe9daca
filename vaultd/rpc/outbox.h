/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outbox.h: replies on their way out of one connection. They are collected in one buffer while the
 * other is being written, so that many replies leave in one write. Wiped as they leave.
 */
#ifndef CONTACT_VAULT_OUTBOX_H
#define CONTACT_VAULT_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "status.h"

struct rpc_memory;

enum { OUTBOX_BYTES_MAX = 16 * 1024 * 1024 }; /* replies waiting while a write is under way */

struct outbox_buffer {
    uint8_t *data;
    size_t size, capacity;
};

/*
 * Invariants (the owner's lock guards all but the bytes of `writing`, which are the writer's):
 * 1. `filling` holds whole frames only, in the order in which they were added.
 * 2. `written` bytes of `writing` have left and are zero; the rest is what the writer has to write.
 * 3. The bytes past `size` in either buffer are zero.
 * 4. Replies that leave one by one share one buffer; there are two only once a reply was added
 *    while another was being written.
 */
struct outbox {
    struct rpc_memory *memory;
    struct outbox_buffer filling, writing;
    size_t written;
};

void outbox_init(struct outbox *outbox, struct rpc_memory *memory);
void outbox_fini(struct outbox *outbox);
/* What it holds, and will hold, counts in the memory around its own alone. */
void outbox_move_up(struct outbox *outbox);

/* Adds a whole frame. TOO_LARGE: over OUTBOX_BYTES_MAX; UNAVAILABLE: no locked memory. */
MUST_USE enum status outbox_add(struct outbox *outbox, uint32_t request_id, struct bytes payload);

/* What is to be written next, empty when all has left; valid until outbox_wrote. */
struct bytes outbox_next(struct outbox *outbox);
/* Has the write that outbox_next began not left whole yet? */
bool outbox_midway(const struct outbox *outbox);
/* The first `size` bytes of what outbox_next gave have left. */
void outbox_wrote(struct outbox *outbox, size_t size);

bool outbox_is_empty(const struct outbox *outbox);
/* Gives back the memory of an empty outbox. */
void outbox_trim(struct outbox *outbox);

#endif
