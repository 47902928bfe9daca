/* SPDX-License-Identifier: Apache-2.0 */
/* The options that serving and making a vault share. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "main_internal.h"
#include "startup_text.h"

enum { OPTION_MAP = 0x100, MAP_GIB_MAX = 65536, DECIMAL = 10 };

static bool
parse_map(const char *text, uint32_t *ret_gib)
{
    char *end = NULL;
    unsigned long gib;

    errno = 0;
    gib = strtoul(text, &end, DECIMAL);
    if (errno != 0 || end == text || *end != '\0' || gib == 0 || gib > MAP_GIB_MAX) {
        return false;
    }
    *ret_gib = (uint32_t)gib;
    return true;
}

static error_t
parse_option(int key, char *argument, struct argp_state *state)
{
    struct main_options *options = state->input;

    switch (key) {
    case 'd':
        options->data = argument;
        return 0;
    case 'k':
        options->key_file = argument;
        return 0;
    case OPTION_MAP:
        if (!parse_map(argument, &options->map_gib)) {
            argp_error(state, "--map-gib wants a number from 1 to 65536");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option argp_options[] = {
    {"data", 'd', "DIR", 0, "the vault's directory", 0},
    {"key-file", 'k', "FILE", 0, "the root key, outside that directory", 0},
    {"map-gib", OPTION_MAP, "N", 0,
     "address space for the database in GiB (default 1024, taken as needed, not at once)", 0},
    {0},
};

const struct argp main_options_argp = {.options = argp_options, .parser = parse_option};

static bool
put_path(const char *option, const char *path, char *ret_path)
{
    char sentence[STARTUP_SENTENCE_BYTES_MAX];

    if (path == NULL) {
        return true;
    }
    if (strlen(path) < CONFIG_PATH_BYTES) {
        memcpy(ret_path, path, strlen(path) + 1);
        return true;
    }
    (void)snprintf(sentence, sizeof sentence, "%s: a path has at most %d bytes", option,
                   CONFIG_PATH_BYTES - 1);
    startup_say(sentence);
    return false;
}

bool
main_options_apply(const struct main_options *options, struct config *config)
{
    if (options->map_gib != 0) {
        config->map_gib = options->map_gib;
    }
    return put_path("--data", options->data, config->data) &&
           put_path("--key-file", options->key_file, config->key_file);
}
