// Options that several commands take.

public import ArgumentParser
internal import Ingest
public import Log
internal import Windowing

/// Where settings come from and how much is logged.
struct GlobalOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Read settings from a YAML or JSON file.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("Log from this level on: debug, info, warning, error.", valueName: "level"))
    var logLevel = Logger.Level.info

    @Option(help: ArgumentHelp("How log lines are written: text, or json for collectors.", valueName: "format"))
    var logFormat = LogFormat.text

    /// The program's logger.
    var logger: Logger {
        let format = logFormat
        var logger = Logger(label: "pageviews") { _ in StandardErrorLog(format: format) }
        logger.logLevel = logLevel
        return logger
    }

    /// What ends a service, for those who read its lines by a program: one more line.
    /// - Returns: what to throw instead. In text, the error itself, which is printed as every command's is.
    func reported(_ error: any Error) -> any Error {
        guard logFormat == .json, let failure = Failure(error) else { return error }
        logger.critical("\(failure.text)", metadata: (error as? IngestError)?.facts ?? [:])
        return ExitCode(failure.exitCode)
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}

/// How to reach Kafka.
struct BrokerOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The brokers to start from.", valueName: "host:port,..."))
    var bootstrapServers = "localhost:9092"

    @Option(
        help: ArgumentHelp(
            "Any librdkafka setting, for example security.protocol=sasl_ssl; repeatable.", valueName: "key=value"))
    var kafkaConfig: [KafkaSetting] = []

    /// As librdkafka wants them; what the user gave comes last and wins.
    func settings(clientID: String, group: String? = nil) -> [(String, String)] {
        var settings = [("bootstrap.servers", bootstrapServers), ("client.id", clientID)]
        if let group { settings.append(("group.id", group)) }
        return settings + kafkaConfig.map { ($0.key, $0.value) }
    }
}

/// The topic of page views, and how to reach it.
struct KafkaOptions: ParsableArguments {
    @OptionGroup var brokers: BrokerOptions

    @Option(help: ArgumentHelp("The topic of page views.", valueName: "name"))
    var topic = "pageviews"

    /// As librdkafka wants them; what the user gave comes last and wins.
    func settings(group: String? = nil) -> [(String, String)] { brokers.settings(clientID: "pageviews", group: group) }
}

/// Windows, watermark, lateness.
struct WindowOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Length of the tumbling windows.", valueName: "duration"))
    var window = DurationArgument(milliseconds: 60_000)

    @Option(
        help: ArgumentHelp("How far the watermark stays behind the latest event.", valueName: "duration"))
    var watermarkDelay = DurationArgument(milliseconds: 20_000)

    @Option(
        help: ArgumentHelp("How long after the watermark has passed a window it still counts.", valueName: "duration"))
    var allowedLateness = DurationArgument(milliseconds: 86_400_000)

    @Option(
        help: ArgumentHelp(
            "A partition without records for this long stops holding the watermark.", valueName: "duration"))
    var idleTimeout = DurationArgument(milliseconds: 30_000)

    @Option(
        help: ArgumentHelp("Events further ahead of the clock never move the watermark.", valueName: "duration"))
    var maxFutureSkew = DurationArgument(milliseconds: 300_000)

    /// - Throws: `WindowSettings.OutOfBounds`.
    func settings() throws -> WindowSettings {
        try WindowSettings(
            windowMilliseconds: window.milliseconds, watermarkDelayMilliseconds: watermarkDelay.milliseconds,
            allowedLatenessMilliseconds: allowedLateness.milliseconds,
            idleTimeoutMilliseconds: idleTimeout.milliseconds, maxFutureSkewMilliseconds: maxFutureSkew.milliseconds)
    }
}
