/*
 * A fleet on disk: a folder with the maker's files (loadtest/maker_files.h) and devices.bin, a header
 * and then one record a device, all of 1,024 bytes, numbers as the machine has them. Records are only ever
 * appended: what an interruption leaves is whole records and at most a piece of one, which is cut off
 * when the fleet is opened for more. Where the fleet has subscribers (loadtest/subscribers.h), it also has
 * subscribers.csv.
 *
 * The file holds the devices' keys and is readable by its owner alone. A fleet opened for reading may be used
 * by many threads.
 */
#ifndef LOADTEST_FLEET_H
#define LOADTEST_FLEET_H

#include "base/imsi.h"
#include "crypto/dh_group.h"
#include "device/euicc.h"
#include "device/secure_element.h"
#include "loadtest/maker_files.h"

#define FLEET_RECORD_LEN  1024u
#define FLEET_ID_MAX      31
#define FLEET_DEVICES_MAX UINT64_C(100000000)

/* What is wrong with a device, on purpose. */
enum fleet_fault {
	FAULT_NONE,
	FAULT_TOKEN_SIGNATURE, /* must be refused with SIGNATURE_INVALID */
	FAULT_STRANGER,        /* CERT.SE by a maker nobody knows: CERTIFICATE_UNTRUSTED */
	FAULT_EXPIRED,         /* CERT.SE no longer valid: CERTIFICATE_EXPIRED */
	FAULT_COUNT,
};

struct fleet_header {
	char magic[8]; /* "ARPFLEET" */
	uint32_t version, record_len;
	char procedure[24];
	char plmn[8]; /* discovery PLMN of the dIMSIs; home PLMN of the subscribers */
	uint64_t first_msin;
	uint32_t part_count, bad_percent;
	int64_t not_before, not_after; /* of the certificates */
	uint32_t companion_count;      /* 0: the devices have none */
	uint32_t group;                /* enum dh_group */
	uint8_t subscriber_secret[32]; /* what the subscribers' keys are derived from */
	uint8_t unused[FLEET_RECORD_LEN - 120];
};

/* By procedure; of all: mark, fault and part. */
struct fleet_record {
	uint32_t mark; /* FLEET_MARK: a whole record */
	uint8_t fault; /* enum fleet_fault */
	uint8_t part;  /* which part number */
	uint16_t certificate_len, atk_len, unused_1;
	uint32_t unused_2;
	uint64_t imsi;             /* or dIMSI; where there are companions, the companion's; or 0 */
	char id[FLEET_ID_MAX + 1]; /* SE id or Device ID; "" of an eUICC */
	union {
		struct {
			struct ek_keys keys;
			uint8_t signing_key[P256_SCALAR_LEN]; /* SK.SE.ECDSA */
			uint8_t atk[ATK_MAX];
			uint8_t certificate[CERTIFICATE_MAX];
		};
		struct {
			uint8_t k[16], opc[16];
		} subscriber;
		struct {
			uint8_t secret[DH_SECRET_MAX];
			uint8_t a[DH_ELEMENT_MAX];
		} dh;
		struct {
			uint8_t key[P256_SCALAR_LEN];
			uint8_t certificate[CERTIFICATE_MAX];
		} headless;
		struct euicc euicc;
	};
	uint8_t unused_3[8];
};

#define FLEET_MARK 0x53453031u

struct fleet {
	int fd;
	uint64_t count; /* of whole records */
	struct fleet_header header;
	struct maker maker;
	void *map; /* NULL: opened for more */
	size_t map_len;
};

/* Opens for reading. What is wrong is said on stderr. */
bool fleet_open(struct fleet *f, const char *folder);
/* i below f->count. */
const struct fleet_record *fleet_at(const struct fleet *f, uint64_t i);
/*
 * Opens for more: an existing fleet, whose header and maker are read over the caller's; or a
 * new one with this header and maker. false, and said on stderr, also where an existing fleet is
 * of another procedure or PLMN.
 */
bool fleet_open_for_more(struct fleet *f, const char *folder);
bool fleet_append(struct fleet *f, const struct fleet_record *records, size_t count);
bool fleet_exists(const char *folder);
void fleet_close(struct fleet *f);

/* The i-th IMSI of the fleet's: of a device or subscriber, or dIMSI. */
bool fleet_imsi(const struct fleet_header *h, uint64_t i, uint64_t *imsi);
/* What the server must answer a device with; FINE: 201. */
enum outcome fleet_expected(const struct fleet_record *r);

#endif
