/* SPDX-License-Identifier: Apache-2.0 */
/* patient_open.h: cv_open for programs that run while the daemon is being killed and started. */
#ifndef CONTACT_VAULT_PATIENT_OPEN_H
#define CONTACT_VAULT_PATIENT_OPEN_H

#include "contactvault.h"

/* Tries again for up to half a minute while nobody listens there. */
enum cv_status patient_open(const struct cv_options *options, struct cv_client **ret_client,
                            char ret_message[CV_MESSAGE_BYTES]);

#endif
