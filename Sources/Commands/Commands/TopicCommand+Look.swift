// Runs `pageviews topic`, for the command and for `\topic` at the prompt.

import Base
import Foundation
import Ingest
import Kafka
import Query
import SQLite
import State
import TopicBrowser

extension TopicCommand {
    /// Lists topics or shows messages.
    /// - Parameter speaker: the prefix of error messages.
    /// - Returns: the exit code.
    func look(_ out: Output, _ err: Output, _ interrupt: InterruptFlag, speaker: String = "pageviews") -> Int32 {
        var code = attempt(err, speaker) {
            name == nil ? try list(out, err, interrupt) : try show(out, err, interrupt)
        }
        switch out.send(unless: interrupt) {
        case .interrupted where code == 0: code = 3
        case .failed(let why) where code == 0:
            err.write("\(speaker): \(why)\n")
            code = 1
        case .done, .closed, .interrupted, .failed: break
        }
        if case .failed = err.send(unless: InterruptFlag()), code == 0 { code = 1 }
        return code
    }

    private func attempt(_ err: Output, _ speaker: String, _ work: () throws -> Int32) -> Int32 {
        do {
            return try work()
        } catch BrowseError.interrupted {
            return 3
        } catch let error as BrowseError {
            err.write("\(speaker): \(text(of: error))\n")
            if case .silent = error { return 4 }
            return 1
        } catch let error as KafkaError where error.isConnection {
            err.write(
                "\(speaker): cannot reach Kafka at \(brokers.bootstrapServers): \(error.message); is it running, and is "
                    + "--bootstrap-servers right?\n")
            return 4
        } catch {
            let failure = Failure(error) ?? Failure("\(error)", exitCode: 1)
            err.write("\(speaker): \(failure.text)\n")
            return failure.exitCode
        }
    }

    private func text(of error: BrowseError) -> String {
        switch error {
        case .unknownTopic(let name, let known):
            let guess = Spelling.nearest(to: name, in: known).map { ": did you mean \($0)?" }
            return
                "there is no topic \(SafeText.visible(name)) at \(brokers.bootstrapServers)\(guess ?? " (`pageviews topic` lists them)")"
        case .silent(let why): return "Kafka at \(brokers.bootstrapServers): \(why)"
        default: return error.description
        }
    }

    // MARK: Topics

    private func list(_ out: Output, _ err: Output, _ interrupt: InterruptFlag) throws -> Int32 {
        let listing = TopicListing(
            settings: settings, timeoutMilliseconds: Int(timeout), now: Self.now,
            mayContinue: { !interrupt.isRaised })
        let read = Self.offsets(inState: state)
        let partitions = try listing.partitions(includesInternal: showsInternal) { err.write("note: \($0)\n") }
        let wanted: OutputFormat
        if case .rows(let format)? = format { wanted = format } else { wanted = out.isTerminal ? .table : .tsv }
        var writer = ResultWriter(wanted, showsHeader: !hasNoHeader, null: null, to: out)
        // Short names, so that the table fits a terminal of 80 columns.
        writer.begin(["topic", "partition", "begin", "end", "messages", "read_by", "next", "lag"])
        for partition in partitions { writer.row(Self.row(partition, read[partition.partition])) }
        writer.end()
        return 0
    }

    private static func row(_ listing: PartitionListing, _ inState: KafkaOffset?) -> [Value] {
        let next = inState ?? listing.committed
        let value: (Int64?) -> Value = { $0.map(Value.integer) ?? .null }
        let place: (KafkaOffset?) -> Value = { value($0?.rawValue) }
        let messages = listing.begin.flatMap { begin in listing.end.map { max(0, begin.distance(to: $0)) } }
        let lag = next.flatMap { next in listing.end.map { max(0, next.distance(to: $0)) } }
        let reader: Value = inState != nil ? .text("state") : listing.committed != nil ? .text("group") : .null
        return [
            .text(listing.partition.topic), .integer(Int64(listing.partition.partition.rawValue)),
            place(listing.begin), place(listing.end), value(messages), reader, place(next), value(lag),
        ]
    }

    /// The state's next offsets; empty when no state can be read.
    private static func offsets(inState path: String) -> [TopicPartition: KafkaOffset] {
        guard let reader = try? StateReader(path), let topic = try? reader.meta(.topic),
            let partitions = try? reader.partitionSums()
        else { return [:] }
        return Dictionary(
            partitions.map { (TopicPartition(topic: topic, partition: $0.partition), $0.nextOffset) }
        ) { first, _ in first }
    }

    // MARK: Messages

    private func show(_ out: Output, _ err: Output, _ interrupt: InterruptFlag) throws -> Int32 {
        let browser = TopicBrowser(
            settings: settings, now: Self.now, mayContinue: { !interrupt.isRaised },
            notice: { err.write("note: \($0)\n") })
        var writer = MessageWriter(
            format ?? (out.isTerminal ? .pretty : .rows(.tsv)), showsHeader: !hasNoHeader, null: null, out)
        var ending = Sending.done
        let shown = try browser.browse(request) { message in
            writer.message(message)
            // On a terminal and with --follow, send each message at once; otherwise in pieces of 64 KiB.
            guard follow || out.isTerminal || out.waitingBytes >= 64 << 10 else { return true }
            ending = out.send(unless: interrupt)
            return ending == .done
        }
        writer.end()
        switch ending {
        case .done, .closed: break
        case .interrupted: return 3
        case .failed(let why): throw Failure(why, exitCode: 1)
        }
        if out.isTerminal, err.isTerminal, ending == .done { err.write(footer(shown)) }
        return 0
    }

    private func footer(_ shown: Int) -> String {
        let messages = "\(shown) message\(shown == 1 ? "" : "s")"
        guard let limit = request.limit, shown >= limit else { return "(\(messages))\n" }
        return "(\(messages); --limit and --from show others)\n"
    }

    private static func now() -> Int { Int(TimeSource.system.monotonic()) }
}
