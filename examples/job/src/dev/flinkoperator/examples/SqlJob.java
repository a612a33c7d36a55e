package dev.flinkoperator.examples;

import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.StatementSet;
import org.apache.flink.table.api.TableEnvironment;

/**
 * Runs the statements of a script, all INSERTs as one job: {@code --scriptUri file:///…}, as the driver of Flink 2 takes
 * it, for distributions that come without the SQL gateway which that one needs.
 */
public final class SqlJob {
  private SqlJob() {}

  public static void main(String[] arguments) throws Exception {
    if (arguments.length != 2 || !arguments[0].equals("--scriptUri")) {
      throw new IllegalArgumentException("usage: --scriptUri file:///path/to/script.sql");
    }
    String script = new String(Files.readAllBytes(Paths.get(URI.create(arguments[1]))), StandardCharsets.UTF_8);
    TableEnvironment environment = TableEnvironment.create(EnvironmentSettings.inStreamingMode());
    StatementSet inserts = environment.createStatementSet();
    for (String statement : statements(script)) {
      if (statement.regionMatches(true, 0, "INSERT", 0, 6)) {
        inserts.addInsertSql(statement);
      } else {
        environment.executeSql(statement);
      }
    }
    inserts.execute();
  }

  /** Statements end with a semicolon at the end of a line. */
  private static List<String> statements(String script) {
    List<String> found = new ArrayList<>();
    for (String part : script.split(";[ \t]*(\r?\n|$)")) {
      if (!part.trim().isEmpty()) {
        found.add(part.trim());
      }
    }
    return found;
  }
}
