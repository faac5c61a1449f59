/*
 * Step 0-e of Solution #5.x at the Target AUSF when the ARPF is another operator's: the eK is asked for,
 * and the endorsement that comes with it is checked, before either is used.
 */
#ifndef PROCEDURES_FOREIGN_ARPF_H
#define PROCEDURES_FOREIGN_ARPF_H

#include "procedures/endorsement.h"
#include "procedures/se_credentials.h"

struct foreign_arpf {
	const char *uri; /* arpfUri without a trailing slash; NULL: this server is the ARPF */
	const struct se_credentials *se;
	uint8_t recipient_key_id[KEY_ID_LEN];
	const char *url, *request; /* of what is being fetched */
	/* from the answer */
	uint64_t dimsi;
	struct bytes se_id;
	struct key_ek_for_peer ek;
	struct foreign_endorsement endorsement;
	bool has_certificate; /* from the directory */
	bool is_checked;
	struct bytes certificate, chain[CHAIN_MAX];
	size_t chain_count;
};

/* CPU: the request's arpfUri, where it has one. */
enum outcome foreign_arpf_read(struct txn *t, struct foreign_arpf *f);
/* LOOP: whether this server may speak to it at all. */
enum outcome foreign_arpf_check_uri(struct txn *t, struct foreign_arpf *f);
/* FETCH, and what it brought: POST {arpfUri}/narpf-ek/v1/ek-requests. */
enum outcome foreign_arpf_ask_ek(struct txn *t, struct foreign_arpf *f);
enum outcome foreign_arpf_have_ek(struct txn *t, struct foreign_arpf *f, enum outcome brought);
/* FETCH, and what it brought: GET {arpfUri}/narpf-ek/v1/certificate; needed where the signer is not known yet. */
enum outcome foreign_arpf_ask_certificate(struct txn *t, struct foreign_arpf *f);
enum outcome foreign_arpf_have_certificate(
	struct txn *t, struct foreign_arpf *f, enum outcome brought);
/*
 * LOOP, after foreign_arpf_check_endorsement: what verified is kept for the next time, what did not is
 * forgotten, so that one peer cannot spoil another's endorsements.
 */
enum outcome foreign_arpf_keep_certificate(struct txn *t, struct foreign_arpf *f);
void foreign_arpf_forget_certificate(struct txn *t, const struct foreign_arpf *f);
/* CPU: the signer leads to a trust anchor for ARPFs, and has signed this token, dIMSI and SE id. */
enum outcome foreign_arpf_check_endorsement(struct txn *t, struct foreign_arpf *f);

#endif
