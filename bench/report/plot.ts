import type { DataReport, Report } from './report.ts';

const panelWidth = 620;
const panelHeight = 430;
const margin = { top: 44, right: 150, bottom: 52, left: 62 };
/** Recall is drawn so that each halving of what is missed takes the same room. */
const recallTicks = [0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1];
const lowestRecall = 0.8;
const smallestMiss = 0.0005;

/** Distinct for people with any colour vision (Okabe and Ito, 2008), ours first. */
const colours = [
  '#d55e00',
  '#0072b2',
  '#009e73',
  '#cc79a7',
  '#56b4e9',
  '#e69f00',
  '#000000',
  '#7f7f7f',
  '#8c6d31',
  '#5e3c99',
  '#1b7837',
];

/** An SVG with one panel per data set: recall to the right, latency upwards, both stretched where it matters. */
export function plot(report: Report): string {
  const panels = report.data.map((data, index) => panel(data, index * panelHeight, report.k));
  const height = panelHeight * report.data.length + 24;
  const { machine, date } = report;
  const foot = `${date.slice(0, 10)}, ${machine.processor}, one thread, single queries from JavaScript, Node ${machine.node}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${panelWidth}" height="${height}" viewBox="0 0 ${panelWidth} ${height}" font-family="system-ui, sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
${panels.join('\n')}
<text x="${margin.left}" y="${height - 10}" fill="#555" font-size="11">${escaped(foot)}</text>
</svg>
`;
}

function panel(data: DataReport, top: number, k: number): string {
  const curves = data.engines
    .map(({ name, points }, index) => ({
      name,
      colour: colours[index % colours.length] ?? '#000',
      points: points.filter(({ recall }) => recall >= lowestRecall),
    }))
    .filter(({ points }) => points.length > 0);
  const times = curves.flatMap(({ points }) => points.map(({ latency }) => latency.p50));
  if (times.length === 0) return '';
  const low = Math.floor(Math.log10(Math.min(...times)) * 2) / 2;
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...times)) * 2) / 2);
  const bottom = top + panelHeight - margin.bottom;
  const right = panelWidth - margin.right;
  const x = (recall: number): number => margin.left + (missed(recall) / missed(1)) * (right - margin.left);
  const y = (milliseconds: number): number =>
    bottom - ((Math.log10(milliseconds) - low) / (high - low)) * (bottom - top - margin.top);
  const lines = curves.map(({ colour, points }) => {
    const places = points.map(({ recall, latency }) => `${x(recall).toFixed(1)},${y(latency.p50).toFixed(1)}`);
    const dots = places.map((place) => {
      const [cx = '', cy = ''] = place.split(',');
      return `<circle cx="${cx}" cy="${cy}" r="3.2" fill="${colour}"/>`;
    });
    return `<polyline points="${places.join(' ')}" fill="none" stroke="${colour}" stroke-width="1.8"/>${dots.join('')}`;
  });
  return `<text x="${margin.left}" y="${top + 20}" font-size="14" font-weight="600">${escaped(title(data))}</text>
${recallTicks.map((recall) => verticalLine(x(recall), top + margin.top, bottom, String(recall))).join('\n')}
${timeTicks(low, high)
  .map((time) => horizontalLine(y(time), margin.left, right, time < 1 ? String(time) : time.toFixed(0)))
  .join('\n')}
<text x="${(margin.left + right) / 2}" y="${bottom + 36}" text-anchor="middle" fill="#333">recall@${k}</text>
<text transform="translate(${margin.left - 44} ${(top + margin.top + bottom) / 2}) rotate(-90)" text-anchor="middle" fill="#333">p50 of a query, ms</text>
${lines.join('\n')}
${legend(curves, right + 14, top + margin.top + 8)}`;
}

function legend(curves: readonly { name: string; colour: string }[], left: number, top: number): string {
  return curves
    .map(({ name, colour }, index) => {
      const y = top + index * 18;
      return `<line x1="${left}" y1="${y}" x2="${left + 18}" y2="${y}" stroke="${colour}" stroke-width="2.4"/><text x="${left + 24}" y="${y + 4}">${escaped(name)}</text>`;
    })
    .join('\n');
}

function title({ label, count }: DataReport): string {
  const thousands = count >= 10_000 ? `${Math.round(count / 1000)}K` : String(count);
  return `${thousands} vectors: ${label}`;
}

function verticalLine(x: number, top: number, bottom: number, text: string): string {
  const at = x.toFixed(1);
  return `<line x1="${at}" y1="${top}" x2="${at}" y2="${bottom}" stroke="#e3e3e3"/><text x="${at}" y="${bottom + 16}" text-anchor="middle" fill="#333">${text}</text>`;
}

function horizontalLine(y: number, left: number, right: number, text: string): string {
  const at = y.toFixed(1);
  return `<line x1="${left}" y1="${at}" x2="${right}" y2="${at}" stroke="#e3e3e3"/><text x="${left - 6}" y="${(y + 4).toFixed(1)}" text-anchor="end" fill="#333">${text}</text>`;
}

/** 1, 2 and 5 of every power of ten in the range. */
function timeTicks(low: number, high: number): number[] {
  const ticks: number[] = [];
  for (let power = Math.floor(low); power <= high; power++) {
    for (const digit of [1, 2, 5]) {
      const tick = Number((digit * 10 ** power).toPrecision(1));
      if (Math.log10(tick) >= low - 1e-9 && Math.log10(tick) <= high + 1e-9) ticks.push(tick);
    }
  }
  return ticks;
}

/** 0 at the lowest recall that is drawn, growing by one for each halving of what is missed. */
function missed(recall: number): number {
  return Math.log2((1 - lowestRecall) / Math.max(smallestMiss, 1 - recall));
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
