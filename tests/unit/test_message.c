/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bounds.h"
#include "field.h"
#include "field_count.h"
#include "message.h"

enum { SMALL_BYTES = 4096 };

static struct message_parser *parser;

static int
setup(void **state)
{
    (void)state;
    return message_parser_new(&parser) == STATUS_OK ? 0 : -1;
}

static int
teardown(void **state)
{
    (void)state;
    message_parser_free(&parser);
    message_parser_free(&parser); /* nothing there: fine */
    return parser == NULL ? 0 : -1;
}

static const struct message *
parse(const struct message_writer *writer)
{
    const struct message *message = NULL;
    const char *fault = "none";

    assert_false(writer->full);
    if (message_parse(parser, bytes_of(writer->data, writer->size), &message, &fault) !=
        STATUS_OK) {
        fail_msg("%s", fault);
    }
    return message;
}

/* ---- reading ---- */

static void
test_absent_leaves_result_alone(void **state)
{
    uint8_t data[SMALL_BYTES];
    struct message_writer writer = {.data = data, .capacity = sizeof data};
    uint64_t number = 7;
    bool flag = true;
    struct bytes bytes = bytes_of_text("before");
    const struct message_list *list = NULL;

    (void)state;
    message_begin(&writer, 0);
    const struct message *message = parse(&writer);
    assert_true(message_fields(message).bits == 0);
    assert_false(message_uint(message, FIELD_OPERATION, &number));
    assert_int_equal(number, 7);
    assert_false(message_bool(message, FIELD_DISABLED, &flag));
    assert_true(flag);
    assert_false(message_bytes(message, FIELD_NAME, &bytes));
    assert_string_equal((const char *)bytes.data, "before");
    assert_false(message_list(message, FIELD_VALUES, &list));
    assert_null(list);
}

static void
test_views_point_into_the_input(void **state)
{
    uint8_t data[SMALL_BYTES];
    struct message_writer writer = {.data = data, .capacity = sizeof data};
    const struct message_list *values = NULL;
    struct bytes name = {NULL, 0};

    (void)state;
    message_begin(&writer, 2);
    message_put_list(&writer, FIELD_VALUES, 2);
    message_add_bytes(&writer, bytes_of_text("+393331234567"));
    message_add_bytes(&writer, bytes_of(NULL, 0));
    message_put_text(&writer, FIELD_NAME, "anna");
    const struct message *message = parse(&writer);

    assert_true(message_fields(message).bits == (FIELD_BIT(FIELD_VALUES) | FIELD_BIT(FIELD_NAME)));
    assert_true(message_bytes(message, FIELD_NAME, &name));
    assert_ptr_equal(name.data, data + writer.size - strlen("anna"));
    assert_true(message_list(message, FIELD_VALUES, &values));
    assert_int_equal(message_list_count(values), 2);
    struct bytes value = message_list_bytes(values, 0);
    assert_true(value.data > data && value.data < data + writer.size);
    assert_true(bytes_equal(value, bytes_of_text("+393331234567")));
    assert_int_equal(message_list_bytes(values, 1).size, 0);
}

static void
write_batch(struct message_writer *writer, size_t count)
{
    message_begin(writer, 1);
    message_put_list(writer, FIELD_VALUES, count);
    for (size_t i = 0; i < count; i++) {
        char text[32];
        int size = snprintf(text, sizeof text, "lead%zu@example.com", i);
        message_add_bytes(writer, bytes_of(text, (size_t)size));
    }
}

/* Large, small, refused, large: what the parser keeps from one message never shows in the next. */
static void
test_parser_is_used_again(void **state)
{
    static const size_t counts[] = {1, BATCH_ITEMS_MAX, 1, 300, BATCH_ITEMS_MAX};
    uint8_t *data = malloc(FRAME_BYTES_MAX);
    const struct message_list *values = NULL;
    const struct message *message = NULL;
    const char *fault = NULL;

    (void)state;
    assert_non_null(data);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct message_writer writer = {.data = data, .capacity = FRAME_BYTES_MAX};
        write_batch(&writer, counts[i]);
        assert_true(message_list(parse(&writer), FIELD_VALUES, &values));
        assert_int_equal(message_list_count(values), counts[i]);
        struct bytes last = message_list_bytes(values, counts[i] - 1);
        assert_ptr_equal(last.data + last.size, data + writer.size);
        assert_int_equal(message_parse(parser, bytes_of(data, 1), &message, &fault),
                         STATUS_INVALID);
        assert_null(message);
    }
    free(data);
}

static long
peak_kib(void)
{
    struct rusage usage;

    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss;
}

/* Kept between messages are the objects of one: were they those of all, this would take 50 MiB. */
static void
test_parser_does_not_grow(void **state)
{
    enum { MESSAGES = 8000, ENTRIES = 250, GROWTH_KIB_MAX = 8 * 1024 };
    uint8_t *data = malloc(FRAME_BYTES_MAX);
    struct message_writer writer = {.data = data, .capacity = FRAME_BYTES_MAX};

    (void)state;
    assert_non_null(data);
    write_batch(&writer, ENTRIES);
    (void)parse(&writer);
    long before = peak_kib();
    for (size_t i = 0; i < MESSAGES; i++) {
        (void)parse(&writer);
    }
    assert_in_range(peak_kib() - before, 0, GROWTH_KIB_MAX);
    free(data);
}

/* ---- requests ---- */

#define BIT(name) FIELD_BIT(FIELD_##name)

/* PROTOCOL.md's table of operations, written down by hand once more. */
static const struct expected {
    enum operation operation;
    const char *name;
    unsigned __int128 required, optional;
} expected[] = {
    {OP_STATUS, "status", 0, BIT(CONNECTION)},
    {OP_HELLO, "hello", BIT(VERSION) | BIT(NONCE), BIT(PUBLIC_KEY)},
    {OP_PROVE, "prove", BIT(SIGNATURE) | BIT(UID), 0},
    {OP_ENROL_BEGIN, "enrol_begin", BIT(CODE) | BIT(PUBLIC_KEY), BIT(NAME)},
    {OP_ENROL_CONFIRM, "enrol_confirm",
     BIT(CODE) | BIT(PUBLIC_KEY) | BIT(SIGNATURE) | BIT(UID) | BIT(FACTOR), BIT(NAME)},
    {OP_LOGIN, "login", BIT(CONNECTION) | BIT(PUBLIC_KEY) | BIT(SIGNATURE) | BIT(FACTOR), 0},
    {OP_LOGOUT, "logout", BIT(CONNECTION), 0},
    {OP_WHOAMI, "whoami", BIT(CONNECTION), 0},
    {OP_PRINCIPAL_ADD, "principal_add", BIT(CONNECTION) | BIT(NAME) | BIT(KIND),
     BIT(RELAYED) | BIT(UID) | BIT(PUBLIC_KEY)},
    {OP_PRINCIPAL_INVITE, "principal_invite", BIT(CONNECTION) | BIT(NAME), 0},
    {OP_TOKENIZE, "tokenize", BIT(CONNECTION) | BIT(VALUES), BIT(NAMESPACE) | BIT(FORM)},
    {OP_LOOKUP, "lookup", BIT(CONNECTION) | BIT(VALUES), BIT(NAMESPACE) | BIT(FORM)},
    {OP_MASK, "mask", BIT(CONNECTION) | BIT(VALUES), 0},
    {OP_DETOKENIZE, "detokenize", BIT(CONNECTION) | BIT(VALUES) | BIT(REASON),
     BIT(TICKET) | BIT(REASON_PURPOSE)},
    {OP_ERASE, "erase", BIT(CONNECTION) | BIT(VALUES) | BIT(REASON),
     BIT(NAMESPACE) | BIT(FORM) | BIT(TICKET) | BIT(REASON_PURPOSE)},
    {OP_DESCRIBE, "describe", BIT(CONNECTION) | BIT(VALUES), 0},
    {OP_UNSEAL, "unseal", BIT(ROOT_KEY), 0},
    {OP_UNSEAL_INFO, "unseal_info", 0, 0},
    {OP_UNSEAL_SHARE, "unseal_share", BIT(SHARE), 0},
    {OP_BACKUP_BEGIN, "backup_begin", BIT(CONNECTION), 0},
    {OP_BACKUP_READ, "backup_read", BIT(CONNECTION) | BIT(BACKUP) | BIT(KIND) | BIT(FROM), 0},
    {OP_BACKUP_END, "backup_end", BIT(CONNECTION) | BIT(BACKUP), BIT(ALL)},
    {OP_SEAL, "seal", BIT(CONNECTION), 0},
    {OP_FREEZE, "freeze", BIT(CONNECTION), BIT(ALL)},
    {OP_UNFREEZE, "unfreeze", BIT(CONNECTION), 0},
    {OP_COMPACT, "compact", BIT(CONNECTION), BIT(NUMBER)},
    {OP_NAMESPACE_CREATE, "namespace_create", BIT(CONNECTION) | BIT(NAME), 0},
    {OP_NAMESPACE_LIST, "namespace_list", BIT(CONNECTION), 0},
    {OP_NAMESPACE_SET, "namespace_set", BIT(CONNECTION) | BIT(NAME) | BIT(RETAIN_MONTHS), 0},
    {OP_NAMESPACE_SHRED, "namespace_shred", BIT(CONNECTION) | BIT(NAME), 0},
    {OP_PRINCIPAL_LIST, "principal_list", BIT(CONNECTION), BIT(FROM)},
    {OP_PRINCIPAL_SHOW, "principal_show", BIT(CONNECTION) | BIT(NAME), 0},
    {OP_PRINCIPAL_DISABLE, "principal_disable", BIT(CONNECTION) | BIT(NAME), 0},
    {OP_KEY_ROTATE, "key_rotate", BIT(CONNECTION) | BIT(PURPOSE), BIT(NAMESPACE) | BIT(ALL)},
    {OP_ROOT_ROTATE, "root_rotate", BIT(CONNECTION) | BIT(ROOT_KEY) | BIT(UNSEAL), 0},
    {OP_KEY_STATUS, "key_status", BIT(CONNECTION), BIT(FROM)},
    {OP_PRINCIPAL_ENABLE, "principal_enable", BIT(CONNECTION) | BIT(NAME), 0},
    {OP_PRINCIPAL_OFFBOARD, "principal_offboard", BIT(CONNECTION) | BIT(NAME), 0},
    {OP_GRANT, "grant", BIT(CONNECTION) | BIT(NAME) | BIT(ROLE),
     BIT(NAMESPACE) | BIT(LASTS_S) | BIT(UNTIL) | BIT(DAILY) | BIT(HOURLY)},
    {OP_REVOKE, "revoke", BIT(CONNECTION) | BIT(NAME) | BIT(ROLE), BIT(NAMESPACE)},
    {OP_RECIPIENT_ADD, "recipient_add", BIT(CONNECTION) | BIT(NAME) | BIT(PUBLIC_KEY), 0},
    {OP_RECIPIENT_LIST, "recipient_list", BIT(CONNECTION), 0},
    {OP_RECIPIENT_REMOVE, "recipient_remove", BIT(CONNECTION) | BIT(NAME), 0},
    {OP_PRINCIPAL_SET_KEY, "principal_set_key", BIT(CONNECTION) | BIT(NAME) | BIT(PUBLIC_KEY), 0},
    {OP_APPROVALS_SET, "approvals_set", BIT(CONNECTION) | BIT(APPROVALS), 0},
    {OP_PENDING, "pending", BIT(CONNECTION), 0},
    {OP_APPROVE, "approve", BIT(CONNECTION) | BIT(REQUEST), 0},
    {OP_DENY, "deny", BIT(CONNECTION) | BIT(REQUEST), 0},
    {OP_CANARY_ADD, "canary_add", BIT(CONNECTION) | BIT(VALUE), BIT(NAMESPACE)},
    {OP_CANARY_LIST, "canary_list", BIT(CONNECTION), 0},
    {OP_CANARY_REMOVE, "canary_remove", BIT(CONNECTION) | BIT(TOKEN), 0},
    {OP_NOTIFY_TEST, "notify_test", BIT(CONNECTION), 0},
    {OP_AUDIT_READ, "audit_read", BIT(CONNECTION) | BIT(FROM),
     BIT(LIMIT) | BIT(PRINCIPAL) | BIT(TOKEN) | BIT(NAMESPACE) | BIT(ACT) | BIT(SINCE) |
         BIT(UNTIL)},
};

enum { EXPECTED_COUNT = sizeof expected / sizeof expected[0] };

static void
put_any(struct message_writer *writer, enum field field)
{
    static const uint8_t zeros[SMALL_BYTES];
    const struct field_rule *rule = field_rule(field);

    switch (rule->type) {
    case FIELD_TYPE_UINT:
        message_put_uint(writer, field, rule->min);
        break;
    case FIELD_TYPE_BOOL:
        message_put_bool(writer, field, false);
        break;
    case FIELD_TYPE_TEXTS:
        message_put_list(writer, field, 1);
        message_add_bytes(writer, bytes_of_text("x"));
        break;
    case FIELD_TYPE_MAPS:
        message_put_list(writer, field, 1);
        message_begin(writer, 0);
        break;
    default:
        message_put_bytes(writer, field, bytes_of(zeros, rule->min));
        break;
    }
}

static enum status
parse_both(enum field one, enum field other, const struct message **ret_message,
           const char **ret_fault)
{
    static uint8_t data[SMALL_BYTES];
    struct message_writer writer = {.data = data, .capacity = sizeof data};

    message_begin(&writer, 2);
    put_any(&writer, one);
    put_any(&writer, other);
    assert_false(writer.full);
    return message_parse(parser, bytes_of(data, writer.size), ret_message, ret_fault);
}

/* A list that stands within an item only does not get past message_parse. */
static bool
may_stand_in_a_message(unsigned field)
{
    return field_rule(field) != NULL && field_rule(field)->level == 0;
}

/* No two numbers are taken for one, however far apart. */
static void
test_every_field_beside_every_field(void **state)
{
    const struct message *message = NULL;
    const char *fault = "none";

    (void)state;
    for (unsigned one = 0; one < FIELD_LIMIT_NUMBER; one++) {
        for (unsigned other = 0; other < FIELD_LIMIT_NUMBER; other++) {
            if (!may_stand_in_a_message(one) || !may_stand_in_a_message(other)) {
                continue;
            }
            enum status status = parse_both((enum field)one, (enum field)other, &message, &fault);

            if (one == other) {
                assert_int_equal(status, STATUS_INVALID);
                assert_string_equal(fault, field_rule(one)->faults[FIELD_FAULT_TWICE]);
            } else {
                assert_int_equal(status, STATUS_OK);
                assert_true(message_fields(message).bits == (FIELD_BIT(one) | FIELD_BIT(other)));
            }
        }
    }
}

/* A request of this operation with exactly these fields besides. */
static enum status
check_fields(enum operation operation, unsigned __int128 fields, const char **ret_fault)
{
    uint8_t data[SMALL_BYTES];
    struct message_writer writer = {.data = data, .capacity = sizeof data};
    enum operation found = 0;

    message_begin(&writer, 1 + field_count((struct field_set){fields}));
    message_put_uint(&writer, FIELD_OPERATION, operation);
    for (unsigned field = 1; field < FIELD_LIMIT_NUMBER; field++) {
        if ((fields & FIELD_BIT(field)) != 0) {
            put_any(&writer, (enum field)field);
        }
    }
    enum status status = message_check_request(parse(&writer), &found, ret_fault);
    assert_int_equal(found, status == STATUS_OK ? operation : 0);
    return status;
}

/* The message with one field taken away or put in, whatever the field. */
static void
check_one_field_changed(const struct expected *row, enum field field)
{
    const char *fault = "none";
    unsigned __int128 bit = FIELD_BIT(field);
    enum status status = check_fields(row->operation, row->required ^ bit, &fault);

    if ((row->optional & bit) != 0) {
        assert_int_equal(status, STATUS_OK);
        return;
    }
    assert_int_equal(status, STATUS_INVALID);
    assert_string_equal(
        fault, field_rule(field)->faults[(row->required & bit) != 0 ? FIELD_FAULT_MISSING
                                                                    : FIELD_FAULT_SURPLUS]);
}

static void
test_every_operation_by_every_field(void **state)
{
    const char *fault = "none";

    (void)state;
    for (size_t i = 0; i < EXPECTED_COUNT; i++) {
        const struct expected *row = &expected[i];
        assert_int_equal(check_fields(row->operation, row->required, &fault), STATUS_OK);
        assert_int_equal(check_fields(row->operation, row->required | row->optional, &fault),
                         STATUS_OK);
        for (unsigned field = 1; field < FIELD_LIMIT_NUMBER; field++) {
            if (may_stand_in_a_message(field)) {
                check_one_field_changed(row, (enum field)field);
            }
        }
    }
}

static void
test_names_of_operations(void **state)
{
    unsigned named = 0;

    (void)state;
    for (size_t i = 0; i < EXPECTED_COUNT; i++) {
        assert_string_equal(operation_name(expected[i].operation), expected[i].name);
    }
    for (unsigned number = 0; number < OPERATION_LIMIT; number++) {
        named += operation_name((enum operation)number) != NULL;
    }
    assert_int_equal(named, EXPECTED_COUNT);
    assert_null(operation_name(OPERATION_LIMIT));
    assert_null(operation_name((enum operation)UINT32_MAX));
}

/* ---- writing ---- */

static void
write_one_of_each(struct message_writer *writer)
{
    message_begin(writer, 5);
    message_put_uint(writer, FIELD_FROM, UINT64_MAX);
    message_put_text(writer, FIELD_NAME, "anna");
    message_put_bytes(writer, FIELD_CONNECTION, bytes_of("0123456789abcdef", 16));
    message_put_list(writer, FIELD_VALUES, 1);
    message_add_bytes(writer, bytes_of_text("maria@example.com"));
    message_put_bool(writer, FIELD_DISABLED, true);
}

/* At every capacity too small: no byte past it (ASan sees the heap's edge), and full for good. */
static void
test_full_is_sticky(void **state)
{
    uint8_t whole[SMALL_BYTES];
    struct message_writer reference = {.data = whole, .capacity = sizeof whole};

    (void)state;
    write_one_of_each(&reference);
    for (size_t capacity = 0; capacity <= reference.size; capacity++) {
        uint8_t *data = malloc(capacity > 0 ? capacity : 1);
        assert_non_null(data);
        struct message_writer writer = {.data = data, .capacity = capacity};
        write_one_of_each(&writer);
        assert_int_equal(writer.full, capacity < reference.size);
        assert_true(writer.size <= capacity);
        assert_memory_equal(data, whole, writer.size);
        size_t size = writer.size;
        writer.capacity = size; /* would not fit, or is full: either way nothing is added */
        message_begin(&writer, 0);
        assert_true(writer.full);
        assert_int_equal(writer.size, size);
        free(data);
    }
}

static void
test_full_writes_nothing_though_it_would_fit(void **state)
{
    uint8_t data[8] = {0};
    struct message_writer writer = {.data = data, .capacity = sizeof data};

    (void)state;
    message_put_text(&writer, FIELD_NAME, "too long for eight bytes");
    assert_true(writer.full);
    size_t size = writer.size;
    message_begin(&writer, 0);
    assert_int_equal(writer.size, size);
}

/* ---- errors of the programmer ---- */

static void
put_str_as_uint(struct message_writer *writer)
{
    message_put_uint(writer, FIELD_NAME, 1);
}

static void
put_uint_as_text(struct message_writer *writer)
{
    message_put_text(writer, FIELD_UID, "x");
}

static void
put_bin_as_text(struct message_writer *writer)
{
    message_put_text(writer, FIELD_NONCE, "x");
}

static void
put_uint_as_bool(struct message_writer *writer)
{
    message_put_bool(writer, FIELD_UID, true);
}

static void
put_list_as_bytes(struct message_writer *writer)
{
    message_put_bytes(writer, FIELD_VALUES, bytes_of_text("x"));
}

static void
put_text_as_list(struct message_writer *writer)
{
    message_put_list(writer, FIELD_NAME, 1);
}

static void
put_unknown_field(struct message_writer *writer)
{
    message_put_uint(writer, (enum field)FIELD_LIMIT_NUMBER, 1);
}

static void
read_text_as_uint(struct message_writer *writer)
{
    uint64_t number;

    message_begin(writer, 1);
    message_put_text(writer, FIELD_NAME, "anna");
    (void)!message_uint(parse(writer), FIELD_NAME, &number);
}

/* The message before had a second entry, which still lies where this one's would. */
static void
read_past_the_list(struct message_writer *writer)
{
    const struct message_list *list = NULL;

    write_batch(writer, 2);
    (void)parse(writer);
    writer->size = 0;
    write_batch(writer, 1);
    if (message_list(parse(writer), FIELD_VALUES, &list)) {
        (void)message_list_bytes(list, 1);
    }
}

static int
signal_of(void (*mistake)(struct message_writer *writer))
{
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        uint8_t data[SMALL_BYTES];
        struct message_writer writer = {.data = data, .capacity = sizeof data};
        int null = open("/dev/null", O_WRONLY);
        dup2(null, STDERR_FILENO);
        (void)signal(SIGABRT, SIG_DFL); /* not cmocka's */
        mistake(&writer);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void
test_mistakes_abort(void **state)
{
    static void (*const mistakes[])(struct message_writer *) = {
        put_str_as_uint,   put_uint_as_text,  put_bin_as_text,
        put_uint_as_bool,  put_list_as_bytes, put_text_as_list,
        put_unknown_field, read_text_as_uint, read_past_the_list,
    };

    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        if (signal_of(mistakes[i]) != SIGABRT) {
            fail_msg("mistake %zu went through", i);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_absent_leaves_result_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_views_point_into_the_input, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parser_is_used_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parser_does_not_grow, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_field_beside_every_field, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_operation_by_every_field, setup, teardown),
        cmocka_unit_test(test_names_of_operations),
        cmocka_unit_test(test_full_is_sticky),
        cmocka_unit_test(test_full_writes_nothing_though_it_would_fit),
        cmocka_unit_test_setup_teardown(test_mistakes_abort, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
