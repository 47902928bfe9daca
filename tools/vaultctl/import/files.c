/* SPDX-License-Identifier: Apache-2.0 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"

enum { SECOND_NS = 1000000000, OWNER_ALONE = S_IRUSR | S_IWUSR };

static const char errors_head[] = "line,column,code,message\n";

static enum exit_code
cannot(const struct files *files, const char *path)
{
    return fail(files->arguments, EXIT_REFUSED, "%s: %s", path, strerror(errno));
}

static bool
exists(const char *path)
{
    struct stat attributes;

    return lstat(path, &attributes) == 0 || errno != ENOENT;
}

static bool
name_beside(const char *out, const char *end, char ret_path[static FILE_PATH_BYTES])
{
    int size = snprintf(ret_path, FILE_PATH_BYTES, "%s%s", out, end);

    return size > 0 && size < FILE_PATH_BYTES;
}

/* ---- the file to import ---- */

static enum exit_code
open_input(struct files *files)
{
    const char *path = files->arguments->values[0];
    struct stat attributes;

    files->input_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (files->input_fd < 0 || fstat(files->input_fd, &attributes) != 0) {
        return fail(files->arguments, EXIT_USAGE, "%s: %s", path, strerror(errno));
    }
    if (!S_ISREG(attributes.st_mode)) {
        return fail(files->arguments, EXIT_USAGE,
                    "%s: no file; what comes by a pipe must be "
                    "written to one first",
                    path);
    }
    files->state.file_size = (uint64_t)attributes.st_size;
    files->state.file_time_ns =
        (uint64_t)attributes.st_mtim.tv_sec * SECOND_NS + (uint64_t)attributes.st_mtim.tv_nsec;
    return EXIT_OK;
}

/* ---- what is written ---- */

static bool
is_same_file(const struct stat *one, const struct stat *other)
{
    return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

static bool
is_input(const struct files *files, int file_fd)
{
    struct stat input, file;

    return fstat(files->input_fd, &input) == 0 && fstat(file_fd, &file) == 0 &&
           is_same_file(&input, &file);
}

/* Between the opening and the lock another import may have given it its name. */
static bool
is_still_there(const char *path, int file_fd)
{
    struct stat named, file;

    return lstat(path, &named) == 0 && fstat(file_fd, &file) == 0 && is_same_file(&named, &file);
}

/* Made anew, or an earlier run's: what somebody else laid there he can read, and change. */
static enum exit_code
open_ours(const struct files *files, const char *path, int *ret_fd)
{
    const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
    const char *fault = NULL;

    *ret_fd = open(path, flags | O_CREAT | O_EXCL, OWNER_ALONE);
    if (*ret_fd >= 0) {
        return EXIT_OK;
    }
    *ret_fd = errno == EEXIST ? open(path, flags) : -1;
    if (*ret_fd < 0) {
        return cannot(files, path);
    }
    if (is_input(files, *ret_fd)) {
        fault = "it is to be imported, and would be written over; name another with -o";
    } else if (!file_is_ours(*ret_fd)) {
        fault = "another user's, or a file of two names: it is not written to; remove it";
    }
    if (fault != NULL) {
        close(*ret_fd);
        return fail(files->arguments, EXIT_REFUSED, "%s: %s", path, fault);
    }
    return EXIT_OK;
}

/* Locked, so that two imports never write into one file. */
static enum exit_code
open_part(struct files *files)
{
    int part_fd;
    enum exit_code code = open_ours(files, files->part, &part_fd);

    if (code != EXIT_OK) {
        return code;
    }
    if (flock(part_fd, LOCK_EX | LOCK_NB) != 0) {
        close(part_fd);
        return fail(files->arguments, EXIT_REFUSED, "%s: another import is writing it; let it end",
                    files->part);
    }
    if (!is_still_there(files->part, part_fd)) {
        close(part_fd);
        return fail(files->arguments, EXIT_REFUSED, "%s: another import has just ended",
                    files->part);
    }
    files->out = fdopen(part_fd, "r+");
    if (files->out == NULL || fchmod(part_fd, OWNER_ALONE) != 0) {
        return cannot(files, files->part);
    }
    return EXIT_OK;
}

static enum exit_code
open_errors(struct files *files)
{
    const char *path = files->arguments->errors;
    int errors_fd;

    if (path == NULL) {
        return EXIT_OK;
    }
    if (!files->resumed && exists(path)) {
        return fail(files->arguments, EXIT_REFUSED,
                    "%s is there already; name another with "
                    "--errors",
                    path);
    }
    enum exit_code code = open_ours(files, path, &errors_fd);
    if (code != EXIT_OK) {
        return code;
    }
    files->errors = fdopen(errors_fd, "r+");
    return files->errors == NULL ? cannot(files, path) : EXIT_OK;
}

/* Down to the length that is known to be good. */
static bool
cut(FILE *file, uint64_t offset)
{
    struct stat attributes;

    if (fstat(fileno(file), &attributes) != 0) {
        return false;
    }
    if ((uint64_t)attributes.st_size < offset) {
        errno = ENODATA;
        return false;
    }
    return ftruncate(fileno(file), (off_t)offset) == 0 &&
           fseeko(file, (off_t)offset, SEEK_SET) == 0;
}

static enum exit_code
cut_both(struct files *files)
{
    if (!cut(files->out, files->state.out_offset)) {
        return cannot(files, files->part);
    }
    if (files->errors != NULL && !cut(files->errors, files->state.errors_offset)) {
        return cannot(files, files->arguments->errors);
    }
    if (files->errors != NULL && files->state.errors_offset == 0) {
        (void)fputs(errors_head, files->errors);
    }
    return EXIT_OK;
}

/* ---- where to go on ---- */

static bool
is_same_import(const struct state *one, const struct state *other)
{
    return one->file_size == other->file_size && one->file_time_ns == other->file_time_ns &&
           one->options == other->options;
}

/* The last run ended between writing its last word and taking its notes away. */
static bool
lacks_only_its_name(const struct files *files)
{
    return files->state.whole == 1 && !exists(files->part) && exists(files->arguments->output);
}

static enum exit_code
take_state(struct files *files, const struct state *fresh)
{
    const struct arguments *arguments = files->arguments;
    enum state_found found = state_read(files->state_path, &files->state);

    if (found == STATE_BROKEN) {
        return fail(arguments, EXIT_REFUSED,
                    "%s: cannot be read, or is none of ours; remove it to "
                    "begin anew",
                    files->state_path);
    }
    if (found == STATE_FOUND && !arguments->resume) {
        return fail(arguments, EXIT_REFUSED,
                    "an import to %s was interrupted; go on with "
                    "--resume, or remove %s to begin anew",
                    arguments->output, files->state_path);
    }
    if (found == STATE_FOUND && !is_same_import(fresh, &files->state)) {
        return fail(arguments, EXIT_REFUSED,
                    "%s is of another file, or of other columns or "
                    "options; give the same, or remove it to begin anew",
                    files->state_path);
    }
    files->resumed = found == STATE_FOUND;
    if (!files->resumed) {
        files->state = *fresh;
    }
    if (!lacks_only_its_name(files) && exists(arguments->output)) {
        return fail(arguments, EXIT_REFUSED, "%s is there already; name another with -o",
                    arguments->output);
    }
    return EXIT_OK;
}

/* ---- how far it came ---- */

static bool
flush(FILE *file, uint64_t *ret_offset)
{
    off_t at;

    /* An error of earlier is none of fflush's. */
    if (ferror(file) || fflush(file) != 0 || fsync(fileno(file)) != 0 || (at = ftello(file)) < 0) {
        return false;
    }
    *ret_offset = (uint64_t)at;
    return true;
}

enum exit_code
files_check(const struct files *files)
{
    if (ferror(files->out)) {
        return cannot(files, files->part);
    }
    return files->errors != NULL && ferror(files->errors) ? cannot(files, files->arguments->errors)
                                                          : EXIT_OK;
}

static enum exit_code
write_state(struct files *files, struct state *state)
{
    if (!flush(files->out, &state->out_offset)) {
        return cannot(files, files->part);
    }
    if (files->errors != NULL && !flush(files->errors, &state->errors_offset)) {
        return cannot(files, files->arguments->errors);
    }
    if (!state_write(files->state_path, state)) {
        return cannot(files, files->state_path);
    }
    files->state = *state;
    return EXIT_OK;
}

enum exit_code
files_checkpoint(struct files *files, uint64_t offset, uint64_t line, const struct totals *totals)
{
    struct state state = files->state;

    state.file_offset = offset;
    state.file_line = line;
    state.totals = *totals;
    return write_state(files, &state);
}

/* ---- opening and closing ---- */

enum exit_code
files_open_input(const struct arguments *arguments, struct files *ret_files)
{
    *ret_files = (struct files){.arguments = arguments, .input_fd = -1};
    if (!name_beside(arguments->output, ".part", ret_files->part) ||
        !name_beside(arguments->output, ".import", ret_files->state_path)) {
        return fail(arguments, EXIT_USAGE, "-o: the name is too long");
    }
    if (arguments->errors != NULL && (strcmp(arguments->errors, arguments->output) == 0 ||
                                      strcmp(arguments->errors, ret_files->state_path) == 0)) {
        return fail(arguments, EXIT_USAGE, "--errors: %s is written by -o; name another file",
                    arguments->errors);
    }
    return open_input(ret_files);
}

/* Notes from the first moment on: a kill finds them. */
static enum exit_code
open_outputs(struct files *files)
{
    enum exit_code code = open_part(files);

    if (code == EXIT_OK) {
        code = open_errors(files);
    }
    if (code == EXIT_OK) {
        code = cut_both(files);
    }
    if (code == EXIT_OK && !files->resumed) {
        code = files_checkpoint(files, files->state.file_offset, files->state.file_line,
                                &files->state.totals);
    }
    return code;
}

enum exit_code
files_open_output(struct files *files, uint64_t options)
{
    struct state fresh = files->state;

    fresh.options = options;
    fresh.file_line = 1;
    enum exit_code code = take_state(files, &fresh);
    if (code == EXIT_OK && !lacks_only_its_name(files)) {
        code = open_outputs(files);
    }
    return code;
}

/* What has come there meanwhile is not overwritten, where the file system can tell. */
static bool
give_name(const char *part, const char *output)
{
    return renameat2(AT_FDCWD, part, AT_FDCWD, output, RENAME_NOREPLACE) == 0 ||
           ((errno == EINVAL || errno == ENOSYS) && rename(part, output) == 0);
}

enum exit_code
files_finish(struct files *files, uint64_t offset, uint64_t line, const struct totals *totals)
{
    const char *output = files->arguments->output;
    struct state state = files->state;

    if (files->out != NULL) {
        state.file_offset = offset;
        state.file_line = line;
        state.totals = *totals;
        state.whole = 1;
        enum exit_code code = write_state(files, &state);
        if (code != EXIT_OK) {
            return code;
        }
        if (!give_name(files->part, output)) {
            return cannot(files, output);
        }
    }
    if (!folder_sync(output)) {
        return cannot(files, output);
    }
    if (unlink(files->state_path) != 0) {
        return cannot(files, files->state_path);
    }
    return EXIT_OK;
}

void
files_discard(struct files *files)
{
    if (files->out != NULL) {
        (void)unlink(files->state_path);
        (void)unlink(files->part);
    }
    if (files->errors != NULL) {
        (void)unlink(files->arguments->errors);
    }
}

void
files_close(struct files *files)
{
    if (files->out != NULL) {
        (void)fclose(files->out);
    }
    if (files->errors != NULL) {
        (void)fclose(files->errors);
    }
    if (files->input_fd >= 0) {
        close(files->input_fd);
    }
}
