// A bead between its neighbours: two columns, one line a segment.
import { changes } from "./marks.ts";
import type { Bead, Item } from "./types.ts";
import { Text } from "./ui.tsx";

interface Langs {
  src: string;
  tgt: string;
}
export const langs = (item: Item): Langs => ({ src: item.head.src_lang, tgt: item.head.tgt_lang });

interface Around {
  beads: Bead[];
  langs: Langs;
  label: "Before" | "After";
  /** False while a neighbour is shown apart from the others. */
  whole?: boolean;
}

export function Neighbours({ beads, langs, label, whole = true }: Around) {
  return (
    <div class="neighbours" role="group" aria-label={label}>
      {whole && !beads.length && <p class="ends">{label === "Before" ? "The document begins here." : "The document ends here."}</p>}
      {beads.map((bead) =>
        bead.src.length || bead.tgt.length ? (
          <div class="row" key={bead.position}>
            <Segments segments={bead.src} lang={langs.src} />
            <Segments segments={bead.tgt} lang={langs.tgt} />
          </div>
        ) : (
          <p class="ends" key={bead.position}>
            A person had this erased.
          </p>
        ),
      )}
    </div>
  );
}

export function Segments({ segments, lang, other }: { segments: string[]; lang: string; other?: string | undefined }) {
  return (
    <div class="side">
      {segments.length ? (
        segments.map((segment, index) => (
          <p key={index} class="segment">
            <Text lang={lang} text={segment} other={other} />
          </p>
        ))
      ) : (
        <p class="segment none">no counterpart</p>
      )}
    </div>
  );
}

export function Own({ item, bead }: { item: Item; bead: Bead }) {
  const { src, tgt } = langs(item);
  return (
    <div class="row own">
      <Segments segments={bead.src} lang={src} other={bead.tgt.join(" ")} />
      <Segments segments={bead.tgt} lang={tgt} other={bead.src.join(" ")} />
    </div>
  );
}

/** What a correction changed, word by word. */
export function Changed({ before, after, lang }: { before: string; after: string; lang: string }) {
  return (
    <span lang={lang} dir="auto" class="text">
      {changes(before, after).map((one, index) =>
        one.change === "removed" ? (
          <del key={index}>{one.text}</del>
        ) : one.change === "added" ? (
          <ins key={index}>{one.text}</ins>
        ) : (
          one.text
        ),
      )}
    </span>
  );
}
