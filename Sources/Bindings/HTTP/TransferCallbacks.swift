// The callbacks of libcurl, called on the loop thread. Their context is the Transfer.

import CCurl
import Glibc

private func transfer(_ context: UnsafeMutableRawPointer?) -> Transfer? {
    context.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
}

/// Fills libcurl's buffer with the next bytes of the body.
func readBody(
    _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let transfer = transfer(context), let buffer, transfer.stopped == nil else { return Int(CURL_READFUNC_ABORT) }
    let space = UnsafeMutableRawBufferPointer(start: buffer, count: size * count)
    switch transfer.source.read(into: space) {
    case .success(let bytes): return bytes
    case .failure(let problem):
        transfer.stopped = (problem.kind, problem.detail)
        return Int(CURL_READFUNC_ABORT)
    }
}

/// Takes bytes of the response body. Returning another number than theirs makes libcurl fail the transfer.
func writeBody(
    _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let transfer = transfer(context) else { return 0 }
    let bytes = UnsafeRawBufferPointer(start: buffer, count: size * count)
    if let problem = transfer.receiver.append(bytes) {
        transfer.stopped = problem
        return 0
    }
    return bytes.count
}

/// Takes one header line, its line break included.
func writeHeader(
    _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let transfer = transfer(context) else { return 0 }
    let bytes = UnsafeRawBufferPointer(start: buffer, count: size * count)
    if let problem = transfer.receiver.appendHeaderLine(bytes) {
        transfer.stopped = problem
        return 0
    }
    return bytes.count
}

/// Called when a connection is ready, before the request is sent on it.
///
/// libcurl repeats a request when a kept connection ends without a response. The server may have acted on the first
/// one, so this aborts the repetition of a request that changes something.
func beforeSending(
    _ context: UnsafeMutableRawPointer?, _: UnsafeMutablePointer<CChar>?, _: UnsafeMutablePointer<CChar>?, _: Int32,
    _: Int32
) -> Int32 {
    guard let transfer = transfer(context) else { return CURL_PREREQFUNC_ABORT }
    transfer.sendings += 1
    if transfer.stopped != nil { return CURL_PREREQFUNC_ABORT }
    if transfer.sendings > 1, !transfer.request.isSafeToRepeat {
        transfer.stopped = (.connectionLost, "a kept connection ended without a response")
        return CURL_PREREQFUNC_ABORT
    }
    return CURL_PREREQFUNC_OK
}

/// Called for each new socket. A child process, such as a pager, must not inherit it: the connection would stay open.
func afterSocket(_: UnsafeMutableRawPointer?, _ socket: curl_socket_t, _: curlsocktype) -> Int32 {
    fcntl(socket, F_SETFD, FD_CLOEXEC) == 0 ? CURL_SOCKOPT_OK : CURL_SOCKOPT_ERROR
}
