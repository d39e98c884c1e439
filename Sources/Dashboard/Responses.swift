// Builds answers, and the security headers of every answer.

import HTTPServer

enum Answer {
    static func text(_ body: String, _ status: Int = 200, type: String = "text/plain; charset=utf-8") -> HTTPResponse {
        HTTPResponse(status, text: body, type: type)
    }

    static func json(_ body: String, _ status: Int = 200) -> HTTPResponse {
        text(body + "\n", status, type: "application/json")
    }

    static func error(_ message: String, _ status: Int) -> HTTPResponse {
        json("{\"error\":\(quoted(message))}", status)
    }

    /// A JSON string.
    static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": out += "\\\(scalar)"
            case "\n": out += "\\n"
            case let control where control.value < 0x20:
                let digits = String(control.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }

    /// Forbid loading from other sites, framing, sniffing, caching and referrers.
    static let securityHeaders: [(String, String)] = [
        (
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
                + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
        ("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY"), ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Resource-Policy", "same-origin"), ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"), ("Cache-Control", "no-store"),
    ]

    static func secured(_ response: HTTPResponse) -> HTTPResponse {
        var response = response
        response.headers += securityHeaders.map { (name: $0.0, value: $0.1) }
        return response
    }
}
