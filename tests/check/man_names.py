#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""contactvault.3 and contactvault.h name the same: every function with its prototype, every member of
every struct, every constant, and of each status the advice. man_names.py [ROOT]"""
import os
import re
import sys

root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..", "..")
faults = 0


def read(name):
    with open(os.path.join(root, name), encoding="utf-8") as file:
        return file.read()


def plain(text):
    """One blank between words, none about a star."""
    return re.sub(r"\s*\*\s*", "*", " ".join(text.split()))


def compare(what, header, page, least):
    global faults
    for names, where in ((header - page, "not in the page"), (page - header, "in the page alone")):
        for name in sorted(names):
            print(f"man_names: {what} {where}: {name}", file=sys.stderr)
            faults = 1
    if len(header) < least:
        print(f"man_names: only {len(header)} {what} were found", file=sys.stderr)
        faults = 1


# ---- the header ----

commented = read("client/contactvault.h")
code = re.sub(r"^#.*$", "", re.sub(r"/\*.*?\*/", "", commented, flags=re.S), flags=re.M)


def header_functions():
    for found in re.finditer(r"CV_API\s+(?:CV_MUST_USE\s+)?([^;{}]*?)\b(cv_\w+)\(([^;]*)\);", code):
        yield plain(f"{found[1]} {found[2]}({', '.join(a.strip() for a in found[3].split(','))})")
    for found in re.finditer(r"typedef\s+([^;]*);", code):
        yield plain(found[1])


def header_members():
    for found in re.finditer(r"struct (cv_\w+)\s*\{(.*?)\};", code, re.S):
        for declaration in re.sub(r"\[.*?\]", "", found[2]).split(";"):
            for name in declaration.split(","):
                if name.strip():
                    yield f"{found[1]}.{re.findall(r'[a-z_]+', name)[-1]}"


def header_constants():
    for body in re.findall(r"enum(?: \w+)?\s*\{(.*?)\}", code, re.S):
        yield from re.findall(r"\b(CV_\w+) =", body)


def header_advice():
    """CV_QUOTA = 5, /* (hold) ...; (refuse) ... */"""
    body = re.search(r"enum cv_status \{(.*?)\n\};", commented, re.S)[1]
    for name, comment in re.findall(r"(CV_\w+) = \d+,\s*/\*(.*?)\*/", body, re.S):
        yield f"{name} {' '.join(re.findall(r'[(]([a-z]+)[)]', comment))}"


# ---- the page ----

lines = [line for line in read("man/contactvault.3").split("\n") if not line.startswith('.\\"')]


def arguments(line):
    return re.findall(r'"([^"]*)"', line)


def page_functions():
    """The synopsis: .Ft, then .Fn with one argument or .Fo, .Fa ..., .Fc."""
    synopsis = lines[lines.index(".Sh SYNOPSIS") : lines.index(".Sh DESCRIPTION")]
    kind = name = ""
    given = []
    for line in synopsis:
        if line.startswith(".Ft "):
            kind = arguments(line)[0]
        elif line.startswith(".Fn "):
            yield plain(f"{kind} {line.split()[1]}({', '.join(arguments(line))})")
        elif line.startswith(".Fo "):
            name, given = line.split()[1], []
        elif line.startswith(".Fa "):
            given += arguments(line)
        elif line == ".Fc":
            yield plain(f"{kind} {name}({', '.join(given)})")
        elif line.startswith("typedef "):
            yield plain(line[len("typedef ") :].rstrip(";"))


def page_members():
    struct = None
    for line in lines:
        if line.startswith((".Sh ", ".Ss ")):
            struct = line[len(".Ss struct ") :] if line.startswith(".Ss struct ") else None
        elif struct and line.startswith(".It Fa "):
            yield from (f"{struct}.{name}" for name in line[len(".It Fa ") :].split(" , "))


def page_constants():
    for line in lines:
        if line.startswith(".It Dv "):
            yield from re.findall(r"CV_\w+", line)


def page_advice():
    for line in lines:
        if line.startswith(".It Dv ") and " Pq " in line:
            yield f"{line.split()[2]} {' '.join(line.split(' Pq ')[1].split(' , '))}"


compare("functions", set(header_functions()), set(page_functions()), 43)
compare("members", set(header_members()), set(page_members()), 70)
compare("constants", set(header_constants()), set(page_constants()), 50)
compare("advice", set(header_advice()), set(page_advice()), 15)
# The description speaks of every function, and of no other.
described = lines[lines.index(".Sh DESCRIPTION") :]
told = {line.split()[1] for line in described if line.startswith(".Fn ")}
names = {function.split("(")[0].split("*")[-1].split()[-1] for function in header_functions()} - {"cv_callback"}
compare("functions described", names, told, 43)
sys.exit(faults)
