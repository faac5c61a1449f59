/*
 * Solution #12.z (docs/protocol.md section 8): a headless device with a factory certificate is added to the
 * subscription of the companion UE that has read its certificate's URL off it. The steps bear the numbers
 * of the solution's own text.
 */
#ifndef PROCEDURES_HEADLESS_DEVICE_H
#define PROCEDURES_HEADLESS_DEVICE_H

#include "procedures/procedure.h"

extern const struct procedure headless_device_addition; /* POST /nsm-device/v1/device-additions */

#endif
