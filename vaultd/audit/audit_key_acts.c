/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that were about to be made or destroyed, and a compaction that was under way, when the log
 * ended, as opening finds them. */
#include "audit_internal.h"

#include <stdlib.h>
#include <string.h>

#include "message.h"

enum { KEY_ACTS_FIRST = 16 };

static bool
is_about_keys(const struct audit_entry *entry)
{
    return entry->operation == OP_KEY_ROTATE || entry->operation == OP_ROOT_ROTATE ||
           entry->operation == AUDIT_ACT_KEY_DESTROYED || entry->operation == OP_COMPACT;
}

/* Few are open at a time, and an outcome follows its intents closely: looked for from the end. */
static void
settle(struct audit *audit, uint64_t intent)
{
    for (size_t i = audit->key_act_count; i-- > 0;) {
        if (audit->key_acts[i].sequence == intent) {
            memmove(&audit->key_acts[i], &audit->key_acts[i + 1],
                    (audit->key_act_count - i - 1) * sizeof audit->key_acts[0]);
            audit->key_act_count--;
            return;
        }
    }
}

/* Room doubles when the count is a power of two. */
static enum status
make_room(struct audit *audit)
{
    size_t count = audit->key_act_count;
    struct audit_key_act *acts;

    if (count >= AUDIT_OPEN_KEY_ACTS_MAX) {
        return STATUS_TOO_LARGE;
    }
    if (count != 0 && (count < KEY_ACTS_FIRST || (count & (count - 1)) != 0)) {
        return STATUS_OK;
    }
    acts = realloc(audit->key_acts,
                   (count < KEY_ACTS_FIRST ? KEY_ACTS_FIRST : 2 * count) * sizeof *acts);
    if (acts == NULL) {
        return STATUS_INTERNAL;
    }
    audit->key_acts = acts;
    return STATUS_OK;
}

static void
copy_name(struct bytes name, char to[static NAME_BYTES_MAX + 1])
{
    size_t size = name.size < NAME_BYTES_MAX ? name.size : NAME_BYTES_MAX;

    if (size > 0) {
        memcpy(to, name.data, size);
    }
    to[size] = '\0';
}

enum status
audit_note_key_act(struct audit *audit, const struct audit_entry *entry)
{
    struct audit_key_act *act;
    enum status status;

    if (!is_about_keys(entry) || entry->phase == AUDIT_DONE) {
        return STATUS_OK;
    }
    if (entry->phase == AUDIT_OUTCOME) {
        settle(audit, entry->refers);
        return STATUS_OK;
    }
    status = make_room(audit);
    if (status == STATUS_OK) {
        act = &audit->key_acts[audit->key_act_count++];
        *act = (struct audit_key_act){
            .sequence = entry->sequence, .operation = entry->operation, .number = entry->amount};
        copy_name(entry->namespace_name, act->namespace_name);
        copy_name(entry->subject, act->subject);
    }
    return status;
}

const struct audit_key_act *
audit_open_key_acts(const struct audit *audit, size_t *ret_count)
{
    *ret_count = audit->key_act_count;
    return audit->key_acts;
}
