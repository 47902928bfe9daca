/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_internal.h: what the client's own files share.
 *
 *   client.c                           cv_open and cv_close
 *   client_contact.c, client_admin.c   the public calls: a struct request each
 *   client_request.c                   a struct request becomes a message
 *   client_call.c                      send it, judge the answer, repeat what may be repeated
 *   client_start.c                     calls that are started now and finished later
 *   client_started.c                   one of them, a copy of its query, and their queue
 *   client_runner.c                    the threads that carry them out
 *   client_session.c                   HELLO: who we are, said once for all threads
 *   client_link.c                      the nng socket: is it there, and whose server is it
 *   client_exchange.c                  one request and its answer
 *   client_reply.c, client_table.c     an answer's bytes become a cv_reply
 *   client_advice.c                    what to do about a status
 *   client_identity.c                  key files
 *   client_protected.c                 those that a passphrase protects
 *   client_person.c                    a person enrols, logs in and out, asks who she is
 *   client_recipient.c                 those of recipients of backups
 *   client_backup.c                    backups and their recipients: calls as those above
 *   client_approval.c                  what two admins do together: likewise
 *   client_canary.c                    canaries, and a test of alarms: likewise
 *   client_names.c                     what numbers are called
 */
#ifndef CONTACT_VAULT_CLIENT_INTERNAL_H
#define CONTACT_VAULT_CLIENT_INTERNAL_H

#include <nng/nng.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>
#include <sys/un.h>

#include "bounds.h"
#include "bytes.h"
#include "contactvault.h"
#include "message.h"

/* Why a call came to nothing before an answer that can be decoded. */
struct failure {
    enum cv_status status;
    uint32_t retry_after_s;
    bool outcome_unknown;
    bool unreached;
    char message[CV_MESSAGE_BYTES];
};

__attribute__((format(printf, 3, 4))) enum cv_status
failure_set(struct failure *failure, enum cv_status status, const char *format, ...);

/* What one outstanding call holds. Given back only when nothing is under way on its context. */
struct slot {
    struct slot *next;        /* at rest */
    struct slot *made_before; /* all there are, until cv_close */
    bool has_context;
    nng_socket socket; /* the context's */
    nng_ctx context;
    nng_aio *aio;
    struct message_parser *parser;
};

/* HELLO's state. `attempts` counts HELLOs finished, so that who waited for one knows its result. */
struct session {
    bool known, busy;
    uint64_t generation; /* of the link it was said on */
    uint64_t attempts;
    uint8_t connection[CONNECTION_ID_BYTES];
    uint8_t instance_id[INSTANCE_ID_BYTES]; /* told to who proves a key; else zeros */
    char principal[NAME_BYTES_MAX + 1], release[NAME_BYTES_MAX + 1];
    struct failure failure; /* of the last attempt, when it failed */
};

/* Threads that carry out started calls, and one that ends those whose time is up in the queue. */
enum { RUNNERS_MAX = 64 };

struct started;
TAILQ_HEAD(started_list, started);

struct runners {
    struct started_list queue, finished;
    unsigned queued;     /* in queue */
    unsigned unfinished; /* queued, being carried out, or being called back */
    unsigned held;       /* against CV_CALLS_MAX: not called back yet, or not taken */
    unsigned idle;       /* runners that wait for work, or were woken and have not looked yet */
    pthread_cond_t work; /* for runners */
    pthread_cond_t late; /* for the timekeeper: there may be an earlier deadline in the queue */
    int finished_fd;     /* readable while `finished` is not empty; -1: nobody asked for it */
    pthread_t threads[RUNNERS_MAX + 1]; /* the first is the timekeeper */
    unsigned thread_count;
};

/*
 * Invariants:
 * 1. `lock` guards everything from session to sockets; what comes after is constant from cv_open to
 *    cv_close.
 * 2. No nng function is called with `lock` held: nng calls on_pipe with locks of its own. Nor is a
 *    callback of the caller's.
 * 3. generation rises before the first byte of a request can reach a new connection.
 * 4. Once `cancelled` is set no slot is made any more, and no call is queued.
 */
struct cv_client {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* pipe, refused, session, cancelled, or runners.unfinished is 0 */
    struct session session;
    bool cancelled;
    struct runners runners;
    struct slot *slots; /* at rest */
    struct slot *newest_slot;
    unsigned slot_count;
    int pipe; /* nng's id of the connection in use; 0: none */
    uint64_t generation;
    bool refused; /* the last connection was closed for its uid */
    uint32_t refused_uid;

    uint64_t lost_ms;    /* when the connection was last lost */
    uint64_t dialled_ms; /* when nng was last told to dial, or somebody looked why it does not */
    uint64_t answers;    /* so far */
    uint64_t stalled_ms; /* since when nng takes nothing and nobody is answered; 0: not so */
    nng_socket socket;
    unsigned sockets; /* not closed yet: the one above, and those on their way out */

    struct cv_client *abandoned_before;
    pid_t pid; /* a child of fork has the memory, and none of nng's threads */
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    uint32_t timeout_ms;
    uint32_t own_uid;
    bool has_server_uid;
    uint32_t server_uid;
    struct cv_identity *identity; /* NULL: known by uid */
};

/* ---- client_link.c ---- */

uint64_t client_now_ms(void);
/* With the lock held, for that condition or until then. False: it is then. */
bool client_wait(struct cv_client *client, pthread_cond_t *condition, uint64_t until_ms);
/* So long from now; 0: the client's own timeout. */
uint64_t client_deadline(const struct cv_client *client, uint32_t timeout_ms);

/* The socket is open and dialling when it returns CV_OK. */
enum cv_status link_open(struct cv_client *client, struct failure *failure);
/* False: nng does not let go of the client, which must be left where it is. */
bool link_close(struct cv_client *client);

/* Until there is a trusted connection. `probing`: say at once why there is none. */
enum cv_status link_wait(struct cv_client *client, uint64_t deadline_ms, bool probing,
                         struct failure *failure);
uint64_t link_generation(struct cv_client *client);
enum cv_status link_fail_cancelled(struct failure *failure);
/* Until then, or until the client is cancelled. */
void link_pause(struct cv_client *client, uint64_t until_ms);

/* ---- client_exchange.c ---- */

enum cv_status slot_take(struct cv_client *client, struct slot **ret_slot, struct failure *failure);
void slot_give(struct cv_client *client, struct slot **slot);
void slot_free(struct slot **slot);
/* Whatever is under way on any slot ends, and nothing begins any more. */
void slots_stop(struct cv_client *client);

enum exchange {
    EXCHANGE_ANSWERED,
    EXCHANGE_NOT_SENT, /* surely not executed */
    EXCHANGE_LOST,     /* sent, then the connection broke */
    EXCHANGE_LATE,     /* sent, no answer by the deadline */
    EXCHANGE_CANCELLED /* sent, then the client was cancelled */
};

/*
 * One request, one answer. Takes ownership of *request; *ret_answer is the caller's, to be given to
 * message_wipe.
 */
enum exchange exchange_run(struct cv_client *client, struct slot *slot, nng_msg **request,
                           uint64_t deadline_ms, nng_msg **ret_answer);

/* Zeroes the body, then frees. NULL is fine. */
void message_wipe(nng_msg **message);

/* ---- client_session.c ---- */

/* What a request carries to say whose it is, and which HELLO that came from. */
struct ticket {
    uint8_t connection[CONNECTION_ID_BYTES];
    uint8_t instance_id[INSTANCE_ID_BYTES];
    uint64_t attempt;
    uint64_t generation; /* of the link it is good for */
};

/* Says HELLO if it was not said on this connection; many threads at once say it once. */
enum cv_status session_ensure(struct cv_client *client, struct slot *slot, uint64_t deadline_ms,
                              struct ticket *ret_ticket, struct failure *failure);
/* The vault did not know the ticket: no new one comes from that HELLO. */
void session_forget(struct cv_client *client, const struct ticket *ticket);

/* What the last HELLO told, for a caller who asks. */
struct cv_reply *session_reply(struct cv_client *client);

/* ---- client_request.c ---- */

struct parameter {
    enum field field;
    enum { PARAMETER_UINT, PARAMETER_BOOL, PARAMETER_BYTES } type;
    uint64_t number; /* of a bool: 0 or 1 */
    struct bytes bytes;
};

enum { PARAMETERS_MAX = 8 };

struct request {
    enum operation operation;
    struct parameter parameters[PARAMETERS_MAX];
    size_t parameter_count;
    const char *const *values; /* of FIELD_VALUES; NULL: none */
    size_t value_count;
    uint64_t deadline_ms; /* by client_now_ms; 0: the client's timeout from now */
    /* What cannot be said before the ticket is there; called for each try, adds to `request`, which
     * is a copy of this one. NULL: nothing. `room` is SIGNATURE_BYTES that outlive the try. */
    void (*sign)(const struct cv_client *client, const struct ticket *ticket,
                 struct request *request, uint8_t *room);
};

void request_add_uint(struct request *request, enum field field, uint64_t number);
/* 0 adds nothing: it stands for "not given". */
void request_add_number(struct request *request, enum field field, uint64_t number);
/* False adds nothing. */
void request_add_flag(struct request *request, enum field field, bool flag);
void request_add_bytes(struct request *request, enum field field, struct bytes bytes);
/* NULL adds nothing. */
void request_add_text(struct request *request, enum field field, const char *text);

/* A message with the request in it; connection may be NULL. */
enum cv_status request_encode(const struct request *request, const uint8_t *connection,
                              nng_msg **ret_message, struct failure *failure);

/* ---- client_contact.c ---- */

/* Points into the query. */
void request_of_query(enum operation operation, const struct cv_query *query, uint64_t deadline_ms,
                      struct request *ret_request);

/* ---- client_call.c ---- */

/* May it be executed twice without harm, whether or not the first answer was seen? */
bool is_harmless(enum operation operation);
/* May it have changed something although it was answered with a fault of the vault's? */
bool may_have_changed(enum operation operation);

/* A child of fork must not use it. */
bool client_is_foreign(const struct cv_client *client, struct failure *failure);

/* The whole of a public call. */
enum cv_status client_call(struct cv_client *client, const struct request *request,
                           struct cv_reply **ret_reply);

/* ---- client_start.c ---- */

/* Carries it out, wipes the values, and hands the reply over. */
void started_run(struct cv_client *client, struct started *started);
/* Those that nobody took. */
void started_free_finished(struct cv_client *client);

/* ---- client_runner.c ---- */

/* With the lock held, a call just queued: is there, or comes, a thread that carries it out? */
bool runners_wake(struct cv_client *client);
/* Joins all; the client was cancelled. */
void runners_join(struct cv_client *client);

/* ---- client_reply.c ---- */

/* What is wrong with values[i] so that it was not sent, or NULL. */
const char *value_fault(const char *value, enum cv_status *ret_status);

/* Bytes from the vault, which are believed no more than a stranger's. Never NULL, as below. */
struct cv_reply *reply_decode(struct message_parser *parser, const struct request *request,
                              struct bytes answer);
struct cv_reply *reply_of_failure(const struct failure *failure);
struct cv_reply *reply_of_hello(const char *principal, const char *release);

/* ---- client_identity.c, client_protected.c ---- */

/* A key pair in memory of sodium_malloc's, all of it: locked, and wiped when it is freed. */
struct cv_identity {
    uint8_t secret_key[64]; /* Ed25519 (RFC 8032): seed and public half, as libsodium has it */
};

/* A new file, 0600, durable. CV_CONFLICT: there is one. CV_UNAVAILABLE: errno. */
enum cv_status key_file_write(const char *path, const char *text, size_t size);
/* A public key as one line: the header, which ends with a blank, and base64. */
void key_line_print(const char *header, const uint8_t key[CV_KEY_BYTES],
                    char ret_line[CV_PUBLIC_TEXT_BYTES]);
enum cv_status key_line_parse(const char *header, const char *text, uint8_t ret_key[CV_KEY_BYTES]);

enum {
    IDENTITY_PLAIN_BYTES = 70, /* of a file without passphrase */
    IDENTITY_PROTECTED_BYTES = 222,
    IDENTITY_FILE_BYTES_MAX = IDENTITY_PROTECTED_BYTES,
};

/* What a file is and says, before any passphrase: sound in form, its costs within bounds. */
struct identity_file {
    bool is_protected;
    uint8_t public_key[CV_KEY_BYTES];
    uint8_t seed[CV_KEY_BYTES]; /* of an unprotected one */
    /* of a protected one */
    uint8_t head[IDENTITY_PROTECTED_BYTES]; /* associated data: all that precedes the box */
    size_t head_size;
    uint32_t passes, memory_kib;
    uint8_t salt[CV_SALT_BYTES];
    uint8_t nonce[24];
    uint8_t box[48]; /* the seed, sealed, and the tag */
};

/* NULL: no memory. */
struct cv_identity *identity_copy(const struct cv_identity *identity);

/* False: it is no identity file. The caller wipes *ret_file. */
bool identity_parse(const char *text, size_t size, struct identity_file *ret_file);
bool protected_parse(const char *text, size_t size, struct identity_file *ret_file);
/* The key that opens the box. False: no memory for the derivation. */
bool protected_derive(const struct identity_file *file, const char *passphrase, size_t size,
                      uint8_t ret_key[static CV_KEY_BYTES]);
/* False: another passphrase's key, or the file was altered. */
bool protected_unbox(const struct identity_file *file, const uint8_t key[static CV_KEY_BYTES],
                     uint8_t ret_seed[static CV_KEY_BYTES]);

#endif
