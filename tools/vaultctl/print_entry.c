/* SPDX-License-Identifier: Apache-2.0 */
/* One entry of the audit log, for a person or for a program. */
#include "print_entry.h"

#include <inttypes.h>
#include <stdio.h>

#include "escape.h"

enum {
    PHASE_DONE = 1,
    ESCAPED_BYTES = 1024, /* a reason of 200 bytes, each written as four and a NUL */
};

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

    json_set_text(json, "principal", entry->principal);
    if (entry->relayed) {
        json_object_set_new(json, "relayed", json_true());
    }
    json_set_text(json, "operation", or_number(cv_act_name(entry->act), entry->act, act));
    json_set_text(json, "phase", or_number(cv_phase_name(entry->phase), entry->phase, phase));
    json_set_text(json, "namespace", entry->namespace_name);
    json_set_text(json, "subject", entry->subject);
    json_set_text(json, "role", cv_role_name(entry->role));
    json_set_text(json, "token", entry->token);
    if (entry->amount != 0) {
        json_set_number(json, "amount", entry->amount);
    }
    json_set_text(json, "status", cv_status_name(entry->result));
    json_set_text(json, "reason", entry->reason);
    print_json_safely(json);
}

static void
print_part(const char *before, const char *text)
{
    if (text != NULL && *text != 0) {
        printf("%s%s", before, text);
    }
}

static void
print_entry_line(const struct cv_audit_entry *entry, const char *time)
{
    char act[TIME_TEXT_BYTES], phase[TIME_TEXT_BYTES];
    bool has_principal = entry->principal != NULL && *entry->principal != 0;

    printf("%" PRIu64 "  %s  %s%s  %s", entry->sequence, time,
           has_principal ? entry->principal : "-", entry->relayed ? " (relayed)" : "",
           or_number(cv_act_name(entry->act), entry->act, act));
    if (entry->phase != PHASE_DONE) {
        print_part(" ", or_number(cv_phase_name(entry->phase), entry->phase, phase));
    }
    print_part("  ", entry->subject);
    print_part(" ", cv_role_name(entry->role));
    print_part("  in ", entry->namespace_name);
    print_part("  ", entry->token);
    if (entry->amount != 0) {
        printf("  amount %" PRIu64, entry->amount);
    }
    print_part("  ", cv_status_name(entry->result));
    if (entry->reason != NULL && *entry->reason != 0) {
        char reason[ESCAPED_BYTES];
        text_escape(entry->reason, reason, sizeof reason);
        printf("  \"%s\"", reason);
    }
    putchar('\n');
}

void
print_entry(const struct arguments *arguments, const struct cv_audit_entry *entry)
{
    char time[TIME_TEXT_BYTES];

    time_print(entry->time_ms, time);
    if (arguments->json) {
        print_entry_json(entry, time);
    } else {
        print_entry_line(entry, time);
    }
}
