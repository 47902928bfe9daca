/* SPDX-License-Identifier: Apache-2.0 */
/* commands.h: what vaultctl.c's table names; each takes its arguments parsed. */
#ifndef CONTACT_VAULT_COMMANDS_H
#define CONTACT_VAULT_COMMANDS_H

#include "vaultctl.h"

enum exit_code cmd_init(const struct arguments *arguments);
enum exit_code cmd_status(const struct arguments *arguments);
enum exit_code cmd_seal(const struct arguments *arguments);
enum exit_code cmd_unseal(const struct arguments *arguments);
enum exit_code cmd_freeze(const struct arguments *arguments);
enum exit_code cmd_unfreeze(const struct arguments *arguments);
enum exit_code cmd_keygen(const struct arguments *arguments);
enum exit_code cmd_namespace_create(const struct arguments *arguments);
enum exit_code cmd_namespace_list(const struct arguments *arguments);
enum exit_code cmd_namespace_set(const struct arguments *arguments);
enum exit_code cmd_principal_add(const struct arguments *arguments);
enum exit_code cmd_principal_list(const struct arguments *arguments);
enum exit_code cmd_principal_show(const struct arguments *arguments);
enum exit_code cmd_principal_disable(const struct arguments *arguments);
enum exit_code cmd_principal_enable(const struct arguments *arguments);
enum exit_code cmd_grant(const struct arguments *arguments);
enum exit_code cmd_revoke(const struct arguments *arguments);
enum exit_code cmd_tokenize(const struct arguments *arguments);
enum exit_code cmd_lookup(const struct arguments *arguments);
enum exit_code cmd_mask(const struct arguments *arguments);
enum exit_code cmd_describe(const struct arguments *arguments);
enum exit_code cmd_detokenize(const struct arguments *arguments);
enum exit_code cmd_erase(const struct arguments *arguments);
enum exit_code cmd_audit_tail(const struct arguments *arguments);
enum exit_code cmd_audit_verify(const struct arguments *arguments);

#endif
