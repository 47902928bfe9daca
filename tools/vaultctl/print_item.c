/* SPDX-License-Identifier: Apache-2.0 */
/* One contact or token, for a person, a pipe or a program. */
#include "print_item.h"

#include <stdio.h>

#include "escape.h"
#include "input.h"
#include "terminal.h"
#include "terms.h"

enum {
    SHOWN_BYTES = VALUE_LINE_BYTES * ESCAPE_GROWTH_MAX,
    MASK_COLUMNS = 24, /* most masks are no wider */
};

static void
print_item_json(enum act act, const struct cv_item *item, const char *token)
{
    char created[TIME_TEXT_BYTES] = "";
    json_t *json = json_pack("{s:s}", "token", token);

    if (act == ACT_DETOKENIZE) {
        json_set_text(json, "value", item->value);
        print_json(json);
        return;
    }
    if (item->created_ms != 0) {
        time_print(item->created_ms, created);
    }
    json_set_text(json, "kind", cv_kind_name(item->kind));
    json_set_text(json, "mask", item->mask);
    json_set_text(json, "namespace", item->namespace_name);
    json_set_text(json, "country", item->country);
    json_set_text(json, "created", created);
    print_json(json);
}

/* A mask or a contact has letters by others in it: on a terminal none of them may steer it. Into a
 * pipe it goes as it is. Gives back its columns. */
static size_t
print_text(const char *text)
{
    char shown[SHOWN_BYTES];

    if (!terminal_is(stdout)) {
        fputs(text, stdout);
        return 0;
    }
    text_show(text, shown, sizeof shown);
    fputs(shown, stdout);
    return text_width(shown);
}

static void
print_description(const struct cv_item *item)
{
    size_t columns = print_text(item->mask);

    if (terminal_is(stdout)) {
        printf("%*s", columns < MASK_COLUMNS ? (int)(MASK_COLUMNS - columns) : 0, "");
    }
    printf("\t%s\t%s\t%s", cv_kind_name(item->kind), item->namespace_name,
           item->country != NULL ? item->country : "-");
    if (item->created_ms != 0) {
        char created[TIME_TEXT_BYTES];
        time_print(item->created_ms, created);
        printf("\t%s", created);
    }
    putchar('\n');
}

void
print_item(const struct arguments *arguments, enum act act, const struct cv_item *item,
           const char *token)
{
    if (arguments->json) {
        print_item_json(act, item, token);
        return;
    }
    switch (act) {
    case ACT_DETOKENIZE:
        (void)print_text(item->value);
        putchar('\n');
        break;
    case ACT_MASK:
        (void)print_text(item->mask);
        putchar('\n');
        break;
    case ACT_DESCRIBE:
        print_description(item);
        break;
    case ACT_ERASE:
        printf("%s\terased\n", token);
        break;
    default:
        printf("%s\t", token);
        (void)print_text(item->mask);
        putchar('\n');
    }
}

void
print_item_held(const struct arguments *arguments, const struct cv_item *item)
{
    char wait[WAIT_TEXT_BYTES];
    json_t *json;

    if (arguments->json) {
        json = error_json(item->status, item->message, item->retry_after_s);
        json_set_text(json, "token", item->token);
        json_set_text(json, "kind", cv_kind_name(item->kind));
        json_set_text(json, "mask", item->mask);
        print_json(json);
        return;
    }
    wait_print(item->retry_after_s, wait);
    (void)print_text(item->mask);
    printf("   over budget; again in %s\n", wait);
}
