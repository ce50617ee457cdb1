/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef FUZZ_H
#define FUZZ_H

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <drm.h>

#include "mmgpu_drm.h"

/*
 * A supervisor starts workers. Each runs episodes: a process that makes objects, uses them
 * in programs of some operations each, and ends in one way or another. What an operation
 * does follows from its kind, its seed and the objects that are there. The program of a number is
 * made from the seed of the run, the worker, the episode, the thread and that number alone,
 * unless KCOV guides: then it may be a mutation of one that reached something new.
 */

#define FUZZ_MAX_WORKERS	32
/* Per worker: the main thread, two more threads, two children. */
#define FUZZ_THREADS		3
#define FUZZ_CHILDREN		2
#define FUZZ_SLOTS		(FUZZ_THREADS + FUZZ_CHILDREN)
#define FUZZ_MAX_KINDS		96
#define FUZZ_ERRNOS		134
#define FUZZ_NODES		4
#define FUZZ_BOARD		64
#define FUZZ_PCS		(1 << 15)
#define FUZZ_EDGES		(1 << 20)
#define FUZZ_CORPUS		2048

#define FUZZ_PROGRAM_OPS	16
#define FUZZ_FIXES		3

/* Descriptors from here on belong to the fuzzer itself, those below are objects. */
#define FUZZ_FIRST_FD		300
#define FUZZ_MAX_FDS		400

/*
 * Everything that jobs, system calls or mutations may write to lies at such addresses, far
 * from what the fuzzer needs for itself, and where mmap() looks last.
 */
#define FUZZ_ARENA		0x200000000000ull
#define FUZZ_MAPS		16
#define FUZZ_MAP_SIZE		(8ull << 20)
#define FUZZ_PLAIN		(FUZZ_ARENA + (4ull << 30))
#define FUZZ_PLAINS		8
#define FUZZ_PLAIN_SIZE		(2ull << 20)
#define FUZZ_SCRATCH		0x300000000000ull
#define FUZZ_SCRATCH_SIZE	(256ull << 10)
#define FUZZ_SCRATCH_STEP	(16ull << 20)
#define FUZZ_LOW		0x10000000ull
#define FUZZ_LOW_SIZE		(16ull << 10)
#define FUZZ_TASK_SIZE		0x7ffffffff000ull

#define fuzz_count(array)	(sizeof(array) / sizeof((array)[0]))

/* ---- programs ----------------------------------------------------------------------- */

/* The n-th choice of an operation is mixed from seed and n, unless it is fixed here. */
struct fuzz_op {
	uint64_t seed;
	uint64_t fix_value[FUZZ_FIXES];
	uint8_t fix_at[FUZZ_FIXES];
	uint8_t fixes;
	uint32_t kind;
};

struct fuzz_program {
	uint32_t count;
	uint32_t pad;
	struct fuzz_op op[FUZZ_PROGRAM_OPS];
};

/* ---- what all processes share ---------------------------------------------------------- */

struct fuzz_slot {
	pid_t pid;		/* 0: nobody is here */
	pid_t tid;
	uint32_t kind;		/* operation under way, FUZZ_MAX_KINDS: none */
	uint32_t episode;
	uint64_t serial;	/* grows with each operation */
};

struct fuzz_stat {
	uint64_t tries;
	uint64_t good;
	uint64_t skipped;	/* there was no object to do it with */
	uint64_t ns;
	uint32_t err[FUZZ_ERRNOS];
};

#define FUZZ_SHARED_TIMELINES	32

struct fuzz_shared {
	/* Set before the first worker starts. */
	uint64_t seed;
	uint32_t workers;
	uint32_t unbind;
	uint32_t guided;
	uint32_t trace;
	uint32_t has_compat;
	uint32_t has_fail_nth;
	uint64_t ioctl_limit;
	uint32_t job_timeout_ms;
	uint32_t max_delay_ms;
	int32_t rx[FUZZ_MAX_WORKERS];
	int32_t tx[FUZZ_MAX_WORKERS];
	int32_t devnull;
	/* sw_sync's; the workers' are duplicates of these. -1: there is none. */
	int32_t timeline[FUZZ_SHARED_TIMELINES];
	uint32_t timeline_value[FUZZ_SHARED_TIMELINES];
	uint32_t timelines_taken;

	uint32_t stop;
	uint32_t rebinds;
	uint32_t reloads;
	/* Empty while the device is away. */
	char render[FUZZ_NODES][32];
	char card[FUZZ_NODES][32];
	char vgem[32];

	/* What processes tell each other: numbers, global names, pids, magics. */
	uint64_t mm_seq[FUZZ_BOARD];
	uint32_t name[FUZZ_BOARD];
	pid_t pid[FUZZ_BOARD];

	struct fuzz_slot slot[FUZZ_MAX_WORKERS + 1][FUZZ_SLOTS];

	uint64_t ioctls;
	uint64_t calls;
	uint64_t programs;
	uint64_t mutated;
	uint64_t injected;
	uint64_t compat;
	uint64_t episodes;
	uint64_t crashes;
	struct fuzz_stat stat[FUZZ_MAX_KINDS];

	uint32_t pc_count;
	uint32_t edge_count;
	uint64_t pc[FUZZ_PCS];
	uint8_t edge[FUZZ_EDGES / 8];
	uint32_t corpus_count;
	struct fuzz_program corpus[FUZZ_CORPUS];
};

extern struct fuzz_shared *fuzz;

int fuzz_shared_create(void);
void fuzz_shared_attach(int fd);
void fuzz_timelines_open(void);
void fuzz_timelines_close(void);
int fuzz_shared_fd(void);
/* Statistics, and the fuzzer's check of itself; false if it is not worth its name. */
bool fuzz_report(bool check);

#define fuzz_add(member, n)	__atomic_fetch_add(&(member), n, __ATOMIC_RELAXED)
#define fuzz_load(member)	__atomic_load_n(&(member), __ATOMIC_RELAXED)
#define fuzz_store(member, v)	__atomic_store_n(&(member), v, __ATOMIC_RELAXED)

/* ---- objects of a process --------------------------------------------------------------- */

/* Threads share the tables without a lock: a torn entry is one more odd argument. */

struct fuzz_file {
	int fd;			/* -1: free */
	uint16_t generation;
	uint16_t bad;		/* refusals in a row that concern the file as such */
	bool primary;
	bool bound;		/* by this process */
	bool received;
};

/* A handle, context or syncobj of a file lives as long as the file's generation. */
struct fuzz_thing {
	uint32_t id;		/* 0: free */
	uint16_t file;
	uint16_t generation;
	bool armed;		/* syncobj: has a fence; bo: private */
	bool timeline;
	uint64_t size;		/* bo: bytes; syncobj: last point */
};

struct fuzz_fd {
	int fd;			/* -1: free */
	uint64_t size;		/* dmabuf: bytes; timeline: which of the shared ones */
};

struct fuzz_map {
	uint64_t addr;		/* 0: free */
	uint64_t size;
	int prot;
};

#define FUZZ_FILES	8
#define FUZZ_BOS	32
#define FUZZ_CTXS	16
#define FUZZ_SYNCS	24
#define FUZZ_DMABUFS	12
#define FUZZ_SYNCFILES	8
#define FUZZ_TIMELINES	3
#define FUZZ_STALE	16

struct fuzz_objects {
	struct fuzz_file file[FUZZ_FILES];
	struct fuzz_thing bo[FUZZ_BOS];
	struct fuzz_thing ctx[FUZZ_CTXS];
	struct fuzz_thing sync[FUZZ_SYNCS];
	struct fuzz_fd dmabuf[FUZZ_DMABUFS];
	struct fuzz_fd syncfile[FUZZ_SYNCFILES];
	struct fuzz_fd timeline[FUZZ_TIMELINES];
	struct fuzz_map map[FUZZ_MAPS];
	uint64_t mm_seq;	/* our own, if we know it */
	uint32_t stale[FUZZ_STALE];
	uint32_t stale_next;
	pid_t child[FUZZ_CHILDREN];
};

/* ---- a thread that runs programs ----------------------------------------------------------- */

#define FUZZ_SKIPPED	1000

struct fuzz_kcov {
	int fd;
	uint64_t *area;
	bool on;
};

struct fuzz_run {
	struct fuzz_objects *obj;
	struct fuzz_slot *slot;
	const struct fuzz_op *op;
	unsigned int draws;
	unsigned int worker;
	unsigned int index;	/* of the slot */
	unsigned char *scratch;
	size_t scratch_used;
	unsigned char *low;
	int fail_nth;
	bool verbose;
	bool is_child;
	struct fuzz_kcov kcov;
	sigjmp_buf jump;
	volatile sig_atomic_t armed;
	volatile sig_atomic_t injecting;
};

extern __thread struct fuzz_run *fuzz_self;

/* ---- choices --------------------------------------------------------------------------------- */

uint64_t fuzz_mix(uint64_t x);
uint64_t fuzz_mix2(uint64_t a, uint64_t b);
uint64_t fuzz_draw(struct fuzz_run *run);
uint64_t fuzz_below(struct fuzz_run *run, uint64_t n);
/* True n times in a thousand. */
bool fuzz_chance(struct fuzz_run *run, unsigned int n);
/* A number that somebody may have forgotten to think of. */
uint64_t fuzz_odd(struct fuzz_run *run);
/* Changes one field of 4 or 8 bytes. */
void fuzz_mutate(struct fuzz_run *run, void *data, size_t size);

void fuzz_program_new(struct fuzz_program *program, uint64_t seed);
/* From the corpus if that is wanted and there is something in it. */
bool fuzz_program_from_corpus(struct fuzz_program *program, uint64_t seed);
void fuzz_corpus_add(const struct fuzz_program *program);
bool fuzz_corpus_load(const char *path);
bool fuzz_corpus_save(const char *path);
void fuzz_program_print(const struct fuzz_program *program, const char *who);

/* ---- objects ---------------------------------------------------------------------------------- */

void fuzz_objects_init(struct fuzz_objects *obj);
struct fuzz_file *fuzz_file_add(struct fuzz_run *run, int fd, bool primary, bool received);
struct fuzz_file *fuzz_file_pick(struct fuzz_run *run);
struct fuzz_file *fuzz_file_of(struct fuzz_run *run, const struct fuzz_thing *thing);
void fuzz_file_close(struct fuzz_run *run, struct fuzz_file *file);
/* What an ioctl on it said: a file that refuses everything is closed after a while. */
void fuzz_file_judge(struct fuzz_run *run, struct fuzz_file *file, int ret);

enum fuzz_table { FUZZ_BO, FUZZ_CTX, FUZZ_SYNC };

struct fuzz_thing *fuzz_thing_add(struct fuzz_run *run, enum fuzz_table table,
				  struct fuzz_file *file, uint32_t id, uint64_t size);
/* Any living one, or one of this file; NULL if there is none. */
struct fuzz_thing *fuzz_thing_pick(struct fuzz_run *run, enum fuzz_table table,
				   struct fuzz_file *file);
void fuzz_thing_drop(struct fuzz_run *run, struct fuzz_thing *thing);
/* Its id, or once in a while one that is wrong here. */
uint32_t fuzz_id(struct fuzz_run *run, const struct fuzz_thing *thing);

#define fuzz_fd_add(run, table, fd, size) \
	fuzz_fd_add_(run, (run)->obj->table, fuzz_count((run)->obj->table), fd, size)
#define fuzz_fd_pick(run, table) \
	fuzz_fd_pick_(run, (run)->obj->table, fuzz_count((run)->obj->table))
void fuzz_fd_add_(struct fuzz_run *run, struct fuzz_fd *table, size_t count, int fd, uint64_t size);
struct fuzz_fd *fuzz_fd_pick_(struct fuzz_run *run, struct fuzz_fd *table, size_t count);
/* Any object's descriptor, of whatever kind; -1 if there is none. */
int fuzz_any_fd(struct fuzz_run *run);

enum fuzz_fd_kind {
	FUZZ_FD_OTHER, FUZZ_FD_RENDER, FUZZ_FD_CARD, FUZZ_FD_DMABUF, FUZZ_FD_SYNCFILE,
	FUZZ_FD_TIMELINE,
};

int fuzz_any_fd_of(struct fuzz_run *run, enum fuzz_fd_kind *kind);
/* It becomes an object, or is closed if it is of no use. */
void fuzz_adopt_fd(struct fuzz_run *run, int fd, enum fuzz_fd_kind kind);
enum fuzz_fd_kind fuzz_fd_kind_of(int fd);

/* ---- calls ------------------------------------------------------------------------------------- */

/* Memory for this operation that ends where nothing is mapped, or not; NULL if it's too much. */
void *fuzz_alloc(struct fuzz_run *run, size_t size);
/*
 * Does the ioctl, mutated in one way or another once in a while, and copies the results back.
 * Says what the call returned, or -errno.
 */
int fuzz_ioctl(struct fuzz_run *run, int fd, unsigned long request, void *args);
/* The same on a file of ours. */
int fuzz_file_ioctl(struct fuzz_run *run, struct fuzz_file *file, unsigned long request,
		    void *args);
/* Result of any other system call, as the kernel has it. */
int fuzz_sys(struct fuzz_run *run, long ret);
void fuzz_say(struct fuzz_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
int64_t fuzz_now(void);
bool fuzz_compat_probe(void);

/* ---- operations ---------------------------------------------------------------------------------- */

struct fuzz_kind {
	const char *name;
	unsigned int weight;
	/* Returns 0 or more for success, -errno, or FUZZ_SKIPPED. */
	int (*fn)(struct fuzz_run *run);
	/* What the kernel or the machine may lack: such a one may always fail. */
	bool optional;
};

extern struct fuzz_kind fuzz_kind[];
extern unsigned int fuzz_kinds;

void fuzz_kinds_init(void);

#define FUZZ_KIND(name, ...)	\
	int fuzz_do_##name(struct fuzz_run *run)
#include "fuzz_kinds.h"
#undef FUZZ_KIND

/* An address for a job: most times memory, sometimes none. Never what the fuzzer needs. */
uint64_t fuzz_address(struct fuzz_run *run, bool write);
void fuzz_plain_init(void);

/* ---- workers, the supervisor, KCOV ------------------------------------------------------------------- */

/* Both run in a new process and do not return. */
void fuzz_worker(unsigned int worker, unsigned int episode) __attribute__((noreturn));
void fuzz_binder(unsigned int round) __attribute__((noreturn));
void fuzz_after_exec(const char *how) __attribute__((noreturn));
void fuzz_run_programs(struct fuzz_run *run, uint64_t seed, unsigned int first, unsigned int count);
void fuzz_replay(unsigned int worker, unsigned int episode, unsigned int programs)
	__attribute__((noreturn));
void fuzz_replay_file(const char *path) __attribute__((noreturn));

struct fuzz_options {
	unsigned int seconds;
	unsigned int patience;
	unsigned int reload;
};

int fuzz_supervise(const struct fuzz_options *options);
/* Looks for nodes of our driver and tells the workers. */
unsigned int fuzz_find_nodes(void);
void fuzz_find_vgem(void);
bool fuzz_write_file(const char *path, const char *text);
long fuzz_read_number(const char *path);
bool fuzz_baseline_take(void);
bool fuzz_baseline_check(void);
bool fuzz_module_reload(uint64_t seed);

bool fuzz_kcov_open(struct fuzz_kcov *kcov);
void fuzz_kcov_enable(struct fuzz_kcov *kcov);
void fuzz_kcov_begin(struct fuzz_kcov *kcov);
/* How many places it reached that nobody had reached before. */
unsigned int fuzz_kcov_end(struct fuzz_kcov *kcov);

#endif /* FUZZ_H */
