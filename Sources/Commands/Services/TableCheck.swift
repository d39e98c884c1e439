// Checks the tables before counting begins, so that a foreign table, or one that lacks this state's exports, is found
// before anything is consumed. An unreachable or slow warehouse does not delay counting by more than 2 s.

import Tables
import Base
import Log

/// The check before the start.
enum TableCheck {
    /// How long counting waits for the check.
    private static let limit = Duration.seconds(2)

    /// - Throws: a `TableError` that someone has to act on before counting may begin.
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
        case .failure(let error)?: log.warning("export: the tables cannot be checked yet: \(error) (counting begins)")
        case nil:
            guard !stop.wasSet else { return }
            log.warning(
                "export: the warehouse does not answer within 2 s; its tables are checked later (counting begins)")
        }
    }
}
