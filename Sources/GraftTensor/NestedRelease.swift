/// Lets go of objects that hold objects that hold others, one after the other.
///
/// A loop can make a list in a list in a list, a million deep. Each would let go of what it holds while it is itself
/// let go of, and take a part of the stack for it.
package enum NestedRelease {
  /// What is let go of on this thread when the object is gone that is being released there.
  private final class Waiting {
    var objects: [AnyObject?] = []

    func take(_ object: inout AnyObject?) {
      objects.append(nil)
      swap(&objects[objects.count - 1], &object)
    }
  }

  private static let open = ThreadValue<Waiting>()

  /// Lets go of what an object holds that is itself being released.
  package static func release<Object: AnyObject>(_ object: inout Object?) {
    // Moved, so that nobody but the list holds it.
    var held: AnyObject? = object
    object = nil
    if let waiting = open.current { return waiting.take(&held) }
    let waiting = Waiting()
    open.with(waiting) {
      waiting.take(&held)
      // Each may add what it held.
      while !waiting.objects.isEmpty { waiting.objects.removeLast() }
    }
  }
}
