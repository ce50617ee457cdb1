// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* Choices: numbers from seeds, odd numbers, and fields that are changed. */

#include <string.h>

#include "fuzz.h"

/* A bijection that spreads every bit, so that seeds may be counters. */
uint64_t fuzz_mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93ull;
	x = (x ^ (x >> 29)) * 0xa0761d6478bd642full;
	return x ^ (x >> 32);
}

uint64_t fuzz_mix2(uint64_t a, uint64_t b)
{
	return fuzz_mix(fuzz_mix(a) ^ (b * 0xe7037ed1a0b428dbull));
}

/* By number, so that one choice can be fixed and the others stay as they are. */
uint64_t fuzz_draw(struct fuzz_run *run)
{
	unsigned int n = run->draws++;
	unsigned int i;

	for (i = 0; i < run->op->fixes; i++)
		if (run->op->fix_at[i] == n)
			return run->op->fix_value[i];
	return fuzz_mix(run->op->seed + n);
}

uint64_t fuzz_below(struct fuzz_run *run, uint64_t n)
{
	return n ? fuzz_draw(run) % n : 0;
}

bool fuzz_chance(struct fuzz_run *run, unsigned int n)
{
	return fuzz_below(run, 1000) < n;
}

/* Borders of types, of pages, and of what the driver says that it takes, and their neighbours. */
uint64_t fuzz_odd(struct fuzz_run *run)
{
	static const uint64_t border[] = {
		0, 1, 2, 4, 8, 16, 64, 128, 256, 1024, 4096, 8192, 65536, 1ull << 20, 1ull << 21,
		1ull << 30, 1ull << 31, 1ull << 32, 1ull << 40, 1ull << 47, 1ull << 62, 1ull << 63,
		~0u, ~0ull, INT64_MAX, FUZZ_TASK_SIZE, 0xffff800000000000ull, 0xffffffff81000000ull,
	};
	uint64_t value = border[fuzz_below(run, fuzz_count(border))];

	switch (fuzz_below(run, 8)) {
	case 0:
		return value + 1;
	case 1:
		return value - 1;
	case 2:
		return -value;
	case 3:
		return value + fuzz_below(run, 4096);
	case 4:
		return fuzz_draw(run) >> fuzz_below(run, 64);
	default:
		return value;
	}
}

static uint64_t mutate_value(struct fuzz_run *run, uint64_t value)
{
	switch (fuzz_below(run, 8)) {
	case 0:
	case 1:
		return value ^ 1ull << fuzz_below(run, 64);
	case 2:
		return value + 1;
	case 3:
		return value - 1;
	case 4:
		return run->obj->stale[fuzz_below(run, FUZZ_STALE)];
	case 5:
		return fuzz_below(run, 40);
	default:
		return fuzz_odd(run);
	}
}

void fuzz_mutate(struct fuzz_run *run, void *data, size_t size)
{
	unsigned char *at = data;

	if (size >= 8 && fuzz_chance(run, 400)) {
		uint64_t value;

		at += fuzz_below(run, size / 8) * 8;
		memcpy(&value, at, 8);
		value = mutate_value(run, value);
		memcpy(at, &value, 8);
	} else if (size >= 4) {
		uint32_t value;

		at += fuzz_below(run, size / 4) * 4;
		memcpy(&value, at, 4);
		value = mutate_value(run, value);
		/* Bits of the upper half would be lost */
		if (fuzz_chance(run, 300))
			value ^= 1u << fuzz_below(run, 32);
		memcpy(at, &value, 4);
	}
}
