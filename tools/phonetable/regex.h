/* SPDX-License-Identifier: Apache-2.0 */
/*
 * regex.h: the small part of regular expression syntax that numbering-plan metadata uses: digits,
 * \d, classes, groups, |, ?, {m}, {m,n} and $. Compiled to a program whose order of alternatives is
 * the order of preference, as a backtracking matcher would try them.
 */
#ifndef PHONETABLE_REGEX_H
#define PHONETABLE_REGEX_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace phonetable
{

struct Instruction {
    enum Kind {
        DIGIT, /* one digit of the set, then the next instruction */
        SPLIT, /* first `preferred`, then `other` */
        JUMP,  /* to `preferred` */
        OPEN,  /* group number `group` begins */
        CLOSE, /* and ends */
        END,   /* only at the end of the digits */
        MATCH,
    };
    Kind kind;
    uint16_t digits = 0; /* bit n: the digit n */
    size_t preferred = 0, other = 0;
    int group = 0;
};

struct Program {
    std::vector<Instruction> code;
    int groups = 0;
};

/* Throws std::runtime_error on syntax it does not know, rather than guess. */
Program compile(const std::string &pattern);

} // namespace phonetable

#endif
