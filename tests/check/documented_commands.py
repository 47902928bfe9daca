#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the pages make a reader type exists: each vaultctl and vaultd command and option in a piece of code.

Usage: documented_commands.py ROOT VAULTCTL VAULTD. Prints each fault; exit 1 if any.
"""
import functools
import pathlib
import re
import subprocess
import sys

OPTION = re.compile(r'^--?[A-Za-z][A-Za-z0-9-]*')
CALL = re.compile(r'(?<![\w.-])(vaultctl|vaultd)(?=[ \t])([^|;&`#<>)]*)')


@functools.lru_cache(maxsize=None)
def help_of(*command):
    return subprocess.run([*command, '--help'], capture_output=True, text=True, check=True).stdout


def options_of(*command):
    lines = [line for line in help_of(*command).splitlines() if re.match(r'\s+-', line)]
    return {option for line in lines for option in re.findall(r'(?<![\w-])--?[A-Za-z][A-Za-z0-9-]*', line)}


def commands_of(vaultctl):
    listed = help_of(vaultctl).split('Commands:')[1].split('\n\n')[0]
    return set(re.findall(r'^  ([a-z]+(?: [a-z]+)?)  ', listed, re.MULTILINE))


def code(page):
    """Pieces of code with their line numbers: blocks, fenced and indented, and what stands in backquotes."""
    fence, whole, first = None, '', 0
    for number, line in enumerate(page.read_text(encoding='utf-8').splitlines(), 1):
        mark = re.match(r'^```(\w*)', line)
        if mark:
            fence = None if fence is not None else mark[1]
        elif fence is not None or line.startswith('    '):
            whole, first = (whole + ' ' + line, first) if whole else (line, number)
            if whole.endswith('\\'):
                whole = whole[:-1]
                continue
            if fence != 'c':
                yield first, whole
            whole = ''
        else:
            for piece in re.findall(r'`([^`]+)`', line):
                yield number, piece


def fault_of(program, words, programs, commands):
    command = []
    if program == 'vaultctl':
        if not words or words[0] in ('COMMAND', '...'):
            return None
        pair = ' '.join(words[:2])
        command = pair.split() if pair in commands else words[:1] if words[0] in commands else None
        if command is None and not words[0].startswith('-'):
            return f'there is no vaultctl {pair}'
    elif words and words[0] in ('init', 'audit-verify'):
        command = words[:1]
    known = options_of(programs[program], *command) if command else {'--help', '--version'}
    if program == 'vaultd' and not command:
        known = options_of(programs[program])
    for word in words:
        option = OPTION.match(word.strip('[],.:'))
        if option and option[0] not in known:
            return f'{" ".join([program, *(command or [])])} has no {option[0]}'
    return None


def main():
    root, vaultctl, vaultd = sys.argv[1:]
    programs = {'vaultctl': vaultctl, 'vaultd': vaultd}
    commands = commands_of(vaultctl)
    seen, faults = set(), 0
    for page in sorted(pathlib.Path(root).resolve().rglob('*.md')):
        path = page.relative_to(pathlib.Path(root).resolve())
        if path.parts[0] in ('build', '.git'):
            continue
        for number, piece in code(page):
            piece = re.sub(r"'[^']*'|\"[^\"]*\"", 'QUOTED', piece)
            for program, rest in CALL.findall(piece):
                words = rest.split()
                seen.add((program, *words[:2]))
                fault = fault_of(program, words, programs, commands)
                if fault:
                    faults += 1
                    print(f'documented_commands: {path}:{number}: {fault}', file=sys.stderr)
    if len(seen) < 20:
        print(f'documented_commands: only {len(seen)} were found', file=sys.stderr)
        faults += 1
    print(f'documented_commands: {len(seen)} kinds of calls, {faults} faults')
    return 1 if faults else 0


sys.exit(main())
