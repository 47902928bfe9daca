#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""notified.py SOCKET: a service manager's ear; each datagram on a line. "@name" is an abstract socket."""
import socket
import sys

name = sys.argv[1]
ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
ear.bind("\0" + name[1:] if name.startswith("@") else name)
print("listening", flush=True)
while True:
    print(ear.recv(4096).decode().replace("\n", " "), flush=True)
