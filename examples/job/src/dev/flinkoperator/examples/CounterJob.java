package dev.flinkoperator.examples;

import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.serialization.SimpleStringEncoder;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.datagen.source.GeneratorFunction;
import org.apache.flink.connector.file.sink.FileSink;
import org.apache.flink.core.fs.Path;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.filesystem.bucketassigners.BasePathBucketAssigner;
import org.apache.flink.streaming.api.functions.sink.filesystem.rollingpolicies.OnCheckpointRollingPolicy;
import org.apache.flink.util.Collector;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Counts, per key, the numbers that a throttled source emits.
 *
 * <p>Each record becomes one line {@code seq=<number> key=<key> count=<how many of this key so far>}. With {@code
 * --output DIR} the lines go to files that are renamed to {@code part-*} when the checkpoint that holds them has
 * completed. Over all files the counts of each key are then 1, 2, 3 and so on: a number that is missing was lost, one
 * that occurs twice was processed twice. That holds over restarts, savepoints and changes of the parallelism.
 */
public final class CounterJob {
  private static final Logger LOG = LoggerFactory.getLogger(CounterJob.class);

  private CounterJob() {}

  public static void main(String[] arguments) throws Exception {
    Options options = new Options(arguments);
    if (options.has("fail-in-main")) {
      throw new IllegalStateException("main() fails because --fail-in-main was given");
    }
    long keys = options.number("keys", 8);
    long rate = options.number("rate", 20);
    long count = options.number("count", Long.MAX_VALUE - 1);
    String output = options.text("output", null);

    StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment();
    GeneratorFunction<Long, Long> identity = number -> number;
    DataGeneratorSource<Long> numbers =
        new DataGeneratorSource<>(identity, count, RateLimiterStrategy.perSecond(rate), Types.LONG);

    SingleOutputStreamOperator<String> lines =
        environment
            .fromSource(numbers, WatermarkStrategy.noWatermarks(), "numbers")
            .uid("numbers")
            .keyBy(number -> number % keys, Types.LONG)
            .process(
                new Count(
                    options.number("delay-ms", 0),
                    options.number("fail-at", -1),
                    options.number("fail-times", Long.MAX_VALUE),
                    options.number("log-every", 100)))
            .returns(Types.STRING)
            .name("counter")
            .uid(options.text("counter-uid", "counter"));
    if (output != null) {
      lines
          .sinkTo(
              FileSink.forRowFormat(new Path(output), new SimpleStringEncoder<String>())
                  .withBucketAssigner(new BasePathBucketAssigner<>())
                  .withRollingPolicy(OnCheckpointRollingPolicy.build())
                  .build())
          .name("files")
          .uid(options.text("files-uid", "files"));
    } else {
      lines.print().name("output").uid("output");
    }
    environment.execute(options.text("name", "counter"));
  }

  /** The running count of each key. */
  private static final class Count extends KeyedProcessFunction<Long, Long, String> {
    private static final long serialVersionUID = 1L;

    private final long delayMillis;
    private final long failAt;
    private final long failTimes;
    private final long logEvery;
    private transient ValueState<Long> counts;
    private transient long seen;

    Count(long delayMillis, long failAt, long failTimes, long logEvery) {
      this.delayMillis = delayMillis;
      this.failAt = failAt;
      this.failTimes = failTimes;
      this.logEvery = logEvery;
    }

    @Override
    public void open(OpenContext context) {
      counts = getRuntimeContext().getState(new ValueStateDescriptor<>("count", Types.LONG));
    }

    @Override
    public void processElement(Long number, Context context, Collector<String> out) throws Exception {
      if (number == failAt && getRuntimeContext().getTaskInfo().getAttemptNumber() < failTimes) {
        throw new IllegalStateException("record " + number + " fails because --fail-at " + failAt + " was given");
      }
      if (delayMillis > 0) {
        Thread.sleep(delayMillis);
      }
      Long before = counts.value();
      long count = before == null ? 1 : before + 1;
      counts.update(count);
      String line = "seq=" + number + " key=" + context.getCurrentKey() + " count=" + count;
      seen += 1;
      if (logEvery > 0 && seen % logEvery == 0) {
        LOG.info("{} records since the start of this task, the last one {}", seen, line);
      }
      out.collect(line);
    }
  }

  /** {@code --name value} and {@code --flag}; names that this job does not know are left to whoever gave them. */
  private static final class Options {
    private final Map<String, String> values = new HashMap<>();

    Options(String[] arguments) {
      for (int i = 0; i < arguments.length; i++) {
        if (!arguments[i].startsWith("--")) {
          throw new IllegalArgumentException("expected an option such as --rate 20, not '" + arguments[i] + "'");
        }
        String[] halves = arguments[i].substring(2).split("=", 2);
        if (halves.length == 2) {
          values.put(halves[0], halves[1]);
        } else if (i + 1 < arguments.length && !arguments[i + 1].startsWith("--")) {
          values.put(halves[0], arguments[++i]);
        } else {
          values.put(halves[0], "");
        }
      }
    }

    boolean has(String name) {
      return values.containsKey(name) && !"false".equals(values.get(name));
    }

    String text(String name, String otherwise) {
      return values.getOrDefault(name, otherwise);
    }

    long number(String name, long otherwise) {
      String text = values.get(name);
      if (text == null) {
        return otherwise;
      }
      try {
        return Long.parseLong(text);
      } catch (NumberFormatException e) {
        throw new IllegalArgumentException("--" + name + " takes a whole number, not '" + text + "'", e);
      }
    }
  }
}
