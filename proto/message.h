/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message.h: requests, replies and items as MessagePack maps from small field numbers to values
 * (PROTOCOL.md, "Messages"). One field number has one type and one limit wherever it stands.
 *
 * Reading: message_parse walks the bytes once without allocating (depth, counts, sizes, UTF-8,
 * duplicate or unknown fields, trailing bytes), then lets msgpack-c build its objects; every view
 * handed out points into the bytes given and lives as long as they do.
 * Writing: straight into a buffer of the caller's, which never grows.
 */
#ifndef CONTACT_VAULT_MESSAGE_H
#define CONTACT_VAULT_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "status.h"

/* Numbers are on the wire and in the audit log: never reused. */
enum operation {
    OP_STATUS = 1,
    OP_HELLO = 2,
    OP_PROVE = 3,
    OP_ENROL_BEGIN = 4,
    OP_ENROL_CONFIRM = 5,
    OP_LOGIN = 6,
    OP_LOGOUT = 7,
    OP_WHOAMI = 8,
    OP_TOKENIZE = 10,
    OP_LOOKUP = 11,
    OP_MASK = 12,
    OP_DETOKENIZE = 13,
    OP_ERASE = 14,
    OP_DESCRIBE = 15,
    OP_UNSEAL = 30,
    OP_SEAL = 31,
    OP_FREEZE = 32,
    OP_UNFREEZE = 33,
    OP_UNSEAL_INFO = 34,
    OP_UNSEAL_SHARE = 35,
    OP_BACKUP_BEGIN = 36,
    OP_BACKUP_READ = 37,
    OP_BACKUP_END = 38,
    OP_COMPACT = 39,
    OP_NAMESPACE_CREATE = 40,
    OP_NAMESPACE_LIST = 41,
    OP_NAMESPACE_SET = 42,
    OP_NAMESPACE_SHRED = 43,
    OP_KEY_ROTATE = 45,
    OP_KEY_STATUS = 46,
    OP_ROOT_ROTATE = 47,
    OP_PRINCIPAL_ADD = 50,
    OP_PRINCIPAL_LIST = 51,
    OP_PRINCIPAL_SHOW = 52,
    OP_PRINCIPAL_DISABLE = 53,
    OP_GRANT = 54,
    OP_REVOKE = 55,
    OP_PRINCIPAL_ENABLE = 56,
    OP_RECIPIENT_ADD = 57,
    OP_RECIPIENT_LIST = 58,
    OP_RECIPIENT_REMOVE = 59,
    OP_AUDIT_READ = 60,
    OP_PRINCIPAL_OFFBOARD = 61,
    OP_PRINCIPAL_INVITE = 62,
    OP_PRINCIPAL_SET_KEY = 63,
    OP_APPROVALS_SET = 64,
    OP_PENDING = 65,
    OP_APPROVE = 66,
    OP_DENY = 67,
    OP_CANARY_ADD = 68,
    OP_CANARY_LIST = 69,
    OP_CANARY_REMOVE = 70,
    OP_NOTIFY_TEST = 71,
    OPERATION_LIMIT = 128, /* one past the highest number there may be */
};

/* Lower-case name ("tokenize", "principal_add"), or NULL where there is no such operation. */
const char *operation_name(enum operation operation);

enum field {
    /* a request */
    FIELD_OPERATION = 0,  /* uint */
    FIELD_CONNECTION = 1, /* bin 16: the id the HELLO reply gave */
    FIELD_NAMESPACE = 2,  /* str: a namespace's name */
    FIELD_VALUES = 3,     /* list of str: contacts, or tokens in text form */
    FIELD_FORM = 4,       /* uint: enum contact_form */
    FIELD_REASON = 5,     /* str */
    FIELD_VERSION = 6,    /* uint: PROTOCOL_VERSION */
    FIELD_PUBLIC_KEY = 7, /* bin 32 */
    FIELD_NONCE = 8,      /* bin 32 */
    FIELD_SIGNATURE = 9,  /* bin 64 */
    FIELD_UID = 10,       /* uint */
    FIELD_ROOT_KEY = 11,  /* bin 32 */
    FIELD_NAME = 12,      /* str: of the principal or namespace the request is about */
    FIELD_KIND = 13,      /* uint: enum contact_kind, or enum principal_kind */
    FIELD_ROLE = 14,      /* uint: enum role */
    FIELD_FROM = 15,      /* uint: first audit entry, principal or namespace wanted */
    FIELD_LIMIT = 16,     /* uint: at most so many */
    FIELD_ALL = 17,       /* bool: of freeze: deliveries too; of key_rotate: all namespaces */
    FIELD_LASTS_S = 18,   /* uint: a grant ends so many seconds from now */
    FIELD_UNTIL = 19,     /* uint: ms since 1970: a grant's end; audit_read: entries before it; of a
                             key: what was erased until then opens with none that the vault has */
    FIELD_DAILY = 20,     /* uint: a grant's budget over 24 hours */
    FIELD_HOURLY = 21,    /* uint: the same over an hour */
    FIELD_RETAIN_MONTHS = 22, /* uint: unused contacts are erased after; 0: never */
    FIELD_RELAYED = 23,       /* bool: proves its key from behind another uid */
    FIELD_SINCE = 24,         /* uint: ms since 1970: audit_read: entries from then on */
    FIELD_UNSEAL = 25,        /* bin: how the root key is got, as slot.h has it */
    FIELD_SHARE = 26,         /* bin 50: a share of the root key, as share/share.h has it */
    FIELD_DATA = 27,          /* bin: of a backup's file, to be written where `from` says */
    FIELD_BACKUP = 28,        /* bin 16: a backup's id */
    FIELD_HORIZON = 29,       /* uint: ms since 1970: what was erased before opens with nothing
                                 on the vault's disk and the present root key */
    FIELD_PURPOSE = 30,       /* uint: enum rotated_key */
    FIELD_DUE = 31,           /* uint: ms since 1970: a key is to be replaced, in an item */
    /* a reply, or an item of one */
    FIELD_STATUS = 32,        /* uint: enum status */
    FIELD_MESSAGE = 33,       /* str: what was wrong, for a person; never a contact */
    FIELD_RETRY_AFTER_S = 34, /* uint */
    FIELD_ITEMS = 35,         /* list of maps */
    FIELD_TOKEN = 36,         /* str */
    FIELD_MASK = 37,          /* str */
    FIELD_VALUE = 38,         /* str: a contact */
    FIELD_STATE = 39,         /* str: "unsealed", "sealed", "frozen" */
    FIELD_RELEASE = 40,       /* str: the daemon's version */
    FIELD_INSTANCE = 41,      /* bin 16: instance_id */
    FIELD_PRINCIPAL = 42,     /* str: a principal's name */
    FIELD_CREATED = 43,       /* uint: ms since 1970 */
    FIELD_DISABLED = 44,      /* bool */
    FIELD_GRANTS = 45,        /* list of maps */
    FIELD_CONTACTS = 46,      /* uint: how many; of a key: under it */
    FIELD_NAMESPACES = 47,    /* uint: how many */
    FIELD_SEQUENCE = 48,      /* uint: an audit entry's number */
    FIELD_TIME = 49,          /* uint: ms since 1970 */
    FIELD_ACT = 50,           /* uint: enum operation, in an audit entry */
    FIELD_PHASE = 51,         /* uint: enum audit_phase */
    FIELD_RESULT = 52,        /* uint: enum status, in an audit entry */
    FIELD_SUBJECT = 53,       /* str: the principal or namespace an audit entry is about */
    FIELD_NEXT = 54,          /* uint: the entry, principal or namespace to ask for next */
    FIELD_COUNTRY = 55,       /* str: a phone number's calling code, "+39" */
    FIELD_AMOUNT = 56,        /* uint: how much an audit entry is about */
    FIELD_FROZEN = 57,        /* uint: enum freeze */
    FIELD_USED = 58,          /* uint: of a grant's budget, in the last 24 hours */
    FIELD_NUMBER = 59,        /* uint: a key's epoch or generation; of compact: the how manieth */
    FIELD_DONE = 60,          /* uint: of `total` */
    FIELD_TOTAL = 61,         /* uint: what rotations under way have to move; a backup: to copy */
    FIELD_LEFT = 62,          /* uint: contacts of shredded namespaces, not swept yet */
    FIELD_BYTES = 63,         /* uint: of the database file; of a backup: may be read in a second */
    /* a request, or an audit entry */
    FIELD_TICKET = 64,         /* str: the case a reason is about */
    FIELD_REASON_PURPOSE = 65, /* str: one of the purposes that the vault's configuration lists */
    FIELD_CODE = 66,           /* str: by which a person enrols, once */
    FIELD_FACTOR = 67,         /* str: her second factor: six digits, or a recovery code */
    FIELD_SECRET = 68,         /* bin 20: of TOTP (RFC 6238) */
    FIELD_CODES = 69,          /* list of str: recovery codes */
    FIELD_IDLE_S = 70,         /* uint: a session ends when nothing is asked for so long */
    FIELD_CODES_LEFT = 71,     /* uint: recovery codes not used yet */
    FIELD_REFERS = 72,         /* uint: the number of the entry that an outcome is of */
    FIELD_ENROLLED = 73,       /* bool: a person has a key and a second factor */
    FIELD_REQUEST = 74,        /* uint: the number of a request that waits for a second admin */
    FIELD_APPROVALS = 75,      /* uint: enum approvals */
    FIELD_WAITING = 76,        /* uint: so many requests wait for you to decide them */
    FIELD_EXPIRES = 77,        /* uint: ms since 1970: a request is dropped then */
    FIELD_ACTIVE = 78,         /* bool: approvals are in force */
    FIELD_GONE = 79,           /* bool: of a canary: its contact was erased or shredded */
    FIELD_OFFBOARDED = 82,     /* bool: a principal has left for ever */
    FIELD_LIMIT_NUMBER = 128,  /* one past the highest number there may be */
};

/* ---- reading ---- */

struct message;      /* one parsed map; a view, owned by its message_parser */
struct message_list; /* a list within it */

/* Holds what msgpack-c allocates between two parses; not shared between threads. */
struct message_parser;
MUST_USE enum status message_parser_new(struct message_parser **ret_parser);
void message_parser_free(struct message_parser **parser);

/*
 * message_parse: bytes from a stranger become *ret_message, valid until the parser's next use.
 * INVALID or TOO_LARGE sets *ret_fault to a static text that names the rule broken.
 */
MUST_USE enum status message_parse(struct message_parser *parser, struct bytes bytes,
                                   const struct message **ret_message, const char **ret_fault);

/* Some fields: bit n for field number n. A struct, since half of it must not pass for all of it. */
struct field_set {
    unsigned __int128 bits;
};
#define FIELD_BIT(field) ((unsigned __int128)1 << (field))

/* Which fields are there. */
struct field_set message_fields(const struct message *message);

/* Each returns false, and leaves *ret_value alone, where the field is absent. */
MUST_USE bool message_uint(const struct message *message, enum field field, uint64_t *ret_value);
MUST_USE bool message_bool(const struct message *message, enum field field, bool *ret_value);
/* For str and bin alike: the type was settled by message_parse. */
MUST_USE bool message_bytes(const struct message *message, enum field field,
                            struct bytes *ret_value);
MUST_USE bool message_list(const struct message *message, enum field field,
                           const struct message_list **ret_list);
size_t message_list_count(const struct message_list *list);
/* Of a list of str. */
struct bytes message_list_bytes(const struct message_list *list, size_t index);
/* Of a list of maps. */
const struct message *message_list_message(const struct message_list *list, size_t index);

/*
 * message_check_request: are the fields those that this operation takes, no more and no fewer?
 * INVALID sets *ret_fault to a static text that names the first field that is not.
 */
MUST_USE enum status message_check_request(const struct message *request,
                                           enum operation *ret_operation, const char **ret_fault);

/* ---- writing ---- */

/* The caller's buffer; once something did not fit, `full` stays set and nothing more is written. */
struct message_writer {
    uint8_t *data;
    size_t size, capacity;
    bool full;
};

/* Starts a map of exactly `fields` fields; each message_put_* below adds one. */
void message_begin(struct message_writer *writer, size_t fields);
void message_put_uint(struct message_writer *writer, enum field field, uint64_t value);
void message_put_bool(struct message_writer *writer, enum field field, bool value);
/* As str or bin, as the field's type says. */
void message_put_bytes(struct message_writer *writer, enum field field, struct bytes value);
void message_put_text(struct message_writer *writer, enum field field, const char *value);
/* Starts a list of exactly `count` entries: message_add_bytes for str, message_begin for maps. */
void message_put_list(struct message_writer *writer, enum field field, size_t count);
void message_add_bytes(struct message_writer *writer, struct bytes value);

#endif
