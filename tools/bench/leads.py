#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Leads by the million, as CSV on stdout; the same seed gives the same bytes.

leads.py ROWS [--seed N] [--bad PERCENT] [--crlf]

Nobody is in it. Addresses end in example.com, .net or .org and are all different. Phone numbers are
those reserved for fiction (United States 555-0100 to 555-0199, United Kingdom 07700 900xxx, France
01 99 00 and others), of which there are about 140,000, so that in a large file many rows share one,
in another spelling. --bad: so many rows of a hundred hold something that is no contact.
"""
import argparse
import csv
import random
import sys

FIRST = ("Ada", "Bruno", "Chiara", "Dario", "Elena", "Felix", "Greta", "Hugo", "Ines", "Jonas", "Karin", "Luca")
LAST = ("Adler", "Bianchi", "Costa", "Dubois", "Esposito", "Fischer", "Garcia", "Hansen", "Ivanova", "Jansen")
DOMAINS = ("example.com", "example.net", "example.org")
FRANCE = ("019900", "026191", "035301", "046571", "053649", "063998")
BAD = ("n/a", "call after six", "12345", "+44 (0)20 7946 0018", "maria at example.com", "@", "+39")


def american(rng):
    area, line = rng.randrange(200, 1000), rng.randrange(100, 200)
    style = rng.choice(("+1 ({}) 555-0{}", "+1{}5550{}", "001 {} 555 0{}", "+1.{}.555.0{}"))
    return style.format(area, line)


def british(rng):
    return rng.choice(("+44 7700 900{:03}", "+447700900{:03}")).format(rng.randrange(1000))


def french(rng):
    prefix, rest = rng.choice(FRANCE), rng.randrange(10000)
    return f"+33 {prefix[1]} {prefix[2:4]} {prefix[4:]} {rest // 100:02} {rest % 100:02}"


def row(rng, number, bad):
    first, last = rng.choice(FIRST), rng.choice(LAST)
    phone = rng.choice((american, american, british, french))(rng)
    email = f"{first}.{last}.{number}@{rng.choice(DOMAINS)}"
    if rng.random() * 100 < bad:
        if rng.random() < 0.5:
            phone = rng.choice(BAD)
        else:
            email = rng.choice(BAD)
    if rng.random() < 0.03:
        phone = ""
    name = f"{first} {last}" if rng.random() < 0.7 else f"{last}, {first}"
    return (name, phone, email, rng.choice(("form", "fair", "whatsapp")))


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("rows", type=int)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--bad", type=float, default=0)
    options.add_argument("--crlf", action="store_true")
    told = options.parse_args()
    rng = random.Random(told.seed)
    writer = csv.writer(sys.stdout, lineterminator="\r\n" if told.crlf else "\n")
    writer.writerow(("name", "phone", "email", "source"))
    for number in range(told.rows):
        writer.writerow(row(rng, number, told.bad))


if __name__ == "__main__":
    main()
