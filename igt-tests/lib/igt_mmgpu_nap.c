// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <errno.h>
#include <fcntl.h>
#include <asm/termbits.h>
#include <asm/ioctls.h>
#include <sys/ioctl.h>
#include <sys/klog.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_nap.h"

#define STATE		"/sys/power/state"
#define PM_TEST		"/sys/power/pm_test"
#define PM_TEST_DELAY	"/sys/module/suspend/parameters/pm_test_delay"
/* Of syslog(2), where they have long names and no header. */
#define CONSOLE_OFF	6
#define CONSOLE_ON	7
/* The kernel's header that has it does not go with libc's. */
#define MCTRL_LOOP	0x8000
#define PORT		"/dev/ttyS0"
#define PORT_SYS	"/sys/class/tty/ttyS0"

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static int read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	text[0] = 0;
	if (fd < 0)
		return -errno;
	len = read(fd, text, size - 1);
	text[len < 0 ? 0 : len] = 0;
	close(fd);
	return len < 0 ? -errno : 0;
}

static bool offers(const char *path, const char *word)
{
	char text[256];

	return !read_text(path, text, sizeof(text)) && strstr(text, word);
}

/* Sleeps that came to their end. */
static unsigned long successes(void)
{
	char text[64];

	if (read_text("/sys/power/suspend_stats/success", text, sizeof(text)))
		return 0;
	return strtoul(text, NULL, 10);
}

static void require_state(void)
{
	igt_require_f(geteuid() == 0, "only root may put the system to sleep\n");
	igt_require_f(offers(STATE, "freeze"), "this kernel cannot suspend to idle\n");
}

/*
 * Each sleep patches code that every kernel thread runs, and QEMU without KVM may show one
 * CPU what another has just taken out: an int3 that nobody knows of. With one CPU it cannot.
 */
static void set_cpus(const char *online)
{
	char path[64], text[4096];

	if (read_text("/proc/cpuinfo", text, sizeof(text)) || !strstr(text, "QEMU TCG"))
		return;
	for (int cpu = 1; cpu < 64; cpu++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
		if (!access(path, W_OK))
			igt_assert_eq(write_text(path, online), 0);
	}
}

void igt_mmgpu_nap_devices_require(void)
{
	require_state();
	igt_require_f(offers(PM_TEST, "devices"), "this kernel has no /sys/power/pm_test\n");
}

void igt_mmgpu_nap_devices(unsigned int seconds)
{
	unsigned long before = successes();
	char delay[16];
	int ret;

	snprintf(delay, sizeof(delay), "%u", seconds);
	igt_assert_eq(write_text(PM_TEST_DELAY, delay), 0);
	igt_assert_eq(write_text(PM_TEST, "devices"), 0);
	ret = write_text(STATE, "freeze");
	igt_assert_eq(write_text(PM_TEST, "none"), 0);
	igt_assert_eq(ret, 0);
	igt_assert_eq_u64(successes(), before + 1);
}

/* ---- the alarm clock ------------------------------------------------------------------- */

/*
 * A virtual machine may have no clock that wakes it. A serial port that may wake it will do:
 * it hears itself, and says that a byte has come only when four more could have come after it,
 * which takes as long as the speed says. The echo of the byte is the next alarm, so one that
 * comes before all are asleep does no harm. The kernel's messages would be heard, too, so there
 * are none on any console meanwhile.
 */
static struct {
	int fd;
	struct termios2 before;
	char trigger[16], wakeup[16];
} port = { .fd = -1 };

static void alarm_start(unsigned int seconds)
{
	struct termios2 slow;
	int loop = MCTRL_LOOP;

	port.fd = open(PORT, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	igt_assert_fd(port.fd);
	igt_assert_eq(ioctl(port.fd, TCGETS2, &port.before), 0);
	igt_assert_eq(read_text(PORT_SYS "/rx_trig_bytes", port.trigger, sizeof(port.trigger)), 0);
	igt_assert_eq(read_text(PORT_SYS "/power/wakeup", port.wakeup, sizeof(port.wakeup)), 0);
	igt_assert_eq(write_text(PORT_SYS "/power/wakeup", "enabled"), 0);
	igt_assert_eq(klogctl(CONSOLE_OFF, NULL, 0), 0);
	slow = port.before;
	slow.c_iflag = IGNBRK | IGNPAR;
	slow.c_oflag = 0;
	slow.c_lflag = ECHO;
	slow.c_cflag = CS8 | CREAD | CLOCAL | BOTHER;
	/* Ten bits make a byte. */
	slow.c_ospeed = 4 * 10 / seconds;
	slow.c_ispeed = slow.c_ospeed;
	igt_assert_eq(ioctl(port.fd, TCSETS2, &slow), 0);
	/* So slow a port is set to say so at once. */
	igt_assert_eq(write_text(PORT_SYS "/rx_trig_bytes", "14"), 0);
	igt_assert_eq(ioctl(port.fd, TIOCMBIS, &loop), 0);
	igt_assert_eq(write(port.fd, "z", 1), 1);
}

static void alarm_stop(void)
{
	int loop = MCTRL_LOOP;

	if (port.fd < 0)
		return;
	ioctl(port.fd, TIOCMBIC, &loop);
	ioctl(port.fd, TCSETS2, &port.before);
	ioctl(port.fd, TCFLSH, TCIOFLUSH);
	write_text(PORT_SYS "/rx_trig_bytes", port.trigger);
	write_text(PORT_SYS "/power/wakeup", port.wakeup);
	klogctl(CONSOLE_ON, NULL, 0);
	close(port.fd);
	port.fd = -1;
}

void igt_mmgpu_nap_s2idle_require(void)
{
	require_state();
	igt_require_f(!access(PORT_SYS "/rx_trig_bytes", W_OK), "no serial port to be woken by\n");
	igt_require_f(!access(PORT_SYS "/power/wakeup", W_OK), "the serial port wakes nobody\n");
}

void igt_mmgpu_nap_s2idle(unsigned int seconds)
{
	unsigned long before = successes();
	int ret;

	alarm_start(seconds);
	ret = write_text(STATE, "freeze");
	alarm_stop();
	igt_assert_eq(ret, 0);
	igt_assert_eq_u64(successes(), before + 1);
}

void igt_mmgpu_nap_init(void)
{
	set_cpus("0");
}

void igt_mmgpu_nap_fini(void)
{
	alarm_stop();
	set_cpus("1");
}
