// A set of Kafka offsets: one bit for each, in pages; a page of which every offset is there takes no memory.
// Invariant: memory is at most about one bit for each offset between the least and the greatest of those that are near others,
// and a few bytes for each page.

/// Offsets of one partition. Not to be used by two tasks at a time.
final class OffsetSet {
    private static let pageBits: Int64 = 8192
    private static let pageWords = 128

    private struct Page {
        /// nil: every offset of the page is there.
        var words: UnsafeMutablePointer<UInt64>?
        var count: Int
    }

    private var pages: [Page] = []
    private var indexes: [Int64: Int] = [:]
    private var last: (key: Int64, index: Int) = (-1, -1)
    /// How many offsets there are.
    private(set) var count: Int64 = 0

    deinit {
        for page in pages { page.words?.deallocate() }
    }

    /// Adds an offset, which must not be negative.
    /// - Returns: false when it is there already.
    @inline(__always)
    func insert(_ offset: Int64) -> Bool {
        let key = offset >> 13
        let index = key == last.key ? last.index : page(key)
        guard let words = pages[index].words else { return false }
        let (word, bit) = (Int(offset & 8191) >> 6, UInt64(1) << UInt64(offset & 63))
        guard words[word] & bit == 0 else { return false }
        words[word] |= bit
        count += 1
        pages[index].count += 1
        if pages[index].count == Int(Self.pageBits) {
            words.deallocate()
            pages[index].words = nil
        }
        return true
    }

    /// Whether an offset is there; negative ones never are.
    @inline(__always)
    func contains(_ offset: Int64) -> Bool {
        guard count > 0, offset >= 0 else { return false }
        let key = offset >> 13
        var index = last.index
        if key != last.key {
            guard let found = indexes[key] else { return false }
            index = found
            last = (key, found)
        }
        guard let words = pages[index].words else { return true }
        return words[Int(offset & 8191) >> 6] >> UInt64(offset & 63) & 1 == 1
    }

    private func page(_ key: Int64) -> Int {
        if let found = indexes[key] {
            last = (key, found)
            return found
        }
        let words = UnsafeMutablePointer<UInt64>.allocate(capacity: Self.pageWords)
        words.initialize(repeating: 0, count: Self.pageWords)
        pages.append(Page(words: words, count: 0))
        indexes[key] = pages.count - 1
        last = (key, pages.count - 1)
        return pages.count - 1
    }

    /// Calls `body` with each longest run of offsets in `range` that are not there, ascending, until it returns false.
    func forEachGap(in range: Range<Int64>, _ body: (Range<Int64>) throws -> Bool) rethrows {
        // What lies between `next` and the offset looked at is not there.
        var next = range.lowerBound
        for key in indexes.keys.sorted() {
            let low = max(range.lowerBound, key << 13)
            let high = min(range.upperBound, key == Int64.max >> 13 ? Int64.max : (key + 1) << 13)
            guard low < high, let page = indexes[key].map({ pages[$0] }) else { continue }
            guard let words = page.words else {
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
