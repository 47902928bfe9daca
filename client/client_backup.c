/* SPDX-License-Identifier: Apache-2.0 */
/* Backups, and whom they are sealed to. */
#include "client_internal.h"

enum cv_status
cv_recipient_add(struct cv_client *client, const char *name, const uint8_t public_key[CV_KEY_BYTES],
                 struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_RECIPIENT_ADD};

    request_add_text(&request, FIELD_NAME, name);
    request_add_bytes(&request, FIELD_PUBLIC_KEY, bytes_of(public_key, PUBLIC_KEY_BYTES));
    return client_call(client, &request, ret_reply);
}

enum cv_status
cv_recipient_list(struct cv_client *client, struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_RECIPIENT_LIST};

    return client_call(client, &request, ret_reply);
}

enum cv_status
cv_recipient_remove(struct cv_client *client, const char *name, struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_RECIPIENT_REMOVE};

    request_add_text(&request, FIELD_NAME, name);
    return client_call(client, &request, ret_reply);
}

enum cv_status
cv_backup_begin(struct cv_client *client, struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_BACKUP_BEGIN};

    return client_call(client, &request, ret_reply);
}

enum cv_status
cv_backup_read(struct cv_client *client, const uint8_t backup[CV_BACKUP_BYTES],
               enum cv_backup_part part, uint64_t from, struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_BACKUP_READ};

    request_add_bytes(&request, FIELD_BACKUP, bytes_of(backup, BACKUP_ID_BYTES));
    request_add_uint(&request, FIELD_KIND, part);
    request_add_uint(&request, FIELD_FROM, from);
    return client_call(client, &request, ret_reply);
}

enum cv_status
cv_backup_end(struct cv_client *client, const uint8_t backup[CV_BACKUP_BYTES], bool all,
              struct cv_reply **ret_reply)
{
    struct request request = {.operation = OP_BACKUP_END};

    request_add_bytes(&request, FIELD_BACKUP, bytes_of(backup, BACKUP_ID_BYTES));
    request_add_flag(&request, FIELD_ALL, all);
    return client_call(client, &request, ret_reply);
}
