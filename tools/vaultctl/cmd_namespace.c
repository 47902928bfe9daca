/* SPDX-License-Identifier: Apache-2.0 */
#include "vaultctl.h"

#include <inttypes.h>
#include <stdio.h>

enum exit_code
cmd_namespace_create(const struct arguments *arguments)
{
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    enum exit_code code = session_open(arguments, SOCKET_ADMIN, &client);

    if (code != EXIT_OK) {
        return code;
    }
    (void)cv_namespace_create(client, arguments->values[0], &reply);
    return finish(arguments, &client, &reply, "created");
}

static void
print_namespace(const struct arguments *arguments, const struct cv_namespace *namespace)
{
    char created[TIME_TEXT_BYTES];

    time_print(namespace->created_ms, created);
    if (arguments->json) {
        print_json(json_pack("{s:s, s:s, s:I}", "name", namespace->name, "created", created,
                             "contacts", (json_int_t) namespace->contacts));
    } else {
        printf("%s\t%s\t%" PRIu64 " contact%s\n", namespace->name, created, namespace->contacts,
               plural(namespace->contacts));
    }
}

enum exit_code
cmd_namespace_list(const struct arguments *arguments)
{
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    enum exit_code code = session_open(arguments, SOCKET_ADMIN, &client);

    if (code != EXIT_OK) {
        return code;
    }
    (void)cv_namespace_list(client, &reply);
    code = report(arguments, reply);
    for (size_t i = 0; code == EXIT_OK && i < reply->count; i++) {
        print_namespace(arguments, &reply->namespaces[i]);
    }
    cv_reply_free(&reply);
    cv_close(&client);
    return code;
}
