#include "procedures/aaa.h"

#include <assert.h>
#include <openssl/rand.h>

#include "base/clock.h"
#include "base/eid.h"
#include "pki/der.h"
#include "pki/device_chain.h"
#include "procedures/body.h"
#include "procedures/exchange_answer.h"
#include "procedures/radius_reply.h"
#include "procedures/se_credentials.h"

struct authorization {
	struct exchange_answer answer; /* its certificates alone */
	char subject[DB_SUBJECT_MAX + 1];
	int64_t lifetime_s;
	struct db_pdu_session_in add;
};
static_assert(DEVICE_TEXT_MAX <= DB_SUBJECT_MAX && EID_LEN <= DB_SUBJECT_MAX);

static enum outcome read_authorization(struct txn *t);
static enum outcome verify_device_certificates(struct txn *t);
static enum outcome add_pdu_session(struct txn *t);
static enum outcome answer_authorization(struct txn *t);

const struct procedure aaa_authorization = {
	.name = "aaa-authorization", /* Solution 12.X, 2 and 4, for an AAA server */
	.state_size = sizeof(struct authorization),
	.steps = {
		{ "read_authorization", LANE_CPU, read_authorization },
		/* 2: EUM and eUICC, or what a device's maker has; anchors and revocations of now */
		{ "verify_device_certificates", LANE_CPU, verify_device_certificates },
		/* 4 */
		{ "add_pdu_session", LANE_DB, add_pdu_session },
		{ "answer_authorization", LANE_REPLY, answer_authorization },
	},
};

/* One DER element after the other: an AAA server's configuration can put bytes together, and no array. */
static enum outcome split_chain(struct txn *t, struct bytes all, struct exchange_answer *answer)
{
	struct bytes content;

	while (all.len > 0) {
		if (answer->certificate_count == EXCHANGE_CHAIN_MAX ||
			!der_take_whole(&all, DER_SEQUENCE,
				&answer->certificates[answer->certificate_count], &content))
			return txn_refuse_parameter(t, INVALID_PARAMETER, "certificateChain",
				"These are not one to three certificates in DER, one after the "
				"other.");
		answer->certificate_count++;
	}
	return FINE;
}

static enum outcome read_authorization(struct txn *t)
{
	struct authorization *a = t->state;
	struct bytes all;
	enum outcome o = body_read(t);

	if (o == FINE)
		o = body_bytes(t, t->json, "certificateChain", 1,
			(size_t)EXCHANGE_CHAIN_MAX * CERTIFICATE_MAX, &all);
	return o == FINE ? split_chain(t, all, &a->answer) : o;
}

/* Whether the leaf is within the profile of eUICCs' certificates and names an EID. */
static bool names_eid(const struct exchange_answer *answer, char eid[DB_SUBJECT_MAX + 1])
{
	struct certificate leaf;

	if (certificate_read(answer->certificates[0], &leaf) != FINE ||
		!eid_is_valid(leaf.serial_number))
		return false;
	memcpy(eid, leaf.serial_number.at, EID_LEN);
	eid[EID_LEN] = '\0';
	return true;
}

static enum outcome verify_euicc_chain(struct txn *t, struct authorization *a)
{
	struct certificate leaf;

	if (a->answer.certificate_count < 2)
		return txn_refuse(t, CERTIFICATE_UNTRUSTED, "The EUM's certificate is missing.");
	return exchange_answer_verify_euicc(t, &a->answer, a->subject, &leaf);
}

static enum outcome read_certificates(
	struct txn *t, const struct exchange_answer *answer, struct certificates *chain)
{
	*chain = (struct certificates){ 0 };
	for (size_t i = 0; i < answer->certificate_count; i++) {
		struct certificates one;
		enum outcome o = certificates_read(answer->certificates[i], CERTIFICATES_DER, &one);

		if (o == FINE) {
			chain->at[chain->count++] = one.at[0];
			continue;
		}
		certificates_free(chain);
		return o == INVALID_PARAMETER ? txn_refuse_parameter(t, o, "certificateChain",
							"It has something that is no certificate.")
					      : o;
	}
	return FINE;
}

static enum outcome verify_device_chain(struct txn *t, struct authorization *a)
{
	struct certificates chain;
	struct device_certificate device;
	const char *reason = NULL;
	enum outcome o = read_certificates(t, &a->answer, &chain);

	if (o != FINE)
		return o;
	o = device_chain_verify(t->trust, &chain, clock_unix(), &device, &reason);
	certificates_free(&chain);
	if (o == FINE && eid_is_valid(bytes_of_text(device.device_id))) {
		reason = "an EID is an eUICC's, whose certificate ends in an anchor for eUICCs";
		o = CERTIFICATE_UNTRUSTED;
	}
	if (o == FINE)
		memcpy(a->subject, device.device_id, sizeof(device.device_id));
	if (o != CERTIFICATE_UNTRUSTED && o != CERTIFICATE_EXPIRED && o != CERTIFICATE_REVOKED)
		return o;
	return txn_refuse(t, o,
		arena_printf(t->arena, "The device's certificate does not hold: %s.", reason));
}

/* The AAA server has seen that the device has the key; whether it may in is for this server to say. */
static enum outcome verify_device_certificates(struct txn *t)
{
	struct authorization *a = t->state;

	if (t->trust == NULL)
		return txn_lack_trust(t);
	return names_eid(&a->answer, a->subject) ? verify_euicc_chain(t, a)
						 : verify_device_chain(t, a);
}

static enum outcome add_pdu_session(struct txn *t)
{
	struct authorization *a = t->state;
	struct db_pdu_session_in *in = &a->add;

	a->lifetime_s = t->services->settings->pdu_session_s;
	in->subject = (struct db_text){ a->subject, strlen(a->subject) };
	in->expires_at = clock_unix() + a->lifetime_s;
	if (RAND_bytes(in->session_id, sizeof(in->session_id)) != 1)
		return BROKEN;
	return txn_ask_db(t, DB_ADD_PDU_SESSION, in, NULL);
}

static enum outcome answer_authorization(struct txn *t)
{
	const struct authorization *a = t->state;
	const struct settings *s = t->services->settings;
	struct json_out o = json_start(t->arena);

	radius_reply_write(&o, &(struct radius_session){ .subject = a->subject,
				       .id = BYTES(a->add.session_id),
				       .dnn = s->attach_dnn,
				       .lifetime_s = a->lifetime_s,
				       .destinations = s->allowed_destinations });
	return answer_json(t, 200, &o);
}
