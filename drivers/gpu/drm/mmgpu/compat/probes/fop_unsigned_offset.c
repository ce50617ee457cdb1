// SPDX-License-Identifier: GPL-2.0-only
/* Unsigned offsets are a flag of the file operations (6.12). */
#include <linux/fs.h>

const struct file_operations probe = { .fop_flags = FOP_UNSIGNED_OFFSET };
