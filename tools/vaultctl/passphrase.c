/* SPDX-License-Identifier: Apache-2.0 */
#include "passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "terminal.h"

enum {
    PASSPHRASE_BYTES_MIN = 12, /* of a new one */
    PASSES = 3,
    MEMORY_KIB = 256 * 1024,
    KIB = 1024,
    MIB_OF_KIB = 1024,
};

void
passphrase_choose(struct cv_unsealing *ret_how)
{
    *ret_how = (struct cv_unsealing){
        .provider = CV_PASSPHRASE, .passes = PASSES, .memory_kib = MEMORY_KIB};
    randombytes_buf(ret_how->salt, sizeof ret_how->salt);
}

/* ---- reading ---- */

/* Up to the first end of line, past stdio: it would keep a copy. False: it cannot be read. */
bool
typed_line(int from, struct typed *passphrase)
{
    passphrase->size = 0;
    while (passphrase->size <= TYPED_BYTES_MAX) {
        ssize_t got = read(from, passphrase->text + passphrase->size, 1);

        if (got < 0) {
            return false;
        }
        if (got == 0 || passphrase->text[passphrase->size] == '\n') {
            break;
        }
        passphrase->size++;
    }
    if (passphrase->size > 0 && passphrase->text[passphrase->size - 1] == '\r') {
        passphrase->size--;
    }
    return true;
}

static enum exit_code
read_file(const struct arguments *arguments, struct typed *passphrase)
{
    const char *path = arguments->passphrase_file;
    bool is_stdin = strcmp(path, "-") == 0;
    struct stat attributes;
    int file = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (file < 0) {
        return fail(arguments, EXIT_USAGE, "%s: %s", path, strerror(errno));
    }
    bool safe = is_stdin || (fstat(file, &attributes) == 0 && S_ISREG(attributes.st_mode) &&
                             (attributes.st_mode & (S_IRWXG | S_IRWXO)) == 0);
    bool got = safe && typed_line(file, passphrase);
    if (!is_stdin) {
        (void)close(file);
    }
    if (!safe) {
        return fail(arguments, EXIT_USAGE, "%s: no file that only you can read; chmod 400 it",
                    path);
    }
    return got ? EXIT_OK : fail(arguments, EXIT_USAGE, "%s: %s", path, strerror(errno));
}

static volatile sig_atomic_t caught;

static void
catch_signal(int number)
{
    caught = number;
}

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
enum { SIGNALS = sizeof signals / sizeof signals[0] };

/* What a person types is not shown. Whatever ends it, the terminal shows again what is typed. */
bool
typed_unseen(const char *prompt, struct typed *passphrase)
{
    struct sigaction catches = {.sa_handler = catch_signal}, before[SIGNALS];
    struct termios shown, unseen;

    if (tcgetattr(STDIN_FILENO, &shown) != 0) {
        return false;
    }
    caught = 0;
    for (size_t i = 0; i < SIGNALS; i++) {
        (void)sigaction(signals[i], &catches, &before[i]);
    }
    unseen = shown;
    unseen.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
    bool hidden = tcsetattr(STDIN_FILENO, TCSAFLUSH, &unseen) == 0;
    (void)fputs(prompt, stderr); /* after that, or a quick person's first letters are shown */
    bool got = hidden && caught == 0 && typed_line(STDIN_FILENO, passphrase);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    for (size_t i = 0; i < SIGNALS; i++) {
        (void)sigaction(signals[i], &before[i], NULL);
    }
    (void)fputc('\n', stderr);
    if (caught != 0) {
        (void)raise(caught);
    }
    return got;
}

enum exit_code
passphrase_ask(const struct arguments *arguments, const char *prompt, struct typed *passphrase)
{
    if (arguments->passphrase_file != NULL) {
        return read_file(arguments, passphrase);
    }
    if (!terminal_can_ask()) {
        return fail(arguments, EXIT_USAGE,
                    "nobody is there to be asked for the passphrase: give --passphrase-file FILE");
    }
    return typed_unseen(prompt, passphrase)
               ? EXIT_OK
               : fail(arguments, EXIT_USAGE, "no passphrase was given");
}

/* ---- the key ---- */

static enum exit_code
derive(const struct arguments *arguments, const struct cv_unsealing *how,
       const struct typed *passphrase, uint8_t ret_key[static CV_KEY_BYTES])
{
    _Static_assert((int)CV_SALT_BYTES == (int)crypto_pwhash_argon2id_SALTBYTES, "libsodium's");

    if (passphrase->size == 0 || passphrase->size > TYPED_BYTES_MAX) {
        return fail(arguments, EXIT_USAGE, "a passphrase has 1 to %d bytes", TYPED_BYTES_MAX);
    }
    if (crypto_pwhash(ret_key, CV_KEY_BYTES, passphrase->text, passphrase->size, how->salt,
                      how->passes, (size_t)how->memory_kib * KIB,
                      crypto_pwhash_ALG_ARGON2ID13) != 0) {
        return fail(arguments, EXIT_REFUSED,
                    "no memory: the passphrase's derivation takes %u MiB for a moment",
                    how->memory_kib / MIB_OF_KIB);
    }
    return EXIT_OK;
}

enum exit_code
passphrase_key(const struct arguments *arguments, const struct cv_unsealing *how,
               uint8_t ret_key[static CV_KEY_BYTES])
{
    struct typed passphrase = {0};
    enum exit_code code = passphrase_ask(arguments, "Passphrase: ", &passphrase);

    if (code == EXIT_OK) {
        code = derive(arguments, how, &passphrase, ret_key);
    }
    explicit_bzero(&passphrase, sizeof passphrase);
    return code;
}

enum exit_code
passphrase_ask_new(const struct arguments *arguments, struct typed *passphrase)
{
    struct typed again = {0};
    enum exit_code code = passphrase_ask(arguments, "New passphrase: ", passphrase);

    if (code == EXIT_OK && passphrase->size < PASSPHRASE_BYTES_MIN) {
        return fail(arguments, EXIT_USAGE,
                    "too short: whoever steals the file tries them all; take %d bytes or more, "
                    "five words drawn by lot are good",
                    PASSPHRASE_BYTES_MIN);
    }
    if (code == EXIT_OK && arguments->passphrase_file == NULL) {
        code = passphrase_ask(arguments, "Once more: ", &again);
        if (code == EXIT_OK && (again.size != passphrase->size ||
                                sodium_memcmp(again.text, passphrase->text, again.size) != 0)) {
            code = fail(arguments, EXIT_USAGE, "the two are not the same");
        }
    }
    explicit_bzero(&again, sizeof again);
    return code;
}

enum exit_code
passphrase_new_key(const struct arguments *arguments, const struct cv_unsealing *how,
                   uint8_t ret_key[static CV_KEY_BYTES])
{
    struct typed passphrase = {0};
    enum exit_code code = passphrase_ask_new(arguments, &passphrase);

    if (code == EXIT_OK) {
        code = derive(arguments, how, &passphrase, ret_key);
    }
    explicit_bzero(&passphrase, sizeof passphrase);
    return code;
}

enum exit_code
typed_answer(const struct arguments *arguments, const char *prompt, enum typing typing,
             struct typed *ret_typed)
{
    bool got;

    if (terminal_can_ask() && typing == TYPED_UNSEEN) {
        got = typed_unseen(prompt, ret_typed);
    } else {
        if (terminal_can_ask()) {
            (void)fputs(prompt, stderr);
        }
        got = typed_line(STDIN_FILENO, ret_typed);
    }
    if (!got || ret_typed->size == 0 || ret_typed->size > TYPED_BYTES_MAX) {
        return fail(arguments, EXIT_USAGE, "%s: not given, or too long", prompt);
    }
    ret_typed->text[ret_typed->size] = 0;
    return EXIT_OK;
}
