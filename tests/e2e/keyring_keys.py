#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""keyring_keys.py KEYRING ROOT-KEY: opens a keyring file with nothing of ours but the format's text (and the ciphers of
tests/vectors/make_keys.py). A line for each key: purpose, namespace, number, the key in hex."""
import hashlib
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "vectors"))
import make_keys  # noqa: E402

PURPOSES = {1: "data", 2: "index", 3: "access", 4: "reason", 5: "audit", 6: "tag"}
DATES = (7, 8)  # rows without a key
ROW_BYTES = 50


def header_size(file):
    at = 35
    for _ in range(file[34]):
        at += 3 + struct.unpack(">H", file[at + 1:at + 3])[0]
    return at


def main():
    file, root = (pathlib.Path(path).read_bytes() for path in sys.argv[1:3])
    size = header_size(file)
    header, nonce, commitment = file[:size], file[size:size + 24], file[size + 24:size + 56]
    derived = hashlib.blake2b(b"contact-vault keyring 1" + header + nonce, key=root).digest()
    if derived[32:] != commitment:
        sys.exit("not this root key")
    rows = make_keys.unseal(derived[:32], nonce, header, file[size + 76:])
    for at in range(0, len(rows), ROW_BYTES):
        purpose, namespace, number = struct.unpack(">BII", rows[at:at + 9])
        if purpose not in DATES:
            print(PURPOSES[purpose], namespace, number, rows[at + 18:at + ROW_BYTES].hex())


if __name__ == "__main__":
    main()
