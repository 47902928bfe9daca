/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file, read by libinih line by line. libinih takes the first 200 bytes of a line for all of
 * it, what stands behind a section's ] for nothing, a line with a blank before it for more of the
 * value above, text behind a blank and a semicolon for a comment, and an empty section of any name
 * for fine. Each of these could make a value be other than the one that was meant. So take_line
 * looks at every line first, refuses what would be cut, and hands on what has one meaning only.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ini.h>

#include "config_internal.h"

enum {
    FAULTS_SAID_MAX = 100, /* of a file that is no configuration at all, enough */
    NAME_SHOWN_MAX = 60,
    WHY_BYTES = 512, /* the list of the largest section's keys, and room */
};

static const char byte_order_mark[] = "\xef\xbb\xbf";
/* What stands for a line of which nothing is to be believed. */
static const char no_line[] = "\n";
static const char no_section[] = "[?]\n";

struct reading {
    const char *name;
    struct bytes rest;
    unsigned line;
    bool setting_due; /* the line handed on last has to come back as a key and its value */
    struct config *config;
    struct config_listener listener;
};

static void
say_fault(struct config_listener *listener, const char *sentence)
{
    listener->faults++;
    if (listener->faults <= FAULTS_SAID_MAX) {
        listener->say(listener->state, sentence);
    } else if (listener->faults == FAULTS_SAID_MAX + 1) {
        listener->say(listener->state, "and more");
    }
}

/* About the line at hand; `what` names the part of it, or is empty. */
static void
line_fault(struct reading *reading, const char *what, const char *why)
{
    char sentence[CONFIG_SENTENCE_BYTES];

    (void)snprintf(sentence, sizeof sentence, "%s:%u: %s%s%s", reading->name, reading->line, what,
                   what[0] != '\0' ? ": " : "", why);
    say_fault(&reading->listener, sentence);
}

void
config_fault(struct config_listener *listener, const struct config *config, const void *member,
             const char *why)
{
    char sentence[CONFIG_SENTENCE_BYTES];
    char place[CONFIG_PATH_BYTES + NAME_SHOWN_MAX] = "";
    size_t offset = (size_t)((const uint8_t *)member - (const uint8_t *)config);
    unsigned i = 0;

    while (i + 1 < config_key_count && config_keys[i].offset != offset) {
        i++;
    }
    if (config->lines[i] != 0) {
        (void)snprintf(place, sizeof place, "%s:%u: ", config->file, config->lines[i]);
    }
    (void)snprintf(sentence, sizeof sentence, "%s%s.%s: %s", place, config_keys[i].section,
                   config_keys[i].key, why);
    say_fault(listener, sentence);
}

/* ---- lines ---- */

static bool
is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

static struct bytes
trim(struct bytes line)
{
    while (line.size > 0 &&
           (is_blank(line.data[line.size - 1]) || line.data[line.size - 1] == '\r')) {
        line.size--;
    }
    while (line.size > 0 && is_blank(line.data[0])) {
        line.data++;
        line.size--;
    }
    return line;
}

static struct bytes
next_line(struct reading *reading)
{
    const uint8_t *end = memchr(reading->rest.data, '\n', reading->rest.size);
    size_t size = end != NULL ? (size_t)(end - reading->rest.data) : reading->rest.size;
    struct bytes line = bytes_of(reading->rest.data, size);

    size += end != NULL;
    reading->rest = bytes_of(reading->rest.data + size, reading->rest.size - size);
    reading->line++;
    return trim(line);
}

static bool
has_control(struct bytes line)
{
    for (size_t i = 0; i < line.size; i++) {
        if ((line.data[i] < ' ' && line.data[i] != '\t') || line.data[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

static bool
has_comment_behind(struct bytes line)
{
    for (size_t i = 1; i < line.size; i++) {
        if ((line.data[i] == ';' || line.data[i] == '#') && is_blank(line.data[i - 1])) {
            return true;
        }
    }
    return false;
}

static void
list_sections(char *ret_text, size_t size)
{
    size_t at = (size_t)snprintf(ret_text, size, "there is no such section; there are");

    for (unsigned i = 0; i < config_key_count && at < size; i++) {
        if (i == 0 || strcmp(config_keys[i].section, config_keys[i - 1].section) != 0) {
            at += (size_t)snprintf(ret_text + at, size - at, " [%s]", config_keys[i].section);
        }
    }
}

/* "[name]" and nothing else, of a section there is. What libinih is to see of it. */
static const char *
check_section(struct reading *reading, const char *line)
{
    char name[NAME_SHOWN_MAX] = "";
    char why[WHY_BYTES];
    size_t size = strlen(line);

    if (size < sizeof "[x]" - 1 || strchr(line, ']') != line + size - 1) {
        line_fault(reading, "", "a section is [name], on a line of its own");
        return no_section;
    }
    (void)snprintf(name, sizeof name, "%.*s", (int)(size - 2), line + 1);
    if (!config_has_section(name)) {
        list_sections(why, sizeof why);
        line_fault(reading, name, why);
        return no_section;
    }
    return NULL;
}

/* NULL: as it stands. Else what libinih is to see in its place. */
static const char *
check_line(struct reading *reading, struct bytes line, char *text, size_t capacity)
{
    char why[WHY_BYTES];

    if (line.size == 0 || line.data[0] == '#' || line.data[0] == ';') {
        return no_line;
    }
    if (has_control(line)) {
        line_fault(reading, "", "control characters and NUL have no place here");
        return no_line;
    }
    if (line.size + sizeof no_line > capacity) {
        (void)snprintf(why, sizeof why, "a line has at most %zu bytes", capacity - sizeof no_line);
        line_fault(reading, "", why);
        return no_line;
    }
    memcpy(text, line.data, line.size);
    text[line.size] = '\0';
    if (text[0] == '[') {
        return check_section(reading, text);
    }
    if (has_comment_behind(line)) {
        line_fault(reading, "", "a comment has a line of its own, that begins with #");
        return no_line;
    }
    reading->setting_due = true;
    return NULL;
}

static void
settle_line(struct reading *reading)
{
    if (reading->setting_due) {
        line_fault(reading, "",
                   "a line is [section], key = value, or a comment that begins with #");
        reading->setting_due = false;
    }
}

/* As libinih asks for it: as fgets does. */
static char *
take_line(char *into, int size, void *stream)
{
    struct reading *reading = stream;
    const char *instead;
    size_t used;

    settle_line(reading);
    if (reading->rest.size == 0 || size <= (int)sizeof no_section) {
        return NULL;
    }
    instead = check_line(reading, next_line(reading), into, (size_t)size);
    if (instead != NULL) {
        memcpy(into, instead, strlen(instead) + 1);
        return into;
    }
    used = strlen(into);
    memcpy(into + used, no_line, sizeof no_line);
    return into;
}

/* ---- keys ---- */

static void
list_keys(const char *section, char *ret_text, size_t size)
{
    size_t at = (size_t)snprintf(ret_text, size, "there is no such key; [%s] takes", section);

    for (unsigned i = 0; i < config_key_count && at < size; i++) {
        if (strcmp(config_keys[i].section, section) == 0) {
            at += (size_t)snprintf(ret_text + at, size - at, " %s", config_keys[i].key);
        }
    }
}

/* libinih's: 1 for fine. Faults are counted here, so that all of them are said. */
static int
take_setting(void *user, const char *section, const char *key, const char *value)
{
    struct reading *reading = user;
    unsigned number = config_find_key(section, key);
    char what[2 * NAME_SHOWN_MAX];
    char why[WHY_BYTES];

    reading->setting_due = false;
    (void)snprintf(what, sizeof what, "%.*s%s%.*s", NAME_SHOWN_MAX - 1, section,
                   section[0] != '\0' ? "." : "", NAME_SHOWN_MAX - 1, key);
    if (section[0] == '\0') {
        line_fault(reading, what, "stands in no section; begin with [vault]");
    } else if (!config_has_section(section)) {
        return 1; /* the section was a fault already */
    } else if (number == config_key_count) {
        list_keys(section, why, sizeof why);
        line_fault(reading, what, why);
    } else if (reading->config->lines[number] != 0) {
        (void)snprintf(why, sizeof why, "said already, in line %u", reading->config->lines[number]);
        line_fault(reading, what, why);
    } else {
        reading->config->lines[number] = reading->line;
        if (value == NULL || !config_set(reading->config, number, value)) {
            config_allowed(&config_keys[number], why, sizeof why);
            line_fault(reading, what, why);
        }
    }
    return 1;
}

enum status
config_parse(const char *name, struct bytes text, config_say *say, void *state,
             struct config *config)
{
    struct reading reading = {
        .name = name, .rest = text, .config = config, .listener = {.say = say, .state = state}};
    const size_t mark = sizeof byte_order_mark - 1;

    (void)snprintf(config->file, sizeof config->file, "%s", name);
    if (text.size >= mark && memcmp(text.data, byte_order_mark, mark) == 0) {
        reading.rest = bytes_of(text.data + mark, text.size - mark);
    }
    if (ini_parse_stream(take_line, &reading, take_setting, &reading) < 0) {
        line_fault(&reading, "", "out of memory");
    } else if (reading.rest.size > 0) {
        line_fault(&reading, "", "libinih stopped here");
    }
    return reading.listener.faults == 0 ? STATUS_OK : STATUS_INVALID;
}

/* ---- the file ---- */

static enum status
file_fault(struct config_listener *listener, enum status status, const char *path, const char *why)
{
    char sentence[CONFIG_SENTENCE_BYTES];

    (void)snprintf(sentence, sizeof sentence, "%s: %s", path, why);
    say_fault(listener, sentence);
    return status;
}

static enum status
file_failed(struct config_listener *listener, const char *path)
{
    const char *cause = strerrordesc_np(errno);

    return file_fault(listener, errno == ENOENT ? STATUS_NOT_FOUND : STATUS_UNAVAILABLE, path,
                      cause != NULL ? cause : "cannot be read");
}

/* Whoever may write here decides what everybody may do. */
static enum status
check_file(int file, const char *path, struct config_listener *listener)
{
    struct stat info;

    if (fstat(file, &info) != 0) {
        return file_failed(listener, path);
    }
    if (!S_ISREG(info.st_mode)) {
        return file_fault(listener, STATUS_INVALID, path, "not a file");
    }
    if (info.st_uid != 0 && info.st_uid != geteuid()) {
        return file_fault(listener, STATUS_DENIED, path,
                          "belongs neither to root nor to the user this runs as: chown it");
    }
    if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return file_fault(listener, STATUS_DENIED, path,
                          "group or others may write to it: run chmod go-w on it, and look at what "
                          "it says");
    }
    return STATUS_OK;
}

static enum status
read_whole(int file, const char *path, struct config_listener *listener, struct bytes *ret_text)
{
    uint8_t *data = malloc(CONFIG_FILE_BYTES_MAX + 1);
    size_t size = 0;
    ssize_t got = 1;

    if (data == NULL) {
        return file_fault(listener, STATUS_INTERNAL, path, "out of memory");
    }
    while (got > 0 && size <= CONFIG_FILE_BYTES_MAX) {
        got = read(file, data + size, CONFIG_FILE_BYTES_MAX + 1 - size);
        size += got > 0 ? (size_t)got : 0;
    }
    if (got < 0) {
        free(data);
        return file_failed(listener, path);
    }
    if (size > CONFIG_FILE_BYTES_MAX) {
        free(data);
        return file_fault(listener, STATUS_TOO_LARGE, path,
                          "larger than 64 KiB, and no "
                          "configuration");
    }
    *ret_text = bytes_of(data, size);
    return STATUS_OK;
}

enum status
config_read(const char *path, config_say *say, void *state, struct config *config)
{
    struct config_listener listener = {.say = say, .state = state};
    /* O_NONBLOCK: a FIFO by that name must not hold the start up. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct bytes text = {0};
    enum status status;

    if (file < 0) {
        return file_failed(&listener, path);
    }
    status = check_file(file, path, &listener);
    if (status == STATUS_OK) {
        status = read_whole(file, path, &listener, &text);
    }
    (void)close(file);
    if (status == STATUS_OK) {
        status = config_parse(path, text, say, state, config);
        free((void *)(uintptr_t)text.data);
    }
    return status;
}
