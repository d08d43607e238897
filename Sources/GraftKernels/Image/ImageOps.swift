/// Images as TensorFlow's groups of ops name it: resizing, cropping, choosing boxes, colors.
package enum ImageOps {
  /// Every op of the family.
  package static let all: [OpDefinition] = [
    ResizeBilinearOps.all, ResizeNearestNeighborOps.all, ResizeBicubicOps.all, ResizeAreaOps.all,
    ScaleAndTranslateOps.all, CropAndResizeOps.all, NonMaxSuppressionOps.all,
    CombinedNonMaxSuppressionOps.all,
    SampleDistortedBoundingBoxOps.all, ColorSpaceOps.all, AdjustColorOps.all, AdjustContrastOps.all,
    DrawBoundingBoxOps.all,
    ExtractGlimpseOps.all, ProjectiveTransformOps.all, DecodeImageOps.all, EncodeImageOps.all,
  ].flatMap { $0 }
}
