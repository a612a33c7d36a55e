package org.apache.flink.streaming.examples.statemachine;

import dev.flinkoperator.examples.CounterJob;

/**
 * The entry class that manifests written for the official image name. Here it stands for {@link CounterJob}, so that
 * such manifests run unchanged on the local cluster.
 */
public final class StateMachineExample {
  private StateMachineExample() {}

  public static void main(String[] arguments) throws Exception {
    CounterJob.main(arguments);
  }
}
