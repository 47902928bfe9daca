#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes slots.txt: unseal slots. The root key of a passphrase is made by Debian's `argon2` (the reference code's own
command line, which takes a salt of printable letters only)."""
import struct
import subprocess

import make_keys

SALT = b"sixteen bytes ok"
PASSPHRASE = b"correct horse battery staple"


def passphrase(passes=3, memory=262144, salt=SALT):
    return b"\2" + salt + struct.pack(">II", passes, memory)


def shares(threshold, total):
    return b"\3" + bytes(range(0xA0, 0xAA)) + bytes([threshold, total])


def derived(passes, memory):
    out = subprocess.run(["argon2", SALT.decode(), "-id", "-t", str(passes), "-k", str(memory), "-p", "1", "-l", "32", "-r"],
                         input=PASSPHRASE, capture_output=True, check=True)
    return bytes.fromhex(out.stdout.decode().strip())


def vectors():
    yield "key-file", "ok", b"\1"
    yield "passphrase", "ok", passphrase(), PASSPHRASE, derived(3, 262144)
    yield "passphrase-costs-more", "ok", passphrase(4, 262145), PASSPHRASE, derived(4, 262145)
    yield "passphrase-costs-most", "ok", passphrase(64, 4194304)
    yield "shares-two-of-two", "ok", shares(2, 2)
    yield "shares-three-of-five", "ok", shares(3, 5)
    yield "shares-sixteen-of-sixteen", "ok", shares(16, 16)
    yield "nothing", "invalid", b""
    yield "kind-0", "invalid", b"\0"
    yield "kind-4", "invalid", b"\4"
    yield "key-file-with-parameters", "invalid", b"\1\0"
    yield "passphrase-without-parameters", "invalid", b"\2"
    yield "passphrase-cut", "invalid", passphrase()[:-1]
    yield "passphrase-longer", "invalid", passphrase() + b"\0"
    yield "two-passes", "invalid", passphrase(passes=2)
    yield "sixty-five-passes", "invalid", passphrase(passes=65)
    yield "a-kib-too-little", "invalid", passphrase(memory=262143)
    yield "a-kib-too-much", "invalid", passphrase(memory=4194305)
    yield "shares-cut", "invalid", shares(2, 3)[:-1]
    yield "shares-longer", "invalid", shares(2, 3) + b"\0"
    yield "threshold-0", "invalid", shares(0, 3)
    yield "threshold-1", "invalid", shares(1, 3)
    yield "threshold-above-total", "invalid", shares(4, 3)
    yield "seventeen-shares", "invalid", shares(2, 17)


if __name__ == "__main__":
    make_keys.write("slots.txt", "Fields: slot; of two of them a passphrase and the root key it gives.", vectors(),
                    by="make_slots.py")
