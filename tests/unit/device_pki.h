/*
 * Makers of devices with their CAs, and bodies as their web servers have them. Of root, issuing CA and
 * device a test spoils what it likes.
 */
#ifndef TESTS_UNIT_DEVICE_PKI_H
#define TESTS_UNIT_DEVICE_PKI_H

#include "pki/trust.h"
#include "tests/unit/pki_maker.h"

enum { ROOT, ISSUING, DEVICE, DEVICE_LEVELS };

#define DEVICE_SUBJECT "serialNumber=dev-1/O=Acme/OU=Meter 7"

/* Made once by device_make_keys: P-256 but for the last. */
extern EVP_PKEY *device_keys[DEVICE_LEVELS], *rsa_key;

void device_make_keys(void);
void device_free_keys(void);
/* The good recipe of a level, to be changed. */
struct pki_recipe device_recipe(int level);
void device_make(int level, struct pki_made *out);

/* A body of such certificates; the caller frees it with bytes_free(). */
struct bytes pem_of(const struct pki_made *const *made, size_t count);
struct bytes pkcs7_of(const struct pki_made *const *made, size_t count);
#define PEM_OF(...)                                             \
	pem_of((const struct pki_made *const[]){ __VA_ARGS__ }, \
		sizeof((const struct pki_made *const[]){ __VA_ARGS__ }) / sizeof(void *))
#define PKCS7_OF(...)                                             \
	pkcs7_of((const struct pki_made *const[]){ __VA_ARGS__ }, \
		sizeof((const struct pki_made *const[]){ __VA_ARGS__ }) / sizeof(void *))

#endif
