// A set of Kafka offsets with one bit per offset, in pages of 8192 offsets.
//
// A page takes 1 KiB and a few more bytes from its first offset on. A full page frees its bits. Raw pointers stay in
// this file. Invariant: a page has bits unless it is full.

import Base

/// Offsets of one partition. Used by one task at a time.
final class OffsetSet {
    private static let pageBits: Int64 = 8192
    private static let pageWords = 128

    /// A page's bits, and how many are set.
    private struct Page {
        /// nil for a full page.
        var words: UnsafeMutablePointer<UInt64>?
        var count: Int
    }

    /// The part that changes at every offset, behind a constant pointer, so that exclusive access is not checked each
    /// time.
    private struct Memory {
        var count: Int64 = 0
        var lastKey: Int64 = -1
        var last: UnsafeMutablePointer<Page>?
    }

    private var pages: [Int64: UnsafeMutablePointer<Page>] = [:]
    private let memory: UnsafeMutablePointer<Memory>

    /// An empty set.
    package init() {
        memory = .allocate(capacity: 1)
        memory.initialize(to: Memory())
    }

    deinit {
        for page in pages.values {
            page.pointee.words?.deallocate()
            page.deallocate()
        }
        memory.deallocate()
    }

    /// The number of offsets.
    package var count: Int64 { memory.pointee.count }

    /// Adds an offset, which must not be negative.
    /// - Returns: false when the set already has it.
    @inline(__always)
    package func insert(_ added: KafkaOffset) -> Bool {
        let offset = added.rawValue
        let key = offset >> 13
        let page = key == memory.pointee.lastKey ? memory.pointee.last ?? makePage(key) : makePage(key)
        guard let words = page.pointee.words else { return false }
        let (word, bit) = (Int(offset & 8191) >> 6, UInt64(1) << UInt64(offset & 63))
        guard words[word] & bit == 0 else { return false }
        assert(page.pointee.count < Int(Self.pageBits), "a full page has no bits")
        words[word] |= bit
        memory.pointee.count &+= 1
        page.pointee.count &+= 1
        if page.pointee.count == Int(Self.pageBits) {
            words.deallocate()
            page.pointee.words = nil
        }
        return true
    }

    /// Whether the set has an offset; false for a negative one.
    @inline(__always)
    package func contains(_ asked: KafkaOffset) -> Bool {
        let offset = asked.rawValue
        guard memory.pointee.count > 0, offset >= 0 else { return false }
        let key = offset >> 13
        let page = key == memory.pointee.lastKey ? memory.pointee.last : look(key)
        guard let page else { return false }
        guard let words = page.pointee.words else { return true }
        return words[Int(offset & 8191) >> 6] >> UInt64(offset & 63) & 1 == 1
    }

    /// The page of a key; nil when it does not exist.
    private func look(_ key: Int64) -> UnsafeMutablePointer<Page>? {
        memory.pointee.lastKey = key
        memory.pointee.last = pages[key]
        return memory.pointee.last
    }

    private func makePage(_ key: Int64) -> UnsafeMutablePointer<Page> {
        if let found = look(key) { return found }
        let words = UnsafeMutablePointer<UInt64>.allocate(capacity: Self.pageWords)
        words.initialize(repeating: 0, count: Self.pageWords)
        let page = UnsafeMutablePointer<Page>.allocate(capacity: 1)
        page.initialize(to: Page(words: words, count: 0))
        pages[key] = page
        memory.pointee.last = page
        return page
    }

    /// Calls `body` with each maximal run of missing offsets in `range`, ascending, until it returns false.
    func forEachGap(in range: Range<KafkaOffset>, _ body: (Range<KafkaOffset>) throws -> Bool) rethrows {
        try forEachGap(in: range.lowerBound.rawValue..<range.upperBound.rawValue) { gap in
            try body(KafkaOffset(rawValue: gap.lowerBound)..<KafkaOffset(rawValue: gap.upperBound))
        }
    }

    private func forEachGap(in range: Range<Int64>, _ body: (Range<Int64>) throws -> Bool) rethrows {
        // The offsets from `next` up to the current one are missing.
        var next = range.lowerBound
        for key in pages.keys.sorted() {
            let low = max(range.lowerBound, key << 13)
            let high = min(range.upperBound, key == Int64.max >> 13 ? Int64.max : (key + 1) << 13)
            guard low < high, let page = pages[key] else { continue }
            guard let words = page.pointee.words else {
                if next < low, try !body(next..<low) { return }
                next = high
                continue
            }
            for offset in low..<high where words[Int(offset & 8191) >> 6] >> UInt64(offset & 63) & 1 == 1 {
                if next < offset, try !body(next..<offset) { return }
                next = offset + 1
            }
        }
        if next < range.upperBound { _ = try body(next..<range.upperBound) }
    }
}
