# SPDX-License-Identifier: Apache-2.0
"""Every status of PROTOCOL.md's section 6 is met, and the client does what stands beside it."""
import os
import socket
import threading
import time

import ed25519
from client import BATCH, Client, NotDone, status_of
from stage import PLENTY, ROLES, admin, caller, check, contacts, directory, refused, same, say, seed_of
from stage import stranger, tokens_of

# ---- refuse ----


def refusals():
    inbox, boss = caller("inbox"), admin()
    token = tokens_of(inbox.batch("tokenize", ["kept@example.org"]))[0]

    refused("denied", "refuse", inbox.call, "detokenize", values=[token], reason="curious")
    refused("denied", "refuse", inbox.call, "tokenize", values=["x@example.org"], namespace="berlin")
    refused("denied", "refuse", inbox.call, "tokenize", values=["x@example.org"], namespace="no such")
    refused("invalid", "refuse", boss.call, "tokenize", values=["x@example.org"])
    refused("invalid", "refuse", inbox.call, "namespace_create", name="x")
    refused("not_found", "refuse", boss.call, "principal_show", name="nobody")
    refused("conflict", "refuse", boss.call, "namespace_create", name="milano")
    refused("conflict", "refuse", boss.call, "grant", name="paola", role=ROLES["admin"])
    refused("too_large", "refuse", inbox.call, "mask", values=[token] * (BATCH + 1))
    refused("too_large", "refuse", boss.call, "namespace_create", name="x" * 65)
    values = ["no contact", "", "x" * 513, "phn_", "unknown@example.org"]
    wanted = ["invalid", "invalid", "too_large", "invalid", "not_found"]
    same("items", [status_of(item) for item in inbox.batch("lookup", values)], wanted)
    foreign = tokens_of(caller("crm").batch("tokenize", ["+49 30 23125 147"]))[0]
    unknown = "phn_014d2pf2dbsqqzxq5tk1v58cgg1"
    there, nowhere = inbox.batch("mask", [foreign, unknown])
    same("a foreign token", there, nowhere)
    same("it", status_of(there), "not_found")
    say("denied, invalid, too_large, not_found, conflict: refused")

    guest = caller("guest")
    time.sleep(2.1)
    refused("expired", "refuse", guest.call, "mask", values=[token])
    boss.call("grant", name="guest", role=ROLES["service"], namespace="milano")
    guest.call("mask", values=[token])
    say("expired: refused, until an admin grants anew")
    unauthenticated(boss, token)


def unauthenticated(boss, token):
    same("a stranger", stranger().ask("mask", connection=bytes(16), values=[token])["status"], "unauthenticated")
    guest = caller("guest")
    old = guest.id
    guest.wire = stranger()
    same("the old id", guest.wire.ask("mask", connection=old, values=[token])["status"], "unauthenticated")
    same("repeated", tokens_of(guest.batch("mask", [token])), [token])
    same("what it did", guest.did, ["hello"])
    check(guest.id != old, "the same id on another connection")
    boss.call("principal_disable", name="guest")
    refused("denied", "refuse", guest.call, "mask", values=[token])
    refused("unauthenticated", "refuse", caller, "guest")
    say("unauthenticated: HELLO once, repeat once; refused where HELLO says so")

    inbox, dora = caller("inbox"), caller("dora")
    for one in (inbox, dora):
        one.wire.socket.shutdown(socket.SHUT_RDWR)
    same("asked again", tokens_of(inbox.batch("mask", [token])), [token])
    same("what it did", inbox.did, ["again"])
    refused("no answer", "look first", dora.call, "erase", values=[token], reason="lost")
    say("no answer: what is harmless is asked again, an erase is not")


# ---- hold, retry ----


def masked(boss, paola, token):
    """A person over the budget of reveals: what fits is revealed, the rest is a mask and a time."""
    spent = sum(grant.get("used", 0) for grant in boss.call("principal_show", name="paola")["items"][0]["grants"])
    boss.call("grant", name="paola", role=ROLES["reveal"], namespace="milano", daily=spent + 9, hourly=spent + 1)
    items = paola.batch("detokenize", [token] * 3, reason="to see it")
    same("of three", [status_of(item) for item in items], ["ok", "quota", "quota"])
    for item in items[1:]:
        same("what is there", sorted(item), ["kind", "mask", "message", "retry_after_s", "status", "token"])
        same("the mask", item["mask"], paola.batch("mask", [token])[0]["mask"])
        check(3500 < item["retry_after_s"] < 3600 + 300, f"again in {item['retry_after_s']} s")
        same("what to do", paola.not_done(item).do, "hold")
    boss.call("grant", name="paola", role=ROLES["reveal"], namespace="milano", **PLENTY)
    say("quota of a person's reveals: the mask, and when")


def holds():
    boss, inbox, paola, sender = admin(), caller("inbox"), caller("paola"), caller("sender")
    token = tokens_of(inbox.batch("tokenize", ["held@example.org"]))[0]
    reveal = {"values": [token], "reason": "to see it"}

    small = caller("small")
    refused("quota", "send fewer", small.call, "tokenize", values=contacts("small", 11))
    error = refused("quota", "hold", small.batch, "tokenize", contacts("small", 11))
    same("what it did", small.did, ["send fewer"])
    check(3500 < error.seconds < 3600 + 300, f"an hour's budget comes back in {error.seconds} s")
    tokens_of(small.batch("tokenize", contacts("small", 5)))
    refused("quota", "hold", small.call, "lookup", values=["x@example.org"])
    boss.call("grant", name="small", role=ROLES["service"], namespace="milano", **PLENTY)
    tokens_of(small.batch("tokenize", contacts("small", 11)))
    say(f"quota: what never fits is sent in pieces, the rest held for {error.seconds} s, or until an admin gives more")

    masked(boss, paola, token)
    boss.call("freeze")
    refused("conflict", "refuse", boss.call, "freeze")
    refused("frozen", "hold", paola.call, "detokenize", **reveal)
    sender.call("detokenize", **reveal)
    boss.call("freeze", all=True)
    refused("frozen", "hold", sender.call, "detokenize", **reveal)
    same("masks go on", tokens_of(inbox.batch("mask", [token])), [token])
    held(sender, lambda: boss.call("unfreeze"), "detokenize", **reveal)
    say("frozen: held, and delivered when an admin lifted it")

    boss.call("seal")
    same("state", stranger().ask("status")["state"], "sealed")
    refused("sealed", "hold", inbox.call, "mask", values=[token])
    refused("sealed", "hold", caller, "inbox")
    held(inbox, unseal, "mask", values=[token])
    say("sealed: held, and answered when somebody unsealed")


def unseal():
    """A wrong key first, so that the right one comes too soon: one try in two seconds."""
    with open(f"{directory}.key", "rb") as file:
        key = file.read()
    wire = stranger("admin")
    same("a wrong key", wire.ask("unseal", root_key=bytes(32))["status"], "denied")
    early = Client.not_done(wire.ask("unseal", root_key=key))
    same("too soon", (early.status, early.do, early.seconds), ("busy", "retry", 2))
    time.sleep(early.seconds)
    same("the key", wire.ask("unseal", root_key=key)["status"], "ok")
    same("unsealed already", wire.ask("unseal", root_key=bytes(32))["status"], "ok")


def held(client, release, operation, **fields):
    """One thread holds its request; meanwhile release is called."""
    client.did.clear()
    replies = []
    thread = threading.Thread(target=lambda: replies.append(client.call(operation, patience=60, **fields)))
    thread.start()
    time.sleep(0.5)
    check(client.did and not replies, "it was not held")
    release()
    thread.join()
    same("done in the end", len(replies), 1)
    same("what it did", set(client.did), {"hold"})


def busy():
    """Two erasers at once: one of them is told to come back, and does."""
    inbox, erasers = caller("inbox"), [caller("dora"), caller("dora")]
    for attempt in range(10):
        tokens = tokens_of(inbox.batch("tokenize", contacts(f"twice{attempt}", 2000)))
        results = [None, None]

        def erase(which):
            half = tokens[which::2]
            results[which] = tokens_of(erasers[which].batch("erase", half, patience=60, reason="two at once")) == half

        threads = [threading.Thread(target=erase, args=(which,)) for which in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        same("all erased", results, [True, True])
        did = erasers[0].did + erasers[1].did
        if did:
            same("what they did", set(did), {"retry"})
            say(f"busy: retried {len(did)} times, until all of it was erased")
            return
    check(False, "no eraser was busy")


def throttles():
    """What many refusals lead to; last, for it holds for a while."""
    paola, unknown = caller("paola"), "phn_014d2pf2dbsqqzxq5tk1v58cgg1"
    items = paola.batch("detokenize", [unknown] * BATCH, reason="guessing")
    same("guesses", {status_of(item) for item in items}, {"not_found"})
    error = refused("quota", "hold", paola.call, "detokenize", values=[unknown] * 9, reason="guessing")
    check(1 <= error.seconds <= 9, f"to come back in {error.seconds} s")
    say("quota: too many guesses of one principal")

    wire, key = stranger(), ed25519.public_key(seed_of("inbox"))
    for _ in range(100):
        wire.ask("hello", version=1, nonce=bytes(32), public_key=key)
        reply = wire.ask("prove", signature=bytes(64), uid=os.geteuid())
        if reply["status"] != "unauthenticated":
            break
    same("too many false proofs", (reply["status"], reply.get("retry_after_s")), ("busy", 1))
    time.sleep(1)
    same("then", caller("inbox").principal, "inbox")
    say("busy: too many false proofs; answered again after retry_after_s")


# ---- what the shell has done to the vault ----


def unavailable():
    """No file may grow: what is new waits, and is done when the shell has given room."""
    inbox = caller("inbox")
    full = None
    for number in range(100):
        people = contacts(f"room{number}", BATCH)
        try:
            inbox.call("tokenize", values=people)
        except NotDone as error:
            full = error
            break
    check(full is not None, "there was room for 400,000 contacts")
    same("without room", (full.status, full.do), ("unavailable", "hold"))
    same("of an erase", Client.not_done({"status": full.status, "message": ""}, "erase").do, "look first")
    say("full")  # the shell reads this, and gives room in a second or two
    inbox.did.clear()
    tokens_of(inbox.batch("tokenize", people, patience=60))
    same("what it did", set(inbox.did), {"hold"})
    say(f"unavailable: held {len(inbox.did)} times, and done when there was room")


def kept_token():
    print(tokens_of(caller("inbox").batch("lookup", ["kept@example.org"]))[0])


def corrupt():
    inbox = caller("inbox")
    for operation, value in (("tokenize", "kept@example.org"), ("lookup", "kept@example.org")):
        item = inbox.batch(operation, [value, "held@example.org"])
        same(operation, [status_of(one) for one in item], ["corrupt", "ok"])
        same("what to do", Client.not_done(item[0]).do, "call somebody")
    say("corrupt: that item alone; not repeated, somebody is called")


def internal():
    inbox = caller("inbox")
    refused("internal", "call somebody", inbox.call, "tokenize", patience=60, values=["new@example.org"])
    same("what it did", inbox.did, [])
    inbox.call("tokenize", values=["held@example.org"])
    say("internal: not repeated, somebody is called; what needs nothing new is answered")


SCENES = (refusals, holds, busy, throttles, unavailable, kept_token, corrupt, internal)
