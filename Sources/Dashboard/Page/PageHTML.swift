// The page's markup. It holds no data: the script fills it in from the event stream.

enum PageText {
    /// The beginning of all pages.
    /// - Parameter more: further elements of the head.
    private static func top(title: String, more: String = "") -> String {
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>\(title)</title>
        <link rel="icon" href="/favicon.svg" type="image/svg+xml">
        <link rel="stylesheet" href="/app.css">
        \(more)
        </head>
        <body>

        """
    }

    static let html =
        top(title: "pageviews", more: #"<script src="/app.js" defer></script>"#) + #"""
            <a class="skip" href="#main">Skip to the figures</a>
            <header>
              <div class="brand"><svg class="mark" viewBox="0 0 24 24" aria-hidden="true"><rect x="2" y="13" width="4" height="9" rx="1"/><rect x="10" y="7" width="4" height="15" rx="1"/><rect x="18" y="2" width="4" height="20" rx="1"/></svg>
                <h1>pageviews</h1><span class="muted" id="topic"></span></div>
              <div class="state"><span class="pill" id="verdict">connecting</span><span class="live" id="link">…</span></div>
            </header>
            <main id="main">
              <section id="problems" aria-labelledby="problems-title" aria-live="polite" hidden>
                <h2 id="problems-title">What is wrong</h2><ul id="reasons"></ul>
              </section>
              <section aria-labelledby="now-title"><h2 id="now-title" class="hidden">Now</h2>
                <dl class="tiles">
                  <div class="tile"><dt>Consumed</dt><dd><b id="consumed">–</b> <span>a second</span></dd><svg data-spark="consumed" aria-hidden="true"></svg></div>
                  <div class="tile"><dt>Late</dt><dd><b id="late">–</b> <span>a second</span></dd><svg data-spark="late" aria-hidden="true"></svg></div>
                  <div class="tile"><dt>Rejected</dt><dd><b id="rejected">–</b> <span>a second</span></dd><svg data-spark="rejected" aria-hidden="true"></svg></div>
                  <div class="tile"><dt>Lag</dt><dd><b id="lag">–</b> <span>records</span></dd><svg data-spark="lag" aria-hidden="true"></svg></div>
                </dl>
              </section>
              <section class="card wide" aria-labelledby="views-title">
                <div class="head"><h2 id="views-title">Views per minute</h2><p class="muted" id="readout"></p></div>
                <div id="chart" role="img" tabindex="0" aria-label="no views yet"></div>
                <details><summary>As a table</summary><div class="scroll" tabindex="0" role="region" aria-label="Views by window"><table><caption class="hidden">Views by window, latest first</caption>
                  <thead><tr><th scope="col">Window (UTC)</th><th scope="col" class="n">Views</th><th scope="col">Final</th></tr></thead><tbody id="windows"></tbody></table></div></details>
              </section>
              <section class="card tall" aria-labelledby="busiest-title"><h2 id="busiest-title">Busiest postcodes</h2>
                <table><caption class="muted" id="busiest-caption">No views yet</caption>
                <thead class="hidden"><tr><th scope="col">Postcode</th><th scope="col">Views</th></tr></thead><tbody id="busiest" class="bars"></tbody></table></section>
              <section class="card" aria-labelledby="watermark-title"><h2 id="watermark-title">Watermark</h2>
                <p class="big" id="watermark">–</p><p class="muted" id="held"></p>
                <dl class="facts"><div><dt>Generation</dt><dd id="generation">–</dd></div><div><dt>Last flush</dt><dd id="flushed">–</dd></div>
                <div><dt>Late events to publish</dt><dd id="unpublished">–</dd></div></dl></section>
              <section class="card" aria-labelledby="backlog-title"><h2 id="backlog-title">Backlog</h2>
                <p class="big" id="backlog">–</p><p class="muted" id="backlog-text"></p><meter id="backlog-meter" min="0" max="1" high="0.5" optimum="0" value="0" aria-label="Share of the budget"></meter></section>
              <section class="card wide" aria-labelledby="partitions-title"><h2 id="partitions-title">Partitions</h2>
                <div class="scroll" tabindex="0" role="region" aria-labelledby="partitions-title"><table><caption class="muted"><span>Lag is what waits in Kafka; ◆ holds the watermark</span></caption>
                <thead><tr><th scope="col">Partition</th><th scope="col" class="n">Lag</th><th scope="col" class="n">Next offset</th><th scope="col">Latest event (UTC)</th><th scope="col" class="n">Counted</th><th scope="col" class="n">Late</th><th scope="col" class="n">Rejected</th></tr></thead><tbody id="partitions"></tbody></table></div></section>
              <section class="card wide" aria-labelledby="exports-title"><h2 id="exports-title">Last exports</h2>
                <div class="scroll" tabindex="0" role="region" aria-labelledby="exports-title"><table><caption class="muted"><span id="exports-caption">None yet</span></caption>
                <thead><tr><th scope="col">Committed (UTC)</th><th scope="col">Table</th><th scope="col">Snapshot</th><th scope="col" class="n">Rows</th><th scope="col" class="n">Size</th><th scope="col" class="n">Took</th><th scope="col">State</th></tr></thead><tbody id="exports"></tbody></table></div></section>
              <section class="card" aria-labelledby="incidents-title"><h2 id="incidents-title">Open incidents</h2>
                <table><caption class="muted" id="incidents-caption">None</caption><thead><tr><th scope="col">Since (UTC)</th><th scope="col">Kind</th><th scope="col">Detail</th></tr></thead><tbody id="incidents"></tbody></table></section>
              <section class="card" aria-labelledby="process-title"><h2 id="process-title">Process</h2>
                <dl class="facts"><div><dt>Memory</dt><dd id="memory">–</dd></div><div><dt>State</dt><dd id="state-size">–</dd></div><div><dt>Write-ahead log</dt><dd id="wal">–</dd></div>
                <div><dt>Oldest reader</dt><dd id="reader">–</dd></div><div><dt>Up since</dt><dd id="since">–</dd></div></dl></section>
            </main>
            <footer class="muted"><span id="about"></span><nav aria-label="Other forms"><a href="/api/status">status as JSON</a> <a href="/metrics">metrics</a> <a href="/readyz">ready?</a></nav></footer>
            <noscript><p class="card">This page needs JavaScript; <a href="/api/status">the same as JSON</a> does not.</p></noscript>
            </body>
            </html>
            """#

    /// The page that asks for the token.
    static let signIn =
        top(title: "pageviews: sign in") + #"""
            <main class="sign-in"><section class="card"><h1>pageviews</h1>
            <form action="/" method="get"><label for="token">Token</label>
            <input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
            <button type="submit">Sign in</button></form>
            <p class="muted">The token is the service's PAGEVIEWS_HTTP_TOKEN. Programs send it as Authorization: Bearer.</p></section></main>
            </body>
            </html>
            """#

    static let icon = #"""
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect width="24" height="24" rx="5" fill="#2456c9"/><g fill="#fff"><rect x="4.5" y="13" width="3.5" height="6.5" rx="1"/><rect x="10.2" y="9" width="3.5" height="10.5" rx="1"/><rect x="16" y="4.5" width="3.5" height="15" rx="1"/></g></svg>
        """#
}
