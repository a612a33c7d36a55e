import ArgumentParser
import FlinkController
import FlinkModel
import KubernetesAPI
import KubernetesClient
import Logging
import Operations
import ServiceLifecycle
import Synchronization

/// The operator's settings as they are now.
final class LiveSettings: Sendable {
  private let present: Mutex<OperatorSettings>

  init(_ settings: OperatorSettings) { present = Mutex(settings) }

  var settings: OperatorSettings {
    get { present.withLock { $0 } }
    set { present.withLock { $0 = newValue } }
  }
}

/// The options of the admission webhook, which every replica serves, whoever leads.
struct WebhookOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Where the admission webhook answers, over TLS with a certificate that the operator makes and renews; off if absent.",
      valueName: "host:port"))
  var webhookAddress: String?

  @Option(help: ArgumentHelp("The Service in front of the webhook, in our own namespace.", valueName: "name"))
  var webhookService = "flink-operator-webhook-service"

  @Option(
    help: ArgumentHelp(
      """
      The ValidatingWebhookConfiguration and MutatingWebhookConfiguration that get the certificate's authority; \
      flink-operator-<namespace>-webhook-configuration if absent.
      """, valueName: "name"))
  var webhookConfiguration: String?

  /// nil where the webhook is off.
  func service(
    _ kubernetes: KubernetesClient, namespace: String, settings: LiveSettings
  ) throws -> (any Service)? {
    guard let webhookAddress else { return nil }
    let (host, port) = try RunCommand.hostAndPort(webhookAddress, option: "--webhook-address")
    let logger = Logger(label: "webhook")
    let place = WebhookPlace(
      namespace: namespace, service: webhookService, configuration: webhookConfiguration,
      moreNames: host == "0.0.0.0" ? [] : [host])
    let keeper = WebhookCertificateKeeper(
      kubernetes: kubernetes, place: place, now: { Timestamp(epochMilliseconds: OperatorClock.system.now()) },
      logger: logger)
    let server = WebhookServer(
      host: host, port: port, certificate: { keeper.certificate }, settings: { settings.settings },
      cluster: { namespace, name in
        let object = try? await kubernetes.get(.flinkDeployments, namespace: namespace, name: name)
        return object.map { FlinkDeployment($0) }
      }, logger: logger)
    return RunningService { try await Webhook(keeper: keeper, server: server).run() }
  }
}
