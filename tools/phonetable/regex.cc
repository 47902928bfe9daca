/* SPDX-License-Identifier: Apache-2.0 */
#include "regex.h"

#include <cctype>
#include <memory>
#include <stdexcept>

namespace phonetable
{
namespace
{

constexpr uint16_t ANY_DIGIT = 0x3ff;

struct Tree;
using TreePointer = std::unique_ptr<Tree>;

struct Tree {
    enum Kind { EMPTY, DIGIT, SEQUENCE, CHOICE, GROUP, REPEAT, END };
    Kind kind = EMPTY;
    uint16_t digits = 0;
    std::vector<TreePointer> children;
    int group = 0; /* 0: not capturing */
    int at_least = 0, at_most = 0;
};

TreePointer
tree(Tree::Kind kind)
{
    auto result = std::make_unique<Tree>();
    result->kind = kind;
    return result;
}

class Parser
{
  public:
    explicit Parser(const std::string &pattern) : pattern_(pattern)
    {
    }

    TreePointer whole()
    {
        TreePointer result = choice();
        if (at_ != pattern_.size()) {
            fail();
        }
        return result;
    }

    int groups() const
    {
        return groups_;
    }

  private:
    [[noreturn]] void fail() const
    {
        throw std::runtime_error("regular expression not understood at " + std::to_string(at_) +
                                 ": " + pattern_);
    }

    char peek() const
    {
        return at_ < pattern_.size() ? pattern_[at_] : '\0';
    }

    bool take(const char *text)
    {
        std::string wanted(text);
        if (pattern_.compare(at_, wanted.size(), wanted) != 0) {
            return false;
        }
        at_ += wanted.size();
        return true;
    }

    void want(const char *text)
    {
        if (!take(text)) {
            fail();
        }
    }

    TreePointer choice()
    {
        TreePointer result = tree(Tree::CHOICE);
        do {
            result->children.push_back(sequence());
        } while (take("|"));
        return result;
    }

    TreePointer sequence()
    {
        TreePointer result = tree(Tree::SEQUENCE);
        while (peek() != '\0' && peek() != '|' && peek() != ')') {
            result->children.push_back(repeated(atom()));
        }
        return result;
    }

    TreePointer atom()
    {
        TreePointer result;
        if (take("(?:")) {
            result = choice();
            want(")");
        } else if (take("(")) {
            int group = ++groups_;
            result = tree(Tree::GROUP);
            result->group = group;
            result->children.push_back(choice());
            want(")");
        } else if (take("$")) {
            result = tree(Tree::END);
        } else {
            result = tree(Tree::DIGIT);
            result->digits = take("[") ? rest_of_class() : digits();
        }
        return result;
    }

    uint16_t digits()
    {
        if (take("\\d")) {
            return ANY_DIGIT;
        }
        return static_cast<uint16_t>(1U << digit());
    }

    int digit()
    {
        if (!isdigit(static_cast<unsigned char>(peek()))) {
            fail();
        }
        return pattern_[at_++] - '0';
    }

    uint16_t rest_of_class()
    {
        uint16_t result = 0;
        while (!take("]")) {
            if (take("\\d")) {
                result = ANY_DIGIT;
                continue;
            }
            int first = digit();
            int last = take("-") ? digit() : first;
            for (int each = first; each <= last; each++) {
                result = static_cast<uint16_t>(result | (1U << each));
            }
        }
        return result;
    }

    int number()
    {
        int result = digit();
        while (isdigit(static_cast<unsigned char>(peek()))) {
            result = result * 10 + digit();
        }
        return result;
    }

    TreePointer repeated(TreePointer what)
    {
        TreePointer result = tree(Tree::REPEAT);
        if (take("?")) {
            result->at_least = 0;
            result->at_most = 1;
        } else if (take("{")) {
            result->at_least = number();
            result->at_most = take(",") ? number() : result->at_least;
            want("}");
        } else {
            return what;
        }
        if (peek() == '?' || peek() == '+') {
            fail(); /* a lazy or possessive form: the order of preference would differ */
        }
        result->children.push_back(std::move(what));
        return result;
    }

    const std::string &pattern_;
    size_t at_ = 0;
    int groups_ = 0;
};

class Emitter
{
  public:
    explicit Emitter(std::vector<Instruction> &code) : code_(code)
    {
    }

    void emit(const Tree &tree)
    {
        switch (tree.kind) {
        case Tree::EMPTY:
            break;
        case Tree::DIGIT:
            add(Instruction::DIGIT).digits = tree.digits;
            break;
        case Tree::END:
            add(Instruction::END);
            break;
        case Tree::SEQUENCE:
            for (const TreePointer &child : tree.children) {
                emit(*child);
            }
            break;
        case Tree::GROUP:
            add(Instruction::OPEN).group = tree.group;
            emit(*tree.children[0]);
            add(Instruction::CLOSE).group = tree.group;
            break;
        case Tree::CHOICE:
            emit_choice(tree);
            break;
        case Tree::REPEAT:
            emit_repeat(tree);
            break;
        }
    }

    Instruction &add(Instruction::Kind kind)
    {
        code_.push_back(Instruction{});
        code_.back().kind = kind;
        return code_.back();
    }

  private:
    void emit_choice(const Tree &tree)
    {
        std::vector<size_t> jumps;
        for (size_t i = 0; i + 1 < tree.children.size(); i++) {
            size_t split = code_.size();
            add(Instruction::SPLIT).preferred = split + 1;
            emit(*tree.children[i]);
            jumps.push_back(code_.size());
            add(Instruction::JUMP);
            code_[split].other = code_.size();
        }
        emit(*tree.children.back());
        for (size_t jump : jumps) {
            code_[jump].preferred = code_.size();
        }
    }

    void emit_repeat(const Tree &tree)
    {
        std::vector<size_t> splits;
        for (int i = 0; i < tree.at_most; i++) {
            if (i >= tree.at_least) {
                splits.push_back(code_.size());
                add(Instruction::SPLIT);
                code_.back().preferred = code_.size();
            }
            emit(*tree.children[0]);
        }
        for (size_t split : splits) {
            code_[split].other = code_.size();
        }
    }

    std::vector<Instruction> &code_;
};

} // namespace

Program
compile(const std::string &pattern)
{
    Parser parser(pattern);
    TreePointer tree = parser.whole();
    Program program;
    Emitter emitter(program.code);

    emitter.emit(*tree);
    emitter.add(Instruction::MATCH);
    program.groups = parser.groups();
    return program;
}

} // namespace phonetable
