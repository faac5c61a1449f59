/*
 * Which addresses a URL that a stranger gave may lead to: public ones, and those an operator has listed.
 * Asked about the address that is about to be connected to, so that it does not matter how a name
 * was spelt or what it resolved to before. Pure.
 */
#ifndef PEERS_ADDRESS_POLICY_H
#define PEERS_ADDRESS_POLICY_H

#include <stdbool.h>
#include <sys/socket.h>

/*
 * Neither loopback, link-local, private, shared, multicast nor otherwise special (RFC 6890 and the IANA
 * registries of special-purpose addresses); an IPv6 address that stands for an IPv4 address is
 * judged as that one.
 */
bool address_is_public(const struct sockaddr *address);
/*
 * Public; or host, which an operator has listed, is this very address as text; or it lies in one of
 * the blank-separated blocks of networks (10.1.0.0/16, fd00::/8; an entry that is no block lists
 * nothing).
 */
bool address_is_allowed(const struct sockaddr *address, const char *host, const char *networks);

#endif
