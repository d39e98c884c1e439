// Runs a statement and shows its result.

import SQLite

extension Repl {
    /// Runs a statement, keeps its result as the last one, and shows it.
    /// - Parameters:
    ///   - expanded: shows one value per line this time.
    ///   - extra: the parameters instead of the session's.
    func execute(_ statement: StatementText, expanded: Bool = false, extra: Parameters? = nil) {
        releaseExpiredSnapshot()
        lastStatement = statement.text
        let showsLater = isInteractive && target == nil
        do throws(QueryError) {
            let (result, summary) = try evaluate(statement.text, parameters: extra ?? parameters, streams: !showsLater)
            guard summary.columnCount > 0 else { return }
            lastResult = result
            if showsLater {
                show(result, expanded: expanded)
            } else if settings.showsTiming {
                err.write("time: \(result.milliseconds) ms\n")
            }
            if let limit = session.limits.maxRows, summary.isTruncated, !showsLater {
                err.write("stopped after \(limit) rows (--max-rows)\n")
            }
            closeTargetAfterUse()
        } catch {
            // The command that receives the results may end early.
            if error == .outputClosed, target?.wait != nil { return closeTarget() }
            fail(error, statement: statement)
        }
    }

    /// Runs a statement.
    /// - Parameter streams: writes every row as it arrives; otherwise stops reading at the limits of a kept result.
    func evaluate(
        _ text: String, parameters: Parameters, streams: Bool
    ) throws(QueryError) -> (ResultSet, RunSummary) {
        var result = ResultSet()
        var bytes = 0
        let output = target?.output ?? out
        var renderer = streams ? settings.format.streamingRenderer(style(colours: false), settings.expansion) : nil
        let start = MonotonicClock.milliseconds()
        let rowLimit = session.limits.maxRows ?? Self.shownRows
        var summary = try session.run(text, parameters: parameters) { columns in
            result.columns = columns
            renderer?.begin(columns, to: output)
        } receive: { row in
            if result.rows.count < rowLimit, bytes < ResultSet.byteLimit {
                result.rows.append(row)
                bytes += ResultSet.bytes(of: row)
            } else {
                result.isTruncated = true
            }
            renderer?.row(row, to: output)
            if streams { try output.pass(session.runGuard) }
            return streams || !result.isTruncated
        }
        if summary.columnCount > 0 { renderer?.end(to: output) }
        if streams { try output.finish(session.interrupt) }
        result.milliseconds = MonotonicClock.milliseconds() - start
        result.isTruncated = result.isTruncated || summary.isTruncated
        summary.isTruncated = result.isTruncated
        return (result, summary)
    }

    func style(colours: Bool, shortens: Bool = true) -> RenderStyle {
        var style = RenderStyle(showsHeader: settings.showsHeader, null: settings.null)
        style.usesColour = colours && options.usesColour && out.isTerminal
        style.maxCellColumns = colours && shortens ? settings.maxCellColumns : nil
        return style
    }

    /// Shows a result on the terminal, fitted to its width, and through a pager when it does not fit.
    func show(_ result: ResultSet, expanded: Bool = false, shortens: Bool = true) {
        if let plan = PlanTree.text(of: result), settings.format == .table || settings.format == .box {
            return out.write(plan)
        }
        let size = terminal.size ?? TerminalSize(rows: .max, columns: .max)
        let text = presented(result, size, expanded: expanded, shortens: shortens)
        let all = text + footer(result)
        let lineCount = all.utf8.count { $0 == 0x0A }
        let fits = lineCount < size.rows && Self.width(of: text) <= size.columns
        guard !fits, settings.usesPager, out.isTerminal else { return out.write(all) }
        page(all)
    }

    /// Shows text through the user's pager, or on the output when the pager does not start.
    func page(_ text: String) {
        flush()
        let isShown = terminal.page(text, with: options.pager ?? "less -SRX")
        session.interrupt.lower()
        if !isShown { out.write(text) }
    }

    func presented(_ result: ResultSet, _ size: TerminalSize, expanded: Bool, shortens: Bool = true) -> String {
        let style = style(colours: true, shortens: shortens)
        if expanded || settings.expansion == .on { return result.rendered(.line, style) }
        let text = result.rendered(settings.format, style)
        let isTable = settings.format == .table || settings.format == .box
        guard isTable, settings.expansion == .auto, Self.width(ofFirstLine: text) > size.columns
        else { return text }
        return result.rendered(.line, style)
    }

    private static func width(ofFirstLine text: String) -> Int { width(of: String(text.prefix { $0 != "\n" })) }

    /// The width of the widest line, in columns.
    private static func width(of text: String) -> Int {
        let plain = text.replacing("\u{1B}[1m", with: "").replacing("\u{1B}[0m", with: "")
        return plain.split(separator: "\n").reduce(0) { max($0, DisplayWidth.of($1)) }
    }

    private func footer(_ result: ResultSet) -> String {
        switch settings.format {
        case .table, .box, .line: break
        default: return settings.showsTiming ? "time: \(result.milliseconds) ms\n" : ""
        }
        let time = settings.showsTiming ? ", \(result.milliseconds) ms" : ""
        let more = result.isTruncated ? ", there are more: \\copy writes all" : ""
        return "(\(result.countText)\(more)\(time))\n"
    }
}

extension OutputFormat {
    /// The renderer for rows that are written as they arrive; `\x on` applies to them too.
    func streamingRenderer(_ style: RenderStyle, _ expansion: ReplSettings.Expansion) -> any ResultRenderer {
        let isTable = self == .table || self == .box
        return (isTable && expansion == .on ? OutputFormat.line : self).renderer(style)
    }
}
