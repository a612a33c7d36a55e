import KubernetesAPI
import Testing

@testable import LocalCluster

@Suite struct JobControllerTests {
  private func bed(_ spec: JSONValue = [:]) -> ControllerBed {
    var bed = ControllerBed(controllers: [.job])
    let labels: JSONValue = ["batch.kubernetes.io/job-name": "j"]
    let plain: JSONValue = [
      "parallelism": 1, "completions": 1, "backoffLimit": 1,
      "template": [
        "metadata": ["labels": labels],
        "spec": ["restartPolicy": "Never", "containers": [["name": "c", "image": "i"]]],
      ],
    ]
    bed.add(
      JobController.jobs,
      [
        "apiVersion": "batch/v1", "kind": "Job", "metadata": ["name": "j"], "spec": plain.merging(patch: spec),
      ])
    bed.settle()
    return bed
  }

  private func end(_ bed: inout ControllerBed, _ phase: String) {
    for pod in bed.pods where !PodState(pod).isTerminal {
      bed.change(.pods, pod.metadata.name, ["status": ["phase": .string(phase)]])
    }
    bed.settle()
  }

  private func conditions(_ bed: ControllerBed) -> [String] {
    (bed.get(JobController.jobs, "j")?["status", "conditions"]?.arrayValue ?? []).compactMap {
      $0["status"] == "True" ? $0["type"]?.stringValue : nil
    }
  }

  @Test func completesWhenItsPodHasSucceeded() throws {
    var bed = bed()
    let pod = try #require(bed.pods.first)
    #expect(bed.pods.count == 1)
    #expect(pod.metadata.finalizers == [JobController.finalizer])
    #expect(pod.controllerReference?.kind == "Job")
    let running = bed.get(JobController.jobs, "j")?["status"]
    #expect(running?["active"] == 1)
    #expect(running?["startTime"] != nil)
    end(&bed, "Succeeded")
    let status = bed.get(JobController.jobs, "j")?["status"]
    #expect(status?["succeeded"] == 1)
    #expect(status?["active"] == nil)
    #expect(status?["uncountedTerminatedPods"] == [:])
    #expect(status?["completionTime"] != nil)
    #expect(conditions(bed) == ["SuccessCriteriaMet", "Complete"])
    #expect(bed.pods.first?.metadata.finalizers == [])
    // Nothing more is done about it.
    let more = bed.settle()
    #expect(more.isEmpty)
  }

  @Test func runsAsManyAtATimeAsItMay() {
    var bed = bed(["parallelism": 2, "completions": 3])
    #expect(bed.pods.count == 2)
    end(&bed, "Succeeded")
    #expect(bed.pods.count == 3)
    end(&bed, "Succeeded")
    #expect(bed.pods.count == 3)
    #expect(conditions(bed) == ["SuccessCriteriaMet", "Complete"])
    #expect(bed.get(JobController.jobs, "j")?["status", "succeeded"] == 3)
  }

  @Test func failsWhenTooManyPodsHave() {
    var bed = bed()
    end(&bed, "Failed")
    #expect(bed.pods.count == 2)
    #expect(conditions(bed) == [])
    end(&bed, "Failed")
    #expect(bed.pods.count == 2)
    #expect(conditions(bed) == ["FailureTarget", "Failed"])
    #expect(bed.get(JobController.jobs, "j")?["status", "failed"] == 2)
  }

  @Test func aSuspendedJobHasNoPods() {
    var bed = bed(["suspend": true])
    #expect(bed.pods.isEmpty)
    #expect(conditions(bed) == ["Suspended"])
    bed.change(JobController.jobs, "j", ["spec": ["suspend": false]])
    bed.settle()
    #expect(bed.pods.count == 1)
    #expect(conditions(bed) == [])
    bed.change(JobController.jobs, "j", ["spec": ["suspend": true]])
    bed.settle()
    #expect(bed.pods.isEmpty)
    #expect(bed.get(JobController.jobs, "j")?["status", "failed"] == nil)
  }

  @Test func podsOfAJobThatIsGoneAreLetGo() {
    var bed = bed()
    bed.remove(JobController.jobs, "j")
    bed.settle()
    #expect(bed.pods.map(\.metadata.finalizers) == [[]])
  }
}
