// The settings of the prompt, one row each. `\pset` and the settings' own commands use the rows.

/// A setting.
struct Setting: Sendable {
    /// The names; messages use the first.
    let names: [String]
    /// The current value as text.
    let text: @Sendable (ReplSettings) -> String
    /// The value to set when the user gives none; without it `change` decides.
    let otherValue: (@Sendable (ReplSettings) -> String)?
    private let change: @Sendable (Repl, String?) -> Void

    init(
        _ names: String..., text: @escaping @Sendable (ReplSettings) -> String,
        otherValue: (@Sendable (ReplSettings) -> String)? = nil, change: @escaping @Sendable (Repl, String?) -> Void
    ) {
        (self.names, self.text, self.otherValue, self.change) = (names, text, otherValue, change)
    }

    /// A setting that is on or off.
    private init(_ name: String, isOn: any WritableKeyPath<ReplSettings, Bool> & Sendable) {
        self.init(
            name, text: { $0[keyPath: isOn] ? "on" : "off" }, otherValue: { $0[keyPath: isOn] ? "off" : "on" },
            change: { $0.setSwitch(isOn, name, $1) })
    }

    func set(_ value: String?, in repl: Repl) { change(repl, value ?? otherValue?(repl.settings)) }

    // MARK: Rows

    static let all = [format, expanded, header, null, pager, width, timing]

    static let format = Setting("format", text: { $0.format.rawValue }, change: { $0.setFormat($1) })
    static let expanded = Setting(
        "expanded", "x", text: { $0.expansion.rawValue }, otherValue: { $0.expansion == .on ? "off" : "on" },
        change: { $0.setExpansion($1) })
    static let header = Setting("header", isOn: \.showsHeader)
    static let null = Setting(
        "null", text: { $0.null ?? $0.format.defaultNull }, change: { $0.settings.null = $1 ?? "" })
    static let pager = Setting("pager", isOn: \.usesPager)
    static let width = Setting(
        "width", text: { $0.maxCellColumns.map(String.init) ?? "off" }, change: { $0.setWidth($1) })
    static let timing = Setting("timing", isOn: \.showsTiming)

    static let allNames = all.map { $0.names[0] }

    static func named(_ name: String) -> Setting? { all.first { $0.names.contains(name) } }

    /// The effects of psql's names of settings in `\pset`.
    fileprivate static let psql: [String: @Sendable (Repl, String?) -> Void] = [
        "tuples_only": { header.set($1.map { $0 == "on" ? "off" : "on" }, in: $0) },
        "t": { header.set($1 == "on" ? "off" : "on", in: $0) },
        "border": { $1 == "2" ? format.set("table", in: $0) : $0.failUnknownSetting("border") },
        "linestyle": { repl, value in
            guard let format = ["unicode": "box", "ascii": "table"][value ?? ""] else {
                return repl.failUnknownSetting("linestyle")
            }
            Setting.format.set(format, in: repl)
        },
    ]
}

extension Repl {
    func showSettings() {
        let lines = Setting.all.map { ($0.names[0], $0.text(settings)) } + [("output", target?.path ?? "here")]
        for (name, text) in lines { out.write("\(name.padded(to: 9))\(text)\n") }
    }

    /// `\pset`, `\pset NAME`, `\pset NAME VALUE`.
    func printSet(_ arguments: [String]) {
        guard let name = arguments.first else { return showSettings() }
        let value = arguments.count > 1 ? arguments[1] : nil
        if let setting = Setting.named(name) { return setting.set(value, in: self) }
        guard let change = Setting.psql[name] else { return failUnknownSetting(name) }
        change(self, value)
    }

    fileprivate func failUnknownSetting(_ name: String) {
        let names = Setting.allNames
        let guess = Vocabulary.nearest(to: name, in: names).map { ": did you mean \($0)?" }
        fail("there is no setting \(ValueText.visible(name))\(guess ?? " (\(names.joined(separator: ", ")))")")
    }

    fileprivate func setFormat(_ value: String?) {
        guard let value else { return out.write("format is \(settings.format.rawValue)\n") }
        let names = OutputFormat.allCases.map(\.rawValue)
        let synonyms = [
            "aligned": "table", "ascii": "table", "column": "table", "unaligned": "tsv", "tabs": "tsv",
            "expanded": "line", "ndjson": "jsonl", "jsonlines": "jsonl", "md": "markdown", "duckbox": "box",
            "vertical": "line",
        ]
        guard let format = OutputFormat(rawValue: synonyms[value] ?? value) else {
            let guess = Vocabulary.nearest(to: value, in: names).map { ": did you mean \($0)?" }
            return fail(
                "there is no format \(ValueText.visible(value))\(guess ?? " (\(names.joined(separator: ", ")))")")
        }
        settings.format = format
        say("format is \(format.rawValue)")
    }

    fileprivate func setExpansion(_ value: String?) {
        guard let expansion = value.flatMap({ ReplSettings.Expansion(rawValue: $0) }) else {
            return fail("\\x takes on, off or auto")
        }
        settings.expansion = expansion
        say("expanded is \(expansion.rawValue)")
    }

    fileprivate func setSwitch(_ setting: WritableKeyPath<ReplSettings, Bool>, _ name: String, _ value: String?) {
        switch value?.lowercased() {
        case "on", "1", "true", "yes", "always": settings[keyPath: setting] = true
        case "off", "0", "false", "no", "never": settings[keyPath: setting] = false
        default: return fail("\(name) takes on or off")
        }
        say("\(name) is \(settings[keyPath: setting] ? "on" : "off")")
    }

    fileprivate func setWidth(_ value: String?) {
        guard let columns = value == "off" ? 0 : value.flatMap({ Int($0) }), (0...100_000).contains(columns) else {
            return fail("width takes a number of columns, or off")
        }
        settings.maxCellColumns = columns == 0 ? nil : max(4, columns)
    }

    /// Reports a change in an interactive session.
    func say(_ text: String) {
        if isInteractive, inputDepth == 0 { out.write(text + "\n") }
    }
}
