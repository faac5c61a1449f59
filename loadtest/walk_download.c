#include "loadtest/walk_download.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"

bool walk_take_offer(struct walk *w, const char *step, const struct http_request *r,
	const char *id_member, struct handshake *h)
{
	struct offer_answer a;

	if (!offer_read_answer(r->answer, id_member, &a))
		return walk_failed(step, "not an offer of section 9 or 10");
	if (server_identity_see(&w->identity, a.chain.der, a.chain.count, clock_unix()) != FINE)
		return walk_failed(step, "the server's certificates lead to no root");
	walk_line("certificates", "%zu of the server, verified up to its root", a.chain.count);
	walk_line(id_member, "%s", a.offer.id);
	walk_hex("serverNonce", BYTES(a.offer.nonce));
	walk_hex("server's key", BYTES(a.offer.ephemeral));
	walk_signature("signature", &a.offer.signature);
	if (handshake_check_offer(h, w->identity.checker, &a.offer) != FINE)
		return walk_failed(step, "the server's signature does not verify");
	walk_line("", "right, over id, subject, both nonces and the server's ephemeral key");
	return true;
}

bool walk_write_reply(
	const struct credential *c, const char *step, struct handshake *h, char *body, size_t *len)
{
	uint8_t signature[P256_SIGNATURE_LEN];

	if (handshake_answer(h, c->key, signature) != FINE)
		return walk_failed(step, "the server's ephemeral key is no point");
	walk_hex("device's key", BYTES(h->device_ephemeral));
	walk_hex("signed by it", BYTES(signature));
	*len = offer_write_reply(h, signature, &c->chain, body);
	return *len > 0 || walk_failed(step, "a certificate too long");
}

static bool bind(struct walk *w, const char *step, const struct credential *c, struct handshake *h,
	struct downloaded *out)
{
	char path[128], body[OFFER_REPLY_MAX];
	struct bound_profile bound;
	struct http_request r;
	size_t len;

	if (!walk_write_reply(c, step, h, body, &len))
		return false;
	snprintf(path, sizeof(path), DOWNLOAD_PATH "/%s/bound-profile", h->id);
	bool fine = walk_post(w, path, bytes_of(body, len), &r);

	if (fine && !bound_profile_read_answer(r.answer, &bound))
		fine = walk_failed(step, "not an answer of 10.2");
	http_request_clear(&r);
	if (!fine)
		return false;
	walk_line("bound profile", "%zu bytes of AES-256-GCM under Kb", bound.ciphertext_len);
	if (bound_profile_open(h, &bound, out->json, &out->profile) != FINE)
		return walk_failed(step, "the bound profile does not open");
	const struct installed_profile *p = &out->profile;

	walk_line("SUPI", "%s", p->supi);
	walk_fingerprint("K", BYTES(p->k));
	walk_fingerprint("OPc", BYTES(p->opc));
	walk_line("network", "%.*s", (int)p->network.len, (const char *)p->network.at);
	walk_line("until", "%.*s", (int)p->not_after.len, (const char *)p->not_after.at);
	return true;
}

static bool notify(struct walk *w, const char *step, const struct handshake *h)
{
	char path[128], body[DOWNLOAD_BODY_MAX];
	struct http_request r;
	size_t len;

	if (download_write_notification(h, "INSTALLED", body, &len) != FINE)
		return walk_failed(step, "no MAC");
	snprintf(path, sizeof(path), DOWNLOAD_PATH "/%s/notification", h->id);
	bool fine = walk_post(w, path, bytes_of(body, len), &r);

	http_request_clear(&r);
	if (fine)
		walk_line("notification", "INSTALLED: the subscription is live");
	return fine;
}

bool walk_download(struct walk *w, const char *step, const struct credential *c,
	const char *subject, const char *attach_id, struct downloaded *out)
{
	char body[DOWNLOAD_BODY_MAX];
	struct handshake h;
	struct http_request r;

	if (handshake_begin(&h, HANDSHAKE_DOWNLOAD, subject) != FINE)
		return walk_failed(step, "no random numbers");
	size_t len = download_write_request(&h, attach_id, body);
	bool fine = walk_post(w, DOWNLOAD_PATH, bytes_of(body, len), &r) &&
		    walk_take_offer(w, step, &r, "downloadId", &h);

	http_request_clear(&r);
	fine = fine && bind(w, step, c, &h, out) && notify(w, step, &h);
	wipe(&h, sizeof(h));
	return fine;
}

static bool save_text(const char *prefix, const char *suffix, const char *text)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s.%s", prefix, suffix);
	int fd = len > 0 && (size_t)len < sizeof(path)
			 ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)
			 : -1;
	bool fine = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (!fine)
		fprintf(stderr, "arpfload: %s: %s\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return fine;
}

static bool save_key(const char *prefix, const char *suffix, const uint8_t key[16])
{
	char text[2 * 16 + 1];

	hex_write(bytes_of(key, 16), text);
	bool fine = save_text(prefix, suffix, text);

	wipe(text, sizeof(text));
	return fine;
}

bool walk_save_profile(const struct walk *w, const struct installed_profile *p)
{
	const char *prefix = w->options->save;

	return prefix == NULL ||
	       (save_text(prefix, "supi", p->supi) && save_key(prefix, "k", p->k) &&
		       save_key(prefix, "opc", p->opc));
}
