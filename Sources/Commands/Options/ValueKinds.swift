// The kinds of option values that only this program has.

import Arguments
import Base
import Dashboard
import Foundation
import Query

/// A librdkafka setting, `KEY=VALUE`.
struct KafkaSetting: Equatable, Sendable {
    let key: String
    let value: String

    /// nil without a key or without an equals sign.
    init?(_ text: String) {
        guard let equals = text.firstIndex(of: "="), equals != text.startIndex else { return nil }
        key = String(text[..<equals])
        value = String(text[text.index(after: equals)...])
    }

    static let kind = ValueKind<KafkaSetting>(read: { KafkaSetting($0) }, write: { "\($0.key)=\($0.value)" })

    /// The printable form; a secret's value becomes `set`.
    var shown: String { "\(key)=\(Self.isSecret(key) ? "set" : value)" }

    private static func isSecret(_ key: String) -> Bool {
        let key = key.lowercased()
        return ["password", "passphrase", "secret", "key.pem", "private.key.", "oauthbearer.config"].contains {
            key.contains($0)
        }
    }
}

/// Partitions such as `0-3,7`.
enum Partitions {
    /// nil stands for every partition.
    static let kind = ValueKind<Set<PartitionID>?>(read: read, write: write)

    /// More than any cluster has. A short text can name any number of them.
    private static let most = 100_000

    private static func read(_ text: String) -> Set<PartitionID>?? {
        if text == "all" { return .some(nil) }
        var found: Set<PartitionID> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int32($0) }
            guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1], first >= 0,
                first <= last, last - first < most
            else { return nil }
            found.formUnion((first...last).map(PartitionID.init(rawValue:)))
            guard found.count <= most else { return nil }
        }
        return .some(found)
    }

    private static func write(_ partitions: Set<PartitionID>?) -> String {
        guard let partitions else { return "all" }
        return partitions.sorted().map(\.description).joined(separator: ",")
    }
}

extension ValueKind where Value == Int {
    /// A length of time in milliseconds, as a statement's: `250ms`, `1.5s`, `5m`, or plain seconds.
    static var statementTime: ValueKind {
        ValueKind(
            hint: "A duration is a number with ms, s, m, h or d, such as 500ms, 30s or 5m.",
            read: { Quantity.durations.read($0, plain: 1000).map(Int.init) },
            write: { Quantity.durations.write(Int64($0)) })
    }

    /// A size in bytes, such as `64MiB`.
    static var memory: ValueKind {
        ValueKind(
            hint: "A size is a whole number with KiB, MiB or GiB, such as 64MiB.",
            read: { Quantity.sizes.read($0, plain: 1).map(Int.init) }, write: { Quantity.sizes.write(Int64($0)) })
    }
}

extension ValueKind where Value == Int64 {
    /// A moment such as `2021-01-26T12:04:44Z`, in milliseconds since 1970.
    static var moment: ValueKind {
        ValueKind(
            read: { Instant($0)?.milliseconds }, write: { UTCText.milliseconds($0) })
    }
}

extension ValueKind where Value == Duration {
    /// `.duration` as a `Duration`.
    static var span: ValueKind {
        ValueKind<Int64>.duration.mapped(
            { .milliseconds($0) },
            { $0.components.seconds * 1000 + $0.components.attoseconds / 1_000_000_000_000_000 })
    }
}

/// `HOST:PORT` or `off`.
enum ListenArgument: Equatable, Sendable {
    case off
    case at(ListenAddress)

    static let kind = ValueKind<ListenArgument>(
        read: { $0 == "off" ? .off : ListenAddress($0).map { .at($0) } },
        write: { if case .at(let address) = $0 { "\(address)" } else { "off" } })
}

/// Points in time, in UTC.
enum TimeArgument {
    /// `2021-01-26`, `2021-01-26T12:04:00Z` and the other forms of `Instant`, as seconds since 1970.
    static let kind = ValueKind<Int64>(
        hint: "A time is a date, such as 2021-01-26, or a date and a time, such as 2021-01-26T12:04Z.",
        read: { Instant($0)?.seconds }, write: text)

    /// ISO 8601 text.
    static func text(_ seconds: Int64) -> String {
        UTCText.seconds(seconds)
    }
}

extension String {
    /// The address with `set` in place of user and password.
    var withoutCredentials: String {
        guard let start = range(of: "://"), let end = range(of: "@", range: start.upperBound..<endIndex),
            !self[start.upperBound..<end.lowerBound].contains("/")
        else { return self }
        return String(self[..<start.upperBound]) + "set" + String(self[end.lowerBound...])
    }
}
