// The memory, searched: what answers a segment, where a phrase stands, and what became of a unit.
import { useState } from "preact/hooks";
import { get, query } from "./api.ts";
import { Segments } from "./bead.tsx";
import { Trail } from "./queue.tsx";
import type { Event } from "./types.ts";
import { link } from "./router.ts";
import { Choice, Show, Text, moment, percent, useLoad } from "./ui.tsx";

export interface Pair {
  store: string;
  src_lang: string;
  tgt_lang: string;
}

interface Found {
  src_text: string;
  tgt_text: string;
  unit_key: string;
  tier: string;
  review_state: string;
  confidence: number;
  partition_date: string;
  batch_id: string;
  score?: number;
  kind?: string;
  proposal?: string;
}

type How = "lookup" | "source" | "target";

export function Search({ route }: { route: string[] }) {
  if (route[0] === "unit" && route[1] && route[2]) return <History store={route[1]} unit_key={route[2]} />;
  return <Form />;
}

function Form() {
  const pairs = useLoad(() => get<Pair[]>("search/pairs"), "");
  return (
    <section>
      <h1>Search the memory</h1>
      <Show of={pairs}>
        {(found) =>
          found.length ? (
            <Asked pairs={found} />
          ) : (
            <div class="empty">
              <h2>No store is set up</h2>
              <p>Stores and their language pairs stand in include/stores.toml.</p>
            </div>
          )
        }
      </Show>
    </section>
  );
}

function Asked({ pairs }: { pairs: Pair[] }) {
  const name = (one: Pair): string => JSON.stringify([one.store, one.src_lang, one.tgt_lang]);
  const [chosen, setChosen] = useState(name(pairs[0] as Pair));
  const [how, setHow] = useState<How>("lookup");
  const [text, setText] = useState("");
  const [asked, setAsked] = useState("");
  const pair = pairs.find((one) => name(one) === chosen) ?? (pairs[0] as Pair);
  const ask = (): void => {
    if (!text.trim()) return;
    const common = { store: pair.store, src: pair.src_lang, tgt: pair.tgt_lang, text: text.trim() };
    setAsked(how === "lookup" ? `search/lookup${query(common)}` : `search/concordance${query({ ...common, side: how })}`);
  };
  return (
    <>
      <form
        class="ask"
        onSubmit={(event) => {
          event.preventDefault();
          ask();
        }}
      >
        <Choice
          label="Store and pair"
          value={chosen}
          onChange={setChosen}
          options={pairs.map((one): [string, string] => [name(one), `${one.store} · ${one.src_lang} → ${one.tgt_lang}`])}
        />
        <Choice
          label="Find"
          value={how}
          onChange={setHow}
          options={[
            ["lookup", "matches of a segment"],
            ["source", "a phrase in the source"],
            ["target", "a phrase in the target"],
          ]}
        />
        <label class="choice wide">
          <span>Text</span>
          <input type="search" dir="auto" lang={how === "target" ? pair.tgt_lang : pair.src_lang} maxLength={4000} value={text} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
        <button type="submit" class="main" disabled={!text.trim()}>
          Search
        </button>
      </form>
      {asked && <Results key={asked} path={asked} pair={pair} />}
    </>
  );
}

function Results({ path, pair }: { path: string; pair: Pair }) {
  const [at] = useState(pair);
  const found = useLoad(() => get<Found[]>(path), path);
  return (
    <Show of={found}>
      {(rows) =>
        rows.length ? (
          <table class="texts">
            <thead>
              <tr>
                <th scope="col" class="number">Match</th>
                <th scope="col">Source</th>
                <th scope="col">Target</th>
                <th scope="col">Reviewed</th>
                <th scope="col">From</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((one) => (
                <tr key={one.unit_key}>
                  <td class="number">
                    {one.score ?? ""} <span class="soft">{one.kind ?? ""}</span>
                  </td>
                  <td>
                    <a href={link("search", "unit", at.store, one.unit_key)}>
                      <Text lang={at.src_lang} text={one.src_text} />
                    </a>
                  </td>
                  <td>
                    <Text lang={at.tgt_lang} text={one.tgt_text} other={one.src_text} />
                    {one.proposal && one.proposal !== one.tgt_text && (
                      <p class="soft">
                        proposed: <Text lang={at.tgt_lang} text={one.proposal} />
                      </p>
                    )}
                  </td>
                  <td>{one.review_state}</td>
                  <td>
                    {one.partition_date} <span class="soft">{one.tier}, {percent(one.confidence)}</span>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        ) : (
          <div class="empty">
            <p>Nothing in {at.store} answers this. A shorter text, or a phrase search, finds more.</p>
          </div>
        )
      }
    </Show>
  );
}

interface Unit {
  store: string;
  src_lang: string;
  tgt_lang: string;
  src_text: string;
  tgt_text: string;
  in_memory: boolean;
  review_state: string;
  evidence: { document: string; partition_date: string; batch_id: string; tier: string; score: number; withdrawn_at: string | null }[];
  events: Event[];
}

function History({ store, unit_key }: { store: string; unit_key: string }) {
  const path = `search/units/${encodeURIComponent(store)}/${encodeURIComponent(unit_key)}`;
  const loaded = useLoad(() => get<Unit>(path), path);
  return (
    <Show of={loaded}>
      {(unit) => (
        <section>
          <h1>
            {unit.store} <span class="soft">·</span> {unit.src_lang} → {unit.tgt_lang}
          </h1>
          <p class="facts">
            <span class={unit.in_memory ? "state accept" : "state quarantine"}>{unit.in_memory ? "in the memory" : "not in the memory"}</span>
            <span>{unit.review_state}</span>
          </p>
          <div class="beads">
            <div class="row own">
              <Segments segments={[unit.src_text]} lang={unit.src_lang} other={unit.tgt_text} />
              <Segments segments={[unit.tgt_text]} lang={unit.tgt_lang} other={unit.src_text} />
            </div>
          </div>
          <h2>What was said</h2>
          {unit.events.length ? <Trail events={unit.events} /> : <p class="soft">Nobody has judged these two texts in this store.</p>}
          <h2>Documents</h2>
          <table class="narrow">
            <thead>
              <tr>
                <th scope="col">Document</th>
                <th scope="col">Date</th>
                <th scope="col">Tier</th>
                <th scope="col" class="number">Score</th>
                <th scope="col">State</th>
              </tr>
            </thead>
            <tbody>
              {unit.evidence.map((one) => (
                <tr key={one.document + one.batch_id + String(one.withdrawn_at)}>
                  <th scope="row">{one.document}</th>
                  <td>{one.partition_date}</td>
                  <td>{one.tier}</td>
                  <td class="number">{percent(one.score)}</td>
                  <td>{one.withdrawn_at ? `replaced ${moment(one.withdrawn_at)}` : "says it now"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </Show>
  );
}
