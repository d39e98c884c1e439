// The one error type of this target.
import CCrypto

/// A failed call of libcrypto.
package struct CryptoError: Error, Equatable, Sendable, CustomStringConvertible {
    /// One line: the algorithm and libcrypto's reason.
    package let description: String

    /// Takes the reason from libcrypto's error queue of this thread and clears the queue.
    init(_ algorithm: String) {
        let code = ERR_get_error()
        ERR_clear_error()
        let reason = code == 0 ? nil : ERR_reason_error_string(code)
        let words = reason.map { String(cString: $0) } ?? "no reason given"
        description = "\(algorithm) failed in libcrypto: \(words) (OpenSSL's settings on this machine may forbid it)"
    }
}
