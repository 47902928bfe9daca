#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes shares.txt: shares of a root key, with another arithmetic (tables of logarithms) and another CRC than ours."""
import binascii
import pathlib

HERE = pathlib.Path(__file__).parent
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SET = bytes(range(0xA0, 0xAA))
KEY = bytes(range(0x40, 0x60))

POWERS, LOGS = [], {}
value = 1
for exponent in range(255):
    POWERS.append(value)
    LOGS[value] = exponent
    value ^= value << 1  # times 3, a generator
    if value > 255:
        value ^= 0x11B


def times(a, b):
    return 0 if a == 0 or b == 0 else POWERS[(LOGS[a] + LOGS[b]) % 255]


def to_the(a, power):
    return 1 if power == 0 else POWERS[LOGS[a] * power % 255]


def rows(threshold):
    """The coefficients of each power from 1 on: 32 bytes each."""
    return [bytes((17 * power + 29 * byte + 5) % 256 for byte in range(32)) for power in range(1, threshold)]


def values(threshold, x):
    out = bytearray(KEY)
    for power, row in enumerate(rows(threshold), 1):
        for byte in range(32):
            out[byte] ^= times(row[byte], to_the(x, power))
    return bytes(out)


def share(threshold, total, x, version=1, of=SET, numbers=None):
    body = bytes([version]) + of + bytes(numbers or (threshold, total, x)) + values(threshold, x)
    return body + binascii.crc32(body).to_bytes(4, "big")


def text(data):
    number = int.from_bytes(data, "big")
    symbols = "".join(ALPHABET[number >> (5 * at) & 31] for at in reversed(range(80)))
    return "-".join(symbols[at:at + 5] for at in range(0, 80, 5))


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def vectors():
    t = text
    a, b, c = (share(2, 3, x) for x in (1, 2, 3))
    yield "two-of-three", "ok", t(a), t(b)
    yield "two-others", "ok", t(c), t(a)
    yield "three-of-five", "ok", *(t(share(3, 5, x)) for x in (5, 1, 3))
    yield "five-of-sixteen", "ok", *(t(share(5, 16, x)) for x in (16, 8, 4, 2, 1))
    yield "small-letters", "ok", t(a).lower(), t(b)
    yield "blanks-for-hyphens", "ok", t(a).replace("-", "  "), t(b).replace("-", "")
    yield "letters-for-digits", "ok", t(a).replace("0", "O").replace("1", "l"), t(b).replace("0", "o").replace("1", "I")
    yield "nothing", "invalid", ""
    yield "a-character-too-few", "invalid", t(a)[:-1]
    yield "a-character-too-many", "invalid", t(a) + "0"
    yield "a-letter-that-is-none", "invalid", t(a)[:-1] + "U"
    yield "not-ascii", "invalid", t(a)[:-1] + "\u00e9"
    yield "endless", "invalid", t(a) + " " * 300 + "0"
    yield "a-value-flipped", "corrupt", t(flipped(a, 20))
    yield "the-set-flipped", "corrupt", t(flipped(a, 3))
    yield "the-number-flipped", "corrupt", t(flipped(a, 13))
    yield "the-check-flipped", "corrupt", t(flipped(a, 49))
    yield "two-characters-swapped", "corrupt", t(a)[:7] + t(a)[8] + t(a)[7] + t(a)[9:]
    yield "version-2", "too_large", t(share(2, 3, 1, version=2))
    yield "threshold-1", "internal", t(share(2, 3, 1, numbers=(1, 3, 1)))
    yield "threshold-above-total", "internal", t(share(2, 3, 1, numbers=(4, 3, 1)))
    yield "total-17", "internal", t(share(2, 3, 1, numbers=(2, 17, 1)))
    yield "number-0", "internal", t(share(2, 3, 1, numbers=(2, 3, 0)))
    yield "number-above-total", "internal", t(share(2, 3, 1, numbers=(2, 3, 4)))
    yield "of-another-set", "denied", t(a), t(share(2, 3, 2, of=bytes(10)))
    yield "of-another-threshold", "denied", t(a), t(share(3, 3, 2))
    yield "of-another-total", "denied", t(a), t(share(2, 4, 2))
    yield "given-twice", "conflict", t(a), t(a)


def main():
    with open(HERE / "shares.txt", "w", encoding="ascii") as file:
        file.write("# Written by make_shares.py. Fields: the root key, then texts of shares, in hex. invalid: not a share;\n"
                   "# corrupt: altered; too_large: of another version; internal: impossible numbers; denied: of another\n"
                   "# set; conflict: given twice.\n")
        for name, status, *texts in vectors():
            fields = [KEY.hex(), *(one.encode().hex() or "-" for one in texts)]
            file.write(" ".join([name, status, *fields]) + "\n")


if __name__ == "__main__":
    main()
