#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command on a terminal of its own and plays the person at it.

terminal.py [--columns N] [--stdin FILE] [--stdout FILE] [--say PROMPT ANSWER | --reckon PROMPT COMMAND]... -- COMMAND...

Shows what the terminal showed (stdout and stderr, unless sent to a file), byte for byte but for CR before LF; its exit
code is the command's. Each ANSWER is typed, with Return, once its PROMPT was shown; one of EOF is Ctrl-D. With --reckon
what is typed is the first line that a shell command says, which gets all that was shown so far on its stdin.
"""
import argparse
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time

TIMEOUT_S = 120


def start(told):
    pid, terminal = pty.fork()
    if pid == 0:
        if told.stdin:
            os.dup2(os.open(told.stdin, os.O_RDONLY), 0)
        if told.stdout:
            os.dup2(os.open(told.stdout, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 1)
        fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 24, told.columns, 0, 0))
        os.execvp(told.command[0], told.command)
    return pid, terminal


def play(terminal, says):
    shown, answered = b"", 0
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        if time.monotonic() > deadline:
            sys.exit(f"terminal.py: nothing more came of it: {shown[-200:]!r}")
        ready, _, _ = select.select([terminal], [], [], 1)
        if ready:
            try:
                piece = os.read(terminal, 65536)
            except OSError:  # the other side is closed
                piece = b""
            if not piece:
                return shown
            shown += piece
        if says and says[0][0].encode() in shown[answered:]:
            prompt, answer, reckoned = says.pop(0)
            if reckoned:
                answer = subprocess.run(answer, shell=True, input=shown, stdout=subprocess.PIPE, check=True).stdout.decode()
                answer = answer.split("\n", 1)[0]
            answered = shown.index(prompt.encode(), answered) + len(prompt.encode())
            os.write(terminal, b"\x04" if answer == "EOF" else answer.encode() + b"\n")


class Say(argparse.Action):
    def __call__(self, parser, told, values, option=None):
        told.says.append((*values, option == "--reckon"))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--columns", type=int, default=80)
    options.add_argument("--stdin")
    options.add_argument("--stdout")
    options.add_argument("--say", "--reckon", dest="says", nargs=2, action=Say, default=[])
    options.add_argument("command", nargs="+")
    told = options.parse_args()
    pid, terminal = start(told)
    shown = play(terminal, told.says)
    _, status = os.waitpid(pid, 0)
    sys.stdout.buffer.write(shown.replace(b"\r\n", b"\n"))
    sys.stdout.buffer.flush()
    if told.says:
        sys.exit(f"terminal.py: never asked: {told.says[0][0]!r}")
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
