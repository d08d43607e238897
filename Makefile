# What people do with this project, each in one command. On Debian and its kin `deps` installs the system
# libraries that are missing; elsewhere it names them.

PREFIX ?= /usr/local
SWIFT ?= swift
RELEASE = -c release --static-swift-stdlib
CONFORMANCE ?= ../shared/conformance
BENCH ?=
SOURCES = Package.swift Sources Tests Examples

.PHONY: demo test lint format release install verify bench fuzz deps ops-page

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

## Feeds mutated files to what reads them, a minute each: make fuzz SECONDS=3600
fuzz: deps
	Scripts/fuzz.sh $(or $(SECONDS),60)

## Writes the page of ops anew.
ops-page:
	$(SWIFT) build --product graft
	"$$($(SWIFT) build --show-bin-path)/graft" ops --markdown > Documentation/Ops.md

## Installs the system libraries that are missing.
deps:
	@Scripts/install-dependencies.sh
