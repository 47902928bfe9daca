/* SPDX-License-Identifier: Apache-2.0 */
/* Compaction from outside: who may, what is answered, what stands in the log, a disk without room,
 * and what a crash left open. Owns, with contract/test_store_compact.c: SECURITY.md S36. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"
#include "key_work.h"
#include "log_reader.h"

enum {
    AUDITOR_UID = 2001,
    SERVICE_UID,
    PRIVACY_UID,
    ENTRIES = 16,
    TICKS_MAX = 50,
    MIB_LACKING = 25,
};

static struct fixture fixture;
static struct caller admin, service, privacy;
static struct log_reader log_reader;
static struct log_entry entries[ENTRIES];

/* ---- an engine that lacks room, or is still read ---- */

static struct store_backend backend;
static uint64_t lacking;
static atomic_bool views_stay;

static enum status
copy_begin(struct store_engine *engine, struct store_copy **ret_copy, uint64_t *ret_lacks)
{
    *ret_lacks = lacking;
    return lacking > 0 ? STATUS_UNAVAILABLE
                       : store_lmdb_backend.copy_begin(engine, ret_copy, ret_lacks);
}

static bool
copy_settle(struct store_copy *copy)
{
    return !views_stay && store_lmdb_backend.copy_settle(copy);
}

/* ---- the cast ---- */

static void
connect_all(void)
{
    caller_make(&admin, &fixture, PEER_ADMIN, FIXTURE_ADMIN_UID);
    assert_int_equal(caller_hello(&admin), STATUS_OK);
}

static void
connect_others(void)
{
    caller_make(&service, &fixture, PEER_DATA, SERVICE_UID);
    assert_int_equal(caller_hello(&service), STATUS_OK);
    caller_make(&privacy, &fixture, PEER_DATA, PRIVACY_UID);
    assert_int_equal(caller_hello(&privacy), STATUS_OK);
    log_reader_make(&log_reader, &fixture, AUDITOR_UID);
    log_reader_skip(&log_reader);
}

static void
disconnect_all(void)
{
    log_reader_remove(&log_reader);
    caller_remove(&privacy);
    caller_remove(&service);
    caller_remove(&admin);
}

/* As a crash, and a start after it; the log is read on from where it was. */
static void
restart(void)
{
    uint64_t next = log_reader.next;

    disconnect_all();
    fixture_close(&fixture);
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    connect_all();
    connect_others();
    log_reader.next = next;
}

static void
add(const char *name, enum principal_kind kind, uint32_t uid, enum role role, const char *where)
{
    assert_int_equal(caller_principal_add(&admin, name, kind, uid), STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, name, role, where), STATUS_OK);
}

static int
set_up(void **state)
{
    const char *values[] = {"a@example.com", "b@example.com"};

    (void)state;
    lacking = 0;
    views_stay = false;
    backend = store_lmdb_backend;
    backend.copy_begin = copy_begin;
    backend.copy_settle = copy_settle;
    fixture_make_over(&fixture, &backend);
    connect_all();
    assert_int_equal(caller_namespace_create(&admin, "brand"), STATUS_OK);
    add("service", PRINCIPAL_SERVICE, SERVICE_UID, ROLE_SERVICE, "brand");
    add("privacy", PRINCIPAL_PERSON, PRIVACY_UID, ROLE_PRIVACY, "brand");
    add("auditor", PRINCIPAL_PERSON, AUDITOR_UID, ROLE_AUDIT, NULL);
    connect_others();
    assert_int_equal(caller_values(&service, OP_TOKENIZE, values, 2, NULL, NULL), STATUS_OK);
    log_reader_skip(&log_reader);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    disconnect_all();
    fixture_remove(&fixture);
    return 0;
}

/* 0: a look. */
static enum status
compact(struct caller *caller, uint64_t number)
{
    caller_begin(caller, OP_COMPACT, number > 0);
    if (number > 0) {
        message_put_uint(&caller->request, FIELD_NUMBER, number);
    }
    return caller_send(caller);
}

static uint64_t
number_in(const struct caller *caller, enum field field)
{
    uint64_t number = 0;

    (void)!message_uint(caller->reply, field, &number);
    return number;
}

static void
expect_state(struct caller *caller, const char *expected, uint64_t made)
{
    struct bytes state = {0};

    assert_int_equal(compact(caller, 0), STATUS_OK);
    assert_true(message_bytes(caller->reply, FIELD_STATE, &state));
    assert_true(bytes_equal(state, bytes_of_text(expected)));
    assert_int_equal(number_in(caller, FIELD_NUMBER), made);
    assert_true(number_in(caller, FIELD_BYTES) > 0);
}

static void
tick(int count)
{
    while (count-- > 0) {
        dispatch_tick(fixture.dispatch);
    }
}

static void
expect_entry(const struct log_entry *entry, enum audit_phase phase, enum status result,
             const char *principal, uint64_t number)
{
    assert_int_equal(entry->act, OP_COMPACT);
    assert_int_equal(entry->phase, phase);
    assert_int_equal(entry->result, result);
    assert_string_equal(entry->principal, principal);
    assert_int_equal(entry->amount, number);
}

/* ---- tests ---- */

static void
test_begun_followed_and_on_record(void **state)
{
    (void)state;
    expect_state(&admin, "idle", 0);
    assert_int_equal(compact(&admin, 2), STATUS_CONFLICT);
    assert_int_equal(compact(&admin, 1), STATUS_OK);
    expect_state(&privacy, "running", 0);
    assert_true(number_in(&privacy, FIELD_TOTAL) > 0);
    /* Asked for again it is the same one. */
    assert_int_equal(compact(&privacy, 1), STATUS_OK);
    tick(TICKS_MAX);
    expect_state(&admin, "idle", 1);
    assert_int_equal(compact(&admin, 1), STATUS_OK);
    expect_state(&admin, "idle", 1);
    assert_int_equal(log_reader_since(&log_reader, entries, ENTRIES), 2);
    expect_entry(&entries[0], AUDIT_INTENT, STATUS_OK, "admin", 1);
    expect_entry(&entries[1], AUDIT_OUTCOME, STATUS_OK, "", 1);
    restart();
    expect_state(&admin, "idle", 1);
    assert_int_equal(compact(&privacy, 2), STATUS_OK);
    tick(TICKS_MAX);
    expect_state(&admin, "idle", 2);
}

static void
test_others_may_not(void **state)
{
    (void)state;
    assert_int_equal(compact(&service, 0), STATUS_DENIED);
    assert_int_equal(compact(&service, 1), STATUS_DENIED);
    tick(1);
    expect_state(&admin, "idle", 0);
}

/* It needs no key: what was begun comes to its end while sealed, and the log says so. */
static void
test_goes_on_while_sealed(void **state)
{
    (void)state;
    assert_int_equal(compact(&admin, 1), STATUS_OK);
    assert_int_equal(dispatch_seal(fixture.dispatch), STATUS_OK);
    tick(TICKS_MAX);
    assert_int_equal(vault_compactions(fixture.vault), 1);
    restart();
    expect_state(&admin, "idle", 1);
    (void)log_reader_since(&log_reader, entries, ENTRIES);
    expect_entry(&entries[0], AUDIT_INTENT, STATUS_OK, "admin", 1);
    assert_int_equal(entries[1].act, AUDIT_ACT_CLOSED);
    expect_entry(&entries[2], AUDIT_OUTCOME, STATUS_OK, "", 1);
}

static void
test_without_room_nothing_is_done(void **state)
{
    struct bytes message = {0};

    (void)state;
    lacking = (uint64_t)MIB_LACKING << 20;
    assert_int_equal(compact(&admin, 1), STATUS_UNAVAILABLE);
    assert_true(message_bytes(admin.reply, FIELD_MESSAGE, &message));
    assert_non_null(memmem(message.data, message.size, "26214400 bytes", 14));
    lacking = 0;
    expect_state(&admin, "idle", 0);
    assert_int_equal(number_in(&admin, FIELD_RESULT), STATUS_UNAVAILABLE);
    assert_int_equal(log_reader_since(&log_reader, entries, ENTRIES), 2);
    expect_entry(&entries[1], AUDIT_OUTCOME, STATUS_UNAVAILABLE, "", 1);
    assert_int_equal(compact(&admin, 1), STATUS_OK);
    tick(TICKS_MAX);
    expect_state(&admin, "idle", 1);
    assert_int_equal(number_in(&admin, FIELD_RESULT), STATUS_OK);
}

/* Space is given back when the last who reads the old file has ended; until then it is not over. */
static void
test_waits_for_readers_of_the_old_file(void **state)
{
    (void)state;
    views_stay = true;
    assert_int_equal(compact(&admin, 1), STATUS_OK);
    tick(TICKS_MAX);
    expect_state(&admin, "waiting", 1);
    assert_int_equal(log_reader_since(&log_reader, entries, ENTRIES), 1);
    /* The next one is not begun behind it. */
    assert_int_equal(compact(&admin, 2), STATUS_OK);
    expect_state(&admin, "waiting", 1);
    views_stay = false;
    tick(1);
    expect_state(&admin, "idle", 1);
    assert_int_equal(log_reader_since(&log_reader, entries, ENTRIES), 1);
    expect_entry(&entries[0], AUDIT_OUTCOME, STATUS_OK, "", 1);
}

static void
test_a_crash_is_settled_at_the_next_start(void **state)
{
    (void)state;
    assert_int_equal(compact(&admin, 1), STATUS_OK);
    restart(); /* before it came about */
    expect_state(&admin, "idle", 0);
    (void)log_reader_since(&log_reader, entries, ENTRIES);
    expect_entry(&entries[0], AUDIT_INTENT, STATUS_OK, "admin", 1);
    expect_entry(&entries[1], AUDIT_OUTCOME, STATUS_UNAVAILABLE, "", 1);

    views_stay = true;
    log_reader_skip(&log_reader);
    assert_int_equal(compact(&admin, 1), STATUS_OK);
    tick(TICKS_MAX);
    views_stay = false;
    restart(); /* after it did, and before the log knew */
    expect_state(&admin, "idle", 1);
    (void)log_reader_since(&log_reader, entries, ENTRIES);
    expect_entry(&entries[0], AUDIT_INTENT, STATUS_OK, "admin", 1);
    expect_entry(&entries[1], AUDIT_OUTCOME, STATUS_OK, "", 1);
}

static void *
take_step(void *dispatch)
{
    dispatch_compact_step(dispatch);
    return NULL;
}

/* Who holds the gate alone knows the number of the entry that comes next, and vouches for the rules
 * under it: no outcome comes in between. */
static void
test_appends_nothing_while_the_gate_is_held_alone(void **state)
{
    enum { LOOK_US = 10 * 1000, LOOKS_MAX = 1000, LONGER_US = 200 * 1000 };
    pthread_t thread;
    uint64_t last;

    (void)state;
    views_stay = true;
    assert_int_equal(compact(&admin, 1), STATUS_OK);
    tick(TICKS_MAX);
    gate_enter_alone(&fixture.dispatch->gate);
    last = audit_last(fixture.audit);
    views_stay = false;
    assert_int_equal(pthread_create(&thread, NULL, take_step, fixture.dispatch), 0);
    for (int i = 0; i < LOOKS_MAX && vault_compact_look(fixture.vault).waiting; i++) {
        (void)usleep(LOOK_US);
    }
    assert_false(vault_compact_look(fixture.vault).waiting);
    (void)usleep(LONGER_US);
    assert_int_equal(audit_last(fixture.audit), last);
    gate_leave(&fixture.dispatch->gate);
    (void)pthread_join(thread, NULL);
    assert_int_equal(audit_last(fixture.audit), last + 1);
}

static void *
ask_again(void *status)
{
    *(enum status *)status = compact(&admin, 1);
    return NULL;
}

/* Its thread may be at a flush, with the lock held; who asks holds the gate, and others behind it.
 */
static void
test_who_asks_does_not_wait_for_the_one_under_way(void **state)
{
    enum { SECONDS = 5 };
    enum status status = STATUS_INTERNAL;
    struct timespec until;
    pthread_t thread;
    int failed;

    (void)state;
    assert_int_equal(compact(&admin, 1), STATUS_OK);
    (void)pthread_mutex_lock(&fixture.dispatch->compacting.lock);
    assert_int_equal(pthread_create(&thread, NULL, ask_again, &status), 0);
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += SECONDS;
    failed = pthread_timedjoin_np(thread, NULL, &until);
    (void)pthread_mutex_unlock(&fixture.dispatch->compacting.lock);
    if (failed != 0) {
        (void)pthread_join(thread, NULL);
    }
    assert_int_equal(failed, 0);
    assert_int_equal(status, STATUS_OK);
    tick(TICKS_MAX);
    expect_state(&admin, "idle", 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_begun_followed_and_on_record, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_others_may_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_goes_on_while_sealed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_room_nothing_is_done, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_waits_for_readers_of_the_old_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_crash_is_settled_at_the_next_start, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_who_asks_does_not_wait_for_the_one_under_way, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_appends_nothing_while_the_gate_is_held_alone, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
