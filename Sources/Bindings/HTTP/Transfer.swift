// A request in flight: its libcurl options, the state that the callbacks fill, and the outcome.
//
// Once submitted, a transfer is used by the loop thread only.
// Invariant: `complete` is called exactly once, by `settle`.

import CCurl
import Glibc

final class Transfer: @unchecked Sendable {
    let request: HTTPRequest
    private let cancellation: CancellationFlag
    private let complete: @Sendable (Result<HTTPResponse, HTTPError>) -> Void

    var source: BodySource
    var receiver: ResponseReceiver
    /// The number of times that libcurl was about to send the request on a connection.
    var sendings = 0
    /// The reason why a callback stopped the transfer, more specific than libcurl's code.
    var stopped: (kind: HTTPError.Kind, detail: String)?
    private var isSettled = false

    private var headerList: UnsafeMutablePointer<curl_slist>?
    private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

    init(
        request: HTTPRequest, cancellation: CancellationFlag,
        complete: @escaping @Sendable (Result<HTTPResponse, HTTPError>) -> Void
    ) {
        self.request = request
        self.cancellation = cancellation
        self.complete = complete
        source = BodySource(request.body)
        receiver = ResponseReceiver(sink: request.sink, maximumBytes: request.maximumResponseBytes)
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        assert(isSettled, "a transfer completes")
        curl_slist_free_all(headerList)
        errorText.deallocate()
    }

    var isCancelled: Bool { cancellation.isRaised }

    /// Opens the file to send, if there is one.
    /// - Returns: the problem when it cannot be opened.
    func openBody() -> (kind: HTTPError.Kind, detail: String)? { source.open() }

    /// Ends a transfer that libcurl has not started.
    func abandon(_ kind: HTTPError.Kind, _ detail: String) {
        settle(.failure(error(kind, detail, mayHaveBeenProcessed: false)))
    }

    /// Ends a transfer that libcurl has not finished.
    func fail(_ handle: UnsafeMutableRawPointer, _ kind: HTTPError.Kind, _ detail: String) {
        settle(.failure(error(kind, detail, mayHaveBeenProcessed: hasSentBytes(handle))))
    }

    /// Ends a transfer with libcurl's result.
    func finish(_ handle: UnsafeMutableRawPointer, _ code: CURLcode) {
        if code == CURLE_OK, let problem = receiver.close() { stopped = problem }
        if code == CURLE_OK, stopped == nil { return settle(.success(receiver.response)) }
        let text = String(cString: errorText)
        let hasSent = hasSentBytes(handle)
        let (kind, detail) =
            stopped ?? (kindOf(code, hasSent: hasSent), text.isEmpty ? String(cString: curl_easy_strerror(code)) : text)
        settle(.failure(error(kind, detail, mayHaveBeenProcessed: hasSent)))
    }

    private func settle(_ result: Result<HTTPResponse, HTTPError>) {
        precondition(!isSettled, "a transfer completes once")
        isSettled = true
        source.close()
        if case .failure = result { receiver.discard() }
        complete(result)
    }

    private func error(_ kind: HTTPError.Kind, _ detail: String, mayHaveBeenProcessed: Bool) -> HTTPError {
        HTTPError(
            kind: kind, requestMayHaveBeenProcessed: mayHaveBeenProcessed,
            status: receiver.status == 0 ? nil : receiver.status, subject: request.subject, detail: detail)
    }

    /// libcurl counts the sent bytes of the request over all attempts of the transfer.
    private func hasSentBytes(_ handle: UnsafeMutableRawPointer) -> Bool {
        var bytes = 0
        return curl_shim_get_long(handle, CURLINFO_REQUEST_SIZE, &bytes) != CURLE_OK || bytes > 0
    }

    private func kindOf(_ code: CURLcode, hasSent: Bool) -> HTTPError.Kind {
        switch code {
        // After sending, "unsupported protocol" means that the response is not HTTP/1.
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL: hasSent ? .connectionLost : .invalidRequest
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .couldNotResolve
        case CURLE_COULDNT_CONNECT: .couldNotConnect
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR:
            .tls
        case CURLE_OPERATION_TIMEDOUT: .timedOut
        case CURLE_PARTIAL_FILE: .truncatedResponse
        default: receiver.status == 0 ? .connectionLost : .truncatedResponse
        }
    }
}

// MARK: - Options

extension Transfer {
    /// Sets all options on `handle`.
    /// - Returns: false when libcurl rejects one.
    func prepare(_ handle: UnsafeMutableRawPointer, _ configuration: HTTPClient.Configuration) -> Bool {
        let options = OptionSetter(handle)
        setRequest(options)
        setLimits(options, configuration)
        setCallbacks(options)
        return options.isAccepted
    }

    private func setRequest(_ options: OptionSetter) {
        options.set(CURLOPT_URL, request.url)
        options.set(CURLOPT_PATH_AS_IS, 1)
        options.set(CURLOPT_PROTOCOLS_STR, "http,https")
        options.set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        setMethod(options)
        for header in request.headers {
            append(header.value.isEmpty ? "\(header.name);" : "\(header.name): \(header.value)")
        }
        append("Expect:")  // no waiting for "100 Continue"
        options.set(CURLOPT_HTTPHEADER, list: headerList)
        options.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        keepSecrets(options)
    }

    /// Sends credentials to the URL's server only. These are libcurl's defaults, set explicitly for safety.
    private func keepSecrets(_ options: OptionSetter) {
        options.set(CURLOPT_FOLLOWLOCATION, 0)
        options.set(CURLOPT_UNRESTRICTED_AUTH, 0)
        options.set(CURLOPT_HEADEROPT, Int(CURLHEADER_SEPARATE))  // no header lines in a CONNECT to a proxy
        options.set(CURLOPT_NETRC, Int(CURL_NETRC_IGNORED.rawValue))
    }

    private func setMethod(_ options: OptionSetter) {
        switch request.method {
        case "HEAD": options.set(CURLOPT_NOBODY, 1)
        case "GET" where request.body == .none: options.set(CURLOPT_HTTPGET, 1)
        case "DELETE" where request.body == .none: options.set(CURLOPT_CUSTOMREQUEST, "DELETE")
        default:
            options.set(CURLOPT_UPLOAD, 1)
            options.set(CURLOPT_CUSTOMREQUEST, request.method)
            options.set(CURLOPT_INFILESIZE_LARGE, offset: request.body.length)
        }
    }

    private func setLimits(_ options: OptionSetter, _ configuration: HTTPClient.Configuration) {
        options.set(CURLOPT_NOSIGNAL, 1)
        options.set(CURLOPT_QUICK_EXIT, 1)  // a hanging name server does not block the loop
        options.set(CURLOPT_TIMEOUT_MS, request.timeout.wholeMilliseconds)
        options.set(CURLOPT_CONNECTTIMEOUT_MS, request.connectTimeout.wholeMilliseconds)
        options.set(CURLOPT_LOW_SPEED_LIMIT, 1)
        options.set(CURLOPT_LOW_SPEED_TIME, max(1, request.stallTimeout.wholeMilliseconds / 1000))
        options.set(CURLOPT_MAXAGE_CONN, max(1, configuration.maximumIdleTime.wholeMilliseconds / 1000))
        options.set(CURLOPT_TCP_KEEPALIVE, 1)
        options.set(CURLOPT_BUFFERSIZE, 256 << 10)
        options.set(CURLOPT_UPLOAD_BUFFERSIZE, 256 << 10)
        options.set(CURLOPT_USERAGENT, configuration.userAgent)
        if let file = configuration.certificateAuthorityFile { options.set(CURLOPT_CAINFO, file) }
    }

    private func setCallbacks(_ options: OptionSetter) {
        let context = Unmanaged.passUnretained(self).toOpaque()  // `running` retains this object
        options.set(CURLOPT_ERRORBUFFER, pointer: errorText)
        options.set(CURLOPT_READDATA, pointer: context)
        options.set(CURLOPT_READFUNCTION, callback: readBody)
        options.set(CURLOPT_WRITEDATA, pointer: context)
        options.set(CURLOPT_WRITEFUNCTION, callback: writeBody)
        options.set(CURLOPT_HEADERDATA, pointer: context)
        options.set(CURLOPT_HEADERFUNCTION, callback: writeHeader)
        options.set(CURLOPT_PREREQDATA, pointer: context)
        options.setPrerequest(beforeSending)
        options.setSocketCallback(afterSocket)
    }

    private func append(_ line: String) {
        if let longer = curl_slist_append(headerList, line) { headerList = longer }
    }
}

extension Duration {
    /// At least 1, since 0 means no limit to libcurl; at most about 23 days, since a C long may have 32 bits.
    fileprivate var wholeMilliseconds: Int {
        let (seconds, attoseconds) = components
        guard seconds < 2_000_000 else { return 2_000_000_000 }
        return max(1, Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000))
    }
}
