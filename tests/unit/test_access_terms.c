/* SPDX-License-Identifier: Apache-2.0 */
/* Owns SECURITY.md S21 "a grant that has ended permits nothing". */
/*
 * The terms of grants: ends and budgets; and what else of the state changes: principals enabled and
 * relayed, the freeze, a namespace's retention. Vault time stands still unless a test moves it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "access.h"
#include "access_change.h"
#include "keyring.h"
#include "rules.h"
#include "store.h"

enum { HOUR_MS = 3600 * 1000 };

/* What a grant says besides whose it is. */
struct terms {
    uint64_t ends_ms;
    uint32_t daily, hourly;
};

static enum status
grant_on(struct rules *rules, const char *principal, enum role role, const char *namespace,
         struct terms terms)
{
    return rules_change_grant(
        rules,
        &(struct access_grant_spec){
            .principal = bytes_of_text(principal),
            .role = role,
            .namespace_name = namespace == NULL ? (struct bytes){0} : bytes_of_text(namespace),
            .ends_ms = terms.ends_ms,
            .daily = terms.daily,
            .hourly = terms.hourly,
        });
}

static uint64_t
in_an_hour(void)
{
    return rules_now_ms + HOUR_MS;
}

static bool
may(const struct rules *rules, const char *principal, unsigned capabilities, uint32_t namespace_id)
{
    return access_may(rules->access, rules_by_name(rules, principal), capabilities, namespace_id);
}

static size_t
grants_of(const struct rules *rules, const char *principal)
{
    return rules_by_name(rules, principal)->grant_count;
}

static void
expect_limits(const struct rules *rules, const char *principal, unsigned capabilities,
              struct budget_limits expected)
{
    const struct limits_asked asked = {capabilities, 1, GRANTS_ALL};
    struct budget_limits found;

    (void)access_limits(rules->access, rules_by_name(rules, principal), asked, &found);
    assert_int_equal(found.daily, expected.daily);
    assert_int_equal(found.hourly, expected.hourly);
}

/* ---- ends ---- */

static void
grant_permits_until_its_end(void **state)
{
    struct rules *rules = *state;
    uint64_t end_ms = in_an_hour();

    rules_populate(rules);
    assert_int_equal(
        grant_on(rules, "inbox", ROLE_DELIVER, "bank", (struct terms){.ends_ms = end_ms}),
        STATUS_OK);
    assert_true(may(rules, "inbox", MAY_DELIVER, 2));
    assert_false(access_has_ended(rules->access, rules_by_name(rules, "inbox"), MAY_DELIVER));
    rules_now_ms = end_ms - 1;
    assert_true(may(rules, "inbox", MAY_DELIVER, 2));
    rules_now_ms = end_ms;
    assert_false(may(rules, "inbox", MAY_DELIVER, 2));
    assert_true(access_has_ended(rules->access, rules_by_name(rules, "inbox"), MAY_DELIVER));
    assert_false(access_has_ended(rules->access, rules_by_name(rules, "inbox"), MAY_REVEAL));
    assert_true(may(rules, "inbox", MAY_TOKENIZE, 1)); /* another grant, without an end */
    assert_false(access_has_ended(rules->access, rules_by_name(rules, "inbox"), MAY_TOKENIZE));
}

static void
ends_are_the_same_after_loading(void **state)
{
    struct rules *rules = *state;
    uint64_t end_ms = in_an_hour();
    const struct grant *grant;

    rules_populate(rules);
    assert_int_equal(grant_on(rules, "inbox", ROLE_DELIVER, "bank", (struct terms){end_ms, 70, 7}),
                     STATUS_OK);
    rules_reopen(rules, &rules_defaults);
    grant = &rules_by_name(rules, "inbox")->grants[1];
    assert_int_equal(grant->role, ROLE_DELIVER);
    assert_int_equal(grant->namespace_id, 2);
    assert_int_equal(grant->ends_ms, end_ms);
    assert_int_equal(grant->daily, 70);
    assert_int_equal(grant->hourly, 7);
}

static void
disabled_or_bound_elsewhere_has_not_ended_but_may_not(void **state)
{
    struct rules *rules = *state;
    struct principal copy;

    rules_populate(rules);
    assert_int_equal(
        grant_on(rules, "maria", ROLE_REVEAL, "bank", (struct terms){.ends_ms = in_an_hour()}),
        STATUS_OK);
    rules_now_ms += HOUR_MS;
    copy = *rules_by_name(rules, "maria");
    assert_true(access_has_ended(rules->access, &copy, MAY_REVEAL));
    copy.grants[1].bound_to[0] ^= 1;
    assert_false(access_has_ended(rules->access, &copy, MAY_REVEAL));
    copy = *rules_by_name(rules, "maria");
    copy.disabled = true;
    assert_false(access_has_ended(rules->access, &copy, MAY_REVEAL));
}

static void
clock_is_read_only_for_an_end(void **state)
{
    struct rules *rules = *state;

    rules_populate(rules);
    assert_true(may(rules, "inbox", MAY_TOKENIZE, 1));
    assert_non_null(access_only_namespace(rules->access, rules_by_name(rules, "inbox")));
    expect_limits(rules, "inbox", MAY_TOKENIZE, rules_defaults.service);
    assert_int_equal(rules_clock_reads, 0);
    assert_int_equal(
        grant_on(rules, "inbox", ROLE_DELIVER, "shop", (struct terms){.ends_ms = in_an_hour()}),
        STATUS_OK);
    rules_clock_reads = 0;
    assert_true(may(rules, "inbox", MAY_DELIVER, 1));
    assert_int_equal(rules_clock_reads, 1);
}

static void
end_lies_in_the_future_and_not_too_far(void **state)
{
    struct rules *rules = *state;
    uint64_t longest_ms = (uint64_t)GRANT_SECONDS_MAX * 1000;

    rules_populate(rules);
    assert_int_equal(grant_on(rules, "inbox", ROLE_SERVICE, "bank", (struct terms){.ends_ms = 1}),
                     STATUS_INVALID);
    assert_int_equal(
        grant_on(rules, "inbox", ROLE_SERVICE, "bank", (struct terms){.ends_ms = rules_now_ms}),
        STATUS_INVALID);
    assert_int_equal(grant_on(rules, "inbox", ROLE_SERVICE, "bank",
                              (struct terms){.ends_ms = rules_now_ms + longest_ms + 1}),
                     STATUS_TOO_LARGE);
    assert_int_equal(
        grant_on(rules, "inbox", ROLE_SERVICE, "bank", (struct terms){.ends_ms = UINT64_MAX}),
        STATUS_TOO_LARGE);
    assert_int_equal(grant_on(rules, "inbox", ROLE_SERVICE, "bank",
                              (struct terms){.ends_ms = rules_now_ms + longest_ms}),
                     STATUS_OK);
    assert_int_equal(
        grant_on(rules, "inbox", ROLE_SERVICE, "bank", (struct terms){.ends_ms = rules_now_ms + 1}),
        STATUS_OK);
}

static void
only_namespace_passes_over_what_has_ended(void **state)
{
    struct rules *rules = *state;

    rules_populate(rules);
    assert_int_equal(
        grant_on(rules, "inbox", ROLE_SERVICE, "bank", (struct terms){.ends_ms = in_an_hour()}),
        STATUS_OK);
    assert_null(access_only_namespace(rules->access, rules_by_name(rules, "inbox")));
    rules_now_ms += HOUR_MS;
    assert_string_equal(access_only_namespace(rules->access, rules_by_name(rules, "inbox"))->name,
                        "shop");
}

/* ---- two of a sort ---- */

static void
standing_grant_and_one_with_an_end_stand_together(void **state)
{
    struct rules *rules = *state;

    rules_populate(rules);
    assert_int_equal(
        grant_on(rules, "inbox", ROLE_SERVICE, "shop", (struct terms){in_an_hour(), 2000000, 0}),
        STATUS_OK);
    assert_int_equal(grants_of(rules, "inbox"), 2);
    assert_int_equal(grant_on(rules, "inbox", ROLE_SERVICE, "shop",
                              (struct terms){in_an_hour() + 1, 2000000, 0}),
                     STATUS_OK); /* another end replaces */
    assert_int_equal(grants_of(rules, "inbox"), 2);
    assert_int_equal(rules_by_name(rules, "inbox")->grants[1].ends_ms, in_an_hour() + 1);
    assert_int_equal(grant_on(rules, "inbox", ROLE_SERVICE, "shop",
                              (struct terms){in_an_hour() + 1, 2000000, 0}),
                     STATUS_CONFLICT);
    assert_int_equal(grant_on(rules, "inbox", ROLE_SERVICE, "shop", (struct terms){.daily = 500}),
                     STATUS_OK); /* the standing one */
    assert_int_equal(rules_by_name(rules, "inbox")->grants[0].daily, 500);
    assert_int_equal(rules_by_name(rules, "inbox")->grants[0].ends_ms, 0);
    assert_int_equal(grants_of(rules, "inbox"), 2);
    assert_int_equal(grant_on(rules, "inbox", ROLE_SERVICE, "shop", (struct terms){.daily = 500}),
                     STATUS_CONFLICT);
    assert_int_equal(
        grant_on(rules, "inbox", ROLE_SERVICE, "shop", (struct terms){.daily = 500, .hourly = 50}),
        STATUS_OK);
    assert_int_equal(rules_grant(rules, "inbox", ROLE_SERVICE, "shop"), STATUS_OK); /* untold */
    assert_int_equal(rules_by_name(rules, "inbox")->grants[0].daily, 0);
    assert_int_equal(rules_grant(rules, "inbox", ROLE_SERVICE, "shop"), STATUS_CONFLICT);
    rules_reopen(rules, &rules_defaults);
    assert_int_equal(grants_of(rules, "inbox"), 2);
}

static void
revoke_takes_both(void **state)
{
    struct rules *rules = *state;

    rules_populate(rules);
    assert_int_equal(
        grant_on(rules, "inbox", ROLE_SERVICE, "shop", (struct terms){.ends_ms = in_an_hour()}),
        STATUS_OK);
    assert_int_equal(rules_grant(rules, "inbox", ROLE_SERVICE, "bank"), STATUS_OK);
    assert_int_equal(rules_grant(rules, "inbox", ROLE_DELIVER, "shop"), STATUS_OK);
    assert_int_equal(rules_revoke(rules, "inbox", ROLE_SERVICE, "shop"), STATUS_OK);
    assert_int_equal(grants_of(rules, "inbox"), 2);
    assert_false(may(rules, "inbox", MAY_TOKENIZE, 1));
    assert_true(may(rules, "inbox", MAY_TOKENIZE, 2));
    assert_true(may(rules, "inbox", MAY_DELIVER, 1));
    assert_int_equal(rules_revoke(rules, "inbox", ROLE_SERVICE, "shop"), STATUS_NOT_FOUND);

    /* What has ended and still stands there can be taken back. */
    assert_int_equal(
        grant_on(rules, "inbox", ROLE_SERVICE, "shop", (struct terms){.ends_ms = in_an_hour()}),
        STATUS_OK);
    rules_now_ms += HOUR_MS;
    assert_int_equal(rules_revoke(rules, "inbox", ROLE_SERVICE, "shop"), STATUS_OK);
    assert_int_equal(grants_of(rules, "inbox"), 2);
    assert_int_equal(rules_revoke(rules, "inbox", ROLE_SERVICE, "shop"), STATUS_NOT_FOUND);
}

static void
revoke_names_no_terms(void **state)
{
    struct rules *rules = *state;
    struct access_grant_spec spec = {.principal = bytes_of_text("inbox"),
                                     .role = ROLE_SERVICE,
                                     .namespace_name = bytes_of_text("shop"),
                                     .revoke = true,
                                     .ends_ms = in_an_hour()};

    rules_populate(rules);
    assert_int_equal(rules_change_grant(rules, &spec), STATUS_INVALID);
    spec.ends_ms = 0;
    spec.daily = 1;
    assert_int_equal(rules_change_grant(rules, &spec), STATUS_INVALID);
    spec.daily = 0;
    spec.hourly = 1;
    assert_int_equal(rules_change_grant(rules, &spec), STATUS_INVALID);
    spec.hourly = 0;
    assert_int_equal(rules_change_grant(rules, &spec), STATUS_OK);
}

static void
ended_grants_go_with_the_next_change(void **state)
{
    struct rules *rules = *state;
    char name[16];

    rules_populate(rules);
    for (int i = 0; i < ACCESS_GRANTS_MAX - 1; i++) {
        (void)snprintf(name, sizeof name, "ns%d", i);
        assert_int_equal(rules_add_namespace(rules, name), STATUS_OK);
        assert_int_equal(
            grant_on(rules, "inbox", ROLE_SERVICE, name, (struct terms){.ends_ms = in_an_hour()}),
            STATUS_OK);
    }
    assert_int_equal(rules_grant(rules, "inbox", ROLE_SERVICE, "bank"), STATUS_TOO_LARGE);
    /* The hundredth place can still be given other terms. */
    assert_int_equal(grant_on(rules, "inbox", ROLE_SERVICE, "shop", (struct terms){.daily = 1}),
                     STATUS_OK);
    rules_reopen(rules, &rules_defaults); /* the largest row opens */
    assert_int_equal(grants_of(rules, "inbox"), ACCESS_GRANTS_MAX);
    rules_now_ms += HOUR_MS;
    assert_int_equal(rules_grant(rules, "inbox", ROLE_SERVICE, "bank"), STATUS_OK);
    assert_int_equal(grants_of(rules, "inbox"), 2);
    assert_int_equal(
        grant_on(rules, "inbox", ROLE_DELIVER, "shop", (struct terms){.ends_ms = in_an_hour()}),
        STATUS_OK);
    rules_now_ms += HOUR_MS;
    assert_int_equal(grants_of(rules, "inbox"), 3);
    assert_int_equal(rules_disable(rules, "inbox"), STATUS_OK);
    assert_int_equal(grants_of(rules, "inbox"), 2);
}

/* The same end again is not what stands there: that one is over. */
static void
ended_grant_is_given_anew(void **state)
{
    struct rules *rules = *state;

    rules_populate(rules);
    assert_int_equal(
        grant_on(rules, "inbox", ROLE_SERVICE, "bank", (struct terms){.ends_ms = in_an_hour()}),
        STATUS_OK);
    rules_now_ms += HOUR_MS;
    assert_false(may(rules, "inbox", MAY_TOKENIZE, 2));
    assert_int_equal(
        grant_on(rules, "inbox", ROLE_SERVICE, "bank", (struct terms){.ends_ms = in_an_hour()}),
        STATUS_OK);
    assert_true(may(rules, "inbox", MAY_TOKENIZE, 2));
    assert_int_equal(grants_of(rules, "inbox"), 2);
}

static void
exclusion_holds_until_the_end(void **state)
{
    struct rules *rules = *state;

    rules_populate(rules);
    assert_int_equal(rules_add_by_uid(rules, "eve", PRINCIPAL_PERSON, 3000), STATUS_OK);
    assert_int_equal(
        grant_on(rules, "eve", ROLE_REVEAL, "shop", (struct terms){.ends_ms = in_an_hour()}),
        STATUS_OK);
    assert_int_equal(rules_grant(rules, "eve", ROLE_ADMIN, NULL), STATUS_CONFLICT);
    rules_now_ms += HOUR_MS;
    assert_int_equal(rules_grant(rules, "eve", ROLE_ADMIN, NULL), STATUS_OK);
    assert_int_equal(grants_of(rules, "eve"), 1);
    assert_int_equal(
        grant_on(rules, "eve", ROLE_REVEAL, "shop", (struct terms){.ends_ms = in_an_hour()}),
        STATUS_CONFLICT);
}

static void
admin_with_an_end_is_not_the_last_one(void **state)
{
    struct rules *rules = *state;
    struct terms for_an_hour = {.ends_ms = in_an_hour()};

    rules_populate(rules);
    assert_int_equal(rules_add_by_uid(rules, "guest", PRINCIPAL_SERVICE, 3000), STATUS_OK);
    assert_int_equal(grant_on(rules, "guest", ROLE_ADMIN, NULL, for_an_hour), STATUS_OK);
    assert_true(may(rules, "guest", MAY_ADMINISTER, 0));
    assert_int_equal(rules_disable(rules, "boss"), STATUS_CONFLICT);
    assert_int_equal(rules_revoke(rules, "boss", ROLE_ADMIN, NULL), STATUS_CONFLICT);
    assert_int_equal(grant_on(rules, "boss", ROLE_ADMIN, NULL, for_an_hour), STATUS_OK);
    assert_int_equal(rules_revoke(rules, "boss", ROLE_ADMIN, NULL), STATUS_CONFLICT);
    assert_int_equal(grants_of(rules, "boss"), 2);
    assert_int_equal(rules_disable(rules, "guest"), STATUS_OK);
    assert_int_equal(rules_enable(rules, "guest"), STATUS_OK);
    assert_int_equal(rules_revoke(rules, "guest", ROLE_ADMIN, NULL), STATUS_OK);
    assert_int_equal(rules_grant(rules, "guest", ROLE_ADMIN, NULL), STATUS_OK);
    assert_int_equal(rules_revoke(rules, "boss", ROLE_ADMIN, NULL), STATUS_OK);
    assert_int_equal(grants_of(rules, "boss"), 0);
}

/* ---- budgets ---- */

static void
figures_fit_the_role(void **state)
{
    struct rules *rules = *state;
    const struct terms daily = {.daily = 5}, hourly = {.hourly = 5};

    rules_populate(rules);
    assert_int_equal(grant_on(rules, "inbox", ROLE_ADMIN, NULL, daily), STATUS_INVALID);
    assert_non_null(strstr(rules->fault, "no budget"));
    assert_int_equal(grant_on(rules, "inbox", ROLE_ADMIN, NULL, hourly), STATUS_INVALID);
    assert_int_equal(grant_on(rules, "inbox", ROLE_AUDIT, NULL, daily), STATUS_INVALID);
    assert_int_equal(grant_on(rules, "inbox", ROLE_PRIVACY, "shop", daily), STATUS_INVALID);
    assert_int_equal(grant_on(rules, "inbox", ROLE_PRIVACY, "shop", hourly), STATUS_INVALID);
    assert_int_equal(grant_on(rules, "inbox", ROLE_DELIVER, "shop", (struct terms){0, 5, 6}),
                     STATUS_INVALID);
    assert_non_null(strstr(rules->fault, "hour"));
    assert_int_equal(grant_on(rules, "inbox", ROLE_DELIVER, "shop", (struct terms){0, 5, 5}),
                     STATUS_OK);
    assert_int_equal(grant_on(rules, "inbox", ROLE_DELIVER, "shop", hourly), STATUS_OK);
    assert_int_equal(grant_on(rules, "inbox", ROLE_DELIVER, "shop", daily), STATUS_OK);
    assert_int_equal(grant_on(rules, "maria", ROLE_REVEAL, "shop", daily), STATUS_OK);
}

static void
limits_are_the_grants_or_the_defaults(void **state)
{
    struct rules *rules = *state;
    struct grant grant = {.role = ROLE_DELIVER, .hourly = 3};

    rules_populate(rules);
    assert_int_equal(rules_grant(rules, "inbox", ROLE_DELIVER, "shop"), STATUS_OK);
    expect_limits(rules, "inbox", MAY_TOKENIZE, rules_defaults.service);
    expect_limits(rules, "inbox", MAY_LOOKUP, rules_defaults.service);
    expect_limits(rules, "inbox", MAY_REVEAL | MAY_DELIVER, rules_defaults.deliver);
    expect_limits(rules, "maria", MAY_REVEAL, rules_defaults.reveal);
    expect_limits(rules, "maria", MAY_LOOKUP, rules_defaults.lookup);
    assert_int_equal(grant_on(rules, "maria", ROLE_REVEAL, "shop", (struct terms){0, 90, 9}),
                     STATUS_OK);
    expect_limits(rules, "maria", MAY_REVEAL, (struct budget_limits){90, 9});
    expect_limits(rules, "maria", MAY_LOOKUP, rules_defaults.lookup); /* not of reveals */
    assert_int_equal(grant_on(rules, "inbox", ROLE_SERVICE, "shop", (struct terms){.daily = 700}),
                     STATUS_OK);
    expect_limits(rules, "inbox", MAY_LOOKUP, (struct budget_limits){700, 0});
    expect_limits(rules, "inbox", MAY_DELIVER, rules_defaults.deliver); /* nor the other way */

    assert_int_equal(access_grant_limits(rules->access, &grant).daily,
                     rules_defaults.deliver.daily);
    assert_int_equal(access_grant_limits(rules->access, &grant).hourly, 3);
    /* An hourly figure that is not told grows and shrinks with the daily one, but not to nothing.
     */
    grant = (struct grant){.role = ROLE_DELIVER, .daily = 10 * rules_defaults.deliver.daily};
    assert_int_equal(access_grant_limits(rules->access, &grant).hourly,
                     10 * rules_defaults.deliver.hourly);
    grant.daily = 1;
    assert_int_equal(access_grant_limits(rules->access, &grant).hourly, 1);
    grant = (struct grant){.role = ROLE_PRIVACY};
    assert_int_equal(access_grant_limits(rules->access, &grant).daily, 0);
}

static void
largest_figure_counts(void **state)
{
    struct rules *rules = *state;
    uint64_t end_ms = in_an_hour();

    rules_populate(rules);
    assert_int_equal(grant_on(rules, "inbox", ROLE_SERVICE, "shop", (struct terms){0, 700, 70}),
                     STATUS_OK);
    assert_int_equal(
        grant_on(rules, "inbox", ROLE_SERVICE, "shop", (struct terms){end_ms, 900, 60}), STATUS_OK);
    expect_limits(rules, "inbox", MAY_TOKENIZE, (struct budget_limits){900, 70});
    /* As holder of another role he may look up as often as that role may. */
    assert_int_equal(rules_grant(rules, "inbox", ROLE_PRIVACY, "shop"), STATUS_OK);
    expect_limits(rules, "inbox", MAY_LOOKUP, rules_defaults.lookup);
    expect_limits(rules, "inbox", MAY_TOKENIZE, rules_defaults.lookup); /* one budget */
    assert_int_equal(rules_revoke(rules, "inbox", ROLE_PRIVACY, "shop"), STATUS_OK);
    rules_now_ms = end_ms;
    expect_limits(rules, "inbox", MAY_TOKENIZE, (struct budget_limits){700, 70});
    /* A figure of another namespace is not of this one. */
    assert_int_equal(grant_on(rules, "inbox", ROLE_SERVICE, "bank", (struct terms){0, 5000, 0}),
                     STATUS_OK);
    expect_limits(rules, "inbox", MAY_TOKENIZE, (struct budget_limits){700, 70});
}

/* A grant that ends has figures of its own, beside the standing one's. */
static void
limits_are_asked_by_sort(void **state)
{
    struct rules *rules = *state;
    struct limits_asked standing = {MAY_TOKENIZE, 1, GRANTS_STANDING};
    struct limits_asked ending = {MAY_TOKENIZE, 1, GRANTS_ENDING};
    struct budget_limits limits;
    uint64_t end_ms = in_an_hour();

    rules_populate(rules);
    assert_int_equal(grant_on(rules, "inbox", ROLE_SERVICE, "shop", (struct terms){0, 700, 70}),
                     STATUS_OK);
    assert_false(access_limits(rules->access, rules_by_name(rules, "inbox"), ending, &limits));
    assert_int_equal(limits.daily, 1);
    assert_int_equal(
        grant_on(rules, "inbox", ROLE_SERVICE, "shop", (struct terms){end_ms, 900, 60}), STATUS_OK);
    assert_true(access_limits(rules->access, rules_by_name(rules, "inbox"), ending, &limits));
    assert_int_equal(limits.daily, 900);
    assert_true(access_limits(rules->access, rules_by_name(rules, "inbox"), standing, &limits));
    assert_int_equal(limits.daily, 700);
    rules_now_ms = end_ms;
    assert_false(access_limits(rules->access, rules_by_name(rules, "inbox"), ending, &limits));
}

static void
no_limit_is_larger_than_any(void **state)
{
    struct rules *rules = *state;
    struct access_budgets unlimited = rules_defaults;

    unlimited.service.daily = 0;
    unlimited.lookup.hourly = 0;
    rules_populate(rules);
    rules_reopen(rules, &unlimited);
    expect_limits(rules, "inbox", MAY_TOKENIZE, (struct budget_limits){0, 0});
    assert_int_equal(
        grant_on(rules, "inbox", ROLE_SERVICE, "shop", (struct terms){in_an_hour(), 900, 60}),
        STATUS_OK);
    expect_limits(rules, "inbox", MAY_TOKENIZE, (struct budget_limits){0, 0});
    assert_int_equal(grant_on(rules, "inbox", ROLE_SERVICE, "shop", (struct terms){0, 7, 6}),
                     STATUS_OK);
    expect_limits(rules, "inbox", MAY_TOKENIZE, (struct budget_limits){900, 60});
    assert_int_equal(rules_grant(rules, "inbox", ROLE_PRIVACY, "shop"), STATUS_OK);
    expect_limits(rules, "inbox", MAY_TOKENIZE, (struct budget_limits){5000, 0});
}

/* Between the question whether and the question how much, the grant may have ended. */
static void
no_grant_is_not_without_limit(void **state)
{
    struct rules *rules = *state;
    const struct budget_limits least = {1, 1};

    rules_populate(rules);
    expect_limits(rules, "boss", MAY_REVEAL | MAY_DELIVER, least);
    expect_limits(rules, "maria", MAY_DELIVER, least);
    assert_int_equal(rules_disable(rules, "inbox"), STATUS_OK);
    expect_limits(rules, "inbox", MAY_TOKENIZE, least);
}

/* ---- the rest of the state ---- */

static void
enabled_again_may_as_before(void **state)
{
    struct rules *rules = *state;

    rules_populate(rules);
    assert_int_equal(rules_enable(rules, "absent"), STATUS_NOT_FOUND);
    assert_int_equal(rules_enable(rules, "inbox"), STATUS_CONFLICT);
    assert_int_equal(rules_disable(rules, "inbox"), STATUS_OK);
    assert_false(may(rules, "inbox", MAY_TOKENIZE, 1));
    assert_int_equal(rules_enable(rules, "inbox"), STATUS_OK);
    assert_true(may(rules, "inbox", MAY_TOKENIZE, 1));
    rules_reopen(rules, &rules_defaults);
    assert_true(may(rules, "inbox", MAY_TOKENIZE, 1));
    assert_int_equal(rules_enable(rules, "inbox"), STATUS_CONFLICT);
}

static void
only_a_key_is_relayed(void **state)
{
    struct rules *rules = *state;
    uint8_t key[PUBLIC_KEY_BYTES];
    uint32_t uid = 4000;
    struct access_principal_spec spec = {
        .name = bytes_of_text("box"), .kind = PRINCIPAL_SERVICE, .uid = &uid, .relayed = true};

    rules_make_key(key);
    assert_int_equal(rules_add(rules, &spec), STATUS_INVALID);
    assert_non_null(strstr(rules->fault, "relayed"));
    spec.uid = NULL;
    spec.public_key = key;
    assert_int_equal(rules_add(rules, &spec), STATUS_OK);
    rules_make_key(key);
    assert_int_equal(rules_add_by_key(rules, "plain", PRINCIPAL_SERVICE, key), STATUS_OK);
    assert_int_equal(rules_disable(rules, "box"), STATUS_OK);
    rules_reopen(rules, &rules_defaults);
    assert_true(rules_by_name(rules, "box")->relayed);
    assert_true(rules_by_name(rules, "box")->disabled);
    assert_false(rules_by_name(rules, "plain")->relayed);
}

static void
freeze_is_kept(void **state)
{
    struct rules *rules = *state;
    static const enum freeze way[] = {FREEZE_PEOPLE, FREEZE_ALL, FREEZE_PEOPLE, FREEZE_NONE,
                                      FREEZE_ALL};

    rules_populate(rules);
    assert_int_equal(access_frozen(rules->access), FREEZE_NONE);
    assert_int_equal(rules_freeze(rules, FREEZE_NONE), STATUS_CONFLICT);
    assert_int_equal(rules_freeze(rules, (enum freeze)FREEZE_COUNT), STATUS_INVALID);
    assert_int_equal(rules_freeze(rules, (enum freeze)(-1)), STATUS_INVALID);
    for (size_t i = 0; i < sizeof way / sizeof *way; i++) {
        assert_int_equal(rules_freeze(rules, way[i]), STATUS_OK);
        assert_int_equal(access_frozen(rules->access), way[i]);
        assert_int_equal(rules_freeze(rules, way[i]), STATUS_CONFLICT);
        rules_reopen(rules, &rules_defaults);
        assert_int_equal(access_frozen(rules->access), way[i]);
    }
    assert_int_equal(rules_add_namespace(rules, "third"), STATUS_OK); /* the digest's order */
    assert_int_equal(rules_add_by_uid(rules, "fourth", PRINCIPAL_PERSON, 4000), STATUS_OK);
    rules_reopen(rules, &rules_defaults);
    access_unload(rules->access);
    assert_int_equal(access_frozen(rules->access), FREEZE_NONE);
}

static void
digest_is_the_same_after_loading(void **state)
{
    struct rules *rules = *state;
    uint8_t before[ACCESS_DIGEST_BYTES], after[ACCESS_DIGEST_BYTES];

    rules_populate(rules);
    assert_int_equal(rules_freeze(rules, FREEZE_ALL), STATUS_OK);
    assert_int_equal(rules_retain(rules, "bank", 24), STATUS_OK);
    assert_int_equal(rules_add_namespace(rules, "third"), STATUS_OK);
    access_digest(rules->access, before);
    rules_reopen(rules, &rules_defaults);
    access_digest(rules->access, after);
    assert_memory_equal(before, after, sizeof before);
}

static void
retention_is_kept(void **state)
{
    struct rules *rules = *state;
    struct namespace_row before;
    const struct namespace_row *row;

    rules_populate(rules);
    before = *access_namespace(rules->access, bytes_of_text("shop"));
    assert_int_equal(before.retain_months, 0);
    assert_int_equal(rules_retain(rules, "absent", 24), STATUS_NOT_FOUND);
    assert_int_equal(rules_retain(rules, "Shop", 24), STATUS_NOT_FOUND);
    assert_int_equal(rules_retain(rules, "shop", 0), STATUS_CONFLICT);
    assert_int_equal(rules_retain(rules, "shop", RETAIN_MONTHS_MAX + 1), STATUS_TOO_LARGE);
    assert_int_equal(rules_retain(rules, "shop", RETAIN_MONTHS_MAX), STATUS_OK);
    assert_int_equal(rules_retain(rules, "shop", 24), STATUS_OK);
    assert_int_equal(rules_retain(rules, "shop", 24), STATUS_CONFLICT);
    assert_int_equal(access_namespace_count(rules->access), 2);
    rules_reopen(rules, &rules_defaults);
    row = access_namespace(rules->access, bytes_of_text("shop"));
    assert_int_equal(row->retain_months, 24);
    assert_int_equal(row->id, before.id);
    assert_int_equal(row->created_ms, before.created_ms);
    assert_int_equal(access_namespace(rules->access, bytes_of_text("bank"))->retain_months, 0);
    assert_int_equal(rules_retain(rules, "shop", 0), STATUS_OK);
}

static void
what_stops_somebody_uses_the_reserve(void **state)
{
    struct rules *rules = *state;

    rules_populate(rules);
    assert_int_equal(rules_retain(rules, "shop", 24), STATUS_OK);
    assert_int_equal(rules_reserved_updates, 0);
    assert_int_equal(rules_freeze(rules, FREEZE_PEOPLE), STATUS_OK);
    assert_int_equal(rules_reserved_updates, 1);
    assert_int_equal(rules_freeze(rules, FREEZE_ALL), STATUS_OK);
    assert_int_equal(rules_reserved_updates, 2);
    assert_int_equal(rules_disable(rules, "inbox"), STATUS_OK);
    assert_int_equal(rules_reserved_updates, 3);
    assert_int_equal(rules_revoke(rules, "maria", ROLE_REVEAL, "shop"), STATUS_OK);
    assert_int_equal(rules_reserved_updates, 4);
    assert_int_equal(rules_freeze(rules, FREEZE_NONE), STATUS_OK);
    assert_int_equal(rules_enable(rules, "inbox"), STATUS_OK);
    assert_int_equal(rules_grant(rules, "maria", ROLE_REVEAL, "shop"), STATUS_OK);
    assert_int_equal(rules_reserved_updates, 4);
}

static void
sealed_vault_changes_nothing(void **state)
{
    struct rules *rules = *state;

    rules_populate(rules);
    keyring_seal(rules->keyring);
    assert_int_equal(rules_freeze(rules, FREEZE_ALL), STATUS_SEALED);
    assert_int_equal(rules_retain(rules, "shop", 24), STATUS_SEALED);
    assert_int_equal(rules_revoke(rules, "maria", ROLE_REVEAL, "shop"), STATUS_SEALED);
    assert_int_equal(access_frozen(rules->access), FREEZE_NONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rules_set_up, rules_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(grant_permits_until_its_end),
        TEST(ends_are_the_same_after_loading),
        TEST(disabled_or_bound_elsewhere_has_not_ended_but_may_not),
        TEST(clock_is_read_only_for_an_end),
        TEST(end_lies_in_the_future_and_not_too_far),
        TEST(only_namespace_passes_over_what_has_ended),
        TEST(standing_grant_and_one_with_an_end_stand_together),
        TEST(revoke_takes_both),
        TEST(revoke_names_no_terms),
        TEST(ended_grants_go_with_the_next_change),
        TEST(ended_grant_is_given_anew),
        TEST(exclusion_holds_until_the_end),
        TEST(admin_with_an_end_is_not_the_last_one),
        TEST(figures_fit_the_role),
        TEST(limits_are_the_grants_or_the_defaults),
        TEST(largest_figure_counts),
        TEST(limits_are_asked_by_sort),
        TEST(no_limit_is_larger_than_any),
        TEST(no_grant_is_not_without_limit),
        TEST(enabled_again_may_as_before),
        TEST(only_a_key_is_relayed),
        TEST(freeze_is_kept),
        TEST(digest_is_the_same_after_loading),
        TEST(retention_is_kept),
        TEST(what_stops_somebody_uses_the_reserve),
        TEST(sealed_vault_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
