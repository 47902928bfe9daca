#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The wire by hand (proto/PROTOCOL.md), written apart from the C code so that the two test each other.

As a program: wire.py token phone|email HEX prints a token's text form.
"""
import os
import select
import socket
import struct
import sys
import time

SP_HELLO = b"\0SP\0\x00\x30\x00\x00"  # REQ
SP_ANSWER = b"\0SP\0\x00\x31\x00\x00"  # REP
FRAME_MESSAGE = 1

STATUS, HELLO, TOKENIZE, LOOKUP, MASK, DETOKENIZE = 1, 2, 10, 11, 12, 13
F_OPERATION, F_CONNECTION, F_NAMESPACE, F_VALUES, F_FORM, F_REASON, F_VERSION = range(7)
F_PUBLIC_KEY, F_NONCE, F_STATUS, F_MESSAGE, F_ITEMS, F_TOKEN = 7, 8, 32, 33, 35, 36


def pack(value):
    """MessagePack of what requests are made of."""
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        if value < 128:
            return struct.pack("B", value)
        return b"\xce" + struct.pack(">I", value) if value < 1 << 32 else b"\xcf" + struct.pack(">Q", value)
    if isinstance(value, bytes):
        if len(value) < 256:
            return b"\xc4" + struct.pack("B", len(value)) + value
        return b"\xc5" + struct.pack(">H", len(value)) + value
    if isinstance(value, str):
        text = value.encode()
        if len(text) < 32:
            return struct.pack("B", 0xA0 | len(text)) + text
        if len(text) < 256:
            return b"\xd9" + struct.pack("B", len(text)) + text
        return b"\xda" + struct.pack(">H", len(text)) + text
    if isinstance(value, list):
        head = struct.pack("B", 0x90 | len(value)) if len(value) < 16 else b"\xdc" + struct.pack(">H", len(value))
        return head + b"".join(pack(v) for v in value)
    if isinstance(value, dict):
        head = struct.pack("B", 0x80 | len(value)) if len(value) < 16 else b"\xde" + struct.pack(">H", len(value))
        return head + b"".join(pack(k) + pack(v) for k, v in value.items())
    raise TypeError(type(value))


def _unpack(data, at):
    def take(fmt):
        nonlocal at
        size = struct.calcsize(fmt)
        (number,) = struct.unpack(fmt, data[at : at + size])
        at += size
        return number

    def many(count, of):
        nonlocal at
        values = []
        for _ in range(count * of):
            value, at = _unpack(data, at)
            values.append(value)
        return dict(zip(values[::2], values[1::2])) if of == 2 else values

    def raw(size, text):
        nonlocal at
        piece = data[at : at + size]
        at += size
        return piece.decode() if text else bytes(piece)

    lead = take("B")
    if lead < 0x80:
        return lead, at
    if lead < 0x90:
        value = many(lead & 15, 2)
    elif lead < 0xA0:
        value = many(lead & 15, 1)
    elif lead < 0xC0:
        value = raw(lead & 31, True)
    elif lead in (0xC2, 0xC3):
        value = lead == 0xC3
    elif lead in (0xC4, 0xC5, 0xC6):
        value = raw(take({0xC4: "B", 0xC5: ">H", 0xC6: ">I"}[lead]), False)
    elif lead in (0xCC, 0xCD, 0xCE, 0xCF):
        value = take({0xCC: "B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q"}[lead])
    elif lead in (0xD9, 0xDA, 0xDB):
        value = raw(take({0xD9: "B", 0xDA: ">H", 0xDB: ">I"}[lead]), True)
    elif lead in (0xDC, 0xDD):
        value = many(take({0xDC: ">H", 0xDD: ">I"}[lead]), 1)
    elif lead in (0xDE, 0xDF):
        value = many(take({0xDE: ">H", 0xDF: ">I"}[lead]), 2)
    else:
        raise ValueError(f"lead byte {lead:#x}")
    return value, at


def unpack(data):
    value, at = _unpack(data, 0)
    if at != len(data):
        raise ValueError("trailing bytes")
    return value


class Closed(Exception):
    """The vault closed the connection."""


class Connection:
    """One connection, as any REQ socket would make it; every step can be left out or done wrong."""

    def __init__(self, path, greet=True, timeout=20):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # Blocking: with a timeout a full backlog would be an error, not a wait.
        self.socket.connect(path)
        self.socket.settimeout(timeout)
        self.sequence = 0
        self.id = b""
        if greet:
            self.send_bytes(SP_HELLO)
            answer = self.receive_bytes(8)
            if answer != SP_ANSWER:
                raise ValueError(f"SP header {answer.hex()}")

    def close(self):
        self.socket.close()

    def send_bytes(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Closed from error

    def receive_bytes(self, size):
        data = b""
        while len(data) < size:
            try:
                piece = self.socket.recv(size - len(data))
            except ConnectionResetError as error:
                raise Closed from error
            if not piece:
                raise Closed
            data += piece
        return data

    def frame(self, body):
        self.sequence += 1
        payload = struct.pack(">I", 0x80000000 | self.sequence) + body
        return struct.pack(">BQ", FRAME_MESSAGE, len(payload)) + payload

    def receive(self):
        kind, size = struct.unpack(">BQ", self.receive_bytes(9))
        payload = self.receive_bytes(size)
        if kind != FRAME_MESSAGE:
            raise ValueError(f"frame type {kind}")
        return payload[:4], unpack(payload[4:])

    def call_bytes(self, body):
        self.send_bytes(self.frame(body))
        number, reply = self.receive()
        if number != struct.pack(">I", 0x80000000 | self.sequence):
            raise ValueError("the reply is to another request")
        return reply

    def call(self, operation, **fields):
        request = {F_OPERATION: operation}
        if self.id:
            request[F_CONNECTION] = self.id
        request.update({int(key[1:]): value for key, value in fields.items()})
        return self.call_bytes(pack(request))

    def hello(self):
        """By uid."""
        reply = self.call(HELLO, **{f"f{F_VERSION}": 1, f"f{F_NONCE}": os.urandom(32)})
        if reply[F_STATUS] == 0:
            self.id = reply[F_CONNECTION]
        return reply

    def is_closed_within(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            ready, _, _ = select.select([self.socket], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                return False
            try:
                if not self.socket.recv(65536):
                    return True
            except ConnectionResetError:
                return True
        return False


def token_text(kind, raw):
    """PROTOCOL.md, "Tokens": base32, then the check letter over GF(32)."""
    letters = "0123456789abcdefghjkmnpqrstvwxyz"
    number = int.from_bytes(raw, "big")
    digits = [number >> 5 * (25 - i) & 31 for i in range(26)]
    check = 0
    for digit in reversed(digits):
        check ^= digit
        check = (check << 1) ^ (0x25 if check & 16 else 0)
    check ^= {"phone": 0, "email": 1}[kind]
    return {"phone": "phn_", "email": "eml_"}[kind] + "".join(letters[d] for d in digits) + letters[check]


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] != "token":
        sys.exit(__doc__)
    print(token_text(sys.argv[2], bytes.fromhex(sys.argv[3])))
