// An async HTTP client on libcurl. One thread per client (TransferLoop) runs all its transfers, so that calls share
// libcurl's connection cache and do not block their threads.

/// An HTTP/1.1 client with kept connections. Share one per process, or one per kind of server. Safe to use from any
/// task.
///
/// Proxy settings come from the environment as libcurl documents them (`https_proxy`, `no_proxy` ...).
package final class HTTPClient: Sendable {
    /// Settings of all requests of a client.
    package struct Configuration: Sendable {
        /// The value of the User-Agent header.
        package var userAgent: String
        /// A PEM file with the certificate authorities to trust instead of the system's.
        package var certificateAuthorityFile: String?
        /// The maximum number of connections kept open for reuse.
        package var maximumKeptConnections: Int
        /// The maximum idle time of a connection for reuse. Servers commonly close idle connections after 20 to 120 s,
        /// and a request lost to such a close has an unknown outcome, so stay below.
        package var maximumIdleTime: Duration

        /// The defaults suit one object store and one catalog.
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

    /// Starts the client's thread.
    /// - Throws: `HTTPError` of kind `closed` when libcurl or the thread cannot be started.
    package init(configuration: Configuration = Configuration()) throws(HTTPError) {
        loop = try TransferLoop(configuration: configuration)
        try loop.start()
    }

    deinit { loop.stop() }

    /// Sends `request` once and returns the complete response, whatever its status.
    ///
    /// A call sends a request other than GET and HEAD at most once, even when a kept connection is dead. Cancelling the
    /// task ends the transfer at once.
    /// - Throws: `HTTPError` when there is no complete response.
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
