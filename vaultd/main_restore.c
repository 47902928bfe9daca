/* SPDX-License-Identifier: Apache-2.0 */
#include "main_internal.h"
int
main_restore(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return EXIT_REFUSED;
}
