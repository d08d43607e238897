import Synchronization

/// Plans of transforms by their length, kept for the next transform of the same.
final class FourierPlans<Plan: AnyObject & Sendable>: Sendable {
  /// How many elements all plans that are kept have together at most.
  private static var room: Int { 1 << 17 }

  private let kept = Mutex<(plans: [Int: Plan], elements: Int)>(([:], 0))

  /// The plan for a length, made where there is none.
  func plan(_ length: Int, _ make: () -> Plan) -> Plan {
    if let plan = kept.withLock({ $0.plans[length] }) { return plan }
    let plan = make()
    guard length <= Self.room else { return plan }
    return kept.withLock { kept in
      // Another thread may have been first.
      if let other = kept.plans[length] { return other }
      if kept.elements + length > Self.room { kept = ([:], 0) }
      kept.plans[length] = plan
      kept.elements += length
      return plan
    }
  }
}
