#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clog.py SOCKET: asks and never reads, until the vault cannot get rid of its answers; says "clogged" and stays."""
import signal
import socket
import sys

from wire import F_OPERATION, F_VERSION, STATUS, Connection, pack

connection = Connection(sys.argv[1])
request = connection.frame(pack({F_OPERATION: STATUS, F_VERSION: 1}))
connection.socket.settimeout(1)
try:
    while True:
        connection.socket.sendall(request * 100)
except socket.timeout:
    print("clogged", flush=True)
signal.pause()
