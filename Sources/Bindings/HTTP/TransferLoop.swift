// The thread that drives libcurl's multi interface: it admits submitted transfers and reports their results.
//
// Other threads share only `inbox` with the loop thread: `running` and `idleHandles` are used by `run` and its private
// helpers. The multi handle lives until the thread ends, and `wake` does not use it afterwards (`hasEnded`, under the
// inbox's lock). Other threads call only curl_multi_wakeup of libcurl, as its manual allows.

import Base
import CCurl
import Glibc
import Synchronization

/// Raised by a cancelled task, read by the loop.
final class CancellationFlag: Sendable {
    private let flag = Atomic<Bool>(false)
    func raise() { flag.store(true, ordering: .releasing) }
    var isRaised: Bool { flag.load(ordering: .acquiring) }
}

final class TransferLoop: @unchecked Sendable {
    private struct Inbox {
        var submitted: [Transfer] = []
        var isStopping = false
        var hasEnded = false
    }

    private let inbox = Lock(Inbox())
    private let multi: UnsafeMutableRawPointer
    private let configuration: HTTPClient.Configuration
    private var running: [UnsafeMutableRawPointer: Transfer] = [:]  // loop thread
    private var idleHandles: [UnsafeMutableRawPointer] = []  // loop thread

    private static let libraryStatus: CURLcode = curl_shim_global_init()
    private static let maximumIdleHandles = 16

    init(configuration: HTTPClient.Configuration) throws(HTTPError) {
        guard Self.libraryStatus == CURLE_OK, let multi = curl_multi_init() else {
            throw Self.closed("libcurl could not be initialised")
        }
        self.multi = multi
        self.configuration = configuration
        _ = curl_shim_multi_set_long(multi, CURLMOPT_MAXCONNECTS, configuration.maximumKeptConnections)
    }

    /// Starts the thread, which retains this object until it ends after `stop`.
    func start() throws(HTTPError) {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self)
        let status = pthread_create(&thread, nil, { loopThread($0) }, context.toOpaque())
        guard status == 0 else {
            context.release()
            curl_multi_cleanup(multi)
            throw Self.closed("no thread could be started (error \(status))")
        }
        pthread_detach(thread)
    }

    func submit(_ transfer: Transfer) {
        let accepted = inbox.withLock { inbox in
            guard !inbox.isStopping else { return false }
            inbox.submitted.append(transfer)
            curl_multi_wakeup(multi)
            return true
        }
        if !accepted { transfer.abandon(.closed, "the client is closed") }
    }

    func wake() {
        inbox.withLock { inbox in
            if !inbox.hasEnded { curl_multi_wakeup(multi) }
        }
    }

    func stop() {
        inbox.withLock { inbox in
            inbox.isStopping = true
            if !inbox.hasEnded { curl_multi_wakeup(multi) }
        }
    }

    private static func closed(_ detail: String) -> HTTPError {
        HTTPError(kind: .closed, requestMayHaveBeenProcessed: false, subject: "HTTP client", detail: detail)
    }
}

// MARK: - Loop thread

extension TransferLoop {
    fileprivate func run() {
        blockSignals()
        while admitSubmitted() {
            dropCancelled()
            var active: Int32 = 0
            let status = curl_multi_perform(multi, &active)
            if status == CURLM_OK { finishCompleted() } else { abandonAll("libcurl: multi error \(status.rawValue)") }
            // libcurl's timers shorten the wait; a submission or a cancellation ends it.
            curl_multi_poll(multi, nil, 0, running.isEmpty ? 60_000 : 1_000, nil)
        }
        end()
    }

    /// Starts the submitted transfers.
    /// - Returns: false when the loop has to end.
    private func admitSubmitted() -> Bool {
        let (submitted, isStopping) = inbox.withLock { inbox in
            defer { inbox.submitted = [] }
            return (inbox.submitted, inbox.isStopping)
        }
        if isStopping {
            for transfer in submitted { transfer.abandon(.closed, "the client is closed") }
            return false
        }
        for transfer in submitted { begin(transfer) }
        return true
    }

    private func begin(_ transfer: Transfer) {
        if transfer.isCancelled { return transfer.abandon(.cancelled, "before it was sent") }
        if let problem = transfer.openBody() { return transfer.abandon(problem.kind, problem.detail) }
        guard let handle = idleHandles.popLast() ?? curl_easy_init() else {
            return transfer.abandon(.closed, "libcurl has no handle")
        }
        guard transfer.prepare(handle, configuration), curl_multi_add_handle(multi, handle) == CURLM_OK else {
            recycle(handle)
            return transfer.abandon(.closed, "libcurl refused the request")
        }
        running[handle] = transfer
    }

    private func dropCancelled() {
        for (handle, transfer) in running where transfer.isCancelled {
            remove(handle)
            transfer.fail(handle, .cancelled, "by its task")
            recycle(handle)
        }
    }

    private func finishCompleted() {
        var remaining: Int32 = 0
        while let message = curl_multi_info_read(multi, &remaining) {
            guard message.pointee.msg == CURLMSG_DONE, let handle = message.pointee.easy_handle else { continue }
            let code = message.pointee.data.result
            guard let transfer = running[handle] else { continue }
            remove(handle)
            transfer.finish(handle, code)
            recycle(handle)
        }
    }

    private func remove(_ handle: UnsafeMutableRawPointer) {
        curl_multi_remove_handle(multi, handle)
        running[handle] = nil
    }

    private func recycle(_ handle: UnsafeMutableRawPointer) {
        curl_easy_reset(handle)
        if idleHandles.count < Self.maximumIdleHandles {
            idleHandles.append(handle)
        } else {
            curl_easy_cleanup(handle)
        }
    }

    private func abandonAll(_ detail: String) {
        for (handle, transfer) in running {
            remove(handle)
            transfer.fail(handle, .closed, detail)
            recycle(handle)
        }
    }

    private func end() {
        abandonAll("the client is closed")
        for handle in idleHandles { curl_easy_cleanup(handle) }
        inbox.withLock { $0.hasEnded = true }
        curl_multi_cleanup(multi)
    }

    /// Other threads handle the process's signals. A write to a closed connection must return EPIPE, not raise SIGPIPE.
    private func blockSignals() {
        var all = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, nil)
    }
}

private func loopThread(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    Unmanaged<TransferLoop>.fromOpaque(context).takeRetainedValue().run()
    return nil
}
