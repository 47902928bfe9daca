#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the pages make a reader type exists: each vaultctl and vaultd command and option in a piece of code. And what
they make him look for: each event, status, key or name_like_this in the pages for people, and each message quoted in
the first column of the operating guide's last table. And README.md tells a caller to do what PROTOCOL.md tells him.

Usage: documented_commands.py ROOT VAULTCTL VAULTD. Prints each fault; exit 1 if any.
"""
import functools
import pathlib
import re
import subprocess
import sys

OPTION = re.compile(r'^--?[A-Za-z][A-Za-z0-9-]*')
NAME = re.compile(r'(?<![\w./-])[a-z]+(?:_[a-z]+)+(?![\w/.(-])')
PAGES_FOR_PEOPLE = ('README.md', 'docs/')
WHERE_NAMES_ARE = ('vaultd/base/log.c', 'vaultd/main_serve.c', 'vaultd/vaultd.conf.example', 'proto/PROTOCOL.md',
                   'client/contactvault.h')
WHERE_MESSAGES_ARE = ('vaultd', 'proto', 'client', 'tools')
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
    known = options_of(programs[program], *command) if command else {'--help', '--version', '--completion'}
    if program == 'vaultd' and not command:
        known = options_of(programs[program])
    for word in words:
        option = OPTION.match(word.strip('[],.:'))
        if option and option[0] not in known:
            return f'{" ".join([program, *(command or [])])} has no {option[0]}'
    return None


def names_of(root):
    return {name for path in WHERE_NAMES_ARE for name in re.findall(r'\w+', (root / path).read_text(encoding='utf-8'))}


def unknown_names(piece, names):
    for call in CALL.findall(piece):
        piece = piece.replace(call[1], '')
    return [name for name in NAME.findall(piece.replace('\\n', ' ')) if name not in names]


def unknown_messages(root):
    """Quoted in the table of what one sees, and said by no source file; ` ... ` stands for anything."""
    source = ''.join(file.read_text(encoding='utf-8') for folder in WHERE_MESSAGES_ARE
                     for file in sorted((root / folder).rglob('*.[ch]')))
    source = re.sub(r'"\s*"', '', source)
    guide = (root / 'docs/OPERATING.md').read_text(encoding='utf-8')
    rows = re.findall(r'^\| ([^|]*) \|', guide.split('## When something is wrong')[-1].split('\n## ')[0], re.MULTILINE)
    quoted = [part for row in rows for quote in re.findall('"([^"]*)"', row) for part in quote.split(' ... ')]
    return [part for part in quoted if part not in source] if len(quoted) > 10 else ['enough messages']


def advice_faults(root):
    """README.md's table of answers against PROTOCOL.md's of statuses: the same word (hold, retry, refuse) for each."""
    protocol = (root / 'proto/PROTOCOL.md').read_text(encoding='utf-8')
    readme = (root / 'README.md').read_text(encoding='utf-8')
    rows = re.findall(r'^\| \d+ \| `(\w+)` \|[^|]*\| ([^|]*) \|$', protocol, re.MULTILINE)
    wanted = {status: advice for status, advice in rows if advice}
    told = set()
    for answer, advice in re.findall(r'^\| (`[^|]*) \|[^|]*\| \*\*(.*)\|$', readme, re.MULTILINE):
        for status in set(re.findall(r'`(\w+)`', answer)) & set(wanted):
            told.add(status)
            if not re.search(rf'\b{advice.split("*")[0]}\b', wanted[status]):
                yield f'of {status} says {advice.split("*")[0]}, PROTOCOL.md: {wanted[status]}'
    for status in set(wanted) - told - {'conflict'}:
        yield f'does not say what to do about {status}'


def main():
    root, vaultctl, vaultd = sys.argv[1:]
    programs = {'vaultctl': vaultctl, 'vaultd': vaultd}
    commands = commands_of(vaultctl)
    seen, faults = set(), 0
    root = pathlib.Path(root).resolve()
    names = names_of(root)
    for page in sorted(root.rglob('*.md')):
        path = page.relative_to(root)
        if path.parts[0] in ('build', '.git'):
            continue
        for number, piece in code(page):
            for name in unknown_names(piece, names) if str(path).startswith(PAGES_FOR_PEOPLE) else []:
                faults += 1
                print(f'documented_commands: {path}:{number}: nothing is called {name}', file=sys.stderr)
            piece = re.sub(r"'[^']*'|\"[^\"]*\"", 'QUOTED', piece)
            for program, rest in CALL.findall(piece):
                words = rest.split()
                seen.add((program, *words[:2]))
                fault = fault_of(program, words, programs, commands)
                if fault:
                    faults += 1
                    print(f'documented_commands: {path}:{number}: {fault}', file=sys.stderr)
    for fault in advice_faults(root):
        faults += 1
        print(f'documented_commands: README.md {fault}', file=sys.stderr)
    for message in unknown_messages(root):
        faults += 1
        print(f'documented_commands: docs/OPERATING.md: nothing says "{message}"', file=sys.stderr)
    if len(seen) < 20:
        print(f'documented_commands: only {len(seen)} were found', file=sys.stderr)
        faults += 1
    print(f'documented_commands: {len(seen)} kinds of calls, {faults} faults')
    return 1 if faults else 0


sys.exit(main())
