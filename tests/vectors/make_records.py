#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes records.txt and generations.txt, from the text of vaultd/DESIGN.md alone; the ciphers are those of make_keys.py."""
import struct

import make_keys

NAMESPACE, OTHER = 7, 8
KEYS = {(NAMESPACE, 1): b"D" * 32, (NAMESPACE, 2): b"E" * 32, (OTHER, 1): b"F" * 32}
ROW = 41
TOKEN = bytes(range(0x60, 0x70))
NONCE = bytes(range(0xA0, 0xB8))
PHONE, EMAIL = 1, 2
CREATED = 839_808_000  # seconds since 2000
MONTH = 311


def data_keyring():
    """A keyring with these data keys, under make_keys.ROOT."""
    rows = [make_keys.row(1, namespace, epoch, key) for (namespace, epoch), key in sorted(KEYS.items())]
    return make_keys.keyring(keys=rows + make_keys.rows()[2:])


def header(kind, epoch=1, namespace=NAMESPACE, version=2, suite=1, flags=0):
    return bytes([version, suite, kind, flags]) + struct.pack(">II", epoch, namespace) + TOKEN


def inner(canonical, first=b"", size=None):
    text = bytes([len(canonical) if size is None else size]) + struct.pack(">I", CREATED) + canonical + first
    return text + bytes(-len(text) % 32)


def record(head, plain, row=ROW, vault_id=make_keys.VAULT_ID, month=MONTH, key=None):
    epoch, namespace = struct.unpack(">II", head[4:12])
    associated = vault_id + struct.pack(">Q", row) + head
    sealed = make_keys.seal(key or KEYS[namespace, epoch], NONCE, associated, plain)
    return head + NONCE + sealed + struct.pack(">H", month)


def vectors():
    def line(name, status, data, canonical=b"", first=b"", row=ROW, vault_id=make_keys.VAULT_ID):
        return name, status, vault_id, struct.pack(">Q", row), data, canonical, first, struct.pack(">I", CREATED)

    phone, mail = b"+393331234567", b"maria.rossi@example.com"
    good = record(header(PHONE), inner(phone))
    yield "phone", "ok", *line("", "", good, phone, phone)[2:]
    yield line("another-epoch", "ok", record(header(PHONE, epoch=2), inner(phone)), phone, phone)
    yield line("another-namespace", "ok", record(header(PHONE, namespace=OTHER), inner(phone)), phone, phone)
    yield line("mail-as-first-seen", "ok", record(header(EMAIL), inner(mail, b"Maria.Rossi@example.com")), mail,
               b"Maria.Rossi@example.com")
    yield line("two-forms-of-a-number", "ok", record(header(PHONE), inner(b"+5511961234567", b"+551161234567")),
               b"+5511961234567", b"+551161234567")
    for size in (27, 28, 59, 60):  # one block full, one letter more, two blocks full, one letter more
        long = b"a" * (size - 12) + b"@example.com"
        yield line(f"of-{size}-letters", "ok", record(header(EMAIL), inner(long)), long, long)
    yield line("month-altered", "ok", good[:-2] + b"\xff\xff", phone, phone)  # it is not sealed

    yield line("wrong-row", "corrupt", good, row=ROW + 1)
    yield line("wrong-vault-id", "corrupt", good, vault_id=bytes(16))
    yield line("namespace-altered", "corrupt", header(PHONE, namespace=OTHER) + good[28:])
    yield line("namespace-without-a-key", "corrupt", header(PHONE, namespace=9) + good[28:])
    yield line("epoch-altered", "corrupt", header(PHONE, epoch=2) + good[28:])
    yield line("epoch-without-a-key", "corrupt", header(PHONE, epoch=3) + good[28:])
    yield line("under-the-other-epochs-key", "corrupt", record(header(PHONE), inner(phone), key=KEYS[NAMESPACE, 2]))
    yield line("kind-altered", "corrupt", header(EMAIL) + good[28:])
    for name, at in (("token", 12), ("nonce", 28), ("nonces-end", 51), ("ciphertext", 52), ("padding", 83), ("tag", 84),
                     ("tags-end", 99)):
        yield line(name + "-altered", "corrupt", make_keys.flipped(good, at))
    for name, fields in (("version-1", dict(version=1)), ("version-3", dict(version=3)), ("suite-2", dict(suite=2)),
                         ("flags-1", dict(flags=1))):
        yield line(name, "corrupt", record(header(PHONE, **fields), inner(phone)))
    yield line("kind-3", "corrupt", record(header(3), inner(phone)))
    for name, cut in (("empty", b""), ("header-only", good[:28]), ("a-byte-short", good[:-1]), ("a-byte-long", good + b"0"),
                      ("a-block-short", good[:52] + good[84:]), ("a-block-long", good[:-18] + bytes(32) + good[-18:])):
        yield line(name, "corrupt", cut)
    yield line("no-canonical-form", "corrupt", record(header(PHONE), inner(phone, size=0)))
    yield line("canonical-form-past-the-end", "corrupt", record(header(PHONE), inner(phone, size=14)))
    yield line("nothing-but-padding", "corrupt", record(header(PHONE), bytes(32)))
    yield line("not-padded", "corrupt", record(header(PHONE), inner(phone).rstrip(b"\0")))


def generations():
    for name, status, *numbers in (
            ("settled", "ok", 5, 0, 5), ("announced-not-written", "ok", 5, 6, 5), ("written-not-settled", "ok", 5, 6, 6),
            ("older-keyring", "corrupt", 5, 0, 4), ("older-keyring-while-announced", "corrupt", 5, 6, 4),
            ("older-database", "corrupt", 5, 0, 6), ("two-ahead", "corrupt", 5, 6, 7),
            ("pending-is-no-successor", "corrupt", 5, 7, 7), ("pending-before", "corrupt", 5, 4, 4)):
        yield name, status, *(struct.pack(">Q", number) for number in numbers)


if __name__ == "__main__":
    make_keys.self_test()
    make_keys.write("records.txt", "The first line: root key, keyring file with the data keys. Others: vault_id, row number, "
                    "record, canonical form, form first seen, created.",
                    [("keyring", "ok", make_keys.ROOT, data_keyring()), *vectors()], by="make_records.py")
    make_keys.write("generations.txt", "Fields: the store's rows keyring and keyring_pending, the keyring's generation.",
                    generations(), by="make_records.py")
