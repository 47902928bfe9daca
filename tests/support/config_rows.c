/* SPDX-License-Identifier: Apache-2.0 */
/* Each row of the configuration's table as a line: "section key=default lowest highest", the range
 * for numbers alone. */
#include <stdio.h>

#include "config_internal.h"

int
main(void)
{
    struct config_row_text row;

    for (unsigned i = 0; config_row(i, &row); i++) {
        printf("%s %s=%s", row.section, row.key, row.value);
        if (config_keys[i].kind == CONFIG_NUMBER) {
            printf(" %u %u", config_keys[i].lowest, config_keys[i].highest);
        }
        putchar('\n');
    }
    return ferror(stdout) != 0;
}
