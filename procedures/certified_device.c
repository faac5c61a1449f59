#include "procedures/certified_device.h"

#include "base/clock.h"
#include "peers/certificate_cache.h"

enum outcome certified_device_start(struct certified_device *c, const char *url)
{
	c->url = url;
	return certificate_fetch_start(&c->fetch, url) ? FINE : BROKEN;
}

/* Copies, because another transaction may make place in the cache. */
static enum outcome look_into_cache(struct txn *t, struct certified_device *c)
{
	struct bytes body;
	int form;

	c->was_kept = certificate_cache_find(t->services->certificates, c->url, &form, &body);
	if (!c->was_kept)
		return FINE;
	c->form = (enum certificates_form)form;
	c->body = bytes_of(arena_copy(t->arena, body.at, body.len), body.len);
	return c->body.at != NULL ? FINE : NO_MEMORY;
}

/* Of the request's URL, and then of where it redirects to. */
enum outcome certified_device_check_url(struct txn *t, struct certified_device *c)
{
	const struct settings *s = t->services->settings;

	/* The settings may be read anew while the fetch is under way. */
	if (c->rules.networks == NULL)
		c->rules.networks = arena_copy(
			t->arena, s->certificate_networks, strlen(s->certificate_networks));
	if (c->rules.networks == NULL)
		return NO_MEMORY;
	c->rules.hosts = s->certificate_hosts;
	c->rules.ca_file = s->certificate_ca_file;
	if (certificate_fetch_check(&c->fetch, &c->rules))
		return c->fetch.redirects == 0 ? look_into_cache(t, c) : FINE;
	if (c->fetch.redirects > 0)
		return txn_refuse(t, CERTIFICATE_FETCH_FAILED,
			"The certification authority redirects to where this server may not ask.");
	return txn_refuse_parameter(t, INVALID_PARAMETER, "deviceUrl", c->fetch.reason);
}

/* A slow certification authority may not take the room that every other procedure needs. */
#define MOST_FETCHES 256u

enum outcome certified_device_ask(struct txn *t, struct certified_device *c)
{
	unsigned room = t->services->settings->transactions_in_flight / 4 + 1;

	if (http_client_guarded(t->services->peers) >= (room < MOST_FETCHES ? room : MOST_FETCHES))
		return txn_refuse(t, OVERLOADED, "Too many certificates are being fetched.");
	certificate_fetch_ask(&c->fetch, &t->ask.fetch);
	return FINE;
}

static enum outcome take_body(struct txn *t, struct certified_device *c)
{
	const struct http_request *got = &t->ask.fetch;

	if (!certificates_form_of(got->answer_type, &c->form))
		return txn_refuse(t, CERTIFICATE_FETCH_FAILED,
			"The certification authority's answer is of a type that is no "
			"certificate's.");
	c->body = bytes_of(arena_copy(t->arena, got->answer.at, got->answer.len), got->answer.len);
	return c->body.at != NULL ? FINE : NO_MEMORY;
}

enum outcome certified_device_have(
	struct txn *t, struct certified_device *c, const char *check_step, enum outcome brought)
{
	switch (certificate_fetch_have(&c->fetch, &t->ask.fetch, brought)) {
	case FETCH_DONE:
		return take_body(t, c);
	case FETCH_REDIRECTED:
		return txn_go_back(t, check_step, FETCH_MOST_REDIRECTS, CERTIFICATE_FETCH_FAILED);
	case FETCH_FAILED:
		return txn_refuse(t, CERTIFICATE_FETCH_FAILED, c->fetch.reason);
	}
	return BROKEN;
}

static enum outcome verify_chain(
	struct txn *t, struct certified_device *c, struct certificates *chain)
{
	const char *reason = NULL;
	enum outcome o = device_chain_verify(t->trust, chain, clock_unix(), &c->device, &reason);

	if (o == FINE && !device_url_names(c->url, bytes_of_text(c->device.device_id))) {
		reason = "the URL's DeviceID is another's";
		o = CERTIFICATE_UNTRUSTED;
	}
	if (o != CERTIFICATE_UNTRUSTED && o != CERTIFICATE_EXPIRED && o != CERTIFICATE_REVOKED)
		return o;
	return txn_refuse(t, o,
		arena_printf(t->arena, "The device's certificate does not hold: %s.", reason));
}

enum outcome certified_device_verify(struct txn *t, struct certified_device *c)
{
	struct certificates chain;

	if (t->trust == NULL)
		return txn_lack_trust(t);
	enum outcome o = certificates_read(c->body, c->form, &chain);
	if (o == INVALID_PARAMETER)
		return txn_refuse(
			t, CERTIFICATE_FETCH_FAILED, "What was fetched is not what its type says.");
	if (o != FINE)
		return o;
	o = verify_chain(t, c, &chain);
	certificates_free(&chain);
	return o;
}

enum outcome certified_device_keep(struct txn *t, const struct certified_device *c)
{
	/* Where another place had a say, its leave to say so may end before the answer is stale. */
	if (c->fetch.redirects > 0)
		return FINE;
	certificate_cache_put(
		t->services->certificates, c->url, (int)c->form, c->body, c->fetch.fresh_s);
	return FINE;
}
