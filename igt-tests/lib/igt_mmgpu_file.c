// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <errno.h>
#include <fcntl.h>

#include "igt.h"
#include "igt_mmgpu_file.h"

bool igt_mmgpu_file_write(const char *path, const char *text)
{
	ssize_t len = strlen(text), ret;
	int fd, err;

	/* A trace begins anew when it is truncated; the others do not mind. */
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return false;
	ret = write(fd, text, len);
	err = ret < 0 ? errno : EIO;
	close(fd);
	errno = err;
	return ret == len;
}

int64_t igt_mmgpu_file_number(const char *path, const char *name)
{
	FILE *file = fopen(path, "re");
	size_t len = strlen(name);
	int64_t number = -1;
	char line[256];

	if (!file)
		return -1;
	while (number < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, len))
			number = strtoll(line + len, NULL, 10);
	fclose(file);
	return number;
}
