// The newest of a stream of messages, as many as asked for and as memory allows.

import Base
import Kafka

/// Keeps the last messages it is given.
struct NewestMessages {
    private let limit: Int
    private let bytesLimit: Int
    private var kept: [Message] = []
    private var first = 0
    private var bytes = 0
    /// Older messages had to go because those kept are too large together.
    package private(set) var isCutShort = false

    /// - Parameters:
    ///   - limit: how many are kept, at least 1.
    ///   - bytes: what they may take together; one is kept in any case.
    package init(limit: Int, bytes: Int) { (self.limit, bytesLimit) = (max(1, limit), bytes) }

    /// Those that are kept, oldest first.
    package var messages: ArraySlice<Message> { kept[first...] }

    /// Takes the next message in.
    package mutating func append(_ message: Message) {
        kept.append(message)
        bytes += message.bytes
        if messages.count > limit { dropOldest() }
        while bytes > bytesLimit, messages.count > 1 {
            dropOldest()
            isCutShort = true
        }
    }

    private mutating func dropOldest() {
        bytes -= kept[first].bytes
        // Its bytes go now, its place in the array later.
        kept[first] = Message(partition: 0, offset: 0, timestamp: nil, key: nil, value: nil)
        first += 1
        if first > 1000, first > kept.count / 2 {
            kept.removeFirst(first)
            first = 0
        }
    }
}
