#include "procedures/audit_root_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum outcome audit_root_file_read(const char *path, struct audit_tree *out)
{
	char text[AUDIT_ROOT_TEXT_MAX];
	size_t len = 0;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return errno == ENOENT ? NO_ROW : BROKEN;
	while ((n = read(fd, text + len, sizeof(text) - len)) > 0)
		len += (size_t)n;
	close(fd);
	return n == 0 && len < sizeof(text) && audit_root_read(text, len, out) ? FINE : BROKEN;
}
