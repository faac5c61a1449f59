#include "loadtest/fleet_create.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/progress.h"
#include "base/secret.h"
#include "loadtest/procedures.h"
#include "loadtest/signers.h"
#include "loadtest/subscribers.h"
#include "pki/pem.h"

#define CHUNK        64u
#define THREADS_MOST 64u

struct create_options {
	const char *procedure, *out, *plmn, *arpf_ca, *group;
	uint64_t devices, first, parts, bad, companions;
	struct server_options server;
};

#define AT(member) offsetof(struct create_options, member)
static const struct option_row rows[] = {
	{ "procedure", "P", PROCEDURES, OPTION_TEXT, AT(procedure), .required = true },
	{ "devices", "N", "how many the fleet is to have in all", OPTION_NUMBER, AT(devices), 1,
		FLEET_DEVICES_MAX, .required = true },
	{ "out", "DIR", "its folder; what is there already is completed", OPTION_TEXT, AT(out),
		.required = true },
	{ "arpf-url", "URL", "the ARPF they are made for; $ARPF_URL unless given", OPTION_TEXT,
		AT(server.url) },
	{ "arpf-ca", "FILE", "the ARPF's root; any root is taken unless given", OPTION_TEXT,
		AT(arpf_ca) },
	{ "plmn", "PLMN", "of the dIMSIs, 00199 unless given, or of the subscribers, 00101",
		OPTION_TEXT, AT(plmn) },
	{ "first", "MSIN", "of the first dIMSI or subscriber; random unless given", OPTION_NUMBER,
		AT(first), 0, 9999999999 },
	{ "companions", "N", "companion UEs; 1 for every 100 devices unless given", OPTION_NUMBER,
		AT(companions), 1, 1000000 },
	{ "group", "G", "companion-dh: ffdhe2048, ffdhe3072, p256, x25519; p256 unless given",
		OPTION_TEXT, AT(group) },
	{ "parts", "K", "how many part numbers (CERT.PN) or EUMs; 1 unless given", OPTION_NUMBER,
		AT(parts), 1, PARTS_MOST },
	{ "bad", "PERCENT", "of the devices have a fault and must be refused", OPTION_NUMBER,
		AT(bad), 0, 100 },
	SERVER_TLS_ROWS(AT(server)),
};

static const struct command command = {
	.name = "fleet create",
	.about = "Makes a fleet of devices, each with keys of its own and what its procedure "
		 "begins\n"
		 "with. Interrupted, it is completed by repeating it.\n\n"
		 "  initial-attach   Solution #5.x, steps 0-a to 0-c: a certificate and a token, "
		 "for "
		 "the\n"
		 "                   ARPF of --arpf-url; first-auth has the same fleet\n"
		 "  auth-data        subscribers with K and OPc\n"
		 "  companion-dh     Solution #12.x, step 1: DH key pairs, and companion UEs\n"
		 "  headless-device  Solution #12.z: certified key pairs, and companion UEs\n"
		 "  device-attach    Solution 12.X: eUICCs; profile-download has the same "
		 "fleet\n\n"
		 "Subscribers and companion UEs are in DIR/subscribers.csv, which the server gets "
		 "by\n"
		 "arpfctl subscriber import DIR/subscribers.csv (companion-dh runs without it).",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
};

/* Workers take chunks in turn and append them in the same order, so that a file is whole up to its end. */
struct making {
	struct fleet *fleet;
	const struct fleet_kind *kind;
	struct fleet_making with;
	uint64_t devices;
	uint64_t taken; /* up to this device */
	bool failed;
	struct progress progress;
	pthread_mutex_t lock;
	pthread_cond_t appended;
};

static bool take_chunk(struct making *m, uint64_t *first, size_t *count)
{
	pthread_mutex_lock(&m->lock);
	uint64_t left = m->devices - m->taken;

	*first = m->taken;
	*count = m->failed ? 0 : left < CHUNK ? (size_t)left : CHUNK;
	m->taken += *count;
	pthread_mutex_unlock(&m->lock);
	return *count > 0;
}

static void append_chunk(struct making *m, uint64_t first, const struct fleet_record *records,
	size_t count, bool made)
{
	pthread_mutex_lock(&m->lock);
	while (!m->failed && m->fleet->count != first)
		pthread_cond_wait(&m->appended, &m->lock);
	if (!m->failed)
		m->failed = !made || !fleet_append(m->fleet, records, count);
	progress_show(&m->progress, m->fleet->count);
	pthread_cond_broadcast(&m->appended);
	pthread_mutex_unlock(&m->lock);
}

static void *work(void *context)
{
	struct making *m = context;
	struct fleet_record records[CHUNK];
	uint64_t first;
	size_t count;

	while (take_chunk(m, &first, &count)) {
		enum outcome o = FINE;

		for (size_t i = 0; i < count && o == FINE; i++)
			o = m->kind->make(&m->with, first + i, &records[i]);
		if (o != FINE)
			fprintf(stderr, "arpfload: a device could not be made: %s\n",
				outcome_name(o));
		append_chunk(m, first, records, count, o == FINE);
	}
	wipe(records, sizeof(records));
	return NULL;
}

static bool make_devices(struct fleet *f, const struct fleet_kind *kind, const struct se_arpf *arpf,
	uint64_t devices)
{
	struct authority stranger_ci, stranger;
	struct validity validity = { f->header.not_before, f->header.not_after };
	struct making m = {
		.fleet = f,
		.kind = kind,
		.with = { f, &stranger, arpf },
		.devices = devices,
		.taken = f->count,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.appended = PTHREAD_COND_INITIALIZER,
	};
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t threads[THREADS_MOST];
	unsigned started = 0, wanted = cores < 1 ? 1 : (unsigned)cores;

	/* It has the part number's name, so that only its signature tells. */
	if (authority_make_root(&stranger_ci, f->maker.ci.name, &validity) != FINE ||
		authority_make_part_number(
			&stranger, &stranger_ci, f->maker.parts[0].name, &validity) != FINE)
		return false;
	m.progress = progress_start("devices", f->count, devices);
	/* This thread is one of them. */
	while (started + 1 < wanted && started < THREADS_MOST &&
		pthread_create(&threads[started], NULL, work, &m) == 0)
		started++;
	work(&m);
	for (unsigned i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	progress_end(&m.progress, f->count);
	return !m.failed;
}

/* Ten-digit MSINs have room enough that two fleets made without --first do not meet. */
static bool choose_first(
	struct plmn plmn, uint64_t wanted, uint64_t from, uint64_t devices, uint64_t *first)
{
	uint64_t limit = plmn_msin_limit(plmn), random;

	*first = wanted;
	if (devices > limit - from)
		return false;
	if (wanted != FLEET_RANDOM_FIRST)
		return wanted <= limit - devices;
	if (RAND_bytes((unsigned char *)&random, sizeof(random)) != 1)
		return false;
	*first = from + random % (limit - from - devices + 1);
	return true;
}

bool fleet_describe(struct fleet *f, const struct fleet_kind *kind, const char *plmn_text,
	uint64_t first, uint64_t devices, unsigned parts)
{
	struct plmn plmn;
	struct validity validity;
	struct fleet_header *h = &f->header;

	if (plmn_text == NULL)
		plmn_text = kind->plmn;
	/* Subscribers' numbers are above those that a network gives out from its pools. */
	if (!plmn_read(plmn_text, strlen(plmn_text), &plmn) ||
		!choose_first(plmn, first, kind->is_home ? plmn_msin_limit(plmn) / 2 : 0, devices,
			&h->first_msin) ||
		RAND_bytes(h->subscriber_secret, sizeof(h->subscriber_secret)) != 1) {
		fprintf(stderr, "arpfload: --plmn %s: no PLMN, or no room for the devices\n",
			plmn_text);
		return false;
	}
	snprintf(h->procedure, sizeof(h->procedure), "%s", kind->name);
	snprintf(h->plmn, sizeof(h->plmn), "%s", plmn_text);
	enum outcome made = maker_make(&f->maker, kind->maker, parts, &validity);

	h->part_count = f->maker.part_count;
	h->not_before = validity.not_before;
	h->not_after = validity.not_after;
	if (made != FINE)
		fprintf(stderr, "arpfload: certificates could not be made: %s\n",
			outcome_name(made));
	return made == FINE;
}

static bool read_anchor(const char *file, uint8_t *room, size_t cap, struct bytes *anchor)
{
	uint8_t content[4 * ARPF_CERT_MAX];
	FILE *in = fopen(file, "re");
	size_t len = in != NULL ? fread(content, 1, sizeof(content), in) : 0, der_len = 0;

	if (in != NULL)
		fclose(in);
	if (pem_or_der_read(bytes_of(content, len), room, cap, &der_len) != FINE) {
		fprintf(stderr, "arpfload: %s: no certificate\n", file);
		return false;
	}
	*anchor = bytes_of(room, der_len);
	return true;
}

/* Step 0-a. */
static bool fetch_arpf(const struct create_options *o, struct arpf_certificates *arpf)
{
	uint8_t room[ARPF_CERT_MAX];
	struct bytes anchor = bytes_of(NULL, 0);
	struct server server;

	if (o->arpf_ca != NULL && !read_anchor(o->arpf_ca, room, sizeof(room), &anchor))
		return false;
	if (!server_open(&server, &o->server, 1))
		return false;
	enum outcome fetched = fetch_arpf_certificates(&server, anchor, arpf);

	server_close(&server);
	return fetched == FINE;
}

/* What only some kinds of fleets have. */
static bool describe_companions(
	struct fleet_header *h, const struct create_options *o, const struct fleet_kind *kind)
{
	uint64_t companions = o->companions > 0 ? o->companions : (o->devices + 99) / 100;
	enum dh_group group = DH_P256;

	if (o->group != NULL && !dh_group_read(o->group, strlen(o->group), &group)) {
		fprintf(stderr, "arpfload: --group %s: no such group\n", o->group);
		return false;
	}
	h->group = (uint32_t)group;
	h->companion_count = kind->has_companions ? (uint32_t)companions : 0;
	return true;
}

static bool write_subscribers(const struct fleet *f, const char *folder)
{
	uint64_t count = subscribers_count(&f->header, f->count);

	if (count == 0)
		return true;
	if (!subscribers_write(&f->header, count, folder))
		return false;
	printf("%s: %llu subscribers; for the server: arpfctl subscriber import "
	       "%s/" SUBSCRIBERS_FILE "\n",
		folder, (unsigned long long)count, folder);
	return true;
}

static int create(const struct create_options *o, const struct fleet_kind *kind, struct fleet *f)
{
	struct arpf_certificates arpf = { 0 };
	uint64_t numbers = o->devices > o->companions ? o->devices : o->companions;
	int64_t started_us = clock_us();

	if (!fleet_describe(f, kind, o->plmn, o->first, numbers, (unsigned)o->parts) ||
		!describe_companions(&f->header, o, kind))
		return 1;
	f->header.bad_percent = (uint32_t)o->bad;
	if ((kind->for_arpf && !fetch_arpf(o, &arpf)) || !fleet_open_for_more(f, o->out))
		return 1;
	uint64_t before = f->count;
	bool fine = make_devices(f, kind, &arpf.ecka, o->devices > before ? o->devices : before);
	double seconds = (double)(clock_us() - started_us) / 1e6;

	printf("%s: %llu devices, %llu of them new, in %.1f s", o->out,
		(unsigned long long)f->count, (unsigned long long)(f->count - before), seconds);
	if (kind->trust != NULL)
		printf("; its root is %s/ci.pem", o->out);
	putchar('\n');
	fine = fine && write_subscribers(f, o->out);
	fleet_close(f);
	return fine ? 0 : 1;
}

int command_fleet_create(int count, char **words)
{
	struct create_options o = { .first = FLEET_RANDOM_FIRST, .parts = 1 };

	switch (options_read(&command, count, words, &o)) {
	case OPTIONS_HELP:
		return 0;
	case OPTIONS_WRONG:
		return 2;
	case OPTIONS_READ:
		break;
	}
	const struct procedure *procedure = procedure_find(o.procedure);

	if (procedure == NULL)
		return 2;
	if (o.bad > 0 && !procedure->fleet->for_arpf) {
		fprintf(stderr, "arpfload: --bad: only initial-attach has faulty devices\n");
		return 2;
	}
	struct fleet *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return 1;
	f->fd = -1;
	int result = create(&o, procedure->fleet, f);

	maker_wipe(&f->maker);
	free(f);
	return result;
}
