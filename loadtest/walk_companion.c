#include <openssl/rand.h>
#include <stdio.h>

#include "base/secret.h"
#include "loadtest/credential_request.h"
#include "loadtest/procedures.h"
#include "loadtest/walk_parts.h"

/* Solution #12.x, with what has come of its steps. */
struct dh_walk {
	struct walk *walk;
	struct signature_checker *checker;
	struct dh_device device;
	struct dh_answer answer;
	struct confirmation_answer confirmation;
};

static bool meet_signer(struct dh_walk *d)
{
	struct ibs_parameters ibs;

	walk_heading("before", "The ARPF/Provision Server is provisioned with IBS credentials");
	walk_line("GET", "/narpf-companion/v1/ibs-parameters");
	if (fetch_ibs_checker(&d->walk->server, &ibs, &d->checker) != FINE)
		return false;
	walk_line("suite", "%s", batch_suite_name(ibs.suite));
	walk_line("identity", "%s", ibs.signer_id);
	if (ibs.suite == SUITE_ECCSI)
		walk_hex("KPAK", BYTES(ibs.kpak));
	return true;
}

/* Steps 1 and 2. */
static bool begin_device(struct dh_walk *d)
{
	const char *name = d->walk->options->group;
	enum dh_group group;
	uint8_t random[6];
	char device_id[32], hex[2 * sizeof(random) + 1];

	if (!dh_group_read(name, strlen(name), &group))
		return walk_failed("1", "--group: no such group");
	if (RAND_bytes(random, sizeof(random)) != 1)
		return walk_failed("1", "no random numbers");
	hex_write(BYTES(random), hex);
	snprintf(device_id, sizeof(device_id), "IOT-%s", hex);
	if (dh_device_start(&d->device, device_id, group) != FINE)
		return walk_failed("1", "no key pair");
	walk_heading("1", "The IoT device generates RAND1 and computes A");
	walk_line("group", "%s", dh_group_name(group));
	walk_hex("A", dh_device_a(&d->device));
	walk_heading("2", "It sends (Device ID, A) to the companion UE over a short distance");
	walk_line("Device ID", "%s", d->device.device_id);
	return true;
}

static void show_answer(const struct dh_walk *d)
{
	walk_heading("4", "The server verifies MAC1, generates RAND2, computes B and KD");
	walk_hex("Access ID", BYTES(d->answer.access_id));
	walk_hex("B", bytes_of(d->answer.b, d->answer.b_len));
	walk_heading("5", "It answers (Access ID, B, A, SigCN)");
	walk_signature("SigCN", &d->answer.sig_cn);
	walk_heading("6", "The companion UE forwards them to the device");
}

/* Steps 3 to 6. */
static bool request(struct dh_walk *d)
{
	char body[CREDENTIAL_BODY_MAX];
	struct http_request r;
	size_t len;

	if (credential_write_request(&d->walk->companion, &d->device, body, &len) != FINE)
		return walk_failed("3", "no MAC1");
	walk_heading("3", "The companion UE sends (PType, Device ID, A, MAC1)");
	bool fine = walk_post(d->walk, CREDENTIAL_PATH, bytes_of(body, len), &r);

	if (fine && !credential_read_answer(r.answer, d->device.group, &d->answer))
		fine = walk_failed("5", "not an answer of 7.2");
	http_request_clear(&r);
	if (fine)
		show_answer(d);
	return fine;
}

/* Steps 7 and 8. */
static bool agree(struct dh_walk *d)
{
	struct dh_device *device = &d->device;

	walk_heading("7", "The device verifies SigCN");
	if (dh_device_verify_answer(device, d->checker, &d->answer) != FINE)
		return walk_failed("7", "SigCN does not verify");
	walk_line("", "right, over (Access ID, group, B, A, Device ID)");
	walk_heading("8", "It computes KD out of B and RAND1");
	if (dh_device_agree(device, &d->answer) != FINE)
		return walk_failed("8", "B is no element of the group");
	walk_fingerprint("KDm", BYTES(device->kdm));
	walk_fingerprint("KDa", BYTES(device->kda));
	walk_fingerprint("KDo", BYTES(device->kdo));
	return true;
}

/* Steps 9 to 12. */
static bool confirm(struct dh_walk *d)
{
	char path[128], body[CREDENTIAL_BODY_MAX], access_id[2 * ACCESS_ID_LEN + 1];
	struct http_request r;
	size_t len;

	if (confirmation_write_request(&d->device, body, &len) != FINE)
		return walk_failed("9", "no MAC2");
	hex_write(BYTES(d->device.access_id), access_id);
	snprintf(path, sizeof(path), CREDENTIAL_PATH "/%s/confirmation", access_id);
	walk_heading("9", "The device sends (Access ID, Device ID, MAC2)");
	bool fine = walk_post(d->walk, path, bytes_of(body, len), &r);

	if (fine && !confirmation_read_answer(r.answer, &d->confirmation))
		fine = walk_failed("11", "not an answer of 7.3");
	http_request_clear(&r);
	if (!fine)
		return false;
	walk_heading("10", "The server verifies MAC2 and creates the subscription");
	walk_heading("11", "It answers (Provision Complete, MAC3)");
	walk_line("SUPI", "%s", d->confirmation.supi);
	walk_hex("MAC3", BYTES(d->confirmation.mac3));
	walk_heading("12", "The device verifies MAC3");
	if (dh_device_check_mac3(&d->device, d->confirmation.supi, d->confirmation.mac3) != FINE)
		return walk_failed("12", "MAC3 is wrong");
	walk_line("", "right");
	return true;
}

/* By the Access ID; K is KDa, OPc is KDo. */
static bool authenticate(struct dh_walk *d)
{
	const struct walk_options *o = d->walk->options;
	const char *plmn = o->plmn != NULL ? o->plmn : d->walk->procedure->fleet->plmn;
	char identity[128], access_id[2 * ACCESS_ID_LEN + 1];
	struct usim usim;
	struct usim_answer answer;

	hex_write(BYTES(d->device.access_id), access_id);
	snprintf(identity, sizeof(identity), "nai-%s@5gc.mnc%s%s.mcc%.3s.3gppnetwork.org",
		access_id, strlen(plmn) == 5 ? "0" : "", plmn + 3, plmn);
	walk_heading("then", "The device attaches by its Access ID, with K = KDa and OPc = KDo");
	dh_device_usim(&d->device, &usim);
	bool fine =
		walk_authenticate(d->walk, "then", identity, d->confirmation.imsi, &usim, &answer);

	wipe(&usim, sizeof(usim));
	wipe(&answer, sizeof(answer));
	return fine;
}

bool walk_companion_dh(struct walk *w)
{
	struct dh_walk d = { .walk = w };
	bool fine = meet_signer(&d) && walk_open_companion(w) && begin_device(&d) && request(&d) &&
		    agree(&d) && confirm(&d) && authenticate(&d);

	signature_checker_free(d.checker);
	wipe(&d, sizeof(d));
	return fine;
}
