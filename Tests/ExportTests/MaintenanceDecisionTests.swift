// Tests of the decisions of maintenance from manifests.

import Base
import Iceberg
import TestSupport
import Testing

@testable import Export
@testable import State

/// Data files as a scan returns them, with deletes that exist only by name.
enum Files {
    static func data(
        _ path: String, day: Int32 = 18_653, rows: Int64 = 1000, bytes: Int64 = 10_000, sequence: Int64 = 1,
        deletes: [DataFile] = [], vector: Int64? = nil
    ) -> ScanTask {
        let file = DataFile(
            content: .data, path: path, specID: 0, partition: [.int(day)], recordCount: rows, fileSizeBytes: bytes)
        return ScanTask(
            file: file, sequenceNumber: sequence, positionDeletes: deletes,
            deletionVector: vector.map { Self.vector(path, $0) })
    }

    static func vector(_ path: String, _ rows: Int64, in puffin: String = "p.puffin") -> DataFile {
        var file = DataFile(
            content: .positionDeletes, path: puffin, format: "PUFFIN", specID: 0, partition: [.int(18_653)],
            recordCount: rows, fileSizeBytes: 100)
        file.referencedDataFile = path
        file.contentOffset = 4
        file.contentSizeBytes = 40
        return file
    }

    static func deletes(_ path: String, rows: Int64, of dataFile: String? = nil) -> DataFile {
        var file = DataFile(
            content: .positionDeletes, path: path, specID: 0, partition: [.int(18_653)], recordCount: rows,
            fileSizeBytes: 100)
        file.referencedDataFile = dataFile
        return file
    }
}

@Suite struct RewriteDecisionTests {
    private static let mebibyte: Int64 = 1 << 20

    private static func plan(
        _ tasks: [ScanTask], last: Int64 = 10, thorough: Bool = false,
        _ change: (inout MaintenanceSettings) -> Void = { _ in }
    ) -> [[String]] {
        var settings = MaintenanceSettings()
        change(&settings)
        return RewriteDecision(settings: settings, lastSequenceNumber: last, isThorough: thorough)
            .plan(tasks).map { $0.tasks.map(\.file.path) }
    }

    private static func small(_ count: Int, rows: Int64, bytes: Int64 = 10_000, day: Int32 = 18_653) -> [ScanTask] {
        (0..<count).map { Files.data("d\(day)-\($0)", day: day, rows: rows, bytes: bytes, sequence: Int64($0 + 1)) }
    }

    @Test func nothingIsRewrittenInAnEmptyOrATidyTable() {
        #expect(Self.plan([]).isEmpty)
        #expect(Self.plan([Files.data("a")]).isEmpty)
        #expect(
            Self.plan([Files.data("a", bytes: 100 << 20), Files.data("b", bytes: 80 << 20)], thorough: true).isEmpty)
    }

    @Test func manySmallFilesOfADayBecomeOneInTheirOrder() {
        let files = Self.small(8, rows: 1_000_000)
        #expect(Self.plan(Array(files.dropLast())).isEmpty)
        #expect(Self.plan(files.reversed()) == [files.map(\.file.path)])
        #expect(Self.plan(files) { $0.smallFiles = 9 }.isEmpty)
    }

    @Test func fewerFilesDoWhereTheyHaveFewRows() {
        #expect(Self.plan(Self.small(2, rows: 1000)).count == 1)
        #expect(Self.plan(Self.small(2, rows: 100_000)).isEmpty)
        #expect(Self.plan(Self.small(3, rows: 66_667)).count == 1)
        #expect(Self.plan(Self.small(4, rows: 200_000)).isEmpty)
    }

    @Test func daysAreNotMixedAndTheNewestComesFirst() {
        let tasks = Self.small(2, rows: 10, day: 18_652) + Self.small(2, rows: 10, day: 18_653)
        #expect(Self.plan(tasks) == [["d18653-0", "d18653-1"], ["d18652-0", "d18652-1"]])
    }

    @Test func aMergeTakesFilesOfLikeSizeAndLeavesMuchLargerOnes() {
        let large = Files.data("large", rows: 5_000_000, bytes: 50 * Self.mebibyte)
        let plan = Self.plan([large] + Self.small(8, rows: 200_000, bytes: Self.mebibyte / 2))
        #expect(plan.count == 1 && plan[0].count == 8 && !plan[0].contains("large"))
        let all = Self.plan([large] + Self.small(8, rows: 200_000, bytes: 5 * Self.mebibyte))
        #expect(all.count == 1 && all[0].contains("large"))
    }

    @Test func aRewriteReadsAboutOneTargetFile() {
        let files = Self.small(40, rows: 500_000, bytes: 10 * Self.mebibyte)
        let plan = RewriteDecision(settings: MaintenanceSettings(), lastSequenceNumber: 100).plan(files)
        #expect(!plan.isEmpty)
        #expect(plan.reduce(0) { $0 + $1.bytes } <= 128 * Self.mebibyte)
    }

    @Test(arguments: [(199, false), (200, true), (1000, true)])
    func deletedRowsOfALargeFileAreFoldedInFromTheirShareOn(deleted: Int64, isDue: Bool) {
        let vector = Files.data("a", bytes: 200 << 20, vector: deleted)
        let single = Files.data("a", bytes: 200 << 20, deletes: [Files.deletes("x", rows: deleted, of: "a")])
        for task in [vector, single] { #expect(Self.plan([task]) == (isDue ? [["a"]] : [])) }
    }

    @Test func deletesOfSeveralFilesCountForEachByItsRows() {
        let deletes = [Files.deletes("x", rows: 300)]
        let weights = DeleteWeights([
            Files.data("a", rows: 2000, deletes: deletes), Files.data("b", rows: 1000, deletes: deletes),
        ])
        #expect(weights.deletedRows(Files.data("a", rows: 2000, deletes: deletes)) == 200)
        #expect(weights.deletedRows(Files.data("b", rows: 1000, deletes: deletes)) == 100)
    }

    @Test func manyDeleteFilesOfALargeFileAreFoldedInHoweverFewTheirRows() {
        let deletes = (0..<32).map { Files.deletes("x\($0)", rows: 1) }
        let rows: Int64 = 1_000_000
        #expect(Self.plan([Files.data("a", rows: rows, bytes: 50 << 20, deletes: deletes)]) == [["a"]])
        #expect(Self.plan([Files.data("a", rows: rows, bytes: 50 << 20, deletes: Array(deletes.dropLast()))]).isEmpty)
    }

    /// `pageviews maintain` replaces the delete files that earlier versions wrote, also beside a single data file.
    @Test func thoroughMaintenanceFoldsInDeleteFilesOfSeveralDataFiles() {
        let shared = [Files.data("a", rows: 1_000_000, deletes: [Files.deletes("x", rows: 1)])]
        let own = [Files.data("a", rows: 1_000_000, deletes: [Files.deletes("x", rows: 1, of: "a")])]
        #expect(Self.plan(shared, last: 500, thorough: true) == [["a"]])
        #expect(Self.plan(shared, last: 500).isEmpty)
        #expect(Self.plan(own, last: 500, thorough: true).isEmpty)
    }

    @Test func aDayThatIsLeftAloneIsTidiedOnce() {
        let files = Self.small(3, rows: 1_000_000)
        #expect(Self.plan(files, last: 3 + 63).isEmpty)
        #expect(Self.plan(files, last: 3 + 64).count == 1)
        #expect(Self.plan([Files.data("one", rows: 3_000_000, bytes: 30_000, sequence: 67)], last: 200).isEmpty)
    }

    @Test func thoroughMaintenanceComesToRest() {
        let seed = testSeed(for: "thorough maintenance")
        var random = SeededRandom(seed: seed)
        for _ in 0..<200 {
            var tasks = (0..<Int.random(in: 0...60, using: &random)).map { number in
                Files.data(
                    "f\(number)", day: Int32.random(in: 1...3, using: &random), rows: 100_000,
                    bytes: Int64.random(in: 1000...(200 << 20), using: &random), sequence: Int64(number),
                    vector: Bool.random(using: &random) ? Int64.random(in: 1...100_000, using: &random) : nil)
            }
            let decision = RewriteDecision(settings: MaintenanceSettings(), lastSequenceNumber: 60, isThorough: true)
            var rounds = 0
            while case let plan = decision.plan(tasks), !plan.isEmpty {
                rounds += 1
                #expect(rounds < 200, "seed \(seed)")
                guard rounds < 200 else { return }
                for group in plan {
                    let paths = Set(group.tasks.map(\.file.path))
                    tasks.removeAll { paths.contains($0.file.path) }
                    tasks.append(
                        Files.data("r\(rounds)-\(group.tasks[0].file.path)", day: Int32(group.day), bytes: group.bytes))
                }
            }
        }
    }
}

@Suite struct RewriteCheckTests {
    private static func files(_ tasks: [ScanTask]) -> RewrittenFiles {
        var files = RewrittenFiles()
        for task in tasks {
            files.replaced.append(task.file.path)
            files.deletesRead[task.file.path] = DeleteName.all(of: task)
        }
        return files
    }

    @Test func aRewriteFitsAsLongAsItsFilesAndTheirDeletesAreTheSame() throws {
        let read = [Files.data("a", deletes: [Files.deletes("x", rows: 1)]), Files.data("b", vector: 5)]
        let files = Self.files(read)
        #expect(RewriteCheck.change(files, read + [Files.data("c")]) == nil)
        #expect(RewriteCheck.change(files, [read[0]])?.contains("b") == true)
        let deleted = Files.data("a", deletes: [Files.deletes("x", rows: 1), Files.deletes("y", rows: 1)])
        #expect(RewriteCheck.change(files, [deleted, read[1]])?.contains("a") == true)
        let other = ScanTask(
            file: read[1].file, sequenceNumber: 1, positionDeletes: [], deletionVector: Files.vector("b", 6, in: "q"))
        #expect(RewriteCheck.change(files, [read[0], other]) != nil)
    }
}

@Suite struct ExpiryDecisionTests {
    private static let hour: Int64 = 3_600_000

    /// A table with `count` snapshots, one per hour, the last at hour `count`.
    private static func table(_ count: Int64) throws -> TableMetadata {
        var metadata = try TableMetadata(
            formatVersion: 2, uuid: "u", location: "file:///t", schema: TableSchema(fields: []),
            spec: PartitionSpec(fields: []),
            properties: [:], nowMilliseconds: 0)
        for number in 1...count {
            metadata.snapshots.append(
                Snapshot(
                    id: number, parentID: number > 1 ? number - 1 : nil, sequenceNumber: number,
                    timestampMilliseconds: number * Self.hour, manifestList: "l\(number)", operation: .append,
                    summary: [:], schemaID: 0))
        }
        metadata.currentSnapshotID = count
        metadata.refs = [SnapshotRef.main: .branch(count)]
        return metadata
    }

    private static func expired(
        _ count: Int64, at hour: Int64, thorough: Bool = false, keep: Int = 20, hours: Int64 = 24
    ) throws -> [Int64]? {
        var settings = MaintenanceSettings()
        settings.keepSnapshots = keep
        settings.keepSnapshotsMilliseconds = hours * Self.hour
        return ExpiryDecision(settings: settings, isThorough: thorough).plan(try table(count), now: hour * Self.hour)?
            .expired.map(\.id)
    }

    @Test func theNewestSnapshotsStay() throws {
        #expect(try Self.expired(20, at: 20) == nil)
        #expect(try Self.expired(24, at: 24) == nil)
        #expect(try Self.expired(25, at: 25) == [1, 2, 3, 4, 5])
        #expect(try Self.expired(21, at: 21, thorough: true) == [1])
        #expect(try Self.expired(9, at: 9, keep: 3) == [1, 2, 3, 4, 5, 6])
    }

    @Test func oldSnapshotsGoButTheCurrentOne() throws {
        #expect(try Self.expired(10, at: 28) == nil)
        #expect(try Self.expired(10, at: 28, thorough: true) == [1, 2, 3])
        #expect(try Self.expired(10, at: 50) == [1, 2, 3, 4, 5, 6, 7, 8, 9])
        #expect(try Self.expired(1, at: 1000, thorough: true) == nil)
    }

    @Test func snapshotsWithANameStay() throws {
        var metadata = try Self.table(40)
        metadata.refs["kept"] = SnapshotRef(snapshotID: 3, type: "tag")
        let plan = ExpiryDecision(settings: MaintenanceSettings()).plan(metadata, now: 40 * Self.hour)
        #expect(plan?.expired.map(\.id) == [1, 2] + Array(4...20))
    }

    @Test func filesThatTheMetadataNamesAreNeverRemovable() throws {
        var metadata = try Self.table(2)
        metadata = metadata.loggingPrevious(file: "v1", of: metadata)
        let referenced = ReferencedFiles(metadata, metadataFile: "v2")
        #expect(referenced.removable(["l1", "l2", "l3", "v1", "v2", "v3", "a"]) == ["l3", "v3", "a"])
        #expect(referenced.removable([]).isEmpty)
    }
}
