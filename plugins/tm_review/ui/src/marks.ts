// What a reviewer's eye should fall on: numbers, tags and placeables, and whether the other side has them too.
// It only marks; what such a difference costs is decided on the server.

export type Mark = "same" | "missing" | "none";
export interface Piece {
  text: string;
  mark: Mark;
}

const TAG = "</?\\d{1,6}\\s?/?>|</?[A-Za-z][\\w:.-]{0,40}(?:\\s[^<>]{0,500})?/?>";
const PLACEABLE = "\\$?\\{\\{?\\s?[\\w.:-]{0,60}\\s?\\}?\\}|%(?:\\(\\w{1,60}\\)|\\d{1,2}\\$)?[sdif](?![A-Za-z])";
const NUMBER = "\\p{Nd}+(?:[.,:/\\u066b\\u066c\\u00a0\\u202f]\\p{Nd}+)*";
const TOKEN = new RegExp(`${TAG}|${PLACEABLE}|${NUMBER}`, "gu");
const DIGIT = /\p{Nd}/u;

/** Digits of any script as 0 to 9, separators dropped: 1,000.5 and 1.000,5 and ١٬٠٠٠٫٥ are one number. */
function key(token: string): string {
  if (!DIGIT.test(token[0] ?? "")) return token;
  return Array.from(token)
    .filter((one) => DIGIT.test(one))
    .map(digit)
    .join("");
}

// Where the digits of a script begin: Latin, Arabic, Persian, N'Ko, the Indic ones, Thai, Lao, Tibetan, Myanmar, Khmer,
// Mongolian, full width.
const ZEROS = [
  0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0xed0, 0xf20, 0x1040,
  0x17e0, 0x1810, 0xff10,
];

function digit(one: string): string {
  const code = one.codePointAt(0) ?? 0;
  const zero = ZEROS.find((first) => code >= first && code < first + 10);
  return zero === undefined ? one : String(code - zero);
}

function tokens(text: string): string[] {
  return text.match(TOKEN) ?? [];
}

function counted(text: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const token of tokens(text)) found.set(key(token), (found.get(key(token)) ?? 0) + 1);
  return found;
}

/** The text in pieces; each number, tag and placeable says whether the other side has it as well. */
export function marked(text: string, other: string): Piece[] {
  const there = counted(other);
  const pieces: Piece[] = [];
  let at = 0;
  for (const found of text.matchAll(TOKEN)) {
    if (found.index > at) pieces.push({ text: text.slice(at, found.index), mark: "none" });
    const left = there.get(key(found[0])) ?? 0;
    there.set(key(found[0]), left - 1);
    pieces.push({ text: found[0], mark: left > 0 ? "same" : "missing" });
    at = found.index + found[0].length;
  }
  if (at < text.length) pieces.push({ text: text.slice(at), mark: "none" });
  return pieces;
}

export type Change = "kept" | "removed" | "added";

const WORDS = typeof Intl !== "undefined" && "Segmenter" in Intl ? new Intl.Segmenter(undefined, { granularity: "word" }) : null;

function words(text: string): string[] {
  return WORDS ? Array.from(WORDS.segment(text), (one) => one.segment) : (text.match(/\s+|\S+/gu) ?? []);
}

/** Words kept, removed and added from one text to another: longest common subsequence, for texts of a segment's length. */
export function changes(before: string, after: string): { text: string; change: Change }[] {
  const a = words(before);
  const b = words(after);
  if (a.length * b.length > 1_000_000) {
    return [
      { text: before, change: "removed" as const },
      { text: after, change: "added" as const },
    ].filter((one) => one.text);
  }
  const rest = lengths(a, b);
  const found: { text: string; change: Change }[] = [];
  const push = (text: string, change: Change): void => {
    const last = found.at(-1);
    if (last?.change === change) last.text += text;
    else found.push({ text, change });
  };
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      push(a[i] ?? "", "kept");
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && (rest[i + 1]?.[j] ?? 0) >= (rest[i]?.[j + 1] ?? 0))) {
      push(a[i] ?? "", "removed");
      i += 1;
    } else {
      push(b[j] ?? "", "added");
      j += 1;
    }
  }
  return found;
}

function lengths(a: string[], b: string[]): Uint32Array[] {
  const rest = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    const row = rest[i] as Uint32Array;
    const next = rest[i + 1] as Uint32Array;
    for (let j = b.length - 1; j >= 0; j -= 1) {
      row[j] = a[i] === b[j] ? (next[j + 1] ?? 0) + 1 : Math.max(next[j] ?? 0, row[j + 1] ?? 0);
    }
  }
  return rest;
}
