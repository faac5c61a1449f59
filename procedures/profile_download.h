/*
 * Profile download (docs/protocol.md section 10; step 11 of Solution #5.x, step 5 of Solution 12.X): a certified
 * device and the server authenticate each other, and the device gets a profile with a K of its own.
 */
#ifndef PROCEDURES_PROFILE_DOWNLOAD_H
#define PROCEDURES_PROFILE_DOWNLOAD_H

#include "procedures/procedure.h"

extern const struct procedure profile_download_offer;
extern const struct procedure profile_download_bind;
extern const struct procedure profile_download_notification;

#endif
