// Who may ask for what.

import Testing

@testable import Dashboard

private let open = AccessRules(token: nil, session: "s", host: "127.0.0.1")
private let closed = AccessRules(token: "the right token", session: "the session", host: "0.0.0.0")

private func request(_ change: (inout RequestHead) -> Void = { _ in }) -> RequestHead {
    var head = RequestHead(method: "GET", path: "/api/status", host: "localhost:8080")
    change(&head)
    return head
}

@Suite("Access")
struct AccessTests {
    @Test("on loopback the Host header has to name this machine")
    func hosts() {
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1:8080", "127.1.2.3", "[::1]:8080", "[::1]"] {
            #expect(open.decide(request { $0.host = host }) == .granted, "\(host)")
        }
        for host in [
            nil, "", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "127.0.0.1:x", "[::1",
            "a:1:2",
        ] {
            guard case .forbidden = open.decide(request { $0.host = host }) else {
                Issue.record("\(host ?? "no host") was let in")
                continue
            }
        }
    }

    @Test("requests that a page of another site makes are refused")
    func origins() {
        #expect(open.decide(request { $0.origin = "http://localhost:8080" }) == .granted)
        for origin in ["http://evil.example", "http://localhost:9999", "https://localhost"] {
            let access = open.decide(request { ($0.origin, $0.method) = (origin, "POST") })
            #expect(access == .forbidden("requests from other sites are not answered"), "\(origin)")
        }
        #expect(open.decide(request { ($0.origin, $0.method) = ("null", "POST") }) != .granted)
    }

    @Test("a token is shown as a bearer or by the cookie it was changed for; nothing else lets in")
    func tokens() {
        for header in ["Bearer the right token", "bearer  the right token"] {
            #expect(closed.decide(request { $0.authorization = header }) == .granted, "\(header)")
        }
        for header in [
            "Bearer the wrong token", "Bearer ", "Bearer the right toke", "Bearer the right token2", "Basic eDp5",
        ] {
            #expect(closed.decide(request { $0.authorization = header }) == .unauthorized, "\(header)")
        }
        #expect(closed.decide(request { $0.cookie = "a=b; pageviews_session=the session" }) == .granted)
        #expect(closed.decide(request { $0.cookie = "pageviews_session=the right token" }) == .unauthorized)
        #expect(closed.decide(request()) == .unauthorized)
        #expect(closed.decide(request { $0.host = "any.example" }) == .unauthorized)
    }

    @Test("the address of the page takes the token once; no other address does")
    func signIn() {
        #expect(closed.decide(request { ($0.path, $0.queryToken) = ("/", "the right token") }) == .signIn)
        #expect(closed.decide(request { ($0.path, $0.queryToken) = ("/", "wrong") }) == .unauthorized)
        #expect(closed.decide(request { $0.queryToken = "the right token" }) == .unauthorized)
    }

    @Test("a form's value is read with its spaces, signs and other letters")
    func forms() {
        #expect(AccessRules.formValue("token", in: "a=1&token=a+b%2B%26%C3%A9&c") == "a b+&é")
        #expect(AccessRules.formValue("token", in: "token=") == "")
        for query in [nil, "", "token", "tokens=1", "token=%FF"] {
            #expect(AccessRules.formValue("token", in: query) == nil)
        }
    }

    @Test("strangers may ask whether it is alive and ready, and nothing else")
    func probes() {
        for path in ["/healthz", "/readyz"] { #expect(closed.decide(request { $0.path = path }) == .probe) }
        for path in ["/", "/metrics", "/api/query", "/api/live", "/healthz/", "/readyz/.."] {
            #expect(closed.decide(request { $0.path = path }) == .unauthorized, "\(path)")
        }
    }

    @Test("comparing takes every byte into account, whatever the lengths")
    func comparing() {
        #expect(Secrets.areEqual("", "") && Secrets.areEqual("äö", "äö"))
        for (one, other) in [("a", "b"), ("a", ""), ("", "a"), ("ab", "a"), ("a", "ab"), ("aa", "ab"), ("a\0", "a")] {
            #expect(!Secrets.areEqual(one, other), "\(one) \(other)")
        }
        let secret = Secrets.random()
        #expect(secret.utf8.count == 64 && secret != Secrets.random())
    }

    @Test("addresses are read and written alike; only loopback is loopback")
    func addresses() {
        for (text, isLoopback) in [
            ("127.0.0.1:8080", true), ("localhost:0", true), ("[::1]:80", true), ("0.0.0.0:80", false),
            ("[::]:80", false),
            ("10.0.0.1:80", false), ("127.0.0.1.evil.example:80", false),
        ] {
            let address = ListenAddress(text)
            #expect(address?.description == text)
            #expect(address?.isLoopback == isLoopback, "\(text)")
        }
        for text in ["", "8080", ":80", "host", "host:", "host:65536", "host:-1", "::1:80", "a b:80", "off"] {
            #expect(ListenAddress(text) == nil, "\(text)")
        }
    }
}

@Suite("Bodies of /api/query")
struct QueryBodyTests {
    private func parse(_ text: String, _ type: String? = nil) throws -> QueryRequest {
        try QueryBody.parse(Array(text.utf8), contentType: type)
    }

    @Test("a statement is taken as it stands, or from JSON with its parameters")
    func good() throws {
        #expect(try parse("SELECT 1") == QueryRequest(sql: "SELECT 1"))
        #expect(try parse("{\"sql\": 1}", "text/plain").sql == "{\"sql\": 1}")
        let request = try parse(
            #"{"sql": "SELECT :a, :b", "params": {"a": "it's 1", "b": -7}}"#, "application/json; charset=utf-8")
        #expect(request.parameters == ["a": "'it''s 1'", "b": "-7"])
    }

    @Test("what is not a question is refused with its reason")
    func bad() {
        for (text, type) in [
            ("", nil), (" \n", nil), ("{}", "application/json"), ("[1]", "application/json"), ("{", "application/json"),
            (#"{"sql": ""}"#, "application/json"), (#"{"sql": "S", "params": 1}"#, "application/json"),
            (#"{"sql": "S", "params": {"a=b": 1}}"#, "application/json"),
            (#"{"sql": "S", "params": {"a": [1]}}"#, "application/json"),
        ] as [(String, String?)] {
            #expect(throws: QueryBody.Fault.self, "\(text)") { try parse(text, type) }
        }
        #expect(throws: QueryBody.Fault.self) { try QueryBody.parse([0xFF, 0x41], contentType: nil) }
    }

    @Test("messages become JSON whatever is in them")
    func quoting() {
        #expect(Answer.quoted("a\"\\\n\u{1}é") == "\"a\\\"\\\\\\n\\u0001é\"")
    }
}
