import FlinkModel

/// Logging of Flink's processes where neither the resource nor the operator's installation brings its own: to the
/// console, where Kubernetes picks it up, and to the file that Flink's web interface shows.
enum DefaultLogFiles {
  static let all = [LogConfigurationFile.log4j: log4j, LogConfigurationFile.logback: logback]

  private static let log4j = """
    monitorInterval = 30

    rootLogger.level = INFO
    rootLogger.appenderRef.console.ref = Console
    rootLogger.appenderRef.file.ref = File

    appender.console.type = Console
    appender.console.name = Console
    appender.console.layout.type = PatternLayout
    appender.console.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-60c %x - %m%n

    appender.file.type = RollingFile
    appender.file.name = File
    appender.file.fileName = ${sys:log.file}
    appender.file.filePattern = ${sys:log.file}.%i
    appender.file.layout.type = PatternLayout
    appender.file.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-60c %x - %m%n
    appender.file.policies.type = Policies
    appender.file.policies.size.type = SizeBasedTriggeringPolicy
    appender.file.policies.size.size = 50MB
    appender.file.strategy.type = DefaultRolloverStrategy
    appender.file.strategy.max = 5

    # Netty says more about shut-downs in flight than anybody needs.
    logger.netty.name = org.jboss.netty.channel.DefaultChannelPipeline
    logger.netty.level = OFF

    """

  private static let logback = """
    <configuration scan="true" scanPeriod="30 seconds">
      <appender name="console" class="ch.qos.logback.core.ConsoleAppender">
        <encoder>
          <pattern>%d{yyyy-MM-dd HH:mm:ss.SSS} [%thread] %-5level %logger{60} %X - %msg%n</pattern>
        </encoder>
      </appender>
      <appender name="file" class="ch.qos.logback.core.rolling.RollingFileAppender">
        <file>${log.file}</file>
        <encoder>
          <pattern>%d{yyyy-MM-dd HH:mm:ss.SSS} [%thread] %-5level %logger{60} %X - %msg%n</pattern>
        </encoder>
        <rollingPolicy class="ch.qos.logback.core.rolling.FixedWindowRollingPolicy">
          <fileNamePattern>${log.file}.%i</fileNamePattern>
          <minIndex>1</minIndex>
          <maxIndex>5</maxIndex>
        </rollingPolicy>
        <triggeringPolicy class="ch.qos.logback.core.rolling.SizeBasedTriggeringPolicy">
          <maxFileSize>50MB</maxFileSize>
        </triggeringPolicy>
      </appender>
      <root level="INFO">
        <appender-ref ref="console"/>
        <appender-ref ref="file"/>
      </root>
    </configuration>

    """
}
