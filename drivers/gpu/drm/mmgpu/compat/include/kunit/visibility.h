/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _MMGPU_COMPAT_KUNIT_VISIBILITY_H_
#define _MMGPU_COMPAT_KUNIT_VISIBILITY_H_

/* There, no test is built. Can go with 6.1. */
#ifdef HAVE_KUNIT_VISIBILITY
#include_next <kunit/visibility.h>
#else
#if IS_ENABLED(CONFIG_KUNIT)
#define VISIBLE_IF_KUNIT
#else
#define VISIBLE_IF_KUNIT		static
#endif
#define EXPORT_SYMBOL_IF_KUNIT(symbol)
#endif

#endif
