// Settings from flags, environment and file; the kinds of values options take; exit codes.

import Base
import Foundation
import Generator
import Ingest
import SQLite
import State
import TestSupport
import Testing
import Windowing

@testable import Arguments
@testable import Kafka
@testable import Commands

@Suite("Settings")
struct SettingsTests {
    func assignments(
        _ name: String, _ arguments: [String], _ environment: [String: String] = [:]
    ) throws -> [Assignment] {
        let command = try #require(Pageviews.program.command(name))
        return try SettingSources(environment: environment).assignments(of: command, arguments)
    }

    func ingest(_ arguments: [String], _ environment: [String: String] = [:]) throws -> IngestCommand {
        try IngestCommand.rows.read(assignments("ingest", arguments, environment)).values
    }

    /// What the user is told: of wrong usage, or of a file that cannot be used.
    func complaint(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch let error as UsageError {
            return error.message
        } catch {
            let failure = error as? Failure
            #expect(failure?.exitCode == 2, "\(error)")
            return failure?.text
        }
    }

    func file(_ text: String, _ name: String = "settings.yaml", in folder: TemporaryFolder) throws -> String {
        let path = folder.file(name)
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    func rawJSON(_ arguments: [String], _ environment: [String: String]) throws -> String? {
        let found = try assignments("ingest", arguments, environment)
        return try IngestCommand.command.effective(found).first { $0.name == "raw-json" }?.value
    }

    @Test("variables that are no settings are passed over")
    func variables() throws {
        let found = try assignments("ingest", [], ["PATH": "/bin", "PAGEVIEWS_NO_SUCH": "1", "PAGEVIEWS_HELP": "1"])
        #expect(found.isEmpty)
    }

    @Test("the flag wins over the environment, the environment over the file")
    func precedence() throws {
        let folder = try TemporaryFolder()
        let yaml = try file("topic: from-file\nstate: file.db\nwindow: 30s\n", in: folder)
        let environment = [
            "PAGEVIEWS_TOPIC": "from-environment", "PAGEVIEWS_STATE": "environment.db", "PAGEVIEWS_CONFIG": yaml,
        ]
        let command = try ingest(["--topic", "from-flag"], environment)
        #expect(command.kafka.topic == "from-flag")
        #expect(command.state == "environment.db")
        #expect(command.windows.window == 30_000)
        // --config wins over PAGEVIEWS_CONFIG.
        let other = try file(
            #"{"group": "from-json", "exit-at-end": true, "flush-interval": "1s"}"#, "other.json", in: folder)
        for spelled in [["--config", other], ["--config=\(other)"]] {
            let command = try ingest(spelled, environment)
            #expect(command.group == "from-json" && command.exitAtEnd)
            #expect(command.flushInterval == 1000 && command.windows.window == 60_000)
        }
    }

    @Test("flags in environment and file take yes and no, and the order of sources holds")
    func flags() throws {
        for (text, value) in [
            ("true", true), ("1", true), ("YES", true), ("false", false), ("0", false), ("off", false), ("", false),
        ] {
            #expect(try ingest([], ["PAGEVIEWS_EXIT_AT_END": text]).exitAtEnd == value)
        }
        let wrong = complaint { _ = try ingest([], ["PAGEVIEWS_EXIT_AT_END": "perhaps"]) }
        #expect(wrong == "PAGEVIEWS_EXIT_AT_END is either true or false, not 'perhaps'")
        let folder = try TemporaryFolder()
        for (text, environment, value) in [
            ("raw-json: false", [:], false), ("no-raw-json: true", [:], false), ("raw-json: true", [:], true),
            ("raw-json: true", ["PAGEVIEWS_RAW_JSON": "false"], false),
            ("raw-json: no", ["PAGEVIEWS_RAW_JSON": "on"], true),
        ] as [(String, [String: String], Bool)] {
            let yaml = try file(text + "\n", in: folder)
            #expect(try rawJSON(["--config", yaml], environment) == "\(value)", "\(text)")
            #expect(try rawJSON(["--config", yaml, "--raw-json"], environment) == "true")
        }
        let yaml = try file("exit-at-end: true\n", in: folder)
        #expect(try !ingest(["--config", yaml], ["PAGEVIEWS_EXIT_AT_END": "false"]).exitAtEnd)
    }

    @Test("a list option is a list, a mapping or one text in a file, and collects from everywhere")
    func lists() throws {
        let folder = try TemporaryFolder()
        for text in [
            "kafka-config:\n  security.protocol: ssl\n  ssl.ca.location: /a=b\n",
            "kafka-config:\n  - security.protocol=ssl\n  - ssl.ca.location=/a=b\n",
            #"{"kafka-config": {"security.protocol": "ssl", "ssl.ca.location": "/a=b"}}"#,
        ] {
            let settings = try ingest(["--config", try file(text, in: folder)]).kafka.brokers.kafkaConfig
            #expect(settings.map(\.key) == ["security.protocol", "ssl.ca.location"])
            #expect(settings.map(\.value) == ["ssl", "/a=b"])
        }
        let yaml = try file("kafka-config: a=1\n", in: folder)
        let all = try ingest(["--config", yaml, "--kafka-config", "c=3"], ["PAGEVIEWS_KAFKA_CONFIG": "b=2"])
        #expect(all.kafka.brokers.kafkaConfig.map(\.key) == ["a", "b", "c"])
        #expect(try ingest([], ["PAGEVIEWS_STATE": "--odd name"]).state == "--odd name")
    }

    @Test("an option of one value takes no list and no mapping, whatever it is")
    func single() throws {
        let folder = try TemporaryFolder()
        for option in IngestCommand.rows.infos where !option.isWord && option.name != "config" {
            let list = try file("\n\(option.name): [a, b]\n", in: folder)
            let said = complaint { _ = try assignments("ingest", ["--config", list]) }
            #expect(said == (option.isList ? nil : "\(list):2: \(option.name) takes one value, not a list"))
        }
        for (text, words) in [
            ("topic: {a: b}", "topic takes one value, not a mapping"), ("topic:", "topic"),
            ("kafka-config:\n  - [a=b]", "setting kafka-config is nested too deep"),
            ("kafka-config:\n  a:\n    b: c", "setting kafka-config is nested too deep"),
        ] {
            let yaml = try file(text + "\n", in: folder)
            let said = complaint { _ = try assignments("ingest", ["--config", yaml]) }
            #expect(said?.hasPrefix("\(yaml):") == true && said?.contains(words) == true, "\(said ?? "")")
        }
    }

    @Test("a file that cannot be used says why, where and what to do")
    func wrongFiles() throws {
        let folder = try TemporaryFolder()
        for (text, words) in [
            ("state: x\nstat: 1\n", ":2: there is no setting named stat; did you mean state?"),
            ("no-such-setting: 1\n", "there is no setting named no-such-setting"), ("- a\n- b\n", "not a mapping"),
            ("topic: [unclosed\n", "topic"),
        ] {
            let yaml = try file(text, in: folder)
            let said = complaint { _ = try assignments("ingest", ["--config", yaml]) }
            #expect(said?.hasPrefix(yaml) == true && said?.contains("\n") == false, "\(said ?? "")")
            #expect(said?.contains(words) == true || words == "topic", "\(said ?? "")")
        }
        let none = folder.file("none.yaml")
        #expect(
            complaint { _ = try assignments("ingest", ["--config", none]) }
                == "the settings file \(none) cannot be read; correct --config")
        #expect(
            complaint { _ = try assignments("ingest", [], ["PAGEVIEWS_CONFIG": none]) }
                == "the settings file \(none) cannot be read; correct PAGEVIEWS_CONFIG")
        #expect(try ingest(["--config", try file("", in: folder)]).kafka.topic == "pageviews")
    }

    @Test("a setting of another command in the file is passed over")
    func otherCommands() throws {
        let folder = try TemporaryFolder()
        let yaml = try file("rate: 5\ntopic: shared\n", in: folder)
        #expect(try ingest(["--config", yaml]).kafka.topic == "shared")
        let nested = try file("kafka-config:\n  a:\n    b: c\n", "nested.yaml", in: folder)
        #expect(complaint { _ = try assignments("query", ["--config", nested]) }?.contains(":2: ") == true)
        let generate = try GenerateCommand.rows.read(assignments("generate", ["--config", yaml])).values
        #expect(generate.settings.rate == 5 && generate.kafka.topic == "shared")
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
            ["--kafka-config", "x"], ["--partitions", "3-1"], ["--on-missing-offsets", "ignore"], ["--window", "7s"],
            ["--retention", "3651d"], ["--backfill-every", "1h"], ["--catalog", "http://x"],
            ["--http-connections", "0"],
        ] { #expect(throws: UsageError.self, "\(arguments)") { try ingest(arguments) } }
        #expect(
            complaint { _ = try ingest([], ["PAGEVIEWS_WATERMARK_DELAY": "4000d"]) }
                == "PAGEVIEWS_WATERMARK_DELAY must be from 0 to 3650d")
    }

    @Test("every option has a help text, a unique name, and a default that it reads itself")
    func rows() throws {
        for command in Pageviews.program.commands {
            let names = command.options.flatMap { $0.settingNames.map(\.name) }
            #expect(Set(names).count == names.count, "\(command.name)")
            for option in command.options {
                #expect(option.help.hasSuffix(".") || option.help.hasSuffix(")"), "\(command.name) \(option.name)")
                guard case .value = option.kind, let fallback = option.fallback else { continue }
                let assignment = Assignment(option: option.name, text: fallback, origin: .argument)
                let others = command.options.filter { $0.kind == .argument(isRequired: true) }.map {
                    Assignment(option: $0.name, text: "x", origin: .argument)
                }
                let warehouse = Assignment(option: "warehouse", text: "file:///x", origin: .argument)
                #expect(throws: Never.self, "\(command.name) \(option.name)") {
                    try command.effective(others + [warehouse, assignment])
                }
            }
        }
    }
}

@Suite("Effective settings")
struct EffectiveSettingsTests {
    func shown(
        _ name: String, _ options: [String], _ environment: [String: String] = [:]
    ) throws -> (settings: [EffectiveSetting], format: SettingsCommand.Format) {
        let command = try #require(Pageviews.program.command(name))
        return try SettingsCommand(name: name, options: options).settings(of: command, environment)
    }

    @Test("each value has its origin; of secrets only that they are set")
    func origins() throws {
        let secrets = ["sasl.password=hunter2", "ssl.key.password=hunter2", "sasl.oauthbearer.client.secret=hunter2"]
        let (settings, format) = try shown(
            "ingest",
            ["--window", "30s", "--s3-endpoint", "http://u:hunter2@h:1/x"]
                + (secrets + ["client.id=c"]).flatMap { ["--kafka-config", $0] },
            [
                "PAGEVIEWS_TOPIC": "t", "AWS_SECRET_ACCESS_KEY": "hunter2", "PAGEVIEWS_HTTP_TOKEN": "hunter2",
                "PAGEVIEWS_CATALOG_CREDENTIAL": "id:hunter2",
            ])
        let lines = SettingsCommand.table(settings).split(separator: "\n").map {
            $0.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
        }
        for line in [
            "window 30s command line", "topic t PAGEVIEWS_TOPIC", "group pageviews default", "catalog - default",
            "kafka-config sasl.password=set command line", "kafka-config client.id=c command line",
            "s3-endpoint http://set@h:1/x command line", "AWS_SECRET_ACCESS_KEY set AWS_SECRET_ACCESS_KEY",
            "PAGEVIEWS_CATALOG_TOKEN - default", "PAGEVIEWS_CATALOG_CREDENTIAL set PAGEVIEWS_CATALOG_CREDENTIAL",
        ] { #expect(lines.contains(line), "\(line)") }
        #expect(format == .table)
        #expect(!SettingsCommand.table(settings).contains("hunter2"))
        #expect(try !SettingsCommand.json(settings).contains("hunter2"))
    }

    @Test("--format json before the command, or after it, is ours; a command that has the option takes it too")
    func formats() throws {
        let (settings, format) = try shown("ingest", ["--format", "json", "--window=30s"])
        #expect(format == .json)
        let objects =
            try JSONSerialization.jsonObject(with: Data(SettingsCommand.json(settings).utf8)) as? [[String: Any]]
        let window = objects?.first { $0["name"] as? String == "window" }
        #expect(window?["value"] as? String == "30s" && window?["origin"] as? String == "command line")
        #expect(objects?.first { $0["name"] as? String == "catalog" }?["value"] is NSNull)
        #expect(try shown("query", ["--format=json"]).format == .json)
        #expect(try shown("query", ["--format=csv"]).format == .table)
        #expect(throws: UsageError.self) { try shown("ingest", ["--format", "xml"]) }
        #expect(throws: UsageError.self) { try shown("ingest", ["--wrong"]) }
    }
}

@Suite("Kinds of values")
struct ValueKindTests {
    @Test("partitions")
    func partitions() {
        let kind = Partitions.kind
        #expect(kind.read("all") == .some(nil))
        #expect(kind.read("0") == .some([0]))
        #expect(kind.read("0-3,7") == .some([0, 1, 2, 3, 7]))
        #expect(kind.read("2-2,2") == .some([2]))
        #expect(kind.write(nil) == "all" && kind.write([3, 1]) == "1,3")
        for text in [
            "", ",", "1,", "-1", "1-", "3-1", "a", "1-2-3", "0-2147483648", "0-2147483647", "1 ,2", "99999999999",
        ] { #expect(kind.read(text) == .none, "\(text)") }
    }

    @Test("Kafka settings, and which of them are secrets")
    func kafkaSettings() {
        let setting = KafkaSetting("sasl.password=a=b=")
        #expect(setting?.key == "sasl.password" && setting?.value == "a=b=" && setting?.shown == "sasl.password=set")
        #expect(KafkaSetting("a=")?.value == "")
        #expect(KafkaSetting("a") == nil && KafkaSetting("=a") == nil)
        for key in ["ssl.key.pem", "ssl.keystore.password", "sasl.oauthbearer.config", "SASL.PASSWORD"] {
            #expect(KafkaSetting("\(key)=x")?.shown == "\(key)=set")
        }
        for key in ["ssl.key.location", "sasl.username", "client.id"] {
            #expect(KafkaSetting("\(key)=x")?.shown == "\(key)=x")
        }
    }

    @Test("lateness mixes")
    func lateness() {
        let kind = Lateness.kind
        #expect(
            kind.read("80:20s,20:1d")
                == [
                    LatenessClass(weight: 80, latestMilliseconds: 20_000),
                    LatenessClass(weight: 20, latestMilliseconds: 86_400_000),
                ])
        #expect(kind.write(Lateness.reference) == "80:20s,10:1d,10:2d")
        for text in [
            "", "80", "80:", ":20s", "80:20", "0:20s", "-1:20s", "80:20s,", "80:20s;20:1d", "1000001:1s", "1:1s:1s",
        ] { #expect(kind.read(text) == nil, "\(text)") }
    }

    @Test("moments")
    func moments() {
        let kind = ValueKind<Int64>.moment
        #expect(kind.read("2021-01-26T12:04:44Z") == 1_611_662_684_000)
        #expect(kind.read("2021-01-26T13:04:44+01:00") == 1_611_662_684_000)
        for text in ["", "now", "2021-13-01T00:00:00Z", "1611662684"] { #expect(kind.read(text) == nil, "\(text)") }
    }

    @Test("the kernel's text of a command line")
    func commandLine() {
        #expect(ProcessArguments.split(Data("a\0b c\0\0".utf8)) == ["a", "b c", ""])
        #expect(ProcessArguments.split(Data()) == [])
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
            (StoreError.cannotOpen(path: "p", reason: "r"), 1), (StoreError.unreadable(path: "p", reason: "r"), 1),
            (StoreError.failed(path: "p", reason: "r"), 1),
            (IngestError.topicShorter(topic: "t", partition: 0, next: 2, end: 1), 5),
            (IngestError.missingOffsets(topic: "t", partition: 0, from: 1, to: 2), 1),
            (IngestError.noSuchPartition(topic: "t", partition: 9, count: 1), 2),
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
        #expect(Failure(UsageError("x")) == nil)
        do {
            _ = try WindowSettings(windowMilliseconds: 7000)
        } catch {
            #expect(Failure(error)?.exitCode == 2)
        }
    }
}
