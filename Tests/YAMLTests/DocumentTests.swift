// What is read, with texts and lines as PyYAML's composer gives them, and the limits.

import Testing

@testable import YAML

/// A tree as one line: `line:'plain'`, `line:"quoted"`, `line:null`, `line:[...]`, `line:{key@line=value, ...}`.
func outline(_ node: YAMLNode?) -> String {
    guard let node else { return "nothing" }
    switch node.content {
    case .null: return "\(node.line):null"
    case .scalar(let text, let isQuoted): return "\(node.line):" + (isQuoted ? "\"\(text)\"" : "'\(text)'")
    case .sequence(let nodes): return "\(node.line):[" + nodes.map { outline($0) }.joined(separator: ", ") + "]"
    case .mapping(let pairs):
        return "\(node.line):{"
            + pairs.map { "\($0.key)@\($0.keyLine)=\(outline($0.value))" }.joined(separator: ", ") + "}"
    }
}

func parse(_ text: String) throws(YAMLError) -> YAMLNode? {
    try YAMLDocument.parse(Array(text.utf8), name: "s.yaml")
}

@Suite("YAML documents")
struct DocumentTests {
    @Test(
        "documents are read with texts as written and lines",
        arguments: [
            ("topic: a\nwindow: 30s\n", "1:{topic@1=1:'a', window@2=2:'30s'}"),
            ("partitions: [0, 1]\n", "1:{partitions@1=1:[1:'0', 1:'1']}"),
            ("raw-json: false\nrate: 010\n", "1:{raw-json@1=1:'false', rate@2=2:'010'}"),
            ("a:\n- b\n- c: d\n", "1:{a@1=2:[2:'b', 3:{c@3=3:'d'}]}"),
            ("a:\n  - - b\n    - c\n  -\n    d: e\n", "1:{a@1=2:[2:[2:'b', 3:'c'], 5:{d@5=5:'e'}]}"),
            ("a:\nb: ~\nc: null\nd: 'null'\n", "1:{a@1=1:null, b@2=2:null, c@3=3:null, d@4=4:\"null\"}"),
            ("a: b # c\nd: e#f\n", "1:{a@1=1:'b', d@2=2:'e#f'}"),
            ("a: http://x:1/y?z\n", "1:{a@1=1:'http://x:1/y?z'}"),
            ("a:\tb\n", "1:{a@1=1:'b'}"),
            ("a: \"q\\tx\\x41\"\nb: 'it''s'\n", "1:{a@1=1:\"q\txA\", b@2=2:\"it's\"}"),
            ("a: |\n  x\n  y\nb: >-\n  x\n  y\n", "1:{a@1=1:\"x\ny\n\", b@4=4:\"x y\"}"),
            ("a: x\n  y\nb: \"x\n  y\"\n", "1:{a@1=1:'x y', b@3=3:\"x y\"}"),
            ("a: x\r\nb: y\r\n", "1:{a@1=1:'x', b@2=2:'y'}"),
            ("a: x\rb: y\r", "1:{a@1=1:'x', b@2=2:'y'}"),
            ("? a", "1:{a@1=1:null}"), ("a:\n\n", "1:{a@1=1:null}"),
            ("? a\n: b\n", "1:{a@1=2:'b'}"),
            ("a: &unused b\n", "1:{a@1=1:'b'}"),
            ("%YAML 1.1\n---\na: b\n...\n", "3:{a@3=3:'b'}"),
            ("\u{FEFF}a: b\n", "1:{a@1=1:'b'}"),
            ("é: ü😀\n", "1:{é@1=1:'ü😀'}"),
            ("- a\n", "1:[1:'a']"), ("a", "1:'a'"), ("~", "1:null"), ("''", "1:\"\""),
            ("", "nothing"), ("\n\n# only\n", "nothing"), ("---\n", "nothing"), ("\u{FEFF}", "nothing"),
        ])
    func documents(text: String, expected: String) throws {
        #expect(outline(try parse(text)) == expected)
    }

    @Test(
        "JSON is YAML",
        arguments: [
            (#"{"a":1,"b":[],"c":{}}"#, #"1:{a@1=1:'1', b@1=1:[], c@1=1:{}}"#),
            (#"{"a": [1.5, true, null, "\u00e9\/\n"]}"#, "1:{a@1=1:[1:'1.5', 1:'true', 1:null, 1:\"é/\n\"]}"),
            ("{\n\t\"a\": {\n\t\t\"b\": 1\n\t}\n}\n", "1:{a@2=2:{b@3=3:'1'}}"),
        ])
    func json(text: String, expected: String) throws {
        #expect(outline(try parse(text)) == expected)
    }

    @Test("the deepest document is read, one level more is not")
    func depth() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        let deepest = YAMLDocument.maximumDepth
        #expect(outline(try parse(nested(deepest))).count == deepest * 4)
        #expect(throws: YAMLError(name: "s.yaml", line: 1, "nested more than 32 deep; flatten it")) {
            try parse(nested(deepest + 1))
        }
        let block = (0...deepest).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
        #expect(throws: YAMLError(name: "s.yaml", line: 33, "nested more than 32 deep; flatten it")) {
            try parse(block)
        }
    }

    @Test("the largest number of nodes is read, one more is not")
    func nodes() throws {
        let elements = String(repeating: "- a\n", count: YAMLDocument.maximumNodes - 1)
        guard case .sequence(let read) = try parse(elements)?.content else {
            Issue.record("not a list")
            return
        }
        #expect(read.count == YAMLDocument.maximumNodes - 1)
        let limit = YAMLDocument.maximumNodes
        #expect(throws: YAMLError(name: "s.yaml", line: limit, "more than 20000 keys and values; shorten the file")) {
            try parse(elements + "- a\n")
        }
    }

    @Test("the largest file is read, one byte more is not")
    func bytes() throws {
        let start = Array("a: b\n#".utf8)
        let largest = start + [UInt8](repeating: 0x78, count: YAMLDocument.maximumBytes - start.count)
        #expect(outline(try YAMLDocument.parse(largest, name: "s.yaml")) == "1:{a@1=1:'b'}")
        #expect(throws: YAMLError(name: "s.yaml", line: nil, "the file is larger than 1 MiB; shorten it")) {
            try YAMLDocument.parse(largest + [0x78], name: "s.yaml")
        }
    }
}
