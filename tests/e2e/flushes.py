#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads what strace saw of the daemon and judges its promise: an answer means it is on disk.

flushes.py check TRACE DATA_FOLDER NAME=FROM..TO...: in each span of time (seconds since 1970) something
    was written under DATA_FOLDER, and at no reply was anything written there still unflushed
flushes.py count TRACE DATA_FOLDER FROM TO: prints how many flushes there were

The trace: strace -f -ttt -e trace=... of the calls named in CALLS, from the daemon's first moment on.
A write is on disk once a flush of that file that began after it has ended, or by itself on a file
opened with O_SYNC or O_DSYNC. A rename is on disk once the folder was flushed.
"""
import os
import re
import sys

CALLS = (
    "openat,open,creat,close,dup,dup2,dup3,fcntl,write,writev,pwrite64,pwritev,pwritev2,ftruncate,"
    "fallocate,fsync,fdatasync,msync,rename,renameat,renameat2,accept,accept4,sendmsg,sendto"
)

LINE = re.compile(r"^(?:\[pid\s+)?(\d+)\]?\s+(\d+\.\d+) (.*)$")
CALL = re.compile(r"^(\w+)\((.*)\)\s+= (-?\d+|\?)(.*)$", re.S)
UNFINISHED = re.compile(r"^(.*) <unfinished \.\.\.>$")
RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>(.*)$")
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')

WRITES = {"write", "writev", "pwrite64", "pwritev", "pwritev2"}
CHANGES = WRITES | {"ftruncate", "fallocate"}
SENDS = {"sendmsg", "sendto", "write", "writev"}


class Event:
    """One system call: began and ended at these places in the trace."""

    def __init__(self, began, time, text):
        self.began, self.time, self.text = began, time, text
        self.ended = None
        self.end_time = None


def read_events(path):
    """(place, is_start, event) in the order strace saw them."""
    pending = {}
    moments = []
    with open(path, errors="replace") as trace:
        for place, raw in enumerate(trace):
            line = LINE.match(raw.rstrip("\n"))
            if not line:
                continue
            pid, time, text = line.group(1), float(line.group(2)), line.group(3)
            resumed = RESUMED.match(text)
            unfinished = UNFINISHED.match(text)
            if resumed and pid in pending:
                event = pending.pop(pid)
                event.text += resumed.group(2)
                event.ended, event.end_time = place, time
                moments.append((False, event))
            elif unfinished:
                event = Event(place, time, unfinished.group(1))
                pending[pid] = event
                moments.append((True, event))
            elif not resumed and CALL.match(text):
                event = Event(place, time, text)
                event.ended, event.end_time = place, time
                moments.append((True, event))
                moments.append((False, event))
    return moments


class Daemon:
    """What is known of its files, call by call."""

    def __init__(self, folder):
        self.folder = os.path.realpath(folder)
        self.paths = {}  # fd -> path
        self.synced = set()  # fds opened so that a write is on disk by itself
        self.sockets = set()  # fds accepted
        self.dirty = {}  # path -> place of the latest change that no flush covers
        self.changes = []  # times
        self.flushes = []  # times
        self.faults = []  # (time, text) of replies sent while something was dirty
        self.replies = []  # times

    def ours(self, path):
        return path is not None and (path == self.folder or path.startswith(self.folder + "/"))

    def resolve(self, arguments, path):
        if path.startswith("/"):
            return os.path.normpath(path)
        lead = re.match(r"\s*(\d+)", arguments)
        base = self.paths.get(int(lead.group(1))) if lead else None
        return os.path.normpath(os.path.join(base or os.getcwd(), path))

    @staticmethod
    def split(event):
        """name, arguments, result; the result is None while it runs."""
        call = CALL.match(event.text)
        if call and call.group(3) != "?":
            return call.group(1), call.group(2), int(call.group(3))
        name, _, arguments = event.text.partition("(")
        return name, arguments, None

    def start(self, event):
        name, arguments, _ = self.split(event)
        lead = re.match(r"\s*(\d+)", arguments)
        fd = int(lead.group(1)) if lead else None
        if name in SENDS and fd in self.sockets:
            self.replies.append(event.time)
            for path in sorted(self.dirty):
                self.faults.append((event.time, f"a reply left while {path} was not flushed"))
        elif name in CHANGES and self.ours(self.paths.get(fd)):
            self.changes.append(event.time)
            if fd not in self.synced and "RWF_DSYNC" not in arguments:
                self.dirty[self.paths[fd]] = event.began
            else:
                self.flushes.append(event.time)

    def end(self, event):
        name, arguments, result = self.split(event)
        if result is None or result < 0:
            return
        lead = re.match(r"\s*(\d+)", arguments)
        fd = int(lead.group(1)) if lead else None
        if name in ("openat", "open", "creat"):
            self.opened(name, arguments, result)
        elif name in ("dup", "dup2", "dup3") or (name == "fcntl" and "F_DUPFD" in arguments):
            if fd in self.paths:
                self.paths[result] = self.paths[fd]
                (self.synced.add if fd in self.synced else self.synced.discard)(result)
        elif name == "close":
            self.paths.pop(fd, None)
            self.synced.discard(fd)
            self.sockets.discard(fd)
        elif name in ("accept", "accept4"):
            self.sockets.add(result)
        elif name in ("fsync", "fdatasync"):
            self.flushed(event, self.paths.get(fd))
        elif name in ("rename", "renameat", "renameat2"):
            self.renamed(event, arguments)

    def opened(self, name, arguments, fd):
        found = STRING.search(arguments)
        if not found:
            return
        path = self.resolve(arguments if name == "openat" else "", found.group(1))
        self.paths[fd] = path
        self.sockets.discard(fd)
        (self.synced.add if re.search(r"O_D?SYNC", arguments) else self.synced.discard)(fd)

    def flushed(self, event, path):
        if not self.ours(path):
            return
        self.flushes.append(event.time)
        if self.dirty.get(path, event.began) < event.began:
            del self.dirty[path]

    def renamed(self, event, arguments):
        names = STRING.findall(arguments)
        if len(names) != 2:
            return
        old, new = (self.resolve(arguments, name) for name in names)
        if self.ours(new):
            self.changes.append(event.time)
            self.dirty.pop(old, None)
            self.dirty[os.path.dirname(new)] = event.began


def watch(trace, folder):
    daemon = Daemon(folder)
    for is_start, event in read_events(trace):
        (daemon.start if is_start else daemon.end)(event)
    return daemon


def check(trace, folder, spans):
    daemon = watch(trace, folder)
    good = True
    for span in spans:
        name, _, times = span.partition("=")
        low, high = (float(t) for t in times.split(".."))
        changes = [t for t in daemon.changes if low <= t <= high]
        replies = [t for t in daemon.replies if low <= t <= high]
        faults = [text for t, text in daemon.faults if low <= t <= high]
        if not changes or not replies or max(replies) < min(changes):
            print(f"{name}: nothing was written before a reply: {len(changes)} writes, {len(replies)} replies")
            good = False
        for text in sorted(set(faults)):
            print(f"{name}: {text}")
            good = False
        print(f"{name}: {len(changes)} writes, {len(replies)} replies, {len(faults)} of them too early")
    return 0 if good else 1


def main(words):
    if words[:1] == ["check"] and len(words) > 3:
        return check(words[1], words[2], words[3:])
    if words[:1] == ["count"] and len(words) == 5:
        low, high = float(words[3]), float(words[4])
        daemon = watch(words[1], words[2])
        print(sum(low <= t <= high for t in daemon.flushes))
        return 0
    if words == ["calls"]:
        print(CALLS)
        return 0
    return __doc__


sys.exit(main(sys.argv[1:]))
