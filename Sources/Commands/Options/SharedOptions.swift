// Option rows that several commands share.

import Arguments
import Ingest
import Log
import Windowing

/// The settings file and the logging options.
struct GlobalOptions: Sendable {
    var config: String?
    var logLevel = Logger.Level.info
    var logFormat = LogFormat.text

    static let rows: [Option<GlobalOptions>] = [
        .config(\.config),
        .value(
            "log-level", \.logLevel, .choice, "level", "Log from this level on: debug, info, warning, error."),
        .value(
            "log-format", \.logFormat, .choice, "format", "Format of log lines: text, or json for collectors."),
    ]

    /// The program's logger.
    var logger: Logger { StandardErrorLog(format: logFormat).logger(level: logLevel) }

    /// With --log-format json, logs the error that ends a service as a last JSON line.
    /// - Returns: the error to throw instead. In text format, the error itself, which `Pageviews` prints.
    func reported(_ error: any Error) -> any Error {
        guard logFormat == .json, let failure = Failure(error) else { return error }
        logger.critical("\(failure.text)", metadata: (error as? IngestError)?.facts ?? [:])
        return ExitCode(failure.exitCode)
    }
}

extension Option {
    /// The settings file; it is read before the other options.
    static func config(_ field: Field<String?>) -> Option {
        .value("config", field, .text, "file", "Read settings from a YAML or JSON file.")
    }

    /// The state file of commands that work on one.
    static func state(
        _ field: Field<String>, _ help: String = "The state file.", kind: ValueKind<String> = .text
    ) -> Option {
        .value("state", field, kind, "file", help)
    }
}

/// The connection to Kafka.
struct BrokerOptions: Sendable {
    var bootstrapServers = "localhost:9092"
    var kafkaConfig: [KafkaSetting] = []

    static let rows: [Option<BrokerOptions>] = [
        .value("bootstrap-servers", \.bootstrapServers, .text, "host:port,...", "The brokers to start from."),
        .list(
            "kafka-config", \.kafkaConfig, KafkaSetting.kind, "key=value",
            "Any librdkafka setting, for example security.protocol=sasl_ssl; repeatable.", ofPairs: true
        ).showing { KafkaSetting($0)?.shown ?? "set" },
    ]

    /// librdkafka's settings. The user's come last and win.
    func settings(clientID: String, group: String? = nil) -> [(String, String)] {
        var settings = [("bootstrap.servers", bootstrapServers), ("client.id", clientID)]
        if let group { settings.append(("group.id", group)) }
        return settings + kafkaConfig.map { ($0.key, $0.value) }
    }
}

/// The topic of page views and the connection to it.
struct KafkaOptions: Sendable {
    var brokers = BrokerOptions()
    var topic = "pageviews"

    static let rows: [Option<KafkaOptions>] =
        BrokerOptions.rows.lifted(\.brokers) + [.value("topic", \.topic, .text, "name", "The topic of page views.")]

    /// librdkafka's settings. The user's come last and win.
    func settings(group: String? = nil) -> [(String, String)] { brokers.settings(clientID: "pageviews", group: group) }
}

/// Windows, watermark and lateness, in milliseconds. `WindowSettings` cannot hold values out of bounds, so this type
/// collects them first.
struct WindowOptions: Sendable {
    var window: Int64 = 60_000
    var watermarkDelay: Int64 = 20_000
    var allowedLateness: Int64 = 86_400_000
    var idleTimeout: Int64 = 30_000
    var maxFutureSkew: Int64 = 300_000

    static let rows: [Option<WindowOptions>] = [
        .value("window", \.window, .duration, "duration", "Length of the tumbling windows."),
        .value(
            "watermark-delay", \.watermarkDelay, .duration, "duration",
            "Distance of the watermark behind the latest event."),
        .value(
            "allowed-lateness", \.allowedLateness, .duration, "duration",
            "Time that a window still counts events after the watermark has passed it."),
        .value(
            "idle-timeout", \.idleTimeout, .duration, "duration",
            "Time without records after which a partition stops holding the watermark."),
        .value(
            "max-future-skew", \.maxFutureSkew, .duration, "duration",
            "Largest lead over the clock at which an event moves the watermark."),
    ]

    static let check = Check<WindowOptions> { options in
        do {
            _ = try options.settings()
            return nil
        } catch {
            guard let error = error as? WindowSettings.OutOfBounds else { return ("", "\(error)") }
            return (error.setting, "must be \(error.expectation)")
        }
    }

    /// - Throws: `WindowSettings.OutOfBounds`.
    func settings() throws -> WindowSettings {
        try WindowSettings(
            windowMilliseconds: window, watermarkDelayMilliseconds: watermarkDelay,
            allowedLatenessMilliseconds: allowedLateness, idleTimeoutMilliseconds: idleTimeout,
            maxFutureSkewMilliseconds: maxFutureSkew)
    }
}
