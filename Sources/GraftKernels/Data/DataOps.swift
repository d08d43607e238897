/// `tf.data`: datasets, iterators over them, and what takes all of their elements at once.
package enum DataOps {
  package static let all: [OpDefinition] =
    SourceDatasets.all + MappingDatasets.all + BatchDatasets.all + OrderDatasets.all + IteratorOps.all
    + SelectingDatasets.all + GroupingDatasets.all + WholeDatasetOps.all
}
