// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * mmgpu_fuzz: programs of system calls against /dev/dri, right ones and wrong ones, by processes
 * that share what they have. It finds nothing by itself: a sanitizing kernel does, or a hang.
 */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

static const char usage[] =
	"mmgpu_fuzz [OPTION]...\n"
	"  --seed=S          of the whole run (default: MMGPU_SEED, or the clock)\n"
	"  --workers=N       processes at a time (default 6)\n"
	"  --seconds=T       end after this time (default 60 if there is no other end)\n"
	"  --ioctls=N        end after so many ioctls\n"
	"  --patience=T      seconds without progress that are a hang (default 60)\n"
	"  --reload=T        load the module with other parameters every T seconds\n"
	"  --no-unbind       the device stays where it is\n"
	"  --no-cover        no guidance by KCOV\n"
	"  --corpus=FILE     programs to start with, and to leave behind\n"
	"  --trace           print each program before it runs; twice: each call too\n"
	"  --replay=W.E[.N]  only what worker W did in episode E, N programs of it, call by call\n"
	"  --program=FILE    only the programs in FILE, lines that --trace printed\n"
	"A kernel report names the task: 3m12.845 is worker 3, main thread, episode 12, program 845.\n"
	"Exit: 0 nothing found, 1 something hangs, is left over, or the fuzzer is not worth its name.\n";

enum {
	SEED = 1, WORKERS, SECONDS, IOCTLS, PATIENCE, RELOAD, NO_UNBIND, NO_COVER, CORPUS, TRACE,
	REPLAY, PROGRAM, AFTER_EXEC,
};

static const struct option options[] = {
	{ "seed", required_argument, NULL, SEED },
	{ "workers", required_argument, NULL, WORKERS },
	{ "seconds", required_argument, NULL, SECONDS },
	{ "ioctls", required_argument, NULL, IOCTLS },
	{ "patience", required_argument, NULL, PATIENCE },
	{ "reload", required_argument, NULL, RELOAD },
	{ "no-unbind", no_argument, NULL, NO_UNBIND },
	{ "no-cover", no_argument, NULL, NO_COVER },
	{ "corpus", required_argument, NULL, CORPUS },
	{ "trace", no_argument, NULL, TRACE },
	{ "replay", required_argument, NULL, REPLAY },
	{ "program", required_argument, NULL, PROGRAM },
	{ "after-exec", required_argument, NULL, AFTER_EXEC },
	{}
};

static long module_param(const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/module/mmgpu/parameters/%s", name);
	return fuzz_read_number(path);
}

/* What the machine has, and what makes it answer as a fuzzer wants. */
static void prepare(void)
{
	long timeout = module_param("job_timeout_ms"), delay = module_param("max_delay_ms");

	fuzz->job_timeout_ms = timeout > 0 ? timeout : 2000;
	fuzz->max_delay_ms = delay >= 0 ? delay : 10000;
	/* A job that hangs is to be over soon. */
	if (fuzz->job_timeout_ms > 500)
		printf("fuzz: job_timeout_ms=%u is long; 50 is better\n", fuzz->job_timeout_ms);
	fuzz->has_compat = fuzz_compat_probe();
	if (geteuid() == 0 && !access("/proc/self/fail-nth", W_OK)) {
		fuzz_write_file("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
		fuzz_write_file("/sys/kernel/debug/failslab/verbose", "0");
		fuzz_write_file("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N");
		fuzz_write_file("/sys/kernel/debug/fail_page_alloc/min-order", "0");
		fuzz_write_file("/sys/kernel/debug/fail_page_alloc/verbose", "0");
		fuzz_write_file("/sys/kernel/debug/fail_usercopy/verbose", "0");
		fuzz->has_fail_nth = 1;
	}
	if (access("/sys/kernel/debug/kcov", R_OK | W_OK))
		fuzz->guided = 0;
	/* Buffers of another driver; without it there are none. */
	if (!system("modprobe vgem 2>/dev/null"))
		fuzz_find_vgem();
	if (!fuzz->vgem[0])
		printf("fuzz: no vgem, so no buffers of others\n");
}

int main(int argc, char **argv)
{
	struct fuzz_options opt = { .patience = 60 };
	const char *corpus = NULL, *replay = NULL, *program = NULL, *seed = getenv("MMGPU_SEED");
	unsigned int w = 0, e = 0, n = 1 << 30;
	bool good = true, has_debugfs;
	int c;

	fuzz_kinds_init();
	if (argc == 2 && !strncmp(argv[1], "--after-exec=", 13))
		fuzz_after_exec(argv[1] + 13);

	setvbuf(stdout, NULL, _IOLBF, 0);
	fuzz_shared_create();
	fuzz->workers = 6;
	fuzz->unbind = geteuid() == 0;
	fuzz->guided = 1;
	while ((c = getopt_long(argc, argv, "", options, NULL)) > 0) {
		switch (c) {
		case SEED:
			seed = optarg;
			break;
		case WORKERS:
			fuzz->workers = atoi(optarg);
			break;
		case SECONDS:
			opt.seconds = atoi(optarg);
			break;
		case IOCTLS:
			fuzz->ioctl_limit = strtoull(optarg, NULL, 0);
			break;
		case PATIENCE:
			opt.patience = atoi(optarg);
			break;
		case RELOAD:
			opt.reload = atoi(optarg);
			break;
		case NO_UNBIND:
			fuzz->unbind = 0;
			break;
		case NO_COVER:
			fuzz->guided = 0;
			break;
		case CORPUS:
			corpus = optarg;
			break;
		case TRACE:
			fuzz->trace++;
			break;
		case REPLAY:
			replay = optarg;
			break;
		case PROGRAM:
			program = optarg;
			break;
		default:
			c = '?';
		}
		if (c == '?')
			break;
	}
	if (c == '?' || optind < argc || !fuzz->workers || fuzz->workers > FUZZ_MAX_WORKERS ||
	    !opt.patience || (replay && sscanf(replay, "%u.%u.%u", &w, &e, &n) < 2) ||
	    w >= FUZZ_MAX_WORKERS) {
		fputs(usage, stderr);
		return 2;
	}
	if (!opt.seconds && !fuzz->ioctl_limit)
		opt.seconds = 60;
	fuzz->seed = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL) ^ (uint64_t)fuzz_now();
	printf("fuzz: --seed=%llu --workers=%u\n", (unsigned long long)fuzz->seed, fuzz->workers);

	prepare();
	if (!fuzz_find_nodes()) {
		printf("fuzz: no device of mmgpu\n");
		return 1;
	}
	if (replay || program) {
		fuzz->trace = 1;
		fuzz->rx[0] = -1;
		if (program)
			fuzz_replay_file(program);
		fuzz->guided = 0;
		fuzz_replay(w, e, n);
	}
	if (corpus && fuzz_corpus_load(corpus))
		printf("fuzz: %u programs to start with\n", fuzz->corpus_count);

	has_debugfs = fuzz_baseline_take();
	if (!has_debugfs)
		printf("fuzz: no debugfs: what is left over at the end is not seen\n");
	if (fuzz_supervise(&opt))
		good = false;
	if (!fuzz_report(true))
		good = false;
	if (has_debugfs && !fuzz_baseline_check())
		good = false;
	if (fuzz->crashes)
		printf("fuzz: %llu processes of the fuzzer crashed\n", (unsigned long long)fuzz->crashes);
	if (corpus && !fuzz_corpus_save(corpus)) {
		printf("fuzz: %s cannot be written\n", corpus);
		good = false;
	}
	printf("fuzz: seed %llu, %llu ioctls, %u PCs: %s\n", (unsigned long long)fuzz->seed,
	       (unsigned long long)fuzz->ioctls, fuzz->pc_count, good ? "ok" : "FAILED");
	return good ? 0 : 1;
}
