// Finds out whether a commit was applied, from the table alone: its snapshots' summaries, and a table property
// that is still there when the snapshot has expired.

/// What a writer leaves in a commit so that it can be recognised.
package struct CommitMark: Sendable, Equatable {
    /// The summary entry that holds the id.
    package let summaryKey: String
    /// The table property that holds the last ids, separated by commas; nil when none does.
    package let propertyKey: String?
    /// The id; without commas.
    package let id: String

    /// A mark.
    package init(summaryKey: String, propertyKey: String? = nil, id: String) {
        self.summaryKey = summaryKey
        self.propertyKey = propertyKey
        self.id = id
    }

    /// Puts the mark into a change set on top of `metadata`: into the summary, and into the property, which then holds the
    /// last `limit` ids, this one last.
    package func stamp(_ change: inout ChangeSet, on metadata: TableMetadata, keeping limit: Int = 16) {
        change.summary[summaryKey] = id
        guard let propertyKey else { return }
        let known = metadata.properties[propertyKey]?.split(separator: ",").map(String.init) ?? []
        change.properties[propertyKey] = (known.filter { $0 != id } + [id]).suffix(max(1, limit)).joined(separator: ",")
    }
}

/// Where a commit was found.
package enum FoundCommit: Sendable, Equatable {
    /// Its snapshot is still there.
    case snapshot(Snapshot)
    /// Only the property tells; the snapshot has expired.
    case property
}

extension TableMetadata {
    /// Looks for a commit in all snapshots, newest first, whether or not they are ancestors of the current one, and then
    /// in the property. Nil: it was not applied, as far as this state of the table knows.
    package func findCommit(_ mark: CommitMark) -> FoundCommit? {
        let newestFirst = snapshots.sorted { $0.sequenceNumber > $1.sequenceNumber }
        if let snapshot = newestFirst.first(where: { $0.summary[mark.summaryKey] == mark.id }) {
            return .snapshot(snapshot)
        }
        guard let key = mark.propertyKey, let ids = properties[key] else { return nil }
        return ids.split(separator: ",").contains { $0 == mark.id } ? .property : nil
    }

    /// The ancestors of a snapshot, itself first, as far as they have not expired.
    package func ancestors(of id: Int64?) -> [Snapshot] {
        var result: [Snapshot] = []
        var next = id
        // No chain is longer than the list of snapshots, so a damaged one that runs in a circle ends.
        while let id = next, result.count < snapshots.count, let snapshot = snapshot(id) {
            result.append(snapshot)
            next = snapshot.parentID
        }
        return result
    }
}
