#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes keyring.txt and audit.txt beside itself, from the format's text alone: no code is shared with the daemon.

XChaCha20-Poly1305 after RFC 8439 and draft-irtf-cfrg-xchacha-03, BLAKE2b from Python's hashlib.
Run by hand when the format changes; the tests read only what it wrote.
"""
import hashlib
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent


# ---- XChaCha20-Poly1305 ----

def rotate(value, by):
    return ((value << by) | (value >> (32 - by))) & 0xFFFFFFFF


def quarter(s, a, b, c, d):
    s[a] = (s[a] + s[b]) & 0xFFFFFFFF
    s[d] = rotate(s[d] ^ s[a], 16)
    s[c] = (s[c] + s[d]) & 0xFFFFFFFF
    s[b] = rotate(s[b] ^ s[c], 12)
    s[a] = (s[a] + s[b]) & 0xFFFFFFFF
    s[d] = rotate(s[d] ^ s[a], 8)
    s[c] = (s[c] + s[d]) & 0xFFFFFFFF
    s[b] = rotate(s[b] ^ s[c], 7)


def rounds(state):
    for _ in range(10):
        quarter(state, 0, 4, 8, 12)
        quarter(state, 1, 5, 9, 13)
        quarter(state, 2, 6, 10, 14)
        quarter(state, 3, 7, 11, 15)
        quarter(state, 0, 5, 10, 15)
        quarter(state, 1, 6, 11, 12)
        quarter(state, 2, 7, 8, 13)
        quarter(state, 3, 4, 9, 14)
    return state


def first_state(key, last_16):
    return list(struct.unpack("<4I", b"expand 32-byte k")) + list(struct.unpack("<8I4I", key + last_16))


def hchacha(key, nonce_16):
    s = rounds(first_state(key, nonce_16))
    return struct.pack("<8I", *s[0:4], *s[12:16])


def stream(key, nonce_12, first_block, size):
    out = b""
    block = first_block
    while len(out) < size:
        start = first_state(key, struct.pack("<I", block) + nonce_12)
        mixed = rounds(list(start))
        out += struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(start, mixed)))
        block += 1
    return out[:size]


def poly1305(key, message):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for at in range(0, len(message), 16):
        total = (total + int.from_bytes(message[at:at + 16] + b"\1", "little")) * r % ((1 << 130) - 5)
    return ((total + int.from_bytes(key[16:], "little")) & ((1 << 128) - 1)).to_bytes(16, "little")


def padded(data):
    return data + bytes(-len(data) % 16)


def seal(key, nonce_24, associated, plain):
    subkey = hchacha(key, nonce_24[:16])
    nonce = bytes(4) + nonce_24[16:]
    cipher = bytes(a ^ b for a, b in zip(plain, stream(subkey, nonce, 1, len(plain))))
    tag = poly1305(stream(subkey, nonce, 0, 32), padded(associated) + padded(cipher)
                   + struct.pack("<QQ", len(associated), len(cipher)))
    return cipher + tag


# ---- the keyring file ----

VAULT_ID = bytes(range(16))
ROOT = bytes(range(0x40, 0x60))
NONCE = bytes(range(0x80, 0x98))
INDEX_KEY = bytes(range(0xC0, 0xE0))
KEYFILE_SLOT = b"\1\0\0"


def row(purpose, namespace, number, key, state=1):
    return struct.pack(">BIIBQ", purpose, namespace, number, state, 1_700_000_000_000) + key


def rows():
    return [row(1, 7, 1, b"D" * 32), row(2, 7, 1, INDEX_KEY), row(3, 0, 1, b"A" * 32),
            row(4, 0, 2031, b"R" * 32), row(5, 0, 1, b"S" * 32)]


def header(magic=b"CVKEYRNG", version=1, suite=1, generation=3, slots=(KEYFILE_SLOT,)):
    return magic + struct.pack(">BB16sQB", version, suite, VAULT_ID, generation, len(slots)) + b"".join(slots)


def keyring(head=None, keys=None, sealed_head=None, count=None):
    head = header() if head is None else head
    keys = rows() if keys is None else keys
    sealed_head = head if sealed_head is None else sealed_head
    derived = hashlib.blake2b(b"contact-vault keyring 1" + sealed_head + NONCE, key=ROOT).digest()
    before = head + NONCE + derived[32:]
    check = hashlib.blake2b(before, digest_size=16).digest()
    count = len(keys) if count is None else count
    return before + check + struct.pack(">I", count) + seal(derived[:32], NONCE, sealed_head, b"".join(keys))


def blind_index(contact):
    text = b"contact-vault blind index 1" + struct.pack(">BBH", 1, 1, len(contact)) + contact
    return hashlib.blake2b(text, key=INDEX_KEY, digest_size=16).digest()


def flipped(data, at):
    at %= len(data)
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1:]


def keyring_vectors():
    good = keyring()
    one_slot_with_parameters = b"\1\0\4abcd"
    yield "good", "ok", ROOT, good
    yield "two-slots", "ok", ROOT, keyring(header(slots=(KEYFILE_SLOT, KEYFILE_SLOT)))
    yield "wrong-root-key", "denied", flipped(ROOT, 0), good
    yield "header-altered-check-made-anew", "denied", ROOT, keyring(header(generation=2), sealed_head=header())
    yield "header-damaged", "corrupt", ROOT, flipped(good, 30)
    yield "commitment-damaged", "corrupt", ROOT, flipped(good, len(header()) + 24)
    yield "tag-damaged", "corrupt", ROOT, flipped(good, -1)
    yield "version-2", "corrupt", ROOT, keyring(header(version=2))
    yield "slot-with-parameters", "corrupt", ROOT, keyring(header(slots=(one_slot_with_parameters,)))
    yield "slot-says-it-has-parameters", "corrupt", ROOT, keyring(header(slots=(b"\1\0\4",)))
    yield "keys-out-of-order", "corrupt", ROOT, keyring(keys=rows()[::-1])
    yield "key-state-unknown", "corrupt", ROOT, keyring(keys=[row(3, 0, 1, b"A" * 32, state=9)])
    yield "count-too-large", "corrupt", ROOT, keyring(count=6)


# ---- the audit chain ----

def sha256(data):
    return hashlib.sha256(data).digest()


def entry(sequence, previous, operation=13, phase=1, result=0, flags=0, time=1_700_000_000_000, refers=0,
          role=0, kind=0, token=bytes(16), names=(b"", b"", b""), digest=b"", reason=b"", version=1):
    return (struct.pack(">BBIBBQQ32sQIBB16sBBBH", version, phase, operation, result, flags, sequence, time,
                        previous, refers, 1001, role, kind, token, *map(len, names), len(reason))
            + digest + b"".join(names) + reason)


AUDIT_ROOT = sha256(b"contact-vault audit 1" + VAULT_ID)
CREATED, OPENED = 200, 201
REVEAL = dict(kind=1, token=bytes(range(16)), names=(b"maria", b"shop", b""), reason=bytes(51))


def chain(*changes, root=AUDIT_ROOT):
    """CREATED, then one entry for each set of fields, linked."""
    entries = [entry(1, root, CREATED)]
    for fields in changes:
        fields = {"sequence": len(entries) + 1, "previous": sha256(entries[-1]), **fields}
        entries.append(entry(**fields))
    return [VAULT_ID, *entries]


def audit_vectors():
    intent = dict(operation=54, phase=2, flags=1, digest=b"d" * 32, role=3, names=(b"admin", b"shop", b"maria"))
    yield "created", "ok", *chain()
    yield "reveal", "ok", *chain(dict(operation=OPENED), REVEAL)
    yield "intent-and-outcome", "ok", *chain(intent, dict(intent, phase=3, refers=2))
    yield "same-time", "ok", *chain({}, {})
    yield "other-root", "corrupt", *chain(root=sha256(b"contact-vault audit 1" + bytes(16)))
    yield "not-created-first", "corrupt", VAULT_ID, entry(1, AUDIT_ROOT, OPENED)
    yield "created-twice", "corrupt", *chain(dict(operation=CREATED))
    yield "wrong-hash", "corrupt", *chain(dict(previous=AUDIT_ROOT))
    yield "gap", "corrupt", *chain(dict(sequence=3))
    yield "time-back", "corrupt", *chain(dict(time=1_699_999_999_999))
    yield "version-2", "corrupt", *chain(dict(version=2))
    yield "flag-unknown", "corrupt", *chain(dict(flags=2))
    yield "status-unknown", "corrupt", *chain(dict(result=14))
    yield "outcome-of-the-future", "corrupt", *chain(dict(phase=3, refers=2))
    yield "name-with-escape", "corrupt", *chain(dict(names=(b"\x1b[2J", b"", b"")))
    yield "reason-too-short", "corrupt", *chain(dict(reason=bytes(40)))
    yield "digest-missing", "corrupt", *chain(dict(flags=1))
    yield "trailing-byte", "corrupt", *(chain()[:1] + [chain()[1] + b"\0"])


def write(name, about, vectors):
    with open(HERE / name, "w", encoding="ascii") as file:
        file.write(f"# Written by make_keys.py. {about}\n")
        for vector, status, *fields in vectors:
            file.write(" ".join([vector, status, *(field.hex() or "-" for field in fields)]) + "\n")


def self_test():
    # draft-irtf-cfrg-xchacha-03, 2.2.1 and A.3.1
    key = bytes(range(32))
    assert hchacha(key, bytes.fromhex("000000090000004a0000000031415927")).hex().startswith("82413b4227b27bfe")
    key = bytes(range(0x80, 0xA0))
    sealed = seal(key, bytes(range(0x40, 0x58)), bytes.fromhex("50515253c0c1c2c3c4c5c6c7"),
                  b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip "
                  b"for the future, sunscreen would be it.")
    assert sealed[-16:].hex() == "c0875924c1c7987947deafd8780acf49"


if __name__ == "__main__":
    self_test()
    index = blind_index(b"+393331234567")
    write("keyring.txt", "Fields: root key, file, blind index of phone +393331234567 in namespace 7.",
          ((*vector, index) for vector in keyring_vectors()))
    write("audit.txt", "Fields: vault_id, then the entries of one chain.", audit_vectors())
