// Pages by the address's fragment, so that a reload stays where it was: #/queue/demo/en/de.
import { useEffect, useState } from "preact/hooks";

export function parts(hash: string): string[] {
  return hash
    .replace(/^#\/?/, "")
    .split("/")
    .filter(Boolean)
    .map((one) => {
      try {
        return decodeURIComponent(one);
      } catch {
        return one;
      }
    });
}

export const link = (...names: string[]): string => `#/${names.map(encodeURIComponent).join("/")}`;

export function useRoute(): string[] {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const moved = (): void => setHash(location.hash);
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return parts(hash);
}

/** The address of a page of Airflow itself, from this plug-in's own: it may lie below a prefix. */
export function airflow(path: string): string {
  return new URL(`..${path}`, new URL(".", location.href)).pathname;
}

/** Follow a link of Airflow's UI in the page around the frame: the frame itself may not navigate it. */
export function follow(event: MouseEvent): void {
  if (window.parent === window || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const anchor = window.parent.document.createElement("a");
  anchor.href = (event.currentTarget as HTMLAnchorElement).href;
  anchor.click();
}
