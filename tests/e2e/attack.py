#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Somebody who writes to the files of a log and knows its format, but has no key (vaultd/DESIGN.md,
"The journal", "The audit entry"). Written apart from the C code.

attack.py list FOLDER: "SEQUENCE OPERATION PHASE SEGMENT" of each entry; signed ones end with "signed"
attack.py copy FOLDER: every entry as it was, all else made anew: to show that this tool's logs pass
attack.py edit FOLDER SEQUENCE OLD NEW: a name in that entry, and the chain computed again to the end
attack.py cut FOLDER SEQUENCE: zeros from that entry on
attack.py swap FOLDER A B files|headers|chain: two segments; their names only; headers and checksums
    made anew, too; numbers, times and the chain as well (for that, A and B are all there is)
attack.py strip FOLDER SEQUENCE: no signed entry behind that one, and the chain computed again
attack.py append FOLDER SEQUENCE [HOURS]: that entry once more, at the end, so much later
attack.py behead FOLDER: without its first segment, and a file `start` that says so
"""
import glob
import hashlib
import os
import struct
import sys

HEADER, FRAME, ALIGNMENT = 64, 24, 8
MAGIC, JOURNAL_VERSION = b"cvjournl", 1
START, START_VERSION = b"cvastart", 1
ENTRY, MARK = 1, 2
HOUR_MS = 3600 * 1000
OPENED = 201
# In an entry.
PHASE, OPERATION, FLAGS, SEQUENCE, TIME, PREVIOUS, REFERS = 1, 2, 7, 8, 16, 24, 56
NAME_SIZES, FIXED, TAG, CHECKPOINT = 94, 99, 32, 88
FLAG_TAG, FLAG_SIGNED = 1, 4
ROOT = b"contact-vault audit 1"


def checksum(*parts):
    return hashlib.blake2b(b"".join(parts), digest_size=16).digest()


def number(data, offset, size=8):
    return int.from_bytes(data[offset : offset + size], "big")


def is_signed(entry):
    return bool(entry[FLAGS] & FLAG_SIGNED)


# ---- files ----


class Segment:
    """One file: its frames as (kind, entry)."""

    def __init__(self, path):
        self.path = path
        self.number = int(os.path.basename(path)[:8])
        with open(path, "rb") as file:
            self.data = bytearray(file.read())
        self.used = bytes(self.data[:8]) == MAGIC
        self.id = bytes(self.data[16:32])
        self.frames, self.places = [], []
        at = HEADER
        while self.used and at + FRAME <= len(self.data):
            kind, size = struct.unpack_from(">HH", self.data, at)
            if kind == 0:
                break
            self.frames.append((kind, bytes(self.data[at + FRAME : at + FRAME + size])))
            self.places.append(at)
            at += padded(size)

    def entries(self):
        return [entry for kind, entry in self.frames if kind == ENTRY]

    def write(self, journal_id, first, frames):
        """Header and frames made anew; each frame a group of its own."""
        header = MAGIC + struct.pack(">II", JOURNAL_VERSION, self.number) + journal_id + struct.pack(">QQ", first, 0)
        data = bytearray(header + checksum(header))
        for kind, entry in frames:
            head = struct.pack(">HHI", kind, len(entry), len(data))
            context = journal_id + struct.pack(">II", self.number, len(data)) + head
            frame = head + checksum(context, entry) + entry
            data += frame + bytes(padded(len(entry)) - len(frame))
        self.save(data + bytes(len(self.data) - len(data)))

    def save(self, data):
        assert len(data) == len(self.data), "it does not fit"
        with open(self.path, "wb") as file:
            file.write(data)


def padded(size):
    return (FRAME + size + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT


def load(folder):
    return [Segment(path) for path in sorted(glob.glob(os.path.join(folder, "*.seg")))]


def entries_of(segments):
    return [entry for segment in segments for entry in segment.entries()]


def store(segments, entries):
    """All entries, laid out anew, and a mark as after a stop in good order."""
    journal_id, rest, first = segments[0].id, list(entries), 1
    for segment in segments:
        if not rest and first > 1:
            segment.save(bytes(len(segment.data)))
            continue
        room, frames = len(segment.data) - HEADER - padded(0), []
        while rest and padded(len(rest[0])) <= room:
            room -= padded(len(rest[0]))
            frames.append((ENTRY, rest.pop(0)))
        segment.write(journal_id, first, frames + [(MARK, b"")])
        first += len(frames)
    assert not rest, "no segment left"


# ---- entries ----


def chained(entries, journal_id):
    """Numbers, times that never go back, hashes: as the vault would have written them."""
    numbers = {number(entry, SEQUENCE): place for place, entry in enumerate(entries, 1)}
    before, time, result = hashlib.sha256(ROOT + journal_id).digest(), 0, []
    for place, entry in enumerate(entries, 1):
        changed = bytearray(entry)
        time = max(time, number(entry, TIME))
        struct.pack_into(">QQ", changed, SEQUENCE, place, time)
        changed[PREVIOUS : PREVIOUS + 32] = before
        refers = number(entry, REFERS)
        struct.pack_into(">Q", changed, REFERS, numbers[refers] if refers else 0)
        before = hashlib.sha256(changed).digest()
        result.append(bytes(changed))
    return result


def renamed(entry, old, new):
    at = FIXED + (TAG if entry[FLAGS] & FLAG_TAG else 0) + (CHECKPOINT if is_signed(entry) else 0)
    changed = bytearray(entry)
    for i in range(3):
        size = entry[NAME_SIZES + i]
        if entry[at : at + size] == old.encode():
            changed[at : at + size] = new.encode()
            changed[NAME_SIZES + i] = len(new)
            return bytes(changed)
        at += size
    sys.exit("no such name in that entry")


# ---- attacks ----


def list_entries(folder):
    for segment in load(folder):
        for entry in segment.entries():
            words = [number(entry, SEQUENCE), number(entry, OPERATION, 4), entry[PHASE], segment.number]
            print(*words, *(["signed"] if is_signed(entry) else []))


def copy(folder):
    segments = load(folder)
    entries = entries_of(segments)
    assert chained(entries, segments[0].id) == entries, "this tool does not know the chain"
    store(segments, entries)


def edit(folder, sequence, old, new):
    segments = load(folder)
    entries = entries_of(segments)
    place = int(sequence) - 1
    entries[place] = renamed(entries[place], old, new)
    store(segments, chained(entries, segments[0].id))


def cut(folder, sequence):
    gone = False
    for segment in load(folder):
        begins = [number(e, SEQUENCE) if k == ENTRY else 0 for k, e in segment.frames]
        if gone:
            segment.save(bytes(len(segment.data)))
        elif int(sequence) in begins:
            at = segment.places[begins.index(int(sequence))]
            segment.save(segment.data[:at] + bytes(len(segment.data) - at))
            gone = True
    assert gone, "no such entry"


def swap(folder, a, b, how):
    segments = load(folder)
    left, right = (next(s for s in segments if s.number == int(n)) for n in (a, b))
    frames = {left: right.frames, right: left.frames}
    if how == "files":
        left.save(right.data)
        right.save(left.data)
    elif how == "headers":
        first = 1
        for segment in segments:
            moved = frames.get(segment, segment.frames)
            if moved:
                segment.write(segment.id or left.id, first, moved)
            first += sum(kind == ENTRY for kind, entry in moved)
    else:
        # What opens and closes the log stays where it was, or nobody would need a chain to see it.
        before, after = left.entries(), right.entries()
        opens = max(i for i, entry in enumerate(before) if number(entry, OPERATION, 4) == OPENED) + 1
        moved = before[:opens] + after[:-1] + before[opens:] + after[-1:]
        store(segments, chained(moved, left.id))


def strip(folder, sequence):
    segments = load(folder)
    kept = [e for e in entries_of(segments) if number(e, SEQUENCE) <= int(sequence) or not is_signed(e)]
    store(segments, chained(kept, segments[0].id))


def append(folder, sequence, hours="0"):
    segments = load(folder)
    entries = entries_of(segments)
    added = bytearray(entries[int(sequence) - 1])
    struct.pack_into(">Q", added, TIME, number(added, TIME) + int(hours) * HOUR_MS)
    store(segments, chained(entries + [bytes(added)], segments[0].id))


def behead(folder):
    first, second = load(folder)[:2]
    last, begins = first.entries()[-1], second.entries()[0]
    signed = next(entry for entry in second.entries() if is_signed(entry))
    at = FIXED + (TAG if signed[FLAGS] & FLAG_TAG else 0)
    body = first.id + signed[at : at + 16] + begins[SEQUENCE : SEQUENCE + 8] + last[TIME : TIME + 8]
    with open(os.path.join(folder, "start"), "wb") as file:
        file.write(START + struct.pack(">I", START_VERSION) + body + hashlib.sha256(last).digest() + bytes(64))
    os.remove(first.path)


def main(words):
    attacks = {
        "list": list_entries, "copy": copy, "edit": edit, "cut": cut, "swap": swap, "strip": strip,
        "append": append, "behead": behead,
    }
    if len(words) < 2 or words[0] not in attacks:
        sys.exit(__doc__)
    attacks[words[0]](*words[1:])


main(sys.argv[1:])
