// Settings from flags, environment and file; the kinds of values options take; exit codes.

import ArgumentParser
import Foundation
import Generator
import Ingest
import SQLite
import Store
import TestSupport
import Testing
import Windowing

@testable import Kafka
@testable import pageviews

@Suite("Settings")
struct SettingsTests {
    func expanded(_ arguments: [String], _ environment: [String: String] = [:]) throws -> [String] {
        try SettingsExpansion(arguments: arguments, environment: environment).expanded()
    }

    func ingest(_ arguments: [String], _ environment: [String: String] = [:]) throws -> IngestCommand {
        let command = try Pageviews.parseAsRoot(try expanded(["ingest"] + arguments, environment))
        return try #require(command as? IngestCommand)
    }

    func failure(_ body: () throws -> Void) -> Failure? {
        do {
            try body()
            return nil
        } catch {
            return error as? Failure
        }
    }

    @Test("without environment and file the arguments stay as they are")
    func untouched() throws {
        for arguments in [[], ["--help"], ["ingest"], ["nonsense", "--topic", "x"], ["ingest", "--topic", "x"]] {
            #expect(try expanded(arguments) == arguments)
        }
        #expect(
            try expanded(["ingest"], ["PATH": "/bin", "PAGEVIEWS_NO_SUCH": "1", "PAGEVIEWS_HELP": "1"]) == ["ingest"])
    }

    @Test("the flag wins over the environment, the environment over the file")
    func precedence() throws {
        let folder = try TemporaryFolder()
        let file = folder.file("settings.yaml")
        try Data("topic: from-file\nstate: file.db\nwindow: 30s\n".utf8).write(to: URL(fileURLWithPath: file))
        let environment = [
            "PAGEVIEWS_TOPIC": "from-environment", "PAGEVIEWS_STATE": "environment.db", "PAGEVIEWS_CONFIG": file,
        ]
        let command = try ingest(["--topic", "from-flag"], environment)
        #expect(command.kafka.topic == "from-flag")
        #expect(command.state == "environment.db")
        #expect(command.windows.window.milliseconds == 30_000)
        // --config wins over PAGEVIEWS_CONFIG.
        let other = folder.file("other.json")
        try Data(#"{"group": "from-json", "exit-at-end": true, "flush-interval": "1s"}"#.utf8).write(
            to: URL(fileURLWithPath: other))
        for spelled in [["--config", other], ["--config=\(other)"]] {
            let command = try ingest(spelled, environment)
            #expect(command.group == "from-json")
            #expect(command.exitAtEnd)
            #expect(command.flushInterval.milliseconds == 1000)
            #expect(command.windows.window.milliseconds == 60_000)
        }
    }

    @Test("flags in environment and file take true and false; lists and mappings repeat the option")
    func kinds() throws {
        for (text, value) in [
            ("true", true), ("1", true), ("YES", true), ("false", false), ("0", false), ("off", false), ("", false),
        ] {
            #expect(try ingest([], ["PAGEVIEWS_EXIT_AT_END": text]).exitAtEnd == value)
        }
        let wrong = failure { _ = try ingest([], ["PAGEVIEWS_EXIT_AT_END": "perhaps"]) }
        #expect(wrong?.exitCode == 2)
        #expect(wrong?.text == "setting exit-at-end is either true or false, not perhaps")
        let folder = try TemporaryFolder()
        for text in [
            "kafka-config:\n  security.protocol: ssl\n  ssl.ca.location: /a=b\n",
            "kafka-config:\n  - security.protocol=ssl\n  - ssl.ca.location=/a=b\n",
            #"{"kafka-config": {"security.protocol": "ssl", "ssl.ca.location": "/a=b"}}"#,
        ] {
            let file = folder.file("settings.yaml")
            try Data(text.utf8).write(to: URL(fileURLWithPath: file))
            let settings = try ingest(["--config", file]).kafka.brokers.kafkaConfig
            #expect(settings.map(\.key) == ["security.protocol", "ssl.ca.location"])
            #expect(settings.map(\.value) == ["ssl", "/a=b"])
        }
        #expect(try ingest([], ["PAGEVIEWS_TOPIC": "--odd name"]).kafka.topic == "--odd name")
    }

    @Test("a file that cannot be used says why, with exit code 2")
    func wrongFiles() throws {
        let folder = try TemporaryFolder()
        let file = folder.file("settings.yaml")
        for (text, words) in [
            ("no-such-setting: 1\n", "there is no setting named no-such-setting"), ("- a\n- b\n", "not a mapping"),
            ("topic: [unclosed\n", "not YAML"), ("kafka-config:\n  a:\n    b: c\n", "nested too deep"),
        ] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: file))
            let found = failure { _ = try expanded(["ingest", "--config", file]) }
            #expect(found?.exitCode == 2, "\(text)")
            #expect(found?.text.contains(words) == true, "\(found?.text ?? "")")
            #expect(found?.text.contains(file) == true)
            #expect(found?.text.contains("\n") == false)
        }
        let missing = failure { _ = try expanded(["ingest", "--config", folder.file("none.yaml")]) }
        #expect(missing?.exitCode == 2)
        #expect(missing?.text.contains("cannot be read") == true)
        try Data().write(to: URL(fileURLWithPath: file))
        #expect(try expanded(["ingest", "--config", file]) == ["ingest", "--config", file])
    }

    @Test("a setting of another command in the file is passed over")
    func otherCommands() throws {
        let folder = try TemporaryFolder()
        let file = folder.file("settings.yaml")
        try Data("rate: 5\ntopic: shared\n".utf8).write(to: URL(fileURLWithPath: file))
        #expect(try ingest(["--config", file]).kafka.topic == "shared")
        let generate = try Pageviews.parseAsRoot(try expanded(["generate", "--config", file])) as? GenerateCommand
        #expect(generate?.rate == 5)
    }

    @Test("defaults are the contract's")
    func defaults() throws {
        let settings = try ingest([]).settings()
        #expect(settings.bootstrapServers == "localhost:9092")
        #expect(settings.topic == "pageviews")
        #expect(settings.statePath == "pageviews.db")
        #expect(settings.partitions == nil)
        #expect(settings.flushIntervalMilliseconds == 200)
        #expect(settings.windows == (try WindowSettings()))
        #expect(!settings.skipsMissingOffsets && !settings.exitsAtEnd)
        #expect(settings.kafka.contains { $0 == ("group.id", "pageviews") })
    }

    @Test("the user's Kafka settings come last and win")
    func kafkaSettings() throws {
        let settings = try ingest(["--kafka-config", "client.id=mine", "--kafka-config=group.id=g"]).settings()
        #expect(settings.kafka.last { $0.0 == "client.id" }?.1 == "mine")
        #expect(settings.kafka.last { $0.0 == "group.id" }?.1 == "g")
    }

    @Test("values out of bounds are wrong usage")
    func bounds() throws {
        for arguments in [
            ["--flush-interval", "9ms"], ["--flush-interval", "61s"], ["--window", "1"], ["--topic"],
            ["--kafka-config", "x"],
            ["--partitions", "3-1"], ["--on-missing-offsets", "ignore"],
        ] { #expect(throws: (any Error).self, "\(arguments)") { try ingest(arguments) } }
        #expect(throws: WindowSettings.OutOfBounds.self) { try ingest(["--window", "7s"]).settings() }
    }
}

@Suite("Argument types")
struct ArgumentTypeTests {
    @Test("durations")
    func durations() {
        for (text, value) in [
            ("0s", 0), ("200ms", 200), ("20s", 20_000), ("5m", 300_000), ("24h", 86_400_000), ("7d", 604_800_000),
            ("007s", 7000),
        ] as [(String, Int64)] { #expect(DurationArgument(argument: text)?.milliseconds == value, "\(text)") }
        for text in [
            "", "s", "5", "-5s", "+5s", "5 s", "1.5s", "5S", "5sec", "5s ", "９s", "9223372036854775807d",
            "99999999999999999999ms",
        ] {
            #expect(DurationArgument(argument: text) == nil, "\(text)")
        }
        for (milliseconds, text) in [
            (0, "0ms"), (200, "200ms"), (60_000, "1m"), (90_000, "90s"), (86_400_000, "1d"), (3_600_001, "3600001ms"),
        ] as [(Int64, String)] {
            let argument = DurationArgument(milliseconds: milliseconds)
            #expect(argument.defaultValueDescription == text)
            #expect(DurationArgument(argument: text)?.milliseconds == milliseconds)
        }
    }

    @Test("partitions")
    func partitions() {
        #expect(PartitionsArgument(argument: "all")?.partitions == nil)
        #expect(PartitionsArgument(argument: "0")?.partitions == [0])
        #expect(PartitionsArgument(argument: "0-3,7")?.partitions == [0, 1, 2, 3, 7])
        #expect(PartitionsArgument(argument: "2-2,2")?.partitions == [2])
        for text in [
            "", ",", "1,", "-1", "1-", "3-1", "a", "1-2-3", "0-2147483648", "0-2147483647", "1 ,2", "99999999999",
        ] {
            let argument = PartitionsArgument(argument: text)
            #expect(argument == nil, "\(text)")
        }
    }

    @Test("Kafka settings")
    func kafkaSettings() {
        let setting = KafkaSetting(argument: "sasl.password=a=b=")
        #expect(setting?.key == "sasl.password")
        #expect(setting?.value == "a=b=")
        #expect(KafkaSetting(argument: "a=")?.value == "")
        #expect(KafkaSetting(argument: "a") == nil)
        #expect(KafkaSetting(argument: "=a") == nil)
    }

    @Test("lateness mixes")
    func lateness() {
        #expect(
            LatenessArgument(argument: "80:20s,20:1d")?.classes
                == [
                    LatenessClass(weight: 80, latestMilliseconds: 20_000),
                    LatenessClass(weight: 20, latestMilliseconds: 86_400_000),
                ])
        #expect(
            LatenessArgument(argument: LatenessArgument().defaultValueDescription)?.classes
                == LatenessArgument().classes)
        for text in [
            "", "80", "80:", ":20s", "80:20", "0:20s", "-1:20s", "80:20s,", "80:20s;20:1d", "1000001:1s", "1:1s:1s",
        ] {
            let argument = LatenessArgument(argument: text)
            #expect(argument == nil, "\(text)")
        }
    }

    @Test("moments")
    func moments() {
        #expect(MomentArgument(argument: "2021-01-26T12:04:44Z")?.milliseconds == 1_611_662_684_000)
        #expect(MomentArgument(argument: "2021-01-26T13:04:44+01:00")?.milliseconds == 1_611_662_684_000)
        for text in ["", "now", "2021-13-01T00:00:00Z", "1611662684"] {
            #expect(MomentArgument(argument: text)?.milliseconds == nil, "\(text)")
        }
    }
}

@Suite("Exit codes")
struct ExitCodeTests {
    @Test("each error has the contract's exit code and one line of text")
    func codes() {
        func kafka(_ code: Int32) -> KafkaError { KafkaError(code: code) }
        let errors: [(any Error, Int32)] = [
            (StoreError.inUse(path: "p", holder: "h"), 5),
            (StoreError.otherCluster(path: "p", recorded: "a", found: "b"), 5),
            (StoreError.otherTopic(path: "p", recorded: "a", asked: "b"), 5),
            (StoreError.otherWindow(path: "p", recordedMilliseconds: "1", askedMilliseconds: "2"), 2),
            (StoreError.notAState(path: "p"), 1), (StoreError.newerVersion(path: "p", version: 9), 1),
            (StoreError.cannotOpen(path: "p", reason: "r"), 1),
            (IngestError.topicShorter(topic: "t", partition: 0, next: 2, end: 1), 5),
            (IngestError.missingOffsets(topic: "t", partition: 0, from: 1, to: 2), 1),
            (IngestError.noSuchPartition(topic: "t", partition: 9, count: 1), 1),
            (IngestError.notWritten(path: "p", reason: "r"), 1),
            (kafka(-195), 4), (kafka(-169), 4), (kafka(58), 4),
            (kafka(-186), 2), (kafka(1), 1), (SQLiteError(code: 11, message: "damaged"), 1),
            (Failure("f", exitCode: 3), 3),
        ]
        for (error, code) in errors {
            let failure = Failure(error)
            #expect(failure?.exitCode == code, "\(error)")
            #expect(failure?.text.isEmpty == false)
            #expect(failure?.text.contains("\n") == false)
        }
        #expect(Failure(ValidationError("x")) == nil)
        do {
            _ = try WindowSettings(windowMilliseconds: 7000)
        } catch {
            #expect(Failure(error)?.exitCode == 2)
        }
    }
}
