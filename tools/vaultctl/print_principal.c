/* SPDX-License-Identifier: Apache-2.0 */
#include "print_principal.h"

#include <inttypes.h>
#include <stdio.h>

enum { GRANT_TEXT_BYTES = 256, FIGURE_BYTES = 64, KIND_TEXT_BYTES = 64 };

static json_t *
grant_json(const struct cv_role_grant *grant)
{
    json_t *json = json_pack("{s:s}", "role", cv_role_name(grant->role));

    json_set_text(json, "namespace", grant->namespace_name);
    if (grant->until_ms != 0) {
        char until[TIME_TEXT_BYTES];
        time_print(grant->until_ms, until);
        json_set_text(json, "until", until);
    }
    if (grant->daily != 0) {
        json_set_number(json, "daily", grant->daily);
    }
    if (grant->hourly != 0) {
        json_set_number(json, "hourly", grant->hourly);
    }
    if (grant->daily != 0 || grant->hourly != 0) {
        json_set_number(json, "used", grant->used);
    }
    return json;
}

json_t *
principal_grants_json(const struct cv_principal *principal)
{
    json_t *grants = json_array();

    for (size_t i = 0; i < principal->grant_count; i++) {
        json_array_append_new(grants, grant_json(&principal->grants[i]));
    }
    return grants;
}

/* "service in shop until ... (1234 of 100000 in 24 h, 5000 an hour)" */
static void
grant_print(const struct cv_role_grant *grant, char ret_text[static GRANT_TEXT_BYTES])
{
    char until[TIME_TEXT_BYTES] = "", day[FIGURE_BYTES] = "", hour[FIGURE_BYTES] = "";
    bool both = grant->daily != 0 && grant->hourly != 0;
    bool any = grant->daily != 0 || grant->hourly != 0;

    if (grant->until_ms != 0) {
        time_print(grant->until_ms, until);
    }
    if (grant->daily != 0) {
        (void)snprintf(day, sizeof day, "%" PRIu64 " of %u in 24 h", grant->used, grant->daily);
    }
    if (grant->hourly != 0) {
        (void)snprintf(hour, sizeof hour, "%u an hour", grant->hourly);
    }
    (void)snprintf(ret_text, GRANT_TEXT_BYTES, "%s%s%s%s%s%s%s%s%s%s", cv_role_name(grant->role),
                   grant->namespace_name != NULL ? " in " : "",
                   grant->namespace_name != NULL ? grant->namespace_name : "",
                   *until != 0 ? " until " : "", until, any ? " (" : "", day, both ? ", " : "",
                   hour, any ? ")" : "");
}

static void
print_principal_json(const struct cv_principal *principal, const char *created)
{
    char public_key[CV_PUBLIC_TEXT_BYTES];
    json_t *json = json_pack("{s:s, s:s, s:s, s:b, s:b}", "name", principal->name, "kind",
                             cv_principal_kind_name(principal->kind), "created", created,
                             "disabled", principal->disabled, "relayed", principal->relayed);

    if (principal->offboarded) {
        json_object_set_new(json, "offboarded", json_true());
    }

    if (principal->public_key != NULL) {
        cv_public_key_print(principal->public_key, public_key);
        json_object_set_new(json, "public_key", json_string(public_key));
    }
    if (principal->has_uid) {
        json_object_set_new(json, "uid", json_integer(principal->uid));
    }
    if (principal->kind == CV_PERSON) {
        json_object_set_new(json, "enrolled", json_boolean(principal->enrolled));
    }
    json_object_set_new(json, "grants", principal_grants_json(principal));
    print_json(json);
}

/* "person, not enrolled, disabled, relayed"; who was offboarded is disabled, too. */
static void
kind_print(const struct cv_principal *principal, char ret_text[static KIND_TEXT_BYTES])
{
    (void)snprintf(ret_text, KIND_TEXT_BYTES, "%s%s%s%s", cv_principal_kind_name(principal->kind),
                   principal->kind == CV_PERSON && !principal->enrolled && !principal->offboarded
                       ? ", not enrolled"
                       : "",
                   principal->offboarded ? ", offboarded"
                   : principal->disabled ? ", disabled"
                                         : "",
                   principal->relayed ? ", relayed" : "");
}

void
principal_print_grants(const struct cv_principal *principal)
{
    for (size_t i = 0; i < principal->grant_count; i++) {
        char grant[GRANT_TEXT_BYTES];
        grant_print(&principal->grants[i], grant);
        printf("%s%s", i == 0 ? "" : ", ", grant);
    }
}

/* The line of its key, or "uid 1001"; a person who has not enrolled may have neither. */
static void
known_by_print(const struct cv_principal *principal, char ret_text[static CV_PUBLIC_TEXT_BYTES])
{
    if (principal->public_key != NULL) {
        cv_public_key_print(principal->public_key, ret_text);
    } else if (principal->has_uid) {
        (void)snprintf(ret_text, CV_PUBLIC_TEXT_BYTES, "uid %u", principal->uid);
    } else {
        (void)snprintf(ret_text, CV_PUBLIC_TEXT_BYTES, "nothing yet");
    }
}

static void
print_principal(const struct cv_principal *principal, const char *created)
{
    char kind[KIND_TEXT_BYTES], known_by[CV_PUBLIC_TEXT_BYTES];

    kind_print(principal, kind);
    known_by_print(principal, known_by);
    printf("%s\t%s\t%s\t%s\t", principal->name, kind, created, known_by);
    principal_print_grants(principal);
    putchar('\n');
}

static void
print_one(const struct arguments *arguments, const struct cv_principal *principal)
{
    char created[TIME_TEXT_BYTES];

    time_print(principal->created_ms, created);
    if (arguments->json) {
        print_principal_json(principal, created);
    } else {
        print_principal(principal, created);
    }
}

/* ---- on a terminal ---- */

struct table *
principals_table_new(void)
{
    static const char *const heads[] = {"PRINCIPAL", "KIND", "KNOWN BY", "GRANTS"};

    return table_new(heads, sizeof heads / sizeof *heads);
}

/* A grant a line; the name stands on the first. */
static void
add_to_table(struct table *table, const struct cv_principal *principal)
{
    char kind[KIND_TEXT_BYTES], known_by[CV_PUBLIC_TEXT_BYTES], grant[GRANT_TEXT_BYTES];
    enum colour colour = principal->disabled ? COLOUR_WARN : COLOUR_NONE;
    size_t i = 0;

    kind_print(principal, kind);
    known_by_print(principal, known_by);
    const char *row[] = {principal->name, kind, principal->public_key != NULL ? "key" : known_by,
                         "none"};
    do {
        if (i < principal->grant_count) {
            grant_print(&principal->grants[i], grant);
            row[3] = grant;
        }
        table_add(table, row, colour);
        row[0] = row[1] = row[2] = "";
    } while (++i < principal->grant_count);
}

void
print_principals(const struct arguments *arguments, const struct cv_reply *reply,
                 struct table *table)
{
    for (size_t i = 0; i < reply->count; i++) {
        if (table != NULL) {
            add_to_table(table, &reply->principals[i]);
        } else {
            print_one(arguments, &reply->principals[i]);
        }
    }
}

static void
add_line(struct table *table, const char *name, const char *text, enum colour colour)
{
    table_add(table, (const char *const[]){name, text}, colour);
}

void
principal_add_grants(struct table *table, const struct cv_principal *principal)
{
    for (size_t i = 0; i < principal->grant_count; i++) {
        char grant[GRANT_TEXT_BYTES];
        grant_print(&principal->grants[i], grant);
        add_line(table, i == 0 ? "grants" : "", grant, COLOUR_NONE);
    }
}

void
show_principal(const struct cv_reply *reply)
{
    const struct cv_principal *principal = reply->principals;
    char kind[KIND_TEXT_BYTES], created[TIME_TEXT_BYTES], known_by[CV_PUBLIC_TEXT_BYTES];
    struct table *table = table_new(NULL, 2);

    if (table == NULL || reply->count == 0) {
        print_table(&table);
        return;
    }
    kind_print(principal, kind);
    time_print_short(principal->created_ms, created);
    known_by_print(principal, known_by);
    add_line(table, "principal", principal->name, COLOUR_HEAD);
    add_line(table, "kind", kind, principal->disabled ? COLOUR_WARN : COLOUR_NONE);
    add_line(table, "created", created, COLOUR_NONE);
    add_line(table, "known by", known_by, COLOUR_NONE);
    principal_add_grants(table, principal);
    print_table(&table);
}
