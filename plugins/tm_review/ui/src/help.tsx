import { useEffect, useRef, useState } from "preact/hooks";
import { keysOn, switchKeys } from "./keys.ts";

const KEYS: [string, string][] = [
  ["A", "accept: the two sides are translations of each other"],
  ["W", "wrong: they are not; the unit leaves the memory"],
  ["P", "partial: they share content, but one side says more; leaves the memory too"],
  ["B", "fix the boundary: move segments to or from the neighbours"],
  ["E", "edit the target; Ctrl Enter saves, Esc cancels"],
  ["N", "a note that goes with the next verdict"],
  ["S", "skip: leave it for somebody else"],
  ["U", "undo the last verdict, again and again"],
  ["?", "this list"],
];
const BOUNDARY: [string, string][] = [
  ["← →", "source or target"],
  ["↑ ↓", "move the upper boundary"],
  ["⇧↑ ⇧↓", "move the lower boundary"],
  ["⌫", "take the last move back"],
  ["Enter / Esc", "save / cancel"],
];

function List({ keys }: { keys: [string, string][] }) {
  return (
    <dl class="keys">
      {keys.map(([key, what]) => (
        <div key={key}>
          <dt>
            <kbd>{key}</kbd>
          </dt>
          <dd>{what}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Help({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [on, setOn] = useState(keysOn());
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} aria-labelledby="keys-title" onClose={onClose} onKeyDown={(event) => event.key === "?" && dialog.current?.close()}>
      <h2 id="keys-title">Keys</h2>
      <List keys={KEYS} />
      <h3>While fixing a boundary</h3>
      <List keys={BOUNDARY} />
      <label class="check">
        <input
          type="checkbox"
          checked={on}
          onChange={(event) => {
            setOn(event.currentTarget.checked);
            switchKeys(event.currentTarget.checked);
          }}
        />
        Single letters are keys (switch off if your tools type letters for you)
      </label>
      <p class="buttons">
        <button class="main" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </p>
    </dialog>
  );
}
