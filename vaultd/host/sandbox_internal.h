/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox_internal.h: what the two halves of the sandbox, files and system calls, share. */
#ifndef CONTACT_VAULT_SANDBOX_INTERNAL_H
#define CONTACT_VAULT_SANDBOX_INTERNAL_H

#include <stdbool.h>

/* A sanitizer's runtime maps, forks and traces as it likes: no seccomp there, and wider Landlock.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif
#ifndef SANDBOX_SANITIZED
#define SANDBOX_SANITIZED 0
#endif

/*
 * sandbox_restrict_calls: loads the seccomp filter. Gives an errno, or 0; *ret_restricted is false
 * where there is none to load: a kernel without it, or a sanitizer.
 */
int sandbox_restrict_calls(bool *ret_restricted);

#endif
