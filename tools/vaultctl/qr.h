/* SPDX-License-Identifier: Apache-2.0 */
/* qr.h: a text as a QR code (ISO/IEC 18004) of half blocks, two modules to a character. */
#ifndef CONTACT_VAULT_QR_H
#define CONTACT_VAULT_QR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * qr_print: on a stream of so many columns. `black`, `end`: what begins and ends black on white
 * there; both empty where there are no colours: then the letters' colour is taken for the lighter
 * one, as on most terminals. False: it does not fit, or no memory; nothing was printed.
 */
bool qr_print(FILE *to, const char *text, size_t columns, const char *black, const char *end);

#endif
