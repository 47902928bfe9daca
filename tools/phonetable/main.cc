/* SPDX-License-Identifier: Apache-2.0 */
/*
 * phonetable VERSION: writes vaultd/contact/phone_table.c to stdout, from the metadata compiled
 * into the libphonenumber it is linked with. VERSION only goes into the comment at the top.
 */
#include <cstdio>
#include <deque>
#include <exception>
#include <map>
#include <vector>

#include "automaton.h"
#include "plan.h"

extern "C" {
#include "phone_table.h"
}

/* Not in libphonenumber's installed headers, but exported by it. */
namespace i18n
{
namespace phonenumbers
{
int metadata_size();
const void *metadata_get();
} // namespace phonenumbers
} // namespace i18n

namespace phonetable
{
namespace
{

constexpr int NUMBERS_PER_MASK_MIN = 100000; /* the design's bound for showing digits */
constexpr int ENDINGS = 100;                 /* of two digits, as a mask shows */

using Plans = std::map<int, Node>; /* by calling code */

Plans
build_plans(Graph &graph, const i18n::phonenumbers::PhoneMetadataCollection &collection)
{
    std::map<int, std::vector<const PhoneMetadata *>> regions;
    for (const PhoneMetadata &region : collection.metadata()) {
        auto &list = regions[region.country_code()];
        list.insert(region.main_country_for_code() ? list.begin() : list.end(), &region);
    }
    Plans plans;
    for (const auto &[code, list] : regions) {
        plans[code] = plan_of(graph, list);
    }
    return plans;
}

/* The automaton that reads the calling code first; no code is the beginning of another. */
Node
join_plans(Graph &graph, const Plans &plans, int code)
{
    constexpr int CODE_MAX = 999;
    auto found = plans.find(code);
    if (found != plans.end()) {
        return found->second;
    }
    Successors next{};
    for (int digit = 0; digit < DIGITS && code * DIGITS <= CODE_MAX; digit++) {
        if (code > 0 || digit > 0) { /* no code begins with 0 */
            next[static_cast<size_t>(digit)] = join_plans(graph, plans, code * DIGITS + digit);
        }
    }
    return graph.intern(PHONE_NO_CODE, next);
}

/* How many valid numbers there are from `node` on. */
double
count_valid(const Graph &graph, Node node, std::map<Node, double> &known)
{
    auto found = known.find(node);
    if (found != known.end()) {
        return found->second;
    }
    double count = graph.label(node) == PHONE_VALID ? 1 : 0;
    for (int digit = 0; digit < DIGITS; digit++) {
        Node next = graph.next(node, digit);
        if (next != node) {
            count += count_valid(graph, next, known);
        }
    }
    return known[node] = count;
}

/*
 * The calling codes where a mask shows no digits. Measured over all plans: none decides by the last
 * two digits, so behind each ending lies just a hundredth of the valid numbers.
 */
std::vector<int>
few_candidates(const Graph &graph, const Plans &plans)
{
    std::map<Node, double> known;
    std::vector<int> few;
    for (const auto &[code, node] : plans) {
        if (count_valid(graph, node, known) < double{NUMBERS_PER_MASK_MIN} * ENDINGS) {
            few.push_back(code);
        }
    }
    return few;
}

/* A state's successors are a list of different ones, and which of them each digit leads to. */
class Table
{
  public:
    Table(const Graph &graph, Node start) : graph_(graph)
    {
        number(start);
        for (size_t i = 0; i < order_.size(); i++) {
            add_row(order_[i]);
        }
    }

    void print() const
    {
        printf("const uint64_t phone_table_shapes[] = {");
        for (size_t i = 0; i < shapes_.size(); i++) {
            printf("%s0x%llx,", i % 8 == 0 ? "\n" : "",
                   static_cast<unsigned long long>(shapes_[i]));
        }
        printf("\n};\n\nconst uint16_t phone_table_targets[] = {");
        for (size_t i = 0; i < targets_.size(); i++) {
            printf("%s%u,", i % 20 == 0 ? "\n" : "", targets_[i]);
        }
        printf("\n};\n\nconst struct phone_state phone_table_states[] = {");
        for (size_t i = 0; i < rows_.size(); i++) {
            printf("%s{%zu,%zu,%d},", i % 8 == 0 ? "\n" : "", rows_[i].targets, rows_[i].shape,
                   rows_[i].verdict);
        }
        printf("\n};\n");
    }

    size_t states() const
    {
        return rows_.size();
    }

    size_t bytes() const
    {
        return shapes_.size() * sizeof(uint64_t) + targets_.size() * sizeof(uint16_t) +
               rows_.size() * sizeof(struct phone_state);
    }

  private:
    struct Row {
        size_t targets, shape;
        int verdict;
    };

    unsigned number(Node node)
    {
        auto [where, is_new] = numbers_.try_emplace(node, static_cast<unsigned>(order_.size()));
        if (is_new) {
            order_.push_back(node);
        }
        return where->second;
    }

    void add_row(Node node)
    {
        std::vector<unsigned> distinct;
        uint64_t shape = 0;

        for (int digit = 0; digit < DIGITS; digit++) {
            unsigned target = number(graph_.next(node, digit));
            size_t rank = 0;
            while (rank < distinct.size() && distinct[rank] != target) {
                rank++;
            }
            if (rank == distinct.size()) {
                distinct.push_back(target);
            }
            shape |= static_cast<uint64_t>(rank) << (PHONE_TABLE_RANK_BITS * digit);
        }
        auto [list, is_new_list] = lists_.try_emplace(distinct, targets_.size());
        if (is_new_list) {
            targets_.insert(targets_.end(), distinct.begin(), distinct.end());
        }
        auto [known, is_new_shape] = shape_numbers_.try_emplace(shape, shapes_.size());
        if (is_new_shape) {
            shapes_.push_back(shape);
        }
        rows_.push_back({list->second, known->second, graph_.label(node)});
    }

    const Graph &graph_;
    std::map<Node, unsigned> numbers_;
    std::deque<Node> order_;
    std::map<std::vector<unsigned>, size_t> lists_;
    std::map<uint64_t, size_t> shape_numbers_;
    std::vector<unsigned> targets_;
    std::vector<uint64_t> shapes_;
    std::vector<Row> rows_;
};

void
print_table(const Table &table, const std::vector<int> &few, const char *version)
{
    printf("/* SPDX-License-Identifier: Apache-2.0 */\n"
           "/*\n"
           " * phone_table.c: generated by tools/phonetable, not written by hand.\n"
           " * Source: libphonenumber %s, metadata of %d bytes (Apache-2.0).\n"
           " * To make it anew: cmake --build BUILD --target phone_table\n"
           " * %zu states, %zu bytes.\n"
           " */\n"
           "/* clang-format off */\n"
           "#include \"phone_table.h\"\n\n",
           version, i18n::phonenumbers::metadata_size(), table.states(), table.bytes());
    printf("const size_t phone_table_few_count = %zu;\n"
           "const uint16_t phone_table_few[] = {",
           few.size());
    for (size_t i = 0; i < few.size(); i++) {
        printf("%s%d,", i % 20 == 0 ? "\n" : "", few[i]);
    }
    printf("\n};\n\n");
    table.print();
}

} // namespace
} // namespace phonetable

int
main(int argc, char **argv)
{
    using namespace phonetable;

    if (argc != 2) {
        fprintf(stderr, "usage: phonetable VERSION-OF-LIBPHONENUMBER > phone_table.c\n");
        return 2;
    }
    try {
        i18n::phonenumbers::PhoneMetadataCollection collection;
        if (!collection.ParseFromArray(i18n::phonenumbers::metadata_get(),
                                       i18n::phonenumbers::metadata_size())) {
            fprintf(stderr, "phonetable: libphonenumber's metadata cannot be read\n");
            return 1;
        }
        Graph graph;
        Plans plans = build_plans(graph, collection);
        Table table(graph, join_plans(graph, plans, 0));
        print_table(table, few_candidates(graph, plans), argv[1]);
    } catch (const std::exception &error) {
        fprintf(stderr, "phonetable: %s\n", error.what());
        return 1;
    }
    return 0;
}
