/** Which files belong together: a slide of many files is one thing to whoever brings it. */

export interface Thing {
  /** The file that stands for the others. */
  main: string;
  /** The others. */
  parts: string[];
}

const folderOf = (path: string) => path.slice(0, path.lastIndexOf("/") + 1);
const nameOf = (path: string) => path.slice(path.lastIndexOf("/") + 1);
const kindOf = (path: string) => /\.([^./]+)$/.exec(path)?.[1]?.toLowerCase() ?? "";
const withoutKind = (path: string) => path.replace(/\.[^./]+$/, "");

/** What the paths of a file's companions begin with, null for files that have none. */
function companions(path: string): string | null {
  switch (kindOf(path)) {
    case "mrxs":
      return `${withoutKind(path)}/`;
    case "vsi":
      return `${folderOf(path)}_${nameOf(withoutKind(path))}_/`;
    case "vms":
    case "vmu":
      return withoutKind(path);
    default:
      return null;
  }
}

/** The things that files make, in the order of their main files. */
export function things(paths: readonly string[]): Thing[] {
  const found = new Map<string, Thing>();
  const taken = new Set<string>();
  for (const main of paths) {
    const start = companions(main);
    if (start === null) continue;
    const parts = paths.filter((path) => path !== main && path.startsWith(start));
    for (const path of [main, ...parts]) taken.add(path);
    found.set(main, { main, parts });
  }
  addSeries(
    paths.filter((path) => !taken.has(path)),
    found,
  );
  return paths.flatMap((path) => found.get(path) ?? []);
}

/** The rest: one folder of DICOM instances is one slide, a file a level; others are by themselves. */
function addSeries(paths: readonly string[], found: Map<string, Thing>): void {
  const series = new Map<string, Thing>();
  for (const path of paths) {
    const folder = kindOf(path) === "dcm" ? folderOf(path) : "";
    const first = series.get(folder);
    if (first) {
      first.parts.push(path);
      continue;
    }
    const thing = { main: path, parts: [] };
    if (folder) series.set(folder, thing);
    found.set(path, thing);
  }
}

/** What a thing is called: its main file, or the folder of a series. */
export function thingName({ main, parts }: Thing): string {
  const folder = folderOf(main).slice(0, -1);
  return kindOf(main) === "dcm" && parts.length > 0 ? nameOf(folder) : nameOf(main);
}
