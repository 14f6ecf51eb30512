import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";
import manifest from "./package.json" with { type: "json" };

/** Named after what it tells of, as everything under /assets/ may be kept for ever. */
const licences = `assets/licences-${Object.values(manifest.dependencies).join("-")}.txt`;

const server = "http://127.0.0.1:8000";

const WORKER = "sw.js";

/** Tells the service worker which files are the viewer's, once all of them are named. */
const shell: Plugin = {
  name: "shell",
  enforce: "post",
  generateBundle(_, bundle) {
    const worker = bundle[WORKER];
    const page = bundle["index.html"];
    if (worker?.type !== "chunk" || page?.type !== "asset") throw new Error("there is no shell");
    const files = Object.keys(bundle)
      .filter((name) => /^assets\/.*\.(?:js|css|svg)$/.test(name))
      .map((name) => `/${name}`)
      .sort();
    // The files' names change with their content.
    const whole = utf8ToBytes([String(page.source), ...files].join("\n"));
    const version = bytesToHex(sha256(whole)).slice(0, 16);
    worker.code = `const SHELL=${JSON.stringify({ version, files })};\n${worker.code}`;
  },
};

export default defineConfig({
  plugins: [shell],
  build: {
    outDir: "../api/viewer",
    emptyOutDir: true,
    // Small images stay files: a strict content security policy admits no data: addresses.
    assetsInlineLimit: 0,
    license: { fileName: licences },
    rolldownOptions: {
      input: { index: "index.html", sw: "src/shell/worker.ts" },
      output: {
        // A service worker speaks for the folder that it is in.
        entryFileNames: ({ name }) => (name === "sw" ? WORKER : "assets/[name]-[hash].js"),
      },
    },
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  define: { LICENCES: JSON.stringify(`/${licences}`) },
  server: {
    host: "127.0.0.1",
    proxy: Object.fromEntries(
      ["/api", "/uploads", "/deepzoom", "/images", "/healthz", "/enter"].map((path) => [
        path,
        server,
      ]),
    ),
  },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
