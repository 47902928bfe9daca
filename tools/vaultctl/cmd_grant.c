/* SPDX-License-Identifier: Apache-2.0 */
/* grant, revoke. */
#include "commands.h"

#include <stdio.h>
#include <string.h>

#include "terms.h"

enum { ROLES_BYTES = 128, DONE_BYTES = 64 };

static bool
is_vault_wide(enum cv_role role)
{
    return role == CV_ROLE_ADMIN || role == CV_ROLE_AUDIT;
}

static enum exit_code
find_role(const struct arguments *arguments, enum cv_role *ret_role)
{
    char roles[ROLES_BYTES] = "";
    size_t size = 0;

    for (enum cv_role role = CV_ROLE_SERVICE; cv_role_name(role) != NULL; role++) {
        if (strcmp(cv_role_name(role), arguments->values[1]) == 0) {
            *ret_role = role;
            return EXIT_OK;
        }
        size += (size_t)snprintf(roles + size, sizeof roles - size, "%s%s", size == 0 ? "" : ", ",
                                 cv_role_name(role));
    }
    return fail(arguments, EXIT_USAGE, "no such role; they are %s", roles);
}

/* For whom, what and where; of grants and revokes alike. */
static enum exit_code
take_subject(const struct arguments *arguments, struct cv_grant_terms *terms)
{
    enum exit_code code = find_role(arguments, &terms->role);

    if (code != EXIT_OK) {
        return code;
    }
    terms->name = arguments->values[0];
    terms->namespace_name = arguments->namespace_name;
    /* The environment's namespace is meant for the roles that have one. */
    if (is_vault_wide(terms->role) && !arguments->namespace_given) {
        terms->namespace_name = NULL;
    } else if (!is_vault_wide(terms->role) && terms->namespace_name == NULL) {
        return fail(arguments, EXIT_USAGE, "in which namespace? Give -n NS");
    }
    return EXIT_OK;
}

static enum exit_code
take_end(const struct arguments *arguments, struct cv_grant_terms *terms)
{
    uint64_t lasts_s = 0;

    if (arguments->lasts != NULL && arguments->until != NULL) {
        return fail(arguments, EXIT_USAGE, "--for or --until, not both");
    }
    if (arguments->lasts != NULL &&
        !duration_parse(arguments->lasts, CV_GRANT_SECONDS_MAX, &lasts_s)) {
        return fail(arguments, EXIT_USAGE, "--for takes " DURATION_FORM ", ten years at most");
    }
    if (arguments->until != NULL && !moment_parse(arguments->until, &terms->until_ms)) {
        return fail(arguments, EXIT_USAGE, "--until takes " MOMENT_FORM);
    }
    terms->lasts_s = (uint32_t)lasts_s;
    return EXIT_OK;
}

static enum exit_code
take_figure(const struct arguments *arguments, const char *option, const char *text,
            uint32_t *ret_figure)
{
    uint64_t figure = 0;

    if (text != NULL && (!number_parse(text, UINT32_MAX, &figure) || figure == 0)) {
        return fail(arguments, EXIT_USAGE, "%s takes a number from 1 on", option);
    }
    *ret_figure = (uint32_t)figure;
    return EXIT_OK;
}

static enum exit_code
take_terms(const struct arguments *arguments, struct cv_grant_terms *terms)
{
    enum exit_code code = take_subject(arguments, terms);

    if (code == EXIT_OK) {
        code = take_end(arguments, terms);
    }
    if (code == EXIT_OK) {
        code = take_figure(arguments, "--daily", arguments->daily, &terms->daily);
    }
    if (code == EXIT_OK) {
        code = take_figure(arguments, "--hourly", arguments->hourly, &terms->hourly);
    }
    return code;
}

enum exit_code
cmd_grant(const struct arguments *arguments)
{
    struct cv_grant_terms terms = {.lasts_s = 0};
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    char done[DONE_BYTES] = "granted", until[TIME_TEXT_BYTES];
    enum exit_code code = take_terms(arguments, &terms);

    if (code == EXIT_OK) {
        code = session_open(arguments, SOCKET_ADMIN, &client);
    }
    if (code != EXIT_OK) {
        return code;
    }
    (void)cv_grant(client, &terms, &reply);
    if (terms.until_ms != 0) { /* told back in UTC: a wrong time zone is seen */
        time_print(terms.until_ms, until);
        (void)snprintf(done, sizeof done, "granted until %s", until);
    } else if (terms.lasts_s != 0) {
        (void)snprintf(done, sizeof done, "granted for %.32s", arguments->lasts);
    }
    return finish(arguments, &client, &reply, done);
}

enum exit_code
cmd_revoke(const struct arguments *arguments)
{
    struct cv_grant_terms terms = {.lasts_s = 0};
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    enum exit_code code = take_subject(arguments, &terms);

    if (code == EXIT_OK) {
        code = session_open(arguments, SOCKET_ADMIN, &client);
    }
    if (code != EXIT_OK) {
        return code;
    }
    (void)cv_revoke(client, terms.name, terms.role, terms.namespace_name, &reply);
    return finish(arguments, &client, &reply, "revoked");
}
