/* SPDX-License-Identifier: Apache-2.0 */
#include "automaton.h"

#include <algorithm>
#include <stdexcept>

namespace phonetable
{
namespace
{

/* Adds to `threads` every instruction reached from `at` without a digit. */
void
reach(const Program &program, size_t at, std::vector<size_t> &threads)
{
    const Instruction &instruction = program.code[at];

    switch (instruction.kind) {
    case Instruction::SPLIT:
        reach(program, instruction.preferred, threads);
        reach(program, instruction.other, threads);
        break;
    case Instruction::JUMP:
        reach(program, instruction.preferred, threads);
        break;
    case Instruction::OPEN:
    case Instruction::CLOSE:
        reach(program, at + 1, threads);
        break;
    case Instruction::END:
        throw std::runtime_error("$ in the pattern of a whole number");
    case Instruction::DIGIT:
    case Instruction::MATCH:
        threads.push_back(at);
        break;
    }
}

void
tidy(std::vector<size_t> &threads)
{
    std::sort(threads.begin(), threads.end());
    threads.erase(std::unique(threads.begin(), threads.end()), threads.end());
}

} // namespace

Graph::Graph()
{
    sink(0);
}

Node
Graph::sink(Label label)
{
    Record record{label, {}};
    record.next.fill(static_cast<Node>(nodes_.size()));
    for (Node node = 0; node < nodes_.size(); node++) {
        Successors itself;
        itself.fill(node);
        if (nodes_[node].label == label && nodes_[node].next == itself) {
            return node;
        }
    }
    ids_[record] = static_cast<Node>(nodes_.size());
    nodes_.push_back(record);
    return static_cast<Node>(nodes_.size() - 1);
}

Node
Graph::intern(Label label, const Successors &next)
{
    Record record{label, next};
    auto [where, is_new] = ids_.try_emplace(record, static_cast<Node>(nodes_.size()));

    if (is_new) {
        nodes_.push_back(record);
    }
    return where->second;
}

Node
Graph::language(const Program &program)
{
    std::map<std::vector<size_t>, Node> known;
    std::vector<size_t> threads;

    reach(program, 0, threads);
    tidy(threads);
    return language_of(program, threads, known);
}

Node
Graph::language_of(const Program &program, const std::vector<size_t> &threads,
                   std::map<std::vector<size_t>, Node> &known)
{
    if (threads.empty()) {
        return NOWHERE;
    }
    auto found = known.find(threads);
    if (found != known.end()) {
        return found->second;
    }
    Successors next;
    for (int digit = 0; digit < DIGITS; digit++) {
        std::vector<size_t> after;
        for (size_t at : threads) {
            const Instruction &instruction = program.code[at];
            if (instruction.kind == Instruction::DIGIT && (instruction.digits >> digit & 1U)) {
                reach(program, at + 1, after);
            }
        }
        tidy(after);
        next[static_cast<size_t>(digit)] = language_of(program, after, known);
    }
    bool matches = std::any_of(threads.begin(), threads.end(), [&](size_t at) {
        return program.code[at].kind == Instruction::MATCH;
    });
    return known[threads] = intern(matches ? 1 : 0, next);
}

Node
Graph::lengths(uint32_t mask)
{
    if (mask == 0) {
        return NOWHERE;
    }
    Successors next;
    next.fill(lengths(mask >> 1));
    return intern(mask & 1U, next);
}

Node
Graph::combine(Node a, Node b, const std::function<Label(Label, Label)> &join)
{
    std::map<std::pair<Node, Node>, Node> known;

    known[{NOWHERE, NOWHERE}] = NOWHERE;
    return combine_known(a, b, join, known);
}

Node
Graph::combine_known(Node a, Node b, const std::function<Label(Label, Label)> &join,
                     std::map<std::pair<Node, Node>, Node> &known)
{
    auto found = known.find({a, b});
    if (found != known.end()) {
        return found->second;
    }
    Successors after;
    for (int digit = 0; digit < DIGITS; digit++) {
        after[static_cast<size_t>(digit)] =
            combine_known(next(a, digit), next(b, digit), join, known);
    }
    return known[{a, b}] = intern(join(label(a), label(b)), after);
}

} // namespace phonetable
