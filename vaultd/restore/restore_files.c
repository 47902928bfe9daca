/* SPDX-License-Identifier: Apache-2.0 */
/* The backup's files, what is said of them, and how the root key is got: asked before there is one.
 */
#include "restore_internal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "keyring_file.h"
#include "slot.h"

/* ---- what is said ---- */

enum status
restore_refuse(struct restoring *restoring, enum status status, const char *name,
               const char *format, ...)
{
    va_list arguments;

    restoring->report->fault_name = name;
    va_start(arguments, format);
    (void)vsnprintf(restoring->report->fault, sizeof restoring->report->fault, format, arguments);
    va_end(arguments);
    return status;
}

enum status
restore_refuse_disk(struct restoring *restoring, enum status status)
{
    return restore_refuse(restoring, status == STATUS_INTERNAL ? status : STATUS_UNAVAILABLE,
                          "unavailable",
                          "the disk cannot be read or written, or memory is short: make room, and "
                          "run it again");
}

static const char *
advice_for(enum backup_fault fault)
{
    switch (fault) {
    case BACKUP_WRONG_KEY:
        return "give the private key of one of its recipients";
    case BACKUP_OTHER_VERSION:
        return "use the program that made it, or a newer one";
    case BACKUP_WRONG_PART:
    case BACKUP_OTHER_KEYRING:
        return "name FILE, and keep FILE.keyring of the same backup beside it";
    case BACKUP_UNREADABLE:
        return "are both FILE and FILE.keyring there, and may you read them?";
    case BACKUP_NO_MEMORY:
        return "free some memory, and run it again";
    default:
        return "take another copy of it, or another backup";
    }
}

enum status
restore_refuse_file(struct restoring *restoring, enum backup_fault fault, const char *path)
{
    enum status status = STATUS_CORRUPT;

    if (fault == BACKUP_WRONG_KEY) {
        status = STATUS_DENIED;
    } else if (fault == BACKUP_UNREADABLE || fault == BACKUP_NO_MEMORY) {
        status = STATUS_UNAVAILABLE;
    }
    return restore_refuse(restoring, status, backup_fault_name(fault), "%.200s: %s: %s", path,
                          backup_fault_text(fault), advice_for(fault));
}

/* ---- the two files ---- */

static bool
read_file(void *state, uint8_t *to, size_t size, size_t *ret_size)
{
    *ret_size = fread(to, 1, size, state);
    return *ret_size == size || !ferror((FILE *)state);
}

enum backup_fault
restore_open_file(const char *path, struct backup_source *ret_source)
{
    FILE *file = fopen(path, "re");

    *ret_source = (struct backup_source){.read = read_file, .state = file};
    return file == NULL ? BACKUP_UNREADABLE : BACKUP_SOUND;
}

void
restore_close_file(struct backup_source *source)
{
    if (source->state != NULL) {
        (void)fclose(source->state);
    }
}

/* ---- before a root key is asked for ---- */

static enum backup_fault
read_whole(struct backup_reader *reader, uint8_t *file, size_t *ret_size)
{
    bool last = false;
    size_t size = 0;

    if (backup_reader_head(reader)->part != BACKUP_KEYRING) {
        return BACKUP_WRONG_PART;
    }
    while (!last) {
        struct bytes plain;
        enum backup_fault fault = backup_reader_next(reader, &plain, &last);

        if (fault != BACKUP_SOUND || plain.size > KEYRING_FILE_BYTES_MAX - size) {
            return fault == BACKUP_SOUND ? BACKUP_FRAME_WRONG : fault;
        }
        memcpy(file + size, plain.data, plain.size);
        size += plain.size;
    }
    *ret_size = size;
    return BACKUP_SOUND;
}

enum status
restore_slot(const char *keyring, const struct secret *recipient, struct unseal_slot *ret_slot,
             struct restore_report *ret_report)
{
    struct restore_request request = {.keyring = keyring};
    struct restoring restoring = {.request = &request, .report = ret_report};
    struct backup_reader *reader = NULL;
    struct keyring_header header;
    struct backup_source source;
    uint8_t *file = malloc(KEYRING_FILE_BYTES_MAX);
    size_t size = 0;
    enum backup_fault fault = restore_open_file(keyring, &source);

    *ret_report = (struct restore_report){0};
    if (file == NULL) {
        fault = BACKUP_NO_MEMORY;
    }
    if (fault == BACKUP_SOUND) {
        fault = backup_reader_open(source, recipient, &reader);
    }
    if (fault == BACKUP_SOUND) {
        fault = read_whole(reader, file, &size);
    }
    if (fault == BACKUP_SOUND && keyring_file_parse(bytes_of(file, size), &header) != STATUS_OK) {
        fault = BACKUP_FRAME_WRONG;
    }
    if (fault == BACKUP_SOUND) {
        keyring_header_slot(&header, ret_slot);
    }
    backup_reader_free(&reader);
    restore_close_file(&source);
    free(file);
    return fault == BACKUP_SOUND ? STATUS_OK : restore_refuse_file(&restoring, fault, keyring);
}
