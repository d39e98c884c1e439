// A refusal as bytes for the socket: during a body, libmicrohttpd accepts no response.

import Glibc

enum WrittenAnswer {
    /// The whole response, with `Connection: close`.
    static func bytes(_ handler: any HTTPHandler, _ refusal: HTTPRefusal) -> [UInt8] {
        let answer = handler.refusal(refusal)
        guard case .bytes(let body) = answer.body else { return [] }
        var head = "HTTP/1.1 \(answer.status) \(refusal.reason)\r\nDate: \(date())\r\nConnection: close\r\n"
        head += "Content-Length: \(body.count)\r\n"
        for (name, value) in answer.headers { head += "\(name): \(value)\r\n" }
        return Array((head + "\r\n").utf8) + body
    }

    /// The current time in the format of https://www.rfc-editor.org/rfc/rfc9110#name-date-time-formats.
    private static func date() -> String {
        var (now, parts) = (time(nil), tm())
        gmtime_r(&now, &parts)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return
            "\(days[Int(parts.tm_wday)]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)]) \(1900 + parts.tm_year) "
            + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
    }
}
