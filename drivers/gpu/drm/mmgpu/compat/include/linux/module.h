/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _MMGPU_COMPAT_LINUX_MODULE_H_
#define _MMGPU_COMPAT_LINUX_MODULE_H_

#include_next <linux/module.h>

/* Can go with 6.12. */
#ifdef HAVE_MODULE_IMPORT_NS_TOKEN
#undef MODULE_IMPORT_NS
#define MODULE_IMPORT_NS(ns)	MODULE_INFO(import_ns, ns)
#endif

#endif
