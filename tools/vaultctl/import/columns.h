/* SPDX-License-Identifier: Apache-2.0 */
/* columns.h: which columns of the file hold contacts, as the command line names them. */
#ifndef CONTACT_VAULT_COLUMNS_H
#define CONTACT_VAULT_COLUMNS_H

#include "csv.h"
#include "vaultctl.h"

struct column {
    const char *name; /* of `size` bytes: what stands before =phone or =email */
    size_t size;
    enum cv_kind kind; /* 0: what each cell looks like */
    size_t field;      /* its place in a row */
};

struct columns {
    struct column list[IMPORT_COLUMNS_MAX]; /* by their place in a row */
    size_t count;
    size_t fields; /* of the header, so of each row */
};

enum exit_code columns_take(const struct arguments *arguments, struct columns *ret_columns);
/* Where they are. Never repeats what the header says: a file without one begins with contacts. */
enum exit_code columns_find(const struct arguments *arguments, const struct csv_record *header,
                            struct columns *columns);

#endif
