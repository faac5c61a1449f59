#include "hsm/keyd/serve.h"

#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <signal.h>
#include <stdalign.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/secret.h"
#include "hsm/keyd/operations.h"

/* How often a thread that nobody asks looks whether what it holds in memory is too old. */
#define LOOK_ROUND_S 2

/* Room for an item, or a result, of any operation. */
union any_item {
	struct key_ping ping;
	struct key_agree_ek_in agree_ek;
	struct key_ek_outputs ek_outputs;
	struct key_agree_ek_for_peer_in agree_ek_for_peer;
	struct key_ek_for_peer ek_for_peer;
	struct key_open_ek_from_peer_in open_ek_from_peer;
	struct key_sign_in sign;
	struct key_signature signature;
	struct sealed_key sealed;
	struct key_check_value check_value;
	struct key_make_vector_in make_vector;
	struct key_vector vector;
	struct key_check_auts_in check_auts;
	struct key_auts auts;
	struct key_deconceal_in deconceal;
	struct key_msin msin;
	struct key_register_session_in register_session;
	struct kept_secret kept;
	struct key_agree_companion_in agree_companion;
	struct key_companion companion;
	struct key_confirm_companion_in confirm_companion;
	struct key_confirmation confirmation;
	struct key_sign_ibs_in sign_ibs;
	struct key_ibs_signature ibs_signature;
	struct key_check_addition_in check_addition;
	struct key_nothing nothing;
	struct key_derive_device_in derive_device;
	struct key_device device;
	struct key_offer_exchange_in offer_exchange;
	struct key_offer offer;
	struct key_accept_attach_in accept_attach;
	struct key_accept accept;
	struct key_bind_profile_in bind_profile;
	struct key_bound_profile bound_profile;
	struct key_check_notification_in check_notification;
	struct key_make_subscriber_in make_subscriber;
	struct key_seal_subscriber_in seal_subscriber;
};
static_assert(sizeof(struct key_batch_header) + KEY_BATCH_MAX * (sizeof(struct key_result_header) +
									sizeof(union any_item)) <=
		      KEY_MESSAGE_MAX,
	"the greatest batch is one message");

/* A batch's items and results, aligned. */
struct batch_room {
	alignas(16) uint8_t items[KEY_BATCH_MAX * sizeof(union any_item)];
	alignas(16) uint8_t results[KEY_BATCH_MAX * sizeof(union any_item)];
};

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
		[KEY_MAKE_VECTOR] = perform_make_vector,
		[KEY_CHECK_AUTS] = perform_check_auts,
		[KEY_DECONCEAL] = perform_deconceal,
		[KEY_REGISTER_SESSION] = perform_register_session,
		[KEY_AGREE_COMPANION] = perform_agree_companion,
		[KEY_CONFIRM_COMPANION] = perform_confirm_companion,
		[KEY_SIGN_IBS] = perform_sign_ibs,
		[KEY_CHECK_ADDITION] = perform_check_addition,
		[KEY_DERIVE_DEVICE] = perform_derive_device,
		[KEY_OFFER_EXCHANGE] = perform_offer_exchange,
		[KEY_ACCEPT_ATTACH] = perform_accept_attach,
		[KEY_BIND_PROFILE] = perform_bind_profile,
		[KEY_CHECK_NOTIFICATION] = perform_check_notification,
		[KEY_MAKE_SUBSCRIBER] = perform_make_subscriber,
		[KEY_SEAL_SUBSCRIBER] = perform_seal_subscriber,
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

static void write_reply(struct buffer *reply, const struct key_batch_header *h,
	const struct key_batch *b, enum outcome whole)
{
	size_t out = key_operation_out_size((enum key_operation)h->operation);

	buffer_put(reply, h, sizeof(*h));
	for (unsigned i = 0; i < b->count; i++) {
		struct key_result_header result = {
			.outcome = whole != FINE ? whole : b->outcomes[i],
		};

		if (result.outcome != FINE)
			wipe(b->results + i * out, out);
		buffer_put(reply, &result, sizeof(result));
		buffer_put(reply, b->results + i * out, out);
	}
}

bool keyd_answer(struct keyd_thread *t, struct bytes message, struct buffer *reply)
{
	static _Thread_local struct batch_room room;
	enum outcome outcomes[KEY_BATCH_MAX] = { FINE };
	struct key_batch_header h;
	struct bytes items;

	if (!read_message(message, &h, &items))
		return false;
	struct key_batch b = { room.items, room.results, outcomes, h.count };
	size_t results = h.count * key_operation_out_size((enum key_operation)h.operation);

	memcpy(room.items, items.at, items.len);
	memset(room.results, 0, results);
	write_reply(reply, &h, &b, operation_perform(h.operation)(t, &b));
	/* K_AKMA, K, K_AUSF and XRES* pass here. */
	wipe(room.items, items.len);
	wipe(room.results, results);
	import_key_end_if_old(t);
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

/*
 * The next message. While none waits, ephemerals are made, one at a time; once their pools are full the thread
 * blocks. 0 at the other end's end.
 */
static ssize_t receive(struct serving *s, uint8_t *room)
{
	struct keyd_thread *t = &s->thread;
	bool is_full = false;

	for (;;) {
		ssize_t len = recv(s->fd, room, KEY_MESSAGE_MAX, is_full ? 0 : MSG_DONTWAIT);

		if (len >= 0)
			return len;
		if (errno == EAGAIN && !is_full)
			is_full = !ephemerals_make_one(&t->ephemerals, &t->secrets->ephemerals);
		else if (errno == EAGAIN)
			import_key_end_if_old(t); /* LOOK_ROUND_S are over */
		else if (errno != EINTR)
			return len;
	}
}

/* False where the thread's work is at its end. */
static bool answer(struct serving *s, struct bytes message, struct buffer *reply)
{
	if (!keyd_answer(&s->thread, message, reply) || reply->full) {
		log_error("message_malformed", "length=%zu", message.len);
		s->status = 1;
		return false;
	}
	if (!send_all(s->fd, reply->at, reply->len))
		return false;
	if (token_is_lost()) {
		log_error("token_lost", "pid=%d", (int)getpid());
		s->status = 1;
		return false;
	}
	return true;
}

/* What OpenSSL and the module left on this thread's stack: pieces of what they worked with. */
__attribute__((noinline)) static void wipe_stack_below(void)
{
	uint8_t room[16384];

	wipe(room, sizeof(room));
}

static void *serve(void *serving)
{
	struct serving *s = serving;
	uint8_t *room = malloc(2 * KEY_MESSAGE_MAX);
	bool goes_on = room != NULL;
	ssize_t len;

	s->status = room != NULL ? 0 : 1;
	while (goes_on && (len = receive(s, room)) > 0) {
		struct buffer reply = buffer_over(room + KEY_MESSAGE_MAX, KEY_MESSAGE_MAX);

		goes_on = answer(s, bytes_of(room, (size_t)len), &reply);
		wipe(room, (size_t)len);
		wipe(reply.at, reply.len);
		wipe_stack_below();
	}
	shutdown(s->fd, SHUT_RDWR); /* one thread's end is the worker's */
	import_key_end(&s->thread);
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

int keyd_serve(struct token *token, const struct settings *settings, int fd, unsigned threads,
	bool takes_subscribers)
{
	struct serving *all = calloc(threads, sizeof(*all));
	struct timeval round = { .tv_sec = LOOK_ROUND_S };
	enum outcome o = all != NULL ? FINE : NO_MEMORY;
	unsigned started = 0;
	int status = 1;

	if (o == FINE && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &round, sizeof(round)) != 0)
		o = BROKEN;
	for (unsigned i = 0; o == FINE && i < threads; i++)
		o = prepare(&all[i], settings, token, fd);
	for (unsigned i = 0; o == FINE && i < threads; i++)
		all[i].thread.takes_subscribers = takes_subscribers;
	/* Not earlier: SoftHSM writes the token's own record anew at a login, and who is killed then leaves none. */
	if (o == FINE && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
		o = BROKEN;
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
	for (unsigned i = 0; all != NULL && i < threads; i++) {
		OPENSSL_secure_clear_free(all[i].thread.secrets, sizeof(struct workshop));
		token_forget_data_keys(&all[i].thread.session);
	}
	free(all);
	return status;
}
