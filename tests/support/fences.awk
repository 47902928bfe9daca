# SPDX-License-Identifier: Apache-2.0
# The fenced blocks of a Markdown page, in their order, as one script: awk -v want='sh' -f fences.awk PAGE
# want: the words behind the three backquotes, all of them. A comment before each block says its line.
/^```/ {
    if (inside) {
        inside = 0
    } else {
        inside = 1
        taken = ($0 == "```" want)
        if (taken) { print "# " FILENAME " line " FNR; found = 1 }
    }
    next
}
inside && taken
END { if (inside || !found) { exit 1 } }
