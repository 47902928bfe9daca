/* SPDX-License-Identifier: Apache-2.0 */
/* import: a CSV file in, the same with tokens in place of contacts out; in constant memory, and to
 * be gone on with after whatever stopped it. */
#include "commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "input.h"
#include "pool.h"
#include "progress.h"

enum {
    CHECKPOINT_EVERY_MS = 500,
    PROBLEMS_SAID_MAX = 10,
    FIELD_BYTES = 2048,
};

/* One run of the command. */
struct import {
    const struct arguments *arguments;
    struct columns columns;
    struct files files;
    struct csv_reader *reader;
    struct cv_client *client;
    struct region *region;
    struct pool *pool;
    struct totals totals;
    uint64_t offset, line; /* of the file, behind what was written */
    uint64_t problems_said;
    int64_t checkpoint_ms; /* of the last one; 0: none yet, so the first batch is noted at once */
    struct progress progress;
    bool at_end;
};

/* ---- what could not be imported ---- */

static void
list_problem(const struct import *import, uint64_t line, const char *column, const char *code,
             const char *message)
{
    char name[FIELD_BYTES], text[FIELD_BYTES];

    (void)fprintf(import->files.errors, "%" PRIu64 ",%s,%s,%s\n", line,
                  csv_quote(column, name, sizeof name) ? name : "", code,
                  csv_quote(message, text, sizeof text) ? text : "");
}

/* The first few; a thousand of them are no reading for a person. */
static void
say_problem(struct import *import, uint64_t line, const char *column, const char *message)
{
    if (++import->problems_said > PROBLEMS_SAID_MAX) {
        return;
    }
    note(import->arguments, "line %" PRIu64 "%s%s: %s; %s%s", line, *column != 0 ? ", " : "",
         column, message, *column != 0 ? "the cell is emptied" : "the row is left out",
         import->problems_said == PROBLEMS_SAID_MAX
             ? " (no more is said; --errors FILE would have them all)"
             : "");
}

static void
take_problem(void *state, uint64_t line, const struct column *column, const char *code,
             const char *message)
{
    struct import *import = state;
    char name[FIELD_BYTES] = "";

    if (column != NULL) {
        (void)snprintf(name, sizeof name, "%.*s", (int)column->size, column->name);
    }
    if (import->files.errors != NULL) {
        list_problem(import, line, name, code, message);
    } else {
        say_problem(import, line, name, message);
    }
}

/* ---- rows in, rows out ---- */

static enum exit_code
check_reader(const struct import *import)
{
    int error = csv_error(import->reader);

    return error == 0 ? EXIT_OK
                      : fail(import->arguments, EXIT_REFUSED, "%s: %s",
                             import->arguments->values[0], strerror(error));
}

/* As many rows as fit; an empty batch is not given. */
static enum exit_code
read_batch(struct import *import, struct rows *rows)
{
    struct csv_record *record;

    while (rows_have_room(rows, &import->columns) && !import->at_end) {
        if (csv_read(import->reader, &record)) {
            rows_add(rows, &import->columns, record);
        } else {
            import->at_end = true;
        }
    }
    rows->offset = csv_offset(import->reader);
    rows->line = csv_line(import->reader);
    if (import->region != NULL && !region_convert(import->region, &rows->values)) {
        return fail(import->arguments, EXIT_REFUSED, "contact-vault-region stopped");
    }
    if (rows->used > 0 || rows->cell_count > 0) {
        pool_give(import->pool);
    }
    return check_reader(import);
}

static enum exit_code
checkpoint(struct import *import)
{
    import->checkpoint_ms = progress_now_ms();
    return files_checkpoint(&import->files, import->offset, import->line, &import->totals);
}

static enum exit_code
write_batch(struct import *import, const struct rows *rows)
{
    const struct rows_out to = {
        .rows = import->files.out,
        .columns = &import->columns,
        .totals = &import->totals,
        .problem = take_problem,
        .state = import,
    };

    if (rows->reply != NULL) {
        enum exit_code code = report(import->arguments, rows->reply);
        return code != EXIT_OK
                   ? code
                   : fail(import->arguments, EXIT_REFUSED, "the vault did not answer every value");
    }
    rows_write(rows, &to);
    enum exit_code code = files_check(&import->files);
    if (code != EXIT_OK) {
        return code;
    }
    import->offset = rows->offset;
    import->line = rows->line;
    progress_show(&import->progress, import->offset, import->totals.rows);
    return progress_now_ms() - import->checkpoint_ms >= CHECKPOINT_EVERY_MS ? checkpoint(import)
                                                                            : EXIT_OK;
}

static enum exit_code
write_oldest(struct import *import, bool *ret_more)
{
    const struct rows *rows = pool_take(import->pool);
    enum exit_code code = EXIT_OK;

    *ret_more = rows != NULL;
    if (rows != NULL) {
        code = write_batch(import, rows);
        if (code == EXIT_OK) {
            pool_release(import->pool);
        }
    }
    return code;
}

static enum exit_code
work_through(struct import *import)
{
    enum exit_code code = EXIT_OK;
    bool more = true;

    while (code == EXIT_OK && more) {
        struct rows *rows = import->at_end ? NULL : pool_next(import->pool);
        code = rows != NULL ? read_batch(import, rows) : write_oldest(import, &more);
    }
    return code;
}

/* ---- around it ---- */

/* What the import was told, in a number: another run must be told the same. */
static uint64_t
mix_options(const struct arguments *arguments)
{
    uint64_t number = state_mix(0, arguments->wa_id ? "wa-id" : "");

    number = state_mix(number, arguments->region);
    number = state_mix(number, arguments->namespace_name);
    number = state_mix(number, arguments->errors);
    for (size_t i = 0; i < arguments->column_count; i++) {
        number = state_mix(number, arguments->columns[i]);
    }
    return number;
}

/* The first line says where the columns are, also to a run that goes on far behind it. */
static enum exit_code
read_header(struct import *import)
{
    struct csv_record *header;
    const char *path = import->arguments->values[0];

    import->reader = csv_new(import->files.input_fd, 0, 1);
    if (import->reader == NULL) {
        return fail(import->arguments, EXIT_REFUSED, "out of memory");
    }
    if (!csv_read(import->reader, &header)) {
        enum exit_code code = check_reader(import);
        return code != EXIT_OK ? code : fail(import->arguments, EXIT_USAGE, "%s is empty", path);
    }
    return columns_find(import->arguments, header, &import->columns);
}

/* The header itself is written as it is: of it, nothing is a contact. */
static enum exit_code
begin_output(struct import *import)
{
    struct csv_record *header;
    const struct state *state = &import->files.state;

    csv_free(&import->reader);
    if (lseek(import->files.input_fd, (off_t)state->file_offset, SEEK_SET) < 0) {
        return fail(import->arguments, EXIT_REFUSED, "%s: %s", import->arguments->values[0],
                    strerror(errno));
    }
    import->reader = csv_new(import->files.input_fd, state->file_offset, state->file_line);
    if (import->reader == NULL) {
        return fail(import->arguments, EXIT_REFUSED, "out of memory");
    }
    if (state->file_offset == 0 && csv_read(import->reader, &header)) {
        (void)fwrite(header->data, 1, header->size, import->files.out);
    }
    import->offset = csv_offset(import->reader);
    import->line = csv_line(import->reader);
    import->totals = state->totals;
    return EXIT_OK;
}

static enum exit_code
start(struct import *import)
{
    const struct arguments *arguments = import->arguments;
    enum exit_code code = session_open(arguments, SOCKET_DATA, &import->client);

    if (code == EXIT_OK && arguments->region != NULL) {
        code = region_open(arguments, &import->region);
    }
    if (code == EXIT_OK) {
        code = files_open_output(&import->files, mix_options(arguments));
    }
    return code;
}

static enum exit_code
run(struct import *import)
{
    const struct arguments *arguments = import->arguments;
    enum exit_code code = begin_output(import);

    if (code != EXIT_OK) {
        return code;
    }
    import->pool = pool_start(import->client, arguments->namespace_name,
                              arguments->wa_id ? CV_FORM_WA_ID : CV_FORM_INTERNATIONAL);
    if (import->pool == NULL) {
        return fail(arguments, EXIT_REFUSED, "out of memory, or no threads may be started");
    }
    progress_start(&import->progress, "rows", import->files.state.file_size, true);
    import->progress.began_at = import->offset;
    import->progress.count_at = import->totals.rows;
    code = work_through(import);
    progress_end(&import->progress);
    return code;
}

/* What was written stays written; how to go on is said. */
static void
stop_short(struct import *import)
{
    bool can_write = !ferror(import->files.out);

    if (import->files.state.totals.rows == 0 && (import->totals.rows == 0 || !can_write) &&
        !import->files.resumed) {
        files_discard(&import->files);
        return;
    }
    if (can_write) {
        (void)checkpoint(import);
    }
    note(import->arguments, "%" PRIu64 " rows are done; go on with the same command and --resume",
         import->files.state.totals.rows);
}

static void
print_totals(const struct import *import)
{
    const struct totals *totals = &import->totals;

    if (import->arguments->json) {
        json_t *json = json_pack("{s:s}", "output", import->arguments->output);
        json_set_number(json, "rows", totals->rows);
        json_set_number(json, "tokens", totals->tokens);
        json_set_number(json, "emptied", totals->emptied);
        json_set_number(json, "left_out", totals->left_out);
        print_json(json);
        return;
    }
    printf("%" PRIu64 " row%s, %" PRIu64 " token%s", totals->rows, plural(totals->rows),
           totals->tokens, plural(totals->tokens));
    if (totals->emptied > 0) {
        printf(", %" PRIu64 " cell%s emptied", totals->emptied, plural(totals->emptied));
    }
    if (totals->left_out > 0) {
        printf(", %" PRIu64 " row%s left out", totals->left_out, plural(totals->left_out));
    }
    putchar('\n');
}

static enum exit_code
import_all(struct import *import)
{
    enum exit_code code = EXIT_OK;

    import->totals = import->files.state.totals;
    if (import->files.out != NULL) {
        code = run(import);
    }
    if (code == EXIT_OK) {
        code = files_finish(&import->files, import->offset, import->line, &import->totals);
    }
    if (code != EXIT_OK && import->files.out != NULL) {
        stop_short(import);
    }
    if (code != EXIT_OK) {
        return code;
    }
    print_totals(import);
    return import->totals.emptied + import->totals.left_out > 0 ? EXIT_REFUSED : EXIT_OK;
}

static enum exit_code
check_arguments(struct import *import)
{
    const struct arguments *arguments = import->arguments;

    if (arguments->output == NULL) {
        return fail(arguments, EXIT_USAGE, "say where to write: -o OUT.csv");
    }
    if (arguments->wa_id && arguments->region != NULL) {
        return fail(arguments, EXIT_USAGE, "--wa-id or --region, not both");
    }
    return columns_take(arguments, &import->columns);
}

enum exit_code
cmd_import(const struct arguments *arguments)
{
    static struct import import = {.files.input_fd = -1};
    enum exit_code code;

    import.arguments = arguments;
    code = check_arguments(&import);
    if (code == EXIT_OK) {
        code = files_open_input(arguments, &import.files);
    }
    if (code == EXIT_OK) {
        code = read_header(&import);
    }
    if (code == EXIT_OK) {
        code = start(&import);
    }
    if (code == EXIT_OK) {
        code = import_all(&import);
    } else if (!import.files.resumed) {
        files_discard(&import.files);
    }
    pool_stop(&import.pool);
    region_close(&import.region);
    cv_close(&import.client);
    csv_free(&import.reader);
    files_close(&import.files);
    return code;
}
