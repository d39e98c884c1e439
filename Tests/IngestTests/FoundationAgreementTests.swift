// Compares the parser with Foundation on a million documents that are almost events.

import Base
import Foundation
import TestSupport
import Testing

@testable import Ingest

@Suite("Event parser and Foundation")
struct FoundationAgreementTests {
    /// The results of one thread.
    struct Tally: Sendable {
        var documents = 0
        var events = 0
        var exemptions: [String: Int] = [:]
        var differences: [String] = []

        mutating func add(_ other: Tally) {
            documents += other.documents
            events += other.events
            exemptions.merge(other.exemptions, uniquingKeysWith: +)
            differences += other.differences
        }
    }

    final class Sum: Sendable { let tally = Lock(Tally()) }

    /// Number of documents: PAGEVIEWS_MUTATIONS, or a million.
    static var mutations: Int {
        ProcessInfo.processInfo.environment["PAGEVIEWS_MUTATIONS"].flatMap { Int($0) } ?? 1_000_000
    }

    @Test("a million mutated documents mean to the parser what they mean to Foundation")
    func agree() async throws {
        let seed = testSeed(for: "parser and Foundation")
        let threads = max(2, ProcessInfo.processInfo.activeProcessorCount)
        let share = Self.mutations / threads
        let sum = Sum()
        try await onThreads(
            (0..<threads).map { thread in
                {
                    let tally = Self.compare(share, seed: seed &+ UInt64(thread) &* 0x9E37_79B9)
                    sum.tally.withLock { $0.add(tally) }
                }
            })
        let total = sum.tally.withLock { $0 }
        print(
            "parser and Foundation: \(total.documents) documents, \(total.events) events, exemptions \(total.exemptions)"
        )
        for difference in total.differences.prefix(20) { Issue.record("seed \(seed): \(difference)") }
        #expect(total.differences.isEmpty)
        // The corpus must have enough documents of both kinds.
        #expect(total.events > total.documents / 10)
        #expect(total.events < total.documents * 9 / 10)
        // The documents in which the parser deviates from Foundation are a bounded part.
        let bounds: [Exemption: Int] = [
            .trailingComma: 50, .encoding: 150, .markInString: 20, .hugeExponent: 100, .roundedNumber: 50,
        ]
        for (kind, perMille) in bounds {
            #expect(total.exemptions[kind.rawValue, default: 0] <= total.documents * perMille / 1000, "\(kind)")
        }
    }

    static func compare(_ count: Int, seed: UInt64) -> Tally {
        var tally = Tally()
        var mutator = Mutator(random: SeededRandom(seed: seed))
        let parser = EventParser()
        for _ in 0..<count {
            let document = mutator.document()
            var reading = FoundationReading()
            let (ours, theirs) = (parser.verdict(document), reading.read(document))
            tally.documents += 1
            if case .event = ours { tally.events += 1 }
            for kind in reading.exemptions { tally.exemptions[kind.rawValue, default: 0] += 1 }
            if agree(ours, theirs) { continue }
            var other = FoundationReading()
            other.userNames.reverse()
            if agree(ours, other.read(document)) { continue }
            tally.differences.append("\(ours), Foundation: \(theirs), for \(String(decoding: document, as: UTF8.self))")
        }
        return tally
    }

    static let noObject: Set<Rejection> = [
        .empty, .notObject, .syntax, .truncated, .trailing, .invalidUTF8, .controlInString, .escape, .surrogate,
        .number, .depth,
    ]

    static func agree(_ ours: Verdict, _ theirs: FoundationVerdict) -> Bool {
        switch (ours, theirs) {
        case (.event(let a), .event(let b)): a == b
        case (.rejected(let a, _), .rejected(let b)): a == b
        case (.rejected(let a, _), .noObject): noObject.contains(a)
        // Foundation may have rounded a number: only the validity and the postcode are compared.
        case (.rejected(let a, _), .exempt): !noObject.contains(a) && a != .postcodeType && a != .missingPostcode
        case (.event, .exempt): true
        default: false
        }
    }
}
