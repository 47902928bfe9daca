/* SPDX-License-Identifier: Apache-2.0 */
/* config_internal.h: the table of the configuration's keys, and the one way to speak of a fault. */
#ifndef CONTACT_VAULT_CONFIG_INTERNAL_H
#define CONTACT_VAULT_CONFIG_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"

enum config_kind {
    CONFIG_NUMBER,
    CONFIG_MODE,
    CONFIG_LEVEL,
    CONFIG_PATH,
    CONFIG_SOCKET_PATH,
    CONFIG_GROUP,
    CONFIG_UIDS,
    CONFIG_PURPOSES,
    CONFIG_ARGUMENTS,
};

struct config_key {
    const char *section;
    const char *key;
    enum config_kind kind;
    uint32_t lowest, highest; /* of a number */
    uint32_t when_unsaid;     /* of all that are no text; an unsaid text is empty */
    size_t offset;            /* in struct config */
    const char *zero;         /* of a number: what 0 means, where it may be 0 beside its range */
};

extern const struct config_key config_keys[];
extern const unsigned config_key_count;

/* The row's number, or config_key_count. */
unsigned config_find_key(const char *section, const char *key);
bool config_has_section(const char *section);

/* False: the text is nothing the key may be. */
bool config_set(struct config *config, unsigned number, const char *text);
/* What the key may be, as a sentence. */
void config_allowed(const struct config_key *key, char *ret_text, size_t size);

/* "FILE:LINE: section.key: why", by where the key was said; without a place where it was not. */
struct config_listener {
    config_say *say;
    void *state;
    unsigned faults;
};
void config_fault(struct config_listener *listener, const struct config *config, const void *member,
                  const char *why);

#endif
