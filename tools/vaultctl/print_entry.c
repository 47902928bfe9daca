/* SPDX-License-Identifier: Apache-2.0 */
/* One entry of the audit log, for a person or for a program. */
#include "print_entry.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "escape.h"
#include "table.h"

enum {
    PHASE_DONE = 1,
    SHOWN_INDENT = 7,     /* below the time */
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
    json_set_text(json, "purpose", entry->purpose);
    json_set_text(json, "ticket", entry->ticket);
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

/* A text by others. */
static void
print_escaped(const char *before, const char *text, const char *behind)
{
    char escaped[ESCAPED_BYTES];

    if (text != NULL && *text != 0) {
        text_escape(text, escaped, sizeof escaped);
        printf("%s%s%s", before, escaped, behind);
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
    print_escaped("  purpose ", entry->purpose, "");
    print_escaped("  ticket ", entry->ticket, "");
    print_escaped("  \"", entry->reason, "\"");
    putchar('\n');
}

/* ---- on a terminal: what does not fit the line goes on below ---- */

__attribute__((format(printf, 2, 3))) static void
flow_print(struct flow *flow, const char *format, ...)
{
    char text[ESCAPED_BYTES + 2], shown[ESCAPED_BYTES * 2];
    va_list list;

    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list);
    va_end(list);
    text_show(text, shown, sizeof shown);
    flow_add(flow, shown);
}

static bool
is_given(const char *text)
{
    return text != NULL && *text != 0;
}

static void
flow_escaped(struct flow *flow, const char *before, const char *text, const char *behind)
{
    char escaped[ESCAPED_BYTES];

    if (is_given(text)) {
        text_escape(text, escaped, sizeof escaped - 2);
        flow_print(flow, "%s%s%s", before, escaped, behind);
    }
}

static void
flow_subject(struct flow *flow, const struct cv_audit_entry *entry)
{
    const char *role = cv_role_name(entry->role);

    if (is_given(entry->subject) || is_given(role)) {
        flow_print(flow, "%s%s%s", is_given(entry->subject) ? entry->subject : "",
                   is_given(entry->subject) && is_given(role) ? " " : "",
                   is_given(role) ? role : "");
    }
    if (is_given(entry->namespace_name)) {
        flow_print(flow, "in %s", entry->namespace_name);
    }
    if (is_given(entry->token)) {
        flow_print(flow, "%s", entry->token);
    }
}

static void
show_entry(const struct cv_audit_entry *entry)
{
    struct flow flow = {.to = stdout, .width = terminal_columns(stdout), .indent = SHOWN_INDENT};
    char time[TIME_TEXT_BYTES], act[TIME_TEXT_BYTES], phase[TIME_TEXT_BYTES];
    bool bad = entry->result != CV_OK;

    time_print_short(entry->time_ms, time);
    fputs(bad ? terminal_colour(stdout, COLOUR_WARN) : "", stdout);
    flow_print(&flow, "%5" PRIu64 "  %s", entry->sequence, time);
    flow_print(&flow, "%s%s", is_given(entry->principal) ? entry->principal : "-",
               entry->relayed ? " (relayed)" : "");
    flow_print(&flow, "%s%s%s", or_number(cv_act_name(entry->act), entry->act, act),
               entry->phase != PHASE_DONE ? " " : "",
               entry->phase != PHASE_DONE
                   ? or_number(cv_phase_name(entry->phase), entry->phase, phase)
                   : "");
    flow_subject(&flow, entry);
    if (entry->amount != 0) {
        flow_print(&flow, "amount %" PRIu64, entry->amount);
    }
    if (cv_status_name(entry->result) != NULL) {
        flow_print(&flow, "%s", cv_status_name(entry->result));
    }
    flow_escaped(&flow, "purpose ", entry->purpose, "");
    flow_escaped(&flow, "ticket ", entry->ticket, "");
    flow_escaped(&flow, "\"", entry->reason, "\"");
    fputs(bad ? terminal_colour(stdout, COLOUR_NONE) : "", stdout);
    flow_end(&flow);
}

void
print_entry(const struct arguments *arguments, const struct cv_audit_entry *entry)
{
    char time[TIME_TEXT_BYTES];

    time_print(entry->time_ms, time);
    if (arguments->json) {
        print_entry_json(entry, time);
    } else if (terminal_is(stdout)) {
        show_entry(entry);
    } else {
        print_entry_line(entry, time);
    }
}
