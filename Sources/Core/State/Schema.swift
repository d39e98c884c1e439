// The format of the state file: the migrations, which create the tables and the views that people read.
//
// Rules: `user_version` is the number of migrations applied (`migrate` applies them and sets it in one transaction); a
// released migration never changes. Column names of the views are a contract with users; the tables below them are not.
//
// Key order: counts are keyed (window_start, postcode), so the upserts of one flush touch neighbouring pages. The view
// joins `windows`, which has one row per window with its printed timestamp: a condition on the timestamp becomes a
// search of a few rows, and a condition on the postcode one seek per window. docs/adr/0002 has the measurements.

import SQLite

/// The format of the state file.
enum Schema {
    /// The `PRAGMA application_id` of a state: "PVws" in ASCII.
    static let applicationID: Int64 = 0x5056_7773

    /// One step from a version of the format to the next.
    struct Migration {
        /// The change, in a few words.
        let name: String
        /// The statements.
        let sql: String
        /// The conversion of existing rows, where SQL alone cannot do it.
        var convert: (Connection) throws -> Void = { _ in }
    }

    /// The migrations. Element `index` changes the file from version `index` to `index + 1`.
    static var migrations: [Migration] {
        [
            Migration(name: "first version", sql: tablesOfVersion1 + viewsOfVersion1),
            Migration(name: "backfill", sql: backfill),
            Migration(name: "backfill index", sql: backfillIndex),
            Migration(name: "largest event's offset", sql: eventOffsets),
            Migration(name: "one writer", sql: oneWriter),
            Migration(name: "outbox envelopes", sql: outboxEnvelopes),
            Migration(name: "last records", sql: lastRecords),
            Migration(name: "lost offsets", sql: lostOffsets, convert: OldIncidents.convert),
            // An older program would commit an open intent's rows without the deletes, which no longer wait in the spool.
            Migration(name: "deletes written by each try", sql: ""),
        ]
    }

    private static let tablesOfVersion1 = """
        CREATE TABLE meta (
          key TEXT PRIMARY KEY NOT NULL,
          value TEXT NOT NULL
        ) WITHOUT ROWID;

        CREATE TABLE progress (
          id INTEGER PRIMARY KEY CHECK (id = 1),
          generation INTEGER NOT NULL,
          watermark_ms INTEGER,
          final_before_s INTEGER NOT NULL,
          flushed_at_ms INTEGER NOT NULL
        );
        INSERT INTO progress VALUES (1, 0, NULL, 0, 0);

        CREATE TABLE partition_progress (
          kafka_partition INTEGER PRIMARY KEY,
          first_offset INTEGER NOT NULL,
          next_offset INTEGER NOT NULL,
          high_watermark_offset INTEGER,
          max_event_time_ms INTEGER,
          idle INTEGER NOT NULL,
          consumed INTEGER NOT NULL,
          counted INTEGER NOT NULL,
          late INTEGER NOT NULL,
          rejected INTEGER NOT NULL
        );

        CREATE TABLE windows (
          window_start INTEGER PRIMARY KEY,
          timestamp TEXT NOT NULL UNIQUE,
          generation INTEGER NOT NULL
        );

        CREATE TABLE counts (
          window_start INTEGER NOT NULL,
          postcode TEXT NOT NULL,
          count INTEGER NOT NULL,
          generation INTEGER NOT NULL,
          PRIMARY KEY (window_start, postcode)
        ) WITHOUT ROWID;

        CREATE TABLE late (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          kafka_partition INTEGER NOT NULL,
          kafka_offset INTEGER NOT NULL,
          user_id INTEGER,
          postcode TEXT NOT NULL,
          webpage TEXT,
          event_time_us INTEGER NOT NULL,
          window_start INTEGER NOT NULL,
          lateness_ms INTEGER NOT NULL,
          received_at_ms INTEGER NOT NULL,
          payload BLOB NOT NULL,
          published_at_ms INTEGER,
          backfilled_at_ms INTEGER,
          UNIQUE (kafka_partition, kafka_offset)
        );

        CREATE TABLE rejected (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          kafka_partition INTEGER NOT NULL,
          kafka_offset INTEGER NOT NULL,
          reason TEXT NOT NULL,
          byte_position INTEGER NOT NULL,
          excerpt TEXT NOT NULL,
          received_at_ms INTEGER NOT NULL,
          payload BLOB,
          published_at_ms INTEGER,
          UNIQUE (kafka_partition, kafka_offset)
        );

        CREATE INDEX late_to_publish ON late (id) WHERE published_at_ms IS NULL;
        CREATE INDEX rejected_to_publish ON rejected (id) WHERE published_at_ms IS NULL AND payload IS NOT NULL;

        CREATE TABLE outbox (
          name TEXT PRIMARY KEY NOT NULL,
          topic TEXT NOT NULL,
          offsets TEXT NOT NULL,
          sending_up_to INTEGER NOT NULL
        ) WITHOUT ROWID;

        CREATE TABLE incident (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          at_ms INTEGER NOT NULL,
          kind TEXT NOT NULL,
          detail TEXT NOT NULL,
          resolved_at_ms INTEGER
        );

        CREATE TABLE export (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          commit_id TEXT NOT NULL UNIQUE,
          table_name TEXT NOT NULL,
          generation INTEGER NOT NULL,
          snapshot_id INTEGER,
          committed_at_ms INTEGER,
          rows_added INTEGER NOT NULL,
          rows_deleted INTEGER NOT NULL,
          state TEXT NOT NULL
        );

        CREATE TABLE raw_progress (
          kafka_partition INTEGER PRIMARY KEY,
          next_offset INTEGER NOT NULL
        );

        CREATE TABLE segment (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          name TEXT NOT NULL UNIQUE,
          closed_at_ms INTEGER NOT NULL,
          bytes INTEGER NOT NULL,
          rows INTEGER NOT NULL,
          facts TEXT NOT NULL
        );

        CREATE TABLE export_progress (
          table_kind TEXT PRIMARY KEY NOT NULL,
          generation INTEGER NOT NULL,
          offsets TEXT NOT NULL
        ) WITHOUT ROWID;

        CREATE TABLE intent (
          table_kind TEXT PRIMARY KEY NOT NULL,
          commit_id TEXT NOT NULL,
          facts TEXT NOT NULL
        ) WITHOUT ROWID;

        CREATE TABLE data_file (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          path TEXT NOT NULL UNIQUE
        );

        CREATE TABLE exported (
          window_start INTEGER NOT NULL,
          postcode TEXT NOT NULL,
          file_id INTEGER NOT NULL,
          position INTEGER NOT NULL,
          count INTEGER NOT NULL,
          PRIMARY KEY (window_start, postcode)
        ) WITHOUT ROWID;

        CREATE TABLE staged (
          window_start INTEGER NOT NULL,
          postcode TEXT NOT NULL,
          file_id INTEGER NOT NULL,
          position INTEGER NOT NULL,
          count INTEGER NOT NULL,
          PRIMARY KEY (window_start, postcode)
        ) WITHOUT ROWID;

        CREATE TABLE orphan (
          location TEXT PRIMARY KEY NOT NULL,
          table_kind TEXT NOT NULL,
          since_ms INTEGER NOT NULL
        ) WITHOUT ROWID;

        """

    /// SQL for the ISO 8601 text, in UTC, of milliseconds since the Unix epoch; without a fraction when that is zero.
    /// Rounds down also before the epoch, where the watermark of an event in its first seconds lies.
    private static func isoText(milliseconds column: String) -> String {
        let fraction = "((\(column) % 1000 + 1000) % 1000)"
        return """
            strftime('%Y-%m-%dT%H:%M:%S', (\(column) - \(fraction)) / 1000, 'unixepoch') || \
            CASE WHEN \(fraction) = 0 THEN '' ELSE printf('.%03d', \(fraction)) END || 'Z'
            """
    }

    private static func isoText(microseconds column: String) -> String {
        """
        strftime('%Y-%m-%dT%H:%M:%S', \(column) / 1000000, 'unixepoch') || \
        CASE WHEN \(column) % 1000000 = 0 THEN '' ELSE printf('.%06d', \(column) % 1000000) END || 'Z'
        """
    }

    private static func isoText(seconds column: String) -> String {
        "strftime('%Y-%m-%dT%H:%M:%SZ', \(column), 'unixepoch')"
    }

    private static var viewsOfVersion1: String {
        """
        CREATE VIEW postcode_view_count AS
        SELECT c.postcode AS postcode, w.timestamp AS timestamp, c.count AS count,
          w.window_start < (SELECT final_before_s FROM progress) AS final
        FROM windows AS w CROSS JOIN counts AS c ON c.window_start = w.window_start;

        CREATE VIEW late_events AS
        SELECT user_id, postcode, webpage, \(isoText(microseconds: "event_time_us")) AS timestamp,
          \(isoText(seconds: "window_start")) AS window, lateness_ms, kafka_partition, kafka_offset,
          \(isoText(milliseconds: "received_at_ms")) AS received_at, published_at_ms IS NOT NULL AS published,
          \(isoText(milliseconds: "backfilled_at_ms")) AS backfilled_at
        FROM late;

        CREATE VIEW rejected_events AS
        SELECT kafka_partition, kafka_offset, reason, byte_position, excerpt,
          \(isoText(milliseconds: "received_at_ms")) AS received_at
        FROM rejected;

        CREATE VIEW partitions AS
        SELECT (SELECT value FROM meta WHERE key = 'topic') AS topic, kafka_partition, next_offset,
          high_watermark_offset, max(high_watermark_offset - next_offset, 0) AS lag,
          \(isoText(milliseconds: "max_event_time_ms")) AS max_event_time,
          \(isoText(milliseconds: "(max_event_time_ms - \(watermarkOffset))")) AS watermark,
          idle, consumed, counted, late, rejected
        FROM partition_progress;

        CREATE VIEW exports AS
        SELECT table_name, generation, snapshot_id, \(isoText(milliseconds: "committed_at_ms")) AS committed_at,
          rows_added, rows_deleted, state
        FROM export;

        CREATE VIEW incidents AS
        SELECT \(isoText(milliseconds: "at_ms")) AS at, kind, detail,
          \(isoText(milliseconds: "resolved_at_ms")) AS resolved_at
        FROM incident;

        """
    }

    /// The snapshot from which a late event was backfilled, and indexes of late events by window.
    private static let backfill = """
        ALTER TABLE late ADD COLUMN backfill_snapshot_id INTEGER;
        CREATE INDEX late_by_window ON late (window_start, postcode);
        CREATE INDEX late_to_backfill ON late (window_start, postcode) WHERE backfilled_at_ms IS NULL;

        """

    /// An index with all columns that a backfill reads, so that SQLite does not read the rows with their payloads.
    private static let backfillIndex = """
        DROP INDEX late_by_window;
        CREATE INDEX late_by_window ON late (window_start, postcode, kafka_partition, kafka_offset, backfilled_at_ms);

        """

    /// The key, headers and timestamp of the source message, and the mark of rows that the topic will never accept.
    private static let outboxEnvelopes = ["late", "rejected"].map { table in
        ["source_key BLOB", "source_headers BLOB", "source_timestamp_ms INTEGER", "passed_at_ms INTEGER"]
            .map { "ALTER TABLE \(table) ADD COLUMN \($0);\n" }.joined()
    }.joined()

    /// The offset of the record with a partition's largest event time.
    private static var eventOffsets: String {
        """
        ALTER TABLE partition_progress ADD COLUMN max_event_offset INTEGER;
        DROP VIEW partitions;
        CREATE VIEW partitions AS
        SELECT (SELECT value FROM meta WHERE key = 'topic') AS topic, kafka_partition, next_offset,
          high_watermark_offset, max(high_watermark_offset - next_offset, 0) AS lag,
          \(isoText(milliseconds: "max_event_time_ms")) AS max_event_time,
          \(isoText(milliseconds: "(max_event_time_ms - \(watermarkOffset))")) AS watermark,
          idle, consumed, counted, late, rejected, max_event_offset
        FROM partition_progress;

        """
    }

    /// The random token of the writer that opened the state last.
    private static let oneWriter = "ALTER TABLE progress ADD COLUMN writer TEXT;\n"

    /// The identification of the last record consumed of a partition (`RecordMark`).
    private static let lastRecords = """
        ALTER TABLE partition_progress ADD COLUMN last_offset INTEGER;
        ALTER TABLE partition_progress ADD COLUMN last_timestamp_ms INTEGER;
        ALTER TABLE partition_progress ADD COLUMN last_leader_epoch INTEGER;
        ALTER TABLE partition_progress ADD COLUMN last_fingerprint INTEGER;

        """

    /// The offsets of an incident of kind `missing-offsets`: [first_offset, end_offset).
    private static let lostOffsets = """
        ALTER TABLE incident ADD COLUMN kafka_partition INTEGER;
        ALTER TABLE incident ADD COLUMN first_offset INTEGER;
        ALTER TABLE incident ADD COLUMN end_offset INTEGER;

        """

    private static let watermarkOffset =
        "(SELECT CAST(value AS INTEGER) + 1 FROM meta WHERE key = 'watermark_delay_ms')"

    /// Rejects a file of another program, or of a newer version of this one. Does not change the file.
    /// - Returns: the version of the file's format; 0 for an empty file.
    /// - Throws: `StoreError.notAState`, `StoreError.newerVersion`, or `SQLiteError`.
    @discardableResult
    static func check(_ connection: Connection, path: String) throws -> Int {
        let version = try connection.integer("PRAGMA user_version") ?? 0
        let application = try connection.integer("PRAGMA application_id") ?? 0
        let tables = try connection.integer("SELECT count(*) FROM sqlite_schema") ?? 0
        guard application == applicationID || (application == 0 && tables == 0) else {
            throw StoreError.notAState(path: path)
        }
        guard version <= migrations.count else { throw StoreError.newerVersion(path: path, version: version) }
        return max(0, Int(version))
    }

    /// Migrates an open file to the newest version.
    /// - Throws: `StoreError.notAState`, `StoreError.newerVersion`, or `SQLiteError`; nothing was changed then.
    static func migrate(_ connection: Connection, path: String) throws {
        let version = try check(connection, path: path)
        guard version < migrations.count else { return }
        try connection.transaction {
            for migration in migrations[version...] {
                try connection.execute(migration.sql)
                try migration.convert(connection)
            }
            try connection.execute("PRAGMA application_id = \(applicationID)")
            try connection.execute("PRAGMA user_version = \(migrations.count)")
            assert(Set(migrations.map(\.name)).count == migrations.count, "names of migrations are unique")
        }
    }
}
