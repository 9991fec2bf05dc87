// Where a reviewer begins: the pairs that have items, then the desk or a list of what has been judged.
import { useState } from "preact/hooks";
import { get, post, query } from "./api.ts";
import { Changed, Neighbours, Own, langs } from "./bead.tsx";
import { Review } from "./review.tsx";
import { link } from "./router.ts";
import type { Facet, Filters, Head, Item, Me, QueueState } from "./types.ts";
import { BINS, Choice, Notice, Show, Text, moment, number, percent, useLoad } from "./ui.tsx";

export function Queue({ route, me }: { route: string[]; me: Me }) {
  const [store, src, tgt, view] = route;
  if (store === "item" && src) return <OneItem item_id={src} me={me} />;
  if (!store || !src || !tgt) return <Pairs me={me} />;
  return <Pair key={route.slice(0, 3).join("/")} store={store} src={src} tgt={tgt} view={view ?? "judge"} me={me} />;
}

interface PairRow {
  store: string;
  src_lang: string;
  tgt_lang: string;
  open: number;
  done: number;
}

function Pairs({ me }: { me: Me }) {
  const facets = useLoad(() => get<Facet[]>("queue/facets"), "");
  return (
    <section>
      <h1>Review queue</h1>
      <Show of={facets}>
        {(found) =>
          found.length ? (
            <table class="pairs">
              <thead>
                <tr>
                  <th scope="col">Store</th>
                  <th scope="col">Pair</th>
                  <th scope="col" class="number">Open</th>
                  <th scope="col" class="number">Judged</th>
                  <th scope="col">Progress</th>
                  <th scope="col" />
                </tr>
              </thead>
              <tbody>
                {summed(found).map((one) => (
                  <tr key={`${one.store}/${one.src_lang}/${one.tgt_lang}`}>
                    <td>{one.store}</td>
                    <th scope="row">
                      {one.src_lang} → {one.tgt_lang}
                    </th>
                    <td class="number">{number(one.open)}</td>
                    <td class="number">{number(one.done)}</td>
                    <td>
                      <progress value={one.done} max={Math.max(1, one.open + one.done)} aria-label={`${one.done} of ${one.open + one.done} judged`} />
                    </td>
                    <td>
                      <a class="main" href={link("queue", one.store, one.src_lang, one.tgt_lang)}>
                        {me.rights.includes("judge") && one.open ? "Review" : "Look"}
                      </a>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          ) : (
            <div class="empty">
              <h2>Nothing has been sampled yet</h2>
              <p>A refresh puts a share of what it loads here (TM_REVIEW_RATE, TM_REVIEW_BUDGET). Trigger tm_refresh, then look again.</p>
              <button onClick={facets.reload}>Look again</button>
            </div>
          )
        }
      </Show>
    </section>
  );
}

function summed(facets: Facet[]): PairRow[] {
  const rows = new Map<string, PairRow>();
  for (const { store, src_lang, tgt_lang, open, done } of facets) {
    const key = JSON.stringify([store, src_lang, tgt_lang]);
    const row = rows.get(key) ?? { store, src_lang, tgt_lang, open: 0, done: 0 };
    rows.set(key, { ...row, open: row.open + open, done: row.done + done });
  }
  return [...rows.values()].sort((a, b) => b.open - a.open || a.store.localeCompare(b.store));
}

const VIEWS: [string, string][] = [
  ["judge", "Judge"],
  ["open", "Open"],
  ["mine", "Judged by you"],
  ["disputed", "Disputed"],
  ["done", "Done"],
];

function Pair({ store, src, tgt, view, me }: { store: string; src: string; tgt: string; view: string; me: Me }) {
  const [tier, setTier] = useState("");
  const [bin, setBin] = useState("");
  const [origin, setOrigin] = useState("");
  const filters: Filters = { store, src_lang: src, tgt_lang: tgt, tier, origin, ...(bin === "" ? {} : { score_bin: Number(bin) }) };
  const judges = me.rights.includes("judge");
  const shown = view === "judge" && !judges ? "open" : view;
  const key = JSON.stringify([filters, shown]);
  return (
    <section>
      <div class="head">
        <h1>
          {store} <span class="soft">·</span> {src} → {tgt}
        </h1>
        <nav class="views" aria-label="Items">
          {VIEWS.filter(([name]) => name !== "judge" || judges).map(([name, text]) => (
            <a key={name} href={link("queue", store, src, tgt, ...(name === "judge" ? [] : [name]))} aria-current={name === shown ? "page" : undefined}>
              {text}
            </a>
          ))}
        </nav>
        <div class="filters">
          <Choice label="Tier" value={tier} onChange={setTier} options={[["", "all"], ["lexical", "lexical"], ["embedding", "embedding"], ["imported", "imported"]]} />
          <Choice label="Score" value={bin} onChange={setBin} options={[["", "all"], ...BINS.map((text, index): [string, string] => [String(index), text])]} />
          <Choice label="Why here" value={origin} onChange={setOrigin} options={[["", "all"], ["sample", "sampled"], ["twin", "twin of a refused one"], ["blind", "blind comparison"]]} />
        </div>
      </div>
      {!judges && view === "judge" && (
        <Notice tone="plain">Your role in Airflow may read here, not judge. An administrator can give you one that may trigger tm_refresh.</Notice>
      )}
      {shown === "judge" ? <Review key={key} filters={filters} me={me.name} /> : <List key={key} state={shown as QueueState} filters={filters} />}
    </section>
  );
}

function List({ state, filters }: { state: QueueState; filters: Filters }) {
  const [pages, setPages] = useState<{ items: Head[]; after: string } | null>(null);
  const first = useLoad(() => get<{ items: Head[]; after: string }>(`queue/items${query({ ...filters, state })}`), JSON.stringify(filters));
  const shown = pages ?? first.value;
  const more = async (after: string): Promise<void> => {
    const next = await get<{ items: Head[]; after: string }>(`queue/items${query({ ...filters, state, after })}`);
    setPages({ items: [...(shown?.items ?? []), ...next.items], after: next.after });
  };
  return (
    <Show of={first}>
      {() =>
        shown?.items.length ? (
          <>
            <table class="texts">
              <thead>
                <tr>
                  <th scope="col">Source</th>
                  <th scope="col">Target</th>
                  <th scope="col">Tier</th>
                  <th scope="col" class="number">Score</th>
                  <th scope="col">State</th>
                </tr>
              </thead>
              <tbody>
                {shown.items.map((one) => (
                  <tr key={one.item_id}>
                    <td>
                      <a href={link("queue", "item", String(one.item_id))}>
                        <Text lang={one.src_lang} text={one.src_text} />
                      </a>
                    </td>
                    <td>
                      <Text lang={one.tgt_lang} text={one.tgt_text} other={one.src_text} />
                    </td>
                    <td>{one.tier || "blind"}</td>
                    <td class="number">{one.tier ? percent(one.score) : ""}</td>
                    <td>
                      {one.disputed ? "disputed" : one.state}
                      {one.claimed_by && <span class="soft"> · held by {one.claimed_by}</span>}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
            {shown.after && <button onClick={() => void more(shown.after)}>More</button>}
          </>
        ) : (
          <div class="empty">
            <p>No items here.</p>
          </div>
        )
      }
    </Show>
  );
}

function OneItem({ item_id, me }: { item_id: string; me: Me }) {
  const loaded = useLoad(() => get<Item>(`queue/items/${encodeURIComponent(item_id)}`), item_id);
  const [error, setError] = useState("");
  const undo = (item: Item): void => {
    post<Item>(`queue/items/${item.head.item_id}/undo`, { version: item.head.version }).then(loaded.reload, (found: Error) => setError(found.message));
  };
  return (
    <Show of={loaded}>
      {(item) => {
        const { head } = item;
        const last = item.events.filter((one) => one.who === me.name && !one.undone && one.kind !== "undo").at(-1);
        return (
          <section class="review">
            <h1>
              {head.store} <span class="soft">·</span> {head.src_lang} → {head.tgt_lang} <span class="soft">item {head.item_id}</span>
            </h1>
            <p class="facts">
              <span>{item.document}</span>
              <span>{head.disputed ? "disputed" : head.state}</span>
              <a href={link("queue", head.store, head.src_lang, head.tgt_lang)}>To this queue</a>
              {item.unit_key && <a href={link("search", "unit", head.store, item.unit_key)}>History of the unit</a>}
            </p>
            {error && <Notice tone="bad">{error}</Notice>}
            <div class="beads">
              <Neighbours beads={item.before} langs={langs(item)} label="Before" />
              <Own item={item} bead={item.own} />
              <Neighbours beads={item.after} langs={langs(item)} label="After" />
            </div>
            <h2>What was said</h2>
            {item.events.length ? (
              <Trail events={item.events} />
            ) : (
              <p class="soft">{head.verdicts ? "Shown when you have judged it too: the second opinion is one of its own." : "Nothing yet."}</p>
            )}
            {last && me.rights.includes("judge") && (
              <p class="buttons">
                <button onClick={() => undo(item)}>Take my verdict back</button>
              </p>
            )}
          </section>
        );
      }}
    </Show>
  );
}

export function Trail({ events }: { events: Item["events"] }) {
  return (
    <ol class="trail">
      {events.map((one) => (
        <li key={one.verdict_key} class={one.undone ? "undone" : ""}>
          <span class={`kind ${one.kind}`}>{one.correction ? `${one.kind} (${one.correction})` : one.kind}</span> <strong>{one.who}</strong>{" "}
          <time dateTime={one.at}>{moment(one.at)}</time>
          {one.undone && <span class="soft"> · taken back</span>}
          {!one.settled && <span class="soft"> · enters the memory when the load that holds the store has ended</span>}
          {one.note && <p class="soft">{one.note}</p>}
          {one.correction && one.after.map(([src, tgt], index) => (
            <p key={index}>
              <Text lang={one.src_lang} text={src} /> <span class="soft">→</span>{" "}
              <Changed before={one.before[index]?.[1] ?? ""} after={tgt} lang={one.tgt_lang} />
            </p>
          ))}
        </li>
      ))}
    </ol>
  );
}
