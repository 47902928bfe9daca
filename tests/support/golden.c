/* SPDX-License-Identifier: Apache-2.0 */
#include "golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bounds.h"
#include "field.h"
#include "field_count.h"
#include "message.h"

/* A file is read whole; its line ends become NULs. */
static char *
read_whole(const char *file)
{
    char path[512];
    char *text = NULL;
    size_t size = 0;

    (void)snprintf(path, sizeof path, TESTS_DIR "/vectors/%s", file);
    FILE *stream = fopen(path, "r");
    if (stream == NULL) {
        fail_msg("%s: cannot be opened", path);
    }
    if (getdelim(&text, &size, '\0', stream) < 0) {
        fail_msg("%s: cannot be read", path);
    }
    (void)fclose(stream);
    return text;
}

static void
add_key(struct golden *golden, char *line)
{
    char *colon = strchr(line, ':');

    if (colon == NULL || (colon[1] != ' ' && colon[1] != '\0')) {
        fail_msg("%s: neither a key nor content: %s", golden->name, line);
        return;
    }
    *colon = '\0';
    assert_true(golden->key_count < GOLDEN_KEYS_MAX);
    golden->keys[golden->key_count].key = line;
    golden->keys[golden->key_count].value = colon + (colon[1] == ' ' ? 2 : 1);
    if (strcmp(line, "name") == 0) {
        golden->name = golden->keys[golden->key_count].value;
    }
    golden->key_count++;
}

static void
add_line(struct golden *golden, char *line)
{
    if (line[0] == '#') {
        return;
    }
    if (strncmp(line, "  ", 2) != 0) {
        add_key(golden, line);
        return;
    }
    assert_true(golden->line_count < GOLDEN_LINES_MAX);
    golden->lines[golden->line_count++] = line + 2;
}

size_t
golden_each(const char *file, void (*check)(const struct golden *golden))
{
    char *text = read_whole(file), *rest = text, *line;
    struct golden golden = {.name = file};
    size_t count = 0;

    do {
        line = strsep(&rest, "\n");
        if (line != NULL && line[0] != '\0') {
            add_line(&golden, line);
        } else if (golden.key_count > 0) {
            check(&golden);
            count++;
            golden = (struct golden){.name = file};
        }
    } while (line != NULL);
    free(text);
    return count;
}

const char *
golden_find(const struct golden *golden, const char *key)
{
    for (size_t i = 0; i < golden->key_count; i++) {
        if (strcmp(golden->keys[i].key, key) == 0) {
            return golden->keys[i].value;
        }
    }
    return NULL;
}

const char *
golden_text(const struct golden *golden, const char *key)
{
    const char *value = golden_find(golden, key);

    if (value == NULL) {
        fail_msg("%s: has no %s", golden->name, key);
    }
    return value;
}

static uint64_t
number_of(const struct golden *golden, const char *text)
{
    char *end;
    uint64_t number = strtoull(text, &end, 10);

    if (end == text || *end != '\0') {
        fail_msg("%s: not a number: %s", golden->name, text);
    }
    return number;
}

uint64_t
golden_number(const struct golden *golden, const char *key)
{
    return number_of(golden, golden_text(golden, key));
}

static unsigned
nibble_of(const struct golden *golden, char letter)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = letter != '\0' ? strchr(digits, letter) : NULL;

    if (found == NULL) {
        fail_msg("%s: not hex", golden->name);
    }
    return (unsigned)(found - digits);
}

/* What a pair of brackets held is there once already: the other times are copies of it. */
static size_t
repeat(const struct golden *golden, uint8_t *buffer, size_t from, size_t to, unsigned long times)
{
    size_t length = to - from;

    for (unsigned long i = 1; i < times; i++) {
        if (to + length > GOLDEN_BYTES_MAX) {
            fail_msg("%s: over GOLDEN_BYTES_MAX", golden->name);
        }
        memcpy(buffer + to, buffer + from, length);
        to += length;
    }
    return to;
}

static struct bytes
bytes_of_hex(const struct golden *golden, const char *hex, uint8_t *buffer)
{
    size_t size = 0, bracket = 0;

    while (*hex != '\0') {
        if (*hex == ' ') {
            hex++;
        } else if (*hex == '(') {
            bracket = size;
            hex++;
        } else if (strncmp(hex, ")*", 2) == 0) {
            char *end;
            unsigned long times = strtoul(hex + 2, &end, 10);
            size = repeat(golden, buffer, bracket, size, times);
            hex = end;
        } else {
            assert_true(size < GOLDEN_BYTES_MAX);
            unsigned high = nibble_of(golden, hex[0]);
            buffer[size++] = (uint8_t)(high << 4 | nibble_of(golden, hex[1]));
            hex += 2;
        }
    }
    return bytes_of(buffer, size);
}

struct bytes
golden_hex(const struct golden *golden, const char *key, uint8_t *buffer)
{
    return bytes_of_hex(golden, golden_text(golden, key), buffer);
}

enum status
golden_status(const struct golden *golden)
{
    const char *name = golden_text(golden, "status");

    for (unsigned status = 0; status < STATUS_COUNT; status++) {
        if (strcmp(status_name((enum status)status), name) == 0) {
            return (enum status)status;
        }
    }
    fail_msg("%s: no such status: %s", golden->name, name);
    return STATUS_INTERNAL;
}

/* ---- content lines ---- */

enum { WORD_BYTES_MAX = 24 };

/* One content line: a word, a field (where the word has one), and the rest. */
struct content {
    char word[WORD_BYTES_MAX];
    enum field field;
    const struct field_rule *rule;
    const char *value;
};

struct cursor {
    const struct golden *golden;
    size_t line;
};

static const char *
take_word(const struct golden *golden, const char *line, char ret_word[static WORD_BYTES_MAX])
{
    size_t length = strcspn(line, " ");

    if (length >= WORD_BYTES_MAX) {
        fail_msg("%s: word too long: %s", golden->name, line);
    }
    memcpy(ret_word, line, length);
    ret_word[length] = '\0';
    return line[length] == ' ' ? line + length + 1 : line + length;
}

static void
find_field(const struct golden *golden, const char *name, struct content *content)
{
    for (unsigned field = 0; field < FIELD_LIMIT_NUMBER; field++) {
        const struct field_rule *rule = field_rule(field);
        if (rule != NULL && strcmp(rule->name, name) == 0) {
            content->field = (enum field)field;
            content->rule = rule;
            return;
        }
    }
    fail_msg("%s: no such field: %s", golden->name, name);
}

static bool
content_is(const struct content *content, const char *word)
{
    return strcmp(content->word, word) == 0;
}

static struct content
next_content(struct cursor *cursor)
{
    const struct golden *golden = cursor->golden;
    struct content content = {.rule = NULL};
    char name[WORD_BYTES_MAX];

    if (cursor->line == golden->line_count) {
        fail_msg("%s: content ends early", golden->name);
    }
    content.value = take_word(golden, golden->lines[cursor->line++], content.word);
    if (content_is(&content, "map") || content_is(&content, "text")) {
        return content;
    }
    content.value = take_word(golden, content.value, name);
    find_field(golden, name, &content);
    return content;
}

static void
write_content(const struct golden *golden, const struct content *content,
              struct message_writer *writer)
{
    uint8_t buffer[SIGNATURE_BYTES];

    if (content_is(content, "map")) {
        message_begin(writer, number_of(golden, content->value));
    } else if (content_is(content, "uint")) {
        message_put_uint(writer, content->field, number_of(golden, content->value));
    } else if (content_is(content, "bool")) {
        message_put_bool(writer, content->field, strcmp(content->value, "true") == 0);
    } else if (content_is(content, "str")) {
        message_put_text(writer, content->field, content->value);
    } else if (content_is(content, "bin")) {
        message_put_bytes(writer, content->field, bytes_of_hex(golden, content->value, buffer));
    } else if (content_is(content, "text")) {
        message_add_bytes(writer, bytes_of_text(content->value));
    } else {
        message_put_list(writer, content->field, number_of(golden, content->value));
    }
}

void
golden_write(const struct golden *golden, struct message_writer *writer)
{
    struct cursor cursor = {.golden = golden};

    while (cursor.line < golden->line_count) {
        struct content content = next_content(&cursor);
        write_content(golden, &content, writer);
    }
}

static void
same(const struct golden *golden, const char *what, bool is_same)
{
    if (!is_same) {
        fail_msg("%s: %s differs", golden->name, what);
    }
}

static void check_map(struct cursor *cursor, const struct message *message);

static void
check_list(struct cursor *cursor, const struct content *content, const struct message *message)
{
    const struct golden *golden = cursor->golden;
    const struct message_list *list = NULL;
    uint64_t count = number_of(golden, content->value);

    same(golden, content->rule->name, message_list(message, content->field, &list));
    same(golden, content->rule->name, message_list_count(list) == count);
    for (size_t i = 0; i < count; i++) {
        if (content_is(content, "maps")) {
            check_map(cursor, message_list_message(list, i));
        } else {
            struct content entry = next_content(cursor);
            same(golden, content->rule->name,
                 bytes_equal(message_list_bytes(list, i), bytes_of_text(entry.value)));
        }
    }
}

static void
check_bytes(const struct golden *golden, const struct content *content,
            const struct message *message)
{
    uint8_t buffer[SIGNATURE_BYTES];
    struct bytes found = {NULL, 0};
    struct bytes wanted = content_is(content, "str") ? bytes_of_text(content->value)
                                                     : bytes_of_hex(golden, content->value, buffer);

    same(golden, content->rule->name, message_bytes(message, content->field, &found));
    same(golden, content->rule->name, bytes_equal(found, wanted));
}

static void
check_field(struct cursor *cursor, const struct content *content, const struct message *message)
{
    const struct golden *golden = cursor->golden;
    const char *name = content->rule->name;
    uint64_t number = 0;
    bool flag = false;

    if (content_is(content, "uint")) {
        same(golden, name, message_uint(message, content->field, &number));
        same(golden, name, number == number_of(golden, content->value));
    } else if (content_is(content, "bool")) {
        same(golden, name, message_bool(message, content->field, &flag));
        same(golden, name, flag == (strcmp(content->value, "true") == 0));
    } else if (content_is(content, "str") || content_is(content, "bin")) {
        check_bytes(golden, content, message);
    } else {
        check_list(cursor, content, message);
    }
}

static void
check_map(struct cursor *cursor, const struct message *message)
{
    struct content head = next_content(cursor);

    if (!content_is(&head, "map")) {
        fail_msg("%s: content: a map is expected", cursor->golden->name);
    }
    uint64_t fields = number_of(cursor->golden, head.value);

    same(cursor->golden, "the set of fields", field_count(message_fields(message)) == fields);
    for (uint64_t i = 0; i < fields; i++) {
        struct content content = next_content(cursor);
        if (content.rule == NULL) {
            fail_msg("%s: content: a field is expected", cursor->golden->name);
            return;
        }
        check_field(cursor, &content, message);
    }
}

void
golden_check(const struct golden *golden, const struct message *message)
{
    struct cursor cursor = {.golden = golden};

    check_map(&cursor, message);
    same(golden, "the end", cursor.line == golden->line_count);
}
