#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes keyring.txt, audit.txt and audit_checkpoint.txt beside itself, from the format's text alone: no code is shared with the daemon.

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


def unseal(key, nonce_24, associated, sealed):
    """The plaintext; ends the program where the tag does not hold."""
    subkey = hchacha(key, nonce_24[:16])
    nonce = bytes(4) + nonce_24[16:]
    cipher, tag = sealed[:-16], sealed[-16:]
    if tag != poly1305(stream(subkey, nonce, 0, 32), padded(associated) + padded(cipher)
                       + struct.pack("<QQ", len(associated), len(cipher))):
        raise SystemExit("the tag does not hold")
    return bytes(a ^ b for a, b in zip(cipher, stream(subkey, nonce, 1, len(cipher))))


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


def passphrase_slot(passes, memory_kib, salt=b"a"):
    return b"\2" + struct.pack(">H16sII", 24, salt * 16, passes, memory_kib)


def keyring_vectors():
    good = keyring()
    one_slot_with_parameters = b"\1\0\4abcd"
    yield "good", "ok", ROOT, good
    yield "two-slots", "ok", ROOT, keyring(header(slots=(KEYFILE_SLOT, KEYFILE_SLOT)))
    yield "passphrase", "ok", ROOT, keyring(header(slots=(passphrase_slot(3, 262144),)))
    yield "shares", "ok", ROOT, keyring(header(slots=(b"\3\0\x0c" + bytes(10) + b"\2\3",)))
    yield "passphrase-of-2-passes", "corrupt", ROOT, keyring(header(slots=(passphrase_slot(2, 262144),)))
    yield "passphrase-of-too-little-memory", "corrupt", ROOT, keyring(header(slots=(passphrase_slot(3, 262143),)))
    yield "shares-of-threshold-1", "corrupt", ROOT, keyring(header(slots=(b"\3\0\x0c" + bytes(10) + b"\1\3",)))
    yield "slot-of-kind-4", "corrupt", ROOT, keyring(header(slots=(b"\4\0\0",)))
    yield "salt-altered-check-made-anew", "denied", ROOT, keyring(
        header(slots=(passphrase_slot(3, 262144),)), sealed_head=header(slots=(passphrase_slot(3, 262144, salt=b"b"),)))
    yield "wrong-root-key", "denied", flipped(ROOT, 0), good
    yield "header-altered-check-made-anew", "denied", ROOT, keyring(header(generation=2), sealed_head=header())
    yield "header-damaged", "corrupt", ROOT, flipped(good, 30)
    yield "commitment-damaged", "corrupt", ROOT, flipped(good, len(header()) + 24)
    yield "tag-damaged", "corrupt", ROOT, flipped(good, -1)
    yield "version-2", "corrupt", ROOT, keyring(header(version=2))
    yield "suite-2", "corrupt", ROOT, keyring(header(suite=2))
    yield "another-magic", "corrupt", ROOT, keyring(header(magic=b"CVKEYRNH"))
    yield "generation-0", "corrupt", ROOT, keyring(header(generation=0))
    yield "no-slots", "corrupt", ROOT, keyring(header(slots=()))
    yield "vault-id-altered-check-made-anew", "denied", ROOT, keyring(
        header(), sealed_head=header().replace(VAULT_ID, bytes(16)))
    yield "slots-altered-check-made-anew", "denied", ROOT, keyring(
        header(), sealed_head=header(slots=(KEYFILE_SLOT, KEYFILE_SLOT)))
    yield "nonce-damaged", "corrupt", ROOT, flipped(good, len(header()))
    yield "check-altered", "corrupt", ROOT, flipped(good, len(header()) + 56)
    yield "count-altered", "corrupt", ROOT, flipped(good, len(header()) + 75)
    yield "a-key-altered", "corrupt", ROOT, flipped(good, len(header()) + 76 + 20)
    yield "the-newest-key-cut-off", "corrupt", ROOT, good[:-66] + good[-16:]
    yield "empty", "corrupt", ROOT, b""
    yield "magic-only", "corrupt", ROOT, good[:8]
    yield "cut-in-the-header", "corrupt", ROOT, good[:30]
    yield "cut-behind-the-check", "corrupt", ROOT, good[:len(header()) + 72]
    yield "a-byte-short", "corrupt", ROOT, good[:-1]
    yield "a-byte-long", "corrupt", ROOT, good + b"0"
    yield "with-dates", "ok", ROOT, keyring(keys=rows() + [row(7, 0, 1, bytes(32)), row(8, 7, 1, bytes(32))])
    yield "key-of-purpose-9", "corrupt", ROOT, keyring(keys=[row(9, 0, 1, b"A" * 32)])
    yield "a-key-twice", "corrupt", ROOT, keyring(keys=[row(3, 0, 1, b"A" * 32), row(3, 0, 1, b"B" * 32)])
    yield "slot-with-parameters", "corrupt", ROOT, keyring(header(slots=(one_slot_with_parameters,)))
    yield "slot-says-it-has-parameters", "corrupt", ROOT, keyring(header(slots=(b"\1\0\4",)))
    yield "keys-out-of-order", "corrupt", ROOT, keyring(keys=rows()[::-1])
    yield "key-state-unknown", "corrupt", ROOT, keyring(keys=[row(3, 0, 1, b"A" * 32, state=9)])
    yield "count-too-large", "corrupt", ROOT, keyring(count=6)


# ---- the audit chain ----

def sha256(data):
    return hashlib.sha256(data).digest()


def entry(sequence, previous, operation=13, phase=1, result=0, flags=0, time=1_700_000_000_000, refers=0, amount=0,
          role=0, kind=0, token=bytes(16), names=(b"", b"", b""), digest=b"", checkpoint=b"", reason=b"", version=2):
    return (struct.pack(">BBIBBQQ32sQQIBB16sBBBH", version, phase, operation, result, flags, sequence, time,
                        previous, refers, amount, 1001, role, kind, token, *map(len, names), len(reason))
            + digest + checkpoint + b"".join(names) + reason)


AUDIT_ROOT = sha256(b"contact-vault audit 1" + VAULT_ID)
CREATED, CUT, BUDGET, CHECKPOINT = 200, 203, 205, 204
INSTANCE_ID = bytes(range(0x20, 0x30))
REVEAL = dict(kind=1, token=bytes(range(16)), names=(b"maria", b"shop", b""), reason=bytes(51))


def chain(*changes, root=AUDIT_ROOT):
    """CREATED, then one entry for each set of fields, linked."""
    entries = [entry(1, root, CREATED)]
    for fields in changes:
        fields = {"sequence": len(entries) + 1, "previous": sha256(entries[-1]), **fields}
        entries.append(entry(**fields))
    return [VAULT_ID, *entries]


# ---- Ed25519 (RFC 8032, 5.1; slow, and only for this) ----

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def add_points(a, b):
    (x1, y1), (x2, y2) = a, b
    t = D * x1 * x2 * y1 * y2
    return ((x1 * y2 + x2 * y1) * pow(1 + t, P - 2, P) % P, (y1 * y2 + x1 * x2) * pow(1 - t, P - 2, P) % P)


def multiply(scalar, point):
    total = (0, 1)
    while scalar:
        if scalar & 1:
            total = add_points(total, point)
        point = add_points(point, point)
        scalar >>= 1
    return total


BASE = (15112221349535400772501151409588531511454012693041857206046113283949847762202, 4 * pow(5, P - 2, P) % P)


def compress(point):
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def sign(seed, message):
    digest = hashlib.sha512(seed).digest()
    secret = int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | (1 << 254)
    public = compress(multiply(secret, BASE))
    r = int.from_bytes(hashlib.sha512(digest[32:] + message).digest(), "little") % ORDER
    point = compress(multiply(r, BASE))
    k = int.from_bytes(hashlib.sha512(point + public + message).digest(), "little") % ORDER
    return public, point + ((r + k * secret) % ORDER).to_bytes(32, "little")


AUDIT_SEED = b"S" * 32


def checkpoint(act, sequence, previous, changes=77, instance=INSTANCE_ID, **fields):
    """The fields of a signed entry, and its line."""
    time = 1_700_000_000_000
    section = instance + struct.pack(">Q", changes)
    fields = dict(fields, operation=act, flags=fields.get("flags", 0) | 4)
    digest = sha256(entry(sequence, previous, checkpoint=section + bytes(64), **fields))
    message = (b"contact-vault checkpoint 1" + VAULT_ID + instance
               + struct.pack(">IQQ", act, sequence, time) + digest + struct.pack(">Q", changes))
    signature = sign(AUDIT_SEED, message)[1]
    line = (f"contact-vault-checkpoint 1 {VAULT_ID.hex()} {instance.hex()} {act} {sequence} {time} {changes} "
            f"{digest.hex()} {signature.hex()}")
    return dict(fields, checkpoint=section + signature), line.encode()


def checkpoint_vectors():
    public = sign(AUDIT_SEED, b"")[0]
    created = chain()[1]
    for name, act, extra in (("opened", 201, {}), ("closed", 202, dict(names=(b"admin", b"", b""))),
                             ("checkpoint", 204, dict(flags=1, digest=b"d" * 32))):
        fields, line = checkpoint(act, 2, sha256(created), **extra)
        yield name, "ok", VAULT_ID, public, line, entry(2, sha256(created), **fields)
        yield name + "-by-another", "denied", VAULT_ID, flipped(public, 5), line, entry(2, sha256(created), **fields)
    good = entry(2, sha256(created), **fields)
    yield "another-vault", "denied", bytes(16), public, line, good
    for name, at in (("uid", 72), ("amount", 64), ("time", 20), ("access-tag", 99), ("instance", 131), ("changes", 150),
                     ("signature", 180), ("previous", 30)):
        yield "altered-" + name, "denied", VAULT_ID, public, line, flipped(good, at)
    for name, bad in (("upper-case", line[:-128] + line[-128:].upper()), ("two-blanks", line.replace(b" 2 ", b"  2 ")),
                      ("leading-zero", line.replace(b" 2 ", b" 02 ")), ("plus", line.replace(b" 2 ", b" +2 ")),
                      ("too-large", line.replace(b" 2 ", b" 18446744073709551616 ")),
                      ("wraps", line.replace(b" 2 ", b" 18446744073709551618 ")),
                      ("wraps-to-as-long", line.replace(b" 2 ", b" 28446744073709551616 ")),
                      ("act-too-large", line.replace(b" 204 ", b" 4294967500 ")),
                      ("sequence-0", line.replace(b" 2 ", b" 0 ")), ("cut", line[:-1]), ("longer", line + b"0"),
                      ("blank-after", line + b" "), ("carriage-return", line + b"\r"), ("domain-only", line[:26]),
                      ("version-2", line.replace(b"checkpoint 1", b"checkpoint 2"))):
        yield "line-" + name, "invalid", VAULT_ID, public, bad, good


def audit_vectors():
    intent = dict(operation=54, phase=2, flags=1, digest=b"d" * 32, role=3, names=(b"admin", b"shop", b"maria"))
    yield "created", "ok", *chain()
    yield "reveal", "ok", *chain(dict(operation=CUT), REVEAL)
    yield "relayed", "ok", *chain(dict(REVEAL, flags=2))
    yield "amount", "ok", *chain(dict(operation=BUDGET, amount=2**64 - 1))
    yield "checkpoint", "ok", *chain(checkpoint(CHECKPOINT, 2, sha256(chain()[1]))[0])
    yield "all-sections", "ok", *chain(dict(checkpoint(202, 2, sha256(chain()[1]), names=(b"a", b"b", b"c"))[0],
                                            flags=7, digest=b"d" * 32))
    yield "opened-unsigned", "corrupt", *chain(dict(operation=201))
    yield "closed-unsigned", "corrupt", *chain(dict(operation=202))
    yield "checkpoint-unsigned", "corrupt", *chain(dict(operation=CHECKPOINT))
    yield "reveal-signed", "corrupt", *chain(dict(flags=4, checkpoint=bytes(88)))
    yield "checkpoint-intent", "corrupt", *chain(dict(checkpoint(CHECKPOINT, 2, sha256(chain()[1]))[0], phase=2))
    yield "checkpoint-missing", "corrupt", *chain(dict(operation=CHECKPOINT, flags=4))
    yield "intent-and-outcome", "ok", *chain(intent, dict(intent, phase=3, refers=2))
    yield "same-time", "ok", *chain({}, {})
    yield "other-root", "corrupt", *chain(root=sha256(b"contact-vault audit 1" + bytes(16)))
    yield "not-created-first", "corrupt", VAULT_ID, entry(1, AUDIT_ROOT, CUT)
    yield "created-twice", "corrupt", *chain(dict(operation=CREATED))
    yield "wrong-hash", "corrupt", *chain(dict(previous=AUDIT_ROOT))
    yield "gap", "corrupt", *chain(dict(sequence=3))
    yield "time-back", "corrupt", *chain(dict(time=1_699_999_999_999))
    yield "version-1", "corrupt", *chain(dict(version=1))
    yield "flag-unknown", "corrupt", *chain(dict(flags=8))
    yield "status-unknown", "corrupt", *chain(dict(result=17))
    yield "outcome-of-the-future", "corrupt", *chain(dict(phase=3, refers=2))
    yield "name-with-escape", "corrupt", *chain(dict(names=(b"\x1b[2J", b"", b"")))
    yield "reason-too-short", "corrupt", *chain(dict(reason=bytes(40)))
    yield "digest-missing", "corrupt", *chain(dict(flags=1))
    yield "trailing-byte", "corrupt", *(chain()[:1] + [chain()[1] + b"\0"])


def write(name, about, vectors, by="make_keys.py"):
    with open(HERE / name, "w", encoding="ascii") as file:
        file.write(f"# Written by {by}. {about}\n")
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
    assert unseal(key, bytes(range(0x40, 0x58)), bytes.fromhex("50515253c0c1c2c3c4c5c6c7"), sealed)[:6] == b"Ladies"
    # RFC 8032, 7.1, test 1
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    public, signature = sign(seed, b"")
    assert public.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert signature.hex().startswith("e5564300c360ac729086e2cc806e828a")


if __name__ == "__main__":
    self_test()
    index = blind_index(b"+393331234567")
    write("keyring.txt", "Fields: root key, file, blind index of phone +393331234567 in namespace 7.",
          ((*vector, index) for vector in keyring_vectors()))
    write("audit_checkpoint.txt", "Fields: vault_id, public key, line, entry. denied: the signature does not hold.",
          checkpoint_vectors())
    write("audit.txt", "Fields: vault_id, then the entries of one chain.", audit_vectors())
