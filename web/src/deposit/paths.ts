/** Files with their place in the folder they came in, as dropped on the page or chosen. */

export interface Brought {
  /** With slashes, from the folder that was dropped down: "case 3/slide.mrxs". */
  path: string;
  file: File;
}

/** What file managers leave in every folder. */
const LITTER = /^(\..*|~\$.*|thumbs\.db|desktop\.ini)$/i;

export function isLitter(path: string): boolean {
  return path.split("/").some((name) => LITTER.test(name));
}

/** As people order them: 2 before 10. */
export function inOrder(files: Brought[]): Brought[] {
  const { compare } = new Intl.Collator(undefined, { numeric: true });
  return [...files].sort((one, other) => compare(one.path, other.path));
}

/** Files from an input; those of a chosen folder know their path in it. */
export function fromChoice(files: Iterable<File>): Brought[] {
  return [...files]
    .map((file) => ({ path: file.webkitRelativePath || file.name, file }))
    .filter(({ path }) => !isLitter(path));
}

/** All files of a drop, folders walked to the end. Call it within the event: later it is empty. */
export async function fromDrop(transfer: DataTransfer): Promise<Brought[]> {
  const files = [...transfer.items].filter(({ kind }) => kind === "file");
  const dropped = files.map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
  const found = await Promise.all(
    dropped.map((one) => (one instanceof File ? fromChoice([one]) : one ? walk(one) : [])),
  );
  return found.flat();
}

async function walk(entry: FileSystemEntry): Promise<Brought[]> {
  if (isLitter(entry.name)) return [];
  if (!entry.isDirectory) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    return [{ path: entry.fullPath.replace(/^\//, ""), file }];
  }
  const found: Brought[] = [];
  for (const inner of await entriesOf(entry as FileSystemDirectoryEntry))
    found.push(...(await walk(inner)));
  return found;
}

async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  // A reader gives some entries at a time, and none when it has given all.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (some.length === 0) return all;
    all.push(...some);
  }
}
