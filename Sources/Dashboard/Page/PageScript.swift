// The page's script: draws text and SVG from one event stream. It creates elements and sets their text, never markup,
// so a postcode cannot inject HTML.

extension PageText {
    static let script = #"""
        'use strict';
        (() => {
        const $ = id => document.getElementById(id);
        const SVG = 'http://www.w3.org/2000/svg';
        const shown = {};
        let picked = null, series = [], label = 'minute';

        function svg(name, attributes, parent) {
          const element = document.createElementNS(SVG, name);
          for (const key in attributes) element.setAttribute(key, attributes[key]);
          if (parent) parent.append(element);
          return element;
        }
        function text(id, value) { const element = $(id); if (element.textContent !== value) element.textContent = value; }
        // Calls `draw` only when the value has changed, so that selection and focus survive.
        function changed(name, value, draw) {
          const key = JSON.stringify(value);
          if (shown[name] === key) return;
          shown[name] = key;
          draw(value);
        }
        const whole = new Intl.NumberFormat('en');
        const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
        function rate(value) { return value == null ? '–' : value >= 1000 ? short.format(value) : String(Math.round(value * 10) / 10); }
        function bytes(value) {
          if (value == null) return '–';
          for (const unit of ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']) {
            if (value < 1024 || unit === 'TiB') return `${Math.round(value * 10) / 10} ${unit}`;
            value /= 1024;
          }
        }
        function span(ms) {
          const s = Math.max(0, ms) / 1000;
          if (s < 120) return `${Math.floor(s)} s`;
          if (s < 7200) return `${Math.floor(s / 60)} min`;
          return s < 172800 ? `${Math.floor(s / 3600)} h` : `${Math.floor(s / 86400)} d`;
        }
        const clock = iso => iso.slice(11, 19);
        function moment(iso, now) { return iso == null ? '–' : iso.slice(0, 10) === now.slice(0, 10) ? clock(iso) : iso.slice(0, 19).replace('T', ' '); }
        function since(iso, now) { return span(Date.parse(now) - Date.parse(iso)); }

        function row(body, cells) {
          const line = document.createElement('tr');
          cells.forEach((cell, index) => {
            const element = document.createElement(index === 0 ? 'th' : 'td');
            if (index === 0) element.scope = 'row';
            if (cell && cell.nodeType) element.append(cell);
            else if (cell && typeof cell === 'object') { element.textContent = cell.text; element.className = cell.class; if (cell.title) element.title = cell.title; }
            else element.textContent = cell;
            line.append(element);
          });
          body.append(line);
        }
        function table(id, rows) { const body = $(id); body.replaceChildren(); rows.forEach(cells => row(body, cells)); }
        const n = value => ({ text: value == null ? '–' : whole.format(value), class: 'n' });

        function spark(name, samples) {
          const element = document.querySelector(`[data-spark=${name}]`);
          element.replaceChildren();
          if (samples.length < 2) return;
          element.setAttribute('viewBox', '0 0 100 34');
          element.setAttribute('preserveAspectRatio', 'none');
          const most = Math.max(1e-9, ...samples.map(sample => sample[name] || 0));
          const points = samples.map((sample, i) => `${(i / (samples.length - 1) * 100).toFixed(2)},${(32 - Math.max(0, sample[name] || 0) / most * 28).toFixed(2)}`);
          svg('polygon', { class: 'spark-fill', points: `0,34 ${points.join(' ')} 100,34` }, element);
          svg('polyline', { class: 'spark', points: points.join(' ') }, element);
        }

        // The last 60 windows, including those without views.
        function filled(live) {
          const step = live.window_milliseconds / 1000, known = new Map(live.windows.map(w => [w.start, w]));
          if (!live.windows.length) return [];
          const last = live.windows[live.windows.length - 1].start;
          const first = Math.max(live.windows[0].start, last - 59 * step);
          const all = [];
          for (let start = first; start <= last; start += step) all.push(known.get(start) || { start, views: 0, final: true });
          return all;
        }
        function niceTop(value) {
          const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
          return [1, 2, 2.5, 5, 10].map(f => f * power).find(top => top >= value) || value;
        }
        const windowTime = start => new Date(start * 1000).toISOString();
        function readout() {
          const at = picked == null ? series.length - 1 : Math.min(picked, series.length - 1), one = series[at];
          text('readout', one ? `${clock(windowTime(one.start)).slice(0, 5)} UTC: ${whole.format(one.views)} views${one.final ? '' : ', still counting'}` : '');
        }
        function chart() {
          const box = $('chart'), width = Math.max(240, box.clientWidth), height = box.clientHeight || 220;
          box.replaceChildren();
          const root = svg('svg', { viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true' }, box);
          const top = niceTop(Math.max(1, ...series.map(w => w.views))), left = 44, bottom = 22, inner = height - bottom - 8;
          for (const part of [0, .5, 1]) {
            const y = 8 + inner * (1 - part);
            svg('line', { class: 'grid', x1: left, x2: width, y1: y, y2: y }, root);
            svg('text', { x: left - 8, y: y + 4, 'text-anchor': 'end' }, root).textContent = short.format(top * part);
          }
          const slot = Math.min(40, (width - left) / Math.max(1, series.length)), gap = slot > 6 ? 2 : 1;
          const every = Math.max(1, Math.ceil(56 / slot));
          series.forEach((one, i) => {
            const x = left + i * slot, h = Math.max(one.views ? 1.5 : 0, inner * one.views / top);
            const bar = svg('rect', { class: `bar${one.final ? '' : ' open'}${i === picked ? ' picked' : ''}`, x: x + gap / 2, y: 8 + inner - h, width: Math.max(1, slot - gap), height: h, rx: 1.5 }, root);
            const area = svg('rect', { x, y: 0, width: slot, height: height - bottom, fill: 'transparent' }, root);
            area.addEventListener('pointerenter', () => { picked = i; readout(); bar.classList.add('picked'); });
            area.addEventListener('pointerleave', () => { picked = null; readout(); bar.classList.remove('picked'); });
            if ((series.length - 1 - i) % every === 0 && x + slot / 2 > left + 14) svg('text', { x: x + slot / 2, y: height - 6, 'text-anchor': i === series.length - 1 && series.length > 8 ? 'end' : 'middle' }, root).textContent = clock(windowTime(one.start)).slice(0, 5);
          });
          const sum = series.reduce((all, w) => all + w.views, 0);
          box.setAttribute('aria-label', series.length ? `Bar chart of the last ${series.length} windows: ${whole.format(sum)} views in all, ${whole.format(series[series.length - 1].views)} in the latest. Arrow keys read single windows.` : 'no views yet');
          readout();
        }
        $('chart').addEventListener('keydown', event => {
          const move = { ArrowLeft: -1, ArrowRight: 1, Home: -1e9, End: 1e9 }[event.key];
          if (!move || !series.length) return;
          event.preventDefault();
          picked = Math.min(series.length - 1, Math.max(0, (picked == null ? series.length - 1 : picked) + move));
          $('readout').setAttribute('aria-live', 'polite');
          chart();
        });
        $('chart').addEventListener('blur', () => { picked = null; $('readout').removeAttribute('aria-live'); chart(); });
        new ResizeObserver(() => chart()).observe($('chart'));

        function drawViews(live) {
          series = filled(live);
          const minutes = live.window_milliseconds / 60000;
          label = minutes === 1 ? 'minute' : `window of ${span(live.window_milliseconds)}`;
          text('views-title', `Views per ${label}`);
          chart();
          table('windows', series.slice().reverse().map(w => [windowTime(w.start).slice(0, 16).replace('T', ' '), n(w.views), w.final ? 'yes' : 'not yet']));
        }
        function drawBusiest(live) {
          text('busiest-caption', live.busiest.length ? `Views in the last ${live.busiest_windows} ${live.window_milliseconds === 60000 ? 'minutes' : 'windows'}` : 'No views yet');
          const most = Math.max(1, ...live.busiest.map(p => p.views)), body = $('busiest');
          body.replaceChildren();
          for (const postcode of live.busiest) {
            const cell = document.createElement('div'), bar = document.createElement('i'), count = document.createElement('span');
            cell.className = 'bar-row';
            bar.style.setProperty('--share', postcode.views / most);
            count.textContent = whole.format(postcode.views);
            cell.append(bar, count);
            row(body, [{ text: postcode.postcode, class: '', title: postcode.postcode }, cell]);
          }
        }
        function drawReasons(reasons) {
          $('problems').hidden = !reasons.length;
          const list = $('reasons');
          list.replaceChildren();
          for (const reason of reasons) {
            const item = document.createElement('li'), code = document.createElement('b'), advice = document.createElement('small');
            code.textContent = reason.code;
            advice.textContent = reason.advice;
            item.append(code, `: ${reason.text}`, document.createElement('br'), advice);
            list.append(item);
          }
        }
        function drawStatus(s) {
          const pill = $('verdict');
          text('verdict', s.healthy ? 'Healthy' : s.reasons.length > 1 ? `Unhealthy: ${s.reasons.length} reasons` : 'Unhealthy');
          pill.className = `pill ${s.healthy ? 'good' : 'bad'}`;
          document.title = `${s.healthy ? '' : '⚠ '}pageviews`;
          text('topic', s.topic ? `topic ${s.topic}` : 'no topic yet');
          changed('reasons', s.reasons, drawReasons);
          text('consumed', rate(s.rates && s.rates.consumed));
          text('late', rate(s.rates && s.rates.late));
          text('rejected', rate(s.rates && s.rates.rejected));
          text('lag', s.lag == null ? '–' : s.lag >= 100000 ? short.format(s.lag) : whole.format(s.lag));
          text('watermark', s.watermark ? `${moment(s.watermark, s.at)} UTC` : 'none yet');
          text('held', (s.watermark ? `${since(s.watermark, s.at)} behind the clock; ` : '') + (s.watermark_held_because ? `held by ${s.watermark_held_because.replace(/\d{4}-\d\d-\d\dT[\d:]{8}Z/g, iso => `${moment(iso, s.at)} UTC`)}` : s.partitions.length ? 'every partition is idle' : 'no partition yet'));
          text('generation', whole.format(s.generation));
          text('flushed', s.flushed_at ? `${since(s.flushed_at, s.at)} ago` : '–');
          text('unpublished', whole.format(s.late_events_to_publish));
          changed('partitions', [s.partitions, s.watermark_held_by], () => table('partitions', s.partitions.map(p => [
            `${p.partition}${p.partition === s.watermark_held_by ? ' ◆' : ''}${p.idle ? ' (idle)' : ''}`, { text: p.lag == null ? '–' : whole.format(p.lag), class: p.lag > 0 ? 'n warn' : 'n' }, n(p.next_offset),
            p.max_event_time ? moment(p.max_event_time, s.at) : '–', n(p.counted), n(p.late), n(p.rejected)])));
          changed('exports', s.exports, exports => {
            text('exports-caption', exports.length ? 'Latest first; size and time are known for commits of this process' : s.backlog.budget_bytes == null ? 'No export is set up' : 'None yet');
            table('exports', exports.slice(0, 8).map(e => [moment(e.committed_at, s.at), e.table, e.snapshot_id == null ? '–' : String(e.snapshot_id),
              { text: `+${whole.format(e.rows_added)}${e.rows_deleted ? ` −${whole.format(e.rows_deleted)}` : ''}`, class: 'n' }, { text: bytes(e.bytes), class: 'n' },
              { text: e.milliseconds == null ? '–' : e.milliseconds < 1000 ? `${e.milliseconds} ms` : `${Math.round(e.milliseconds / 100) / 10} s`, class: 'n' }, e.state]));
          });
          const budget = s.backlog.budget_bytes;
          text('backlog', bytes(s.backlog.bytes));
          text('backlog-text', `${s.backlog.segments === 1 ? '1 segment waits' : `${whole.format(s.backlog.segments)} segments wait`} for export${budget ? `, of ${bytes(budget)} at most` : ''}`);
          $('backlog-meter').hidden = !budget;
          $('backlog-meter').value = budget ? s.backlog.bytes / budget : 0;
          changed('incidents', s.incidents, incidents => {
            text('incidents-caption', incidents.length ? 'Oldest first' : 'None');
            table('incidents', incidents.map(i => [i.at.slice(0, 19).replace('T', ' '), i.kind, { text: i.detail, class: 'text' }]));
            $('incidents').parentElement.tHead.hidden = !incidents.length;
          });
          const service = s.service || {};
          text('memory', bytes(service.memory_bytes));
          text('state-size', bytes(s.state_bytes));
          text('wal', bytes(s.wal_bytes));
          const reader = s.wal_readers.slice().sort((a, b) => a.since < b.since ? -1 : 1)[0];
          text('reader', reader ? `pid ${reader.pid}, for ${since(reader.since, s.at)}` : 'none');
          text('since', service.started_at ? `${service.started_at.slice(0, 19).replace('T', ' ')} UTC` : '–');
          text('about', service.version ? `pageviews ${service.version}, pid ${service.pid} on ${service.host}; times are UTC` : '');
        }
        function draw(document) {
          drawStatus(document.status);
          changed('views', [document.live.windows, document.live.window_milliseconds], () => drawViews(document.live));
          changed('busiest', document.live.busiest, () => drawBusiest(document.live));
          changed('samples', document.live.samples, samples => ['consumed', 'late', 'rejected', 'lag'].forEach(name => spark(name, samples)));
        }
        function link(isOn, words) {
          text('link', words);
          $('link').className = `live ${isOn ? 'on' : 'off'}`;
          document.documentElement.classList.toggle('stale', !isOn);
        }
        let timeout;
        function connect() {
          const source = new EventSource('/api/live');
          const lost = () => {
            link(false, 'connection lost, trying again');
            if (source.readyState !== EventSource.CLOSED) return;
            fetch('/api/status').then(answer => { if (answer.status === 401) location.reload(); }).catch(() => {});
            setTimeout(connect, 3000);
          };
          source.addEventListener('live', event => {
            // Snapshot ids have more digits than a JavaScript number.
            const news = JSON.parse(event.data.replace(/"snapshot_id":(\d+)/g, '"snapshot_id":"$1"'));
            draw(news);
            link(true, `live, ${clock(news.status.at)}`);
            clearTimeout(timeout);
            timeout = setTimeout(() => link(false, 'no news for 10 s'), 10000);
          });
          source.onerror = lost;
        }
        connect();
        })();
        """#
}
