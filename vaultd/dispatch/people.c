/* SPDX-License-Identifier: Apache-2.0 */
/* Persons on their way in: whose key or uid counts, and in which session they are. */
#include "dispatch_internal.h"

#include "clock.h"
#include "operations.h"
#include "people_rules.h"

#define RETIRED                                                                                    \
    "the first admin, known by a uid alone, counts no more: there are enrolled admins; log in as " \
    "one of them"

enum status
call_judge_person(struct call *call, const struct principal *principal)
{
    if (principal->kind != PRINCIPAL_PERSON) {
        return STATUS_OK;
    }
    if (principal->bootstrap) {
        return access_has_enrolled_admin(call->dispatch->parts.access)
                   ? call_refuse(call, STATUS_UNAUTHENTICATED, RETIRED)
                   : STATUS_OK;
    }
    if (!principal->has_key) {
        return call_refuse(call, STATUS_UNAUTHENTICATED,
                           "you are invited, and have not enrolled yet: vaultctl enrol");
    }
    if (principal->has_uid && principal->uid != call->peer->uid) {
        call->principal = principal; /* somebody else has her key: that is an entry */
        return call_refuse_on_record(call, STATUS_UNAUTHENTICATED,
                                     "this person's key counts only where her own user id proves "
                                     "it");
    }
    return STATUS_OK;
}

enum status
call_judge(struct call *call)
{
    switch (call->row->operation) {
    case OP_ENROL_CONFIRM:
        return enrol_judge(call);
    case OP_LOGIN:
        return login_judge(call);
    default:
        return STATUS_OK;
    }
}

static bool
needs_no_session(const struct call *call)
{
    return call->row->strangers != KNOWN_ONLY;
}

/* The one this connection proved the key of, or the one that began on it. */
static uint64_t
session_of(const struct call *call, uint64_t now_ms)
{
    const struct peer *peer = call->peer;

    if (peer->session != 0 || !peer->by_own_key) {
        return peer->session;
    }
    return sessions_by_connection(call->dispatch->sessions, peer->connection, now_ms);
}

/* What may be asked without a session does not prolong one: a script that looks at the state every
 * minute shall not keep a terminal open that nobody sits at. */
static bool
is_live(const struct call *call, uint64_t session, uint64_t now_ms)
{
    struct sessions *sessions = call->dispatch->sessions;
    uint32_t idle_s, lasts_s;

    return needs_no_session(call)
               ? sessions_left(sessions, session, now_ms, &idle_s, &lasts_s)
               : sessions_use(sessions, session, call->principal->number, now_ms);
}

enum status
call_find_session(struct call *call)
{
    uint64_t now_ms = clock_boot_ms();
    uint64_t session;

    if (call->principal->bootstrap) {
        return access_has_enrolled_admin(call->dispatch->parts.access)
                   ? call_refuse_on_record(call, STATUS_DENIED, RETIRED)
                   : STATUS_OK;
    }
    session = session_of(call, now_ms);
    if (is_live(call, session, now_ms)) {
        call->session = session;
        return STATUS_OK;
    }
    return needs_no_session(call) ? STATUS_OK
                                  : call_refuse_on_record(call, STATUS_NO_SESSION, NULL);
}

bool
call_is_present(const struct call *call)
{
    return call->principal->kind != PRINCIPAL_PERSON || call->principal->bootstrap ||
           call->session != 0;
}

void
people_replay(struct dispatch *dispatch, const struct audit_entry *entry)
{
    const struct principal *principal;

    if (entry->operation != OP_LOGIN || entry->phase != AUDIT_DONE ||
        entry->result != STATUS_DENIED) {
        return;
    }
    principal = access_by_name(dispatch->parts.access, entry->principal);
    if (principal != NULL) { /* else restored to before she was added */
        (void)logins_note_failure(dispatch->logins, principal->number, entry->time_ms);
    }
}
