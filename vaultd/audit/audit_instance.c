/* SPDX-License-Identifier: Apache-2.0 */
#include "audit_instance.h"

#include <assert.h>
#include <string.h>

static bool
is_last(const struct audit_instances *instances, const uint8_t *instance_id)
{
    return instances->count > 0 && memcmp(instances->list[instances->count - 1].instance_id,
                                          instance_id, INSTANCE_ID_BYTES) == 0;
}

static void
add(struct audit_instances *instances, const uint8_t *instance_id, uint64_t first)
{
    if (instances->count > 0) {
        instances->list[instances->count - 1].below = first;
    }
    if (instances->count == AUDIT_INSTANCES_MAX) {
        instances->count--;
        memmove(&instances->list[0], &instances->list[1],
                instances->count * sizeof instances->list[0]);
    }
    instances->list[instances->count] = (struct audit_instance){.below = UINT64_MAX};
    memcpy(instances->list[instances->count].instance_id, instance_id, INSTANCE_ID_BYTES);
    instances->count++;
}

void
audit_instances_pass(struct audit_instances *instances, const struct audit_entry *entry)
{
    /* Older entries were removed, and with them, perhaps, a RESTORED. */
    if (!instances->begun && entry->sequence > 1) {
        instances->lost_until_ms = entry->time_ms;
    }
    instances->begun = true;
    if (entry->has_checkpoint && !is_last(instances, entry->instance_id)) {
        add(instances, entry->instance_id, entry->sequence);
    }
    if (entry->operation == AUDIT_ACT_RESTORED) {
        instances->restored = entry->sequence;
        instances->lost_until_ms = entry->time_ms;
    }
}

void
audit_instances_begin(struct audit_instances *instances,
                      const uint8_t instance_id[static INSTANCE_ID_BYTES])
{
    if (instances->count == 0) {
        add(instances, instance_id, 1);
    }
}

const struct audit_instance *
audit_instances_find(const struct audit_instances *instances, const uint8_t *id, size_t size)
{
    assert(size >= 8 && size <= INSTANCE_ID_BYTES);
    for (size_t i = instances->count; i-- > 0;) {
        if (memcmp(instances->list[i].instance_id, id, size) == 0) {
            return &instances->list[i];
        }
    }
    return NULL;
}

bool
audit_instances_lost(const struct audit_instances *instances, uint64_t time_ms)
{
    return instances->lost_until_ms != 0 &&
           time_ms <= instances->lost_until_ms + AUDIT_CLOCKS_APART_MS;
}
