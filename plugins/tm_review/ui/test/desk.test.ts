import assert from "node:assert/strict";
import { test } from "node:test";
import { moved, movedAll } from "../src/boundary.ts";
import { type Desk, START, count, desk, pending } from "../src/desk.ts";
import { changes, marked } from "../src/marks.ts";
import { parts } from "../src/router.ts";
import type { Item } from "../src/types.ts";

const item = (item_id: number, version = 0): Item => ({ head: { item_id, version } }) as Item;
const ids = (state: Desk): number[] => state.ahead.map((one) => one.head.item_id);
const taken = (...numbers: number[]): Desk => desk(START, { type: "taken", items: numbers.map((one) => item(one)), wanted: 8 });

test("a verdict goes on at once, and its confirmation changes nothing that is seen", () => {
  const state = desk(taken(1, 2, 3), { type: "judged", kind: "accept", correction: "" });
  assert.deepEqual(ids(state), [2, 3]);
  assert.deepEqual([count(state), pending(state)], [1, 1]);
  const after = desk(state, { type: "confirmed", item_id: 1, version: 1 });
  assert.deepEqual(ids(after), [2, 3]);
  assert.equal(after.judged[0]?.version, 1);
  assert.deepEqual([count(after), pending(after)], [1, 0]);
  assert.equal(count(desk(after, { type: "judged", kind: "skip", correction: "" })), 1);
});

test("a refused verdict brings its item back with the reason, or drops it", () => {
  const state = desk(taken(1, 2), { type: "judged", kind: "wrong", correction: "" });
  const back = desk(state, { type: "refused", item_id: 1, text: "stale", again: item(1, 4) });
  assert.deepEqual(ids(back), [1, 2]);
  assert.equal(back.ahead[0]?.head.version, 4);
  assert.equal(count(back), 0);
  assert.equal(back.notice?.text, "stale");
  assert.deepEqual(ids(desk(state, { type: "refused", item_id: 1, text: "gone", again: null })), [2]);
});

test("an undo puts the item first again", () => {
  const state = desk(taken(1, 2), { type: "judged", kind: "accept", correction: "" });
  const undone = desk(state, { type: "undone", item: item(1, 2) });
  assert.deepEqual(ids(undone), [1, 2]);
  assert.equal(undone.judged.length, 0);
});

test("an item that is known is not taken twice; fewer than wanted means the end", () => {
  const state = desk(taken(1, 2), { type: "judged", kind: "accept", correction: "" });
  const more = desk(state, { type: "taken", items: [item(1), item(2), item(3)], wanted: 3 });
  assert.deepEqual(ids(more), [2, 3]);
  assert.equal(more.empty, false);
  assert.equal(desk(more, { type: "taken", items: [], wanted: 4 }).empty, true);
});

const beads = {
  before: { position: 1, src: ["a"], tgt: ["A", "B"] },
  own: { position: 2, src: ["b"], tgt: ["C"] },
  after: { position: 3, src: ["c"], tgt: [] },
};

test("segments move over the edges in order, and nothing is lost", () => {
  const took = moved(beads, { side: "tgt", edge: "before", count: 1 });
  assert.deepEqual([took?.before?.tgt, took?.own.tgt], [["A"], ["B", "C"]]);
  const gave = movedAll(took!, [{ side: "tgt", edge: "after", count: -1 }]);
  assert.deepEqual([gave.own.tgt, gave.after?.tgt], [["B"], ["C"]]);
  assert.equal(moved(beads, { side: "tgt", edge: "after", count: 1 }), null);
  assert.equal(moved({ ...beads, before: null }, { side: "src", edge: "before", count: 1 }), null);
});

const missing = (text: string, other: string): string[] =>
  marked(text, other).filter((one) => one.mark === "missing").map((one) => one.text);

test("numbers are one number in every script and with every separator", () => {
  assert.deepEqual(missing("1,200 of 9:30", "١٬٢٠٠ ٩:٣٠"), []);
  assert.deepEqual(missing("3 times", "4 Mal"), ["3"]);
  assert.deepEqual(missing("2 and 2", "2"), ["2"]);
});

test("tags and placeables are marked, and the text stays whole", () => {
  const text = "Press <b>{key}</b> at %s, 5 < 6";
  assert.equal(marked(text, "").map((one) => one.text).join(""), text);
  assert.deepEqual(missing(text, "<b>{key}</b> %s 5 6"), []);
  assert.deepEqual(missing("<b>{key}</b>", "<b>{other}</b>"), ["{key}"]);
});

test("changes tell what was removed and added", () => {
  const found = changes("the red cat", "the blue cat");
  assert.equal(found.filter((one) => one.change !== "added").map((one) => one.text).join(""), "the red cat");
  assert.equal(found.filter((one) => one.change !== "removed").map((one) => one.text).join(""), "the blue cat");
});

test("an address that is no address is text", () => {
  assert.deepEqual(parts("#/queue/demo%2Fx/%zz"), ["queue", "demo/x", "%zz"]);
});
