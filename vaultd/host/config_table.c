/* SPDX-License-Identifier: Apache-2.0 */
/* THE table of the configuration: which keys there are, and what each may be. */
#include "config_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "log.h"

enum {
    SOCKET_PATH_BYTES_MAX = 107, /* unix(7): sun_path less its NUL */
    MODE_OWNER = 0600,           /* a socket that we cannot use ourselves is none */
    MODE_ALL = 0666,
    OCTAL = 8,
    DECIMAL = 10,
    BUDGET_MAX = 1000000000,
    MODE_DIGITS_MIN = 3,
    MODE_DIGITS_MAX = 4,
    UID_OVERFLOW = 65534, /* what the kernel says for a user it cannot map */
    DIGITS_MAX = 10,
};

#define AT(member) offsetof(struct config, member)
#define NUMBER(section, name, member, low, high, unsaid)                                           \
    {                                                                                              \
        section, name, CONFIG_NUMBER, low, high, unsaid, AT(member), NULL                          \
    }
#define NUMBER_OR_0(section, name, member, low, high, unsaid, zero)                                \
    {                                                                                              \
        section, name, CONFIG_NUMBER, low, high, unsaid, AT(member), zero                          \
    }
#define TEXT(section, name, kind, member)                                                          \
    {                                                                                              \
        section, name, kind, 0, 0, 0, AT(member), NULL                                             \
    }
#define LIMIT(name, low, high, unsaid) NUMBER("limits", #name, limits.name, low, high, unsaid)
#define BUDGET(name, unsaid)                                                                       \
    NUMBER_OR_0("budgets", #name, budgets.name, 1, BUDGET_MAX, unsaid, "without limit")

const struct config_key config_keys[] = {
    TEXT("vault", "data", CONFIG_PATH, data),
    TEXT("vault", "key_file", CONFIG_PATH, key_file),
    /* What 1 TiB is to the store is less under ThreadSanitizer: it knows, so it is asked for 0. */
    NUMBER_OR_0("vault", "map_gib", map_gib, 1, 65536, 0, "1024"),

    TEXT("socket", "path", CONFIG_SOCKET_PATH, socket.path),
    {"socket", "mode", CONFIG_MODE, 0, 0, 0666, AT(socket.mode), NULL},
    TEXT("socket", "group", CONFIG_GROUP, socket.group),

    TEXT("admin_socket", "path", CONFIG_SOCKET_PATH, admin_socket.path),
    {"admin_socket", "mode", CONFIG_MODE, 0, 0, 0660, AT(admin_socket.mode), NULL},
    TEXT("admin_socket", "group", CONFIG_GROUP, admin_socket.group),

    TEXT("unseal", "uids", CONFIG_UIDS, unseal_uids),

    LIMIT(connections, 1, 65536, 1024),
    LIMIT(admin_connections, 1, 4096, 64),
    LIMIT(connections_per_uid, 1, 65536, 256),
    LIMIT(strangers, 1, 65536, 256),
    LIMIT(strangers_per_uid, 1, 65536, 32),
    LIMIT(stranger_s, 1, 3600, 30),
    LIMIT(outstanding, 1, 4096, 64),
    LIMIT(handshake_s, 1, 600, 5),
    LIMIT(frame_s, 1, 600, 10),
    LIMIT(write_s, 1, 600, 10),
    NUMBER_OR_0("limits", "idle_s", limits.idle_s, 1, 86400, 0, "never closed"),
    LIMIT(workers, 1, 1024, 64),
    LIMIT(queue, 1, 65536, 4096),
    LIMIT(memory_mib, 16, 65536, 64),
    NUMBER_OR_0("limits", "drain_s", limits.drain_s, 1, 600, 5, "nobody is waited for"),

    BUDGET(service_daily, 100000),
    BUDGET(service_hourly, 0),
    BUDGET(lookup_daily, 1000),
    BUDGET(lookup_hourly, 0),
    BUDGET(reveal_daily, 50),
    BUDGET(reveal_hourly, 20),
    BUDGET(deliver_daily, 10000),
    BUDGET(deliver_hourly, 2000),
    NUMBER_OR_0("budgets", "alarm_percent", budgets.alarm_percent, 1, 100, 80, "no alarm"),
    NUMBER_OR_0("budgets", "alarm_lookup_misses", budgets.alarm_lookup_misses, 1, BUDGET_MAX, 500,
                "no alarm"),

    TEXT("notify", "command", CONFIG_PATH, notify_command),
    TEXT("notify", "arguments", CONFIG_ARGUMENTS, notify_arguments),

    TEXT("reveal", "purposes", CONFIG_PURPOSES, purposes),

    TEXT("audit", "checkpoint_folder", CONFIG_PATH, checkpoint_folder),
    NUMBER("audit", "checkpoint_s", checkpoint_s, 1, 3600, 60),
    NUMBER_OR_0("audit", "retain_months", retain_months, 13, 1200, 0, "for ever"),

    NUMBER_OR_0("keys", "rekey_rate", rekey_rate, 1, 1000000, 5000, "without limit"),
    NUMBER_OR_0("keys", "data_key_max_days", data_key_max_days, 1, 36500, 0, "never rotated"),
    NUMBER_OR_0("keys", "data_key_max_records", data_key_max_records, 1000, 2000000000, 0,
                "never rotated"),

    NUMBER_OR_0("backup", "rate", backup_rate, 1, 100000, 0, "without limit"),

    {"log", "level", CONFIG_LEVEL, 0, 0, LOG_LEVEL_INFO, AT(log_level), NULL},
};

const unsigned config_key_count = sizeof config_keys / sizeof config_keys[0];
_Static_assert(sizeof config_keys / sizeof config_keys[0] <= CONFIG_KEYS_MAX, "lines has a place");

static const struct {
    const char *name;
    enum log_level level;
} levels[] = {
    {"error", LOG_LEVEL_ERROR},
    {"warning", LOG_LEVEL_WARNING},
    {"notice", LOG_LEVEL_NOTICE},
    {"info", LOG_LEVEL_INFO},
};

unsigned
config_find_key(const char *section, const char *key)
{
    unsigned i = 0;

    while (i < config_key_count &&
           (strcmp(config_keys[i].section, section) != 0 || strcmp(config_keys[i].key, key) != 0)) {
        i++;
    }
    return i;
}

bool
config_has_section(const char *section)
{
    for (unsigned i = 0; i < config_key_count; i++) {
        if (strcmp(config_keys[i].section, section) == 0) {
            return true;
        }
    }
    return false;
}

static void *
member_of(struct config *config, const struct config_key *key)
{
    return (uint8_t *)config + key->offset;
}

static size_t
text_capacity(const struct config_key *key)
{
    switch (key->kind) {
    case CONFIG_GROUP:
        return CONFIG_GROUP_BYTES;
    case CONFIG_SOCKET_PATH:
        return SOCKET_PATH_BYTES_MAX + 1;
    default:
        return CONFIG_PATH_BYTES;
    }
}

/* Digits only: no sign, no space, nothing behind. */
static bool
parse_digits(const char *text, int base, uint32_t *ret_number)
{
    const char *digits = base == OCTAL ? "01234567" : "0123456789";
    size_t size = strlen(text);

    if (size == 0 || size > DECIMAL || strspn(text, digits) != size) {
        return false;
    }
    unsigned long long number = strtoull(text, NULL, base);

    *ret_number = (uint32_t)number;
    return number <= UINT32_MAX;
}

static bool
set_number(const struct config_key *key, const char *text, uint32_t *ret_number)
{
    uint32_t number;

    if (!parse_digits(text, DECIMAL, &number) ||
        !((number >= key->lowest && number <= key->highest) ||
          (number == 0 && key->zero != NULL))) {
        return false;
    }
    *ret_number = number;
    return true;
}

static bool
set_mode(const char *text, uint32_t *ret_mode)
{
    uint32_t mode;

    if (strlen(text) < MODE_DIGITS_MIN || strlen(text) > MODE_DIGITS_MAX ||
        !parse_digits(text, OCTAL, &mode) || (mode & MODE_OWNER) != MODE_OWNER ||
        (mode & ~(uint32_t)MODE_ALL) != 0) {
        return false;
    }
    *ret_mode = mode;
    return true;
}

static bool
set_level(const char *text, uint32_t *ret_level)
{
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (strcmp(text, levels[i].name) == 0) {
            *ret_level = levels[i].level;
            return true;
        }
    }
    return false;
}

static bool
set_text(const struct config_key *key, const char *text, char *ret_text)
{
    size_t size = strlen(text);

    if (size >= text_capacity(key) || (key->kind != CONFIG_GROUP && size > 0 && text[0] != '/')) {
        return false;
    }
    memcpy(ret_text, text, size + 1);
    return true;
}

/* ---- lists ---- */

typedef bool add_entry(struct bytes text, void *list);

/* Entries apart by commas, with blanks around them or not; or none at all. */
static bool
add_all(const char *text, add_entry *add, void *list)
{
    static const char blanks[] = " \t";
    bool more = text[0] != '\0';
    bool fine = true;

    while (fine && more) {
        size_t size;

        text += strspn(text, blanks);
        size = strcspn(text, ", \t");
        fine = add(bytes_of((const uint8_t *)text, size), list);
        text += size;
        text += strspn(text, blanks);
        more = *text == ',';
        fine = fine && (more || *text == '\0');
        text += more;
    }
    return fine;
}

/* One user of the list; root always may, and nobody in particular never. */
static bool
add_uid(struct bytes text, void *list)
{
    struct config_uids *uids = list;
    char digits[DIGITS_MAX + 1] = "";
    uint32_t uid;

    if (text.size > DIGITS_MAX || uids->count == CONFIG_UIDS_MAX) {
        return false;
    }
    memcpy(digits, text.data, text.size);
    if (!parse_digits(digits, DECIMAL, &uid) || uid == 0 || uid == UID_OVERFLOW ||
        uid == UINT32_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < uids->count; i++) {
        if (uids->at[i] == uid) {
            return false;
        }
    }
    uids->at[uids->count++] = uid;
    return true;
}

static bool
set_uids(const char *text, struct config_uids *ret_uids)
{
    struct config_uids uids = {0};
    bool fine = add_all(text, add_uid, &uids);

    if (fine) {
        *ret_uids = uids;
    }
    return fine;
}

static bool
is_purpose(struct bytes name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";

    if (name.size == 0 || name.size > PURPOSE_BYTES_MAX || strchr(letters, name.data[0]) == NULL) {
        return false;
    }
    for (size_t i = 0; i < name.size; i++) {
        if (strchr("-_0123456789", name.data[i]) == NULL && strchr(letters, name.data[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static bool
add_purpose(struct bytes name, void *list)
{
    char *names = list; /* of CONFIG_PURPOSES_BYTES */
    size_t used = strlen(names);
    size_t left = CONFIG_PURPOSES_BYTES - used;
    size_t at = 0;

    if (!is_purpose(name)) {
        return false;
    }
    while (at < used) {
        size_t size = strcspn(names + at, ",");

        if (bytes_equal(bytes_of((const uint8_t *)names + at, size), name)) {
            return false;
        }
        at += size + strlen(", ");
    }
    return (size_t)snprintf(names + used, left, "%s%.*s", used > 0 ? ", " : "", (int)name.size,
                            (const char *)name.data) < left;
}

static bool
set_purposes(const char *text, char ret_names[static CONFIG_PURPOSES_BYTES])
{
    char names[CONFIG_PURPOSES_BYTES] = "";

    if (!add_all(text, add_purpose, names)) {
        return false;
    }
    memcpy(ret_names, names, sizeof names);
    return true;
}

/* As the command gets them: there is no shell, so no quoting, and nothing that a shell would do. */
static bool
set_arguments(const char *text, char ret_arguments[static CONFIG_ARGUMENTS_BYTES])
{
    static const char blanks[] = " \t";
    const char *at = text + strspn(text, blanks);
    size_t words = 0;

    while (*at != '\0') {
        words++;
        at += strcspn(at, blanks);
        at += strspn(at, blanks);
    }
    if (words > CONFIG_ARGUMENTS_MAX || (size_t)(at - text) >= CONFIG_ARGUMENTS_BYTES) {
        return false;
    }
    memcpy(ret_arguments, text, (size_t)(at - text) + 1);
    return true;
}

bool
config_set(struct config *config, unsigned number, const char *text)
{
    const struct config_key *key = &config_keys[number];
    void *member = member_of(config, key);

    switch (key->kind) {
    case CONFIG_NUMBER:
        return set_number(key, text, member);
    case CONFIG_MODE:
        return set_mode(text, member);
    case CONFIG_LEVEL:
        return set_level(text, member);
    case CONFIG_UIDS:
        return set_uids(text, member);
    case CONFIG_PURPOSES:
        return set_purposes(text, member);
    case CONFIG_ARGUMENTS:
        return set_arguments(text, member);
    case CONFIG_PATH:
    case CONFIG_SOCKET_PATH:
    case CONFIG_GROUP:
        break;
    }
    return set_text(key, text, member);
}

void
config_allowed(const struct config_key *key, char *ret_text, size_t size)
{
    switch (key->kind) {
    case CONFIG_NUMBER:
        (void)snprintf(ret_text, size, "a number from %u to %u%s%s", key->lowest, key->highest,
                       key->zero != NULL ? ", or 0: " : "", key->zero != NULL ? key->zero : "");
        return;
    case CONFIG_MODE:
        (void)snprintf(ret_text, size,
                       "an octal mode that lets its owner read and write, from 0600 to 0666");
        return;
    case CONFIG_LEVEL:
        (void)snprintf(ret_text, size, "error, warning, notice or info");
        return;
    case CONFIG_UIDS:
        (void)snprintf(ret_text, size,
                       "at most %d numbers of users, each once, apart by commas; not 0, for root "
                       "always may, nor 65534 or 4294967295, which are nobody",
                       CONFIG_UIDS_MAX);
        return;
    case CONFIG_PURPOSES:
        (void)snprintf(
            ret_text, size,
            "names, each once, apart by commas, together at most %d bytes; a name has at "
            "most %d: a lower-case letter, then letters, digits, - or _",
            CONFIG_PURPOSES_BYTES - 1, PURPOSE_BYTES_MAX);
        return;
    case CONFIG_ARGUMENTS:
        (void)snprintf(ret_text, size,
                       "at most %d words apart by blanks, together at most %d bytes; there is no "
                       "quoting, for no shell reads them",
                       CONFIG_ARGUMENTS_MAX, CONFIG_ARGUMENTS_BYTES - 1);
        return;
    case CONFIG_GROUP:
        (void)snprintf(ret_text, size, "the name or number of a group");
        return;
    case CONFIG_PATH:
    case CONFIG_SOCKET_PATH:
        (void)snprintf(ret_text, size, "a path from the root on (/...), of at most %zu bytes",
                       text_capacity(key) - 1);
        return;
    }
}

void
config_default(struct config *ret_config)
{
    *ret_config = (struct config){0};
    ret_config->socket.gid = (gid_t)-1;
    ret_config->admin_socket.gid = (gid_t)-1;
    for (unsigned i = 0; i < config_key_count; i++) {
        if (config_keys[i].kind <= CONFIG_LEVEL) {
            *(uint32_t *)member_of(ret_config, &config_keys[i]) = config_keys[i].when_unsaid;
        }
    }
}

static const char *
level_name(uint32_t level)
{
    size_t i = 0;

    while (i + 1 < sizeof levels / sizeof levels[0] && levels[i].level != level) {
        i++;
    }
    return levels[i].name;
}

bool
config_row(unsigned number, struct config_row_text *ret_row)
{
    const struct config_key *key = &config_keys[number];

    if (number >= config_key_count) {
        return false;
    }
    *ret_row = (struct config_row_text){.section = key->section, .key = key->key};
    if (key->kind == CONFIG_NUMBER) {
        (void)snprintf(ret_row->value, sizeof ret_row->value, "%u", key->when_unsaid);
    } else if (key->kind == CONFIG_MODE) {
        (void)snprintf(ret_row->value, sizeof ret_row->value, "%04o", key->when_unsaid);
    } else if (key->kind == CONFIG_LEVEL) {
        (void)snprintf(ret_row->value, sizeof ret_row->value, "%s", level_name(key->when_unsaid));
    }
    return true;
}
