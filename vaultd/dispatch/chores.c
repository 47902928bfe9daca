/* SPDX-License-Identifier: Apache-2.0 */
/* What the maintenance thread does, a little at each tick: flushes and checkpoints of the log,
 * keys, the clock, months of last use, what is past its retention, and the rotation of keys. */
#include "dispatch_internal.h"

#include "clock.h"
#include "key_work.h"
#include "log.h"
#include "scratch.h"
#include "vault_retention.h"

enum {
    KEY_PAUSE_MS = 60 * 1000,
    CLOCK_JUMP_MS = 5000, /* less is a clock that is being put right */
    NOTE_PAUSE_MS = 5000, /* a commit of the store; under load there are many checkpoints */
    USED_PAUSE_MS = 1000,
    USED_AT_ONCE = 8192,
    SWEEP_PAUSE_MS = 24 * 3600 * 1000,
    SWEEP_ROWS = 2048,
    SWEEP_ERASED = VAULT_ERASED_CERTAINLY, /* one step, and then it is others' turn */
    RETAIN_PAUSE_MS = 3600 * 1000,
    HOLD_MS = 24 * 3600 * 1000,
};
static const uint64_t day_ms = 24 * 3600 * 1000;

/* 0 as the last time means never. */
static bool
is_due(uint64_t last_ms, uint64_t pause_ms)
{
    return last_ms == 0 || clock_monotonic_ms() - last_ms >= pause_ms;
}

/* ---- the log ---- */

/* Refusals are appended without waiting; a tenth of a second later they are on disk too. */
static void
flush_log(struct dispatch *dispatch)
{
    uint64_t last = audit_last(dispatch->parts.audit);

    if (last != dispatch->chores.log_flushed &&
        audit_wait(dispatch->parts.audit, last) == STATUS_OK) {
        dispatch->chores.log_flushed = last;
    }
}

/* How far the wall clock is from vault time, and whether somebody has set it since the last look.
 */
static void
watch_clock(struct dispatch *dispatch)
{
    struct chores *chores = &dispatch->chores;
    int64_t drift_ms = (int64_t)clock_wall_ms() - (int64_t)clock_vault_ms();
    int64_t jump_ms = drift_ms - chores->clock_drift_ms;
    struct audit_entry entry = {.operation =
                                    jump_ms > 0 ? AUDIT_ACT_CLOCK_FORWARD : AUDIT_ACT_CLOCK_BACK,
                                .phase = AUDIT_DONE,
                                .amount = (uint64_t)(jump_ms > 0 ? jump_ms : -jump_ms)};

    if (entry.amount < CLOCK_JUMP_MS) {
        return;
    }
    if (audit_append(dispatch->parts.audit, &entry, 1) == STATUS_OK) {
        chores->clock_drift_ms = drift_ms;
        LOG(LOG_LEVEL_WARNING, EVENT_CLOCK_JUMPED, F("forward", jump_ms > 0),
            F("ms", entry.amount));
    }
}

static void
keep_log(struct dispatch *dispatch)
{
    struct chores *chores = &dispatch->chores;

    flush_log(dispatch);
    if (!dispatch->sealed) {
        watch_clock(dispatch);
    }
    if (audit_tick(dispatch->parts.audit, &chores->news, chores->news_digest)) {
        chores->has_news = true;
    }
    if (chores->has_news && !dispatch->sealed && is_due(chores->log_noted_ms, NOTE_PAUSE_MS)) {
        dispatch_note_log(dispatch, chores->news, chores->news_digest);
        chores->log_noted_ms = clock_monotonic_ms();
        chores->has_news = false;
    }
}

/* ---- keys ---- */

static void
create_reason_keys(struct dispatch *dispatch)
{
    enum status status = dispatch_create_reason_keys(dispatch);

    /* The coming year's may be missing still, although this year's is there. */
    dispatch->chores.key_tried_ms = dispatch_lacks_reason_key(dispatch) ? clock_monotonic_ms() : 0;
    if (status != STATUS_OK) {
        LOG(LOG_LEVEL_ERROR, EVENT_KEYRING_REFUSED, F_STATUS("status", status));
    }
}

static bool
lacks_reason_key(struct dispatch *dispatch)
{
    return !dispatch->sealed && is_due(dispatch->chores.key_tried_ms, KEY_PAUSE_MS) &&
           dispatch_lacks_reason_key(dispatch);
}

/* ---- what is destroyed by its age ---- */

uint64_t
dispatch_age_time_ms(void)
{
    uint64_t wall_ms = clock_wall_ms();
    uint64_t vault_ms = clock_vault_ms();

    return wall_ms < vault_ms ? wall_ms : vault_ms;
}

/*
 * When more than two days lie between two entries of the log, or between the last one and this
 * start, nothing is destroyed within a day of that leap: a machine that came up with a wrong clock
 * has that long to be put right, however often it is started meanwhile.
 */
static void
hold_after_leap(struct dispatch *dispatch)
{
    struct chores *chores = &dispatch->chores;
    const struct audit_summary *found = &dispatch->found;
    uint64_t now_ms = clock_vault_ms();
    uint64_t since_ms = now_ms - found->leapt_ms; /* of a leap that the log shows */

    if (chores->leap_judged) {
        return;
    }
    chores->leap_judged = true;
    if (found->time_ms != 0 && now_ms > found->time_ms + AUDIT_LEAP_MS) {
        since_ms = 0;
    }
    if (since_ms < HOLD_MS) {
        chores->hold_until_ms = clock_monotonic_ms() + HOLD_MS - since_ms;
        LOG(LOG_LEVEL_WARNING, EVENT_CLOCK_JUMPED, F("held_ms", HOLD_MS - since_ms));
    }
}

static bool
is_on_hold(const struct dispatch *dispatch)
{
    return clock_monotonic_ms() < dispatch->chores.hold_until_ms;
}

/* ---- contacts that nobody uses ---- */

static void
write_used(struct dispatch *dispatch)
{
    struct chores *chores = &dispatch->chores;
    size_t written = 0;
    enum status status;

    if (!is_due(chores->used_written_ms, USED_PAUSE_MS)) {
        return;
    }
    status = vault_note_used(dispatch->parts.vault, USED_AT_ONCE, &written);
    /* As long as there is more, the next tick goes on. */
    chores->used_written_ms =
        status == STATUS_OK && written == USED_AT_ONCE ? 0 : clock_monotonic_ms();
}

/* Rules of the namespaces that have one, in scratch. */
static struct vault_retention *
retention_rules(struct dispatch *dispatch, size_t *ret_count)
{
    const struct access *access = dispatch->parts.access;
    size_t count = access_namespace_count(access);
    uint16_t month = vault_month(dispatch_age_time_ms());
    struct vault_retention *rules =
        scratch_alloc(dispatch->chores.scratch, (count + 1) * sizeof *rules);

    *ret_count = 0;
    for (size_t i = 0; rules != NULL && i < count; i++) {
        const struct namespace_row *row = access_namespace_at(access, i);

        if (!row->shredded && row->retain_months > 0 && row->retain_months <= month) {
            rules[(*ret_count)++] = (struct vault_retention){
                .namespace_id = row->id,
                .before_month = (uint16_t)(month - row->retain_months),
            };
        }
    }
    return rules;
}

/* As the vault's own act. BUSY: somebody else is erasing. */
static enum status
erase_unused(struct dispatch *dispatch, struct vault_place *places, size_t count)
{
    struct audit_entry as = {.operation = OP_ERASE, .uid = dispatch->parts.daemon_uid};
    const char *fault = NULL;
    enum status status;

    if (!dispatch_erase_begin(dispatch)) {
        return STATUS_BUSY;
    }
    status = dispatch_erase(dispatch, dispatch->chores.scratch, &as, places, count, &fault);
    dispatch_erase_end(dispatch);
    LOG(LOG_LEVEL_NOTICE, EVENT_RETENTION, F("contacts", count), F_STATUS("status", status));
    return status;
}

/* One bounded look, and what it found erased. */
static void
sweep_step(struct dispatch *dispatch)
{
    struct chores *chores = &dispatch->chores;
    struct vault_sweep sweep = {.cursor = chores->sweep_cursor, .rows_max = SWEEP_ROWS};
    struct vault_place *places = scratch_alloc(chores->scratch, SWEEP_ERASED * sizeof *places);
    size_t count = 0;
    bool done = false;
    enum status status;

    sweep.rules = retention_rules(dispatch, &sweep.rule_count);
    if (sweep.rule_count == 0 || places == NULL) {
        chores->sweeping = false;
        return;
    }
    status = vault_find_unused(dispatch->parts.vault, &sweep, places, SWEEP_ERASED, &count, &done);
    if (status == STATUS_OK && count > 0) {
        status = erase_unused(dispatch, places, count);
    }
    if (status == STATUS_BUSY) {
        return; /* from the same place, at the next tick */
    }
    /* What failed is found again by the next day's sweep. */
    chores->sweep_cursor = sweep.cursor;
    chores->sweeping = status == STATUS_OK && !done;
}

static void
sweep(struct dispatch *dispatch)
{
    struct chores *chores = &dispatch->chores;

    if (vault_lost_uses(dispatch->parts.vault)) {
        /* Nobody knows which contacts they were: a day for them to be used again. */
        chores->sweep_began_ms = clock_monotonic_ms();
        chores->sweeping = false;
        return;
    }
    if (is_on_hold(dispatch)) {
        return;
    }
    if (!chores->sweeping && is_due(chores->sweep_began_ms, SWEEP_PAUSE_MS)) {
        chores->sweep_began_ms = clock_monotonic_ms();
        chores->sweep_cursor = 0;
        chores->sweeping = true;
    }
    if (chores->sweeping) {
        sweep_step(dispatch);
        scratch_wipe(chores->scratch);
    }
}

/* ---- entries of the log that are too old ---- */

/* The last year of which every entry is older than that. */
static uint32_t
last_whole_year(uint64_t before_ms)
{
    return clock_year(before_ms) - 1;
}

/* The gate is held exclusively: the entry vouches for the access state once more, because the one
 * that did so last may be among those that go. */
static void
retain(struct dispatch *dispatch, uint64_t before_ms)
{
    struct audit *audit = dispatch->parts.audit;
    struct audit_entry entry = {.operation = AUDIT_ACT_RETAINED,
                                .phase = AUDIT_DONE,
                                .uid = dispatch->parts.daemon_uid,
                                .has_access_tag = true};
    uint64_t removed = 0;
    enum status status = access_tag(dispatch->parts.access, audit_last(audit) + 1,
                                    dispatch->access_digest, entry.access_tag);

    if (status == STATUS_OK) {
        status = audit_retain(audit, before_ms, &entry, &removed);
    }
    if (status == STATUS_OK) {
        status = vault_reason_keys_destroy(dispatch->parts.vault, last_whole_year(before_ms));
    }
    LOG(LOG_LEVEL_NOTICE, EVENT_RETENTION, F("entries", removed), F_STATUS("status", status));
}

/* Months are taken as 31 days here: kept rather too long than too short. */
static uint64_t
retain_before_ms(const struct dispatch *dispatch)
{
    enum { DAYS_OF_MONTH = 31 };
    uint64_t kept_ms = dispatch->parts.audit_retain_months * DAYS_OF_MONTH * day_ms;
    uint64_t now_ms = dispatch_age_time_ms();

    return now_ms > kept_ms ? now_ms - kept_ms : 0;
}

static bool
wants_retain(struct dispatch *dispatch)
{
    struct chores *chores = &dispatch->chores;

    if (dispatch->sealed || is_on_hold(dispatch) || dispatch_has_backup(dispatch) ||
        dispatch->parts.audit_retain_months == 0 ||
        !is_due(chores->retain_looked_ms, RETAIN_PAUSE_MS)) {
        return false;
    }
    chores->retain_looked_ms = clock_monotonic_ms();
    return audit_retain_due(dispatch->parts.audit, retain_before_ms(dispatch));
}

/* ---- a tick ---- */

/* One chore at a time, so that who wants to be alone waits for one only. */
static void
do_shared(struct dispatch *dispatch, void (*chore)(struct dispatch *dispatch), bool while_sealed)
{
    gate_enter(&dispatch->gate);
    if (while_sealed || !dispatch->sealed) {
        chore(dispatch);
    }
    gate_leave(&dispatch->gate);
}

static void
keep_reserve(struct dispatch *dispatch)
{
    (void)vault_keep_reserve(dispatch->parts.vault);
}

static void
look_for_old_keys(struct dispatch *dispatch)
{
    if (!is_on_hold(dispatch)) {
        dispatch_look_for_old_keys(dispatch);
    }
}

static void
look_for_exclusive_work(struct dispatch *dispatch)
{
    dispatch->chores.key_missing = lacks_reason_key(dispatch);
    dispatch->chores.entries_too_old = wants_retain(dispatch);
    dispatch->chores.keys_wait =
        dispatch_has_key_work(dispatch) || dispatch_has_shred_work(dispatch);
    dispatch->chores.rules_wait =
        !dispatch->sealed && (dispatch->follow_owed || approvals_have_expired(dispatch));
}

static void
do_exclusive_work(struct dispatch *dispatch)
{
    struct chores *chores = &dispatch->chores;

    if (!chores->key_missing && !chores->entries_too_old && !chores->keys_wait &&
        !chores->rules_wait) {
        return;
    }
    gate_enter_alone(&dispatch->gate);
    if (lacks_reason_key(dispatch)) {
        create_reason_keys(dispatch);
    }
    if (chores->entries_too_old && !dispatch->sealed && !dispatch_has_backup(dispatch)) {
        retain(dispatch, retain_before_ms(dispatch));
    }
    if (!dispatch->sealed) {
        dispatch_do_shred_work(dispatch);
        dispatch_do_key_work(dispatch);
    }
    if (chores->rules_wait && !dispatch->sealed) {
        approvals_expire(dispatch);
        dispatch_follow(dispatch);
    }
    gate_leave(&dispatch->gate);
    chores->key_missing = chores->entries_too_old = chores->keys_wait = chores->rules_wait = false;
}

void
dispatch_tick(struct dispatch *dispatch)
{
    do_shared(dispatch, keep_log, true);
    do_shared(dispatch, dispatch_pay_erasures, true);
    do_shared(dispatch, keep_reserve, true);
    do_shared(dispatch, hold_after_leap, false);
    do_shared(dispatch, write_used, false);
    do_shared(dispatch, sweep, false);
    do_shared(dispatch, dispatch_rekey, false);
    do_shared(dispatch, dispatch_sweep_shredded, false);
    do_shared(dispatch, look_for_old_keys, false);
    do_shared(dispatch, dispatch_forget_backup, false);
    do_shared(dispatch, look_for_exclusive_work, false);
    do_exclusive_work(dispatch);
    dispatch_compact_step(dispatch);
    dispatch_forget_old_shares(dispatch);
}

/* What closed the log is written at once, since the process may be about to end. */
void
dispatch_keep_elsewhere(struct dispatch *dispatch)
{
    bool sealed = dispatch_is_sealed(dispatch);

    audit_keep_checkpoint(dispatch->parts.audit, sealed && !dispatch->was_sealed);
    dispatch->was_sealed = sealed;
}
