# davit's build. `make` leaves the programs in build/, `make test` proves them, `make demo` shows them.
#   make SAN=address,undefined O=build/asan    the same with sanitizers, in a folder of its own
ifeq ($(origin CC),default)
CC := gcc
endif
O       ?= build
SAN     ?=
PREFIX  ?= /usr/local
VERSION := 0.1.0

WARN    := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wvla -Wwrite-strings -Wformat=2 \
           -Wimplicit-fallthrough -Wno-missing-field-initializers -Werror
OPT     := $(if $(SAN),-O1 -fno-omit-frame-pointer -fsanitize=$(SAN) -fno-sanitize-recover=all,-O2 -D_FORTIFY_SOURCE=2)
CFLAGS  += -std=gnu17 -g $(OPT) -fPIE -fstack-protector-strong -ffunction-sections -fdata-sections $(WARN)
CPPFLAGS += -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Isrc -DDAVIT_VERSION='"$(VERSION)"' -MMD -MP
LDFLAGS += $(if $(SAN),-fsanitize=$(SAN)) -pie -Wl,-z,relro,-z,now -Wl,--gc-sections -Wl,--as-needed

# Guardians have no shared library but libc, which everybody has in memory: each one more costs every container 25 kB.
# Folders that each program is made of (design part 4), and the libraries beside libc.
PROGRAMS := davit davitd davit-shim davit-runtime davit-step
davit_main := cli
davit_parts := cli compose client build store oci base
davit_libs := -ljson-c -lyaml -lm
davitd_main := api
davitd_parts := api engine build network registry store shim runtime oci base
davitd_libs := -ljson-c -lsqlite3 -lcrypto -lssl -lisal -lz -lzstd -lmnl -lseccomp -ldl -lm
davit-shim_main := shim
davit-shim_parts := shim runtime network oci base
davit-shim_libs := -l:libjson-c.a -lm
davit-step_main := build
davit-step_parts := build runtime oci base
davit-step_libs := -l:libjson-c.a -lm
davit-runtime_main := runtime
davit-runtime_parts := runtime oci base
davit-runtime_libs := -l:libjson-c.a -lseccomp -lm

FOLDERS := base oci store registry runtime shim network build engine api client cli compose
SOURCES := $(wildcard $(FOLDERS:%=src/%/*.c))
objects = $(patsubst src/%.c,$(O)/obj/%.o,$(filter-out src/$1/main.c,$(wildcard src/$1/*.c)))

# main.c of a folder is a program's, everything else goes into lib$(folder).a. Programs without a main yet are left out.
READY := $(foreach p,$(PROGRAMS),$(if $(wildcard src/$($(p)_main)/main.c),$p))

all: $(FOLDERS:%=$(O)/lib%.a) $(READY:%=$(O)/%) $(if $(wildcard src/runtime/init/*.c),$(O)/davit-init)

define folder_rule
$(O)/lib$1.a: $(call objects,$1)
	@rm -f $$@
	@$$(if $$^,$$(AR) rcs $$@ $$^,$$(AR) rcs $$@)
endef
$(foreach f,$(FOLDERS),$(eval $(call folder_rule,$f)))

define program_rule
$(O)/$1: $(O)/obj/$($1_main)/main.o $($1_parts:%=$(O)/lib%.a)
	@echo "  LD $$@"
	@$$(CC) $$(LDFLAGS) -o $$@ $$< -Wl,--start-group $($1_parts:%=$(O)/lib%.a) -Wl,--end-group $($1_libs) -pthread
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rule,$p)))

$(O)/obj/%.o: src/%.c
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# The tiny init of --init: static, so that it runs in any image.
$(O)/davit-init: $(wildcard src/runtime/init/*.c)
	@mkdir -p $(@D)
	@echo "  CC $@"
	@$(CC) -std=gnu17 -Os -D_GNU_SOURCE $(WARN) -static -s -o $@ $^

# Unit tests: every tests/unit/**/*.c in one program (tests/unit/suite.h), fuzz targets one program each.
UNIT := $(wildcard tests/unit/*.c tests/unit/*/*.c)
# The tests make xz and bzip2 with libarchive; davitd opens it at run time.
UNIT_LIBS := $(FOLDERS:%=$(O)/lib%.a)
ALL_LIBS := $(davitd_libs) -lyaml
$(O)/unit: $(UNIT:%.c=$(O)/obj/%.o) $(UNIT_LIBS)
	@echo "  LD $@"
	@$(CC) $(LDFLAGS) -o $@ $(UNIT:%.c=$(O)/obj/%.o) -Wl,--start-group $(UNIT_LIBS) -Wl,--end-group $(ALL_LIBS) $(shell pkg-config --libs check) -larchive -pthread
$(O)/obj/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(CC) $(CPPFLAGS) -Itests/unit $(CFLAGS) -c -o $@ $<

# The reference's answers (shared/tables): build/tables DIRECTORY.
$(O)/tables: $(patsubst %.c,$(O)/obj/%.o,$(wildcard tests/tables/*.c)) $(UNIT_LIBS)
	@echo "  LD $@"
	@$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(UNIT_LIBS) -Wl,--end-group $(ALL_LIBS) -pthread

FUZZ := $(patsubst tests/fuzz/%.c,%,$(filter-out tests/fuzz/replay.c,$(wildcard tests/fuzz/*.c)))
fuzz-replay: $(FUZZ:%=$(O)/fuzz/%)
$(O)/fuzz/%: $(O)/obj/tests/fuzz/%.o $(O)/obj/tests/fuzz/replay.o $(UNIT_LIBS)
	@mkdir -p $(@D)
	@echo "  LD $@"
	@$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(UNIT_LIBS) -Wl,--end-group $(ALL_LIBS) -pthread

setup:
	./setup
test:
	./setup
	tests/run
demo:
	./setup
	+$(MAKE) all
	examples/demo
bench: all
	tests/bench/run
lint:
	tests/lint
clean:
	rm -rf build
install: all
	packaging/install "$(DESTDIR)" "$(PREFIX)" "$(O)"

.PHONY: all setup test demo bench lint clean install fuzz-replay
.SECONDARY:
-include $(shell find $(O)/obj -name '*.d' 2>/dev/null)
