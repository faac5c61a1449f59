#include "procedures/named_subscription.h"

enum outcome named_subscription_read(struct txn *t, struct named_subscription *n)
{
	enum outcome o = supi_read_path(t, 0, &n->supi);

	return o == FINE && n->supi.form == SUPI_CONCEALED
		       ? txn_refuse_parameter(t, INVALID_PARAMETER, "supi",
				 "A subscription is named by imsi-… or nai-…, not concealed.")
		       : o;
}

bool named_subscription_is_access_id(const struct named_subscription *n)
{
	return n->supi.form == SUPI_ACCESS_ID;
}

enum outcome named_subscription_ask(struct txn *t, struct named_subscription *n)
{
	return txn_ask_db(t, DB_FIND_ACCESS_ID, &n->supi.access_id, &n->access);
}

enum outcome named_subscription_have(
	struct txn *t, struct named_subscription *n, enum outcome brought)
{
	return supi_have_access_id(t, &n->supi, &n->access, brought);
}

enum outcome named_subscription_refuse_unknown(struct txn *t)
{
	return txn_refuse(t, USER_NOT_FOUND, "There is no such subscription.");
}
