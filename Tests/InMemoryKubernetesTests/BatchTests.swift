import InMemoryKubernetes
import KubernetesAPI
import Testing

/// Jobs and CronJobs as the API completes and checks them.
@Suite struct BatchTests {
  private let jobs = "/apis/batch/v1/namespaces/default/jobs"

  private func job(_ policy: String? = "Never") -> JSONValue {
    var spec: JSONValue = ["containers": [["name": "c", "image": "i"]]]
    if let policy { spec["restartPolicy"] = .string(policy) }
    return [
      "apiVersion": "batch/v1", "kind": "Job", "metadata": ["name": "j"],
      "spec": ["template": ["metadata": ["labels": ["app": "a"]], "spec": spec]],
    ]
  }

  @Test func aJobIsCompleted() throws {
    var test = TestServer()
    let created = try #require(test.send("POST", jobs, job()).json)
    let uid = try #require(created["metadata", "uid"])
    let spec = created["spec"]
    let expected: JSONValue = [
      "parallelism": 1, "completions": 1, "backoffLimit": 6, "completionMode": "NonIndexed", "suspend": false,
      "manualSelector": false, "podReplacementPolicy": "TerminatingOrFailed",
      "selector": ["matchLabels": ["batch.kubernetes.io/controller-uid": uid]],
    ]
    for (field, value) in expected.objectValue?.members ?? [] { #expect(spec?[field] == value, "\(field)") }
    let labels = spec?["template", "metadata", "labels"]
    #expect(labels?["job-name"] == "j")
    #expect(labels?["batch.kubernetes.io/controller-uid"] == uid)
    #expect(created["metadata", "labels"] == labels)
    #expect(created["status"] == [:])
  }

  @Test(arguments: [nil, "Always"])
  func podsOfAJobAreNotRestartedForEver(_ policy: String?) {
    var test = TestServer()
    let answer = test.send("POST", jobs, job(policy))
    #expect(answer.status == 422)
    #expect(
      answer.json?["message"]
        == "Job.batch \"j\" is invalid: spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\""
    )
  }

  @Test func aDeleteWithoutAPolicyLeavesThePods() {
    var test = TestServer()
    #expect(test.send("POST", jobs, job()).status == 201)
    let answer = test.send("DELETE", jobs + "/j")
    #expect(answer.header("warning")?.contains("child pods are preserved by default") == true)
    #expect(answer.json?["metadata", "finalizers"] == ["orphan"])
    #expect(test.send("POST", jobs, job()).status == 409)
  }

  @Test func aPodHasThePriorityOfItsClass() {
    var test = TestServer()
    let pods = "/api/v1/namespaces/default/pods"
    func pod(_ name: String, _ priorityClass: String?) -> JSONValue {
      var spec: JSONValue = ["containers": [["name": "c", "image": "i"]]]
      if let priorityClass { spec["priorityClassName"] = .string(priorityClass) }
      return ["apiVersion": "v1", "kind": "Pod", "metadata": ["name": .string(name)], "spec": spec]
    }
    let classes = "/apis/scheduling.k8s.io/v1/priorityclasses"
    #expect(
      test.send("POST", classes, ["metadata": ["name": "high"], "value": 9, "preemptionPolicy": "Never"]).status == 201)
    let high = test.send("POST", pods, pod("a", "high")).json?["spec"]
    #expect(high?["priority"] == 9)
    #expect(high?["preemptionPolicy"] == "Never")
    #expect(test.send("POST", pods, pod("b", nil)).json?["spec", "priority"] == 0)
    let refused = test.send("POST", pods, pod("c", "none"))
    #expect(refused.status == 403)
    #expect(refused.json?["message"] == "pods \"c\" is forbidden: no PriorityClass with name none was found")
  }

  @Test func backgroundDeletesItAtOnce() {
    var test = TestServer()
    #expect(test.send("POST", jobs, job()).status == 201)
    let answer = test.send("DELETE", jobs + "/j?propagationPolicy=Background")
    #expect(answer.header("warning") == nil)
    #expect(test.send("GET", jobs + "/j").status == 404)
  }
}
