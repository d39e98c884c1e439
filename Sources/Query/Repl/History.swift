// The history of the user's input in this session and earlier ones.

import Base

/// The user's statements and commands, oldest first.
final class History {
    struct Entry: Equatable {
        var epochMilliseconds: Int64
        var text: String
    }

    /// The number of entries kept from earlier sessions.
    static let entryLimit = 10_000
    /// The maximum size of the texts in the SQL table `history`, in bytes.
    private static let tableLimitBytes = 2 << 20

    private(set) var entries: [Entry] = []
    private let file: PrivateFile?

    init(path: String?) {
        let stored = path.map { PrivateFile(path: $0) }
        let contents = stored?.contents(takesNewest: true) ?? .missing
        // An unreadable file is not overwritten.
        file = contents == .unreadable ? nil : stored
        guard case .records(let records) = contents else { return }
        entries = records.compactMap { record in
            guard record.count == 2, let time = Int64(record[0]) else { return nil }
            return Entry(epochMilliseconds: time, text: record[1])
        }
        guard entries.count > Self.entryLimit else { return }
        entries = Array(entries.suffix(Self.entryLimit))
        _ = file?.replace(with: entries.map(Self.record))
    }

    /// Adds an entry, unless it repeats the last one.
    func add(_ text: String, at epochMilliseconds: Int64) {
        guard entries.last?.text != text else { return }
        let entry = Entry(epochMilliseconds: epochMilliseconds, text: text)
        entries.append(entry)
        file?.append(Self.record(entry))
    }

    private static func record(_ entry: Entry) -> [String] { ["\(entry.epochMilliseconds)", entry.text] }

    /// The newest entries as JSON: an array of `[number, time, text]`.
    var json: String {
        var bytes = 0
        let shown = entries.enumerated().reversed().prefix { _, entry in
            bytes += entry.text.utf8.count
            return bytes <= Self.tableLimitBytes
        }
        let rows = shown.reversed().map { index, entry in
            let time = UTCText.sortable(milliseconds: entry.epochMilliseconds) ?? ""
            return "[\(index + 1),\(JSONRenderer.string(time)),\(JSONRenderer.string(entry.text))]"
        }
        return "[" + rows.joined(separator: ",") + "]"
    }
}
