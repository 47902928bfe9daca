#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Damage for tests.

tamper.py places FOLDER: some sixty places in what is written of its files: "FILE OFFSET" lines
tamper.py flip FILE OFFSET [MASK]: changes one byte
tamper.py find FILE HEX: the offsets at which those bytes stand
tamper.py swap FILE OFFSET OFFSET SIZE: two pieces change places
"""
import os
import sys

PLACES = 60


def written(data):
    """Segments are written with zeros beforehand: where does the content end?"""
    return len(data.rstrip(b"\0"))


def places(folder):
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as file:
            size = written(file.read())
        step = max(1, size // PLACES)
        for offset in range(0, size, step):
            print(name, offset)


def edit(path, change):
    with open(path, "r+b") as file:
        data = bytearray(file.read())
        change(data)
        file.seek(0)
        file.write(data)


def flip(path, offset, mask=0x01):
    def change(data):
        data[offset] ^= mask

    edit(path, change)


def find(path, needle):
    with open(path, "rb") as file:
        data = file.read()
    at = data.find(needle)
    while at >= 0:
        print(at)
        at = data.find(needle, at + 1)


def swap(path, left, right, size):
    def change(data):
        data[left : left + size], data[right : right + size] = (
            bytes(data[right : right + size]),
            bytes(data[left : left + size]),
        )

    edit(path, change)


def main(words):
    if words[:1] == ["places"] and len(words) == 2:
        places(words[1])
    elif words[:1] == ["flip"] and len(words) in (3, 4):
        flip(words[1], int(words[2]), *(int(w, 0) for w in words[3:]))
    elif words[:1] == ["find"] and len(words) == 3:
        find(words[1], bytes.fromhex(words[2]))
    elif words[:1] == ["swap"] and len(words) == 5:
        swap(words[1], *(int(w) for w in words[2:]))
    else:
        sys.exit(__doc__)


main(sys.argv[1:])
