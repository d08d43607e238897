// swift-tools-version: 6.2
import PackageDescription

/// Whether this is a dependency of another package, by a version: such ones may not have flags.
let isDependency = ["/checkouts/", "/registry/downloads/"].contains { Context.packageDirectory.contains($0) }

/// Flags for the compiler that no setting stands for.
///
/// A type like `[Tensor]` is made by code, not looked up by its name when it is first met: for that the runtime goes
/// over all conformances of the program, which took a small network's start longer than all else that it needs.
///
/// Warnings are errors where the environment asks for it, as CI does.
let flags =
  ["-Xfrontend", "-disable-concrete-type-metadata-mangled-name-accessors"]
  + (Context.environment["GRAFT_WARNINGS_AS_ERRORS"] == nil ? [] : ["-warnings-as-errors"])

/// Build settings that every Swift target shares.
let swiftSettings: [SwiftSetting] =
  [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("MemberImportVisibility"),
  ] + (isDependency ? [] : [.unsafeFlags(flags)])

/// The fuzzer's program has no entry point of its own, and is built only where it is asked for (`make fuzz`).
let fuzzer: [Target] =
  Context.environment["GRAFT_FUZZ"] == nil
  ? []
  : [
    .systemLibrary(name: "CFuzzer", path: "Fuzz/CFuzzer"),
    .executableTarget(
      name: "GraftFuzz", dependencies: ["CFuzzer", "FuzzTargets"], path: "Fuzz/GraftFuzz",
      swiftSettings: swiftSettings + [.unsafeFlags(["-parse-as-library"])]),
  ]

let package = Package(
  name: "graft",
  products: [
    .library(name: "Graft", targets: ["Graft"]),
    .executable(name: "graft", targets: ["GraftCommand"]),
  ],
  traits: [
    .default(enabledTraits: ["Images", "RE2", "Zstandard"]),
    .trait(
      name: "Images",
      description: "Pictures as feeds and in graphs, through libpng, libjpeg-turbo and libwebp."),
    .trait(name: "RE2", description: "Regular expressions in graphs, through RE2 (libre2-dev)."),
    .trait(
      name: "Zstandard", description: "Strings compressed with Zstandard, through libzstd (libzstd-dev)."),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
  ],
  targets: [
    // System libraries and C shims.
    .target(name: "CPNG", linkerSettings: [.linkedLibrary("png16")]),
    .target(name: "CJPEG", linkerSettings: [.linkedLibrary("jpeg")]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(name: "CWebP", pkgConfig: "libwebpdemux", providers: [.apt(["libwebp-dev"])]),
    .target(name: "CRE2", linkerSettings: [.linkedLibrary("re2")]),
    .target(name: "CGraftVector"),
    .target(name: "CGraftThreads"),
    .target(name: "CGraftChecksum"),
    .target(name: "CGraftMapping"),

    // The parts, from the bottom up: a target imports only what stands above it.
    .target(
      name: "GraftTensor",
      dependencies: [
        "CZlib", "CGraftChecksum", "CGraftMapping", "CGraftThreads",
        .target(name: "CZstd", condition: .when(traits: ["Zstandard"])),
      ],
      swiftSettings: swiftSettings),
    .target(
      name: "GraftPictures",
      dependencies: [
        "GraftTensor",
        .target(name: "CPNG", condition: .when(traits: ["Images"])),
        .target(name: "CJPEG", condition: .when(traits: ["Images"])),
        .target(name: "CWebP", condition: .when(traits: ["Images"])),
      ],
      swiftSettings: swiftSettings),
    .target(
      name: "GraftProto",
      dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
      swiftSettings: swiftSettings),
    .target(
      name: "GraftGraph",
      dependencies: [
        "GraftTensor", "GraftProto", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      swiftSettings: swiftSettings),
    .target(
      name: "GraftCheckpoint",
      dependencies: [
        "GraftTensor", "GraftProto", "CGraftChecksum",
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      swiftSettings: swiftSettings),
    .target(
      name: "GraftKernels",
      dependencies: [
        "GraftTensor", "GraftPictures", "GraftGraph", "GraftCheckpoint", "CGraftVector", "CGraftThreads",
        .target(name: "CRE2", condition: .when(traits: ["RE2"])),
      ],
      swiftSettings: swiftSettings),
    .target(
      name: "GraftRuntime",
      dependencies: [
        "GraftTensor", "GraftProto", "GraftGraph", "GraftCheckpoint", "GraftKernels", "CGraftThreads",
        "CGraftVector",
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      swiftSettings: swiftSettings),
    .target(name: "Graft", dependencies: ["GraftRuntime", "GraftCheckpoint"], swiftSettings: swiftSettings),
    .executableTarget(
      name: "GraftCommand",
      dependencies: [
        "Graft", "GraftTensor", "GraftGraph", "GraftCheckpoint", "GraftKernels", "GraftRuntime",
        "GraftPictures", "CGraftMapping",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: swiftSettings),
    .executableTarget(
      name: "DigitsDemo", dependencies: ["Graft", "GraftPictures"], path: "Examples/Digits/Demo",
      swiftSettings: swiftSettings),
    .executableTarget(
      name: "RestoreBenchmark", dependencies: ["Graft", "GraftCheckpoint", "GraftTensor"],
      path: "Scripts/RestoreBenchmark", swiftSettings: swiftSettings),
    .target(
      name: "FuzzTargets",
      dependencies: [
        "Graft", "GraftCheckpoint", "GraftGraph", "GraftKernels", "GraftProto", "GraftTensor", "CZlib",
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      path: "Fuzz/FuzzTargets", swiftSettings: swiftSettings),
    .executableTarget(
      name: "Soak", dependencies: ["Graft"], path: "Scripts/Soak", swiftSettings: swiftSettings),
    .testTarget(
      name: "GraftRuntimeTests",
      dependencies: [
        "GraftRuntime", "GraftKernels", "GraftTensor", "GraftGraph", "GraftCheckpoint", "CGraftVector",
      ],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "GraftGraphTests",
      dependencies: [
        "GraftGraph", "GraftProto", "GraftTensor", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "GraftCheckpointTests",
      dependencies: [
        "GraftCheckpoint", "GraftProto", "GraftTensor", "CGraftChecksum",
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      swiftSettings: swiftSettings),
    .testTarget(name: "GraftTensorTests", dependencies: ["GraftTensor"], swiftSettings: swiftSettings),
    .testTarget(
      name: "GraftKernelsTests", dependencies: ["GraftKernels", "GraftTensor", "GraftGraph"],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "GraftPicturesTests", dependencies: ["GraftPictures", "GraftTensor"],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "GraftCommandTests",
      dependencies: [
        "GraftCommand", "Graft", "GraftTensor", "GraftGraph", "GraftRuntime", "GraftPictures", "GraftProto",
      ],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "FuzzTargetsTests", dependencies: ["FuzzTargets", "GraftTensor"], swiftSettings: swiftSettings),
  ] + fuzzer
)
