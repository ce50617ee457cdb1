// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * vkms shows buffers of ours, and writes into them. It says of each frame what it has
 * shown, by a checksum of the pixels, so a frame that was shown before its job was done
 * is seen.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>

#include <drm_fourcc.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_file.h"
#include "igt_mmgpu_share.h"

IGT_TEST_DESCRIPTION("vkms scans out and writes back our buffers, and waits for our jobs.");

/* Small and slow, so that vkms keeps up on a slow kernel. */
#define WIDTH	64
#define HEIGHT	48
#define HZ	20
#define PITCH	(WIDTH * 4)
#define SIZE	(HEIGHT * PITCH)

static struct igt_mmgpu_rand rnd;

static struct {
	int fd;
	uint32_t crtc, plane, connector, writeback;
	int crc;
} kms = { .fd = -1, .crc = -1 };

/* ---- properties, framebuffers, commits ------------------------------------------------- */

static uint32_t prop_of(uint32_t object, uint32_t type, const char *name)
{
	drmModeObjectProperties *props = drmModeObjectGetProperties(kms.fd, object, type);
	uint32_t id = 0;

	igt_assert(props);
	for (uint32_t i = 0; i < props->count_props && !id; i++) {
		drmModePropertyRes *prop = drmModeGetProperty(kms.fd, props->props[i]);

		if (prop && !strcmp(prop->name, name))
			id = prop->prop_id;
		drmModeFreeProperty(prop);
	}
	drmModeFreeObjectProperties(props);
	igt_assert_f(id, "vkms has no property %s\n", name);
	return id;
}

static void set(drmModeAtomicReq *req, uint32_t object, uint32_t type, const char *name,
		uint64_t value)
{
	igt_assert_lt(0, drmModeAtomicAddProperty(req, object, prop_of(object, type, name),
						  value));
}

static uint32_t framebuffer(uint32_t handle)
{
	uint32_t handles[4] = { handle }, pitches[4] = { PITCH }, offsets[4] = { }, fb;

	igt_assert_eq(drmModeAddFB2(kms.fd, WIDTH, HEIGHT, DRM_FORMAT_XRGB8888, handles,
				    pitches, offsets, &fb, 0), 0);
	return fb;
}

static drmModeAtomicReq *show(uint32_t fb)
{
	drmModeAtomicReq *req = drmModeAtomicAlloc();

	igt_assert(req);
	set(req, kms.plane, DRM_MODE_OBJECT_PLANE, "FB_ID", fb);
	return req;
}

static void commit(drmModeAtomicReq *req, uint32_t flags)
{
	int ret = drmModeAtomicCommit(kms.fd, req, flags, NULL);

	drmModeAtomicFree(req);
	igt_assert_f(!ret, "commit: %s\n", strerror(-ret));
}

static void modeset(uint32_t fb)
{
	drmModeModeInfo mode = {
		.clock = (WIDTH + 32) * (HEIGHT + 32) * HZ / 1000,
		.hdisplay = WIDTH,
		.hsync_start = WIDTH + 8,
		.hsync_end = WIDTH + 16,
		.htotal = WIDTH + 32,
		.vdisplay = HEIGHT,
		.vsync_start = HEIGHT + 8,
		.vsync_end = HEIGHT + 16,
		.vtotal = HEIGHT + 32,
		.vrefresh = HZ,
		.name = "mmgpu",
	};
	drmModeAtomicReq *req = show(fb);
	uint32_t blob;

	igt_assert_eq(drmModeCreatePropertyBlob(kms.fd, &mode, sizeof(mode), &blob), 0);
	set(req, kms.crtc, DRM_MODE_OBJECT_CRTC, "MODE_ID", blob);
	set(req, kms.crtc, DRM_MODE_OBJECT_CRTC, "ACTIVE", 1);
	set(req, kms.connector, DRM_MODE_OBJECT_CONNECTOR, "CRTC_ID", kms.crtc);
	set(req, kms.plane, DRM_MODE_OBJECT_PLANE, "CRTC_ID", kms.crtc);
	set(req, kms.plane, DRM_MODE_OBJECT_PLANE, "SRC_W", WIDTH << 16);
	set(req, kms.plane, DRM_MODE_OBJECT_PLANE, "SRC_H", HEIGHT << 16);
	set(req, kms.plane, DRM_MODE_OBJECT_PLANE, "CRTC_W", WIDTH);
	set(req, kms.plane, DRM_MODE_OBJECT_PLANE, "CRTC_H", HEIGHT);
	commit(req, DRM_MODE_ATOMIC_ALLOW_MODESET);
}

static bool await_flip(int ms)
{
	struct drm_event_vblank event;

	if (!(igt_mmgpu_poll_ms(kms.fd, POLLIN, ms) & POLLIN))
		return false;
	igt_assert_eq(read(kms.fd, &event, sizeof(event)), sizeof(event));
	igt_assert_eq_u32(event.base.type, DRM_EVENT_FLIP_COMPLETE);
	return true;
}

/* ---- the device --------------------------------------------------------------------------- */

static uint32_t primary_plane(void)
{
	drmModePlaneRes *planes = drmModeGetPlaneResources(kms.fd);
	uint32_t found = 0;

	igt_assert(planes);
	for (uint32_t i = 0; i < planes->count_planes && !found; i++) {
		uint32_t id = planes->planes[i];
		uint32_t type = prop_of(id, DRM_MODE_OBJECT_PLANE, "type");
		drmModeObjectProperties *props;

		props = drmModeObjectGetProperties(kms.fd, id, DRM_MODE_OBJECT_PLANE);
		for (uint32_t j = 0; j < props->count_props; j++)
			if (props->props[j] == type &&
			    props->prop_values[j] == DRM_PLANE_TYPE_PRIMARY)
				found = id;
		drmModeFreeObjectProperties(props);
	}
	drmModeFreePlaneResources(planes);
	return found;
}

/*
 * vkms of 6.12 stops its vblank timer with a lock held that the timer takes: on two CPUs
 * both can wait for ever. On one they cannot meet: neither this process, nor the workers
 * that commit, nor a timer that they start goes elsewhere.
 */
static struct knob {
	const char *path, *here;
	char before[128];
} knobs[] = {
	{ .path = "/sys/devices/virtual/workqueue/cpumask", .here = "1" },
	{ .path = "/proc/sys/kernel/timer_migration", .here = "0" },
};

/* However this ends; what was never read was never changed. */
static void go_anywhere(int sig)
{
	for (size_t i = 0; i < igt_mmgpu_count(knobs); i++)
		if (knobs[i].before[0])
			igt_mmgpu_file_write(knobs[i].path, knobs[i].before);
}

static void stay_on_one_cpu(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	igt_assert_eq(sched_setaffinity(0, sizeof(cpus), &cpus), 0);
	igt_install_exit_handler(go_anywhere);
	for (size_t i = 0; i < igt_mmgpu_count(knobs); i++) {
		FILE *file = fopen(knobs[i].path, "re");

		igt_require_f(file, "%s: %s\n", knobs[i].path, strerror(errno));
		igt_assert(fgets(knobs[i].before, sizeof(knobs[i].before), file));
		fclose(file);
		igt_require_f(igt_mmgpu_file_write(knobs[i].path, knobs[i].here),
			      "vkms is not to be kept on one CPU: %s: %s\n", knobs[i].path,
			      strerror(errno));
	}
}

static void kms_open(void)
{
	drmModeRes *res;

	igt_skip_on_f(!igt_mmgpu_has_module("vkms"),
		      "no vkms in this kernel (or load it, or set MMGPU_MODPROBE=1)\n");
	stay_on_one_cpu();
	kms.fd = __igt_mmgpu_open_driver("vkms", IGT_MMGPU_PRIMARY, 0);
	igt_assert_fd(kms.fd);
	igt_skip_on_f(!drmIsMaster(kms.fd), "somebody else uses vkms\n");
	igt_assert_eq(drmSetClientCap(kms.fd, DRM_CLIENT_CAP_ATOMIC, 1), 0);
	igt_assert_eq(drmSetClientCap(kms.fd, DRM_CLIENT_CAP_WRITEBACK_CONNECTORS, 1), 0);
	res = drmModeGetResources(kms.fd);
	igt_assert(res);
	igt_assert_lt(0, res->count_crtcs);
	kms.crtc = res->crtcs[0];
	for (int i = 0; i < res->count_connectors; i++) {
		drmModeConnector *connector = drmModeGetConnector(kms.fd, res->connectors[i]);

		igt_assert(connector);
		if (connector->connector_type == DRM_MODE_CONNECTOR_WRITEBACK)
			kms.writeback = connector->connector_id;
		else
			kms.connector = connector->connector_id;
		drmModeFreeConnector(connector);
	}
	drmModeFreeResources(res);
	kms.plane = primary_plane();
	igt_assert(kms.connector && kms.plane);
}

/* ---- checksums ------------------------------------------------------------------------------- */

/* Of the card, which has the lowest minor of all vkms. */
static void crc_open(void)
{
	char path[128], node[64];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", kms.fd);
	len = readlink(path, node, sizeof(node) - 1);
	igt_assert_lt(0, len);
	node[len] = 0;
	snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%.16s/crtc-0/crc/data",
		 node + strcspn(node, "0123456789"));
	kms.crc = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	igt_skip_on_f(kms.crc < 0, "no checksums in debugfs: %s\n", strerror(errno));
}

/* A line is "0xframe 0xchecksum\n"; false if there is none within the time. */
static bool crc_read(uint32_t *crc, int ms)
{
	unsigned int frame, value;
	char line[256] = "";
	ssize_t len;
	int fields;

	if (!(igt_mmgpu_poll_ms(kms.crc, POLLIN, ms) & POLLIN))
		return false;
	len = read(kms.crc, line, sizeof(line) - 1);
	/* vkms fell behind, and the lines are lost. */
	if (len < 0 && errno == EAGAIN)
		return false;
	igt_assert_lt(0, len);
	fields = sscanf(line, "0x%x 0x%x", &frame, &value);
	igt_assert_eq(fields, 2);
	*crc = value;
	return true;
}

/* What's shown now: two frames in a row, after all that were under way. */
static uint32_t crc_now(void)
{
	int64_t deadline = igt_mmgpu_deadline_ms(IGT_MMGPU_PATIENCE * 1000);
	uint32_t crc, last = 0;
	int same = 0;

	while (crc_read(&crc, 0))
		;
	while (same < 3) {
		igt_assert_f(igt_mmgpu_now() < deadline, "the picture does not settle\n");
		if (!crc_read(&crc, 1000))
			continue;
		same = same && crc == last ? same + 1 : 1;
		last = crc;
	}
	return crc;
}

/* ---- pictures ------------------------------------------------------------------------------------ */

/* vkms's own buffer, to know what a picture's checksum is. */
static uint32_t own_picture(const uint32_t *pixels)
{
	struct drm_mode_map_dumb map = { };
	uint32_t handle, pitch;
	uint64_t size;
	void *to;

	igt_assert_eq(__igt_mmgpu_dumb_create(kms.fd, WIDTH, HEIGHT, 32, &handle, &pitch,
					      &size), 0);
	igt_assert_eq_u32(pitch, PITCH);
	map.handle = handle;
	igt_assert_eq(igt_mmgpu_ioctl(kms.fd, DRM_IOCTL_MODE_MAP_DUMB, &map), 0);
	to = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, kms.fd, map.offset);
	igt_assert(to != MAP_FAILED);
	memcpy(to, pixels, SIZE);
	munmap(to, SIZE);
	return framebuffer(handle);
}

enum { BEFORE, AFTER, BLACK, PICTURES };

static uint32_t pixels[PICTURES][WIDTH * HEIGHT];
static uint32_t fbs[PICTURES];
static uint32_t crcs[PICTURES];

/* Three pictures with their checksums; "before" is shown. */
static void pictures_init(void)
{
	for (int i = 0; i < PICTURES; i++) {
		igt_mmgpu_rand_bytes(&rnd, pixels[i], SIZE);
		if (i == BLACK)
			memset(pixels[i], 0, SIZE);
		/* vkms writes the unused byte as it likes. */
		for (int j = 0; j < WIDTH * HEIGHT; j++)
			pixels[i][j] = (pixels[i][j] & 0xffffff) | (i == BLACK ? 0 : 0xffu << 24);
		fbs[i] = own_picture(pixels[i]);
	}
	modeset(fbs[BLACK]);
	crc_open();
	for (int i = PICTURES - 1; i >= 0; i--) {
		commit(show(fbs[i]), 0);
		crcs[i] = crc_now();
		for (int j = PICTURES - 1; j > i; j--)
			igt_assert_neq_u32(crcs[i], crcs[j]);
	}
}

/* ---- scan-out ---------------------------------------------------------------------------------------- */

/* A black buffer of ours that vkms has as a framebuffer, and a picture to go into it. */
struct ours {
	int fd;
	uint32_t bo, staging, ctx;
	uint32_t handle, fb;
	int dmabuf;
};

static void ours_init(struct ours *ours, bool bind)
{
	uint32_t *map;

	ours->fd = igt_mmgpu_open();
	if (bind)
		igt_mmgpu_bind_mm(ours->fd);
	ours->bo = igt_mmgpu_bo_create(ours->fd, SIZE, bind ? MMGPU_BO_SHARED : 0);
	ours->staging = igt_mmgpu_bo_create(ours->fd, SIZE, 0);
	ours->ctx = igt_mmgpu_ctx_create(ours->fd, 0, MMGPU_ENGINE_ANY);
	map = igt_mmgpu_bo_map(ours->fd, ours->staging, SIZE, PROT_READ | PROT_WRITE);
	memcpy(map, pixels[AFTER], SIZE);
	munmap(map, SIZE);
	ours->dmabuf = igt_mmgpu_export(ours->fd, ours->bo);
	ours->handle = igt_mmgpu_import(kms.fd, ours->dmabuf);
	ours->fb = framebuffer(ours->handle);
}

static void ours_fini(struct ours *ours)
{
	commit(show(fbs[BEFORE]), 0);
	drmModeRmFB(kms.fd, ours->fb);
	igt_mmgpu_bo_close(kms.fd, ours->handle);
	close(ours->dmabuf);
	close(ours->fd);
}

/* Paints the picture when the gate is open, and takes its time. */
static int paint(struct ours *ours, struct igt_mmgpu_gate *gate, uint32_t sync)
{
	uint32_t out = igt_mmgpu_syncobj_create(ours->fd);
	struct igt_mmgpu_job job;

	igt_mmgpu_job_init(&job, ours->ctx);
	igt_mmgpu_job_bo(&job, ours->bo, MMGPU_BO_REF_WRITE | sync);
	igt_mmgpu_job_bo(&job, ours->staging, MMGPU_BO_REF_READ);
	igt_mmgpu_cmd_delay(&job, 100);
	igt_mmgpu_cmd_copy(&job, 0, 0, 1, 0, SIZE / 2);
	igt_mmgpu_cmd_delay(&job, 100);
	igt_mmgpu_cmd_copy(&job, 0, SIZE / 2, 1, SIZE / 2, SIZE / 2);
	igt_mmgpu_job_in(&job, igt_mmgpu_gate_syncobj(gate, ours->fd), 0);
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_job_submit(ours->fd, &job);
	return igt_mmgpu_syncobj_export(ours->fd, out);
}

/* Every frame that was shown so far had the old picture, or the new one after that. */
static void only_whole_pictures(bool flipped)
{
	bool after = false;
	uint32_t crc;

	while (crc_read(&crc, 0)) {
		igt_assert_f(crc == crcs[BEFORE] || (flipped && crc == crcs[AFTER]),
			     "a frame with checksum %#x: old %#x, new %#x, black %#x\n", crc,
			     crcs[BEFORE], crcs[AFTER], crcs[BLACK]);
		igt_assert_f(crc == crcs[AFTER] || !after, "back to the old picture\n");
		after = crc == crcs[AFTER];
	}
}

enum wait { IMPLICIT, EXPLICIT };

static void scan_out(bool bind, enum wait wait)
{
	struct igt_mmgpu_gate gate;
	drmModeAtomicReq *req;
	struct ours ours;
	int fence;

	ours_init(&ours, bind);
	igt_mmgpu_gate_init(&gate);
	igt_assert_eq_u32(crc_now(), crcs[BEFORE]);
	fence = paint(&ours, &gate, wait == EXPLICIT ? MMGPU_BO_REF_NO_IMPLICIT_SYNC : 0);
	req = show(ours.fb);
	if (wait == EXPLICIT)
		set(req, kms.plane, DRM_MODE_OBJECT_PLANE, "IN_FENCE_FD", fence);
	commit(req, DRM_MODE_ATOMIC_NONBLOCK | DRM_MODE_PAGE_FLIP_EVENT);
	igt_assert(!await_flip(300));
	only_whole_pictures(false);

	igt_mmgpu_gate_open(&gate);
	igt_assert(await_flip(IGT_MMGPU_PATIENCE * 1000));
	igt_assert_eq(igt_mmgpu_sync_file_status(fence), 1);
	only_whole_pictures(true);
	igt_assert_eq_u32(crc_now(), crcs[AFTER]);

	close(fence);
	igt_mmgpu_gate_fini(&gate);
	ours_fini(&ours);
}

static void implicit_shared(void)
{
	scan_out(true, IMPLICIT);
}

static void implicit_legacy(void)
{
	scan_out(false, IMPLICIT);
}

static void explicit_fence(void)
{
	scan_out(true, EXPLICIT);
}

/* A commit that may wait returns when the picture is there. */
static void blocking(void)
{
	struct igt_mmgpu_gate gate;
	struct ours ours;
	int fence;

	ours_init(&ours, true);
	igt_mmgpu_gate_init(&gate);
	fence = paint(&ours, &gate, 0);
	igt_mmgpu_gate_open(&gate);
	commit(show(ours.fb), 0);
	igt_assert_eq(igt_mmgpu_sync_file_status(fence), 1);
	only_whole_pictures(true);
	igt_assert_eq_u32(crc_now(), crcs[AFTER]);
	close(fence);
	igt_mmgpu_gate_fini(&gate);
	ours_fini(&ours);
}

/* Who asks for no implicit sync gets none: what is shown is what is there. */
static void no_implicit_sync(void)
{
	struct igt_mmgpu_gate gate;
	struct ours ours;
	int fence;

	ours_init(&ours, true);
	igt_mmgpu_gate_init(&gate);
	fence = paint(&ours, &gate, MMGPU_BO_REF_NO_IMPLICIT_SYNC);
	commit(show(ours.fb), DRM_MODE_ATOMIC_NONBLOCK | DRM_MODE_PAGE_FLIP_EVENT);
	igt_assert(await_flip(IGT_MMGPU_PATIENCE * 1000));
	igt_assert_eq(igt_mmgpu_sync_file_status(fence), 0);
	igt_assert_eq_u32(crc_now(), crcs[BLACK]);
	igt_mmgpu_gate_open(&gate);
	igt_assert(igt_mmgpu_poll_ms(fence, POLLIN, IGT_MMGPU_PATIENCE * 1000) & POLLIN);
	igt_assert_eq_u32(crc_now(), crcs[AFTER]);
	close(fence);
	igt_mmgpu_gate_fini(&gate);
	ours_fini(&ours);
}

/* Everything of ours goes; what is on the screen stays. */
static void outlives(void)
{
	int fd = igt_mmgpu_open(), bos = igt_mmgpu_count_bos(fd);
	struct ours ours;

	ours_init(&ours, true);
	igt_mmgpu_copy(ours.fd, ours.bo, 0, ours.staging, 0, SIZE);
	commit(show(ours.fb), 0);
	close(ours.fd);
	close(ours.dmabuf);
	igt_mmgpu_bo_close(kms.fd, ours.handle);
	igt_mmgpu_await_bos(fd, bos < 0 ? bos : bos + 1);
	igt_assert_eq_u32(crc_now(), crcs[AFTER]);
	commit(show(fbs[BEFORE]), 0);
	drmModeRmFB(kms.fd, ours.fb);
	igt_mmgpu_await_bos(fd, bos);
	close(fd);
}

/* ---- writeback ----------------------------------------------------------------------------------------- */

/*
 * vkms writes what it would show into our buffer; a job that reads it waits for vkms's
 * fence. Its two connectors cannot be used at once, so nothing is shown meanwhile.
 */
static void writeback(void)
{
	drmModeAtomicReq *req;

	igt_skip_on_f(!kms.writeback, "vkms was loaded without writeback\n");
	/* Writing back ends the checksums. */
	close(kms.crc);
	for (int i = BEFORE; i <= AFTER; i++) {
		struct igt_mmgpu_job job;
		uint32_t out, *map;
		struct ours ours;
		int32_t fence = -1;

		ours_init(&ours, true);
		out = igt_mmgpu_syncobj_create(ours.fd);
		req = show(fbs[i]);
		set(req, kms.connector, DRM_MODE_OBJECT_CONNECTOR, "CRTC_ID", 0);
		set(req, kms.writeback, DRM_MODE_OBJECT_CONNECTOR, "CRTC_ID", kms.crtc);
		set(req, kms.writeback, DRM_MODE_OBJECT_CONNECTOR, "WRITEBACK_FB_ID", ours.fb);
		set(req, kms.writeback, DRM_MODE_OBJECT_CONNECTOR, "WRITEBACK_OUT_FENCE_PTR",
		    (uintptr_t)&fence);
		commit(req, DRM_MODE_ATOMIC_ALLOW_MODESET | DRM_MODE_ATOMIC_NONBLOCK);
		igt_assert_fd(fence);
		igt_assert_eq(__igt_mmgpu_dmabuf_import_fence(ours.dmabuf, DMA_BUF_SYNC_WRITE,
							      fence), 0);

		igt_mmgpu_job_init(&job, 0);
		igt_mmgpu_job_bo(&job, ours.staging, MMGPU_BO_REF_WRITE);
		igt_mmgpu_job_bo(&job, ours.bo, MMGPU_BO_REF_READ);
		igt_mmgpu_cmd_fill(&job, 0, 0, SIZE, 0x3c3c3c3c3c3c3c3cull);
		igt_mmgpu_cmd_copy(&job, 0, 0, 1, 0, SIZE);
		igt_mmgpu_job_out(&job, out, 0);
		igt_mmgpu_job_submit(ours.fd, &job);
		igt_assert_eq(igt_mmgpu_syncobj_result(ours.fd, out), 0);
		igt_assert_eq(igt_mmgpu_sync_file_status(fence), 1);
		map = igt_mmgpu_bo_map(ours.fd, ours.staging, SIZE, PROT_READ);
		igt_mmgpu_same(map, pixels[i], SIZE, "written back");
		munmap(map, SIZE);
		close(fence);

		req = show(fbs[BEFORE]);
		set(req, kms.writeback, DRM_MODE_OBJECT_CONNECTOR, "CRTC_ID", 0);
		set(req, kms.connector, DRM_MODE_OBJECT_CONNECTOR, "CRTC_ID", kms.crtc);
		commit(req, DRM_MODE_ATOMIC_ALLOW_MODESET);
		ours_fini(&ours);
	}
	crc_open();
}

/* ---- private buffers ---------------------------------------------------------------------------------- */

static int give(int dmabuf)
{
	int ret, fd = __igt_mmgpu_open_driver("vkms", IGT_MMGPU_PRIMARY, 0);
	uint32_t handle;

	if (fd < 0)
		return fd;
	ret = __igt_mmgpu_import(fd, dmabuf, &handle);
	close(fd);
	return ret;
}

static void private_never(void)
{
	igt_mmgpu_never_given(give, EPERM);
}

static const struct {
	const char *name;
	void (*fn)(void);
	const char *what;
} tests[] = {
	{ "implicit-shared", implicit_shared, "a SHARED buffer is shown when its job is done" },
	{ "implicit-legacy", implicit_legacy, "and so is a legacy file's" },
	{ "explicit", explicit_fence, "a job's sync_file holds the flip" },
	{ "blocking", blocking, "a blocking commit waits for the job" },
	{ "no-implicit-sync", no_implicit_sync, "a job without implicit sync is not waited for" },
	{ "outlives", outlives, "what is shown stays when all of ours is gone" },
	{ "private", private_never, "vkms cannot attach to a private buffer, whoever asks" },
	{ "writeback", writeback, "vkms writes into our buffer, our job waits for it" },
};

int igt_main()
{
	igt_fixture() {
		close(igt_mmgpu_open());
		kms_open();
		igt_mmgpu_rand_init(&rnd);
		pictures_init();
	}

	for (size_t i = 0; i < igt_mmgpu_count(tests); i++) {
		igt_describe(tests[i].what);
		igt_subtest(tests[i].name) {
			commit(show(fbs[BEFORE]), 0);
			igt_assert_eq_u32(crc_now(), crcs[BEFORE]);
			tests[i].fn();
		}
	}

	igt_fixture() {
		igt_mmgpu_proc_cleanup();
		close(kms.crc);
		close(kms.fd);
	}
}
