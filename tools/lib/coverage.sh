# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Which lines of vaultd/ and proto/ the everyday tests run. A process writes down what it ran when it ends by
# itself; what one did that was killed is not counted, so these are the least that was run.

# coverage_forget: what earlier runs counted.
coverage_forget() { find build/coverage -name '*.gcda' -delete; }

# coverage_print: a table by folder, from what lies in build/coverage. The table of phone rules is data: left out.
coverage_print() {
    gcovr --root . --object-directory build/coverage --filter 'vaultd/' --filter 'proto/' \
        --exclude 'vaultd/contact/phone_table\.c' --exclude-throw-branches --print-summary \
        --json-summary-pretty --json-summary build/coverage/summary.json build/coverage \
        >build/coverage/gcovr.log 2>&1 || {
        tail -n 20 build/coverage/gcovr.log
        return 1
    }
    jq -r '
        def row($name): "\(map(.line_covered) | add)\t\(map(.line_total) | add)\t\($name)";
        (.files | map(select(.line_total > 0) | . + {folder: (.filename | sub("/[^/]*$"; ""))})) as $files |
        ($files | group_by(.folder)[] | row(.[0].folder)), ($files | row("all"))' build/coverage/summary.json |
        awk -F '\t' 'BEGIN { printf "%-18s %8s %8s %7s\n", "folder", "lines", "run", "%" }
            { printf "%-18s %8d %8d %7.1f\n", $3, $2, $1, 100 * $1 / $2 }'
}
