/* SPDX-License-Identifier: Apache-2.0 */
/* audit tail by the daemon; audit verify by vaultd, which needs none. */
#include "vaultctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { PATH_BYTES = 4096, LINES_UNTOLD = 20 };

static void
set_text(json_t *json, const char *name, const char *text)
{
    if (text != NULL && *text != 0) {
        json_object_set_new(json, name, json_string(text));
    }
}

static const char *
or_number(const char *name, uint32_t number, char text[static TIME_TEXT_BYTES])
{
    if (name != NULL) {
        return name;
    }
    (void)snprintf(text, TIME_TEXT_BYTES, "%u", number);
    return text;
}

static void
print_entry_json(const struct cv_audit_entry *entry, const char *time)
{
    char act[TIME_TEXT_BYTES], phase[TIME_TEXT_BYTES];
    json_t *json = json_pack("{s:I, s:s}", "seq", (json_int_t)entry->sequence, "time", time);

    set_text(json, "principal", entry->principal);
    set_text(json, "operation", or_number(cv_act_name(entry->act), entry->act, act));
    set_text(json, "phase", or_number(cv_phase_name(entry->phase), entry->phase, phase));
    set_text(json, "namespace", entry->namespace_name);
    set_text(json, "subject", entry->subject);
    set_text(json, "role", cv_role_name(entry->role));
    set_text(json, "token", entry->token);
    set_text(json, "status", cv_status_name(entry->result));
    print_json(json);
}

static void
print_part(const char *before, const char *text)
{
    if (text != NULL && *text != 0) {
        printf("%s%s", before, text);
    }
}

static void
print_entry(const struct cv_audit_entry *entry, const char *time)
{
    char act[TIME_TEXT_BYTES], phase[TIME_TEXT_BYTES];
    bool has_principal = entry->principal != NULL && *entry->principal != 0;

    printf("%" PRIu64 "  %s  %s  %s", entry->sequence, time, has_principal ? entry->principal : "-",
           or_number(cv_act_name(entry->act), entry->act, act));
    if (entry->phase != 1) {
        print_part(" ", or_number(cv_phase_name(entry->phase), entry->phase, phase));
    }
    print_part("  ", entry->subject);
    print_part(" ", cv_role_name(entry->role));
    print_part("  in ", entry->namespace_name);
    print_part("  ", entry->token);
    print_part("  ", cv_status_name(entry->result));
    putchar('\n');
}

static void
print_one(const struct arguments *arguments, const struct cv_audit_entry *entry)
{
    char time[TIME_TEXT_BYTES];

    time_print(entry->time_ms, time);
    if (arguments->json) {
        print_entry_json(entry, time);
    } else {
        print_entry(entry, time);
    }
}

/* The entries numbered `from` to `last`; not those that come while we read. */
static enum exit_code
print_entries(const struct arguments *arguments, struct cv_client *client, uint64_t from,
              uint64_t last)
{
    enum exit_code code = EXIT_OK;

    while (code == EXIT_OK && from <= last) {
        struct cv_reply *reply = NULL;
        (void)cv_audit_read(client, from, 0, &reply);
        code = report(arguments, reply);
        size_t count = code == EXIT_OK ? reply->count : 0;
        for (size_t i = 0; i < count && reply->entries[i].sequence <= last; i++) {
            print_one(arguments, &reply->entries[i]);
        }
        /* A vault that does not go forward must not make us go on for ever. */
        from = count > 0 && reply->next > from ? reply->next : last + 1;
        cv_reply_free(&reply);
    }
    return code;
}

/* Entries are numbered without gaps: is there one of this number, or a later one? */
static enum exit_code
has_entry(const struct arguments *arguments, struct cv_client *client, uint64_t number,
          bool *ret_has)
{
    struct cv_reply *reply = NULL;

    (void)cv_audit_read(client, number, 1, &reply);
    enum exit_code code = report(arguments, reply);
    *ret_has = code == EXIT_OK && reply->count > 0;
    cv_reply_free(&reply);
    return code;
}

/* The number of the last entry, in some forty questions however long the log is. */
static enum exit_code
find_last(const struct arguments *arguments, struct cv_client *client, uint64_t *ret_last)
{
    enum exit_code code = EXIT_OK;
    uint64_t last = 0; /* known to be there */
    uint64_t step = 1;
    bool has = true;

    while (code == EXIT_OK && has && step < UINT64_MAX / 4) {
        code = has_entry(arguments, client, last + step, &has);
        if (has) {
            last += step;
            step *= 2;
        }
    }
    for (; code == EXIT_OK && step > 0; step /= 2) {
        code = has_entry(arguments, client, last + step, &has);
        if (has) {
            last += step;
        }
    }
    *ret_last = last;
    return code;
}

static enum exit_code
choose_first(const struct arguments *arguments, uint64_t last, uint64_t *ret_first)
{
    uint64_t lines = LINES_UNTOLD;

    if (arguments->from != NULL) {
        return number_parse(arguments->from, INT64_MAX, ret_first)
                   ? EXIT_OK
                   : fail(arguments, EXIT_USAGE, "--from takes an entry's number");
    }
    if (arguments->lines != NULL && !number_parse(arguments->lines, INT64_MAX, &lines)) {
        return fail(arguments, EXIT_USAGE, "-l takes a number");
    }
    *ret_first = last > lines ? last - lines + 1 : 1;
    return EXIT_OK;
}

enum exit_code
cmd_audit_tail(const struct arguments *arguments)
{
    struct cv_client *client = NULL;
    uint64_t first = 1, last = 0;
    enum exit_code code = session_open(arguments, SOCKET_ADMIN, &client);

    if (code == EXIT_OK) {
        code = find_last(arguments, client, &last);
    }
    if (code == EXIT_OK) {
        code = choose_first(arguments, last, &first);
    }
    if (code == EXIT_OK) {
        code = print_entries(arguments, client, first, last);
    }
    cv_close(&client);
    return code;
}

enum exit_code
cmd_audit_verify(const struct arguments *arguments)
{
    char path[PATH_BYTES];
    const char *list[] = {"vaultd", "audit-verify", path, arguments->json ? "--json" : NULL, NULL};

    if ((arguments->value_count == 1) == (arguments->data != NULL)) {
        return fail(arguments, EXIT_USAGE, "which log? Give --data DIR, or the audit folder");
    }
    const char *folder = arguments->value_count == 1 ? arguments->values[0] : arguments->data;
    int size = snprintf(path, sizeof path, "%s%s", folder,
                        arguments->value_count == 1 ? "" : "/data/audit");
    if (size < 0 || (size_t)size >= sizeof path) {
        return fail(arguments, EXIT_USAGE, "the folder's name is too long");
    }
    return vaultd_execute(arguments, (char *const *)(uintptr_t)list);
}
