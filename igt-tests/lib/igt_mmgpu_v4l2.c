// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/v4l2-dv-timings.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <sys/mman.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_v4l2.h"

#define WIDTH	640
#define HEIGHT	480

/*
 * The first instance has a capture and an output node, the second only captures, and
 * takes memory of the other kind. All connectors are HDMI. Where vivid is loaded already,
 * what it has of that is used.
 */
static const char * const parameters[] = {
	"n_devs=2", "node_types=0x101,0x1", "allocators=0,1",
	"num_inputs=1,1", "input_types=3,3", "num_outputs=1,0", "output_types=1,0",
};

static bool load_vivid(void)
{
	char command[256] = "modprobe -q vivid";

	for (size_t i = 0; i < igt_mmgpu_count(parameters); i++) {
		size_t len = strlen(command);

		snprintf(command + len, sizeof(command) - len, " %s", parameters[i]);
	}
	return system(command) == 0;
}

/* Nodes that are open, because a queue belongs to the file that has asked for it. */
static int nodes[16];
static size_t num_nodes;

static void remember(int fd)
{
	igt_assert_lt(num_nodes, igt_mmgpu_count(nodes));
	nodes[num_nodes++] = fd;
}

static void forget(int fd)
{
	for (size_t i = 0; i < num_nodes; i++)
		if (nodes[i] == fd)
			nodes[i--] = nodes[--num_nodes];
}

void igt_mmgpu_video_cleanup(void)
{
	while (num_nodes)
		close(nodes[--num_nodes]);
}

void igt_mmgpu_vivid_require(enum igt_mmgpu_vivid instance)
{
	struct igt_mmgpu_video video;
	char allocators[64] = "";
	FILE *file;
	int ret;

	if (access("/sys/module/vivid", F_OK)) {
		igt_skip_on_f(!getenv("MMGPU_MODPROBE") && access("/vm/command", F_OK),
			      "no vivid: load it, or set MMGPU_MODPROBE=1\n");
		igt_skip_on_f(!load_vivid(), "this kernel has no vivid\n");
	}
	file = fopen("/sys/module/vivid/parameters/allocators", "re");
	igt_skip_on_f(!file, "vivid does not tell its allocators\n");
	if (!fgets(allocators, sizeof(allocators), file))
		allocators[0] = 0;
	fclose(file);
	/* One digit and a comma for each instance. */
	igt_skip_on_f(strlen(allocators) <= 2 * instance ||
		      allocators[2 * instance] != '0' + (char)instance,
		      "vivid was loaded without allocators=0,1\n");
	ret = __igt_mmgpu_video_open(&video, instance, false);
	igt_skip_on_f(ret != 0, "vivid was loaded without an HDMI input: %d\n", ret);
	igt_mmgpu_video_close(&video);
}

/* ---- set-up ---------------------------------------------------------------------- */

static int open_node(enum igt_mmgpu_vivid instance, uint32_t caps)
{
	struct dirent **list;
	int count, found = -ENODEV;
	char bus[32];

	snprintf(bus, sizeof(bus), "platform:vivid-%03d", instance);
	count = scandir("/dev", &list, NULL, NULL);
	for (int i = 0; i < count; i++) {
		struct v4l2_capability cap = { };
		char path[300];
		int fd = -1;

		snprintf(path, sizeof(path), "/dev/%s", list[i]->d_name);
		if (found < 0 && !strncmp(list[i]->d_name, "video", 5))
			fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0 && !igt_mmgpu_ioctl(fd, VIDIOC_QUERYCAP, &cap) &&
		    !strcmp((char *)cap.bus_info, bus) && (cap.device_caps & caps) == caps)
			found = fd;
		else if (fd >= 0)
			close(fd);
		free(list[i]);
	}
	if (count >= 0)
		free(list);
	return found;
}

/* The first connector that takes timings is HDMI's. */
static int choose_connector(int fd, bool output)
{
	struct v4l2_output out = { };
	struct v4l2_input in = { };

	if (output) {
		while (!igt_mmgpu_ioctl(fd, VIDIOC_ENUMOUTPUT, &out)) {
			if (out.capabilities & V4L2_OUT_CAP_DV_TIMINGS)
				return igt_mmgpu_ioctl(fd, VIDIOC_S_OUTPUT, &out.index);
			out.index++;
		}
	} else {
		while (!igt_mmgpu_ioctl(fd, VIDIOC_ENUMINPUT, &in)) {
			if (in.capabilities & V4L2_IN_CAP_DV_TIMINGS)
				return igt_mmgpu_ioctl(fd, VIDIOC_S_INPUT, &in.index);
			in.index++;
		}
	}
	return -ENODEV;
}

/* By the start of its name, which is what vivid has kept. */
static int find_control(int fd, const char *name, struct v4l2_queryctrl *control)
{
	memset(control, 0, sizeof(*control));
	for (;;) {
		int ret;

		control->id |= V4L2_CTRL_FLAG_NEXT_CTRL;
		ret = igt_mmgpu_ioctl(fd, VIDIOC_QUERYCTRL, control);
		if (ret)
			return ret;
		if (!strncmp((char *)control->name, name, strlen(name)))
			return 0;
	}
}

static int set_control(int fd, uint32_t id, int value)
{
	struct v4l2_control args = { .id = id, .value = value };

	return igt_mmgpu_ioctl(fd, VIDIOC_S_CTRL, &args);
}

static int set_format(struct igt_mmgpu_video *video)
{
	struct v4l2_dv_timings timings = V4L2_DV_BT_CEA_640X480P59_94;
	struct v4l2_format format = { .type = video->type };
	struct v4l2_queryctrl control;
	int ret;

	ret = igt_mmgpu_ioctl(video->fd, VIDIOC_S_DV_TIMINGS, &timings);
	if (ret)
		return ret;
	format.fmt.pix.width = WIDTH;
	format.fmt.pix.height = HEIGHT;
	format.fmt.pix.pixelformat = V4L2_PIX_FMT_XBGR32;
	format.fmt.pix.field = V4L2_FIELD_NONE;
	ret = igt_mmgpu_ioctl(video->fd, VIDIOC_S_FMT, &format);
	if (ret)
		return ret;
	if (format.fmt.pix.width != WIDTH || format.fmt.pix.height != HEIGHT ||
	    format.fmt.pix.pixelformat != V4L2_PIX_FMT_XBGR32 ||
	    format.fmt.pix.bytesperline != WIDTH * 4)
		return -EPROTO;
	video->size = format.fmt.pix.sizeimage;

	/* Without the clock in its corner a test picture is the same each time. */
	if (video->type == V4L2_BUF_TYPE_VIDEO_OUTPUT)
		return 0;
	ret = find_control(video->fd, "OSD Text Mode", &control);
	return ret ?: set_control(video->fd, control.id, control.maximum);
}

int __igt_mmgpu_video_open(struct igt_mmgpu_video *video, enum igt_mmgpu_vivid instance,
			   bool output)
{
	int ret;

	memset(video, 0, sizeof(*video));
	video->type = output ? V4L2_BUF_TYPE_VIDEO_OUTPUT : V4L2_BUF_TYPE_VIDEO_CAPTURE;
	video->fd = open_node(instance, V4L2_CAP_STREAMING |
			      (output ? V4L2_CAP_VIDEO_OUTPUT : V4L2_CAP_VIDEO_CAPTURE));
	if (video->fd < 0)
		return video->fd;
	ret = choose_connector(video->fd, output) ?: set_format(video);
	if (ret)
		close(video->fd);
	else
		remember(video->fd);
	return ret;
}

void igt_mmgpu_video_open(struct igt_mmgpu_video *video, enum igt_mmgpu_vivid instance,
			  bool output)
{
	igt_assert_eq(__igt_mmgpu_video_open(video, instance, output), 0);
}

void igt_mmgpu_video_close(struct igt_mmgpu_video *video)
{
	if (video->map)
		munmap(video->map, video->size);
	forget(video->fd);
	close(video->fd);
}

/* Up to 6.10 a switch; since then a list of what the input is connected to. */
void igt_mmgpu_video_loop(struct igt_mmgpu_video *video, bool loop)
{
	struct v4l2_queryctrl control;
	struct v4l2_querymenu menu = { };

	if (!find_control(video->fd, "Loop Video", &control)) {
		igt_assert_eq(set_control(video->fd, control.id, loop), 0);
		return;
	}
	igt_assert_eq(find_control(video->fd, "HDMI 000-0 Is Connected To", &control), 0);
	menu.id = control.id;
	for (int i = control.minimum; i <= control.maximum; i++) {
		const char *name = loop ? "Output HDMI 000-0" : "Test Pattern Generator";

		menu.index = i;
		if (igt_mmgpu_ioctl(video->fd, VIDIOC_QUERYMENU, &menu) ||
		    strcmp((char *)menu.name, name))
			continue;
		igt_assert_eq(set_control(video->fd, control.id, i), 0);
		return;
	}
	igt_assert_f(false, "vivid's input cannot be connected to its output\n");
}

/* ---- streaming ------------------------------------------------------------------- */

static void fill_buffer(const struct igt_mmgpu_video *video, struct v4l2_buffer *buffer)
{
	memset(buffer, 0, sizeof(*buffer));
	buffer->type = video->type;
	buffer->memory = video->memory;
}

int __igt_mmgpu_video_request(struct igt_mmgpu_video *video, uint32_t memory,
			      unsigned int count)
{
	struct v4l2_requestbuffers request = {
		.count = count,
		.type = video->type,
		.memory = memory,
	};
	struct v4l2_buffer buffer;
	int ret;

	if (video->map)
		munmap(video->map, video->size);
	video->map = NULL;
	video->memory = memory;
	ret = igt_mmgpu_ioctl(video->fd, VIDIOC_REQBUFS, &request);
	if (ret || !count || memory != V4L2_MEMORY_MMAP)
		return ret;

	fill_buffer(video, &buffer);
	igt_assert_eq(igt_mmgpu_ioctl(video->fd, VIDIOC_QUERYBUF, &buffer), 0);
	video->map = mmap(NULL, video->size, PROT_READ | PROT_WRITE, MAP_SHARED, video->fd,
			  buffer.m.offset);
	igt_assert(video->map != MAP_FAILED);
	return 0;
}

int __igt_mmgpu_video_queue(struct igt_mmgpu_video *video, unsigned int slot, int dmabuf)
{
	struct v4l2_buffer buffer;

	fill_buffer(video, &buffer);
	buffer.index = slot;
	buffer.field = V4L2_FIELD_NONE;
	if (video->type == V4L2_BUF_TYPE_VIDEO_OUTPUT)
		buffer.bytesused = video->size;
	if (video->memory == V4L2_MEMORY_DMABUF)
		buffer.m.fd = dmabuf;
	return igt_mmgpu_ioctl(video->fd, VIDIOC_QBUF, &buffer);
}

void igt_mmgpu_video_queue(struct igt_mmgpu_video *video, unsigned int slot, int dmabuf)
{
	igt_assert_eq(__igt_mmgpu_video_queue(video, slot, dmabuf), 0);
}

unsigned int igt_mmgpu_video_take(struct igt_mmgpu_video *video)
{
	short events = video->type == V4L2_BUF_TYPE_VIDEO_OUTPUT ? POLLOUT : POLLIN;
	struct v4l2_buffer buffer;

	igt_assert(igt_mmgpu_poll_ms(video->fd, events, IGT_MMGPU_PATIENCE * 1000) & events);
	fill_buffer(video, &buffer);
	igt_assert_eq(igt_mmgpu_ioctl_once(video->fd, VIDIOC_DQBUF, &buffer), 0);
	igt_assert(!(buffer.flags & V4L2_BUF_FLAG_ERROR));
	igt_assert_eq_u32(buffer.bytesused, video->size);
	return buffer.index;
}

void igt_mmgpu_video_stream(struct igt_mmgpu_video *video, bool on)
{
	int type = video->type;

	igt_assert_eq(igt_mmgpu_ioctl(video->fd, on ? VIDIOC_STREAMON : VIDIOC_STREAMOFF,
				      &type), 0);
}
