/* SPDX-License-Identifier: Apache-2.0 */
/* By itself, so that the vault's own tests can ask what a shell would make of an answer. */
#include "vaultctl.h"

enum exit_code
exit_code_of(enum cv_status status)
{
    switch (status) {
    case CV_OK:
        return EXIT_OK;
    case CV_SEALED:
        return EXIT_SEALED;
    case CV_DENIED:
    case CV_EXPIRED:
    case CV_FROZEN:
    case CV_UNAUTHENTICATED:
    case CV_NO_SESSION:
        return EXIT_NOT_PERMITTED;
    case CV_QUOTA:
    case CV_BUSY:
    case CV_UNAVAILABLE:
        return EXIT_TRY_LATER;
    case CV_PENDING:
        return EXIT_WAITING;
    default:
        return EXIT_REFUSED;
    }
}
