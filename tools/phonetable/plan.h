/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h: what libphonenumber decides about every number of one calling code, as an automaton over
 * the national digits.
 */
#ifndef PHONETABLE_PLAN_H
#define PHONETABLE_PLAN_H

#include <phonenumbers/phonemetadata.pb.h>
#include <vector>

#include "automaton.h"

namespace phonetable
{

using i18n::phonenumbers::PhoneMetadata;

/* `regions` share one calling code; the main one stands first, then the order of the metadata. */
Node plan_of(Graph &graph, const std::vector<const PhoneMetadata *> &regions);

} // namespace phonetable

#endif
