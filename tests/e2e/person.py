#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A person without a terminal: enrols and logs in by vaultctl, with a phone in a file.

person.py enrol PHONE CODE [NAME] -- vaultctl enrol --passphrase-file FILE [option...]
person.py login PHONE -- vaultctl login --passphrase-file FILE [option...]

PHONE is a file of its own: the TOTP secret, the steps it has given, the recovery codes. A step is good once: a login in
the step of the one before takes the next step, which the vault takes as well, then a recovery code. stdout is what
vaultctl said last, the exit code its own.
"""
import base64
import hmac
import json
import os
import struct
import subprocess
import sys
import time

STEP_S = 30


def totp(secret, step):
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", step), "sha1").digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at:at + 4])[0] & 0x7FFFFFFF) % 1000000:06d}"


def next_factor(phone):
    """The earliest step that the vault takes now and that was not used yet."""
    now = int(time.time()) // STEP_S
    step = max(now - 1, phone["step"] + 1)
    if step > now + 1:
        return phone["recovery"].pop()
    phone["step"] = step
    return totp(phone["secret"], step)


def keep(path, phone):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(phone, file)


def enrol(path, code, name, command):
    told = subprocess.Popen(command + name + ["--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    told.stdin.write(code + "\n")
    told.stdin.flush()
    shown = told.stdout.readline()
    answer = json.loads(shown or "{}")
    if "secret" not in answer:
        sys.stdout.write(shown)
        sys.exit(told.wait())
    phone = {"secret": answer["secret"], "step": 0, "recovery": answer["recovery_codes"]}
    told.stdin.write(next_factor(phone) + "\n")
    told.stdin.close()
    sys.stdout.write(told.stdout.read())
    keep(path, phone)
    sys.exit(told.wait())


def login(path, command):
    with open(path, encoding="utf-8") as file:
        phone = json.load(file)
    factor = next_factor(phone)
    keep(path, phone)
    sys.exit(subprocess.run(command, input=factor + "\n", text=True, check=False).returncode)


def main():
    words = sys.argv[1:]
    end = words.index("--")
    own, command = words[:end], words[end + 1 :]
    if own[0] == "enrol":
        enrol(own[1], own[2], own[3:], command)
    login(own[1], command)


if __name__ == "__main__":
    main()
