// A set of offsets of one partition, as ranges.
//
// Invariant: the ranges are ascending, none is empty, and none touches the next one.

import Base

/// A set of offsets. Few ranges: every call visits all of them.
struct OffsetRanges: Equatable {
    private(set) var ranges: [Range<KafkaOffset>] = []

    /// An empty set.
    init() {}

    /// Adds offsets; those of the set may be among them.
    mutating func insert(_ offsets: Range<KafkaOffset>) {
        guard !offsets.isEmpty else { return }
        var merged = offsets
        var others: [Range<KafkaOffset>] = []
        for range in ranges {
            if range.upperBound < merged.lowerBound || merged.upperBound < range.lowerBound {
                others.append(range)
            } else {
                merged = min(range.lowerBound, merged.lowerBound)..<max(range.upperBound, merged.upperBound)
            }
        }
        let place = others.firstIndex { $0.lowerBound > merged.lowerBound } ?? others.endIndex
        others.insert(merged, at: place)
        ranges = others
        assert(zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound }, "ascending and disjoint")
    }

    /// The range that contains an offset; nil for none.
    func range(containing offset: KafkaOffset) -> Range<KafkaOffset>? { ranges.first { $0.contains(offset) } }

    /// The parts of the set's ranges at or above an offset that are not in another set, ascending.
    func parts(from offset: KafkaOffset, notIn other: OffsetRanges) -> [Range<KafkaOffset>] {
        ranges.flatMap { range -> [Range<KafkaOffset>] in
            var (parts, next) = ([Range<KafkaOffset>](), max(range.lowerBound, offset))
            for known in other.ranges where known.upperBound > next && known.lowerBound < range.upperBound {
                if known.lowerBound > next { parts.append(next..<known.lowerBound) }
                next = known.upperBound
            }
            if next < range.upperBound { parts.append(next..<range.upperBound) }
            return parts
        }
    }
}
