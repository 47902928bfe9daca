# SPDX-License-Identifier: Apache-2.0
# csv.awk: fields of RFC 4180 lines (no line breaks within a field) into field[1], field[2], ...
function csv(line, field,    count, at, letter, quoted) {
    split("", field)
    count = 1
    for (at = 1; at <= length(line); at++) {
        letter = substr(line, at, 1)
        if (letter == "\"" && quoted && substr(line, at + 1, 1) == "\"") {
            field[count] = field[count] "\""
            at++
        } else if (letter == "\"") {
            quoted = !quoted
        } else if (letter == "," && !quoted) {
            count++
        } else if (letter != "\r") {
            field[count] = field[count] letter
        }
    }
    return count
}
