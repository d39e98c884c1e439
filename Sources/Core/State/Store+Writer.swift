// Ensures one writer even where lock files were removed: each writing transaction checks that the state is as this
// store left it.
//
// Opening for writing stores a random token in `progress`. Each transaction compares the token and the generation with
// its own (`checkWriter`). Of two stores on one file, only the one opened last can therefore write, and it has read
// everything that the other wrote.

import Base
import SQLite

extension Store {
    /// A random token of 64 bits.
    static func newToken() -> String { String(UInt64.random(in: .min ... .max), radix: 16) }

    /// Runs `body` in one transaction, or as part of the transaction that is open.
    /// - Throws: the errors of `body`, `StoreError.otherWriter`, `StoreError.filesLost`, or `SQLiteError`; nothing was
    ///   changed then.
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

    /// Makes this store the one writer.
    /// - Returns: the generation in the file.
    func takeOver(_ token: String) throws -> Generation {
        try connection.run("UPDATE progress SET writer = ?1", token)
        return try recordedGeneration()
    }
}
