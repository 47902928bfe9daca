/* SPDX-License-Identifier: Apache-2.0 */
/* raw_client.h: a peer that writes SP bytes by hand, so that it can also write wrong ones. */
#ifndef CONTACT_VAULT_RAW_CLIENT_H
#define CONTACT_VAULT_RAW_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RAW_GREETING_BYTES = 8,
    RAW_HEADER_BYTES = 13,
};

struct raw_reply {
    uint32_t request_id;
    uint8_t *payload; /* malloc */
    size_t size;
};

/* A blocking socket, which gives up receiving after some seconds; -1 where nobody listens. */
int raw_connect(const char *path);
/* The same with a socket made before; 0, or -1. */
int raw_connect_with(int fd, const char *path);
/* A socket bound to the path that does not listen. */
int raw_bound(const char *path);
/* Connected, and both greetings exchanged. */
int raw_greeted(const char *path);
/* False once the far end is gone. */
bool raw_send(int fd, const void *bytes, size_t size);
bool raw_receive(int fd, void *bytes, size_t size);
/* Whole frame; ids get their highest bit. */
bool raw_request(int fd, uint32_t id, const void *payload, size_t size);
bool raw_reply(int fd, struct raw_reply *ret_reply);
/* The far end closes within the time, whatever it still sends first. */
bool raw_closes_within(int fd, unsigned ms);

#endif
