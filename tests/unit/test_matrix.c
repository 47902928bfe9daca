/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: SECURITY.md S3 "no admin operation returns a contact", S4 "operations exist only on their
 * socket", S5 "sealed, only status and unseal exist", S20 "a freeze stops reveals" and nothing
 * else, S21 "a grant that has ended", S18 "over its budget".
 * Every role x operation x socket x state, against tables written by hand: what is answered, how
 * vaultctl would exit, and what the log says of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* Before cmocka.h: both have a `fail`, and theirs is a macro. */
#include "vaultctl.h"

#include <cmocka.h>
#include <stdio.h>

#include "cast.h"
#include "still_clock.h"

/* ---- the words of the tables ---- */

/* What may be answered, and whether the refusal is an entry of the log. */
static const struct answer {
    char letter;
    enum status status;
    bool on_record;
    int exit_code; /* of vaultctl */
} answers[] = {
    {'O', STATUS_OK, false, 0}, /* what it leaves in the log stands in the row */
    {'D', STATUS_DENIED, true, 5},
    {'N', STATUS_DENIED, false, 5}, /* to nobody we know: unseal asks for no identity */
    {'U', STATUS_UNAUTHENTICATED, false, 5},
    {'G', STATUS_UNAUTHENTICATED, true, 5}, /* to somebody we know: he is disabled */
    {'E', STATUS_EXPIRED, true, 5},
    {'F', STATUS_FROZEN, true, 5},
    {'Q', STATUS_QUOTA, true, 6},
    {'I', STATUS_INVALID, false, 1}, /* there is no such operation on that socket */
    {'S', STATUS_SEALED, false, 4},
    {'C', STATUS_CONFLICT, false, 1},  /* permitted, and so already, or against what is there */
    {'M', STATUS_NOT_FOUND, false, 1}, /* permitted, but there is none */
};

/* What an operation that is done leaves in the log. */
enum trace {
    NOTHING,
    REVEALED, /* one entry, with token and reason */
    ERASED,   /* intent, with token and reason; outcome, with token */
    SAID,     /* one entry */
    CHANGED,  /* intent, outcome; both say what it is about */
    CLOSED,   /* the seal */
    OPENED,   /* the unseal, as an act of the vault's */
};

struct row {
    enum operation operation;
    enum trace trace;
    const char *data, *admin; /* a letter for each of enum who; blanks are for the eye */
};

#define NOT_HERE "IIIIII III II"

/* ---- unsealed, nothing frozen, budgets ample ---- */

/* clang-format off */
static const struct row rows[] = {
    /*                                 on the data socket  on the admin socket
     *                                 s  service          n  no grant
     *                                 d  deliver          g  disabled
     *                                 r  reveal           x  stranger
     *                                 p  privacy          0  root
     *                                 a  admin            v  the daemon's uid
     *                                 u  audit
     *                                 sdrpau ngx 0v       sdrpau ngx 0v  */
    {OP_STATUS,            NOTHING,   "OOOOOO ODO OO",    "OOOOOO ODO OO"},
    {OP_HELLO,             NOTHING,   "OOOOOO OGU UU",    "OOOOOO OGU UU"},
    {OP_PROVE,             NOTHING,   "UUUUUU UUU UU",    "UUUUUU UUU UU"},
    {OP_ENROL_BEGIN,       NOTHING,   "UUUUUU UUU UU",    "UUUUUU UUU UU"}, /* of nobody */
    {OP_ENROL_CONFIRM,     NOTHING,   "UUUUUU UUU UU",    "UUUUUU UUU UU"},
    {OP_LOGIN,             NOTHING,   "IIIIII IDU UU",    "IIIIII IDU UU"}, /* by no key of his own */
    {OP_LOGOUT,            SAID,      "IIOOOO IDU UU",    "IIOOOO IDU UU"},
    {OP_WHOAMI,            NOTHING,   "OOOOOO ODU UU",    "OOOOOO ODU UU"},
    {OP_TOKENIZE,          NOTHING,   "ODDDDD DDU UU",    NOT_HERE},
    {OP_LOOKUP,            NOTHING,   "ODOODD DDU UU",    NOT_HERE},
    {OP_MASK,              NOTHING,   "ODOODD DDU UU",    NOT_HERE},
    {OP_DESCRIBE,          NOTHING,   "ODOOOO DDU UU",    "ODOOOO DDU UU"},
    {OP_DETOKENIZE,        REVEALED,  "DOODDD DDU UU",    NOT_HERE},
    {OP_ERASE,             ERASED,    "DDDODD DDU UU",    NOT_HERE},
    {OP_FREEZE,            CHANGED,   "DDDOOO DDU UU",    "DDDOOO DDU UU"},
    {OP_UNFREEZE,          CHANGED,   NOT_HERE,           "DDDDCD DDU UU"}, /* nothing is frozen */
    {OP_UNSEAL,            NOTHING,   NOT_HERE,           "NNNNNN NNN OO"}, /* it is open already */
    {OP_UNSEAL_INFO,       NOTHING,   NOT_HERE,           "NNNNNN NNN OO"},
    {OP_UNSEAL_SHARE,      NOTHING,   NOT_HERE,           "NNNNNN NNN OO"},
    {OP_BACKUP_BEGIN,      NOTHING,   NOT_HERE,           "DDDDCD DDU UU"}, /* for nobody */
    {OP_BACKUP_READ,       NOTHING,   NOT_HERE,           "DDDDMD DDU UU"},
    {OP_BACKUP_END,        NOTHING,   NOT_HERE,           "DDDDMD DDU UU"},
    {OP_SEAL,              CLOSED,    NOT_HERE,           "DDDDOD DDU UU"},
    {OP_NAMESPACE_CREATE,  CHANGED,   NOT_HERE,           "DDDDOD DDU UU"},
    {OP_NAMESPACE_LIST,    NOTHING,   NOT_HERE,           "DDDDOO DDU UU"},
    {OP_NAMESPACE_SET,     CHANGED,   NOT_HERE,           "DDDDOD DDU UU"},
    {OP_NAMESPACE_SHRED,   CHANGED,   NOT_HERE,           "DDDDOD DDU UU"},
    {OP_KEY_ROTATE,        CHANGED,   "DDDOOD DDU UU",    "DDDOOD DDU UU"},
    {OP_COMPACT,           NOTHING,   "DDDOOD DDU UU",    "DDDOOD DDU UU"},
    {OP_KEY_STATUS,        NOTHING,   "DDDOOD DDU UU",    "DDDOOD DDU UU"},
    {OP_ROOT_ROTATE,       CHANGED,   NOT_HERE,           "DDDDOD DDU UU"},
    {OP_PRINCIPAL_ADD,     CHANGED,   NOT_HERE,           "DDDDOD DDU UU"},
    {OP_PRINCIPAL_INVITE,  CHANGED,   NOT_HERE,           "DDDDOD DDU UU"},
    {OP_PRINCIPAL_LIST,    NOTHING,   NOT_HERE,           "DDDDOO DDU UU"},
    {OP_PRINCIPAL_SHOW,    NOTHING,   NOT_HERE,           "DDDDOO DDU UU"},
    {OP_PRINCIPAL_DISABLE, CHANGED,   NOT_HERE,           "DDDDOD DDU UU"},
    {OP_PRINCIPAL_ENABLE,  CHANGED,   NOT_HERE,           "DDDDOD DDU UU"},
    {OP_PRINCIPAL_OFFBOARD, CHANGED,   NOT_HERE,           "DDDDOD DDU UU"},
    {OP_GRANT,             CHANGED,   NOT_HERE,           "DDDDOD DDU UU"},
    {OP_REVOKE,            CHANGED,   NOT_HERE,           "DDDDOD DDU UU"},
    {OP_RECIPIENT_ADD,     CHANGED,   NOT_HERE,           "DDDDOD DDU UU"},
    {OP_RECIPIENT_LIST,    NOTHING,   NOT_HERE,           "DDDDOO DDU UU"},
    {OP_RECIPIENT_REMOVE,  CHANGED,   NOT_HERE,           "DDDDOD DDU UU"},
    {OP_CANARY_ADD,         CHANGED,   NOT_HERE,           "DDDDOD DDU UU"},
    {OP_CANARY_LIST,        NOTHING,   NOT_HERE,           "DDDDOD DDU UU"},
    {OP_CANARY_REMOVE,      CHANGED,   NOT_HERE,           "DDDDOD DDU UU"},
    {OP_NOTIFY_TEST,        NOTHING,   NOT_HERE,           "DDDDMD DDU UU"},
    {OP_AUDIT_READ,        NOTHING,   NOT_HERE,           "DDDDOO DDU UU"},
    {OP_PRINCIPAL_SET_KEY,  CHANGED,   NOT_HERE,           "DDDDOD DDU UU"},
    {OP_APPROVALS_SET,      CHANGED,   NOT_HERE,           "DDDDOD DDU UU"},
    {OP_PENDING,            NOTHING,   NOT_HERE,           "DDDDOO DDU UU"},
    {OP_APPROVE,            NOTHING,   NOT_HERE,           "DDDDMD DDU UU"},
    {OP_DENY,               NOTHING,   NOT_HERE,           "DDDDMD DDU UU"},
};

/* Nobody is known, so nobody is refused by name; what is not on a socket is not there sealed. */
static const struct row sealed_rows[] = {
    /*                                 sdrpau ngx 0v       sdrpau ngx 0v  */
    {OP_STATUS,            NOTHING,   "OOOOOO OOO OO",    "OOOOOO OOO OO"},
    {OP_HELLO,             NOTHING,   "SSSSSS SSS SS",    "SSSSSS SSS SS"},
    {OP_PROVE,             NOTHING,   "SSSSSS SSS SS",    "SSSSSS SSS SS"},
    {OP_ENROL_BEGIN,        NOTHING,   "SSSSSS SSS SS",    "SSSSSS SSS SS"},
    {OP_ENROL_CONFIRM,      NOTHING,   "SSSSSS SSS SS",    "SSSSSS SSS SS"},
    {OP_LOGIN,              NOTHING,   "SSSSSS SSS SS",    "SSSSSS SSS SS"},
    {OP_LOGOUT,             NOTHING,   "SSSSSS SSS SS",    "SSSSSS SSS SS"},
    {OP_WHOAMI,             NOTHING,   "SSSSSS SSS SS",    "SSSSSS SSS SS"},
    {OP_TOKENIZE,          NOTHING,   "SSSSSS SSS SS",    NOT_HERE},
    {OP_LOOKUP,            NOTHING,   "SSSSSS SSS SS",    NOT_HERE},
    {OP_MASK,              NOTHING,   "SSSSSS SSS SS",    NOT_HERE},
    {OP_DESCRIBE,          NOTHING,   "SSSSSS SSS SS",    "SSSSSS SSS SS"},
    {OP_DETOKENIZE,        NOTHING,   "SSSSSS SSS SS",    NOT_HERE},
    {OP_ERASE,             NOTHING,   "SSSSSS SSS SS",    NOT_HERE},
    {OP_FREEZE,            NOTHING,   "SSSSSS SSS SS",    "SSSSSS SSS SS"},
    {OP_UNFREEZE,          NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_UNSEAL,            OPENED,    NOT_HERE,           "NNNNNN NNN OO"},
    {OP_UNSEAL_INFO,       NOTHING,   NOT_HERE,           "NNNNNN NNN OO"},
    {OP_UNSEAL_SHARE,      NOTHING,   NOT_HERE,           "NNNNNN NNN II"},
    {OP_BACKUP_BEGIN,      NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_BACKUP_READ,       NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_BACKUP_END,        NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_SEAL,              NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_NAMESPACE_CREATE,  NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_NAMESPACE_LIST,    NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_NAMESPACE_SET,     NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_NAMESPACE_SHRED,   NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_KEY_ROTATE,        NOTHING,   "SSSSSS SSS SS",    "SSSSSS SSS SS"},
    {OP_COMPACT,           NOTHING,   "SSSSSS SSS SS",    "SSSSSS SSS SS"},
    {OP_KEY_STATUS,        NOTHING,   "SSSSSS SSS SS",    "SSSSSS SSS SS"},
    {OP_ROOT_ROTATE,       NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_PRINCIPAL_ADD,     NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_PRINCIPAL_INVITE,  NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_PRINCIPAL_LIST,    NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_PRINCIPAL_SHOW,    NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_PRINCIPAL_DISABLE, NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_PRINCIPAL_ENABLE,  NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_PRINCIPAL_OFFBOARD, NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_GRANT,             NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_REVOKE,            NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_RECIPIENT_ADD,     NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_RECIPIENT_LIST,    NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_RECIPIENT_REMOVE,  NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_CANARY_ADD,         NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_CANARY_LIST,        NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_CANARY_REMOVE,      NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_NOTIFY_TEST,        NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_AUDIT_READ,        NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_PRINCIPAL_SET_KEY,  NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_APPROVALS_SET,      NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_PENDING,            NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_APPROVE,            NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
    {OP_DENY,               NOTHING,   NOT_HERE,           "SSSSSS SSS SS"},
};

/* Everybody who holds a role is disabled, with his connections still open. */
static const struct row disabled_rows[] = {
    /*                                 sdrpau ngx 0v       sdrpau ngx 0v  */
    {OP_STATUS,            NOTHING,   "DDDDDD ODO OO",    "DDDDDD ODO OO"},
    {OP_HELLO,             NOTHING,   "GGGGGG OGU UU",    "GGGGGG OGU UU"},
    {OP_PROVE,             NOTHING,   "UUUUUU UUU UU",    "UUUUUU UUU UU"},
    {OP_ENROL_BEGIN,       NOTHING,   "UUUUUU UUU UU",    "UUUUUU UUU UU"},
    {OP_ENROL_CONFIRM,     NOTHING,   "UUUUUU UUU UU",    "UUUUUU UUU UU"},
    {OP_LOGIN,             NOTHING,   "DDDDDD IDU UU",    "DDDDDD IDU UU"},
    {OP_LOGOUT,            NOTHING,   "DDDDDD IDU UU",    "DDDDDD IDU UU"},
    {OP_WHOAMI,            NOTHING,   "DDDDDD ODU UU",    "DDDDDD ODU UU"},
    {OP_TOKENIZE,          NOTHING,   "DDDDDD DDU UU",    NOT_HERE},
    {OP_LOOKUP,            NOTHING,   "DDDDDD DDU UU",    NOT_HERE},
    {OP_MASK,              NOTHING,   "DDDDDD DDU UU",    NOT_HERE},
    {OP_DESCRIBE,          NOTHING,   "DDDDDD DDU UU",    "DDDDDD DDU UU"},
    {OP_DETOKENIZE,        NOTHING,   "DDDDDD DDU UU",    NOT_HERE},
    {OP_ERASE,             NOTHING,   "DDDDDD DDU UU",    NOT_HERE},
    {OP_FREEZE,            NOTHING,   "DDDDDD DDU UU",    "DDDDDD DDU UU"},
    {OP_UNFREEZE,          NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_UNSEAL,            NOTHING,   NOT_HERE,           "NNNNNN NNN OO"},
    {OP_UNSEAL_INFO,       NOTHING,   NOT_HERE,           "NNNNNN NNN OO"},
    {OP_UNSEAL_SHARE,      NOTHING,   NOT_HERE,           "NNNNNN NNN OO"},
    {OP_BACKUP_BEGIN,      NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_BACKUP_READ,       NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_BACKUP_END,        NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_SEAL,              NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_NAMESPACE_CREATE,  NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_NAMESPACE_LIST,    NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_NAMESPACE_SET,     NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_NAMESPACE_SHRED,   NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_KEY_ROTATE,        NOTHING,   "DDDDDD DDU UU",    "DDDDDD DDU UU"},
    {OP_COMPACT,           NOTHING,   "DDDDDD DDU UU",    "DDDDDD DDU UU"},
    {OP_KEY_STATUS,        NOTHING,   "DDDDDD DDU UU",    "DDDDDD DDU UU"},
    {OP_ROOT_ROTATE,       NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_PRINCIPAL_ADD,     NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_PRINCIPAL_INVITE,  NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_PRINCIPAL_LIST,    NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_PRINCIPAL_SHOW,    NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_PRINCIPAL_DISABLE, NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_PRINCIPAL_ENABLE,  NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_PRINCIPAL_OFFBOARD, NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_GRANT,             NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_REVOKE,            NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_RECIPIENT_ADD,     NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_RECIPIENT_LIST,    NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_RECIPIENT_REMOVE,  NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_CANARY_ADD,         NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_CANARY_LIST,        NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_CANARY_REMOVE,      NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_NOTIFY_TEST,        NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_AUDIT_READ,        NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_PRINCIPAL_SET_KEY,  NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_APPROVALS_SET,      NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_PENDING,            NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_APPROVE,            NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
    {OP_DENY,               NOTHING,   NOT_HERE,           "DDDDDD DDU UU"},
};

/* Every grant of the cast has ended: who might have, is told so; who never might, is not. */
static const struct row expired_rows[] = {
    /*                                 sdrpau ngx 0v       sdrpau ngx 0v  */
    {OP_STATUS,            NOTHING,   "OOOOOO ODO OO",    "OOOOOO ODO OO"},
    {OP_HELLO,             NOTHING,   "OOOOOO OGU UU",    "OOOOOO OGU UU"},
    {OP_PROVE,             NOTHING,   "UUUUUU UUU UU",    "UUUUUU UUU UU"},
    {OP_ENROL_BEGIN,       NOTHING,   "UUUUUU UUU UU",    "UUUUUU UUU UU"},
    {OP_ENROL_CONFIRM,     NOTHING,   "UUUUUU UUU UU",    "UUUUUU UUU UU"},
    {OP_LOGIN,             NOTHING,   "IIIIII IDU UU",    "IIIIII IDU UU"},
    {OP_LOGOUT,            SAID,      "IIOOOO IDU UU",    "IIOOOO IDU UU"},
    {OP_WHOAMI,            NOTHING,   "OOOOOO ODU UU",    "OOOOOO ODU UU"},
    {OP_TOKENIZE,          NOTHING,   "EDDDDD DDU UU",    NOT_HERE},
    {OP_LOOKUP,            NOTHING,   "EDEEDD DDU UU",    NOT_HERE},
    {OP_MASK,              NOTHING,   "EDEEDD DDU UU",    NOT_HERE},
    {OP_DESCRIBE,          NOTHING,   "EDEEEE DDU UU",    "EDEEEE DDU UU"},
    {OP_DETOKENIZE,        NOTHING,   "DEEDDD DDU UU",    NOT_HERE},
    {OP_ERASE,             NOTHING,   "DDDEDD DDU UU",    NOT_HERE},
    {OP_FREEZE,            NOTHING,   "DDDEEE DDU UU",    "DDDEEE DDU UU"},
    {OP_UNFREEZE,          NOTHING,   NOT_HERE,           "DDDDED DDU UU"},
    {OP_UNSEAL,            NOTHING,   NOT_HERE,           "NNNNNN NNN OO"},
    {OP_UNSEAL_INFO,       NOTHING,   NOT_HERE,           "NNNNNN NNN OO"},
    {OP_UNSEAL_SHARE,      NOTHING,   NOT_HERE,           "NNNNNN NNN OO"},
    {OP_BACKUP_BEGIN,      NOTHING,   NOT_HERE,           "DDDDED DDU UU"},
    {OP_BACKUP_READ,       NOTHING,   NOT_HERE,           "DDDDED DDU UU"},
    {OP_BACKUP_END,        NOTHING,   NOT_HERE,           "DDDDED DDU UU"},
    {OP_SEAL,              NOTHING,   NOT_HERE,           "DDDDED DDU UU"},
    {OP_NAMESPACE_CREATE,  NOTHING,   NOT_HERE,           "DDDDED DDU UU"},
    {OP_NAMESPACE_LIST,    NOTHING,   NOT_HERE,           "DDDDEE DDU UU"},
    {OP_NAMESPACE_SET,     NOTHING,   NOT_HERE,           "DDDDED DDU UU"},
    {OP_NAMESPACE_SHRED,   NOTHING,   NOT_HERE,           "DDDDED DDU UU"},
    {OP_KEY_ROTATE,        NOTHING,   "DDDEED DDU UU",    "DDDEED DDU UU"},
    {OP_COMPACT,           NOTHING,   "DDDEED DDU UU",    "DDDEED DDU UU"},
    {OP_KEY_STATUS,        NOTHING,   "DDDEED DDU UU",    "DDDEED DDU UU"},
    {OP_ROOT_ROTATE,       NOTHING,   NOT_HERE,           "DDDDED DDU UU"},
    {OP_PRINCIPAL_ADD,     NOTHING,   NOT_HERE,           "DDDDED DDU UU"},
    {OP_PRINCIPAL_INVITE,  NOTHING,   NOT_HERE,           "DDDDED DDU UU"},
    {OP_PRINCIPAL_LIST,    NOTHING,   NOT_HERE,           "DDDDEE DDU UU"},
    {OP_PRINCIPAL_SHOW,    NOTHING,   NOT_HERE,           "DDDDEE DDU UU"},
    {OP_PRINCIPAL_DISABLE, NOTHING,   NOT_HERE,           "DDDDED DDU UU"},
    {OP_PRINCIPAL_ENABLE,  NOTHING,   NOT_HERE,           "DDDDED DDU UU"},
    {OP_PRINCIPAL_OFFBOARD, NOTHING,   NOT_HERE,           "DDDDED DDU UU"},
    {OP_GRANT,             NOTHING,   NOT_HERE,           "DDDDED DDU UU"},
    {OP_REVOKE,            NOTHING,   NOT_HERE,           "DDDDED DDU UU"},
    {OP_RECIPIENT_ADD,     NOTHING,   NOT_HERE,           "DDDDED DDU UU"},
    {OP_RECIPIENT_LIST,    NOTHING,   NOT_HERE,           "DDDDEE DDU UU"},
    {OP_RECIPIENT_REMOVE,  NOTHING,   NOT_HERE,           "DDDDED DDU UU"},
    {OP_CANARY_ADD,         NOTHING,   NOT_HERE,           "DDDDED DDU UU"},
    {OP_CANARY_LIST,        NOTHING,   NOT_HERE,           "DDDDED DDU UU"},
    {OP_CANARY_REMOVE,      NOTHING,   NOT_HERE,           "DDDDED DDU UU"},
    {OP_NOTIFY_TEST,        NOTHING,   NOT_HERE,           "DDDDED DDU UU"},
    {OP_AUDIT_READ,        NOTHING,   NOT_HERE,           "DDDDEE DDU UU"},
    {OP_PRINCIPAL_SET_KEY,  NOTHING,   NOT_HERE,           "DDDDED DDU UU"},
    {OP_APPROVALS_SET,      NOTHING,   NOT_HERE,           "DDDDED DDU UU"},
    {OP_PENDING,            NOTHING,   NOT_HERE,           "DDDDEE DDU UU"},
    {OP_APPROVE,            NOTHING,   NOT_HERE,           "DDDDED DDU UU"},
    {OP_DENY,               NOTHING,   NOT_HERE,           "DDDDED DDU UU"},
};

/* What is not named in the following is as in `rows`: that nothing else changes is the point. */

static const struct row people_frozen_rows[] = {
    /*                                 sdrpau ngx 0v       sdrpau ngx 0v  */
    {OP_DETOKENIZE,        REVEALED,  "DOFDDD DDU UU",    NOT_HERE},
    {OP_FREEZE,            CHANGED,   "DDDCCC DDU UU",    "DDDCCC DDU UU"},
    {OP_UNFREEZE,          CHANGED,   NOT_HERE,           "DDDDOD DDU UU"},
};

static const struct row all_frozen_rows[] = {
    /*                                 sdrpau ngx 0v       sdrpau ngx 0v  */
    {OP_DETOKENIZE,        REVEALED,  "DFFDDD DDU UU",    NOT_HERE},
    {OP_FREEZE,            CHANGED,   "DDDCCC DDU UU",    "DDDCCC DDU UU"},
    {OP_UNFREEZE,          CHANGED,   NOT_HERE,           "DDDDOD DDU UU"},
};

static const struct row spent_rows[] = {
    /*                                 sdrpau ngx 0v       sdrpau ngx 0v  */
    {OP_TOKENIZE,          NOTHING,   "QDDDDD DDU UU",    NOT_HERE},
    {OP_LOOKUP,            NOTHING,   "QDQQDD DDU UU",    NOT_HERE},
    {OP_DETOKENIZE,        REVEALED,  "DQQDDD DDU UU",    NOT_HERE},
};
/* clang-format on */

enum { ROWS = sizeof rows / sizeof rows[0] };

/* ---- one cell ---- */

static struct cast cast;
static unsigned faults;

/* Where the walk is: said of each fault. */
static struct cell {
    const char *state;
    const struct row *row;
    enum on_socket socket;
    enum who who;
} here;

__attribute__((format(printf, 1, 2))) static void
complain(const char *format, ...)
{
    char what[160];
    va_list list;

    va_start(list, format);
    (void)vsnprintf(what, sizeof what, format, list);
    va_end(list);
    print_error("%s, %s by %s on the %s socket: %s\n", here.state,
                operation_name(here.row->operation), cast_title(here.who),
                here.socket == ON_DATA ? "data" : "admin", what);
    faults++;
}

static const struct answer *
expected_answer(void)
{
    const char *letters = here.socket == ON_DATA ? here.row->data : here.row->admin;
    int left = (int)here.who;

    while (*letters == ' ' || left > 0) {
        left -= *letters != ' ';
        letters++;
    }
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        if (answers[i].letter == *letters) {
            return &answers[i];
        }
    }
    fail_msg("the table says nothing of %s by %s", operation_name(here.row->operation),
             cast_title(here.who));
    return NULL;
}

static void
check_entry(const struct log_entry *entry, uint64_t act, enum audit_phase phase, enum status result)
{
    const char *name = cast_name(here.who);

    if (entry->act != act || entry->phase != phase || entry->result != result) {
        complain("the log says %s, phase %d, %s", audit_act_name((uint32_t)entry->act),
                 (int)entry->phase, status_name((enum status)entry->result));
    }
    if (strcmp(entry->principal, name == NULL ? "" : name) != 0) {
        complain("the log says it was \"%s\"", entry->principal);
    }
}

static void
check_token(const struct log_entry *entry, const char *token)
{
    if (strcmp(entry->token, token) != 0) {
        complain("the log names the token \"%s\"", entry->token);
    }
}

static void
check_reason(const struct log_entry *entry, bool expected)
{
    if ((entry->reason[0] != '\0') != expected) {
        complain("the log's reason is \"%s\"", entry->reason);
    }
}

static void
check_subject(const struct log_entry *entry)
{
    if (strcmp(entry->subject, cast.subject) != 0 &&
        strcmp(entry->namespace_name, cast.subject) != 0) {
        complain("the log says it was about \"%s\"", entry->subject);
    }
}

static bool
check_count(size_t count, size_t expected)
{
    if (count != expected) {
        complain("%zu entries instead of %zu", count, expected);
    }
    return count == expected;
}

static void
check_done(const struct log_entry *entries, size_t count)
{
    static const size_t counts[] = {
        [NOTHING] = 0, [REVEALED] = 1, [ERASED] = 2, [SAID] = 1, [CHANGED] = 2, [CLOSED] = 2, [OPENED] = 1};
    enum operation operation = here.row->operation;

    if (!check_count(count, counts[here.row->trace])) {
        return;
    }
    switch (here.row->trace) {
    case NOTHING:
        break;
    case REVEALED:
        check_entry(&entries[0], operation, AUDIT_DONE, STATUS_OK);
        check_token(&entries[0], cast.token);
        check_reason(&entries[0], true);
        break;
    case SAID:
        check_entry(&entries[0], operation, AUDIT_DONE, STATUS_OK);
        break;
    case ERASED:
    case CHANGED:
        check_entry(&entries[0], operation, AUDIT_INTENT, STATUS_OK);
        check_entry(&entries[1], operation, AUDIT_OUTCOME, STATUS_OK);
        for (size_t i = 0; i < 2; i++) {
            check_token(&entries[i], here.row->trace == ERASED ? cast.token : "");
            check_reason(&entries[i], here.row->trace == ERASED && i == 0);
            check_subject(&entries[i]);
        }
        break;
    case CLOSED: /* and opened again, to look */
        check_entry(&entries[0], AUDIT_ACT_CLOSED, AUDIT_DONE, STATUS_OK);
        break;
    case OPENED:
        check_entry(&entries[0], AUDIT_ACT_OPENED, AUDIT_DONE, STATUS_OK);
        break;
    }
}

static void
check_log(const struct answer *answer)
{
    enum { MOST = 64 };
    struct log_entry entries[MOST];
    size_t count = log_reader_since(&cast.log, entries, MOST);

    if (answer->status == STATUS_OK) {
        check_done(entries, count);
    } else if (check_count(count, answer->on_record) && answer->on_record) {
        check_entry(&entries[0], here.row->operation, AUDIT_DONE, answer->status);
        check_token(&entries[0], "");
    }
}

/* S3: whatever is asked, a contact comes back by detokenize alone, and a reason to audit alone.
 * That the search finds one where there is one is seen in the cells that are answered. */
/* Of a person over the budget of reveals it stands in the item. */
static uint64_t
told_wait_s(const struct caller *caller)
{
    const struct message_list *items = NULL;
    uint64_t seconds = 0;

    if (message_uint(caller->reply, FIELD_RETRY_AFTER_S, &seconds)) {
        return seconds;
    }
    if (here.row->operation == OP_DETOKENIZE && message_list(caller->reply, FIELD_ITEMS, &items)) {
        (void)!message_uint(message_list_message(items, 0), FIELD_RETRY_AFTER_S, &seconds);
    }
    return seconds;
}

static void
check_reply(const struct answer *answer, enum status got)
{
    enum operation operation = here.row->operation;
    uint64_t retry_after_s = told_wait_s(&cast.callers[here.socket][here.who]);

    if (got != answer->status) {
        complain("expected %s, got %s", status_name(answer->status), status_name(got));
    }
    if ((int)exit_code_of((enum cv_status)got) != answer->exit_code) {
        complain("vaultctl would exit %d", (int)exit_code_of((enum cv_status)got));
    }
    if (cast_told_contact(&cast, here.socket, here.who) !=
        (operation == OP_DETOKENIZE && answer->status == STATUS_OK)) {
        complain("the reply holds a contact, or holds none");
    }
    if (cast_told_reason(&cast, here.socket, here.who) !=
        (operation == OP_AUDIT_READ && here.who == AUDIT && answer->status == STATUS_OK)) {
        complain("the reply holds a reason, or holds none");
    }
    if ((retry_after_s > 0) != (answer->status == STATUS_QUOTA)) {
        complain("to be tried again in %u s", (unsigned)retry_after_s);
    }
}

static void
unseal(void)
{
    assert_int_equal(dispatch_unseal(cast.fixture.dispatch, cast.fixture.root, cast.fixture.fault),
                     STATUS_OK);
}

static void
walk_cell(void)
{
    const struct answer *answer = expected_answer();
    bool sealed = dispatch_is_sealed(cast.fixture.dispatch);
    uint64_t last;

    if (!sealed) {
        cast_arrange(&cast, here.row->operation);
        cast_present(&cast, here.socket, here.who);
    }
    log_reader_skip(&cast.log);
    last = audit_last(cast.fixture.audit);
    check_reply(answer, cast_ask(&cast, here.socket, here.who, here.row->operation));
    if (sealed && dispatch_is_sealed(cast.fixture.dispatch)) {
        (void)check_count(audit_last(cast.fixture.audit) - last, 0);
        return;
    }
    if (dispatch_is_sealed(cast.fixture.dispatch)) {
        unseal();
    }
    check_log(answer);
    if (sealed) {
        assert_int_equal(dispatch_seal(cast.fixture.dispatch), STATUS_OK);
    }
}

/* ---- walks ---- */

/* The row of `table` about that operation, or else of the usual one. */
static const struct row *
find_row(const struct row *table, size_t count, enum operation operation)
{
    for (size_t i = 0; i < count; i++) {
        if (table[i].operation == operation) {
            return &table[i];
        }
    }
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].operation == operation) {
            return &rows[i];
        }
    }
    return NULL;
}

static void
walk(const char *state, const struct row *table, size_t count)
{
    faults = 0;
    for (size_t i = 0; i < ROWS; i++) {
        for (int cell = 0; cell < SOCKETS * WHO_COUNT; cell++) {
            here = (struct cell){.state = state,
                                 .row = find_row(table, count, rows[i].operation),
                                 .socket = (enum on_socket)(cell / WHO_COUNT),
                                 .who = (enum who)(cell % WHO_COUNT)};
            walk_cell();
        }
    }
    assert_int_equal(faults, 0);
}

#define WALK(state, table) walk(state, table, sizeof(table) / sizeof((table)[0]))

static int
set_up(void **state)
{
    (void)state;
    cast_make(&cast, 0, NULL);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    cast_remove(&cast);
    return 0;
}

static void
test_s4_unsealed(void **state)
{
    (void)state;
    WALK("unsealed", rows);
}

static void
test_s5_sealed(void **state)
{
    (void)state;
    assert_int_equal(dispatch_seal(cast.fixture.dispatch), STATUS_OK);
    WALK("sealed", sealed_rows);
}

static void
test_s20_people_frozen(void **state)
{
    (void)state;
    cast.freeze = FREEZE_PEOPLE;
    WALK("people frozen", people_frozen_rows);
}

static void
test_s20_all_frozen(void **state)
{
    (void)state;
    cast.freeze = FREEZE_ALL;
    WALK("all frozen", all_frozen_rows);
}

enum { PAUSE_MS = 30 * 1000 }; /* proofs that did not hold are forgotten, codes are new ones */

static void
each_role(enum operation operation)
{
    for (int who = 0; who < ROLES_END; who++) {
        assert_int_equal(caller_name(&cast.hand, operation, cast_name((enum who)who)), STATUS_OK);
    }
    still_clock_pass_ms(PAUSE_MS);
}

static void
test_s6_disabled_and_enabled_again(void **state)
{
    (void)state;
    each_role(OP_PRINCIPAL_DISABLE);
    WALK("disabled", disabled_rows);
    each_role(OP_PRINCIPAL_ENABLE);
    WALK("enabled again", rows);
}

enum { GRANT_S = 3600, SECOND_MS = 1000 };

static int
set_up_ending(void **state)
{
    (void)state;
    cast_make(&cast, GRANT_S, NULL);
    return 0;
}

/* A grant permits until the very millisecond at which it ends. */
static void
test_s21_about_to_end_and_ended(void **state)
{
    (void)state;
    still_clock_pass_ms(GRANT_S * SECOND_MS - 1);
    WALK("about to end", rows);
    still_clock_pass_ms(1);
    WALK("expired", expired_rows);
}

enum { LOOKUPS = 7, REVEALS = 3 };

static int
set_up_spending(void **state)
{
    const struct access_budgets small = {.service = {LOOKUPS, 0},
                                         .lookup = {LOOKUPS, 0},
                                         .reveal = {REVEALS, 0},
                                         .deliver = {REVEALS, 0}};

    (void)state;
    cast_make(&cast, 0, &small);
    return 0;
}

/* All that there is; then it is QUOTA. */
static void
spend(enum who who, enum operation operation, unsigned budget)
{
    unsigned spent = operation == OP_LOOKUP || who == DELIVER; /* by cast_make */

    while (spent <= budget && cast_ask(&cast, ON_DATA, who, operation) == STATUS_OK) {
        spent++;
    }
    assert_int_equal(spent, budget);
}

static void
test_s18_over_budget(void **state)
{
    (void)state;
    spend(SERVICE, OP_LOOKUP, LOOKUPS);
    spend(REVEAL, OP_LOOKUP, LOOKUPS);
    spend(PRIVACY, OP_LOOKUP, LOOKUPS);
    spend(DELIVER, OP_DETOKENIZE, REVEALS);
    spend(REVEAL, OP_DETOKENIZE, REVEALS);
    WALK("over budget", spent_rows);
}

/* ---- the tables themselves ---- */

/* A row that this test does not know would go unexamined. */
static void
test_the_tables_name_every_operation(void **state)
{
    size_t known = 0;

    (void)state;
    for (unsigned operation = 0; operation < OPERATION_LIMIT; operation++) {
        if (operation_name((enum operation)operation) != NULL) {
            known++;
            assert_non_null(find_row(NULL, 0, (enum operation)operation));
            assert_int_equal(find_row(sealed_rows, ROWS, (enum operation)operation)->trace,
                             operation == OP_UNSEAL ? OPENED : NOTHING);
        }
    }
    assert_int_equal(known, ROWS);
    assert_int_equal(sizeof sealed_rows, sizeof rows);
    assert_int_equal(sizeof disabled_rows, sizeof rows);
    assert_int_equal(sizeof expired_rows, sizeof rows);
}

/* vaultctl's exit codes, for every status there is. */
static void
test_every_status_has_its_exit_code(void **state)
{
    static const int codes[STATUS_COUNT] = {
        [STATUS_OK] = 0,        [STATUS_INVALID] = 1,
        [STATUS_TOO_LARGE] = 1, [STATUS_UNAUTHENTICATED] = 5,
        [STATUS_DENIED] = 5,    [STATUS_QUOTA] = 6,
        [STATUS_NOT_FOUND] = 1, [STATUS_CONFLICT] = 1,
        [STATUS_EXPIRED] = 5,   [STATUS_SEALED] = 4,
        [STATUS_BUSY] = 6,      [STATUS_UNAVAILABLE] = 6,
        [STATUS_CORRUPT] = 1,   [STATUS_INTERNAL] = 1,
        [STATUS_FROZEN] = 5,    [STATUS_NO_SESSION] = 5,
        [STATUS_PENDING] = 7,
    };

    (void)state;
    for (unsigned status = 0; status < STATUS_COUNT; status++) {
        assert_int_equal(exit_code_of((enum cv_status)status), codes[status]);
        assert_string_equal(cv_status_name((enum cv_status)status),
                            status_name((enum status)status));
    }
}

/* ---- what an answer tells beyond yes ---- */

static void
test_only_admin_and_audit_learn_how_many_contacts_there_are(void **state)
{
    (void)state;
    for (int cell = 0; cell < SOCKETS * WHO_COUNT; cell++) {
        enum on_socket socket = (enum on_socket)(cell / WHO_COUNT);
        enum who who = (enum who)(cell % WHO_COUNT);
        const struct caller *caller = &cast.callers[socket][who];
        bool looks_after = who == ADMIN || who == AUDIT;
        uint64_t count = 0;

        (void)cast_ask(&cast, socket, who, OP_STATUS);
        assert_int_equal(message_uint(caller->reply, FIELD_CONTACTS, &count), looks_after);
        assert_int_equal(message_uint(caller->reply, FIELD_NAMESPACES, &count), looks_after);
        assert_int_equal(message_uint(caller->reply, FIELD_FROZEN, &count), looks_after);
    }
}

static void
test_only_admin_and_audit_learn_when_a_contact_came(void **state)
{
    (void)state;
    for (int who = 0; who < ROLES_END; who++) {
        const struct caller *caller = &cast.callers[ON_DATA][who];
        const struct message_list *items = NULL;
        uint64_t created = 0;

        if (cast_ask(&cast, ON_DATA, (enum who)who, OP_DESCRIBE) != STATUS_OK) {
            assert_int_equal(who, DELIVER);
            continue;
        }
        assert_true(message_list(caller->reply, FIELD_ITEMS, &items));
        assert_int_equal(message_uint(message_list_message(items, 0), FIELD_CREATED, &created),
                         who == ADMIN || who == AUDIT);
    }
}

int
main(void)
{
#define IN(world, test) cmocka_unit_test_setup_teardown(test, world, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_tables_name_every_operation),
        cmocka_unit_test(test_every_status_has_its_exit_code),
        IN(set_up, test_s4_unsealed),
        IN(set_up, test_s5_sealed),
        IN(set_up, test_s20_people_frozen),
        IN(set_up, test_s20_all_frozen),
        IN(set_up, test_s6_disabled_and_enabled_again),
        IN(set_up_ending, test_s21_about_to_end_and_ended),
        IN(set_up_spending, test_s18_over_budget),
        IN(set_up, test_only_admin_and_audit_learn_how_many_contacts_there_are),
        IN(set_up, test_only_admin_and_audit_learn_when_a_contact_came),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
