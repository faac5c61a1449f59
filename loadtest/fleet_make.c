#include "loadtest/fleet_make.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/secret.h"
#include "device/dh_device.h"
#include "device/headless_device.h"
#include "loadtest/subscribers.h"

#define EXPIRED_S 86400

/* Of an EID: EIN, the fleet's number, the device's, check digits. */
#define FLEET_NUMBERS  UINT64_C(1000000000000)
#define DEVICE_NUMBERS UINT64_C(10000000000)

/* Spread evenly over the devices, one fault after the other. */
static enum fleet_fault fault_of(const struct fleet_header *h, uint64_t i)
{
	uint64_t before = i * h->bad_percent / 100;

	if ((i + 1) * h->bad_percent / 100 == before)
		return FAULT_NONE;
	return (enum fleet_fault)(1 + before % (FAULT_COUNT - 1));
}

static void put_into_record(
	const struct se_identity *se, const struct se_attach *attach, struct fleet_record *out)
{
	out->certificate_len = (uint16_t)se->certificate_len;
	memcpy(out->certificate, se->certificate, se->certificate_len);
	memcpy(out->id, se->se_id, strlen(se->se_id) + 1);
	memcpy(out->signing_key, se->signing_key, sizeof(out->signing_key));
	out->keys = attach->keys;
	out->atk_len = (uint16_t)attach->atk_len;
	memcpy(out->atk, attach->atk, attach->atk_len);
	if (out->fault == FAULT_TOKEN_SIGNATURE)
		out->atk[out->atk_len - 1] ^= 1; /* the signature comes last */
}

enum outcome fleet_make_attach(const struct fleet_making *m, uint64_t i, struct fleet_record *out)
{
	const struct fleet *f = m->fleet;
	struct se_identity se;
	struct se_attach attach;
	struct validity validity = { f->header.not_before, f->header.not_after };
	char digits[IMSI_DIGITS + 1], se_id[FLEET_ID_MAX + 1];

	*out = (struct fleet_record){ .mark = FLEET_MARK,
		.fault = (uint8_t)fault_of(&f->header, i) };
	if (!fleet_imsi(&f->header, i, &out->imsi))
		return INVALID_PARAMETER;
	out->part = (uint8_t)(i % f->maker.part_count);
	const struct authority *pn =
		out->fault == FAULT_STRANGER ? m->stranger : &f->maker.parts[out->part];

	if (out->fault == FAULT_EXPIRED)
		validity = (struct validity){ validity.not_before - EXPIRED_S,
			validity.not_before - 1 };
	imsi_write(out->imsi, digits);
	snprintf(se_id, sizeof(se_id), "SE-%s", digits);
	enum outcome o = se_make(&se, pn, se_id, &validity);

	if (o == FINE)
		o = se_prepare_attach(&se, m->arpf, out->imsi, &attach);
	if (o == FINE)
		put_into_record(&se, &attach, out);
	wipe(&se, sizeof(se));
	wipe(&attach, sizeof(attach));
	return o;
}

enum outcome fleet_make_subscriber(
	const struct fleet_making *m, uint64_t i, struct fleet_record *out)
{
	struct subscriber s;

	*out = (struct fleet_record){ .mark = FLEET_MARK };
	enum outcome o = subscriber_at(&m->fleet->header, i, &s);

	out->imsi = s.imsi;
	memcpy(out->subscriber.k, s.k, sizeof(s.k));
	memcpy(out->subscriber.opc, s.opc, sizeof(s.opc));
	wipe(&s, sizeof(s));
	return o;
}

/* One after the other, so that consecutive devices ask through different companions. */
uint64_t fleet_companion_of(const struct fleet_header *h, uint64_t i)
{
	return h->companion_count > 0 ? i % h->companion_count : 0;
}

/* Two fleets whose companions differ have different devices. */
void fleet_device_id(const struct fleet_header *h, uint64_t i, char out[FLEET_ID_MAX + 1])
{
	snprintf(out, FLEET_ID_MAX + 1, "D%s-%" PRIu64 "-%" PRIu64, h->plmn, h->first_msin, i);
}

bool fleet_device_of(const struct fleet_header *h, struct bytes device_id, uint64_t *i)
{
	char text[FLEET_ID_MAX + 1], again[FLEET_ID_MAX + 1];

	if (device_id.len == 0 || device_id.len > FLEET_ID_MAX)
		return false;
	memcpy(text, device_id.at, device_id.len);
	text[device_id.len] = '\0';
	const char *number = strrchr(text, '-');

	if (number == NULL)
		return false;
	*i = strtoull(number + 1, NULL, 10);
	fleet_device_id(h, *i, again);
	return strcmp(text, again) == 0;
}

/* What the devices that have companions share. */
static enum outcome begin_companied(
	const struct fleet_making *m, uint64_t i, struct fleet_record *out)
{
	const struct fleet_header *h = &m->fleet->header;

	*out = (struct fleet_record){ .mark = FLEET_MARK };
	fleet_device_id(h, i, out->id);
	return fleet_imsi(h, fleet_companion_of(h, i), &out->imsi) ? FINE : INVALID_PARAMETER;
}

enum outcome fleet_make_dh(const struct fleet_making *m, uint64_t i, struct fleet_record *out)
{
	struct dh_device d;
	enum outcome o = begin_companied(m, i, out);

	if (o == FINE)
		o = dh_device_start(&d, out->id, (enum dh_group)m->fleet->header.group);
	if (o == FINE) {
		memcpy(out->dh.secret, d.secret, sizeof(out->dh.secret));
		memcpy(out->dh.a, d.a, sizeof(out->dh.a));
	}
	wipe(&d, sizeof(d));
	return o;
}

enum outcome fleet_make_headless(const struct fleet_making *m, uint64_t i, struct fleet_record *out)
{
	const struct fleet *f = m->fleet;
	struct headless_device d = { 0 };
	struct device_subject subject = { NULL, FLEET_MANUFACTURER, FLEET_MODEL };
	struct validity validity = { f->header.not_before, f->header.not_after };
	enum outcome o = begin_companied(m, i, out);

	subject.device_id = out->id;
	out->part = (uint8_t)(i % f->maker.part_count);
	if (o == FINE)
		o = headless_device_make(
			&d, &f->maker.parts[out->part], DEVICE_KEY_P256, &subject, &validity);
	if (o == FINE && d.certificate_len > sizeof(out->headless.certificate))
		o = INVALID_PARAMETER;
	if (o == FINE) {
		out->certificate_len = (uint16_t)d.certificate_len;
		memcpy(out->headless.certificate, d.certificate, d.certificate_len);
		memcpy(out->headless.key, d.key, sizeof(d.key));
	}
	headless_device_end(&d);
	return o;
}

/* Which fleet it is says the secret that no two fleets share. */
static uint64_t fleet_number(const struct fleet_header *h)
{
	uint64_t number;

	memcpy(&number, h->subscriber_secret, sizeof(number));
	return number % FLEET_NUMBERS;
}

bool fleet_eid(const struct fleet_header *h, uint64_t i, char out[EID_LEN + 1])
{
	char ein[EIN_LEN + 1], digits[EID_LEN + 1];

	if (h->part_count == 0 || i >= DEVICE_NUMBERS)
		return false;
	maker_ein((unsigned)(i % h->part_count), ein);
	snprintf(digits, sizeof(digits), "%s%012" PRIu64 "%010" PRIu64, ein, fleet_number(h), i);
	return eid_complete(digits, out);
}

enum outcome fleet_make_euicc(const struct fleet_making *m, uint64_t i, struct fleet_record *out)
{
	const struct fleet *f = m->fleet;
	struct validity validity = { f->header.not_before, f->header.not_after };
	char eid[EID_LEN + 1];

	*out = (struct fleet_record){ .mark = FLEET_MARK };
	out->part = (uint8_t)(i % f->maker.part_count);
	if (!fleet_eid(&f->header, i, eid))
		return INVALID_PARAMETER;
	return euicc_make(&out->euicc, &f->maker.parts[out->part], eid, &validity);
}
