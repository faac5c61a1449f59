/* What arpfload writes to a server and reads from it: sections 3, 5, 7 and 8, and a device's web site. */
#include <arpa/inet.h>
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loadtest/aka.h"
#include "loadtest/certificate_server.h"
#include "loadtest/credential_request.h"
#include "loadtest/device_addition.h"
#include "loadtest/json_scan.h"
#include "loadtest/maker_files.h"
#include "loadtest/signature_json.h"
#include "tests/unit/suite.h"

#define ZEROS32 "0000000000000000000000000000000000000000000000000000000000000000"
#define HASH64  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static struct bytes text(const char *t)
{
	return bytes_of_text(t);
}

/* Answers with one letter of each of these made another are refused. */
static void check_needed(
	const char *good, const char *const *needed, size_t count, bool (*read)(struct bytes in))
{
	char changed[4096];

	ck_assert(read(text(good)));
	for (size_t i = 0; i < count; i++) {
		snprintf(changed, sizeof(changed), "%s", good);
		char *at = strstr(changed, needed[i]);
		ck_assert_msg(at != NULL, "%s", needed[i]);
		*at = '~';
		ck_assert_msg(!read(text(changed)), "%s", needed[i]);
	}
	for (size_t len = 0; len < strlen(good); len++)
		ck_assert(!read(bytes_of(good, len)));
}

#define CHECK_NEEDED(good, needed, read) \
	check_needed(good, needed, sizeof(needed) / sizeof((needed)[0]), read)

static const char av_answer[] =
	"{\"authType\":\"5G_AKA\",\"authenticationVector\":{\"avType\":\"5G_HE_AKA\",\"rand\":"
	"\"00112233445566778899aabbccddeeff\",\"autn\":\"10112233445566778899aabbccddeeff\","
	"\"xresStar\":\"20112233445566778899aabbccddeeff\",\"kausf\":\"" ZEROS32
	"\"},\"supi\":\"imsi-001010000000001\"}";

static bool read_av(struct bytes in)
{
	struct home_av av;
	struct bytes supi;

	return aka_read_answer(in, &av, &supi);
}

START_TEST(test_authentication)
{
	static const char *const needed[] = { "authType", "5G_AKA", "authenticationV", "avType",
		"5G_HE", "rand", "0011", "autn", "1011", "xresStar", "2011", "kausf", ZEROS32,
		"supi" };
	struct home_av av;
	struct bytes supi;
	char network[SERVING_NETWORK_MAX + 1], body[AKA_BODY_MAX], path[AKA_PATH_MAX];
	uint8_t rand[16] = { 0xab }, auts[AUTS_LEN] = { 0xcd };
	char longest[300];

	CHECK_NEEDED(av_answer, needed, read_av);
	ck_assert(aka_read_answer(text(av_answer), &av, &supi));
	ck_assert_uint_eq(av.autn[0], 0x10);
	ck_assert(bytes_equal(supi, text("imsi-001010000000001")));

	serving_network_name("00101", network);
	ck_assert_str_eq(network, "5G:mnc001.mcc001.3gppnetwork.org");
	serving_network_name("310150", network);
	ck_assert_str_eq(network, "5G:mnc150.mcc310.3gppnetwork.org");
	size_t len = aka_write_resynchronization(network, rand, auts, body);
	ck_assert_uint_lt(len, AKA_BODY_MAX);
	ck_assert_ptr_nonnull(strstr(body, "\"resynchronizationInfo\":{\"rand\":\"ab000000"));
	ck_assert_ptr_nonnull(strstr(body, "\"auts\":\"cd00000000000000000000000000\"}}"));
	ck_assert_uint_lt(aka_write_event(network, true, body), AKA_BODY_MAX);
	ck_assert_ptr_nonnull(strstr(body, "\"success\":true,"));
	ck_assert(aka_path("imsi-1", AKA_EVENTS, path));
	ck_assert_str_eq(path, "/nudm-ueau/v1/imsi-1/auth-events");
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	ck_assert(!aka_path(longest, AKA_EVENTS, path));
}
END_TEST

/* A BatchSignature of this suite; out holds 1,024 characters. */
static const char *write_signature(enum batch_suite suite, const char *signer, char *out)
{
	uint8_t signature[ECCSI_SIGNATURE_LEN] = { 0 };
	char base64[BASE64_LEN(ECCSI_SIGNATURE_LEN) + 1];

	base64_write(bytes_of(signature, batch_suite_signature_len(suite)), base64);
	snprintf(out, 1024,
		"{\"suite\":\"%s\",\"signerId\":\"%s\",\"signature\":\"%s\",\"treeSize\":2,"
		"\"leafIndex\":1,\"path\":[\"" HASH64 "\"]}",
		batch_suite_name(suite), signer, base64);
	return out;
}

START_TEST(test_signature)
{
	struct batch_signature s;
	char json[1024], other[1024];
	uint64_t issued_at;

	write_signature(SUITE_ECCSI, "2026-01 arpf.example", json);
	ck_assert(signature_read_json(text(json), &s, NULL));
	ck_assert_int_eq(s.suite, SUITE_ECCSI);
	ck_assert_str_eq(s.signer_id, "2026-01 arpf.example");
	ck_assert_uint_eq(s.tree_size, 2);
	ck_assert_uint_eq(s.path_count, 1);
	ck_assert(signature_read_json(text(json), &s, &issued_at));
	ck_assert_uint_eq(issued_at, 0);
	/* upper case is read, and is the same signer */
	write_signature(SUITE_ECDSA,
		"ABCDEF0000000000000000000000000000000000000000000000000000000000", json);
	ck_assert(signature_read_json(text(json), &s, NULL));
	ck_assert_mem_eq(s.signer_id, "abcdef0", 7);
	ck_assert(!signature_read_json(
		text(write_signature(SUITE_ECDSA, "2026-01 arpf.example", other)), &s, NULL));
	/* the length is the suite's */
	memcpy(strstr(json, "ecdsa"), "eccsi", 5);
	ck_assert(!signature_read_json(text(json), &s, NULL));
	memcpy(strstr(json, "eccsi"), "ed255", 5);
	ck_assert(!signature_read_json(text(json), &s, NULL));
}
END_TEST

static char credential_answer[4096];

static bool read_credential(struct bytes in)
{
	struct dh_answer a;

	return credential_read_answer(in, DH_X25519, &a);
}

static const char confirmation[] = "{\"provisionComplete\":true,\"supi\":\"imsi-001010000000050\","
				   "\"mac3\":\"" HASH64 "\"}";

static bool read_confirmation(struct bytes in)
{
	struct confirmation_answer a;

	return confirmation_read_answer(in, &a);
}

START_TEST(test_credential_request)
{
	static const char *const needed[] = { "accessId", "0011", "\"b\"", "\"a\"", "sigCn",
		"suite", "AAAA" };
	static const char *const needed_too[] = { "provision", "true", "supi", "imsi", "0\"",
		"mac3", "AAAA", "=\"" };
	struct companion_ue c = { .a_kid = "r0@akma" };
	struct dh_device d;
	struct confirmation_answer a;
	char signature[1024], body[CREDENTIAL_BODY_MAX];
	size_t len;

	snprintf(credential_answer, sizeof(credential_answer),
		"{\"accessId\":\"00112233445566778899aabbccddeeff\",\"b\":\"" HASH64
		"\",\"a\":\"" HASH64 "\",\"sigCn\":%s}",
		write_signature(SUITE_ECCSI, "id", signature));
	CHECK_NEEDED(credential_answer, needed, read_credential);
	CHECK_NEEDED(confirmation, needed_too, read_confirmation);
	ck_assert(confirmation_read_answer(text(confirmation), &a));
	ck_assert_uint_eq(a.imsi, UINT64_C(1010000000050));
	/* the greatest of what is written fits */
	for (unsigned group = 0; group < DH_GROUP_COUNT; group++) {
		char device_id[DEVICE_ID_MAX + 1];
		struct json_scan scan;
		struct json_member m;
		unsigned members = 0;

		memset(device_id, 'd', DEVICE_ID_MAX);
		device_id[DEVICE_ID_MAX] = '\0';
		ck_assert_int_eq(dh_device_start(&d, device_id, (enum dh_group)group), FINE);
		ck_assert_int_eq(credential_write_request(&c, &d, body, &len), FINE);
		ck_assert(json_scan_object(bytes_of(body, len), &scan));
		for (; json_scan_member(&scan, &m); members++)
			if (json_is(&m, "a")) {
				uint8_t element[DH_ELEMENT_MAX];

				ck_assert(json_scan_base64(
					m.value, element, dh_element_len((enum dh_group)group)));
				ck_assert_mem_eq(
					element, d.a, dh_element_len((enum dh_group)group));
			}
		ck_assert_uint_eq(members, 6);
		ck_assert(scan.ended && scan.rest.len == 0);
	}
}
END_TEST

static char addition[4096];

static bool read_addition(struct bytes in)
{
	struct addition_answer a;

	return addition_read_answer(in, &a);
}

static const char profile[] =
	"{\"version\":1,\"supi\":\"imsi-001010000000050\",\"accessId\":"
	"\"00112233445566778899aabbccddeeff\",\"deviceId\":\"HD-1\",\"manufacturer\":\"Maker\","
	"\"model\":\"Model\",\"networkIdentity\":{\"mcc\":\"001\",\"mnc\":\"01\",\"name\":\"n\"},"
	"\"encryptedKPrime\":{\"scheme\":\"ecies-p256\",\"ephemeralPublicKey\":\"AwEB\","
	"\"ciphertext\":\"" HASH64 "\",\"mac\":\"" HASH64 "\"},\"issuedAt\":\"x\"}";

static bool read_profile(struct bytes in)
{
	struct device_profile p;

	return profile_read(in, &p);
}

START_TEST(test_addition)
{
	static const char *const needed[] = { "\"profile\"", "profileSignature", "suite", "nonce",
		"sealedK", "iv", "ciphertext" };
	static const char *const needed_too[] = { "supi", "imsi", "accessId", "deviceId",
		"manufacturer", "model\"", "networkI", "encryptedK", "scheme", "ecies", "ephemeral",
		"AwEB", "ciphertext", "\"mac\"" };
	struct device_profile p;
	struct headless_device d = {
		.device_id = "HD-1", .manufacturer = "Maker", .model = "Model"
	};
	struct addition_answer a;
	char signature[1024], base64[BASE64_LEN(sizeof(profile)) + 1];

	base64_write(text(profile), base64);
	snprintf(addition, sizeof(addition),
		"{\"profile\":\"%s\",\"profileSignature\":%s,\"nonce\":"
		"\"AAAAAAAAAAAAAAAAAAAAAA==\",\"sealedKDoublePrime\":{\"iv\":\"AAAAAAAAAAAAAAAA\","
		"\"ciphertext\":"
		"\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}}",
		base64, write_signature(SUITE_ECDSA, ZEROS32, signature));
	CHECK_NEEDED(addition, needed, read_addition);
	ck_assert(addition_read_answer(text(addition), &a));
	ck_assert(bytes_equal(bytes_of(a.profile, a.profile_len), text(profile)));
	CHECK_NEEDED(profile, needed_too, read_profile);
	ck_assert(profile_read(text(profile), &p));
	ck_assert_uint_eq(p.imsi, UINT64_C(1010000000050));
	ck_assert(!p.kprime.is_rsa && p.kprime.ephemeral.len == 3);
	ck_assert(profile_is_for(&p, &d));
	d.model[0] = 'm';
	ck_assert(!profile_is_for(&p, &d));
	/* of RSA only the ciphertext is asked for */
	ck_assert(profile_read(
		text("{\"supi\":\"imsi-001010000000050\",\"accessId\":\"a\",\"deviceId\":"
		     "\"H\",\"manufacturer\":\"M\",\"model\":\"L\","
		     "\"networkIdentity\":{},\"encryptedKPrime\":{\"scheme\":"
		     "\"rsa-oaep-sha256\",\"ciphertext\":\"" HASH64 "\"}}"),
		&p));
	ck_assert(p.kprime.is_rsa && p.kprime.ciphertext.len == 32);
}
END_TEST

#define PEM "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n"

START_TEST(test_pem)
{
	uint8_t room[256], long_der[DEVICE_CERTIFICATE_MAX + 1] = { 0 };
	struct buffer b = buffer_over(room, sizeof(room));

	pem_put_certificate(&b, bytes_of("\0\1\2", 3));
	ck_assert(!b.full && bytes_equal(buffer_bytes(&b), text(PEM)));
	pem_put_certificate(&b, BYTES(long_der));
	ck_assert(b.full);
}
END_TEST

static bool find(void *context, struct bytes device_id, struct buffer *pem)
{
	(void)context;
	if (!bytes_equal(device_id, text("D-1")))
		return false;
	pem_put_certificate(pem, bytes_of("\0\1\2", 3));
	return true;
}

struct asking {
	struct ev_loop *loop;
	struct ev_async over;
	uint16_t port;
	char answers[4096];
};

static void say(int fd, const char *what)
{
	ck_assert_int_eq(send(fd, what, strlen(what), 0), (ssize_t)strlen(what));
}

/* Until the connection ends or so much has come. */
static void hear(int fd, char *at, size_t len)
{
	while (len > 0) {
		ssize_t n = recv(fd, at, len, 0);

		if (n <= 0)
			break;
		at += n;
		len -= (size_t)n;
	}
	*at = '\0';
}

#define GOOD                                                                                    \
	"HTTP/1.1 200 OK\r\nContent-Type: application/pem-certificate-chain\r\nCache-Control: " \
	"max-age=3600\r\nContent-Length: 59\r\n\r\n" PEM
#define MISSING                                                                               \
	"HTTP/1.1 404 Not Found\r\nContent-Type: application/pem-certificate-chain\r\nCache-" \
	"Control: max-age=3600\r\nContent-Length: 0\r\n\r\n"

static void *ask(void *context)
{
	struct asking *a = context;
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_port = htons(a->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	char junk[8192];
	int fd = socket(AF_INET, SOCK_STREAM, 0), other = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	/* in pieces, one after the other on one connection */
	say(fd, "GET /Device");
	usleep(20000);
	say(fd, "ID=D-1 HTTP/1.1\r\nHost: x\r\n\r\nGET /DeviceID=D-2 HTTP/1.1\r\n\r\nGET");
	hear(fd, a->answers, strlen(GOOD) + strlen(MISSING));
	say(fd, " /DeviceID=D-1 HTTP/1.1\r\n\r\n");
	hear(fd, a->answers + strlen(a->answers), strlen(GOOD));
	close(fd);
	/* a head without end ends the connection */
	ck_assert_int_eq(connect(other, (struct sockaddr *)&at, sizeof(at)), 0);
	memset(junk, 'x', sizeof(junk));
	send(other, junk, sizeof(junk), MSG_NOSIGNAL);
	while (recv(other, junk, sizeof(junk), 0) > 0)
		;
	close(other);
	ev_async_send(a->loop, &a->over);
	return NULL;
}

static void on_over(struct ev_loop *loop, struct ev_async *w, int events)
{
	(void)w;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

START_TEST(test_certificate_server)
{
	struct asking a = { .loop = ev_loop_new(EVFLAG_AUTO) };
	struct certificate_server *s = certificate_server_new(a.loop, 0, find, NULL);
	char url[64];
	pthread_t thread;

	ck_assert_ptr_nonnull(s);
	ck_assert(certificate_server_url(s, "D-1", url, sizeof(url)));
	ck_assert(!certificate_server_url(s, "D-1", url, 20));
	ck_assert(certificate_server_url(s, "D-1", url, sizeof(url)));
	ck_assert_mem_eq(url, "http://127.0.0.1:", 17);
	a.port = (uint16_t)strtoul(url + 17, NULL, 10);
	ck_assert_str_eq(strchr(url + 17, '/'), "/DeviceID=D-1");
	/* the port is taken */
	ck_assert_ptr_null(certificate_server_new(a.loop, a.port, find, NULL));
	ev_async_init(&a.over, on_over);
	ev_async_start(a.loop, &a.over);
	ck_assert_int_eq(pthread_create(&thread, NULL, ask, &a), 0);
	ev_run(a.loop, 0);
	pthread_join(thread, NULL);
	ck_assert_str_eq(a.answers, GOOD MISSING GOOD);
	ck_assert_uint_eq(certificate_server_served(s), 2);
	certificate_server_free(s);
	ev_loop_destroy(a.loop);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_authentication,
		test_signature,
		test_credential_request,
		test_addition,
		test_pem,
		test_certificate_server,
	};

	return suite_run("loadtest messages", tests, sizeof(tests) / sizeof(tests[0]));
}
