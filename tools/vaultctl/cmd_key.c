/* SPDX-License-Identifier: Apache-2.0 */
/* key rotate, key status: data and index keys. */
#include "commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "horizon.h"
#include "progress.h"
#include "retry.h"
#include "table.h"

/* What is known of rotations after a look at all pages. */
struct look {
    size_t keys; /* seen */
    bool stuck;
    bool any; /* is anything rotating? */
    uint64_t done, total;
    uint64_t left; /* of shredded namespaces, to be swept */
    struct horizon horizon;
};

static bool
is_active(const struct cv_key *key)
{
    return strcmp(key->state, "active") == 0;
}

/* ---- status ---- */

typedef void key_visit(void *state, const struct cv_key *key);

struct walk {
    const char *only; /* the namespace; NULL: all */
    key_visit *visit; /* or NULL */
    void *state;
};

static void
look_at_page(const struct walk *walk, const struct cv_reply *reply, struct look *look)
{
    if (reply->root_since_ms > 0) {
        look->horizon.root_since_ms = reply->root_since_ms;
        look->left = reply->left;
        if (walk->only == NULL) {
            horizon_add_whole(&look->horizon, reply);
        }
    }
    for (size_t i = 0; i < reply->count; i++) {
        const struct cv_key *key = &reply->keys[i];

        if (walk->only != NULL && strcmp(walk->only, key->namespace_name) != 0) {
            continue;
        }
        look->keys++;
        look->any |= !is_active(key);
        horizon_add(&look->horizon, key);
        if (walk->visit != NULL) {
            walk->visit(walk->state, key);
        }
    }
}

/* Every page: each key is visited, and the figures are added up. The last reply is the caller's. */
static enum cv_status
visit_keys(struct cv_client *client, const struct walk *walk, struct look *ret_look,
           struct cv_reply **ret_reply)
{
    struct cv_reply *reply = NULL;
    uint64_t from = 0;
    size_t count;

    *ret_look = (struct look){0};
    horizon_start(&ret_look->horizon);
    do {
        cv_reply_free(&reply);
        (void)cv_key_status(client, from, &reply);
        count = reply->status == CV_OK ? reply->count : 0;
        if (reply->status == CV_OK) {
            look_at_page(walk, reply, ret_look);
        }
        if (count > 0) {
            ret_look->stuck |= strcmp(reply->state, "stuck") == 0;
            ret_look->done += reply->done;
            ret_look->total += reply->total;
            from = reply->next;
        }
    } while (count > 0);
    *ret_reply = reply;
    return reply->status;
}

/* Where keys go: into a document, a table, or onto stdout. */
struct listing {
    json_t *keys;
    struct table *table;
};

static void
list_key(void *state, const struct cv_key *key)
{
    struct listing *listing = state;
    const char *purpose = cv_key_purpose_name(key->purpose);
    char created[TIME_TEXT_BYTES], number[TIME_TEXT_BYTES], contacts[TIME_TEXT_BYTES];
    char due[TIME_TEXT_BYTES] = "";

    purpose = purpose == NULL ? "unknown" : purpose;
    time_print(key->created_ms, created);
    if (key->due_ms > 0) {
        time_print(key->due_ms, due);
    }
    if (listing->keys != NULL) {
        json_array_append_new(listing->keys,
                              json_pack("{s:s, s:s, s:I, s:s, s:I, s:s, s:s?}", "purpose", purpose,
                                        "namespace", key->namespace_name, "epoch",
                                        (json_int_t)key->number, "state", key->state, "records",
                                        (json_int_t)key->contacts, "created", created, "due",
                                        key->due_ms > 0 ? due : NULL));
    } else if (listing->table != NULL) {
        (void)snprintf(number, sizeof number, "%" PRIu32, key->number);
        (void)snprintf(contacts, sizeof contacts, "%" PRIu64, key->contacts);
        time_print_short(key->created_ms, created);
        if (key->due_ms > 0) {
            time_print_short(key->due_ms, due);
        }
        table_add(listing->table,
                  (const char *const[]){key->namespace_name, purpose, number, key->state, contacts,
                                        created, due},
                  is_active(key) ? COLOUR_NONE : COLOUR_WARN);
    } else {
        printf("%s\t%s\t%" PRIu32 "\t%s\t%" PRIu64 " contact%s\t%s%s%s\n", key->namespace_name,
               purpose, key->number, key->state, key->contacts, plural(key->contacts), created,
               key->due_ms > 0 ? "\tdue " : "", due);
    }
}

static void
print_rotations(const struct look *look)
{
    if (look->stuck) {
        (void)puts("stuck: an old key stays, because records do not open; the daemon's log names "
                   "them");
    } else if (look->any) {
        printf("rotating: %" PRIu64 " of %" PRIu64 "\n", look->done, look->total);
    }
    if (look->left > 0) {
        printf("sweeping: %" PRIu64 " contact%s of shredded namespaces left\n", look->left,
               plural(look->left));
    }
    horizon_print(&look->horizon);
}

enum exit_code
cmd_key_status(const struct arguments *arguments)
{
    static const char *const heads[] = {"NAMESPACE", "KEY",     "EPOCH", "STATE",
                                        "CONTACTS",  "CREATED", "DUE"};
    struct listing listing = {0};
    const struct walk walk = {
        .only = arguments->namespace_given ? arguments->namespace_name : NULL,
        .visit = list_key,
        .state = &listing,
    };
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    struct look look;
    enum exit_code code = session_open(arguments, SOCKET_DATA, &client);

    if (code != EXIT_OK) {
        return code;
    }
    if (arguments->json) {
        listing.keys = json_array();
    } else if (terminal_is(stdout)) {
        listing.table = table_new(heads, sizeof heads / sizeof *heads);
    }
    (void)visit_keys(client, &walk, &look, &reply);
    code = report(arguments, reply);
    if (code == EXIT_OK && walk.only != NULL && look.keys == 0) {
        code = fail(arguments, EXIT_REFUSED,
                    "no keys of that namespace: it is not there, or was shredded, or no grant of "
                    "yours shows them");
    }
    if (code != EXIT_OK) {
        json_decref(listing.keys);
        table_free(&listing.table);
    } else if (arguments->json) {
        print_json(json_pack("{s:o, s:{s:b, s:b, s:I, s:I}, s:{s:I}, s:o}", "keys", listing.keys,
                             "rekey", "running", look.any && !look.stuck, "stuck", look.stuck,
                             "done", (json_int_t)look.done, "total", (json_int_t)look.total,
                             "sweep", "left", (json_int_t)look.left, "horizon",
                             horizon_json(&look.horizon)));
    } else {
        if (listing.table != NULL) {
            print_table(&listing.table);
        }
        print_rotations(&look);
    }
    cv_reply_free(&reply);
    cv_close(&client);
    return code;
}

/* ---- rotate ---- */

/* What is waited for: that no key of this purpose is retired there. */
struct awaited {
    enum cv_key_purpose purpose;
    const char *namespace_name; /* NULL: anywhere */
    bool rotates;
};

static void
look_at_key(void *state, const struct cv_key *key)
{
    struct awaited *awaited = state;

    awaited->rotates |= key->purpose == awaited->purpose && !is_active(key) &&
                        (awaited->namespace_name == NULL ||
                         strcmp(awaited->namespace_name, key->namespace_name) == 0);
}

static enum exit_code
wait_for(const struct arguments *arguments, struct cv_client *client, struct awaited *awaited)
{
    struct progress progress;
    const struct walk walk = {.visit = look_at_key, .state = awaited};
    struct look look = {.any = true};
    enum exit_code code = EXIT_OK;
    int failures = 0;
    bool goes_on = true;

    progress_start(&progress, "contacts", 0, !arguments->json);
    while (goes_on) {
        struct cv_reply *reply = NULL;

        awaited->rotates = false;
        enum cv_status status = visit_keys(client, &walk, &look, &reply);
        if (!retry_may_look_again(status, &failures)) {
            code = report(arguments, reply);
            goes_on = false;
        } else if (status == CV_OK) {
            goes_on = awaited->rotates && !look.stuck;
            progress.total = look.total > progress.total ? look.total : progress.total;
            progress_show(&progress, goes_on ? look.done : progress.total,
                          goes_on ? look.done : progress.total);
        }
        cv_reply_free(&reply);
        if (goes_on) {
            retry_rest();
        }
    }
    progress_end(&progress);
    if (code == EXIT_OK && look.stuck && awaited->rotates) {
        return fail(arguments, EXIT_REFUSED,
                    "stuck: the old key stays, because records do not open; the daemon's log names "
                    "them (record_corrupt)");
    }
    return code;
}

/* An index key that rotates already was made before: what was erased since wants another one. */
static enum exit_code
rotate_after_all(const struct arguments *arguments, struct cv_client *client,
                 enum cv_key_purpose purpose)
{
    struct awaited awaited = {.purpose = purpose, .namespace_name = arguments->namespace_name};
    enum exit_code code = EXIT_OK;
    struct cv_reply *reply = NULL;

    (void)cv_key_rotate(client, purpose, awaited.namespace_name, false, &reply);
    if (reply->status == CV_CONFLICT && !arguments->detach) {
        cv_reply_free(&reply);
        code = wait_for(arguments, client, &awaited);
        (void)cv_key_rotate(client, purpose, awaited.namespace_name, false, &reply);
    }
    if (code == EXIT_OK) {
        code = report(arguments, reply);
    }
    cv_reply_free(&reply);
    return code == EXIT_OK && !arguments->detach ? wait_for(arguments, client, &awaited) : code;
}

/* What is out of reach now that the old keys are gone. */
static enum exit_code
tell_horizon(const struct arguments *arguments, struct cv_client *client)
{
    const struct walk walk = {.only = arguments->namespace_name};
    struct cv_reply *reply = NULL;
    struct look look;

    (void)visit_keys(client, &walk, &look, &reply);
    enum exit_code code = report(arguments, reply);
    if (code == EXIT_OK && arguments->json) {
        print_json(json_pack("{s:o}", "horizon", horizon_json(&look.horizon)));
    } else if (code == EXIT_OK) {
        horizon_print(&look.horizon);
    }
    cv_reply_free(&reply);
    return code;
}

enum exit_code
rotate_both_keys(const struct arguments *arguments)
{
    struct cv_client *client = NULL;
    enum exit_code code = session_open(arguments, SOCKET_DATA, &client);

    for (int purpose = CV_KEY_DATA; code == EXIT_OK && purpose <= CV_KEY_INDEX; purpose++) {
        code = rotate_after_all(arguments, client, (enum cv_key_purpose)purpose);
    }
    if (code != EXIT_OK) {
        (void)fail(arguments, code,
                   "erased; but the keys are not replaced, so old copies of the "
                   "data open: vaultctl key rotate");
    } else if (!arguments->detach) {
        code = tell_horizon(arguments, client);
    } else {
        note(arguments, "the keys are being replaced; vaultctl key status says how far that is");
    }
    cv_close(&client);
    return code;
}

static bool
parse_purpose(const char *text, enum cv_key_purpose *ret_purpose)
{
    for (int purpose = CV_KEY_DATA; purpose <= CV_KEY_INDEX; purpose++) {
        if (strcmp(text, cv_key_purpose_name((enum cv_key_purpose)purpose)) == 0) {
            *ret_purpose = (enum cv_key_purpose)purpose;
            return true;
        }
    }
    return false;
}

static enum exit_code
rotate(const struct arguments *arguments, struct awaited *awaited)
{
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    bool waits = arguments->wait || (!arguments->detach && terminal_is(stderr));
    enum exit_code code = session_open(arguments, SOCKET_DATA, &client);

    if (code != EXIT_OK) {
        return code;
    }
    (void)cv_key_rotate(client, awaited->purpose, awaited->namespace_name, arguments->all, &reply);
    if (reply->status == CV_OK && waits) {
        code = wait_for(arguments, client, awaited);
    }
    if (code != EXIT_OK) {
        cv_reply_free(&reply);
        cv_close(&client);
        return code;
    }
    return finish(arguments, &client, &reply,
                  waits ? "rotated: all is under the new key, the old one is destroyed"
                        : "begun: what is new is under the new key; see vaultctl key status");
}

enum exit_code
cmd_key_rotate(const struct arguments *arguments)
{
    struct awaited awaited = {0};

    if (strcmp(arguments->values[0], "root") == 0) {
        return root_rotate(arguments);
    }
    if (arguments->unseal != NULL || arguments->key_file != NULL ||
        arguments->passphrase_file != NULL || arguments->shares != NULL ||
        arguments->threshold != NULL) {
        return fail(arguments, EXIT_USAGE,
                    "--unseal and what goes with it: of key rotate root only");
    }
    if (!parse_purpose(arguments->values[0], &awaited.purpose)) {
        return fail(arguments, EXIT_USAGE, "which key? It takes data, index or root");
    }
    if (arguments->all && arguments->namespace_given) {
        return fail(arguments, EXIT_USAGE, "--all, -n: only one of them");
    }
    if (arguments->wait && arguments->detach) {
        return fail(arguments, EXIT_USAGE, "--wait, --detach: only one of them");
    }
    awaited.namespace_name = arguments->all ? NULL : arguments->namespace_name;
    return rotate(arguments, &awaited);
}
