// What the plug-in's API sends: the dataclasses of tm_store, as JSON.

export type Right = "read" | "judge" | "release";
export interface Me {
  name: string;
  rights: Right[];
}

export interface Facet {
  store: string;
  src_lang: string;
  tgt_lang: string;
  tier: string;
  open: number;
  done: number;
}

export type QueueState = "open" | "mine" | "disputed" | "done";
export interface Filters {
  store?: string;
  src_lang?: string;
  tgt_lang?: string;
  tier?: string;
  score_bin?: number;
  origin?: string;
}

export interface Head {
  item_id: number;
  version: number;
  store: string;
  src_lang: string;
  tgt_lang: string;
  tier: string;
  score_bin: number;
  score: number;
  origin: string;
  src_text: string;
  tgt_text: string;
  state: string;
  wanted: number;
  verdicts: number;
  disputed: boolean;
  is_mine: boolean;
  claimed_by: string;
  batch_id: string;
  partition_date: string | null;
}

export interface Bead {
  position: number;
  src: string[];
  tgt: string[];
}

export interface Event {
  verdict_key: string;
  at: string;
  who: string;
  kind: string;
  correction: string;
  note: string;
  undone: boolean;
  settled: boolean;
  item_id: number | null;
  store: string;
  src_lang: string;
  tgt_lang: string;
  before: [string, string][];
  after: [string, string][];
}

export interface Item {
  head: Head;
  document: string;
  position: number;
  unit_key: string;
  confidence: number;
  own: Bead;
  before: Bead[];
  after: Bead[];
  can_move: boolean;
  src_glue: string;
  tgt_glue: string;
  current: [string, string][];
  events: Event[];
  twins: number;
}

export interface Progress {
  open: number;
  for_me: number;
  done: number;
  disputed: number;
  mine: number;
  mine_today: number;
  seconds: number;
}

export type Kind = "accept" | "wrong" | "partial" | "skip";
export interface Move {
  side: "src" | "tgt";
  edge: "before" | "after";
  count: number;
}
