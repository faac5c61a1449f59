/* The root file of the audit trail (crypto/audit_root.h) as it lies on a disk. Waits for it: never on the loop. */
#ifndef PROCEDURES_AUDIT_ROOT_FILE_H
#define PROCEDURES_AUDIT_ROOT_FILE_H

#include "crypto/audit_root.h"

/* NO_ROW: there is none; BROKEN: it cannot be read, or is no root file. */
enum outcome audit_root_file_read(const char *path, struct audit_tree *out);

#endif
