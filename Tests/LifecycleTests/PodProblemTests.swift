import KubernetesAPI
import Lifecycle
import Testing

@Suite struct PodProblemTests {
  private func pod(_ container: JSONValue, conditions: JSONValue = []) -> JSONValue {
    ["status": ["containerStatuses": [container], "conditions": conditions]]
  }

  @Test(arguments: ["ImagePullBackOff", "ErrImagePull", "CreateContainerConfigError", "RunContainerError"])
  func tellsWhatAContainerWaitsFor(_ reason: String) {
    let problem = PodProblem(
      of: pod(["name": "main", "state": ["waiting": ["reason": .string(reason), "message": "no such image"]]]))
    #expect(problem == PodProblem(reason: reason, message: "[main] no such image"))
  }

  @Test func tellsTheCauseOfACrashLoop() {
    let trace = """
      Exception in thread "main" java.lang.RuntimeException: outer
      \tat a.B.c(B.java:1)
      Caused by: java.lang.ClassNotFoundException: no.such.Job
      \tat d.E.f(E.java:2)
      \t... 3 more
      """
    let problem = PodProblem(
      of: pod([
        "name": "main", "state": ["waiting": ["reason": "CrashLoopBackOff", "message": "back-off 10s"]],
        "lastState": ["terminated": ["exitCode": 1, "reason": "Error", "message": .string(trace)]],
      ]))
    #expect(
      problem
        == PodProblem(
          reason: "CrashLoopBackOff",
          message: "[main] CrashLoop - exit code 1: Caused by: java.lang.ClassNotFoundException: no.such.Job",
          ending: "[main] CrashLoop - exit code 1"))
  }

  @Test func seesACrashBeforeTheBackOff() {
    let problem = PodProblem(
      of: pod(["name": "main", "state": ["terminated": ["exitCode": 137, "reason": "OOMKilled"]]]))
    let text = "[main] exit code 137, OOMKilled"
    #expect(problem == PodProblem(reason: "OOMKilled", message: text, ending: text))
  }

  @Test func tellsWhyAPodIsNotScheduled() {
    let problem = PodProblem(
      of: pod(
        ["name": "main"],
        conditions: [
          ["type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes: cpu"]
        ]))
    #expect(problem == PodProblem(reason: "Unschedulable", message: "0/3 nodes: cpu"))
  }

  @Test func findsNothingWrongWithAPodThatStarts() {
    #expect(PodProblem(of: pod(["name": "main", "state": ["waiting": ["reason": "ContainerCreating"]]])) == nil)
    #expect(PodProblem(of: pod(["name": "main", "state": ["running": [:]]])) == nil)
    #expect(PodProblem(of: [:]) == nil)
  }

  @Test func takesTheLastLineOfOtherText() {
    #expect(LogExcerpt.cause(in: "one\ntwo\n\n") == "two")
    #expect(LogExcerpt.cause(in: "") == "")
    #expect(LogExcerpt.cause(in: "java.io.IOException: x\n\tat a.b") == "java.io.IOException: x")
  }
}
