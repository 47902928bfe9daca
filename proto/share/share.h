/* SPDX-License-Identifier: Apache-2.0 */
/*
 * share.h: a root key in `total` shares, of which any `threshold` give it back and fewer say
 * nothing of it (Shamir, "How to share a secret", 1979). Pure: no I/O, no allocation, and the
 * caller brings the randomness. Any thread.
 *
 * Each byte of the key is the value at 0 of a polynomial of its own, of degree threshold - 1, over
 * GF(256) with x^8 + x^4 + x^3 + x + 1; share number x holds the values at x. No table is indexed
 * by a secret, and nothing branches on one.
 *
 * A share as bytes (SHARE_BYTES):
 *
 *   offset  size  what
 *   0       1     version, 1
 *   1       10    set: random, the same in all shares that were made together
 *   11      1     threshold, 2 to total
 *   12      1     total, 2 to SHARES_MAX
 *   13      1     number, 1 to total
 *   14      32    values
 *   46      4     check: CRC-32 (IEEE 802.3) of all bytes before it
 *
 * As text: Crockford's base 32, sixteen groups of five characters. Letters of either case; O is
 * read as 0, I and L as 1; blanks and hyphens are passed over.
 *
 * The check is for typing errors: whoever alters a share on purpose can make it anew, and then the
 * shares give a key that opens nothing.
 */
#ifndef CONTACT_VAULT_SHARE_H
#define CONTACT_VAULT_SHARE_H

#include <stddef.h>
#include <stdint.h>

enum {
    SHARES_MAX = 16,
    SHARE_THRESHOLD_MIN = 2,
    SHARE_SET_BYTES = 10,
    SHARE_KEY_BYTES = 32,
    SHARE_BYTES = 50,
    SHARE_TEXT_BYTES = 96,   /* sixteen groups, fifteen hyphens, NUL */
    SHARE_TYPED_BYTES = 256, /* no longer line is looked at */
};

struct share {
    uint8_t set[SHARE_SET_BYTES];
    uint8_t threshold, total, number;
    uint8_t values[SHARE_KEY_BYTES];
};

enum share_fault {
    SHARE_FINE = 0,
    SHARE_NOT_ONE,    /* other characters, or too few or too many of them */
    SHARE_ALTERED,    /* the check does not hold: a typing error */
    SHARE_OF_FUTURE,  /* another version */
    SHARE_IMPOSSIBLE, /* numbers that no share has, although the check holds */
    SHARE_OF_OTHERS,  /* of another set than those before it */
    SHARE_TWICE,      /* its number is there already */
};
/* For a person: "this is not a share". */
const char *share_fault_text(enum share_fault fault);

/*
 * share_split: `total` shares of the key into `ret_shares`. `random` is (threshold - 1) times
 * SHARE_KEY_BYTES fresh random bytes, which are the caller's to wipe.
 */
void share_split(const uint8_t key[static SHARE_KEY_BYTES],
                 const uint8_t set[static SHARE_SET_BYTES], uint8_t threshold, uint8_t total,
                 const uint8_t *random, struct share *ret_shares);

/* May it stand beside these, which may stand beside each other? OF_OTHERS or TWICE. */
enum share_fault share_fits(const struct share *others, size_t count, const struct share *share);
/* Of `threshold` shares that fit: the key they were made of, if none was altered. */
void share_combine(const struct share *shares, uint8_t ret_key[static SHARE_KEY_BYTES]);

void share_write(const struct share *share, uint8_t ret_bytes[static SHARE_BYTES]);
/* NOT_ONE: another size. */
enum share_fault share_read(const uint8_t *bytes, size_t size, struct share *ret_share);

void share_print(const struct share *share, char ret_text[static SHARE_TEXT_BYTES]);
enum share_fault share_parse(const char *text, struct share *ret_share);

#endif
