/**
 * Reads every level of an OME-Zarr over HTTP with zarrita, as a program of others would.
 *
 *     node read_zarr.mjs ADDRESS FOLDER < TOKEN
 *
 * Writes each level's values, as they are, to a file in FOLDER and prints their types, shapes
 * and strides (zarrita keeps the values of a chunk in the order of its `transpose` codec).
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as zarr from "zarrita";

const [address, folder] = process.argv.slice(2);
const token = readFileSync(0, "utf8").trim();
const store = new zarr.FetchStore(address, {
  overrides: { headers: { Authorization: `Bearer ${token}` } },
});
const group = await zarr.open.v3(zarr.root(store), { kind: "group" });
const [image] = group.attrs.ome.multiscales;
const read = [];
for (const [number, { path }] of image.datasets.entries()) {
  const array = await zarr.open.v3(group.resolve(path), { kind: "array" });
  const { data, shape, stride } = await zarr.get(array);
  writeFileSync(
    join(folder, String(number)),
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  );
  read.push({ dtype: array.dtype, shape, stride });
}
process.stdout.write(JSON.stringify(read));
