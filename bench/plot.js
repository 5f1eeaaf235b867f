// Plain plots as SVG text: lines over a continuous axis, bars in groups. No package, no script inside, readable on white.
const width = 760;
const height = 380;
const font = 'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif"';
const colors = ['#1f6fb4', '#d1622b', '#2f8f4e', '#8451a8', '#b03048', '#6b6b6b', '#b08900', '#1d9aa1'];

const escapeText = (text) => String(text).replace(/[&<>"]/g, (sign) => `&#${sign.codePointAt(0)};`);
const at = (value) => String(Math.round(value * 100) / 100);

function text(x, y, content, options = {}) {
  const { size = 12, anchor = 'middle', weight = 'normal', turn } = options;
  const turned = turn === undefined ? '' : ` transform="rotate(${turn} ${at(x)} ${at(y)})"`;
  return `<text x="${at(x)}" y="${at(y)}" font-size="${size}" font-weight="${weight}" text-anchor="${anchor}" fill="#222"${turned}>${escapeText(content)}</text>`;
}

function line(x1, y1, x2, y2, stroke) {
  return `<line x1="${at(x1)}" y1="${at(y1)}" x2="${at(x2)}" y2="${at(y2)}" stroke="${stroke}"/>`;
}

/** 1,500 and 0.05 as such; very large and very small ones as 2e9. */
function label(value) {
  const size = Math.abs(value);
  if (value === 0) return '0';
  if (size >= 1e7 || size < 1e-4) return value.toExponential().replace('e+', 'e');
  return Number(value.toPrecision(6)).toLocaleString('en-US', { maximumFractionDigits: 6 });
}

/** Round numbers within [low, high]: steps of 1, 2 or 5 times a power of ten. */
function linearTicks(low, high, wanted) {
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) ticks.push(i * step);
  return ticks;
}

function logTicks(low, high) {
  const [from, to] = [Math.round(Math.log10(low)), Math.round(Math.log10(high))];
  const every = Math.max(1, Math.ceil((to - from) / 8));
  const ticks = [];
  for (let power = from; power <= to; power += every) ticks.push(10 ** power);
  return ticks;
}

/** From values to places between `from` and `to`. The ends are round values, or with `isTight` those of the values. */
function createScale({ low, high, from, to, isLog, isTight = false, wanted }) {
  if (isLog) {
    const floor = 10 ** Math.floor(Math.log10(low) + 1e-9);
    const ceiling = Math.max(10 ** Math.ceil(Math.log10(high) - 1e-9), floor * 10);
    const place = (value) =>
      from + ((to - from) * Math.log10(Math.max(value, floor) / floor)) / Math.log10(ceiling / floor);
    return { place, ticks: logTicks(floor, ceiling) };
  }
  const span = high > low ? high - low : Math.abs(high) || 1;
  const [first, second] = linearTicks(low, low + span, wanted);
  const step = second === undefined ? span : second - first;
  const bottom = isTight ? low : Math.floor(low / step + 1e-9) * step;
  const top = isTight ? low + span : Math.ceil((low + span) / step - 1e-9) * step;
  return {
    place: (value) => from + ((to - from) * (value - bottom)) / (top - bottom),
    ticks: linearTicks(bottom, top, wanted),
  };
}

/** Legend entries from left to right, in as many lines as they need. */
function legend(entries, box) {
  const rows = [];
  let [x, y] = [box.left, 46];
  for (const { name, mark } of entries) {
    const needed = 34 + 6.6 * name.length;
    if (x > box.left && x + needed > width - 16) [x, y] = [box.left, y + 18];
    rows.push(mark(x, y - 4), text(x + 24, y, name, { anchor: 'start' }));
    x += needed;
  }
  return { rows, bottom: y };
}

function frame(title, yLabel, body) {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ${font}>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text(width / 2, 24, title, { size: 15, weight: 600 }),
    text(18, height / 2 + 10, yLabel, { turn: -90 }),
    ...body,
    '</svg>',
    '',
  ].join('\n');
}

function yAxis(scale, box) {
  return scale.ticks.flatMap((tick) => [
    line(box.left, scale.place(tick), box.right, scale.place(tick), '#e4e4e4'),
    text(box.left - 8, scale.place(tick) + 4, label(tick), { anchor: 'end' }),
  ]);
}

function axes(box) {
  return [
    line(box.left, box.bottom, box.right, box.bottom, '#444'),
    line(box.left, box.top, box.left, box.bottom, '#444'),
  ];
}

const isDrawable = (isLog) => (value) => Number.isFinite(value) && (!isLog || value > 0);

/** Lines. With `isLogY`, points at or below zero are left out; a line is broken where a point cannot be drawn. */
export function linePlot({ title, xLabel, yLabel, isLogX = false, isLogY = false, series }) {
  const box = { left: 84, right: width - 24, bottom: height - 52 };
  const marked = series.map((one, i) => ({ ...one, color: one.color ?? colors[i % colors.length] }));
  const stroke = ({ color, dash }) =>
    `fill="none" stroke="${color}" stroke-width="2" stroke-linejoin="round"${dash ? ` stroke-dasharray="${dash === true ? '6 4' : dash}"` : ''}`;
  const head = legend(
    marked.map((one) => ({ name: one.name, mark: (x, y) => `<path d="M${at(x)} ${at(y)}h18" ${stroke(one)}/>` })),
    box,
  );
  box.top = head.bottom + 14;
  const xs = series.flatMap(({ points }) => points.map(([x]) => x)).filter(isDrawable(isLogX));
  const ys = series.flatMap(({ points }) => points.map(([, y]) => y)).filter(isDrawable(isLogY));
  const spread = (values) =>
    values.reduce(([low, high], v) => [Math.min(low, v), Math.max(high, v)], [Infinity, -Infinity]);
  const [xLow, xHigh] = spread(xs);
  const [yLow, yHigh] = spread(ys);
  const x = createScale({
    low: xLow,
    high: xHigh,
    from: box.left,
    to: box.right,
    isLog: isLogX,
    isTight: true,
    wanted: 8,
  });
  // A linear axis begins at zero, so that heights compare.
  const yFrom = isLogY ? yLow : Math.min(0, yLow);
  const y = createScale({ low: yFrom, high: yHigh, from: box.bottom, to: box.top, isLog: isLogY, wanted: 6 });
  const paths = marked.map((one) => {
    let pen = 'M';
    const path = one.points.map(([px, py]) => {
      if (!isDrawable(isLogX)(px) || !isDrawable(isLogY)(py)) {
        pen = 'M';
        return '';
      }
      const step = `${pen}${at(x.place(px))} ${at(y.place(py))}`;
      pen = 'L';
      return step;
    });
    return `<path d="${path.join('')}" ${stroke(one)}/>`;
  });
  const xAxis = x.ticks.flatMap((tick) => [
    line(x.place(tick), box.bottom, x.place(tick), box.bottom + 5, '#444'),
    text(x.place(tick), box.bottom + 19, label(tick)),
  ]);
  const below = text((box.left + box.right) / 2, height - 12, xLabel);
  return frame(title, yLabel, [...head.rows, ...yAxis(y, box), ...paths, ...axes(box), ...xAxis, below]);
}

/**
 * Bars in groups; bars of one name have one colour. With `isLogY`, the axis begins a power of ten below the least. Bars
 * begin at `baseline`, up or down, or without one at the bottom or at zero. `digits` are those of the labels.
 */
export function barPlot({ title, yLabel, isLogY = false, baseline, digits = 3, groups }) {
  const box = { left: 84, right: width - 24, bottom: height - 40 };
  const names = [...new Set(groups.flatMap(({ bars }) => bars.map(({ name }) => name)))];
  const colorOf = (name) => colors[names.indexOf(name) % colors.length];
  const mark = (name) => (x, y) =>
    `<rect x="${at(x)}" y="${at(y - 6)}" width="18" height="12" fill="${colorOf(name)}"/>`;
  const head = legend(
    names.map((name) => ({ name, mark: mark(name) })),
    box,
  );
  box.top = head.bottom + 24;
  const values = groups.flatMap(({ bars }) => bars.map(({ value }) => value)).filter(isDrawable(isLogY));
  if (baseline !== undefined) values.push(baseline);
  const low = isLogY ? Math.min(...values) * 0.99 : Math.min(0, ...values);
  const high = Math.max(...values);
  const y = createScale({ low, high, from: box.bottom, to: box.top, isLog: isLogY, wanted: 6 });
  const floor = isLogY ? box.bottom : y.place(0);
  const zero = baseline === undefined ? floor : y.place(baseline);
  const slot = (box.right - box.left) / groups.length;
  // Drawn after all bars, so that no bar covers the label of its neighbour.
  const labels = [];
  const drawn = groups.flatMap(({ name, bars }, group) => {
    const wide = Math.min(56, (slot * 0.8) / bars.length);
    const first = box.left + slot * (group + 0.5) - (wide * bars.length) / 2;
    const shapes = bars.flatMap((bar, i) => {
      if (!isDrawable(isLogY)(bar.value)) return [];
      const top = y.place(bar.value);
      const x = first + wide * i;
      const shape = `<rect x="${at(x + 1)}" y="${at(Math.min(top, zero))}" width="${at(wide - 2)}" height="${at(Math.abs(zero - top))}" fill="${colorOf(bar.name)}"/>`;
      // Above the bar, or below one that hangs.
      const labelY = top > zero ? top + 13 : top - 5;
      const size = wide < 22 ? 9 : 11;
      labels.push(text(x + wide / 2, labelY, label(Number(bar.value.toPrecision(digits))), { size }));
      return [shape];
    });
    return [...shapes, text(box.left + slot * (group + 0.5), box.bottom + 20, name)];
  });
  return frame(title, yLabel, [...head.rows, ...yAxis(y, box), ...drawn, ...labels, ...axes(box)]);
}
