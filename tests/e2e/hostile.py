#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hostile.py SOCKET: everything a stranger can send that is wrong; exits 1 at the first thing the vault
does that it should not. PROTOCOL.md says what each gets.

hostile.py SOCKET crowd SECONDS: one stranger with 250 connections, who asks and asks on all of them and
reads nothing; another uid than ours where we may be one. Says "crowd" once all of them are there."""
import os
import random
import select
import socket
import struct
import sys
import threading
import time

from wire import F_CONNECTION, F_NONCE, F_OPERATION, F_PUBLIC_KEY, F_STATUS, F_VALUES, F_VERSION
from wire import FRAME_MESSAGE
from wire import HELLO, MASK, SP_HELLO, STATUS, Closed, Connection, pack

OK, INVALID, TOO_LARGE, UNAUTHENTICATED = 0, 1, 2, 3
FRAME_BYTES_MAX = 2 * 1024 * 1024
REQUEST_ID = b"\x80\x00\x00\x01"
# The handshake's five seconds and a frame's ten, and a busy machine.
SLOW = 20

path = sys.argv[1]
counts = {}


def count(name, number=1):
    counts[name] = counts.get(name, 0) + number


def honest():
    connection = Connection(path)
    reply = connection.call(STATUS)
    connection.close()
    if reply[F_STATUS] != OK or reply[39] != "unsealed":
        raise AssertionError(f"an honest status was answered {reply}")


def frame(payload, announced=None, kind=FRAME_MESSAGE):
    return struct.pack(">BQ", kind, len(payload) if announced is None else announced) + payload


def closes(name, data, greet=True, seconds=SLOW):
    """The vault must end this connection."""
    connection = Connection(path, greet=greet)
    try:
        connection.send_bytes(data)
        if not connection.is_closed_within(seconds):
            raise AssertionError(f"{name}: the connection stays open")
    except Closed:
        pass
    connection.close()
    count(name)


def greetings():
    for data in (
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\0SP\0\x00\x31\x00\x00",
        b"\0SP\0\x00\x10\x00\x00",
        b"\0SP\1\x00\x30\x00\x00",
        b"\0SP\0\x00\x30\x00\x01",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        bytes(8),
        b"\xff" * 4096,
    ):
        closes("greetings", data, greet=False)


def headers():
    for size in (FRAME_BYTES_MAX + 1, 1 << 31, 1 << 32, 5 << 30, (1 << 63) - 1, 1 << 63, (1 << 64) - 1):
        closes("headers announcing too much", struct.pack(">BQ", FRAME_MESSAGE, size))
    # As on tcp: five bytes that announce gigabytes.
    closes("headers announcing too much", struct.pack(">BI", FRAME_MESSAGE, 0xFFFFFFFF) + bytes(4))
    for size in (0, 1, 3):
        closes("frames without a request id", frame(bytes(size)))
    closes("requests through a device", frame(b"\x00\x00\x00\x07" + REQUEST_ID + pack({F_OPERATION: STATUS})))
    for kind in (0, 2, 0x7F, 0xFF):
        closes("frames of no known type", frame(REQUEST_ID + pack({F_OPERATION: STATUS}), kind=kind))


def bodies():
    good = pack({F_OPERATION: HELLO, F_VERSION: 1, F_NONCE: bytes(32)})
    nested = b"\x91" * 100000
    wrong = {
        "empty": b"",
        "trailing bytes": good + b"\x00",
        "two messages in one": good + good,
        "nested": b"\x82\x00\x01\x03" + nested,
        "nested maps": b"\x81\x00" * 50000,
        "not a map": pack([1, 2, 3]),
        "text": b"{\"operation\": 1}",
        "an unknown field": pack({F_OPERATION: STATUS, 63: 1}),
        "a field no table has": pack({F_OPERATION: STATUS, 9999: 1}),
        "a field twice": b"\x82\x00\x01\x00\x01",
        "an unknown operation": pack({F_OPERATION: 62}),
        "an operation out of range": pack({F_OPERATION: 4000}),
        "no operation": pack({F_VERSION: 1}),
        "a wrong type": pack({F_OPERATION: "hello"}),
        "a negative number": b"\x81\x00\xff",
        "a float": b"\x81\x00\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00",
        "an extension": b"\x81\x00\xd4\x01\x02",
        "nil": b"\x81\x00\xc0",
        "a map announcing 4 billion": b"\xdf\xff\xff\xff\xff",
        "a list announcing 4 billion": b"\x82\x00\x0a\x03\xdd\xff\xff\xff\xff",
        "a string announcing 4 GB": b"\x82\x00\x0a\x03\x91\xdb\xff\xff\xff\xff",
        "not UTF-8": b"\x82\x00\x0a\x03\x91\xa4\xff\xfe\xfd\xfc",
        "a nonce too short": pack({F_OPERATION: HELLO, F_VERSION: 1, F_NONCE: bytes(31)}),
        "4,097 values": pack({F_OPERATION: MASK, F_CONNECTION: bytes(16), F_VALUES: ["x"] * 4097}),
        "no values": pack({F_OPERATION: MASK, F_CONNECTION: bytes(16), F_VALUES: []}),
    }
    stranger = Connection(path)
    connection = Connection(path)
    if connection.hello()[F_STATUS] != OK:
        raise AssertionError("whoever runs this is no principal")
    for name, body in wrong.items():
        reply = connection.call_bytes(body)
        if reply[F_STATUS] not in (INVALID, TOO_LARGE):
            raise AssertionError(f"{name}: answered {reply}")
        reply = stranger.call_bytes(body)
        # Of a stranger much is not even looked at.
        if reply[F_STATUS] not in (INVALID, TOO_LARGE, UNAUTHENTICATED):
            raise AssertionError(f"{name}: a stranger was answered {reply}")
        count("bad bodies", 2)
    for cut in range(len(good)):
        reply = connection.call_bytes(good[:cut])
        if reply[F_STATUS] != INVALID:
            raise AssertionError(f"cut at {cut}: answered {reply}")
        count("cut bodies")
    # The connection that sent all of it is as good as any.
    for one in (connection, stranger):
        if one.call(STATUS)[F_STATUS] != OK:
            raise AssertionError("no status after bad bodies")
    if stranger.call(MASK, **{f"f{F_VALUES}": ["x"]})[F_STATUS] == OK:
        raise AssertionError("a mask without hello")
    stranger.id = bytes(16)
    reply = stranger.call(MASK, **{f"f{F_VALUES}": ["x"]})
    if reply[F_STATUS] != UNAUTHENTICATED and not path.endswith("admin.sock"):
        raise AssertionError(f"a guessed connection id: {reply}")
    stranger.close()
    connection.close()


def largest():
    """A frame of exactly the limit is read, and refused for what is in it."""
    connection = Connection(path)
    connection.hello()
    reply = connection.call_bytes(bytes(FRAME_BYTES_MAX - 4))
    if reply[F_STATUS] not in (INVALID, TOO_LARGE):
        raise AssertionError(f"a frame of the largest size: {reply}")
    connection.close()
    closes("oversized frames", frame(REQUEST_ID + bytes(FRAME_BYTES_MAX - 3)))


def noise():
    source = random.Random(7)
    connection = Connection(path)
    for _ in range(2000):
        reply = connection.call_bytes(source.randbytes(source.randrange(200)))
        if reply[F_STATUS] not in (INVALID, TOO_LARGE):
            raise AssertionError(f"noise was answered {reply}")
    count("requests of noise", 2000)
    good = pack({F_OPERATION: HELLO, F_VERSION: 1, F_NONCE: bytes(32)})
    for _ in range(2000):
        body = bytearray(good)
        body[source.randrange(len(body))] ^= 1 << source.randrange(8)
        connection.call_bytes(bytes(body))
    count("requests with one bit changed", 2000)
    connection.close()
    for _ in range(200):
        stranger = Connection(path, greet=False)
        try:
            stranger.send_bytes(SP_HELLO * source.randrange(2) + source.randbytes(source.randrange(1, 300)))
        except Closed:
            pass
        stranger.close()
    count("connections of noise", 200)


def half_sent():
    """Frames begun and never ended; honest clients are served meanwhile; then they are closed."""
    whole = frame(REQUEST_ID + pack({F_OPERATION: STATUS}))
    waiting = []
    for cut in range(1, len(whole)):
        connection = Connection(path)
        connection.send_bytes(whole[:cut])
        waiting.append(connection)
    for size in (1, 4, 7):
        connection = Connection(path, greet=False)
        connection.send_bytes(SP_HELLO[:size])
        waiting.append(connection)
    big = Connection(path)
    big.send_bytes(struct.pack(">BQ", FRAME_MESSAGE, FRAME_BYTES_MAX) + REQUEST_ID + bytes(100000))
    waiting.append(big)
    for _ in range(20):
        honest()
    for number, connection in enumerate(waiting):
        if not connection.is_closed_within(SLOW):
            raise AssertionError(f"half-sent frame {number}: the connection stays open")
        connection.close()
    count("half-sent frames", len(waiting))


def connect_and_close():
    for _ in range(300):
        Connection(path, greet=False).close()
    honest()
    for _ in range(300):
        connection = Connection(path, greet=False)
        connection.send_bytes(SP_HELLO)
        connection.close()
    honest()
    for _ in range(100):
        connection = Connection(path)
        connection.send_bytes(connection.frame(pack({F_OPERATION: STATUS})))
        connection.close()
    honest()
    count("connect-and-close", 700)


def never_read():
    """Asks and asks and takes no answer: its own queue fills, nobody else's."""
    connection = Connection(path, timeout=3)
    body = pack({F_OPERATION: STATUS})
    try:
        for _ in range(20000):
            connection.send_bytes(connection.frame(body))
    except (Closed, TimeoutError):
        pass
    honest()
    connection.close()
    count("clients that never read")


# A key that nobody was added with: its hello leads nowhere.
NOBODY = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
CROWD = 250
SOMEBODY_ELSE = 65533


def crowd(seconds):
    if os.geteuid() == 0:
        try:
            os.setgroups([])
            os.setresuid(SOMEBODY_ELSE, SOMEBODY_ELSE, SOMEBODY_ELSE)
        except OSError:
            pass  # a user namespace that has nobody else: then one of us
    body = pack({F_OPERATION: HELLO, F_VERSION: 1, F_PUBLIC_KEY: NOBODY, F_NONCE: bytes(32)})
    requests = frame(REQUEST_ID + body) * 64
    members, opened = {}, 0
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if len(members) < CROWD:
            one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            one.connect(path)
            one.setblocking(False)
            members[one] = SP_HELLO + requests
            opened += 1
            if opened == CROWD:
                print("crowd", flush=True)
        # Whom the vault closed comes back, a hundred times a second.
        _, ready, _ = select.select([], list(members), [], 0)
        for one in ready:
            try:
                sent = one.send(members[one])
                members[one] = members[one][sent:] or requests
            except BlockingIOError:
                pass
            except OSError:
                del members[one]
                one.close()
        time.sleep(0.002 if opened < CROWD else 0.01)
    print(f"{opened} connections of one uid, reading nothing")


def main():
    stop = threading.Event()
    failures = []

    def witness():
        while not stop.wait(0.05):
            try:
                honest()
            except Exception as error:  # whatever it is, it is the finding
                failures.append(repr(error))
                return

    thread = threading.Thread(target=witness)
    thread.start()
    try:
        for attack in (greetings, headers, bodies, largest, noise, half_sent, connect_and_close, never_read):
            attack()
            honest()
    finally:
        stop.set()
        thread.join()
    if failures:
        raise AssertionError(f"an honest client met {failures[0]}")
    print(f"{os.path.basename(path)}: " + ", ".join(f"{n} {what}" for what, n in counts.items()))


if len(sys.argv) == 4 and sys.argv[2] == "crowd":
    crowd(float(sys.argv[3]))
else:
    main()
