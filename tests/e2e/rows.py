#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Somebody with LMDB's own tools and a hex editor, at the database of a stopped vault.

rows.py list STORE TABLE: "KEY SIZE" of each row, the key in hex
rows.py get STORE TABLE KEY: its value in hex
rows.py put STORE TABLE KEY VALUE: written, made if new
rows.py delete STORE TABLE KEY
rows.py places STORE TABLE KEY: the offsets in data.mdb at which that row's value begins, old pages too
"""
import ctypes
import os
import sys

MAP_BYTES = 1 << 30
TABLES_MAX = 16
MODE = 0o600
FIRST, NEXT = 0, 8  # MDB_FIRST, MDB_NEXT
NOT_FOUND = -30798


class Value(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("data", ctypes.c_void_p)]

    @classmethod
    def of(cls, data):
        value = cls(len(data), ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p))
        value.keep = data
        return value

    def bytes(self):
        return ctypes.string_at(self.data, self.size)


lmdb = ctypes.CDLL("liblmdb.so.0")
for call in ("mdb_env_create", "mdb_env_set_mapsize", "mdb_env_set_maxdbs", "mdb_env_open", "mdb_txn_begin",
             "mdb_dbi_open", "mdb_get", "mdb_put", "mdb_del", "mdb_txn_commit", "mdb_cursor_open", "mdb_cursor_get"):
    getattr(lmdb, call).restype = ctypes.c_int
lmdb.mdb_env_set_mapsize.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
lmdb.mdb_strerror.restype = ctypes.c_char_p
lmdb.mdb_env_close.restype = None


def check(error):
    if error:
        sys.exit("rows.py: " + lmdb.mdb_strerror(error).decode())


class Table:
    def __init__(self, store, name):
        self.env, self.txn, self.dbi = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_uint()
        check(lmdb.mdb_env_create(ctypes.byref(self.env)))
        check(lmdb.mdb_env_set_mapsize(self.env, MAP_BYTES))
        check(lmdb.mdb_env_set_maxdbs(self.env, TABLES_MAX))
        check(lmdb.mdb_env_open(self.env, store.encode(), 0, MODE))
        check(lmdb.mdb_txn_begin(self.env, None, 0, ctypes.byref(self.txn)))
        check(lmdb.mdb_dbi_open(self.txn, name.encode(), 0, ctypes.byref(self.dbi)))

    def rows(self):
        cursor, key, value = ctypes.c_void_p(), Value(), Value()
        check(lmdb.mdb_cursor_open(self.txn, self.dbi, ctypes.byref(cursor)))
        step, rows = FIRST, []
        while True:
            error = lmdb.mdb_cursor_get(cursor, ctypes.byref(key), ctypes.byref(value), step)
            if error == NOT_FOUND:
                return rows
            check(error)
            rows.append((key.bytes(), value.bytes()))
            step = NEXT

    def get(self, key):
        value = Value()
        check(lmdb.mdb_get(self.txn, self.dbi, ctypes.byref(Value.of(key)), ctypes.byref(value)))
        return value.bytes()

    def put(self, key, value):
        check(lmdb.mdb_put(self.txn, self.dbi, ctypes.byref(Value.of(key)), ctypes.byref(Value.of(value)), 0))

    def delete(self, key):
        check(lmdb.mdb_del(self.txn, self.dbi, ctypes.byref(Value.of(key)), None))

    def close(self):
        check(lmdb.mdb_txn_commit(self.txn))
        lmdb.mdb_env_close(self.env)


def print_places(store, value):
    with open(os.path.join(store, "data.mdb"), "rb") as file:
        data = file.read()
    at = data.find(value)
    while at >= 0:
        print(at)
        at = data.find(value, at + 1)


def main(words):
    counts = {"list": 3, "get": 4, "put": 5, "delete": 4, "places": 4}
    if len(words) == 0 or counts.get(words[0]) != len(words):
        sys.exit(__doc__)
    act, store, name = words[:3]
    key, value = (bytes.fromhex(word) for word in (words[3:] + ["", ""])[:2])
    table = Table(store, name)
    if act == "list":
        for row_key, row_value in table.rows():
            print(row_key.hex(), len(row_value))
    elif act == "get":
        print(table.get(key).hex())
    elif act == "put":
        table.put(key, value)
    elif act == "delete":
        table.delete(key)
    else:
        value = table.get(key)
    table.close()
    if act == "places":
        print_places(store, value)


main(sys.argv[1:])
