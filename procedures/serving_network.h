/* The serving network's name, as the requests of the D-AUSF and of section 5 carry it. */
#ifndef PROCEDURES_SERVING_NETWORK_H
#define PROCEDURES_SERVING_NETWORK_H

#include "procedures/procedure.h"

/*
 * The member servingNetworkName: the form of TS 29.503 for a 5G serving network,
 * 5G:mncNNN.mccNNN.3gppnetwork.org, perhaps with a NID. For CPU steps, after body_read().
 */
enum outcome serving_network_read(struct txn *t, const char **name);

#endif
