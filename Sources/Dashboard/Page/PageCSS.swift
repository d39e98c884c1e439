// The page's style sheet: light or dark as the browser prefers, one column on a phone.

extension PageText {
    static let css = #"""
        :root {
          --bg: #f4f5f7; --card: #fff; --text: #16191f; --muted: #5b6270; --line: #e2e5ea; --track: #eceff3;
          --accent: #2456c9; --accent-soft: #a9c0f2; --good: #14713f; --good-soft: #ddf3e6; --bad: #b3261e; --bad-soft: #fde7e5;
          --late: #8a5a00; --shadow: 0 1px 2px rgb(16 24 40 / .06);
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --bg: #0e1116; --card: #171b22; --text: #e8ebf0; --muted: #9aa4b2; --line: #272d37; --track: #222833;
            --accent: #7ba4ff; --accent-soft: #34487a; --good: #6fdd9c; --good-soft: #12331f; --bad: #ff9a92; --bad-soft: #3b1816;
            --late: #f0bf5c; --shadow: none;
          }
        }
        * { box-sizing: border-box; }
        [hidden] { display: none !important; }
        html { color-scheme: light dark; }
        body { margin: 0; background: var(--bg); color: var(--text); font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
        h1 { font-size: 1.15rem; margin: 0; letter-spacing: -.01em; }
        h2 { font-size: .95rem; margin: 0 0 .6rem; font-weight: 650; }
        p { margin: 0; }
        a { color: var(--accent); }
        .muted { color: var(--muted); font-size: .86rem; }
        .hidden, .skip:not(:focus) { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
        .skip { position: fixed; top: .5rem; left: .5rem; background: var(--card); padding: .5rem .8rem; border-radius: 8px; z-index: 9; }
        :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 6px; }
        header { display: flex; flex-wrap: wrap; gap: .6rem 1rem; align-items: center; justify-content: space-between; max-width: 1200px; margin: 0 auto; padding: 1rem 1.25rem; }
        .brand { display: flex; align-items: baseline; gap: .6rem; min-width: 0; overflow-wrap: anywhere; }
        .mark { width: 20px; height: 20px; fill: var(--accent); align-self: center; flex: none; }
        .state { display: flex; align-items: center; gap: .75rem; }
        .pill { font-weight: 650; padding: .2rem .75rem; border-radius: 99px; background: var(--track); }
        .pill.good { background: var(--good-soft); color: var(--good); }
        .pill.bad { background: var(--bad-soft); color: var(--bad); }
        .live { color: var(--muted); font-size: .86rem; font-variant-numeric: tabular-nums; }
        .live::before { content: ""; display: inline-block; width: .55rem; height: .55rem; border-radius: 50%; background: var(--muted); margin-right: .4rem; }
        .live.on::before { background: var(--good); }
        .live.off { color: var(--bad); } .live.off::before { background: var(--bad); }
        main { max-width: 1200px; margin: 0 auto; padding: 0 1.25rem; display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1rem; align-items: stretch; }
        main > section { min-width: 0; }
        main > section:not(.card), .wide { grid-column: 1 / -1; }
        .card, .tile { background: var(--card); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shadow); }
        .card { padding: 1rem 1.1rem; }
        .tall { grid-row: span 2; }
        .head { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline; gap: 0 1rem; }
        #problems { background: var(--bad-soft); border: 1px solid var(--bad); border-radius: 12px; padding: .8rem 1.1rem; }
        #problems h2 { color: var(--bad); margin-bottom: .3rem; }
        #problems ul { margin: 0; padding-left: 1.1rem; overflow-wrap: anywhere; }
        #problems b { font-weight: 650; }
        .tiles { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 1rem; margin: 0; }
        .tile { padding: .8rem 1rem .5rem; overflow: hidden; }
        .tile dt { color: var(--muted); font-size: .86rem; }
        .tile dd { margin: 0; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
        .tile b { font-size: 1.6rem; font-weight: 680; letter-spacing: -.02em; font-variant-numeric: tabular-nums; }
        .tile dd span { color: var(--muted); font-size: .86rem; }
        .tile svg { display: block; width: 100%; height: 34px; margin-top: .3rem; }
        .spark { fill: none; stroke: var(--accent); stroke-width: 1.6; vector-effect: non-scaling-stroke; }
        .spark-fill { fill: var(--accent); opacity: .12; }
        [data-spark=late] .spark { stroke: var(--late); } [data-spark=late] .spark-fill { fill: var(--late); }
        [data-spark=rejected] .spark { stroke: var(--bad); } [data-spark=rejected] .spark-fill { fill: var(--bad); }
        .big { font-size: 1.35rem; font-weight: 650; font-variant-numeric: tabular-nums; letter-spacing: -.01em; }
        #chart { height: 220px; } #chart svg { display: block; width: 100%; height: 100%; }
        #chart .bar { fill: var(--accent); } #chart .bar.open { fill: var(--accent-soft); }
        #chart .bar.picked { stroke: var(--text); stroke-width: 1.5; }
        #chart .grid { stroke: var(--line); } #chart text { fill: var(--muted); font-size: 11px; font-variant-numeric: tabular-nums; }
        table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
        caption { text-align: left; padding-bottom: .4rem; }
        .scroll caption span { display: block; position: sticky; left: 0; width: max-content; max-width: min(1150px, calc(100vw - 4.2rem)); }
        th { text-align: left; font-weight: 600; color: var(--muted); font-size: .8rem; }
        th, td { padding: .35rem 1.1rem .35rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; vertical-align: top; }
        tbody th { color: var(--text); font-size: inherit; }
        tbody tr:last-child > * { border-bottom: 0; } tr > :last-child { padding-right: 0; }
        .n { text-align: right; } td.text { white-space: normal; overflow-wrap: anywhere; }
        .warn { color: var(--bad); font-weight: 650; }
        .scroll { overflow-x: auto; } details .scroll { max-height: 260px; overflow: auto; }
        details { margin-top: .5rem; } summary { cursor: pointer; color: var(--muted); font-size: .86rem; width: max-content; }
        .bars th { width: 34%; max-width: 9rem; overflow: hidden; text-overflow: ellipsis; font-weight: 500; border: 0; padding: .22rem .6rem .22rem 0; }
        .bars td { border: 0; padding: .22rem 0; }
        .bar-row { display: flex; align-items: center; gap: .6rem; }
        .bar-row i { display: block; height: .8rem; width: calc(var(--share) * (100% - 5rem)); min-width: 2px; background: var(--accent); border-radius: 3px; }
        .facts { margin: .8rem 0 0; } .card > h2 + .facts { margin-top: 0; }
        .facts div { display: flex; justify-content: space-between; gap: 1rem; padding: .32rem 0; border-top: 1px solid var(--line); }
        .card > h2 + .facts div:first-child { border-top: 0; }
        .facts dt { color: var(--muted); } .facts dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums; }
        meter { width: 100%; height: .8rem; margin-top: .6rem; }
        footer { max-width: 1200px; margin: 0 auto; padding: 1.2rem 1.25rem 2rem; display: flex; flex-wrap: wrap; justify-content: space-between; gap: .5rem 1rem; }
        footer nav { display: flex; gap: 1rem; }
        .stale main { opacity: .55; }
        .sign-in { display: block; max-width: 420px; padding-top: 12vh; }
        .sign-in h1 { margin-bottom: 1rem; } .sign-in p { margin-top: 1rem; }
        label { display: block; font-weight: 600; margin-bottom: .3rem; }
        input { width: 100%; padding: .55rem .7rem; font: inherit; color: inherit; background: var(--bg); border: 1px solid var(--muted); border-radius: 8px; }
        button { margin-top: .8rem; padding: .55rem 1.1rem; font: inherit; font-weight: 650; border: 0; border-radius: 8px; background: var(--accent); color: var(--card); cursor: pointer; }
        @media (max-width: 720px) {
          main { grid-template-columns: minmax(0, 1fr); padding: 0 .8rem; gap: .8rem; }
          header { padding: .8rem; } .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .8rem; }
          .tile b { font-size: 1.3rem; } .tile dd { white-space: normal; } .tall { grid-row: auto; } #chart { height: 180px; } footer { padding: 1rem .8rem 2rem; }
        }
        @media (prefers-reduced-motion: no-preference) { .pill, .live::before { transition: background .3s; } }
        """#
}
