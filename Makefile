# openarpf: one Makefile, no recursion. `make help` lists the targets.

MAKEFLAGS += -j$(shell nproc)
SANITIZE  ?=
ifneq ($(filter fuzz,$(MAKECMDGOALS)),)
SANITIZE := fuzzer-no-link,address,undefined
CC       := clang
endif
comma    := ,
BUILD    := build$(if $(SANITIZE),-$(subst $(comma),-,$(SANITIZE)))
# These install what is missing before they build; a plain `make` leaves the machine alone.
DEPS     := $(if $(filter up demo bench chaos fuzz test test-%,$(MAKECMDGOALS)),deps)
CC       ?= gcc
PKGS     := libmicrohttpd gnutls jansson libcbor libpq libcurl libcrypto p11-kit-1

# Asked for at their first use, which is after deps.
PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS   = $(eval PKG_LIBS := $(shell pkg-config --libs $(filter-out p11-kit-1,$(PKGS))))$(PKG_LIBS)

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
            -Wswitch-enum -Wvla -Wno-missing-field-initializers
ifdef CI
WARNINGS += -Werror
endif
OPTIMISE := $(if $(SANITIZE),-O1 -g -fno-omit-frame-pointer -fsanitize=$(SANITIZE),\
            -O2 -g -D_FORTIFY_SOURCE=3 -fstack-protector-strong)
CFLAGS   += -std=gnu2x -fPIE $(OPTIMISE) $(WARNINGS)
CPPFLAGS += -I. -D_GNU_SOURCE $(PKG_CFLAGS)
LDFLAGS  += -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(if $(SANITIZE),-fsanitize=$(SANITIZE))
LDLIBS   += $(PKG_LIBS) -lev -linih -lpthread -ldl

# Everything but the programs' main files goes into one archive; a program takes what it names.
MAINS    := server/arpfd.c hsm/keyd/arpf-keyd.c admin-cli/arpfctl.c loadtest/arpfload.c
SOURCES  := $(filter-out $(MAINS),$(wildcard $(addsuffix /*.c,base crypto pki hsm hsm/keyd db peers \
            procedures server admin-cli device loadtest)))
OBJECTS  := $(SOURCES:%.c=$(BUILD)/%.o)
PROGRAMS := $(foreach m,$(wildcard $(MAINS)),$(BUILD)/bin/$(basename $(notdir $(m))))
LIBRARY  := $(BUILD)/libarpf.a

all: $(PROGRAMS) ## build the programs into build/bin (SANITIZE=address,undefined or thread: into a folder of its own)

# The SQL of migrations/ goes into the programs as C text.
OBJECTS += $(BUILD)/db/migrations_data.o
$(BUILD)/db/migrations_data.c: db/embed.sh $(sort $(wildcard migrations/*.sql))
	@mkdir -p $(@D)
	sh $^ >$@
$(BUILD)/db/migrations_data.o: $(BUILD)/db/migrations_data.c | $(DEPS)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

# Commands are shown in short; in full with V=1.
Q   := $(if $(V),,@)
say  = $(if $(V),,@printf '  %-4s %s\n' $(1) $(patsubst $(CURDIR)/%,%,$@))

$(LIBRARY): $(OBJECTS)
	@rm -f $@ && ar rcsP $@ $^

$(BUILD)/%.o: %.c Makefile | $(DEPS)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

define program
$(BUILD)/bin/$(basename $(notdir $(1))): $(BUILD)/$(1:.c=.o) $(LIBRARY)
	@mkdir -p $$(@D)
	$$(call say,LINK)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS)
endef
$(foreach m,$(wildcard $(MAINS)),$(eval $(call program,$(m))))

# Each test_*.c is one program on the check library; the other files beside them are what they share.
UNIT_TESTS        := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/test_*.c))
INTEGRATION_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/integration/test_*.c))
helpers_of         = $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(1)/test_%,$(wildcard $(1)/*.c)))
$(BUILD)/tests/unit/helpers.a: $(call helpers_of,tests/unit)
	@mkdir -p $(@D) && rm -f $@ && ar rcsP $@ $^
$(BUILD)/tests/integration/helpers.a: $(call helpers_of,tests/integration)
	@mkdir -p $(@D) && rm -f $@ && ar rcsP $@ $^
$(BUILD)/tests/unit/%: tests/unit/%.c $(BUILD)/tests/unit/helpers.a $(LIBRARY)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $(filter-out %.h,$^) \
		-lcheck -lm -lrt -lsubunit $(LDLIBS)
# Among the unit tests' helpers are false lanes by the names of the real ones: here the library comes first.
$(BUILD)/tests/integration/%: tests/integration/%.c $(BUILD)/tests/integration/helpers.a \
		$(LIBRARY) $(BUILD)/tests/unit/helpers.a
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $(filter-out %.h,$^) $(LIBRARY) \
		-lcheck -lm -lrt -lsubunit $(LDLIBS)

# A harness is linked with libFuzzer for `make fuzz`, and with replay.c, over its corpus, for the tests.
FUZZ_REPLAYS := $(patsubst tests/fuzz/fuzz_%.c,$(BUILD)/tests/fuzz/replay_%,$(wildcard tests/fuzz/fuzz_*.c))
$(BUILD)/tests/fuzz/replay_%: tests/fuzz/fuzz_%.c tests/fuzz/replay.c $(LIBRARY)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(BUILD)/tests/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(LIBRARY)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)

SECONDS ?= 60
fuzz: $(BUILD)/tests/fuzz/fuzz_$(T) ## libFuzzer on one parser: make fuzz T=cose SECONDS=60
	@mkdir -p var/fuzz/$(T)
	$< -max_total_time=$(SECONDS) -artifact_prefix=var/fuzz/$(T)- var/fuzz/$(T) tests/fuzz/corpus/$(T)

lint: ## the house rules: forbidden calls, include directions, headers that do not stand alone, ...
	@CC='$(CC)' tests/lint.sh

test: all $(UNIT_TESTS) $(FUZZ_REPLAYS) $(INTEGRATION_TESTS) ## every test CI runs; the last line says what passed
	@BUILD=$(BUILD) tests/run.sh lint unit fuzz integration e2e chaos

test-unit: $(UNIT_TESTS) $(FUZZ_REPLAYS) ## the unit tests and the fuzzers' corpora
	@BUILD=$(BUILD) tests/run.sh unit fuzz

test-integration: all $(INTEGRATION_TESTS) ## the tests that bring a database or a token
	@BUILD=$(BUILD) tests/run.sh integration

test-e2e: all ## the independent client against the whole server
	@BUILD=$(BUILD) tests/run.sh e2e

chaos: all ## workers, servers and databases killed under load, in the long form
	@BUILD=$(BUILD) CHAOS=long tests/run.sh chaos

deps: ## install what is missing with apt-get
	@deploy/embedded/deps.sh $(if $(filter fuzz,$(MAKECMDGOALS)),clang libclang-rt-dev) \
		$(if $(filter test test-e2e,$(MAKECMDGOALS)),freeradius freeradius-rest eapoltest)

up: all ## start the embedded deployment and leave it running (ARPF_PORT: its port, 8480; TLS=1: with mutual TLS)
	@ARPF_BUILD=$(BUILD) ARPF_TLS=$(TLS) deploy/embedded/up.sh

down: ## stop the embedded deployment; its data stays
	@deploy/embedded/down.sh

demo: all ## devices attach step by step, then a fleet, in a deployment of its own
	@ARPF_BUILD=$(BUILD) deploy/embedded/demo.sh

$(BUILD)/tests/bench/floors: $(wildcard tests/bench/*.c) $(LIBRARY) tests/bench/floors.h
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(filter-out %.h,$^) $(LDLIBS)

bench: all $(BUILD)/tests/bench/floors ## the figures of docs/performance.md, beside their floors (BENCH="--devices N ...")
	@ARPF_BUILD=$(BUILD) tests/bench/bench.sh $(BUILD)/tests/bench/floors $(BENCH)

PREFIX ?= /usr/local
UNITS  := $(notdir $(wildcard deploy/systemd/*))
MAN        := $(BUILD)/man/arpfctl.1
COMPLETION := $(BUILD)/completion/arpfctl
$(MAN): $(BUILD)/bin/arpfctl
	@mkdir -p $(@D)
	ARPF_CONFIG= $< manual >$@
$(COMPLETION): $(BUILD)/bin/arpfctl
	@mkdir -p $(@D)
	ARPF_CONFIG= $< completion bash >$@

man: $(MAN) $(COMPLETION) ## arpfctl's manual page and its completion for bash, made by itself

install: all man ## into $(DESTDIR)$(PREFIX), with the systemd units, the manual and the completion
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/systemd/system \
		$(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 644 $(MAN) $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 $(COMPLETION) $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	for unit in $(UNITS); do sed 's|@PREFIX@|$(PREFIX)|' deploy/systemd/$$unit \
		>$(DESTDIR)$(PREFIX)/lib/systemd/system/$$unit || exit 1; done

clean: ## remove what was built and the embedded deployments with their data
	@for world in var/*/ var/test/*/*/*/; do \
		[ ! -e "$$world/lock" ] || ARPF_WORLD="$$world" deploy/embedded/down.sh --purge || exit 1; done
	rm -rf build build-* var compile_commands.json

help: ## this list
	@awk -F':.*## ' '/^[a-zA-Z0-9_-]+:.*## /{printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: all man fuzz lint test test-unit test-integration test-e2e chaos deps up down demo bench install clean help
.DELETE_ON_ERROR:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
