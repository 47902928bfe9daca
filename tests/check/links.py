#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every relative link in every Markdown page leads to a file that is there, and every #anchor to a heading.

Usage: links.py [ROOT]. Prints each fault; exit 1 if any.
"""
import pathlib
import re
import sys
import urllib.parse

LINK = re.compile(r'!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)')
DEFINITION = re.compile(r'^\s{0,3}\[[^\]]+\]:\s*<?(\S+?)>?\s*$')
HEADING = re.compile(r'^#{1,6}\s+(.*?)\s*#*$')
ELSEWHERE = re.compile(r'^[a-z][a-z0-9+.-]*:', re.IGNORECASE)


def prose(page):
    """Its lines, with their numbers, without what stands in blocks of code."""
    fence = None
    for number, line in enumerate(page.read_text(encoding='utf-8').splitlines(), 1):
        mark = re.match(r'^\s{0,3}(`{3,}|~{3,})', line)
        if fence:
            if mark and mark[1].startswith(fence) and not line.strip(' `~'):
                fence = None
        elif mark:
            fence = mark[1]
        elif not re.match(r'^(\t| {4})', line):
            yield number, line


def anchors(page):
    """As GitHub makes them: lower case, no punctuation, hyphens for spaces, a number for what comes again."""
    seen = {}
    for _, line in prose(page):
        heading = HEADING.match(line)
        if heading:
            text = re.sub(r'\[([^\]]*)\]\([^)]*\)', r'\1', heading[1]).replace('`', '').lower()
            slug = re.sub(r'[^\w\- ]', '', text).replace(' ', '-')
            again = seen.get(slug, -1) + 1
            seen[slug] = again
            yield f'{slug}-{again}' if again else slug


def links(page):
    for number, line in prose(page):
        line = re.sub(r'`[^`]*`', '``', line)
        definition = DEFINITION.match(line)
        for target in [definition[1]] if definition else LINK.findall(line):
            if not ELSEWHERE.match(target):
                yield number, urllib.parse.unquote(target)


def fault_of(root, page, target):
    path, _, anchor = target.partition('#')
    goal = page if not path else (page.parent / path).resolve()
    if path.startswith('/') or not goal.is_relative_to(root):
        return 'leads out of the tree'
    if not goal.exists():
        return 'leads to nothing'
    if anchor and (goal.suffix != '.md' or anchor not in set(anchors(goal))):
        return 'leads to no heading'
    return None


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]).resolve()
    pages = [page for page in sorted(root.rglob('*.md'))
             if page.relative_to(root).parts[0] not in ('build', '.git')]
    seen, faults = 0, 0
    for page in pages:
        for number, target in links(page):
            seen += 1
            fault = fault_of(root, page, target)
            if fault:
                faults += 1
                print(f'links: {page.relative_to(root)}:{number}: {target} {fault}', file=sys.stderr)
    if seen < 10:
        print(f'links: only {seen} links were found in {len(pages)} pages', file=sys.stderr)
        faults += 1
    print(f'links: {seen} in {len(pages)} pages, {faults} faults')
    return 1 if faults else 0


sys.exit(main())
