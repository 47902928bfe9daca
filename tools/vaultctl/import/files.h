/* SPDX-License-Identifier: Apache-2.0 */
/*
 * files.h: what an import reads and writes. OUT comes into being whole, by a rename; until then
 * there are OUT.part, for the caller's eyes alone, and OUT.import, which says how much of it is
 * good. One import at a time writes there.
 */
#ifndef CONTACT_VAULT_FILES_H
#define CONTACT_VAULT_FILES_H

#include <stdio.h>

#include "state.h"

enum { FILE_PATH_BYTES = 4096 };

struct files {
    const struct arguments *arguments;
    char part[FILE_PATH_BYTES], state_path[FILE_PATH_BYTES];
    int input_fd;
    FILE *out, *errors; /* errors NULL: none wanted */
    struct state state; /* as it is on disk */
    bool resumed;
};

/* The file to read; nothing is made yet. Otherwise it was said why. */
enum exit_code files_open_input(const struct arguments *arguments, struct files *ret_files);
/*
 * files_open_output: all is open and stands where to go on; with --resume, behind what an earlier
 * run wrote, or at the beginning if there was none. options: state_mix of what it was told.
 * state.whole is 1 where nothing is left to do but files_finish.
 */
enum exit_code files_open_output(struct files *files, uint64_t options);
/* Could all be written so far? Otherwise it was said why. */
enum exit_code files_check(const struct files *files);
/* What was written so far is good, up to this place of the file: on disk when it returns EXIT_OK.
 */
enum exit_code files_checkpoint(struct files *files, uint64_t offset, uint64_t line,
                                const struct totals *totals);
/* The last of them; then the output has its name. */
enum exit_code files_finish(struct files *files, uint64_t offset, uint64_t line,
                            const struct totals *totals);
/* Takes away what files_open_output made: nothing came of it. Not after a resume. */
void files_discard(struct files *files);
void files_close(struct files *files);

#endif
