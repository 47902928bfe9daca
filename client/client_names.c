/* SPDX-License-Identifier: Apache-2.0 */
/* The public vocabularies; contactvault.h repeats the numbers of proto/, and here they are
 * compared. */
#include "client_internal.h"

#include "kind.h"
#include "status.h"

_Static_assert((int)CV_FROZEN == (int)STATUS_FROZEN && STATUS_COUNT == CV_PENDING + 1,
               "enum cv_status is enum status");
_Static_assert((int)CV_UNAUTHENTICATED == (int)STATUS_UNAUTHENTICATED &&
                   (int)CV_SEALED == (int)STATUS_SEALED && (int)CV_BUSY == (int)STATUS_BUSY &&
                   (int)CV_QUOTA == (int)STATUS_QUOTA && (int)CV_EXPIRED == (int)STATUS_EXPIRED &&
                   (int)CV_INTERNAL == (int)STATUS_INTERNAL,
               "enum cv_status is enum status");
_Static_assert((int)CV_EMAIL == (int)CONTACT_EMAIL && (int)CV_FORM_WA_ID == (int)FORM_WA_ID &&
                   (int)CV_PERSON == (int)PRINCIPAL_PERSON,
               "the small vocabularies are kind.h's");
_Static_assert((int)CV_ROLE_SERVICE == (int)ROLE_SERVICE &&
                   (int)CV_ROLE_DELIVER == (int)ROLE_DELIVER &&
                   (int)CV_ROLE_REVEAL == (int)ROLE_REVEAL &&
                   (int)CV_ROLE_ADMIN == (int)ROLE_ADMIN &&
                   (int)CV_ROLE_PRIVACY == (int)ROLE_PRIVACY &&
                   (int)CV_ROLE_AUDIT == (int)ROLE_AUDIT && ROLE_COUNT == CV_ROLE_AUDIT + 1,
               "enum cv_role is enum role");
_Static_assert((int)CV_KEY_DATA == (int)ROTATED_DATA && (int)CV_KEY_INDEX == (int)ROTATED_INDEX &&
                   ROTATED_COUNT == CV_KEY_INDEX + 1,
               "enum cv_key_purpose is enum rotated_key");
_Static_assert((int)CV_KEYFILE == (int)UNSEAL_KEYFILE &&
                   (int)CV_PASSPHRASE == (int)UNSEAL_PASSPHRASE &&
                   (int)CV_SHARES == (int)UNSEAL_SHARES && UNSEAL_PROVIDERS == CV_SHARES + 1,
               "enum cv_provider is enum unseal_provider");
_Static_assert((int)CV_SALT_BYTES == (int)UNSEAL_SALT_BYTES &&
                   (int)CV_SET_BYTES == (int)UNSEAL_SET_BYTES &&
                   (int)CV_SHARE_BYTES == (int)UNSEAL_SHARE_BYTES,
               "the public sizes are bounds.h's");
_Static_assert((int)CV_FREEZE_PEOPLE == (int)FREEZE_PEOPLE &&
                   (int)CV_FREEZE_ALL == (int)FREEZE_ALL && FREEZE_COUNT == CV_FREEZE_ALL + 1,
               "enum cv_freeze is enum freeze");
_Static_assert((int)CV_APPROVALS_ALWAYS == (int)APPROVALS_ALWAYS &&
                   (int)CV_APPROVALS_NEVER == (int)APPROVALS_NEVER &&
                   APPROVALS_COUNT == CV_APPROVALS_NEVER + 1,
               "enum cv_approvals is enum approvals");
_Static_assert((int)CV_TOKEN_CHARACTERS == (int)TOKEN_TEXT_BYTES &&
                   (int)CV_GRANT_SECONDS_MAX == (int)GRANT_SECONDS_MAX &&
                   (int)CV_RETAIN_MONTHS_MAX == (int)RETAIN_MONTHS_MAX,
               "the public limits are bounds.h's");
_Static_assert((int)CV_BATCH_MAX == (int)BATCH_ITEMS_MAX &&
                   (int)CV_KEY_BYTES == (int)ROOT_KEY_BYTES &&
                   (int)CV_KEY_BYTES == (int)PUBLIC_KEY_BYTES &&
                   (int)CV_AUDIT_PAGE_MAX == (int)AUDIT_PAGE_MAX &&
                   (int)CV_MESSAGE_BYTES > (int)MESSAGE_BYTES_MAX,
               "the public limits are bounds.h's");

/* The vault's own acts in an audit entry, beside operations (PROTOCOL.md, "audit_read"). */
enum { ACT_CREATED = 200 };

#define COUNT(list) (sizeof(list) / sizeof *(list))

static const char *
name_at(const char *const *names, size_t count, size_t index)
{
    return index < count ? names[index] : NULL;
}

const char *
cv_status_name(enum cv_status status)
{
    return (unsigned)status < STATUS_COUNT ? status_name((enum status)status) : NULL;
}

const char *
cv_provider_name(enum cv_provider provider)
{
    static const char *const names[] = {
        [CV_KEYFILE] = "keyfile", [CV_PASSPHRASE] = "passphrase", [CV_SHARES] = "shares"};

    return name_at(names, COUNT(names), (size_t)provider);
}

const char *
cv_kind_name(enum cv_kind kind)
{
    static const char *const names[] = {[CV_PHONE] = "phone", [CV_EMAIL] = "email"};

    return name_at(names, COUNT(names), (size_t)kind);
}

const char *
cv_principal_kind_name(enum cv_principal_kind kind)
{
    static const char *const names[] = {[CV_SERVICE] = "service", [CV_PERSON] = "person"};

    return name_at(names, COUNT(names), (size_t)kind);
}

const char *
cv_role_name(enum cv_role role)
{
    static const char *const names[] = {
        [CV_ROLE_SERVICE] = "service", [CV_ROLE_DELIVER] = "deliver", [CV_ROLE_REVEAL] = "reveal",
        [CV_ROLE_ADMIN] = "admin",     [CV_ROLE_PRIVACY] = "privacy", [CV_ROLE_AUDIT] = "audit",
    };

    return name_at(names, COUNT(names), (size_t)role);
}

const char *
cv_advice_name(enum cv_advice advice)
{
    static const char *const names[] = {
        [CV_DONE] = "done",     [CV_RETRY] = "retry", [CV_HOLD] = "hold",
        [CV_REFUSE] = "refuse", [CV_LOOK] = "look",
    };

    return name_at(names, COUNT(names), (size_t)advice);
}

const char *
cv_freeze_name(enum cv_freeze freeze)
{
    static const char *const names[] = {
        [CV_FREEZE_NONE] = "none",
        [CV_FREEZE_PEOPLE] = "people",
        [CV_FREEZE_ALL] = "all",
    };

    return name_at(names, COUNT(names), (size_t)freeze);
}

const char *
cv_approvals_name(enum cv_approvals approvals)
{
    static const char *const names[] = {
        [CV_APPROVALS_AUTO] = "auto",
        [CV_APPROVALS_ALWAYS] = "always",
        [CV_APPROVALS_NEVER] = "never",
    };

    return name_at(names, COUNT(names), (size_t)approvals);
}

const char *
cv_key_purpose_name(enum cv_key_purpose purpose)
{
    static const char *const names[] = {[CV_KEY_DATA] = "data", [CV_KEY_INDEX] = "index"};

    return name_at(names, COUNT(names), (size_t)purpose);
}

const char *
cv_act_name(uint32_t act)
{
    static const char *const names[] = {
        "created",       "opened",        "closed",     "cut",          "checkpoint",
        "budget",        "clock_forward", "clock_back", "retained",     "budget_extra",
        "key_destroyed", "restored",      "swept",      "backup_ended", "canary",
    };

    if (act >= ACT_CREATED) {
        return name_at(names, COUNT(names), act - ACT_CREATED);
    }
    return operation_name((enum operation)act);
}

const char *
cv_phase_name(uint32_t phase)
{
    static const char *const names[] = {[1] = "done", [2] = "intent", [3] = "outcome"};

    return name_at(names, COUNT(names), phase);
}
