# SPDX-License-Identifier: Apache-2.0
"""What every scene needs: the vault, the callers, and expectations that say what they wanted."""
import base64
import hashlib
import os
import sys

from client import Client, Connection, NotDone

SERVICE, PERSON = 1, 2
ROLES = {"service": 1, "deliver": 2, "reveal": 3, "admin": 4, "privacy": 5, "audit": 6}
PLENTY = {"daily": 100000000, "hourly": 100000000}
directory = sys.argv[2]


def check(true, what):
    if not true:
        raise SystemExit(f"FAILED: {what}")


def same(what, found, wanted):
    check(found == wanted, f"{what}: {found!r} is not {wanted!r}")


def say(what):
    print(what, flush=True)


def path(name):
    return f"{directory}/run/{name}.sock"


def vault_uid():
    return os.stat(f"{directory}/data").st_uid


def seed_of(name):
    """Test keys: from the name, so that every part of a scenario has the same. A person's is that of her session."""
    session = f"{directory}/../{name}.session"
    if os.path.exists(session):
        with open(session, encoding="ascii") as file:
            return base64.b64decode(file.read().splitlines()[1], validate=True)
    return hashlib.sha256(f"test key of {name}".encode()).digest()


def admin():
    return Client(path("admin"), vault_uid())


def caller(name, door="vault"):
    return Client(path(door), vault_uid(), seed_of(name))


def stranger(door="vault"):
    return Connection(path(door), vault_uid())


def refused(status, do, call, *arguments, **fields):
    """That call must end so; what the client was told is given back."""
    try:
        call(*arguments, **fields)
    except NotDone as error:
        same("refused", (error.status, error.do), (status, do))
        return error
    check(False, f"it was done, wanted {status}")


def contacts(name, count, first=0):
    return [f"{name}-{number:05d}@example.org" for number in range(first, first + count)]


def tokens_of(items):
    for item in items:
        check("status" not in item, f"an item failed: {item}")
    return [item["token"] for item in items]
