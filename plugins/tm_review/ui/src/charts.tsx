// Three plain charts as SVG, each with its numbers as a table for those who cannot see it.
import type { ComponentChildren } from "preact";

const WIDTH = 640;
const HEIGHT = 220;
const LEFT = 44;
const BOTTOM = 26;
const TOP = 10;
const RIGHT = 10;

export interface Point {
  /** A date, as YYYY-MM-DD; points stand in order, evenly apart. */
  x: string;
  y: number;
  lower?: number;
  upper?: number;
  note?: string;
}
export interface Series {
  name: string;
  points: Point[];
}

const x = (index: number, count: number): number =>
  LEFT + (count < 2 ? 0.5 : index / (count - 1)) * (WIDTH - LEFT - RIGHT - 12) + 6;

function scale(low: number, high: number): (value: number) => number {
  const span = high - low || 1;
  return (value) => TOP + (1 - (value - low) / span) * (HEIGHT - TOP - BOTTOM);
}

function ticks(low: number, high: number): number[] {
  const span = high - low || 1;
  const step = [1, 2, 5, 10].map((one) => one * 10 ** Math.floor(Math.log10(span / 4))).find((one) => span / one <= 5) ?? span;
  const found: number[] = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step / 1e6; value += step) found.push(value);
  return found;
}

export interface ChartProps {
  title: string;
  series: Series[];
  low?: number;
  high?: number;
  /** A line to stay above. */
  target?: number | undefined;
  format: (value: number) => string;
  /** Bars from zero instead of a line. */
  bars?: boolean;
}

/** Lines (or bars) over dates; whiskers where a point has bounds. */
export function Chart({ title, series, low, high, target, format, bars }: ChartProps) {
  const dates = [...new Set(series.flatMap((one) => one.points.map((point) => point.x)))].sort();
  const values = series.flatMap((one) => one.points.flatMap((point) => [point.lower ?? point.y, point.upper ?? point.y]));
  const floor = low ?? Math.min(0, ...values);
  const top = high ?? Math.max(...values, floor + 1e-9);
  const y = scale(floor, top);
  const at = new Map(dates.map((date, index) => [date, x(index, dates.length)]));
  const spread = (WIDTH - LEFT - RIGHT) / Math.max(1, dates.length) / 2;
  const width = Math.min(26, ((WIDTH - LEFT - RIGHT) / Math.max(1, dates.length)) * 0.7) / (bars ? series.length : 1);
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      {series.length > 1 && (
        <ul class="legend" aria-hidden="true">
          {series.map((one, index) => (
            <li key={one.name} class={`s${index % 6}`}>
              {one.name}
            </li>
          ))}
        </ul>
      )}
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`${title}; the numbers are in the table below`}>
        {ticks(floor, top).map((tick) => (
          <g key={tick} class="tick">
            <line x1={LEFT} x2={WIDTH - RIGHT} y1={y(tick)} y2={y(tick)} />
            <text x={LEFT - 6} y={y(tick) + 4} text-anchor="end">
              {format(tick)}
            </text>
          </g>
        ))}
        {dates.map((date, index) =>
          index % Math.ceil(dates.length / 6) === 0 ? (
            <text key={date} class="date" x={at.get(date)} y={HEIGHT - 8} text-anchor={index === 0 && dates.length > 1 ? "start" : index === dates.length - 1 && dates.length > 1 ? "end" : "middle"}>
              {date}
            </text>
          ) : null,
        )}
        {target !== undefined && <line class="target" x1={LEFT} x2={WIDTH - RIGHT} y1={y(target)} y2={y(target)} />}
        {series.map((one, index) => (
          <g key={one.name} class={`s${index % 6}`}>
            {!bars && <polyline points={one.points.map((point) => `${at.get(point.x)},${y(point.y)}`).join(" ")} />}
            {one.points.map((point) => {
              // Side by side: whiskers of one date would hide each other.
              const centre = (at.get(point.x) ?? 0) + (bars ? 0 : (index - (series.length - 1) / 2) * Math.min(6, spread / series.length));
              return (
                <g key={point.x}>
                  <title>{`${one.name}, ${point.x}: ${format(point.y)}${point.note ? `, ${point.note}` : ""}`}</title>
                  {point.lower !== undefined && point.upper !== undefined && (
                    <line class="whisker" x1={centre} x2={centre} y1={y(point.lower)} y2={y(point.upper)} />
                  )}
                  {bars ? (
                    <rect
                      x={centre - (width * series.length) / 2 + index * width}
                      y={y(point.y)}
                      width={width}
                      height={Math.max(0, y(floor) - y(point.y))}
                    />
                  ) : (
                    <circle cx={centre} cy={y(point.y)} r={3.5} />
                  )}
                </g>
              );
            })}
          </g>
        ))}
      </svg>
      <Numbers>
        <table>
          <caption>{title}</caption>
          <thead>
            <tr>
              <th scope="col">Date</th>
              {series.map((one) => (
                <th scope="col" class="number" key={one.name}>
                  {one.name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {dates.map((date) => (
              <tr key={date}>
                <th scope="row">{date}</th>
                {series.map((one) => {
                  const point = one.points.find((found) => found.x === date);
                  return (
                    <td class="number" key={one.name}>
                      {point ? format(point.y) : "–"}
                      {point?.lower !== undefined && point.upper !== undefined && ` (${format(point.lower)} to ${format(point.upper)})`}
                      {point?.note && `, ${point.note}`}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </Numbers>
    </figure>
  );
}

/** The table behind a chart: folded for those who see the chart, there for everybody. */
export function Numbers({ children }: { children: ComponentChildren }) {
  return (
    <details class="numbers">
      <summary>Numbers</summary>
      {children}
    </details>
  );
}

/** An interval on a line from 0 to 1, with the target marked: for a table's cell. */
export function Interval({ estimate, lower, upper, target }: { estimate: number; lower: number; upper: number; target: number }) {
  const at = (share: number): number => 4 + share * 152;
  return (
    <svg class="interval" viewBox="0 0 160 20" width={160} height={20} aria-hidden="true">
      <line class="track" x1={4} x2={156} y1={10} y2={10} />
      <line class="target" x1={at(target)} x2={at(target)} y1={2} y2={18} />
      <line class="whisker" x1={at(lower)} x2={at(upper)} y1={10} y2={10} />
      <circle cx={at(estimate)} cy={10} r={4} />
    </svg>
  );
}
