/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_vault.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bounds.h"
#include "bytes.h"
#include "hello.h"
#include "kind.h"
#include "message.h"
#include "person.h"
#include "slot.h"

enum {
    CONNECTIONS_MAX = 64,
    SP_HEADER_BYTES = 8,
    FRAME_HEADER_BYTES = 9, /* IPC: a 1, then the size */
    REQUEST_ID_BYTES = 4,
    FILTERED_ENTRIES = 2, /* looked at in one call, when only some are asked for */
    REASON_ENTRY = 4,
    FAKE_PRINCIPALS = 2,
    BLOCK_ENTRY = 3,
    ACT_CREATED = 200,
    ACT_BUDGET = 205,
};

static const uint64_t FAKE_TIME_MS = 1767225600000; /* 2026-01-01 */
static const char OVER[] = "more at once than the whole budget";

static const uint8_t SP_REP[SP_HEADER_BYTES] = {0, 'S', 'P', 0, 0, 0x31, 0, 0};
static const uint8_t INSTANCE[INSTANCE_ID_BYTES] = "fake instance 1";

struct connection {
    int fd;
    bool greeted, known;
    bool as_person; /* proved her own key */
    bool in_session;
    uint8_t id[CONNECTION_ID_BYTES];
    uint8_t client_nonce[NONCE_BYTES], vault_nonce[NONCE_BYTES], public_key[PUBLIC_KEY_BYTES];
};

enum verdict { ANSWER, SILENT, DROP };

struct vault {
    const struct fake *fake;
    struct message_parser *parser;
    struct connection connections[CONNECTIONS_MAX];
    uint8_t request[FRAME_BYTES_MAX], reply[FRAME_BYTES_MAX];
    struct message_writer writer;
    uint8_t enrol_nonce[NONCE_BYTES];
    bool has_session;
    uint8_t session_key[PUBLIC_KEY_BYTES];
    uint64_t compacted; /* how often */
    bool compacting;
};

/* Unlike assert, it may have side effects. */
static void
must(bool holds)
{
    if (!holds)
        abort();
}

static bool
read_all(int fd, void *to, size_t size)
{
    return size == 0 || recv(fd, to, size, MSG_WAITALL) == (ssize_t)size;
}

static void
put_status(struct vault *vault, enum status status)
{
    bool waits = status == STATUS_BUSY || status == STATUS_QUOTA;

    message_begin(&vault->writer, waits ? 3 : 2);
    message_put_uint(&vault->writer, FIELD_STATUS, status);
    message_put_text(&vault->writer, FIELD_MESSAGE, status_name(status));
    if (waits)
        message_put_uint(&vault->writer, FIELD_RETRY_AFTER_S, status == STATUS_BUSY ? 30 : 86399);
}

/* "twice" is BUSY twice in a run of the fake, "soon" always. False: it is executed. */
static bool
put_busy(struct vault *vault, bool soon)
{
    static unsigned times;

    if (!soon && times++ >= 2)
        return false;
    message_begin(&vault->writer, soon ? 3 : 2);
    message_put_uint(&vault->writer, FIELD_STATUS, STATUS_BUSY);
    message_put_text(&vault->writer, FIELD_MESSAGE, "busy");
    if (soon)
        message_put_uint(&vault->writer, FIELD_RETRY_AFTER_S, 1);
    return true;
}

static void
put_refusal(struct vault *vault, enum status status, const char *message)
{
    message_begin(&vault->writer, 2);
    message_put_uint(&vault->writer, FIELD_STATUS, status);
    message_put_text(&vault->writer, FIELD_MESSAGE, message);
}

static void
put_welcome(struct vault *vault, struct connection *connection)
{
    const char *principal = vault->fake->options.principal;

    connection->known = true;
    randombytes_buf(connection->id, sizeof connection->id);
    message_begin(&vault->writer, 5);
    message_put_uint(&vault->writer, FIELD_STATUS, STATUS_OK);
    message_put_bytes(&vault->writer, FIELD_CONNECTION,
                      bytes_of(connection->id, sizeof connection->id));
    message_put_text(&vault->writer, FIELD_PRINCIPAL, principal != NULL ? principal : "tester");
    message_put_uint(&vault->writer, FIELD_VERSION, PROTOCOL_VERSION);
    message_put_text(&vault->writer, FIELD_RELEASE, "0.0-fake");
}

static bool
is_person(const struct vault *vault, const uint8_t *key)
{
    const struct fake_counts *counts = vault->fake->counts;

    return atomic_load(&counts->enrolled) > 0 && memcmp(counts->person, key, PUBLIC_KEY_BYTES) == 0;
}

static bool
knows_key(const struct vault *vault, const uint8_t *key)
{
    const unsigned char *told = vault->fake->options.public_key;

    return (told != NULL && memcmp(told, key, PUBLIC_KEY_BYTES) == 0) || is_person(vault, key) ||
           (vault->has_session && memcmp(vault->session_key, key, PUBLIC_KEY_BYTES) == 0);
}

/* By uid it knows whoever asks, unless it is told a key; or the person, once she is enrolled. */
static bool
knows(const struct vault *vault, const struct message *request)
{
    struct bytes key;

    if (message_bytes(request, FIELD_PUBLIC_KEY, &key))
        return knows_key(vault, key.data);
    return vault->fake->options.public_key == NULL &&
           (atomic_load(&vault->fake->counts->enrolled) == 0 || vault->fake->options.knows_uid);
}

static void
take_hello(struct vault *vault, struct connection *connection, const struct message *request)
{
    const struct fake_options *options = &vault->fake->options;
    struct bytes key, nonce;

    atomic_fetch_add(&vault->fake->counts->hellos, 1);
    if (options->sealed) {
        put_status(vault, STATUS_SEALED);
        return;
    }
    if (options->throttled && put_busy(vault, false))
        return;
    bool by_key = message_bytes(request, FIELD_PUBLIC_KEY, &key);
    if ((options->principal != NULL && strcmp(options->principal, "nobody") == 0) ||
        !knows(vault, request) || !message_bytes(request, FIELD_NONCE, &nonce)) {
        put_status(vault, STATUS_UNAUTHENTICATED);
        return;
    }
    if (!by_key) {
        connection->as_person = options->knows_uid;
        put_welcome(vault, connection);
        return;
    }
    memcpy(connection->public_key, key.data, PUBLIC_KEY_BYTES);
    memcpy(connection->client_nonce, nonce.data, NONCE_BYTES);
    randombytes_buf(connection->vault_nonce, NONCE_BYTES);
    message_begin(&vault->writer, 3);
    message_put_uint(&vault->writer, FIELD_STATUS, STATUS_OK);
    message_put_bytes(&vault->writer, FIELD_INSTANCE, bytes_of(INSTANCE, sizeof INSTANCE));
    message_put_bytes(&vault->writer, FIELD_NONCE, bytes_of(connection->vault_nonce, NONCE_BYTES));
}

static void
take_prove(struct vault *vault, struct connection *connection, const struct message *request)
{
    uint8_t transcript[HELLO_TRANSCRIPT_BYTES];
    struct ucred peer;
    socklen_t peer_size = sizeof peer;
    struct bytes signature;
    struct hello hello = {
        .instance_id = INSTANCE,
        .public_key = connection->public_key,
        .client_nonce = connection->client_nonce,
        .vault_nonce = connection->vault_nonce,
    };

    must(getsockopt(connection->fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_size) == 0);
    hello.uid = peer.uid;
    hello_transcript(&hello, transcript);
    if (!message_bytes(request, FIELD_SIGNATURE, &signature) ||
        crypto_sign_verify_detached(signature.data, transcript, sizeof transcript,
                                    hello.public_key) != 0) {
        put_status(vault, STATUS_UNAUTHENTICATED);
        return;
    }
    connection->as_person = is_person(vault, hello.public_key);
    connection->in_session =
        vault->has_session && memcmp(vault->session_key, hello.public_key, PUBLIC_KEY_BYTES) == 0;
    put_welcome(vault, connection);
}

/* ---- people ---- */

static bool
says(const struct message *request, enum field field, const char *text)
{
    struct bytes bytes;

    return message_bytes(request, field, &bytes) && bytes_equal(bytes, bytes_of_text(text));
}

static void
take_enrol_begin(struct vault *vault, const struct message *request)
{
    const uint8_t secret[TOTP_SECRET_BYTES] = "12345678901234567890"; /* RFC 6238's own */

    if (!says(request, FIELD_CODE, FAKE_CODE)) {
        put_status(vault, STATUS_UNAUTHENTICATED);
        return;
    }
    randombytes_buf(vault->enrol_nonce, NONCE_BYTES);
    message_begin(&vault->writer, 6);
    message_put_uint(&vault->writer, FIELD_STATUS, STATUS_OK);
    message_put_bytes(&vault->writer, FIELD_INSTANCE, bytes_of(INSTANCE, sizeof INSTANCE));
    message_put_bytes(&vault->writer, FIELD_NONCE, bytes_of(vault->enrol_nonce, NONCE_BYTES));
    message_put_text(&vault->writer, FIELD_PRINCIPAL, "maria");
    message_put_bytes(&vault->writer, FIELD_SECRET, bytes_of(secret, sizeof secret));
    message_put_list(&vault->writer, FIELD_CODES, RECOVERY_CODES);
    for (int i = 1; i <= RECOVERY_CODES; i++) {
        char code[] = FAKE_RECOVERY;
        code[sizeof code - 2] = (char)('0' + i);
        message_add_bytes(&vault->writer, bytes_of_text(code));
    }
}

static enum verdict
take_enrol_confirm(struct vault *vault, const struct message *request)
{
    uint8_t transcript[ENROL_TRANSCRIPT_BYTES_MAX];
    struct bytes key, signature;
    uint64_t uid = 0;

    if (!message_bytes(request, FIELD_PUBLIC_KEY, &key) ||
        !message_bytes(request, FIELD_SIGNATURE, &signature) ||
        !message_uint(request, FIELD_UID, &uid))
        abort();
    struct enrolment enrolment = {
        .instance_id = INSTANCE,
        .nonce = vault->enrol_nonce,
        .public_key = key.data,
        .uid = (uint32_t)uid,
        .name = bytes_of_text("maria"),
    };
    size_t size = enrol_transcript(&enrolment, transcript);
    if (!says(request, FIELD_CODE, FAKE_CODE) ||
        crypto_sign_verify_detached(signature.data, transcript, size, key.data) != 0) {
        put_status(vault, STATUS_UNAUTHENTICATED);
        return ANSWER;
    }
    if (!says(request, FIELD_FACTOR, FAKE_FACTOR)) {
        put_refusal(vault, STATUS_DENIED, FAKE_WRONG);
        return ANSWER;
    }
    memcpy(vault->fake->counts->person, key.data, PUBLIC_KEY_BYTES);
    atomic_store(&vault->fake->counts->enrolled, 1);
    message_begin(&vault->writer, 2);
    message_put_uint(&vault->writer, FIELD_STATUS, STATUS_OK);
    message_put_text(&vault->writer, FIELD_PRINCIPAL, "maria");
    return vault->fake->options.loses_confirmation ? DROP : ANSWER;
}

static void
put_session(struct vault *vault, bool recovery)
{
    message_put_uint(&vault->writer, FIELD_IDLE_S, 900);
    message_put_uint(&vault->writer, FIELD_LASTS_S, 28800);
    message_put_uint(&vault->writer, FIELD_CODES_LEFT, recovery ? 7 : 8);
    message_put_uint(&vault->writer, FIELD_WAITING, 2);
}

static void
take_login(struct vault *vault, struct connection *connection, const struct message *request)
{
    uint8_t transcript[SESSION_TRANSCRIPT_BYTES];
    bool recovery = says(request, FIELD_FACTOR, FAKE_RECOVERY);
    struct bytes key, signature;

    if (!message_bytes(request, FIELD_PUBLIC_KEY, &key) ||
        !message_bytes(request, FIELD_SIGNATURE, &signature))
        abort();
    struct session_certificate certificate = {
        .instance_id = INSTANCE, .connection = connection->id, .session_key = key.data};
    session_transcript(&certificate, transcript);
    if (!connection->as_person ||
        crypto_sign_verify_detached(signature.data, transcript, sizeof transcript,
                                    connection->public_key) != 0) {
        put_status(vault, STATUS_UNAUTHENTICATED);
        return;
    }
    if (!recovery && !says(request, FIELD_FACTOR, FAKE_FACTOR)) {
        if (says(request, FIELD_FACTOR, "locked"))
            put_status(vault, STATUS_QUOTA);
        else
            put_refusal(vault, STATUS_DENIED, FAKE_WRONG);
        return;
    }
    memcpy(vault->session_key, key.data, PUBLIC_KEY_BYTES);
    vault->has_session = connection->in_session = true;
    message_begin(&vault->writer, 6);
    message_put_uint(&vault->writer, FIELD_STATUS, STATUS_OK);
    message_put_text(&vault->writer, FIELD_PRINCIPAL, "maria");
    put_session(vault, recovery);
}

static void
put_self(struct vault *vault, const struct connection *connection)
{
    bool person = connection->as_person || connection->in_session;

    message_begin(&vault->writer, connection->in_session ? 7 : 3);
    message_put_uint(&vault->writer, FIELD_STATUS, STATUS_OK);
    message_put_text(&vault->writer, FIELD_PRINCIPAL, person ? "maria" : "tester");
    if (connection->in_session)
        put_session(vault, false);
    message_put_list(&vault->writer, FIELD_ITEMS, 1);
    message_begin(&vault->writer, 5);
    message_put_text(&vault->writer, FIELD_NAME, person ? "maria" : "tester");
    message_put_uint(&vault->writer, FIELD_KIND, person ? PRINCIPAL_PERSON : PRINCIPAL_SERVICE);
    message_put_uint(&vault->writer, FIELD_CREATED, FAKE_TIME_MS);
    message_put_bool(&vault->writer, FIELD_ENROLLED, person);
    message_put_list(&vault->writer, FIELD_GRANTS, 1);
    message_begin(&vault->writer, 4);
    message_put_uint(&vault->writer, FIELD_ROLE, ROLE_REVEAL);
    message_put_text(&vault->writer, FIELD_NAMESPACE, "shop");
    message_put_uint(&vault->writer, FIELD_DAILY, 50);
    message_put_uint(&vault->writer, FIELD_USED, 12);
}

/* False: it is no operation about who one is, or the person may go on. */
static bool
take_person(struct vault *vault, struct connection *connection, enum operation operation,
            const struct message *request)
{
    if (operation == OP_LOGIN)
        take_login(vault, connection, request);
    else if (operation == OP_WHOAMI)
        put_self(vault, connection);
    else if (connection->as_person && !connection->in_session && operation != OP_FREEZE)
        put_status(vault, STATUS_NO_SESSION);
    else if (operation == OP_LOGOUT) {
        vault->has_session = connection->in_session = connection->known = false;
        message_begin(&vault->writer, 1);
        message_put_uint(&vault->writer, FIELD_STATUS, STATUS_OK);
    } else
        return false;
    return true;
}

static void
put_item(struct vault *vault, enum operation operation, struct bytes value)
{
    bool reveal = operation == OP_DETOKENIZE;

    if (value.size == 0 || bytes_equal(value, bytes_of_text("rubbish"))) {
        put_status(vault, STATUS_INVALID);
        return;
    }
    size_t more = operation == OP_ERASE ? 0 : operation == OP_DESCRIBE ? 4 : 1;
    message_begin(&vault->writer, 2 + more);
    message_put_text(&vault->writer, FIELD_TOKEN, FAKE_TOKEN);
    message_put_uint(&vault->writer, FIELD_KIND, CONTACT_PHONE);
    if (operation == OP_ERASE)
        return;
    if (operation == OP_DESCRIBE) {
        message_put_text(&vault->writer, FIELD_NAMESPACE, "shop");
        message_put_text(&vault->writer, FIELD_COUNTRY, "+39");
        message_put_uint(&vault->writer, FIELD_CREATED, FAKE_TIME_MS);
    }
    /* Echoed where it fits, so that a test sees which answer is whose. */
    if (reveal)
        message_put_text(&vault->writer, FIELD_VALUE, FAKE_VALUE);
    else if (value.size <= MASK_BYTES_MAX && operation == OP_TOKENIZE)
        message_put_bytes(&vault->writer, FIELD_MASK, value);
    else
        message_put_text(&vault->writer, FIELD_MASK, FAKE_MASK);
}

static enum verdict
put_raw(struct vault *vault, struct bytes hex)
{
    if (sodium_hex2bin(vault->reply, sizeof vault->reply, (const char *)hex.data, hex.size, NULL,
                       &vault->writer.size, NULL) != 0)
        abort();
    return ANSWER;
}

/* PENDING, as the vault says it: with the number. */
static void
put_waits(struct vault *vault)
{
    message_begin(&vault->writer, 3);
    message_put_uint(&vault->writer, FIELD_STATUS, STATUS_PENDING);
    message_put_text(&vault->writer, FIELD_MESSAGE,
                     "not done yet: waits for a second admin: vaultctl approve 4711");
    message_put_uint(&vault->writer, FIELD_REQUEST, 4711);
}

/* What a script's word asks for; *ret_done false: it is no word of the script. */
static enum verdict
follow(struct vault *vault, struct connection *connection, struct bytes word, bool *ret_done)
{
    static const struct {
        const char *word;
        enum status status;
    } refusals[] = {
        {"busy", STATUS_BUSY},
        {"sealed", STATUS_SEALED},
        {"forget", STATUS_UNAUTHENTICATED},
        {"forever", STATUS_UNAUTHENTICATED},
        {"denied", STATUS_DENIED},
        {"quota", STATUS_QUOTA},
        {"frozen", STATUS_FROZEN},
        {"no_session", STATUS_NO_SESSION},
        {"pending", STATUS_PENDING},
        {"expired", STATUS_EXPIRED},
        {"unavailable", STATUS_UNAVAILABLE},
        {"internal", STATUS_INTERNAL},
    };

    *ret_done = true;
    if (bytes_equal(word, bytes_of_text("over"))) {
        put_refusal(vault, STATUS_QUOTA, OVER);
        return ANSWER;
    }
    bool soon = bytes_equal(word, bytes_of_text("soon"));
    if (soon || bytes_equal(word, bytes_of_text("twice"))) {
        *ret_done = put_busy(vault, soon);
        return ANSWER;
    }
    if (bytes_equal(word, bytes_of_text("slow")))
        return SILENT;
    if (bytes_equal(word, bytes_of_text("drop")))
        return DROP;
    if (bytes_equal(word, bytes_of_text("die")))
        _exit(0);
    if (word.size > 4 && memcmp(word.data, "raw:", 4) == 0)
        return put_raw(vault, bytes_of(word.data + 4, word.size - 4));
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        if (!bytes_equal(word, bytes_of_text(refusals[i].word)))
            continue;
        if (strcmp(refusals[i].word, "forget") == 0)
            connection->known = false;
        if (refusals[i].status == STATUS_PENDING)
            put_waits(vault);
        else
            put_status(vault, refusals[i].status);
        return ANSWER;
    }
    *ret_done = false;
    return ANSWER;
}

static enum verdict
take_values(struct vault *vault, struct connection *connection, enum operation operation,
            const struct message *request)
{
    static bool forgot; /* "forget" works once a run of the fake */
    const struct message_list *values = NULL;
    struct bytes word;
    bool done = false;

    if (!message_list(request, FIELD_VALUES, &values))
        abort();
    if (!message_bytes(request, FIELD_REASON, &word))
        word = message_list_bytes(values, 0);
    bool forget = bytes_equal(word, bytes_of_text("forget"));
    enum verdict verdict = ANSWER;
    if (!forget || !forgot)
        verdict = follow(vault, connection, word, &done);
    forgot = forgot || forget;
    if (done)
        return verdict;
    if (bytes_equal(word, bytes_of_text("+few")) && message_list_count(values) > FAKE_FEW) {
        put_refusal(vault, STATUS_UNAVAILABLE, "no memory for this batch; send a smaller one");
        return ANSWER;
    }
    if (bytes_equal(word, bytes_of_text("+over")) && message_list_count(values) > FAKE_FEW) {
        put_refusal(vault, STATUS_QUOTA, OVER);
        return ANSWER;
    }
    atomic_fetch_add(&vault->fake->counts->executed, 1);
    message_begin(&vault->writer, 2);
    message_put_uint(&vault->writer, FIELD_STATUS, STATUS_OK);
    message_put_list(&vault->writer, FIELD_ITEMS, message_list_count(values));
    for (size_t i = 0; i < message_list_count(values); i++)
        put_item(vault, operation, message_list_bytes(values, i));
    return ANSWER;
}

static void
begin_items(struct vault *vault, size_t count)
{
    message_begin(&vault->writer, 2);
    message_put_uint(&vault->writer, FIELD_STATUS, STATUS_OK);
    message_put_list(&vault->writer, FIELD_ITEMS, count);
}

static void
put_namespaces(struct vault *vault)
{
    begin_items(vault, 1);
    message_begin(&vault->writer, 5);
    message_put_text(&vault->writer, FIELD_NAME, "shop");
    message_put_text(&vault->writer, FIELD_STATE, "active");
    message_put_uint(&vault->writer, FIELD_CREATED, FAKE_TIME_MS);
    message_put_uint(&vault->writer, FIELD_CONTACTS, 42);
    message_put_uint(&vault->writer, FIELD_RETAIN_MONTHS, 24);
}

static void
put_key(struct vault *vault, uint32_t number, const char *state, uint64_t contacts)
{
    bool active = strcmp(state, "active") == 0;

    message_begin(&vault->writer, active ? 9 : 8);
    message_put_uint(&vault->writer, FIELD_PURPOSE, ROTATED_DATA);
    message_put_text(&vault->writer, FIELD_NAMESPACE, "shop");
    message_put_uint(&vault->writer, FIELD_NUMBER, number);
    message_put_text(&vault->writer, FIELD_STATE, state);
    message_put_uint(&vault->writer, FIELD_CONTACTS, contacts);
    message_put_uint(&vault->writer, FIELD_CREATED, FAKE_TIME_MS);
    message_put_uint(&vault->writer, FIELD_UNTIL, FAKE_TIME_MS + 1);
    message_put_uint(&vault->writer, FIELD_HORIZON, FAKE_TIME_MS + 2);
    if (active) {
        message_put_uint(&vault->writer, FIELD_DUE, FAKE_TIME_MS + 3);
    }
}

/* A page with two keys, then an empty one. */
static void
put_keys(struct vault *vault, const struct message *request)
{
    uint64_t from = 1;
    bool first = !message_uint(request, FIELD_FROM, &from) || from <= 1;

    message_begin(&vault->writer, first ? 9 : 7);
    message_put_uint(&vault->writer, FIELD_STATUS, STATUS_OK);
    message_put_uint(&vault->writer, FIELD_HORIZON, FAKE_TIME_MS + 1);
    message_put_uint(&vault->writer, FIELD_CREATED, FAKE_TIME_MS);
    message_put_uint(&vault->writer, FIELD_LEFT, 7);
    message_put_text(&vault->writer, FIELD_STATE, first ? "running" : "idle");
    message_put_uint(&vault->writer, FIELD_NEXT, 2);
    if (first) {
        message_put_uint(&vault->writer, FIELD_DONE, 30);
        message_put_uint(&vault->writer, FIELD_TOTAL, 42);
    }
    message_put_list(&vault->writer, FIELD_ITEMS, first ? 2 : 0);
    if (first) {
        put_key(vault, 1, "retired", 12);
        put_key(vault, 2, "active", 30);
    }
}

static void
put_begun(struct vault *vault)
{
    const uint8_t id[BACKUP_ID_BYTES] = {0xb0};

    message_begin(&vault->writer, 5);
    message_put_uint(&vault->writer, FIELD_STATUS, STATUS_OK);
    message_put_bytes(&vault->writer, FIELD_BACKUP, bytes_of(id, sizeof id));
    message_put_uint(&vault->writer, FIELD_TIME, FAKE_TIME_MS);
    message_put_uint(&vault->writer, FIELD_TOTAL, 42);
    message_put_uint(&vault->writer, FIELD_BYTES, 1 << 20);
}

/* Each file has two pieces. */
static void
put_piece(struct vault *vault, const struct message *request)
{
    uint64_t from = 0;
    bool first = message_uint(request, FIELD_FROM, &from) && from == 0;

    message_begin(&vault->writer, first ? 4 : 3);
    message_put_uint(&vault->writer, FIELD_STATUS, STATUS_OK);
    message_put_bytes(&vault->writer, FIELD_DATA, bytes_of_text(first ? "first" : "last"));
    message_put_uint(&vault->writer, FIELD_DONE, first ? 20 : 42);
    if (first)
        message_put_uint(&vault->writer, FIELD_NEXT, 5);
}

static void
put_recipients(struct vault *vault)
{
    const uint8_t key[PUBLIC_KEY_BYTES] = {7};

    begin_items(vault, 1);
    message_begin(&vault->writer, 3);
    message_put_text(&vault->writer, FIELD_NAME, "safe");
    message_put_bytes(&vault->writer, FIELD_PUBLIC_KEY, bytes_of(key, sizeof key));
    message_put_uint(&vault->writer, FIELD_CREATED, FAKE_TIME_MS);
}

/* A request about a principal, and one that brings a recipient's key. */
static void
put_pending(struct vault *vault)
{
    const uint8_t key[PUBLIC_KEY_BYTES] = {7};
    const char *const texts[] = {"grant reveal to maria in shop", "seal backups to safe, too"};

    message_begin(&vault->writer, 6);
    message_put_uint(&vault->writer, FIELD_STATUS, STATUS_OK);
    message_put_uint(&vault->writer, FIELD_APPROVALS, APPROVALS_ALWAYS);
    message_put_bool(&vault->writer, FIELD_ACTIVE, true);
    message_put_uint(&vault->writer, FIELD_TOTAL, 3);
    message_put_uint(&vault->writer, FIELD_WAITING, 1);
    message_put_list(&vault->writer, FIELD_ITEMS, 2);
    for (uint64_t i = 0; i < 2; i++) {
        message_begin(&vault->writer, 8);
        message_put_uint(&vault->writer, FIELD_REQUEST, 4711 + i);
        message_put_text(&vault->writer, FIELD_PRINCIPAL, "anna");
        message_put_uint(&vault->writer, FIELD_ACT, i == 0 ? OP_GRANT : OP_RECIPIENT_ADD);
        message_put_text(&vault->writer, FIELD_MESSAGE, texts[i]);
        message_put_uint(&vault->writer, FIELD_CREATED, FAKE_TIME_MS);
        message_put_uint(&vault->writer, FIELD_EXPIRES, FAKE_TIME_MS + 86400000);
        message_put_text(&vault->writer, FIELD_SUBJECT, i == 0 ? "maria" : "safe");
        message_put_bytes(&vault->writer, FIELD_PUBLIC_KEY, bytes_of(key, sizeof key));
    }
}

static void
put_canaries(struct vault *vault)
{
    begin_items(vault, 1);
    message_begin(&vault->writer, 6);
    message_put_text(&vault->writer, FIELD_TOKEN, FAKE_TOKEN);
    message_put_uint(&vault->writer, FIELD_KIND, CONTACT_PHONE);
    message_put_uint(&vault->writer, FIELD_NUMBER, 3);
    message_put_text(&vault->writer, FIELD_NAMESPACE, "milano");
    message_put_uint(&vault->writer, FIELD_CREATED, FAKE_TIME_MS);
    message_put_bool(&vault->writer, FIELD_GONE, true);
}

static void
put_canary(struct vault *vault)
{
    atomic_fetch_add(&vault->fake->counts->executed, 1);
    message_begin(&vault->writer, 4);
    message_put_uint(&vault->writer, FIELD_STATUS, STATUS_OK);
    message_put_text(&vault->writer, FIELD_TOKEN, FAKE_TOKEN);
    message_put_uint(&vault->writer, FIELD_KIND, CONTACT_PHONE);
    message_put_uint(&vault->writer, FIELD_NUMBER, 3);
}

static void
put_inbox(struct vault *vault)
{
    message_begin(&vault->writer, 6);
    message_put_text(&vault->writer, FIELD_NAME, "inbox");
    message_put_uint(&vault->writer, FIELD_KIND, PRINCIPAL_SERVICE);
    message_put_uint(&vault->writer, FIELD_CREATED, FAKE_TIME_MS);
    message_put_bool(&vault->writer, FIELD_DISABLED, false);
    message_put_uint(&vault->writer, FIELD_UID, 1001);
    message_put_list(&vault->writer, FIELD_GRANTS, 2);
    message_begin(&vault->writer, 6);
    message_put_uint(&vault->writer, FIELD_ROLE, ROLE_SERVICE);
    message_put_text(&vault->writer, FIELD_NAMESPACE, "shop");
    message_put_uint(&vault->writer, FIELD_UNTIL, FAKE_TIME_MS + 1);
    message_put_uint(&vault->writer, FIELD_DAILY, 100000);
    message_put_uint(&vault->writer, FIELD_HOURLY, 5000);
    message_put_uint(&vault->writer, FIELD_USED, 1234);
    message_begin(&vault->writer, 1);
    message_put_uint(&vault->writer, FIELD_ROLE, ROLE_ADMIN);
}

static void
put_maria(struct vault *vault)
{
    uint8_t key[PUBLIC_KEY_BYTES] = {1, 2, 3};

    message_begin(&vault->writer, 7);
    message_put_text(&vault->writer, FIELD_NAME, "maria");
    message_put_uint(&vault->writer, FIELD_KIND, PRINCIPAL_PERSON);
    message_put_uint(&vault->writer, FIELD_CREATED, FAKE_TIME_MS);
    message_put_bool(&vault->writer, FIELD_DISABLED, true);
    message_put_bool(&vault->writer, FIELD_RELAYED, true);
    message_put_bool(&vault->writer, FIELD_ENROLLED, true);
    message_put_bytes(&vault->writer, FIELD_PUBLIC_KEY, bytes_of(key, sizeof key));
}

static void
put_page(struct vault *vault, const struct message *request)
{
    uint64_t from = 1;

    if (!message_uint(request, FIELD_FROM, &from) || from == 0)
        from = 1;
    size_t count = from <= FAKE_PRINCIPALS ? 1 : 0;
    message_begin(&vault->writer, 3);
    message_put_uint(&vault->writer, FIELD_STATUS, STATUS_OK);
    message_put_uint(&vault->writer, FIELD_NEXT, vault->fake->options.stuck ? from : from + count);
    message_put_list(&vault->writer, FIELD_ITEMS, count);
    if (from == 1)
        put_inbox(vault);
    else if (count > 0)
        put_maria(vault);
}

/* Who stands in an entry of that number. */
static const char *
actor(uint64_t number)
{
    return number == REASON_ENTRY ? "maria" : "inbox";
}

static void
put_entry(struct vault *vault, uint64_t number)
{
    uint64_t act = number == 1 ? ACT_CREATED : number == BLOCK_ENTRY ? ACT_BUDGET : OP_DETOKENIZE;

    message_begin(&vault->writer, number == REASON_ENTRY ? 12 : number == BLOCK_ENTRY ? 9 : 8);
    message_put_uint(&vault->writer, FIELD_SEQUENCE, number);
    message_put_uint(&vault->writer, FIELD_TIME, FAKE_TIME_MS + number);
    message_put_text(&vault->writer, FIELD_PRINCIPAL, actor(number));
    message_put_uint(&vault->writer, FIELD_ACT, act);
    message_put_uint(&vault->writer, FIELD_PHASE, 1);
    message_put_uint(&vault->writer, FIELD_RESULT, number == 2 ? STATUS_DENIED : STATUS_OK);
    message_put_text(&vault->writer, FIELD_NAMESPACE, "shop");
    message_put_text(&vault->writer, FIELD_TOKEN, FAKE_TOKEN);
    if (number == REASON_ENTRY) {
        message_put_bool(&vault->writer, FIELD_RELAYED, true);
        message_put_text(&vault->writer, FIELD_REASON, FAKE_REASON);
        message_put_text(&vault->writer, FIELD_REASON_PURPOSE, "callback");
        message_put_text(&vault->writer, FIELD_TICKET, FAKE_TICKET);
    }
    if (number == BLOCK_ENTRY)
        message_put_uint(&vault->writer, FIELD_AMOUNT, 100);
}

/* Of the filters it knows the principal; by the others all pass. */
static void
put_entries(struct vault *vault, const struct message *request)
{
    const unsigned __int128 filters = FIELD_BIT(FIELD_PRINCIPAL) | FIELD_BIT(FIELD_TOKEN) |
                                      FIELD_BIT(FIELD_NAMESPACE) | FIELD_BIT(FIELD_ACT) |
                                      FIELD_BIT(FIELD_SINCE) | FIELD_BIT(FIELD_UNTIL);
    uint64_t last = FAKE_ENTRIES + atomic_load(&vault->fake->counts->executed);
    uint64_t from = 1, limit = last, picked[FAKE_REQUEST_BYTES];
    bool filtered = (message_fields(request).bits & filters) != 0;
    struct bytes wanted;
    size_t count = 0;

    if (!message_uint(request, FIELD_FROM, &from) || from == 0)
        from = 1;
    if (!message_uint(request, FIELD_LIMIT, &limit) && filtered)
        limit = FILTERED_ENTRIES;
    bool named = message_bytes(request, FIELD_PRINCIPAL, &wanted);
    uint64_t end = from > last ? from : from + (last + 1 - from < limit ? last + 1 - from : limit);
    for (uint64_t i = from; i < end && count < FAKE_REQUEST_BYTES; i++) {
        if (!named || bytes_equal(wanted, bytes_of_text(actor(i))))
            picked[count++] = i;
    }
    message_begin(&vault->writer, 3);
    message_put_uint(&vault->writer, FIELD_STATUS, STATUS_OK);
    message_put_uint(&vault->writer, FIELD_NEXT, end);
    message_put_list(&vault->writer, FIELD_ITEMS, count);
    for (size_t i = 0; i < count; i++)
        put_entry(vault, picked[i]);
}

static void
put_state(struct vault *vault, bool known)
{
    const struct fake_options *options = &vault->fake->options;
    uint8_t key[PUBLIC_KEY_BYTES] = {0xab, 0xcd};

    message_begin(&vault->writer, known ? 8 : 4);
    message_put_uint(&vault->writer, FIELD_STATUS, STATUS_OK);
    message_put_text(&vault->writer, FIELD_STATE,
                     options->sealed   ? "sealed"
                     : options->frozen ? "frozen"
                                       : "unsealed");
    message_put_text(&vault->writer, FIELD_RELEASE, "0.0-fake");
    message_put_uint(&vault->writer, FIELD_VERSION, PROTOCOL_VERSION);
    if (!known)
        return;
    message_put_uint(&vault->writer, FIELD_NAMESPACES, 1);
    message_put_uint(&vault->writer, FIELD_CONTACTS, 42);
    message_put_uint(&vault->writer, FIELD_FROZEN, options->frozen ? FREEZE_ALL : FREEZE_NONE);
    message_put_bytes(&vault->writer, FIELD_PUBLIC_KEY, bytes_of(key, sizeof key));
}

static void
put_unsealing(struct vault *vault)
{
    struct unseal_slot slot = {.provider = UNSEAL_KEYFILE};
    uint8_t bytes[UNSEAL_SLOT_BYTES_MAX];

    if (vault->fake->options.passphrase) {
        slot = (struct unseal_slot){.provider = UNSEAL_PASSPHRASE,
                                    .salt = {1, 2, 3},
                                    .passes = UNSEAL_PASSES_MIN,
                                    .memory_kib = UNSEAL_MEMORY_KIB_MIN};
    }
    message_begin(&vault->writer, 2);
    message_put_uint(&vault->writer, FIELD_STATUS, STATUS_OK);
    message_put_bytes(&vault->writer, FIELD_UNSEAL, bytes_of(bytes, slot_write(&slot, bytes)));
}

static void
put_share_taken(struct vault *vault)
{
    message_begin(&vault->writer, 4);
    message_put_uint(&vault->writer, FIELD_STATUS, STATUS_OK);
    message_put_text(&vault->writer, FIELD_STATE, "sealed");
    message_put_uint(&vault->writer, FIELD_DONE, 2);
    message_put_uint(&vault->writer, FIELD_TOTAL, 3);
}

/* It runs when it is looked at for the first time after it was begun, and then is over. */
static void
put_compaction(struct vault *vault, const struct message *request)
{
    uint64_t number = 0;
    bool begins = message_uint(request, FIELD_NUMBER, &number);
    bool runs = begins || vault->compacting;

    if (begins) {
        atomic_fetch_add(&vault->fake->counts->executed, 1);
        vault->compacted = vault->fake->options.compact_fails ? 0 : number;
    }
    vault->compacting = begins;
    message_begin(&vault->writer, runs ? 6 : 5);
    message_put_uint(&vault->writer, FIELD_STATUS, STATUS_OK);
    message_put_text(&vault->writer, FIELD_STATE, runs ? "running" : "idle");
    message_put_uint(&vault->writer, FIELD_NUMBER, runs ? 0 : vault->compacted);
    message_put_uint(&vault->writer, FIELD_BYTES, vault->compacted > 0 && !runs ? 600 : 1000);
    if (runs) {
        message_put_uint(&vault->writer, FIELD_DONE, 5);
        message_put_uint(&vault->writer, FIELD_TOTAL, 10);
    } else {
        message_put_uint(&vault->writer, FIELD_RESULT,
                         vault->fake->options.compact_fails ? STATUS_BUSY : STATUS_OK);
    }
}

/* What a person enrols with. */
static void
put_code(struct vault *vault)
{
    atomic_fetch_add(&vault->fake->counts->executed, 1);
    message_begin(&vault->writer, 3);
    message_put_uint(&vault->writer, FIELD_STATUS, STATUS_OK);
    message_put_text(&vault->writer, FIELD_CODE, FAKE_CODE);
    message_put_uint(&vault->writer, FIELD_LASTS_S, 86400);
}

static void
put_done(struct vault *vault)
{
    atomic_fetch_add(&vault->fake->counts->executed, 1);
    message_begin(&vault->writer, 1);
    message_put_uint(&vault->writer, FIELD_STATUS, STATUS_OK);
}

static bool
is_person_added(enum operation operation, const struct message *request)
{
    uint64_t kind = 0;
    struct bytes key;

    return operation == OP_PRINCIPAL_ADD && message_uint(request, FIELD_KIND, &kind) &&
           kind == PRINCIPAL_PERSON && !message_bytes(request, FIELD_PUBLIC_KEY, &key);
}

/* Names can be words of the script, too. */
static enum verdict
take_act(struct vault *vault, struct connection *connection, enum operation operation,
         const struct message *request)
{
    struct bytes word;
    bool done = false;

    if (message_bytes(request, FIELD_NAME, &word)) {
        enum verdict verdict = follow(vault, connection, word, &done);
        if (done)
            return verdict;
    }
    uint64_t role = 0;
    if (message_uint(request, FIELD_ROLE, &role) && (role == ROLE_ADMIN || role == ROLE_AUDIT) &&
        message_bytes(request, FIELD_NAMESPACE, &word))
        put_status(vault, STATUS_INVALID);
    else if (operation == OP_NAMESPACE_LIST)
        put_namespaces(vault);
    else if (operation == OP_KEY_STATUS)
        put_keys(vault, request);
    else if (operation == OP_COMPACT)
        put_compaction(vault, request);
    else if (operation == OP_BACKUP_BEGIN)
        put_begun(vault);
    else if (operation == OP_BACKUP_READ)
        put_piece(vault, request);
    else if (operation == OP_RECIPIENT_LIST)
        put_recipients(vault);
    else if (operation == OP_PENDING)
        put_pending(vault);
    else if (operation == OP_ROOT_ROTATE && vault->fake->options.root_waits)
        put_waits(vault);
    else if (operation == OP_CANARY_LIST)
        put_canaries(vault);
    else if (operation == OP_CANARY_ADD)
        put_canary(vault);
    else if (operation == OP_PRINCIPAL_LIST)
        put_page(vault, request);
    else if (operation == OP_PRINCIPAL_SHOW) {
        begin_items(vault, 1);
        put_inbox(vault);
    } else if (operation == OP_AUDIT_READ)
        put_entries(vault, request);
    else if (operation == OP_PRINCIPAL_INVITE || is_person_added(operation, request))
        put_code(vault);
    else
        put_done(vault);
    return ANSWER;
}

static bool
carries_id(const struct connection *connection, const struct message *request)
{
    struct bytes id;

    return connection->known && message_bytes(request, FIELD_CONNECTION, &id) &&
           bytes_equal(id, bytes_of(connection->id, sizeof connection->id));
}

static void
keep_request(struct fake_counts *counts, struct bytes bytes)
{
    counts->request_size = bytes.size <= sizeof counts->request ? bytes.size : 0;
    memcpy(counts->request, bytes.data, counts->request_size);
}

/* By the table of shapes; those about people it takes as they come. */
static bool
is_sound(const struct message *request, enum operation *ret_operation)
{
    const char *fault;
    uint64_t number = 0, kind = 0;

    if (message_check_request(request, ret_operation, &fault) == STATUS_OK)
        return true;
    bool told = message_uint(request, FIELD_OPERATION, &number);
    *ret_operation = (enum operation)number;
    bool person = message_uint(request, FIELD_KIND, &kind) && kind == PRINCIPAL_PERSON;
    return told && ((number >= OP_ENROL_BEGIN && number <= OP_WHOAMI) ||
                    number == OP_PRINCIPAL_INVITE || (number == OP_PRINCIPAL_ADD && person));
}

static enum verdict
take_request(struct vault *vault, struct connection *connection, struct bytes bytes)
{
    const struct message *request;
    enum operation operation;
    const char *fault;

    if (message_parse(vault->parser, bytes, &request, &fault) != STATUS_OK ||
        !is_sound(request, &operation)) {
        put_status(vault, STATUS_INVALID);
        return ANSWER;
    }
    if (operation == OP_HELLO && vault->fake->options.mute)
        return SILENT;
    if (operation == OP_HELLO)
        take_hello(vault, connection, request);
    else if (operation == OP_PROVE)
        take_prove(vault, connection, request);
    else if (operation == OP_ENROL_BEGIN)
        take_enrol_begin(vault, request);
    else if (operation == OP_ENROL_CONFIRM)
        return take_enrol_confirm(vault, request);
    else if (operation == OP_STATUS)
        put_state(vault, carries_id(connection, request));
    else if (operation == OP_UNSEAL)
        put_done(vault);
    else if (operation == OP_UNSEAL_SHARE)
        put_share_taken(vault);
    else if (operation == OP_UNSEAL_INFO)
        put_unsealing(vault);
    else if (vault->fake->options.sealed)
        put_status(vault, STATUS_SEALED);
    else if (!carries_id(connection, request))
        put_status(vault, STATUS_UNAUTHENTICATED);
    else {
        atomic_fetch_add(&vault->fake->counts->requests, 1);
        keep_request(vault->fake->counts, bytes);
        if (take_person(vault, connection, operation, request))
            return ANSWER;
        if (operation >= OP_TOKENIZE && operation <= OP_DESCRIBE)
            return take_values(vault, connection, operation, request);
        return take_act(vault, connection, operation, request);
    }
    return ANSWER;
}

static bool
send_reply(struct vault *vault, struct connection *connection, const uint8_t *request_id)
{
    uint8_t head[FRAME_HEADER_BYTES + REQUEST_ID_BYTES] = {1};
    struct iovec parts[] = {{head, sizeof head}, {vault->reply, vault->writer.size}};
    struct msghdr whole = {.msg_iov = parts, .msg_iovlen = 2};

    put_u64(head + 1, REQUEST_ID_BYTES + vault->writer.size);
    memcpy(head + FRAME_HEADER_BYTES, request_id, REQUEST_ID_BYTES);
    size_t left = sizeof head + vault->writer.size;
    while (left > 0) {
        ssize_t sent = sendmsg(connection->fd, &whole, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        left -= (size_t)sent;
        for (int i = 0; i < 2; i++) {
            size_t part = (size_t)sent < parts[i].iov_len ? (size_t)sent : parts[i].iov_len;
            parts[i].iov_base = (uint8_t *)parts[i].iov_base + part;
            parts[i].iov_len -= part;
            sent -= (ssize_t)part;
        }
    }
    return true;
}

/* False: close it. */
static bool
serve_frame(struct vault *vault, struct connection *connection)
{
    uint8_t head[FRAME_HEADER_BYTES];

    if (!connection->greeted) {
        if (!read_all(connection->fd, head, SP_HEADER_BYTES))
            return false; /* only asked whether somebody listens */
        connection->greeted = true;
        atomic_fetch_add(&vault->fake->counts->connections, 1);
        return true;
    }
    if (!read_all(connection->fd, head, 1))
        return false;
    atomic_fetch_add(&vault->fake->counts->frames, 1);
    if (!read_all(connection->fd, head + 1, sizeof head - 1))
        return false;
    uint64_t size = get_u64(head + 1);
    if (size < REQUEST_ID_BYTES || size > sizeof vault->request ||
        !read_all(connection->fd, vault->request, size))
        return false;
    vault->writer = (struct message_writer){.data = vault->reply, .capacity = sizeof vault->reply};
    struct bytes bytes = bytes_of(vault->request + REQUEST_ID_BYTES, size - REQUEST_ID_BYTES);
    enum verdict verdict = take_request(vault, connection, bytes);
    return verdict == SILENT ||
           (verdict == ANSWER && send_reply(vault, connection, vault->request));
}

static void
accept_one(struct vault *vault, int listener)
{
    int fd = accept(listener, NULL, NULL);

    for (size_t i = 0; fd >= 0 && i < CONNECTIONS_MAX; i++) {
        if (vault->connections[i].fd != 0)
            continue;
        vault->connections[i] = (struct connection){.fd = fd};
        (void)send(fd, SP_REP, sizeof SP_REP, MSG_NOSIGNAL); /* it may be closed again already */
        return;
    }
}

static void
serve(const struct fake *fake, int listener)
{
    struct vault *vault = calloc(1, sizeof *vault);

    must(vault != NULL && message_parser_new(&vault->parser) == STATUS_OK);
    vault->fake = fake;
    for (;;) {
        struct pollfd polls[CONNECTIONS_MAX + 1];
        for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
            int fd = vault->connections[i].fd;
            polls[i] = (struct pollfd){.fd = fd != 0 ? fd : -1, .events = POLLIN};
        }
        polls[CONNECTIONS_MAX] = (struct pollfd){.fd = listener, .events = POLLIN};
        if (poll(polls, CONNECTIONS_MAX + 1, -1) < 0)
            continue;
        for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
            struct connection *connection = &vault->connections[i];
            if (polls[i].revents != 0 && !serve_frame(vault, connection)) {
                close(connection->fd);
                connection->fd = 0;
            }
        }
        if (polls[CONNECTIONS_MAX].revents != 0)
            accept_one(vault, listener);
    }
}

void
fake_restart(struct fake *fake)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int ready[2];
    char byte;

    must(strlen(fake->options.path) < sizeof address.sun_path);
    memcpy(address.sun_path, fake->options.path, strlen(fake->options.path));
    (void)unlink(address.sun_path);
    must(pipe(ready) == 0);
    fake->pid = fork();
    must(fake->pid >= 0);
    if (fake->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int listener = socket(AF_UNIX, SOCK_STREAM, 0);
        if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0)
            abort();
        /* The peer's uid is the one that called listen. */
        if (fake->options.uid != 0 && setuid(fake->options.uid) != 0)
            abort();
        if (listen(listener, CONNECTIONS_MAX) != 0 || write(ready[1], "r", 1) != 1)
            abort();
        serve(fake, listener);
    }
    close(ready[1]);
    must(read(ready[0], &byte, 1) == 1);
    close(ready[0]);
}

void
fake_start(struct fake *fake, const struct fake_options *options)
{
    must(sodium_init() >= 0);
    fake->options = *options;
    fake->counts =
        mmap(NULL, sizeof *fake->counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(fake->counts != MAP_FAILED);
    fake_restart(fake);
}

void
fake_kill(struct fake *fake)
{
    if (fake->pid <= 0)
        return;
    (void)kill(fake->pid, SIGKILL);
    (void)waitpid(fake->pid, NULL, 0);
    fake->pid = 0;
}

void
fake_stop(struct fake *fake)
{
    fake_kill(fake);
    (void)unlink(fake->options.path);
    if (fake->counts != NULL)
        munmap(fake->counts, sizeof *fake->counts);
    fake->counts = NULL;
}
