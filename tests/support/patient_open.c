/* SPDX-License-Identifier: Apache-2.0 */
#include "patient_open.h"

#include <time.h>

enum { TRIES = 600, PAUSE_NS = 50 * 1000 * 1000 };

enum cv_status
patient_open(const struct cv_options *options, struct cv_client **ret_client,
             char ret_message[CV_MESSAGE_BYTES])
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    enum cv_status status = cv_open(options, ret_client, ret_message);

    for (int i = 0; i < TRIES && status == CV_UNAVAILABLE; i++) {
        (void)nanosleep(&pause, NULL);
        status = cv_open(options, ret_client, ret_message);
    }
    return status;
}
