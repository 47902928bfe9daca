// SPDX-License-Identifier: Apache-2.0
// contact-vault-region CC: phone numbers as people of that country write them, one a line on stdin;
// E.164 on stdout, or an empty line where it is none. Says "ready" first, when it knows the
// country.
#include <iostream>
#include <set>
#include <string>

#include <sys/prctl.h>
#include <sys/resource.h>

#include <phonenumbers/phonenumber.pb.h>
#include <phonenumbers/phonenumberutil.h>

using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;

static std::string
to_international(const PhoneNumberUtil &util, const std::string &line, const std::string &region)
{
    PhoneNumber number;
    std::string text;

    if (util.Parse(line, region, &number) != PhoneNumberUtil::NO_PARSING_ERROR ||
        number.has_extension() || !util.IsPossibleNumber(number))
        return text;
    util.Format(number, PhoneNumberUtil::E164, &text);
    return text;
}

int
main(int argc, char **argv)
{
    const PhoneNumberUtil &util = *PhoneNumberUtil::GetInstance();
    std::set<std::string> regions;
    std::string line;

    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0);
    util.GetSupportedRegions(&regions);
    if (argc != 2 || regions.count(argv[1]) == 0)
        return 2;
    std::cout << "ready" << std::endl;
    while (std::getline(std::cin, line))
        std::cout << to_international(util, line, argv[1]) << std::endl;
    return 0;
}
