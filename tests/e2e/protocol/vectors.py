# SPDX-License-Identifier: Apache-2.0
"""The vectors: RFC 8032's own, and the files that PROTOCOL.md names."""
import re

import ed25519
import page
from client import is_token, transcript
from stage import check, same, say, stranger

SHORT = 4083  # of a stranger nothing longer is looked at

RFC_8032 = (  # section 7.1: seed, public key, message, signature
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0"
        "595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eae"
        "b4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9"
        "716ed28dc027beceea1ec40a",
    ),
)
VECTORS = page.PAGE.parents[1] / "tests" / "vectors"


def records(name):
    """The records of a file of vectors: what stands behind the colons, and the lines of the content."""
    for text in (VECTORS / name).read_text(encoding="utf-8").split("\n\n"):
        lines = [line for line in text.split("\n") if line and not line.startswith("#")]
        if lines:
            record = dict(line.partition(":")[::2] for line in lines if not line.startswith("  "))
            record = {key: value[1:] for key, value in record.items()}
            yield record, [line[2:] for line in lines if line.startswith("  ")]


def bytes_of(text):
    """(..)*N repeats what the brackets hold; blanks do not count."""
    repeated = re.sub(r"\(([^)]*)\)\*(\d+)", lambda match: match[1] * int(match[2]), text)
    return bytes.fromhex(repeated.replace(" ", ""))


def content(lines):
    """What a record says its message holds, as decode gives it."""
    fields = {}
    for _ in range(int(lines.pop(0).partition(" ")[2])):
        kind, name, *value = lines.pop(0).split(" ", 2)
        if kind == "texts":
            fields[name] = [lines.pop(0).partition(" ")[2] for _ in range(int(value[0]))]
        elif kind == "maps":
            fields[name] = [content(lines) for _ in range(int(value[0]))]
        else:
            value = value[0] if value else ""
            read = {"uint": int, "bool": "true".__eq__, "bin": bytes.fromhex, "str": str}[kind]
            fields[name] = read(value)
    return fields


def vectors():
    for seed, key, message, signature in RFC_8032:
        seed = bytes.fromhex(seed)
        same("RFC 8032's key", ed25519.public_key(seed).hex(), key)
        same("RFC 8032's signature", ed25519.sign(seed, bytes.fromhex(message)).hex(), signature)
    counts = [len(RFC_8032), 0, 0, 0, 0]
    for record, _ in records("hello.txt"):
        counts[1] += 1
        parts = [bytes.fromhex(record[name]) for name in ("instance_id", "public_key", "client_nonce", "vault_nonce")]
        signed = transcript(*parts, int(record["uid"]))
        same("transcript", signed.hex(), record["transcript"])
        same("signature", ed25519.sign(bytes.fromhex(record["seed"]), signed).hex(), record["signature"])
    for record, lines in records("messages.txt"):
        counts[2] += 1
        same(record["name"], page.decode(bytes_of(record["hex"])), content(lines))
    for record, _ in records("bad_messages.txt"):
        counts[3] += 1
        try:
            fields = page.decode(bytes_of(record["hex"]))
            page.check_request(fields) if record["direction"] == "request" else page.check_failure(fields)
            check(False, f"{record['name']}: taken for a message")
        except page.Malformed:
            pass
    for record, _ in records("tokens.txt"):
        counts[4] += 1
        same(record["name"], is_token(record["text"]), record["status"] == "ok")
    say("RFC 8032: {}, hello: {}, messages: {}, bad ones: {}, tokens: {}".format(*counts))


def examples():
    """The vault and the vectors: each bad request is answered as it says; each good one exists on the
    sockets of its row and on no other."""
    door = {"vault": stranger(), "admin": stranger("admin")}
    count = 0
    for record, _ in records("bad_messages.txt"):
        body = bytes_of(record["hex"])
        if record["direction"] != "request" or len(body) > SHORT:
            continue
        count += 1
        wire = door["admin"]
        wire.send_body(body)
        reply = wire.receive()[1]
        same(record["name"], reply, {"status": record["status"], "message": record["fault"]})
    for record, lines in records("messages.txt"):
        if record["direction"] != "request" or "root_key" in record["hex"]:
            continue
        fields = content(lines)
        operation = page.OF_NUMBER[fields["operation"]]
        if "connection" not in fields or len(bytes_of(record["hex"])) > SHORT:
            continue
        count += 1
        for name, wire in door.items():
            wire.send_body(bytes_of(record["hex"]))
            wanted = "unauthenticated" if name in operation.sockets else "invalid"
            same(f"{record['name']} on {name}", wire.receive()[1]["status"], wanted)
    say(f"{count} of the page's examples are answered as it says")
