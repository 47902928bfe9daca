/* SPDX-License-Identifier: Apache-2.0 */
#include "cast.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "still_clock.h"

enum {
    DAEMON_UID = 1600,
    HAND_UID = 2100,
    MAKER_UID = 2101,
    READER_UID = 2102,
    AMPLE = 1000000,
    TICKS = 8
};

#define PHONE "+393331234567"
#define PHONE_DIGITS "3331234567" /* also as it may be printed elsewhere */
#define MAIL_BEGINS "q7.erase-"   /* of every address here */
#define REASON "because of case 1977"

static const struct {
    const char *title, *name; /* no name: no principal */
    enum principal_kind kind;
    uint32_t uid;
    enum role role; /* 0: none */
} members[WHO_COUNT] = {
    [SERVICE] = {"service", "inbox", PRINCIPAL_SERVICE, 2001, ROLE_SERVICE},
    [DELIVER] = {"deliver", "sender", PRINCIPAL_SERVICE, 2002, ROLE_DELIVER},
    [REVEAL] = {"reveal", "lead", PRINCIPAL_PERSON, 2003, ROLE_REVEAL},
    [PRIVACY] = {"privacy", "dpo", PRINCIPAL_PERSON, 2004, ROLE_PRIVACY},
    [ADMIN] = {"admin", "second-admin", PRINCIPAL_PERSON, 2005, ROLE_ADMIN},
    [AUDIT] = {"audit", "auditor", PRINCIPAL_PERSON, 2006, ROLE_AUDIT},
    [NO_GRANT] = {"no grant", "nobody", PRINCIPAL_SERVICE, 2007, 0},
    [DISABLED] = {"disabled", "gone", PRINCIPAL_PERSON, 2008, ROLE_REVEAL},
    [STRANGER] = {"stranger", NULL, 0, 2999, 0},
    [ROOT] = {"root", NULL, 0, 0, 0},
    [DAEMON] = {"the daemon's uid", NULL, 0, DAEMON_UID, 0},
};

const char *
cast_name(enum who who)
{
    return members[who].name;
}

const char *
cast_title(enum who who)
{
    return members[who].title;
}

/* What goes wrong in here is the test's own fault: stop at once. */
static void
must(enum status status)
{
    if (status != STATUS_OK) {
        (void)fprintf(stderr, "cast: %s\n", status_name(status));
        assert(status == STATUS_OK);
    }
}

/* ---- the making ---- */

static const char *
place_of(enum role role)
{
    return role == ROLE_ADMIN || role == ROLE_AUDIT ? NULL : "brand";
}

/* The first admin counts no more once a person is admin: whose hand it is that arranges things is a
 * service. */
static void
take_over(struct cast *cast)
{
    struct caller first;

    caller_make(&first, &cast->fixture, PEER_ADMIN, FIXTURE_ADMIN_UID);
    must(caller_hello(&first));
    must(caller_principal_add(&first, "hand", PRINCIPAL_SERVICE, HAND_UID));
    must(caller_grant(&first, OP_GRANT, "hand", ROLE_ADMIN, NULL));
    caller_remove(&first);
    caller_make(&cast->hand, &cast->fixture, PEER_ADMIN, HAND_UID);
    must(caller_hello(&cast->hand));
}

/* In a session that is live, who is a person and can have one. */
void
cast_present(struct cast *cast, enum on_socket socket, enum who who)
{
    if (members[who].kind == PRINCIPAL_PERSON && who != DISABLED) {
        people_present(&cast->callers[socket][who]);
    }
}

enum { SHREDDED_MAX = 6, LEAVER_UID = 6001 };

static void
add_helpers(struct cast *cast)
{
    const struct caller_terms ample = {.daily = AMPLE};
    struct caller *hand = &cast->hand;

    must(caller_namespace_create(hand, "brand"));
    must(caller_namespace_create(hand, "set-me"));
    for (unsigned i = 0; i < SHREDDED_MAX; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "shred-%u", i);
        must(caller_namespace_create(hand, name));
    }
    must(caller_principal_add(hand, "maker", PRINCIPAL_SERVICE, MAKER_UID));
    must(caller_grant_on_terms(hand, "maker", ROLE_SERVICE, "brand", &ample));
    must(caller_principal_add(hand, "reader", PRINCIPAL_SERVICE, READER_UID));
    must(caller_grant(hand, OP_GRANT, "reader", ROLE_AUDIT, NULL));
    must(caller_principal_add(hand, "guest", PRINCIPAL_PERSON, 2105));
    must(caller_principal_add(hand, "pawn", PRINCIPAL_SERVICE, 2103));
    must(caller_principal_add(hand, "victim", PRINCIPAL_SERVICE, 2104));
    must(caller_principal_add(hand, "keyed", PRINCIPAL_SERVICE, 2199));
    caller_make(&cast->maker, &cast->fixture, PEER_DATA, MAKER_UID);
    must(caller_hello(&cast->maker));
    log_reader_make(&cast->log, &cast->fixture, READER_UID);
}

static void
add_member(struct cast *cast, enum who who, uint64_t lasts_s)
{
    const struct caller_terms terms = {.lasts_s = lasts_s};
    const char *name = members[who].name;
    enum role role = members[who].role;

    if (name != NULL) {
        must(caller_principal_add(&cast->hand, name, members[who].kind, members[who].uid));
    }
    if (role != 0) {
        must(caller_grant_on_terms(&cast->hand, name, role, place_of(role), &terms));
    }
    for (int socket = 0; socket < SOCKETS; socket++) {
        struct caller *caller = &cast->callers[socket][who];
        enum status expected = name == NULL ? STATUS_UNAUTHENTICATED : STATUS_OK;
        enum status status;

        caller_make(caller, &cast->fixture, socket == ON_DATA ? PEER_DATA : PEER_ADMIN,
                    members[who].uid);
        status = caller_hello(caller);
        assert(status == expected);
    }
}

static void
make_token(struct cast *cast, const char *value, char ret_token[static TOKEN_TEXT_BYTES + 1])
{
    must(caller_values(&cast->maker, OP_TOKENIZE, &value, 1, "brand", NULL));
    must(caller_item_status(&cast->maker, 0));
    memcpy(ret_token, caller_item_text(&cast->maker, 0, FIELD_TOKEN).data, TOKEN_TEXT_BYTES);
    ret_token[TOKEN_TEXT_BYTES] = '\0';
}

/* Each has drawn its first block of the budget, so that no request of a walk draws one. */
static void
warm(struct cast *cast, enum who who)
{
    const char *const values[] = {PHONE};

    must(caller_values(&cast->callers[ON_DATA][who], OP_LOOKUP, values, 1, NULL, NULL));
}

void
cast_make(struct cast *cast, uint64_t lasts_s, const struct access_budgets *defaults)
{
    const char *tokens[] = {cast->kept};

    *cast = (struct cast){0};
    fixture_make(&cast->fixture);
    fixture_close(&cast->fixture);
    cast->fixture.daemon_uid = DAEMON_UID;
    if (defaults != NULL) {
        cast->fixture.defaults = *defaults;
    }
    must(fixture_open(&cast->fixture));
    take_over(cast);
    add_helpers(cast);
    for (int who = 0; who < WHO_COUNT; who++) {
        add_member(cast, (enum who)who, lasts_s);
    }
    must(caller_name(&cast->hand, OP_PRINCIPAL_DISABLE, members[DISABLED].name));
    make_token(cast, PHONE, cast->kept);
    (void)strcpy(cast->token, cast->kept);
    warm(cast, SERVICE);
    warm(cast, REVEAL);
    warm(cast, PRIVACY);
    /* A reason stands among the first entries of the log: whoever reads it from there meets it. */
    must(caller_values(&cast->callers[ON_DATA][DELIVER], OP_DETOKENIZE, tokens, 1, NULL, REASON));
    log_reader_skip(&cast->log);
}

void
cast_remove(struct cast *cast)
{
    for (int i = 0; i < SOCKETS * WHO_COUNT; i++) {
        caller_remove(&cast->callers[i / WHO_COUNT][i % WHO_COUNT]);
    }
    log_reader_remove(&cast->log);
    caller_remove(&cast->maker);
    caller_remove(&cast->hand);
    fixture_remove(&cast->fixture);
}

/* ---- before a request ---- */

static void
freeze_as_wanted(struct cast *cast)
{
    enum freeze now = access_frozen(cast->fixture.access);

    if (now == cast->freeze) {
        return;
    }
    if (now != FREEZE_NONE) {
        must(caller_unfreeze(&cast->hand));
    }
    if (cast->freeze != FREEZE_NONE) {
        must(caller_freeze(&cast->hand, cast->freeze == FREEZE_ALL));
    }
}

static void
arrange_victim(struct cast *cast, bool disabled)
{
    const struct principal *victim = access_by_name(cast->fixture.access, bytes_of_text("victim"));

    if (victim->disabled != disabled) {
        must(caller_name(&cast->hand, disabled ? OP_PRINCIPAL_DISABLE : OP_PRINCIPAL_ENABLE,
                         "victim"));
    }
}

/* One who has not left yet, for that is done once. She takes the uid of the one before. */
static void
arrange_leaver(struct cast *cast)
{
    const struct principal *leaver =
        access_by_name(cast->fixture.access, bytes_of_text(cast->leaver));

    if (leaver == NULL || leaver->offboarded) {
        (void)snprintf(cast->leaver, sizeof cast->leaver, "leaver-%u", cast->serial++);
        must(caller_principal_add(&cast->hand, cast->leaver, PRINCIPAL_SERVICE, LEAVER_UID));
    }
}

static void
arrange_pawn(struct cast *cast, bool granted)
{
    const struct principal *pawn = access_by_name(cast->fixture.access, bytes_of_text("pawn"));

    if ((pawn->grant_count > 0) != granted) {
        must(caller_grant(&cast->hand, granted ? OP_GRANT : OP_REVOKE, "pawn", ROLE_SERVICE,
                          "brand"));
    }
}

static void
arrange_recipient(struct cast *cast, bool there)
{
    const uint8_t key[PUBLIC_KEY_BYTES] = {9};
    const struct access *access = cast->fixture.access;
    bool is_there = access_recipient_count(access) > 0 && !access_recipient_at(access, 0)->removed;

    if (is_there && !there) {
        must(caller_name(&cast->hand, OP_RECIPIENT_REMOVE, "safe"));
    } else if (!is_there && there) {
        caller_begin(&cast->hand, OP_RECIPIENT_ADD, 2);
        message_put_text(&cast->hand.request, FIELD_NAME, "safe");
        message_put_bytes(&cast->hand.request, FIELD_PUBLIC_KEY, bytes_of(key, sizeof key));
        must(caller_send(&cast->hand));
    }
}

static void
begin_canary(struct cast *cast, struct caller *caller)
{
    char address[64];

    (void)snprintf(address, sizeof address, MAIL_BEGINS "%u@example.com", cast->serial++);
    caller_begin(caller, OP_CANARY_ADD, 2);
    message_put_text(&caller->request, FIELD_VALUE, address);
    message_put_text(&caller->request, FIELD_NAMESPACE, "brand");
}

static void
arrange_canary(struct cast *cast)
{
    enum contact_kind kind;
    struct token token;
    struct bytes text;
    bool added;

    if (token_parse(bytes_of_text(cast->canary), &kind, &token) == STATUS_OK &&
        access_canary_of(cast->fixture.access, token.bytes) != NULL) {
        return;
    }
    begin_canary(cast, &cast->hand);
    must(caller_send(&cast->hand));
    added = message_bytes(cast->hand.reply, FIELD_TOKEN, &text);
    assert(added);
    memcpy(cast->canary, text.data, TOKEN_TEXT_BYTES);
}

void
cast_arrange(struct cast *cast, enum operation operation)
{
    char address[64];

    freeze_as_wanted(cast);
    (void)strcpy(cast->token, cast->kept);
    switch (operation) {
    case OP_ERASE:
        (void)snprintf(address, sizeof address, MAIL_BEGINS "%u@example.com", cast->serial++);
        make_token(cast, address, cast->token);
        break;
    case OP_KEY_ROTATE: /* what rotates is over */
        for (int i = 0; i < TICKS; i++) {
            dispatch_tick(cast->fixture.dispatch);
        }
        break;
    case OP_PRINCIPAL_DISABLE:
        arrange_victim(cast, false);
        break;
    case OP_PRINCIPAL_ENABLE:
        arrange_victim(cast, true);
        break;
    case OP_PRINCIPAL_OFFBOARD:
        arrange_leaver(cast);
        break;
    case OP_BACKUP_BEGIN: /* nobody it could be sealed to */
    case OP_RECIPIENT_ADD:
        arrange_recipient(cast, false);
        break;
    case OP_RECIPIENT_REMOVE:
        arrange_recipient(cast, true);
        break;
    case OP_CANARY_REMOVE:
        arrange_canary(cast);
        break;
    case OP_GRANT:
        arrange_pawn(cast, false);
        break;
    case OP_REVOKE:
        arrange_pawn(cast, true);
        break;
    default:
        break;
    }
}

/* ---- requests ---- */

static void
put_values(struct message_writer *request, const char *value)
{
    message_put_list(request, FIELD_VALUES, 1);
    message_add_bytes(request, bytes_of_text(value));
}

/* Names somebody: the log shall name him too. */
static void
put_subject(struct cast *cast, struct message_writer *request, const char *name)
{
    (void)snprintf(cast->subject, sizeof cast->subject, "%s", name);
    message_put_text(request, FIELD_NAME, cast->subject);
}

/* Of nobody there is. */
static void
put_enrolment(struct caller *caller, const uint8_t *bytes)
{
    message_put_text(&caller->request, FIELD_NAME, "not-there");
    message_put_text(&caller->request, FIELD_CODE, "0000-0000-0000-0000-0000-0000-00");
    message_put_bytes(&caller->request, FIELD_PUBLIC_KEY, bytes_of(bytes, PUBLIC_KEY_BYTES));
}

/* What strangers may ask. */
static void
begin_as_stranger(struct caller *caller, enum operation operation, const struct secret *root)
{
    const uint8_t bytes[64] = {7};

    switch (operation) {
    case OP_HELLO:
        caller_begin(caller, operation, 2);
        message_put_uint(&caller->request, FIELD_VERSION, PROTOCOL_VERSION);
        message_put_bytes(&caller->request, FIELD_NONCE, bytes_of(bytes, NONCE_BYTES));
        break;
    case OP_PROVE:
        caller_begin(caller, operation, 2);
        message_put_bytes(&caller->request, FIELD_SIGNATURE, bytes_of(bytes, SIGNATURE_BYTES));
        message_put_uint(&caller->request, FIELD_UID, caller->peer.uid);
        break;
    case OP_ENROL_BEGIN:
        caller_begin(caller, operation, 3);
        put_enrolment(caller, bytes);
        break;
    case OP_ENROL_CONFIRM:
        caller_begin(caller, operation, 6);
        put_enrolment(caller, bytes);
        message_put_bytes(&caller->request, FIELD_SIGNATURE, bytes_of(bytes, SIGNATURE_BYTES));
        message_put_uint(&caller->request, FIELD_UID, caller->peer.uid);
        message_put_text(&caller->request, FIELD_FACTOR, "123456");
        break;
    case OP_UNSEAL_INFO:
        caller_begin(caller, operation, 0);
        break;
    case OP_UNSEAL_SHARE: /* which is none */
        caller_begin(caller, operation, 1);
        message_put_bytes(&caller->request, FIELD_SHARE, bytes_of(bytes, UNSEAL_SHARE_BYTES));
        break;
    default:
        caller_begin(caller, operation, 1);
        message_put_bytes(&caller->request, FIELD_ROOT_KEY,
                          bytes_of(secret_read(root), ROOT_KEY_BYTES));
        break;
    }
}

static void
begin_about_contacts(const struct cast *cast, struct caller *caller, enum operation operation)
{
    bool by_value = operation == OP_TOKENIZE || operation == OP_LOOKUP;
    bool wants_reason = operation == OP_DETOKENIZE || operation == OP_ERASE;

    caller_begin(caller, operation, 1u + by_value + wants_reason);
    if (by_value) {
        message_put_text(&caller->request, FIELD_NAMESPACE, "brand");
    }
    if (wants_reason) {
        message_put_text(&caller->request, FIELD_REASON, REASON);
    }
    put_values(&caller->request, by_value ? PHONE : cast->token);
}

/* One that is not shredded yet, for that is done once. */
static void
put_shreddable(struct cast *cast, struct message_writer *request)
{
    const struct namespace_row *row = NULL;
    char name[32] = "shred-0";

    for (unsigned i = 0; i < SHREDDED_MAX; i++) {
        (void)snprintf(name, sizeof name, "shred-%u", i);
        row = access_namespace(cast->fixture.access, bytes_of_text(name));
        if (row == NULL || !row->shredded) {
            break;
        }
    }
    put_subject(cast, request, name);
}

static void
begin_about_backups(struct cast *cast, struct caller *caller, enum operation operation)
{
    const uint8_t bytes[PUBLIC_KEY_BYTES] = {9};
    struct message_writer *request = &caller->request;

    switch (operation) {
    case OP_RECIPIENT_ADD:
        caller_begin(caller, operation, 2);
        put_subject(cast, request, "safe");
        message_put_bytes(request, FIELD_PUBLIC_KEY, bytes_of(bytes, sizeof bytes));
        break;
    case OP_RECIPIENT_REMOVE:
        caller_begin(caller, operation, 1);
        put_subject(cast, request, "safe");
        break;
    case OP_BACKUP_READ:
        caller_begin(caller, operation, 3);
        message_put_bytes(request, FIELD_BACKUP, bytes_of(bytes, BACKUP_ID_BYTES));
        message_put_uint(request, FIELD_KIND, 1);
        message_put_uint(request, FIELD_FROM, 0);
        break;
    case OP_BACKUP_END:
        caller_begin(caller, operation, 1);
        message_put_bytes(request, FIELD_BACKUP, bytes_of(bytes, BACKUP_ID_BYTES));
        break;
    default:
        caller_begin(caller, operation, 0);
        break;
    }
}

/* Another root key than the present one. */
static void
get_next_root(const struct cast *cast, uint8_t ret_root[static ROOT_KEY_BYTES])
{
    memcpy(ret_root, secret_read(cast->fixture.root), ROOT_KEY_BYTES);
    ret_root[0]++;
}

/* It came about: that is the one that opens the vault from now on. */
static void
take_next_root(struct cast *cast)
{
    uint8_t next[ROOT_KEY_BYTES];

    get_next_root(cast, next);
    secret_free(&cast->fixture.root);
    if (secret_copy(next, sizeof next, &cast->fixture.root) != STATUS_OK) {
        abort();
    }
}

static void
begin_about_rules(struct cast *cast, struct caller *caller, enum operation operation)
{
    const uint8_t signature[SIGNATURE_BYTES] = {0};
    uint8_t next[ROOT_KEY_BYTES] = {0};
    uint8_t key[PUBLIC_KEY_BYTES];
    uint8_t secret_key[crypto_sign_SECRETKEYBYTES];
    struct message_writer *request = &caller->request;
    char made[32];

    (void)snprintf(made, sizeof made, "made-%u", cast->serial++);
    switch (operation) {
    case OP_KEY_ROTATE:
        caller_begin(caller, operation, 2);
        (void)strcpy(cast->subject, "brand");
        message_put_text(request, FIELD_NAMESPACE, cast->subject);
        message_put_uint(request, FIELD_PURPOSE, ROTATED_DATA);
        break;
    case OP_ROOT_ROTATE:
        caller_begin(caller, operation, 2);
        (void)strcpy(cast->subject, "keyfile");
        get_next_root(cast, next);
        message_put_bytes(request, FIELD_ROOT_KEY, bytes_of(next, sizeof next));
        message_put_bytes(request, FIELD_UNSEAL, bytes_of("\1", 1));
        break;
    case OP_NAMESPACE_CREATE:
        caller_begin(caller, operation, 1);
        put_subject(cast, request, made);
        break;
    case OP_NAMESPACE_SET:
        caller_begin(caller, operation, 2);
        put_subject(cast, request, "set-me");
        message_put_uint(request, FIELD_RETAIN_MONTHS, 1 + cast->serial % RETAIN_MONTHS_MAX);
        break;
    case OP_NAMESPACE_SHRED:
        caller_begin(caller, operation, 1);
        put_shreddable(cast, request);
        break;
    case OP_PRINCIPAL_ADD:
        caller_begin(caller, operation, 3);
        put_subject(cast, request, made);
        message_put_uint(request, FIELD_KIND, PRINCIPAL_SERVICE);
        message_put_uint(request, FIELD_UID, 5000 + cast->serial);
        break;
    case OP_LOGIN:
        caller_begin(caller, operation, 3);
        message_put_bytes(request, FIELD_PUBLIC_KEY, bytes_of(next, sizeof next));
        message_put_bytes(request, FIELD_SIGNATURE, bytes_of(signature, sizeof signature));
        message_put_text(request, FIELD_FACTOR, "123456");
        break;
    case OP_PRINCIPAL_INVITE:
        caller_begin(caller, operation, 1);
        put_subject(cast, request, "guest");
        break;
    case OP_PRINCIPAL_SHOW:
        caller_begin(caller, operation, 1);
        put_subject(cast, request, members[SERVICE].name);
        break;
    case OP_PRINCIPAL_DISABLE:
    case OP_PRINCIPAL_ENABLE:
        caller_begin(caller, operation, 1);
        put_subject(cast, request, "victim");
        break;
    case OP_PRINCIPAL_OFFBOARD:
        caller_begin(caller, operation, 1);
        put_subject(cast, request, cast->leaver[0] != '\0' ? cast->leaver : "victim");
        break;
    case OP_GRANT:
    case OP_REVOKE:
        caller_begin(caller, operation, 3);
        put_subject(cast, request, "pawn");
        message_put_uint(request, FIELD_ROLE, ROLE_SERVICE);
        message_put_text(request, FIELD_NAMESPACE, "brand");
        break;
    case OP_CANARY_ADD:
        begin_canary(cast, caller);
        break;
    case OP_CANARY_REMOVE:
        caller_begin(caller, operation, 1);
        message_put_text(request, FIELD_TOKEN, cast->canary[0] != '\0' ? cast->canary : cast->kept);
        break;
    case OP_AUDIT_READ:
        caller_begin(caller, operation, 1);
        message_put_uint(request, FIELD_FROM, 1);
        break;
    case OP_PRINCIPAL_SET_KEY:
        (void)crypto_sign_keypair(key, secret_key);
        caller_begin(caller, operation, 2);
        put_subject(cast, request, "keyed");
        message_put_bytes(request, FIELD_PUBLIC_KEY, bytes_of(key, sizeof key));
        break;
    case OP_APPROVALS_SET: /* another one each time */
        caller_begin(caller, operation, 1);
        message_put_uint(request, FIELD_APPROVALS,
                         access_approvals(cast->fixture.access) == APPROVALS_NEVER
                             ? APPROVALS_AUTO
                             : APPROVALS_NEVER);
        break;
    case OP_APPROVE: /* one that does not wait */
    case OP_DENY:
        caller_begin(caller, operation, 1);
        message_put_uint(request, FIELD_REQUEST, 1);
        break;
    case OP_BACKUP_BEGIN:
    case OP_BACKUP_READ:
    case OP_BACKUP_END:
    case OP_RECIPIENT_ADD:
    case OP_RECIPIENT_LIST:
    case OP_RECIPIENT_REMOVE:
        begin_about_backups(cast, caller, operation);
        break;
    default:
        caller_begin(caller, operation, 0);
        break;
    }
}

static bool
is_about_contacts(enum operation operation)
{
    return operation >= OP_TOKENIZE && operation <= OP_DESCRIBE;
}

void
cast_begin(struct cast *cast, enum on_socket socket, enum who who, enum operation operation)
{
    struct caller *caller = &cast->callers[socket][who];

    cast->subject[0] = '\0';
    if (is_about_contacts(operation)) {
        begin_about_contacts(cast, caller, operation);
    } else if (operation == OP_HELLO || operation == OP_PROVE || operation == OP_UNSEAL ||
               operation == OP_ENROL_BEGIN || operation == OP_ENROL_CONFIRM ||
               operation == OP_UNSEAL_INFO || operation == OP_UNSEAL_SHARE) {
        begin_as_stranger(caller, operation, cast->fixture.root);
    } else {
        begin_about_rules(cast, caller, operation);
    }
}

enum status
cast_ask(struct cast *cast, enum on_socket socket, enum who who, enum operation operation)
{
    enum { UNSEAL_PAUSE_MS = 2000 };
    struct caller *caller = &cast->callers[socket][who];
    struct peer known = caller->peer;
    bool forgets = operation == OP_HELLO || operation == OP_PROVE;
    enum status status;

    if (forgets) {
        dispatch_peer_init(&caller->peer, known.socket, known.uid);
    }
    if ((operation == OP_UNSEAL || operation == OP_UNSEAL_SHARE) &&
        dispatch_is_sealed(cast->fixture.dispatch)) {
        still_clock_pass_ms(UNSEAL_PAUSE_MS);
    }
    cast_begin(cast, socket, who, operation);
    status = caller_send(caller);
    if (forgets) {
        caller->peer = known;
    }
    if (operation == OP_ROOT_ROTATE && status == STATUS_OK) {
        take_next_root(cast);
    }
    return status == STATUS_OK && is_about_contacts(operation) ? caller_item_status(caller, 0)
                                                               : status;
}

static bool
reply_holds(const struct caller *caller, const char *text)
{
    return memmem(caller->reply_bytes, caller->reply_size, text, strlen(text)) != NULL;
}

bool
cast_told_contact(const struct cast *cast, enum on_socket socket, enum who who)
{
    const struct caller *caller = &cast->callers[socket][who];

    return reply_holds(caller, PHONE_DIGITS) || reply_holds(caller, MAIL_BEGINS);
}

bool
cast_told_reason(const struct cast *cast, enum on_socket socket, enum who who)
{
    return reply_holds(&cast->callers[socket][who], REASON);
}
