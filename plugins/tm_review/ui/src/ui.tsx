// Small parts that every page uses.
import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { marked } from "./marks.ts";

/** A text of the memory: always text, in its own language and direction, its numbers and tags marked against `other`. */
export function Text({ lang, text, other }: { lang: string; text: string; other?: string | undefined }) {
  const pieces = other === undefined ? [{ text, mark: "none" as const }] : marked(text, other);
  return (
    <span lang={lang} dir="auto" class="text">
      {pieces.map((one, index) =>
        one.mark === "none" ? (
          one.text
        ) : (
          <mark key={index} class={one.mark} title={one.mark === "missing" ? "not on the other side" : undefined}>
            {one.text}
          </mark>
        ),
      )}
    </span>
  );
}

export function Notice({ tone, children }: { tone: "bad" | "good" | "plain"; children: ComponentChildren }) {
  return (
    <p class={`notice ${tone}`} role={tone === "bad" ? "alert" : "status"}>
      {children}
    </p>
  );
}

export interface Loaded<T> {
  value: T | null;
  error: string;
  busy: boolean;
  reload: () => void;
}

/** Load something whenever `key` changes; the last asked wins, and what was there stays until the new is there. */
export function useLoad<T>(load: () => Promise<T>, key: string): Loaded<T> {
  const [state, setState] = useState<{ value: T | null; error: string; busy: boolean }>({ value: null, error: "", busy: true });
  const turn = useRef(0);
  const reload = useCallback(() => {
    turn.current += 1;
    const mine = turn.current;
    setState((old) => ({ ...old, busy: true }));
    load().then(
      (value) => mine === turn.current && setState({ value, error: "", busy: false }),
      (error: Error) => mine === turn.current && setState((old) => ({ ...old, error: error.message, busy: false })),
    );
  }, [key]);
  useEffect(reload, [reload]);
  return { ...state, reload };
}

/** What is loaded, its error with a way to try again, or nothing yet (a frame of calm beats a flash of "loading"). */
export function Show<T>({ of, children }: { of: Loaded<T>; children: (value: T) => ComponentChildren }) {
  return (
    <>
      {of.error && (
        <Notice tone="bad">
          {of.error} <button onClick={of.reload}>Try again</button>
        </Notice>
      )}
      {of.value !== null ? children(of.value) : !of.error && <p class="soft late">Loading …</p>}
    </>
  );
}

export function Choice<T extends string>(props: {
  label: string;
  value: T;
  options: [T, string][];
  onChange: (value: T) => void;
}) {
  return (
    <label class="choice">
      <span>{props.label}</span>
      <select value={props.value} onChange={(event) => props.onChange(event.currentTarget.value as T)}>
        {props.options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

export const percent = (share: number, digits = 0): string => `${(share * 100).toFixed(digits)} %`;
export const number = (value: number): string => value.toLocaleString("en");
export const count = (value: number, of: string): string => `${number(value)} ${of}${value === 1 ? "" : "s"}`;
export const moment = (iso: string): string => iso.slice(0, 16).replace("T", " ");
export const BINS = ["0–.2", ".2–.4", ".4–.6", ".6–.8", ".8–1"];
