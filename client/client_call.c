/* SPDX-License-Identifier: Apache-2.0 */
#include "client_internal.h"

#include <unistd.h>

enum {
    LOSSES_MAX = 3,    /* of the connection, under one request */
    ATTEMPTS_MAX = 64, /* for one call, whatever the reason */
    PAUSE_MIN_MS = 50, /* after a BUSY that names no time */
    PAUSE_MAX_MS = 1000,
};

bool
is_harmless(enum operation operation)
{
    switch (operation) {
    case OP_STATUS:
    case OP_HELLO:
    case OP_TOKENIZE:
    case OP_LOOKUP:
    case OP_MASK:
    case OP_DESCRIBE:
    case OP_NAMESPACE_LIST:
    case OP_PRINCIPAL_LIST:
    case OP_PRINCIPAL_SHOW:
    case OP_KEY_STATUS:
    case OP_COMPACT:
    case OP_AUDIT_READ:
    case OP_UNSEAL_INFO:
    case OP_RECIPIENT_LIST:
    case OP_CANARY_LIST:
    case OP_WHOAMI:
    case OP_ENROL_BEGIN: /* a new secret, and the one before is forgotten */
    case OP_PENDING:
    case OP_BACKUP_READ: /* the same again */
        return true;
    default:
        return false;
    }
}

bool
may_have_changed(enum operation operation)
{
    return !is_harmless(operation) && operation != OP_DETOKENIZE && operation != OP_PROVE;
}

/* One call on its way. */
struct call {
    struct cv_client *client;
    const struct request *request;
    struct slot *slot;
    uint64_t deadline_ms;
    uint64_t generation; /* of the link when the request was given to nng */
    struct ticket ticket;
    bool has_ticket;
    int losses;
    bool greeted_again; /* after an UNAUTHENTICATED on this generation */
    struct failure failure;
};

/* status is asked by strangers too, unseal when nobody can be known, and who enrols is not yet. */
static bool
needs_ticket(const struct request *request)
{
    switch (request->operation) {
    case OP_UNSEAL:
    case OP_UNSEAL_INFO:
    case OP_UNSEAL_SHARE:
    case OP_ENROL_BEGIN:
    case OP_ENROL_CONFIRM:
        return false;
    default:
        return true;
    }
}

static enum cv_status
get_ticket(struct call *call)
{
    call->has_ticket = false;
    if (!needs_ticket(call->request)) {
        return CV_OK;
    }
    enum cv_status status =
        session_ensure(call->client, call->slot, call->deadline_ms, &call->ticket, &call->failure);
    call->has_ticket = status == CV_OK;
    if (status != CV_OK && status != CV_UNAVAILABLE && call->request->operation == OP_STATUS) {
        return CV_OK;
    }
    return status;
}

static struct cv_reply *
fail_unknown(struct call *call, const char *what)
{
    bool harmless = is_harmless(call->request->operation);

    call->failure.outcome_unknown = !harmless;
    failure_set(&call->failure, CV_UNAVAILABLE, "%s%s", what,
                harmless ? "" : "; it is not known whether it was executed");
    return reply_of_failure(&call->failure);
}

/* The vault did not know us, so this copy of the request was not executed. NULL: ask again. */
static struct cv_reply *
judge_unauthenticated(struct call *call, struct cv_reply *reply)
{
    bool moved = call->generation != link_generation(call->client);

    if (call->greeted_again && !moved) {
        return reply;
    }
    cv_reply_free(&reply);
    session_forget(call->client, &call->ticket);
    /* nng as we set it sends once; but were this its second copy, the first may have been executed.
     */
    if (moved && !is_harmless(call->request->operation)) {
        return fail_unknown(call, "connection lost");
    }
    call->greeted_again = true;
    return NULL;
}

static struct cv_reply *
judge_answer(struct call *call, nng_msg *answer)
{
    struct cv_reply *reply = reply_decode(call->slot->parser, call->request,
                                          bytes_of(nng_msg_body(answer), nng_msg_len(answer)));

    message_wipe(&answer);
    if (reply->status == CV_UNAUTHENTICATED && call->has_ticket) {
        return judge_unauthenticated(call, reply);
    }
    /* With another connection's ticket one is not refused here, but answered as a stranger. */
    if (call->request->operation == OP_STATUS && call->has_ticket &&
        call->ticket.generation != link_generation(call->client)) {
        cv_reply_free(&reply);
        return NULL;
    }
    return reply;
}

/* Surely not executed: asked again while there is time. NULL: ask again. */
static struct cv_reply *
judge_not_sent(struct call *call)
{
    if (client_now_ms() < call->deadline_ms) {
        return NULL;
    }
    /* Why not: nobody there, or somebody who is not trusted? */
    if (link_wait(call->client, 0, false, &call->failure) == CV_OK) {
        failure_set(&call->failure, CV_UNAVAILABLE,
                    "no connection to the vault at %s in time; nothing was sent",
                    call->client->path);
    }
    return reply_of_failure(&call->failure);
}

/* It breaks again and again under a request: perhaps because of it. NULL: ask again. */
static struct cv_reply *
judge_lost(struct call *call)
{
    if (!is_harmless(call->request->operation)) {
        return fail_unknown(call, "connection lost");
    }
    call->losses++;
    return call->losses > LOSSES_MAX ? fail_unknown(call, "the connection keeps breaking") : NULL;
}

/* NULL: ask again. */
static struct cv_reply *
judge(struct call *call, enum exchange exchange, nng_msg *answer)
{
    switch (exchange) {
    case EXCHANGE_ANSWERED:
        return judge_answer(call, answer);
    case EXCHANGE_LATE:
        return fail_unknown(call, "the vault did not answer in time");
    case EXCHANGE_CANCELLED:
        return fail_unknown(call, "the client was closed before the vault answered");
    case EXCHANGE_LOST:
        return judge_lost(call);
    default:
        return judge_not_sent(call);
    }
}

static enum cv_status
check_time(struct call *call)
{
    if (client_now_ms() < call->deadline_ms) {
        return CV_OK;
    }
    return failure_set(&call->failure, CV_UNAVAILABLE,
                       "this call's time was up before it could be sent; nothing was sent");
}

static enum cv_status
encode(struct call *call, nng_msg **ret_message)
{
    struct request request = *call->request;
    uint8_t room[SIGNATURE_BYTES];

    if (request.sign != NULL) {
        request.sign(call->client, &call->ticket, &request, room);
    }
    return request_encode(&request, call->has_ticket ? call->ticket.connection : NULL, ret_message,
                          &call->failure);
}

/* *ret_reply NULL: ask again. */
static enum cv_status
attempt(struct call *call, struct cv_reply **ret_reply)
{
    nng_msg *message = NULL, *answer = NULL;
    enum cv_status status = link_wait(call->client, call->deadline_ms, false, &call->failure);

    if (status == CV_OK) {
        status = check_time(call);
    }
    if (status == CV_OK) {
        status = get_ticket(call);
    }
    if (status == CV_OK) {
        status = check_time(call);
    }
    if (status == CV_OK && call->request->operation == OP_HELLO) {
        *ret_reply = session_reply(call->client);
        return CV_OK;
    }
    if (status != CV_OK) {
        return status;
    }
    status = encode(call, &message);
    if (status != CV_OK) {
        return status;
    }
    call->generation = link_generation(call->client);
    enum exchange exchange =
        exchange_run(call->client, call->slot, &message, call->deadline_ms, &answer);
    *ret_reply = judge(call, exchange, answer);
    return CV_OK;
}

static struct cv_reply *
carry_out(struct call *call)
{
    struct cv_reply *reply = NULL;

    for (int i = 0; i < ATTEMPTS_MAX; i++) {
        if (attempt(call, &reply) != CV_OK) {
            return reply_of_failure(&call->failure);
        }
        if (reply != NULL) {
            return reply;
        }
    }
    failure_set(&call->failure, CV_UNAVAILABLE, "the connection to the vault at %s keeps breaking",
                call->client->path);
    return reply_of_failure(&call->failure);
}

/* False: that would be past the deadline. A cancelled client does not wait: the next try ends. */
static bool
wait_out(const struct call *call, uint32_t retry_after_s, unsigned pause_ms)
{
    uint64_t wait_ms = retry_after_s != 0 ? (uint64_t)retry_after_s * 1000 : pause_ms;
    uint64_t until_ms = client_now_ms() + wait_ms;

    if (until_ms >= call->deadline_ms) {
        return false;
    }
    link_pause(call->client, until_ms);
    return true;
}

/* BUSY was not executed, whatever it was: it is asked again while there is time. */
static struct cv_reply *
carry_out_patiently(struct call *call)
{
    for (unsigned pause_ms = PAUSE_MIN_MS;; pause_ms *= 2) {
        call->failure = (struct failure){.outcome_unknown = false};
        struct cv_reply *reply = carry_out(call);
        pause_ms = pause_ms < PAUSE_MAX_MS ? pause_ms : PAUSE_MAX_MS;
        if (reply->status != CV_BUSY || !wait_out(call, reply->retry_after_s, pause_ms)) {
            return reply;
        }
        cv_reply_free(&reply);
    }
}

bool
client_is_foreign(const struct cv_client *client, struct failure *failure)
{
    if (client->pid == getpid()) {
        return false;
    }
    failure_set(failure, CV_INVALID, "a client does not outlive fork: this one is the parent's");
    return true;
}

enum cv_status
client_call(struct cv_client *client, const struct request *request, struct cv_reply **ret_reply)
{
    struct call call = {.client = client, .request = request};
    struct cv_reply *reply;

    call.deadline_ms =
        request->deadline_ms != 0 ? request->deadline_ms : client_deadline(client, 0);
    if (client_is_foreign(client, &call.failure)) {
        /* nothing to take */
    } else if (request->values != NULL &&
               (request->value_count == 0 || request->value_count > BATCH_ITEMS_MAX)) {
        failure_set(&call.failure, request->value_count == 0 ? CV_INVALID : CV_TOO_LARGE,
                    "%zu values: one call takes 1 to %d", request->value_count, BATCH_ITEMS_MAX);
    } else {
        (void)slot_take(client, &call.slot, &call.failure);
    }
    reply = call.slot == NULL ? reply_of_failure(&call.failure) : carry_out_patiently(&call);
    if (call.slot != NULL) {
        slot_give(client, &call.slot);
    }
    *ret_reply = reply;
    return reply->status;
}

/* What the session has learnt is the answer: HELLO is not said twice on one connection. */
enum cv_status
cv_hello(struct cv_client *client, struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_HELLO};

    return client_call(client, &request, ret_reply);
}
