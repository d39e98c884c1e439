// One writer, whatever happened to lock files: every transaction that writes checks that the state is as this store left it.
//
// Opening for writing puts a random token into `progress`, and every transaction compares it, and the generation, with its
// own. Invariant: of two stores over one file the one that was opened last can write, and it has read everything that the
// other has written; the other can write nothing more.

import Base
import SQLite

extension Store {
    /// A token that no other store has.
    static func newToken() -> String { String(UInt64.random(in: .min ... .max), radix: 16) }

    /// Runs `body` as one transaction over a state that nobody else has written; within a transaction, as part of it.
    /// - Throws: what `body` throws, `StoreError.otherWriter`, `StoreError.filesLost`, or `SQLiteError`; nothing was changed then.
    package func transaction<Result>(_ body: () throws -> Result) throws -> Result {
        guard !connection.isInTransaction else { return try body() }
        return try connection.transaction {
            try checkWriter()
            try checkFiles()
            return try body()
        }
    }

    private func checkWriter() throws {
        guard let token else { return }
        let found = try statements.writer.first { (generation: $0.generation(0), token: $0.optionalString(1)) }
        guard let found, found.generation == generation, found.token == token else {
            throw StoreError.otherWriter(path: path)
        }
    }

    /// Becomes the one writer, and reads the generation that it goes on from.
    func takeOver(_ token: String) throws -> Generation {
        try connection.run("UPDATE progress SET writer = ?1", token)
        return try recordedGeneration()
    }
}
