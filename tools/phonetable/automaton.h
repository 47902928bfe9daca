/* SPDX-License-Identifier: Apache-2.0 */
/*
 * automaton.h: finite languages over digits, as nodes of one shared graph without circles. Two
 * nodes with the same label and the same successors are one node, so every automaton is minimal as
 * built and two languages are equal exactly when their nodes are.
 */
#ifndef PHONETABLE_AUTOMATON_H
#define PHONETABLE_AUTOMATON_H

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "regex.h"

namespace phonetable
{

constexpr int DIGITS = 10;

using Node = uint32_t;
using Label = uint8_t;
using Successors = std::array<Node, DIGITS>;

class Graph
{
  public:
    /* Label 0, and every digit leads back to it. */
    static constexpr Node NOWHERE = 0;

    Graph();

    Node intern(Label label, const Successors &next);
    /* A node with this label that every digit leads back to. */
    Node sink(Label label);

    Label label(Node node) const
    {
        return nodes_[node].label;
    }

    Node next(Node node, int digit) const
    {
        return nodes_[node].next[static_cast<size_t>(digit)];
    }

    /* What the whole of the digits must match: label 1 where they do. */
    Node language(const Program &program);
    /* Label 1 where the number of digits is one of these. */
    Node lengths(uint32_t mask);
    /* Label by label; join(0, 0) must be 0. */
    Node combine(Node a, Node b, const std::function<Label(Label, Label)> &join);

  private:
    struct Record {
        Label label;
        Successors next;
        bool operator<(const Record &other) const
        {
            return label != other.label ? label < other.label : next < other.next;
        }
    };

    Node language_of(const Program &program, const std::vector<size_t> &threads,
                     std::map<std::vector<size_t>, Node> &known);
    Node combine_known(Node a, Node b, const std::function<Label(Label, Label)> &join,
                       std::map<std::pair<Node, Node>, Node> &known);

    std::vector<Record> nodes_;
    std::map<Record, Node> ids_;
};

} // namespace phonetable

#endif
