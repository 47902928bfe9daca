/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <assert.h>
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hello.h"
#include "unseal.h"

/* What goes wrong in here is the test's own fault: stop at once. */
static void
must(enum status status)
{
    if (status != STATUS_OK) {
        (void)fprintf(stderr, "fixture: %s\n", status_name(status));
        abort();
    }
}

void
fixture_path(const struct fixture *fixture, const char *name,
             char ret_path[static FIXTURE_PATH_BYTES])
{
    int size = snprintf(ret_path, FIXTURE_PATH_BYTES, "%s/%s", fixture->folder, name);

    assert(size > 0 && size < FIXTURE_PATH_BYTES);
}

static uint64_t
store_changes_of(const void *store)
{
    return store_changes(store);
}

static enum status
open_log(struct fixture *fixture, struct audit_summary *ret_found)
{
    char folder[FIXTURE_PATH_BYTES];
    char checkpoints[FIXTURE_PATH_BYTES];
    struct audit_options options = {
        .folder = folder,
        .vault_id = keyring_vault_id(fixture->keyring),
        .instance_id = vault_instance_id(fixture->vault),
        .keyring = fixture->keyring,
        .store_changes = store_changes_of,
        .store = fixture->store,
        .checkpoint_folder = fixture->keeps_checkpoints ? checkpoints : NULL,
        .segment_bytes = fixture->segment_bytes,
    };

    fixture_path(fixture, "audit", folder);
    fixture_path(fixture, "checkpoints", checkpoints);
    return audit_open(&options, ret_found, fixture->fault, &fixture->audit);
}

static enum status
open_parts(struct fixture *fixture)
{
    char path[FIXTURE_PATH_BYTES];
    struct audit_summary found;
    struct dispatch_parts parts = {.daemon_uid = fixture->daemon_uid,
                                   .unseal_uids = fixture->unseal_uids,
                                   .unseal_uid_count = fixture->unseal_uid_count,
                                   .purposes = fixture->purposes,
                                   .tell = fixture->tell,
                                   .teller = fixture->teller,
                                   .alarm_lookup_misses = fixture->alarm_lookup_misses,
                                   .found = &found,
                                   .making = true,
                                   .audit_retain_months = fixture->audit_retain_months,
                                   .rekey_rate = fixture->rekey_rate,
                                   .data_key_max_days = fixture->data_key_max_days,
                                   .data_key_max_records = fixture->data_key_max_records};
    enum status status;

    fixture_path(fixture, "keyring", path);
    status = keyring_open(path, &fixture->keyring);
    fixture_path(fixture, "store", path);
    if (status == STATUS_OK) {
        status = store_open_with(fixture->backend,
                                 &(struct store_options){.folder = path, .map_bytes = 1u << 30},
                                 &fixture->store);
    }
    if (status == STATUS_OK) {
        status = vault_open(fixture->store, fixture->keyring, fixture->fault, &fixture->vault);
    }
    if (status == STATUS_OK) {
        status = open_log(fixture, &found);
    }
    if (status == STATUS_OK) {
        status = access_new(fixture->store, fixture->keyring, &fixture->defaults, &fixture->access);
    }
    if (status == STATUS_OK) {
        status = budgets_new(&fixture->budgets);
    }
    if (status == STATUS_OK) {
        status = backup_new(&(struct backup_parts){.store = fixture->store,
                                                   .keyring = fixture->keyring,
                                                   .audit = fixture->audit,
                                                   .instance_id = vault_instance_id(fixture->vault),
                                                   .rate = fixture->backup_rate},
                            &fixture->backup);
    }
    if (status == STATUS_OK) {
        parts.backup = fixture->backup;
        parts.vault = fixture->vault;
        parts.access = fixture->access;
        parts.audit = fixture->audit;
        parts.budgets = fixture->budgets;
        status = dispatch_new(&parts, &fixture->dispatch);
    }
    return status;
}

enum status
fixture_open(struct fixture *fixture)
{
    enum status status = open_parts(fixture);

    if (status == STATUS_OK) {
        status = dispatch_unseal(fixture->dispatch, fixture->root, fixture->fault);
    }
    return status;
}

void
fixture_close(struct fixture *fixture)
{
    dispatch_free(&fixture->dispatch);
    backup_free(&fixture->backup);
    budgets_free(&fixture->budgets);
    access_free(&fixture->access);
    audit_close(&fixture->audit);
    vault_close(&fixture->vault);
    store_close(&fixture->store);
    keyring_close(&fixture->keyring);
}

void
fixture_make(struct fixture *fixture)
{
    fixture_make_over(fixture, &store_lmdb_backend);
}

void
fixture_make_over(struct fixture *fixture, const struct store_backend *backend)
{
    char path[FIXTURE_PATH_BYTES];
    uint8_t id[VAULT_ID_BYTES];
    struct keyring *keyring = NULL;
    struct store *store = NULL;
    const char *parent = getenv("TMPDIR");

    assert(sodium_init() >= 0);
    *fixture = (struct fixture){
        .backend = backend,
        .defaults = {.service = {1000000, 0},
                     .lookup = {1000000, 0},
                     .reveal = {100000, 0},
                     .deliver = {100000, 0}},
    };
    (void)snprintf(fixture->folder, sizeof fixture->folder, "%s/contact-vault-test-XXXXXX",
                   parent == NULL ? "/tmp" : parent);
    if (mkdtemp(fixture->folder) == NULL) {
        abort();
    }
    fixture_path(fixture, "key", path);
    must(unseal_keyfile_create(path, &fixture->root));
    randombytes_buf(id, sizeof id);
    fixture_path(fixture, "keyring", path);
    must(keyring_create(path, id, fixture->root, NULL));
    must(keyring_open(path, &keyring));
    fixture_path(fixture, "store", path);
    (void)mkdir(path, 0700);
    must(store_open(&(struct store_options){.folder = path, .map_bytes = 1u << 30}, &store));
    must(vault_create(store, keyring, id));
    store_close(&store);
    keyring_close(&keyring);
    fixture_path(fixture, "checkpoints", path);
    (void)mkdir(path, 0700);
    must(fixture_open(fixture));
    must(dispatch_add_first_admin(fixture->dispatch, bytes_of_text("admin"), FIXTURE_ADMIN_UID));
}

static int
remove_one(const char *path, const struct stat *found, int type, struct FTW *walk)
{
    (void)found;
    (void)type;
    (void)walk;
    return remove(path);
}

void
fixture_remove(struct fixture *fixture)
{
    fixture_close(fixture);
    secret_free(&fixture->root);
    (void)nftw(fixture->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- callers ---- */

void
caller_make(struct caller *caller, struct fixture *fixture, enum peer_socket socket, uint32_t uid)
{
    *caller = (struct caller){.fixture = fixture};
    dispatch_peer_init(&caller->peer, socket, uid);
    must(workspace_new(&caller->workspace));
    must(message_parser_new(&caller->parser));
    caller->request_bytes = malloc(FIXTURE_REQUEST_BYTES);
    caller->reply_bytes = malloc(2 * FIXTURE_REQUEST_BYTES);
    assert(caller->request_bytes != NULL && caller->reply_bytes != NULL);
}

void
caller_remove(struct caller *caller)
{
    workspace_free(&caller->workspace);
    message_parser_free(&caller->parser);
    free(caller->request_bytes);
    free(caller->reply_bytes);
}

void
caller_begin(struct caller *caller, enum operation operation, size_t fields)
{
    bool bare = operation == OP_HELLO || operation == OP_ENROL_BEGIN ||
                operation == OP_ENROL_CONFIRM || operation == OP_PROVE || operation == OP_UNSEAL ||
                operation == OP_UNSEAL_INFO || operation == OP_UNSEAL_SHARE ||
                (operation == OP_STATUS && caller->peer.state != PEER_KNOWN);

    caller->request =
        (struct message_writer){.data = caller->request_bytes, .capacity = FIXTURE_REQUEST_BYTES};
    message_begin(&caller->request, fields + (bare ? 1 : 2));
    message_put_uint(&caller->request, FIELD_OPERATION, operation);
    if (!bare) {
        message_put_bytes(&caller->request, FIELD_CONNECTION,
                          bytes_of(caller->peer.connection, CONNECTION_ID_BYTES));
    }
}

enum status
caller_send_bytes(struct caller *caller, struct bytes request)
{
    struct bytes reply = {0};
    const char *fault = "";
    uint64_t status = STATUS_INTERNAL;
    struct dispatch *dispatch = caller->fixture->dispatch;

    if (dispatch_handle(dispatch, &caller->peer, caller->workspace, request, DISPATCH_NO_WAIT,
                        &reply) == DISPATCH_WOULD_WAIT) {
        enum dispatch_outcome outcome = dispatch_handle(dispatch, &caller->peer, caller->workspace,
                                                        request, DISPATCH_MAY_WAIT, &reply);

        assert(outcome == DISPATCH_ANSWERED);
    }
    assert(reply.size <= 2 * FIXTURE_REQUEST_BYTES);
    memcpy(caller->reply_bytes, reply.data, reply.size);
    caller->reply_size = reply.size;
    workspace_wipe(caller->workspace);
    must(message_parse(caller->parser, bytes_of(caller->reply_bytes, reply.size), &caller->reply,
                       &fault));
    assert(message_uint(caller->reply, FIELD_STATUS, &status));
    return (enum status)status;
}

/* A person whose session is over (the vault was opened anew, or it is long ago) logs in and asks
 * again. */
static enum status
send_in_a_new_session(struct caller *caller, struct person *person)
{
    size_t size = caller->request.size;
    uint8_t *request = malloc(size);
    uint8_t old[CONNECTION_ID_BYTES];
    uint8_t *place;
    enum status status;

    assert(request != NULL);
    memcpy(request, caller->request.data, size);
    memcpy(old, caller->peer.connection, sizeof old);
    status = people_hello(caller, person);
    if (status == STATUS_OK) {
        place = memmem(request, size, old, sizeof old);
        assert(place != NULL);
        memcpy(place, caller->peer.connection, CONNECTION_ID_BYTES);
        status = caller_send_bytes(caller, bytes_of(request, size));
    }
    free(request);
    return status;
}

enum status
caller_send(struct caller *caller)
{
    struct person *person = people_find(caller->fixture, caller->peer.uid);
    enum status status;

    assert(!caller->request.full);
    status = caller_send_bytes(caller, bytes_of(caller->request.data, caller->request.size));
    return status == STATUS_NO_SESSION && person != NULL && !caller->fixture->people_stay_out
               ? send_in_a_new_session(caller, person)
               : status;
}

enum status
caller_hello(struct caller *caller)
{
    struct person *person = people_find(caller->fixture, caller->peer.uid);

    return person != NULL ? people_hello(caller, person) : caller_hello_by_uid(caller);
}

enum status
caller_hello_by_uid(struct caller *caller)
{
    uint8_t nonce[NONCE_BYTES] = {1};

    caller_begin(caller, OP_HELLO, 2);
    message_put_uint(&caller->request, FIELD_VERSION, PROTOCOL_VERSION);
    message_put_bytes(&caller->request, FIELD_NONCE, bytes_of(nonce, sizeof nonce));
    return caller_send(caller);
}

static const struct message *
item_at(const struct caller *caller, size_t i)
{
    const struct message_list *items = NULL;
    bool present = message_list(caller->reply, FIELD_ITEMS, &items);

    assert(present && i < message_list_count(items));
    return message_list_message(items, i);
}

enum status
caller_item_status(const struct caller *caller, size_t i)
{
    uint64_t status = STATUS_OK;

    return message_uint(item_at(caller, i), FIELD_STATUS, &status) ? (enum status)status
                                                                   : STATUS_OK;
}

struct bytes
caller_item_text(const struct caller *caller, size_t i, enum field field)
{
    struct bytes text = {0};

    return message_bytes(item_at(caller, i), field, &text) ? text : (struct bytes){0};
}

enum status
caller_values(struct caller *caller, enum operation operation, const char *const *values,
              size_t count, const char *namespace_name, const char *reason)
{
    caller_begin(caller, operation, 1u + (namespace_name != NULL) + (reason != NULL));
    message_put_list(&caller->request, FIELD_VALUES, count);
    for (size_t i = 0; i < count; i++) {
        message_add_bytes(&caller->request, bytes_of_text(values[i]));
    }
    if (namespace_name != NULL) {
        message_put_text(&caller->request, FIELD_NAMESPACE, namespace_name);
    }
    if (reason != NULL) {
        message_put_text(&caller->request, FIELD_REASON, reason);
    }
    return caller_send(caller);
}

enum status
caller_name(struct caller *caller, enum operation operation, const char *name)
{
    caller_begin(caller, operation, 1);
    message_put_text(&caller->request, FIELD_NAME, name);
    return caller_send(caller);
}

enum status
caller_namespace_create(struct caller *caller, const char *name)
{
    return caller_name(caller, OP_NAMESPACE_CREATE, name);
}

/* With the code that stands in the answer. */
static enum status
enrol(struct caller *caller, const char *name, uint32_t uid)
{
    struct bytes code = {0};
    bool present = message_bytes(caller->reply, FIELD_CODE, &code);

    assert(present);
    return people_enrol(caller->fixture, people_invite(caller->fixture, name, uid, code));
}

enum status
caller_principal_add(struct caller *caller, const char *name, enum principal_kind kind,
                     uint32_t uid)
{
    enum status status;

    caller_begin(caller, OP_PRINCIPAL_ADD, 3);
    message_put_text(&caller->request, FIELD_NAME, name);
    message_put_uint(&caller->request, FIELD_KIND, kind);
    message_put_uint(&caller->request, FIELD_UID, uid);
    status = caller_send(caller);
    return status == STATUS_OK && kind == PRINCIPAL_PERSON ? enrol(caller, name, uid) : status;
}

_Static_assert((int)CALLER_SECRET_KEY_BYTES == (int)crypto_sign_SECRETKEYBYTES, "");

enum status
caller_principal_add_by_key(struct caller *caller, const char *name, enum principal_kind kind,
                            struct caller_key *ret_key)
{
    (void)crypto_sign_keypair(ret_key->public_key, ret_key->secret_key);
    caller_begin(caller, OP_PRINCIPAL_ADD, 3);
    message_put_text(&caller->request, FIELD_NAME, name);
    message_put_uint(&caller->request, FIELD_KIND, kind);
    message_put_bytes(&caller->request, FIELD_PUBLIC_KEY,
                      bytes_of(ret_key->public_key, PUBLIC_KEY_BYTES));
    return caller_send(caller);
}

enum status
caller_hello_by_key(struct caller *caller, const struct caller_key *key)
{
    const uint8_t nonce[NONCE_BYTES] = {9};
    uint8_t transcript[HELLO_TRANSCRIPT_BYTES];
    uint8_t signature[SIGNATURE_BYTES];
    struct bytes instance = {0};
    struct bytes vault_nonce = {0};
    bool asked;

    caller_begin(caller, OP_HELLO, 3);
    message_put_uint(&caller->request, FIELD_VERSION, PROTOCOL_VERSION);
    message_put_bytes(&caller->request, FIELD_NONCE, bytes_of(nonce, NONCE_BYTES));
    message_put_bytes(&caller->request, FIELD_PUBLIC_KEY,
                      bytes_of(key->public_key, PUBLIC_KEY_BYTES));
    must(caller_send(caller));
    asked = message_bytes(caller->reply, FIELD_INSTANCE, &instance) &&
            message_bytes(caller->reply, FIELD_NONCE, &vault_nonce);
    assert(asked);
    hello_transcript(&(struct hello){.instance_id = instance.data,
                                     .public_key = key->public_key,
                                     .client_nonce = nonce,
                                     .vault_nonce = vault_nonce.data,
                                     .uid = caller->peer.uid},
                     transcript);
    (void)crypto_sign_detached(signature, NULL, transcript, sizeof transcript, key->secret_key);
    caller_begin(caller, OP_PROVE, 2);
    message_put_bytes(&caller->request, FIELD_SIGNATURE, bytes_of(signature, sizeof signature));
    message_put_uint(&caller->request, FIELD_UID, caller->peer.uid);
    return caller_send(caller);
}

enum status
caller_grant(struct caller *caller, enum operation operation, const char *name, enum role role,
             const char *namespace_name)
{
    caller_begin(caller, operation, 2u + (namespace_name != NULL));
    message_put_text(&caller->request, FIELD_NAME, name);
    message_put_uint(&caller->request, FIELD_ROLE, role);
    if (namespace_name != NULL) {
        message_put_text(&caller->request, FIELD_NAMESPACE, namespace_name);
    }
    return caller_send(caller);
}

enum status
caller_grant_on_terms(struct caller *caller, const char *name, enum role role,
                      const char *namespace_name, const struct caller_terms *terms)
{
    const struct {
        enum field field;
        uint64_t value;
    } figures[] = {{FIELD_LASTS_S, terms->lasts_s},
                   {FIELD_UNTIL, terms->until_ms},
                   {FIELD_DAILY, terms->daily},
                   {FIELD_HOURLY, terms->hourly}};
    size_t count = sizeof figures / sizeof figures[0];
    size_t fields = 2u + (namespace_name != NULL);

    for (size_t i = 0; i < count; i++) {
        fields += figures[i].value > 0;
    }
    caller_begin(caller, OP_GRANT, fields);
    message_put_text(&caller->request, FIELD_NAME, name);
    message_put_uint(&caller->request, FIELD_ROLE, role);
    if (namespace_name != NULL) {
        message_put_text(&caller->request, FIELD_NAMESPACE, namespace_name);
    }
    for (size_t i = 0; i < count; i++) {
        if (figures[i].value > 0) {
            message_put_uint(&caller->request, figures[i].field, figures[i].value);
        }
    }
    return caller_send(caller);
}

enum status
caller_freeze(struct caller *caller, bool deliveries_too)
{
    caller_begin(caller, OP_FREEZE, deliveries_too);
    if (deliveries_too) {
        message_put_bool(&caller->request, FIELD_ALL, true);
    }
    return caller_send(caller);
}

enum status
caller_unfreeze(struct caller *caller)
{
    caller_begin(caller, OP_UNFREEZE, 0);
    return caller_send(caller);
}

enum status
caller_approvals(struct caller *caller, enum approvals approvals)
{
    caller_begin(caller, OP_APPROVALS_SET, 1);
    message_put_uint(&caller->request, FIELD_APPROVALS, approvals);
    return caller_send(caller);
}

enum status
caller_decide(struct caller *caller, enum operation operation, uint64_t request)
{
    caller_begin(caller, operation, 1);
    message_put_uint(&caller->request, FIELD_REQUEST, request);
    return caller_send(caller);
}

uint64_t
caller_request_number(const struct caller *caller)
{
    uint64_t number = 0;

    return message_uint(caller->reply, FIELD_REQUEST, &number) ? number : 0;
}
