/* SPDX-License-Identifier: Apache-2.0 */
#include "phone_subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "contact.h"
#include "scratch.h"

static struct scratch *
the_scratch(void)
{
    static struct scratch *scratch;

    if (scratch == NULL && scratch_new(&scratch) != STATUS_OK) {
        (void)fprintf(stderr, "no locked memory\n");
        exit(1);
    }
    return scratch;
}

static void
copy(struct bytes from, char to[static SUBJECT_TEXT_BYTES])
{
    (void)snprintf(to, SUBJECT_TEXT_BYTES, "%.*s", (int)from.size, (const char *)from.data);
}

int
phone_subject_parse(const char *text, int wa_id, char ret_canonical[SUBJECT_TEXT_BYTES],
                    char ret_first_seen[SUBJECT_TEXT_BYTES])
{
    struct scratch *scratch = the_scratch();
    struct contact contact;
    struct contact_fault fault = {{0}};
    enum status status = contact_parse(bytes_of_text(text), wa_id ? FORM_WA_ID : FORM_INTERNATIONAL,
                                       scratch, &contact, &fault);

    if (status == STATUS_OK && contact.kind == CONTACT_PHONE) {
        copy(contact.canonical, ret_canonical);
        copy(contact.first_seen, ret_first_seen);
    } else if (status != STATUS_INVALID || fault.text[0] == '\0') {
        (void)fprintf(stderr, "%s: status %d, message \"%s\"\n", text, status, fault.text);
        exit(1);
    }
    scratch_wipe(scratch);
    return status == STATUS_OK;
}

double
phone_subject_ns(const char *const *texts, unsigned count)
{
    struct timespec start, end;
    struct contact contact;
    struct contact_fault fault;
    unsigned accepted = 0;

    (void)the_scratch();
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    for (unsigned i = 0; i < count; i++) {
        accepted += contact_parse(bytes_of_text(texts[i]), FORM_INTERNATIONAL, the_scratch(),
                                  &contact, &fault) == STATUS_OK;
        scratch_wipe(the_scratch());
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    if (accepted == 0) {
        return 0;
    }
    return ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) /
           count;
}
