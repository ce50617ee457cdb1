// SPDX-License-Identifier: GPL-2.0-only
/* MODULE_IMPORT_NS() takes a token, not a string (until 6.13). */
#include <linux/module.h>

MODULE_IMPORT_NS(A_TOKEN);
