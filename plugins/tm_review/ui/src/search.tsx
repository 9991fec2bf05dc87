// The memory, searched: what answers a segment, where a phrase stands, and what became of a unit.
import { useEffect, useState } from "preact/hooks";
import { get, query } from "./api.ts";
import { link } from "./router.ts";
import { Choice, Notice, Show, Text, percent, useLoad } from "./ui.tsx";

export interface Pair {
  store: string;
  src_lang: string;
  tgt_lang: string;
  units: number;
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
              <h2>The memory is empty</h2>
              <p>Units appear here when a refresh or an import has loaded them.</p>
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
          options={pairs.map((one): [string, string] => [name(one), `${one.store} · ${one.src_lang} → ${one.tgt_lang} (${one.units.toLocaleString("en")})`])}
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

function History({ store, unit_key }: { store: string; unit_key: string }) {
  return (
    <section>
      <h1>A unit's history</h1>
      <Notice tone="plain">
        {store} {unit_key}
      </Notice>
    </section>
  );
}

export { useEffect };
