// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <stdio.h>
#include <string.h>

#include "stranger.h"

static void print_head(const struct board *board, pid_t owner, uint64_t owner_mm_seq)
{
	static const char *const names[WHO_COUNT] = { "child", "exec'd", "socket", "socket" };
	static const char *const notes[WHO_COUNT] = { "forked", "program", "got the fd",
						      "owner gone" };
	char number[24];
	int i;

	printf("\nThe file is bound to the owner: process %d, address space %llu. Others try:\n\n",
	       owner, (unsigned long long)owner_mm_seq);
	printf("%-38s", "");
	for (i = 0; i < WHO_COUNT; i++)
		printf("%-12s", names[i]);
	printf("\n%-38s", "");
	for (i = 0; i < WHO_COUNT; i++)
		printf("%-12s", notes[i]);
	printf("\n%-38s", "process");
	for (i = 0; i < WHO_COUNT; i++)
		printf("%-12d", board->columns[i].pid);
	printf("\n%-38s", "address space");
	for (i = 0; i < WHO_COUNT; i++) {
		snprintf(number, sizeof(number), "%llu",
			 (unsigned long long)board->columns[i].mm_seq);
		printf("%-12s", number);
	}
	printf("\n%-38s%-48s%s\n", "--- what was tried", "--- what came back", "--- as promised?");
}

static bool print_row(const struct board *board, unsigned int row)
{
	bool right = true;
	int i, came;

	printf("%-38s", stranger_name(row));
	for (i = 0; i < WHO_COUNT; i++) {
		came = board->columns[i].done ? board->columns[i].came[row] : CAME_NOTHING;
		printf("%-12s", came_text(came));
		right &= board->columns[i].done && stranger_is_right(row, i, came);
	}
	printf("%s\n", right ? "yes" : "NO");
	return right;
}

/* Numbers are never used twice, and everybody is told the owner's. */
static bool numbers_are_right(const struct board *board, uint64_t owner_mm_seq)
{
	const struct column *columns = board->columns;
	bool right = true;
	int i;

	for (i = 0; i < WHO_COUNT; i++) {
		right &= columns[i].owner_mm_seq == owner_mm_seq;
		right &= columns[i].mm_seq && columns[i].mm_seq != owner_mm_seq;
	}
	right &= columns[WHO_CHILD].mm_seq != columns[WHO_EXEC].mm_seq;
	right &= columns[WHO_CHILD].mm_seq != columns[WHO_SOCKET].mm_seq;
	right &= columns[WHO_EXEC].mm_seq != columns[WHO_SOCKET].mm_seq;
	right &= columns[WHO_SOCKET].mm_seq == columns[WHO_AFTER].mm_seq;
	return right;
}

bool table_print(const struct board *board, pid_t owner, uint64_t owner_mm_seq)
{
	bool right = true;
	unsigned int i;

	print_head(board, owner, owner_mm_seq);
	for (i = 0; i < stranger_count(); i++)
		right &= print_row(board, i);
	printf("\nWhat the library tells them:\n");
	for (i = 0; i < WHO_COUNT; i++) {
		printf("  %d: %s\n", board->columns[i].pid, board->columns[i].words);
		right &= board->columns[i].done && strstr(board->columns[i].words, "open the node again");
	}
	if (!numbers_are_right(board, owner_mm_seq)) {
		printf("The numbers are wrong.\n");
		right = false;
	}
	printf("\n");
	fflush(stdout);
	return right;
}
