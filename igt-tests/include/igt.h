/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef MMGPU_IGT_H
#define MMGPU_IGT_H

/*
 * The part of libigt that our tests use. Debian packages the library without its
 * headers, so this declares it again; the text is ours, the names and the calling
 * order are the library's. Inside an IGT tree this file is not copied, and the tests
 * find IGT's own igt.h by the same #include line.
 *
 * One binary runs with libigt 1.27.1, 2.0 and 2.5, so only what is the same in all of
 * them is declared: no igt_ioctl (it became thread-local; call drmIoctl() of libdrm),
 * no DRIVER_ANY (its value changed), no struct igt_device_card (it grew), no
 * igt_kmod_unload (it lost an argument), no igt_sysfs_set_* and no kselftest helpers.
 *
 * The block macros are written as calls, igt_main() and igt_fixture(), as in today's
 * IGT. For a tree of the time before, "make overlay" takes the parentheses away.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __cplusplus
#error "libigt is C"
#endif

#define IGT_EXIT_SUCCESS	0
#define IGT_EXIT_SKIP		77
#define IGT_EXIT_INVALID	79
#define IGT_EXIT_FAILURE	98
#define IGT_EXIT_ABORT		112

#ifndef IGT_LOG_DOMAIN
#define IGT_LOG_DOMAIN		NULL
#endif

/* A name that is unique on its line, for the hidden variables of the blocks. */
#define igt_tokencat_(a, b)	a##b
#define igt_tokencat(a, b)	igt_tokencat_(a, b)
#define igt_unique(prefix)	igt_tokencat(igt_hidden_##prefix##_, __LINE__)

/* What --help-description prints; one per binary. */
#define IGT_TEST_DESCRIPTION(text)	const char *__igt_test_description = (text)
extern const char *__igt_test_description __attribute__((weak));

/* ---- program, fixtures, subtests ------------------------------------------- */

struct option;
typedef int (*igt_opt_handler_t)(int opt, int opt_index, void *data);

int igt_subtest_init_parse_opts(int *argc, char **argv, const char *short_opts,
				const struct option *long_opts, const char *help,
				igt_opt_handler_t handler, void *data);
void igt_simple_init_parse_opts(int *argc, char **argv, const char *short_opts,
				const struct option *long_opts, const char *help,
				igt_opt_handler_t handler, void *data);
void igt_exit(void) __attribute__((noreturn));

bool igt_only_list_subtests(void);
const char *igt_subtest_name(void);

/*
 * The library leaves a block by siglongjmp() to these, so what a fixture writes and a
 * subtest reads must live at file scope.
 */
extern jmp_buf igt_subtest_jmpbuf;
extern jmp_buf igt_dynamic_jmpbuf;

bool __igt_fixture(void);
void __igt_fixture_complete(void);
bool __igt_run_subtest(const char *name, const char *file, const int line);
bool __igt_enter_dynamic_container(void);
bool __igt_run_dynamic_subtest(const char *name);
void __igt_subtest_group_save(int *skip, int *desc);
void __igt_subtest_group_restore(int skip, int desc);
void igt_success(void);

#define igt_program_(init, short_opts, long_opts, help, handler, data)		\
	main(int argc, char **argv);						\
	static void igt_unique(body)(void);					\
	int main(int argc, char **argv)						\
	{									\
		init(&argc, argv, short_opts, long_opts, help, handler, data);	\
		igt_unique(body)();						\
		igt_exit();							\
	}									\
	static void igt_unique(body)(void)

/* "int igt_main() { ... }" is a program of subtests, igt_simple_main() one without. */
#define igt_main_args(...)	igt_program_(igt_subtest_init_parse_opts, __VA_ARGS__)
#define igt_main()		igt_main_args(NULL, NULL, NULL, NULL, NULL)
#define igt_simple_main_args(...) igt_program_(igt_simple_init_parse_opts, __VA_ARGS__)
#define igt_simple_main()	igt_simple_main_args(NULL, NULL, NULL, NULL, NULL)

/* Set-up or clean-up around subtests; not run when they are only listed. */
#define igt_fixture()								\
	for (volatile int igt_unique(once) = 0;					\
	     !igt_unique(once) && __igt_fixture() &&				\
	     sigsetjmp(igt_subtest_jmpbuf, 1) == 0;				\
	     igt_unique(once) = 1, __igt_fixture_complete())

#define igt_subtest(name)							\
	for (; __igt_run_subtest((name), __FILE__, __LINE__) &&			\
	       sigsetjmp(igt_subtest_jmpbuf, 1) == 0; igt_success())

/* The format is expanded before the library sees the name. */
#define igt_named_(buf, ...)							\
	(snprintf(buf, sizeof(buf), __VA_ARGS__) < (int)sizeof(buf))

#define igt_subtest_f_(buf, ...)						\
	for (char buf[256]; igt_named_(buf, __VA_ARGS__) &&			\
	     __igt_run_subtest(buf, __FILE__, __LINE__) &&			\
	     sigsetjmp(igt_subtest_jmpbuf, 1) == 0; igt_success())
#define igt_subtest_f(...)	igt_subtest_f_(igt_unique(name), __VA_ARGS__)

/* A subtest whose verdict is that of the igt_dynamic() blocks in it. */
#define igt_subtest_with_dynamic(name)						\
	for (; __igt_run_subtest((name), __FILE__, __LINE__) &&			\
	       __igt_enter_dynamic_container() &&				\
	       sigsetjmp(igt_subtest_jmpbuf, 1) == 0; igt_success())

#define igt_dynamic(name)							\
	for (; __igt_run_dynamic_subtest((name)) &&				\
	       sigsetjmp(igt_dynamic_jmpbuf, 1) == 0; igt_success())

#define igt_dynamic_f_(buf, ...)						\
	for (char buf[256]; igt_named_(buf, __VA_ARGS__) &&			\
	     __igt_run_dynamic_subtest(buf) &&					\
	     sigsetjmp(igt_dynamic_jmpbuf, 1) == 0; igt_success())
#define igt_dynamic_f(...)	igt_dynamic_f_(igt_unique(name), __VA_ARGS__)

/* A failed or skipping fixture in a group ends only that group. */
#define igt_subtest_group()							\
	for (int igt_unique(once) = 0, igt_unique(skip) = 0,			\
	     igt_unique(desc) = 0; !igt_unique(once) &&				\
	     (__igt_subtest_group_save(&igt_unique(skip), &igt_unique(desc)), true); \
	     igt_unique(once) = 1,						\
	     __igt_subtest_group_restore(igt_unique(skip), igt_unique(desc)))

/* Describes the subtest or group that follows. */
void igt_describe_f(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define igt_describe(text)	igt_describe_f("%s", text)

/* ---- verdicts --------------------------------------------------------------- */

void igt_skip(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void __igt_skip_check(const char *file, const int line, const char *func,
		      const char *check, const char *format, ...)
	__attribute__((noreturn, format(printf, 5, 6)));
void igt_fail(int exitcode) __attribute__((noreturn));
void __igt_fail_assert(const char *domain, const char *file, const int line,
		       const char *func, const char *assertion,
		       const char *format, ...)
	__attribute__((noreturn, format(printf, 6, 7)));
void __igt_abort(const char *domain, const char *file, const int line,
		 const char *func, const char *expression, const char *format, ...)
	__attribute__((noreturn, format(printf, 6, 7)));

#define igt_failed_(text, ...)							\
	__igt_fail_assert(IGT_LOG_DOMAIN, __FILE__, __LINE__, __func__, text, __VA_ARGS__)

#define igt_assert(expr)							\
	do {									\
		if (!(expr))							\
			igt_failed_(#expr, NULL);				\
	} while (0)
#define igt_assert_f(expr, ...)							\
	do {									\
		if (!(expr))							\
			igt_failed_(#expr, __VA_ARGS__);			\
	} while (0)
#define igt_fail_on(expr)	igt_assert(!(expr))

/* Compare as "type" and tell both values, converted to "wide" for "fmt". */
#define igt_compare_(type, wide, fmt, a, op, b)					\
	do {									\
		type igt_a_ = (a), igt_b_ = (b);				\
										\
		if (!(igt_a_ op igt_b_))					\
			igt_failed_(#a " " #op " " #b,				\
				    "error: not " fmt " " #op " " fmt "\n",	\
				    (wide)igt_a_, (wide)igt_b_);		\
	} while (0)

#define igt_compare_int_(a, op, b)  igt_compare_(int, int, "%d", a, op, b)
#define igt_compare_u32_(a, op, b)  igt_compare_(uint32_t, unsigned int, "%#x", a, op, b)
#define igt_compare_s64_(a, op, b)  igt_compare_(int64_t, long long, "%lld", a, op, b)
#define igt_compare_u64_(a, op, b)						\
	igt_compare_(uint64_t, unsigned long long, "%#llx", a, op, b)

#define igt_assert_eq(a, b)		igt_compare_int_(a, ==, b)
#define igt_assert_neq(a, b)		igt_compare_int_(a, !=, b)
#define igt_assert_lt(a, b)		igt_compare_int_(a, <, b)
#define igt_assert_lte(a, b)		igt_compare_int_(a, <=, b)
#define igt_assert_eq_u32(a, b)		igt_compare_u32_(a, ==, b)
#define igt_assert_neq_u32(a, b)	igt_compare_u32_(a, !=, b)
#define igt_assert_eq_s64(a, b)		igt_compare_s64_(a, ==, b)
#define igt_assert_lt_s64(a, b)		igt_compare_s64_(a, <, b)
#define igt_assert_lte_s64(a, b)	igt_compare_s64_(a, <=, b)
#define igt_assert_eq_u64(a, b)		igt_compare_u64_(a, ==, b)
#define igt_assert_neq_u64(a, b)	igt_compare_u64_(a, !=, b)
#define igt_assert_lt_u64(a, b)		igt_compare_u64_(a, <, b)
#define igt_assert_lte_u64(a, b)	igt_compare_u64_(a, <=, b)
#define igt_assert_fd(fd)							\
	igt_assert_f((fd) >= 0, "no file descriptor: " #fd "\n")

#define igt_skipped_(text, ...)							\
	__igt_skip_check(__FILE__, __LINE__, __func__, text, __VA_ARGS__)

#define igt_require(expr)							\
	do {									\
		if (!(expr))							\
			igt_skipped_(#expr, NULL);				\
	} while (0)
#define igt_require_f(expr, ...)						\
	do {									\
		if (!(expr))							\
			igt_skipped_(#expr, __VA_ARGS__);			\
	} while (0)
#define igt_skip_on(expr)							\
	do {									\
		if (expr)							\
			igt_skipped_("!(" #expr ")", NULL);			\
	} while (0)
#define igt_skip_on_f(expr, ...)						\
	do {									\
		if (expr)							\
			igt_skipped_("!(" #expr ")", __VA_ARGS__);		\
	} while (0)
#define igt_abort_on_f(expr, ...)						\
	do {									\
		if (expr)							\
			__igt_abort(IGT_LOG_DOMAIN, __FILE__, __LINE__,		\
				    __func__, #expr, __VA_ARGS__);		\
	} while (0)

/* ---- log --------------------------------------------------------------------- */

enum igt_log_level {
	IGT_LOG_DEBUG,
	IGT_LOG_INFO,
	IGT_LOG_WARN,
	IGT_LOG_CRITICAL,
	IGT_LOG_NONE,
};

void igt_log(const char *domain, enum igt_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define igt_debug(...)		igt_log(IGT_LOG_DOMAIN, IGT_LOG_DEBUG, __VA_ARGS__)
#define igt_info(...)		igt_log(IGT_LOG_DOMAIN, IGT_LOG_INFO, __VA_ARGS__)
#define igt_warn(...)		igt_log(IGT_LOG_DOMAIN, IGT_LOG_WARN, __VA_ARGS__)
#define igt_critical(...)	igt_log(IGT_LOG_DOMAIN, IGT_LOG_CRITICAL, __VA_ARGS__)

/* ---- processes --------------------------------------------------------------- */

bool __igt_fork(void);
void igt_waitchildren(void);
void igt_waitchildren_timeout(int seconds, const char *reason);

/*
 * A child may assert, and its failure becomes ours in igt_waitchildren(), which waits
 * for all of them. It must not skip.
 */
#define igt_fork(child, count)							\
	for (int child = 0; child < (count); child++)				\
		for (; __igt_fork(); exit(0))

typedef void (*igt_exit_handler_t)(int sig);
void igt_install_exit_handler(igt_exit_handler_t handler);

/* Fails the test when it is not reset in time. */
void igt_set_timeout(unsigned int seconds, const char *op);
void igt_reset_timeout(void);

#endif /* MMGPU_IGT_H */
