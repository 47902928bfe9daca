/* SPDX-License-Identifier: Apache-2.0 */
/*
 * phone_oracle COUNT: contact_parse and libphonenumber itself, asked about the same numbers:
 *   - the example numbers of every region and type, and the invalid examples;
 *   - every state of the phone table by a shortest way, every digit from there, and what follows;
 *   - COUNT random ones: digits after each calling code, changed examples, trunk prefixes put in.
 * They must agree on each: taken or refused, canonical form, form first seen. Exits 1 if not.
 */
#include <phonenumbers/phonemetadata.pb.h>
#include <phonenumbers/phonenumberutil.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "phone_subject.h"

extern "C" {
#include "phone_table.h"
}

namespace i18n
{
namespace phonenumbers
{
/* Not in the installed headers, but exported. */
int metadata_size();
const void *metadata_get();
} // namespace phonenumbers
} // namespace i18n

namespace
{

using i18n::phonenumbers::PhoneMetadataCollection;
using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;
using std::string;

constexpr unsigned SEED = 20240501; /* fixed: every run asks the same */
constexpr int DISAGREEMENTS_SHOWN = 20;
constexpr int NATIONAL_DIGITS_MAX = 17;
constexpr int WAYS_ON = 3; /* from each transition of the table */

/* ---- what the daemon should do, from libphonenumber and the rule about folds ---- */

struct Answer {
    bool accepted = false;
    string canonical, first_seen;

    bool operator==(const Answer &other) const
    {
        return accepted == other.accepted && canonical == other.canonical &&
               first_seen == other.first_seen;
    }
};

class Oracle
{
  public:
    Oracle() : util_(*PhoneNumberUtil::GetInstance())
    {
        PhoneMetadataCollection collection;
        collection.ParseFromArray(i18n::phonenumbers::metadata_get(),
                                  i18n::phonenumbers::metadata_size());
        std::map<int, string> prefixes;
        for (const auto &region : collection.metadata()) {
            if (region.main_country_for_code() || prefixes.count(region.country_code()) == 0) {
                prefixes[region.country_code()] = region.national_prefix_for_parsing();
            }
            /* What is typed before a national number at home. */
            trunks_[region.country_code()].insert(region.national_prefix());
        }
        for (const auto &[code, prefix] : prefixes) {
            if (!prefix.empty()) {
                prefixes_[code] = std::make_unique<std::regex>(prefix);
            }
        }
    }

    Answer expect(const string &digits) const
    {
        static const std::regex brazil("55[1-9][1-9][6-9]\\d{7}"), mexico("521\\d{10}");
        Answer answer;

        if (std::regex_match(digits, mexico) && base("52" + digits.substr(3))) {
            answer = {true, "+52" + digits.substr(3), "+" + digits};
        } else if (base(digits)) {
            answer = {true, "+" + digits, "+" + digits};
            if (std::regex_match(digits, brazil)) {
                answer.canonical = "+" + digits.substr(0, 4) + "9" + digits.substr(4);
                if (!base(answer.canonical.substr(1))) {
                    fprintf(stderr, "+%s folds to a number that is none\n", digits.c_str());
                    exit(1);
                }
            }
        }
        return answer;
    }

    const std::map<int, std::set<string>> &trunks() const
    {
        return trunks_;
    }

  private:
    /* The rule before the folds. */
    bool base(const string &digits) const
    {
        PhoneNumber number;
        string e164, national;

        if (util_.Parse("+" + digits, "ZZ", &number) != PhoneNumberUtil::NO_PARSING_ERROR) {
            return false;
        }
        util_.Format(number, PhoneNumberUtil::E164, &e164);
        if (e164 != "+" + digits) {
            return false;
        }
        if (util_.IsValidNumber(number)) {
            return true;
        }
        util_.GetNationalSignificantNumber(number, &national);
        return util_.IsPossibleNumberWithReason(number) == PhoneNumberUtil::IS_POSSIBLE &&
               !begins_with_prefix(number.country_code(), national);
    }

    bool begins_with_prefix(int code, const string &national) const
    {
        auto found = prefixes_.find(code);
        std::smatch match;
        return found != prefixes_.end() &&
               std::regex_search(national, match, *found->second,
                                 std::regex_constants::match_continuous) &&
               match.length(0) > 0;
    }

    const PhoneNumberUtil &util_;
    std::map<int, std::unique_ptr<std::regex>> prefixes_;
    std::map<int, std::set<string>> trunks_;
};

/* ---- asking both ---- */

class Comparison
{
  public:
    /* `text` is how contact_parse gets it; the digits are what it says. */
    void ask_written(const string &digits, const string &text, bool wa_id)
    {
        Answer expected = oracle_.expect(digits), got;
        char canonical[SUBJECT_TEXT_BYTES], first_seen[SUBJECT_TEXT_BYTES];

        got.accepted = phone_subject_parse(text.c_str(), wa_id, canonical, first_seen) != 0;
        if (got.accepted) {
            got.canonical = canonical;
            got.first_seen = first_seen;
        }
        asked++;
        accepted += expected.accepted;
        if (!(got == expected) && disagreements++ < DISAGREEMENTS_SHOWN) {
            printf("%s: libphonenumber %s %s, contact_parse %s %s\n", text.c_str(),
                   expected.accepted ? "takes" : "refuses", expected.canonical.c_str(),
                   got.accepted ? "takes" : "refuses", got.canonical.c_str());
        }
    }

    void ask(const string &digits)
    {
        ask_written(digits, "+" + digits, false);
    }

    const Oracle &oracle() const
    {
        return oracle_;
    }

    unsigned long asked = 0, accepted = 0, disagreements = 0;

  private:
    Oracle oracle_;
};

/* ---- the numbers ---- */

void
collect_examples(const PhoneNumberUtil &util, std::vector<PhoneNumber> &examples)
{
    std::set<string> regions;
    std::set<int> codes;

    util.GetSupportedRegions(&regions);
    for (const string &region : regions) {
        for (int type = 0; type <= PhoneNumberUtil::kMaxNumberType; type++) {
            PhoneNumber number;
            if (util.GetExampleNumberForType(
                    region, static_cast<PhoneNumberUtil::PhoneNumberType>(type), &number)) {
                examples.push_back(number);
            }
        }
        PhoneNumber invalid;
        if (util.GetInvalidExampleNumber(region, &invalid)) {
            examples.push_back(invalid);
        }
    }
    util.GetSupportedGlobalNetworkCallingCodes(&codes);
    for (int code : codes) {
        PhoneNumber number;
        if (util.GetExampleNumberForNonGeoEntity(code, &number)) {
            examples.push_back(number);
        }
    }
}

/* The examples in every way they may be written; returns their digits. */
std::vector<string>
ask_examples(Comparison &comparison)
{
    const PhoneNumberUtil &util = *PhoneNumberUtil::GetInstance();
    std::vector<PhoneNumber> examples;
    std::vector<string> all;

    collect_examples(util, examples);
    for (const PhoneNumber &number : examples) {
        string e164, international;
        util.Format(number, PhoneNumberUtil::E164, &e164);
        util.Format(number, PhoneNumberUtil::INTERNATIONAL, &international);
        string digits = e164.substr(1);
        comparison.ask(digits);
        comparison.ask_written(digits, "00" + digits, false);
        comparison.ask_written(digits, digits, true);
        comparison.ask_written(digits, international, false);
        all.push_back(digits);
    }
    return all;
}

class Random
{
  public:
    explicit Random(const Comparison &comparison, const std::vector<string> &examples)
        : examples_(examples)
    {
        for (const auto &[code, trunks] : comparison.oracle().trunks()) {
            codes_.push_back(code);
            trunks_[code] = std::vector<string>(trunks.begin(), trunks.end());
            for (const char *usual : {"0", "1", "00", "8", "06", "01", "015", "0"}) {
                trunks_[code].push_back(usual);
            }
        }
    }

    size_t below(size_t limit)
    {
        return static_cast<size_t>(engine_() % limit);
    }

    string digits(size_t count)
    {
        string result;
        for (size_t i = 0; i < count; i++) {
            result += static_cast<char>('0' + below(10));
        }
        return result;
    }

    string number()
    {
        switch (below(4)) {
        case 0:
            return std::to_string(codes_[below(codes_.size())]) +
                   digits(below(NATIONAL_DIGITS_MAX + 2));
        case 1:
            return changed(example());
        case 2:
            return with_trunk(below(2) ? example() : changed(example()));
        default: {
            /* The beginning of an example, then anything, nearly as long. */
            string base = example();
            size_t kept = 1 + below(base.size());
            size_t rest = base.size() - kept + below(3);
            return base.substr(0, kept) + digits(rest > 0 ? rest - below(2) : 0);
        }
        }
    }

  private:
    const string &example()
    {
        return examples_[below(examples_.size())];
    }

    string changed(string number)
    {
        for (size_t changes = 1 + below(3); changes > 0; changes--) {
            size_t at = below(number.size());
            switch (below(6)) {
            case 0:
                number.insert(at, digits(1));
                break;
            case 1:
                if (number.size() > 2) {
                    number.erase(at, 1);
                }
                break;
            default:
                number[at] = digits(1)[0];
            }
        }
        return number;
    }

    string with_trunk(string number)
    {
        for (size_t size = 1; size <= 3 && size < number.size(); size++) {
            auto found = trunks_.find(atoi(number.substr(0, size).c_str()));
            if (found != trunks_.end()) {
                number.insert(size, found->second[below(found->second.size())]);
                break;
            }
        }
        return number;
    }

    std::mt19937 engine_{SEED};
    const std::vector<string> &examples_;
    std::vector<int> codes_;
    std::map<int, std::vector<string>> trunks_;
};

/* Every transition of the table, and a few ways on from where it leads. */
void
ask_every_transition(Comparison &comparison, Random &random)
{
    std::map<size_t, string> ways{{PHONE_TABLE_START, ""}};
    std::vector<size_t> states{PHONE_TABLE_START};

    for (size_t i = 0; i < states.size(); i++) {
        for (unsigned digit = 0; digit < 10; digit++) {
            size_t next = phone_table_next(states[i], digit);
            string way = ways[states[i]] + static_cast<char>('0' + digit);
            if (ways.emplace(next, way).second) {
                states.push_back(next);
            }
            if (way[0] == '0') {
                continue; /* contact_parse reads 00 as a second prefix */
            }
            comparison.ask(way);
            for (int on = 0; on < WAYS_ON; on++) {
                comparison.ask(way + random.digits(1 + random.below(8)));
            }
        }
    }
    printf("%zu states\n", states.size());
}

void
report_speed(const std::vector<string> &examples)
{
    std::vector<string> texts;
    std::vector<const char *> pointers;
    for (int round = 0; round < 200; round++) {
        for (const string &digits : examples) {
            texts.push_back("+" + digits);
        }
    }
    for (const string &text : texts) {
        pointers.push_back(text.c_str());
    }
    printf("contact_parse: %.0f ns a number\n",
           phone_subject_ns(pointers.data(), static_cast<unsigned>(pointers.size())));
}

} // namespace

int
main(int argc, char **argv)
{
    unsigned long count = argc == 2 ? strtoul(argv[1], nullptr, 10) : 0;
    if (count == 0) {
        fprintf(stderr, "usage: phone_oracle COUNT\n");
        return 2;
    }
    Comparison comparison;
    std::vector<string> examples = ask_examples(comparison);
    Random random(comparison, examples);

    printf("%zu example numbers\n", examples.size());
    ask_every_transition(comparison, random);
    for (unsigned long i = 0; i < count; i++) {
        comparison.ask(random.number());
    }
    printf("%lu asked, %lu taken, %lu disagreements\n", comparison.asked, comparison.accepted,
           comparison.disagreements);
    report_speed(examples);
    return comparison.disagreements == 0 ? 0 : 1;
}
