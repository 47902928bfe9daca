/* SPDX-License-Identifier: Apache-2.0 */
#include "input.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A helper of ours gets numbers by its stdin, never by argv, and never from PATH. */
struct region {
    pid_t pid;
    FILE *to, *from;
    char to_bytes[BUFSIZ], from_bytes[BUFSIZ]; /* of the streams, so that they can be wiped */
};

enum { REGION_BYTES = 2 };

static const char *const places[] = {
    "../region/contact-vault-region",
    "../libexec/contact-vault/contact-vault-region",
    NULL,
};

/* In capitals, as the helper has them. False: not two letters. */
static bool
read_region(const char *text, char ret_code[static REGION_BYTES + 1])
{
    if (strlen(text) != REGION_BYTES) {
        return false;
    }
    for (size_t i = 0; i <= REGION_BYTES; i++) {
        bool small = text[i] >= 'a' && text[i] <= 'z';
        ret_code[i] = small ? (char)(text[i] - 'a' + 'A') : text[i];
        if (i < REGION_BYTES && (ret_code[i] < 'A' || ret_code[i] > 'Z')) {
            return false;
        }
    }
    return true;
}

/* In the child; does not come back. */
static void
become_helper(const char *path, const char *code, int in_fd, int out_fd)
{
    if (dup2(in_fd, STDIN_FILENO) >= 0 && dup2(out_fd, STDOUT_FILENO) >= 0) {
        execl(path, path, code, (char *)NULL);
    }
    _exit(EXIT_REFUSED);
}

static bool
start(struct region *region, const char *path, const char *code)
{
    int to[2] = {-1, -1}, from[2] = {-1, -1};

    if (pipe2(to, O_CLOEXEC) != 0) {
        return false;
    }
    if (pipe2(from, O_CLOEXEC) != 0) {
        close(to[0]);
        close(to[1]);
        return false;
    }
    region->pid = fork();
    if (region->pid == 0) {
        become_helper(path, code, to[0], from[1]);
    }
    close(to[0]);
    close(from[1]);
    region->to = fdopen(to[1], "w");
    region->from = fdopen(from[0], "r");
    if (region->pid < 0 || region->to == NULL || region->from == NULL) {
        return false;
    }
    (void)setvbuf(region->to, region->to_bytes, _IOFBF, sizeof region->to_bytes);
    (void)setvbuf(region->from, region->from_bytes, _IOFBF, sizeof region->from_bytes);
    return true;
}

/* The helper says "ready" when it knows the country. */
static bool
is_ready(struct region *region)
{
    char line[VALUE_LINE_BYTES];

    return fgets(line, sizeof line, region->from) != NULL && strcmp(line, "ready\n") == 0;
}

enum exit_code
region_open(const struct arguments *arguments, struct region **ret_region)
{
    char path[PROGRAM_PATH_BYTES], code[REGION_BYTES + 1];

    if (!read_region(arguments->region, code)) {
        return fail(arguments, EXIT_USAGE, "--region takes a country code of two letters: IT");
    }
    if (!program_find(places, path)) {
        return fail(arguments, EXIT_REFUSED,
                    "contact-vault-region is not installed; --region needs it");
    }
    struct region *region = calloc(1, sizeof *region);
    if (region == NULL) {
        return fail(arguments, EXIT_REFUSED, "out of memory");
    }
    (void)signal(SIGPIPE, SIG_IGN);
    *ret_region = region;
    if (!start(region, path, code)) {
        return fail(arguments, EXIT_REFUSED, "contact-vault-region does not start");
    }
    if (!is_ready(region)) {
        return fail(arguments, EXIT_USAGE, "--region: there is no such country");
    }
    return EXIT_OK;
}

/* International ones, addresses and tokens go as they are; so does what would be two lines. */
static bool
is_national(const char *value)
{
    while (*value == ' ' || *value == '\t') {
        value++;
    }
    return *value != 0 && *value != '+' && strncmp(value, "00", 2) != 0 &&
           strpbrk(value, "@\n") == NULL && !looks_like_token(value);
}

/* A whole batch's answers fit into a pipe (64 KiB), so writing first cannot block for good. */
bool
region_convert(struct region *region, struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (is_national(batch->values[i])) {
            (void)fprintf(region->to, "%s\n", batch->values[i]);
        }
    }
    if (fflush(region->to) != 0) {
        return false;
    }
    for (size_t i = 0; i < batch->count; i++) {
        char *line = batch->lines[i];
        if (!is_national(batch->values[i])) {
            continue;
        }
        if (fgets(line, VALUE_LINE_BYTES, region->from) == NULL) {
            return false;
        }
        line[strcspn(line, "\n")] = 0;
        batch->values[i] = line;
        if (*line == 0) {
            batch->faults[i] = "no phone number of the region given";
        }
    }
    return true;
}

void
region_close(struct region **region)
{
    struct region *closing = *region;

    if (closing == NULL) {
        return;
    }
    if (closing->to != NULL) {
        (void)fclose(closing->to);
    }
    if (closing->from != NULL) {
        (void)fclose(closing->from);
    }
    if (closing->pid > 0) {
        (void)waitpid(closing->pid, NULL, 0);
    }
    explicit_bzero(closing, sizeof *closing);
    free(closing);
    *region = NULL;
}
