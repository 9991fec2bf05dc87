// Bundles the page into ../static, which is committed; the same sources and lock file give the same bytes.
// --test: bundles the tests instead, for node's own test runner.
import { build } from "esbuild";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const shared = { absWorkingDir: here, bundle: true, charset: "utf8", logLevel: "warning", legalComments: "none" };

if (process.argv.includes("--test")) {
  const tests = readdirSync(join(here, "test")).filter((name) => name.endsWith(".test.ts"));
  await build({
    ...shared,
    entryPoints: tests.map((name) => `test/${name}`),
    outdir: "test/built",
    outExtension: { ".js": ".mjs" },
    format: "esm",
    platform: "node",
  });
} else {
  await build({
    ...shared,
    entryPoints: ["src/app.tsx", "src/theme.ts", "src/app.css"],
    outdir: "../static",
    format: "iife",
    minify: true,
    target: ["es2022"],
    jsx: "automatic",
    jsxImportSource: "preact",
  });
}
