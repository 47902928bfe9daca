#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Is a number left in a program's memory? memory_search.py NUMBER FILE PROGRAM ARGUMENTS...

The program gets FILE's lines and an empty one, must say NUMBER, and then waits for more; what it can write to is read.
0: the number is nowhere there, but the program's own name was found in the same way. 1: it is there, and where.
"""
import subprocess
import sys
import time

SECONDS = 5


def places(pid, needle):
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
        for line in maps:
            area, rights, *_, name = line.split(maxsplit=5) if len(line.split()) > 5 else [*line.split(), "-"]
            if not rights.startswith("rw"):
                continue
            first, last = (int(end, 16) for end in area.split("-"))
            memory.seek(first)
            at = memory.read(last - first).find(needle)
            if at >= 0:
                yield f"{name.strip()} {first + at:#x}"


def main(number, file, *program):
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        with open(file, "rb") as lines:
            count = sum(child.stdin.write(line) > 0 for line in lines)
            child.stdin.write(b"\n")
            child.stdin.flush()
        said = b"".join(child.stdout.readline() for _ in range(count))
        if number.encode() not in said:
            sys.exit(f"it did not say {number}: {said!r}")
        deadline = time.monotonic() + SECONDS
        # What it said it wipes after; in a moment.
        while (found := list(places(child.pid, number.encode()))) and time.monotonic() < deadline:
            time.sleep(0.2)
        proof = list(places(child.pid, program[0].encode())) # on its stack
        child.stdin.close()
    print("\n".join(found))
    if not proof:
        sys.exit("its memory cannot be searched")
    return 1 if found else 0


sys.exit(main(*sys.argv[1:]))
