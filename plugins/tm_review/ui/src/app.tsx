// The page: its tabs, who is there, and which part the address names.
import { Component, type ComponentChildren, render } from "preact";
import { useEffect } from "preact/hooks";
import { get } from "./api.ts";
import { Queue } from "./queue.tsx";
import { link, useRoute } from "./router.ts";
import { Search } from "./search.tsx";
import { Slices } from "./slices.tsx";
import { Statistics } from "./statistics.tsx";
import type { Me } from "./types.ts";
import { Notice, Show, useLoad } from "./ui.tsx";

const TABS: [string, string][] = [
  ["queue", "Queue"],
  ["statistics", "Statistics"],
  ["search", "Search"],
  ["slices", "Held and quarantined"],
];

function Page() {
  const [tab = "queue", ...route] = useRoute();
  const me = useLoad(() => get<Me>("me"), "");
  useEffect(() => {
    document.title = `${TABS.find(([name]) => name === tab)?.[1] ?? "TM review"} · TM review`;
  }, [tab]);
  return (
    <>
      <header>
        <nav class="tabs" aria-label="TM review">
          {TABS.map(([name, text]) => (
            <a key={name} href={link(name)} aria-current={name === tab ? "page" : undefined}>
              {text}
            </a>
          ))}
        </nav>
        {me.value && <span class="soft">{me.value.name}</span>}
      </header>
      <main>
        <Show of={me}>
          {(who) => (
            <Caught key={tab}>
              {tab === "queue" ? (
                <Queue route={route} me={who} />
              ) : tab === "statistics" ? (
                <Statistics />
              ) : tab === "search" ? (
                <Search route={route} />
              ) : tab === "slices" ? (
                <Slices me={who} />
              ) : (
                <Notice tone="plain">
                  There is no such page. <a href={link("queue")}>To the queue</a>
                </Notice>
              )}
            </Caught>
          )}
        </Show>
      </main>
    </>
  );
}

/** A fault of one page leaves the tabs, and says what to do. */
class Caught extends Component<{ children: ComponentChildren }, { error: string }> {
  override state = { error: "" };
  static override getDerivedStateFromError(error: unknown): { error: string } {
    return { error: String(error) };
  }
  override render() {
    if (!this.state.error) return this.props.children;
    return (
      <Notice tone="bad">
        This page has a fault: {this.state.error}. Reload it; verdicts that were confirmed are safe.
      </Notice>
    );
  }
}

const root = document.getElementById("page");
if (root) {
  root.textContent = "";
  render(<Page />, root);
}
