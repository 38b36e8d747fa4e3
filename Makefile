# attrib: a PostgreSQL extension, built with PGXS.
#
#   make && sudo make install          build, and install into the PostgreSQL that PG_CONFIG names
#   make demo | psql | test | bench    work from a bare Debian; they use a private cluster of their own
#
# OPTFLAGS is for machine-specific flags. It is empty because -march=native builds die with SIGILL when
# they are packaged on one processor and run on another.

EXTENSION = attrib
MODULE_big = attrib
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c) $(wildcard src/core/*.c)))
DATA = $(sort $(wildcard sql/attrib--*.sql))
# Install scripts and regression inputs share sql/; "--" in the name tells them apart.
REGRESS = $(filter-out attrib--%,$(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql))))
# Each regression file gets a database of its own, so that any of them runs alone.
REGRESS_OPTS = --launcher=tools/fresh_database

OPTFLAGS ?=
# Same input, same digits: no contraction into fused multiply-adds, whatever the processor offers.
PG_CFLAGS = -O3 -std=gnu11 -ffp-contract=off -fno-semantic-interposition $(OPTFLAGS)
# -MMD -MP: PGXS tracks no headers unless the server was configured to.
PG_CPPFLAGS = -Isrc -Isrc/core -MMD -MP
# Calls between our own files need no detour through the linkage table.
SHLIB_LINK = -Wl,-Bsymbolic-functions -lgsl -lgslcblas -lm
EXTRA_CLEAN = $(OBJS:.o=.d) build results regression.diffs regression.out

# No bitcode: it needs clang, and none of these functions is small enough to be worth inlining into a
# query. `make with_llvm=yes` builds it all the same.
ifneq ($(origin with_llvm),command line)
override with_llvm := no
endif

PG_CONFIG ?= pg_config
PYTHON ?= /usr/bin/python3
USERS ?= 1000000
export PG_CONFIG PYTHON USERS

all:

# ---------------------------------------------------------------------------------------------------
# Targets that install what they need, so that they also work before PGXS is there. The second make
# sees what the first step installed.
# ---------------------------------------------------------------------------------------------------
.PHONY: demo psql test unit docs bench bench-bayes bench-dbt lint format

AGAIN = $(MAKE) --no-print-directory -j$(shell nproc)

demo:
	@tools/packages run dbt
	@$(AGAIN) -s all
	@tools/with_cluster --keep demo demo/run

psql:
	@tools/packages run
	@$(AGAIN) -s all
	@tools/with_cluster --keep demo demo/run --shell

test:
	@tools/packages run test dbt
	@$(AGAIN) -s all
	@tools/with_cluster test/run unit regress pgtap python docs dbt

unit:
	@tools/packages unit
	@test/run unit

docs:
	@tools/packages run test
	@$(AGAIN) -s all
	@tools/with_cluster test/run docs

bench:
	@tools/packages run test
	@$(AGAIN) -s all
	@tools/with_cluster $(PYTHON) bench/run
	@tools/with_cluster $(PYTHON) bench/evidence
	@tools/with_cluster $(PYTHON) bench/calibration
	@tools/with_cluster $(PYTHON) bench/geo_panel

# Against PyMC-Marketing, which it installs under build/: several hundred megabytes.
bench-bayes:
	@tools/packages run test
	@$(AGAIN) -s all
	@tools/with_cluster $(PYTHON) bench/bayes

bench-dbt:
	@tools/packages run test dbt
	@$(AGAIN) -s all
	@tools/with_cluster $(PYTHON) bench/dbt

lint:
	@tools/packages run lint
	@$(AGAIN) lint-sources

format:
	@tools/packages lint
	clang-format -i $(C_FILES)

# ---------------------------------------------------------------------------------------------------
# Unit programs: test/unit/test_*.c with src/core alone, under the sanitizers
# ---------------------------------------------------------------------------------------------------
UNIT_CFLAGS = -std=gnu11 -g -O1 -Wall -Wextra -ffp-contract=off -fno-omit-frame-pointer \
	-fsanitize=address,undefined -fno-sanitize-recover=undefined -Isrc -Isrc/core -Itest/unit -MMD -MP
UNIT_PROGRAMS = $(patsubst test/unit/%.c,build/unit/%,$(sort $(wildcard test/unit/test_*.c)))
UNIT_CORE = $(patsubst src/core/%.c,build/unit/core/%.o,$(sort $(wildcard src/core/*.c)))

.PHONY: unit-programs lint-sources
unit-programs: $(UNIT_PROGRAMS)

$(UNIT_PROGRAMS): build/unit/%: build/unit/%.o $(UNIT_CORE)
	$(CC) $(UNIT_CFLAGS) -o $@ $^ -lgsl -lgslcblas -lm

build/unit/core/%.o: src/core/%.c
	@mkdir -p $(@D)
	$(CC) $(UNIT_CFLAGS) -c -o $@ $<

build/unit/test_%.o: test/unit/test_%.c
	@mkdir -p $(@D)
	$(CC) $(UNIT_CFLAGS) -c -o $@ $<

.SECONDARY: $(UNIT_PROGRAMS:=.o) $(UNIT_CORE)
-include $(UNIT_PROGRAMS:=.d) $(UNIT_CORE:.o=.d)

# ---------------------------------------------------------------------------------------------------
# Lint: format, static analysis, and a build in which every warning is an error
# ---------------------------------------------------------------------------------------------------
C_FILES = $(sort $(wildcard src/*.[ch] src/core/*.[ch] test/unit/*.[ch]))
SHELL_SCRIPTS = $(shell grep -lE '^\#!/bin/bash' .ci/run tools/* test/run test/*/run test/dbt/environment bench/run demo/run demo/marts 2>/dev/null)
LINT_CFLAGS = -std=gnu11 -O2 -ffp-contract=off -Wall -Wextra -Werror -Isrc -Isrc/core

lint-sources:
	clang-format --dry-run -Werror $(C_FILES)
	cppcheck --quiet --error-exitcode=1 --std=c11 --language=c --inline-suppr \
		--enable=warning,performance,portability --suppress=missingIncludeSystem \
		--suppress=unknownMacro -Isrc -Isrc/core src
	for f in $(OBJS:.o=.c); do \
		$(CC) $(LINT_CFLAGS) -isystem $(shell $(PG_CONFIG) --includedir-server) -fPIC -c -o /dev/null $$f || exit 1; \
	done
	for f in $(SHELL_SCRIPTS); do bash -n $$f || exit 1; done

# ---------------------------------------------------------------------------------------------------
# PGXS
# ---------------------------------------------------------------------------------------------------
PGXS := $(wildcard $(shell $(PG_CONFIG) --pgxs 2>/dev/null))

ifneq ($(PGXS),)
include $(PGXS)
-include $(OBJS:.o=.d)

# Objects built for one server do not load into another: build/server is written anew when PG_CONFIG leads elsewhere.
BUILT_FOR := $(shell mkdir -p build && $(PG_CONFIG) --version --includedir-server >build/server.new && \
	{ cmp -s build/server.new build/server || cp build/server.new build/server; } && rm -f build/server.new)
$(OBJS): build/server
build/server:
else
.PHONY: all install installcheck uninstall clean
all install installcheck uninstall:
	@echo "attrib: '$(PG_CONFIG)' leads to no PGXS, PostgreSQL's build files for extensions." >&2
	@echo "  Debian or Ubuntu:  sudo apt-get install gcc make libgsl-dev postgresql-server-dev-all" >&2
	@echo "  elsewhere:         make PG_CONFIG=/path/to/the/server's/bin/pg_config" >&2
	@echo "  or let it be done: make demo, make test (they install what is missing)" >&2
	@exit 1
clean:
	rm -rf $(OBJS) $(EXTRA_CLEAN) attrib.so
endif
