// Builds the tree from the parser's events and enforces the rules and limits of settings files.

struct TreeBuilder {
    let events: EventReader
    let name: String
    private var nodes = 0

    init(events: EventReader, name: String) {
        self.events = events
        self.name = name
    }

    /// The root of the only document; nil when the document has no value.
    mutating func document() throws(YAMLError) -> YAMLNode? {
        var event = try events.next()
        while case .other = event.kind { event = try events.next() }
        guard case .documentStart = event.kind else { return nil }
        let first = try events.next()
        let root = try node(first, depth: 0)
        // The end of the document, then the event after it.
        _ = try events.next()
        let rest = try events.next()
        guard case .streamEnd = rest.kind else {
            throw refusal(rest.line, "a second document begins here; keep one document per file")
        }
        if case .scalar(let text, true) = first.kind, text.isEmpty { return nil }
        return root
    }

    /// The value that begins with `event`.
    /// - Parameter depth: The number of lists and mappings that enclose it.
    private mutating func node(_ event: Event, depth: Int) throws(YAMLError) -> YAMLNode {
        try count(event)
        switch event.kind {
        case .scalar(let text, let isPlain):
            return YAMLNode(line: event.line, content: try scalar(text, isPlain: isPlain, line: event.line))
        case .sequenceStart:
            try enter(event, depth: depth)
            return YAMLNode(line: event.line, content: .sequence(try elements(depth: depth + 1)))
        case .mappingStart:
            try enter(event, depth: depth)
            return YAMLNode(line: event.line, content: .mapping(try pairs(depth: depth + 1)))
        case .alias(let anchor):
            let problem = "*\(shown(anchor)) is an alias, which is not supported"
            throw refusal(event.line, "\(problem); write the value itself, in quotes if it begins with *")
        default: throw refusal(event.line, "not YAML: a value is missing; add one")
        }
    }

    private mutating func elements(depth: Int) throws(YAMLError) -> [YAMLNode] {
        var elements: [YAMLNode] = []
        while true {
            let event = try events.next()
            if case .sequenceEnd = event.kind { return elements }
            elements.append(try node(event, depth: depth))
        }
    }

    private mutating func pairs(depth: Int) throws(YAMLError) -> [(key: String, keyLine: Int, value: YAMLNode)] {
        var pairs: [(key: String, keyLine: Int, value: YAMLNode)] = []
        var lines: [String: Int] = [:]
        while true {
            let event = try events.next()
            if case .mappingEnd = event.kind { return pairs }
            let key = try key(event, depth: depth)
            if let first = lines.updateValue(event.line, forKey: key) {
                throw refusal(event.line, "\(shown(key)) was given before, in line \(first); remove one of the two")
            }
            pairs.append((key, event.line, try node(try events.next(), depth: depth)))
        }
    }

    private mutating func key(_ event: Event, depth: Int) throws(YAMLError) -> String {
        let node = try node(event, depth: depth)
        switch node.content {
        case .scalar("<<", isQuoted: false):
            throw refusal(node.line, "<< is a merge key, which is not supported; write the settings themselves")
        case .scalar(let text, _): return text
        case .null: throw refusal(node.line, "a value without a name; write NAME: VALUE")
        case .sequence, .mapping: throw refusal(node.line, "a name must be a text; write NAME: VALUE")
        }
    }

    private func scalar(_ text: String, isPlain: Bool, line: Int) throws(YAMLError) -> YAMLNode.Content {
        if isPlain, ["", "~", "null", "Null", "NULL"].contains(text) { return .null }
        guard !text.utf8.contains(0) else {
            throw refusal(line, "a text with the character NUL; remove the \\0 or \\x00")
        }
        return .scalar(text: text, isQuoted: !isPlain)
    }

    private mutating func count(_ event: Event) throws(YAMLError) {
        nodes += 1
        guard nodes <= YAMLDocument.maximumNodes else {
            throw refusal(event.line, "more than \(YAMLDocument.maximumNodes) keys and values; shorten the file")
        }
        if let tag = event.tag {
            throw refusal(event.line, "the tag \(shown(tag)) is not supported; remove it, or put the value in quotes")
        }
    }

    private func enter(_ event: Event, depth: Int) throws(YAMLError) {
        guard depth < YAMLDocument.maximumDepth else {
            throw refusal(event.line, "nested more than \(YAMLDocument.maximumDepth) deep; flatten it")
        }
    }

    private func refusal(_ line: Int, _ problem: String) -> YAMLError {
        YAMLError(name: name, line: line, problem)
    }
}
