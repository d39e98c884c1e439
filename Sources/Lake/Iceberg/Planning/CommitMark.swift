// Determines from the table alone whether a commit was applied: by its snapshots' summaries, and by a table property
// that outlives an expired snapshot.

/// The mark by which a writer recognises its own commit.
package struct CommitMark: Sendable, Equatable {
    /// The key of the summary entry with the id.
    package let summaryKey: String
    /// The table property with the last ids, separated by commas; nil: none.
    package let propertyKey: String?
    /// The id, without commas.
    package let id: String

    /// A mark.
    package init(summaryKey: String, propertyKey: String? = nil, id: String) {
        self.summaryKey = summaryKey
        self.propertyKey = propertyKey
        self.id = id
    }

    /// Adds the mark to a change set on top of `metadata`: to the summary, and to the property, which then has the last
    /// `limit` ids (1 or more), this one last.
    package func stamp(_ change: inout ChangeSet, on metadata: TableMetadata, keeping limit: Int = 16) {
        change.summary[summaryKey] = id
        guard let propertyKey else { return }
        let known = metadata.properties[propertyKey]?.split(separator: ",").map(String.init) ?? []
        change.properties[propertyKey] = (known.filter { $0 != id } + [id]).suffix(max(1, limit)).joined(separator: ",")
    }
}

/// The place where a commit was found.
package enum FoundCommit: Sendable, Equatable {
    /// Its snapshot.
    case snapshot(Snapshot)
    /// The property only; the snapshot has expired.
    case property
}

extension TableMetadata {
    /// Looks for a commit in all snapshots, newest first, including those that are no ancestors of the current one, and
    /// then in the property. Nil: this state of the table does not contain it.
    package func findCommit(_ mark: CommitMark) -> FoundCommit? {
        let newestFirst = snapshots.sorted { $0.sequenceNumber > $1.sequenceNumber }
        if let snapshot = newestFirst.first(where: { $0.summary[mark.summaryKey] == mark.id }) {
            return .snapshot(snapshot)
        }
        guard let key = mark.propertyKey, let ids = properties[key] else { return nil }
        return ids.split(separator: ",").contains { $0 == mark.id } ? .property : nil
    }

    /// A snapshot and its ancestors, newest first, up to the first expired one.
    package func ancestors(of id: Int64?) -> [Snapshot] {
        var result: [Snapshot] = []
        var next = id
        // A chain is no longer than the list of snapshots; the bound ends a cycle in damaged metadata.
        while let id = next, result.count < snapshots.count, let snapshot = snapshot(id) {
            result.append(snapshot)
            next = snapshot.parentID
        }
        return result
    }
}
