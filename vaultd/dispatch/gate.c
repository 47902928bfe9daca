/* SPDX-License-Identifier: Apache-2.0 */
/* The gate: who goes through it together, and who alone. */
#include "dispatch_internal.h"

#include <assert.h>

void
gate_init(struct gate *gate)
{
    pthread_rwlockattr_t attributes;
    int failed = pthread_rwlockattr_init(&attributes);

    assert(failed == 0);
    failed =
        pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    assert(failed == 0);
    failed = pthread_rwlock_init(&gate->lock, &attributes);
    assert(failed == 0);
    (void)pthread_rwlockattr_destroy(&attributes);
}

void
gate_fini(struct gate *gate)
{
    (void)pthread_rwlock_destroy(&gate->lock);
}

void
gate_enter(struct gate *gate)
{
    int failed = pthread_rwlock_rdlock(&gate->lock);

    assert(failed == 0);
}

bool
gate_try_enter(struct gate *gate)
{
    return pthread_rwlock_tryrdlock(&gate->lock) == 0;
}

void
gate_enter_alone(struct gate *gate)
{
    int failed;

    (void)atomic_fetch_add(&gate->wanted, 1);
    failed = pthread_rwlock_wrlock(&gate->lock);
    assert(failed == 0);
    (void)atomic_fetch_sub(&gate->wanted, 1);
}

bool
gate_is_wanted(const struct gate *gate)
{
    return atomic_load(&gate->wanted) > 0;
}

void
gate_leave(struct gate *gate)
{
    (void)pthread_rwlock_unlock(&gate->lock);
}
