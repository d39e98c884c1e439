// The listening socket. The server opens it, so that a failure has an errno and the port chosen for port 0 is known.

import CMicrohttpd  // owns the enum of SOCK_STREAM for the compiler, as it includes sys/socket.h too
import Glibc

/// The reason why a server does not start.
package struct HTTPServerError: Error, CustomStringConvertible {
    /// One line: the reason, without the address.
    package let description: String
}

enum Listener {
    /// - Parameter host: an address or a name.
    /// - Returns: the socket and its port.
    /// - Throws: `HTTPServerError` when the host is unknown or the address cannot be bound.
    static func open(_ host: String, _ port: UInt16) throws(HTTPServerError) -> (descriptor: Int32, port: UInt16) {
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), nil, &found) == 0, let first = found?.pointee else {
            throw HTTPServerError(description: "unknown host")
        }
        defer { freeaddrinfo(found) }
        let descriptor = listen(first.ai_family, first.ai_addr, first.ai_addrlen)
        guard descriptor >= 0 else {
            throw HTTPServerError(description: String(cString: strerror(errno)).lowercased())
        }
        return (descriptor, Self.port(of: descriptor))
    }

    /// The descriptor, or a negative number with errno set.
    private static func listen(_ family: Int32, _ address: UnsafePointer<sockaddr>?, _ length: socklen_t) -> Int32 {
        let kind = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        let descriptor = socket(family, Int32(kind), 0)
        guard descriptor >= 0 else { return -1 }
        // Allows the port while connections of the last run are in TIME_WAIT. SO_REUSEPORT
        // (MHD_OPTION_LISTENING_ADDRESS_REUSE) would let a second server start without an error.
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        if bind(descriptor, address, length) == 0, Glibc.listen(descriptor, SOMAXCONN) == 0 { return descriptor }
        let code = errno
        close(descriptor)
        errno = code
        return -1
    }

    private static func port(of descriptor: Int32) -> UInt16 {
        var address = sockaddr_in6()  // its port is at the same place as in sockaddr_in
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        withUnsafeMutableBytes(of: &address) {
            _ = getsockname(descriptor, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, &length)
        }
        return UInt16(bigEndian: address.sin6_port)
    }
}

/// The process's limit on open files.
enum Descriptors {
    /// Raises the soft limit to the hard limit: libmicrohttpd's thread spins when no descriptor is left.
    /// - Returns: the limit in force.
    static func raise() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        if limit.rlim_cur < limit.rlim_max {
            var raised = rlimit(rlim_cur: limit.rlim_max, rlim_max: limit.rlim_max)
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }
}
