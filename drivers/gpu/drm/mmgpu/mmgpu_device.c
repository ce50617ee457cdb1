// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/moduleparam.h>
#include <linux/platform_device.h>
#include <linux/string.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_managed.h>

#include "mmgpu_ctx.h"
#include "mmgpu_device.h"
#include "mmgpu_drv.h"
#include "mmgpu_file.h"
#include "mmgpu_sched.h"
#include "mmgpu_svm_thread.h"

struct mmgpu_params mmgpu_params = {
	.num_devices = 1,
	.engines = 2,
	.job_timeout_ms = 2000,
	.max_delay_ms = 10000,
	.svm = true,
};

static char *caps = "syncobj,timeline";

module_param_named(num_devices, mmgpu_params.num_devices, uint, 0444);
MODULE_PARM_DESC(num_devices, "Number of devices (1-16, default 1)");
module_param_named(engines, mmgpu_params.engines, uint, 0444);
MODULE_PARM_DESC(engines, "Engines of each device (1-16, default 2)");
module_param_named(job_timeout_ms, mmgpu_params.job_timeout_ms, uint, 0444);
MODULE_PARM_DESC(job_timeout_ms, "Longest run of a job in ms (10-600000, default 2000)");
module_param_named(max_delay_ms, mmgpu_params.max_delay_ms, uint, 0444);
MODULE_PARM_DESC(max_delay_ms, "Longest delay command in ms (0-600000, default 10000)");
module_param_named(svm, mmgpu_params.svm, bool, 0444);
MODULE_PARM_DESC(svm, "Jobs of bound files may name CPU addresses (default 1)");
module_param(caps, charp, 0444);
MODULE_PARM_DESC(caps, "What is offered: none, or a comma list of syncobj, timeline (default both)");

static bool param_in_range(const char *name, unsigned int value, unsigned int min,
			   unsigned int max)
{
	if (value >= min && value <= max)
		return true;

	pr_err("mmgpu: %s=%u is not within %u-%u\n", name, value, min, max);
	return false;
}

static int params_parse_caps(u32 *features)
{
	static const char * const names[] = { "syncobj", "timeline" };
	static const u32 bits[] = { DRIVER_SYNCOBJ, DRIVER_SYNCOBJ_TIMELINE };
	const char *list = caps;

	*features = 0;
	if (!strcmp(caps, "none"))
		return 0;

	for (;;) {
		size_t len = strcspn(list, ",");
		unsigned int i;

		for (i = 0; i < ARRAY_SIZE(names); i++)
			if (len == strlen(names[i]) && !strncmp(list, names[i], len))
				break;
		if (i == ARRAY_SIZE(names)) {
			pr_err("mmgpu: caps=%s: '%.*s' is not none, syncobj or timeline\n",
			       caps, (int)len, list);
			return -EINVAL;
		}
		*features |= bits[i];

		if (!list[len])
			break;
		list += len + 1;
	}

	if (*features == DRIVER_SYNCOBJ_TIMELINE) {
		pr_err("mmgpu: caps=%s: timeline needs syncobj\n", caps);
		return -EINVAL;
	}

	return 0;
}

/**
 * mmgpu_params_check() - Check the module's parameters
 *
 * Return: 0 or -EINVAL.
 */
int mmgpu_params_check(void)
{
	if (!param_in_range("num_devices", mmgpu_params.num_devices, 1, 16) ||
	    !param_in_range("engines", mmgpu_params.engines, 1, MMGPU_MAX_ENGINES) ||
	    !param_in_range("job_timeout_ms", mmgpu_params.job_timeout_ms, 10, 600000) ||
	    !param_in_range("max_delay_ms", mmgpu_params.max_delay_ms, 0, 600000))
		return -EINVAL;

	return params_parse_caps(&mmgpu_params.features);
}

/* Unbind, and unload. */
static void device_unplug(void *data)
{
	struct mmgpu_device *mdev = data;
	struct drm_file *file;

	/* From here on no job is published, and every ioctl but QUERY_MM is refused. */
	drm_dev_unplug(&mdev->drm);

	/* First what is queued, so that it does not start when the running jobs are stopped. */
	mutex_lock(&mdev->drm.filelist_mutex);
	list_for_each_entry(file, &mdev->drm.filelist, lhead)
		mmgpu_ctx_kill_all(to_mmgpu_file(file), -ENODEV);
	mutex_unlock(&mdev->drm.filelist_mutex);

	WRITE_ONCE(mdev->gone, true);
	wake_up_all(&mdev->gone_wq);
}

/**
 * mmgpu_device_probe() - &platform_driver.probe
 * @pdev: platform device that the module made
 *
 * Return: 0 or a negative error code.
 */
int mmgpu_device_probe(struct platform_device *pdev)
{
	const u32 optional = DRIVER_SYNCOBJ | DRIVER_SYNCOBJ_TIMELINE;
	struct mmgpu_device *mdev;
	int ret;

	mdev = devm_drm_dev_alloc(&pdev->dev, &mmgpu_drm_driver, struct mmgpu_device, drm);
	if (IS_ERR(mdev))
		return PTR_ERR(mdev);

	platform_set_drvdata(pdev, mdev);
	mdev->drm.driver_features &= ~(optional & ~mmgpu_params.features);
	init_waitqueue_head(&mdev->gone_wq);
	init_waitqueue_head(&mdev->svm_wq);
	spin_lock_init(&mdev->svm_lock);
	INIT_LIST_HEAD(&mdev->svm_threads);
	spin_lock_init(&mdev->granted_lock);
	INIT_LIST_HEAD(&mdev->granted_jobs);
	INIT_LIST_HEAD(&mdev->bos);
	ret = drmm_mutex_init(&mdev->drm, &mdev->bos_lock);
	if (ret)
		return ret;

	/* Some kernels map imported pages for the device, which can reach them all. */
	ret = dma_coerce_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		return ret;

	ret = mmgpu_sched_init(mdev);
	if (ret)
		return ret;

	ret = drm_dev_register(&mdev->drm, 0);
	if (ret)
		return ret;

	/* Before devm drops the DRM device. */
	return devm_add_action_or_reset(&pdev->dev, device_unplug, mdev);
}

/* Processes are frozen, so nobody submits, and nobody serves page faults. */
static int mmgpu_device_suspend(struct device *dev)
{
	struct mmgpu_device *mdev = dev_get_drvdata(dev);

	/* First, so that nothing starts while something else is waited for. */
	mmgpu_sched_stop(mdev);
	mmgpu_svm_thread_suspend_all(mdev);
	mmgpu_sched_flush(mdev);

	return 0;
}

static int mmgpu_device_resume(struct device *dev)
{
	struct mmgpu_device *mdev = dev_get_drvdata(dev);

	mmgpu_sched_resume(mdev);
	mmgpu_svm_thread_resume_all(mdev);

	return 0;
}

DEFINE_SIMPLE_DEV_PM_OPS(mmgpu_device_pm_ops, mmgpu_device_suspend, mmgpu_device_resume);
