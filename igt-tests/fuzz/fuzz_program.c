// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* Programs: rows of operations, new ones and those of the corpus with something changed. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

#define CORPUS_MAGIC	0x316f7072757a66ull

struct fuzz_kind fuzz_kind[FUZZ_MAX_KINDS];
unsigned int fuzz_kinds;
static unsigned int all_weights;

static void add_kind(const char *name, unsigned int weight, int (*fn)(struct fuzz_run *run),
		     bool optional)
{
	struct fuzz_kind *kind = &fuzz_kind[fuzz_kinds++];

	kind->name = name;
	kind->weight = weight;
	kind->fn = fn;
	kind->optional = optional;
	all_weights += weight;
}

void fuzz_kinds_init(void)
{
#define FUZZ_KIND(name, weight, optional)	add_kind(#name, weight, fuzz_do_##name, optional)
#include "fuzz_kinds.h"
#undef FUZZ_KIND
}

/* Choices of whoever has no operation under way. */
struct stream {
	uint64_t seed;
	unsigned int n;
};

static uint64_t next(struct stream *s)
{
	return fuzz_mix2(s->seed, s->n++);
}

static uint32_t any_kind(struct stream *s)
{
	unsigned int at = next(s) % all_weights, i;

	for (i = 0; at >= fuzz_kind[i].weight; i++)
		at -= fuzz_kind[i].weight;
	return i;
}

static void any_op(struct stream *s, struct fuzz_op *op)
{
	memset(op, 0, sizeof(*op));
	op->kind = any_kind(s);
	op->seed = next(s);
}

void fuzz_program_new(struct fuzz_program *program, uint64_t seed)
{
	struct stream s = { seed };
	unsigned int i;

	program->pad = 0;
	program->count = 4 + next(&s) % (FUZZ_PROGRAM_OPS - 3);
	for (i = 0; i < program->count; i++)
		any_op(&s, &program->op[i]);
	/* The same again and again is what counters and limits want. */
	if (next(&s) % 12 == 0)
		for (i = 1; i < program->count; i++)
			program->op[i].kind = program->op[0].kind;
}

static void copy_entry(struct stream *s, struct fuzz_program *to)
{
	uint32_t count = fuzz_load(fuzz->corpus_count);

	if (count > FUZZ_CORPUS)
		count = FUZZ_CORPUS;
	*to = fuzz->corpus[next(s) % count];
	/* Somebody may be writing there at this moment. */
	if (!to->count || to->count > FUZZ_PROGRAM_OPS)
		to->count = FUZZ_PROGRAM_OPS;
}

static void mutate_program(struct stream *s, struct fuzz_program *program)
{
	unsigned int at = next(s) % program->count, n;
	struct fuzz_op *op = &program->op[at];
	struct fuzz_program other;

	switch (next(s) % 8) {
	case 0:	/* another operation */
		any_op(s, op);
		break;
	case 1:	/* all choices of one operation */
		op->seed = next(s);
		op->fixes = 0;
		break;
	case 2:
	case 3:	/* one choice */
		n = op->fixes < FUZZ_FIXES ? op->fixes++ : next(s) % FUZZ_FIXES;
		op->fix_at[n] = next(s) % 24;
		op->fix_value[n] = next(s);
		break;
	case 4:	/* one more */
		if (program->count == FUZZ_PROGRAM_OPS)
			break;
		memmove(op + 1, op, (program->count - at) * sizeof(*op));
		program->count++;
		any_op(s, op);
		break;
	case 5:	/* one less */
		if (program->count == 1)
			break;
		program->count--;
		memmove(op, op + 1, (program->count - at) * sizeof(*op));
		break;
	case 6:	/* one of them twice */
		program->op[next(s) % program->count] = *op;
		break;
	default: /* the end of another program */
		copy_entry(s, &other);
		for (n = at; n < other.count; n++)
			program->op[n] = other.op[n];
		if (program->count < other.count)
			program->count = other.count;
		break;
	}
}

bool fuzz_program_from_corpus(struct fuzz_program *program, uint64_t seed)
{
	struct stream s = { fuzz_mix2(seed, 1) };
	unsigned int i, n;

	if (!fuzz->guided || !fuzz_load(fuzz->corpus_count) || next(&s) % 10 >= 6)
		return false;
	copy_entry(&s, program);
	n = 1 + next(&s) % 4;
	for (i = 0; i < n; i++)
		mutate_program(&s, program);
	for (i = 0; i < program->count; i++)
		program->op[i].kind %= fuzz_kinds;
	return true;
}

void fuzz_corpus_add(const struct fuzz_program *program)
{
	uint32_t at = fuzz_add(fuzz->corpus_count, 1);

	/* Full: what is replaced is anybody's. */
	if (at >= FUZZ_CORPUS)
		at = fuzz_mix(program->op[0].seed) % FUZZ_CORPUS;
	fuzz->corpus[at] = *program;
}

/* Entries name operations by number, so a file is good for one set of operations only. */
static uint64_t corpus_mark(void)
{
	uint64_t mark = CORPUS_MAGIC ^ sizeof(struct fuzz_program);
	unsigned int i;
	const char *c;

	for (i = 0; i < fuzz_kinds; i++)
		for (c = fuzz_kind[i].name; *c; c++)
			mark = fuzz_mix2(mark, *c);
	return mark;
}

bool fuzz_corpus_load(const char *path)
{
	uint64_t mark = 0;
	ssize_t len = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (read(fd, &mark, sizeof(mark)) == sizeof(mark) && mark == corpus_mark())
		len = read(fd, fuzz->corpus, sizeof(fuzz->corpus));
	close(fd);
	if (len > 0)
		fuzz->corpus_count = len / sizeof(fuzz->corpus[0]);
	return len > 0;
}

bool fuzz_corpus_save(const char *path)
{
	uint32_t count = fuzz->corpus_count < FUZZ_CORPUS ? fuzz->corpus_count : FUZZ_CORPUS;
	size_t size = count * sizeof(fuzz->corpus[0]);
	uint64_t mark = corpus_mark();
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	bool good;

	if (fd < 0)
		return false;
	good = write(fd, &mark, sizeof(mark)) == sizeof(mark) &&
	       write(fd, fuzz->corpus, size) == (ssize_t)size;
	close(fd);
	return good;
}

/* In the form that --program= takes. */
void fuzz_program_print(const struct fuzz_program *program, const char *who)
{
	char line[FUZZ_PROGRAM_OPS * 128 + 64];
	size_t used;
	unsigned int i, n;

	used = snprintf(line, sizeof(line), "program %s", who);
	for (i = 0; i < program->count; i++) {
		const struct fuzz_op *op = &program->op[i];

		used += snprintf(line + used, sizeof(line) - used, " %s:%llx",
				 fuzz_kind[op->kind].name, (unsigned long long)op->seed);
		for (n = 0; n < op->fixes; n++)
			used += snprintf(line + used, sizeof(line) - used, ",%u=%llx", op->fix_at[n],
					 (unsigned long long)op->fix_value[n]);
	}
	line[used++] = '\n';
	/* At once: the machine may be about to stop. */
	if (write(STDOUT_FILENO, line, used) < 0)
		return;
}
