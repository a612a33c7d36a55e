"""Counts numbers by their last digit."""

from pyflink.common import Types, WatermarkStrategy
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.datastream.connectors.number_seq import NumberSequenceSource


def main():
    environment = StreamExecutionEnvironment.get_execution_environment()
    numbers = environment.from_source(
        NumberSequenceSource(1, 10**12), WatermarkStrategy.no_watermarks(), "numbers", Types.LONG()
    )
    ones = numbers.map(lambda n: (n % 10, 1), Types.TUPLE([Types.LONG(), Types.LONG()]))
    counts = ones.key_by(lambda pair: pair[0]).reduce(lambda a, b: (a[0], a[1] + b[1]))
    counts.filter(lambda pair: pair[1] % 10_000 == 0).print()
    environment.execute("count")


if __name__ == "__main__":
    main()
