// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/**
 * DOC: Overview
 *
 * mmgpu is a render node for a GPU that is a few kernel threads. What is special
 * about it is a second way to use a DRM file: BIND_MM ties it to the address space
 * (mm) of the caller, by a sequence number that no other mm ever gets, and every
 * entry point asks whether the caller's mm may pass.
 *
 * There are two questions and one function for each: mmgpu_file_gate() says whether
 * an mm may use a file, mmgpu_bo_access() what it may do with a buffer. The gate
 * stands here, in the file operations, before DRM core sees the call: core would
 * rewrite the file's owner and wait for RCU for a caller that is then refused, and has
 * ioctls of its own.
 */

#include <linux/compat.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_prime.h>

#include <drm/mmgpu_drm.h>

#include "mmgpu_access.h"
#include "mmgpu_ctx.h"
#include "mmgpu_device.h"
#include "mmgpu_drv.h"
#include "mmgpu_file.h"
#include "mmgpu_gem.h"
#include "mmgpu_mm.h"
#include "mmgpu_submit.h"
#include "mmgpu_trace.h"

/* drm_ioctl() or drm_compat_ioctl() */
typedef long mmgpu_core_ioctl(struct file *filp, unsigned int cmd, unsigned long arg);

/*
 * 1.0: first interface
 * 1.1: BO_GRANT
 * 1.2: MMGPU_CMD_DST_SVM, MMGPU_CMD_SRC_SVM
 */
#define MMGPU_MAJOR	1
#define MMGPU_MINOR	2

struct workqueue_struct *mmgpu_wq;
struct workqueue_struct *mmgpu_signal_wq;

static struct platform_device **mmgpu_pdevs;

static int mmgpu_ioctl_get_param(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct mmgpu_device *mdev = to_mmgpu_device(drm);
	struct drm_mmgpu_get_param *args = data;

	if (mmgpu_bad(mdev, args->pad))
		return -EINVAL;

	switch (args->param) {
	case MMGPU_PARAM_ENGINE_COUNT:
		args->value = mmgpu_params.engines;
		return 0;
	case MMGPU_PARAM_MAX_CMDS:
		args->value = MMGPU_MAX_CMDS;
		return 0;
	case MMGPU_PARAM_MAX_BOS:
		args->value = MMGPU_MAX_BOS;
		return 0;
	case MMGPU_PARAM_MAX_SYNCS:
		args->value = MMGPU_MAX_SYNCS;
		return 0;
	case MMGPU_PARAM_MAX_CONTEXTS:
		args->value = MMGPU_MAX_CONTEXTS;
		return 0;
	case MMGPU_PARAM_MAX_JOBS:
		args->value = MMGPU_MAX_JOBS;
		return 0;
	case MMGPU_PARAM_MAX_BO_SIZE:
		args->value = MMGPU_MAX_BO_SIZE;
		return 0;
	case MMGPU_PARAM_MAX_GRANTS:
		args->value = MMGPU_MAX_GRANTS;
		return 0;
	case MMGPU_PARAM_JOB_TIMEOUT_MS:
		args->value = mmgpu_params.job_timeout_ms;
		return 0;
	case MMGPU_PARAM_MAX_DELAY_MS:
		args->value = mmgpu_params.max_delay_ms;
		return 0;
	case MMGPU_PARAM_SVM:
		args->value = mmgpu_params.svm;
		return 0;
	default:
		drm_dbg(drm, "refused: unknown param %u\n", args->param);
		return -EINVAL;
	}
}

static const struct drm_ioctl_desc mmgpu_ioctls[] = {
	DRM_IOCTL_DEF_DRV(MMGPU_GET_PARAM, mmgpu_ioctl_get_param, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(MMGPU_BIND_MM, mmgpu_ioctl_bind_mm, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(MMGPU_QUERY_MM, mmgpu_ioctl_query_mm, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(MMGPU_BO_CREATE, mmgpu_ioctl_bo_create, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(MMGPU_BO_INFO, mmgpu_ioctl_bo_info, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(MMGPU_BO_WAIT, mmgpu_ioctl_bo_wait, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(MMGPU_BO_GRANT, mmgpu_ioctl_bo_grant, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(MMGPU_CTX_CREATE, mmgpu_ioctl_ctx_create, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(MMGPU_CTX_DESTROY, mmgpu_ioctl_ctx_destroy, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(MMGPU_CTX_QUERY, mmgpu_ioctl_ctx_query, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(MMGPU_SUBMIT, mmgpu_ioctl_submit, DRM_RENDER_ALLOW),
};

/* Begins a call that bind has to wait for; it ends with mmgpu_leave(). */
static int mmgpu_enter(struct file *filp, enum mmgpu_door door, bool *legacy)
{
	struct mmgpu_file *mfile = to_mmgpu_file(filp->private_data);
	int ret = mmgpu_file_enter(mfile, legacy);

	return likely(!ret) ? 0 : mmgpu_file_refused(mfile, door, ret);
}

static void mmgpu_leave(struct file *filp, bool legacy)
{
	if (legacy)
		mmgpu_file_exit(to_mmgpu_file(filp->private_data));
}

/*
 * The ioctls that any mm may call. Does what drm_ioctl() does with the size and the
 * direction that the caller's number has, but leaves the file's owner as it is.
 * Returns @refused for any other ioctl.
 */
static long mmgpu_ioctl_ungated(struct file *filp, unsigned int cmd, void __user *arg,
				long refused)
{
	struct drm_file *file = filp->private_data;
	struct drm_device *drm = file->minor->dev;
	const struct drm_ioctl_desc *desc;
	unsigned int in_size, out_size;
	void *data;
	long ret;

	if (_IOC_TYPE(cmd) != DRM_IOCTL_BASE)
		return refused;

	switch (DRM_IOCTL_NR(cmd)) {
	case DRM_COMMAND_BASE + DRM_MMGPU_GET_PARAM:
		if (drm_dev_is_unplugged(drm))
			return -ENODEV;
		break;
	case DRM_COMMAND_BASE + DRM_MMGPU_QUERY_MM:
		break;
	default:
		return refused;
	}

	desc = &mmgpu_ioctls[DRM_IOCTL_NR(cmd) - DRM_COMMAND_BASE];
	in_size = cmd & desc->cmd & IOC_IN ? _IOC_SIZE(cmd) : 0;
	out_size = cmd & desc->cmd & IOC_OUT ? _IOC_SIZE(cmd) : 0;

	data = kzalloc(max3(in_size, out_size, _IOC_SIZE(desc->cmd)), GFP_KERNEL_ACCOUNT);
	if (!data)
		return -ENOMEM;

	if (copy_from_user(data, arg, in_size)) {
		ret = -EFAULT;
	} else {
		ret = desc->func(drm, data, file);
		if (copy_to_user(arg, data, out_size))
			ret = -EFAULT;
	}
	kfree(data);

	return ret;
}

/*
 * The ioctls that bind does not wait for: SUBMIT, which writes nothing to pass the gate
 * and asks it again when it publishes, and those that may wait for ever. After them the
 * gate has the last word.
 */
static inline bool mmgpu_ioctl_is_overtaken(unsigned int nr)
{
	return nr == DRM_COMMAND_BASE + DRM_MMGPU_SUBMIT ||
	       nr == DRM_IOCTL_NR(DRM_IOCTL_SYNCOBJ_WAIT) ||
	       nr == DRM_IOCTL_NR(DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT);
}

static inline long mmgpu_ioctl_gated(struct file *filp, unsigned int cmd, unsigned long arg,
				     void __user *uarg, mmgpu_core_ioctl *core,
				     enum mmgpu_door door)
{
	struct mmgpu_file *mfile = to_mmgpu_file(filp->private_data);
	unsigned int nr = DRM_IOCTL_NR(cmd);
	bool overtaken = mmgpu_ioctl_is_overtaken(nr);
	bool legacy = false;
	long ret;

	if (overtaken)
		ret = mmgpu_file_check(mfile, door);
	else
		ret = mmgpu_enter(filp, door, &legacy);

	if (likely(!ret)) {
		ret = core(filp, cmd, arg);
		if (overtaken)
			ret = mmgpu_file_check(mfile, door) ?: ret;
	} else {
		ret = mmgpu_ioctl_ungated(filp, cmd, uarg, ret);
	}
	mmgpu_leave(filp, legacy);

	/* Core refuses everything after an unplug, but one call still gets its answer. */
	if (unlikely(ret == -ENODEV))
		ret = mmgpu_ioctl_ungated(filp, cmd, uarg, ret);

	/*
	 * Outside of the call, which may have begun on the legacy file; and also when core
	 * could not copy the result to the caller.
	 */
	if (nr == DRM_COMMAND_BASE + DRM_MMGPU_BIND_MM && mmgpu_file_owner(mfile) &&
	    !mmgpu_file_gate(mfile))
		ret = mmgpu_file_wait_legacy(mfile) ?: ret;

	return ret;
}

static long mmgpu_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	return mmgpu_ioctl_gated(filp, cmd, arg, (void __user *)arg, drm_ioctl,
				  MMGPU_DOOR_IOCTL);
}

#ifdef CONFIG_COMPAT
static long mmgpu_compat_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	return mmgpu_ioctl_gated(filp, cmd, arg, compat_ptr(arg), drm_compat_ioctl,
				  MMGPU_DOOR_COMPAT_IOCTL);
}
#else
#define mmgpu_compat_ioctl	NULL
#endif

static __poll_t mmgpu_poll(struct file *filp, struct poll_table_struct *wait)
{
	if (mmgpu_file_check(to_mmgpu_file(filp->private_data), MMGPU_DOOR_POLL))
		return EPOLLERR;

	return drm_poll(filp, wait);
}

/* The driver has no events, so a read may sleep for ever: bind must not wait for it. */
static ssize_t mmgpu_read(struct file *filp, char __user *buf, size_t count, loff_t *offset)
{
	int ret = mmgpu_file_check(to_mmgpu_file(filp->private_data), MMGPU_DOOR_READ);

	return ret ?: drm_read(filp, buf, count, offset);
}

static int mmgpu_mmap(struct file *filp, struct vm_area_struct *vma)
{
	bool legacy;
	int ret;

	ret = mmgpu_enter(filp, MMGPU_DOOR_MMAP, &legacy);
	if (!ret)
		ret = drm_gem_mmap(filp, vma);
	mmgpu_leave(filp, legacy);

	return ret;
}

/* Release is not gated: whoever closes last frees everything. Nor is fdinfo. */
static const struct file_operations mmgpu_fops = {
	.owner = THIS_MODULE,
	.open = drm_open,
	.release = drm_release,
	.unlocked_ioctl = mmgpu_ioctl,
	.compat_ioctl = mmgpu_compat_ioctl,
	.poll = mmgpu_poll,
	.read = mmgpu_read,
	.llseek = noop_llseek,
	.mmap = mmgpu_mmap,
	.show_fdinfo = mmgpu_file_show_fdinfo,
	.fop_flags = FOP_UNSIGNED_OFFSET,
};

const struct drm_driver mmgpu_drm_driver = {
	.driver_features = DRIVER_GEM | DRIVER_RENDER | DRIVER_SYNCOBJ | DRIVER_SYNCOBJ_TIMELINE,
	.open = mmgpu_file_open,
	.postclose = mmgpu_file_postclose,
	.gem_create_object = mmgpu_gem_create_object,
	.gem_prime_import = mmgpu_gem_prime_import,
	.dumb_create = mmgpu_gem_dumb_create,
#ifdef CONFIG_DEBUG_FS
	.debugfs_init = mmgpu_debugfs_init,
#endif
	.ioctls = mmgpu_ioctls,
	.num_ioctls = ARRAY_SIZE(mmgpu_ioctls),
	.fops = &mmgpu_fops,
	.name = "mmgpu",
	.desc = "Software GPU with process binding",
	.major = MMGPU_MAJOR,
	.minor = MMGPU_MINOR,
	MMGPU_COMPAT_DRIVER_FIELDS
};

static struct platform_driver mmgpu_platform_driver = {
	.probe = mmgpu_device_probe,
	.driver = {
		.name = "mmgpu",
		.pm = pm_sleep_ptr(&mmgpu_device_pm_ops),
	},
};

static void mmgpu_unregister_devices(void)
{
	unsigned int i;

	for (i = 0; i < mmgpu_params.num_devices && mmgpu_pdevs[i]; i++)
		platform_device_unregister(mmgpu_pdevs[i]);
	kfree(mmgpu_pdevs);
}

static int mmgpu_register_devices(void)
{
	unsigned int i;

	mmgpu_pdevs = kcalloc(mmgpu_params.num_devices, sizeof(*mmgpu_pdevs), GFP_KERNEL);
	if (!mmgpu_pdevs)
		return -ENOMEM;

	for (i = 0; i < mmgpu_params.num_devices; i++) {
		struct platform_device *pdev;

		pdev = platform_device_register_simple("mmgpu", i, NULL, 0);
		if (IS_ERR(pdev)) {
			/* Without a module whoever has opened an earlier one would crash. */
			if (i)
				break;
			kfree(mmgpu_pdevs);
			return PTR_ERR(pdev);
		}
		mmgpu_pdevs[i] = pdev;
	}
	if (i < mmgpu_params.num_devices)
		pr_warn("mmgpu: only %u of %u devices\n", i, mmgpu_params.num_devices);

	return 0;
}

/* Nobody can open a file any more, but the last jobs may still be on their way out. */
static void mmgpu_fini(void)
{
	platform_driver_unregister(&mmgpu_platform_driver);
	mmgpu_mm_fini();
	/* Drops the last contexts, and with them the devices. */
	destroy_workqueue(mmgpu_signal_wq);
	destroy_workqueue(mmgpu_wq);
	/* Fences, contexts and numbers are freed by RCU callbacks, some of them ours. */
	rcu_barrier();
}

static int __init mmgpu_init(void)
{
	int ret;

	ret = mmgpu_params_check();
	if (ret)
		return ret;

	mmgpu_wq = alloc_workqueue("mmgpu", WQ_UNBOUND, 0);
	if (!mmgpu_wq)
		return -ENOMEM;

	/* Whoever frees memory may wait for such a fence. */
	mmgpu_signal_wq = alloc_workqueue("mmgpu-signal", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!mmgpu_signal_wq) {
		ret = -ENOMEM;
		goto err_wq;
	}

	ret = platform_driver_register(&mmgpu_platform_driver);
	if (ret)
		goto err_signal_wq;

	ret = mmgpu_register_devices();
	if (ret)
		goto err_driver;

	return 0;

err_driver:
	platform_driver_unregister(&mmgpu_platform_driver);
err_signal_wq:
	destroy_workqueue(mmgpu_signal_wq);
err_wq:
	destroy_workqueue(mmgpu_wq);

	return ret;
}
module_init(mmgpu_init);

static void __exit mmgpu_exit(void)
{
	mmgpu_unregister_devices();
	mmgpu_fini();
}
module_exit(mmgpu_exit);

MODULE_AUTHOR("The mmgpu developers");
MODULE_DESCRIPTION("Software GPU whose files can be bound to an address space");
MODULE_LICENSE("GPL");
