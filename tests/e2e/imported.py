#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an import should have written, worked out by Python's csv and the answers to single questions.

imported.py values SOURCE COLUMN...            the contacts in those columns, a line each, in order
imported.py judge SOURCE ANSWERS OUT COLUMN... OUT is SOURCE with the ANSWERS' tokens (JSON lines of lookup, in that
                                               order) in place of contacts, and nothing where there is none
"""
import csv
import io
import json
import sys


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def cells(rows, columns):
    places = sorted(rows[0].index(column) for column in columns)
    for row in rows[1:]:
        for place in places:
            if row[place].strip(" \t"):
                yield row, place


def judge(source, answers, out, columns):
    with open(source, "rb") as file:
        end = "\r\n" if b"\r\n" in file.read() else "\n"
    rows = rows_of(source)
    with open(answers, encoding="utf-8") as file:
        answered = [json.loads(line) for line in file]
    found = list(cells(rows, columns))
    if len(found) != len(answered):
        sys.exit(f"{len(found)} contacts, {len(answered)} answers")
    for (row, place), answer in zip(found, answered):
        row[place] = answer.get("token", "")
    wanted = io.StringIO()
    csv.writer(wanted, lineterminator=end).writerows(rows)
    with open(out, "rb") as file:
        got = file.read().decode("utf-8")
    if got != wanted.getvalue():
        for number, (left, right) in enumerate(zip(got.split("\n"), wanted.getvalue().split("\n")), 1):
            if left != right:
                sys.exit(f"line {number} is {left!r}, wanted {right!r}")
        sys.exit("one is longer than the other")
    tokens = sum("token" in answer for answer in answered)
    print(f"{len(rows) - 1} {tokens} {len(answered) - tokens}")


def main():
    if sys.argv[1] == "values":
        for row, place in cells(rows_of(sys.argv[2]), sys.argv[3:]):
            print(row[place])
    else:
        judge(sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5:])


if __name__ == "__main__":
    main()
