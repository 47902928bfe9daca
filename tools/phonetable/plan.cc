/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include <stdexcept>
#include <string>
#include <tuple>

extern "C" {
#include "phone_table.h"
}

namespace phonetable
{
namespace
{

using i18n::phonenumbers::PhoneNumberDesc;

/* PhoneNumberUtil::kMinLengthForNsn and kMaxLengthForNsn. */
constexpr int NATIONAL_DIGITS_MIN = 2;
constexpr int NATIONAL_DIGITS_MAX = 17;

uint32_t
mask_of(const google::protobuf::RepeatedField<int> &lengths)
{
    uint32_t mask = 0;
    for (int length : lengths) {
        if (length >= 0) { /* -1: there are no such numbers */
            mask |= 1U << length;
        }
    }
    return mask;
}

Label
either(Label a, Label b)
{
    return a | b;
}

Label
both(Label a, Label b)
{
    return a & b;
}

Label
without(Label a, Label b)
{
    return a & static_cast<Label>(b == 0);
}

/* ---- PhoneNumberUtil::IsValidNumber ---- */

/* IsNumberMatchingDesc */
Node
described(Graph &graph, const PhoneNumberDesc &desc)
{
    if (desc.national_number_pattern().empty()) {
        return Graph::NOWHERE;
    }
    Node pattern = graph.language(compile(desc.national_number_pattern()));
    if (desc.possible_length_size() == 0) {
        return pattern;
    }
    return graph.combine(pattern, graph.lengths(mask_of(desc.possible_length())), both);
}

/* GetNumberTypeHelper finds a type. */
Node
typed(Graph &graph, const PhoneMetadata &region)
{
    Node any = Graph::NOWHERE;
    for (const PhoneNumberDesc *desc :
         {&region.premium_rate(), &region.toll_free(), &region.shared_cost(), &region.voip(),
          &region.personal_number(), &region.pager(), &region.uan(), &region.voicemail(),
          &region.fixed_line()}) {
        any = graph.combine(any, described(graph, *desc), either);
    }
    if (!region.same_mobile_and_fixed_line_pattern()) {
        any = graph.combine(any, described(graph, region.mobile()), either);
    }
    return graph.combine(any, described(graph, region.general_desc()), both);
}

/* Numbers that begin as `pattern` says. */
Node
beginning(Graph &graph, const std::string &pattern)
{
    std::string rest = "\\d{0," + std::to_string(NATIONAL_DIGITS_MAX) + "}";
    return graph.language(compile("(?:" + pattern + ")" + rest));
}

/* GetRegionCodeForNumber takes the first region that fits; one alone is taken unseen. */
Node
valid_numbers(Graph &graph, const std::vector<const PhoneMetadata *> &regions)
{
    Node valid = Graph::NOWHERE, taken = Graph::NOWHERE;
    for (const PhoneMetadata *region : regions) {
        Node numbers = graph.combine(typed(graph, *region), taken, without);
        if (region->has_leading_digits() && regions.size() > 1) {
            Node begun = beginning(graph, region->leading_digits());
            numbers = graph.combine(numbers, begun, both);
            taken = graph.combine(taken, begun, either);
        }
        valid = graph.combine(valid, numbers, either);
    }
    return valid;
}

/* ---- ParseHelper, from the national number on ---- */

/* A national_prefix_transform_rule: text before and after one group. */
struct Transform {
    bool exists = false;
    std::string before, after;
    int group = 0;
};

Transform
parse_transform(const std::string &rule, const Program &program)
{
    Transform transform;
    if (rule.empty()) {
        return transform;
    }
    size_t dollar = rule.find('$');
    transform.exists = true;
    if (dollar == std::string::npos || rule.find('$', dollar + 1) != std::string::npos) {
        throw std::runtime_error("transform rule not understood: " + rule);
    }
    transform.before = rule.substr(0, dollar);
    transform.group = rule.at(dollar + 1) - '0';
    transform.after = rule.substr(dollar + 2);
    /* Whether a rule applies is decided by the second group, if there are two, else by the first.
     */
    if (transform.group != (program.groups >= 2 ? 2 : 1)) {
        throw std::runtime_error("transform rule does not use the deciding group: " + rule);
    }
    return transform;
}

/* One way in which the prefix's regular expression may match, part of the digits read. */
struct Thread {
    size_t at = 0;
    bool done = false;     /* the expression has matched; what follows is the rest */
    bool in_group = false; /* inside the transform's group */
    bool captured = false; /* which holds a digit already */
    int consumed = 0;      /* digits that the expression matched */
    Node rest = 0;         /* where the general description stands after the rest alone */
    Node transformed = 0;  /* and after the transform's result */
    int transformed_digits = 0;

    auto key() const
    {
        return std::tie(at, done, in_group, captured, consumed, rest, transformed,
                        transformed_digits);
    }
    bool operator<(const Thread &other) const
    {
        return key() < other.key();
    }
};

/*
 * Runs all of ParseHelper's steps on all numbers at once: the state after some digits is which
 * threads live, in order of preference, and where the languages of valid and of general numbers
 * stand. Equal states are built once.
 */
class Plan
{
  public:
    Plan(Graph &graph, const std::vector<const PhoneMetadata *> &regions)
        : graph_(graph), main_(*regions.at(0)),
          possible_(mask_of(main_.general_desc().possible_length())),
          local_(mask_of(main_.general_desc().possible_length_local_only()))
    {
        valid_ = valid_numbers(graph, regions);
        general_ = graph.language(compile(main_.general_desc().national_number_pattern()));
        has_prefix_ = !main_.national_prefix_for_parsing().empty();
        if (has_prefix_) {
            prefix_ = compile(main_.national_prefix_for_parsing());
            transform_ = parse_transform(main_.national_prefix_transform_rule(), prefix_);
        }
    }

    Node build()
    {
        State start{0, valid_, general_, {}};
        if (has_prefix_) {
            Thread thread;
            thread.rest = general_;
            thread.transformed = general_;
            append(thread, transform_.before);
            std::vector<bool> seen(prefix_.code.size());
            follow(thread, false, seen, start.threads);
        }
        return build(start);
    }

  private:
    struct State {
        int digits;
        Node valid, general;
        std::vector<Thread> threads;
        bool operator<(const State &other) const
        {
            return std::tie(digits, valid, general, threads) <
                   std::tie(other.digits, other.valid, other.general, other.threads);
        }
    };

    Node build(const State &state)
    {
        if (state.digits > NATIONAL_DIGITS_MAX) {
            return graph_.sink(PHONE_TOO_LONG);
        }
        auto found = known_.find(state);
        if (found != known_.end()) {
            return found->second;
        }
        Successors next;
        for (int digit = 0; digit < DIGITS; digit++) {
            next[static_cast<size_t>(digit)] = build(step(state, digit));
        }
        return known_[state] = graph_.intern(label_of(state), next);
    }

    State step(const State &state, int digit)
    {
        State after{state.digits + 1,
                    graph_.next(state.valid, digit),
                    graph_.next(state.general, digit),
                    {}};
        std::vector<bool> seen(prefix_.code.size());

        for (const Thread &old : state.threads) {
            Thread thread = old;
            if (thread.done) {
                thread.rest = graph_.next(thread.rest, digit);
                append(thread, std::string(1, static_cast<char>('0' + digit)));
                after.threads.push_back(thread);
                break;
            }
            const Instruction &instruction = prefix_.code[thread.at];
            if (instruction.kind != Instruction::DIGIT || !(instruction.digits >> digit & 1U)) {
                continue;
            }
            thread.consumed++;
            thread.at++;
            if (thread.in_group) {
                append(thread, std::string(1, static_cast<char>('0' + digit)));
                thread.captured = true;
            }
            if (follow(thread, false, seen, after.threads)) {
                break;
            }
        }
        return after;
    }

    void append(Thread &thread, const std::string &digits)
    {
        for (char digit : digits) {
            thread.transformed = graph_.next(thread.transformed, digit - '0');
            thread.transformed_digits++;
        }
    }

    /*
     * Adds what is reached from thread.at without a digit, best first; true: the expression has
     * matched, and what would come after has no say any more.
     */
    bool follow(Thread thread, bool at_end, std::vector<bool> &seen, std::vector<Thread> &threads)
    {
        if (seen[thread.at]) {
            return false;
        }
        seen[thread.at] = true;
        const Instruction &instruction = prefix_.code[thread.at];
        switch (instruction.kind) {
        case Instruction::DIGIT:
            threads.push_back(thread);
            return false;
        case Instruction::MATCH:
            thread.done = true;
            append(thread, transform_.after);
            threads.push_back(thread);
            return true;
        case Instruction::END:
            if (!at_end) {
                threads.push_back(thread);
                return false;
            }
            thread.at++;
            break;
        case Instruction::JUMP:
            thread.at = instruction.preferred;
            break;
        case Instruction::SPLIT: {
            Thread other = thread;
            thread.at = instruction.preferred;
            other.at = instruction.other;
            return follow(thread, at_end, seen, threads) || follow(other, at_end, seen, threads);
        }
        case Instruction::OPEN:
        case Instruction::CLOSE:
            if (transform_.exists && instruction.group == transform_.group) {
                thread.in_group = instruction.kind == Instruction::OPEN;
            }
            thread.at++;
            break;
        }
        return follow(thread, at_end, seen, threads);
    }

    /* The match a backtracking matcher would find first, were the number to end here. */
    const Thread *first_match(const State &state, Thread &at_end)
    {
        for (const Thread &thread : state.threads) {
            if (thread.done) {
                return &thread;
            }
            std::vector<bool> seen(prefix_.code.size());
            std::vector<Thread> threads;
            if (prefix_.code[thread.at].kind == Instruction::END &&
                follow(thread, true, seen, threads)) {
                at_end = threads.back();
                return &at_end;
            }
        }
        return nullptr;
    }

    /* TestNumberLength */
    Label length_label(int digits) const
    {
        uint32_t bit = 1U << digits;
        if (possible_ & bit) {
            return PHONE_POSSIBLE;
        }
        if ((local_ & bit) || bit < (possible_ & -possible_)) {
            return PHONE_TOO_SHORT;
        }
        return bit > possible_ ? PHONE_TOO_LONG : PHONE_BAD_LENGTH;
    }

    /* What becomes of the number if MaybeStripNationalPrefixAndCarrierCode changes it. */
    Label prefix_label(const State &state, const Thread &match) const
    {
        bool transforms = transform_.exists && match.captured;
        Node result = transforms ? match.transformed : match.rest;
        int digits = transforms ? match.transformed_digits : state.digits - match.consumed;

        if (transforms && digits == state.digits) {
            throw std::runtime_error(main_.id() + ": a transform that keeps the length");
        }
        if (graph_.label(state.general) && !graph_.label(result)) {
            return PHONE_POSSIBLE; /* it does not: the number is fine as it is */
        }
        Label length = length_label(digits);
        if (length == PHONE_POSSIBLE) {
            return transforms ? PHONE_REWRITTEN : PHONE_TRUNK;
        }
        /* Too long is stripped all the same, too short is left as it was. */
        return length == PHONE_TOO_LONG ? PHONE_TOO_LONG : PHONE_POSSIBLE;
    }

    Label label_of(const State &state)
    {
        Thread at_end;
        const Thread *match = first_match(state, at_end);
        bool prefixed = match != nullptr && match->consumed > 0;
        if (prefixed) {
            Label label = prefix_label(state, *match);
            if (label != PHONE_POSSIBLE) {
                return label;
            }
        }
        if (state.digits < NATIONAL_DIGITS_MIN) {
            return PHONE_TOO_SHORT;
        }
        if (graph_.label(state.valid)) {
            return PHONE_VALID;
        }
        Label length = length_label(state.digits);
        return length == PHONE_POSSIBLE && prefixed ? static_cast<Label>(PHONE_TRUNK) : length;
    }

    Graph &graph_;
    const PhoneMetadata &main_;
    uint32_t possible_, local_;
    Node valid_, general_;
    bool has_prefix_;
    Program prefix_;
    Transform transform_;
    std::map<State, Node> known_;
};

} // namespace

Node
plan_of(Graph &graph, const std::vector<const PhoneMetadata *> &regions)
{
    return Plan(graph, regions).build();
}

} // namespace phonetable
