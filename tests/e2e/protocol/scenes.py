#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scenes.py SCENE DIR: the client of client.py with a real vault in DIR; see 21_protocol_clients.sh.
Each scene prints what it has seen, and stops at the first thing that is not so."""
import base64
import os
import socket
import sys
import threading
import time

import ed25519
import page
import statuses
import vectors
from client import BATCH, FRAME, Client, Connection, Lost, is_token, status_of
from stage import PERSON, PLENTY, ROLES, SERVICE, admin, caller, check, contacts, directory, path, refused, same
from stage import say, seed_of, stranger, tokens_of, vault_uid

# ---- cast ----


def public():
    """What principal add takes from a file: the public half of the test's key."""
    key = ed25519.public_key(seed_of("inbox"))
    print("contact-vault public 1", base64.b64encode(key).decode())


def identity_file():
    """Standard input is what vaultctl keygen wrote: its public line again."""
    first, second = sys.stdin.read().splitlines()
    same("its first line", first, "contact-vault identity 1")
    key = ed25519.public_key(base64.b64decode(second, validate=True))
    print("contact-vault public 1", base64.b64encode(key).decode())


def cast():
    """Everybody but inbox and who has enrolled, over the admin socket by the protocol itself."""
    boss = admin()
    for name in ("milano", "berlin"):
        boss.call("namespace_create", name=name)
    people = (
        ("crm", SERVICE, "service", PLENTY),
        ("sender", SERVICE, "deliver", PLENTY),
        ("paola", PERSON, "reveal", PLENTY),
        ("dora", PERSON, "privacy", {}),
        ("small", SERVICE, "service", {"daily": 1000, "hourly": 10}),
        ("guest", SERVICE, "service", {"lasts_s": 2}),
    )
    for name, kind, role, terms in people:
        if kind == SERVICE:  # a person has enrolled
            boss.call("principal_add", name=name, kind=kind, public_key=ed25519.public_key(seed_of(name)))
        where = "berlin" if name == "crm" else "milano"
        boss.call("grant", name=name, role=ROLES[role], namespace=where, **terms)
    boss.call("grant", name="inbox", role=ROLES["service"], namespace="milano", **PLENTY)
    found = boss.call("principal_list")["items"]
    same("principals", {one["name"] for one in found} - {name for name, *_ in people}, {"inbox", boss.principal})
    same("namespaces", [one["name"] for one in boss.call("namespace_list")["items"]], ["milano", "berlin"])
    say(f"{boss.principal}, known by uid, has made two namespaces and all services")


# ---- identity ----


def identity():
    wire = stranger()
    same("of a stranger", wire.ask("status")["state"], "unsealed")
    same("by key", caller("inbox").principal, "inbox")
    refused("unauthenticated", "refuse", caller, "nobody")
    by_uid = Client(path("vault"), vault_uid())
    same("by uid", by_uid.principal, admin().principal)
    check("contacts" in by_uid.call("status"), "an admin is told less than an admin")
    say("HELLO by key and by uid; a key that nobody has is refused at the end")

    key = ed25519.public_key(seed_of("inbox"))
    challenge = wire.ask("hello", version=1, nonce=bytes(32), public_key=key)
    same("a challenge", challenge["status"], "ok")
    for uid in (os.geteuid(), os.geteuid() + 1):
        same("a false proof", wire.ask("prove", signature=bytes(64), uid=uid)["status"], "unauthenticated")
    other = wire.ask("hello", version=2, nonce=bytes(32))
    same("version 2", (other["status"], "1" in other["message"]), ("invalid", True))
    say("a proof that does not hold, and one without a challenge, are refused; so is another version")
    false_vault()


def false_vault():
    """Somebody else's socket at the vault's place: not a byte is sent to it."""
    place = f"{directory}/run/false.sock"
    us = os.geteuid()
    other = 65534 if us == 0 else us
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(place)
    os.seteuid(other)
    listener.listen()
    os.seteuid(us)
    error = refused("false vault", "refuse", Connection, place, us if us == 0 else us + 1)
    same("who it is", error.message, f"uid {other} is at the other end")
    same("bytes sent", listener.accept()[0].recv(100), b"")
    os.unlink(place)
    say("who is not the vault's uid is sent nothing")


def read_status():
    """Standard input is a reply to `status`, as somebody else received it."""
    reply = page.decode(sys.stdin.buffer.read())
    page.check_reply("status", reply, {})
    print(", ".join(f"{name} {value}" for name, value in reply.items()))


# ---- batches ----


def work():
    inbox = caller("inbox")
    people = contacts("lead", 10000)
    made = inbox.batch("tokenize", people)
    tokens = tokens_of(made)
    same("different tokens", len(set(tokens)), len(people))
    check(all(map(is_token, tokens)), "a text that is no token")
    same("tokens looked up", tokens_of(inbox.batch("lookup", people)), tokens)
    same("masks", inbox.batch("mask", tokens), made)
    check(not any(one.split("-")[1].split("@")[0] in item["mask"] for one, item in zip(people, made)), "no mask")
    described = inbox.batch("describe", tokens[:BATCH])
    same("namespaces", {item["namespace"] for item in described}, {"milano"})
    say(f"{len(people)} contacts in batches of {BATCH}: tokens, the same looked up, masked and described")

    one, two = inbox.batch("tokenize", ["+39 06 5555 0147", "0039 06 55550147"])
    same("two spellings", two, one)
    same("as WhatsApp has it", inbox.batch("lookup", ["390655550147"], form=1), [one])
    same("its country", inbox.batch("describe", [one["token"]])[0]["country"], "+39")
    shown = caller("paola").batch("detokenize", [one["token"], tokens[7]], reason="a customer asked")
    same("in clear", [item["value"] for item in shown], ["+390655550147", people[7]])

    dora = caller("dora")
    gone = [tokens[0], people[1], tokens[0], "never@example.org"]
    items = dora.batch("erase", gone, reason="by letter of 3 May")
    same("erased", [item.get("token", status_of(item)) for item in items], tokens[:2] + ["not_found"] * 2)
    same("then", [status_of(item) for item in inbox.batch("mask", tokens[:3])], ["not_found", "not_found", "ok"])
    say("revealed with a reason, erased by token and by contact")
    pipelined(inbox, tokens)


def pipelined(inbox, tokens):
    """Twenty of each at once: those that wait for the disk and those that do not."""
    sent = {}
    for number in range(20):
        people = contacts("pipe", 100, 100 * number)
        sent[inbox.wire.send("tokenize", connection=inbox.id, values=people)] = None
        token = tokens[10 + number]
        sent[inbox.wire.send("mask", connection=inbox.id, values=[token])] = token
    order = []
    for _ in sent:
        number, reply = inbox.wire.receive()
        order.append(number)
        same("status", reply["status"], "ok")
        if sent[number] is not None:
            same("the answer to it", tokens_of(reply["items"]), [sent[number]])
    same("answered", sorted(order), sorted(sent))
    check(order != sorted(order), "all replies came in order: nothing was seen")
    say(f"{len(sent)} requests at once, answered out of order, each under its id")


# ---- limits ----


def limits():
    inbox = caller("inbox")
    empty = len(page.encode("tokenize", {"connection": inbox.id, "values": ["x" * 65536]})) - 65536
    values = ["x" * (FRAME - 4 - empty)]
    same("a whole frame", status_of(inbox.call("tokenize", values=values)["items"][0]), "too_large")
    try:
        inbox.wire.ask("tokenize", connection=inbox.id, values=[values[0] + "x"])
        check(False, "a frame over the limit was answered")
    except Lost:
        say(f"a frame of {FRAME} bytes is read; of one that has a byte more not a byte is")
    items = inbox.batch("tokenize", ["x" * 700] * BATCH)
    same("long values", {status_of(item) for item in items}, {"too_large"})
    same("what it did", inbox.did, ["send fewer", "again"])

    wire = stranger()
    for size, wanted in ((4083, "invalid"), (4084, "unauthenticated")):
        wire.send_body(bytes(size))
        same(f"a stranger's {size} bytes", wire.receive()[1]["status"], wanted)
    crowd = [stranger() for _ in range(33)]
    same("the last", crowd[-1].ask("status")["status"], "ok")
    try:
        crowd[0].ask("status")
        check(False, "33 strangers of one uid")
    except Lost:
        say("of 33 strangers the oldest is closed")
    many(inbox)


def many(inbox):
    """More than the vault reads at once: one thread writes while the other reads."""
    tokens = tokens_of(inbox.batch("tokenize", contacts("many", 100)))
    count = 500

    def write():
        for _ in range(count):
            inbox.wire.send("mask", connection=inbox.id, values=tokens)

    thread = threading.Thread(target=write)
    thread.start()
    while not inbox.wire.requests:
        time.sleep(0.01)
    for _ in range(count):
        same("tokens", tokens_of(inbox.wire.receive()[1]["items"]), tokens)
    thread.join()
    say(f"{count} requests at once, {count * len(tokens)} masks")


SCENES = (public, identity_file, cast, identity, read_status, work, limits)
SCENES += (vectors.vectors, vectors.examples) + statuses.SCENES

if __name__ == "__main__":
    {scene.__name__: scene for scene in SCENES}[sys.argv[1]]()
