/// The programs that sandboxes have in place of those of Flink's official image.
///
/// `/docker-entrypoint.sh` takes the official one's commands and starts the JVM directly: Flink's own scripts start a
/// second JVM first, only to work out the memory.
enum EntrypointScript {
  /// File name and text; all are executable.
  static let files: [(name: String, text: String)] = [
    ("docker-entrypoint.sh", entrypoint),
    ("kubernetes-jobmanager.sh", "#!/bin/bash\nexec /docker-entrypoint.sh --kubernetes-jobmanager \"$@\"\n"),
    ("kubernetes-taskmanager.sh", "#!/bin/bash\nexec /docker-entrypoint.sh --kubernetes-taskmanager \"$@\"\n"),
  ]

  private static let entrypoint = ##"""
    #!/bin/bash
    # Stands in for the entry point of Flink's official image on a local node.
    export FLINK_HOME=${FLINK_HOME:-/opt/flink}
    export FLINK_CONF_DIR=${FLINK_CONF_DIR:-$FLINK_HOME/conf}
    export FLINK_LIB_DIR=${FLINK_LIB_DIR:-$FLINK_HOME/lib}
    export FLINK_OPT_DIR=${FLINK_OPT_DIR:-$FLINK_HOME/opt}
    export FLINK_PLUGINS_DIR=${FLINK_PLUGINS_DIR:-$FLINK_HOME/plugins}
    export FLINK_BIN_DIR=${FLINK_BIN_DIR:-$FLINK_HOME/bin}
    export FLINK_LOG_DIR=${FLINK_LOG_DIR:-$FLINK_HOME/log}
    address=$FLINK_LOCAL_POD_IP
    declare -A conf

    fail() {
      echo "$1" >&2
      exit 1
    }

    # conf[key] from flat or nested YAML. What is no plain scalar is of no interest here.
    read_configuration() {
      local line indent key value depth=0
      local -a indents prefixes
      while IFS= read -r line || [ -n "$line" ]; do
        [[ $line =~ ^(\ *)([^:#[:space:]-][^:]*):([[:space:]]+(.*))?[[:space:]]*$ ]] || continue
        indent=${#BASH_REMATCH[1]} key=${BASH_REMATCH[2]} value=${BASH_REMATCH[4]}
        key=${key#[\"\']} key=${key%[\"\']}
        while ((depth > 0 && indent <= indents[depth - 1])); do ((depth--)); done
        ((depth > 0)) && key=${prefixes[depth - 1]}.$key
        [[ $value == \#* ]] && value=
        value=${value%%[[:space:]]#*}
        while [[ $value == *[[:space:]] ]]; do value=${value%?}; done
        [[ $value == \"*\" || $value == \'*\' ]] && value=${value:1:${#value}-2}
        if [ -n "$value" ]; then
          conf[$key]=$value
        else
          indents[depth]=$indent prefixes[depth]=$key
          depth=$((depth + 1))
        fi
      done <"$1"
    }

    # conf[key] from -D key=value and -Dkey=value.
    read_arguments() {
      while [ $# -gt 0 ]; do
        case $1 in
          -D) conf[${2%%=*}]=${2#*=}; shift ;;
          -D*=*) local pair=${1#-D}; conf[${pair%%=*}]=${pair#*=} ;;
        esac
        shift
      done
    }

    # bytes KEY DEFAULT: the size in `size`.
    bytes() {
      local text=${conf[$1]:-$2} unit
      [[ $text =~ ^([0-9]+)[[:space:]]*([a-zA-Z]*)$ ]] || fail "Could not parse value '$text' for key '$1'."
      size=$((10#${BASH_REMATCH[1]})) unit=${BASH_REMATCH[2],,}
      case $unit in
        '' | b | bytes) ;;
        k | kb | kibibytes) size=$((size << 10)) ;;
        m | mb | mebibytes) size=$((size << 20)) ;;
        g | gb | gibibytes) size=$((size << 30)) ;;
        t | tb | tebibytes) size=$((size << 40)) ;;
        *) fail "Could not parse value '$text' for key '$1'." ;;
      esac
    }

    # share BYTES KEY DEFAULT [of-the-rest]: the fraction of BYTES in `size`; with the fourth argument BYTES is what is
    # left when the fraction has been taken.
    share() {
      local text=${conf[$2]:-$3} fraction
      [[ $text =~ ^([0-9]*)\.?([0-9]*)$ ]] || fail "Could not parse value '$text' for key '$2'."
      fraction=${BASH_REMATCH[2]}000000
      fraction=$((10#${BASH_REMATCH[1]:-0} * 1000000 + 10#${fraction:0:6}))
      if [ -n "$4" ]; then size=$(($1 * fraction / (1000000 - fraction))); else size=$(($1 * fraction / 1000000)); fi
    }

    # clamp MIN_KEY MIN_DEFAULT MAX_KEY MAX_DEFAULT: `size` within these bounds.
    clamp() {
      local wanted=$size minimum
      bytes "$1" "$2"
      minimum=$size
      bytes "$3" "$4"
      ((wanted > size)) && wanted=$size
      ((wanted < minimum)) && wanted=$minimum
      size=$wanted
    }

    # The heap is a limit and not taken at once: a machine that runs a cluster for tests has little memory.
    heap_flags() {
      memory=("-Xmx$1")
      (($1 > 64 << 20)) && memory+=(-Xms48m)
    }

    jobmanager_memory() {
      local p=jobmanager.memory off_heap metaspace heap overhead total
      bytes $p.off-heap.size 128m; off_heap=$size
      bytes $p.jvm-metaspace.size 256m; metaspace=$size
      if [ -n "${conf[$p.heap.size]}" ]; then
        bytes $p.heap.size; heap=$size
      elif [ -n "${conf[$p.flink.size]}" ]; then
        bytes $p.flink.size; heap=$((size - off_heap))
      elif [ -n "${conf[$p.process.size]}" ]; then
        bytes $p.process.size; total=$size
        share $total $p.jvm-overhead.fraction 0.1
        clamp $p.jvm-overhead.min 192m $p.jvm-overhead.max 1g; overhead=$size
        heap=$((total - metaspace - overhead - off_heap))
      else
        fail "IllegalConfigurationException: JobManager memory configuration failed: Either required fine-grained memory (jobmanager.memory.heap.size), or Total Flink Memory size (jobmanager.memory.flink.size), or Total Process Memory size (jobmanager.memory.process.size) need to be configured explicitly."
      fi
      ((heap > 0)) || fail "IllegalConfigurationException: JobManager memory configuration failed: the sizes leave $heap bytes for the heap; raise $p.process.size or lower $p.jvm-metaspace.size, $p.jvm-overhead.min or $p.off-heap.size."
      heap_flags $heap
      memory+=("-XX:MaxMetaspaceSize=$metaspace")
    }

    taskmanager_memory() {
      local p=taskmanager.memory framework_heap framework_off task_off metaspace overhead managed network task_heap flink total
      bytes $p.framework.heap.size 128m; framework_heap=$size
      bytes $p.framework.off-heap.size 128m; framework_off=$size
      bytes $p.task.off-heap.size 0; task_off=$size
      bytes $p.jvm-metaspace.size 256m; metaspace=$size
      if [ -n "${conf[$p.process.size]}" ]; then
        bytes $p.process.size; total=$size
        share $total $p.jvm-overhead.fraction 0.1
        clamp $p.jvm-overhead.min 192m $p.jvm-overhead.max 1g; overhead=$size
        flink=$((total - metaspace - overhead))
      elif [ -n "${conf[$p.flink.size]}" ]; then
        bytes $p.flink.size; flink=$size
      elif [ -z "${conf[$p.task.heap.size]}" ] || [ -z "${conf[$p.managed.size]}" ]; then
        fail "IllegalConfigurationException: TaskManager memory configuration failed: Either required fine-grained memory (taskmanager.memory.task.heap.size and taskmanager.memory.managed.size), or Total Flink Memory size (taskmanager.memory.flink.size), or Total Process Memory size (taskmanager.memory.process.size) need to be configured explicitly."
      fi
      if [ -n "$flink" ]; then
        if [ -n "${conf[$p.managed.size]}" ]; then bytes $p.managed.size; else share $flink $p.managed.fraction 0.4; fi
        managed=$size
        share $flink $p.network.fraction 0.1
        clamp $p.network.min 64m $p.network.max 8388607t; network=$size
        task_heap=$((flink - framework_heap - framework_off - task_off - managed - network))
        if [ -n "${conf[$p.task.heap.size]}" ]; then bytes $p.task.heap.size; task_heap=$size; fi
      else
        bytes $p.task.heap.size; task_heap=$size
        bytes $p.managed.size; managed=$size
        share $((framework_heap + framework_off + task_off + task_heap + managed)) $p.network.fraction 0.1 rest
        clamp $p.network.min 64m $p.network.max 8388607t; network=$size
      fi
      if [ -z "$overhead" ]; then
        share $((framework_heap + framework_off + task_off + task_heap + managed + network + metaspace)) $p.jvm-overhead.fraction 0.1 rest
        clamp $p.jvm-overhead.min 192m $p.jvm-overhead.max 1g; overhead=$size
      fi
      ((task_heap >= 0)) || fail "IllegalConfigurationException: TaskManager memory configuration failed: the sizes leave $task_heap bytes for the task heap; raise $p.process.size or lower one of the other $p sizes."
      # Network buffers are filled at the start. Unless asked for, a local node takes no more of them than the minimum.
      if [ -z "${conf[$p.network.min]}${conf[$p.network.max]}${conf[$p.network.fraction]}" ]; then network=$((64 << 20)); fi
      heap_flags $((framework_heap + task_heap))
      memory+=("-XX:MaxDirectMemorySize=$((framework_off + task_off + network))" "-XX:MaxMetaspaceSize=$metaspace")
      dynamic+=(
        -D "taskmanager.cpu.cores=${conf[taskmanager.cpu.cores]:-${conf[taskmanager.numberOfTaskSlots]:-1}.0}"
        -D "$p.framework.heap.size=${framework_heap}b" -D "$p.framework.off-heap.size=${framework_off}b"
        -D "$p.task.heap.size=${task_heap}b" -D "$p.task.off-heap.size=${task_off}b"
        -D "$p.network.min=${network}b" -D "$p.network.max=${network}b" -D "$p.managed.size=${managed}b"
        -D "$p.jvm-metaspace.size=${metaspace}b" -D "$p.jvm-overhead.min=${overhead}b" -D "$p.jvm-overhead.max=${overhead}b"
      )
    }

    # launch SERVICE MAIN_CLASS ROLE ARGUMENTS...
    launch() {
      local service=$1 class=$2 role=$3 file jar classpath= console=$FLINK_CONF_DIR
      local -a memory dynamic opens java_options folder=(--configDir "$FLINK_CONF_DIR")
      shift 3
      for file in "$FLINK_CONF_DIR/config.yaml" "$FLINK_CONF_DIR/flink-conf.yaml"; do
        [ -f "$file" ] || continue
        if [ -n "$FLINK_PROPERTIES" ] && ! printf '\n%s\n' "$FLINK_PROPERTIES" 2>/dev/null >>"$file"; then
          echo "WARNING: $file is not writable; FLINK_PROPERTIES is ignored." >&2
        fi
        read_configuration "$file"
      done
      read_arguments "$@"

      # Each pod has a loopback address of its own instead of a network of its own, so nothing may listen on all of them.
      if [ $role = jobmanager ]; then
        dynamic=(-D "rest.bind-address=$address" -D "jobmanager.bind-host=$address")
      else
        dynamic=(-D "taskmanager.bind-host=$address" -D "taskmanager.host=$address")
        if [ -z "${conf[cluster.registration.error-delay]}" ]; then dynamic+=(-D cluster.registration.error-delay=1s); fi
      fi
      if [ $service = kubernetes-taskmanager ]; then
        for file in $FLINK_TM_JVM_MEM_OPTS; do [[ $file == -Xms* ]] || memory+=("$file"); done
      else
        ${role}_memory
      fi

      # The native JobManager takes the folder from the environment, and ignores all that follows what it does not know.
      [[ $service == kubernetes-* && $role = jobmanager ]] && folder=()

      [ -f "$console/log4j-console.properties" ] || console=/opt/flink-local-conf
      for jar in "$FLINK_LIB_DIR"/*.jar; do
        [[ $jar == */flink-dist*.jar ]] || classpath=$classpath$jar:
      done
      for jar in "$FLINK_LIB_DIR"/flink-dist*.jar; do classpath=$classpath$jar; done
      for file in java.lang java.net java.io java.nio sun.nio.ch java.lang.reflect java.text java.time java.util \
        java.util.concurrent java.util.concurrent.atomic java.util.concurrent.locks; do
        opens+=("--add-opens=java.base/$file=ALL-UNNAMED")
      done
      opens+=(--add-exports=java.base/sun.net.util=ALL-UNNAMED --add-exports=java.rmi/sun.rmi.registry=ALL-UNNAMED)
      opens+=(--add-exports=java.security.jgss/sun.security.krb5=ALL-UNNAMED)
      eval "java_options=(${conf[env.java.opts.all]:-${conf[env.java.opts]}} ${conf[env.java.opts.$role]} $FLINK_ENV_JAVA_OPTS)"

      echo "Starting $service as a console application on host $HOSTNAME."
      exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" $FLINK_LOCAL_JVM_FLAGS "${memory[@]}" "${opens[@]}" "${java_options[@]}" \
        -Djdk.net.hosts.file=/run/flink-operator/hosts -Dsun.net.inetaddr.ttl=1 -Dsun.net.inetaddr.negative.ttl=0 \
        "-Dlog.file=$FLINK_LOG_DIR/flink--$service-0-$HOSTNAME.log" \
        "-Dlog4j.configuration=file:$console/log4j-console.properties" \
        "-Dlog4j.configurationFile=file:$console/log4j-console.properties" \
        "-Dlogback.configurationFile=file:$console/logback-console.xml" \
        -classpath "$classpath" "$class" "${folder[@]}" "${dynamic[@]}" "$@"
    }

    entrypoint=org.apache.flink.kubernetes.entrypoint
    command=$1
    case $command in
      help)
        echo "Usage: docker-entrypoint.sh (jobmanager|standalone-job|taskmanager|help) [arguments], or any command"
        exit 0
        ;;
      jobmanager)
        launch standalonesession org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint jobmanager "${@:2}"
        ;;
      standalone-job)
        launch standalonejob org.apache.flink.container.entrypoint.StandaloneApplicationClusterEntryPoint jobmanager "${@:2}"
        ;;
      taskmanager)
        launch taskexecutor org.apache.flink.runtime.taskexecutor.TaskManagerRunner taskmanager "${@:2}"
        ;;
      --kubernetes-jobmanager)
        case $2 in
          kubernetes-application) launch $2 $entrypoint.KubernetesApplicationClusterEntrypoint jobmanager "${@:3}" ;;
          kubernetes-session) launch $2 $entrypoint.KubernetesSessionClusterEntrypoint jobmanager "${@:3}" ;;
          *) fail "Unknown service '$2'. Usage: kubernetes-jobmanager.sh kubernetes-session|kubernetes-application [args]" ;;
        esac
        ;;
      --kubernetes-taskmanager)
        launch kubernetes-taskmanager org.apache.flink.kubernetes.taskmanager.KubernetesTaskExecutorRunner taskmanager "${@:2}"
        ;;
      *)
        exec "$@"
        ;;
    esac
    """##
}
