#include "hsm/keyd/serve.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/secret.h"
#include "hsm/keyd/operations.h"

#define LARGEST_ITEM 512u

static enum outcome perform_ping(struct keyd_thread *t, const struct key_batch *b)
{
	(void)t;
	memcpy(b->results, b->items, b->count * sizeof(struct key_ping));
	return FINE;
}

perform_function operation_perform(uint32_t operation)
{
	static const perform_function performs[KEY_OPERATION_COUNT] = {
		[KEY_PING] = perform_ping,
		[KEY_AGREE_EK] = perform_agree_ek,
		[KEY_AGREE_EK_FOR_PEER] = perform_agree_ek_for_peer,
		[KEY_OPEN_EK_FROM_PEER] = perform_open_ek_from_peer,
		[KEY_SIGN] = perform_sign,
		[KEY_CHECK_SEALED] = perform_check_sealed,
	};

	return operation < KEY_OPERATION_COUNT ? performs[operation] : NULL;
}

/* The items of a message, where its every length and count is right. */
static bool read_message(struct bytes message, struct key_batch_header *h, struct bytes *items)
{
	struct bytes head;

	if (!bytes_take(&message, sizeof(*h), &head))
		return false;
	memcpy(h, head.at, sizeof(*h));
	if (h->magic != KEY_MAGIC || operation_perform(h->operation) == NULL || h->count == 0 ||
		h->count > KEY_BATCH_MAX)
		return false;
	*items = message;
	return message.len == h->count * key_operation_in_size((enum key_operation)h->operation);
}

bool keyd_answer(struct keyd_thread *t, struct bytes message, struct buffer *reply)
{
	static _Thread_local alignas(16) uint8_t items_at[KEY_BATCH_MAX * LARGEST_ITEM];
	static _Thread_local alignas(16) uint8_t results_at[KEY_BATCH_MAX * LARGEST_ITEM];
	enum outcome outcomes[KEY_BATCH_MAX] = { FINE };
	struct key_batch_header h;
	struct bytes items;

	if (!read_message(message, &h, &items))
		return false;
	size_t out = key_operation_out_size((enum key_operation)h.operation);
	struct key_batch b = { items_at, results_at, outcomes, h.count };

	memcpy(items_at, items.at, items.len);
	memset(results_at, 0, h.count * out);
	enum outcome o = operation_perform(h.operation)(t, &b);

	buffer_put(reply, &h, sizeof(h));
	for (unsigned i = 0; i < h.count; i++) {
		struct key_result_header result = { .outcome = o != FINE ? o : outcomes[i] };

		if (result.outcome != FINE)
			memset(results_at + i * out, 0, out);
		buffer_put(reply, &result, sizeof(result));
		buffer_put(reply, results_at + i * out, out);
	}
	return true;
}

struct serving {
	struct keyd_thread thread;
	struct token *token;
	int fd;
	int status;
	bool copies;
	pthread_t id;
};

static bool send_all(int fd, const void *at, size_t len)
{
	ssize_t n;

	do
		n = send(fd, at, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)len;
}

static void *serve(void *serving)
{
	struct serving *s = serving;
	uint8_t *room = malloc(2 * KEY_MESSAGE_MAX);

	s->status = room != NULL ? 0 : 1;
	while (room != NULL) {
		ssize_t len = recv(s->fd, room, KEY_MESSAGE_MAX, 0);

		if (len < 0 && errno == EINTR)
			continue;
		if (len <= 0)
			break;
		struct buffer reply = buffer_over(room + KEY_MESSAGE_MAX, KEY_MESSAGE_MAX);

		if (!keyd_answer(&s->thread, bytes_of(room, (size_t)len), &reply) || reply.full) {
			log_error("message_malformed", "length=%zd", len);
			s->status = 1;
			break;
		}
		if (!send_all(s->fd, reply.at, reply.len))
			break;
		if (token_is_lost()) {
			log_error("token_lost", "pid=%d", (int)getpid());
			s->status = 1;
			break;
		}
	}
	shutdown(s->fd, SHUT_RDWR); /* one thread's end is the worker's */
	free(room);
	return NULL;
}

static bool say_hello(const struct token_session *s, int fd)
{
	struct key_hello hello = {
		.magic = KEY_HELLO_MAGIC, .outcome = FINE, .count = s->key_count
	};

	for (unsigned i = 0; i < s->key_count; i++) {
		const struct token_key *key = &s->keys[i];
		struct key_found *found = &hello.keys[i];

		found->use = key->use;
		found->generation = key->generation;
		memcpy(found->key_id, key->key_id, sizeof(found->key_id));
		memcpy(found->public_key, key->public_key, sizeof(found->public_key));
	}
	return send_all(fd, &hello, sizeof(hello));
}

void keyd_say_failed(int fd, enum outcome why)
{
	struct key_hello hello = { .magic = KEY_HELLO_MAGIC, .outcome = why };

	(void)send_all(fd, &hello, sizeof(hello));
}

static enum outcome prepare(
	struct serving *s, const struct settings *settings, struct token *token, int fd)
{
	s->fd = fd;
	s->thread.largest_tree = settings->largest_tree;
	s->thread.secrets = OPENSSL_secure_zalloc(sizeof(*s->thread.secrets));
	if (s->thread.secrets == NULL)
		return NO_MEMORY;
	enum outcome o = token_session_open(token, &s->thread.session, true);

	if (o == FINE)
		s->thread.session.mode = token_probe_agreement(&s->thread.session);
	return o;
}

int keyd_serve(struct token *token, const struct settings *settings, int fd, unsigned threads)
{
	struct serving *all = calloc(threads, sizeof(*all));
	enum outcome o = all != NULL ? FINE : NO_MEMORY;
	unsigned started = 0;
	int status = 1;

	for (unsigned i = 0; o == FINE && i < threads; i++)
		o = prepare(&all[i], settings, token, fd);
	if (o == FINE && say_hello(&all[0].thread.session, fd)) {
		log_info("token_ready", "keys=%u agreement=\"%s\"", all[0].thread.session.key_count,
			agreement_mode_name(all[0].thread.session.mode));
		for (; started < threads; started++)
			if (pthread_create(&all[started].id, NULL, serve, &all[started]) != 0)
				break;
		if (started < threads)
			shutdown(fd, SHUT_RDWR);
		status = started < threads ? 1 : 0;
	} else if (o != FINE) {
		keyd_say_failed(fd, o);
	}
	for (unsigned i = 0; i < started; i++) {
		pthread_join(all[i].id, NULL);
		status |= all[i].status;
	}
	for (unsigned i = 0; all != NULL && i < threads; i++)
		OPENSSL_secure_clear_free(all[i].thread.secrets, sizeof(struct workshop));
	free(all);
	return status;
}
