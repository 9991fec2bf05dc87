// What the gate held or refused, with its numbers in words; operators decide, and say why.
import { useState } from "preact/hooks";
import { get, post } from "./api.ts";
import { airflow, follow } from "./router.ts";
import type { Me } from "./types.ts";
import { Notice, Show, count, moment, useLoad } from "./ui.tsx";

interface Slice {
  batch_id: string;
  partition_date: string;
  generation: number;
  store: string;
  src_lang: string;
  tgt_lang: string;
  verdict: string;
  documents: number;
  beads: number;
  is_settled: boolean;
  reasons: string[];
  warnings: string[];
  releasable: boolean;
  decided_by: string;
  decided_at: string;
  why: string;
}

const nameOf = (one: Slice): string => `${one.store} · ${one.src_lang} → ${one.tgt_lang}`;

export function Slices({ me }: { me: Me }) {
  const loaded = useLoad(() => get<Slice[]>("slices"), "");
  const [said, setSaid] = useState("");
  return (
    <section>
      <div class="head">
        <h1>Held and quarantined</h1>
        <a href={airflow("/required_actions")} onClick={follow}>
          Questions that wait in Airflow
        </a>
      </div>
      {said && <Notice tone="good">{said}</Notice>}
      <Show of={loaded}>
        {(found) =>
          found.length ? (
            found.map((one) => (
              <One
                key={`${one.batch_id} ${nameOf(one)}`}
                slice={one}
                mayDecide={me.rights.includes("release")}
                onDone={(text) => {
                  setSaid(text);
                  loaded.reload();
                }}
              />
            ))
          ) : (
            <div class="empty">
              <h2>Nothing waits</h2>
              <p>Every slice of every date was loaded or thrown away. What the gate holds or refuses appears here.</p>
              <button onClick={loaded.reload}>Look again</button>
            </div>
          )
        }
      </Show>
    </section>
  );
}

function One({ slice, mayDecide, onDone }: { slice: Slice; mayDecide: boolean; onDone: (text: string) => void }) {
  const [why, setWhy] = useState("");
  const [busy, setBusy] = useState("");
  const [error, setError] = useState("");
  const decide = (action: "release" | "discard"): void => {
    const { batch_id, store, src_lang, tgt_lang, generation } = slice;
    setBusy(action);
    setError("");
    post<{ said: string }>("slices/decide", { action, batch_id, store, src_lang, tgt_lang, generation, why: why.trim() }).then(
      (answer) => onDone(answer.said),
      (found: Error) => {
        setError(found.message);
        setBusy("");
      },
    );
  };
  const off = busy !== "" || !why.trim() || !slice.is_settled;
  return (
    <article class="slice">
      <p class="facts">
        <strong>{nameOf(slice)}</strong>
        <span>{slice.partition_date}</span>
        <span class={`state ${slice.verdict}`}>{slice.verdict}</span>
        <span>
          {count(slice.documents, "document")}, {count(slice.beads, "bead")}
        </span>
        <a href={`gate/${encodeURIComponent(slice.batch_id)}`}>The gate's page</a>
      </p>
      <ul>
        {slice.reasons.map((text) => (
          <li key={text}>{text}</li>
        ))}
        {slice.warnings.map((text) => (
          <li key={text} class="soft">
            warning: {text}
          </li>
        ))}
      </ul>
      <p class="soft">
        by {slice.decided_by}, {moment(slice.decided_at)}
        {slice.why && `: ${slice.why}`}
      </p>
      {error && <Notice tone="bad">{error}</Notice>}
      {!slice.is_settled && <Notice tone="plain">Its refresh is still at work; it can be decided on when that has ended.</Notice>}
      {mayDecide ? (
        <p class="buttons">
          <label class="choice wide">
            <span>Why (kept with the decision)</span>
            <input value={why} maxLength={2000} onInput={(event) => setWhy(event.currentTarget.value)} />
          </label>
          <button class="main" disabled={off || !slice.releasable} onClick={() => decide("release")}>
            {busy === "release" ? "Releasing …" : "Release"}
          </button>
          <button disabled={off} onClick={() => decide("discard")}>
            {busy === "discard" ? "Discarding …" : "Discard"}
          </button>
          {!slice.releasable && <span class="soft">Cannot be released: its numbers cannot be right.</span>}
        </p>
      ) : (
        <p class="soft">Operators release or discard it.</p>
      )}
    </article>
  );
}
