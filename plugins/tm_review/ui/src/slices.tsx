import type { Me } from "./types.ts";
export function Slices({ me }: { me: Me }) {
  return <h1>{me.name}</h1>;
}
