/*
 * What the irreducible operations of the procedures cost on this machine, in CPU microseconds: each in a
 * loop of its own, in this process or, for the rows, in the PostgreSQL backend that serves it. One line an
 * operation on stdout, "name microseconds"; tests/bench/bench.py sets them beside what the server used.
 * The agreement in the token is measured by `arpfctl hsm probe`.
 *
 *     floors CONNINFO          ARPF_CONFIG names the token
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <libpq-fe.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/obj_mac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crypto/aes.h"
#include "crypto/dh_group.h"
#include "crypto/eccsi.h"
#include "crypto/kdf.h"
#include "crypto/p256.h"
#include "tests/bench/floors.h"

#define ROUNDS     2000
#define ROWS       256
#define ROW_ROUNDS 400

double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "floors: %s failed\n", what);
	exit(1);
}

void say(const char *name, double us)
{
	printf("%s %.2f\n", name, us);
	fflush(stdout);
}

/* The textbook's verification: OpenSSL with a key object that is reused. */
static void measure_verify(void)
{
	EC_KEY *key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
	uint8_t digest[32] = { 1, 2, 3 };

	must(key != NULL && EC_KEY_generate_key(key) == 1, "key");
	ECDSA_SIG *s = ECDSA_do_sign(digest, sizeof(digest), key);
	double start = cpu_us();

	for (int i = 0; i < ROUNDS; i++)
		must(ECDSA_do_verify(digest, sizeof(digest), s, key) == 1, "verify");
	say("ecdsa_verify", (cpu_us() - start) / ROUNDS);
	ECDSA_SIG_free(s);
	EC_KEY_free(key);
}

/* The same under an issuer's key that recurs, with its table of multiples. */
static void measure_issuer_verify(void)
{
	uint8_t scalar[P256_SCALAR_LEN], point[P256_POINT_LEN], digest[32] = { 4, 5, 6 };
	uint8_t signature[P256_SIGNATURE_LEN];
	struct p256_public *key;

	must(p256_generate(scalar, point) == FINE && p256_sign(scalar, digest, signature) == FINE &&
			p256_public_new(BYTES(point), &key) == FINE &&
			p256_public_precompute(key) == FINE,
		"issuer key");
	double start = cpu_us();

	for (int i = 0; i < ROUNDS; i++)
		must(p256_public_verify(key, digest, signature) == FINE, "issuer verify");
	say("ecdsa_verify_issuer_table", (cpu_us() - start) / ROUNDS);
	p256_public_free(key);
}

/* X9.63 to eK, HKDF to its four keys, one block, one CMAC, two key wraps, the hash of token and leaf. */
static void measure_kdf_and_aes(void)
{
	uint8_t z[32], info[160] = { 0 }, ek[32], keys[64], block[16] = { 0 }, out[32], wrapped[24];
	struct bytes token = BYTES(info);

	RAND_bytes(z, sizeof(z));
	double start = cpu_us();

	for (int i = 0; i < ROUNDS * 5; i++) {
		bool good = x963_sha256(BYTES(z), BYTES(info), ek, sizeof(ek)) == FINE &&
			    hkdf_expand_sha256(BYTES(ek), bytes_of(info, 32), keys, sizeof(keys)) ==
				    FINE &&
			    aes_ecb_encrypt(bytes_of(keys, 16), block, out) == FINE &&
			    aes_cmac(bytes_of(keys + 16, 16), BYTES(block), out) == FINE &&
			    aes_kw_wrap(BYTES(z), bytes_of(keys + 32, 16), wrapped) == FINE &&
			    aes_kw_wrap(BYTES(z), bytes_of(keys + 48, 16), wrapped) == FINE &&
			    sha256(&token, 1, out) == FINE && sha256(&token, 1, out) == FINE;

		must(good, "kdf and aes");
	}
	say("kdf_and_aes", (cpu_us() - start) / (ROUNDS * 5));
}

/* Keys of an exchange, a MAC under them; what a download has besides: two keys, a profile sealed, a MAC checked. */
static void measure_exchange(void)
{
	uint8_t z[32], salt[32] = { 1 }, info[96] = { 2 }, message[160] = { 3 }, keys[64], mac[32];
	uint8_t profile[320] = { 4 }, sealed[sizeof(profile) + AES_GCM_TAG_LEN];
	uint8_t iv[AES_GCM_IV_LEN] = { 5 };
	struct bytes text = BYTES(message);

	RAND_bytes(z, sizeof(z));
	double start = cpu_us();

	for (int i = 0; i < ROUNDS * 5; i++)
		must(hkdf_sha256(BYTES(salt), BYTES(z), BYTES(info), keys, 32) == FINE &&
				hmac_sha256(bytes_of(keys, 32), &text, 1, mac) == FINE,
			"keys of an attach");
	say("attach_keys", (cpu_us() - start) / (ROUNDS * 5));
	start = cpu_us();
	for (int i = 0; i < ROUNDS * 5; i++)
		must(hkdf_sha256(BYTES(salt), BYTES(z), BYTES(info), keys, 64) == FINE &&
				RAND_bytes(iv, sizeof(iv)) == 1 &&
				aes_gcm_seal(bytes_of(keys, 32), iv, BYTES(info), BYTES(profile),
					sealed) == FINE &&
				hmac_sha256(bytes_of(keys + 32, 32), &text, 1, mac) == FINE,
			"keys of a download");
	say("download_keys", (cpu_us() - start) / (ROUNDS * 5));
}

/* A server ephemeral, and the agreement with an element that is checked. */
static void measure_group(enum dh_group group, int rounds)
{
	uint8_t secret[DH_SECRET_MAX], own[DH_ELEMENT_MAX], peer[DH_ELEMENT_MAX], z[DH_SHARED_MAX];
	size_t len = dh_element_len(group);
	char name[64];

	must(dh_generate(group, secret, peer) == FINE, "dh_generate");
	double start = cpu_us();

	for (int i = 0; i < rounds; i++)
		must(dh_generate(group, secret, own) == FINE, "dh_generate");
	snprintf(name, sizeof(name), "%s_pair", dh_group_name(group));
	say(name, (cpu_us() - start) / rounds);
	start = cpu_us();
	for (int i = 0; i < rounds; i++)
		must(dh_agree(group, secret, bytes_of(peer, len), z) == FINE, "dh_agree");
	snprintf(name, sizeof(name), "%s_agreement", dh_group_name(group));
	say(name, (cpu_us() - start) / rounds);
}

static void measure_eccsi(void)
{
	uint8_t ksak[32], kpak[65], ssk[32], pvt[65], hs[32], signature[ECCSI_SIGNATURE_LEN];
	struct bytes id = bytes_of("2026-11 bench", 13);

	must(eccsi_kms_new(ksak, kpak) == FINE && eccsi_extract(ksak, kpak, id, ssk, pvt) == FINE &&
			eccsi_hs(kpak, id, pvt, hs) == FINE,
		"eccsi");
	double start = cpu_us();

	for (int i = 0; i < ROUNDS; i++)
		must(eccsi_sign(ssk, pvt, hs, BYTES(kpak), signature) == FINE, "eccsi_sign");
	say("eccsi_sign", (cpu_us() - start) / ROUNDS);
}

/* CPU time of another process, by the kernel's clock ticks. */
static double process_cpu_us(int pid)
{
	char path[64], line[1024];
	unsigned long user, system;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	FILE *f = fopen(path, "r");

	must(f != NULL && fgets(line, sizeof(line), f) != NULL, path);
	fclose(f);
	const char *after = strrchr(line, ')');

	must(after != NULL &&
			sscanf(after + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
				&user, &system) == 2,
		"stat");
	return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

static PGresult *query(PGconn *c, const char *sql)
{
	PGresult *r = PQexec(c, sql);
	ExecStatusType status = PQresultStatus(r);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		fprintf(stderr, "floors: %s", PQerrorMessage(c));
	must(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK, "query");
	return r;
}

/* One row of what a device leaves behind, in a multi-row statement with a commit of its own. */
static void measure_row(const char *conninfo)
{
	PGconn *c = PQconnectdb(conninfo);
	char sql[512];

	if (PQstatus(c) != CONNECTION_OK)
		fprintf(stderr, "floors: %s", PQerrorMessage(c));
	must(PQstatus(c) == CONNECTION_OK, "connection");
	PQclear(query(c, "SET client_min_messages = warning"));
	PQclear(query(c, "DROP TABLE IF EXISTS floor_rows"));
	PQclear(query(c,
		"CREATE TABLE floor_rows (dimsi bigint PRIMARY KEY, imsi bigint NOT NULL UNIQUE, "
		"se_id text, token_hash bytea, pair bytea, sealed bytea, state smallint)"));
	double start = process_cpu_us(PQbackendPID(c));

	for (int i = 0; i < ROW_ROUNDS; i++) {
		snprintf(sql, sizeof(sql),
			"INSERT INTO floor_rows SELECT d, d + 1000000000, 'SE-0123456789', "
			"decode(repeat('5a', 32), 'hex'), decode(repeat('a5', 32), 'hex'), "
			"decode(repeat('c3', 92), 'hex'), 0 FROM generate_series(%d, %d) AS d",
			i * ROWS, (i + 1) * ROWS - 1);
		PQclear(query(c, sql));
	}
	say("database_row", (process_cpu_us(PQbackendPID(c)) - start) / (ROW_ROUNDS * ROWS));
	start = process_cpu_us(PQbackendPID(c));
	for (int i = 0; i < ROW_ROUNDS; i++) {
		snprintf(sql, sizeof(sql),
			"UPDATE floor_rows SET state = state + 1 WHERE dimsi = ANY("
			"ARRAY(SELECT generate_series(%d, %d)::bigint)) RETURNING sealed",
			i * ROWS, (i + 1) * ROWS - 1);
		PQclear(query(c, sql));
	}
	say("database_update", (process_cpu_us(PQbackendPID(c)) - start) / (ROW_ROUNDS * ROWS));
	PQclear(query(c, "DROP TABLE floor_rows"));
	PQfinish(c);
}

int main(int argc, char **argv)
{
	measure_verify();
	measure_issuer_verify();
	measure_kdf_and_aes();
	measure_exchange();
	measure_group(DH_P256, ROUNDS);
	measure_group(DH_FFDHE2048, ROUNDS / 10);
	measure_eccsi();
	measure_http();
	measure_token();
	measure_row(argc > 1 ? argv[1] : "");
	return 0;
}
