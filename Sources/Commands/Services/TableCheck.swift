// Looks at the tables before counting begins: a foreign table, or one that lacks what this state exported, is found
// before anything is consumed. A warehouse that cannot be reached, or is slow, does not keep counting from beginning.

import Tables
import Base
import Log

/// The look before the start.
enum TableCheck {
    /// How long counting waits for it.
    private static let limit = Duration.seconds(2)

    /// - Throws: the `TableError` that somebody has to deal with first.
    static func run(_ stop: StopSignal, _ log: Logger, _ check: @escaping @Sendable () async throws -> Void)
        async throws
    {
        let (results, sender) = AsyncStream.makeStream(of: Result<Void, any Error>?.self)
        let work = Task {
            do {
                try await check()
                sender.yield(.success(()))
            } catch { sender.yield(.failure(error)) }
        }
        let timer = Task {
            _ = await stop.sleep(for: limit)
            sender.yield(nil)
        }
        defer {
            work.cancel()
            timer.cancel()
        }
        switch await results.first(where: { _ in true }) ?? nil {
        case .success?: break
        case .failure(let error as TableError)? where error.isTableChanged || error.isUnsafe: throw error
        case .failure(let error)?: log.warning("export: the tables cannot be looked at yet: \(error) (counting begins)")
        case nil:
            guard !stop.wasSet else { return }
            log.warning(
                "export: the warehouse does not answer within 2 s; its tables are looked at later (counting begins)")
        }
    }
}
