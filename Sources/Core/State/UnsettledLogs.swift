// The partitions whose log is not the one that the state has read, as the state remembers them.
//
// A topic's new id is recorded once, but its partitions are settled one by one, in later flushes. Without this record a
// restart in between would take the rest for partitions of the recorded topic, and skip their first records silently.

package import Base

/// Partitions that were not settled at the last flush.
package struct UnsettledLogs: Equatable, Sendable {
    /// The topic's id when all partitions were last settled; nil when it is not known, or when all are settled now.
    package var earlierID: String?
    /// Partitions whose next offset belongs to an earlier topic, and that topic's id.
    package var replaced: [PartitionID: String] = [:]
    /// Partitions that are not read until their log has the state's next offset. An incident names what they skip.
    package var waiting: Set<PartitionID> = []

    /// No partition.
    package init() {}

    /// - Parameter text: `text` of an earlier value; nil for none. An entry that is not in its form is left out.
    package init(text: String?) {
        for entry in (text ?? "").split(separator: " ") {
            let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 1 { earlierID = String(entry) }
            guard parts.count == 2, let partition = PartitionID(parts[0]), partition >= 0 else { continue }
            if parts[1].isEmpty { waiting.insert(partition) } else { replaced[partition] = String(parts[1]) }
        }
    }

    /// The value in the file: the earlier id, then `PARTITION=ID` for a replaced log and `PARTITION=` for a waiting one.
    package var text: String {
        let earlier = replaced.map { (partition: $0.key, id: $0.value) }
        let all = earlier + waiting.subtracting(replaced.keys).map { (partition: $0, id: "") }
        let entries = all.sorted { $0.partition < $1.partition }.map { "\($0.partition)=\($0.id)" }
        return ([earlierID].compactMap { $0 } + entries).joined(separator: " ")
    }
}
