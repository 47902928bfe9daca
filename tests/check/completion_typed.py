#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A person at a terminal types lines with tabs in them into bash, which says what became of them.
completion_typed.py SCRIPT FOLDER"""
import os
import pty
import select
import sys
import time

SECONDS = 20
TYPED = {
    "vaultctl unseal --key-file '$(>ran)\t'": "unseal --key-file $(>ran)",
    "vaultctl gra\tpaola rev\t": "grant paola reveal",
    "vaultctl unseal --key-fi\ttwo\t": "unseal --key-file two words.key",
    "vaultctl unseal --key-file=two\t": "unseal --key-file=two words.key",
    "vaultctl status --data=fol\t": "status --data=folder/",
    "vaultctl audit ta\t--socket ipc:///tmp/x --ope\tdetok\t": "audit tail --socket ipc:///tmp/x --operation detokenize",
}


def read_until(terminal, mark, deadline):
    text = b""
    while mark not in text:
        if not select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0]:
            sys.exit(f"completion_typed: bash does not say {mark!r}; it said {text!r}")
        text += os.read(terminal, 4096)
    return text.split(mark)[0].decode(errors="replace")


def main(script, folder):
    os.chdir(folder)
    bash, terminal = pty.fork()
    if bash == 0:
        os.environ.update(TERM="dumb", PS1="> ", HISTFILE="/dev/null", INPUTRC="/dev/null")
        os.execvp("bash", ["bash", "--noprofile", "--norc", "-i"])
    deadline = time.monotonic() + SECONDS
    setup = f'stty -echo; . {script}; vaultctl() {{ echo; echo "<<$*>""><end"">"; }}; echo "rea""dy"\n'
    os.write(terminal, setup.encode())
    read_until(terminal, b"ready\r\n", deadline)
    faults = 0
    for typed, wanted in TYPED.items():
        os.write(terminal, (typed + "\n").encode())
        got = read_until(terminal, b">><end>", deadline).split("<<")[-1]
        if got != wanted:
            print(f"completion: typed {typed!r}, wanted {wanted!r}, got {got!r}", file=sys.stderr)
            faults = 1
    os.write(terminal, b"exit\n")
    os.close(terminal)
    os.waitpid(bash, 0)
    sys.exit(faults)


main(*sys.argv[1:])
