#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes backups.txt beside itself: backups of a small vault, good and bad, from the format's text alone
(vaultd/DESIGN.md, "Backups"): no code is shared with the daemon.

X25519 after RFC 7748, XSalsa20-Poly1305 after the NaCl specification (a sealed box is an ephemeral box whose nonce is
BLAKE2b-192 of both public keys), secretstream after libsodium's documentation of its construction.
"""
import hashlib
import struct

from make_keys import (HERE, INSTANCE_ID, VAULT_ID, first_state, flipped, hchacha, poly1305, rounds, sign, stream)

P = 2**255 - 19
BACKUP_ID = bytes(range(0xB0, 0xC0))
TIME = 1_700_000_000_000
FILE_KEY = bytes(range(0x80, 0xA0))
STREAM_HEADER = bytes(range(0x20, 0x38))
SECRETS = [bytes([0x61 + i]) * 32 for i in range(3)]
EPHEMERAL = b"e" * 32
AUDIT_SEED = b"S" * 32
KEYRING = bytes(i % 256 for i in range(300))
CHUNK = 65536


# ---- X25519 ----

def x25519(scalar, point):
    k = int.from_bytes(bytes([scalar[0] & 248]) + scalar[1:31] + bytes([scalar[31] & 127 | 64]), "little")
    x1 = int.from_bytes(point, "little") & (2**255 - 1)
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for t in reversed(range(255)):
        bit = k >> t & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb, aa, bb = d * a % P, c * b % P, a * a % P, b * b % P
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % P, x1 * (da - cb) ** 2 % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


BASE = b"\x09" + bytes(31)


# ---- XSalsa20-Poly1305 ----

def rotate(value, by):
    value &= 0xFFFFFFFF
    return (value << by | value >> (32 - by)) & 0xFFFFFFFF


def salsa_rounds(x):
    columns = ((0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11))
    rows = ((0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14))
    for _ in range(10):
        for quarters in (columns, rows):
            for a, b, c, d in quarters:
                x[b] ^= rotate(x[a] + x[d], 7)
                x[c] ^= rotate(x[b] + x[a], 9)
                x[d] ^= rotate(x[c] + x[b], 13)
                x[a] ^= rotate(x[d] + x[c], 18)
    return x


def salsa_state(key, middle):
    sigma, k, n = struct.unpack("<4I", b"expand 32-byte k"), struct.unpack("<8I", key), struct.unpack("<4I", middle)
    return [sigma[0], *k[:4], sigma[1], *n, sigma[2], *k[4:], sigma[3]]


def hsalsa(key, nonce_16):
    x = salsa_rounds(salsa_state(key, nonce_16))
    return struct.pack("<8I", x[0], x[5], x[10], x[15], *x[6:10])


def salsa_stream(key, nonce_8, size):
    out = b""
    while len(out) < size:
        state = salsa_state(key, nonce_8 + struct.pack("<Q", len(out) // 64))
        mixed = salsa_rounds(list(state))
        out += struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(state, mixed)))
    return out[:size]


def seal_to(public, plain):
    ephemeral = x25519(EPHEMERAL, BASE)
    nonce = hashlib.blake2b(ephemeral + public, digest_size=24).digest()
    key = hsalsa(hsalsa(x25519(EPHEMERAL, public), bytes(16)), nonce[:16])
    pad = salsa_stream(key, nonce[16:], 32 + len(plain))
    sealed = bytes(a ^ b for a, b in zip(plain, pad[32:]))
    return ephemeral + poly1305(pad[:32], sealed) + sealed


# ---- secretstream ----

def padded(data):
    return data + bytes(-len(data) % 16)


def seal_chunks(key, header, chunks):
    """Each (plaintext, tag), with the u32 size before it."""
    k, nonce, counter = hchacha(key, header[:16]), header[16:], 1
    for plain, tag in chunks:
        iv = struct.pack("<I", counter) + nonce
        first = stream(k, iv, 1, 64)
        head = bytes([tag ^ first[0]]) + first[1:]
        body = bytes(a ^ b for a, b in zip(plain, stream(k, iv, 2, len(plain))))
        # The padding of the message takes the first block for absent: as libsodium does.
        mac = poly1305(stream(k, iv, 0, 64)[:32],
                       head + body + bytes((16 - 64 + len(plain)) & 15) + struct.pack("<QQ", 0, 64 + len(plain)))
        yield struct.pack(">I", len(plain)) + head[:1] + body + mac
        nonce = bytes(a ^ b for a, b in zip(nonce, mac[:8]))
        counter = (counter + 1) & 0xFFFFFFFF


# ---- a file ----

def head(part=1, recipients=2, magic=b"cvbackup", version=1, suite=1, backup_id=BACKUP_ID, time=TIME):
    publics = [x25519(secret, BASE) for secret in SECRETS[:recipients]]
    return (magic + bytes([version, suite, part, recipients]) + backup_id + VAULT_ID + INSTANCE_ID
            + struct.pack(">Q", time) + b"".join(public + seal_to(public, FILE_KEY) for public in publics)
            + STREAM_HEADER)


def checked(before):
    return before + hashlib.blake2b(before, digest_size=16).digest()


def container(plain, before=None, written=None, chunks=None):
    """`written` stands in the file, `before` is what the keys were derived from."""
    before = head() if before is None else before
    derived = hashlib.blake2b(b"contact-vault backup 1" + before, key=FILE_KEY).digest()
    if chunks is None:
        parts = [plain[i:i + CHUNK] for i in range(0, len(plain), CHUNK)]
        chunks = [(part, 0) for part in parts[:-1]] + [(parts[-1], 3)]
    return (checked((before if written is None else written) + derived[32:])
            + b"".join(seal_chunks(derived[:32], STREAM_HEADER, chunks)))


# ---- what stands inside ----

def frame(kind, data):
    return struct.pack(">BI", kind, len(data)) + data


def row(table, key, value):
    return frame(1, bytes([table, len(key)]) + key + value)


def frames():
    yield row(0, b"vault", b"\1" + VAULT_ID + INSTANCE_ID)
    for i in range(2):
        yield row(1, struct.pack(">Q", i), bytes([i]) * 130)
    yield row(2, b"t" * 16, struct.pack(">Q", 0))
    yield frame(2, b"cvastart" + bytes(8))
    yield frame(3, b"entry 5")
    yield frame(3, b"entry 6")


def manifest(before, seed=AUDIT_SEED, entries=(5, 6), rows=(1, 2, 1, 0, 0), keyring=KEYRING, backup_id=BACKUP_ID,
             last=b"entry 6", contents=None, version=1):
    body = (bytes([version]) + backup_id + VAULT_ID + INSTANCE_ID + struct.pack(">QQQ", TIME, *entries)
            + hashlib.sha256(last).digest() + struct.pack(">QQQ5Q", 77, 2, 3, *rows)
            + hashlib.blake2b(keyring, digest_size=32).digest()
            + hashlib.blake2b(before if contents is None else contents, digest_size=32).digest())
    return frame(4, body + sign(seed, b"contact-vault backup 1" + body)[1])


def contents(parts=None, **changes):
    before = b"".join(frames() if parts is None else parts)
    return before + manifest(before, **changes)


def vectors():
    good, keyring = container(contents()), container(KEYRING, head(part=2))
    first, second = SECRETS[0], SECRETS[1]
    size = len(checked(head() + bytes(32)))  # of what stands before the chunks
    listed = list(frames())

    def other(changed, key=first, ring=keyring):
        return key, changed, ring

    yield "good", "sound", first, good, keyring
    yield "good-by-the-second-recipient", "sound", second, good, keyring
    big = contents([row(1, struct.pack(">Q", i), bytes(200)) for i in range(400)] + listed[4:], rows=(0, 400, 0, 0, 0))
    yield "two-chunks", "sound", *other(container(big))
    yield "no-start", "sound", *other(container(contents(listed[:4] + listed[5:])))

    yield "empty", "not_a_backup", *other(b"")
    yield "something-else", "not_a_backup", *other(container(contents(), head(magic=b"CVKEYRNG")))
    yield "version-2", "other_version", *other(container(contents(), head(version=2)))
    yield "suite-2", "other_version", *other(container(contents(), head(suite=2)))
    yield "of-others", "wrong_key", *other(good, key=SECRETS[2])
    yield "header-damaged", "header_altered", *other(flipped(good, 30))
    yield "check-damaged", "header_altered", *other(flipped(good, size - 1))
    yield "no-recipient", "header_altered", *other(container(contents(), head(recipients=0)))
    yield "time-altered-check-made-anew", "header_altered", *other(container(contents(), written=head(time=TIME + 1)))
    yield "box-altered-check-made-anew", "header_altered", *other(container(contents(), written=flipped(head(), 110)))
    yield "part-altered-check-made-anew", "header_altered", *other(container(contents(), written=head(part=2)))
    yield "part-3", "header_altered", *other(container(contents(), head(part=3)))
    yield "name-altered-check-made-anew", "wrong_key", *other(container(contents(), written=flipped(head(), 70)))
    yield "keyring-for-contents", "wrong_part", *other(keyring)
    yield "chunk-damaged", "chunk_altered", *other(flipped(good, size + 100))
    yield "tag-damaged", "chunk_altered", *other(flipped(good, -1))
    yield "chunk-of-none", "chunk_altered", *other(good[:size] + bytes(4) + good[size + 4:])
    yield "short-chunk-in-the-middle", "chunk_altered", *other(
        container(b"", chunks=[(contents()[:100], 0), (contents()[100:], 3)]))
    yield "tag-of-a-push", "chunk_altered", *other(container(b"", chunks=[(contents(), 1)]))
    yield "cut-in-the-header", "truncated", *other(good[:50])
    yield "cut-before-the-chunks", "truncated", *other(good[:size])
    yield "cut-in-a-chunk", "truncated", *other(good[:-1])
    yield "no-final-chunk", "truncated", *other(container(b"", chunks=[(big[:CHUNK], 0)]))
    yield "longer", "trailing", *other(good + b"\0")
    yield "two-files", "trailing", *other(good + good)

    yield "frame-of-type-5", "frame_wrong", *other(container(contents(listed + [frame(5, b"x")])))
    yield "row-of-table-5", "frame_wrong", *other(container(contents([row(5, b"k", b"v")] + listed[4:])))
    yield "row-twice", "frame_wrong", *other(container(contents(listed[:2] + listed[1:])))
    yield "row-without-a-key", "frame_wrong", *other(container(contents([row(0, b"", b"v")] + listed[4:])))
    yield "tables-out-of-order", "frame_wrong", *other(container(contents([listed[3], listed[1]] + listed[4:])))
    yield "row-behind-the-log", "frame_wrong", *other(container(contents(listed[4:] + listed[:1])))
    yield "start-behind-an-entry", "frame_wrong", *other(container(contents(listed[5:] + listed[4:5])))
    yield "frame-too-large", "frame_wrong", *other(container(contents([row(1, b"k", bytes(8193))] + listed[4:])))
    yield "no-manifest", "frame_wrong", *other(container(b"".join(listed)))
    yield "manifest-in-the-middle", "frame_wrong", *other(container(contents() + listed[0]))
    yield "manifest-of-version-2", "frame_wrong", *other(container(contents(version=2)))
    yield "a-row-more", "manifest_wrong", *other(container(contents(rows=(1, 3, 1, 0, 0))))
    yield "an-entry-more", "manifest_wrong", *other(container(contents(entries=(5, 7))))
    yield "entries-from-none", "manifest_wrong", *other(container(contents(entries=(0, 1))))
    yield "another-last-entry", "manifest_wrong", *other(container(contents(last=b"entry 7")))
    yield "another-content", "manifest_wrong", *other(container(contents(contents=b"")))
    yield "another-id", "manifest_wrong", *other(container(contents(backup_id=bytes(16))))
    yield "no-log", "manifest_wrong", *other(container(contents(listed[:4])))
    yield "by-another", "not_signed", *other(container(contents(seed=b"T" * 32)))
    yield "keyring-of-another-backup", "other_keyring", *other(good, ring=container(KEYRING, head(2, backup_id=bytes(16))))
    yield "keyring-of-another-time", "other_keyring", *other(good, ring=container(KEYRING, head(2, time=TIME + 1)))
    yield "another-keyring", "other_keyring", *other(good, ring=container(KEYRING[::-1], head(2)))
    yield "contents-for-keyring", "wrong_part", *other(good, ring=good)
    yield "keyring-cut", "truncated", *other(good, ring=keyring[:-1])


def self_test():
    # RFC 7748, 5.2 and 6.1
    scalar = bytes.fromhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")
    point = bytes.fromhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")
    assert x25519(scalar, point).hex() == "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"
    # Salsa20's specification, section 8, has the core on zeros; NaCl's "firstkey" of its worked example:
    shared = bytes.fromhex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")
    assert hsalsa(shared, bytes(16)).hex() == "1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389"
    assert rounds(first_state(bytes(32), bytes(16)))


if __name__ == "__main__":
    self_test()
    with open(HERE / "backups.txt", "w", encoding="ascii") as file:
        file.write("# Written by make_backups.py. Fields: a recipient's private key, the vault's audit public key, contents, "
                   "keyring.\n# What must be said of the whole stands before them.\n")
        public = sign(AUDIT_SEED, b"")[0]
        for name, fault, secret, data, ring in vectors():
            file.write(" ".join([name, fault, *(field.hex() or "-" for field in (secret, public, data, ring))]) + "\n")
