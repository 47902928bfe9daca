/* SPDX-License-Identifier: Apache-2.0 */
#include "field.h"

#include <stddef.h>

#include "bounds.h"
#include "kind.h"

/* One row a field; the literals are joined on purpose. */
/* clang-format off */
/* NOLINTBEGIN(bugprone-suspicious-missing-comma,bugprone-macro-parentheses) */

/* Whole sentences at compile time: a fault is a static text and never holds what was sent. */
#define NAMED(text)                                                                                \
    .name = text,                                                                                  \
    .faults = {                                                                                    \
        [FIELD_FAULT_TYPE] = text ": wrong type",                                                  \
        [FIELD_FAULT_RANGE] = text ": out of range",                                               \
        [FIELD_FAULT_LIMIT] = text ": over its limit",                                             \
        [FIELD_FAULT_UTF8] = text ": not UTF-8",                                                   \
        [FIELD_FAULT_TWICE] = text ": given twice",                                                \
        [FIELD_FAULT_PLACE] = text ": in the wrong place",                                         \
        [FIELD_FAULT_MISSING] = text ": missing",                                                  \
        [FIELD_FAULT_SURPLUS] = text ": not taken by this operation",                              \
    }

#define UINT(lowest, highest) .type = FIELD_TYPE_UINT, .min = (lowest), .max = (highest)
#define STR(shortest, longest) .type = FIELD_TYPE_STR, .min = (shortest), .max = (longest)
#define BIN(size) .type = FIELD_TYPE_BIN, .min = (size), .max = (size)
#define BIN_WITHIN(shortest, longest) .type = FIELD_TYPE_BIN, .min = (shortest), .max = (longest)
#define BOOL .type = FIELD_TYPE_BOOL
#define TEXTS(fewest, most) .type = FIELD_TYPE_TEXTS, .level = 0, .min = (fewest), .max = (most)
#define MAPS(at_level, most) .type = FIELD_TYPE_MAPS, .level = (at_level), .min = 0, .max = (most)

static const struct field_rule rules[FIELD_LIMIT_NUMBER] = {
    [FIELD_OPERATION] = {NAMED("operation"), UINT(1, OPERATION_LIMIT - 1)},
    [FIELD_CONNECTION] = {NAMED("connection"), BIN(CONNECTION_ID_BYTES)},
    [FIELD_NAMESPACE] = {NAMED("namespace"), STR(1, NAME_BYTES_MAX)},
    [FIELD_VALUES] = {NAMED("values"), TEXTS(1, BATCH_ITEMS_MAX)},
    [FIELD_FORM] = {NAMED("form"), UINT(FORM_INTERNATIONAL, FORM_WA_ID)},
    [FIELD_REASON] = {NAMED("reason"), STR(1, REASON_BYTES_MAX)},
    [FIELD_VERSION] = {NAMED("version"), UINT(1, UINT16_MAX)},
    [FIELD_PUBLIC_KEY] = {NAMED("public_key"), BIN(PUBLIC_KEY_BYTES)},
    [FIELD_NONCE] = {NAMED("nonce"), BIN(NONCE_BYTES)},
    [FIELD_SIGNATURE] = {NAMED("signature"), BIN(SIGNATURE_BYTES)},
    [FIELD_UID] = {NAMED("uid"), UINT(0, UINT32_MAX)},
    [FIELD_ROOT_KEY] = {NAMED("root_key"), BIN(ROOT_KEY_BYTES)},
    [FIELD_NAME] = {NAMED("name"), STR(1, NAME_BYTES_MAX)},
    [FIELD_KIND] = {NAMED("kind"), UINT(1, 2)}, /* both vocabularies have two words */
    [FIELD_ROLE] = {NAMED("role"), UINT(1, ROLE_COUNT - 1)},
    [FIELD_FROM] = {NAMED("from"), UINT(0, UINT64_MAX)},
    [FIELD_LIMIT] = {NAMED("limit"), UINT(1, AUDIT_PAGE_MAX)},
    [FIELD_ALL] = {NAMED("all"), BOOL},
    [FIELD_LASTS_S] = {NAMED("lasts_s"), UINT(1, GRANT_SECONDS_MAX)},
    [FIELD_UNTIL] = {NAMED("until"), UINT(1, UINT64_MAX)},
    [FIELD_DAILY] = {NAMED("daily"), UINT(1, UINT32_MAX)},
    [FIELD_HOURLY] = {NAMED("hourly"), UINT(1, UINT32_MAX)},
    [FIELD_RETAIN_MONTHS] = {NAMED("retain_months"), UINT(0, RETAIN_MONTHS_MAX)},
    [FIELD_RELAYED] = {NAMED("relayed"), BOOL},
    [FIELD_SINCE] = {NAMED("since"), UINT(0, UINT64_MAX)},

    [FIELD_UNSEAL] = {NAMED("unseal"), BIN_WITHIN(1, UNSEAL_SLOT_BYTES_MAX)},
    [FIELD_SHARE] = {NAMED("share"), BIN(UNSEAL_SHARE_BYTES)},
    [FIELD_DATA] = {NAMED("data"), BIN_WITHIN(1, BACKUP_DATA_BYTES_MAX)},
    [FIELD_BACKUP] = {NAMED("backup"), BIN(BACKUP_ID_BYTES)},
    [FIELD_HORIZON] = {NAMED("horizon"), UINT(0, UINT64_MAX)},
    [FIELD_PURPOSE] = {NAMED("purpose"), UINT(ROTATED_DATA, ROTATED_COUNT - 1)},
    [FIELD_DUE] = {NAMED("due"), UINT(0, UINT64_MAX)},

    [FIELD_STATUS] = {NAMED("status"), UINT(STATUS_OK, STATUS_COUNT - 1)},
    [FIELD_MESSAGE] = {NAMED("message"), STR(0, MESSAGE_BYTES_MAX)},
    [FIELD_RETRY_AFTER_S] = {NAMED("retry_after_s"), UINT(0, UINT32_MAX)},
    [FIELD_ITEMS] = {NAMED("items"), MAPS(0, LIST_ITEMS_MAX)},
    [FIELD_TOKEN] = {NAMED("token"), STR(TOKEN_TEXT_BYTES, TOKEN_TEXT_BYTES)},
    [FIELD_MASK] = {NAMED("mask"), STR(0, MASK_BYTES_MAX)},
    [FIELD_VALUE] = {NAMED("value"), STR(1, CONTACT_BYTES_MAX)},
    [FIELD_STATE] = {NAMED("state"), STR(1, NAME_BYTES_MAX)},
    [FIELD_RELEASE] = {NAMED("release"), STR(1, NAME_BYTES_MAX)},
    [FIELD_INSTANCE] = {NAMED("instance"), BIN(INSTANCE_ID_BYTES)},
    [FIELD_PRINCIPAL] = {NAMED("principal"), STR(0, NAME_BYTES_MAX)},
    [FIELD_CREATED] = {NAMED("created"), UINT(0, UINT64_MAX)},
    [FIELD_DISABLED] = {NAMED("disabled"), BOOL},
    [FIELD_GRANTS] = {NAMED("grants"), MAPS(1, LIST_ITEMS_MAX)},
    [FIELD_CONTACTS] = {NAMED("contacts"), UINT(0, UINT64_MAX)},
    [FIELD_NAMESPACES] = {NAMED("namespaces"), UINT(0, UINT64_MAX)},
    [FIELD_SEQUENCE] = {NAMED("sequence"), UINT(0, UINT64_MAX)},
    [FIELD_TIME] = {NAMED("time"), UINT(0, UINT64_MAX)},
    [FIELD_ACT] = {NAMED("act"), UINT(0, UINT8_MAX)},
    [FIELD_PHASE] = {NAMED("phase"), UINT(0, UINT8_MAX)},
    [FIELD_RESULT] = {NAMED("result"), UINT(STATUS_OK, STATUS_COUNT - 1)},
    [FIELD_SUBJECT] = {NAMED("subject"), STR(0, NAME_BYTES_MAX)},
    [FIELD_NEXT] = {NAMED("next"), UINT(0, UINT64_MAX)},
    [FIELD_COUNTRY] = {NAMED("country"), STR(1, NAME_BYTES_MAX)},
    [FIELD_AMOUNT] = {NAMED("amount"), UINT(0, UINT64_MAX)},
    [FIELD_FROZEN] = {NAMED("frozen"), UINT(FREEZE_NONE, FREEZE_COUNT - 1)},
    [FIELD_USED] = {NAMED("used"), UINT(0, UINT64_MAX)},
    [FIELD_NUMBER] = {NAMED("number"), UINT(0, UINT32_MAX)},
    [FIELD_DONE] = {NAMED("done"), UINT(0, UINT64_MAX)},
    [FIELD_TOTAL] = {NAMED("total"), UINT(0, UINT64_MAX)},
    [FIELD_LEFT] = {NAMED("left"), UINT(0, UINT64_MAX)},
    [FIELD_BYTES] = {NAMED("bytes"), UINT(0, UINT64_MAX)},
    [FIELD_TICKET] = {NAMED("ticket"), STR(1, TICKET_BYTES_MAX)},
    [FIELD_REASON_PURPOSE] = {NAMED("reason_purpose"), STR(1, PURPOSE_BYTES_MAX)},
    [FIELD_CODE] = {NAMED("code"), STR(1, CODE_BYTES_MAX)},
    [FIELD_FACTOR] = {NAMED("factor"), STR(1, FACTOR_BYTES_MAX)},
    [FIELD_SECRET] = {NAMED("secret"), BIN(TOTP_SECRET_BYTES)},
    [FIELD_CODES] = {NAMED("codes"), TEXTS(1, RECOVERY_CODES)},
    [FIELD_IDLE_S] = {NAMED("idle_s"), UINT(0, UINT32_MAX)},
    [FIELD_CODES_LEFT] = {NAMED("codes_left"), UINT(0, RECOVERY_CODES)},
    [FIELD_REFERS] = {NAMED("refers"), UINT(0, UINT64_MAX)},
    [FIELD_ENROLLED] = {NAMED("enrolled"), BOOL},
    [FIELD_REQUEST] = {NAMED("request"), UINT(1, UINT64_MAX)},
    [FIELD_APPROVALS] = {NAMED("approvals"), UINT(APPROVALS_AUTO, APPROVALS_COUNT - 1)},
    [FIELD_WAITING] = {NAMED("waiting"), UINT(0, UINT32_MAX)},
    [FIELD_EXPIRES] = {NAMED("expires"), UINT(0, UINT64_MAX)},
    [FIELD_ACTIVE] = {NAMED("active"), BOOL},
    [FIELD_GONE] = {NAMED("gone"), BOOL},
    [FIELD_OFFBOARDED] = {NAMED("offboarded"), BOOL},
};
/* NOLINTEND(bugprone-suspicious-missing-comma,bugprone-macro-parentheses) */
/* clang-format on */

const struct field_rule *
field_rule(uint64_t field)
{
    if (field >= FIELD_LIMIT_NUMBER || rules[field].type == FIELD_TYPE_NONE) {
        return NULL;
    }
    return &rules[field];
}
