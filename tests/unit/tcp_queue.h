/* What a process has not read yet of a TCP connection from this one, on this machine, by IPv4. */
#ifndef TESTS_UNIT_TCP_QUEUE_H
#define TESTS_UNIT_TCP_QUEUE_H

#include <stdbool.h>

/* Waits until the other end has read all that this one has sent; false where it does not. */
bool tcp_wait_until_read(int fd);

#endif
