#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A person without a terminal: enrols and logs in by vaultctl, with a phone in a file. At a terminal, her phone.

person.py enrol PHONE CODE [NAME] -- vaultctl enrol --passphrase-file FILE [option...]
person.py login PHONE -- vaultctl login --passphrase-file FILE [option...]
person.py scan PHONE        what a terminal has shown, on stdin: reads the QR code from it, with zbarimg, and says a code
person.py code PHONE        says a code
person.py ahead PHONE       says the code of the step after the present one, and does not remember it

PHONE is a file of its own: the TOTP secret, the steps it has given, the recovery codes. A step is good once: a login in
the step of the one before takes the next step, which the vault takes as well, then a recovery code. stdout and exit
code are vaultctl's.
"""
import base64
import hmac
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse

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


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def by_oathtool(phone):
    """The same, reckoned by somebody else."""
    factor = next_factor(phone)
    if not factor.isdigit():
        return factor
    at = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(phone["step"] * STEP_S))
    told = subprocess.run(["oathtool", "--totp", "--base32", "--now", at, phone["secret"]], stdout=subprocess.PIPE, check=True)
    if told.stdout.decode().strip() != factor:
        sys.exit("person.py: oathtool has another code than we have")
    return factor


# ---- the eye of a phone ----

SCALE = 6
BLOCKS = {" ": (0, 0), "\u2580": (1, 0), "\u2584": (0, 1), "\u2588": (1, 1)}


def picture(shown):
    """As PBM what a camera sees: in colours black upon white, without them a light letter on dark ground."""
    rows = []
    for line in shown.decode().replace("\r", "").split("\n"):
        coloured = re.fullmatch("\033\\[30;47m(.*)\033\\[0m", line)
        cells = coloured[1] if coloured else line
        if len(cells) < 29 or not set(cells) <= set(BLOCKS):
            continue
        for half in range(2):
            rows.append([BLOCKS[cell][half] == bool(coloured) for cell in cells])
    if len(rows) < 29 or any(len(row) != len(rows[0]) for row in rows):
        sys.exit("person.py: no QR code was shown")
    lines = []
    for row in rows:
        lines += [" ".join(str(int(dark)) for dark in row for _ in range(SCALE))] * SCALE
    return f"P1\n{len(rows[0]) * SCALE} {len(lines)}\n" + "\n".join(lines) + "\n"


def scan(path):
    shown = sys.stdin.buffer.read()
    with tempfile.NamedTemporaryFile("w", suffix=".pbm") as file:
        file.write(picture(shown))
        file.flush()
        told = subprocess.run(["zbarimg", "--nodbus", "--quiet", "--raw", file.name], stdout=subprocess.PIPE, check=True)
    uri = urllib.parse.urlsplit(told.stdout.decode().strip())
    query = dict(urllib.parse.parse_qsl(uri.query))
    if (uri.scheme, uri.netloc, query["issuer"]) != ("otpauth", "totp", "Contact Vault"):
        sys.exit(f"person.py: no URI of ours: {uri}")
    typed = re.search(rb"\n +([A-Z2-7]{4}(?: [A-Z2-7]{4}){7})\r?\n", shown)
    if typed is None or typed[1].decode().replace(" ", "") != query["secret"]:
        sys.exit("person.py: the text is not the secret of the QR code")
    codes = shown.decode().split("Recovery codes", 1)[1].replace("\r", "").split("\n\n")[1].split()
    phone = {"secret": query["secret"], "step": 0, "recovery": codes}
    print(by_oathtool(phone))
    keep(path, phone)


def code(path):
    phone = load(path)
    print(by_oathtool(phone))
    keep(path, phone)


def ahead(path):
    print(totp(load(path)["secret"], int(time.time()) // STEP_S + 1))


# ---- vaultctl ----


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
    sys.stdout.write(shown + told.stdout.read())
    keep(path, phone)
    sys.exit(told.wait())


def login(path, command):
    phone = load(path)
    factor = next_factor(phone)
    keep(path, phone)
    sys.exit(subprocess.run(command, input=factor + "\n", text=True, check=False).returncode)


def main():
    words = sys.argv[1:]
    if words[0] in ("scan", "code", "ahead"):
        return {"scan": scan, "code": code, "ahead": ahead}[words[0]](words[1])
    end = words.index("--")
    own, command = words[:end], words[end + 1 :]
    if own[0] == "enrol":
        enrol(own[1], own[2], own[3:], command)
    return login(own[1], command)


if __name__ == "__main__":
    main()
