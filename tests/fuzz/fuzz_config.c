/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as a configuration: it is refused, with a sentence for each fault, or taken; and either
 * way every value is one that the daemon may count on.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void
count(void *state, const char *sentence)
{
    must(strncmp(sentence, "fuzz:", 5) == 0 || strcmp(sentence, "and more") == 0);
    must(strlen(sentence) < CONFIG_SENTENCE_BYTES && strchr(sentence, '\n') == NULL);
    ++*(unsigned *)state;
}

static void
must_be_text(const char *text, size_t capacity)
{
    size_t size = strnlen(text, capacity);

    must(size < capacity);
    for (size_t i = 0; i < size; i++) {
        must((unsigned char)text[i] >= ' ' || text[i] == '\t');
    }
}

/* Whatever was said, every value is one that the rest of the daemon may count on. */
static void
must_be_sound(const struct config *config)
{
    must_be_text(config->data, sizeof config->data);
    must_be_text(config->key_file, sizeof config->key_file);
    must_be_text(config->checkpoint_folder, sizeof config->checkpoint_folder);
    must_be_text(config->socket.path, 108);
    must_be_text(config->admin_socket.path, 108);
    must_be_text(config->socket.group, sizeof config->socket.group);
    must((config->socket.mode & ~0666U) == 0 && (config->socket.mode & 0600) == 0600);
    must(config->limits.workers >= 1 && config->limits.workers <= 1024);
    must(config->limits.memory_mib >= 16 && config->limits.memory_mib <= 65536);
    must(config->checkpoint_s >= 1 && config->checkpoint_s <= 3600);
    must(config->retain_months == 0 || config->retain_months >= 13);
    must(strnlen(config->purposes, sizeof config->purposes) < sizeof config->purposes);
    must(strspn(config->purposes, "abcdefghijklmnopqrstuvwxyz0123456789-_, ") ==
         strlen(config->purposes));
    must(strnlen(config->notify_arguments, sizeof config->notify_arguments) <
         sizeof config->notify_arguments);
    must(config->unseal_uids.count <= CONFIG_UIDS_MAX);
    for (uint32_t i = 0; i < config->unseal_uids.count; i++) {
        must(config->unseal_uids.at[i] != 0 && config->unseal_uids.at[i] != 65534);
    }
    must(config->log_level >= LOG_LEVEL_ERROR && config->log_level <= LOG_LEVEL_INFO);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config config, again;
    unsigned faults = 0;

    if (size > CONFIG_FILE_BYTES_MAX) {
        return 0;
    }
    config_default(&config);
    enum status status = config_parse("fuzz", bytes_of(data, size), count, &faults, &config);

    must(status == (faults == 0 ? STATUS_OK : STATUS_INVALID));
    must_be_sound(&config);
    config_default(&again);
    must(config_parse("fuzz", bytes_of(data, size), count, &faults, &again) == status);
    must(memcmp(&config, &again, sizeof config) == 0);
    return 0;
}
