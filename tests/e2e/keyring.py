#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Somebody with the root key and a keyring file, who has read DESIGN.md and nothing else of ours.

keyring.py keys FILE ROOT: "PURPOSE NAMESPACE NUMBER CREATED KEY" of each row, the key in hex
keyring.py gone OLD OLD_ROOT NEW NEW_ROOT NAMESPACE: of that namespace OLD has a data and an index key, and not one
    of its keys stands anywhere in NEW, opened or as it lies on the disk
"""
import ctypes
import hashlib
import struct
import sys

DATA, INDEX = 1, 2
ROW, KEY_AT, TAG, FIXED = 50, 18, 16, 35
sodium = ctypes.CDLL("libsodium.so.23")


def decrypt(key, nonce, associated, sealed):
    clear = ctypes.create_string_buffer(len(sealed) - TAG)
    if sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
            clear, None, None, sealed, ctypes.c_ulonglong(len(sealed)), associated,
            ctypes.c_ulonglong(len(associated)), nonce, key) != 0:
        sys.exit("keyring.py: the keys do not open")
    return clear.raw


def read(path):
    with open(path, "rb") as file:
        return file.read()


def header_size(file):
    at = FIXED
    for _ in range(file[FIXED - 1]):
        at += 3 + struct.unpack(">H", file[at + 1:at + 3])[0]
    return at


def clear(path, root_path):
    """The keys of a file, one after the other."""
    file, root = read(path), read(root_path)
    head = file[:header_size(file)]
    nonce, commitment = file[len(head):len(head) + 24], file[len(head) + 24:len(head) + 56]
    derived = hashlib.blake2b(b"contact-vault keyring 1" + head + nonce, key=root).digest()
    if derived[32:] != commitment:
        sys.exit("keyring.py: not this file's root key")
    return decrypt(derived[:32], nonce, head, file[len(head) + 76:])


def rows(path, root_path):
    data = clear(path, root_path)
    for at in range(0, len(data), ROW):
        purpose, namespace, number, _, created = struct.unpack(">BIIBQ", data[at:at + KEY_AT])
        yield purpose, namespace, number, created, data[at + KEY_AT:at + ROW]


def main(words):
    if len(words) == 3 and words[0] == "keys":
        for purpose, namespace, number, created, key in rows(*words[1:]):
            print(purpose, namespace, number, created, key.hex())
    elif len(words) == 6 and words[0] == "gone":
        keys = {row[:2]: row[4] for row in rows(*words[1:3]) if row[1] == int(words[5]) and row[0] in (DATA, INDEX)}
        if len(keys) != 2:
            sys.exit("keyring.py: the old file has no data and index key of that namespace")
        places = clear(*words[3:5]), read(words[3])
        if any(key in place for key in keys.values() for place in places):
            sys.exit("keyring.py: a key of that namespace is still there")
    else:
        sys.exit(__doc__)


main(sys.argv[1:])
