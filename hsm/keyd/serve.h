/* arpf-keyd as a worker: batches in, replies out, one thread a session (hsm/messages.h). */
#ifndef HSM_KEYD_SERVE_H
#define HSM_KEYD_SERVE_H

#include "hsm/keyd/token.h"

/* Until the other end closes the socket or the token is lost. The process's exit status. */
int keyd_serve(struct token *token, const struct settings *settings, int fd, unsigned threads,
	bool takes_subscribers);
/* The hello of a worker whose token could not be opened. */
void keyd_say_failed(int fd, enum outcome why);
/* One message; false where it is none. The reply is written to `reply`. For tests and the fuzzer as well. */
struct keyd_thread;
bool keyd_answer(struct keyd_thread *t, struct bytes message, struct buffer *reply);

#endif
