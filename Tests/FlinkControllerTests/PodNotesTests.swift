import KubernetesAPI
import Lifecycle
import Testing

@testable import FlinkController

/// What is read about pods beside the turns.
@Suite struct PodNotesTests {
  private static func log(_ restarts: Int64) -> PodInspection {
    .log(pod: "demo-1", uid: "p", ContainerFailure(container: "main", restarts: restarts, isRunningAgain: false))
  }
  private static let events = PodInspection.events(pod: "demo-2", uid: "q")
  private static let mount: JSONValue = [
    "reason": "FailedMount", "message": "no such secret", "lastTimestamp": "2027-01-15T08:00:00Z",
  ]

  /// `#expect` takes no mutating call.
  private func wants(_ notes: inout PodNotes, _ inspections: [PodInspection], present: Set<String>, now: Int64) -> Bool
  {
    notes.want(inspections, present: present, now: now)
  }

  /// The first report of a crash has its cause, and a node that hangs holds nothing up for longer than a moment.
  @Test func aDecisionWaitsForALogForAMoment() {
    var notes = PodNotes()
    #expect(notes.pause(now: 0) == nil)
    #expect(wants(&notes, [Self.log(1)], present: ["p"], now: 1_000))
    #expect(notes.pause(now: 1_000) == PodNotes.patience)
    #expect(!wants(&notes, [Self.log(1)], present: ["p"], now: 1_200), "it is being read")
    #expect(notes.pause(now: 1_200) == PodNotes.patience - 200)
    #expect(notes.pause(now: 1_000 + PodNotes.patience) == nil)
    #expect(notes.reports.isEmpty)
    // It comes after all.
    notes.note(
      log: "java.lang.IllegalStateException: no",
      of: ContainerFailure(container: "main", restarts: 1, isRunningAgain: false),
      in: "p")
    #expect(notes.reports["p"]?.cause?.contains("IllegalStateException") == true)
    #expect(!wants(&notes, [Self.log(1)], present: ["p"], now: 90_000), "it is known")
  }

  @Test func eachFailureHasALogOfItsOwn() {
    var notes = PodNotes()
    _ = notes.want([Self.log(1)], present: ["p"], now: 0)
    notes.note(log: nil, of: ContainerFailure(container: "main", restarts: 1, isRunningAgain: false), in: "p")
    #expect(notes.pause(now: 1) == nil)
    #expect(!wants(&notes, [Self.log(1)], present: ["p"], now: 10), "what could not be read is not asked for again")
    #expect(wants(&notes, [Self.log(2)], present: ["p"], now: 20))
    #expect(notes.pause(now: 20) == PodNotes.patience)
  }

  @Test func eventsAreReadNowAndThenAndWaitedForNever() {
    var notes = PodNotes()
    #expect(wants(&notes, [Self.events], present: ["q"], now: 0))
    #expect(notes.pause(now: 0) == nil)
    #expect(notes.warnings(at: 5) == .unknown(why: "not asked for", since: 5))
    notes.note(events: [Self.mount], of: "q", now: 10)
    #expect(notes.warnings(at: 20).value?.problems["q"]?.message == "no such secret")
    #expect(!wants(&notes, [Self.events], present: ["q"], now: PodWarnings.interval))
    #expect(wants(&notes, [Self.events], present: ["q"], now: 10 + PodWarnings.interval))
    notes.note(events: nil, of: "q", now: 10 + PodWarnings.interval)
    #expect(notes.warnings(at: 20).value?.problems["q"] != nil, "what was known stays where nothing can be read")
  }

  @Test func whatWasReadOfAPodGoesWithIt() {
    var notes = PodNotes()
    _ = notes.want([Self.log(1), Self.events], present: ["p", "q"], now: 0)
    notes.note(log: "x", of: ContainerFailure(container: "main", restarts: 1, isRunningAgain: false), in: "p")
    notes.note(events: [Self.mount], of: "q", now: 0)
    _ = notes.want([], present: ["r"], now: 10)
    #expect(notes.reports.isEmpty)
    #expect(notes.warnings(at: 10).value == nil)
    #expect(notes.pause(now: 10) == nil)
  }
}
