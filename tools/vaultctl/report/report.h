/* SPDX-License-Identifier: Apache-2.0 */
/* report.h: what the commands that answer out of the log share. */
#ifndef CONTACT_VAULT_REPORT_H
#define CONTACT_VAULT_REPORT_H

#include "activity.h"
#include "audit_log.h"
#include "print_report.h"
#include "vaultctl.h"

/* Not --csv and --json together. */
enum exit_code check_formats(const struct arguments *arguments);
/* All principals there are, with their kinds: who is a person, and who delivers. */
enum exit_code learn_principals(const struct arguments *arguments, struct cv_client *client,
                                struct activity *activity);
/* Which entries there are for the query's time; its `from` and the log's `last` are set. */
enum exit_code find_reach(struct audit_log *log, struct reach *reach);

#endif
