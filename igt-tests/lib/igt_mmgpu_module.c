// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_module.h"

void igt_mmgpu_module_require(void)
{
	igt_require_f(geteuid() == 0, "only root loads modules\n");
	igt_require_f(!igt_mmgpu_module_loaded(), "mmgpu is loaded already, by somebody else\n");
	/* That it is there; whether it loads is for the tests to say. */
	igt_require_f(!system("grep -q mmgpu /lib/modules/$(uname -r)/modules.dep"),
		      "modprobe does not find mmgpu\n");
}

bool igt_mmgpu_module_loaded(void)
{
	return !access("/sys/module/mmgpu", F_OK);
}

int __igt_mmgpu_module_load(const char *params)
{
	char command[256];

	snprintf(command, sizeof(command), "modprobe mmgpu %s >/dev/null 2>&1", params);
	return system(command);
}

void igt_mmgpu_module_load(const char *params)
{
	igt_assert_eq(__igt_mmgpu_module_load(params), 0);
}

int igt_mmgpu_module_unload_once(void)
{
	return syscall(SYS_delete_module, "mmgpu", O_NONBLOCK) ? -errno : 0;
}

void igt_mmgpu_module_unload(void)
{
	int64_t deadline = igt_mmgpu_deadline_ms(IGT_MMGPU_PATIENCE * 1000);
	int ret;

	while ((ret = igt_mmgpu_module_unload_once()) == -EAGAIN) {
		igt_assert_f(igt_mmgpu_now() < deadline, "something keeps the module\n");
		usleep(10000);
	}
	igt_assert_eq(ret, 0);
	igt_assert(!igt_mmgpu_module_loaded());
}

void igt_mmgpu_module_held(void)
{
	igt_assert_eq(igt_mmgpu_module_unload_once(), -EAGAIN);
	igt_assert(igt_mmgpu_module_loaded());
}
