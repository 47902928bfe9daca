/* SPDX-License-Identifier: Apache-2.0 */
/*
 * people_rules.h: persons on their way in: whose key or uid counts, in which session they are, and
 * what the log says of wrong second factors. The gate is held.
 */
#ifndef CONTACT_VAULT_DISPATCH_PEOPLE_RULES_H
#define CONTACT_VAULT_DISPATCH_PEOPLE_RULES_H

#include "dispatch_internal.h"

/* Of an operation that wants the gate alone, and that anybody can ask for: is there any use in
 * running it? Asked under either gate; changes nothing. */
enum status call_judge(struct call *call);
enum status enrol_judge(struct call *call);
enum status login_judge(struct call *call);
/* Does she who proved that key, or whose uid it is, count here at all, and what does she have yet
 * to do? OK, or UNAUTHENTICATED with a fault. Of services: OK. */
enum status call_judge_person(struct call *call, const struct principal *principal);
/* A person's session; NO_SESSION if she has none and the row wants one. */
enum status call_find_session(struct call *call);
/* Is it somebody who may be told what strangers are not: a service, or a person in a session? */
bool call_is_present(const struct call *call);
/* What the log's entry says of second factors that were wrong. */
void people_replay(struct dispatch *dispatch, const struct audit_entry *entry);

#endif
