// Reads the messages of a topic from a starting point, up to a number, and then new ones as they arrive.
//
// Up to the partitions' ends at the start, messages are merged by timestamp across partitions, and keep the order of
// their offsets within each. Later messages are shown as they arrive.
//
// Memory is bounded: one message per partition, and what `NewestMessages` keeps. Nothing is joined, committed or
// created, because `Cluster` and `TopicReader` only read. Every wait polls `mayContinue`.

package import Base
package import Kafka

/// The messages to browse.
package struct BrowseRequest: Sendable {
    /// The topic's name.
    package var topic: String
    /// Only these partitions; nil for all.
    package var partitions: Set<PartitionID>?
    /// The starting point.
    package var start: StartPoint
    /// The largest number of messages; nil for no limit.
    package var limit: Int?
    /// Whether to show new messages as they arrive, until interrupted.
    package var follows = false
    /// How long to wait for each answer of the cluster, in milliseconds.
    package var timeoutMilliseconds = 10_000
    /// The limit on the bytes of the newest messages that are kept while reading to the end.
    var newestBytes = 16 << 20

    /// Requests the newest messages of a topic.
    package init(topic: String, start: StartPoint = .end, limit: Int? = 50) {
        (self.topic, self.start, self.limit) = (topic, start, limit)
    }
}

/// Browsing ended before it showed all requested messages.
package enum BrowseError: Error, Equatable, CustomStringConvertible {
    /// The topic does not exist; `known` has the names that do.
    case unknownTopic(String, known: [String])
    /// The topic has only `count` partitions.
    case unknownPartition(PartitionID, topic: String, count: Int)
    /// The cluster did not answer in time.
    case silent(String)
    /// The user interrupted.
    case interrupted

    /// One line.
    package var description: String {
        switch self {
        case .unknownTopic(let name, _): "there is no topic \(name)"
        case .unknownPartition(let partition, let topic, let count):
            "topic \(topic) has no partition \(partition): it has \(count), from 0"
        case .silent(let why): why
        case .interrupted: "interrupted"
        }
    }
}

/// Browses one topic.
package final class TopicBrowser {
    /// A partition's next offset, and its end when browsing began.
    struct Span: Equatable {
        let partition: PartitionID
        var next: KafkaOffset
        var end: KafkaOffset
        /// Messages are skipped until the first one at or after this time.
        var notBefore: Int64?
        /// The offset to restart from when the broker wrongly reported no message at or after `notBefore`.
        var retry: KafkaOffset?
    }

    private let settings: [(String, String)]
    private let now: () -> Int
    private let mayContinue: () -> Bool
    private let notice: (String) -> Void
    private var lastError: KafkaError?

    /// - Parameters:
    ///   - settings: librdkafka settings, `bootstrap.servers` among them.
    ///   - now: milliseconds of a clock that never goes back.
    ///   - mayContinue: polled; false ends browsing.
    ///   - notice: receives lines for the user about messages that are not shown.
    package init(
        settings: [(String, String)], now: @escaping () -> Int, mayContinue: @escaping () -> Bool,
        notice: @escaping (String) -> Void
    ) {
        (self.settings, self.now, self.mayContinue, self.notice) = (settings, now, mayContinue, notice)
    }

    /// Browses, and passes each message to `show` until that returns false.
    /// - Returns: the number of messages shown.
    /// - Throws: `BrowseError`, `KafkaError`, or what `show` throws.
    package func browse(_ request: BrowseRequest, show: (Message) throws -> Bool) throws -> Int {
        var spans = try locate(request)
        let reader = try TopicReader(
            settings: settings, topic: request.topic, partitions: spans.count, log: { _ in })
        var left = request.limit ?? .max
        var shown = 0
        let hand: (Message) throws -> Bool = { message in
            shown += 1
            left -= 1
            return try show(message) && left > 0
        }
        guard left > 0 else { return 0 }
        var wantsMore = true
        if request.start == .end, !request.follows, let limit = request.limit {
            try showNewest(of: &spans, reader, request, limit, hand)
        } else {
            wantsMore = try merge(&spans, reader, request, hand)
        }
        if request.follows, wantsMore { try follow(spans, reader, hand) }
        return shown
    }

    // MARK: Starting point

    private func locate(_ request: BrowseRequest) throws -> [Span] {
        let asker = try Asker(
            cluster: Cluster(settings: settings, log: { _ in }), timeout: request.timeoutMilliseconds, now: now,
            mayContinue: mayContinue)
        let topics = try asker.ask { try $0.topics(timeoutMilliseconds: $1) }
        guard let topic = topics.first(where: { $0.name == request.topic }) else {
            throw BrowseError.unknownTopic(request.topic, known: topics.map(\.name))
        }
        if let missing = request.partitions?.subtracting(topic.partitions).min() {
            throw BrowseError.unknownPartition(missing, topic: topic.name, count: topic.partitions.count)
        }
        let wanted = topic.partitions.filter { request.partitions?.contains($0) ?? true }
            .map { TopicPartition(topic: topic.name, partition: $0) }
        let first = try asker.offsets(of: wanted, .beginning)
        let end = try asker.offsets(of: wanted, .end)
        var later: [TopicPartition: KafkaOffset] = [:]
        if case .time = request.start { later = try asker.offsets(of: wanted, request.start.question) }
        return wanted.compactMap { partition in
            guard let first = first[partition], let end = end[partition] else {
                notice("partition \(partition.partition) has no leader; skipped")
                return nil
            }
            let start = Self.start(request, first: first, end: end, later: later[partition])
            if case .offset(let offset) = request.start, offset < first || offset > end {
                notice("partition \(partition.partition) has offsets \(first) to \(end.previous): from \(start)")
            }
            var span = Span(partition: partition.partition, next: start, end: end)
            if case .time(let time) = request.start {
                // Not every broker finds offsets by time, so check its answer against the messages.
                span.notBefore = time
                if later[partition] == nil, end > first { (span.next, span.retry) = (end.previous, first) }
            }
            return span
        }
    }

    /// The first offset to read in a partition that holds `first` up to `end` (exclusive).
    static func start(
        _ request: BrowseRequest, first: KafkaOffset, end: KafkaOffset, later: KafkaOffset?
    ) -> KafkaOffset {
        switch request.start {
        case .beginning: first
        case .offset(let offset): min(max(offset, first), end)
        case .time: later.map { min(max($0, first), end) } ?? end
        case .end where request.follows: end
        case .end: max(first, end - Int64(request.limit ?? .max))
        }
    }

    // MARK: Reading

    private func showNewest(
        of spans: inout [Span], _ reader: TopicReader, _ request: BrowseRequest, _ limit: Int,
        _ show: (Message) throws -> Bool
    ) throws {
        let count = spans.reduce(0) { $0 + max(0, $1.next.distance(to: $1.end)) }
        // Everything fits the limit, so nothing has to be held back.
        if count <= limit { return _ = try merge(&spans, reader, request, show) }
        var newest = NewestMessages(limit: limit, bytes: request.newestBytes)
        _ = try merge(&spans, reader, request) { message in
            newest.append(message)
            return true
        }
        if newest.isCutShort {
            notice(
                "the newest \(limit) messages are larger than \(request.newestBytes >> 20) MiB: "
                    + "the newest \(newest.messages.count) of them (--from shows more)")
        }
        for message in newest.messages { if try !show(message) { return } }
    }

    /// Shows the messages up to the partitions' ends, always the oldest of the partitions' next ones.
    /// - Returns: false when `show` wants no more.
    private func merge(
        _ spans: inout [Span], _ reader: TopicReader, _ request: BrowseRequest, _ show: (Message) throws -> Bool
    ) throws -> Bool {
        var heads: [Int: Message] = [:]
        var open = Set(spans.indices.filter { spans[$0].next < spans[$0].end })
        for index in open { try reader.start(Position(partition: spans[index].partition, offset: spans[index].next)) }
        defer { for span in spans { reader.stop(span.partition) } }
        while !open.isEmpty || !heads.isEmpty {
            for index in open where heads[index] == nil {
                heads[index] = try head(of: &spans[index], reader, request)
                guard heads[index] == nil else { continue }
                open.remove(index)
                spans[index].next = max(spans[index].next, spans[index].end)
            }
            guard let oldest = heads.min(by: { Self.isBefore($0.value, $1.value) }) else { continue }
            heads[oldest.key] = nil
            spans[oldest.key].next = oldest.value.offset.next
            if spans[oldest.key].next >= spans[oldest.key].end { open.remove(oldest.key) }
            if try !show(oldest.value) { return false }
        }
        return true
    }

    /// Messages without a timestamp come first.
    private static func isBefore(_ one: Message, _ other: Message) -> Bool {
        (one.timestamp ?? .min, one.partition, one.offset) < (other.timestamp ?? .min, other.partition, other.offset)
    }

    /// The next message of a partition; nil at its end.
    private func head(of span: inout Span, _ reader: TopicReader, _ request: BrowseRequest) throws -> Message? {
        var deadline = now() + request.timeoutMilliseconds
        while true {
            guard mayContinue() else { throw BrowseError.interrupted }
            switch reader.next(ofPartition: span.partition, timeoutMilliseconds: 100) {
            case .message(let message):
                guard message.offset < span.end else { return nil }
                if try isWanted(message, of: &span, reader) { return message }
                deadline = now() + request.timeoutMilliseconds
            case .end(_, let offset):
                // Offsets of transaction markers and compacted records have no message.
                if offset >= span.end { return nil }
            case .failed(_, let error):
                if error.isMissingOffset { return try skipMissing(&span, reader, request) }
                guard error.isConnection else { throw error }
                lastError = error
            case nil:
                lastError = reader.takeErrors().last ?? lastError
                guard now() < deadline else { throw silence(request) }
            }
        }
    }

    /// Whether a message is at or after the starting time. The first one that is ends the search.
    private func isWanted(_ message: Message, of span: inout Span, _ reader: TopicReader) throws -> Bool {
        guard let time = span.notBefore else { return true }
        guard message.timestamp ?? .max >= time else { return false }
        if let retry = span.retry, retry < message.offset {
            (span.retry, span.next) = (nil, retry)
            try reader.start(Position(partition: span.partition, offset: retry))
            return false
        }
        span.notBefore = nil
        return true
    }

    /// Continues after messages that the broker has deleted since browsing began.
    private func skipMissing(_ span: inout Span, _ reader: TopicReader, _ request: BrowseRequest) throws -> Message? {
        let asker = try Asker(
            cluster: Cluster(settings: settings, log: { _ in }), timeout: request.timeoutMilliseconds, now: now,
            mayContinue: mayContinue)
        let partition = TopicPartition(topic: request.topic, partition: span.partition)
        let first = try asker.offsets(of: [partition], .beginning)[partition] ?? span.end
        notice("partition \(span.partition) no longer has offsets \(span.next) to \(first.previous)")
        guard first > span.next, first < span.end else { return nil }
        span.next = first
        try reader.start(Position(partition: span.partition, offset: first))
        return try head(of: &span, reader, request)
    }

    private func silence(_ request: BrowseRequest) -> BrowseError {
        let why = lastError.map { ": \($0.message)" } ?? ""
        return .silent("no message came for \(request.timeoutMilliseconds / 1000) s\(why)")
    }

    private func follow(_ spans: [Span], _ reader: TopicReader, _ show: (Message) throws -> Bool) throws {
        for span in spans {
            try reader.start(Position(partition: span.partition, offset: span.next), together: true)
        }
        while mayContinue() {
            switch reader.next(timeoutMilliseconds: 100) {
            case .message(let message): if try !show(message) { return }
            case .failed(let partition, let error) where error.isMissingOffset:
                throw BrowseError.silent("partition \(partition): \(error.message)")
            case .failed(_, let error): if !error.isConnection { throw error }
            case .end: break
            case nil: _ = reader.takeErrors()
            }
        }
        throw BrowseError.interrupted
    }
}

extension StartPoint {
    fileprivate var question: OffsetQuestion {
        if case .time(let milliseconds) = self { return .time(milliseconds) }
        return self == .beginning ? .beginning : .end
    }
}
