#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""records.py FILE TOKEN: the offsets in an LMDB file at which that token's sealed record begins.

vaultd/DESIGN.md, "Records": version 2, suite 1, kind, flags, epoch (4), namespace (4), token (16), ...
"""
import sys

LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
TOKEN_OFFSET = 12


def raw_token(text):
    number = 0
    for letter in text[4:30]:
        number = number << 5 | LETTERS.index(letter)
    return number.to_bytes(16, "big")


def main(path, token):
    with open(path, "rb") as file:
        data = file.read()
    needle = raw_token(token)
    at = data.find(needle)
    while at >= 0:
        start = at - TOKEN_OFFSET
        if start >= 0 and data[start : start + 2] == b"\x02\x01" and data[start + 2] in (1, 2):
            print(start)
        at = data.find(needle, at + 1)


main(*sys.argv[1:])
