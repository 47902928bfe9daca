# SPDX-License-Identifier: Apache-2.0
"""Messages as proto/PROTOCOL.md has them. Its tables of fields, operations and statuses are read from the
page itself, so that a client made of this knows what the page says and nothing else."""
import pathlib
import re
from collections import namedtuple

import msgpack

PAGE = pathlib.Path(__file__).resolve().parents[3] / "proto" / "PROTOCOL.md"
FIELDS_OF_A_MAP, ENTRIES = 24, 65536  # section 2, rule 7
LISTS = (("values", "items"), ("grants",), ())  # rule 6: of a message, of an item, of a grant

Field = namedtuple("Field", "name number type low high")
Operation = namedtuple("Operation", "name number sockets request reply")
Shape = namedtuple("Shape", "must may one_of inner")


class Malformed(Exception):
    """What came is no message, or not the one that the page promises."""


def demand(true, what):
    if not true:
        raise Malformed(what)


# ---- the page ----


def rows(section):
    """The cells of each row of that section's tables that begins with a number."""
    text = re.search(rf"^## {section}\. .*?(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    for line in text.group().splitlines():
        cells = [cell.strip(" `") for cell in line.strip("|").split("|")]
        if cells[0].isdigit():
            yield cells


def bound(text):
    power = re.fullmatch(r"2\^(\d+)-1", text)
    return 2 ** int(power[1]) - 1 if power else int(text or 0)


def field(number, name, kind, limits, _):
    low, _, high = limits.partition("..")
    return Field(name, int(number), kind, bound(low), bound(high or low))


FIELDS = {row[1]: field(*row) for row in rows(3)}
NAMES = {one.number: one.name for one in FIELDS.values()}
STATUSES = {int(row[0]): row[1] for row in rows(6)}


def words(text):
    return {word for word in re.findall(r"\w+", text) if word in FIELDS}


def shape(text):
    """Which fields a cell of section 4 names: [may be left out], one of a, b; a or b; {of each item}."""
    inner = None
    if "{" in text:
        first, last = text.index("{"), text.rindex("}")
        inner = shape(text[first + 1 : last])
        text = text[:first] + text[last + 1 :]
    may = set().union(*map(words, re.findall(r"\[.*?\]", text)))
    text = re.sub(r"\[.*?\]", "", text)
    one_of = set().union(*map(words, re.findall(r"one of \w+, \w+|\w+ or \w+", text)))
    return Shape(words(text) - one_of, may, one_of, inner)


def operation(number, name, socket, request, reply):
    sockets = {"vault", "admin"} if socket == "both" else {{"data": "vault"}.get(socket, socket)}
    if reply.startswith("a batch: "):
        reply = reply.replace("a batch", "items")
    return Operation(name, int(number), sockets, shape(request), shape(reply))


OPERATIONS = {row[1]: operation(*row) for row in rows(4)}
OF_NUMBER = {one.number: one for one in OPERATIONS.values()}


# ---- messages ----


def encode(operation, fields):
    numbered = {FIELDS["operation"].number: OPERATIONS[operation].number}
    numbered.update((FIELDS[name].number, value) for name, value in fields.items())
    return msgpack.packb(numbered)


def decode(body):
    """The message's fields by name, all of section 2 checked."""
    try:
        found = msgpack.unpackb(
            body, strict_map_key=False, object_pairs_hook=unique, max_map_len=FIELDS_OF_A_MAP, ext_hook=no_extension
        )
    except (ValueError, RecursionError, msgpack.UnpackException) as error:
        raise Malformed(f"no MessagePack: {error}") from error
    left = [ENTRIES]
    return named(found, 0, left)


def unique(pairs):
    demand(all(type(key) is int for key, _ in pairs), "a key that is no number")
    demand(len(dict(pairs)) == len(pairs), "a field that stands twice")
    return dict(pairs)


def no_extension(*_):
    raise Malformed("an extension type")


def named(numbered, level, left):
    demand(type(numbered) is dict, "not a map")
    fields = {}
    for number, value in numbered.items():
        demand(number in NAMES, f"field {number}: not known")
        name = NAMES[number]
        fields[name] = checked(FIELDS[name], value, level, left)
    return fields


def checked(field, value, level, left):
    kind = {"uint": int, "bool": bool, "str": str, "bin": bytes, "texts": list, "maps": list}[field.type]
    demand(type(value) is kind, f"{field.name}: of another type")
    if field.type == "bool":
        return value
    if kind is list:
        demand(field.name in LISTS[level], f"{field.name}: not in this place")
        left[0] -= len(value)
        demand(left[0] >= 0, "too many entries")
    size = value if kind is int else len(value.encode()) if kind is str else len(value)
    demand(field.low <= size <= field.high, f"{field.name}: over or under its limit")
    if field.type == "texts":
        demand(all(type(text) is str for text in value), f"{field.name}: not of texts")
    if field.type == "maps":
        return [named(one, level + 1, left) for one in value]
    return value


def check_fields(fields, wanted):
    """A request's, or an item's: every field of its row, and no other."""
    names = set(fields)
    demand(wanted.must <= names, f"missing: {wanted.must - names}")
    demand(names <= wanted.must | wanted.may | wanted.one_of, f"not of this row: {names}")
    demand(not wanted.one_of or len(names & wanted.one_of) == 1, f"not one of {wanted.one_of}")


def check_request(fields):
    demand(fields.get("operation") in OF_NUMBER, "no such operation")
    check_fields({name: 0 for name in fields if name != "operation"}, OF_NUMBER[fields["operation"]].request)


def check_failure(fields):
    demand(fields.get("status", 0) != 0 and "message" in fields, "no failure")
    demand(set(fields) <= {"status", "message", "retry_after_s"}, "a failure says more than it may")


HELD = {"status", "message", "token", "kind", "mask", "retry_after_s"}  # section 9


def check_reply(operation, fields, request):
    """To that operation: what its row names, and an item of `items` for each of `values`."""
    demand("status" in fields, "a reply without a status")
    if fields["status"] != 0:
        return check_failure(fields)
    reply = OPERATIONS[operation].reply
    demand(set(fields) <= {"status"} | reply.must | reply.may, f"not of this row: {set(fields)}")
    if "values" in request:
        demand(len(fields["items"]) == len(request["values"]), "not an item for each value")
    for item in fields.get("items", []):
        if "status" in item and operation == "detokenize" and STATUSES[item["status"]] == "quota":
            demand(set(item) == HELD, "not an item over the budget of reveals")
        elif "status" in item:
            check_failure(item)
            demand("retry_after_s" not in item, "an item says when to come back")
        elif reply.inner is not None:
            check_fields(item, reply.inner)
            for grant in item.get("grants", []):
                check_fields(grant, reply.inner.inner)
