/* SPDX-License-Identifier: Apache-2.0 */
/* Owns SECURITY.md S28 "no weaker derivation". */
/* Unseal slots: what is written is read, and no weak, costly or foreign one is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "slot.h"
#include "vectors.h"

static const struct unseal_slot keyfile = {.provider = UNSEAL_KEYFILE};
static const struct unseal_slot passphrase = {
    .provider = UNSEAL_PASSPHRASE, .salt = {9, 8, 7}, .passes = 3, .memory_kib = 256 * 1024};
static const struct unseal_slot shares = {
    .provider = UNSEAL_SHARES, .set = {1, 2}, .threshold = 3, .shares = 5};

/* In memory of its own, exactly as long. */
static bool
reads(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size == 0 ? 1 : size);
    struct unseal_slot slot = {0};
    bool sound;

    assert_non_null(copy);
    memcpy(copy, bytes, size);
    sound = slot_read(bytes_of(copy, size), &slot);
    assert_int_equal(slot.provider != 0, sound);
    free(copy);
    return sound;
}

static void
what_is_written_is_read(void **state)
{
    static const struct unseal_slot *const all[] = {&keyfile, &passphrase, &shares};
    static const size_t sizes[] = {1, 25, 13};

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        uint8_t bytes[UNSEAL_SLOT_BYTES_MAX + 1] = {0};
        size_t size = slot_write(all[i], bytes);
        struct unseal_slot slot;

        assert_int_equal(size, sizes[i]);
        assert_true(slot_read(bytes_of(bytes, size), &slot));
        assert_memory_equal(&slot, all[i], sizeof slot);
        for (size_t other = 0; other <= sizeof bytes; other++) {
            assert_int_equal(reads(bytes, other), other == size);
        }
    }
}

static bool
with_costs(uint32_t passes, uint32_t memory_kib)
{
    struct unseal_slot slot = passphrase;
    uint8_t bytes[UNSEAL_SLOT_BYTES_MAX];

    slot.passes = passes;
    slot.memory_kib = memory_kib;
    return reads(bytes, slot_write(&slot, bytes));
}

static void
no_cheap_and_no_endless_derivation_is_believed(void **state)
{
    (void)state;
    assert_true(with_costs(3, 262144));
    assert_true(with_costs(64, 4194304));
    assert_false(with_costs(2, 262144));
    assert_false(with_costs(65, 262144));
    assert_false(with_costs(3, 262143));
    assert_false(with_costs(3, 4194305));
    assert_false(with_costs(0, 0));
    assert_false(with_costs(UINT32_MAX, UINT32_MAX));
}

static bool
of_shares(uint8_t threshold, uint8_t total)
{
    struct unseal_slot slot = shares;
    uint8_t bytes[UNSEAL_SLOT_BYTES_MAX];

    slot.threshold = threshold;
    slot.shares = total;
    return reads(bytes, slot_write(&slot, bytes));
}

static void
no_impossible_shares_are_believed(void **state)
{
    (void)state;
    for (unsigned threshold = 0; threshold < 256; threshold++) {
        for (unsigned total = 0; total < 256; total++) {
            assert_int_equal(of_shares((uint8_t)threshold, (uint8_t)total),
                             threshold >= 2 && threshold <= total && total <= 16);
        }
    }
}

static void
no_other_kind_is_known(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 256; kind++) {
        uint8_t bytes[UNSEAL_SLOT_BYTES_MAX];

        memset(bytes, 4, sizeof bytes);
        bytes[0] = (uint8_t)kind;
        assert_int_equal(reads(bytes, 1), kind == UNSEAL_KEYFILE);
        assert_int_equal(reads(bytes, 13), kind == UNSEAL_SHARES);
        assert_false(reads(bytes, 25));
    }
}

/* Golden bytes: tests/vectors/make_slots.py. Of a passphrase the key, too, made by another program.
 */
static enum status
run_vector(void *state, const struct vector *vector)
{
    uint8_t again[UNSEAL_SLOT_BYTES_MAX], key[32];
    struct unseal_slot slot;

    (void)state;
    if (!slot_read(vector->fields[0], &slot)) {
        return STATUS_INVALID;
    }
    assert_true(bytes_equal(bytes_of(again, slot_write(&slot, again)), vector->fields[0]));
    if (vector->count == 3) {
        struct bytes words = vector->fields[1];

        assert_int_equal(crypto_pwhash(key, sizeof key, (const char *)words.data, words.size,
                                       slot.salt, slot.passes, (size_t)slot.memory_kib * 1024,
                                       crypto_pwhash_ALG_ARGON2ID13),
                         0);
        assert_true(bytes_equal(bytes_of(key, sizeof key), vector->fields[2]));
    }
    return STATUS_OK;
}

static void
golden_slots(void **state)
{
    (void)state;
    assert_true(sodium_init() >= 0);
    assert_int_equal(vectors_run(TESTS_DIR "/vectors/slots.txt", run_vector, NULL), 24);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_slots),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(no_cheap_and_no_endless_derivation_is_believed),
        cmocka_unit_test(no_impossible_shares_are_believed),
        cmocka_unit_test(no_other_kind_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
