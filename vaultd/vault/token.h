/* SPDX-License-Identifier: Apache-2.0 */
/*
 * token.h: a token's text form: phn_ or eml_, 26 letters and a check letter (PROTOCOL.md,
 * "Tokens"). Pure: making a token is vault's business. Any thread.
 */
#ifndef CONTACT_VAULT_TOKEN_H
#define CONTACT_VAULT_TOKEN_H

#include <stdint.h>

#include "bounds.h"
#include "bytes.h"
#include "kind.h"
#include "status.h"

/* 128 random bits; no function of the contact. */
struct token {
    uint8_t bytes[TOKEN_BYTES];
};

/* NUL-terminated. */
void token_format(enum contact_kind kind, const struct token *token,
                  char ret_text[static TOKEN_TEXT_BYTES + 1]);

/* INVALID for anything that token_format does not write: the check letter too, and upper case. */
MUST_USE enum status token_parse(struct bytes text, enum contact_kind *ret_kind,
                                 struct token *ret_token);

#endif
