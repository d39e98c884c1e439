// `\topic` and `\proof` at the prompt. They run `pageviews topic` and `pageviews proof` with the prompt's settings;
// Ctrl-C cancels them.

import Arguments
import Base
import Dispatch
import Foundation
import Query
import State

/// The prompt's commands for the pipeline.
struct PipelineCommands: DomainCommands {
    /// How long the prompt waits for a cancelled proof to end.
    private static let graceMilliseconds = 2000

    let state: String
    let brokers: BrokerOptions
    let group: String
    let export: ExportOptions

    // MARK: Questions

    var windowLength: String { WindowQuestions.length }

    func exportsOfWindow(
        start: String, postcode: String, hasColumn: (_ column: String, _ table: String) -> Bool
    ) -> String {
        WindowQuestions.exports(start: start, postcode: postcode, hasColumn: hasColumn)
    }

    // MARK: Topics

    func topic(_ arguments: [String], out: Output, err: Output, interrupt: InterruptFlag) -> Int32 {
        var base = TopicCommand()
        (base.state, base.brokers, base.group) = (state, brokers, group)
        return parsed(Self.withLimit(arguments), TopicCommand.rows, onto: base, TopicCommand.command, out, err) {
            $0.look(out, err, interrupt, speaker: "error")
        }
    }

    /// `NAME 20` is short for `NAME --limit 20`.
    static func withLimit(_ arguments: [String]) -> [String] {
        guard arguments.count == 2, !arguments[0].hasPrefix("-"), Int(arguments[1]) != nil else { return arguments }
        return [arguments[0], "--limit=\(arguments[1])"]
    }

    // MARK: Proof

    func proof(_ arguments: [String], out: Output, err: Output, interrupt: InterruptFlag) -> Int32 {
        var base = ProofCommand()
        base.state = state
        // A warehouse named in the command replaces all of the prompt's export options.
        if !Self.names(["warehouse", "catalog"], arguments) { base.export = export }
        return parsed(arguments, ProofCommand.rows, onto: base, ProofCommand.command, out, err) {
            prove($0, out, err, interrupt)
        }
    }

    private static func names(_ options: [String], _ arguments: [String]) -> Bool {
        arguments.contains { argument in
            options.contains { argument == "--\($0)" || argument.hasPrefix("--\($0)=") }
        }
    }

    private func prove(_ command: ProofCommand, _ out: Output, _ err: Output, _ interrupt: InterruptFlag) -> Int32 {
        let work = CancellableWork { try await command.report() }
        switch work.wait(unless: { interrupt.isRaised }, graceMilliseconds: Self.graceMilliseconds) {
        case nil: return 3
        case .success(let report):
            out.write(report.text)
            return report.isEqual ? 0 : 1
        case .failure(let error):
            let failure = Failure(error) ?? Failure("\(error)", exitCode: 1)
            err.write("error: \(failure.text)\n")
            return failure.exitCode
        }
    }

    // MARK: Arguments

    /// Reads the typed arguments onto the prompt's settings. The prompt has read environment and file when it started.
    private func parsed<Root>(
        _ arguments: [String], _ rows: Rows<Root>, onto base: Root, _ command: Command, _ out: Output, _ err: Output,
        _ body: (Root) -> Int32
    ) -> Int32 {
        do {
            if case .show(let text) = try Pageviews.program.plan([command.name] + arguments) {
                out.write(text)
                return 0
            }
            return body(try rows.read(rows.infos.assignments(of: arguments), onto: base).values)
        } catch {
            err.write("error: \(error)\n")
            return 2
        }
    }
}

/// Runs an asynchronous function while a thread waits for it.
private final class CancellableWork<Value: Sendable>: Sendable {
    private let result = Lock<Result<Value, any Error>?>(nil)
    private let done = DispatchSemaphore(value: 0)
    private let task = Lock<Task<Void, Never>?>(nil)

    init(_ work: @escaping @Sendable () async throws -> Value) {
        let started = Task.detached { [self] in
            let outcome: Result<Value, any Error>
            do { outcome = .success(try await work()) } catch { outcome = .failure(error) }
            result.withLock { $0 = outcome }
            done.signal()
        }
        task.withLock { $0 = started }
    }

    /// - Returns: nil when it was cancelled.
    func wait(unless isCancelled: () -> Bool, graceMilliseconds: Int) -> Result<Value, any Error>? {
        while done.wait(timeout: .now() + .milliseconds(50)) == .timedOut {
            guard isCancelled() else { continue }
            task.withLock { $0?.cancel() }
            _ = done.wait(timeout: .now() + .milliseconds(graceMilliseconds))
            return nil
        }
        return result.withLock { $0 }
    }
}
