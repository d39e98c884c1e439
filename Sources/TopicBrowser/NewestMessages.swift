// Keeps the newest messages of a stream, within a limit on their number and on their bytes.
//
// Invariant: at most `limit` messages are kept, and at most `bytesLimit` bytes of them, or one message.

import Base
import Kafka

/// Keeps the last messages it is given.
struct NewestMessages {
    private let limit: Int
    private let bytesLimit: Int
    private var kept: [Message] = []
    private var first = 0
    private var bytes = 0
    /// Whether older messages were evicted because of the limit on bytes.
    package private(set) var isCutShort = false

    /// - Parameters:
    ///   - limit: the largest number of messages, at least 1.
    ///   - bytes: the limit on their bytes; one message is always kept.
    package init(limit: Int, bytes: Int) { (self.limit, bytesLimit) = (max(1, limit), bytes) }

    /// The kept messages, oldest first.
    package var messages: ArraySlice<Message> { kept[first...] }

    /// Adds the next message and evicts the oldest ones.
    package mutating func append(_ message: Message) {
        kept.append(message)
        bytes += message.bytes
        if messages.count > limit { dropOldest() }
        while bytes > bytesLimit, messages.count > 1 {
            dropOldest()
            isCutShort = true
        }
        assert(messages.count <= limit && (bytes <= bytesLimit || messages.count == 1), "more is kept than allowed")
    }

    private mutating func dropOldest() {
        bytes -= kept[first].bytes
        // Release its bytes now; its place in the array goes when half of the array is unused.
        kept[first] = Message(partition: 0, offset: 0, timestamp: nil, key: nil, value: nil)
        first += 1
        if first > 1000, first > kept.count / 2 {
            kept.removeFirst(first)
            first = 0
        }
    }
}
