// One item at a time: judge it and the next one is there. Items are claimed ahead and verdicts sent behind, so that the
// network is never waited for; a refused verdict brings its item back with the reason.
import { useCallback, useEffect, useReducer, useRef, useState } from "preact/hooks";
import { ApiError, get, post, query } from "./api.ts";
import { Changed, Neighbours, Own, Segments, langs } from "./bead.tsx";
import { moved, movedAll, triple } from "./boundary.ts";
import { type Desk, HELD, LOW, START, count, desk, pending } from "./desk.ts";
import { Help } from "./help.tsx";
import { useKeys } from "./keys.ts";
import { link } from "./router.ts";
import type { Bead, Filters, Item, Kind, Move, Progress } from "./types.ts";
import { BINS, Notice, Text, number, percent } from "./ui.tsx";

type Mode = "judge" | "edit" | "boundary" | "note";
type Send = (path: string, body: object) => Promise<Item>;

const SAID: Record<Kind, string> = { accept: "Accepted", wrong: "Marked wrong", partial: "Marked partial", skip: "Skipped" };

/** The desk, and what the reviewer does at it. */
function useDesk(filters: Filters, me: string) {
  const [state, act] = useReducer(desk, START);
  const [taking, setTaking] = useState(false);
  const sent = useRef(new Map<number, Promise<void>>());
  const since = useRef(performance.now());
  const latest = useRef<Desk>(state);
  latest.current = state;

  const take = useCallback(async () => {
    setTaking(true);
    const held = latest.current.ahead.map((one) => one.head.item_id);
    const wanted = HELD - held.length;
    try {
      act({ type: "taken", items: await post<Item[]>("queue/take", { filters, count: wanted, held }), wanted });
    } catch (error) {
      act({ type: "taken", items: [], wanted });
      act({ type: "said", notice: { tone: "bad", text: (error as Error).message } });
    }
    setTaking(false);
  }, []);

  useEffect(() => {
    if (!taking && !state.empty && state.ahead.length < LOW) void take();
  }, [state.ahead.length, state.empty, taking]);

  // Claims run out by themselves; a reviewer who leaves gives them back at once.
  useEffect(() => () => {
    for (const one of latest.current.ahead) void post(`queue/items/${one.head.item_id}/release`).catch(() => {});
  }, []);

  const current = state.ahead[0];
  useEffect(() => {
    since.current = performance.now();
  }, [current?.head.item_id]);

  const send: Send = (path, body) => post<Item>(`queue/${path}`, body);

  const judge = (kind: Kind, note: string, how: { path: string; body: object; correction: string }): void => {
    if (!current) return;
    const { item_id, version } = current.head;
    const seconds = Math.min((performance.now() - since.current) / 1000, 3600);
    act({ type: "judged", kind, correction: how.correction });
    const done = send(`items/${item_id}/${how.path}`, { ...how.body, version, note, seconds }).then(
      (item) => act({ type: "confirmed", item_id, version: item.head.version }),
      async (error: Error) => act({ type: "refused", item_id, text: error.message, again: await again(current, me, error) }),
    );
    sent.current.set(item_id, done);
  };

  const undo = async (): Promise<void> => {
    const last = latest.current.judged.at(-1);
    if (!last) return;
    const { item_id } = last.item.head;
    await sent.current.get(item_id);
    const now = latest.current.judged.find((one) => one.item.head.item_id === item_id);
    if (!now || now.version === null) return;
    try {
      act({ type: "undone", item: await send(`items/${item_id}/undo`, { version: now.version }) });
    } catch (error) {
      act({ type: "said", notice: { tone: "bad", text: (error as Error).message } });
    }
  };

  return { state, current, taking, judge, undo, retry: take };
}

/** The item as it is now, if it can still be judged here; a network that is down changes nothing. */
async function again(item: Item, me: string, error: Error): Promise<Item | null> {
  const status = error instanceof ApiError ? error.status : 0;
  if (status === 0 || status === 401 || status >= 500) return item;
  try {
    const now = await get<Item>(`queue/items/${item.head.item_id}`);
    const free = now.head.claimed_by === "" || now.head.claimed_by === me;
    return now.head.state === "open" && !now.head.is_mine && free ? now : null;
  } catch {
    return null;
  }
}

export function Review({ filters, me }: { filters: Filters; me: string }) {
  const { state, current, taking, judge, undo, retry } = useDesk(filters, me);
  const [mode, setMode] = useState<Mode>("judge");
  const [help, setHelp] = useState(false);
  const [note, setNote] = useState("");
  const [said, setSaid] = useState("");
  const box = useRef<HTMLElement>(null);

  const next = (): void => {
    setMode("judge");
    setNote("");
    box.current?.focus();
  };
  const verdict = (kind: Kind): void => {
    judge(kind, note, { path: "verdict", body: { kind }, correction: "" });
    setSaid(SAID[kind]);
    next();
  };
  const back = (): void => {
    void undo(); // its notice is spoken as well
    setSaid("");
    next();
  };
  const judging = mode === "judge" && !help;
  useKeys(
    {
      a: current && (() => verdict("accept")),
      w: current && (() => verdict("wrong")),
      p: current && (() => verdict("partial")),
      s: current && (() => verdict("skip")),
      e: current && (() => setMode("edit")),
      b: current?.can_move ? () => setMode("boundary") : undefined,
      n: current && (() => setMode("note")),
      u: state.judged.length ? back : undefined,
      z: state.judged.length ? back : undefined,
      "?": () => setHelp(true),
    },
    judging,
  );
  useEffect(() => box.current?.focus(), []);

  return (
    <section class="review" aria-label="Review" ref={box} tabIndex={-1}>
      <Bar filters={filters} count={count(state)} pending={pending(state)} />
      <p class="spoken" role="status">
        {said}
        {said && current ? ". Next: " : ""}
        {said && current ? current.head.src_text.slice(0, 200) : ""}
      </p>
      {state.notice ? <Notice tone={state.notice.tone}>{state.notice.text}</Notice> : <p class="notice blank">&nbsp;</p>}
      {current ? (
        <>
          <Facts item={current} />
          <div class="beads">
            <Neighbours beads={mode === "boundary" ? current.before.slice(0, -1) : current.before} langs={langs(current)} label="Before" whole={mode !== "boundary"} />
            {mode === "boundary" ? (
              <Boundary
                key={current.head.item_id}
                item={current}
                onCancel={next}
                onSave={(moves) => {
                  judge("partial", note, { path: "boundary", body: { moves }, correction: "boundary" });
                  setSaid("Boundary fixed");
                  next();
                }}
              />
            ) : mode === "edit" ? (
              <Edit
                key={current.head.item_id}
                item={current}
                onCancel={next}
                onSave={(text) => {
                  judge("partial", note, { path: "edit", body: { text }, correction: "edit" });
                  setSaid("Target edited");
                  next();
                }}
              />
            ) : (
              <Own item={current} bead={current.own} />
            )}
            <Neighbours beads={mode === "boundary" ? current.after.slice(1) : current.after} langs={langs(current)} label="After" whole={mode !== "boundary"} />
          </div>
          {mode === "note" && <NoteField value={note} onChange={setNote} onDone={() => setMode("judge")} />}
          {note && mode !== "note" && <p class="soft">Note: {note}</p>}
          <div class="actions" role="toolbar" aria-label="Verdict">
            <Key k="A" tone="good" off={!judging} onPress={() => verdict("accept")}>Accept</Key>
            <Key k="W" tone="bad" off={!judging} onPress={() => verdict("wrong")}>Wrong</Key>
            <Key k="P" tone="odd" off={!judging} onPress={() => verdict("partial")}>Partial</Key>
            <span class="gap" />
            <Key k="B" off={!judging || !current.can_move} onPress={() => setMode("boundary")}>Fix boundary</Key>
            <Key k="E" off={!judging} onPress={() => setMode("edit")}>Edit target</Key>
            <Key k="N" off={!judging} onPress={() => setMode("note")}>Note</Key>
            <span class="gap" />
            <Key k="S" off={!judging} onPress={() => verdict("skip")}>Skip</Key>
            <Key k="U" off={!judging || !state.judged.length} onPress={back}>Undo</Key>
            <Key k="?" onPress={() => setHelp(true)}>Keys</Key>
          </div>
        </>
      ) : taking || !state.empty ? (
        <p class="soft late">Fetching items …</p>
      ) : (
        <Done count={count(state)} onUndo={state.judged.length ? back : undefined} onRetry={retry} />
      )}
      {help && <Help onClose={() => { setHelp(false); box.current?.focus(); }} />}
    </section>
  );
}

function Key(props: { k: string; children: string; tone?: string; off?: boolean; onPress: () => void }) {
  return (
    <button class={`key ${props.tone ?? ""}`} disabled={props.off ?? false} onClick={props.onPress} aria-keyshortcuts={props.k}>
      {props.children} <kbd aria-hidden="true">{props.k}</kbd>
    </button>
  );
}

function Done({ count, onUndo, onRetry }: { count: number; onUndo: (() => void) | undefined; onRetry: () => void }) {
  return (
    <div class="empty">
      <h2>{count ? "All judged" : "Nothing to judge here"}</h2>
      <p>
        {count ? `${number(count)} of them by you just now. ` : ""}
        The next sample comes with the next refresh. Items that another reviewer holds come back within 15 minutes.
      </p>
      <p>
        <button onClick={onRetry}>Look again</button> {onUndo && <button onClick={onUndo}>Undo the last one</button>}{" "}
        <a href={link("queue")}>All queues</a>
      </p>
    </div>
  );
}

/** How far the queue has come: what the server counted, and what was judged since. */
function Bar({ filters, count, pending }: { filters: Filters; count: number; pending: number }) {
  const [progress, setProgress] = useState<Progress | null>(null);
  const [base, setBase] = useState(0);
  const now = useRef({ count, pending });
  now.current = { count, pending };
  useEffect(() => {
    // A count that overtakes a verdict on its way, or is overtaken by one, would be off by it: it is asked for while
    // nothing is on its way, and dropped if anything was judged meanwhile.
    if (pending || (progress && Math.abs(count - base) < 5)) return;
    get<Progress>(`queue/progress${query({ ...filters })}`).then(
      (found) => {
        if (now.current.count !== count || now.current.pending) return;
        setProgress(found);
        setBase(count);
      },
      () => {},
    );
  }, [count, pending]);
  if (!progress) return <div class="bar">&nbsp;</div>;
  const done = progress.done + (count - base);
  const total = progress.open + progress.done;
  return (
    <div class="bar">
      <a href={link("queue")}>All queues</a>
      <progress value={done} max={Math.max(total, 1)} aria-label="Judged items" />
      <span>
        {number(done)} of {number(total)} judged
      </span>
      <span class="soft">
        today by you: {number(Math.max(0, progress.mine_today + count - base))}
        {progress.seconds > 0 && ` · ${progress.seconds.toFixed(0)} s each`}
        {progress.disputed > 0 && ` · ${number(progress.disputed)} disputed`}
      </span>
    </div>
  );
}

function Facts({ item }: { item: Item }) {
  const { head } = item;
  return (
    <p class="facts">
      <strong>{item.document || head.store}</strong>
      {head.partition_date && <span class="soft">{head.partition_date}</span>}
      {head.origin === "blind" ? (
        <span title="Which aligner made it is not shown until it is judged.">blind comparison</span>
      ) : (
        <span>
          {head.tier}, score {percent(head.score)} <span class="soft">({BINS[head.score_bin] ?? "?"})</span>
        </span>
      )}
      {head.origin === "twin" && <span class="tag">refused in another store</span>}
      {head.wanted > 1 && <span class="tag">wants {head.wanted} reviewers</span>}
      {head.disputed && <span class="tag bad">disputed</span>}
      {item.twins > 0 && <span class="tag">{number(item.twins)} twins in the memory</span>}
    </p>
  );
}

function NoteField({ value, onChange, onDone }: { value: string; onChange: (text: string) => void; onDone: () => void }) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  return (
    <form
      class="note"
      onSubmit={(event) => {
        event.preventDefault();
        onDone();
      }}
    >
      <label>
        Note for the record, goes with the next verdict
        <input
          ref={field}
          value={value}
          maxLength={2000}
          onInput={(event) => onChange(event.currentTarget.value)}
          onKeyDown={(event) => event.key === "Escape" && onDone()}
        />
      </label>
      <button type="submit">Keep</button>
    </form>
  );
}

function Edit({ item, onSave, onCancel }: { item: Item; onSave: (text: string) => void; onCancel: () => void }) {
  const { src, tgt } = langs(item);
  const before = item.head.tgt_text;
  const [text, setText] = useState(before);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.focus(), []);
  const usable = text.trim() !== "" && text.trim() !== before;
  return (
    <form
      class="own editing"
      onSubmit={(event) => {
        event.preventDefault();
        if (usable) onSave(text.trim());
      }}
    >
      <div class="row">
        <Segments segments={item.own.src} lang={src} other={text} />
        <div class="side">
          <textarea
            ref={field}
            lang={tgt}
            dir="auto"
            aria-label="Target"
            rows={Math.min(8, Math.max(2, Math.ceil(before.length / 60)))}
            maxLength={10_000}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === "Escape") onCancel();
              if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && usable) onSave(text.trim());
            }}
          />
          <p class="soft">
            {usable ? <Changed before={before} after={text.trim()} lang={tgt} /> : <Text lang={tgt} text={text} other={item.head.src_text} />}
          </p>
        </div>
      </div>
      <p class="buttons">
        <button type="submit" class="main" disabled={!usable}>
          Save <kbd aria-hidden="true">Ctrl Enter</kbd>
        </button>
        <button type="button" onClick={onCancel}>
          Cancel <kbd aria-hidden="true">Esc</kbd>
        </button>
        <span class="soft">The corrected unit replaces this one in the memory.</span>
      </p>
    </form>
  );
}

const SIDES = { src: "source", tgt: "target" } as const;

function Boundary({ item, onSave, onCancel }: { item: Item; onSave: (moves: Move[]) => void; onCancel: () => void }) {
  const [moves, setMoves] = useState<Move[]>([]);
  const [side, setSide] = useState<Move["side"]>("tgt");
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => box.current?.focus(), []);
  const beads = movedAll(triple(item), moves);
  const move = (edge: Move["edge"], count: number): void => {
    const one: Move = { side, edge, count };
    if (!moved(beads, one)) return;
    const last = moves.at(-1);
    const undoes = last && last.side === side && last.edge === edge && last.count === -count;
    setMoves(undoes ? moves.slice(0, -1) : [...moves, one]);
  };
  const can = (edge: Move["edge"], count: number): boolean => moved(beads, { side, edge, count }) !== null;
  const save = (): void => {
    if (moves.length) onSave(moves);
  };
  useKeys({
    ArrowUp: () => move("before", 1),
    ArrowDown: () => move("before", -1),
    "shift+ArrowUp": () => move("after", -1),
    "shift+ArrowDown": () => move("after", 1),
    ArrowLeft: () => setSide("src"),
    ArrowRight: () => setSide("tgt"),
    Backspace: () => setMoves(moves.slice(0, -1)),
    Enter: save,
    Escape: onCancel,
  });
  const { src, tgt } = langs(item);
  const row = (bead: Bead | null, name: string) =>
    bead && (
      <div class={`row ${name === "own" ? "own" : "neighbour"}`}>
        <div class={`side ${side === "src" ? "chosen" : ""}`} onClick={() => setSide("src")}>
          <Segments segments={bead.src} lang={src} />
        </div>
        <div class={`side ${side === "tgt" ? "chosen" : ""}`} onClick={() => setSide("tgt")}>
          <Segments segments={bead.tgt} lang={tgt} />
        </div>
      </div>
    );
  const edge = (which: Move["edge"], up: number, upKey: string, downKey: string) => (
    <div class={`edge ${side}`} role="group" aria-label={which === "before" ? "upper boundary" : "lower boundary"}>
      <button type="button" disabled={!can(which, up)} onClick={() => move(which, up)} aria-label={`Move the ${which === "before" ? "upper" : "lower"} boundary of the ${SIDES[side]} up`}>
        {upKey}
      </button>
      <button type="button" disabled={!can(which, -up)} onClick={() => move(which, -up)} aria-label={`Move the ${which === "before" ? "upper" : "lower"} boundary of the ${SIDES[side]} down`}>
        {downKey}
      </button>
    </div>
  );
  return (
    <div class="boundary" ref={box} tabIndex={-1} aria-label="Fix the boundary">
      {row(beads.before, "before")}
      {beads.before && edge("before", 1, "↑", "↓")}
      {row(beads.own, "own")}
      {beads.after && edge("after", -1, "⇧↑", "⇧↓")}
      {row(beads.after, "after")}
      <p class="buttons">
        <button type="button" class="main" disabled={!moves.length} onClick={save}>
          Save <kbd aria-hidden="true">Enter</kbd>
        </button>
        <button type="button" onClick={onCancel}>
          Cancel <kbd aria-hidden="true">Esc</kbd>
        </button>
        <span class="soft">
          Moving the {SIDES[side]}'s segments; <kbd>←</kbd> <kbd>→</kbd> choose the side, <kbd>⌫</kbd> takes a move back.
        </span>
      </p>
    </div>
  );
}
