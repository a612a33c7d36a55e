/// How much memory a JobManager or TaskManager process takes in all: what its pod asks for.
///
/// Flink derives it from one of three groups of options; this is the same sum.
public enum ProcessMemory {
  private static let mebibyte: Int64 = 1 << 20

  /// Bytes; nil where no group of options is set, so that Flink would refuse to start.
  public static func jobManager(_ configuration: FlinkConfiguration) throws(InvalidField) -> Int64? {
    if let total = try configuration.memory("jobmanager.memory.process.size", "jobmanager.heap.size") { return total }
    var flink = try configuration.memory("jobmanager.memory.flink.size")
    if flink == nil, let heap = try configuration.memory("jobmanager.memory.heap.size") {
      flink = heap + (try configuration.memory("jobmanager.memory.off-heap.size") ?? 128 * mebibyte)
    }
    guard let flink else { return nil }
    return try total(flink, "jobmanager", configuration)
  }

  /// Bytes; nil where no group of options is set.
  public static func taskManager(
    _ configuration: FlinkConfiguration, flinkVersion: FlinkVersion?
  ) throws(InvalidField) -> Int64? {
    if let total = try configuration.memory("taskmanager.memory.process.size", "taskmanager.heap.size") { return total }
    var flink = try configuration.memory("taskmanager.memory.flink.size")
    if flink == nil, let taskHeap = try configuration.memory("taskmanager.memory.task.heap.size"),
      let managed = try configuration.memory("taskmanager.memory.managed.size")
    {
      var sum = taskHeap + managed
      sum += try configuration.memory("taskmanager.memory.framework.heap.size") ?? 128 * mebibyte
      sum += try configuration.memory("taskmanager.memory.framework.off-heap.size") ?? 128 * mebibyte
      sum += try configuration.memory("taskmanager.memory.task.off-heap.size") ?? 0
      let isUnbounded = (flinkVersion ?? .v1_20) >= .v2_0
      let most = try configuration.memory("taskmanager.memory.network.max") ?? (isUnbounded ? .max : 1024 * mebibyte)
      let least = try configuration.memory("taskmanager.memory.network.min") ?? 64 * mebibyte
      let share = try fraction("taskmanager.memory.network.fraction", configuration)
      flink = sum + part(of: sum, share: share, least: least, most: most)
    }
    guard let flink else { return nil }
    return try total(flink, "taskmanager", configuration)
  }

  /// Flink's own memory plus the JVM's metaspace and overhead, the latter a share of the whole within bounds.
  private static func total(
    _ flink: Int64, _ component: String, _ configuration: FlinkConfiguration
  ) throws(InvalidField) -> Int64 {
    let prefix = "\(component).memory"
    let base = flink + (try configuration.memory("\(prefix).jvm-metaspace.size") ?? 256 * mebibyte)
    let least = try configuration.memory("\(prefix).jvm-overhead.min") ?? 192 * mebibyte
    let most = try configuration.memory("\(prefix).jvm-overhead.max") ?? 1024 * mebibyte
    let share = try fraction("\(prefix).jvm-overhead.fraction", configuration)
    return base + part(of: base, share: share, least: least, most: most)
  }

  private static func fraction(_ key: String, _ configuration: FlinkConfiguration) throws(InvalidField) -> Double {
    guard let fraction = try configuration.double(key) else { return 0.1 }
    guard fraction >= 0, fraction < 1 else {
      throw InvalidField(
        field: FlinkConfiguration.field(key), value: configuration[key], fix: "must be at least 0 and less than 1")
    }
    return fraction
  }

  /// What must be added to `rest` to make a share of the sum.
  private static func part(of rest: Int64, share: Double, least: Int64, most: Int64) -> Int64 {
    min(most, max(least, Int64(min(Double(rest) * share / (1 - share), Double(MemoryText.most)))))
  }
}
