#include <inttypes.h>
#include <openssl/rand.h>
#include <stdio.h>

#include "base/secret.h"
#include "device/suci.h"
#include "loadtest/certificate_server.h"
#include "loadtest/device_addition.h"
#include "loadtest/fleet_create.h"
#include "loadtest/procedures.h"
#include "loadtest/walk_parts.h"

/* Solution #12.z, with what has come of its steps. */
struct headless_walk {
	struct walk *walk;
	struct signature_checker *checker;
	struct certificate_server *certificates;
	struct headless_device device;
	struct addition_answer answer;
	struct device_profile profile;
	char url[ADDITION_URL_MAX + 1];
	uint8_t kprime[KPRIME_LEN], kdoubleprime[32];
};

/* The one device there is: leaf, CERT.PN, root. */
static bool find_chain(void *context, struct bytes device_id, struct buffer *pem)
{
	const struct headless_walk *h = context;
	const struct maker *maker = &h->walk->fleet.maker;

	if (!bytes_equal(device_id, bytes_of_text(h->device.device_id)))
		return false;
	pem_put_certificate(pem, bytes_of(h->device.certificate, h->device.certificate_len));
	pem_put_certificate(pem, authority_certificate(&maker->parts[0]));
	pem_put_certificate(pem, authority_certificate(&maker->ci));
	return true;
}

static bool have_maker(struct walk *w)
{
	const struct walk_options *o = w->options;

	return o->fleet != NULL ? fleet_open(&w->fleet, o->fleet)
				: fleet_describe(&w->fleet, w->procedure->fleet, o->plmn,
					  FLEET_RANDOM_FIRST, 1, 1);
}

static bool make_device(struct headless_walk *h)
{
	struct walk *w = h->walk;
	bool is_rsa = strcmp(w->options->key, "rsa") == 0;
	uint8_t random[6];
	char device_id[32], hex[2 * sizeof(random) + 1];

	if (!is_rsa && strcmp(w->options->key, "p256") != 0)
		return walk_failed("before", "--key: there are p256, rsa");
	if (!have_maker(w) || RAND_bytes(random, sizeof(random)) != 1)
		return walk_failed("before", "no maker of devices");
	hex_write(BYTES(random), hex);
	snprintf(device_id, sizeof(device_id), "HD-%s", hex);
	if (headless_device_make(&h->device, &w->fleet.maker.parts[0],
		    is_rsa ? DEVICE_KEY_RSA2048 : DEVICE_KEY_P256,
		    &(struct device_subject){ device_id, FLEET_MANUFACTURER, FLEET_MODEL },
		    &(struct validity){ w->fleet.header.not_before, w->fleet.header.not_after }) !=
		FINE)
		return walk_failed("before", "the device could not be made");
	return true;
}

/* The preconditions: the device's key, its certificate's web site, whom the server trusts. */
static bool prepare(struct headless_walk *h)
{
	struct walk *w = h->walk;

	walk_heading(
		"before", "The manufacturer burns in a key pair, certifies it, names the site");
	if (!make_device(h))
		return false;
	h->certificates = certificate_server_new(w->server.loop, 0, find_chain, h);
	if (h->certificates == NULL || !certificate_server_url(h->certificates, h->device.device_id,
					       h->url, sizeof(h->url)))
		return walk_failed("before", "no web site");
	if (!w->options->no_trust)
		offer_trust_anchor(&w->server, w->procedure->fleet->trust,
			authority_certificate(&w->fleet.maker.ci), "its root");
	walk_line("device", "%s, %s, %s", h->device.device_id, h->device.manufacturer,
		h->device.model);
	walk_line("key", "%s", h->device.rsa != NULL ? "RSA, 2048 bits" : "P-256");
	walk_line("certificate", "%zu bytes, signed by %s", h->device.certificate_len,
		w->fleet.maker.parts[0].name);
	return fetch_certificate_checker(&w->server, &h->checker) == FINE;
}

static void show_answer(const struct headless_walk *h)
{
	const struct device_profile *p = &h->profile;

	walk_heading("3", "The subscription manager obtains the certificate from that URL");
	walk_line("served", "%" PRIu64 " time(s)", certificate_server_served(h->certificates));
	walk_heading("4", "It verifies the chain by its root of trust");
	walk_line("serial number", "%s", p->device_id);
	walk_line("manufacturer", "%s, %s", p->manufacturer, p->model);
	walk_heading("5", "It requests the AUSF to add the device to the subscription");
	walk_line("Access ID", "%s", p->access_id);
	walk_heading("6", "The AUSF derives K' and encrypts it with the device's public key");
	walk_line("scheme", "%s, %zu bytes", p->kprime.is_rsa ? "rsa-oaep-sha256" : "ecies-p256",
		p->kprime.ciphertext.len);
	walk_heading("7", "The subscription manager derives K'' by a nonce");
	walk_hex("nonce", BYTES(h->answer.n2));
	walk_heading("8", "It sends the subscription profile, K'' and the nonce");
	walk_line("profile", "%zu bytes for %s", h->answer.profile_len, p->supi);
	walk_line("network", "%.*s", (int)p->network.len, (const char *)p->network.at);
	walk_signature("signature", &h->answer.signature);
}

/* Steps 1 to 8. */
static bool request(struct headless_walk *h)
{
	char body[ADDITION_BODY_MAX];
	struct http_request r;
	size_t len;

	walk_heading("1", "The user has the companion UE read the URL from the device's tag");
	walk_line("URL", "%s", h->url);
	if (addition_write_request(&h->walk->companion, h->url, body, &len) != FINE)
		return walk_failed("2", "no MAC");
	walk_heading("2", "The companion UE sends it to the subscription manager");
	bool fine = walk_post(h->walk, ADDITION_PATH, bytes_of(body, len), &r);

	if (fine && (!addition_read_answer(r.answer, &h->answer) ||
			    !profile_read(bytes_of(h->answer.profile, h->answer.profile_len),
				    &h->profile)))
		fine = walk_failed("8", "not an answer of section 8");
	http_request_clear(&r);
	if (fine)
		show_answer(h);
	return fine;
}

/* Step 9, on the companion's side. */
static bool install_companion(struct headless_walk *h)
{
	walk_heading("9", "The companion UE installs K'', hands profile and nonce to the device");
	if (companion_open_kdoubleprime(&h->walk->companion, h->answer.iv, BYTES(h->answer.sealed),
		    h->profile.device_id, h->profile.supi, h->kdoubleprime) != FINE)
		return walk_failed("9", "K'' is not sealed for this session");
	walk_fingerprint("K''", BYTES(h->kdoubleprime));
	return true;
}

/* Step 10: the profile is the network's and for this device, K' opens, K'' is the companion's. */
static bool install_device(struct headless_walk *h)
{
	const struct headless_device *d = &h->device;
	struct bytes profile = bytes_of(h->answer.profile, h->answer.profile_len);
	uint8_t own[32];

	walk_heading("10", "The device is reset, installs the profile and authenticates");
	if (headless_device_check_profile(h->checker, &h->answer.signature, profile) != FINE)
		return walk_failed("10", "the profile's signature does not verify");
	walk_line("signature", "right");
	if (!profile_is_for(&h->profile, d))
		return walk_failed("10", "the profile is for another device");
	if (headless_device_open_kprime(d, &h->profile.kprime, h->kprime) != FINE)
		return walk_failed("10", "K' does not open");
	walk_fingerprint("K'", BYTES(h->kprime));
	if (headless_device_kdoubleprime(d, h->kprime, h->answer.n2, own) != FINE ||
		!equal_in_constant_time(own, h->kdoubleprime, sizeof(own)))
		return walk_failed("10", "K'' is another than the companion UE's");
	walk_line("K''", "the same as the companion UE's");
	wipe(own, sizeof(own));
	return true;
}

/* By a SUCI of the null scheme, as a UE without a home network key does. */
static bool authenticate(struct headless_walk *h)
{
	char suci[SUCI_MAX + 1];
	struct usim usim;
	struct usim_answer answer;
	struct suci_network network = {
		.plmn = h->walk->companion.plmn, .routing_indicator = "0", .scheme = SUCI_NULL
	};

	if (suci_conceal(&network, h->profile.imsi, suci) != FINE ||
		headless_device_usim(h->kprime, h->profile.supi, &usim) != FINE)
		return walk_failed("10", "no SUCI, or no keys");
	bool fine = walk_authenticate(h->walk, "10", suci, h->profile.imsi, &usim, &answer);

	wipe(&usim, sizeof(usim));
	wipe(&answer, sizeof(answer));
	return fine;
}

bool walk_headless_device(struct walk *w)
{
	struct headless_walk h = { .walk = w };
	bool fine = prepare(&h) && walk_open_companion(w) && request(&h) && install_companion(&h) &&
		    install_device(&h) && authenticate(&h);

	certificate_server_free(h.certificates);
	signature_checker_free(h.checker);
	headless_device_end(&h.device);
	wipe(&h, sizeof(h));
	return fine;
}
