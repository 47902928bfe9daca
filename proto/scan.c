/* SPDX-License-Identifier: Apache-2.0 */
#include "scan.h"

#include <stdbool.h>

#include "bounds.h"
#include "field.h"
#include "utf8.h"

/* What may stand on the wire, and how many bytes of number follow its first byte. */
enum head_type {
    HEAD_UNUSED = 0, /* nil, float, negative, extension: not in this protocol */
    HEAD_UINT,
    HEAD_BOOL,
    HEAD_STR,
    HEAD_BIN,
    HEAD_LIST,
    HEAD_MAP,
};

struct head {
    enum head_type type;
    uint64_t number; /* the value, the size in bytes, or the count */
};

enum { SEEN_BITS = 64 };

/* A map or a list under way. Maps and lists alternate, since no list holds a list. */
struct level {
    const struct field_rule *list;                 /* the list's field; NULL: a map */
    uint64_t left;                                 /* fields or entries still to come */
    uint64_t seen[FIELD_LIMIT_NUMBER / SEEN_BITS]; /* a map's fields so far, by bit */
};

struct scan {
    const uint8_t *at, *end;
    unsigned depth;
    struct level levels[MESSAGE_DEPTH_MAX];
    uint64_t entries; /* of all lists so far */
    const char *fault;
};

static enum status
refuse(struct scan *scan, enum status status, const char *fault)
{
    scan->fault = fault;
    return status;
}

static enum status
refuse_field(struct scan *scan, const struct field_rule *rule, enum field_fault fault)
{
    enum status status = fault == FIELD_FAULT_LIMIT ? STATUS_TOO_LARGE : STATUS_INVALID;

    return refuse(scan, status, rule->faults[fault]);
}

static size_t
bytes_left(const struct scan *scan)
{
    return (size_t)(scan->end - scan->at);
}

enum { WIDE_FIRST = 0xc0, WIDE_LAST = 0xdf };

/* MessagePack's first bytes from c0 to df: type, and width in bytes of the number that follows. */
static const struct wide {
    uint8_t type, width;
} wide_heads[WIDE_LAST - WIDE_FIRST + 1] = {
    [0xc4 - WIDE_FIRST] = {HEAD_BIN, 1},  [0xc5 - WIDE_FIRST] = {HEAD_BIN, 2},
    [0xc6 - WIDE_FIRST] = {HEAD_BIN, 4},  [0xcc - WIDE_FIRST] = {HEAD_UINT, 1},
    [0xcd - WIDE_FIRST] = {HEAD_UINT, 2}, [0xce - WIDE_FIRST] = {HEAD_UINT, 4},
    [0xcf - WIDE_FIRST] = {HEAD_UINT, 8}, [0xd9 - WIDE_FIRST] = {HEAD_STR, 1},
    [0xda - WIDE_FIRST] = {HEAD_STR, 2},  [0xdb - WIDE_FIRST] = {HEAD_STR, 4},
    [0xdc - WIDE_FIRST] = {HEAD_LIST, 2}, [0xdd - WIDE_FIRST] = {HEAD_LIST, 4},
    [0xde - WIDE_FIRST] = {HEAD_MAP, 2},  [0xdf - WIDE_FIRST] = {HEAD_MAP, 4},
};

/* Types and small numbers that share one byte. */
static struct head
narrow_head(uint8_t first)
{
    if (first <= 0x7f) {
        return (struct head){HEAD_UINT, first};
    }
    if (first <= 0x8f) {
        return (struct head){HEAD_MAP, first & 0x0fu};
    }
    if (first <= 0x9f) {
        return (struct head){HEAD_LIST, first & 0x0fu};
    }
    if (first <= 0xbf) {
        return (struct head){HEAD_STR, first & 0x1fu};
    }
    if (first == 0xc2 || first == 0xc3) {
        return (struct head){HEAD_BOOL, first & 0x01u};
    }
    return (struct head){HEAD_UNUSED, 0};
}

/* Any width is taken, not only the shortest: some encoders always write the widest. */
static enum status
take_head(struct scan *scan, struct head *ret_head)
{
    if (scan->at == scan->end) {
        return refuse(scan, STATUS_INVALID, "message: cut short");
    }

    uint8_t first = *scan->at++;
    const struct wide *wide = &wide_heads[first & (WIDE_LAST - WIDE_FIRST)];

    if (first < WIDE_FIRST || first > WIDE_LAST || wide->width == 0) {
        *ret_head = narrow_head(first);
        if (ret_head->type == HEAD_UNUSED) {
            return refuse(scan, STATUS_INVALID, "message: a type that is not used");
        }
        return STATUS_OK;
    }
    if (bytes_left(scan) < wide->width) {
        return refuse(scan, STATUS_INVALID, "message: cut short");
    }
    ret_head->type = wide->type;
    ret_head->number = 0;
    for (unsigned i = 0; i < wide->width; i++) {
        ret_head->number = ret_head->number << 8 | *scan->at++;
    }
    return STATUS_OK;
}

static enum status
push(struct scan *scan, const struct field_rule *list, uint64_t count)
{
    /* The table's levels already see to it; the stack must not depend on a table. */
    if (scan->depth == MESSAGE_DEPTH_MAX) {
        return refuse(scan, STATUS_INVALID, "message: nested too deep");
    }
    scan->levels[scan->depth++] = (struct level){.list = list, .left = count};
    return STATUS_OK;
}

static enum status
push_map(struct scan *scan, uint64_t count)
{
    if (count > MESSAGE_FIELDS_MAX) {
        return refuse(scan, STATUS_TOO_LARGE, "message: too many fields");
    }
    return push(scan, NULL, count);
}

static enum status
push_list(struct scan *scan, const struct field_rule *rule, uint64_t count)
{
    unsigned lists_around = scan->depth / 2;

    if (lists_around != rule->level) {
        return refuse_field(scan, rule, FIELD_FAULT_PLACE);
    }
    if (count > MESSAGE_ENTRIES_MAX - scan->entries) {
        return refuse(scan, STATUS_TOO_LARGE, "message: too many list entries");
    }
    scan->entries += count;
    return push(scan, rule, count);
}

static enum status
take_bytes(struct scan *scan, const struct field_rule *rule, const struct head *head)
{
    if (head->number > bytes_left(scan)) {
        return refuse(scan, STATUS_INVALID, "message: cut short");
    }
    struct bytes content = bytes_of(scan->at, (size_t)head->number);
    if (head->type == HEAD_STR && !utf8_valid(content)) {
        return refuse_field(scan, rule, FIELD_FAULT_UTF8);
    }
    scan->at += content.size;
    return STATUS_OK;
}

/* The one place where a field's limits are looked at: numbers, sizes and counts alike. */
static enum status
check_limits(struct scan *scan, const struct field_rule *rule, const struct head *head)
{
    if (rule->type == FIELD_TYPE_BOOL) {
        return STATUS_OK;
    }
    if (head->number < rule->min) {
        return refuse_field(scan, rule, FIELD_FAULT_RANGE);
    }
    if (head->number > rule->max) {
        return refuse_field(scan, rule,
                            rule->type == FIELD_TYPE_UINT ? FIELD_FAULT_RANGE : FIELD_FAULT_LIMIT);
    }
    return STATUS_OK;
}

static const enum head_type head_types[] = {
    [FIELD_TYPE_UINT] = HEAD_UINT, [FIELD_TYPE_BOOL] = HEAD_BOOL,  [FIELD_TYPE_STR] = HEAD_STR,
    [FIELD_TYPE_BIN] = HEAD_BIN,   [FIELD_TYPE_TEXTS] = HEAD_LIST, [FIELD_TYPE_MAPS] = HEAD_LIST,
};

static enum status
take_value(struct scan *scan, const struct field_rule *rule)
{
    struct head head;
    enum status status = take_head(scan, &head);

    if (status != STATUS_OK) {
        return status;
    }
    if (head.type != head_types[rule->type]) {
        return refuse_field(scan, rule, FIELD_FAULT_TYPE);
    }
    status = check_limits(scan, rule, &head);
    if (status != STATUS_OK) {
        return status;
    }
    if (head.type == HEAD_STR || head.type == HEAD_BIN) {
        return take_bytes(scan, rule, &head);
    }
    if (head.type == HEAD_LIST) {
        return push_list(scan, rule, head.number);
    }
    return STATUS_OK;
}

static enum status
take_field(struct scan *scan, struct level *map)
{
    struct head key;
    enum status status = take_head(scan, &key);

    if (status != STATUS_OK) {
        return status;
    }
    const struct field_rule *rule = key.type == HEAD_UINT ? field_rule(key.number) : NULL;
    if (rule == NULL) {
        return refuse(scan, STATUS_INVALID, "message: a field that does not exist");
    }
    uint64_t *seen = &map->seen[key.number / SEEN_BITS];
    uint64_t bit = UINT64_C(1) << key.number % SEEN_BITS;
    if ((*seen & bit) != 0) {
        return refuse_field(scan, rule, FIELD_FAULT_TWICE);
    }
    *seen |= bit;
    return take_value(scan, rule);
}

/* A text's own limit is not looked at here: in a batch, one over it is that item's error alone. */
static enum status
take_entry(struct scan *scan, const struct field_rule *list)
{
    struct head head;
    enum status status = take_head(scan, &head);

    if (status != STATUS_OK) {
        return status;
    }
    if (head.type != (list->type == FIELD_TYPE_TEXTS ? HEAD_STR : HEAD_MAP)) {
        return refuse_field(scan, list, FIELD_FAULT_TYPE);
    }
    return head.type == HEAD_STR ? take_bytes(scan, list, &head) : push_map(scan, head.number);
}

static enum status
take_root(struct scan *scan)
{
    struct head head;
    enum status status = take_head(scan, &head);

    if (status != STATUS_OK) {
        return status;
    }
    if (head.type != HEAD_MAP) {
        return refuse(scan, STATUS_INVALID, "message: not a map");
    }
    return push_map(scan, head.number);
}

enum status
scan_message(struct bytes bytes, const char **ret_fault)
{
    struct scan scan = {.at = bytes.data, .end = bytes_end(bytes)};
    enum status status;

    if (bytes.size > FRAME_BYTES_MAX) {
        status = refuse(&scan, STATUS_TOO_LARGE, "message: over its limit");
    } else {
        status = take_root(&scan);
    }
    while (status == STATUS_OK && scan.depth > 0) {
        struct level *level = &scan.levels[scan.depth - 1];
        if (level->left == 0) {
            scan.depth--;
            continue;
        }
        level->left--;
        status = level->list == NULL ? take_field(&scan, level) : take_entry(&scan, level->list);
    }
    if (status == STATUS_OK && scan.at != scan.end) {
        status = refuse(&scan, STATUS_INVALID, "message: bytes after its end");
    }
    if (status != STATUS_OK) {
        *ret_fault = scan.fault;
    }
    return status;
}
