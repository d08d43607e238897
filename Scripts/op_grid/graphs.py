"""Graphs of several ops: what holds state, and what takes part in control flow.

Each function builds a graph with `tf.raw_ops` and returns what to fetch, once for each dtype of its decorator.
"""

import dataclasses

import tensorflow as tf
from tensorflow.python.data.ops import dataset_ops

tf1, raw = tf.compat.v1, tf.raw_ops
CASES = []
_ALL = (tf.float32, tf.int64, tf.string, tf.bool, tf.bfloat16)
_SOME = (tf.float32, tf.int32, tf.float64)


@dataclasses.dataclass(frozen=True)
class Case:
    """A graph to run."""

    op: str
    build: object
    dtype: tf.DType
    note: str = "graph"
    shaped: bool = True

    def graph(self, graph):
        """The graph, what to feed, and what to fetch."""
        fetched = self.build(self.dtype)
        return graph.as_graph_def(), {}, [one.name for one in fetched]


def over(*types):
    def add(function):
        CASES.extend(Case(function.__name__, function, dtype) for dtype in types)
        return function
    return add


def values(dtype, *shape):
    """Small different values of a dtype, fed."""
    size = int(tf.TensorShape(shape).num_elements())
    if dtype == tf.string:
        array = [b"v%d" % index for index in range(size)]
    else:
        array = [index % 2 == 0 if dtype == tf.bool else index + 1 for index in range(size)]
    return tf.reshape(tf.constant(array, dtype), shape)


def after(*first):
    return tf1.control_dependencies([one.op if isinstance(one, tf.Tensor) else one for one in first])


@over(*_ALL)
def lists(dtype):
    empty = raw.EmptyTensorList(element_shape=[2], max_num_elements=-1, element_dtype=dtype)
    one = raw.TensorListPushBack(input_handle=empty, tensor=values(dtype, 2))
    two = raw.TensorListPushBack(input_handle=one, tensor=values(dtype, 2))
    rest, last = raw.TensorListPopBack(input_handle=two, element_shape=[2], element_dtype=dtype)
    both = raw.TensorListConcatLists(input_a=two, input_b=rest, element_dtype=dtype)
    return [raw.TensorListStack(input_handle=both, element_shape=[2], element_dtype=dtype, num_elements=-1), last,
            raw.TensorListLength(input_handle=two), raw.TensorListElementShape(input_handle=two, shape_type=tf.int64)]


@over(*_ALL)
def lists_by_index(dtype):
    made = raw.TensorListReserve(element_shape=[-1, 2], num_elements=3, element_dtype=dtype)
    for index in range(3):
        made = raw.TensorListSetItem(input_handle=made, index=index, item=values(dtype, index + 1, 2))
    item = raw.TensorListGetItem(input_handle=made, index=2, element_shape=[-1, 2], element_dtype=dtype)
    whole, lengths = raw.TensorListConcatV2(
        input_handle=made, element_shape=[-1, 2], leading_dims=tf.constant([], tf.int64), element_dtype=dtype)
    whole1, _ = raw.TensorListConcat(input_handle=made, element_dtype=dtype, element_shape=[None, 2])
    longer = raw.TensorListResize(input_handle=made, size=5)
    return [item, whole, lengths, whole1, raw.TensorListLength(input_handle=longer)]


@over(*_ALL)
def lists_of_tensors(dtype):
    made = raw.TensorListFromTensor(tensor=values(dtype, 3, 2), element_shape=[2])
    scattered = raw.TensorListScatter(tensor=values(dtype, 2, 2), indices=[2, 0], element_shape=[2])
    scattered2 = raw.TensorListScatterV2(
        tensor=values(dtype, 2, 2), indices=[1, 0], element_shape=[2], num_elements=4)
    into = raw.TensorListScatterIntoExistingList(input_handle=made, tensor=values(dtype, 1, 2), indices=[2])
    split = raw.TensorListSplit(
        tensor=values(dtype, 5, 2), element_shape=[-1, 2], lengths=tf.constant([2, 3], tf.int64))
    batch = raw.TensorListPushBackBatch(
        input_handles=tf.stack([made, into]), tensor=values(dtype, 2, 2))
    gather = lambda handle, places: raw.TensorListGather(  # noqa: E731
        input_handle=handle, indices=places, element_shape=[2], element_dtype=dtype)
    return [gather(scattered, [0, 2]), gather(scattered2, [1, 0]), gather(into, [2, 0, 1]),
            raw.TensorListGetItem(input_handle=split, index=1, element_shape=[3, 2], element_dtype=dtype),
            raw.TensorListStack(input_handle=batch[1], element_shape=[2], element_dtype=dtype)]


@over(tf.float32, tf.int32, tf.float64, tf.complex64)
def lists_add_up(dtype):
    a = raw.TensorListFromTensor(tensor=values(dtype, 3, 2), element_shape=[2])
    total = raw.AddN(inputs=[a, a, raw.ZerosLike(x=a)])
    return [raw.TensorListStack(input_handle=total, element_shape=[2], element_dtype=dtype)]


@over(*_ALL)
def maps(dtype):
    key = tf.constant(b"k") if dtype == tf.string else tf.constant(3)
    empty = raw.EmptyTensorMap()
    one = raw.TensorMapInsert(input_handle=empty, key=key, value=values(dtype, 2))
    gone = raw.TensorMapErase(input_handle=one, key=key, value_dtype=dtype)
    return [raw.TensorMapLookup(input_handle=one, key=key, value_dtype=dtype), raw.TensorMapSize(input_handle=gone),
            raw.TensorMapHasKey(input_handle=one, key=key), raw.TensorMapSize(input_handle=one),
            raw.TensorMapStackKeys(input_handle=one, key_dtype=key.dtype)]


@over(*_ALL)
def arrays(dtype):
    handle, flow = raw.TensorArrayV3(size=3, dtype=dtype, element_shape=[2], clear_after_read=False)
    for index in range(3):
        flow = raw.TensorArrayWriteV3(handle=handle, index=index, value=values(dtype, 2), flow_in=flow)
    read = raw.TensorArrayReadV3(handle=handle, index=1, flow_in=flow, dtype=dtype)
    gathered = raw.TensorArrayGatherV3(handle=handle, indices=[2, 0], flow_in=flow, dtype=dtype, element_shape=[2])
    whole, lengths = raw.TensorArrayConcatV3(handle=handle, flow_in=flow, dtype=dtype)
    return [read, gathered, whole, lengths, raw.TensorArraySizeV3(handle=handle, flow_in=flow)]


@over(*_ALL)
def arrays_from_tensors(dtype):
    handle, flow = raw.TensorArrayV3(size=2, dtype=dtype, name="a", dynamic_size=True)
    flow = raw.TensorArrayScatterV3(handle=handle, indices=[1, 3], value=values(dtype, 2, 2), flow_in=flow)
    other, second = raw.TensorArrayV3(size=2, dtype=dtype, name="b")
    second = raw.TensorArraySplitV3(
        handle=other, value=values(dtype, 5, 2), lengths=tf.constant([1, 4], tf.int64), flow_in=second)
    read = raw.TensorArrayReadV3(handle=handle, index=3, flow_in=flow, dtype=dtype)
    tail = raw.TensorArrayReadV3(handle=other, index=1, flow_in=second, dtype=dtype)
    with after(read, tail):
        closed = [raw.TensorArrayCloseV3(handle=handle), raw.TensorArrayCloseV3(handle=other)]
    with after(*closed):
        return [tf.identity(read), tf.identity(tail)]


@over(*_SOME)
def gradients_of_arrays(dtype):
    handle, flow = raw.TensorArrayV3(size=2, dtype=dtype, name="g")
    flow = raw.TensorArrayScatterV3(handle=handle, indices=[0, 1], value=values(dtype, 2, 2), flow_in=flow)
    gradient, into = raw.TensorArrayGradV3(handle=handle, flow_in=flow, source="gradients")
    for _ in range(2):
        into = raw.TensorArrayWriteV3(handle=gradient, index=1, value=values(dtype, 2), flow_in=into)
    shaped, flow2 = raw.TensorArrayGradWithShape(
        handle=handle, flow_in=flow, shape_to_prepend=[3], source="shaped")
    flow2 = raw.TensorArrayWriteV3(handle=shaped, index=0, value=values(dtype, 3, 2), flow_in=flow2)
    return [raw.TensorArrayGatherV3(handle=gradient, indices=[0, 1], flow_in=into, dtype=dtype),
            raw.TensorArrayReadV3(handle=shaped, index=0, flow_in=flow2, dtype=dtype)]


@over(*_ALL)
def queues(dtype):
    queue = raw.FIFOQueueV2(component_types=[dtype, tf.int32], shapes=[[2], []], capacity=10)
    put = raw.QueueEnqueueV2(handle=queue, components=[values(dtype, 2), 7])
    with after(put):
        many = raw.QueueEnqueueManyV2(handle=queue, components=[values(dtype, 3, 2), [4, 5, 6]])
    with after(many):
        size = raw.QueueSizeV2(handle=queue)
    with after(size):
        first = raw.QueueDequeueV2(handle=queue, component_types=[dtype, tf.int32])
    with after(first[0]):
        two = raw.QueueDequeueManyV2(handle=queue, n=2, component_types=[dtype, tf.int32])
    with after(two[0]):
        closed = raw.QueueCloseV2(handle=queue)
    with after(closed):
        rest = raw.QueueDequeueUpToV2(handle=queue, n=5, component_types=[dtype, tf.int32])
        shut = raw.QueueIsClosedV2(handle=queue)
    return [size, *first, *two, *rest, shut]


@over(*_ALL)
def reference_queues(dtype):
    queue = raw.FIFOQueue(component_types=[dtype], shapes=[[2]], capacity=4)
    many = raw.QueueEnqueueMany(handle=queue, components=[values(dtype, 3, 2)])
    with after(many):
        put = raw.QueueEnqueue(handle=queue, components=[values(dtype, 2)])
    with after(put):
        size = raw.QueueSize(handle=queue)
    with after(size):
        one = raw.QueueDequeue(handle=queue, component_types=[dtype])
    with after(one[0]):
        two = raw.QueueDequeueMany(handle=queue, n=2, component_types=[dtype])
    with after(two[0]):
        shut = raw.QueueClose(handle=queue, cancel_pending_enqueues=True)
    with after(shut):
        rest = raw.QueueDequeueUpTo(handle=queue, n=3, component_types=[dtype])
        closed = raw.QueueIsClosed(handle=queue)
    return [size, *one, *two, *rest, closed]


@over(*_ALL)
def padding_queues(dtype):
    queue = raw.PaddingFIFOQueueV2(component_types=[dtype], shapes=[[None]], capacity=4)
    first = raw.QueueEnqueueV2(handle=queue, components=[values(dtype, 1)])
    with after(first):
        second = raw.QueueEnqueueV2(handle=queue, components=[values(dtype, 3)])
    with after(second):
        return raw.QueueDequeueManyV2(handle=queue, n=2, component_types=[dtype])


@over(*_ALL)
def priorities(dtype):
    queue = raw.PriorityQueueV2(component_types=[dtype], shapes=[[2]], capacity=5)
    put = raw.QueueEnqueueManyV2(
        handle=queue, components=[tf.constant([3, 1, 2], tf.int64), values(dtype, 3, 2)])
    with after(put):
        return raw.QueueDequeueManyV2(handle=queue, n=3, component_types=[tf.int64, dtype])


@over(*_ALL)
def stacks(dtype):
    stack = raw.StackV2(max_size=4, elem_type=dtype)
    one = raw.StackPushV2(handle=stack, elem=values(dtype, 2))
    with after(one):
        two = raw.StackPushV2(handle=stack, elem=values(dtype, 3))
    with after(two):
        top = raw.StackPopV2(handle=stack, elem_type=dtype)
    with after(top):
        below = raw.StackPopV2(handle=stack, elem_type=dtype)
    with after(below):
        raw.StackCloseV2(handle=stack)
    return [top, below, one]


@over(*_ALL)
def staging(dtype):
    store = dict(dtypes=[dtype], capacity=3, shared_name="staged")
    put = raw.Stage(values=[values(dtype, 2)], capacity=3, shared_name="staged")
    with after(put):
        size, peek = raw.StageSize(**store), raw.StagePeek(index=0, **store)
    with after(size, peek[0]):
        return [size, *peek, *raw.Unstage(**store)]


@over(*_ALL)
def staging_by_key(dtype):
    key = tf.constant(4, tf.int64)
    types = dict(dtypes=[dtype, tf.int32], shared_name="kept")
    put = raw.MapStage(key=key, indices=[0, 1], values=[values(dtype, 2), 5], **types)
    with after(put):
        size = raw.MapSize(**types)
        peek = raw.MapPeek(key=key, indices=[0], dtypes=[dtype], shared_name="kept")
    ordered = raw.OrderedMapStage(
        key=key, indices=[0], values=[values(dtype, 2)], dtypes=[dtype], shared_name="ordered")
    with after(ordered):
        smallest = raw.OrderedMapUnstageNoKey(indices=[0], dtypes=[dtype], shared_name="ordered")
    return [size, *peek, smallest.key, *smallest.values]


@over(tf.int64, tf.float32)
def tables(dtype):
    table = raw.HashTableV2(key_dtype=tf.string, value_dtype=dtype)
    fill = raw.LookupTableImportV2(table_handle=table, keys=["a", "b"], values=values(dtype, 2))
    with after(fill):
        found = raw.LookupTableFindV2(table_handle=table, keys=["b", "?", "a"], default_value=tf.constant(-1, dtype))
        size = raw.LookupTableSizeV2(table_handle=table)
    return [found, size]


@over(tf.int64, tf.int32, tf.float32, tf.string)
def growing_tables(dtype):
    key = tf.int64 if dtype in (tf.int64, tf.string, tf.float32) else tf.string
    keys = tf.constant([3, 4, 5], tf.int64) if key == tf.int64 else tf.constant(["x", "y", "z"])
    default = tf.constant("none") if dtype == tf.string else tf.constant(-1, dtype)
    table = raw.MutableHashTableV2(key_dtype=key, value_dtype=dtype)
    put = raw.LookupTableInsertV2(table_handle=table, keys=keys, values=values(dtype, 3))
    with after(put):
        removed = raw.LookupTableRemoveV2(table_handle=table, keys=keys[1:2])
    with after(removed):
        found = raw.LookupTableFindV2(table_handle=table, keys=keys, default_value=default)
        size = raw.LookupTableSizeV2(table_handle=table)
    return [found, size]


@over(tf.int64, tf.float32, tf.float64)
def tables_of_rows(dtype):
    rows = raw.MutableHashTableOfTensorsV2(key_dtype=tf.int64, value_dtype=dtype, value_shape=[2])
    dense = raw.MutableDenseHashTableV2(
        empty_key=tf.constant(-1, tf.int64), deleted_key=tf.constant(-2, tf.int64), value_dtype=dtype,
        value_shape=[2], initial_num_buckets=4)
    fetches = []
    for table in (rows, dense):
        put = raw.LookupTableInsertV2(
            table_handle=table, keys=tf.constant([3, 9], tf.int64), values=values(dtype, 2, 2))
        with after(put):
            fetches.append(raw.LookupTableFindV2(
                table_handle=table, keys=tf.constant([9, 1, 3], tf.int64), default_value=values(dtype, 2)))
            exported = raw.LookupTableExportV2(table_handle=table, Tkeys=tf.int64, Tvalues=dtype)
        fetches.append(raw.Sum(input=exported[1], axis=0))
    return fetches


@over(*_ALL)
def branches(dtype):
    fed = tf1.placeholder_with_default(True, [])
    no, yes = raw.Switch(data=values(dtype, 2), pred=fed)
    merged = raw.Merge(inputs=[tf.identity(no), tf.tile(yes, [2])])
    return [merged[0], merged[1]]


@over(*_SOME)
def loops(dtype):
    before = tf1.control_flow_v2_enabled()
    tf1.disable_control_flow_v2()
    try:
        return list(tf1.while_loop(lambda i, x: i < 5, lambda i, x: (i + 1, x * 2), (0, values(dtype, 2))))
    finally:
        if before:
            tf1.enable_control_flow_v2()


@over(*_SOME)
def functional(dtype):
    @tf.function
    def twice(x):
        return x * 2

    @tf.function
    def once(x):
        return x + 1

    signature = tf.TensorSpec([2], dtype)
    then, other = twice.get_concrete_function(signature), once.get_concrete_function(signature)
    for function in (then, other):
        function.add_to_graph()
    x, test = values(dtype, 2), tf1.placeholder_with_default(True, [])
    less = tf.function(lambda x: tf.reduce_all(x < 100)).get_concrete_function(signature)
    less.add_to_graph()
    chosen = dict(input=[x], Tout=[dtype])
    return [
        *raw.If(cond=test, then_branch=then, else_branch=other, **chosen),
        *raw.StatelessIf(cond=test, then_branch=other, else_branch=then, **chosen),
        *raw.Case(branch_index=5, branches=[then, other], **chosen),
        *raw.StatelessCase(branch_index=0, branches=[then, other], **chosen),
        *raw.While(input=[x], cond=less, body=then), *raw.StatelessWhile(input=[x], cond=less, body=then),
        *raw.PartitionedCall(args=[x], f=then, Tout=[dtype]),
        *raw.StatefulPartitionedCall(args=[x], f=other, Tout=[dtype]),
    ]


@over(*_SOME)
def reference_flow(dtype):
    first = raw.VariableV2(shape=[2], dtype=dtype)
    second = raw.VariableV2(shape=[2], dtype=dtype)
    assigned = [raw.Assign(ref=first, value=values(dtype, 2)), raw.Assign(ref=second, value=values(dtype, 2) * 3)]
    with after(*assigned):
        picked = raw.RefSelect(index=1, inputs=[first, second])
        same = raw.RefIdentity(input=first)
        no, yes = raw.RefSwitch(data=first, pred=tf1.placeholder_with_default(False, []))
        known = raw.IsVariableInitialized(ref=first)
    merged = raw.RefMerge(inputs=[no, yes])
    return [tf.identity(picked), tf.identity(same), tf.identity(merged[0]), merged[1], known]


@over(*_SOME)
def temporary_variables(dtype):
    variable = raw.TemporaryVariable(shape=[2], dtype=dtype, var_name="temporary")
    assigned = raw.Assign(ref=variable, value=values(dtype, 2))
    added = raw.AssignAdd(ref=assigned, value=values(dtype, 2))
    return [raw.DestroyTemporaryVariable(ref=added, var_name="temporary")]


@over(*_ALL)
def resource_variables(dtype):
    handle = raw.VarHandleOp(dtype=dtype, shape=[2], shared_name="v")
    before = raw.VarIsInitializedOp(resource=handle)
    with after(before):
        assigned = raw.AssignVariableOp(resource=handle, value=values(dtype, 2))
    with after(assigned):
        read = raw.ReadVariableOp(resource=handle, dtype=dtype)
        shape = raw.VariableShape(input=handle, out_type=tf.int64)
        gathered = raw.ResourceGather(resource=handle, indices=[1, 0], dtype=dtype)
    with after(read, shape, gathered):
        gone = raw.DestroyResourceOp(resource=handle)
    with after(gone):
        last = raw.VarIsInitializedOp(resource=handle)
    return [before, read, shape, gathered, last]


@over(tf.float32, tf.float64, tf.int32, tf.int64, tf.float16)
def accumulators(dtype):
    handle = raw.ConditionalAccumulator(dtype=dtype, shape=[2])
    step = tf.constant(0, tf.int64)
    one = raw.AccumulatorApplyGradient(handle=handle, local_step=step, gradient=values(dtype, 2))
    with after(one):
        two = raw.AccumulatorApplyGradient(handle=handle, local_step=step, gradient=values(dtype, 2) * 3)
    with after(two):
        count = raw.AccumulatorNumAccumulated(handle=handle)
    with after(count):
        return [count, raw.AccumulatorTakeGradient(handle=handle, num_required=2, dtype=dtype)]


@over(*_ALL)
def barriers(dtype):
    handle = raw.Barrier(component_types=[dtype, tf.int32], shapes=[[], []])
    keys = tf.constant(["k", "l"])
    one = raw.BarrierInsertMany(handle=handle, keys=keys, values=values(dtype, 2), component_index=0)
    two = raw.BarrierInsertMany(handle=handle, keys=keys, values=[5, 6], component_index=1)
    with after(one, two):
        ready = raw.BarrierReadySize(handle=handle)
    with after(ready):
        taken = raw.BarrierTakeMany(handle=handle, num_elements=2, component_types=[dtype, tf.int32])
    return [ready, taken.indices, taken.keys, *taken.values]


@over(*_ALL)
def datasets(dtype):
    made = raw.TensorSliceDataset(components=[values(dtype, 5, 2)], output_shapes=[[2]])
    shaped = dict(output_types=[dtype], output_shapes=[[2]])
    made = raw.SkipDataset(input_dataset=made, count=tf.constant(1, tf.int64), **shaped)
    made = raw.TakeDataset(input_dataset=made, count=tf.constant(3, tf.int64), **shaped)
    made = raw.RepeatDataset(input_dataset=made, count=tf.constant(2, tf.int64), **shaped)
    made = raw.BatchDatasetV2(
        input_dataset=made, batch_size=tf.constant(4, tf.int64), drop_remainder=False, output_types=[dtype],
        output_shapes=[[None, 2]])
    iterator = raw.IteratorV2(shared_name="", container="", output_types=[dtype], output_shapes=[[None, 2]])
    ready = raw.MakeIterator(dataset=made, iterator=iterator)
    with after(ready):
        first = raw.IteratorGetNext(iterator=iterator, output_types=[dtype], output_shapes=[[None, 2]])
    with after(first[0]):
        second = raw.IteratorGetNext(iterator=iterator, output_types=[dtype], output_shapes=[[None, 2]])
    return [*first, *second]


@over(tf.int64)
def counted_datasets(dtype):
    number = lambda value: tf.constant(value, tf.int64)  # noqa: E731
    shaped = dict(output_types=[dtype], output_shapes=[[]])
    made = raw.RangeDataset(start=number(0), stop=number(10), step=number(2), **shaped)
    made = raw.ConcatenateDataset(
        input_dataset=made, another_dataset=raw.RangeDataset(
            start=number(5), stop=number(1), step=number(-2), **shaped), **shaped)
    made = raw.CacheDataset(input_dataset=made, filename="", **shaped)
    made = raw.PrefetchDataset(input_dataset=made, buffer_size=number(2), **shaped)
    made = raw.ShardDataset(input_dataset=made, num_shards=number(2), index=number(1), **shaped)

    @tf.function
    def add(state, x):
        return state + x

    step = add.get_concrete_function(tf.TensorSpec([], dtype), tf.TensorSpec([], dtype))
    step.add_to_graph()
    return raw.ReduceDataset(input_dataset=made, initial_state=[number(100)], other_arguments=[], f=step, **shaped)


def whole(dataset):
    """All elements of a dataset."""
    return tf.nest.flatten(dataset.batch(100).get_single_element())


@over(tf.int64)
def chosen_datasets(dtype):
    base, ten = tf.data.Dataset.range(12), tf.data.Dataset.range(10, 14)
    choices = tf.data.Dataset.from_tensor_slices(tf.constant([0, 1, 1, 0, 0, 0, 1, 0, 1, 1, 1], dtype))
    short = tf.data.Dataset.range(3)
    fraction = base.map(lambda x: tf.debugging.check_numerics(1 / (tf.cast(x, tf.float32) - 4), "zero"))
    shaped = dict(output_types=[dtype], output_shapes=[[]])
    seeded = dict(seed=tf.constant(3, tf.int64), seed2=tf.constant(7, tf.int64), **shaped)
    variant = lambda made: dataset_ops._VariantDataset(made, tf.TensorSpec([], dtype))  # noqa: E731
    return [
        *whole(tf.data.Dataset.choose_from_datasets([short, ten], choices, stop_on_empty_dataset=False)),
        *whole(tf.data.Dataset.choose_from_datasets([short, ten], choices, stop_on_empty_dataset=True)),
        *whole(fraction.ignore_errors()), *whole(base.apply(tf.data.experimental.assert_cardinality(12))),
        *whole(variant(raw.RandomDataset(**seeded)).take(5)),
        *whole(variant(raw.SamplingDataset(input_dataset=base._variant_tensor, rate=0.4, **seeded))),
        *whole(variant(raw.ChooseFastestDataset(
            input_datasets=[base._variant_tensor] * 2, num_experiments=1, **shaped))),
        *raw.GetElementAtIndex(dataset=base._variant_tensor, index=tf.constant(5, tf.int64), **shaped),
        *whole(variant(raw.ListDataset(tensors=[values(dtype), values(dtype)], **shaped)))]


@over(tf.int64)
def short_dataset(dtype):
    return whole(tf.data.Dataset.range(3).apply(tf.data.experimental.assert_cardinality(4)))


@over(tf.int64)
def grouped_datasets(dtype):
    base = tf.data.Dataset.range(12)
    reducer = tf.data.experimental.Reducer(lambda key: key * 100, lambda state, x: state + x, lambda state: -state)
    places = tf.constant([[0, 1], [2, 0], [2, 2]], tf.int64)
    sparse = dataset_ops._VariantDataset(
        raw.SparseTensorSliceDataset(
            indices=places, values=values(dtype, 3), dense_shape=tf.constant([4, 3], tf.int64)),
        (tf.TensorSpec([None, 1], tf.int64), tf.TensorSpec([None], dtype), tf.TensorSpec([1], tf.int64)))
    return [
        *whole(base.group_by_window(lambda x: x % 5, lambda key, group: group.batch(3).map(tf.reduce_sum), 2)),
        *whole(base.group_by_window(
            lambda x: -(x % 3), lambda key, group: group.map(lambda x: x * 100 + key),
            window_size_func=lambda key: 2 - key)),
        *whole(base.apply(tf.data.experimental.group_by_reducer(lambda x: 5 - x % 4, reducer))),
        *whole(base.batch(5).rebatch([2, 3]).map(tf.reduce_sum)),
        *whole(base.batch(5).rebatch(5, drop_remainder=True).map(tf.reduce_sum)),
        *whole(base.batch(4, num_parallel_calls=2, drop_remainder=True)),
        *whole(sparse.map(lambda places, values, shape: tf.size(values))),
        *[part for index in range(4) for part in tf.nest.flatten(sparse.skip(index).take(1).get_single_element())]]


@over(tf.int64)
def older_datasets(dtype):
    base = tf.data.Dataset.range(7)
    shaped = dict(output_types=[dtype], output_shapes=[[None]])
    windows = lambda made: dataset_ops._VariantDataset(made, tf.TensorSpec([None], dtype))  # noqa: E731
    number = lambda value: tf.constant(value, tf.int64)  # noqa: E731

    @tf.function
    def repeat(x):
        return tf.data.Dataset.from_tensors(x).repeat(x + 1)._variant_tensor

    made = repeat.get_concrete_function(tf.TensorSpec([], dtype))
    made.add_to_graph()
    legacy = [raw.ParallelInterleaveDataset(
        input_dataset=base._variant_tensor, other_arguments=[], cycle_length=number(cycle),
        block_length=number(block), sloppy=False, buffer_output_elements=number(1),
        prefetch_input_elements=number(0), f=made, output_types=[dtype], output_shapes=[[]])
        for cycle, block in [(1, 1), (2, 1), (3, 1)]]
    sliding = [raw.SlidingWindowDataset(
        input_dataset=base._variant_tensor, window_size=number(size), window_shift=number(shift),
        window_stride=number(stride), drop_remainder=True, **shaped)
        for size, shift, stride in [(3, 1, 1), (2, 2, 2), (2, 3, 1)]]
    return [
        *[part for one in legacy for part in whole(dataset_ops._VariantDataset(one, tf.TensorSpec([], dtype)))],
        *[part for one in sliding for part in whole(windows(one))]]


@over(tf.int64, tf.string)
def tables_from_datasets(dtype):
    table = raw.HashTableV2(key_dtype=tf.int64, value_dtype=dtype, shared_name="t")
    pairs = tf.data.Dataset.from_tensor_slices((tf.constant([3, 5], tf.int64), values(dtype, 2)))
    with after(raw.InitializeTableFromDataset(table_handle=table, dataset=pairs._variant_tensor)):
        return [raw.LookupTableFindV2(
            table_handle=table, keys=tf.constant([5, 4, 3], tf.int64), default_value=values(dtype)),
            raw.LookupTableSizeV2(table_handle=table)]


@over(tf.float32)
def devices(dtype):
    variable = raw.VarHandleOp(dtype=dtype, shape=[2], shared_name="v")
    with after(raw.AssignVariableOp(resource=variable, value=values(dtype, 2))):
        ready = raw.DisableCopyOnRead(resource=variable)
    with after(ready):
        read = raw.ReadVariableOp(resource=variable, dtype=dtype)
    return [read, raw.DeviceIndex(device_names=["GPU", "CPU"]), raw.DeviceIndex(device_names=["CPU"]),
            raw.DeviceIndex(device_names=["TPU", "GPU"])]


@over(*_ALL)
def optionals(dtype):
    full = raw.OptionalFromValue(components=[values(dtype, 2)])
    return [raw.OptionalHasValue(optional=full), raw.OptionalHasValue(optional=raw.OptionalNone()),
            *raw.OptionalGetValue(optional=full, output_types=[dtype], output_shapes=[[2]])]


@over(*_ALL)
def ragged_variants(dtype):
    made = raw.RaggedTensorToVariant(
        rt_nested_splits=[tf.constant([0, 2, 3], tf.int64)], rt_dense_values=values(dtype, 3), batched_input=True)
    back = raw.RaggedTensorFromVariant(
        encoded_ragged=made, input_ragged_rank=0, output_ragged_rank=1, Tvalues=dtype, Tsplits=tf.int64)
    gradient = raw.RaggedTensorToVariantGradient(
        encoded_ragged_grad=made, row_splits=tf.constant([0, 2, 3], tf.int64), dense_values_shape=[3], Tvalues=dtype)
    return [*back.output_nested_splits, back.output_dense_values, gradient]


@over(*_ALL)
def sparse_variants(dtype):
    places = tf.constant([[0, 0], [1, 2]], tf.int64)
    parts = dict(sparse_values=values(dtype, 2), sparse_shape=tf.constant([2, 3], tf.int64))
    one = raw.SerializeSparse(sparse_indices=places, out_type=tf.variant, **parts)
    rows = raw.SerializeManySparse(sparse_indices=places, out_type=tf.variant, **parts)
    text = raw.SerializeSparse(sparse_indices=places, **parts)
    handles = raw.AddManySparseToTensorsMap(sparse_indices=places, shared_name="kept", **parts)
    with after(handles):
        taken = raw.TakeManySparseFromTensorsMap(sparse_handles=handles, dtype=dtype, shared_name="kept")
    return [*raw.DeserializeSparse(serialized_sparse=one, dtype=dtype),
            *raw.DeserializeSparse(serialized_sparse=rows, dtype=dtype),
            *raw.DeserializeManySparse(serialized_sparse=tf.expand_dims(text, 0), dtype=dtype), *taken]


@over(tf.float32, tf.int64, tf.string)
def examples(dtype):
    kind = {tf.float32: "float_list", tf.int64: "int64_list", tf.string: "bytes_list"}[dtype]
    data = [b"a", b"b"] if dtype == tf.string else [1, 2]
    feature = tf.train.Features(feature={"f": tf.train.Feature(**{kind: {"value": data}})})
    text = tf.train.Example(features=feature).SerializeToString(deterministic=True)
    sequence = tf.train.SequenceExample(
        context=feature, feature_lists=tf.train.FeatureLists(feature_list={
            "s": tf.train.FeatureList(feature=[feature.feature["f"]] * 2)})).SerializeToString(deterministic=True)
    dense = tf.io.FixedLenFeature([2], dtype)
    v1 = tf1.io.parse_example([text], {"f": dense, "g": tf.io.VarLenFeature(dtype)})
    single = tf1.io.parse_single_example(text, {"f": tf.io.VarLenFeature(dtype)})
    context, steps = tf1.io.parse_single_sequence_example(
        sequence, {"f": dense}, {"s": tf.io.FixedLenSequenceFeature([2], dtype)})
    many = tf.io.parse_sequence_example(
        [sequence], {"f": tf.io.VarLenFeature(dtype)}, {"s": tf.io.RaggedFeature(dtype)})
    return [v1["f"], v1["g"].indices, v1["g"].values, single["f"].values, context["f"], steps["s"],
            many[0]["f"].values, many[1]["s"].flat_values, many[1]["s"].row_splits]


@over(tf.uint8)
def pictures(dtype):
    image = tf.reshape(tf.cast(tf.range(4 * 5 * 3) * 4, dtype), [4, 5, 3])
    png = raw.EncodePng(image=image)
    jpeg = raw.EncodeJpeg(image=tf.fill([8, 8, 3], tf.constant(90, dtype)))
    return [raw.DecodePng(contents=png), raw.DecodePng(contents=png, channels=1),
            raw.DecodeImage(contents=png, channels=3, dtype=tf.float32), raw.DecodeJpeg(contents=jpeg, channels=3),
            raw.ExtractJpegShape(contents=jpeg), raw.DecodeAndCropJpeg(contents=jpeg, crop_window=[1, 2, 3, 4])]


@over(tf.float32)
def sounds(dtype):
    wave = raw.EncodeWav(audio=tf.constant([[0.5], [-0.25], [2.0]]), sample_rate=8000)
    return [wave, *raw.DecodeWav(contents=wave), *raw.DecodeWav(contents=wave, desired_channels=2, desired_samples=5)]


@over(tf.float32, tf.int64, tf.string)
def placeholders_and_constants(dtype):
    return [raw.PlaceholderWithDefault(input=values(dtype, 2), shape=[2]), raw.Shape(input=values(dtype, 2, 3)),
            raw.AccumulateNV2(inputs=[values(dtype, 2)] * 2, shape=[2]) if dtype != tf.string else values(dtype, 1),
            raw.EnsureShape(input=values(dtype, 2, 3), shape=[None, 3])]


@over(tf.int32, tf.int64)
def generators(dtype):
    state = raw.VarHandleOp(dtype=tf.int64, shape=[3], shared_name="state")
    ready = raw.AssignVariableOp(resource=state, value=tf.constant([1, 2, 3], tf.int64))
    with after(ready):
        first = raw.RngReadAndSkip(resource=state, alg=1, delta=tf.constant(5, tf.uint64))
    algorithm = tf.constant(1, tf.int64)
    with after(first):
        numbers = raw.StatefulUniformFullInt(
            resource=state, algorithm=algorithm, shape=tf.constant([3], dtype), dtype=dtype)
    with after(numbers):
        normal = raw.StatefulStandardNormalV2(resource=state, algorithm=algorithm, shape=tf.constant([3], dtype))
    with after(normal):
        uniform = raw.StatefulUniform(resource=state, algorithm=algorithm, shape=tf.constant([3], dtype))
    with after(uniform):
        whole = raw.StatefulUniformInt(
            resource=state, algorithm=algorithm, shape=tf.constant([3], dtype), minval=tf.constant(0, dtype),
            maxval=tf.constant(9, dtype))
    return [first, numbers, normal, uniform, whole]


@over(*_ALL)
def serialized_tensors(dtype):
    return [raw.ParseTensor(serialized=raw.SerializeTensor(tensor=values(dtype, 2)), out_type=dtype)]
