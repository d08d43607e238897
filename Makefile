# What people do with this project, each in one command. On Debian and its kin `deps` installs the system
# libraries that are missing; elsewhere it names them.

PREFIX ?= /usr/local
SWIFT ?= swift
RELEASE = -c release --static-swift-stdlib
CONFORMANCE ?= ../shared/conformance
BENCH ?=
SOURCES = Package.swift Sources Tests Examples Fuzz

.PHONY: demo test lint format release install verify bench fuzz sanitize soak deps ops-page

## Builds Graft and reads digits with a network of TensorFlow's: frozen, as a SavedModel, with a checkpoint.
demo: deps
	$(SWIFT) build $(RELEASE) --product DigitsDemo
	@"$$($(SWIFT) build $(RELEASE) --show-bin-path)/DigitsDemo" Examples/Digits

## Builds everything and runs the tests.
test: deps
	$(SWIFT) test $(TESTFLAGS)

## Checks the format of all sources that are not generated.
lint:
	@Scripts/swift-sources.sh $(SOURCES) | xargs -0 $(SWIFT) format lint --strict --parallel

## Formats them.
format:
	@Scripts/swift-sources.sh $(SOURCES) | xargs -0 $(SWIFT) format --in-place --parallel

## Builds the command line tool: .build/release/graft.
release: deps
	$(SWIFT) build $(RELEASE) --product graft

## Installs it. It needs neither a Swift toolchain nor this folder, only the system libraries.
install: release
	install -d "$(DESTDIR)$(PREFIX)/bin"
	install -s -m 755 "$$($(SWIFT) build $(RELEASE) --show-bin-path)/graft" "$(DESTDIR)$(PREFIX)/bin/graft"

## Runs recorded cases and compares with what TensorFlow answered: make verify CONFORMANCE=folder
verify: release
	"$$($(SWIFT) build $(RELEASE) --show-bin-path)/graft" verify "$(CONFORMANCE)" --optimize both

## Times a graph: make bench BENCH="model.pb --feeds feeds.npz --fetch Identity:0"
bench: release
	"$$($(SWIFT) build $(RELEASE) --show-bin-path)/graft" bench $(BENCH)

## Feeds mutated files to what reads them, a minute each: make fuzz SECONDS=3600. For a few minutes in all
## GRAFT_FUZZ_CONFIGURATION=debug has the sooner build.
fuzz: deps
	Scripts/fuzz.sh $(or $(SECONDS),60)

## Runs the tests under the Address and the Thread Sanitizer, each in a build of its own: nightly, not in CI.
sanitize: deps
	ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=0 \
		$(SWIFT) test --scratch-path .build-address --sanitize address $(TESTFLAGS)
	TSAN_OPTIONS=allocator_may_return_null=1:suppressions=$(CURDIR)/Scripts/thread-sanitizer.txt \
		$(SWIFT) test --scratch-path .build-thread --sanitize thread $(TESTFLAGS)

## Lets runs, saves, restores and cancellations overlap, and looks at values and memory: make soak SECONDS=600
soak: deps
	$(SWIFT) build -c release --product Soak
	"$$($(SWIFT) build -c release --show-bin-path)/Soak" $(or $(SECONDS),600)

## Writes the page of ops anew.
ops-page:
	$(SWIFT) build --product graft
	"$$($(SWIFT) build --show-bin-path)/graft" ops --markdown > Documentation/Ops.md

## Installs the system libraries that are missing.
deps:
	@Scripts/install-dependencies.sh
