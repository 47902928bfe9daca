#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""peak.py FILE COMMAND...: runs it, writes its peak of resident memory in KiB to FILE; its exit code is the command's."""
import os
import sys

pid = os.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
_, status, usage = os.wait4(pid, 0)
with open(sys.argv[1], "w", encoding="ascii") as file:
    file.write(f"{usage.ru_maxrss}\n")
sys.exit(os.waitstatus_to_exitcode(status))
