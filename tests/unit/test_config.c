/* SPDX-License-Identifier: Apache-2.0 */
/* Owns SECURITY.md S25, and of S37 who may be named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "config.h"
#include "folder.h"
#include "log.h"

enum { SOME_OTHER_UID = 65533, HEARD_BYTES = 65536, ROW_TEXT_BYTES = 2048 };

/* What was said, one line each. */
struct heard {
    char text[HEARD_BYTES];
    unsigned lines;
};

static struct heard heard;
static struct config config;
static char folder[FOLDER_PATH_BYTES];

static void
hear(void *state, const char *sentence)
{
    size_t size = strlen(heard.text);

    assert_ptr_equal(state, &heard);
    (void)snprintf(heard.text + size, sizeof heard.text - size, "%s\n", sentence);
    heard.lines++;
}

static int
setup(void **state)
{
    (void)state;
    memset(&heard, 0, sizeof heard);
    config_default(&config);
    folder_make(folder);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    folder_remove(folder);
    return 0;
}

static enum status
parse_bytes(const char *text, size_t size)
{
    memset(&heard, 0, sizeof heard);
    config_default(&config);
    return config_parse("file", bytes_of((const uint8_t *)text, size), hear, &heard, &config);
}

static void
parses(const char *text)
{
    if (parse_bytes(text, strlen(text)) != STATUS_OK || heard.lines != 0) {
        fail_msg("\"%s\" is refused: %s", text, heard.text);
    }
}

/* Refused, with those lines and no others. */
static void
refused(const char *text, const char *said)
{
    assert_int_equal(parse_bytes(text, strlen(text)), STATUS_INVALID);
    assert_string_equal(heard.text, said);
}

/* ---- lines ---- */

static void
parse_takes_what_is_right(void **state)
{
    (void)state;
    parses("");
    parses("\n\n# nothing\n;nothing\n");
    parses("\xef\xbb\xbf[vault]\r\ndata = /srv/v\r\n");
    assert_string_equal(config.data, "/srv/v");
    parses("[limits]\n  queue=17\n\tworkers \t=\t3  \n[vault]\ndata=/a b/c\n[limits]\nidle_s = 0");
    assert_int_equal(config.limits.queue, 17);
    assert_int_equal(config.limits.workers, 3);
    assert_int_equal(config.limits.idle_s, 0);
    assert_string_equal(config.data, "/a b/c");
    parses("[socket]\nmode = 660\npath = /run/v=w.sock\ngroup = staff\n[log]\nlevel = warning\n");
    assert_int_equal(config.socket.mode, 0660);
    assert_string_equal(config.socket.path, "/run/v=w.sock");
    assert_string_equal(config.socket.group, "staff");
    assert_int_equal(config.log_level, LOG_LEVEL_WARNING);
    assert_int_equal(config.admin_socket.mode, 0660);
}

static void
parse_refuses_lines_that_are_none(void **state)
{
    static const char none[] =
        "file:2: a line is [section], key = value, or a comment that begins with #\n";

    (void)state;
    refused("[vault]\ndata\n", none);
    refused("[vault]\ndata /srv/v", none);
    refused("[vault]\n/srv/v\nmap_gib = 7\n", none);
    assert_int_equal(config.map_gib, 7);
    refused("[vault\n", "file:1: a section is [name], on a line of its own\n");
    refused("[vault] data = /srv/v\n", "file:1: a section is [name], on a line of its own\n");
    refused("[]\n", "file:1: a section is [name], on a line of its own\n");
    refused("[vault]]\n", "file:1: a section is [name], on a line of its own\n");
    refused("data = /srv/v\n", "file:1: data: stands in no section; begin with [vault]\n");
    refused("[vault]\n = /srv/v\n",
            "file:2: vault.: there is no such key; [vault] takes data key_file map_gib\n");
    refused("[vault]\ndata = /srv/v ; here\n",
            "file:2: a comment has a line of its own, that begins with #\n");
    refused("[vault]\ndata = /srv/v # here\n",
            "file:2: a comment has a line of its own, that begins with #\n");
}

/* A value that goes on in the next line is libinih's way, and not ours. */
static void
parse_takes_no_line_for_more_of_the_one_above(void **state)
{
    (void)state;
    refused("[vault]\ndata = /srv\n  /v\n",
            "file:3: a line is [section], key = value, or a comment that begins with #\n");
    refused("[vault]\ndata = /srv\n  map_gib = x\n",
            "file:3: vault.map_gib: a number from 1 to 65536, or 0: 1024\n");
}

static void
parse_refuses_bytes_that_hide(void **state)
{
    static const char with_nul[] = "[vault]\ndata = /srv\0/v\n";

    (void)state;
    assert_int_equal(parse_bytes(with_nul, sizeof with_nul - 1), STATUS_INVALID);
    assert_string_equal(heard.text, "file:2: control characters and NUL have no place here\n");
    assert_string_equal(config.data, "");
    refused("[vault]\ndata = /srv\r/v\n",
            "file:2: control characters and NUL have no place here\n");
    refused("[vault]\ndata = /\x1b[2J\n",
            "file:2: control characters and NUL have no place here\n");
    refused("[vault]\ndata = /\x7f\n", "file:2: control characters and NUL have no place here\n");
}

/* The longest line there may be is taken whole; one byte more, and nothing of it is. */
static void
parse_cuts_no_line(void **state)
{
    char text[512] = "[audit]\ncheckpoint_folder = /";
    size_t size = strlen(text);
    const size_t most = strlen("[audit]\n") + 198;

    (void)state;
    memset(text + size, 'x', most - size);
    memcpy(text + most, "\n[vault]\nmap_gib = 9", 21);
    if (parse_bytes(text, strlen(text)) != STATUS_OK) {
        fail_msg("%s", heard.text);
    }
    assert_int_equal(strlen(config.checkpoint_folder), 198 - strlen("checkpoint_folder = "));
    assert_int_equal(config.map_gib, 9);
    text[most] = 'x';
    memcpy(text + most + 1, "\n[vault]\nmap_gib = 9", 21);
    refused(text, "file:2: a line has at most 198 bytes\n");
    assert_string_equal(config.checkpoint_folder, "");
    assert_int_equal(config.map_gib, 9);
}

/* ---- keys ---- */

static void
parse_refuses_what_it_does_not_know(void **state)
{
    (void)state;
    refused("[limit]\nqueue = 17\nquark = 1\n",
            "file:1: limit: there is no such section; there are [vault] [socket] [admin_socket] "
            "[unseal] [limits] [budgets] [notify] [reveal] [audit] [keys] [backup] [log]\n");
    assert_int_equal(config.limits.queue, 4096);
    refused("[nothing]\n",
            "file:1: nothing: there is no such section; there are [vault] [socket] [admin_socket] "
            "[unseal] [limits] [budgets] [notify] [reveal] [audit] [keys] [backup] [log]\n");
    refused("[socket]\n\nowner = me\n",
            "file:3: socket.owner: there is no such key; [socket] takes path mode group\n");
    refused("[log]\nLevel = info\n",
            "file:2: log.Level: there is no such key; [log] takes level\n");
}

static void
parse_refuses_a_key_said_twice(void **state)
{
    (void)state;
    refused("[limits]\nqueue = 17\n[log]\n[limits]\nqueue = 17\n",
            "file:5: limits.queue: said already, in line 2\n");
}

static void
parse_refuses_values_one_by_one(void **state)
{
    static const struct {
        const char *section, *line, *said;
    } cases[] = {
        {"limits", "workers = 0", "limits.workers: a number from 1 to 1024"},
        {"limits", "workers = 1025", "limits.workers: a number from 1 to 1024"},
        {"limits", "workers = -1", "limits.workers: a number from 1 to 1024"},
        {"limits", "workers = +1", "limits.workers: a number from 1 to 1024"},
        {"limits", "workers = 0x10", "limits.workers: a number from 1 to 1024"},
        {"limits", "workers = 1 2", "limits.workers: a number from 1 to 1024"},
        {"limits", "workers = 1k", "limits.workers: a number from 1 to 1024"},
        {"limits", "workers =", "limits.workers: a number from 1 to 1024"},
        {"limits", "workers = 4294967297", "limits.workers: a number from 1 to 1024"},
        {"limits", "workers = 18446744073709551617", "limits.workers: a number from 1 to 1024"},
        {"limits", "idle_s = 86401", "limits.idle_s: a number from 1 to 86400, or 0: never closed"},
        {"keys", "rekey_rate = 1000001",
         "keys.rekey_rate: a number from 1 to 1000000, or 0: without limit"},
        {"keys", "data_key_max_days = 36501",
         "keys.data_key_max_days: a number from 1 to 36500, or 0: never rotated"},
        {"keys", "data_key_max_records = 999",
         "keys.data_key_max_records: a number from 1000 to 2000000000, or 0: never rotated"},
        {"audit", "retain_months = 12",
         "audit.retain_months: a number from 13 to 1200, or 0: for ever"},
        {"audit", "checkpoint_s = 0", "audit.checkpoint_s: a number from 1 to 3600"},
        {"audit", "checkpoint_s = 3601", "audit.checkpoint_s: a number from 1 to 3600"},
        {"audit", "checkpoint_folder = here",
         "audit.checkpoint_folder: a path from the root on (/...), of at most 1023 bytes"},
        {"socket", "mode = 0888",
         "socket.mode: an octal mode that lets its owner read and write, from 0600 to 0666"},
        {"socket", "mode = 0066",
         "socket.mode: an octal mode that lets its owner read and write, from 0600 to 0666"},
        {"socket", "mode = 0777",
         "socket.mode: an octal mode that lets its owner read and write, from 0600 to 0666"},
        {"socket", "mode = 4666",
         "socket.mode: an octal mode that lets its owner read and write, from 0600 to 0666"},
        {"socket", "mode = 00666",
         "socket.mode: an octal mode that lets its owner read and write, from 0600 to 0666"},
        {"socket", "mode = rw",
         "socket.mode: an octal mode that lets its owner read and write, from 0600 to 0666"},
        {"socket",
         "path = /23456789012345678901234567890123456789012345678901234567890123456789012345678901"
         "23456789012345678901234567x",
         "socket.path: a path from the root on (/...), of at most 107 bytes"},
        {"log", "level = debug", "log.level: error, warning, notice or info"},
        {"log", "level = INFO", "log.level: error, warning, notice or info"},
        {"log", "level =", "log.level: error, warning, notice or info"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[ROW_TEXT_BYTES];
        char said[ROW_TEXT_BYTES];

        (void)snprintf(text, sizeof text, "[%s]\n%s\n", cases[i].section, cases[i].line);
        (void)snprintf(said, sizeof said, "file:2: %s\n", cases[i].said);
        refused(text, said);
    }
}

/* The ends of every row's range are taken, and what lies behind them is not. */
static void
parse_knows_the_ends_of_a_range(void **state)
{
    (void)state;
    parses("[limits]\nworkers = 1\n");
    parses("[limits]\nworkers = 1024\n");
    assert_int_equal(config.limits.workers, 1024);
    parses("[audit]\nretain_months = 13\n");
    assert_int_equal(config.retain_months, 13);
    parses("[keys]\nrekey_rate = 0\ndata_key_max_days = 365\ndata_key_max_records = 1000000\n");
    assert_int_equal(config.rekey_rate, 0);
    assert_int_equal(config.data_key_max_days, 365);
    assert_int_equal(config.data_key_max_records, 1000000);
    parses("[budgets]\nservice_daily = 1000000000\nreveal_hourly = 0\n");
    assert_int_equal(config.budgets.service_daily, 1000000000);
    assert_int_equal(config.budgets.reveal_hourly, 0);
    refused("[budgets]\nservice_daily = 1000000001\n",
            "file:2: budgets.service_daily: a number from 1 to 1000000000, or 0: without limit\n");
}

static void
parse_says_every_fault(void **state)
{
    (void)state;
    refused("x\n[limits]\nqueue = no\nquark = 1\n\n[log]\nlevel = 7\nnothing\n",
            "file:1: a line is [section], key = value, or a comment that begins with #\n"
            "file:3: limits.queue: a number from 1 to 65536\n"
            "file:4: limits.quark: there is no such key; [limits] takes connections "
            "admin_connections connections_per_uid strangers strangers_per_uid stranger_s "
            "outstanding handshake_s frame_s write_s idle_s workers queue memory_mib drain_s\n"
            "file:7: log.level: error, warning, notice or info\n"
            "file:8: a line is [section], key = value, or a comment that begins with #\n");
}

static void
parse_does_not_talk_for_ever(void **state)
{
    char text[2001];

    (void)state;
    for (size_t i = 0; i < 1000; i++) {
        memcpy(text + 2 * i, "x\n", 3);
    }
    assert_int_equal(parse_bytes(text, 2000), STATUS_INVALID);
    assert_int_equal(heard.lines, 101);
    assert_non_null(strstr(heard.text, "file:100: "));
    assert_null(strstr(heard.text, "file:101: "));
    assert_non_null(strstr(heard.text, "\nand more\n"));
}

#define UIDS_MAY                                                                                   \
    "at most 16 numbers of users, each once, apart by commas; not 0, for root always may, nor "    \
    "65534 or 4294967295, which are nobody\n"

static void
parse_takes_the_users_who_may_unseal(void **state)
{
    static const char *const wrong[] = {
        "0",          "65534",       "4294967295",
        "4294967296", "maria",       "1001 1002",
        "1001,",      ",1001",       "1001,,1002",
        "1001, 1001", "-1",          "1001; 1002",
        "1001, ",     "1001, 65534", "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17",
    };
    char text[ROW_TEXT_BYTES];

    (void)state;
    parses("[unseal]\nuids = 1001, 1002 ,4294967294,\t65533\n");
    assert_int_equal(config.unseal_uids.count, 4);
    assert_int_equal(config.unseal_uids.at[0], 1001);
    assert_int_equal(config.unseal_uids.at[1], 1002);
    assert_int_equal(config.unseal_uids.at[2], 4294967294U);
    assert_int_equal(config.unseal_uids.at[3], 65533);
    parses("[unseal]\nuids =\n");
    assert_int_equal(config.unseal_uids.count, 0);
    parses("[unseal]\nuids = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16\n");
    assert_int_equal(config.unseal_uids.count, 16);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        (void)snprintf(text, sizeof text, "[unseal]\nuids = %s\n", wrong[i]);
        refused(text, "file:2: unseal.uids: " UIDS_MAY);
        assert_int_equal(config.unseal_uids.count, 0);
    }
}

#define PURPOSES_MAY                                                                               \
    "names, each once, apart by commas, together at most 200 bytes; a name has at most 32: a "     \
    "lower-case letter, then letters, digits, - or _\n"

static void
parse_takes_the_purposes_of_reveals(void **state)
{
    static const char *const wrong[] = {
        "Callback",
        "call back",
        "callback,",
        "callback,,legal",
        ",",
        "2nd-call",
        "-x",
        "callback, callback",
        "callback; legal",
        "a_purpose_of_thirty_three_bytes__",
        "l\xc3\xa9gal",
    };
    char text[ROW_TEXT_BYTES];

    (void)state;
    parses("[reveal]\npurposes = callback,complaint ,\tlegal-2_b\n");
    assert_string_equal(config.purposes, "callback, complaint, legal-2_b");
    parses("[reveal]\npurposes =\n");
    assert_string_equal(config.purposes, "");
    parses("[reveal]\npurposes = a_purpose_of_all_thirty_two_byte\n");
    assert_string_equal(config.purposes, "a_purpose_of_all_thirty_two_byte");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        (void)snprintf(text, sizeof text, "[reveal]\npurposes = %s\n", wrong[i]);
        refused(text, "file:2: reveal.purposes: " PURPOSES_MAY);
        assert_string_equal(config.purposes, "");
    }
    /* Written apart they are longer than in the file: 20 letters pairwise, 59 bytes there. */
    (void)snprintf(text, sizeof text, "[reveal]\npurposes = ");
    for (int i = 0; i < 60; i++) {
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s%c%c", i > 0 ? "," : "",
                       'a' + i % 26, 'a' + i / 26);
    }
    (void)snprintf(text + strlen(text), sizeof text - strlen(text), "\n");
    refused(text, "file:2: reveal.purposes: " PURPOSES_MAY);
}

static void
parse_takes_what_the_operators_are_told_by(void **state)
{
    (void)state;
    parses("");
    assert_string_equal(config.notify_command, "");
    assert_string_equal(config.notify_arguments, "");
    assert_int_equal(config.budgets.alarm_lookup_misses, 500);
    parses("[notify]\ncommand = /usr/local/sbin/vault-alarm\narguments = a  b\t'c d' $e\n");
    assert_string_equal(config.notify_command, "/usr/local/sbin/vault-alarm");
    assert_string_equal(config.notify_arguments, "a  b\t'c d' $e");
    parses("[notify]\narguments = 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n");
    parses("[budgets]\nalarm_lookup_misses = 0\n");
    assert_int_equal(config.budgets.alarm_lookup_misses, 0);
    refused(
        "[notify]\narguments = 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n",
        "file:2: notify.arguments: at most 16 words apart by blanks, together at most 200 bytes; "
        "there is no quoting, for no shell reads them\n");
    refused("[notify]\ncommand = vault-alarm\n",
            "file:2: notify.command: a path from the root on (/...), of at most 1023 bytes\n");
}

/* ---- the example ---- */

/* "#key = value" of the example becomes "key = value"; comments begin with "# ". */
static char *
example(bool whole)
{
    size_t size = 0;
    char *text = (char *)folder_read(TESTS_DIR "/../vaultd/vaultd.conf.example", &size);

    text = realloc(text, size + 1);
    assert_non_null(text);
    text[size] = '\0';
    for (char *at = text; whole && at != NULL; at = strchr(at + 1, '\n')) {
        char *mark = at == text ? at : at + 1;

        if (mark[0] == '#' && mark[1] >= 'a' && mark[1] <= 'z') {
            mark[0] = ' ';
        }
    }
    return text;
}

static void
the_example_shows_every_key_at_its_default(void **state)
{
    struct config_row_text row;
    struct config untold;
    char *text = example(true);
    unsigned rows = 0;

    (void)state;
    parses(text);
    for (; config_row(rows, &row); rows++) {
        char line[ROW_TEXT_BYTES];

        if (config.lines[rows] == 0) {
            fail_msg("%s.%s is not in the example", row.section, row.key);
        }
        (void)snprintf(line, sizeof line, "\n %s =%s%s\n", row.key, row.value[0] != '\0' ? " " : "",
                       row.value);
        if (strstr(text, line) == NULL) {
            fail_msg("%s.%s is not at its default %s in the example", row.section, row.key,
                     row.value);
        }
    }
    assert_int_equal(rows, 46);
    /* And so does what was read from it. */
    config_default(&untold);
    memcpy(untold.file, config.file, sizeof untold.file);
    memcpy(untold.lines, config.lines, sizeof untold.lines);
    assert_memory_equal(&config, &untold, sizeof config);
    free(text);
}

static void
the_example_as_it_stands_says_nothing(void **state)
{
    char *text = example(false);

    (void)state;
    parses(text);
    for (unsigned i = 0; i < CONFIG_KEYS_MAX; i++) {
        assert_int_equal(config.lines[i], 0);
    }
    free(text);
}

/* The figures that others count on, once more by hand. */
static void
defaults_are_what_they_are(void **state)
{
    (void)state;
    assert_int_equal(config.socket.mode, 0666);
    assert_int_equal(config.admin_socket.mode, 0660);
    assert_int_equal(config.socket.gid, (gid_t)-1);
    assert_int_equal(config.limits.connections, 1024);
    assert_int_equal(config.limits.drain_s, 5);
    assert_int_equal(config.budgets.service_daily, 100000);
    assert_int_equal(config.budgets.lookup_daily, 1000);
    assert_int_equal(config.budgets.reveal_daily, 50);
    assert_int_equal(config.budgets.reveal_hourly, 20);
    assert_int_equal(config.budgets.deliver_daily, 10000);
    assert_int_equal(config.budgets.deliver_hourly, 2000);
    assert_int_equal(config.budgets.alarm_percent, 80);
    assert_int_equal(config.checkpoint_s, 60);
    assert_int_equal(config.retain_months, 0);
    assert_int_equal(config.rekey_rate, 5000);
    assert_int_equal(config.data_key_max_days, 0);
    assert_int_equal(config.data_key_max_records, 0);
    assert_int_equal(config.backup_rate, 0);
    assert_int_equal(config.log_level, LOG_LEVEL_INFO);
}

/* ---- the file ---- */

static void
write_file(const char *name, const char *text, mode_t mode, char *ret_path)
{
    folder_join(folder, name, ret_path);
    folder_write(ret_path, text, strlen(text));
    assert_int_equal(chmod(ret_path, mode), 0);
}

static void
read_refused(const char *path, enum status status, const char *said)
{
    char line[ROW_TEXT_BYTES];

    memset(&heard, 0, sizeof heard);
    config_default(&config);
    assert_int_equal(config_read(path, hear, &heard, &config), status);
    (void)snprintf(line, sizeof line, "%s: %s\n", path, said);
    assert_string_equal(heard.text, line);
}

static void
read_takes_a_file(void **state)
{
    char path[FOLDER_PATH_BYTES];
    char link[FOLDER_PATH_BYTES];

    (void)state;
    write_file("conf", "[limits]\nqueue = 3\n", 0644, path);
    assert_int_equal(config_read(path, hear, &heard, &config), STATUS_OK);
    assert_int_equal(config.limits.queue, 3);
    assert_string_equal(config.file, path);
    folder_join(folder, "link", link);
    assert_int_equal(symlink(path, link), 0);
    config_default(&config);
    assert_int_equal(config_read(link, hear, &heard, &config), STATUS_OK);
    assert_int_equal(heard.lines, 0);
}

static void
read_refuses_what_others_may_write(void **state)
{
    char path[FOLDER_PATH_BYTES];

    (void)state;
    write_file("conf", "", 0646, path);
    read_refused(path, STATUS_DENIED,
                 "group or others may write to it: run chmod go-w on it, and look at what it says");
    assert_int_equal(chmod(path, 0664), 0);
    read_refused(path, STATUS_DENIED,
                 "group or others may write to it: run chmod go-w on it, and look at what it says");
    if (geteuid() == 0) {
        assert_int_equal(chmod(path, 0644), 0);
        assert_int_equal(chown(path, SOME_OTHER_UID, (gid_t)-1), 0);
        read_refused(path, STATUS_DENIED,
                     "belongs neither to root nor to the user this runs as: chown it");
    }
}

static void
read_refuses_what_is_no_file(void **state)
{
    char path[FOLDER_PATH_BYTES];
    char *large = calloc(1, CONFIG_FILE_BYTES_MAX + 2);

    (void)state;
    folder_join(folder, "none", path);
    read_refused(path, STATUS_NOT_FOUND, "No such file or directory");
    assert_int_equal(mkfifo(path, 0600), 0);
    read_refused(path, STATUS_INVALID, "not a file");
    read_refused(folder, STATUS_INVALID, "not a file");
    assert_non_null(large);
    memset(large, '\n', CONFIG_FILE_BYTES_MAX + 1);
    write_file("large", large, 0600, path);
    read_refused(path, STATUS_TOO_LARGE, "larger than 64 KiB, and no configuration");
    large[CONFIG_FILE_BYTES_MAX] = '\0';
    write_file("large", large, 0600, path);
    assert_int_equal(config_read(path, hear, &heard, &config), STATUS_OK);
    free(large);
}

/* ---- values beside each other ---- */

static void
check(void)
{
    memset(&heard, 0, sizeof heard);
    if (config_check(&config, hear, &heard) != (heard.lines == 0 ? STATUS_OK : STATUS_INVALID)) {
        fail_msg("the status is not what was said: %s", heard.text);
    }
}

/* With these lines behind [vault] data = FOLDER/vault: said so, and no more. */
static void
check_says(const char *lines, const char *said)
{
    char text[2 * ROW_TEXT_BYTES];

    (void)snprintf(text, sizeof text, "[vault]\ndata = %s/vault\n%s", folder, lines);
    parses(text);
    check();
    assert_string_equal(heard.text, said);
}

/* The same for a key whose value is `name` in the folder. */
static void
check_path_says(const char *section, const char *key, const char *name, const char *why)
{
    char lines[ROW_TEXT_BYTES];
    char said[ROW_TEXT_BYTES];

    (void)snprintf(lines, sizeof lines, "[%s]\n%s = %s/%s\n", section, key, folder, name);
    (void)snprintf(said, sizeof said, "file:4: %s.%s: %s\n", section, key, why);
    check_says(lines, why[0] != '\0' ? said : "");
}

static void
check_compares_numbers(void **state)
{
    (void)state;
    check_says("", "");
    check_says("[budgets]\nreveal_hourly = 51\n",
               "file:4: budgets.reveal_hourly: more in an hour than in a day; at most the daily "
               "figure, or 0\n");
    /* The file lowers the day's, and the hour's default is the one that does not fit. */
    check_says("[budgets]\nreveal_daily = 19\n",
               "budgets.reveal_hourly: more in an hour than in a day; at most the daily figure, or "
               "0\n");
    check_says("[budgets]\nreveal_daily = 0\nreveal_hourly = 51\n", "");
    /* Each hour's figure beside its own day's: one more is too many, as many are not. */
    check_says("[budgets]\nservice_daily = 30\nservice_hourly = 31\nlookup_daily = 40\n"
               "lookup_hourly = 41\ndeliver_daily = 50\ndeliver_hourly = 51\n",
               "file:5: budgets.service_hourly: more in an hour than in a day; at most the daily "
               "figure, or 0\n"
               "file:7: budgets.lookup_hourly: more in an hour than in a day; at most the daily "
               "figure, or 0\n"
               "file:9: budgets.deliver_hourly: more in an hour than in a day; at most the daily "
               "figure, or 0\n");
    check_says("[budgets]\nservice_daily = 50\nservice_hourly = 50\nlookup_daily = 40\n"
               "lookup_hourly = 40\ndeliver_daily = 30\ndeliver_hourly = 30\n",
               "");
    check_says("[limits]\nstrangers = 8\nstrangers_per_uid = 9\n",
               "file:5: limits.strangers_per_uid: at most as many as limits.strangers\n");
    check_says("[limits]\nstranger_s = 4\n",
               "limits.handshake_s: at most as long as limits.stranger_s\n");
}

static void
check_wants_a_directory(void **state)
{
    (void)state;
    check();
    assert_string_equal(heard.text,
                        "vault.data: the vault's directory; here, or with --data DIR\n");
}

static void
check_looks_at_the_checkpoint_folder(void **state)
{
    char path[FOLDER_PATH_BYTES];

    (void)state;
    folder_join(folder, "vault", path);
    assert_int_equal(mkdir(path, 0711), 0);
    folder_join(folder, "vault/data", path);
    assert_int_equal(mkdir(path, 0700), 0);
    folder_join(folder, "vault/data/kept", path);
    assert_int_equal(mkdir(path, 0700), 0);
    folder_join(folder, "vault/database", path);
    assert_int_equal(mkdir(path, 0700), 0);
    folder_join(folder, "link", path);
    assert_int_equal(symlink("vault/data/kept", path), 0);
    folder_join(folder, "file", path);
    folder_write(path, "", 0);
    check_path_says("audit", "checkpoint_folder", "none", "there is no such folder");
    check_path_says("audit", "checkpoint_folder", "file", "it is no folder");
    for (size_t i = 0; i < 4; i++) {
        static const char *const inside[] = {"vault/data", "vault/data/kept", "link",
                                             "vault/../vault/data/"};

        check_path_says("audit", "checkpoint_folder", inside[i],
                        "checkpoints are kept outside DIR/data: who puts back an older DIR/data "
                        "must not put back these");
    }
    check_path_says("audit", "checkpoint_folder", "vault/database", "");
    folder_join(folder, "vault/database", path);
    assert_int_equal(chmod(path, 0500), 0);
    check_path_says("audit", "checkpoint_folder", "vault/database",
                    geteuid() == 0 ? "" : "the user this runs as may not write there");
}

static void
check_looks_at_the_sockets_folder(void **state)
{
    char path[FOLDER_PATH_BYTES];

    (void)state;
    folder_join(folder, "vault", path);
    assert_int_equal(mkdir(path, 0711), 0);
    folder_join(folder, "vault/data", path);
    assert_int_equal(mkdir(path, 0700), 0);
    folder_join(folder, "run", path);
    assert_int_equal(mkdir(path, 0755), 0);
    check_path_says("socket", "path", "run/v.sock", "");
    check_path_says("admin_socket", "path", "run/v.sock", "");
    check_path_says("socket", "path", "none/v.sock", "there is no such folder");
    check_path_says("socket", "path", "run/", "the path of a socket, not of a folder");
    check_path_says("socket", "path", "vault/data/v.sock",
                    "DIR/data is shut to callers: name another folder");
    assert_int_equal(chmod(path, 0777), 0);
    check_path_says("admin_socket", "path", "run/v.sock",
                    "group or others may write to its folder, and put their own socket there");
    assert_int_equal(chmod(path, 0775), 0);
    check_path_says("socket", "path", "run/v.sock",
                    "group or others may write to its folder, and put their own socket there");
    assert_int_equal(chmod(path, 0755), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(path, SOME_OTHER_UID, (gid_t)-1), 0);
        check_path_says("socket", "path", "run/v.sock",
                        "its folder belongs to another user, who could put his own socket there");
    }
}

static void
make_folder(const char *name, mode_t mode)
{
    char path[FOLDER_PATH_BYTES];

    folder_join(folder, name, path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void
make_file(const char *name)
{
    char path[FOLDER_PATH_BYTES];

    folder_join(folder, name, path);
    folder_write(path, "", 0);
}

static void
make_socket(const char *name, uid_t uid)
{
    char path[FOLDER_PATH_BYTES];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    folder_join(folder, name, path);
    assert_true(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    assert_int_equal(bind(sock, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(chown(path, uid, (gid_t)-1), 0);
    (void)close(sock);
}

/* That entry alone makes the folder no one of its own; it is there for the time of the look. */
static void
check_minds(const char *section, const char *key, const char *value, const char *entry,
            const char *what)
{
    char path[FOLDER_PATH_BYTES];
    char why[ROW_TEXT_BYTES];

    (void)snprintf(why, sizeof why,
                   "a folder of its own is needed, with nothing in it but %s: %s is none", what,
                   strrchr(entry, '/') + 1);
    check_path_says(section, key, value, why);
    folder_join(folder, entry, path);
    assert_int_equal(remove(path), 0);
    check_path_says(section, key, value, "");
}

/* The sandbox opens a socket's folder as a whole. */
static void
check_wants_a_folder_for_sockets_only(void **state)
{
    static const char ours[] = "sockets of vaultd's user";
    char path[FOLDER_PATH_BYTES];

    (void)state;
    make_folder("run", 0755);
    make_socket("run/v.sock", geteuid());
    make_socket("run/a.sock", geteuid());
    check_path_says("socket", "path", "run/v.sock", "");
    make_file("run/other");
    check_minds("socket", "path", "run/v.sock", "run/other", ours);
    make_file("run/.hidden");
    check_minds("admin_socket", "path", "run/a.sock", "run/.hidden", ours);
    make_folder("run/folder", 0700);
    check_minds("socket", "path", "run/new.sock", "run/folder", ours);
    folder_join(folder, "run/link", path);
    assert_int_equal(symlink("v.sock", path), 0);
    check_minds("socket", "path", "run/v.sock", "run/link", ours);
    if (geteuid() == 0) {
        make_socket("run/his", SOME_OTHER_UID);
        check_minds("socket", "path", "run/v.sock", "run/his", ours);
    }
    folder_join(folder, "run", path);
    assert_int_equal(chmod(path, 01777), 0);
    check_path_says("socket", "path", "run/v.sock",
                    "group or others may write to its folder, and put their own socket there");
}

/* DIR/run is vaultd's own, and need not be there yet. */
static void
check_takes_the_vaults_run_folder(void **state)
{
    (void)state;
    make_folder("vault", 0711);
    check_path_says("socket", "path", "vault/run/v.sock", "");
    make_folder("vault/run", 0755);
    make_file("vault/run/other");
    check_path_says("socket", "path", "vault/run/v.sock", "");
    make_folder("vault/run/deeper", 0755);
    make_file("vault/run/deeper/other");
    check_path_says("socket", "path", "vault/run/deeper/v.sock",
                    "a folder of its own is needed, with nothing in it but sockets of vaultd's "
                    "user: other is none");
    check_path_says("socket", "path", "vault/v.sock",
                    "a folder of its own is needed, with nothing in it but sockets of vaultd's "
                    "user: run is none");
}

/* Who may add a file to the second place must not keep the vault from starting. */
static void
check_minds_no_file_beside_checkpoints(void **state)
{
    (void)state;
    make_folder("kept", 0700);
    check_path_says("audit", "checkpoint_folder", "kept", "");
    make_file("kept/checkpoints-01234567-2026-11");
    make_file("kept/checkpoint");
    make_folder("kept/checkpoints-x", 0700);
    make_socket("kept/v.sock", geteuid());
    check_path_says("audit", "checkpoint_folder", "kept", "");
}

static void
check_keeps_the_folders_apart(void **state)
{
    char lines[ROW_TEXT_BYTES];
    char said[ROW_TEXT_BYTES];

    (void)state;
    make_folder("vault", 0711);
    make_folder("vault/run", 0755);
    make_folder("vault/run/kept", 0755);
    make_folder("both", 0755);
    check_path_says("audit", "checkpoint_folder", "vault",
                    "a folder of its own is needed, and DIR is in this one");
    check_path_says("audit", "checkpoint_folder", ".",
                    "a folder of its own is needed, and DIR is in this one");
    check_path_says("audit", "checkpoint_folder", "vault/run",
                    "a folder of its own is needed, and DIR/run is for sockets");
    check_path_says("audit", "checkpoint_folder", "vault/run/kept",
                    "a folder of its own is needed, and DIR/run is for sockets");
    (void)snprintf(
        lines, sizeof lines,
        "[socket]\npath = %s/both/../both/v.sock\n[audit]\ncheckpoint_folder = %s/both\n", folder,
        folder);
    (void)snprintf(said, sizeof said,
                   "file:4: socket.path: a folder of its own is needed, and this one is for "
                   "checkpoints\n");
    check_says(lines, said);
}

/* Root may write everywhere, and gets no farther. */
static void
check_takes_no_root_folder(void **state)
{
    static const char not_writable[] = "the user this runs as may not write there\n";
    const bool root = geteuid() == 0;

    (void)state;
    parses("[vault]\ndata = /srv/v\n[socket]\npath = /x.sock\n");
    check();
    assert_int_equal(heard.lines, 1);
    assert_non_null(strstr(heard.text, "file:4: socket.path: "));
    assert_non_null(strstr(heard.text, root ? "a folder of its own is needed" : not_writable));
    parses("[vault]\ndata = /srv/v\n[audit]\ncheckpoint_folder = /\n");
    check();
    assert_int_equal(heard.lines, 1);
    assert_non_null(strstr(heard.text, "file:4: audit.checkpoint_folder: "));
    assert_non_null(strstr(heard.text, root ? "and DIR is in this one\n" : not_writable));
}

static void
check_tells_the_sockets_apart(void **state)
{
    char lines[ROW_TEXT_BYTES];

    (void)state;
    (void)snprintf(lines, sizeof lines, "[socket]\npath = %s/s\n[admin_socket]\npath = %s/s\n",
                   folder, folder);
    check_says(lines, "file:6: admin_socket.path: the two sockets cannot be one\n");
}

static void
check_counts_a_default_sockets_bytes(void **state)
{
    (void)state;
    memset(config.data, 'x', 93);
    config.data[0] = '/';
    check();
    assert_string_equal(heard.text,
                        "socket.path: DIR/run/vault.sock has 108 bytes, and the path of "
                        "a Unix socket at most 107: name a shorter one\n"
                        "admin_socket.path: DIR/run/admin.sock has 108 bytes, and the "
                        "path of a Unix socket at most 107: name a shorter one\n");
    config.data[92] = '\0';
    check();
    assert_string_equal(heard.text, "");
}

static void
check_finds_groups(void **state)
{
    const struct group *ours = getgrgid(getegid());
    char lines[ROW_TEXT_BYTES];

    (void)state;
    check_says("[socket]\ngroup = no-such-group\n",
               "file:4: socket.group: there is no such group on this machine\n");
    check_says("[admin_socket]\ngroup = 1x\n",
               "file:4: admin_socket.group: there is no such group on this machine\n");
    (void)snprintf(lines, sizeof lines, "[socket]\ngroup = %u\n", (unsigned)getegid());
    check_says(lines, "");
    assert_int_equal(config.socket.gid, getegid());
    assert_int_equal(config.admin_socket.gid, (gid_t)-1);
    if (ours != NULL) {
        (void)snprintf(lines, sizeof lines, "[admin_socket]\ngroup = %s\n", ours->gr_name);
        check_says(lines, "");
        assert_int_equal(config.admin_socket.gid, getegid());
    }
    check_says("[socket]\ngroup = 54321\n",
               geteuid() == 0 ? ""
                              : "file:4: socket.group: the user this runs as is not in that group, "
                                "so it cannot give it the socket\n");
}

#define CONFIG_TEST(body) cmocka_unit_test_setup_teardown(body, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIG_TEST(parse_takes_what_is_right),
        CONFIG_TEST(parse_refuses_lines_that_are_none),
        CONFIG_TEST(parse_takes_no_line_for_more_of_the_one_above),
        CONFIG_TEST(parse_refuses_bytes_that_hide),
        CONFIG_TEST(parse_cuts_no_line),
        CONFIG_TEST(parse_refuses_what_it_does_not_know),
        CONFIG_TEST(parse_refuses_a_key_said_twice),
        CONFIG_TEST(parse_refuses_values_one_by_one),
        CONFIG_TEST(parse_knows_the_ends_of_a_range),
        CONFIG_TEST(parse_takes_the_users_who_may_unseal),
        CONFIG_TEST(parse_takes_the_purposes_of_reveals),
        CONFIG_TEST(parse_takes_what_the_operators_are_told_by),
        CONFIG_TEST(parse_says_every_fault),
        CONFIG_TEST(parse_does_not_talk_for_ever),
        CONFIG_TEST(the_example_shows_every_key_at_its_default),
        CONFIG_TEST(the_example_as_it_stands_says_nothing),
        CONFIG_TEST(defaults_are_what_they_are),
        CONFIG_TEST(read_takes_a_file),
        CONFIG_TEST(read_refuses_what_others_may_write),
        CONFIG_TEST(read_refuses_what_is_no_file),
        CONFIG_TEST(check_compares_numbers),
        CONFIG_TEST(check_wants_a_directory),
        CONFIG_TEST(check_looks_at_the_checkpoint_folder),
        CONFIG_TEST(check_looks_at_the_sockets_folder),
        CONFIG_TEST(check_wants_a_folder_for_sockets_only),
        CONFIG_TEST(check_takes_the_vaults_run_folder),
        CONFIG_TEST(check_minds_no_file_beside_checkpoints),
        CONFIG_TEST(check_keeps_the_folders_apart),
        CONFIG_TEST(check_takes_no_root_folder),
        CONFIG_TEST(check_tells_the_sockets_apart),
        CONFIG_TEST(check_counts_a_default_sockets_bytes),
        CONFIG_TEST(check_finds_groups),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
