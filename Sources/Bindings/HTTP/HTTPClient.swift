// The public face: an async call over libcurl. All transfers of a client run on one thread of its own (TransferLoop), so
// libcurl's connection cache is shared between calls and no caller's thread is ever blocked.

/// An HTTP/1.1 client with kept connections. Share one per process, or one per kind of server.
///
/// Proxy settings come from the environment as libcurl documents them (`https_proxy`, `no_proxy` ...).
package final class HTTPClient: Sendable {
    /// Settings that hold for all requests of a client.
    package struct Configuration: Sendable {
        /// What is sent as User-Agent.
        package var userAgent: String
        /// A PEM file with the certificate authorities to trust instead of the system's.
        package var certificateAuthorityFile: String?
        /// Connections kept open for re-use, at most.
        package var maximumKeptConnections: Int
        /// An idle connection older than this is not used again. Servers commonly close theirs after 20 to 120 s; a
        /// request lost to such a close has an unknown outcome, so stay below.
        package var maximumIdleTime: Duration

        /// The defaults suit talking to one object store and one catalog.
        package init(
            userAgent: String = "pageviews", certificateAuthorityFile: String? = nil,
            maximumKeptConnections: Int = 16, maximumIdleTime: Duration = .seconds(15)
        ) {
            self.userAgent = userAgent
            self.certificateAuthorityFile = certificateAuthorityFile
            self.maximumKeptConnections = maximumKeptConnections
            self.maximumIdleTime = maximumIdleTime
        }
    }

    private let loop: TransferLoop

    /// Starts the client's thread. Throws `closed` when libcurl or the thread cannot be started.
    package init(configuration: Configuration = Configuration()) throws(HTTPError) {
        loop = try TransferLoop(configuration: configuration)
        try loop.start()
    }

    deinit { loop.stop() }

    /// Sends `request` once and returns the complete answer, whatever its status.
    ///
    /// A POST, PUT, DELETE or PATCH is never sent twice by one call, not even when a kept connection turns out to be
    /// dead. Cancelling the task ends the transfer at once.
    /// - Throws: `HTTPError` when there is no complete answer.
    package func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        if let defect = request.defect {
            throw HTTPError(
                kind: .invalidRequest, requestMayHaveBeenProcessed: false, subject: request.subject, detail: defect)
        }
        let cancellation = CancellationFlag()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                loop.submit(
                    Transfer(request: request, cancellation: cancellation) { continuation.resume(returning: $0) })
            }
        } onCancel: {
            cancellation.raise()
            loop.wake()
        }
        return try withExtendedLifetime(self) { () throws(HTTPError) in try result.get() }
    }
}
