import { defineConfig } from "vitest/config";
import manifest from "./package.json" with { type: "json" };

/** Named after what it tells of, as everything under /assets/ may be kept for ever. */
const licences = `assets/licences-${Object.values(manifest.dependencies).join("-")}.txt`;

const server = "http://127.0.0.1:8000";

export default defineConfig({
  build: {
    outDir: "../api/viewer",
    emptyOutDir: true,
    // Small images stay files: a strict content security policy admits no data: addresses.
    assetsInlineLimit: 0,
    license: { fileName: licences },
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
