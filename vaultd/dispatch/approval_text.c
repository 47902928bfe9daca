/* SPDX-License-Identifier: Apache-2.0 */
/* What a request does, in one line, for the person who is to approve it. */
#include "dispatch_internal.h"

#include <stdio.h>

static const char *const settings[APPROVALS_COUNT] = {
    [APPROVALS_AUTO] = "auto",
    [APPROVALS_ALWAYS] = "always",
    [APPROVALS_NEVER] = "never",
};

/* Words before the subject, and behind it. */
/* clang-format off */
static const struct {
    enum operation operation;
    const char *before, *behind;
} phrases[] = {
    {OP_PRINCIPAL_ENABLE, "enable ", " again"},
    {OP_PRINCIPAL_DISABLE, "disable ", ""},
    {OP_PRINCIPAL_OFFBOARD, "offboard ", ", for good"},
    {OP_PRINCIPAL_INVITE, "let ", " enrol again, with another key"},
    {OP_PRINCIPAL_SET_KEY, "another key for ", ""},
    {OP_RECIPIENT_ADD, "seal backups to ", ", too"},
    {OP_ROOT_ROTATE, "another root key: ", ""},
    {OP_UNFREEZE, "unfreeze the vault", ""},
};
/* clang-format on */

enum { PHRASE_COUNT = sizeof phrases / sizeof phrases[0] };

/* Names are at most NAME_BYTES_MAX, terms less than a hundred: it fits. */
static void
describe_grant(const struct audit_entry *entry, char *ret_text)
{
    bool gives = entry->operation == OP_GRANT;
    bool somewhere = entry->namespace_name.size > 0;
    bool on_terms = entry->reason.size > 0;

    (void)snprintf(ret_text, MESSAGE_BYTES_MAX + 1, "%s %s %s %.*s%s%.*s%s%.*s",
                   gives ? "grant" : "revoke", access_role_name((enum role)entry->role),
                   gives ? "to" : "from", (int)entry->subject.size,
                   (const char *)entry->subject.data, somewhere ? " in " : "",
                   (int)entry->namespace_name.size, (const char *)entry->namespace_name.data,
                   on_terms ? "; " : "", (int)entry->reason.size, (const char *)entry->reason.data);
}

void
approval_describe(const struct audit_entry *entry, char ret_text[static MESSAGE_BYTES_MAX + 1])
{
    const char *before = operation_name((enum operation)entry->operation);
    const char *behind = "";

    if (entry->operation == OP_GRANT || entry->operation == OP_REVOKE) {
        describe_grant(entry, ret_text);
        return;
    }
    if (entry->operation == OP_NAMESPACE_SHRED) {
        (void)snprintf(ret_text, MESSAGE_BYTES_MAX + 1, "shred the namespace %.*s, for good",
                       (int)entry->namespace_name.size, (const char *)entry->namespace_name.data);
        return;
    }
    if (entry->operation == OP_APPROVALS_SET) {
        (void)snprintf(ret_text, MESSAGE_BYTES_MAX + 1, "approvals: %s", settings[entry->amount]);
        return;
    }
    for (size_t i = 0; i < PHRASE_COUNT; i++) {
        if (phrases[i].operation == entry->operation) {
            before = phrases[i].before;
            behind = phrases[i].behind;
        }
    }
    (void)snprintf(ret_text, MESSAGE_BYTES_MAX + 1, "%s%.*s%s", before, (int)entry->subject.size,
                   (const char *)entry->subject.data, behind);
}
