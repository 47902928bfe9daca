# SPDX-License-Identifier: Apache-2.0
"""A client of the vault written from proto/PROTOCOL.md alone: Python's own library, python3-msgpack, and
nothing of this project but the page."""
import os
import socket
import struct
import time

import ed25519
import page

HEADER = struct.Struct(">4sHH")
HEAD = struct.Struct(">BQI")
REQ, REP = 0x30, 0x31
FRAME = 2097152
BATCH = 4096
# Section 6, "No answer at all": these may be sent once more.
HARMLESS = set(
    "status hello lookup mask describe tokenize namespace_list principal_list principal_show key_status compact unseal_info recipient_list canary_list pending backup_read audit_read".split()
)
REPEATABLE = HARMLESS | {"detokenize"}  # after `unavailable`


class Lost(Exception):
    """The connection is gone, or the time is up."""


class NotDone(Exception):
    """A request was not answered ok. `do` is what section 6 says to do about it."""

    def __init__(self, do, status, message="", seconds=None):
        super().__init__(f"{status}: {message} ({do})")
        self.do, self.status, self.message, self.seconds = do, status, message, seconds


class Connection:
    """Requests and replies under their ids. Whoever is behind it has the vault's uid, or is root."""

    def __init__(self, path, vault_uid, timeout=30):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.requests, self.order, self.last = {}, [], 0x80000000
        try:
            self.socket.connect(path)
            self.check_peer(vault_uid)
            self.write(HEADER.pack(b"\0SP\0", REQ, 0))
            if HEADER.unpack(self.read(HEADER.size)) != (b"\0SP\0", REP, 0):
                raise Lost("no vault's header")
        except OSError as error:
            self.close()
            raise Lost(f"no connection: {error}") from error
        except Exception:
            self.close()
            raise

    def check_peer(self, vault_uid):
        size = struct.calcsize("3i")
        _, uid, _ = struct.unpack("3i", self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
        if uid not in (vault_uid, 0):
            raise NotDone("refuse", "false vault", f"uid {uid} is at the other end")

    def write(self, data):
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Lost(str(error)) from error

    def read(self, size):
        data = bytearray()
        while len(data) < size:
            try:
                piece = self.socket.recv(size - len(data))
            except OSError as error:
                raise Lost(str(error)) from error
            if not piece:
                raise Lost("closed")
            data += piece
        return bytes(data)

    def send_body(self, body, note=None):
        self.last = (self.last + 1) | 0x80000000
        self.requests[self.last] = note
        self.write(HEAD.pack(1, 4 + len(body), self.last) + body)
        return self.last

    def send(self, operation, **fields):
        return self.send_body(page.encode(operation, fields), (operation, fields))

    def receive(self):
        """The next reply, whichever request it is of: its id and its fields."""
        kind, length, number = HEAD.unpack(self.read(HEAD.size))
        page.demand(kind == 1 and 4 <= length <= FRAME, "no frame's head")
        page.demand(number in self.requests, "a reply to nothing")
        fields = page.decode(self.read(length - 4))
        note = self.requests.pop(number)
        if note is not None:
            page.check_reply(note[0], fields, note[1])
        fields["status"] = page.STATUSES[fields["status"]]
        return number, fields

    def ask(self, operation, **fields):
        wanted = self.send(operation, **fields)
        number, reply = self.receive()
        page.demand(number == wanted, "a reply to something else")
        return reply

    def close(self):
        self.socket.close()


class Client:
    """One caller, by key if it has a seed, else by uid; `did` tells what it did about what it was told."""

    def __init__(self, path, vault_uid, seed=None):
        self.path, self.vault_uid, self.seed = path, vault_uid, seed
        self.wire, self.id, self.did = None, None, []
        self.connect()

    def connect(self):
        self.close()
        self.wire = Connection(self.path, self.vault_uid)
        self.hello()

    def close(self):
        if self.wire is not None:
            self.wire.close()
            self.wire = None

    # ---- section 7 ----

    def hello(self):
        nonce = os.urandom(32)
        if self.seed is None:
            reply = self.wire.ask("hello", version=1, nonce=nonce)
        else:
            key = ed25519.public_key(self.seed)
            reply = self.wire.ask("hello", version=1, nonce=nonce, public_key=key)
            if reply["status"] == "ok":
                reply = self.prove(key, nonce, reply)
        if reply["status"] != "ok":
            raise self.not_done(reply)
        self.id, self.principal = reply["connection"], reply["principal"]

    def prove(self, key, nonce, challenge):
        uid = os.geteuid()
        signed = transcript(challenge["instance"], key, nonce, challenge["nonce"], uid)
        return self.wire.ask("prove", signature=ed25519.sign(self.seed, signed), uid=uid)

    # ---- section 6, the column "what to do" ----

    def call(self, operation, patience=0, **fields):
        """The reply that is ok. What is to be held or retried is, for so many seconds."""
        until = time.monotonic() + patience
        pause = 0.05
        while True:
            try:
                return self.attempt(operation, fields)
            except NotDone as error:
                if error.do not in ("hold", "retry"):
                    raise
                seconds = error.seconds or (pause if error.do == "retry" else 1)
                if time.monotonic() + seconds > until:
                    raise
                self.did.append(error.do)
            time.sleep(seconds)
            pause *= 2

    def attempt(self, operation, fields):
        """Once; and once more after HELLO, or on another connection."""
        tried = []
        while True:
            try:
                if self.wire is None:
                    self.connect()
                reply = self.wire.ask(operation, connection=self.id, **fields)
            except Lost as error:
                self.close()
                if "again" in tried or operation not in HARMLESS:
                    raise NotDone("look first", "no answer", str(error)) from error
                tried.append("again")
                self.did.append("again")
                continue
            if reply["status"] == "ok":
                return reply
            if reply["status"] != "unauthenticated" or "hello" in tried:
                raise self.not_done(reply, operation)
            tried.append("hello")
            self.did.append("hello")
            self.hello()

    @staticmethod
    def not_done(reply, operation=None):
        """Of a reply, or of an item."""
        status, seconds = reply["status"], reply.get("retry_after_s")
        status = page.STATUSES.get(status, status)
        do = {
            "quota": "send fewer" if seconds is None else "hold",
            "sealed": "hold",
            "frozen": "hold",
            "no_session": "refuse",
            "pending": "refuse",
            "unavailable": "hold" if operation in REPEATABLE else "look first",
            "busy": "retry",
            "corrupt": "call somebody",
            "internal": "call somebody",
        }.get(status, "refuse")
        return NotDone(do, status, reply["message"], seconds)

    # ---- section 5 ----

    def batch(self, operation, values, **fields):
        """The items of any number of values, in their order; items that are busy are asked for again."""
        items = []
        for first in range(0, len(values), BATCH):
            items += self.piece(operation, values[first : first + BATCH], fields)
        pause = 0.05
        while again := [place for place, item in enumerate(items) if status_of(item) == "busy"]:
            self.did.append("retry")
            time.sleep(pause)
            pause *= 2
            mended = self.batch(operation, [values[place] for place in again], **fields)
            for place, item in zip(again, mended):
                items[place] = item
        return items

    def piece(self, operation, values, fields):
        sent = {name: value for name, value in fields.items() if name != "patience"}
        request = page.encode(operation, {"connection": self.id, "values": values, **sent})
        try:
            if 4 + len(request) > FRAME and len(values) > 1:
                raise NotDone("send fewer", "too_large")
            return self.call(operation, values=values, **fields)["items"]
        except NotDone as error:
            if error.do != "send fewer" or len(values) == 1:
                raise
        self.did.append("send fewer")
        half = len(values) // 2
        return self.piece(operation, values[:half], fields) + self.piece(operation, values[half:], fields)


def status_of(item):
    return page.STATUSES[item.get("status", 0)]


def transcript(instance, key, client_nonce, vault_nonce, uid):
    return b"contact-vault hello 1\0" + instance + key + client_nonce + vault_nonce + uid.to_bytes(4, "big")


# ---- section 8 ----

LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"


def is_token(text):
    if len(text) != 31 or text[:4] not in ("phn_", "eml_") or not set(text[4:]) <= set(LETTERS):
        return False
    digits = [LETTERS.index(letter) for letter in text[4:]]
    value = 0
    for digit in reversed(digits[:26]):
        value = (value ^ digit) * 2
        if value >= 32:
            value ^= 0x25
    return digits[0] <= 7 and digits[26] == value ^ (text[:4] == "eml_")
