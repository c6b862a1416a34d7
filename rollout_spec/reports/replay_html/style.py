"""The style of the page: light and dark, narrow and wide."""

STYLE = """
:root { color-scheme: light dark; --ink: #1c2126; --soft: #57606a; --paper: #ffffff; --card: #f6f8fa;
  --line: #d5dbe1; --main: #1f6fc4; --rest: #8c959f; --bad: #b42318; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8edf2; --soft: #9aa5b1; --paper: #0f1419; --card: #181f26;
  --line: #333d47; --main: #5ea8f5; --rest: #8592a0; --bad: #ff8b7e; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 960px; margin: 0 auto; padding: 24px 16px 48px; }
h1 { font-size: 24px; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 40px 0 8px; padding-top: 16px; border-top: 1px solid var(--line);
  overflow-wrap: anywhere; }
h3 { font-size: 14px; margin: 24px 0 8px; }
p { margin: 4px 0; overflow-wrap: anywhere; }
.soft { color: var(--soft); font-size: 13px; }
.bad { color: var(--bad); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 200px), 1fr)); gap: 12px;
  margin: 20px 0 8px; }
.tile { background: var(--card); border-radius: 8px; padding: 12px 14px; min-width: 0; }
.tile b { display: block; font-size: 26px; line-height: 1.2; font-weight: 600; }
.tile span { display: block; overflow-wrap: anywhere; }
.kind { font-size: 12px; font-weight: 400; color: var(--soft); border: 1px solid var(--line); border-radius: 10px;
  padding: 1px 8px; vertical-align: 2px; white-space: nowrap; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 5px 10px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top;
  overflow-wrap: anywhere; }
th { font-weight: 500; color: var(--soft); overflow-wrap: normal; }
td.number, th.number { text-align: right; white-space: nowrap; }
td.value { min-width: 90px; } td.id { min-width: 120px; }
.forest { display: grid; grid-template-columns: minmax(72px, auto) 1fr auto; grid-auto-flow: row dense; gap: 6px 12px;
  align-items: center; font-size: 13px; font-variant-numeric: tabular-nums; }
.forest .name { grid-column: 1; overflow-wrap: anywhere; max-width: 200px; } .forest .amount { grid-column: 3; }
.forest .track, .forest .axis { grid-column: 2; }
@media (max-width: 560px) { .forest { grid-template-columns: 1fr auto; gap: 2px 12px; }
  .forest .amount { grid-column: 2; } .forest .track, .forest .axis { grid-column: 1 / -1; margin-bottom: 6px; } }
.track { position: relative; height: 18px;
  background: linear-gradient(var(--line), var(--line)) center/100% 1px no-repeat; }
.track i { position: absolute; display: block; }
.track .range { top: 7px; height: 4px; background: var(--main); opacity: .45; border-radius: 2px; }
.track .dot { top: 4px; width: 10px; height: 10px; background: var(--main); border-radius: 5px;
  border: 2px solid var(--paper); box-sizing: content-box; margin-top: -2px; margin-left: -7px; }
.track .floor { top: 2px; width: 2px; height: 14px; margin-left: -1px; background: var(--rest); }
figure { margin: 0; }
figure svg { display: block; width: 100%; height: 96px; border-bottom: 1px solid var(--line); overflow: visible; }
svg .bar { fill: var(--main); } svg .rest { fill: var(--rest); opacity: .55; }
svg .step { fill: none; stroke: var(--main); stroke-width: 2; vector-effect: non-scaling-stroke; }
svg .zero { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 3 3; vector-effect: non-scaling-stroke; }
figcaption { font-size: 13px; margin-bottom: 4px; }
.axis { display: flex; justify-content: space-between; font-size: 12px; color: var(--soft);
  font-variant-numeric: tabular-nums; margin-top: 2px; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr)); gap: 20px 28px; }
.key { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin: 0 5px 0 0; vertical-align: -1px; }
.key.main { background: var(--main); } .key.other { background: var(--rest); opacity: .55; }
.matrix { width: auto; } .matrix td, .matrix th { text-align: center; padding: 5px 9px; border: 1px solid var(--paper);
  min-width: 34px; } .matrix td { white-space: nowrap; } .matrix th { max-width: 110px; }
.matrix td { background: color-mix(in srgb, var(--main) calc(var(--part, 0) * 60%), var(--card)); }
.matrix td.same { background: var(--card); color: var(--soft); } .matrix td.none { color: var(--rest); }
details { margin: 2px 0; } summary { cursor: pointer; color: var(--soft); }
code { font: 12px/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
footer { margin-top: 48px; border-top: 1px solid var(--line); padding-top: 12px; }
"""
