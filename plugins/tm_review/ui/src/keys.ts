// Single keys, for reviewers who never leave the keyboard. They can be switched off for those whose tools type letters.
import { useLayoutEffect } from "preact/hooks";

const STORED = "tm-review-keys";

export const keysOn = (): boolean => {
  try {
    return localStorage.getItem(STORED) !== "off";
  } catch {
    return true;
  }
};

export function switchKeys(on: boolean): void {
  try {
    localStorage.setItem(STORED, on ? "on" : "off");
  } catch {
    // private mode: the choice lasts as long as the page
  }
}

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);

/** Call what belongs to a pressed key ("a", "?", "shift+ArrowUp"); keys with Ctrl, Alt or Meta stay the browser's. */
export function useKeys(actions: Record<string, (() => void) | undefined>, active = true): void {
  // Before the page is painted, not after: a quick key must never meet the actions of what was shown before.
  useLayoutEffect(() => {
    if (!active) return undefined;
    const pressed = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || typing(event.target)) return;
      const letter = event.key.length === 1;
      if (letter && event.key !== "?" && !keysOn()) return;
      // Enter and space on a button press the button.
      if ((event.key === "Enter" || event.key === " ") && event.target instanceof HTMLElement && /^(BUTTON|A|SUMMARY)$/.test(event.target.tagName)) return;
      const name = (event.shiftKey && !letter ? "shift+" : "") + (letter ? event.key.toLowerCase() : event.key);
      const action = actions[name];
      if (!action) return;
      event.preventDefault();
      action();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  });
}
