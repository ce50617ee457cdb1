# SPDX-License-Identifier: MIT
#
# Nothing is done here, everything is delegated: modules to scripts/kernel, the
# library and the tests to their own Makefiles, the rest to scripts. A person
# and CI use the same targets. Products go to build/, downloads to
# ~/.cache/mmgpu. Only install and load touch the machine's own kernel.

O := $(CURDIR)/build
KERNEL ?=
TEST ?=
KDIR ?=
KSRC ?=
IGT ?=
IMAGE ?=
FULL ?=
ARGS ?=

all: module lib tests ## The module for the newest installed headers (or KDIR=DIR), library, tools, tests

help: ## This list
	@echo 'mmgpu: a render node of pure software whose contexts can be bound to an address space'
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | \
		while IFS='|' read -r t d; do printf '  make %-13s %s\n' "$$t" "$$d"; done
	@echo
	@echo 'Kernels: 6.1, 6.12, 7.2 (stock Debian), debug and kcsan (6.12 that checks'
	@echo 'itself, built on first use: 5 to 15 minutes).'
	@echo 'Start with make demo; make check is the whole test.'

deps:
	@scripts/deps build

module: ## Only the module: KDIR=DIR for other headers than the newest installed
	@scripts/deps build
	@scripts/kernel host '$(KDIR)'

lib: deps ## Only the library with its tools
	@$(MAKE) --no-print-directory -C libdrm-ext O=$(O)/lib

tests: lib ## Only the IGT tests
	@$(MAKE) --no-print-directory -C igt-tests O=$(O)/igt LIBDRM_MMGPU=$(O)/lib

all-kernels: ## The module for 6.1, 6.12 and 7.2, W=1 and without a warning
	@scripts/check modules

upstream: ## The driver inside a Linux 7.2 source tree: KSRC=DIR, or a cached one
	@scripts/upstream '$(KSRC)'

demo: ## The picture job in a VM, and who may not touch it: IMAGE=any.png
	@scripts/demo '$(IMAGE)'

check: ## All checks on all kernels; the short loop: KERNEL=6.12 TEST='mmgpu_bind'
	@scripts/check $(if $(KERNEL)$(TEST),tests '$(KERNEL)' '$(TEST)',all)

check-debug: ## All tests on kernels that check themselves: KASAN, lockdep, KCSAN and more; FULL=1 for hours
	@scripts/check-debug '$(FULL)' '$(TEST)'

coverage: ## Which lines of the driver the tests run: TEST='mmgpu_bind*'
	@scripts/coverage '$(TEST)'

bench: ## What a submission and a revocation cost, and the speed of CPU addresses: KERNEL=6.12
	@scripts/bench $(KERNEL)

lint: ## Only the static checks
	@scripts/lint

shell: ## A VM to try things in, mmgpu loaded: KERNEL=6.12 ARGS='engines=4'
	@scripts/vm -i -k '$(or $(KERNEL),6.12)' -a '$(ARGS)'

igt-overlay: ## Copy the tests into an IGT source tree: IGT=DIR
	@$(MAKE) --no-print-directory -C igt-tests overlay IGT='$(IGT)'

install: all ## Install module, library and header on this machine (DESTDIR=, PREFIX=)
	@scripts/install all '$(KDIR)'

load: ## Load the module built for the running kernel: ARGS='engines=4'
	@scripts/install load '$(ARGS)'

clean: ## Remove build/ (the cache of kernels stays)
	rm -rf $(O)

.PHONY: all help deps module lib tests all-kernels upstream demo check check-debug coverage bench lint shell \
	igt-overlay install load clean
