// What verdicts prove, as charts; each has its numbers as a table.
import { useState } from "preact/hooks";
import { get, query } from "./api.ts";
import { Chart, Interval, type Point, type Series } from "./charts.tsx";
import { BINS, Choice, Show, moment, number, percent, useLoad } from "./ui.tsx";

interface Slice {
  store: string;
  src_lang: string;
  tgt_lang: string;
}
interface Precision extends Slice {
  tier: string;
  score_bin: number;
  day: string;
  verdicts: number;
  correct: number;
  estimate: number;
  lower: number;
  upper: number;
  standing: string;
  target: number;
}
interface Yield extends Slice {
  day: string;
  rule: string;
  share: number;
}
interface Decision extends Slice {
  at: string;
  day: string;
  batch_id: string;
  verdict: string;
  reasons: string[];
  decided_by: string;
  why: string;
}
interface Kappa {
  items: number;
  observed: number;
  kappa: number | null;
}
interface Agreement {
  src_lang: string;
  tgt_lang: string;
  strict: Kappa;
  binary: Kappa;
}
interface Reviewer {
  who: string;
  verdicts: number;
  accepted: number;
  corrected: number;
  skipped: number;
  undone: number;
  seconds: number;
}
interface All {
  precision: Precision[];
  yields: Yield[];
  decisions: Decision[];
  agreement: Agreement[];
  reviewers: Reviewer[];
}

const nameOf = (one: Slice): string => `${one.store} · ${one.src_lang} → ${one.tgt_lang}`;
const keyOf = (one: Slice): string => JSON.stringify([one.store, one.src_lang, one.tgt_lang]);

const STANDING: Record<string, string> = { trusted: "trusted", unproven: "unproven", proven_bad: "proven bad" };

export function Statistics() {
  const [chosen, setChosen] = useState("");
  const [days, setDays] = useState("365");
  const [store, src_lang, tgt_lang] = chosen ? (JSON.parse(chosen) as string[]) : [];
  const everything = useLoad(() => get<All>(`statistics${query({ days })}`), days);
  const path = `statistics${query({ days, store, src_lang, tgt_lang })}`;
  const loaded = useLoad(() => get<All>(path), path);
  const slices = new Map([...(everything.value?.precision ?? []), ...(everything.value?.decisions ?? [])].map((one) => [keyOf(one), nameOf(one)]));
  return (
    <section>
      <div class="head">
        <h1>Statistics</h1>
        <div class="filters">
          <Choice label="Store and pair" value={chosen} onChange={setChosen} options={[["", "all"], ...[...slices].sort((a, b) => a[1].localeCompare(b[1]))]} />
          <Choice label="Partition dates" value={days} onChange={setDays} options={[["30", "last 30 days"], ["90", "last 90 days"], ["365", "last year"], ["3660", "last ten years"]]} />
        </div>
      </div>
      <Show of={loaded}>
        {(all) => (
          <>
            <Strata points={all.precision} />
            <div class="charts">
              {all.precision.length > 0 && <PrecisionChart points={all.precision} />}
              {all.yields.length > 0 && <Yields rows={all.yields} />}
              {all.decisions.length > 0 && <Gate rows={all.decisions} />}
            </div>
            {!chosen && <p class="soft">Choose a store and pair to see what each rule of the filter refused.</p>}
            <Decisions rows={all.decisions} />
            <Agreements rows={all.agreement} />
            <Reviewers rows={all.reviewers} />
          </>
        )}
      </Show>
    </section>
  );
}

const stratum = (one: Precision): string => `${nameOf(one)}, ${one.tier}, score ${BINS[one.score_bin] ?? "?"}`;

function latest(points: Precision[]): Precision[] {
  return [...new Map(points.map((one) => [stratum(one), one])).values()];
}

function Strata({ points }: { points: Precision[] }) {
  if (!points.length) {
    return (
      <div class="empty">
        <h2>No verdicts yet</h2>
        <p>Precision is known from what reviewers say of the samples: the queue has them.</p>
      </div>
    );
  }
  return (
    <div class="scroll">
      <table class="strata">
        <caption class="spoken">Precision by stratum, as of its newest verdicts</caption>
        <thead>
          <tr>
            <th scope="col">Store and pair</th>
            <th scope="col">Tier</th>
            <th scope="col">Score</th>
            <th scope="col" class="number">Right</th>
            <th scope="col">Precision, 95 % interval</th>
            <th scope="col">State</th>
          </tr>
        </thead>
        <tbody>
          {latest(points).map((one) => (
            <tr key={stratum(one)}>
              <th scope="row">{nameOf(one)}</th>
              <td>{one.tier}</td>
              <td>{BINS[one.score_bin]}</td>
              <td class="number">
                {number(one.correct)} of {number(one.verdicts)}
              </td>
              <td>
                <span class="bounds">
                  <Interval {...one} /> {percent(one.lower)} to {percent(one.upper)}
                </span>
              </td>
              <td class={`state ${one.standing}`} title={`Target ${percent(one.target)}`}>
                {STANDING[one.standing] ?? one.standing}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The strata with the most verdicts: six lines are the most that can be told apart. */
function PrecisionChart({ points }: { points: Precision[] }) {
  const strata = latest(points)
    .sort((a, b) => b.verdicts - a.verdicts)
    .slice(0, 6)
    .map(stratum);
  const series: Series[] = strata.map((name) => ({
    name,
    points: points
      .filter((one) => stratum(one) === name)
      .map((one): Point => ({ x: one.day, y: one.estimate, lower: one.lower, upper: one.upper, note: `${one.correct} of ${one.verdicts} right` })),
  }));
  return <Chart title="Precision with its 95 % interval" series={series} low={0} high={1} target={points[0]?.target} format={(value) => percent(value)} />;
}

function Yields({ rows }: { rows: Yield[] }) {
  const rules = [...new Set(rows.map((one) => one.rule))].sort();
  const seen = rules.filter((rule) => rows.some((one) => one.rule === rule && one.share > 0)).slice(0, 6);
  const series = seen.map((rule) => ({
    name: rule,
    points: rows.filter((one) => one.rule === rule).map((one): Point => ({ x: one.day, y: one.share })),
  }));
  if (!series.length) return null;
  return <Chart title="Share of beads that each rule refused" series={series} low={0} format={(value) => percent(value, 1)} />;
}

function Gate({ rows }: { rows: Decision[] }) {
  const verdicts = ["accept", "hold", "quarantine", "discard"].filter((name) => rows.some((one) => one.verdict === name));
  const dates = [...new Set(rows.map((one) => one.day))].sort();
  const series = verdicts.map((verdict) => ({
    name: verdict,
    points: dates.map((day): Point => ({ x: day, y: rows.filter((one) => one.day === day && one.verdict === verdict).length })),
  }));
  return <Chart title="Decisions on slices" series={series} low={0} bars format={(value) => String(Math.round(value * 10) / 10)} />;
}

const SHOWN = 12;

function Decisions({ rows }: { rows: Decision[] }) {
  const [all, setAll] = useState(false);
  if (!rows.length) return null;
  return (
    <>
      <h2>Gate history</h2>
      <div class="scroll">
        <table class="decisions">
          <thead>
            <tr>
              <th scope="col">Date</th>
              <th scope="col">Slice</th>
              <th scope="col">Decision</th>
              <th scope="col">Why</th>
              <th scope="col">By</th>
            </tr>
          </thead>
          <tbody>
            {(all ? rows : rows.slice(0, SHOWN)).map((one, index) => (
              <tr key={index}>
                <td>
                  <a href={`gate/${encodeURIComponent(one.batch_id)}`} target="_self" title="The gate's page of this batch">
                    {one.day}
                  </a>
                </td>
                <th scope="row">{nameOf(one)}</th>
                <td class={`state ${one.verdict}`}>{one.verdict}</td>
                <td>{[one.why, ...one.reasons].filter(Boolean).join("; ") || <span class="soft">every promise was kept</span>}</td>
                <td>
                  {one.decided_by} <span class="soft">{moment(one.at)}</span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {!all && rows.length > SHOWN && <button onClick={() => setAll(true)}>All {number(rows.length)}</button>}
    </>
  );
}

const kappa = (one: Kappa): string => (one.kappa === null ? "–" : one.kappa.toFixed(2));

function Agreements({ rows }: { rows: Agreement[] }) {
  const seen = rows.filter((one) => one.strict.items > 0);
  return (
    <>
      <h2>Agreement of reviewers</h2>
      {seen.length ? (
        <table class="narrow">
          <thead>
            <tr>
              <th scope="col">Pair</th>
              <th scope="col" class="number">Judged twice</th>
              <th scope="col" class="number">Agree (right or not)</th>
              <th scope="col" class="number">Cohen's kappa</th>
              <th scope="col" class="number">over all three verdicts</th>
            </tr>
          </thead>
          <tbody>
            {seen.map((one) => (
              <tr key={one.src_lang + one.tgt_lang}>
                <th scope="row">{one.src_lang ? `${one.src_lang} → ${one.tgt_lang}` : "all pairs"}</th>
                <td class="number">{number(one.binary.items)}</td>
                <td class="number">{percent(one.binary.observed)}</td>
                <td class="number">{kappa(one.binary)}</td>
                <td class="number">{kappa(one.strict)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <p class="soft">A share of the items is judged by two people; none has been yet.</p>
      )}
    </>
  );
}

function Reviewers({ rows }: { rows: Reviewer[] }) {
  if (!rows.length) return null;
  return (
    <>
      <h2>Reviewers</h2>
      <table class="narrow">
        <thead>
          <tr>
            <th scope="col">Who</th>
            <th scope="col" class="number">Verdicts</th>
            <th scope="col" class="number">Accepted</th>
            <th scope="col" class="number">Corrected</th>
            <th scope="col" class="number">Skipped</th>
            <th scope="col" class="number">Taken back</th>
            <th scope="col" class="number">Seconds each</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((one) => (
            <tr key={one.who}>
              <th scope="row">{one.who}</th>
              <td class="number">{number(one.verdicts)}</td>
              <td class="number">{number(one.accepted)}</td>
              <td class="number">{number(one.corrected)}</td>
              <td class="number">{number(one.skipped)}</td>
              <td class="number">{number(one.undone)}</td>
              <td class="number">{one.seconds.toFixed(1)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
