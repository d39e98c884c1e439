// Starts libmicrohttpd. Its callbacks are C functions that find their object and call it.
//
// The daemon's context is the HTTPServer, retained until MHD_stop_daemon returns. A connection's context is its
// Connection, retained from STARTED to CLOSED. A request has no context: libmicrohttpd does not report the end of every
// request.

import CMicrohttpd
import Glibc

enum Daemon {
    /// - Parameter connectionLimit: the number of connections at which new ones wait. It is above the server's limit,
    ///   which leaves time to close the connections that are idle longest.
    /// - Returns: nil when libmicrohttpd does not start.
    static func start(_ server: HTTPServer, _ listener: Int32, connectionLimit: Int) -> OpaquePointer? {
        var config = cmhd_config()
        config.flags =
            MHD_USE_INTERNAL_POLLING_THREAD.rawValue | MHD_USE_THREAD_PER_CONNECTION.rawValue | MHD_USE_POLL.rawValue
            | MHD_USE_ITC.rawValue | MHD_USE_ERROR_LOG.rawValue
        config.listener = listener
        config.connection_limit = UInt32(clamping: connectionLimit)
        config.access = { _, handle, _, method, version, data, count, _ in
            guard let handle, let method, let version, let count, let connection = Daemon.connection(handle) else {
                return .NO
            }
            let bytes = UnsafeRawBufferPointer(start: data, count: count.pointee)
            count.pointee = 0
            return connection.proceed(handle, String(cString: method), String(cString: version), bytes)
        }
        config.connection = { context, handle, kept, change in
            guard let context, let handle, let kept else { return }
            let (server, descriptor) = (Daemon.server(context), cmhd_descriptor(handle))
            if change == .CONNECTION_NOTIFY_STARTED {
                kept.pointee = Unmanaged.passRetained(Connection(server, descriptor)).toOpaque()
                server.connections.opened(descriptor)
            } else {
                server.connections.closed(descriptor)
                if let connection = kept.pointee { Unmanaged<Connection>.fromOpaque(connection).release() }
                kept.pointee = nil
            }
        }
        config.target = { _, target, handle in
            if let target, let handle { Daemon.connection(handle)?.start(String(cString: target)) }
            return nil
        }
        config.completed = { _, handle, _, reason in
            if let handle { Daemon.connection(handle)?.completed(reason, handle) }
        }
        config.log = { context, format, arguments in
            guard let context, let format, let arguments else { return }
            Daemon.server(context).log(Daemon.line(format, arguments))
        }
        let context = Unmanaged.passRetained(server)
        config.context = context.toOpaque()
        let daemon = cmhd_start(&config)
        if daemon == nil { context.release() }
        return daemon
    }

    /// The first line of a message.
    private static func line(_ format: UnsafePointer<CChar>, _ arguments: CVaListPointer) -> String {
        var line = [CChar](repeating: 0, count: 512)
        vsnprintf(&line, line.count, format, arguments)
        return String(decoding: line.prefix { $0 != 0 && $0 != 10 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private static func connection(_ handle: OpaquePointer) -> Connection? {
        cmhd_context(handle).map { Unmanaged<Connection>.fromOpaque($0).takeUnretainedValue() }
    }

    private static func server(_ context: UnsafeMutableRawPointer) -> HTTPServer {
        Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue()
    }
}
