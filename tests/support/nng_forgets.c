/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nng_forgets.c: what LeakSanitizer is told wherever the client library runs in a test. nng 1.5.2
 * forgets a connection that was being made while its socket was closed. Its functions have no names
 * in the stack, so everything that library allocates is left out; what ours does is not.
 */
const char *__lsan_default_suppressions(void);

__attribute__((visibility("default"))) const char *
__lsan_default_suppressions(void)
{
    return "leak:libnng.so\n";
}
