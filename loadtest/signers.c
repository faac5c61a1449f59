#include "loadtest/signers.h"

#include <stdio.h>

#include "base/clock.h"
#include "crypto/kdf.h"
#include "loadtest/json_scan.h"

struct certificates {
	uint8_t key_id[32];
	bool has_key_id;
	struct bytes ecka, sign;
	struct certificate_list chain;
	struct certificate_room room;
};

static bool read_certificates(struct bytes answer, struct certificates *c)
{
	struct json_scan scan;
	struct json_member m;
	bool fine = json_scan_object(answer, &scan);

	while (fine && json_scan_member(&scan, &m)) {
		if (json_is(&m, "keyId"))
			fine = c->has_key_id = json_scan_hex(m.value, c->key_id, sizeof(c->key_id));
		else if (json_is(&m, "certEcka"))
			fine = certificate_read_json(&c->room, m.value, &c->ecka);
		else if (json_is(&m, "certSign"))
			fine = certificate_read_json(&c->room, m.value, &c->sign);
		else if (json_is(&m, "chain"))
			fine = certificate_list_read_json(&c->room, m.value, &c->chain);
	}
	return fine && !scan.broken && c->has_key_id && c->ecka.len > 0 && c->sign.len > 0;
}

static enum outcome verify_certificates(
	const struct certificates *c, struct bytes anchor, struct arpf_certificates *out)
{
	struct certificate signer;
	int64_t now = clock_unix();
	enum outcome o =
		se_verify_arpf(c->ecka, c->chain.der, c->chain.count, anchor, now, &out->ecka);

	if (o == FINE && memcmp(out->ecka.key_id, c->key_id, sizeof(c->key_id)) != 0)
		o = CERTIFICATE_UNTRUSTED;
	if (o == FINE)
		o = se_verify_signer(c->sign, c->chain.der, c->chain.count, anchor, now, &signer);
	if (o != FINE)
		return o;
	memcpy(out->signer_point, signer.public_key.at, sizeof(out->signer_point));
	return sha256(&c->sign, 1, out->signer_id);
}

static enum outcome not_understood(const struct server *s, const char *path)
{
	fprintf(stderr, "arpfload: %s%s: not the answer of an ARPF\n", s->url, path);
	return PEER_FAILED;
}

static enum outcome say_untrusted(enum outcome o)
{
	if (o != FINE)
		fprintf(stderr, "arpfload: the ARPF's certificates: %s\n", outcome_name(o));
	return o;
}

enum outcome fetch_arpf_certificates(
	struct server *s, struct bytes anchor, struct arpf_certificates *out)
{
	static const char path[] = "/narpf-ek/v1/certificate";
	struct http_request r;
	struct certificates c = { 0 };
	enum outcome o = PEER_FAILED;

	if (exchange_expects(s, "GET", path, bytes_of(NULL, 0), &r))
		o = read_certificates(r.answer, &c)
			    ? say_untrusted(verify_certificates(&c, anchor, out))
			    : not_understood(s, path);
	http_request_clear(&r);
	return o;
}

enum outcome fetch_certificate_checker(struct server *s, struct signature_checker **out)
{
	struct arpf_certificates arpf;
	enum outcome o = fetch_arpf_certificates(s, bytes_of(NULL, 0), &arpf);

	return o == FINE ? signature_checker_new(BYTES(arpf.signer_point), arpf.signer_id, out) : o;
}

/* The members of 7.1's answer; the chain, of ECDSA, goes into *c. */
static bool read_parameters(struct bytes answer, struct ibs_parameters *p, struct certificates *c)
{
	struct json_scan scan;
	struct json_member m;
	char suite[32];
	bool has_suite = false, has_signer = false, has_kpak = false, has_chain = false;

	if (!json_scan_object(answer, &scan))
		return false;
	while (json_scan_member(&scan, &m)) {
		if (json_is(&m, "suite"))
			has_suite = json_scan_copy(m.value, suite, sizeof(suite));
		else if (json_is(&m, "signerId"))
			has_signer = json_scan_copy(m.value, p->signer_id, sizeof(p->signer_id));
		else if (json_is(&m, "kpak"))
			has_kpak = json_scan_base64(m.value, p->kpak, sizeof(p->kpak));
		else if (json_is(&m, "chain"))
			has_chain = certificate_list_read_json(&c->room, m.value, &c->chain) &&
				    c->chain.count > 0;
	}
	if (!has_suite || !has_signer || scan.broken)
		return false;
	p->suite = strcmp(suite, batch_suite_name(SUITE_ECCSI)) == 0 ? SUITE_ECCSI : SUITE_ECDSA;
	return strcmp(suite, batch_suite_name(p->suite)) == 0 &&
	       (p->suite == SUITE_ECCSI ? has_kpak : has_chain);
}

/* The chain begins with the signing certificate, whose hash is the signerId. */
static enum outcome make_certificate_checker(
	const struct certificates *c, const char *signer_id, struct signature_checker **out)
{
	struct certificate signer;
	uint8_t id[SHA256_LEN];
	char text[2 * SHA256_LEN + 1];
	enum outcome o = se_verify_signer(c->chain.der[0], c->chain.der + 1, c->chain.count - 1,
		bytes_of(NULL, 0), clock_unix(), &signer);

	if (o == FINE)
		o = sha256(&c->chain.der[0], 1, id);
	if (o != FINE)
		return o;
	hex_write(BYTES(id), text);
	return strcmp(text, signer_id) == 0 ? signature_checker_new(signer.public_key, id, out)
					    : CERTIFICATE_UNTRUSTED;
}

/*
 * An identity begins with its period, a day, a month or a year, and is not used outside it: ECCSI knows no
 * other revocation.
 */
static enum outcome check_period(const char *signer_id)
{
	char now[CLOCK_TEXT_LEN];
	size_t len = strcspn(signer_id, " ");

	clock_write(clock_unix(), now);
	return (len == 4 || len == 7 || len == 10) && memcmp(signer_id, now, len) == 0
		       ? FINE
		       : CREDENTIAL_EXPIRED;
}

static enum outcome make_identity_checker(
	const struct ibs_parameters *p, struct signature_checker **out)
{
	enum outcome o = check_period(p->signer_id);

	if (o == FINE)
		o = signature_checker_new_eccsi(p->kpak, p->signer_id, out);
	if (o != FINE)
		fprintf(stderr, "arpfload: the identity of the IBS: %s\n", outcome_name(o));
	return o;
}

enum outcome fetch_ibs_checker(
	struct server *s, struct ibs_parameters *out, struct signature_checker **checker)
{
	static const char path[] = "/narpf-companion/v1/ibs-parameters";
	struct http_request r;
	struct certificates c = { 0 };
	enum outcome o = PEER_FAILED;

	if (exchange_expects(s, "GET", path, bytes_of(NULL, 0), &r)) {
		if (!read_parameters(r.answer, out, &c))
			o = not_understood(s, path);
		else if (out->suite == SUITE_ECCSI)
			o = make_identity_checker(out, checker);
		else
			o = say_untrusted(make_certificate_checker(&c, out->signer_id, checker));
	}
	http_request_clear(&r);
	return o;
}
